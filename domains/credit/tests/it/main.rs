//! The credit domain from the outside: applications, lines, and any sequence of what can happen to a line.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail a test the same way tests do")]

mod applications;
mod line_properties;
mod lines;

use proptest::test_runner::{Config, RngSeed};
use sycee_contract::{
    CheckCustomerBlacklist, CreditLineApproved, CustomerId, DecisionId, Identifier, LoanId, Timestamp,
};
use sycee_money::{Currency, Money};
use sycee_runtime::testing::Scene;

fn ghs(text: &str) -> Money {
    Money::parse(text, Currency::GHS).unwrap()
}

fn customer(number: i64) -> CustomerId {
    CustomerId::from_number(number)
}

fn loan(number: i64) -> LoanId {
    LoanId::from_number(number)
}

fn approved(customer: CustomerId, limit: &str, limit_cap: &str, valid_until: Timestamp) -> CreditLineApproved {
    CreditLineApproved {
        application: Identifier::from_number(900),
        customer,
        limit: ghs(limit),
        limit_cap: ghs(limit_cap),
        tier: "low".to_owned(),
        decision: DecisionId::from_number(901),
        valid_until,
    }
}

/// The blacklist, which is not on the stage, holds nobody.
fn nobody_is_listed(scene: &mut Scene) {
    scene.answers::<CheckCustomerBlacklist>(|_| Ok(Vec::new()));
}

/// Properties run on the same cases everywhere: the seed is fixed and nothing is written to disk.
fn seeded(cases: u32) -> Config {
    Config { cases, rng_seed: RngSeed::Fixed(20_260_105), failure_persistence: None, ..Config::default() }
}
