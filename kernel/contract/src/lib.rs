//! The doors between services: every command and event as a typed struct, with its envelope and its JSON Schema.
//!
//! A message is declared once, here, with the facts the registry, the catalogue check and the documentation need: who
//! owns a command, who takes part, which codes refuse it, what compensates it; who produces an event.
//!
//! Invariant: a message's id is the catalogue's, or it is declared in `catalog/extension.json`.
//! Invariant: payloads carry personal data as [`Sensitive`] only, and money as [`sycee_money::Money`] only.
//! Invariant: payloads encode without self-description (no `flatten`, no untagged enums), so that the log stays small.

mod actor;
mod effects;
mod envelope;
mod id;
mod message;
pub mod messages;
mod rejection;
mod sensitive;
mod text;
mod time;
mod zone;

pub use actor::{Actor, OpenTo, TRUSTED};
pub use effects::*;
pub use envelope::{CommandEnvelope, Envelope, EventEnvelope};
pub use id::*;
pub use message::{Command, CompensatedBy, Event, Kind, Message, MessageInfo, Nature, Undecodable, all_messages};
pub use messages::*;
pub use rejection::Rejection;
pub use sensitive::{Sealer, Sensitive, redacted, with_sealer};
pub use sycee_money::Date;
pub use text::{LINE_MAX, NAME_MAX, NOTE_MAX, check_text};
pub use time::Timestamp;
pub use zone::Zone;
