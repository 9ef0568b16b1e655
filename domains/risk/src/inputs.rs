//! What a decision is made from: the features that participants contributed and the few facts a requester may tell.
//!
//! Invariant: a [`MEASURED`] feature never comes from a customer's declaration or from a requester's facts.
//! Invariant: a requester's facts tell no age; the identity check's replaces the one that the customer declared.

use std::borrow::Cow;
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
    contributed: impl Iterator<Item = BTreeMap<String, String>>,
) -> BTreeMap<String, String> {
    let mut features = BTreeMap::new();
    for mut more in contributed {
        features.append(&mut more);
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

/// What [`features`] would name `name`, of what has been contributed so far: for a look at a few of many.
pub fn feature<'a>(
    strategy: &RiskStrategy,
    review: &'a ExecuteRiskReview,
    contributions: &'a [RiskContribution],
    name: &str,
) -> Option<Cow<'a, str>> {
    if name == REQUESTED
        && let Some(requested) = review.requested
    {
        return Some(requested.to_decimal_string().into());
    }
    let told = strategy.request_facts.iter().filter(|(_, feature)| *feature == name);
    let told = told.filter_map(|(fact, _)| review.facts.get(fact)).next_back();
    let contributed = || contributions.iter().rev().find_map(|contribution| contribution.features.get(name));
    told.or_else(contributed).map(|value| value.as_str().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use sycee_contract::{CustomerId, Identifier as _, RiskSubject};
    use sycee_money::Currency;

    fn of(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_look_at_one_feature_says_what_all_of_them_say() {
        let mut strategy = RiskStrategy::from_yaml(include_str!("../../../markets/gh/strategy.yaml")).unwrap();
        strategy.request_facts = of(&[("duration", "months"), ("purpose", "purpose"), ("term", "months")]);
        let contributions = [of(&[("months", "6"), ("age", "30"), (REQUESTED, "1")]), of(&[("age", "31")])]
            .map(|features| RiskContribution { features, score: None, score_parts: Vec::new() });
        for facts in [of(&[]), of(&[("duration", "12")]), of(&[("term", "24"), ("duration", "12"), ("purpose", "car")])]
        {
            for requested in [None, Some(Money::from_minor(50_000, Currency::GHS).unwrap())] {
                let subject = RiskSubject { customer: CustomerId::from_number(1), application: None, loan: None };
                let facts = facts.clone();
                let review = ExecuteRiskReview { purpose: RiskPurpose::Credit, subject, requested, facts };
                let contributed = contributions.iter().map(|contribution| contribution.features.clone());
                let all = features(&strategy, &review, contributed);
                for name in ["months", "age", "purpose", REQUESTED, "housing"] {
                    let one = feature(&strategy, &review, &contributions, name);
                    assert_eq!(one.as_deref(), all.get(name).map(String::as_str), "{name} of {review:?}");
                }
            }
        }
    }
}
