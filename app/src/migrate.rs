//! `sycee migrate`: brings a market's database and the control store beside it to this binary's version.
//!
//! The first migration is generated, the market's from the tables that the services register; later ones are written by
//! hand. A test compares what the files make with what is generated.

use std::path::Path;

use clap::Args;
use serde_json::json;
use sycee_contract::Timestamp;
use sycee_runtime::control;
use sycee_runtime::storage::{Applied, DatabaseUrl, Migration, applied, migrate, open_reader, schema_script};

use crate::Context;
use crate::database::is_there;
use crate::output::{Failure, Side, TextTable, Verdict, say, say_json};

const EXAMPLES: &str = "\
Examples:
  sycee migrate               make sycee.db and control.db, or bring them on
  sycee --db 'postgres://sycee@localhost/sycee?schema=market_gh' migrate
  sycee migrate --status      what was applied, what is missing (exit code 1)
  sycee migrate --write       in the workspace: the first migrations anew

A file is applied once, in one transaction, and its checksum is recorded: a file
that changes after it was applied is refused. Run twice, it changes nothing.";

/// Bring a database and its control store to this version: numbered, checksummed, forward only
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct MigrateArgs {
    /// Only list what was applied and what is missing
    #[arg(long, conflicts_with = "write")]
    status: bool,
    /// Write the first migrations anew from the tables that the services register and those of the control store
    #[arg(long)]
    write: bool,
}

const ENGINES: [&str; 2] = ["sqlite", "postgres"];

/// Applies, lists or writes.
pub fn run(args: &MigrateArgs, context: &Context) -> Result<Verdict, Failure> {
    if args.write {
        return write(context);
    }
    context.database.check_file()?;
    let engine = context.database.url.engine();
    let stores = Upgraded::of(context);
    if args.status {
        return status(&stores, context);
    }
    if engine == "sqlite" && !context.database.exists() {
        // The key is made with the database: afterwards a missing key means a lost one.
        context.database.master_key()?;
    }
    let [market, control] = &stores;
    let (done, control_done) = (market.migrate()?, control.migrate()?);
    if context.json {
        let control = json!({ "applied": control_done, "version": control.migrations.len() });
        say_json(&json!({ "applied": done, "version": market.migrations.len(), "control": control }))?;
    } else {
        say(&format!("{}\n{}\n", market.upgrade(&done), control.upgrade(&control_done)))?;
    }
    Ok(Verdict::Fine)
}

/// A database with the migrations it must have.
struct Upgraded<'a> {
    /// `market` or `control`.
    kind: &'static str,
    name: String,
    url: &'a DatabaseUrl,
    migrations: Vec<Migration>,
}

impl<'a> Upgraded<'a> {
    /// The market's database, and the control store beside it.
    fn of(context: &'a Context) -> [Self; 2] {
        let database = &context.database;
        let engine = database.url.engine();
        [
            Self { kind: "market", name: database.name(), url: &database.url, migrations: migrations(engine) },
            Self {
                kind: "control",
                name: database.control_name(),
                url: &database.control,
                migrations: control::migrations().of(engine).to_vec(),
            },
        ]
    }

    fn migrate(&self) -> Result<Vec<i64>, Failure> {
        Ok(migrate(self.url, &self.migrations)?)
    }

    /// What was done, for people.
    fn upgrade(&self, done: &[i64]) -> String {
        if done.is_empty() {
            return format!("{} is at version {}", self.name, self.migrations.len());
        }
        let numbers: Vec<String> = done.iter().map(ToString::to_string).collect();
        format!("{}: applied {}", self.name, numbers.join(", "))
    }

    fn applied(&self) -> Result<Vec<Applied>, Failure> {
        if !is_there(self.url) {
            return Ok(Vec::new());
        }
        let mut reader = open_reader(self.url, std::time::Duration::from_secs(10))?;
        Ok(applied(self.url, &mut *reader)?)
    }
}

fn migrations(engine: &str) -> Vec<Migration> {
    sycee_markets::migrations().of(engine).to_vec()
}

fn status(stores: &[Upgraded<'_>], context: &Context) -> Result<Verdict, Failure> {
    let mut table =
        TextTable::new(&[("store", Side::Left), ("nr", Side::Right), ("name", Side::Left), ("state", Side::Left)]);
    let (mut rows, mut holds) = (Vec::new(), true);
    for store in stores {
        let done = store.applied()?;
        let mut row = |number: i64, name: &str, state: &str, at: Option<Timestamp>| {
            holds &= state == "applied";
            let shown = match at {
                Some(_) if state == "unknown" => "unknown to this binary".to_owned(),
                Some(at) => format!("{state} {at}"),
                None => state.to_owned(),
            };
            table.row([store.kind.to_owned(), number.to_string(), name.to_owned(), shown]);
            rows.push(json!({ "store": store.kind, "number": number, "name": name, "state": state, "appliedAt": at }));
        };
        for migration in &store.migrations {
            let found = done.iter().find(|done| done.number == migration.number);
            let state = match found {
                Some(done) if done.checksum == migration.checksum() => "applied",
                Some(_) => "changed",
                None => "missing",
            };
            row(migration.number, &migration.name, state, found.map(|done| done.applied_at));
        }
        let is_known = |done: &Applied| store.migrations.iter().any(|migration| migration.number == done.number);
        for newer in done.iter().filter(|done| !is_known(done)) {
            row(newer.number, &newer.name, "unknown", Some(newer.applied_at));
        }
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
    if migrations(ENGINES[0]).len() > 1 || control::migrations().of(ENGINES[0]).len() > 1 {
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
        let folder = root.join(engine);
        for (folder, text) in [(folder.join("control"), control::generated(engine)), (folder, generated(engine))] {
            let file = folder.join("0001_initial.sql");
            std::fs::write(&file, text).map_err(|error| Failure::file("written", &file, error))?;
            files.push(file.display().to_string());
        }
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
    fn a_first_migration_alone_is_what_the_services_register() {
        for engine in ENGINES {
            if let [first] = migrations(engine).as_slice() {
                assert!(first.sql == generated(engine), "{engine}: run `cargo run -p sycee -- migrate --write`");
            }
        }
    }
}
