//! The rules of the house as tests. A rule is a pure function from text to findings; next to it stand one test that
//! applies it to the tree and one that shows it a bad sample, so that no rule can rot into one that finds nothing.
//!
//! Invariant: every rule has a bad sample that it finds.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail a test the same way tests do")]

mod catalog;
mod dependencies;
mod floats;
mod licences;
mod links;
mod readmes;
mod services;
mod sources;
mod tree;
