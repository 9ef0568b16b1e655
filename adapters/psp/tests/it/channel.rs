//! The payment channel: outcomes, faults, float, idempotency, determinism.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use sycee_contract::{ChannelOutcome, PaymentDirection};
use sycee_psp::{
    Callback, ChannelFaults, ChannelSettings, FailureReason, PayerDecision, PaymentChannel, SimulatedChannel, Submitted,
};

use crate::{at, ghs, payment, query};

const FAR: i64 = 30 * 86_400;
const ORDINARY: &str = "+233240000001";

fn settings() -> ChannelSettings {
    ChannelSettings {
        faults: ChannelFaults { late_seconds: 7_200, ..ChannelFaults::default() },
        ..ChannelSettings::new("mtn-momo", ghs(10_000), 7)
    }
}

fn callbacks(direction: PaymentDirection, phone: &str) -> (Vec<Callback>, SimulatedChannel) {
    let mut channel = SimulatedChannel::new(settings());
    assert_eq!(channel.submit(at(0), &payment(1, direction, ghs(100), phone)), Submitted::Accepted);
    assert_eq!(channel.query(at(0), &query(1)).unwrap().outcome, ChannelOutcome::Pending);
    (channel.take_due(at(FAR)), channel)
}

#[test]
fn test_numbers_that_fail() {
    for (suffix, reason) in [
        ("9901", FailureReason::NotEnoughFunds),
        ("9902", FailureReason::PayeeNotFound),
        ("9903", FailureReason::PayerLimitReached),
        ("9904", FailureReason::NotAllowed),
        ("9905", FailureReason::InternalProcessingError),
        ("9906", FailureReason::ApprovalRejected),
        ("9907", FailureReason::Expired),
    ] {
        for direction in [PaymentDirection::Payout, PaymentDirection::Collection] {
            let (answers, channel) = callbacks(direction, &format!("+23324000{suffix}"));
            assert_eq!(answers.len(), 1, "{suffix}");
            assert_eq!(
                (answers[0].outcome, answers[0].reason, answers[0].amount),
                (ChannelOutcome::Failed, Some(reason), None)
            );
            assert_eq!(channel.float(), ghs(10_000));
            assert!(channel.statement(at(0), at(FAR)).is_empty());
        }
    }
}

#[test]
fn test_numbers_that_disturb_callbacks() {
    for (suffix, count, told) in
        [("9908", 0, ghs(100)), ("9909", 2, ghs(100)), ("9910", 1, ghs(100)), ("0001", 1, ghs(100))]
    {
        let (answers, mut channel) = callbacks(PaymentDirection::Payout, &format!("+23324000{suffix}"));
        assert_eq!(answers.len(), count, "{suffix}");
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
        assert!(answers.iter().all(|answer| answer.amount == Some(told)));
        assert_eq!(
            channel.query(at(FAR), &query(1)).unwrap().outcome,
            ChannelOutcome::Successful,
            "a poll finds it: {suffix}"
        );
        assert_eq!(channel.float(), ghs(9_900));
    }
    let (answers, channel) = callbacks(PaymentDirection::Payout, "+233240009911");
    assert_eq!(answers[0].amount.unwrap().to_decimal_string(), "99.99");
    assert_eq!(channel.float(), ghs(9_900), "the payout moved whole");
    let (answers, channel) = callbacks(PaymentDirection::Collection, "+233240009911");
    assert_eq!(answers[0].amount.unwrap().to_decimal_string(), "99.99");
    assert_eq!(channel.float().to_decimal_string(), "10099.99", "the collection moved what is told of it");
}

#[test]
fn late_callbacks_are_late() {
    let mut channel = SimulatedChannel::new(settings());
    channel.submit(at(0), &payment(1, PaymentDirection::Payout, ghs(100), "+233240009910"));
    assert!(channel.take_due(at(7_200)).is_empty());
    assert_eq!(channel.query(at(7_200), &query(1)).unwrap().outcome, ChannelOutcome::Successful);
    assert_eq!(channel.take_due(at(7_300)).len(), 1);
    assert_eq!(channel.next_due(), None);
}

#[test]
fn refusals_and_duplicates() {
    let mut channel = SimulatedChannel::new(settings());
    let refused = payment(1, PaymentDirection::Payout, ghs(100), "+233240009912");
    let answer = channel.submit(at(0), &refused);
    assert_eq!(answer, Submitted::Refused { reason: FailureReason::ServiceUnavailable });
    let result = answer.to_result(&refused, 0).unwrap();
    assert_eq!((result.outcome, result.reason.as_deref()), (ChannelOutcome::Failed, Some("SERVICE_UNAVAILABLE")));
    assert_eq!(answer.to_result(&refused, 1), None, "the submission before it may have been taken: ask");
    assert_eq!(channel.query(at(0), &query(1)), None);

    let dollars = sycee_money::Money::from_minor(100, sycee_money::Currency::USD).unwrap();
    let foreign = payment(2, PaymentDirection::Payout, dollars, ORDINARY);
    assert_eq!(channel.submit(at(0), &foreign), Submitted::Refused { reason: FailureReason::InvalidCurrency });

    let good = payment(3, PaymentDirection::Payout, ghs(100), ORDINARY);
    assert_eq!(channel.submit(at(0), &good), Submitted::Accepted);
    assert_eq!(channel.submit(at(1), &good), Submitted::Duplicate);
    assert_eq!(Submitted::Duplicate.to_result(&good, 0), None);
    assert_eq!(channel.take_due(at(FAR)).len(), 1);
    assert_eq!(channel.submit(at(FAR), &good), Submitted::Duplicate);
    assert_eq!(channel.float(), ghs(9_900));
}

#[test]
fn payers_decide_collections() {
    for (decision, mandate, outcome, reason) in [
        (PayerDecision::Pay, false, ChannelOutcome::Successful, None),
        (PayerDecision::PayLater(3_600), false, ChannelOutcome::Successful, None),
        (PayerDecision::PayLater(100_000), false, ChannelOutcome::Failed, Some(FailureReason::Expired)),
        (PayerDecision::Reject, false, ChannelOutcome::Failed, Some(FailureReason::ApprovalRejected)),
        (PayerDecision::Ignore, false, ChannelOutcome::Failed, Some(FailureReason::Expired)),
        (PayerDecision::NotEnoughFunds, false, ChannelOutcome::Failed, Some(FailureReason::NotEnoughFunds)),
        (PayerDecision::Ignore, true, ChannelOutcome::Successful, None),
        (PayerDecision::Reject, true, ChannelOutcome::Successful, None),
        (PayerDecision::NotEnoughFunds, true, ChannelOutcome::Failed, Some(FailureReason::NotEnoughFunds)),
    ] {
        let mut channel = SimulatedChannel::with_payers(settings(), Box::new(move |_| decision));
        let mut request = payment(1, PaymentDirection::Collection, ghs(100), ORDINARY);
        request.under_mandate = mandate;
        channel.submit(at(0), &request);
        let answers = channel.take_due(at(FAR));
        assert_eq!((answers[0].outcome, answers[0].reason), (outcome, reason), "{decision:?} {mandate}");
        let paid = if outcome == ChannelOutcome::Successful { 100 } else { 0 };
        assert_eq!(channel.float(), ghs(10_000 + paid));
    }
}

#[test]
fn a_payer_may_send_another_amount() {
    let dollars = sycee_money::Money::from_minor(100, sycee_money::Currency::USD).unwrap();
    for (sent, mandate, moved) in [
        (ghs(60), false, ghs(60)),
        (ghs(250), false, ghs(250)),
        (ghs(60), true, ghs(100)),
        (ghs(0), false, ghs(100)),
        (dollars, false, ghs(100)),
    ] {
        let payers = Box::new(move |_: &_| PayerDecision::PayOther(sent));
        let mut channel = SimulatedChannel::with_payers(settings(), payers);
        let mut request = payment(1, PaymentDirection::Collection, ghs(100), ORDINARY);
        request.under_mandate = mandate;
        channel.submit(at(0), &request);
        let answers = channel.take_due(at(FAR));
        let rows = channel.statement(at(0), at(FAR));
        assert_eq!((answers[0].outcome, answers[0].amount), (ChannelOutcome::Successful, Some(moved)), "{sent}");
        assert_eq!((rows.len(), rows[0].amount), (1, moved), "{sent}");
        assert_eq!(channel.query(at(FAR), &query(1)), Some(answers[0].clone()));
        assert_eq!(channel.float().units(), ghs(10_000).units() + moved.units());
    }
}

#[test]
fn a_payer_acts_on_his_own() {
    let mut channel = SimulatedChannel::with_payers(settings(), Box::new(|_| PayerDecision::Ignore));
    for number in [1, 2, 3] {
        channel.submit(at(0), &payment(number, PaymentDirection::Collection, ghs(100), ORDINARY));
    }
    assert!(channel.pay(at(500), "pay-1") && !channel.pay(at(501), "pay-1") && !channel.pay(at(501), "pay-9"));
    assert!(channel.reject(at(500), "pay-2"));
    let answers = channel.take_due(at(600));
    assert_eq!(
        answers.iter().map(|answer| answer.outcome).collect::<Vec<_>>(),
        [ChannelOutcome::Successful, ChannelOutcome::Failed]
    );
    assert_eq!(channel.take_due(at(FAR)).len(), 1, "the third expires, the others stay as they are");
    assert!(!channel.pay(at(FAR), "pay-3"), "expired");
    assert_eq!(channel.float(), ghs(10_100));
}

#[test]
fn limits_of_payers_and_of_the_float() {
    let mut channel = SimulatedChannel::new(ChannelSettings { payer_limit: Some(ghs(50)), ..settings() });
    channel.submit(at(0), &payment(1, PaymentDirection::Collection, ghs(51), ORDINARY));
    channel.submit(at(0), &payment(2, PaymentDirection::Payout, ghs(10_001), ORDINARY));
    let reasons: Vec<_> = channel.take_due(at(FAR)).into_iter().map(|answer| answer.reason).collect();
    assert!(
        reasons.contains(&Some(FailureReason::PayerLimitReached))
            && reasons.contains(&Some(FailureReason::NotEnoughFunds))
    );
    channel.top_up(at(FAR), ghs(1));
    channel.submit(at(FAR), &payment(3, PaymentDirection::Payout, ghs(10_001), ORDINARY));
    assert_eq!(channel.take_due(at(2 * FAR))[0].outcome, ChannelOutcome::Successful);
    assert!(channel.float().is_zero());
}

fn run(seed: u64, phones: &[u16]) -> (Vec<Callback>, SimulatedChannel) {
    let faults = ChannelFaults {
        failed_per_mille: 100,
        duplicate_per_mille: 200,
        late_per_mille: 200,
        lost_per_mille: 200,
        ..ChannelFaults::rough()
    };
    let mut turn = 0;
    let payers = Box::new(move |_: &_| {
        turn += 1;
        [
            PayerDecision::Pay,
            PayerDecision::PayLater(900),
            PayerDecision::Reject,
            PayerDecision::Ignore,
            PayerDecision::PayOther(ghs(3)),
        ][turn % 5]
    });
    let mut channel = SimulatedChannel::with_payers(ChannelSettings { seed, faults, ..settings() }, payers);
    let mut told = Vec::new();
    for (number, phone) in (1..).zip(phones) {
        let direction = if phone % 2 == 0 { PaymentDirection::Payout } else { PaymentDirection::Collection };
        let request = payment(number, direction, ghs(i64::from(*phone % 700) + 1), &format!("+2332400{phone:05}"));
        channel.submit(at(number * 10), &request);
        channel.submit(at(number * 10 + 1), &request);
        told.extend(channel.take_due(at(number * 10)));
    }
    told.extend(channel.take_due(at(FAR)));
    (told, channel)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, rng_seed: RngSeed::Fixed(20_260_105), ..ProptestConfig::default() })]

    #[test]
    fn money_moves_once_and_the_same_way(seed in any::<u64>(), phones in prop::collection::vec(any::<u16>(), 1..60)) {
        let (told, mut channel) = run(seed, &phones);
        let (again, _) = run(seed, &phones);
        prop_assert_eq!(&told, &again);
        let rows = channel.statement(at(0), at(2 * FAR));
        let mut balance = ghs(10_000).units();
        for row in &rows {
            balance += if row.direction == PaymentDirection::Payout { -row.amount.units() } else { row.amount.units() };
            prop_assert_eq!(balance, row.balance.units());
            prop_assert!(balance >= 0);
        }
        prop_assert_eq!(balance, channel.float().units());
        let mut ids: Vec<_> = rows.iter().map(|row| row.request_id.clone()).collect();
        ids.sort();
        ids.dedup();
        prop_assert_eq!(ids.len(), rows.len());
        for callback in told {
            let number = callback.request_id.trim_start_matches("pay-").parse().unwrap();
            prop_assert_eq!(channel.query(at(2 * FAR), &query(number)), Some(callback), "a final outcome stays");
        }
    }
}
