//! Turns, one by one: what happens while a market catches up with days that it missed.

use std::sync::mpsc::{channel, sync_channel};

use sycee_contract::SendOtp;

use super::*;
use crate::testing::toy::{on_each_engine, once, once_more_later, sms, times};
use crate::writer::Ending;
use crate::{Adapters, BusinessDays, Executed, Limits, Outcome, VirtualClock};

/// Timers of the first day: more than fire in two turns.
const TIMERS: i64 = 600;

struct Days;

impl BusinessDays for Days {
    fn starts(&self, day: Date) -> Timestamp {
        Timestamp::start_of(day)
    }

    fn event(&self, _: Date, _: Date) -> Stimulus {
        once()
    }
}

struct Stage {
    turns: Turns,
    clock: Arc<VirtualClock>,
    orders: SyncSender<Order>,
    ending: Arc<Ending>,
}

impl Stage {
    /// A market that was away for `days`; messages are sent as soon as `sent` says so.
    fn after(days: i64, mut market: MarketWriter, sent: Option<Receiver<()>>) -> Self {
        for _ in 0..TIMERS {
            market.execute(once_more_later()).unwrap();
        }
        market.execute(sms(1)).unwrap();
        market.sync().unwrap();
        let clock = Arc::new(VirtualClock::at(market.now().plus_days(days)));
        let sent = Mutex::new(sent);
        let adapters = Adapters::new().executes::<SendOtp>(Limits::default(), move |_, _| {
            if let Some(sent) = &*sent.lock().unwrap() {
                // Whoever does not say so lets it go.
                sent.recv().unwrap_or(());
            }
            Outcome::Done
        });
        let live = Live::on(clock.clone()).executing(adapters).opening(Days).queue_max(3);
        let (orders, inbox) = sync_channel(100);
        let turns = Turns::new(market, live, inbox, orders.clone(), Arc::default()).unwrap();
        Self { turns, clock, orders, ending: Arc::default() }
    }

    fn ask(&self) -> Receiver<Result<Executed, Fault>> {
        let (tell, told) = channel();
        let tell: super::super::Tell = Box::new(move |outcome| tell.send(outcome).unwrap_or(()));
        let waiter = Waiter { tell: Some(tell), ending: Arc::clone(&self.ending) };
        self.orders.send(Order::Run(Box::new(once()), None, waiter)).unwrap();
        told
    }

    /// One turn; says whether the market is behind after its timers have fired.
    fn turn(&mut self) -> bool {
        let now = self.turns.clock.read(&*self.clock);
        self.turns.more = self.turns.fire(now).unwrap();
        let is_behind = self.turns.is_behind();
        self.turns.take(None).unwrap();
        self.turns.effects().unwrap();
        self.turns.market.sync().unwrap();
        self.turns.deliver();
        is_behind
    }

    fn out(&self) -> usize {
        self.turns.outgoing.as_ref().map_or(0, Outgoing::running)
    }
}

#[test]
fn while_missed_days_are_caught_up_requests_wait_and_no_effect_goes_out() {
    on_each_engine(|market| {
        let (_send, sent) = channel();
        let mut stage = Stage::after(3, market, Some(sent));
        let asked: Vec<_> = (0..3).map(|_| stage.ask()).collect();
        let mut turns = 0;
        while stage.turn() {
            turns += 1;
            assert!(stage.turns.more && stage.out() == 0);
            assert!(asked.iter().all(|told| told.try_recv().is_err()), "turn {turns}");
        }
        assert!(turns >= 2, "{turns}");
        assert_eq!(stage.out(), 1);
        let counts: Vec<i64> = asked
            .iter()
            .map(|told| told.try_recv().unwrap().unwrap().answer::<crate::testing::toy::Count>().unwrap())
            .collect();
        // All timers of the day, and the starts of three days, went first.
        let first = 2 * TIMERS + 1 + 3;
        assert_eq!(counts, [first + 1, first + 2, first + 3]);
    });
}

#[test]
fn while_missed_days_are_caught_up_no_more_requests_wait_than_the_queue_takes() {
    on_each_engine(|market| {
        let mut stage = Stage::after(1, market, None);
        let asked: Vec<_> = (0..5).map(|_| stage.ask()).collect();
        assert!(stage.turn());
        let refused: Vec<_> = asked.iter().filter_map(|told| told.try_recv().ok()).collect();
        assert_eq!(refused.len(), 2);
        assert!(refused.into_iter().all(|outcome| outcome.err().unwrap().kind == FaultKind::Outage));
    });
}

#[test]
fn a_stop_while_missed_days_are_caught_up_says_so_to_whoever_waits() {
    on_each_engine(|market| {
        let mut stage = Stage::after(3, market, None);
        let asked = stage.ask();
        stage.orders.send(Order::Stop).unwrap();
        assert!(stage.turn());
        assert!(stage.turns.is_drained());
        let mut market = stage.turns.end(Ok(())).unwrap();
        assert_eq!(asked.recv().unwrap().err().unwrap().kind, FaultKind::Stopped);
        assert!(times(&mut market) < 2 * TIMERS);
    });
}

#[test]
fn an_execution_is_not_given_up_because_the_markets_time_leaps() {
    on_each_engine(|market| {
        let (_send, sent) = channel();
        let mut stage = Stage::after(0, market, Some(sent));
        while stage.turns.more {
            stage.turn();
        }
        assert_eq!(stage.out(), 1);
        let leap = stage.turns.market.now().plus_days(2);
        stage.turns.market.set_now(leap);
        stage.turns.effects().unwrap();
        assert_eq!(stage.out(), 1);
        stage.clock.pass(Duration::from_secs(29));
        stage.turns.effects().unwrap();
        assert_eq!(stage.out(), 1);
        stage.clock.pass(Duration::from_secs(1));
        stage.turns.effects().unwrap();
        assert_eq!(stage.out(), 0);
    });
}
