//! Why the credit domain refuses a request.

use std::collections::BTreeMap;

use sycee_contract::{CreditApplicationId, CustomerId, LoanId, Timestamp};
use sycee_money::{Money, MoneyError};
use sycee_runtime::{Coded, refusable};

/// Why a request to the credit domain was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CreditRejection {
    /// The customer has not been admitted.
    #[error(
        "customer {customer} is not admitted, or not any more: complete identity check and consents, then apply again"
    )]
    CustomerNotAdmitted {
        /// The customer.
        customer: CustomerId,
    },
    /// The customer of an application is not admitted any more.
    #[error(
        "customer {customer} is not admitted any more: look again with execute-risk-review for admission, or refuse \
         application {application} and have the customer apply again"
    )]
    ApplicantNotAdmitted {
        /// The customer.
        customer: CustomerId,
        /// The application.
        application: CreditApplicationId,
    },
    /// Another application is not decided.
    #[error("application {application} of customer {customer} is not decided: wait for its decision")]
    ApplicationAlreadyOpen {
        /// The customer.
        customer: CustomerId,
        /// The open application.
        application: CreditApplicationId,
    },
    /// The customer has a line that can be drawn.
    #[error("customer {customer} has a credit line until {until}: ask for offers instead")]
    CreditLineExists {
        /// The customer.
        customer: CustomerId,
        /// The line can be drawn until then.
        until: Timestamp,
    },
    /// The last rejection is too recent.
    #[error("the last application of customer {customer} was rejected: apply again from {until} on")]
    CoolingOffAfterRejection {
        /// The customer.
        customer: CustomerId,
        /// When the customer may apply again.
        until: Timestamp,
    },
    /// The line has less than what is asked for.
    #[error("the credit line of {customer} has {available} available, {requested} requested: lower the amount")]
    CreditLimitExceeded {
        /// The customer.
        customer: CustomerId,
        /// What the line has.
        available: Money,
        /// What was asked for.
        requested: Money,
    },
    /// The line is frozen.
    #[error("the credit line of {customer} is frozen ({reason}): repay what is overdue or ask the lender")]
    CreditLineFrozen {
        /// The customer.
        customer: CustomerId,
        /// Why, as a stable code.
        reason: String,
    },
    /// The line can't be drawn any more.
    #[error("the credit line of {customer} expired at {expired_at}: apply for credit again")]
    CreditLineExpired {
        /// The customer.
        customer: CustomerId,
        /// When it expired.
        expired_at: Timestamp,
    },
    /// An amount is zero, negative, in parts of a minor unit or in another currency.
    #[error("{field} {rule}, for example {example}; it is {amount}")]
    InvalidAmount {
        /// The field.
        field: &'static str,
        /// The rule it breaks.
        rule: &'static str,
        /// An amount that would be accepted.
        example: Money,
        /// What was sent.
        amount: Money,
    },
    /// Amounts that don't fit together.
    #[error("{0}")]
    Arithmetic(#[from] MoneyError),
    /// The risk decision about an application may not be used any more.
    #[error(
        "the risk decision about application {application} was valid until {valid_until}: refuse it, and have the \
         customer apply again"
    )]
    DecisionExpired {
        /// The application.
        application: CreditApplicationId,
        /// The decision was valid until then.
        valid_until: Timestamp,
    },
    /// An application is not in a state that allows this.
    #[error("application {application} is {state}, {asked} does not apply: reload it")]
    UnexpectedApplication {
        /// The application.
        application: CreditApplicationId,
        /// Its state.
        state: &'static str,
        /// What was asked.
        asked: &'static str,
    },
    /// A loan's hold on the line is not in a state that allows this.
    #[error("the hold for {loan} is {state}, {asked} does not apply: reload the loan")]
    UnexpectedHold {
        /// The loan.
        loan: LoanId,
        /// State of the hold.
        state: &'static str,
        /// What was asked.
        asked: &'static str,
    },
    /// A freeze for delinquency ends when the loans are current, not by order.
    #[error("the credit line of {customer} is frozen for {loans} overdue loans: it is unfrozen when they are current")]
    FrozenForDelinquency {
        /// The customer.
        customer: CustomerId,
        /// How many loans are overdue.
        loans: usize,
    },
}

impl Coded for CreditRejection {
    fn code(&self) -> &'static str {
        match self {
            Self::CustomerNotAdmitted { .. } | Self::ApplicantNotAdmitted { .. } => "CUSTOMER_NOT_ADMITTED",
            Self::ApplicationAlreadyOpen { .. } => "APPLICATION_ALREADY_OPEN",
            Self::CreditLineExists { .. } => "CREDIT_LINE_EXISTS",
            Self::CoolingOffAfterRejection { .. } => "COOLING_OFF_AFTER_REJECTION",
            Self::CreditLimitExceeded { .. } => "CREDIT_LIMIT_EXCEEDED",
            Self::CreditLineFrozen { .. } => "CREDIT_LINE_FROZEN",
            Self::CreditLineExpired { .. } => "CREDIT_LINE_EXPIRED",
            Self::InvalidAmount { .. } | Self::Arithmetic(_) => "INVALID_AMOUNT",
            Self::DecisionExpired { .. } => "DECISION_EXPIRED",
            Self::UnexpectedApplication { .. } | Self::UnexpectedHold { .. } | Self::FrozenForDelinquency { .. } => {
                "UNEXPECTED_STATE"
            }
        }
    }

    fn details(&self) -> BTreeMap<String, String> {
        let pairs = match self {
            Self::ApplicationAlreadyOpen { application, .. } | Self::ApplicantNotAdmitted { application, .. } => {
                vec![("application", application.to_string())]
            }
            Self::CreditLineExists { until, .. } => vec![("until", until.to_string())],
            Self::CoolingOffAfterRejection { until, .. } => vec![("until", until.to_string())],
            Self::CreditLimitExceeded { available, requested, .. } => {
                vec![("available", available.to_string()), ("requested", requested.to_string())]
            }
            Self::CreditLineFrozen { reason, .. } => vec![("reason", reason.clone())],
            Self::CreditLineExpired { expired_at, .. } => vec![("expiredAt", expired_at.to_string())],
            Self::InvalidAmount { field, .. } => vec![("field", (*field).to_owned())],
            Self::DecisionExpired { valid_until, .. } => vec![("validUntil", valid_until.to_string())],
            Self::UnexpectedApplication { state, .. } | Self::UnexpectedHold { state, .. } => {
                vec![("state", (*state).to_owned())]
            }
            Self::FrozenForDelinquency { loans, .. } => vec![("loans", loans.to_string())],
            Self::CustomerNotAdmitted { .. } | Self::Arithmetic(_) => vec![],
        };
        pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }
}

refusable!(CreditRejection);
