//! Money, currencies, rates, rounding, day counts and business calendars: the arithmetic every other crate books with.
//!
//! The crate is pure: no I/O, no clock, no randomness, no floating point. What a thing costs is decided by
//! integers ([`Money`]); full precision exists only between two bookings ([`Precise`]) and ends in a named [`Rounding`].
//!
//! ```
//! use sycee_money::{Currency, DayCount, Money, Rate, Rounding, date};
//!
//! # fn main() -> Result<(), sycee_money::MoneyError> {
//! let principal = Money::parse("1500.00", Currency::GHS)?;
//! let rate = Rate::from_percent_str("9.4822")?;
//! let year = DayCount::Act365Fixed.year_fraction(date(2026, 1, 31), date(2026, 3, 2));
//!
//! let interest = principal.precise().mul_rate(rate)?.mul_fraction(year)?.round(Rounding::HalfEven)?;
//! assert_eq!(interest.to_string(), "GHS 11.69");
//!
//! let shares = interest.allocate(&[70, 30])?;
//! assert_eq!(Money::sum(Currency::GHS, shares)?, interest);
//! # Ok(())
//! # }
//! ```
//!
//! Invariant: an amount never changes its currency except through [`FxQuote::convert`].
//! Invariant: arithmetic that leaves the range of `i64` units is an error, never a wrapped number.
//! Invariant: every loss of precision names its [`Rounding`]; parts of an allocation sum to the whole.
//! Invariant: the same input gives the same bytes on every machine.
#![deny(clippy::float_arithmetic)]

pub mod calendar;
mod currency;
pub mod daycount;
mod decimal_text;
mod error;
mod fx;
mod money;
mod precise;
mod rate;
mod rounding;
mod wide;

pub use calendar::{BusinessDayConvention, Calendar, add_months};
pub use currency::Currency;
pub use daycount::{DayCount, Fraction};
pub use error::MoneyError;
pub use fx::FxQuote;
pub use jiff::civil::{Date, date};
pub use money::Money;
pub use precise::Precise;
pub use rate::Rate;
pub use rounding::Rounding;
pub use rust_decimal::Decimal;
