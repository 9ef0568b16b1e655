//! Whole runs.

use sycee_runtime::testing::test_databases;
use sycee_sim::Faults;

use crate::stage::run;

#[test]
fn sixty_days_with_every_fault_keep_every_oracle_on_both_engines() {
    let (urls, _guard) = test_databases();
    let mut hashes = Vec::new();
    for url in urls {
        let mut world = run(url, 7, 60, 60, Faults::all());
        let report = world.report().unwrap();
        for oracle in &report.oracles {
            assert!(oracle.holds(), "oracle {}: {:?}", oracle.nr, oracle.findings);
        }
        assert!(report.funnel.disbursed > 10, "{:?} {:?}", report.funnel, report.refusals);
        hashes.push(report.hash);
    }
    assert!(hashes.windows(2).all(|pair| pair[0] == pair[1]), "{hashes:?}");
}
