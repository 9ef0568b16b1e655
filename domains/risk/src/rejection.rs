//! Why the risk domain refuses a request.

use sycee_runtime::{Coded, refusable};

/// A refused request of the risk domain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RiskRejection {
    /// The market's strategy does not say how to decide this purpose.
    #[error("strategy {strategy} has no policy for purpose {purpose}: publish one that has")]
    StrategyNotFound {
        /// Strategy and version.
        strategy: String,
        /// Purpose asked for.
        purpose: String,
    },
}

impl Coded for RiskRejection {
    fn code(&self) -> &'static str {
        match self {
            Self::StrategyNotFound { .. } => "STRATEGY_NOT_FOUND",
        }
    }
}
refusable!(RiskRejection);
