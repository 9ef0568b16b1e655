//! What must be true of a market whatever was done to it.

use sycee_stage::Stage;

/// Fails with the first oracle that finds something.
pub fn assert_oracles(stage: &mut Stage) {
    for verdict in sycee_sim::oracles::ask_all(&mut stage.writer, true).unwrap() {
        assert!(verdict.holds(), "oracle {}, {}: {:?}", verdict.nr, verdict.rule, verdict.findings);
    }
}
