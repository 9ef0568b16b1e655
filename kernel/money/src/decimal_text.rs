//! The one accepted spelling of decimals in text: `-12.3456`. Strict, so that what is stored is what was meant.

use rust_decimal::Decimal;

/// The parts of a plain decimal: both digit strings are ASCII digits, `integer` is never empty.
pub(crate) struct PlainDecimal<'a> {
    pub negative: bool,
    pub integer: &'a str,
    pub fraction: &'a str,
}

/// The rule that [`parse`] enforces, in the words an error message uses.
pub(crate) const RULE: &str =
    "write digits with an optional leading minus and one decimal point, no spaces, separators or exponent";

/// Splits `text` if it is an optional minus, digits, and optionally a point followed by digits.
pub(crate) fn parse(text: &str) -> Option<PlainDecimal<'_>> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (integer, fraction) = match unsigned.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (unsigned, ""),
    };
    let digits_only = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if integer.is_empty() || !digits_only(integer) || !digits_only(fraction) {
        return None;
    }
    Some(PlainDecimal { negative, integer, fraction })
}

/// A decimal of at most 28 decimals without loss, or `None`.
pub(crate) fn parse_decimal(text: &str) -> Option<Decimal> {
    parse(text)?;
    Decimal::from_str_exact(text).ok().map(|value| value.normalize())
}
