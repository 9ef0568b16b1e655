//! Partners, and what they are asked to do.

use serde::Deserialize;
use sycee_contract::{
    CustomerId, Date, DisbursementOrderId, FundAccountId, FundingContractId, FundingTerms, LoanId, PartnerId,
    PaymentId, RepaymentMethodKind, RepaymentOrderId, ReservationId, Timestamp,
};
use sycee_money::{Currency, Money};
use sycee_runtime::{Json, entity, text_enum};

/// What the market configures about partners.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PartnerConfig {
    /// Seconds for which a repayment method of a self-collecting partner works.
    pub method_seconds: i64,
    /// Minutes until a partner that pays itself is first asked about a payout; doubles with each poll.
    pub poll_first_minutes: i64,
    /// Polls before people have to ask.
    pub polls_max: u32,
}

impl Default for PartnerConfig {
    fn default() -> Self {
        Self { method_seconds: 86_400, poll_first_minutes: 15, polls_max: 8 }
    }
}

text_enum! {
    /// Who sends a loan's money.
    pub enum PayoutWay {
        /// We, out of own funds.
        OwnFunds,
        /// We, for a partner.
        OurChannels,
        /// The partner's own system.
        PartnerSystem,
    }
}

text_enum! {
    /// States of a disbursement attempt.
    pub enum DisbursementStatus {
        /// Handed to its payer.
        Requested,
        /// The borrower has the money.
        Succeeded,
        /// The borrower does not.
        Failed,
    }
}

text_enum! {
    /// How a disbursement attempt ended.
    pub enum DisbursementOutcome {
        /// Paid.
        Paid,
        /// Not paid.
        NotPaid,
    }
}

/// What an outcome does to a disbursement attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisbursementStep {
    /// It ends so.
    End(DisbursementStatus),
    /// It ended so before.
    AlreadyApplied,
    /// It ended otherwise before.
    Conflict,
}

text_enum! {
    /// What became of money that somebody outside told of.
    pub enum ReceiptStatus {
        /// Passed on for its loan.
        Matched,
        /// In suspense.
        Unmatched,
        /// Booked by fund management: a funder's money, or a payout that came back.
        Claimed,
    }
}

entity! {
    /// A funding partner with its agreement.
    pub struct Partner in "partner" of "partner-hub" key id: PartnerId {
        /// The partner.
        id: PartnerId,
        /// The agreement.
        contract: FundingContractId,
        /// Code.
        code: String,
        /// Name.
        name: String,
        /// Country.
        country: String,
        /// Currency.
        currency: Currency,
        /// By first day: the terms of the day of its last change, then those agreed for later.
        terms: Json<Vec<FundingTerms>>,
        /// Number of its newest [`PartnerTerms`](super::PartnerTerms).
        version: i64,
        /// Whether it pays and collects with its own system.
        pays_itself: bool,
        /// Whether it is the lender itself.
        is_own: bool,
        /// When the agreement was signed.
        signed_at: Timestamp,
    }
    unique index by_code(code: String);
    index by_own(is_own: bool);
}

entity! {
    /// One attempt to pay a loan out.
    pub struct PartnerDisbursement in "partner_disbursement" of "partner-hub" key order: DisbursementOrderId {
        /// The attempt.
        order: DisbursementOrderId,
        /// The loan.
        loan: LoanId,
        /// The customer.
        customer: CustomerId,
        /// The funder.
        funder: PartnerId,
        /// Its account.
        fund_account: FundAccountId,
        /// The reservation it uses.
        reservation: ReservationId,
        /// How much.
        amount: Money,
        /// Who sends it.
        way: PayoutWay,
        /// State.
        status: DisbursementStatus,
        /// Our payment, when ours.
        payment: Option<PaymentId>,
        /// The payer's reference; of an attempt that failed, that of the stray payout which was reported for it.
        reference: Option<String>,
        /// Why it failed.
        reason: Option<String>,
        /// Number of the effect that asks a partner that pays itself.
        effect: Option<i64>,
        /// How often a partner that pays itself was asked what became of it.
        polls: u32,
        /// When it was asked for.
        requested_at: Timestamp,
        /// When it ended.
        ended_at: Option<Timestamp>,
    }
}

entity! {
    /// A loan that was paid out, with its funder: how money from outside finds it.
    pub struct PartnerLoan in "partner_loan" of "partner-hub" key loan: LoanId {
        /// The loan.
        loan: LoanId,
        /// Its funder.
        funder: PartnerId,
    }
}

entity! {
    /// A repayment that is being collected.
    pub struct PartnerRepayment in "partner_repayment" of "partner-hub" key order: RepaymentOrderId {
        /// The repayment order.
        order: RepaymentOrderId,
        /// The loan.
        loan: LoanId,
        /// The customer.
        customer: CustomerId,
        /// The funder.
        funder: PartnerId,
        /// How much is asked for.
        amount: Money,
        /// How it is paid.
        method: RepaymentMethodKind,
        /// Whether the funder collects it.
        collects_itself: bool,
        /// When it was asked for last.
        requested_at: Timestamp,
    }
}

entity! {
    /// Money that came under a reference; once.
    pub struct PartnerReceipt in "partner_receipt" of "partner-hub" key reference: String {
        /// Our payment or the receiver, and the reference there.
        reference: String,
        /// The loan, when known.
        loan: Option<LoanId>,
        /// The order, when known.
        order: Option<RepaymentOrderId>,
        /// How much.
        amount: Money,
        /// Our payment, when a channel of ours told of it.
        payment: Option<PaymentId>,
        /// What became of it.
        status: ReceiptStatus,
        /// Whose suspense it went to, or for whom fund management booked it; none when it is on a loan, or in no book.
        holder: Option<PartnerId>,
        /// When it was told.
        at: Timestamp,
    }
}

entity! {
    /// What went through a partner on a day: its monitoring.
    pub struct PartnerDay in "partner_day" of "partner-hub" key (partner, day): (PartnerId, Date) {
        /// The partner.
        partner: PartnerId,
        /// Business day.
        day: Date,
        /// Attempts handed over.
        requested: u32,
        /// Attempts that paid.
        paid: u32,
        /// Attempts that failed.
        failed: u32,
        /// Repayments routed to it.
        repayments_routed: u32,
        /// Repayments received.
        repayments_received: u32,
    }
}

impl PartnerReceipt {
    /// Whether a report of `amount` tells of this very money: what both know of it is the same.
    pub fn is_told_by(&self, loan: Option<LoanId>, order: Option<RepaymentOrderId>, amount: Money) -> bool {
        self.amount == amount && self.is_about(loan, order)
    }

    /// Whether loan and order of a report are those of this money, as far as both know them.
    pub fn is_about(&self, loan: Option<LoanId>, order: Option<RepaymentOrderId>) -> bool {
        agree(self.loan, loan) && agree(self.order, order)
    }

    /// Whether somebody outside told of it, and no channel of ours yet.
    pub fn is_notice(&self) -> bool {
        self.payment.is_none() && self.status != ReceiptStatus::Claimed
    }
}

fn agree<T: PartialEq>(known: Option<T>, told: Option<T>) -> bool {
    known.is_none() || told.is_none() || known == told
}

impl PartnerDisbursement {
    /// Whether a report of money under `reference` may tell of the money that is known: without a reference on both sides
    /// nothing says that it is another payout. `false` when no money is known.
    pub fn knows_money_of(&self, reference: &str) -> bool {
        let known = self.reference.as_deref();
        known.is_some_and(|known| known.is_empty() || reference.is_empty() || known == reference)
    }
}

impl DisbursementStatus {
    /// What `outcome` does in this state.
    pub const fn step(self, outcome: DisbursementOutcome) -> DisbursementStep {
        match (self, outcome) {
            (Self::Requested, DisbursementOutcome::Paid) => DisbursementStep::End(Self::Succeeded),
            (Self::Requested, DisbursementOutcome::NotPaid) => DisbursementStep::End(Self::Failed),
            (Self::Succeeded, DisbursementOutcome::Paid) => DisbursementStep::AlreadyApplied,
            (Self::Failed, DisbursementOutcome::NotPaid) => DisbursementStep::AlreadyApplied,
            (Self::Succeeded, DisbursementOutcome::NotPaid) => DisbursementStep::Conflict,
            (Self::Failed, DisbursementOutcome::Paid) => DisbursementStep::Conflict,
        }
    }
}

impl PartnerDay {
    /// A quiet day.
    pub fn quiet(partner: PartnerId, day: Date) -> Self {
        Self { partner, day, requested: 0, paid: 0, failed: 0, repayments_routed: 0, repayments_received: 0 }
    }
}

impl Partner {
    /// Who sends the money of its loans.
    pub fn payout_way(&self) -> PayoutWay {
        match (self.is_own, self.pays_itself) {
            (true, _) => PayoutWay::OwnFunds,
            (false, false) => PayoutWay::OurChannels,
            (false, true) => PayoutWay::PartnerSystem,
        }
    }

    /// Whether it collects repayments itself.
    pub fn collects_itself(&self) -> bool {
        self.payout_way() == PayoutWay::PartnerSystem
    }
}
