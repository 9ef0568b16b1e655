//! Loads a market until somebody kills it: `sycee-load DATABASE FIRST-PERSON THREADS`.
//!
//! Every request that became durable is written to standard output as a line of JSON; `ready` comes before the first.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a load that cannot go on ends")]

use std::io::Write;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use sycee_contract::{QueryProductVersion, Timestamp};
use sycee_faults::{Journey, Mailbox};
use sycee_runtime::storage::DatabaseUrl;
use sycee_runtime::{MarketWriter, Writer};
use sycee_stage::Stage;

/// Persons of one thread in the life of one process.
const PERSONS_MAX: u64 = 10_000;

struct Load {
    writer: Writer,
    mailbox: Mailbox,
    start: Timestamp,
    asked: AtomicI64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, first, threads] = arguments.as_slice() else {
        eprintln!("usage: sycee-load DATABASE FIRST-PERSON THREADS");
        std::process::exit(2);
    };
    let (first, threads): (u64, u64) = (first.parse().unwrap(), threads.parse().unwrap());
    let market = open(&DatabaseUrl::parse(url).unwrap());
    let start = market.now();
    let load =
        Load { writer: Writer::spawn(market).unwrap(), mailbox: Mailbox::default(), start, asked: AtomicI64::new(0) };
    tell("ready");
    std::thread::scope(|scope| {
        scope.spawn(|| load.execute_effects());
        for thread in 0..threads {
            let load = &load;
            scope.spawn(move || load.walk(first + thread * PERSONS_MAX));
        }
    });
}

/// The market, founded when it is new, and a day older.
fn open(url: &DatabaseUrl) -> MarketWriter {
    let mut stage = Stage::reopen(url.clone());
    let known = QueryProductVersion { product: "gh-installment".to_owned(), version: None };
    if stage.ask("load", known).is_err() {
        stage.found();
    }
    let waiting = stage.writer.take_effects();
    let mailbox = Mailbox::default();
    for effect in waiting {
        match mailbox.execute(&effect) {
            Some(answer) => drop(stage.writer.effect_answered(&effect, answer).unwrap()),
            None => stage.writer.effect_done(effect.id).unwrap(),
        }
    }
    stage.next_day();
    stage.writer.sync().unwrap();
    stage.writer
}

fn tell(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

impl Load {
    fn now(&self) -> Timestamp {
        let thousandths = self.asked.fetch_add(1, Ordering::Relaxed);
        self.start.plus_seconds(thousandths / 1_000)
    }

    fn execute_effects(&self) {
        loop {
            for effect in self.writer.take_effects().unwrap() {
                match self.mailbox.execute(&effect) {
                    Some(answer) => self.writer.effect_answered(effect, answer, self.now()).unwrap(),
                    None => self.writer.effect_done(effect.id).unwrap(),
                }
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn walk(&self, first: u64) {
        for nr in first..first + PERSONS_MAX {
            let mut journey = Journey::new(nr);
            while !journey.is_over() {
                let Some((ask, key)) = journey.ask(&self.mailbox) else {
                    std::thread::sleep(Duration::from_millis(1));
                    continue;
                };
                let reply = self.writer.submit(ask.stimulus(nr, &key), self.now()).unwrap();
                let done = reply.wait().unwrap();
                tell(&serde_json::to_string(&journey.told(ask, key, &done)).unwrap());
            }
        }
    }
}
