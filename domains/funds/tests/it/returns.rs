//! Money that leaves again: to funders, to payers, to the loan it was meant for.

use sycee_contract::messages::{FundsReturned, PostLedgerEvent, ResolveSuspense, ReturnFunds, SuspenseResolved};
use sycee_contract::{
    CustomerId, DisbursementRequested, DisbursementSucceeded, FundAccountId, Identifier, LoanId,
    PartnerDisbursementSucceeded, RepaymentOrderId, Timestamp,
};
use sycee_funds::fund_management_system::{
    FundAccount, FundReturn, FundTransaction, MovementKind, SuspenseReceipt, SuspenseResolution,
};
use sycee_money::{Currency, Money};
use sycee_runtime::testing::Scene;

use crate::{agreement, customer, facts, fund, ghs, loan, own, route, scene};

fn back(funder: &str, amount: Money, reference: &str) -> ReturnFunds {
    ReturnFunds { funder: funder.into(), amount, bank_reference: reference.into() }
}

/// Where money in suspense is taken from.
#[derive(Clone, Copy)]
enum Source {
    Receipt(&'static str),
    CreditOf(LoanId),
}

use Source::{CreditOf, Receipt};

fn resolution(amount: Money, source: Source, pays: Option<LoanId>, reference: &str) -> ResolveSuspense {
    let (receipt, credit_of) = match source {
        Receipt(receipt) => (Some(receipt.to_owned()), None),
        CreditOf(loan) => (None, Some(loan)),
    };
    ResolveSuspense {
        funder: "own-funds".into(),
        amount,
        receipt,
        credit_of,
        loan: pays,
        order: None,
        paid_at: None,
        reference: reference.into(),
    }
}

fn load(scene: &mut Scene, account: FundAccountId) -> FundAccount {
    scene.load::<FundAccount>(account).unwrap()
}

/// Loan 0 is paid out of the account.
fn pay_out(scene: &mut Scene, account: FundAccountId) {
    pay_out_to(scene, account, loan(0), customer());
}

fn pay_out_to(scene: &mut Scene, account: FundAccountId, loan: LoanId, customer: CustomerId) {
    let cmd = sycee_contract::messages::ReserveFunds { loan, fund_account: account, route: route(), amount: ghs(300) };
    let reservation = scene.request(cmd).unwrap().reservation;
    let requested = facts::disbursement_requested(account, reservation, ghs(300));
    scene.happened(DisbursementRequested { loan, customer, ..requested });
    scene.happened(PartnerDisbursementSucceeded { loan, ..facts::partner_paid(account, reservation, None) });
    let disbursed = facts::disbursed(account, reservation, ghs(310), ghs(300));
    scene.happened(DisbursementSucceeded { loan, customer, ..disbursed });
}

#[test]
fn capital_is_booked_as_whose_it_is_and_goes_back_once() {
    scene(|scene| {
        for (partner, code, part) in [(3, "own-funds", "own"), (4, "volta-capital", "borrowed")] {
            let account = fund(scene, agreement(partner, code, "0.10"), ghs(1_000));
            let booked = &scene.sent::<PostLedgerEvent>()[0];
            assert_eq!(booked.amounts.get(part), Some(&ghs(1_000)), "{code}: {:?}", booked.amounts);

            scene.request(back(code, ghs(400), &format!("out-{code}"))).unwrap();
            let told = &scene.emitted::<FundsReturned>()[0];
            assert_eq!((told.amount, told.balances.available, told.balances.refunded), (ghs(400), ghs(600), ghs(400)));
            let booked = &scene.sent::<PostLedgerEvent>()[0];
            assert_eq!((booked.template.as_str(), booked.amounts[part]), ("funds-returned", ghs(400)));
            assert!(load(scene, account).check().is_ok());
        }
        for (cmd, code) in [
            (back("own-funds", ghs(1), "out-own-funds"), "RETURN_ALREADY_CONFIRMED"),
            (back("own-funds", ghs(601), "out-2"), "INSUFFICIENT_FUNDS"),
            (back("own-funds", ghs(0), "out-2"), "INVALID_AMOUNT"),
            (back("own-funds", Money::from_units(1, Currency::GHS), "out-2"), "INVALID_AMOUNT"),
            (back("own-funds", ghs(1), " "), "INVALID_FIELD"),
            (back("nobody", ghs(1), "out-2"), "NOT_FOUND"),
        ] {
            assert_eq!(scene.request(cmd).unwrap_err().code, code);
        }
        assert_eq!(scene.all::<FundReturn>().len(), 2);
    });
}

#[test]
fn what_a_borrower_paid_too_much_is_never_lent() {
    scene(|scene| {
        let account = own(scene);
        pay_out(scene, account);
        scene.happened(facts::overpaid(account, ghs(350), ghs(50)));
        let after = load(scene, account);
        assert_eq!((after.available, after.suspense, after.received), (ghs(1_000), ghs(50), ghs(350)));
        let kinds: Vec<MovementKind> = scene.all::<FundTransaction>().iter().rev().take(2).map(|it| it.kind).collect();
        assert_eq!(kinds, [MovementKind::Surplus, MovementKind::Repayment]);
        scene.happened(facts::overpaid(account, ghs(7), ghs(7)));
        assert_eq!(load(scene, account).suspense, ghs(57), "all of it may be surplus");
    });
}

#[test]
fn suspense_ends_at_its_payer_or_at_its_loan() {
    scene(|scene| {
        let account = own(scene);
        pay_out(scene, account);
        scene.happened(facts::unexplained("own/mtn-7", ghs(90)));
        scene.happened(facts::overpaid(account, ghs(350), ghs(50)));

        scene.request(resolution(ghs(40), Receipt("own/mtn-7"), None, "r-1")).unwrap();
        let booked = &scene.sent::<PostLedgerEvent>()[0];
        assert_eq!((booked.template.as_str(), booked.amounts["unmatched"]), ("suspense-paid-back", ghs(40)));
        let after = load(scene, account);
        assert_eq!((after.suspense, after.refunded, after.received), (ghs(100), ghs(40), ghs(440)));

        scene.request(resolution(ghs(50), Receipt("own/mtn-7"), Some(loan(0)), "r-2")).unwrap();
        assert_eq!(scene.sent::<PostLedgerEvent>()[0].template, "suspense-rematched");
        let told = &scene.emitted::<SuspenseResolved>()[0];
        assert_eq!((told.loan, told.amount, told.reference.as_str()), (Some(loan(0)), ghs(50), "own/r-2"));
        let after = load(scene, account);
        assert_eq!((after.suspense, after.refunded, after.received), (ghs(50), ghs(40), ghs(390)));

        scene.request(resolution(ghs(50), CreditOf(loan(0)), None, "r-3")).unwrap();
        let booked = &scene.sent::<PostLedgerEvent>()[0];
        assert_eq!((booked.amounts["credit"], booked.reference.loan), (ghs(50), Some(loan(0))));
        assert_eq!(load(scene, account).suspense, ghs(0));
        assert_eq!(scene.all::<SuspenseResolution>().len(), 3);

        let elsewhere = fund(scene, agreement(4, "volta-capital", "0.10"), ghs(10));
        scene.happened(facts::overpaid(elsewhere, ghs(8), ghs(8)));
        let spent = Receipt("own/mtn-7");
        let mixed =
            ResolveSuspense { funder: "volta-capital".into(), ..resolution(ghs(8), spent, Some(loan(0)), "r-4") };
        for (cmd, code) in [
            (resolution(ghs(1), spent, None, "r-1"), "SUSPENSE_ALREADY_RESOLVED"),
            (resolution(ghs(1), spent, None, "r-4"), "INVALID_AMOUNT"),
            (resolution(ghs(1), CreditOf(loan(0)), None, "r-4"), "UNEXPECTED_STATE"),
            (resolution(ghs(1), Receipt("own/mtn-8"), None, "r-4"), "NOT_FOUND"),
            (resolution(ghs(1), spent, Some(loan(9)), "r-4"), "NOT_FOUND"),
            (resolution(ghs(1), CreditOf(loan(9)), None, "r-4"), "NOT_FOUND"),
            (resolution(ghs(-1), spent, None, "r-4"), "INVALID_AMOUNT"),
            (resolution(ghs(1), spent, None, ""), "INVALID_FIELD"),
            (mixed, "INVALID_FIELD"),
        ] {
            assert_eq!(scene.request(cmd.clone()).unwrap_err().code, code, "{cmd:?}");
        }
    });
}

#[test]
fn no_more_is_taken_of_a_receipt_than_came_under_it() {
    scene(|scene| {
        let account = own(scene);
        pay_out(scene, account);
        for receipt in ["own/x", "own/y"] {
            scene.happened(facts::unexplained(receipt, ghs(90)));
        }
        scene.request(resolution(ghs(90), Receipt("own/x"), None, "GCB-1")).unwrap();
        let refused = scene.request(resolution(ghs(90), Receipt("own/x"), Some(loan(0)), "DEC-2")).unwrap_err();
        assert_eq!(refused.code, "INVALID_AMOUNT", "what is left in suspense is another payer's");
        assert!(refused.message.contains("own/x"), "{refused}");
        let left = |scene: &mut Scene, receipt: &str| {
            scene.load::<SuspenseReceipt>((account, receipt.to_owned())).unwrap().remaining
        };
        assert_eq!((left(scene, "own/x"), left(scene, "own/y")), (ghs(0), ghs(90)));
        scene.request(resolution(ghs(60), Receipt("own/y"), Some(loan(0)), "DEC-2")).unwrap();
        scene.request(resolution(ghs(31), Receipt("own/y"), None, "GCB-2")).unwrap_err();
        scene.request(resolution(ghs(30), Receipt("own/y"), None, "GCB-2")).unwrap();
        assert_eq!((left(scene, "own/y"), load(scene, account).suspense), (ghs(0), ghs(0)));
        let named: Vec<Option<String>> = scene.all::<SuspenseResolution>().into_iter().map(|it| it.receipt).collect();
        assert_eq!(named, ["own/y", "own/x", "own/y"].map(|it| Some(it.to_owned())), "DEC-2, GCB-1, GCB-2");
    });
}

#[test]
fn a_borrowers_credit_pays_that_borrowers_loans() {
    scene(|scene| {
        let account = own(scene);
        pay_out(scene, account);
        pay_out_to(scene, account, loan(1), CustomerId::from_number(8));
        pay_out_to(scene, account, loan(2), customer());
        scene.happened(facts::overpaid(account, ghs(350), ghs(50)));
        let strangers = scene.request(resolution(ghs(20), CreditOf(loan(0)), Some(loan(1)), "DEC-1")).unwrap_err();
        assert_eq!((strangers.code.as_str(), strangers.details["field"].as_str()), ("INVALID_FIELD", "loan"));
        scene.request(resolution(ghs(20), CreditOf(loan(0)), Some(loan(2)), "DEC-1")).unwrap();
        assert_eq!(scene.emitted::<SuspenseResolved>()[0].loan, Some(loan(2)));
        assert_eq!(load(scene, account).suspense, ghs(30));
    });
}

#[test]
fn whose_money_it_is_and_what_it_is_for_has_to_be_said() {
    scene(|scene| {
        let account = own(scene);
        pay_out(scene, account);
        scene.happened(facts::unexplained("own/x", ghs(90)));
        let (order, now) = (Some(RepaymentOrderId::from_number(7)), scene.now());
        let pays = resolution(ghs(90), Receipt("own/x"), Some(loan(0)), "DEC-1");
        let goes_back = ResolveSuspense { loan: None, ..pays.clone() };
        for (cmd, field) in [
            (ResolveSuspense { receipt: None, ..pays.clone() }, "receipt"),
            (ResolveSuspense { credit_of: Some(loan(0)), ..pays.clone() }, "receipt"),
            (ResolveSuspense { receipt: Some(" ".into()), ..pays.clone() }, "receipt"),
            (ResolveSuspense { order, ..goes_back.clone() }, "order"),
            (ResolveSuspense { paid_at: Some(now), ..goes_back }, "paidAt"),
            (ResolveSuspense { paid_at: Some(now.plus_seconds(1)), ..pays.clone() }, "paidAt"),
        ] {
            let refused = scene.request(cmd).unwrap_err();
            assert_eq!((refused.code.as_str(), refused.details["field"].as_str()), ("INVALID_FIELD", field));
        }
        let paid_at = Some(Timestamp::from_micros(now.as_micros() - 1));
        scene.request(ResolveSuspense { order, paid_at, ..pays }).unwrap();
        let told = &scene.emitted::<SuspenseResolved>()[0];
        assert_eq!((told.order, told.paid_at), (order, paid_at));
    });
}
