//! `sycee trace`: as the envelopes of the catalogue, as CloudEvents, and by the id of a loan.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use sycee_markets::MarketFiles;
use sycee_runtime::storage::{ColumnKind, DatabaseUrl, collect, open_store};
use sycee_sim::{Faults, GERMAN_CREDIT, World, WorldSettings, read_applicants};

use crate::conformance::flaws;
use crate::support::{on_each_engine, sycee, sycee_on};

/// A market in which a few people borrow and repay.
pub fn lived(url: &DatabaseUrl) {
    let settings = WorldSettings {
        url: url.clone(),
        files: MarketFiles::ghana(),
        seed: 42,
        faults: Faults::usual(),
        manual_review: false,
        first_day: sycee_contract::Date::constant(2026, 1, 5),
        applicants: read_applicants(GERMAN_CREDIT).unwrap().into_iter().take(12).collect(),
        arrival_days: 5,
        master: b"a test has nothing to hide".to_vec(),
    };
    let mut world = World::new(settings).unwrap();
    for _ in 0..36 {
        world.run_day().unwrap();
    }
    assert!(world.report().unwrap().funnel.disbursed > 0);
}

/// A loan that was disbursed.
pub fn a_loan(url: &DatabaseUrl) -> String {
    let mut reader = open_store(url, Duration::from_secs(5)).unwrap().reader().unwrap();
    let rows = collect(&mut *reader, "SELECT MIN(loan) FROM loan_note", &[], &[ColumnKind::Int]).unwrap();
    format!("loan-{}", rows[0][0].as_int().unwrap())
}

#[test]
fn what_happened_to_a_loan_travels_in_the_envelopes_of_the_catalogue() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(sycee(&["catalog", "export", "--out", folder.path().to_str().unwrap()]).code, 0);
    let schema = |id: &str| -> Value {
        let file = folder.path().join(format!("schemas/{id}.json"));
        serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
    };
    on_each_engine(|url| {
        lived(url);
        let loan = a_loan(url);
        let told = sycee_on(url, &["trace", &loan, "--envelopes"]);
        assert_eq!(told.code, 0, "{}", told.err);
        let told = told.json();
        let (mut ids, mut seen) = (BTreeSet::new(), BTreeSet::new());
        for envelope in told.as_array().unwrap() {
            let text = |name: &str| envelope[name].as_str().map(str::to_owned);
            let id = text("eventId").or_else(|| text("commandId")).unwrap();
            let message = text("eventType").or_else(|| text("commandType")).unwrap();
            let found = flaws(&schema(&message), envelope);
            assert!(found.is_empty(), "{message}: {found:#?} in {envelope:#}");
            assert!(id.starts_with("gh-") && ids.insert(id), "{envelope}");
            seen.insert(message);
        }
        for message in ["submit-loan-application", "fund-reserved", "disbursement-succeeded", "post-ledger-event"] {
            assert!(seen.contains(message), "{message} is missing in {seen:?}");
        }

        let events = sycee_on(url, &["trace", &loan, "--cloud-events"]).json();
        assert_eq!(events.as_array().unwrap().len(), ids.len());
        for event in events.as_array().unwrap() {
            assert_eq!(event["specversion"], "1.0");
            assert!(ids.contains(event["id"].as_str().unwrap()), "{event}");
            assert!(event["type"].as_str().unwrap().starts_with("sycee."), "{event}");
        }
    });
}

#[test]
fn a_loan_is_found_by_its_id() {
    on_each_engine(|url| {
        lived(url);
        let loan = a_loan(url);
        let tree = sycee_on(url, &["trace", &loan]);
        assert_eq!(tree.code, 0, "{}", tree.err);
        assert!(tree.out.contains("submit-loan-application: bff-system -> loan-engine"), "{}", tree.out);
        let cascades = sycee_on(url, &["trace", &loan, "--json", "--payloads"]).json();
        for cascade in cascades.as_array().unwrap() {
            let hops = cascade["hops"].as_array().unwrap();
            assert!(hops[0]["cause"].is_null(), "what caused it is shown from the start: {cascade}");
            assert!(hops.iter().any(|hop| hop["data"].to_string().contains(&format!("\"{loan}\""))), "{cascade}");
            let places: BTreeSet<u64> = hops.iter().map(|hop| hop["nr"].as_u64().unwrap()).collect();
            assert!(hops.iter().filter_map(|hop| hop["cause"].as_u64()).all(|cause| places.contains(&cause)));
        }
        let later = sycee_on(url, &["trace", &loan, "--json", "--since", "2026-01-25"]).json();
        assert!(later.as_array().unwrap().len() < cascades.as_array().unwrap().len());
        for (unknown, word) in [
            (&["trace", "loan-999999999"][..], "no message that carries"),
            (&["trace", &loan, "--since", "2099-01-01"], "--since 2099-01-01: the log of"),
        ] {
            let run = sycee_on(url, unknown);
            assert_eq!((run.code, run.out.as_str()), (2, ""), "{unknown:?}");
            assert!(run.err.contains(word), "{}", run.err);
        }
    });
}
