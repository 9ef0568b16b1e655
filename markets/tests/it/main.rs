//! A market's folder on disk, and its tables and statements on every engine.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on ends")]
mod documents;
mod folders;
mod statements;
