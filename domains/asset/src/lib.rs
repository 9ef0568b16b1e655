//! Asset domain: what customers owe under their loans, from the payout to the settlement.
//!
//! Services: `asset-center` (notes, due lists, postings, the daily close), `repayment-plan-service` (schedules),
//! `repayment-calculation-service` (how a payment is split), `abf-service` (what each funder's money stands in).
//!
//! Invariant: the sum over notes of principal, interest receivable, unearned interest and penalties is what the books carry.
//! Invariant: what is planned, due, earned and received are four facts; each is kept once.
//! Invariant: a ledger entry is applied to a note once, and a day is closed for a note once.

mod abf_service;
mod allocation;
mod asset_center;
mod repayment_calculation_service;
mod repayment_plan_service;

use sycee_runtime::Registry;

pub use abf_service::{AssetPool, PooledLoan};
pub use allocation::{Split, split_payment};
pub use asset_center::{
    Accrual, AccrualSegment, AccrualTotal, Applied, AssetClose, AssetProduct, Bucket, ClosedDay, CustomerAssets,
    DayAccrual, InstallmentState, LoanAccrual, LoanContract, LoanInstallments, LoanNote, NoteError, NoteRules,
    NoteStatus, PAGE, QuoteRejection, REMINDER_DAYS, RepaymentPosting, RunningPeriod, SegmentGroup, Totals,
    explain_accrual,
};
pub use repayment_plan_service::RepaymentSchedule;

/// Registers the services of this domain.
pub fn register(registry: &mut Registry) {
    asset_center::register(registry);
    repayment_plan_service::register(registry);
    repayment_calculation_service::register(registry);
    abf_service::register(registry);
}
