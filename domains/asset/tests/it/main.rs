//! Tests of the asset domain: messages in, messages and state out, on every store; and its figures against random lives.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where its facts fail")]

mod books;
mod close;
mod fixture;
mod notes;
mod properties;
mod repayments;
mod settlements;
