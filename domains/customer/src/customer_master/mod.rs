//! Customer master: the golden record of a customer in this market, and where the customer stands in life.
//!
//! The record is made of events alone, and carries nothing that names a person: names, numbers and addresses stay sealed
//! with the customer center and the KYC service, under the same id.
//!
//! Invariant: the stage follows from the messages alone; what is known already changes nothing.
//! Invariant: a customer with an open loan is a borrower, whatever was decided since.

mod model;

use sycee_contract::{
    BlacklistEntryAdded, BlacklistEntryRemoved, ConsentGranted, ConsentRevoked, CreditLimitChanged, CreditLineApproved,
    CreditLineFrozen, CustomerDetailsUpdated, CustomerId, CustomerLoggedIn, CustomerRegistered, CustomerSegmentChanged,
    CustomerStageChanged, DisbursementSucceeded, KycCompleted, KycSubmitted, QueryProductOffer, Rejection,
    RepaymentKind, RepaymentSucceeded, RiskDecisionMade, RiskPurpose,
};
use sycee_runtime::{Handled, Registry, Work};

pub use model::{CustomerMaster, CustomerStage, IdentityNews, IdentityStatus, LifeEvent};

/// Registers the customer master.
pub fn register(registry: &mut Registry) {
    registry
        .service("customer-master")
        .entity::<CustomerMaster>()
        .on::<CustomerRegistered>(open_golden_record)
        .on::<CustomerLoggedIn>(note_login)
        .on::<CustomerDetailsUpdated>(note_details)
        .on::<KycSubmitted>(note_document)
        .on::<KycCompleted>(note_verdict)
        .on::<ConsentGranted>(note_consents)
        .on::<ConsentRevoked>(note_withdrawal)
        .on::<CustomerSegmentChanged>(note_segment)
        .on::<CreditLineApproved>(note_line)
        .on::<CreditLimitChanged>(note_limit)
        .on::<CreditLineFrozen>(note_freeze)
        .on::<BlacklistEntryAdded>(note_blacklisted)
        .on::<BlacklistEntryRemoved>(note_cleared)
        .on::<RiskDecisionMade>(on_risk_decision)
        .on::<DisbursementSucceeded>(on_disbursement)
        .on::<RepaymentSucceeded>(on_repayment)
        .on_refusal::<QueryProductOffer>(preview_refused)
        .emits::<CustomerStageChanged>()
        .sends::<QueryProductOffer>();
}

fn open_golden_record(work: &mut Work, event: &CustomerRegistered) -> Handled<()> {
    if work.read::<CustomerMaster>(event.customer)?.is_none() {
        let now = work.now();
        work.save(CustomerMaster::open(event, now));
    }
    Ok(())
}

/// Changes the record, if there is one and `change` changes anything.
fn change(work: &mut Work, customer: CustomerId, change: impl FnOnce(&mut CustomerMaster)) -> Handled<()> {
    let Some(before) = work.read::<CustomerMaster>(customer)? else { return Ok(()) };
    let mut after = CustomerMaster::clone(&before);
    change(&mut after);
    if after != *before {
        work.save(after);
    }
    Ok(())
}

fn note_login(work: &mut Work, event: &CustomerLoggedIn) -> Handled<()> {
    let now = work.now();
    change(work, event.customer, |master| {
        master.last_seen_at = now;
        master.last_device_id.clone_from(&event.device_id);
    })
}

fn note_details(work: &mut Work, event: &CustomerDetailsUpdated) -> Handled<()> {
    change(work, event.customer, |master| master.know(&event.known))
}

fn note_document(work: &mut Work, event: &KycSubmitted) -> Handled<()> {
    change(work, event.customer, |master| {
        master.identity = master.identity.after(IdentityNews::Submitted);
        master.document_type = Some(event.document_type.clone());
    })
}

fn note_verdict(work: &mut Work, event: &KycCompleted) -> Handled<()> {
    change(work, event.customer, |master| {
        master.identity = master.identity.after(IdentityNews::Decided(event.verdict));
    })
}

fn note_consents(work: &mut Work, event: &ConsentGranted) -> Handled<()> {
    change(work, event.customer, |master| {
        master.consents.extend(event.kinds.iter().copied());
        master.consents.sort_unstable();
        master.consents.dedup();
        master.consents_complete = event.complete;
        master.notice_version = Some(event.notice_version.clone());
    })
}

fn note_withdrawal(work: &mut Work, event: &ConsentRevoked) -> Handled<()> {
    change(work, event.customer, |master| {
        master.consents.retain(|kind| !event.kinds.contains(kind));
        master.consents_complete = event.complete;
    })
}

fn note_segment(work: &mut Work, event: &CustomerSegmentChanged) -> Handled<()> {
    change(work, event.customer, |master| master.segment.clone_from(&event.to))
}

fn note_line(work: &mut Work, event: &CreditLineApproved) -> Handled<()> {
    change(work, event.customer, |master| {
        master.credit_limit = Some(event.limit);
        master.risk_tier = Some(event.tier.clone());
    })
}

fn note_limit(work: &mut Work, event: &CreditLimitChanged) -> Handled<()> {
    change(work, event.line.customer, |master| master.credit_limit = Some(event.line.limit))
}

fn note_freeze(work: &mut Work, event: &CreditLineFrozen) -> Handled<()> {
    change(work, event.line.customer, |master| master.line_frozen_for = event.frozen.then(|| event.reason.clone()))
}

fn note_blacklisted(work: &mut Work, event: &BlacklistEntryAdded) -> Handled<()> {
    event
        .customers
        .iter()
        .try_for_each(|customer| change(work, *customer, |master| master.blacklisted_for = Some(event.reason.clone())))
}

fn note_cleared(work: &mut Work, event: &BlacklistEntryRemoved) -> Handled<()> {
    event.customers.iter().try_for_each(|customer| change(work, *customer, |master| master.blacklisted_for = None))
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
    let life = match event.kind {
        RepaymentKind::Cancel => LifeEvent::Cancelled(event.loan),
        RepaymentKind::Normal | RepaymentKind::EarlySettlement => LifeEvent::Settled(event.loan),
    };
    advance(work, event.customer, life)
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
    change(work, cmd.customer, |master| master.preview_refusal = Some(refusal.code.clone()))
}
