//! The control store's tables.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use serde_json::Value;
use sycee_contract::Timestamp;

use crate::storage::TableSpec;
use crate::{Entity, Json, entity};

entity! {
    /// A market that this control store knows.
    pub struct ControlMarket in "control_market" of "control" key id: String {
        /// Its id, such as `gh`.
        id: String,
        /// Its name.
        name: String,
        /// ISO 3166 code.
        country: String,
        /// Where it is kept; no password.
        url: String,
        /// When it was registered.
        created_at: Timestamp,
    }
}

entity! {
    /// Who may write a market; the row stays when nobody does, so that epochs only grow.
    pub struct ControlLease in "control_lease" of "control" key market: String {
        /// The market.
        market: String,
        /// Who holds it; nobody when it was released.
        holder: Option<String>,
        /// Greater than that of every lease of this market before.
        epoch: i64,
        /// When it was taken.
        taken_at: Timestamp,
        /// When it ends, unless it is renewed.
        expires_at: Timestamp,
    }
}

entity! {
    /// A person who works here. Who that is stands in the identity provider, not here.
    pub struct ControlStaff in "control_staff" of "control" key id: i64 {
        /// Number, never given twice.
        id: i64,
        /// The handle that stands in logs; it never changes.
        login: String,
        /// What the person may do.
        roles: Json<BTreeSet<String>>,
        /// Whose data the person may see: ids of markets, or `*`.
        scope: Json<BTreeSet<String>>,
        /// Whether the person may log in.
        active: bool,
        /// When any of it changed.
        changed_at: Timestamp,
    }
    unique index by_login(login: String);
}

entity! {
    /// A company that a market works with.
    pub struct ControlPartner in "control_partner" of "control" key (market, kind, code): (String, String, String) {
        /// The market.
        market: String,
        /// What it does, such as `funder`.
        kind: String,
        /// Its code, unique among the market's partners of this kind.
        code: String,
        /// What its market's files say about it.
        settings: Json<Value>,
        /// Whether the market works with it.
        active: bool,
        /// When any of it changed.
        changed_at: Timestamp,
    }
}

entity! {
    /// A setting of a market, or of all.
    pub struct ControlSetting in "control_setting" of "control" key (market, key): (String, String) {
        /// The market, or `*`.
        market: String,
        /// What is set.
        key: String,
        /// To what.
        value: Json<Value>,
        /// 1, and one more with every change.
        version: i64,
        /// When it changed.
        changed_at: Timestamp,
        /// Who changed it.
        changed_by: String,
    }
}

/// Every table of a control store.
pub fn tables() -> &'static [TableSpec] {
    static TABLES: OnceLock<Vec<TableSpec>> = OnceLock::new();
    TABLES.get_or_init(|| {
        vec![
            ControlMarket::spec(),
            ControlLease::spec(),
            ControlStaff::spec(),
            ControlPartner::spec(),
            ControlSetting::spec(),
        ]
    })
}
