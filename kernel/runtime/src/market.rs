//! The market writer: runs cascades in memory, seals batches, recovers.

use std::any::TypeId;
use std::cmp::Reverse;
use std::collections::VecDeque;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use sycee_contract::{Date, Message as _, OpenWorkOrder, Rejection, Timestamp};

use crate::cascade::{Cascade, Delivery, Executed, Hop, HopOutcome, Queued};
use crate::commit::{Flusher, Job};
use crate::core::Core;
use crate::idempotency::{Asked, RecentKeys};
use crate::log::{LogRecord, StoredAnswer};
use crate::opening::open_parts;
use crate::payload::{Answer, from_bytes};
use crate::seal::{Plain, Secrets};
use crate::stimulus::{EffectEnvelope, Stimulus};
use crate::storage::{ColumnKind, DatabaseUrl, Reader, Value, collect};
use crate::system::{EffectState, MarketState, ParkedStimulus, RUNTIME, RuntimeEffect, RuntimeTimer};
use crate::{Configs, Entity, Fault, FaultKind, Find, Halt, Market, Registry, Resident};

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

    /// Whether effects were caused that [`Self::take_effects`] has not given yet, durable or not.
    pub fn has_effects(&self) -> bool {
        let in_flight = self.in_flight.as_ref().is_some_and(|in_flight| !in_flight.effects.is_empty());
        in_flight || !self.effects.is_empty() || !self.ready_effects.is_empty()
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
