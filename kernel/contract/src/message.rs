//! What every message is: an id, a kind, a version, and the facts of its contract.

use std::cmp::Ordering;
use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

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

/// What undoes a command that was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum CompensatedBy {
    /// This command.
    Command(&'static str),
    /// No command.
    None {
        /// Why none is needed, or what is done instead.
        because: &'static str,
    },
}

/// Why stored bytes are not a payload that this program knows.
#[derive(Debug, thiserror::Error)]
pub enum Undecodable {
    /// A newer program wrote it.
    #[error(
        "{message} is stored in version {stored}, this program knows up to {known}: read it with the newer program"
    )]
    Newer {
        /// Id of the message, kind of the effect.
        message: &'static str,
        /// The version that stands there.
        stored: u16,
        /// The version that this program writes.
        known: u16,
    },
    /// Nobody kept the decoder of this old version.
    #[error("{message} is stored in version {stored}, which this program cannot bring up to {known}")]
    Forgotten {
        /// Id of the message, kind of the effect.
        message: &'static str,
        /// The version that stands there.
        stored: u16,
        /// The version that this program writes.
        known: u16,
    },
    /// The bytes are no such payload.
    #[error("{message} in version {stored} does not decode")]
    Broken {
        /// Id of the message, kind of the effect.
        message: &'static str,
        /// The version that stands there.
        stored: u16,
        /// What the decoder says.
        source: postcard::Error,
    },
}

/// A command's or event's payload.
///
/// Invariant: what a version once wrote, every later program reads: a changed payload gets the next [`Self::VERSION`],
/// and [`Self::upcast`] learns to read the one before.
pub trait Message: Clone + Debug + Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// The catalogue's or extension's id.
    const ID: &'static str;
    /// Command or event.
    const KIND: Kind;
    /// Version of the payload: what the log and the envelopes carry.
    const VERSION: u16 = 1;
    /// One sentence: what it asks or says.
    const SUMMARY: &'static str;

    /// Reads a payload of an older version as one of this; `None` for a version that nobody kept.
    ///
    /// Errors: when the bytes are none of that version.
    fn upcast(_version: u16, _bytes: &[u8]) -> Option<Result<Self, postcard::Error>> {
        None
    }

    /// Reads a stored payload of any version.
    ///
    /// Errors: `Newer`, `Forgotten`, `Broken`.
    fn decode(version: u16, bytes: &[u8]) -> Result<Self, Undecodable> {
        Stored { what: Self::ID, version, bytes }.read(Self::VERSION, Self::upcast)
    }
}

/// Stored bytes and the version in which they were written.
pub(crate) struct Stored<'a> {
    pub what: &'static str,
    pub version: u16,
    pub bytes: &'a [u8],
}

impl Stored<'_> {
    /// Reads them in a program that writes version `known`, and reads older ones with `upcast`.
    pub(crate) fn read<T: DeserializeOwned>(
        &self,
        known: u16,
        upcast: impl FnOnce(u16, &[u8]) -> Option<Result<T, postcard::Error>>,
    ) -> Result<T, Undecodable> {
        let (message, stored) = (self.what, self.version);
        let read = match stored.cmp(&known) {
            Ordering::Equal => postcard::from_bytes(self.bytes),
            Ordering::Greater => return Err(Undecodable::Newer { message, stored, known }),
            Ordering::Less => upcast(stored, self.bytes).ok_or(Undecodable::Forgotten { message, stored, known })?,
        };
        read.map_err(|source| Undecodable::Broken { message, stored, source })
    }
}

/// A message with one owner, who answers.
pub trait Command: Message {
    /// What the owner answers. Answers are stored for whoever repeats a request, as payloads are.
    type Answer: Clone + Debug + Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static;
    /// Version of the answer as it is stored.
    const ANSWER_VERSION: u16 = 1;
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
    /// What undoes it.
    const COMPENSATED_BY: CompensatedBy;
    /// Who may ask for it besides staff and services: `staff` (nobody else), `anyone`, or the `customer` it names.
    const DOOR: &'static str = "staff";
    /// Who may ask for this one.
    fn open_to(&self) -> OpenTo {
        OpenTo::Staff
    }

    /// Reads an answer of an older version as one of this; `None` for a version that nobody kept.
    ///
    /// Errors: when the bytes are none of that version.
    fn upcast_answer(_version: u16, _bytes: &[u8]) -> Option<Result<Self::Answer, postcard::Error>> {
        None
    }

    /// Reads a stored answer of any version.
    ///
    /// Errors: `Newer`, `Forgotten`, `Broken`.
    fn decode_answer(version: u16, bytes: &[u8]) -> Result<Self::Answer, Undecodable> {
        Stored { what: Self::ID, version, bytes }.read(Self::ANSWER_VERSION, Self::upcast_answer)
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
    /// Fields of the payload, in the order in which they are stored.
    pub fields: &'static [&'static str],
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
    /// What undoes a command.
    pub compensated_by: Option<CompensatedBy>,
    /// JSON Schema of the payload.
    pub schema: fn() -> serde_json::Value,
    /// Version of a command's answer.
    pub answer_version: Option<u16>,
    /// JSON Schema of the answer of a command.
    pub answer_schema: Option<fn() -> serde_json::Value>,
    /// Decodes a logged payload of a version to JSON, as this version writes it.
    pub decode: fn(u16, &[u8]) -> Result<serde_json::Value, Undecodable>,
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

pub(crate) fn decode_to_json<M: Message>(version: u16, bytes: &[u8]) -> Result<serde_json::Value, Undecodable> {
    // Plain structs of plain data always serialize; the null would show in the trace.
    M::decode(version, bytes).map(|payload| serde_json::to_value(payload).unwrap_or_default())
}

pub(crate) fn normalize_json<T: DeserializeOwned + Serialize>(
    value: &serde_json::Value,
) -> Result<serde_json::Value, String> {
    let typed = T::deserialize(value).map_err(|error| error.to_string())?;
    serde_json::to_value(typed).map_err(|error| error.to_string())
}

/// Declares commands: payload, owner, participants, nature, errors, compensation and answer in one place.
///
/// `undo: by "command"` names what undoes it, `undo: none "why"` says why nothing has to; one of them must stand there.
/// `version: 2, upcast: f` follows when the payload changed, `answer_version: 2, upcast_answer: g` when the answer did:
/// `f` is the message's [`Message::upcast`], `g` its [`Command::upcast_answer`].
macro_rules! commands {
    ($(
        $(#[doc = $doc:literal])*
        $id:literal $name:ident -> $answer:ty {
            owner: $owner:literal, nature: $nature:ident
            $(, open_to: $door:ident)?
            $(, participants: [$($part:literal),*] => $contribution:ty)?
            $(, errors: [$($error:literal),*])?
            , undo: $how:ident $undo:literal
            $(, version: $version:literal, upcast: $upcast:ident)?
            $(, answer_version: $answer_version:literal, upcast_answer: $upcast_answer:ident)?
            $(,)?
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
                $(
                    const VERSION: u16 = $version;
                    fn upcast(version: u16, bytes: &[u8]) -> Option<Result<Self, postcard::Error>> {
                        $upcast(version, bytes)
                    }
                )?
            }

            impl crate::Command for $name {
                type Answer = $answer;
                type Contribution = crate::message::commands!(@contribution $($contribution)?);
                const OWNER: &'static str = $owner;
                const PARTICIPANTS: &'static [&'static str] = &[$($($part),*)?];
                const NATURE: crate::Nature = crate::Nature::$nature;
                const ERRORS: &'static [&'static str] = &[$($($error),*)?];
                const COMPENSATED_BY: crate::CompensatedBy = crate::message::commands!(@undo $how $undo);
                const DOOR: &'static str = crate::message::commands!(@door $($door)?);
                fn open_to(&self) -> crate::OpenTo { crate::message::commands!(@open_to self $($door)?) }
                $(
                    const ANSWER_VERSION: u16 = $answer_version;
                    fn upcast_answer(version: u16, bytes: &[u8]) -> Option<Result<$answer, postcard::Error>> {
                        $upcast_answer(version, bytes)
                    }
                )?
            }
        )*

        pub(crate) fn command_infos() -> Vec<crate::MessageInfo> {
            use crate::{Command as _, Message as _};
            vec![$(crate::MessageInfo {
                id: $name::ID, kind: $name::KIND, version: $name::VERSION, summary: $name::SUMMARY,
                fields: &[$(stringify!($field)),*],
                owner: Some($name::OWNER), producers: &[], participants: $name::PARTICIPANTS,
                nature: Some($name::NATURE), errors: $name::ERRORS, compensated_by: Some($name::COMPENSATED_BY),
                door: Some($name::DOOR),
                schema: crate::message::schema_of::<$name>,
                answer_version: Some($name::ANSWER_VERSION),
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
    (@undo by $command:literal) => { crate::CompensatedBy::Command($command) };
    (@undo none $because:literal) => { crate::CompensatedBy::None { because: $because } };
}
pub(crate) use commands;

/// Declares events: payload and producers in one place.
///
/// `version: 2, upcast: f` follows the producers when the payload changed: `f` is the message's [`Message::upcast`].
macro_rules! events {
    ($(
        $(#[doc = $doc:literal])*
        $id:literal $name:ident {
            producers: [$($producer:literal),*] $(, version: $version:literal, upcast: $upcast:ident)? $(,)?
        }
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
                $(
                    const VERSION: u16 = $version;
                    fn upcast(version: u16, bytes: &[u8]) -> Option<Result<Self, postcard::Error>> {
                        $upcast(version, bytes)
                    }
                )?
            }

            impl crate::Event for $name {
                const PRODUCERS: &'static [&'static str] = &[$($producer),*];
            }
        )*

        pub(crate) fn event_infos() -> Vec<crate::MessageInfo> {
            use crate::{Event as _, Message as _};
            vec![$(crate::MessageInfo {
                id: $name::ID, kind: $name::KIND, version: $name::VERSION, summary: $name::SUMMARY,
                fields: &[$(stringify!($field)),*],
                owner: None, producers: $name::PRODUCERS, participants: &[], nature: None, errors: &[],
                compensated_by: None, door: None,
                schema: crate::message::schema_of::<$name>,
                answer_version: None,
                answer_schema: None,
                decode: crate::message::decode_to_json::<$name>,
                normalize: crate::message::normalize_json::<$name>,
            }),*]
        }
    };
}
pub(crate) use events;

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;

    /// Version 1 had the name in one piece.
    #[derive(Serialize, Deserialize)]
    struct GreetedV1 {
        name: String,
    }

    events! {
        /// Somebody was greeted.
        "greeted" Greeted { producers: ["porter"], version: 3, upcast: greeted_of } fields {
            /// First name.
            first: String,
            /// Last name.
            last: String,
        }

        /// The door was shut.
        "door-shut" DoorShut { producers: ["porter"] } fields {}
    }

    commands! {
        /// Greets somebody.
        "greet" Greet -> u32 {
            owner: "porter", nature: Request,
            undo: none "a word is a word",
            version: 2, upcast: greet_of,
            answer_version: 3, upcast_answer: times_of,
        } fields {
            /// Whom.
            name: String,
            /// How loudly.
            volume: u8,
        }

        /// Counts who came in.
        "count-guests" CountGuests -> u32 {
            owner: "porter", nature: Query,
            undo: none "it changes nothing",
            answer_version: 2, upcast_answer: times_of,
        } fields {}
    }

    fn greeted_of(version: u16, bytes: &[u8]) -> Option<Result<Greeted, postcard::Error>> {
        (version == 1).then(|| {
            let old: GreetedV1 = postcard::from_bytes(bytes)?;
            let (first, last) = old.name.split_once(' ').unwrap_or((&old.name, ""));
            Ok(Greeted { first: first.to_owned(), last: last.to_owned() })
        })
    }

    /// Version 1 had no volume.
    fn greet_of(version: u16, bytes: &[u8]) -> Option<Result<Greet, postcard::Error>> {
        (version == 1).then(|| Ok(Greet { name: postcard::from_bytes(bytes)?, volume: 5 }))
    }

    /// Version 1 answered nothing.
    fn times_of(version: u16, _: &[u8]) -> Option<Result<u32, postcard::Error>> {
        (version == 1).then_some(Ok(1))
    }

    #[test]
    fn an_old_version_is_read_and_an_unknown_one_says_so() {
        let ama = Greeted { first: "Ama".to_owned(), last: "Mensah".to_owned() };
        let old = postcard::to_stdvec(&GreetedV1 { name: "Ama Mensah".to_owned() }).unwrap();
        let current = postcard::to_stdvec(&ama).unwrap();
        assert_eq!(Greeted::decode(3, &current).unwrap(), ama);
        assert_eq!(Greeted::decode(1, &old).unwrap(), ama);
        assert!(matches!(Greeted::decode(2, &old), Err(Undecodable::Forgotten { stored: 2, known: 3, .. })));
        assert!(matches!(Greeted::decode(4, &current), Err(Undecodable::Newer { stored: 4, known: 3, .. })));
        assert!(matches!(Greeted::decode(1, &[9]), Err(Undecodable::Broken { stored: 1, .. })));
        assert!(matches!(Greeted::decode(3, &[9]), Err(Undecodable::Broken { stored: 3, .. })));
        assert_eq!(decode_to_json::<Greeted>(1, &old).unwrap()["last"], "Mensah");
    }

    #[test]
    fn a_command_and_its_answer_have_versions_of_their_own() {
        let ama = Greet { name: "Ama".to_owned(), volume: 5 };
        let old = postcard::to_stdvec("Ama").unwrap();
        assert_eq!(Greet::decode(1, &old).unwrap(), ama);
        assert_eq!(Greet::decode(2, &postcard::to_stdvec(&ama).unwrap()).unwrap(), ama);
        assert!(matches!(Greet::decode(3, &old), Err(Undecodable::Newer { stored: 3, known: 2, .. })));
        assert_eq!(Greet::decode_answer(1, &[]).unwrap(), 1);
        assert_eq!(Greet::decode_answer(3, &[7]).unwrap(), 7);
        assert!(matches!(Greet::decode_answer(2, &[7]), Err(Undecodable::Forgotten { stored: 2, known: 3, .. })));
        assert_eq!(CountGuests::decode_answer(1, &[]).unwrap(), 1);
    }

    #[test]
    fn a_message_without_the_clause_is_in_its_first_version() {
        let facts = |infos: Vec<MessageInfo>| -> Vec<_> {
            infos.iter().map(|info| (info.id, info.version, info.answer_version, info.fields.len())).collect()
        };
        assert_eq!(facts(event_infos()), [("greeted", 3, None, 2), ("door-shut", 1, None, 0)]);
        assert_eq!(facts(command_infos()), [("greet", 2, Some(3), 2), ("count-guests", 1, Some(2), 0)]);
    }
}
