//! A channel's word against a payout: which work orders ask people, and what they decide.

use sycee_contract::messages::{
    DecidePayment, InitiatePayment, OpenWorkOrder, PaymentSucceeded, PostLedgerEvent, RecordPaymentResult,
    ResolveWorkOrder, StrayPayoutReported,
};
use sycee_contract::{ChannelOutcome, FundAccountId, PaymentId, RepaymentMethodKind};
use sycee_funds::fund_management_system::FundAccount;
use sycee_funds::payment_system::{PaymentOrder, PaymentStatus};
use sycee_money::{Currency, Money};
use sycee_runtime::testing::Scene;

use crate::payments::{method, payout, told};
use crate::results::{decision, kinds, status};
use crate::{facts, ghs, order_payout, own, paying, scene, unknown_reservation};

use ChannelOutcome::{Failed, Successful};

/// A payout of 300 out of own funds is on its way.
fn ordered(scene: &mut Scene) -> (FundAccountId, PaymentId) {
    let account = own(scene);
    let cmd = InitiatePayment { purpose: facts::purpose(account, unknown_reservation()), ..payout(ghs(300)) };
    (account, order_payout(scene, &cmd).unwrap().payment)
}

/// The channel says that it paid this under a reference.
fn paid(payment: PaymentId, reference: &str, amount: Money) -> RecordPaymentResult {
    RecordPaymentResult { channel_reference: reference.into(), ..told(payment, Successful, Some(amount)) }
}

fn recoverable(scene: &mut Scene, account: FundAccountId) -> Money {
    scene.load::<FundAccount>(account).unwrap().recoverable
}

#[test]
fn every_word_against_a_payout_has_a_work_order_of_its_own() {
    paying(|scene| {
        let (_, payment) = ordered(scene);
        scene.fact(told(payment, Failed, None));
        let words = [("mtn-1", ghs(299)), ("mtn-2", ghs(150)), ("mtn-2", ghs(151)), ("mtn-1", ghs(299))];
        let mut keys = Vec::new();
        for (reference, amount) in words {
            scene.fact(paid(payment, reference, amount));
            let called = &scene.sent::<OpenWorkOrder>()[0];
            assert_eq!(called.kind, "payment-contradicted");
            assert!(called.text.contains(&amount.to_string()) && called.text.contains(reference), "{}", called.text);
            keys.push(called.key.clone());
        }
        assert_eq!(keys.pop(), Some(keys[0].clone()), "the same word again");
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 3);
    });
    paying(|scene| {
        let (_, payment) = ordered(scene);
        scene.fact(told(payment, Successful, None));
        let mut key_of = |word: RecordPaymentResult| {
            scene.fact(word);
            scene.sent::<OpenWorkOrder>()[0].key.clone()
        };
        let failed = key_of(told(payment, Failed, Some(ghs(299))));
        assert_ne!(key_of(told(payment, Successful, Some(ghs(299)))), failed);
    });
}

#[test]
fn people_book_what_a_payout_that_had_failed_really_paid() {
    paying(|scene| {
        let (account, payment) = ordered(scene);
        scene.fact(told(payment, Failed, None));
        scene.fact(paid(payment, "mtn-1", ghs(299)));
        let key = scene.sent::<OpenWorkOrder>()[0].key.clone();
        scene.request(decision(payment, true, Some(ghs(299)))).unwrap();
        let stray = &scene.emitted::<StrayPayoutReported>()[0];
        assert_eq!((stray.reference.clone(), stray.amount), (format!("{payment}/mtn-1"), ghs(299)));
        let booked = &scene.sent::<PostLedgerEvent>()[0];
        assert_eq!((booked.template.as_str(), booked.amounts["amount"]), ("stray-payout", ghs(299)));
        assert_eq!(scene.sent::<ResolveWorkOrder>()[0].key, key, "nobody has to look any more");
        assert!(scene.emitted::<PaymentSucceeded>().is_empty(), "no loan takes it");
        let order = scene.load::<PaymentOrder>(payment).unwrap();
        assert_eq!((order.status, order.moved), (PaymentStatus::Disputed, Some(ghs(299))));

        scene.fact(paid(payment, "mtn-1", ghs(299)));
        assert!(scene.emitted::<StrayPayoutReported>().is_empty() && kinds(scene).is_empty(), "it agrees later");
        scene.fact(paid(payment, "mtn-1", ghs(300)));
        assert_eq!(kinds(scene), ["payment-contradicted"]);
        assert!(scene.emitted::<StrayPayoutReported>().is_empty());
        let again = scene.request(decision(payment, true, Some(ghs(298)))).unwrap_err();
        assert_eq!((again.code.as_str(), again.details["field"].as_str()), ("INVALID_FIELD", "channelReference"));
        assert_eq!(recoverable(scene, account), ghs(299));
    });
}

#[test]
fn a_disputed_payout_that_really_paid_another_amount_did_not_move_what_was_ordered() {
    paying(|scene| {
        let (account, payment) = ordered(scene);
        scene.fact(paid(payment, "mtn-1", ghs(299)));
        assert_eq!(kinds(scene), ["payment-disputed"]);
        let refused = scene.request(decision(payment, true, Some(ghs(299)))).unwrap_err();
        assert!(refused.code == "INVALID_FIELD" && refused.message.contains("did not move"), "{refused}");
        scene.request(decision(payment, false, None)).unwrap();
        scene.request(decision(payment, true, Some(ghs(299)))).unwrap();
        assert_eq!((status(scene, payment), recoverable(scene, account)), (PaymentStatus::Disputed, ghs(299)));
    });
}

#[test]
fn what_a_payout_that_was_paid_moved_besides_has_a_reference_of_its_own() {
    paying(|scene| {
        let (account, payment) = ordered(scene);
        scene.fact(told(payment, Successful, None));
        let besides = |reference: &str, amount| DecidePayment {
            channel_reference: Some(reference.into()),
            ..decision(payment, true, Some(amount))
        };
        assert_eq!(scene.request(besides("mtn-1", ghs(299))).unwrap_err().code, "INVALID_FIELD");
        scene.fact(paid(payment, "mtn-2", ghs(299)));
        let key = scene.sent::<OpenWorkOrder>()[0].key.clone();
        scene.request(besides("mtn-2", ghs(299))).unwrap();
        assert_eq!(scene.sent::<ResolveWorkOrder>()[0].key, key);
        assert_eq!(recoverable(scene, account), ghs(299));
        let order = scene.load::<PaymentOrder>(payment).unwrap();
        assert_eq!((order.status, order.moved), (PaymentStatus::Succeeded, Some(ghs(300))), "what was paid stands");
        assert_eq!(order.channel_reference.as_deref(), Some("mtn-1"));
        for (amount, called) in [(ghs(299), None), (ghs(150), Some("stray-payout-contradicted"))] {
            scene.request(besides("mtn-2", amount)).unwrap();
            assert_eq!(kinds(scene), Vec::from_iter(called), "{amount}");
            assert_eq!(recoverable(scene, account), ghs(299), "once a reference");
        }
    });
}

#[test]
fn what_a_payout_moved_besides_is_told_wholly() {
    paying(|scene| {
        let (account, payment) = ordered(scene);
        scene.fact(told(payment, Failed, None));
        let whole = decision(payment, true, Some(ghs(299)));
        let of = |amount| DecidePayment { amount: Some(amount), ..whole.clone() };
        let later = Some(scene.now().plus_seconds(1));
        for (cmd, field) in [
            (of(ghs(0)), "amount"),
            (of(ghs(-1)), "amount"),
            (of(Money::from_units(1, Currency::GHS)), "amount"),
            (of(Money::from_units(10_000, Currency::USD)), "amount"),
            (DecidePayment { channel_reference: None, ..whole.clone() }, "channelReference"),
            (DecidePayment { note: " ".into(), ..whole.clone() }, "note"),
            (DecidePayment { paid_at: later, ..whole.clone() }, "paidAt"),
        ] {
            let refused = scene.request(cmd).unwrap_err();
            assert_eq!((refused.code.as_str(), refused.details["field"].as_str()), ("INVALID_FIELD", field));
        }
        for cmd in [DecidePayment { amount: None, ..whole.clone() }, DecidePayment { paid: false, ..whole.clone() }] {
            assert_eq!(scene.request(cmd).unwrap_err().code, "UNEXPECTED_STATE");
        }
        assert_eq!(recoverable(scene, account), ghs(0));
    });
    scene(|scene| {
        let payment = scene.request(method(RepaymentMethodKind::Qr, ghs(110))).unwrap().payment;
        scene.fact(told(payment, Successful, Some(ghs(110))));
        let more = DecidePayment { channel_reference: Some("mtn-2".into()), ..decision(payment, true, Some(ghs(70))) };
        assert_eq!(scene.request(more).unwrap_err().code, "UNEXPECTED_STATE", "a payer's money is told by its channel");
    });
}
