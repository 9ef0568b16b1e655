//! `bench ledger`: transfers a second, each batch one durable commit, and how long one transfer takes to be durable.

use std::collections::VecDeque;
use std::time::Instant;

use super::Volume;
use super::books::Books;
use super::figure::Figure;
use super::latency::{Latencies, per_second};
use super::place::{Place, Server};
use super::progress::Progress;
use crate::output::Failure;

const BENCH: &str = "ledger";
const ACCOUNTS: u32 = 100_000;
const ACCOUNTS_MANY: u32 = 1_000_000;
/// Transfers of a batch in the sustained run.
const SUSTAINED_BATCH: u64 = 8_000;
/// Transfers that were submitted and are not durable, in the latency run: half are being written, half posted.
const IN_FLIGHT: u64 = 4_096;

/// A batch size, how many transfers are posted with it, and the goals on SQLite and on PostgreSQL.
struct Case {
    batch: u64,
    transfers: u64,
    embedded: Option<u64>,
    server: Option<u64>,
}

const CASES: [Case; 3] = [
    Case { batch: 100, transfers: 400_000, embedded: Some(200_000), server: None },
    Case { batch: 1_000, transfers: 1_500_000, embedded: Some(300_000), server: Some(100_000) },
    Case { batch: 8_000, transfers: 2_000_000, embedded: Some(350_000), server: Some(150_000) },
];

/// Runs everything about the ledger.
pub fn run(server: &Server, volume: Volume) -> Result<Vec<Figure>, Failure> {
    let mut figures = Vec::new();
    for case in &CASES {
        let goal = if server.is_embedded() { case.embedded } else { case.server };
        figures.push(throughput(server, case, volume)?.goal(goal));
    }
    figures.push(sustained(server, volume)?.goal(server.is_embedded().then_some(250_000)));
    let [median, late] = latency(server, volume)?;
    figures.extend([median, late.goal(server.is_embedded().then_some(20_000))]);
    Ok(figures)
}

fn throughput(server: &Server, case: &Case, volume: Volume) -> Result<Figure, Failure> {
    let place = Place::new(server)?;
    let mut books = Books::open(&place, u32::try_from(volume.of(ACCOUNTS.into(), 10_000)).unwrap_or(ACCOUNTS))?;
    let transfers = volume.of(case.transfers, case.transfers / 40);
    let rate = post_all(&mut books, transfers, case.batch, volume.lines)?;
    books.verify(&place)?;
    Ok(Figure::speed(BENCH, format!("batch {}", case.batch), rate, "transfers/s"))
}

fn sustained(server: &Server, volume: Volume) -> Result<Figure, Failure> {
    let place = Place::new(server)?;
    let accounts = u32::try_from(volume.of(ACCOUNTS_MANY.into(), 50_000)).unwrap_or(ACCOUNTS_MANY);
    let mut books = Books::open(&place, accounts)?;
    let transfers = volume.of(5_000_000, 100_000);
    let rate = post_all(&mut books, transfers, SUSTAINED_BATCH, volume.lines)?;
    books.verify(&place)?;
    let case = format!("sustained, {transfers} at {accounts} accounts");
    Ok(Figure::speed(BENCH, case, rate, "transfers/s"))
}

/// Posts `transfers` in batches. Answers how many a second became durable.
fn post_all(books: &mut Books, transfers: u64, batch: u64, lines: u32) -> Result<u64, Failure> {
    let progress = Progress::of(transfers, "transfers");
    let began = Instant::now();
    let (mut posted, mut in_batch) = (0, 0);
    while posted < transfers {
        books.post_random(lines)?;
        posted += u64::from(lines);
        in_batch += u64::from(lines);
        if in_batch >= batch {
            books.seal()?;
            in_batch = 0;
            progress.at(posted);
        }
    }
    let done = books.settle()?;
    Ok(per_second(posted, done.duration_since(began)))
}

/// From submitted to durable, with so many under way that the writer is always busy.
fn latency(server: &Server, volume: Volume) -> Result<[Figure; 2], Failure> {
    let place = Place::new(server)?;
    let mut books = Books::open(&place, u32::try_from(volume.of(ACCOUNTS.into(), 10_000)).unwrap_or(ACCOUNTS))?;
    let batches = volume.of(500, 20);
    let per_batch = (IN_FLIGHT / 2 / u64::from(volume.lines)).max(1);
    let mut latencies = Latencies::default();
    let mut waiting: VecDeque<Vec<Instant>> = VecDeque::new();
    let mut hear = |waiting: &mut VecDeque<Vec<Instant>>, done: Option<Instant>| {
        if let Some(done) = done {
            waiting.pop_front().into_iter().flatten().for_each(|began| latencies.add(began, done));
        }
    };
    for _ in 0..batches {
        let mut submitted = Vec::with_capacity(usize::try_from(per_batch).unwrap_or(0));
        for _ in 0..per_batch {
            submitted.push(Instant::now());
            books.post_random(volume.lines)?;
        }
        let before = books.seal()?;
        hear(&mut waiting, before);
        waiting.push_back(submitted);
    }
    books.settle()?;
    let figure = |name: &str, value: u64| {
        Figure::cost(BENCH, format!("{name} from submit to durable, {IN_FLIGHT} in flight"), value, "us")
    };
    Ok([figure("p50", latencies.percentile(500)), figure("p99", latencies.percentile(990))])
}
