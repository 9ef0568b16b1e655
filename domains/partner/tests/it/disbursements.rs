//! Payouts: who pays, how they end, what contradicts.

use sycee_contract::messages::{
    DisbursementRequested, InitiatePayment, PartnerDisbursementFailed, PartnerDisbursementSucceeded, PaymentFailed,
    PaymentSucceeded, RecordPartnerDisbursement, RequestDisbursement,
};
use sycee_contract::{
    ChannelOutcome, Identifier, PartnerId, PartnerPayout, PaymentAnswer, PaymentDirection, PaymentId, PaymentPurpose,
    Rejection, Timestamp,
};
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

fn reported(number: i64, outcome: ChannelOutcome) -> RecordPartnerDisbursement {
    RecordPartnerDisbursement {
        order: attempt(number),
        partner_reference: "self-1".into(),
        outcome,
        reason: (outcome == ChannelOutcome::Failed).then(|| "PAYEE_NOT_FOUND".into()),
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
    });
}

#[test]
fn the_partner_reports() {
    scene(|scene| {
        let funder = partner(scene, "self-capital");
        scene.happened(requested(funder, 1, ghs(300)));
        let order = scene.effects::<PartnerPayout>().remove(0);
        assert_eq!((order.order, order.funder, order.amount), (attempt(1), funder, ghs(300)));
        scene.fact(reported(1, ChannelOutcome::Pending));
        assert_eq!(status(scene), DisbursementStatus::Requested);
        scene.fact(reported(1, ChannelOutcome::Successful));
        let told = &scene.emitted::<PartnerDisbursementSucceeded>()[0];
        assert_eq!((told.payment, told.reference.as_str()), (None, "self-1"));
        scene.fact(reported(1, ChannelOutcome::Successful));
        assert!(scene.emitted::<PartnerDisbursementSucceeded>().is_empty());

        scene.happened(requested(funder, 2, ghs(300)));
        scene.fact(reported(2, ChannelOutcome::Failed));
        let told = &scene.emitted::<PartnerDisbursementFailed>()[0];
        assert_eq!(
            (told.order, told.reason.as_str(), told.reservation),
            (attempt(2), "PAYEE_NOT_FOUND", reservation())
        );

        scene.fact(reported(77, ChannelOutcome::Successful));
        assert_eq!(kinds(scene), ["unknown-partner-disbursement"]);
    });
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
