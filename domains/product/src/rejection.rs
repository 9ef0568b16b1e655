//! Why the product domain refuses a request.

use std::collections::BTreeMap;

use sycee_contract::{CustomerId, Date, LoanId, OfferId, Timestamp};
use sycee_loan_math::LoanMathError;
use sycee_money::{Money, MoneyError};
use sycee_runtime::{Coded, refusable};

use crate::ProductFileError;

/// Why a request to the product domain was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ProductRejection {
    /// The version is published, with other rules.
    #[error("{product}@{version} is published with other rules: publish version {next}")]
    ProductVersionExists {
        /// Product code.
        product: String,
        /// The version.
        version: u32,
        /// A version that is free.
        next: u32,
    },
    /// A later version is published.
    #[error("{product}@{version} comes after {product}@{newest} was published: publish version {next}")]
    ProductVersionOutOfOrder {
        /// Product code.
        product: String,
        /// The version.
        version: u32,
        /// The newest version.
        newest: u32,
        /// A version that is free.
        next: u32,
    },
    /// The market has all the versions that it may have.
    #[error("{published} product versions are published, the most a market may have: sell under one of them")]
    TooManyVersions {
        /// How many are published.
        published: usize,
    },
    /// The rules of a product break a rule.
    #[error(transparent)]
    Terms(#[from] ProductFileError),
    /// The customer has no credit line.
    #[error("customer {customer} has no credit line: apply for credit first")]
    NoCreditLine {
        /// The customer.
        customer: CustomerId,
    },
    /// The offer can't be taken any more.
    #[error("offer {offer} expired at {expired_at}: ask for offers again")]
    OfferExpired {
        /// The offer.
        offer: OfferId,
        /// When it expired.
        expired_at: Timestamp,
    },
    /// The offer was made to somebody else.
    #[error("offer {offer} was not made to {customer}: ask for offers of your own")]
    OfferNotYours {
        /// The offer.
        offer: OfferId,
        /// Who asked.
        customer: CustomerId,
    },
    /// The amount is outside the offer.
    #[error("{amount} is outside offer {offer}: choose from {min} to {max}")]
    AmountOutOfRange {
        /// The offer.
        offer: OfferId,
        /// What was asked for.
        amount: Money,
        /// Least amount.
        min: Money,
        /// Greatest amount.
        max: Money,
    },
    /// The term is outside the offer.
    #[error("a term of {term} is not in offer {offer}: choose one of {terms:?}")]
    TermNotOffered {
        /// The offer.
        offer: OfferId,
        /// What was asked for.
        term: u32,
        /// What can be chosen.
        terms: Vec<u32>,
    },
    /// The cooling-off time is over.
    #[error("the cooling-off time of {loan} ended on {ended}: settle it early instead")]
    CoolingOffOver {
        /// The loan.
        loan: LoanId,
        /// The last day on which it could be cancelled.
        ended: Date,
    },
    /// A loan that was repaid in part can't be cancelled.
    #[error("a repayment of {loan} was made, it can't be cancelled: settle it early instead")]
    PaidBefore {
        /// The loan.
        loan: LoanId,
    },
    /// There is no template in a language that can be used.
    #[error("there is no contract template {template} in {language}: add {template}.{language}.md.j2")]
    TemplateNotFound {
        /// Template code.
        template: String,
        /// Language, BCP 47.
        language: String,
    },
    /// An amount breaks a rule.
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
    /// A field breaks a rule.
    #[error("{field} {rule}, for example {example}")]
    InvalidField {
        /// The field.
        field: &'static str,
        /// The rule it breaks.
        rule: &'static str,
        /// A value that would be accepted.
        example: &'static str,
    },
    /// Loan mathematics refuses the figures.
    #[error(transparent)]
    Calculation(#[from] LoanMathError),
    /// Amounts that don't fit together.
    #[error(transparent)]
    Arithmetic(#[from] MoneyError),
}

impl ProductRejection {
    /// A field that breaks a rule.
    pub const fn invalid(field: &'static str, rule: &'static str, example: &'static str) -> Self {
        Self::InvalidField { field, rule, example }
    }
}

/// Refuses amounts that are zero, negative, in parts of a minor unit, or not in the currency of `example`.
pub(crate) fn check_amount(field: &'static str, amount: Money, example: Money) -> Result<(), ProductRejection> {
    if amount.currency() != example.currency() {
        return Err(ProductRejection::InvalidAmount {
            field,
            rule: "must be in the product's currency",
            example,
            amount,
        });
    }
    if !amount.is_positive() || !amount.is_whole_minor() {
        let rule = "must be above zero and in whole minor units";
        return Err(ProductRejection::InvalidAmount { field, rule, example, amount });
    }
    Ok(())
}

impl Coded for ProductRejection {
    fn code(&self) -> &'static str {
        match self {
            Self::ProductVersionExists { .. } => "PRODUCT_VERSION_EXISTS",
            Self::ProductVersionOutOfOrder { .. } => "PRODUCT_VERSION_OUT_OF_ORDER",
            Self::NoCreditLine { .. } => "NO_CREDIT_LINE",
            Self::OfferExpired { .. } => "OFFER_EXPIRED",
            Self::OfferNotYours { .. } => "OFFER_NOT_YOURS",
            Self::AmountOutOfRange { .. } => "AMOUNT_OUT_OF_RANGE",
            Self::TermNotOffered { .. } => "TERM_NOT_OFFERED",
            Self::CoolingOffOver { .. } => "COOLING_OFF_OVER",
            Self::PaidBefore { .. } | Self::TooManyVersions { .. } => "UNEXPECTED_STATE",
            Self::TemplateNotFound { .. } => "TEMPLATE_NOT_FOUND",
            Self::Terms(_) | Self::InvalidField { .. } | Self::Calculation(LoanMathError::Invalid { .. }) => {
                "INVALID_FIELD"
            }
            Self::InvalidAmount { .. } | Self::Arithmetic(_) | Self::Calculation(_) => "INVALID_AMOUNT",
        }
    }

    fn details(&self) -> BTreeMap<String, String> {
        let pairs = match self {
            Self::ProductVersionExists { next, .. } | Self::ProductVersionOutOfOrder { next, .. } => {
                vec![("next", next.to_string())]
            }
            Self::Terms(error) => vec![("field", error.field.clone())],
            Self::OfferExpired { expired_at, .. } => vec![("expiredAt", expired_at.to_string())],
            Self::AmountOutOfRange { min, max, .. } => vec![("min", min.to_string()), ("max", max.to_string())],
            Self::TermNotOffered { terms, .. } => vec![("terms", format!("{terms:?}"))],
            Self::CoolingOffOver { ended, .. } => vec![("ended", ended.to_string())],
            Self::InvalidAmount { field, .. } | Self::InvalidField { field, .. } => {
                vec![("field", (*field).to_owned())]
            }
            Self::Calculation(LoanMathError::Invalid { field, .. }) => vec![("field", (*field).to_owned())],
            Self::NoCreditLine { .. }
            | Self::OfferNotYours { .. }
            | Self::PaidBefore { .. }
            | Self::TooManyVersions { .. }
            | Self::TemplateNotFound { .. }
            | Self::Calculation(_)
            | Self::Arithmetic(_) => vec![],
        };
        pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }
}

refusable!(ProductRejection);
