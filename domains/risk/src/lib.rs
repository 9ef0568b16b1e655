//! Risk domain: says Approve, Reject or Review, at which limit and price, and can show why.
//!
//! Services: `risk-strategy-center` (blacklist, audit of decisions per strategy version), `decision-engine` (reviews for
//! admission, credit, distribution and drawdown), `feature-platform` (what is known about a customer), `model-platform`
//! (the points scorecard). The rules, points, tiers and limits are data: one [`RiskStrategy`] a market, read from YAML.
//!
//! Invariant: a decision is a pure function of the strategy and of the inputs that are recorded with it.
//! Invariant: a requester cannot talk a measured feature away; the strategy names the few facts that requests may tell.
//! Invariant: any rule that rejects wins over any that refers, and both win over the score.
#![deny(clippy::float_arithmetic)]

pub mod decision_engine;
pub mod feature_platform;
pub mod inputs;
pub mod model_platform;
mod rejection;
pub mod risk_strategy_center;
pub mod strategy;

use sycee_runtime::Registry;

pub use rejection::RiskRejection;
pub use strategy::{RiskStrategy, StrategyError};

/// Registers the services of this domain. The market must be opened with a [`RiskStrategy`] in its configuration.
pub fn register(registry: &mut Registry) {
    risk_strategy_center::register(registry);
    feature_platform::register(registry);
    model_platform::register(registry);
    decision_engine::register(registry);
}
