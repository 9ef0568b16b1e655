//! Reads the message log back: the cascade as a tree.

use serde::Serialize;
use sycee_contract::Timestamp;

use crate::Fault;
use crate::log::unpack;
use crate::storage::{ColumnKind, Reader, Value, collect};

/// One logged hop.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TraceHop {
    /// Message id.
    pub message: String,
    /// Sender.
    pub from: String,
    /// Receivers.
    pub to: Vec<String>,
    /// Index of the hop that caused it.
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
    /// Who caused it.
    pub actor: String,
    /// Message id of the stimulus.
    pub stimulus: String,
    /// `ok`, or the code of the refusal.
    pub outcome: String,
    /// Its messages, in causal order.
    pub hops: Vec<TraceHop>,
}

const COLUMNS: &str = "SELECT id, at, trace, actor, stimulus, outcome, hops FROM message_log";
const KINDS: [ColumnKind; 7] = [
    ColumnKind::Int,
    ColumnKind::Timestamp,
    ColumnKind::Int,
    ColumnKind::Text,
    ColumnKind::Text,
    ColumnKind::Text,
    ColumnKind::Bytes,
];

/// Most cascades of one trace that are read at once.
const CASCADES_MAX: i64 = 1_000;

/// The cascades of a trace, oldest first. Personal data opens only inside [`crate::MarketWriter::opening`].
pub fn read_trace(reader: &mut dyn Reader, trace: i64) -> Result<Vec<CascadeTrace>, Fault> {
    let sql = format!("{COLUMNS} WHERE trace = $1 ORDER BY id LIMIT {CASCADES_MAX}");
    let rows = collect(reader, &sql, &[Value::Int(trace)], &KINDS)?;
    decode(reader, &rows)
}

/// One cascade.
pub fn read_cascade(reader: &mut dyn Reader, cascade: i64) -> Result<Option<CascadeTrace>, Fault> {
    let sql = format!("{COLUMNS} WHERE id = $1");
    let rows = collect(reader, &sql, &[Value::Int(cascade)], &KINDS)?;
    Ok(decode(reader, &rows)?.pop())
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
        let hops = stored
            .into_iter()
            .map(|hop| {
                let message = name(hop.message);
                let info = messages.iter().find(|info| info.id == message);
                let asked = hop.refused.as_deref() == Some("");
                TraceHop {
                    data: info.filter(|_| !asked).and_then(|info| (info.decode)(&hop.payload)),
                    from: name(hop.from),
                    to: hop.to.into_iter().map(name).collect(),
                    cause: hop.cause,
                    asked,
                    refused: hop.refused.filter(|code| !code.is_empty()),
                    message,
                }
            })
            .collect();
        cascades.push(CascadeTrace {
            cascade: row[0].as_int().ok_or_else(missing)?,
            at: Timestamp::from_micros(row[1].as_int().ok_or_else(missing)?),
            trace: row[2].as_int().ok_or_else(missing)?,
            actor: text(3)?,
            stimulus: text(4)?,
            outcome: text(5)?,
            hops,
        });
    }
    Ok(cascades)
}
