//! Which currencies exist and how finely each is stored and paid.
//!
//! Two numbers matter and they differ: `scale` is how many decimals the books keep (4 for every fiat currency,
//! 6 for USDT and USDC), `minor_digits` is what a customer can pay or receive (2 for GHS, 0 for JPY, 3 for KWD).
//!
//! Invariant: `minor_digits <= scale`, so every payable amount is storable.
//! Invariant: the code is the identity; the index inside [`Currency`] changes with the table and is never stored or sent.

mod table;

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::MoneyError;
use table::TABLE;

struct CurrencyRow {
    code: &'static str,
    numeric: Option<u16>,
    minor_digits: u8,
    scale: u8,
    name: &'static str,
}

/// A currency of the table: an active ISO 4217 currency, USDT or USDC. Ordered by code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency(u8);

impl Currency {
    /// Ghana cedi.
    pub const GHS: Currency = Currency::must("GHS");
    /// Yuan renminbi.
    pub const CNY: Currency = Currency::must("CNY");
    /// US dollar.
    pub const USD: Currency = Currency::must("USD");
    /// Euro.
    pub const EUR: Currency = Currency::must("EUR");
    /// Yen.
    pub const JPY: Currency = Currency::must("JPY");
    /// Kenyan shilling.
    pub const KES: Currency = Currency::must("KES");
    /// Naira.
    pub const NGN: Currency = Currency::must("NGN");
    /// Rupiah.
    pub const IDR: Currency = Currency::must("IDR");
    /// Philippine peso.
    pub const PHP: Currency = Currency::must("PHP");
    /// Mexican peso.
    pub const MXN: Currency = Currency::must("MXN");
    /// Tether USD, a token.
    pub const USDT: Currency = Currency::must("USDT");
    /// USD Coin, a token.
    pub const USDC: Currency = Currency::must("USDC");

    /// The code: three letters for ISO 4217, four for tokens.
    pub fn code(self) -> &'static str {
        self.row().code
    }

    /// The currency of a code in capitals. Errors: `UnknownCurrency`.
    pub fn from_code(code: &str) -> Result<Currency, MoneyError> {
        let found = TABLE.binary_search_by(|row| row.code.cmp(code)).ok();
        found
            .and_then(|index| u8::try_from(index).ok())
            .map(Currency)
            .ok_or_else(|| MoneyError::UnknownCurrency { code: MoneyError::excerpt(code) })
    }

    /// Decimals of the smallest amount a customer can pay: the ISO 4217 exponent, 6 for USDT and USDC.
    pub fn minor_digits(self) -> u32 {
        u32::from(self.row().minor_digits)
    }

    /// Decimals kept in storage and in [`crate::Money`]'s units: 4 for fiat, 6 for USDT and USDC.
    pub fn scale(self) -> u32 {
        u32::from(self.row().scale)
    }

    /// The ISO 4217 numeric code; tokens have none.
    pub fn numeric(self) -> Option<u16> {
        self.row().numeric
    }

    /// The English name.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Every currency, by code.
    pub fn all() -> impl Iterator<Item = Currency> {
        (0..=u8::MAX).take(TABLE.len()).map(Currency)
    }

    /// Storage units in one major unit: `10^scale`.
    pub(crate) fn units_per_major(self) -> i128 {
        10i128.pow(self.scale())
    }

    /// Storage units in one minor unit: `10^(scale - minor_digits)`.
    pub(crate) fn units_per_minor(self) -> i128 {
        10i128.pow(self.scale() - self.minor_digits())
    }

    fn row(self) -> &'static CurrencyRow {
        &TABLE[usize::from(self.0)]
    }

    /// Evaluated for constants only: a code that is missing in the table doesn't compile.
    const fn must(code: &str) -> Currency {
        let mut index = 0;
        while !same_text(TABLE[index].code, code) {
            index += 1;
        }
        Currency(index as u8)
    }
}

const fn same_text(left: &str, right: &str) -> bool {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    if left.len() != right.len() {
        return false;
    }
    let mut index = 0;
    while index < left.len() {
        if left[index] != right[index] {
            return false;
        }
        index += 1;
    }
    true
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    fn from_str(code: &str) -> Result<Currency, MoneyError> {
        Currency::from_code(code)
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

struct CodeVisitor;

impl de::Visitor<'_> for CodeVisitor {
    type Value = Currency;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a currency code in capitals, for example \"GHS\"")
    }

    fn visit_str<E: de::Error>(self, code: &str) -> Result<Currency, E> {
        Currency::from_code(code).map_err(E::custom)
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Currency, D::Error> {
        deserializer.deserialize_str(CodeVisitor)
    }
}

impl JsonSchema for Currency {
    fn schema_name() -> Cow<'static, str> {
        "Currency".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "An active ISO 4217 currency code, USDT or USDC",
            "pattern": "^[A-Z]{3,4}$",
            "examples": ["GHS", "USDT"]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_unique_and_payable_amounts_are_storable() {
        assert!(TABLE.windows(2).all(|pair| pair[0].code < pair[1].code));
        assert!(TABLE.iter().all(|row| row.minor_digits <= row.scale && !row.name.is_empty()));
        assert!(TABLE.len() <= usize::from(u8::MAX) + 1);
    }

    #[test]
    fn every_code_finds_its_currency_again() {
        for currency in Currency::all() {
            assert_eq!(Currency::from_code(currency.code()), Ok(currency));
        }
        assert_eq!(Currency::all().count(), TABLE.len());
    }

    #[test]
    fn exponents_of_well_known_currencies() {
        let table =
            [("GHS", 2, 4, Some(936)), ("JPY", 0, 4, Some(392)), ("KWD", 3, 4, Some(414)), ("USDT", 6, 6, None)];
        for (code, minor_digits, scale, numeric) in table {
            let currency = Currency::from_code(code).unwrap();
            assert_eq!((currency.minor_digits(), currency.scale(), currency.numeric()), (minor_digits, scale, numeric));
        }
    }

    #[test]
    fn unknown_codes_are_refused_with_a_hint() {
        for code in ["", "ghs", "GH", "XXX", "XAU", "HRK", "GHSX", " GHS"] {
            let message = Currency::from_code(code).unwrap_err().to_string();
            assert!(message.contains("for example \"GHS\""), "{message}");
        }
    }
}
