//! Brings a database to the binary's version: numbered files, each applied once, in one transaction, in order.
//!
//! Invariant: a file that was applied never changes: its checksum is recorded and compared.
//! Invariant: a file is applied whole together with its record, or not at all.

use std::time::Duration;

use serde::Serialize;
use sycee_contract::Timestamp;

use super::{ColumnKind, DatabaseUrl, Reader, Store, TableSpec, Value, collect, ddl, open_store};
use crate::system::{market_fence, schema_migration};
use crate::{Fault, FaultKind};

/// How long a lock is waited for.
const BUSY: Duration = Duration::from_secs(30);

/// One migration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    /// Its number, from 1, without gaps.
    pub number: i64,
    /// Its name without number and ending, such as `initial`.
    pub name: String,
    /// What it runs.
    pub sql: String,
}

impl Migration {
    /// BLAKE3 of the text, hex.
    pub fn checksum(&self) -> String {
        blake3::hash(self.sql.as_bytes()).to_hex().to_string()
    }
}

/// A migration that was applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Applied {
    /// Its number.
    pub number: i64,
    /// Its name.
    pub name: String,
    /// Checksum of the text that ran.
    pub checksum: String,
    /// When, by the database's clock.
    pub applied_at: Timestamp,
}

/// Applies what is missing of `migrations`, in order. Answers the numbers that ran.
///
/// Errors: `Corrupt` when an applied file has another text here, or the database has one that is not here.
pub fn migrate(url: &DatabaseUrl, migrations: &[Migration]) -> Result<Vec<i64>, Fault> {
    let mut store = open_store(url, BUSY)?;
    store.run_script(&script(&ddl(schema_migration(), url.engine())))?;
    compare(migrations, &applied(url, &mut *store.reader()?)?)?;
    let mut done = Vec::new();
    for migration in migrations {
        if apply(url, &mut *store, migration)? {
            done.push(migration.number);
        }
    }
    Ok(done)
}

/// What was applied to the database behind `reader`, in order; nothing for one that was never migrated.
pub fn applied(url: &DatabaseUrl, reader: &mut dyn Reader) -> Result<Vec<Applied>, Fault> {
    if !has_table(url, reader, schema_migration().name)? {
        return Ok(Vec::new());
    }
    let spec = schema_migration();
    let sql = format!("SELECT {} FROM {} ORDER BY number", spec.column_list(), spec.name);
    let missing = || Fault::corrupt("a row of schema_migration is not whole");
    collect(reader, &sql, &[], &spec.kinds())?
        .iter()
        .map(|row| {
            let text = |at: usize| row[at].as_text().map(str::to_owned).ok_or_else(missing);
            Ok(Applied {
                number: row[0].as_int().ok_or_else(missing)?,
                name: text(1)?,
                checksum: text(2)?,
                applied_at: Timestamp::from_micros(row[3].as_int().ok_or_else(missing)?),
            })
        })
        .collect()
}

/// Whether the database has a table of this name.
pub fn has_table(url: &DatabaseUrl, reader: &mut dyn Reader, table: &str) -> Result<bool, Fault> {
    let sql = if url.engine() == "postgres" {
        "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema() AND tablename = $1::text"
    } else {
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name = $1"
    };
    Ok(!collect(reader, sql, &[Value::text(table)], &[ColumnKind::Text])?.is_empty())
}

/// The text of a migration that creates `tables` and what the store itself needs, for the engine `sqlite` or `postgres`.
pub fn schema_script(tables: &[&TableSpec], engine: &str) -> String {
    let mut statements = ddl(market_fence(), engine);
    statements.push(FIRST_FENCE.to_owned());
    statements.extend(tables.iter().flat_map(|table| ddl(table, engine)));
    script(&statements)
}

/// The fencing row of a market that nobody has written yet.
const FIRST_FENCE: &str = "INSERT INTO market_fence (id, epoch, batch) VALUES (1, 0, 0) ON CONFLICT (id) DO NOTHING";

fn script(statements: &[String]) -> String {
    let mut text = String::new();
    for statement in statements {
        text.push_str(statement);
        text.push_str(";\n\n");
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn compare(migrations: &[Migration], applied: &[Applied]) -> Result<(), Fault> {
    for done in applied {
        let Some(migration) = migrations.iter().find(|migration| migration.number == done.number) else {
            let text = format!(
                "the database has migration {} ({}), which this binary does not know: use the newer binary",
                done.number, done.name
            );
            return Err(Fault::corrupt(text));
        };
        if migration.checksum() != done.checksum {
            let text = format!(
                "migration {} ({}) was applied on {} with another text: restore the file and add a new one",
                done.number, done.name, done.applied_at
            );
            return Err(Fault::corrupt(text));
        }
    }
    Ok(())
}

/// Applies one migration unless it is there; whether it ran. Another process may be doing the same.
fn apply(url: &DatabaseUrl, store: &mut dyn Store, migration: &Migration) -> Result<bool, Fault> {
    let is_there = |store: &mut dyn Store| -> Result<bool, Fault> {
        let done = applied(url, &mut *store.reader()?)?;
        compare(std::slice::from_ref(migration), &of_number(&done, migration.number))?;
        Ok(done.iter().any(|done| done.number == migration.number))
    };
    if is_there(store)? {
        return Ok(false);
    }
    let clock = if url.engine() == "postgres" { "now()" } else { "unixepoch() * 1000000" };
    let Migration { number, name, sql } = migration;
    let record = format!(
        "INSERT INTO schema_migration (number, name, checksum, applied_at) VALUES ({number}, '{}', '{}', {clock});",
        name.replace('\'', "''"),
        migration.checksum()
    );
    match store.run_script(&format!("{sql}\n{record}")) {
        Ok(()) => Ok(true),
        Err(fault) if fault.kind == FaultKind::Bug && is_there(store)? => Ok(false),
        Err(fault) => Err(fault),
    }
}

fn of_number(applied: &[Applied], number: i64) -> Vec<Applied> {
    applied.iter().filter(|done| done.number == number).cloned().collect()
}
