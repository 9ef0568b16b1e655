//! After a batch that was not written: what the writer does so that nothing is lost and nothing is done twice.
//!
//! Invariant: a batch that stands in the database is answered, never run again, whatever its error said.
//! Invariant: a writer that another has followed does not take the market back.

use std::sync::Arc;

use sycee_contract::Timestamp;

use super::outside::backoff_seconds;
use super::{MarketWriter, NO_TICKET};
use crate::opening::open_parts;
use crate::storage::Claim;
use crate::system::{EffectState, RuntimeEffect};
use crate::{Executed, Fault, FaultKind, Stimulus};

impl MarketWriter {
    /// Nothing can be kept any more: whatever is asked of this writer from here on is answered with `fault`.
    pub(super) fn stop(&mut self, fault: Fault) -> Fault {
        self.stopped.get_or_insert((fault.kind, fault.message.clone()));
        fault
    }

    pub(super) fn not_stopped(&self) -> Result<(), Fault> {
        match &self.stopped {
            None => Ok(()),
            Some((kind, why)) => Err(Fault::new(*kind, format!("the writer stopped, open the market again: {why}"))),
        }
    }

    pub(super) fn answer_durable(&mut self, done: Vec<(u64, Executed)>) {
        let wanted = done.into_iter().filter(|(ticket, _)| *ticket != NO_TICKET);
        self.completed.extend(wanted.map(|(ticket, it)| (ticket, Ok(it))));
    }

    /// Throws memory away and reads it again, unless another writer has taken over.
    fn reopen(&mut self) -> Result<(), Fault> {
        let claim = Claim { held: Some(self.epoch), lease: None };
        let opened = open_parts(&self.core.registry, &self.options, claim)?;
        // Those that cannot be read were reported when the market was opened.
        self.pending = opened.pending();
        self.batch = opened.batch + 1;
        self.durable = opened.committed;
        self.epoch = opened.epoch;
        self.core = opened.core;
        self.flusher = opened.flusher;
        self.recent = opened.recent;
        self.ready_effects = opened.effects;
        self.in_flight.clear();
        self.unflushed.clear();
        self.log.clear();
        self.done.clear();
        self.effects.clear();
        self.stimuli.clear();
        self.finished.clear();
        self.tried.clear();
        Ok(())
    }

    /// A batch was not written, nor any that was sealed after it: memory is thrown away, their stimuli run again one by
    /// one, the culprit parks.
    ///
    /// When a batch stands in the database after all, its stimuli are answered and only later ones run again.
    pub(super) fn recover(&mut self, fault: &Fault) -> Result<(), Fault> {
        let lost = std::mem::take(&mut self.in_flight);
        let mut later = std::mem::take(&mut self.stimuli);
        let mut later_finished = std::mem::take(&mut self.finished);
        let mut later_tried = std::mem::take(&mut self.tried);
        let now = self.core.state.now;
        self.reopen()?;
        self.stats.recoveries += 1;
        let (mut stimuli, mut finished, mut tried) = (Vec::new(), Vec::new(), Vec::new());
        for mut lost in lost {
            if lost.batch <= self.durable {
                self.answer_durable(lost.done);
            } else {
                stimuli.append(&mut lost.stimuli);
                finished.append(&mut lost.finished);
                tried.append(&mut lost.tried);
            }
        }
        stimuli.append(&mut later);
        finished.append(&mut later_finished);
        tried.append(&mut later_tried);
        self.recovering = true;
        let result = self.mark_again(&finished, &tried).and_then(|()| self.rerun(stimuli, fault));
        self.recovering = false;
        result?;
        self.set_now(now);
        for effect in std::mem::take(&mut self.ready_effects) {
            let row = self.core.get::<RuntimeEffect>(&effect.id)?;
            let pending = row.is_some_and(|row| row.state == EffectState::Pending);
            if pending && !self.handed_out.contains(&effect.id) {
                self.ready_effects.push_back(effect);
            }
        }
        Ok(())
    }

    /// What left has left, whatever became of the batch that said so. One whose last attempt parked it gets another before it
    /// is parked again: its work order was lost with the batch.
    fn mark_again(&mut self, finished: &[i64], tried: &[i64]) -> Result<(), Fault> {
        for id in finished {
            self.finish_effect(*id)?;
            self.pending.remove(id);
        }
        for id in tried {
            if let Some(effect) = self.core.get::<RuntimeEffect>(id)?
                && effect.state != EffectState::Done
            {
                let attempts = effect.attempts + 1;
                let next_at = self.core.state.now.plus_seconds(backoff_seconds(*id, attempts));
                let again = RuntimeEffect { attempts, next_at, ..RuntimeEffect::clone(&effect) };
                self.core.put::<RuntimeEffect>(*id, Some(Arc::new(again)));
            }
        }
        self.core.forget_undo();
        self.sync()
    }

    fn rerun(&mut self, stimuli: Vec<(u64, Stimulus, Timestamp)>, first: &Fault) -> Result<(), Fault> {
        for (ticket, stimulus, at) in stimuli {
            self.set_now(at);
            let again = stimulus.clone();
            let Err(error) = self.execute_ticket(ticket, stimulus).and_then(|_| self.sync()) else { continue };
            if error.kind == FaultKind::Fenced {
                return Err(error);
            }
            // While it recovers each stimulus is a batch of its own, and waited for.
            let lost = self.in_flight.pop_front();
            self.reopen()?;
            self.set_now(at);
            if let Some(written) = lost
                && written.batch <= self.durable
            {
                self.answer_durable(written.done);
                continue;
            }
            let fault = Fault::new(error.kind, format!("{error} (first seen as: {first})"));
            if is_suspended(&again, &fault) {
                self.core.state.last_cascade += 1;
                self.suspend(ticket, again, self.core.state.last_cascade, &fault)?;
                self.sync()?;
            }
            if ticket != NO_TICKET {
                self.completed.push_back((ticket, Err(fault)));
            }
        }
        Ok(())
    }
}

/// Whether a stimulus that runs into `fault` is kept for people: facts are, but the start of a day is tried again.
pub(super) fn is_suspended(stimulus: &Stimulus, fault: &Fault) -> bool {
    let lasting = matches!(fault.kind, FaultKind::Bug | FaultKind::Corrupt);
    stimulus.fact && stimulus.advance.is_none() && lasting
}
