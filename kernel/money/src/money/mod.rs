//! An amount of one currency as an integer: what is stored, posted, paid and compared.
//!
//! Units are `10^-scale` major units: GHS 12.30 is 123 000 units because fiat is kept at 4 decimals.
//!
//! Invariant: an operation on two amounts needs one currency, otherwise `CurrencyMismatch`.
//! Invariant: the parts of [`Money::allocate`] sum to the whole, to the unit.
//! Invariant: nothing wraps; a result outside `i64` units is `Overflow`.

mod wire;

use std::{cmp::Ordering, fmt};

use rust_decimal::Decimal;

use crate::{Currency, MoneyError, Precise, Rate, Rounding, decimal_text};

/// An amount in storage units of its currency. Ordered only against amounts of the same currency.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    units: i64,
    currency: Currency,
}

impl Money {
    /// An amount from storage units (`10^-scale` major units), as the database keeps them.
    pub const fn from_units(units: i64, currency: Currency) -> Money {
        Money { units, currency }
    }

    /// Nothing, in `currency`.
    pub const fn zero(currency: Currency) -> Money {
        Money { units: 0, currency }
    }

    /// Reads a plain decimal in major units: `"12.3456"`, `"-0.05"`, `"7"`.
    ///
    /// Errors: `Parse` for any other spelling and for more decimals than the currency's scale, even zeros;
    /// `Overflow` beyond `i64` units.
    pub fn parse(decimal: &str, currency: Currency) -> Result<Money, MoneyError> {
        let refuse = |rule| MoneyError::Parse {
            input: MoneyError::excerpt(decimal),
            currency,
            rule,
            example: if currency.minor_digits() == 0 { "1250" } else { "12.30" },
        };
        let plain = decimal_text::parse(decimal).ok_or_else(|| refuse(decimal_text::RULE))?;
        let scale = currency.scale() as usize;
        if plain.fraction.len() > scale {
            return Err(refuse(if scale == 6 { "at most 6 decimals" } else { "at most 4 decimals" }));
        }
        let padding = std::iter::repeat_n(b'0', scale - plain.fraction.len());
        let mut units = 0i64;
        for digit in plain.integer.bytes().chain(plain.fraction.bytes()).chain(padding) {
            let step = i64::from(digit - b'0') * if plain.negative { -1 } else { 1 };
            units = units
                .checked_mul(10)
                .and_then(|shifted| shifted.checked_add(step))
                .ok_or(MoneyError::Overflow { operation: "parsing an amount", currency })?;
        }
        Ok(Money { units, currency })
    }

    /// An amount from whole minor units (pesewas, cents, fen). Errors: `Overflow`.
    pub fn from_minor(minor: i64, currency: Currency) -> Result<Money, MoneyError> {
        Money::from_wide(i128::from(minor) * currency.units_per_minor(), currency, "reading minor units")
    }

    /// Whole minor units. Errors: `NotWholeMinor` when a fraction of one would be lost.
    pub fn to_minor(self) -> Result<i64, MoneyError> {
        if !self.is_whole_minor() {
            return Err(MoneyError::NotWholeMinor { amount: self.to_decimal_string(), currency: self.currency });
        }
        let minor = i128::from(self.units) / self.currency.units_per_minor();
        i64::try_from(minor).map_err(|_| self.overflow("converting to minor units"))
    }

    /// Storage units: `10^-scale` major units.
    pub const fn units(self) -> i64 {
        self.units
    }

    /// The currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Major units as text: at least the minor digits, no useless zeros past them: `"12.30"`, `"12.3456"`, `"1250"`.
    pub fn to_decimal_string(self) -> String {
        let (scale, minor_digits) = (self.currency.scale() as usize, self.currency.minor_digits() as usize);
        let digits = format!("{:0width$}", self.units.unsigned_abs(), width = scale + 1);
        let (integer, fraction) = digits.split_at(digits.len() - scale);
        let significant = fraction.trim_end_matches('0').len().max(minor_digits);
        let sign = if self.units < 0 { "-" } else { "" };
        match &fraction[..significant] {
            "" => format!("{sign}{integer}"),
            shown => format!("{sign}{integer}.{shown}"),
        }
    }

    /// Whether the amount is exactly zero.
    pub const fn is_zero(self) -> bool {
        self.units == 0
    }

    /// Whether the amount is above zero.
    pub const fn is_positive(self) -> bool {
        self.units > 0
    }

    /// Whether the amount is below zero.
    pub const fn is_negative(self) -> bool {
        self.units < 0
    }

    /// Whether a customer could pay this amount exactly: no fraction of a minor unit.
    pub fn is_whole_minor(self) -> bool {
        i128::from(self.units) % self.currency.units_per_minor() == 0
    }

    /// The size without the sign. Errors: `Overflow` for the one amount whose mirror doesn't exist.
    pub fn checked_abs(self) -> Result<Money, MoneyError> {
        self.or_overflow(self.units.checked_abs(), "taking the absolute amount")
    }

    /// The amount with the other sign. Errors: `Overflow` for the one amount whose mirror doesn't exist.
    pub fn checked_neg(self) -> Result<Money, MoneyError> {
        self.or_overflow(self.units.checked_neg(), "negating an amount")
    }

    /// The sum. Errors: `CurrencyMismatch`, `Overflow`.
    pub fn checked_add(self, other: Money) -> Result<Money, MoneyError> {
        self.same_currency(other)?;
        self.or_overflow(self.units.checked_add(other.units), "adding amounts")
    }

    /// The difference. Errors: `CurrencyMismatch`, `Overflow`.
    pub fn checked_sub(self, other: Money) -> Result<Money, MoneyError> {
        self.same_currency(other)?;
        self.or_overflow(self.units.checked_sub(other.units), "subtracting amounts")
    }

    /// The amount `n` times. Errors: `Overflow`.
    pub fn checked_mul_int(self, n: i64) -> Result<Money, MoneyError> {
        self.or_overflow(self.units.checked_mul(n), "multiplying an amount")
    }

    /// The sum of all amounts, which must be of `currency`; zero for none.
    ///
    /// Only the total has to fit: the order of the amounts can't cause an overflow.
    /// Errors: `CurrencyMismatch`, `Overflow`.
    pub fn sum(currency: Currency, amounts: impl IntoIterator<Item = Money>) -> Result<Money, MoneyError> {
        let mut total = 0i128;
        for amount in amounts {
            Money::zero(currency).same_currency(amount)?;
            total += i128::from(amount.units);
        }
        Money::from_wide(total, currency, "summing amounts")
    }

    /// The smaller amount. Errors: `CurrencyMismatch`.
    pub fn min(self, other: Money) -> Result<Money, MoneyError> {
        Ok(if self.compare(other)?.is_le() { self } else { other })
    }

    /// The larger amount. Errors: `CurrencyMismatch`.
    pub fn max(self, other: Money) -> Result<Money, MoneyError> {
        Ok(if self.compare(other)?.is_ge() { self } else { other })
    }

    /// Which amount is larger. Errors: `CurrencyMismatch`.
    pub fn compare(self, other: Money) -> Result<Ordering, MoneyError> {
        self.same_currency(other)?;
        Ok(self.units.cmp(&other.units))
    }

    /// Rounded to whole minor units of the currency.
    ///
    /// Within one minor unit of the limits of `i64` units the mode may point at an amount that can't be held;
    /// the last whole minor unit before it is returned instead (about 922 trillion major units of fiat).
    pub fn round_minor(self, rounding: Rounding) -> Money {
        let step = self.currency.units_per_minor();
        let rounded = rounding.div_i128(i128::from(self.units), step) * step;
        let units = i64::try_from(rounded).unwrap_or_else(|_| self.units - self.units % step as i64);
        Money { units, currency: self.currency }
    }

    /// Rounded to a whole multiple of `multiple`, such as 0.05 for cash.
    ///
    /// Errors: `CurrencyMismatch`; `InvalidMultiple` when it is not above zero; `Overflow`.
    pub fn round_to_multiple(self, multiple: Money, rounding: Rounding) -> Result<Money, MoneyError> {
        self.same_currency(multiple)?;
        if !multiple.is_positive() {
            return Err(MoneyError::InvalidMultiple { amount: multiple.to_decimal_string(), currency: self.currency });
        }
        let step = i128::from(multiple.units);
        let rounded = rounding.div_i128(i128::from(self.units), step) * step;
        Money::from_wide(rounded, self.currency, "rounding to a multiple")
    }

    /// The amount times `rate`, rounded once to whole minor units. Errors: `Overflow`.
    pub fn mul_rate(self, rate: Rate, rounding: Rounding) -> Result<Money, MoneyError> {
        let rate = rate.as_decimal();
        self.scaled_to_minor(rate.mantissa(), 10i128.pow(rate.scale()), rounding, "multiplying by a rate")
    }

    /// The amount times `num ÷ den`, rounded once to whole minor units. Errors: `DivisionByZero`, `Overflow`.
    pub fn mul_ratio(self, num: i128, den: i128, rounding: Rounding) -> Result<Money, MoneyError> {
        let operation = "multiplying by a ratio";
        if den == 0 {
            return Err(MoneyError::DivisionByZero { operation });
        }
        self.scaled_to_minor(num, den, rounding, operation)
    }

    /// Splits the amount by `weights`, giving what division leaves over to the largest remainders, ties to the first.
    ///
    /// The parts sum to the whole and are whole minor units when the whole is; otherwise they are storage units.
    /// A zero weight gets zero, and a negative amount is split as the mirror of the positive one.
    /// Errors: `InvalidAllocation` without a weight above zero.
    pub fn allocate(self, weights: &[u64]) -> Result<Vec<Money>, MoneyError> {
        let total_weight: u128 = weights.iter().copied().map(u128::from).sum();
        if total_weight == 0 {
            return Err(MoneyError::InvalidAllocation);
        }
        let step = if self.is_whole_minor() { self.currency.units_per_minor().unsigned_abs() } else { 1 };
        let whole = u128::from(self.units.unsigned_abs()) / step;

        let mut parts: Vec<u128> = Vec::with_capacity(weights.len());
        let mut remainders: Vec<(usize, u128)> = Vec::with_capacity(weights.len());
        for (index, weight) in weights.iter().enumerate() {
            let product = whole * u128::from(*weight);
            parts.push(product / total_weight);
            remainders.push((index, product % total_weight));
        }
        remainders.sort_by_key(|&(_, remainder)| std::cmp::Reverse(remainder));
        let left_over = whole - parts.iter().sum::<u128>();
        for &(index, _) in remainders.iter().take(left_over as usize) {
            parts[index] += 1;
        }

        let sign = if self.units < 0 { -1 } else { 1 };
        parts
            .into_iter()
            .map(|part| Money::from_wide(sign * (part * step) as i128, self.currency, "allocating an amount"))
            .collect()
    }

    /// The same amount as a full-precision intermediate value.
    pub fn precise(self) -> Precise {
        Precise::from_decimal(Decimal::new(self.units, self.currency.scale()), self.currency)
    }

    /// `units`, refused with `Overflow` outside `i64`.
    pub(crate) fn from_wide(units: i128, currency: Currency, operation: &'static str) -> Result<Money, MoneyError> {
        match i64::try_from(units) {
            Ok(units) => Ok(Money { units, currency }),
            Err(_) => Err(MoneyError::Overflow { operation, currency }),
        }
    }

    fn scaled_to_minor(
        self,
        num: i128,
        den: i128,
        rounding: Rounding,
        operation: &'static str,
    ) -> Result<Money, MoneyError> {
        let step = self.currency.units_per_minor();
        den.checked_mul(step)
            .and_then(|divisor| rounding.mul_div(i128::from(self.units), num, divisor))
            .and_then(|minor| minor.checked_mul(step))
            .ok_or_else(|| self.overflow(operation))
            .and_then(|units| Money::from_wide(units, self.currency, operation))
    }

    fn same_currency(self, other: Money) -> Result<(), MoneyError> {
        if self.currency == other.currency {
            return Ok(());
        }
        Err(MoneyError::CurrencyMismatch { left: self.currency, right: other.currency })
    }

    fn or_overflow(self, units: Option<i64>, operation: &'static str) -> Result<Money, MoneyError> {
        units.map(|units| Money { units, currency: self.currency }).ok_or_else(|| self.overflow(operation))
    }

    fn overflow(self, operation: &'static str) -> MoneyError {
        MoneyError::Overflow { operation, currency: self.currency }
    }
}

impl PartialOrd for Money {
    /// `None` for different currencies.
    fn partial_cmp(&self, other: &Money) -> Option<Ordering> {
        self.compare(*other).ok()
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{} {}", self.currency, self.to_decimal_string()))
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
