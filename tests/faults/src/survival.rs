//! What must be true of a market after a crash.

use std::collections::BTreeMap;

use sycee_runtime::storage::DatabaseUrl;
use sycee_runtime::{Fault, MarketWriter};
use sycee_sim::oracles::Verdict;
use sycee_stage::options;

use crate::{Acknowledged, Ask};

/// The oracles about books, loans, funders' money, schedules and credit lines, without those that a short life leaves empty.
const LOOKED_AT: [u32; 4] = [1, 2, 4, 5];

/// Opens the market at `url`: every oracle holds, and every acknowledged request is answered as it was, without being done
/// again. What the oracles looked at; otherwise what is wrong.
pub fn survived(url: &DatabaseUrl, acknowledged: &BTreeMap<String, Acknowledged>) -> Result<Vec<Verdict>, String> {
    let shown = |fault: Fault| fault.to_string();
    let mut market = MarketWriter::open(sycee_markets::registry(), options(url.clone())).map_err(shown)?;
    let verdicts = sycee_sim::oracles::ask_all(&mut market, true).map_err(shown)?;
    for verdict in &verdicts {
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
    Ok(verdicts)
}

/// Whether there was something to lose: loans that were signed, paid out and repaid on, and something for every oracle.
/// Otherwise what was missing.
pub fn had_much_to_lose(acknowledged: &BTreeMap<String, Acknowledged>, verdicts: &[Verdict]) -> Result<(), String> {
    let done = |wanted: fn(&Ask) -> bool| acknowledged.values().filter(|it| it.done && wanted(&it.ask)).count();
    let signed = done(|ask| matches!(ask, Ask::Sign { .. }));
    // Only what was paid out can be repaid.
    let repaid = done(|ask| matches!(ask, Ask::Repay(..)));
    if signed == 0 || repaid == 0 {
        return Err(format!("{signed} contracts and {repaid} repayments were acknowledged"));
    }
    let empty = |nr: &u32| !verdicts.iter().any(|verdict| verdict.nr == *nr && verdict.checked > 0);
    match LOOKED_AT.iter().find(|nr| empty(nr)) {
        Some(nr) => Err(format!("oracle {nr} had nothing to look at")),
        None => Ok(()),
    }
}
