//! The real binary, from outside: what it prints, how it ends, what it leaves.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod accruing;
mod calculating;
mod cataloguing;
mod conformance;
mod demonstrating;
mod leasing;
mod measuring;
mod migrating;
mod reading;
#[cfg(unix)]
mod stopping;
mod support;
mod tracing;
#[cfg(unix)]
mod unwritable;
mod usage;
