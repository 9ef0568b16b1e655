//! The annual percentage rate: the one yearly rate that makes what a borrower receives worth what they pay.
//!
//! It is *effective* (compounded once a year) and solves `Σ Cₖ (1+X)^-tₖ = Σ Dₗ (1+X)^-sₗ`: Directive 2008/48/EC, Annex I
//! part I, unchanged in Directive (EU) 2023/2225. The *nominal* rate of a loan contract, compounded `m` times a year, is
//! another number; [`nominal_from_effective`] and [`effective_from_nominal`] convert, and no function mixes the two.
//!
//! Invariant: at the returned rate both sides of the equation agree to 1e-10 in the rate.
//! Invariant: the rate is at least zero; flows that pay back less than was drawn have none.

mod solve;

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sycee_money::{Date, Money, Rate, Rounding};

use crate::{LoanMathError, exp::exp, schedule::Schedule};
use solve::{force_of_interest, logarithm, timed};

/// Decimals of a returned rate.
const RATE_DECIMALS: u32 = 10;

/// An amount that moves on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CashFlow {
    /// The day.
    pub date: Date,
    /// The amount, not negative; its direction is that of the list it stands in.
    pub amount: Money,
}

/// How the time between two dates becomes years: Directive 2008/48/EC, Annex I, remark (c).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Intervals {
    /// Whole months of 1/12 year from the first drawdown, then days over 365 or 366: the usual one.
    EqualMonths,
    /// Whole weeks of 1/52 year, then days over 365 or 366.
    EqualWeeks,
    /// Days over 365, those of leap years over 366.
    ActualDays,
}

/// The effective annual percentage rate of dated cash flows, to 10 decimals half-up.
///
/// `drawdowns` are what the borrower really receives (fees kept back are taken off), `repayments` all they pay.
/// Errors: `Invalid` when a list is empty, an amount negative or a flow before the first drawdown; `NoRate` when less is
/// paid back than was drawn; `OutOfRange` above 1e15 %; `Money` for mixed currencies.
pub fn effective_apr(
    drawdowns: &[CashFlow],
    repayments: &[CashFlow],
    intervals: Intervals,
) -> Result<Rate, LoanMathError> {
    let first = drawdowns.iter().map(|flow| flow.date).min().ok_or(LoanMathError::invalid(
        "drawdowns",
        "must hold at least one flow",
        "{\"date\":\"2026-01-05\",\"amount\":{\"amount\":\"950.00\",\"currency\":\"GHS\"}}",
    ))?;
    check(drawdowns, repayments, first)?;
    let currency = drawdowns[0].amount.currency();
    let drawn = Money::sum(currency, drawdowns.iter().map(|flow| flow.amount))?;
    let repaid = Money::sum(currency, repayments.iter().map(|flow| flow.amount))?;
    if repaid.compare(drawn)?.is_lt() || drawn.is_zero() {
        return Err(LoanMathError::NoRate { drawn: drawn.to_string(), repaid: repaid.to_string() });
    }
    let paid_back = repayments.iter().map(|flow| (*flow, Decimal::ONE));
    let paid_out = drawdowns.iter().map(|flow| (*flow, Decimal::NEGATIVE_ONE));
    let flows = timed(paid_back.chain(paid_out), first, intervals, drawn)?;
    let growth = exp(force_of_interest(&flows)?)?;
    Ok(Rate::from_decimal(Rounding::HalfUp.round_decimal(growth - Decimal::ONE, RATE_DECIMALS)))
}

/// The effective annual percentage rate of a schedule whose borrower receives `net_proceeds` on its first day.
///
/// Errors: as [`effective_apr`].
pub fn schedule_apr(schedule: &Schedule, net_proceeds: Money, intervals: Intervals) -> Result<Rate, LoanMathError> {
    let repayments: Vec<CashFlow> =
        schedule.periods.iter().map(|period| CashFlow { date: period.due_date, amount: period.emi }).collect();
    effective_apr(&[CashFlow { date: schedule.start, amount: net_proceeds }], &repayments, intervals)
}

/// The nominal yearly rate that, compounded `periods_per_year` times, grows to the effective one; 10 decimals half-up.
///
/// Errors: `Invalid` for a negative rate or no periods; `OutOfRange` above 1e15 %.
pub fn nominal_from_effective(effective: Rate, periods_per_year: u32) -> Result<Rate, LoanMathError> {
    check_periods(effective, periods_per_year)?;
    let periods = Decimal::from(periods_per_year);
    let step = exp(logarithm(one_plus(effective.as_decimal())?)? / periods)? - Decimal::ONE;
    rounded(step.checked_mul(periods))
}

/// The effective yearly rate that a nominal one compounds to in `periods_per_year` steps; 10 decimals half-up.
///
/// Errors: `Invalid` for a negative rate or no periods; `OutOfRange` above 1e15 %.
pub fn effective_from_nominal(nominal: Rate, periods_per_year: u32) -> Result<Rate, LoanMathError> {
    check_periods(nominal, periods_per_year)?;
    let periods = Decimal::from(periods_per_year);
    let force = logarithm(one_plus(nominal.as_decimal() / periods)?)?.checked_mul(periods);
    let force = force.ok_or(LoanMathError::out_of_range("an annual rate"))?;
    rounded(Some(exp(force)? - Decimal::ONE))
}

fn check(drawdowns: &[CashFlow], repayments: &[CashFlow], first: Date) -> Result<(), LoanMathError> {
    for flow in drawdowns.iter().chain(repayments) {
        if flow.amount.is_negative() {
            return Err(LoanMathError::invalid("amount", "must not be negative", "\"272.00\""));
        }
        if flow.date < first {
            return Err(LoanMathError::invalid("date", "must not be before the first drawdown", "\"2026-02-05\""));
        }
    }
    Ok(())
}

fn check_periods(rate: Rate, periods_per_year: u32) -> Result<(), LoanMathError> {
    if rate.is_negative() {
        return Err(LoanMathError::invalid("rate", "must not be negative", "\"0.12\""));
    }
    if periods_per_year == 0 || periods_per_year > 366 {
        return Err(LoanMathError::invalid("periods_per_year", "must be from 1 to 366", "12"));
    }
    Ok(())
}

fn one_plus(rate: Decimal) -> Result<Decimal, LoanMathError> {
    Decimal::ONE.checked_add(rate).ok_or(LoanMathError::out_of_range("an annual rate"))
}

fn rounded(rate: Option<Decimal>) -> Result<Rate, LoanMathError> {
    let rate = rate.ok_or(LoanMathError::out_of_range("an annual rate"))?;
    Ok(Rate::from_decimal(Rounding::HalfUp.round_decimal(rate, RATE_DECIMALS)))
}

#[cfg(test)]
mod tests {
    use sycee_money::{Currency, date};

    use super::*;

    fn flows(amounts: &[(Date, &str)]) -> Vec<CashFlow> {
        let flow = |(date, amount): &(Date, &str)| CashFlow {
            date: *date,
            amount: Money::parse(amount, Currency::EUR).unwrap(),
        };
        amounts.iter().map(flow).collect()
    }

    fn percent(rate: Rate) -> String {
        Rate::from_decimal(Rounding::HalfUp.round_decimal(rate.as_decimal(), 4)).percent_string()
    }

    /// Directive 98/7/EC, Annex III (OJ L 101, 1.4.1998, p. 17): part A by calendar days, part B by equal months.
    #[test]
    fn the_examples_of_directive_98_7_ec_are_met() {
        let start = date(1994, 1, 1);
        let later = date(1995, 7, 1);
        let year = date(1995, 1, 1);
        let quarters = [(date(1994, 4, 1), "272"), (date(1994, 7, 1), "272"), (year, "544")];
        let two_years = [(year, "600"), (date(1996, 1, 1), "600")];
        let table = [
            ("1000", flows(&[(later, "1200")]), "12.96", "12.92"),
            ("950", flows(&[(later, "1200")]), "16.9", "16.85"),
            ("1000", flows(&two_years), "13.07", "13.07"),
            ("1000", flows(&quarters), "13.23", "13.19"),
        ];
        for (drawn, repaid, by_days, by_months) in table {
            let apr = |intervals| effective_apr(&flows(&[(start, drawn)]), &repaid, intervals).unwrap();
            assert_eq!(percent(apr(Intervals::ActualDays)), by_days, "{drawn} {repaid:?}");
            assert_eq!(percent(apr(Intervals::EqualMonths)), by_months, "{drawn} {repaid:?}");
        }
        let drawn = flows(&[(start, "1000")]);
        let third = effective_apr(&drawn, &flows(&two_years), Intervals::EqualMonths);
        assert_eq!(third.unwrap().to_string(), "0.1306623863");
    }

    #[test]
    fn weeks_are_fifty_seconds_of_a_year() {
        let paid = flows(&[(date(2026, 1, 12), "1010")]);
        let apr = effective_apr(&flows(&[(date(2026, 1, 5), "1000")]), &paid, Intervals::EqualWeeks).unwrap();
        assert_eq!(apr.to_string(), "0.6776889215");
    }

    #[test]
    fn extreme_rates_are_found_or_refused() {
        let lend = flows(&[(date(2026, 1, 1), "100")]);
        let back = |date, amount| effective_apr(&lend, &flows(&[(date, amount)]), Intervals::ActualDays);
        assert!(back(date(2027, 1, 1), "100").unwrap().is_zero());
        assert_eq!(back(date(2027, 1, 1), "100000000").unwrap().to_string(), "999999");
        assert!(matches!(back(date(2026, 1, 2), "1000"), Err(LoanMathError::OutOfRange { .. })));
        assert!(matches!(back(date(2027, 1, 1), "99.99"), Err(LoanMathError::NoRate { .. })));
        assert!(back(date(2025, 12, 31), "200").is_err());
        assert!(effective_apr(&[], &lend, Intervals::ActualDays).is_err());
    }

    #[test]
    fn nominal_and_effective_are_different_numbers() {
        let nominal = Rate::from_percent_str("12").unwrap();
        let effective = effective_from_nominal(nominal, 12).unwrap();
        assert_eq!(effective.to_string(), "0.1268250301");
        assert_eq!(nominal_from_effective(effective, 12).unwrap(), nominal);
        assert_eq!(effective_from_nominal(nominal, 1).unwrap(), nominal);
        assert!(nominal_from_effective(nominal, 0).is_err());
    }
}
