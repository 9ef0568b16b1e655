//! Tests of the accounting domain: the ledger by properties, verification by tampering, templates by golden files,
//! services on a stage.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod books;
mod ledger;
mod reports;
mod services;
mod templates;
mod verify;
