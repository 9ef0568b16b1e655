//! Entry templates: which amounts of a business event go from which account to which.
//!
//! Invariant: a line is one transfer, so an entry balances whatever the amounts; totals that an event states must
//! agree with their parts, so nothing of an event is left out of the books.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sycee_contract::{Date, TransferLine};
use sycee_money::Money;

use super::chart::is_plain;
use super::{Chart, ChartAccount, RulesError};
use crate::AccountingRejection;

/// One line of a template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemplateLine {
    /// Name of the debited chart account.
    pub debit: String,
    /// Name of the credited chart account.
    pub credit: String,
    /// Name of the amount.
    pub amount: String,
    /// Whether the amount may be below zero, which swaps the sides.
    #[serde(default)]
    pub signed: bool,
}

/// How a kind of business event is posted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// Name, such as `loan-disbursed`.
    #[serde(rename = "template")]
    pub name: String,
    /// Version, 1 upwards.
    pub version: u32,
    /// First business date it is used for.
    pub effective_from: Date,
    /// One sentence: what happened.
    pub summary: String,
    /// Totals an event may state, and the amounts that make them up.
    #[serde(default)]
    pub totals: BTreeMap<String, Vec<String>>,
    /// Dimension values for events that don't know them.
    #[serde(default)]
    pub defaults: BTreeMap<String, String>,
    /// The lines.
    pub lines: Vec<TemplateLine>,
}

impl Template {
    /// A template from the text of its file, checked against the chart.
    pub fn parse(file: &str, text: &str, chart: &Chart) -> Result<Self, RulesError> {
        let template: Self =
            serde_yaml_ng::from_str(text).map_err(|source| RulesError::Form { file: file.to_owned(), source })?;
        template.check(chart).map_err(|what| RulesError::content(file, what))?;
        Ok(template)
    }

    fn check(&self, chart: &Chart) -> Result<(), String> {
        if self.lines.is_empty() {
            return Err("a template needs a line".to_owned());
        }
        let mut amounts = BTreeSet::new();
        let mut dimensions = BTreeSet::new();
        for line in &self.lines {
            if line.debit == line.credit {
                return Err(format!("{} is debited and credited by one line", line.debit));
            }
            for name in [&line.debit, &line.credit] {
                let account = chart.named(name).ok_or_else(|| format!("{name} is not in the chart"))?;
                dimensions.extend(&account.dimensions);
            }
            amounts.insert(&line.amount);
        }
        for (total, parts) in &self.totals {
            let distinct: BTreeSet<_> = parts.iter().collect();
            if parts.is_empty() || distinct.len() != parts.len() {
                return Err(format!("total {total} has no parts, or one twice"));
            }
            if amounts.contains(total) {
                return Err(format!("total {total} has a line of its own: it would be posted twice"));
            }
            if let Some(part) = parts.iter().find(|part| !amounts.contains(part)) {
                return Err(format!("total {total} has part {part}, which no line posts"));
            }
        }
        match self.defaults.iter().find(|(name, value)| !dimensions.contains(name) || !is_plain(value)) {
            Some((name, _)) => Err(format!("default of dimension {name} is not used, or carries | or @")),
            None => Ok(()),
        }
    }

    /// The lines of an event. Zero amounts give no line; amounts below zero swap the sides of signed lines.
    pub fn lines(
        &self,
        chart: &Chart,
        amounts: &BTreeMap<String, Money>,
        dimensions: &BTreeMap<String, String>,
    ) -> Result<Vec<TransferLine>, AccountingRejection> {
        self.check_amounts(amounts)?;
        let mut lines = Vec::with_capacity(self.lines.len());
        for line in &self.lines {
            let Some(amount) = amounts.get(&line.amount).filter(|amount| !amount.is_zero()) else { continue };
            let debit = self.account(chart, &line.debit, dimensions)?;
            let credit = self.account(chart, &line.credit, dimensions)?;
            if amount.is_positive() {
                lines.push(TransferLine { debit, credit, amount: *amount });
                continue;
            }
            match amount.checked_neg() {
                Ok(amount) if line.signed => lines.push(TransferLine { debit: credit, credit: debit, amount }),
                _ => return Err(self.negative(&line.amount, *amount)),
            }
        }
        if lines.is_empty() {
            return Err(AccountingRejection::EmptyEntry { what: self.name.clone() });
        }
        Ok(lines)
    }

    fn check_amounts(&self, amounts: &BTreeMap<String, Money>) -> Result<(), AccountingRejection> {
        for (name, amount) in amounts {
            if let Some(parts) = self.totals.get(name) {
                let given = *amount;
                let parts = parts.iter().filter_map(|part| amounts.get(part)).copied();
                let parts = Money::sum(given.currency(), parts).map_err(|_| self.negative(name, given))?;
                if parts != given {
                    let (template, total) = (self.name.clone(), name.clone());
                    return Err(AccountingRejection::EntryUnbalanced { template, total, given, parts });
                }
            } else if !amount.is_zero() && !self.lines.iter().any(|line| line.amount == *name) {
                let (template, amount) = (self.name.clone(), name.clone());
                return Err(AccountingRejection::AmountNotUsed { template, amount });
            }
        }
        Ok(())
    }

    fn negative(&self, amount: &str, given: Money) -> AccountingRejection {
        AccountingRejection::AmountNegative { template: self.name.clone(), amount: amount.to_owned(), given }
    }

    /// The code of the ledger account that a line means.
    fn account(
        &self,
        chart: &Chart,
        name: &str,
        dimensions: &BTreeMap<String, String>,
    ) -> Result<String, AccountingRejection> {
        let account: &ChartAccount = chart.named(name).ok_or_else(|| AccountingRejection::AccountUnknown {
            account: name.to_owned(),
            why: "the chart has no such name".to_owned(),
        })?;
        let mut code = account.code.clone();
        for dimension in &account.dimensions {
            let value = dimensions.get(dimension).or_else(|| self.defaults.get(dimension));
            match value.filter(|value| is_plain(value)) {
                Some(value) => {
                    code.push('|');
                    code.push_str(value);
                }
                None => {
                    let (template, dimension) = (self.name.clone(), dimension.clone());
                    return Err(AccountingRejection::DimensionMissing { template, dimension });
                }
            }
        }
        Ok(code)
    }
}
