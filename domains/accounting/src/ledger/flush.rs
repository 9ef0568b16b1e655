//! What a batch appends, as flat rows.
//!
//! Invariant: what is flushed is exactly what happened since the last flush; afterwards nothing can be taken back.

use std::mem;

use sycee_runtime::storage::{Reader, TableRows, TableSpec, Value, Write};
use sycee_runtime::{BATCHES_WRITING_MAX, Entity, Fault, Resident};

use super::account::AccountNr;
use super::day_sum::DaySum;
use super::entry::Day;
use super::rows::{ALL_TABLES, AccountRow, DayRow, HoldRow, Reversal, Snapshot, TABLES, Tail};
use super::{Ledger, Sweep};

/// One account is visited for each so many transfers: the tail that recovery reads, two sweeps at the most, stays below
/// sixteen transfers an account.
const TRANSFERS_PER_SNAPSHOT: usize = 8;

impl Resident for Ledger {
    const OWNER: &'static str = "accounting-center";

    fn tables() -> &'static [&'static TableSpec] {
        &*ALL_TABLES
    }

    fn load(reader: &mut dyn Reader) -> Result<Self, Fault> {
        Self::recover(reader)
    }

    fn savepoint(&self) -> usize {
        self.undo.len()
    }

    fn rollback(&mut self, to: usize) {
        self.undo_to(to);
    }

    fn flush(&mut self) -> Vec<TableRows> {
        let tables = &*TABLES;
        let mut commit = Vec::new();
        append(&mut commit, &tables.account, Write::Append, &self.fresh_accounts());
        append(&mut commit, &tables.entry, Write::Append, &self.fresh.entries);
        append(&mut commit, &tables.transfer, Write::Append, &self.fresh.transfers);
        self.flush_holds(&mut commit);
        let reversals = mem::take(&mut self.fresh.reversals);
        let reversals: Vec<_> =
            reversals.into_iter().map(|(entry, reversed_by)| Reversal { entry, reversed_by }).collect();
        append(&mut commit, &tables.reversal, Write::Append, &reversals);
        if !self.fresh.transfers.is_empty() {
            let (snapshots, days) = self.next_slice();
            append(&mut commit, &tables.day, Write::Upsert, &days);
            append(&mut commit, &tables.snapshot, Write::Append, &snapshots);
            append(&mut commit, &tables.tail, Write::Upsert, &[Tail { id: 1, tail_from: self.tail_from() }]);
            self.in_flight.truncate(BATCHES_WRITING_MAX - 1);
            self.in_flight.push_front((mem::take(&mut self.fresh.entries), mem::take(&mut self.fresh.transfers)));
        }
        self.fresh.first_account = self.accounts.len();
        self.undo.clear();
        commit
    }

    fn digest(&self) -> [u8; 32] {
        self.logical_digest().0
    }
}

impl Ledger {
    /// Sets how many accounts each flush visits for a snapshot at the least: more is a shorter recovery.
    pub fn set_snapshots_min(&mut self, snapshots_min: usize) {
        self.snapshots_min = snapshots_min.max(1);
    }

    fn fresh_accounts(&self) -> Vec<AccountRow> {
        let row = |nr: usize| {
            let spec = &self.accounts.specs[nr];
            AccountRow {
                nr: AccountNr::new(nr as u32),
                code: spec.code.clone(),
                kind: spec.kind,
                currency: spec.currency,
                owner: spec.owner.clone(),
                side: spec.constraint,
                opened_after: self.accounts.opened_after[nr],
            }
        };
        (self.fresh.first_account..self.accounts.len()).map(row).collect()
    }

    /// Holds that are still open are written; those closed are deleted.
    fn flush_holds(&mut self, commit: &mut Vec<TableRows>) {
        let changes = mem::take(&mut self.fresh.holds);
        let still_open = |(transfer, hold): &(i64, Option<super::Hold>)| {
            let hold = hold.filter(|_| self.holds.contains_key(transfer))?;
            Some(HoldRow { transfer: *transfer, debit: hold.debit, credit: hold.credit, amount: hold.amount })
        };
        let opened: Vec<_> = changes.iter().filter_map(still_open).collect();
        append(commit, &TABLES.hold, Write::Append, &opened);
        let closed: Vec<Value> =
            changes.iter().filter(|(_, hold)| hold.is_none()).map(|(transfer, _)| Value::Int(*transfer)).collect();
        if !closed.is_empty() {
            commit.push(TableRows { table: &TABLES.hold, write: Write::Delete, rows: closed });
        }
    }

    /// Snapshots and day rows of the accounts whose turn it is, and of those with a day to write.
    fn next_slice(&mut self) -> (Vec<Snapshot>, Vec<DayRow>) {
        let evicted = mem::take(&mut self.fresh.evicted);
        let mut snapshots = Vec::new();
        let mut days: Vec<DayRow> = evicted.iter().map(|(account, sum)| day_row(*account, sum)).collect();
        for (account, _) in evicted {
            self.snapshot(account, &mut snapshots, &mut days);
        }
        let visits = self.snapshots_min.max(self.fresh.transfers.len() / TRANSFERS_PER_SNAPSHOT);
        for _ in 0..visits.min(self.accounts.len()) {
            if self.sweep.next >= self.accounts.len() {
                self.sweep = Sweep { next: 0, began: self.last_transfer, before: self.sweep.began };
            }
            self.snapshot(AccountNr::new(self.sweep.next as u32), &mut snapshots, &mut days);
            self.sweep.next += 1;
        }
        (snapshots, days)
    }

    fn snapshot(&mut self, account: AccountNr, snapshots: &mut Vec<Snapshot>, days: &mut Vec<DayRow>) {
        let state = &mut self.accounts.states[account.at()];
        if !state.dirty {
            return;
        }
        state.dirty = false;
        for sum in state.days.sums.iter_mut().filter(|sum| sum.unwritten) {
            sum.unwritten = false;
            days.push(day_row(account, sum));
        }
        snapshots.push(Snapshot {
            account,
            upto: self.last_transfer,
            balance: state.balance,
            last_transfer: state.last_transfer,
        });
    }

    /// No transfer before this one is missing in a snapshot.
    pub(super) const fn tail_from(&self) -> i64 {
        self.sweep.before + 1
    }
}

fn day_row(account: AccountNr, sum: &DaySum) -> DayRow {
    DayRow { account, day: Day(sum.day), since: sum.since, last_transfer: sum.last, net: sum.net }
}

fn append<E: Entity>(commit: &mut Vec<TableRows>, table: &'static TableSpec, write: Write, entities: &[E]) {
    if entities.is_empty() {
        return;
    }
    let mut rows = Vec::with_capacity(entities.len() * table.columns.len());
    for entity in entities {
        entity.write(&mut rows);
    }
    commit.push(TableRows { table, write, rows });
}
