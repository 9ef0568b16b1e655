//! Repayments: who collects, what is taken, what goes to suspense.

use sycee_contract::messages::{
    CollectionReferenceLearned, CreateRepaymentMethod, ExternalRepaymentNotified, OpenWorkOrder,
    PartnerRepaymentReceived, PaymentSucceeded, PostLedgerEvent, RecordPartnerDisbursement, RepaymentMethodCreated,
    RepaymentRouteSelected, RequestPartnerRepayment,
};
use sycee_contract::{
    ChannelOutcome, Identifier, LedgerEntryAnswer, PartnerId, PaymentAnswer, PaymentDirection, PaymentId,
    PaymentPurpose, Rejection, RepaymentMethodKind, RepaymentOrderId, Timestamp,
};
use sycee_money::{Currency, Money};
use sycee_partner::partner_hub::{Partner, PartnerDay, PartnerReceipt, ReceiptStatus};
use sycee_runtime::testing::Scene;
use sycee_runtime::{Configs, Registry, Work};

use crate::{attempt, customer, ghs, kinds, loan, partner, requested, scene};

pub fn order() -> RepaymentOrderId {
    RepaymentOrderId::from_number(4_000_000)
}

fn ask(funder: PartnerId, method: RepaymentMethodKind) -> RequestPartnerRepayment {
    RequestPartnerRepayment {
        order: order(),
        loan: loan(1),
        customer: customer(),
        funder,
        amount: ghs(110),
        method,
        mandate: None,
    }
}

pub fn notice(reference: &str, loan_nr: Option<i64>, amount: Money) -> ExternalRepaymentNotified {
    ExternalRepaymentNotified {
        reference: reference.into(),
        funder: None,
        order: None,
        loan: loan_nr.map(loan),
        amount,
        paid_at: None,
    }
}

/// A partner that collects itself, with loan 1 paid out.
fn lender(scene: &mut Scene) -> PartnerId {
    let funder = partner(scene, "self-capital");
    scene.happened(requested(funder, 1, ghs(300)));
    let outcome = ChannelOutcome::Successful;
    scene.fact(RecordPartnerDisbursement {
        order: attempt(1),
        partner: funder,
        partner_reference: "self-1".into(),
        outcome,
        reason: None,
        amount: None,
    });
    funder
}

pub fn collected(loan_nr: i64, reference: &str) -> PaymentSucceeded {
    PaymentSucceeded {
        payment: PaymentId::from_number(5),
        direction: PaymentDirection::Collection,
        purpose: PaymentPurpose {
            loan: loan(loan_nr),
            customer: customer(),
            disbursement: None,
            repayment: Some(order()),
            fund_account: None,
            reservation: None,
        },
        amount: ghs(110),
        channel_reference: reference.into(),
        at: Timestamp::from_micros(0),
        paid_at: Timestamp::from_micros(0),
    }
}

#[test]
fn we_collect_for_those_who_do_not() {
    for code in ["own-funds", "bridge-capital"] {
        scene(|scene| {
            let funder = partner(scene, code);
            scene.request(ask(funder, RepaymentMethodKind::Qr)).unwrap();
            let sent = &scene.sent::<CreateRepaymentMethod>()[0];
            assert_eq!((sent.order, sent.amount, sent.method), (order(), ghs(110), RepaymentMethodKind::Qr));
            assert!(scene.emitted::<RepaymentMethodCreated>().is_empty());
        });
    }
}

#[test]
fn a_self_collecting_partner_shows_its_own_way() {
    scene(|scene| {
        let funder = lender(scene);
        scene.request(ask(funder, RepaymentMethodKind::DeepLink)).unwrap();
        assert!(scene.sent::<CreateRepaymentMethod>().is_empty());
        let shown = &scene.emitted::<RepaymentMethodCreated>()[0];
        assert_eq!((shown.content.as_str(), shown.payment), ("partner:self-capital:rpo-4000000", None));
        assert_eq!(shown.expires_at, scene.now().plus_seconds(86_400));
        let pull = scene.request(ask(funder, RepaymentMethodKind::DirectDebit));
        assert_eq!(pull.unwrap_err().code, "DIRECT_DEBIT_NOT_OFFERED", "nobody would ask the partner to pull");
        let unknown = ask(PartnerId::from_number(99), RepaymentMethodKind::Qr);
        assert_eq!(scene.request(unknown).unwrap_err().code, "NOT_FOUND");
    });
}

#[test]
fn a_refused_method_reaches_who_waits_for_it() {
    let with_refusing_payments = |registry: &mut Registry| {
        sycee_partner::register(registry);
        let refuse = |_: &mut Work, _: &CreateRepaymentMethod| {
            Err::<PaymentAnswer, _>(Rejection::new("CHANNEL_UNKNOWN", "unknown").into())
        };
        registry.service("payment-system").handles::<CreateRepaymentMethod>(refuse);
    };
    Scene::each(with_refusing_payments, Configs::new().with(sycee_partner::PartnerConfig::default()), |scene| {
        let funder = partner(scene, "own-funds");
        assert_eq!(scene.request(ask(funder, RepaymentMethodKind::Qr)).unwrap_err().code, "CHANNEL_UNKNOWN");
        let pull = scene.request(ask(funder, RepaymentMethodKind::DirectDebit));
        assert_eq!(pull.unwrap_err().code, "CHANNEL_UNKNOWN", "whoever asked decides what to do");
    });
}

#[test]
fn a_collection_is_passed_on_once_a_reference() {
    scene(|scene| {
        let funder = lender(scene);
        scene.happened(collected(1, "mtn-7"));
        let told = &scene.emitted::<PartnerRepaymentReceived>()[0];
        assert_eq!((told.reference.as_str(), told.order, told.loan), ("pay-5/mtn-7", Some(order()), Some(loan(1))));
        assert_eq!((told.funder, told.amount, told.payment), (Some(funder), ghs(110), Some(PaymentId::from_number(5))));
        scene.happened(collected(1, "mtn-7"));
        assert!(scene.emitted::<PartnerRepaymentReceived>().is_empty());
        scene.happened(collected(9, ""));
        let told = &scene.emitted::<PartnerRepaymentReceived>()[0];
        assert_eq!((told.reference.as_str(), told.funder), ("pay-5", None), "our own payment is always passed on");
    });
}

#[test]
fn equal_references_of_two_channels_are_two_payments() {
    scene(|scene| {
        lender(scene);
        scene.happened(collected(1, "000123"));
        let second = PaymentSucceeded { payment: PaymentId::from_number(6), ..collected(9, "000123") };
        scene.happened(second);
        let told = &scene.emitted::<PartnerRepaymentReceived>()[0];
        assert_eq!((told.reference.as_str(), told.loan), ("pay-6/000123", Some(loan(9))));
        let again = PaymentSucceeded { channel_reference: "000124".into(), ..collected(1, "") };
        scene.happened(again);
        assert_eq!(
            scene.emitted::<PartnerRepaymentReceived>()[0].reference,
            "pay-5/000124",
            "a code that is paid twice"
        );
    });
}

#[test]
fn a_notice_of_our_bank_about_a_payment_of_ours_is_no_more_money() {
    scene(|scene| {
        let own = partner(scene, "own-funds");
        let bridge = partner(scene, "bridge-capital");
        scene.happened(requested(bridge, 1, ghs(300)));
        scene.happened(PaymentSucceeded {
            direction: PaymentDirection::Payout,
            purpose: PaymentPurpose { disbursement: Some(attempt(1)), ..collected(1, "").purpose },
            ..collected(1, "mtn-1")
        });
        scene.happened(collected(1, "mtn-7"));
        for funder in [None, Some(own), Some(bridge)] {
            scene.happened(ExternalRepaymentNotified { funder, ..notice("mtn-7", Some(1), ghs(110)) });
            assert!(scene.emitted::<PartnerRepaymentReceived>().is_empty() && kinds(scene).is_empty());
        }
        scene.happened(notice("mtn-7", Some(1), ghs(111)));
        assert_eq!(kinds(scene), ["repayment-reference-contradicted"]);
        assert_eq!(scene.sent::<PostLedgerEvent>()[0].reference.text, "own/mtn-7#2");
    });
}

/// Loan 1 of a funder for whom we collect, paid out.
pub fn collected_by_us(scene: &mut Scene) -> PartnerId {
    let own = partner(scene, "own-funds");
    scene.happened(requested(own, 1, ghs(300)));
    scene.happened(PaymentSucceeded {
        direction: PaymentDirection::Payout,
        purpose: PaymentPurpose { disbursement: Some(attempt(1)), ..collected(1, "").purpose },
        ..collected(1, "mtn-1")
    });
    own
}

#[test]
fn money_that_our_bank_tells_before_the_channel_is_money_once() {
    scene(|scene| {
        collected_by_us(scene);
        scene.happened(notice("mtn-7", Some(1), ghs(110)));
        assert_eq!(scene.emitted::<PartnerRepaymentReceived>()[0].reference, "own/mtn-7");
        for _ in 0..2 {
            scene.happened(collected(1, "mtn-7"));
            assert!(scene.emitted::<PartnerRepaymentReceived>().is_empty() && kinds(scene).is_empty());
        }
        scene.happened(notice("mtn-7", Some(1), ghs(110)));
        assert!(scene.emitted::<PartnerRepaymentReceived>().is_empty() && kinds(scene).is_empty());
        let known = scene.load::<PartnerReceipt>("pay-5/mtn-7".to_owned()).unwrap();
        assert_eq!((known.status, known.payment), (ReceiptStatus::Matched, Some(PaymentId::from_number(5))));
        let other = PaymentSucceeded { payment: PaymentId::from_number(6), ..collected(1, "mtn-7") };
        scene.happened(other);
        assert_eq!(scene.emitted::<PartnerRepaymentReceived>()[0].reference, "pay-6/mtn-7", "another payment's money");
    });
}

#[test]
fn money_in_suspense_that_a_channel_explains_is_not_booked_again() {
    scene(|scene| {
        collected_by_us(scene);
        scene.happened(notice("mtn-7", None, ghs(110)));
        assert_eq!((scene.sent::<PostLedgerEvent>().len(), kinds(scene)), (1, vec!["unmatched-payment".to_owned()]));
        scene.happened(collected(1, "mtn-7"));
        assert!(scene.emitted::<PartnerRepaymentReceived>().is_empty() && scene.sent::<PostLedgerEvent>().is_empty());
        let called = &scene.sent::<OpenWorkOrder>()[0];
        assert_eq!((called.kind.as_str(), called.loan), ("payment-in-suspense", Some(loan(1))));
        assert!(called.text.contains("own/mtn-7") && called.text.contains("resolve-suspense"), "{}", called.text);
        for _ in 0..2 {
            scene.happened(collected(1, "mtn-7"));
            assert!(scene.emitted::<PartnerRepaymentReceived>().is_empty() && kinds(scene).is_empty());
        }
    });
}

#[test]
fn of_two_amounts_that_bank_and_channel_tell_the_later_one_waits_for_people() {
    for named in [Some(1), None] {
        scene(|scene| {
            collected_by_us(scene);
            scene.happened(notice("mtn-7", named, ghs(99)));
            for round in 0..2 {
                scene.happened(collected(1, "mtn-7"));
                assert!(scene.emitted::<PartnerRepaymentReceived>().is_empty(), "{named:?}: 99 are booked already");
                let (booked, called) = (scene.sent::<PostLedgerEvent>(), kinds(scene));
                if round == 0 {
                    assert_eq!(called, ["repayment-reference-contradicted"]);
                    assert_eq!(
                        (booked[0].amounts["amount"], booked[0].reference.text.as_str()),
                        (ghs(110), "own/mtn-7#2")
                    );
                } else {
                    assert!(booked.is_empty() && called.is_empty(), "the same contradiction");
                }
            }
            let kept = scene.load::<PartnerReceipt>("own/mtn-7#2".to_owned()).unwrap();
            assert_eq!((kept.status, kept.payment), (ReceiptStatus::Unmatched, Some(PaymentId::from_number(5))));
            for amount in [ghs(110), ghs(99)] {
                scene.happened(notice("mtn-7", named, amount));
                assert!(scene.emitted::<PartnerRepaymentReceived>().is_empty() && kinds(scene).is_empty(), "{amount}");
            }
        });
    }
}

pub fn learned(reference: &str) -> CollectionReferenceLearned {
    let PaymentSucceeded { payment, purpose, amount, .. } = collected(1, "");
    CollectionReferenceLearned { payment, purpose, amount, channel_reference: reference.into() }
}

#[test]
fn a_reference_that_the_channel_tells_late_stands_for_its_money() {
    scene(|scene| {
        collected_by_us(scene);
        scene.happened(collected(1, ""));
        assert_eq!(scene.emitted::<PartnerRepaymentReceived>()[0].reference, "pay-5");
        for _ in 0..2 {
            scene.happened(learned("mtn-7"));
            assert!(kinds(scene).is_empty());
        }
        for named in [Some(1), None] {
            scene.happened(notice("mtn-7", named, ghs(110)));
            assert!(scene.emitted::<PartnerRepaymentReceived>().is_empty() && kinds(scene).is_empty(), "{named:?}");
        }
        scene.happened(notice("mtn-7", Some(1), ghs(99)));
        assert_eq!(kinds(scene), ["repayment-reference-contradicted"]);
    });
    for amount in [ghs(110), ghs(99)] {
        scene(|scene| {
            collected_by_us(scene);
            scene.happened(collected(1, ""));
            scene.happened(notice("mtn-7", Some(1), amount));
            assert_eq!(scene.emitted::<PartnerRepaymentReceived>().len(), 1, "nothing says that it is the same money");
            scene.happened(learned("mtn-7"));
            assert_eq!(kinds(scene), ["payment-booked-twice"]);
            let called = &scene.sent::<OpenWorkOrder>()[0];
            assert!(called.text.contains("pay-5") && called.text.contains("own/mtn-7"), "{}", called.text);
            scene.happened(learned("mtn-7"));
            scene.happened(notice("mtn-7", Some(1), ghs(110)));
            assert!(scene.emitted::<PartnerRepaymentReceived>().is_empty() && kinds(scene).is_empty());
        });
    }
}

#[test]
fn two_channels_with_equal_references_are_both_known_to_our_bank() {
    scene(|scene| {
        let own = collected_by_us(scene);
        scene.happened(requested(own, 9, ghs(300)));
        scene.happened(PaymentSucceeded {
            payment: PaymentId::from_number(4),
            direction: PaymentDirection::Payout,
            purpose: PaymentPurpose { disbursement: Some(attempt(9)), ..collected(9, "").purpose },
            ..collected(9, "mtn-2")
        });
        scene.happened(collected(1, "000123"));
        scene.happened(PaymentSucceeded { payment: PaymentId::from_number(6), ..collected(9, "000123") });
        assert_eq!(scene.emitted::<PartnerRepaymentReceived>()[0].reference, "pay-6/000123");
        for loan_nr in [1, 9] {
            scene.happened(notice("000123", Some(loan_nr), ghs(110)));
            assert!(scene.emitted::<PartnerRepaymentReceived>().is_empty() && kinds(scene).is_empty(), "{loan_nr}");
        }
    });
}

#[test]
fn money_that_no_book_takes_is_said_to_be_in_none() {
    scene(|scene| {
        partner(scene, "own-funds");
        let cases = [Money::from_minor(5_000, Currency::USD).unwrap(), Money::from_units(1, Currency::GHS)];
        for (nr, amount) in cases.into_iter().enumerate() {
            scene.happened(notice(&format!("out-{nr}"), None, amount));
            assert!(scene.sent::<PostLedgerEvent>().is_empty());
            let called = scene.sent::<OpenWorkOrder>().remove(0);
            assert_eq!(called.kind, "unmatched-payment");
            assert!(called.text.contains("in no book") && called.text.contains("GHS"), "{}", called.text);
        }
    });
}

#[test]
fn money_from_outside_is_taken_once_a_reference() {
    scene(|scene| {
        let funder = lender(scene);
        let notice = |reference: &str, loan_nr, amount| ExternalRepaymentNotified {
            funder: Some(funder),
            ..notice(reference, loan_nr, amount)
        };
        scene.happened(notice("out-1", Some(1), ghs(50)));
        let told = &scene.emitted::<PartnerRepaymentReceived>()[0];
        assert_eq!((told.loan, told.funder, told.amount, told.payment), (Some(loan(1)), Some(funder), ghs(50), None));
        assert_eq!((told.reference.clone(), told.paid_at), (format!("{funder}/out-1"), scene.now()));
        scene.happened(notice("out-1", Some(1), ghs(50)));
        assert!(scene.emitted::<PartnerRepaymentReceived>().is_empty() && kinds(scene).is_empty());
        for round in 0..2 {
            scene.happened(notice("out-1", Some(1), ghs(60)));
            let (booked, called) = (scene.sent::<PostLedgerEvent>(), kinds(scene));
            assert!(scene.emitted::<PartnerRepaymentReceived>().is_empty());
            if round == 0 {
                assert_eq!(called, ["repayment-reference-contradicted"]);
                assert_eq!(
                    (booked[0].amounts["amount"], booked[0].dimensions["funder"].clone()),
                    (ghs(60), funder.to_string())
                );
                assert_eq!(booked[0].reference.text, format!("{funder}/out-1#2"));
            } else {
                assert!(booked.is_empty() && called.is_empty(), "the same contradiction");
            }
        }

        scene.request(ask(funder, RepaymentMethodKind::Qr)).unwrap();
        let by_order = ExternalRepaymentNotified { order: Some(order()), ..notice("out-2", None, ghs(110)) };
        scene.happened(by_order);
        let told = &scene.emitted::<PartnerRepaymentReceived>()[0];
        assert_eq!((told.loan, told.order), (Some(loan(1)), Some(order())), "the order names the loan");
        assert_eq!(scene.all::<PartnerDay>()[0].repayments_received, 2);
    });
}

#[test]
fn a_reference_is_the_receivers_own() {
    scene(|scene| {
        let (own, lender) = (partner(scene, "own-funds"), lender(scene));
        let at = |funder| ExternalRepaymentNotified { funder: Some(funder), ..notice("0001", Some(1), ghs(50)) };
        scene.happened(at(lender));
        assert_eq!(scene.emitted::<PartnerRepaymentReceived>().len(), 1);
        scene.happened(at(own));
        assert_eq!(scene.sent::<PostLedgerEvent>()[0].reference.text, "own/0001", "other money at another receiver");
    });
}

#[test]
fn money_stays_in_the_books_of_who_has_it() {
    scene(|scene| {
        let (own, bridge) = (partner(scene, "own-funds"), partner(scene, "bridge-capital"));
        let lender = lender(scene);
        for funder in [None, Some(own), Some(bridge)] {
            let reference = format!("out-{funder:?}");
            scene.happened(ExternalRepaymentNotified { funder, ..notice(&reference, Some(1), ghs(50)) });
            assert!(scene.emitted::<PartnerRepaymentReceived>().is_empty(), "{lender} collects itself");
            assert_eq!(kinds(scene), ["repayment-elsewhere"]);
            let booked = &scene.sent::<PostLedgerEvent>()[0];
            assert_eq!(booked.dimensions["funder"], funder.unwrap_or(own).to_string());
        }
        scene.happened(requested(bridge, 2, ghs(300)));
        scene.happened(PaymentSucceeded {
            direction: PaymentDirection::Payout,
            purpose: PaymentPurpose { disbursement: Some(attempt(2)), ..collected(2, "").purpose },
            ..collected(2, "mtn-1")
        });
        scene.happened(notice("out-9", Some(2), ghs(50)));
        let told = &scene.emitted::<PartnerRepaymentReceived>()[0];
        assert_eq!((told.funder, told.loan), (Some(bridge), Some(loan(2))), "we collect for those who do not");
    });
}

#[test]
fn money_for_no_loan_goes_to_suspense() {
    scene(|scene| {
        let own = partner(scene, "own-funds");
        for (reference, event) in
            [("out-1", notice("out-1", Some(44), ghs(50))), ("out-2", notice("out-2", None, ghs(50)))]
        {
            scene.happened(event);
            assert!(scene.emitted::<PartnerRepaymentReceived>().is_empty());
            let booked = &scene.sent::<PostLedgerEvent>()[0];
            assert_eq!((booked.template.as_str(), booked.amounts["amount"]), ("unmatched-receipt", ghs(50)));
            assert_eq!(
                (booked.dimensions["funder"].clone(), booked.reference.text.as_str()),
                (own.to_string(), format!("own/{reference}").as_str())
            );
            assert_eq!(kinds(scene), ["unmatched-payment"]);
            let kept = scene.load::<PartnerReceipt>(format!("own/{reference}")).unwrap();
            assert_eq!(kept.status, ReceiptStatus::Unmatched);
        }
        scene.happened(notice("out-1", Some(44), ghs(50)));
        assert!(scene.sent::<PostLedgerEvent>().is_empty());
        let bridge = partner(scene, "bridge-capital");
        scene.happened(ExternalRepaymentNotified { funder: Some(bridge), ..notice("out-3", None, ghs(50)) });
        assert_eq!(scene.sent::<PostLedgerEvent>()[0].dimensions["funder"], bridge.to_string());
    });
}

#[test]
fn what_is_no_money_goes_to_people() {
    scene(|scene| {
        lender(scene);
        for event in [notice("out-1", Some(1), ghs(0)), notice("out-2", None, ghs(-5))] {
            scene.happened(event);
            assert_eq!(kinds(scene), ["repayment-notice-invalid"]);
            assert!(
                scene.emitted::<PartnerRepaymentReceived>().is_empty() && scene.sent::<PostLedgerEvent>().is_empty()
            );
        }
        let told = notice("out-1", Some(1), ghs(7));
        let funder = scene.all::<Partner>()[0].id;
        scene.happened(ExternalRepaymentNotified { funder: Some(funder), ..told });
        assert_eq!(scene.emitted::<PartnerRepaymentReceived>().len(), 1, "no money keeps no reference");
        scene.happened(notice("out-3", None, ghs(5)));
        assert!(scene.sent::<PostLedgerEvent>().is_empty(), "nobody's books: people have it");
        assert_eq!(kinds(scene), ["unmatched-payment"]);
    });
}

#[test]
fn a_refused_suspense_entry_goes_to_people() {
    let with_refusing_books = |registry: &mut Registry| {
        sycee_partner::register(registry);
        let refuse = |_: &mut Work, _: &PostLedgerEvent| {
            Err::<LedgerEntryAnswer, _>(Rejection::new("TEMPLATE_NOT_FOUND", "none").into())
        };
        registry.service("accounting-center").handles::<PostLedgerEvent>(refuse);
    };
    Scene::each(with_refusing_books, Configs::new().with(sycee_partner::PartnerConfig::default()), |scene| {
        partner(scene, "own-funds");
        scene.happened(notice("out-1", None, ghs(50)));
        assert_eq!(kinds(scene), ["unmatched-payment", "suspense-entry-refused"]);
        let called = scene.sent::<OpenWorkOrder>().remove(1);
        assert!(called.text.contains("in no book") && called.text.contains("told again"), "{}", called.text);
        assert_eq!(scene.load::<PartnerReceipt>("own/out-1".to_owned()).unwrap().holder, None);
    });
}

#[test]
fn routes_are_checked_against_the_agreement() {
    scene(|scene| {
        let funder = partner(scene, "self-capital");
        for (collects_itself, orders) in [(true, 0), (false, 1)] {
            scene.happened(RepaymentRouteSelected { order: order(), loan: loan(1), funder, collects_itself });
            assert_eq!(scene.sent::<OpenWorkOrder>().len(), orders);
        }
        assert_eq!(scene.all::<PartnerDay>()[0].repayments_routed, 2);
        scene.happened(RepaymentRouteSelected {
            order: order(),
            loan: loan(1),
            funder: PartnerId::from_number(99),
            collects_itself: true,
        });
        assert!(kinds(scene).is_empty());
    });
}

#[test]
fn every_state_of_a_receipt_meets_everything_that_tells_of_money() {
    use ReceiptStatus::{Matched, Unmatched};
    // The state that the bank's first notice makes, by the loan it names; then what each further word leaves, and whether
    // it is more money.
    for (named, before) in [(Some(1), Matched), (None, Unmatched)] {
        // A loan that is named later may explain money that was told of without one; it is no more money.
        let other_loan = before == Matched;
        for (word, more) in [
            ("again", false),
            ("channel", false),
            ("channel, other amount", true),
            ("other amount", true),
            ("other loan", other_loan),
        ] {
            scene(|scene| {
                collected_by_us(scene);
                scene.happened(notice("mtn-7", named, ghs(110)));
                let status = |scene: &mut Scene, name: &str| {
                    scene.load::<PartnerReceipt>(name.to_owned()).map(|receipt| receipt.status)
                };
                assert_eq!(status(scene, "own/mtn-7"), Some(before));
                match word {
                    "again" => scene.happened(notice("mtn-7", named, ghs(110))),
                    "channel" => scene.happened(collected(1, "mtn-7")),
                    "channel, other amount" => {
                        scene.happened(PaymentSucceeded { amount: ghs(111), ..collected(1, "mtn-7") });
                    }
                    "other amount" => scene.happened(notice("mtn-7", named, ghs(111))),
                    _ => scene.happened(notice("mtn-7", Some(9), ghs(110))),
                }
                assert!(scene.emitted::<PartnerRepaymentReceived>().is_empty(), "{before:?}, {word}");
                assert_eq!(scene.sent::<PostLedgerEvent>().len(), usize::from(more), "{before:?}, {word}");
                assert_eq!(status(scene, "own/mtn-7"), Some(before), "{before:?}, {word}");
                assert_eq!(status(scene, "own/mtn-7#2"), more.then_some(Unmatched), "{before:?}, {word}");
            });
        }
    }
}
