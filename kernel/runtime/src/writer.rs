//! The market writer on a thread of its own, behind a bounded queue: answers leave when they are durable.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use sycee_contract::{Date, Rejection, Timestamp};

use crate::{EffectEnvelope, Executed, Fault, FaultKind, MarketWriter, Stimulus};

/// Most stimuli that wait.
const QUEUE_MAX: usize = 16_384;
/// Most stimuli of one batch.
const BATCH_MAX: usize = 2_048;

/// The queue is full: come back in a moment.
#[derive(Debug, thiserror::Error)]
#[error("the market is busy: {QUEUE_MAX} requests wait; try again in a second")]
pub struct Busy;

/// Where a stimulus' durable outcome appears.
pub struct Reply {
    receiver: Receiver<Result<Executed, Fault>>,
}

impl Reply {
    /// Waits until the outcome is durable.
    pub fn wait(self) -> Result<Executed, Fault> {
        self.receiver.recv().unwrap_or_else(|_| Err(Fault::outage("the writer stopped")))
    }

    /// As [`Self::wait`], for the answer of command `C`.
    pub fn answer<C: sycee_contract::Command>(self) -> Result<Result<C::Answer, Rejection>, Fault> {
        self.wait().map(|executed| executed.answer::<C>())
    }
}

enum Order {
    Run(Box<Stimulus>, Timestamp, SyncSender<Result<Executed, Fault>>),
    Advance(Date, Box<Stimulus>, Timestamp, SyncSender<Result<Executed, Fault>>),
    TakeEffects(SyncSender<Vec<EffectEnvelope>>),
    EffectDone(i64),
    EffectAnswered(Box<EffectEnvelope>, Box<Stimulus>, Timestamp),
}

/// A market's writer thread.
pub struct Writer {
    orders: Option<SyncSender<Order>>,
    thread: Option<JoinHandle<Result<MarketWriter, Fault>>>,
}

impl Writer {
    /// Starts the thread with an opened market.
    pub fn spawn(market: MarketWriter) -> Result<Self, Fault> {
        let (orders, inbox) = sync_channel(QUEUE_MAX);
        let thread = std::thread::Builder::new()
            .name("sycee-writer".to_owned())
            .spawn(move || run(market, &inbox))
            .map_err(|error| Fault::outage("no writer thread").because(error))?;
        Ok(Self { orders: Some(orders), thread: Some(thread) })
    }

    /// Hands in a stimulus that was admitted at `now`.
    ///
    /// Errors: [`Busy`] when the queue is full; nothing is dropped silently.
    pub fn submit(&self, stimulus: Stimulus, now: Timestamp) -> Result<Reply, Busy> {
        self.order(|reply| Order::Run(Box::new(stimulus), now, reply))
    }

    /// Moves the business date on.
    pub fn advance(&self, today: Date, event: Stimulus, now: Timestamp) -> Result<Reply, Busy> {
        self.order(|reply| Order::Advance(today, Box::new(event), now, reply))
    }

    fn order(&self, order: impl FnOnce(SyncSender<Result<Executed, Fault>>) -> Order) -> Result<Reply, Busy> {
        let (reply, receiver) = sync_channel(1);
        self.send(order(reply))?;
        Ok(Reply { receiver })
    }

    fn send(&self, order: Order) -> Result<(), Busy> {
        let orders = self.orders.as_ref().ok_or(Busy)?;
        match orders.try_send(order) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Err(Busy),
        }
    }

    /// Effects whose causes are durable, oldest first, for whoever executes them; none when the writer stopped.
    pub fn take_effects(&self) -> Result<Vec<EffectEnvelope>, Busy> {
        let (reply, receiver) = sync_channel(1);
        self.send(Order::TakeEffects(reply))?;
        Ok(receiver.recv().unwrap_or_default())
    }

    /// As [`MarketWriter::effect_done`].
    pub fn effect_done(&self, effect: i64) -> Result<(), Busy> {
        self.send(Order::EffectDone(effect))
    }

    /// As [`MarketWriter::effect_answered`]. Nobody waits for what becomes of it: until it is durable, the effect is pending.
    pub fn effect_answered(&self, effect: EffectEnvelope, answer: Stimulus, now: Timestamp) -> Result<(), Busy> {
        self.send(Order::EffectAnswered(Box::new(effect), Box::new(answer), now))
    }

    /// Stops the thread when everything handed in is durable, and gives the market back.
    pub fn stop(mut self) -> Result<MarketWriter, Fault> {
        self.orders.take();
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            _ => Err(Fault::bug("the writer thread panicked")),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.orders.take();
        if let Some(thread) = self.thread.take() {
            // Whatever went wrong has already been answered to those who waited.
            drop(thread.join());
        }
    }
}

fn run(mut market: MarketWriter, inbox: &Receiver<Order>) -> Result<MarketWriter, Fault> {
    let mut waiting: HashMap<u64, SyncSender<Result<Executed, Fault>>> = HashMap::new();
    let mut open = true;
    while open {
        let mut taken = 0;
        match inbox.recv_timeout(Duration::from_millis(if waiting.is_empty() { 1_000 } else { 1 })) {
            Ok(order) => {
                take(&mut market, order, &mut waiting)?;
                taken += 1;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => open = false,
        }
        while taken < BATCH_MAX {
            match inbox.try_recv() {
                Ok(order) => take(&mut market, order, &mut waiting)?,
                Err(_) => break,
            }
            taken += 1;
        }
        if market.unsealed() > 0 || taken > 0 {
            market.seal()?;
        }
        market.pump(false)?;
        deliver(&mut market, &mut waiting);
    }
    market.sync()?;
    deliver(&mut market, &mut waiting);
    Ok(market)
}

fn take(
    market: &mut MarketWriter,
    order: Order,
    waiting: &mut HashMap<u64, SyncSender<Result<Executed, Fault>>>,
) -> Result<(), Fault> {
    let (ticket, result, reply) = match order {
        Order::Run(stimulus, now, reply) => {
            market.set_now(now);
            let (ticket, result) = market.submit(*stimulus);
            (ticket, result.map(|_| ()), reply)
        }
        Order::Advance(today, stimulus, now, reply) => {
            market.set_now(now);
            let (ticket, result) = market.submit_advance(today, *stimulus);
            (ticket, result.map(|_| ()), reply)
        }
        // Nobody waiting any more is no failure.
        Order::TakeEffects(reply) => {
            drop(reply.try_send(market.take_effects()));
            return Ok(());
        }
        Order::EffectDone(effect) => return market.effect_done(effect),
        Order::EffectAnswered(effect, answer, now) => {
            market.set_now(now);
            // A bug in a handler has parked the answer; anything else ends the writer.
            return match market.effect_answered(&effect, *answer) {
                Err(fault) if fault.kind != FaultKind::Bug => Err(fault),
                Ok(_) | Err(_) => Ok(()),
            };
        }
    };
    match result {
        Ok(()) => {
            waiting.insert(ticket, reply);
        }
        // Nobody waiting any more is no failure.
        Err(fault) => drop(reply.try_send(Err(fault))),
    }
    Ok(())
}

fn deliver(market: &mut MarketWriter, waiting: &mut HashMap<u64, SyncSender<Result<Executed, Fault>>>) {
    for (ticket, outcome) in market.take_completed() {
        if let Some(reply) = waiting.remove(&ticket) {
            // Nobody waiting any more is no failure.
            drop(reply.try_send(outcome));
        }
    }
}
