//! How much of the catalogue runs, link by link.
//!
//! A link says that a message is handled, or sent by a service, or received by one, as the services registered it. The
//! runtime lets nobody send what it did not register; that everybody sends what it registered is the flow tests' to show.
//!
//! Invariant: a link that the baseline has and the binary has not is reported.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sycee_contract::Kind;

use super::facts::{Catalog, CatalogMessage, Flow, Running};

/// How far something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Everything the catalogue asks for is there.
    Covered,
    /// Some of it is.
    Partly,
    /// Nothing is.
    NotYet,
}

impl Status {
    /// The word for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Covered => "covered",
            Self::Partly => "partly",
            Self::NotYet => "not yet",
        }
    }

    fn of(there: usize, missing: usize) -> Self {
        match (there, missing) {
            (_, 0) => Self::Covered,
            (0, _) => Self::NotYet,
            _ => Self::Partly,
        }
    }
}

/// What is there and what is missing of one message, service or flow.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// Id of the message, service or flow.
    pub id: String,
    /// How far it is.
    pub status: Status,
    /// Links that are there.
    pub there: BTreeSet<String>,
    /// Links that are missing.
    pub missing: BTreeSet<String>,
}

impl Part {
    fn new(id: &str, there: BTreeSet<String>, missing: BTreeSet<String>) -> Self {
        Self { id: id.to_owned(), status: Status::of(there.len(), missing.len()), there, missing }
    }
}

/// What was covered when the baseline was written: links by message, service and flow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    messages: BTreeMap<String, BTreeSet<String>>,
    services: BTreeSet<String>,
    flows: BTreeMap<String, BTreeSet<String>>,
}

/// The whole comparison.
#[derive(Clone, Debug)]
pub struct Coverage {
    /// By message of the catalogue.
    pub messages: Vec<Part>,
    /// By message of the extension.
    pub extension: Vec<Part>,
    /// By service of the catalogue.
    pub services: Vec<Part>,
    /// By flow of the catalogue.
    pub flows: Vec<Part>,
    /// Registered services.
    pub running: BTreeSet<String>,
    /// Messages the contract declares and neither the catalogue nor the extension knows.
    pub unlisted: Vec<String>,
}

impl Coverage {
    /// Compares `running` with `catalog`.
    pub fn of(catalog: &Catalog, running: &Running) -> Self {
        let (extension, messages): (Vec<_>, Vec<_>) =
            catalog.messages.iter().partition(|message| message.is_extension());
        let parts = |messages: &[&CatalogMessage]| messages.iter().map(|it| message_part(it, running)).collect();
        let services = catalog.services.iter().map(|service| service_part(&service.id, &messages, running));
        let unlisted = running.messages.keys().filter(|id| catalog.message(id).is_none());
        Self {
            messages: parts(&messages),
            extension: parts(&extension),
            services: services.collect(),
            flows: catalog.flows.iter().map(|flow| flow_part(flow, running)).collect(),
            running: running.services.iter().map(|service| (*service).to_owned()).collect(),
            unlisted: unlisted.map(|id| (*id).to_owned()).collect(),
        }
    }

    /// What is there, to be compared with later.
    pub fn baseline(&self) -> Baseline {
        let links = |parts: &mut dyn Iterator<Item = &Part>| -> BTreeMap<String, BTreeSet<String>> {
            parts.filter(|part| !part.there.is_empty()).map(|part| (part.id.clone(), part.there.clone())).collect()
        };
        Baseline {
            messages: links(&mut self.messages.iter().chain(&self.extension)),
            services: self.running.clone(),
            flows: links(&mut self.flows.iter()),
        }
    }

    /// What `baseline` has and this has not.
    pub fn lost_since(&self, baseline: &Baseline) -> Vec<String> {
        let current = self.baseline();
        let mut lost: Vec<String> =
            baseline.services.difference(&current.services).map(|id| format!("service {id}")).collect();
        let kinds = [("message", &baseline.messages, &current.messages), ("flow", &baseline.flows, &current.flows)];
        for (kind, before, after) in kinds {
            for (id, links) in before {
                let nothing = BTreeSet::new();
                let there = after.get(id).unwrap_or(&nothing);
                lost.extend(links.difference(there).map(|link| format!("{kind} {id}: {link}")));
            }
        }
        lost
    }
}

/// Links of a message: `handler`, `from <service>`, `to <service>`.
fn message_part(message: &CatalogMessage, running: &Running) -> Part {
    let (mut there, mut missing) = (BTreeSet::new(), BTreeSet::new());
    let mut link = |is_there: bool, text: String| {
        if is_there {
            there.insert(text)
        } else {
            missing.insert(text)
        };
    };
    let declared = running.messages.get(message.id.as_str());
    match message.kind {
        Kind::Command => link(declared.is_some_and(|declared| declared.handler.is_some()), "handler".to_owned()),
        Kind::Event => link(declared.is_some(), "declared".to_owned()),
    }
    for sender in message.senders() {
        link(running.sends(sender, &message.id), format!("from {sender}"));
    }
    for receiver in message.receivers() {
        link(running.receives(receiver, &message.id), format!("to {receiver}"));
    }
    Part::new(&message.id, there, missing)
}

/// Links of a service: `sends <message>`, `receives <message>`, of the catalogue's messages. A service that takes any
/// message, of the extension too, is at least partly there.
fn service_part(service: &str, messages: &[&CatalogMessage], running: &Running) -> Part {
    let (mut there, mut missing) = (BTreeSet::new(), BTreeSet::new());
    let is_registered = running.services.contains(service);
    for message in messages {
        if message.senders().contains(service) {
            let sends = running.sends(service, &message.id);
            if sends { &mut there } else { &mut missing }.insert(format!("sends {}", message.id));
        }
        if message.receivers().contains(service) {
            let receives = running.receives(service, &message.id);
            if receives { &mut there } else { &mut missing }.insert(format!("receives {}", message.id));
        }
    }
    let mut part = Part::new(service, there, missing);
    if !is_registered {
        part.status = Status::NotYet;
    } else if part.status == Status::NotYet && running.messages.values().any(|it| it.receivers.contains(service)) {
        part.status = Status::Partly;
    }
    part
}

/// Links of a flow: `<nr> <step>`, one for each hop.
fn flow_part(flow: &Flow, running: &Running) -> Part {
    let (mut there, mut missing) = (BTreeSet::new(), BTreeSet::new());
    for (nr, hop) in (1..).zip(&flow.hops) {
        let is_there = running.messages.contains_key(hop.message.as_str())
            && hop.sender.iter().all(|sender| running.sends(sender, &hop.message))
            && hop.receiver.iter().all(|receiver| running.receives(receiver, &hop.message));
        if is_there { &mut there } else { &mut missing }.insert(format!("{nr:02} {}", hop.step));
    }
    Part::new(&flow.id, there, missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog() -> Catalog {
        Catalog::embedded().unwrap()
    }

    fn running() -> Running {
        Running::new(&sycee_markets::registry())
    }

    fn status(parts: &[Part], id: &str) -> Status {
        parts.iter().find(|part| part.id == id).unwrap().status
    }

    #[test]
    fn every_command_has_its_handler_and_every_message_is_known() {
        let coverage = Coverage::of(&catalog(), &running());
        assert!(coverage.unlisted.is_empty(), "{:?}", coverage.unlisted);
        let unhandled: Vec<_> = running()
            .messages
            .values()
            .filter(|declared| declared.info.owner != declared.handler)
            .map(|declared| declared.info.id)
            .collect();
        assert!(unhandled.is_empty(), "declared, owned, not handled: {unhandled:?}");
    }

    #[test]
    fn who_may_emit_an_event_registered_that_it_does() {
        let running = running();
        let silent: Vec<String> = (running.messages.values())
            .flat_map(|declared| declared.info.producers.iter().map(move |producer| (declared, *producer)))
            .filter(|(declared, producer)| !declared.senders.contains(producer))
            .map(|(declared, producer)| format!("{producer}: {}", declared.info.id))
            .collect();
        assert!(silent.is_empty(), "producers in the contract that do not emit: {silent:?}");
    }

    #[test]
    fn every_link_of_the_first_six_flows_is_there_and_no_registered_service_misses_one_of_them() {
        let (catalog, running) = (catalog(), running());
        let coverage = Coverage::of(&catalog, &running);
        let in_flows: BTreeSet<&str> =
            catalog.flows[..6].iter().flat_map(|flow| &flow.hops).map(|hop| hop.message.as_str()).collect();
        let missing: Vec<String> = (coverage.messages.iter())
            .filter(|part| in_flows.contains(part.id.as_str()))
            .flat_map(|part| part.missing.iter().map(|link| format!("{}: {link}", part.id)))
            .filter(|link| running.services.iter().any(|service| link.ends_with(&format!(" {service}"))))
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn the_first_six_flows_are_covered() {
        let coverage = Coverage::of(&catalog(), &running());
        for flow in &coverage.flows[..6] {
            assert_eq!(flow.status, Status::Covered, "{}: {:?}", flow.id, flow.missing);
        }
    }

    #[test]
    fn what_goes_missing_is_reported() {
        let (catalog, mut running) = (catalog(), running());
        let baseline = Coverage::of(&catalog, &running).baseline();
        assert!(Coverage::of(&catalog, &running).lost_since(&baseline).is_empty());

        let event = running.messages.get_mut("credit-line-approved").unwrap();
        assert!(event.receivers.remove("credit-limit-center"));
        let without_subscriber = Coverage::of(&catalog, &running);
        assert_eq!(
            without_subscriber.lost_since(&baseline),
            ["message credit-line-approved: to credit-limit-center", "flow credit-approval: 03 credit-line-approved"]
        );

        let event = running.messages.get_mut("kyc-completed").unwrap();
        assert!(event.senders.remove("customer-center"));
        let silent = Coverage::of(&catalog, &running).lost_since(&baseline);
        assert!(silent.contains(&"message kyc-completed: from customer-center".to_owned()), "{silent:?}");

        let command = running.messages.get_mut("reserve-funds").unwrap();
        command.handler = None;
        assert!(
            Coverage::of(&catalog, &running)
                .lost_since(&baseline)
                .contains(&"message reserve-funds: handler".to_owned())
        );

        running.services.remove("fund-management-system");
        let without_service = Coverage::of(&catalog, &running);
        assert_eq!(status(&without_service.services, "fund-management-system"), Status::NotYet);
        assert!(without_service.lost_since(&baseline).contains(&"service fund-management-system".to_owned()));
    }

    #[test]
    fn a_service_that_takes_any_message_has_begun() {
        let (catalog, mut running) = (catalog(), running());
        let strategies = |running: &Running| status(&Coverage::of(&catalog, running).services, "risk-strategy-center");
        assert_eq!(strategies(&running), Status::Partly, "it answers commands of the extension");
        for declared in running.messages.values_mut() {
            declared.receivers.remove("risk-strategy-center");
        }
        assert_eq!(strategies(&running), Status::NotYet);
    }

    #[test]
    fn a_message_that_neither_file_has_is_unlisted() {
        let (mut catalog, running) = (catalog(), running());
        catalog.messages.retain(|message| message.id != "accept-product-offer");
        assert_eq!(Coverage::of(&catalog, &running).unlisted, ["accept-product-offer"]);
    }

    #[test]
    fn some_links_are_partly_and_none_is_not_yet() {
        assert_eq!(Status::of(0, 3), Status::NotYet);
        assert_eq!(Status::of(1, 3), Status::Partly);
        assert_eq!(Status::of(4, 0), Status::Covered);
    }
}
