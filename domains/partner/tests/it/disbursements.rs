//! Payouts: who pays, how they end, what contradicts.

use std::collections::BTreeSet;

use sycee_contract::messages::{
    DisbursementRequested, InitiatePayment, OpenWorkOrder, PartnerDisbursementFailed, PartnerDisbursementSucceeded,
    PaymentFailed, PaymentSucceeded, RecordPartnerDisbursement, RequestDisbursement, StrayPayoutReported,
};
use sycee_contract::{
    ChannelOutcome, Identifier, PartnerId, PartnerPayout, PartnerQuery, PaymentAnswer, PaymentDirection, PaymentId,
    PaymentPurpose, Rejection, Timestamp,
};
use sycee_money::{Currency, Money};
use sycee_partner::PartnerConfig;
use sycee_partner::partner_hub::{
    DisbursementOutcome, DisbursementStatus, DisbursementStep, PartnerDay, PartnerDisbursement, PartnerLoan, PayoutWay,
};
use sycee_runtime::testing::Scene;
use sycee_runtime::{Configs, Registry, Work};

use crate::{attempt, ghs, kinds, loan, partner, requested, reservation, scene};

fn purpose(event: &DisbursementRequested) -> PaymentPurpose {
    PaymentPurpose {
        loan: event.loan,
        customer: event.customer,
        disbursement: Some(event.order),
        repayment: None,
        fund_account: Some(event.fund_account),
        reservation: Some(event.reservation),
    }
}

fn succeeded(event: &DisbursementRequested) -> PaymentSucceeded {
    PaymentSucceeded {
        payment: PaymentId::from_number(5),
        direction: PaymentDirection::Payout,
        purpose: purpose(event),
        amount: event.amount,
        channel_reference: "mtn-1".into(),
        at: Timestamp::from_micros(0),
        paid_at: Timestamp::from_micros(0),
    }
}

fn failed(event: &DisbursementRequested) -> PaymentFailed {
    PaymentFailed {
        payment: PaymentId::from_number(5),
        direction: PaymentDirection::Payout,
        purpose: purpose(event),
        amount: event.amount,
        reason: "PAYEE_NOT_FOUND".into(),
    }
}

fn reported(partner: PartnerId, number: i64, outcome: ChannelOutcome) -> RecordPartnerDisbursement {
    RecordPartnerDisbursement {
        order: attempt(number),
        partner,
        partner_reference: "self-1".into(),
        outcome,
        reason: (outcome == ChannelOutcome::Failed).then(|| "PAYEE_NOT_FOUND".into()),
        amount: None,
    }
}

fn status(scene: &mut Scene) -> DisbursementStatus {
    scene.load::<PartnerDisbursement>(attempt(1)).unwrap().status
}

#[test]
fn every_attempt_has_one_payer() {
    for (code, way) in [
        ("own-funds", PayoutWay::OwnFunds),
        ("bridge-capital", PayoutWay::OurChannels),
        ("self-capital", PayoutWay::PartnerSystem),
    ] {
        scene(|scene| {
            let funder = partner(scene, code);
            let event = requested(funder, 1, ghs(300));
            scene.happened(event.clone());
            let counts = |scene: &Scene| {
                let (direct, paid, partner) = (
                    scene.sent::<RequestDisbursement>(),
                    scene.sent::<InitiatePayment>(),
                    scene.effects::<PartnerPayout>(),
                );
                let purposes: Vec<_> =
                    direct.iter().map(|it| &it.purpose).chain(paid.iter().map(|it| &it.purpose)).collect();
                assert!(purposes.iter().all(|it| **it == purpose(&event)));
                [direct.len(), paid.len(), partner.len()]
            };
            let expected = [PayoutWay::OwnFunds, PayoutWay::OurChannels, PayoutWay::PartnerSystem]
                .map(|it| usize::from(it == way));
            assert_eq!(counts(scene), expected);
            assert_eq!(scene.load::<PartnerDisbursement>(attempt(1)).unwrap().way, way);
            scene.happened(event.clone());
            assert_eq!(counts(scene), [0, 0, 0], "once an attempt");
        });
    }
}

#[test]
fn our_channel_pays() {
    scene(|scene| {
        let funder = partner(scene, "bridge-capital");
        let event = requested(funder, 1, ghs(300));
        scene.happened(event.clone());
        scene.happened(succeeded(&event));
        let told = &scene.emitted::<PartnerDisbursementSucceeded>()[0];
        assert_eq!((told.order, told.loan, told.funder, told.amount), (attempt(1), loan(1), funder, ghs(300)));
        assert_eq!(
            (told.reservation, told.payment, told.reference.as_str()),
            (reservation(), Some(PaymentId::from_number(5)), "mtn-1")
        );
        assert_eq!(scene.load::<PartnerLoan>(loan(1)).unwrap().funder, funder);
        scene.happened(succeeded(&event));
        assert!(scene.emitted::<PartnerDisbursementSucceeded>().is_empty());
        scene.happened(failed(&event));
        assert_eq!(kinds(scene), ["disbursement-contradicted"]);
        assert_eq!(status(scene), DisbursementStatus::Succeeded);
        let day = scene.all::<PartnerDay>().pop().unwrap();
        assert_eq!((day.requested, day.paid, day.failed), (1, 1, 0));
    });
}

#[test]
fn our_channel_does_not_pay() {
    scene(|scene| {
        let funder = partner(scene, "own-funds");
        let event = requested(funder, 1, ghs(300));
        scene.happened(event.clone());
        for _ in 0..2 {
            scene.happened(failed(&event));
            assert!(scene.emitted::<PartnerDisbursementFailed>().is_empty(), "the payment system told it");
        }
        assert_eq!(status(scene), DisbursementStatus::Failed);
        scene.happened(succeeded(&event));
        assert!(scene.emitted::<PartnerDisbursementSucceeded>().is_empty());
        assert_eq!(kinds(scene), ["disbursement-contradicted"]);
        let stray = &scene.emitted::<StrayPayoutReported>()[0];
        assert_eq!((stray.reference.as_str(), stray.loan, stray.amount), ("pay-5/mtn-1", loan(1), ghs(300)));
        assert_eq!((stray.disbursement, stray.fund_account), (Some(attempt(1)), Some(event.fund_account)));
    });
}

#[test]
fn what_no_attempt_takes_of_a_payment_is_a_stray_payout() {
    // What our channel paid for an attempt of 300; then what of it is stray, and whether people compare.
    for (paid, stray, compared) in
        [(ghs(300), None, false), (ghs(5_000), Some(ghs(4_700)), true), (ghs(299), None, true)]
    {
        scene(|scene| {
            let funder = partner(scene, "self-capital");
            let event = requested(funder, 1, ghs(300));
            scene.happened(event.clone());
            scene.happened(PaymentSucceeded { amount: paid, ..succeeded(&event) });
            assert_eq!(scene.emitted::<PartnerDisbursementSucceeded>().len(), 1, "{paid}");
            let told: Vec<Money> = scene.emitted::<StrayPayoutReported>().into_iter().map(|it| it.amount).collect();
            assert_eq!(told, Vec::from_iter(stray));
            let called: &[&str] = if compared { &["payout-amount-differs"] } else { &[] };
            assert_eq!(kinds(scene), called);

            scene.happened(PaymentSucceeded { amount: paid, ..succeeded(&event) });
            assert!(scene.emitted::<StrayPayoutReported>().is_empty() && kinds(scene).is_empty(), "told again");
            scene.happened(PaymentSucceeded { payment: PaymentId::from_number(6), ..succeeded(&event) });
            let told = &scene.emitted::<StrayPayoutReported>()[0];
            assert_eq!((told.reference.as_str(), told.amount), ("pay-6/mtn-1", ghs(300)), "paid by another payment");
        });
    }
}

#[test]
fn a_late_payout_of_a_partner_is_told_once_whenever_its_reference_comes() {
    // References under which the partner says, after it failed, that it paid; then the stray payouts that are reported.
    for (references, strays) in [
        (["", "AT-9", "AT-9"], vec![""]),
        (["AT-9", "", "AT-9"], vec!["AT-9"]),
        (["AT-9", "AT-10", ""], vec!["AT-9", "AT-10"]),
    ] {
        scene(|scene| {
            let funder = partner(scene, "self-capital");
            scene.happened(requested(funder, 1, ghs(300)));
            scene.fact(reported(funder, 1, ChannelOutcome::Failed));
            let mut told = Vec::new();
            for reference in references {
                let partner_reference = reference.to_owned();
                scene.fact(RecordPartnerDisbursement {
                    partner_reference,
                    ..reported(funder, 1, ChannelOutcome::Successful)
                });
                assert!(scene.emitted::<PartnerDisbursementSucceeded>().is_empty() && kinds(scene).is_empty());
                told.extend(scene.emitted::<StrayPayoutReported>().into_iter().map(|stray| stray.reference));
            }
            let expected: Vec<String> = strays.iter().map(|it| format!("{}/{it}", attempt(1))).collect();
            assert_eq!(told, expected, "{references:?}");
            assert_eq!(status(scene), DisbursementStatus::Failed);
        });
    }
}

#[test]
fn the_partner_reports() {
    scene(|scene| {
        let funder = partner(scene, "self-capital");
        scene.happened(requested(funder, 1, ghs(300)));
        let order = scene.effects::<PartnerPayout>().remove(0);
        assert_eq!((order.order, order.funder, order.amount), (attempt(1), funder, ghs(300)));
        scene.fact(reported(funder, 1, ChannelOutcome::Pending));
        assert_eq!(status(scene), DisbursementStatus::Requested);
        scene.fact(reported(funder, 1, ChannelOutcome::Successful));
        let told = &scene.emitted::<PartnerDisbursementSucceeded>()[0];
        assert_eq!((told.payment, told.reference.as_str()), (None, "self-1"));
        scene.fact(reported(funder, 1, ChannelOutcome::Successful));
        assert!(scene.emitted::<PartnerDisbursementSucceeded>().is_empty());

        scene.happened(requested(funder, 2, ghs(300)));
        scene.fact(reported(funder, 2, ChannelOutcome::Failed));
        let told = &scene.emitted::<PartnerDisbursementFailed>()[0];
        assert_eq!(
            (told.order, told.reason.as_str(), told.reservation),
            (attempt(2), "PAYEE_NOT_FOUND", reservation())
        );

        scene.fact(reported(funder, 77, ChannelOutcome::Successful));
        assert_eq!(kinds(scene), ["unknown-partner-disbursement"]);
    });
}

#[test]
fn a_partner_that_does_not_answer_is_asked_and_then_people_are() {
    scene(|scene| {
        let funder = partner(scene, "self-capital");
        scene.happened(requested(funder, 1, ghs(300)));
        let polls_max = PartnerConfig::default().polls_max;
        for nr in 1..=polls_max {
            scene.fact(reported(funder, 1, ChannelOutcome::Pending));
            scene.advance_seconds((15 * 60) << (nr - 1));
            scene.fire_timers();
            let asked = scene.effects::<PartnerQuery>();
            assert_eq!(asked, [PartnerQuery { order: attempt(1), funder, attempt: nr }]);
            assert!(kinds(scene).is_empty());
        }
        scene.advance_seconds((15 * 60) << polls_max);
        scene.fire_timers();
        assert_eq!(kinds(scene), ["partner-payout-unanswered"]);
        scene.fact(reported(funder, 1, ChannelOutcome::Successful));
        assert_eq!(status(scene), DisbursementStatus::Succeeded);

        scene.happened(requested(funder, 2, ghs(300)));
        scene.fact(reported(funder, 2, ChannelOutcome::Failed));
        scene.advance_seconds(86_400);
        scene.fire_timers();
        assert!(scene.effects::<PartnerQuery>().is_empty(), "it has answered");
    });
}

#[test]
fn a_report_counts_for_what_its_partner_was_asked_to_pay() {
    scene(|scene| {
        let (funder, bridge) = (partner(scene, "self-capital"), partner(scene, "bridge-capital"));
        scene.happened(requested(bridge, 1, ghs(300)));
        for outcome in [ChannelOutcome::Successful, ChannelOutcome::Failed] {
            for told_by in [funder, bridge] {
                scene.fact(reported(told_by, 1, outcome));
                assert_eq!(kinds(scene), ["foreign-partner-report"], "our channel pays it");
                assert_eq!(status(scene), DisbursementStatus::Requested);
            }
        }
        scene.happened(requested(funder, 2, ghs(300)));
        scene.fact(reported(bridge, 2, ChannelOutcome::Successful));
        assert_eq!(kinds(scene), ["foreign-partner-report"], "another partner");
        let other =
            RecordPartnerDisbursement { amount: Some(ghs(299)), ..reported(funder, 2, ChannelOutcome::Successful) };
        scene.fact(other.clone());
        assert_eq!(kinds(scene), ["partner-payout-differs"]);
        assert!(scene.emitted::<PartnerDisbursementSucceeded>().is_empty());
        scene.fact(RecordPartnerDisbursement { amount: Some(ghs(300)), ..other });
        assert_eq!(scene.emitted::<PartnerDisbursementSucceeded>().len(), 1, "a better report decides");
    });
}

#[test]
fn money_that_a_partner_paid_too_much_is_reported() {
    scene(|scene| {
        let funder = partner(scene, "self-capital");
        let late = |number| RecordPartnerDisbursement {
            partner_reference: "self-9".into(),
            ..reported(funder, number, ChannelOutcome::Successful)
        };
        for (number, first) in [(1, ChannelOutcome::Failed), (2, ChannelOutcome::Successful)] {
            scene.happened(requested(funder, number, ghs(300)));
            scene.fact(reported(funder, number, first));
            scene.fact(late(number));
            let stray = &scene.emitted::<StrayPayoutReported>()[0];
            let expected = (format!("{}/self-9", attempt(number)), loan(number), ghs(300));
            assert_eq!((stray.reference.clone(), stray.loan, stray.amount), expected);
            assert!(scene.emitted::<PartnerDisbursementSucceeded>().is_empty());
        }
    });
}

#[test]
fn a_late_payout_in_another_amount_is_booked_when_it_is_corrected() {
    let dollars = Money::from_minor(30_000, Currency::USD).unwrap();
    // How the attempt of 300 ended; then the partner says that it paid other amounts, until it says 300.
    for first in [ChannelOutcome::Failed, ChannelOutcome::Successful] {
        scene(|scene| {
            let funder = partner(scene, "self-capital");
            scene.happened(requested(funder, 1, ghs(300)));
            scene.fact(reported(funder, 1, first));
            let late = |reference: &str, amount| RecordPartnerDisbursement {
                partner_reference: reference.into(),
                amount: Some(amount),
                ..reported(funder, 1, ChannelOutcome::Successful)
            };
            let mut keys = BTreeSet::new();
            for (reference, paid) in [
                ("self-9", ghs(5_000)),
                ("self-9", ghs(301)),
                ("self-9", ghs(299)),
                ("self-10", ghs(299)),
                ("self-9", ghs(0)),
                ("self-9", dollars),
            ] {
                scene.fact(late(reference, paid));
                assert!(scene.emitted::<StrayPayoutReported>().is_empty(), "{paid} after {first:?}");
                assert_eq!(kinds(scene), ["partner-payout-differs"], "{paid} after {first:?}");
                let called = scene.sent::<OpenWorkOrder>().remove(0);
                assert!(called.text.contains(reference) && called.text.contains(&paid.to_string()), "{}", called.text);
                assert!(keys.insert(called.key), "{paid} under {reference}: an older work order would hide it");
            }
            scene.fact(late("self-9", ghs(300)));
            let told: Vec<Money> = scene.emitted::<StrayPayoutReported>().into_iter().map(|it| it.amount).collect();
            assert_eq!(told, [ghs(300)], "after {first:?}");
            assert!(kinds(scene).is_empty());
        });
    }
}

#[test]
fn an_unknown_funder_fails_the_attempt() {
    scene(|scene| {
        scene.happened(requested(PartnerId::from_number(99), 1, ghs(300)));
        assert_eq!(scene.emitted::<PartnerDisbursementFailed>()[0].reason, "PARTNER_UNKNOWN");
    });
}

#[test]
fn a_payment_nobody_takes_fails_the_attempt() {
    let with_closed_channels = |registry: &mut Registry| {
        sycee_partner::register(registry);
        let refuse = |_: &mut Work, _: &RequestDisbursement| {
            Err::<PaymentAnswer, _>(Rejection::new("CHANNEL_CLOSED", "closed").into())
        };
        let refuse_too = |_: &mut Work, _: &InitiatePayment| {
            Err::<PaymentAnswer, _>(Rejection::new("CHANNEL_UNKNOWN", "unknown").into())
        };
        registry
            .service("payment-system")
            .handles::<RequestDisbursement>(refuse)
            .handles::<InitiatePayment>(refuse_too);
    };
    for (code, reason) in [("own-funds", "CHANNEL_CLOSED"), ("bridge-capital", "CHANNEL_UNKNOWN")] {
        Scene::each(with_closed_channels, Configs::new().with(sycee_partner::PartnerConfig::default()), |scene| {
            let funder = partner(scene, code);
            scene.happened(requested(funder, 1, ghs(300)));
            assert_eq!(scene.emitted::<PartnerDisbursementFailed>()[0].reason, reason);
            assert_eq!(status(scene), DisbursementStatus::Failed);
        });
    }
}

#[test]
fn every_state_meets_every_outcome() {
    use DisbursementStatus::{Failed, Requested, Succeeded};
    use DisbursementStep::{AlreadyApplied, Conflict, End};
    let table = [
        (Requested, [End(Succeeded), End(Failed)]),
        (Succeeded, [AlreadyApplied, Conflict]),
        (Failed, [Conflict, AlreadyApplied]),
    ];
    assert_eq!(table.map(|(status, _)| status), DisbursementStatus::ALL);
    for (status, steps) in table {
        for (outcome, step) in DisbursementOutcome::ALL.iter().zip(steps) {
            assert_eq!(status.step(*outcome), step, "{status:?} {outcome:?}");
        }
    }
}
