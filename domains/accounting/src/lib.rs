//! Accounting: the books. What happened to money is written here first; assets and what people see follow from it.
//!
//! Services: `accounting-center` (takes ledger events, owns the [ledger](ledger::Ledger), reverses), `accounting-entry-service`
//! (templates: which event posts which lines), `balance-management-service` (control balances and watched accounts),
//! `accounting-reconciliation-service` (control totals by day and template).
//!
//! Invariant: debits equal credits, per entry, per currency and in total; entries are appended, never changed.
//! Invariant: which event posts which lines is data, checked when it is loaded; code knows no account.

pub mod accounting_center;
pub mod accounting_entry_service;
pub mod accounting_reconciliation_service;
pub mod balance_management_service;
pub mod ledger;
mod rejection;
pub mod reports;
pub mod rules;

use sycee_runtime::Registry;

pub use rejection::AccountingRejection;
pub use rules::AccountingRules;

/// Registers the domain's services.
pub fn register(registry: &mut Registry) {
    accounting_center::register(registry);
    accounting_entry_service::register(registry);
    balance_management_service::register(registry);
    accounting_reconciliation_service::register(registry);
}
