//! The catalogue of the reference architecture, as the tests read it.

use std::collections::BTreeSet;

use serde_json::Value;

/// One hop of a flow.
#[derive(Clone, Debug)]
pub struct Hop {
    /// Name within its flow.
    pub step: String,
    /// Message id.
    pub message: String,
    /// Who sends it here; nobody is named in some hops.
    pub sender: Vec<String>,
    /// Who receives it here.
    pub receiver: Vec<String>,
}

/// The catalogue.
pub struct Catalog(Value);

fn texts(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

impl Catalog {
    /// The catalogue as committed.
    pub fn read() -> Self {
        Self(serde_json::from_str(include_str!("../../../../catalog/catalog.json")).unwrap())
    }

    fn hop_values(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0["flows"].as_array().unwrap().iter().flat_map(|flow| {
            let hops = flow["hops"].as_array().unwrap();
            hops.iter().map(|hop| (flow["id"].as_str().unwrap(), hop))
        })
    }

    /// The hops of a flow, in order.
    pub fn flow(&self, id: &str) -> Vec<Hop> {
        let hops = self.hop_values().filter(|(flow, _)| *flow == id).map(|(_, hop)| Hop {
            step: hop["step"].as_str().unwrap().to_owned(),
            message: hop["message"].as_str().unwrap().to_owned(),
            sender: texts(&hop["sender"]),
            receiver: texts(&hop["receiver"]),
        });
        let hops: Vec<Hop> = hops.collect();
        assert!(!hops.is_empty(), "the catalogue has no flow {id}");
        hops
    }

    /// Who sends a message: its own page, the services' pages and every flow together.
    pub fn senders(&self, message: &str) -> BTreeSet<String> {
        self.union(message, "producers", "sender")
    }

    /// Who receives a message: its own page, the services' pages and every flow together.
    pub fn receivers(&self, message: &str) -> BTreeSet<String> {
        self.union(message, "consumers", "receiver")
    }

    fn union(&self, message: &str, on_page: &str, in_flow: &str) -> BTreeSet<String> {
        let messages = self.0["messages"].as_array().unwrap().iter();
        let pages = messages.filter(|page| page["id"] == message).flat_map(|page| texts(&page[on_page]));
        let hops = self.hop_values().filter(|(_, hop)| hop["message"] == message);
        pages.chain(hops.flat_map(|(_, hop)| texts(&hop[in_flow]))).collect()
    }
}
