//! `bench origination` and `bench repayment`: loans through every service, then money for them from outside.

use std::time::{Duration, Instant};

use sycee_contract::{BusinessDateAdvanced, ExternalRepaymentNotified, RepaymentSucceeded};
use sycee_runtime::Stimulus;
use sycee_runtime::storage::{ColumnKind, Value, collect};

use super::Volume;
use super::figure::Figure;
use super::latency::{Latencies, per_second};
use super::loans::{Round, Running, offers, originate};
use super::market::{BenchMarket, broken, must};
use super::onboarding::{onboard, safe_applicants};
use super::place::{Place, Server};
use super::progress::Progress;
use crate::output::Failure;

/// Loans of each borrower.
const LOANS_EACH: u64 = 4;
/// People brought in at a time.
const WAVE: usize = 2_000;
/// Notices that wait for their repayment at the same time.
const IN_FLIGHT: usize = 2_000;
/// Installments that are paid on each loan.
const INSTALLMENTS: usize = 3;

/// Loans, then repayments on them when `with_repayment`.
pub fn run(server: &Server, volume: Volume, with_repayment: bool) -> Result<Vec<Figure>, Failure> {
    let place = Place::new(server)?;
    let mut market = BenchMarket::open(&place.url)?;
    market.set_up()?;
    let people = volume.of(5_000, 100);
    let applicants = safe_applicants()?;
    let mut borrowers = Vec::new();
    let progress = Progress::of(people, "people brought in");
    while (borrowers.len() as u64) < people {
        let count = WAVE.min(usize::try_from(people).unwrap_or(WAVE) - borrowers.len());
        borrowers.extend(onboard(&mut market, &applicants, borrowers.len(), count)?);
        progress.at(borrowers.len() as u64);
    }
    drop(progress);
    let logged = log_bytes(&mut market)?;
    let mut round = Round::default();
    let progress = Progress::of(people * LOANS_EACH, "loans");
    let mut logged_offers = 0;
    for _ in 0..LOANS_EACH {
        let before = log_bytes(&mut market)?;
        let offers = offers(&mut market, &mut borrowers)?;
        logged_offers += log_bytes(&mut market)? - before;
        originate(&mut market, &mut borrowers, &offers, &mut round, &progress)?;
    }
    drop(progress);
    let logged = log_bytes(&mut market)? - logged - logged_offers;
    let mut figures = origination_figures(server, &mut round, logged);
    if with_repayment {
        figures.extend(repay(&mut market, server, &round.loans)?);
    }
    Ok(figures)
}

fn origination_figures(server: &Server, round: &mut Round, logged: u64) -> Vec<Figure> {
    const BENCH: &str = "origination";
    let loans = round.loans.len() as u64;
    let goal = if server.is_embedded() { 3_000 } else { 1_000 };
    vec![
        Figure::speed(BENCH, format!("{loans} loans"), per_second(loans, round.took), "loans/s").goal(goal),
        Figure::speed(BENCH, "cascades", per_second(round.cascades, round.took), "cascades/s"),
        Figure::speed(BENCH, "messages", per_second(round.messages, round.took), "messages/s"),
        Figure::cost(BENCH, "messages of a loan", round.messages / loans.max(1), "messages"),
        Figure::cost(BENCH, "message log of a loan", logged / loans.max(1), "bytes"),
        Figure::cost(BENCH, "p50 from submit to paid out, 2000 in flight", round.latencies.percentile(500), "us"),
        Figure::cost(BENCH, "p99 from submit to paid out, 2000 in flight", round.latencies.percentile(990), "us"),
    ]
}

fn repay(market: &mut BenchMarket, server: &Server, loans: &[Running]) -> Result<Vec<Figure>, Failure> {
    const BENCH: &str = "repayment";
    let total = loans.len() * INSTALLMENTS;
    let progress = Progress::of(total as u64, "repayments");
    let (mut took, mut latencies, mut cascades) = (Duration::ZERO, Latencies::default(), 0);
    for nr in 0..INSTALLMENTS {
        next_month(market)?;
        let before = market.writer().stats().cascades;
        let began = Instant::now();
        let mut crowd =
            Payers { loans, nr, next: 0, began: Vec::with_capacity(loans.len()), latencies: &mut latencies, done: 0 };
        for _ in 0..IN_FLIGHT {
            crowd.notify_next(market);
        }
        market.run(&mut |market, done, now| {
            must(done)?;
            for _ in done.events::<RepaymentSucceeded>() {
                crowd.heard(now);
                crowd.notify_next(market);
            }
            progress.at((nr * loans.len() + crowd.done) as u64);
            Ok(())
        })?;
        if crowd.done != loans.len() {
            return Err(broken(format!("{} of {} repayments succeeded", crowd.done, loans.len())));
        }
        took += began.elapsed();
        cascades += market.writer().stats().cascades - before;
    }
    let goal = if server.is_embedded() { 5_000 } else { 2_000 };
    let rate = per_second(total as u64, took);
    Ok(vec![
        Figure::speed(BENCH, format!("{total} repayments"), rate, "repayments/s").goal(goal),
        Figure::speed(BENCH, "cascades", per_second(cascades, took), "cascades/s"),
        Figure::cost(BENCH, "p50 from notice to succeeded, 2000 in flight", latencies.percentile(500), "us"),
        Figure::cost(BENCH, "p99 from notice to succeeded, 2000 in flight", latencies.percentile(990), "us"),
    ])
}

struct Payers<'a> {
    loans: &'a [Running],
    nr: usize,
    next: usize,
    began: Vec<Instant>,
    latencies: &'a mut Latencies,
    done: usize,
}

impl Payers<'_> {
    fn notify_next(&mut self, market: &mut BenchMarket) {
        let Some(running) = self.loans.get(self.next) else { return };
        self.next += 1;
        self.began.push(Instant::now());
        let notice = ExternalRepaymentNotified {
            reference: format!("momo-{}-{}", running.loan, self.nr),
            funder: Some(running.funder),
            order: None,
            loan: Some(running.loan),
            amount: running.installment,
            paid_at: None,
        };
        market.tell(Stimulus::event("channel", notice).through("partner-hub"));
    }

    /// Repayments succeed in the order of their notices.
    fn heard(&mut self, now: Instant) {
        if let Some(began) = self.began.get(self.done) {
            self.latencies.add(*began, now);
        }
        self.done += 1;
    }
}

/// The next installment falls due: the business date moves on by a month and the books are closed; not measured.
fn next_month(market: &mut BenchMarket) -> Result<(), Failure> {
    let closed = market.writer().today();
    let opened = closed.saturating_add(jiff::Span::new().months(1));
    let start = market.writer().market().zone.start_of(opened);
    market.writer().set_now(start);
    let event = Stimulus::event("clock", BusinessDateAdvanced { closed, opened }).through("asset-center");
    must(&market.writer().advance(opened, event)?)?;
    while let Some(done) = market.writer().fire_timer()? {
        must(&done)?;
        if market.writer().unsealed() > 100 {
            market.writer().seal()?;
        }
    }
    market.writer().sync()?;

    market.writer().take_effects();
    Ok(())
}

fn log_bytes(market: &mut BenchMarket) -> Result<u64, Failure> {
    market.writer().sync()?;
    let sql = "SELECT COALESCE(SUM(LENGTH(hops)), 0) FROM message_log";
    let rows = collect(market.writer().reader(), sql, &[], &[ColumnKind::Int])?;
    let bytes = rows.first().and_then(|row| row.first()).and_then(Value::as_int);
    Ok(u64::try_from(bytes.unwrap_or(0)).unwrap_or(0))
}
