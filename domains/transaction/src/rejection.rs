//! Why the transaction domain refuses a request.

use std::collections::BTreeMap;

use sycee_contract::{CustomerId, LoanId, LoanStatus, Timestamp};
use sycee_money::Money;
use sycee_runtime::{Coded, refusable};

/// A refused request of the loan engine or the repayment engine.
#[derive(Debug, thiserror::Error)]
pub enum TransactionRejection {
    /// Nobody granted this customer a limit.
    #[error("customer {customer} has no credit line: apply for credit first")]
    NoCreditLine {
        /// The customer.
        customer: CustomerId,
    },
    /// The credit line is frozen.
    #[error("the credit line of customer {customer} is frozen: it has to be unfrozen first")]
    CreditLineFrozen {
        /// The customer.
        customer: CustomerId,
    },
    /// The credit line is too old.
    #[error("the credit line of customer {customer} could be drawn until {until}: apply for credit again")]
    CreditLineExpired {
        /// The customer.
        customer: CustomerId,
        /// Last instant of its validity.
        until: Timestamp,
    },
    /// The credit line is too small.
    #[error("customer {customer} can borrow {available}, {requested} requested: lower the amount or repay a loan")]
    CreditLimitExceeded {
        /// The customer.
        customer: CustomerId,
        /// What can be borrowed.
        available: Money,
        /// What was asked for.
        requested: Money,
    },
    /// No channel of this code pays out in this market.
    #[error("payoutAccount.channel: {channel:?} is no channel that pays out in this market: choose one of {known}")]
    ChannelUnknown {
        /// What was sent.
        channel: String,
        /// Codes of the channels that pay out.
        known: String,
    },
    /// The customer has as many loans as allowed.
    #[error("customer {customer} has {open} open loans, at most {limit} are allowed: repay or cancel one")]
    TooManyOpenLoans {
        /// The customer.
        customer: CustomerId,
        /// Loans applied for or not repaid.
        open: u32,
        /// Most that are allowed.
        limit: u32,
    },
    /// A pull is on its way.
    #[error("a direct debit of loan {loan} is under way: wait for it, or pay another way")]
    DebitUnderWay {
        /// The loan.
        loan: LoanId,
    },
    /// The loan belongs to somebody else.
    #[error("loan {loan} is not a loan of this customer: check the loan id")]
    LoanNotYours {
        /// The loan.
        loan: LoanId,
    },
    /// The risk decision behind the loan is out of date.
    #[error("the risk decision for loan {loan} was valid until {until}: cancel the application and apply again")]
    DecisionExpired {
        /// The loan.
        loan: LoanId,
        /// Last instant of its validity.
        until: Timestamp,
    },
    /// The customer saw another text than the one on file.
    #[error(
        "the signed hash is not that of the contract of loan {loan}: show the contract again and sign what it says"
    )]
    ContractHashMismatch {
        /// The loan.
        loan: LoanId,
    },
    /// No one-time password confirmed this signature.
    #[error(
        "nobody confirmed the signature of loan {loan} in time: request a one-time password for this contract, confirm, then sign"
    )]
    SignatureNotConfirmed {
        /// The loan.
        loan: LoanId,
    },
    /// The contract can't be signed any more.
    #[error("the contract of loan {loan} could be signed until {until}: take a new offer")]
    ContractLapsed {
        /// The loan.
        loan: LoanId,
        /// Last instant of its validity.
        until: Timestamp,
    },
    /// The loan exists but is not in a state that allows this.
    #[error("loan {loan} is {status:?}; it can't be {action}: look at its state first")]
    UnexpectedLoanState {
        /// The loan.
        loan: LoanId,
        /// Its state.
        status: LoanStatus,
        /// What was asked for, as a participle.
        action: &'static str,
    },
    /// No mandate allows to pull money for this loan.
    #[error("loan {loan} has no direct-debit mandate: choose another way to pay")]
    NoMandate {
        /// The loan.
        loan: LoanId,
    },
    /// The amount does not settle the loan.
    #[error("loan {loan} is settled by {needed}, {offered} offered: pay the whole figure, or repay normally")]
    AmountBelowSettlement {
        /// The loan.
        loan: LoanId,
        /// What settles it.
        needed: Money,
        /// What was offered.
        offered: Money,
    },
}

impl Coded for TransactionRejection {
    fn code(&self) -> &'static str {
        match self {
            Self::NoCreditLine { .. } => "NO_CREDIT_LINE",
            Self::CreditLineFrozen { .. } => "CREDIT_LINE_FROZEN",
            Self::CreditLineExpired { .. } => "CREDIT_LINE_EXPIRED",
            Self::CreditLimitExceeded { .. } => "CREDIT_LIMIT_EXCEEDED",
            Self::ChannelUnknown { .. } => "CHANNEL_UNKNOWN",
            Self::TooManyOpenLoans { .. } => "TOO_MANY_OPEN_LOANS",
            Self::LoanNotYours { .. } => "LOAN_NOT_YOURS",
            Self::DebitUnderWay { .. } => "DEBIT_UNDER_WAY",
            Self::DecisionExpired { .. } => "DECISION_EXPIRED",
            Self::ContractHashMismatch { .. } => "CONTRACT_HASH_MISMATCH",
            Self::SignatureNotConfirmed { .. } => "SIGNATURE_NOT_CONFIRMED",
            Self::ContractLapsed { .. } => "OFFER_EXPIRED",
            Self::UnexpectedLoanState { .. } => "UNEXPECTED_STATE",
            Self::NoMandate { .. } => "NO_MANDATE",
            Self::AmountBelowSettlement { .. } => "AMOUNT_BELOW_SETTLEMENT",
        }
    }

    fn details(&self) -> BTreeMap<String, String> {
        let pairs: Vec<(&str, String)> = match self {
            Self::CreditLimitExceeded { available, requested, .. } => {
                vec![("available", available.to_string()), ("requested", requested.to_string())]
            }
            Self::ChannelUnknown { known, .. } => {
                vec![("field", "payoutAccount.channel".to_owned()), ("known", known.clone())]
            }
            Self::TooManyOpenLoans { open, limit, .. } => {
                vec![("open", open.to_string()), ("limit", limit.to_string())]
            }
            Self::CreditLineExpired { until, .. }
            | Self::DecisionExpired { until, .. }
            | Self::ContractLapsed { until, .. } => vec![("until", until.to_string())],
            Self::UnexpectedLoanState { status, .. } => vec![("state", format!("{status:?}"))],
            Self::AmountBelowSettlement { needed, offered, .. } => {
                vec![("needed", needed.to_string()), ("offered", offered.to_string())]
            }
            _ => Vec::new(),
        };
        pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }
}

refusable!(TransactionRejection);
