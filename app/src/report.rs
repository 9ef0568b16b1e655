//! A run's report as people read it.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use sycee_money::Money;
use sycee_sim::{Declined, FunderPosition, Funnel, Report};

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
            fields.insert("loansPerSecond".to_owned(), self.a_second(report.funnel.loans).into());
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
    format!("{sign}{}.{part}", grouped(whole))
}

/// Digits with thousands apart.
fn grouped(digits: &str) -> String {
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn number(count: u64) -> String {
    grouped(&count.to_string())
}

/// `1 loan`, `1,000 loans`.
pub fn counted(count: u64, thing: &str) -> String {
    format!("{} {thing}{}", number(count), if count == 1 { "" } else { "s" })
}

/// `part` of `whole` in per cent with one decimal, half up.
fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "-".to_owned();
    }
    let tenths = (part * 2_000 + whole) / (whole * 2);
    format!("{}.{} %", tenths / 10, tenths % 10)
}

fn basis_points(bps: i64) -> String {
    format!("{}.{:02} %", bps / 100, bps % 100)
}

/// Which side of its goal a figure must be on.
#[derive(Clone, Copy)]
enum Goal {
    AtLeast(u64),
    AtMost(u64),
}

impl Goal {
    /// The goal in words, and whether `part` of `whole` reaches it.
    fn judge(self, part: u64, whole: u64) -> (String, &'static str) {
        let (text, reached) = match self {
            Self::AtLeast(percent) => (format!("at least {percent} %"), part * 100 >= percent * whole),
            Self::AtMost(percent) => (format!("at most {percent} %"), part * 100 <= percent * whole),
        };
        (
            text,
            if whole == 0 {
                "-"
            } else if reached {
                "reached"
            } else {
                "MISSED"
            },
        )
    }
}

/// The report to show to one's boss.
pub fn report_text(report: &Report, figures: &RunFigures) -> String {
    let mut text = String::new();
    let (people, days) = (counted(report.applicants as u64, "applicant"), counted(report.days.into(), "day"));
    let _ = writeln!(text, "{people}, {days}, amounts in {}\n", report.book.lent.currency());
    funnel(&mut text, report);
    goals(&mut text, &report.funnel);
    dropouts(&mut text, report);
    cash(&mut text, report);
    portfolio(&mut text, report);
    income(&mut text, report);
    trial_balance(&mut text, report);
    let _ = writeln!(text, "WHAT MUST ALWAYS HOLD");
    text.push_str(&oracle_lines(report));
    let (loans, messages) = (report.funnel.loans, report.messages);
    let _ = writeln!(text, "\nSPEED, every commit durable on {}", report.engine);
    let _ = writeln!(
        text,
        "  {} and {} in {}: {} and {} a second",
        counted(loans, "loan"),
        counted(messages, "message"),
        seconds(figures.lived),
        counted(figures.a_second(loans), "loan"),
        counted(figures.a_second(messages), "message")
    );
    let _ = writeln!(
        text,
        "  {}; oracles and hash {}; peak memory {} MB",
        counted(report.cascades, "cascade"),
        seconds(figures.checked),
        figures.peak_kib / 1_024
    );
    let _ = writeln!(text, "\nhash of the state {}  (seed {})", report.hash, report.seed);
    text
}

fn funnel(text: &mut String, report: &Report) {
    let funnel = &report.funnel;
    let mut table =
        TextTable::new(&[("FUNNEL", Side::Left), ("people", Side::Right), ("of those before", Side::Right)]);
    let steps = [
        ("registered", funnel.registered, report.applicants as u64),
        ("identified", funnel.identified, funnel.registered),
        ("admitted", funnel.admitted, funnel.identified),
        ("applied for credit", funnel.applied, funnel.admitted),
        ("credit line granted", funnel.lines, funnel.applied),
        ("first loan paid out", funnel.disbursed, funnel.lines),
    ];
    for (name, count, before) in steps {
        table.row([format!("  {name}"), number(count), share(count, before)]);
    }
    text.push_str(&table.text());
    let loans = [funnel.submitted, funnel.approved, funnel.signed, funnel.loans].map(number);
    let [submitted, approved, signed, paid_out] = loans;
    let _ = writeln!(
        text,
        "  Loans, those of people who came back included: {submitted} applied for, {approved} approved,\n  \
         {signed} signed, {paid_out} paid out."
    );
    if funnel.referred > 0 {
        let [referred, approved] = [funnel.referred, funnel.review_approved].map(number);
        let _ =
            writeln!(text, "  Applications that a person looked at: {referred}, of which {approved} were approved.");
    }
    if funnel.identity_referred > 0 {
        let [referred, accepted] = [funnel.identity_referred, funnel.identity_accepted].map(number);
        let _ = writeln!(text, "  Documents that a person looked at: {referred}, of which {accepted} were accepted.");
    }
    text.push('\n');
}

fn goals(text: &mut String, funnel: &Funnel) {
    let mut table = TextTable::new(&[
        ("KEY FIGURES", Side::Left),
        ("", Side::Right),
        ("goal", Side::Left),
        ("", Side::Left),
        ("", Side::Left),
    ]);
    let figures = [
        ("register to apply", funnel.applied, funnel.registered, Goal::AtLeast(35), "applied, of all registered"),
        ("apply to disburse", funnel.disbursed, funnel.applied, Goal::AtLeast(20), "got money, of all who applied"),
        (
            "first installment overdue",
            funnel.first_overdue,
            funnel.first_due,
            Goal::AtMost(40),
            "not paid in full on its due date",
        ),
    ];
    for (name, part, whole, goal, meaning) in figures {
        let (goal, judged) = goal.judge(part, whole);
        table.row([format!("  {name}"), share(part, whole), goal, judged.to_owned(), meaning.to_owned()]);
    }
    text.push_str(&table.text());
    text.push('\n');
}

/// Where people got no further, and the strongest reasons.
fn dropouts(text: &mut String, report: &Report) {
    let mut table =
        TextTable::new(&[("DECLINED", Side::Left), ("times", Side::Right), ("strongest reasons", Side::Left)]);
    for step in ["identity", "admission", "credit line", "loan"] {
        let Declined { times, reasons } = report.declined.get(step).cloned().unwrap_or_default();
        table.row([format!("  {step}"), number(times), most(&reasons, 2)]);
    }
    if report.funnel.identity_retried + report.funnel.gave_up > 0 {
        let again = format!("{} tried again", number(report.funnel.identity_retried));
        table.row(["  left after identity".to_owned(), number(report.funnel.gave_up), again]);
    }
    table.row(["  left after registering".to_owned(), number(report.funnel.left), String::new()]);
    let refused = report.refusals.values().sum();
    table.row(["  requests refused".to_owned(), number(refused), most(&report.refusals, 2)]);
    text.push_str(&table.text());
    text.push('\n');
}

/// The `count` most frequent codes, then how many others there were.
fn most(codes: &BTreeMap<String, u64>, count: usize) -> String {
    let mut sorted: Vec<(&String, &u64)> = codes.iter().collect();
    sorted.sort_by_key(|(_, times)| Reverse(**times));
    let mut parts: Vec<String> = sorted.iter().take(count).map(|(code, times)| format!("{code} {times}")).collect();
    let others: u64 = sorted.iter().skip(count).map(|(_, times)| **times).sum();
    if others > 0 {
        parts.push(format!("others {others}"));
    }
    parts.join(", ")
}

fn cash(text: &mut String, report: &Report) {
    let mut table = TextTable::new(&[
        ("MONEY OUT AND IN", Side::Left),
        ("brought in", Side::Right),
        ("paid out", Side::Right),
        ("paid back", Side::Right),
        ("given back", Side::Right),
        ("available", Side::Right),
        ("committed", Side::Right),
    ]);
    let mut row = |name: &str, of: [Money; 6]| {
        let [arrived, paid_out, received, refunded, available, committed] = of.map(amount);
        table.row([format!("  {name}"), arrived, paid_out, received, refunded, available, committed]);
    };
    let zero = Money::zero(report.book.lent.currency());
    let (mut available, mut committed) = (zero, zero);
    for funder in &report.funders {
        let FunderPosition { code, arrived, paid_out, received, refunded, available: free, .. } = funder;
        let bound = funder.bound().unwrap_or(funder.committed);
        row(code, [*arrived, *paid_out, *received, *refunded, *free, bound]);
        available = available.checked_add(*free).unwrap_or(available);
        committed = committed.checked_add(bound).unwrap_or(committed);
    }
    let cash = &report.cash;
    row("all funders", [cash.arrived, cash.paid_out, cash.received, cash.refunded, available, committed]);
    text.push_str(&table.text());
    let _ =
        writeln!(text, "  At hand {}: brought in and paid back, less paid out and given back.", amount(cash.at_hand));
    let total = |of: fn(&FunderPosition) -> Money| {
        let sum = Money::sum(zero.currency(), report.funders.iter().map(of));
        sum.map_or_else(|_| "?".to_owned(), amount)
    };
    let [reserved, suspense, stray] = [total(|it| it.committed), total(|it| it.suspense), total(|it| it.recoverable)];
    let payers = cash.refunded.checked_sub(cash.returned).map_or_else(|_| "?".to_owned(), amount);
    let _ = writeln!(
        text,
        "  Given back: to funders {}, to payers {payers}. Committed: reserved or on its way {reserved},\n  \
         in suspense {suspense}, to be taken back {stray}.\n",
        amount(cash.returned)
    );
}

fn portfolio(text: &mut String, report: &Report) {
    let book = &report.book;
    let mut table = TextTable::new(&[
        ("PORTFOLIO", Side::Left),
        ("loans", Side::Right),
        ("lent", Side::Right),
        ("outstanding", Side::Right),
        ("of outstanding", Side::Right),
    ]);
    for line in &book.lines {
        let of_all = share(line.outstanding.units().unsigned_abs(), book.outstanding.units().unsigned_abs());
        let of_all = if line.outstanding.is_positive() { of_all } else { String::new() };
        table.row([
            format!("  {}", line.name),
            number(line.loans),
            amount(line.lent),
            amount(line.outstanding),
            of_all,
        ]);
    }
    let loans = book.lines.iter().map(|line| line.loans).sum();
    table.row(["  all".to_owned(), number(loans), amount(book.lent), amount(book.outstanding), String::new()]);
    text.push_str(&table.text());
    text.push('\n');
    let [par30, par60, par90] = book.par_bps.map(basis_points);
    let mut table = TextTable::new(&[("RISK", Side::Left), ("", Side::Right), ("", Side::Left)]);
    table.row(["  PAR 30".to_owned(), par30, "more than 30 days late, of all principal outstanding".to_owned()]);
    table.row(["  PAR 60".to_owned(), par60, "more than 60 days late".to_owned()]);
    table.row(["  PAR 90".to_owned(), par90, "more than 90 days late: in default, and not written off".to_owned()]);
    let defaulted = format!("{} in default, of all principal ever lent", amount(book.defaulted));
    table.row(["  default rate".to_owned(), basis_points(book.defaulted_bps), defaulted]);
    let late = "31 to 90 days late, of what is outstanding and not in default".to_owned();
    table.row(["  PAR 30 of the living".to_owned(), basis_points(book.late_bps), late]);
    text.push_str(&table.text());
    text.push_str("  PAR rises as good loans are repaid, for defaults stay: the default rate does not.\n\n");
}

fn income(text: &mut String, report: &Report) {
    let mut table = TextTable::new(&[("INCOME", Side::Left), ("", Side::Right)]);
    for line in &report.income.lines {
        table.row([format!("  {}", line.name), amount(line.amount)]);
    }
    table.row(["  total".to_owned(), amount(report.income.total)]);
    text.push_str(&table.text());
    text.push_str("  Earned, in the books; before the cost of funds and of defaults.\n\n");
}

fn trial_balance(text: &mut String, report: &Report) {
    let mut table = TextTable::new(&[("TRIAL BALANCE", Side::Left), ("debit", Side::Right), ("credit", Side::Right)]);
    let (mut debits, mut credits) = (0i64, 0i64);
    for line in &report.trial_balance {
        let units = line.balance.units();
        if units == 0 {
            continue;
        }
        let shown = amount(Money::from_units(units.saturating_abs(), line.balance.currency()));
        let name = format!("  {} {}", line.account, line.name);
        if units > 0 {
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

/// One line an oracle, with the first findings of one that is broken.
pub fn oracle_lines(report: &Report) -> String {
    let mut text = String::new();
    for verdict in &report.oracles {
        let word = if verdict.holds() { "holds " } else { "BROKEN" };
        let _ = writeln!(text, "  {} {word}  {}  ({} checks)", verdict.nr, verdict.rule, number(verdict.checked));
        for finding in verdict.findings.iter().take(5) {
            let _ = writeln!(text, "           {finding}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_at_a_glance() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(number), ["0", "999", "1,000", "1,234,567"]);
        let money = |minor| amount(Money::from_minor(minor, sycee_money::Currency::GHS).unwrap());
        assert_eq!([5, -123_456, 100_000_000].map(money), ["0.05", "-1,234.56", "1,000,000.00"]);
    }

    #[test]
    fn a_goal_is_reached_on_its_own_side() {
        assert_eq!(Goal::AtLeast(35).judge(35, 100), ("at least 35 %".to_owned(), "reached"));
        assert_eq!(Goal::AtLeast(35).judge(34, 100).1, "MISSED");
        assert_eq!(Goal::AtMost(40).judge(40, 100).1, "reached");
        assert_eq!(Goal::AtMost(40).judge(41, 100).1, "MISSED");
        assert_eq!(Goal::AtMost(40).judge(0, 0).1, "-");
    }

    #[test]
    fn the_most_frequent_codes_stand_first() {
        let codes = [("A", 1), ("B", 7), ("C", 3)].map(|(code, times)| (code.to_owned(), times));
        assert_eq!(most(&codes.into(), 1), "B 7, others 4");
    }
}
