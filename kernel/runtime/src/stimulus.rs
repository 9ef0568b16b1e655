//! What happens to a market, and what it asks of the outside world.

use std::sync::Arc;

use sycee_contract::{Actor, Command, Date, Effect, Event, Message, Nature, OpenTo, Rejection};

use crate::cascade::Cause;
use crate::payload::{Payload, Vt, vt_of};

/// The source of what comes through no service.
pub(crate) const OUTSIDE: &str = "actor";

/// Something that happens to a market: a request, a fact, an event from outside.
#[derive(Clone)]
pub struct Stimulus {
    pub(crate) actor: Arc<str>,
    pub(crate) source: &'static str,
    pub(crate) key: Option<Arc<str>>,
    pub(crate) trace: Option<i64>,
    /// What brought it about: who set its timer, who asked for the effect that it answers.
    pub(crate) cause: Option<Cause>,
    pub(crate) vt: &'static Vt,
    pub(crate) payload: Payload,
    pub(crate) fact: bool,
    /// Who may ask for it besides staff and services.
    pub(crate) open_to: OpenTo,
    pub(crate) timer: Option<String>,
    pub(crate) effect_done: Option<i64>,
    /// The business date that it begins.
    pub(crate) advance: Option<Date>,
}

impl Stimulus {
    /// A command from `actor`, such as `customer:cus-12` or `staff:ama`; see [`Actor`] for what each may ask for.
    pub fn command<C: Command>(actor: &str, command: C) -> Self {
        let open_to = command.open_to();
        Self::of::<C>(actor, command, C::NATURE == Nature::Fact, open_to)
    }

    /// An event that happened outside.
    pub fn event<E: Event>(actor: &str, event: E) -> Self {
        Self::of::<E>(actor, event, true, OpenTo::Staff)
    }

    fn of<M: Message>(actor: &str, message: M, fact: bool, open_to: OpenTo) -> Self {
        Self {
            actor: Arc::from(actor),
            source: OUTSIDE,
            key: None,
            trace: None,
            cause: None,
            vt: vt_of::<M>(),
            payload: Arc::new(message),
            fact,
            open_to,
            timer: None,
            effect_done: None,
            advance: None,
        }
    }

    /// Whether its actor may ask for it. Errors: `NOT_PERMITTED`.
    pub(crate) fn check_actor(&self) -> Result<(), Rejection> {
        Actor::parse(&self.actor).check(self.open_to)
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
    /// Who asked for it.
    pub(crate) cause: Cause,
    pub(crate) payload: Payload,
}

impl EffectEnvelope {
    /// The effect, if it is an `F`.
    pub fn get<F: Effect>(&self) -> Option<&F> {
        self.payload.downcast_ref::<F>()
    }
}
