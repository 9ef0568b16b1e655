//! Power goes at a random write, again and again on the same database.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use sycee_faults::{Acknowledged, Journey, Mailbox, Power, had_much_to_lose, survived};
use sycee_psp::SplitMix64;
use sycee_runtime::storage::{DatabaseUrl, SqliteDurability};
use sycee_runtime::{Executed, Fault, MarketWriter};
use sycee_sim::oracles::Verdict;
use sycee_stage::{Stage, options};

const ROUNDS: u64 = 30;
const PEOPLE: u64 = 24;

fn url(path: &Path, durability: SqliteDurability, vfs: Option<&str>) -> DatabaseUrl {
    DatabaseUrl::Sqlite { path: path.to_owned(), durability, vfs: vfs.map(str::to_owned) }
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

/// A machine whose power goes: a database on a file system of its own.
struct Machine {
    path: PathBuf,
    durability: SqliteDurability,
    vfs: &'static str,
    power: Power,
    folder: tempfile::TempDir,
}

impl Machine {
    fn new(vfs: &'static str, durability: SqliteDurability) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("market.db");
        drop(Stage::open(url(&path, durability, None)));
        Self { path, durability, vfs, power: Power::plug_in(vfs, 30), folder }
    }

    /// Works until the power goes, with a checkpoint once in a while.
    fn work(&self, round: u64, acknowledged: &mut BTreeMap<String, Acknowledged>) -> Result<(), Fault> {
        let place = url(&self.path, self.durability, Some(self.vfs));
        let mut market = MarketWriter::open(sycee_markets::registry(), options(place))?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
        let checkpoints = Connection::open_with_flags_and_vfs(&self.path, flags, self.vfs);
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

    /// One life of the machine; what it acknowledged, and how many unsynced changes there were and stayed.
    fn live(&self, round: u64, changes: u64) -> (BTreeMap<String, Acknowledged>, (usize, usize)) {
        self.power.goes_after(changes);
        let mut acknowledged = BTreeMap::new();
        let ended = self.work(round, &mut acknowledged).unwrap_err();
        assert!(self.power.is_gone(), "round {round} ended by itself: {ended}");
        (acknowledged, self.power.restore())
    }

    fn survived(&self, acknowledged: &BTreeMap<String, Acknowledged>) -> Result<Vec<Verdict>, String> {
        assert!(self.folder.path().exists());
        survived(&url(&self.path, self.durability, None), acknowledged)
    }
}

#[test]
fn a_machine_that_loses_power_keeps_what_was_acknowledged() {
    let machine = Machine::new("sycee-power", SqliteDurability::Full);
    let mut random = SplitMix64::new(31);
    let mut all: BTreeMap<String, Acknowledged> = BTreeMap::new();
    let (mut unsynced, mut stayed) = (0, 0);
    for round in 0..ROUNDS {
        let (fresh, left) = machine.live(round, random.below(1_500));
        unsynced += left.0;
        stayed += left.1;
        machine.survived(&fresh).unwrap();
        all.extend(fresh);
    }
    had_much_to_lose(&all, &machine.survived(&all).unwrap()).unwrap();
    assert!(all.len() > 300 && unsynced > stayed && stayed > 0, "{} requests, {unsynced}, {stayed}", all.len());
    eprintln!(
        "{} requests acknowledged, {stayed} of {unsynced} unsynced changes stayed over {ROUNDS} losses",
        all.len()
    );
}

#[test]
fn a_market_that_does_not_wait_for_the_disk_is_caught() {
    let machine = Machine::new("sycee-power-careless", SqliteDurability::Off);
    let mut random = SplitMix64::new(32);
    let lost = (0..10).any(|round| {
        let (acknowledged, _) = machine.live(round, random.below(1_500));
        machine.survived(&acknowledged).is_err()
    });
    assert!(lost, "it acknowledged without waiting for the disk, and nothing was ever lost");
}
