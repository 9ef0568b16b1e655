//! The product domain from the outside: the market's own product files and contract templates, message by message.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail a test the same way tests do")]

mod calculations;
mod contracts;
mod files;
mod offers;
mod versions;

use std::collections::BTreeMap;

use proptest::test_runner::{Config, RngSeed};
use sycee_contract::{CustomerId, Identifier, LoanId, PublishProductVersion};
use sycee_money::{Calendar, Currency, Money};
use sycee_product::{ContractTemplates, load_product};
use sycee_runtime::testing::Scene;
use sycee_runtime::{Configs, Registry};

const INSTALLMENT: &str = include_str!("../../../../markets/gh/products/gh-installment.yaml");
const EQUAL_PRINCIPAL: &str = include_str!("../../../../markets/gh/products/gh-equal-principal.yaml");
const CASH: &str = include_str!("../../../../markets/gh/products/gh-cash.yaml");
const AGREEMENT_EN: &str = include_str!("../../../../markets/gh/contracts/loan-agreement.en.md.j2");
const AGREEMENT_ZH: &str = include_str!("../../../../markets/gh/contracts/loan-agreement.zh.md.j2");

fn ghs(text: &str) -> Money {
    Money::parse(text, Currency::GHS).unwrap()
}

fn customer(number: i64) -> CustomerId {
    CustomerId::from_number(number)
}

fn loan(number: i64) -> LoanId {
    LoanId::from_number(number)
}

fn product(yaml: &str) -> PublishProductVersion {
    load_product(yaml).unwrap()
}

fn templates() -> ContractTemplates {
    let files = BTreeMap::from([("loan-agreement.en.md.j2", AGREEMENT_EN), ("loan-agreement.zh.md.j2", AGREEMENT_ZH)]);
    ContractTemplates::from_files("en", files).unwrap()
}

fn configs() -> Configs {
    Configs::new().with(templates()).with(Calendar::ghana().clone())
}

/// A market without products.
fn empty_market(body: impl Fn(&mut Scene)) {
    Scene::each(sycee_product::register, configs(), body);
}

/// A market that sells the three products of `markets/gh`.
fn market(body: impl Fn(&mut Scene)) {
    market_with(sycee_product::register, body);
}

/// As [`market`], with services of others.
fn market_with(register: impl Fn(&mut Registry), body: impl Fn(&mut Scene)) {
    Scene::each(register, configs(), |scene| {
        for yaml in [INSTALLMENT, EQUAL_PRINCIPAL, CASH] {
            scene.request(product(yaml)).unwrap();
        }
        body(scene);
    });
}

/// Properties run on the same cases everywhere: the seed is fixed and nothing is written to disk.
fn seeded(cases: u32) -> Config {
    Config { cases, rng_seed: RngSeed::Fixed(20_260_105), failure_persistence: None, ..Config::default() }
}
