//! Two-phase transfers: money is held, then moved or given free.
//!
//! Invariant: a hold counts against the limits of both accounts and moves no posted balance.
//! Invariant: a hold is posted or voided once; both are new transfers that name it.

use sycee_contract::EntryId;

use super::entry::{EntryDraft, Line};
use super::transfer::Effect;
use super::undo::Undo;
use super::{AccountNr, Ledger, LedgerError};

/// An open hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Account to be debited.
    pub debit: AccountNr,
    /// Account to be credited.
    pub credit: AccountNr,
    /// In units.
    pub amount: i64,
}

impl Ledger {
    /// Writes an entry that holds its one line. Answers the entry and the transfer that names the hold.
    pub fn hold(&mut self, line: Line, draft: EntryDraft<'_>) -> Result<(EntryId, i64), LedgerError> {
        let mut transfer = 0;
        let entry = self.write(&draft, 0, |ledger, entry| {
            transfer = ledger.transfer(entry, draft.day, line, Effect::held(line.amount), 0)?;
            Ok(())
        })?;
        let hold = Hold { debit: line.debit, credit: line.credit, amount: line.amount };
        self.holds.insert(transfer, hold);
        self.fresh.holds.push((transfer, Some(hold)));
        self.undo.push(Undo::HoldOpened { transfer });
        Ok((entry, transfer))
    }

    /// Moves `amount` of a hold; what it leaves is free again. Errors: `HoldNotOpen`, `HoldTooSmall`.
    pub fn post_hold(&mut self, transfer: i64, amount: i64, draft: EntryDraft<'_>) -> Result<EntryId, LedgerError> {
        let hold = self.open_hold(transfer)?;
        if amount > hold.amount {
            return Err(LedgerError::HoldTooSmall { transfer, held: hold.amount, asked: amount });
        }
        self.close_hold(transfer, hold, amount, Effect::hold_posted(amount, hold.amount), draft)
    }

    /// Gives a hold free. Errors: `HoldNotOpen`.
    pub fn void_hold(&mut self, transfer: i64, draft: EntryDraft<'_>) -> Result<EntryId, LedgerError> {
        let hold = self.open_hold(transfer)?;
        self.close_hold(transfer, hold, hold.amount, Effect::hold_voided(hold.amount), draft)
    }

    /// The open hold that `transfer` names. Errors: `HoldNotOpen`.
    pub fn open_hold(&self, transfer: i64) -> Result<Hold, LedgerError> {
        self.holds.get(&transfer).copied().ok_or(LedgerError::HoldNotOpen { transfer })
    }

    fn close_hold(
        &mut self,
        transfer: i64,
        hold: Hold,
        amount: i64,
        effect: Effect,
        draft: EntryDraft<'_>,
    ) -> Result<EntryId, LedgerError> {
        let line = Line { debit: hold.debit, credit: hold.credit, amount };
        let entry = self
            .write(&draft, 0, |ledger, entry| ledger.transfer(entry, draft.day, line, effect, transfer).map(|_| ()))?;
        self.holds.remove(&transfer);
        self.fresh.holds.push((transfer, None));
        self.undo.push(Undo::HoldClosed { transfer, hold });
        Ok(entry)
    }
}
