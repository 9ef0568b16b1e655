//! Where a market's truth is kept: one closed set of values, one description of tables, two engines.
//!
//! Domain code never sees an engine. It describes tables ([`TableSpec`]), hands over rows ([`TableRows`]) and asks with
//! SQL in the common subset. What differs between the engines is in `sqlite.rs` and `postgres.rs` and nowhere else.
//!
//! Invariant: a [`Commit`] is written whole or not at all, and only under the writer's own fencing epoch.

mod migrate;
mod postgres;
mod spec;
mod sqlite;
mod url;
mod value;

use std::sync::Arc;
use std::time::Duration;

pub use migrate::{Applied, Migration, MigrationTree, applied, has_table, migrate, schema_script};
pub(crate) use migrate::{bring_up, script};
pub use spec::{ColumnKind, ColumnSpec, IndexSpec, TableSpec, quoted};
pub use url::{DatabaseUrl, SqliteDurability};
pub use value::Value;

use crate::Fault;

/// How rows of a table are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// Rows whose keys do not exist yet. A key that exists is a Fault.
    Append,
    /// Rows that replace what has the same key.
    Upsert,
    /// Rows hold only the key; what has it goes away.
    Delete,
}

/// Rows of one table, flat: `rows.len()` is a multiple of the number of columns (of key columns for a delete).
#[derive(Debug)]
pub struct TableRows {
    /// The table.
    pub table: &'static TableSpec,
    /// How the rows are written.
    pub write: Write,
    /// Values, row after row, in the order of the table's columns.
    pub rows: Vec<Value>,
}

/// Everything one group commit writes.
#[derive(Debug, Default)]
pub struct Commit {
    /// Rows by table, in the order they are written.
    pub tables: Vec<TableRows>,
    /// Number of this batch, 1 upwards in the life of the market.
    pub batch: i64,
}

/// One of several queries that are asked at once; as the parameters of [`Reader::query`].
#[derive(Clone, Debug)]
pub struct Query {
    /// The text.
    pub sql: Arc<str>,
    /// Parameters.
    pub params: Vec<Value>,
    /// How each selected column is to be read.
    pub kinds: Arc<[ColumnKind]>,
}

/// Takes rows one by one.
pub type EachRow<'a> = &'a mut dyn FnMut(&[Value]) -> Result<(), Fault>;

/// On what grounds a writer takes a market.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Claim {
    /// The fencing epoch that the writer believes to hold: it opens its own market again.
    pub held: Option<i64>,
    /// Epoch of the lease under which it opens; none where nobody hands out leases.
    pub lease: Option<i64>,
}

impl Claim {
    /// Errors: `Fenced` when the market was opened under lease `latest`, which is later.
    pub(crate) fn check(self, latest: i64) -> Result<(), Fault> {
        if self.lease.is_some_and(|lease| lease < latest) { Err(self.refused()) } else { Ok(()) }
    }

    pub(crate) fn refused(self) -> Fault {
        let after = |what: &str, epoch: Option<i64>| epoch.map_or_else(String::new, |it| format!(" after {what} {it}"));
        let text = format!("another writer took over{}{}", after("epoch", self.held), after("lease", self.lease));
        Fault::new(crate::FaultKind::Fenced, text)
    }
}

/// What reads. Sees what is committed.
pub trait Reader: Send {
    /// Runs a query and hands over its rows one by one. Parameters are `$1`, `$2`, … in both engines.
    ///
    /// `kinds` says how each selected column is to be read.
    ///
    /// Errors: a Fault when the database does not answer or refuses the statement, `Corrupt` when a value cannot be
    /// read; what `each` answers.
    fn query(&mut self, sql: &str, params: &[Value], kinds: &[ColumnKind], each: EachRow<'_>) -> Result<(), Fault>;

    /// The rows of each query. Where the database is another process, they share round trips.
    ///
    /// Errors: as [`Self::query`].
    fn query_all(&mut self, queries: &[Query]) -> Result<Vec<Vec<Vec<Value>>>, Fault> {
        queries.iter().map(|query| collect(self, &query.sql, &query.params, &query.kinds)).collect()
    }

    /// How long a query waits for the way to the database and back, as measured when the connection was made.
    fn round_trip(&self) -> Duration {
        Duration::ZERO
    }
}

/// Says which statements to run, after a look at the database.
pub type Script<'a> = &'a mut dyn FnMut(&mut dyn Reader) -> Result<Option<String>, Fault>;

/// What commits.
pub trait Store: Send {
    /// Takes the writer's place with a new fencing epoch, if the epoch so far is the one that `claim` names and nobody
    /// has opened under a later lease. Answers the new epoch and the last batch.
    ///
    /// Errors: `Fenced` when another writer has taken over; `Outage` when the database would lose what it acknowledges.
    fn take_over(&mut self, claim: Claim) -> Result<(i64, i64), Fault>;
    /// Writes `commit` in one durable transaction.
    ///
    /// Errors: a Fault of kind `Fenced` when another writer has taken over; of kind `Outage` when it is unknown whether
    /// the batch was committed and the engine cannot be asked.
    fn commit(&mut self, commit: &Commit) -> Result<(), Fault>;
    /// Runs the statements that `script` answers, if any, in one durable transaction, while everybody else who wants
    /// the same waits; `script` sees what those before have committed. Whether there was anything to run.
    ///
    /// Errors: a Fault when the database does not answer or refuses a statement; what `script` answers.
    fn run_alone(&mut self, script: Script<'_>) -> Result<bool, Fault>;
    /// Runs SQL statements in one durable transaction.
    ///
    /// Errors: as [`Self::run_alone`].
    fn run_script(&mut self, sql: &str) -> Result<(), Fault> {
        self.run_alone(&mut |_| Ok(Some(sql.to_owned()))).map(|_| ())
    }
    /// Runs one statement that writes, in a durable transaction of its own; answers the rows that it returns. No fence is
    /// checked: not for a market's tables.
    ///
    /// Errors: a Fault when the database does not answer or refuses the statement.
    fn run(&mut self, sql: &str, params: &[Value], kinds: &[ColumnKind]) -> Result<Vec<Vec<Value>>, Fault>;
    /// A reader of its own connection.
    ///
    /// Errors: `Outage` when the database does not answer.
    fn reader(&self) -> Result<Box<dyn Reader>, Fault>;
    /// What makes it durable, for people: engine, version, settings, place.
    ///
    /// Errors: `Outage` when the database does not answer.
    fn describe(&mut self) -> Result<Vec<(String, String)>, Fault>;
}

/// Opens the store that `url` names. `busy` is how long to wait for a lock, or in the middle of a commit for a server
/// that went away, before it is an outage.
///
/// Errors: `Outage` when the database cannot be opened, `Corrupt` when the file is no database.
pub fn open_store(url: &DatabaseUrl, busy: Duration) -> Result<Box<dyn Store>, Fault> {
    match url {
        DatabaseUrl::Sqlite { path, durability, vfs } => {
            Ok(Box::new(sqlite::SqliteStore::open(path, *durability, vfs.as_deref(), busy)?))
        }
        DatabaseUrl::Postgres { config, schema } => {
            Ok(Box::new(postgres::PostgresStore::connect(config, schema, busy)?))
        }
    }
}

/// Reads what is committed at `url`, beside whoever writes; changes nothing there, whatever it is. `busy` is how long to wait
/// for a lock.
///
/// Errors: as [`open_store`].
pub fn open_reader(url: &DatabaseUrl, busy: Duration) -> Result<Box<dyn Reader>, Fault> {
    match url {
        DatabaseUrl::Sqlite { path, vfs, .. } => sqlite::open_reader(path, vfs.as_deref(), busy),
        DatabaseUrl::Postgres { config, schema } => postgres::open_reader(config, schema),
    }
}

/// The statements that create `table` on the engine `sqlite` or `postgres`.
pub fn ddl(table: &TableSpec, engine: &str) -> Vec<String> {
    if engine == "postgres" { postgres::ddl(table) } else { sqlite::ddl(table) }
}

/// Removes a schema that a test made.
pub(crate) fn drop_schema(config: &str, schema: &str) {
    postgres::drop_schema(config, schema);
}

/// All rows of a query.
///
/// Errors: as [`Reader::query`].
pub fn collect(
    reader: &mut (impl Reader + ?Sized),
    sql: &str,
    params: &[Value],
    kinds: &[ColumnKind],
) -> Result<Vec<Vec<Value>>, Fault> {
    let mut rows = Vec::new();
    reader.query(sql, params, kinds, &mut |row| {
        rows.push(row.to_vec());
        Ok(())
    })?;
    Ok(rows)
}
