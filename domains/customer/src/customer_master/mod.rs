//! Customer master: the golden record of a customer in this market, and where the customer stands in life.
//!
//! Invariant: the stage follows from the messages alone; what is known already changes nothing.
//! Invariant: a customer with an open loan is a borrower, whatever was decided since.

mod model;

use sycee_contract::{
    CustomerId, CustomerRegistered, CustomerStageChanged, DisbursementSucceeded, KycCompleted, QueryProductOffer,
    Rejection, RepaymentSucceeded, RiskDecisionMade, RiskPurpose,
};
use sycee_runtime::{Handled, Json, Registry, Work};

pub use model::{CustomerMaster, CustomerStage, LifeEvent};

/// Registers the customer master.
pub fn register(registry: &mut Registry) {
    registry
        .service("customer-master")
        .entity::<CustomerMaster>()
        .on::<CustomerRegistered>(open_golden_record)
        .on::<KycCompleted>(note_verdict)
        .on::<RiskDecisionMade>(on_risk_decision)
        .on::<DisbursementSucceeded>(on_disbursement)
        .on::<RepaymentSucceeded>(on_repayment)
        .on_refusal::<QueryProductOffer>(preview_refused);
}

fn open_golden_record(work: &mut Work, event: &CustomerRegistered) -> Handled<()> {
    if work.get::<CustomerMaster>(event.customer)?.is_some() {
        return Ok(());
    }
    let now = work.now();
    work.save(CustomerMaster {
        customer: event.customer,
        market: event.market.clone(),
        channel: event.channel.clone(),
        language: event.language.clone(),
        stage: CustomerStage::Registered,
        stage_since: now,
        kyc_verdict: None,
        open_loans: Json(Vec::new()),
        preview_refusal: None,
    });
    Ok(())
}

fn note_verdict(work: &mut Work, event: &KycCompleted) -> Handled<()> {
    let Some(mut master) = work.get::<CustomerMaster>(event.customer)? else { return Ok(()) };
    master.kyc_verdict = Some(event.verdict);
    work.save(master);
    Ok(())
}

fn on_risk_decision(work: &mut Work, event: &RiskDecisionMade) -> Handled<()> {
    if event.purpose != RiskPurpose::Admission {
        return Ok(());
    }
    advance(work, event.subject.customer, LifeEvent::Decided(event.outcome))
}

fn on_disbursement(work: &mut Work, event: &DisbursementSucceeded) -> Handled<()> {
    advance(work, event.customer, LifeEvent::Disbursed(event.loan))
}

fn on_repayment(work: &mut Work, event: &RepaymentSucceeded) -> Handled<()> {
    if !event.settled {
        return Ok(());
    }
    advance(work, event.customer, LifeEvent::Settled(event.loan))
}

fn advance(work: &mut Work, customer: CustomerId, life: LifeEvent) -> Handled<()> {
    let Some(mut master) = work.get::<CustomerMaster>(customer)? else { return Ok(()) };
    let from = master.stage;
    master.live(life, work.now());
    let to = master.stage;
    work.save(master);
    if from == to {
        return Ok(());
    }
    work.emit(CustomerStageChanged { customer, from: from.label().to_owned(), to: to.label().to_owned() });
    if to == CustomerStage::Admitted {
        work.send(QueryProductOffer { customer, preview: true, detail: None });
    }
    Ok(())
}

/// An admitted customer stays admitted when there is nothing to show yet; the record says why.
fn preview_refused(work: &mut Work, cmd: &QueryProductOffer, refusal: &Rejection) -> Handled<()> {
    let Some(mut master) = work.get::<CustomerMaster>(cmd.customer)? else { return Ok(()) };
    master.preview_refusal = Some(refusal.code.clone());
    work.save(master);
    Ok(())
}
