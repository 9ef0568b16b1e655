//! SIGKILL under load, again and again on the same database.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use sycee_faults::{Acknowledged, had_much_to_lose, survived};
use sycee_psp::SplitMix64;
use sycee_runtime::storage::{DatabaseUrl, SqliteDurability};
use sycee_runtime::testing::test_databases;

const ROUNDS: u64 = 20;
/// How long a process may take until it is ready.
const START_SECONDS_MAX: u64 = 60;

/// The database as the load's command line takes it, with the durability of production.
fn durable(url: &DatabaseUrl) -> (String, DatabaseUrl) {
    match url {
        DatabaseUrl::Sqlite { path, .. } => {
            let url = DatabaseUrl::Sqlite { path: path.clone(), durability: SqliteDurability::Full, vfs: None };
            (format!("sqlite://{}", path.display()), url)
        }
        DatabaseUrl::Postgres { config, schema } => (format!("{config} schema={schema}"), url.clone()),
    }
}

/// Lines as they come; the last one may be torn, and is left out.
fn lines(output: std::process::ChildStdout) -> Receiver<String> {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        let mut output = BufReader::new(output);
        let mut line = String::new();
        while output.read_line(&mut line).is_ok_and(|bytes| bytes > 0) && line.ends_with('\n') {
            if send.send(std::mem::take(&mut line)).is_err() {
                return;
            }
        }
    });
    receive
}

/// Loads the market for some time, kills the load, and gives what it had acknowledged.
fn load_and_kill(url: &str, first: u64, load: Duration) -> Vec<Acknowledged> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sycee-load"))
        .args([url, &first.to_string(), "6"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = lines(child.stdout.take().unwrap());
    let ready = lines.recv_timeout(Duration::from_secs(START_SECONDS_MAX));
    let until = Instant::now() + load;
    let mut acknowledged: Vec<String> = Vec::new();
    while let Ok(line) = lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
        acknowledged.push(line);
        if Instant::now() >= until {
            break;
        }
    }
    let early = child.try_wait().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(ready.as_deref(), Ok("ready\n"));
    assert!(early.is_none(), "the load ended by itself: {early:?}");
    acknowledged.extend(lines);
    acknowledged.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_process_killed_under_load_loses_nothing_that_it_acknowledged() {
    let (urls, _guard) = test_databases();
    for url in urls {
        let (text, url) = durable(&url);
        let mut random = SplitMix64::new(20);
        let mut all: BTreeMap<String, Acknowledged> = BTreeMap::new();
        for round in 0..ROUNDS {
            let load = Duration::from_millis(random.between(50, 400).unsigned_abs());
            let fresh = load_and_kill(&text, (round + 1) * 100_000, load);
            let fresh: BTreeMap<String, Acknowledged> = fresh.into_iter().map(|it| (it.key.clone(), it)).collect();
            survived(&url, &fresh).unwrap();
            all.extend(fresh);
        }
        assert!(all.len() > 500, "{} requests in {ROUNDS} rounds are no load", all.len());
        had_much_to_lose(&all, &survived(&url, &all).unwrap()).unwrap();
        eprintln!("{}: {} requests acknowledged over {ROUNDS} kills", url.engine(), all.len());
    }
}
