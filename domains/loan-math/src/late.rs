//! Late interest: what an overdue amount earns day by day.
//!
//! Invariant: it is simple interest; late interest never earns late interest.

use rust_decimal::Decimal;
use sycee_money::{Money, Precise, Rate};

use crate::LoanMathError;

/// Interest on an overdue `amount` at `annual_rate` for `days` at full precision; a year counts 365 days.
///
/// The caller rounds the cumulative total and posts differences, as with [`crate::accrual`].
/// Errors: `Invalid` for a negative amount or rate; `Money` when the result is out of range.
pub fn late_interest(amount: Money, annual_rate: Rate, days: u32) -> Result<Precise, LoanMathError> {
    if amount.is_negative() {
        return Err(LoanMathError::invalid("amount", "must not be negative", "\"120.00\""));
    }
    if annual_rate.is_negative() {
        return Err(LoanMathError::invalid("annual_rate", "must not be negative", "\"0.36\""));
    }
    let grown = amount.precise().mul_rate(annual_rate)?.mul_decimal(Decimal::from(days))?;
    Ok(grown.div_decimal(Decimal::from(365))?)
}

#[cfg(test)]
mod tests {
    use sycee_money::{Currency, Rounding};

    use super::*;

    #[test]
    fn each_day_counts_once() {
        let amount = Money::parse("1000.00", Currency::GHS).unwrap();
        let rate = Rate::from_percent_str("12").unwrap();
        let table = [(0, "0.00"), (1, "0.33"), (23, "7.56"), (365, "120.00"), (730, "240.00")];
        for (days, expected) in table {
            let interest = late_interest(amount, rate, days).unwrap().round(Rounding::HalfEven).unwrap();
            assert_eq!(interest.to_decimal_string(), expected, "{days} days");
        }
        assert!(late_interest(amount.checked_neg().unwrap(), rate, 1).is_err());
    }
}
