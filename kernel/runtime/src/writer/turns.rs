//! The writer thread's loop. One turn: what is due fires, what waits runs, the batch is sealed, answers and effects leave.
//!
//! Invariant: the market's time never stands in a business day that has not been opened, unless opening it failed.
//! Invariant: nobody is served in a day that is over, unless the next could not be opened: while missed days are caught
//! up, requests wait.
//! Invariant: within a day neither timers nor requests starve the other: a turn takes a bounded number of each.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;
use sycee_contract::{Date, Timestamp};

use super::options::{Live, LiveStatus};
use super::outgoing::Outgoing;
use super::{Order, Waiter};
use crate::clock::{MarketClock, between};
use crate::{Fault, FaultKind, MarketWriter, Stimulus};

/// Most stimuli of one batch.
const BATCH_MAX: usize = 2_048;
/// Most timers that fire in one batch.
const TIMERS_MAX: usize = 256;
/// How often the flush thread is asked whether it is done.
const FLUSH_POLL: Duration = Duration::from_millis(1);
/// How long a timer rests that ran into an outage.
const OUTAGE_REST: Duration = Duration::from_secs(1);
/// Seconds until a day that could not be opened is tried again.
const DAY_RETRY_SECONDS: i64 = 60;

pub(super) struct Turns {
    waiting: FxHashMap<u64, Waiter>,
    inbox: Receiver<Order>,
    /// Requests that came while the market was behind, or did not fit into a batch, in order.
    held: VecDeque<Order>,
    settling: Vec<Sender<()>>,
    market: MarketWriter,
    live: Live,
    clock: MarketClock,
    outgoing: Option<Outgoing>,
    /// The ticket of a day's start that is not durable yet.
    day_ticket: Option<(u64, Date)>,
    /// A day that could not be opened, when it is tried again, and why.
    day_failed: Option<(Date, Timestamp, String)>,
    /// Timers rest until then.
    resting: Option<Instant>,
    /// Something is due that did not fit into the last turn.
    more: bool,
    /// When a stop does not wait for effects any longer.
    stopping: Option<Instant>,
    timers: u64,
    status: Arc<Mutex<LiveStatus>>,
}

impl Turns {
    pub(super) fn new(
        market: MarketWriter,
        mut live: Live,
        inbox: Receiver<Order>,
        orders: SyncSender<Order>,
        status: Arc<Mutex<LiveStatus>>,
    ) -> Result<Self, Fault> {
        let clock = MarketClock::start(&*live.clock, market.now(), live.absence_max, live.jump_max)?;
        let outgoing = live.adapters.take().map(|adapters| Outgoing::new(adapters, orders));
        Ok(Self {
            market,
            live,
            clock,
            inbox,
            waiting: FxHashMap::default(),
            held: VecDeque::new(),
            settling: Vec::new(),
            outgoing,
            day_ticket: None,
            day_failed: None,
            resting: None,
            more: true,
            stopping: None,
            timers: 0,
            status,
        })
    }

    /// Turns until the writer is asked to stop and everything handed in is durable.
    pub(super) fn run(&mut self) -> Result<(), Fault> {
        while !self.is_drained() {
            let first = self.wait();
            let now = self.clock.read(&*self.live.clock);
            self.more = self.stopping.is_none() && self.fire(now)?;
            self.take(first)?;
            self.effects()?;
            self.seal()?;
            self.deliver();
            self.note();
            // What became durable just now can go out.
            self.more |= self.outgoing.is_some() && self.market.has_effects() && !self.market.is_writing();
            if !self.settling.is_empty() && self.is_settled() {
                // Who does not wait any more is no failure.
                self.settling.drain(..).for_each(|settled| settled.send(()).unwrap_or(()));
            }
        }
        self.market.sync()?;
        self.deliver();
        Ok(())
    }

    /// Ends the batch if there is a place for it. Else it grows, at most until the oldest that is being written is durable: who
    /// waits for that one hears of it first.
    fn seal(&mut self) -> Result<(), Fault> {
        self.market.pump(self.market.must_wait())?;
        if self.market.must_wait() { Ok(()) } else { self.market.seal() }
    }

    /// Gives the market back, with its effects for whoever opens it next; tells everybody who still waits how it ended.
    pub(super) fn end(mut self, result: Result<(), Fault>) -> Result<MarketWriter, Fault> {
        self.deliver();
        let Self { waiting, held, inbox, settling, mut market, outgoing, .. } = self;
        // Who waits hears the end before the market is closed, which may take long.
        drop((waiting, held, inbox, settling));
        if let Some(outgoing) = outgoing {
            market.return_effects(outgoing.end());
        }
        result.map(|()| market)
    }

    fn is_drained(&self) -> bool {
        let Some(patience) = self.stopping else { return false };
        self.outgoing.as_ref().is_none_or(|outgoing| outgoing.running() == 0) || Instant::now() >= patience
    }

    fn is_settled(&mut self) -> bool {
        let now = self.clock.given();
        let effects = self.outgoing.is_some() && self.market.has_effects();
        let due = self.next_due().is_some_and(|due| due <= now);
        let running = self.outgoing.as_ref().is_some_and(|outgoing| outgoing.running() > 0);
        !(self.more || self.resting.is_some() || self.market.is_writing() || effects || due || running)
    }

    /// The next order; none when something else may have to be done.
    fn wait(&mut self) -> Option<Order> {
        let patience = if self.more {
            Duration::ZERO
        } else if self.market.is_writing() {
            FLUSH_POLL
        } else if let Some(until) = self.stopping {
            until.saturating_duration_since(Instant::now())
        } else {
            let due = self.next_due().map_or(Duration::MAX, |due| between(self.clock.given(), due));
            let deadline = self.outgoing.as_ref().and_then(Outgoing::next_deadline);
            let late = deadline.map_or(Duration::MAX, |at| at.saturating_sub(self.live.clock.steady()));
            let remaining = due.min(late);
            let nap = if remaining.is_zero() { remaining } else { self.live.clock.nap(remaining) };
            self.resting.map_or(nap, |until| nap.min(until.saturating_duration_since(Instant::now())))
        };
        match self.inbox.recv_timeout(patience) {
            Ok(order) => Some(order),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Order::Stop),
        }
    }

    /// When something is due that the writer does by itself.
    fn next_due(&mut self) -> Option<Timestamp> {
        let timer = if self.resting.is_some() { None } else { self.market.next_timer() };
        let day = self.next_day().map(|(opened, starts)| self.retry_at(opened).unwrap_or(starts));
        let effect = self.outgoing.as_ref().and_then(Outgoing::next_due);
        [timer, day, effect].into_iter().flatten().min()
    }

    /// The next business day and its first moment, in a market whose days open by themselves.
    fn next_day(&self) -> Option<(Date, Timestamp)> {
        let opened = self.market.today().tomorrow().ok()?;
        self.live.days.as_ref().map(|days| (opened, days.starts(opened)))
    }

    fn retry_at(&self, day: Date) -> Option<Timestamp> {
        self.day_failed.as_ref().filter(|(failed, ..)| *failed == day).map(|(_, at, _)| *at)
    }

    /// Fires what is due at `now`, timers and starts of days in the order of their time; says whether more is due.
    fn fire(&mut self, now: Timestamp) -> Result<bool, Fault> {
        if self.resting.is_some_and(|until| Instant::now() >= until) {
            self.resting = None;
        }
        for _ in 0..TIMERS_MAX {
            let next_day = self.next_day();
            let retry_at = next_day.and_then(|(opened, _)| self.retry_at(opened));
            let last_moment = next_day.filter(|_| retry_at.is_none()).map(|(_, starts)| before(starts));
            self.market.set_now(last_moment.map_or(now, |last| last.min(now)));
            if self.fire_timer()? {
                continue;
            }
            match next_day {
                Some((opened, starts)) if retry_at.unwrap_or(starts) <= now => self.open_day(opened, starts),
                _ => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Fires one timer; says whether one was due.
    fn fire_timer(&mut self) -> Result<bool, Fault> {
        if self.resting.is_some() {
            return Ok(false);
        }
        match self.market.fire_timer() {
            Ok(None) => return Ok(false),
            // One that cannot be applied has been parked.
            Ok(Some(_)) => {}
            Err(fault) => match fault.kind {
                FaultKind::Bug | FaultKind::Corrupt => {}
                FaultKind::Outage => {
                    self.resting = Some(Instant::now() + OUTAGE_REST);
                    return Ok(false);
                }
                FaultKind::Fenced | FaultKind::Stopped => return Err(fault),
            },
        }
        self.timers += 1;
        Ok(true)
    }

    fn open_day(&mut self, opened: Date, starts: Timestamp) {
        let Some(days) = &self.live.days else { return };
        let event = days.event(self.market.today(), opened);
        self.market.set_now(starts);
        let (ticket, result) = self.market.submit_advance(opened, event);
        match result {
            Ok(_) => self.day_ticket = Some((ticket, opened)),
            Err(fault) => self.day_not_opened(opened, &fault),
        }
    }

    fn day_not_opened(&mut self, day: Date, fault: &Fault) {
        let why = format!("{day} could not be opened: {fault}");
        self.day_failed = Some((day, self.clock.given().plus_seconds(DAY_RETRY_SECONDS), why));
    }

    /// Whether a day is over that the market still stands in. A day whose successor cannot be opened goes on.
    fn is_behind(&self) -> bool {
        self.next_day().is_some_and(|(day, starts)| starts <= self.clock.given() && self.retry_at(day).is_none())
    }

    /// Takes what waits, at most a batch. While the market is behind, requests are held.
    fn take(&mut self, first: Option<Order>) -> Result<(), Fault> {
        if self.is_behind() {
            let orders: Vec<Order> = first.into_iter().chain(self.inbox.try_iter()).take(BATCH_MAX).collect();
            return orders.into_iter().try_for_each(|order| self.hold(order));
        }
        self.held.extend(first);
        let room = BATCH_MAX.saturating_sub(self.held.len());
        self.held.extend(self.inbox.try_iter().take(room));
        let orders: Vec<Order> = self.held.drain(..self.held.len().min(BATCH_MAX)).collect();
        self.more |= !self.held.is_empty();
        let stimuli: Vec<&Stimulus> = orders.iter().filter_map(Order::stimulus).collect();
        // Whoever needs what could not be read meets the fault that this met.
        self.market.prefetch(stimuli.into_iter()).unwrap_or(());
        orders.into_iter().try_for_each(|order| self.obey(order))
    }

    /// Keeps a request for later; as many as the queue takes.
    fn hold(&mut self, order: Order) -> Result<(), Fault> {
        match order {
            Order::Run(_, _, waiter) if self.held.len() >= self.live.queue_max => {
                waiter.tell(Err(Fault::outage("the market catches up with missed days: try again in a moment")));
                Ok(())
            }
            request @ Order::Run(..) => {
                self.held.push_back(request);
                Ok(())
            }
            order => self.obey(order),
        }
    }

    fn obey(&mut self, order: Order) -> Result<(), Fault> {
        match order {
            Order::Run(stimulus, advance, waiter) => {
                let (ticket, result) = match advance {
                    Some(today) => self.market.submit_advance(today, *stimulus),
                    None => self.market.submit(*stimulus),
                };
                match result {
                    Ok(_) => drop(self.waiting.insert(ticket, waiter)),
                    Err(fault) => waiter.tell(Err(fault)),
                }
            }
            Order::Executed(report) => {
                if let Some(outgoing) = &mut self.outgoing {
                    outgoing.hear(&mut self.market, *report)?;
                }
            }
            Order::Settle(settled) => self.settling.push(settled),
            Order::Wake => {}
            Order::Stop => {
                self.stopping.get_or_insert_with(|| Instant::now() + self.live.grace);
            }
        }
        Ok(())
    }

    /// Answers everybody whose outcome is durable.
    fn deliver(&mut self) {
        for (ticket, outcome) in self.market.take_completed() {
            if let Some(waiter) = self.waiting.remove(&ticket) {
                waiter.tell(outcome);
            } else if let Some((_, day)) = self.day_ticket.filter(|(day_ticket, _)| *day_ticket == ticket) {
                self.day_ticket = None;
                match outcome {
                    Ok(_) => self.day_failed = None,
                    Err(fault) => self.day_not_opened(day, &fault),
                }
            }
        }
    }

    fn effects(&mut self) -> Result<(), Fault> {
        // Waits are measured by the market's time, which leaps while it is behind.
        let may_go = self.stopping.is_none() && !self.is_behind();
        let steady = self.live.clock.steady();
        let Some(outgoing) = &mut self.outgoing else { return Ok(()) };
        outgoing.collect(&mut self.market);
        outgoing.expire(&mut self.market, steady)?;
        if may_go {
            outgoing.hand_out(&mut self.market, steady)?;
        }
        Ok(())
    }

    fn note(&self) {
        let outgoing = self.outgoing.as_ref();
        let status = LiveStatus {
            now: self.market.now(),
            clock: self.clock.state(),
            day: self.day_failed.as_ref().map(|(_, _, why)| why.clone()),
            timers: self.timers,
            effects_waiting: outgoing.map_or(0, Outgoing::waiting),
            effects_running: outgoing.map_or(0, Outgoing::running),
            effects_hanging: outgoing.map_or(0, Outgoing::hanging),
        };
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) = status;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]
mod tests;

/// The last moment before `at`.
const fn before(at: Timestamp) -> Timestamp {
    Timestamp::from_micros(at.as_micros().saturating_sub(1))
}
