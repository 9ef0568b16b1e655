//! The runtime of a market: one writer, pure handlers on a unit of work, group commit, and everything around it.
//!
//! A stimulus (a person's request, a fact from outside, a timer) runs through the handlers it reaches until nothing is
//! queued: a *cascade*. Cascades run one after another in the writer's memory and become durable together in a group
//! commit, which a second thread writes while the next batch already runs.
//!
//! Invariant: everything one stimulus causes in a market commits together, or not at all.
//! Invariant: results, ids and bytes depend on the stimuli alone, not on batches, engine or hash order.
//! Invariant: a handler reaches nothing but its [`Work`]: no I/O, no wall clock, no randomness.
//! Invariant: a service touches only its own entities; messages are the only doors between services.

mod adapters;
mod cache;
mod cascade;
mod clock;
mod commit;
mod config;
pub mod control;
mod core;
mod digest;
mod entity;
mod fault;
mod field;
mod idempotency;
mod log;
mod market;
mod memory;
mod opening;
mod payload;
mod registry;
mod resident;
mod seal;
mod stimulus;
pub mod storage;
mod system;
mod table_builder;
pub mod testing;
mod trace;
mod work;
mod writer;

pub use adapters::{Adapters, Limits, Outcome};
pub use cascade::{Cause, Executed, HopView};
pub use clock::{Clock, ClockState, OnMove, SystemClock, VirtualClock};
pub use config::{Configs, Market};
pub use entity::{Entity, Find, read_all};
pub use fault::{Coded, Fault, FaultKind, Halt, Handled, rejection_of};
pub use field::{Blind, Field, Json, Key, RowReader, date_of, days_of};
pub use market::{BATCHES_WRITING_MAX, MarketOptions, MarketWriter, RETRY, Retry, RunStats};
pub use payload::Answer;
pub use registry::{Registry, ServiceBuilder};
pub use resident::Resident;
pub use seal::Secrets;
pub use stimulus::{EffectEnvelope, Stimulus};
pub use system::{EffectState, MarketState, ParkedStimulus, RuntimeEffect, RuntimeTimer};
pub use table_builder::TableBuilder;
pub use trace::{CascadeTrace, TraceHop, read_about, read_cascade, read_trace};
pub use work::Work;
pub use writer::{BusinessDays, Live, LiveStatus, Reply, Unavailable, Writer};

pub use sycee_contract as contract;
