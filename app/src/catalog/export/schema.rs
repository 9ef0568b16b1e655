//! JSON Schemas of messages as they travel: the envelope with the payload in `data`.

use schemars::schema_for;
use serde_json::{Map, Value, json};
use sycee_contract::{CommandEnvelope, EventEnvelope, Kind, MessageInfo};

/// Dialect of the schemas.
pub const FORMAT: &str = "application/schema+json;version=draft-2020-12";

/// Where a message's schema stands.
pub fn message_file(id: &str) -> String {
    format!("schemas/{id}.json")
}

/// Where the schema of a command's answer stands.
pub fn answer_file(id: &str) -> String {
    format!("schemas/{id}.answer.json")
}

/// The envelope of a message with its payload.
pub fn message(info: &MessageInfo) -> Value {
    let mut schema = match info.kind {
        Kind::Event => schema_for!(EventEnvelope).to_value(),
        Kind::Command => schema_for!(CommandEnvelope).to_value(),
    };
    let type_field = match info.kind {
        Kind::Event => "eventType",
        Kind::Command => "commandType",
    };
    schema["title"] = json!(info.id);
    schema["description"] = json!(info.summary.trim());
    schema["properties"][type_field] = json!({ "const": info.id });
    schema["properties"]["version"] = json!({ "const": info.version });
    schema["properties"]["data"] = json!({ "$ref": "#/$defs/data" });
    let mut payload = (info.schema)();
    let mut definitions = take(&mut schema, "$defs");
    definitions.extend(take(&mut payload, "$defs"));
    take(&mut payload, "$schema");
    definitions.insert("data".to_owned(), payload);
    schema["$defs"] = Value::Object(definitions);
    schema
}

/// What a command answers.
pub fn answer(info: &MessageInfo, schema: fn() -> Value) -> Value {
    let mut schema = schema();
    schema["title"] = json!(format!("answer to {}", info.id));
    schema
}

fn take(schema: &mut Value, key: &str) -> Map<String, Value> {
    match schema.as_object_mut().and_then(|fields| fields.remove(key)) {
        Some(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}
