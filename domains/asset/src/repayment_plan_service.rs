//! Repayment plan service: the schedule a loan is repaid by.
//!
//! Invariant: at most one schedule of a loan is active; the database enforces it.
//! Invariant: the principal parts of a schedule sum to the loan's principal; a schedule never changes.

use sycee_contract::{
    Date, DisbursementSucceeded, LoanId, PlannedInstallment, RepaymentPlanCalculated, RepaymentScheduleGenerated,
};
use sycee_money::Money;
use sycee_runtime::{Fault, Handled, Json, Registry, Work, entity};

entity! {
    /// A version of a loan's schedule.
    pub struct RepaymentSchedule in "repayment_schedule" of "repayment-plan-service" key (loan, version): (LoanId, u32) {
        /// The loan.
        loan: LoanId,
        /// Version, 1 upwards.
        version: u32,
        /// Set on the active version, on no other.
        active_marker: Option<bool>,
        /// The installments.
        installments: Json<Vec<PlannedInstallment>>,
        /// Since when it is in force: the day the loan was reported as disbursed.
        effective_from: Option<Date>,
    }
    unique index active_of(loan: LoanId, active_marker: Option<bool>);
}

pub(crate) fn register(registry: &mut Registry) {
    registry
        .service("repayment-plan-service")
        .entity::<RepaymentSchedule>()
        .on(fix_schedule)
        .on(put_in_force)
        .emits::<RepaymentScheduleGenerated>();
}

fn fix_schedule(work: &mut Work, event: &RepaymentPlanCalculated) -> Handled<()> {
    let (true, Some(loan), Some(plan)) = (event.for_schedule, event.loan, &event.plan) else {
        return Ok(());
    };
    if work.get::<RepaymentSchedule>((loan, 1))?.is_some() {
        return Ok(());
    }
    let principal = Money::sum(plan.principal.currency(), plan.installments.iter().map(|line| line.principal))?;
    if principal != plan.principal || plan.installments.is_empty() {
        let what = format!("the plan of {loan} repays {principal} of {}", plan.principal);
        return Err(Fault::bug(what).into());
    }
    work.save(RepaymentSchedule {
        loan,
        version: 1,
        active_marker: Some(true),
        installments: Json(plan.installments.clone()),
        effective_from: None,
    });
    let installments = plan.installments.clone();
    work.emit(RepaymentScheduleGenerated { loan, version: 1, installments, on_note: false });
    Ok(())
}

fn put_in_force(work: &mut Work, event: &DisbursementSucceeded) -> Handled<()> {
    let first = work.get::<RepaymentSchedule>((event.loan, 1))?.filter(|first| first.active_marker == Some(true));
    let Some(mut schedule) = first else {
        return Err(Fault::bug(format!("{} is disbursed without an active schedule", event.loan)).into());
    };
    if schedule.effective_from.is_none() {
        schedule.effective_from = Some(event.disbursed_on);
        work.save(schedule);
    }
    Ok(())
}
