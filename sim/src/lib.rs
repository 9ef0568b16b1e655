//! The market simulator: whole markets on virtual time from a seed, with people, channels, faults and oracles.
//!
//! A [`World`] holds one market's writer and everything outside it: payment channels, the identity provider, a partner
//! that pays itself, an SMS gateway, and the people. It moves from one thing that is due to the next; effects are picked
//! up when the batch that caused them is durable.
//!
//! Invariant: the same seed and settings give the same stimuli in the same order, so the same logical state.
//! Invariant: the simulator reaches the market through stimuli and effects only; oracles read, they never write.

mod agenda;
mod applicants;
mod doors;
mod faults;
mod finance;
mod identity;
pub mod oracles;
mod outages;
mod outside;
mod people;
mod person;
mod report;
mod slips;
mod staff;
#[cfg(test)]
mod testing;
mod world;

pub use applicants::{Applicant, DataError, GERMAN_CREDIT, read_applicants};
pub use faults::Faults;
pub use report::{Book, BookLine, Cash, Declined, FunderPosition, Funnel, Income, IncomeLine, Report, TrialLine};
pub use world::{Progress, SimError, World, WorldSettings};
