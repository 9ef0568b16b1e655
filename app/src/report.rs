//! A run's report as people read it.

use std::fmt::Write as _;
use std::time::Duration;

use sycee_money::Money;
use sycee_sim::Report;

use crate::demo::seconds;
use crate::output::{Side, TextTable};

/// What a run took, apart from what it came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct RunFigures {
    /// Living the days.
    pub lived: Duration,
    /// Asking the oracles and hashing the state.
    pub checked: Duration,
    /// Most memory held, KiB.
    pub peak_kib: u64,
}

impl RunFigures {
    fn a_second(&self, count: u64) -> u64 {
        let millis = self.lived.as_millis().max(1);
        u64::try_from(u128::from(count) * 1_000 / millis).unwrap_or(u64::MAX)
    }

    /// The report and the figures as one JSON document.
    pub fn with(&self, report: &Report) -> serde_json::Value {
        let mut json = serde_json::to_value(report).unwrap_or_default();
        if let Some(fields) = json.as_object_mut() {
            fields.insert("holds".to_owned(), report.holds().into());
            fields.insert("livedMs".to_owned(), u64::try_from(self.lived.as_millis()).unwrap_or(u64::MAX).into());
            fields.insert("checkedMs".to_owned(), u64::try_from(self.checked.as_millis()).unwrap_or(u64::MAX).into());
            fields.insert("cascadesPerSecond".to_owned(), self.a_second(report.cascades).into());
            fields.insert("messagesPerSecond".to_owned(), self.a_second(report.messages).into());
            fields.insert("peakKib".to_owned(), self.peak_kib.into());
        }
        json
    }
}

/// An amount with thousands apart, to the minor unit.
fn amount(money: Money) -> String {
    let text = money.to_decimal_string();
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |digits| ("-", digits));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "00"));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}.{part}")
}

/// `part` of `whole` in per cent with one decimal.
fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "-".to_owned();
    }
    let tenths = part * 1_000 / whole;
    format!("{}.{} %", tenths / 10, tenths % 10)
}

fn basis_points(bps: i64) -> String {
    format!("{}.{:02} %", bps / 100, bps % 100)
}

/// The report to show to one's boss.
pub fn report_text(report: &Report, figures: &RunFigures) -> String {
    let mut text = String::new();
    let funnel = &report.funnel;
    let _ = writeln!(text, "FUNNEL, {} applicants over {} days", report.applicants, report.days);
    let mut table = TextTable::new(&[("", Side::Left), ("people", Side::Right), ("of those before", Side::Right)]);
    let steps = [
        ("registered", funnel.registered, report.applicants as u64),
        ("identified", funnel.identified, funnel.registered),
        ("admitted", funnel.admitted, funnel.identified),
        ("applied for credit", funnel.applied, funnel.admitted),
        ("credit line granted", funnel.lines, funnel.applied),
        ("first loan paid out", funnel.disbursed, funnel.lines),
    ];
    for (name, count, before) in steps {
        table.row([format!("  {name}"), count.to_string(), share(count, before)]);
    }
    text.push_str(&table.text());
    let _ = writeln!(
        text,
        "  register to apply {} (goal 35 %)   apply to disburse {} (goal 20 %)   first installment overdue {} (limit 40 %)",
        share(funnel.applied, funnel.registered),
        share(funnel.disbursed, funnel.applied),
        share(funnel.first_overdue, funnel.first_due)
    );
    let _ = writeln!(
        text,
        "  loans: {} applied for, {} approved, {} signed, {} paid out\n",
        funnel.submitted, funnel.approved, funnel.signed, funnel.loans
    );
    portfolio(&mut text, report);
    money(&mut text, report);
    let _ = writeln!(text, "ORACLES");
    text.push_str(&oracle_lines(report));
    let _ = writeln!(
        text,
        "\n{} cascades, {} messages in {} ({} messages a second, durable on {}); oracles and hash {}; peak memory {} MB",
        report.cascades,
        report.messages,
        seconds(figures.lived),
        figures.a_second(report.messages),
        report.engine,
        seconds(figures.checked),
        figures.peak_kib / 1_024
    );
    let _ = writeln!(text, "hash of the state {}  (seed {})", report.hash, report.seed);
    text
}

fn portfolio(text: &mut String, report: &Report) {
    let book = &report.book;
    let _ = writeln!(text, "PORTFOLIO, {}", book.lent.currency());
    let states: Vec<String> = book.by_status.iter().map(|(status, count)| format!("{status} {count}")).collect();
    let _ = writeln!(text, "  loans by state    {}", states.join("   "));
    let _ = writeln!(text, "  lent              {:>16}", amount(book.lent));
    let _ = writeln!(text, "  collected         {:>16}", amount(book.collected));
    let _ = writeln!(text, "  outstanding       {:>16}", amount(book.outstanding));
    let [par30, par60, par90] = book.par_bps.map(basis_points);
    let _ = writeln!(text, "  PAR 30 / 60 / 90  {par30} / {par60} / {par90}\n");
}

fn money(text: &mut String, report: &Report) {
    let _ = writeln!(text, "FUNDERS");
    let mut table = TextTable::new(&[
        ("", Side::Left),
        ("brought in", Side::Right),
        ("paid out", Side::Right),
        ("received", Side::Right),
        ("available", Side::Right),
        ("committed", Side::Right),
    ]);
    for funder in &report.funders {
        table.row([
            format!("  {}", funder.code),
            amount(funder.arrived),
            amount(funder.paid_out),
            amount(funder.received),
            amount(funder.available),
            amount(funder.committed),
        ]);
    }
    text.push_str(&table.text());
    let _ = writeln!(text, "\nTRIAL BALANCE");
    let mut table = TextTable::new(&[("  account", Side::Left), ("debit", Side::Right), ("credit", Side::Right)]);
    let (mut debits, mut credits) = (0i64, 0i64);
    for line in &report.trial_balance {
        let units = line.balance.units();
        let shown = amount(Money::from_units(units.saturating_abs(), line.balance.currency()));
        let name = format!("  {} {}", line.account, account_name(&line.account));
        if units >= 0 {
            debits += units;
            table.row([name, shown, String::new()]);
        } else {
            credits -= units;
            table.row([name, String::new(), shown]);
        }
    }
    let currency = report.book.lent.currency();
    let total = |units| amount(Money::from_units(units, currency));
    table.row(["  total".to_owned(), total(debits), total(credits)]);
    text.push_str(&table.text());
    text.push('\n');
}

fn account_name(code: &str) -> &'static str {
    match code {
        "1100" => "cash with funders",
        "1200" => "loan principal",
        "1210" => "interest receivable",
        "1220" => "fees receivable",
        "1230" => "penalties receivable",
        "2100" => "payable to funders",
        "2200" => "customers' credit balances",
        "2300" => "unearned interest",
        "2900" => "suspense",
        "3100" => "own equity",
        "4100" => "interest income",
        "4200" => "fee income",
        "4300" => "penalty income",
        "5100" => "payment costs",
        "5200" => "fee refunds",
        _ => "",
    }
}

/// One line an oracle, with the first findings of one that is broken.
pub fn oracle_lines(report: &Report) -> String {
    let mut text = String::new();
    for verdict in &report.oracles {
        let word = if verdict.holds() { "holds " } else { "BROKEN" };
        let _ = writeln!(text, "  {} {word}  {}  ({} checks)", verdict.nr, verdict.rule, verdict.checked);
        for finding in verdict.findings.iter().take(5) {
            let _ = writeln!(text, "           {finding}");
        }
    }
    text
}
