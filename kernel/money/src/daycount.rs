//! Day count conventions: how many days interest runs for, and what part of a year they are.
//!
//! Invariant: a year fraction is an exact rational; rounding happens in money, never here.
//! Invariant: from a date to itself is zero days and zero years in every convention.

use std::{fmt, str::FromStr};

use jiff::civil::Date;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::MoneyError;

/// A day count convention; the names in JSON are the ones in backticks. The first date is excluded, the last included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum DayCount {
    /// `30/360-us`: months of 30 days, the US rule with both ends of February (30/360 SIA; QuantLib `Thirty360(USA)`).
    #[serde(rename = "30/360-us")]
    Thirty360Us,
    /// `30/360-european`: months of 30 days, each 31st is a 30th (ISDA 2006 §4.16(g), 30E/360; QuantLib `Thirty360(European)`).
    #[serde(rename = "30/360-european")]
    Thirty360European,
    /// `act/360`: actual days over 360 (ISDA 2006 §4.16(e)).
    #[serde(rename = "act/360")]
    Act360,
    /// `act/364`: actual days over 364, a year of 52 weeks.
    #[serde(rename = "act/364")]
    Act364,
    /// `act/365-fixed`: actual days over 365, also in leap years (ISDA 2006 §4.16(d)).
    #[serde(rename = "act/365-fixed")]
    Act365Fixed,
    /// `act/act-isda`: days in leap years over 366 plus the others over 365 (ISDA 2006 §4.16(b)).
    #[serde(rename = "act/act-isda")]
    ActActIsda,
}

const NAMES: &str = "30/360-us, 30/360-european, act/360, act/364, act/365-fixed, act/act-isda";

impl DayCount {
    /// Every convention, in the order of declaration.
    pub const ALL: [DayCount; 6] = [
        DayCount::Thirty360Us,
        DayCount::Thirty360European,
        DayCount::Act360,
        DayCount::Act364,
        DayCount::Act365Fixed,
        DayCount::ActActIsda,
    ];

    /// The name used in product versions and JSON: `act/365-fixed`.
    pub const fn name(self) -> &'static str {
        match self {
            DayCount::Thirty360Us => "30/360-us",
            DayCount::Thirty360European => "30/360-european",
            DayCount::Act360 => "act/360",
            DayCount::Act364 => "act/364",
            DayCount::Act365Fixed => "act/365-fixed",
            DayCount::ActActIsda => "act/act-isda",
        }
    }

    /// Days of interest from `from` (excluded) to `to` (included); negative when `to` is earlier.
    pub fn days(self, from: Date, to: Date) -> i32 {
        match self {
            DayCount::Thirty360Us => thirty_360_us(from, to),
            DayCount::Thirty360European => thirty_360_european(from, to),
            DayCount::Act360 | DayCount::Act364 | DayCount::Act365Fixed | DayCount::ActActIsda => actual_days(from, to),
        }
    }

    /// The same period as an exact part of a year; negative when `to` is earlier.
    pub fn year_fraction(self, from: Date, to: Date) -> Fraction {
        let year_days = match self {
            DayCount::Thirty360Us | DayCount::Thirty360European | DayCount::Act360 => 360,
            DayCount::Act364 => 364,
            DayCount::Act365Fixed => 365,
            DayCount::ActActIsda => return act_act_isda(from, to),
        };
        Fraction::reduced(i64::from(self.days(from, to)), year_days)
    }
}

impl fmt::Display for DayCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for DayCount {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<DayCount, MoneyError> {
        let found = DayCount::ALL.into_iter().find(|convention| convention.name() == text);
        found.ok_or_else(|| MoneyError::UnknownName {
            what: "day count",
            input: MoneyError::excerpt(text),
            allowed: NAMES,
        })
    }
}

/// An exact rational in lowest terms with a positive denominator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fraction {
    num: i64,
    den: i64,
}

impl Fraction {
    /// Zero.
    pub const ZERO: Fraction = Fraction { num: 0, den: 1 };

    /// `num ÷ den` in lowest terms, such as 1/12 of a year. Errors: `DivisionByZero` unless `den` is above zero.
    pub fn new(num: i64, den: i64) -> Result<Fraction, MoneyError> {
        if den <= 0 {
            return Err(MoneyError::DivisionByZero { operation: "making a fraction" });
        }
        Ok(Fraction::reduced(num, den))
    }

    /// The numerator; it carries the sign.
    pub const fn num(self) -> i64 {
        self.num
    }

    /// The denominator, above zero.
    pub const fn den(self) -> i64 {
        self.den
    }

    /// The value to 28 significant digits.
    pub fn to_decimal(self) -> Decimal {
        Decimal::from(self.num) / Decimal::from(self.den)
    }

    /// `den` must be above zero.
    fn reduced(num: i64, den: i64) -> Fraction {
        let divisor = greatest_common_divisor(num.unsigned_abs(), den.unsigned_abs()) as i64;
        Fraction { num: num / divisor, den: den / divisor }
    }
}

fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn actual_days(from: Date, to: Date) -> i32 {
    to.duration_since(from).as_hours() as i32 / 24
}

fn thirty_360_us(from: Date, to: Date) -> i32 {
    let (mut from_day, mut to_day) = (i32::from(from.day()), i32::from(to.day()));
    if is_last_of_february(from) {
        if is_last_of_february(to) {
            to_day = 30;
        }
        from_day = 30;
    }
    if to_day == 31 && from_day >= 30 {
        to_day = 30;
    }
    thirty_360(from, from_day.min(30), to, to_day)
}

fn thirty_360_european(from: Date, to: Date) -> i32 {
    thirty_360(from, i32::from(from.day()).min(30), to, i32::from(to.day()).min(30))
}

fn thirty_360(from: Date, from_day: i32, to: Date, to_day: i32) -> i32 {
    let years = i32::from(to.year()) - i32::from(from.year());
    let months = i32::from(to.month()) - i32::from(from.month());
    360 * years + 30 * months + (to_day - from_day)
}

fn is_last_of_february(day: Date) -> bool {
    day.month() == 2 && day.day() == day.days_in_month()
}

/// Days in common years over 365 plus days in leap years over 366, on the common denominator.
fn act_act_isda(from: Date, to: Date) -> Fraction {
    let common_days = common_year_days_before(to) - common_year_days_before(from);
    let leap_days = i64::from(actual_days(from, to)) - common_days;
    Fraction::reduced(common_days * 366 + leap_days * 365, 365 * 366)
}

/// Days in years of 365 days from the year 0 to `day`, of which only differences are used.
fn common_year_days_before(day: Date) -> i64 {
    let year = i64::from(day.year());
    let last = year - 1;
    let leap_years = last.div_euclid(4) - last.div_euclid(100) + last.div_euclid(400);
    let in_this_year = if day.in_leap_year() { 0 } else { i64::from(day.day_of_year()) - 1 };
    365 * (year - leap_years) + in_this_year
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::date;

    #[test]
    fn act_364_is_actual_days_over_fifty_two_weeks() {
        let fraction = DayCount::Act364.year_fraction(date(2024, 2, 28), date(2025, 2, 26));
        assert_eq!((fraction.num(), fraction.den()), (1, 1));
        let fraction = DayCount::Act364.year_fraction(date(2024, 2, 28), date(2024, 3, 1));
        assert_eq!((fraction.num(), fraction.den()), (1, 182));
        assert_eq!(DayCount::Act364.days(date(2025, 12, 31), date(2026, 1, 31)), 31);
    }

    #[test]
    fn isda_splits_at_the_year_end() {
        // ISDA's own example: 1 November 2003 to 1 May 2004 is 61/365 + 121/366.
        let fraction = DayCount::ActActIsda.year_fraction(date(2003, 11, 1), date(2004, 5, 1));
        assert_eq!(i128::from(fraction.num()) * 365 * 366, i128::from(fraction.den()) * (61 * 366 + 121 * 365));
    }

    #[test]
    fn isda_adds_up_over_any_split() {
        let (from, to) = (date(1996, 7, 13), date(2101, 3, 2));
        let whole = DayCount::ActActIsda.year_fraction(from, to);
        for middle in [date(1999, 12, 31), date(2000, 1, 1), date(2000, 2, 29), date(2100, 2, 28)] {
            let (left, right) =
                (DayCount::ActActIsda.year_fraction(from, middle), DayCount::ActActIsda.year_fraction(middle, to));
            let scaled = |part: Fraction| part.num() * (365 * 366 / part.den());
            assert_eq!(scaled(left) + scaled(right), scaled(whole));
        }
    }

    #[test]
    fn fractions_are_in_lowest_terms() {
        let table = [(3, 36, (1, 12)), (-10, 4, (-5, 2)), (0, 7, (0, 1)), (i64::MIN, 2, (i64::MIN / 2, 1))];
        for (num, den, expected) in table {
            let fraction = Fraction::new(num, den).unwrap();
            assert_eq!((fraction.num(), fraction.den()), expected);
        }
        assert!(Fraction::new(1, 0).is_err() && Fraction::new(1, -12).is_err());
    }

    #[test]
    fn names_are_read_back_in_text_and_json() {
        for convention in DayCount::ALL {
            assert_eq!(convention.name().parse(), Ok(convention));
            assert_eq!(serde_json::to_string(&convention).unwrap(), format!("\"{convention}\""));
        }
        assert!("act/366".parse::<DayCount>().unwrap_err().to_string().contains("act/365-fixed"));
    }

    #[test]
    fn the_whole_calendar_fits() {
        for convention in DayCount::ALL {
            assert!(convention.days(Date::MIN, Date::MAX) > 7_000_000);
            assert_eq!(convention.year_fraction(Date::MAX, Date::MAX), Fraction::ZERO);
            let there = convention.year_fraction(Date::MIN, Date::MAX);
            assert!(there.num() > 0 && there.den() > 0);
        }
    }
}
