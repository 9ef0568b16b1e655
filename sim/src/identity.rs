//! What becomes of documents that the identity provider doubts or refuses: staff look at the one, people take a better picture
//! of the other, or give up.
//!
//! Invariant: what somebody does about a case depends on the seed and on the case's number alone.

use sycee_contract::{DecideKycReview, Identifier as _, KycCaseId, KycCompleted, KycVerdict};
use sycee_post_loan_operations::WorkOrder;
use sycee_psp::SplitMix64;

use crate::agenda::Act;
use crate::world::World;

/// Doubted documents that staff accept, of 1000.
const ACCEPTED_PER_MILLE: u32 = 800;
/// Refused people who try again, of 1000.
const TRY_AGAIN_PER_MILLE: u32 = 750;
/// Seconds until somebody has a better picture: from, to.
const BETTER_PICTURE_SECONDS: (i64, i64) = (600, 2 * 86_400);

impl World {
    /// Who was believed goes on; who was not tries again, or gives up.
    pub(crate) fn hear_identity(&mut self, event: &KycCompleted) {
        let Some(nr) = self.person_of(event.customer) else { return };
        match event.verdict {
            KycVerdict::Passed => {
                self.funnel.identified += 1;
                self.plan_in(60, nr, Act::GrantConsent);
            }
            KycVerdict::Review => self.funnel.identity_referred += 1,
            KycVerdict::Failed => {
                let mut random = self.of_case(event.case, 0x2e7);
                if random.hits(TRY_AGAIN_PER_MILLE) {
                    self.funnel.identity_retried += 1;
                    let seconds = random.between(BETTER_PICTURE_SECONDS.0, BETTER_PICTURE_SECONDS.1);
                    self.plan_in(seconds, nr, Act::SubmitKyc);
                } else {
                    self.funnel.gave_up += 1;
                }
            }
        }
    }

    /// What somebody who looks at the document of a work order decides; none when it is about something else.
    pub(crate) fn decision_on_identity(&mut self, order: &WorkOrder) -> Option<DecideKycReview> {
        let case: KycCaseId = order.topic.strip_prefix("kyc-review-")?.parse().ok()?;
        let accepts = self.of_case(case, 0xdec).hits(ACCEPTED_PER_MILLE);
        self.funnel.identity_accepted += u64::from(accepts);
        let (verdict, reason) = if accepts {
            (KycVerdict::Passed, "DOCUMENT_SEEN")
        } else {
            (KycVerdict::Failed, "PICTURE_NOT_OF_THE_PERSON")
        };
        Some(DecideKycReview { case, verdict, reason: reason.to_owned() })
    }

    fn of_case(&self, case: KycCaseId, what: u64) -> SplitMix64 {
        let number = case.number().unsigned_abs();
        SplitMix64::new(self.settings.seed ^ what ^ number.wrapping_mul(0xe703_7ed1_a0b4_28db))
    }
}
