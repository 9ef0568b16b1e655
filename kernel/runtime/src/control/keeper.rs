//! Keeps a lease alive while its market is open, and gives it back afterwards.
//!
//! Invariant: a lease is renewed at a third of its time, so two renewals may fail before it expires.
//! Invariant: once the lease is lost, the keeper neither renews nor releases anything any more.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use sycee_contract::Timestamp;

use super::{ControlError, ControlStore, Lease};
use crate::Fault;

/// A clock: the wall clock, or a test's.
type Clock = Box<dyn Fn() -> Timestamp + Send>;

/// Renews a lease on a thread of its own until it is dropped; then releases it.
pub struct LeaseKeeper {
    lease: Lease,
    orders: Option<Sender<Sender<Result<(), ControlError>>>>,
    thread: Option<JoinHandle<()>>,
    lost: Arc<Mutex<Option<String>>>,
}

struct Keeping {
    store: ControlStore,
    lease: Lease,
    ttl: Duration,
    clock: Clock,
    lost: Arc<Mutex<Option<String>>>,
}

impl LeaseKeeper {
    /// Keeps `lease`, which lasts `ttl` after each renewal.
    ///
    /// Errors: `Outage` when there is no thread.
    pub fn spawn(
        store: ControlStore,
        lease: Lease,
        ttl: Duration,
        clock: impl Fn() -> Timestamp + Send + 'static,
    ) -> Result<Self, Fault> {
        let (orders, inbox) = channel();
        let lost = Arc::new(Mutex::new(None));
        let clock: Clock = Box::new(clock);
        let keeping = Keeping { store, lease: lease.clone(), ttl, clock, lost: Arc::clone(&lost) };
        let thread = std::thread::Builder::new()
            .name("sycee-lease".to_owned())
            .spawn(move || keeping.run(&inbox))
            .map_err(|error| Fault::outage("no thread for the lease").because(error))?;
        Ok(Self { lease, orders: Some(orders), thread: Some(thread), lost })
    }

    /// The lease, as it was when it was handed over.
    pub const fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Why the lease was lost, if it was: whoever writes the market should stop.
    pub fn lost(&self) -> Option<String> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Renews at once, whatever the time.
    ///
    /// Errors: `Lost`; a Fault when the control store does not answer, which the next renewal may get over.
    pub fn renew(&self) -> Result<(), ControlError> {
        let gone = || ControlError::Lost { market: self.lease.market.clone(), epoch: self.lease.epoch };
        let (reply, answer) = channel();
        self.orders.as_ref().ok_or_else(gone)?.send(reply).map_err(|_| gone())?;
        answer.recv().map_err(|_| gone())?
    }
}

impl Drop for LeaseKeeper {
    fn drop(&mut self) {
        self.orders.take();
        if let Some(thread) = self.thread.take() {
            // A lease that could not be released expires by itself.
            drop(thread.join());
        }
    }
}

impl Keeping {
    fn run(mut self, inbox: &Receiver<Sender<Result<(), ControlError>>>) {
        loop {
            let reply = match inbox.recv_timeout(self.ttl / 3) {
                Ok(reply) => Some(reply),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let renewed = self.renew();
            let is_lost = matches!(renewed, Err(ControlError::Lost { .. }));
            if let Some(reply) = reply {
                // Nobody waiting any more is no failure.
                drop(reply.send(renewed));
            }
            if is_lost {
                return;
            }
        }
        // A lease that cannot be released expires by itself.
        drop(self.store.release(&self.lease));
    }

    fn renew(&mut self) -> Result<(), ControlError> {
        match self.store.renew(&self.lease, self.ttl, (self.clock)()) {
            Ok(lease) => {
                self.lease = lease;
                Ok(())
            }
            Err(error) => {
                if matches!(error, ControlError::Lost { .. }) {
                    *self.lost.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
                }
                Err(error)
            }
        }
    }
}
