//! Business days that open by themselves: each once, in order, with the timers of the day before it done.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sycee_contract::{Date, Timestamp};
use sycee_runtime::{BusinessDays, Live, MarketWriter, Stimulus, VirtualClock, Writer};

use crate::live::{held, note, seconds};
use crate::shop::{FIRST_DAY, Happened, Step, code, on_each_engine, open, parked, please, text, times};

const DAY: i64 = 86_400;

/// Days from midnight to midnight; one cannot be opened as long as somebody says so.
#[derive(Clone, Default)]
struct Days(Arc<AtomicBool>);

impl BusinessDays for Days {
    fn starts(&self, day: Date) -> Timestamp {
        Timestamp::start_of(day)
    }

    fn event(&self, closed: Date, opened: Date) -> Stimulus {
        let mut steps = vec![note(&format!("{}-{}", closed.day(), opened.day())), Step::Today(2)];
        // The close of a day, in pages.
        steps.push(Step::Later(0, "close".to_owned(), text(&[note("close")])));
        if self.0.load(Ordering::Relaxed) {
            steps.push(Step::Bug);
        }
        Stimulus::event("clock", Happened { steps })
    }
}

fn live(market: MarketWriter, days: Days, at: Timestamp) -> (Writer, Arc<VirtualClock>) {
    let clock = Arc::new(VirtualClock::at(at));
    let writer = Writer::spawn(market, Live::on(clock.clone()).opening(days)).unwrap();
    (writer, clock)
}

fn hourly() -> Stimulus {
    let last = text(&[note("last")]);
    please(&[
        Step::Later(3_600, "one".to_owned(), text(&[note("one")])),
        Step::Later(DAY - 1, "late".to_owned(), text(&[note("late")])),
        Step::Later(DAY, "midnight".to_owned(), text(&[note("midnight")])),
        Step::Later(DAY + 3_600, "two".to_owned(), text(&[note("two"), Step::Later(60, "last".to_owned(), last)])),
    ])
}

#[test]
fn days_open_by_themselves_between_the_timers_of_one_and_of_the_next() {
    on_each_engine(|_, shop| {
        let start = shop.now();
        let (writer, clock) = live(shop, Days::default(), start);
        writer.submit(hourly()).unwrap().wait().unwrap();
        clock.pass_until(start.plus_seconds(DAY - 1));
        writer.settle().unwrap();
        clock.pass(seconds(1));
        writer.submit(please(&[note("asked")])).unwrap().wait().unwrap();
        clock.pass(seconds(7_200));
        writer.settle().unwrap();
        let mut shop = writer.stop().unwrap();
        let code = code(&mut shop, 1).unwrap();
        let expected = "one@86399 late@86399 5-6@86400 close@86400 midnight@86400 asked@86400 two@93600";
        assert!(code.ends_with(expected), "{code}");
        assert_eq!(shop.today(), FIRST_DAY.tomorrow().unwrap());
    });
}

#[test]
fn days_that_were_missed_are_opened_one_after_another() {
    on_each_engine(|url, mut shop| {
        shop.execute(hourly()).unwrap();
        shop.sync().unwrap();
        let start = shop.now();
        drop(shop);
        let (writer, _clock) = live(open(url), Days::default(), start.plus_seconds(3 * DAY + 10));
        writer.settle().unwrap();
        let mut shop = writer.stop().unwrap();
        assert_eq!(shop.today(), Date::constant(2026, 1, 8));
        let code_one = code(&mut shop, 1).unwrap();
        // What a missed day's timers do is stamped with its last moment.
        let expected = "one@86399 late@86399 5-6@86400 close@172799 midnight@172799 two@172799 6-7@172800 close@259199 \
                        last@259199 7-8@259200 close@259210";
        assert!(code_one.ends_with(expected), "{code_one}");
        assert_eq!(code(&mut shop, 2).as_deref(), Some("2026-01-08"));
        assert_eq!(shop.now(), start.plus_seconds(3 * DAY + 10));
    });
}

#[test]
fn a_day_that_cannot_be_opened_is_reported_tried_again_and_stops_nobody() {
    on_each_engine(|_, shop| {
        let start = shop.now();
        let days = Days::default();
        days.0.store(true, Ordering::Relaxed);
        let (writer, clock) = live(shop, days.clone(), start);
        writer.submit(hourly()).unwrap().wait().unwrap();
        clock.pass(seconds(86_400 + 5));
        writer.settle().unwrap();
        assert!(writer.status().day.unwrap().contains("2026-01-06 could not be opened"));
        writer.submit(please(&[note("asked"), Step::Today(3)])).unwrap().wait().unwrap();
        days.0.store(false, Ordering::Relaxed);
        clock.pass(seconds(60));
        writer.settle().unwrap();
        assert_eq!(writer.status().day, None);
        let mut shop = writer.stop().unwrap();
        let notes = code(&mut shop, 1).unwrap();
        assert!(notes.ends_with("late@86399 midnight@86405 asked@86405 5-6@86465 close@86465"), "{notes}");
        assert_eq!(code(&mut shop, 3).as_deref(), Some("2026-01-05"));
        assert_eq!(shop.today(), FIRST_DAY.tomorrow().unwrap());
    });
}

#[test]
fn a_request_that_comes_while_missed_days_are_caught_up_waits_for_the_right_one() {
    on_each_engine(|_, mut shop| {
        for nr in 0..600 {
            shop.execute(please(&[Step::Later(60, nr.to_string(), text(&[Step::Count(9)]))])).unwrap();
        }
        shop.sync().unwrap();
        let (writer, clock, gate) =
            held(shop, |clock| Live::on(clock).opening(Days::default()).jump_max(4 * seconds(86_400)));
        clock.clock.pass(seconds(3 * 86_400 + 10));
        let asked = writer.submit(please(&[Step::Note(3, "asked".to_owned())])).unwrap();
        gate.send(true).unwrap();
        asked.wait().unwrap().outcome.unwrap();
        writer.settle().unwrap();
        let mut shop = writer.stop().unwrap();
        assert_eq!(code(&mut shop, 3).as_deref(), Some("item 3 asked@259210"));
        assert_eq!(times(&mut shop, 9), 600);
    });
}

#[test]
fn nobody_refuses_a_day_and_nobody_forges_one() {
    on_each_engine(|_, mut shop| {
        let next = FIRST_DAY.tomorrow().unwrap();
        let refused = Stimulus::event("clock", Happened { steps: vec![note("begun"), Step::Refuse] });
        let fault = shop.advance(next, refused).err().unwrap();
        assert!(fault.message.contains("happened refused that 2026-01-06 begins"), "{fault}");
        let forged = Stimulus::event("customer:cus-7", Happened { steps: vec![note("forged")] });
        assert!(shop.advance(next, forged).is_err());
        shop.sync().unwrap();
        assert_eq!((shop.today(), code(&mut shop, 1), parked(&mut shop).len()), (FIRST_DAY, None, 0));
    });
}
