//! The market writer: runs cascades in memory, seals batches, recovers.

use std::any::TypeId;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;
use sycee_contract::{Command, Date, Effect, Event, Message, Nature, OpenWorkOrder, Rejection, Timestamp};

use crate::cache::{AnyTable, Table};
use crate::cascade::{Cascade, Delivery, Executed, Hop, HopOutcome, Queued};
use crate::commit::{Flusher, Job};
use crate::idempotency::{Asked, KEPT_DAYS, RecentKeys};
use crate::log::{LogRecord, Names, StoredAnswer};
use crate::payload::{Answer, Payload, Vt, from_bytes, vt_of};
use crate::resident::AnyResident;
use crate::seal::{KeyRing, Plain, Secrets};
use crate::storage::{ColumnKind, DatabaseUrl, Reader, Value, collect, open_store};
use crate::system::{
    EffectState, MarketState, ParkedStimulus, RUNTIME, RuntimeEffect, RuntimeTimer, log_name,
};
use crate::{Configs, Entity, Fault, FaultKind, Find, Halt, Market, Registry, Resident, Work};

/// Longest a cascade may run before it is taken for a loop.
const CASCADE_SECONDS_MAX: u64 = 20;
/// Entities held in memory, over all types, before those that were not used lately leave.
const ENTITIES_MAX: usize = 600_000;

/// How to open a market.
pub struct MarketOptions {
    /// Where it is kept.
    pub url: DatabaseUrl,
    /// Who it is.
    pub market: Market,
    /// Each domain's configuration.
    pub configs: Configs,
    /// The market's secrets.
    pub secrets: Secrets,
    /// Business date of a market that is new.
    pub first_day: Date,
}

/// Something that happens to a market: a request, a fact, an event from outside.
#[derive(Clone)]
pub struct Stimulus {
    pub(crate) actor: Arc<str>,
    pub(crate) source: &'static str,
    pub(crate) key: Option<Arc<str>>,
    pub(crate) trace: Option<i64>,
    pub(crate) vt: &'static Vt,
    pub(crate) payload: Payload,
    pub(crate) fact: bool,
    pub(crate) timer: Option<String>,
    pub(crate) effect_done: Option<i64>,
}

impl Stimulus {
    /// A command from `actor`, such as `customer:cus-12` or `staff:ama`.
    pub fn command<C: Command>(actor: &str, command: C) -> Self {
        Self::of::<C>(actor, command, C::NATURE == Nature::Fact)
    }

    /// An event that happened outside.
    pub fn event<E: Event>(actor: &str, event: E) -> Self {
        Self::of::<E>(actor, event, true)
    }

    fn of<M: Message>(actor: &str, message: M, fact: bool) -> Self {
        Self {
            actor: Arc::from(actor),
            source: "actor",
            key: None,
            trace: None,
            vt: vt_of::<M>(),
            payload: Arc::new(message),
            fact,
            timer: None,
            effect_done: None,
        }
    }

    /// The service through which it comes, such as `bff-system`.
    #[must_use]
    pub fn through(mut self, service: &'static str) -> Self {
        self.source = service;
        self
    }

    /// The actor's idempotency key.
    #[must_use]
    pub fn key(mut self, key: &str) -> Self {
        self.key = Some(Arc::from(key));
        self
    }

    /// The trace it continues.
    #[must_use]
    pub const fn trace(mut self, trace: i64) -> Self {
        self.trace = Some(trace);
        self
    }
}

/// An effect to execute.
#[derive(Clone)]
pub struct EffectEnvelope {
    /// The effect's number.
    pub id: i64,
    /// Kind.
    pub kind: &'static str,
    /// The trace its answer continues.
    pub trace: i64,
    /// How often it was tried.
    pub attempts: u32,
    payload: Payload,
}

impl EffectEnvelope {
    /// The effect, if it is an `F`.
    pub fn get<F: Effect>(&self) -> Option<&F> {
        self.payload.downcast_ref::<F>()
    }
}

/// What a writer has done since it opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunStats {
    /// Cascades run.
    pub cascades: u64,
    /// Messages logged.
    pub messages: u64,
    /// Batches committed.
    pub batches: u64,
    /// Entities in memory.
    pub entities: u64,
}

/// What handlers reach through [`Work`].
pub(crate) struct Core {
    pub registry: Arc<Registry>,
    pub configs: Configs,
    pub market: Market,
    pub keys: Arc<KeyRing>,
    pub state: MarketState,
    pub fault: Option<Fault>,
    tables: Vec<Box<dyn AnyTable>>,
    by_type: FxHashMap<TypeId, usize>,
    residents: Vec<Box<dyn AnyResident>>,
    resident_by_type: FxHashMap<TypeId, usize>,
    journal: Vec<usize>,
    reader: Box<dyn Reader>,
    timers: BinaryHeap<Reverse<(Timestamp, String)>>,
}

struct Mark {
    journal: usize,
    residents: Vec<usize>,
    queue: usize,
    hops: usize,
    effects: usize,
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
        table.get(key, &mut *self.reader, &self.keys)
    }

    pub(crate) fn find<E: Entity>(&mut self, by: &Find<E>) -> Result<Vec<Arc<E>>, Fault> {
        let at = self.table::<E>()?.0;
        let Some(table) = self.tables[at].as_any().downcast_mut::<Table<E>>() else { return Ok(Vec::new()) };
        table.find(by, &mut *self.reader, &self.keys)
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
        self.timers.push(Reverse((due, id.to_owned())));
    }

    /// A fault that a method without a result ran into.
    pub(crate) fn take_fault(&mut self) -> Result<(), Fault> {
        self.fault.take().map_or(Ok(()), Err)
    }

    fn mark(&self, cascade: &Cascade) -> Mark {
        Mark {
            journal: self.journal.len(),
            residents: self.residents.iter().map(|resident| resident.savepoint()).collect(),
            queue: cascade.queue.len(),
            hops: cascade.hops.len(),
            effects: cascade.effects.len(),
            sticky: cascade.sticky.len(),
        }
    }

    fn rollback(&mut self, cascade: &mut Cascade, mark: &Mark) {
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
    fn drain(&mut self, cascade: &mut Cascade) -> Result<Option<Answer>, Halt> {
        let registry = Arc::clone(&self.registry);
        let mut root_answer = None;
        let started = Instant::now();
        while let Some(Queued { hop, delivery }) = cascade.queue.pop_front() {
            if hop % 256 == 255 && started.elapsed() > Duration::from_secs(CASCADE_SECONDS_MAX) {
                return Err(Fault::bug(format!("a cascade ran longer than {CASCADE_SECONDS_MAX} s")).into());
            }
            let this = &cascade.hops[hop as usize];
            let (vt, payload, from) = (this.vt, Arc::clone(&this.payload), this.from);
            let type_id = (vt.type_id)();
            if let Delivery::Refusal(rejection) = delivery {
                if let Some(told) = registry.refusals.get(&(from, type_id)) {
                    self.run(cascade, from, hop, |work| told(work, &*payload, &rejection))?;
                }
                continue;
            }
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

    fn forget_undo(&mut self) {
        for at in self.journal.drain(..) {
            self.tables[at].forget_undo();
        }
    }
}

struct InFlight {
    batch: i64,
    done: Vec<(u64, Executed)>,
    effects: Vec<EffectEnvelope>,
    stimuli: Vec<(u64, Stimulus, Timestamp)>,
}

/// One market's writer.
///
/// Invariant: at most one batch is being written; what it wrote stays in memory until it is durable.
pub struct MarketWriter {
    core: Core,
    flusher: Flusher,
    options: MarketOptions,
    recent: RecentKeys,
    unflushed: FxHashMap<i64, Arc<StoredAnswer>>,
    batch: i64,
    durable: i64,
    log: Vec<LogRecord>,
    done: Vec<(u64, Executed)>,
    effects: Vec<EffectEnvelope>,
    stimuli: Vec<(u64, Stimulus, Timestamp)>,
    in_flight: Option<InFlight>,
    ready_effects: VecDeque<EffectEnvelope>,
    completed: VecDeque<(u64, Result<Executed, Fault>)>,
    tickets: u64,
    stats: RunStats,
    recovering: bool,
}

impl MarketWriter {
    /// Opens the market that `options` name; creates it when it is new.
    ///
    /// Errors: `Outage` when the database does not answer, `Corrupt` when it holds what it must not.
    pub fn open(registry: Arc<Registry>, options: MarketOptions) -> Result<Self, Fault> {
        let opened = open_parts(&registry, &options)?;
        Ok(Self {
            batch: opened.batch + 1,
            durable: opened.batch,
            core: opened.core,
            flusher: opened.flusher,
            recent: opened.recent,
            ready_effects: opened.effects,
            options,
            unflushed: FxHashMap::default(),
            log: Vec::new(),
            done: Vec::new(),
            effects: Vec::new(),
            stimuli: Vec::new(),
            in_flight: None,
            completed: VecDeque::new(),
            tickets: 0,
            stats: RunStats::default(),
            recovering: false,
        })
    }

    /// Moves the business clock on; it never goes back.
    pub fn set_now(&mut self, now: Timestamp) {
        self.core.state.now = self.core.state.now.max(now);
    }

    /// The business clock.
    pub fn now(&self) -> Timestamp {
        self.core.state.now
    }

    /// The business date.
    pub fn today(&self) -> Date {
        self.core.state.today
    }

    /// Who the market is.
    pub fn market(&self) -> &Market {
        &self.core.market
    }

    /// The registry it runs.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.core.registry
    }

    /// Counters since it opened.
    pub fn stats(&self) -> RunStats {
        RunStats { entities: self.core.tables.iter().map(|table| table.len() as u64).sum(), ..self.stats }
    }

    /// Runs one stimulus in memory. The outcome is provisional until the batch is durable.
    ///
    /// Errors: a Fault for a bug or an outage; nothing of the stimulus stays.
    pub fn execute(&mut self, stimulus: Stimulus) -> Result<Executed, Fault> {
        self.submit(stimulus).1
    }

    /// As [`Self::execute`], with the ticket under which the durable outcome appears in [`Self::take_completed`].
    pub fn submit(&mut self, stimulus: Stimulus) -> (u64, Result<Executed, Fault>) {
        self.tickets += 1;
        let ticket = self.tickets;
        let result = self.execute_ticket(ticket, stimulus);
        (ticket, result)
    }

    fn execute_ticket(&mut self, ticket: u64, stimulus: Stimulus) -> Result<Executed, Fault> {
        let asked = stimulus.key.as_ref().map(|key| {
            let body = sycee_contract::with_sealer(Arc::new(Plain), || (stimulus.vt.encode)(&*stimulus.payload));
            Asked::new(&stimulus.actor, stimulus.vt.id, key, &body)
        });
        if let Some(asked) = asked
            && let Some(replay) = self.replay(asked, &stimulus)?
        {
            self.done.push((ticket, replay.clone()));
            return Ok(replay);
        }
        self.core.state.last_cascade += 1;
        let id = self.core.state.last_cascade;
        let mut cascade = Cascade {
            id,
            trace: stimulus.trace.unwrap_or(id),
            actor: Arc::clone(&stimulus.actor),
            subject: None,
            queue: VecDeque::with_capacity(16),
            hops: Vec::with_capacity(32),
            effects: Vec::new(),
            sticky: Vec::new(),
        };
        let before = self.core.mark(&cascade);
        if let Some(timer) = &stimulus.timer {
            self.core.put::<RuntimeTimer>(timer.clone(), None);
        }
        if let Some(effect) = stimulus.effect_done {
            self.finish_effect(effect)?;
        }
        cascade.hops.push(self.root_hop(&stimulus)?);
        cascade.queue.push_back(Queued { hop: 0, delivery: Delivery::Message });
        let result = self.core.drain(&mut cascade);
        let outcome = match result {
            Ok(answer) => Ok(answer),
            Err(Halt::Refused(rejection)) => {
                cascade.hops.truncate(1);
                let root = cascade.hops.pop();
                self.core.rollback(&mut cascade, &before);
                cascade.hops.extend(root);
                Err(rejection)
            }
            Err(Halt::Fault(fault)) => {
                cascade.sticky.clear();
                self.core.rollback(&mut cascade, &before);
                self.core.forget_undo();
                if stimulus.fact && fault.kind == FaultKind::Bug {
                    self.park(&stimulus, id, &fault.to_string())?;
                }
                return Err(fault);
            }
        };
        self.core.forget_undo();
        if let Err(rejection) = &outcome
            && stimulus.fact
        {
            self.park(&stimulus, id, &rejection.to_string())?;
        }
        Ok(self.record(ticket, stimulus, asked, cascade, outcome))
    }

    fn root_hop(&self, stimulus: &Stimulus) -> Result<Hop, Fault> {
        let type_id = (stimulus.vt.type_id)();
        let registry = &self.core.registry;
        let to: Vec<&'static str> = match stimulus.vt.kind {
            sycee_contract::Kind::Command => registry.handlers.get(&type_id).map(|it| it.service).into_iter().collect(),
            sycee_contract::Kind::Event => {
                registry.subscribers.get(&type_id).into_iter().flatten().map(|it| it.service).collect()
            }
        };
        if to.is_empty() && !registry.lenient {
            return Err(Fault::bug(format!("nobody receives {}", stimulus.vt.id)));
        }
        Ok(Hop {
            vt: stimulus.vt,
            payload: Arc::clone(&stimulus.payload),
            from: stimulus.source,
            to,
            cause: None,
            outcome: HopOutcome::Delivered,
        })
    }

    fn record(
        &mut self,
        ticket: u64,
        stimulus: Stimulus,
        asked: Option<Asked>,
        cascade: Cascade,
        outcome: Result<Option<Answer>, Rejection>,
    ) -> Executed {
        let hops = Arc::new(cascade.hops);
        self.stats.cascades += 1;
        self.stats.messages += hops.len() as u64;
        let at = self.core.state.now;
        if let Some(asked) = asked {
            self.recent.insert(asked, cascade.id, at);
            let stored = match &outcome {
                Ok(answer) => StoredAnswer::Done(answer.as_ref().map(Answer::bytes).unwrap_or_default()),
                Err(rejection) => StoredAnswer::Refused(rejection.clone()),
            };
            self.unflushed.insert(cascade.id, Arc::new(stored));
        }
        for (id, kind, payload) in cascade.effects {
            self.effects.push(EffectEnvelope { id, kind, trace: cascade.trace, attempts: 0, payload });
        }
        self.log.push(LogRecord {
            id: cascade.id,
            at,
            business_date: self.core.state.today,
            trace: cascade.trace,
            actor: cascade.actor,
            stimulus: stimulus.vt.id,
            subject: cascade.subject,
            asked,
            outcome: outcome.clone(),
            hops: Arc::clone(&hops),
        });
        let executed = Executed { outcome, replayed: false, cascade: cascade.id, trace: cascade.trace, hops };
        self.done.push((ticket, executed.clone()));
        self.stimuli.push((ticket, stimulus, at));
        executed
    }

    /// The stored answer of a request that was answered before.
    fn replay(&mut self, asked: Asked, stimulus: &Stimulus) -> Result<Option<Executed>, Fault> {
        let Some(answered) = self.recent.get(asked.fingerprint) else { return Ok(None) };
        let outcome = if answered.body == asked.body {
            let stored = match self.unflushed.get(&answered.cascade) {
                Some(stored) => Arc::clone(stored),
                None => Arc::new(self.stored_answer(answered.cascade)?),
            };
            match &*stored {
                StoredAnswer::Refused(rejection) => Err(rejection.clone()),
                StoredAnswer::Done(bytes) => match self.core.registry.handlers.get(&(stimulus.vt.type_id)()) {
                    Some(handler) => Ok(Some((handler.decode_answer)(bytes)?)),
                    None => Ok(None),
                },
            }
        } else {
            Err(Rejection::new(
                "IDEMPOTENCY_CONFLICT",
                "this idempotency key was used with another body: repeat the first body, or use a new key",
            )
            .with("operation", stimulus.vt.id))
        };
        let replayed = answered.body == asked.body;
        let (cascade, trace) = (answered.cascade, answered.cascade);
        Ok(Some(Executed { outcome, replayed, cascade, trace, hops: Arc::new(Vec::new()) }))
    }

    fn stored_answer(&mut self, cascade: i64) -> Result<StoredAnswer, Fault> {
        let sql = "SELECT answer FROM message_log WHERE id = $1";
        let rows = collect(&mut *self.core.reader, sql, &[Value::Int(cascade)], &[ColumnKind::Bytes])?;
        let bytes = rows.first().and_then(|row| row[0].as_bytes());
        let bytes = bytes.ok_or_else(|| Fault::corrupt(format!("the answer of cascade {cascade} is missing")))?;
        self.core.keys.opening(|| from_bytes(bytes))
    }

    /// Keeps a fact that could not be applied, with a work order for people.
    fn park(&mut self, stimulus: &Stimulus, id: i64, error: &str) -> Result<(), Fault> {
        if stimulus.vt.id == OpenWorkOrder::ID {
            return Ok(());
        }
        let parked =
            ParkedStimulus { id, message: stimulus.vt.id.to_owned(), error: error.to_owned(), at: self.core.state.now };
        self.core.put::<ParkedStimulus>(id, Some(Arc::new(parked)));
        self.core.forget_undo();
        self.work_order("parked-fact", &format!("{}-{id}", stimulus.vt.id), &format!("{}: {error}", stimulus.vt.id))
    }

    fn work_order(&mut self, kind: &str, key: &str, text: &str) -> Result<(), Fault> {
        if self.core.registry.owner_of(OpenWorkOrder::ID).is_none() {
            return Ok(());
        }
        let order = OpenWorkOrder { kind: kind.to_owned(), loan: None, text: text.to_owned(), key: key.to_owned() };
        self.execute(Stimulus::command("runtime", order).through(RUNTIME)).map(|_| ())
    }

    fn finish_effect(&mut self, id: i64) -> Result<(), Fault> {
        if let Some(effect) = self.core.get::<RuntimeEffect>(&id)?
            && effect.state != EffectState::Done
        {
            let done = RuntimeEffect {
                state: EffectState::Done,
                attempts: effect.attempts + 1,
                ..RuntimeEffect::clone(&effect)
            };
            self.core.put::<RuntimeEffect>(id, Some(Arc::new(done)));
        }
        Ok(())
    }

    /// Says that an effect was executed and needs no answer, or gives its answer later.
    pub fn effect_done(&mut self, id: i64) -> Result<(), Fault> {
        self.finish_effect(id)?;
        self.core.forget_undo();
        Ok(())
    }

    /// Runs the answer of an effect, and marks the effect executed, together.
    pub fn effect_answered(&mut self, effect: &EffectEnvelope, mut answer: Stimulus) -> Result<Executed, Fault> {
        answer.trace = Some(effect.trace);
        answer.effect_done = Some(effect.id);
        self.execute(answer)
    }

    /// Says that an effect could not be executed: it is tried again, later and later, then parked with a work order.
    ///
    /// `error` must carry no personal data.
    pub fn effect_failed(&mut self, effect: &EffectEnvelope, max_attempts: u32, error: &str) -> Result<(), Fault> {
        let Some(row) = self.core.get::<RuntimeEffect>(&effect.id)? else { return Ok(()) };
        let attempts = row.attempts + 1;
        let parked = attempts >= max_attempts;
        let wait = backoff_seconds(effect.id, attempts);
        let row = RuntimeEffect {
            attempts,
            state: if parked { EffectState::Parked } else { EffectState::Pending },
            next_at: self.core.state.now.plus_seconds(wait),
            error: Some(error.to_owned()),
            ..RuntimeEffect::clone(&row)
        };
        self.core.put::<RuntimeEffect>(effect.id, Some(Arc::new(row)));
        self.core.forget_undo();
        if parked {
            let text = format!("{} was given up after {attempts} attempts: {error}", effect.kind);
            return self.work_order("parked-effect", &format!("effect-{}", effect.id), &text);
        }
        self.effects.push(EffectEnvelope { attempts, ..effect.clone() });
        Ok(())
    }

    /// When `effect` may be executed.
    pub fn effect_due(&mut self, effect: &EffectEnvelope) -> Result<Timestamp, Fault> {
        Ok(self.core.get::<RuntimeEffect>(&effect.id)?.map_or(self.core.state.now, |row| row.next_at))
    }

    /// Effects whose causes are durable, oldest first.
    pub fn take_effects(&mut self) -> Vec<EffectEnvelope> {
        self.ready_effects.drain(..).collect()
    }

    /// When the next timer is due, if there is one.
    pub fn next_timer(&mut self) -> Option<Timestamp> {
        while let Some(Reverse((due, id))) = self.core.timers.peek().cloned() {
            let current = self.core.get::<RuntimeTimer>(&id).ok().flatten();
            if current.is_some_and(|timer| timer.due == due) {
                return Some(due);
            }
            self.core.timers.pop();
        }
        None
    }

    /// Runs one timer that is due, if there is one; says whether there was.
    pub fn fire_timer(&mut self) -> Result<Option<Executed>, Fault> {
        let Some(due) = self.next_timer().filter(|due| *due <= self.core.state.now) else { return Ok(None) };
        let Some(Reverse((_, id))) = self.core.timers.pop() else { return Ok(None) };
        let Some(timer) = self.core.get::<RuntimeTimer>(&id)?.filter(|timer| timer.due == due) else {
            return Ok(None);
        };
        let registry = Arc::clone(&self.core.registry);
        let type_id = registry.by_id.get(timer.message.as_str());
        let handler = type_id.and_then(|type_id| registry.handlers.get(type_id));
        let handler = handler.ok_or_else(|| Fault::bug(format!("nobody answers timer {}", timer.message)))?;
        let payload = self.core.keys.opening(|| (handler.decode)(&timer.payload))?;
        let service = registry.services.iter().find(|name| **name == timer.service).copied().unwrap_or(RUNTIME);
        let stimulus = Stimulus {
            actor: Arc::from("timer"),
            source: service,
            key: None,
            trace: Some(timer.trace),
            vt: handler.vt,
            payload,
            fact: true,
            timer: Some(id),
            effect_done: None,
        };
        self.execute(stimulus).map(Some)
    }

    /// Moves the business date on and tells the services with `event`, as one cascade.
    pub fn advance(&mut self, today: Date, event: Stimulus) -> Result<Executed, Fault> {
        self.submit_advance(today, event).1
    }

    /// As [`Self::advance`], with a ticket.
    pub fn submit_advance(&mut self, today: Date, event: Stimulus) -> (u64, Result<Executed, Fault>) {
        self.core.state.today = self.core.state.today.max(today);
        self.submit(event)
    }

    pub(crate) fn set_today(&mut self, today: Date) {
        self.core.state.today = today;
    }

    pub(crate) fn stand_in(&mut self, type_id: TypeId, run: crate::registry::CommandFn) {
        // Only tests of one domain use this, before anything else shares the registry.
        if let Some(registry) = Arc::get_mut(&mut self.core.registry) {
            registry.stand_ins.insert(type_id, run);
        }
    }

    /// Cascades run since the last seal.
    pub fn unsealed(&self) -> usize {
        self.log.len()
    }

    /// Ends the batch and hands it to the flush thread, after the one before is durable.
    pub fn seal(&mut self) -> Result<(), Fault> {
        if self.log.is_empty() && self.done.is_empty() && self.effects.is_empty() {
            return self.pump(false);
        }
        self.pump(true)?;
        let batch = self.batch;
        self.batch += 1;
        let state = self.core.state.clone();
        self.core.put::<MarketState>(1, Some(Arc::new(state)));
        self.core.forget_undo();
        let dirty = self.core.tables.iter_mut().filter_map(|table| table.take_dirty(batch)).collect();
        let resident = self.core.residents.iter_mut().flat_map(|resident| resident.flush()).collect();
        let job = Job { batch, dirty, resident, log: std::mem::take(&mut self.log) };
        self.in_flight = Some(InFlight {
            batch,
            done: std::mem::take(&mut self.done),
            effects: std::mem::take(&mut self.effects),
            stimuli: std::mem::take(&mut self.stimuli),
        });
        self.flusher.send(job)
    }

    /// Ends the batch and waits until everything is durable.
    pub fn sync(&mut self) -> Result<(), Fault> {
        self.seal()?;
        self.pump(true)
    }

    /// Takes note of what the flush thread has done; waits for it when `wait`.
    pub fn pump(&mut self, wait: bool) -> Result<(), Fault> {
        let Some(in_flight) = &self.in_flight else { return Ok(()) };
        let expected = in_flight.batch;
        let done = if wait { Some(self.flusher.wait()?) } else { self.flusher.poll() };
        let Some((batch, result)) = done else { return Ok(()) };
        debug_assert_eq!(batch, expected);
        match result {
            Ok(()) => {
                let Some(done) = self.in_flight.take() else { return Ok(()) };
                self.durable = batch;
                self.stats.batches += 1;
                for (_, executed) in &done.done {
                    self.unflushed.remove(&executed.cascade);
                }
                self.completed.extend(done.done.into_iter().map(|(ticket, it)| (ticket, Ok(it))));
                self.ready_effects.extend(done.effects);
                for table in &mut self.core.tables {
                    table.batch_durable();
                }
                self.evict();
                Ok(())
            }
            Err(fault) if fault.kind == FaultKind::Fenced || self.recovering => Err(fault),
            Err(fault) => self.recover(fault),
        }
    }

    fn evict(&mut self) {
        let held: usize = self.core.tables.iter().map(|table| table.len()).sum();
        let tick = self.core.tables.iter_mut().map(|table| table.tick()).max().unwrap_or(0);
        if held > ENTITIES_MAX {
            let mut age = 64;
            while age >= 1 {
                for table in &mut self.core.tables {
                    table.evict(self.durable, tick.saturating_sub(age));
                }
                let left: usize = self.core.tables.iter().map(|table| table.len()).sum();
                if left <= ENTITIES_MAX / 2 {
                    break;
                }
                age /= 4;
            }
        }
    }

    /// A batch was refused by the database: memory is thrown away, its stimuli run again one by one, the culprit parks.
    fn recover(&mut self, fault: Fault) -> Result<(), Fault> {
        let mut stimuli = self.in_flight.take().map(|in_flight| in_flight.stimuli).unwrap_or_default();
        stimuli.append(&mut self.stimuli);
        let opened = open_parts(&self.core.registry, &self.options)?;
        self.batch = opened.batch + 1;
        self.durable = opened.batch;
        self.core = opened.core;
        self.flusher = opened.flusher;
        self.recent = opened.recent;
        self.ready_effects = opened.effects;
        self.unflushed.clear();
        self.log.clear();
        self.done.clear();
        self.effects.clear();
        self.recovering = true;
        let result = self.rerun(stimuli, &fault);
        self.recovering = false;
        result
    }

    fn rerun(&mut self, stimuli: Vec<(u64, Stimulus, Timestamp)>, fault: &Fault) -> Result<(), Fault> {
        for (ticket, stimulus, at) in stimuli {
            self.set_now(at);
            let again = stimulus.clone();
            let tried = self.execute_ticket(ticket, stimulus).and_then(|_| self.sync());
            if let Err(error) = tried {
                let opened = open_parts(&self.core.registry, &self.options)?;
                self.batch = opened.batch + 1;
                self.durable = opened.batch;
                self.core = opened.core;
                self.flusher = opened.flusher;
                self.recent = opened.recent;
                self.in_flight = None;
                self.stimuli.clear();
                self.log.clear();
                self.done.clear();
                let text = format!("{error} (first seen as: {fault})");
                if again.fact {
                    let id = self.core.state.last_cascade;
                    self.park(&again, id, &text)?;
                    self.sync()?;
                }
                self.completed.push_back((ticket, Err(Fault::new(error.kind, text))));
            }
        }
        Ok(())
    }

    /// Outcomes that are durable since the last call, by ticket.
    pub fn take_completed(&mut self) -> Vec<(u64, Result<Executed, Fault>)> {
        self.completed.drain(..).collect()
    }

    /// The entity with this key, as a driver or test sees it: with everything that was executed.
    pub fn load<E: Entity>(&mut self, key: &E::Key) -> Result<Option<Arc<E>>, Fault> {
        self.core.get::<E>(key)
    }

    /// Entities by index, as a driver or test sees them.
    pub fn find<E: Entity>(&mut self, by: &Find<E>) -> Result<Vec<Arc<E>>, Fault> {
        self.core.find::<E>(by)
    }

    /// State in memory, as a driver or test sees it.
    pub fn resident<R: Resident>(&mut self) -> Result<&mut R, Fault> {
        self.core.resident::<R>()
    }

    /// The reader of committed rows; see [`Self::sync`].
    pub fn reader(&mut self) -> &mut dyn Reader {
        &mut *self.core.reader
    }

    /// Entities of a whole table in key order, as committed; personal data opened.
    pub fn scan<E: Entity>(&mut self, each: &mut dyn FnMut(&E) -> Result<(), Fault>) -> Result<(), Fault> {
        let spec = E::spec();
        let key = spec.key_names().join(", ");
        let sql = format!("SELECT {} FROM {} ORDER BY {key}", spec.column_list(), spec.name);
        let keys = Arc::clone(&self.core.keys);
        self.core.reader.query(&sql, &[], &spec.kinds(), &mut |row| each(&*crate::cache::read_row::<E>(row, &keys)?))
    }

    /// Runs `body` with stored personal data opened: for reading log rows.
    pub fn opening<R>(&self, body: impl FnOnce() -> R) -> R {
        self.core.keys.opening(body)
    }

    /// What makes it durable, for people.
    pub fn describe_store(&self) -> Result<Vec<(String, String)>, Fault> {
        self.flusher.describe()
    }

    /// BLAKE3 of the logical state, hex: every service's entities and memory, before encryption.
    pub fn digest(&mut self) -> Result<String, Fault> {
        self.sync()?;
        let registry = Arc::clone(&self.core.registry);
        let mut hasher = blake3::Hasher::new();
        let mut infos: Vec<_> = registry.entities.iter().filter(|info| info.owner != RUNTIME).collect();
        infos.sort_by_key(|info| info.spec.name);
        for info in infos {
            (info.digest)(&mut *self.core.reader, &self.core.keys, &mut hasher)?;
        }
        for resident in &self.core.residents {
            hasher.update(&resident.digest());
        }
        Ok(hasher.finalize().to_hex().to_string())
    }
}

/// Seconds to wait before attempt `attempts + 1`: doubling from 2 s to an hour, with up to a quarter of jitter.
fn backoff_seconds(effect: i64, attempts: u32) -> i64 {
    let base = 2i64.saturating_pow(attempts.min(12)).min(3_600);
    let hash = blake3::hash(&[effect.to_le_bytes(), i64::from(attempts).to_le_bytes()].concat());
    base + base * i64::from(hash.as_bytes()[0]) / 1_024
}

struct Opened {
    core: Core,
    flusher: Flusher,
    recent: RecentKeys,
    effects: VecDeque<EffectEnvelope>,
    batch: i64,
}

fn open_parts(registry: &Arc<Registry>, options: &MarketOptions) -> Result<Opened, Fault> {
    let mut store = open_store(&options.url, Duration::from_secs(30))?;
    let batch = store.open(&registry.tables())?;
    let mut reader = store.reader()?;
    let state = read_state(&mut *reader)?.unwrap_or(MarketState {
        id: 1,
        last_id: 1_000,
        last_cascade: 0,
        now: Timestamp::start_of(options.first_day),
        today: options.first_day,
    });
    let names = read_names(&mut *store, &mut *reader, registry, batch)?;
    let batch = batch.max(names.1);
    let keys = KeyRing::new(options.secrets.clone(), store.reader()?, state.last_id);
    let mut residents = Vec::new();
    let mut resident_by_type = FxHashMap::default();
    for info in &registry.residents {
        resident_by_type.insert(info.type_id, residents.len());
        residents.push((info.load)(&mut *reader)?);
    }
    let mut by_type = FxHashMap::default();
    let mut caches: Vec<Box<dyn AnyTable>> = Vec::new();
    for info in &registry.entities {
        by_type.insert(info.type_id, caches.len());
        caches.push((info.table)(info.spec, state.last_id));
    }
    let recent = read_recent(&mut *reader, state.now)?;
    let mut core = Core {
        registry: Arc::clone(registry),
        configs: options.configs.clone(),
        market: options.market.clone(),
        keys: Arc::clone(&keys),
        state,
        fault: None,
        tables: caches,
        by_type,
        residents,
        resident_by_type,
        journal: Vec::new(),
        reader,
        timers: BinaryHeap::new(),
    };
    let rows = collect(
        &mut *core.reader,
        "SELECT due, id FROM runtime_timer",
        &[],
        &[ColumnKind::Timestamp, ColumnKind::Text],
    )?;
    for row in rows {
        if let (Some(due), Some(id)) = (row[0].as_int(), row[1].as_text()) {
            core.timer_set(Timestamp::from_micros(due), id);
        }
    }
    let effects = read_effects(&mut core)?;
    let flusher = Flusher::spawn(store, keys, names.0)?;
    Ok(Opened { core, flusher, recent, effects, batch })
}

fn read_state(reader: &mut dyn Reader) -> Result<Option<MarketState>, Fault> {
    let spec = MarketState::spec();
    let sql = format!("SELECT {} FROM market_state", spec.column_list());
    let rows = collect(reader, &sql, &[], &spec.kinds())?;
    rows.first().map(|row| MarketState::read(&mut crate::RowReader::new(row))).transpose()
}

/// Codes of all names, new ones committed; and the batch that committed them.
fn read_names(
    store: &mut dyn crate::storage::Store,
    reader: &mut dyn Reader,
    registry: &Registry,
    batch: i64,
) -> Result<(Names, i64), Fault> {
    let sql = "SELECT code, name FROM log_name";
    let rows = collect(reader, sql, &[], &[ColumnKind::Int, ColumnKind::Text])?;
    let mut names = Names::default();
    for row in &rows {
        if let (Some(code), Some(name)) = (row[0].as_int(), row[1].as_text()) {
            names.insert(name.to_owned(), u16::try_from(code).unwrap_or(0));
        }
    }
    let mut wanted: Vec<&str> = sycee_contract::all_messages().iter().map(|info| info.id).collect();
    wanted.extend(registry.services.iter());
    wanted.push("actor");
    wanted.sort_unstable();
    wanted.dedup();
    let mut fresh = Vec::new();
    let mut next = names.values().copied().max().unwrap_or(0);
    for name in wanted {
        if !names.contains_key(name) {
            next += 1;
            names.insert(name.to_owned(), next);
            fresh.extend([Value::Int(i64::from(next)), Value::text(name)]);
        }
    }
    if fresh.is_empty() {
        return Ok((names, batch));
    }
    let rows = crate::storage::TableRows { table: log_name(), write: crate::storage::Write::Append, rows: fresh };
    store.commit(&crate::storage::Commit { tables: vec![rows], batch: batch + 1 })?;
    Ok((names, batch + 1))
}

fn read_recent(reader: &mut dyn Reader, now: Timestamp) -> Result<RecentKeys, Fault> {
    let sql =
        "SELECT id, at, fingerprint, body_hash FROM message_log WHERE fingerprint IS NOT NULL AND at >= $1 ORDER BY id";
    let oldest = now.plus_days(-KEPT_DAYS);
    let kinds = [ColumnKind::Int, ColumnKind::Timestamp, ColumnKind::Bytes, ColumnKind::Bytes];
    let mut recent = RecentKeys::default();
    reader.query(sql, &[Value::Int(oldest.as_micros())], &kinds, &mut |row| {
        let fingerprint = row[2].as_bytes().and_then(|bytes| bytes.try_into().ok());
        let body = row[3].as_bytes().and_then(|bytes| bytes.try_into().ok());
        if let (Some(id), Some(at), Some(fingerprint), Some(body)) =
            (row[0].as_int(), row[1].as_int(), fingerprint, body)
        {
            let asked = Asked { fingerprint: u128::from_le_bytes(fingerprint), body };
            recent.insert(asked, id, Timestamp::from_micros(at));
        }
        Ok(())
    })?;
    Ok(recent)
}

fn read_effects(core: &mut Core) -> Result<VecDeque<EffectEnvelope>, Fault> {
    let spec = RuntimeEffect::spec();
    let sql = format!("SELECT {} FROM runtime_effect WHERE state = 'Pending' ORDER BY id", spec.column_list());
    let rows = collect(&mut *core.reader, &sql, &[], &spec.kinds())?;
    let mut effects = VecDeque::new();
    for row in rows {
        let row = RuntimeEffect::read(&mut crate::RowReader::new(&row))?;
        let known = core.registry.effects.get_key_value(row.kind.as_str());
        let Some((kind, decode)) = known else {
            return Err(Fault::corrupt(format!("effect {} has unknown kind {}", row.id, row.kind)));
        };
        let payload = core.keys.opening(|| decode(&row.payload))?;
        effects.push_back(EffectEnvelope { id: row.id, kind, trace: row.trace, attempts: row.attempts, payload });
    }
    Ok(effects)
}
