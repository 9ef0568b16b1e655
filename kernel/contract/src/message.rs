//! What every message is: an id, a kind, a version, and the facts of its contract.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

use schemars::JsonSchema;

use crate::OpenTo;

/// Whether a message asks for something or says that something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Asks one owner to do something.
    Command,
    /// Says that something happened.
    Event,
}

/// What may become of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Nature {
    /// A person or service asks: may be refused.
    Request,
    /// Something happened outside: always commits.
    Fact,
    /// A calculation or query: changes no state, may be asked synchronously.
    Query,
}

/// A command's or event's payload.
pub trait Message: Clone + Debug + Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// The catalogue's or extension's id.
    const ID: &'static str;
    /// Command or event.
    const KIND: Kind;
    /// Version of the payload; decoders of older versions stay.
    const VERSION: u16 = 1;
    /// One sentence: what it asks or says.
    const SUMMARY: &'static str;
}

/// A message with one owner, who answers.
pub trait Command: Message {
    /// What the owner answers.
    type Answer: Clone + Debug + Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static;
    /// What each participant contributes when the owner consults them.
    type Contribution: Clone + Debug + Send + Sync + 'static;
    /// The service that answers.
    const OWNER: &'static str;
    /// Services the owner consults, in this order.
    const PARTICIPANTS: &'static [&'static str];
    /// Request, fact or query.
    const NATURE: Nature;
    /// Codes that may refuse it, besides `INVALID_FIELD`, `INVALID_AMOUNT`, `NOT_FOUND`, `UNEXPECTED_STATE`
    /// and `NOT_PERMITTED`.
    const ERRORS: &'static [&'static str];
    /// The command or event that undoes it, if anything has to.
    const COMPENSATED_BY: Option<&'static str>;
    /// Who may ask for it besides staff and services: `staff` (nobody else), `anyone`, or the `customer` it names.
    const DOOR: &'static str = "staff";
    /// Who may ask for this one.
    fn open_to(&self) -> OpenTo {
        OpenTo::Staff
    }
}

/// A message with any number of subscribers.
pub trait Event: Message {
    /// Services that may emit it.
    const PRODUCERS: &'static [&'static str];
}

/// The contract of one message, for the registry, the catalogue check and the documentation.
#[derive(Clone)]
pub struct MessageInfo {
    /// Message id.
    pub id: &'static str,
    /// Command or event.
    pub kind: Kind,
    /// Payload version.
    pub version: u16,
    /// One sentence.
    pub summary: &'static str,
    /// Owner of a command.
    pub owner: Option<&'static str>,
    /// Producers of an event.
    pub producers: &'static [&'static str],
    /// Participants of a command.
    pub participants: &'static [&'static str],
    /// Nature of a command.
    pub nature: Option<Nature>,
    /// Declared error codes.
    pub errors: &'static [&'static str],
    /// Who may ask for a command besides staff and services: `staff` (nobody else), `anyone`, or the `customer` it names.
    pub door: Option<&'static str>,
    /// What undoes it.
    pub compensated_by: Option<&'static str>,
    /// JSON Schema of the payload.
    pub schema: fn() -> serde_json::Value,
    /// JSON Schema of the answer of a command.
    pub answer_schema: Option<fn() -> serde_json::Value>,
    /// Decodes a logged payload to JSON; `None` when the bytes are not of this message and version.
    pub decode: fn(&[u8]) -> Option<serde_json::Value>,
    /// Reads JSON as this payload and gives it back as it is written; the error says what does not fit.
    pub normalize: fn(&serde_json::Value) -> Result<serde_json::Value, String>,
}

/// Every declared message, ordered by id.
pub fn all_messages() -> Vec<MessageInfo> {
    let mut all = crate::messages::infos();
    all.sort_by_key(|info| info.id);
    all
}

pub(crate) fn schema_of<T: JsonSchema>() -> serde_json::Value {
    schemars::schema_for!(T).to_value()
}

pub(crate) fn decode_to_json<T: DeserializeOwned + Serialize>(bytes: &[u8]) -> Option<serde_json::Value> {
    postcard::from_bytes::<T>(bytes).ok().and_then(|value| serde_json::to_value(value).ok())
}

pub(crate) fn normalize_json<T: DeserializeOwned + Serialize>(
    value: &serde_json::Value,
) -> Result<serde_json::Value, String> {
    let typed = T::deserialize(value).map_err(|error| error.to_string())?;
    serde_json::to_value(typed).map_err(|error| error.to_string())
}

/// Declares commands: payload, owner, participants, nature, errors, compensation and answer in one place.
macro_rules! commands {
    ($(
        $(#[doc = $doc:literal])*
        $id:literal $name:ident -> $answer:ty {
            owner: $owner:literal, nature: $nature:ident
            $(, open_to: $door:ident)?
            $(, participants: [$($part:literal),*] => $contribution:ty)?
            $(, errors: [$($error:literal),*])?
            $(, undo: $undo:literal)? $(,)?
        } fields { $($(#[$fdoc:meta])* $field:ident: $ftype:ty,)* }
    )*) => {
        $(
            $(#[doc = $doc])*
            #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
            #[serde(rename_all = "camelCase")]
            pub struct $name { $($(#[$fdoc])* pub $field: $ftype,)* }

            impl crate::Message for $name {
                const ID: &'static str = $id;
                const KIND: crate::Kind = crate::Kind::Command;
                const SUMMARY: &'static str = concat!($($doc),*);
            }

            impl crate::Command for $name {
                type Answer = $answer;
                type Contribution = crate::message::commands!(@contribution $($contribution)?);
                const OWNER: &'static str = $owner;
                const PARTICIPANTS: &'static [&'static str] = &[$($($part),*)?];
                const NATURE: crate::Nature = crate::Nature::$nature;
                const ERRORS: &'static [&'static str] = &[$($($error),*)?];
                const COMPENSATED_BY: Option<&'static str> = crate::message::commands!(@option $($undo)?);
                const DOOR: &'static str = crate::message::commands!(@door $($door)?);
                fn open_to(&self) -> crate::OpenTo { crate::message::commands!(@open_to self $($door)?) }
            }
        )*

        pub(crate) fn command_infos() -> Vec<crate::MessageInfo> {
            use crate::{Command as _, Message as _};
            vec![$(crate::MessageInfo {
                id: $name::ID, kind: $name::KIND, version: $name::VERSION, summary: $name::SUMMARY,
                owner: Some($name::OWNER), producers: &[], participants: $name::PARTICIPANTS,
                nature: Some($name::NATURE), errors: $name::ERRORS, compensated_by: $name::COMPENSATED_BY,
                door: Some($name::DOOR),
                schema: crate::message::schema_of::<$name>,
                answer_schema: Some(crate::message::schema_of::<$answer>),
                decode: crate::message::decode_to_json::<$name>,
                normalize: crate::message::normalize_json::<$name>,
            }),*]
        }
    };
    (@contribution) => { () };
    (@contribution $t:ty) => { $t };
    (@door) => { "staff" };
    (@door $door:ident) => { stringify!($door) };
    (@open_to $command:ident) => { crate::OpenTo::Staff };
    (@open_to $command:ident anyone) => { crate::OpenTo::Anyone };
    (@open_to $command:ident customer) => { crate::OpenTo::Customer($command.customer) };
    (@option) => { None };
    (@option $x:literal) => { Some($x) };
}
pub(crate) use commands;

/// Declares events: payload and producers in one place.
macro_rules! events {
    ($(
        $(#[doc = $doc:literal])*
        $id:literal $name:ident { producers: [$($producer:literal),*] $(,)? }
        fields { $($(#[$fdoc:meta])* $field:ident: $ftype:ty,)* }
    )*) => {
        $(
            $(#[doc = $doc])*
            #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
            #[serde(rename_all = "camelCase")]
            pub struct $name { $($(#[$fdoc])* pub $field: $ftype,)* }

            impl crate::Message for $name {
                const ID: &'static str = $id;
                const KIND: crate::Kind = crate::Kind::Event;
                const SUMMARY: &'static str = concat!($($doc),*);
            }

            impl crate::Event for $name {
                const PRODUCERS: &'static [&'static str] = &[$($producer),*];
            }
        )*

        pub(crate) fn event_infos() -> Vec<crate::MessageInfo> {
            use crate::{Event as _, Message as _};
            vec![$(crate::MessageInfo {
                id: $name::ID, kind: $name::KIND, version: $name::VERSION, summary: $name::SUMMARY,
                owner: None, producers: $name::PRODUCERS, participants: &[], nature: None, errors: &[],
                compensated_by: None, door: None,
                schema: crate::message::schema_of::<$name>,
                answer_schema: None,
                decode: crate::message::decode_to_json::<$name>,
                normalize: crate::message::normalize_json::<$name>,
            }),*]
        }
    };
}
pub(crate) use events;
