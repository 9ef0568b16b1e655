//! Effects that are executed by themselves: again after failures, within deadlines, kind by kind, and never lost.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use sycee_contract::{ChannelQuery, Effect as _, SendOtp};
use sycee_runtime::storage::DatabaseUrl;
use sycee_runtime::{
    Adapters, EffectState, Limits, Live, MarketWriter, Outcome, RuntimeEffect, Stimulus, VirtualClock, Writer,
};

use crate::live::{note, seconds};
use crate::shop::{Step, code, know, on_each_engine, on_each_engine_with_work_orders, open, orders, please, times};

fn live(market: MarketWriter, adapters: Adapters) -> (Writer, Arc<VirtualClock>) {
    let clock = Arc::new(VirtualClock::at(market.now()));
    let live = Live::on(clock.clone()).executing(adapters).grace(Duration::ZERO);
    (Writer::spawn(market, live).unwrap(), clock)
}

/// An execution that waits to be told what came of it.
struct Execution {
    key: String,
    attempts: u32,
    end: Sender<fn() -> Outcome>,
}

impl Execution {
    fn ends(&self, outcome: fn() -> Outcome) {
        // An execution that nobody waits for any more is over too.
        self.end.send(outcome).unwrap_or(());
    }
}

/// SMS are executed as the test says; queries are answered at once.
fn by_hand(limits: Limits) -> (Adapters, Receiver<Execution>) {
    let (begin, begun) = channel();
    let adapters = Adapters::new()
        .executes::<SendOtp>(limits, move |effect, envelope| {
            let (end, ended) = channel();
            let execution = Execution { key: effect.idempotency_key(), attempts: envelope.attempts, end };
            begin.send(execution).map_or_else(
                |_| Outcome::Retry("nobody is there".to_owned()),
                |()| ended.recv().map_or_else(|_| Outcome::Retry("torn off".to_owned()), |outcome| outcome()),
            )
        })
        .executes::<ChannelQuery>(Limits::default(), |_, _| Outcome::answered(know(&[Step::Count(2)])));
    (adapters, begun)
}

fn answer() -> Outcome {
    Outcome::answered(know(&[Step::Count(1), note("answered")]))
}

fn fail() -> Outcome {
    Outcome::Retry("no route".to_owned())
}

fn all_effects(shop: &mut MarketWriter) -> Vec<RuntimeEffect> {
    let mut all = Vec::new();
    shop.scan::<RuntimeEffect>(&mut |it| {
        all.push(it.clone());
        Ok(())
    })
    .unwrap();
    all
}

fn ask(writer: &Writer, steps: &[Step]) {
    assert!(writer.submit(please(steps)).unwrap().wait().unwrap().outcome.is_ok());
}

#[test]
fn an_effect_that_fails_twice_is_tried_again_and_answered() {
    on_each_engine(|url, shop| {
        let (adapters, executions) = by_hand(Limits::default());
        let (writer, clock) = live(shop, adapters);
        ask(&writer, &[Step::Sms(1), note("asked")]);
        for attempts in 0..2 {
            let execution = executions.recv().unwrap();
            assert_eq!((execution.key.as_str(), execution.attempts), ("1", attempts));
            execution.ends(fail);
            writer.settle().unwrap();
            assert!(executions.try_recv().is_err(), "it is not tried again at once");
            assert_eq!(writer.status().effects_waiting, 1);
            clock.pass(seconds(6));
        }
        executions.recv().unwrap().ends(answer);
        writer.settle().unwrap();
        let mut shop = writer.stop().unwrap();
        assert_eq!(times(&mut shop, 1), 1);
        assert!(code(&mut shop, 1).unwrap().ends_with("asked@0 answered@12"));
        let row = all_effects(&mut shop).remove(0);
        assert_eq!((row.state, row.attempts), (EffectState::Done, 3));
        drop(shop);
        assert!(open(url).take_effects().is_empty());
    });
}

#[test]
fn a_partner_that_never_answers_is_asked_again_and_blocks_nobody() {
    on_each_engine(|_, shop| {
        let limits = Limits { at_once: 1, deadline: seconds(30), hanging_max: 1 };
        let (adapters, executions) = by_hand(limits);
        let (writer, clock) = live(shop, adapters);
        ask(&writer, &[Step::Sms(1), Step::Query(1)]);
        let first = executions.recv().unwrap();
        ask(&writer, &[Step::Query(2)]);
        clock.pass(seconds(29));
        ask(&writer, &[Step::Query(3)]);
        clock.pass(seconds(1));
        writer.settle().unwrap();
        assert_eq!((writer.status().effects_running, writer.status().effects_hanging), (0, 1));
        clock.pass(seconds(3));
        let second = executions.recv().unwrap();
        assert_eq!((second.key == first.key, second.attempts), (true, 1));
        second.ends(answer);
        writer.settle().unwrap();
        first.ends(answer);
        ask(&writer, &[Step::Sms(2)]);
        executions.recv().unwrap().ends(answer);
        writer.settle().unwrap();
        let mut shop = writer.stop().unwrap();
        assert_eq!((times(&mut shop, 1), times(&mut shop, 2)), (2, 3), "the late answer was heard again");
    });
}

#[test]
fn an_answer_that_comes_after_the_deadline_still_counts() {
    on_each_engine(|_, shop| {
        let (adapters, executions) = by_hand(Limits::default());
        let (writer, clock) = live(shop, adapters);
        ask(&writer, &[Step::Sms(1)]);
        let late = executions.recv().unwrap();
        clock.pass(seconds(30));
        writer.settle().unwrap();
        late.ends(answer);
        while writer.status().effects_hanging > 0 {
            std::thread::yield_now();
        }
        clock.pass(seconds(60));
        writer.settle().unwrap();
        assert!(executions.try_recv().is_err(), "it is not executed again");
        let mut shop = writer.stop().unwrap();
        assert_eq!((times(&mut shop, 1), all_effects(&mut shop)[0].state), (1, EffectState::Done));
    });
}

#[test]
fn threads_that_hang_are_bounded_and_what_waits_for_them_is_parked_in_the_end() {
    on_each_engine_with_work_orders(|_, shop| {
        let limits = Limits { at_once: 1, deadline: seconds(30), hanging_max: 1 };
        let (adapters, executions) = by_hand(limits);
        let (writer, clock) = live(shop, adapters);
        ask(&writer, &[Step::Sms(1), Step::Sms(2), Step::Sms(3)]);
        let hanging: Vec<Execution> = (0..2)
            .map(|_| {
                let execution = executions.recv().unwrap();
                clock.pass(seconds(30));
                execution
            })
            .collect();
        writer.settle().unwrap();
        assert_eq!(writer.status().effects_hanging, 2);
        for _ in 0..10 {
            clock.pass(seconds(3_600));
            writer.settle().unwrap();
        }
        assert!(executions.try_recv().is_err());
        drop(hanging);
        let mut shop = writer.stop().unwrap();
        assert!(all_effects(&mut shop).iter().all(|it| it.state == EffectState::Parked));
        assert_eq!(orders(&mut shop).len(), 3);
        assert!(orders(&mut shop).iter().all(|it| it.text.ends_with("every thread of send-otp hangs")));
    });
}

#[test]
fn an_adapter_that_panics_is_tried_again_then_parked_with_a_work_order() {
    on_each_engine_with_work_orders(|url, shop| {
        let (adapters, executions) = by_hand(Limits::default());
        let (writer, clock) = live(shop, adapters);
        ask(&writer, &[Step::Sms(1)]);
        for _ in 0..SendOtp::MAX_ATTEMPTS {
            executions.recv().unwrap().ends(|| panic!("told to panic"));
            writer.settle().unwrap();
            clock.pass(seconds(3_600));
        }
        writer.settle().unwrap();
        assert!(executions.try_recv().is_err());
        ask(&writer, &[Step::Query(1)]);
        writer.settle().unwrap();
        drop(writer);
        let mut shop = crate::shop::open_with_work_orders(url);
        let parked = all_effects(&mut shop).remove(0);
        assert_eq!((parked.state, parked.error.as_deref()), (EffectState::Parked, Some("the adapter panicked")));
        let text = &orders(&mut shop)[0].text;
        assert_eq!(text, "send-otp was given up after 8 attempts: the adapter panicked");
        assert_eq!(times(&mut shop, 2), 1);
        assert!(shop.take_effects().is_empty());
    });
}

#[test]
fn what_can_never_work_is_parked_at_once_and_so_is_an_answer_that_nobody_receives() {
    on_each_engine_with_work_orders(|_, shop| {
        let (adapters, executions) = by_hand(Limits::default());
        let (writer, _clock) = live(shop, adapters);
        ask(&writer, &[Step::Sms(1), Step::Sms(2)]);
        executions.recv().unwrap().ends(|| Outcome::GiveUp("no such number".to_owned()));
        executions.recv().unwrap().ends(|| {
            let nobody = crate::bank::Settle { account: 1, units: 1 };
            Outcome::answered(Stimulus::command("channel", nobody))
        });
        writer.settle().unwrap();
        let mut shop = writer.stop().unwrap();
        assert!(all_effects(&mut shop).iter().all(|it| it.state == EffectState::Parked));
        let texts: Vec<_> = orders(&mut shop).iter().map(|it| it.text.clone()).collect();
        assert!(texts.iter().any(|text| text.contains("no such number")), "{texts:?}");
        assert!(texts.iter().any(|text| text.contains("nobody receives settle")), "{texts:?}");
    });
}

#[test]
fn an_answer_that_a_handler_cannot_take_is_parked_and_the_effect_is_done() {
    on_each_engine_with_work_orders(|_, shop| {
        let (adapters, executions) = by_hand(Limits::default());
        let (writer, _clock) = live(shop, adapters);
        ask(&writer, &[Step::Sms(1)]);
        executions.recv().unwrap().ends(|| Outcome::answered(know(&[Step::Panic])));
        ask(&writer, &[Step::Sms(2)]);
        executions.recv().unwrap().ends(|| Outcome::answered(know(&[Step::Corrupt])));
        writer.settle().unwrap();
        let mut shop = writer.stop().unwrap();
        assert!(all_effects(&mut shop).iter().all(|it| it.state == EffectState::Done));
        assert_eq!((crate::shop::parked(&mut shop).len(), orders(&mut shop).len()), (2, 2));
    });
}

#[test]
fn an_effect_that_nobody_executes_is_parked_with_a_work_order() {
    on_each_engine_with_work_orders(|_, shop| {
        let (writer, clock) = live(shop, Adapters::new());
        ask(&writer, &[Step::Sms(1)]);
        for _ in 0..8 {
            writer.settle().unwrap();
            clock.pass(seconds(3_600));
        }
        writer.settle().unwrap();
        let mut shop = writer.stop().unwrap();
        assert!(orders(&mut shop)[0].text.ends_with("no adapter executes send-otp"));
    });
}

/// Executes what waits in the market, with one answer each.
fn executed_again(url: &DatabaseUrl, keys: &[&str]) {
    let (adapters, executions) = by_hand(Limits::default());
    let (writer, _clock) = live(open(url), adapters);
    for key in keys {
        let execution = executions.recv().unwrap();
        assert_eq!(execution.key, *key);
        execution.ends(answer);
    }
    writer.settle().unwrap();
    let mut shop = writer.stop().unwrap();
    assert_eq!(times(&mut shop, 1), i64::try_from(keys.len()).unwrap());
}

#[test]
fn an_execution_that_a_crash_cut_off_from_its_report_is_made_again_with_the_same_key() {
    on_each_engine(|url, shop| {
        let (adapters, executions) = by_hand(Limits { at_once: 1, ..Limits::default() });
        let (writer, _clock) = live(shop, adapters);
        ask(&writer, &[Step::Sms(1)]);
        let first = executions.recv().unwrap();
        // The process that crashed is one that is not heard any more.
        executed_again(url, &["1"]);
        first.ends(answer);
        assert!(writer.settle().is_err());
        assert_eq!(times(&mut open(url), 1), 1);
    });
}

#[test]
fn a_stop_does_not_wait_for_effects_and_loses_none() {
    on_each_engine(|url, shop| {
        let (adapters, executions) = by_hand(Limits { at_once: 1, ..Limits::default() });
        let (writer, _clock) = live(shop, adapters);
        ask(&writer, &[Step::Sms(1), Step::Sms(2)]);
        let first = executions.recv().unwrap();
        let mut shop = writer.stop().unwrap();
        let left: Vec<_> =
            shop.take_effects().iter().map(|it| it.get::<SendOtp>().unwrap().challenge.clone()).collect();
        assert_eq!(left, ["1", "2"]);
        drop(shop);
        first.ends(answer);
        executed_again(url, &["1", "2"]);
    });
}

#[test]
fn a_stop_gives_an_execution_time_to_end() {
    on_each_engine(|_, shop| {
        let (adapters, executions) = by_hand(Limits::default());
        let clock = Arc::new(VirtualClock::at(shop.now()));
        let live = Live::on(clock).executing(adapters).grace(seconds(600));
        let writer = Writer::spawn(shop, live).unwrap();
        ask(&writer, &[Step::Sms(1)]);
        let execution = executions.recv().unwrap();
        let stop = std::thread::spawn(move || writer.stop().unwrap());
        execution.ends(answer);
        let mut shop = stop.join().unwrap();
        assert_eq!((times(&mut shop, 1), all_effects(&mut shop)[0].state), (1, EffectState::Done));
    });
}

#[test]
fn a_restart_does_not_shorten_the_wait_after_a_failure() {
    on_each_engine(|url, shop| {
        let (adapters, executions) = by_hand(Limits::default());
        let (writer, _clock) = live(shop, adapters);
        ask(&writer, &[Step::Sms(1)]);
        executions.recv().unwrap().ends(fail);
        writer.settle().unwrap();
        drop(writer);
        let (adapters, executions) = by_hand(Limits::default());
        let (writer, clock) = live(open(url), adapters);
        writer.settle().unwrap();
        assert!(executions.try_recv().is_err(), "it waits as long as it was told to");
        clock.pass(seconds(3));
        let execution = executions.recv().unwrap();
        assert_eq!(execution.attempts, 1);
        execution.ends(answer);
        writer.settle().unwrap();
    });
}

#[test]
fn a_batch_that_is_refused_neither_loses_an_effect_nor_executes_it_twice() {
    on_each_engine(|_, shop| {
        let (adapters, executions) = by_hand(Limits::default());
        let (writer, _clock) = live(shop, adapters);
        ask(&writer, &[crate::shop::put(8, "taken"), Step::Sms(1)]);
        let first = executions.recv().unwrap();
        assert!(writer.submit(please(&[crate::shop::put(9, "taken"), Step::Sms(2)])).unwrap().wait().is_err());
        ask(&writer, &[Step::Sms(3)]);
        let third = executions.recv().unwrap();
        assert_eq!((first.key.as_str(), third.key.as_str()), ("1", "3"));
        first.ends(answer);
        third.ends(answer);
        writer.settle().unwrap();
        assert!(executions.try_recv().is_err());
        assert_eq!(times(&mut writer.stop().unwrap(), 1), 2);
    });
}
