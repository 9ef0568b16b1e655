//! What should be in the books, counted from the events of others: an oracle compares it with what is.
//!
//! Invariant: a control figure is never made from the ledger; it would agree with any mistake.

use sycee_contract::{
    Date, DisbursementSucceeded, EntryId, FundArrivalConfirmed, FundsReturned, LoanNoteCreated, RepaymentKind,
    RepaymentPostingCalculated, RepaymentSucceeded,
};
use sycee_money::{Currency, Money};
use sycee_runtime::{Handled, Registry, Work, entity};

use crate::ledger::Ledger;

entity! {
    /// How often something happened on a day and what it came to, by those who caused it.
    pub struct BookControl in "accounting_control" of "accounting-center" key (date, what, currency): (Date, String, Currency) {
        /// Business date.
        date: Date,
        /// A template such as `loan-disbursed`, or `loan-note-created`, `repayment-quoted`.
        what: String,
        /// Currency.
        currency: Currency,
        /// How often.
        count: i64,
        /// Sum.
        amount: Money,
        /// How many of them name an entry that is not in the books: zero, or something is broken.
        missing: i64,
    }
}

pub(super) fn register(registry: &mut Registry) {
    registry
        .service("accounting-center")
        .on::<DisbursementSucceeded>(on_disbursement_succeeded)
        .on::<LoanNoteCreated>(on_loan_note_created)
        .on::<RepaymentPostingCalculated>(on_repayment_posting_calculated)
        .on::<RepaymentSucceeded>(on_repayment_succeeded)
        .on::<FundArrivalConfirmed>(on_fund_arrival_confirmed)
        .on::<FundsReturned>(on_funds_returned);
}

/// Adds one to a control record. `entry` is the ledger entry that should exist.
///
/// A trial repayment may name any amount: a sum that is full stays full, for a control must not stop the business.
fn count(work: &mut Work, date: Date, what: &str, amount: Money, entry: Option<EntryId>) -> Handled<()> {
    let currency = amount.currency();
    let missing = match entry {
        Some(entry) => work.resident::<Ledger>()?.last_entry().is_none_or(|last| entry > last),
        None => false,
    };
    let mut control = work.get::<BookControl>((date, what.to_owned(), currency))?.unwrap_or_else(|| BookControl {
        date,
        what: what.to_owned(),
        currency,
        count: 0,
        amount: Money::zero(currency),
        missing: 0,
    });
    control.count += 1;
    control.amount = control.amount.checked_add(amount).unwrap_or(Money::from_units(i64::MAX, currency));
    control.missing += i64::from(missing);
    work.save(control);
    Ok(())
}

fn on_disbursement_succeeded(work: &mut Work, event: &DisbursementSucceeded) -> Handled<()> {
    count(work, event.disbursed_on, "loan-disbursed", event.principal, Some(event.entry))
}

fn on_loan_note_created(work: &mut Work, event: &LoanNoteCreated) -> Handled<()> {
    count(work, event.disbursed_on, "loan-note-created", event.principal, None)
}

fn on_repayment_posting_calculated(work: &mut Work, event: &RepaymentPostingCalculated) -> Handled<()> {
    count(work, event.quote.as_of, "repayment-quoted", event.quote.amount, None)
}

fn on_repayment_succeeded(work: &mut Work, event: &RepaymentSucceeded) -> Handled<()> {
    let what = match event.kind {
        RepaymentKind::Normal | RepaymentKind::EarlySettlement => "repayment-received",
        RepaymentKind::Cancel => "loan-cancelled",
    };
    count(work, work.today(), what, event.amount, None)
}

fn on_fund_arrival_confirmed(work: &mut Work, event: &FundArrivalConfirmed) -> Handled<()> {
    count(work, work.today(), "funds-arrived", event.amount, None)
}

fn on_funds_returned(work: &mut Work, event: &FundsReturned) -> Handled<()> {
    count(work, work.today(), "funds-returned", event.amount, None)
}
