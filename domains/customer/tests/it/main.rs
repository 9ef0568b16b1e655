//! Tests of the customer domain: given messages, when a command or event, then messages and state.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test by panicking")]

mod consents;
mod golden_record;
mod identity;
mod registration;
mod sessions;
mod signatures;
mod support;
