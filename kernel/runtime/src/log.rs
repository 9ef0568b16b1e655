//! The message log: one compact row a cascade, all its messages encoded and compressed.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use sycee_contract::{CustomerId, Date, Identifier as _, Rejection, Timestamp};

use crate::Fault;
use crate::cascade::{Cause, Hop, HopOutcome};
use crate::idempotency::Asked;
use crate::payload::{Answer, from_bytes, to_bytes, to_bytes_of};
use crate::seal::KeyRing;
use crate::storage::Value;

/// Compression level: the fastest that still removes repetition.
const LEVEL: i32 = 1;

/// What a hop takes without its payload, in bytes, with plenty of receivers.
const HEAD_BYTES: usize = 32;

/// One hop as stored.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredHop {
    pub message: u16,
    pub version: u16,
    pub from: u16,
    pub to: Vec<u16>,
    pub cause: Option<u32>,
    /// `None`: delivered; empty: asked, without payload; else the code of the refusal.
    pub refused: Option<String>,
    #[serde(with = "serde_bytes")]
    pub payload: Vec<u8>,
}

/// What a request was answered, as stored.
#[derive(Serialize, Deserialize)]
pub(crate) enum StoredAnswer {
    /// The version of the answer, then the answer; nothing where there is none.
    Done(#[serde(with = "serde_bytes")] Vec<u8>),
    Refused(Rejection),
}

/// Codes of names, for this market.
pub(crate) type Names = FxHashMap<String, u16>;

/// A finished cascade on its way into the log.
pub(crate) struct LogRecord {
    pub id: i64,
    pub at: Timestamp,
    pub business_date: Date,
    pub trace: i64,
    pub cause: Option<Cause>,
    pub actor: Arc<str>,
    pub stimulus: &'static str,
    pub subject: Option<CustomerId>,
    pub asked: Option<Asked>,
    pub outcome: Result<Option<Answer>, Rejection>,
    pub hops: Arc<Vec<Hop>>,
}

impl LogRecord {
    /// Appends this record's row; personal data is sealed for its subject.
    pub(crate) fn encode(
        &self,
        names: &Names,
        keys: &Arc<KeyRing>,
        compressor: &mut zstd::bulk::Compressor<'_>,
        row: &mut Vec<Value>,
    ) -> Result<(), Fault> {
        let (hops, answer) = keys.sealing(self.subject, || {
            let hops: Vec<StoredHop> = self.hops.iter().map(|hop| stored(hop, names)).collect();
            let answer = match (&self.asked, &self.outcome) {
                (Some(_), Ok(answer)) => {
                    Some(StoredAnswer::Done(answer.as_ref().map(Answer::bytes).unwrap_or_default()))
                }
                (Some(_), Err(rejection)) => Some(StoredAnswer::Refused(rejection.clone())),
                _ => None,
            };
            (hops, answer.map(|answer| to_bytes(&answer)))
        })?;
        let packed = compressor
            .compress(&packing(&hops))
            .map_err(|error| Fault::bug("the message log could not be compressed").because(error))?;
        row.push(Value::Int(self.id));
        row.push(Value::Int(self.at.as_micros()));
        row.push(Value::Int(crate::days_of(self.business_date)));
        row.push(Value::Int(self.trace));
        row.push(self.cause.map_or(Value::Null, |cause| Value::Int(cause.cascade)));
        row.push(self.cause.map_or(Value::Null, |cause| Value::Int(i64::from(cause.hop))));
        row.push(Value::Text(Arc::clone(&self.actor)));
        row.push(Value::text(self.stimulus));
        row.push(self.subject.map_or(Value::Null, |subject| Value::Int(subject.number())));
        row.push(self.asked.map_or(Value::Null, |asked| Value::bytes(&asked.fingerprint.to_le_bytes())));
        row.push(self.asked.map_or(Value::Null, |asked| Value::bytes(&asked.body)));
        row.push(match &self.outcome {
            Ok(_) => Value::text("ok"),
            Err(rejection) => Value::text(&rejection.code),
        });
        row.push(answer.map_or(Value::Null, |bytes| Value::bytes(&bytes)));
        row.push(Value::bytes(&packed));
        Ok(())
    }
}

pub(crate) fn compressor() -> Result<zstd::bulk::Compressor<'static>, Fault> {
    zstd::bulk::Compressor::new(LEVEL).map_err(|error| Fault::bug("no compressor").because(error))
}

/// What is compressed, made in one piece.
fn packing(hops: &[StoredHop]) -> Vec<u8> {
    let payloads: usize = hops.iter().map(|hop| hop.payload.len()).sum();
    to_bytes_of(hops, payloads + hops.len() * HEAD_BYTES)
}

fn stored(hop: &Hop, names: &Names) -> StoredHop {
    let code = |name: &str| names.get(name).copied().unwrap_or(0);
    let (refused, payload) = match &hop.outcome {
        HopOutcome::Delivered => (None, (hop.vt.encode)(&*hop.payload)),
        HopOutcome::Asked => (Some(String::new()), Vec::new()),
        HopOutcome::Refused(why) => (Some(why.clone()), (hop.vt.encode)(&*hop.payload)),
    };
    StoredHop {
        message: code(hop.vt.id),
        version: hop.vt.version,
        from: code(hop.from),
        to: hop.to.iter().map(|service| code(service)).collect(),
        cause: hop.cause,
        refused,
        payload,
    }
}

/// The hops in a stored row.
pub(crate) fn unpack(packed: &[u8]) -> Result<Vec<StoredHop>, Fault> {
    let bytes = zstd::stream::decode_all(packed)
        .map_err(|error| Fault::corrupt("a row of the message log does not decompress").because(error))?;
    from_bytes(&bytes)
}
