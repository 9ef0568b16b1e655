//! Flows 2 and 3: a credit line is granted, frozen and drawn on; offers are made, looked at, and one is taken.

use sycee_contract::{FreezeCreditLine, OfferDetailRequest, QueryProductOffer};
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
