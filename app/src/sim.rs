//! `sycee sim`: a market on virtual time with faults, and the oracles every so many days.

use clap::Args;
use sycee_contract::Date;
use sycee_sim::{Faults, WorldSettings};

use crate::Context;
use crate::demo::{Place, applicants, live, peak_memory_kib, seconds};
use crate::market_files::MarketArgs;
use crate::output::{Failure, Verdict, say, say_json};
use crate::report::{counted, oracle_lines};

const EXAMPLES: &str = "\
Examples:
  sycee sim --days 60 --faults all          two months, everything goes wrong
  sycee sim --days 365 --seed 1 --runs 10   ten seeds, one after another
  sycee sim --days 30 --faults channel --json
  sycee sim --market my-market              a changed copy of markets/gh
  sycee sim --days 90 --every 7             ask the oracles once a week

Without --db each run is kept in a temporary folder, and gone at its end.
A run that breaks an oracle prints its seed and day: the seed breaks it again.";

/// Simulates a market and asks the oracles.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct SimArgs {
    /// Virtual days to live
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub days: u32,
    /// People who apply
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub applicants: u32,
    /// Seed of the first run
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Runs with seeds one after another, each in a temporary database of its own
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub runs: u32,
    /// What goes wrong: none, usual, all, or a list of channel, partner, outages, crashes, duplicates
    #[arg(long, default_value = "all", value_parser = faults)]
    pub faults: Faults,
    /// Days between two sittings of the oracles
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub every: u32,
    #[command(flatten)]
    pub market: MarketArgs,
}

pub fn run(args: &SimArgs, context: &Context) -> Result<Verdict, Failure> {
    if args.runs > 1 && context.database_chosen {
        return Err(Failure::input(format!(
            "--runs {} needs a new database for each run and {} is one: leave out --db (and SYCEE_DB), or run one seed \
             after another with --seed",
            args.runs,
            context.database.name()
        )));
    }
    if args.seed.checked_add(u64::from(args.runs - 1)).is_none() {
        let (seed, runs) = (args.seed, args.runs);
        return Err(Failure::input(format!(
            "--seed {seed} with --runs {runs}: there are no seeds beyond {}",
            u64::MAX
        )));
    }
    let files = args.market.files()?;
    let mut reports = Vec::new();
    let mut fine = true;
    for nr in 0..args.runs {
        let seed = args.seed + u64::from(nr);
        let place = Place::of(context, &files)?;
        let settings = WorldSettings {
            url: place.url.clone(),
            files: files.clone(),
            seed,
            faults: args.faults,
            first_day: Date::constant(2026, 1, 5),
            applicants: applicants(args.applicants)?,
            manual_review: true,
            arrival_days: (args.days / 2).max(1),
            master: b"a simulation has nothing to hide".to_vec(),
        };
        let (report, figures) = live(settings, place.lease(), args.days, Some(args.every), context.json)
            .map_err(|failure| of_seed(seed, place.says_what_is_left(failure)))?;
        fine &= report.holds();
        if !context.json {
            say(&format!(
                "seed {seed}: {} in {}, {}, {}, {}, {} tried in vain, peak memory {} MB\n{}hash of the state {}\n",
                counted(report.days.into(), "day"),
                seconds(figures.lived),
                counted(report.funnel.loans, "loan"),
                counted(report.cascades, "cascade"),
                counted(report.messages, "message"),
                counted(report.effect_failures, "effect"),
                figures.peak_kib / 1_024,
                oracle_lines(&report),
                report.hash
            ))?;
        }
        reports.push(figures.with(&report));
    }
    if context.json {
        say_json(&serde_json::json!({ "runs": reports, "peakKib": peak_memory_kib() }))?;
    }
    Ok(Verdict::of(fine))
}

/// What `--faults` says: a word that stands for many, or a list.
///
/// Errors: also for a list in which one word would undo another, such as `none,all`.
pub fn faults(text: &str) -> Result<Faults, String> {
    let words: Vec<&str> = text.split(',').map(str::trim).collect();
    match words.iter().find(|word| ["none", "usual", "all"].contains(*word)) {
        Some(alone) if words.len() > 1 => {
            Err(format!("{alone:?} stands alone, and cannot be part of {text:?}: use {}", Faults::NAMES))
        }
        _ => text.parse(),
    }
}

/// Says which seed breaks again what was broken.
fn of_seed(seed: u64, failure: Failure) -> Failure {
    match failure {
        Failure::Fault(text) => Failure::Fault(format!("seed {seed}: {text}")),
        Failure::Check(text) => Failure::Check(format!("seed {seed}: {text}")),
        Failure::Stopped { signal, text } => Failure::Stopped { signal, text: format!("seed {seed}: {text}") },
        other @ (Failure::Usage(_) | Failure::Input(_)) => other,
    }
}
