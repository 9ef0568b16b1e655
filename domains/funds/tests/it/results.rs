//! What channels say about payments: once, twice, late, wrong.

use sycee_contract::messages::{OpenWorkOrder, PaymentFailed, PaymentSucceeded, RecordPaymentResult};
use sycee_contract::{ChannelOutcome, Identifier, PaymentDirection, PaymentId, RepaymentMethodKind};
use sycee_funds::payment_system::{PaymentOrder, PaymentStatus};
use sycee_money::Money;
use sycee_runtime::testing::Scene;

use crate::payments::{method, order, payout, told};
use crate::{disbursement, ghs, scene};

use ChannelOutcome::{Failed, Pending, Successful};

fn kinds(scene: &Scene) -> Vec<String> {
    scene.sent::<OpenWorkOrder>().into_iter().map(|order| order.kind).collect()
}

fn status(scene: &mut Scene, payment: PaymentId) -> PaymentStatus {
    scene.load::<PaymentOrder>(payment).unwrap().status
}

#[test]
fn a_success_counts_once() {
    scene(|scene| {
        let payment = scene.request(payout(ghs(300))).unwrap().payment;
        scene.fact(told(payment, Pending, None));
        assert_eq!(status(scene, payment), PaymentStatus::Sent);
        scene.fact(told(payment, Successful, Some(ghs(300))));
        let paid = &scene.emitted::<PaymentSucceeded>()[0];
        assert_eq!((paid.payment, paid.direction, paid.amount), (payment, PaymentDirection::Payout, ghs(300)));
        assert_eq!((paid.purpose.disbursement, paid.channel_reference.as_str()), (Some(disbursement()), "mtn-1"));
        for outcome in [Successful, Pending] {
            scene.fact(told(payment, outcome, Some(ghs(300))));
            assert!(scene.emitted::<PaymentSucceeded>().is_empty() && kinds(scene).is_empty());
        }
    });
}

#[test]
fn a_failure_counts_once() {
    scene(|scene| {
        let payment = scene.request(payout(ghs(300))).unwrap().payment;
        scene.fact(told(payment, Failed, None));
        assert_eq!(scene.emitted::<PaymentFailed>()[0].reason, "PAYEE_NOT_FOUND");
        for outcome in [Failed, Pending] {
            scene.fact(told(payment, outcome, None));
            assert!(scene.emitted::<PaymentFailed>().is_empty() && kinds(scene).is_empty());
        }
    });
}

#[test]
fn an_unknown_request_goes_to_people() {
    scene(|scene| {
        for request_id in ["pay-424242", "who-knows"] {
            let cmd = RecordPaymentResult {
                request_id: request_id.into(),
                ..told(PaymentId::from_number(1), Successful, Some(ghs(1)))
            };
            scene.fact(cmd);
            assert_eq!(kinds(scene), ["unknown-payment-result"]);
            assert_eq!(scene.sent::<OpenWorkOrder>()[0].key, format!("unknown-payment-result-{request_id}"));
        }
    });
}

#[test]
fn a_payout_of_another_amount_waits_for_people() {
    scene(|scene| {
        let payment = scene.request(payout(ghs(300))).unwrap().payment;
        scene.fact(told(payment, Successful, Some(ghs(299))));
        assert_eq!(kinds(scene), ["payment-disputed"]);
        assert!(scene.emitted::<PaymentSucceeded>().is_empty());
        assert_eq!(status(scene, payment), PaymentStatus::Disputed);
        scene.fact(told(payment, Successful, Some(ghs(299))));
        assert!(scene.emitted::<PaymentSucceeded>().is_empty(), "the same report decides nothing");
        scene.fact(told(payment, Successful, Some(ghs(300))));
        assert_eq!(scene.emitted::<PaymentSucceeded>().len(), 1, "a report that agrees with the order decides");
        assert_eq!(status(scene, payment), PaymentStatus::Succeeded);
    });
}

#[test]
fn a_payout_that_failed_never_succeeds_by_itself() {
    scene(|scene| {
        let payment = scene.request(payout(ghs(300))).unwrap().payment;
        scene.fact(told(payment, Failed, None));
        scene.fact(told(payment, Successful, Some(ghs(300))));
        assert_eq!(kinds(scene), ["payment-disputed"]);
        assert!(scene.emitted::<PaymentSucceeded>().is_empty());
        assert_eq!(status(scene, payment), PaymentStatus::Disputed);
    });
}

#[test]
fn a_success_that_is_contradicted_stands() {
    scene(|scene| {
        let payment = scene.request(payout(ghs(300))).unwrap().payment;
        scene.fact(told(payment, Successful, None));
        scene.fact(told(payment, Failed, None));
        assert_eq!(kinds(scene), ["payment-contradicted"]);
        scene.fact(RecordPaymentResult { channel_reference: "mtn-2".into(), ..told(payment, Successful, None) });
        assert_eq!(kinds(scene), ["payment-contradicted"]);
        assert_eq!(status(scene, payment), PaymentStatus::Succeeded);
    });
}

#[test]
fn a_payers_money_is_taken_as_it_comes() {
    scene(|scene| {
        let payment = scene.request(method(RepaymentMethodKind::VirtualAccount, ghs(110))).unwrap().payment;
        scene.fact(told(payment, Successful, Some(ghs(90))));
        let paid = &scene.emitted::<PaymentSucceeded>()[0];
        assert_eq!((paid.amount, paid.purpose.repayment), (ghs(90), Some(order())));
        assert_eq!(kinds(scene), ["payment-amount-differs"]);
        let foreign = Money::from_minor(100, sycee_money::Currency::USD).unwrap();
        let second = scene.request(method(RepaymentMethodKind::VirtualAccount, ghs(20))).unwrap().payment;
        scene.fact(told(second, Successful, Some(foreign)));
        assert_eq!(
            (kinds(scene), status(scene, second)),
            (vec!["payment-disputed".to_owned()], PaymentStatus::Disputed)
        );
        scene.fact(told(second, Successful, Some(ghs(20))));
        assert_eq!(scene.emitted::<PaymentSucceeded>()[0].amount, ghs(20), "the true report is heard");
        assert_eq!(status(scene, second), PaymentStatus::Succeeded);
    });
}

#[test]
fn a_code_that_is_paid_twice_pays_the_loan_twice() {
    scene(|scene| {
        let payment = scene.request(method(RepaymentMethodKind::Qr, ghs(110))).unwrap().payment;
        scene.fact(told(payment, Successful, Some(ghs(110))));
        let again =
            RecordPaymentResult { channel_reference: "mtn-2".into(), ..told(payment, Successful, Some(ghs(70))) };
        scene.fact(again);
        let paid = scene.emitted::<PaymentSucceeded>().pop().unwrap();
        assert_eq!((paid.amount, paid.purpose.repayment), (ghs(70), None), "its order has its money");
        assert_eq!((paid.channel_reference.as_str(), kinds(scene)), ("mtn-2", vec!["payment-repeated".to_owned()]));
        scene.fact(told(payment, Successful, Some(ghs(109))));
        assert_eq!(kinds(scene), ["payment-contradicted"], "one reference, two amounts");
        assert!(scene.emitted::<PaymentSucceeded>().is_empty());
    });
}

#[test]
fn late_money_is_taken() {
    scene(|scene| {
        let payment = scene.request(method(RepaymentMethodKind::Qr, ghs(110))).unwrap().payment;
        scene.advance_seconds(90_000);
        scene.fire_timers();
        assert_eq!(status(scene, payment), PaymentStatus::Expired);
        scene.fact(told(payment, Successful, Some(ghs(110))));
        assert_eq!(scene.emitted::<PaymentSucceeded>().len(), 1);
        assert_eq!(status(scene, payment), PaymentStatus::Succeeded);
    });
    scene(|scene| {
        let payment = scene.request(method(RepaymentMethodKind::Qr, ghs(110))).unwrap().payment;
        scene.fact(told(payment, Failed, None));
        scene.fact(told(payment, Successful, Some(ghs(110))));
        assert_eq!(scene.emitted::<PaymentSucceeded>().len(), 1, "also after the channel said no");
    });
    scene(|scene| {
        let payment = scene.request(method(RepaymentMethodKind::Qr, ghs(110))).unwrap().payment;
        scene.advance_seconds(90_000);
        scene.fire_timers();
        scene.fact(told(payment, Failed, None));
        assert!(scene.emitted::<PaymentFailed>().is_empty(), "told when it expired");
        assert_eq!(status(scene, payment), PaymentStatus::Failed);
    });
}
