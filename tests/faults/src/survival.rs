//! What must be true of a market after a crash.

use std::collections::BTreeMap;

use sycee_runtime::storage::DatabaseUrl;
use sycee_runtime::{Fault, MarketWriter};
use sycee_stage::options;

use crate::Acknowledged;

/// Opens the market at `url`: every oracle holds, and every acknowledged request is answered as it was, without being done
/// again. Otherwise what is wrong.
pub fn survived(url: &DatabaseUrl, acknowledged: &BTreeMap<String, Acknowledged>) -> Result<(), String> {
    let shown = |fault: Fault| fault.to_string();
    let mut market = MarketWriter::open(sycee_markets::registry(), options(url.clone())).map_err(shown)?;
    for verdict in sycee_sim::oracles::ask_all(&mut market, true).map_err(shown)? {
        if !verdict.holds() {
            return Err(format!("oracle {}, {}: {:?}", verdict.nr, verdict.rule, verdict.findings));
        }
    }
    let before = market.digest().map_err(shown)?;
    for (key, request) in acknowledged {
        let again = market.execute(request.ask.stimulus(request.nr, key)).map_err(shown)?;
        if !again.replayed {
            return Err(format!("{key} was acknowledged and is gone: {:?}", request.ask));
        }
        if request.ask.answer(&again) != request.answer {
            return Err(format!("{key} has another answer: {:?}", request.ask));
        }
    }
    if market.digest().map_err(shown)? != before {
        return Err("repeating requests changed something".to_owned());
    }
    Ok(())
}
