//! What the ledger refuses, and why.

use std::collections::BTreeMap;

use sycee_contract::EntryId;
use sycee_runtime::{Coded, refusable};

/// Why an entry is not written. Nothing of it is: an entry is whole or not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// Nothing to write.
    #[error("the entry has no lines: give at least one amount above zero")]
    EmptyEntry,
    /// A transfer of nothing, or backwards.
    #[error(
        "a transfer needs an amount above zero, this one has {amount}: swap debit and credit to move the other way"
    )]
    AmountNotPositive {
        /// In units.
        amount: i64,
    },
    /// More than a transfer may move.
    #[error("a transfer moves {max} units at most, this one has {amount}: is the amount right? If so, split it")]
    AmountTooLarge {
        /// In units.
        amount: i64,
        /// In units.
        max: i64,
    },
    /// A transfer from an account to itself.
    #[error("account {account} is debited and credited by the same transfer: name two accounts")]
    SameAccount {
        /// Code.
        account: String,
    },
    /// A transfer between currencies.
    #[error(
        "{debit} and {credit} are kept in different currencies: post one line per currency over a position account"
    )]
    CurrencyMismatch {
        /// Code.
        debit: String,
        /// Code.
        credit: String,
    },
    /// No account has this number.
    #[error("no account has number {number}")]
    UnknownAccountNr {
        /// The number.
        number: u32,
    },
    /// A constraint would be broken.
    #[error(
        "account {account} would exceed its limit by {excess} units: lower the amount, or post what covers it first"
    )]
    LimitExceeded {
        /// Code.
        account: String,
        /// By how much, in units.
        excess: i128,
    },
    /// A balance would leave the range of its integer.
    #[error("the balance of account {account} would leave the range of 64 bits")]
    Overflow {
        /// Code.
        account: String,
    },
    /// The entry has a reversal.
    #[error("entry {entry} is already reversed; an entry is reversed once")]
    AlreadyReversed {
        /// The entry.
        entry: EntryId,
    },
    /// The entry cannot be reversed.
    #[error("entry {entry} is {what}: only an entry that moved money can be reversed")]
    NotReversible {
        /// The entry.
        entry: EntryId,
        /// What it is.
        what: &'static str,
    },
    /// The hold was posted or voided, or never was.
    #[error("transfer {transfer} is not an open hold: it was posted or voided, or is no hold")]
    HoldNotOpen {
        /// The transfer.
        transfer: i64,
    },
    /// More is posted than is held.
    #[error("hold {transfer} holds {held} units, {asked} asked: post at most what is held")]
    HoldTooSmall {
        /// The transfer.
        transfer: i64,
        /// In units.
        held: i64,
        /// In units.
        asked: i64,
    },
    /// The numbers are used up.
    #[error("the ledger has no more account numbers")]
    TooManyAccounts,
    /// An open account is asked for with other properties.
    #[error(
        "account {account} exists with another kind, owner or constraint: accounts never change, choose another code"
    )]
    AccountDiffers {
        /// Code.
        account: String,
    },
}

impl Coded for LedgerError {
    fn code(&self) -> &'static str {
        match self {
            Self::EmptyEntry => "EMPTY_ENTRY",
            Self::AmountNotPositive { .. } | Self::AmountTooLarge { .. } | Self::Overflow { .. } => "INVALID_AMOUNT",
            Self::SameAccount { .. } | Self::CurrencyMismatch { .. } => "INVALID_FIELD",
            Self::UnknownAccountNr { .. } | Self::AccountDiffers { .. } | Self::TooManyAccounts => "ACCOUNT_UNKNOWN",
            Self::LimitExceeded { .. } => "ACCOUNT_LIMIT_EXCEEDED",
            Self::AlreadyReversed { .. } => "ENTRY_ALREADY_REVERSED",
            Self::NotReversible { .. } | Self::HoldNotOpen { .. } | Self::HoldTooSmall { .. } => "UNEXPECTED_STATE",
        }
    }

    fn details(&self) -> BTreeMap<String, String> {
        let mut details = BTreeMap::new();
        match self {
            Self::LimitExceeded { account, excess } => {
                details.insert("account".to_owned(), account.clone());
                details.insert("excess".to_owned(), excess.to_string());
            }
            Self::SameAccount { account } | Self::Overflow { account } | Self::AccountDiffers { account } => {
                details.insert("account".to_owned(), account.clone());
            }
            Self::AlreadyReversed { entry } | Self::NotReversible { entry, .. } => {
                details.insert("entry".to_owned(), entry.to_string());
            }
            _ => {}
        }
        details
    }
}

refusable!(LedgerError);
