//! `bench memory`: what a demonstration and a writer with a large book keep in memory, each in a process of its own.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sycee_contract::Date;
use sycee_markets::MarketFiles;
use sycee_runtime::storage::DatabaseUrl;
use sycee_sim::{Faults, WorldSettings};

use super::Volume;
use super::figure::{Figure, grouped};
use super::loans::{Round, offers, originate};
use super::machine::kib;
use super::market::{BenchMarket, broken};
use super::onboarding::{onboard, safe_applicants};
use super::place::{GONE, Place, Server};
use super::progress::Progress;
use crate::interrupt;
use crate::output::{Failure, say_json};

const BENCH: &str = "memory";
/// Where the kernel tells a process's sizes.
const STATUS: &str = "/proc/self/status";
/// Goal of a demonstration, MiB.
const DEMO_MIB: u64 = 150;
/// Goal of a writer that holds a million loans, MiB.
const WRITER_MIB: u64 = 3 * 1_024;
/// People who borrow from the writer that was opened again.
const PEOPLE: usize = 1_000;
/// Between two looks at a probe.
const LOOK: Duration = Duration::from_millis(50);
/// The first number of those people: nobody in the book has it.
const PEOPLE_FROM: usize = 5_000_000;
/// First business day of the demonstration.
const FIRST_DAY: Date = Date::constant(2026, 1, 5);

/// What a probe tells its parent.
#[derive(Serialize, Deserialize)]
struct Probe {
    peak_kib: u64,
    held_kib: u64,
    opened_ms: u64,
}

/// Peak memory of a demonstration.
pub fn demo(volume: Volume) -> Result<Figure, Failure> {
    let place = Place::new(&Server::Folder(".".into()))?;
    let url = url_of(&place);
    let mut arguments = vec!["bench", "probe-demo", "--probe", &url];
    if volume.quick {
        arguments.push("--quick");
    }
    let probe = probe(&arguments)?;
    Ok(Figure::cost(BENCH, "a demonstration, peak", probe.peak_kib / 1_024, "MiB").goal(DEMO_MIB))
}

/// Memory of a writer that opens the book at `place` and goes on lending.
pub fn writer(place: &Place, loans: u64) -> Result<Vec<Figure>, Failure> {
    let probe = probe(&["bench", "probe-writer", "--probe", &url_of(place)])?;
    let book = grouped(loans);
    Ok(vec![
        Figure::cost(BENCH, format!("a writer with {book} open loans, peak"), probe.peak_kib / 1_024, "MiB")
            .goal(WRITER_MIB),
        Figure::cost(BENCH, format!("a writer with {book} open loans, held"), probe.held_kib / 1_024, "MiB"),
        Figure::cost(BENCH, format!("opening {book} loans"), probe.opened_ms, "ms"),
    ])
}

/// The market as a probe's command line names it.
fn url_of(place: &Place) -> String {
    match &place.url {
        DatabaseUrl::Sqlite { path, .. } => path.display().to_string(),
        DatabaseUrl::Postgres { config, schema } if config.contains("://") => {
            format!("{config}{}schema={schema}", if config.contains('?') { '&' } else { '?' })
        }
        DatabaseUrl::Postgres { config, schema } => format!("{config} schema={schema}"),
    }
}

/// Runs a probe on a market of ours: one that is stopped leaves nothing of its own.
fn probe(arguments: &[&str]) -> Result<Probe, Failure> {
    let program = std::env::current_exe().map_err(broken)?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(broken)?;
    while child.try_wait().map_err(broken)?.is_none() {
        if let Err(stopped) = interrupt::check(GONE) {
            // It may have ended by itself meanwhile.
            drop(child.kill());
            drop(child.wait());
            return Err(stopped);
        }
        std::thread::sleep(LOOK);
    }
    let output = child.wait_with_output().map_err(broken)?;
    interrupt::check(GONE)?;
    if !output.status.success() {
        return Err(Failure::Fault(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    serde_json::from_slice(&output.stdout).map_err(broken)
}

fn tell(opened_ms: u64) -> Result<(), Failure> {
    say_json(&Probe { peak_kib: kib(STATUS, "VmHWM"), held_kib: kib(STATUS, "VmRSS"), opened_ms })
}

/// In the child: lives a demonstration.
pub fn probe_demo(url: &str, quick: bool) -> Result<(), Failure> {
    let (people, days) = if quick { (50, 60) } else { (1_000, 730) };
    let settings = WorldSettings {
        url: DatabaseUrl::parse(url)?,
        files: MarketFiles::ghana(),
        seed: 42,
        faults: Faults::usual(),
        first_day: FIRST_DAY,
        applicants: crate::demo::applicants(people)?,
        manual_review: true,
        arrival_days: days / 3,
        master: b"a demonstration has nothing to hide".to_vec(),
    };
    crate::demo::live(settings, None, days, None, true)?;
    tell(0)
}

/// In the child: opens a book and lends a little more.
pub fn probe_writer(url: &str) -> Result<(), Failure> {
    let url = DatabaseUrl::parse(url)?;
    let began = Instant::now();
    let mut market = BenchMarket::open(&url)?;
    let opened = began.elapsed();
    let mut borrowers = onboard(&mut market, &safe_applicants()?, PEOPLE_FROM, PEOPLE)?;
    let offers = offers(&mut market, &mut borrowers)?;
    originate(&mut market, &mut borrowers, &offers, &mut Round::default(), &Progress::hidden())?;
    tell(u64::try_from(opened.as_millis()).unwrap_or(u64::MAX))
}
