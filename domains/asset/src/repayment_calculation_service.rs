//! Repayment calculation service: splits a payment over what a loan asks for.
//!
//! Invariant: it keeps nothing; the asset center tells it where the loan stands.

use sycee_contract::{CalculateRepaymentPosting, PostingContribution, QueryLoanPosition, Rejection};
use sycee_runtime::{Fault, Handled, Registry, Work};

use crate::allocation::split_payment;

pub(crate) fn register(registry: &mut Registry) {
    registry.service("repayment-calculation-service").participates(split_repayment);
}

fn split_repayment(
    work: &mut Work,
    query: &CalculateRepaymentPosting,
    _earlier: &[PostingContribution],
) -> Handled<PostingContribution> {
    let Some(amount) = query.amount else {
        return Err(Rejection::invalid("amount", "must be named to be split", "\"50.00\"").into());
    };
    let position = work.ask(QueryLoanPosition { loan: query.loan })?;
    let split = split_payment(amount, &position)
        .map_err(|error| Fault::bug(format!("a payment for {} cannot be split", query.loan)).because(error))?;
    Ok(PostingContribution { parts: split.parts })
}
