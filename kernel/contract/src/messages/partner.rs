//! Partner domain: the funders' side of payouts and repayments.

use sycee_money::Money;

use crate::message::{commands, events};
use crate::{
    ChannelOutcome, CustomerId, DisbursementOrderId, FundAccountId, LoanId, MandateId, PartnerId, PaymentId,
    RepaymentMethodKind, RepaymentOrderId, ReservationId, Timestamp,
};

commands! {
    /// Asks the partner hub to have a repayment collected.
    "request-partner-repayment" RequestPartnerRepayment -> () {
        owner: "partner-hub", nature: Request, errors: ["DIRECT_DEBIT_NOT_OFFERED"],
        undo: none "a way to pay that nobody uses expires",
    } fields {
        /// The order.
        order: RepaymentOrderId,
        /// The loan.
        loan: LoanId,
        /// The customer.
        customer: CustomerId,
        /// Who funded the loan.
        funder: PartnerId,
        /// How much.
        amount: Money,
        /// How.
        method: RepaymentMethodKind,
        /// The mandate, for a pull.
        mandate: Option<MandateId>,
    }

    /// Tells whether a partner pays and collects with its own system.
    "query-partner" QueryPartner -> bool {
        owner: "partner-hub", nature: Query,
        undo: none "it changes nothing",
    } fields {
        /// The partner.
        partner: PartnerId,
    }

    /// Keeps the bank's reference of money that came in for no loan: a funder's, or a payout that came back.
    "claim-bank-reference" ClaimBankReference -> () {
        owner: "partner-hub", nature: Request, errors: ["BANK_REFERENCE_USED"],
        undo: none "a reference stands for its money for ever",
    } fields {
        /// Whose fund account the money is in.
        partner: PartnerId,
        /// The bank's reference.
        bank_reference: String,
        /// How much came in.
        amount: Money,
    }

    /// What a funder that pays itself reports about a disbursement.
    "record-partner-disbursement" RecordPartnerDisbursement -> () {
        owner: "partner-hub", nature: Fact,
        undo: none "a partner's report is a fact",
    } fields {
        /// The attempt.
        order: DisbursementOrderId,
        /// Who reports: the funder that was asked to pay.
        partner: PartnerId,
        /// The partner's reference.
        partner_reference: String,
        /// What it says.
        outcome: ChannelOutcome,
        /// Why it failed.
        reason: Option<String>,
        /// What the partner says it paid; what it was asked for, if it says nothing.
        amount: Option<Money>,
    }

    /// A funder that pays itself has not answered for long: ask it. The partner hub's own alarm.
    "poll-partner-payout" PollPartnerPayout -> () {
        owner: "partner-hub", nature: Fact,
        undo: none "asking again changes nothing",
    } fields {
        /// The attempt.
        order: DisbursementOrderId,
    }
}

events! {
    /// A partner or our payment system paid a loan out.
    "partner-disbursement-succeeded" PartnerDisbursementSucceeded { producers: ["partner-hub"] } fields {
        /// The attempt.
        order: DisbursementOrderId,
        /// The loan.
        loan: LoanId,
        /// The funder.
        funder: PartnerId,
        /// The account.
        fund_account: FundAccountId,
        /// The reservation it used.
        reservation: ReservationId,
        /// How much.
        amount: Money,
        /// Our payment, when ours.
        payment: Option<PaymentId>,
        /// The partner's or channel's reference.
        reference: String,
    }

    /// A partner did not pay a loan out.
    "partner-disbursement-failed" PartnerDisbursementFailed { producers: ["partner-hub"] } fields {
        /// The attempt.
        order: DisbursementOrderId,
        /// The loan.
        loan: LoanId,
        /// The funder.
        funder: PartnerId,
        /// The reservation.
        reservation: ReservationId,
        /// Why.
        reason: String,
    }

    /// A way to pay exists.
    "repayment-method-created" RepaymentMethodCreated { producers: ["partner-hub", "payment-system"] } fields {
        /// The order.
        order: RepaymentOrderId,
        /// The loan.
        loan: LoanId,
        /// The customer.
        customer: CustomerId,
        /// How.
        method: RepaymentMethodKind,
        /// How much.
        amount: Money,
        /// What to show: QR content, account number, link.
        content: String,
        /// Our payment, when ours.
        payment: Option<PaymentId>,
        /// It works until then.
        expires_at: Timestamp,
    }

    /// Somebody outside says that money arrived for a loan.
    "external-repayment-notified" ExternalRepaymentNotified { producers: ["partner-hub"] } fields {
        /// The receiver's own reference; money is taken once a receiver and reference.
        reference: String,
        /// The funder that received it; own funds when absent.
        funder: Option<PartnerId>,
        /// The order, when known.
        order: Option<RepaymentOrderId>,
        /// The loan, when known.
        loan: Option<LoanId>,
        /// How much.
        amount: Money,
        /// When it was paid; when the market learns of it, if the notice does not say.
        paid_at: Option<Timestamp>,
    }

    /// Money for a loan arrived.
    "partner-repayment-received" PartnerRepaymentReceived { producers: ["partner-hub"] } fields {
        /// Our payment or the receiver, and the reference there: one of its kind in the market; money is taken once a reference.
        reference: String,
        /// The order, when known.
        order: Option<RepaymentOrderId>,
        /// The loan, when known.
        loan: Option<LoanId>,
        /// The funder that received it; of the loan when absent.
        funder: Option<PartnerId>,
        /// How much.
        amount: Money,
        /// Our payment, when ours.
        payment: Option<PaymentId>,
        /// When it was paid.
        paid_at: Timestamp,
    }
}

impl ExternalRepaymentNotified {
    /// Receiver and reference, by which the market may know the money: at our bank (`own`), and at a funder that collects
    /// itself, if that is the receiver. What stands under the other one is other money: its loan tells.
    pub fn receipts(&self) -> impl Iterator<Item = String> {
        let at_funder = self.funder.map(|funder| format!("{funder}/{}", self.reference));
        at_funder.into_iter().chain([format!("own/{}", self.reference)])
    }
}
