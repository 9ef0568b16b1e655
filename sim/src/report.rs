//! What a run comes to: the funnel, the money, the book, the oracles.

use std::collections::BTreeMap;

use serde::Serialize;
use sycee_accounting::reports;
use sycee_asset::{Bucket, LoanNote, NoteStatus};
use sycee_funds::fund_management_system::FundAccount;
use sycee_money::{Currency, Money};

use crate::oracles::{self, Verdict};
use crate::world::{SimError, World};

/// How many people got how far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Funnel {
    /// Registered with a verified phone.
    pub registered: u64,
    /// Identity verified.
    pub identified: u64,
    /// Admitted as customers.
    pub admitted: u64,
    /// Applied for a credit line.
    pub applied: u64,
    /// Got one.
    pub lines: u64,
    /// Loan applications handed in.
    pub submitted: u64,
    /// Approved.
    pub approved: u64,
    /// Signed.
    pub signed: u64,
    /// People with a first loan paid out.
    pub disbursed: u64,
    /// Loans paid out, again-borrowers included.
    pub loans: u64,
    /// First loans whose first installment fell due.
    pub first_due: u64,
    /// Of those, how many were not paid on the day.
    pub first_overdue: u64,
}

/// The loan book at the end of a run.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Book {
    /// Loans by state of their note.
    pub by_status: BTreeMap<&'static str, u64>,
    /// Principal lent.
    pub lent: Money,
    /// Principal outstanding.
    pub outstanding: Money,
    /// Outstanding principal of loans more than 30, 60 and 90 days past due, in basis points of the outstanding.
    pub par_bps: [i64; 3],
    /// Paid by borrowers.
    pub collected: Money,
}

/// A funder's position.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FunderPosition {
    /// Partner code.
    pub code: String,
    /// Brought in.
    pub arrived: Money,
    /// Free to lend.
    pub available: Money,
    /// Reserved or on its way.
    pub committed: Money,
    /// Paid to borrowers.
    pub paid_out: Money,
    /// Repaid by borrowers.
    pub received: Money,
}

/// One line of the trial balance.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TrialLine {
    /// Chart code.
    pub account: String,
    /// Debits minus credits.
    pub balance: Money,
}

/// What a run comes to.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Engine.
    pub engine: &'static str,
    /// Seed.
    pub seed: u64,
    /// Virtual days.
    pub days: u32,
    /// People who were invited.
    pub applicants: usize,
    /// How far they got.
    pub funnel: Funnel,
    /// Refusals by code.
    pub refusals: BTreeMap<String, u64>,
    /// The loan book.
    pub book: Book,
    /// Income by chart code.
    pub income: Vec<TrialLine>,
    /// Funders.
    pub funders: Vec<FunderPosition>,
    /// The whole trial balance by chart code.
    pub trial_balance: Vec<TrialLine>,
    /// The oracles.
    pub oracles: Vec<Verdict>,
    /// Cascades.
    pub cascades: u64,
    /// Messages.
    pub messages: u64,
    /// BLAKE3 of the logical state, hex.
    pub hash: String,
}

impl Report {
    /// Whether every oracle holds.
    pub fn holds(&self) -> bool {
        self.oracles.iter().all(Verdict::holds)
    }
}

impl World {
    /// Makes everything durable, asks every oracle and counts.
    pub fn report(&mut self) -> Result<Report, SimError> {
        self.settle()?;
        let answers = self.repeat_requests()?;
        let mut verdicts = oracles::ask_all(self.writer(), true)?;
        verdicts.push(answers);
        let (cascades, messages) = self.volume();
        let currency = self.settings.files.market()?.currency;
        let trial_balance = self.trial_lines()?;
        let income = trial_balance.iter().filter(|line| line.account.starts_with('4')).cloned().collect();
        Ok(Report {
            engine: self.settings.url.engine(),
            seed: self.settings.seed,
            days: self.days(),
            applicants: self.people.len(),
            funnel: self.funnel(),
            refusals: self.refusals.clone(),
            book: self.book(currency)?,
            income,
            funders: self.funders()?,
            trial_balance,
            oracles: verdicts,
            cascades,
            messages,
            hash: self.writer().digest()?,
        })
    }

    fn trial_lines(&mut self) -> Result<Vec<TrialLine>, SimError> {
        let trial = reports::trial_balance(self.writer().reader(), None)?;
        let mut lines = Vec::new();
        for ((account, currency), units) in trial.by_chart_code() {
            let units =
                i64::try_from(units).map_err(|_| SimError::Broken(format!("the balance of {account} does not fit")))?;
            lines.push(TrialLine { account: account.to_owned(), balance: Money::from_units(units, currency) });
        }
        Ok(lines)
    }

    fn funders(&mut self) -> Result<Vec<FunderPosition>, SimError> {
        let mut funders = Vec::new();
        self.writer().scan::<FundAccount>(&mut |account| {
            let committed = account.frozen.checked_add(account.in_transit);
            funders.push(FunderPosition {
                code: account.code.clone(),
                arrived: account.arrived,
                available: account.available,
                committed: committed.map_err(|error| sycee_runtime::Fault::corrupt(error.to_string()))?,
                paid_out: account.paid_out,
                received: account.received,
            });
            Ok(())
        })?;
        Ok(funders)
    }

    fn book(&mut self, currency: Currency) -> Result<Book, SimError> {
        let mut by_status: BTreeMap<&'static str, u64> = BTreeMap::new();
        let (mut lent, mut outstanding) = (0i64, 0i64);
        let mut late = [0i64; 3];
        self.writer().scan::<LoanNote>(&mut |note| {
            let name = match note.status {
                NoteStatus::Active | NoteStatus::Overdue => note.bucket.name(),
                status => status.name(),
            };
            *by_status.entry(name).or_default() += 1;
            lent += note.principal.units();
            let open = note.principal_outstanding.units();
            outstanding += open;
            let beyond = match note.bucket {
                Bucket::DaysOver90 => 3,
                Bucket::Days61To90 => 2,
                Bucket::Days31To60 => 1,
                _ => 0,
            };
            for slot in late.iter_mut().take(beyond) {
                *slot += open;
            }
            Ok(())
        })?;
        let share =
            |units: i64| if outstanding == 0 { 0 } else { i128::from(units) * 10_000 / i128::from(outstanding) };
        let par_bps = late.map(|units| i64::try_from(share(units)).unwrap_or(i64::MAX));
        let mut collected = Money::zero(currency);
        for funder in self.funders()? {
            collected = collected.checked_add(funder.received)?;
        }
        Ok(Book {
            by_status,
            lent: Money::from_units(lent, currency),
            outstanding: Money::from_units(outstanding, currency),
            par_bps,
            collected,
        })
    }
}
