//! The people of the finance desk: on the first of a month they end what waits in suspense and give capital back.

use sycee_asset::LoanNote;
use sycee_contract::{Date, ExternalRepaymentNotified, LoanId, ResolveSuspense, ReturnFunds};
use sycee_funds::fund_management_system::FundAccount;
use sycee_money::Money;
use sycee_runtime::Stimulus;

use crate::world::{SimError, World};

const DESK: &str = "staff:finance";
/// Of a funder's free money, so many of 1000 go back to it each month.
const RETURNED_PER_MILLE: i64 = 10;

impl World {
    /// Works through what the last month left.
    pub(crate) fn finance_desk(&mut self) -> Result<(), SimError> {
        let today = self.date();
        if today.day() != 1 {
            return Ok(());
        }
        self.writer().sync()?;
        let mut accounts = Vec::new();
        self.writer().scan::<FundAccount>(&mut |account| {
            accounts.push(account.clone());
            Ok(())
        })?;
        let mut notes = Vec::new();
        self.writer().scan::<LoanNote>(&mut |note| {
            if note.is_open || note.surplus.is_positive() {
                notes.push(note.clone());
            }
            Ok(())
        })?;
        for account in &accounts {
            let of_account: Vec<&LoanNote> = notes.iter().filter(|note| note.fund_account == account.id).collect();
            self.end_suspense(account, &of_account, today)?;
            if !account.is_own {
                self.give_back(account, today)?;
            }
        }
        self.lose_a_transfer(&accounts, today)
    }

    /// Borrowers get back what they paid too much; a stray transfer pays the oldest open loan, or goes back.
    fn end_suspense(&mut self, account: &FundAccount, notes: &[&LoanNote], today: Date) -> Result<(), SimError> {
        let mut stray = account.suspense;
        for note in notes.iter().filter(|note| note.surplus.is_positive()) {
            stray = stray.checked_sub(note.surplus)?;
            self.resolve(account, note.surplus, Some(note.loan), None, &format!("credit-{}-{today}", note.loan))?;
        }
        if stray.is_positive() {
            let oldest = notes.iter().find(|note| note.is_open).map(|note| note.loan);
            let pays = oldest.filter(|_| today.month() % 2 == 0);
            self.resolve(account, stray, None, pays, &format!("stray-{}-{today}", account.code))?;
        }
        Ok(())
    }

    fn resolve(
        &mut self,
        account: &FundAccount,
        amount: Money,
        credit_of: Option<LoanId>,
        loan: Option<LoanId>,
        reference: &str,
    ) -> Result<(), SimError> {
        let (funder, reference) = (account.code.clone(), reference.to_owned());
        self.must(Stimulus::command(DESK, ResolveSuspense { funder, amount, credit_of, loan, reference }))
    }

    fn give_back(&mut self, account: &FundAccount, today: Date) -> Result<(), SimError> {
        let minor = 10i64.pow(account.currency.minor_digits());
        let major = account.available.to_minor().unwrap_or_default() / minor * RETURNED_PER_MILLE / 1_000;
        let amount = self.major(major)?;
        if !amount.is_positive() {
            return Ok(());
        }
        let bank_reference = format!("return-{}-{today}", account.code);
        self.must(Stimulus::command(DESK, ReturnFunds { funder: account.code.clone(), amount, bank_reference }))
    }

    /// Somebody pays into our bank and forgets to say for what.
    fn lose_a_transfer(&mut self, accounts: &[FundAccount], today: Date) -> Result<(), SimError> {
        let Some(own) = accounts.iter().find(|account| account.is_own) else { return Ok(()) };
        let notice = ExternalRepaymentNotified {
            reference: format!("bank-{today}"),
            funder: Some(own.partner),
            order: None,
            loan: None,
            amount: self.major(30)?,
            paid_at: None,
        };
        self.stimulate(Stimulus::event("bank", notice)).map(|_| ())
    }
}
