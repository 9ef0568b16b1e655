//! The runtime's contract, on every engine: atomic cascades, exactly-once answers, timers, effects, recovery.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on ends")]
mod bank;
mod cascades;
mod control;
mod durability;
mod encrypted;
mod facts;
mod hostile;
mod idempotency;
mod leases;
mod live;
mod live_days;
mod live_effects;
mod migrations;
mod opening;
mod outages;
mod privacy;
mod proxy;
mod reading_ahead;
mod recovery;
mod rows;
mod shop;
