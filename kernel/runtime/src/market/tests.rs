//! What fails in ways that no database can be talked into: a commit that is there and looks lost, a flush thread that
//! dies, a connection that is gone while a key or a timer is looked up.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use sycee_contract::{CustomerId, Identifier as _, Sensitive};

use super::*;
use crate::log::Names;
use crate::seal::KeyRing;
use crate::storage::{Commit, Script, Store, open_store};
use crate::testing::toy::{Count, on_each_engine, once, once_more_later, order, sms, times};
use crate::{EffectState, RuntimeEffect};

#[derive(Clone, Copy)]
enum How {
    CommitsAndSaysNot,
    Loses,
    Panics,
    PanicsAfterCommit,
}

struct Failing {
    store: Box<dyn Store>,
    how: How,
    /// Commits that go well before one fails.
    well: usize,
    closed: Option<Sender<&'static str>>,
}

impl Store for Failing {
    fn take_over(&mut self, claim: Claim) -> Result<(i64, i64), Fault> {
        self.store.take_over(claim)
    }
    fn commit(&mut self, commit: &Commit) -> Result<(), Fault> {
        if self.well > 0 {
            self.well -= 1;
            return self.store.commit(commit);
        }
        if !matches!(self.how, How::Panics | How::Loses) {
            self.store.commit(commit)?;
        }
        match self.how {
            How::CommitsAndSaysNot | How::Loses => Err(Fault::outage("the line went dead")),
            How::Panics | How::PanicsAfterCommit => panic!("told to panic"),
        }
    }
    fn run_alone(&mut self, script: Script<'_>) -> Result<bool, Fault> {
        self.store.run_alone(script)
    }
    fn run(&mut self, sql: &str, params: &[Value], kinds: &[ColumnKind]) -> Result<Vec<Vec<Value>>, Fault> {
        self.store.run(sql, params, kinds)
    }
    fn reader(&self) -> Result<Box<dyn Reader>, Fault> {
        self.store.reader()
    }
    fn describe(&mut self) -> Result<Vec<(String, String)>, Fault> {
        self.store.describe()
    }
}

impl Drop for Failing {
    fn drop(&mut self) {
        if let Some(closed) = &self.closed {
            // Who does not listen any more need not hear it.
            closed.send("closed").unwrap_or(());
        }
    }
}

fn fail_next_commit(market: &mut MarketWriter, how: How) {
    fail_and_say(market, how, 0, None);
}

fn fail_and_say(market: &mut MarketWriter, how: How, well: usize, closed: Option<Sender<&'static str>>) {
    let mut store = open_store(&market.options.url, Duration::from_secs(5)).unwrap();
    let (epoch, _) = store.take_over(Claim { held: Some(market.epoch), lease: None }).unwrap();
    market.epoch = epoch;
    let keys = Arc::clone(&market.core.keys);
    market.flusher = Flusher::spawn(Box::new(Failing { store, how, well, closed }), keys, Names::default()).unwrap();
}

/// Tickets that were answered since the last call, and the counts they were answered.
fn answered(market: &mut MarketWriter) -> Vec<(u64, i64)> {
    let completed = market.take_completed().into_iter();
    let mut answered: Vec<_> =
        completed.map(|(ticket, outcome)| (ticket, outcome.unwrap().answer::<Count>().unwrap())).collect();
    answered.sort_unstable();
    answered
}

#[test]
fn a_batch_that_is_committed_and_looks_lost_is_not_run_twice() {
    for how in [How::CommitsAndSaysNot, How::Loses, How::Panics, How::PanicsAfterCommit] {
        on_each_engine(|mut market| {
            market.execute(once()).unwrap();
            market.sync().unwrap();
            fail_next_commit(&mut market, how);
            let (first, _) = market.submit(once_more_later());
            market.seal().unwrap();
            let (second, _) = market.submit(once().key("k"));
            let (again, _) = market.submit(once().key("k"));
            market.sync().unwrap();
            assert_eq!(times(&mut market), 3);
            assert_eq!(answered(&mut market), [(first, 2), (second, 3), (again, 3)]);
            assert!(market.fire_timer().unwrap().is_some());
            assert!(market.fire_timer().unwrap().is_none());
            market.sync().unwrap();
            assert_eq!(times(&mut market), 4);
        });
    }
}

#[test]
fn of_batches_that_queue_behind_a_lost_one_nothing_is_lost_or_done_twice() {
    let ways = [How::CommitsAndSaysNot, How::Loses, How::Panics, How::PanicsAfterCommit];
    // With a pause the thread is gone before the next batch is handed to it, without one perhaps not.
    let pauses = [Duration::ZERO, Duration::from_millis(30)];
    for ((how, well), pause) in
        ways.iter().flat_map(|how| [(*how, 0), (*how, 1)]).flat_map(|it| pauses.map(|pause| (it, pause)))
    {
        on_each_engine(|mut market| {
            market.execute(once()).unwrap();
            market.sync().unwrap();
            fail_and_say(&mut market, how, well, None);
            market.queue_batches_from(1);
            let mut tickets = Vec::new();
            for nr in 0..BATCHES_WRITING_MAX {
                tickets.push(market.submit(sms(1).key(&format!("k{nr}"))).0);
                market.seal().unwrap();
                std::thread::sleep(pause);
            }
            tickets.push(market.submit(sms(1).key("k0")).0);
            tickets.push(market.submit(sms(1)).0);
            market.sync().unwrap();
            let expected: Vec<_> = tickets.into_iter().zip([2, 3, 4, 2, 5]).collect();
            assert_eq!(answered(&mut market), expected);
            assert_eq!(times(&mut market), 5);
            assert_eq!(market.take_effects().len(), 4, "each effect leaves once");
            assert_eq!(market.stats().recoveries, 1);
        });
    }
}

#[test]
fn that_an_effect_was_tried_is_known_though_the_batch_that_said_so_is_lost() {
    on_each_engine(|mut market| {
        market.execute(sms(2)).unwrap();
        market.sync().unwrap();
        let effects = market.take_effects();
        fail_next_commit(&mut market, How::Loses);
        market.effect_failed(&effects[0], 9, "no answer").unwrap();
        market.execute(once()).unwrap();
        market.sync().unwrap();
        let mut attempts = |nr: usize| market.load::<RuntimeEffect>(&effects[nr].id).unwrap().unwrap().attempts;
        assert_eq!((attempts(0), attempts(1)), (1, 0));
    });
}

#[test]
fn a_writer_that_another_has_followed_does_not_take_over_again() {
    on_each_engine(|mut market| {
        fail_next_commit(&mut market, How::CommitsAndSaysNot);
        market.execute(once()).unwrap();
        let mut other = open_store(&market.options.url, Duration::from_secs(5)).unwrap();
        market.seal().unwrap();
        let (batch, result) = market.flusher.wait(market.in_flight.front().unwrap().batch);
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
        market.execute(once_more_later()).unwrap();
        market.sync().unwrap();
        market.forget();
        let alive = std::mem::replace(&mut market.core.reader, Box::new(Dead));
        assert!(market.next_timer().is_some());
        assert_eq!(market.fire_timer().err().unwrap().kind, FaultKind::Outage);
        market.core.reader = alive;
        assert!(market.fire_timer().unwrap().is_some());
        assert_eq!(times(&mut market), 2);
    });
}

impl MarketWriter {
    /// Nothing that is durable stays in memory.
    pub(crate) fn forget(&mut self) {
        for table in &mut self.core.tables {
            table.evict(i64::MAX, 0, 0);
        }
    }

    /// Other rooms for what stays.
    pub(crate) fn set_memory(&mut self, memory: Memory) {
        self.memory = memory;
    }

    /// How many effects somebody is said to be executing.
    pub(crate) fn handed_out(&self) -> usize {
        self.handed_out.len()
    }
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
        market.execute(once_more_later()).unwrap();
        market.sync().unwrap();
        market.forget();
        let dead = Arc::new(AtomicBool::new(true));
        let alive = std::mem::replace(&mut market.core.reader, Box::new(Dead));
        market.core.reader = Box::new(Flaky(alive, Arc::clone(&dead)));
        let clock = Arc::new(crate::VirtualClock::at(market.now()));
        let writer = crate::Writer::spawn(market, crate::Live::on(clock)).unwrap();
        let asked = writer.submit(once()).unwrap();
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
        let replies: Vec<_> = (0..100).filter_map(|_| writer.submit(once_more_later()).ok()).collect();
        assert!(!replies.is_empty());
        for reply in replies {
            assert_eq!(reply.wait().err().unwrap().kind, FaultKind::Outage);
        }
        assert_eq!(writer.settle().unwrap_err().kind, FaultKind::Outage);
        let late = writer.submit(once_more_later()).err().unwrap();
        assert!(matches!(late, crate::Unavailable::Stopped(fault) if fault.kind == FaultKind::Outage));
    });
}

/// Writes `payload` where timer `nr` has its own.
fn replace_timer_payload(market: &mut MarketWriter, nr: i64, payload: Vec<u8>) {
    let timer = market.core.get::<RuntimeTimer>(&format!("counter/later-{nr}")).unwrap().unwrap();
    let timer = RuntimeTimer { payload, ..RuntimeTimer::clone(&timer) };
    market.core.put::<RuntimeTimer>(timer.id.clone(), Some(Arc::new(timer)));
}

#[test]
fn a_timer_says_in_which_version_it_was_set() {
    on_each_engine(|mut market| {
        market.execute(once_more_later()).unwrap();
        market.sync().unwrap();
        // Version 1 knew no `later`.
        replace_timer_payload(&mut market, 1, crate::payload::to_bytes(&1u16));
        market.fire_timer().unwrap().unwrap();
        assert_eq!(times(&mut market), 2);

        market.execute(once_more_later()).unwrap();
        market.sync().unwrap();
        replace_timer_payload(&mut market, 3, crate::payload::to_bytes(&(3u16, false)));
        let fault = market.fire_timer().err().unwrap();
        assert_eq!(fault.kind, FaultKind::Corrupt);
        assert!(fault.to_string().contains("count is stored in version 3, this program knows up to 2"), "{fault}");
    });
}

#[test]
fn an_answer_says_in_which_version_it_was_given() {
    on_each_engine(|mut market| {
        let ask = |market: &mut MarketWriter| market.execute(once().key("k"));
        ask(&mut market).unwrap();
        market.sync().unwrap();
        assert_eq!(ask(&mut market).unwrap().answer::<Count>().unwrap(), 1);
        let say = |market: &mut MarketWriter, version: u8| {
            let answer = crate::payload::to_bytes(&StoredAnswer::Done(vec![version]));
            let answer = crate::seal::hex(&answer);
            let hex = if market.options.url.engine() == "postgres" {
                format!("'\\x{answer}'")
            } else {
                format!("X'{answer}'")
            };
            let sql = format!("UPDATE message_log SET answer = {hex} WHERE answer IS NOT NULL");
            market.sync().unwrap();
            open_store(&market.options.url, Duration::from_secs(5)).unwrap().run_script(&sql).unwrap();
            ask(market)
        };
        assert_eq!(say(&mut market, 1).unwrap().answer::<Count>().unwrap(), 41);
        let fault = say(&mut market, 3).err().unwrap();
        assert!(fault.message.contains("count is stored in version 3, this program knows up to 2"), "{fault}");
    });
}

#[test]
fn what_was_effected_since_one_got_stuck_is_not_looked_up_again() {
    on_each_engine(|mut market| {
        market.execute(sms(50)).unwrap();
        market.sync().unwrap();
        let effects = market.take_effects();
        for effect in &effects[1..] {
            market.effect_done(effect.id).unwrap();
        }
        market.sync().unwrap();
        assert_eq!(market.pending_from(), effects[0].id);
        market.forget();
        market.effect_done(effects[0].id).unwrap();
        let queries = market.stats().queries;
        market.sync().unwrap();
        assert_eq!(market.stats().queries, queries);
        assert_eq!(market.pending_from(), market.core.state.last_id + 1);
    });
}

#[test]
fn an_effect_is_not_given_up_while_no_work_order_can_be_opened() {
    on_each_engine(|mut market| {
        market.execute(sms(1)).unwrap();
        market.sync().unwrap();
        let effect = market.take_effects().remove(0);
        let alive = std::mem::replace(&mut market.core.reader, Box::new(Dead));
        assert_eq!(market.effect_failed(&effect, 1, "no route").unwrap_err().kind, FaultKind::Outage);
        let row = market.load::<RuntimeEffect>(&effect.id).unwrap().unwrap();
        assert_eq!((row.state, row.attempts, market.handed_out()), (EffectState::Pending, 0, 1));
        market.core.reader = alive;
        market.effect_failed(&effect, 1, "no route").unwrap();
        market.sync().unwrap();
        let row = market.load::<RuntimeEffect>(&effect.id).unwrap().unwrap();
        assert_eq!((row.state, row.attempts, market.handed_out()), (EffectState::Parked, 1, 0));
        assert!(order(&mut market, &format!("effect-{}", effect.id)).is_some());
    });
}

#[test]
fn a_work_order_that_cannot_be_opened_is_opened_when_the_database_is_back() {
    on_each_engine(|mut market| {
        market.execute(once_more_later()).unwrap();
        market.sync().unwrap();
        replace_timer_payload(&mut market, 1, crate::payload::to_bytes(&3u16));
        let alive = std::mem::replace(&mut market.core.reader, Box::new(Dead));
        assert_eq!(market.fire_timer().err().unwrap().kind, FaultKind::Corrupt);
        market.sync().unwrap();
        market.core.reader = alive;
        market.sync().unwrap();
        market.forget();
        let text = order(&mut market, "timer-counter/later-1").unwrap();
        assert!(text.contains("count is stored in version 3"), "{text}");
        assert!(market.owed.is_empty());
    });
}

/// A line over which nothing comes as it should, as long as somebody says so.
struct Rotten(Box<dyn Reader>, Arc<AtomicBool>);

impl Reader for Rotten {
    fn query(
        &mut self,
        sql: &str,
        parameters: &[Value],
        kinds: &[ColumnKind],
        each: &mut dyn FnMut(&[Value]) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        if self.1.load(Ordering::Relaxed) && sql.contains("runtime_effect") {
            return Err(Fault::corrupt("a page is broken"));
        }
        self.0.query(sql, parameters, kinds, each)
    }
}

#[test]
fn an_effect_whose_row_cannot_be_read_is_reported_and_stops_nobody() {
    on_each_engine(|mut market| {
        market.execute(sms(1)).unwrap();
        market.sync().unwrap();
        let id = market.pending_from();
        market.forget();
        let broken = Arc::new(AtomicBool::new(true));
        let alive = std::mem::replace(&mut market.core.reader, Box::new(Dead));
        market.core.reader = Box::new(Rotten(alive, Arc::clone(&broken)));
        let clock = Arc::new(crate::VirtualClock::at(market.now()));
        let live = crate::Live::on(clock.clone()).executing(crate::Adapters::new());
        let writer = crate::Writer::spawn(market, live).unwrap();
        writer.settle().unwrap();
        assert!(writer.submit(once()).unwrap().wait().is_ok());
        assert_eq!(writer.status().effects_waiting, 1);
        broken.store(false, Ordering::Relaxed);
        clock.pass(Duration::from_secs(3_600));
        writer.settle().unwrap();
        let mut market = writer.stop().unwrap();
        let text = order(&mut market, &format!("stuck-effect-{id}")).unwrap();
        assert!(text.contains("a page is broken"), "{text}");
        assert_eq!(market.load::<RuntimeEffect>(&id).unwrap().unwrap().attempts, 1);
    });
}

#[test]
fn who_waits_hears_the_end_before_the_market_is_closed() {
    on_each_engine(|mut market| {
        let (say, said) = channel();
        fail_and_say(&mut market, How::Loses, 0, Some(say.clone()));
        market.options.url = DatabaseUrl::parse("sqlite:///dev/null/nowhere.db").unwrap();
        let clock = Arc::new(crate::VirtualClock::at(market.now()));
        let writer = crate::Writer::spawn(market, crate::Live::on(clock)).unwrap();
        let tell = move |outcome: Result<_, _>| say.send(if outcome.is_ok() { "done" } else { "told" }).unwrap_or(());
        writer.submit_then(once(), tell).unwrap();
        assert_eq!(said.iter().take(2).collect::<Vec<_>>(), ["told", "closed"]);
        assert_eq!(writer.stop().err().unwrap().kind, FaultKind::Outage);
    });
}

#[test]
fn a_newer_message_in_the_log_is_no_guess() {
    on_each_engine(|mut market| {
        let counted = market.execute(once()).unwrap();
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
    let ring = KeyRing::new(Secrets::derive(b"toy", "gh"), Box::new(Dead), 10);
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
    let first = KeyRing::new(Secrets::derive(b"toy", "gh"), Box::new(Dead), 0);
    let sealed = seal(&first).unwrap();
    let wrapped = first.take_fresh().remove(0).1;
    let right = KeyRing::new(Secrets::derive(b"toy", "gh"), Box::new(Row(wrapped.clone())), 10);
    assert_eq!(right.opening(|| Sensitive::from_sealed(&sealed)).unwrap().reveal(), "Ama");
    let wrong = KeyRing::new(Secrets::derive(b"other", "gh"), Box::new(Row(wrapped)), 10);
    assert_eq!(wrong.opening(|| Sensitive::from_sealed(&sealed)).unwrap_err().kind, FaultKind::Corrupt);
    assert_eq!(seal(&wrong).unwrap_err().kind, FaultKind::Corrupt);
}

#[test]
fn a_key_on_its_way_to_the_database_is_not_made_again() {
    let ring = KeyRing::new(Secrets::derive(b"toy", "gh"), Box::new(Dead), 0);
    let seal = || ring.sealing(Some(CustomerId::from_number(5)), || Sensitive::new("Ama").sealed()).unwrap();
    let first = seal();
    assert_eq!(ring.take_fresh().len(), 1);
    for other in 10..200_100 {
        ring.opening(|| Sensitive::from_sealed(&format!("{other}.00"))).unwrap();
    }
    assert_eq!(seal(), first);
    assert!(ring.take_fresh().is_empty());
}
