//! Paying loans out: by our payment system for own funds and for partners, or by the partner's own system.

use sycee_contract::messages::{
    DisbursementRequested, InitiatePayment, PartnerDisbursementFailed, PartnerDisbursementSucceeded, PaymentFailed,
    PaymentSucceeded, PollPartnerPayout, RecordPartnerDisbursement, RequestDisbursement, StrayPayoutReported,
};
use sycee_contract::{
    ChannelOutcome, DisbursementOrderId, PartnerPayout, PartnerQuery, PaymentDirection, PaymentId, PaymentPurpose,
    Rejection,
};
use sycee_money::Money;
use sycee_runtime::{Handled, Work};

use super::{
    DisbursementOutcome, DisbursementStatus, DisbursementStep, Partner, PartnerConfig, PartnerDisbursement,
    PartnerLoan, PayoutWay, count, open_work_order,
};

/// Hands an attempt to whoever pays it; once an attempt.
pub(super) fn on_disbursement_requested(work: &mut Work, event: &DisbursementRequested) -> Handled<()> {
    if work.get::<PartnerDisbursement>(event.order)?.is_some() {
        return Ok(());
    }
    let way = work.get::<Partner>(event.funder)?.map(|partner| partner.payout_way());
    let disbursement = PartnerDisbursement {
        order: event.order,
        loan: event.loan,
        customer: event.customer,
        funder: event.funder,
        fund_account: event.fund_account,
        reservation: event.reservation,
        amount: event.amount,
        way: way.unwrap_or(PayoutWay::OurChannels),
        status: DisbursementStatus::Requested,
        payment: None,
        reference: None,
        reason: None,
        effect: None,
        polls: 0,
        requested_at: work.now(),
        ended_at: None,
    };
    work.about(event.customer);
    work.save(disbursement.clone());
    let Some(way) = way else { return end_unpaid(work, event.order, "PARTNER_UNKNOWN", true) };
    count(work, event.funder, |day| day.requested += 1)?;
    let (amount, account) = (event.amount, event.payout_account.clone());
    match way {
        PayoutWay::OwnFunds => work.send(RequestDisbursement { purpose: purpose_of(event), amount, account }),
        PayoutWay::OurChannels => {
            work.send(InitiatePayment {
                direction: PaymentDirection::Payout,
                purpose: purpose_of(event),
                amount,
                account,
            });
        }
        PayoutWay::PartnerSystem => {
            let effect = work.numbered_effect(PartnerPayout {
                order: event.order,
                funder: event.funder,
                loan: event.loan,
                customer: event.customer,
                amount,
                account,
            });
            work.save(PartnerDisbursement { effect: Some(effect), ..disbursement });
            set_alarm(work, event.order, 0);
        }
    }
    Ok(())
}

fn purpose_of(event: &DisbursementRequested) -> PaymentPurpose {
    PaymentPurpose {
        loan: event.loan,
        customer: event.customer,
        disbursement: Some(event.order),
        repayment: None,
        fund_account: Some(event.fund_account),
        reservation: Some(event.reservation),
    }
}

/// Our channel paid: the attempt succeeded. What no attempt takes of the money is a stray payout: all of it when the attempt
/// had failed or was paid by another payment, the rest when more was paid than asked for.
pub(super) fn on_payout_succeeded(work: &mut Work, event: &PaymentSucceeded) -> Handled<()> {
    let known = match event.purpose.disbursement {
        Some(order) => work.get::<PartnerDisbursement>(order)?,
        None => None,
    };
    let Some(known) = known else {
        report_stray(work, event, event.amount);
        return Ok(());
    };
    match known.status {
        DisbursementStatus::Succeeded if known.payment == Some(event.payment) => {}
        DisbursementStatus::Succeeded => report_stray(work, event, event.amount),
        DisbursementStatus::Failed => {
            end_paid(work, known.order, Some(event.payment), &event.channel_reference)?;
            report_stray(work, event, event.amount);
        }
        DisbursementStatus::Requested => {
            end_paid(work, known.order, Some(event.payment), &event.channel_reference)?;
            compare_paid(work, event, &known);
        }
    }
    Ok(())
}

/// Has people look when an attempt was paid in another amount than asked for; what was too much is a stray payout.
fn compare_paid(work: &mut Work, event: &PaymentSucceeded, asked: &PartnerDisbursement) {
    if event.amount == asked.amount {
        return;
    }
    if let Ok(rest) = event.amount.checked_sub(asked.amount)
        && rest.is_positive()
    {
        report_stray(work, event, rest);
    }
    let text = format!(
        "{} was to be paid {}, {} paid {}: compare the channel's statement with the loan.",
        asked.order, asked.amount, event.payment, event.amount
    );
    open_work_order(work, "payout-amount-differs", Some(asked.loan), text, &asked.order.to_string());
}

/// Money of our payment went out that no attempt takes.
fn report_stray(work: &mut Work, event: &PaymentSucceeded, amount: Money) {
    work.emit(StrayPayoutReported {
        reference: super::repayments::receipt_of_payment(event),
        loan: event.purpose.loan,
        disbursement: event.purpose.disbursement,
        fund_account: event.purpose.fund_account,
        amount,
    });
}

/// Our channel did not pay. The loan engine hears it from the payment system: nothing is told twice.
pub(super) fn on_payment_failed(work: &mut Work, event: &PaymentFailed) -> Handled<()> {
    match (event.direction, event.purpose.disbursement) {
        (PaymentDirection::Payout, Some(order)) => end_unpaid(work, order, &event.reason, false),
        _ => Ok(()),
    }
}

fn alarm_key(order: DisbursementOrderId) -> String {
    format!("poll-{order}")
}

/// Sets the alarm for the next poll, later after each.
fn set_alarm(work: &mut Work, order: DisbursementOrderId, polls: u32) {
    let minutes = work.config::<PartnerConfig>().poll_first_minutes.saturating_mul(1 << polls.min(20));
    let due = work.now().plus_minutes(minutes);
    work.at(due, &alarm_key(order), PollPartnerPayout { order });
}

/// Asks a partner that pays itself what became of an attempt; after the last poll, people have to ask.
pub(super) fn poll_partner_payout(work: &mut Work, cmd: &PollPartnerPayout) -> Handled<()> {
    let Some(mut disbursement) = work.get::<PartnerDisbursement>(cmd.order)? else { return Ok(()) };
    let asked = (DisbursementStatus::Requested, PayoutWay::PartnerSystem);
    if (disbursement.status, disbursement.way) != asked {
        return Ok(());
    }
    if disbursement.polls >= work.config::<PartnerConfig>().polls_max {
        let text = format!(
            "{} of {} has no answer after {} polls: ask {}, and record what it says.",
            cmd.order, disbursement.amount, disbursement.polls, disbursement.funder
        );
        let (loan, subject) = (Some(disbursement.loan), cmd.order.to_string());
        open_work_order(work, "partner-payout-unanswered", loan, text, &subject);
        return Ok(());
    }
    disbursement.polls += 1;
    work.effect(PartnerQuery { order: cmd.order, funder: disbursement.funder, attempt: disbursement.polls });
    set_alarm(work, cmd.order, disbursement.polls);
    work.save(disbursement);
    Ok(())
}

/// What a partner that pays itself reports. It counts for what that partner was asked to pay, in the amount asked for. Another
/// amount is in no book until a better report comes: people are told of each.
pub(super) fn record_partner_disbursement(work: &mut Work, cmd: &RecordPartnerDisbursement) -> Handled<()> {
    let Some(disbursement) = work.get::<PartnerDisbursement>(cmd.order)? else {
        let text = format!(
            "A partner reports {} under {}, which was never asked for: find out with the partner.",
            cmd.order, cmd.partner_reference
        );
        open_work_order(work, "unknown-partner-disbursement", None, text, &cmd.order.to_string());
        return Ok(());
    };
    if let Some(effect) = disbursement.effect {
        work.answers_effect(effect)?;
    }
    if (disbursement.way, disbursement.funder) != (PayoutWay::PartnerSystem, cmd.partner) {
        let text = format!(
            "{} says {:?} of {}, which it was not asked to pay: find out with {} what it paid.",
            cmd.partner, cmd.outcome, cmd.order, cmd.partner
        );
        open_work_order(work, "foreign-partner-report", Some(disbursement.loan), text, &cmd.order.to_string());
        return Ok(());
    }
    let paid = cmd.amount.unwrap_or(disbursement.amount);
    if cmd.outcome == ChannelOutcome::Successful && paid != disbursement.amount {
        let text = format!(
            "{} was to pay {} for {}, it says {paid} under {}, which is not booked: find out what it paid, and have it \
             reported.",
            cmd.partner, disbursement.amount, cmd.order, cmd.partner_reference
        );
        let subject = format!("{}-{}-{paid}", cmd.order, cmd.partner_reference);
        open_work_order(work, "partner-payout-differs", Some(disbursement.loan), text, &subject);
        return Ok(());
    }
    match cmd.outcome {
        ChannelOutcome::Pending => Ok(()),
        ChannelOutcome::Successful if is_stray(&disbursement, cmd) => {
            report_partner_stray(work, cmd, disbursement);
            Ok(())
        }
        ChannelOutcome::Successful if disbursement.reference.as_deref() == Some("") => {
            work.save(PartnerDisbursement { reference: Some(cmd.partner_reference.clone()), ..disbursement });
            Ok(())
        }
        // The stray payout of an attempt that failed is told again.
        ChannelOutcome::Successful if disbursement.knows_money_of(&cmd.partner_reference) => Ok(()),
        ChannelOutcome::Successful => end_paid(work, cmd.order, None, &cmd.partner_reference),
        ChannelOutcome::Failed => end_unpaid(work, cmd.order, cmd.reason.as_deref().unwrap_or("UNKNOWN"), true),
    }
}

/// Money of a partner's own payment went out that no loan takes, as much as the partner was asked for.
fn report_partner_stray(work: &mut Work, cmd: &RecordPartnerDisbursement, disbursement: PartnerDisbursement) {
    work.emit(StrayPayoutReported {
        reference: format!("{}/{}", cmd.order, cmd.partner_reference),
        loan: disbursement.loan,
        disbursement: Some(cmd.order),
        fund_account: Some(disbursement.fund_account),
        amount: disbursement.amount,
    });
    if disbursement.reference.is_none() {
        work.save(PartnerDisbursement { reference: Some(cmd.partner_reference.clone()), ..disbursement });
    }
}

/// Whether the partner paid what no loan takes: the attempt had failed, or was paid under another reference.
fn is_stray(disbursement: &PartnerDisbursement, cmd: &RecordPartnerDisbursement) -> bool {
    let ended = disbursement.status != DisbursementStatus::Requested;
    ended && !disbursement.knows_money_of(&cmd.partner_reference)
}

/// No channel took the payment out of own funds.
pub(super) fn on_request_disbursement_refused(
    work: &mut Work,
    cmd: &RequestDisbursement,
    refusal: &Rejection,
) -> Handled<()> {
    not_taken(work, &cmd.purpose, refusal)
}

/// No channel took the payment for a partner.
pub(super) fn on_initiate_payment_refused(work: &mut Work, cmd: &InitiatePayment, refusal: &Rejection) -> Handled<()> {
    not_taken(work, &cmd.purpose, refusal)
}

fn not_taken(work: &mut Work, purpose: &PaymentPurpose, refusal: &Rejection) -> Handled<()> {
    match purpose.disbursement {
        Some(order) => end_unpaid(work, order, &refusal.code, true),
        None => Ok(()),
    }
}

fn end_paid(work: &mut Work, order: DisbursementOrderId, payment: Option<PaymentId>, reference: &str) -> Handled<()> {
    let Some(mut disbursement) = ending(work, order, DisbursementOutcome::Paid)? else { return Ok(()) };
    disbursement.payment = payment;
    disbursement.reference = Some(reference.to_owned());
    count(work, disbursement.funder, |day| day.paid += 1)?;
    work.save(PartnerLoan { loan: disbursement.loan, funder: disbursement.funder });
    work.emit(PartnerDisbursementSucceeded {
        order,
        loan: disbursement.loan,
        funder: disbursement.funder,
        fund_account: disbursement.fund_account,
        reservation: disbursement.reservation,
        amount: disbursement.amount,
        payment,
        reference: reference.to_owned(),
    });
    work.save(disbursement);
    Ok(())
}

fn end_unpaid(work: &mut Work, order: DisbursementOrderId, reason: &str, tell: bool) -> Handled<()> {
    let Some(mut disbursement) = ending(work, order, DisbursementOutcome::NotPaid)? else { return Ok(()) };
    disbursement.reason = Some(reason.to_owned());
    count(work, disbursement.funder, |day| day.failed += 1)?;
    if tell {
        work.emit(PartnerDisbursementFailed {
            order,
            loan: disbursement.loan,
            funder: disbursement.funder,
            reservation: disbursement.reservation,
            reason: reason.to_owned(),
        });
    }
    work.save(disbursement);
    Ok(())
}

/// The attempt, ended as `outcome` says; `None` when nothing changes. A contradiction opens a work order.
fn ending(
    work: &mut Work,
    order: DisbursementOrderId,
    outcome: DisbursementOutcome,
) -> Handled<Option<PartnerDisbursement>> {
    let Some(mut disbursement) = work.get::<PartnerDisbursement>(order)? else { return Ok(None) };
    match disbursement.status.step(outcome) {
        DisbursementStep::AlreadyApplied => Ok(None),
        DisbursementStep::Conflict => {
            let text = format!(
                "{order} of {} is {:?}, {outcome:?} is reported: find out with {} what is true.",
                disbursement.amount, disbursement.status, disbursement.funder
            );
            open_work_order(work, "disbursement-contradicted", Some(disbursement.loan), text, &order.to_string());
            Ok(None)
        }
        DisbursementStep::End(status) => {
            work.cancel_timer(&alarm_key(order));
            if let Some(effect) = disbursement.effect {
                // A request whose answer was lost is not sent once more, not by people either.
                work.withdraw_effect(effect, &format!("what became of {order} is known"))?;
            }
            disbursement.status = status;
            disbursement.ended_at = Some(work.now());
            Ok(Some(disbursement))
        }
    }
}
