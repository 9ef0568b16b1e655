//! `sycee bench`: how fast and how large, on this machine, with every commit durable.
//!
//! Invariant: nothing is measured on a database that would lose a commit when the power fails.
//! Invariant: a bench makes a database of its own and removes it; the market that `--db` names is never touched.

mod books;
mod figure;
mod growth;
mod latency;
mod ledger;
mod loans;
mod machine;
mod market;
mod memory;
mod onboarding;
mod place;
mod progress;
mod repayment;

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::Context;
use crate::output::{Failure, Verdict, say, say_json};
use figure::{Figure, figures_text};
use machine::{DatabaseFacts, Machine};
use place::{Place, Server};

const EXAMPLES: &str = "\
Examples:
  sycee bench                               everything, on SQLite
  sycee bench ledger --quick                a few seconds
  sycee bench --engine both                 and the server of SYCEE_TEST_POSTGRES
  sycee bench origination --db 'postgres://me@localhost/bench'
  sycee --db /mnt/disk/x.db bench --json    on that disk; x.db is not touched

It measures on temporary databases of its own, in this folder, or in the folder
or on the server that --db names; they are removed at the end.
Exit code 2 on a database that is not durable: fsync or synchronous_commit off,
a memory file system. A file system that is unknown is said to be unchecked.";

/// Measure speed and memory on this machine, durably
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct BenchArgs {
    /// What to measure; everything, when not given
    #[arg(value_enum)]
    what: Option<Subject>,
    /// Which engine: what --db says when not given, SQLite by default
    #[arg(long, value_enum)]
    engine: Option<EngineChoice>,
    /// Small volumes: shows that it works, not how fast
    #[arg(long)]
    quick: bool,
    /// Loans that `growth` and `memory` build
    #[arg(long, value_parser = clap::value_parser!(u64).range(1_000..=10_000_000))]
    loans: Option<u64>,
    /// Transfers of one ledger entry
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=100))]
    lines: u32,
    /// Market that a probe opens
    #[arg(long, hide = true)]
    probe: Option<String>,
}

/// What can be measured.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Subject {
    /// Transfers a second, and how long one takes
    Ledger,
    /// Loans a second, from submit-loan-application to disbursement-succeeded
    Origination,
    /// Repayments a second, from the notice to repayment-succeeded
    Repayment,
    /// Memory of a demonstration, and of a writer with a large book
    Memory,
    /// Cost of a loan as the book grows
    Growth,
    /// Part of `memory`, in a process of its own
    #[value(hide = true)]
    ProbeDemo,
    /// Part of `memory`, in a process of its own
    #[value(hide = true)]
    ProbeWriter,
}

/// Which engines to measure.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum EngineChoice {
    /// Embedded
    Sqlite,
    /// The server of --db, or of SYCEE_TEST_POSTGRES
    Postgres,
    /// One after the other
    Both,
}

/// How much to do.
#[derive(Clone, Copy)]
struct Volume {
    quick: bool,
    loans: Option<u64>,
    lines: u32,
}

impl Volume {
    /// `full`, or `quick` when little was asked for.
    const fn of(&self, full: u64, quick: u64) -> u64 {
        if self.quick { quick } else { full }
    }
}

/// Everything one engine gave.
#[derive(Serialize)]
struct EngineReport {
    database: DatabaseFacts,
    figures: Vec<Figure>,
}

#[derive(Serialize)]
struct Report {
    machine: Machine,
    engines: Vec<EngineReport>,
}

/// Runs what was asked for, engine by engine.
pub fn run(args: &BenchArgs, context: &Context) -> Result<Verdict, Failure> {
    let probed = args.probe.as_deref().unwrap_or_default();
    match args.what {
        Some(Subject::ProbeDemo) => return memory::probe_demo(probed, args.quick).map(|()| Verdict::Fine),
        Some(Subject::ProbeWriter) => return memory::probe_writer(probed).map(|()| Verdict::Fine),
        _ => {}
    }
    let volume = Volume { quick: args.quick, loans: args.loans, lines: args.lines };
    let machine = Machine::this();
    if !context.json {
        say(&machine.text())?;
    }
    let mut report = Report { machine, engines: Vec::new() };
    for server in Server::chosen(args.engine, context)? {
        report.engines.push(run_engine(&server, args.what, volume, context.json)?);
    }
    if context.json {
        say_json(&report)?;
    }
    Ok(Verdict::Fine)
}

fn run_engine(server: &Server, what: Option<Subject>, volume: Volume, json: bool) -> Result<EngineReport, Failure> {
    let place = Place::new(server)?;
    let facts = DatabaseFacts::of(&place)?;
    if !json {
        say(&facts.text())?;
    }
    facts.refuse_undurable()?;
    drop(place);
    let wanted = |subject: Subject| what.is_none_or(|it| it == subject);
    let mut figures = Vec::new();
    let mut show = |fresh: Vec<Figure>| -> Result<(), Failure> {
        if !json {
            say(&figures_text(&fresh))?;
        }
        figures.extend(fresh);
        Ok(())
    };
    if wanted(Subject::Ledger) {
        show(ledger::run(server, volume)?)?;
    }
    if wanted(Subject::Origination) || wanted(Subject::Repayment) {
        show(repayment::run(server, volume, wanted(Subject::Repayment))?)?;
    }
    if wanted(Subject::Growth) || wanted(Subject::Memory) {
        show(growth::run(server, volume, wanted(Subject::Memory))?)?;
    }
    Ok(EngineReport { database: facts, figures })
}
