//! Flows 2 and 3: a credit line is granted, frozen and drawn on; offers are made, looked at, and one is taken.

use sycee_contract::{
    AGE_IN_YEARS, FreezeCreditLine, OfferDetailRequest, QueryProductOffer, RiskDecisionMade, Sensitive, SubmitKyc,
};
use sycee_stage::{Stage, cedis};

use crate::conformance::{Reading, assert_flow, recorded};

const TRACE: i64 = 902;

#[test]
fn credit_approval_is_recorded_as_the_catalogue_has_it() {
    let reading = Reading {
        flow: "credit-approval",
        follows: &[],
        told: &[("execute-risk-review", "/purpose", "credit"), ("risk-decision-made", "/purpose", "credit")],
    };
    Stage::each(|stage| {
        let life = stage.register(2);
        stage.admit(&life);
        stage.set_trace(Some(TRACE));
        stage.grant(&life, cedis(3_000));
        for frozen in [true, false] {
            let freeze = FreezeCreditLine { customer: life.customer, frozen, reason: "asked-by-customer".to_owned() };
            stage.ask_directly("staff:risk", freeze).unwrap();
        }
        let offer = stage.offer(&life, "gh-installment");
        stage.approved(&life, &offer, cedis(1_000));
        assert_flow(&reading, &recorded(stage, TRACE));
    });
}

#[test]
fn product_distribution_is_recorded_as_the_catalogue_has_it() {
    let reading = Reading {
        flow: "product-distribution",
        follows: &[],
        told: &[
            ("execute-risk-review", "/purpose", "distribution"),
            ("risk-decision-made", "/purpose", "distribution"),
            ("query-offer-detail", "/detail", "*"),
            ("repayment-plan-calculated", "/plan", "*"),
        ],
    };
    Stage::each(|stage| {
        let life = stage.borrower(3);
        stage.set_trace(Some(TRACE));
        let offer = stage.offer(&life, "gh-installment");
        let detail = OfferDetailRequest { offer: offer.offer, amount: cedis(1_200), term: 6 };
        let query = QueryProductOffer { customer: life.customer, preview: false, detail: Some(detail) };
        let plan = stage.ask(&life.borrower.actor, query).unwrap().plan.unwrap();
        assert_eq!(plan.installments.len(), 6);
        stage.approved(&life, &offer, cedis(1_200));
        assert_flow(&reading, &recorded(stage, TRACE));
    });
}

#[test]
fn the_age_that_counts_is_the_documents() {
    Stage::each(|stage| {
        let life = stage.register(4);
        let mut older = life.borrower.details(life.customer);
        older.attributes.insert(AGE_IN_YEARS.to_owned(), "71".to_owned());
        stage.ask(&life.borrower.actor, older).unwrap();
        stage.admit(&life);

        let old = stage.register(5);
        let document = SubmitKyc { birth_date: Sensitive::new("1950-03-14"), ..old.borrower.kyc(old.customer) };
        stage.ask(&old.borrower.actor, document).unwrap();
        stage.settle();
        stage.ask(&old.borrower.actor, old.borrower.consent(old.customer)).unwrap();
        assert_eq!(stage.heard::<RiskDecisionMade>()[0].reasons, ["AGE_OUT_OF_RANGE"]);
    });
}
