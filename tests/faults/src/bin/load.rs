//! Loads a market until somebody kills it: `sycee-load DATABASE FIRST-PERSON THREADS`.
//!
//! Every request that became durable is written to standard output as a line of JSON; `ready` comes before the first.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a load that cannot go on ends")]

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use sycee_contract::{QueryProductVersion, Timestamp};
use sycee_faults::{Journey, Mailbox};
use sycee_markets::CalendarDays;
use sycee_runtime::storage::DatabaseUrl;
use sycee_runtime::{Live, MarketWriter, VirtualClock, Writer};
use sycee_stage::Stage;

/// Persons of one thread in the life of one process.
const PERSONS_MAX: u64 = 10_000;
/// The market's time that passes from one request to the next.
const REQUEST_TIME: Duration = Duration::from_millis(1);

struct Load {
    writer: Writer,
    mailbox: Arc<Mailbox>,
    clock: Arc<VirtualClock>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, first, threads] = arguments.as_slice() else {
        eprintln!("usage: sycee-load DATABASE FIRST-PERSON THREADS");
        std::process::exit(2);
    };
    let (first, threads): (u64, u64) = (first.parse().unwrap(), threads.parse().unwrap());
    let load = Load::start(open(&DatabaseUrl::parse(url).unwrap()));
    tell("ready");
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let load = &load;
            scope.spawn(move || load.walk(first + thread * PERSONS_MAX));
        }
    });
}

/// The market, founded when it is new.
fn open(url: &DatabaseUrl) -> MarketWriter {
    let mut stage = Stage::reopen(url.clone());
    let known = QueryProductVersion { product: "gh-installment".to_owned(), version: None };
    if stage.ask("staff:load", known).is_err() {
        stage.found();
    }
    stage.writer
}

fn tell(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

impl Load {
    /// The market live, a day older; what was overdue is done.
    fn start(market: MarketWriter) -> Self {
        let tomorrow = market.today().tomorrow().unwrap();
        let clock = Arc::new(VirtualClock::at(Timestamp::start_of(tomorrow).plus_seconds(3_600)));
        let mailbox = Arc::new(Mailbox::default());
        let days = CalendarDays::of(market.market());
        let live = Live::on(clock.clone()).opening(days).executing(mailbox.adapters());
        let writer = Writer::spawn(market, live).unwrap();
        writer.settle().unwrap();
        Self { writer, mailbox, clock }
    }

    fn walk(&self, first: u64) {
        for nr in first..first + PERSONS_MAX {
            let mut journey = Journey::new(nr);
            while !journey.is_over() {
                let Some((ask, key)) = journey.ask(&self.mailbox) else {
                    std::thread::sleep(Duration::from_millis(1));
                    continue;
                };
                self.clock.pass(REQUEST_TIME);
                let reply = self.writer.submit(ask.stimulus(nr, &key)).unwrap();
                let done = reply.wait().unwrap();
                tell(&serde_json::to_string(&journey.told(ask, key, &done)).unwrap());
            }
        }
    }
}
