//! The live market: its writer on a thread of its own, behind a bounded queue.
//!
//! The thread runs requests, fires timers, opens business days and has effects executed, all on one [`Clock`]. Answers
//! leave when they are durable.
//!
//! Invariant: whoever was let in gets exactly one answer; when the writer stops without one, the answer says why.
//! Invariant: requests run in the order in which they came, and that is the order of the log. Of the timers that are due,
//! a bounded number goes before the requests of each turn; all of a day that is over go before any request.

mod options;
mod outgoing;
mod turns;

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError, channel, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;

use sycee_contract::{Date, Rejection};

pub use self::options::{BusinessDays, Live, LiveStatus};
use self::outgoing::Report;
use self::turns::Turns;
use crate::{Executed, Fault, FaultKind, MarketWriter, Stimulus};

/// Why nothing could be handed in.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    /// The queue is full: come back in a moment.
    #[error("the market is busy: {0} requests wait; try again in a second")]
    Busy(usize),
    /// The writer does not write any more; the fault's kind says why.
    #[error(transparent)]
    Stopped(Fault),
}

/// Where a stimulus' durable outcome appears. To drop it harms nobody.
pub struct Reply {
    receiver: Receiver<Result<Executed, Fault>>,
    ending: Arc<Ending>,
}

impl Reply {
    /// Waits until the outcome is durable, or until the writer has stopped.
    ///
    /// Errors: as [`MarketWriter::execute`], and why the writer stopped before that.
    pub fn wait(self) -> Result<Executed, Fault> {
        self.receiver.recv().unwrap_or_else(|_| Err(self.ending.fault()))
    }

    /// As [`Self::wait`], for the answer of command `C`.
    ///
    /// Errors: as [`Self::wait`]; inside, why the command was refused.
    pub fn answer<C: sycee_contract::Command>(self) -> Result<Result<C::Answer, Rejection>, Fault> {
        self.wait().map(|executed| executed.answer::<C>())
    }
}

/// Why the writer ends, for everybody who asks.
#[derive(Default)]
struct Ending {
    stopping: AtomicBool,
    why: OnceLock<(FaultKind, String)>,
}

impl Ending {
    fn fault(&self) -> Fault {
        match self.why.get() {
            Some((kind, why)) => Fault::new(*kind, format!("the writer stopped: {why}")),
            None => Fault::new(FaultKind::Stopped, "the writer stops: it was asked to"),
        }
    }

    fn is_over(&self) -> bool {
        self.stopping.load(Ordering::Acquire) || self.why.get().is_some()
    }
}

type Tell = Box<dyn FnOnce(Result<Executed, Fault>) + Send>;

/// Somebody who waits for an outcome, and gets one whatever happens.
struct Waiter {
    tell: Option<Tell>,
    ending: Arc<Ending>,
}

impl Waiter {
    fn tell(mut self, outcome: Result<Executed, Fault>) {
        if let Some(tell) = self.tell.take() {
            tell(outcome);
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        if let Some(tell) = self.tell.take() {
            tell(Err(self.ending.fault()));
        }
    }
}

enum Order {
    Run(Box<Stimulus>, Option<Date>, Waiter),
    Executed(Box<Report>),
    Settle(Sender<()>),
    Wake,
    Stop,
}

impl Order {
    fn stimulus(&self) -> Option<&Stimulus> {
        match self {
            Self::Run(stimulus, ..) => Some(stimulus),
            Self::Executed(report) => report.answer(),
            Self::Settle(_) | Self::Wake | Self::Stop => None,
        }
    }
}

/// A market's writer thread.
pub struct Writer {
    orders: SyncSender<Order>,
    queue_max: usize,
    ending: Arc<Ending>,
    status: Arc<Mutex<LiveStatus>>,
    thread: Option<JoinHandle<Result<MarketWriter, Fault>>>,
}

impl Writer {
    /// Starts the thread with an opened market. Timers and effects that are overdue go out at once, in order.
    ///
    /// Errors: `Outage` when the clock cannot be right, or there is no thread.
    pub fn spawn(market: MarketWriter, live: Live) -> Result<Self, Fault> {
        let queue_max = live.queue_max;
        let (orders, inbox) = sync_channel(queue_max);
        let ending = Arc::new(Ending::default());
        let status = Arc::new(Mutex::new(LiveStatus::default()));
        let waker = orders.clone();
        // A full queue keeps the writer awake; one that is gone needs no waking.
        live.clock
            .on_move(Box::new(move || !matches!(waker.try_send(Order::Wake), Err(TrySendError::Disconnected(_)))));
        let turns = Turns::new(market, live, inbox, orders.clone(), Arc::clone(&status))?;
        let end = Arc::clone(&ending);
        let thread = std::thread::Builder::new()
            .name("sycee-writer".to_owned())
            .spawn(move || run(turns, &end))
            .map_err(|error| Fault::outage("no writer thread").because(error))?;
        Ok(Self { orders, queue_max, ending, status, thread: Some(thread) })
    }

    /// Hands in a stimulus. It is stamped with the market's time when its turn comes.
    ///
    /// Errors: [`Unavailable`]; nothing is dropped silently.
    pub fn submit(&self, stimulus: Stimulus) -> Result<Reply, Unavailable> {
        self.with_reply(|tell| self.run(stimulus, None, tell))
    }

    /// As [`Self::submit`]; `tell` is called once with the durable outcome, on the writer's thread: it must not block.
    ///
    /// Errors: [`Unavailable`]; `tell` is not called then.
    pub fn submit_then(
        &self,
        stimulus: Stimulus,
        tell: impl FnOnce(Result<Executed, Fault>) + Send + 'static,
    ) -> Result<(), Unavailable> {
        self.run(stimulus, None, Box::new(tell))
    }

    /// Moves the business date on by hand, in a market whose days do not open by themselves.
    ///
    /// Errors: [`Unavailable`]; nothing is dropped silently.
    pub fn advance(&self, today: Date, event: Stimulus) -> Result<Reply, Unavailable> {
        self.with_reply(|tell| self.run(event, Some(today), tell))
    }

    fn with_reply(&self, hand_in: impl FnOnce(Tell) -> Result<(), Unavailable>) -> Result<Reply, Unavailable> {
        let (reply, receiver) = sync_channel(1);
        // Nobody waiting any more is no failure.
        hand_in(Box::new(move |outcome| drop(reply.try_send(outcome))))?;
        Ok(Reply { receiver, ending: Arc::clone(&self.ending) })
    }

    fn run(&self, stimulus: Stimulus, advance: Option<Date>, tell: Tell) -> Result<(), Unavailable> {
        if self.ending.is_over() {
            return Err(Unavailable::Stopped(self.ending.fault()));
        }
        let waiter = Waiter { tell: Some(tell), ending: Arc::clone(&self.ending) };
        let refused = match self.orders.try_send(Order::Run(Box::new(stimulus), advance, waiter)) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Full(order)) => (order, Unavailable::Busy(self.queue_max)),
            Err(TrySendError::Disconnected(order)) => (order, Unavailable::Stopped(self.ending.fault())),
        };
        if let Order::Run(_, _, mut waiter) = refused.0 {
            // Who was not let in hears it here, and only here.
            waiter.tell = None;
        }
        Err(refused.1)
    }

    /// How the market is doing.
    pub fn status(&self) -> LiveStatus {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Why the writer stopped, if it did.
    pub fn fault(&self) -> Option<Fault> {
        self.ending.why.get().map(|_| self.ending.fault())
    }

    /// Waits until nothing is due, nothing is being executed outside, and everything is durable.
    ///
    /// Errors: why the writer stopped before that.
    pub fn settle(&self) -> Result<(), Fault> {
        let (settled, wait) = channel();
        // A writer that is gone drops the other end too.
        drop(self.orders.send(Order::Settle(settled)));
        wait.recv().map_err(|_| self.ending.fault())
    }

    /// Stops when everything handed in is durable and answered, and gives the market back.
    ///
    /// Effects that are being executed may end within the grace of [`Live`]; those that do not stay pending and are
    /// executed again, with the same key, when the market is open again.
    ///
    /// Errors: why the writer stopped before that; `Bug` when its thread panicked.
    pub fn stop(mut self) -> Result<MarketWriter, Fault> {
        self.ask_to_stop();
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            _ => Err(Fault::bug("the writer thread panicked")),
        }
    }

    fn ask_to_stop(&self) {
        self.ending.stopping.store(true, Ordering::Release);
        // A writer that is gone has stopped.
        drop(self.orders.send(Order::Stop));
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.ask_to_stop();
            // Whatever went wrong has already been answered to those who waited.
            drop(thread.join());
        }
    }
}

/// The thread's life. Why it ends is known before the last waiter hears of it.
fn run(mut turns: Turns, ending: &Ending) -> Result<MarketWriter, Fault> {
    let ended = std::panic::catch_unwind(AssertUnwindSafe(|| turns.run()));
    let result = ended.unwrap_or_else(|_| Err(Fault::bug("the writer panicked outside of any handler")));
    let why = match &result {
        Ok(()) => (FaultKind::Stopped, "it was asked to".to_owned()),
        Err(fault) => (fault.kind, fault.message.clone()),
    };
    // It is set here alone.
    drop(ending.why.set(why));
    turns.end(result)
}
