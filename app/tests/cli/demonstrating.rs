//! `sycee demo`: the same seed leaves the same market, on both engines.

use crate::support::{on_each_engine, sycee_on};

/// The state after sixty people and four months of seed 42, as `sycee demo` prints it. What changes it on purpose changes
/// it here.
const HASH: &str = "30e491039a0aa50879aa6e88af87c01ea25ce80be08c86f15429e69358960f5b";

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
    });
}
