//! Money posted to the books is applied to the note, once per ledger entry.
//!
//! Invariant: an entry is applied once; what it paid is what the installments and the note received.
//! Invariant: when a loan is settled, everything paid as interest is earned: no interest stays receivable or unearned. What
//! was earned or charged after the day whose figures settle it is taken back.
//! Invariant: a payment finds the penalties of all days before the day on which it was paid. Those charged since on what it
//! pays are taken back; those of a day whose close is still running are charged.

use sycee_contract::{
    AccountingEntryPosted, AccountingEntryReversed, AssetPostingApplied, CustomerId, Date, EntryId, LedgerReference,
    LoanId, LoanPosition, OpenWorkOrder, OverdueBucketChanged, PostLedgerEvent, PostingId, PostingParts, Rejection,
    RepaymentKind, RepaymentOrderId, RepaymentSucceeded,
};
use sycee_loan_math::allocation::InstallmentPart;
use sycee_money::Money;
use sycee_runtime::{Handled, Json, Work, entity};

use super::error::NoteError;
use super::installments::LoanInstallments;
use super::note::{Accrual, Bucket, LoanNote, NoteStatus};
use super::{CustomerAssets, days_between, dimensions_of};
use crate::allocation::split_payment;

entity! {
    /// A posting of money to a loan note.
    pub struct RepaymentPosting in "repayment_posting" of "asset-center" key entry: EntryId {
        /// The ledger entry.
        entry: EntryId,
        /// The posting.
        posting: PostingId,
        /// The loan.
        loan: LoanId,
        /// The customer.
        customer: CustomerId,
        /// The order, when there was one.
        order_id: Option<RepaymentOrderId>,
        /// What for.
        kind: RepaymentKind,
        /// What was paid.
        amount: Money,
        /// How it was split.
        parts: Json<PostingParts>,
        /// How it was split over installments; none for a settlement or cancellation, which ends them all.
        lines: Json<Vec<InstallmentPart>>,
        /// Business date.
        posted_on: Date,
        /// The entry that reversed it, if one did.
        reversed_by: Option<EntryId>,
    }
    index by_loan(loan: LoanId);
}

/// What a posting did to a note.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// How it was split over installments.
    pub lines: Vec<InstallmentPart>,
    /// Installments it settled, by number.
    pub installments_settled: Vec<u32>,
    /// Whether it settled the loan.
    pub settled: bool,
    /// What the end of the loan makes earned of interest paid in advance, or takes back of interest earned since, to post.
    pub earned: Accrual,
    /// Penalties to charge for days whose close is still running; below zero those charged since the day on which it was
    /// paid, or whose figures end the loan, to take back.
    pub penalty_charged: Money,
    /// Bucket before and after, when it changed.
    pub bucket: Option<(Bucket, Bucket)>,
}

impl LoanNote {
    /// Where the loan stands, as the split of a payment on `date` needs it: with the penalties of all days before.
    ///
    /// Errors: what a calculation or an amount refuses.
    pub fn position(&self, lines: &LoanInstallments, date: Date) -> Result<LoanPosition, NoteError> {
        let installments = if self.is_settled() { Vec::new() } else { self.penalties_on(lines, date)?.dues()? };
        Ok(LoanPosition {
            loan: self.loan,
            customer: self.customer,
            funder: self.funder,
            fund_account: self.fund_account,
            product: self.product.clone(),
            allocation: self.rules.allocation.clone(),
            interest_receivable: self.interest_receivable()?,
            installments,
        })
    }

    /// Applies the parts of a payment to the note and its installments, on a business date; it was paid on that of the parts,
    /// if they name one.
    ///
    /// Errors: `Broken` when the parts are not what the note's position gives, or leave figures that do not fit.
    pub fn apply(
        &mut self,
        lines: &mut LoanInstallments,
        kind: RepaymentKind,
        parts: &PostingParts,
        on: Date,
    ) -> Result<Applied, NoteError> {
        let was_settled = self.is_settled();
        let kind = if was_settled { RepaymentKind::Normal } else { kind };
        let nothing = Money::zero(self.currency());
        let paid_on = parts.as_of.unwrap_or(on);
        let oldest = lines.oldest_unpaid()?;
        let (allocated, installments_settled, penalty_charged) = match kind {
            RepaymentKind::Normal => self.pay_installments(lines, parts, paid_on)?,
            RepaymentKind::EarlySettlement | RepaymentKind::Cancel => {
                let penalty_charged = self.end_penalties(lines, parts, on)?;
                (Vec::new(), self.end_installments(lines, parts)?, penalty_charged)
            }
        };
        if lines.oldest_unpaid()? != oldest {
            self.worst_of_paid = self.worst_of_paid.max(days_late(oldest, super::plus_days(paid_on, -1)));
        }
        let booked = self.interest_booked(parts)?;
        self.receive(parts)?;

        let mut applied = Applied {
            lines: allocated,
            installments_settled,
            settled: false,
            earned: Accrual { receivable: nothing, unearned: nothing },
            penalty_charged,
            bucket: None,
        };
        if !was_settled && lines.dues()?.is_empty() {
            applied.settled = true;
            applied.earned = self.end(kind, booked, on)?;
        }
        applied.bucket = self.age(lines, self.accrued_through)?;
        self.check(lines)?;
        Ok(applied)
    }

    /// Pays installments as they stood on the day of the payment, charges what stays overdue for the days since, and answers
    /// the split, the numbers of the installments it settled, and by how much penalties grew.
    fn pay_installments(
        &mut self,
        lines: &mut LoanInstallments,
        parts: &PostingParts,
        paid_on: Date,
    ) -> Result<(Vec<InstallmentPart>, Vec<u32>, Money), NoteError> {
        let currency = self.currency();
        let split = split_payment(parts.paid()?, &self.position(lines, paid_on)?)?;
        let asked = PostingParts { as_of: parts.as_of, ..split.parts };
        if asked != *parts {
            return Err(self.broken(format!("it takes {asked:?}, the entry posted {parts:?}")));
        }
        if self.is_settled() {
            return Ok((split.lines, Vec::new(), Money::zero(currency)));
        }
        let charged = lines.sum(currency, |line| line.penalty)?;
        let mut paid = self.penalties_on(lines, paid_on)?;
        let settled = paid.pay(&split.lines)?;
        let before = super::plus_days(paid_on, -1);
        self.charged_through = self.charged_through.max(before);
        paid.charge_penalties(before, self.charged_through, &self.rules, currency)?;
        let grown = paid.sum(currency, |line| line.penalty)?.checked_sub(charged)?;
        self.penalty_accrued = self.penalty_accrued.checked_add(grown)?;
        *lines = paid;
        Ok((split.lines, settled, grown))
    }

    fn end_installments(&self, lines: &mut LoanInstallments, parts: &PostingParts) -> Result<Vec<u32>, NoteError> {
        let owed = lines.totals(self.currency())?;
        let ends = [(parts.principal_covered()?, owed.principal), (parts.fee, owed.fee), (parts.penalty, owed.penalty)];
        if ends.iter().any(|(posted, asked)| posted != asked) {
            return Err(self.broken(format!("{parts:?} does not end {owed:?}")));
        }
        Ok(lines.settle(self.interest_after(parts)?)?)
    }

    /// Makes the penalties those of the figures that end the loan, and answers by how much they grew: what was charged after
    /// their day is taken back, what the close of yesterday has not charged yet is charged.
    fn end_penalties(
        &mut self,
        lines: &mut LoanInstallments,
        parts: &PostingParts,
        on: Date,
    ) -> Result<Money, NoteError> {
        let currency = self.currency();
        let missing = parts.penalty.checked_sub(lines.totals(currency)?.penalty)?;
        let grown = if missing.is_positive() {
            lines.charge_penalties(self.charged_through, super::plus_days(on, -1), &self.rules, currency)?
        } else {
            lines.waive_penalties(missing.checked_neg()?)?;
            missing
        };
        self.penalty_accrued = self.penalty_accrued.checked_add(grown)?;
        Ok(grown)
    }

    /// What the books have as interest receivable and unearned of this note once `parts` are posted.
    fn interest_booked(&self, parts: &PostingParts) -> Result<Accrual, NoteError> {
        let receivable = self.interest_receivable()?.checked_sub(parts.interest)?.checked_sub(parts.interest_waived)?;
        let unearned = self.interest_unearned()?.checked_add(parts.interest_advance)?;
        Ok(Accrual { receivable, unearned: unearned.checked_sub(parts.interest_refund)? })
    }

    fn interest_after(&self, parts: &PostingParts) -> Result<Money, NoteError> {
        let paid = self.interest_paid.checked_add(parts.interest)?.checked_add(parts.interest_advance)?;
        Ok(paid.checked_sub(parts.interest_refund)?)
    }

    fn receive(&mut self, parts: &PostingParts) -> Result<(), NoteError> {
        self.interest_paid = self.interest_after(parts)?;
        self.interest_accrued = self.interest_accrued.checked_sub(parts.interest_waived)?;
        self.principal_outstanding = self.principal_outstanding.checked_sub(parts.principal_covered()?)?;
        self.fee_paid = self.fee_paid.checked_add(parts.fee)?;
        self.penalty_paid = self.penalty_paid.checked_add(parts.penalty)?;
        self.surplus = self.surplus.checked_add(parts.surplus)?;
        Ok(())
    }

    /// Ends the note, and answers what makes the interest that was paid the interest that is earned, of what is `booked`.
    fn end(&mut self, kind: RepaymentKind, booked: Accrual, on: Date) -> Result<Accrual, NoteError> {
        let gives_up = kind == RepaymentKind::EarlySettlement;
        if !gives_up && self.interest_accrued.compare(self.interest_paid)?.is_gt() {
            let (accrued, paid) = (self.interest_accrued, self.interest_paid);
            return Err(self.broken(format!("it ends with {accrued} of interest earned and {paid} paid")));
        }
        self.status = if kind == RepaymentKind::Cancel { NoteStatus::Cancelled } else { NoteStatus::Settled };
        self.is_open = false;
        self.settled_on = Some(on);
        self.interest_accrued = self.interest_paid;
        Ok(Accrual { receivable: booked.receivable.checked_neg()?, unearned: booked.unearned })
    }

    /// Sets days past due, bucket and state as of `date`, and answers the buckets when they differ.
    ///
    /// Errors: amounts that do not fit together.
    pub fn age(&mut self, lines: &LoanInstallments, date: Date) -> Result<Option<(Bucket, Bucket)>, NoteError> {
        let days = days_late(lines.oldest_unpaid()?, date);
        self.days_past_due = days;
        // What is oldest gets older every day, until a payment ends it.
        self.worst_days_past_due = self.worst_of_paid.max(days);
        self.status = match self.status {
            NoteStatus::Active | NoteStatus::Overdue if days > 0 => NoteStatus::Overdue,
            NoteStatus::Active | NoteStatus::Overdue => NoteStatus::Active,
            ended @ (NoteStatus::AwaitingPlan | NoteStatus::Planned | NoteStatus::Settled | NoteStatus::Cancelled) => {
                ended
            }
        };
        let before = std::mem::replace(&mut self.bucket, Bucket::of(days));
        Ok((before != self.bucket).then_some((before, self.bucket)))
    }
}

/// Days from a due date to `date`; none before it, or without one.
fn days_late(due_date: Option<Date>, date: Date) -> u32 {
    due_date.map_or(0, |due_date| u32::try_from(days_between(due_date, date)).unwrap_or(0))
}

/// Applies a posted repayment or cancellation to its note.
///
/// Errors: `NOT_FOUND` when the note has no installments; a Fault when the parts do not fit the note.
pub fn apply_posting(work: &mut Work, event: &AccountingEntryPosted) -> Handled<()> {
    if !matches!(event.template.as_str(), "repayment-received" | "loan-cancelled") {
        return Ok(());
    }
    let (Some(loan), Some(parts)) = (event.reference.loan, &event.reference.parts) else {
        return Ok(());
    };
    if work.get::<RepaymentPosting>(event.entry)?.is_some() {
        return Ok(());
    }
    let Some(mut note) = work.get::<LoanNote>(loan)? else {
        work.send(OpenWorkOrder {
            kind: "posting-without-note".to_owned(),
            loan: Some(loan),
            text: format!(
                "{} posts money to {loan}, which has no note: find the loan it belongs to and correct the entry",
                event.entry
            ),
            key: format!("posting-without-note-{}", event.entry),
        });
        return Ok(());
    };
    let mut lines = work.require::<LoanInstallments>(loan)?;
    let kind = event.reference.repayment.unwrap_or(RepaymentKind::Normal);
    let today = work.today();
    let applied = note.apply(&mut lines, kind, parts, today)?;
    let amount = parts.paid().map_err(NoteError::from)?;
    let posting = RepaymentPosting {
        entry: event.entry,
        posting: work.new_id(),
        loan,
        customer: note.customer,
        order_id: event.reference.order,
        kind,
        amount,
        parts: Json(parts.clone()),
        lines: Json(applied.lines.clone()),
        posted_on: today,
        reversed_by: None,
    };
    if applied.settled {
        forget_settled(work, &note)?;
    }
    announce(work, &note, &lines, &posting, &applied)?;
    work.save(posting);
    work.save(note);
    work.save(lines);
    Ok(())
}

fn announce(
    work: &mut Work,
    note: &LoanNote,
    lines: &LoanInstallments,
    posting: &RepaymentPosting,
    applied: &Applied,
) -> Handled<()> {
    work.emit(AssetPostingApplied {
        posting: posting.posting,
        loan: note.loan,
        customer: note.customer,
        order: posting.order_id,
        entry: posting.entry,
        kind: posting.kind,
        amount: posting.amount,
        parts: posting.parts.0.clone(),
        principal_outstanding: note.principal_outstanding,
        installments_settled: applied.installments_settled.clone(),
        settled: applied.settled,
    });
    work.emit(RepaymentSucceeded {
        posting: posting.posting,
        loan: note.loan,
        customer: note.customer,
        funder: note.funder,
        fund_account: note.fund_account,
        order: posting.order_id,
        kind: posting.kind,
        amount: posting.amount,
        parts: posting.parts.0.clone(),
        principal_outstanding: note.principal_outstanding,
        settled: applied.settled,
        worst_days_past_due: note.worst_days_past_due,
    });
    announce_bucket(work, note, lines, applied.bucket, note.accrued_through)?;
    let Accrual { receivable, unearned } = applied.earned;
    let interest = [("interest-receivable", receivable), ("interest-unearned", unearned)];
    let text =
        if applied.settled { format!("{} settled", note.loan) } else { format!("{} {}", note.loan, posting.posting) };
    post_accrual(work, note, posting, ("interest-accrued", text.as_str()), &interest);
    post_accrual(work, note, posting, ("penalty-accrued", text.as_str()), &[("penalty", applied.penalty_charged)]);
    Ok(())
}

/// Books what a payment changes of what was accrued on its loan.
fn post_accrual(
    work: &mut Work,
    note: &LoanNote,
    posting: &RepaymentPosting,
    (template, text): (&str, &str),
    amounts: &[(&str, Money)],
) {
    if amounts.iter().all(|(_, amount)| amount.is_zero()) {
        return;
    }
    work.send(PostLedgerEvent {
        template: template.to_owned(),
        reference: LedgerReference {
            loan: Some(note.loan),
            order: posting.order_id,
            repayment: None,
            parts: None,
            text: text.to_owned(),
        },
        amounts: amounts.iter().map(|(name, amount)| ((*name).to_owned(), *amount)).collect(),
        dimensions: dimensions_of(note.funder, &note.product),
        date: posting.posted_on,
    });
}

/// Tells a change of bucket, with what is past due on `date`.
///
/// Errors: a Fault when amounts do not fit together.
pub fn announce_bucket(
    work: &mut Work,
    note: &LoanNote,
    lines: &LoanInstallments,
    change: Option<(Bucket, Bucket)>,
    date: Date,
) -> Handled<()> {
    let Some((from, to)) = change else {
        return Ok(());
    };
    let yesterday = super::plus_days(date, -1);
    work.emit(OverdueBucketChanged {
        loan: note.loan,
        customer: note.customer,
        days_past_due: note.days_past_due,
        from: from.label().to_owned(),
        to: to.label().to_owned(),
        overdue: lines.due_through(yesterday, note.currency()).map_err(NoteError::from)?,
    });
    Ok(())
}

fn forget_settled(work: &mut Work, note: &LoanNote) -> Handled<()> {
    if let Some(mut assets) = work.get::<CustomerAssets>(note.customer)? {
        assets.loans.0.retain(|loan| *loan != note.loan);
        work.save(assets);
    }
    Ok(())
}

/// A borrower's credit left the note: it was paid back, or pays another loan. More than the note has refuses the entry.
///
/// Errors: `NOT_FOUND` when the loan has no note, `INVALID_FIELD` when the note has less.
pub fn give_credit_back(work: &mut Work, event: &AccountingEntryPosted) -> Handled<()> {
    if !matches!(event.template.as_str(), "suspense-paid-back" | "suspense-rematched") {
        return Ok(());
    }
    let Some(loan) = event.reference.loan else { return Ok(()) };
    let mut note = work.require::<LoanNote>(loan)?;
    let amount = Money::sum(note.currency(), event.lines.iter().map(|line| line.amount))?;
    let left = note.surplus.checked_sub(amount)?;
    if left.is_negative() {
        let rule = format!("{loan} has a credit of {}", note.surplus);
        return Err(Rejection::invalid("amount", rule, note.surplus).into());
    }
    note.surplus = left;
    work.save(note);
    Ok(())
}

/// Marks the posting of a reversed entry and asks people to put the note right: a note is not replayed by itself.
///
/// Errors: a Fault when the database does not answer.
pub fn mark_reversed(work: &mut Work, event: &AccountingEntryReversed) -> Handled<()> {
    let Some(mut posting) = work.get::<RepaymentPosting>(event.reverses)? else {
        return Ok(());
    };
    if posting.reversed_by.is_some() {
        return Ok(());
    }
    posting.reversed_by = Some(event.entry);
    work.send(OpenWorkOrder {
        kind: "posting-reversed".to_owned(),
        loan: Some(posting.loan),
        text: format!(
            "{} reverses the entry of {}: the note of {} still counts {} as paid; post the payment again or correct the note",
            event.entry, posting.posting, posting.loan, posting.amount
        ),
        key: format!("posting-reversed-{}", posting.posting),
    });
    work.save(posting);
    Ok(())
}
