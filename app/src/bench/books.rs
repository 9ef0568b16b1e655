//! Books under load: a ledger in memory, and a thread that makes its batches durable.
//!
//! Invariant: at most one batch is being written while the next is posted.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Instant;

use sycee_accounting::ledger::{AccountKind, AccountNr, AccountSpec, Constraint, Day, EntryDraft, Ledger, Line};
use sycee_accounting::reports;
use sycee_contract::Timestamp;
use sycee_money::Currency;
use sycee_psp::SplitMix64;
use sycee_runtime::storage::{Commit, Store};
use sycee_runtime::{Fault, Resident as _};

use super::place::{GONE, Place};
use crate::interrupt;
use crate::output::Failure;

/// Seed of the pairs and amounts.
const SEED: u64 = 42;
/// What each constrained account is given, in units: more than any run takes away.
const OPENING_UNITS: i64 = 1_000_000_000_000;
/// Largest amount of a transfer, in units.
const AMOUNT_MAX: i64 = 1_000_000;
/// Entries of one batch while accounts are opened.
const OPENING_BATCH: u32 = 10_000;
/// Business date of every entry.
const DAY: Day = Day(20_000);
/// When every entry was taken in.
const POSTED_AT: Timestamp = Timestamp::from_micros(1_728_000_000_000_000);

/// A ledger with its accounts open, and its committer.
pub struct Books {
    ledger: Ledger,
    random: SplitMix64,
    accounts: u32,
    lines: Vec<Line>,
    batch: i64,
    committer: Committer,
}

impl Books {
    /// Opens `accounts` accounts, a third of them limited on one side, and gives the limited ones money.
    pub fn open(place: &Place, accounts: u32) -> Result<Self, Failure> {
        let (store, batch) = place.market_store()?;
        let mut books = Self {
            ledger: Ledger::new(),
            random: SplitMix64::new(SEED),
            accounts,
            lines: Vec::new(),
            batch,
            committer: Committer::spawn(store)?,
        };
        for nr in 0..accounts {
            books.ledger.open(spec(nr)).map_err(broken)?;
        }
        for nr in (0..accounts).filter(|nr| constraint(*nr) != Constraint::Free) {
            books.fund(nr)?;
            if nr % OPENING_BATCH == 0 {
                books.seal()?;
            }
        }
        books.settle()?;
        Ok(books)
    }

    fn fund(&mut self, nr: u32) -> Result<(), Failure> {
        let (limited, free) = (AccountNr::new(nr), AccountNr::new(1));
        let line = match constraint(nr) {
            Constraint::DebitsWithinCredits => Line { debit: free, credit: limited, amount: OPENING_UNITS },
            _ => Line { debit: limited, credit: free, amount: OPENING_UNITS },
        };
        self.lines.clear();
        self.lines.push(line);
        self.post()
    }

    /// Posts one entry of `lines` transfers between accounts that are drawn.
    pub fn post_random(&mut self, lines: u32) -> Result<(), Failure> {
        self.lines.clear();
        for _ in 0..lines {
            let debit = self.draw(self.accounts);
            let credit = (debit + 1 + self.draw(self.accounts - 1)) % self.accounts;
            let amount = self.random.between(1, AMOUNT_MAX);
            self.lines.push(Line { debit: AccountNr::new(debit), credit: AccountNr::new(credit), amount });
        }
        self.post()
    }

    fn draw(&mut self, below: u32) -> u32 {
        u32::try_from(self.random.below(u64::from(below))).unwrap_or(0)
    }

    fn post(&mut self) -> Result<(), Failure> {
        let draft = EntryDraft {
            lines: &self.lines,
            template: "repayment-received",
            reference: "loan-1042|rpo-77|Normal|-|momo-778812",
            day: DAY,
            posted_at: POSTED_AT,
        };
        self.ledger.post(draft).map(|_| ()).map_err(broken)
    }

    /// Ends the batch: waits until the one before is durable and hands this one over. Answers when that was so.
    ///
    /// Errors: also `Stopped` when somebody has asked for it.
    pub fn seal(&mut self) -> Result<Option<Instant>, Failure> {
        interrupt::check(GONE)?;
        let tables = self.ledger.flush();
        let before = self.committer.wait()?;
        self.batch += 1;
        self.committer.send(Commit { tables, batch: self.batch })?;
        Ok(before)
    }

    /// Makes everything durable. Answers when it was.
    pub fn settle(&mut self) -> Result<Instant, Failure> {
        self.seal()?;
        Ok(self.committer.wait()?.unwrap_or_else(Instant::now))
    }

    /// Replays what is stored, and compares it with memory.
    pub fn verify(&self, place: &Place) -> Result<(), Failure> {
        let mut reader = place.store()?.reader()?;
        let report = reports::verify(&mut *reader, &mut |_| {})?;
        if let Some(finding) = report.findings.first() {
            return Err(Failure::Fault(format!("the stored books are wrong: {finding}")));
        }
        if report.head != self.ledger.head() {
            return Err(Failure::Fault("the stored books do not end where memory does".to_owned()));
        }
        Ok(())
    }
}

fn spec(nr: u32) -> AccountSpec {
    AccountSpec {
        code: format!("1100|par-{nr}"),
        kind: AccountKind::Asset,
        currency: Currency::GHS,
        owner: format!("par-{nr}"),
        constraint: constraint(nr),
    }
}

const fn constraint(nr: u32) -> Constraint {
    match nr % 6 {
        2 => Constraint::DebitsWithinCredits,
        5 => Constraint::CreditsWithinDebits,
        _ => Constraint::Free,
    }
}

fn broken(error: impl std::fmt::Display) -> Failure {
    Failure::Fault(error.to_string())
}

struct Committer {
    orders: Option<Sender<Commit>>,
    done: Receiver<Result<Instant, Fault>>,
    writing: bool,
    thread: Option<JoinHandle<()>>,
}

impl Committer {
    fn spawn(mut store: Box<dyn Store>) -> Result<Self, Failure> {
        let (orders, inbox) = channel::<Commit>();
        let (outbox, done) = channel();
        let thread = std::thread::Builder::new()
            .name("bench-flush".to_owned())
            .spawn(move || {
                while let Ok(commit) = inbox.recv() {
                    let result = store.commit(&commit).map(|()| Instant::now());
                    if outbox.send(result).is_err() {
                        break;
                    }
                }
            })
            .map_err(broken)?;
        Ok(Self { orders: Some(orders), done, writing: false, thread: Some(thread) })
    }

    fn send(&mut self, commit: Commit) -> Result<(), Failure> {
        self.writing = true;
        let sent = self.orders.as_ref().map(|orders| orders.send(commit));
        sent.and_then(Result::ok).ok_or_else(|| Failure::Fault("the flush thread is gone".to_owned()))
    }

    fn wait(&mut self) -> Result<Option<Instant>, Failure> {
        if !std::mem::take(&mut self.writing) {
            return Ok(None);
        }
        let done = self.done.recv().map_err(|_| Failure::Fault("the flush thread is gone".to_owned()))?;
        Ok(Some(done?))
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.orders.take();
        // The thread ends when its inbox is closed; what it could not write was reported by then.
        drop(self.thread.take().map(JoinHandle::join));
    }
}
