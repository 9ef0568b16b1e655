//! The inputs of a worked case as loan terms and events.
//!
//! Where `installments` is missing, `term ÷ repay_every` counts them. Where `term` is missing too, the term is six units
//! of the repayment frequency: the cases that leave both out (LC073, LC074, LC076, LC077, LC079, LC080) repay over six
//! months or six weeks, so `1 MONTH` and `1 WEEK` give six installments and `2 WEEKS` gives three.
//!
//! Invariant: a feature that would change the figures is read or refused, never dropped.
//! Invariant: what is said twice is said alike, or refused.
//! Invariant: a refusal names the field as the case does.

use serde_json::Value;
use sycee_money::{Currency, Date, Money, Rate, Rounding};

use super::CalcError;
use super::events::{Event, events};
use super::fields::{at, date, field_error, money, text, unreadable, unsupported};
use crate::schedule::{
    DayBasis, DaysInMonth, DaysInYear, Every, InterestPeriod, LoanTerms, Method, MonthEnd, PRECISION_DEFAULT,
};

const TERM_UNITS_DEFAULT: u32 = 6;
/// Where the fields stand.
const INPUTS: &str = "inputs";

/// What a case asks for.
pub(super) struct CaseInputs {
    pub(super) terms: LoanTerms,
    pub(super) month_end: MonthEndStrategy,
    pub(super) events: Vec<Event>,
    /// Whether `term` decides nothing.
    pub(super) term_is_unused: bool,
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
            return Err(field_error(INPUTS, "must be an object", "{\"principal\":\"100\"}"));
        }
        refuse_unsupported_features(inputs)?;
        let currency = currency(inputs)?;
        let (principal, start) = payout(inputs, currency)?;
        let month_end = month_end(inputs)?;
        let every = every(inputs, "repay_every")?;
        let (installments, term_is_unused) = installments(inputs, every)?;
        let percent = text(inputs, INPUTS, "annual_rate_percent", "\"12\"")?;
        let terms = LoanTerms {
            principal,
            annual_rate: Rate::from_percent_str(percent)
                .map_err(|why| unreadable(at(INPUTS, "annual_rate_percent"), why))?,
            method: method(inputs)?,
            interest_period: interest_period(inputs)?,
            day_basis: DayBasis::Calendar {
                days_in_month: days_in_month(inputs)?,
                days_in_year: days_in_year(inputs)?,
            },
            start,
            every,
            installments,
            installment_multiple: installment_multiple(inputs, currency)?,
            rounding: rounding(inputs)?,
            month_end: if month_end == MonthEndStrategy::Roll { MonthEnd::Roll } else { MonthEnd::Clamp },
            first_due: None,
            precision: precision(inputs)?,
        };
        Ok(CaseInputs { terms, month_end, events: events(inputs, currency)?, term_is_unused })
    }
}

fn refuse_unsupported_features(inputs: &Value) -> Result<(), CalcError> {
    let product = &inputs["product_parameters"];
    if !product.is_null() && !product.is_object() {
        return Err(field_error("inputs.product_parameters", "must be an object", "{\"days_in_year\":\"360\"}"));
    }
    for grace in ["grace_principal", "grace_interest", "interest_free_period"] {
        let value = &inputs[grace];
        if !value.is_null() && value.as_u64() != Some(0) {
            return Err(unsupported(format!("inputs.{grace} {value}"), "schedules without grace, it must be 0"));
        }
    }
    for feature in ["charges", "down_payment", "down_payment_percent"] {
        for (place, object) in [("inputs", inputs), ("inputs.product_parameters", product)] {
            if !object[feature].is_null() {
                return Err(unsupported(at(place, feature), "schedules of principal and interest"));
            }
        }
    }
    let rate = &product["rate_frequency"];
    if !rate.is_null() && rate != "PER_YEAR" {
        let what = format!("inputs.product_parameters.rate_frequency {rate}");
        return Err(unsupported(what, "a rate \"PER_YEAR\", in annual_rate_percent"));
    }
    let recalculated = &product["interest_recalculation"];
    if !recalculated.is_null() && recalculated != false {
        let what = format!("inputs.product_parameters.interest_recalculation {recalculated}");
        return Err(unsupported(what, "schedules as they are planned, it must be false"));
    }
    Ok(())
}

/// The principal and the day it is paid out, from `start_date` or the one disbursement.
fn payout(inputs: &Value, currency: Currency) -> Result<(Money, Date), CalcError> {
    const PRINCIPAL: &str = "\"1000.00\"";
    let disbursements = match &inputs["disbursements"] {
        Value::Null => {
            let principal = money(inputs, INPUTS, "principal", currency, PRINCIPAL)?;
            return Ok((principal, date(inputs, INPUTS, "start_date")?));
        }
        Value::Array(disbursements) => disbursements,
        _ => {
            return Err(field_error("inputs.disbursements", "must be a list", "[[\"2024-01-01\", \"100\"]]"));
        }
    };
    let [only] = disbursements.as_slice() else {
        let what = format!("inputs.disbursements with {} of them", disbursements.len());
        return Err(unsupported(what, "one disbursement of the whole principal"));
    };
    let malformed =
        || field_error("inputs.disbursements[0]", "must hold a date and an amount", "[\"2024-01-01\", \"100\"]");
    let Some([day, amount]) = only.as_array().map(Vec::as_slice) else { return Err(malformed()) };
    let day: Date = day.as_str().and_then(|day| day.parse().ok()).ok_or_else(malformed)?;
    let amount = Money::parse(amount.as_str().ok_or_else(malformed)?, currency)
        .map_err(|why| unreadable("inputs.disbursements[0]".to_owned(), why))?;
    if !inputs["principal"].is_null() && money(inputs, INPUTS, "principal", currency, PRINCIPAL)? != amount {
        let what = format!("inputs.disbursements[0] of {amount}, which is not inputs.principal,");
        return Err(unsupported(what, "one disbursement of the whole principal"));
    }
    if !inputs["start_date"].is_null() && date(inputs, INPUTS, "start_date")? != day {
        let what = format!("inputs.disbursements[0] on {day}, which is not inputs.start_date,");
        return Err(unsupported(what, "one disbursement on the start date"));
    }
    Ok((amount, day))
}

/// How many installments, and whether `term` is given beside them in a unit that cannot be compared.
fn installments(inputs: &Value, every: Every) -> Result<(u32, bool), CalcError> {
    let refuse = || field_error("inputs.installments", "must be a whole number above zero", "6");
    let term = match &inputs["term"] {
        Value::Null => None,
        _ => Some(self::every(inputs, "term")?),
    };
    let by_term = |term: Every| (term.n / every.n).max(1);
    if !inputs["installments"].is_null() {
        let number =
            inputs["installments"].as_u64().and_then(|number| u32::try_from(number).ok()).ok_or_else(refuse)?;
        let comparable = term.filter(|term| term.unit == every.unit);
        if let Some(term) = comparable
            && number > 0
            && by_term(term) != number
        {
            let what = format!("inputs.term {} beside inputs.installments {number}", inputs["term"]);
            return Err(unsupported(
                what,
                "a term of as many repay_every as there are installments, or one of the two",
            ));
        }
        return Ok((number, term.is_some() && comparable.is_none()));
    }
    let term = term.unwrap_or(Every { n: TERM_UNITS_DEFAULT, unit: every.unit });
    if term.unit != every.unit {
        let what = "inputs.term in another unit than inputs.repay_every, without inputs.installments,".to_owned();
        return Err(unsupported(what, "inputs.installments, or a term in the unit of repay_every"));
    }
    Ok((by_term(term), false))
}

fn every(inputs: &Value, field: &str) -> Result<Every, CalcError> {
    const EXAMPLE: &str = "\"1 MONTHS\"";
    let every: Option<Every> = text(inputs, INPUTS, field, EXAMPLE)?.parse().ok();
    let refuse = || field_error(&at(INPUTS, field), "must be a number above zero and DAYS, WEEKS or MONTHS", EXAMPLE);
    every.filter(|every| every.n > 0).ok_or_else(refuse)
}

fn method(inputs: &Value) -> Result<Method, CalcError> {
    let interest_type = text(inputs, INPUTS, "interest_type", "\"DECLINING_BALANCE\"")?;
    let amortization = text(inputs, INPUTS, "amortization", "\"EQUAL_INSTALLMENTS\"")?;
    let spread = amortization.split_whitespace().next().unwrap_or_default();
    match (interest_type, spread) {
        ("FLAT", "EQUAL_INSTALLMENTS") => Ok(Method::Flat),
        ("DECLINING_BALANCE", "EQUAL_INSTALLMENTS") => Ok(Method::EqualInstallments),
        ("DECLINING_BALANCE", "EQUAL_PRINCIPAL_PAYMENTS") => Ok(Method::EqualPrincipal),
        _ => Err(unsupported(
            format!("inputs.interest_type {interest_type:?} with inputs.amortization {spread:?}"),
            "FLAT or DECLINING_BALANCE with EQUAL_INSTALLMENTS, DECLINING_BALANCE with EQUAL_PRINCIPAL_PAYMENTS",
        )),
    }
}

fn interest_period(inputs: &Value) -> Result<InterestPeriod, CalcError> {
    match text(inputs, INPUTS, "interest_period", "\"DAILY\"")? {
        "DAILY" => Ok(InterestPeriod::Daily),
        "SAME_AS_REPAYMENT_PERIOD" => Ok(InterestPeriod::SameAsRepayment),
        other => Err(unsupported(format!("inputs.interest_period {other:?}"), "DAILY or SAME_AS_REPAYMENT_PERIOD")),
    }
}

fn days_in_month(inputs: &Value) -> Result<DaysInMonth, CalcError> {
    let (place, object) = home(inputs, "days_in_month")?;
    match text(object, place, "days_in_month", "\"30\"")? {
        "30" => Ok(DaysInMonth::Thirty),
        "ACTUAL" => Ok(DaysInMonth::Actual),
        other => Err(unsupported(format!("{place}.days_in_month {other:?}"), "\"30\" or \"ACTUAL\"")),
    }
}

fn days_in_year(inputs: &Value) -> Result<DaysInYear, CalcError> {
    let (place, object) = home(inputs, "days_in_year")?;
    match text(object, place, "days_in_year", "\"360\"")? {
        "360" => Ok(DaysInYear::D360),
        "364" => Ok(DaysInYear::D364),
        "365" => Ok(DaysInYear::D365),
        "ACTUAL" => Ok(DaysInYear::Actual),
        other => Err(unsupported(format!("{place}.days_in_year {other:?}"), "\"360\", \"364\", \"365\" or \"ACTUAL\"")),
    }
}

fn month_end(inputs: &Value) -> Result<MonthEndStrategy, CalcError> {
    const FIELD: &str = "month_end_due_date_strategy";
    if inputs[FIELD].is_null() {
        return Ok(MonthEndStrategy::Clamp);
    }
    match text(inputs, INPUTS, FIELD, "\"LAST_DAY_OF_MONTH\"")? {
        "LAST_DAY_OF_MONTH" => Ok(MonthEndStrategy::Clamp),
        "FIRST_DAY_OF_NEXT_MONTH" => Ok(MonthEndStrategy::Roll),
        "FIRST_DAY_OF_NEXT_MONTH and LAST_DAY_OF_MONTH" => Ok(MonthEndStrategy::Both),
        other => Err(unsupported(
            format!("inputs.{FIELD} {other:?}"),
            "LAST_DAY_OF_MONTH, FIRST_DAY_OF_NEXT_MONTH, or both joined with \" and \"",
        )),
    }
}

fn installment_multiple(inputs: &Value, currency: Currency) -> Result<Option<Money>, CalcError> {
    const FIELD: &str = "installment_amount_in_multiples_of";
    let (place, object) = home(inputs, FIELD)?;
    let amount = match &object[FIELD] {
        Value::Null => return Ok(None),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => {
            return Err(field_error(&at(place, FIELD), "must be an amount or null", "1"));
        }
    };
    Money::parse(&amount, currency).map(Some).map_err(|why| unreadable(at(place, FIELD), why))
}

/// The mode before any remark: `HALF_EVEN (global config rounding-mode=6)`.
fn rounding(inputs: &Value) -> Result<Rounding, CalcError> {
    let mode = text(inputs, INPUTS, "rounding_mode", "\"HALF_EVEN\"")?;
    let mode = mode.split_whitespace().next().unwrap_or_default();
    mode.parse().map_err(|why| unreadable(at(INPUTS, "rounding_mode"), why))
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
    let decimals = &inputs["currency_decimals"];
    let by_decimals = match (decimals, decimals.as_u64()) {
        (Value::Null, _) => None,
        (_, Some(0)) => Some(Currency::JPY),
        (_, Some(2)) => Some(Currency::EUR),
        (_, Some(3)) => {
            Some(Currency::from_code("KWD").map_err(|why| unreadable(at(INPUTS, "currency_decimals"), why))?)
        }
        _ => return Err(field_error("inputs.currency_decimals", "must be 0, 2 or 3", "2")),
    };
    if inputs["currency"].is_null() {
        let neither =
            || field_error("inputs.currency", "must be a currency, or currency_decimals 0, 2 or 3", "\"GHS\"");
        return by_decimals.ok_or_else(neither);
    }
    let code = text(inputs, INPUTS, "currency", "\"GHS\"")?;
    let currency = Currency::from_code(code).map_err(|why| unreadable(at(INPUTS, "currency"), why))?;
    if by_decimals.is_some_and(|other| other.minor_digits() != currency.minor_digits()) {
        let what = format!("inputs.currency_decimals {decimals} beside inputs.currency {code:?}");
        return Err(unsupported(what, "the decimals of the currency, or one of the two"));
    }
    Ok(currency)
}

/// Where a field stands: in the inputs or, where cases of products keep it, in `product_parameters`.
///
/// Errors: `Unsupported` when both say it, and not alike.
fn home<'a>(inputs: &'a Value, field: &str) -> Result<(&'static str, &'a Value), CalcError> {
    let product = &inputs["product_parameters"];
    match (&inputs[field], &product[field]) {
        (own, of_product) if !own.is_null() && !of_product.is_null() && own != of_product => {
            let what = format!("inputs.{field} {own} beside inputs.product_parameters.{field} {of_product}");
            Err(unsupported(what, "one of the two"))
        }
        (Value::Null, of_product) if !of_product.is_null() => Ok(("inputs.product_parameters", product)),
        _ => Ok((INPUTS, inputs)),
    }
}
