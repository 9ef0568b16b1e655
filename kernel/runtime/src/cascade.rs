//! One cascade: the queue of messages that a stimulus set going, and the record of every hop.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::Serialize;
use sycee_contract::{CustomerId, Event, Message, Rejection};

use crate::EffectEnvelope;
use crate::core::Core;
use crate::payload::{Answer, Payload, Vt};

/// Most messages one cascade may carry; beyond it something feeds itself.
pub(crate) const HOPS_MAX: usize = 20_000;

/// A message of the log: what came later because of it names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// The cascade it was sent in.
    pub cascade: i64,
    /// Its place there, 0 upwards.
    pub hop: u32,
}

/// What became of a hop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HopOutcome {
    Delivered,
    Asked,
    Refused(String),
}

/// One message on its way from one service to others.
pub(crate) struct Hop {
    pub vt: &'static Vt,
    pub payload: Payload,
    pub from: &'static str,
    pub to: Vec<&'static str>,
    pub cause: Option<u32>,
    pub outcome: HopOutcome,
}

pub(crate) enum Delivery {
    Message,
    Refusal(Rejection),
}

pub(crate) struct Queued {
    pub hop: u32,
    pub delivery: Delivery,
}

pub(crate) type Sticky = Box<dyn Fn(&mut Core) + Send>;

/// A cascade while it runs.
pub(crate) struct Cascade {
    pub id: i64,
    pub trace: i64,
    /// What brought its stimulus about, where that is a message of this market.
    pub cause: Option<Cause>,
    pub actor: Arc<str>,
    pub subject: Option<CustomerId>,
    pub queue: VecDeque<Queued>,
    pub hops: Vec<Hop>,
    pub effects: Vec<EffectEnvelope>,
    /// Effects that were taken back.
    pub withdrawn: Vec<i64>,
    pub sticky: Vec<Sticky>,
}

/// A hop as tests and drivers see it.
pub struct HopView<'a> {
    /// Message id.
    pub message: &'static str,
    /// Sender.
    pub from: &'static str,
    /// Receivers.
    pub to: &'a [&'static str],
    /// Index of the hop that caused it.
    pub cause: Option<u32>,
    /// Refusal code, if it was refused.
    pub refused: Option<&'a str>,
}

/// What a stimulus did. Provisional until its batch is durable.
#[derive(Clone)]
pub struct Executed {
    /// The answer of the root command, or why it was refused. Events answer nothing.
    pub outcome: Result<Option<Answer>, Rejection>,
    /// Whether this is the stored answer of an earlier request with the same key.
    pub replayed: bool,
    /// The cascade.
    pub cascade: i64,
    /// The trace it belongs to.
    pub trace: i64,
    pub(crate) hops: Arc<Vec<Hop>>,
}

impl Executed {
    /// The answer of command `C`.
    ///
    /// Errors: the rejection, if it was refused; a `FAULT` rejection when the stimulus was no `C`.
    pub fn answer<C: sycee_contract::Command>(&self) -> Result<C::Answer, Rejection> {
        match &self.outcome {
            Ok(answer) => answer
                .as_ref()
                .and_then(Answer::get::<C>)
                .ok_or_else(|| Rejection::new("FAULT", format!("the stimulus was not {}", C::ID))),
            Err(rejection) => Err(rejection.clone()),
        }
    }

    /// The events of type `E` that the cascade emitted, in order.
    pub fn events<E: Event>(&self) -> impl Iterator<Item = &E> {
        self.payloads::<E>()
    }

    /// The messages of type `M` that were sent in the cascade, in order.
    pub fn payloads<M: Message>(&self) -> impl Iterator<Item = &M> {
        self.hops.iter().filter_map(|hop| hop.payload.downcast_ref::<M>())
    }

    /// Every hop, in causal order.
    pub fn hops(&self) -> impl Iterator<Item = HopView<'_>> {
        self.hops.iter().map(|hop| HopView {
            message: hop.vt.id,
            from: hop.from,
            to: &hop.to,
            cause: hop.cause,
            refused: match &hop.outcome {
                HopOutcome::Refused(code) => Some(code),
                _ => None,
            },
        })
    }
}
