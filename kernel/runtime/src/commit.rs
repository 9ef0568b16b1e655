//! The flush thread: encodes a finished batch, writes it in one durable transaction, and says so.
//!
//! Invariant: batches are written in the order they were sealed; after a failure nothing later is written.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;

use crate::cache::DirtyRows;
use crate::log::{LogRecord, Names};
use crate::seal::KeyRing;
use crate::storage::{Commit, Store, TableRows, Value, Write};
use crate::system::{message_log, person_key};
use crate::{Fault, FaultKind};

/// A sealed batch.
pub(crate) struct Job {
    pub batch: i64,
    pub dirty: Vec<Box<dyn DirtyRows>>,
    pub resident: Vec<TableRows>,
    pub log: Vec<LogRecord>,
}

pub(crate) enum Order {
    Write(Box<Job>),
    Describe(Sender<Result<Vec<(String, String)>, Fault>>),
}

pub(crate) struct Flusher {
    orders: Option<Sender<Order>>,
    done: Receiver<(i64, Result<(), Fault>)>,
    thread: Option<JoinHandle<()>>,
}

impl Flusher {
    pub(crate) fn spawn(mut store: Box<dyn Store>, keys: Arc<KeyRing>, names: Names) -> Result<Self, Fault> {
        let (orders, inbox) = channel::<Order>();
        let (outbox, done) = channel();
        let thread = std::thread::Builder::new()
            .name("sycee-flush".to_owned())
            .spawn(move || {
                let mut broken = false;
                while let Ok(order) = inbox.recv() {
                    match order {
                        Order::Write(job) => {
                            let batch = job.batch;
                            let result = if broken {
                                Err(Fault::outage("an earlier batch was not written"))
                            } else {
                                write(&mut *store, *job, &keys, &names)
                            };
                            broken |= result.is_err();
                            if outbox.send((batch, result)).is_err() {
                                break;
                            }
                        }
                        Order::Describe(reply) => {
                            // Nobody waiting any more is no failure of the store.
                            drop(reply.send(store.describe()));
                        }
                    }
                }
            })
            .map_err(|error| Fault::outage("no flush thread").because(error))?;
        Ok(Self { orders: Some(orders), done, thread: Some(thread) })
    }

    pub(crate) fn send(&self, job: Job) -> Result<(), Fault> {
        self.order(Order::Write(Box::new(job)))
    }

    fn order(&self, order: Order) -> Result<(), Fault> {
        let gone = || Fault::new(FaultKind::Outage, "the flush thread is gone");
        self.orders.as_ref().ok_or_else(gone)?.send(order).map_err(|_| gone())
    }

    /// Waits for what becomes of `batch`; a thread that is gone has lost it.
    pub(crate) fn wait(&self, batch: i64) -> (i64, Result<(), Fault>) {
        self.done.recv().unwrap_or_else(|_| (batch, Err(Fault::outage("the flush thread is gone"))))
    }

    /// What became of `batch`, if it is known; a thread that is gone has lost it.
    pub(crate) fn poll(&self, batch: i64) -> Option<(i64, Result<(), Fault>)> {
        match self.done.try_recv() {
            Ok(done) => Some(done),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some((batch, Err(Fault::outage("the flush thread is gone")))),
        }
    }

    pub(crate) fn describe(&self) -> Result<Vec<(String, String)>, Fault> {
        let (reply, answer) = channel();
        self.order(Order::Describe(reply))?;
        answer.recv().map_err(|_| Fault::outage("the flush thread is gone"))?
    }
}

impl Drop for Flusher {
    fn drop(&mut self) {
        self.orders.take();
        if let Some(thread) = self.thread.take() {
            // A panic there has already been reported as a lost batch.
            drop(thread.join());
        }
    }
}

fn write(store: &mut dyn Store, job: Job, keys: &Arc<KeyRing>, names: &Names) -> Result<(), Fault> {
    let mut commit = Commit { tables: Vec::new(), batch: job.batch };
    for rows in job.dirty {
        rows.encode(keys, &mut commit)?;
    }
    commit.tables.extend(job.resident.into_iter().filter(|rows| !rows.rows.is_empty()));
    let mut compressor = crate::log::compressor()?;
    let mut rows = Vec::with_capacity(job.log.len() * message_log().columns.len());
    for record in &job.log {
        record.encode(names, keys, &mut compressor, &mut rows)?;
    }
    if !rows.is_empty() {
        commit.tables.push(TableRows { table: message_log(), write: Write::Append, rows });
    }
    let fresh = keys.take_fresh();
    if !fresh.is_empty() {
        let rows = fresh.iter().flat_map(|(subject, wrapped)| [Value::Int(*subject), Value::bytes(wrapped)]).collect();
        commit.tables.push(TableRows { table: person_key(), write: Write::Upsert, rows });
    }
    store.commit(&commit)?;
    keys.written();
    Ok(())
}
