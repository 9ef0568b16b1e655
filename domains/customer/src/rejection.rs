//! Why the customer domain refuses a request.

use std::collections::BTreeMap;

use sycee_contract::{CustomerId, OtpChallengeId, Timestamp};
use sycee_runtime::{Coded, refusable};

/// A refused request of the customer domain. Texts never carry personal data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CustomerRejection {
    /// Too many one-time passwords for a phone.
    #[error("this phone has had {sent} one-time passwords in 15 minutes: ask again at {retry_at}")]
    OtpRateLimited {
        /// How many were sent.
        sent: usize,
        /// When the next one may be asked for.
        retry_at: Timestamp,
    },
    /// A challenge is too old, or was answered before.
    #[error("challenge {challenge} no longer works: ask for another one-time password")]
    OtpExpired {
        /// The challenge.
        challenge: OtpChallengeId,
    },
    /// The code, or the phone, is not the challenge's.
    #[error("phone and code do not answer challenge {challenge}: {}", tries(*attempts_left))]
    OtpMismatch {
        /// The challenge.
        challenge: OtpChallengeId,
        /// Attempts left; unknown to whoever names another phone.
        attempts_left: Option<u32>,
    },
    /// Too many wrong answers for a phone, whatever the challenges.
    #[error("this phone was answered for wrongly {wrong} times in a day: ask for a one-time password at {retry_at}")]
    OtpAnswersExceeded {
        /// How many wrong answers.
        wrong: usize,
        /// When answers count again.
        retry_at: Timestamp,
    },
    /// Too many wrong answers.
    #[error("challenge {challenge} was answered wrongly too often: ask for another one-time password")]
    OtpAttemptsExceeded {
        /// The challenge.
        challenge: OtpChallengeId,
    },
    /// The phone belongs to a customer.
    #[error("this phone belongs to a registered customer: log in instead")]
    PhoneAlreadyRegistered,
    /// The phone belongs to nobody.
    #[error("nobody has registered with this phone: register first")]
    PhoneNotRegistered,
    /// The phone, the device or the document is on the blacklist.
    #[error("this {kind} is not admitted: contact customer service")]
    Blacklisted {
        /// `phone`, `device` or `customer`.
        kind: &'static str,
    },
    /// The customer is identified already.
    #[error("customer {customer} has passed KYC: nothing to hand in")]
    KycAlreadyPassed {
        /// The customer.
        customer: CustomerId,
    },
    /// The document belongs to somebody else.
    #[error("this document identifies another customer: hand in a document of your own")]
    DocumentAlreadyUsed,
    /// Too many documents in a day.
    #[error("customer {customer} has handed in {submissions} documents in a day: hand in the next at {retry_at}")]
    KycSubmissionsExceeded {
        /// The customer.
        customer: CustomerId,
        /// How many documents.
        submissions: usize,
        /// When the next may be handed in.
        retry_at: Timestamp,
    },
    /// There is no KYC verdict yet.
    #[error("customer {customer} has no KYC verdict yet: hand in a document and wait for the result")]
    KycNotCompleted {
        /// The customer.
        customer: CustomerId,
    },
}

fn tries(attempts_left: Option<u32>) -> String {
    match attempts_left {
        Some(left) => format!("{left} attempts left"),
        None => "check both, or ask for another one-time password".to_owned(),
    }
}

impl Coded for CustomerRejection {
    fn code(&self) -> &'static str {
        match self {
            Self::OtpRateLimited { .. } => "OTP_RATE_LIMITED",
            Self::OtpExpired { .. } => "OTP_EXPIRED",
            Self::OtpMismatch { .. } => "OTP_MISMATCH",
            Self::OtpAttemptsExceeded { .. } => "OTP_ATTEMPTS_EXCEEDED",
            Self::OtpAnswersExceeded { .. } => "OTP_ANSWERS_EXCEEDED",
            Self::PhoneAlreadyRegistered => "PHONE_ALREADY_REGISTERED",
            Self::PhoneNotRegistered => "PHONE_NOT_REGISTERED",
            Self::Blacklisted { .. } => "BLACKLISTED",
            Self::KycAlreadyPassed { .. } => "KYC_ALREADY_PASSED",
            Self::DocumentAlreadyUsed => "DOCUMENT_ALREADY_USED",
            Self::KycSubmissionsExceeded { .. } => "KYC_SUBMISSIONS_EXCEEDED",
            Self::KycNotCompleted { .. } => "KYC_NOT_COMPLETED",
        }
    }

    fn details(&self) -> BTreeMap<String, String> {
        match self {
            Self::OtpRateLimited { retry_at, .. }
            | Self::OtpAnswersExceeded { retry_at, .. }
            | Self::KycSubmissionsExceeded { retry_at, .. } => [("retryAt".to_owned(), retry_at.to_string())].into(),
            Self::OtpMismatch { attempts_left: Some(left), .. } => {
                [("attemptsLeft".to_owned(), left.to_string())].into()
            }
            Self::Blacklisted { kind } => [("kind".to_owned(), (*kind).to_owned())].into(),
            _ => BTreeMap::new(),
        }
    }
}
refusable!(CustomerRejection);
