//! The ledger's tables besides entries and transfers, and how its own types are stored.
//!
//! `ledger_entry` and `ledger_transfer` are only appended to. Snapshots and day rows are written together, for one
//! slice of the dirty accounts each time, so whatever comes after an account's snapshot is in no day row of it.
//!
//! Invariant: the newest snapshot of an account, its transfers after `upto` and its open holds are the account.
//! Invariant: no transfer that a snapshot lacks is older than `ledger_tail.tail_from`.

use std::sync::LazyLock;

use sycee_money::Currency;
use sycee_runtime::storage::{ColumnKind, TableSpec, Value};
use sycee_runtime::{Entity, Fault, Field, RowReader, entity, enum_fields};

use super::account::{AccountKind, AccountNr, AccountSpec, Constraint};
use super::entry::{Day, Entry, Hash, Label, Phase, Transfer};

entity! {
    /// An account as it is stored.
    pub struct AccountRow in "ledger_account" of "accounting-center" key nr: AccountNr {
        /// Its number.
        nr: AccountNr,
        /// Chart code and dimension values.
        code: String,
        /// Kind.
        kind: AccountKind,
        /// Currency.
        currency: Currency,
        /// Whose money it is about.
        owner: String,
        /// Which side may be larger.
        side: Constraint,
        /// Last entry before it was opened.
        opened_after: i64,
    }
    unique index by_code(code: String, currency: Currency);
}

entity! {
    /// What an account moved by on a business day, from transfer `since` to transfer `last_transfer`.
    pub struct DayRow in "ledger_account_day" of "accounting-center" key (account, day, since): (AccountNr, Day, i64) {
        /// The account.
        account: AccountNr,
        /// The business date.
        day: Day,
        /// First transfer in it.
        since: i64,
        /// Last transfer in it; it carries the balance by order of posting.
        last_transfer: i64,
        /// Debits minus credits, in units.
        net: i64,
    }
}

entity! {
    /// What an account held after transfer `upto` of the ledger.
    pub struct Snapshot in "ledger_snapshot" of "accounting-center" key (account, upto): (AccountNr, i64) {
        /// The account.
        account: AccountNr,
        /// Last transfer of the whole ledger that it takes into account.
        upto: i64,
        /// Posted debits minus credits, in units.
        balance: i64,
        /// Last transfer of the account's chain.
        last_transfer: i64,
    }
}

entity! {
    /// Where the transfers begin that some snapshot lacks. One row.
    pub struct Tail in "ledger_tail" of "accounting-center" key id: i64 {
        /// Always 1.
        id: i64,
        /// First transfer that recovery has to read.
        tail_from: i64,
    }
}

entity! {
    /// An open hold.
    pub struct HoldRow in "ledger_hold" of "accounting-center" key transfer: i64 {
        /// The transfer that names it.
        transfer: i64,
        /// Account to be debited.
        debit: AccountNr,
        /// Account to be credited.
        credit: AccountNr,
        /// In units.
        amount: i64,
    }
}

entity! {
    /// A reversed entry; its key lets an entry be reversed once.
    pub struct Reversal in "ledger_reversal" of "accounting-center" key entry: i64 {
        /// The entry.
        entry: i64,
        /// The entry that reverses it.
        reversed_by: i64,
    }
}

/// Descriptions of the ledger's tables, by table.
pub(crate) struct Tables {
    pub account: TableSpec,
    pub entry: TableSpec,
    pub transfer: TableSpec,
    pub day: TableSpec,
    pub snapshot: TableSpec,
    pub tail: TableSpec,
    pub hold: TableSpec,
    pub reversal: TableSpec,
}

pub(crate) static TABLES: LazyLock<Tables> = LazyLock::new(|| Tables {
    account: AccountRow::spec(),
    entry: Entry::spec(),
    transfer: Transfer::spec(),
    day: DayRow::spec(),
    snapshot: Snapshot::spec(),
    tail: Tail::spec(),
    hold: HoldRow::spec(),
    reversal: Reversal::spec(),
});

/// All tables of the ledger.
pub(crate) static ALL_TABLES: LazyLock<[&'static TableSpec; 8]> = LazyLock::new(|| {
    let tables = &*TABLES;
    [
        &tables.account,
        &tables.entry,
        &tables.transfer,
        &tables.day,
        &tables.snapshot,
        &tables.tail,
        &tables.hold,
        &tables.reversal,
    ]
});

impl AccountRow {
    /// The account that this row describes.
    pub(crate) fn into_spec(self) -> AccountSpec {
        AccountSpec {
            code: self.code,
            kind: self.kind,
            currency: self.currency,
            owner: self.owner,
            constraint: self.side,
        }
    }
}

enum_fields!(AccountKind, Constraint);

impl Field for AccountNr {
    const COLUMNS: &'static [(&'static str, ColumnKind)] = &[("", ColumnKind::Int)];

    fn write(&self, row: &mut Vec<Value>) {
        row.push(Value::Int(self.stored()));
    }

    fn read(row: &mut RowReader<'_>) -> Result<Self, Fault> {
        u32::read(row).map(Self::new)
    }
}

impl Field for Day {
    const COLUMNS: &'static [(&'static str, ColumnKind)] = &[("", ColumnKind::Date)];

    fn write(&self, row: &mut Vec<Value>) {
        row.push(Value::Int(i64::from(self.0)));
    }

    fn read(row: &mut RowReader<'_>) -> Result<Self, Fault> {
        i32::read(row).map(Self)
    }
}

impl Field for Phase {
    const COLUMNS: &'static [(&'static str, ColumnKind)] = &[("", ColumnKind::Int)];

    fn write(&self, row: &mut Vec<Value>) {
        row.push(Value::Int(self.stored()));
    }

    fn read(row: &mut RowReader<'_>) -> Result<Self, Fault> {
        Self::from_stored(row.int()?).ok_or_else(|| Fault::corrupt("a transfer has a phase that does not exist"))
    }
}

impl Field for Label {
    const COLUMNS: &'static [(&'static str, ColumnKind)] = &[("", ColumnKind::Text)];

    fn write(&self, row: &mut Vec<Value>) {
        row.push(Value::Text(self.0.clone()));
    }

    fn read(row: &mut RowReader<'_>) -> Result<Self, Fault> {
        row.text().map(|text| Self(text.into()))
    }
}

impl Field for Hash {
    const COLUMNS: &'static [(&'static str, ColumnKind)] = &[("", ColumnKind::Bytes)];

    fn write(&self, row: &mut Vec<Value>) {
        row.push(Value::bytes(&self.0));
    }

    fn read(row: &mut RowReader<'_>) -> Result<Self, Fault> {
        row.blob()?.try_into().map(Self).map_err(|_| Fault::corrupt("a ledger hash is not 32 bytes"))
    }
}

macro_rules! keys {
    ($($type:ty),*) => {$(
        impl sycee_runtime::Key for $type {
            fn write_key(&self, row: &mut Vec<Value>) {
                self.write(row);
            }
        }
    )*};
}
keys!(AccountNr, Day);
