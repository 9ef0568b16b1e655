//! What fails in ways that no database can be talked into: a commit that is there and looks lost, a flush thread that
//! dies, a connection that is gone while a key or a timer is looked up.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sycee_contract::{Command, CompensatedBy, CustomerId, Identifier as _, Kind, Message, Nature, Sensitive};

use super::*;
use crate::log::Names;
use crate::seal::KeyRing;
use crate::storage::{Commit, Script, Store, open_store};
use crate::testing::{generate_schema, test_databases, test_market};
use crate::{Work, entity};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Count {
    later: bool,
}
impl Message for Count {
    const ID: &'static str = "count";
    const KIND: Kind = Kind::Command;
    const VERSION: u16 = 2;
    const SUMMARY: &'static str = "";

    fn upcast(version: u16, _: &[u8]) -> Option<Result<Self, postcard::Error>> {
        (version == 1).then_some(Ok(Self { later: false }))
    }
}
impl Command for Count {
    type Answer = i64;
    type Contribution = i64;
    const OWNER: &'static str = "counter";
    const PARTICIPANTS: &'static [&'static str] = &[];
    const NATURE: Nature = Nature::Request;
    const ERRORS: &'static [&'static str] = &[];
    const COMPENSATED_BY: CompensatedBy = CompensatedBy::None { because: "a toy" };
}

entity! {
    /// A counter.
    pub struct Counter in "toy_counter" of "counter" key id: i64 {
        /// Number.
        id: i64,
        /// How often.
        times: i64,
    }
}

fn count(work: &mut Work, cmd: &Count) -> crate::Handled<i64> {
    let times = work.get::<Counter>(1)?.map_or(0, |counter| counter.times) + 1;
    work.save(Counter { id: 1, times });
    if cmd.later {
        work.at(work.now(), "later", Count { later: false });
    }
    Ok(times)
}

fn on_each_engine(body: impl Fn(MarketWriter)) {
    let (urls, _guard) = test_databases();
    for url in urls {
        eprintln!("on {}", url.engine());
        let mut registry = Registry::new();
        registry.service("counter").entity::<Counter>().handles::<Count>(count).sends::<Count>();
        generate_schema(&mut registry);
        let options = MarketOptions {
            url,
            market: test_market(),
            configs: Configs::new(),
            secrets: Secrets::derive(b"toy"),
            first_day: Date::constant(2026, 1, 5),
        };
        body(MarketWriter::open(Arc::new(registry), options).unwrap());
    }
}

fn times(market: &mut MarketWriter) -> i64 {
    market.load::<Counter>(&1).unwrap().map_or(0, |counter| counter.times)
}

#[derive(Clone, Copy)]
enum How {
    CommitsAndSaysNot,
    Loses,
    Panics,
    PanicsAfterCommit,
}

struct Failing(Box<dyn Store>, How);

impl Store for Failing {
    fn take_over(&mut self, claim: Claim) -> Result<(i64, i64), Fault> {
        self.0.take_over(claim)
    }
    fn commit(&mut self, commit: &Commit) -> Result<(), Fault> {
        if !matches!(self.1, How::Panics | How::Loses) {
            self.0.commit(commit)?;
        }
        match self.1 {
            How::CommitsAndSaysNot | How::Loses => Err(Fault::outage("the line went dead")),
            How::Panics | How::PanicsAfterCommit => panic!("told to panic"),
        }
    }
    fn run_alone(&mut self, script: Script<'_>) -> Result<bool, Fault> {
        self.0.run_alone(script)
    }
    fn run(&mut self, sql: &str, params: &[Value], kinds: &[ColumnKind]) -> Result<Vec<Vec<Value>>, Fault> {
        self.0.run(sql, params, kinds)
    }
    fn reader(&self) -> Result<Box<dyn Reader>, Fault> {
        self.0.reader()
    }
    fn describe(&mut self) -> Result<Vec<(String, String)>, Fault> {
        self.0.describe()
    }
}

fn fail_next_commit(market: &mut MarketWriter, how: How) {
    let mut store = open_store(&market.options.url, Duration::from_secs(5)).unwrap();
    let (epoch, _) = store.take_over(Claim { held: Some(market.epoch), lease: None }).unwrap();
    market.epoch = epoch;
    let keys = Arc::clone(&market.core.keys);
    market.flusher = Flusher::spawn(Box::new(Failing(store, how)), keys, Names::default()).unwrap();
}

#[test]
fn a_batch_that_is_committed_and_looks_lost_is_not_run_twice() {
    for how in [How::CommitsAndSaysNot, How::Loses, How::Panics, How::PanicsAfterCommit] {
        on_each_engine(|mut market| {
            market.execute(Stimulus::command("staff:ama", Count { later: false })).unwrap();
            market.sync().unwrap();
            fail_next_commit(&mut market, how);
            let (first, _) = market.submit(Stimulus::command("staff:ama", Count { later: true }));
            market.seal().unwrap();
            let (second, _) = market.submit(Stimulus::command("staff:ama", Count { later: false }).key("k"));
            let (again, _) = market.submit(Stimulus::command("staff:ama", Count { later: false }).key("k"));
            market.sync().unwrap();
            assert_eq!(times(&mut market), 3);
            let mut answered: Vec<_> = market
                .take_completed()
                .into_iter()
                .map(|(ticket, outcome)| (ticket, outcome.unwrap().answer::<Count>().unwrap()))
                .collect();
            answered.sort_unstable();
            assert_eq!(answered, [(first, 2), (second, 3), (again, 3)]);
            assert!(market.fire_timer().unwrap().is_some());
            assert!(market.fire_timer().unwrap().is_none());
            market.sync().unwrap();
            assert_eq!(times(&mut market), 4);
        });
    }
}

#[test]
fn a_writer_that_another_has_followed_does_not_take_over_again() {
    on_each_engine(|mut market| {
        fail_next_commit(&mut market, How::CommitsAndSaysNot);
        market.execute(Stimulus::command("staff:ama", Count { later: false })).unwrap();
        let mut other = open_store(&market.options.url, Duration::from_secs(5)).unwrap();
        market.seal().unwrap();
        let (batch, result) = market.flusher.wait(market.in_flight.as_ref().unwrap().batch);
        assert!(result.is_err() && batch > 0);
        other.take_over(Claim::default()).unwrap();
        assert_eq!(market.recover(&Fault::outage("the line went dead")).unwrap_err().kind, FaultKind::Fenced);
    });
}

struct Dead;

impl Reader for Dead {
    fn query(
        &mut self,
        _: &str,
        _: &[Value],
        _: &[ColumnKind],
        _: &mut dyn FnMut(&[Value]) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        Err(Fault::outage("the line is dead"))
    }
}

#[test]
fn a_timer_stands_while_the_database_does_not_answer() {
    on_each_engine(|mut market| {
        market.execute(Stimulus::command("staff:ama", Count { later: true })).unwrap();
        market.sync().unwrap();
        for table in &mut market.core.tables {
            table.evict(i64::MAX, u32::MAX);
        }
        let alive = std::mem::replace(&mut market.core.reader, Box::new(Dead));
        assert!(market.next_timer().is_some());
        assert_eq!(market.fire_timer().err().unwrap().kind, FaultKind::Outage);
        market.core.reader = alive;
        assert!(market.fire_timer().unwrap().is_some());
        assert_eq!(times(&mut market), 2);
    });
}

/// A line that is dead as long as somebody says so.
struct Flaky(Box<dyn Reader>, Arc<AtomicBool>);

impl Reader for Flaky {
    fn query(
        &mut self,
        sql: &str,
        parameters: &[Value],
        kinds: &[ColumnKind],
        each: &mut dyn FnMut(&[Value]) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        if self.1.load(Ordering::Relaxed) {
            return Err(Fault::outage("the line is dead"));
        }
        self.0.query(sql, parameters, kinds, each)
    }
}

#[test]
fn a_live_timer_waits_for_the_database_to_come_back() {
    on_each_engine(|mut market| {
        market.execute(Stimulus::command("staff:ama", Count { later: true })).unwrap();
        market.sync().unwrap();
        for table in &mut market.core.tables {
            table.evict(i64::MAX, u32::MAX);
        }
        let dead = Arc::new(AtomicBool::new(true));
        let alive = std::mem::replace(&mut market.core.reader, Box::new(Dead));
        market.core.reader = Box::new(Flaky(alive, Arc::clone(&dead)));
        let clock = Arc::new(crate::VirtualClock::at(market.now()));
        let writer = crate::Writer::spawn(market, crate::Live::on(clock)).unwrap();
        let asked = writer.submit(Stimulus::command("staff:ama", Count { later: false })).unwrap();
        assert_eq!(asked.wait().err().unwrap().kind, FaultKind::Outage);
        dead.store(false, Ordering::Relaxed);
        writer.settle().unwrap();
        assert_eq!(times(&mut writer.stop().unwrap()), 2);
    });
}

#[test]
fn a_database_that_stays_away_stops_the_writer_and_everybody_hears_it() {
    on_each_engine(|mut market| {
        fail_next_commit(&mut market, How::Loses);
        market.options.url = DatabaseUrl::parse("sqlite:///dev/null/nowhere.db").unwrap();
        let clock = Arc::new(crate::VirtualClock::at(market.now()));
        let writer = crate::Writer::spawn(market, crate::Live::on(clock)).unwrap();
        let replies: Vec<_> = (0..100)
            .filter_map(|_| writer.submit(Stimulus::command("staff:ama", Count { later: true })).ok())
            .collect();
        assert!(!replies.is_empty());
        for reply in replies {
            assert_eq!(reply.wait().err().unwrap().kind, FaultKind::Outage);
        }
        assert_eq!(writer.settle().unwrap_err().kind, FaultKind::Outage);
        let late = writer.submit(Stimulus::command("staff:ama", Count { later: true })).err().unwrap();
        assert!(matches!(late, crate::Unavailable::Stopped(fault) if fault.kind == FaultKind::Outage));
    });
}

/// Writes `payload` where the counter's only timer has its own.
fn replace_timer_payload(market: &mut MarketWriter, payload: Vec<u8>) {
    let timer = market.core.get::<RuntimeTimer>(&"counter/later".to_owned()).unwrap().unwrap();
    let timer = RuntimeTimer { payload, ..RuntimeTimer::clone(&timer) };
    market.core.put::<RuntimeTimer>(timer.id.clone(), Some(Arc::new(timer)));
}

#[test]
fn a_timer_says_in_which_version_it_was_set() {
    on_each_engine(|mut market| {
        market.execute(Stimulus::command("staff:ama", Count { later: true })).unwrap();
        market.sync().unwrap();
        // Version 1 knew no `later`.
        replace_timer_payload(&mut market, crate::payload::to_bytes(&1u16));
        market.fire_timer().unwrap().unwrap();
        assert_eq!(times(&mut market), 2);

        market.execute(Stimulus::command("staff:ama", Count { later: true })).unwrap();
        market.sync().unwrap();
        replace_timer_payload(&mut market, crate::payload::to_bytes(&(3u16, false)));
        let fault = market.fire_timer().err().unwrap();
        assert_eq!(fault.kind, FaultKind::Corrupt);
        assert!(fault.to_string().contains("count is stored in version 3, this program knows up to 2"), "{fault}");
    });
}

#[test]
fn a_newer_message_in_the_log_is_no_guess() {
    on_each_engine(|mut market| {
        let counted = market.execute(Stimulus::command("staff:ama", Count { later: false })).unwrap();
        market.sync().unwrap();
        let hop = crate::trace::read_cascade(market.reader(), counted.cascade).unwrap().unwrap().hops.remove(0);
        assert_eq!((hop.message.as_str(), hop.version), ("count", 2));
    });
    let order = OpenWorkOrder { kind: "a".to_owned(), loan: None, text: "b".to_owned(), key: "c".to_owned() };
    let bytes = crate::payload::to_bytes(&order);
    assert_eq!(OpenWorkOrder::decode(1, &bytes).unwrap(), order);
    let fault = OpenWorkOrder::decode(2, &bytes).map_err(crate::payload::undecodable).unwrap_err();
    assert!(fault.kind == FaultKind::Corrupt && fault.to_string().contains("newer program"), "{fault}");
}

#[test]
fn personal_data_is_never_replaced_because_a_key_cannot_be_had() {
    let person = Some(CustomerId::from_number(5));
    let ring = KeyRing::new(Secrets::derive(b"toy"), Box::new(Dead), 10);
    let seal = |ring: &Arc<KeyRing>| ring.sealing(person, || Sensitive::new("Ama").sealed());
    assert_eq!(seal(&ring).unwrap_err().kind, FaultKind::Outage);
    assert_eq!(ring.opening(|| Sensitive::from_sealed("5.00")).unwrap_err().kind, FaultKind::Outage);
    assert_eq!(ring.showing(|| Sensitive::from_sealed("5.00")).reveal(), "***");
}

struct Row(Vec<u8>);

impl Reader for Row {
    fn query(
        &mut self,
        _: &str,
        _: &[Value],
        _: &[ColumnKind],
        each: &mut dyn FnMut(&[Value]) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        each(&[Value::bytes(&self.0)])
    }
}

#[test]
fn another_markets_secret_opens_nothing_and_destroys_nothing() {
    let seal = |ring: &Arc<KeyRing>| ring.sealing(Some(CustomerId::from_number(5)), || Sensitive::new("Ama").sealed());
    let first = KeyRing::new(Secrets::derive(b"toy"), Box::new(Dead), 0);
    let sealed = seal(&first).unwrap();
    let wrapped = first.take_fresh().remove(0).1;
    let right = KeyRing::new(Secrets::derive(b"toy"), Box::new(Row(wrapped.clone())), 10);
    assert_eq!(right.opening(|| Sensitive::from_sealed(&sealed)).unwrap().reveal(), "Ama");
    let wrong = KeyRing::new(Secrets::derive(b"other"), Box::new(Row(wrapped)), 10);
    assert_eq!(wrong.opening(|| Sensitive::from_sealed(&sealed)).unwrap_err().kind, FaultKind::Corrupt);
    assert_eq!(seal(&wrong).unwrap_err().kind, FaultKind::Corrupt);
}

#[test]
fn a_key_on_its_way_to_the_database_is_not_made_again() {
    let ring = KeyRing::new(Secrets::derive(b"toy"), Box::new(Dead), 0);
    let seal = || ring.sealing(Some(CustomerId::from_number(5)), || Sensitive::new("Ama").sealed()).unwrap();
    let first = seal();
    assert_eq!(ring.take_fresh().len(), 1);
    for other in 10..200_100 {
        ring.opening(|| Sensitive::from_sealed(&format!("{other}.00"))).unwrap();
    }
    assert_eq!(seal(), first);
    assert!(ring.take_fresh().is_empty());
}
