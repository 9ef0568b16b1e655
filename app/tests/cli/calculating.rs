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
    assert_eq!(together.code, 0, "{}", together.err);
    let notes: Vec<&str> = together.err.lines().collect();
    assert!(notes.iter().all(|note| note.starts_with("note: case LC00")), "{notes:?}");
    assert!(notes[0].ends_with(
        "LC001: a schedule has no use for inputs.allocation, inputs.allocation_order, inputs.product, \
         inputs.product_parameters.accounting, inputs.product_parameters.grace_on_arrears_ageing_days, \
         inputs.product_parameters.loan_schedule_type"
    ));
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
fn a_refusal_names_the_field_as_the_case_does() {
    let schedule = || {
        json!({ "id": "a", "kind": "schedule", "inputs": {
            "start_date": "2026-01-15", "principal": "1000", "currency": "GHS", "annual_rate_percent": "12",
            "installments": 6, "repay_every": "1 MONTHS", "interest_type": "DECLINING_BALANCE",
            "amortization": "EQUAL_INSTALLMENTS", "interest_period": "DAILY", "days_in_month": "30",
            "days_in_year": "360", "rounding_mode": "HALF_EVEN",
        }})
    };
    assert_eq!(sycee_with(&["calc"], &schedule().to_string(), None).err, "");
    for (key, value, words) in [
        ("principal", json!("a lot"), ["inputs.principal: amount", "for example"]),
        ("principal", json!("-5"), ["inputs.principal must be above zero", "for example"]),
        ("principal", json!(1000), ["inputs.principal must be a text", "for example \"1000.00\""]),
        ("annual_rate_percent", json!("twelve"), ["inputs.annual_rate_percent: rate", "for example"]),
        ("annual_rate_percent", json!("100001"), ["inputs.annual_rate_percent must be from 0 to 100000", "\"12\""]),
        ("repay_every", json!("monthly"), ["inputs.repay_every must be a number", "\"1 MONTHS\""]),
        ("repay_every", json!("2000 DAYS"), ["inputs.repay_every must repeat after 1 to 1000 units", "\"1 MONTHS\""]),
        ("term", json!("half a year"), ["inputs.term must be a number", "\"1 MONTHS\""]),
        ("term", json!("12 MONTHS"), ["inputs.term \"12 MONTHS\" beside inputs.installments 6", "or one of the two"]),
        ("installments", json!(0), ["inputs.installments must be from 1", "for example"]),
        ("math_context_precision", json!(3), ["inputs.math_context_precision must be from 8", "12"]),
        ("installment_amount_in_multiples_of", json!("0"), ["inputs.installment_amount_in_multiples_of", "above zero"]),
        ("rounding_mode", json!("UPWARDS"), ["inputs.rounding_mode: ", "UPWARDS"]),
        ("currency", json!("XXQ"), ["inputs.currency: currency", "GHS"]),
        ("currency_decimals", json!(3), ["inputs.currency_decimals 3 beside inputs.currency", "one of the two"]),
        ("days_in_month", json!(null), ["inputs.days_in_month must be a text", "\"30\""]),
        ("grace_interest", json!("3"), ["inputs.grace_interest \"3\" is not supported", "it must be 0"]),
        ("first_due", json!("2026-03-01"), ["inputs has no \"first_due\"", "it knows"]),
        ("disbursements", json!([["2026-01-16", "1000"]]), ["inputs.disbursements[0] on 2026-01-16", "start date"]),
        (
            "product_parameters",
            json!({ "days_in_year": "365" }),
            ["inputs.days_in_year \"360\" beside", "one of the two"],
        ),
        ("product_parameters", json!({ "rate_frequency": "PER_MONTH" }), ["rate_frequency \"PER_MONTH\"", "PER_YEAR"]),
        ("product_parameters", json!({ "interest_recalculation": true }), ["interest_recalculation true", "false"]),
        ("events", json!([{ "op": "approve", "amount": "x" }]), ["inputs.events[0].amount: amount", "for example"]),
        ("events", json!([{ "op": "disburse", "amount": "9" }]), ["inputs.events[0].on must be a date", "for example"]),
        (
            "events",
            json!([{ "business_date": "2026-01-15", "amount": "9" }]),
            ["inputs.events[0].amount of a business date", "the keys of its kind"],
        ),
        (
            "events",
            json!([{ "op": "approve", "amount": "1000", "expected_disbursement": "2026-02-01" }]),
            ["inputs.events[0].expected_disbursement 2026-02-01", "on the start date"],
        ),
    ] {
        let mut case = schedule();
        case["inputs"][key] = value;
        let run = calc(&case);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{case}: {}", run.err);
        assert!(words.iter().all(|word| run.err.contains(word)), "{words:?}: {}", run.err);
    }
    let mut case = schedule();
    case["events"] = json!([]);
    assert!(calc(&case).err.contains("the case has no \"events\""), "it belongs to the inputs");
}

#[test]
fn what_no_schedule_is_made_of_is_named() {
    let mut case = cases()[0].clone();
    case["inputs"]["term"] = json!("72 WEEKS");
    let run = sycee_with(&["calc", "--json"], &case.to_string(), None);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "a program reads it in the answer");
    let unused = run.json()["unused"].clone();
    assert!(unused.as_array().unwrap().contains(&json!("inputs.term")), "{unused}");
    assert!(calc(&case).err.contains("a schedule has no use for inputs.allocation, "));
}

#[test]
fn the_example_of_the_help_works() {
    let help = sycee_with(&["calc", "--help"], "", None).out;
    let example = help.split("<<'END'").nth(1).unwrap().split("END").next().unwrap();
    let run = sycee_with(&["calc", "--json"], example, None);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{example}");
    let answer = run.json();
    assert_eq!(answer["periods"].as_array().unwrap().len(), 6);
    let keys: Vec<&str> = answer.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["id", "periods", "states"], "nothing in it is unused");
}
