//! The live writer: who comes in, who is answered, how it stops, and timers that fire by themselves.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sycee_contract::Timestamp;
use sycee_runtime::{
    BATCHES_WRITING_MAX, Clock, ClockState, Executed, Fault, FaultKind, Live, MarketWriter, OnMove, Stimulus,
    SystemClock, Unavailable, VirtualClock, Writer,
};

use crate::shop::{
    Please, Step, code, know, on_each_engine, on_each_engine_with_work_orders, open, orders, parked, please, text,
    times,
};

/// The market live on a virtual clock that shows the market's time.
pub fn live(market: MarketWriter) -> (Writer, Arc<VirtualClock>) {
    let clock = Arc::new(VirtualClock::at(market.now()));
    let writer = Writer::spawn(market, Live::on(clock.clone())).unwrap();
    (writer, clock)
}

fn later(seconds: i64, key: &str, steps: &[Step]) -> Step {
    Step::Later(seconds, key.to_owned(), text(steps))
}

pub fn note(text: &str) -> Step {
    Step::Note(1, text.to_owned())
}

pub fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A virtual clock that shows nothing while its gate is shut, and breaks when it is told to.
pub struct Gated {
    pub clock: VirtualClock,
    shut: Mutex<Option<Receiver<bool>>>,
}

impl Gated {
    fn at(start: Timestamp) -> Arc<Self> {
        Arc::new(Self { clock: VirtualClock::at(start), shut: Mutex::new(None) })
    }

    /// Shuts the gate: it opens for good when it is told `true`, and breaks when it is told `false`.
    fn shut(&self) -> Sender<bool> {
        let (open, shut) = channel();
        *self.shut.lock().unwrap() = Some(shut);
        self.clock.pass(Duration::ZERO);
        open
    }
}

impl Clock for Gated {
    fn wall(&self) -> Timestamp {
        let shut = self.shut.lock().unwrap().take();
        assert!(shut.is_none_or(|gate| gate.recv().unwrap_or(true)), "told to break");
        self.clock.wall()
    }
    fn steady(&self) -> Duration {
        self.clock.steady()
    }
    fn nap(&self, remaining: Duration) -> Duration {
        self.clock.nap(remaining)
    }
    fn on_move(&self, moved: OnMove) {
        self.clock.on_move(moved);
    }
}

/// A market whose writer does not turn before the gate is opened.
pub fn held(market: MarketWriter, live: impl FnOnce(Arc<Gated>) -> Live) -> (Writer, Arc<Gated>, Sender<bool>) {
    let clock = Gated::at(market.now());
    let writer = Writer::spawn(market, live(clock.clone())).unwrap();
    writer.settle().unwrap();
    let gate = clock.shut();
    // The writer stands at the gate when it has taken the order to wake.
    while clock.shut.lock().unwrap().is_some() {
        std::thread::yield_now();
    }
    (writer, clock, gate)
}

#[test]
fn timers_fire_by_themselves_as_they_do_by_hand() {
    let plan = || {
        please(&[
            note("plan"),
            later(60, "b", &[note("b")]),
            later(60, "a", &[note("a"), later(0, "at once", &[note("at once")]), later(30, "c", &[note("c")])]),
            later(10, "first", &[note("first")]),
            later(100, "last", &[note("last")]),
        ])
    };
    let stations = [5, 10, 60, 75, 300];
    let mut digests = Vec::new();
    let all = Mutex::new(&mut digests);
    on_each_engine(|_, mut shop| {
        let start = shop.now();
        shop.execute(plan()).unwrap();
        for at in stations {
            shop.set_now(start.plus_seconds(at));
            while shop.fire_timer().unwrap().is_some() {}
            shop.execute(please(&[note("asked")])).unwrap();
        }
        shop.sync().unwrap();
        let by_hand = code(&mut shop, 1).unwrap();
        assert!(by_hand.ends_with("first@10 asked@10 a@60 at once@60 b@60 asked@60 asked@75 c@300 last@300 asked@300"));
        all.lock().unwrap().push((by_hand, shop.digest().unwrap()));
    });
    on_each_engine(|_, shop| {
        let start = shop.now();
        let (writer, clock) = live(shop);
        writer.submit(plan()).unwrap().wait().unwrap();
        for at in stations {
            clock.pass_until(start.plus_seconds(at));
            writer.settle().unwrap();
            writer.submit(please(&[note("asked")])).unwrap().wait().unwrap();
        }
        let mut shop = writer.stop().unwrap();
        all.lock().unwrap().push((code(&mut shop, 1).unwrap(), shop.digest().unwrap()));
    });
    assert!(digests.iter().all(|digest| *digest == digests[0]), "{digests:#?}");
}

#[test]
fn a_timer_fires_before_a_request_that_comes_when_it_is_due() {
    on_each_engine(|_, shop| {
        let (writer, clock) = live(shop);
        writer.submit(please(&[later(60, "a", &[note("timer")])])).unwrap().wait().unwrap();
        clock.pass(seconds(60));
        writer.submit(please(&[note("asked")])).unwrap().wait().unwrap();
        let mut shop = writer.stop().unwrap();
        assert!(code(&mut shop, 1).unwrap().ends_with("timer@60 asked@60"));
    });
}

#[test]
fn overdue_timers_fire_at_once_and_in_order_after_a_restart() {
    on_each_engine(|url, mut shop| {
        for nr in [3, 1, 2] {
            shop.execute(please(&[later(nr * 60, &format!("{nr}"), &[note(&format!("{nr}"))])])).unwrap();
        }
        shop.sync().unwrap();
        drop(shop);
        let shop = open(url);
        let clock = Arc::new(VirtualClock::at(shop.now().plus_days(2)));
        let writer = Writer::spawn(shop, Live::on(clock)).unwrap();
        writer.settle().unwrap();
        assert_eq!(writer.status().timers, 3);
        let mut shop = writer.stop().unwrap();
        assert!(code(&mut shop, 1).unwrap().ends_with("1@172800 2@172800 3@172800"));
    });
}

#[test]
fn thousands_of_timers_do_not_keep_a_request_waiting() {
    on_each_engine(|_, mut shop| {
        for nr in 0..2_000 {
            shop.execute(please(&[later(60, &format!("{nr}"), &[Step::Count(1)])])).unwrap();
        }
        shop.sync().unwrap();
        let (writer, clock, gate) = held(shop, |clock| Live::on(clock));
        clock.clock.pass(seconds(60));
        let writer = Arc::new(writer);
        let (tell, told) = channel();
        let asker = Arc::clone(&writer);
        // On the writer's own thread, which fires no timer meanwhile.
        let heard = move |outcome: Result<Executed, Fault>| {
            tell.send((outcome.unwrap().outcome.is_ok(), asker.status().timers)).unwrap();
        };
        writer.submit_then(please(&[Step::Count(1), Step::Count(2), note("asked")]), heard).unwrap();
        gate.send(true).unwrap();
        let (is_done, timers) = told.recv().unwrap();
        // Those of its own turn, and of the turns that ran while its batch was being written.
        let most = 256 * (1 + BATCHES_WRITING_MAX as u64);
        assert!(is_done && timers <= most, "{timers} timers went first");
        writer.settle().unwrap();
        let mut shop = Arc::into_inner(writer).unwrap().stop().unwrap();
        assert_eq!(times(&mut shop, 1), 2_001);
    });
}

#[test]
fn a_timer_that_panics_is_parked_and_the_others_fire() {
    on_each_engine_with_work_orders(|_, shop| {
        let (writer, clock) = live(shop);
        let plan = [later(1, "a", &[Step::Panic]), later(2, "b", &[Step::Bug]), later(3, "c", &[Step::Count(1)])];
        writer.submit(please(&plan)).unwrap().wait().unwrap();
        clock.pass(seconds(5));
        writer.settle().unwrap();
        let mut shop = writer.stop().unwrap();
        assert_eq!((times(&mut shop, 1), parked(&mut shop).len(), orders(&mut shop).len()), (1, 2, 2));
    });
}

#[test]
fn a_clock_set_back_neither_turns_time_back_nor_stops_timers() {
    on_each_engine(|_, shop| {
        let start = shop.now();
        let (writer, clock) = live(shop);
        clock.pass(seconds(3_600));
        writer.submit(please(&[note("before"), later(60, "a", &[note("timer")])])).unwrap().wait().unwrap();
        clock.set(start);
        writer.submit(please(&[note("after")])).unwrap().wait().unwrap();
        assert_eq!(writer.status().clock, ClockState::WallBehind(seconds(3_600)));
        clock.pass(seconds(120));
        writer.settle().unwrap();
        clock.pass(seconds(7_200));
        writer.settle().unwrap();
        assert_eq!(writer.status().clock, ClockState::Right);
        let mut shop = writer.stop().unwrap();
        assert!(code(&mut shop, 1).unwrap().ends_with("before@3600 after@3600 timer@3660"));
        assert_eq!(shop.now(), start.plus_seconds(7_320));
    });
}

#[test]
fn a_clock_set_far_forward_is_reported_and_not_believed() {
    on_each_engine(|_, shop| {
        let start = shop.now();
        let (writer, clock) = live(shop);
        writer.submit(please(&[later(60, "a", &[note("timer")])])).unwrap().wait().unwrap();
        clock.set(start.plus_days(30_000));
        clock.pass(seconds(60));
        writer.settle().unwrap();
        assert!(matches!(writer.status().clock, ClockState::WallAhead(_)), "{:?}", writer.status());
        assert_eq!(writer.status().now, start.plus_seconds(60));
        let mut shop = writer.stop().unwrap();
        assert!(code(&mut shop, 1).unwrap().ends_with("timer@60"));
        let far = Arc::new(VirtualClock::at(start.plus_days(30_000)));
        let fault = Writer::spawn(shop, Live::on(far)).err().unwrap();
        assert!(fault.message.contains("set the clock right"), "{fault}");
    });
}

#[test]
fn a_full_queue_says_so_and_whoever_was_let_in_is_answered() {
    on_each_engine(|_, shop| {
        let (writer, _clock, gate) = held(shop, |clock| Live::on(clock).queue_max(100));
        let replies: Vec<_> = (0..100).map(|_| writer.submit(please(&[Step::Count(1)])).unwrap()).collect();
        for _ in 0..3 {
            let refused = writer.submit(please(&[Step::Count(1)])).err().unwrap();
            assert!(matches!(refused, Unavailable::Busy(100)), "{refused}");
        }
        let (tell, told) = channel();
        let refused = writer.submit_then(please(&[Step::Count(1)]), move |outcome| tell.send(outcome.is_ok()).unwrap());
        assert!(refused.is_err() && told.recv().is_err(), "who was not let in is not told later");
        gate.send(true).unwrap();
        assert!(replies.into_iter().all(|reply| reply.wait().unwrap().outcome.is_ok()));
        writer.submit(please(&[Step::Count(1)])).unwrap().wait().unwrap();
        assert_eq!(times(&mut writer.stop().unwrap(), 1), 101);
    });
}

#[test]
fn a_stop_lets_everything_in_the_queue_become_durable() {
    on_each_engine(|url, shop| {
        let (writer, _clock, gate) = held(shop, |clock| Live::on(clock));
        let replies: Vec<_> = (0..5_000).map(|_| writer.submit(please(&[Step::Count(1)])).unwrap()).collect();
        drop(replies.into_iter().step_by(7).collect::<Vec<_>>());
        let last = writer.submit(please(&[Step::Count(1)])).unwrap();
        let (tell, told) = channel();
        writer
            .submit_then(please(&[Step::Refuse]), move |outcome| tell.send(outcome.unwrap().outcome).unwrap())
            .unwrap();
        gate.send(true).unwrap();
        let shop = writer.stop().unwrap();
        assert!(last.wait().is_ok());
        assert_eq!(told.recv().unwrap().unwrap_err().code, "NO");
        drop(shop);
        assert_eq!(times(&mut open(url), 1), 5_001);
    });
}

#[test]
fn thousands_of_callers_are_each_answered_once() {
    on_each_engine(|_, shop| {
        let (writer, clock) = live(shop);
        std::thread::scope(|scope| {
            for caller in 0..40 {
                let (writer, clock) = (&writer, &clock);
                scope.spawn(move || {
                    let ask = |nr: i64| {
                        clock.pass(Duration::from_micros(10));
                        writer.submit(please(&[Step::Count(nr % 5)]).key(&format!("{caller}-{nr}"))).unwrap()
                    };
                    let replies: Vec<_> = (0..100).map(ask).collect();
                    for (nr, reply) in replies.into_iter().enumerate() {
                        if nr % 3 > 0 {
                            assert!(reply.answer::<Please>().unwrap().is_ok());
                        }
                    }
                });
            }
        });
        let mut shop = writer.stop().unwrap();
        assert_eq!((0..5).map(|id| times(&mut shop, id)).collect::<Vec<_>>(), [800; 5]);
    });
}

#[test]
fn a_writer_that_another_follows_tells_everybody_who_waits() {
    on_each_engine(|url, shop| {
        let (writer, _clock, gate) = held(shop, |clock| Live::on(clock));
        let replies: Vec<_> = (0..5_000).map(|_| writer.submit(please(&[Step::Count(1)])).unwrap()).collect();
        let mut other = open(url);
        gate.send(true).unwrap();
        for reply in replies {
            let fault = reply.wait().err().unwrap();
            assert_eq!(fault.kind, FaultKind::Fenced, "{fault}");
        }
        let refused = writer.submit(please(&[Step::Count(1)])).err().unwrap();
        assert!(matches!(&refused, Unavailable::Stopped(fault) if fault.kind == FaultKind::Fenced), "{refused}");
        assert_eq!(writer.settle().unwrap_err().kind, FaultKind::Fenced);
        assert_eq!(writer.fault().unwrap().kind, FaultKind::Fenced);
        assert_eq!(writer.stop().err().unwrap().kind, FaultKind::Fenced);
        assert_eq!(times(&mut other, 1), 0);
    });
}

#[test]
fn a_bug_of_the_writer_itself_is_told_to_everybody_who_waits() {
    on_each_engine(|url, shop| {
        let (writer, _clock, gate) = held(shop, |clock| Live::on(clock));
        let replies: Vec<_> = (0..100).map(|_| writer.submit(please(&[Step::Count(1)])).unwrap()).collect();
        gate.send(false).unwrap();
        for reply in replies {
            assert_eq!(reply.wait().err().unwrap().kind, FaultKind::Bug);
        }
        let refused = writer.submit(please(&[Step::Count(1)])).err().unwrap();
        assert!(matches!(&refused, Unavailable::Stopped(fault) if fault.kind == FaultKind::Bug), "{refused}");
        assert_eq!(writer.stop().err().unwrap().kind, FaultKind::Bug);
        assert_eq!(times(&mut open(url), 1), 0);
    });
}

#[test]
fn the_same_stimulus_by_hand_and_live_is_refused_alike() {
    on_each_engine(|_, mut shop| {
        let by_hand = shop.execute(please(&[Step::Refuse])).unwrap().outcome.unwrap_err();
        let (writer, _clock) = live(shop);
        let live = writer.submit(please(&[Step::Refuse])).unwrap().wait().unwrap().outcome.unwrap_err();
        assert_eq!(by_hand, live);
        let nobody = Stimulus::command("channel", crate::bank::Settle { account: 1, units: 1 });
        assert_eq!(writer.submit(nobody).unwrap().wait().err().unwrap().kind, FaultKind::Bug);
        assert!(writer.submit(know(&[Step::Count(1)])).unwrap().wait().is_ok());
    });
}

#[test]
fn a_market_lives_on_the_clock_of_the_machine() {
    on_each_engine(|_, shop| {
        let start = shop.now();
        let clock = Arc::new(SystemClock::new());
        let writer = Writer::spawn(shop, Live::on(clock).absence_max(Duration::MAX)).unwrap();
        writer.submit(please(&[later(0, "a", &[Step::Count(1)])])).unwrap().wait().unwrap();
        writer.settle().unwrap();
        let mut shop = writer.stop().unwrap();
        assert_eq!(times(&mut shop, 1), 1);
        assert!(shop.now() >= start);
    });
}
