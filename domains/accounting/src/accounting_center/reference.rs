//! What an entry is about, as the one short text that stands in the books: readable, and readable back.
//!
//! `loan-12|rpo-40|Normal|GHS 1500000 25000 0 0 0 0 0 0 0|momo-778`: loan, order, kind of repayment, parts in units, text.
//! After the parts comes the day by whose figures they are split, when it is an earlier one. What is absent is `-`.

use std::fmt::Write as _;

use sycee_contract::{LedgerReference, PostingParts, RepaymentKind};
use sycee_money::{Currency, Money};

const ABSENT: &str = "-";

/// The text of a reference.
pub fn reference_text(reference: &LedgerReference) -> String {
    let mut text = String::with_capacity(64);
    let LedgerReference { loan, order, repayment, parts, text: rest } = reference;
    // Writing to a String can't fail.
    let _ = match loan {
        Some(loan) => write!(text, "{loan}|"),
        None => write!(text, "{ABSENT}|"),
    };
    let _ = match order {
        Some(order) => write!(text, "{order}|"),
        None => write!(text, "{ABSENT}|"),
    };
    text.push_str(repayment.map_or(ABSENT, RepaymentKind::name));
    text.push('|');
    match parts {
        Some(parts) => {
            text.push_str(parts.principal.currency().code());
            for part in amounts(parts) {
                let _ = write!(text, " {}", part.units());
            }
            if let Some(day) = parts.as_of {
                let _ = write!(text, " {day}");
            }
        }
        None => text.push_str(ABSENT),
    }
    text.push('|');
    text.push_str(rest);
    text
}

/// The reference of a text; of one in another form, only the text.
pub fn read_reference(text: &str) -> LedgerReference {
    let mut fields = text.splitn(5, '|');
    let mut next = || fields.next();
    if let (Some(loan), Some(order), Some(repayment), Some(parts), Some(rest)) =
        (next(), next(), next(), next(), next())
    {
        return LedgerReference {
            loan: loan.parse().ok(),
            order: order.parse().ok(),
            repayment: RepaymentKind::from_name(repayment),
            parts: read_parts(parts),
            text: rest.to_owned(),
        };
    }
    LedgerReference { loan: None, order: None, repayment: None, parts: None, text: text.to_owned() }
}

const fn amounts(parts: &PostingParts) -> [Money; 9] {
    [
        parts.principal,
        parts.interest,
        parts.interest_advance,
        parts.fee,
        parts.penalty,
        parts.fee_refund,
        parts.interest_waived,
        parts.interest_refund,
        parts.surplus,
    ]
}

fn read_parts(text: &str) -> Option<PostingParts> {
    let mut words = text.split(' ');
    let currency = Currency::from_code(words.next()?).ok()?;
    let mut next = || words.next()?.parse().ok().map(|units| Money::from_units(units, currency));
    let parts = PostingParts {
        principal: next()?,
        interest: next()?,
        interest_advance: next()?,
        fee: next()?,
        penalty: next()?,
        fee_refund: next()?,
        interest_waived: next()?,
        interest_refund: next()?,
        surplus: next()?,
        as_of: None,
    };
    let as_of = match words.next() {
        Some(day) => Some(day.parse().ok()?),
        None => None,
    };
    words.next().is_none().then_some(PostingParts { as_of, ..parts })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sycee_contract::{Identifier, LoanId, RepaymentOrderId};

    #[test]
    fn references_come_back() {
        let money = |units| Money::from_units(units, Currency::GHS);
        let parts = PostingParts {
            principal: money(1_500_000),
            interest: money(25_000),
            interest_advance: money(0),
            fee: money(1),
            penalty: money(2),
            fee_refund: money(3),
            interest_waived: money(4),
            interest_refund: money(5),
            surplus: money(6),
            as_of: None,
        };
        let full = LedgerReference {
            loan: Some(LoanId::from_number(12)),
            order: Some(RepaymentOrderId::from_number(40)),
            repayment: Some(RepaymentKind::Normal),
            parts: Some(parts),
            text: "momo|778".to_owned(),
        };
        assert_eq!(reference_text(&full), "loan-12|rpo-40|Normal|GHS 1500000 25000 0 1 2 3 4 5 6|momo|778");
        let bare = LedgerReference { loan: None, order: None, repayment: None, parts: None, text: String::new() };
        let mut late = full.clone();
        late.parts.as_mut().unwrap().as_of = Some(sycee_money::date(2026, 1, 5));
        assert_eq!(reference_text(&late), "loan-12|rpo-40|Normal|GHS 1500000 25000 0 1 2 3 4 5 6 2026-01-05|momo|778");
        for reference in [full, late, bare] {
            assert_eq!(read_reference(&reference_text(&reference)), reference);
        }
        assert_eq!(read_reference("free text").text, "free text");
    }
}
