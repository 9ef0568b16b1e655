//! A process killed under load, a machine that loses power: what was acknowledged is there, and nothing is half there.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on ends")]

mod kill;
mod power;
