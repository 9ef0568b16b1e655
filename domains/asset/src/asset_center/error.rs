//! What must never be: a note whose figures do not fit together. A fault, never an answer.

use sycee_contract::LoanId;
use sycee_loan_math::LoanMathError;
use sycee_money::MoneyError;

/// Why a note could not be moved on.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum NoteError {
    /// Figures of the note contradict each other or the message.
    #[error("{loan}: {what}")]
    Broken {
        /// The loan.
        loan: LoanId,
        /// The broken rule with its figures.
        what: String,
    },
    /// A calculation was refused.
    #[error(transparent)]
    Math(#[from] LoanMathError),
    /// Amounts did not fit together.
    #[error(transparent)]
    Money(#[from] MoneyError),
}
