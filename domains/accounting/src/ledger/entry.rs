//! Entries and their transfers, and the hash that chains them.
//!
//! Invariant: an entry's hash covers every column that says what happened, and the hash before it. What follows from
//! the transfers (previous transfers, balances) is not hashed: it is recomputed and compared.
//! Invariant: an account's opening is part of the chain too, at the place where it was opened.

use std::sync::Arc;

use sycee_contract::{Date, EntryId, Identifier, Timestamp};
use sycee_runtime::{date_of, days_of, entity};

use super::account::{AccountNr, AccountSpec};

/// A BLAKE3 hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hash(pub [u8; 32]);

/// What stands before the first entry.
pub(crate) const GENESIS: Hash = Hash([0; 32]);

/// A text that many rows share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label(pub Arc<str>);

/// A business date as days since 1970-01-01: how the hot tables keep it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i32);

impl From<Date> for Day {
    fn from(date: Date) -> Self {
        // A civil date is within 4 million days of 1970, so it fits.
        Self(days_of(date) as i32)
    }
}

impl From<Day> for Date {
    fn from(day: Day) -> Self {
        date_of(i64::from(day.0))
    }
}

/// One line: an amount from the debited to the credited account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Debited account.
    pub debit: AccountNr,
    /// Credited account.
    pub credit: AccountNr,
    /// In units, above zero.
    pub amount: i64,
}

/// An entry to be written.
#[derive(Clone, Copy, Debug)]
pub struct EntryDraft<'a> {
    /// What moves.
    pub lines: &'a [Line],
    /// Template it was made by.
    pub template: &'a str,
    /// What it is about.
    pub reference: &'a str,
    /// Business date.
    pub day: Day,
    /// When the market took it in.
    pub posted_at: Timestamp,
}

/// What a transfer does to the balances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Moves money.
    Posted,
    /// Holds money: counts against limits, moves nothing.
    Held,
    /// Moves held money; what it leaves of the hold is free again.
    HoldPosted,
    /// Gives held money free.
    HoldVoided,
}

impl Phase {
    /// As stored.
    pub const fn stored(self) -> i64 {
        match self {
            Self::Posted => 0,
            Self::Held => 1,
            Self::HoldPosted => 2,
            Self::HoldVoided => 3,
        }
    }

    /// From what is stored.
    pub const fn from_stored(stored: i64) -> Option<Self> {
        match stored {
            0 => Some(Self::Posted),
            1 => Some(Self::Held),
            2 => Some(Self::HoldPosted),
            3 => Some(Self::HoldVoided),
            _ => None,
        }
    }

    /// Whether the posted balances move.
    pub const fn moves(self) -> bool {
        matches!(self, Self::Posted | Self::HoldPosted)
    }
}

entity! {
    /// A transfer as it is stored: what moved, and where it stands in the chains of both accounts.
    pub struct Transfer in "ledger_transfer" of "accounting-center" key id: i64 {
        /// Number, dense from 1.
        id: i64,
        /// The entry it belongs to.
        entry: i64,
        /// Debited account.
        debit: AccountNr,
        /// Credited account.
        credit: AccountNr,
        /// In units, above zero.
        amount: i64,
        /// Transfer before it in the debited account's chain; 0 for none.
        debit_prev: i64,
        /// Debited account's posted balance after it, debits minus credits.
        debit_balance: i64,
        /// Transfer before it in the credited account's chain; 0 for none.
        credit_prev: i64,
        /// Credited account's posted balance after it, debits minus credits.
        credit_balance: i64,
        /// What it does.
        phase: Phase,
        /// The hold it posts or voids; 0 for none.
        hold: i64,
    }
}

entity! {
    /// An entry as it is stored.
    pub struct Entry in "ledger_entry" of "accounting-center" key id: i64 {
        /// Number, dense from 1.
        id: i64,
        /// When the market took it in.
        posted_at: Timestamp,
        /// Business date.
        business_date: Day,
        /// Template it was made by.
        template: Label,
        /// What it is about.
        reference: Label,
        /// The entry it reverses; 0 for none.
        reverses: i64,
        /// Its first transfer.
        first_transfer: i64,
        /// How many transfers it has.
        transfer_count: i64,
        /// Hash over its content and the hash before it.
        hash: Hash,
    }
}

/// An entry with its transfers, as read back.
#[derive(Clone, Debug, PartialEq)]
pub struct PostedEntry {
    /// The entry.
    pub entry: Entry,
    /// Its transfers, in order.
    pub transfers: Vec<Transfer>,
}

impl Entry {
    /// Its identifier.
    pub fn entry_id(&self) -> EntryId {
        EntryId::from_number(self.id)
    }

    /// The hash of this entry with `transfers` after `before`; `buffer` is scratch space.
    pub(crate) fn hash_after(&self, before: &Hash, transfers: &[Transfer], buffer: &mut Vec<u8>) -> Hash {
        buffer.clear();
        buffer.extend_from_slice(b"E");
        buffer.extend_from_slice(&before.0);
        let numbers = [
            self.id,
            self.posted_at.as_micros(),
            i64::from(self.business_date.0),
            self.reverses,
            self.first_transfer,
            self.transfer_count,
        ];
        for number in numbers {
            buffer.extend_from_slice(&number.to_le_bytes());
        }
        put_text(buffer, &self.template.0);
        put_text(buffer, &self.reference.0);
        for transfer in transfers {
            buffer.extend_from_slice(&transfer.debit.number().to_le_bytes());
            buffer.extend_from_slice(&transfer.credit.number().to_le_bytes());
            buffer.extend_from_slice(&transfer.amount.to_le_bytes());
            buffer.push(transfer.phase.stored() as u8);
            buffer.extend_from_slice(&transfer.hold.to_le_bytes());
        }
        Hash(*blake3::hash(buffer).as_bytes())
    }
}

/// The hash after an account is opened.
pub(crate) fn hash_opening(before: &Hash, nr: AccountNr, spec: &AccountSpec, buffer: &mut Vec<u8>) -> Hash {
    buffer.clear();
    buffer.extend_from_slice(b"A");
    buffer.extend_from_slice(&before.0);
    buffer.extend_from_slice(&nr.number().to_le_bytes());
    for text in [&spec.code, spec.kind.name(), spec.currency.code(), &spec.owner, spec.constraint.name()] {
        put_text(buffer, text);
    }
    Hash(*blake3::hash(buffer).as_bytes())
}

fn put_text(buffer: &mut Vec<u8>, text: &str) {
    buffer.extend_from_slice(&(text.len() as u64).to_le_bytes());
    buffer.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_agree() {
        for (day, date) in [(0, "1970-01-01"), (-1, "1969-12-31"), (20_000, "2024-10-04"), (59, "1970-03-01")] {
            let date: Date = date.parse().unwrap();
            assert_eq!(Day::from(date), Day(day));
            assert_eq!(Date::from(Day(day)), date);
        }
    }

    #[test]
    fn phases_come_back() {
        for phase in [Phase::Posted, Phase::Held, Phase::HoldPosted, Phase::HoldVoided] {
            assert_eq!(Phase::from_stored(phase.stored()), Some(phase));
        }
        assert_eq!(Phase::from_stored(4), None);
    }
}
