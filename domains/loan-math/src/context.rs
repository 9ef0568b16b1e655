//! Arithmetic on factors with a fixed number of significant digits, as a `MathContext` of other systems does it.
//!
//! Invariant: every result has at most `digits` significant digits, half-even.

use rust_decimal::Decimal;
use sycee_money::Rounding;

use crate::LoanMathError;

/// The most significant digits a `Decimal` keeps for every value.
pub(crate) const DIGITS_MAX: u32 = 28;

/// A precision for intermediate factors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context {
    digits: u32,
}

impl Context {
    pub(crate) const fn new(digits: u32) -> Context {
        Context { digits: if digits > DIGITS_MAX { DIGITS_MAX } else { digits } }
    }

    pub(crate) fn add(self, a: Decimal, b: Decimal) -> Result<Decimal, LoanMathError> {
        self.kept(a.checked_add(b))
    }

    pub(crate) fn mul(self, a: Decimal, b: Decimal) -> Result<Decimal, LoanMathError> {
        self.kept(a.checked_mul(b))
    }

    pub(crate) fn div(self, a: Decimal, b: Decimal) -> Result<Decimal, LoanMathError> {
        self.kept(a.checked_div(b))
    }

    /// `numerator ÷ denominator` of whole numbers.
    pub(crate) fn ratio(self, numerator: i64, denominator: i64) -> Result<Decimal, LoanMathError> {
        self.div(Decimal::from(numerator), Decimal::from(denominator))
    }

    fn kept(self, value: Option<Decimal>) -> Result<Decimal, LoanMathError> {
        value
            .and_then(|value| round_significant(value, self.digits))
            .ok_or(LoanMathError::out_of_range("a rate factor"))
    }
}

fn round_significant(value: Decimal, digits: u32) -> Option<Decimal> {
    let mantissa = value.mantissa();
    let Some(last) = mantissa.unsigned_abs().checked_ilog10() else {
        return Some(Decimal::ZERO);
    };
    let surplus = (last + 1).saturating_sub(digits);
    if surplus == 0 {
        return Some(value);
    }
    if surplus <= value.scale() {
        return Some(Rounding::HalfEven.round_decimal(value, value.scale() - surplus));
    }
    let power = 10i128.pow(surplus);
    let whole = Rounding::HalfEven.div_i128(mantissa, power).checked_mul(10i128.pow(surplus - value.scale()))?;
    Decimal::try_from_i128_with_scale(whole, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn significant_digits_are_kept_half_even() {
        let table = [
            ("0.00790183333333300", 12, "0.00790183333333"),
            ("0.1234565", 6, "0.123456"),
            ("0.1234575", 6, "0.123458"),
            ("999999.5", 6, "1000000"),
            ("123456789", 4, "123500000"),
            ("12345.6", 3, "12300"),
            ("0", 5, "0"),
            ("-2.25", 2, "-2.2"),
        ];
        for (value, digits, expected) in table {
            let rounded = round_significant(value.parse().unwrap(), digits).unwrap();
            assert_eq!(rounded, expected.parse::<Decimal>().unwrap(), "{value} to {digits} digits");
        }
    }

    #[test]
    fn division_by_zero_is_an_error() {
        assert!(Context::new(12).ratio(1, 0).is_err());
    }
}
