//! Reads the books for people: trial balance, statement, one entry, verification.
//!
//! Everything is read from committed tables, each figure by one statement, so a report never mixes two batches.
//!
//! Invariant: a trial balance sums to zero in every currency, at every date.

mod statement;
mod trial_balance;

use sycee_contract::{EntryId, Identifier};
use sycee_runtime::storage::{Reader, Value};
use sycee_runtime::{Fault, read_all};

pub use crate::ledger::verify::{Finding, VerifyProgress, VerifyReport, verify};
pub use statement::{Statement, StatementLine, statement};
pub use trial_balance::{BalanceRow, TrialBalance, trial_balance};

use crate::ledger::{Entry, PostedEntry, Transfer};

/// An entry with its transfers; `None` when there is no such entry.
pub fn entry(reader: &mut dyn Reader, id: EntryId) -> Result<Option<PostedEntry>, Fault> {
    let mut found = None;
    read_all::<Entry>(reader, "WHERE id = $1", &[Value::Int(id.number())], &mut |entry| {
        found = Some(entry);
        Ok(())
    })?;
    let Some(entry) = found else { return Ok(None) };
    let mut transfers = Vec::new();
    let range = [Value::Int(entry.first_transfer), Value::Int(entry.first_transfer + entry.transfer_count - 1)];
    read_all::<Transfer>(reader, "WHERE id BETWEEN $1 AND $2 ORDER BY id", &range, &mut |transfer| {
        transfers.push(transfer);
        Ok(())
    })?;
    Ok(Some(PostedEntry { entry, transfers }))
}
