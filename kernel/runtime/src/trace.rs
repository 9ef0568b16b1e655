//! Reads the message log back: the cascade as a tree.

use serde::Serialize;
use sycee_contract::{CommandEnvelope, Date, Envelope, EventEnvelope, Kind, Timestamp};

use crate::Fault;
use crate::cascade::Cause;
use crate::log::unpack;
use crate::payload::undecodable;
use crate::storage::{ColumnKind, Reader, Value, collect};

/// One logged hop.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TraceHop {
    /// Its place in the cascade, 0 upwards.
    pub nr: u32,
    /// Message id.
    pub message: String,
    /// Version of the payload that was logged.
    pub version: u16,
    /// Sender.
    pub from: String,
    /// Receivers.
    pub to: Vec<String>,
    /// The place of the hop that caused it.
    pub cause: Option<u32>,
    /// Whether it was asked, not sent.
    pub asked: bool,
    /// Refusal code, if it was refused.
    pub refused: Option<String>,
    /// The payload; personal data shows as `***`.
    pub data: Option<serde_json::Value>,
}

/// One logged cascade.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CascadeTrace {
    /// The cascade.
    pub cascade: i64,
    /// When its stimulus was admitted.
    pub at: Timestamp,
    /// The trace it belongs to.
    pub trace: i64,
    /// The message that brought its stimulus about: the one that set the timer, or asked for the effect that it answers.
    /// `None` for what somebody outside does by himself, and for the start of a day.
    pub cause: Option<Cause>,
    /// Who caused it.
    pub actor: String,
    /// Message id of the stimulus.
    pub stimulus: String,
    /// `ok`, or the code of the refusal.
    pub outcome: String,
    /// Its messages, in causal order.
    pub hops: Vec<TraceHop>,
}

impl CascadeTrace {
    /// Its messages in the envelopes of the catalogue, in causal order, with what ties them together.
    ///
    /// Left out: what was asked, whose payload is not logged, and what no part of the contract declares. The payload is
    /// in the version that this program writes, whatever version was logged.
    pub fn envelopes(&self, market: &str) -> Vec<Envelope> {
        let messages = sycee_contract::all_messages();
        let envelope = |hop: &TraceHop| {
            let info = messages.iter().find(|info| info.id == hop.message)?;
            let id = format!("{market}-{}-{}", self.cascade, hop.nr);
            let (version, at, source) = (info.version, self.at, hop.from.clone());
            let (trace_id, data) = (self.trace.to_string(), hop.data.clone()?);
            Some(match info.kind {
                Kind::Event => Envelope::Event(EventEnvelope {
                    event_id: id,
                    event_type: hop.message.clone(),
                    version,
                    occurred_at: at,
                    source,
                    trace_id,
                    data,
                }),
                Kind::Command => Envelope::Command(CommandEnvelope {
                    command_id: id,
                    command_type: hop.message.clone(),
                    version,
                    requested_at: at,
                    source,
                    target: info.owner.unwrap_or_default().to_owned(),
                    idempotency_key: None,
                    trace_id,
                    data,
                }),
            })
        };
        self.hops.iter().filter_map(envelope).collect()
    }
}

const COLUMNS: &str = "SELECT id, at, trace, actor, stimulus, outcome, hops, cause_cascade, cause_hop FROM message_log";
const KINDS: [ColumnKind; 9] = [
    ColumnKind::Int,
    ColumnKind::Timestamp,
    ColumnKind::Int,
    ColumnKind::Text,
    ColumnKind::Text,
    ColumnKind::Text,
    ColumnKind::Bytes,
    ColumnKind::Int,
    ColumnKind::Int,
];

/// Most cascades of one trace that are read at once.
const CASCADES_MAX: i64 = 1_000;

/// The cascades of a trace, oldest first. Personal data opens only inside [`crate::MarketWriter::opening`].
///
/// Errors: `Outage` when the database does not answer, `Corrupt` when a logged cascade does not decode.
pub fn read_trace(reader: &mut dyn Reader, trace: i64) -> Result<Vec<CascadeTrace>, Fault> {
    let sql = format!("{COLUMNS} WHERE trace = $1 ORDER BY id LIMIT {CASCADES_MAX}");
    let rows = collect(reader, &sql, &[Value::Int(trace)], &KINDS)?;
    decode(reader, &rows)
}

/// One cascade.
///
/// Errors: as [`read_trace`].
pub fn read_cascade(reader: &mut dyn Reader, cascade: i64) -> Result<Option<CascadeTrace>, Fault> {
    let sql = format!("{COLUMNS} WHERE id = $1");
    let rows = collect(reader, &sql, &[Value::Int(cascade)], &KINDS)?;
    Ok(decode(reader, &rows)?.pop())
}

/// Rows of the log that are read at once when all of it is read through.
const PAGE: i64 = 500;

/// The cascades whose messages carry `id`, such as `loan-1042`, oldest first: of each the messages that carry it, and
/// what caused them.
///
/// The log has no index over what stands in its messages, so it is read through, from the cascades of `since` on; `each`
/// is told after every page how many were read. Errors: also when more than a thousand cascades carry it.
pub fn read_about(
    reader: &mut dyn Reader,
    id: &str,
    since: Option<Date>,
    each: &mut dyn FnMut(u64),
) -> Result<Vec<CascadeTrace>, Fault> {
    let sql = format!("{COLUMNS} WHERE id > $1 AND business_date >= $2 ORDER BY id LIMIT {PAGE}");
    let since = Value::Int(crate::days_of(since.unwrap_or(Date::constant(1, 1, 1))));
    let mut about = Vec::new();
    let (mut last, mut read) = (0, 0);
    loop {
        let rows = collect(reader, &sql, &[Value::Int(last), since.clone()], &KINDS)?;
        let Some(end) = rows.last().and_then(|row| row[0].as_int()) else { return Ok(about) };
        last = end;
        read += rows.len() as u64;
        about.extend(decode(reader, &rows)?.into_iter().filter_map(|cascade| cascade.only_about(id)));
        if about.len() > usize::try_from(CASCADES_MAX).unwrap_or(usize::MAX) {
            return Err(Fault::new(
                crate::FaultKind::Outage,
                format!("more than {CASCADES_MAX} cascades carry {id}: say since when"),
            ));
        }
        each(read);
    }
}

impl CascadeTrace {
    /// The messages that carry `id`, with all that caused them; `None` when there is none.
    fn only_about(mut self, id: &str) -> Option<Self> {
        let mut keep = vec![false; self.hops.len()];
        for at in (0..self.hops.len()).rev() {
            keep[at] |= self.hops[at].data.as_ref().is_some_and(|data| carries(data, id));
            if keep[at]
                && let Some(cause) = self.hops[at].cause
            {
                keep[cause as usize] = true;
            }
        }
        self.hops.retain(|hop| keep[hop.nr as usize]);
        (!self.hops.is_empty()).then_some(self)
    }
}

/// Whether `id` is one of the texts in `data`.
fn carries(data: &serde_json::Value, id: &str) -> bool {
    match data {
        serde_json::Value::String(text) => text == id,
        serde_json::Value::Array(items) => items.iter().any(|item| carries(item, id)),
        serde_json::Value::Object(fields) => fields.iter().any(|(name, value)| name == id || carries(value, id)),
        _ => false,
    }
}

fn cause(cascade: Option<i64>, hop: Option<i64>) -> Option<Cause> {
    Some(Cause { cascade: cascade?, hop: u32::try_from(hop?).ok()? })
}

fn decode(reader: &mut dyn Reader, rows: &[Vec<Value>]) -> Result<Vec<CascadeTrace>, Fault> {
    let names = collect(reader, "SELECT code, name FROM log_name", &[], &[ColumnKind::Int, ColumnKind::Text])?;
    let name = |code: u16| {
        names
            .iter()
            .find(|row| row[0].as_int() == Some(i64::from(code)))
            .and_then(|row| row[1].as_text())
            .unwrap_or("?")
            .to_owned()
    };
    let messages = sycee_contract::all_messages();
    let mut cascades = Vec::with_capacity(rows.len());
    for row in rows {
        let missing = || Fault::corrupt("a row of the message log is not whole");
        let text = |at: usize| row[at].as_text().map(str::to_owned).ok_or_else(missing);
        let stored = unpack(row[6].as_bytes().ok_or_else(missing)?)?;
        let hops: Result<Vec<TraceHop>, Fault> = (0..)
            .zip(stored)
            .map(|(nr, hop)| {
                let message = name(hop.message);
                let info = messages.iter().find(|info| info.id == message);
                let asked = hop.refused.as_deref() == Some("");
                let data = info.filter(|_| !asked).map(|info| (info.decode)(hop.version, &hop.payload));
                Ok(TraceHop {
                    nr,
                    data: data.transpose().map_err(undecodable)?,
                    version: hop.version,
                    from: name(hop.from),
                    to: hop.to.into_iter().map(name).collect(),
                    cause: hop.cause,
                    asked,
                    refused: hop.refused.filter(|code| !code.is_empty()),
                    message,
                })
            })
            .collect();
        cascades.push(CascadeTrace {
            cascade: row[0].as_int().ok_or_else(missing)?,
            at: Timestamp::from_micros(row[1].as_int().ok_or_else(missing)?),
            trace: row[2].as_int().ok_or_else(missing)?,
            cause: cause(row[7].as_int(), row[8].as_int()),
            actor: text(3)?,
            stimulus: text(4)?,
            outcome: text(5)?,
            hops: hops?,
        });
    }
    Ok(cascades)
}
