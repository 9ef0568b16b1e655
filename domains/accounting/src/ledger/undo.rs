//! How to take back what a refused handler or cascade wrote.
//!
//! Invariant: undoing in reverse order gives the same memory as if nothing had been written.

use super::account::{AccountNr, AccountState};
use super::{Hash, Hold, Ledger};

/// One step back.
pub(super) enum Undo {
    /// An account as it was before a transfer.
    State { nr: AccountNr, state: AccountState },
    /// An entry began; lengths as they were.
    Entry { head: Hash, transfers: usize, evicted: usize },
    /// An account was opened.
    Opened { head: Hash },
    /// A hold was opened.
    HoldOpened { transfer: i64 },
    /// A hold was posted or voided.
    HoldClosed { transfer: i64, hold: Hold },
    /// An entry was reversed.
    Reversed { entry: i64 },
}

impl Ledger {
    /// Takes back everything since the undo log had this length.
    pub(super) fn undo_to(&mut self, length: usize) {
        while self.undo.len() > length {
            match self.undo.pop() {
                Some(Undo::State { nr, state }) => self.accounts.states[nr.at()] = state,
                Some(Undo::Entry { head, transfers, evicted }) => {
                    self.head = head;
                    self.last_transfer -= (self.fresh.transfers.len() - transfers) as i64;
                    self.last_entry -= 1;
                    self.fresh.transfers.truncate(transfers);
                    self.fresh.evicted.truncate(evicted);
                    if self.fresh.entries.last().is_some_and(|entry| entry.id > self.last_entry) {
                        self.fresh.entries.pop();
                    }
                }
                Some(Undo::Opened { head }) => {
                    self.head = head;
                    self.accounts.remove_last();
                }
                Some(Undo::HoldOpened { transfer }) => {
                    self.holds.remove(&transfer);
                    self.fresh.holds.pop();
                }
                Some(Undo::HoldClosed { transfer, hold }) => {
                    self.holds.insert(transfer, hold);
                    self.fresh.holds.pop();
                }
                Some(Undo::Reversed { entry }) => {
                    self.reversed.remove(&entry);
                    self.fresh.reversals.pop();
                }
                None => return,
            }
        }
    }
}
