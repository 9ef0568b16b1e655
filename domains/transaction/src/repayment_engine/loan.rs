//! What the repayment engine learns of loans from those who keep them.

use sycee_contract::{
    DirectDebitMandateCancelled, DirectDebitMandateCreated, DisbursementSucceeded, LoanNoteCreated, RepaymentKind,
    RepaymentPlanCalculated, RepaymentPostingCalculated, RepaymentScheduleGenerated, RepaymentSucceeded,
};
use sycee_money::Money;
use sycee_runtime::{Handled, Work};

use super::machine::OrderSignal;
use super::model::{LoanLink, RepaymentOrder};
use super::{debit, order};

/// A loan begins: whose it is, who funds it, what it is.
pub(super) fn on_loan_note_created(work: &mut Work, event: &LoanNoteCreated) -> Handled<()> {
    if work.get::<LoanLink>(event.loan)?.is_none() {
        let product = event.product.clone();
        work.save(LoanLink::new(event.loan, event.customer, event.funder, product, event.disbursed_on));
    }
    Ok(())
}

/// How many installments there are, and until when.
pub(super) fn on_repayment_schedule_generated(work: &mut Work, event: &RepaymentScheduleGenerated) -> Handled<()> {
    if !event.on_note {
        return Ok(());
    }
    let Some(mut link) = work.get::<LoanLink>(event.loan)? else { return Ok(()) };
    let Some(last) = event.installments.last() else { return Ok(()) };
    link.installments = last.nr;
    link.last_due = Some(last.due_date);
    let parts = event.installments.iter().flat_map(|line| [line.principal, line.interest, line.fee]);
    link.planned = Some(Money::sum(last.principal.currency(), parts)?);
    work.save(link);
    Ok(())
}

/// From which account the loan was funded.
pub(super) fn on_disbursement_succeeded(work: &mut Work, event: &DisbursementSucceeded) -> Handled<()> {
    if let Some(mut link) = work.get::<LoanLink>(event.loan)? {
        link.fund_account = Some(event.fund_account);
        work.save(link);
    }
    Ok(())
}

/// Installments of the loan may be pulled.
pub(super) fn on_direct_debit_mandate_created(work: &mut Work, event: &DirectDebitMandateCreated) -> Handled<()> {
    if let Some(mut link) = work.get::<LoanLink>(event.loan)?
        && link.customer == event.customer
        && !link.settled
    {
        link.mandate = Some(event.mandate);
        work.save(link);
    }
    Ok(())
}

/// Nothing is pulled any more: the pull under way ends. One that has left comes in or bounces, and is not tried again.
pub(super) fn on_direct_debit_mandate_cancelled(work: &mut Work, event: &DirectDebitMandateCancelled) -> Handled<()> {
    let Some(mut link) = work.get::<LoanLink>(event.loan)? else { return Ok(()) };
    if link.mandate != Some(event.mandate) {
        return Ok(());
    }
    link.mandate = None;
    let pull = link.open_debit;
    work.save(link);
    match pull {
        Some(pull) => order::close(work, pull, OrderSignal::Expire, "MANDATE_CANCELLED").map(|_| ()),
        None => Ok(()),
    }
}

/// A settlement figure was calculated by the product's rule: it is kept beside the order, for disputes.
pub(super) fn on_repayment_plan_calculated(work: &mut Work, event: &RepaymentPlanCalculated) -> Handled<()> {
    let (Some(loan), Some(settlement)) = (event.loan, &event.settlement) else { return Ok(()) };
    if settlement.as_of < work.today() {
        return Ok(());
    }
    let Some(mut link) = work.get::<LoanLink>(loan)? else { return Ok(()) };
    link.settlement_figure = Some(settlement.amount);
    link.settlement_figure_on = Some(settlement.as_of);
    work.save(link);
    Ok(())
}

/// Newer figures for an open order to settle or cancel: it shows what it would take by them.
pub(super) fn on_repayment_posting_calculated(work: &mut Work, event: &RepaymentPostingCalculated) -> Handled<()> {
    let quote = &event.quote;
    if quote.kind == RepaymentKind::Normal || quote.as_of < work.today() {
        return Ok(());
    }
    let Some(open) = work.get::<LoanLink>(quote.loan)?.and_then(|link| link.open_settlement) else { return Ok(()) };
    let Some(mut order) = work.get::<RepaymentOrder>(open)? else { return Ok(()) };
    let newest = Some(quote.amount).filter(|&amount| amount != order.amount);
    if order.kind == quote.kind && order.takes_money() && order.amount_now != newest {
        order.amount_now = newest;
        work.save(order);
    }
    Ok(())
}

/// Money is on the note: orders that it ended are no longer open, and nothing is pulled that is paid another way.
pub(super) fn on_repayment_succeeded(work: &mut Work, event: &RepaymentSucceeded) -> Handled<()> {
    let Some(mut link) = work.get::<LoanLink>(event.loan)? else { return Ok(()) };
    let forgot = event.order.is_some_and(|order| link.forget(order));
    let settles = event.settled && !link.settled;
    if settles {
        link.settled = true;
        link.mandate = None;
    }
    let pull = link.open_debit;
    debit::go_on(work, &mut link)?;
    if forgot || settles {
        work.save(link.clone());
    }
    match pull {
        Some(pull) => debit::end_if_paid(work, &link, pull),
        None => Ok(()),
    }
}
