//! Scenes of the transaction domain: given messages, when a command or event, then messages and state.
#![allow(clippy::unwrap_used, reason = "a test ends where its stage breaks")]

mod fixtures;
mod loan_application;
mod loan_disbursement;
mod loan_servicing;
mod payout_states;
mod repayment_orders;
mod repayment_receipts;
mod shuffled;
