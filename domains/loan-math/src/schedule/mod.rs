//! The repayment schedule: what is planned when a loan is sold.
//!
//! Equal installments follow the progressive annuity: with rate factors `rf`, `fn₁ = 1` and
//! `fnₖ = 1 + fnₖ₋₁ · (1 + rfₖ)`, the installment is `P · Π(1 + rf) ÷ fn`. Interest is rounded each period; the last
//! installment takes what is left. When it ends more than `⌊n/2⌋` minor units away from the others, the installment plus
//! the gap over `n` is tried once and kept if the gap shrinks.
//!
//! Invariant: principal parts sum to the principal and balances fall to zero.
//! Invariant: interest, principal and balance are whole minor units and never negative.
//! Invariant: `emi` = interest + principal, and the totals are the sums of the periods.

mod amortize;
mod due_dates;
mod rate_factors;
mod terms;

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sycee_money::{Date, Money};

pub use due_dates::due_dates;
pub(crate) use due_dates::{add_days, add_months, days_between};
pub(crate) use rate_factors::split_by_year;
use rate_factors::{Span, rate_factor};
pub use terms::{
    DayBasis, DaysInMonth, DaysInYear, Every, INSTALLMENTS_MAX, InterestPeriod, LoanTerms, Method, MonthEnd,
    PRECISION_DEFAULT, Unit,
};

use crate::LoanMathError;
use amortize::{Part, amortize};

/// A plan of installments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Schedule {
    /// What is lent.
    pub principal: Money,
    /// The day interest starts from.
    pub start: Date,
    /// How interest inside a period spreads over its days.
    pub day_basis: DayBasis,
    /// The installments, by due date.
    pub periods: Vec<Period>,
    /// The sum of all interest.
    pub total_interest: Money,
    /// Principal and interest together.
    pub total_due: Money,
}

/// One installment and the period before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Period {
    /// Number of the installment, from 1.
    pub nr: u32,
    /// The due date before, or the start; interest runs from the day after it.
    pub from: Date,
    /// The day the installment is due; interest runs to the end of it.
    pub due_date: Date,
    /// Calendar days from `from` to `due_date`.
    pub days: u32,
    /// Total due: interest and principal.
    pub emi: Money,
    /// What one unit of balance earns in the period.
    #[serde(with = "decimal_text")]
    #[schemars(with = "String")]
    pub rate_factor: Decimal,
    /// Interest due.
    pub interest: Money,
    /// Principal due.
    pub principal: Money,
    /// Principal left after this installment.
    pub balance: Money,
}

/// Builds the schedule on the due dates of the terms.
///
/// Errors: what [`LoanTerms::validate`] refuses; `OutOfRange` and `Money` for amounts, rates or dates too large.
pub fn build(terms: &LoanTerms) -> Result<Schedule, LoanMathError> {
    let dates = due_dates(terms)?;
    on_dates(terms, &dates, &dates)
}

/// Builds the schedule on due dates that were moved, for example to business days; interest follows the moved dates.
///
/// Errors: as [`build`], and `Invalid` unless there is one rising date after `start` for each installment.
pub fn build_on_dates(terms: &LoanTerms, moved: &[Date]) -> Result<Schedule, LoanMathError> {
    let natural = due_dates(terms)?;
    let rising = moved.windows(2).all(|pair| pair[0] < pair[1]);
    if moved.len() != natural.len() || !rising || moved[0] <= terms.start {
        return Err(LoanMathError::invalid(
            "due_dates",
            "must hold one date for each installment, rising, all after start",
            "[\"2026-02-05\", \"2026-03-05\"] for two installments",
        ));
    }
    on_dates(terms, moved, &natural)
}

fn on_dates(terms: &LoanTerms, dates: &[Date], natural: &[Date]) -> Result<Schedule, LoanMathError> {
    let spans = spans(terms, dates, natural)?;
    let factors = spans.iter().map(|span| rate_factor(terms, *span)).collect::<Result<Vec<_>, _>>()?;
    let parts = amortize(terms, &factors)?;
    assemble(terms, &spans, &factors, &parts)
}

fn spans(terms: &LoanTerms, dates: &[Date], natural: &[Date]) -> Result<Vec<Span>, LoanMathError> {
    let first_is_natural = natural[0] == due_dates::step(terms.start, terms.every, 1, terms.month_end)?;
    let mut spans = Vec::with_capacity(dates.len());
    for (index, to) in dates.iter().enumerate() {
        let (from, from_is_natural) = match index {
            0 => (terms.start, first_is_natural),
            _ => (dates[index - 1], dates[index - 1] == natural[index - 1]),
        };
        spans.push(Span { from, to: *to, regular: from_is_natural && *to == natural[index] });
    }
    Ok(spans)
}

fn assemble(terms: &LoanTerms, spans: &[Span], factors: &[Decimal], parts: &[Part]) -> Result<Schedule, LoanMathError> {
    let mut balance = terms.principal;
    let mut periods = Vec::with_capacity(parts.len());
    for (index, ((span, factor), part)) in spans.iter().zip(factors).zip(parts).enumerate() {
        balance = balance.checked_sub(part.principal)?;
        periods.push(Period {
            nr: index as u32 + 1,
            from: span.from,
            due_date: span.to,
            days: days_between(span.from, span.to).unsigned_abs(),
            emi: part.interest.checked_add(part.principal)?,
            rate_factor: *factor,
            interest: part.interest,
            principal: part.principal,
            balance,
        });
    }
    let total_interest = Money::sum(terms.principal.currency(), parts.iter().map(|part| part.interest))?;
    Ok(Schedule {
        principal: terms.principal,
        start: terms.start,
        day_basis: terms.day_basis,
        periods,
        total_interest,
        total_due: terms.principal.checked_add(total_interest)?,
    })
}

mod decimal_text {
    use std::borrow::Cow;

    use rust_decimal::Decimal;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(value: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
        Cow::<str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
