//! The outside world behind the effects: payment channels, the identity provider, partners that pay themselves, SMS.
//!
//! Every adapter takes an effect, answers later with a command of nature `Fact`, and says when it wants to be looked at
//! again ([`PaymentChannel::next_due`]). The simulated ones live on virtual time and a seed, so a whole market can be
//! replayed against them to the byte.
//!
//! | effect | adapter | answer |
//! |---|---|---|
//! | `ChannelPayment`, `ChannelQuery` | [`SimulatedChannel`] | `record-payment-result` |
//! | `VerifyIdentity` | [`SimulatedIdentityProvider`] | `record-kyc-result` |
//! | `PartnerPayout` | [`SimulatedPartner`] | `record-partner-disbursement` |
//! | `SendOtp` | [`SimulatedSmsGateway`] | none |
//!
//! Invariant: an adapter reads no clock and draws no randomness but from its seed.
//! Invariant: a request id moves money at most once, however often it is submitted.
//! Invariant: the float equals the opening float plus the sum of its statement.

mod channel;
mod faults;
mod identity;
mod partner;
mod random;
mod schedule;
mod simulated_channel;
mod sms;

pub use channel::{Callback, FailureReason, PayerDecision, PaymentChannel, StatementRow, Submitted};
pub use faults::{ChannelFaults, IdentityFaults, TestNumber};
pub use identity::SimulatedIdentityProvider;
pub use partner::SimulatedPartner;
pub use random::SplitMix64;
pub use simulated_channel::{ChannelSettings, Payers, SimulatedChannel};
pub use sms::SimulatedSmsGateway;
