//! The page of a message.

use std::collections::BTreeSet;

use serde_json::Value;
use sycee_contract::{CompensatedBy, Kind, MessageInfo, Nature};

use super::super::coverage::{Part, Status};
use super::super::facts::{CatalogMessage, Declared, Running};
use super::{asyncapi, link, sample, schema, services};

/// What may refuse any command.
const COMMON_ERRORS: &str = "`INVALID_FIELD`, `INVALID_AMOUNT`, `NOT_FOUND`, `UNEXPECTED_STATE`, `NOT_PERMITTED`";

/// The page.
pub fn page(message: &CatalogMessage, part: &Part, running: &Running) -> String {
    let kind = kind_name(message.kind);
    let mut text = format!("# {}\n\n", message.name);
    let Some(declared) = running.messages.get(message.id.as_str()) else {
        text.push_str(&format!(
            "The {kind} `{}` of the reference architecture. No service of this version has it yet.\n\n| | |\n|---|---|\n",
            message.id
        ));
        text.push_str(&row("sent by", &services(message.senders())));
        text.push_str(&row("received by", &services(message.receivers())));
        return text;
    };
    let info = &declared.info;
    text.push_str(&format!("{}\n\n", info.summary.trim()));
    if let Some(why) = &message.why {
        text.push_str(&format!("An extension of the reference architecture. {why}\n\n"));
    }
    text.push_str("| | |\n|---|---|\n");
    text.push_str(&facts(message, declared));
    text.push_str(&row("coverage", &coverage(part)));
    text.push_str(&format!("\n## Fields\n\n{}", fields(&(info.schema)())));
    if let Some(answer) = info.answer_schema {
        let shown = format!("{:#}", sample::answer(answer));
        text.push_str(&format!("\n## Answer\n\nFor example:\n\n```json\n{shown}\n```\n"));
    }
    text.push_str(&format!("\n## Sample\n\n```json\n{}\n```\n", sample::message_text(declared)));
    text
}

fn facts(message: &CatalogMessage, declared: &Declared) -> String {
    let info = &declared.info;
    let mut rows = row("message", &format!("{} `{}`, version {}", kind_name(info.kind), info.id, info.version));
    rows.push_str(&row("topic", &format!("`{}`", asyncapi::topic(info.id))));
    rows.push_str(&row("API", &api(info)));
    let owner = match info.kind {
        Kind::Command => services(info.owner),
        Kind::Event => services(info.producers.iter().copied()),
    };
    rows.push_str(&row("owner", &owner));
    let mut senders: BTreeSet<&str> = message.senders();
    senders.extend(&declared.senders);
    rows.push_str(&row("sent by", &services(senders)));
    let mut receivers: BTreeSet<&str> = message.receivers();
    receivers.extend(&declared.receivers);
    rows.push_str(&row("received by", &services(receivers)));
    if !info.participants.is_empty() {
        rows.push_str(&row("consulted, in this order", &services(info.participants.iter().copied())));
    }
    rows.push_str(&row("retry", retry(info)));
    rows.push_str(&row("idempotency", idempotency(info)));
    if info.kind == Kind::Command {
        let own: String = info.errors.iter().map(|code| format!("`{code}`, ")).collect();
        rows.push_str(&row("refused with", &format!("{own}{COMMON_ERRORS}")));
        rows.push_str(&row("asked by", asked_by(info.door)));
        rows.push_str(&row("undone by", &undone_by(info)));
    }
    rows
}

fn undone_by(info: &MessageInfo) -> String {
    match info.compensated_by {
        Some(CompensatedBy::Command(command)) => link("messages")(command),
        Some(CompensatedBy::None { because }) => format!("nothing: {because}"),
        None => "—".to_owned(),
    }
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Command => "command",
        Kind::Event => "event",
    }
}

fn asked_by(door: Option<&str>) -> &'static str {
    match door {
        Some("anyone") => "anyone, logged in or not",
        Some("customer") => "the customer it names; staff and services",
        _ => "staff and services",
    }
}

fn api(info: &MessageInfo) -> String {
    let file = schema::message_file(info.id);
    let schema = format!("[schema](../{file})");
    match info.answer_schema {
        Some(_) => format!("{schema}, answered with [this](../{})", schema::answer_file(info.id)),
        None => schema,
    }
}

const fn retry(info: &MessageInfo) -> &'static str {
    match info.nature {
        Some(Nature::Request) => {
            "the caller's, with the same idempotency key; a refusal is an answer, not to be retried"
        }
        Some(Nature::Fact) => {
            "the sender's, as often as it likes; a fact always commits, what cannot be applied gets a work order"
        }
        Some(Nature::Query) => "ask again: nothing is changed",
        None => "none inside: it commits with what caused it; outside at least once, in order",
    }
}

const fn idempotency(info: &MessageInfo) -> &'static str {
    match info.nature {
        Some(Nature::Request) => {
            "`idempotencyKey`, scoped to caller and operation, 30 days: same body, the stored answer; other body, `IDEMPOTENCY_CONFLICT`"
        }
        Some(Nature::Fact) => "the owner recognises what it has seen by the references in the payload",
        Some(Nature::Query) => "changes no state",
        None => "`eventId` is unique; a consumer outside keeps the ids it has seen",
    }
}

fn coverage(part: &Part) -> String {
    match part.status {
        Status::Covered => "covered".to_owned(),
        status => {
            let missing: Vec<&str> = part.missing.iter().map(String::as_str).collect();
            format!("{}; missing: {}", status.name(), missing.join(", "))
        }
    }
}

/// A table of the payload's fields.
fn fields(schema: &Value) -> String {
    let Some(properties) = schema["properties"].as_object().filter(|properties| !properties.is_empty()) else {
        return "None.\n".to_owned();
    };
    let mut text = "| field | type | |\n|---|---|---|\n".to_owned();
    for (name, field) in properties {
        let about = field["description"].as_str().unwrap_or_default().replace('\n', " ");
        text.push_str(&format!("| `{name}` | {} | {} |\n", type_name(field), about.replace('|', "\\|")));
    }
    text
}

/// A field's type for people: the name of a definition, or the JSON type.
fn type_name(field: &Value) -> String {
    if let Some(reference) = field["$ref"].as_str() {
        return reference.rsplit('/').next().unwrap_or(reference).to_owned();
    }
    if let Some(choices) = field["anyOf"].as_array() {
        let named: Vec<String> = choices.iter().filter(|choice| choice["type"] != "null").map(type_name).collect();
        return format!("{}, or null", named.join(" or "));
    }
    match &field["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        Value::String(kind) if kind == "array" => format!("list of {}", type_name(&field["items"])),
        Value::String(kind) if kind == "object" && field["additionalProperties"].is_object() => {
            format!("map to {}", type_name(&field["additionalProperties"]))
        }
        Value::String(kind) => kind.clone(),
        _ => "any".to_owned(),
    }
}

fn row(key: &str, value: &str) -> String {
    format!("| {key} | {value} |\n")
}
