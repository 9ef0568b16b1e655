//! PostgreSQL: one schema, set-based flushes (UNNEST for what changes, binary COPY for what is appended), pipelined.
//!
//! Invariant: COMMIT is sent only after the fencing row is locked under our epoch, so who locks that row after a lost
//! connection sees whether the batch it was about is there, and no server process can still make it appear later.

mod link;
mod reader;
mod schema;
mod tls;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use bytes::{BufMut as _, BytesMut};
use futures_util::{SinkExt as _, TryStreamExt as _, future};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Statement};

pub(super) use self::link::check;
use self::link::{Link, Purpose, Server, check_schema};
use self::reader::{PostgresReader, read_row};
pub(super) use self::schema::ddl;
use self::schema::{column_type, pg_type};
pub(super) use self::tls::Said;
use super::{Claim, ColumnKind, Commit, Reader, Script, Store, TableRows, TableSpec, Value, Write, quoted};
use crate::{Fault, FaultKind};

/// Microseconds and days from 1970-01-01 to PostgreSQL's epoch, 2000-01-01.
const EPOCH_MICROS: i64 = 946_684_800_000_000;
const EPOCH_DAYS: i64 = 10_957;

type BoxError = Box<dyn std::error::Error + Sync + Send>;

fn fault(error: tokio_postgres::Error) -> Fault {
    let kind = match error.as_db_error().map(|db| db.code().code().to_owned()) {
        // Cardinality, data, integrity, syntax, limits such as an index entry's size: trying again changes nothing.
        Some(code) if ["21", "22", "23", "42", "54"].iter().any(|class| code.starts_with(class)) => FaultKind::Bug,
        _ => FaultKind::Outage,
    };
    let text = error.as_db_error().map_or_else(String::new, |db| format!(" ({})", db.message()));
    Fault::new(kind, format!("postgres{text}")).because(error)
}

/// What the server or the connection said, where a fault comes from there.
fn cause(fault: &Fault) -> Option<&tokio_postgres::Error> {
    fault.source.as_ref()?.downcast_ref()
}

/// Whether the server undid the transaction in favour of another one: the same may well succeed now.
fn is_undone(fault: &Fault) -> bool {
    let undone = [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED];
    cause(fault).and_then(tokio_postgres::Error::code).is_some_and(|code| undone.contains(code))
}

/// A value written as whatever type the statement wants.
#[derive(Debug)]
struct Param<'a>(&'a Value);

impl ToSql for Param<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, BoxError> {
        match self.0 {
            Value::Null => return Ok(IsNull::Yes),
            Value::Text(text) => {
                if *ty == Type::JSONB {
                    out.put_u8(1);
                }
                out.put_slice(text.as_bytes());
            }
            Value::Bytes(bytes) => out.put_slice(bytes),
            Value::Int(number) => match *ty {
                Type::BOOL => out.put_u8(u8::from(*number != 0)),
                Type::INT2 => out.put_i16(i16::try_from(*number)?),
                Type::INT4 => out.put_i32(i32::try_from(*number)?),
                Type::DATE => out.put_i32(i32::try_from(number.saturating_sub(EPOCH_DAYS))?),
                // The least number would mean minus infinity; the server refuses the one above it.
                Type::TIMESTAMPTZ => out.put_i64(number.saturating_sub(EPOCH_MICROS).max(i64::MIN + 1)),
                _ => out.put_i64(*number),
            },
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

pub(super) struct PostgresStore {
    server: Server,
    link: Link,
    /// How long to wait for a server that does not answer.
    busy: Duration,
    epoch: i64,
    fence: Option<Statement>,
    statements: std::collections::HashMap<(&'static str, &'static str), Statement>,
}

impl PostgresStore {
    pub(super) fn connect(config: &str, schema: &str, busy: Duration) -> Result<Self, Fault> {
        let server = Server::new(config, schema)?;
        let link = server.link(Purpose::Writing)?;
        Ok(Self { server, link, busy, epoch: 0, fence: None, statements: std::collections::HashMap::new() })
    }

    fn prepare(&mut self, table: &'static TableSpec, what: &'static str, sql: &str) -> Result<Statement, Fault> {
        if let Some(statement) = self.statements.get(&(table.name, what)) {
            return Ok(statement.clone());
        }
        let statement = self.link.runtime.block_on(self.link.client.prepare(sql)).map_err(fault)?;
        self.statements.insert((table.name, what), statement.clone());
        Ok(statement)
    }

    fn write(&mut self, commit: &Commit) -> Result<(), Fault> {
        let mut prepared = Vec::with_capacity(commit.tables.len());
        for rows in &commit.tables {
            let (what, sql) = match rows.write {
                Write::Append => ("copy", copy_sql(rows.table)),
                Write::Upsert => ("upsert", upsert_sql(rows.table)),
                Write::Delete => ("delete", delete_sql(rows.table)),
            };
            prepared.push(self.prepare(rows.table, what, &sql)?);
        }
        let fence = match &self.fence {
            Some(statement) => statement.clone(),
            None => {
                let sql = "UPDATE market_fence SET batch = $1 WHERE id = 1 AND epoch = $2 AND batch < $1";
                let statement = self.link.runtime.block_on(self.link.client.prepare(sql)).map_err(fault)?;
                self.fence.insert(statement).clone()
            }
        };
        let arrays: Vec<Vec<Column<'_>>> = commit.tables.iter().map(columns).collect();
        let client = &self.link.client;
        let (epoch, batch) = (self.epoch, commit.batch);
        self.link.runtime.block_on(async {
            let begin = client.batch_execute("BEGIN");
            let fence_params: [&(dyn ToSql + Sync); 2] = [&batch, &epoch];
            let fence = client.execute(&fence, &fence_params);
            let writes = future::join_all(commit.tables.iter().zip(&prepared).zip(&arrays).filter_map(
                |((rows, statement), arrays)| {
                    if rows.write == Write::Append {
                        return None;
                    }
                    let params: Vec<&(dyn ToSql + Sync)> =
                        arrays.iter().map(|column| column as &(dyn ToSql + Sync)).collect();
                    Some(async move { client.execute(statement, &params).await })
                },
            ));
            let (begun, fenced, written) = future::join3(begin, fence, writes).await;
            begun.map_err(fault)?;
            if fenced.map_err(fault)? != 1 {
                return Err(Fault::new(FaultKind::Fenced, format!("another writer took over after epoch {epoch}")));
            }
            // After the first failure every later statement only says that the transaction is aborted.
            let mut errors: Vec<_> = written.into_iter().filter_map(Result::err).collect();
            errors.sort_by_key(|error| error.code() == Some(&SqlState::IN_FAILED_SQL_TRANSACTION));
            if let Some(error) = errors.into_iter().next() {
                return Err(fault(error));
            }
            for (rows, statement) in commit.tables.iter().zip(&prepared) {
                if rows.write == Write::Append {
                    copy(client, statement, rows).await?;
                }
            }
            client.batch_execute("COMMIT").await.map_err(fault)
        })
    }

    /// After a failure: whether the batch was committed all the same. Asks until somebody knows, for `busy`.
    fn was_committed(&mut self, batch: i64) -> Result<bool, Fault> {
        let deadline = Instant::now() + self.busy;
        let mut pause = Duration::from_millis(10);
        loop {
            match self.ask_fence() {
                Ok((epoch, _)) if epoch != self.epoch => {
                    let text = format!("another writer took over after epoch {}", self.epoch);
                    return Err(Fault::new(FaultKind::Fenced, text));
                }
                Ok((_, committed)) => return Ok(committed >= batch),
                Err(error) if Instant::now() + pause > deadline => {
                    let text = format!("nobody says whether batch {batch} was committed, after {:?}", self.busy);
                    return Err(Fault::outage(text).because(error));
                }
                Err(_) => std::thread::sleep(pause),
            }
            pause = (pause * 2).min(Duration::from_secs(1));
        }
    }

    /// Epoch and last batch, over a new connection, once no transaction is about to change them.
    fn ask_fence(&mut self) -> Result<(i64, i64), Fault> {
        self.fence = None;
        self.statements.clear();
        self.link = self.server.link(Purpose::Writing)?;
        let Link { runtime, client } = &self.link;
        runtime.block_on(async {
            // A standby refuses to lock: what it knows may be old.
            client.batch_execute("BEGIN; SET LOCAL lock_timeout TO '5s'").await.map_err(fault)?;
            let sql = "SELECT epoch, batch FROM market_fence WHERE id = 1 FOR UPDATE";
            let row = client.query_one(sql, &[]).await.map_err(fault)?;
            client.batch_execute("COMMIT").await.map_err(fault)?;
            Ok((row.get(0), row.get(1)))
        })
    }

    /// Leaves a transaction that failed, which releases what it held; whether the connection still does.
    fn undo(&mut self) -> bool {
        self.link.runtime.block_on(self.link.client.batch_execute("ROLLBACK")).is_ok()
    }

    /// Leaves its transaction open unless it answers true.
    fn run_locked(&mut self, reader: &mut dyn Reader, script: Script<'_>) -> Result<bool, Fault> {
        let schema = &self.server.schema;
        let lock = format!("BEGIN; SELECT pg_advisory_xact_lock(hashtext('sycee.{schema}'))");
        // Who may not create schemas can still work in one that an administrator has made.
        let exists = format!("SELECT to_regnamespace('{schema}') IS NOT NULL");
        let Link { runtime, client } = &self.link;
        runtime.block_on(client.batch_execute(&lock)).map_err(fault)?;
        let Some(sql) = script(reader)? else { return Ok(false) };
        let exists: bool = runtime.block_on(client.query_one(&exists, &[])).map_err(fault)?.get(0);
        let create = if exists { String::new() } else { format!("CREATE SCHEMA {schema};\n") };
        runtime.block_on(client.batch_execute(&format!("{create}{sql}\n;COMMIT;"))).map_err(fault)?;
        Ok(true)
    }

    fn setting(&mut self, name: &str) -> Result<Option<String>, Fault> {
        let sql = format!("SELECT current_setting('{name}', true)");
        let row = self.link.runtime.block_on(self.link.client.query_one(&sql, &[])).map_err(fault)?;
        Ok(row.get(0))
    }
}

/// Errors: `Outage` when a server with this `fsync` would lose what it acknowledged.
fn check_fsync(fsync: Option<&str>) -> Result<(), Fault> {
    if fsync != Some("off") {
        return Ok(());
    }
    Err(Fault::outage(
        "the PostgreSQL server runs with fsync=off: what it acknowledges is gone, and the database may be torn, when its \
         machine stops. Turn fsync on; for a market that may be lost, add durability=off to its URL",
    ))
}

/// One column of many rows, sent as an array.
#[derive(Debug)]
struct Column<'a> {
    values: &'a [Value],
    at: usize,
    width: usize,
}

impl ToSql for Column<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, BoxError> {
        let tokio_postgres::types::Kind::Array(element) = ty.kind() else {
            return Err(format!("{ty} is no array").into());
        };
        let count = self.values.len() / self.width;
        out.put_i32(1);
        out.put_i32(1);
        out.put_u32(element.oid());
        out.put_i32(i32::try_from(count)?);
        out.put_i32(1);
        for row in 0..count {
            let length_at = out.len();
            out.put_i32(-1);
            let value = &self.values[row * self.width + self.at];
            if let IsNull::No = Param(value).to_sql(element, out)? {
                let length = i32::try_from(out.len() - length_at - 4)?;
                out[length_at..length_at + 4].copy_from_slice(&length.to_be_bytes());
            }
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

fn columns(rows: &TableRows) -> Vec<Column<'_>> {
    let width = if rows.write == Write::Delete { rows.table.key.len() } else { rows.table.columns.len() };
    (0..width).map(|at| Column { values: &rows.rows, at, width }).collect()
}

fn unnest(table: &TableSpec, positions: &[usize]) -> String {
    let arrays: Vec<String> = positions
        .iter()
        .enumerate()
        .map(|(nr, at)| format!("${}::{}[]", nr + 1, column_type(table.columns[*at].kind)))
        .collect();
    format!("UNNEST({})", arrays.join(", "))
}

fn upsert_sql(table: &TableSpec) -> String {
    let all: Vec<usize> = (0..table.columns.len()).collect();
    let mut sql = format!("INSERT INTO {} ({}) SELECT * FROM {}", table.name, table.column_list(), unnest(table, &all));
    let set: Vec<String> = table
        .columns
        .iter()
        .enumerate()
        .filter(|(at, _)| !table.key.contains(at))
        .map(|(_, column)| format!("{0} = EXCLUDED.{0}", quoted(&column.name)))
        .collect();
    let action = if set.is_empty() { "NOTHING".to_owned() } else { format!("UPDATE SET {}", set.join(", ")) };
    let _ = write!(sql, " ON CONFLICT ({}) DO {action}", table.key_names().join(", "));
    sql
}

fn delete_sql(table: &TableSpec) -> String {
    let names = table.key_names();
    format!("DELETE FROM {} WHERE ({}) IN (SELECT * FROM {})", table.name, names.join(", "), unnest(table, &table.key))
}

fn copy_sql(table: &TableSpec) -> String {
    format!("COPY {} ({}) FROM STDIN (FORMAT binary)", table.name, table.column_list())
}

/// Rows of a binary COPY are sent in pieces of about this size, bytes.
const COPY_CHUNK: usize = 256 * 1024;

async fn copy(client: &Client, statement: &Statement, rows: &TableRows) -> Result<(), Fault> {
    let sink = client.copy_in::<_, bytes::Bytes>(statement).await.map_err(fault)?;
    futures_util::pin_mut!(sink);
    let types: Vec<Type> = rows.table.columns.iter().map(|column| pg_type(column.kind)).collect();
    let mut out = BytesMut::with_capacity(COPY_CHUNK + 4_096);
    out.put_slice(b"PGCOPY\n\xff\r\n\0");
    out.put_i32(0);
    out.put_i32(0);
    let broken = |error: BoxError| Fault::bug(format!("a row cannot be copied: {error}"));
    for row in rows.rows.chunks(types.len()) {
        out.put_i16(i16::try_from(types.len()).map_err(|error| broken(error.into()))?);
        for (value, ty) in row.iter().zip(&types) {
            let length_at = out.len();
            out.put_i32(-1);
            if let IsNull::No = Param(value).to_sql(ty, &mut out).map_err(broken)? {
                let length = i32::try_from(out.len() - length_at - 4).map_err(|error| broken(error.into()))?;
                out[length_at..length_at + 4].copy_from_slice(&length.to_be_bytes());
            }
        }
        if out.len() >= COPY_CHUNK {
            sink.send(out.split().freeze()).await.map_err(fault)?;
        }
    }
    out.put_i16(-1);
    sink.send(out.freeze()).await.map_err(fault)?;
    sink.close().await.map_err(fault)
}

impl Store for PostgresStore {
    fn take_over(&mut self, claim: Claim) -> Result<(i64, i64), Fault> {
        if !self.server.careless {
            check_fsync(self.setting("fsync")?.as_deref())?;
        }
        let take = "UPDATE market_fence SET epoch = epoch + 1, lease = coalesce($2, lease) \
                    WHERE id = 1 AND epoch = coalesce($1, epoch) AND lease <= coalesce($2, lease) \
                    RETURNING epoch, batch";
        let Link { runtime, client } = &self.link;
        let row = runtime.block_on(client.query_opt(take, &[&claim.held, &claim.lease])).map_err(fault)?;
        let row = row.ok_or_else(|| claim.refused())?;
        self.epoch = row.get(0);
        Ok((self.epoch, row.get(1)))
    }

    fn commit(&mut self, commit: &Commit) -> Result<(), Fault> {
        const ATTEMPTS: u32 = 4;
        let mut attempt = 0;
        loop {
            attempt += 1;
            let error = match self.write(commit) {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            let is_alive = self.undo();
            // After a lost connection a fenced commit may be the batch itself, which is there already.
            let is_final = error.kind == FaultKind::Bug || (error.kind == FaultKind::Fenced && attempt == 1);
            if is_final || attempt > ATTEMPTS {
                return Err(error);
            }
            if is_alive && is_undone(&error) {
                continue;
            }
            if self.was_committed(commit.batch)? {
                return Ok(());
            }
        }
    }

    fn run_alone(&mut self, script: Script<'_>) -> Result<bool, Fault> {
        let mut reader = self.reader()?;
        let done = self.run_locked(&mut *reader, script);
        if !matches!(done, Ok(true)) {
            self.undo();
        }
        done
    }

    fn run(&mut self, sql: &str, params: &[Value], kinds: &[ColumnKind]) -> Result<Vec<Vec<Value>>, Fault> {
        let Link { runtime, client } = &self.link;
        let rows = runtime.block_on(async {
            let stream = client.query_raw(sql, params.iter().map(Param)).await.map_err(fault)?;
            stream.try_collect::<Vec<_>>().await.map_err(fault)
        })?;
        rows.iter().map(|row| read_row(row, kinds)).collect()
    }

    fn reader(&self) -> Result<Box<dyn Reader>, Fault> {
        Ok(Box::new(PostgresReader::connect(&self.server)?))
    }

    fn describe(&mut self) -> Result<Vec<(String, String)>, Fault> {
        let mut all =
            vec![("engine".to_owned(), "postgres".to_owned()), ("schema".to_owned(), self.server.schema.clone())];
        for name in ["server_version", "fsync", "synchronous_commit", "full_page_writes", "wal_level", "data_directory"]
        {
            all.push((name.to_owned(), self.setting(name)?.unwrap_or_default()));
        }
        let has =
            |name: &str, wanted: &[&str]| all.iter().any(|(key, it)| key == name && wanted.contains(&it.as_str()));
        let durable = has("fsync", &["on"]) && has("synchronous_commit", &["on", "remote_apply"]);
        all.push(("durable".to_owned(), durable.to_string()));
        Ok(all)
    }
}

/// A connection that only reads.
pub(super) fn open_reader(config: &str, schema: &str) -> Result<Box<dyn Reader>, Fault> {
    Ok(Box::new(PostgresReader::connect(&Server::new(config, schema)?)?))
}

/// Removes a schema that a test made; says nothing when it cannot.
pub(super) fn drop_schema(config: &str, schema: &str) {
    if check_schema(schema).is_ok()
        && let Ok(link) = Server::new(config, "public").and_then(|server| server.link(Purpose::Writing))
    {
        drop(link.runtime.block_on(link.client.batch_execute(&format!("DROP SCHEMA IF EXISTS {schema} CASCADE"))));
    }
}

#[cfg(test)]
mod tests {
    use super::check_fsync;

    #[test]
    fn a_server_that_forgets_is_refused() {
        assert!(check_fsync(Some("on")).is_ok() && check_fsync(None).is_ok());
        assert!(check_fsync(Some("off")).unwrap_err().message.contains("durability=off"));
    }
}
