//! `catalog/extension.json` says what the contract declares beyond the catalogue: no more, no less, and with the same facts.

use serde_json::{Value, json};
use sycee_contract::{CompensatedBy, Kind, MessageInfo, all_messages};

use crate::tree::{assert_none, root};

fn messages(file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(root().join("catalog").join(file)).unwrap();
    let content: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
    content["messages"].as_array().unwrap().clone()
}

/// The facts of an extension entry that the contract decides.
fn facts(info: &MessageInfo) -> Value {
    json!({
        "id": info.id, "kind": info.kind, "owner": info.owner, "nature": info.nature,
        "participants": info.participants, "errors": info.errors, "undo": info.compensated_by,
    })
}

fn differences(contract: &[MessageInfo], catalog: &[Value], extension: &[Value]) -> Vec<String> {
    let mut found = Vec::new();
    let in_catalog = |id: &str| catalog.iter().any(|message| message["id"] == id);
    for info in contract.iter().filter(|info| !in_catalog(info.id)) {
        let facts = facts(info);
        let Some(entry) = extension.iter().find(|entry| entry["id"] == info.id) else {
            found.push(format!("{} is missing: {facts}, with name, producers, consumers and why", info.id));
            continue;
        };
        for (key, value) in facts.as_object().unwrap() {
            if entry[key] != *value {
                found.push(format!("{}: {key} is {} here and {value} in the contract", info.id, entry[key]));
            }
        }
        for producer in info.producers.iter().copied() {
            if !entry["producers"].as_array().is_some_and(|producers| producers.iter().any(|named| named == producer)) {
                found.push(format!("{}: the contract names the producer {producer}", info.id));
            }
        }
        for key in ["name", "why"] {
            if entry[key].as_str().is_none_or(str::is_empty) {
                found.push(format!("{}: say its {key}", info.id));
            }
        }
    }
    for id in extension.iter().filter_map(|entry| entry["id"].as_str()) {
        if !contract.iter().any(|info| info.id == id) {
            found.push(format!("{id}: the contract does not declare it"));
        }
        if in_catalog(id) {
            found.push(format!("{id}: the catalogue has it already"));
        }
    }
    found
}

#[test]
fn the_extension_is_what_the_contract_adds() {
    let found = differences(&all_messages(), &messages("catalog.json"), &messages("extension.json"));
    assert_none("catalog/extension.json:", found);
}

/// Commands of which nobody knows what undoes them.
fn without_undoing(contract: &[MessageInfo]) -> Vec<String> {
    let is_command = |id: &str| all_messages().iter().any(|info| info.id == id && info.kind == Kind::Command);
    let lacks = |info: &&MessageInfo| match info.compensated_by {
        Some(CompensatedBy::Command(command)) => !is_command(command),
        Some(CompensatedBy::None { because }) => because.split_whitespace().count() < 3,
        None => true,
    };
    contract.iter().filter(|info| info.kind == Kind::Command).filter(lacks).map(|info| info.id.to_owned()).collect()
}

#[test]
fn every_command_says_what_undoes_it() {
    let contract = all_messages();
    assert_none("name a command that exists, or say why none has to:", without_undoing(&contract));
    let flawed: Vec<MessageInfo> = (contract.into_iter().filter(|info| info.kind == Kind::Command))
        .zip([
            None,
            Some(CompensatedBy::Command("no-such-command")),
            Some(CompensatedBy::Command("customer-registered")),
            Some(CompensatedBy::None { because: "so" }),
        ])
        .map(|(info, compensated_by)| MessageInfo { compensated_by, ..info })
        .collect();
    assert_eq!(without_undoing(&flawed).len(), 4);
}

#[test]
fn a_difference_is_found() {
    let contract = all_messages();
    let catalog = messages("catalog.json");
    let extension = messages("extension.json");

    let without_first = &extension[1..];
    assert_eq!(differences(&contract, &catalog, without_first).len(), 1);

    let mut with_other_errors = extension.clone();
    with_other_errors[0]["errors"] = json!(["NO_SUCH_CODE"]);
    assert_eq!(differences(&contract, &catalog, &with_other_errors).len(), 1);

    let mut with_stray = extension.clone();
    with_stray.push(json!({ "id": "no-such-message" }));
    assert_eq!(differences(&contract, &catalog, &with_stray).len(), 1);
}
