//! The inputs of a worked case as loan terms and events.
//!
//! Where `installments` is missing, `term ÷ repay_every` counts them. Where `term` is missing too, the term is six units
//! of the repayment frequency: the cases that leave both out (LC073, LC074, LC076, LC077, LC079, LC080) repay over six
//! months or six weeks, so `1 MONTH` and `1 WEEK` give six installments and `2 WEEKS` gives three.
//!
//! Invariant: a feature that would change the figures is read or refused, never dropped.

use serde_json::Value;
use sycee_money::{Currency, Date, Money, Rate, Rounding};

use super::CalcError;
use crate::schedule::{
    DayBasis, DaysInMonth, DaysInYear, Every, InterestPeriod, LoanTerms, Method, MonthEnd, PRECISION_DEFAULT,
};

const TERM_UNITS_DEFAULT: u32 = 6;

/// What a case asks for.
pub(super) struct CaseInputs {
    pub(super) terms: LoanTerms,
    pub(super) month_end: MonthEndStrategy,
    pub(super) events: Vec<Event>,
}

/// What happens to the loan.
pub(super) enum Event {
    BusinessDate,
    Approve { amount: Money },
    Disburse { amount: Money, on: Date },
}

/// The month end strategies a case names; `Both` is planned with clamped dates.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum MonthEndStrategy {
    Clamp,
    Roll,
    Both,
}

impl CaseInputs {
    pub(super) fn read(inputs: &Value) -> Result<CaseInputs, CalcError> {
        if !inputs.is_object() {
            return Err(field_error("inputs", "must be an object", "{\"principal\":\"100\"}"));
        }
        refuse_unsupported_features(inputs)?;
        let currency = currency(inputs)?;
        let (principal, start) = payout(inputs, currency)?;
        let month_end = month_end(inputs)?;
        let every: Every = text(inputs, "repay_every")?.parse()?;
        let terms = LoanTerms {
            principal,
            annual_rate: Rate::from_percent_str(text(inputs, "annual_rate_percent")?).map_err(math)?,
            method: method(inputs)?,
            interest_period: interest_period(inputs)?,
            day_basis: DayBasis::Calendar {
                days_in_month: days_in_month(inputs)?,
                days_in_year: days_in_year(inputs)?,
            },
            start,
            every,
            installments: installments(inputs, every)?,
            installment_multiple: installment_multiple(inputs, currency)?,
            rounding: rounding(inputs)?,
            month_end: if month_end == MonthEndStrategy::Roll { MonthEnd::Roll } else { MonthEnd::Clamp },
            first_due: None,
            precision: precision(inputs)?,
        };
        Ok(CaseInputs { terms, month_end, events: events(inputs, currency)? })
    }
}

fn refuse_unsupported_features(inputs: &Value) -> Result<(), CalcError> {
    for grace in ["grace_principal", "grace_interest", "interest_free_period"] {
        if inputs[grace].as_u64().unwrap_or(0) != 0 {
            return Err(unsupported(
                format!("inputs.{grace} {}", inputs[grace]),
                "schedules without grace, it must be 0",
            ));
        }
    }
    for feature in ["charges", "down_payment", "down_payment_percent"] {
        let value = lookup(inputs, feature);
        if !value.is_null() {
            return Err(unsupported(format!("inputs.{feature}"), "schedules of principal and interest"));
        }
    }
    Ok(())
}

/// The principal and the day it is paid out, from `start_date` or the one disbursement.
fn payout(inputs: &Value, currency: Currency) -> Result<(Money, Date), CalcError> {
    let disbursements = match &inputs["disbursements"] {
        Value::Null => {
            return Ok((money(inputs, "principal", currency)?, date(inputs, "start_date")?));
        }
        Value::Array(disbursements) => disbursements,
        _ => {
            return Err(field_error("inputs.disbursements", "must be a list", "[[\"2024-01-01\", \"100\"]]"));
        }
    };
    let [only] = disbursements.as_slice() else {
        let what = format!("a loan in {} disbursements", disbursements.len());
        return Err(unsupported(what, "one disbursement of the whole principal"));
    };
    let malformed =
        || field_error("inputs.disbursements", "must hold a date and an amount", "[\"2024-01-01\", \"100\"]");
    let day = only[0].as_str().and_then(|day| day.parse().ok()).ok_or_else(malformed)?;
    let amount = Money::parse(only[1].as_str().ok_or_else(malformed)?, currency).map_err(math)?;
    if inputs["principal"].is_string() && money(inputs, "principal", currency)? != amount {
        return Err(unsupported(format!("a disbursement of {amount}"), "one disbursement of the whole principal"));
    }
    Ok((amount, day))
}

fn installments(inputs: &Value, every: Every) -> Result<u32, CalcError> {
    let refuse = || field_error("inputs.installments", "must be a whole number above zero", "6");
    match &inputs["installments"] {
        Value::Null => {}
        number => {
            return number.as_u64().and_then(|number| u32::try_from(number).ok()).ok_or_else(refuse);
        }
    }
    let term = match inputs["term"].as_str() {
        Some(term) => term.parse::<Every>()?,
        None => Every { n: TERM_UNITS_DEFAULT, unit: every.unit },
    };
    if term.unit != every.unit {
        let what = "a term in another unit than repay_every without installments".to_owned();
        return Err(unsupported(what, "inputs.installments, or a term in the unit of repay_every"));
    }
    Ok(term.n.checked_div(every.n).ok_or_else(refuse)?.max(1))
}

fn method(inputs: &Value) -> Result<Method, CalcError> {
    let interest_type = text(inputs, "interest_type")?;
    let amortization = text(inputs, "amortization")?;
    let spread = amortization.split_whitespace().next().unwrap_or_default();
    match (interest_type, spread) {
        ("FLAT", "EQUAL_INSTALLMENTS") => Ok(Method::Flat),
        ("DECLINING_BALANCE", "EQUAL_INSTALLMENTS") => Ok(Method::EqualInstallments),
        ("DECLINING_BALANCE", "EQUAL_PRINCIPAL_PAYMENTS") => Ok(Method::EqualPrincipal),
        _ => Err(unsupported(
            format!("interest_type {interest_type:?} with amortization {spread:?}"),
            "FLAT or DECLINING_BALANCE with EQUAL_INSTALLMENTS, DECLINING_BALANCE with EQUAL_PRINCIPAL_PAYMENTS",
        )),
    }
}

fn interest_period(inputs: &Value) -> Result<InterestPeriod, CalcError> {
    match text(inputs, "interest_period")? {
        "DAILY" => Ok(InterestPeriod::Daily),
        "SAME_AS_REPAYMENT_PERIOD" => Ok(InterestPeriod::SameAsRepayment),
        other => Err(unsupported(format!("interest_period {other:?}"), "DAILY or SAME_AS_REPAYMENT_PERIOD")),
    }
}

fn days_in_month(inputs: &Value) -> Result<DaysInMonth, CalcError> {
    match lookup(inputs, "days_in_month").as_str().unwrap_or_default() {
        "30" => Ok(DaysInMonth::Thirty),
        "ACTUAL" => Ok(DaysInMonth::Actual),
        other => Err(unsupported(format!("days_in_month {other:?}"), "\"30\" or \"ACTUAL\"")),
    }
}

fn days_in_year(inputs: &Value) -> Result<DaysInYear, CalcError> {
    match lookup(inputs, "days_in_year").as_str().unwrap_or_default() {
        "360" => Ok(DaysInYear::D360),
        "364" => Ok(DaysInYear::D364),
        "365" => Ok(DaysInYear::D365),
        "ACTUAL" => Ok(DaysInYear::Actual),
        other => Err(unsupported(format!("days_in_year {other:?}"), "\"360\", \"364\", \"365\" or \"ACTUAL\"")),
    }
}

fn month_end(inputs: &Value) -> Result<MonthEndStrategy, CalcError> {
    match &inputs["month_end_due_date_strategy"] {
        Value::Null => Ok(MonthEndStrategy::Clamp),
        named => match named.as_str().unwrap_or_default() {
            "LAST_DAY_OF_MONTH" => Ok(MonthEndStrategy::Clamp),
            "FIRST_DAY_OF_NEXT_MONTH" => Ok(MonthEndStrategy::Roll),
            "FIRST_DAY_OF_NEXT_MONTH and LAST_DAY_OF_MONTH" => Ok(MonthEndStrategy::Both),
            other => Err(unsupported(
                format!("month_end_due_date_strategy {other:?}"),
                "LAST_DAY_OF_MONTH, FIRST_DAY_OF_NEXT_MONTH, or both joined with \" and \"",
            )),
        },
    }
}

fn installment_multiple(inputs: &Value, currency: Currency) -> Result<Option<Money>, CalcError> {
    let amount = match lookup(inputs, "installment_amount_in_multiples_of") {
        Value::Null => return Ok(None),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => {
            return Err(field_error("inputs.installment_amount_in_multiples_of", "must be an amount or null", "1"));
        }
    };
    Ok(Some(Money::parse(&amount, currency).map_err(math)?))
}

/// The mode before any remark: `HALF_EVEN (global config rounding-mode=6)`.
fn rounding(inputs: &Value) -> Result<Rounding, CalcError> {
    let mode = text(inputs, "rounding_mode")?.split_whitespace().next().unwrap_or_default();
    mode.parse().map_err(math)
}

fn precision(inputs: &Value) -> Result<u32, CalcError> {
    match &inputs["math_context_precision"] {
        Value::Null => Ok(PRECISION_DEFAULT),
        digits => digits.as_u64().and_then(|digits| u32::try_from(digits).ok()).ok_or_else(|| {
            field_error("inputs.math_context_precision", "must be a number of significant digits", "12")
        }),
    }
}

/// Cases name decimals, not a currency; any currency with those decimals gives the same figures.
fn currency(inputs: &Value) -> Result<Currency, CalcError> {
    if let Some(code) = inputs["currency"].as_str() {
        return Currency::from_code(code).map_err(math);
    }
    match inputs["currency_decimals"].as_u64() {
        Some(0) => Ok(Currency::JPY),
        Some(2) => Ok(Currency::EUR),
        Some(3) => Currency::from_code("KWD").map_err(math),
        _ => Err(field_error("inputs.currency_decimals", "must be 0, 2 or 3", "2")),
    }
}

fn events(inputs: &Value, currency: Currency) -> Result<Vec<Event>, CalcError> {
    let events = match &inputs["events"] {
        Value::Null => return Ok(Vec::new()),
        Value::Array(events) => events,
        _ => {
            return Err(field_error("inputs.events", "must be a list", "[{\"business_date\":\"2024-01-01\"}]"));
        }
    };
    events.iter().map(|event| read_event(event, currency)).collect()
}

fn read_event(event: &Value, currency: Currency) -> Result<Event, CalcError> {
    match (&event["op"], &event["business_date"]) {
        (Value::Null, Value::String(_)) => date(event, "business_date").map(|_| Event::BusinessDate),
        (Value::String(op), _) if op == "approve" => Ok(Event::Approve { amount: money(event, "amount", currency)? }),
        (Value::String(op), _) if op == "disburse" => {
            Ok(Event::Disburse { amount: money(event, "amount", currency)?, on: date(event, "on")? })
        }
        (Value::String(op), _) => Err(unsupported(format!("event {op:?}"), "business_date, approve and disburse")),
        _ => Err(unsupported(format!("event {event}"), "business_date, approve and disburse")),
    }
}

/// A field of the inputs or, where cases of products keep it, of `product_parameters`.
fn lookup<'a>(inputs: &'a Value, field: &str) -> &'a Value {
    if inputs[field].is_null() { &inputs["product_parameters"][field] } else { &inputs[field] }
}

fn text<'a>(object: &'a Value, field: &str) -> Result<&'a str, CalcError> {
    let refuse = || field_error(&format!("inputs.{field}"), "must be a text", "\"12\" for annual_rate_percent");
    object[field].as_str().ok_or_else(refuse)
}

fn money(object: &Value, field: &str, currency: Currency) -> Result<Money, CalcError> {
    Money::parse(text(object, field)?, currency).map_err(math)
}

fn date(object: &Value, field: &str) -> Result<Date, CalcError> {
    let refuse = || field_error(&format!("inputs.{field}"), "must be a date", "\"2024-01-31\"");
    object[field].as_str().and_then(|day| day.parse().ok()).ok_or_else(refuse)
}

fn field_error(field: &str, rule: &'static str, example: &'static str) -> CalcError {
    CalcError::Field { field: field.to_owned(), rule, example }
}

fn unsupported(what: String, supported: &'static str) -> CalcError {
    CalcError::Unsupported { what, supported }
}

fn math(error: sycee_money::MoneyError) -> CalcError {
    CalcError::Math(error.into())
}
