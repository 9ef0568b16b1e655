//! How a payment is split over what a loan asks for, in the order of the product's terms.
//!
//! Installments are covered by age, each in the product's order; a payment above what is due goes on into the next
//! installments (paid in advance), and what is left after the last one is the customer's.
//!
//! Invariant: the parts of a split sum to the payment.

use sycee_contract::{DuePart, LoanPosition, PostingParts};
use sycee_loan_math::LoanMathError;
use sycee_loan_math::allocation::{AllocationOrder, Component, InstallmentDue, InstallmentPart, Sweep, allocate};
use sycee_money::{Money, MoneyError};

/// A payment, split by kind and by installment.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// What it pays of each kind.
    pub parts: PostingParts,
    /// What it pays of each installment, oldest first.
    pub lines: Vec<InstallmentPart>,
}

/// Splits `payment` over the installments of `position`.
///
/// Interest up to the earned and unpaid total is `interest`, the rest of it `interest_advance`.
/// Errors: `Invalid` for a negative payment or an order that does not name each part once; `Money` for mixed currencies.
pub fn split_payment(payment: Money, position: &LoanPosition) -> Result<Split, LoanMathError> {
    let order = order_of(&position.allocation)?;
    let dues: Vec<InstallmentDue> = position
        .installments
        .iter()
        .map(|due| InstallmentDue {
            nr: due.nr,
            due_date: due.due_date,
            penalty: due.penalty,
            fee: due.fee,
            interest: due.interest,
            principal: due.principal,
        })
        .collect();
    let allocation = allocate(payment, &dues, &order)?;

    let currency = payment.currency();
    let total = |part: fn(&InstallmentPart) -> Money| Money::sum(currency, allocation.parts.iter().map(part));
    let (interest, interest_advance) = by_earning(total(|part| part.interest)?, position.interest_receivable)?;
    let parts = PostingParts {
        principal: total(|part| part.principal)?,
        interest,
        interest_advance,
        fee: total(|part| part.fee)?,
        penalty: total(|part| part.penalty)?,
        surplus: allocation.surplus,
        ..PostingParts::nothing(currency)
    };
    Ok(Split { parts, lines: allocation.parts })
}

/// Paid interest as (earned and not paid before, paid in advance).
///
/// Errors: `Overflow`, or currencies that differ.
pub fn by_earning(interest: Money, receivable: Money) -> Result<(Money, Money), MoneyError> {
    let earned = interest.min(receivable)?;
    Ok((earned, interest.checked_sub(earned)?))
}

fn order_of(allocation: &[DuePart]) -> Result<AllocationOrder, LoanMathError> {
    let components: Vec<Component> = allocation
        .iter()
        .map(|part| match part {
            DuePart::Penalty => Component::Penalty,
            DuePart::Fee => Component::Fee,
            DuePart::Interest => Component::Interest,
            DuePart::Principal => Component::Principal,
        })
        .collect();
    AllocationOrder::new(&components, Sweep::InstallmentFirst)
}

#[cfg(test)]
mod tests {
    use sycee_contract::{Identifier, LoanId};
    use sycee_money::{Currency, date};

    use super::*;

    fn ghs(text: &str) -> Money {
        Money::parse(text, Currency::GHS).unwrap()
    }

    fn position(receivable: &str) -> LoanPosition {
        let due = |nr, month, penalty: &str, interest: &str| sycee_contract::InstallmentDue {
            nr,
            due_date: date(2026, month, 10),
            principal: ghs("100"),
            interest: ghs(interest),
            fee: ghs("0"),
            penalty: ghs(penalty),
            outstanding: ghs("100"),
        };
        LoanPosition {
            loan: LoanId::from_number(7),
            customer: Identifier::from_number(8),
            funder: Identifier::from_number(9),
            fund_account: Identifier::from_number(10),
            product: "p".to_owned(),
            allocation: vec![DuePart::Penalty, DuePart::Fee, DuePart::Interest, DuePart::Principal],
            interest_receivable: ghs(receivable),
            installments: vec![due(1, 1, "2", "10"), due(2, 2, "0", "8")],
        }
    }

    #[test]
    fn a_payment_covers_penalty_fee_interest_and_principal_by_age() {
        // payment, receivable -> penalty, interest, advance, principal, surplus
        let table = [
            ("1", "10", ["1", "0", "0", "0", "0"]),
            ("12", "10", ["2", "10", "0", "0", "0"]),
            ("112", "4", ["2", "4", "6", "100", "0"]),
            ("120", "12", ["2", "12", "6", "100", "0"]),
            ("250", "18", ["2", "18", "0", "200", "30"]),
        ];
        for (payment, receivable, [penalty, interest, advance, principal, surplus]) in table {
            let parts = split_payment(ghs(payment), &position(receivable)).unwrap().parts;
            let seen = [parts.penalty, parts.interest, parts.interest_advance, parts.principal, parts.surplus];
            assert_eq!(seen, [penalty, interest, advance, principal, surplus].map(ghs), "{payment}");
            assert_eq!(parts.paid().unwrap(), ghs(payment));
        }
    }

    #[test]
    fn principal_before_interest_is_an_order_like_any_other() {
        let mut position = position("10");
        position.allocation = vec![DuePart::Principal, DuePart::Interest, DuePart::Fee, DuePart::Penalty];
        let split = split_payment(ghs("104"), &position).unwrap();
        assert_eq!((split.parts.principal, split.parts.interest), (ghs("100"), ghs("4")));
        position.allocation.pop();
        assert!(split_payment(ghs("104"), &position).is_err());
    }
}
