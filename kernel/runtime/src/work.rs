//! What a handler sees: one cascade's view of one market.

use std::any::{Any, TypeId};
use std::sync::Arc;

use sycee_contract::{Command, CustomerId, Date, Effect, Event, Identifier, Message, Rejection, Timestamp};

use crate::cascade::{Cascade, Delivery, HOPS_MAX, Hop, HopOutcome, Queued};
use crate::core::Core;
use crate::payload::{to_versioned_bytes, vt_of};
use crate::system::{EffectState, RuntimeEffect, RuntimeTimer};
use crate::{Blind, Entity, Fault, Find, Halt, Handled, Market, Resident};

/// How deep questions may lead to questions: the stack must hold them.
const ASKED_DEPTH_MAX: u32 = 64;

/// One handler's view of one cascade.
pub struct Work<'a> {
    pub(crate) core: &'a mut Core,
    pub(crate) cascade: &'a mut Cascade,
    pub(crate) service: &'static str,
    pub(crate) hop: u32,
    pub(crate) asked: bool,
}

impl Work<'_> {
    /// The business clock: stamped when the stimulus was admitted, never goes back.
    pub fn now(&self) -> Timestamp {
        self.core.state.now
    }

    /// The business date of the market.
    pub fn today(&self) -> Date {
        self.core.state.today
    }

    /// Who the market is.
    pub fn market(&self) -> &Market {
        &self.core.market
    }

    /// Who caused this cascade: `customer`, `staff:ama`, `timer`, `channel`.
    pub fn actor(&self) -> &str {
        &self.cascade.actor
    }

    /// Whether what is being handled is the stimulus itself: asked from outside, not by a service in its cascade.
    pub const fn is_stimulus(&self) -> bool {
        self.hop == 0
    }

    /// The next identifier of the market's sequence.
    pub fn new_id<I: Identifier>(&mut self) -> I {
        I::from_number(self.core.next_id())
    }

    /// A domain's configuration.
    pub fn config<T: Send + Sync + 'static>(&self) -> Arc<T> {
        self.core.configs.get::<T>()
    }

    /// The blind index of a normalised value.
    pub fn blind(&self, kind: &str, plain: &str) -> Blind {
        self.core.keys.blind(kind, plain)
    }

    /// Six digits for a challenge that nobody without the market's secret can tell.
    pub fn one_time_code(&self, challenge: i64) -> String {
        self.core.keys.one_time_code(challenge)
    }

    /// BLAKE3 of `bytes`, hex.
    pub fn hash(&self, bytes: &[u8]) -> String {
        blake3::hash(bytes).to_hex().to_string()
    }

    /// Names the person whose key seals the personal data in this cascade's log.
    pub fn about(&mut self, customer: CustomerId) {
        self.cascade.subject = Some(customer);
    }

    /// Says that this cascade is about what became of an effect: it belongs to the trace that caused the effect.
    ///
    /// Errors: a Fault when the database does not answer.
    pub fn answers_effect(&mut self, id: i64) -> Handled<()> {
        if let Some(effect) = self.core.get::<RuntimeEffect>(&id)? {
            self.cascade.trace = effect.trace;
            self.cascade.cause.get_or_insert(effect.cause());
        }
        Ok(())
    }

    /// The entity with this key.
    ///
    /// Errors: a Fault when the entity belongs to another service or the database does not answer.
    pub fn get<E: Entity>(&mut self, key: E::Key) -> Handled<Option<E>> {
        Ok(self.read::<E>(key)?.map(|entity| E::clone(&entity)))
    }

    /// The entity with this key, shared: for reading without a copy.
    ///
    /// Errors: as [`Self::get`].
    pub fn read<E: Entity>(&mut self, key: E::Key) -> Handled<Option<Arc<E>>> {
        self.own::<E>()?;
        Ok(self.core.get::<E>(&key)?)
    }

    /// The entity with this key; `NOT_FOUND` when there is none.
    ///
    /// Errors: `NOT_FOUND` when there is none; a Fault as [`Self::get`].
    pub fn require<E: Entity>(&mut self, key: E::Key) -> Handled<E> {
        match self.get::<E>(key.clone())? {
            Some(entity) => Ok(entity),
            None => Err(Rejection::not_found(E::NAME, format!("{key:?}")).into()),
        }
    }

    /// Keeps `entity`; it is written with everything else of the cascade.
    pub fn save<E: Entity>(&mut self, entity: E) {
        if let Err(fault) = self.own_for_writing::<E>() {
            self.core.fault.get_or_insert(fault);
            return;
        }
        self.core.put::<E>(entity.key(), Some(Arc::new(entity)));
    }

    /// Keeps `entity` even if this cascade is refused: attempts, velocity counters.
    pub fn save_even_if_refused<E: Entity>(&mut self, entity: E) {
        self.save(entity.clone());
        if self.core.fault.is_some() {
            return;
        }
        let entity = Arc::new(entity);
        self.cascade.sticky.push(Box::new(move |core| core.put::<E>(entity.key(), Some(Arc::clone(&entity)))));
    }

    /// Removes the entity with this key.
    pub fn delete<E: Entity>(&mut self, key: E::Key) {
        if let Err(fault) = self.own_for_writing::<E>() {
            self.core.fault.get_or_insert(fault);
            return;
        }
        self.core.put::<E>(key, None);
    }

    /// The entities an index names, ordered by key, at most as many as the look-up says.
    ///
    /// Errors: as [`Self::get`].
    pub fn find<E: Entity>(&mut self, by: Find<E>) -> Handled<Vec<E>> {
        self.own::<E>()?;
        Ok(self.core.find::<E>(&by)?.iter().map(|entity| E::clone(entity)).collect())
    }

    /// The first entity an index names.
    ///
    /// Errors: as [`Self::get`].
    pub fn find_one<E: Entity>(&mut self, by: Find<E>) -> Handled<Option<E>> {
        Ok(self.find(by.limit(1))?.pop())
    }

    /// State of this service that lives in memory.
    ///
    /// Errors: a Fault when it belongs to another service, or is not registered.
    pub fn resident<R: Resident>(&mut self) -> Handled<&mut R> {
        if R::OWNER != self.service {
            let text = format!("{} touched memory of {}", self.service, R::OWNER);
            return Err(Fault::bug(text).into());
        }
        Ok(self.core.resident::<R>()?)
    }

    /// Says that something happened; delivered in this cascade to all subscribers.
    pub fn emit<E: Event>(&mut self, event: E) {
        if let Err(fault) = self.declared::<E>() {
            self.core.fault.get_or_insert(fault);
            return;
        }
        let to = self.core.registry.subscribers.get(&TypeId::of::<E>());
        let to = to.map(|all| all.iter().map(|subscriber| subscriber.service).collect()).unwrap_or_default();
        self.push::<E>(event, to, HopOutcome::Delivered, true);
    }

    /// Asks a service to do something in this cascade; a refusal comes back to this service.
    pub fn send<C: Command>(&mut self, command: C) {
        if let Err(fault) = self.declared::<C>() {
            self.core.fault.get_or_insert(fault);
            return;
        }
        self.push::<C>(command, vec![C::OWNER], HopOutcome::Delivered, true);
    }

    fn push<M: Message>(&mut self, message: M, to: Vec<&'static str>, outcome: HopOutcome, deliver: bool) -> u32 {
        let hop = u32::try_from(self.cascade.hops.len()).unwrap_or(u32::MAX);
        if self.cascade.hops.len() >= HOPS_MAX {
            let text = format!("a cascade has more than {HOPS_MAX} messages; the last is {}", M::ID);
            self.core.fault.get_or_insert(Fault::bug(text));
        }
        self.cascade.hops.push(Hop {
            vt: vt_of::<M>(),
            payload: Arc::new(message),
            from: self.service,
            to,
            cause: Some(self.hop),
            outcome,
        });
        if deliver {
            self.cascade.queue.push_back(Queued { hop, delivery: Delivery::Message });
        }
        hop
    }

    /// Asks a service for a calculation or a fact, answered now. The asked handler may emit, not save.
    ///
    /// Errors: what the asked service refuses; a Fault when this service did not say that it asks, when `C` is no query
    /// or nobody answers it, and when questions go round.
    pub fn ask<C: Command>(&mut self, query: C) -> Handled<C::Answer> {
        self.declared::<C>()?;
        let type_id = TypeId::of::<C>();
        let registry = Arc::clone(&self.core.registry);
        let run = match registry.handlers.get(&type_id) {
            Some(handler) if handler.query => Arc::clone(&handler.run),
            Some(_) => return Err(Fault::bug(format!("{} is no query: send it", C::ID)).into()),
            None => match registry.stand_ins.get(&type_id) {
                Some(run) => Arc::clone(run),
                None => return Err(Fault::bug(format!("nobody answers {}", C::ID)).into()),
            },
        };
        let hop = self.push::<C>(query, vec![C::OWNER], HopOutcome::Asked, false);
        let payload = Arc::clone(&self.cascade.hops[hop as usize].payload);
        let mark = self.core.mark(self.cascade);
        if self.core.asking >= ASKED_DEPTH_MAX {
            return Err(Fault::bug(format!("questions go round: {} is asked {ASKED_DEPTH_MAX} deep", C::ID)).into());
        }
        self.core.asking += 1;
        let mut work = Work { core: &mut *self.core, cascade: &mut *self.cascade, service: C::OWNER, hop, asked: true };
        let answer =
            run(&mut work, &*payload).and_then(|answer| work.core.take_fault().map(|()| answer).map_err(Halt::from));
        self.core.asking -= 1;
        // Whoever asks may go on without an answer, but not with what a failed one left behind.
        let answer = answer.inspect_err(|_| self.core.rollback(self.cascade, &mark))?;
        answer.get::<C>().ok_or_else(|| Fault::bug(format!("{} was answered with another type", C::ID)).into())
    }

    /// Asks the participants of `command`, in their declared order; each sees what came before.
    ///
    /// Errors: what a participant refuses, and the Fault it ran into.
    pub fn consult<C: Command>(&mut self, command: &C) -> Handled<Vec<(&'static str, C::Contribution)>> {
        let registry = Arc::clone(&self.core.registry);
        let Some(participants) = registry.participants.get(&TypeId::of::<C>()) else { return Ok(Vec::new()) };
        let here = &self.cascade.hops[self.hop as usize];
        let hop = if here.vt.id == C::ID {
            self.hop
        } else {
            self.push::<C>(command.clone(), Vec::new(), HopOutcome::Asked, false)
        };
        let mut services = Vec::with_capacity(participants.len());
        let mut earlier: Vec<C::Contribution> = Vec::with_capacity(participants.len());
        for (service, consult) in participants {
            self.cascade.hops[hop as usize].to.push(service);
            let mut work = Work { core: &mut *self.core, cascade: &mut *self.cascade, service, hop, asked: true };
            let contribution = consult(&mut work, command, &earlier as &dyn Any)?;
            self.core.take_fault()?;
            let contribution = contribution
                .downcast::<C::Contribution>()
                .map_err(|_| Fault::bug(format!("{service} contributed another type to {}", C::ID)))?;
            services.push(*service);
            earlier.push(*contribution);
        }
        Ok(services.into_iter().zip(earlier).collect())
    }

    /// Runs `command` when its time has come; the same key replaces what stood under it.
    pub fn at<C: Command>(&mut self, due: Timestamp, key: &str, command: C) {
        if self.asked {
            self.core.fault.get_or_insert(Fault::bug(format!("{} set a timer while asked", self.service)));
            return;
        }
        if let Err(fault) = self.declared::<C>() {
            self.core.fault.get_or_insert(fault);
            return;
        }
        let id = format!("{}/{key}", self.service);
        let subject = self.cascade.subject;
        let Some(payload) = self.sealed(subject, || to_versioned_bytes(C::VERSION, &command)) else { return };
        let timer = RuntimeTimer {
            id: id.clone(),
            due,
            service: self.service.to_owned(),
            message: C::ID.to_owned(),
            payload,
            trace: self.cascade.trace,
            cause_cascade: self.cascade.id,
            cause_hop: self.hop,
            subject,
        };
        self.core.timer_set(due, &id);
        self.core.put::<RuntimeTimer>(id, Some(Arc::new(timer)));
    }

    /// Forgets the timer under `key`, if there is one.
    pub fn cancel_timer(&mut self, key: &str) {
        let id = format!("{}/{key}", self.service);
        match self.core.get::<RuntimeTimer>(&id) {
            Ok(Some(_)) if self.asked => {
                let fault = Fault::bug(format!("{} cancelled a timer while asked", self.service));
                self.core.fault.get_or_insert(fault);
            }
            Ok(Some(_)) => self.core.put::<RuntimeTimer>(id, None),
            Ok(None) => {}
            Err(fault) => {
                self.core.fault.get_or_insert(fault);
            }
        }
    }

    /// Asks the outside world for something, after commit.
    pub fn effect<F: Effect>(&mut self, effect: F) {
        self.numbered_effect(effect);
    }

    /// As [`Self::effect`], with the effect's number, under which it can be withdrawn.
    pub fn numbered_effect<F: Effect>(&mut self, effect: F) -> i64 {
        let id = self.core.next_id();
        if self.asked {
            self.core.fault.get_or_insert(Fault::bug(format!("{} caused an effect while asked", self.service)));
            return id;
        }
        let subject = effect.subject().or(self.cascade.subject);
        let Some(payload) = self.sealed(subject, || to_versioned_bytes(F::VERSION, &effect)) else { return id };
        let row = RuntimeEffect {
            id,
            kind: F::KIND.to_owned(),
            payload,
            state: EffectState::Pending,
            attempts: 0,
            next_at: self.core.state.now,
            trace: self.cascade.trace,
            cause_cascade: self.cascade.id,
            cause_hop: self.hop,
            error: None,
        };
        self.cascade.effects.push(row.envelope(F::KIND, Arc::new(effect)));
        self.core.put::<RuntimeEffect>(id, Some(Arc::new(row)));
        id
    }

    /// Takes an effect back that must not happen any more, unless it has: nobody tries it again. What an execution that is
    /// under way answers still counts. `why` is kept with it, and carries no personal data.
    ///
    /// Errors: a Fault when the database does not answer.
    pub fn withdraw_effect(&mut self, id: i64, why: &str) -> Handled<()> {
        let takes = |row: &Arc<RuntimeEffect>| !matches!(row.state, EffectState::Done | EffectState::Withdrawn);
        if let Some(row) = self.core.get::<RuntimeEffect>(&id)?.filter(takes) {
            let withdrawn = RuntimeEffect {
                state: EffectState::Withdrawn,
                error: Some(why.to_owned()),
                ..RuntimeEffect::clone(&row)
            };
            self.core.put::<RuntimeEffect>(id, Some(Arc::new(withdrawn)));
            self.cascade.withdrawn.push(id);
        }
        Ok(())
    }

    /// Whether an effect was taken back and no execution of it was ever reported: nobody outside has heard of it, unless this
    /// process ended while one was under way.
    ///
    /// Errors: a Fault when the database does not answer.
    pub fn effect_never_left(&mut self, id: i64) -> Handled<bool> {
        let row = self.core.get::<RuntimeEffect>(&id)?;
        Ok(row.is_some_and(|row| row.state == EffectState::Withdrawn && row.attempts == 0))
    }

    /// Has an effect executed that was given up. It counts as tried once, for it may have been taken: a refusal says nothing
    /// of that. False when it was not given up, or was put back before.
    ///
    /// Errors: `NOT_FOUND` when there is none of that number, `UNEXPECTED_STATE` when it was withdrawn.
    pub fn retry_effect(&mut self, id: i64) -> Handled<bool> {
        let found = self.core.get::<RuntimeEffect>(&id)?;
        let row = found.ok_or_else(|| Rejection::not_found("effect", id))?;
        match row.state {
            EffectState::Parked => {}
            EffectState::Pending | EffectState::Done => return Ok(false),
            EffectState::Withdrawn => {
                let state = format!("withdrawn: {}", row.error.as_deref().unwrap_or_default());
                return Err(Rejection::unexpected_state("effect", id, state, "one that was given up").into());
            }
        }
        let known = self.core.registry.effects.get_key_value(row.kind.as_str());
        let (kind, decode) =
            known.ok_or_else(|| Fault::corrupt(format!("effect {id} has unknown kind {}", row.kind)))?;
        let (kind, decode) = (*kind, *decode);
        let payload = self.core.keys.opening(|| decode(&row.payload))??;
        let pending = RuntimeEffect {
            state: EffectState::Pending,
            attempts: 1,
            next_at: self.core.state.now,
            ..RuntimeEffect::clone(&row)
        };
        self.cascade.effects.push(pending.envelope(kind, payload));
        self.core.put::<RuntimeEffect>(id, Some(Arc::new(pending)));
        Ok(true)
    }

    /// What `encode` gives, sealed; a fault that ends the handler is noted when a key cannot be had.
    fn sealed(&mut self, subject: Option<CustomerId>, encode: impl FnOnce() -> Vec<u8>) -> Option<Vec<u8>> {
        if self.core.scouting {
            return Some(Vec::new());
        }
        match self.core.keys.sealing(subject, encode) {
            Ok(bytes) => Some(bytes),
            Err(fault) => {
                self.core.fault.get_or_insert(fault);
                None
            }
        }
    }

    /// The registry is the truth about who sends what: what this service did not declare is a bug.
    fn declared<M: Message>(&self) -> Result<(), Fault> {
        if self.core.registry.may_send(self.service, TypeId::of::<M>()) {
            return Ok(());
        }
        let how = if M::KIND == sycee_contract::Kind::Event { "emits" } else { "sends" };
        Err(Fault::bug(format!("{} {how} {} and did not register that it does: .{how}::<_>()", self.service, M::ID)))
    }

    fn own<E: Entity>(&self) -> Result<(), Fault> {
        if E::OWNER == self.service {
            Ok(())
        } else {
            Err(Fault::bug(format!("{} touched {} of {}", self.service, E::NAME, E::OWNER)))
        }
    }

    fn own_for_writing<E: Entity>(&self) -> Result<(), Fault> {
        self.own::<E>()?;
        if self.asked {
            return Err(Fault::bug(format!("{} changed {} while it was only asked", self.service, E::NAME)));
        }
        Ok(())
    }
}
