//! Small markets on both engines: every oracle holds, the same seed gives the same state, broken state is caught.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on ends")]

mod mutations;
mod pinned;
mod stage;
mod tamper;
mod whole_runs;
