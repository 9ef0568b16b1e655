//! The AsyncAPI 3.0 document: a channel for each message, an operation for each service that sends or receives it.

use serde_json::{Map, Value, json};
use sycee_contract::Kind;

use super::super::facts::{Catalog, Declared, Running};
use super::schema;

/// The address of a message outside: the type of its CloudEvent.
pub fn topic(id: &str) -> String {
    format!("sycee.{id}")
}

/// The whole document.
pub fn document(catalog: &Catalog, running: &Running) -> Value {
    let (mut channels, mut messages, mut operations) = (Map::new(), Map::new(), Map::new());
    for declared in running.messages.values() {
        let info = &declared.info;
        let name = catalog.message(info.id).map_or(info.id, |message| &message.name);
        messages.insert(info.id.to_owned(), message(declared, name));
        channels.insert(info.id.to_owned(), channel(info.id, json!(topic(info.id))));
        if info.answer_schema.is_some() {
            let id = answer_id(info.id);
            let schema = json!({ "schemaFormat": schema::FORMAT, "schema": { "$ref": schema::answer_file(info.id) } });
            let title = format!("Answer to {name}");
            messages.insert(id.clone(), json!({ "name": id, "title": title, "payload": schema }));
            channels.insert(id.clone(), channel(&id, Value::Null));
        }
        operations.extend(message_operations(declared));
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Sycee",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Commands and events of a lending business. Inside a market they travel in memory and commit together; outside as CloudEvents 1.0.",
            "license": { "name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0" },
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": { "messages": messages },
    })
}

fn answer_id(id: &str) -> String {
    format!("{id}.answer")
}

fn message(declared: &Declared, name: &str) -> Value {
    let info = &declared.info;
    json!({
        "name": info.id,
        "title": name,
        "summary": info.summary.trim(),
        "tags": [{ "name": info.kind }],
        "payload": { "schemaFormat": schema::FORMAT, "schema": { "$ref": schema::message_file(info.id) } },
        "examples": [{ "payload": super::sample::message(declared) }],
    })
}

fn channel(id: &str, address: Value) -> Value {
    json!({ "address": address, "messages": { id: { "$ref": format!("#/components/messages/{id}") } } })
}

fn message_operations(declared: &Declared) -> Map<String, Value> {
    let info = &declared.info;
    let here = |id: &str| {
        json!({
            "channel": { "$ref": format!("#/channels/{id}") },
            "messages": [{ "$ref": format!("#/channels/{id}/messages/{id}") }],
        })
    };
    let operation = |action: &str, service: &str| {
        let mut operation = here(info.id);
        operation["action"] = json!(action);
        operation["tags"] = json!([{ "name": service }]);
        if info.kind == Kind::Command && declared.handler == Some(service) {
            operation["reply"] = here(&answer_id(info.id));
        }
        operation
    };
    let mut operations = Map::new();
    for service in &declared.senders {
        operations.insert(format!("{service}.sends.{}", info.id), operation("send", service));
    }
    for service in &declared.receivers {
        operations.insert(format!("{service}.receives.{}", info.id), operation("receive", service));
    }
    operations
}
