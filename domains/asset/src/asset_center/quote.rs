//! Due lists, and what a repayment would do: a normal one, an early settlement, a cancellation.
//!
//! An early settlement charges interest by the product's rule. Interest that was paid in advance beyond it is given back
//! against principal; it never turns into money. For money that was paid before it was heard of, the figures of an earlier
//! day hold: what was earned and charged since is given up when it is posted, of a normal repayment what its money was
//! charged for.
//!
//! Invariant: a quote's amount is what its parts pay; quoting changes nothing.
//! Invariant: figures of a day have the penalties of all days before it, whether the close of the last has run or not.

use std::collections::BTreeMap;

use sycee_contract::{
    Actor, AssetDueListQueried, CalculateEarlySettlement, CalculateLoanCancelRepayment, CalculateRepaymentPosting,
    Date, DueList, LoanDue, LoanId, LoanPosition, PostingParts, PostingQuote, QueryAssetDueList, QueryLoanPosition,
    Rejection, RepaymentKind, RepaymentPostingCalculated, SettlementFigures, SettlementInputs, SettlementInterest,
};
use sycee_money::Money;
use sycee_runtime::{Coded, Handled, Work, refusable};

use super::CustomerAssets;
use super::error::NoteError;
use super::installments::LoanInstallments;
use super::note::LoanNote;
use super::plus_days;
use crate::allocation::by_earning;

/// Why a repayment is not quoted.
#[derive(Debug, thiserror::Error)]
pub enum QuoteRejection {
    /// Somebody else's loan.
    #[error("loan {loan} is not a loan of this customer: check the loan id")]
    LoanNotYours {
        /// The loan.
        loan: LoanId,
    },
    /// Nothing to pay.
    #[error("{loan} has nothing due on {date}: name an amount to pay in advance, or settle the loan")]
    NothingDue {
        /// The loan.
        loan: LoanId,
        /// The business date.
        date: Date,
    },
    /// Too late to cancel.
    #[error("{loan} could be cancelled until {ended}: ask for an early settlement instead")]
    CoolingOffOver {
        /// The loan.
        loan: LoanId,
        /// Last day of the cooling-off time.
        ended: Date,
    },
    /// Too little to end the loan.
    #[error("{loan} is ended by {required}, {offered} is offered: pay the whole amount, or repay normally")]
    AmountBelowSettlement {
        /// The loan.
        loan: LoanId,
        /// What ends it.
        required: Money,
        /// What is offered.
        offered: Money,
    },
}

impl Coded for QuoteRejection {
    fn code(&self) -> &'static str {
        match self {
            Self::LoanNotYours { .. } => "LOAN_NOT_YOURS",
            Self::NothingDue { .. } => "NOTHING_DUE",
            Self::CoolingOffOver { .. } => "COOLING_OFF_OVER",
            Self::AmountBelowSettlement { .. } => "AMOUNT_BELOW_SETTLEMENT",
        }
    }

    fn details(&self) -> BTreeMap<String, String> {
        match self {
            Self::LoanNotYours { loan } => details([("loan", loan.to_string())]),
            Self::NothingDue { loan, date } => details([("loan", loan.to_string()), ("date", date.to_string())]),
            Self::CoolingOffOver { loan, ended } => details([("loan", loan.to_string()), ("ended", ended.to_string())]),
            Self::AmountBelowSettlement { loan, required, offered } => details([
                ("loan", loan.to_string()),
                ("required", required.to_string()),
                ("offered", offered.to_string()),
            ]),
        }
    }
}
refusable!(QuoteRejection);

fn details<const N: usize>(pairs: [(&str, String); N]) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// Lists what a customer owes.
///
/// Errors: a Fault when a note is broken, or the database does not answer.
pub fn query_due_list(work: &mut Work, query: &QueryAssetDueList) -> Handled<DueList> {
    let loans = work.get::<CustomerAssets>(query.customer)?.map(|assets| assets.loans.0).unwrap_or_default();
    let today = work.today();
    let mut list = DueList { loans: Vec::with_capacity(loans.len()) };
    for loan in loans {
        let (Some(note), Some(lines)) = (work.get::<LoanNote>(loan)?, work.get::<LoanInstallments>(loan)?) else {
            continue;
        };
        let lines = note.penalties_on(&lines, today)?;
        let installments = lines.dues()?;
        if installments.is_empty() {
            continue;
        }
        list.loans.push(LoanDue {
            loan,
            product: note.product.clone(),
            due_now: lines.due_through(today, note.currency())?,
            outstanding: lines.due_through(Date::MAX, note.currency())?,
            days_past_due: note.days_past_due,
            cooling_off_until: note.cooling_off_until(),
            installments,
        });
    }
    work.emit(AssetDueListQueried { customer: query.customer, list: list.clone() });
    Ok(list)
}

/// Tells where a loan stands.
///
/// Errors: `NOT_FOUND` when the loan has no note or no installments.
pub fn query_position(work: &mut Work, query: &QueryLoanPosition) -> Handled<LoanPosition> {
    let note = work.require::<LoanNote>(query.loan)?;
    let lines = work.require::<LoanInstallments>(query.loan)?;
    Ok(note.position(&lines, query.as_of.unwrap_or(work.today()))?)
}

/// Says what a repayment would do today, to the customer whose loan it is; also what it would have done on an earlier day.
/// A trial of a named amount is told by the service that calculates it.
///
/// Errors: `NOT_FOUND`, `LOAN_NOT_YOURS`, `NOTHING_DUE`; `INVALID_FIELD` for an amount or a day that cannot be; what the
/// calculation for this kind refuses.
pub fn calculate_posting(work: &mut Work, query: &CalculateRepaymentPosting) -> Handled<PostingQuote> {
    let note = work.require::<LoanNote>(query.loan)?;
    if note.customer != query.customer {
        return Err(QuoteRejection::LoanNotYours { loan: query.loan }.into());
    }
    let lines = work.require::<LoanInstallments>(query.loan)?;
    let currency = note.currency();
    let payable = |amount: Money| amount.is_positive() && amount.is_whole_minor() && amount.currency() == currency;
    if !query.amount.is_none_or(payable) {
        let rule = format!("must be more than zero, in whole minor units of {currency}");
        return Err(Rejection::invalid("amount", rule, "\"50.00\"").into());
    }
    let today = work.today();
    if query.as_of.is_some() && matches!(Actor::parse(work.actor()), Actor::Customer(_) | Actor::Guest | Actor::Nobody)
    {
        let rule = "figures of an earlier day are for money that was paid then, as its channel tells: leave it out";
        return Err(Rejection::invalid("asOf", rule, today).into());
    }
    let date = query.as_of.unwrap_or(today);
    if date > today || date < note.disbursed_on {
        let rule = format!("must be a day from {} to {today}", note.disbursed_on);
        return Err(Rejection::invalid("asOf", rule, today).into());
    }
    let charged = note.penalties_on(&lines, date)?;
    let due_now = charged.due_through(date, note.currency())?;
    let mut parts = match query.kind {
        RepaymentKind::Normal => normal(work, query, due_now)?,
        RepaymentKind::EarlySettlement => early_settlement(work, &note, &lines, query.amount, date)?,
        RepaymentKind::Cancel => cancellation(work, &note, &lines, query.amount, date)?,
    };
    parts.as_of = (date < today).then_some(date);
    let amount = parts.paid()?;
    let outstanding = charged.due_through(Date::MAX, note.currency())?;
    let ends = query.kind != RepaymentKind::Normal || amount.compare(outstanding)?.is_ge();
    let quote = PostingQuote {
        loan: note.loan,
        customer: note.customer,
        funder: note.funder,
        fund_account: note.fund_account,
        product: note.product.clone(),
        kind: query.kind,
        amount,
        parts,
        due_now,
        settles: ends && !note.is_settled(),
        as_of: date,
    };
    // What is told is shown and kept as today's figures: those of an earlier day are for who asked alone.
    if date == today && (query.kind != RepaymentKind::Normal || query.amount.is_none()) {
        work.emit(RepaymentPostingCalculated { quote: quote.clone() });
    }
    Ok(quote)
}

fn normal(work: &mut Work, query: &CalculateRepaymentPosting, due_now: Money) -> Handled<PostingParts> {
    let amount = query.amount.unwrap_or(due_now);
    if amount.is_zero() {
        return Err(QuoteRejection::NothingDue { loan: query.loan, date: work.today() }.into());
    }
    let contributions = work.consult(query)?;
    let Some((_, contribution)) = contributions.into_iter().next() else {
        return Err(NoteError::Broken { loan: query.loan, what: "nobody split its payment".to_owned() }.into());
    };
    Ok(contribution.parts)
}

fn early_settlement(
    work: &mut Work,
    note: &LoanNote,
    lines: &LoanInstallments,
    offered: Option<Money>,
    date: Date,
) -> Handled<PostingParts> {
    if note.is_settled() {
        return Err(QuoteRejection::NothingDue { loan: note.loan, date }.into());
    }
    let inputs = note.settlement_inputs(lines, date)?;
    let figures = work.ask(CalculateEarlySettlement { inputs })?;
    let parts = note.settlement_parts(lines, &figures, date)?;
    if parts.paid()?.is_zero() {
        return Err(QuoteRejection::NothingDue { loan: note.loan, date }.into());
    }
    Ok(with_surplus(note.loan, parts, offered)?)
}

fn cancellation(
    work: &mut Work,
    note: &LoanNote,
    lines: &LoanInstallments,
    offered: Option<Money>,
    date: Date,
) -> Handled<PostingParts> {
    let ended = note.cooling_off_until();
    if date > ended {
        return Err(QuoteRejection::CoolingOffOver { loan: note.loan, ended }.into());
    }
    let penalty = note.penalties_on(lines, date)?.sum(note.currency(), |line| line.penalty)?;
    if note.is_settled() || note.is_touched() || !penalty.is_zero() {
        let wanted = "a running note without payments and penalties";
        return Err(Rejection::unexpected_state("loan note", note.loan, note.status, wanted).into());
    }
    let inputs = note.settlement_inputs(lines, date)?;
    let figures = work.ask(CalculateLoanCancelRepayment { inputs })?;
    let parts = note.cancellation_parts(&figures)?;
    Ok(with_surplus(note.loan, parts, offered)?)
}

fn with_surplus(loan: LoanId, parts: PostingParts, offered: Option<Money>) -> Result<PostingParts, Rejection> {
    let required = parts.paid()?;
    let offered = offered.unwrap_or(required);
    let surplus = offered.checked_sub(required)?;
    if surplus.is_negative() {
        return Err(QuoteRejection::AmountBelowSettlement { loan, required, offered }.into());
    }
    Ok(PostingParts { surplus, ..parts })
}

impl LoanNote {
    /// Last day of the cooling-off time.
    pub fn cooling_off_until(&self) -> Date {
        plus_days(self.disbursed_on, i64::from(self.rules.cooling_off_days))
    }

    /// Where the loan stands on `date`, for the product's calculation.
    ///
    /// Errors: what a calculation or an amount refuses.
    pub fn settlement_inputs(&self, lines: &LoanInstallments, date: Date) -> Result<SettlementInputs, NoteError> {
        let owed = self.penalties_on(lines, date)?.totals(self.currency())?;
        let (to_the_day, to_period_end) = self.settlement_interest(lines, date)?;
        let nothing = Money::zero(self.currency());
        Ok(SettlementInputs {
            loan: self.loan,
            product: self.product.clone(),
            version: self.version,
            start: self.disbursed_on,
            principal: self.principal_outstanding,
            interest_accrued: to_the_day.checked_sub(self.interest_paid)?.max(nothing)?,
            interest_period_end: to_period_end.checked_sub(self.interest_paid)?.max(nothing)?,
            fee: owed.fee,
            penalty: owed.penalty,
            upfront_fee: self.upfront_fee,
            paid_before: self.is_touched(),
            as_of: date,
        })
    }

    /// The installments with the penalties of all days before `date`: without those charged since on what is still overdue,
    /// and with those of days whose close is still running.
    ///
    /// Errors: what a calculation or an amount refuses.
    pub fn penalties_on(&self, lines: &LoanInstallments, date: Date) -> Result<LoanInstallments, NoteError> {
        let (through, currency) = (plus_days(date, -1), self.currency());
        let mut lines = lines.clone().with_penalties_of(through, self.charged_through, &self.rules)?;
        lines.charge_penalties(self.charged_through, through, &self.rules, currency)?;
        Ok(lines)
    }

    /// The parts that settle the loan on `date`: the product's figures, less interest paid beyond what its rule charges.
    ///
    /// Errors: `Broken` when it charges other interest than is earned by a day that is not closed.
    pub fn settlement_parts(
        &self,
        lines: &LoanInstallments,
        figures: &SettlementFigures,
        date: Date,
    ) -> Result<PostingParts, NoteError> {
        let (to_the_day, to_period_end) = self.settlement_interest(lines, date)?;
        let charged = match self.rules.settlement_interest {
            SettlementInterest::ToTheDay => to_the_day,
            SettlementInterest::ToPeriodEnd => to_period_end,
        };
        let nothing = Money::zero(self.currency());
        let paid_beyond = self.interest_paid.checked_sub(charged)?.max(nothing)?;
        let interest_refund = paid_beyond.min(self.principal_outstanding)?;
        let (interest, interest_advance) = by_earning(figures.interest, self.interest_receivable()?)?;
        if date > self.accrued_through && interest != self.interest_receivable()? {
            return Err(self.broken(format!(
                "it is settled for {} of interest, {} is earned",
                interest,
                self.interest_receivable()?
            )));
        }
        Ok(PostingParts {
            principal: self.principal_outstanding.checked_sub(interest_refund)?,
            interest,
            interest_advance,
            fee: figures.fee,
            penalty: figures.penalty,
            interest_refund,
            ..PostingParts::nothing(self.currency())
        })
    }

    /// The parts that cancel the loan: its principal less the refunded fee; interest is given up as far as it is not charged.
    ///
    /// Errors: `Overflow`, or currencies that differ.
    pub fn cancellation_parts(&self, figures: &SettlementFigures) -> Result<PostingParts, NoteError> {
        let (interest, interest_advance) = by_earning(figures.interest, self.interest_receivable()?)?;
        Ok(PostingParts {
            principal: self.principal_outstanding.checked_sub(figures.fee_refund)?,
            interest,
            interest_advance,
            fee: figures.fee,
            penalty: figures.penalty,
            fee_refund: figures.fee_refund,
            interest_waived: self.interest_receivable()?.checked_sub(interest)?,
            ..PostingParts::nothing(self.currency())
        })
    }

    fn settlement_interest(&self, lines: &LoanInstallments, date: Date) -> Result<(Money, Money), NoteError> {
        let mut note = self.clone();
        note.roll_period(lines, date)?;
        Ok(note.earned_for_settlement(date)?)
    }
}
