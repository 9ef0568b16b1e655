//! credit-center: applications for a credit line, decided by risk or, where the market wants it, by people.
//!
//! Invariant: a limit is granted at most as high as it was asked for, and only while the application is open.
//! Invariant: nothing is granted on a risk decision that may not be used any more, about the application or the customer.
//! Invariant: a work order is open for every Referred application, unless people closed it.
//! Invariant: the customer's `open_application` names an application that is Submitted or Referred, or nothing.

mod model;

pub use model::{ApplicationStatus, CreditApplication, CreditCustomer, Finding, Step, check_amount};

use std::collections::BTreeMap;

use sycee_contract::{
    ApplyForCredit, CreditApplicationAnswer, CreditApplicationId, CreditApplicationReferred, CreditApplicationRejected,
    CreditLineApproved, ExecuteRiskReview, LINE_MAX, NOTE_MAX, OpenWorkOrder, ResolveWorkOrder,
    ReviewCreditApplication, RiskDecisionMade, RiskOutcome, RiskPurpose, RiskSubject, check_text,
};
use sycee_money::Money;
use sycee_runtime::{Fault, Handled, Json, Registry, Work};

use crate::{CreditPolicy, CreditRejection};

/// Registers the service.
pub fn register(registry: &mut Registry) {
    registry
        .service("credit-center")
        .entity::<CreditApplication>()
        .entity::<CreditCustomer>()
        .handles::<ApplyForCredit>(apply_for_credit)
        .handles::<ReviewCreditApplication>(review_credit_application)
        .on::<RiskDecisionMade>(on_risk_decision)
        .emits::<CreditApplicationReferred>()
        .emits::<CreditApplicationRejected>()
        .emits::<CreditLineApproved>()
        .sends::<ExecuteRiskReview>()
        .sends::<OpenWorkOrder>()
        .sends::<ResolveWorkOrder>();
}

fn apply_for_credit(work: &mut Work, cmd: &ApplyForCredit) -> Handled<CreditApplicationAnswer> {
    check_amount("requested", cmd.requested, work.market().currency)?;
    check_text("purpose", &cmd.purpose, LINE_MAX, "education")?;
    let Some(mut customer) = work.get::<CreditCustomer>(cmd.customer)? else {
        return Err(CreditRejection::CustomerNotAdmitted { customer: cmd.customer }.into());
    };
    customer.check_may_apply(&work.config::<CreditPolicy>(), work.now())?;
    let application = CreditApplication {
        id: work.new_id(),
        customer: cmd.customer,
        requested: cmd.requested,
        purpose: cmd.purpose.clone(),
        status: ApplicationStatus::Submitted,
        decision: None,
        decision_valid_until: None,
        tier: String::new(),
        reasons: Json(vec![]),
        granted: None,
        reviewer: None,
        note: None,
        created_at: work.now(),
        decided_at: None,
    };
    let answer = CreditApplicationAnswer { application: application.id };
    if !customer.is_admitted(work.now()) {
        work.send(ExecuteRiskReview {
            purpose: RiskPurpose::Admission,
            subject: RiskSubject { customer: cmd.customer, application: None, loan: None },
            requested: None,
            facts: BTreeMap::new(),
        });
    }
    customer.open_application = Some(application.id);
    let mut facts = cmd.facts.clone();
    facts.insert("purpose".to_owned(), cmd.purpose.clone());
    work.send(ExecuteRiskReview {
        purpose: RiskPurpose::Credit,
        subject: RiskSubject { customer: cmd.customer, application: Some(application.id), loan: None },
        requested: Some(cmd.requested),
        facts,
    });
    work.save(customer);
    work.save(application);
    Ok(answer)
}

fn review_credit_application(work: &mut Work, cmd: &ReviewCreditApplication) -> Handled<()> {
    check_text("note", &cmd.note, NOTE_MAX, "income confirmed by phone")?;
    let mut application = work.require::<CreditApplication>(cmd.application)?;
    let finding = if cmd.limit.is_some() { Finding::PersonApproved } else { Finding::PersonRejected };
    let step = application.step(finding)?;
    if step == Step::AlreadyApplied {
        let same = cmd.limit == application.granted;
        return if same { Ok(()) } else { Err(application.decided_otherwise(finding).into()) };
    }
    application.reviewer = Some(work.actor().to_owned());
    application.note = Some(cmd.note.clone());
    match cmd.limit {
        Some(limit) => {
            application.check_limit(limit)?;
            application.check_decision(work.now())?;
            check_admitted(work, &application)?;
            grant(work, application, limit)?;
        }
        None => refuse(work, application, vec!["MANUAL_REJECTION".to_owned()])?,
    }
    let note = "decided with review-credit-application".to_owned();
    work.send(ResolveWorkOrder { key: review_key(cmd.application), note });
    Ok(())
}

/// Errors: `ApplicantNotAdmitted` when the customer's admission was refused or has run out meanwhile.
fn check_admitted(work: &mut Work, application: &CreditApplication) -> Handled<()> {
    let customer = application.customer;
    let known = work.get::<CreditCustomer>(customer)?;
    if known.is_some_and(|known| known.is_admitted(work.now())) {
        return Ok(());
    }
    Err(CreditRejection::ApplicantNotAdmitted { customer, application: application.id }.into())
}

/// The key of the work order that asks people to decide an application.
fn review_key(application: CreditApplicationId) -> String {
    format!("credit-review-{application}")
}

fn on_risk_decision(work: &mut Work, event: &RiskDecisionMade) -> Handled<()> {
    match event.purpose {
        RiskPurpose::Admission => admit(work, event),
        RiskPurpose::Credit => decide(work, event),
        RiskPurpose::Distribution | RiskPurpose::Drawdown => Ok(()),
    }
}

fn admit(work: &mut Work, event: &RiskDecisionMade) -> Handled<()> {
    let admitted = event.outcome == RiskOutcome::Approve;
    let customer = event.subject.customer;
    let known = work.get::<CreditCustomer>(customer)?;
    work.save(match known {
        Some(known) => {
            CreditCustomer { admitted, admission: event.decision, admission_valid_until: event.valid_until, ..known }
        }
        None => CreditCustomer {
            customer,
            admitted,
            admission: event.decision,
            admission_valid_until: event.valid_until,
            open_application: None,
            rejected_at: None,
            line_valid_until: None,
        },
    });
    Ok(())
}

fn decide(work: &mut Work, event: &RiskDecisionMade) -> Handled<()> {
    let Some(id) = event.subject.application else { return Ok(()) };
    let known = work.get::<CreditApplication>(id)?;
    let Some(mut application) = known.filter(|known| known.customer == event.subject.customer) else { return Ok(()) };
    let now = work.now();
    let admitted = work.read::<CreditCustomer>(application.customer)?.is_some_and(|customer| customer.is_admitted(now));
    let limit = event.limit.unwrap_or(application.requested).min(application.requested)?;
    let finding = match event.outcome {
        _ if !admitted => Finding::RiskRejected,
        RiskOutcome::Approve if limit.is_positive() => Finding::RiskApproved,
        RiskOutcome::Review if work.market().manual_review => Finding::RiskReferred,
        RiskOutcome::Approve | RiskOutcome::Review | RiskOutcome::Reject => Finding::RiskRejected,
    };
    let Some(step) = application.status.step(finding) else { return Ok(()) };
    application.decision = Some(event.decision);
    application.decision_valid_until = Some(event.valid_until);
    application.tier.clone_from(&event.tier);
    match step {
        Step::Grant => grant(work, application, limit),
        Step::Refer => refer(work, application, event.reasons.clone()),
        Step::Refuse if !admitted => refuse(work, application, vec!["NOT_ADMITTED".to_owned()]),
        Step::Refuse => refuse(work, application, event.reasons.clone()),
        Step::AlreadyApplied => Ok(()),
    }
}

fn grant(work: &mut Work, mut application: CreditApplication, limit: Money) -> Handled<()> {
    let policy = work.config::<CreditPolicy>();
    let decision =
        application.decision.ok_or_else(|| Fault::bug("an application is granted without a risk decision"))?;
    let valid_until = work.now().plus_days(i64::from(policy.line_valid_days));
    work.emit(CreditLineApproved {
        application: application.id,
        customer: application.customer,
        limit,
        limit_cap: policy.cap(limit, &application.tier)?,
        tier: application.tier.clone(),
        decision,
        valid_until,
    });
    let mut customer = work.require::<CreditCustomer>(application.customer)?;
    customer.open_application = None;
    customer.line_valid_until = Some(valid_until);
    work.save(customer);
    application.status = ApplicationStatus::Approved;
    application.granted = Some(limit);
    application.decided_at = Some(work.now());
    work.save(application);
    Ok(())
}

fn refer(work: &mut Work, mut application: CreditApplication, reasons: Vec<String>) -> Handled<()> {
    let (id, customer) = (application.id, application.customer);
    application.status = ApplicationStatus::Referred;
    application.reasons = Json(reasons.clone());
    work.save(application);
    work.send(OpenWorkOrder {
        kind: "credit-review".to_owned(),
        loan: None,
        text: format!(
            "credit application {id} needs a person ({}): look and decide it with review-credit-application",
            reasons.join(", ")
        ),
        key: review_key(id),
    });
    work.emit(CreditApplicationReferred { application: id, customer, reasons });
    Ok(())
}

fn refuse(work: &mut Work, mut application: CreditApplication, reasons: Vec<String>) -> Handled<()> {
    let mut customer = work.require::<CreditCustomer>(application.customer)?;
    customer.open_application = None;
    // Nobody waits because others let a decision run out, about the application or the customer.
    let now = work.now();
    let has_lapsed = customer.admitted && !customer.is_admitted(now);
    if !has_lapsed && application.check_decision(now).is_ok() {
        customer.rejected_at = Some(now);
    }
    work.save(customer);
    work.emit(CreditApplicationRejected {
        application: application.id,
        customer: application.customer,
        reasons: reasons.clone(),
    });
    application.status = ApplicationStatus::Rejected;
    application.reasons = Json(reasons);
    application.decided_at = Some(work.now());
    work.save(application);
    Ok(())
}
