//! What a run comes to: the funnel, the money, the book, the oracles.

use std::collections::BTreeMap;

use serde::Serialize;
use sycee_accounting::ledger::AccountKind;
use sycee_accounting::reports;
use sycee_asset::{Bucket, LoanNote, NoteStatus};
use sycee_contract::FundAccountId;
use sycee_funds::fund_management_system::{FundAccount, FundReturn};
use sycee_money::{Currency, Money, MoneyError};

use crate::oracles::Verdict;
use crate::world::{SimError, World};

/// How many people got how far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Funnel {
    /// Registered with a verified phone.
    pub registered: u64,
    /// Identity verified.
    pub identified: u64,
    /// Documents that the identity provider doubted, and that people looked at.
    pub identity_referred: u64,
    /// Of those, how many they accepted.
    pub identity_accepted: u64,
    /// Documents that were refused and handed in again, with a better picture.
    pub identity_retried: u64,
    /// People whose document was refused, and who left it at that.
    pub gave_up: u64,
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
    /// First loans whose first installment fell due on a day that is over.
    pub first_due: u64,
    /// Of those, how many were not paid in full on the day.
    pub first_overdue: u64,
    /// Registered and never went on.
    pub left: u64,
    /// Applications, for credit or a loan, that the rules referred to people.
    pub referred: u64,
    /// Of those, how many they approved.
    pub review_approved: u64,
}

/// Why people got no further at one step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Declined {
    /// How often somebody was declined there.
    pub times: u64,
    /// By the strongest reason, as its stable code.
    pub reasons: BTreeMap<String, u64>,
}

/// Loans that are equally late, or over.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BookLine {
    /// Days past due, or how the loan ended.
    pub name: &'static str,
    /// How many loans.
    pub loans: u64,
    /// Principal lent.
    pub lent: Money,
    /// Principal outstanding.
    pub outstanding: Money,
}

/// The loan book at the end of a run.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Book {
    /// Loans by state of their note.
    pub by_status: BTreeMap<&'static str, u64>,
    /// The same with their principal, from current to over.
    pub lines: Vec<BookLine>,
    /// Principal lent.
    pub lent: Money,
    /// Principal outstanding.
    pub outstanding: Money,
    /// Outstanding principal of loans more than 30, 60 and 90 days past due, in basis points of the outstanding of all.
    pub par_bps: [i64; 3],
    /// Outstanding principal of loans more than 90 days past due.
    pub defaulted: Money,
    /// That, in basis points of all principal ever lent.
    pub defaulted_bps: i64,
    /// Outstanding principal of loans 31 to 90 days past due, in basis points of what is outstanding without defaults.
    pub late_bps: i64,
    /// Paid by borrowers.
    pub collected: Money,
}

/// All money that went in and out, over all funders.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cash {
    /// Brought in by funders.
    pub arrived: Money,
    /// Paid to borrowers.
    pub paid_out: Money,
    /// Paid by borrowers.
    pub received: Money,
    /// Given back.
    pub refunded: Money,
    /// Of that, to funders; the rest went to payers.
    pub returned: Money,
    /// What is there, or is to be taken back: arrived + received − paid out − refunded.
    pub at_hand: Money,
}

/// What was earned, and what it cost.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Income {
    /// Income accounts as positive amounts, then expense accounts as negative ones.
    pub lines: Vec<IncomeLine>,
    /// Their sum.
    pub total: Money,
}

/// One line of the income.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IncomeLine {
    /// Chart code.
    pub account: String,
    /// The chart's name.
    pub name: String,
    /// Earned, or spent when negative.
    pub amount: Money,
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
    /// Given back: to the funder, and to payers.
    pub refunded: Money,
    /// Of that, to the funder.
    pub returned: Money,
    /// Nobody explained it yet, or it is borrowers' credit.
    pub suspense: Money,
    /// Paid out although no loan takes it: to be taken back.
    pub recoverable: Money,
}

impl FunderPosition {
    /// What came in and is neither gone nor free: committed, in suspense, or to be taken back.
    ///
    /// Invariant: `arrived + received = paid_out + refunded + available + bound`.
    ///
    /// Errors: `Overflow` when the sum is out of range, `CurrencyMismatch` when the parts are of two currencies.
    pub fn bound(&self) -> Result<Money, MoneyError> {
        self.committed.checked_add(self.suspense)?.checked_add(self.recoverable)
    }
}

/// One line of the trial balance.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TrialLine {
    /// Chart code.
    pub account: String,
    /// The chart's name.
    pub name: String,
    /// Debits minus credits.
    pub balance: Money,
    /// Kind of account.
    #[serde(skip)]
    pub kind: AccountKind,
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
    /// Who was declined, by step.
    pub declined: BTreeMap<&'static str, Declined>,
    /// Requests that were refused, by code.
    pub refusals: BTreeMap<String, u64>,
    /// The loan book.
    pub book: Book,
    /// Money out and in.
    pub cash: Cash,
    /// Income and expenses.
    pub income: Income,
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
    /// How often an effect could not be executed, and was tried again or given up.
    pub effect_failures: u64,
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
    ///
    /// Errors: `Fault` when the database cannot be read or written; `Market` when the files are wrong; `Money` and `Broken` when a sum
    /// does not fit or an account is in no chart.
    pub fn report(&mut self) -> Result<Report, SimError> {
        self.settle()?;
        let answers = self.repeat_requests()?;
        let mut verdicts = self.ask_oracles(true)?;
        verdicts.push(answers);
        let (cascades, messages) = self.volume();
        let currency = self.settings.files.market()?.currency;
        let trial_balance = self.trial_lines()?;
        let funders = self.funders()?;
        Ok(Report {
            engine: self.settings.url.engine(),
            seed: self.settings.seed,
            days: self.days(),
            applicants: self.people.len(),
            funnel: self.funnel(),
            declined: self.declined.clone(),
            refusals: self.refusals.clone(),
            book: self.book(currency, &funders)?,
            cash: cash(currency, &funders)?,
            income: income(currency, &trial_balance)?,
            funders,
            trial_balance,
            oracles: verdicts,
            cascades,
            messages,
            effect_failures: self.effect_failures(),
            hash: self.writer().digest()?,
        })
    }

    fn trial_lines(&mut self) -> Result<Vec<TrialLine>, SimError> {
        let chart = self.settings.files.chart()?;
        let trial = reports::trial_balance(self.writer().reader(), None)?;
        let mut lines = Vec::new();
        for ((code, currency), units) in trial.by_chart_code() {
            let account = chart.accounts().iter().find(|account| account.code == code);
            let account = account.ok_or_else(|| SimError::Broken(format!("account {code} is not in the chart")))?;
            let units =
                i64::try_from(units).map_err(|_| SimError::Broken(format!("the balance of {code} does not fit")))?;
            lines.push(TrialLine {
                account: code.to_owned(),
                name: account.name.replace('-', " "),
                balance: Money::from_units(units, currency),
                kind: account.kind,
            });
        }
        Ok(lines)
    }

    fn funders(&mut self) -> Result<Vec<FunderPosition>, SimError> {
        let mut returned: BTreeMap<FundAccountId, i64> = BTreeMap::new();
        self.writer().scan::<FundReturn>(&mut |back| {
            *returned.entry(back.fund_account).or_default() += back.amount.units();
            Ok(())
        })?;
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
                refunded: account.refunded,
                returned: Money::from_units(returned.get(&account.id).copied().unwrap_or(0), account.currency),
                suspense: account.suspense,
                recoverable: account.recoverable,
            });
            Ok(())
        })?;
        Ok(funders)
    }

    fn book(&mut self, currency: Currency, funders: &[FunderPosition]) -> Result<Book, SimError> {
        let mut found: BTreeMap<usize, (u64, i64, i64)> = BTreeMap::new();
        self.writer().scan::<LoanNote>(&mut |note| {
            let (count, lent, outstanding) = found.entry(place_in_book(note)).or_default();
            *count += 1;
            *lent += note.principal.units();
            *outstanding += note.principal_outstanding.units();
            Ok(())
        })?;
        let money = |units| Money::from_units(units, currency);
        let line = |(at, (loans, lent, outstanding)): (&usize, &(u64, i64, i64))| BookLine {
            name: BOOK[*at],
            loans: *loans,
            lent: money(*lent),
            outstanding: money(*outstanding),
        };
        let lines: Vec<BookLine> = found.iter().map(line).collect();
        let lent: i64 = found.values().map(|(_, lent, _)| lent).sum();
        // The buckets stand first, from current to more than 90 days.
        let late_from = |bucket: usize| found.range(bucket..=DEFAULTED).map(|(_, (_, _, units))| units).sum::<i64>();
        let (outstanding, defaulted) = (late_from(0), late_from(DEFAULTED));
        Ok(Book {
            by_status: lines.iter().map(|line| (line.name, line.loans)).collect(),
            lines,
            lent: money(lent),
            outstanding: money(outstanding),
            par_bps: [2, 3, DEFAULTED].map(|bucket| bps(late_from(bucket), outstanding)),
            defaulted: money(defaulted),
            defaulted_bps: bps(defaulted, lent),
            late_bps: bps(late_from(2) - defaulted, outstanding - defaulted),
            collected: sum(currency, funders, |funder| funder.received)?,
        })
    }
}

/// Lines of the book: buckets of running loans from current to defaulted, then loans that are not running.
const BOOK: [&str; 8] = [
    "current",
    "1 to 30 days late",
    "31 to 60 days late",
    "61 to 90 days late",
    "over 90 days late",
    "being booked",
    "settled",
    "cancelled",
];
/// The line of loans more than 90 days past due.
const DEFAULTED: usize = 4;

fn place_in_book(note: &LoanNote) -> usize {
    match (note.status, note.bucket) {
        (NoteStatus::Active | NoteStatus::Overdue, Bucket::Current) => 0,
        (NoteStatus::Active | NoteStatus::Overdue, Bucket::Days1To30) => 1,
        (NoteStatus::Active | NoteStatus::Overdue, Bucket::Days31To60) => 2,
        (NoteStatus::Active | NoteStatus::Overdue, Bucket::Days61To90) => 3,
        (NoteStatus::Active | NoteStatus::Overdue, Bucket::DaysOver90) => DEFAULTED,
        (NoteStatus::AwaitingPlan | NoteStatus::Planned, _) => 5,
        (NoteStatus::Settled, _) => 6,
        (NoteStatus::Cancelled, _) => 7,
    }
}

/// `part` of `whole`, neither below zero, in basis points, half up; 0 of nothing.
fn bps(part: i64, whole: i64) -> i64 {
    if whole == 0 {
        return 0;
    }
    let (part, whole) = (i128::from(part), i128::from(whole));
    i64::try_from((part * 20_000 + whole) / (whole * 2)).unwrap_or(i64::MAX)
}

fn sum(
    currency: Currency,
    funders: &[FunderPosition],
    amount: impl Fn(&FunderPosition) -> Money,
) -> Result<Money, MoneyError> {
    Money::sum(currency, funders.iter().map(amount))
}

fn cash(currency: Currency, funders: &[FunderPosition]) -> Result<Cash, MoneyError> {
    let total = |amount: fn(&FunderPosition) -> Money| sum(currency, funders, amount);
    let (arrived, paid_out) = (total(|it| it.arrived)?, total(|it| it.paid_out)?);
    let (received, refunded, returned) = (total(|it| it.received)?, total(|it| it.refunded)?, total(|it| it.returned)?);
    let at_hand = arrived.checked_add(received)?.checked_sub(paid_out)?.checked_sub(refunded)?;
    Ok(Cash { arrived, paid_out, received, refunded, returned, at_hand })
}

/// A credit balance is income, a debit balance a cost.
fn income(currency: Currency, trial: &[TrialLine]) -> Result<Income, MoneyError> {
    let mut lines = Vec::new();
    for kind in [AccountKind::Income, AccountKind::Expense] {
        for line in trial.iter().filter(|line| line.kind == kind) {
            let amount = Money::zero(line.balance.currency()).checked_sub(line.balance)?;
            lines.push(IncomeLine { account: line.account.clone(), name: line.name.clone(), amount });
        }
    }
    let total = Money::sum(currency, lines.iter().map(|line| line.amount))?;
    Ok(Income { lines, total })
}
