//! Decisions, and the pure function that makes them.

use sycee_contract::{CreditApplicationId, CustomerId, DecisionId, LoanId, RiskOutcome, RiskPurpose, Timestamp};
use sycee_money::{Money, MoneyError, Rate};
use sycee_runtime::{Json, entity};

use crate::RiskStrategy;
use crate::inputs::RiskInputs;
use crate::strategy::{Fired, PurposePolicy, Tier, fired};

/// How many characteristics a decision by score names.
const CHARACTERISTICS_NAMED: usize = 3;

entity! {
    /// A decision with everything it was made from.
    pub struct RiskDecision in "risk_decision" of "decision-engine" key id: DecisionId {
        /// The decision.
        id: DecisionId,
        /// What it is for.
        purpose: RiskPurpose,
        /// The customer.
        customer: CustomerId,
        /// The credit application, for purpose credit.
        application: Option<CreditApplicationId>,
        /// The loan, for purpose drawdown.
        loan: Option<LoanId>,
        /// What was decided.
        outcome: RiskOutcome,
        /// Risk tier by score.
        tier: Tier,
        /// Score in points.
        score: Option<i64>,
        /// Reasons, strongest first.
        reasons: Json<Vec<String>>,
        /// The limit to grant.
        limit_granted: Option<Money>,
        /// Surcharge on the product's rate, as a fraction a year.
        rate_surcharge: Rate,
        /// Products that must not be offered.
        excluded_products: Json<Vec<String>>,
        /// When it was decided.
        decided_at: Timestamp,
        /// The decision must not be used after this.
        valid_until: Timestamp,
        /// Strategy and version.
        strategy: String,
        /// What it was decided from.
        inputs: Json<RiskInputs>,
        /// BLAKE3 of the inputs as JSON, hex.
        inputs_hash: String,
    }
    index by_customer(customer: CustomerId);
}

entity! {
    /// When a customer was reviewed: what keeps admissions from repeating and drawdowns from racing.
    pub struct ReviewHistory in "review_history" of "decision-engine" key customer: CustomerId {
        /// The customer.
        customer: CustomerId,
        /// Until when the last admission decision holds.
        admission_until: Option<Timestamp>,
        /// Drawdown reviews of the last 24 hours.
        drawdowns: Json<Vec<Timestamp>>,
    }
}

impl ReviewHistory {
    /// A customer who was never reviewed.
    pub const fn empty(customer: CustomerId) -> Self {
        Self { customer, admission_until: None, drawdowns: Json(Vec::new()) }
    }

    /// Whether an admission decision is in force.
    pub fn admission_in_force(&self, now: Timestamp) -> bool {
        self.admission_until.is_some_and(|until| until > now)
    }

    /// Drawdown reviews in the 24 hours before `now`.
    pub fn drawdowns_in_a_day(&self, now: Timestamp) -> usize {
        self.drawdowns.iter().filter(|at| **at > now.plus_days(-1)).count()
    }

    /// Notes a decision and forgets drawdown reviews older than 24 hours.
    pub fn note(&mut self, purpose: RiskPurpose, now: Timestamp, valid_until: Timestamp) {
        match purpose {
            RiskPurpose::Admission => self.admission_until = Some(valid_until),
            RiskPurpose::Drawdown => {
                self.drawdowns.retain(|at| *at > now.plus_days(-1));
                self.drawdowns.push(now);
            }
            RiskPurpose::Credit | RiskPurpose::Distribution => {}
        }
    }
}

/// What a strategy says about inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Outcome.
    pub outcome: RiskOutcome,
    /// Tier by score; high when no scorecard ran.
    pub tier: Tier,
    /// Reasons, strongest first.
    pub reasons: Vec<String>,
    /// The limit to grant; none when rejected.
    pub limit: Option<Money>,
    /// Surcharge, as a fraction a year.
    pub surcharge: Rate,
    /// Products that must not be offered.
    pub excluded_products: Vec<String>,
    /// Whether the customer's device goes on the blacklist.
    pub blacklist_device: bool,
}

/// Decides. Reads nothing but its arguments.
///
/// Errors: an amount is in another currency than the strategy's limits.
pub fn decide(
    strategy: &RiskStrategy,
    policy: &PurposePolicy,
    inputs: &RiskInputs,
    manual_review: bool,
) -> Result<Verdict, MoneyError> {
    let tier = inputs.score.map_or(Tier::High, |points| strategy.bands.tier(points));
    let tier_policy = policy.of(tier);
    let by_score = tier_policy.with_manual_review.filter(|_| manual_review).unwrap_or(tier_policy.outcome);
    let limit = match (&tier_policy.limit, inputs.requested) {
        (Some(rule), Some(requested)) => Some(rule.limit(requested)?),
        _ => None,
    };
    let score_reason = if inputs.score.is_some() { tier.reason() } else { "NO_SCORE" };
    let mut causes = fired(&strategy.rules, inputs.purpose, &inputs.features);
    causes.push(Fired { reason: score_reason.to_owned(), outcome: by_score });
    if limit == Some(None) {
        causes.push(Fired { reason: "LIMIT_TOO_SMALL".to_owned(), outcome: RiskOutcome::Reject });
    }
    causes.retain(|cause| cause.outcome != RiskOutcome::Approve);
    causes.sort_by_key(|cause| cause.outcome != RiskOutcome::Reject);
    let outcome = causes.first().map_or(RiskOutcome::Approve, |worst| worst.outcome);
    let mut reasons: Vec<String> = causes.into_iter().map(|cause| cause.reason).collect();
    if by_score != RiskOutcome::Approve {
        reasons.extend(weakest_characteristics(inputs));
    }
    Ok(Verdict {
        outcome,
        tier,
        reasons,
        limit: limit.flatten().filter(|_| outcome != RiskOutcome::Reject),
        surcharge: tier_policy.surcharge,
        excluded_products: tier_policy.excluded_products.clone(),
        blacklist_device: tier_policy.blacklist_device && by_score == RiskOutcome::Reject && inputs.score.is_some(),
    })
}

/// The characteristics that cost most points, as reason codes: what an applicant has to be told.
fn weakest_characteristics(inputs: &RiskInputs) -> Vec<String> {
    let mut lost: Vec<&(String, i64)> = inputs.score_parts.iter().filter(|part| part.1 < 0).collect();
    lost.sort_by_key(|part| part.1);
    lost.iter().take(CHARACTERISTICS_NAMED).map(|part| part.0.to_uppercase()).collect()
}
