//! Flows in time and the rate that balances them.
//!
//! Time is counted in ticks, a part of a year in which months, weeks and days are whole numbers; the unknown is the force
//! of interest `r = ln(1+X)`, in which a discount is `e^(-r t)`.
//!
//! Invariant: the root is searched between a rate of zero and one of 1e15 %, and Newton's steps never leave the bracket.

use rust_decimal::Decimal;
use sycee_money::{Date, Money};

use super::{CashFlow, Intervals};
use crate::{
    LoanMathError,
    exp::exp,
    schedule::{MonthEnd, add_days, add_months, days_between, split_by_year},
};

/// Parts of a year in which 1/12, 1/52, 1/365 and 1/366 are whole.
const TICKS_PER_YEAR: i64 = 3_473_340;

/// The largest force of interest searched: e^30 is a rate of about 1e15 %.
const FORCE_MAX: i64 = 30;

/// A flow as a share of what was drawn, positive when paid by the borrower, at its time in ticks.
pub(super) struct Timed {
    ticks: i64,
    share: Decimal,
}

pub(super) fn timed(
    flows: impl Iterator<Item = (CashFlow, Decimal)>,
    first: Date,
    intervals: Intervals,
    drawn: Money,
) -> Result<Vec<Timed>, LoanMathError> {
    let whole = drawn.precise().value();
    let mut timed = flows
        .map(|(flow, sign)| {
            let share = flow.amount.precise().value() / whole * sign;
            Ok(Timed { ticks: ticks(first, flow.date, intervals)?, share })
        })
        .collect::<Result<Vec<_>, LoanMathError>>()?;
    timed.sort_by_key(|flow| flow.ticks);
    Ok(timed)
}

fn ticks(first: Date, date: Date, intervals: Intervals) -> Result<i64, LoanMathError> {
    let (whole, reached) = match intervals {
        Intervals::ActualDays => (0, first),
        Intervals::EqualWeeks => {
            let weeks = i64::from(days_between(first, date)) / 7;
            (weeks * (TICKS_PER_YEAR / 52), add_days(first, weeks as u64 * 7)?)
        }
        Intervals::EqualMonths => {
            let months = whole_months(first, date)?;
            (months as i64 * (TICKS_PER_YEAR / 12), add_months(first, months, MonthEnd::Clamp)?)
        }
    };
    let days: i64 = split_by_year(reached, date).map(|(days, length)| days * (TICKS_PER_YEAR / length)).sum();
    Ok(whole + days)
}

fn whole_months(first: Date, date: Date) -> Result<u64, LoanMathError> {
    let apart =
        (i64::from(date.year()) - i64::from(first.year())) * 12 + i64::from(date.month()) - i64::from(first.month());
    let apart = apart.unsigned_abs();
    Ok(if add_months(first, apart, MonthEnd::Clamp)? > date { apart - 1 } else { apart })
}

/// The root `r = ln(1+X)` of `Σ shareᵢ e^(-r tᵢ)`: Newton's steps, kept inside a bracket by bisection.
pub(super) fn force_of_interest(flows: &[Timed]) -> Result<Decimal, LoanMathError> {
    let tolerance = Decimal::new(1, 22);
    let mut low = Decimal::ZERO;
    let mut high = Decimal::ONE;
    while present_value(flows, high)?.0 > Decimal::ZERO {
        if high >= Decimal::from(FORCE_MAX) {
            return Err(LoanMathError::out_of_range("the annual percentage rate"));
        }
        low = high;
        high = (high * Decimal::TWO).min(Decimal::from(FORCE_MAX));
    }
    let mut force = low;
    for _ in 0..200 {
        let (value, slope) = present_value(flows, force)?;
        if value.is_zero() {
            return Ok(force);
        }
        if value > Decimal::ZERO {
            low = force;
        } else {
            high = force;
        }
        let newton = if slope.is_zero() { None } else { value.checked_div(slope).map(|step| force - step) };
        let next = newton.filter(|guess| *guess >= low && *guess <= high).unwrap_or((low + high) / Decimal::TWO);
        if (next - force).abs() <= tolerance || high - low <= tolerance {
            return Ok(next);
        }
        force = next;
    }
    Ok(force)
}

/// `Σ share e^(-r t)` and its derivative by `r`; equal gaps between flows share one exponential.
fn present_value(flows: &[Timed], force: Decimal) -> Result<(Decimal, Decimal), LoanMathError> {
    let year = Decimal::from(TICKS_PER_YEAR);
    let (mut value, mut slope) = (Decimal::ZERO, Decimal::ZERO);
    let (mut discount, mut reached) = (Decimal::ONE, 0);
    let mut known = (0, Decimal::ONE);
    for flow in flows {
        let gap = flow.ticks - reached;
        if gap != known.0 {
            let exponent = force.checked_mul(Decimal::from(gap)).ok_or(LoanMathError::out_of_range("a discount"))?;
            known = (gap, exp(-exponent / year)?);
        }
        if gap != 0 {
            discount *= known.1;
        }
        reached = flow.ticks;
        let present = flow.share.checked_mul(discount).ok_or(LoanMathError::out_of_range("a present value"))?;
        value += present;
        slope -= present * (Decimal::from(flow.ticks) / year);
    }
    Ok((value, slope))
}

/// The natural logarithm of `growth` ≥ 1: the force that discounts it to one over one year.
pub(super) fn logarithm(growth: Decimal) -> Result<Decimal, LoanMathError> {
    let out = Timed { ticks: 0, share: Decimal::NEGATIVE_ONE };
    force_of_interest(&[out, Timed { ticks: TICKS_PER_YEAR, share: growth }])
}
