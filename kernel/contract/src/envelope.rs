//! The two envelopes of the catalogue; outside they travel as CloudEvents 1.0.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// How an event travels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventEnvelope {
    /// Unique id of this event: `<market>-<cascade>-<hop>`.
    pub event_id: String,
    /// Message id of the catalogue.
    pub event_type: String,
    /// Version of the payload.
    pub version: u16,
    /// When the market accepted what caused it.
    pub occurred_at: Timestamp,
    /// Producing service id; `actor` for somebody outside.
    pub source: String,
    /// Ties together everything one person or job set going.
    pub trace_id: String,
    /// The payload.
    pub data: serde_json::Value,
}

/// How a command travels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommandEnvelope {
    /// Unique id of this command, for tracing: `<market>-<cascade>-<hop>`.
    pub command_id: String,
    /// Message id of the catalogue.
    pub command_type: String,
    /// Version of the payload.
    pub version: u16,
    /// When the market accepted it.
    pub requested_at: Timestamp,
    /// Sending service; `actor` for somebody outside.
    pub source: String,
    /// The service that answers.
    pub target: String,
    /// The sender's idempotency key, if it gave one and it is known: the log keeps its fingerprint alone.
    pub idempotency_key: Option<String>,
    /// Ties together everything one person or job set going.
    pub trace_id: String,
    /// The payload.
    pub data: serde_json::Value,
}

/// How a message travels.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Envelope {
    /// An event.
    Event(EventEnvelope),
    /// A command.
    Command(CommandEnvelope),
}

impl Envelope {
    /// This message as a structured-mode CloudEvent 1.0.
    pub fn to_cloud_event(&self) -> serde_json::Value {
        match self {
            Self::Event(event) => event.to_cloud_event(),
            Self::Command(command) => command.to_cloud_event(),
        }
    }
}

impl EventEnvelope {
    /// This event as a structured-mode CloudEvent 1.0.
    pub fn to_cloud_event(&self) -> serde_json::Value {
        serde_json::json!({
            "specversion": "1.0",
            "id": self.event_id,
            "type": type_of(&self.event_type),
            "source": format!("/services/{}", self.source),
            "time": self.occurred_at,
            "dataschema": schema_of(&self.event_type, self.version),
            "datacontenttype": "application/json",
            "traceid": self.trace_id,
            "data": self.data,
        })
    }
}

impl CommandEnvelope {
    /// This command as a structured-mode CloudEvent 1.0.
    pub fn to_cloud_event(&self) -> serde_json::Value {
        let mut event = serde_json::json!({
            "specversion": "1.0",
            "id": self.command_id,
            "type": type_of(&self.command_type),
            "source": format!("/services/{}", self.source),
            "subject": self.target,
            "time": self.requested_at,
            "dataschema": schema_of(&self.command_type, self.version),
            "datacontenttype": "application/json",
            "traceid": self.trace_id,
            "data": self.data,
        });
        // An attribute of a CloudEvent has a value or is absent.
        if let Some(key) = &self.idempotency_key {
            event["idempotencykey"] = serde_json::json!(key);
        }
        event
    }
}

/// The `type` of a message's CloudEvent.
fn type_of(message: &str) -> String {
    format!("sycee.{message}")
}

/// The `dataschema` of a message's CloudEvent: another version, another URI, as CloudEvents 1.0 asks.
fn schema_of(message: &str, version: u16) -> String {
    format!("/schemas/{message}/{version}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cloud_event_has_the_required_attributes_and_no_empty_ones() {
        let event = EventEnvelope {
            event_id: "gh-7-1".to_owned(),
            event_type: "fund-reserved".to_owned(),
            version: 2,
            occurred_at: Timestamp::from_micros(0),
            source: "fund-management-system".to_owned(),
            trace_id: "7".to_owned(),
            data: serde_json::json!({ "loan": "loan-1" }),
        };
        let command = CommandEnvelope {
            command_id: "gh-7-0".to_owned(),
            command_type: "reserve-funds".to_owned(),
            version: 1,
            requested_at: Timestamp::from_micros(0),
            source: "loan-engine".to_owned(),
            target: "fund-management-system".to_owned(),
            idempotency_key: None,
            trace_id: "7".to_owned(),
            data: serde_json::json!({}),
        };
        let [event, command] = [Envelope::Event(event), Envelope::Command(command)].map(|it| it.to_cloud_event());
        for sent in [&event, &command] {
            for attribute in ["specversion", "id", "source", "type", "time", "traceid"] {
                assert!(sent[attribute].as_str().is_some_and(|text| !text.is_empty()), "{attribute} in {sent}");
            }
            let names = sent.as_object().unwrap().keys();
            assert!(names.clone().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())));
            assert!(sent.as_object().unwrap().values().all(|value| !value.is_null()), "{sent}");
        }
        assert_eq!(event["type"], "sycee.fund-reserved");
        assert_eq!(event["dataschema"], "/schemas/fund-reserved/2");
        assert_eq!(command["subject"], "fund-management-system");
    }
}
