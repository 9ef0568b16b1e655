//! Quotas and the log of a funder's interface.

use sycee_contract::messages::{
    AmendFundingContract, DisbursementRequested, PartnerDisbursementFailed, PartnerDisbursementSucceeded,
    PaymentFailed, RecordPartnerDisbursement, RegisterFundingContract, RepaymentSucceeded,
};
use sycee_contract::{
    ChannelOutcome, FundAccountId, Identifier, PartnerId, PaymentDirection, PaymentId, PaymentPurpose, PostingId,
    PostingParts, RepaymentKind,
};
use sycee_money::{Currency, Money, date};
use sycee_partner::funding_partner_integration::{FundingPartnerIntegration, IntegrationLog, IntegrationStatus};
use sycee_runtime::testing::Scene;

use crate::{attempt, customer, ghs, kinds, loan, partner, requested, scene, terms};

fn used(scene: &mut Scene, partner: PartnerId) -> Money {
    scene.load::<FundingPartnerIntegration>(partner).unwrap().quota_used
}

fn log(scene: &mut Scene, number: i64) -> IntegrationLog {
    scene.load::<IntegrationLog>(attempt(number)).unwrap()
}

fn report(scene: &mut Scene, number: i64, outcome: ChannelOutcome) {
    let partner = scene.load::<IntegrationLog>(attempt(number)).unwrap().partner;
    let reason = (outcome == ChannelOutcome::Failed).then(|| "NOT_ALLOWED".to_owned());
    scene.fact(RecordPartnerDisbursement {
        order: attempt(number),
        partner,
        partner_reference: format!("self-{number}"),
        outcome,
        reason,
        amount: None,
    });
}

fn repaid(funder: PartnerId, principal: Money) -> RepaymentSucceeded {
    RepaymentSucceeded {
        posting: PostingId::from_number(4),
        loan: loan(1),
        customer: customer(),
        funder,
        fund_account: FundAccountId::from_number(8),
        order: None,
        kind: RepaymentKind::Normal,
        amount: principal,
        parts: PostingParts { principal, ..PostingParts::nothing(Currency::GHS) },
        principal_outstanding: ghs(0),
        settled: false,
        worst_days_past_due: 0,
    }
}

#[test]
fn attempts_are_logged_and_use_the_quota() {
    scene(|scene| {
        let funder = partner(scene, "self-capital");
        for _ in 0..2 {
            scene.happened(requested(funder, 1, ghs(300)));
            assert_eq!(used(scene, funder), ghs(300));
        }
        report(scene, 1, ChannelOutcome::Successful);
        let first = log(scene, 1);
        assert_eq!((first.status, first.note.as_deref()), (IntegrationStatus::Confirmed, Some("self-1")));

        scene.happened(requested(funder, 2, ghs(200)));
        assert_eq!(used(scene, funder), ghs(500));
        for _ in 0..2 {
            report(scene, 2, ChannelOutcome::Failed);
            assert_eq!(used(scene, funder), ghs(300), "a failure gives back once");
        }
        assert_eq!(log(scene, 2).note.as_deref(), Some("NOT_ALLOWED"));

        scene.happened(repaid(funder, ghs(100)));
        assert_eq!(used(scene, funder), ghs(200));
        scene.happened(repaid(funder, ghs(900)));
        assert_eq!(used(scene, funder), ghs(0), "never below zero");
    });
}

#[test]
fn a_loan_whose_fee_was_kept_back_uses_its_principal_and_gives_it_back() {
    scene(|scene| {
        let funder = partner(scene, "self-capital");
        let net = |number| DisbursementRequested { principal: ghs(320), ..requested(funder, number, ghs(300)) };
        scene.happened(net(1));
        assert_eq!(used(scene, funder), ghs(320));
        report(scene, 1, ChannelOutcome::Failed);
        assert_eq!(used(scene, funder), ghs(0));
        scene.happened(net(2));
        scene.happened(net(3));
        report(scene, 2, ChannelOutcome::Successful);
        scene.happened(repaid(funder, ghs(320)));
        assert_eq!(used(scene, funder), ghs(320), "the other loan's");
    });
}

#[test]
fn a_failure_of_our_channel_gives_back_too() {
    scene(|scene| {
        let funder = partner(scene, "bridge-capital");
        let event = requested(funder, 1, ghs(300));
        scene.happened(event.clone());
        let purpose = PaymentPurpose {
            loan: event.loan,
            customer: event.customer,
            disbursement: Some(event.order),
            repayment: None,
            fund_account: Some(event.fund_account),
            reservation: Some(event.reservation),
        };
        let failed = PaymentFailed {
            payment: PaymentId::from_number(5),
            direction: PaymentDirection::Payout,
            purpose,
            amount: event.amount,
            reason: "PAYEE_NOT_FOUND".into(),
        };
        scene.happened(failed.clone());
        assert_eq!((used(scene, funder), log(scene, 1).status), (ghs(0), IntegrationStatus::Failed));
        let collection = PaymentPurpose { disbursement: None, ..failed.purpose };
        scene.happened(PaymentFailed { purpose: collection, ..failed });
        assert_eq!(used(scene, funder), ghs(0));
    });
}

#[test]
fn people_hear_once_a_day_that_the_quota_is_nearly_used() {
    scene(|scene| {
        let funder = partner(scene, "self-capital");
        let alerts = |scene: &mut Scene, number, amount| {
            scene.happened(requested(funder, number, ghs(amount)));
            kinds(scene).len()
        };
        assert_eq!([alerts(scene, 1, 899), alerts(scene, 2, 1), alerts(scene, 3, 1)], [0, 1, 0]);
        scene.set_today(date(2026, 1, 6));
        assert_eq!(alerts(scene, 4, 1), 1);
        assert_eq!(alerts(scene, 5, 1), 0);
        scene.happened(requested(PartnerId::from_number(99), 6, ghs(1)));
        assert!(scene.load::<IntegrationLog>(attempt(6)).is_none());
    });
}

#[test]
fn a_quota_counts_from_its_first_day() {
    scene(|scene| {
        let funder = partner(scene, "self-capital");
        let RegisterFundingContract { code, cost, quota, products, channels, .. } = terms("self-capital");
        let valid_until = None;
        assert_eq!(quota, ghs(1_000));
        for (valid_from, quota) in [(date(2026, 2, 1), ghs(500)), (date(2026, 3, 1), ghs(600))] {
            let (code, products, channels) = (code.clone(), products.clone(), channels.clone());
            scene
                .request(AmendFundingContract { code, valid_from, valid_until, cost, quota, products, channels })
                .unwrap();
        }
        for (number, day, amount, alerts, of) in
            [(1, date(2026, 1, 31), 449, 0, 1_000), (2, date(2026, 2, 1), 1, 1, 500), (3, date(2026, 3, 1), 1, 0, 600)]
        {
            scene.set_today(day);
            scene.happened(requested(funder, number, ghs(amount)));
            assert_eq!(kinds(scene).len(), alerts, "{day}");
            let integration = scene.load::<FundingPartnerIntegration>(funder).unwrap();
            assert_eq!(integration.quota, ghs(of), "{day}");
        }
        assert!(scene.load::<FundingPartnerIntegration>(funder).unwrap().quotas_later.is_empty());
    });
}

/// What moves the log of an attempt.
#[derive(Clone, Copy, Debug)]
enum Told {
    RequestedAgain,
    Paid,
    NotPaid,
    PayoutFailed,
    CollectionFailed,
}

fn tell(scene: &mut Scene, event: &DisbursementRequested, told: Told) {
    let DisbursementRequested { order, loan, funder, fund_account, reservation, amount, .. } = event.clone();
    let is_payout = matches!(told, Told::PayoutFailed);
    match told {
        Told::RequestedAgain => scene.happened(event.clone()),
        Told::Paid => scene.happened(PartnerDisbursementSucceeded {
            order,
            loan,
            funder,
            fund_account,
            reservation,
            amount,
            payment: None,
            reference: "self-1".into(),
        }),
        Told::NotPaid => {
            scene.happened(PartnerDisbursementFailed {
                order,
                loan,
                funder,
                reservation,
                reason: "NOT_ALLOWED".into(),
            });
        }
        Told::PayoutFailed | Told::CollectionFailed => scene.happened(PaymentFailed {
            payment: PaymentId::from_number(5),
            direction: if is_payout { PaymentDirection::Payout } else { PaymentDirection::Collection },
            purpose: PaymentPurpose {
                loan,
                customer: event.customer,
                disbursement: is_payout.then_some(order),
                repayment: None,
                fund_account: Some(fund_account),
                reservation: Some(reservation),
            },
            amount,
            reason: "PAYEE_NOT_FOUND".into(),
        }),
    }
}

#[test]
fn every_state_of_an_attempt_meets_everything_that_may_move_it() {
    use IntegrationStatus::{Confirmed, Failed, Sent};
    const TOLD: [Told; 5] =
        [Told::RequestedAgain, Told::Paid, Told::NotPaid, Told::PayoutFailed, Told::CollectionFailed];
    let table: [(IntegrationStatus, Option<Told>, [IntegrationStatus; 5]); 4] = [
        (Sent, None, [Sent, Confirmed, Failed, Failed, Sent]),
        (Confirmed, Some(Told::Paid), [Confirmed; 5]),
        (Failed, Some(Told::NotPaid), [Failed; 5]),
        (Failed, Some(Told::PayoutFailed), [Failed; 5]),
    ];
    assert!(IntegrationStatus::ALL.iter().all(|state| table.iter().any(|(row, ..)| row == state)));
    for (before, way, row) in table {
        for (told, after) in TOLD.into_iter().zip(row) {
            scene(|scene| {
                let funder = partner(scene, "self-capital");
                let event = requested(funder, 1, ghs(300));
                scene.happened(event.clone());
                if let Some(step) = way {
                    tell(scene, &event, step);
                }
                assert_eq!(log(scene, 1).status, before);
                tell(scene, &event, told);
                assert_eq!(log(scene, 1).status, after, "{before:?}, told {told:?}");
                let quota = if after == Failed { ghs(0) } else { ghs(300) };
                assert_eq!(used(scene, funder), quota, "{before:?}, told {told:?}");
            });
        }
    }
}
