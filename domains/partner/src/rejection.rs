//! Why the partner domain refuses.

use std::fmt;

use sycee_contract::FundingContractId;
use sycee_money::Money;
use sycee_runtime::{Coded, Fault, Handled, refusable};

/// A refusal of the partner domain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartnerRejection {
    /// The code belongs to an agreement with other terms.
    #[error(
        "partner {code} has agreement {contract}, signed with other terms: change its term, quota, cost, products or \
         channels with amend-funding-contract; what else differs never changes, choose another code for it"
    )]
    FundingContractExists {
        /// Partner code.
        code: String,
        /// Its agreement.
        contract: FundingContractId,
    },
    /// Money came under the reference, and is in the books.
    #[error(
        "bank reference {bank_reference} brought {amount}, which is {place} as {receipt}: one movement of money is booked \
         once. If it waits there in suspense, end that with resolve-suspense and confirm it under the reference of that \
         decision; if it is other money, confirm it under a reference of its own"
    )]
    BankReferenceUsed {
        /// The reference.
        bank_reference: String,
        /// What came.
        amount: Money,
        /// Where it was booked.
        place: String,
        /// The receipt.
        receipt: String,
    },
    /// The partner collects itself, and takes no mandates of ours.
    #[error("{code} collects itself and pulls no money under our mandates: choose another way to pay")]
    DirectDebitNotOffered {
        /// Partner code.
        code: String,
    },
}

impl Coded for PartnerRejection {
    fn code(&self) -> &'static str {
        match self {
            Self::FundingContractExists { .. } => "FUNDING_CONTRACT_EXISTS",
            Self::BankReferenceUsed { .. } => "BANK_REFERENCE_USED",
            Self::DirectDebitNotOffered { .. } => "DIRECT_DEBIT_NOT_OFFERED",
        }
    }
}

refusable!(PartnerRejection);

/// A fact has happened already: what would refuse a request is a fault here.
pub(crate) fn must<T>(result: Result<T, impl fmt::Display>) -> Handled<T> {
    result.map_err(|error| Fault::bug(error.to_string()).into())
}
