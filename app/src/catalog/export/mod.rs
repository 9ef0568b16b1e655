//! Documents made from the contract, the registry and the catalogue: AsyncAPI, JSON Schemas, Markdown pages.
//!
//! Invariant: the same binary makes the same files, byte for byte.
//! Invariant: every link and every `$ref` leads to something in the folder.

mod asyncapi;
mod flow_page;
mod message_page;
mod sample;
mod schema;
mod service_page;

use std::collections::BTreeMap;

use serde_json::Value;

use super::coverage::{Coverage, Part};
use super::facts::{Catalog, Running};

/// Every file, by its path in the folder.
pub fn files(catalog: &Catalog, running: &Running) -> BTreeMap<String, String> {
    let coverage = Coverage::of(catalog, running);
    let mut files = BTreeMap::new();
    for declared in running.messages.values() {
        let info = &declared.info;
        files.insert(schema::message_file(info.id), pretty(&schema::message(info)));
        if let Some(answer) = info.answer_schema {
            files.insert(schema::answer_file(info.id), pretty(&schema::answer(info, answer)));
        }
    }
    files.insert("asyncapi.json".to_owned(), pretty(&asyncapi::document(catalog, running)));
    for (message, part) in catalog.messages.iter().filter_map(|message| {
        let parts = if message.is_extension() { &coverage.extension } else { &coverage.messages };
        Some((message, part_of(parts, &message.id)?))
    }) {
        files.insert(format!("messages/{}.md", message.id), message_page::page(message, part, running));
    }
    for service in &catalog.services {
        files.insert(format!("services/{}.md", service.id), service_page::page(service, catalog, running));
    }
    for (flow, part) in catalog.flows.iter().zip(&coverage.flows) {
        files.insert(format!("flows/{}.md", flow.id), flow_page::page(flow, part, running));
    }
    files.insert("README.md".to_owned(), index(catalog, &coverage));
    files
}

fn part_of<'a>(parts: &'a [Part], id: &str) -> Option<&'a Part> {
    parts.iter().find(|part| part.id == id)
}

fn index(catalog: &Catalog, coverage: &Coverage) -> String {
    let mut text =
        "# Contract\n\nMade by `sycee catalog export`. [asyncapi.json](asyncapi.json) describes every message \
                    for programs; `schemas/` holds a JSON Schema for each.\n\n## Flows\n\n"
            .to_owned();
    for (flow, part) in catalog.flows.iter().zip(&coverage.flows) {
        let link = format!("[{}](flows/{}.md)", flow.id, flow.id);
        text.push_str(&format!("{}. {link} ({}): {}\n", flow.order, part.status.name(), flow.summary));
    }
    text.push_str("\n## Services\n\n");
    for domain in &catalog.domains {
        text.push_str(&format!("**{}**: {}\n\n", domain.id, domain.summary));
        for service in catalog.services.iter().filter(|service| service.domain == domain.id) {
            let built = if coverage.running.contains(&service.id) { "" } else { " (not yet)" };
            text.push_str(&format!("- [{}](services/{}.md){built}: {}\n", service.id, service.id, service.summary));
        }
        text.push('\n');
    }
    text.push_str("## Messages\n\n");
    for (title, parts) in [("Of the reference architecture", &coverage.messages), ("Extension", &coverage.extension)] {
        text.push_str(&format!("### {title}\n\n"));
        for part in parts {
            text.push_str(&format!("- [{}](messages/{}.md) ({})\n", part.id, part.id, part.status.name()));
        }
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text + "\n"
}

/// A link from a page in one folder to one in another.
fn link<'a>(folder: &'a str) -> impl Fn(&str) -> String + 'a {
    move |id| format!("[{id}](../{folder}/{id}.md)")
}

/// Links to services, comma separated; a dash for none. `actor` and the runtime have no page.
fn services<'a>(ids: impl IntoIterator<Item = &'a str>) -> String {
    let shown: Vec<String> = ids
        .into_iter()
        .map(|id| match id {
            super::facts::ACTOR => "a person or a system outside".to_owned(),
            "runtime" => "the runtime".to_owned(),
            id => link("services")(id),
        })
        .collect();
    if shown.is_empty() { "—".to_owned() } else { shown.join(", ") }
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exported() -> (Catalog, Running, BTreeMap<String, String>) {
        let (catalog, running) = (Catalog::embedded().unwrap(), Running::new(&sycee_markets::registry()));
        let files = files(&catalog, &running);
        (catalog, running, files)
    }

    #[test]
    fn every_page_is_there() {
        let (catalog, running, files) = exported();
        assert_eq!((catalog.services.len(), catalog.flows.len()), (55, 15));
        let pages = catalog
            .messages
            .iter()
            .map(|message| format!("messages/{}.md", message.id))
            .chain(catalog.services.iter().map(|service| format!("services/{}.md", service.id)))
            .chain(catalog.flows.iter().map(|flow| format!("flows/{}.md", flow.id)))
            .chain(running.messages.keys().map(|id| format!("schemas/{id}.json")));
        for page in pages {
            assert!(files.contains_key(&page), "{page}");
        }
        for id in running.messages.keys() {
            let page = &files[&format!("messages/{id}.md")];
            for part in ["| topic |", "| API |", "| owner |", "| retry |", "| idempotency |", "## Sample", "## Fields"]
            {
                assert!(page.contains(part), "{id} has no {part}");
            }
        }
    }

    #[test]
    fn the_page_of_a_service_that_runs_has_everything_and_a_sample() {
        let (_, running, files) = exported();
        for id in running.services.iter().filter(|id| **id != "runtime") {
            let page = &files[&format!("services/{id}.md")];
            for part in ["| topics it answers |", "| API |", "| owner |", "| retry |", "| idempotency |", "## Sample"] {
                assert!(page.contains(part), "{id} has no {part}");
            }
        }
        let page = &files["services/fund-management-system.md"];
        assert!(page.contains("\"commandType\": \"book-stray-payout\""), "{page}");
        assert!(page.contains("after 2 s, then after twice the time before, at most 3600 s"), "{page}");
    }

    #[test]
    fn the_page_of_a_service_that_is_not_built_promises_nothing() {
        let (catalog, running, files) = exported();
        let mut services: Vec<&str> = catalog.services.iter().map(|service| service.id.as_str()).collect();
        services.retain(|id| !running.services.contains(*id));
        assert!(!services.is_empty());
        for id in services {
            let page = &files[&format!("services/{id}.md")];
            for row in ["| owner | not built yet |", "| API | — |", "| retry | — |", "| idempotency | — |"] {
                assert!(page.contains(row), "{id} has no {row}: {page}");
            }
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let (_, _, files) = exported();
        let mut references = 0;
        for (name, text) in files.iter().filter(|(name, _)| name.ends_with(".json")) {
            let document: Value = serde_json::from_str(text).unwrap();
            each_reference(&document, &mut |reference| {
                references += 1;
                let found = match reference.strip_prefix('#') {
                    Some(pointer) => document.pointer(pointer).is_some(),
                    None => files.contains_key(reference),
                };
                assert!(found, "{name}: {reference}");
            });
        }
        assert!(references > 1_000, "only {references} references");
    }

    fn each_reference(value: &Value, each: &mut dyn FnMut(&str)) {
        match value {
            Value::Object(fields) => {
                if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
                    each(reference);
                }
                fields.values().for_each(|field| each_reference(field, each));
            }
            Value::Array(items) => items.iter().for_each(|item| each_reference(item, each)),
            _ => {}
        }
    }

    #[test]
    fn every_link_between_pages_leads_somewhere() {
        let (_, _, files) = exported();
        for (name, text) in files.iter().filter(|(name, _)| name.ends_with(".md")) {
            for target in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target) {
                let target = match target.strip_prefix("../") {
                    Some(outside) => outside.to_owned(),
                    None => name.rsplit_once('/').map_or(target.to_owned(), |(folder, _)| format!("{folder}/{target}")),
                };
                assert!(files.contains_key(&target), "{name}: {target}");
            }
        }
    }
}
