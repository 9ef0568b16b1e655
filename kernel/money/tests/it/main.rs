//! Properties and reference tables of `sycee-money`.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail a test the same way tests do")]

mod money;
mod precision;
mod reference;
mod rounding;
mod wire;

use proptest::test_runner::{Config, RngSeed};

/// Properties run on the same cases everywhere: the seed is fixed and nothing is written to disk.
fn seeded(cases: u32) -> Config {
    Config { cases, rng_seed: RngSeed::Fixed(20_260_302), failure_persistence: None, ..Config::default() }
}
