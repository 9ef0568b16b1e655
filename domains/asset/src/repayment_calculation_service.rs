//! Repayment calculation service: splits a payment over what a loan asks for.
//!
//! A trial of a named amount is this service's own calculation, so it tells it. What is due when no amount is named, and
//! what ends a loan, the asset center tells.
//!
//! Invariant: it keeps nothing; the asset center tells it where the loan stands.

use sycee_contract::{
    CalculateRepaymentPosting, Date, LoanPosition, PostingContribution, PostingParts, PostingQuote, QueryLoanPosition,
    RepaymentPostingCalculated,
};
use sycee_money::{Money, MoneyError};
use sycee_runtime::{Fault, Handled, Registry, Work};

use crate::allocation::split_payment;

pub(crate) fn register(registry: &mut Registry) {
    registry
        .service("repayment-calculation-service")
        .participates(split_repayment)
        .sends::<QueryLoanPosition>()
        .emits::<RepaymentPostingCalculated>();
}

fn split_repayment(
    work: &mut Work,
    query: &CalculateRepaymentPosting,
    _earlier: &[PostingContribution],
) -> Handled<PostingContribution> {
    let position = work.ask(QueryLoanPosition { loan: query.loan, as_of: query.as_of })?;
    let today = work.today();
    let date = query.as_of.unwrap_or(today);
    let amount = match query.amount {
        Some(amount) => amount,
        None => owed_through(&position, date)?,
    };
    let split = split_payment(amount, &position)
        .map_err(|error| Fault::bug(format!("a payment for {} cannot be split", query.loan)).because(error))?;
    // Figures of an earlier day are for who asked alone.
    if query.amount.is_some() && date == today {
        let quote = quote(query, &position, &split.parts, today)?;
        work.emit(RepaymentPostingCalculated { quote });
    }
    Ok(PostingContribution { parts: split.parts })
}

/// What is outstanding of the installments due on or before `date`.
fn owed_through(position: &LoanPosition, date: Date) -> Result<Money, MoneyError> {
    let due = position.installments.iter().filter(|due| due.due_date <= date);
    Money::sum(position.interest_receivable.currency(), due.map(|due| due.outstanding))
}

/// What the asset center answers the trial with.
fn quote(
    query: &CalculateRepaymentPosting,
    position: &LoanPosition,
    parts: &PostingParts,
    today: Date,
) -> Result<PostingQuote, MoneyError> {
    let amount = parts.paid()?;
    let covers_all = amount.compare(owed_through(position, Date::MAX)?)?.is_ge();
    Ok(PostingQuote {
        loan: position.loan,
        customer: position.customer,
        funder: position.funder,
        fund_account: position.fund_account,
        product: position.product.clone(),
        kind: query.kind,
        amount,
        parts: parts.clone(),
        due_now: owed_through(position, today)?,
        settles: covers_all && !position.installments.is_empty(),
        as_of: today,
    })
}
