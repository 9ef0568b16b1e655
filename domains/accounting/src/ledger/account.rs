//! Accounts: what each is, once, and what it holds, kept small because every transfer touches two.
//!
//! A balance is debits minus credits: positive for a normal asset, negative for a normal liability.
//!
//! Invariant: an account's kind, currency, owner and constraint never change after it is opened.
//! Invariant: a number names one (code, currency) and is never reused; numbers are dense from 0.

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use sycee_money::Currency;

use super::LedgerError;
use super::day_sum::RecentDays;

/// Number of an account in its ledger, dense from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountNr(u32);

impl AccountNr {
    /// The account with this number.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The number as it is stored.
    pub fn stored(self) -> i64 {
        i64::from(self.0)
    }

    pub(crate) fn at(self) -> usize {
        self.0 as usize
    }
}

/// Which of the five kinds an account is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccountKind {
    /// What the business owns or is owed.
    Asset,
    /// What it owes.
    Liability,
    /// What its owners put in and left in.
    Equity,
    /// What it earned.
    Income,
    /// What it spent.
    Expense,
}

impl AccountKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Asset, Self::Liability, Self::Equity, Self::Income, Self::Expense];

    /// The name, as stored.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Asset => "asset",
            Self::Liability => "liability",
            Self::Equity => "equity",
            Self::Income => "income",
            Self::Expense => "expense",
        }
    }

    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Which side of an account may be larger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Constraint {
    /// Either.
    #[default]
    Free,
    /// Debits, held ones included, never exceed posted credits: what may not be overdrawn and grows by credits.
    DebitsWithinCredits,
    /// Credits, held ones included, never exceed posted debits: what may not be overdrawn and grows by debits.
    CreditsWithinDebits,
}

impl Constraint {
    /// Every constraint.
    pub const ALL: [Self; 3] = [Self::Free, Self::DebitsWithinCredits, Self::CreditsWithinDebits];

    /// The name, as stored.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::DebitsWithinCredits => "debits-within-credits",
            Self::CreditsWithinDebits => "credits-within-debits",
        }
    }

    /// The constraint with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|constraint| constraint.name() == name)
    }
}

/// What an account is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountSpec {
    /// Chart code and dimension values, such as `1200|par-3|gh-installment`.
    pub code: String,
    /// Asset, liability, equity, income or expense.
    pub kind: AccountKind,
    /// The one currency it is kept in.
    pub currency: Currency,
    /// Whose money it is about: a partner such as `par-3`, or `house`.
    pub owner: String,
    /// Which side may be larger.
    pub constraint: Constraint,
}

/// What an account holds: the part every transfer touches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct AccountState {
    /// Posted debits minus posted credits, in units.
    pub balance: i64,
    /// Held debits, in units.
    pub pending_debit: i64,
    /// Held credits, in units.
    pub pending_credit: i64,
    /// Last transfer of its chain; 0 for none.
    pub last_transfer: i64,
    /// Whether it has transfers that its snapshot lacks.
    pub dirty: bool,
    /// What moved on the business days it saw last.
    pub days: RecentDays,
    pub currency: Currency,
    pub constraint: Constraint,
}

impl AccountState {
    pub fn new(spec: &AccountSpec) -> Self {
        Self {
            balance: 0,
            pending_debit: 0,
            pending_credit: 0,
            last_transfer: 0,
            dirty: false,
            days: RecentDays::default(),
            currency: spec.currency,
            constraint: spec.constraint,
        }
    }

    /// What the constraint leaves, in units; `None` when it leaves everything.
    fn room(&self) -> Option<i128> {
        let balance = i128::from(self.balance);
        match self.constraint {
            Constraint::Free => None,
            Constraint::DebitsWithinCredits => Some(-balance - i128::from(self.pending_debit)),
            Constraint::CreditsWithinDebits => Some(balance - i128::from(self.pending_credit)),
        }
    }

    /// How much the constraint is exceeded by, in units; `None` when it holds.
    pub fn excess(&self) -> Option<i128> {
        self.room().filter(|room| *room < 0).map(|room| -room)
    }
}

/// All accounts of a ledger.
#[derive(Default)]
pub(crate) struct Accounts {
    pub specs: Vec<AccountSpec>,
    pub states: Vec<AccountState>,
    /// Last entry before each account was opened: its place in the hash chain.
    pub opened_after: Vec<i64>,
    by_code: FxHashMap<Currency, FxHashMap<Box<str>, AccountNr>>,
}

impl Accounts {
    pub fn find(&self, code: &str, currency: Currency) -> Option<AccountNr> {
        self.by_code.get(&currency)?.get(code).copied()
    }

    pub fn add(&mut self, spec: AccountSpec, opened_after: i64) -> Result<AccountNr, LedgerError> {
        let number = u32::try_from(self.specs.len()).map_err(|_| LedgerError::TooManyAccounts)?;
        let nr = AccountNr(number);
        self.by_code.entry(spec.currency).or_default().insert(spec.code.as_str().into(), nr);
        self.states.push(AccountState::new(&spec));
        self.specs.push(spec);
        self.opened_after.push(opened_after);
        Ok(nr)
    }

    /// Takes back the account that was added last.
    pub fn remove_last(&mut self) {
        self.states.pop();
        self.opened_after.pop();
        if let Some(spec) = self.specs.pop()
            && let Some(codes) = self.by_code.get_mut(&spec.currency)
        {
            codes.remove(spec.code.as_str());
        }
    }

    pub fn len(&self) -> usize {
        self.specs.len()
    }
}
