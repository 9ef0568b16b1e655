//! `sycee ledger accrual`: what the accrual that was posted for a day is made of.

use clap::Args;
use serde_json::{Value, json};
use sycee_asset::{DayAccrual, LoanNote, explain_accrual};
use sycee_contract::{Date, EntryId, Identifier as _, LoanId};
use sycee_runtime::read_all;
use sycee_runtime::storage::{Reader, Value as Stored};

use crate::Context;
use crate::covered::Covered;
use crate::output::{Failure, Side, TextTable, Verdict, say, say_json};

/// What the command cannot do without.
const ACCRUAL_TABLE: &str = "accrual_total";

const EXAMPLES: &str = "\
Examples:
  sycee ledger accrual --day 2026-02-01    what was posted, loan by loan
  sycee ledger accrual --day 2026-02-01 --loan loan-12
  sycee ledger accrual --day 2026-02-01 --json | jq '.accruals[].interest'

Exit code 1 when the loans do not sum to what was posted.";

/// One day's interest and penalties: what was posted, and each loan's part of it
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct AccrualArgs {
    /// Business date, such as 2026-02-01
    #[arg(long, value_name = "DATE")]
    day: Date,
    /// Only this loan
    #[arg(long)]
    loan: Option<LoanId>,
}

pub(super) fn run(args: &AccrualArgs, context: &Context) -> Result<Verdict, Failure> {
    let mut reader = context.database.reader(ACCRUAL_TABLE)?;
    let name = context.database.name();
    let covered = Covered::has(Covered::by_books(&mut *reader)?, "--day", args.day, &name)?;
    if args.day >= covered.today {
        let (day, today) = (args.day, covered.today);
        return Err(Failure::input(format!(
            "--day {day}: {today} is open in {name}, and interest is posted when a day closes: ask for a day before it"
        )));
    }
    let note = args.loan.map(|loan| note(&mut *reader, loan, &name)).transpose()?;
    let mut accruals = explain_accrual(&mut *reader, args.day)?;
    accruals.retain(|accrual| args.loan.is_none_or(|only| accrual.loans.iter().any(|loan| loan.loan == only)));
    let verdict = Verdict::of(accruals.iter().all(DayAccrual::adds_up));
    if context.json {
        let accruals: Vec<Value> = accruals.iter().map(|accrual| as_json(accrual, args.loan)).collect();
        say_json(&json!({ "day": args.day, "accruals": accruals }))?;
    } else {
        say(&as_text(&accruals, args, note.as_ref()))?;
    }
    Ok(verdict)
}

/// Errors: `Input` when the market knows no such loan.
fn note(reader: &mut dyn Reader, loan: LoanId, database: &str) -> Result<LoanNote, Failure> {
    let mut found = None;
    read_all::<LoanNote>(reader, "WHERE loan = $1", &[Stored::Int(loan.number())], &mut |note| {
        found = Some(note);
        Ok(())
    })?;
    found.ok_or_else(|| {
        Failure::input(format!(
            "--loan {loan}: {database} has no such loan that was paid out: sycee trace {loan} shows what it has of it"
        ))
    })
}

fn as_json(accrual: &DayAccrual, only: Option<LoanId>) -> Value {
    let total = &accrual.total;
    let loans: Vec<Value> = accrual
        .loans
        .iter()
        .filter(|loan| only.is_none_or(|only| only == loan.loan))
        .map(|loan| {
            json!({
                "loan": loan.loan, "interest": loan.receivable, "interestPaidBefore": loan.unearned,
                "penalty": loan.penalty,
            })
        })
        .collect();
    json!({
        "funder": total.funder, "product": total.product, "posted": total.posted, "addsUp": accrual.adds_up(),
        "interestEntry": total.interest_entry, "penaltyEntry": total.penalty_entry, "interest": total.receivable,
        "interestPaidBefore": total.unearned, "penalty": total.penalty, "loans": loans,
    })
}

fn as_text(accruals: &[DayAccrual], args: &AccrualArgs, note: Option<&LoanNote>) -> String {
    match note {
        _ if !accruals.is_empty() => {}
        Some(LoanNote { loan, disbursed_on, settled_on: Some(ended), .. }) => {
            return format!("{loan} earned nothing on {}: it ran from {disbursed_on} to {ended}\n", args.day);
        }
        Some(LoanNote { loan, disbursed_on, .. }) => {
            return format!("{loan} earned nothing on {}: it was paid out on {disbursed_on}\n", args.day);
        }
        None => return format!("no loan earned anything on {}\n", args.day),
    }
    let mut text = String::new();
    for accrual in accruals {
        let total = &accrual.total;
        let entry = |entry: Option<EntryId>| entry.map_or_else(|| "-".to_owned(), |entry| entry.to_string());
        text.push_str(&format!(
            "{} {} of {}: interest {}, penalties {}{}\n",
            total.funder,
            total.product,
            total.date,
            entry(total.interest_entry),
            entry(total.penalty_entry),
            if total.posted { "" } else { " (not posted: the close is under way)" },
        ));
        let mut table = TextTable::new(&[
            ("loan", Side::Left),
            ("interest", Side::Right),
            ("paid before", Side::Right),
            ("penalty", Side::Right),
        ]);
        for loan in accrual.loans.iter().filter(|loan| args.loan.is_none_or(|only| only == loan.loan)) {
            let [interest, before, penalty] =
                [loan.receivable, loan.unearned, loan.penalty].map(|amount| amount.to_decimal_string());
            table.row([loan.loan.to_string(), interest, before, penalty]);
        }
        let [interest, before, penalty] =
            [total.receivable, total.unearned, total.penalty].map(|amount| amount.to_decimal_string());
        table.row([format!("total of {}", total.loans), interest, before, penalty]);
        text.push_str(&table.text());
        text.push_str(if accrual.adds_up() { "\n" } else { "LOANS AND TOTAL DIFFER\n\n" });
    }
    text
}
