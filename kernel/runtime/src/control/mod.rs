//! The control store: what stands above the markets. Who may write which, which markets there are, staff, partners,
//! settings. Beside the markets in a database of its own: a SQLite file, or a PostgreSQL schema.
//!
//! A *lease* says who writes a market until when. Its epoch is greater than that of every lease of the market before it,
//! and the market's own database keeps the latest epoch under which it was opened. So a lease is a promise about time,
//! and clocks may be wrong; the fence in the market's database is what decides.
//!
//! Invariant: a lease is taken, renewed and released by one statement that looks and writes at once.
//! Invariant: epochs of a market's leases only grow, also when the clock goes back.
//! Invariant: at most one writer's commits are accepted after a given epoch. A holder whose lease expired loses at its
//! next commit after the successor opened, and cannot open the market again under that lease.
//! Invariant: a control store knows a market in one database only.
//! Invariant: no password and no personal data but a login stands in it.

mod error;
mod keeper;
mod lease;
mod migrations;
mod records;
mod tables;

use std::time::Duration;

pub use error::ControlError;
pub use keeper::LeaseKeeper;
pub(crate) use lease::latest_lease_of;
pub use lease::{Lease, latest_lease};
pub use migrations::{generated, migrations};
pub use tables::{ControlLease, ControlMarket, ControlPartner, ControlSetting, ControlStaff, tables};

use crate::storage::{ColumnKind, DatabaseUrl, Reader, Store, Value, collect, migrate, open_store};
use crate::{Entity, Fault, FaultKind, Key as _, RowReader};

/// How long a lock is waited for.
const BUSY: Duration = Duration::from_secs(10);
/// Most rows of one page.
pub const PAGE_MAX: usize = 500;
/// The market of settings that hold for every market.
pub const EVERY_MARKET: &str = "*";

/// Rows in key order, and where the next page begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<E: Entity> {
    /// The rows.
    pub rows: Vec<E>,
    /// The key after which the next page begins; none on the last page.
    pub next: Option<E::Key>,
}

/// An open control store.
pub struct ControlStore {
    url: DatabaseUrl,
    /// Absent after an outage, until the next write connects again.
    store: Option<Box<dyn Store>>,
    reader: Box<dyn Reader>,
}

impl ControlStore {
    /// Opens the control store at `url`, see [`DatabaseUrl::control`]; makes it, or brings it to this version.
    ///
    /// Errors: `Outage` when the database does not answer, `Corrupt` when a migration was changed.
    pub fn open(url: &DatabaseUrl) -> Result<Self, Fault> {
        migrate(url, migrations().of(url.engine()))?;
        let store = open_store(url, BUSY)?;
        let reader = store.reader()?;
        Ok(Self { url: url.clone(), store: Some(store), reader })
    }

    /// Where it is.
    pub const fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// Runs one statement that looks and writes at once; answers the rows that it returns.
    fn write(&mut self, sql: &str, params: &[Value], kinds: &[ColumnKind]) -> Result<Vec<Vec<Value>>, Fault> {
        let store = match &mut self.store {
            Some(store) => store,
            None => self.store.insert(open_store(&self.url, BUSY)?),
        };
        let result = store.run(sql, params, kinds);
        if result.as_ref().is_err_and(|fault| fault.kind == FaultKind::Outage) {
            self.store = None;
        }
        result
    }

    /// The row with this key.
    ///
    /// Errors: `Outage` when the database does not answer, `Corrupt` when a row is not whole.
    pub fn get<E: Entity>(&mut self, key: &E::Key) -> Result<Option<E>, Fault> {
        let spec = E::spec();
        let mut params = Vec::new();
        key.write_key(&mut params);
        let rows = collect(&mut *self.reader, &spec.select_by_key(), &params, &spec.kinds())?;
        rows.first().map(|row| E::read(&mut RowReader::new(row))).transpose()
    }

    /// The first `limit` rows (at most [`PAGE_MAX`]) after a key.
    ///
    /// Errors: `Outage` when the database does not answer, `Corrupt` when a row is not whole.
    pub fn page<E: Entity>(&mut self, after: Option<&E::Key>, limit: usize) -> Result<Page<E>, Fault> {
        self.page_where("", Vec::new(), after, limit)
    }

    /// As [`Self::page`], of one market; for tables whose key begins with the market.
    ///
    /// Errors: as [`Self::page`].
    pub fn page_of<E: Entity>(&mut self, market: &str, after: Option<&E::Key>, limit: usize) -> Result<Page<E>, Fault> {
        self.page_where("market = $1", vec![Value::text(market)], after, limit)
    }

    fn page_where<E: Entity>(
        &mut self,
        condition: &str,
        mut params: Vec<Value>,
        after: Option<&E::Key>,
        limit: usize,
    ) -> Result<Page<E>, Fault> {
        let spec = E::spec();
        let limit = limit.clamp(1, PAGE_MAX);
        let keys = spec.key_names().join(", ");
        let mut conditions: Vec<String> = Some(condition.to_owned()).filter(|it| !it.is_empty()).into_iter().collect();
        if let Some(after) = after {
            let first = params.len();
            after.write_key(&mut params);
            let places: Vec<String> = (first..params.len()).map(|at| format!("${}", at + 1)).collect();
            conditions.push(format!("({keys}) > ({})", places.join(", ")));
        }
        let wanted = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
        let columns = spec.column_list();
        let sql = format!("SELECT {columns} FROM {}{wanted} ORDER BY {keys} LIMIT {}", spec.name, limit + 1);
        let found = collect(&mut *self.reader, &sql, &params, &spec.kinds())?;
        let rows = found.iter().take(limit).map(|row| E::read(&mut RowReader::new(row)));
        let rows = rows.collect::<Result<Vec<E>, Fault>>()?;
        let next = rows.last().filter(|_| found.len() > limit).map(Entity::key);
        Ok(Page { rows, next })
    }
}
