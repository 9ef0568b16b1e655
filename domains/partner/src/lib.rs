//! Partners: the funders' side of payouts and repayments.
//!
//! Services: `partner-hub` registers funders, has loans paid out and repayments collected by whoever does it;
//! `funding-partner-integration` keeps each funder's quota and the log of what went through its interface.
//!
//! Invariant: a disbursement attempt is handed to exactly one payer, and ends once.
//! Invariant: money is taken once a reference; what belongs to no known loan goes to suspense, with a work order.

pub mod funding_partner_integration;
pub mod partner_hub;
mod rejection;

pub use partner_hub::PartnerConfig;
pub use rejection::PartnerRejection;

use sycee_runtime::Registry;

/// Registers the services of this domain. Configuration needed: [`PartnerConfig`].
pub fn register(registry: &mut Registry) {
    partner_hub::register(registry);
    funding_partner_integration::register(registry);
}
