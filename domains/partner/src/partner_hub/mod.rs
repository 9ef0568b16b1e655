//! Funders: their agreements, who pays their loans out, who collects them.
//!
//! Invariant: a partner code names one agreement for ever.
//! Invariant: an attempt that failed is never reported paid, nor the other way round: contradictions go to people.
//! Invariant: an attempt that a funder pays itself has an alarm until it ends, or a work order.
//! Invariant: a funder's report counts for what that funder was asked to pay, in the amount asked for.

mod disbursements;
mod model;
mod repayments;

pub use model::{
    DisbursementOutcome, DisbursementStatus, DisbursementStep, Partner, PartnerConfig, PartnerDay, PartnerDisbursement,
    PartnerLoan, PartnerReceipt, PartnerRepayment, PayoutWay, ReceiptStatus,
};

use sycee_contract::messages::{
    CreateRepaymentMethod, DisbursementRequested, ExternalRepaymentNotified, InitiatePayment, OpenWorkOrder,
    PaymentFailed, PaymentSucceeded, PollPartnerPayout, PostLedgerEvent, QueryPartner, RecordPartnerDisbursement,
    RegisterFundingContract, RepaymentRouteSelected, RequestDisbursement, RequestPartnerRepayment,
};
use sycee_contract::{
    FundingContractId, FundingContractSigned, LoanId, PartnerDisbursementFailed, PartnerDisbursementSucceeded,
    PartnerId, PartnerRepaymentReceived, PaymentDirection, Rejection, RepaymentMethodCreated, StrayPayoutReported,
};
use sycee_runtime::{Handled, Registry, Work};

use crate::PartnerRejection;

/// Registers this service. Configuration needed: [`PartnerConfig`].
pub fn register(registry: &mut Registry) {
    registry
        .service("partner-hub")
        .entity::<Partner>()
        .entity::<PartnerDisbursement>()
        .entity::<PartnerLoan>()
        .entity::<PartnerRepayment>()
        .entity::<PartnerReceipt>()
        .entity::<PartnerDay>()
        .handles::<RegisterFundingContract>(register_funding_contract)
        .handles::<QueryPartner>(query_partner)
        .handles::<RecordPartnerDisbursement>(disbursements::record_partner_disbursement)
        .handles::<PollPartnerPayout>(disbursements::poll_partner_payout)
        .handles::<RequestPartnerRepayment>(repayments::request_partner_repayment)
        .on::<DisbursementRequested>(disbursements::on_disbursement_requested)
        .on::<PaymentSucceeded>(on_payment_succeeded)
        .on::<PaymentFailed>(disbursements::on_payment_failed)
        .on::<RepaymentRouteSelected>(repayments::on_repayment_route_selected)
        .on::<ExternalRepaymentNotified>(repayments::on_external_repayment)
        .on_refusal::<RequestDisbursement>(disbursements::on_request_disbursement_refused)
        .on_refusal::<InitiatePayment>(disbursements::on_initiate_payment_refused)
        .on_refusal::<CreateRepaymentMethod>(repayments::on_create_method_refused)
        .on_refusal::<PostLedgerEvent>(repayments::on_suspense_refused)
        .passes_on::<ExternalRepaymentNotified>()
        .emits::<FundingContractSigned>()
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

/// Registers an agreement. The same terms again give the same agreement; other terms under the code are refused.
fn register_funding_contract(work: &mut Work, cmd: &RegisterFundingContract) -> Handled<FundingContractId> {
    if let Some(existing) = work.find_one(Partner::by_code(cmd.code.clone()))? {
        if existing.agrees_with(cmd) {
            return Ok(existing.contract);
        }
        return Err(
            PartnerRejection::FundingContractExists { code: cmd.code.clone(), contract: existing.contract }.into()
        );
    }
    if cmd.is_own
        && let Some(own) = work.find_one(Partner::by_own(true))?
    {
        return Err(Rejection::invalid("isOwn", format!("own funds are {} already", own.code), "false").into());
    }
    let (partner, contract) = (work.new_id(), work.new_id());
    let partner = Partner::sign(partner, contract, cmd, work.now())?;
    work.emit(partner.signed());
    work.save(partner);
    Ok(contract)
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
