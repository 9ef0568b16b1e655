//! Every state against every message, for the two state machines of the domain.

use sycee_contract::{ChannelOutcome, Identifier, PaymentDirection, PaymentId, Sensitive, Timestamp};
use sycee_funds::fund_management_system::{MovementKind, ReservationMessage, ReservationStatus, ReservationStep};
use sycee_funds::payment_system::{PaymentOrder, PaymentStatus, PaymentStep};
use sycee_money::{Currency, Money};

use crate::{customer, ghs, loan};

#[test]
fn reservations() {
    use MovementKind as Kind;
    use ReservationMessage::{Close, ConfirmPayout, Dispatch, FailPayout, Release};
    use ReservationStatus::{Bounced, Closed, Held, InTransit, PaidOut, Released};
    use ReservationStep::{AlreadyApplied as A, Conflict as C, Mark, Move};
    let messages = [Dispatch, ConfirmPayout, FailPayout, Release, Close];
    let table = [
        (Held, [Move(InTransit, Kind::Dispatch), C, A, Move(Released, Kind::Release), C]),
        (InTransit, [A, Move(PaidOut, Kind::Payout), Move(Bounced, Kind::Bounce), C, C]),
        (Bounced, [C, C, A, Move(Released, Kind::Release), C]),
        (PaidOut, [A, A, C, C, Mark(Closed)]),
        (Closed, [A, A, C, C, A]),
        (Released, [C, C, A, A, C]),
    ];
    assert_eq!(table.map(|(status, _)| status), ReservationStatus::ALL);
    assert_eq!(messages, ReservationMessage::ALL);
    for (status, steps) in table {
        for (message, step) in messages.into_iter().zip(steps) {
            assert_eq!(status.step(message), step, "{status:?} {message:?}");
        }
    }
}

fn payment(status: PaymentStatus, direction: PaymentDirection) -> PaymentOrder {
    let at = Timestamp::from_micros(0);
    PaymentOrder {
        id: PaymentId::from_number(1),
        direction,
        loan: loan(0),
        customer: customer(),
        disbursement: None,
        repayment: None,
        fund_account: None,
        reservation: None,
        amount: ghs(100),
        channel: "mtn-momo".into(),
        number: Sensitive::new(""),
        method: None,
        mandate: None,
        status,
        channel_reference: Some("mtn-1".into()),
        reason: None,
        moved: None,
        effect: 0,
        polls: 0,
        sent_at: at,
        expires_at: None,
        settled_at: None,
    }
}

#[test]
fn payments() {
    use ChannelOutcome::{Failed, Pending, Successful};
    use PaymentDirection::{Collection, Payout};
    use PaymentStep::{
        AlreadyApplied as A, Close, Contradiction as C, Dispute, Fail, Stray, Succeed, SucceedWithOtherAmount as Other,
        TakeAgain,
    };
    // Pending, failed, successful, successful with another amount, successful under another reference.
    let answers = [
        (Pending, 100, "mtn-1"),
        (Failed, 100, "mtn-1"),
        (Successful, 100, "mtn-1"),
        (Successful, 99, "mtn-1"),
        (Successful, 100, "mtn-2"),
    ];
    let table = [
        (PaymentStatus::Sent, Payout, [A, Fail, Succeed, Dispute, Succeed]),
        (PaymentStatus::Sent, Collection, [A, Fail, Succeed, Other, Succeed]),
        (PaymentStatus::Expired, Payout, [A, Close, Succeed, Dispute, Succeed]),
        (PaymentStatus::Expired, Collection, [A, Close, Succeed, Other, Succeed]),
        (PaymentStatus::Succeeded, Payout, [A, C, A, C, Stray]),
        (PaymentStatus::Succeeded, Collection, [A, C, A, C, TakeAgain]),
        (PaymentStatus::Failed, Payout, [A, A, Stray, C, Stray]),
        (PaymentStatus::Failed, Collection, [A, A, Succeed, Other, Succeed]),
        (PaymentStatus::Disputed, Payout, [A, Fail, Succeed, Dispute, Succeed]),
        (PaymentStatus::Disputed, Collection, [A, Fail, Succeed, Other, Succeed]),
    ];
    let states: Vec<PaymentStatus> = table.iter().step_by(2).map(|(status, ..)| *status).collect();
    assert_eq!(states, PaymentStatus::ALL);
    for (status, direction, steps) in table {
        for ((outcome, amount, reference), step) in answers.into_iter().zip(steps) {
            let order = payment(status, direction);
            assert_eq!(
                order.step(outcome, Some(ghs(amount)), reference),
                step,
                "{status:?} {direction:?} {outcome:?} {amount} {reference}"
            );
        }
    }
}

#[test]
fn money_that_went_out_after_a_failure_is_told_once_a_reference() {
    use ChannelOutcome::{Failed, Pending, Successful};
    let mut order = payment(PaymentStatus::Disputed, PaymentDirection::Payout);
    order.reason = Some("PAYEE_NOT_FOUND".into());
    let table = [
        (Pending, 100, "mtn-1", PaymentStep::AlreadyApplied),
        (Failed, 100, "mtn-1", PaymentStep::AlreadyApplied),
        (Successful, 100, "mtn-1", PaymentStep::AlreadyApplied),
        (Successful, 99, "mtn-1", PaymentStep::Contradiction),
        (Successful, 100, "mtn-2", PaymentStep::Stray),
        (Successful, 300_000, "mtn-2", PaymentStep::Contradiction),
    ];
    for (outcome, amount, reference, step) in table {
        assert_eq!(order.step(outcome, Some(ghs(amount)), reference), step, "{outcome:?} {amount} {reference}");
    }
}

#[test]
fn a_stray_payout_is_of_the_amount_that_was_ordered() {
    let ordered = ghs(100);
    let foreign = Money::from_units(ordered.units(), Currency::USD);
    for status in [PaymentStatus::Failed, PaymentStatus::Succeeded] {
        for (told, step) in [
            (None, PaymentStep::Stray),
            (Some(ordered), PaymentStep::Stray),
            (Some(ghs(1)), PaymentStep::Contradiction),
            (Some(ghs(0)), PaymentStep::Contradiction),
            (Some(ghs(100_000)), PaymentStep::Contradiction),
            (Some(foreign), PaymentStep::Contradiction),
        ] {
            let order = payment(status, PaymentDirection::Payout);
            assert_eq!(order.step(ChannelOutcome::Successful, told, "mtn-2"), step, "{status:?} {told:?}");
        }
    }
}

#[test]
fn a_collection_in_dispute_waits_for_a_better_report_also_after_a_failure() {
    use ChannelOutcome::{Failed, Pending, Successful};
    let mut order = payment(PaymentStatus::Disputed, PaymentDirection::Collection);
    order.reason = Some("EXPIRED".into());
    let table = [
        (Pending, 100, "mtn-1", PaymentStep::AlreadyApplied),
        (Failed, 100, "mtn-1", PaymentStep::Close),
        (Successful, 100, "mtn-1", PaymentStep::Succeed),
        (Successful, 99, "mtn-2", PaymentStep::SucceedWithOtherAmount),
        (Successful, 0, "mtn-2", PaymentStep::Dispute),
    ];
    assert!(order.is_open());
    for (outcome, amount, reference, step) in table {
        assert_eq!(order.step(outcome, Some(ghs(amount)), reference), step, "{outcome:?} {amount} {reference}");
    }
}

#[test]
fn what_moved_is_compared_with_what_moved() {
    let mut order = payment(PaymentStatus::Succeeded, PaymentDirection::Collection);
    order.moved = Some(ghs(90));
    for (told, step) in [
        (None, PaymentStep::AlreadyApplied),
        (Some(ghs(90)), PaymentStep::AlreadyApplied),
        (Some(ghs(100)), PaymentStep::Contradiction),
    ] {
        assert_eq!(order.step(ChannelOutcome::Successful, told, "mtn-1"), step, "{told:?}");
        assert_eq!(order.step(ChannelOutcome::Successful, told, ""), step, "without a reference");
    }
}
