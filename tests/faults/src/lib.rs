//! What survives: requests with keys that can be repeated after a crash, people who make them, and a file system that
//! loses power.
//!
//! Invariant: an acknowledgement is written down only after its request is durable.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test's load that cannot go on ends, which is what a crash is"
)]

mod ask;
mod journey;
mod outside;
mod power_loss;
mod survival;

pub use ask::{Acknowledged, Ask};
pub use journey::Journey;
pub use outside::Mailbox;
pub use power_loss::Power;
pub use survival::{had_much_to_lose, survived};
