//! What holds for any applicant, whatever the features, the score and the amount.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use sycee_contract::{RiskOutcome, RiskPurpose};
use sycee_money::{Currency, Money};
use sycee_risk::RiskStrategy;
use sycee_risk::decision_engine::decide;
use sycee_risk::inputs::RiskInputs;
use sycee_risk::strategy::fired;

use crate::support::default_strategy;

/// The same cases everywhere: the seed is fixed and nothing is written to disk.
fn runner() -> TestRunner {
    TestRunner::new(Config {
        cases: 512,
        rng_seed: RngSeed::Fixed(20_260_105),
        failure_persistence: None,
        ..Config::default()
    })
}

fn values(strategy: &RiskStrategy) -> impl Strategy<Value = BTreeMap<String, String>> {
    let names: Vec<String> = strategy
        .rules
        .iter()
        .map(|rule| rule.feature.clone())
        .chain(strategy.scorecard.characteristics.iter().map(|characteristic| characteristic.feature.clone()))
        .collect();
    let value = prop_oneof![
        Just("yes".to_owned()),
        Just("no".to_owned()),
        Just("passed".to_owned()),
        (-5_i64..80).prop_map(|n| n.to_string()),
        "[a-z.]{0,6}",
    ];
    prop::collection::btree_map(prop::sample::select(names), value, 0..20)
}

fn inputs(strategy: &RiskStrategy) -> impl Strategy<Value = RiskInputs> {
    let id = strategy.id();
    let purpose = prop::sample::select(RiskPurpose::ALL);
    let requested =
        prop::option::of((1_i64..30_000_000).prop_map(|minor| Money::from_units(minor * 100, Currency::GHS)));
    (purpose, requested, values(strategy), prop::option::of(480_i64..730)).prop_map(
        move |(purpose, requested, features, score)| RiskInputs {
            strategy: id.clone(),
            purpose,
            requested,
            features,
            score,
            score_parts: vec![("housing".to_owned(), -6), ("property".to_owned(), 4)],
        },
    )
}

#[test]
fn a_decision_is_never_kinder_than_a_rule_or_its_tier() {
    let strategy = default_strategy();
    let cases = (inputs(&strategy), any::<bool>());
    let checked = runner().run(&cases, |(inputs, manual)| {
        let policy = &strategy.purposes[&inputs.purpose];
        let verdict = decide(&strategy, policy, &inputs, manual).unwrap();
        let tier = policy.of(verdict.tier);
        let by_score = tier.with_manual_review.filter(|_| manual).unwrap_or(tier.outcome);
        let rules = fired(&strategy.rules, inputs.purpose, &inputs.features);
        let worst = |outcome| by_score == outcome || rules.iter().any(|rule| rule.outcome == outcome);
        if worst(RiskOutcome::Reject) {
            prop_assert_eq!(verdict.outcome, RiskOutcome::Reject);
        } else if worst(RiskOutcome::Review) {
            prop_assert_ne!(verdict.outcome, RiskOutcome::Approve);
        }
        for rule in &rules {
            prop_assert!(verdict.reasons.contains(&rule.reason));
        }
        prop_assert_eq!(verdict.reasons.is_empty(), verdict.outcome == RiskOutcome::Approve);
        prop_assert!(verdict.limit.is_none() || verdict.outcome != RiskOutcome::Reject);
        prop_assert!(!verdict.blacklist_device || verdict.outcome == RiskOutcome::Reject);
        prop_assert_eq!(decide(&strategy, policy, &inputs, manual).unwrap(), verdict);
        Ok(())
    });
    checked.unwrap();
}

#[test]
fn a_limit_keeps_every_bound_and_grows_with_the_request() {
    let strategy = default_strategy();
    let credit = &strategy.purposes[&RiskPurpose::Credit];
    let rules: Vec<_> = [&credit.low, &credit.medium].into_iter().filter_map(|tier| tier.limit.clone()).collect();
    let amounts = (1_i64..500_000_000, 1_i64..500_000_000);
    let checked = runner().run(&amounts, |(one, other)| {
        let (less, more) = (one.min(other), one.max(other));
        for rule in &rules {
            let granted = |units| rule.limit(Money::from_units(units, Currency::GHS)).unwrap().map(Money::units);
            if let Some(limit) = granted(less) {
                prop_assert!(limit <= less && limit <= rule.max.units() && limit >= rule.min.units());
                prop_assert_eq!(limit % rule.multiple.units(), 0);
            }
            prop_assert!(granted(less) <= granted(more), "none is less than any limit");
        }
        Ok(())
    });
    checked.unwrap();
}
