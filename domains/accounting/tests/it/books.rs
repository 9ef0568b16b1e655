//! A ledger on a real store, committed batch by batch, and a plain model to hold it against.

use std::collections::BTreeMap;
use std::time::Duration;

use sycee_accounting::ledger::{AccountKind, AccountNr, AccountSpec, Constraint, Day, EntryDraft, Ledger, Line};
use sycee_contract::{EntryId, Timestamp};
use sycee_money::Currency;
use sycee_runtime::Resident;
use sycee_runtime::storage::{Claim, Commit, Reader, Store, TableRows, migrate, open_store};
use sycee_runtime::testing::{generated_migrations, test_databases};

/// Codes, currencies and constraints of the accounts that tests use.
pub const ACCOUNTS: [(&str, AccountKind, Currency, Constraint); 6] = [
    ("1100|par-1", AccountKind::Asset, Currency::GHS, Constraint::Free),
    ("1200|par-1|loan", AccountKind::Asset, Currency::GHS, Constraint::CreditsWithinDebits),
    ("2100|par-1", AccountKind::Liability, Currency::GHS, Constraint::DebitsWithinCredits),
    ("4100|par-1|loan", AccountKind::Income, Currency::GHS, Constraint::Free),
    ("1100|par-1", AccountKind::Asset, Currency::USDT, Constraint::Free),
    ("2900", AccountKind::Liability, Currency::USDT, Constraint::Free),
];

pub fn spec(at: usize) -> AccountSpec {
    let (code, kind, currency, constraint) = ACCOUNTS[at];
    AccountSpec { code: code.to_owned(), kind, currency, owner: "par-1".to_owned(), constraint }
}

pub struct Books {
    pub store: Box<dyn Store>,
    pub ledger: Ledger,
    batch: i64,
}

impl Books {
    /// Runs `body` with empty books on every engine that is there.
    pub fn each(body: impl Fn(&mut Books)) {
        let (urls, _guard) = test_databases();
        for url in urls {
            let mut store = open_store(&url, Duration::from_secs(5)).unwrap();
            migrate(&url, generated_migrations(Ledger::tables()).of(url.engine())).unwrap();
            let (_, batch) = store.take_over(Claim::default()).unwrap();
            body(&mut Books { store, ledger: Ledger::new(), batch });
        }
    }

    pub fn flush(&mut self) {
        let tables = self.ledger.flush();
        self.commit(tables);
    }

    pub fn commit(&mut self, tables: Vec<TableRows>) {
        self.batch += 1;
        self.store.commit(&Commit { tables, batch: self.batch }).unwrap();
    }

    pub fn reader(&self) -> Box<dyn Reader> {
        self.store.reader().unwrap()
    }

    pub fn recovered(&self) -> Ledger {
        Ledger::load(&mut *self.reader()).unwrap()
    }

    pub fn account(&mut self, at: usize) -> AccountNr {
        self.ledger.open(spec(at)).unwrap()
    }

    /// Posts one line on a day; panics when it is refused.
    pub fn post(&mut self, day: i32, debit: usize, credit: usize, amount: i64) -> EntryId {
        let lines = [Line { debit: self.account(debit), credit: self.account(credit), amount }];
        self.ledger.post(draft(&lines, day)).unwrap()
    }
}

pub fn draft(lines: &[Line], day: i32) -> EntryDraft<'_> {
    EntryDraft { lines, template: "test", reference: "of a test", day: Day(day), posted_at: at(day) }
}

pub fn at(day: i32) -> Timestamp {
    Timestamp::from_micros(i64::from(day) * 86_400_000_000)
}

/// What was posted, kept as a plain list.
#[derive(Clone, Default)]
pub struct Model {
    pub moved: Vec<(i32, usize, i64)>,
}

impl Model {
    pub fn post(&mut self, day: i32, debit: usize, credit: usize, amount: i64) {
        self.moved.push((day, debit, amount));
        self.moved.push((day, credit, -amount));
    }

    /// Balances by account, of postings up to a business day.
    pub fn balances(&self, until: i32) -> BTreeMap<usize, i64> {
        let mut balances = BTreeMap::new();
        for (_, account, amount) in self.moved.iter().filter(|(day, ..)| *day <= until) {
            *balances.entry(*account).or_default() += amount;
        }
        balances
    }
}
