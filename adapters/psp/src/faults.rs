//! How a simulated channel misbehaves: by rates drawn from its seed, and by test numbers for tests that want one fault.

use crate::{FailureReason, SplitMix64};

/// Rates of misbehaviour, each in parts per thousand of requests. All zero by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelFaults {
    /// Refused at submission with `SERVICE_UNAVAILABLE`.
    pub refused_per_mille: u32,
    /// Taken, then failed with `INTERNAL_PROCESSING_ERROR`.
    pub failed_per_mille: u32,
    /// The callback comes twice.
    pub duplicate_per_mille: u32,
    /// The callback comes `late_seconds` after the outcome.
    pub late_per_mille: u32,
    /// The callback never comes; only a query finds the outcome.
    pub lost_per_mille: u32,
    /// One minor unit less than what was asked: so much of a collection moves, so much is told of a payout, which moves
    /// whole and waits for people.
    pub wrong_amount_per_mille: u32,
    /// How late a late callback, or the second of two, is; in seconds.
    pub late_seconds: i64,
}

impl ChannelFaults {
    /// Faults as a bad day in production has them: 3 % lost, 2 % doubled, 2 % late by two hours, 1 % failed, 0.4 % of a
    /// wrong amount.
    pub const fn rough() -> Self {
        Self {
            refused_per_mille: 2,
            failed_per_mille: 10,
            duplicate_per_mille: 20,
            late_per_mille: 20,
            lost_per_mille: 30,
            wrong_amount_per_mille: 4,
            late_seconds: 7_200,
        }
    }
}

/// Rates of answers that are no clear yes, each in parts per thousand of cases. All zero by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IdentityFaults {
    /// A blurred picture or a dark video: people have to look.
    pub doubtful_per_mille: u32,
    /// A picture that cannot be read, or nobody alive in the video.
    pub failed_per_mille: u32,
}

impl IdentityFaults {
    /// Pictures as people take them: 7 % are doubtful, 5 % fail.
    pub const fn rough() -> Self {
        Self { doubtful_per_mille: 70, failed_per_mille: 50 }
    }
}

/// What an account number asks for by its last four digits; people in simulations should not have such numbers.
///
/// | suffix | payout | collection |
/// |---|---|---|
/// | 9901 | fails `NOT_ENOUGH_FUNDS` | fails `NOT_ENOUGH_FUNDS` |
/// | 9902 | fails `PAYEE_NOT_FOUND` | fails `PAYEE_NOT_FOUND` |
/// | 9903 | fails `PAYER_LIMIT_REACHED` | fails `PAYER_LIMIT_REACHED` |
/// | 9904 | fails `NOT_ALLOWED` | fails `NOT_ALLOWED` |
/// | 9905 | fails `INTERNAL_PROCESSING_ERROR` | fails `INTERNAL_PROCESSING_ERROR` |
/// | 9906 | fails `APPROVAL_REJECTED` | fails `APPROVAL_REJECTED` |
/// | 9907 | stays pending, then fails `EXPIRED` | the same |
/// | 9908 | succeeds, callback lost | the same |
/// | 9909 | succeeds, callback twice | the same |
/// | 9910 | succeeds, callback late | the same |
/// | 9911 | succeeds, callback tells one minor unit less | succeeds with one minor unit less |
/// | 9912 | refused at submission, `SERVICE_UNAVAILABLE` | the same |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestNumber {
    /// The request fails for this reason.
    Fails(FailureReason),
    /// The request expires.
    Expires,
    /// The callback is lost.
    LosesCallback,
    /// The callback comes twice.
    DoublesCallback,
    /// The callback is late.
    DelaysCallback,
    /// A payout is told, a collection moves, with another amount.
    MisstatesAmount,
    /// Refused at submission.
    Refused,
}

impl TestNumber {
    /// What `number` asks for; `None` for an ordinary number.
    pub fn of(number: &str) -> Option<Self> {
        let suffix = number.len().checked_sub(4).and_then(|start| number.get(start..))?;
        Some(match suffix {
            "9901" => Self::Fails(FailureReason::NotEnoughFunds),
            "9902" => Self::Fails(FailureReason::PayeeNotFound),
            "9903" => Self::Fails(FailureReason::PayerLimitReached),
            "9904" => Self::Fails(FailureReason::NotAllowed),
            "9905" => Self::Fails(FailureReason::InternalProcessingError),
            "9906" => Self::Fails(FailureReason::ApprovalRejected),
            "9907" => Self::Expires,
            "9908" => Self::LosesCallback,
            "9909" => Self::DoublesCallback,
            "9910" => Self::DelaysCallback,
            "9911" => Self::MisstatesAmount,
            "9912" => Self::Refused,
            _ => return None,
        })
    }
}

/// What will go wrong with one request, drawn when it is submitted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FaultPlan {
    pub(crate) refused: bool,
    pub(crate) fails: Option<FailureReason>,
    pub(crate) expires: bool,
    pub(crate) duplicate: bool,
    pub(crate) late: bool,
    pub(crate) lost: bool,
    pub(crate) wrong_amount: bool,
}

impl FaultPlan {
    /// A test number decides alone; otherwise the rates do. Every rate is drawn, so that one does not shift the next.
    pub(crate) fn draw(number: &str, faults: &ChannelFaults, random: &mut SplitMix64) -> Self {
        let drawn = Self {
            refused: random.hits(faults.refused_per_mille),
            fails: random.hits(faults.failed_per_mille).then_some(FailureReason::InternalProcessingError),
            expires: false,
            duplicate: random.hits(faults.duplicate_per_mille),
            late: random.hits(faults.late_per_mille),
            lost: random.hits(faults.lost_per_mille),
            wrong_amount: random.hits(faults.wrong_amount_per_mille),
        };
        let none = Self::default();
        match TestNumber::of(number) {
            None => drawn,
            Some(TestNumber::Fails(reason)) => Self { fails: Some(reason), ..none },
            Some(TestNumber::Expires) => Self { expires: true, ..none },
            Some(TestNumber::LosesCallback) => Self { lost: true, ..none },
            Some(TestNumber::DoublesCallback) => Self { duplicate: true, ..none },
            Some(TestNumber::DelaysCallback) => Self { late: true, ..none },
            Some(TestNumber::MisstatesAmount) => Self { wrong_amount: true, ..none },
            Some(TestNumber::Refused) => Self { refused: true, ..none },
        }
    }
}
