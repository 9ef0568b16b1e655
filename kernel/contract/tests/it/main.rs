//! The contract as a whole: what every message has to keep to.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on ends")]
mod payloads;
