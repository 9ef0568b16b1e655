//! One-time passwords: who may ask for one, and what an answer is worth.
//!
//! Invariant: for a phone and purpose three passwords in 15 minutes and ten wrong answers in a day; five wrong answers a
//! password, five minutes to answer.
//! Invariant: who names another phone than the challenge's costs that phone nothing, and learns nothing of it.

use sycee_contract::{Identifier as _, OtpChallengeId, OtpPurpose, Rejection, Sensitive, SignedText, Timestamp};
use sycee_runtime::{Blind, Handled, Json, Work, entity, text_enum};

use crate::{CustomerRejection, Window};

/// How long a code works, in seconds.
pub const VALID_SECONDS: i64 = 5 * 60;
/// Passwords for a phone and purpose.
pub const SENT: Window = Window { times: 3, seconds: 15 * 60 };
/// Wrong answers for a phone and purpose.
pub const WRONG: Window = Window { times: 10, seconds: 24 * 3_600 };
/// Wrong answers that end a challenge.
pub const ATTEMPTS_MAX: u32 = 5;

text_enum! {
    /// States of a challenge.
    pub enum OtpStatus {
        /// Waits for an answer.
        Open,
        /// Answered rightly.
        Used,
        /// Answered wrongly too often.
        Exhausted,
    }
}

entity! {
    /// A one-time password that was sent, without the password.
    pub struct OtpChallenge in "otp_challenge" of "customer-center" key id: OtpChallengeId {
        /// The challenge.
        id: OtpChallengeId,
        /// Blind index of the phone it went to.
        phone_index: Blind,
        /// What it is for.
        purpose: OtpPurpose,
        /// Keyed hash of the challenge and the right code.
        answer_index: Blind,
        /// State.
        status: OtpStatus,
        /// Wrong answers so far.
        attempts: u32,
        /// The code stops working at this instant.
        expires_at: Timestamp,
        /// Keyed hash of the contract it signs.
        signs: Option<Blind>,
        /// When it was answered rightly.
        answered_at: Option<Timestamp>,
        /// Device a signature was confirmed on.
        device_id: Option<String>,
    }
}

entity! {
    /// When a phone was sent passwords of a purpose, and when they were answered wrongly.
    pub struct PhoneOtpWindow in "phone_otp_window" of "customer-center" key (phone_index, purpose): (Blind, OtpPurpose) {
        /// Blind index of the phone.
        phone_index: Blind,
        /// What the passwords are for.
        purpose: OtpPurpose,
        /// Passwords sent in the last quarter of an hour, oldest first.
        sent: Json<Vec<Timestamp>>,
        /// Wrong answers of the last day, oldest first.
        wrong: Json<Vec<Timestamp>>,
    }
}

impl PhoneOtpWindow {
    /// Takes one of the window's passwords.
    ///
    /// Errors: `OTP_RATE_LIMITED` when none is left; the window does not change.
    pub fn take(&mut self, now: Timestamp) -> Result<(), CustomerRejection> {
        if let Some(retry_at) = SENT.full_until(&self.sent, now) {
            return Err(CustomerRejection::OtpRateLimited { sent: SENT.times, retry_at });
        }
        SENT.take(&mut self.sent, now);
        Ok(())
    }

    /// Whether the phone may still be answered for. Errors: `OTP_ANSWERS_EXCEEDED`.
    pub fn check_answers(&self, now: Timestamp) -> Result<(), CustomerRejection> {
        match WRONG.full_until(&self.wrong, now) {
            Some(retry_at) => Err(CustomerRejection::OtpAnswersExceeded { wrong: WRONG.times, retry_at }),
            None => Ok(()),
        }
    }
}

/// What stands of a phone and purpose; nothing before the first password.
pub(super) fn window(work: &mut Work, phone_index: Blind, purpose: OtpPurpose) -> Handled<PhoneOtpWindow> {
    let known = work.get::<PhoneOtpWindow>((phone_index, purpose))?;
    let (sent, wrong) = (Json(Vec::new()), Json(Vec::new()));
    Ok(known.unwrap_or(PhoneOtpWindow { phone_index, purpose, sent, wrong }))
}

impl OtpChallenge {
    /// A challenge that waits for its answer.
    pub fn issue(id: OtpChallengeId, phone_index: Blind, purpose: OtpPurpose, answer: Blind, now: Timestamp) -> Self {
        let expires_at = now.plus_seconds(VALID_SECONDS);
        Self {
            id,
            phone_index,
            purpose,
            answer_index: answer,
            status: OtpStatus::Open,
            attempts: 0,
            expires_at,
            signs: None,
            answered_at: None,
            device_id: None,
        }
    }

    /// Answers the challenge. A wrong code or purpose costs an attempt; for another phone nothing is told or counted.
    ///
    /// Errors: `OTP_ATTEMPTS_EXCEEDED`, `OTP_EXPIRED`, `OTP_MISMATCH`.
    pub fn answer(
        &mut self,
        phone_index: Blind,
        purpose: OtpPurpose,
        answer: Blind,
        now: Timestamp,
    ) -> Result<(), CustomerRejection> {
        let challenge = self.id;
        if self.phone_index != phone_index {
            return Err(CustomerRejection::OtpMismatch { challenge, attempts_left: None });
        }
        match self.status {
            OtpStatus::Exhausted => return Err(CustomerRejection::OtpAttemptsExceeded { challenge }),
            OtpStatus::Used => return Err(CustomerRejection::OtpExpired { challenge }),
            OtpStatus::Open if now >= self.expires_at => return Err(CustomerRejection::OtpExpired { challenge }),
            OtpStatus::Open => {}
        }
        if (self.purpose, self.answer_index) == (purpose, answer) {
            self.status = OtpStatus::Used;
            self.answered_at = Some(now);
            return Ok(());
        }
        self.attempts += 1;
        if self.attempts >= ATTEMPTS_MAX {
            self.status = OtpStatus::Exhausted;
        }
        let attempts_left = Some(ATTEMPTS_MAX.saturating_sub(self.attempts));
        Err(CustomerRejection::OtpMismatch { challenge, attempts_left })
    }
}

/// Answers a challenge, and keeps what it cost whatever becomes of the request.
///
/// Errors: `NOT_FOUND`, `OTP_ANSWERS_EXCEEDED`, `OTP_ATTEMPTS_EXCEEDED`, `OTP_EXPIRED`, `OTP_MISMATCH`.
pub(super) fn answer(work: &mut Work, id: OtpChallengeId, given: &Given) -> Handled<OtpChallenge> {
    let answer = answer_index(work, id, given.code.reveal(), given.signs);
    let now = work.now();
    let mut challenge = work.require::<OtpChallenge>(id)?;
    let before = challenge.clone();
    let mut window = window(work, given.phone_index, challenge.purpose)?;
    if challenge.phone_index == given.phone_index {
        window.check_answers(now)?;
    }
    let answered = challenge.answer(given.phone_index, given.purpose, answer, now);
    match &answered {
        Ok(()) => challenge.device_id = given.device_id.map(str::to_owned),
        Err(CustomerRejection::OtpMismatch { attempts_left: Some(_), .. }) => {
            WRONG.take(&mut window.wrong, now);
            work.save_even_if_refused(window);
        }
        Err(_) => {}
    }
    if challenge != before {
        work.save_even_if_refused(challenge.clone());
    }
    answered?;
    Ok(challenge)
}

/// What somebody gives in answer to a challenge.
pub(super) struct Given<'a> {
    pub(super) phone_index: Blind,
    pub(super) purpose: OtpPurpose,
    pub(super) code: &'a Sensitive,
    pub(super) signs: Option<&'a SignedText>,
    pub(super) device_id: Option<&'a str>,
}

/// Keyed hash of a contract.
pub(super) fn signs_index(work: &Work, signs: &SignedText) -> Blind {
    work.blind("signs", &format!("{}:{}", signs.loan, signs.document_hash))
}

/// The code of a challenge.
pub(super) fn code(work: &Work, challenge: OtpChallengeId) -> String {
    work.one_time_code(challenge.number())
}

/// What is stored and compared instead of a code. A code for a signature answers for one contract only.
pub(super) fn answer_index(work: &Work, challenge: OtpChallengeId, code: &str, signs: Option<&SignedText>) -> Blind {
    match signs {
        Some(SignedText { loan, document_hash }) => {
            work.blind("otp", &format!("{challenge}:{code}:{loan}:{document_hash}"))
        }
        None => work.blind("otp", &format!("{challenge}:{code}")),
    }
}

/// A phone number as E.164 writes it: `+`, country code, 8 to 15 digits in all.
///
/// Errors: `INVALID_FIELD`.
pub(super) fn parse_phone(phone: &Sensitive) -> Result<&str, Rejection> {
    let text = phone.reveal();
    let digits = text.strip_prefix('+').unwrap_or("");
    let good =
        (8..=15).contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
    if good {
        Ok(text)
    } else {
        Err(Rejection::invalid("phone", "E.164: + and 8 to 15 digits, no spaces", "+233201234567"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

    fn challenge() -> OtpChallenge {
        OtpChallenge::issue(OtpChallengeId::from_number(7), Blind([1; 16]), OtpPurpose::Register, Blind([2; 16]), NOW)
    }

    #[test]
    fn phones_are_e164() {
        for (text, good) in [
            ("+233201234567", true),
            ("+12345678", true),
            ("+123456789012345", true),
            ("+1234567", false),
            ("+1234567890123456", false),
            ("233201234567", false),
            ("+033201234567", false),
            ("+233 20 123", false),
            ("+23320123456x", false),
            ("+", false),
            ("", false),
        ] {
            assert_eq!(parse_phone(&Sensitive::new(text)).is_ok(), good, "{text:?}");
        }
    }

    #[test]
    fn every_state_meets_every_answer() {
        let id = OtpChallengeId::from_number(7);
        let (expired, exceeded) =
            (CustomerRejection::OtpExpired { challenge: id }, CustomerRejection::OtpAttemptsExceeded { challenge: id });
        let mismatch = CustomerRejection::OtpMismatch { challenge: id, attempts_left: Some(4) };
        let stranger = CustomerRejection::OtpMismatch { challenge: id, attempts_left: None };
        let answers = [
            (1, OtpPurpose::Register, 2, 0),
            (1, OtpPurpose::Register, 2, VALID_SECONDS - 1),
            (1, OtpPurpose::Register, 2, VALID_SECONDS),
            (9, OtpPurpose::Register, 2, 0),
            (1, OtpPurpose::Login, 2, 0),
            (1, OtpPurpose::Register, 9, 0),
        ];
        let closed = |refusal| [Err(refusal), Err(refusal), Err(refusal), Err(&stranger), Err(refusal), Err(refusal)];
        for (status, wanted) in [
            (OtpStatus::Open, [Ok(()), Ok(()), Err(&expired), Err(&stranger), Err(&mismatch), Err(&mismatch)]),
            (OtpStatus::Used, closed(&expired)),
            (OtpStatus::Exhausted, closed(&exceeded)),
        ] {
            for ((phone, purpose, answer, after), wanted) in answers.into_iter().zip(wanted) {
                let mut challenge = OtpChallenge { status, ..challenge() };
                let got = challenge.answer(Blind([phone; 16]), purpose, Blind([answer; 16]), NOW.plus_seconds(after));
                assert_eq!(got, wanted.map_err(Clone::clone), "{status:?} {purpose:?} {after}");
                let counts = wanted == Err(&mismatch);
                assert_eq!(challenge.attempts, u32::from(counts), "{status:?} {phone} {purpose:?}");
            }
        }
    }

    #[test]
    fn five_wrong_answers_end_a_challenge() {
        let mut challenge = challenge();
        for left in (0..ATTEMPTS_MAX).rev() {
            let wrong = challenge.answer(Blind([1; 16]), OtpPurpose::Register, Blind([9; 16]), NOW);
            let attempts_left = Some(left);
            assert_eq!(wrong, Err(CustomerRejection::OtpMismatch { challenge: challenge.id, attempts_left }));
        }
        let right = challenge.answer(Blind([1; 16]), OtpPurpose::Register, Blind([2; 16]), NOW);
        assert_eq!(right, Err(CustomerRejection::OtpAttemptsExceeded { challenge: challenge.id }));
    }
}
