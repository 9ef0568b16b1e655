//! The seven ways to lose precision, each with a name that a product version freezes.
//!
//! Invariant: `round(x)` is one of the two neighbours of `x`, and `x` itself when nothing has to be lost.
//! Invariant: modes named after a direction of size (`Up`, `Down`, `HalfUp`, `HalfDown`) treat `-x` as the mirror of `x`;
//! `Ceiling` and `Floor` follow the number line.

use std::{cmp::Ordering, fmt, str::FromStr};

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{MoneyError, wide};

/// A rounding mode; the meanings are those of IEEE 754-2019 §4.3 and of the General Decimal Arithmetic specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rounding {
    /// To the nearest; a half goes to the even neighbour: 0.125 → 0.12, 0.135 → 0.14.
    #[serde(alias = "HALF_EVEN")]
    HalfEven,
    /// To the nearest; a half goes away from zero: 0.125 → 0.13, -0.125 → -0.13.
    #[serde(alias = "HALF_UP")]
    HalfUp,
    /// To the nearest; a half goes toward zero: 0.125 → 0.12, -0.125 → -0.12.
    #[serde(alias = "HALF_DOWN")]
    HalfDown,
    /// Away from zero: 0.121 → 0.13, -0.121 → -0.13.
    #[serde(alias = "UP")]
    Up,
    /// Toward zero: 0.129 → 0.12, -0.129 → -0.12.
    #[serde(alias = "DOWN")]
    Down,
    /// Toward positive infinity: 0.121 → 0.13, -0.129 → -0.12.
    #[serde(alias = "CEILING")]
    Ceiling,
    /// Toward negative infinity: 0.129 → 0.12, -0.121 → -0.13.
    #[serde(alias = "FLOOR")]
    Floor,
}

const NAMES: &str = "half-even, half-up, half-down, up, down, ceiling, floor";

impl Rounding {
    /// Every mode, in the order of declaration.
    pub const ALL: [Rounding; 7] = [
        Rounding::HalfEven,
        Rounding::HalfUp,
        Rounding::HalfDown,
        Rounding::Up,
        Rounding::Down,
        Rounding::Ceiling,
        Rounding::Floor,
    ];

    /// The name used in product versions and JSON: `half-even`.
    pub const fn name(self) -> &'static str {
        match self {
            Rounding::HalfEven => "half-even",
            Rounding::HalfUp => "half-up",
            Rounding::HalfDown => "half-down",
            Rounding::Up => "up",
            Rounding::Down => "down",
            Rounding::Ceiling => "ceiling",
            Rounding::Floor => "floor",
        }
    }

    /// `num ÷ den` rounded to a whole number.
    ///
    /// Panics like the operator `/` does: when `den` is 0, and for `i128::MIN ÷ -1`.
    /// [`Rounding::checked_div_i128`] answers `None` there.
    pub fn div_i128(self, num: i128, den: i128) -> i128 {
        match self.checked_div_i128(num, den) {
            Some(quotient) => quotient,
            None => num / den,
        }
    }

    /// `num ÷ den` rounded to a whole number; `None` when `den` is 0 or the result does not fit.
    pub fn checked_div_i128(self, num: i128, den: i128) -> Option<i128> {
        self.mul_div(num, 1, den)
    }

    /// `value` with at most `dp` decimals. Exact values are returned as they are.
    pub fn round_decimal(self, value: Decimal, dp: u32) -> Decimal {
        if value.scale() <= dp {
            return value;
        }
        let divisor = 10i128.pow(value.scale() - dp);
        let rounded = self.div_i128(value.mantissa(), divisor);
        Decimal::from_i128_with_scale(rounded, dp)
    }

    /// `a × b ÷ den` rounded to a whole number, exact in between; `None` when `den` is 0 or the result does not fit.
    pub(crate) fn mul_div(self, a: i128, b: i128, den: i128) -> Option<i128> {
        let divisor = den.unsigned_abs();
        let (quotient, remainder) = wide::mul_div_rem(a.unsigned_abs(), b.unsigned_abs(), divisor)?;
        let negative = (a < 0) ^ (b < 0) ^ (den < 0);
        let magnitude = if self.moves_away_from_zero(quotient, remainder, divisor, negative) {
            quotient.checked_add(1)?
        } else {
            quotient
        };
        if negative { 0i128.checked_sub_unsigned(magnitude) } else { i128::try_from(magnitude).ok() }
    }

    fn moves_away_from_zero(self, quotient: u128, remainder: u128, divisor: u128, negative: bool) -> bool {
        if remainder == 0 {
            return false;
        }
        let against_half = remainder.cmp(&(divisor - remainder));
        match self {
            Rounding::Up => true,
            Rounding::Down => false,
            Rounding::Ceiling => !negative,
            Rounding::Floor => negative,
            Rounding::HalfUp => against_half != Ordering::Less,
            Rounding::HalfDown => against_half == Ordering::Greater,
            Rounding::HalfEven => match against_half {
                Ordering::Less => false,
                Ordering::Equal => quotient % 2 == 1,
                Ordering::Greater => true,
            },
        }
    }
}

impl fmt::Display for Rounding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Reads `half-even` and `HALF_EVEN` alike.
impl FromStr for Rounding {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let name = text.to_ascii_lowercase().replace('_', "-");
        Rounding::ALL.into_iter().find(|mode| mode.name() == name).ok_or_else(|| MoneyError::UnknownName {
            what: "rounding",
            input: MoneyError::excerpt(text),
            allowed: NAMES,
        })
    }
}
