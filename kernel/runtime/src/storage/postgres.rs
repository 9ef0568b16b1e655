//! PostgreSQL: one schema, set-based flushes (UNNEST for what changes, binary COPY for what is appended), pipelined.

use std::fmt::Write as _;

use bytes::{BufMut as _, BytesMut};
use futures_util::{SinkExt as _, TryStreamExt as _, future};
use tokio::runtime::Runtime;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, NoTls, Statement};

use super::migrate::schema_script;
use super::{ColumnKind, Commit, Reader, Store, TableRows, TableSpec, Value, Write, quoted};
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

/// The bytes of a column, as they came.
struct Raw<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, BoxError> {
        Ok(Self(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

fn read_value(raw: Option<Raw<'_>>, ty: &Type, kind: ColumnKind) -> Result<Value, Fault> {
    let Some(Raw(raw)) = raw else { return Ok(Value::Null) };
    let short = |_| Fault::corrupt("a column has another width than its type");
    let text = |bytes| {
        std::str::from_utf8(bytes).map(Value::text).map_err(|error| Fault::corrupt("a text column").because(error))
    };
    Ok(match *ty {
        Type::BOOL => Value::Int(i64::from(raw.first().is_some_and(|byte| *byte != 0))),
        Type::INT2 => Value::Int(i64::from(i16::from_be_bytes(raw.try_into().map_err(short)?))),
        Type::INT4 => Value::Int(i64::from(i32::from_be_bytes(raw.try_into().map_err(short)?))),
        Type::INT8 => Value::Int(i64::from_be_bytes(raw.try_into().map_err(short)?)),
        Type::DATE => Value::Int(i64::from(i32::from_be_bytes(raw.try_into().map_err(short)?)) + EPOCH_DAYS),
        Type::TIMESTAMPTZ => {
            Value::Int(i64::from_be_bytes(raw.try_into().map_err(short)?).saturating_add(EPOCH_MICROS))
        }
        Type::JSONB => text(raw.get(1..).unwrap_or_default())?,
        Type::BYTEA => Value::bytes(raw),
        Type::TEXT | Type::VARCHAR | Type::NAME | Type::UNKNOWN => text(raw)?,
        _ => return Err(Fault::bug(format!("column type {ty} cannot be read as {kind:?}: cast it in the query"))),
    })
}

struct Link {
    runtime: Runtime,
    client: Client,
}

impl Link {
    fn connect(config: &str, schema: &str) -> Result<Self, Fault> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Fault::outage("no runtime for PostgreSQL").because(error))?;
        let client = runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(config, NoTls).await.map_err(fault)?;
            tokio::spawn(async move {
                // The client reports a lost connection at its next use.
                drop(connection.await);
            });
            let setup = format!("SET search_path TO {schema}; SET client_min_messages TO warning; SET jit TO off");
            client.batch_execute(&setup).await.map_err(fault)?;
            Ok::<_, Fault>(client)
        })?;
        Ok(Self { runtime, client })
    }
}

pub(super) struct PostgresStore {
    config: String,
    schema: String,
    link: Link,
    epoch: i64,
    fence: Option<Statement>,
    statements: std::collections::HashMap<(&'static str, &'static str), Statement>,
}

fn check_schema(schema: &str) -> Result<(), Fault> {
    let fine = !schema.is_empty() && schema.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if fine {
        Ok(())
    } else {
        Err(Fault::outage(format!("schema {schema:?}: use lower case, digits and _, such as market_gh")))
    }
}

impl PostgresStore {
    pub(super) fn connect(config: &str, schema: &str) -> Result<Self, Fault> {
        check_schema(schema)?;
        let link = Link::connect(config, schema)?;
        let (config, schema) = (config.to_owned(), schema.to_owned());
        Ok(Self { config, schema, link, epoch: 0, fence: None, statements: std::collections::HashMap::new() })
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
                let sql = "UPDATE market_fence SET batch = $1 WHERE id = 1 AND epoch = $2";
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

    /// After a failure: whether the batch was committed all the same.
    fn was_committed(&mut self, batch: i64) -> Result<bool, Fault> {
        let mut last = Fault::outage("postgres does not answer");
        for attempt in 0..5u64 {
            std::thread::sleep(std::time::Duration::from_millis(200 * attempt));
            match Link::connect(&self.config, &self.schema) {
                Ok(link) => {
                    let sql = "SELECT epoch, batch FROM market_fence WHERE id = 1";
                    let row = link.runtime.block_on(link.client.query_one(sql, &[])).map_err(fault)?;
                    self.link = link;
                    self.fence = None;
                    self.statements.clear();
                    let (epoch, committed): (i64, i64) = (row.get(0), row.get(1));
                    if epoch != self.epoch {
                        let text = format!("another writer took over after epoch {}", self.epoch);
                        return Err(Fault::new(FaultKind::Fenced, text));
                    }
                    return Ok(committed >= batch);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }
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

const fn column_type(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Int => "bigint",
        ColumnKind::Bool => "boolean",
        ColumnKind::Date => "date",
        ColumnKind::Timestamp => "timestamptz",
        ColumnKind::Text => "text",
        ColumnKind::Json => "jsonb",
        ColumnKind::Bytes => "bytea",
    }
}

/// The statements that create a table with its indexes and its view of decimal amounts.
pub(super) fn ddl(table: &TableSpec) -> Vec<String> {
    let mut columns: Vec<String> = table
        .columns
        .iter()
        .map(|column| {
            let collation = if column.kind == ColumnKind::Text { " COLLATE \"C\"" } else { "" };
            let null = if column.nullable { "" } else { " NOT NULL" };
            format!("{} {}{collation}{null}", quoted(&column.name), column_type(column.kind))
        })
        .collect();
    columns.push(format!("PRIMARY KEY ({})", table.key_names().join(", ")));
    let mut statements = vec![format!("CREATE TABLE IF NOT EXISTS {} (\n  {}\n)", table.name, columns.join(",\n  "))];
    for index in &table.indexes {
        let unique = if index.unique { "UNIQUE " } else { "" };
        statements.push(format!(
            "CREATE {unique}INDEX IF NOT EXISTS {}_{} ON {} ({})",
            table.name,
            index.name,
            table.name,
            index.columns.iter().map(|column| quoted(column)).collect::<Vec<_>>().join(", ")
        ));
    }
    if !table.money.is_empty() {
        let shown: Vec<String> = table
            .columns
            .iter()
            .enumerate()
            .map(|(at, column)| match table.money.iter().find(|(units, _)| *units == at) {
                Some((units, currency)) => {
                    let (units, currency) = (&table.columns[*units].name, &table.columns[*currency].name);
                    let name = quoted(units.trim_end_matches("_units"));
                    let (units, currency) = (quoted(units), quoted(currency));
                    format!(
                        "CASE WHEN {currency} IN ('USDT','USDC') THEN {units}::numeric / 1000000 \
                         ELSE {units}::numeric / 10000 END AS {name}"
                    )
                }
                None => quoted(&column.name),
            })
            .collect();
        statements.push(format!(
            "CREATE OR REPLACE VIEW {}_decimal AS SELECT {} FROM {}",
            table.name,
            shown.join(", "),
            table.name
        ));
    }
    statements
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

/// Rows taken from the connection at a time.
const ROWS_PER_READ: usize = 256;
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

const fn pg_type(kind: ColumnKind) -> Type {
    match kind {
        ColumnKind::Int => Type::INT8,
        ColumnKind::Bool => Type::BOOL,
        ColumnKind::Date => Type::DATE,
        ColumnKind::Timestamp => Type::TIMESTAMPTZ,
        ColumnKind::Text => Type::TEXT,
        ColumnKind::Json => Type::JSONB,
        ColumnKind::Bytes => Type::BYTEA,
    }
}

impl Store for PostgresStore {
    fn take_over(&mut self, tables: &[&'static TableSpec], held: Option<i64>) -> Result<(i64, i64), Fault> {
        self.run_script(&schema_script(tables, "postgres"))?;
        let take = "UPDATE market_fence SET epoch = epoch + 1 WHERE id = 1 AND epoch = coalesce($1, epoch) \
                    RETURNING epoch, batch";
        let Link { runtime, client } = &self.link;
        let row = runtime.block_on(client.query_opt(take, &[&held])).map_err(fault)?;
        let row = row.ok_or_else(|| Fault::new(FaultKind::Fenced, "another writer took over"))?;
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
            if error.kind == FaultKind::Fenced || (error.kind == FaultKind::Bug && attempt == 1) {
                // The transaction is aborted; leaving it releases what it held.
                drop(self.link.runtime.block_on(self.link.client.batch_execute("ROLLBACK")));
                return Err(error);
            }
            if attempt > ATTEMPTS {
                return Err(error);
            }
            if self.was_committed(commit.batch)? {
                return Ok(());
            }
        }
    }

    fn run_script(&mut self, sql: &str) -> Result<(), Fault> {
        let schema = &self.schema;
        let whole = format!(
            "BEGIN; SELECT pg_advisory_xact_lock(hashtext('sycee.{schema}')); CREATE SCHEMA IF NOT EXISTS {schema};\n{sql}\n;COMMIT;"
        );
        let Link { runtime, client } = &self.link;
        let result = runtime.block_on(client.batch_execute(&whole)).map_err(fault);
        if result.is_err() {
            // The first error is what counts; leaving the transaction releases what it held.
            drop(runtime.block_on(client.batch_execute("ROLLBACK")));
        }
        result
    }

    fn reader(&self) -> Result<Box<dyn Reader>, Fault> {
        let link = Link::connect(&self.config, &self.schema)?;
        Ok(Box::new(PostgresReader {
            link,
            config: self.config.clone(),
            schema: self.schema.clone(),
            statements: std::collections::HashMap::new(),
        }))
    }

    fn describe(&mut self) -> Result<Vec<(String, String)>, Fault> {
        let mut all = vec![("engine".to_owned(), "postgres".to_owned()), ("schema".to_owned(), self.schema.clone())];
        for name in ["server_version", "fsync", "synchronous_commit", "full_page_writes", "wal_level", "data_directory"]
        {
            let sql = format!("SELECT current_setting('{name}', true)");
            let row = self.link.runtime.block_on(self.link.client.query_one(&sql, &[])).map_err(fault)?;
            all.push((name.to_owned(), row.get::<_, Option<String>>(0).unwrap_or_default()));
        }
        let on = |name: &str| all.iter().any(|(key, value)| key == name && value == "on");
        let durable = on("fsync") && on("synchronous_commit");
        all.push(("durable".to_owned(), durable.to_string()));
        Ok(all)
    }
}

struct PostgresReader {
    link: Link,
    config: String,
    schema: String,
    statements: std::collections::HashMap<String, Statement>,
}

impl PostgresReader {
    fn run(
        &mut self,
        sql: &str,
        params: &[Value],
        kinds: &[ColumnKind],
        each: &mut dyn FnMut(&[Value]) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let Link { runtime, client } = &self.link;
        if !self.statements.contains_key(sql) {
            let statement = runtime.block_on(client.prepare(sql)).map_err(fault)?;
            self.statements.insert(sql.to_owned(), statement);
        }
        let Some(statement) = self.statements.get(sql) else { return Err(Fault::bug("a statement vanished")) };
        let stream = runtime.block_on(client.query_raw(statement, params.iter().map(Param))).map_err(fault)?;
        let mut stream = Box::pin(stream);
        let mut values = Vec::with_capacity(kinds.len());
        loop {
            // `each` may query on a connection of its own, so it must not run inside this runtime.
            let rows: Vec<tokio_postgres::Row> = runtime.block_on(async {
                let mut rows = Vec::with_capacity(ROWS_PER_READ);
                while rows.len() < ROWS_PER_READ
                    && let Some(row) = stream.try_next().await.map_err(fault)?
                {
                    rows.push(row);
                }
                Ok::<_, Fault>(rows)
            })?;
            for row in &rows {
                values.clear();
                for (at, kind) in kinds.iter().enumerate() {
                    let raw: Option<Raw<'_>> = row.try_get(at).map_err(fault)?;
                    values.push(read_value(raw, row.columns()[at].type_(), *kind)?);
                }
                each(&values)?;
            }
            if rows.len() < ROWS_PER_READ {
                return Ok(());
            }
        }
    }
}

impl Reader for PostgresReader {
    fn query(
        &mut self,
        sql: &str,
        params: &[Value],
        kinds: &[ColumnKind],
        each: &mut dyn FnMut(&[Value]) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        if self.link.client.is_closed() {
            self.link = Link::connect(&self.config, &self.schema)?;
            self.statements.clear();
        }
        self.run(sql, params, kinds, each)
    }
}

/// Removes a schema that a test made; says nothing when it cannot.
pub(super) fn drop_schema(config: &str, schema: &str) {
    if check_schema(schema).is_ok()
        && let Ok(link) = Link::connect(config, "public")
    {
        drop(link.runtime.block_on(link.client.batch_execute(&format!("DROP SCHEMA IF EXISTS {schema} CASCADE"))));
    }
}
