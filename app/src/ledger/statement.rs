//! `sycee ledger statement`: one account, transfer by transfer, and what each is about.

use clap::Args;
use serde_json::{Value, json};
use sycee_accounting::ledger::Phase;
use sycee_accounting::reports::{self, Statement, StatementLine, TrialBalance};
use sycee_contract::RepaymentKind;
use sycee_money::Currency;

use super::LEDGER_TABLE;
use crate::Context;
use crate::output::{Failure, Side, TextTable, Verdict, say, say_json};

/// Most codes that an error names.
const HINTS: usize = 8;

const EXAMPLES: &str = "\
Examples:
  sycee ledger statement '1100|par-1001'                its newest transfers
  sycee ledger statement '1100|par-1001' --before 812   the page before that
  sycee ledger statement '1100|par-1001@USDT'           one of its currencies

sycee ledger trial-balance lists the codes. Amounts above zero are debits.";

/// One account, transfer by transfer, newest first
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct StatementArgs {
    /// Code of the account, with @CUR behind it when several currencies use it
    account: String,
    /// Most lines to show
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
    /// Only transfers before this one: the next page
    #[arg(long, value_name = "TRANSFER")]
    before: Option<i64>,
}

pub(super) fn run(args: &StatementArgs, context: &Context) -> Result<Verdict, Failure> {
    let mut reader = context.database.reader(LEDGER_TABLE)?;
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let Some(statement) = reports::statement(&mut *reader, &args.account, args.before, limit)? else {
        let balance = reports::trial_balance(&mut *reader, None)?;
        return Err(Failure::input(no_statement(&args.account, &balance)));
    };
    if context.json {
        let lines: Vec<Value> = statement.lines.iter().map(line_json).collect();
        say_json(&json!({
            "account": statement.code, "currency": statement.currency, "lines": lines,
            "nextBefore": statement.next_before,
        }))?;
    } else {
        say(&as_text(&statement, &args.account))?;
    }
    Ok(Verdict::Fine)
}

/// Why there is no statement of `account`, and which accounts it might have meant.
fn no_statement(account: &str, balance: &TrialBalance) -> String {
    let named = |code: &str, currency: Currency| format!("{code}@{currency}");
    let of_code: Vec<String> = balance
        .rows
        .iter()
        .filter(|row| row.code == account)
        .map(|row| named(&row.code, row.balance.currency()))
        .collect();
    if of_code.len() > 1 {
        return format!("several currencies use account {account}: name one of {}", of_code.join(", "));
    }
    let below: Vec<&str> =
        balance.rows.iter().filter(|row| row.chart_code() == account).map(|row| row.code.as_str()).collect();
    let more = if below.len() > HINTS { ", …" } else { "" };
    if below.is_empty() {
        format!("there is no account {account}: sycee ledger trial-balance lists the codes")
    } else {
        let some: Vec<&str> = below.into_iter().take(HINTS).collect();
        format!("{account} is kept in accounts of its own: name one of {}{more}", some.join(", "))
    }
}

fn line_json(line: &StatementLine) -> Value {
    json!({
        "transfer": line.transfer, "entry": line.entry, "businessDate": line.business_date, "postedAt": line.posted_at,
        "template": line.template, "reference": line.reference, "counterAccount": line.counter_account,
        "phase": phase(line.phase), "amount": line.amount, "balance": line.balance,
    })
}

/// `account` is how the caller named it.
fn as_text(statement: &Statement, account: &str) -> String {
    let mut table = TextTable::new(&[
        ("transfer", Side::Right),
        ("date", Side::Left),
        ("entry", Side::Left),
        ("template", Side::Left),
        ("other account", Side::Left),
        ("amount", Side::Right),
        ("balance", Side::Right),
        ("loan", Side::Left),
        ("order", Side::Left),
        ("repayment", Side::Left),
        ("reference", Side::Left),
    ]);
    for line in &statement.lines {
        let about = &line.reference;
        let template = match line.phase {
            Phase::Posted => line.template.clone(),
            other => format!("{} ({})", line.template, phase(other)),
        };
        table.row([
            line.transfer.to_string(),
            line.business_date.to_string(),
            line.entry.to_string(),
            template,
            line.counter_account.clone(),
            line.amount.to_decimal_string(),
            line.balance.to_decimal_string(),
            about.loan.map_or_else(String::new, |loan| loan.to_string()),
            about.order.map_or_else(String::new, |order| order.to_string()),
            about.repayment.map_or("", repayment).to_owned(),
            about.text.clone(),
        ]);
    }
    let mut text = format!("{} in {}\n\n{}", statement.code, statement.currency, table.text());
    if let Some(before) = statement.next_before {
        text.push_str(&format!("\nmore: sycee ledger statement '{account}' --before {before}\n"));
    }
    text
}

const fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Posted => "posted",
        Phase::Held => "held",
        Phase::HoldPosted => "hold-posted",
        Phase::HoldVoided => "hold-voided",
    }
}

const fn repayment(kind: RepaymentKind) -> &'static str {
    match kind {
        RepaymentKind::Normal => "normal",
        RepaymentKind::EarlySettlement => "early settlement",
        RepaymentKind::Cancel => "cancellation",
    }
}
