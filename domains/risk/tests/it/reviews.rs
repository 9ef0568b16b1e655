//! What the decision engine decides, and what it leaves behind.

use sycee_contract::{
    AddToBlacklist, BlacklistEntryAdded, CheckCustomerBlacklist, KycVerdict, OpenWorkOrder, RiskDecisionMade,
    RiskOutcome, RiskPurpose,
};
use sycee_money::Rate;
use sycee_risk::decision_engine::{ReviewHistory, RiskDecision};
use sycee_risk::strategy::Tier;
use sycee_runtime::testing::{Scene, test_market};
use sycee_runtime::{Configs, Market};

use crate::support::*;

fn decided(scene: &Scene) -> RiskDecisionMade {
    let mut made = scene.emitted::<RiskDecisionMade>();
    assert_eq!(made.len(), 1, "one decision");
    made.remove(0)
}

#[test]
fn credit_is_decided_by_tier() {
    each(|scene| {
        for (number, data_row, outcome, tier, limit, surcharge) in [
            (AMA, LOW, RiskOutcome::Approve, "low", Some("1160"), "0"),
            (2, MEDIUM, RiskOutcome::Approve, "medium", Some("5000"), "0.04"),
            (3, HIGH, RiskOutcome::Reject, "high", None, "0.08"),
        ] {
            onboard(scene, number, data_row);
            let cmd = review(number, RiskPurpose::Credit, Some(amount_of(data_row)));
            let answer = scene.request(cmd.clone()).unwrap();
            let made = decided(scene);
            assert_eq!((answer.decision, answer.outcome), (made.decision, made.outcome));
            assert_eq!((made.outcome, made.tier.as_str()), (outcome, tier), "{:?}", made.reasons);
            assert_eq!(made.limit, limit.map(ghs));
            assert_eq!(made.rate_surcharge, Rate::from_fraction_str(surcharge).unwrap());
            assert_eq!((made.strategy.as_str(), made.subject.clone()), (default_strategy().id().as_str(), cmd.subject));
            let kept = scene.load::<RiskDecision>(made.decision).unwrap();
            assert_eq!((kept.outcome, kept.inputs_hash.clone()), (outcome, made.inputs_hash));
            assert_eq!(kept.valid_until.seconds_since(kept.decided_at), 2_160 * 3_600);
            assert_eq!(kept.inputs.score, made.score);
            assert_eq!(600 + kept.inputs.score_parts.iter().map(|part| part.1).sum::<i64>(), made.score.unwrap());
        }
    });
}

#[test]
fn where_people_review_they_get_the_medium_tier() {
    let market = Market { manual_review: true, ..test_market() };
    Scene::each_in(&market, sycee_risk::register, Configs::new().with(default_strategy()), |scene| {
        onboard(scene, AMA, MEDIUM);
        scene.request(review(AMA, RiskPurpose::Credit, Some(amount_of(MEDIUM)))).unwrap();
        let made = decided(scene);
        assert_eq!((made.outcome, made.reasons[0].as_str()), (RiskOutcome::Review, "SCORE_TIER_MEDIUM"));
        assert_eq!(made.limit, Some(ghs("5000")), "what the strategy would grant");
        let mut application = loan_application(AMA, 1, amount_of(MEDIUM));
        application.purpose = row(MEDIUM)["purpose"].clone();
        scene.happened(application);
        assert_eq!(decided(scene).outcome, RiskOutcome::Review);
    });
}

#[test]
fn a_rejection_names_its_tier_and_the_weakest_characteristics() {
    each(|scene| {
        onboard(scene, AMA, HIGH);
        scene.request(review(AMA, RiskPurpose::Credit, Some(amount_of(HIGH)))).unwrap();
        let reasons = decided(scene).reasons;
        assert_eq!(reasons[..2], ["SCORE_TIER_HIGH", "DURATION_IN_MONTH"]);
        assert_eq!(reasons.len(), 4);
    });
}

#[test]
fn a_used_up_line_can_be_asked_about() {
    each(|scene| {
        onboard(scene, AMA, LOW);
        scene.request(review(AMA, RiskPurpose::Distribution, Some(ghs("0")))).unwrap();
        assert_eq!(decided(scene).outcome, RiskOutcome::Approve);
    });
}

#[test]
fn the_same_inputs_have_the_same_hash() {
    each(|scene| {
        onboard(scene, AMA, LOW);
        let mut hash_of = |amount: &str| {
            scene.request(review(AMA, RiskPurpose::Credit, Some(ghs(amount)))).unwrap();
            decided(scene).inputs_hash
        };
        let first = hash_of("500");
        assert_eq!(hash_of("500"), first);
        assert_ne!(hash_of("501"), first);
    });
}

#[test]
fn very_high_risk_marks_the_device_once() {
    each(|scene| {
        onboard(scene, AMA, LOW);
        scene.happened(details(AMA, VERY_HIGH));
        let cmd = review(AMA, RiskPurpose::Credit, Some(amount_of(VERY_HIGH)));
        scene.request(cmd.clone()).unwrap();
        let made = decided(scene);
        assert_eq!((made.outcome, made.tier.as_str()), (RiskOutcome::Reject, "very-high"));
        assert_eq!(scene.sent::<AddToBlacklist>()[0].value.reveal(), "device-1");
        assert_eq!(scene.emitted::<BlacklistEntryAdded>()[0].customers, [customer(AMA)]);
        assert_eq!(scene.sent::<OpenWorkOrder>()[0].kind, "device-blacklisted-by-very-high-risk");

        scene.request(cmd).unwrap();
        assert_eq!(decided(scene).reasons[..2], ["DEVICE_BLACKLISTED", "SCORE_TIER_VERY_HIGH"]);
        assert!(scene.sent::<AddToBlacklist>().is_empty());
    });
}

#[test]
fn very_high_risk_marks_no_device_that_others_have_too() {
    each(|scene| {
        let others = [2, 3];
        for number in others {
            onboard(scene, number, LOW);
            scene.happened(seen(number, "device-1"));
        }
        onboard(scene, AMA, VERY_HIGH);
        let cmd = review(AMA, RiskPurpose::Credit, Some(amount_of(VERY_HIGH)));
        scene.request(cmd).unwrap();
        assert_eq!(decided(scene).tier, "very-high");
        assert!(scene.emitted::<BlacklistEntryAdded>().is_empty());
        let order = scene.sent::<OpenWorkOrder>().remove(0);
        assert_eq!(order.kind, "device-shared-by-very-high-risk");
        assert!(order.text.contains("cus-1") && order.text.contains("2 customers"), "{}", order.text);
        for number in others {
            let listed = scene.request(CheckCustomerBlacklist { customer: customer(number) }).unwrap();
            assert!(listed.is_empty());
        }
    });
}

#[test]
fn facts_are_few_and_short() {
    each(|scene| {
        let told = |facts: Vec<(String, String)>| {
            let facts = facts.into_iter().collect();
            sycee_contract::ExecuteRiskReview { facts, ..review(AMA, RiskPurpose::Credit, Some(ghs("500"))) }
        };
        for cmd in [
            told(vec![("purpose".to_owned(), "x".repeat(201))]),
            told(vec![("x".repeat(81), "1".to_owned())]),
            told((0..33).map(|nr| (format!("fact-{nr}"), "1".to_owned())).collect()),
        ] {
            assert_eq!(scene.request(cmd).unwrap_err().code, "INVALID_FIELD");
        }
    });
}

#[test]
fn a_customer_of_whom_nothing_is_known_is_rejected() {
    each(|scene| {
        scene.request(review(AMA, RiskPurpose::Credit, Some(ghs("500")))).unwrap();
        let made = decided(scene);
        assert_eq!(made.outcome, RiskOutcome::Reject);
        assert_eq!(made.reasons, ["KYC_NOT_PASSED", "CONSENT_INCOMPLETE", "THIN_FILE"]);
        assert_eq!(made.limit, None);
    });
}

#[test]
fn a_thin_file_is_referred_even_at_a_good_score() {
    each(|scene| {
        scene.happened(kyc(AMA, KycVerdict::Passed));
        scene.happened(consent(AMA, true, Some(KycVerdict::Passed)));
        scene.request(review(AMA, RiskPurpose::Credit, Some(ghs("1500")))).unwrap();
        let made = decided(scene);
        assert_eq!((made.outcome, made.reasons), (RiskOutcome::Review, vec!["THIN_FILE".to_owned()]));
        assert_eq!(made.limit, Some(ghs("1500")));
    });
}

#[test]
fn a_requester_cannot_talk_a_measurement_away() {
    each(|scene| {
        scene.happened(details(AMA, LOW));
        let mut cmd = review(AMA, RiskPurpose::Credit, Some(ghs("500")));
        for (name, value) in [("kyc_verdict", "passed"), ("consents_complete", "yes"), ("duration-months", "6")] {
            cmd.facts.insert(name.to_owned(), value.to_owned());
        }
        scene.request(cmd).unwrap();
        let made = decided(scene);
        assert_eq!(made.reasons, ["KYC_NOT_PASSED", "CONSENT_INCOMPLETE"]);
        let inputs = scene.load::<RiskDecision>(made.decision).unwrap().inputs;
        assert_eq!(inputs.features["kyc_verdict"], "none");
        assert_eq!(inputs.features["duration_in_month"], "6");
    });
}

#[test]
fn rules_on_age() {
    each(|scene| {
        onboard(scene, AMA, LOW);
        for (age, outcome) in [
            ("17", RiskOutcome::Reject),
            ("18", RiskOutcome::Approve),
            ("70", RiskOutcome::Approve),
            ("71", RiskOutcome::Reject),
        ] {
            let mut update = details(AMA, LOW);
            update.attributes.insert("age_in_years".to_owned(), age.to_owned());
            scene.happened(update);
            scene.request(review(AMA, RiskPurpose::Credit, Some(amount_of(LOW)))).unwrap();
            assert_eq!(decided(scene).outcome, outcome, "age {age}");
        }
    });
}

#[test]
fn what_cannot_be_reviewed_is_refused_and_leaves_nothing() {
    let mut strategy = default_strategy();
    strategy.purposes.remove(&RiskPurpose::Distribution);
    each_with(strategy, |scene| {
        onboard(scene, AMA, LOW);
        let dollars = sycee_money::Money::parse("500", sycee_money::Currency::USD).unwrap();
        let history = scene.load::<ReviewHistory>(customer(AMA));
        for (purpose, requested, code) in [
            (RiskPurpose::Distribution, None, "STRATEGY_NOT_FOUND"),
            (RiskPurpose::Credit, None, "INVALID_FIELD"),
            (RiskPurpose::Credit, Some(ghs("0")), "INVALID_FIELD"),
            (RiskPurpose::Drawdown, Some(ghs("0")), "INVALID_FIELD"),
            (RiskPurpose::Admission, Some(ghs("-1")), "INVALID_FIELD"),
            (RiskPurpose::Credit, Some(dollars), "INVALID_AMOUNT"),
        ] {
            let refusal = scene.request(review(AMA, purpose, requested)).unwrap_err();
            assert_eq!(refusal.code, code, "{purpose:?} {requested:?}: {refusal}");
            assert!(scene.emitted::<RiskDecisionMade>().is_empty());
            assert_eq!(scene.load::<ReviewHistory>(customer(AMA)), history);
        }
    });
}

#[test]
fn admission_is_decided_once_when_consents_and_identity_are_there() {
    each(|scene| {
        scene.happened(registered(AMA));
        for (complete, verdict) in [
            (false, Some(KycVerdict::Passed)),
            (true, None),
            (true, Some(KycVerdict::Failed)),
            (true, Some(KycVerdict::Review)),
        ] {
            scene.happened(consent(AMA, complete, verdict));
            assert!(scene.emitted::<RiskDecisionMade>().is_empty(), "{complete} {verdict:?}");
        }
        scene.happened(consent(AMA, true, Some(KycVerdict::Passed)));
        let made = decided(scene);
        assert_eq!((made.purpose, made.outcome), (RiskPurpose::Admission, RiskOutcome::Approve), "{:?}", made.reasons);
        assert_eq!(made.limit, None);

        scene.happened(consent(AMA, true, Some(KycVerdict::Passed)));
        assert!(scene.emitted::<RiskDecisionMade>().is_empty(), "the first decision is in force");
        scene.advance_seconds(720 * 3_600);
        scene.happened(consent(AMA, true, Some(KycVerdict::Passed)));
        assert_eq!(decided(scene).purpose, RiskPurpose::Admission);
    });
}

#[test]
fn a_blacklisted_device_is_not_admitted() {
    each(|scene| {
        scene.request(blacklist_device("device-1")).unwrap();
        onboard(scene, AMA, LOW);
        let made = decided(scene);
        assert_eq!((made.outcome, made.reasons), (RiskOutcome::Reject, vec!["DEVICE_BLACKLISTED".to_owned()]));
    });
}

#[test]
fn drawdowns_race_only_so_often() {
    each(|scene| {
        onboard(scene, AMA, LOW);
        for (nr, outcome) in
            [(1, RiskOutcome::Approve), (2, RiskOutcome::Approve), (3, RiskOutcome::Approve), (4, RiskOutcome::Reject)]
        {
            scene.happened(loan_application(AMA, nr, ghs("500")));
            let made = decided(scene);
            assert_eq!(
                (made.purpose, made.outcome, made.subject.loan),
                (RiskPurpose::Drawdown, outcome, Some(loan(nr)))
            );
            if outcome == RiskOutcome::Reject {
                assert_eq!(made.reasons, ["DRAWDOWN_VELOCITY"]);
            }
        }
        scene.advance_seconds(24 * 3_600);
        scene.happened(loan_application(AMA, 5, ghs("500")));
        assert_eq!(decided(scene).outcome, RiskOutcome::Approve);
    });
}

#[test]
fn too_much_exposure_is_not_paid_out() {
    each(|scene| {
        onboard(scene, AMA, LOW);
        for (nr, amount, reasons) in [(1, "50000", vec![]), (2, "50000.01", vec!["EXPOSURE_TOO_HIGH"])] {
            scene.happened(loan_application(AMA, nr, ghs(amount)));
            let mut got = decided(scene).reasons;
            got.retain(|reason| reason.starts_with("EXPOSURE"));
            assert_eq!(got, reasons, "{amount}");
        }
    });
}

#[test]
fn an_event_without_a_policy_becomes_a_work_order() {
    let mut strategy = default_strategy();
    strategy.purposes.remove(&RiskPurpose::Drawdown);
    strategy.purposes.remove(&RiskPurpose::Admission);
    each_with(strategy, |scene| {
        onboard(scene, AMA, LOW);
        assert_eq!(scene.sent::<OpenWorkOrder>().len(), 1);
        scene.happened(loan_application(AMA, 1, ghs("500")));
        let orders = scene.sent::<OpenWorkOrder>();
        assert_eq!((orders.len(), orders[0].loan), (1, Some(loan(1))));
        assert!(scene.emitted::<RiskDecisionMade>().is_empty());
    });
}

#[test]
fn decisions_are_pure() {
    use sycee_risk::decision_engine::decide;
    each(|scene| {
        onboard(scene, AMA, MEDIUM);
        scene.request(review(AMA, RiskPurpose::Credit, Some(amount_of(MEDIUM)))).unwrap();
        let made = decided(scene);
        let kept = scene.load::<RiskDecision>(made.decision).unwrap();
        let strategy = default_strategy();
        let policy = &strategy.purposes[&RiskPurpose::Credit];
        for (manual_review, outcome) in [(false, RiskOutcome::Approve), (true, RiskOutcome::Review)] {
            let verdict = decide(&strategy, policy, &kept.inputs, manual_review).unwrap();
            assert_eq!((verdict.outcome, verdict.tier, verdict.limit), (outcome, Tier::Medium, Some(ghs("5000"))));
        }
        let mut unscored = kept.inputs.0;
        unscored.score = None;
        let verdict = decide(&strategy, policy, &unscored, false).unwrap();
        assert_eq!((verdict.outcome, verdict.reasons[0].as_str()), (RiskOutcome::Reject, "NO_SCORE"));
    });
}
