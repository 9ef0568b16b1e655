//! Reads: one connection, a bounded number of prepared statements, one more try when the connection is lost.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use futures_util::TryStreamExt as _;
use futures_util::future::try_join_all;
use tokio_postgres::Statement;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{FromSql, Type};

use super::link::{Link, Purpose, Server};
use super::{BoxError, EPOCH_DAYS, EPOCH_MICROS, Param, cause, fault};
use crate::storage::{ColumnKind, EachRow, Query, Reader, Value};
use crate::{Fault, FaultKind};

/// Rows taken from the connection at a time.
const ROWS_PER_READ: usize = 256;
/// Queries sent before their answers are read: a few thousand would fill the server's buffers while nobody reads ours.
const QUERIES_AT_ONCE: usize = 256;
/// Prepared statements kept, on both sides of the connection. A market's entities and indexes need about 300.
const STATEMENTS_MAX: usize = 512;

/// Prepared statements; the one used longest ago leaves first.
#[derive(Default)]
struct Statements {
    by_sql: HashMap<String, (Statement, u64)>,
    uses: u64,
}

impl Statements {
    fn get(&mut self, sql: &str) -> Option<Statement> {
        self.uses += 1;
        let (statement, used) = self.by_sql.get_mut(sql)?;
        *used = self.uses;
        Some(statement.clone())
    }

    fn add(&mut self, sql: &str, statement: Statement) {
        if self.by_sql.len() >= STATEMENTS_MAX {
            let oldest = self.by_sql.iter().min_by_key(|(_, (_, used))| *used).map(|(sql, _)| sql.clone());
            self.by_sql.remove(&oldest.unwrap_or_default());
        }
        self.by_sql.insert(sql.to_owned(), (statement, self.uses));
    }
}

pub(super) struct PostgresReader {
    server: Server,
    link: Link,
    statements: Statements,
    round_trip: Duration,
}

impl PostgresReader {
    pub(super) fn connect(server: &Server) -> Result<Self, Fault> {
        let link = server.link(Purpose::Reading)?;
        let round_trip = measure(&link)?;
        Ok(Self { server: server.clone(), link, statements: Statements::default(), round_trip })
    }

    fn statement(&mut self, sql: &str) -> Result<Statement, Fault> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement);
        }
        let Link { runtime, client } = &self.link;
        let statement = runtime.block_on(client.prepare(sql)).map_err(fault)?;
        self.statements.add(sql, statement.clone());
        Ok(statement)
    }

    /// Queries that are all sent before the first answer is read.
    fn run_all(&mut self, queries: &[Query]) -> Result<Vec<Vec<Vec<Value>>>, Fault> {
        let statements: Vec<Statement> =
            queries.iter().map(|query| self.statement(&query.sql)).collect::<Result<_, _>>()?;
        let Link { runtime, client } = &self.link;
        let answers = runtime.block_on(try_join_all(queries.iter().zip(&statements).map(|(query, statement)| async {
            client.query_raw(statement, query.params.iter().map(Param)).await?.try_collect::<Vec<_>>().await
        })));
        let read = |(rows, query): (Vec<tokio_postgres::Row>, &Query)| {
            rows.iter()
                .map(|row| {
                    let mut values = Vec::with_capacity(query.kinds.len());
                    read_columns(row, &query.kinds, &mut values)?;
                    Ok(values)
                })
                .collect()
        };
        answers.map_err(fault)?.into_iter().zip(queries).map(read).collect()
    }

    fn connect_again(&mut self) -> Result<(), Fault> {
        self.link = self.server.link(Purpose::Reading)?;
        self.statements = Statements::default();
        Ok(())
    }

    fn run(&mut self, sql: &str, params: &[Value], kinds: &[ColumnKind], each: EachRow<'_>) -> Result<(), Fault> {
        let statement = self.statement(sql)?;
        let Link { runtime, client } = &self.link;
        let stream = runtime.block_on(client.query_raw(&statement, params.iter().map(Param))).map_err(fault)?;
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
                read_columns(row, kinds, &mut values)?;
                each(&values)?;
            }
            if rows.len() < ROWS_PER_READ {
                return Ok(());
            }
        }
    }
}

/// The shortest of a few round trips: what the way costs when nobody is busy.
fn measure(link: &Link) -> Result<Duration, Fault> {
    let mut shortest = Duration::MAX;
    for _ in 0..5 {
        let began = Instant::now();
        link.runtime.block_on(link.client.simple_query("")).map_err(fault)?;
        shortest = shortest.min(began.elapsed());
    }
    Ok(shortest)
}

fn read_columns(row: &tokio_postgres::Row, kinds: &[ColumnKind], values: &mut Vec<Value>) -> Result<(), Fault> {
    for (at, kind) in kinds.iter().enumerate() {
        let raw: Option<Raw<'_>> = row.try_get(at).map_err(fault)?;
        values.push(read_value(raw, row.columns()[at].type_(), *kind)?);
    }
    Ok(())
}

/// Whether the same query may well succeed on a connection, or with a statement, that is made anew.
fn is_worth_another_try(fault: &Fault, link: &Link) -> bool {
    let Some(error) = cause(fault) else { return false };
    match error.code() {
        // The connection is being closed by the server.
        Some(code) if code.code().starts_with("57P") => true,
        // A statement was prepared before its table was altered.
        Some(code) => [SqlState::FEATURE_NOT_SUPPORTED, SqlState::INVALID_SQL_STATEMENT_NAME].contains(code),
        None => link.client.is_closed() || error.is_closed(),
    }
}

impl Reader for PostgresReader {
    fn query(&mut self, sql: &str, params: &[Value], kinds: &[ColumnKind], each: EachRow<'_>) -> Result<(), Fault> {
        let mut given = false;
        let first = self.run(sql, params, kinds, &mut |row| {
            given = true;
            each(row)
        });
        match first {
            Err(fault) if !given && fault.kind == FaultKind::Outage && is_worth_another_try(&fault, &self.link) => {
                self.connect_again()?;
                self.run(sql, params, kinds, each)
            }
            done => done,
        }
    }

    fn query_all(&mut self, queries: &[Query]) -> Result<Vec<Vec<Vec<Value>>>, Fault> {
        let mut answers = Vec::with_capacity(queries.len());
        for some in queries.chunks(QUERIES_AT_ONCE) {
            answers.extend(match self.run_all(some) {
                Err(fault) if fault.kind == FaultKind::Outage && is_worth_another_try(&fault, &self.link) => {
                    self.connect_again()?;
                    self.run_all(some)?
                }
                done => done?,
            });
        }
        Ok(answers)
    }

    fn round_trip(&self) -> Duration {
        self.round_trip
    }
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

pub(super) fn read_row(row: &tokio_postgres::Row, kinds: &[ColumnKind]) -> Result<Vec<Value>, Fault> {
    let value = |(at, kind): (usize, &ColumnKind)| {
        let raw: Option<Raw<'_>> = row.try_get(at).map_err(fault)?;
        read_value(raw, row.columns()[at].type_(), *kind)
    };
    kinds.iter().enumerate().map(value).collect()
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
