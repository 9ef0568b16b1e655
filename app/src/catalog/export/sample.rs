//! A sample of what a JSON Schema describes: the same one every time.

use serde_json::{Map, Value, json};
use sycee_contract::{CommandEnvelope, Envelope, EventEnvelope, Kind, Timestamp};

use super::super::facts::{ACTOR, Declared};
use super::schema;

/// How deep a schema is followed; a schema that contains itself ends there.
const DEPTH_MAX: usize = 12;

/// Samples of texts that are described by nothing but their field's name.
const TEXTS: &[(&str, &str)] = &[
    ("phone", "+233241234567"),
    ("name", "Ama Mensah"),
    ("country", "GH"),
    ("email", "ama@example.com"),
    ("city", "Accra"),
    ("language", "en"),
    ("product", "gh-installment"),
    ("reference", "bank-20260315-7"),
    ("hash", "b3c1f0e2a4d69788"),
    ("channel", "mtn-momo"),
    ("code", "own-funds"),
];

/// When the samples happen: 2026-03-15T09:30:00Z.
const AT: Timestamp = Timestamp::from_micros(1_773_567_000_000_000);

/// A message as it travels: a command as the first service that registered it sends it, or a person if none did.
pub fn message(declared: &Declared) -> Envelope {
    let info = &declared.info;
    let schema = schema::message(info);
    let data = sample(&schema["$defs"]["data"], &schema, "", 0);
    let (version, trace_id, name) = (info.version, "1042".to_owned(), info.id.to_owned());
    match info.kind {
        Kind::Event => Envelope::Event(EventEnvelope {
            event_id: "gh-1042-1".to_owned(),
            event_type: name,
            version,
            occurred_at: AT,
            source: info.producers.first().copied().unwrap_or(ACTOR).to_owned(),
            trace_id,
            data,
        }),
        Kind::Command => Envelope::Command(CommandEnvelope {
            command_id: "gh-1042-0".to_owned(),
            command_type: name,
            version,
            requested_at: AT,
            source: declared.senders.first().copied().unwrap_or(ACTOR).to_owned(),
            target: info.owner.unwrap_or_default().to_owned(),
            idempotency_key: Some("7f3c1a52".to_owned()),
            trace_id,
            data,
        }),
    }
}

/// A message as it travels, as JSON with its fields in the envelope's order.
pub fn message_text(declared: &Declared) -> String {
    // An envelope is plain data: it always serializes.
    serde_json::to_string_pretty(&message(declared)).unwrap_or_default()
}

/// What a command answers.
pub fn answer(schema: fn() -> Value) -> Value {
    let schema = schema();
    sample(&schema, &schema, "", 0)
}

/// A value that `schema` describes; `root` holds the definitions, `field` names what the value is for.
fn sample(schema: &Value, root: &Value, field: &str, depth: usize) -> Value {
    if depth > DEPTH_MAX {
        return Value::Null;
    }
    let deeper = |schema: &Value| sample(schema, root, field, depth + 1);
    if let Some(reference) = schema["$ref"].as_str() {
        return deeper(root.pointer(reference.trim_start_matches('#')).unwrap_or(&Value::Null));
    }
    if let Some(example) = schema["examples"].get(0).or_else(|| schema.get("const")).or_else(|| schema["enum"].get(0)) {
        return example.clone();
    }
    for choice in ["oneOf", "anyOf", "allOf"] {
        if let Some(first) = schema[choice].get(0) {
            return deeper(first);
        }
    }
    match kind(schema) {
        "object" => object(schema, root, depth),
        "array" => match (&schema["items"], &schema["prefixItems"]) {
            (_, Value::Array(items)) => items.iter().map(deeper).collect(),
            (items @ Value::Object(_), _) => json!([deeper(items)]),
            _ => json!([]),
        },
        "string" => json!(text(schema, field)),
        "integer" | "number" => schema.get("minimum").filter(|least| **least != json!(0)).cloned().unwrap_or(json!(3)),
        "boolean" => json!(true),
        _ => Value::Null,
    }
}

/// The first type that a schema allows.
fn kind(schema: &Value) -> &str {
    let named = match &schema["type"] {
        Value::Array(kinds) => kinds.first().unwrap_or(&Value::Null),
        kind => kind,
    };
    named.as_str().unwrap_or(if schema["properties"].is_object() { "object" } else { "" })
}

fn object(schema: &Value, root: &Value, depth: usize) -> Value {
    let mut fields = Map::new();
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        fields.insert(name.clone(), sample(schema, root, name, depth + 1));
    }
    if let more @ Value::Object(_) = &schema["additionalProperties"] {
        fields.insert("one".to_owned(), sample(more, root, "", depth + 1));
    }
    Value::Object(fields)
}

fn text(schema: &Value, field: &str) -> String {
    if let Some(prefix) =
        schema["pattern"].as_str().and_then(|pattern| pattern.strip_prefix('^')?.strip_suffix("[0-9]+$"))
    {
        return format!("{prefix}1042");
    }
    match schema["format"].as_str() {
        Some("date-time") => return "2026-03-15T09:30:00Z".to_owned(),
        Some("date") => return "2026-03-15".to_owned(),
        _ => {}
    }
    let lower = field.to_lowercase();
    let known = TEXTS.iter().find(|(name, _)| lower.ends_with(name));
    known.map_or_else(
        || if field.is_empty() { "text".to_owned() } else { field.to_owned() },
        |(_, text)| (*text).to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::facts::Running;
    use super::*;

    #[test]
    fn every_sample_is_read_by_its_message() {
        let wrong: Vec<String> = Running::new(&sycee_markets::registry())
            .messages
            .values()
            .filter_map(|declared| {
                let sample = serde_json::to_value(message(declared)).unwrap();
                let error = (declared.info.normalize)(&sample["data"]).err()?;
                Some(format!("{}: {error} in {sample}", declared.info.id))
            })
            .collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn a_command_comes_from_who_sends_it() {
        let running = Running::new(&sycee_markets::registry());
        let source = |id: &str| serde_json::to_value(message(&running.messages[id])).unwrap()["source"].clone();
        assert_eq!(source("reserve-funds"), "loan-engine");
        let unsent = running.messages.values().filter(|declared| declared.senders.is_empty());
        let by_people: Vec<&str> =
            unsent.filter(|it| it.info.kind == Kind::Command).map(|declared| declared.info.id).collect();
        assert!(!by_people.is_empty());
        assert!(by_people.iter().all(|id| source(id) == ACTOR), "{by_people:?}");
    }

    #[test]
    fn samples_happen_on_a_date_that_people_can_read() {
        assert_eq!(AT.to_string(), "2026-03-15T09:30:00Z");
    }

    #[test]
    fn a_sample_follows_its_schema() {
        let root = json!({
            "type": "object",
            "properties": {
                "loan": { "$ref": "#/$defs/LoanId" },
                "kind": { "oneOf": [{ "const": "payout" }, { "const": "collection" }] },
                "note": { "type": ["string", "null"] },
                "parts": { "type": "array", "items": { "type": "integer", "minimum": 0 } },
                "amounts": { "type": "object", "additionalProperties": { "type": "string", "examples": ["12.30"] } },
            },
            "$defs": { "LoanId": { "type": "string", "pattern": "^loan-[0-9]+$" } },
        });
        assert_eq!(
            sample(&root, &root, "", 0),
            json!({ "loan": "loan-1042", "kind": "payout", "note": "note", "parts": [3], "amounts": { "one": "12.30" } })
        );
    }
}
