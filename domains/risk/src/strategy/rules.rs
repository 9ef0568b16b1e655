//! Conditions on features that reject or refer, whatever the score.
//!
//! Invariant: a number rule on a feature that is known but is not a number fires: what cannot be read is not trusted.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use sycee_contract::{RiskOutcome, RiskPurpose};

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Stable UPPER_SNAKE code.
    pub reason: String,
    /// The feature it looks at.
    pub feature: String,
    /// When it fires.
    pub condition: Condition,
    /// Whether it fires when the feature is not known.
    pub missing_fires: bool,
    /// `Reject` or `Review`.
    pub outcome: RiskOutcome,
    /// Purposes it applies to; empty means all.
    pub purposes: Vec<RiskPurpose>,
}

/// When a rule fires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The feature is this text.
    Is(String),
    /// The feature is another text.
    IsNot(String),
    /// The feature is below this number.
    Below(Decimal),
    /// The feature is this number or more.
    AtLeast(Decimal),
    /// The feature is more than this number.
    Above(Decimal),
    /// The feature is below the first number or above the second.
    Outside(Decimal, Decimal),
}

impl Condition {
    /// Whether the condition holds for a value.
    pub fn holds(&self, value: &str) -> bool {
        let number = |test: &dyn Fn(Decimal) -> bool| value.parse::<Decimal>().map_or(true, test);
        match self {
            Self::Is(text) => value == text,
            Self::IsNot(text) => value != text,
            Self::Below(limit) => number(&|x| x < *limit),
            Self::AtLeast(limit) => number(&|x| x >= *limit),
            Self::Above(limit) => number(&|x| x > *limit),
            Self::Outside(low, high) => number(&|x| x < *low || x > *high),
        }
    }
}

/// A rule that fired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fired {
    /// Its reason code.
    pub reason: String,
    /// Its outcome.
    pub outcome: RiskOutcome,
}

impl Rule {
    /// Whether the rule applies to the purpose and fires on the features.
    pub fn fires(&self, purpose: RiskPurpose, features: &BTreeMap<String, String>) -> bool {
        (self.purposes.is_empty() || self.purposes.contains(&purpose))
            && features.get(&self.feature).map_or(self.missing_fires, |value| self.condition.holds(value))
    }
}

/// The rules that fire, those that reject first, each group in the strategy's order.
pub fn fired(rules: &[Rule], purpose: RiskPurpose, features: &BTreeMap<String, String>) -> Vec<Fired> {
    let mut fired: Vec<Fired> = rules
        .iter()
        .filter(|rule| rule.fires(purpose, features))
        .map(|rule| Fired { reason: rule.reason.clone(), outcome: rule.outcome })
        .collect();
    fired.sort_by_key(|rule| rule.outcome != RiskOutcome::Reject);
    fired
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_at_their_edges() {
        let n = Decimal::from;
        for (condition, value, holds) in [
            (Condition::Is("yes".into()), "yes", true),
            (Condition::Is("yes".into()), "no", false),
            (Condition::IsNot("passed".into()), "passed", false),
            (Condition::IsNot("passed".into()), "review", true),
            (Condition::Below(n(8)), "7.5", true),
            (Condition::Below(n(8)), "8", false),
            (Condition::AtLeast(n(1)), "1", true),
            (Condition::AtLeast(n(1)), "0", false),
            (Condition::Above(n(100)), "100.00", false),
            (Condition::Above(n(100)), "100.01", true),
            (Condition::Outside(n(18), n(70)), "17", true),
            (Condition::Outside(n(18), n(70)), "18", false),
            (Condition::Outside(n(18), n(70)), "70", false),
            (Condition::Outside(n(18), n(70)), "71", true),
            (Condition::Outside(n(18), n(70)), "old", true),
        ] {
            assert_eq!(condition.holds(value), holds, "{condition:?} on {value:?}");
        }
    }
}
