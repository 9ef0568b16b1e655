//! `sycee ledger` and `sycee trace` read beside a running writer, on both engines.

use std::time::Duration;

use serde_json::Value;
use sycee_contract::{Date, OtpPurpose, RequestOtp, Sensitive};
use sycee_markets::{MarketFiles, registry};
use sycee_money::Money;
use sycee_runtime::storage::{DatabaseUrl, open_store};
use sycee_runtime::{MarketOptions, MarketWriter, Secrets, Stimulus};

use crate::support::{on_each_engine, sycee, sycee_on};

const PHONE: &str = "+233241234567";

/// A market with one funder whose money arrived, and the cascade of the arrival.
pub fn market(url: &DatabaseUrl) -> (MarketWriter, i64) {
    let files = MarketFiles::ghana();
    let options = MarketOptions {
        url: url.clone(),
        market: files.market().unwrap(),
        configs: files.configs().unwrap(),
        secrets: Secrets::derive(b"a master secret of a test", "gh"),
        first_day: Date::constant(2026, 1, 5),
    };
    let mut writer = MarketWriter::open(registry(), options).unwrap();
    let funder = files.funders().unwrap().into_iter().find(|funder| funder.is_own).unwrap();
    writer.execute(Stimulus::command("staff:setup", funder.contract("GH"))).unwrap().outcome.unwrap();
    let amount = Money::parse("250000.00", funder.quota.currency()).unwrap();
    let arrival = funder.arrival(amount, "bank-1");
    let done = writer.execute(Stimulus::command("staff:finance", arrival)).unwrap();
    done.outcome.unwrap();
    writer.sync().unwrap();
    (writer, done.cascade)
}

#[test]
fn the_books_are_read_beside_a_writer() {
    on_each_engine(|url| {
        let (mut writer, _) = market(url);
        let balance = sycee_on(url, &["ledger", "trial-balance", "--json"]);
        assert_eq!(balance.code, 0, "{balance:?}");
        let balance = balance.json();
        assert_eq!((&balance["balanced"], &balance["totals"][0]["debit"]), (&true.into(), &"250000.00".into()));
        let accounts = balance["accounts"].as_array().unwrap();
        assert_eq!(accounts.len(), 2);
        assert_eq!(accounts.iter().map(|account| &account["name"]).collect::<Vec<_>>(), ["cash", "own-equity"]);
        let debited = accounts.iter().find(|account| account["balance"]["amount"] == "250000.00").unwrap();

        let code = debited["account"].as_str().unwrap();
        let statement = sycee_on(url, &["ledger", "statement", code, "--json"]);
        assert_eq!(statement.code, 0, "{statement:?}");
        let line = &statement.json()["lines"][0];
        assert_eq!((&line["template"], &line["balance"]["amount"]), (&"funds-arrived".into(), &"250000.00".into()));
        assert!(line["reference"]["text"].as_str().unwrap().contains("bank-1") && line["reference"]["loan"].is_null());
        let text = sycee_on(url, &["ledger", "statement", code]).out;
        assert!(text.starts_with(code) && text.contains("funds-arrived"), "{text}");
        assert!(text.contains("bank-1") && !text.contains("-|"), "{text}");

        let today = sycee_on(url, &["ledger", "trial-balance", "--as-of", "2026-01-05"]);
        assert!(today.code == 0 && today.out.contains("end of 2026-01-05"), "{today:?}");
        assert!(today.out.contains("250000.00"), "{}", today.out);
        let chart = sycee_on(url, &["ledger", "trial-balance", "--by", "chart"]);
        assert!(chart.out.contains("250000.00") && !chart.out.contains('|'), "{}", chart.out);
        assert!(chart.out.contains("cash") && chart.out.contains("own-equity"), "{}", chart.out);

        let unknown = sycee_on(url, &["ledger", "statement", "no-such-account"]);
        assert_eq!(unknown.code, 2);
        assert!(unknown.err.contains("trial-balance lists the codes"), "{}", unknown.err);

        let chart_code = sycee_on(url, &["ledger", "statement", "1100"]);
        assert_eq!(chart_code.code, 2);
        assert!(chart_code.err.contains(&format!("name one of {code}")), "{}", chart_code.err);

        let verified = sycee_on(url, &["ledger", "verify"]);
        assert!(verified.code == 0 && verified.out.contains("the books hold"), "{verified:?}");
        // The writer was not fenced by any of it.
        let otp = RequestOtp { phone: Sensitive::new(PHONE), purpose: OtpPurpose::Register, signs: None };
        writer.execute(Stimulus::command("guest:app", otp)).unwrap().outcome.unwrap();
        writer.sync().unwrap();
    });
}

#[test]
fn a_day_that_is_not_covered_is_answered_with_those_that_are() {
    on_each_engine(|url| {
        drop(market(url));
        let covered = "cover 2026-01-05 to 2026-01-05";
        for (arguments, words) in [
            (&["ledger", "trial-balance", "--as-of", "2026-01-04"][..], ["--as-of 2026-01-04: the books of", covered]),
            (&["ledger", "trial-balance", "--as-of", "2026-01-06"], ["--as-of 2026-01-06: the books of", covered]),
            (&["ledger", "accrual", "--day", "2025-12-31"], ["--day 2025-12-31: the books of", covered]),
            (
                &["ledger", "accrual", "--day", "2026-01-05"],
                ["--day 2026-01-05: 2026-01-05 is open", "a day before it"],
            ),
            (
                &["trace", "loan-7", "--since", "2026-01-06"],
                ["--since 2026-01-06: the log of", "covers 2026-01-05 to 2026-01-05"],
            ),
            (
                &["trace", "loan-7", "--since", "2026-01-05"],
                ["no message that carries loan-7 since 2026-01-05", "covers 2026-01-05 to 2026-01-05"],
            ),
        ] {
            let run = sycee_on(url, arguments);
            assert_eq!((run.code, run.out.as_str()), (2, ""), "{arguments:?}");
            assert!(words.iter().all(|word| run.err.contains(word)), "{arguments:?}: {}", run.err);
        }
    });
}

#[test]
fn empty_books_say_so() {
    on_each_engine(|url| {
        assert_eq!(sycee_on(url, &["migrate"]).code, 0);
        let run = sycee_on(url, &["ledger", "trial-balance", "--as-of", "2026-01-05"]);
        assert!(run.code == 2 && run.err.contains("nothing was posted to the books of"), "{run:?}");
        assert_eq!(sycee_on(url, &["ledger", "trial-balance"]).code, 0);
    });
}

#[test]
fn a_changed_row_fails_the_verification() {
    on_each_engine(|url| {
        drop(market(url));
        let change = "UPDATE ledger_transfer SET amount = amount + 1";
        open_store(url, Duration::from_secs(5)).unwrap().run_script(change).unwrap();
        let text = sycee_on(url, &["ledger", "verify"]);
        assert!(text.code == 1 && text.out.contains("WRONG"), "{text:?}");
        assert!(text.out.contains("held GHS 250000.0001 after it, the row says GHS 250000.00"), "{}", text.out);
        assert!(!text.out.contains("Some(") && !text.out.contains("units"), "{}", text.out);
        let report = sycee_on(url, &["ledger", "verify", "--json"]);
        assert_eq!((report.code, &report.json()["clean"]), (1, &false.into()));
        assert!(!report.json()["findings"].as_array().unwrap().is_empty());
    });
}

#[test]
fn a_cascade_is_shown_as_a_tree() {
    on_each_engine(|url| {
        let (mut writer, cascade) = market(url);
        let id = cascade.to_string();
        let tree = sycee_on(url, &["trace", &id]);
        assert_eq!(tree.code, 0, "{tree:?}");
        let lines: Vec<&str> = tree.out.lines().collect();
        assert!(
            lines[0].contains(&format!("trace {id}")) && lines[0].ends_with("by staff:finance: ok"),
            "{}",
            lines[0]
        );
        assert_eq!(lines[1], "└─ confirm-fund-arrival: actor -> fund-management-system");
        assert!(tree.out.contains("   ├─ ") || tree.out.contains("   └─ "), "{}", tree.out);
        assert!(!tree.out.contains("bank-1"), "no payloads unless asked for: {}", tree.out);
        assert!(sycee_on(url, &["trace", &id, "--payloads"]).out.contains("\"bankReference\":\"bank-1\""));

        let hops = sycee_on(url, &["trace", &id, "--json"]).json()[0]["hops"].as_array().unwrap().clone();
        assert!(hops.iter().all(|hop| hop["data"] == Value::Null));
        assert!(hops.iter().any(|hop| hop["message"] == "fund-arrival-confirmed"), "{hops:?}");

        let otp = RequestOtp { phone: Sensitive::new(PHONE), purpose: OtpPurpose::Register, signs: None };
        let done = writer.execute(Stimulus::command("guest:app", otp)).unwrap();
        writer.sync().unwrap();
        let personal = sycee_on(url, &["trace", &done.cascade.to_string(), "--payloads"]).out;
        assert!(personal.contains("\"phone\":\"***\"") && !personal.contains(PHONE), "{personal}");

        let unknown = sycee_on(url, &["trace", "999999999"]);
        assert_eq!((unknown.code, unknown.out.as_str()), (2, ""));
    });
}

#[test]
fn a_file_of_somebody_else_is_looked_into_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("photos.db");
    let theirs = rusqlite::Connection::open(&path).unwrap();
    theirs.execute_batch("CREATE TABLE photo (name TEXT); INSERT INTO photo VALUES ('beach')").unwrap();
    drop(theirs);
    let before = std::fs::read(&path).unwrap();
    let url = path.display().to_string();
    for command in [&["ledger", "verify"][..], &["ledger", "trial-balance"], &["trace", "loan-1042"]] {
        let run = sycee(&[command, &["--db", &url]].concat());
        assert!(run.code == 2 && run.err.contains("holds no market"), "{run:?}");
    }
    assert_eq!(sycee(&["migrate", "--status", "--db", &url]).code, 1);
    assert!(std::fs::read(&path).unwrap() == before, "the file was changed");
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["photos.db"]);
}
