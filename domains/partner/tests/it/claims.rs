//! References of money that fund management books: the bank's, a channel's and finance's word of one movement.

use sycee_contract::messages::{
    ClaimBankReference, ConfirmFundArrival, ExternalRepaymentNotified, OpenWorkOrder, PartnerRepaymentReceived,
    PaymentSucceeded, PostLedgerEvent,
};
use sycee_contract::{ArrivalId, PartnerId};
use sycee_money::Money;
use sycee_partner::PartnerConfig;
use sycee_partner::partner_hub::{PartnerReceipt, ReceiptStatus};
use sycee_runtime::testing::Scene;
use sycee_runtime::{Configs, Handled, Registry, Work};

use crate::repayments::{collected, collected_by_us, learned, notice};
use crate::{ghs, kinds, partner};

/// A stage with a stand-in for fund management, which claims the reference of what people confirm.
fn with_claims(body: impl Fn(&mut Scene)) {
    let with_fund_management = |registry: &mut Registry| {
        sycee_partner::register(registry);
        let confirm = |work: &mut Work, cmd: &ConfirmFundArrival| -> Handled<ArrivalId> {
            let partner: PartnerId = cmd.funder.parse().unwrap();
            work.send(ClaimBankReference { partner, bank_reference: cmd.bank_reference.clone(), amount: cmd.amount });
            Ok(work.new_id())
        };
        registry.service("fund-management-system").handles::<ConfirmFundArrival>(confirm).sends::<ClaimBankReference>();
    };
    Scene::each(with_fund_management, Configs::new().with(PartnerConfig::default()), body);
}

/// What has fund management claim a reference; its stand-in knows partners by their number.
fn claim(partner: PartnerId, reference: &str, amount: Money) -> ConfirmFundArrival {
    ConfirmFundArrival { funder: partner.to_string(), amount, bank_reference: reference.into() }
}

#[test]
fn money_that_fund_management_booked_is_not_booked_again() {
    with_claims(|scene| {
        let own = collected_by_us(scene);
        scene.request(claim(own, "GCB-1", ghs(500))).unwrap();
        let kept = scene.load::<PartnerReceipt>("own/GCB-1".to_owned()).unwrap();
        assert_eq!((kept.status, kept.amount), (ReceiptStatus::Claimed, ghs(500)));
        let nothing_moves = |scene: &Scene| {
            assert!(
                scene.emitted::<PartnerRepaymentReceived>().is_empty() && scene.sent::<PostLedgerEvent>().is_empty()
            );
        };
        for funder in [None, Some(own)] {
            scene.happened(ExternalRepaymentNotified { funder, ..notice("GCB-1", None, ghs(500)) });
            nothing_moves(scene);
            assert!(kinds(scene).is_empty(), "our bank tells of the same money");
        }
        scene.happened(notice("GCB-1", Some(1), ghs(500)));
        nothing_moves(scene);
        assert_eq!(kinds(scene), ["repayment-reference-claimed"]);

        scene.happened(notice("GCB-1", Some(1), ghs(50)));
        assert_eq!(kinds(scene), ["repayment-reference-contradicted"], "other money");
        assert_eq!(scene.sent::<PostLedgerEvent>()[0].reference.text, "own/GCB-1#2");
        scene.happened(PaymentSucceeded { amount: ghs(500), ..collected(9, "GCB-1") });
        let told = &scene.emitted::<PartnerRepaymentReceived>()[0];
        assert_eq!(told.reference, "pay-5/GCB-1", "a channel's money is always its own");
        assert_eq!(kinds(scene), ["payment-booked-twice"], "but it may be the same movement");
    });
}

#[test]
fn money_in_the_books_is_claimed_by_nobody() {
    with_claims(|scene| {
        let own = collected_by_us(scene);
        let (bridge, itself) = (partner(scene, "bridge-capital"), partner(scene, "self-capital"));
        scene.happened(notice("GCB-1", None, ghs(500)));
        scene.happened(notice("GCB-2", Some(1), ghs(110)));
        scene.happened(collected(1, "mtn-7"));
        for (funder, reference, amount) in
            [(own, "GCB-1", 500), (own, "GCB-2", 110), (own, "mtn-7", 110), (bridge, "GCB-1", 500)]
        {
            let refusal = scene.request(claim(funder, reference, ghs(amount))).unwrap_err();
            assert_eq!(refusal.code, "BANK_REFERENCE_USED");
            let place = if reference == "GCB-1" { "in suspense of own-funds" } else { "on loan-1000001" };
            assert!(refusal.message.contains(&format!("{place} as own/{reference}")), "{refusal}");
        }
        scene.request(claim(itself, "GCB-1", ghs(500))).unwrap();
        assert!(kinds(scene).is_empty(), "another bank's reference");
        scene.request(claim(own, "GCB-1", ghs(499))).unwrap();
        let called = &scene.sent::<OpenWorkOrder>()[0];
        assert_eq!(called.kind, "repayment-reference-contradicted");
        for told in ["own/GCB-1,", "own/GCB-1#2", "own-funds", "499"] {
            assert!(called.text.contains(told), "{told}: {}", called.text);
        }
        for (receipt, amount) in [(format!("{itself}/GCB-1"), 500), ("own/GCB-1#2".to_owned(), 499)] {
            let kept = scene.load::<PartnerReceipt>(receipt.clone()).unwrap();
            assert_eq!((kept.status, kept.amount), (ReceiptStatus::Claimed, ghs(amount)), "{receipt}: other money");
        }
    });
}

#[test]
fn one_movement_at_our_bank_is_booked_once_for_whomever_it_is_told() {
    with_claims(|scene| {
        let (own, bridge) = (partner(scene, "own-funds"), partner(scene, "bridge-capital"));
        let itself = partner(scene, "self-capital");
        let told = |funder, reference: &str| ExternalRepaymentNotified {
            funder: Some(funder),
            ..notice(reference, None, ghs(60))
        };
        let nothing_moves = |scene: &Scene| scene.sent::<PostLedgerEvent>().is_empty() && kinds(scene).is_empty();

        scene.happened(told(bridge, "n-2"));
        let booked = &scene.sent::<PostLedgerEvent>()[0];
        let expected = ("own/n-2".to_owned(), bridge.to_string());
        assert_eq!((booked.reference.text.clone(), booked.dimensions["funder"].clone()), expected);
        for funder in [bridge, own] {
            let refusal = scene.request(claim(funder, "n-2", ghs(60))).unwrap_err();
            assert_eq!(refusal.code, "BANK_REFERENCE_USED", "{refusal}");
            assert!(refusal.message.contains("in suspense of bridge-capital as own/n-2"), "{refusal}");
            scene.happened(told(funder, "n-2"));
            assert!(nothing_moves(scene), "{funder}");
        }

        scene.request(claim(bridge, "n-3", ghs(60))).unwrap();
        for funder in [bridge, own] {
            scene.happened(told(funder, "n-3"));
            assert!(nothing_moves(scene), "{funder}");
        }

        scene.happened(told(itself, "n-2"));
        assert_eq!(scene.sent::<PostLedgerEvent>()[0].reference.text, format!("{itself}/n-2"), "another bank");
    });
}

#[test]
fn a_channels_money_under_a_claimed_reference_calls_people() {
    // Whether the channel names its reference late; what finance confirmed under it: the same, or by a slip of the pen not.
    for late in [false, true] {
        for confirmed in [ghs(110), ghs(101)] {
            with_claims(|scene| {
                let own = collected_by_us(scene);
                scene.request(claim(own, "mtn-7", confirmed)).unwrap();
                if late {
                    scene.happened(collected(1, ""));
                    assert_eq!(scene.emitted::<PartnerRepaymentReceived>().len(), 1);
                    scene.happened(learned("mtn-7"));
                } else {
                    scene.happened(collected(1, "mtn-7"));
                    assert_eq!(scene.emitted::<PartnerRepaymentReceived>().len(), 1);
                }
                assert_eq!(kinds(scene), ["payment-booked-twice"], "late: {late}, {confirmed}");
                let called = scene.sent::<OpenWorkOrder>().remove(0);
                let place = format!("{confirmed} is confirmed for own-funds as own/mtn-7");
                for told in ["pay-5", "GHS 110.00", place.as_str()] {
                    assert!(called.text.contains(told), "{told}: {}", called.text);
                }
                if late {
                    scene.happened(learned("mtn-7"));
                } else {
                    scene.happened(collected(1, "mtn-7"));
                }
                assert!(scene.emitted::<PartnerRepaymentReceived>().is_empty() && kinds(scene).is_empty(), "once");
            });
        }
    }
}

#[test]
fn people_claim_no_reference() {
    with_claims(|scene| {
        let own = partner(scene, "own-funds");
        let alone = ClaimBankReference { partner: own, bank_reference: "GCB-1".into(), amount: ghs(500) };
        let refusal = scene.request(alone).unwrap_err();
        assert_eq!(
            (refusal.code.as_str(), refusal.details["field"].as_str()),
            ("INVALID_FIELD", "bankReference"),
            "{refusal}"
        );
        assert!(refusal.message.contains("confirm-fund-arrival"), "{refusal}");
        assert!(scene.all::<PartnerReceipt>().is_empty());
        scene.happened(notice("GCB-1", None, ghs(500)));
        assert_eq!(scene.sent::<PostLedgerEvent>().len(), 1, "the bank's word is not lost");
    });
}
