//! Payouts that no loan takes: an attempt was paid after it had failed, or twice, or too much.
//!
//! Invariant: a stray payout is booked once, and wholly: what the account does not have free is booked out of the next money
//! that comes, before anything is lent or given back of it. `uncovered` of an account is the sum of what is not booked.
//! Invariant: no more comes back than went out, and a bank reference brings money back once, in one sum. What comes back
//! before it was booked is booked neither way: neither has changed the cash that the books know.
//! Invariant: no more is written off than the books hold as recoverable, `booked - recovered - written_off` of the payouts.
//! What comes back after all was no loss.

use std::collections::BTreeMap;

use sycee_contract::messages::{
    BookStrayPayout, OpenWorkOrder, PostLedgerEvent, RecoverStrayPayout, StrayPayoutReported, WriteOffStrayPayout,
};
use sycee_contract::{
    FundAccountId, FundBalances, LINE_MAX, LedgerReference, LoanId, NOTE_MAX, Rejection, Timestamp, check_text,
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
        /// How much of that is lost.
        written_off: Money,
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
        /// The bank, and its reference or the channel's, such as `own/GCB-2026-000123`.
        bank_reference: String,
        /// Reference of the payout.
        payout: String,
        /// How much.
        amount: Money,
        /// When it was confirmed.
        at: Timestamp,
    }
}

entity! {
    /// Money of a stray payout that never comes back; one a decision.
    pub struct StrayWriteOff in "stray_write_off" of "fund-management-system" key reference: String {
        /// What identifies the decision.
        reference: String,
        /// Reference of the payout.
        payout: String,
        /// How much.
        amount: Money,
        /// Why, and who decided so.
        note: String,
        /// When it was written off.
        at: Timestamp,
    }
}

/// Where money stood that came back.
struct TakenBack {
    /// In the books, as recoverable.
    in_books: Money,
    /// In no book: the account had not covered it.
    not_booked: Money,
    /// Written off.
    written_off: Money,
}

impl StrayPayout {
    /// How much of it did not come back, booked, written off or neither.
    ///
    /// Errors: `Overflow`, which its own amounts never cause.
    fn still_out(&self) -> Result<Money, MoneyError> {
        self.amount.checked_sub(self.recovered)
    }

    /// How much of it the books hold as recoverable. Errors: as [`Self::still_out`].
    fn in_books(&self) -> Result<Money, MoneyError> {
        self.booked.checked_sub(self.recovered)?.checked_sub(self.written_off)
    }

    /// Takes back `amount`, no more than is still out: first what the books know as paid out, then what the account had not
    /// covered, which counts as booked from here on, and last what was written off.
    ///
    /// Errors: another currency.
    fn take_back(&mut self, amount: Money) -> Result<TakenBack, MoneyError> {
        let in_books = self.in_books()?.min(amount)?;
        let rest = amount.checked_sub(in_books)?;
        let not_booked = self.amount.checked_sub(self.booked)?.min(rest)?;
        let written_off = rest.checked_sub(not_booked)?;
        self.booked = self.booked.checked_add(not_booked)?;
        self.written_off = self.written_off.checked_sub(written_off)?;
        self.recovered = self.recovered.checked_add(amount)?;
        self.is_open = self.booked != self.amount;
        Ok(TakenBack { in_books, not_booked, written_off })
    }
}

/// Takes the report, once a reference: another amount under it is for people to explain.
pub(super) fn on_stray_payout_reported(work: &mut Work, event: &StrayPayoutReported) -> Handled<()> {
    if let Some(known) = work.get::<StrayPayout>(event.reference.clone())? {
        if known.amount != event.amount {
            let text = format!(
                "{} went out under {}, as was told before, and {} is told of now: find out what was paid. The first amount \
                 stands.",
                known.amount, event.reference, event.amount
            );
            let subject = format!("{}-{}", event.reference, event.amount);
            call_people(work, "stray-payout-contradicted", event.loan, text, &subject);
        }
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
        written_off: Money::zero(account.currency),
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
/// movement, and what was written off.
pub(super) fn recover_stray_payout(work: &mut Work, cmd: &RecoverStrayPayout) -> Handled<FundBalances> {
    check_text("bankReference", &cmd.bank_reference, LINE_MAX, "GCB-2026-000123")?;
    let (mut stray, mut account) = stray_of(work, &cmd.payout)?;
    let name = account.at_bank(&cmd.bank_reference);
    if work.get::<StrayRecovery>(name.clone())?.is_some() {
        return Err(FundsRejection::AlreadyRecovered { bank_reference: name }.into());
    }
    if work.get::<FundArrival>(name.clone())?.is_some() {
        let what = "a funder's money that arrived";
        return Err(FundsRejection::BankReferenceUsed { bank_reference: name, what }.into());
    }
    let out = must(stray.still_out())?;
    check_money(&stray, cmd.amount)?;
    if cmd.amount.units() > out.units() {
        return Err(FundsRejection::RecoveryTooHigh { payout: cmd.payout.clone(), out, amount: cmd.amount }.into());
    }
    let back = must(stray.take_back(cmd.amount))?;
    account.uncovered = must(account.uncovered.checked_sub(back.not_booked))?;
    let at = work.now();
    let cause = || Cause { loan: Some(stray.loan), reference: cmd.bank_reference.clone() };
    if back.written_off.is_positive() {
        let movement = account.post(MovementKind::Reinstatement, back.written_off, cause(), at)?;
        work.save(movement);
        let no_loss = must(back.written_off.checked_neg())?;
        post(work, "stray-payout-written-off", &account, no_loss, &cmd.bank_reference);
    }
    let recovered = must(back.in_books.checked_add(back.written_off))?;
    if recovered.is_positive() {
        let movement = account.post(MovementKind::Recovery, recovered, cause(), at)?;
        work.save(movement);
        tell_balance(work, &account);
        post(work, "stray-payout-recovered", &account, recovered, &cmd.bank_reference);
    }
    if !stray.is_open {
        work.cancel_timer(&alarm_key(&stray.reference));
    }
    work.save(stray);
    work.save(StrayRecovery { bank_reference: name, payout: cmd.payout.clone(), amount: cmd.amount, at });
    super::claim_reference(work, &account, &cmd.bank_reference, cmd.amount);
    let balances = account.balances();
    save_account(work, account)?;
    Ok(balances)
}

/// Writes off what never comes back of a payout, once a decision. What the books do not know yet is booked first: it is gone
/// from the bank all the same.
///
/// Errors: `NOT_FOUND`, `INVALID_FIELD`; `INVALID_AMOUNT` for more than the books hold of it; `WRITE_OFF_ALREADY_CONFIRMED`.
pub(super) fn write_off_stray_payout(work: &mut Work, cmd: &WriteOffStrayPayout) -> Handled<FundBalances> {
    check_text("reference", &cmd.reference, LINE_MAX, "DEC-2026-017")?;
    check_text("note", &cmd.note, NOTE_MAX, "the bank kept its charge, as finance decided on 5 January")?;
    if work.get::<StrayWriteOff>(cmd.reference.clone())?.is_some() {
        return Err(FundsRejection::AlreadyWrittenOff { reference: cmd.reference.clone() }.into());
    }
    let (mut stray, mut account) = stray_of(work, &cmd.payout)?;
    let in_books = must(stray.in_books())?;
    check_money(&stray, cmd.amount)?;
    if cmd.amount.units() > in_books.units() {
        let (payout, amount) = (cmd.payout.clone(), cmd.amount);
        return Err(FundsRejection::WriteOffTooHigh { payout, in_books, amount }.into());
    }
    stray.written_off = must(stray.written_off.checked_add(cmd.amount))?;
    let at = work.now();
    let cause = Cause { loan: Some(stray.loan), reference: cmd.reference.clone() };
    let movement = account.post(MovementKind::WriteOff, cmd.amount, cause, at)?;
    work.save(movement);
    work.save(stray);
    work.save(StrayWriteOff {
        reference: cmd.reference.clone(),
        payout: cmd.payout.clone(),
        amount: cmd.amount,
        note: cmd.note.clone(),
        at,
    });
    post(work, "stray-payout-written-off", &account, cmd.amount, &cmd.reference);
    let balances = account.balances();
    save_account(work, account)?;
    Ok(balances)
}

/// A stray payout, and the account whose money went out.
fn stray_of(work: &mut Work, payout: &str) -> Handled<(StrayPayout, FundAccount)> {
    let stray = work.get::<StrayPayout>(payout.to_owned())?;
    let stray = stray.ok_or_else(|| Rejection::not_found("stray payout", payout))?;
    let account = work.require::<FundAccount>(stray.fund_account)?;
    Ok((stray, account))
}

/// Refuses what can be no part of a payout.
fn check_money(stray: &StrayPayout, amount: Money) -> Result<(), FundsRejection> {
    let is_money = amount.currency() == stray.amount.currency() && amount.is_positive() && amount.is_whole_minor();
    if is_money { Ok(()) } else { Err(FundsRejection::AmountInvalid { amount, example: stray.amount }) }
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
