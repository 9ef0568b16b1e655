//! The exponential function to 28 digits: the one transcendental function that annual rates need.
//!
//! Invariant: results are within 1e-22 of e^x, relative to the result for positive and absolute for negative x.

use rust_decimal::Decimal;

use crate::LoanMathError;

/// Above this e^x leaves the range of `Decimal`.
pub(crate) const EXPONENT_MAX: i64 = 64;

const HALVINGS: u32 = 5;

/// `e^x`; zero below -64, `OutOfRange` above 64.
pub(crate) fn exp(x: Decimal) -> Result<Decimal, LoanMathError> {
    if x < Decimal::from(-EXPONENT_MAX) {
        return Ok(Decimal::ZERO);
    }
    if x > Decimal::from(EXPONENT_MAX) {
        return Err(LoanMathError::out_of_range("an exponential"));
    }
    let positive = exp_positive(x.abs())?;
    if x.is_sign_negative() { checked(Decimal::ONE.checked_div(positive)) } else { Ok(positive) }
}

/// Taylor's series on `x` halved until it is small, then squared back.
fn exp_positive(x: Decimal) -> Result<Decimal, LoanMathError> {
    let mut small = x;
    let mut squarings = 0;
    while small > Decimal::new(1, 1) || squarings < HALVINGS {
        small /= Decimal::TWO;
        squarings += 1;
    }
    let mut term = Decimal::ONE;
    let mut sum = Decimal::ONE;
    for n in 1..=40u32 {
        term = term * small / Decimal::from(n);
        if term.is_zero() {
            break;
        }
        sum += term;
    }
    for _ in 0..squarings {
        sum = checked(sum.checked_mul(sum))?;
    }
    Ok(sum)
}

fn checked(value: Option<Decimal>) -> Result<Decimal, LoanMathError> {
    value.ok_or(LoanMathError::out_of_range("an exponential"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values_are_met() {
        let table = [
            ("0", "1"),
            ("1", "2.7182818284590452353602874714"),
            ("-1", "0.3678794411714423215955237702"),
            ("0.5", "1.6487212707001281468486507878"),
            ("10", "22026.465794806716516957900645"),
            ("-20", "0.0000000020611536224385578280"),
            ("0.00001", "1.0000100000500001666670833342"),
        ];
        for (x, expected) in table {
            let expected: Decimal = expected.parse().unwrap();
            let error = (exp(x.parse().unwrap()).unwrap() - expected).abs();
            assert!(error <= expected.max(Decimal::ONE) * Decimal::new(1, 24), "e^{x} is off by {error}");
        }
        assert_eq!(exp(Decimal::from(-65)).unwrap(), Decimal::ZERO);
        assert!(exp(Decimal::from(65)).is_err());
    }
}
