//! The ledger: append-only double entries in the writer's memory, with tables of its own.
//!
//! Balances, limits and chain ends live in memory; what a batch appends is handed over by `flush` in one go. Nothing
//! on the way there is random: transfers and entries go to the end of their tables, and only a slice of the dirty
//! accounts gets a snapshot each time.
//!
//! Invariant: every transfer debits one account and credits another of the same currency by the same amount, so debits
//! equal credits per entry, per currency and in total.
//! Invariant: an entry is written whole or not at all; what a rollback takes back leaves no trace, not even a number.
//! Invariant: each transfer names, for both accounts, the transfer before it and the balance after it.
//! Invariant: memory equals the tables: a ledger that is loaded back has the same digest.

mod account;
mod day_sum;
mod entry;
mod error;
mod flush;
mod hold;
pub(crate) mod recovery;
pub(crate) mod rows;
mod transfer;
mod undo;
pub(crate) mod verify;

use std::collections::VecDeque;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use sycee_contract::{EntryId, Identifier, Timestamp};
use sycee_money::Currency;

pub use account::{AccountKind, AccountNr, AccountSpec, Constraint};
pub use entry::{Day, Entry, EntryDraft, Hash, Label, Line, Phase, PostedEntry, Transfer};
pub use error::LedgerError;
pub use hold::Hold;
pub use transfer::TRANSFER_MAX;

use account::{AccountState, Accounts};
use day_sum::DaySum;
use entry::GENESIS;
use transfer::Effect;
use undo::Undo;

/// How many accounts each flush visits for a snapshot at the least, unless told otherwise.
const SNAPSHOTS_MIN: usize = 16;

/// The books of one market.
pub struct Ledger {
    accounts: Accounts,
    last_transfer: i64,
    last_entry: i64,
    head: Hash,
    holds: FxHashMap<i64, Hold>,
    reversed: FxHashSet<i64>,
    templates: FxHashSet<Arc<str>>,
    fresh: Fresh,
    /// What the last flushes handed over, newest first; it may not be in the tables yet.
    in_flight: VecDeque<(Vec<Entry>, Vec<Transfer>)>,
    sweep: Sweep,
    snapshots_min: usize,
    undo: Vec<Undo>,
    buffer: Vec<u8>,
}

/// Where snapshots are taken: accounts in the order of their numbers, over and over, so that neighbours' rows share
/// pages.
///
/// Invariant: an account that has transfers after its snapshot had the first of them after `before`.
#[derive(Default)]
struct Sweep {
    /// The account that is visited next.
    next: usize,
    /// Last transfer when this sweep began.
    began: i64,
    /// Last transfer when the sweep before it began.
    before: i64,
}

/// What the current batch appends.
#[derive(Default)]
struct Fresh {
    transfers: Vec<Transfer>,
    entries: Vec<Entry>,
    /// Accounts from this number on are not written.
    first_account: usize,
    /// Day sums that had to make room.
    evicted: Vec<(AccountNr, DaySum)>,
    /// Holds opened and closed.
    holds: Vec<(i64, Option<Hold>)>,
    /// Reversed entries and their reversals.
    reversals: Vec<(i64, i64)>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new()
    }
}

impl Ledger {
    /// Empty books.
    pub fn new() -> Self {
        Self {
            accounts: Accounts::default(),
            last_transfer: 0,
            last_entry: 0,
            head: GENESIS,
            holds: FxHashMap::default(),
            reversed: FxHashSet::default(),
            templates: FxHashSet::default(),
            fresh: Fresh::default(),
            in_flight: VecDeque::new(),
            sweep: Sweep::default(),
            snapshots_min: SNAPSHOTS_MIN,
            undo: Vec::new(),
            buffer: Vec::with_capacity(1024),
        }
    }

    /// The account with this code in this currency, if it is open.
    pub fn find(&self, code: &str, currency: Currency) -> Option<AccountNr> {
        self.accounts.find(code, currency)
    }

    /// The account that `spec` describes; opens it on first use.
    ///
    /// Errors: `AccountDiffers` when it is open with other properties.
    pub fn open(&mut self, spec: AccountSpec) -> Result<AccountNr, LedgerError> {
        if let Some(nr) = self.find(&spec.code, spec.currency) {
            return if self.accounts.specs[nr.at()] == spec {
                Ok(nr)
            } else {
                Err(LedgerError::AccountDiffers { account: spec.code })
            };
        }
        let before = self.head;
        let nr = self.accounts.add(spec, self.last_entry)?;
        self.head = entry::hash_opening(&before, nr, &self.accounts.specs[nr.at()], &mut self.buffer);
        self.undo.push(Undo::Opened { head: before });
        Ok(nr)
    }

    /// Writes an entry. Errors leave the books as they were.
    pub fn post(&mut self, draft: EntryDraft<'_>) -> Result<EntryId, LedgerError> {
        self.write(&draft, 0, |ledger, entry| {
            for line in draft.lines {
                ledger.transfer(entry, draft.day, *line, Effect::posted(line.amount), 0)?;
            }
            Ok(())
        })
    }

    /// Writes the opposite of `original`, which is [read back](crate::reports::entry) or was just written.
    ///
    /// Lines are taken back last first, so that limits hold on the way. `draft.lines` is not used.
    /// Errors: `AlreadyReversed`; `NotReversible` for a reversal, and for holds, which are voided instead.
    pub fn reverse(&mut self, original: &PostedEntry, draft: EntryDraft<'_>) -> Result<EntryId, LedgerError> {
        let entry = original.entry.entry_id();
        if self.reversed.contains(&original.entry.id) {
            return Err(LedgerError::AlreadyReversed { entry });
        }
        if original.entry.reverses != 0 {
            return Err(LedgerError::NotReversible { entry, what: "a reversal" });
        }
        if original.transfers.iter().any(|transfer| !transfer.phase.moves()) {
            return Err(LedgerError::NotReversible { entry, what: "a hold" });
        }
        let reversal = self.write(&draft, original.entry.id, |ledger, entry| {
            for transfer in original.transfers.iter().rev() {
                let line = Line { debit: transfer.credit, credit: transfer.debit, amount: transfer.amount };
                ledger.transfer(entry, draft.day, line, Effect::posted(line.amount), 0)?;
            }
            Ok(())
        })?;
        self.reversed.insert(original.entry.id);
        self.fresh.reversals.push((original.entry.id, reversal.number()));
        self.undo.push(Undo::Reversed { entry: original.entry.id });
        Ok(reversal)
    }

    /// An entry that the tables may not have yet: of the current batch, or of those being written.
    pub fn recent_entry(&self, id: EntryId) -> Option<PostedEntry> {
        let fresh = (&self.fresh.entries, &self.fresh.transfers);
        let in_flight = self.in_flight.iter().map(|(entries, transfers)| (entries, transfers));
        std::iter::once(fresh).chain(in_flight).find_map(|(entries, transfers)| {
            let at = usize::try_from(id.number().checked_sub(entries.first()?.id)?).ok()?;
            let entry = entries.get(at)?.clone();
            let from = usize::try_from(entry.first_transfer - transfers.first()?.id).ok()?;
            let until = from + usize::try_from(entry.transfer_count).ok()?;
            Some(PostedEntry { entry, transfers: transfers.get(from..until)?.to_vec() })
        })
    }

    /// What an account is.
    pub fn account(&self, nr: AccountNr) -> Option<&AccountSpec> {
        self.accounts.specs.get(nr.at())
    }

    /// Posted debits minus credits of an account, in units; 0 for an account that does not exist.
    pub fn balance(&self, nr: AccountNr) -> i64 {
        self.accounts.states.get(nr.at()).map_or(0, |state| state.balance)
    }

    /// Held debits and held credits of an account, in units.
    pub fn pending(&self, nr: AccountNr) -> (i64, i64) {
        self.accounts.states.get(nr.at()).map_or((0, 0), |state| (state.pending_debit, state.pending_credit))
    }

    /// Sum of all posted balances in a currency, in units: always zero.
    pub fn total(&self, currency: Currency) -> i128 {
        let states = self.accounts.states.iter().filter(|state| state.currency == currency);
        states.map(|state| i128::from(state.balance)).sum()
    }

    /// How many accounts are open.
    pub fn accounts(&self) -> usize {
        self.accounts.len()
    }

    /// The last entry; `None` in empty books.
    pub fn last_entry(&self) -> Option<EntryId> {
        (self.last_entry > 0).then(|| EntryId::from_number(self.last_entry))
    }

    /// Number of the last transfer; 0 in empty books.
    pub const fn last_transfer(&self) -> i64 {
        self.last_transfer
    }

    /// Hash of everything written so far.
    pub const fn head(&self) -> Hash {
        self.head
    }

    /// Writes the head of an entry around the transfers that `apply` makes.
    fn write(
        &mut self,
        draft: &EntryDraft<'_>,
        reverses: i64,
        apply: impl FnOnce(&mut Self, i64) -> Result<(), LedgerError>,
    ) -> Result<EntryId, LedgerError> {
        let mark = self.undo.len();
        let from = self.fresh.transfers.len();
        let entry_nr = self.last_entry + 1;
        self.undo.push(Undo::Entry { head: self.head, transfers: from, evicted: self.fresh.evicted.len() });
        self.last_entry = entry_nr;
        let applied = apply(self, entry_nr);
        let count = self.fresh.transfers.len() - from;
        if applied.is_err() || count == 0 {
            self.undo_to(mark);
            return Err(applied.err().unwrap_or(LedgerError::EmptyEntry));
        }
        let mut entry = Entry {
            id: entry_nr,
            posted_at: draft.posted_at,
            business_date: draft.day,
            template: self.interned(draft.template),
            reference: Label(Arc::from(draft.reference)),
            reverses,
            first_transfer: self.fresh.transfers[from].id,
            transfer_count: count as i64,
            hash: GENESIS,
        };
        entry.hash = entry.hash_after(&self.head, &self.fresh.transfers[from..], &mut self.buffer);
        self.head = entry.hash;
        self.fresh.entries.push(entry);
        Ok(EntryId::from_number(entry_nr))
    }

    fn interned(&mut self, template: &str) -> Label {
        if let Some(known) = self.templates.get(template) {
            return Label(Arc::clone(known));
        }
        let text: Arc<str> = Arc::from(template);
        self.templates.insert(Arc::clone(&text));
        Label(text)
    }

    fn code_of(&self, nr: AccountNr) -> String {
        self.account(nr).map_or_else(|| nr.number().to_string(), |spec| spec.code.clone())
    }

    fn state(&self, nr: AccountNr) -> Result<AccountState, LedgerError> {
        self.accounts.states.get(nr.at()).copied().ok_or(LedgerError::UnknownAccountNr { number: nr.number() })
    }

    /// A hash of what the books say, whatever has been flushed.
    pub fn logical_digest(&self) -> Hash {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.head.0);
        for number in [self.last_entry, self.last_transfer] {
            hasher.update(&number.to_le_bytes());
        }
        for state in &self.accounts.states {
            for number in [state.balance, state.pending_debit, state.pending_credit, state.last_transfer] {
                hasher.update(&number.to_le_bytes());
            }
        }
        let mut holds: Vec<i64> = self.holds.keys().copied().collect();
        let mut reversed: Vec<i64> = self.reversed.iter().copied().collect();
        holds.sort_unstable();
        reversed.sort_unstable();
        for number in holds.iter().chain(&[0]).chain(&reversed) {
            hasher.update(&number.to_le_bytes());
        }
        Hash(*hasher.finalize().as_bytes())
    }
}

/// What stands at the head of an entry that has no lines of its own.
impl<'a> EntryDraft<'a> {
    /// A draft without lines, for reversals and holds.
    pub const fn bare(template: &'a str, reference: &'a str, day: Day, posted_at: Timestamp) -> Self {
        Self { lines: &[], template, reference, day, posted_at }
    }
}
