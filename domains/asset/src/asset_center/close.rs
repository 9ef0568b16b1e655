//! The daily close: interest, penalties, days past due, buckets and notices of due installments, page by page.
//!
//! A page is a cascade of its own. A note that is quiet until a later day closes without its installments.
//!
//! Invariant: a note closes a day once, and days in order: `accrued_through` only grows.
//! Invariant: what a day posts per funder and product is the sum of the differences of its notes' rounded totals.
//! Invariant: a day that is closed is in the installments' penalties at full precision, whether their rounded totals grew
//! or not.

use sycee_contract::{
    AssetDayClosed, BusinessDateAdvanced, CloseAssetDay, Date, InstallmentDueNotice, LoanId, OpenWorkOrder,
};
use sycee_money::{Currency, Money, MoneyError};
use sycee_runtime::{Handled, Work, entity};

use super::accrual::PageAccruals;
use super::error::NoteError;
use super::installments::LoanInstallments;
use super::note::{Accrual, Bucket, LoanNote};
use super::posting::announce_bucket;
use super::{accrual, days_between, plus_days};

/// Loans a page closes.
pub const PAGE: usize = 200;
/// Days before a due date on which the borrower is reminded.
pub const REMINDER_DAYS: i64 = 3;
const CLOSE: &str = "close-asset-day";

entity! {
    /// How far the daily close has come.
    pub struct AssetClose in "asset_close" of "asset-center" key name: String {
        /// Always `close-asset-day`: there is one close.
        name: String,
        /// The day being closed, if one is.
        closing: Option<Date>,
        /// Loans up to this one are closed for it.
        after_loan: Option<LoanId>,
        /// Pages of that day that are closed.
        page: u32,
        /// The last day that is closed for every loan.
        closed_through: Option<Date>,
        /// The last day that may be closed.
        target: Date,
    }
}

/// What closing a day did to a note.
#[derive(Clone, Debug, PartialEq)]
pub struct ClosedDay {
    /// Interest to post.
    pub accrual: Accrual,
    /// Penalty to post.
    pub penalty: Money,
    /// Bucket before and after, when it changed.
    pub bucket: Option<(Bucket, Bucket)>,
    /// Installments falling due the day after, or in some days: number, due date, days until it, what to pay by then.
    pub notices: Vec<(u32, Date, u32, Money)>,
}

impl LoanNote {
    /// Whether closing `date` has to look at the installments.
    pub fn needs_installments(&self, date: Date) -> bool {
        date >= self.quiet_until
    }

    /// Closes `date` on a day on which nothing but interest can change.
    ///
    /// Errors: `Overflow`, or currencies that differ.
    pub fn close_quiet_day(&mut self, date: Date) -> Result<Accrual, NoteError> {
        let accrual = self.earn(self.earned_to(date)?)?;
        self.accrued_through = date;
        self.charged_through = self.charged_through.max(date);
        Ok(accrual)
    }

    /// Closes `date`, and all days since the last closed one, with the installments at hand.
    ///
    /// Errors: `Broken` when the note and its installments do not fit together; what a calculation or an amount
    /// refuses.
    pub fn close_day(&mut self, lines: &mut LoanInstallments, date: Date) -> Result<ClosedDay, NoteError> {
        let currency = self.currency();
        self.roll_period(lines, date)?;
        let accrual = self.earn(self.earned_to(date)?)?;
        let penalty = lines.charge_penalties(self.charged_through, date, &self.rules, currency)?;
        self.penalty_accrued = self.penalty_accrued.checked_add(penalty)?;
        self.accrued_through = date;
        self.charged_through = self.charged_through.max(date);
        let bucket = self.age(lines, date)?;
        self.quiet_until = self.next_busy_day(lines, date)?;
        self.check(lines)?;
        Ok(ClosedDay { accrual, penalty, bucket, notices: notices(lines, plus_days(date, 1), currency)? })
    }

    /// The first day after `date` whose close has to look at the installments.
    ///
    /// Errors: amounts that do not fit together.
    pub fn next_busy_day(&self, lines: &LoanInstallments, date: Date) -> Result<Date, NoteError> {
        let tomorrow = plus_days(date, 1);
        if self.days_past_due > 0 {
            return Ok(tomorrow);
        }
        let mut busy = self.period.as_ref().map_or(Date::MAX, |period| plus_days(period.to, 1));
        if busy <= date {
            busy = Date::MAX;
        }
        for due in lines.dues()? {
            for days in [-1 - REMINDER_DAYS, -1, 1] {
                let day = plus_days(due.due_date, days);
                if day > date {
                    busy = busy.min(day);
                }
            }
        }
        Ok(busy)
    }
}

fn notices(
    lines: &LoanInstallments,
    opened: Date,
    currency: Currency,
) -> Result<Vec<(u32, Date, u32, Money)>, MoneyError> {
    let mut notices = Vec::new();
    for due in lines.dues()? {
        let in_days = days_between(opened, due.due_date);
        if in_days == 0 || in_days == REMINDER_DAYS {
            let amount = lines.due_through(due.due_date, currency)?;
            notices.push((due.nr, due.due_date, u32::try_from(in_days).unwrap_or(0), amount));
        }
    }
    Ok(notices)
}

/// Starts the close of every day that ended and is not closed yet.
///
/// Errors: a Fault when the database does not answer.
pub fn start_close(work: &mut Work, event: &BusinessDateAdvanced) -> Handled<()> {
    let target = plus_days(event.opened, -1);
    let mut close = work.get::<AssetClose>(CLOSE.to_owned())?.unwrap_or(AssetClose {
        name: CLOSE.to_owned(),
        closing: None,
        after_loan: None,
        page: 0,
        closed_through: None,
        target,
    });
    close.target = close.target.max(target);
    if close.closing.is_none() {
        let next = close.closed_through.map_or(event.closed, |closed| plus_days(closed, 1));
        close.closing = (next <= close.target).then_some(next);
        close.after_loan = None;
        close.page = 0;
    }
    schedule_page(work, &close);
    work.save(close);
    Ok(())
}

/// Closes a day for a page of loans, and goes on with the next page or the next day. The books hear of a day once, when
/// its last page is closed.
///
/// Errors: a Fault when a note is broken, or the database does not answer: the day stays open.
pub fn close_asset_day(work: &mut Work, cmd: &CloseAssetDay) -> Handled<()> {
    let Some(mut close) = work.get::<AssetClose>(CLOSE.to_owned())? else {
        return Ok(());
    };
    if cmd.date >= work.today() || close.closing != Some(cmd.date) || close.after_loan != cmd.after {
        return Ok(());
    }
    let page = work.find(LoanNote::by_open(true).after(cmd.after).limit(PAGE))?;
    let last = page.last().map(|note| note.loan);
    let is_last_page = page.len() < PAGE;
    let mut accruals = PageAccruals::default();
    for note in page {
        if note.accrued_through < cmd.date {
            close_note(work, note, cmd.date, &mut accruals)?;
        }
    }
    accruals.keep(work, cmd.date, close.page)?;
    if is_last_page {
        accrual::post_day(work, cmd.date)?;
        work.emit(AssetDayClosed { date: cmd.date });
        close.closed_through = Some(cmd.date);
        let next = plus_days(cmd.date, 1);
        close.closing = (next <= close.target).then_some(next);
        close.after_loan = None;
        close.page = 0;
    } else {
        close.after_loan = last;
        close.page += 1;
    }
    schedule_page(work, &close);
    work.save(close);
    Ok(())
}

fn schedule_page(work: &mut Work, close: &AssetClose) {
    if let Some(date) = close.closing {
        let now = work.now();
        work.at(now, CLOSE, CloseAssetDay { date, after: close.after_loan });
    }
}

/// Closes a day for one loan. A note whose figures do not fit stays as it was, with a work order: it must not keep every
/// loan after it from its close, and a later close catches up on the days it missed.
fn close_note(work: &mut Work, note: LoanNote, date: Date, accruals: &mut PageAccruals) -> Handled<()> {
    let before = if note.needs_installments(date) { work.read::<LoanInstallments>(note.loan)? } else { None };
    let loan = note.loan;
    let (note, lines, closed) = match closed(note, before.as_deref().cloned(), date) {
        Ok(closed) => closed,
        Err(error) => {
            work.send(OpenWorkOrder {
                kind: "note-not-closed".to_owned(),
                loan: Some(loan),
                text: format!(
                    "{date} is not closed for {loan}: {error}. Put the note right; the next close catches up."
                ),
                key: format!("note-not-closed-{loan}"),
            });
            return Ok(());
        }
    };
    accruals.add(&note, closed.accrual, closed.penalty);
    if let Some(lines) = lines {
        announce_bucket(work, &note, &lines, closed.bucket, date)?;
        if before.as_deref() != Some(&lines) {
            work.save(lines);
        }
    }
    let is_current = plus_days(date, 1) == work.today();
    for (nr, due_date, in_days, amount) in closed.notices {
        if in_days == 0 || is_current {
            work.emit(InstallmentDueNotice {
                loan: note.loan,
                customer: note.customer,
                funder: note.funder,
                nr,
                due_date,
                in_days,
                amount,
            });
        }
    }
    work.save(note);
    Ok(())
}

/// The note and its installments after the close of `date`.
fn closed(
    mut note: LoanNote,
    lines: Option<LoanInstallments>,
    date: Date,
) -> Result<(LoanNote, Option<LoanInstallments>, ClosedDay), NoteError> {
    if !note.needs_installments(date) {
        let (accrual, penalty) = (note.close_quiet_day(date)?, Money::zero(note.currency()));
        return Ok((note, None, ClosedDay { accrual, penalty, bucket: None, notices: Vec::new() }));
    }
    let mut lines = lines.ok_or_else(|| note.broken("it has no installments"))?;
    let closed = note.close_day(&mut lines, date)?;
    Ok((note, Some(lines), closed))
}
