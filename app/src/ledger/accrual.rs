//! `sycee ledger accrual`: what the accrual that was posted for a day is made of.

use clap::Args;
use serde_json::{Value, json};
use sycee_asset::{DayAccrual, explain_accrual};
use sycee_contract::{Date, EntryId, LoanId};

use crate::Context;
use crate::output::{Failure, Side, TextTable, Verdict, say, say_json};

/// What the command cannot do without.
const ACCRUAL_TABLE: &str = "accrual_total";

const EXAMPLES: &str = "\
Examples:
  sycee ledger accrual --day 2026-02-01                   what was posted that day, and what each loan earned
  sycee ledger accrual --day 2026-02-01 --loan loan-12    one loan
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
    let accruals = explain_accrual(&mut *reader, args.day)?;
    let verdict = Verdict::of(accruals.iter().all(DayAccrual::adds_up));
    if context.json {
        let accruals: Vec<Value> = accruals.iter().map(|accrual| as_json(accrual, args.loan)).collect();
        say_json(&json!({ "day": args.day, "accruals": accruals }))?;
    } else {
        say(&as_text(&accruals, args))?;
    }
    Ok(verdict)
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

fn as_text(accruals: &[DayAccrual], args: &AccrualArgs) -> String {
    if accruals.is_empty() {
        return format!("nothing was earned on {}, or the day is not closed\n", args.day);
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
