//! Flows 4 and 5: from the application to money at the borrower, and the plan it is repaid by.

use sycee_contract::LoanApplicationApproved;
use sycee_stage::{Stage, cedis};

use crate::conformance::{Reading, assert_flow, recorded};

const TRACE: i64 = 904;

#[test]
fn application_and_disbursement_are_recorded_as_the_catalogue_has_them() {
    let reading = Reading {
        flow: "loan-application-disbursement",
        follows: &[],
        told: &[("risk-decision-made", "/purpose", "drawdown"), ("post-ledger-event", "/template", "loan-disbursed")],
    };
    Stage::each(|stage| {
        let life = stage.borrower(4);
        let offer = stage.offer(&life, "gh-installment");
        stage.set_trace(Some(TRACE));
        let application = life.borrower.application(life.customer, &offer, cedis(1_500));
        let loan = stage.ask_directly(&life.borrower.actor, application).unwrap().loan;
        let contract = stage.heard::<LoanApplicationApproved>().remove(0).contract;
        let paid = stage.sign(&life, loan, &contract);
        assert!(paid.payment.is_some(), "a funder that pays through our payment system");
        assert_flow(&reading, &recorded(stage, TRACE));
    });
}

#[test]
fn plan_generation_is_recorded_as_the_catalogue_has_it() {
    let reading = Reading { flow: "repayment-plan-generation", follows: &[], told: &[] };
    Stage::each(|stage| {
        let life = stage.borrower(5);
        stage.set_trace(Some(TRACE));
        stage.loan(&life, "gh-equal-principal", cedis(900));
        assert_flow(&reading, &recorded(stage, TRACE));
    });
}
