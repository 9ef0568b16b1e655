//! `sycee migrate`: brings a database to this binary's version.
//!
//! The first migration is generated from the tables that the services register; later ones are written by hand. A test
//! compares what the files make with what the services register.

use std::path::Path;

use clap::Args;
use serde_json::json;
use sycee_runtime::storage::{Applied, Migration, applied, migrate, open_store, schema_script};

use crate::Context;
use crate::output::{Failure, Side, TextTable, Verdict, say, say_json};

const EXAMPLES: &str = "\
Examples:
  sycee migrate                                  make sycee.db, or bring it to this version
  sycee --db postgres://sycee@db/sycee?schema=market_gh migrate
  sycee migrate --status                         what was applied, what is missing (exit code 1)
  sycee migrate --write                          in the workspace: write migrations/*/0001_initial.sql anew

A file is applied once, in one transaction, and its checksum is recorded: a file that changes after it was applied is
refused. Running it twice changes nothing.";

/// Bring a database to this version: numbered, checksummed, forward only
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct MigrateArgs {
    /// Only list what was applied and what is missing
    #[arg(long, conflicts_with = "write")]
    status: bool,
    /// Write the first migration anew from the tables that the services register
    #[arg(long)]
    write: bool,
}

const ENGINES: [&str; 2] = ["sqlite", "postgres"];

/// Number, name, text for SQLite, text for PostgreSQL.
const MIGRATIONS: &[(i64, &str, [&str; 2])] = &[(
    1,
    "initial",
    [
        include_str!("../../migrations/sqlite/0001_initial.sql"),
        include_str!("../../migrations/postgres/0001_initial.sql"),
    ],
)];

/// Applies, lists or writes.
pub fn run(args: &MigrateArgs, context: &Context) -> Result<Verdict, Failure> {
    if args.write {
        return write(context);
    }
    let engine = context.database.url.engine();
    let migrations = migrations(engine);
    if args.status {
        return status(&migrations, context);
    }
    if engine == "sqlite" && !context.database.exists() {
        // The key is made with the database: afterwards a missing key means a lost one.
        context.database.master_key()?;
    }
    let done = migrate(&context.database.url, &migrations)?;
    if context.json {
        say_json(&json!({ "applied": done, "version": migrations.len() }))?;
    } else if done.is_empty() {
        say(&format!("{} is at version {}\n", context.database.name(), migrations.len()))?;
    } else {
        let numbers: Vec<String> = done.iter().map(ToString::to_string).collect();
        say(&format!("{}: applied {}\n", context.database.name(), numbers.join(", ")))?;
    }
    Ok(Verdict::Fine)
}

fn migrations(engine: &str) -> Vec<Migration> {
    let at = usize::from(engine == "postgres");
    MIGRATIONS
        .iter()
        .map(|(number, name, texts)| Migration { number: *number, name: (*name).to_owned(), sql: texts[at].to_owned() })
        .collect()
}

fn status(migrations: &[Migration], context: &Context) -> Result<Verdict, Failure> {
    let database = &context.database;
    let done: Vec<Applied> = if database.exists() {
        let store = open_store(&database.url, std::time::Duration::from_secs(10))?;
        applied(&database.url, &mut *store.reader()?)?
    } else {
        Vec::new()
    };
    let mut table = TextTable::new(&[("nr", Side::Right), ("name", Side::Left), ("state", Side::Left)]);
    let (mut rows, mut holds) = (Vec::new(), true);
    for migration in migrations {
        let found = done.iter().find(|done| done.number == migration.number);
        let (state, at) = match found {
            Some(done) if done.checksum == migration.checksum() => ("applied", Some(done.applied_at)),
            Some(done) => ("changed", Some(done.applied_at)),
            None => ("missing", None),
        };
        holds &= state == "applied";
        let shown = at.map_or_else(|| state.to_owned(), |at| format!("{state} {at}"));
        table.row([migration.number.to_string(), migration.name.clone(), shown]);
        rows.push(json!({ "number": migration.number, "name": migration.name, "state": state, "appliedAt": at }));
    }
    for newer in done.iter().filter(|done| migrations.iter().all(|migration| migration.number != done.number)) {
        holds = false;
        table.row([newer.number.to_string(), newer.name.clone(), "unknown to this binary".to_owned()]);
        rows.push(
            json!({ "number": newer.number, "name": newer.name, "state": "unknown", "appliedAt": newer.applied_at }),
        );
    }
    if context.json {
        say_json(&rows)?;
    } else {
        say(&table.text())?;
    }
    Ok(Verdict::of(holds))
}

/// The first migration as the registered tables have it.
fn generated(engine: &str) -> String {
    let registry = sycee_markets::registry();
    let tables = schema_script(&registry.tables(), engine);
    format!("-- Generated by `sycee migrate --write` from the tables that the services register.\n\n{tables}")
}

fn write(context: &Context) -> Result<Verdict, Failure> {
    if MIGRATIONS.len() > 1 {
        let text =
            "there is more than the first migration: it is released and must not change; write the next one by hand";
        return Err(Failure::input(text));
    }
    let root = Path::new("migrations");
    if !root.is_dir() {
        return Err(Failure::input("there is no folder migrations here: run it from the root of the workspace"));
    }
    let mut files = Vec::new();
    for engine in ENGINES {
        let file = root.join(engine).join("0001_initial.sql");
        std::fs::write(&file, generated(engine)).map_err(|error| Failure::file("written", &file, error))?;
        files.push(file.display().to_string());
    }
    if context.json {
        say_json(&json!({ "written": files }))?;
    } else {
        say(&format!("wrote {}\n", files.join(", ")))?;
    }
    Ok(Verdict::Fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_migration_is_what_the_services_register() {
        for engine in ENGINES {
            let file = &migrations(engine)[0].sql;
            assert!(*file == generated(engine), "{engine}: run `cargo run -p sycee -- migrate --write`");
        }
    }

    #[test]
    fn numbers_have_no_gaps() {
        assert!(MIGRATIONS.iter().zip(1..).all(|((number, _, _), nr)| *number == nr));
    }
}
