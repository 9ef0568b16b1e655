//! A payment order: one request to a channel, from sending to a final answer.
//!
//! Invariant: a payout that failed never becomes a success: money that went out all the same is reported as a stray payout.
//! Invariant: a stray payout is of the amount that was ordered: another one is a channel's mistake until people know better.
//! Invariant: a payout that was disputed before it was decided is decided by a report that agrees with the order.
//! Invariant: money that a payer moved is taken whenever it comes, also after the order expired or failed.
//! Invariant: a final answer counts once.

use sycee_contract::{
    ChannelOutcome, CustomerId, DisbursementOrderId, FundAccountId, LoanId, MandateId, PaymentDirection, PaymentId,
    PaymentPurpose, RepaymentMethodKind, RepaymentOrderId, ReservationId, Sensitive, Timestamp,
};
use sycee_money::Money;
use sycee_runtime::{entity, text_enum};

text_enum! {
    /// States of a payment order.
    pub enum PaymentStatus {
        /// At the channel.
        Sent,
        /// A collection nobody paid in time; still taken if somebody does.
        Expired,
        /// Money moved.
        Succeeded,
        /// Money did not move.
        Failed,
        /// The channel contradicts itself or the order: people decide.
        Disputed,
    }
}

/// What a channel's answer does to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaymentStep {
    /// Money moved as ordered.
    Succeed,
    /// A payer moved another amount: it is taken as it came, and people are told.
    SucceedWithOtherAmount,
    /// Money did not move.
    Fail,
    /// Money did not move, as was told when the order expired or failed.
    Close,
    /// The channel reports an amount that can't be: the order waits for a better report, or for people.
    Dispute,
    /// Money went out that no loan takes: the attempt had failed, or is paid twice.
    Stray,
    /// A payer paid again, under another reference: it is the loan's, and people are told.
    TakeAgain,
    /// A final answer is contradicted: it stands, people are told.
    Contradiction,
    /// Nothing new.
    AlreadyApplied,
}

entity! {
    /// One request to a channel.
    pub struct PaymentOrder in "payment_order" of "payment-system" key id: PaymentId {
        /// The payment; its text, such as `pay-17`, is the request id.
        id: PaymentId,
        /// Which way.
        direction: PaymentDirection,
        /// The loan.
        loan: LoanId,
        /// The customer.
        customer: CustomerId,
        /// The disbursement attempt.
        disbursement: Option<DisbursementOrderId>,
        /// The repayment order.
        repayment: Option<RepaymentOrderId>,
        /// The fund account whose money moves.
        fund_account: Option<FundAccountId>,
        /// The reservation it uses.
        reservation: Option<ReservationId>,
        /// How much.
        amount: Money,
        /// Channel.
        channel: String,
        /// Wallet or account number; empty when the payer is not known.
        number: Sensitive,
        /// How the payer pays, for a repayment.
        method: Option<RepaymentMethodKind>,
        /// The mandate it is pulled under.
        mandate: Option<MandateId>,
        /// State.
        status: PaymentStatus,
        /// The channel's reference.
        channel_reference: Option<String>,
        /// Why it failed, as the channel's code.
        reason: Option<String>,
        /// What moved, when something did.
        moved: Option<Money>,
        /// Number of the effect that hands it to the channel.
        effect: i64,
        /// Polls so far.
        polls: u32,
        /// When it was sent.
        sent_at: Timestamp,
        /// Nobody is expected to pay after this.
        expires_at: Option<Timestamp>,
        /// When a final answer came.
        settled_at: Option<Timestamp>,
    }
    subject customer;
}

impl PaymentOrder {
    /// What it is for, as messages carry it.
    pub fn purpose(&self) -> PaymentPurpose {
        PaymentPurpose {
            loan: self.loan,
            customer: self.customer,
            disbursement: self.disbursement,
            repayment: self.repayment,
            fund_account: self.fund_account,
            reservation: self.reservation,
        }
    }

    /// Whether an answer is still awaited.
    pub fn is_open(&self) -> bool {
        match self.status {
            PaymentStatus::Sent | PaymentStatus::Expired => true,
            PaymentStatus::Disputed => self.awaits_a_better_report(),
            PaymentStatus::Succeeded | PaymentStatus::Failed => false,
        }
    }

    /// Whether nobody is expected to pay any more.
    pub fn is_past_expiry(&self, now: Timestamp) -> bool {
        self.status == PaymentStatus::Sent && self.expires_at.is_some_and(|expires_at| expires_at <= now)
    }

    /// What a channel's answer does. `told` is what the channel says was moved; the ordered amount when it says nothing.
    pub fn step(&self, outcome: ChannelOutcome, told: Option<Money>, channel_reference: &str) -> PaymentStep {
        use ChannelOutcome::{Failed, Pending, Successful};
        use PaymentStatus as Status;
        let repeated = channel_reference.is_empty()
            || self.channel_reference.as_deref().is_none_or(|reference| reference == channel_reference);
        let same_amount = told.is_none_or(|told| told == self.moved.unwrap_or(self.amount));
        let told = told.unwrap_or(self.amount);
        let is_money = told.is_positive() && told.currency() == self.amount.currency();
        let is_ordered = told == self.amount;
        match (self.status, outcome) {
            (Status::Sent | Status::Expired, Pending) => PaymentStep::AlreadyApplied,
            (Status::Sent, Failed) => PaymentStep::Fail,
            (Status::Sent | Status::Expired, Successful) => self.success(told),
            (Status::Expired, Failed) => PaymentStep::Close,

            (Status::Succeeded, Pending) => PaymentStep::AlreadyApplied,
            (Status::Succeeded, Successful) if repeated && same_amount => PaymentStep::AlreadyApplied,
            (Status::Succeeded, Successful) if !repeated && is_money => match self.direction {
                PaymentDirection::Collection => PaymentStep::TakeAgain,
                PaymentDirection::Payout if is_ordered => PaymentStep::Stray,
                PaymentDirection::Payout => PaymentStep::Contradiction,
            },
            (Status::Succeeded, Successful | Failed) => PaymentStep::Contradiction,

            (Status::Failed, Pending | Failed) => PaymentStep::AlreadyApplied,
            (Status::Failed, Successful) => match self.direction {
                PaymentDirection::Collection => self.success(told),
                PaymentDirection::Payout if is_ordered => PaymentStep::Stray,
                PaymentDirection::Payout => PaymentStep::Contradiction,
            },

            (Status::Disputed, Pending) => PaymentStep::AlreadyApplied,
            (Status::Disputed, Successful) if self.awaits_a_better_report() => self.success(told),
            (Status::Disputed, Failed) if self.reason.is_none() => PaymentStep::Fail,
            (Status::Disputed, Failed) if self.awaits_a_better_report() => PaymentStep::Close,
            (Status::Disputed, Failed) => PaymentStep::AlreadyApplied,
            (Status::Disputed, Successful) if repeated && same_amount => PaymentStep::AlreadyApplied,
            (Status::Disputed, Successful) if !repeated && is_ordered => PaymentStep::Stray,
            (Status::Disputed, Successful) => PaymentStep::Contradiction,
        }
    }

    /// Whether a disputed order can still be decided by its channel: a payout had not failed before, and what a payer moved
    /// is taken whenever it comes.
    pub fn awaits_a_better_report(&self) -> bool {
        self.status == PaymentStatus::Disputed
            && (self.direction == PaymentDirection::Collection || self.reason.is_none())
    }

    fn success(&self, told: Money) -> PaymentStep {
        if told == self.amount {
            return PaymentStep::Succeed;
        }
        match self.direction {
            PaymentDirection::Collection if told.currency() == self.amount.currency() && told.is_positive() => {
                PaymentStep::SucceedWithOtherAmount
            }
            PaymentDirection::Collection | PaymentDirection::Payout => PaymentStep::Dispute,
        }
    }

    /// Learns under which reference the money moved that was decided without one; says whether it did.
    pub fn learn_reference(&mut self, outcome: ChannelOutcome, channel_reference: &str) -> bool {
        let moved = matches!(self.status, PaymentStatus::Succeeded | PaymentStatus::Disputed);
        let learns = moved
            && outcome == ChannelOutcome::Successful
            && self.channel_reference.is_none()
            && !channel_reference.is_empty();
        if learns {
            self.channel_reference = Some(channel_reference.to_owned());
        }
        learns
    }

    /// Ends in `status` with what the channel told.
    pub fn settle(&mut self, status: PaymentStatus, channel_reference: &str, at: Timestamp) {
        self.status = status;
        self.settled_at = Some(at);
        if !channel_reference.is_empty() {
            self.channel_reference = Some(channel_reference.to_owned());
        }
    }

    /// Minutes until the next poll, after the polls so far; doubles each time.
    pub fn poll_minutes(&self, first: i64) -> i64 {
        first.saturating_mul(1 << self.polls.min(20))
    }
}

entity! {
    /// A mandate to pull installments of a loan; one a loan.
    pub struct DirectDebitMandate in "direct_debit_mandate" of "payment-system" key loan: LoanId {
        /// The loan.
        loan: LoanId,
        /// The mandate.
        id: MandateId,
        /// The customer.
        customer: CustomerId,
        /// Channel.
        channel: String,
        /// Wallet or account number.
        number: Sensitive,
        /// Holder's name.
        holder: Sensitive,
        /// When it was given.
        created_at: Timestamp,
    }
    subject customer;
}

entity! {
    /// The account that a payment of a customer was last sent to or asked from: where a request to pay goes. It proves
    /// nothing: the customer approves what is asked.
    pub struct PayerAccount in "payer_account" of "payment-system" key customer: CustomerId {
        /// The customer.
        customer: CustomerId,
        /// Channel.
        channel: String,
        /// Wallet or account number.
        number: Sensitive,
        /// Holder's name.
        holder: Sensitive,
    }
    subject customer;
}

entity! {
    /// The wallet that took the last payout of a customer: the one that a mandate may be given on.
    pub struct PaidWallet in "paid_wallet" of "payment-system" key customer: CustomerId {
        /// The customer.
        customer: CustomerId,
        /// Channel.
        channel: String,
        /// Wallet or account number.
        number: Sensitive,
    }
    subject customer;
}

entity! {
    /// The payment of a disbursement attempt: the guard against paying twice.
    pub struct DisbursementPayment in "disbursement_payment" of "payment-system" key disbursement: DisbursementOrderId {
        /// The attempt.
        disbursement: DisbursementOrderId,
        /// Its payment.
        payment: PaymentId,
    }
}

entity! {
    /// A repayment that is expected, with its newest payment.
    pub struct ExpectedCollection in "expected_collection" of "payment-system" key order: RepaymentOrderId {
        /// The repayment order.
        order: RepaymentOrderId,
        /// The loan.
        loan: LoanId,
        /// How much is expected.
        amount: Money,
        /// How it will be paid.
        method: RepaymentMethodKind,
        /// Its newest payment, when it is collected by us.
        payment: Option<PaymentId>,
        /// What came, when something did.
        collected: Option<Money>,
    }
}
