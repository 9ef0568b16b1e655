//! The runtime's own tables: state of the market, timers, effects, parked stimuli, keys of persons, message log.

use std::sync::OnceLock;

use sycee_contract::{CustomerId, Date, Timestamp};

use crate::cascade::Cause;
use crate::payload::Payload;
use crate::storage::{ColumnKind, ColumnSpec, IndexSpec, TableSpec};
use crate::{Blind, EffectEnvelope, Registry, entity, text_enum};

/// The name under which the runtime owns its tables.
pub(crate) const RUNTIME: &str = "runtime";

entity! {
    /// Where the market stands; one row.
    pub struct MarketState in "market_state" of "runtime" key id: i64 {
        /// Always 1.
        id: i64,
        /// Last number the sequence handed out.
        last_id: i64,
        /// Last cascade.
        last_cascade: i64,
        /// Business clock.
        now: Timestamp,
        /// Business date.
        today: Date,
        /// No effect before this one is pending: opening reads from here, not from the beginning of time.
        pending_from: i64,
        /// What is known of the secrets it was made under: who opens it under others finds no phone and no document again.
        secrets: Blind,
    }
}

entity! {
    /// A command that will be run when its time has come.
    pub struct RuntimeTimer in "runtime_timer" of "runtime" key id: String {
        /// `<service>/<key>`.
        id: String,
        /// When.
        due: Timestamp,
        /// The service that set it.
        service: String,
        /// The command's message id.
        message: String,
        /// The command: version of its payload, then the payload, encoded and sealed.
        payload: Vec<u8>,
        /// The trace it continues.
        trace: i64,
        /// The cascade that set it.
        cause_cascade: i64,
        /// The message of that cascade that its service was handling.
        cause_hop: u32,
        /// Whose personal data it carries.
        subject: Option<CustomerId>,
    }
}

text_enum! {
    /// How far an effect is.
    pub enum EffectState {
        /// To be executed. One that comes back to this state lowers `MarketState::pending_from` again.
        Pending,
        /// Executed.
        Done,
        /// Given up, with a work order.
        Parked,
        /// Taken back. An execution that was under way may still say what it did: then it is done after all.
        Withdrawn,
    }
}

entity! {
    /// A request to the outside world.
    pub struct RuntimeEffect in "runtime_effect" of "runtime" key id: i64 {
        /// Number from the market's sequence.
        id: i64,
        /// Kind, the name an adapter registers for.
        kind: String,
        /// The effect: version of its payload, then the payload, encoded and sealed.
        payload: Vec<u8>,
        /// How far it is.
        state: EffectState,
        /// How often it was tried.
        attempts: u32,
        /// When it is to be tried next.
        next_at: Timestamp,
        /// The trace it belongs to.
        trace: i64,
        /// The cascade that caused it.
        cause_cascade: i64,
        /// The message of that cascade that was being handled.
        cause_hop: u32,
        /// The last error, without personal data.
        error: Option<String>,
    }
}

entity! {
    /// A fact that could not be applied: kept, with a work order.
    pub struct ParkedStimulus in "runtime_parked" of "runtime" key id: i64 {
        /// The cascade that failed.
        id: i64,
        /// Message id.
        message: String,
        /// Why.
        error: String,
        /// When.
        at: Timestamp,
    }
}

impl RuntimeTimer {
    /// Who set it.
    pub(crate) const fn cause(&self) -> Cause {
        Cause { cascade: self.cause_cascade, hop: self.cause_hop }
    }
}

impl RuntimeEffect {
    /// Who asked for it.
    pub(crate) const fn cause(&self) -> Cause {
        Cause { cascade: self.cause_cascade, hop: self.cause_hop }
    }

    /// It, to be executed: `payload` is what it carries, as `kind` decodes it.
    pub(crate) fn envelope(&self, kind: &'static str, payload: Payload) -> EffectEnvelope {
        let (id, trace, attempts, cause) = (self.id, self.trace, self.attempts, self.cause());
        EffectEnvelope { id, kind, trace, attempts, cause, payload }
    }
}

pub(crate) fn register(registry: &mut Registry) {
    registry
        .service(RUNTIME)
        .entity::<MarketState>()
        .entity::<RuntimeTimer>()
        .entity::<RuntimeEffect>()
        .entity::<ParkedStimulus>()
        .sends::<sycee_contract::OpenWorkOrder>();
    registry.know_effect::<sycee_contract::SendOtp>();
    registry.know_effect::<sycee_contract::VerifyIdentity>();
    registry.know_effect::<sycee_contract::ChannelPayment>();
    registry.know_effect::<sycee_contract::ChannelQuery>();
    registry.know_effect::<sycee_contract::PartnerPayout>();
    registry.know_effect::<sycee_contract::PartnerQuery>();
}

fn column(name: &str, kind: ColumnKind, nullable: bool) -> ColumnSpec {
    ColumnSpec { name: name.to_owned(), kind, nullable }
}

/// Who may write: one row, whose epoch is raised by every writer that takes over and checked by every commit, and the
/// latest lease under which the market was opened.
pub(crate) fn market_fence() -> &'static TableSpec {
    static SPEC: OnceLock<TableSpec> = OnceLock::new();
    SPEC.get_or_init(|| TableSpec {
        name: "market_fence",
        columns: ["id", "epoch", "batch", "lease"].map(|name| column(name, ColumnKind::Int, false)).to_vec(),
        key: vec![0],
        indexes: Vec::new(),
        money: Vec::new(),
    })
}

/// Migrations that were applied.
pub(crate) fn schema_migration() -> &'static TableSpec {
    static SPEC: OnceLock<TableSpec> = OnceLock::new();
    SPEC.get_or_init(|| TableSpec {
        name: "schema_migration",
        columns: vec![
            column("number", ColumnKind::Int, false),
            column("name", ColumnKind::Text, false),
            column("checksum", ColumnKind::Text, false),
            column("applied_at", ColumnKind::Timestamp, false),
        ],
        key: vec![0],
        indexes: Vec::new(),
        money: Vec::new(),
    })
}

/// The message log: one row a cascade.
pub(crate) fn message_log() -> &'static TableSpec {
    static SPEC: OnceLock<TableSpec> = OnceLock::new();
    SPEC.get_or_init(|| TableSpec {
        name: "message_log",
        columns: vec![
            column("id", ColumnKind::Int, false),
            column("at", ColumnKind::Timestamp, false),
            column("business_date", ColumnKind::Date, false),
            column("trace", ColumnKind::Int, false),
            column("cause_cascade", ColumnKind::Int, true),
            column("cause_hop", ColumnKind::Int, true),
            column("actor", ColumnKind::Text, false),
            column("stimulus", ColumnKind::Text, false),
            column("subject", ColumnKind::Int, true),
            column("fingerprint", ColumnKind::Bytes, true),
            column("body_hash", ColumnKind::Bytes, true),
            column("outcome", ColumnKind::Text, false),
            column("answer", ColumnKind::Bytes, true),
            column("hops", ColumnKind::Bytes, false),
        ],
        key: vec![0],
        indexes: vec![IndexSpec { name: "by_trace", columns: vec!["trace".to_owned()], unique: false }],
        money: Vec::new(),
    })
}

/// Names of messages and services behind the codes in the log.
pub(crate) fn log_name() -> &'static TableSpec {
    static SPEC: OnceLock<TableSpec> = OnceLock::new();
    SPEC.get_or_init(|| TableSpec {
        name: "log_name",
        columns: vec![column("code", ColumnKind::Int, false), column("name", ColumnKind::Text, false)],
        key: vec![0],
        indexes: Vec::new(),
        money: Vec::new(),
    })
}

/// Wrapped data keys of persons.
pub(crate) fn person_key() -> &'static TableSpec {
    static SPEC: OnceLock<TableSpec> = OnceLock::new();
    SPEC.get_or_init(|| TableSpec {
        name: "person_key",
        columns: vec![column("subject", ColumnKind::Int, false), column("wrapped", ColumnKind::Bytes, false)],
        key: vec![0],
        indexes: Vec::new(),
        money: Vec::new(),
    })
}
