//! Coverage for people and for programs.

use serde_json::{Value, json};

use super::coverage::{Coverage, Part, Status};
use crate::output::{Side, TextTable};

/// One document with everything.
pub fn json(coverage: &Coverage, lost: &[String]) -> Value {
    json!({
        "messages": coverage.messages, "extension": coverage.extension, "services": coverage.services,
        "flows": coverage.flows, "unlisted": coverage.unlisted, "lost": lost,
    })
}

/// Counts, flows, services and messages; what each message lacks when `missing` is asked for.
pub fn text(coverage: &Coverage, lost: &[String], missing: bool) -> String {
    let mut text = counts(coverage);
    text.push('\n');
    text.push_str(&table("flow", "hops", &coverage.flows, true));
    text.push('\n');
    let registered: Vec<Part> =
        coverage.services.iter().filter(|service| coverage.running.contains(&service.id)).cloned().collect();
    text.push_str(&table("service", "links", &registered, false));
    text.push('\n');
    let begun: Vec<Part> =
        coverage.messages.iter().filter(|message| message.status != Status::NotYet).cloned().collect();
    text.push_str(&table("message", "links", &begun, missing));
    text.push_str(&rest("services not yet", &coverage.services, coverage));
    text.push_str(&rest("messages not yet", &coverage.messages, coverage));
    let unfinished: Vec<&Part> =
        coverage.extension.iter().filter(|message| message.status != Status::Covered).collect();
    for message in unfinished {
        text.push_str(&format!("extension message {} lacks: {}\n", message.id, joined(message)));
    }
    text.push('\n');
    for id in &coverage.unlisted {
        text.push_str(&format!(
            "UNLISTED {id}: declared in the contract, in neither catalog.json nor extension.json\n"
        ));
    }
    for link in lost {
        text.push_str(&format!(
            "LOST {link}: the baseline has it; register it again, or sycee catalog check --write\n"
        ));
    }
    if lost.is_empty() && coverage.unlisted.is_empty() {
        text.push_str("nothing that was covered is lost\n");
    }
    text
}

fn counts(coverage: &Coverage) -> String {
    let mut table = TextTable::new(&[
        ("", Side::Left),
        ("covered", Side::Right),
        ("partly", Side::Right),
        ("not yet", Side::Right),
        ("all", Side::Right),
    ]);
    let kinds = [
        ("messages", &coverage.messages),
        ("extension", &coverage.extension),
        ("services", &coverage.services),
        ("flows", &coverage.flows),
    ];
    for (name, parts) in kinds {
        let of = |status| parts.iter().filter(|part| part.status == status).count().to_string();
        table.row([
            name.to_owned(),
            of(Status::Covered),
            of(Status::Partly),
            of(Status::NotYet),
            parts.len().to_string(),
        ]);
    }
    table.text()
}

fn table(kind: &str, unit: &str, parts: &[Part], missing: bool) -> String {
    let mut table = TextTable::new(&[
        (kind, Side::Left),
        ("status", Side::Left),
        (unit, Side::Right),
        (if missing { "missing" } else { "" }, Side::Left),
    ]);
    for part in parts {
        table.row([
            part.id.clone(),
            part.status.name().to_owned(),
            format!("{}/{}", part.there.len(), part.there.len() + part.missing.len()),
            if missing { joined(part) } else { String::new() },
        ]);
    }
    table.text()
}

fn rest(title: &str, parts: &[Part], coverage: &Coverage) -> String {
    let ids: Vec<&str> = parts
        .iter()
        .filter(|part| part.status == Status::NotYet && !coverage.running.contains(&part.id))
        .map(|part| part.id.as_str())
        .collect();
    if ids.is_empty() { String::new() } else { format!("\n{title}: {}\n", ids.join(", ")) }
}

fn joined(part: &Part) -> String {
    part.missing.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}
