//! The `sycee` binary: a lending business and the money behind it, on one command line.
//!
//! Invariant: `--json` prints exactly one JSON document to stdout; everything else goes to stderr.
//! Invariant: exit codes are 0 fine, 1 a check failed, 2 usage or input, 3 a fault, 130 and 143 stopped by a signal.

mod bench;
mod calc;
mod catalog;
mod covered;
mod database;
mod demo;
mod interrupt;
mod lease;
mod ledger;
mod market_files;
mod migrate;
mod output;
mod report;
mod sim;
mod trace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::database::Database;
use crate::output::{Failure, Verdict};

/// Two threads hand millions of small values to each other: what one takes, the other frees. See ARCHITECTURE.md.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const EXAMPLES: &str = "\
Examples:
  sycee demo                        two years of a lending business in half a minute
  sycee migrate                     make sycee.db here, or bring it up to date
  sycee ledger trial-balance --as-of 2026-03-31
  sycee trace loan-1042             what happened to a loan, as trees
  sycee catalog check --json | jq .flows
  sycee calc --help                 loan schedules, without a database

Databases, in --db or SYCEE_DB:
  gh.db, sqlite:///srv/gh.db        a file
  sqlite:///srv/gh.db?vfs=NAME      through a virtual file system of SQLite
  'postgres://me@host/db?schema=market_gh&sslmode=verify-full'
  'host=/run/postgresql user=me dbname=db schema=market_gh'
Without either it is sycee.db here; for demo, sim and bench a temporary one.

Exit codes: 0 fine, 1 a check failed, 2 usage or input, 3 a fault,
130 and 143 stopped by Ctrl-C and by SIGTERM.";

/// Runs a lending business and the money behind it.
#[derive(Parser)]
#[command(name = "sycee", version, propagate_version = true, after_help = EXAMPLES, arg_required_else_help = true)]
struct Cli {
    /// The market's database: a path or a URL, see sycee --help
    #[arg(long, global = true, env = "SYCEE_DB", hide_env_values = true, value_name = "URL")]
    db: Option<String>,
    /// Print one JSON document instead of text
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

/// What every command is given.
struct Context {
    json: bool,
    database: Database,
    /// Whether the caller named it.
    database_chosen: bool,
}

#[derive(Subcommand)]
enum Command {
    Demo(demo::DemoArgs),
    Sim(sim::SimArgs),
    Bench(bench::BenchArgs),
    Migrate(migrate::MigrateArgs),
    #[command(subcommand, after_help = catalog::EXAMPLES)]
    Catalog(catalog::CatalogCommand),
    #[command(subcommand, after_help = ledger::EXAMPLES)]
    Ledger(ledger::LedgerCommand),
    Trace(trace::TraceArgs),
    Calc(calc::CalcArgs),
}

fn run(command: &Command, context: &Context) -> Result<Verdict, Failure> {
    match command {
        Command::Demo(args) => demo::run(args, context),
        Command::Sim(args) => sim::run(args, context),
        Command::Bench(args) => bench::run(args, context),
        Command::Migrate(args) => migrate::run(args, context),
        Command::Catalog(command) => catalog::run(command, context),
        Command::Ledger(command) => ledger::run(command, context),
        Command::Trace(args) => trace::run(args, context),
        Command::Calc(args) => calc::run(args, context),
    }
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // Help and version are no errors; a caller that reads JSON gets its errors as JSON, too.
        Err(error) if error.use_stderr() && std::env::args_os().any(|argument| argument == "--json") => {
            return output::exit(Err(Failure::Usage(error.to_string())), true);
        }
        Err(error) => error.exit(),
    };
    let json = cli.json;
    // What works on no database does not mind an environment that names a wrong one.
    let named = cli.db.as_deref().filter(|_| !matches!(cli.command, Command::Calc(_) | Command::Catalog(_)));
    let database_chosen = named.is_some();
    // What leaves something behind ends cleanly; what only reads ends at once.
    let makes_something = matches!(cli.command, Command::Demo(_) | Command::Sim(_) | Command::Bench(_));
    let watched = if makes_something { interrupt::watch() } else { Ok(()) };
    let result = watched
        .and_then(|()| Database::parse(named.unwrap_or("sycee.db")))
        .and_then(|database| run(&cli.command, &Context { json, database, database_chosen }));
    output::exit(result, json)
}
