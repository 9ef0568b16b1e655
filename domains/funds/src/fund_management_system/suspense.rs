//! Money in suspense: what nobody explained, receipt by receipt, and what borrowers paid too much. It ends at its payer or at a
//! loan.
//!
//! The ledger decides how much may leave: its accounts for suspense and for each loan's credit can't be overdrawn, and a
//! refusal of the ledger refuses the request.
//!
//! Invariant: no more is taken of a receipt than came under it: one payer's money never ends as another's.
//! Invariant: a borrower's credit goes back, or to a loan of the same borrower.
//! Invariant: money in suspense pays loans of the same fund account only: funders' cash is not mixed.
//! Invariant: a reference ends suspense once.

use sycee_contract::messages::{ResolveSuspense, SuspenseResolved};
use sycee_contract::{CustomerId, FundAccountId, FundBalances, LoanId, NOTE_MAX, Rejection, Timestamp, check_text};
use sycee_money::{Money, MoneyError};
use sycee_runtime::{Handled, Work, entity};

use super::account::Cause;
use super::{
    FundAccount, FundReservation, FundReturn, LoanReservation, MovementKind, ReservationStatus, moves, returns,
};
use crate::FundsRejection;

entity! {
    /// Money that nobody had explained, under the receipt that its work order names.
    pub struct SuspenseReceipt in "suspense_receipt" of "fund-management-system"
        key (fund_account, receipt): (FundAccountId, String) {
        /// Whose suspense.
        fund_account: FundAccountId,
        /// Our payment or the receiver, and the reference there, as the entry and the work order name it.
        receipt: String,
        /// What came.
        amount: Money,
        /// What is left of it in suspense.
        remaining: Money,
        /// When it was booked.
        at: Timestamp,
    }
}

entity! {
    /// What became of money in suspense; one a reference.
    pub struct SuspenseResolution in "suspense_resolution" of "fund-management-system" key reference: String {
        /// The bank, and its reference of a payment back or the decision's, such as `own/GCB-2026-000123`.
        reference: String,
        /// Whose suspense.
        fund_account: FundAccountId,
        /// How much.
        amount: Money,
        /// The receipt it was taken from; none for a borrower's credit.
        receipt: Option<String>,
        /// The loan whose borrower's credit it was; none for money that nobody had explained.
        credit_of: Option<LoanId>,
        /// The loan it pays; none when it went back to the payer.
        paid_loan: Option<LoanId>,
        /// When.
        at: Timestamp,
    }
}

impl SuspenseReceipt {
    /// Money that came under a receipt.
    pub fn new(fund_account: FundAccountId, receipt: &str, amount: Money, at: Timestamp) -> Self {
        Self { fund_account, receipt: receipt.to_owned(), amount, remaining: amount, at }
    }

    /// The same receipt when more is booked under it. Errors: `Overflow`, or another currency.
    pub fn grown(self, amount: Money) -> Result<Self, MoneyError> {
        let (total, remaining) = (self.amount.checked_add(amount)?, self.remaining.checked_add(amount)?);
        Ok(Self { amount: total, remaining, ..self })
    }

    /// Takes `amount` of what is left.
    ///
    /// Errors: `AmountInvalid` for what is no money of its currency, `ReceiptTooLow` when less is left; nothing changed then.
    pub fn take(&mut self, amount: Money) -> Result<(), FundsRejection> {
        if !amount.is_positive() || amount.currency() != self.amount.currency() {
            return Err(FundsRejection::AmountInvalid { amount, example: self.amount });
        }
        match self.remaining.checked_sub(amount) {
            Ok(rest) if !rest.is_negative() => {
                self.remaining = rest;
                Ok(())
            }
            _ => {
                let (receipt, remaining) = (self.receipt.clone(), self.remaining);
                Err(FundsRejection::ReceiptTooLow { receipt, remaining, amount })
            }
        }
    }
}

/// Ends money in suspense: it goes back to its payer, or is received anew for the loan it was meant for.
///
/// Errors: `NOT_FOUND`, `INVALID_FIELD`, `INVALID_AMOUNT`; `SUSPENSE_ALREADY_RESOLVED` and `BANK_REFERENCE_USED` for a reference
/// that stands for other money; `UNEXPECTED_STATE` when the account holds less.
pub(super) fn resolve_suspense(work: &mut Work, cmd: &ResolveSuspense) -> Handled<FundBalances> {
    let mut account = returns::account_for(work, &cmd.funder, cmd.amount, "reference", &cmd.reference)?;
    check_request(work, cmd)?;
    let name = account.at_bank(&cmd.reference);
    if work.get::<SuspenseResolution>(name.clone())?.is_some() {
        return Err(FundsRejection::SuspenseResolved { reference: name }.into());
    }
    if cmd.loan.is_none() && work.get::<FundReturn>(name.clone())?.is_some() {
        let what = "money returned to a funder";
        return Err(FundsRejection::BankReferenceUsed { bank_reference: name, what }.into());
    }
    check_loans(work, &account, cmd)?;
    take_from_receipt(work, &account, cmd)?;
    let at = work.now();
    let (kind, template) = match cmd.loan {
        Some(_) => (MovementKind::Rematch, "suspense-rematched"),
        None => (MovementKind::PayBack, "suspense-paid-back"),
    };
    let cause = Cause { loan: cmd.credit_of.or(cmd.loan), reference: cmd.reference.clone() };
    let movement = account.post(kind, cmd.amount, cause, at)?;
    work.save(movement);
    work.save(SuspenseResolution {
        reference: name.clone(),
        fund_account: account.id,
        amount: cmd.amount,
        receipt: cmd.receipt.clone(),
        credit_of: cmd.credit_of,
        paid_loan: cmd.loan,
        at,
    });
    let part = if cmd.credit_of.is_some() { "credit" } else { "unmatched" };
    let amounts = [("amount", cmd.amount), (part, cmd.amount)];
    returns::post(work, template, &account, amounts, cmd.credit_of, &cmd.reference);
    work.emit(SuspenseResolved {
        fund_account: account.id,
        partner: account.partner,
        amount: cmd.amount,
        reference: name,
        credit_of: cmd.credit_of,
        loan: cmd.loan,
        order: cmd.order,
        paid_at: cmd.paid_at,
    });
    let balances = account.balances();
    moves::save_account(work, account)?;
    Ok(balances)
}

/// Refuses a request that does not say whose money it is, or says of money that goes back what it was meant for.
fn check_request(work: &Work, cmd: &ResolveSuspense) -> Result<(), Rejection> {
    if cmd.receipt.is_some() == cmd.credit_of.is_some() {
        let rule = "name the receipt, as its work order does, or in creditOf the loan whose borrower's credit it is: one of \
                    them";
        return Err(Rejection::invalid("receipt", rule, "own/mtn-778"));
    }
    if let Some(receipt) = &cmd.receipt {
        check_text("receipt", receipt, NOTE_MAX, "own/mtn-778")?;
    }
    for (field, is_told) in [("order", cmd.order.is_some()), ("paidAt", cmd.paid_at.is_some())] {
        if is_told && cmd.loan.is_none() {
            let rule = "only money that pays a loan has one: name the loan, or leave it out";
            return Err(Rejection::invalid(field, rule, "\"loan\": \"loan-1042\""));
        }
    }
    if cmd.paid_at.is_some_and(|at| at > work.now()) {
        let rule =
            format!("money was paid before now, {}: send the time on the bank's statement, or nothing", work.now());
        return Err(Rejection::invalid("paidAt", rule, work.now()));
    }
    Ok(())
}

/// Takes the money from the receipt that the request names; a borrower's credit has none.
fn take_from_receipt(work: &mut Work, account: &FundAccount, cmd: &ResolveSuspense) -> Handled<()> {
    let Some(name) = &cmd.receipt else { return Ok(()) };
    let found = work.get::<SuspenseReceipt>((account.id, name.clone()))?;
    let mut receipt = found.ok_or_else(|| Rejection::not_found("receipt in suspense", name))?;
    receipt.take(cmd.amount)?;
    work.save(receipt);
    Ok(())
}

/// Refuses loans that were not paid out of this account, and a borrower's credit for another borrower's loan.
fn check_loans(work: &mut Work, account: &FundAccount, cmd: &ResolveSuspense) -> Handled<()> {
    let from = borrower_of(work, account, "creditOf", cmd.credit_of)?;
    let to = borrower_of(work, account, "loan", cmd.loan)?;
    if let (Some(credit_of), Some(_)) = (cmd.credit_of, cmd.loan)
        && (from.is_none() || from != to)
    {
        let rule =
            format!("the credit of {credit_of} is its borrower's: it pays a loan of the same borrower, or goes back");
        return Err(Rejection::invalid("loan", rule, credit_of).into());
    }
    Ok(())
}

/// Whose loan it is; refuses one that was not paid out of this account.
fn borrower_of(
    work: &mut Work,
    account: &FundAccount,
    field: &str,
    loan: Option<LoanId>,
) -> Handled<Option<CustomerId>> {
    let Some(loan) = loan else { return Ok(None) };
    let newest = work.get::<LoanReservation>(loan)?.ok_or_else(|| Rejection::not_found("loan", loan))?;
    let reservation = work.require::<FundReservation>(newest.reservation)?;
    if reservation.status != ReservationStatus::Closed || reservation.fund_account != account.id {
        let rule = format!("it must be a loan that {} paid out: pay the money back instead", account.code);
        return Err(Rejection::invalid(field, rule, "loan-1042").into());
    }
    Ok(newest.customer)
}
