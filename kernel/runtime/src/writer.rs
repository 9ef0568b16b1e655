//! The market writer on a thread of its own, behind a bounded queue: answers leave when they are durable.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use sycee_contract::{Date, Rejection, Timestamp};

use crate::{Executed, Fault, MarketWriter, Stimulus};

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
        let orders = self.orders.as_ref().ok_or(Busy)?;
        match orders.try_send(order(reply)) {
            Ok(()) => Ok(Reply { receiver }),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Err(Busy),
        }
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
                take(&mut market, order, &mut waiting);
                taken += 1;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => open = false,
        }
        while taken < BATCH_MAX {
            match inbox.try_recv() {
                Ok(order) => take(&mut market, order, &mut waiting),
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

fn take(market: &mut MarketWriter, order: Order, waiting: &mut HashMap<u64, SyncSender<Result<Executed, Fault>>>) {
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
    };
    match result {
        Ok(()) => {
            waiting.insert(ticket, reply);
        }
        // Nobody waiting any more is no failure.
        Err(fault) => drop(reply.try_send(Err(fault))),
    }
}

fn deliver(market: &mut MarketWriter, waiting: &mut HashMap<u64, SyncSender<Result<Executed, Fault>>>) {
    for (ticket, outcome) in market.take_completed() {
        if let Some(reply) = waiting.remove(&ticket) {
            // Nobody waiting any more is no failure.
            drop(reply.try_send(outcome));
        }
    }
}
