//! One-time passwords: who may ask for one, and what an answer is worth.
//!
//! Invariant: three passwords a phone in 15 minutes, five answers a password, five minutes to answer (seed 000, A5).

use sycee_contract::{Identifier as _, OtpChallengeId, OtpPurpose, Rejection, Sensitive, SignedText, Timestamp};
use sycee_runtime::{Blind, Handled, Json, Work, entity, text_enum};

use crate::CustomerRejection;

/// How long a code works, in seconds.
pub const VALID_SECONDS: i64 = 5 * 60;
/// Length of the rate-limiting window, in seconds.
pub const WINDOW_SECONDS: i64 = 15 * 60;
/// Passwords a phone in one window.
pub const PER_WINDOW_MAX: usize = 3;
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
    /// When a phone was sent passwords.
    pub struct PhoneOtpWindow in "phone_otp_window" of "customer-center" key phone_index: Blind {
        /// Blind index of the phone.
        phone_index: Blind,
        /// Passwords sent in the last window, oldest first.
        sent: Json<Vec<Timestamp>>,
    }
}

impl PhoneOtpWindow {
    /// Takes one of the window's passwords.
    ///
    /// Errors: `OTP_RATE_LIMITED` when none is left; the window does not change.
    pub fn take(&mut self, now: Timestamp) -> Result<(), CustomerRejection> {
        let recent: Vec<Timestamp> =
            self.sent.iter().copied().filter(|at| now.seconds_since(*at) < WINDOW_SECONDS).collect();
        if let (Some(first), true) = (recent.first(), recent.len() >= PER_WINDOW_MAX) {
            let retry_at = first.plus_seconds(WINDOW_SECONDS);
            return Err(CustomerRejection::OtpRateLimited { sent: recent.len(), retry_at });
        }
        self.sent = Json(recent);
        self.sent.push(now);
        Ok(())
    }
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

    /// Answers the challenge. A wrong code, phone or purpose costs an attempt.
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
        match self.status {
            OtpStatus::Exhausted => return Err(CustomerRejection::OtpAttemptsExceeded { challenge }),
            OtpStatus::Used => return Err(CustomerRejection::OtpExpired { challenge }),
            OtpStatus::Open if now >= self.expires_at => return Err(CustomerRejection::OtpExpired { challenge }),
            OtpStatus::Open => {}
        }
        if (self.phone_index, self.purpose, self.answer_index) == (phone_index, purpose, answer) {
            self.status = OtpStatus::Used;
            self.answered_at = Some(now);
            return Ok(());
        }
        self.attempts += 1;
        if self.attempts >= ATTEMPTS_MAX {
            self.status = OtpStatus::Exhausted;
        }
        Err(CustomerRejection::OtpMismatch { challenge, attempts_left: ATTEMPTS_MAX.saturating_sub(self.attempts) })
    }
}

/// Answers a challenge, and keeps what it cost whatever becomes of the request.
///
/// Errors: `NOT_FOUND`, `OTP_ATTEMPTS_EXCEEDED`, `OTP_EXPIRED`, `OTP_MISMATCH`.
pub(super) fn answer(work: &mut Work, id: OtpChallengeId, given: &Given) -> Handled<OtpChallenge> {
    let answer = answer_index(work, id, given.code.reveal(), given.signs);
    let mut challenge = work.require::<OtpChallenge>(id)?;
    let answered = challenge.answer(given.phone_index, given.purpose, answer, work.now());
    if answered.is_ok() {
        challenge.device_id = given.device_id.map(str::to_owned);
    }
    work.save_even_if_refused(challenge.clone());
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
        let mismatch = CustomerRejection::OtpMismatch { challenge: id, attempts_left: 4 };
        let answers = [
            (1, OtpPurpose::Register, 2, 0),
            (1, OtpPurpose::Register, 2, VALID_SECONDS - 1),
            (1, OtpPurpose::Register, 2, VALID_SECONDS),
            (9, OtpPurpose::Register, 2, 0),
            (1, OtpPurpose::Login, 2, 0),
            (1, OtpPurpose::Register, 9, 0),
        ];
        for (status, wanted) in [
            (OtpStatus::Open, [Ok(()), Ok(()), Err(&expired), Err(&mismatch), Err(&mismatch), Err(&mismatch)]),
            (OtpStatus::Used, [Err(&expired); 6]),
            (OtpStatus::Exhausted, [Err(&exceeded); 6]),
        ] {
            for ((phone, purpose, answer, after), wanted) in answers.into_iter().zip(wanted) {
                let mut challenge = OtpChallenge { status, ..challenge() };
                let got = challenge.answer(Blind([phone; 16]), purpose, Blind([answer; 16]), NOW.plus_seconds(after));
                assert_eq!(got, wanted.map_err(Clone::clone), "{status:?} {purpose:?} {after}");
            }
        }
    }

    #[test]
    fn five_wrong_answers_end_a_challenge() {
        let mut challenge = challenge();
        for left in (0..ATTEMPTS_MAX).rev() {
            let wrong = challenge.answer(Blind([1; 16]), OtpPurpose::Register, Blind([9; 16]), NOW);
            assert_eq!(wrong, Err(CustomerRejection::OtpMismatch { challenge: challenge.id, attempts_left: left }));
        }
        let right = challenge.answer(Blind([1; 16]), OtpPurpose::Register, Blind([2; 16]), NOW);
        assert_eq!(right, Err(CustomerRejection::OtpAttemptsExceeded { challenge: challenge.id }));
    }

    #[test]
    fn a_window_slides() {
        let mut window = PhoneOtpWindow { phone_index: Blind([1; 16]), sent: Json(Vec::new()) };
        for (after, granted) in
            [(0, true), (60, true), (120, true), (121, false), (899, false), (900, true), (901, false)]
        {
            assert_eq!(window.take(NOW.plus_seconds(after)).is_ok(), granted, "after {after} s");
        }
        assert_eq!(window.sent.len(), PER_WINDOW_MAX);
    }
}
