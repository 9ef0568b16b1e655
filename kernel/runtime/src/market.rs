//! The market writer: runs cascades in memory, seals batches, recovers.

mod outside;
mod owed;
mod recovery;
mod scout;

use std::any::TypeId;
use std::collections::{BTreeSet, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use sycee_contract::{Date, Message as _, OpenWorkOrder, Rejection, Timestamp};

pub use self::outside::{RETRY, Retry};
use self::owed::{stuck_effect, work_order};
use self::recovery::is_suspended;
use crate::cascade::{Cascade, Delivery, Executed, Hop, HopOutcome, Queued};
use crate::commit::{Flusher, Job};
use crate::control::Lease;
use crate::core::Core;
use crate::idempotency::{Asked, RecentKeys};
use crate::log::{LogRecord, StoredAnswer};
use crate::memory::Memory;
use crate::opening::open_parts;
use crate::payload::{Answer, from_bytes};
use crate::seal::{Plain, Secrets};
use crate::stimulus::{EffectEnvelope, OUTSIDE, Stimulus};
use crate::storage::{Claim, ColumnKind, DatabaseUrl, Reader, Value, collect};
use crate::system::{MarketState, ParkedStimulus, RUNTIME, RuntimeTimer};
use crate::{Configs, Entity, Fault, FaultKind, Find, Halt, Market, Registry, Resident};

/// The ticket of a stimulus whose durable outcome nobody asks for.
const NO_TICKET: u64 = 0;
/// Most batches that are on their way to the disk: one is being written, the others wait their turn.
pub const BATCHES_WRITING_MAX: usize = 3;
/// Cascades from which on a batch may wait its turn. Smaller ones wait until nothing is being written, for each costs a sync
/// of the disk, however little it holds.
const QUEUED_FROM: usize = 256;

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
    /// Queries to the database that handlers waited for; those that [`MarketWriter::prefetch`] asks at once not counted.
    pub queries: u64,
    /// How often a batch was lost and run again.
    pub recoveries: u64,
}

/// The ticket of a stimulus that another one, or a driver's mark, brings about: it is not run again by itself.
const DERIVED: u64 = u64::MAX;

/// What a cascade answered.
type Outcome = Result<Option<Answer>, Rejection>;

struct InFlight {
    batch: i64,
    done: Vec<(u64, Executed)>,
    effects: Vec<EffectEnvelope>,
    stimuli: Vec<(u64, Stimulus, Timestamp)>,
    finished: Vec<i64>,
    tried: Vec<i64>,
}

/// One market's writer.
///
/// Invariant: batches become durable in the order they were sealed; what they wrote stays in memory until they are.
pub struct MarketWriter {
    core: Core,
    memory: Memory,
    flusher: Flusher,
    options: MarketOptions,
    recent: RecentKeys,
    unflushed: FxHashMap<i64, Outcome>,
    batch: i64,
    epoch: i64,
    durable: i64,
    log: Vec<LogRecord>,
    done: Vec<(u64, Executed)>,
    effects: Vec<EffectEnvelope>,
    stimuli: Vec<(u64, Stimulus, Timestamp)>,
    /// Effects marked executed since the last seal.
    finished: Vec<i64>,
    /// Effects whose execution failed since the last seal, once each time.
    tried: Vec<i64>,
    /// Effects that are pending, with everything that stands: what may still be undone does not leave.
    pending: BTreeSet<i64>,
    /// Effects that somebody is executing.
    handed_out: FxHashSet<i64>,
    /// Work orders that could not be opened yet.
    owed: Vec<OpenWorkOrder>,
    /// Sealed and not known to be durable, oldest first.
    in_flight: VecDeque<InFlight>,
    queued_from: usize,
    ready_effects: VecDeque<EffectEnvelope>,
    completed: VecDeque<(u64, Result<Executed, Fault>)>,
    tickets: u64,
    stats: RunStats,
    recovering: bool,
    stopped: Option<(FaultKind, String)>,
}

impl MarketWriter {
    /// Opens the market that `options` name; creates it when it is new.
    ///
    /// Errors: `Outage` when the database does not answer, `Corrupt` when it holds what it must not.
    pub fn open(registry: Arc<Registry>, options: MarketOptions) -> Result<Self, Fault> {
        Self::open_claimed(registry, options, Claim::default())
    }

    /// As [`Self::open`], under a lease of the control store.
    ///
    /// Errors: also `Fenced` when the market was opened under a later lease.
    pub fn open_leased(registry: Arc<Registry>, options: MarketOptions, lease: &Lease) -> Result<Self, Fault> {
        Self::open_claimed(registry, options, Claim { held: None, lease: Some(lease.epoch) })
    }

    fn open_claimed(registry: Arc<Registry>, options: MarketOptions, claim: Claim) -> Result<Self, Fault> {
        let opened = open_parts(&registry, &options, claim)?;
        let pending = opened.pending();
        Ok(Self {
            batch: opened.batch + 1,
            durable: opened.committed,
            epoch: opened.epoch,
            core: opened.core,
            memory: Memory::default(),
            flusher: opened.flusher,
            recent: opened.recent,
            pending,
            owed: opened.unreadable.iter().map(|(id, fault)| stuck_effect(*id, &fault.message)).collect(),
            ready_effects: opened.effects,
            options,
            unflushed: FxHashMap::default(),
            log: Vec::new(),
            done: Vec::new(),
            effects: Vec::new(),
            stimuli: Vec::new(),
            finished: Vec::new(),
            tried: Vec::new(),
            handed_out: FxHashSet::default(),
            in_flight: VecDeque::new(),
            queued_from: QUEUED_FROM,
            completed: VecDeque::new(),
            tickets: 0,
            stats: RunStats::default(),
            recovering: false,
            stopped: None,
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
        let entities = self.core.tables.iter().map(|table| table.len() as u64).sum();
        RunStats { entities, queries: self.core.queries, ..self.stats }
    }

    /// Runs one stimulus in memory. The outcome is provisional until the batch is durable.
    ///
    /// Errors: a Fault for a bug or an outage; nothing of the stimulus stays.
    pub fn execute(&mut self, stimulus: Stimulus) -> Result<Executed, Fault> {
        self.execute_ticket(NO_TICKET, stimulus)
    }

    /// As [`Self::execute`], with the ticket under which the durable outcome appears in [`Self::take_completed`].
    ///
    /// Errors: as [`Self::execute`].
    pub fn submit(&mut self, stimulus: Stimulus) -> (u64, Result<Executed, Fault>) {
        self.tickets += 1;
        let ticket = self.tickets;
        let result = self.execute_ticket(ticket, stimulus);
        (ticket, result)
    }

    fn execute_ticket(&mut self, ticket: u64, stimulus: Stimulus) -> Result<Executed, Fault> {
        self.not_stopped()?;
        let asked = stimulus.key.as_ref().map(|key| {
            let body = sycee_contract::with_sealer(Arc::new(Plain), || (stimulus.vt.encode)(&*stimulus.payload));
            Asked::new(&self.options.secrets.index, &stimulus.actor, stimulus.vt.id, key, &body)
        });
        if let Some(asked) = asked
            && let Some(replay) = self.replay(asked, &stimulus)?
        {
            self.done.push((ticket, replay.clone()));
            self.stimuli.push((ticket, stimulus, self.core.state.now));
            return Ok(replay);
        }
        let root = self.root_hop(&stimulus)?;
        self.core.state.last_cascade += 1;
        let id = self.core.state.last_cascade;
        let mut cascade = Cascade {
            id,
            trace: stimulus.trace.unwrap_or(id),
            cause: stimulus.cause,
            actor: Arc::clone(&stimulus.actor),
            subject: None,
            queue: VecDeque::with_capacity(16),
            hops: Vec::with_capacity(32),
            effects: Vec::new(),
            withdrawn: Vec::new(),
            sticky: Vec::new(),
        };
        let mut before = self.core.mark(&cascade);
        self.consume(&stimulus)?;
        let consumed = self.core.journal.len();
        let permitted = stimulus.check_actor();
        let forged = permitted.is_err();
        let day_before = self.core.state.today;
        if let Some(today) = stimulus.advance.filter(|_| !forged) {
            self.core.state.today = day_before.max(today);
        }
        cascade.hops.push(root);
        cascade.queue.push_back(Queued { hop: 0, delivery: Delivery::Message });
        let drained = permitted.map_err(Halt::from).and_then(|()| self.drain(&mut cascade));
        let outcome = match drained.map_err(|halt| no_refusal_of_a_day(&stimulus, halt)) {
            Ok(answer) => Ok(answer),
            Err(Halt::Refused(rejection)) => {
                cascade.hops.truncate(1);
                let root = cascade.hops.pop();
                before.journal = consumed;
                self.core.rollback(&mut cascade, &before);
                cascade.hops.extend(root);
                Err(rejection)
            }
            Err(Halt::Fault(fault)) => {
                cascade.sticky.clear();
                self.core.rollback(&mut cascade, &before);
                self.core.forget_undo();
                self.core.state.today = day_before;
                if is_suspended(&stimulus, &fault) {
                    self.suspend(ticket, stimulus, id, &fault)?;
                }
                return Err(fault);
            }
        };
        self.stands(&stimulus);
        // What a person forges is no fact: nobody has to look after it.
        let parked =
            outcome.as_ref().err().filter(|_| stimulus.fact && !forged).map(|why| (stimulus.vt.id, why.to_string()));
        let executed = self.record(ticket, stimulus, asked, cascade, outcome);
        if let Some((message, why)) = parked {
            self.park(message, id, &why);
        }
        Ok(executed)
    }

    /// Delivers a cascade; a handler that panics is a bug of this stimulus and of no other.
    fn drain(&mut self, cascade: &mut Cascade) -> Result<Option<Answer>, Halt> {
        let core = &mut self.core;
        let stimulus = cascade.hops[0].vt.id;
        // What a panic leaves half done is journaled, and undone like everything else of the cascade.
        let drained = std::panic::catch_unwind(AssertUnwindSafe(|| core.drain(cascade)));
        drained.unwrap_or_else(|_| {
            core.fault = None;
            core.asking = 0;
            // What it said may carry personal data: it stands in the process' error output alone.
            Err(Fault::bug(format!("a handler panicked in the cascade of {stimulus}")).into())
        })
    }

    /// What brought `stimulus` about has come: its timer is gone, its effect executed, whatever becomes of it.
    fn consume(&mut self, stimulus: &Stimulus) -> Result<(), Fault> {
        if let Some(effect) = stimulus.effect_done {
            self.finish_effect(effect)?;
        }
        if let Some(timer) = &stimulus.timer {
            self.core.put::<RuntimeTimer>(timer.clone(), None);
        }
        Ok(())
    }

    /// What `stimulus` did, or what it has consumed, is not undone any more.
    fn stands(&mut self, stimulus: &Stimulus) {
        self.core.forget_undo();
        if let Some(effect) = stimulus.effect_done {
            self.pending.remove(&effect);
        }
    }

    /// Keeps a fact that ran into `fault`, with what it said, as cascade `id`.
    fn suspend(&mut self, ticket: u64, stimulus: Stimulus, id: i64, fault: &Fault) -> Result<(), Fault> {
        self.consume(&stimulus)?;
        self.stands(&stimulus);
        let text = fault.to_string();
        self.log.push(LogRecord {
            id,
            at: self.core.state.now,
            business_date: self.core.state.today,
            trace: stimulus.trace.unwrap_or(id),
            cause: stimulus.cause,
            actor: Arc::clone(&stimulus.actor),
            stimulus: stimulus.vt.id,
            subject: None,
            asked: None,
            outcome: Err(Rejection::new("FAULT", text.clone())),
            hops: Arc::new(vec![self.root_hop(&stimulus)?]),
        });
        self.park(stimulus.vt.id, id, &text);
        if ticket != DERIVED {
            // Who handed it in hears of the fault; when it runs again nobody waits for it.
            self.stimuli.push((NO_TICKET, stimulus, self.core.state.now));
        }
        Ok(())
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
        // What its actor may not ask for is refused, through whatever door it comes.
        // That a timer's service sends its command was declared when it was set, perhaps to another program.
        let declared = stimulus.source == OUTSIDE || stimulus.timer.is_some();
        let passes = declared || registry.may_pass_on(stimulus.source, type_id);
        if !passes && stimulus.check_actor().is_ok() {
            let text =
                format!("{} does not pass on {}: nobody registered that it does", stimulus.source, stimulus.vt.id);
            return Err(Fault::bug(text));
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
            self.unflushed.insert(cascade.id, outcome.clone());
        }
        self.pending.extend(cascade.effects.iter().map(|effect| effect.id));
        self.effects.extend(cascade.effects);
        for id in cascade.withdrawn {
            self.pending.remove(&id);
        }
        self.log.push(LogRecord {
            id: cascade.id,
            at,
            business_date: self.core.state.today,
            trace: cascade.trace,
            cause: cascade.cause,
            actor: cascade.actor,
            stimulus: stimulus.vt.id,
            subject: cascade.subject,
            asked,
            outcome: outcome.clone(),
            hops: Arc::clone(&hops),
        });
        let executed = Executed { outcome, replayed: false, cascade: cascade.id, trace: cascade.trace, hops };
        if ticket != DERIVED {
            self.done.push((ticket, executed.clone()));
            self.stimuli.push((ticket, stimulus, at));
        }
        executed
    }

    /// The stored answer of a request that was answered before.
    fn replay(&mut self, asked: Asked, stimulus: &Stimulus) -> Result<Option<Executed>, Fault> {
        self.recent.forget(self.core.state.now);
        let Some(answered) = self.recent.get(asked.fingerprint) else { return Ok(None) };
        let outcome = if answered.body == asked.body {
            match self.unflushed.get(&answered.cascade) {
                Some(outcome) => outcome.clone(),
                None => self.stored_answer(answered.cascade, stimulus)?,
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

    fn stored_answer(&mut self, cascade: i64, stimulus: &Stimulus) -> Result<Outcome, Fault> {
        let sql = "SELECT answer FROM message_log WHERE id = $1";
        let rows = collect(&mut *self.core.reader, sql, &[Value::Int(cascade)], &[ColumnKind::Bytes])?;
        let bytes = rows.first().and_then(|row| row[0].as_bytes());
        let bytes = bytes.ok_or_else(|| Fault::corrupt(format!("the answer of cascade {cascade} is missing")))?;
        let handler = self.core.registry.handlers.get(&(stimulus.vt.type_id)());
        self.core.keys.opening(|| match (from_bytes(bytes)?, handler) {
            (StoredAnswer::Refused(rejection), _) => Ok(Err(rejection)),
            (StoredAnswer::Done(bytes), Some(handler)) => {
                (handler.decode_answer)(&bytes).map(|answer| Ok(Some(answer)))
            }
            (StoredAnswer::Done(_), None) => Ok(Ok(None)),
        })?
    }

    /// Keeps a fact that could not be applied, with a work order for people.
    fn park(&mut self, message: &str, id: i64, error: &str) {
        let parked =
            ParkedStimulus { id, message: message.to_owned(), error: error.to_owned(), at: self.core.state.now };
        self.core.put::<ParkedStimulus>(id, Some(Arc::new(parked)));
        self.core.forget_undo();
        if message != OpenWorkOrder::ID {
            self.owe(work_order("parked-fact", format!("{message}-{id}"), format!("{message}: {error}")));
        }
    }

    /// Moves the business date on and tells the services with `event`, as one cascade.
    ///
    /// Errors: as [`Self::execute`]; `Bug` when a service refuses the day.
    pub fn advance(&mut self, today: Date, event: Stimulus) -> Result<Executed, Fault> {
        self.execute(Stimulus { advance: Some(today), ..event })
    }

    /// As [`Self::advance`], with a ticket.
    ///
    /// Errors: as [`Self::advance`].
    pub fn submit_advance(&mut self, today: Date, event: Stimulus) -> (u64, Result<Executed, Fault>) {
        self.submit(Stimulus { advance: Some(today), ..event })
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

    /// Sets from how many cascades on a batch may wait its turn behind others; see [`Self::seal`].
    pub fn queue_batches_from(&mut self, cascades: usize) {
        self.queued_from = cascades.max(1);
    }

    /// Cascades run since the last seal.
    pub fn unsealed(&self) -> usize {
        self.log.len()
    }

    /// Ends the batch and hands it to the flush thread. A small one waits until those before are durable, a large one
    /// until there is a place in the queue.
    ///
    /// Errors: why the writer stopped: `Fenced` when another writer has taken over, or why it could not recover from
    /// what broke.
    pub fn seal(&mut self) -> Result<(), Fault> {
        self.pay_owed();
        if !self.has_unsealed() {
            return self.pump(false);
        }
        while self.must_wait() {
            self.pump(true)?;
        }
        let batch = self.batch;
        self.batch += 1;
        self.core.state.pending_from = self.pending_from();
        let state = self.core.state.clone();
        self.core.put::<MarketState>(1, Some(Arc::new(state)));
        self.core.forget_undo();
        let dirty = self.core.tables.iter_mut().filter_map(|table| table.take_dirty(batch)).collect();
        let resident = self.core.residents.iter_mut().flat_map(|resident| resident.flush()).collect();
        let job = Job { batch, dirty, resident, log: std::mem::take(&mut self.log) };
        self.in_flight.push_back(InFlight {
            batch,
            done: std::mem::take(&mut self.done),
            effects: std::mem::take(&mut self.effects),
            stimuli: std::mem::take(&mut self.stimuli),
            finished: std::mem::take(&mut self.finished),
            tried: std::mem::take(&mut self.tried),
        });
        match self.flusher.send(job) {
            Ok(()) => Ok(()),
            // A thread that is gone has lost what it was given: so says the first of its batches.
            Err(_) => self.pump(true),
        }
    }

    /// Whether [`Self::seal`] would wait, for there is something to write and no place for it yet.
    pub fn must_wait(&self) -> bool {
        self.has_unsealed() && self.in_flight.len() > self.may_stand_before()
    }

    fn has_unsealed(&self) -> bool {
        let changed = self.core.tables.iter().any(|table| table.has_dirty());
        changed || !(self.log.is_empty() && self.done.is_empty() && self.effects.is_empty())
    }

    /// How many batches may be on their way to the disk when this one is sealed.
    fn may_stand_before(&self) -> usize {
        if self.log.len() >= self.queued_from { BATCHES_WRITING_MAX - 1 } else { 0 }
    }

    /// Ends the batch and waits until everything is durable.
    ///
    /// Errors: as [`Self::seal`].
    pub fn sync(&mut self) -> Result<(), Fault> {
        self.seal()?;
        while self.is_writing() {
            self.pump(true)?;
        }
        Ok(())
    }

    /// Takes note of what the flush thread has done; when `wait`, at least of the oldest batch that is being written.
    ///
    /// Errors: as [`Self::seal`].
    pub fn pump(&mut self, wait: bool) -> Result<(), Fault> {
        self.not_stopped()?;
        let mut wait = wait;
        while let Some(oldest) = self.in_flight.front() {
            let expected = oldest.batch;
            let done = if wait { Some(self.flusher.wait(expected)) } else { self.flusher.poll(expected) };
            let Some((batch, result)) = done else { break };
            debug_assert_eq!(batch, expected);
            match result {
                Ok(()) => self.batch_durable(),
                Err(fault) if self.recovering => return Err(fault),
                Err(fault) if fault.kind == FaultKind::Fenced => return Err(self.stop(fault)),
                Err(fault) => self.recover(&fault).map_err(|fault| self.stop(fault))?,
            }
            wait = false;
        }
        Ok(())
    }

    /// The oldest batch that was being written is durable.
    fn batch_durable(&mut self) {
        let Some(done) = self.in_flight.pop_front() else { return };
        self.durable = done.batch;
        self.stats.batches += 1;
        for (_, executed) in &done.done {
            self.unflushed.remove(&executed.cascade);
        }
        self.answer_durable(done.done);
        self.ready_effects.extend(done.effects);
        for table in &mut self.core.tables {
            table.batch_durable();
        }
        self.memory.trim(&mut self.core.tables, self.durable);
    }

    /// Outcomes that are durable since the last call, by ticket.
    ///
    /// Errors: each outcome has its own, as [`Self::execute`].
    pub fn take_completed(&mut self) -> Vec<(u64, Result<Executed, Fault>)> {
        self.completed.drain(..).collect()
    }

    /// The entity with this key, as a driver or test sees it: with everything that was executed.
    ///
    /// Errors: `Outage` when the database does not answer, `Corrupt` when a row is not whole, `Bug` when the entity is
    /// not registered.
    pub fn load<E: Entity>(&mut self, key: &E::Key) -> Result<Option<Arc<E>>, Fault> {
        self.core.get::<E>(key)
    }

    /// Entities by index, as a driver or test sees them.
    ///
    /// Errors: as [`Self::load`].
    pub fn find<E: Entity>(&mut self, by: &Find<E>) -> Result<Vec<Arc<E>>, Fault> {
        self.core.find::<E>(by)
    }

    /// State in memory, as a driver or test sees it.
    ///
    /// Errors: `Bug` when it is not registered.
    pub fn resident<R: Resident>(&mut self) -> Result<&mut R, Fault> {
        self.core.resident::<R>()
    }

    /// The reader of committed rows; see [`Self::sync`].
    pub fn reader(&mut self) -> &mut dyn Reader {
        &mut *self.core.reader
    }

    /// Entities of a whole table in key order, as committed; personal data opened.
    ///
    /// Errors: `Outage` when the database does not answer, `Corrupt` when a row is not whole; what `each` answers.
    pub fn scan<E: Entity>(&mut self, each: &mut dyn FnMut(&E) -> Result<(), Fault>) -> Result<(), Fault> {
        let spec = E::spec();
        let key = spec.key_names().join(", ");
        let sql = format!("SELECT {} FROM {} ORDER BY {key}", spec.column_list(), spec.name);
        let keys = Arc::clone(&self.core.keys);
        self.core.reader.query(&sql, &[], &spec.kinds(), &mut |row| each(&*crate::cache::read_row::<E>(row, &keys)?))
    }

    /// Runs `body` with stored personal data opened: for reading log rows.
    pub fn opening<R>(&self, body: impl FnOnce() -> R) -> R {
        self.core.keys.showing(body)
    }

    /// What makes it durable, for people.
    ///
    /// Errors: `Outage` when the database does not answer, or the flush thread is gone.
    pub fn describe_store(&self) -> Result<Vec<(String, String)>, Fault> {
        self.flusher.describe()
    }

    /// BLAKE3 of the logical state, hex: every service's entities and memory, before encryption.
    ///
    /// Errors: as [`Self::sync`]; also `Corrupt` when a row is not whole.
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

/// A business day begins for everybody or for nobody: nobody may refuse it.
fn no_refusal_of_a_day(stimulus: &Stimulus, halt: Halt) -> Halt {
    match (stimulus.advance, halt) {
        (Some(today), Halt::Refused(rejection)) => {
            Fault::bug(format!("{} refused that {today} begins: {rejection}", stimulus.vt.id)).into()
        }
        (_, halt) => halt,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on ends")]
mod tests;
