//! Funds: whose money pays a loan out, that it is there, and how it moves.
//!
//! Services: `fund-management-system` keeps the funders' balances and reservations, `fund-routing-system` chooses a
//! funder, `payment-system` moves money through channels.
//!
//! Invariant: `arrived + received = available + frozen + in_transit + paid_out + refunded + suspense +
//! recoverable`, none negative.
//! Invariant: a loan has at most one live reservation; each of its moves happens once.
//! Invariant: a bank reference brings money once, a disbursement is paid once, a channel's answer counts once.

pub mod fund_management_system;
pub mod fund_routing_system;
pub mod payment_system;
mod rejection;

pub use payment_system::{MerchantConfig, PaymentChannelConfig, PaymentConfig};
pub use rejection::FundsRejection;

use sycee_runtime::Registry;

/// Registers the services of this domain. Configuration needed: [`PaymentConfig`].
pub fn register(registry: &mut Registry) {
    fund_management_system::register(registry);
    fund_routing_system::register(registry);
    payment_system::register(registry);
}
