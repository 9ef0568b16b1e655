//! Feature platform: what is known about a customer, declared and measured, ready for rules and scorecards.
//!
//! Invariant: declared attributes and measured features are kept apart; a measured one always wins. A declared age counts
//! until the KYC service, which is asked after this one, knows the age from a document.

mod model;

use sycee_contract::{
    ConsentGranted, ConsentRevoked, CustomerDetailsUpdated, CustomerId, CustomerRegistered, DisbursementSucceeded,
    ExecuteRiskReview, KycCompleted, OverdueBucketChanged, RepaymentKind, RepaymentSucceeded, RiskContribution,
};
use sycee_runtime::{Handled, Json, Registry, Work};

pub use model::{CustomerFeatures, OpenLoan, Repaid};

/// Registers the feature platform.
pub fn register(registry: &mut Registry) {
    registry
        .service("feature-platform")
        .entity::<CustomerFeatures>()
        .participates::<ExecuteRiskReview>(contribute)
        .on::<CustomerRegistered>(on_customer_registered)
        .on::<CustomerDetailsUpdated>(on_details_updated)
        .on::<KycCompleted>(on_kyc_completed)
        .on::<ConsentGranted>(on_consent_granted)
        .on::<ConsentRevoked>(on_consent_revoked)
        .on::<DisbursementSucceeded>(on_disbursement_succeeded)
        .on::<RepaymentSucceeded>(on_repayment_succeeded)
        .on::<OverdueBucketChanged>(on_overdue_bucket_changed);
}

fn change(work: &mut Work, customer: CustomerId, change: impl FnOnce(&mut CustomerFeatures)) -> Handled<()> {
    let today = work.today();
    let mut features =
        work.get::<CustomerFeatures>(customer)?.unwrap_or_else(|| CustomerFeatures::unknown(customer, today));
    change(&mut features);
    work.save(features);
    Ok(())
}

fn on_customer_registered(work: &mut Work, event: &CustomerRegistered) -> Handled<()> {
    let device = (!event.device_id.is_empty()).then(|| event.device_id.clone());
    change(work, event.customer, |features| features.device_id = device)
}

fn on_details_updated(work: &mut Work, event: &CustomerDetailsUpdated) -> Handled<()> {
    change(work, event.customer, |features| features.declared = Json(event.attributes.clone().into()))
}

fn on_kyc_completed(work: &mut Work, event: &KycCompleted) -> Handled<()> {
    change(work, event.customer, |features| features.kyc_verdict = Some(event.verdict))
}

fn on_consent_granted(work: &mut Work, event: &ConsentGranted) -> Handled<()> {
    change(work, event.customer, |features| features.consents_complete = event.complete)
}

fn on_consent_revoked(work: &mut Work, event: &ConsentRevoked) -> Handled<()> {
    change(work, event.customer, |features| features.consents_complete = event.complete)
}

fn on_disbursement_succeeded(work: &mut Work, event: &DisbursementSucceeded) -> Handled<()> {
    change(work, event.customer, |features| features.loan_disbursed(event.loan, event.principal))
}

fn on_repayment_succeeded(work: &mut Work, event: &RepaymentSucceeded) -> Handled<()> {
    change(work, event.customer, |features| {
        let end = match (event.settled, event.kind) {
            (false, _) => Repaid::Part(event.principal_outstanding),
            (true, RepaymentKind::Cancel) => Repaid::Cancelled,
            (true, RepaymentKind::Normal | RepaymentKind::EarlySettlement) => Repaid::Settled,
        };
        features.repaid(event.loan, end, event.worst_days_past_due);
    })
}

fn on_overdue_bucket_changed(work: &mut Work, event: &OverdueBucketChanged) -> Handled<()> {
    let fell_behind = event.from == "current";
    change(work, event.customer, |features| features.overdue(event.loan, event.days_past_due, fell_behind))
}

fn contribute(work: &mut Work, review: &ExecuteRiskReview, _: &[RiskContribution]) -> Handled<RiskContribution> {
    let (today, currency) = (work.today(), work.market().currency);
    let customer = review.subject.customer;
    let unknown = || CustomerFeatures::unknown(customer, today).into();
    let known = work.read::<CustomerFeatures>(customer)?.unwrap_or_else(unknown);
    Ok(RiskContribution { features: known.features(today, currency)?, score: None, score_parts: Vec::new() })
}
