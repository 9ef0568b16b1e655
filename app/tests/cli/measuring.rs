//! `sycee bench --quick`: it runs to its end, says what it measured on, and leaves nothing.

use serde_json::{Value, json};
use sycee_runtime::storage::DatabaseUrl;

use crate::support::{Run, command, on_each_engine};

/// How many figures a bench gives, and its goals in their order.
fn wanted(what: &str, url: &DatabaseUrl) -> (usize, Vec<u64>) {
    match (what, url) {
        ("ledger", DatabaseUrl::Sqlite { .. }) => (6, vec![200_000, 300_000, 350_000, 250_000, 20_000]),
        ("ledger", DatabaseUrl::Postgres { .. }) => (6, vec![100_000, 150_000]),
        (_, DatabaseUrl::Sqlite { .. }) => (7, vec![3_000]),
        (_, DatabaseUrl::Postgres { .. }) => (7, vec![1_000]),
    }
}

/// Small volumes: no goal need be met here, it stands beside its figure.
#[test]
fn a_quick_bench_gives_its_figures_beside_their_goals() {
    on_each_engine(|url| {
        // The folder that the test's own database is in may lie in memory, where no bench runs.
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let server = matches!(url, DatabaseUrl::Postgres { .. }).then_some(url);
        for what in ["ledger", "origination"] {
            let arguments = ["bench", what, "--quick", "--json"];
            let run = Run::of(command(folder.path(), &arguments, server).output().unwrap());
            if run.code == 2 {
                let reasons = ["lie in memory", "would not survive a power failure"];
                assert!(reasons.iter().any(|reason| run.err.contains(reason)), "{run:?}");
                continue;
            }
            assert_eq!(run.code, 0, "{}", run.err);
            let report = run.json();
            assert!(report["machine"]["cores"].as_u64().unwrap() > 0, "{report}");
            let engines = report["engines"].as_array().unwrap();
            assert_eq!(engines.len(), 1, "{report}");
            says_what_it_is_on(&engines[0]["database"], url);
            let figures = engines[0]["figures"].as_array().unwrap();
            let (count, goals) = wanted(what, url);
            assert_eq!(figures.len(), count, "{report}");
            for figure in figures {
                assert!(figure["bench"] == what && figure["value"].as_u64().unwrap() > 0, "{figure}");
                assert!(figure["case"].is_string() && figure["unit"].is_string(), "{figure}");
                assert!([json!("more"), json!("less")].contains(&figure["better"]), "{figure}");
            }
            let given: Vec<u64> = figures.iter().filter_map(|figure| figure["goal"].as_u64()).collect();
            assert_eq!(given, goals, "{report}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "it leaves a database");
    });
}

fn says_what_it_is_on(database: &Value, url: &DatabaseUrl) {
    let settings = database["settings"].as_array().unwrap();
    let engine = settings.iter().find(|setting| setting[0] == "engine").unwrap();
    assert!(engine[1].as_str().unwrap().to_lowercase().starts_with(url.engine()), "{engine}");
    let held = &database["fileSystem"];
    assert!(held["kind"].is_string() && held["device"].is_string() && held["checked"].is_boolean(), "{database}");
    assert!(database["probe"].is_string() && database["probeUsP50"].is_u64(), "{database}");
}
