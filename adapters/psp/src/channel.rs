//! What every payment channel can do, in the words of mobile-money aggregators (MTN MoMo collections and disbursements).

use sycee_contract::messages::RecordPaymentResult;
use sycee_contract::{ChannelOutcome, ChannelPayment, ChannelQuery, PaymentDirection, Timestamp};
use sycee_money::Money;

/// A rail that moves money: takes requests, answers by callback, and can be asked.
pub trait PaymentChannel {
    /// Hands a request in. `request_id` is the idempotency key: the second submission is [`Submitted::Duplicate`].
    fn submit(&mut self, now: Timestamp, request: &ChannelPayment) -> Submitted;

    /// What became of a request, as of `now`; `None` when the channel never took it.
    fn query(&mut self, now: Timestamp, query: &ChannelQuery) -> Option<Callback>;

    /// Callbacks due up to and including `now`, in the order they are sent.
    fn take_due(&mut self, now: Timestamp) -> Vec<Callback>;

    /// When [`PaymentChannel::take_due`] has something to do next.
    fn next_due(&self) -> Option<Timestamp>;

    /// Money that moved at or after `from` and before `to`, in booking order.
    fn statement(&self, from: Timestamp, to: Timestamp) -> Vec<StatementRow>;
}

/// The synchronous answer to a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// Taken; the outcome follows by callback.
    Accepted,
    /// The request id was used before; nothing new happens.
    Duplicate,
    /// Not taken; there will be no callback.
    Refused {
        /// Why.
        reason: FailureReason,
    },
}

impl Submitted {
    /// What has to be recorded at once: a refusal is a failed payment, an accepted request is awaited.
    ///
    /// `attempts` counts the submissions before this one. The first of several may have been taken although its answer was
    /// lost: then a refusal says nothing of it, and the outcome is found by query.
    pub fn to_result(self, request: &ChannelPayment, attempts: u32) -> Option<RecordPaymentResult> {
        let Self::Refused { reason } = self else { return None };
        if attempts > 0 {
            return None;
        }
        Some(RecordPaymentResult {
            request_id: request.request_id.clone(),
            channel_reference: String::new(),
            outcome: ChannelOutcome::Failed,
            reason: Some(reason.code().to_owned()),
            amount: None,
            paid_at: None,
        })
    }
}

/// What a channel says about a request, by callback or when asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    /// The request.
    pub request_id: String,
    /// The channel's reference.
    pub channel_reference: String,
    /// Pending, successful or failed.
    pub outcome: ChannelOutcome,
    /// Why it failed.
    pub reason: Option<FailureReason>,
    /// What moved, when it moved.
    pub amount: Option<Money>,
    /// When it moved.
    pub paid_at: Option<Timestamp>,
}

impl From<Callback> for RecordPaymentResult {
    fn from(callback: Callback) -> Self {
        Self {
            request_id: callback.request_id,
            channel_reference: callback.channel_reference,
            outcome: callback.outcome,
            reason: callback.reason.map(|reason| reason.code().to_owned()),
            amount: callback.amount,
            paid_at: callback.paid_at,
        }
    }
}

/// Why a request failed, after the MTN MoMo API's error reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureReason {
    /// The payer, or our float, has too little.
    NotEnoughFunds,
    /// The payer's limit for a transaction or day.
    PayerLimitReached,
    /// Nobody has this number.
    PayeeNotFound,
    /// The payer said no.
    ApprovalRejected,
    /// The payer did not answer in time.
    Expired,
    /// The channel broke.
    InternalProcessingError,
    /// The account may not do this.
    NotAllowed,
    /// The request's currency is not the channel's.
    InvalidCurrency,
    /// The channel is down for maintenance.
    ServiceUnavailable,
}

impl FailureReason {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotEnoughFunds => "NOT_ENOUGH_FUNDS",
            Self::PayerLimitReached => "PAYER_LIMIT_REACHED",
            Self::PayeeNotFound => "PAYEE_NOT_FOUND",
            Self::ApprovalRejected => "APPROVAL_REJECTED",
            Self::Expired => "EXPIRED",
            Self::InternalProcessingError => "INTERNAL_PROCESSING_ERROR",
            Self::NotAllowed => "NOT_ALLOWED",
            Self::InvalidCurrency => "INVALID_CURRENCY",
            Self::ServiceUnavailable => "SERVICE_UNAVAILABLE",
        }
    }
}

/// What a payer does with a request to pay. A pull under a mandate asks nobody: an empty wallet stops it, a no does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayerDecision {
    /// Approves within the channel's usual time.
    Pay,
    /// Approves after that many seconds; the request may expire before.
    PayLater(i64),
    /// Says no.
    Reject,
    /// Does nothing; the request expires unless [`crate::SimulatedChannel::pay`] is called before.
    Ignore,
    /// Approves, but the wallet is too empty.
    NotEnoughFunds,
    /// Sends that much instead, as a transfer to an account number can; as asked, when it is no money of the channel's.
    PayOther(Money),
}

/// One movement on the float account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementRow {
    /// When it was booked.
    pub at: Timestamp,
    /// The request; empty for a top-up of the float.
    pub request_id: String,
    /// The channel's reference.
    pub channel_reference: String,
    /// Out to a customer, or in.
    pub direction: PaymentDirection,
    /// How much, more than zero.
    pub amount: Money,
    /// The float after it.
    pub balance: Money,
}
