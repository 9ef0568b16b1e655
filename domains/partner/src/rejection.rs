//! Why the partner domain refuses.

use std::fmt;

use sycee_contract::FundingContractId;
use sycee_runtime::{Coded, Fault, Handled, refusable};

/// A refusal of the partner domain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartnerRejection {
    /// The code belongs to an agreement with other terms.
    #[error(
        "partner {code} has agreement {contract} with other terms: choose another code, an agreement in force is not overwritten"
    )]
    FundingContractExists {
        /// Partner code.
        code: String,
        /// The agreement in force.
        contract: FundingContractId,
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
            Self::DirectDebitNotOffered { .. } => "DIRECT_DEBIT_NOT_OFFERED",
        }
    }
}

refusable!(PartnerRejection);

/// A fact has happened already: what would refuse a request is a fault here.
pub(crate) fn must<T>(result: Result<T, impl fmt::Display>) -> Handled<T> {
    result.map_err(|error| Fault::bug(error.to_string()).into())
}
