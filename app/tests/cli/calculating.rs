//! `sycee calc` meets every figure of the worked cases, one by one and together.

use serde_json::{Value, json};

use crate::support::{Run, sycee_with};

fn cases() -> Vec<Value> {
    let facts: Value =
        serde_json::from_str(include_str!("../../../domains/loan-math/tests/data/lending_cases.json")).unwrap();
    facts["cases"].as_array().unwrap().clone()
}

fn calc(input: &Value) -> Run {
    sycee_with(&["calc"], &input.to_string(), None)
}

#[test]
fn the_worked_cases_are_met_to_the_cent() {
    let cases = cases();
    assert_eq!(cases.len(), 15);
    let mut questions = cases.clone();
    for case in &mut questions {
        case.as_object_mut().unwrap().remove("expected");
    }
    let together = calc(&Value::from(questions.clone()));
    assert_eq!((together.code, together.err.as_str()), (0, ""));
    let answers = together.json();
    assert_eq!(calc(&json!({ "cases": questions })).json(), answers);
    let mut figures = 0;
    for (at, case) in cases.iter().enumerate() {
        let answer = &answers[at];
        assert_eq!(answer["id"], case["id"]);
        let mut period = 0;
        for facts in case["expected"].as_array().unwrap() {
            let given = if facts["emi"].is_string() {
                period += 1;
                &answer["periods"][period - 1]
            } else {
                let event = facts["after_event"].as_u64().unwrap_or(1);
                &answer["states"][usize::try_from(event).unwrap() - 1]
            };
            figures += compare(facts, given, &format!("{} {facts}", case["id"]));
        }
        assert_eq!(calc(&questions[at]).json(), *answer);
    }
    assert!(figures > 1_000, "only {figures} figures were compared");
}

/// Compares what `facts` holds, numbers as numbers, and counts it.
fn compare(facts: &Value, given: &Value, context: &str) -> usize {
    match facts {
        Value::Object(fields) => fields.iter().map(|(name, fact)| compare(fact, &given[name], context)).sum(),
        Value::Array(items) => {
            assert_eq!(given.as_array().map(Vec::len), Some(items.len()), "{context}");
            items.iter().enumerate().map(|(at, fact)| compare(fact, &given[at], context)).sum()
        }
        _ => {
            assert_eq!(plain(given), plain(facts), "{context}");
            1
        }
    }
}

/// A value as text, a number without zeros that change nothing.
fn plain(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let is_number = text.contains('.') && text.chars().all(|c| c.is_ascii_digit() || "+-.".contains(c));
    if is_number { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[test]
fn what_cannot_be_calculated_is_named() {
    let mut broken = cases()[0].clone();
    broken["inputs"]["principal"] = json!("a lot");
    let alone = calc(&broken);
    assert_eq!((alone.code, alone.out.as_str()), (2, ""));
    assert!(alone.err.contains("case LC001") && alone.err.contains("\"a lot\""), "{}", alone.err);

    let among = calc(&json!([broken, cases()[1]]));
    assert_eq!(among.code, 2);
    assert!(among.json()[0]["error"].as_str().unwrap().contains("a lot"));
    assert_eq!(among.json()[1]["id"], "LC002");

    for (stdin, word) in [("{", "JSON"), ("3", "case"), ("", "JSON")] {
        let run = sycee_with(&["calc"], stdin, None);
        assert_eq!(run.code, 2);
        assert!(run.err.contains(word), "{}", run.err);
    }
}

#[test]
fn a_misspelt_input_is_refused() {
    let mut wrong = [(); 4].map(|()| cases()[0].clone());
    wrong[0]["inputs"]["grace_principle"] = json!(3);
    wrong[1]["inputs"]["product_parameters"]["days_in_yaer"] = json!("360");
    wrong[2]["inputs"]["events"][0]["bussiness_date"] = json!("2022-11-01");
    wrong[3]["inputs"]["grace_principal"] = json!(3);
    let refused = calc(&json!(wrong));
    assert_eq!(refused.code, 2);
    let answers = refused.json();
    for (at, words) in [
        ["inputs has no \"grace_principle\"", "grace_interest, grace_principal, installment"],
        ["inputs.product_parameters has no \"days_in_yaer\"", "days_in_month, days_in_year"],
        ["inputs.events[0] has no \"bussiness_date\"", "amount, business_date"],
        ["inputs.grace_principal 3 is not supported", "without grace"],
    ]
    .into_iter()
    .enumerate()
    {
        let error = answers[at]["error"].as_str().unwrap();
        assert!(words.iter().all(|word| error.contains(*word)), "{error}");
    }
    let alone = calc(&wrong[0]);
    assert_eq!((alone.code, alone.out.as_str()), (2, ""));
    assert!(alone.err.contains("case LC001") && alone.err.contains("\"grace_principle\""), "{}", alone.err);
}

#[test]
fn the_example_of_the_help_works() {
    let help = sycee_with(&["calc", "--help"], "", None).out;
    let example = help.split("<<'END'").nth(1).unwrap().split("END").next().unwrap();
    let run = sycee_with(&["calc", "--json"], example, None);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{example}");
    assert_eq!(run.json()["periods"].as_array().unwrap().len(), 6);
}
