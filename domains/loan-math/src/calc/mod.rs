//! One worked case in, its figures out: the entry point for comparing this crate with published loan figures.
//!
//! A case has an `id`, a `kind` and `inputs`, spelled as in `tests/data/lending_cases.json`; `expected` is not read.
//! The answer holds `periods` (the plan at full detail) and `states`, one after each event, or one for a plain schedule;
//! `unused` names what the case says and no schedule is made of, such as how payments are shared out; it is left out when
//! there is no such thing.
//!
//! Invariant: the answer depends on `id`, `kind` and `inputs` only; what is not supported is an error, never a guess.

mod events;
mod fields;
mod inputs;
mod keys;
mod report;

use serde_json::{Value, json};
use sycee_money::MoneyError;

use crate::{
    LoanMathError,
    schedule::{MonthEnd, Schedule, build, due_dates},
};
use events::{Event, place};
use inputs::{CaseInputs, MonthEndStrategy};

/// The kind of case that is supported.
const KINDS: &str = "schedule";

/// Why a case was not calculated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CalcError {
    /// A field is missing or can't be read.
    #[error("{field} {rule}, for example {example}")]
    Field {
        /// Where it stands, such as `inputs.principal`.
        field: String,
        /// The rule it breaks.
        rule: &'static str,
        /// A value that would be accepted.
        example: &'static str,
    },
    /// A field holds no amount, rate or name.
    #[error("{field}: {why}")]
    Unreadable {
        /// Where it stands, such as `inputs.principal`.
        field: String,
        /// What is wrong with it.
        why: MoneyError,
    },
    /// A key that no case has; misspelt, or of something this crate doesn't calculate.
    #[error("{place} has no {key:?}: it knows {known}")]
    UnknownKey {
        /// Where it stands, such as `inputs`.
        place: String,
        /// The key.
        key: String,
        /// The keys that may stand there.
        known: String,
    },
    /// The case asks for something this crate doesn't calculate.
    #[error("{what} is not supported: {supported}")]
    Unsupported {
        /// What was asked for.
        what: String,
        /// What is supported instead.
        supported: &'static str,
    },
    /// The figures could not be computed.
    #[error(transparent)]
    Math(#[from] LoanMathError),
}

/// The figures of one case.
///
/// Errors: `Field` and `Unreadable` for fields, `UnknownKey` for keys, `Unsupported` for other kinds, events and product
/// features, `Math` where the terms themselves are refused.
pub fn calc(case: &Value) -> Result<Value, CalcError> {
    let kind = case["kind"].as_str().unwrap_or_default();
    if kind != KINDS {
        let supported = "the kind \"schedule\", with the events business_date, approve and disburse";
        return Err(CalcError::Unsupported { what: format!("kind {kind:?}"), supported });
    }
    let id = case["id"].as_str().ok_or_else(|| CalcError::Field {
        field: "id".to_owned(),
        rule: "must be a text",
        example: "\"LC001\"",
    })?;
    let mut unused = keys::unused(case)?;
    let inputs = CaseInputs::read(&case["inputs"])?;
    if inputs.term_is_unused {
        unused.push("inputs.term".to_owned());
    }
    let schedule = build(&inputs.terms).map_err(as_the_case_names_it)?;
    let states = if inputs.events.is_empty() {
        vec![plain_state(&inputs, &schedule)?]
    } else {
        states_after_events(&inputs, &schedule)?
    };
    let mut answer = json!({ "id": id, "periods": report::periods(&schedule), "states": states });
    if !unused.is_empty() {
        answer["unused"] = json!(unused);
    }
    Ok(answer)
}

/// A refusal of the terms with the field and the values of a case.
fn as_the_case_names_it(error: LoanMathError) -> LoanMathError {
    let LoanMathError::Invalid { field, rule, example } = error else { return error };
    let (field, rule, example) = match field {
        "principal" => ("inputs.principal", rule, example),
        "annual_rate" => ("inputs.annual_rate_percent", "must be from 0 to 100000", "\"12\""),
        "installments" => ("inputs.installments", rule, example),
        "every" => ("inputs.repay_every", "must repeat after 1 to 1000 units", "\"1 MONTHS\""),
        "precision" => ("inputs.math_context_precision", rule, example),
        "installment_multiple" => ("inputs.installment_amount_in_multiples_of", rule, example),
        _ => (field, rule, example),
    };
    LoanMathError::Invalid { field, rule, example }
}

fn plain_state(inputs: &CaseInputs, schedule: &Schedule) -> Result<Value, CalcError> {
    let mut state = json!({ "schedule": report::plan_rows(schedule), "total": report::plan_total(schedule) });
    if inputs.month_end == MonthEndStrategy::Both {
        let dates = |month_end| due_dates(&crate::schedule::LoanTerms { month_end, ..inputs.terms.clone() });
        state["due_dates_roll"] = json!(dates(MonthEnd::Roll)?);
        state["due_dates_clamp"] = json!(dates(MonthEnd::Clamp)?);
    }
    Ok(state)
}

/// Approval and payout of the whole principal on the first day leave the plan as it is; nothing is paid by them.
fn states_after_events(inputs: &CaseInputs, schedule: &Schedule) -> Result<Vec<Value>, CalcError> {
    let mut states = Vec::with_capacity(inputs.events.len());
    let mut disbursed = false;
    for (index, event) in inputs.events.iter().enumerate() {
        match event {
            Event::BusinessDate => {}
            Event::Approve { amount, .. } | Event::Disburse { amount, .. } if *amount != inputs.terms.principal => {
                return Err(CalcError::Unsupported {
                    what: format!("{}.amount {amount} of a principal of {}", place(index), inputs.terms.principal),
                    supported: "the whole principal is approved and disbursed at once",
                });
            }
            Event::Approve { expected: Some(on), .. } if *on != inputs.terms.start => {
                return Err(CalcError::Unsupported {
                    what: format!("{}.expected_disbursement {on} of a loan from {}", place(index), inputs.terms.start),
                    supported: "the payout is expected on the start date",
                });
            }
            Event::Disburse { on, .. } if *on != inputs.terms.start => {
                return Err(CalcError::Unsupported {
                    what: format!("{}.on {on} of a loan from {}", place(index), inputs.terms.start),
                    supported: "the payout is on the start date",
                });
            }
            Event::Disburse { .. } if disbursed => {
                return Err(CalcError::Unsupported {
                    what: format!("{}, a second payout,", place(index)),
                    supported: "the whole principal is approved and disbursed at once",
                });
            }
            Event::Approve { .. } => {}
            Event::Disburse { .. } => disbursed = true,
        }
        states.push(json!({
            "after_event": index + 1,
            "schedule": report::servicing_rows(schedule, disbursed),
            "total": report::servicing_total(schedule),
        }));
    }
    Ok(states)
}
