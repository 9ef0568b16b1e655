//! From the approval to the signature.
//!
//! Invariant: what is signed is the text whose hash is on file, before it lapses, under a decision in force.
//! Invariant: every signed contract has its signature on record: who, when, which text, confirmed how.

use sycee_contract::{
    CalculateRepaymentPlan, CheckSignature, LoanApplicationAnswer, LoanApplicationApproved, LoanContractRendered,
    LoanContractSigned, LoanId, Rejection, RenderContract, SignLoanContract, SignatureProof, SignedText,
};
use sycee_runtime::{Halt, Handled, Work};

use super::application::{check_decision, unexpected};
use super::disbursement::seek_funds;
use super::machine::LoanSignal;
use super::model::{ContractSignature, CustomerLoans, LoanApplication, LoanOrder};
use super::{ALARM_CONTRACT, Canceller, agreed, call_people, cancel, set_alarm_at, stop_alarm};
use crate::{LoanPolicy, Step, TransactionRejection};

/// Has the contract of an approved loan rendered, with a plan that starts today.
pub(super) fn offer_contract(work: &mut Work, order: &mut LoanOrder, application: &LoanApplication) -> Handled<()> {
    let terms = &application.terms;
    let planned = work.ask(CalculateRepaymentPlan {
        loan: None,
        product: terms.product.clone(),
        version: terms.version,
        annual_rate: terms.annual_rate,
        principal: application.principal,
        term: application.term,
        start: work.today(),
    });
    match planned {
        Ok(plan) => {
            order.contract_total = Some(plan.total_due);
            work.send(RenderContract {
                loan: order.loan,
                customer: order.customer,
                template: terms.contract_template.clone(),
                language: application.language.clone(),
                plan,
            });
            Ok(())
        }
        Err(Halt::Refused(refusal)) => contract_impossible(work, order, &refusal),
        Err(fault) => Err(fault),
    }
}

/// There is no contract to sign: the loan ends, and people look at the product.
fn contract_impossible(work: &mut Work, order: &mut LoanOrder, refusal: &Rejection) -> Handled<()> {
    let text = format!(
        "no contract for {}: {}; correct the product, the customer has to apply again",
        order.loan, refusal.code
    );
    call_people(work, order.loan, "contract-not-rendered", text);
    cancel(work, order, Canceller::Lender, &refusal.code)?;
    Ok(())
}

/// The contract's template can't be rendered.
pub(super) fn on_render_refused(work: &mut Work, cmd: &RenderContract, refusal: &Rejection) -> Handled<()> {
    let Some(mut order) = work.get::<LoanOrder>(cmd.loan)? else { return Ok(()) };
    contract_impossible(work, &mut order, refusal)?;
    work.save(order);
    Ok(())
}

/// The text exists: the customer may sign it for some time, and no longer than the decision behind it holds.
pub(super) fn on_loan_contract_rendered(work: &mut Work, event: &LoanContractRendered) -> Handled<()> {
    let Some(mut order) = work.get::<LoanOrder>(event.loan)? else { return Ok(()) };
    if !order.moves(LoanSignal::OfferContract, work.now()) {
        return Ok(());
    }
    let application = agreed(work, event.loan)?;
    let hours = work.config::<LoanPolicy>().contract_valid_hours;
    let lapses_at = work.now().plus_minutes(i64::from(hours) * 60);
    let expires_at = order.decision_valid_until.map_or(lapses_at, |until| until.min(lapses_at));
    order.document = Some(event.document.document);
    order.document_hash = Some(event.document.hash.clone());
    order.contract_expires_at = Some(expires_at);
    set_alarm_at(work, order.loan, ALARM_CONTRACT, expires_at);
    work.emit(LoanApplicationApproved {
        loan: order.loan,
        customer: order.customer,
        amount: application.principal,
        contract: event.document.clone(),
        expires_at,
    });
    work.save(order);
    Ok(())
}

/// The customer signs: what follows finds a funder and pays.
///
/// Errors: `LOAN_NOT_YOURS`, `CONTRACT_HASH_MISMATCH`, `OFFER_EXPIRED` when the contract lapsed, `DECISION_EXPIRED`,
/// `CREDIT_LINE_FROZEN`.
pub(super) fn sign_loan_contract(work: &mut Work, cmd: &SignLoanContract) -> Handled<LoanApplicationAnswer> {
    let mut order = work.require::<LoanOrder>(cmd.loan)?;
    if order.customer != cmd.customer {
        return Err(TransactionRejection::LoanNotYours { loan: cmd.loan }.into());
    }
    match super::step(order.status, LoanSignal::Sign) {
        Step::AlreadyApplied => return Ok(LoanApplicationAnswer { loan: cmd.loan, status: order.status }),
        Step::Refused => return Err(unexpected(&order, "signed").into()),
        Step::To(_) => {}
    }
    check_signature(work, &order, cmd)?;
    let proof = proof(work, cmd)?;
    order.apply(LoanSignal::Sign, work.now());
    stop_alarm(work, order.loan, ALARM_CONTRACT);
    if let Some(document) = order.document {
        work.save(ContractSignature {
            loan: order.loan,
            customer: order.customer,
            document,
            document_hash: cmd.document_hash.clone(),
            signed_at: work.now(),
            signed_by: work.actor().to_owned(),
            challenge: cmd.challenge.filter(|_| proof.is_some()),
            confirmed_at: proof.as_ref().map(|proof| proof.confirmed_at),
            device_id: proof.map(|proof| proof.device_id),
        });
        work.emit(LoanContractSigned { loan: order.loan, customer: order.customer, document });
    }
    seek_funds(work, &mut order)?;
    let status = order.status;
    work.save(order);
    Ok(LoanApplicationAnswer { loan: cmd.loan, status })
}

fn check_signature(work: &mut Work, order: &LoanOrder, cmd: &SignLoanContract) -> Handled<()> {
    let loan = order.loan;
    if order.document_hash.as_deref() != Some(cmd.document_hash.as_str()) {
        return Err(TransactionRejection::ContractHashMismatch { loan }.into());
    }
    // A contract that lapsed with its decision is refused for the decision.
    if let Some(until) = order.contract_expires_at.filter(|&until| work.now() > until)
        && order.decision_valid_until != Some(until)
    {
        return Err(TransactionRejection::ContractLapsed { loan, until }.into());
    }
    check_decision(work, order)?;
    if work.get::<CustomerLoans>(order.customer)?.is_some_and(|loans| loans.line_frozen) {
        return Err(TransactionRejection::CreditLineFrozen { customer: order.customer }.into());
    }
    Ok(())
}

/// The proof that the customer confirmed this signature; none where the market asks for none.
///
/// Errors: `SIGNATURE_NOT_CONFIRMED`.
fn proof(work: &mut Work, cmd: &SignLoanContract) -> Handled<Option<SignatureProof>> {
    if !work.config::<LoanPolicy>().signing_otp {
        return Ok(None);
    }
    let missing = || TransactionRejection::SignatureNotConfirmed { loan: cmd.loan };
    let challenge = cmd.challenge.ok_or_else(missing)?;
    let signs = SignedText { loan: cmd.loan, document_hash: cmd.document_hash.clone() };
    let proof = work.ask(CheckSignature { customer: cmd.customer, challenge, signs })?;
    Ok(Some(proof.ok_or_else(missing)?))
}

/// Nobody signed in time.
pub(super) fn expire_contract(work: &mut Work, loan: LoanId) -> Handled<()> {
    let Some(mut order) = work.get::<LoanOrder>(loan)? else { return Ok(()) };
    if order.status == sycee_contract::LoanStatus::ContractPending
        && cancel(work, &mut order, Canceller::Lender, "CONTRACT_EXPIRED")?
    {
        work.save(order);
    }
    Ok(())
}
