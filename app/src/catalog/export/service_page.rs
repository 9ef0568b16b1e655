//! The page of a service.

use std::collections::BTreeSet;

use sycee_contract::Kind;

use super::super::facts::{Catalog, Running, Service};
use super::{asyncapi, link};

/// The page.
pub fn page(service: &Service, catalog: &Catalog, running: &Running) -> String {
    let id = service.id.as_str();
    let is_built = running.services.contains(id);
    let mut text = format!("# {id}\n\n{}\n\n| | |\n|---|---|\n", service.summary);
    text.push_str(&format!("| domain | {} |\n", service.domain));
    let owner = if is_built {
        format!("`domains/{}/src/{}`", service.domain, id.replace('-', "_"))
    } else {
        "not built yet".to_owned()
    };
    text.push_str(&format!("| owner | {owner} |\n"));
    let answered: Vec<String> = owned(id, running).map(|id| format!("`{}`", asyncapi::topic(id))).collect();
    text.push_str(&format!("| topics it answers | {} |\n", listed(&answered)));
    text.push_str("| API | its commands, below; nobody calls its functions or reads its tables |\n");
    text.push_str("| retry | a request by its caller, a fact by its sender; an effect by the runtime: waits double from 2 s to an hour, for half a day (a one-time password for the minutes it works), then parked with a work order; `retry-effect` puts it back |\n");
    text.push_str(
        "| idempotency | requests by key, facts by the references they carry, effects by their request id |\n",
    );
    text.push_str(&format!("| keeps, in the reference architecture | {} |\n", listed(&service.entities)));
    text.push_str(&messages("Answers", &owned(id, running).collect()));
    text.push_str(&messages("Takes part in", &part_in(id, running)));
    text.push_str(&messages("Hears", &heard(id, running)));
    text.push_str(&messages("Sends", &sent(id, catalog, running)));
    text.push_str(&messages("Not yet", &not_yet(id, catalog, running)));
    text
}

/// Commands it answers.
fn owned<'a>(id: &'a str, running: &'a Running) -> impl Iterator<Item = &'a str> {
    running.messages.values().filter(move |declared| declared.handler == Some(id)).map(|declared| declared.info.id)
}

fn part_in<'a>(id: &str, running: &'a Running) -> BTreeSet<&'a str> {
    let takes_part = running.messages.values().filter(|declared| declared.info.participants.contains(&id));
    takes_part.map(|declared| declared.info.id).collect()
}

fn heard<'a>(id: &str, running: &'a Running) -> BTreeSet<&'a str> {
    let events = running.messages.values().filter(|declared| declared.info.kind == Kind::Event);
    events.filter(|declared| declared.receivers.contains(id)).map(|declared| declared.info.id).collect()
}

fn sent<'a>(id: &str, catalog: &'a Catalog, running: &'a Running) -> BTreeSet<&'a str> {
    let declared = running.messages.values().filter(|declared| declared.info.producers.contains(&id));
    let listed =
        catalog.messages.iter().filter(|message| message.senders().contains(id) && running.sends(id, &message.id));
    declared.map(|declared| declared.info.id).chain(listed.map(|message| message.id.as_str())).collect()
}

/// What the catalogue expects of it and is not there.
fn not_yet<'a>(id: &str, catalog: &'a Catalog, running: &Running) -> BTreeSet<&'a str> {
    let lacks = catalog.messages.iter().filter(|message| {
        let sends = message.senders().contains(id) && !running.sends(id, &message.id);
        sends || message.receivers().contains(id) && !running.receives(id, &message.id)
    });
    lacks.map(|message| message.id.as_str()).collect()
}

fn messages(title: &str, ids: &BTreeSet<&str>) -> String {
    if ids.is_empty() {
        return String::new();
    }
    let lines: String = ids.iter().map(|id| format!("- {}\n", link("messages")(id))).collect();
    format!("\n## {title}\n\n{lines}")
}

fn listed(texts: &[String]) -> String {
    if texts.is_empty() { "—".to_owned() } else { texts.join(", ") }
}
