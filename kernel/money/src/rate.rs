//! A fraction such as an interest rate, fee share or tax: 12 % is 0.12.
//!
//! Invariant: a rate is read from text or integers, never from a float, and printed without loss.

use std::{borrow::Cow, fmt, str::FromStr};

use rust_decimal::Decimal;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::{MoneyError, decimal_text};

/// An exact decimal fraction with up to 28 decimals; it may be negative. Text and JSON carry the fraction: `"0.12"`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rate(Decimal);

impl Rate {
    /// 0 %.
    pub const fn zero() -> Rate {
        Rate(Decimal::ZERO)
    }

    /// 12 % from `"12"`; 9.4822 % from `"9.4822"`. Errors: `InvalidRate`.
    pub fn from_percent_str(percent: &str) -> Result<Rate, MoneyError> {
        let value = parse(percent, "9.4822")?;
        let too_fine = || invalid(percent, "at most 26 decimals", "9.4822");
        let mut fraction = value;
        fraction.set_scale(value.scale() + 2).map_err(|_| too_fine())?;
        Ok(Rate(fraction.normalize()))
    }

    /// 12 % from `"0.12"`. Errors: `InvalidRate`.
    pub fn from_fraction_str(fraction: &str) -> Result<Rate, MoneyError> {
        parse(fraction, "0.12").map(Rate)
    }

    /// 12 % from 1200 basis points.
    pub fn from_bps(bps: i64) -> Rate {
        Rate(Decimal::new(bps, 4).normalize())
    }

    /// A rate that was computed.
    pub fn from_decimal(fraction: Decimal) -> Rate {
        Rate(fraction.normalize())
    }

    /// The fraction: 12 % is 0.12.
    pub const fn as_decimal(self) -> Decimal {
        self.0
    }

    /// The percentage without a sign or useless zeros: `"9.4822"`.
    pub fn percent_string(self) -> String {
        let fraction = self.0.to_string();
        let (sign, magnitude) = match fraction.strip_prefix('-') {
            Some(rest) => ("-", rest),
            None => ("", fraction.as_str()),
        };
        let (integer, decimals) = magnitude.split_once('.').unwrap_or((magnitude, ""));
        let padded = format!("{decimals:0<2}");
        let (whole, rest) = padded.split_at(2);
        let percent = format!("{integer}{whole}");
        let percent = match percent.trim_start_matches('0') {
            "" => "0",
            digits => digits,
        };
        match rest {
            "" => format!("{sign}{percent}"),
            rest => format!("{sign}{percent}.{rest}"),
        }
    }

    /// Whether the rate is 0 %.
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// Whether the rate is below 0 %.
    pub fn is_negative(self) -> bool {
        self.0 < Decimal::ZERO
    }
}

fn parse(text: &str, example: &'static str) -> Result<Decimal, MoneyError> {
    decimal_text::parse_decimal(text).ok_or_else(|| invalid(text, decimal_text::RULE, example))
}

fn invalid(input: &str, rule: &'static str, example: &'static str) -> MoneyError {
    MoneyError::InvalidRate { input: MoneyError::excerpt(input), rule, example }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.to_string())
    }
}

impl fmt::Debug for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.percent_string())
    }
}

impl FromStr for Rate {
    type Err = MoneyError;

    fn from_str(fraction: &str) -> Result<Rate, MoneyError> {
        Rate::from_fraction_str(fraction)
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Rate, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Rate::from_fraction_str(&text).map_err(D::Error::custom)
    }
}

impl JsonSchema for Rate {
    fn schema_name() -> Cow<'static, str> {
        "Rate".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A rate as a fraction: 12 % is \"0.12\"",
            "pattern": "^-?[0-9]+(\\.[0-9]{1,28})?$",
            "examples": ["0.094822"]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_and_fraction_name_the_same_rate() {
        let table = [
            ("12", "0.12", "12"),
            ("9.4822", "0.094822", "9.4822"),
            ("0", "0", "0"),
            ("-0.0", "0", "0"),
            ("100", "1", "100"),
            ("250.50", "2.505", "250.5"),
            ("-3.5", "-0.035", "-3.5"),
            ("0.01", "0.0001", "0.01"),
        ];
        for (percent, fraction, printed) in table {
            let rate = Rate::from_percent_str(percent).unwrap();
            assert_eq!(rate, Rate::from_fraction_str(fraction).unwrap());
            assert_eq!((rate.to_string().as_str(), rate.percent_string().as_str()), (fraction, printed));
        }
        assert_eq!(Rate::from_bps(948), Rate::from_percent_str("9.48").unwrap());
        assert_eq!(Rate::from_bps(i64::MIN).percent_string(), "-92233720368547758.08");
    }

    #[test]
    fn what_is_not_a_plain_decimal_is_refused_with_an_example() {
        for text in ["", "12%", "1e3", "1_000", "+1", ".5", "5.", " 1", "NaN", "0x10", "1,5", "--1"] {
            let message = Rate::from_percent_str(text).unwrap_err().to_string();
            assert!(message.contains("for example \"9.4822\""), "{message}");
        }
        assert!(Rate::from_percent_str("0.0000000000000000000000000001").is_err());
        assert!(Rate::from_fraction_str("99999999999999999999999999999999").is_err());
    }

    #[test]
    fn json_carries_the_fraction_as_text() {
        let rate: Rate = serde_json::from_str("\"0.1200\"").unwrap();
        assert_eq!(serde_json::to_string(&rate).unwrap(), "\"0.12\"");
        assert!(serde_json::from_str::<Rate>("0.12").is_err());
    }
}
