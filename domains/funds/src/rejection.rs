//! Why the funds domain refuses.

use std::fmt;

use sycee_contract::{FundAccountId, LoanId, PaymentDirection, ReservationId};
use sycee_money::Money;
use sycee_runtime::{Coded, Fault, Handled, refusable};

use crate::fund_management_system::{FundBucket, ReservationMessage, ReservationStatus};

/// A refusal of the funds domain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FundsRejection {
    /// The account has too little free money.
    #[error(
        "account {account} has {available} available, {requested} requested: confirm an arrival or lower the amount"
    )]
    InsufficientFunds {
        /// The account.
        account: FundAccountId,
        /// What is free.
        available: Money,
        /// What was asked for.
        requested: Money,
    },
    /// A balance other than the free one is too low for a move out of it.
    #[error(
        "account {account} has {balance} {bucket:?}, {requested} is to leave it: lower the amount, or find the move that \
         was counted twice"
    )]
    BalanceTooLow {
        /// The account.
        account: FundAccountId,
        /// Which balance.
        bucket: FundBucket,
        /// What it holds.
        balance: Money,
        /// What was to move.
        requested: Money,
    },
    /// The amount is zero or negative, has parts of a minor unit, is of another currency, or more than an account can hold.
    #[error(
        "amount {amount} can't be moved: send more than zero, in whole minor units of the account's currency, and less \
         than the account can hold, for example {example}"
    )]
    AmountInvalid {
        /// What was sent.
        amount: Money,
        /// An amount that would do.
        example: Money,
    },
    /// The bank reference was used before.
    #[error("bank reference {bank_reference} is already confirmed: check the statement, one arrival has one reference")]
    ArrivalAlreadyConfirmed {
        /// The reference.
        bank_reference: String,
    },
    /// The bank reference took money out before.
    #[error("bank reference {bank_reference} is already a return: check the statement, one payment has one reference")]
    AlreadyReturned {
        /// The reference.
        bank_reference: String,
    },
    /// The reference ended suspense before.
    #[error("{reference} has already ended money in suspense: one decision, or one payment back, has one reference")]
    SuspenseResolved {
        /// The reference.
        reference: String,
    },
    /// Less of the receipt is in suspense.
    #[error(
        "{remaining} of receipt {receipt} is in suspense, {amount} is to leave it: lower the amount, and look what became of \
         the rest"
    )]
    ReceiptTooLow {
        /// The receipt.
        receipt: String,
        /// What is left of it.
        remaining: Money,
        /// What was sent.
        amount: Money,
    },
    /// The reference brought money back before.
    #[error(
        "bank reference {bank_reference} is already a recovery: check the statement, one payment has one reference"
    )]
    AlreadyRecovered {
        /// The reference.
        bank_reference: String,
    },
    /// The bank's reference stands for other money.
    #[error(
        "bank reference {bank_reference} stands for {what}: one reference is one movement of money, look at the statement"
    )]
    BankReferenceUsed {
        /// The reference.
        bank_reference: String,
        /// What it was confirmed as.
        what: &'static str,
    },
    /// Less of the payout is still out.
    #[error("{out} of payout {payout} is still out, {amount} came back: lower the amount, and look what the rest is")]
    RecoveryTooHigh {
        /// The payout.
        payout: String,
        /// What is still out.
        out: Money,
        /// What was sent.
        amount: Money,
    },
    /// The decision wrote money off before.
    #[error("{reference} has already written a payout off: one decision has one reference")]
    AlreadyWrittenOff {
        /// The reference.
        reference: String,
    },
    /// The books hold less of the payout.
    #[error(
        "the books hold {in_books} of payout {payout} to be taken back, {amount} is to be written off: lower the amount; what \
         is not booked yet is booked with the next money of its fund account"
    )]
    WriteOffTooHigh {
        /// The payout.
        payout: String,
        /// What the books hold of it.
        in_books: Money,
        /// What was sent.
        amount: Money,
    },
    /// The loan already has money reserved elsewhere or in another amount.
    #[error("loan {loan} already has reservation {reservation}: release it before reserving again")]
    LoanAlreadyReserved {
        /// The loan.
        loan: LoanId,
        /// Its live reservation.
        reservation: ReservationId,
    },
    /// The reservation is not in a state that allows this.
    #[error("reservation {reservation} is {status:?}: {message:?} does not apply to it")]
    ReservationState {
        /// The reservation.
        reservation: ReservationId,
        /// Its state.
        status: ReservationStatus,
        /// What was asked.
        message: ReservationMessage,
    },
    /// Nobody's money can pay the loan out.
    #[error(
        "no funder can pay {amount} for loan {loan} ({refused}): confirm an arrival, raise a quota, renew an \
         agreement or open a route"
    )]
    NoFundingRoute {
        /// The loan.
        loan: LoanId,
        /// What is needed.
        amount: Money,
        /// Each funder with what ruled it out.
        refused: String,
    },
    /// No such payment channel.
    #[error("channel {channel:?} is unknown: configured are {known}")]
    ChannelUnknown {
        /// What was sent.
        channel: String,
        /// What would do.
        known: String,
    },
    /// The channel does not move money this way.
    #[error("channel {channel} is closed for {direction:?}: choose another channel or open it in the configuration")]
    ChannelClosed {
        /// The channel.
        channel: String,
        /// Which way.
        direction: PaymentDirection,
    },
    /// The loan belongs to somebody else.
    #[error("loan {loan} is not a loan of this customer: check the loan id")]
    LoanNotYours {
        /// The loan.
        loan: LoanId,
    },
    /// There is no mandate to pull under.
    #[error("loan {loan} has no such direct-debit mandate of this customer: create one, or choose another method")]
    NoMandate {
        /// The loan.
        loan: LoanId,
    },
}

impl Coded for FundsRejection {
    fn code(&self) -> &'static str {
        match self {
            Self::InsufficientFunds { .. } => "INSUFFICIENT_FUNDS",
            Self::AmountInvalid { .. }
            | Self::RecoveryTooHigh { .. }
            | Self::WriteOffTooHigh { .. }
            | Self::ReceiptTooLow { .. } => "INVALID_AMOUNT",
            Self::ArrivalAlreadyConfirmed { .. } => "ARRIVAL_ALREADY_CONFIRMED",
            Self::AlreadyReturned { .. } => "RETURN_ALREADY_CONFIRMED",
            Self::AlreadyRecovered { .. } => "RECOVERY_ALREADY_CONFIRMED",
            Self::AlreadyWrittenOff { .. } => "WRITE_OFF_ALREADY_CONFIRMED",
            Self::BankReferenceUsed { .. } => "BANK_REFERENCE_USED",
            Self::SuspenseResolved { .. } => "SUSPENSE_ALREADY_RESOLVED",
            Self::BalanceTooLow { .. } | Self::LoanAlreadyReserved { .. } | Self::ReservationState { .. } => {
                "UNEXPECTED_STATE"
            }
            Self::NoFundingRoute { .. } => "NO_FUNDING_ROUTE",
            Self::ChannelUnknown { .. } => "CHANNEL_UNKNOWN",
            Self::ChannelClosed { .. } => "CHANNEL_CLOSED",
            Self::LoanNotYours { .. } => "LOAN_NOT_YOURS",
            Self::NoMandate { .. } => "NO_MANDATE",
        }
    }
}

refusable!(FundsRejection);

/// A fact has happened already: what would refuse a request is a fault here.
pub(crate) fn must<T>(result: Result<T, impl fmt::Display>) -> Handled<T> {
    result.map_err(|error| Fault::bug(error.to_string()).into())
}
