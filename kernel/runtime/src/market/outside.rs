//! What leaves and comes back: effects with their retries, and timers.

use std::cmp::Reverse;
use std::sync::Arc;

use sycee_contract::{OpenTo, Timestamp};

use super::MarketWriter;
use super::owed::{stuck_effect, work_order};
use crate::system::{EffectState, RuntimeEffect, RuntimeTimer};
use crate::{EffectEnvelope, Executed, Fault, FaultKind, Stimulus};

impl MarketWriter {
    pub(super) fn finish_effect(&mut self, id: i64) -> Result<(), Fault> {
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

    /// The first effect that is pending, or the next one that could be.
    pub(super) fn pending_from(&self) -> i64 {
        self.pending.first().copied().unwrap_or(self.core.state.last_id + 1)
    }

    /// Says that an effect was executed and needs no answer, or gives its answer later.
    ///
    /// Errors: `Outage` when the database does not answer, and why the writer stopped.
    pub fn effect_done(&mut self, id: i64) -> Result<(), Fault> {
        self.not_stopped()?;
        self.finish_effect(id)?;
        self.core.forget_undo();
        self.pending.remove(&id);
        self.effect_over(id);
        self.finished.push(id);
        Ok(())
    }

    /// Runs the answer of an effect, and marks the effect executed, together.
    ///
    /// Errors: as [`MarketWriter::execute`]; after an `Outage` the effect is still handed out.
    pub fn effect_answered(&mut self, effect: &EffectEnvelope, mut answer: Stimulus) -> Result<Executed, Fault> {
        answer.trace = Some(effect.trace);
        answer.cause = Some(effect.cause);
        answer.effect_done = Some(effect.id);
        // What was done outside has happened: an answer that cannot be applied is parked, whatever its nature.
        answer.fact = true;
        let applied = self.execute(answer);
        // Whoever could not hand in the answer still has the effect.
        if !applied.as_ref().is_err_and(|fault| fault.kind == FaultKind::Outage) {
            self.effect_over(effect.id);
        }
        applied
    }

    /// Nobody executes `id` any more.
    pub(crate) fn effect_over(&mut self, id: i64) {
        self.handed_out.remove(&id);
    }

    /// People look after an effect that can neither be executed nor given up.
    pub(crate) fn effect_stuck(&mut self, id: i64, why: &str) {
        self.owe(stuck_effect(id, why));
    }

    /// Says that an effect could not be executed: it is tried again, later and later, then parked with a work order. One that
    /// was taken back meanwhile stays so, and it is known that it left.
    ///
    /// `error` must carry no personal data. Errors: `Outage` when the database does not answer; nothing has changed.
    pub fn effect_failed(&mut self, effect: &EffectEnvelope, max_attempts: u32, error: &str) -> Result<(), Fault> {
        self.not_stopped()?;
        let found = self.core.get::<RuntimeEffect>(&effect.id)?;
        let Some(row) = found.filter(|row| matches!(row.state, EffectState::Pending | EffectState::Withdrawn)) else {
            self.effect_over(effect.id);
            return Ok(());
        };
        let attempts = row.attempts + 1;
        if row.state == EffectState::Withdrawn {
            let tried = RuntimeEffect { attempts, ..RuntimeEffect::clone(&row) };
            self.core.put::<RuntimeEffect>(effect.id, Some(Arc::new(tried)));
            self.core.forget_undo();
            self.tried.push(effect.id);
            self.effect_over(effect.id);
            return Ok(());
        }
        let parked = attempts >= max_attempts;
        if parked {
            // Nobody would hear of one that is parked without a work order.
            let text = format!("{} was given up after {attempts} attempts: {error}", effect.kind);
            self.order_now(&work_order("parked-effect", format!("effect-{}", effect.id), text))?;
            self.pending.remove(&effect.id);
        } else {
            self.effects.push(EffectEnvelope { attempts, ..effect.clone() });
        }
        let row = RuntimeEffect {
            attempts,
            state: if parked { EffectState::Parked } else { EffectState::Pending },
            next_at: self.core.state.now.plus_seconds(backoff_seconds(effect.id, attempts)),
            error: Some(error.to_owned()),
            ..RuntimeEffect::clone(&row)
        };
        self.core.put::<RuntimeEffect>(effect.id, Some(Arc::new(row)));
        self.core.forget_undo();
        self.tried.push(effect.id);
        self.effect_over(effect.id);
        Ok(())
    }

    /// Whether an effect is still to be executed: it may have been withdrawn since it was caused.
    ///
    /// Errors: `Outage` when the database does not answer.
    pub fn effect_stands(&mut self, id: i64) -> Result<bool, Fault> {
        Ok(self.core.get::<RuntimeEffect>(&id)?.is_some_and(|row| row.state == EffectState::Pending))
    }

    /// When `effect` may be executed.
    ///
    /// Errors: `Outage` when the database does not answer.
    pub fn effect_due(&mut self, effect: &EffectEnvelope) -> Result<Timestamp, Fault> {
        Ok(self.core.get::<RuntimeEffect>(&effect.id)?.map_or(self.core.state.now, |row| row.next_at))
    }

    /// Whether effects were caused that [`Self::take_effects`] has not given yet, durable or not.
    pub fn has_effects(&self) -> bool {
        let in_flight = self.in_flight.iter().any(|batch| !batch.effects.is_empty());
        in_flight || !self.effects.is_empty() || !self.ready_effects.is_empty()
    }

    /// Effects whose causes are durable, oldest first.
    pub fn take_effects(&mut self) -> Vec<EffectEnvelope> {
        self.handed_out.extend(self.ready_effects.iter().map(|effect| effect.id));
        self.ready_effects.drain(..).collect()
    }

    /// Takes back effects that nobody executes after all.
    pub fn return_effects(&mut self, effects: Vec<EffectEnvelope>) {
        for effect in effects {
            self.handed_out.remove(&effect.id);
            self.ready_effects.push_back(effect);
        }
    }

    /// Whether a batch is on its way to the disk.
    pub fn is_writing(&self) -> bool {
        !self.in_flight.is_empty()
    }

    /// How many batches are on their way to the disk.
    pub fn batches_writing(&self) -> usize {
        self.in_flight.len()
    }

    /// When the next timer is due, if there is one.
    pub fn next_timer(&mut self) -> Option<Timestamp> {
        while let Some(Reverse((due, id))) = self.core.timers.peek().cloned() {
            match self.core.get::<RuntimeTimer>(&id) {
                Ok(current) if current.as_ref().is_none_or(|timer| timer.due != due) => drop(self.core.timers.pop()),
                // Where the database does not answer the timer stands; firing it says what is wrong.
                Ok(_) | Err(_) => return Some(due),
            }
        }
        None
    }

    /// Runs one timer that is due, if there is one; says whether there was.
    ///
    /// Errors: as [`MarketWriter::execute`]. A timer that an outage keeps from firing stands; one that cannot be fired
    /// is passed over with a work order.
    pub fn fire_timer(&mut self) -> Result<Option<Executed>, Fault> {
        let Some(due) = self.next_timer().filter(|due| *due <= self.core.state.now) else { return Ok(None) };
        let Some(Reverse((_, id))) = self.core.timers.peek().cloned() else { return Ok(None) };
        let timer = match self.core.get::<RuntimeTimer>(&id) {
            Ok(timer) => timer.filter(|timer| timer.due == due),
            Err(fault) => return Err(self.pass_over(&id, fault)),
        };
        let Some(timer) = timer else { return Ok(None) };
        let stimulus = match self.timer_stimulus(&timer) {
            Ok(stimulus) => stimulus,
            Err(fault) => return Err(self.pass_over(&id, fault)),
        };
        self.execute(stimulus).map(Some).map_err(|fault| {
            let stands = self.core.get::<RuntimeTimer>(&id).is_ok_and(|timer| timer.is_some_and(|it| it.due == due));
            if stands { self.pass_over(&id, fault) } else { fault }
        })
    }

    /// A timer that no program like this can fire stays in the table, for one that can, with a work order; it must not
    /// stand in the way of the others. One that an outage keeps from firing stands.
    fn pass_over(&mut self, id: &str, fault: Fault) -> Fault {
        if matches!(fault.kind, FaultKind::Bug | FaultKind::Corrupt) {
            self.core.timers.pop();
            self.owe(work_order("stuck-timer", format!("timer-{id}"), format!("timer {id}: {fault}")));
        }
        fault
    }

    fn timer_stimulus(&self, timer: &RuntimeTimer) -> Result<Stimulus, Fault> {
        let registry = Arc::clone(&self.core.registry);
        let type_id = registry.by_id.get(timer.message.as_str());
        let handler = type_id.and_then(|type_id| registry.handlers.get(type_id));
        let handler = handler.ok_or_else(|| Fault::bug(format!("nobody answers timer {}", timer.message)))?;
        let payload = self.core.keys.opening(|| (handler.decode)(&timer.payload))??;
        let service = registry.services.iter().find(|name| **name == timer.service).copied();
        let service = service.ok_or_else(|| Fault::bug(format!("no service is called {}", timer.service)))?;
        Ok(Stimulus {
            actor: Arc::from("timer"),
            source: service,
            key: None,
            trace: Some(timer.trace),
            cause: Some(timer.cause()),
            vt: handler.vt,
            payload,
            fact: true,
            open_to: OpenTo::Staff,
            timer: Some(timer.id.clone()),
            effect_done: None,
            advance: None,
        })
    }
}

/// How long an effect that failed waits.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    /// After the first failure, in seconds; after each further one twice as long.
    pub first_seconds: i64,
    /// At most, in seconds.
    pub longest_seconds: i64,
}

/// How long effects wait that failed, less up to a quarter.
pub const RETRY: Retry = Retry { first_seconds: 2, longest_seconds: 3_600 };

/// Seconds to wait before attempt `attempts + 1`: doubling up to the longest, less up to a quarter of jitter, so that
/// what failed together does not come back together. The same effect waits the same time in every replay.
pub(super) fn backoff_seconds(effect: i64, attempts: u32) -> i64 {
    let doubled = 1i64 << (attempts.clamp(1, 32) - 1);
    let base = RETRY.first_seconds.saturating_mul(doubled).min(RETRY.longest_seconds);
    let hash = blake3::hash(&[effect.to_le_bytes(), i64::from(attempts).to_le_bytes()].concat());
    base - base * i64::from(hash.as_bytes()[0]) / 1_024
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use sycee_contract::{ChannelPayment, Effect, SendOtp};

    use super::*;

    /// Seconds from the first attempt to the last, when every one fails.
    fn patience<F: Effect>(effect: i64) -> i64 {
        (1..F::MAX_ATTEMPTS).map(|attempts| backoff_seconds(effect, attempts)).sum()
    }

    #[test]
    fn a_payout_outlives_an_outage_of_hours_and_a_password_is_not_sent_when_it_has_lapsed() {
        for effect in 0..500 {
            assert!(patience::<ChannelPayment>(effect) > 9 * 3_600, "{}", patience::<ChannelPayment>(effect));
            assert!((150..300).contains(&patience::<SendOtp>(effect)), "{}", patience::<SendOtp>(effect));
        }
    }

    #[test]
    fn waits_double_to_an_hour_and_effects_do_not_wait_alike() {
        for attempts in 1..40 {
            let base = 2i64.saturating_pow(attempts.min(12)).min(RETRY.longest_seconds);
            let waits: BTreeSet<i64> = (0..500).map(|effect| backoff_seconds(effect, attempts)).collect();
            assert!(waits.iter().all(|wait| *wait > 0 && *wait <= base && *wait >= base * 3 / 4), "{waits:?}");
            assert!(base < 64 || waits.len() > 10, "{waits:?}");
        }
    }
}
