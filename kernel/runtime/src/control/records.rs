//! Markets, staff, partners and settings.

use std::collections::BTreeSet;

use serde_json::Value as Document;
use sycee_contract::Timestamp;

use super::{ControlError, ControlMarket, ControlPartner, ControlSetting, ControlStaff, ControlStore, EVERY_MARKET};
use crate::storage::{ColumnKind, DatabaseUrl, Value};
use crate::{Entity, Fault, Field as _, Json};

/// Tries to find a free staff number while others are being added.
const STAFF_TRIES: u32 = 50;

const ADD_STAFF: &str = "\
INSERT INTO control_staff (id, login, roles, scope, active, changed_at)
VALUES ((SELECT coalesce(max(id), 0) + 1 FROM control_staff), $1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING RETURNING id";

const CHANGE_STAFF: &str = "\
UPDATE control_staff SET roles = $2, scope = $3, active = $4, changed_at = $5 WHERE id = $1 RETURNING id";

const PUT_PARTNER: &str = "\
INSERT INTO control_partner (market, kind, code, settings, active, changed_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (market, kind, code) DO UPDATE
  SET settings = excluded.settings, active = excluded.active, changed_at = excluded.changed_at
WHERE control_partner.settings <> excluded.settings OR control_partner.active <> excluded.active
RETURNING code";

const SET: &str = "\
INSERT INTO control_setting (market, \"key\", value, version, changed_at, changed_by) VALUES ($1, $2, $3, 1, $4, $5)
ON CONFLICT (market, \"key\") DO UPDATE SET value = excluded.value, version = control_setting.version + 1,
  changed_at = excluded.changed_at, changed_by = excluded.changed_by
WHERE control_setting.value <> excluded.value
RETURNING version";

const REGISTER: &str = "\
INSERT INTO control_market (id, name, country, url, created_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, country = excluded.country, url = excluded.url
WHERE control_market.url = excluded.url OR control_market.url = $6
RETURNING id";

fn values<E: Entity>(entity: &E) -> Vec<Value> {
    let mut row = Vec::new();
    entity.write(&mut row);
    row
}

/// Whether two URLs name the same file beside the control store, or the same schema. A server may have many names.
fn is_same_place(a: &str, b: &str) -> bool {
    let place = |url: &str| match DatabaseUrl::read(url) {
        Ok(DatabaseUrl::Postgres { schema, .. }) => schema,
        Ok(DatabaseUrl::Sqlite { path, .. }) => path.display().to_string(),
        Err(_) => url.to_owned(),
    };
    place(a) == place(b)
}

impl ControlStore {
    /// Registers a market, or takes note of its name. What is registered keeps its place and its time of creation.
    ///
    /// Errors: `Elsewhere` when it is registered at another place.
    pub fn register_market(&mut self, market: &ControlMarket) -> Result<(), ControlError> {
        let known = self.get::<ControlMarket>(&market.id)?;
        let known = known.filter(|known| is_same_place(&known.url, &market.url));
        let mut params = values(market);
        // The other name of the server under which the place is known.
        params.push(Value::text(known.as_ref().map_or(&market.url, |known| &known.url)));
        if !self.write(REGISTER, &params, &[ColumnKind::Text])?.is_empty() {
            return Ok(());
        }
        let registered = self.get::<ControlMarket>(&market.id)?.map(|known| known.url).unwrap_or_default();
        Err(ControlError::Elsewhere { market: market.id.clone(), registered, asked: market.url.clone() })
    }

    /// Takes note that a market was moved to another place.
    ///
    /// Errors: `Bug` when the market is not registered.
    pub fn move_market(&mut self, market: &str, url: &str) -> Result<(), Fault> {
        let sql = "UPDATE control_market SET url = $2 WHERE id = $1 RETURNING id";
        let moved = self.write(sql, &[Value::text(market), Value::text(url)], &[ColumnKind::Text])?;
        if moved.is_empty() { Err(Fault::bug(format!("market {market} is not registered"))) } else { Ok(()) }
    }

    /// Adds a person who may log in.
    ///
    /// Errors: `LoginTaken`.
    pub fn add_staff(
        &mut self,
        login: &str,
        roles: BTreeSet<String>,
        scope: BTreeSet<String>,
        now: Timestamp,
    ) -> Result<ControlStaff, ControlError> {
        let mut staff = ControlStaff {
            id: 0,
            login: login.to_owned(),
            roles: Json(roles),
            scope: Json(scope),
            active: true,
            changed_at: now,
        };
        let params = values(&staff).split_off(1);
        for _ in 0..STAFF_TRIES {
            let rows = self.write(ADD_STAFF, &params, &[ColumnKind::Int])?;
            if let Some(id) = rows.first().and_then(|row| row[0].as_int()) {
                staff.id = id;
                return Ok(staff);
            }
            if self.staff_by_login(login)?.is_some() {
                return Err(ControlError::LoginTaken { login: login.to_owned() });
            }
        }
        Err(Fault::outage("no staff number was free: others are being added, try again").into())
    }

    /// The person with this login.
    ///
    /// Errors: `Outage` when the database does not answer, `Corrupt` when a row is not whole.
    pub fn staff_by_login(&mut self, login: &str) -> Result<Option<ControlStaff>, Fault> {
        let page = self.page_where::<ControlStaff>("login = $1", vec![Value::text(login)], None, 1)?;
        Ok(page.rows.into_iter().next())
    }

    /// Changes what a person may do; the login stays. Whether there is such a person.
    ///
    /// Errors: `Outage` when the database does not answer.
    pub fn change_staff(&mut self, staff: &ControlStaff) -> Result<bool, Fault> {
        let mut params = values(staff);
        params.remove(1);
        Ok(!self.write(CHANGE_STAFF, &params, &[ColumnKind::Int])?.is_empty())
    }

    /// Adds or changes a partner. Whether anything changed.
    ///
    /// Errors: `Outage` when the database does not answer.
    pub fn put_partner(&mut self, partner: &ControlPartner) -> Result<bool, Fault> {
        Ok(!self.write(PUT_PARTNER, &values(partner), &[ColumnKind::Text])?.is_empty())
    }

    /// Sets `key` of a market, or of [`EVERY_MARKET`]. Answers its version, which stays when the value does.
    ///
    /// Errors: `Outage` when the database does not answer, `Corrupt` when the setting vanished meanwhile.
    pub fn set(&mut self, market: &str, key: &str, value: Document, by: &str, now: Timestamp) -> Result<i64, Fault> {
        let mut params = vec![Value::text(market), Value::text(key)];
        Json(value).write(&mut params);
        params.extend([Value::Int(now.as_micros()), Value::text(by)]);
        if let Some(version) = self.write(SET, &params, &[ColumnKind::Int])?.first().and_then(|row| row[0].as_int()) {
            return Ok(version);
        }
        let found = self.get::<ControlSetting>(&(market.to_owned(), key.to_owned()))?;
        found.map(|setting| setting.version).ok_or_else(|| Fault::corrupt(format!("setting {key} vanished")))
    }

    /// The setting of a market; that of every market where the market has none of its own.
    ///
    /// Errors: `Outage` when the database does not answer, `Corrupt` when a row is not whole.
    pub fn setting(&mut self, market: &str, key: &str) -> Result<Option<ControlSetting>, Fault> {
        match self.get::<ControlSetting>(&(market.to_owned(), key.to_owned()))? {
            Some(own) => Ok(Some(own)),
            None => self.get::<ControlSetting>(&(EVERY_MARKET.to_owned(), key.to_owned())),
        }
    }
}
