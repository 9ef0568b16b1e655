//! What handlers reach: entities, memory, timers, and the delivery of a cascade's messages.

use std::any::TypeId;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;
use sycee_contract::{Rejection, Timestamp};

use crate::cache::{AnyTable, Source, Table};
use crate::cascade::{Cascade, Delivery, HopOutcome, Queued};
use crate::payload::Answer;
use crate::resident::AnyResident;
use crate::seal::KeyRing;
use crate::storage::Reader;
use crate::system::MarketState;
use crate::{Configs, Entity, Fault, Find, Halt, Market, Registry, Resident, Work};

/// Longest a cascade may run before it is taken for a loop.
const CASCADE_SECONDS_MAX: u64 = 20;

/// What handlers reach through [`Work`].
pub(crate) struct Core {
    pub registry: Arc<Registry>,
    pub configs: Configs,
    pub market: Market,
    pub keys: Arc<KeyRing>,
    pub state: MarketState,
    pub fault: Option<Fault>,
    pub tables: Vec<Box<dyn AnyTable>>,
    pub by_type: FxHashMap<TypeId, usize>,
    pub residents: Vec<Box<dyn AnyResident>>,
    pub resident_by_type: FxHashMap<TypeId, usize>,
    pub journal: Vec<usize>,
    pub reader: Box<dyn Reader>,
    pub timers: BinaryHeap<Reverse<(Timestamp, String)>>,
    /// How deep the questions stand that are being answered.
    pub asking: u32,
    /// Whether a scout runs: nothing of what it does stays.
    pub scouting: bool,
    /// Whether the scout missed something in memory.
    pub missed: bool,
    /// Queries to the database that handlers waited for.
    pub queries: u64,
}

pub(crate) struct Mark {
    pub journal: usize,
    pub residents: Vec<usize>,
    queue: usize,
    hops: usize,
    effects: usize,
    withdrawn: usize,
    sticky: usize,
}

impl Core {
    pub(crate) fn next_id(&mut self) -> i64 {
        self.state.last_id += 1;
        self.state.last_id
    }

    fn table<E: Entity>(&mut self) -> Result<(usize, &mut Table<E>), Fault> {
        let at = *self
            .by_type
            .get(&TypeId::of::<E>())
            .ok_or_else(|| Fault::bug(format!("{} is not registered by {}", E::NAME, E::OWNER)))?;
        let table = self.tables[at].as_any().downcast_mut::<Table<E>>();
        Ok((at, table.ok_or_else(|| Fault::bug("a table has another type"))?))
    }

    pub(crate) fn get<E: Entity>(&mut self, key: &E::Key) -> Result<Option<Arc<E>>, Fault> {
        let at = self.table::<E>()?.0;
        let Some(table) = self.tables[at].as_any().downcast_mut::<Table<E>>() else { return Ok(None) };
        let Self { reader, keys, scouting, missed, queries, .. } = self;
        table.get(key, Source { reader: &mut **reader, keys, scouting: *scouting, missed, queries })
    }

    pub(crate) fn find<E: Entity>(&mut self, by: &Find<E>) -> Result<Vec<Arc<E>>, Fault> {
        let at = self.table::<E>()?.0;
        let Some(table) = self.tables[at].as_any().downcast_mut::<Table<E>>() else { return Ok(Vec::new()) };
        let Self { reader, keys, scouting, missed, queries, .. } = self;
        table.find(by, Source { reader: &mut **reader, keys, scouting: *scouting, missed, queries })
    }

    pub(crate) fn put<E: Entity>(&mut self, key: E::Key, value: Option<Arc<E>>) {
        match self.table::<E>() {
            Ok((at, table)) => {
                table.put(key, value);
                self.journal.push(at);
            }
            Err(fault) => {
                self.fault.get_or_insert(fault);
            }
        }
    }

    pub(crate) fn resident<R: Resident>(&mut self) -> Result<&mut R, Fault> {
        let missing = || Fault::bug(format!("memory of {} is not registered", R::OWNER));
        let at = *self.resident_by_type.get(&TypeId::of::<R>()).ok_or_else(missing)?;
        self.residents[at].as_any().downcast_mut::<R>().ok_or_else(missing)
    }

    pub(crate) fn timer_set(&mut self, due: Timestamp, id: &str) {
        if !self.scouting {
            self.timers.push(Reverse((due, id.to_owned())));
        }
    }

    /// A fault that a method without a result ran into.
    pub(crate) fn take_fault(&mut self) -> Result<(), Fault> {
        self.fault.take().map_or(Ok(()), Err)
    }

    pub(crate) fn mark(&self, cascade: &Cascade) -> Mark {
        Mark {
            journal: self.journal.len(),
            residents: self.residents.iter().map(|resident| resident.savepoint()).collect(),
            queue: cascade.queue.len(),
            hops: cascade.hops.len(),
            effects: cascade.effects.len(),
            withdrawn: cascade.withdrawn.len(),
            sticky: cascade.sticky.len(),
        }
    }

    pub(crate) fn rollback(&mut self, cascade: &mut Cascade, mark: &Mark) {
        while self.journal.len() > mark.journal {
            if let Some(at) = self.journal.pop() {
                self.tables[at].undo_one();
            }
        }
        for (resident, to) in self.residents.iter_mut().zip(&mark.residents) {
            resident.rollback(*to);
        }
        cascade.queue.truncate(mark.queue);
        cascade.hops.truncate(mark.hops);
        cascade.effects.truncate(mark.effects);
        cascade.withdrawn.truncate(mark.withdrawn);
        // Only what this rollback took away: what was kept before the mark still stands, perhaps changed since.
        let sticky = std::mem::take(&mut cascade.sticky);
        for again in sticky.iter().skip(mark.sticky) {
            again(self);
        }
        cascade.sticky = sticky;
    }

    fn run<R>(
        &mut self,
        cascade: &mut Cascade,
        service: &'static str,
        hop: u32,
        body: impl FnOnce(&mut Work<'_>) -> Result<R, Halt>,
    ) -> Result<R, Halt> {
        let mark = self.mark(cascade);
        let mut work = Work { core: self, cascade, service, hop, asked: false };
        let result = body(&mut work);
        let result = match self.take_fault() {
            Ok(()) => result,
            Err(fault) => Err(Halt::Fault(fault)),
        };
        if result.is_err() {
            self.rollback(cascade, &mark);
        }
        result
    }

    /// Delivers everything queued, first in, first out.
    pub(crate) fn drain(&mut self, cascade: &mut Cascade) -> Result<Option<Answer>, Halt> {
        let registry = Arc::clone(&self.registry);
        let mut root_answer = None;
        let started = Instant::now();
        while let Some(Queued { hop, delivery }) = cascade.queue.pop_front() {
            if hop % 256 == 255 && started.elapsed() > Duration::from_secs(CASCADE_SECONDS_MAX) {
                return Err(Fault::bug(format!("a cascade ran longer than {CASCADE_SECONDS_MAX} s")).into());
            }
            if let Delivery::Refusal(rejection) = delivery {
                self.tell_refusal(cascade, hop, &rejection)?;
                continue;
            }
            let this = &cascade.hops[hop as usize];
            let (vt, payload, from) = (this.vt, Arc::clone(&this.payload), this.from);
            let type_id = (vt.type_id)();
            if vt.kind == sycee_contract::Kind::Event {
                for subscriber in registry.subscribers.get(&type_id).into_iter().flatten() {
                    self.run(cascade, subscriber.service, hop, |work| (subscriber.run)(work, &*payload))?;
                }
                continue;
            }
            let Some(handler) = registry.handlers.get(&type_id) else {
                if registry.lenient {
                    continue;
                }
                return Err(Fault::bug(format!("nobody answers {}", vt.id)).into());
            };
            match self.run(cascade, handler.service, hop, |work| (handler.run)(work, &*payload)) {
                Ok(answer) => {
                    if hop == 0 {
                        root_answer = Some(answer);
                    }
                }
                Err(Halt::Refused(rejection)) if hop > 0 && registry.refusals.contains_key(&(from, type_id)) => {
                    cascade.hops[hop as usize].outcome = HopOutcome::Refused(rejection.code.clone());
                    cascade.queue.push_back(Queued { hop, delivery: Delivery::Refusal(rejection) });
                }
                Err(halt) => return Err(halt),
            }
        }
        Ok(root_answer)
    }

    /// Tells the sender of `hop` that it was refused.
    ///
    /// A sender that refuses in turn passes the refusal on: what its refusal handler did is undone, and who sent the
    /// command that it was doing hears of the refusal, if it listens for one. So it goes up, a hop refused once, until a
    /// sender decides; when nobody does, the stimulus is refused.
    fn tell_refusal(&mut self, cascade: &mut Cascade, hop: u32, rejection: &Rejection) -> Result<(), Halt> {
        let registry = Arc::clone(&self.registry);
        let this = &cascade.hops[hop as usize];
        let (payload, from, cause) = (Arc::clone(&this.payload), this.from, this.cause);
        let Some(told) = registry.refusals.get(&(from, (this.vt.type_id)())) else { return Ok(()) };
        let passed_on = match self.run(cascade, from, hop, |work| told(work, &*payload, rejection)) {
            Err(Halt::Refused(rejection)) => rejection,
            decided => return decided,
        };
        let listens = |cause: &u32| {
            let above = &cascade.hops[*cause as usize];
            *cause > 0
                && above.outcome == HopOutcome::Delivered
                && registry.refusals.contains_key(&(above.from, (above.vt.type_id)()))
        };
        let Some(cause) = cause.filter(listens) else { return Err(Halt::Refused(passed_on)) };
        cascade.hops[cause as usize].outcome = HopOutcome::Refused(passed_on.code.clone());
        cascade.queue.push_back(Queued { hop: cause, delivery: Delivery::Refusal(passed_on) });
        Ok(())
    }

    pub(crate) fn forget_undo(&mut self) {
        for at in self.journal.drain(..) {
            self.tables[at].forget_undo();
        }
    }
}
