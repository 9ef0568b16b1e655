//! Markets as files, and the assembly of all services into one registry.
//!
//! A market is a folder: who it is, its chart of accounts and entry templates, products, contract texts, strategy,
//! policies, channels, messages to customers, funders. The folder `gh` is built in. [`registry`] puts every service of
//! every domain together, with the migrations that make their tables.
//!
//! Invariant: a folder that loads is whole: every product's contract exists, every template's accounts exist, and every
//! event that services post has a template that takes its amounts.

mod agreement;
mod bounds;
mod days;
mod files;
mod layout;
mod migrations;
mod policies;
mod postings;

use std::sync::Arc;

use sycee_runtime::Registry;

pub use days::CalendarDays;
pub use files::{FunderFile, MarketError, MarketFiles};
pub use migrations::migrations;

/// Every service of every domain.
pub fn registry() -> Arc<Registry> {
    let mut registry = Registry::new();
    sycee_customer::register(&mut registry);
    sycee_risk::register(&mut registry);
    sycee_credit::register(&mut registry);
    sycee_product::register(&mut registry);
    sycee_transaction::register(&mut registry);
    sycee_funds::register(&mut registry);
    sycee_partner::register(&mut registry);
    sycee_accounting::register(&mut registry);
    sycee_asset::register(&mut registry);
    sycee_post_loan_operations::register(&mut registry);
    sycee_business_frontend::register(&mut registry);
    registry.migrated_by(migrations());
    Arc::new(registry)
}
