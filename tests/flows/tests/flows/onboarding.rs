//! Flow 1: a stranger becomes an admitted customer.

use sycee_stage::Stage;

use crate::conformance::{Reading, assert_flow, recorded};

const TRACE: i64 = 901;

#[test]
fn customer_onboarding_is_recorded_as_the_catalogue_has_it() {
    let reading = Reading {
        flow: "customer-onboarding",
        follows: &[],
        told: &[("kyc-completed", "/verdict", "passed"), ("risk-decision-made", "/purpose", "admission")],
    };
    Stage::each(|stage| {
        stage.set_trace(Some(TRACE));
        let life = stage.register(1);
        stage.admit(&life);
        assert_flow(&reading, &recorded(stage, TRACE));
    });
}
