//! Which keys a case may have, and what becomes of each: read, named as unused, or refused.
//!
//! Invariant: no key is dropped in silence: what would change the figures is read or refused, what would not is named in
//! the answer's `unused`.

use serde_json::Value;

use super::CalcError;

/// Keys of an object: those that are read, and those that a schedule has no use for.
struct Keys {
    read: &'static [&'static str],
    unused: &'static [&'static str],
}

/// What a case tells beside its inputs is for people.
const CASE: Keys = Keys { read: &["checked", "expected", "id", "inputs", "kind", "note", "source"], unused: &[] };
/// How payments are shared out, and what a product is called, is nothing that a schedule is made of.
const INPUTS: Keys = Keys {
    read: &[
        "amortization",
        "annual_rate_percent",
        "charges",
        "currency",
        "currency_decimals",
        "days_in_month",
        "days_in_year",
        "disbursements",
        "down_payment",
        "down_payment_percent",
        "events",
        "grace_interest",
        "grace_principal",
        "installment_amount_in_multiples_of",
        "installments",
        "interest_free_period",
        "interest_period",
        "interest_type",
        "math_context_precision",
        "month_end_due_date_strategy",
        "principal",
        "product_parameters",
        "repay_every",
        "rounding_mode",
        "start_date",
        "term",
    ],
    unused: &["allocation", "allocation_order", "product"],
};
const PRODUCT_PARAMETERS: Keys = Keys {
    read: &[
        "charges",
        "days_in_month",
        "days_in_year",
        "down_payment",
        "down_payment_percent",
        "installment_amount_in_multiples_of",
        "interest_recalculation",
        "rate_frequency",
    ],
    unused: &["accounting", "allow_partial_period_interest", "grace_on_arrears_ageing_days", "loan_schedule_type"],
};
const EVENT: Keys = Keys { read: &["amount", "business_date", "expected_disbursement", "on", "op"], unused: &[] };

/// Where the keys stand that a schedule has no use for, in order.
///
/// Errors: `UnknownKey` for the first key that nobody knows: what is misspelt would change nothing, unseen.
pub(super) fn unused(case: &Value) -> Result<Vec<String>, CalcError> {
    let inputs = &case["inputs"];
    let mut objects = vec![
        ("the case".to_owned(), case, CASE),
        ("inputs".to_owned(), inputs, INPUTS),
        ("inputs.product_parameters".to_owned(), &inputs["product_parameters"], PRODUCT_PARAMETERS),
    ];
    let events = inputs["events"].as_array().into_iter().flatten().enumerate();
    objects.extend(events.map(|(at, event)| (format!("inputs.events[{at}]"), event, EVENT)));
    let mut unused = Vec::new();
    for (place, object, keys) in objects {
        for key in object.as_object().into_iter().flat_map(|object| object.keys()) {
            if keys.unused.contains(&key.as_str()) {
                unused.push(format!("{place}.{key}"));
            } else if !keys.read.contains(&key.as_str()) {
                let mut known = [keys.read, keys.unused].concat();
                known.sort_unstable();
                return Err(CalcError::UnknownKey { place, key: key.clone(), known: known.join(", ") });
            }
        }
    }
    Ok(unused)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_key_is_read_named_or_refused() {
        let case = json!({ "id": "a", "inputs": {
            "principal": "100", "product": "p", "product_parameters": { "accounting": "NONE" }, "events": [{ "op": "x" }],
        }});
        assert_eq!(unused(&case).unwrap(), ["inputs.product", "inputs.product_parameters.accounting"]);
        for (pointer, place) in [
            ("", "the case"),
            ("/inputs", "inputs"),
            ("/inputs/product_parameters", "inputs.product_parameters"),
            ("/inputs/events/0", "inputs.events[0]"),
        ] {
            let mut wrong = case.clone();
            wrong.pointer_mut(pointer).unwrap()["prinzipal"] = json!(1);
            let said = unused(&wrong).unwrap_err().to_string();
            assert!(said.starts_with(&format!("{place} has no \"prinzipal\": it knows ")), "{said}");
        }
    }

    #[test]
    fn keys_stand_in_order_so_that_people_find_theirs() {
        for keys in [CASE, INPUTS, PRODUCT_PARAMETERS, EVENT] {
            assert!(keys.read.is_sorted() && keys.unused.is_sorted());
        }
    }
}
