//! The credit policy of a market: times and thresholds that people decide, given when the market opens.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sycee_money::{Money, MoneyError, Rate, Rounding};

/// Times and thresholds of the credit domain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreditPolicy {
    /// Days after a rejection before a customer may apply again.
    pub cooling_off_days: u32,
    /// Days a granted line can be drawn.
    pub line_valid_days: u32,
    /// Growth of the limit when a loan is settled well, as a fraction of the limit.
    pub growth: Rate,
    /// Most days past due in a loan's life that still count as settled well.
    pub growth_days_past_due_max: u32,
    /// Least principal of a loan whose settlement counts, as a fraction of the limit.
    pub growth_principal_share_min: Rate,
    /// Least days from the payout on which that much must be outstanding.
    pub growth_days_min: u32,
    /// A loan this many days past due freezes the line, until the loan is current again.
    pub freeze_days_past_due_min: u32,
    /// How far a limit may grow, as a multiple of the limit granted, by risk tier; tiers that are missing don't grow.
    pub cap_by_tier: BTreeMap<String, Rate>,
}

impl Default for CreditPolicy {
    fn default() -> Self {
        Self {
            cooling_off_days: 30,
            line_valid_days: 365,
            growth: Rate::from_bps(2_000),
            growth_days_past_due_max: 3,
            growth_principal_share_min: Rate::from_bps(2_500),
            growth_days_min: 14,
            freeze_days_past_due_min: 31,
            cap_by_tier: [("low".to_owned(), Rate::from_bps(30_000)), ("medium".to_owned(), Rate::from_bps(20_000))]
                .into(),
        }
    }
}

impl CreditPolicy {
    /// The most a limit of `granted` may grow to in `tier`; never less than `granted`. Errors: `Overflow`.
    pub fn cap(&self, granted: Money, tier: &str) -> Result<Money, MoneyError> {
        match self.cap_by_tier.get(tier) {
            Some(multiple) => granted.mul_rate(*multiple, Rounding::Down)?.max(granted),
            None => Ok(granted),
        }
    }

    /// The least principal of a loan that proves something against `limit`. Errors: `Overflow`.
    pub fn least_share(&self, limit: Money) -> Result<Money, MoneyError> {
        limit.mul_rate(self.growth_principal_share_min, Rounding::Up)
    }

    /// Whether a loan of `principal`, of which enough was out for `days`, is large and long enough against `limit` to prove
    /// something.
    ///
    /// Errors: `Overflow`, or currencies that differ.
    pub fn proves(&self, principal: Money, days: u32, limit: Money) -> Result<bool, MoneyError> {
        let least = self.least_share(limit)?;
        Ok(days >= self.growth_days_min && principal.compare(least)?.is_ge())
    }

    /// The limit after `limit` grew once, at most `cap`; never less than `limit`. Errors: `Overflow`.
    pub fn grown(&self, limit: Money, cap: Money) -> Result<Money, MoneyError> {
        let growth = limit.mul_rate(self.growth, Rounding::Down)?;
        limit.checked_add(growth)?.min(cap)?.max(limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sycee_money::Currency;

    fn ghs(text: &str) -> Money {
        Money::parse(text, Currency::GHS).unwrap()
    }

    #[test]
    fn limits_grow_to_their_cap_and_never_shrink() {
        let policy = CreditPolicy::default();
        for (limit, cap, grown) in [
            ("1000", "3000", "1200"),
            ("1000", "1100", "1100"),
            ("1000", "1000", "1000"),
            ("1000", "900", "1000"),
            ("0.01", "1", "0.01"),
            ("0.09", "1", "0.10"),
        ] {
            assert_eq!(policy.grown(ghs(limit), ghs(cap)).unwrap(), ghs(grown), "{limit} under {cap}");
        }
    }

    #[test]
    fn a_loan_proves_something_from_a_share_and_a_fortnight_on() {
        let policy = CreditPolicy::default();
        for (principal, days, limit, proves) in [
            ("250", 14, "1000", true),
            ("249.99", 14, "1000", false),
            ("250", 13, "1000", false),
            ("1000", 365, "1000", true),
            ("0", 365, "1000", false),
            ("0.01", 14, "0.03", true),
        ] {
            assert_eq!(policy.proves(ghs(principal), days, ghs(limit)).unwrap(), proves, "{principal} {days} {limit}");
        }
    }

    #[test]
    fn caps_depend_on_the_tier() {
        let policy = CreditPolicy::default();
        for (tier, cap) in [("low", "3000"), ("medium", "2000"), ("high", "1000"), ("", "1000")] {
            assert_eq!(policy.cap(ghs("1000"), tier).unwrap(), ghs(cap), "{tier}");
        }
    }
}
