//! KYC service: checks that a customer is who the document says.
//!
//! Invariant: a document number identifies one customer: a [`DocumentHolder`] stands as long as a case holds the document,
//! and only a failed or superseded case gives it free.
//! Invariant: a customer hands in at most [`SUBMISSIONS`] documents.
//! Invariant: a provider's answer decides a case once; a repeated or late one changes nothing.
//! Invariant: the birth date of a case leaves this service as an age only.

mod model;

use sycee_contract::{
    AGE_IN_YEARS, CheckBlacklist, CustomerRegistered, Date, ExecuteRiskReview, KycCaseFigures, KycCaseId, KycCompleted,
    KycSubmitted, KycSubmittedAnswer, KycVerdict, OpenWorkOrder, QueryKycCase, RecordKycResult, Rejection,
    ResolveWorkOrder, RiskContribution, Sensitive, SubmitKyc, VerifyIdentity,
};
use sycee_runtime::{Handled, Json, Registry, Work};

pub use model::{Assessment, CaseStep, DocumentHolder, KycCase, KycCaseStatus, KycPolicy, KycStanding, SUBMISSIONS};

use crate::CustomerRejection;

/// Registers the KYC service.
pub fn register(registry: &mut Registry) {
    registry
        .service("kyc-service")
        .entity::<KycStanding>()
        .entity::<KycCase>()
        .entity::<DocumentHolder>()
        .on::<CustomerRegistered>(await_document)
        .handles::<SubmitKyc>(submit_kyc)
        .handles::<RecordKycResult>(record_kyc_result)
        .handles::<QueryKycCase>(query_kyc_case)
        .participates::<ExecuteRiskReview>(tell_age)
        .on::<KycCompleted>(take_decision)
        .emits::<KycCompleted>()
        .emits::<KycSubmitted>()
        .sends::<CheckBlacklist>()
        .sends::<OpenWorkOrder>()
        .sends::<ResolveWorkOrder>();
}

fn await_document(work: &mut Work, event: &CustomerRegistered) -> Handled<()> {
    if work.get::<KycStanding>(event.customer)?.is_none() {
        work.save(KycStanding { customer: event.customer, current_case: None, submitted: Json(Vec::new()) });
    }
    Ok(())
}

fn submit_kyc(work: &mut Work, cmd: &SubmitKyc) -> Handled<KycSubmittedAnswer> {
    let mut standing = work.require::<KycStanding>(cmd.customer)?;
    work.about(cmd.customer);
    let number = model::check_documents(cmd, work.today())?;
    if let Some(mut previous) = current_case(work, &standing)? {
        let in_review = previous.status == KycCaseStatus::Review;
        previous.make_way()?;
        if in_review {
            end_review(work, previous.id, "the customer handed in another document");
        }
        keep(work, previous)?;
    }
    standing.submit(work.now())?;
    let document_index = work.blind("document", &number);
    if work.read::<DocumentHolder>(document_index)?.is_some_and(|holder| holder.customer != cmd.customer) {
        return Err(CustomerRejection::DocumentAlreadyUsed.into());
    }

    let mut case = KycCase::submit(work.new_id(), cmd, document_index, work.now());
    standing.current_case = Some(case.id);
    work.save(standing);
    let effect = work.numbered_effect(VerifyIdentity {
        case: case.id,
        customer: cmd.customer,
        document_type: cmd.document_type.clone(),
        document_number: Sensitive::new(&number),
        full_name: cmd.full_name.clone(),
        birth_date: cmd.birth_date.clone(),
        document_image: cmd.document_image.clone(),
        liveness_video: cmd.liveness_video.clone(),
    });
    case.effect = Some(effect);
    work.emit(KycSubmitted {
        customer: cmd.customer,
        case: case.id,
        document_type: cmd.document_type.clone(),
        document_index: document_index.to_hex(),
    });
    let answer = KycSubmittedAnswer { case: case.id };
    keep(work, case)?;
    Ok(answer)
}

/// Keeps a case, and with it whether its document is held.
fn keep(work: &mut Work, case: KycCase) -> Handled<()> {
    let holder = work.read::<DocumentHolder>(case.document_index)?;
    match (holder, case.status.holds_document()) {
        (None, true) => work.save(case.holder()),
        (Some(holder), false) if holder.held_by == case.id => work.delete::<DocumentHolder>(case.document_index),
        _ => {}
    }
    work.save(case);
    Ok(())
}

fn current_case(work: &mut Work, standing: &KycStanding) -> Handled<Option<KycCase>> {
    standing.current_case.map_or(Ok(None), |case| work.get::<KycCase>(case))
}

fn record_kyc_result(work: &mut Work, fact: &RecordKycResult) -> Handled<()> {
    let Some(mut case) = work.get::<KycCase>(fact.case)? else {
        let key = format!("kyc-result-{}", fact.case);
        let text = format!("the KYC provider answered case {}, which does not exist: ask the provider", fact.case);
        work.send(OpenWorkOrder { kind: "unknown-kyc-case".to_owned(), loan: None, text, key });
        return Ok(());
    };
    work.about(case.customer);
    if let Some(effect) = case.effect {
        work.answers_effect(effect)?;
    }
    let listed = work.ask(CheckBlacklist { kind: "document".to_owned(), value: case.document_number.clone() })?;
    let age = age_on(&case.birth_date, work.today())?;
    let assessment = work.config::<KycPolicy>().assess(fact, age, listed);
    let in_review = case.status == KycCaseStatus::Review;
    if case.record(fact, assessment, work.now()) == CaseStep::AlreadyDecided {
        return Ok(());
    }
    if in_review && case.status != KycCaseStatus::Review {
        end_review(work, case.id, "the provider looked again");
    }
    work.emit(KycCompleted {
        customer: case.customer,
        case: case.id,
        verdict: case.status.verdict().unwrap_or(KycVerdict::Review),
        reasons: case.reasons.0.clone(),
    });
    if case.status == KycCaseStatus::Review {
        work.send(OpenWorkOrder {
            kind: "kyc-review".to_owned(),
            loan: None,
            text: format!(
                "case {} needs a person ({}): look and decide it with decide-kyc-review",
                case.id,
                case.reasons.join(", ")
            ),
            key: review_key(case.id),
        });
    }
    keep(work, case)
}

/// The key of the work order that asks people to decide a case.
fn review_key(case: KycCaseId) -> String {
    format!("kyc-review-{case}")
}

/// Nobody has to look at the case any more, as `note` says.
fn end_review(work: &mut Work, case: KycCaseId, note: &str) {
    work.send(ResolveWorkOrder { key: review_key(case), note: note.to_owned() });
}

fn query_kyc_case(work: &mut Work, query: &QueryKycCase) -> Handled<KycCaseFigures> {
    let case = work.require::<KycCase>(query.case)?;
    Ok(KycCaseFigures { customer: case.customer, verdict: case.status.verdict() })
}

/// A person who was identified is as old as the document says, whatever else the person declares.
fn tell_age(work: &mut Work, review: &ExecuteRiskReview, _: &[RiskContribution]) -> Handled<RiskContribution> {
    let standing = work.read::<KycStanding>(review.subject.customer)?;
    let case = match standing.and_then(|standing| standing.current_case) {
        Some(case) => work.read::<KycCase>(case)?.filter(|case| case.status == KycCaseStatus::Passed),
        None => None,
    };
    let age = match case {
        Some(case) => age_on(&case.birth_date, work.today())?,
        None => None,
    };
    let features = age.map(|age| (AGE_IN_YEARS.to_owned(), age.to_string())).into_iter().collect();
    Ok(RiskContribution { features, score: None, score_parts: Vec::new() })
}

/// A person decided a case in review: the case keeps it. What this service decided itself stands there already.
fn take_decision(work: &mut Work, event: &KycCompleted) -> Handled<()> {
    let in_review = work.read::<KycCase>(event.case)?.filter(|case| case.status == KycCaseStatus::Review);
    if let Some(case) = in_review
        && event.verdict != KycVerdict::Review
    {
        let mut case = KycCase::clone(&case);
        case.decide(event.verdict, &event.reasons, work.now());
        end_review(work, case.id, "decided with decide-kyc-review");
        keep(work, case)?;
    }
    Ok(())
}

/// Full years of age; `None` when the date of birth was erased.
fn age_on(birth_date: &Sensitive, today: Date) -> Result<Option<u32>, Rejection> {
    if birth_date.is_erased() {
        return Ok(None);
    }
    model::parse_birth_date(birth_date, today).map(|born| Some(model::full_years(born, today)))
}
