//! `sycee ledger`: reads the books beside a running market: verification, statements, trial balance, accruals.

mod accrual;
mod statement;

use std::io::IsTerminal as _;

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use sycee_accounting::reports::{self, TrialBalance, VerifyProgress, VerifyReport};
use sycee_accounting::rules::Chart;
use sycee_contract::Date;
use sycee_money::{Currency, Money};

use crate::Context;
use crate::covered::Covered;
use crate::market_files::MarketArgs;
use crate::output::{Failure, Side, TextTable, Verdict, say, say_json};

/// What every ledger command cannot do without.
const LEDGER_TABLE: &str = "ledger_transfer";

/// What the group shows.
pub const EXAMPLES: &str = "\
Examples:
  sycee ledger trial-balance                       every account's balance
  sycee ledger trial-balance --as-of 2026-03-31    at the end of a business day
  sycee ledger statement '1100|par-1001'           one account, line by line
  sycee ledger verify                              replay every entry
  sycee --db backup.db ledger verify --json | jq .clean

They read beside a running market, and what nobody can write: a backup.";

const VERIFY_EXAMPLES: &str = "\
Examples:
  sycee ledger verify
  sycee --db backup.db ledger verify --json | jq .findings

Exit code 1 when anything contradicts anything. A difference is never repaired
by editing rows: reverse and post again.";

const BALANCE_EXAMPLES: &str = "\
Examples:
  sycee ledger trial-balance                       everything posted so far
  sycee ledger trial-balance --as-of 2026-03-31    at the end of a business day
  sycee ledger trial-balance --by chart            a row an account of the chart

Exit code 1 when debits and credits differ.";

/// Read the books: verify, statement, trial-balance, accrual
#[derive(Subcommand)]
pub enum LedgerCommand {
    /// Replay every entry: balances, chains, hashes
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify,
    Statement(statement::StatementArgs),
    TrialBalance(BalanceArgs),
    Accrual(accrual::AccrualArgs),
}

/// Every account's balance, today or at the end of a past business day
#[derive(Args)]
#[command(after_help = BALANCE_EXAMPLES)]
pub struct BalanceArgs {
    /// Business date, such as 2026-03-31
    #[arg(long, value_name = "DATE")]
    as_of: Option<Date>,
    /// One row for each account, or for each account of the chart
    #[arg(long, value_enum, default_value_t = Detail::Account)]
    by: Detail,
    #[command(flatten)]
    market: MarketArgs,
}

/// How fine a trial balance is.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Detail {
    /// One row for each account.
    Account,
    /// One row for each account of the chart.
    Chart,
}

/// Runs one of them.
pub fn run(command: &LedgerCommand, context: &Context) -> Result<Verdict, Failure> {
    match command {
        LedgerCommand::Verify => verify(context),
        LedgerCommand::Statement(args) => statement::run(args, context),
        LedgerCommand::TrialBalance(args) => trial_balance(args, context),
        LedgerCommand::Accrual(args) => accrual::run(args, context),
    }
}

fn verify(context: &Context) -> Result<Verdict, Failure> {
    let mut reader = context.database.reader(LEDGER_TABLE)?;
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
    let style = ProgressStyle::with_template("verifying {bar:40} {human_pos} of {human_len} transfers, {eta} left");
    bar.set_style(style.map_err(|error| Failure::Fault(error.to_string()))?);
    let report = reports::verify(&mut *reader, &mut |VerifyProgress { transfers, of }| {
        bar.set_length(of);
        bar.set_position(transfers);
    })?;
    bar.finish_and_clear();
    if context.json {
        say_json(&report_json(&report))?;
    } else {
        say(&report_text(&report))?;
    }
    Ok(Verdict::of(report.is_clean()))
}

fn report_json(report: &VerifyReport) -> Value {
    let totals: serde_json::Map<String, Value> = report
        .totals
        .iter()
        .map(|(currency, (debit, credit))| {
            let sums = json!({ "debit": decimal(*debit, *currency), "credit": decimal(*credit, *currency) });
            (currency.to_string(), sums)
        })
        .collect();
    let findings: Vec<Value> =
        report.findings.iter().map(|finding| json!({ "row": finding.row, "what": finding.what })).collect();
    json!({
        "clean": report.is_clean(), "accounts": report.accounts, "entries": report.entries,
        "transfers": report.transfers, "totals": totals, "head": hex(&report.head.0), "found": report.found,
        "findings": findings,
    })
}

fn report_text(report: &VerifyReport) -> String {
    let mut text = format!(
        "{} accounts, {} entries, {} transfers, hash {}\n",
        report.accounts,
        report.entries,
        report.transfers,
        hex(&report.head.0)
    );
    for (currency, (debit, credit)) in &report.totals {
        text.push_str(&format!(
            "{currency}: debits {}, credits {}\n",
            decimal(*debit, *currency),
            decimal(*credit, *currency)
        ));
    }
    if report.is_clean() {
        text.push_str("the books hold\n");
        return text;
    }
    for finding in &report.findings {
        text.push_str(&format!("WRONG {finding}\n"));
    }
    text.push_str(&format!(
        "{} findings: do not edit rows; restore a backup, or reverse and post again\n",
        report.found
    ));
    text
}

fn trial_balance(args: &BalanceArgs, context: &Context) -> Result<Verdict, Failure> {
    let mut reader = context.database.reader(LEDGER_TABLE)?;
    if let Some(date) = args.as_of {
        Covered::has(Covered::by_books(&mut *reader)?, "--as-of", date, &context.database.name())?;
    }
    let balance = reports::trial_balance(&mut *reader, args.as_of)?;
    let rows = balance_rows(&balance, args.by);
    let names = args.market.files()?.chart().map_err(Failure::input)?;
    if context.json {
        let rows: Vec<Value> = rows
            .iter()
            .map(|row| json!({ "account": row.0, "name": name_of(&names, &row.0), "kind": row.1, "balance": amount(row.3, row.2) }))
            .collect();
        let totals: Vec<Value> = balance
            .totals()
            .iter()
            .map(|(currency, (debit, credit))| {
                json!({ "currency": currency, "debit": decimal(*debit, *currency), "credit": decimal(*credit, *currency) })
            })
            .collect();
        say_json(&json!({
            "asOf": balance.as_of, "balanced": balance.is_balanced(), "accounts": rows, "totals": totals,
        }))?;
    } else {
        say(&balance_text(&balance, &rows, &names))?;
    }
    Ok(Verdict::of(balance.is_balanced()))
}

/// Account, kind, currency, debits minus credits in units.
type BalanceLine = (String, &'static str, Currency, i128);

fn balance_rows(balance: &TrialBalance, by: Detail) -> Vec<BalanceLine> {
    let mut rows: Vec<BalanceLine> = Vec::new();
    for row in &balance.rows {
        let (currency, units) = (row.balance.currency(), i128::from(row.balance.units()));
        let code = if by == Detail::Chart { row.chart_code() } else { &row.code };
        let known = match by {
            Detail::Account => None,
            Detail::Chart => rows.iter_mut().find(|known| known.0 == code && known.2 == currency),
        };
        match known {
            Some(known) => known.3 += units,
            None => rows.push((code.to_owned(), row.kind.name(), currency, units)),
        }
    }
    rows
}

/// What the chart calls an account; empty for a code that it does not have.
fn name_of<'a>(chart: &'a Chart, code: &str) -> &'a str {
    chart.of(code).map_or("", |account| account.name.as_str())
}

fn balance_text(balance: &TrialBalance, rows: &[BalanceLine], names: &Chart) -> String {
    let mut table = TextTable::new(&[
        ("account", Side::Left),
        ("name", Side::Left),
        ("kind", Side::Left),
        ("cur", Side::Left),
        ("debit", Side::Right),
        ("credit", Side::Right),
    ]);
    for (code, kind, currency, units) in rows {
        let (debit, credit) = if *units < 0 {
            (String::new(), decimal(-units, *currency))
        } else {
            (decimal(*units, *currency), String::new())
        };
        table.row([
            code.clone(),
            name_of(names, code).to_owned(),
            (*kind).to_owned(),
            currency.to_string(),
            debit,
            credit,
        ]);
    }
    for (currency, (debit, credit)) in balance.totals() {
        table.row([
            "total".to_owned(),
            String::new(),
            String::new(),
            currency.to_string(),
            decimal(debit, currency),
            decimal(credit, currency),
        ]);
    }
    let when = balance.as_of.map_or_else(|| "everything posted".to_owned(), |date| format!("end of {date}"));
    let verdict = if balance.is_balanced() { "balanced" } else { "DEBITS AND CREDITS DIFFER: run sycee ledger verify" };
    format!("{when}\n\n{}\n{verdict}\n", table.text())
}

/// A sum in units as JSON; a sum beyond an amount's range as its decimal text alone.
fn amount(units: i128, currency: Currency) -> Value {
    json!({ "amount": decimal(units, currency), "currency": currency })
}

/// Units of a currency as a decimal text; sums may be larger than any one amount.
fn decimal(units: i128, currency: Currency) -> String {
    if let Ok(units) = i64::try_from(units) {
        return Money::from_units(units, currency).to_decimal_string();
    }
    let one = 10i128.pow(currency.scale());
    let (whole, part) = (units / one, (units % one).unsigned_abs());
    format!("{whole}.{part:0width$}", width = usize::try_from(currency.scale()).unwrap_or(4))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_beyond_an_amount_are_written_whole() {
        let most = i128::from(i64::MAX);
        assert_eq!(decimal(12_345_000, Currency::GHS), "1234.50");
        assert_eq!(decimal(most * 10, Currency::GHS), "9223372036854775.8070");
        assert_eq!(decimal(-most * 10, Currency::GHS), "-9223372036854775.8070");
    }
}
