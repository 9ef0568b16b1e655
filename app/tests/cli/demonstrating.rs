//! `sycee demo`: the same seed leaves the same market, on both engines; what it says adds up.

use sycee_runtime::storage::DatabaseUrl;

use crate::support::{on_each_engine, sycee_on};

/// The state after sixty people and four months of seed 42, as `sycee demo` prints it. What changes it on purpose changes
/// it here.
const HASH: &str = "e7c08ec830ec038892f4f149e9ff3c21cc163ddf4fa4785d8905c81cac5131eb";

#[test]
fn the_hash_that_is_printed_is_the_same_on_both_engines() {
    on_each_engine(|url| {
        let lived = sycee_on(url, &["demo", "--applicants", "60", "--months", "4", "--json"]);
        assert_eq!(lived.code, 0, "{}", lived.err);
        let report = lived.json();
        assert!(report["funnel"]["disbursed"].as_u64().unwrap() > 20, "{}", report["funnel"]);
        for oracle in report["oracles"].as_array().unwrap() {
            assert!(oracle["checked"].as_u64().unwrap() > 0 && oracle["found"] == 0, "{oracle}");
        }
        assert_eq!(report["hash"], HASH);
        statements_are_readable(url);
    });
}

/// Every line of the accounts that loans are lent on names its loan, in a column of its own.
fn statements_are_readable(url: &DatabaseUrl) {
    let balance = sycee_on(url, &["ledger", "trial-balance", "--json"]).json();
    let codes = balance["accounts"].as_array().unwrap().iter().map(|account| account["account"].as_str().unwrap());
    let lent: Vec<&str> = codes.filter(|code| code.starts_with("1200|")).collect();
    assert!(!lent.is_empty(), "{balance}");
    let mut repayments = 0;
    for code in lent {
        let text = sycee_on(url, &["ledger", "statement", code]).out;
        let heading = text.lines().nth(2).unwrap();
        for column in ["loan", "order", "repayment", "reference"] {
            assert!(heading.split_whitespace().any(|word| word == column), "{heading}");
        }
        assert!(!text.contains("|-|") && !text.contains("GHS "), "packed as it is stored: {text}");
        let lines = sycee_on(url, &["ledger", "statement", code, "--json"]).json()["lines"].clone();
        for (line, shown) in lines.as_array().unwrap().iter().zip(text.lines().skip(3)) {
            let about = &line["reference"];
            assert!(shown.contains(&format!("  {}  ", about["loan"].as_str().unwrap())), "{shown}");
            repayments += usize::from(about["repayment"] == "normal" && shown.contains("  normal  "));
        }
    }
    assert!(repayments > 0, "nobody repaid");
}

/// An amount as the report writes it, in the smallest unit.
fn minor(shown: &str) -> i64 {
    shown.replace([',', '.'], "").parse().unwrap()
}

#[test]
fn money_out_and_in_adds_up_on_the_page() {
    on_each_engine(|url| {
        let run = sycee_on(url, &["demo", "--applicants", "12", "--months", "3"]);
        assert_eq!(run.code, 0, "{}", run.err);
        let heading = run.out.lines().find(|line| line.starts_with("MONEY OUT AND IN")).unwrap();
        let columns = ["brought in", "paid out", "paid back", "given back", "available", "committed"];
        let places: Vec<usize> = columns.iter().map(|column| heading.find(column).unwrap()).collect();
        assert!(places.is_sorted(), "{heading}");
        let line = |start: &str| run.out.lines().find_map(|line| line.strip_prefix(start)).unwrap();
        let all: Vec<i64> = line("  all funders").split_whitespace().map(minor).collect();
        let [brought_in, paid_out, paid_back, given_back, ..] = all[..] else { panic!("{all:?}") };
        let at_hand = line("  At hand ").split_once(": ").unwrap().0;
        assert!(given_back > 0, "capital goes back to the funders who lend it");
        assert_eq!(brought_in + paid_back - paid_out - given_back, minor(at_hand));
    });
}

#[test]
fn one_is_not_many() {
    on_each_engine(|url| {
        let run = sycee_on(url, &["demo", "--applicants", "1", "--months", "1"]);
        assert_eq!(run.code, 0, "{}", run.err);
        assert!(run.out.starts_with("1 applicant, 31 days, amounts in GHS\n"), "{}", run.out);
    });
}
