//! An identity provider on virtual time: document checks, liveness and the register, answered after some seconds.

use std::collections::BTreeSet;

use sycee_contract::messages::RecordKycResult;
use sycee_contract::{Identifier as _, KycCaseId, Timestamp, VerifyIdentity};

use crate::schedule::Schedule;
use crate::{IdentityFaults, SplitMix64};

/// Answers each case once. Its rates say how often pictures are bad; which cases have such pictures depends on the seed and
/// the case's number alone. The last four characters of the document number decide the outcome in tests, and decide alone:
///
/// | suffix | answer |
/// |---|---|
/// | 9901 | the document cannot be read: OCR confidence 2100 |
/// | 9902 | nobody alive in the video: liveness 900 |
/// | 9903 | the register knows another name |
/// | 9904 | borderline: OCR 7900, liveness 7600; people have to look |
/// | other | OCR 9500 to 9990, liveness 9300 to 9980, register agrees |
pub struct SimulatedIdentityProvider {
    seed: u64,
    faults: IdentityFaults,
    random: SplitMix64,
    answer_seconds: (i64, i64),
    seen: BTreeSet<KycCaseId>,
    due: Schedule<RecordKycResult>,
}

impl SimulatedIdentityProvider {
    /// A provider that answers in 2 to 20 seconds.
    pub fn new(seed: u64) -> Self {
        Self::answering_in(seed, (2, 20))
    }

    /// A provider that answers in so many seconds: from, to.
    pub fn answering_in(seed: u64, answer_seconds: (i64, i64)) -> Self {
        Self {
            seed,
            faults: IdentityFaults::default(),
            random: SplitMix64::new(seed),
            answer_seconds,
            seen: BTreeSet::new(),
            due: Schedule::default(),
        }
    }

    /// The same provider, whose pictures are as bad as `faults` says.
    pub fn with_faults(self, faults: IdentityFaults) -> Self {
        Self { faults, ..self }
    }

    /// Hands a case in. False when it was handed in before: it is answered once.
    pub fn submit(&mut self, now: Timestamp, effect: &VerifyIdentity) -> bool {
        if !self.seen.insert(effect.case) {
            return false;
        }
        let (ocr, liveness) = (self.random.between(9_500, 9_990), self.random.between(9_300, 9_980));
        let number = effect.document_number.reveal();
        let suffix = number.len().checked_sub(4).and_then(|start| number.get(start..)).unwrap_or_default();
        let (ocr, liveness, register_match) = match suffix {
            "9901" => (2_100, liveness, true),
            "9902" => (ocr, 900, true),
            "9903" => (ocr, liveness, false),
            "9904" => (7_900, 7_600, true),
            _ => {
                let (ocr, liveness) = self.spoilt(effect.case, (ocr, liveness));
                (ocr, liveness, true)
            }
        };
        let at = now.plus_seconds(self.random.between(self.answer_seconds.0, self.answer_seconds.1));
        self.due.at(
            at,
            RecordKycResult {
                case: effect.case,
                ocr_confidence_bps: ocr.unsigned_abs() as u32,
                liveness_score_bps: liveness.unsigned_abs() as u32,
                register_match,
                provider_reference: format!("idp-{}", effect.case),
            },
        );
        true
    }

    /// The scores of a case: `clear` as they are, or with one of them doubtful or too low.
    fn spoilt(&self, case: KycCaseId, clear: (i64, i64)) -> (i64, i64) {
        let mut random = SplitMix64::new(self.seed ^ case.number().unsigned_abs().wrapping_mul(0xa076_1d64_78bd_642f));
        let (doubtful, failed) =
            (random.hits(self.faults.doubtful_per_mille), random.hits(self.faults.failed_per_mille));
        let picture = random.hits(700);
        match (failed, doubtful, picture) {
            (true, _, true) => (random.between(1_500, 5_500), clear.1),
            (true, _, false) => (clear.0, random.between(300, 4_500)),
            (false, true, true) => (random.between(6_200, 8_300), clear.1),
            (false, true, false) => (clear.0, random.between(5_200, 7_800)),
            (false, false, _) => clear,
        }
    }

    /// Answers due up to and including `now`.
    pub fn take_due(&mut self, now: Timestamp) -> Vec<RecordKycResult> {
        std::iter::from_fn(|| self.due.pop_due(now).map(|(_, answer)| answer)).collect()
    }

    /// When the next answer is due.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.due.next_due()
    }
}
