//! Money that leaves again: to funders, to payers, to the loan it was meant for.

use sycee_contract::messages::{FundsReturned, PostLedgerEvent, ResolveSuspense, ReturnFunds, SuspenseResolved};
use sycee_contract::{FundAccountId, LoanId};
use sycee_funds::fund_management_system::{FundAccount, FundReturn, FundTransaction, MovementKind, SuspenseResolution};
use sycee_money::{Currency, Money};
use sycee_runtime::testing::Scene;

use crate::{agreement, facts, fund, ghs, loan, own, route, scene};

fn back(funder: &str, amount: Money, reference: &str) -> ReturnFunds {
    ReturnFunds { funder: funder.into(), amount, bank_reference: reference.into() }
}

fn resolution(amount: Money, credit_of: Option<LoanId>, pays: Option<LoanId>, reference: &str) -> ResolveSuspense {
    ResolveSuspense { funder: "own-funds".into(), amount, credit_of, loan: pays, reference: reference.into() }
}

fn load(scene: &mut Scene, account: FundAccountId) -> FundAccount {
    scene.load::<FundAccount>(account).unwrap()
}

/// Loan 0 is paid out of the account.
fn pay_out(scene: &mut Scene, account: FundAccountId) {
    let cmd = sycee_contract::messages::ReserveFunds {
        loan: loan(0),
        fund_account: account,
        route: route(),
        amount: ghs(300),
    };
    let reservation = scene.request(cmd).unwrap().reservation;
    scene.happened(facts::disbursement_requested(account, reservation, ghs(300)));
    scene.happened(facts::partner_paid(account, reservation, None));
    scene.happened(facts::disbursed(account, reservation, ghs(310), ghs(300)));
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
        scene.happened(facts::entry_posted("unmatched-receipt", "1100|par-3", ghs(90)));
        scene.happened(facts::overpaid(account, ghs(350), ghs(50)));

        scene.request(resolution(ghs(40), None, None, "r-1")).unwrap();
        let booked = &scene.sent::<PostLedgerEvent>()[0];
        assert_eq!((booked.template.as_str(), booked.amounts["unmatched"]), ("suspense-paid-back", ghs(40)));
        let after = load(scene, account);
        assert_eq!((after.suspense, after.refunded, after.received), (ghs(100), ghs(40), ghs(440)));

        scene.request(resolution(ghs(50), None, Some(loan(0)), "r-2")).unwrap();
        assert_eq!(scene.sent::<PostLedgerEvent>()[0].template, "suspense-rematched");
        let told = &scene.emitted::<SuspenseResolved>()[0];
        assert_eq!((told.loan, told.amount, told.reference.as_str()), (Some(loan(0)), ghs(50), "r-2"));
        let after = load(scene, account);
        assert_eq!((after.suspense, after.refunded, after.received), (ghs(50), ghs(40), ghs(390)));

        scene.request(resolution(ghs(50), Some(loan(0)), None, "r-3")).unwrap();
        let booked = &scene.sent::<PostLedgerEvent>()[0];
        assert_eq!((booked.amounts["credit"], booked.reference.loan), (ghs(50), Some(loan(0))));
        assert_eq!(load(scene, account).suspense, ghs(0));
        assert_eq!(scene.all::<SuspenseResolution>().len(), 3);

        let elsewhere = fund(scene, agreement(4, "volta-capital", "0.10"), ghs(10));
        scene.happened(facts::overpaid(elsewhere, ghs(8), ghs(8)));
        let mixed =
            ResolveSuspense { funder: "volta-capital".into(), ..resolution(ghs(8), None, Some(loan(0)), "r-4") };
        for (cmd, code) in [
            (resolution(ghs(1), None, None, "r-1"), "SUSPENSE_ALREADY_RESOLVED"),
            (resolution(ghs(1), None, None, "r-4"), "UNEXPECTED_STATE"),
            (resolution(ghs(1), None, Some(loan(9)), "r-4"), "NOT_FOUND"),
            (resolution(ghs(1), Some(loan(9)), None, "r-4"), "NOT_FOUND"),
            (resolution(ghs(-1), None, None, "r-4"), "INVALID_AMOUNT"),
            (resolution(ghs(1), None, None, ""), "INVALID_FIELD"),
            (mixed, "INVALID_FIELD"),
        ] {
            assert_eq!(scene.request(cmd).unwrap_err().code, code);
        }
    });
}
