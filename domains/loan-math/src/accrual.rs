//! Interest earned day by day on a schedule.
//!
//! A period's interest is earned over its days in proportion; under an actual year, a day of a leap year weighs 1/366 and
//! another 1/365. What is posted for a day is the difference of two rounded cumulative totals, so rounding never drifts.
//!
//! Invariant: earned interest starts at zero, never falls, and is the schedule's total interest from the last due date on.
//! Invariant: for any rounding, the daily accruals from the start to the last due date sum to the total interest.

use rust_decimal::Decimal;
use sycee_money::{Date, DayCount, Money, Precise, Rounding};

use crate::{
    LoanMathError,
    schedule::{DayBasis, DaysInYear, Period, Schedule, days_between, split_by_year},
};

/// Interest earned from the start (excluded) to the end of `date` (included), at full precision.
///
/// Errors: `Money` when the sum is out of range.
pub fn earned_to(schedule: &Schedule, date: Date) -> Result<Precise, LoanMathError> {
    let currency = schedule.principal.currency();
    let finished = schedule.periods.partition_point(|period| period.due_date <= date);
    let whole = Money::sum(currency, schedule.periods[..finished].iter().map(|period| period.interest))?.precise();
    match schedule.periods.get(finished) {
        Some(period) if date > period.from => {
            Ok(whole.checked_add(earned_inside(schedule.day_basis, period, date)?)?)
        }
        _ => Ok(whole),
    }
}

/// Interest to post for one day: the rounded total at its end less the rounded total the evening before.
///
/// Errors: `Money` when a sum is out of range; `OutOfRange` on the first day of the calendar.
pub fn daily_accrual(schedule: &Schedule, date: Date, rounding: Rounding) -> Result<Money, LoanMathError> {
    let yesterday = date.yesterday().map_err(|_| LoanMathError::out_of_range("the day before"))?;
    accrual_between(schedule, yesterday, date, rounding)
}

/// Interest to post for the days after `from` up to `to`: what [`daily_accrual`] sums to over them.
///
/// Errors: `Invalid` when `to` is before `from`; `Money` when a sum is out of range.
pub fn accrual_between(schedule: &Schedule, from: Date, to: Date, rounding: Rounding) -> Result<Money, LoanMathError> {
    if to < from {
        return Err(LoanMathError::invalid("to", "must not be before from", "\"2026-02-01\" for \"2026-01-31\""));
    }
    let before = earned_to(schedule, from)?.round(rounding)?;
    Ok(earned_to(schedule, to)?.round(rounding)?.checked_sub(before)?)
}

fn earned_inside(basis: DayBasis, period: &Period, date: Date) -> Result<Precise, LoanMathError> {
    let (elapsed, whole) = match basis {
        DayBasis::Calendar { days_in_year: DaysInYear::Actual, .. } => {
            (actual_weight(period.from, date), actual_weight(period.from, period.due_date))
        }
        DayBasis::Convention(convention @ (DayCount::Thirty360Us | DayCount::Thirty360European)) => {
            (convention.days(period.from, date).into(), convention.days(period.from, period.due_date).into())
        }
        DayBasis::Convention(DayCount::ActActIsda) => {
            (isda_weight(period.from, date), isda_weight(period.from, period.due_date))
        }
        DayBasis::Calendar { .. } | DayBasis::Convention(_) => {
            (days_between(period.from, date).into(), days_between(period.from, period.due_date).into())
        }
    };
    if whole <= 0 {
        return Ok(Precise::zero(period.interest.currency()));
    }
    let share = elapsed.clamp(0, whole);
    let earned = period.interest.precise().mul_decimal(Decimal::from(share))?;
    Ok(earned.div_decimal(Decimal::from(whole))?)
}

/// Days weighed by the length of their year, on the common denominator 365 × 366.
fn actual_weight(from: Date, to: Date) -> i64 {
    split_by_year(from, to).map(|(days, year_days)| days * (365 * 366 / year_days)).sum()
}

fn isda_weight(from: Date, to: Date) -> i64 {
    let years = DayCount::ActActIsda.year_fraction(from, to);
    years.num() * (365 * 366 / years.den())
}

#[cfg(test)]
mod tests {
    use sycee_money::{Currency, Rate, date};

    use super::*;
    use crate::schedule::{DaysInMonth, LoanTerms, build};

    fn schedule(start: Date, day_basis: DayBasis) -> Schedule {
        let principal = Money::parse("5000.00", Currency::GHS).unwrap();
        let monthly = LoanTerms::monthly(principal, Rate::from_percent_str("12").unwrap(), start);
        build(&LoanTerms { day_basis, installments: 6, ..monthly }).unwrap()
    }

    fn actual() -> DayBasis {
        DayBasis::Calendar { days_in_month: DaysInMonth::Actual, days_in_year: DaysInYear::Actual }
    }

    #[test]
    fn the_first_day_earns_its_part_of_a_year() {
        // Apache Fineract, LoanAccrualTransaction.feature:121: 5000 × 12 % ÷ 365 is 1.64.
        let schedule = schedule(date(2023, 1, 1), actual());
        let accrued = |day| daily_accrual(&schedule, day, Rounding::HalfEven).unwrap().to_decimal_string();
        assert_eq!(accrued(date(2023, 1, 1)), "0.00");
        assert_eq!(accrued(date(2023, 1, 2)), "1.64");
        assert_eq!(accrued(date(2023, 7, 2)), "0.00");
    }

    #[test]
    fn a_day_of_a_leap_year_weighs_less() {
        let schedule = schedule(date(2023, 12, 12), actual());
        let earned = earned_to(&schedule, date(2023, 12, 31)).unwrap().round(Rounding::HalfEven).unwrap();
        // 50.91 × (19/365) ÷ (19/365 + 12/366); plain days would give 31.20.
        assert_eq!(earned.to_decimal_string(), "31.24");
        assert_eq!(schedule.periods[0].interest.to_decimal_string(), "50.91");
    }

    #[test]
    fn months_of_thirty_days_earn_nothing_on_the_31st() {
        let schedule = schedule(date(2023, 3, 1), DayBasis::Convention(DayCount::Thirty360European));
        let day = |day| accrual_between(&schedule, date(2023, 3, 1), day, Rounding::HalfEven).unwrap();
        assert_eq!(day(date(2023, 3, 30)), day(date(2023, 3, 31)));
        assert_eq!(day(date(2023, 4, 1)), schedule.periods[0].interest);
        assert!(accrual_between(&schedule, date(2023, 4, 1), date(2023, 3, 1), Rounding::HalfEven).is_err());
    }
}
