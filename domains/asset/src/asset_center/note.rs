//! The loan note: what a customer owes under a loan, and what of it is earned.
//!
//! The note carries the running period of its schedule, so that most days close without reading the installments.
//!
//! Invariant: interest receivable = max(0, accrued − paid); unearned interest = max(0, paid − accrued).
//! Invariant: principal outstanding is the principal that the installments ask for; it is never negative.
//! Invariant: a settled note is not open: nothing accrues on it.
//! Invariant: a day's penalty is charged once, by its close or by a payment that comes before it.

use serde::{Deserialize, Serialize};
use sycee_contract::{CustomerId, Date, DuePart, FundAccountId, LoanId, PartnerId, ProductTerms, SettlementInterest};
use sycee_money::{Currency, Decimal, Money, MoneyError, Rate, Rounding};
use sycee_runtime::{Json, entity, text_enum};

use super::days_between;
use super::error::NoteError;
use super::installments::LoanInstallments;

text_enum! {
    /// States of a loan note.
    pub enum NoteStatus {
        /// Paid out; its schedule is being made.
        AwaitingPlan,
        /// Scheduled; the loan is not reported as disbursed yet.
        Planned,
        /// Running, nothing overdue.
        Active,
        /// Something is past due.
        Overdue,
        /// Nothing is owed.
        Settled,
        /// Taken back in the cooling-off time.
        Cancelled,
    }
}

text_enum! {
    /// Delinquency buckets by days past due.
    pub enum Bucket {
        /// Nothing past due.
        Current,
        /// 1 to 30 days.
        Days1To30,
        /// 31 to 60 days.
        Days31To60,
        /// 61 to 90 days.
        Days61To90,
        /// More than 90 days.
        DaysOver90,
    }
}

impl Bucket {
    /// The bucket of so many days past due.
    pub fn of(days_past_due: u32) -> Self {
        match days_past_due {
            0 => Self::Current,
            1..=30 => Self::Days1To30,
            31..=60 => Self::Days31To60,
            61..=90 => Self::Days61To90,
            _ => Self::DaysOver90,
        }
    }

    /// The bucket as messages name it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Days1To30 => "1-30",
            Self::Days31To60 => "31-60",
            Self::Days61To90 => "61-90",
            Self::DaysOver90 => "90+",
        }
    }
}

/// The rules of its product version that a note is run by, for life.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NoteRules {
    /// Rounding to the minor unit.
    pub rounding: Rounding,
    /// Interest on overdue principal and interest, as a fraction a year of 365 days.
    pub penalty_rate: Rate,
    /// Days after the due date before a penalty runs.
    pub grace_days: u32,
    /// Days in which the borrower may cancel.
    pub cooling_off_days: u32,
    /// Interest on early settlement.
    pub settlement_interest: SettlementInterest,
    /// Order in which a payment covers an installment's parts.
    pub allocation: Vec<DuePart>,
}

impl From<&ProductTerms> for NoteRules {
    fn from(terms: &ProductTerms) -> Self {
        Self {
            rounding: terms.rounding,
            penalty_rate: terms.penalty_rate,
            grace_days: terms.grace_days,
            cooling_off_days: terms.cooling_off_days,
            settlement_interest: terms.settlement_interest,
            allocation: terms.allocation.clone(),
        }
    }
}

/// The period of the schedule that interest is running in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunningPeriod {
    /// Interest runs from the day after.
    pub from: Date,
    /// Interest runs to the end of this day.
    pub to: Date,
    /// Interest of the period.
    pub interest: Money,
    /// Interest of all periods before it.
    pub interest_before: Money,
}

entity! {
    /// A loan note.
    pub struct LoanNote in "loan_note" of "asset-center" key loan: LoanId {
        /// The loan.
        loan: LoanId,
        /// The customer.
        customer: CustomerId,
        /// Product code.
        product: String,
        /// Product version.
        version: u32,
        /// Who funded it.
        funder: PartnerId,
        /// From which account.
        fund_account: FundAccountId,
        /// State.
        status: NoteStatus,
        /// Whether the daily close visits it.
        is_open: bool,
        /// Principal lent.
        principal: Money,
        /// Principal not repaid.
        principal_outstanding: Money,
        /// Fee kept from the payout.
        upfront_fee: Money,
        /// Annual rate, as a fraction.
        annual_rate: Rate,
        /// Number of installments.
        term: u32,
        /// Interest booked as earned, in total.
        interest_accrued: Money,
        /// Interest paid, in total.
        interest_paid: Money,
        /// Installment fees paid, in total.
        fee_paid: Money,
        /// Penalties charged, in total.
        penalty_accrued: Money,
        /// Penalties paid, in total.
        penalty_paid: Money,
        /// Paid above what was owed, in total.
        surplus: Money,
        /// Days past due at the last close.
        days_past_due: u32,
        /// Most days past due in its life.
        worst_days_past_due: u32,
        /// Most days past due of what is paid by now.
        worst_of_paid: u32,
        /// Delinquency bucket at the last close.
        bucket: Bucket,
        /// The rules it is run by.
        rules: Json<NoteRules>,
        /// The period interest runs in; none until there is a schedule.
        period: Option<Json<RunningPeriod>>,
        /// Business date of the payout.
        disbursed_on: Date,
        /// The last day that is closed for it.
        accrued_through: Date,
        /// The last day whose penalties are charged: that of the last close, or a later one when money came before the next.
        charged_through: Date,
        /// Closes before this day need not look at the installments.
        quiet_until: Date,
        /// When nothing was owed any more.
        settled_on: Option<Date>,
    }
    index by_open(is_open: bool);
}

/// Interest to book for a day: what the borrower owes by it, and what was paid before it was earned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Accrual {
    /// Dr interest receivable.
    pub receivable: Money,
    /// Dr unearned interest.
    pub unearned: Money,
}

impl LoanNote {
    /// The currency of the loan.
    pub fn currency(&self) -> Currency {
        self.principal.currency()
    }

    /// Interest earned and not paid.
    ///
    /// Errors: `Overflow`, or currencies that differ.
    pub fn interest_receivable(&self) -> Result<Money, MoneyError> {
        self.interest_accrued.checked_sub(self.interest_paid)?.max(Money::zero(self.currency()))
    }

    /// Interest paid and not earned.
    ///
    /// Errors: `Overflow`, or currencies that differ.
    pub fn interest_unearned(&self) -> Result<Money, MoneyError> {
        self.interest_paid.checked_sub(self.interest_accrued)?.max(Money::zero(self.currency()))
    }

    /// Penalties charged and not paid.
    ///
    /// Errors: `Overflow`, or currencies that differ.
    pub fn penalty_receivable(&self) -> Result<Money, MoneyError> {
        self.penalty_accrued.checked_sub(self.penalty_paid)
    }

    /// Whether nothing is owed any more.
    pub fn is_settled(&self) -> bool {
        match self.status {
            NoteStatus::Settled | NoteStatus::Cancelled => true,
            NoteStatus::AwaitingPlan | NoteStatus::Planned | NoteStatus::Active | NoteStatus::Overdue => false,
        }
    }

    /// Whether money was ever posted to it.
    pub fn is_touched(&self) -> bool {
        [self.interest_paid, self.fee_paid, self.penalty_paid, self.surplus].iter().any(|paid| !paid.is_zero())
            || self.principal_outstanding != self.principal
    }

    /// Interest earned to the end of `date`: the periods before, and the running one in proportion to its days.
    ///
    /// Errors: `Overflow`, or currencies that differ.
    pub fn earned_to(&self, date: Date) -> Result<Money, MoneyError> {
        let Some(Json(period)) = &self.period else {
            return Ok(Money::zero(self.currency()));
        };
        let days = days_between(period.from, period.to).max(1);
        let elapsed = days_between(period.from, date).clamp(0, days);
        let share = period.interest.precise().mul_decimal(Decimal::from(elapsed))?.div_decimal(Decimal::from(days))?;
        period.interest_before.precise().checked_add(share)?.round(self.rules.rounding)
    }

    /// Interest that a settlement on `date` may charge in total: to the day, and to the end of the running period. For a
    /// day that is closed it is less than what is booked by now.
    ///
    /// Errors: `Overflow`, or currencies that differ.
    pub fn earned_for_settlement(&self, date: Date) -> Result<(Money, Money), MoneyError> {
        let earned = self.earned_to(date)?;
        let to_the_day = if date > self.accrued_through { earned.max(self.interest_accrued)? } else { earned };
        let to_period_end = match &self.period {
            Some(Json(period)) if date > self.disbursed_on => self.earned_to(period.to)?.max(to_the_day)?,
            _ => to_the_day,
        };
        Ok((to_the_day, to_period_end))
    }

    /// Books interest as earned up to `total`, and answers what has to be posted; a total below what is booked posts nothing.
    ///
    /// Errors: `Overflow`, or currencies that differ.
    pub fn earn(&mut self, total: Money) -> Result<Accrual, MoneyError> {
        let receivable_before = self.interest_receivable()?;
        let total = total.max(self.interest_accrued)?;
        let grown = total.checked_sub(self.interest_accrued)?;
        self.interest_accrued = total;
        let receivable = self.interest_receivable()?.checked_sub(receivable_before)?;
        Ok(Accrual { receivable, unearned: grown.checked_sub(receivable)? })
    }

    /// Makes the period that `date` lies in the running one; after the last period, the last one.
    ///
    /// Errors: `Broken` when there are no installments.
    pub fn roll_period(&mut self, lines: &LoanInstallments, date: Date) -> Result<(), NoteError> {
        let index = lines.lines.partition_point(|line| line.to < date).min(lines.lines.len().saturating_sub(1));
        let Some(line) = lines.lines.get(index) else {
            return Err(self.broken("it has no installments"));
        };
        self.period = Some(Json(RunningPeriod {
            from: line.from,
            to: line.to,
            interest: line.interest,
            interest_before: Money::sum(self.currency(), lines.lines[..index].iter().map(|line| line.interest))?,
        }));
        Ok(())
    }

    /// Refuses figures of the note and its installments that do not fit together.
    ///
    /// Errors: `Broken` names the figures that differ, are above the schedule or below zero.
    pub fn check(&self, lines: &LoanInstallments) -> Result<(), NoteError> {
        let currency = self.currency();
        let totals = lines.totals(currency)?;
        let pairs = [
            ("principal outstanding", self.principal_outstanding, totals.principal),
            ("interest paid", self.interest_paid, lines.sum(currency, |line| line.interest_paid)?),
            ("fee paid", self.fee_paid, lines.sum(currency, |line| line.fee_paid)?),
            ("penalty charged", self.penalty_accrued, lines.sum(currency, |line| line.penalty)?),
            ("penalty paid", self.penalty_paid, lines.sum(currency, |line| line.penalty_paid)?),
        ];
        for (what, note, installments) in pairs {
            if note != installments {
                return Err(self.broken(format!("{what} is {note} on the note, {installments} on its installments")));
            }
        }
        let scheduled = lines.sum(currency, |line| line.interest)?;
        if self.interest_accrued.compare(scheduled)?.is_gt() {
            return Err(
                self.broken(format!("interest earned {} is above the schedule's {scheduled}", self.interest_accrued))
            );
        }
        let figures =
            [totals.principal, totals.interest, totals.fee, totals.penalty, self.interest_accrued, self.surplus];
        if figures.iter().any(|figure| figure.is_negative()) {
            return Err(self.broken(format!("a figure is negative: {totals:?}")));
        }
        Ok(())
    }

    /// The error for a broken rule of this note.
    pub fn broken(&self, what: impl Into<String>) -> NoteError {
        NoteError::Broken { loan: self.loan, what: what.into() }
    }
}
