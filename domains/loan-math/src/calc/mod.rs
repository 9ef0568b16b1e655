//! One worked case in, its figures out: the entry point for comparing this crate with published loan figures.
//!
//! A case has an `id`, a `kind` and `inputs`, spelled as in `tests/data/lending_cases.json`; `expected` is not read.
//! The answer holds `periods` (the plan at full detail) and `states`, one after each event, or one for a plain schedule.
//!
//! Invariant: the answer depends on `id`, `kind` and `inputs` only; what is not supported is an error, never a guess.

mod inputs;
mod report;

use serde_json::{Value, json};

use crate::{
    LoanMathError,
    schedule::{MonthEnd, Schedule, build, due_dates},
};
use inputs::{CaseInputs, Event, MonthEndStrategy};

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
/// Errors: `Field` for missing or unreadable fields, `Unsupported` for other kinds, events and product features, `Math`
/// where the terms themselves are refused.
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
    let inputs = CaseInputs::read(&case["inputs"])?;
    let schedule = build(&inputs.terms)?;
    let states = if inputs.events.is_empty() {
        vec![plain_state(&inputs, &schedule)?]
    } else {
        states_after_events(&inputs, &schedule)?
    };
    Ok(json!({ "id": id, "periods": report::periods(&schedule), "states": states }))
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
            Event::Approve { amount } | Event::Disburse { amount, .. } if *amount != inputs.terms.principal => {
                return Err(CalcError::Unsupported {
                    what: format!("event {}: {amount} of a principal of {}", index + 1, inputs.terms.principal),
                    supported: "the whole principal is approved and disbursed at once",
                });
            }
            Event::Disburse { on, .. } if *on != inputs.terms.start => {
                return Err(CalcError::Unsupported {
                    what: format!("event {}: a payout on {on} of a loan from {}", index + 1, inputs.terms.start),
                    supported: "the payout is on the start date",
                });
            }
            Event::Disburse { .. } if disbursed => {
                return Err(CalcError::Unsupported {
                    what: format!("event {}: a second payout", index + 1),
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
