//! An amount between two bookings: full precision in major units, until a named rounding makes it [`Money`].
//!
//! Invariant: a `Precise` never reaches the books; [`Precise::round`] is the only way out.
//! Invariant: sums and products keep 28 significant digits, half-even beyond; what is too large is `Overflow`.

use std::{borrow::Cow, fmt};

use rust_decimal::Decimal;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::{Currency, Fraction, Money, MoneyError, Rate, Rounding, decimal_text};

/// A full-precision amount in major units, such as interest accrued to date.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Precise {
    value: Decimal,
    currency: Currency,
}

impl Precise {
    /// Nothing, in `currency`.
    pub const fn zero(currency: Currency) -> Precise {
        Precise { value: Decimal::ZERO, currency }
    }

    /// A computed amount in major units.
    pub const fn from_decimal(value: Decimal, currency: Currency) -> Precise {
        Precise { value, currency }
    }

    /// The amount in major units.
    pub const fn value(self) -> Decimal {
        self.value
    }

    /// The currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Whether the amount is exactly zero.
    pub fn is_zero(self) -> bool {
        self.value.is_zero()
    }

    /// The sum. Errors: `CurrencyMismatch`, `Overflow`.
    pub fn checked_add(self, other: Precise) -> Result<Precise, MoneyError> {
        self.same_currency(other)?;
        self.or_overflow(self.value.checked_add(other.value), "adding precise amounts")
    }

    /// The difference. Errors: `CurrencyMismatch`, `Overflow`.
    pub fn checked_sub(self, other: Precise) -> Result<Precise, MoneyError> {
        self.same_currency(other)?;
        self.or_overflow(self.value.checked_sub(other.value), "subtracting precise amounts")
    }

    /// The amount times `rate`. Errors: `Overflow`.
    pub fn mul_rate(self, rate: Rate) -> Result<Precise, MoneyError> {
        self.mul_decimal(rate.as_decimal())
    }

    /// The amount times `factor`. Errors: `Overflow`.
    pub fn mul_decimal(self, factor: Decimal) -> Result<Precise, MoneyError> {
        self.or_overflow(self.value.checked_mul(factor), "multiplying a precise amount")
    }

    /// The amount times an exact fraction such as a year fraction: multiplies first, divides once. Errors: `Overflow`.
    pub fn mul_fraction(self, fraction: Fraction) -> Result<Precise, MoneyError> {
        let scaled = self.value.checked_mul(Decimal::from(fraction.num()));
        let divided = scaled.and_then(|scaled| scaled.checked_div(Decimal::from(fraction.den())));
        self.or_overflow(divided, "multiplying a precise amount by a fraction")
    }

    /// The amount divided by `divisor`. Errors: `DivisionByZero`, `Overflow`.
    pub fn div_decimal(self, divisor: Decimal) -> Result<Precise, MoneyError> {
        let operation = "dividing a precise amount";
        if divisor.is_zero() {
            return Err(MoneyError::DivisionByZero { operation });
        }
        self.or_overflow(self.value.checked_div(divisor), operation)
    }

    /// Money in whole minor units of the currency. Errors: `Overflow`.
    pub fn round(self, rounding: Rounding) -> Result<Money, MoneyError> {
        let rounded = rounding.round_decimal(self.value, self.currency.minor_digits());
        let operation = "rounding a precise amount";
        let shift = 10i128.pow(self.currency.scale() - rounded.scale());
        let units =
            rounded.mantissa().checked_mul(shift).ok_or(MoneyError::Overflow { operation, currency: self.currency })?;
        Money::from_wide(units, self.currency, operation)
    }

    fn same_currency(self, other: Precise) -> Result<(), MoneyError> {
        if self.currency == other.currency {
            return Ok(());
        }
        Err(MoneyError::CurrencyMismatch { left: self.currency, right: other.currency })
    }

    fn or_overflow(self, value: Option<Decimal>, operation: &'static str) -> Result<Precise, MoneyError> {
        value
            .map(|value| Precise { value, currency: self.currency })
            .ok_or(MoneyError::Overflow { operation, currency: self.currency })
    }
}

impl fmt::Display for Precise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{} {}", self.currency, self.value.normalize()))
    }
}

impl fmt::Debug for Precise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "Precise", deny_unknown_fields)]
struct Wire<'a> {
    #[serde(borrow)]
    amount: Cow<'a, str>,
    currency: Currency,
}

impl Serialize for Precise {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Wire { amount: self.value.normalize().to_string().into(), currency: self.currency }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Precise {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Precise, D::Error> {
        let wire = Wire::deserialize(deserializer)?;
        let value = decimal_text::parse_decimal(&wire.amount).ok_or_else(|| {
            D::Error::custom(MoneyError::Parse {
                input: MoneyError::excerpt(&wire.amount),
                currency: wire.currency,
                rule: decimal_text::RULE,
                example: "12.345678901234",
            })
        })?;
        Ok(Precise { value, currency: wire.currency })
    }
}

impl JsonSchema for Precise {
    fn schema_name() -> Cow<'static, str> {
        "Precise".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let currency = generator.subschema_for::<Currency>();
        json_schema!({
            "type": "object",
            "description": "A full-precision amount in major units, not yet rounded to money",
            "properties": {
                "amount": { "type": "string", "pattern": "^-?[0-9]+(\\.[0-9]{1,28})?$" },
                "currency": currency
            },
            "required": ["amount", "currency"],
            "additionalProperties": false
        })
    }
}
