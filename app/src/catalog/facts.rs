//! What is compared: the catalogue with its extension, and what the contract declares and the services register.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use sycee_contract::{Kind, MessageInfo, all_messages};
use sycee_runtime::Registry;

use crate::output::Failure;

/// The catalogue, with the messages of the extension.
#[derive(Clone, Debug, Deserialize)]
pub struct Catalog {
    /// Domains, by id.
    pub domains: Vec<Domain>,
    /// Services of all domains.
    pub services: Vec<Service>,
    /// Messages of the catalogue, then those of the extension.
    pub messages: Vec<CatalogMessage>,
    /// Flows.
    pub flows: Vec<Flow>,
}

/// A domain.
#[derive(Clone, Debug, Deserialize)]
pub struct Domain {
    /// Id.
    pub id: String,
    /// What it is for.
    pub summary: String,
}

/// A service.
#[derive(Clone, Debug, Deserialize)]
pub struct Service {
    /// Id.
    pub id: String,
    /// Its domain.
    pub domain: String,
    /// What it is for.
    pub summary: String,
    /// What it keeps, by the catalogue.
    pub entities: Vec<String>,
}

/// A message as the catalogue or the extension has it.
#[derive(Clone, Debug, Deserialize)]
pub struct CatalogMessage {
    /// Id.
    pub id: String,
    /// Command or event.
    pub kind: Kind,
    /// Name for people.
    pub name: String,
    producers: BTreeSet<String>,
    consumers: BTreeSet<String>,
    #[serde(default)]
    flow_senders: BTreeSet<String>,
    #[serde(default)]
    flow_receivers: BTreeSet<String>,
    /// Why the extension adds it; absent in the catalogue.
    pub why: Option<String>,
}

impl CatalogMessage {
    /// Who sends it: by its page, by the services' pages and by the flows. `actor` is a person or a system outside.
    pub fn senders(&self) -> BTreeSet<&str> {
        self.producers.iter().chain(&self.flow_senders).map(String::as_str).collect()
    }

    /// Who receives it: by its page, by the services' pages and by the flows.
    pub fn receivers(&self) -> BTreeSet<&str> {
        self.consumers.iter().chain(&self.flow_receivers).map(String::as_str).collect()
    }

    /// Whether the extension adds it to the catalogue.
    pub const fn is_extension(&self) -> bool {
        self.why.is_some()
    }
}

/// A flow: messages in order.
#[derive(Clone, Debug, Deserialize)]
pub struct Flow {
    /// Id.
    pub id: String,
    /// Its number in the catalogue.
    pub order: u32,
    /// What it is for.
    pub summary: String,
    /// Its hops.
    pub hops: Vec<Hop>,
}

/// One message of a flow.
#[derive(Clone, Debug, Deserialize)]
pub struct Hop {
    /// Name of the step; the message id unless a message is used twice.
    pub step: String,
    /// Message id.
    pub message: String,
    /// Who sends it.
    pub sender: Vec<String>,
    /// Who receives it.
    pub receiver: Vec<String>,
}

#[derive(Deserialize)]
struct Extension {
    messages: Vec<CatalogMessage>,
}

impl Catalog {
    /// The catalogue and the extension of this binary.
    pub fn embedded() -> Result<Self, Failure> {
        let broken = |file: &str, error| Failure::Fault(format!("{file} in this binary is broken: {error}"));
        let mut catalog: Self = serde_json::from_str(include_str!("../../../catalog/catalog.json"))
            .map_err(|error| broken("catalog/catalog.json", error))?;
        let extension: Extension = serde_json::from_str(include_str!("../../../catalog/extension.json"))
            .map_err(|error| broken("catalog/extension.json", error))?;
        catalog.messages.extend(extension.messages);
        Ok(catalog)
    }

    /// A message by id.
    pub fn message(&self, id: &str) -> Option<&CatalogMessage> {
        self.messages.iter().find(|message| message.id == id)
    }
}

/// What the contract declares and the services of a market register.
#[derive(Clone)]
pub struct Running {
    /// Services that are registered.
    pub services: BTreeSet<&'static str>,
    /// Declared messages, by id.
    pub messages: BTreeMap<&'static str, Declared>,
}

/// One declared message and who takes it.
#[derive(Clone)]
pub struct Declared {
    /// What the contract says.
    pub info: MessageInfo,
    /// The service whose handler answers, if it is a command that has one.
    pub handler: Option<&'static str>,
    /// Services that registered that they send it, or let it in from outside.
    pub senders: BTreeSet<&'static str>,
    /// Handler, subscribers and participants.
    pub receivers: BTreeSet<&'static str>,
}

impl Running {
    /// What `registry` has of everything that is declared.
    pub fn new(registry: &Registry) -> Self {
        let declared = |info: MessageInfo| {
            let receivers = registry.receivers_of(info.id).into_iter().collect();
            let senders = registry.senders_of(info.id).into_iter().collect();
            (info.id, Declared { handler: registry.owner_of(info.id), senders, receivers, info })
        };
        Self {
            services: registry.services().iter().copied().collect(),
            messages: all_messages().into_iter().map(declared).collect(),
        }
    }

    /// Whether `sender` sends `message`: a service has registered that it does, and the runtime holds it to that; `actor`
    /// may send what is declared.
    pub fn sends(&self, sender: &str, message: &str) -> bool {
        self.messages.get(message).is_some_and(|declared| sender == ACTOR || declared.senders.contains(sender))
    }

    /// Whether `receiver` is registered for `message`.
    pub fn receives(&self, receiver: &str, message: &str) -> bool {
        self.messages.get(message).is_some_and(|declared| declared.receivers.contains(receiver))
    }
}

/// A person or a system outside, as the catalogue calls it.
pub const ACTOR: &str = "actor";
