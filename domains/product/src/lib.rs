//! Products: what can be borrowed under which rules, who is offered it, what it costs, and the text of the contract.
//!
//! - `financial-product-center` publishes versions of products; a published version never changes.
//! - `product-distribution-service` makes offers within a customer's credit line and risk decision, and checks them when taken.
//! - `product-calculation-service` calculates plans, early settlements and cancellations from a product version.
//! - `contract-template-service` renders contracts and keeps their texts by hash.
//!
//! Invariant: a loan is calculated by the product version it was sold under, at the rate it was offered.
//! Invariant: no offer exceeds the line's available amount, the product's range, or 24 hours.
//! Invariant: what the borrower receives plus the upfront fee is the principal, to the minor unit.

mod apr;
mod basis;
pub mod contract_template_service;
pub mod financial_product_center;
mod plan;
pub mod product_calculation_service;
pub mod product_distribution_service;
mod product_file;
mod product_rules;
mod rejection;

pub use contract_template_service::{ContractTemplates, TemplateFileError};
pub use plan::{PlanRequest, cancellation, early_settlement, repayment_plan, unadjusted_plan};
pub use product_file::load_product;
pub use product_rules::{ProductFileError, check_terms};
pub use rejection::ProductRejection;

use sycee_runtime::Registry;

/// Registers the services of this domain.
pub fn register(registry: &mut Registry) {
    financial_product_center::register(registry);
    product_distribution_service::register(registry);
    product_calculation_service::register(registry);
    contract_template_service::register(registry);
}
