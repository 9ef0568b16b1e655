//! Messages and answers with their types erased, and the little table of functions that goes with each type.

use std::any::{Any, TypeId};
use std::sync::Arc;

use serde::Serialize;
use sycee_contract::{Command, Kind, Message, Undecodable};

use crate::Fault;

/// What most payloads take at most, in bytes.
const PAYLOAD_BYTES: usize = 256;

/// A payload whose type only its [`Vt`] knows.
pub(crate) type Payload = Arc<dyn Any + Send + Sync>;

/// What can be done with a payload without knowing its type.
pub(crate) struct Vt {
    pub id: &'static str,
    pub kind: Kind,
    pub version: u16,
    pub type_id: fn() -> TypeId,
    pub encode: fn(&dyn Any) -> Vec<u8>,
}

struct VtOf<M>(std::marker::PhantomData<M>);

impl<M: Message> VtOf<M> {
    const VT: &'static Vt =
        &Vt { id: M::ID, kind: M::KIND, version: M::VERSION, type_id: TypeId::of::<M>, encode: encode_any::<M> };
}

/// The functions of message type `M`.
pub(crate) fn vt_of<M: Message>() -> &'static Vt {
    VtOf::<M>::VT
}

fn encode_any<T: Serialize + 'static>(payload: &dyn Any) -> Vec<u8> {
    payload.downcast_ref::<T>().map(|it| to_bytes_of(it, PAYLOAD_BYTES)).unwrap_or_default()
}

fn encode_answer<C: Command>(answer: &dyn Any) -> Vec<u8> {
    let answer = answer.downcast_ref::<C::Answer>();
    answer.map(|answer| to_versioned_bytes(C::ANSWER_VERSION, answer)).unwrap_or_default()
}

/// Compact bytes of a value; personal data as the sealer in force says.
pub(crate) fn to_bytes<T: Serialize>(value: &T) -> Vec<u8> {
    to_bytes_of(value, 0)
}

/// As [`to_bytes`], of a value that takes about so many bytes.
pub(crate) fn to_bytes_of<T: Serialize + ?Sized>(value: &T, bytes: usize) -> Vec<u8> {
    // Plain structs of plain data always serialize: there is no self-description to miss.
    postcard::to_extend(value, Vec::with_capacity(bytes)).unwrap_or_default()
}

/// The value behind compact bytes.
pub(crate) fn from_bytes<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    postcard::from_bytes(bytes).map_err(|error| Fault::corrupt("stored bytes do not decode").because(error))
}

/// Compact bytes of what stands alone: its version, then its payload.
pub(crate) fn to_versioned_bytes<T: Serialize>(version: u16, value: &T) -> Vec<u8> {
    to_bytes(&(version, value))
}

/// The value behind [`to_versioned_bytes`], of whatever version; `decode` is its type's.
pub(crate) fn from_versioned_bytes<T>(
    what: &str,
    bytes: &[u8],
    decode: impl FnOnce(u16, &[u8]) -> Result<T, Undecodable>,
) -> Result<T, Fault> {
    let (version, payload) = postcard::take_from_bytes::<u16>(bytes)
        .map_err(|error| Fault::corrupt(format!("a stored {what} has no version")).because(error))?;
    decode(version, payload).map_err(undecodable)
}

/// What stored bytes are that this program cannot read.
pub(crate) fn undecodable(error: Undecodable) -> Fault {
    Fault::corrupt("what is stored cannot be read").because(error)
}

/// An answer with its type erased.
#[derive(Clone)]
pub struct Answer {
    value: Payload,
    encode: fn(&dyn Any) -> Vec<u8>,
}

impl Answer {
    pub(crate) fn of<C: Command>(answer: C::Answer) -> Self {
        Self { value: Arc::new(answer), encode: encode_answer::<C> }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        (self.encode)(&*self.value)
    }

    /// The answer of command `C`.
    pub fn get<C: Command>(&self) -> Option<C::Answer> {
        self.value.downcast_ref::<C::Answer>().cloned()
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Answer")
    }
}
