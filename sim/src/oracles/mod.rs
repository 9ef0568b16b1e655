//! What must be true at any moment: in tests, in simulation and in production.
//!
//! An oracle reads committed state and says what contradicts what. It knows nothing of how the state came about.

mod answers;
mod books;
mod credit;
mod effects;
mod funds;
mod schedules;
mod statements;

use std::collections::BTreeMap;

pub(crate) use answers::{Requests, answer_of};
use serde::Serialize;
pub use statements::Statements;
pub(crate) use statements::reconcile;
use sycee_runtime::{Fault, MarketWriter};

/// Most findings that are kept of one oracle.
const FINDINGS_KEPT: usize = 20;

/// What one oracle found.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// Which oracle: 1 ledger, 2 sub-ledger, 3 funds, 4 schedules, 5 credit lines, 6 effects, 7 answers.
    pub nr: u32,
    /// What it says must hold.
    pub rule: &'static str,
    /// How many things were looked at.
    pub checked: u64,
    /// How many contradictions there are.
    pub found: u64,
    /// The first of them.
    pub findings: Vec<String>,
}

impl Verdict {
    fn new(nr: u32, rule: &'static str) -> Self {
        Self { nr, rule, checked: 0, found: 0, findings: Vec::new() }
    }

    /// Whether nothing contradicts it.
    pub fn holds(&self) -> bool {
        self.found == 0
    }

    fn check(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        self.checked += 1;
        if !holds {
            self.find(otherwise());
        }
    }

    fn find(&mut self, finding: String) {
        self.found += 1;
        if self.findings.len() < FINDINGS_KEPT {
            self.findings.push(finding);
        }
    }
}

/// Asks every oracle that can be answered from the database. Everything executed is made durable first.
///
/// `whole_ledger` replays every transfer, hash and movement of funds; without it only balances are compared.
///
/// Errors: `Fault` when the database cannot be read or written. What does not hold is a finding, not an error.
pub fn ask_all(writer: &mut MarketWriter, whole_ledger: bool) -> Result<Vec<Verdict>, Fault> {
    writer.sync()?;
    Ok(vec![
        books::ledger(writer, whole_ledger)?,
        books::sub_ledger(writer, whole_ledger)?,
        funds::fund_accounts(writer, whole_ledger)?,
        schedules::schedules(writer)?,
        credit::credit_lines(writer)?,
        effects::effects(writer)?,
    ])
}

/// A sum of units by name, for comparing two sides.
type Sums = BTreeMap<String, i128>;

fn compare(verdict: &mut Verdict, left: (&str, &Sums), right: (&str, &Sums)) {
    let keys: std::collections::BTreeSet<&String> = left.1.keys().chain(right.1.keys()).collect();
    for key in keys {
        let (a, b) = (left.1.get(key).copied().unwrap_or(0), right.1.get(key).copied().unwrap_or(0));
        verdict.check(a == b, || format!("{key}: {} says {a}, {} says {b} (units)", left.0, right.0));
    }
}
