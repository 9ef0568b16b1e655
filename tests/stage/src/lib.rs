//! A whole market for tests: every service of every domain, simulated adapters outside, borrowers told what to do.
//!
//! [`Stage`] drives a market on virtual time, on SQLite and on PostgreSQL. [`Borrower`] makes the commands of one person,
//! so that tests say only what differs from an ordinary request.
//!
//! Invariant: a stage adds nothing to a market but stimuli that people, channels and clocks could have caused.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test's stage that does not stand ends the test"
)]

mod borrower;
mod outside;
mod stage;

pub use borrower::Borrower;
pub use outside::Outside;
pub use stage::{Life, Stage};

use sycee_contract::Date;
use sycee_markets::MarketFiles;
use sycee_money::{Currency, Money};
use sycee_runtime::storage::DatabaseUrl;
use sycee_runtime::{MarketOptions, Secrets};

/// First business day of every stage: a Monday.
pub const FIRST_DAY: Date = Date::constant(2026, 1, 5);

/// The market of Ghana, kept at `url`.
pub fn options(url: DatabaseUrl) -> MarketOptions {
    let files = MarketFiles::ghana();
    MarketOptions {
        url,
        market: files.market().unwrap(),
        configs: files.configs().unwrap(),
        secrets: Secrets::derive(b"stage", "gh"),
        first_day: FIRST_DAY,
    }
}

/// Whole cedis.
pub fn cedis(amount: i64) -> Money {
    Money::from_minor(amount * 100, Currency::GHS).unwrap()
}
