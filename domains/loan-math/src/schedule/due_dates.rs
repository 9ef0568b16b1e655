//! Due dates: a start, a step, and what to do when a month lacks the day.
//!
//! Invariant: due dates rise strictly, and the due day of a month schedule returns after a shorter month.

use std::time::Duration;

use sycee_money::Date;

use super::{Every, LoanTerms, MonthEnd, Unit};
use crate::LoanMathError;

const DAY_SECONDS: u64 = 86_400;

/// All due dates of the terms, in order. Errors: what [`LoanTerms::validate`] refuses, `OutOfRange` past the year 9999.
pub fn due_dates(terms: &LoanTerms) -> Result<Vec<Date>, LoanMathError> {
    terms.validate()?;
    let natural_first = step(terms.start, terms.every, 1, terms.month_end)?;
    let (origin, steps_done) = match terms.first_due {
        Some(first) if first != natural_first => (first, 1),
        _ => (terms.start, 0),
    };
    (1..=terms.installments).map(|nr| step(origin, terms.every, nr - steps_done, terms.month_end)).collect()
}

/// `origin` plus `count` times `every`; the day of the month is `origin`'s.
pub(super) fn step(origin: Date, every: Every, count: u32, month_end: MonthEnd) -> Result<Date, LoanMathError> {
    let units = u64::from(every.n) * u64::from(count);
    match every.unit {
        Unit::Day => add_days(origin, units),
        Unit::Week => add_days(origin, units * 7),
        Unit::Month => add_months(origin, units, month_end),
    }
}

/// Calendar days from `from` to `to`.
pub(crate) fn days_between(from: Date, to: Date) -> i32 {
    (to.duration_since(from).as_secs() / DAY_SECONDS as i64) as i32
}

/// `date` plus `days`. Errors: `OutOfRange` past the year 9999.
pub(crate) fn add_days(date: Date, days: u64) -> Result<Date, LoanMathError> {
    date.checked_add(Duration::from_secs(days * DAY_SECONDS)).map_err(|_| out_of_range())
}

/// `date` plus `months`, the day clamped or rolled. Errors: `OutOfRange` past the year 9999.
pub(crate) fn add_months(date: Date, months: u64, month_end: MonthEnd) -> Result<Date, LoanMathError> {
    let month_index = i64::from(date.year()) * 12 + i64::from(date.month()) - 1 + months as i64;
    let year = i16::try_from(month_index.div_euclid(12)).map_err(|_| out_of_range())?;
    let month = month_index.rem_euclid(12) as i8 + 1;
    let first = Date::new(year, month, 1).map_err(|_| out_of_range())?;
    let length = first.days_in_month();
    if date.day() <= length {
        return add_days(first, date.day() as u64 - 1);
    }
    match month_end {
        MonthEnd::Clamp => add_days(first, length as u64 - 1),
        MonthEnd::Roll => add_days(first, length as u64),
    }
}

fn out_of_range() -> LoanMathError {
    LoanMathError::out_of_range("a due date")
}

#[cfg(test)]
mod tests {
    use sycee_money::{Currency, Money, Rate, date};

    use super::*;

    fn terms(start: Date, month_end: MonthEnd, first_due: Option<Date>, every: Every) -> LoanTerms {
        let principal = Money::from_units(10_000_000, Currency::GHS);
        LoanTerms {
            installments: 4,
            month_end,
            first_due,
            every,
            ..LoanTerms::monthly(principal, Rate::from_bps(1200), start)
        }
    }

    #[test]
    fn the_due_day_returns_after_a_short_month() {
        let clamped = due_dates(&terms(date(2025, 1, 31), MonthEnd::Clamp, None, Every::months(1))).unwrap();
        assert_eq!(clamped, [date(2025, 2, 28), date(2025, 3, 31), date(2025, 4, 30), date(2025, 5, 31)]);
        let rolled = due_dates(&terms(date(2025, 1, 31), MonthEnd::Roll, None, Every::months(1))).unwrap();
        assert_eq!(rolled, [date(2025, 3, 1), date(2025, 3, 31), date(2025, 5, 1), date(2025, 5, 31)]);
    }

    #[test]
    fn a_first_due_date_of_its_own_sets_the_day() {
        let own = Some(date(2025, 3, 5));
        let dates = due_dates(&terms(date(2025, 1, 31), MonthEnd::Clamp, own, Every::months(1))).unwrap();
        assert_eq!(dates, [date(2025, 3, 5), date(2025, 4, 5), date(2025, 5, 5), date(2025, 6, 5)]);
        let natural = Some(date(2025, 2, 28));
        let dates = due_dates(&terms(date(2025, 1, 31), MonthEnd::Clamp, natural, Every::months(1))).unwrap();
        assert_eq!(dates[1], date(2025, 3, 31));
    }

    #[test]
    fn weeks_and_days_are_calendar_days() {
        let dates = due_dates(&terms(date(2024, 2, 20), MonthEnd::Clamp, None, Every::weeks(2))).unwrap();
        assert_eq!(dates, [date(2024, 3, 5), date(2024, 3, 19), date(2024, 4, 2), date(2024, 4, 16)]);
        assert_eq!(days_between(date(2023, 12, 31), date(2024, 12, 31)), 366);
        assert!(due_dates(&terms(date(9999, 12, 1), MonthEnd::Clamp, None, Every::months(1))).is_err());
    }
}
