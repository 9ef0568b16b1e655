//! Flows 1 to 6 of the catalogue on a whole market, on SQLite and on PostgreSQL.
//!
//! Each flow is driven as people would drive it; then its trace is read back from the database and compared, hop by hop,
//! with `catalog/catalog.json`. Bad input is refused with a message that helps, and repeated requests are done once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on ends")]

mod bad_amounts;
mod bad_facts;
mod bad_requests;
mod bad_texts;
mod catalog;
mod conformance;
mod credit;
mod debits;
mod documents;
mod doors;
mod late_money;
mod onboarding;
mod oracles;
mod ownership;
mod payout;
mod refusal;
mod repayment;
mod repeats;
mod suspense;
mod union;
