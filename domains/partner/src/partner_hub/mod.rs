//! Funders: their agreements, who pays their loans out, who collects them.
//!
//! Invariant: a partner code names one agreement for ever; `agreement` says what of it may change.
//! Invariant: an attempt that failed is never reported paid, nor the other way round: contradictions go to people.
//! Invariant: an attempt that a funder pays itself has an alarm until it ends, or a work order.
//! Invariant: a funder's report counts for what that funder was asked to pay, in the amount asked for.
//! Invariant: money that our channel and our bank tell of is booked for its loan once; when they tell of different amounts,
//! what was told later waits in suspense for people.

mod agreement;
mod disbursements;
mod model;
mod repayments;

pub use agreement::{PLANNED_MAX, PartnerTerms};
pub use model::{
    DisbursementOutcome, DisbursementStatus, DisbursementStep, Partner, PartnerConfig, PartnerDay, PartnerDisbursement,
    PartnerLoan, PartnerReceipt, PartnerRepayment, PayoutWay, ReceiptStatus,
};

use sycee_contract::messages::{
    AmendFundingContract, BusinessDateAdvanced, ClaimBankReference, CollectionReferenceLearned, CreateRepaymentMethod,
    DisbursementRequested, ExternalRepaymentNotified, InitiatePayment, OpenWorkOrder, PaymentFailed, PaymentSucceeded,
    PollPartnerPayout, PostLedgerEvent, QueryPartner, RecordPartnerDisbursement, RegisterFundingContract,
    RepaymentRouteSelected, RequestDisbursement, RequestPartnerRepayment,
};
use sycee_contract::{
    FundingContractAmended, FundingContractSigned, LoanId, PartnerDisbursementFailed, PartnerDisbursementSucceeded,
    PartnerId, PartnerRepaymentReceived, PaymentDirection, RepaymentMethodCreated, StrayPayoutReported,
};
use sycee_runtime::{Handled, Registry, Work};

/// Registers this service. Configuration needed: [`PartnerConfig`].
pub fn register(registry: &mut Registry) {
    registry
        .service("partner-hub")
        .entity::<Partner>()
        .entity::<PartnerTerms>()
        .entity::<PartnerDisbursement>()
        .entity::<PartnerLoan>()
        .entity::<PartnerRepayment>()
        .entity::<PartnerReceipt>()
        .entity::<PartnerDay>()
        .handles::<RegisterFundingContract>(agreement::register_funding_contract)
        .handles::<AmendFundingContract>(agreement::amend_funding_contract)
        .handles::<ClaimBankReference>(repayments::claim_bank_reference)
        .handles::<QueryPartner>(query_partner)
        .handles::<RecordPartnerDisbursement>(disbursements::record_partner_disbursement)
        .handles::<PollPartnerPayout>(disbursements::poll_partner_payout)
        .handles::<RequestPartnerRepayment>(repayments::request_partner_repayment)
        .on::<BusinessDateAdvanced>(agreement::on_business_date_advanced)
        .on::<DisbursementRequested>(disbursements::on_disbursement_requested)
        .on::<PaymentSucceeded>(on_payment_succeeded)
        .on::<PaymentFailed>(disbursements::on_payment_failed)
        .on::<CollectionReferenceLearned>(repayments::on_reference_learned)
        .on::<RepaymentRouteSelected>(repayments::on_repayment_route_selected)
        .on::<ExternalRepaymentNotified>(repayments::on_external_repayment)
        .on_refusal::<RequestDisbursement>(disbursements::on_request_disbursement_refused)
        .on_refusal::<InitiatePayment>(disbursements::on_initiate_payment_refused)
        .on_refusal::<CreateRepaymentMethod>(repayments::on_create_method_refused)
        .on_refusal::<PostLedgerEvent>(repayments::on_suspense_refused)
        .passes_on::<ExternalRepaymentNotified>()
        .emits::<FundingContractSigned>()
        .emits::<FundingContractAmended>()
        .emits::<PartnerDisbursementFailed>()
        .emits::<PartnerDisbursementSucceeded>()
        .emits::<PartnerRepaymentReceived>()
        .emits::<RepaymentMethodCreated>()
        .sends::<CreateRepaymentMethod>()
        .sends::<InitiatePayment>()
        .sends::<OpenWorkOrder>()
        .sends::<PostLedgerEvent>()
        .sends::<RequestDisbursement>()
        .sends::<PollPartnerPayout>()
        .emits::<StrayPayoutReported>();
}

/// Tells whether a partner pays and collects with its own system.
fn query_partner(work: &mut Work, cmd: &QueryPartner) -> Handled<bool> {
    Ok(work.require::<Partner>(cmd.partner)?.collects_itself())
}

/// Our channel moved money: out to a borrower, or in from one.
fn on_payment_succeeded(work: &mut Work, event: &PaymentSucceeded) -> Handled<()> {
    match event.direction {
        PaymentDirection::Payout => disbursements::on_payout_succeeded(work, event),
        PaymentDirection::Collection => repayments::on_collection_succeeded(work, event),
    }
}

/// Counts in a partner's day.
fn count(work: &mut Work, partner: PartnerId, change: impl FnOnce(&mut PartnerDay)) -> Handled<()> {
    let today = work.today();
    let mut day = work.get::<PartnerDay>((partner, today))?.unwrap_or_else(|| PartnerDay::quiet(partner, today));
    change(&mut day);
    work.save(day);
    Ok(())
}

fn open_work_order(work: &mut Work, kind: &str, loan: Option<LoanId>, text: String, subject: &str) {
    work.send(OpenWorkOrder { kind: kind.to_owned(), loan, text, key: format!("{kind}-{subject}") });
}
