//! What the accounting services refuse, and why.

use std::collections::BTreeMap;

use sycee_contract::{Date, EntryId};
use sycee_money::Money;
use sycee_runtime::{Coded, refusable};

/// Why an event or an entry is not posted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountingRejection {
    /// No template has this name on this date.
    #[error("no entry template {template} is in effect on {date}: the market's templates folder names those that are")]
    TemplateNotFound {
        /// Name.
        template: String,
        /// Business date.
        date: Date,
    },
    /// A total is not the sum of its parts.
    #[error("{template}: {total} is {given}, its parts sum to {parts}: send amounts that agree")]
    EntryUnbalanced {
        /// Name.
        template: String,
        /// Name of the total.
        total: String,
        /// What was sent.
        given: Money,
        /// What its parts come to.
        parts: Money,
    },
    /// Every amount is zero.
    #[error("{what} moves no money: give at least one amount above zero")]
    EmptyEntry {
        /// Template, or `a manual entry`.
        what: String,
    },
    /// The chart has no such account.
    #[error("{account} is not an account of the chart: {why}")]
    AccountUnknown {
        /// Code.
        account: String,
        /// What is wrong with it.
        why: String,
    },
    /// Services keep what the account sums up: nobody posts to it by hand.
    #[error(
        "{account} is {name}, a control account that services alone post to, so that it agrees with what they keep: use \
         {instead}; open to people are: {open}"
    )]
    ControlAccount {
        /// Code.
        account: String,
        /// Name.
        name: String,
        /// What does what an entry would.
        instead: String,
        /// Accounts that people may post to.
        open: String,
    },
    /// The entry touches a control account: reversed by hand, the books would no longer agree with what services keep.
    #[error(
        "{entry} touches {account}, the control account {name}: reversed by hand, the books would no longer agree with what \
         services keep; {way}"
    )]
    ControlEntry {
        /// The entry.
        entry: EntryId,
        /// Code.
        account: String,
        /// Name.
        name: String,
        /// How to undo what the entry says, if there is a way.
        way: &'static str,
    },
    /// An amount that no line of the template takes.
    #[error("{template} has no line for amount {amount}: leave it out, or extend the template")]
    AmountNotUsed {
        /// Name.
        template: String,
        /// Name of the amount.
        amount: String,
    },
    /// An amount below zero where the template doesn't take one.
    #[error("{template}: amount {amount} is {given}; only signed lines take amounts below zero")]
    AmountNegative {
        /// Name.
        template: String,
        /// Name of the amount.
        amount: String,
        /// What was sent.
        given: Money,
    },
    /// An amount that nobody moves by hand.
    #[error("amount {given} can't be posted by hand: send more than zero, in whole minor units, for example {example}")]
    LineAmount {
        /// What was sent.
        given: Money,
        /// An amount that would do.
        example: Money,
    },
    /// A dimension the template's accounts need.
    #[error("{template} needs dimension {dimension} without '|' or '@'; for example funder = par-12")]
    DimensionMissing {
        /// Name.
        template: String,
        /// Name of the dimension.
        dimension: String,
    },
}

impl Coded for AccountingRejection {
    fn code(&self) -> &'static str {
        match self {
            Self::TemplateNotFound { .. } => "TEMPLATE_NOT_FOUND",
            Self::EntryUnbalanced { .. } => "ENTRY_UNBALANCED",
            Self::EmptyEntry { .. } => "EMPTY_ENTRY",
            Self::AccountUnknown { .. } => "ACCOUNT_UNKNOWN",
            Self::ControlAccount { .. } | Self::ControlEntry { .. } => "CONTROL_ACCOUNT",
            Self::AmountNotUsed { .. } | Self::DimensionMissing { .. } => "INVALID_FIELD",
            Self::AmountNegative { .. } | Self::LineAmount { .. } => "INVALID_AMOUNT",
        }
    }

    fn details(&self) -> BTreeMap<String, String> {
        let pairs: Vec<(&str, String)> = match self {
            Self::TemplateNotFound { template, .. } => vec![("template", template.clone())],
            Self::EntryUnbalanced { template, total, .. } => {
                vec![("template", template.clone()), ("field", total.clone())]
            }
            Self::EmptyEntry { what } => vec![("template", what.clone())],
            Self::AccountUnknown { account, .. } | Self::ControlAccount { account, .. } => {
                vec![("account", account.clone())]
            }
            Self::ControlEntry { entry, account, .. } => {
                vec![("entry", entry.to_string()), ("account", account.clone())]
            }
            Self::AmountNotUsed { template, amount } | Self::AmountNegative { template, amount, .. } => {
                vec![("template", template.clone()), ("field", amount.clone())]
            }
            Self::LineAmount { given, .. } => vec![("field", "lines.amount".to_owned()), ("given", given.to_string())],
            Self::DimensionMissing { template, dimension } => {
                vec![("template", template.clone()), ("field", dimension.clone())]
            }
        };
        pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }
}

refusable!(AccountingRejection);
