//! `sycee demo`: a thousand real loan applications, two virtual years, one report.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use sycee_contract::Date;
use sycee_markets::MarketFiles;
use sycee_runtime::FaultKind;
use sycee_runtime::storage::DatabaseUrl;
use sycee_sim::{Faults, GERMAN_CREDIT, Report, SimError, World, WorldSettings, read_applicants};

use crate::lease::MarketLease;
use crate::market_files::MarketArgs;
use crate::output::{Failure, Verdict, say, say_json};
use crate::report::{RunFigures, report_text};
use crate::sim::faults;
use crate::{Context, interrupt};

const EXAMPLES: &str = "\
Examples:
  sycee demo                                1,000 applicants, 24 months
  sycee demo --applicants 200 --months 6    a quick one
  sycee demo --db demo.db                   keep the market; then:
  sycee --db demo.db ledger trial-balance
  sycee demo --db \"postgres://me@localhost/sycee?schema=demo\"
  sycee demo --market my-market             a changed copy of markets/gh
  sycee demo --seed 7 --json | jq .hash     the same on both engines

Without --db the market is kept in a temporary folder, and gone at the end.
Ctrl-C stops it after the day it lives; once more ends it at once.";

/// Lives two years of a lending business: onboarding, decisions, payouts, repayments, arrears, books.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct DemoArgs {
    /// Virtual months to live
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=120))]
    pub months: u32,
    /// People who apply, from the 1,000 of the German credit data; more start over with other names
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub applicants: u32,
    /// Seed of everything that is drawn
    #[arg(long, default_value_t = 42)]
    pub seed: u64,
    /// What goes wrong: none, usual, all, or a list of channel, partner, outages, crashes, duplicates
    #[arg(long, default_value = "usual", value_parser = faults)]
    pub faults: Faults,
    #[command(flatten)]
    pub market: MarketArgs,
}

/// What to do with a market that was kept.
const KEPT: &str = "  sycee ledger trial-balance      every account; a code of it for the next
  sycee ledger statement CODE     one account, transfer by transfer: each line names its loan
  sycee trace loan-NUMBER         everything that happened to a loan, as trees
  sycee ledger verify             replay every entry: balances, chains, hashes
";

/// First business day of a demonstration: a Monday.
const FIRST_DAY: Date = Date::constant(2026, 1, 5);
/// Every so many sittings the oracles replay every transfer, hash and movement, and requests of the past are repeated;
/// the others compare balances. All of it is done at the end in any case.
const WHOLE_SITTING: u32 = 7;
/// Secret of a demonstration's market: it holds invented people only.
const MASTER: &[u8] = b"a demonstration has nothing to hide";

pub fn run(args: &DemoArgs, context: &Context) -> Result<Verdict, Failure> {
    let files = args.market.files()?;
    let place = Place::of(context, &files)?;
    let last_day = FIRST_DAY.saturating_add(jiff::Span::new().months(i64::from(args.months)));
    let days = u32::try_from((last_day - FIRST_DAY).get_days()).unwrap_or(1);
    let settings = WorldSettings {
        url: place.url.clone(),
        files,
        seed: args.seed,
        faults: args.faults,
        first_day: FIRST_DAY,
        applicants: applicants(args.applicants)?,
        manual_review: true,
        arrival_days: (days / 3).max(1),
        master: MASTER.to_vec(),
    };
    let lived = live(settings, place.lease(), days, None, context.json);
    let (report, figures) = lived.map_err(|failure| place.says_what_is_left(failure))?;
    finish(&report, &figures, &place, context)
}

/// The first `count` applicants of the data set, which starts over when more are wanted.
pub fn applicants(count: u32) -> Result<Vec<sycee_sim::Applicant>, Failure> {
    let all =
        read_applicants(GERMAN_CREDIT).map_err(|error| Failure::Fault(format!("data/germancredit.csv, {error}")))?;
    Ok(all.iter().cycle().take(count as usize).cloned().collect())
}

/// Lives `days` days with a progress bar, asks the oracles every so many days when `every` says so, and all at the end.
///
/// Errors: the day and the findings of an oracle that is broken on the way; `Stopped` after the day in which somebody
/// asked for it, with everything durable; `Fault` when the lease is lost, with nothing written any more.
pub fn live(
    settings: WorldSettings,
    lease: Option<&MarketLease>,
    days: u32,
    every: Option<u32>,
    quiet: bool,
) -> Result<(Report, RunFigures), Failure> {
    // The bar goes to stderr, and only where that is a terminal.
    let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new(u64::from(days)) };
    let style = ProgressStyle::with_template("{msg:<52} {wide_bar} {pos}/{len} days  {elapsed} of {duration}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message("opening the market");
    let started = Instant::now();
    let mut world = World::leased(settings, lease.map(MarketLease::lease)).map_err(broken)?;
    for day in 1..=days {
        go_on(&mut world, lease).inspect_err(|_| bar.finish_and_clear())?;
        let progress = world.run_day().map_err(broken)?;
        bar.set_position(u64::from(progress.days));
        bar.set_message(format!("{}  {:>6} loans  {:>9} messages", progress.date, progress.loans, progress.messages));
        if every.is_some_and(|every| day % every == 0) {
            let whole = every.is_some_and(|every| day % every.saturating_mul(WHOLE_SITTING) == 0);
            let mut verdicts = world.ask_oracles(whole).map_err(broken)?;
            if whole {
                verdicts.push(world.repeat_requests().map_err(broken)?);
            }
            if let Some(broken) = verdicts.iter().find(|verdict| !verdict.holds()) {
                bar.finish_and_clear();
                let (date, nr, rule) = (progress.date, broken.nr, broken.rule);
                let findings = broken.findings.join("\n  ");
                return Err(Failure::Check(format!("{date}: oracle {nr} ({rule}) is broken:\n  {findings}")));
            }
        }
    }
    let lived = started.elapsed();
    bar.set_message("asking the oracles");
    let report = world.report().map_err(broken)?;
    bar.finish_and_clear();
    let figures = RunFigures { lived, checked: started.elapsed().saturating_sub(lived), peak_kib: peak_memory_kib() };
    Ok((report, figures))
}

/// Whether the next day may be lived.
fn go_on(world: &mut World, lease: Option<&MarketLease>) -> Result<(), Failure> {
    let date = world.date();
    if let Some(why) = lease.and_then(MarketLease::lost) {
        return Err(Failure::Fault(format!("another process has taken the market over on {date}: {why}")));
    }
    let Some(signal) = interrupt::asked() else { return Ok(()) };
    world.writer().sync()?;
    Err(interrupt::stopped(signal, format!(" on {date}")))
}

fn broken(error: SimError) -> Failure {
    match error {
        SimError::Fault(fault) if fault.kind == FaultKind::Fenced => {
            Failure::Fault(format!("another process has taken the market over: {}: find out which", fault.message))
        }
        other => Failure::Fault(other.to_string()),
    }
}

fn finish(report: &Report, figures: &RunFigures, place: &Place, context: &Context) -> Result<Verdict, Failure> {
    if context.json {
        say_json(&figures.with(report))?;
    } else {
        say(&report_text(report, figures))?;
        if let Some(kept) = &place.kept {
            say(&format!("\nThe market is kept in {kept}. To look into it, with the same --db:\n{KEPT}"))?;
        }
    }
    Ok(Verdict::of(report.holds()))
}

/// Where a demonstration's market lives: where `--db` says, under a lease of the control store there; else in a temporary
/// folder, which nobody else knows.
pub struct Place {
    /// The database.
    pub url: DatabaseUrl,
    kept: Option<String>,
    temporary: Option<PathBuf>,
    lease: Option<MarketLease>,
}

impl Place {
    /// Errors: `Input` when the named database already holds a market, `Fault` when another process writes it.
    pub fn of(context: &Context, files: &MarketFiles) -> Result<Self, Failure> {
        if context.database_chosen {
            // Nothing is written beside a market that is there; another demonstration may make one before we hold the lease.
            must_be_empty(context)?;
            let lease = MarketLease::of_demonstration(&context.database, files)?;
            must_be_empty(context)?;
            let kept = context.database.name();
            return Ok(Self {
                url: context.database.url.clone(),
                kept: Some(kept),
                temporary: None,
                lease: Some(lease),
            });
        }
        let folder = std::env::temp_dir().join(format!("sycee-demo-{}", std::process::id()));
        // A process that was killed may have had this number.
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Failure::file("emptied", &folder, error));
            }
            _ => (),
        }
        let url = DatabaseUrl::sqlite(folder.join("demo.db"));
        Ok(Self { url, kept: None, temporary: Some(folder), lease: None })
    }

    /// The lease under which the market is written.
    pub fn lease(&self) -> Option<&MarketLease> {
        self.lease.as_ref()
    }

    /// The same failure; of a run that was stopped with what becomes of its market.
    pub fn says_what_is_left(&self, failure: Failure) -> Failure {
        let left = match &self.kept {
            Some(kept) => format!("{kept} holds all that came before, whole, and its lease is given back"),
            None => "its temporary market is removed".to_owned(),
        };
        match failure {
            Failure::Stopped { signal, text } => Failure::Stopped { signal, text: format!("{text}: {left}") },
            other => other,
        }
    }
}

/// Errors: `Input` when the named database already holds a market.
fn must_be_empty(context: &Context) -> Result<(), Failure> {
    if context.database.holds_market()? {
        return Err(Failure::input(format!(
            "{} holds a market already; a demonstration needs a new one: name another file or schema",
            context.database.name()
        )));
    }
    Ok(())
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(folder) = &self.temporary {
            // What cannot be removed stays in the temporary folder, where it does no harm.
            drop(std::fs::remove_dir_all(folder));
        }
    }
}

/// The most memory this process has held, in KiB; 0 where the system does not tell.
pub fn peak_memory_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok()).unwrap_or(0)
}

/// Shown to two decimals, in seconds.
pub fn seconds(duration: Duration) -> String {
    format!("{}.{:02} s", duration.as_secs(), duration.subsec_millis() / 10)
}
