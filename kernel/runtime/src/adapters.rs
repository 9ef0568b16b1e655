//! Who executes effects, and within which limits.
//!
//! Invariant: each kind of effect has threads of its own: one that hangs takes no thread from another.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sycee_contract::Effect;

use crate::{EffectEnvelope, Stimulus};

/// What came of an execution. Texts must carry no personal data: they are stored and shown.
pub enum Outcome {
    /// The outside world took it and has nothing to say, or says it later.
    Done,
    /// The outside world answered.
    Answered(Box<Stimulus>),
    /// It did not work this time: it is tried again, later and later, then parked with a work order.
    Retry(String),
    /// It will never work: it is parked with a work order.
    GiveUp(String),
}

impl Outcome {
    /// The outside world answered with `stimulus`.
    pub fn answered(stimulus: Stimulus) -> Self {
        Self::Answered(Box::new(stimulus))
    }
}

/// Limits of one kind of effect.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most executions at once.
    pub at_once: usize,
    /// After so long without an answer, an execution is given up as failed and the effect tried again.
    pub deadline: Duration,
    /// Most executions that were given up and still hold a thread; beyond, fewer run at once, at last none.
    pub hanging_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { at_once: 4, deadline: Duration::from_secs(30), hanging_max: 4 }
    }
}

pub(crate) type Execute = Arc<dyn Fn(&EffectEnvelope) -> Outcome + Send + Sync>;

#[derive(Clone)]
pub(crate) struct Adapter {
    pub execute: Execute,
    pub attempts_max: u32,
    pub limits: Limits,
}

/// Executors by kind of effect.
#[derive(Default)]
pub struct Adapters {
    by_kind: BTreeMap<&'static str, Adapter>,
}

impl Adapters {
    /// Nobody yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Effects `F` are executed by `execute`, which may block, on threads of their own.
    ///
    /// An effect is executed at least once: `execute` passes [`Effect::idempotency_key`] on, so that the partner does it
    /// once.
    #[must_use]
    pub fn executes<F: Effect>(
        mut self,
        limits: Limits,
        execute: impl Fn(&F, &EffectEnvelope) -> Outcome + Send + Sync + 'static,
    ) -> Self {
        let execute: Execute = Arc::new(move |envelope| match envelope.get::<F>() {
            Some(effect) => execute(effect, envelope),
            None => Outcome::GiveUp(format!("{} has another type than its adapter", envelope.kind)),
        });
        self.by_kind.insert(F::KIND, Adapter { execute, attempts_max: F::MAX_ATTEMPTS, limits });
        self
    }

    /// Who executes `kind`; where nobody does, every try fails, so that people hear of it.
    pub(crate) fn of(&self, kind: &'static str) -> Adapter {
        let missing = || Adapter {
            execute: Arc::new(move |_| Outcome::Retry(format!("no adapter executes {kind}"))),
            attempts_max: 8,
            limits: Limits { at_once: 1, ..Limits::default() },
        };
        self.by_kind.get(kind).cloned().unwrap_or_else(missing)
    }
}
