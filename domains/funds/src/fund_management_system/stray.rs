//! Payouts that no loan takes: an attempt was paid after it had failed, or twice, or too much.
//!
//! Invariant: a stray payout is booked once, and wholly: what the account does not have free is booked out of the next money
//! that comes, before anything is lent or given back of it. `uncovered` of an account is the sum of what is not booked.
//! Invariant: no more comes back than went out, and a bank reference brings money back once, in one sum. What comes back
//! before it was booked is booked neither way: neither has changed the cash that the books know.

use std::collections::BTreeMap;

use sycee_contract::messages::{
    BookStrayPayout, OpenWorkOrder, PostLedgerEvent, RecoverStrayPayout, StrayPayoutReported,
};
use sycee_contract::{
    FundAccountId, FundBalances, LINE_MAX, LedgerReference, LoanId, Rejection, Timestamp, check_text,
};
use sycee_money::{Money, MoneyError};
use sycee_runtime::{Handled, Work, entity};

use super::account::Cause;
use super::moves::{keep_account, save_account, tell_balance};
use super::{FundAccount, FundArrival, MovementKind};
use crate::FundsRejection;
use crate::rejection::must;

/// Hours until a payout that the account could not cover is tried again.
const RETRY_HOURS: i64 = 6;

entity! {
    /// A payout that no loan takes; one a reference.
    pub struct StrayPayout in "stray_payout" of "fund-management-system" key reference: String {
        /// Our payment or the attempt, and the payer's reference.
        reference: String,
        /// The loan it was for.
        loan: LoanId,
        /// Whose money went out.
        fund_account: FundAccountId,
        /// How much.
        amount: Money,
        /// How much of it is in the books, or came back before it was.
        booked: Money,
        /// How much of that came back.
        recovered: Money,
        /// Whether a part of it is to be booked yet.
        is_open: bool,
        /// When it was told.
        at: Timestamp,
    }
    index by_open(fund_account: FundAccountId, is_open: bool);
}

entity! {
    /// Money of a stray payout that came back; one a bank reference.
    pub struct StrayRecovery in "stray_recovery" of "fund-management-system" key bank_reference: String {
        /// The bank's or the channel's reference.
        bank_reference: String,
        /// Reference of the payout.
        payout: String,
        /// How much.
        amount: Money,
        /// When it was confirmed.
        at: Timestamp,
    }
}

impl StrayPayout {
    /// How much of it did not come back, booked or not. Errors: `Overflow`, which its own amounts never cause.
    fn still_out(&self) -> Result<Money, MoneyError> {
        self.amount.checked_sub(self.recovered)
    }

    /// Takes back `amount`, no more than is still out; gives the part of it that the books know as paid out. The rest, which
    /// the account had not covered, counts as booked from here on.
    ///
    /// Errors: another currency.
    fn take_back(&mut self, amount: Money) -> Result<Money, MoneyError> {
        let in_books = self.booked.checked_sub(self.recovered)?.min(amount)?;
        self.booked = self.booked.checked_add(amount.checked_sub(in_books)?)?;
        self.recovered = self.recovered.checked_add(amount)?;
        self.is_open = self.booked != self.amount;
        Ok(in_books)
    }
}

/// Takes the report, once a reference.
pub(super) fn on_stray_payout_reported(work: &mut Work, event: &StrayPayoutReported) -> Handled<()> {
    if work.get::<StrayPayout>(event.reference.clone())?.is_some() {
        return Ok(());
    }
    let account = match event.fund_account {
        Some(account) => work.get::<FundAccount>(account)?,
        None => None,
    };
    let Some(mut account) = account.filter(|account| account.currency == event.amount.currency()) else {
        let text = format!("{} of {} left no account of ours: find whose money it is.", event.amount, event.reference);
        call_people(work, "stray-payout-unknown", event.loan, text, &event.reference);
        return Ok(());
    };
    work.save(StrayPayout {
        reference: event.reference.clone(),
        loan: event.loan,
        fund_account: account.id,
        amount: event.amount,
        booked: Money::zero(account.currency),
        recovered: Money::zero(account.currency),
        is_open: true,
        at: work.now(),
    });
    account.uncovered = must(account.uncovered.checked_add(event.amount))?;
    keep_account(work, account)?;
    work.send(BookStrayPayout { reference: event.reference.clone() });
    Ok(())
}

/// Has free money of an account pay a stray payout that it did not cover; the next one follows when that is booked.
pub(super) fn pay_first(work: &mut Work, account: &FundAccount) -> Handled<()> {
    if !account.uncovered.is_positive() || !account.available.is_positive() {
        return Ok(());
    }
    if let Some(open) = work.find_one(StrayPayout::by_open(account.id, true))? {
        work.send(BookStrayPayout { reference: open.reference });
    }
    Ok(())
}

fn alarm_key(reference: &str) -> String {
    format!("stray-{reference}")
}

/// Books what is not booked, as far as the account has free money; the rest is tried again, and people are told.
pub(super) fn book_stray_payout(work: &mut Work, cmd: &BookStrayPayout) -> Handled<()> {
    let Some(mut stray) = work.get::<StrayPayout>(cmd.reference.clone())?.filter(|stray| stray.is_open) else {
        return Ok(());
    };
    let mut account = work.require::<FundAccount>(stray.fund_account)?;
    let rest = must(stray.amount.checked_sub(stray.booked))?;
    let covered = must(rest.min(account.available))?;
    if covered.is_positive() {
        let cause = Cause { loan: Some(stray.loan), reference: stray.reference.clone() };
        let movement = must(account.post(MovementKind::StrayPayout, covered, cause, work.now()))?;
        stray.booked = must(stray.booked.checked_add(covered))?;
        account.uncovered = must(account.uncovered.checked_sub(covered))?;
        work.save(movement);
        tell_balance(work, &account);
        post(work, "stray-payout", &account, covered, &stray.reference);
    }
    stray.is_open = stray.booked != stray.amount;
    if stray.is_open {
        let text = format!(
            "{} of {} went out of {}, which has {} free: the rest is booked when there is more.",
            stray.amount, stray.reference, account.code, account.available
        );
        call_people(work, "stray-payout-uncovered", stray.loan, text, &stray.reference);
        let due = work.now().plus_minutes(RETRY_HOURS * 60);
        work.at(due, &alarm_key(&stray.reference), cmd.clone());
    } else {
        work.cancel_timer(&alarm_key(&stray.reference));
    }
    work.save(stray);
    save_account(work, account)
}

/// Takes back what came back of a payout, once a bank reference: also what was not booked yet, for the bank tells it as one
/// movement.
pub(super) fn recover_stray_payout(work: &mut Work, cmd: &RecoverStrayPayout) -> Handled<FundBalances> {
    check_text("bankReference", &cmd.bank_reference, LINE_MAX, "GCB-2026-000123")?;
    if work.get::<StrayRecovery>(cmd.bank_reference.clone())?.is_some() {
        return Err(FundsRejection::AlreadyRecovered { bank_reference: cmd.bank_reference.clone() }.into());
    }
    if work.get::<FundArrival>(cmd.bank_reference.clone())?.is_some() {
        let bank_reference = cmd.bank_reference.clone();
        return Err(FundsRejection::BankReferenceUsed { bank_reference, what: "a funder's money that arrived" }.into());
    }
    let stray = work.get::<StrayPayout>(cmd.payout.clone())?;
    let mut stray = stray.ok_or_else(|| Rejection::not_found("stray payout", &cmd.payout))?;
    let mut account = work.require::<FundAccount>(stray.fund_account)?;
    let out = must(stray.still_out())?;
    let is_payable = cmd.amount.currency() == account.currency && cmd.amount.is_positive();
    if !is_payable || !cmd.amount.is_whole_minor() {
        return Err(FundsRejection::AmountInvalid { amount: cmd.amount, example: stray.amount }.into());
    }
    if cmd.amount.units() > out.units() {
        return Err(FundsRejection::RecoveryTooHigh { payout: cmd.payout.clone(), out, amount: cmd.amount }.into());
    }
    let in_books = must(stray.take_back(cmd.amount))?;
    let not_booked = must(cmd.amount.checked_sub(in_books))?;
    account.uncovered = must(account.uncovered.checked_sub(not_booked))?;
    let at = work.now();
    if in_books.is_positive() {
        let cause = Cause { loan: Some(stray.loan), reference: cmd.bank_reference.clone() };
        let movement = account.post(MovementKind::Recovery, in_books, cause, at)?;
        work.save(movement);
        tell_balance(work, &account);
        post(work, "stray-payout-recovered", &account, in_books, &cmd.bank_reference);
    }
    if !stray.is_open {
        work.cancel_timer(&alarm_key(&stray.reference));
    }
    work.save(stray);
    let (bank_reference, payout) = (cmd.bank_reference.clone(), cmd.payout.clone());
    work.save(StrayRecovery { bank_reference, payout, amount: cmd.amount, at });
    super::claim_reference(work, &account, &cmd.bank_reference, cmd.amount);
    let balances = account.balances();
    save_account(work, account)?;
    Ok(balances)
}

fn post(work: &mut Work, template: &str, account: &FundAccount, amount: Money, reference: &str) {
    let text = reference.to_owned();
    work.send(PostLedgerEvent {
        template: template.to_owned(),
        reference: LedgerReference { loan: None, order: None, repayment: None, parts: None, text },
        amounts: BTreeMap::from([("amount".to_owned(), amount)]),
        dimensions: BTreeMap::from([("funder".to_owned(), account.partner.to_string())]),
        date: work.today(),
    });
}

fn call_people(work: &mut Work, kind: &str, loan: LoanId, text: String, reference: &str) {
    work.send(OpenWorkOrder { kind: kind.to_owned(), loan: Some(loan), text, key: format!("{kind}-{reference}") });
}
