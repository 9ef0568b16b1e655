//! Power goes at a random write, again and again on the same database.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use sycee_faults::{Acknowledged, Journey, Mailbox, Power, assert_survived};
use sycee_psp::SplitMix64;
use sycee_runtime::storage::{DatabaseUrl, SqliteDurability};
use sycee_runtime::{Executed, Fault, MarketWriter};
use sycee_stage::{Stage, options};

const ROUNDS: u64 = 30;
const PEOPLE: u64 = 24;
const VFS: &str = "sycee-power";

fn url(path: &Path, vfs: Option<&str>) -> DatabaseUrl {
    let vfs = vfs.map(str::to_owned);
    DatabaseUrl::Sqlite { path: path.to_owned(), durability: SqliteDurability::Full, vfs }
}

/// One batch of requests and of answers from outside, acknowledged when it is durable.
fn batch(market: &mut MarketWriter, mailbox: &Mailbox, people: &mut [Journey]) -> Result<Vec<Acknowledged>, Fault> {
    for effect in market.take_effects() {
        match mailbox.execute(&effect) {
            Some(answer) => drop(market.effect_answered(&effect, answer)?),
            None => market.effect_done(effect.id)?,
        }
    }
    let mut asked: Vec<(usize, sycee_faults::Ask, String, Executed)> = Vec::new();
    for (at, person) in people.iter_mut().enumerate() {
        if let Some((ask, key)) = person.ask(mailbox) {
            let done = market.execute(ask.stimulus(person.nr(), &key))?;
            asked.push((at, ask, key, done));
        }
    }
    market.sync()?;
    Ok(asked.into_iter().map(|(at, ask, key, done)| people[at].told(ask, key, &done)).collect())
}

/// Works until the power goes, with a checkpoint now and then.
fn work(path: &Path, round: u64, acknowledged: &mut BTreeMap<String, Acknowledged>) -> Result<(), Fault> {
    let mut market = MarketWriter::open(sycee_markets::registry(), options(url(path, Some(VFS))))?;
    let checkpoints = Connection::open_with_flags_and_vfs(path, OpenFlags::SQLITE_OPEN_READ_WRITE, VFS);
    let mailbox = Mailbox::default();
    let mut people: Vec<Journey> = Vec::new();
    for nr in 0.. {
        if people.iter().all(Journey::is_over) {
            people = (0..PEOPLE).map(|at| Journey::new((round + 1) * 10_000 + nr * PEOPLE + at)).collect();
        }
        let fresh = batch(&mut market, &mailbox, &mut people)?;
        acknowledged.extend(fresh.into_iter().map(|it| (it.key.clone(), it)));
        if nr % 3 == 2
            && let Ok(checkpoints) = &checkpoints
        {
            // Without power it fails, as everything does.
            drop(checkpoints.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(())));
        }
    }
    Ok(())
}

#[test]
fn a_machine_that_loses_power_keeps_what_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("market.db");
    drop(Stage::open(url(&path, None)));
    let power = Power::plug_in(VFS, 30);
    let mut random = SplitMix64::new(31);
    let mut all: BTreeMap<String, Acknowledged> = BTreeMap::new();
    let (mut unsynced, mut stayed) = (0, 0);
    for round in 0..ROUNDS {
        power.goes_after(random.below(1_500));
        let mut fresh = BTreeMap::new();
        let ended = work(&path, round, &mut fresh).unwrap_err();
        assert!(power.is_gone(), "round {round} ended by itself: {ended}");
        let left = power.restore();
        unsynced += left.0;
        stayed += left.1;
        let mut stage = Stage::reopen(url(&path, None));
        assert_survived(&mut stage.writer, &fresh);
        all.extend(fresh);
    }
    let mut stage = Stage::reopen(url(&path, None));
    assert_survived(&mut stage.writer, &all);
    assert!(all.len() > 300 && unsynced > stayed && stayed > 0, "{} requests, {unsynced}, {stayed}", all.len());
    eprintln!(
        "{} requests acknowledged, {stayed} of {unsynced} unsynced changes stayed over {ROUNDS} losses",
        all.len()
    );
}
