//! What channels say about payments: once, twice, late, wrong.

use sycee_contract::messages::{
    ClaimBankReference, CollectionReferenceLearned, ConfirmFundArrival, DecidePayment, FundBalanceChanged,
    InitiatePayment, OpenWorkOrder, PaymentFailed, PaymentSucceeded, PostLedgerEvent, RecordPaymentResult,
    RecoverStrayPayout, ReserveFunds, ReturnFunds, StrayPayoutReported,
};
use sycee_contract::{
    ChannelOutcome, ChannelQuery, FundAccountId, Identifier, PartnerId, PaymentDirection, PaymentId,
    RepaymentMethodKind, Timestamp,
};
use sycee_funds::FundsRejection;
use sycee_funds::fund_management_system::{Cause, FundAccount, MovementKind, StrayPayout};
use sycee_funds::payment_system::{PaymentOrder, PaymentStatus};
use sycee_money::{Currency, Money};
use sycee_runtime::testing::Scene;

use crate::payments::{method, order, payout, told};
use crate::{
    agreement, disbursement, facts, ghs, loan, order_payout, own, paying, route, scene, sign, unknown_reservation,
};

use ChannelOutcome::{Failed, Pending, Successful};

pub fn kinds(scene: &Scene) -> Vec<String> {
    scene.sent::<OpenWorkOrder>().into_iter().map(|order| order.kind).collect()
}

pub fn status(scene: &mut Scene, payment: PaymentId) -> PaymentStatus {
    scene.load::<PaymentOrder>(payment).unwrap().status
}

#[test]
fn a_success_counts_once() {
    paying(|scene| {
        let payment = order_payout(scene, &payout(ghs(300))).unwrap().payment;
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
    paying(|scene| {
        let payment = order_payout(scene, &payout(ghs(300))).unwrap().payment;
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
fn a_payout_of_another_amount_waits_for_a_better_report() {
    for better in [Successful, Failed] {
        paying(|scene| {
            let payment = order_payout(scene, &payout(ghs(300))).unwrap().payment;
            for _ in 0..2 {
                scene.fact(told(payment, Successful, Some(ghs(299))));
                assert_eq!(kinds(scene), ["payment-disputed"]);
                assert!(scene.emitted::<PaymentSucceeded>().is_empty());
                assert_eq!(status(scene, payment), PaymentStatus::Disputed);
            }
            scene.advance_seconds(16 * 60);
            scene.fire_timers();
            assert_eq!(scene.effects::<ChannelQuery>().len(), 1, "the channel is asked on");
            scene.fact(told(payment, better, (better == Successful).then(|| ghs(300))));
            let paid = (scene.emitted::<PaymentSucceeded>().len(), scene.emitted::<PaymentFailed>().len());
            assert_eq!(paid, if better == Successful { (1, 0) } else { (0, 1) });
            scene.advance_seconds(30 * 86_400);
            scene.fire_timers();
            assert!(scene.effects::<ChannelQuery>().is_empty(), "decided");
        });
    }
}

pub fn decision(payment: PaymentId, paid: bool, amount: Option<Money>) -> DecidePayment {
    let note = "the channel's statement".to_owned();
    let channel_reference = paid.then(|| "mtn-1".to_owned());
    DecidePayment { payment, paid, amount, channel_reference, paid_at: None, note }
}

#[test]
fn a_decision_says_when_the_money_moved_and_under_which_reference() {
    scene(|scene| {
        let payment = scene.request(method(RepaymentMethodKind::Qr, ghs(110))).unwrap().payment;
        let paid_at = scene.now().plus_seconds(60);
        scene.advance_seconds(90_000);
        scene.fire_timers();
        assert_eq!(status(scene, payment), PaymentStatus::Expired);
        let later = Some(scene.now().plus_seconds(1));
        for (cmd, field) in [
            (DecidePayment { paid_at: later, ..decision(payment, true, None) }, "paidAt"),
            (DecidePayment { channel_reference: None, ..decision(payment, true, None) }, "channelReference"),
            (
                DecidePayment { channel_reference: Some(" ".into()), ..decision(payment, true, None) },
                "channelReference",
            ),
        ] {
            let refused = scene.request(cmd).unwrap_err();
            assert_eq!(refused.code, "INVALID_FIELD");
            assert!(refused.message.contains(field), "{}", refused.message);
        }
        let reference = Some("mtn-1".to_owned());
        let cmd = decision(payment, true, None);
        scene.request(DecidePayment { channel_reference: reference, paid_at: Some(paid_at), ..cmd }).unwrap();
        let paid = &scene.emitted::<PaymentSucceeded>()[0];
        assert_eq!((paid.channel_reference.as_str(), paid.paid_at), ("mtn-1", paid_at));
        scene.fact(told(payment, Successful, Some(ghs(110))));
        assert!(scene.emitted::<PaymentSucceeded>().is_empty() && kinds(scene).is_empty(), "the channel agrees later");
    });
}

#[test]
fn money_under_another_reference_than_people_decided_is_more_money() {
    let named = |payment, reference: &str, amount| RecordPaymentResult {
        channel_reference: reference.into(),
        ..told(payment, Successful, Some(amount))
    };
    paying(|scene| {
        let payment = scene.request(method(RepaymentMethodKind::Qr, ghs(110))).unwrap().payment;
        scene.request(decision(payment, true, None)).unwrap();
        for (reference, new) in [("mtn-1", 0), ("mtn-1", 0), ("mtn-2", 1)] {
            scene.fact(named(payment, reference, ghs(110)));
            assert_eq!(scene.emitted::<PaymentSucceeded>().len(), new, "{reference}");
        }
        assert_eq!(kinds(scene), ["payment-repeated"]);
    });
    paying(|scene| {
        let payment = order_payout(scene, &payout(ghs(300))).unwrap().payment;
        scene.request(decision(payment, true, None)).unwrap();
        for (reference, new) in [("mtn-1", 0), ("mtn-2", 1)] {
            scene.fact(named(payment, reference, ghs(300)));
            assert_eq!(scene.emitted::<StrayPayoutReported>().len(), new, "{reference}");
        }
    });
}

#[test]
fn what_a_payer_moved_is_taken_also_after_a_bad_report() {
    for expires in [true, false] {
        scene(|scene| {
            let payment = scene.request(method(RepaymentMethodKind::Qr, ghs(110))).unwrap().payment;
            if expires {
                scene.advance_seconds(90_000);
                scene.fire_timers();
            } else {
                scene.fact(told(payment, Failed, None));
            }
            scene.fact(told(payment, Successful, Some(ghs(0))));
            assert_eq!(
                (status(scene, payment), kinds(scene)),
                (PaymentStatus::Disputed, vec!["payment-disputed".into()])
            );
            let better =
                RecordPaymentResult { channel_reference: "mtn-2".into(), ..told(payment, Successful, Some(ghs(110))) };
            scene.fact(better);
            assert_eq!(scene.emitted::<PaymentSucceeded>()[0].amount, ghs(110));
            assert!(scene.emitted::<StrayPayoutReported>().is_empty() && kinds(scene).is_empty());
        });
    }
    scene(|scene| {
        let payment = scene.request(method(RepaymentMethodKind::Qr, ghs(110))).unwrap().payment;
        scene.fact(told(payment, Failed, None));
        scene.fact(told(payment, Successful, Some(ghs(0))));
        scene.fact(told(payment, Failed, None));
        assert!(scene.emitted::<PaymentFailed>().is_empty(), "told before");
        assert_eq!(status(scene, payment), PaymentStatus::Failed);
    });
}

#[test]
fn people_decide_what_the_channel_does_not() {
    for (paid, expected) in [(true, PaymentStatus::Succeeded), (false, PaymentStatus::Failed)] {
        paying(|scene| {
            let payment = order_payout(scene, &payout(ghs(300))).unwrap().payment;
            scene.fact(told(payment, Successful, Some(ghs(299))));
            let decide = |paid, amount| decision(payment, paid, amount);
            assert_eq!(scene.request(decide(true, Some(ghs(299)))).unwrap_err().code, "INVALID_FIELD");
            scene.request(decide(paid, None)).unwrap();
            assert_eq!(status(scene, payment), expected);
            let told_of = (scene.emitted::<PaymentSucceeded>().len(), scene.emitted::<PaymentFailed>().len());
            assert_eq!(told_of, (usize::from(paid), usize::from(!paid)));
            assert_eq!(scene.request(decide(paid, None)).unwrap_err().code, "UNEXPECTED_STATE");
            if paid {
                scene.fact(told(payment, Successful, Some(ghs(300))));
                assert!(scene.emitted::<StrayPayoutReported>().is_empty(), "the channel agrees later");
            }
        });
    }
}

#[test]
fn money_that_went_out_twice_is_told_once_a_reference() {
    paying(|scene| {
        let account = own(scene);
        let cmd = InitiatePayment { purpose: facts::purpose(account, unknown_reservation()), ..payout(ghs(300)) };
        let payment = order_payout(scene, &cmd).unwrap().payment;
        scene.fact(told(payment, Failed, None));
        for (reference, new) in [("mtn-1", true), ("mtn-1", false), ("mtn-2", true), ("mtn-2", false)] {
            let late = RecordPaymentResult { channel_reference: reference.into(), ..told(payment, Successful, None) };
            scene.fact(late);
            assert!(scene.emitted::<PaymentSucceeded>().is_empty());
            let booked = scene.sent::<PostLedgerEvent>();
            assert_eq!(booked.len(), usize::from(new), "{reference}");
            for entry in booked {
                assert_eq!((entry.template.as_str(), entry.amounts["amount"]), ("stray-payout", ghs(300)));
                assert_eq!(entry.reference.text, format!("{payment}/{reference}"));
            }
        }
        let kept = scene.load::<FundAccount>(account).unwrap();
        assert_eq!((kept.available, kept.recoverable), (ghs(400), ghs(600)));
    });
}

/// More went out than the account has.
pub fn stray_of(account: FundAccountId) -> StrayPayoutReported {
    StrayPayoutReported {
        reference: "pay-1/mtn-1".into(),
        loan: loan(0),
        disbursement: None,
        fund_account: Some(account),
        amount: ghs(1_200),
    }
}

#[test]
fn a_stray_payout_is_booked_wholly_also_when_the_money_is_lent_again() {
    scene(|scene| {
        let account = own(scene);
        let stray = stray_of(account);
        for first in [true, false] {
            scene.happened(stray.clone());
            assert_eq!(scene.sent::<PostLedgerEvent>().len(), usize::from(first));
        }
        let kept = scene.load::<FundAccount>(account).unwrap();
        assert_eq!((kept.available, kept.recoverable), (ghs(0), ghs(1_000)));
        let more = ConfirmFundArrival { funder: "own-funds".into(), amount: ghs(500), bank_reference: "bank-2".into() };
        scene.request(more).unwrap();
        let posted = scene.sent::<PostLedgerEvent>();
        let booked: Vec<_> = posted.iter().map(|entry| (entry.template.as_str(), entry.amounts["amount"])).collect();
        assert_eq!(booked, [("funds-arrived", ghs(500)), ("stray-payout", ghs(200))]);
        let kept = scene.load::<FundAccount>(account).unwrap();
        assert_eq!((kept.available, kept.recoverable, kept.uncovered), (ghs(300), ghs(1_200), ghs(0)));
        scene.advance_seconds(6 * 3_600);
        scene.fire_timers();
        assert!(scene.sent::<PostLedgerEvent>().is_empty());
        scene.happened(StrayPayoutReported { reference: "pay-2/mtn-1".into(), fund_account: None, ..stray });
        assert_eq!(kinds(scene), ["stray-payout-unknown"]);
    });
}

#[test]
fn money_that_comes_pays_stray_payouts_before_it_is_lent_or_given_back() {
    scene(|scene| {
        let account = sign(scene, agreement(3, "own-funds", "0.10"));
        for nr in 1..=2 {
            let reference = format!("pay-{nr}/mtn-1");
            scene.happened(StrayPayoutReported { reference, amount: ghs(970), ..stray_of(account) });
            assert_eq!(kinds(scene), ["stray-payout-uncovered"]);
        }
        let kept = scene.load::<FundAccount>(account).unwrap();
        assert_eq!((kept.available, kept.recoverable, kept.uncovered), (ghs(0), ghs(0), ghs(1_940)));
        let arrived = |amount, reference: &str| ConfirmFundArrival {
            funder: "own-funds".into(),
            amount,
            bank_reference: reference.into(),
        };
        scene.request(arrived(ghs(970), "bank-1")).unwrap();
        let back = ReturnFunds { funder: "own-funds".into(), amount: ghs(970), bank_reference: "out-1".into() };
        assert_eq!(scene.request(back).unwrap_err().code, "INSUFFICIENT_FUNDS", "before any timer");
        let lend = |amount| ReserveFunds { loan: loan(0), fund_account: account, route: route(), amount };
        assert_eq!(scene.request(lend(ghs(1))).unwrap_err().code, "INSUFFICIENT_FUNDS");
        scene.request(arrived(ghs(1_000), "bank-2")).unwrap();
        let kept = scene.load::<FundAccount>(account).unwrap();
        assert_eq!((kept.available, kept.recoverable, kept.uncovered), (ghs(30), ghs(1_940), ghs(0)));
        assert_eq!(scene.request(lend(ghs(31))).unwrap_err().code, "INSUFFICIENT_FUNDS");
        scene.request(lend(ghs(30))).unwrap();
        assert!(scene.all::<StrayPayout>().iter().all(|stray| !stray.is_open && stray.booked == ghs(970)));
        scene.advance_seconds(7 * 3_600);
        scene.fire_timers();
        assert!(scene.sent::<PostLedgerEvent>().is_empty() && kinds(scene).is_empty(), "nothing is left to book");
    });
}

#[test]
fn what_is_uncovered_is_neither_lent_nor_given_back() {
    let (id, partner) = (FundAccountId::from_number(1), PartnerId::from_number(3));
    let mut account = FundAccount::open(id, partner, "own-funds", "Own funds", Vec::new(), Currency::GHS);
    let at = Timestamp::from_micros(0);
    let cause = || Cause { loan: None, reference: "x".into() };
    account.post(MovementKind::Arrival, ghs(100), cause(), at).unwrap();
    account.uncovered = ghs(60);
    for kind in [MovementKind::Reservation, MovementKind::Return] {
        let refused = account.post(kind, ghs(41), cause(), at).unwrap_err();
        let (available, requested) = (ghs(40), ghs(41));
        assert_eq!(refused, FundsRejection::InsufficientFunds { account: id, available, requested });
        assert!(account.clone().post(kind, ghs(40), cause(), at).is_ok());
    }
    assert!(account.clone().post(MovementKind::StrayPayout, ghs(60), cause(), at).is_ok());
    account.uncovered = ghs(101);
    assert_eq!((account.lendable(), account.check()), (ghs(0), Ok(())));
    account.uncovered = ghs(-1);
    assert!(account.check().is_err());
}

#[test]
fn what_comes_back_of_a_stray_payout_is_free_again_once() {
    scene(|scene| {
        let account = own(scene);
        scene.happened(stray_of(account));
        let back = |amount, reference: &str| RecoverStrayPayout {
            payout: "pay-1/mtn-1".into(),
            amount,
            bank_reference: reference.into(),
        };
        scene.request(back(ghs(400), "back-1")).unwrap();
        let entry = &scene.sent::<PostLedgerEvent>()[0];
        assert_eq!((entry.template.as_str(), entry.amounts["amount"]), ("stray-payout-recovered", ghs(400)));
        let told = &scene.emitted::<FundBalanceChanged>()[0];
        assert_eq!(told.balances.available, ghs(400));
        // What the account did not cover is booked out of it at once: 800 of 1,200 are still out.
        let kept = scene.load::<FundAccount>(account).unwrap();
        assert_eq!((kept.available, kept.recoverable), (ghs(200), ghs(800)));
        for (cmd, code) in [
            (back(ghs(1), "back-1"), "RECOVERY_ALREADY_CONFIRMED"),
            (back(ghs(801), "back-2"), "INVALID_AMOUNT"),
            (back(ghs(0), "back-2"), "INVALID_AMOUNT"),
            (back(Money::from_units(1, Currency::GHS), "back-2"), "INVALID_AMOUNT"),
            (back(Money::from_units(10_000, Currency::USD), "back-2"), "INVALID_AMOUNT"),
            (back(ghs(1), " "), "INVALID_FIELD"),
            (RecoverStrayPayout { payout: "pay-9".into(), ..back(ghs(1), "back-2") }, "NOT_FOUND"),
        ] {
            assert_eq!(scene.request(cmd.clone()).unwrap_err().code, code, "{cmd:?}");
        }
        scene.request(back(ghs(600), "back-2")).unwrap();
        let kept = scene.load::<FundAccount>(account).unwrap();
        assert_eq!((kept.available, kept.recoverable), (ghs(800), ghs(200)));
        scene.request(back(ghs(200), "back-3")).unwrap();
        let kept = scene.load::<FundAccount>(account).unwrap();
        assert_eq!((kept.available, kept.recoverable), (ghs(1_000), ghs(0)));
        assert!(kept.check().is_ok());
    });
}

#[test]
fn a_stray_payout_comes_back_in_one_sum_also_while_a_part_of_it_is_not_booked() {
    // What the account had of the 1,200, then what is booked as come back.
    for (had, in_books) in [(1_000, Some(1_000)), (0, None)] {
        scene(|scene| {
            let account = sign(scene, agreement(3, "own-funds", "0.10"));
            let (funder, bank_reference) = ("own-funds".to_owned(), "bank-1".to_owned());
            if had > 0 {
                scene.request(ConfirmFundArrival { funder, amount: ghs(had), bank_reference }).unwrap();
            }
            scene.happened(stray_of(account));
            let kept = scene.load::<FundAccount>(account).unwrap();
            assert_eq!((kept.recoverable, kept.uncovered), (ghs(had), ghs(1_200 - had)));
            let back = |amount, reference: &str| RecoverStrayPayout {
                payout: "pay-1/mtn-1".into(),
                amount,
                bank_reference: reference.into(),
            };
            assert_eq!(scene.request(back(ghs(1_201), "back-1")).unwrap_err().code, "INVALID_AMOUNT");
            scene.request(back(ghs(1_200), "back-1")).unwrap();
            let claimed = &scene.sent::<ClaimBankReference>()[0];
            assert_eq!((claimed.bank_reference.as_str(), claimed.amount), ("back-1", ghs(1_200)), "as the bank has it");
            let posted = scene.sent::<PostLedgerEvent>();
            let booked: Vec<_> =
                posted.iter().map(|entry| (entry.template.as_str(), entry.amounts["amount"])).collect();
            assert_eq!(booked, Vec::from_iter(in_books.map(|amount| ("stray-payout-recovered", ghs(amount)))));
            let kept = scene.load::<FundAccount>(account).unwrap();
            assert_eq!((kept.available, kept.recoverable, kept.uncovered), (ghs(had), ghs(0), ghs(0)));
            assert!(kept.check().is_ok());
            let stray = &scene.all::<StrayPayout>()[0];
            assert_eq!((stray.booked, stray.recovered, stray.is_open), (ghs(1_200), ghs(1_200), false));
            assert_eq!(scene.request(back(ghs(1), "back-2")).unwrap_err().code, "INVALID_AMOUNT");
            scene.advance_seconds(7 * 3_600);
            scene.fire_timers();
            assert!(scene.sent::<PostLedgerEvent>().is_empty() && kinds(scene).is_empty(), "nothing is left to book");
        });
    }
}

#[test]
fn an_amount_that_was_not_ordered_is_no_stray_payout() {
    paying(|scene| {
        let account = own(scene);
        let cmd = InitiatePayment { purpose: facts::purpose(account, unknown_reservation()), ..payout(ghs(300)) };
        let payment = order_payout(scene, &cmd).unwrap().payment;
        scene.fact(told(payment, Failed, None));
        scene.fact(told(payment, Successful, Some(ghs(300_000))));
        assert_eq!(kinds(scene), ["payment-contradicted"]);
        assert!(scene.emitted::<StrayPayoutReported>().is_empty() && scene.sent::<PostLedgerEvent>().is_empty());
        let kept = scene.load::<FundAccount>(account).unwrap();
        assert_eq!((kept.available, kept.uncovered), (ghs(1_000), ghs(0)), "lending goes on");
        scene.fact(told(payment, Successful, Some(ghs(300))));
        assert_eq!(scene.emitted::<StrayPayoutReported>()[0].amount, ghs(300), "the corrected report is taken");
    });
}

#[test]
fn a_success_that_is_contradicted_stands() {
    paying(|scene| {
        let payment = order_payout(scene, &payout(ghs(300))).unwrap().payment;
        scene.fact(told(payment, Successful, None));
        scene.fact(told(payment, Failed, None));
        assert_eq!(kinds(scene), ["payment-contradicted"]);
        scene.fact(told(payment, Successful, Some(ghs(299))));
        assert_eq!(kinds(scene), ["payment-contradicted"], "another amount under the same reference");
        assert_eq!(status(scene, payment), PaymentStatus::Succeeded);
    });
}

#[test]
fn a_code_that_is_paid_twice_is_money_twice() {
    scene(|scene| {
        let payment = scene.request(method(RepaymentMethodKind::Qr, ghs(110))).unwrap().payment;
        scene.fact(told(payment, Successful, Some(ghs(110))));
        let again =
            RecordPaymentResult { channel_reference: "mtn-2".into(), ..told(payment, Successful, Some(ghs(70))) };
        scene.fact(again);
        let paid = &scene.emitted::<PaymentSucceeded>()[0];
        assert_eq!((paid.amount, paid.purpose.repayment, paid.purpose.loan), (ghs(70), None, loan(0)));
        assert_eq!(kinds(scene), ["payment-repeated"]);
    });
}

#[test]
fn the_reference_of_a_payers_money_is_told_when_the_channel_says_it() {
    let under = |payment, reference: &str, amount| RecordPaymentResult {
        channel_reference: reference.into(),
        ..told(payment, Successful, amount)
    };
    // What the channel says with the reference, after 110 without one; then the work orders.
    for (amount, called) in [(None, None), (Some(ghs(110)), None), (Some(ghs(99)), Some("payment-contradicted"))] {
        scene(|scene| {
            let payment = scene.request(method(RepaymentMethodKind::Qr, ghs(110))).unwrap().payment;
            scene.fact(under(payment, "", Some(ghs(110))));
            assert_eq!(scene.emitted::<PaymentSucceeded>().len(), 1);
            scene.fact(under(payment, "", Some(ghs(110))));
            assert!(scene.emitted::<CollectionReferenceLearned>().is_empty(), "nothing is learned");
            scene.fact(under(payment, "mtn-7", amount));
            let learned = &scene.emitted::<CollectionReferenceLearned>()[0];
            assert_eq!(
                (learned.payment, learned.amount, learned.channel_reference.as_str()),
                (payment, ghs(110), "mtn-7")
            );
            assert_eq!((learned.purpose.loan, learned.purpose.repayment), (loan(0), Some(order())));
            assert!(scene.emitted::<PaymentSucceeded>().is_empty());
            assert_eq!(kinds(scene), Vec::from_iter(called));
            scene.fact(under(payment, "mtn-7", Some(ghs(110))));
            assert!(scene.emitted::<CollectionReferenceLearned>().is_empty() && kinds(scene).is_empty(), "once");
        });
    }
    paying(|scene| {
        let payment = order_payout(scene, &payout(ghs(300))).unwrap().payment;
        for reference in ["", "mtn-7"] {
            scene.fact(under(payment, reference, None));
            assert!(scene.emitted::<CollectionReferenceLearned>().is_empty(), "a payout is no payer's money");
        }
    });
}

#[test]
fn money_moved_when_the_channel_says_but_not_before_the_request_nor_after_the_news() {
    for (says, expected) in [(None, 3_600), (Some(60), 60), (Some(-60), 0), (Some(7_200), 3_600)] {
        scene(|scene| {
            let payment = scene.request(method(RepaymentMethodKind::Qr, ghs(110))).unwrap().payment;
            let sent_at = scene.now();
            scene.advance_seconds(3_600);
            let paid_at = says.map(|seconds| sent_at.plus_seconds(seconds));
            scene.fact(RecordPaymentResult { paid_at, ..told(payment, Successful, Some(ghs(110))) });
            assert_eq!(scene.emitted::<PaymentSucceeded>()[0].paid_at, sent_at.plus_seconds(expected), "{says:?}");
        });
    }
}

#[test]
fn an_expired_collection_without_an_answer_goes_to_people() {
    scene(|scene| {
        let payment = scene.request(method(RepaymentMethodKind::Qr, ghs(110))).unwrap().payment;
        let mut called = Vec::new();
        for _ in 0..12 {
            scene.advance_seconds(30 * 86_400);
            scene.fire_timers();
            called.extend(kinds(scene));
        }
        assert_eq!(status(scene, payment), PaymentStatus::Expired);
        assert_eq!(called, ["payment-unanswered"]);
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
        assert_eq!(scene.emitted::<PaymentSucceeded>()[0].amount, ghs(20), "the true money is taken");
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
