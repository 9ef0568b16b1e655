//! Decision engine: reviews a customer for admission, credit, distribution or drawdown.
//!
//! Invariant: every decision is stored with its inputs, and `inputs_hash` is the hash of exactly those.
//! Invariant: while an admission decision is in force consents bring about no second one; whoever asks for a review gets it.
//! Invariant: an event never fails for want of a policy: people get a work order instead.

mod model;

use std::collections::BTreeMap;

use sycee_contract::{
    AddToBlacklist, CheckCustomerBlacklist, ConsentGranted, ExecuteRiskReview, KycVerdict, LoanApplicationCreated,
    LoanId, OpenWorkOrder, Rejection, RiskDecisionAnswer, RiskDecisionMade, RiskPurpose, RiskSubject, Sensitive,
};
use sycee_money::Money;
use sycee_runtime::{Fault, Halt, Handled, Json, Registry, Work};

pub use model::{ReviewHistory, RiskDecision, Verdict, decide};

use crate::inputs::{self, RiskInputs};
use crate::{RiskRejection, RiskStrategy};

/// Registers the decision engine.
pub fn register(registry: &mut Registry) {
    registry
        .service("decision-engine")
        .entity::<RiskDecision>()
        .entity::<ReviewHistory>()
        .handles::<ExecuteRiskReview>(execute_risk_review)
        .on::<ConsentGranted>(admit)
        .on::<LoanApplicationCreated>(check_drawdown)
        .emits::<RiskDecisionMade>()
        .sends::<AddToBlacklist>()
        .sends::<CheckCustomerBlacklist>()
        .sends::<OpenWorkOrder>();
}

fn execute_risk_review(work: &mut Work, cmd: &ExecuteRiskReview) -> Handled<RiskDecisionAnswer> {
    if !is_askable(cmd.purpose, cmd.requested) {
        let rule = format!("an amount that a review for {} can decide about", cmd.purpose.name().to_lowercase());
        return Err(Rejection::invalid("requested", rule, "500.00").into());
    }
    inputs::check_facts(&cmd.facts)?;
    review(work, cmd, BTreeMap::new())
}

/// Credit needs an amount; money that goes out is more than zero; a line that is used up may still be asked about.
fn is_askable(purpose: RiskPurpose, requested: Option<Money>) -> bool {
    match purpose {
        RiskPurpose::Credit => requested.is_some_and(Money::is_positive),
        RiskPurpose::Drawdown => requested.is_none_or(Money::is_positive),
        RiskPurpose::Admission | RiskPurpose::Distribution => requested.is_none_or(|amount| !amount.is_negative()),
    }
}

/// The customer is who he says and has consented: may he become a borrower?
fn admit(work: &mut Work, event: &ConsentGranted) -> Handled<()> {
    let identified = event.kyc_verdict == Some(KycVerdict::Passed);
    let history = work.get::<ReviewHistory>(event.customer)?;
    if !event.complete || !identified || history.is_some_and(|history| history.admission_in_force(work.now())) {
        return Ok(());
    }
    let cmd = ExecuteRiskReview {
        purpose: RiskPurpose::Admission,
        subject: RiskSubject { customer: event.customer, application: None, loan: None },
        requested: None,
        facts: BTreeMap::new(),
    };
    // The feature platform may hear of this very event later; the event itself is the better witness.
    let told = [("kyc_verdict", "passed"), ("consents_complete", "yes")];
    let told = told.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let decided = review(work, &cmd, told);
    or_work_order(work, decided, None)
}

/// A loan application was handed in: may it be paid out?
fn check_drawdown(work: &mut Work, event: &LoanApplicationCreated) -> Handled<()> {
    let cmd = ExecuteRiskReview {
        purpose: RiskPurpose::Drawdown,
        subject: RiskSubject { customer: event.customer, application: None, loan: Some(event.loan) },
        requested: Some(event.amount),
        facts: [("purpose".to_owned(), event.purpose.clone())].into(),
    };
    let decided = review(work, &cmd, BTreeMap::new());
    or_work_order(work, decided, Some(event.loan))
}

fn or_work_order(work: &mut Work, decided: Handled<RiskDecisionAnswer>, loan: Option<LoanId>) -> Handled<()> {
    match decided {
        Ok(_) => Ok(()),
        Err(Halt::Refused(rejection)) => {
            let about = loan.map_or_else(|| "admission".to_owned(), |loan| loan.to_string());
            work.send(OpenWorkOrder {
                kind: "risk-review-impossible".to_owned(),
                loan,
                text: format!("{rejection}: correct the risk strategy, then decide {about} by hand"),
                key: format!("risk-review-{about}-{}", rejection.code),
            });
            Ok(())
        }
        Err(fault) => Err(fault),
    }
}

fn review(work: &mut Work, cmd: &ExecuteRiskReview, told: BTreeMap<String, String>) -> Handled<RiskDecisionAnswer> {
    let strategy = work.config::<RiskStrategy>();
    let policy = strategy.purposes.get(&cmd.purpose).ok_or_else(|| RiskRejection::StrategyNotFound {
        strategy: strategy.id(),
        purpose: cmd.purpose.name().to_lowercase(),
    })?;
    let (customer, now) = (cmd.subject.customer, work.now());
    let mut history = work.get::<ReviewHistory>(customer)?.unwrap_or_else(|| ReviewHistory::empty(customer));
    let inputs = gather(work, &strategy, cmd, &history, told)?;
    let verdict = decide(&strategy, policy, &inputs, work.market().manual_review)?;

    let valid_until = now.plus_minutes(i64::from(policy.valid_hours) * 60);
    let decision = RiskDecision {
        id: work.new_id(),
        purpose: cmd.purpose,
        customer,
        application: cmd.subject.application,
        loan: cmd.subject.loan,
        outcome: verdict.outcome,
        tier: verdict.tier,
        score: inputs.score,
        reasons: Json(verdict.reasons),
        limit_granted: verdict.limit,
        rate_surcharge: verdict.surcharge,
        excluded_products: Json(verdict.excluded_products),
        decided_at: now,
        valid_until,
        strategy: inputs.strategy.clone(),
        inputs_hash: work.hash(&canonical(&inputs)?),
        inputs: Json(inputs),
    };
    history.note(cmd.purpose, now, valid_until);
    work.save(history);
    work.emit(made(&decision, &cmd.subject));
    if verdict.blacklist_device {
        blacklist_device(work, &decision);
    }
    let answer = RiskDecisionAnswer { decision: decision.id, outcome: decision.outcome };
    work.save(decision);
    Ok(answer)
}

fn gather(
    work: &mut Work,
    strategy: &RiskStrategy,
    cmd: &ExecuteRiskReview,
    history: &ReviewHistory,
    told: BTreeMap<String, String>,
) -> Handled<RiskInputs> {
    let (mut contributed, mut scored) = (Vec::new(), None);
    for (_, contribution) in work.consult(cmd)? {
        contributed.push(contribution.features);
        scored = contribution.score.map(|points| (Some(points), contribution.score_parts)).or(scored);
    }
    let mut features = inputs::features(strategy, cmd, contributed.into_iter());
    features.extend(told);
    let listed = work.ask(CheckCustomerBlacklist { customer: cmd.subject.customer })?;
    for kind in ["phone", "document", "device"] {
        let is_listed = if listed.iter().any(|it| it == kind) { "yes" } else { "no" };
        features.insert(format!("{kind}_blacklisted"), is_listed.to_owned());
    }
    let drawdowns = history.drawdowns_in_a_day(work.now());
    features.insert("drawdown_reviews_24h".to_owned(), drawdowns.to_string());
    if let (Some(open), Some(requested)) = (features.get("open_principal"), cmd.requested) {
        let exposure = Money::parse(open, strategy.currency)?.checked_add(requested)?;
        features.insert("exposure_after".to_owned(), exposure.to_decimal_string());
    }
    let (score, score_parts) = scored.unwrap_or_default();
    Ok(RiskInputs {
        strategy: strategy.id(),
        purpose: cmd.purpose,
        requested: cmd.requested,
        features,
        score,
        score_parts,
    })
}

/// The bytes that are hashed: JSON with features in name order, as the decision stores it.
fn canonical(inputs: &RiskInputs) -> Result<Vec<u8>, Fault> {
    serde_json::to_vec(inputs).map_err(|error| Fault::corrupt("risk inputs have no JSON form").because(error))
}

/// One customer's score says nothing about others who were seen on the device.
fn blacklist_device(work: &mut Work, decision: &RiskDecision) {
    let features = &decision.inputs.features;
    let listed = features.get("device_blacklisted").is_some_and(|listed| listed == "yes");
    if let (Some(device), false) = (features.get("device_id"), listed) {
        work.send(AddToBlacklist {
            kind: "device".to_owned(),
            value: Sensitive::new(device),
            reason: "VERY_HIGH_RISK".to_owned(),
            sole_holder: Some(decision.customer),
        });
    }
}

fn made(decision: &RiskDecision, subject: &RiskSubject) -> RiskDecisionMade {
    RiskDecisionMade {
        decision: decision.id,
        purpose: decision.purpose,
        subject: subject.clone(),
        outcome: decision.outcome,
        score: decision.score,
        tier: decision.tier.label().to_owned(),
        reasons: decision.reasons.0.clone(),
        limit: decision.limit_granted,
        rate_surcharge: decision.rate_surcharge,
        excluded_products: decision.excluded_products.0.clone(),
        valid_until: decision.valid_until,
        strategy: decision.strategy.clone(),
        inputs_hash: decision.inputs_hash.clone(),
    }
}
