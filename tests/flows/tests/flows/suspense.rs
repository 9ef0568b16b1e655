//! Money that nobody owed: it is kept apart, and ends at its payer or at its loan; capital goes back to its funder.

use crate::oracles::assert_oracles;
use sycee_asset::LoanNote;
use sycee_contract::{
    ConfirmFundArrival, ExternalRepaymentNotified, Identifier as _, LoanId, RepaymentKind, RepaymentOrderId,
    RepaymentSucceeded, ResolveSuspense, ReturnFunds,
};
use sycee_funds::fund_management_system::{FundAccount, SuspenseReceipt};
use sycee_money::Money;
use sycee_stage::{Stage, cedis};

pub fn account_of(stage: &mut Stage, pick: impl Fn(&FundAccount) -> bool) -> FundAccount {
    stage.writer.sync().unwrap();
    let mut found = None;
    let each = &mut |account: &FundAccount| {
        if pick(account) {
            found = Some(account.clone());
        }
        Ok(())
    };
    stage.writer.scan::<FundAccount>(each).unwrap();
    found.unwrap()
}

fn note(stage: &mut Stage, loan: LoanId) -> LoanNote {
    stage.writer.sync().unwrap();
    let mut found = None;
    let each = &mut |note: &LoanNote| {
        if note.loan == loan {
            found = Some(note.clone());
        }
        Ok(())
    };
    stage.writer.scan::<LoanNote>(each).unwrap();
    found.unwrap()
}

fn notice(reference: &str, loan: Option<LoanId>, account: &FundAccount, amount: Money) -> ExternalRepaymentNotified {
    ExternalRepaymentNotified {
        reference: reference.to_owned(),
        funder: Some(account.partner),
        order: None,
        loan,
        amount,
        paid_at: None,
    }
}

/// Where money in suspense is taken from.
enum Source<'a> {
    Receipt(&'a str),
    CreditOf(LoanId),
}

fn end(
    account: &FundAccount,
    amount: Money,
    source: &Source,
    loan: Option<LoanId>,
    reference: &str,
) -> ResolveSuspense {
    let (receipt, credit_of) = match source {
        Source::Receipt(receipt) => (Some((*receipt).to_owned()), None),
        Source::CreditOf(loan) => (None, Some(*loan)),
    };
    ResolveSuspense {
        funder: account.code.clone(),
        amount,
        receipt,
        credit_of,
        loan,
        order: None,
        paid_at: None,
        reference: reference.to_owned(),
    }
}

/// The receipt in suspense under a reference of the bank's.
fn receipt(stage: &mut Stage, reference: &str) -> SuspenseReceipt {
    stage.writer.sync().unwrap();
    let mut found = None;
    let each = &mut |receipt: &SuspenseReceipt| {
        if receipt.receipt.ends_with(&format!("/{reference}")) {
            found = Some(receipt.clone());
        }
        Ok(())
    };
    stage.writer.scan::<SuspenseReceipt>(each).unwrap();
    found.unwrap()
}

#[test]
fn money_nobody_owed_is_kept_apart_and_ends_where_it_belongs() {
    Stage::each(|stage| {
        let life = stage.borrower(51);
        let loan = stage.loan(&life, "gh-installment", cedis(500));
        let funded_by = note(stage, loan).fund_account;
        let before = account_of(stage, |it| it.id == funded_by);
        let notices = [notice("n-1", Some(loan), &before, cedis(900)), notice("n-2", None, &before, cedis(60))];
        for notice in notices {
            stage.happens("bank", notice);
        }
        let surplus = note(stage, loan).surplus;
        assert!(surplus.is_positive(), "900 is more than the loan of 500 costs");
        let held = account_of(stage, |it| it.id == funded_by);
        assert_eq!(held.suspense, surplus.checked_add(cedis(60)).unwrap());
        let lendable = before.available.checked_add(cedis(900)).unwrap().checked_sub(surplus).unwrap();
        assert_eq!(held.available, lendable, "what is the borrower's is not lent");
        assert_oracles(stage);

        let too_much = surplus.checked_add(cedis(1)).unwrap();
        let credit = Source::CreditOf(loan);
        let refused = stage.ask_directly("staff:finance", end(&held, too_much, &credit, None, "c-1")).unwrap_err();
        assert!(["ACCOUNT_LIMIT_EXCEEDED", "INVALID_FIELD"].contains(&refused.code.as_str()), "{refused}");
        let stray = receipt(stage, "n-2");
        assert_eq!((stray.amount, stray.remaining), (cedis(60), cedis(60)));
        let stray = Source::Receipt(&stray.receipt);
        let refused = stage.ask_directly("staff:finance", end(&held, cedis(61), &stray, None, "c-1")).unwrap_err();
        assert_eq!(refused.code, "INVALID_AMOUNT", "a borrower's credit is not unexplained money");

        stage.ask_directly("staff:finance", end(&held, surplus, &credit, None, "c-1")).unwrap();
        assert!(note(stage, loan).surplus.is_zero());
        stage.ask_directly("staff:finance", end(&held, cedis(20), &stray, None, "c-2")).unwrap();
        let other = stage.loan(&life, "gh-installment", cedis(500));
        assert_eq!(note(stage, other).fund_account, funded_by);
        stage.ask_directly("staff:finance", end(&held, cedis(40), &stray, Some(other), "c-3")).unwrap();
        let repaid = stage.heard::<RepaymentSucceeded>().remove(0);
        assert_eq!((repaid.loan, repaid.amount), (other, cedis(40)));
        assert!(account_of(stage, |it| it.id == funded_by).suspense.is_zero());
        assert_oracles(stage);
    });
}

#[test]
fn suspense_is_not_explained_by_an_order_of_another_loan() {
    Stage::each(|stage| {
        let life = stage.borrower(52);
        let [loan, other] = [(); 2].map(|()| stage.loan(&life, "gh-installment", cedis(500)));
        let funded_by = note(stage, loan).fund_account;
        let account = account_of(stage, |it| it.id == funded_by);
        let [its, others] = [loan, other].map(|loan| {
            let wanted = life.borrower.repayment(life.customer, loan, RepaymentKind::Normal, Some(cedis(60)));
            stage.order(&life, wanted).order
        });
        stage.happens("bank", notice("n-5", None, &account, cedis(60)));
        let unexplained = receipt(stage, "n-5");
        let source = Source::Receipt(&unexplained.receipt);
        let meant =
            |order| ResolveSuspense { order: Some(order), ..end(&account, cedis(60), &source, Some(loan), "c-5") };
        for order in [others, RepaymentOrderId::from_number(9_000_000)] {
            let refused = stage.ask_directly("staff:finance", meant(order)).unwrap_err();
            assert_eq!((refused.code.as_str(), refused.details["field"].as_str()), ("INVALID_FIELD", "order"));
            assert_eq!(receipt(stage, "n-5"), unexplained, "what was refused is undone");
        }
        assert_oracles(stage);
        stage.ask_directly("staff:finance", meant(its)).unwrap();
        let repaid = stage.heard::<RepaymentSucceeded>().remove(0);
        assert_eq!((repaid.loan, repaid.order, repaid.amount), (loan, Some(its), cedis(60)));
        assert_oracles(stage);
    });
}

#[test]
fn a_movement_at_our_bank_is_money_once_for_a_funder_that_does_not_collect() {
    Stage::each(|stage| {
        let pick = |it: &FundAccount| it.code == "volta-capital";
        let volta = account_of(stage, pick);
        let arrived = |reference: &str| ConfirmFundArrival {
            funder: volta.code.clone(),
            amount: cedis(60),
            bank_reference: reference.to_owned(),
        };
        stage.happens("bank", notice("n-2", None, &volta, cedis(60)));
        let refused = stage.ask_directly("staff:finance", arrived("n-2")).unwrap_err();
        assert_eq!(refused.code, "BANK_REFERENCE_USED");
        stage.ask_directly("staff:finance", arrived("n-3")).unwrap();
        stage.happens("bank", notice("n-3", None, &volta, cedis(60)));
        let held = account_of(stage, pick);
        assert_eq!(held.suspense, volta.suspense.checked_add(cedis(60)).unwrap());
        assert_eq!(held.available, volta.available.checked_add(cedis(60)).unwrap());
        assert_oracles(stage);
    });
}

#[test]
fn a_funder_gets_back_no_more_than_it_brought() {
    Stage::each(|stage| {
        for own in [true, false] {
            let account = account_of(stage, |it| it.is_own == own);
            let gone = |amount, reference: &str| ReturnFunds {
                funder: account.code.clone(),
                amount,
                bank_reference: format!("{}-{reference}", account.code),
            };
            stage.ask_directly("staff:finance", gone(account.available, "all")).unwrap();
            stage.happens("bank", notice(&format!("{}-stray", account.code), None, &account, cedis(5)));
            let refused = stage.ask_directly("staff:finance", gone(cedis(1), "more")).unwrap_err();
            assert_eq!(refused.code, "INSUFFICIENT_FUNDS", "money in suspense is not the funder's");
        }
        assert_oracles(stage);
    });
}
