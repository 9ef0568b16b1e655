//! The market's own chart and templates against golden entries, and every mistake that loading must catch.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde::Deserialize;
use sycee_accounting::AccountingRules;
use sycee_contract::Date;
use sycee_money::{Currency, Money};
use sycee_runtime::Coded;

const GH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../markets/gh");

/// Rules of the Ghana market, from its files.
pub fn gh_rules() -> AccountingRules {
    let chart = fs::read_to_string(Path::new(GH).join("chart.yaml")).unwrap();
    let mut files = BTreeMap::new();
    for file in fs::read_dir(Path::new(GH).join("templates")).unwrap() {
        let path = file.unwrap().path();
        files.insert(path.display().to_string(), fs::read_to_string(&path).unwrap());
    }
    AccountingRules::parse(&chart, files.iter().map(|(name, text)| (name.as_str(), text.as_str()))).unwrap()
}

#[derive(Deserialize)]
struct Case {
    template: String,
    amounts: BTreeMap<String, String>,
    dimensions: BTreeMap<String, String>,
    lines: Vec<(String, String, String)>,
}

fn cases() -> Vec<Case> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/templates.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn money(text: &str) -> Money {
    Money::parse(text, Currency::GHS).unwrap()
}

type Texts = &'static [(&'static str, &'static str)];

fn amounts(pairs: &[(&str, &str)]) -> BTreeMap<String, Money> {
    pairs.iter().map(|(name, amount)| ((*name).to_owned(), money(amount))).collect()
}

fn today() -> Date {
    Date::constant(2026, 1, 5)
}

#[test]
fn events_are_posted_as_the_golden_file_says() {
    let rules = gh_rules();
    for case in cases() {
        let amounts = case.amounts.iter().map(|(name, amount)| (name.clone(), money(amount))).collect();
        let lines = rules.lines(&case.template, today(), &amounts, &case.dimensions).unwrap();
        let lines: Vec<_> = lines.into_iter().map(|line| (line.debit, line.credit, line.amount)).collect();
        let expected: Vec<_> =
            case.lines.into_iter().map(|(debit, credit, amount)| (debit, credit, money(&amount))).collect();
        assert_eq!(lines, expected, "{}", case.template);
    }
}

#[test]
fn every_template_has_a_golden_case_that_uses_all_its_lines() {
    let mut used: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for case in cases() {
        let nonzero = case.amounts.into_iter().filter(|(_, amount)| !money(amount).is_zero());
        used.entry(case.template).or_default().extend(nonzero.map(|(name, _)| name));
    }
    for template in gh_rules().templates() {
        for line in &template.lines {
            let seen = used.get(&template.name).is_some_and(|used| used.contains(&line.amount));
            assert!(seen, "{}: no golden case posts {}", template.name, line.amount);
        }
    }
}

#[test]
fn events_that_do_not_fit_are_refused() {
    let rules = gh_rules();
    const FULL: Texts = &[("funder", "par-1"), ("product", "gh-installment")];
    let table: [(&str, Texts, Texts, &str); 9] = [
        ("loan-dreamt", &[("amount", "1")], FULL, "TEMPLATE_NOT_FOUND"),
        ("loan-disbursed", &[("principal", "100"), ("net", "98"), ("upfront-fee", "1")], FULL, "ENTRY_UNBALANCED"),
        ("loan-disbursed", &[("principal", "0"), ("net", "0"), ("upfront-fee", "0")], FULL, "EMPTY_ENTRY"),
        ("loan-disbursed", &[("net", "-5")], FULL, "INVALID_AMOUNT"),
        ("loan-disbursed", &[("net", "5"), ("gift", "1")], FULL, "INVALID_FIELD"),
        ("loan-disbursed", &[("net", "5")], &[("funder", "par-1")], "INVALID_FIELD"),
        ("loan-disbursed", &[("net", "5")], &[("funder", "par|1"), ("product", "x")], "INVALID_FIELD"),
        ("unmatched-receipt", &[("amount", "80")], &[], "INVALID_FIELD"),
        ("repayment-received", &[("amount", "9"), ("principal", "10")], FULL, "ENTRY_UNBALANCED"),
    ];
    for (template, given, dimensions, code) in table {
        let dimensions = dimensions.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let refused = rules.lines(template, today(), &amounts(given), &dimensions).unwrap_err();
        assert_eq!(refused.code(), code, "{template} {given:?}: {refused}");
    }
}

const CHART: &str = "
accounts:
  - { code: '1', name: cash, kind: asset, dimensions: [funder] }
  - { code: '2', name: debt, kind: liability }
";

fn template(version: u32, from: &str, rest: &str) -> String {
    format!("template: t\nversion: {version}\neffective_from: {from}\nsummary: s\n{rest}")
}

const LINE: &str = "lines: [{ debit: cash, credit: debt, amount: a }]";

#[test]
fn a_version_holds_from_its_date() {
    let old = template(1, "2020-01-01", LINE);
    let new = template(2, "2026-01-01", LINE);
    let rules = AccountingRules::parse(CHART, [("new", new.as_str()), ("old", old.as_str())]).unwrap();
    let on = |date: &str| rules.template("t", date.parse().unwrap()).map(|template| template.version).ok();
    let versions = ["2019-12-31", "2020-01-01", "2025-12-31", "2026-01-01"].map(on);
    assert_eq!(versions, [None, Some(1), Some(1), Some(2)]);
}

#[test]
fn mistakes_in_the_files_are_caught_when_they_are_loaded() {
    let table = [
        (template(1, "2020-01-01", "lines: []"), "needs a line"),
        (
            template(1, "2020-01-01", "lines: [{ debit: cash, credit: cash, amount: a }]"),
            "debited and credited by one line",
        ),
        (template(1, "2020-01-01", "lines: [{ debit: cash, credit: gold, amount: a }]"), "gold is not in the chart"),
        (template(1, "2020-01-01", &format!("{LINE}\ntotals: {{ a: [a] }}")), "posted twice"),
        (template(1, "2020-01-01", &format!("{LINE}\ntotals: {{ sum: [a, a] }}")), "one twice"),
        (template(1, "2020-01-01", &format!("{LINE}\ntotals: {{ sum: [a, b] }}")), "part b, which no line posts"),
        (template(1, "2020-01-01", &format!("{LINE}\ndefaults: {{ product: x }}")), "default of dimension product"),
        (template(1, "2020-01-01", &format!("{LINE}\nlinse: []")), "linse"),
    ];
    for (text, what) in table {
        let error = AccountingRules::parse(CHART, [("t.yaml", text.as_str())]).unwrap_err().to_string();
        assert!(error.starts_with("t.yaml") && error.contains(what), "{error}");
    }
    let twice = template(1, "2020-01-01", LINE);
    let error = AccountingRules::parse(CHART, [("a", twice.as_str()), ("b", twice.as_str())]).unwrap_err();
    assert!(error.to_string().contains("another file has this version"));
    let chart = "accounts: [{ code: '1', name: cash, kind: asset }, { code: '1', name: debt, kind: liability }]";
    assert!(AccountingRules::parse(chart, []).unwrap_err().to_string().contains("there twice"));
    let chart = "accounts: [{ code: '1|2', name: cash, kind: asset }]";
    assert!(AccountingRules::parse(chart, []).unwrap_err().to_string().contains("carries | or @"));
}
