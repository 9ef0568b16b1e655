//! `sycee catalog`: the reference architecture against the services that are registered.

mod coverage;
mod export;
mod facts;
mod report;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;

use crate::Context;
use crate::output::{Failure, Verdict, say, say_json};
use coverage::{Baseline, Coverage};
use facts::{Catalog, Running};

/// What the group shows.
pub const EXAMPLES: &str = "\
Examples:
  sycee catalog check                    how much of the architecture runs here
  sycee catalog check --missing          and what each message still lacks
  sycee catalog check --json | jq '.flows[] | {id, status}'
  sycee catalog export --out contract    AsyncAPI, JSON Schemas, pages";

const CHECK_EXAMPLES: &str = "\
Examples:
  sycee catalog check              coverage by message, service and flow
  sycee catalog check --missing    and for every message what it still lacks
  sycee catalog check --write      in the workspace: catalog/coverage.json anew

A message is covered when its command has a handler, every sender that the
catalogue and the flows name has registered that it sends it, and every receiver
that it receives it. Exit code 1 when something that was covered is not any
more, or when a message is declared that neither catalog/catalog.json nor
catalog/extension.json knows.";

const EXPORT_EXAMPLES: &str = "\
Examples:
  sycee catalog export --out contract    asyncapi.json, schemas/, and a page for
                                         each message, service and flow

The same binary writes the same files, byte for byte.";

/// The reference architecture: check what runs of it, export its documents
#[derive(Subcommand)]
pub enum CatalogCommand {
    Check(CheckArgs),
    Export(ExportArgs),
}

/// Compare the registered services with the reference architecture
#[derive(Args)]
#[command(after_help = CHECK_EXAMPLES)]
pub struct CheckArgs {
    /// List what each message lacks
    #[arg(long)]
    missing: bool,
    /// Write what is covered to catalog/coverage.json, the baseline
    #[arg(long)]
    write: bool,
}

/// Write AsyncAPI, JSON Schemas, and a page for every message, service and flow
#[derive(Args)]
#[command(after_help = EXPORT_EXAMPLES)]
pub struct ExportArgs {
    /// Folder to write to; made when it is missing
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Where the baseline stands in the workspace.
const BASELINE_FILE: &str = "catalog/coverage.json";
const BASELINE: &str = include_str!("../../../catalog/coverage.json");

/// Runs one of them.
pub fn run(command: &CatalogCommand, context: &Context) -> Result<Verdict, Failure> {
    let catalog = Catalog::embedded()?;
    let running = Running::new(&sycee_markets::registry());
    match command {
        CatalogCommand::Check(args) => check(args, &catalog, &running, context),
        CatalogCommand::Export(args) => export(args, &catalog, &running, context),
    }
}

fn check(args: &CheckArgs, catalog: &Catalog, running: &Running, context: &Context) -> Result<Verdict, Failure> {
    let coverage = Coverage::of(catalog, running);
    if args.write {
        return write_baseline(&coverage, context);
    }
    let baseline: Baseline = serde_json::from_str(BASELINE)
        .map_err(|error| Failure::Fault(format!("{BASELINE_FILE} in this binary is broken: {error}")))?;
    let lost = coverage.lost_since(&baseline);
    if context.json {
        say_json(&report::json(&coverage, &lost))?;
    } else {
        say(&report::text(&coverage, &lost, args.missing))?;
    }
    Ok(Verdict::of(lost.is_empty() && coverage.unlisted.is_empty()))
}

fn write_baseline(coverage: &Coverage, context: &Context) -> Result<Verdict, Failure> {
    let file = Path::new(BASELINE_FILE);
    if !Path::new("catalog/catalog.json").is_file() {
        return Err(Failure::input("there is no catalog/catalog.json here: run it from the root of the workspace"));
    }
    let text = serde_json::to_string_pretty(&coverage.baseline())
        .map_err(|error| Failure::Fault(format!("the baseline cannot be written as JSON: {error}")))?;
    std::fs::write(file, text + "\n").map_err(|error| Failure::file("written", file, error))?;
    if context.json {
        say_json(&json!({ "written": BASELINE_FILE }))?;
    } else {
        say(&format!("wrote {BASELINE_FILE}\n"))?;
    }
    Ok(Verdict::Fine)
}

fn export(args: &ExportArgs, catalog: &Catalog, running: &Running, context: &Context) -> Result<Verdict, Failure> {
    let files = export::files(catalog, running);
    for (name, text) in &files {
        let file = args.out.join(name);
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).map_err(|error| Failure::file("made", folder, error))?;
        }
        std::fs::write(&file, text).map_err(|error| Failure::file("written", &file, error))?;
    }
    if context.json {
        say_json(&json!({ "out": args.out.display().to_string(), "files": files.keys().collect::<Vec<_>>() }))?;
    } else {
        say(&format!("wrote {} files to {}\n", files.len(), args.out.display()))?;
    }
    Ok(Verdict::Fine)
}
