//! Whether a JSON value is what an exported JSON Schema describes.
//!
//! Knows the keywords that the exported schemas use, and no others: one that it does not know is a flaw, so nothing passes
//! because it was not looked at.

use serde_json::{Map, Value};

/// Keywords that say nothing about a value.
const NOTES: [&str; 8] = ["$schema", "$defs", "title", "description", "examples", "default", "deprecated", "$comment"];

/// What of `value` is not as `schema` describes it.
pub fn flaws(schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(schema, schema, value, "", &mut found);
    found
}

fn fits(root: &Value, schema: &Value, value: &Value) -> bool {
    let mut found = Vec::new();
    check(root, schema, value, "", &mut found);
    found.is_empty()
}

fn check(root: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    let keywords = match schema {
        Value::Bool(true) => return,
        Value::Object(keywords) => keywords,
        other => return found.push(format!("{at}: {other} is no schema")),
    };
    for (keyword, rule) in keywords {
        let holds = match keyword.as_str() {
            "$ref" => {
                let target = rule.as_str().and_then(|reference| root.pointer(reference.strip_prefix('#')?));
                match target {
                    Some(target) => check(root, target, value, at, found),
                    None => found.push(format!("{at}: {rule} leads nowhere")),
                }
                true
            }
            "type" => match rule {
                Value::Array(kinds) => kinds.iter().any(|kind| is_a(value, kind)),
                kind => is_a(value, kind),
            },
            "const" => value == rule,
            "enum" => rule.as_array().is_some_and(|all| all.contains(value)),
            "anyOf" => schemas(rule).iter().any(|schema| fits(root, schema, value)),
            "oneOf" => schemas(rule).iter().filter(|schema| fits(root, schema, value)).count() == 1,
            "allOf" => schemas(rule).iter().all(|schema| fits(root, schema, value)),
            "required" => match value {
                Value::Object(fields) => rule
                    .as_array()
                    .is_some_and(|all| all.iter().all(|name| fields.contains_key(name.as_str().unwrap()))),
                _ => true,
            },
            "properties" => {
                for (name, schema) in rule.as_object().unwrap() {
                    if let Some(field) = value.get(name) {
                        check(root, schema, field, &format!("{at}/{name}"), found);
                    }
                }
                true
            }
            "additionalProperties" => {
                for (name, field) in others(keywords, value) {
                    match rule {
                        Value::Bool(allowed) if !allowed => found.push(format!("{at}/{name} is not described")),
                        rule => check(root, rule, field, &format!("{at}/{name}"), found),
                    }
                }
                true
            }
            "items" => {
                let described = keywords.get("prefixItems").and_then(Value::as_array).map_or(0, Vec::len);
                for (nr, item) in value.as_array().into_iter().flatten().enumerate().skip(described) {
                    check(root, rule, item, &format!("{at}/{nr}"), found);
                }
                true
            }
            "prefixItems" => {
                for (nr, (schema, item)) in schemas(rule).iter().zip(value.as_array().into_iter().flatten()).enumerate()
                {
                    check(root, schema, item, &format!("{at}/{nr}"), found);
                }
                true
            }
            "minItems" => value.as_array().is_none_or(|items| items.len() as u64 >= rule.as_u64().unwrap()),
            "maxItems" => value.as_array().is_none_or(|items| items.len() as u64 <= rule.as_u64().unwrap()),
            "minimum" => value.as_i64().is_none_or(|number| number >= rule.as_i64().unwrap()),
            "maximum" => value.as_i64().is_none_or(|number| i128::from(number) <= i128::from(rule.as_u64().unwrap())),
            "minLength" => value.as_str().is_none_or(|text| text.chars().count() as u64 >= rule.as_u64().unwrap()),
            "maxLength" => value.as_str().is_none_or(|text| text.chars().count() as u64 <= rule.as_u64().unwrap()),
            "pattern" => value.as_str().is_none_or(|text| matches(rule.as_str().unwrap(), text)),
            "format" => value.as_str().is_none_or(|text| is_formatted(rule.as_str().unwrap(), text)),
            note if NOTES.contains(&note) => true,
            unknown => {
                found.push(format!("{at}: nobody here knows the keyword {unknown}"));
                true
            }
        };
        if !holds {
            found.push(format!("{at}: {value} breaks {keyword}: {rule}"));
        }
    }
}

fn schemas(rule: &Value) -> &[Value] {
    rule.as_array().map_or(&[], Vec::as_slice)
}

/// Fields of `value` that `properties` does not name.
fn others<'a>(keywords: &'a Map<String, Value>, value: &'a Value) -> impl Iterator<Item = (&'a String, &'a Value)> {
    let named = keywords.get("properties").and_then(Value::as_object);
    let fields = value.as_object().into_iter().flatten();
    fields.filter(move |(name, _)| named.is_none_or(|named| !named.contains_key(*name)))
}

fn is_a(value: &Value, kind: &Value) -> bool {
    match kind.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        other => panic!("{other} is no type"),
    }
}

fn is_formatted(format: &str, text: &str) -> bool {
    match format {
        "date-time" => text.parse::<sycee_contract::Timestamp>().is_ok(),
        "date" => text.parse::<sycee_contract::Date>().is_ok(),
        // Widths of numbers, which say nothing about a text.
        "int32" | "int64" | "uint8" | "uint16" | "uint32" | "uint64" | "double" => true,
        other => panic!("nobody here knows the format {other}"),
    }
}

/// The few forms of patterns that the schemas use: `^loan-[0-9]+$`, `^[A-Z]{3,4}$`, `^-?[0-9]+(\.[0-9]{1,6})?$`.
fn matches(pattern: &str, text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    if let Some(prefix) = pattern.strip_prefix('^').and_then(|rest| rest.strip_suffix("-[0-9]+$")) {
        return text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('-')).is_some_and(digits);
    }
    if pattern == "^[A-Z]{3,4}$" {
        return (3..=4).contains(&text.len()) && text.bytes().all(|letter| letter.is_ascii_uppercase());
    }
    let decimals = pattern.strip_prefix(r"^-?[0-9]+(\.[0-9]{1,").and_then(|rest| rest.strip_suffix("})?$"));
    let most: usize = decimals.unwrap_or_else(|| panic!("nobody here knows the pattern {pattern}")).parse().unwrap();
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    match unsigned.split_once('.') {
        Some((whole, part)) => digits(whole) && digits(part) && part.len() <= most,
        None => digits(unsigned),
    }
}

#[test]
fn what_breaks_a_schema_is_found() {
    let schema = serde_json::json!({
        "type": "object",
        "properties": {
            "id": { "$ref": "#/$defs/Id" },
            "amount": { "type": "string", "pattern": "^-?[0-9]+(\\.[0-9]{1,6})?$" },
            "kind": { "oneOf": [{ "const": "a" }, { "const": "b" }] },
            "at": { "type": ["string", "null"], "format": "date-time" },
            "list": { "type": "array", "items": { "type": "integer", "minimum": 0 } },
        },
        "required": ["id"],
        "additionalProperties": false,
        "$defs": { "Id": { "type": "string", "pattern": "^loan-[0-9]+$" } },
    });
    let count = |value: Value| flaws(&schema, &value).len();
    let good = serde_json::json!({
        "id": "loan-7", "amount": "-12.50", "kind": "b", "at": null, "list": [0, 3],
    });
    assert_eq!(flaws(&schema, &good), Vec::<String>::new());
    for (field, bad) in [
        ("id", serde_json::json!("loan-")),
        ("id", serde_json::json!(7)),
        ("amount", serde_json::json!("12.")),
        ("amount", serde_json::json!("1.1234567")),
        ("kind", serde_json::json!("c")),
        ("at", serde_json::json!("yesterday")),
        ("list", serde_json::json!([-1])),
        ("other", serde_json::json!(1)),
    ] {
        let mut value = good.clone();
        value[field] = bad;
        assert!(count(value.clone()) > 0, "{value}");
    }
    assert_eq!(count(serde_json::json!({})), 1);
    assert_eq!(flaws(&serde_json::json!({ "not": {} }), &good).len(), 1);
}
