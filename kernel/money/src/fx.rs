//! Foreign exchange: the only bridge between two currencies.
//!
//! Invariant: a quote converts base into quote currency and nothing else; the other direction is a quote of its own,
//! made explicitly with [`FxQuote::inverse`], so nobody divides by a rate by accident.

use jiff::civil::Date;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Currency, Money, MoneyError, Rounding, decimal_text};

/// One unit of `base` costs `rate` units of `quote`, as of a business date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Wire", into = "Wire")]
#[schemars(with = "Wire")]
pub struct FxQuote {
    base: Currency,
    quote: Currency,
    rate: Decimal,
    as_of: Date,
}

impl FxQuote {
    /// A quote. Errors: `InvalidRate` when the rate is not above zero or both currencies are the same.
    pub fn new(base: Currency, quote: Currency, rate: Decimal, as_of: Date) -> Result<FxQuote, MoneyError> {
        let refuse = |rule| MoneyError::InvalidRate { input: rate.to_string(), rule, example: "15.4321" };
        if base == quote {
            return Err(refuse("base and quote currency must differ"));
        }
        if rate <= Decimal::ZERO {
            return Err(refuse("an exchange rate is above zero"));
        }
        Ok(FxQuote { base, quote, rate: rate.normalize(), as_of })
    }

    /// The currency that is converted.
    pub const fn base(self) -> Currency {
        self.base
    }

    /// The currency that comes out.
    pub const fn quote(self) -> Currency {
        self.quote
    }

    /// Units of quote currency for one unit of base currency.
    pub const fn rate(self) -> Decimal {
        self.rate
    }

    /// The business date the rate belongs to.
    pub const fn as_of(self) -> Date {
        self.as_of
    }

    /// `amount` in the quote currency, rounded once to its minor unit.
    ///
    /// Errors: `CurrencyMismatch` unless the amount is in the base currency; `Overflow`.
    pub fn convert(self, amount: Money, rounding: Rounding) -> Result<Money, MoneyError> {
        if amount.currency() != self.base {
            return Err(MoneyError::CurrencyMismatch { left: amount.currency(), right: self.base });
        }
        let operation = "converting a currency";
        let overflow = MoneyError::Overflow { operation, currency: self.quote };
        // minor = units ÷ 10^base.scale × mantissa ÷ 10^rate.scale × 10^quote.minor_digits
        let numerator = i128::from(amount.units()) * 10i128.pow(self.quote.minor_digits());
        let divisor = self.base.units_per_major().checked_mul(10i128.pow(self.rate.scale()));
        let units = divisor
            .and_then(|divisor| rounding.mul_div(numerator, self.rate.mantissa(), divisor))
            .and_then(|minor| minor.checked_mul(self.quote.units_per_minor()))
            .ok_or(overflow)?;
        Money::from_wide(units, self.quote, operation)
    }

    /// The quote for the other direction: `1 ÷ rate`, to 28 significant digits. Errors: `InvalidRate` when it vanishes.
    pub fn inverse(self) -> Result<FxQuote, MoneyError> {
        let inverted = Decimal::ONE.checked_div(self.rate).unwrap_or(Decimal::ZERO);
        FxQuote::new(self.quote, self.base, inverted, self.as_of)
    }
}

#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename = "FxQuote", deny_unknown_fields)]
#[schemars(rename = "FxQuote")]
struct Wire {
    base: Currency,
    quote: Currency,
    rate: String,
    as_of: Date,
}

impl From<FxQuote> for Wire {
    fn from(fx: FxQuote) -> Wire {
        Wire { base: fx.base, quote: fx.quote, rate: fx.rate.to_string(), as_of: fx.as_of }
    }
}

impl TryFrom<Wire> for FxQuote {
    type Error = MoneyError;

    fn try_from(wire: Wire) -> Result<FxQuote, MoneyError> {
        let rate = decimal_text::parse_decimal(&wire.rate).ok_or_else(|| MoneyError::InvalidRate {
            input: MoneyError::excerpt(&wire.rate),
            rule: decimal_text::RULE,
            example: "15.4321",
        })?;
        FxQuote::new(wire.base, wire.quote, rate, wire.as_of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::date;

    fn quote(base: Currency, quote: Currency, rate: &str) -> FxQuote {
        FxQuote::new(base, quote, rate.parse().unwrap(), date(2026, 3, 2)).unwrap()
    }

    #[test]
    fn converts_into_the_minor_unit_of_the_quote_currency() {
        let table = [
            (Currency::USD, Currency::GHS, "15.4321", "100.00", "1543.21"),
            (Currency::USD, Currency::JPY, "149.85", "0.10", "15"),
            (Currency::JPY, Currency::USD, "0.0066733", "1000", "6.67"),
            (Currency::USDT, Currency::GHS, "15.5", "0.000001", "0.00"),
            (Currency::GHS, Currency::USDC, "0.064516", "12.34", "0.796127"),
            (Currency::USD, Currency::GHS, "15.4321", "-100.01", "-1543.36"),
        ];
        for (from, to, rate, amount, expected) in table {
            let converted = quote(from, to, rate).convert(Money::parse(amount, from).unwrap(), Rounding::HalfEven);
            assert_eq!(converted.unwrap(), Money::parse(expected, to).unwrap());
        }
    }

    #[test]
    fn the_other_direction_needs_the_inverse() {
        let usd_ghs = quote(Currency::USD, Currency::GHS, "12.5");
        let amount = Money::parse("125.00", Currency::GHS).unwrap();
        let refused = usd_ghs.convert(amount, Rounding::HalfEven);
        assert_eq!(refused, Err(MoneyError::CurrencyMismatch { left: Currency::GHS, right: Currency::USD }));
        let converted = usd_ghs.inverse().unwrap().convert(amount, Rounding::HalfEven).unwrap();
        assert_eq!(converted, Money::parse("10.00", Currency::USD).unwrap());
    }

    #[test]
    fn impossible_quotes_are_refused() {
        let day = date(2026, 3, 2);
        assert!(FxQuote::new(Currency::USD, Currency::USD, Decimal::ONE, day).is_err());
        assert!(FxQuote::new(Currency::USD, Currency::GHS, Decimal::ZERO, day).is_err());
        assert!(FxQuote::new(Currency::USD, Currency::GHS, Decimal::NEGATIVE_ONE, day).is_err());
        assert!(quote(Currency::USD, Currency::GHS, "79000000000000000000000000000").inverse().is_err());
    }

    #[test]
    fn limits_are_errors() {
        let usd_idr = quote(Currency::USD, Currency::IDR, "16300");
        let most = Money::from_units(i64::MAX, Currency::USD);
        let refused = usd_idr.convert(most, Rounding::HalfEven);
        assert!(matches!(refused, Err(MoneyError::Overflow { currency: Currency::IDR, .. })));
        let smallest = quote(Currency::USD, Currency::GHS, "0.0000000000000000000000000001");
        assert_eq!(smallest.convert(most, Rounding::Up).unwrap(), Money::parse("0.01", Currency::GHS).unwrap());
    }

    #[test]
    fn json_is_checked_like_the_constructor() {
        let text = r#"{"base":"USD","quote":"GHS","rate":"15.4321","as_of":"2026-03-02"}"#;
        let fx: FxQuote = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&fx).unwrap(), text);
        assert!(serde_json::from_str::<FxQuote>(&text.replace("15.4321", "-1")).is_err());
        assert!(serde_json::from_str::<FxQuote>(&text.replace("USD", "GHS")).is_err());
    }
}
