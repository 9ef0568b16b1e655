//! Oracle 7, as a run can see it: requests of the past, asked again, get their first answers.
//!
//! Invariant: a request is asked again only while the market must still know its key; else it would run once more.
//! Invariant: answers are compared whole, personal data included, and kept as hashes only.

use std::sync::Arc;

use sycee_contract::{Command, Rejection, Sealer, Timestamp, with_sealer};
use sycee_psp::SplitMix64;
use sycee_runtime::{Executed, Fault, FaultKind, MarketWriter, Stimulus};

use super::Verdict;

/// Requests remembered at a time; when there are more, one drawn by lot makes room, so that old ones are among them.
const REQUESTS_MAX: usize = 500;
/// The market remembers keys for 30 days; within the last of them it may have forgotten.
const KNOWN_DAYS: i64 = 29;

/// An answer: the hash of what was answered, or the whole refusal.
type Answered = Result<blake3::Hash, Rejection>;

struct Request {
    stimulus: Stimulus,
    name: String,
    at: Timestamp,
    first: Answered,
    read: fn(&Executed) -> Answered,
}

/// Requests of the past with their first answers.
pub(crate) struct Requests {
    asked: Vec<Request>,
    lots: SplitMix64,
}

impl Requests {
    pub(crate) fn new(seed: u64) -> Self {
        Self { asked: Vec::new(), lots: SplitMix64::new(seed ^ 0xa5ed) }
    }

    /// Remembers a request with an idempotency key, and what it was answered first.
    pub(crate) fn remember<C: Command>(&mut self, stimulus: Stimulus, asker: &str, at: Timestamp, done: &Executed) {
        let name = format!("{} of {asker} (cascade {})", C::ID, done.cascade);
        let request = Request { stimulus, name, at, first: answer_of::<C>(done), read: answer_of::<C> };
        if self.asked.len() < REQUESTS_MAX {
            return self.asked.push(request);
        }
        let lot = usize::try_from(self.lots.below(REQUESTS_MAX as u64)).unwrap_or(0);
        self.asked[lot] = request;
    }

    /// Asks again what the market must still know. What it has in memory counts: reopen it first to ask the database.
    ///
    /// Errors: outages; what is not answered as before is in the verdict.
    pub(crate) fn repeat(&mut self, writer: &mut MarketWriter) -> Result<Verdict, Fault> {
        let mut verdict = Verdict::new(7, "every acknowledged request keeps its answer");
        let oldest = writer.now().plus_days(-KNOWN_DAYS);
        self.asked.retain(|request| request.at >= oldest);
        for Request { stimulus, name, first, read, .. } in &self.asked {
            match writer.execute(stimulus.clone()) {
                Ok(again) if !again.replayed && again.outcome.as_ref().is_err_and(is_conflict) => {
                    verdict.check(false, || format!("{name} is on record with another body"));
                }
                Ok(again) if !again.replayed => verdict.check(false, || format!("{name} was forgotten and ran again")),
                Ok(again) => verdict.check(read(&again) == *first, || format!("{name} got another answer")),
                Err(fault) if fault.kind == FaultKind::Corrupt => {
                    verdict.check(false, || format!("{name} has an answer that cannot be read: {fault}"));
                }
                Err(fault) => return Err(fault),
            }
        }
        Ok(verdict)
    }
}

/// What `done` answered to a command `C`.
pub(crate) fn answer_of<C: Command>(done: &Executed) -> Answered {
    let answer = done.answer::<C>()?;
    let bytes = with_sealer(Arc::new(Revealed), || serde_json::to_vec(&answer));
    bytes.map(|bytes| blake3::hash(&bytes)).map_err(|error| Rejection::new("FAULT", error.to_string()))
}

fn is_conflict(rejection: &Rejection) -> bool {
    rejection.code == "IDEMPOTENCY_CONFLICT"
}

/// Lets answers be compared with the personal data they carry.
struct Revealed;

impl Sealer for Revealed {
    fn seal(&self, plain: &str) -> String {
        plain.to_owned()
    }

    fn open(&self, sealed: &str) -> Option<String> {
        Some(sealed.to_owned())
    }
}
