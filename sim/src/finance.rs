//! The people of the finance desk: on the first of a month they end what waits in suspense, give capital back and book what
//! the bank charges. Who presses twice books that twice, and takes the second entry back.

use sycee_asset::LoanNote;
use sycee_contract::{
    Date, EntryId, ExternalRepaymentNotified, LoanId, PostAccountingEntry, ResolveSuspense, ReturnFunds,
    ReverseAccountingEntry, TransferLine,
};
use sycee_funds::fund_management_system::{FundAccount, SuspenseReceipt};
use sycee_money::Money;
use sycee_psp::SplitMix64;
use sycee_runtime::Stimulus;

use crate::world::{SimError, World};

const DESK: &str = "staff:finance";
/// Of a funder's free money, so many of 1000 go back to it each month.
const RETURNED_PER_MILLE: i64 = 10;
/// What the bank charges a month, in major units: from, to.
const CHARGES: (i64, i64) = (5, 40);
/// Months in which they are booked twice, of 1000.
const BOOKED_TWICE_PER_MILLE: u32 = 600;
/// Of these, those in which somebody notices the same day, of 1000; in the others it is the next day.
const NOTICED_AT_ONCE_PER_MILLE: u32 = 500;

impl World {
    /// Works through what the last month left.
    pub(crate) fn finance_desk(&mut self) -> Result<(), SimError> {
        let today = self.date();
        self.take_back(today)?;
        if today.day() != 1 {
            return Ok(());
        }
        self.book_charges(today)?;
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
        let mut receipts = Vec::new();
        self.writer().scan::<SuspenseReceipt>(&mut |receipt| {
            if receipt.remaining.is_positive() {
                receipts.push(receipt.clone());
            }
            Ok(())
        })?;
        for account in &accounts {
            let of_account: Vec<&LoanNote> = notes.iter().filter(|note| note.fund_account == account.id).collect();
            let unexplained = receipts.iter().filter(|receipt| receipt.fund_account == account.id);
            self.end_suspense(account, &of_account, unexplained, today)?;
            if !account.is_own {
                self.give_back(account, today)?;
            }
        }
        self.lose_a_transfer(&accounts, today)
    }

    /// What the bank charged last month; perhaps twice, in a world where people press twice.
    fn book_charges(&mut self, today: Date) -> Result<(), SimError> {
        if !self.settings.faults.duplicates {
            return Ok(());
        }
        let month = i64::from(today.year()) * 12 + i64::from(today.month());
        let mut random = SplitMix64::new(self.settings.seed ^ month.unsigned_abs().wrapping_mul(0x8ebc_6af0_9c88_c6e3));
        let amount = self.major(random.between(CHARGES.0, CHARGES.1))?;
        let (is_twice, is_noticed) = (random.hits(BOOKED_TWICE_PER_MILLE), random.hits(NOTICED_AT_ONCE_PER_MILLE));
        self.book_charge(amount, today)?;
        if is_twice {
            self.booked_twice = Some(self.book_charge(amount, today)?);
        }
        if is_noticed { self.take_back(today) } else { Ok(()) }
    }

    fn book_charge(&mut self, amount: Money, date: Date) -> Result<EntryId, SimError> {
        let lines = vec![TransferLine { debit: "5300".to_owned(), credit: "2400".to_owned(), amount }];
        let text = format!("bank charges, booked on {date}");
        let done = self.stimulate(Stimulus::command(DESK, PostAccountingEntry { lines, text, date }))?;
        let posted = done.answer::<PostAccountingEntry>();
        posted.map(|posted| posted.entry).map_err(|rejection| SimError::Broken(rejection.to_string()))
    }

    /// What was booked twice is reversed.
    fn take_back(&mut self, date: Date) -> Result<(), SimError> {
        let Some(entry) = self.booked_twice.take() else { return Ok(()) };
        let text = "bank charges booked twice".to_owned();
        self.must(Stimulus::command(DESK, ReverseAccountingEntry { entry, text, date }))
    }

    /// Borrowers get back what they paid too much; a stray transfer pays the oldest open loan, or goes back.
    fn end_suspense<'a>(
        &mut self,
        account: &FundAccount,
        notes: &[&LoanNote],
        unexplained: impl Iterator<Item = &'a SuspenseReceipt>,
        today: Date,
    ) -> Result<(), SimError> {
        for note in notes.iter().filter(|note| note.surplus.is_positive()) {
            let reference = format!("credit-{}-{today}", note.loan);
            self.resolve(account, note.surplus, (None, Some(note.loan)), None, reference)?;
        }
        let oldest = notes.iter().find(|note| note.is_open).map(|note| note.loan);
        let pays = oldest.filter(|_| today.month() % 2 == 0);
        for stray in unexplained {
            let reference = format!("stray-{}-{}-{today}", account.code, stray.receipt);
            self.resolve(account, stray.remaining, (Some(stray.receipt.clone()), None), pays, reference)?;
        }
        Ok(())
    }

    fn resolve(
        &mut self,
        account: &FundAccount,
        amount: Money,
        (receipt, credit_of): (Option<String>, Option<LoanId>),
        loan: Option<LoanId>,
        reference: String,
    ) -> Result<(), SimError> {
        let funder = account.code.clone();
        let (order, paid_at) = (None, None);
        let cmd = ResolveSuspense { funder, amount, receipt, credit_of, loan, order, paid_at, reference };
        self.must(Stimulus::command(DESK, cmd))
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
