//! What the feature platform learns from events, as decisions see it.

use std::collections::BTreeMap;

use sycee_contract::{
    ConsentKind, ConsentRevoked, DisbursementSucceeded, EntryId, FundAccountId, Identifier as _, KycVerdict,
    OverdueBucketChanged, PartnerId, PostingId, PostingParts, RepaymentKind, RepaymentSucceeded, ReservationId,
    RiskDecisionMade, RiskOutcome, RiskPurpose,
};
use sycee_money::{Money, Rate};
use sycee_risk::decision_engine::RiskDecision;
use sycee_runtime::testing::Scene;

use crate::support::*;

fn disbursed(number: i64, loan_number: i64, principal: Money) -> DisbursementSucceeded {
    DisbursementSucceeded {
        loan: loan(loan_number),
        customer: customer(number),
        principal,
        net_proceeds: principal,
        funder: PartnerId::from_number(50),
        fund_account: FundAccountId::from_number(51),
        reservation: ReservationId::from_number(52),
        payment: None,
        entry: EntryId::from_number(53),
        annual_rate: Rate::from_bps(2_400),
        disbursed_on: sycee_contract::Date::constant(2026, 1, 5),
        first_due: sycee_contract::Date::constant(2026, 2, 5),
    }
}

fn repaid(number: i64, loan_number: i64, outstanding: Money, worst: u32) -> RepaymentSucceeded {
    let zero = ghs("0");
    let parts = PostingParts {
        principal: ghs("100"),
        interest: zero,
        interest_advance: zero,
        fee: zero,
        penalty: zero,
        fee_refund: zero,
        interest_waived: zero,
        interest_refund: zero,
        surplus: zero,
        as_of: None,
    };
    RepaymentSucceeded {
        posting: PostingId::from_number(54),
        loan: loan(loan_number),
        customer: customer(number),
        funder: PartnerId::from_number(50),
        fund_account: FundAccountId::from_number(51),
        order: None,
        kind: RepaymentKind::Normal,
        amount: ghs("100"),
        parts,
        principal_outstanding: outstanding,
        settled: outstanding.is_zero(),
        worst_days_past_due: worst,
    }
}

fn overdue(number: i64, loan_number: i64, days: u32, from: &str, to: &str) -> OverdueBucketChanged {
    OverdueBucketChanged {
        loan: loan(loan_number),
        customer: customer(number),
        days_past_due: days,
        from: from.to_owned(),
        to: to.to_owned(),
        overdue: ghs("100"),
    }
}

/// Reviews for distribution and answers outcome, reasons and features.
fn look(scene: &mut Scene, number: i64) -> (RiskOutcome, Vec<String>, BTreeMap<String, String>) {
    scene.request(review(number, RiskPurpose::Distribution, None)).unwrap();
    let made = scene.emitted::<RiskDecisionMade>().remove(0);
    let features = scene.load::<RiskDecision>(made.decision).unwrap().inputs.features.clone();
    (made.outcome, made.reasons, features)
}

#[test]
fn behaviour_becomes_features() {
    each(|scene| {
        onboard(scene, AMA, LOW);
        scene.happened(disbursed(AMA, 10, ghs("500")));
        scene.happened(disbursed(AMA, 11, ghs("300")));
        scene.happened(repaid(AMA, 10, ghs("400"), 0));
        scene.happened(repaid(AMA, 11, ghs("0"), 2));
        let (outcome, _, features) = look(scene, AMA);
        assert_eq!(outcome, RiskOutcome::Approve);
        for (name, value) in [
            ("open_principal", "400.00"),
            ("loans_disbursed", "2"),
            ("loans_open", "1"),
            ("loans_settled", "1"),
            ("repayments", "2"),
            ("worst_days_past_due", "2"),
            ("days_past_due_now", "0"),
            ("kyc_verdict", "passed"),
            ("consents_complete", "yes"),
            ("device_id", "device-1"),
            ("device_blacklisted", "no"),
            ("phone_blacklisted", "no"),
            ("document_blacklisted", "no"),
            ("characteristics_known", "13"),
        ] {
            assert_eq!(features.get(name).map(String::as_str), Some(value), "{name}");
        }
    });
}

#[test]
fn a_cancelled_loan_is_no_settled_one() {
    each(|scene| {
        onboard(scene, AMA, LOW);
        scene.happened(disbursed(AMA, 10, ghs("500")));
        scene.happened(RepaymentSucceeded { kind: RepaymentKind::Cancel, ..repaid(AMA, 10, ghs("0"), 0) });
        let features = look(scene, AMA).2;
        assert_eq!((features["loans_open"].as_str(), features["loans_settled"].as_str()), ("0", "0"));
    });
}

#[test]
fn arrears_stop_a_customer_until_they_are_cured() {
    each(|scene| {
        onboard(scene, AMA, LOW);
        scene.happened(disbursed(AMA, 10, ghs("500")));
        scene.happened(overdue(AMA, 10, 1, "current", "1-30"));
        let (outcome, reasons, _) = look(scene, AMA);
        assert_eq!((outcome, reasons), (RiskOutcome::Reject, vec!["OVERDUE_NOW".to_owned()]));

        scene.happened(overdue(AMA, 10, 0, "1-30", "current"));
        assert_eq!(look(scene, AMA).0, RiskOutcome::Approve);

        scene.happened(overdue(AMA, 10, 61, "31-60", "61-90"));
        scene.happened(repaid(AMA, 10, ghs("0"), 61));
        let (outcome, reasons, features) = look(scene, AMA);
        assert_eq!((outcome, reasons), (RiskOutcome::Reject, vec!["SERIOUS_ARREARS_BEFORE".to_owned()]));
        assert_eq!((features["times_overdue"].as_str(), features["days_past_due_now"].as_str()), ("1", "0"));
    });
}

#[test]
fn a_withdrawn_consent_stops_decisions_if_it_is_needed() {
    each(|scene| {
        onboard(scene, AMA, LOW);
        let withdraw = |kind, complete| ConsentRevoked { customer: customer(AMA), kinds: vec![kind], complete };
        scene.happened(withdraw(ConsentKind::Marketing, true));
        assert_eq!(look(scene, AMA).0, RiskOutcome::Approve);
        scene.happened(withdraw(ConsentKind::Bureau, false));
        assert_eq!(look(scene, AMA).1, ["CONSENT_INCOMPLETE"]);
        scene.happened(consent(AMA, true, Some(KycVerdict::Passed)));
        assert_eq!(look(scene, AMA).0, RiskOutcome::Approve);
    });
}

#[test]
fn a_failed_identification_stops_decisions() {
    each(|scene| {
        onboard(scene, AMA, LOW);
        scene.happened(kyc(AMA, KycVerdict::Failed));
        assert_eq!(look(scene, AMA).1, ["KYC_NOT_PASSED"]);
    });
}
