//! Post-loan operations: what customers are told, and what people have to look at.
//!
//! Services: `outreach-system` (messages from templates, in the customer's language), `work-order-center` (work orders).
//!
//! Invariant: a text that reaches a customer comes from a template of the market, and carries no personal data.
//! Invariant: at most one work order a key is open.

mod outreach_system;
mod work_order_center;

use sycee_runtime::Registry;

pub use outreach_system::{CustomerLanguage, Notice, OutreachTemplates, RenderedNotice, TemplatesError};
pub use work_order_center::{OPEN_MARKER, WorkOrder, WorkOrderStatus};

/// Registers the services of this domain.
pub fn register(registry: &mut Registry) {
    outreach_system::register(registry);
    work_order_center::register(registry);
}
