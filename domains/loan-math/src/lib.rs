//! Loan mathematics: what a borrower owes when, what is earned by a day, where a payment goes, what it costs to leave.
//!
//! The crate is pure: no I/O, no clock, no randomness, no floating point. Amounts are [`sycee_money::Money`], rates are
//! fractions ([`sycee_money::Rate`]), dates are business dates that the caller has decided.
//!
//! ```
//! use sycee_loan_math::schedule::{self, Every, LoanTerms, Method, Unit};
//! use sycee_money::{Currency, Money, Rate, date};
//!
//! # fn main() -> Result<(), sycee_loan_math::LoanMathError> {
//! let terms = LoanTerms {
//!     installments: 6,
//!     method: Method::EqualInstallments,
//!     ..LoanTerms::monthly(Money::parse("100.00", Currency::GHS)?, Rate::from_percent_str("12")?, date(2024, 1, 1))
//! };
//! let schedule = schedule::build(&terms)?;
//! assert_eq!(schedule.periods[0].emi.to_string(), "GHS 17.25");
//! assert_eq!(schedule.total_interest.to_string(), "GHS 3.53");
//! # Ok(())
//! # }
//! ```
//!
//! Invariant: the principal parts of a schedule sum to the principal, to the unit, and the last balance is zero.
//! Invariant: no part of a schedule, an allocation or a quote is negative.
//! Invariant: the parts of an allocated payment and its surplus sum to the payment.
//! Invariant: daily accruals over the life of a schedule sum to its total interest.
#![deny(clippy::float_arithmetic)]

pub mod accrual;
pub mod allocation;
pub mod apr;
pub mod calc;
mod context;
mod error;
mod exp;
pub mod late;
pub mod schedule;
pub mod settlement;

pub use error::LoanMathError;
