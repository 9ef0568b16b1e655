//! What channels say about payments, and asking them when they say nothing.

use sycee_contract::messages::{
    CollectionReferenceLearned, DecidePayment, OpenWorkOrder, PaymentFailed, PaymentSucceeded, PollPayment,
    RecordPaymentResult, ResolveWorkOrder, StrayPayoutReported,
};
use sycee_contract::{
    ChannelOutcome, ChannelQuery, LINE_MAX, LoanId, NOTE_MAX, PaymentDirection, PaymentId, PaymentPurpose, Rejection,
    Timestamp, check_text,
};
use sycee_money::Money;
use sycee_runtime::{Handled, Work};

use super::{ExpectedCollection, PaidWallet, PaymentConfig, PaymentOrder, PaymentStatus, PaymentStep};

/// Kind of the work order about what a channel says against what is known.
const CONTRADICTED: &str = "payment-contradicted";

fn alarm_key(payment: PaymentId) -> String {
    format!("poll-{payment}")
}

/// What tells one contradiction from another: money that stands in no book is named by no other work order.
fn contradiction(order: &PaymentOrder, outcome: ChannelOutcome, channel_reference: &str, told: &str) -> String {
    format!("{}-{outcome:?}-{channel_reference}-{told}", order.id)
}

/// Sets the alarm for the next poll.
pub(super) fn set_alarm(work: &mut Work, order: &PaymentOrder, config: &PaymentConfig) {
    let due = work.now().plus_minutes(order.poll_minutes(config.poll_first_minutes));
    work.at(due, &alarm_key(order.id), PollPayment { payment: order.id });
}

/// Takes a channel's answer. A fact: what can't be applied becomes a work order.
pub(super) fn record_payment_result(work: &mut Work, cmd: &RecordPaymentResult) -> Handled<()> {
    let found = match cmd.request_id.parse::<PaymentId>() {
        Ok(payment) => work.get::<PaymentOrder>(payment)?,
        Err(_) => None,
    };
    let Some(mut order) = found else {
        let text = "A channel reports a request that was never sent: find out with the channel whose money it is.";
        open_work_order(work, "unknown-payment-result", None, text.to_owned(), &cmd.request_id);
        return Ok(());
    };
    work.answers_effect(order.effect)?;
    match order.step(cmd.outcome, cmd.amount, &cmd.channel_reference) {
        PaymentStep::AlreadyApplied => {
            learn_reference(work, order, cmd);
            Ok(())
        }
        PaymentStep::Succeed => succeed(work, order, cmd),
        PaymentStep::SucceedWithOtherAmount => {
            let text = format!(
                "{} was asked for {}, another amount came: it is taken as it came, tell the customer.",
                order.id, order.amount
            );
            open_work_order(work, "payment-amount-differs", Some(order.loan), text, &order.id.to_string());
            succeed(work, order, cmd)
        }
        PaymentStep::Fail => {
            let reason = cmd.reason.clone().unwrap_or_else(|| "UNKNOWN".to_owned());
            order.settle(PaymentStatus::Failed, &cmd.channel_reference, work.now());
            fail(work, order, reason)
        }
        PaymentStep::Close => {
            work.cancel_timer(&alarm_key(order.id));
            not_again(work, &order)?;
            order.settle(PaymentStatus::Failed, &cmd.channel_reference, work.now());
            work.save(order);
            Ok(())
        }
        PaymentStep::Dispute => {
            dispute(work, order, cmd);
            Ok(())
        }
        PaymentStep::Stray => {
            let amount = order.amount;
            report_stray(work, order, &cmd.channel_reference, amount);
            Ok(())
        }
        PaymentStep::TakeAgain => {
            take_again(work, &order, cmd);
            Ok(())
        }
        PaymentStep::Contradiction => {
            let text = format!(
                "{} over {} is {:?} under {}, the channel says {:?} over {} under {}: compare its statement.",
                order.id,
                order.moved.unwrap_or(order.amount),
                order.status,
                order.channel_reference.as_deref().unwrap_or("no reference"),
                cmd.outcome,
                told(cmd),
                cmd.channel_reference
            );
            let subject = contradiction(&order, cmd.outcome, &cmd.channel_reference, &told(cmd));
            open_work_order(work, CONTRADICTED, Some(order.loan), text, &subject);
            learn_reference(work, order, cmd);
            Ok(())
        }
    }
}

/// Learns under which reference money moved that was told without one. Of a payer's money the partner hub has to know it:
/// our bank's notice names it.
fn learn_reference(work: &mut Work, mut order: PaymentOrder, cmd: &RecordPaymentResult) {
    if !order.learn_reference(cmd.outcome, &cmd.channel_reference) {
        return;
    }
    if order.direction == PaymentDirection::Collection && order.status == PaymentStatus::Succeeded {
        work.emit(CollectionReferenceLearned {
            payment: order.id,
            purpose: order.purpose(),
            amount: order.moved.unwrap_or(order.amount),
            channel_reference: cmd.channel_reference.clone(),
        });
    }
    work.save(order);
}

fn told(cmd: &RecordPaymentResult) -> String {
    cmd.amount.map_or_else(|| "the same".to_owned(), |amount| amount.to_string())
}

/// The amount can't be: the channel is asked on, and people are told.
fn dispute(work: &mut Work, mut order: PaymentOrder, cmd: &RecordPaymentResult) {
    let text = format!(
        "{} over {} is {:?}, the channel says {:?} over {}: compare its statement, then decide the payment.",
        order.id,
        order.amount,
        order.status,
        cmd.outcome,
        told(cmd)
    );
    open_work_order(work, "payment-disputed", Some(order.loan), text, &order.id.to_string());
    order.moved = cmd.amount;
    order.settle(PaymentStatus::Disputed, &cmd.channel_reference, work.now());
    work.save(order);
}

/// Money went out that no loan takes: whoever keeps the money and the loan has to know.
fn report_stray(work: &mut Work, mut order: PaymentOrder, channel_reference: &str, amount: Money) {
    work.emit(StrayPayoutReported {
        reference: format!("{}/{channel_reference}", order.id),
        loan: order.loan,
        disbursement: order.disbursement,
        fund_account: order.fund_account,
        amount,
    });
    if order.status == PaymentStatus::Failed {
        order.moved = Some(amount);
        order.settle(PaymentStatus::Disputed, channel_reference, work.now());
        work.save(order);
    }
}

/// A payer paid once more: the money is the loan's, not the order's.
fn take_again(work: &mut Work, order: &PaymentOrder, cmd: &RecordPaymentResult) {
    let text = format!(
        "{} is paid again, under {}: it is taken for the loan, ask the payer.",
        order.id, cmd.channel_reference
    );
    let subject = format!("{}-{}", order.id, cmd.channel_reference);
    open_work_order(work, "payment-repeated", Some(order.loan), text, &subject);
    work.emit(PaymentSucceeded {
        payment: order.id,
        direction: order.direction,
        purpose: PaymentPurpose { repayment: None, ..order.purpose() },
        amount: cmd.amount.unwrap_or(order.amount),
        channel_reference: cmd.channel_reference.clone(),
        at: work.now(),
        paid_at: paid_at(work, order, cmd),
    });
}

/// When the money moved: as the channel says, but after the request and before the market learns of it.
fn paid_at(work: &Work, order: &PaymentOrder, cmd: &RecordPaymentResult) -> Timestamp {
    cmd.paid_at.map_or(work.now(), |at| at.max(order.sent_at).min(work.now()))
}

/// People asked the channel about a payment that it contradicts, or does not answer. What the channel has not got yet it
/// does not get any more.
///
/// Errors: `UNEXPECTED_STATE` for a payment that is decided, `INVALID_FIELD` for an amount, a reference or a time that
/// can't be.
pub(super) fn decide_payment(work: &mut Work, cmd: &DecidePayment) -> Handled<()> {
    let mut order = work.require::<PaymentOrder>(cmd.payment)?;
    if !order.is_open() {
        return decide_stray(work, order, cmd);
    }
    let reference = cmd.channel_reference.clone().or(order.channel_reference.clone());
    check_decision(work, &order, cmd, reference.as_deref())?;
    let why = format!("{} was decided by people", order.id);
    if !cmd.paid {
        work.withdraw_effect(order.effect, &why)?;
        order.settle(PaymentStatus::Failed, "", work.now());
        return fail(work, order, "DECIDED_BY_PEOPLE".to_owned());
    }
    let told = RecordPaymentResult {
        request_id: order.id.to_string(),
        channel_reference: reference.unwrap_or_default(),
        outcome: ChannelOutcome::Successful,
        reason: None,
        amount: cmd.amount,
        paid_at: cmd.paid_at,
    };
    match order.step(told.outcome, told.amount, &told.channel_reference) {
        PaymentStep::Succeed | PaymentStep::SucceedWithOtherAmount => {
            work.withdraw_effect(order.effect, &why)?;
            succeed(work, order, &told)
        }
        _ => {
            let rule = format!(
                "{} is for {}: a payout moves what was ordered; decide that this did not move, then, once more, what did",
                order.id, order.amount
            );
            Err(Rejection::invalid("amount", rule, order.amount).into())
        }
    }
}

/// Refuses a decision without a reason, about money without a reference, or of a time to come.
fn check_decision(
    work: &Work,
    order: &PaymentOrder,
    cmd: &DecidePayment,
    reference: Option<&str>,
) -> Result<(), Rejection> {
    check_text("note", &cmd.note, NOTE_MAX, "found on the channel's statement of 5 January")?;
    if cmd.paid || cmd.channel_reference.is_some() {
        // Without it the bank's own notice of this money could not be told from more money.
        check_text("channelReference", reference.unwrap_or_default(), LINE_MAX, "mtn-778")?;
    }
    if cmd.paid_at.is_some_and(|at| at > work.now()) {
        let rule =
            format!("money moved before now, {}: send the time on the channel's statement, or nothing", work.now());
        return Err(Rejection::invalid("paidAt", rule, order.sent_at));
    }
    Ok(())
}

/// People found out what a payout that is decided moved besides: after it had failed, or under another reference than it was
/// paid. Whatever its amount, it is a stray payout; the channel's word against the payout is explained.
///
/// Errors: `UNEXPECTED_STATE` when the decision names no such money, `INVALID_FIELD` for an amount or a reference that can't
/// be.
fn decide_stray(work: &mut Work, order: PaymentOrder, cmd: &DecidePayment) -> Handled<()> {
    let Some(amount) = cmd.amount.filter(|_| cmd.paid && order.direction == PaymentDirection::Payout) else {
        let wanted = "sent, expired or disputed; what a payout moved besides is told with its amount and reference";
        return Err(Rejection::unexpected_state("payment", order.id, order.status, wanted).into());
    };
    let reference = cmd.channel_reference.as_deref().unwrap_or_default();
    check_decision(work, &order, cmd, Some(reference))?;
    if !amount.is_positive() || !amount.is_whole_minor() || amount.currency() != order.amount.currency() {
        let rule = format!("what went out, more than zero, in whole minor units of {}", order.amount.currency());
        return Err(Rejection::invalid("amount", rule, order.amount).into());
    }
    if order.status != PaymentStatus::Failed && order.channel_reference.as_deref() == Some(reference) {
        let moved = order.moved.unwrap_or(order.amount);
        let rule = format!("{moved} of {} are known to have moved under it: name that of the other money", order.id);
        return Err(Rejection::invalid("channelReference", rule, "mtn-778").into());
    }
    let subject = contradiction(&order, ChannelOutcome::Successful, reference, &amount.to_string());
    work.send(ResolveWorkOrder { key: format!("{CONTRADICTED}-{subject}"), note: cmd.note.clone() });
    report_stray(work, order, reference, amount);
    Ok(())
}

fn succeed(work: &mut Work, mut order: PaymentOrder, cmd: &RecordPaymentResult) -> Handled<()> {
    let moved = cmd.amount.unwrap_or(order.amount);
    let at = work.now();
    work.cancel_timer(&alarm_key(order.id));
    not_again(work, &order)?;
    order.moved = Some(moved);
    order.reason = None;
    order.settle(PaymentStatus::Succeeded, &cmd.channel_reference, at);
    if let Some(repayment) = order.repayment
        && let Some(mut expected) = work.get::<ExpectedCollection>(repayment)?
    {
        expected.collected = Some(moved);
        work.save(expected);
    }
    if order.direction == PaymentDirection::Payout {
        remember_paid(work, &order)?;
    }
    work.emit(PaymentSucceeded {
        payment: order.id,
        direction: order.direction,
        purpose: order.purpose(),
        amount: moved,
        channel_reference: cmd.channel_reference.clone(),
        at,
        paid_at: paid_at(work, &order, cmd),
    });
    work.save(order);
    Ok(())
}

/// The wallet took our money: it is the customer's own, as far as we can know.
fn remember_paid(work: &mut Work, order: &PaymentOrder) -> Handled<()> {
    let newest = PaidWallet { customer: order.customer, channel: order.channel.clone(), number: order.number.clone() };
    if work.get::<PaidWallet>(order.customer)?.as_ref() != Some(&newest) {
        work.save(newest);
    }
    Ok(())
}

/// What became of a payment is known: a request whose answer was lost is not sent once more, not by people either.
fn not_again(work: &mut Work, order: &PaymentOrder) -> Handled<()> {
    work.withdraw_effect(order.effect, &format!("what became of {} is known", order.id))
}

/// Tells that money did not move; the order's state says whether it still may.
fn fail(work: &mut Work, mut order: PaymentOrder, reason: String) -> Handled<()> {
    if order.status == PaymentStatus::Failed {
        work.cancel_timer(&alarm_key(order.id));
        not_again(work, &order)?;
    }
    work.emit(PaymentFailed {
        payment: order.id,
        direction: order.direction,
        purpose: order.purpose(),
        amount: order.amount,
        reason: reason.clone(),
    });
    order.reason = Some(reason);
    work.save(order);
    Ok(())
}

/// Asks the channel about a payment it has not decided; after the last poll, people have to look.
///
/// A collection that nobody paid in time is told as failed with `EXPIRED`; it is asked about to the end all the same.
pub(super) fn poll_payment(work: &mut Work, cmd: &PollPayment) -> Handled<()> {
    let Some(mut order) = work.get::<PaymentOrder>(cmd.payment)? else { return Ok(()) };
    if !order.is_open() {
        return Ok(());
    }
    if is_over_unsent(work, &order)? {
        order.reason = Some("NOT_SENT".to_owned());
        order.settle(PaymentStatus::Failed, "", work.now());
        work.save(order);
        return Ok(());
    }
    let config = work.config::<PaymentConfig>();
    if order.polls >= config.polls_max {
        if order.status != PaymentStatus::Disputed {
            let way = if order.direction == PaymentDirection::Payout { "payout" } else { "collection" };
            let text = format!(
                "{way} {} over {} has no answer after {} polls: ask {}.",
                order.id, order.amount, order.polls, order.channel
            );
            open_work_order(work, "payment-unanswered", Some(order.loan), text, &order.id.to_string());
        }
        return Ok(());
    }
    order.polls += 1;
    work.effect(ChannelQuery {
        request_id: order.id.to_string(),
        channel: order.channel.clone(),
        attempt: order.polls,
    });
    set_alarm(work, &order, &config);
    if order.is_past_expiry(work.now()) {
        order.status = PaymentStatus::Expired;
        return fail(work, order, "EXPIRED".to_owned());
    }
    work.save(order);
    Ok(())
}

/// Whether a pull was taken back, because its repayment order had ended, before its channel heard of it. Nobody has to be told:
/// whoever ended the order knows, and money that is pulled all the same is taken.
fn is_over_unsent(work: &mut Work, order: &PaymentOrder) -> Handled<bool> {
    Ok(order.mandate.is_some() && order.status == PaymentStatus::Sent && work.effect_never_left(order.effect)?)
}

fn open_work_order(work: &mut Work, kind: &str, loan: Option<LoanId>, text: String, subject: &str) {
    work.send(OpenWorkOrder { kind: kind.to_owned(), loan, text, key: format!("{kind}-{subject}") });
}
