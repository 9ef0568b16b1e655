//! Brings a database to the binary's version: numbered files, each applied once, in one transaction, in order. This is
//! the only way in which a market's tables come about.
//!
//! Invariant: a file that was applied never changes: its checksum is recorded and compared.
//! Invariant: a file is applied whole together with its record, or not at all.
//! Invariant: a writer that ran before a file was applied does not write after it.

use std::time::Duration;

use serde::Serialize;
use sycee_contract::Timestamp;

use super::{ColumnKind, DatabaseUrl, Reader, Store, TableSpec, Value, collect, ddl, open_store};
use crate::Fault;
use crate::system::{market_fence, schema_migration};

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

/// The numbered files of each engine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MigrationTree {
    /// For SQLite.
    pub sqlite: Vec<Migration>,
    /// For PostgreSQL.
    pub postgres: Vec<Migration>,
}

impl MigrationTree {
    /// The files for the engine `sqlite` or `postgres`.
    pub fn of(&self, engine: &str) -> &[Migration] {
        if engine == "postgres" { &self.postgres } else { &self.sqlite }
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
    bring_up(url, &mut *open_store(url, BUSY)?, migrations)
}

/// As [`migrate`], through a store that is open. Where nothing is missing it only reads.
pub(crate) fn bring_up(url: &DatabaseUrl, store: &mut dyn Store, migrations: &[Migration]) -> Result<Vec<i64>, Fault> {
    let numbered = migrations.iter().zip(1..).all(|(migration, nr)| migration.number == nr);
    if migrations.is_empty() || !numbered {
        return Err(Fault::bug("migrations are numbered from 1 without gaps, and there is at least one"));
    }
    let applied = applied(url, &mut *store.reader()?)?;
    compare(migrations, &applied)?;
    let mut ran = Vec::new();
    for migration in &migrations[applied.len()..] {
        if apply(url, store, migrations, migration)? {
            ran.push(migration.number);
        }
    }
    Ok(ran)
}

/// What was applied to the database behind `reader`, in order; nothing for one that was never migrated.
///
/// Errors: `Outage` when the database does not answer, `Corrupt` when a row is not whole.
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
///
/// Errors: `Outage` when the database does not answer.
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
const FIRST_FENCE: &str = "INSERT INTO market_fence (id, epoch, batch, lease) VALUES (1, 0, 0, 0)";
/// Locks out the writer that runs, before tables change under it; its next commit is told so.
const FENCE_OFF: &str = "UPDATE market_fence SET epoch = epoch + 1 WHERE id = 1";

/// Statements as the text of a migration.
pub(crate) fn script(statements: &[String]) -> String {
    let mut text = String::new();
    for statement in statements {
        text.push_str(statement);
        text.push_str(";\n\n");
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

/// Errors: `Corrupt` when `applied` is not how `migrations` begin.
fn compare(migrations: &[Migration], applied: &[Applied]) -> Result<(), Fault> {
    for (done, nr) in applied.iter().zip(1..) {
        let Applied { number, name, applied_at, .. } = done;
        if *number != nr {
            return Err(Fault::corrupt(format!("migration {number} ({name}) was applied, and {nr} before it was not")));
        }
        let Some(migration) = migrations.iter().find(|migration| migration.number == *number) else {
            let text = format!(
                "the database has migration {number} ({name}), which this binary does not know: use the newer binary"
            );
            return Err(Fault::corrupt(text));
        };
        if migration.checksum() != done.checksum {
            let text = format!(
                "migration {number} ({name}) was applied on {applied_at} with another text: restore the file and add a new one"
            );
            return Err(Fault::corrupt(text));
        }
    }
    Ok(())
}

/// A market is made where nothing is. Errors: `Corrupt` when somebody else keeps tables there.
fn check_empty(url: &DatabaseUrl, reader: &mut dyn Reader) -> Result<(), Fault> {
    let sql = if url.engine() == "postgres" {
        "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename LIMIT 1"
    } else {
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name LIMIT 1"
    };
    let found = collect(reader, sql, &[], &[ColumnKind::Text])?;
    let Some(table) = found.first().and_then(|row| row.first()).and_then(Value::as_text) else { return Ok(()) };
    let place = if url.engine() == "postgres" { "schema" } else { "file" };
    Err(Fault::corrupt(format!("the {place} has tables of somebody else, such as {table}: name another {place}")))
}

/// Applies one migration unless it is there; whether it ran. Another process may be doing the same, and is waited for.
fn apply(
    url: &DatabaseUrl,
    store: &mut dyn Store,
    migrations: &[Migration],
    migration: &Migration,
) -> Result<bool, Fault> {
    let Migration { number, name, sql } = migration;
    let clock = if url.engine() == "postgres" { "now()" } else { "unixepoch() * 1000000" };
    let record = format!(
        "INSERT INTO schema_migration (number, name, checksum, applied_at) VALUES ({number}, '{}', '{}', {clock});",
        name.replace('\'', "''"),
        migration.checksum()
    );
    let ran = store.run_alone(&mut |reader| {
        let done = applied(url, reader)?;
        compare(migrations, &done)?;
        if done.iter().any(|done| done.number == *number) {
            return Ok(None);
        }
        if done.is_empty() {
            check_empty(url, reader)?;
        }
        let mut statements = Vec::new();
        if has_table(url, reader, market_fence().name)? {
            statements.push(FENCE_OFF.to_owned());
        }
        if !has_table(url, reader, schema_migration().name)? {
            statements.extend(ddl(schema_migration(), url.engine()));
        }
        Ok(Some(format!("{}{sql}\n{record}", script(&statements))))
    });
    ran.map_err(|fault| {
        let text = format!("migration {number} ({name}) was not applied, and left nothing: {}", fault.message);
        Fault { message: text, ..fault }
    })
}
