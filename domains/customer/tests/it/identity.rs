//! KYC cases from document to verdict.

use std::collections::BTreeMap;

use sycee_contract::{
    AGE_IN_YEARS, Command as _, CustomerId, Date, DecideKycReview, ExecuteRiskReview, Identifier as _, KycCaseId,
    KycCompleted, KycSubmitted, KycVerdict, OpenWorkOrder, RecordKycResult, Rejection, ResolveWorkOrder, RiskPurpose,
    RiskSubject, Sensitive, SubmitKyc, VerifyIdentity,
};
use sycee_customer::kyc_service::{KycCase, KycCaseStatus, KycStanding};

use sycee_runtime::Registry;
use sycee_runtime::testing::Scene;

use crate::support::*;

const SECOND_PHONE: &str = "+233200000001";

#[test]
fn a_document_goes_to_the_provider() {
    each(|scene| {
        let id = register(scene, PHONE);
        assert_eq!(scene.load::<KycStanding>(id).unwrap().current_case, None);
        let case = scene.request(documents(id, "gha-000000001 1")).unwrap().case;
        let told = scene.emitted::<KycSubmitted>().remove(0);
        assert_eq!((told.customer, told.case, told.document_type.as_str()), (id, case, "ghana-card"));
        assert_eq!(told.document_index.len(), 32, "a blind index, not the number");
        let check = scene.effects::<VerifyIdentity>().remove(0);
        assert_eq!((check.case, check.document_number.reveal()), (case, "GHA0000000011"));
        assert_eq!(scene.load::<KycStanding>(id).unwrap().current_case, Some(case));
        assert_eq!(scene.load::<KycCase>(case).unwrap().status, KycCaseStatus::Checking);
        assert_eq!(scene.request(documents(id, DOCUMENT)).unwrap_err().code, "UNEXPECTED_STATE");
    });
}

#[test]
fn answers_become_verdicts() {
    for (ocr, liveness, verdict, reasons, orders) in [
        (9_900, 9_900, KycVerdict::Passed, vec![], 0),
        (7_000, 9_900, KycVerdict::Review, vec!["OCR_DOUBTFUL"], 1),
        (9_900, 100, KycVerdict::Failed, vec!["LIVENESS_TOO_LOW"], 0),
    ] {
        each(|scene| {
            let id = identified(scene, PHONE, DOCUMENT, ocr, liveness);
            let done = scene.emitted::<KycCompleted>().remove(0);
            assert_eq!((done.customer, done.verdict), (id, verdict));
            assert_eq!(done.reasons, reasons);
            assert_eq!(scene.sent::<OpenWorkOrder>().len(), orders);
            scene.fact(kyc_answer(done.case, ocr, liveness));
            assert!(scene.emitted::<KycCompleted>().is_empty(), "a repeated answer changes nothing");
        });
    }
}

/// The keys of the work orders that nobody has to look at any more.
fn resolved(scene: &Scene) -> Vec<String> {
    scene.sent::<ResolveWorkOrder>().into_iter().map(|resolved| resolved.key).collect()
}

#[test]
fn a_second_look_ends_a_review() {
    each(|scene| {
        identified(scene, PHONE, DOCUMENT, 7_000, 9_900);
        let case = scene.emitted::<KycCompleted>()[0].case;
        scene.fact(kyc_answer(case, 9_000, 9_900));
        assert_eq!(scene.emitted::<KycCompleted>()[0].verdict, KycVerdict::Passed);
        assert_eq!(resolved(scene), [format!("kyc-review-{case}")]);
    });
}

fn decide(case: KycCaseId, verdict: KycVerdict) -> DecideKycReview {
    DecideKycReview { case, verdict, reason: "DOCUMENT_SEEN".to_owned() }
}

#[test]
fn a_person_ends_a_review_and_nothing_else() {
    for (verdict, status) in [(KycVerdict::Passed, KycCaseStatus::Passed), (KycVerdict::Failed, KycCaseStatus::Failed)]
    {
        each(|scene| {
            let id = identified(scene, PHONE, DOCUMENT, 7_000, 9_900);
            let case = scene.emitted::<KycCompleted>()[0].case;
            for nonsense in
                [decide(case, KycVerdict::Review), DecideKycReview { reason: " ".to_owned(), ..decide(case, verdict) }]
            {
                assert_eq!(scene.request(nonsense).unwrap_err().code, "INVALID_FIELD");
            }
            scene.request(decide(case, verdict)).unwrap();
            let done = scene.emitted::<KycCompleted>().remove(0);
            assert_eq!((done.customer, done.verdict, done.reasons), (id, verdict, vec!["DOCUMENT_SEEN".to_owned()]));
            let kept = scene.load::<KycCase>(case).unwrap();
            assert_eq!((kept.status, kept.ocr_confidence_bps), (status, Some(7_000)));
            assert_eq!(resolved(scene), [format!("kyc-review-{case}")]);
            assert_eq!(scene.request(decide(case, verdict)).unwrap_err().code, "UNEXPECTED_STATE");
            scene.fact(kyc_answer(case, 9_000, 9_900));
            assert!(scene.emitted::<KycCompleted>().is_empty(), "people have decided");
        });
    }
    each(|scene| {
        let id = register(scene, PHONE);
        let open = scene.request(documents(id, DOCUMENT)).unwrap().case;
        assert_eq!(scene.request(decide(open, KycVerdict::Passed)).unwrap_err().code, "UNEXPECTED_STATE");
        let nobodys = decide(KycCaseId::from_number(99_999), KycVerdict::Passed);
        assert_eq!(scene.request(nobodys).unwrap_err().code, "NOT_FOUND");
        assert!(scene.emitted::<KycCompleted>().is_empty());
    });
}

#[test]
fn an_answer_for_no_case_becomes_a_work_order() {
    each(|scene| {
        scene.fact(kyc_answer(KycCaseId::from_number(99_999), 9_900, 9_900));
        assert_eq!(scene.sent::<OpenWorkOrder>()[0].kind, "unknown-kyc-case");
        assert!(scene.emitted::<KycCompleted>().is_empty());
    });
}

#[test]
fn minors_strangers_and_blacklisted_documents_fail() {
    each(|scene| {
        let id = register(scene, PHONE);
        let young = SubmitKyc { birth_date: Sensitive::new("2020-01-01"), ..documents(id, DOCUMENT) };
        let case = scene.request(young).unwrap().case;
        scene.fact(kyc_answer(case, 9_900, 9_900));
        assert_eq!(scene.emitted::<KycCompleted>()[0].reasons, ["UNDER_AGE"]);

        let case = scene.request(documents(id, DOCUMENT)).unwrap().case;
        scene.fact(RecordKycResult { register_match: false, ..kyc_answer(case, 9_900, 9_900) });
        assert_eq!(scene.emitted::<KycCompleted>()[0].reasons, ["REGISTER_MISMATCH"]);

        let case = scene.request(documents(id, "GHA-666")).unwrap().case;
        scene.fact(kyc_answer(case, 9_900, 9_900));
        assert_eq!(scene.emitted::<KycCompleted>()[0].reasons, ["DOCUMENT_BLACKLISTED"]);
    });
}

#[test]
fn one_customer_a_document() {
    each(|scene| {
        let first = register(scene, PHONE);
        let second = register(scene, SECOND_PHONE);
        let case = scene.request(documents(first, DOCUMENT)).unwrap().case;
        let refusal = scene.request(documents(second, "gha 000000001 1")).unwrap_err();
        assert_eq!(refusal.code, "DOCUMENT_ALREADY_USED");
        assert!(scene.effects::<VerifyIdentity>().is_empty());
        assert!(scene.load::<KycStanding>(second).unwrap().submitted.is_empty());

        scene.fact(kyc_answer(case, 9_900, 100));
        scene.request(documents(second, DOCUMENT)).unwrap();
    });
}

/// Asks how old a customer is, as a risk review does.
fn age_for_risk(scene: &mut Scene, customer: CustomerId) -> String {
    let subject = RiskSubject { customer, application: None, loan: None };
    let (purpose, facts) = (RiskPurpose::Admission, BTreeMap::new());
    scene.request(ExecuteRiskReview { purpose, subject, requested: None, facts }).unwrap_err().message
}

#[test]
fn whoever_was_identified_is_as_old_as_the_document_says() {
    let register_all = |registry: &mut Registry| {
        sycee_customer::register(registry);
        registry.service(ExecuteRiskReview::OWNER).handles::<ExecuteRiskReview>(|work, review| {
            let mut told = work.consult(review)?.into_iter().flat_map(|(_, contribution)| contribution.features);
            let age = told.find(|(name, _)| name == AGE_IN_YEARS).map_or_else(|| "unknown".to_owned(), |(_, age)| age);
            Err(Rejection::new("SEEN", age).into())
        });
    };
    each_of(register_all, |scene| {
        assert_eq!(age_for_risk(scene, customer(99_999)), "unknown");
        let id = register(scene, PHONE);
        let today = scene.today();
        let born = Date::new(today.year() - 40, today.month(), today.day()).unwrap();
        for (ocr, age) in [(100, "unknown"), (7_000, "unknown"), (9_900, "40")] {
            let birth_date = Sensitive::new(born.to_string());
            let handed_in = SubmitKyc { birth_date, ..documents(id, &format!("GHA-{ocr}")) };
            let opened = scene.request(handed_in).unwrap().case;
            assert_eq!(age_for_risk(scene, id), "unknown", "the provider looks");
            scene.fact(kyc_answer(opened, ocr, 9_900));
            assert_eq!(age_for_risk(scene, id), age, "{ocr}");
        }
        scene.set_today(Date::new(today.year() + 1, today.month(), today.day()).unwrap());
        assert_eq!(age_for_risk(scene, id), "41", "a year later");
    });
}

/// Hands a document in and has it fail, as often as `times`, a day apart.
fn fail(scene: &mut Scene, customer: CustomerId, document: &str, times: u32) {
    for _ in 0..times {
        let case = scene.request(documents(customer, document)).unwrap().case;
        scene.fact(kyc_answer(case, 9_900, 100));
        scene.advance_seconds(24 * 3_600);
    }
}

#[test]
fn a_document_that_failed_often_still_identifies_one_customer() {
    each(|scene| {
        let (first, second) = (register(scene, PHONE), register(scene, SECOND_PHONE));
        fail(scene, second, DOCUMENT, 101);
        let case = scene.request(documents(first, DOCUMENT)).unwrap().case;
        assert_eq!(scene.request(documents(second, DOCUMENT)).unwrap_err().code, "DOCUMENT_ALREADY_USED");
        scene.fact(kyc_answer(case, 9_900, 9_900));
        assert_eq!(scene.request(documents(second, DOCUMENT)).unwrap_err().code, "DOCUMENT_ALREADY_USED");
    });
}

#[test]
fn a_document_is_held_as_long_as_its_case_stands() {
    each(|scene| {
        let (first, second) = (register(scene, PHONE), register(scene, SECOND_PHONE));
        let refused = |scene: &mut Scene| {
            let refusal = scene.request(documents(second, DOCUMENT)).unwrap_err();
            assert_eq!(refusal.code, "DOCUMENT_ALREADY_USED");
        };
        let case = scene.request(documents(first, DOCUMENT)).unwrap().case;
        refused(scene);
        scene.fact(kyc_answer(case, 7_000, 9_900));
        refused(scene);
        scene.request(decide(case, KycVerdict::Failed)).unwrap();
        let held = scene.request(documents(second, DOCUMENT)).unwrap().case;
        scene.fact(kyc_answer(held, 7_000, 9_900));
        assert_eq!(scene.request(documents(first, DOCUMENT)).unwrap_err().code, "DOCUMENT_ALREADY_USED");
        scene.request(documents(second, "GHA-2222")).unwrap();
        scene.request(documents(first, DOCUMENT)).unwrap();
    });
}

#[test]
fn five_documents_a_day() {
    each(|scene| {
        let id = register(scene, PHONE);
        for nr in 0..5 {
            let case = scene.request(documents(id, &format!("GHA-000{nr}"))).unwrap().case;
            scene.fact(kyc_answer(case, 9_900, 100));
        }
        let refusal = scene.request(documents(id, DOCUMENT)).unwrap_err();
        assert_eq!(refusal.code, "KYC_SUBMISSIONS_EXCEEDED");
        assert_eq!(refusal.details["retryAt"], scene.now().plus_days(1).to_string());
        assert!(scene.effects::<VerifyIdentity>().is_empty());
        scene.advance_seconds(24 * 3_600);
        scene.request(documents(id, DOCUMENT)).unwrap();
    });
}

#[test]
fn what_cannot_be_handed_in() {
    each(|scene| {
        let id = register(scene, PHONE);
        let good = documents(id, DOCUMENT);
        for (cmd, code) in [
            (documents(customer(99_999), DOCUMENT), "NOT_FOUND"),
            (documents(id, "1-2"), "INVALID_FIELD"),
            (SubmitKyc { full_name: Sensitive::new(" "), ..good.clone() }, "INVALID_FIELD"),
            (SubmitKyc { document_type: String::new(), ..good.clone() }, "INVALID_FIELD"),
            (SubmitKyc { document_type: "x".repeat(81), ..good.clone() }, "INVALID_FIELD"),
            (SubmitKyc { document_image: "x".repeat(201), ..good.clone() }, "INVALID_FIELD"),
            (SubmitKyc { document_image: String::new(), ..good.clone() }, "INVALID_FIELD"),
            (SubmitKyc { liveness_video: String::new(), ..good.clone() }, "INVALID_FIELD"),
            (SubmitKyc { birth_date: Sensitive::new("31.3.1994"), ..good.clone() }, "INVALID_FIELD"),
            (SubmitKyc { birth_date: Sensitive::new("2999-01-01"), ..good }, "INVALID_FIELD"),
        ] {
            assert_eq!(scene.request(cmd).unwrap_err().code, code);
            assert!(scene.effects::<VerifyIdentity>().is_empty());
            assert_eq!(scene.load::<KycStanding>(id).unwrap().current_case, None);
        }
    });
}

#[test]
fn who_has_passed_hands_in_nothing_more() {
    each(|scene| {
        let id = identified(scene, PHONE, DOCUMENT, 9_900, 9_900);
        assert_eq!(scene.request(documents(id, "GHA-2222")).unwrap_err().code, "KYC_ALREADY_PASSED");
        assert!(scene.emitted::<KycSubmitted>().is_empty());
    });
}

#[test]
fn another_document_supersedes_a_review() {
    each(|scene| {
        let id = identified(scene, PHONE, DOCUMENT, 7_000, 9_900);
        let first = scene.emitted::<KycCompleted>()[0].case;
        let second = scene.request(documents(id, "GHA-2222")).unwrap().case;
        assert_eq!(resolved(scene), [format!("kyc-review-{first}")]);
        assert_eq!(scene.load::<KycCase>(first).unwrap().status, KycCaseStatus::Superseded);
        scene.fact(kyc_answer(first, 9_000, 9_900));
        assert!(scene.emitted::<KycCompleted>().is_empty(), "too late");
        assert_eq!(scene.load::<KycStanding>(id).unwrap().current_case, Some(second));
    });
}
