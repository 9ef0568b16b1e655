//! What a decision is made from: the features that participants contributed and the few facts a requester may tell.
//!
//! Invariant: a [`MEASURED`] feature never comes from a customer's declaration or from a requester's facts.
//! Invariant: a requester's facts tell no age; the identity check's replaces the one that the customer declared.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sycee_contract::{ExecuteRiskReview, LINE_MAX, NAME_MAX, Rejection, RiskContribution, RiskPurpose, check_text};
use sycee_money::Money;

use crate::RiskStrategy;

/// Features that this domain measures itself.
pub const MEASURED: &[&str] = &[
    "characteristics_known",
    "consents_complete",
    "days_as_customer",
    "days_past_due_now",
    "device_blacklisted",
    "device_id",
    "document_blacklisted",
    "drawdown_reviews_24h",
    "exposure_after",
    "kyc_verdict",
    "loans_disbursed",
    "loans_open",
    "loans_settled",
    "open_principal",
    "phone_blacklisted",
    "repayments",
    "times_overdue",
    "worst_days_past_due",
];

/// What every request brings besides its facts.
pub const REQUESTED: &str = "credit_amount";

/// Most facts that a request may tell.
const FACTS_MAX: usize = 32;

/// Whether a request's facts are few and short.
///
/// Errors: `INVALID_FIELD`.
pub fn check_facts(facts: &BTreeMap<String, String>) -> Result<(), Rejection> {
    if facts.len() > FACTS_MAX {
        return Err(Rejection::invalid("facts", format!("at most {FACTS_MAX}"), "duration-months"));
    }
    facts.iter().try_for_each(|(name, value)| {
        check_text("facts", name, NAME_MAX, "duration-months")?;
        check_text("facts", value, LINE_MAX, "24")
    })
}

/// The inputs of a decision, as recorded with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RiskInputs {
    /// Strategy and version.
    pub strategy: String,
    /// What the decision is for.
    pub purpose: RiskPurpose,
    /// The amount asked for.
    pub requested: Option<Money>,
    /// Features by name.
    pub features: BTreeMap<String, String>,
    /// Score in points.
    pub score: Option<i64>,
    /// Points by characteristic.
    pub score_parts: Vec<(String, i64)>,
}

/// The features of a review: what participants contributed, the later over the earlier, the facts that the strategy admits,
/// the amount asked for.
pub fn features(
    strategy: &RiskStrategy,
    review: &ExecuteRiskReview,
    contributions: &[RiskContribution],
) -> BTreeMap<String, String> {
    let mut features = BTreeMap::new();
    for contribution in contributions {
        features.extend(contribution.features.clone());
    }
    for (fact, feature) in &strategy.request_facts {
        if let Some(value) = review.facts.get(fact) {
            features.insert(feature.clone(), value.clone());
        }
    }
    if let Some(requested) = review.requested {
        features.insert(REQUESTED.to_owned(), requested.to_decimal_string());
    }
    features
}
