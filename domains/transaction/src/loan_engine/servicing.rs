//! A running loan: due, overdue, active again, repaid.

use sycee_contract::{
    AssetPostingApplied, InstallmentDueNotice, LoanId, LoanStatus, LoanStatusChanged, OverdueBucketChanged,
};
use sycee_runtime::{Handled, Work};

use super::machine::LoanSignal;
use super::model::LoanOrder;
use super::{count_closed, is_open, step};
use crate::Step;

/// An installment is due today; reminders before that day change nothing.
pub(super) fn on_installment_due(work: &mut Work, event: &InstallmentDueNotice) -> Handled<()> {
    if event.in_days == 0 { advance(work, event.loan, LoanSignal::FallDue, Some(event.nr)) } else { Ok(()) }
}

/// The loan entered a delinquency bucket, or left them.
pub(super) fn on_overdue_bucket_changed(work: &mut Work, event: &OverdueBucketChanged) -> Handled<()> {
    let signal = if event.to == "current" { LoanSignal::CatchUp } else { LoanSignal::FallOverdue };
    advance(work, event.loan, signal, None)
}

/// Money was posted to the note: the loan may be repaid, or what was due today is paid.
pub(super) fn on_asset_posting_applied(work: &mut Work, event: &AssetPostingApplied) -> Handled<()> {
    if event.settled {
        return advance(work, event.loan, LoanSignal::Settle, None);
    }
    let Some(order) = work.read::<LoanOrder>(event.loan)? else { return Ok(()) };
    let paid_today = order.due_nr.is_some_and(|nr| event.installments_settled.contains(&nr));
    if order.status == LoanStatus::DueToday && paid_today {
        return advance(work, event.loan, LoanSignal::CatchUp, None);
    }
    Ok(())
}

/// Moves a running loan's state if `signal` does, and tells everybody; `due_nr` is the installment due today.
fn advance(work: &mut Work, loan: LoanId, signal: LoanSignal, due_nr: Option<u32>) -> Handled<()> {
    let Some(order) = work.read::<LoanOrder>(loan)? else { return Ok(()) };
    let from = order.status;
    if !matches!(step(from, signal), Step::To(_)) {
        return Ok(());
    }
    let mut order = LoanOrder::clone(&order);
    order.apply(signal, work.now());
    order.due_nr = due_nr;
    if is_open(from) && !is_open(order.status) {
        count_closed(work, order.customer)?;
    }
    work.emit(LoanStatusChanged { loan, customer: order.customer, from, to: order.status });
    work.save(order);
    Ok(())
}
