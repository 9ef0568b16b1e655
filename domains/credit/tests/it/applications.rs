//! credit-center: applications for a line and their decisions.

use std::collections::BTreeMap;

use sycee_contract::{
    ApplyForCredit, CheckCustomerBlacklist, CreditApplicationId, CreditApplicationReferred, CreditApplicationRejected,
    CreditLineApproved, CreditLineFrozen, CustomerId, ExecuteRiskReview, Identifier, OpenWorkOrder, ResolveWorkOrder,
    ReviewCreditApplication, RiskDecisionMade, RiskOutcome, RiskPurpose, RiskSubject, Timestamp,
};
use sycee_credit::CreditPolicy;
use sycee_credit::credit_center::{ApplicationStatus, CreditApplication, CreditCustomer};
use sycee_credit::credit_limit_center::CreditLine;
use sycee_money::{Currency, Money, Rate};
use sycee_runtime::testing::{Scene, test_market};
use sycee_runtime::{Configs, Market};

use crate::{customer, ghs, nobody_is_listed};

const FOR_EVER: Timestamp = Timestamp::from_micros(i64::MAX);

fn each(body: impl Fn(&mut Scene)) {
    each_reviewed(false, body);
}

fn each_reviewed(manual_review: bool, body: impl Fn(&mut Scene)) {
    let market = Market { manual_review, ..test_market() };
    Scene::each_in(&market, sycee_credit::register, Configs::new().with(CreditPolicy::default()), |scene| {
        nobody_is_listed(scene);
        body(scene);
    });
}

fn application(customer: CustomerId, requested: &str) -> ApplyForCredit {
    ApplyForCredit {
        customer,
        requested: ghs(requested),
        purpose: "education".to_owned(),
        facts: BTreeMap::from([("duration-months".to_owned(), "24".to_owned())]),
    }
}

fn decision(purpose: RiskPurpose, subject: RiskSubject, outcome: RiskOutcome, limit: Option<&str>) -> RiskDecisionMade {
    RiskDecisionMade {
        decision: Identifier::from_number(55),
        purpose,
        subject,
        outcome,
        score: Some(640),
        tier: "low".to_owned(),
        reasons: vec!["SCORE".to_owned()],
        limit: limit.map(ghs),
        rate_surcharge: Rate::zero(),
        excluded_products: vec![],
        valid_until: FOR_EVER,
        strategy: "gh-default@1".to_owned(),
        inputs_hash: String::new(),
    }
}

fn admission(number: i64, outcome: RiskOutcome) -> RiskDecisionMade {
    let subject = RiskSubject { customer: customer(number), application: None, loan: None };
    decision(RiskPurpose::Admission, subject, outcome, None)
}

fn about(application: CreditApplicationId, outcome: RiskOutcome, limit: Option<&str>) -> RiskDecisionMade {
    let subject = RiskSubject { customer: customer(1), application: Some(application), loan: None };
    decision(RiskPurpose::Credit, subject, outcome, limit)
}

fn applied(scene: &mut Scene, requested: &str) -> CreditApplicationId {
    scene.happened(admission(1, RiskOutcome::Approve));
    scene.request(application(customer(1), requested)).unwrap().application
}

fn stored(scene: &mut Scene, id: CreditApplicationId) -> CreditApplication {
    scene.load::<CreditApplication>(id).unwrap()
}

#[test]
fn an_application_is_sent_to_risk_with_its_facts() {
    each(|scene| {
        let id = applied(scene, "1000");
        let review = &scene.sent::<ExecuteRiskReview>()[0];
        assert_eq!((review.purpose, review.subject.application), (RiskPurpose::Credit, Some(id)));
        assert_eq!(review.requested, Some(ghs("1000")));
        assert_eq!(review.facts["purpose"], "education");
        assert_eq!(review.facts["duration-months"], "24");
        assert_eq!(stored(scene, id).status, ApplicationStatus::Submitted);
    });
}

#[test]
fn an_approval_opens_a_line_of_at_most_what_was_asked_for() {
    for (decided, limit) in [(Some("800"), "800"), (Some("5000"), "1000"), (None, "1000"), (Some("0.01"), "0.01")] {
        each(|scene| {
            let id = applied(scene, "1000");
            scene.happened(about(id, RiskOutcome::Approve, decided));
            let approved = &scene.emitted::<CreditLineApproved>()[0];
            assert_eq!((approved.limit, approved.tier.as_str()), (ghs(limit), "low"));
            assert_eq!(approved.limit_cap, approved.limit.checked_mul_int(3).unwrap());
            assert_eq!(approved.valid_until, scene.now().plus_days(365));
            assert_eq!(scene.load::<CreditLine>(customer(1)).unwrap().available, ghs(limit));
            assert_eq!(stored(scene, id).status, ApplicationStatus::Approved);

            scene.happened(about(id, RiskOutcome::Approve, decided));
            scene.happened(about(id, RiskOutcome::Reject, None));
            assert!(scene.emitted::<CreditApplicationRejected>().is_empty());
            assert_eq!(stored(scene, id).status, ApplicationStatus::Approved);
        });
    }
}

#[test]
fn a_rejection_is_told_and_cools_off() {
    for (outcome, limit) in [(RiskOutcome::Reject, None), (RiskOutcome::Approve, Some("0"))] {
        each(|scene| {
            let id = applied(scene, "1000");
            scene.happened(about(id, outcome, limit));
            assert_eq!(scene.emitted::<CreditApplicationRejected>()[0].reasons, ["SCORE"]);
            assert!(scene.load::<CreditLine>(customer(1)).is_none());

            scene.advance_seconds(30 * 86_400 - 1);
            let refused = scene.request(application(customer(1), "1000")).unwrap_err();
            assert_eq!(refused.code, "COOLING_OFF_AFTER_REJECTION");
            scene.advance_seconds(1);
            scene.request(application(customer(1), "1000")).unwrap();
        });
    }
}

#[test]
fn who_may_not_apply_changes_nothing() {
    each(|scene| {
        let stranger = application(customer(9), "1000");
        assert_eq!(scene.request(stranger).unwrap_err().code, "CUSTOMER_NOT_ADMITTED");
        scene.happened(admission(1, RiskOutcome::Reject));
        assert_eq!(scene.request(application(customer(1), "1000")).unwrap_err().code, "CUSTOMER_NOT_ADMITTED");

        let first = applied(scene, "1000");
        let before = scene.load::<CreditCustomer>(customer(1)).unwrap();
        let refused = scene.request(application(customer(1), "1000")).unwrap_err();
        assert_eq!(
            (refused.code.as_str(), &refused.details["application"]),
            ("APPLICATION_ALREADY_OPEN", &first.to_string())
        );
        assert_eq!(scene.load::<CreditCustomer>(customer(1)).unwrap(), before);
        assert!(scene.sent::<ExecuteRiskReview>().is_empty());

        scene.happened(about(first, RiskOutcome::Approve, None));
        assert_eq!(scene.request(application(customer(1), "1000")).unwrap_err().code, "CREDIT_LINE_EXISTS");
        scene.advance_seconds(365 * 86_400 + 1);
        scene.request(application(customer(1), "1000")).unwrap();
    });
}

#[test]
fn whoever_was_refused_admission_is_looked_at_again_when_that_has_run_out() {
    each(|scene| {
        let valid_until = scene.now().plus_days(30);
        scene.happened(RiskDecisionMade { valid_until, ..admission(1, RiskOutcome::Reject) });
        scene.advance_seconds(30 * 86_400);
        assert_eq!(scene.request(application(customer(1), "1000")).unwrap_err().code, "CUSTOMER_NOT_ADMITTED");
        scene.advance_seconds(1);
        let id = scene.request(application(customer(1), "1000")).unwrap().application;
        let asked: Vec<_> = scene.sent::<ExecuteRiskReview>().iter().map(|review| review.purpose).collect();
        assert_eq!(asked, [RiskPurpose::Admission, RiskPurpose::Credit]);
        let again = scene.now().plus_days(30);
        scene.happened(RiskDecisionMade { valid_until: again, ..admission(1, RiskOutcome::Reject) });
        scene.happened(about(id, RiskOutcome::Approve, None));
        assert_eq!(scene.emitted::<CreditApplicationRejected>()[0].reasons, ["NOT_ADMITTED"]);
        assert!(scene.load::<CreditLine>(customer(1)).is_none());

        scene.advance_seconds(30 * 86_400 + 1);
        let id = scene.request(application(customer(1), "1000")).unwrap().application;
        scene.happened(admission(1, RiskOutcome::Approve));
        scene.happened(about(id, RiskOutcome::Approve, None));
        assert_eq!(scene.emitted::<CreditLineApproved>()[0].limit, ghs("1000"));
    });
}

#[test]
fn whoever_was_admitted_is_looked_at_again_when_that_has_run_out() {
    for (seconds_after, asked, outcome) in [
        (0, &[RiskPurpose::Credit][..], None),
        (1, &[RiskPurpose::Admission, RiskPurpose::Credit], Some(RiskOutcome::Approve)),
        (1, &[RiskPurpose::Admission, RiskPurpose::Credit], Some(RiskOutcome::Reject)),
    ] {
        each(|scene| {
            let valid_until = scene.now().plus_days(30);
            scene.happened(RiskDecisionMade { valid_until, ..admission(1, RiskOutcome::Approve) });
            scene.advance_seconds(30 * 86_400 + seconds_after);
            let id = scene.request(application(customer(1), "1000")).unwrap().application;
            let sent: Vec<_> = scene.sent::<ExecuteRiskReview>().iter().map(|review| review.purpose).collect();
            assert_eq!(sent, asked);
            if let Some(outcome) = outcome {
                scene.happened(admission(1, outcome));
            }
            scene.happened(about(id, RiskOutcome::Approve, None));
            let rejected: Vec<_> =
                scene.emitted::<CreditApplicationRejected>().into_iter().flat_map(|event| event.reasons).collect();
            let refused = outcome == Some(RiskOutcome::Reject);
            assert_eq!(rejected, if refused { vec!["NOT_ADMITTED"] } else { vec![] });
            assert_eq!(scene.load::<CreditLine>(customer(1)).is_some(), !refused);
        });
    }
}

#[test]
fn nothing_is_granted_on_a_decision_that_has_run_out() {
    each_reviewed(true, |scene| {
        let id = applied(scene, "1000");
        let valid_until = scene.now().plus_days(90);
        scene.happened(RiskDecisionMade { valid_until, ..about(id, RiskOutcome::Review, None) });
        let review = |limit| ReviewCreditApplication { application: id, limit, note: "income seen".to_owned() };
        scene.advance_seconds(90 * 86_400 + 1);
        let refused = scene.request(review(Some(ghs("700")))).unwrap_err();
        assert_eq!(
            (refused.code.as_str(), &refused.details["validUntil"]),
            ("DECISION_EXPIRED", &valid_until.to_string())
        );
        assert_eq!(stored(scene, id).status, ApplicationStatus::Referred);
        scene.request(review(None)).unwrap();
        assert_eq!(stored(scene, id).status, ApplicationStatus::Rejected);
        scene.request(application(customer(1), "1000")).unwrap();
    });
    each_reviewed(true, |scene| {
        let id = applied(scene, "1000");
        let valid_until = scene.now().plus_days(90);
        scene.happened(RiskDecisionMade { valid_until, ..about(id, RiskOutcome::Review, None) });
        scene.advance_seconds(90 * 86_400);
        let note = "income seen".to_owned();
        scene.request(ReviewCreditApplication { application: id, limit: Some(ghs("700")), note }).unwrap();
    });
}

#[test]
fn nothing_is_granted_to_whom_is_not_admitted_any_more() {
    // What admission says meanwhile, or that it merely ran out; whether a refused customer waits.
    for (outcome, waits) in [(None, false), (Some(RiskOutcome::Reject), true)] {
        each_reviewed(true, |scene| {
            let valid_until = scene.now().plus_days(30);
            scene.happened(RiskDecisionMade { valid_until, ..admission(1, RiskOutcome::Approve) });
            let id = scene.request(application(customer(1), "1000")).unwrap().application;
            scene.happened(about(id, RiskOutcome::Review, None));
            let review = |limit| ReviewCreditApplication { application: id, limit, note: "income seen".to_owned() };
            match outcome {
                Some(outcome) => scene.happened(admission(1, outcome)),
                None => scene.advance_seconds(30 * 86_400 + 1),
            }
            let refused = scene.request(review(Some(ghs("700")))).unwrap_err();
            assert_eq!(
                (refused.code.as_str(), &refused.details["application"]),
                ("CUSTOMER_NOT_ADMITTED", &id.to_string())
            );
            assert!(refused.message.contains("execute-risk-review"), "{}", refused.message);
            assert_eq!(stored(scene, id).status, ApplicationStatus::Referred);
            assert!(scene.load::<CreditLine>(customer(1)).is_none());
            scene.request(review(None)).unwrap();
            assert_eq!(scene.load::<CreditCustomer>(customer(1)).unwrap().rejected_at.is_some(), waits);
            if !waits {
                scene.request(application(customer(1), "1000")).unwrap();
                let asked: Vec<_> = scene.sent::<ExecuteRiskReview>().iter().map(|review| review.purpose).collect();
                assert_eq!(asked, [RiskPurpose::Admission, RiskPurpose::Credit]);
            }
        });
    }
}

#[test]
fn whose_admission_ran_out_while_people_looked_is_granted_a_line_once_admitted_again() {
    each_reviewed(true, |scene| {
        let valid_until = scene.now().plus_days(30);
        scene.happened(RiskDecisionMade { valid_until, ..admission(1, RiskOutcome::Approve) });
        let id = scene.request(application(customer(1), "1000")).unwrap().application;
        scene.happened(about(id, RiskOutcome::Review, None));
        scene.advance_seconds(30 * 86_400 + 1);
        let note = "income seen".to_owned();
        let review = ReviewCreditApplication { application: id, limit: Some(ghs("700")), note };
        assert_eq!(scene.request(review.clone()).unwrap_err().code, "CUSTOMER_NOT_ADMITTED");
        scene.happened(admission(1, RiskOutcome::Approve));
        scene.request(review).unwrap();
        assert_eq!(scene.emitted::<CreditLineApproved>()[0].limit, ghs("700"));
    });
}

#[test]
fn whoever_is_listed_while_waiting_gets_a_frozen_line() {
    each_reviewed(true, |scene| {
        let id = applied(scene, "1000");
        scene.happened(about(id, RiskOutcome::Review, None));
        scene.answers::<CheckCustomerBlacklist>(|_| Ok(vec!["device".to_owned()]));
        let note = "income seen".to_owned();
        scene.request(ReviewCreditApplication { application: id, limit: Some(ghs("700")), note }).unwrap();
        assert_eq!(scene.emitted::<CreditLineFrozen>()[0].reason, "blacklisted");
        let line = scene.load::<CreditLine>(customer(1)).unwrap();
        assert_eq!((line.available, line.frozen), (ghs("0"), ghs("700")));
    });
}

#[test]
fn an_application_needs_an_amount_and_a_purpose() {
    each(|scene| {
        scene.happened(admission(1, RiskOutcome::Approve));
        let asked = |requested| ApplyForCredit { requested, ..application(customer(1), "1") };
        let purposeless = ApplyForCredit { purpose: " ".to_owned(), ..application(customer(1), "1") };
        for (command, code) in [
            (asked(ghs("0")), "INVALID_AMOUNT"),
            (asked(ghs("-1")), "INVALID_AMOUNT"),
            (asked(ghs("0.005")), "INVALID_AMOUNT"),
            (asked(Money::parse("1", Currency::EUR).unwrap()), "INVALID_AMOUNT"),
            (purposeless, "INVALID_FIELD"),
            (ApplyForCredit { purpose: "x".repeat(201), ..application(customer(1), "1") }, "INVALID_FIELD"),
        ] {
            assert_eq!(scene.request(command.clone()).unwrap_err().code, code, "{command:?}");
            assert!(scene.sent::<ExecuteRiskReview>().is_empty());
        }
        assert_eq!(scene.load::<CreditCustomer>(customer(1)).unwrap().open_application, None);
        scene.request(asked(ghs("0.01"))).unwrap();
    });
}

#[test]
fn the_largest_amounts_are_refused_or_granted_but_never_wrap() {
    each(|scene| {
        scene.happened(admission(1, RiskOutcome::Approve));
        let most = Money::from_minor(i64::MAX / 400, Currency::GHS).unwrap();
        let id =
            scene.request(ApplyForCredit { requested: most, ..application(customer(1), "1") }).unwrap().application;
        scene.happened(about(id, RiskOutcome::Approve, None));
        let line = scene.load::<CreditLine>(customer(1)).unwrap();
        assert_eq!((line.credit_limit, line.limit_cap), (most, most.checked_mul_int(3).unwrap()));
    });
}

#[test]
fn people_decide_what_risk_refers_where_the_market_wants_it() {
    each_reviewed(true, |scene| {
        let id = applied(scene, "1000");
        let review =
            |limit: Option<Money>| ReviewCreditApplication { application: id, limit, note: "income seen".to_owned() };
        assert_eq!(scene.request(review(None)).unwrap_err().code, "UNEXPECTED_STATE");

        scene.happened(about(id, RiskOutcome::Review, None));
        assert_eq!(scene.emitted::<CreditApplicationReferred>()[0].reasons, ["SCORE"]);
        let called = scene.sent::<OpenWorkOrder>().remove(0);
        assert_eq!((called.kind.as_str(), called.key), ("credit-review", format!("credit-review-{id}")));
        assert!(called.text.contains("SCORE") && called.text.contains("review-credit-application"), "{}", called.text);
        assert_eq!(scene.request(application(customer(1), "5")).unwrap_err().code, "APPLICATION_ALREADY_OPEN");
        for (limit, code) in [("1000.01", "INVALID_AMOUNT"), ("0", "INVALID_AMOUNT"), ("-1", "INVALID_AMOUNT")] {
            assert_eq!(scene.request(review(Some(ghs(limit)))).unwrap_err().code, code, "{limit}");
            assert_eq!(stored(scene, id).status, ApplicationStatus::Referred);
            assert!(scene.sent::<ResolveWorkOrder>().is_empty(), "people still have to look");
        }
        let unexplained = ReviewCreditApplication { note: String::new(), ..review(None) };
        assert_eq!(scene.request(unexplained).unwrap_err().code, "INVALID_FIELD");

        scene.request(review(Some(ghs("700")))).unwrap();
        assert_eq!(scene.emitted::<CreditLineApproved>()[0].limit, ghs("700"));
        assert_eq!(scene.sent::<ResolveWorkOrder>()[0].key, format!("credit-review-{id}"));
        let decided = stored(scene, id);
        assert_eq!((decided.status, decided.note.as_deref()), (ApplicationStatus::Approved, Some("income seen")));
        assert!(decided.reviewer.is_some());

        scene.request(review(Some(ghs("700")))).unwrap();
        assert!(scene.emitted::<CreditLineApproved>().is_empty());
        assert_eq!(scene.request(review(Some(ghs("600")))).unwrap_err().code, "UNEXPECTED_STATE");
        assert_eq!(scene.request(review(None)).unwrap_err().code, "UNEXPECTED_STATE");
    });
}

#[test]
fn people_can_refuse_what_risk_refers() {
    each_reviewed(true, |scene| {
        let id = applied(scene, "1000");
        scene.happened(about(id, RiskOutcome::Review, None));
        let refusal = ReviewCreditApplication { application: id, limit: None, note: "no income".to_owned() };
        scene.request(refusal.clone()).unwrap();
        assert_eq!(scene.emitted::<CreditApplicationRejected>()[0].reasons, ["MANUAL_REJECTION"]);
        assert_eq!(scene.sent::<ResolveWorkOrder>()[0].key, format!("credit-review-{id}"));
        scene.request(refusal).unwrap();
        assert!(scene.emitted::<CreditApplicationRejected>().is_empty());
        assert_eq!(scene.request(application(customer(1), "5")).unwrap_err().code, "COOLING_OFF_AFTER_REJECTION");
    });
}

#[test]
fn a_referral_is_a_rejection_where_nobody_reviews() {
    each_reviewed(false, |scene| {
        let id = applied(scene, "1000");
        scene.happened(about(id, RiskOutcome::Review, None));
        assert!(scene.emitted::<CreditApplicationReferred>().is_empty());
        assert!(scene.sent::<OpenWorkOrder>().is_empty());
        assert_eq!(stored(scene, id).status, ApplicationStatus::Rejected);
    });
}

#[test]
fn decisions_about_other_things_are_ignored() {
    each(|scene| {
        let id = applied(scene, "1000");
        let before = stored(scene, id);
        scene.happened(about(Identifier::from_number(77), RiskOutcome::Approve, None));
        let stranger = RiskSubject { customer: customer(2), application: Some(id), loan: None };
        scene.happened(decision(RiskPurpose::Credit, stranger, RiskOutcome::Approve, None));
        for purpose in [RiskPurpose::Distribution, RiskPurpose::Drawdown] {
            scene.happened(RiskDecisionMade { purpose, ..about(id, RiskOutcome::Reject, None) });
        }
        assert_eq!(stored(scene, id), before);
    });
}
