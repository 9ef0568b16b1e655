//! How the ledger comes back: accounts, newest snapshots, then the tail of transfers that they lack.
//!
//! Invariant: what is recovered has the digest of what was flushed, however the batches were cut.

use sycee_runtime::storage::{ColumnKind, Reader, Value};
use sycee_runtime::{Entity, Fault, RowReader, read_all};

use super::account::AccountNr;
use super::entry::{Day, Entry, GENESIS, Transfer, hash_opening};
use super::rows::{AccountRow, HoldRow, Reversal, Snapshot, TABLES, Tail};
use super::{Hold, Ledger, LedgerError, Sweep};

impl Ledger {
    pub(super) fn recover(reader: &mut dyn Reader) -> Result<Self, Fault> {
        let mut ledger = Self::new();
        ledger.load_accounts(reader)?;
        let upto = ledger.load_snapshots(reader)?;
        ledger.load_tail(reader, &upto)?;
        ledger.load_holds_and_reversals(reader)?;
        ledger.load_head(reader)?;
        ledger.undo.clear();
        Ok(ledger)
    }

    fn load_accounts(&mut self, reader: &mut dyn Reader) -> Result<(), Fault> {
        read_all::<AccountRow>(reader, "ORDER BY nr", &[], &mut |row| {
            if row.nr.at() != self.accounts.len() {
                return Err(Fault::corrupt(format!("account numbers are not dense at {}", row.nr.number())));
            }
            let opened_after = row.opened_after;
            self.accounts.add(row.into_spec(), opened_after).map(|_| ()).map_err(corrupt)
        })?;
        self.fresh.first_account = self.accounts.len();
        Ok(())
    }

    /// Answers, by account, the last transfer that its snapshot takes into account.
    fn load_snapshots(&mut self, reader: &mut dyn Reader) -> Result<Vec<i64>, Fault> {
        let mut upto = vec![0; self.accounts.len()];
        newest_snapshots(reader, &mut |snapshot| {
            let state = self.accounts.states.get_mut(snapshot.account.at());
            let state = state.ok_or_else(|| Fault::corrupt("a ledger snapshot has no account"))?;
            state.balance = snapshot.balance;
            state.last_transfer = snapshot.last_transfer;
            upto[snapshot.account.at()] = snapshot.upto;
            Ok(())
        })?;
        Ok(upto)
    }

    fn load_tail(&mut self, reader: &mut dyn Reader, upto: &[i64]) -> Result<(), Fault> {
        let from = tail_from(reader)?;
        self.last_transfer = from - 1;
        self.sweep = Sweep { next: 0, began: self.last_transfer, before: self.last_transfer };
        let columns = prefixed("t", &TABLES.transfer.column_list());
        let sql = format!(
            "SELECT {columns}, e.business_date FROM ledger_transfer t JOIN ledger_entry e ON e.id = t.entry \
             WHERE t.id >= $1 ORDER BY t.id"
        );
        let mut kinds = TABLES.transfer.kinds();
        kinds.push(ColumnKind::Date);
        reader.query(&sql, &[Value::Int(from)], &kinds, &mut |values| {
            let mut row = RowReader::new(values);
            let transfer = Transfer::read(&mut row)?;
            let day = <Day as sycee_runtime::Field>::read(&mut row)?;
            if transfer.id != self.last_transfer + 1 {
                return Err(Fault::corrupt(format!("ledger transfer {} is missing", self.last_transfer + 1)));
            }
            self.last_transfer = transfer.id;
            for account in [transfer.debit, transfer.credit] {
                if upto.get(account.at()).is_some_and(|upto| transfer.id > *upto) {
                    self.replay(account, &transfer, day)?;
                }
            }
            Ok(())
        })?;
        Ok(())
    }

    /// Applies a stored transfer to one of its accounts.
    fn replay(&mut self, account: AccountNr, transfer: &Transfer, day: Day) -> Result<(), Fault> {
        let mut state = self.state(account).map_err(corrupt)?;
        let (balance, moved) = if account == transfer.debit {
            (transfer.debit_balance, transfer.amount)
        } else {
            (transfer.credit_balance, -transfer.amount)
        };
        state.balance = balance;
        state.last_transfer = transfer.id;
        let moved = if transfer.phase.moves() { moved } else { 0 };
        self.store(account, state, day, moved).map_err(corrupt)
    }

    fn load_holds_and_reversals(&mut self, reader: &mut dyn Reader) -> Result<(), Fault> {
        read_all::<HoldRow>(reader, "ORDER BY transfer", &[], &mut |row| {
            let (mut debit, mut credit) =
                (self.state(row.debit).map_err(corrupt)?, self.state(row.credit).map_err(corrupt)?);
            debit.pending_debit += row.amount;
            credit.pending_credit += row.amount;
            self.accounts.states[row.debit.at()] = debit;
            self.accounts.states[row.credit.at()] = credit;
            self.holds.insert(row.transfer, Hold { debit: row.debit, credit: row.credit, amount: row.amount });
            Ok(())
        })?;
        read_all::<Reversal>(reader, "ORDER BY entry", &[], &mut |row| {
            self.reversed.insert(row.entry);
            Ok(())
        })
    }

    /// The hash chain's end: the last entry, and the accounts opened since.
    fn load_head(&mut self, reader: &mut dyn Reader) -> Result<(), Fault> {
        self.head = GENESIS;
        read_all::<Entry>(reader, "ORDER BY id DESC LIMIT 1", &[], &mut |entry| {
            let last = entry.first_transfer + entry.transfer_count - 1;
            if last != self.last_transfer {
                return Err(Fault::corrupt(format!("ledger {} ends with transfer {last}", entry.entry_id())));
            }
            self.last_entry = entry.id;
            self.head = entry.hash;
            Ok(())
        })?;
        for (nr, (spec, opened_after)) in self.accounts.specs.iter().zip(&self.accounts.opened_after).enumerate() {
            if *opened_after == self.last_entry {
                self.head = hash_opening(&self.head, AccountNr::new(nr as u32), spec, &mut self.buffer);
            }
        }
        Ok(())
    }
}

fn corrupt(error: LedgerError) -> Fault {
    Fault::corrupt("the stored ledger contradicts itself").because(error)
}

/// The newest snapshot of every account that has one, by account.
pub(crate) fn newest_snapshots(
    reader: &mut dyn Reader,
    each: &mut dyn FnMut(Snapshot) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let columns = prefixed("s", &TABLES.snapshot.column_list());
    let sql = format!(
        "SELECT {columns} FROM ledger_account a CROSS JOIN ledger_snapshot s WHERE s.account = a.nr \
         AND s.upto = (SELECT MAX(n.upto) FROM ledger_snapshot n WHERE n.account = a.nr) ORDER BY s.account"
    );
    reader.query(&sql, &[], &TABLES.snapshot.kinds(), &mut |values| each(Snapshot::read(&mut RowReader::new(values))?))
}

/// The first transfer that some snapshot lacks; 1 in empty books.
pub(crate) fn tail_from(reader: &mut dyn Reader) -> Result<i64, Fault> {
    let mut from = 1;
    read_all::<Tail>(reader, "WHERE id = 1", &[], &mut |tail| {
        from = tail.tail_from;
        Ok(())
    })?;
    Ok(from)
}

/// `a, b` as `t.a, t.b`.
pub(crate) fn prefixed(table: &str, columns: &str) -> String {
    columns.split(", ").map(|column| format!("{table}.{column}")).collect::<Vec<_>>().join(", ")
}
