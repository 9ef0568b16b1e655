//! One transfer: checks, balances, limits, chains. The hot path.

use super::account::{AccountNr, AccountState};
use super::entry::{Day, Line, Phase, Transfer};
use super::undo::Undo;
use super::{Ledger, LedgerError};

/// Most that one transfer moves, in units: ten million millions of most currencies. A wrong amount that somebody outside
/// tells must not use up the range of a balance, for then nothing more could be posted to it.
pub const TRANSFER_MAX: i64 = 100_000_000_000_000_000;

/// What a transfer does to the balances of both accounts.
#[derive(Clone, Copy)]
pub(super) struct Effect {
    phase: Phase,
    /// Added to the debited and taken from the credited account's posted balance.
    moved: i64,
    /// Added to the debited account's held debits and the credited account's held credits.
    held: i64,
}

impl Effect {
    pub const fn posted(amount: i64) -> Self {
        Self { phase: Phase::Posted, moved: amount, held: 0 }
    }

    pub const fn held(amount: i64) -> Self {
        Self { phase: Phase::Held, moved: 0, held: amount }
    }

    pub const fn hold_posted(amount: i64, held: i64) -> Self {
        Self { phase: Phase::HoldPosted, moved: amount, held: -held }
    }

    pub const fn hold_voided(held: i64) -> Self {
        Self { phase: Phase::HoldVoided, moved: 0, held: -held }
    }
}

impl AccountState {
    /// This account after a transfer; `None` when a number would leave its range.
    fn after(mut self, debit: bool, effect: Effect, transfer: i64) -> Option<Self> {
        if debit {
            self.balance = self.balance.checked_add(effect.moved)?;
            self.pending_debit = self.pending_debit.checked_add(effect.held)?;
        } else {
            self.balance = self.balance.checked_sub(effect.moved)?;
            self.pending_credit = self.pending_credit.checked_add(effect.held)?;
        }
        self.last_transfer = transfer;
        Some(self)
    }
}

impl Ledger {
    /// Appends a transfer of `entry`. An error may leave half of it behind: the caller undoes the entry.
    pub(super) fn transfer(
        &mut self,
        entry: i64,
        day: Day,
        line: Line,
        effect: Effect,
        hold: i64,
    ) -> Result<i64, LedgerError> {
        let Line { debit, credit, amount } = line;
        if amount <= 0 {
            return Err(LedgerError::AmountNotPositive { amount });
        }
        if amount > TRANSFER_MAX {
            return Err(LedgerError::AmountTooLarge { amount, max: TRANSFER_MAX });
        }
        let (debited, credited) = (self.state(debit)?, self.state(credit)?);
        if debit == credit {
            return Err(LedgerError::SameAccount { account: self.code_of(debit) });
        }
        if debited.currency != credited.currency {
            return Err(LedgerError::CurrencyMismatch { debit: self.code_of(debit), credit: self.code_of(credit) });
        }
        let id = self.last_transfer + 1;
        let debit_after = self.checked(debit, debited.after(true, effect, id), effect)?;
        let credit_after = self.checked(credit, credited.after(false, effect, id), effect)?;
        self.undo.push(Undo::State { nr: debit, state: debited });
        self.undo.push(Undo::State { nr: credit, state: credited });
        self.store(debit, debit_after, day, effect.moved)?;
        self.store(credit, credit_after, day, -effect.moved)?;
        self.last_transfer = id;
        self.fresh.transfers.push(Transfer {
            id,
            entry,
            debit,
            credit,
            amount,
            debit_prev: debited.last_transfer,
            debit_balance: debit_after.balance,
            credit_prev: credited.last_transfer,
            credit_balance: credit_after.balance,
            phase: effect.phase,
            hold,
        });
        Ok(id)
    }

    /// The state, when it is in range and within its limit. Giving a hold free can't break a limit.
    fn checked(&self, nr: AccountNr, after: Option<AccountState>, effect: Effect) -> Result<AccountState, LedgerError> {
        let Some(after) = after else {
            return Err(LedgerError::Overflow { account: self.code_of(nr) });
        };
        match after.excess() {
            Some(excess) if effect.phase != Phase::HoldVoided => {
                Err(LedgerError::LimitExceeded { account: self.code_of(nr), excess })
            }
            _ => Ok(after),
        }
    }

    pub(super) fn store(
        &mut self,
        nr: AccountNr,
        mut state: AccountState,
        day: Day,
        moved: i64,
    ) -> Result<(), LedgerError> {
        if moved != 0 {
            match state.days.add(day.0, state.last_transfer, moved) {
                Ok(None) => {}
                Ok(Some(evicted)) => self.fresh.evicted.push((nr, evicted)),
                Err(()) => return Err(LedgerError::Overflow { account: self.code_of(nr) }),
            }
        }
        state.dirty = true;
        self.accounts.states[nr.at()] = state;
        Ok(())
    }
}
