//! Customer domain: who a customer is, what he has proved, what he agreed to, where he stands.
//!
//! Services: `customer-center` (one-time passwords, registration, sessions, signatures, details), `kyc-service` (identity cases),
//! `authorization-center` (consents), `customer-master` (the golden record and its life cycle), `customer-profile`
//! (tags and segment).
//!
//! Invariant: one customer a phone, and one customer an identity document, by blind index.
//! Invariant: a one-time password is never stored; wrong answers count even though they are refused.
//! Invariant: personal data stands in sealed columns only, and never in an event.

pub mod authorization_center;
pub mod customer_center;
pub mod customer_master;
pub mod customer_profile;
pub mod kyc_service;
mod rejection;
mod window;

use sycee_runtime::Registry;

pub use authorization_center::ConsentPolicy;
pub use customer_center::SessionPolicy;
pub use kyc_service::KycPolicy;
pub use rejection::CustomerRejection;
pub use window::Window;

/// Registers the services of this domain. The market must be opened with a [`KycPolicy`], a [`ConsentPolicy`] and a
/// [`SessionPolicy`].
pub fn register(registry: &mut Registry) {
    customer_center::register(registry);
    kyc_service::register(registry);
    authorization_center::register(registry);
    customer_master::register(registry);
    customer_profile::register(registry);
}
