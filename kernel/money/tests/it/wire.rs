//! What leaves the process: JSON for people, compact bytes for storage, schemas for clients.

use schemars::schema_for;
use serde_json::{Value, json};
use sycee_money::{BusinessDayConvention, Currency, DayCount, FxQuote, Money, Precise, Rate, Rounding};

fn ghs(text: &str) -> Money {
    Money::parse(text, Currency::GHS).unwrap()
}

#[test]
fn json_carries_amounts_as_text() {
    let written = serde_json::to_value(ghs("12.30")).unwrap();
    assert_eq!(written, json!({"amount": "12.30", "currency": "GHS"}));
    assert_eq!(serde_json::from_value::<Money>(written).unwrap(), ghs("12.30"));
    assert_eq!(serde_json::from_str::<Money>(r#"{"currency":"GHS","amount":"12.3"}"#).unwrap(), ghs("12.30"));
}

#[test]
fn json_that_is_not_an_amount_is_refused() {
    let table = [
        (json!({"amount": 12.30, "currency": "GHS"}), "expected"),
        (json!({"amount": "12.34567", "currency": "GHS"}), "at most 4 decimals"),
        (json!({"amount": "12", "currency": "ghs"}), "unknown"),
        (json!({"amount": "12"}), "missing field `currency`"),
        (json!({"amount": "12", "currency": "GHS", "scale": 2}), "unknown field"),
    ];
    for (value, words) in table {
        let message = serde_json::from_value::<Money>(value).unwrap_err().to_string();
        assert!(message.contains(words), "{message}");
    }
}

#[test]
fn bytes_carry_units_and_the_code() {
    for amount in [ghs("-12.3456"), Money::from_units(i64::MIN, Currency::USDT), Money::zero(Currency::JPY)] {
        let bytes = postcard::to_stdvec(&amount).unwrap();
        assert_eq!(bytes, postcard::to_stdvec(&(amount.units(), amount.currency().code())).unwrap());
        assert_eq!(postcard::from_bytes::<Money>(&bytes).unwrap(), amount);
    }
    let unknown = postcard::to_stdvec(&(1i64, "XXX")).unwrap();
    assert!(postcard::from_bytes::<Money>(&unknown).is_err());
}

#[test]
fn rates_and_precise_amounts_survive_json_and_bytes() {
    let rate = Rate::from_percent_str("9.4822").unwrap();
    let precise = ghs("1234.5678").precise().mul_rate(rate).unwrap();
    assert_eq!(serde_json::to_value(precise).unwrap(), json!({"amount": "117.0641879316", "currency": "GHS"}));
    assert_eq!(serde_json::from_value::<Precise>(serde_json::to_value(precise).unwrap()).unwrap(), precise);
    let bytes = postcard::to_stdvec(&(rate, precise)).unwrap();
    assert_eq!(postcard::from_bytes::<(Rate, Precise)>(&bytes).unwrap(), (rate, precise));
}

#[test]
fn equal_values_have_equal_bytes() {
    let written = |text: &str| postcard::to_stdvec(&Rate::from_fraction_str(text).unwrap()).unwrap();
    assert_eq!(written("0.1200"), written("0.12"));
    assert_eq!(written("-0"), written("0.0"));
}

#[test]
fn schemas_say_text_not_numbers() {
    let money = schema_for!(Money).to_value();
    assert_eq!(money["properties"]["amount"]["type"], "string");
    assert_eq!(money["$defs"]["Currency"]["type"], "string");
    let kinds = [schema_for!(Rate), schema_for!(Currency)].map(|schema| schema.to_value()["type"].clone());
    assert!(kinds.iter().all(|kind| kind == "string"));
    let fx = schema_for!(FxQuote).to_value();
    assert_eq!((&fx["title"], &fx["properties"]["rate"]["type"]), (&json!("FxQuote"), &json!("string")));
    for (schema, example) in [
        (schema_for!(Rounding).to_value(), json!("half-even")),
        (schema_for!(DayCount).to_value(), json!("30/360-us")),
        (schema_for!(BusinessDayConvention).to_value(), json!("modified-following")),
    ] {
        let constants: Vec<&Value> = schema["oneOf"].as_array().unwrap().iter().map(|one| &one["const"]).collect();
        assert!(constants.contains(&&example), "{schema}");
    }
}
