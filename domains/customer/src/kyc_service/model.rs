//! Identity cases, and the policy that turns a provider's scores into a verdict.

use serde::Deserialize;
use sycee_contract::{
    CustomerId, Date, KycCaseId, KycVerdict, LINE_MAX, NAME_MAX, RecordKycResult, Rejection, Sensitive, SubmitKyc,
    Timestamp, check_text,
};
use sycee_runtime::{Blind, Halt, Json, entity, text_enum};

use crate::{CustomerRejection, Window};

/// How many documents a customer may hand in: five a day.
pub const SUBMISSIONS: Window = Window { times: 5, seconds: 24 * 3_600 };

/// From which scores a person is believed. All scores in basis points, 0 to 10000.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KycPolicy {
    /// OCR confidence from which the document passes.
    pub ocr_pass_bps: u32,
    /// OCR confidence from which people look; below it the case fails.
    pub ocr_review_bps: u32,
    /// Liveness score from which the person passes.
    pub liveness_pass_bps: u32,
    /// Liveness score from which people look; below it the case fails.
    pub liveness_review_bps: u32,
    /// Least age in full years.
    pub age_min: u32,
}

impl Default for KycPolicy {
    /// OCR 85 % passes and 60 % is looked at, liveness 80 % and 50 %, age 18.
    fn default() -> Self {
        Self {
            ocr_pass_bps: 8_500,
            ocr_review_bps: 6_000,
            liveness_pass_bps: 8_000,
            liveness_review_bps: 5_000,
            age_min: 18,
        }
    }
}

/// What a policy says about a provider's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assessment {
    /// Verdict.
    pub verdict: KycVerdict,
    /// Reasons as stable codes, those that fail first.
    pub reasons: Vec<String>,
}

impl KycPolicy {
    /// The verdict on a provider's answer, for a person of `age` full years (`None`: not known any more).
    pub fn assess(&self, fact: &RecordKycResult, age: Option<u32>, document_blacklisted: bool) -> Assessment {
        let mut failed = Vec::new();
        let mut unsure = Vec::new();
        if document_blacklisted {
            failed.push("DOCUMENT_BLACKLISTED");
        }
        match age {
            Some(age) if age < self.age_min => failed.push("UNDER_AGE"),
            Some(_) => {}
            None => unsure.push("AGE_UNKNOWN"),
        }
        if !fact.register_match {
            failed.push("REGISTER_MISMATCH");
        }
        for (score, pass, review, low, doubtful) in [
            (fact.ocr_confidence_bps, self.ocr_pass_bps, self.ocr_review_bps, "OCR_TOO_LOW", "OCR_DOUBTFUL"),
            (
                fact.liveness_score_bps,
                self.liveness_pass_bps,
                self.liveness_review_bps,
                "LIVENESS_TOO_LOW",
                "LIVENESS_DOUBTFUL",
            ),
        ] {
            match score {
                score if score > 10_000 => unsure.push("SCORE_OUT_OF_RANGE"),
                score if score >= pass => {}
                score if score >= review => unsure.push(doubtful),
                _ => failed.push(low),
            }
        }
        let verdict = match (failed.is_empty(), unsure.is_empty()) {
            (false, _) => KycVerdict::Failed,
            (true, false) => KycVerdict::Review,
            (true, true) => KycVerdict::Passed,
        };
        failed.append(&mut unsure);
        Assessment { verdict, reasons: failed.into_iter().map(str::to_owned).collect() }
    }
}

text_enum! {
    /// States of a case.
    pub enum KycCaseStatus {
        /// The provider is looking.
        Checking,
        /// The person is who the document says.
        Passed,
        /// The person is not, or the document is not valid.
        Failed,
        /// People have to look.
        Review,
        /// The customer handed in another document meanwhile.
        Superseded,
    }
}

impl KycCaseStatus {
    /// The verdict of a case in this state, if it has one.
    pub const fn verdict(self) -> Option<KycVerdict> {
        match self {
            Self::Passed => Some(KycVerdict::Passed),
            Self::Failed => Some(KycVerdict::Failed),
            Self::Review => Some(KycVerdict::Review),
            Self::Checking | Self::Superseded => None,
        }
    }

    /// Whether nobody else may use the case's document.
    pub const fn holds_document(self) -> bool {
        matches!(self, Self::Checking | Self::Passed | Self::Review)
    }
}

entity! {
    /// Where a customer's identification stands.
    pub struct KycStanding in "kyc_standing" of "kyc-service" key customer: CustomerId {
        /// The customer.
        customer: CustomerId,
        /// The case that counts; none until a document is handed in.
        current_case: Option<KycCaseId>,
        /// When documents were handed in during the last day, oldest first.
        submitted: Json<Vec<Timestamp>>,
    }
}

impl KycStanding {
    /// Takes one of the day's submissions. Errors: `KYC_SUBMISSIONS_EXCEEDED`.
    pub fn submit(&mut self, now: Timestamp) -> Result<(), CustomerRejection> {
        if let Some(retry_at) = SUBMISSIONS.full_until(&self.submitted, now) {
            let (customer, submissions) = (self.customer, SUBMISSIONS.times);
            return Err(CustomerRejection::KycSubmissionsExceeded { customer, submissions, retry_at });
        }
        SUBMISSIONS.take(&mut self.submitted, now);
        Ok(())
    }
}

entity! {
    /// The case that holds a document: nobody else may use it.
    pub struct DocumentHolder in "document_holder" of "kyc-service" key document_index: Blind {
        /// Blind index of the document's number.
        document_index: Blind,
        /// The customer.
        customer: CustomerId,
        /// The case.
        held_by: KycCaseId,
    }
}

entity! {
    /// One document that was handed in, and what became of it.
    pub struct KycCase in "kyc_case" of "kyc-service" key id: KycCaseId {
        /// The case.
        id: KycCaseId,
        /// The customer.
        customer: CustomerId,
        /// State.
        status: KycCaseStatus,
        /// Kind of document.
        document_type: String,
        /// Number on the document, without spaces, in capitals.
        document_number: Sensitive,
        /// Blind index of the number.
        document_index: Blind,
        /// Full name on the document.
        full_name: Sensitive,
        /// Date of birth, ISO 8601.
        birth_date: Sensitive,
        /// Object key of the document's image.
        document_image: String,
        /// Object key of the liveness video.
        liveness_video: String,
        /// OCR confidence in basis points, when the provider answered.
        ocr_confidence_bps: Option<u32>,
        /// Liveness score in basis points, when the provider answered.
        liveness_score_bps: Option<u32>,
        /// Reference of the answer that decided.
        provider_reference: Option<String>,
        /// Why the verdict is what it is.
        reasons: Json<Vec<String>>,
        /// Number of the effect that asks the provider.
        effect: Option<i64>,
        /// When it was handed in.
        submitted_at: Timestamp,
        /// When the provider's answer was recorded.
        decided_at: Option<Timestamp>,
    }
    index by_customer(customer: CustomerId);
    subject customer;
}

/// What a provider's answer did to a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseStep {
    /// The case has a verdict from this answer.
    Decided,
    /// The answer came again, or too late: nothing changed.
    AlreadyDecided,
}

impl KycCase {
    /// A case that waits for the provider.
    pub fn submit(id: KycCaseId, cmd: &SubmitKyc, document_index: Blind, now: Timestamp) -> Self {
        Self {
            id,
            customer: cmd.customer,
            status: KycCaseStatus::Checking,
            document_type: cmd.document_type.clone(),
            document_number: Sensitive::new(normalised(cmd.document_number.reveal())),
            document_index,
            full_name: cmd.full_name.clone(),
            birth_date: cmd.birth_date.clone(),
            document_image: cmd.document_image.clone(),
            liveness_video: cmd.liveness_video.clone(),
            ocr_confidence_bps: None,
            liveness_score_bps: None,
            provider_reference: None,
            reasons: Json(Vec::new()),
            effect: None,
            submitted_at: now,
            decided_at: None,
        }
    }

    /// The hold of this case on its document.
    pub fn holder(&self) -> DocumentHolder {
        DocumentHolder { document_index: self.document_index, customer: self.customer, held_by: self.id }
    }

    /// Makes way for another document of the same customer.
    ///
    /// Errors: `KYC_ALREADY_PASSED`; `UNEXPECTED_STATE` while the provider is looking.
    pub fn make_way(&mut self) -> Result<(), Halt> {
        match self.status {
            KycCaseStatus::Passed => Err(CustomerRejection::KycAlreadyPassed { customer: self.customer }.into()),
            KycCaseStatus::Checking => {
                Err(Rejection::unexpected_state("KYC case", self.id, self.status, "the provider's answer first").into())
            }
            KycCaseStatus::Review => {
                self.status = KycCaseStatus::Superseded;
                Ok(())
            }
            KycCaseStatus::Failed | KycCaseStatus::Superseded => Ok(()),
        }
    }

    /// Records an answer. A case in review takes a second look, which is an answer with another reference.
    pub fn record(&mut self, fact: &RecordKycResult, assessment: Assessment, now: Timestamp) -> CaseStep {
        let repeated = self.provider_reference.as_deref() == Some(fact.provider_reference.as_str());
        match self.status {
            KycCaseStatus::Checking => {}
            KycCaseStatus::Review if !repeated => {}
            KycCaseStatus::Review | KycCaseStatus::Passed | KycCaseStatus::Failed | KycCaseStatus::Superseded => {
                return CaseStep::AlreadyDecided;
            }
        }
        self.decide(assessment.verdict, &assessment.reasons, now);
        self.ocr_confidence_bps = Some(fact.ocr_confidence_bps);
        self.liveness_score_bps = Some(fact.liveness_score_bps);
        self.provider_reference = Some(fact.provider_reference.clone());
        CaseStep::Decided
    }

    /// Keeps a verdict with its reasons.
    pub fn decide(&mut self, verdict: KycVerdict, reasons: &[String], now: Timestamp) {
        self.status = match verdict {
            KycVerdict::Passed => KycCaseStatus::Passed,
            KycVerdict::Failed => KycCaseStatus::Failed,
            KycVerdict::Review => KycCaseStatus::Review,
        };
        self.reasons = Json(reasons.to_vec());
        self.decided_at = Some(now);
    }
}

/// A document number as it is compared: no spaces or hyphens, capitals.
fn normalised(number: &str) -> String {
    number.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect()
}

/// Checks what was handed in and answers the normalised document number.
///
/// Errors: `INVALID_FIELD`.
pub(super) fn check_documents(cmd: &SubmitKyc, today: Date) -> Result<String, Rejection> {
    let number = normalised(cmd.document_number.reveal());
    if !(4..=40).contains(&number.len()) {
        return Err(Rejection::invalid("documentNumber", "4 to 40 letters and digits", "GHA-000000000-0"));
    }
    check_text("documentType", &cmd.document_type, NAME_MAX, "ghana-card")?;
    check_text("fullName", cmd.full_name.reveal(), LINE_MAX, "Ama Mensah")?;
    check_text("documentImage", &cmd.document_image, LINE_MAX, "kyc/42/front.jpg")?;
    check_text("livenessVideo", &cmd.liveness_video, LINE_MAX, "kyc/42/selfie.mp4")?;
    parse_birth_date(&cmd.birth_date, today)?;
    Ok(number)
}

/// A date of birth in the last 130 years.
///
/// Errors: `INVALID_FIELD`.
pub(super) fn parse_birth_date(text: &Sensitive, today: Date) -> Result<Date, Rejection> {
    let born = text.reveal().parse::<Date>().ok();
    born.filter(|born| *born <= today && full_years(*born, today) <= 130)
        .ok_or_else(|| Rejection::invalid("birthDate", "an ISO 8601 date in the last 130 years", "1994-03-31"))
}

/// Full years from `born` to `today`; a person born on 29 February has the birthday on 1 March in common years.
pub(super) fn full_years(born: Date, today: Date) -> u32 {
    let before_birthday = (today.month(), today.day()) < (born.month(), born.day());
    u32::try_from(i32::from(today.year()) - i32::from(born.year()) - i32::from(before_birthday)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sycee_contract::Identifier as _;

    fn answer(ocr: u32, liveness: u32, register_match: bool) -> RecordKycResult {
        RecordKycResult {
            case: KycCaseId::from_number(1),
            ocr_confidence_bps: ocr,
            liveness_score_bps: liveness,
            register_match,
            provider_reference: "ref-1".to_owned(),
        }
    }

    #[test]
    fn scores_at_the_policys_edges() {
        use KycVerdict::{Failed, Passed, Review};
        for (ocr, liveness, matched, age, listed, verdict, reasons) in [
            (8_500, 8_000, true, Some(18), false, Passed, &[][..]),
            (8_499, 8_000, true, Some(30), false, Review, &["OCR_DOUBTFUL"]),
            (6_000, 5_000, true, Some(30), false, Review, &["OCR_DOUBTFUL", "LIVENESS_DOUBTFUL"]),
            (5_999, 7_999, true, Some(30), false, Failed, &["OCR_TOO_LOW", "LIVENESS_DOUBTFUL"]),
            (10_000, 4_999, true, Some(30), false, Failed, &["LIVENESS_TOO_LOW"]),
            (10_000, 10_000, false, Some(30), false, Failed, &["REGISTER_MISMATCH"]),
            (10_000, 10_000, true, Some(17), false, Failed, &["UNDER_AGE"]),
            (10_000, 10_000, true, None, false, Review, &["AGE_UNKNOWN"]),
            (10_000, 10_000, true, Some(30), true, Failed, &["DOCUMENT_BLACKLISTED"]),
            (10_001, 10_000, true, Some(30), false, Review, &["SCORE_OUT_OF_RANGE"]),
        ] {
            let got = KycPolicy::default().assess(&answer(ocr, liveness, matched), age, listed);
            assert_eq!((got.verdict, got.reasons), (verdict, reasons.iter().map(|&r| r.to_owned()).collect()));
        }
    }

    fn case(status: KycCaseStatus) -> KycCase {
        let cmd = SubmitKyc {
            customer: CustomerId::from_number(2),
            document_type: "ghana-card".to_owned(),
            document_number: Sensitive::new("gha-000 1"),
            full_name: Sensitive::new("Ama Mensah"),
            birth_date: Sensitive::new("1994-03-31"),
            document_image: "front".to_owned(),
            liveness_video: "video".to_owned(),
        };
        let case = KycCase::submit(KycCaseId::from_number(1), &cmd, Blind([0; 16]), Timestamp::default());
        KycCase { status, provider_reference: (status != KycCaseStatus::Checking).then(|| "ref-1".to_owned()), ..case }
    }

    #[test]
    fn every_state_meets_every_answer() {
        use CaseStep::{AlreadyDecided, Decided};
        for (status, same_reference, other_reference) in [
            (KycCaseStatus::Checking, Decided, Decided),
            (KycCaseStatus::Passed, AlreadyDecided, AlreadyDecided),
            (KycCaseStatus::Failed, AlreadyDecided, AlreadyDecided),
            (KycCaseStatus::Review, AlreadyDecided, Decided),
            (KycCaseStatus::Superseded, AlreadyDecided, AlreadyDecided),
        ] {
            for (reference, wanted) in [("ref-1", same_reference), ("ref-2", other_reference)] {
                for verdict in KycVerdict::ALL {
                    let mut case = case(status);
                    let fact = RecordKycResult { provider_reference: reference.to_owned(), ..answer(1, 1, true) };
                    let assessment = Assessment { verdict: *verdict, reasons: Vec::new() };
                    assert_eq!(case.record(&fact, assessment, Timestamp::default()), wanted, "{status:?} {reference}");
                    let after = if wanted == Decided { Some(*verdict) } else { status.verdict() };
                    assert_eq!(case.status.verdict(), after);
                }
            }
        }
    }

    #[test]
    fn every_state_meets_another_document() {
        for (status, after) in [
            (KycCaseStatus::Checking, Err("UNEXPECTED_STATE")),
            (KycCaseStatus::Passed, Err("KYC_ALREADY_PASSED")),
            (KycCaseStatus::Failed, Ok(KycCaseStatus::Failed)),
            (KycCaseStatus::Review, Ok(KycCaseStatus::Superseded)),
            (KycCaseStatus::Superseded, Ok(KycCaseStatus::Superseded)),
        ] {
            let mut case = case(status);
            match (case.make_way(), after) {
                (Ok(()), Ok(after)) => assert_eq!(case.status, after),
                (Err(Halt::Refused(rejection)), Err(code)) => {
                    assert_eq!(rejection.code, code);
                    assert_eq!(case.status, status);
                }
                (got, wanted) => panic!("{status:?}: {got:?}, wanted {wanted:?}"),
            }
        }
    }

    #[test]
    fn ages_count_full_years() {
        for (born, today, years) in [
            ("2008-11-21", "2026-11-21", 18),
            ("2008-11-22", "2026-11-21", 17),
            ("2008-02-29", "2026-02-28", 17),
            ("2008-02-29", "2026-03-01", 18),
            ("2026-11-21", "2026-11-21", 0),
        ] {
            assert_eq!(full_years(born.parse().unwrap(), today.parse().unwrap()), years, "{born} on {today}");
        }
    }

    #[test]
    fn document_numbers_are_compared_without_decoration() {
        assert_eq!(normalised("gha-000 123/4"), "GHA0001234");
    }
}
