//! Strategy documents: what is accepted, and how a mistake is named.

use sycee_contract::{RiskOutcome, RiskPurpose};
use sycee_money::{Currency, Money};
use sycee_risk::strategy::{Tier, TierBands};
use sycee_risk::{RiskStrategy, StrategyError};

use crate::support::{DEFAULT_STRATEGY, default_strategy};

#[test]
fn the_default_strategy_says_what_its_file_says() {
    let strategy = default_strategy();
    let (version, digest) = strategy.id().rsplit_once('-').map(|(it, at)| (it.to_owned(), at.to_owned())).unwrap();
    assert_eq!((version.as_str(), digest.len()), ("gh-default@1", 8));
    assert_eq!(strategy.bands, TierBands { low: 580, medium: 567, high: 530 });
    assert_eq!(strategy.scorecard.characteristics.len(), 13);
    assert_eq!(strategy.purposes.keys().copied().collect::<Vec<_>>(), RiskPurpose::ALL);
    let medium = strategy.purposes[&RiskPurpose::Credit].of(Tier::Medium).clone();
    assert_eq!((medium.outcome, medium.with_manual_review), (RiskOutcome::Approve, Some(RiskOutcome::Review)));
}

#[test]
fn another_text_of_the_same_version_is_another_strategy() {
    let changed = RiskStrategy::from_yaml(&DEFAULT_STRATEGY.replacen("at_least: 1,", "at_least: 2,", 1)).unwrap();
    assert_eq!(changed.version, default_strategy().version);
    assert_ne!(changed.id(), default_strategy().id());
    assert_eq!(default_strategy().id(), default_strategy().id());
}

#[test]
fn a_feature_that_nobody_knows_is_a_mistake_that_names_the_nearest() {
    for (old, new, nearest) in [
        ("feature: days_past_due_now", "feature: day_past_due_now", "days_past_due_now"),
        ("feature: age_in_years, outside", "feature: age_years, outside", "age_in_years"),
        ("    - feature: housing", "    - feature: housng", "housing"),
        ("  - housing\n", "", "property"),
    ] {
        assert!(DEFAULT_STRATEGY.contains(old), "{old}");
        let error = RiskStrategy::from_yaml(&DEFAULT_STRATEGY.replacen(old, new, 1)).unwrap_err();
        assert!(error.field().is_some_and(|field| field.ends_with(".feature")), "{error}");
        assert!(error.to_string().contains(&format!("did you mean {nearest}?")), "{error}");
    }
}

#[test]
fn tiers_begin_at_their_points() {
    let bands = default_strategy().bands;
    for (points, tier) in [
        (580, Tier::Low),
        (579, Tier::Medium),
        (567, Tier::Medium),
        (566, Tier::High),
        (530, Tier::High),
        (529, Tier::VeryHigh),
        (i64::MIN, Tier::VeryHigh),
        (i64::MAX, Tier::Low),
    ] {
        assert_eq!(bands.tier(points), tier, "{points}");
    }
}

#[test]
fn limits_are_a_rounded_part_of_the_request() {
    let strategy = default_strategy();
    let ghs = |text: &str| Money::parse(text, Currency::GHS).unwrap();
    for (tier, requested, limit) in [
        (Tier::Low, "1234.56", Some("1230")),
        (Tier::Low, "100", Some("100")),
        (Tier::Low, "99.99", None),
        (Tier::Low, "25000", Some("20000")),
        (Tier::Medium, "1000", Some("500")),
        (Tier::Medium, "199", None),
        (Tier::Medium, "99999", Some("5000")),
    ] {
        let rule = strategy.purposes[&RiskPurpose::Credit].of(tier).limit.clone().unwrap();
        assert_eq!(rule.limit(ghs(requested)).unwrap(), limit.map(ghs), "{tier:?} {requested}");
    }
    let dollars = Money::parse("500", Currency::USD).unwrap();
    let rule = strategy.purposes[&RiskPurpose::Credit].low.limit.clone().unwrap();
    assert!(rule.limit(dollars).is_err());
}

#[test]
fn a_mistake_names_its_field() {
    for (old, new, field) in [
        ("name: gh-default", "name: gh default", "name"),
        ("version: 1", "version: 0", "version"),
        ("  purpose: purpose", "  purpose: kyc_verdict", "request_facts.purpose"),
        ("  purpose: purpose", "  purpose: age_in_years", "request_facts.purpose"),
        ("{ below: 8, points: 27 }", "{ below: 16, points: 27 }", "scorecard.characteristics[1].bins[1].below"),
        ("{ below: 8, points: 27 }", "{ points: 27 }", "scorecard.characteristics[1].bins[1].below"),
        ("{ below: 8, points: 27 }", "{ below: 8, in: [x], points: 27 }", "scorecard.characteristics[1].bins[0]"),
        ("\"0 <= ... < 200 DM\"", "\"... < 0 DM\"", "scorecard.characteristics[0].bins[1].in"),
        ("feature: duration_in_month", "feature: credit_history", "scorecard.characteristics[2].feature"),
        ("{ tier: medium, from: 567 }", "{ tier: medium, from: 590 }", "tiers"),
        ("{ tier: medium, from: 567 }", "{ tier: medium }", "tiers"),
        ("{ tier: very-high }", "{ tier: extreme }", "tiers"),
        ("reason: PHONE_BLACKLISTED", "reason: phone-blacklisted", "rules[0].reason"),
        ("is: \"yes\", outcome: reject }", "outcome: reject }", "rules[0]"),
        ("is: \"yes\", outcome: reject }", "is: \"yes\", below: 3, outcome: reject }", "rules[0]"),
        ("is: \"yes\", outcome: reject }", "is: \"yes\", outcome: approve }", "rules[0].outcome"),
        ("outside: [18, 70]", "outside: [70, 18]", "rules[5].outside"),
        ("valid_hours: 720", "valid_hours: 0", "purposes.admission.valid_hours"),
        ("surcharge: \"0.04\"", "surcharge: \"-0.04\"", "purposes.credit.tiers.medium.surcharge"),
        ("fraction: \"0.50\"", "fraction: \"0\"", "purposes.credit.tiers.medium.limit.fraction"),
        ("max: \"5000\"", "max: \"50\"", "purposes.credit.tiers.medium.limit.min"),
        ("max: \"5000\"", "max: \"5000.00001\"", "purposes.credit.tiers.medium.limit.max"),
        ("low: { outcome: approve }", "low: { outcome: review }", "purposes.admission.tiers.low.outcome"),
        (
            "medium: { outcome: approve }",
            "medium: { outcome: approve, with_manual_review: review }",
            "purposes.admission.tiers.medium.with_manual_review",
        ),
        (
            "medium: { outcome: approve, surcharge",
            "medium: { outcome: approve, with_manual_review: review, surcharge",
            "purposes.distribution.tiers.medium.with_manual_review",
        ),
        ("outcome: review, purposes: [credit, drawdown] }", "outcome: review }", "rules[8].purposes"),
        (
            "outcome: review, purposes: [credit] }",
            "outcome: review, purposes: [credit, admission] }",
            "rules[12].purposes",
        ),
        (
            "multiple: \"10\" }\n      medium",
            "multiple: \"0\" }\n      medium",
            "purposes.credit.tiers.low.limit.multiple",
        ),
        (
            "high: { outcome: reject, surcharge: \"0.08\" }\n      very-high: { outcome: reject, surcharge: \"0.12\", blacklist",
            "high: { outcome: review }\n      very-high: { outcome: reject, surcharge: \"0.12\", blacklist",
            "purposes.credit.tiers.high.limit",
        ),
    ] {
        assert!(DEFAULT_STRATEGY.contains(old), "{old}");
        let error = RiskStrategy::from_yaml(&DEFAULT_STRATEGY.replacen(old, new, 1)).unwrap_err();
        assert_eq!(error.field(), Some(field), "{new}: {error}");
        assert!(error.to_string().contains("for example"), "{error}");
    }
}

#[test]
fn a_document_of_another_form_is_refused_with_its_place() {
    for (old, new, told) in [
        ("currency: GHS", "currency: CEDI", "currency"),
        ("outcome: approve", "outcome: maybe", "unknown variant `maybe`"),
        ("at_least: 1,", "at_least: 1.5,", "a decimal in quotes"),
        ("valid_hours: 720", "valid_days: 30", "unknown field `valid_days`"),
        ("  drawdown:\n    valid", "  payout:\n    valid", "unknown variant `payout`"),
        ("very-high: { outcome", "worst: { outcome", "unknown field `worst`"),
    ] {
        assert!(DEFAULT_STRATEGY.contains(old), "{old}");
        let error = RiskStrategy::from_yaml(&DEFAULT_STRATEGY.replacen(old, new, 1)).unwrap_err();
        assert!(matches!(error, StrategyError::Form(_)), "{new}: {error}");
        assert!(error.to_string().contains(told), "{new}: {error}");
    }
}
