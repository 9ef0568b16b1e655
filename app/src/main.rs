//! The `sycee` binary: a lending business and the money behind it, on one command line.
//!
//! Invariant: `--json` prints exactly one JSON document to stdout; everything else goes to stderr.
//! Invariant: exit codes are 0 fine, 1 a check failed, 2 usage or input, 3 a fault.

mod bench;
mod calc;
mod catalog;
mod database;
mod demo;
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
  sycee demo                                        two years of a lending business in half a minute
  sycee migrate                                     make sycee.db here, or bring it to this version
  sycee ledger trial-balance --as-of 2026-03-31     the books at the end of a day
  sycee --db 'postgres://sycee@db/sycee?schema=market_gh' ledger verify
  sycee trace loan-1042                             everything that happened to a loan, as trees
  sycee catalog check --json | jq .flows            how much of the reference architecture runs here
  echo '{\"id\": \"…\", \"kind\": \"schedule\", \"inputs\": {…}}' | sycee calc

Exit codes: 0 fine, 1 a check failed, 2 usage or input, 3 a fault.";

/// Runs a lending business and the money behind it.
#[derive(Parser)]
#[command(name = "sycee", version, propagate_version = true, after_help = EXAMPLES, arg_required_else_help = true)]
struct Cli {
    /// The market's database: a path, sqlite:///path/market.db, or postgres://user@host/db?schema=market_gh. When it is not
    /// given: sycee.db here; for demo, sim and bench a temporary one. Bench makes databases of its own in that folder, or schemas
    /// on that server
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
    let result = Database::parse(named.unwrap_or("sycee.db"))
        .and_then(|database| run(&cli.command, &Context { json, database, database_chosen }));
    output::exit(result, json)
}
