//! Every figure of the worked cases in `tests/data` against [`calc`].

use rust_decimal::Decimal;
use serde_json::{Value, json};
use sycee_loan_math::calc::{CalcError, calc};

fn cases() -> Vec<Value> {
    let facts: Value = serde_json::from_str(include_str!("../data/lending_cases.json")).unwrap();
    facts["cases"].as_array().unwrap().clone()
}

fn case(id: &str) -> Value {
    cases().into_iter().find(|case| case["id"] == id).unwrap()
}

#[test]
fn every_expected_figure_is_met() {
    let cases = cases();
    assert_eq!(cases.len(), 15);
    let mut figures = 0;
    for mut case in cases {
        let expected = case.as_object_mut().unwrap().remove("expected").unwrap();
        let id = case["id"].as_str().unwrap().to_owned();
        let answer = calc(&case).unwrap_or_else(|error| panic!("{id}: {error}"));
        assert_eq!(answer["id"], case["id"]);
        let mut period_nr = 0;
        for (index, facts) in expected.as_array().unwrap().iter().enumerate() {
            let given = if facts["emi"].is_string() {
                period_nr += 1;
                &answer["periods"][period_nr - 1]
            } else {
                let after_event = facts["after_event"].as_u64().unwrap_or(1) as usize;
                &answer["states"][after_event - 1]
            };
            figures += compare(facts, given, &format!("{id} expected[{index}]"));
        }
        if period_nr > 0 {
            assert_eq!(answer["periods"].as_array().unwrap().len(), period_nr, "{id}");
        }
        let states = case["inputs"]["events"].as_array().map_or(1, Vec::len);
        assert_eq!(answer["states"].as_array().unwrap().len(), states, "{id}");
    }
    assert!(figures > 1_000, "only {figures} figures were compared");
}

/// Compares what `facts` holds, numbers as numbers, and counts it.
fn compare(facts: &Value, given: &Value, path: &str) -> usize {
    match facts {
        Value::Object(fields) => {
            fields.iter().map(|(name, fact)| compare(fact, &given[name], &format!("{path}.{name}"))).sum()
        }
        Value::Array(items) => {
            assert_eq!(given.as_array().map(Vec::len), Some(items.len()), "length of {path}");
            items.iter().zip(0..).map(|(fact, at)| compare(fact, &given[at], &format!("{path}[{at}]"))).sum()
        }
        _ => {
            match (number(facts), number(given)) {
                (Some(fact), Some(figure)) => assert_eq!(figure, fact, "{path}"),
                _ => assert_eq!(given, facts, "{path}"),
            }
            1
        }
    }
}

fn number(value: &Value) -> Option<Decimal> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.to_string().parse().ok(),
        _ => None,
    }
}

#[test]
fn a_comparison_can_fail() {
    let mut case = case("LC086");
    let given = calc(&case).unwrap();
    case["expected"][0]["schedule"][4]["due"] = json!("15.46");
    let outcome = std::panic::catch_unwind(|| compare(&case["expected"][0], &given["states"][0], "LC086"));
    assert!(outcome.is_err());
}

#[test]
fn the_answer_does_not_depend_on_expected() {
    let mut blind = case("LC001");
    let seeing = calc(&blind).unwrap();
    blind["expected"] = json!("nothing");
    assert_eq!(calc(&blind).unwrap(), seeing);
}

#[test]
fn what_is_not_supported_says_what_is() {
    let changed = |path: &str, value: Value| {
        let mut case = case("LC008");
        *case.pointer_mut(path).unwrap() = value;
        calc(&case).unwrap_err()
    };
    let table = [
        (changed("/kind", json!("chargeoff")), "the kind \"schedule\""),
        (changed("/inputs/events/1/op", json!("re_age")), "business_date, approve and disburse"),
        (changed("/inputs/events/2/amount", json!("600")), "the whole principal"),
        (changed("/inputs/events/2/on", json!("2023-09-04")), "on the start date"),
        (changed("/inputs/grace_principal", json!(3)), "it must be 0"),
        (changed("/inputs/product_parameters/days_in_year", json!("366")), "\"364\""),
        (changed("/inputs/amortization", json!("BALLOON")), "EQUAL_PRINCIPAL_PAYMENTS"),
    ];
    for (error, supported) in table {
        assert!(matches!(error, CalcError::Unsupported { .. }), "{error}");
        assert!(error.to_string().contains(supported), "{error}");
    }
    for (path, value) in [
        ("/id", json!(null)),
        ("/inputs/principal", json!(null)),
        ("/inputs/start_date", json!("1 September 2023")),
        ("/inputs/installments", json!("four")),
        ("/inputs/currency_decimals", json!(9)),
    ] {
        let error = changed(path, value);
        assert!(matches!(error, CalcError::Field { .. }), "{path}: {error}");
    }
    assert!(matches!(changed("/inputs/installments", json!(0)), CalcError::Math(_)));
    assert!(calc(&json!({ "id": "LC105", "kind": "schedule", "inputs": { "months": 3 } })).is_err());
    assert!(calc(&json!(null)).is_err());
}
