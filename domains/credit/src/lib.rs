//! Credit: who may borrow how much, and how much of it is taken.
//!
//! - `credit-center` takes applications for a credit line and decides them by risk decisions or by people.
//! - `credit-limit-center` keeps the lines: reserved when a loan is applied for, used when it is paid out, available again
//!   as principal comes back; frozen by order or by delinquency, grown by good behaviour.
//!
//! Invariant: limit = available + reserved + used + frozen, every part zero or more, checked before every save.
//! Invariant: the reserved and used parts are the sums of the reservations, one a loan; none moves twice.
//! Invariant: nothing is available while a line is frozen, and nothing is frozen while it is not.
//! Invariant: a customer has at most one open application and one line.

pub mod credit_center;
pub mod credit_limit_center;
mod policy;
mod rejection;

pub use policy::CreditPolicy;
pub use rejection::CreditRejection;

use sycee_runtime::Registry;

/// Registers the services of this domain.
pub fn register(registry: &mut Registry) {
    credit_center::register(registry);
    credit_limit_center::register(registry);
}
