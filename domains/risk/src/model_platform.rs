//! Model platform: scores an applicant with the strategy's points scorecard, and says which points came from where.

use sycee_contract::{ExecuteRiskReview, RiskContribution};
use sycee_runtime::{Handled, Registry, Work};

use crate::{RiskStrategy, inputs};

/// Registers the model platform.
pub fn register(registry: &mut Registry) {
    registry.service("model-platform").participates::<ExecuteRiskReview>(contribute);
}

fn contribute(work: &mut Work, review: &ExecuteRiskReview, earlier: &[RiskContribution]) -> Handled<RiskContribution> {
    let strategy = work.config::<RiskStrategy>();
    let score = strategy.scorecard.score(|name| inputs::feature(&strategy, review, earlier, name));
    Ok(RiskContribution {
        features: [("characteristics_known".to_owned(), score.known.to_string())].into(),
        score: Some(score.points),
        score_parts: score.parts,
    })
}
