//! `sycee calc`: loan schedules without a database, one case or many.

use std::io::Read as _;

use clap::Args;
use serde_json::{Value, json};
use sycee_loan_math::calc::calc;

use crate::Context;
use crate::output::{Failure, Verdict, say};

const EXAMPLES: &str = r#"Examples:
  sycee calc <<'END'
  {"id": "my-loan", "kind": "schedule", "inputs": {
    "start_date": "2026-01-15", "principal": "1000", "currency": "GHS",
    "annual_rate_percent": "12", "installments": 6, "repay_every": "1 MONTHS",
    "interest_type": "DECLINING_BALANCE", "amortization": "EQUAL_INSTALLMENTS",
    "interest_period": "SAME_AS_REPAYMENT_PERIOD", "rounding_mode": "HALF_EVEN",
    "days_in_month": "30", "days_in_year": "360"}}
  END
  sycee calc < cases.json | jq '.[].periods[0].emi'

The answer: {"id", "periods": [{nr, from, due_date, emi, rate_factor, interest,
principal, balance}], "states": [one object after each event]}, and where the
case says what no schedule is made of, "unused": [its keys]. Many cases (an
array, or {"cases": [...]}) give an array; a case that cannot be calculated
gives {"id", "error"} in its place, and the exit code is 2. A key that no case
has, such as a misspelt one, is refused."#;

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
    if !context.json {
        for note in unused(&answer) {
            eprintln!("note: {note}");
        }
    }
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
            return calc(input)
                .map(|figures| (figures, Vec::new()))
                .map_err(|error| Failure::input(format!("{}: {error}", name(input))));
        }
        _ => return Err(Failure::input("stdin is neither a case nor an array of cases: see sycee calc --help")),
    };
    let mut failed = Vec::new();
    let figures = cases.iter().map(|case| {
        calc(case).unwrap_or_else(|error| {
            failed.push(format!("{}: {error}", name(case)));
            json!({ "id": case["id"], "error": error.to_string() })
        })
    });
    Ok((figures.collect(), failed))
}

/// What of each case decides nothing, for people.
fn unused(answer: &Value) -> Vec<String> {
    let answers = answer.as_array().map_or(std::slice::from_ref(answer), Vec::as_slice);
    let note = |answer: &Value| {
        let keys: Vec<&str> = answer["unused"].as_array()?.iter().filter_map(Value::as_str).collect();
        (!keys.is_empty()).then(|| format!("{}: a schedule has no use for {}", name(answer), keys.join(", ")))
    };
    answers.iter().filter_map(note).collect()
}

fn name(case: &Value) -> String {
    case["id"].as_str().map_or_else(|| "a case without id".to_owned(), |id| format!("case {id}"))
}
