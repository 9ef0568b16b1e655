//! From the signature to money at the borrower: route, reservation, attempts.
//!
//! Invariant: an attempt that was decided stays decided; only the attempt under way can fail.
//! Invariant: no route is looked for on a risk decision that lapsed, however late the try is.
//! Invariant: a failed attempt gives its reservation back before another route is looked for.

use sycee_contract::{
    DisbursementFailed, DisbursementOrderId, DisbursementRequested, FundReservationReleased, FundReservationRequested,
    FundReserved, FundRouteSelected, LoanId, LoanStatus, PartnerDisbursementFailed, PartnerDisbursementSucceeded,
    PaymentDirection, PaymentFailed, Rejection, ReleaseFundReservation, ReserveFunds, RouteFunds, StrayPayoutReported,
};
use sycee_runtime::{Handled, Work};

use super::machine::LoanSignal;
use super::model::{BookingStage, CustomerLoans, DisbursementOrder, DisbursementStatus, LoanOrder};
use super::{ALARM_RETRY, Canceller, agreed, booking, call_people, cancel, set_alarm};
use crate::LoanPolicy;

/// Looks for a funder of a signed loan, among those that did not fail; a loan whose risk decision lapsed meanwhile ends.
pub(super) fn seek_funds(work: &mut Work, order: &mut LoanOrder) -> Handled<()> {
    if !order.decision_holds(work.now()) {
        cancel(work, order, Canceller::Lender, "DECISION_EXPIRED")?;
        return Ok(());
    }
    if !order.moves(LoanSignal::SeekFunds, work.now()) {
        return Ok(());
    }
    if work.get::<CustomerLoans>(order.customer)?.is_some_and(|loans| loans.line_frozen) {
        return postpone(work, order, "CREDIT_LINE_FROZEN");
    }
    request_route(work, order)
}

fn request_route(work: &mut Work, order: &LoanOrder) -> Handled<()> {
    let application = agreed(work, order.loan)?;
    work.send(RouteFunds {
        loan: order.loan,
        product: application.terms.product.clone(),
        version: application.terms.version,
        country: application.terms.country.clone(),
        amount: application.net_proceeds,
        principal: application.principal,
        channel: application.payout_channel.clone(),
        excluded: order.excluded.0.clone(),
    });
    Ok(())
}

/// No way to pay out at the moment: tries again later with every funder, or ends the loan after too many tries.
fn postpone(work: &mut Work, order: &mut LoanOrder, reason: &str) -> Handled<()> {
    if !order.moves(LoanSignal::FailPayout, work.now()) {
        return Ok(());
    }
    let policy = work.config::<LoanPolicy>();
    order.routings_failed += 1;
    order.drop_route();
    order.excluded.clear();
    order.reason = Some(reason.to_owned());
    let will_retry = order.routings_failed < policy.max_routings;
    work.emit(DisbursementFailed {
        loan: order.loan,
        customer: order.customer,
        reservation: None,
        reason: reason.to_owned(),
        will_retry,
    });
    if will_retry {
        set_alarm(work, order.loan, ALARM_RETRY, policy.retry_hours);
    } else {
        cancel(work, order, Canceller::Lender, reason)?;
    }
    Ok(())
}

/// No funder can pay this loan out.
pub(super) fn on_route_refused(work: &mut Work, cmd: &RouteFunds, refusal: &Rejection) -> Handled<()> {
    let Some(mut order) = work.get::<LoanOrder>(cmd.loan)? else { return Ok(()) };
    postpone(work, &mut order, &refusal.code)?;
    work.save(order);
    Ok(())
}

/// The pause after a failure is over.
pub(super) fn retry(work: &mut Work, loan: LoanId) -> Handled<()> {
    let Some(mut order) = work.get::<LoanOrder>(loan)? else { return Ok(()) };
    if order.status == LoanStatus::DisburseFailed {
        seek_funds(work, &mut order)?;
        work.save(order);
    }
    Ok(())
}

/// A funder was chosen: its money is reserved.
pub(super) fn on_fund_route_selected(work: &mut Work, event: &FundRouteSelected) -> Handled<()> {
    let Some(mut order) = work.get::<LoanOrder>(event.loan)? else { return Ok(()) };
    if order.status != LoanStatus::DisbursePending || order.route.is_some() {
        return Ok(());
    }
    order.route = Some(event.route);
    order.funder = Some(event.funder);
    order.fund_account = Some(event.fund_account);
    order.pays_itself = event.pays_itself;
    work.save(order);
    work.emit(FundReservationRequested { loan: event.loan, fund_account: event.fund_account, amount: event.amount });
    work.send(ReserveFunds {
        loan: event.loan,
        fund_account: event.fund_account,
        route: event.route,
        amount: event.amount,
    });
    Ok(())
}

/// The chosen funder has no money after all: another one is looked for.
pub(super) fn on_reserve_refused(work: &mut Work, cmd: &ReserveFunds, refusal: &Rejection) -> Handled<()> {
    let Some(mut order) = work.get::<LoanOrder>(cmd.loan)? else { return Ok(()) };
    if order.status != LoanStatus::DisbursePending || order.route != Some(cmd.route) {
        return Ok(());
    }
    order.reason = Some(refusal.code.clone());
    exclude_funder(&mut order);
    request_route(work, &order)?;
    work.save(order);
    Ok(())
}

fn exclude_funder(order: &mut LoanOrder) {
    if let Some(funder) = order.funder {
        order.excluded.push(funder);
    }
    order.drop_route();
}

/// Money is reserved: the attempt begins.
pub(super) fn on_fund_reserved(work: &mut Work, event: &FundReserved) -> Handled<()> {
    let Some(mut order) = work.get::<LoanOrder>(event.loan)? else { return Ok(()) };
    if order.reservation == Some(event.reservation) {
        return Ok(());
    }
    let wanted = order.status == LoanStatus::DisbursePending && order.fund_account == Some(event.fund_account);
    let (true, None, Some(route), Some(funder)) = (wanted, order.disbursement, order.route, order.funder) else {
        let reason = "NOT_NEEDED".to_owned();
        work.send(ReleaseFundReservation { reservation: event.reservation, reason });
        return Ok(());
    };
    let application = agreed(work, event.loan)?;
    work.about(order.customer);
    let id: DisbursementOrderId = work.new_id();
    order.attempts += 1;
    order.reservation = Some(event.reservation);
    order.disbursement = Some(id);
    work.emit(DisbursementRequested {
        order: id,
        loan: event.loan,
        customer: order.customer,
        attempt: order.attempts,
        funder,
        fund_account: event.fund_account,
        reservation: event.reservation,
        route,
        amount: event.amount,
        principal: application.principal,
        payout_account: application.payout_account(),
        pays_itself: order.pays_itself,
    });
    work.save(DisbursementOrder {
        id,
        loan: event.loan,
        attempt: order.attempts,
        funder,
        fund_account: event.fund_account,
        reservation: event.reservation,
        amount: event.amount,
        status: DisbursementStatus::Requested,
        payment: None,
        reference: None,
        reason: None,
    });
    work.save(order);
    Ok(())
}

/// The funder's money is free again: the loan has no reservation.
pub(super) fn on_fund_reservation_released(work: &mut Work, event: &FundReservationReleased) -> Handled<()> {
    if let Some(mut order) = work.get::<LoanOrder>(event.loan)?
        && order.reservation == Some(event.reservation)
    {
        order.reservation = None;
        work.save(order);
    }
    Ok(())
}

/// A reservation could not be given back: people have to correct the fund account.
pub(super) fn on_release_refused(work: &mut Work, cmd: &ReleaseFundReservation, refusal: &Rejection) -> Handled<()> {
    work.send(sycee_contract::OpenWorkOrder {
        kind: "reservation-not-released".to_owned(),
        loan: None,
        text: format!("reservation {} was not released: {}", cmd.reservation, refusal.code),
        key: format!("reservation-not-released:{}", cmd.reservation),
    });
    Ok(())
}

/// Our payment system did not move the money of an attempt.
pub(super) fn on_payment_failed(work: &mut Work, event: &PaymentFailed) -> Handled<()> {
    match (event.direction, event.purpose.disbursement) {
        (PaymentDirection::Payout, Some(attempt)) => fail_attempt(work, attempt, &event.reason),
        _ => Ok(()),
    }
}

/// A partner did not move the money of an attempt.
pub(super) fn on_partner_disbursement_failed(work: &mut Work, event: &PartnerDisbursementFailed) -> Handled<()> {
    fail_attempt(work, event.order, &event.reason)
}

/// Ends the attempt under way, and begins another one with another funder while the policy allows.
fn fail_attempt(work: &mut Work, id: DisbursementOrderId, reason: &str) -> Handled<()> {
    let Some(mut attempt) = work.get::<DisbursementOrder>(id)? else { return Ok(()) };
    if attempt.status != DisbursementStatus::Requested {
        return Ok(());
    }
    attempt.status = DisbursementStatus::Failed;
    attempt.reason = Some(reason.to_owned());
    let (loan, reservation) = (attempt.loan, attempt.reservation);
    work.save(attempt);
    let mut order = work.require::<LoanOrder>(loan)?;
    if order.disbursement != Some(id) || !order.moves(LoanSignal::FailPayout, work.now()) {
        return Ok(());
    }
    let policy = work.config::<LoanPolicy>();
    let decided = order.decision_holds(work.now());
    let will_retry = decided && order.attempts < policy.max_attempts;
    order.reason = Some(reason.to_owned());
    order.reservation = None;
    exclude_funder(&mut order);
    work.send(ReleaseFundReservation { reservation, reason: reason.to_owned() });
    work.emit(DisbursementFailed {
        loan,
        customer: order.customer,
        reservation: Some(reservation),
        reason: reason.to_owned(),
        will_retry,
    });
    if !will_retry {
        let reason = if decided { "DISBURSEMENT_FAILED" } else { "DECISION_EXPIRED" };
        cancel(work, &mut order, Canceller::Lender, reason)?;
    } else if agreed(work, loan)?.funders.len() == 1 {
        // The only funder of the product has just failed: another route can't exist before the pause.
        order.excluded.clear();
        set_alarm(work, loan, ALARM_RETRY, policy.retry_hours);
    } else {
        seek_funds(work, &mut order)?;
    }
    work.save(order);
    Ok(())
}

/// Money reached the borrower: the books follow.
pub(super) fn on_partner_disbursement_succeeded(work: &mut Work, event: &PartnerDisbursementSucceeded) -> Handled<()> {
    let Some(mut attempt) = work.get::<DisbursementOrder>(event.order)? else {
        let text = format!("payout {} of {} is not known here, reference {}", event.order, event.loan, event.reference);
        call_people(work, event.loan, "unknown-payout", text);
        return Ok(());
    };
    match attempt.status {
        DisbursementStatus::Succeeded => return Ok(()),
        DisbursementStatus::Failed => {
            let text =
                format!("payout {} is told as paid, reference {}, after it had failed", event.order, event.reference);
            call_people(work, event.loan, "late-payout", text);
            return Ok(());
        }
        DisbursementStatus::Requested => {}
    }
    if attempt.amount != event.amount {
        let text = format!("payout {} was {}, {} had been asked for", event.order, event.amount, attempt.amount);
        call_people(work, event.loan, "payout-amount-differs", text);
        return Ok(());
    }
    attempt.status = DisbursementStatus::Succeeded;
    attempt.payment = event.payment;
    attempt.reference = Some(event.reference.clone());
    let mut order = work.require::<LoanOrder>(attempt.loan)?;
    work.save(attempt);
    order.reason = None;
    order.disbursed_on = Some(work.today());
    order.booking = BookingStage::Requested;
    booking::request_entry(work, &order)?;
    work.save(order);
    Ok(())
}

/// Money went out that this loan does not take: its attempt had failed, or was paid twice.
pub(super) fn on_stray_payout_reported(work: &mut Work, event: &StrayPayoutReported) -> Handled<()> {
    let status =
        work.get::<LoanOrder>(event.loan)?.map_or_else(|| "not known".to_owned(), |it| format!("{:?}", it.status));
    let text = format!(
        "{} went out under {} for {}, which is {status} and does not take it: take it back",
        event.amount, event.reference, event.loan
    );
    work.send(sycee_contract::OpenWorkOrder {
        kind: "late-payout".to_owned(),
        loan: Some(event.loan),
        text,
        key: format!("late-payout:{}", event.reference),
    });
    Ok(())
}
