//! Transaction domain: `loan-engine` takes a loan from application to payout and follows it to its end;
//! `repayment-engine` takes money for loans, by order or without one, and has it posted.
//!
//! Invariant: money moves only for a loan whose contract was signed under a risk decision in force.
//! Invariant: at most one payout attempt of a loan is open, and a new one begins only when the last one failed.
//! Invariant: a hold on a credit line or on a funder's money is released when the loan ends before its payout.
//! Invariant: money that arrived is posted once a reference, whatever became of the order it was meant for.

pub mod loan_engine;
mod policy;
mod rejection;
pub mod repayment_engine;
mod step;

pub use policy::{LoanPolicy, RepaymentPolicy};
pub use rejection::TransactionRejection;
pub use step::Step;

use sycee_runtime::Registry;

/// Registers the services of this domain.
pub fn register(registry: &mut Registry) {
    loan_engine::register(registry);
    repayment_engine::register(registry);
}
