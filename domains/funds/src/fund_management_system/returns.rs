//! Capital that goes back to the funder who brought it.
//!
//! The ledger decides how much may leave: its account for a funder's capital can't be overdrawn, and a refusal of the ledger
//! refuses the request.
//!
//! Invariant: a bank reference takes money out once.

use std::collections::BTreeMap;

use sycee_contract::messages::{FundsReturned, PostLedgerEvent, ReturnFunds};
use sycee_contract::{
    FundAccountId, FundBalances, LINE_MAX, LedgerReference, LoanId, Rejection, Timestamp, check_text,
};
use sycee_money::Money;
use sycee_runtime::{Handled, Work, entity};

use super::account::Cause;
use super::{FundAccount, MovementKind, SuspenseResolution, moves};
use crate::FundsRejection;

entity! {
    /// Money given back to a funder; one a bank reference.
    pub struct FundReturn in "fund_return" of "fund-management-system" key bank_reference: String {
        /// The bank and its reference, such as `own/GCB-2026-000123`.
        bank_reference: String,
        /// From which account.
        fund_account: FundAccountId,
        /// How much.
        amount: Money,
        /// When it was confirmed.
        at: Timestamp,
    }
}

/// Books capital that came from a funder or goes back: a debt to the funder, or equity when the money is our own.
pub(super) fn post_capital(work: &mut Work, template: &str, account: &FundAccount, amount: Money, reference: &str) {
    let part = if account.is_own { "own" } else { "borrowed" };
    post(work, template, account, [("amount", amount), (part, amount)], None, reference);
}

/// Books money that leaves, or that is received anew, in the books of an account's funder.
pub(super) fn post<const N: usize>(
    work: &mut Work,
    template: &str,
    account: &FundAccount,
    amounts: [(&str, Money); N],
    loan: Option<LoanId>,
    reference: &str,
) {
    work.send(PostLedgerEvent {
        template: template.to_owned(),
        reference: LedgerReference { loan, order: None, repayment: None, parts: None, text: reference.to_owned() },
        amounts: amounts.into_iter().map(|(name, amount)| (name.to_owned(), amount)).collect(),
        dimensions: BTreeMap::from([("funder".to_owned(), account.partner.to_string())]),
        date: work.today(),
    });
}

/// The funder's account, when the request names a reference and an amount that can be paid.
pub(super) fn account_for(
    work: &mut Work,
    funder: &str,
    amount: Money,
    field: &str,
    reference: &str,
) -> Handled<FundAccount> {
    check_text(field, reference, LINE_MAX, "GCB-2026-000123")?;
    let by_code = FundAccount::by_code(funder.to_owned());
    let account = work.find_one(by_code)?.ok_or_else(|| Rejection::not_found("funder", funder))?;
    if !amount.is_whole_minor() {
        let example = Money::from_units(1_000_000, account.currency);
        return Err(FundsRejection::AmountInvalid { amount, example }.into());
    }
    Ok(account)
}

/// Takes free money out of an account: it went back to its funder, once a bank reference.
pub(super) fn return_funds(work: &mut Work, cmd: &ReturnFunds) -> Handled<FundBalances> {
    let mut account = account_for(work, &cmd.funder, cmd.amount, "bankReference", &cmd.bank_reference)?;
    let name = account.at_bank(&cmd.bank_reference);
    if work.get::<FundReturn>(name.clone())?.is_some() {
        return Err(FundsRejection::AlreadyReturned { bank_reference: name }.into());
    }
    let paid_back = work.get::<SuspenseResolution>(name.clone())?;
    if paid_back.is_some_and(|resolution| resolution.paid_loan.is_none()) {
        let what = "money of suspense, paid back";
        return Err(FundsRejection::BankReferenceUsed { bank_reference: name, what }.into());
    }
    let at = work.now();
    let cause = Cause { loan: None, reference: cmd.bank_reference.clone() };
    let movement = account.post(MovementKind::Return, cmd.amount, cause, at)?;
    super::demand::alert_when_low(work, &mut account);
    work.save(movement);
    work.save(FundReturn { bank_reference: name, fund_account: account.id, amount: cmd.amount, at });
    let balances = account.balances();
    work.emit(FundsReturned {
        fund_account: account.id,
        partner: account.partner,
        amount: cmd.amount,
        bank_reference: cmd.bank_reference.clone(),
        balances: balances.clone(),
    });
    post_capital(work, "funds-returned", &account, cmd.amount, &cmd.bank_reference);
    moves::save_account(work, account)?;
    Ok(balances)
}
