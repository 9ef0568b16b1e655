//! `bench growth`: what a loan costs as the book grows; and the large book that `bench memory` opens.

use std::time::{Duration, Instant};

use super::Volume;
use super::figure::Figure;
use super::latency::per_second;
use super::loans::{Round, offers, originate};
use super::market::{BenchMarket, broken};
use super::memory;
use super::onboarding::{onboard, safe_applicants};
use super::place::{Place, Server};
use super::progress::Progress;
use crate::output::Failure;

const BENCH: &str = "growth";
/// Loans of each borrower.
const LOANS_EACH: u64 = 10;
/// Loans between two looks at the speed, at least; a tenth of the book when that is more.
const WINDOW: u64 = 10_000;
/// Book sizes at which the speed is told.
const MARKS: [u64; 4] = [10_000, 100_000, 300_000, 1_000_000];
/// Slowest that is still flat, as a share of the first window's speed: a loan costs at most 1.3 times as much.
const FLAT_PER_CENT: u64 = 77;

/// Grows a book; opens it once more and asks for its memory when `with_memory`.
pub fn run(server: &Server, volume: Volume, with_memory: bool) -> Result<Vec<Figure>, Failure> {
    let mut figures = Vec::new();
    if with_memory && server.is_embedded() {
        figures.push(memory::demo(volume)?);
    }
    let place = Place::new(server)?;
    let size = volume.loans.unwrap_or(volume.of(1_000_000, 4_000));
    let window = WINDOW.min(size / 4).max(1_000);
    figures.extend(grow(&place, size, window)?);
    if with_memory {
        figures.extend(memory::writer(&place, size)?);
    }
    Ok(figures)
}

fn grow(place: &Place, size: u64, window: u64) -> Result<Vec<Figure>, Failure> {
    let mut market = BenchMarket::open(&place.url)?;
    market.set_up()?;
    let applicants = safe_applicants()?;
    let cohort = usize::try_from(window / LOANS_EACH).map_err(broken)?;
    let progress = Progress::of(size, "loans");
    let mut figures = Vec::new();
    let (mut built, mut people, mut first) = (0, 0, 0);
    let mut looks: Vec<(u64, Duration)> = Vec::new();
    let all = Instant::now();
    while built < size {
        let mut borrowers = onboard(&mut market, &applicants, people, cohort)?;
        people += cohort;
        let mut round = Round::default();
        for _ in 0..LOANS_EACH {
            let offers = offers(&mut market, &mut borrowers)?;
            originate(&mut market, &mut borrowers, &offers, &mut round, &Progress::hidden())?;
        }
        let from = built;
        built += round.loans.len() as u64;
        progress.at(built);
        looks.push((round.loans.len() as u64, round.took));
        let speed = speed_of_last(&looks, window.max(built / 10));
        if first == 0 {
            first = speed.max(1);
        }
        if MARKS.iter().any(|mark| from < *mark && *mark <= built) || built >= size {
            figures.push(Figure::speed(BENCH, format!("up to {built} loans"), speed, "loans/s"));
            let share = speed * 100 / first;
            let share = Figure::speed(BENCH, format!("up to {built} loans, of the first window"), share, "%");
            figures.push(share.goal(FLAT_PER_CENT));
        }
    }
    let seconds = all.elapsed().as_secs();
    figures.push(Figure::cost(BENCH, format!("building {built} loans and their {people} customers"), seconds, "s"));
    Ok(figures)
}

/// Loans a second over the last `window` loans or a few more.
fn speed_of_last(looks: &[(u64, Duration)], window: u64) -> u64 {
    let (mut loans, mut took) = (0, Duration::ZERO);
    for (more, time) in looks.iter().rev() {
        if loans >= window {
            break;
        }
        loans += more;
        took += *time;
    }
    per_second(loans, took)
}
