//! Fields of a case as texts, amounts and dates; a refusal says where the field stands, the rule, and an example.

use serde_json::Value;
use sycee_money::{Currency, Date, Money, MoneyError};

use super::CalcError;

/// `field` in the object at `place`.
pub(super) fn at(place: &str, field: &str) -> String {
    format!("{place}.{field}")
}

pub(super) fn text<'a>(
    object: &'a Value,
    place: &str,
    field: &str,
    example: &'static str,
) -> Result<&'a str, CalcError> {
    object[field].as_str().ok_or_else(|| field_error(&at(place, field), "must be a text", example))
}

pub(super) fn money(
    object: &Value,
    place: &str,
    field: &str,
    currency: Currency,
    example: &'static str,
) -> Result<Money, CalcError> {
    Money::parse(text(object, place, field, example)?, currency).map_err(|why| unreadable(at(place, field), why))
}

pub(super) fn date(object: &Value, place: &str, field: &str) -> Result<Date, CalcError> {
    let refuse = || field_error(&at(place, field), "must be a date", "\"2024-01-31\"");
    object[field].as_str().and_then(|day| day.parse().ok()).ok_or_else(refuse)
}

pub(super) fn field_error(field: &str, rule: &'static str, example: &'static str) -> CalcError {
    CalcError::Field { field: field.to_owned(), rule, example }
}

pub(super) fn unsupported(what: String, supported: &'static str) -> CalcError {
    CalcError::Unsupported { what, supported }
}

pub(super) fn unreadable(field: String, why: MoneyError) -> CalcError {
    CalcError::Unreadable { field, why }
}
