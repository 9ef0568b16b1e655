//! What must be true of a market after a crash.

use std::collections::BTreeMap;

use sycee_runtime::MarketWriter;

use crate::Acknowledged;

/// Fails unless every oracle holds and every acknowledged request is answered as it was, without being done again.
pub fn assert_survived(market: &mut MarketWriter, acknowledged: &BTreeMap<String, Acknowledged>) {
    for verdict in sycee_sim::oracles::ask_all(market, true).unwrap() {
        assert!(verdict.holds(), "oracle {}, {}: {:?}", verdict.nr, verdict.rule, verdict.findings);
    }
    let before = market.digest().unwrap();
    for (key, request) in acknowledged {
        let again = market.execute(request.ask.stimulus(request.nr, key)).unwrap();
        assert!(again.replayed, "{key} was acknowledged and is gone: {:?}", request.ask);
        assert_eq!(request.ask.answer(&again), request.answer, "{key} has another answer: {:?}", request.ask);
    }
    assert_eq!(market.digest().unwrap(), before, "repeating requests changed something");
}
