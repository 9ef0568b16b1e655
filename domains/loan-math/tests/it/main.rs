//! Tests of loan mathematics: published figures and properties.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that meets an unexpected answer has to stop")]

mod cases;
mod properties;
