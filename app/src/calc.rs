//! `sycee calc`: loan schedules without a database, one case or many.

use std::io::Read as _;

use clap::Args;
use serde_json::{Value, json};

use crate::Context;
use crate::output::{Failure, Verdict, say};

const EXAMPLES: &str = r#"Examples:
  sycee calc <<'END'
  {"id": "my-loan", "kind": "schedule", "inputs": {
    "start_date": "2026-01-15", "principal": "1000", "currency": "GHS", "annual_rate_percent": "12",
    "installments": 6, "repay_every": "1 MONTHS", "interest_type": "DECLINING_BALANCE",
    "interest_period": "SAME_AS_REPAYMENT_PERIOD", "amortization": "EQUAL_INSTALLMENTS", "days_in_month": "30",
    "days_in_year": "360", "rounding_mode": "HALF_EVEN"}}
  END
  sycee calc < cases.json | jq '.[].periods[0].emi'

The answer: {"id", "periods": [{nr, from, due_date, emi, rate_factor, interest, principal, balance}],
"states": [one object after each event]}. Many cases (an array, or {"cases": [...]}) give an array; a case that cannot
be calculated gives {"id", "error"} in its place, and the exit code is 2. An input that no schedule has, such as a
misspelt one, is refused."#;

/// Keys that a schedule's inputs may have: what is read or refused by name, and what the worked cases tell beside it.
const INPUTS: &[&str] = &[
    "allocation",
    "allocation_order",
    "amortization",
    "amount",
    "annual_rate_percent",
    "bpi_recovery",
    "broken_period_days",
    "charges",
    "currency",
    "currency_decimals",
    "day_count",
    "days_in_month",
    "days_in_year",
    "disbursed",
    "disbursements",
    "down_payment",
    "down_payment_percent",
    "events",
    "expected_first_due",
    "fee_percent",
    "first_due",
    "grace_interest",
    "grace_principal",
    "installment_amount_in_multiples_of",
    "installments",
    "interest_free_period",
    "interest_period",
    "interest_type",
    "math_context_precision",
    "month_end_due_date_strategy",
    "months",
    "one_time_fee_percent",
    "principal",
    "product",
    "product_parameters",
    "repay_every",
    "rounding",
    "rounding_mode",
    "start_date",
    "term",
];
/// The same within `product_parameters`.
const PRODUCT_PARAMETERS: &[&str] = &[
    "accounting",
    "advance_payment_adjustment",
    "allow_partial_period_interest",
    "auto_down_payment",
    "charges",
    "compounding",
    "days_in_month",
    "days_in_year",
    "down_payment",
    "down_payment_percent",
    "grace_on_arrears_ageing_days",
    "installment_amount_in_multiples_of",
    "interest_recalculation",
    "loan_schedule_type",
    "multi_disburse",
    "pre_closure_interest",
    "rate_frequency",
    "rest_frequency",
    "rest_interval",
];
/// The same within an event.
const EVENT: &[&str] =
    &["amount", "business_date", "channel", "charge", "due", "expected_disbursement", "on", "op", "percent"];

/// Calculate loan schedules: cases as JSON on stdin, figures as JSON on stdout
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct CalcArgs {}

/// Reads stdin, answers on stdout.
pub fn run(_: &CalcArgs, context: &Context) -> Result<Verdict, Failure> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(|error| Failure::input(format!("stdin is no text: {error}")))?;
    let input: Value = serde_json::from_str(&text)
        .map_err(|error| Failure::input(format!("stdin is no JSON ({error}): give a case, see sycee calc --help")))?;
    let (answer, failed) = answer(&input)?;
    let text = if context.json { answer.to_string() } else { format!("{answer:#}") };
    say(&format!("{text}\n"))?;
    match failed.as_slice() {
        [] => Ok(Verdict::Fine),
        some => Err(Failure::input(some.join("; "))),
    }
}

/// The figures, and what could not be calculated.
fn answer(input: &Value) -> Result<(Value, Vec<String>), Failure> {
    let cases = match input {
        Value::Array(cases) => cases.as_slice(),
        Value::Object(fields) if fields.get("cases").is_some_and(Value::is_array) => {
            fields["cases"].as_array().map_or(&[][..], |cases| cases)
        }
        Value::Object(_) => {
            return calculate(input)
                .map(|figures| (figures, Vec::new()))
                .map_err(|error| Failure::input(format!("{}: {error}", name(input))));
        }
        _ => return Err(Failure::input("stdin is neither a case nor an array of cases: see sycee calc --help")),
    };
    let mut failed = Vec::new();
    let figures = cases.iter().map(|case| {
        calculate(case).unwrap_or_else(|error| {
            failed.push(format!("{}: {error}", name(case)));
            json!({ "id": case["id"], "error": error })
        })
    });
    Ok((figures.collect(), failed))
}

fn calculate(case: &Value) -> Result<Value, String> {
    match unknown_key(case) {
        Some(refusal) => Err(refusal),
        None => sycee_loan_math::calc::calc(case).map_err(|error| error.to_string()),
    }
}

/// Refuses the first key of a schedule's inputs that nobody knows: what is misspelt would change nothing, unseen.
fn unknown_key(case: &Value) -> Option<String> {
    if case["kind"] != "schedule" {
        return None;
    }
    let inputs = &case["inputs"];
    let mut objects = vec![
        ("inputs".to_owned(), inputs, INPUTS),
        ("inputs.product_parameters".to_owned(), &inputs["product_parameters"], PRODUCT_PARAMETERS),
    ];
    let events = inputs["events"].as_array().into_iter().flatten().enumerate();
    objects.extend(events.map(|(at, event)| (format!("inputs.events[{at}]"), event, EVENT)));
    objects.into_iter().find_map(|(place, object, known)| {
        let key = object.as_object()?.keys().find(|key| !known.contains(&key.as_str()))?;
        Some(format!("{place} has no {key:?}: it knows {}", known.join(", ")))
    })
}

fn name(case: &Value) -> String {
    case["id"].as_str().map_or_else(|| "a case without id".to_owned(), |id| format!("case {id}"))
}
