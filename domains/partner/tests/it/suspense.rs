//! Whose suspense money waits in, and how it gets to its loan.

use sycee_contract::messages::{ExternalRepaymentNotified, OpenWorkOrder, PartnerRepaymentReceived, PostLedgerEvent};
use sycee_partner::partner_hub::PartnerReceipt;

use crate::repayments::{collected, collected_by_us, notice, order};
use crate::{ghs, kinds, loan, partner, scene};

#[test]
fn money_at_our_bank_that_names_its_loan_is_taken_whomever_it_is_told_for() {
    scene(|scene| {
        let own = collected_by_us(scene);
        let (bridge, itself) = (partner(scene, "bridge-capital"), partner(scene, "self-capital"));
        scene.happened(ExternalRepaymentNotified { funder: Some(bridge), ..notice("mtn-7", Some(1), ghs(110)) });
        let taken = scene.emitted::<PartnerRepaymentReceived>().remove(0);
        assert_eq!((taken.reference.as_str(), taken.funder, taken.loan), ("own/mtn-7", Some(own), Some(loan(1))));
        assert!(scene.sent::<PostLedgerEvent>().is_empty() && kinds(scene).is_empty());
        for _ in 0..2 {
            scene.happened(collected(1, "mtn-7"));
            assert!(scene.emitted::<PartnerRepaymentReceived>().is_empty() && kinds(scene).is_empty());
        }
        scene.happened(ExternalRepaymentNotified { funder: Some(itself), ..notice("mtn-8", Some(1), ghs(110)) });
        assert_eq!(kinds(scene), ["repayment-elsewhere"], "at another bank");
        let called = scene.sent::<OpenWorkOrder>().remove(0);
        assert!(called.text.contains(&format!("in suspense of self-capital as {itself}/mtn-8")), "{}", called.text);
    });
}

#[test]
fn people_learn_how_money_in_suspense_gets_to_its_loan() {
    // For whom our bank tells of money for a loan of own funds; then what people are told to do.
    for (told_for, way) in [("own-funds", "end it for the loan"), ("bridge-capital", "under a reference of its own")] {
        scene(|scene| {
            let (own, bridge) = (collected_by_us(scene), partner(scene, "bridge-capital"));
            let holder = if told_for == "own-funds" { own } else { bridge };
            let place = format!("in suspense of {told_for} as own/mtn-7");
            scene.happened(ExternalRepaymentNotified { funder: Some(holder), ..notice("mtn-7", None, ghs(110)) });
            let called = scene.sent::<OpenWorkOrder>().remove(0);
            assert!(called.kind == "unmatched-payment" && called.text.contains(&place), "{}", called.text);

            scene.happened(collected(1, "mtn-7"));
            assert!(scene.emitted::<PartnerRepaymentReceived>().is_empty());
            let called = scene.sent::<OpenWorkOrder>().remove(0);
            assert_eq!(called.kind, "payment-in-suspense");
            for told in [place.as_str(), "resolve-suspense", way] {
                assert!(called.text.contains(told), "{told}: {}", called.text);
            }
            // The way that they are told leads there, for a loan of own funds.
            let again = ExternalRepaymentNotified { order: Some(order()), ..notice("mtn-7-again", Some(1), ghs(110)) };
            scene.happened(again);
            let taken = scene.emitted::<PartnerRepaymentReceived>().remove(0);
            assert_eq!((taken.loan, taken.order, taken.funder), (Some(loan(1)), Some(order()), Some(own)));
            for reference in ["own/mtn-7", "pay-5/mtn-7"] {
                assert_eq!(scene.load::<PartnerReceipt>(reference.to_owned()).unwrap().holder, Some(holder));
            }
        });
    }
}
