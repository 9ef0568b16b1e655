//! The rules a market decides by: one versioned document of rules, scorecard, tiers and limits.
//!
//! Invariant: a [`RiskStrategy`] that exists is complete: every purpose it decides has a policy for every tier, tiers
//! descend, reasons are stable codes, limits are in the strategy's currency.

mod error;
mod rules;
mod scorecard;
mod yaml;

use std::collections::BTreeMap;

use sycee_contract::{RiskOutcome, RiskPurpose};
use sycee_money::{Currency, Money, Rate, Rounding};

pub use error::StrategyError;
pub use rules::{Condition, Fired, Rule, fired};
pub use scorecard::{Bin, Characteristic, Score, Scorecard, Test};

sycee_runtime::text_enum! {
    /// Risk by score, best first.
    pub enum Tier {
        /// Approve, high limit, low price.
        Low,
        /// People look where there are people; medium limit, standard price.
        Medium,
        /// Reject; limit and price stand for an approved exception.
        High,
        /// Reject and mark.
        VeryHigh,
    }
}

impl Tier {
    /// The tier as events and strategies spell it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::VeryHigh => "very-high",
        }
    }

    /// The reason code of a decision that this tier made.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Low => "SCORE_TIER_LOW",
            Self::Medium => "SCORE_TIER_MEDIUM",
            Self::High => "SCORE_TIER_HIGH",
            Self::VeryHigh => "SCORE_TIER_VERY_HIGH",
        }
    }
}

/// A market's risk strategy. Read it with [`RiskStrategy::from_yaml`].
#[derive(Clone, Debug, PartialEq)]
pub struct RiskStrategy {
    /// Name, such as `gh-default`.
    pub name: String,
    /// Version, 1 upwards.
    pub version: u32,
    /// Start of the file's BLAKE3, hex: tells apart files that claim the same version.
    pub digest: String,
    /// Currency of limits and of amounts in rules.
    pub currency: Currency,
    /// Attributes that customers declare and that rules and scorecard may look at.
    pub declared: Vec<String>,
    /// Facts that a requester may tell, and the feature each becomes.
    pub request_facts: BTreeMap<String, String>,
    /// The points scorecard.
    pub scorecard: Scorecard,
    /// Where the tiers begin.
    pub bands: TierBands,
    /// Rules, in the order their reasons are told.
    pub rules: Vec<Rule>,
    /// What each tier means, by purpose.
    pub purposes: BTreeMap<RiskPurpose, PurposePolicy>,
}

/// Least points of each tier but the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TierBands {
    /// Least points of tier low.
    pub low: i64,
    /// Least points of tier medium.
    pub medium: i64,
    /// Least points of tier high.
    pub high: i64,
}

impl TierBands {
    /// The tier of a score in points.
    pub const fn tier(self, points: i64) -> Tier {
        if points >= self.low {
            Tier::Low
        } else if points >= self.medium {
            Tier::Medium
        } else if points >= self.high {
            Tier::High
        } else {
            Tier::VeryHigh
        }
    }
}

/// How one purpose is decided.
#[derive(Clone, Debug, PartialEq)]
pub struct PurposePolicy {
    /// How long a decision may be used, in hours.
    pub valid_hours: u32,
    /// Policy of tier low.
    pub low: TierPolicy,
    /// Policy of tier medium.
    pub medium: TierPolicy,
    /// Policy of tier high.
    pub high: TierPolicy,
    /// Policy of tier very high.
    pub very_high: TierPolicy,
}

impl PurposePolicy {
    /// The policy of a tier.
    pub const fn of(&self, tier: Tier) -> &TierPolicy {
        match tier {
            Tier::Low => &self.low,
            Tier::Medium => &self.medium,
            Tier::High => &self.high,
            Tier::VeryHigh => &self.very_high,
        }
    }
}

/// What a tier means for a purpose.
#[derive(Clone, Debug, PartialEq)]
pub struct TierPolicy {
    /// The outcome when no rule says worse.
    pub outcome: RiskOutcome,
    /// The outcome instead, where the market has people who review.
    pub with_manual_review: Option<RiskOutcome>,
    /// Surcharge on the product's rate, as a fraction a year.
    pub surcharge: Rate,
    /// Products that must not be offered, by code.
    pub excluded_products: Vec<String>,
    /// The limit to grant, for purpose credit.
    pub limit: Option<LimitRule>,
    /// Whether a rejection puts the customer's device on the blacklist.
    pub blacklist_device: bool,
}

/// A limit as a part of what was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct LimitRule {
    /// Fraction of the requested amount.
    pub fraction: Rate,
    /// A smaller limit is not granted at all.
    pub min: Money,
    /// Greatest limit.
    pub max: Money,
    /// Limits are rounded down to a multiple of this.
    pub multiple: Money,
}

impl LimitRule {
    /// The limit for a requested amount; `None` when it would be below the least.
    ///
    /// Errors: the amount is in another currency, or too large.
    pub fn limit(&self, requested: Money) -> Result<Option<Money>, sycee_money::MoneyError> {
        let share = requested.mul_rate(self.fraction, Rounding::Down)?.min(self.max)?;
        let limit = share.round_to_multiple(self.multiple, Rounding::Down)?;
        Ok((limit.compare(self.min)?.is_ge()).then_some(limit))
    }
}

impl RiskStrategy {
    /// Reads and checks a strategy.
    ///
    /// Errors: [`StrategyError`] names the field that breaks a rule, and the rule.
    pub fn from_yaml(text: &str) -> Result<Self, StrategyError> {
        yaml::read(text)
    }

    /// Name, version and digest as decisions record them, such as `gh-default@1-9f86d081`.
    pub fn id(&self) -> String {
        format!("{}@{}-{}", self.name, self.version, self.digest)
    }
}
