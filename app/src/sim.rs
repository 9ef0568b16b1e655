//! `sycee sim`: a market on virtual time with faults, and the oracles every so many days.

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use sycee_contract::Date;
use sycee_markets::MarketFiles;
use sycee_sim::{Faults, World, WorldSettings};

use crate::Context;
use crate::demo::{Place, applicants, peak_memory_kib};
use crate::output::{Failure, Verdict, say, say_json};
use crate::report::{RunFigures, oracle_lines};

const EXAMPLES: &str = "\
Examples:
  sycee sim --days 60 --faults all             two months in which everything goes wrong
  sycee sim --days 365 --seed 1 --runs 10      ten years' worth of seeds, one after another
  sycee sim --days 30 --faults channel --json
  sycee sim --days 90 --every 7                ask the oracles once a week

A run that breaks an oracle prints its seed and day: the same seed breaks it again.";

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
    /// Runs with seeds one after another
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub runs: u32,
    /// What goes wrong: none, usual, all, or a list of channel, partner, outages, crashes, duplicates
    #[arg(long, default_value = "all")]
    pub faults: Faults,
    /// Days between two sittings of the oracles
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub every: u32,
}

pub fn run(args: &SimArgs, context: &Context) -> Result<Verdict, Failure> {
    let mut reports = Vec::new();
    let mut fine = true;
    for nr in 0..args.runs {
        let seed = args.seed + u64::from(nr);
        let place = Place::of(context)?;
        let settings = WorldSettings {
            url: place.url.clone(),
            files: MarketFiles::ghana(),
            seed,
            faults: args.faults,
            first_day: Date::constant(2026, 1, 5),
            applicants: applicants(args.applicants)?,
            manual_review: true,
            arrival_days: (args.days / 2).max(1),
            master: b"a simulation has nothing to hide".to_vec(),
        };
        let report =
            live(settings, args, context.json).map_err(|error| Failure::Fault(format!("seed {seed}: {error}")))?;
        fine &= report.holds();
        if !context.json {
            say(&format!(
                "seed {seed}: {} days, {} loans, {} cascades, {} messages, hash {}\n{}",
                report.days,
                report.funnel.loans,
                report.cascades,
                report.messages,
                &report.hash[..16],
                oracle_lines(&report)
            ))?;
        }
        reports.push(report);
    }
    if context.json {
        let figures = RunFigures { peak_kib: peak_memory_kib(), ..RunFigures::default() };
        say_json(&serde_json::json!({ "runs": reports, "peakKib": figures.peak_kib }))?;
    }
    Ok(Verdict::of(fine))
}

fn live(settings: WorldSettings, args: &SimArgs, quiet: bool) -> Result<sycee_sim::Report, String> {
    let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new(u64::from(args.days)) };
    let style = ProgressStyle::with_template("{msg:<52} {wide_bar} {pos}/{len} days  {elapsed}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let text = |error: sycee_sim::SimError| error.to_string();
    let mut world = World::new(settings).map_err(text)?;
    for day in 1..=args.days {
        let progress = world.run_day().map_err(text)?;
        bar.set_position(u64::from(progress.days));
        bar.set_message(format!("{}  {:>6} loans  {:>9} messages", progress.date, progress.loans, progress.messages));
        if day % args.every == 0 {
            let verdicts = world.ask_oracles(false).map_err(text)?;
            if let Some(broken) = verdicts.iter().find(|verdict| !verdict.holds()) {
                bar.finish_and_clear();
                let findings = broken.findings.join("\n  ");
                return Err(format!(
                    "{}: oracle {} ({}) is broken:\n  {findings}",
                    progress.date, broken.nr, broken.rule
                ));
            }
        }
    }
    let report = world.report().map_err(text)?;
    bar.finish_and_clear();
    Ok(report)
}
