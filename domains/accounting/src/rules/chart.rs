//! The chart of accounts. An account of the ledger is a chart account with a value for each of its dimensions:
//! `1200|par-3|gh-installment` is loan principal, funded by par-3, under product gh-installment.
//!
//! Invariant: codes and names are unique; dimension values carry neither `|` nor `@`.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use sycee_money::Currency;

use super::RulesError;
use crate::AccountingRejection;
use crate::ledger::{AccountKind, AccountSpec, Constraint};

/// Owner of accounts that belong to no partner.
const HOUSE: &str = "house";

/// One account of the chart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChartAccount {
    /// Code, such as `1200`.
    pub code: String,
    /// Name, such as `loan-principal`; templates use it.
    pub name: String,
    /// Kind.
    pub kind: AccountKind,
    /// Its dimensions, in the order of their values in an account's code.
    #[serde(default)]
    pub dimensions: Vec<String>,
    /// The dimension whose value owns the money; the house when absent.
    #[serde(default)]
    pub owner: Option<String>,
    /// Which side may be larger.
    #[serde(default)]
    pub constraint: Constraint,
    /// For an account that services alone post to, because they keep what it sums up: what people use instead of an entry.
    #[serde(default)]
    pub control: Option<String>,
    /// Whether balance management raises a work order when an account of it is on the wrong side of zero.
    #[serde(default)]
    pub watched: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChartFile {
    accounts: Vec<ChartAccount>,
}

/// The chart of accounts.
#[derive(Clone, Debug)]
pub struct Chart {
    accounts: Vec<ChartAccount>,
    by_name: BTreeMap<String, usize>,
    by_code: FxHashMap<String, usize>,
}

impl Chart {
    /// A chart from the text of `chart.yaml`.
    pub fn parse(text: &str) -> Result<Self, RulesError> {
        const FILE: &str = "chart.yaml";
        let file: ChartFile =
            serde_yaml_ng::from_str(text).map_err(|source| RulesError::Form { file: FILE.to_owned(), source })?;
        let mut chart = Self { accounts: Vec::new(), by_name: BTreeMap::new(), by_code: FxHashMap::default() };
        for account in file.accounts {
            if !is_plain(&account.code) {
                return Err(RulesError::content(FILE, format!("code {:?} is empty or carries | or @", account.code)));
            }
            if account.owner.as_ref().is_some_and(|owner| !account.dimensions.contains(owner)) {
                return Err(RulesError::content(FILE, format!("{}: its owner is no dimension of it", account.name)));
            }
            let at = chart.accounts.len();
            let twice = chart.by_name.insert(account.name.clone(), at).is_some()
                || chart.by_code.insert(account.code.clone(), at).is_some();
            if twice {
                return Err(RulesError::content(FILE, format!("{} {} is there twice", account.code, account.name)));
            }
            chart.accounts.push(account);
        }
        Ok(chart)
    }

    /// Every account, in the order of the file.
    pub fn accounts(&self) -> &[ChartAccount] {
        &self.accounts
    }

    /// The account with this name.
    pub fn named(&self, name: &str) -> Option<&ChartAccount> {
        self.by_name.get(name).map(|at| &self.accounts[*at])
    }

    /// The chart account of a ledger account's code.
    pub fn of(&self, code: &str) -> Option<&ChartAccount> {
        let chart_code = code.split('|').next()?;
        self.by_code.get(chart_code).map(|at| &self.accounts[*at])
    }

    /// Whether people may post to the ledger account with this code.
    ///
    /// Errors: `CONTROL_ACCOUNT`, with what to use instead.
    pub fn open_to_people(&self, code: &str) -> Result<(), AccountingRejection> {
        let Some((account, instead)) = self.of(code).and_then(|it| Some((it, it.control.as_ref()?))) else {
            return Ok(());
        };
        let open = self.accounts.iter().filter(|account| account.control.is_none());
        let open: Vec<String> = open.map(|account| format!("{} {}", account.code, account.name)).collect();
        Err(AccountingRejection::ControlAccount {
            account: code.to_owned(),
            name: account.name.clone(),
            instead: instead.clone(),
            open: if open.is_empty() { "none".to_owned() } else { open.join(", ") },
        })
    }

    /// Whether a ledger account may have this code: its chart account exists and each dimension has a value.
    pub fn allows(&self, code: &str) -> bool {
        let values = || code.split('|').skip(1);
        self.of(code).is_some_and(|account| values().count() == account.dimensions.len() && values().all(is_plain))
    }

    /// What the ledger account with this code is.
    ///
    /// Errors: `ACCOUNT_UNKNOWN` when the chart has no such account or it has other dimensions.
    pub fn spec(&self, code: &str, currency: Currency) -> Result<AccountSpec, AccountingRejection> {
        let unknown = |why: String| AccountingRejection::AccountUnknown { account: code.to_owned(), why };
        let account = self.of(code).ok_or_else(|| unknown("the chart has no such code".to_owned()))?;
        let values: Vec<&str> = code.split('|').skip(1).collect();
        if !self.allows(code) {
            let example = std::iter::once(&account.code).chain(&account.dimensions).cloned().collect::<Vec<_>>();
            return Err(unknown(format!("write it as {}", example.join("|"))));
        }
        let owner = account.owner.as_ref().and_then(|owner| account.dimensions.iter().position(|name| name == owner));
        Ok(AccountSpec {
            code: code.to_owned(),
            kind: account.kind,
            currency,
            owner: owner.map_or(HOUSE, |at| values[at]).to_owned(),
            constraint: account.constraint,
        })
    }
}

/// Whether a text may be part of an account's code.
pub(super) fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.contains(['|', '@'])
}
