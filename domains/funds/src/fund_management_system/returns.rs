//! Money that leaves again: to the funder who brought it, to the payer of what nobody owed, or to the loan it was meant for.
//!
//! The ledger decides how much may leave: its accounts for a funder's capital, for suspense and for customers' credit
//! can't be overdrawn, and a refusal of the ledger refuses the request.
//!
//! Invariant: a bank reference takes money out once.
//! Invariant: money in suspense goes back whole, or to a loan of the same fund account: funders' cash is not mixed.

use std::collections::BTreeMap;

use sycee_contract::messages::{FundsReturned, PostLedgerEvent, ResolveSuspense, ReturnFunds, SuspenseResolved};
use sycee_contract::{
    FundAccountId, FundBalances, LINE_MAX, LedgerReference, LoanId, Rejection, Timestamp, check_text,
};
use sycee_money::Money;
use sycee_runtime::{Handled, Work, entity};

use super::account::Cause;
use super::{FundAccount, FundReservation, LoanReservation, MovementKind, ReservationStatus, moves};
use crate::FundsRejection;

entity! {
    /// Money given back to a funder; one a bank reference.
    pub struct FundReturn in "fund_return" of "fund-management-system" key bank_reference: String {
        /// The bank's reference.
        bank_reference: String,
        /// From which account.
        fund_account: FundAccountId,
        /// How much.
        amount: Money,
        /// When it was confirmed.
        at: Timestamp,
    }
}

entity! {
    /// What became of money in suspense; one a reference.
    pub struct SuspenseResolution in "suspense_resolution" of "fund-management-system" key reference: String {
        /// The bank's reference of a payment back, or the decision's.
        reference: String,
        /// Whose suspense.
        fund_account: FundAccountId,
        /// How much.
        amount: Money,
        /// The loan whose borrower's credit it was; none for money that nobody had explained.
        credit_of: Option<LoanId>,
        /// The loan it pays; none when it went back to the payer.
        paid_loan: Option<LoanId>,
        /// When.
        at: Timestamp,
    }
}

/// Books capital that came from a funder or goes back: a debt to the funder, or equity when the money is our own.
pub(super) fn post_capital(work: &mut Work, template: &str, account: &FundAccount, amount: Money, reference: &str) {
    let part = if account.is_own { "own" } else { "borrowed" };
    post(work, template, account, [("amount", amount), (part, amount)], None, reference);
}

fn post<const N: usize>(
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
fn account_for(work: &mut Work, funder: &str, amount: Money, field: &str, reference: &str) -> Handled<FundAccount> {
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
    if work.get::<FundReturn>(cmd.bank_reference.clone())?.is_some() {
        return Err(FundsRejection::AlreadyReturned { bank_reference: cmd.bank_reference.clone() }.into());
    }
    let paid_back = work.get::<SuspenseResolution>(cmd.bank_reference.clone())?;
    if paid_back.is_some_and(|resolution| resolution.paid_loan.is_none()) {
        let bank_reference = cmd.bank_reference.clone();
        return Err(FundsRejection::BankReferenceUsed { bank_reference, what: "money of suspense, paid back" }.into());
    }
    let at = work.now();
    let cause = Cause { loan: None, reference: cmd.bank_reference.clone() };
    let movement = account.post(MovementKind::Return, cmd.amount, cause, at)?;
    super::demand::alert_when_low(work, &mut account);
    work.save(movement);
    work.save(FundReturn {
        bank_reference: cmd.bank_reference.clone(),
        fund_account: account.id,
        amount: cmd.amount,
        at,
    });
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

/// Ends money in suspense: it goes back to its payer, or is received anew for the loan it was meant for.
pub(super) fn resolve_suspense(work: &mut Work, cmd: &ResolveSuspense) -> Handled<FundBalances> {
    let mut account = account_for(work, &cmd.funder, cmd.amount, "reference", &cmd.reference)?;
    if work.get::<SuspenseResolution>(cmd.reference.clone())?.is_some() {
        return Err(FundsRejection::SuspenseResolved { reference: cmd.reference.clone() }.into());
    }
    if cmd.loan.is_none() && work.get::<FundReturn>(cmd.reference.clone())?.is_some() {
        let bank_reference = cmd.reference.clone();
        return Err(FundsRejection::BankReferenceUsed { bank_reference, what: "money returned to a funder" }.into());
    }
    for (field, loan) in [("creditOf", cmd.credit_of), ("loan", cmd.loan)] {
        check_loan(work, &account, field, loan)?;
    }
    let at = work.now();
    let (kind, template) = match cmd.loan {
        Some(_) => (MovementKind::Rematch, "suspense-rematched"),
        None => (MovementKind::PayBack, "suspense-paid-back"),
    };
    let cause = Cause { loan: cmd.credit_of.or(cmd.loan), reference: cmd.reference.clone() };
    let movement = account.post(kind, cmd.amount, cause, at)?;
    work.save(movement);
    work.save(SuspenseResolution {
        reference: cmd.reference.clone(),
        fund_account: account.id,
        amount: cmd.amount,
        credit_of: cmd.credit_of,
        paid_loan: cmd.loan,
        at,
    });
    let part = if cmd.credit_of.is_some() { "credit" } else { "unmatched" };
    post(work, template, &account, [("amount", cmd.amount), (part, cmd.amount)], cmd.credit_of, &cmd.reference);
    work.emit(SuspenseResolved {
        fund_account: account.id,
        partner: account.partner,
        amount: cmd.amount,
        reference: cmd.reference.clone(),
        credit_of: cmd.credit_of,
        loan: cmd.loan,
    });
    let balances = account.balances();
    moves::save_account(work, account)?;
    Ok(balances)
}

/// Refuses a loan that was not paid out of this account.
fn check_loan(work: &mut Work, account: &FundAccount, field: &str, loan: Option<LoanId>) -> Handled<()> {
    let Some(loan) = loan else { return Ok(()) };
    let newest = work.get::<LoanReservation>(loan)?.ok_or_else(|| Rejection::not_found("loan", loan))?;
    let reservation = work.require::<FundReservation>(newest.reservation)?;
    if reservation.status != ReservationStatus::Closed || reservation.fund_account != account.id {
        let rule = format!("it must be a loan that {} paid out: pay the money back instead", account.code);
        return Err(Rejection::invalid(field, rule, "loan-1042").into());
    }
    Ok(())
}
