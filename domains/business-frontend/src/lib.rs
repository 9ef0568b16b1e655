//! Business frontend: `bff-system` keeps what a customer's screens show; `app` keeps the customer's notices in the app.
//!
//! Both only listen: nothing here decides about money, credit or risk, and every figure is a copy of what an owner said.
//!
//! Invariant: a view holds the newest figures that its events told, in lists of bounded length.
//! Invariant: no view holds personal data.

pub mod app;
pub mod bff_system;

use sycee_runtime::Registry;

/// Registers the services of this domain.
pub fn register(registry: &mut Registry) {
    bff_system::register(registry);
    app::register(registry);
}
