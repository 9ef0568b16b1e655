//! Replays everything that is stored and compares: hashes, chains, balances, snapshots, days, holds.
//!
//! Nothing of the running ledger is used: what is recomputed from the transfers alone is held against every other
//! column and table. A finding names the row; verification goes on after it with what the row says.
//!
//! Invariant: a changed, missing, added or exchanged row of the ledger's tables is a finding.

use std::collections::BTreeMap;
use std::fmt;

use rustc_hash::FxHashMap;
use sycee_contract::Date;
use sycee_money::{Currency, Money};
use sycee_runtime::storage::{ColumnKind, Reader, Value};
use sycee_runtime::{Entity, Fault, FaultKind, RowReader, read_all};

use super::account::{AccountNr, AccountSpec};
use super::entry::{Day, Entry, GENESIS, Hash, Phase, Transfer, hash_opening};
use super::recovery::{newest_snapshots, prefixed, tail_from};
use super::rows::{AccountRow, DayRow, HoldRow, Reversal, Snapshot, TABLES};

/// Transfers read at a time.
const PAGE: i64 = 20_000;
/// Findings that are kept; the rest is only counted.
const FINDINGS_KEPT: usize = 100;

/// Something stored that contradicts the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The row, such as `transfer 1042`.
    pub row: String,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.row, self.what)
    }
}

/// What verification saw.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VerifyReport {
    /// Accounts read.
    pub accounts: u64,
    /// Entries read.
    pub entries: u64,
    /// Transfers read.
    pub transfers: u64,
    /// By currency: everything debited and everything credited, in units.
    pub totals: BTreeMap<Currency, (i128, i128)>,
    /// Hash of everything.
    pub head: Hash,
    /// How many findings there are.
    pub found: u64,
    /// The first of them.
    pub findings: Vec<Finding>,
}

impl VerifyReport {
    /// Whether nothing contradicts anything.
    pub fn is_clean(&self) -> bool {
        self.found == 0
    }

    fn add(&mut self, row: impl fmt::Display, what: impl Into<String>) {
        self.found += 1;
        if self.findings.len() < FINDINGS_KEPT {
            self.findings.push(Finding { row: row.to_string(), what: what.into() });
        }
    }
}

/// How far verification is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyProgress {
    /// Transfers replayed.
    pub transfers: u64,
    /// Transfers there are.
    pub of: u64,
}

/// Replays the stored ledger. `progress` is called after every page of transfers.
///
/// Errors: faults of the reader only; what is wrong with the books, be it unreadable, is in the report.
pub fn verify(reader: &mut dyn Reader, progress: &mut dyn FnMut(VerifyProgress)) -> Result<VerifyReport, Fault> {
    let mut replay = Replay::new();
    match replay.run(reader, progress) {
        Err(fault) if fault.kind == FaultKind::Corrupt => {
            replay.report.add("a row", format!("cannot be read: {fault}"));
        }
        other => other?,
    }
    Ok(replay.report)
}

#[derive(Clone, Copy, Default)]
struct Chain {
    balance: i64,
    last: i64,
    /// First transfer after the snapshot.
    uncovered: i64,
}

struct Replay {
    report: VerifyReport,
    accounts: Vec<(AccountSpec, i64)>,
    openings_hashed: usize,
    chains: Vec<Chain>,
    snapshots: Vec<Option<Snapshot>>,
    days: FxHashMap<(AccountNr, Day), i64>,
    holds: BTreeMap<i64, HoldRow>,
    reversals: BTreeMap<i64, i64>,
    last_transfer: i64,
    last_entry: i64,
    current: Option<(Entry, Vec<Transfer>)>,
    buffer: Vec<u8>,
}

impl Replay {
    fn new() -> Self {
        Self {
            report: VerifyReport { head: GENESIS, ..VerifyReport::default() },
            accounts: Vec::new(),
            openings_hashed: 0,
            chains: Vec::new(),
            snapshots: Vec::new(),
            days: FxHashMap::default(),
            holds: BTreeMap::new(),
            reversals: BTreeMap::new(),
            last_transfer: 0,
            last_entry: 0,
            current: None,
            buffer: Vec::with_capacity(1024),
        }
    }

    fn run(&mut self, reader: &mut dyn Reader, progress: &mut dyn FnMut(VerifyProgress)) -> Result<(), Fault> {
        self.read_accounts(reader)?;
        let of = count(reader, "ledger_transfer")?;
        let mut after = Some(0);
        while let Some(last) = after {
            after = self.page(reader, last)?;
            progress(VerifyProgress { transfers: self.report.transfers, of });
        }
        self.end_entry();
        self.compare_rest(reader)
    }

    fn read_accounts(&mut self, reader: &mut dyn Reader) -> Result<(), Fault> {
        read_all::<AccountRow>(reader, "ORDER BY nr", &[], &mut |row| {
            if row.nr.at() != self.accounts.len() {
                self.report.add(format!("account {}", row.nr.number()), "numbers before it are missing");
            }
            let opened_after = row.opened_after;
            self.accounts.push((row.into_spec(), opened_after));
            Ok(())
        })?;
        self.report.accounts = self.accounts.len() as u64;
        self.chains = vec![Chain::default(); self.accounts.len()];
        self.snapshots = vec![None; self.accounts.len()];
        newest_snapshots(reader, &mut |snapshot| {
            match self.snapshots.get_mut(snapshot.account.at()) {
                Some(slot) => *slot = Some(snapshot),
                None => self.report.add(format!("snapshot of account {}", snapshot.account.number()), "has no account"),
            }
            Ok(())
        })
    }

    /// Replays the page after a transfer; answers the last one read.
    fn page(&mut self, reader: &mut dyn Reader, after: i64) -> Result<Option<i64>, Fault> {
        let (entry, transfer) = (&TABLES.entry, &TABLES.transfer);
        let sql = format!(
            "SELECT {}, {} FROM ledger_transfer t JOIN ledger_entry e ON e.id = t.entry \
             WHERE t.id > $1 AND t.id <= $2 ORDER BY t.id",
            prefixed("t", &transfer.column_list()),
            prefixed("e", &entry.column_list())
        );
        let kinds: Vec<_> = transfer.kinds().into_iter().chain(entry.kinds()).collect();
        let until = after.saturating_add(PAGE);
        reader.query(&sql, &[Value::Int(after), Value::Int(until)], &kinds, &mut |values| {
            let mut row = RowReader::new(values);
            let transfer = Transfer::read(&mut row)?;
            self.step(transfer, Entry::read(&mut row)?);
            Ok(())
        })?;
        let mut more = None;
        let last = format!("SELECT MAX(id) FROM {}", transfer.name);
        reader.query(&last, &[], &[ColumnKind::Int], &mut |values| {
            more = values[0].as_int().filter(|max| *max > until);
            Ok(())
        })?;
        Ok(more.map(|_| until))
    }

    fn step(&mut self, transfer: Transfer, entry: Entry) {
        if self.current.as_ref().is_none_or(|(current, _)| current.id != entry.id) {
            self.end_entry();
            self.begin_entry(entry);
        }
        self.check_transfer(&transfer);
        if let Some((_, transfers)) = &mut self.current {
            transfers.push(transfer);
        }
    }

    fn begin_entry(&mut self, entry: Entry) {
        if entry.id != self.last_entry + 1 {
            self.report.add(entry.entry_id(), format!("follows entry {}", self.last_entry));
        }
        self.last_entry = entry.id;
        self.report.entries += 1;
        if entry.reverses != 0 {
            let earlier = self.reversals.insert(entry.reverses, entry.id);
            if earlier.is_some() || entry.reverses >= entry.id {
                self.report.add(entry.entry_id(), format!("reverses entry {} once more or too early", entry.reverses));
            }
        }
        self.current = Some((entry, Vec::new()));
    }

    /// Compares the head of the entry with its transfers.
    fn end_entry(&mut self) {
        let Some((entry, transfers)) = self.current.take() else { return };
        let first = transfers.first().map_or(0, |transfer| transfer.id);
        if entry.first_transfer != first || entry.transfer_count != transfers.len() as i64 {
            self.report.add(entry.entry_id(), "its transfers are not the ones it names");
        }
        self.hash_openings(entry.id - 1);
        let hash = entry.hash_after(&self.report.head, &transfers, &mut self.buffer);
        if hash != entry.hash {
            self.report.add(entry.entry_id(), "its hash is not that of its content and the hash before it");
        }
        self.report.head = entry.hash;
    }

    fn hash_openings(&mut self, last_entry: i64) {
        while let Some((spec, opened_after)) = self.accounts.get(self.openings_hashed)
            && *opened_after <= last_entry
        {
            let nr = AccountNr::new(self.openings_hashed as u32);
            self.report.head = hash_opening(&self.report.head, nr, spec, &mut self.buffer);
            self.openings_hashed += 1;
        }
    }

    fn check_transfer(&mut self, transfer: &Transfer) {
        let row = format!("transfer {}", transfer.id);
        self.report.transfers += 1;
        if transfer.id != self.last_transfer + 1 {
            self.report.add(&row, format!("follows transfer {}", self.last_transfer));
        }
        self.last_transfer = transfer.id;
        let spec = |nr: AccountNr| self.accounts.get(nr.at()).map(|(spec, _)| spec);
        let currency = match (spec(transfer.debit), spec(transfer.credit)) {
            (Some(debit), Some(credit)) if debit.currency == credit.currency => debit.currency,
            _ => return self.report.add(&row, "its accounts do not exist or differ in currency"),
        };
        if transfer.amount <= 0 || transfer.debit == transfer.credit {
            self.report.add(&row, "its amount is not above zero, or its accounts are one");
        }
        self.check_hold(transfer, &row);
        let moved = if transfer.phase.moves() { transfer.amount } else { 0 };
        let total = self.report.totals.entry(currency).or_default();
        total.0 += i128::from(moved);
        total.1 += i128::from(moved);
        let debit = (transfer.debit, moved, transfer.debit_prev, transfer.debit_balance);
        let credit = (transfer.credit, -moved, transfer.credit_prev, transfer.credit_balance);
        for (account, moved, prev, balance) in [debit, credit] {
            self.check_chain(transfer.id, account, moved, (prev, balance), &row);
        }
    }

    fn check_chain(&mut self, id: i64, account: AccountNr, moved: i64, stored: (i64, i64), row: &str) {
        let (prev, balance) = stored;
        self.check_snapshot(account, id);
        let chain = &mut self.chains[account.at()];
        let expected = chain.balance.checked_add(moved);
        let accounts = Shown(&self.accounts);
        if prev != chain.last {
            let (name, came, said) = (accounts.code(account), after(chain.last), after(prev));
            self.report.add(row, format!("{name} came to it from {came}, the row says from {said}"));
        }
        if Some(balance) != expected {
            let (name, said) = (accounts.code(account), accounts.money(account, balance));
            let held = expected.map_or_else(|| "too much".to_owned(), |held| accounts.money(account, held));
            self.report.add(row, format!("{name} held {held} after it, the row says {said}"));
        }
        chain.last = id;
        chain.balance = expected.unwrap_or(balance);
        if self.snapshots[account.at()].as_ref().is_none_or(|snapshot| snapshot.upto < id) {
            if chain.uncovered == 0 {
                chain.uncovered = id;
            }
        } else if moved != 0
            && let Some((entry, _)) = &self.current
        {
            *self.days.entry((account, entry.business_date)).or_default() += moved;
        }
    }

    /// Compares the snapshot with the chain when the chain is about to go past it.
    fn check_snapshot(&mut self, account: AccountNr, next: i64) {
        let chain = &self.chains[account.at()];
        if let Some(snapshot) = &self.snapshots[account.at()]
            && snapshot.upto < next
            && chain.uncovered == 0
            && (snapshot.balance, snapshot.last_transfer) != (chain.balance, chain.last)
        {
            let accounts = Shown(&self.accounts);
            let row = format!("snapshot of account {} at transfer {}", accounts.code(account), snapshot.upto);
            let (held, said) = (accounts.money(account, chain.balance), accounts.money(account, snapshot.balance));
            let (last, named) = (after(chain.last), after(snapshot.last_transfer));
            self.report.add(row, format!("the account held {held} after {last}, the row says {said} after {named}"));
        }
    }

    fn check_hold(&mut self, transfer: &Transfer, row: &str) {
        match transfer.phase {
            Phase::Posted if transfer.hold == 0 => {}
            Phase::Held if transfer.hold == 0 => {
                let Transfer { id, debit, credit, amount, .. } = *transfer;
                self.holds.insert(id, HoldRow { transfer: id, debit, credit, amount });
            }
            Phase::HoldPosted | Phase::HoldVoided => {
                let hold = self.holds.remove(&transfer.hold);
                if !hold.is_some_and(|hold| {
                    (hold.debit, hold.credit) == (transfer.debit, transfer.credit) && transfer.amount <= hold.amount
                }) {
                    self.report.add(row, format!("transfer {} is not an open hold of it", transfer.hold));
                }
            }
            Phase::Posted | Phase::Held => self.report.add(row, "names a hold without posting or voiding it"),
        }
    }

    /// Compares the tables that follow from the transfers.
    fn compare_rest(&mut self, reader: &mut dyn Reader) -> Result<(), Fault> {
        self.hash_openings(i64::MAX);
        for (table, seen) in [("ledger_entry", self.report.entries), ("ledger_transfer", self.report.transfers)] {
            let stored = count(reader, table)?;
            if stored != seen {
                self.report.add(table, format!("has {stored} rows, {seen} of them belong together"));
            }
        }
        for nr in 0..self.accounts.len() {
            self.check_snapshot(AccountNr::new(nr as u32), i64::MAX);
        }
        let tail = tail_from(reader)?;
        let uncovered = self.chains.iter().map(|chain| chain.uncovered).filter(|first| *first > 0).min();
        if tail > uncovered.unwrap_or(self.last_transfer + 1) {
            let lacking = uncovered.map_or_else(|| after(self.last_transfer), |first| format!("transfer {first}"));
            let what = if uncovered.is_some() { "a snapshot lacks" } else { "the last one is" };
            self.report.add("ledger_tail", format!("begins at transfer {tail}, {what} {lacking}"));
        }
        self.compare_days(reader)?;
        let mut holds = BTreeMap::new();
        read_all::<HoldRow>(reader, "ORDER BY transfer", &[], &mut |hold| {
            holds.insert(hold.transfer, hold);
            Ok(())
        })?;
        if holds != self.holds {
            self.report.add("ledger_hold", "its rows are not the open holds");
        }
        let mut reversals = BTreeMap::new();
        read_all::<Reversal>(reader, "ORDER BY entry", &[], &mut |reversal| {
            reversals.insert(reversal.entry, reversal.reversed_by);
            Ok(())
        })?;
        if reversals != self.reversals {
            self.report.add("ledger_reversal", "its rows are not the reversed entries");
        }
        Ok(())
    }

    fn compare_days(&mut self, reader: &mut dyn Reader) -> Result<(), Fault> {
        let mut expected = std::mem::take(&mut self.days);
        let accounts = Shown(&self.accounts);
        let on = |account: AccountNr, day: Day| format!("account {} on {}", accounts.code(account), Date::from(day));
        let (mut current, report) = (None::<DayRow>, &mut self.report);
        let mut settle = |row: DayRow, report: &mut VerifyReport| {
            let moved = expected.remove(&(row.account, row.day)).unwrap_or(0);
            if moved != row.net {
                let [moved, said] = [moved, row.net].map(|units| accounts.money(row.account, units));
                report.add(on(row.account, row.day), format!("moved by {moved}, the row says {said}"));
            }
        };
        read_all::<DayRow>(reader, "ORDER BY account, day, since", &[], &mut |row| {
            match &mut current {
                Some(sum) if (sum.account, sum.day) == (row.account, row.day) => sum.net += row.net,
                _ => {
                    if let Some(sum) = current.replace(row) {
                        settle(sum, report);
                    }
                }
            }
            Ok(())
        })?;
        if let Some(sum) = current {
            settle(sum, report);
        }
        let mut missing: Vec<_> = expected.into_iter().filter(|(_, net)| *net != 0).collect();
        missing.sort_unstable_by_key(|(key, _)| *key);
        for ((account, day), net) in missing {
            report.add(on(account, day), format!("moved by {}, which no row says", accounts.money(account, net)));
        }
        Ok(())
    }
}

/// The accounts as findings name them.
#[derive(Clone, Copy)]
struct Shown<'a>(&'a [(AccountSpec, i64)]);

impl Shown<'_> {
    /// The code; the number of an account that is not there.
    fn code(self, nr: AccountNr) -> String {
        self.0.get(nr.at()).map_or_else(|| nr.number().to_string(), |(spec, _)| spec.code.clone())
    }

    /// Units of an account, in its currency.
    fn money(self, nr: AccountNr, units: i64) -> String {
        match self.0.get(nr.at()) {
            Some((spec, _)) => Money::from_units(units, spec.currency).to_string(),
            None => format!("{units} units"),
        }
    }
}

/// What stood before something in an account's chain.
fn after(transfer: i64) -> String {
    if transfer == 0 { "no transfer".to_owned() } else { format!("transfer {transfer}") }
}

fn count(reader: &mut dyn Reader, table: &str) -> Result<u64, Fault> {
    let mut rows = 0;
    let kinds = [ColumnKind::Int];
    reader.query(&format!("SELECT COUNT(*) FROM {table}"), &[], &kinds, &mut |values| {
        rows = values[0].as_int().and_then(|rows| u64::try_from(rows).ok()).unwrap_or(0);
        Ok(())
    })?;
    Ok(rows)
}
