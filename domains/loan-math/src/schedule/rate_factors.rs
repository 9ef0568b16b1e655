//! The rate factor of each period: what one unit of balance earns from one due date to the next.
//!
//! A factor is rounded to the precision of the terms at every step, then to as many decimals: the arithmetic of Apache
//! Fineract's progressive schedules, so that both books agree to the cent.
//!
//! Invariant: a factor is never negative, and zero only for a rate of zero or a convention that counts no days.

use rust_decimal::Decimal;
use sycee_money::{Date, Rounding};

use super::{
    DayBasis, DaysInMonth, DaysInYear, InterestPeriod, LoanTerms, Unit,
    due_dates::{days_between, step},
};
use crate::{LoanMathError, context::Context};

/// One period from `from` (excluded) to `to` (included).
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) from: Date,
    pub(super) to: Date,
    /// The dates are those the frequency gives, so the period counts as one whole period.
    pub(super) regular: bool,
}

/// How many whole periods a span is, as a fraction: 1/1 when it is regular.
#[derive(Clone, Copy)]
struct PeriodShare {
    numerator: i64,
    denominator: i64,
}

/// The factor of one span.
pub(super) fn rate_factor(terms: &LoanTerms, span: Span) -> Result<Decimal, LoanMathError> {
    let context = Context::new(terms.precision);
    let rate = terms.annual_rate.as_decimal();
    let factor = match (terms.interest_period, terms.day_basis) {
        (InterestPeriod::Daily, DayBasis::Convention(convention)) => {
            let years = convention.year_fraction(span.from, span.to);
            context.mul(rate, context.ratio(years.num(), years.den())?)?
        }
        (InterestPeriod::Daily, DayBasis::Calendar { days_in_month, days_in_year }) => {
            daily(terms, context, span, days_in_month, days_in_year)?
        }
        (InterestPeriod::SameAsRepayment, _) => by_period(terms, context, span)?,
    };
    Ok(Rounding::HalfEven.round_decimal(factor, terms.precision))
}

fn daily(
    terms: &LoanTerms,
    context: Context,
    span: Span,
    days_in_month: DaysInMonth,
    days_in_year: DaysInYear,
) -> Result<Decimal, LoanMathError> {
    let rate = terms.annual_rate.as_decimal();
    let actual_days = i64::from(days_between(span.from, span.to));
    let nominal_month = terms.every.unit == Unit::Month && days_in_month == DaysInMonth::Thirty;
    let (days, share) = if nominal_month {
        (30 * i64::from(terms.every.n), period_share(terms, span)?)
    } else {
        (actual_days, PeriodShare { numerator: 1, denominator: 1 })
    };
    let years = match days_in_year {
        DaysInYear::Actual if span.from.year() != span.to.year() => {
            let mut years = Decimal::ZERO;
            for (part_days, year_days) in split_by_year(span.from, span.to) {
                let part = context.ratio(days * part_days, actual_days * year_days)?;
                years = context.add(years, part)?;
            }
            years
        }
        fixed => context.ratio(days, year_length(fixed, span.to))?,
    };
    let factor = context.mul(rate, years)?;
    scaled(context, factor, share)
}

fn by_period(terms: &LoanTerms, context: Context, span: Span) -> Result<Decimal, LoanMathError> {
    let n = i64::from(terms.every.n);
    let years = match (terms.every.unit, terms.day_basis) {
        (Unit::Month, _) => context.ratio(n, 12)?,
        (Unit::Week, _) => context.ratio(n, 52)?,
        (Unit::Day, DayBasis::Calendar { days_in_year, .. }) => context.ratio(n, year_length(days_in_year, span.to))?,
        (Unit::Day, DayBasis::Convention(convention)) => {
            let years = convention.year_fraction(span.from, span.to);
            return context.mul(terms.annual_rate.as_decimal(), context.ratio(years.num(), years.den())?);
        }
    };
    let factor = context.mul(terms.annual_rate.as_decimal(), years)?;
    scaled(context, factor, period_share(terms, span)?)
}

fn scaled(context: Context, factor: Decimal, share: PeriodShare) -> Result<Decimal, LoanMathError> {
    if share.numerator == share.denominator {
        return Ok(factor);
    }
    let multiplied = context.mul(factor, Decimal::from(share.numerator))?;
    context.div(multiplied, Decimal::from(share.denominator))
}

/// Whole periods counted from the span's first day, then the days left over the days of the period they fall in:
/// 1 January to 18 February is 1 + 17/29 months.
fn period_share(terms: &LoanTerms, span: Span) -> Result<PeriodShare, LoanMathError> {
    if span.regular {
        return Ok(PeriodShare { numerator: 1, denominator: 1 });
    }
    let mut whole = 0;
    let mut reached = span.from;
    loop {
        let next = step(span.from, terms.every, whole + 1, terms.month_end)?;
        if next > span.to {
            let denominator = i64::from(days_between(reached, next));
            let numerator = i64::from(whole) * denominator + i64::from(days_between(reached, span.to));
            return Ok(PeriodShare { numerator, denominator });
        }
        whole += 1;
        reached = next;
    }
}

/// The days of (`from`, `to`] in each calendar year with the length of that year.
pub(crate) fn split_by_year(from: Date, to: Date) -> impl Iterator<Item = (i64, i64)> {
    (from.year()..=to.year()).map(move |year| {
        let length = if year == from.year() { from.days_in_year() } else { Date::constant(year, 1, 1).days_in_year() };
        let first = if year == from.year() { i64::from(from.day_of_year()) } else { 0 };
        let last = if year == to.year() { i64::from(to.day_of_year()) } else { i64::from(length) };
        (last - first, i64::from(length))
    })
}

fn year_length(days_in_year: DaysInYear, day: Date) -> i64 {
    match days_in_year {
        DaysInYear::D360 => 360,
        DaysInYear::D364 => 364,
        DaysInYear::D365 => 365,
        DaysInYear::Actual => i64::from(day.days_in_year()),
    }
}

#[cfg(test)]
mod tests {
    use sycee_money::{Currency, DayCount, Money, Rate, date};

    use super::*;
    use crate::schedule::{Every, MonthEnd};

    fn factor(change: impl FnOnce(&mut LoanTerms), from: Date, to: Date, regular: bool) -> String {
        let principal = Money::from_units(1_000_000, Currency::GHS);
        let mut terms = LoanTerms::monthly(principal, Rate::from_percent_str("12").unwrap(), from);
        change(&mut terms);
        rate_factor(&terms, Span { from, to, regular }).unwrap().normalize().to_string()
    }

    fn actual(terms: &mut LoanTerms) {
        terms.day_basis = DayBasis::Calendar { days_in_month: DaysInMonth::Actual, days_in_year: DaysInYear::Actual };
    }

    #[test]
    fn an_actual_year_splits_at_31_december() {
        let across = split_by_year(date(2023, 12, 12), date(2024, 1, 12)).collect::<Vec<_>>();
        assert_eq!(across, [(19, 365), (12, 366)]);
        let three = split_by_year(date(2023, 12, 31), date(2025, 1, 1)).collect::<Vec<_>>();
        assert_eq!(three, [(0, 365), (366, 366), (1, 365)]);
        assert_eq!(factor(actual, date(2023, 12, 12), date(2024, 1, 12), true), "0.010181001572");
    }

    #[test]
    fn a_whole_month_counts_thirty_days_and_a_part_its_share() {
        let keep = |_: &mut LoanTerms| {};
        assert_eq!(factor(keep, date(2024, 1, 1), date(2024, 2, 1), true), "0.01");
        assert_eq!(factor(keep, date(2024, 1, 1), date(2024, 2, 18), false), "0.015862068966");
        assert_eq!(factor(keep, date(2024, 2, 1), date(2024, 2, 15), false), "0.004827586207");
        assert_eq!(factor(keep, date(2024, 1, 31), date(2024, 3, 31), false), "0.02");
    }

    #[test]
    fn periods_and_conventions_count_in_their_own_way() {
        let weekly = |terms: &mut LoanTerms| {
            terms.interest_period = InterestPeriod::SameAsRepayment;
            terms.every = Every::weeks(1);
        };
        assert_eq!(factor(weekly, date(2024, 1, 1), date(2024, 1, 8), true), "0.002307692308");
        let convention = |terms: &mut LoanTerms| {
            terms.day_basis = DayBasis::Convention(DayCount::Act365Fixed);
            terms.month_end = MonthEnd::Roll;
        };
        assert_eq!(factor(convention, date(2024, 1, 1), date(2024, 2, 1), true), "0.010191780822");
    }
}
