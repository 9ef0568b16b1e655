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
    /// When the market accepted what caused it.
    pub occurred_at: Timestamp,
    /// Producing service id.
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
    /// Unique id of this command, for tracing.
    pub command_id: String,
    /// Message id of the catalogue.
    pub command_type: String,
    /// When the market accepted it.
    pub requested_at: Timestamp,
    /// Sending service, or `actor`.
    pub source: String,
    /// The service that answers.
    pub target: String,
    /// The sender's idempotency key, if it gave one.
    pub idempotency_key: Option<String>,
    /// Ties together everything one person or job set going.
    pub trace_id: String,
    /// The payload.
    pub data: serde_json::Value,
}

impl EventEnvelope {
    /// This event as a structured-mode CloudEvent 1.0.
    pub fn to_cloud_event(&self) -> serde_json::Value {
        serde_json::json!({
            "specversion": "1.0",
            "id": self.event_id,
            "type": format!("sycee.{}", self.event_type),
            "source": format!("/services/{}", self.source),
            "time": self.occurred_at,
            "datacontenttype": "application/json",
            "traceid": self.trace_id,
            "data": self.data,
        })
    }
}

impl CommandEnvelope {
    /// This command as a structured-mode CloudEvent 1.0.
    pub fn to_cloud_event(&self) -> serde_json::Value {
        serde_json::json!({
            "specversion": "1.0",
            "id": self.command_id,
            "type": format!("sycee.{}", self.command_type),
            "source": format!("/services/{}", self.source),
            "subject": self.target,
            "time": self.requested_at,
            "datacontenttype": "application/json",
            "traceid": self.trace_id,
            "idempotencykey": self.idempotency_key,
            "data": self.data,
        })
    }
}
