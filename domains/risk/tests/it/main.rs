//! Tests of the risk domain against the default strategy of market gh.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test by panicking")]

mod blacklist;
mod features;
mod properties;
mod reviews;
mod scorecard;
mod strategy;
mod support;
