//! What happens to the loan of a worked case.
//!
//! Invariant: an event has the keys of its kind and no others.

use serde_json::Value;
use sycee_money::{Currency, Date, Money};

use super::CalcError;
use super::fields::{date, field_error, money, unsupported};

/// What is supported instead.
const KINDS: &str = "business_date, approve and disburse";

/// What happens to the loan.
pub(super) enum Event {
    BusinessDate,
    Approve { amount: Money, expected: Option<Date> },
    Disburse { amount: Money, on: Date },
}

pub(super) fn events(inputs: &Value, currency: Currency) -> Result<Vec<Event>, CalcError> {
    let events = match &inputs["events"] {
        Value::Null => return Ok(Vec::new()),
        Value::Array(events) => events,
        _ => {
            return Err(field_error("inputs.events", "must be a list", "[{\"business_date\":\"2024-01-01\"}]"));
        }
    };
    events.iter().enumerate().map(|(at, event)| read(event, &place(at), currency)).collect()
}

/// Where event number `at`, from 0, stands.
pub(super) fn place(at: usize) -> String {
    format!("inputs.events[{at}]")
}

fn read(event: &Value, place: &str, currency: Currency) -> Result<Event, CalcError> {
    let amount = || money(event, place, "amount", currency, "\"1000.00\"");
    match &event["op"] {
        Value::Null if event["business_date"].is_string() => {
            only(event, place, "a business date", &["business_date"])?;
            date(event, place, "business_date").map(|_| Event::BusinessDate)
        }
        Value::String(op) if op == "approve" => {
            only(event, place, "an approval", &["amount", "expected_disbursement", "on", "op"])?;
            let day = |field: &str| match &event[field] {
                Value::Null => Ok(None),
                _ => date(event, place, field).map(Some),
            };
            day("on")?;
            Ok(Event::Approve { amount: amount()?, expected: day("expected_disbursement")? })
        }
        Value::String(op) if op == "disburse" => {
            only(event, place, "a payout", &["amount", "on", "op"])?;
            Ok(Event::Disburse { amount: amount()?, on: date(event, place, "on")? })
        }
        Value::String(op) => Err(unsupported(format!("{place}.op {op:?}"), KINDS)),
        _ => Err(unsupported(format!("{place} {event}"), KINDS)),
    }
}

/// Errors: `Unsupported` for a key that an event of this kind has no use for.
fn only(event: &Value, place: &str, kind: &str, keys: &[&str]) -> Result<(), CalcError> {
    let mut named = event.as_object().into_iter().flat_map(|event| event.keys());
    match named.find(|key| !keys.contains(&key.as_str())) {
        Some(key) => Err(unsupported(format!("{place}.{key} of {kind}"), "an event with the keys of its kind")),
        None => Ok(()),
    }
}
