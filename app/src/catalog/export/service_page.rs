//! The page of a service.

use std::collections::BTreeSet;

use sycee_contract::{ChannelPayment, Effect as _, Kind, SendOtp};

use super::super::facts::{Catalog, Running, Service};
use super::{asyncapi, link, sample};

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
    let retry = retry();
    for (name, value) in [
        ("API", "its commands, below; nobody calls its functions or reads its tables"),
        ("retry", retry.as_str()),
        ("idempotency", "requests by key, facts by the references they carry, effects by their request id"),
    ] {
        text.push_str(&format!("| {name} | {} |\n", if is_built { value } else { "—" }));
    }
    text.push_str(&format!("| keeps, in the reference architecture | {} |\n", listed(&service.entities)));
    text.push_str(&messages("Answers", &owned(id, running).collect()));
    text.push_str(&messages("Takes part in", &part_in(id, running)));
    text.push_str(&messages("Hears", &heard(id, running)));
    text.push_str(&messages("Sends", &sent(id, running)));
    text.push_str(&messages("Not yet", &not_yet(id, catalog, running)));
    text.push_str(&samples(id, running));
    text
}

/// Who tries again, and how often.
fn retry() -> String {
    let policy = sycee_runtime::RETRY;
    format!(
        "a request by its caller, a fact by its sender; an effect by the runtime: after {} s, then after twice the time \
         before, at most {} s, less up to a quarter; after {} attempts (a one-time password after {}) it is parked with \
         a work order, and `retry-effect` puts it back",
        policy.first_seconds,
        policy.longest_seconds,
        ChannelPayment::MAX_ATTEMPTS,
        SendOtp::MAX_ATTEMPTS,
    )
}

/// A message of each kind that it has to do with: a command it answers, an event it sends, one it hears.
fn samples(id: &str, running: &Running) -> String {
    let kinds = [
        ("a command it answers", owned(id, running).next()),
        ("a command it takes part in", part_in(id, running).pop_first()),
        ("an event it sends", sent(id, running).into_iter().find(|id| is_event(running, id))),
        ("an event it hears", heard(id, running).pop_first()),
    ];
    let mut text = String::new();
    for (what, message) in kinds {
        let Some(declared) = message.and_then(|message| running.messages.get(message)) else { continue };
        let sample = sample::message_text(declared);
        text.push_str(&format!("\nFor example {what}:\n\n```json\n{sample}\n```\n"));
    }
    if text.is_empty() { text } else { format!("\n## Sample\n{text}") }
}

fn is_event(running: &Running, id: &str) -> bool {
    running.messages.get(id).is_some_and(|declared| declared.info.kind == Kind::Event)
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

fn sent<'a>(id: &str, running: &'a Running) -> BTreeSet<&'a str> {
    let declared = running.messages.values().filter(|declared| declared.senders.contains(id));
    declared.map(|declared| declared.info.id).collect()
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
