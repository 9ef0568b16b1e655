//! Why loan mathematics refuses an input, said so that the person who sent it can correct it.

use sycee_money::{Date, MoneyError};

/// Why a schedule, quote, allocation or rate could not be computed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoanMathError {
    /// A field breaks a rule.
    #[error("{field} {rule}, for example {example}")]
    Invalid {
        /// The field as it is named in the input type.
        field: &'static str,
        /// The rule it breaks.
        rule: &'static str,
        /// A value that would be accepted.
        example: &'static str,
    },
    /// A number left the range of 28 significant digits, or a date the calendar.
    #[error("{what} leaves the range of exact arithmetic: lower the rate, the amount or the term")]
    OutOfRange {
        /// What was being computed.
        what: &'static str,
    },
    /// The cooling-off period is over.
    #[error("the cooling-off period ended on {ended}, {as_of} is later: quote an early settlement instead")]
    CoolingOffOver {
        /// The last day on which the loan could be cancelled.
        ended: Date,
        /// The day the quote was asked for.
        as_of: Date,
    },
    /// No annual rate of 0 % or more explains the cash flows.
    #[error("repayments of {repaid} are below the {drawn} paid out: an annual percentage rate needs at least as much")]
    NoRate {
        /// What the borrower received, in major units with currency.
        drawn: String,
        /// What the borrower pays.
        repaid: String,
    },
    /// Amounts did not fit together.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

impl LoanMathError {
    pub(crate) const fn invalid(field: &'static str, rule: &'static str, example: &'static str) -> LoanMathError {
        LoanMathError::Invalid { field, rule, example }
    }

    pub(crate) const fn out_of_range(what: &'static str) -> LoanMathError {
        LoanMathError::OutOfRange { what }
    }
}
