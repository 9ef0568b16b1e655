//! Effects on their way: who waits for what, who is being executed, and what came of it.
//!
//! Invariant: an effect is out at most once at a time, unless an execution was given up that still hangs.
//! Invariant: how long an execution takes is measured by the steady clock: the market's time leaps over missed days.
//! Invariant: an effect that was executed is not executed again, and its answer is applied once, however late it comes.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sycee_contract::Timestamp;

use super::Order;
use crate::adapters::{Adapter, Adapters, Execute, Outcome};
use crate::{EffectEnvelope, EffectState, Fault, FaultKind, MarketWriter, RETRY, RuntimeEffect, Stimulus};

/// Seconds until an effect is looked at again that ran into an outage of ours.
const OUTAGE_SECONDS: i64 = 5;

/// What came of an execution.
pub(super) struct Report {
    execution: u64,
    effect: EffectEnvelope,
    outcome: Outcome,
}

impl Report {
    /// What the outside world answered.
    pub(super) fn answer(&self) -> Option<&Stimulus> {
        match &self.outcome {
            Outcome::Answered(answer) => Some(answer),
            Outcome::Done | Outcome::Retry(_) | Outcome::GiveUp(_) => None,
        }
    }
}

struct Task {
    execution: u64,
    effect: EffectEnvelope,
    settled: Settled,
}

/// Whether an execution is over, by its own end or because it was given up: who says so first is right.
#[derive(Clone, Default)]
struct Settled(Arc<AtomicBool>);

impl Settled {
    fn first(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }
}

struct Running {
    effect: EffectEnvelope,
    /// On the steady clock.
    deadline: Duration,
    settled: Settled,
}

/// The effects of one kind, and their threads.
struct Lane {
    adapter: Adapter,
    tasks: Sender<Task>,
    inbox: Arc<Mutex<Receiver<Task>>>,
    waiting: BTreeMap<(Timestamp, i64), EffectEnvelope>,
    running: usize,
    /// Threads that can take a task, now or after the one they have.
    threads: usize,
    /// Threads whose execution was given up.
    hanging: usize,
}

impl Lane {
    fn new(adapter: Adapter) -> Self {
        let (tasks, inbox) = channel();
        let inbox = Arc::new(Mutex::new(inbox));
        Self { adapter, tasks, inbox, waiting: BTreeMap::new(), running: 0, threads: 0, hanging: 0 }
    }

    fn has_room(&self) -> bool {
        self.running < self.threads || self.may_grow()
    }

    fn may_grow(&self) -> bool {
        let limits = self.adapter.limits;
        self.threads < limits.at_once && self.threads + self.hanging < limits.at_once + limits.hanging_max
    }

    /// Whether nothing can be executed until something that hangs comes back.
    fn is_stuck(&self) -> bool {
        self.threads == 0 && !self.may_grow()
    }

    fn grow(&mut self, kind: &str, orders: &SyncSender<Order>) -> std::io::Result<()> {
        let (inbox, execute, orders) = (Arc::clone(&self.inbox), Arc::clone(&self.adapter.execute), orders.clone());
        let thread = std::thread::Builder::new().name(format!("sycee-{kind}"));
        thread.spawn(move || execute_tasks(&inbox, &execute, &orders))?;
        self.threads += 1;
        Ok(())
    }
}

fn execute_tasks(inbox: &Mutex<Receiver<Task>>, execute: &Execute, orders: &SyncSender<Order>) {
    loop {
        let task = inbox.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Task { execution, effect, settled }) = task else { return };
        let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| execute(&effect)));
        // What it said may carry personal data: it stands in the process' error output alone.
        let outcome = outcome.unwrap_or_else(|_| Outcome::Retry("the adapter panicked".to_owned()));
        let in_time = settled.first();
        let report = Report { execution, effect, outcome };
        // A thread that was given up has been replaced.
        if orders.send(Order::Executed(Box::new(report))).is_err() || !in_time {
            return;
        }
    }
}

pub(super) struct Outgoing {
    adapters: Adapters,
    lanes: BTreeMap<&'static str, Lane>,
    running: BTreeMap<u64, Running>,
    executions: u64,
    orders: SyncSender<Order>,
}

impl Outgoing {
    pub(super) fn new(adapters: Adapters, orders: SyncSender<Order>) -> Self {
        Self { adapters, lanes: BTreeMap::new(), running: BTreeMap::new(), executions: 0, orders }
    }

    pub(super) fn running(&self) -> usize {
        self.running.len()
    }

    pub(super) fn waiting(&self) -> usize {
        self.lanes.values().map(|lane| lane.waiting.len()).sum()
    }

    pub(super) fn hanging(&self) -> usize {
        self.lanes.values().map(|lane| lane.hanging).sum()
    }

    /// Everything that is not known to be executed.
    pub(super) fn end(self) -> Vec<EffectEnvelope> {
        let waiting = self.lanes.into_values().flat_map(|lane| lane.waiting.into_values());
        let mut all: Vec<EffectEnvelope> = waiting.chain(self.running.into_values().map(|it| it.effect)).collect();
        all.sort_by_key(|effect| effect.id);
        all
    }

    /// When an effect can be handed out, by the market's time.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let lanes = self.lanes.values().filter(|lane| lane.has_room() || lane.is_stuck());
        lanes.filter_map(|lane| lane.waiting.keys().next().map(|(due, _)| *due)).min()
    }

    /// When an execution is given up, by the steady clock.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.running.values().map(|running| running.deadline).min()
    }

    /// Takes over effects whose causes are durable.
    pub(super) fn collect(&mut self, market: &mut MarketWriter) {
        for effect in market.take_effects() {
            // Whoever hands out one that cannot be looked up meets the fault again.
            let due = market.effect_due(&effect).unwrap_or_else(|_| market.now());
            self.enqueue(due, effect);
        }
    }

    fn enqueue(&mut self, due: Timestamp, effect: EffectEnvelope) {
        let lane = self.lanes.entry(effect.kind).or_insert_with(|| Lane::new(self.adapters.of(effect.kind)));
        lane.waiting.insert((due, effect.id), effect);
    }

    /// Gives up executions that took too long: their effects are tried again.
    pub(super) fn expire(&mut self, market: &mut MarketWriter, steady: Duration) -> Result<(), Fault> {
        let late: Vec<u64> =
            self.running.iter().filter(|(_, it)| it.deadline <= steady).map(|(execution, _)| *execution).collect();
        for execution in late {
            // One that ends just now reports what came of it.
            if !self.running.get(&execution).is_some_and(|it| it.settled.first()) {
                continue;
            }
            let Some(running) = self.running.remove(&execution) else { continue };
            let Some(lane) = self.lanes.get_mut(running.effect.kind) else { continue };
            lane.running -= 1;
            lane.threads -= 1;
            lane.hanging += 1;
            let why = format!("no answer within {:?}", lane.adapter.limits.deadline);
            self.apply(market, running.effect, Outcome::Retry(why))?;
        }
        Ok(())
    }

    /// Hands out what is due, kind by kind, as far as there is room.
    pub(super) fn hand_out(&mut self, market: &mut MarketWriter, steady: Duration) -> Result<(), Fault> {
        let now = market.now();
        let kinds: Vec<&'static str> = self.lanes.keys().copied().collect();
        for kind in kinds {
            while let Some(effect) = self.next_of(kind, now) {
                if let Some(effect) = self.hand_over(market, effect, steady)? {
                    let why = Outcome::Retry(format!("every thread of {kind} hangs"));
                    self.apply(market, effect, why)?;
                }
            }
        }
        Ok(())
    }

    fn next_of(&mut self, kind: &str, now: Timestamp) -> Option<EffectEnvelope> {
        let lane = self.lanes.get_mut(kind).filter(|lane| lane.has_room() || lane.is_stuck())?;
        let first = lane.waiting.first_entry().filter(|first| first.key().0 <= now)?;
        Some(first.remove())
    }

    /// Hands an effect to a thread of its kind, unless it is executed already; gives it back when there is no thread.
    fn hand_over(
        &mut self,
        market: &mut MarketWriter,
        effect: EffectEnvelope,
        steady: Duration,
    ) -> Result<Option<EffectEnvelope>, Fault> {
        match market.effect_stands(effect.id) {
            Ok(true) => {}
            Ok(false) => {
                market.effect_over(effect.id);
                return Ok(None);
            }
            Err(fault) => return self.postpone(market, effect, fault).map(|()| None),
        }
        let Some(lane) = self.lanes.get_mut(effect.kind) else { return Ok(Some(effect)) };
        if lane.running >= lane.threads && (!lane.may_grow() || lane.grow(effect.kind, &self.orders).is_err()) {
            return Ok(Some(effect));
        }
        self.executions += 1;
        let settled = Settled::default();
        let deadline = steady.saturating_add(lane.adapter.limits.deadline);
        let task = Task { execution: self.executions, effect: effect.clone(), settled: settled.clone() };
        if lane.tasks.send(task).is_err() {
            return Ok(Some(effect));
        }
        lane.running += 1;
        self.running.insert(self.executions, Running { effect, deadline, settled });
        Ok(None)
    }

    /// Takes note of what came of an execution, in time or long after it was given up.
    pub(super) fn hear(&mut self, market: &mut MarketWriter, report: Report) -> Result<(), Fault> {
        let Report { execution, effect, outcome } = report;
        let in_time = self.running.remove(&execution).is_some();
        if let Some(lane) = self.lanes.get_mut(effect.kind) {
            if in_time {
                lane.running -= 1;
            } else {
                lane.hanging -= 1;
            }
        }
        // What failed too late has been counted as a failure already.
        if !in_time && matches!(outcome, Outcome::Retry(_) | Outcome::GiveUp(_)) {
            return Ok(());
        }
        self.apply(market, effect, outcome)
    }

    fn apply(&mut self, market: &mut MarketWriter, effect: EffectEnvelope, outcome: Outcome) -> Result<(), Fault> {
        let attempts_max = self.adapters.of(effect.kind).attempts_max;
        let result = match is_executed(market, effect.id) {
            Ok(true) => {
                market.effect_over(effect.id);
                return Ok(());
            }
            Err(fault) => Err(fault),
            Ok(false) => match outcome {
                Outcome::Done => market.effect_done(effect.id),
                Outcome::Answered(answer) => answered(market, &effect, *answer),
                Outcome::Retry(why) => market.effect_failed(&effect, attempts_max, &why),
                Outcome::GiveUp(why) => market.effect_failed(&effect, 0, &why),
            },
        };
        result.or_else(|fault| self.postpone(market, effect, fault))
    }

    /// What came of an effect could not be noted, or not even be looked up: after an outage of ours it is executed
    /// again, with the same key; where stored data is broken, people hear of it.
    fn postpone(&mut self, market: &mut MarketWriter, effect: EffectEnvelope, fault: Fault) -> Result<(), Fault> {
        let wait = match fault.kind {
            FaultKind::Fenced | FaultKind::Stopped => return Err(fault),
            FaultKind::Outage => OUTAGE_SECONDS,
            FaultKind::Bug | FaultKind::Corrupt => {
                market.effect_stuck(effect.id, &fault.message);
                RETRY.longest_seconds
            }
        };
        self.enqueue(market.now().plus_seconds(wait), effect);
        Ok(())
    }
}

fn answered(market: &mut MarketWriter, effect: &EffectEnvelope, answer: Stimulus) -> Result<(), Fault> {
    match market.effect_answered(effect, answer) {
        // What its handlers cannot take has been parked; an answer that nobody receives is parked here, with the effect.
        Err(fault) if matches!(fault.kind, FaultKind::Bug | FaultKind::Corrupt) => {
            market.effect_failed(effect, 0, &fault.message)
        }
        result => result.map(|_| ()),
    }
}

fn is_executed(market: &mut MarketWriter, id: i64) -> Result<bool, Fault> {
    Ok(market.load::<RuntimeEffect>(&id)?.is_none_or(|row| row.state == EffectState::Done))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]
mod tests {
    use std::sync::mpsc::sync_channel;

    use sycee_contract::SendOtp;

    use super::*;
    use crate::Limits;
    use crate::testing::toy::{on_each_engine, sms};

    #[test]
    fn an_effect_that_is_executed_while_it_comes_back_is_let_go() {
        on_each_engine(|mut market| {
            market.execute(sms(1)).unwrap();
            market.sync().unwrap();
            let (orders, _inbox) = sync_channel(10);
            let (_end, ended) = channel();
            let ended: Mutex<Receiver<()>> = Mutex::new(ended);
            let adapters = Adapters::new().executes::<SendOtp>(Limits::default(), move |_, _| {
                ended.lock().unwrap().recv().unwrap_or(());
                Outcome::Done
            });
            let mut outgoing = Outgoing::new(adapters, orders);
            outgoing.collect(&mut market);
            outgoing.hand_out(&mut market, Duration::ZERO).unwrap();
            let late = outgoing.running.values().next().unwrap().effect.clone();
            outgoing.expire(&mut market, Duration::from_secs(60)).unwrap();
            // Its answer comes when it has failed and is on its way to be tried again.
            let report = Report { execution: 1, effect: late, outcome: Outcome::Done };
            outgoing.hear(&mut market, report).unwrap();
            market.sync().unwrap();
            market.set_now(market.now().plus_seconds(60));
            outgoing.collect(&mut market);
            assert_eq!((market.handed_out(), outgoing.waiting()), (1, 1));
            outgoing.hand_out(&mut market, Duration::from_secs(60)).unwrap();
            assert_eq!((market.handed_out(), outgoing.waiting(), outgoing.running()), (0, 0, 0));
        });
    }
}
