//! What it costs to end a loan before its last due date: early settlement and cancellation within the cooling-off days.
//!
//! Invariant: no figure of a quote is negative; what the lender owes back has a field of its own.
//! Invariant: `total` is what the named figures sum to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sycee_money::{Date, Money, Rounding};

use crate::{
    LoanMathError,
    accrual::earned_to,
    schedule::{Schedule, add_days},
};

/// Up to when an early settlement charges interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum InterestUntil {
    /// To the day of the settlement, included.
    SettlementDay,
    /// To the due date of the period the settlement falls in.
    PeriodEnd,
}

/// What a loan stands at when it is to be settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Position {
    /// Principal not repaid.
    pub principal_outstanding: Money,
    /// Interest of the schedule that was paid.
    pub interest_paid: Money,
    /// Fees due and unpaid.
    pub fees_due: Money,
    /// Penalties due and unpaid.
    pub penalties_due: Money,
}

/// What settles a loan on a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SettlementQuote {
    /// The day the quote holds for.
    pub as_of: Date,
    /// Principal not repaid.
    pub principal: Money,
    /// Interest earned under the policy and not paid.
    pub interest: Money,
    /// Fees due.
    pub fees: Money,
    /// Penalties due.
    pub penalties: Money,
    /// Interest that was paid and is not earned under the policy; it is taken off the total.
    pub interest_credit: Money,
    /// What the borrower pays: the figures above less the credit, at least zero.
    pub total: Money,
    /// What the lender pays back where the credit is larger than what is owed.
    pub refund: Money,
    /// Interest of the schedule that the settlement saves.
    pub interest_saved: Money,
}

/// The rules of cancelling a loan within days of its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CoolingOffPolicy {
    /// Days after the start on which the loan can be cancelled; the last of them counts.
    pub days: u16,
    /// Whether interest to the day of cancellation is charged.
    pub charge_interest: bool,
    /// Whether fees already charged are given back.
    pub refund_fees: bool,
}

/// What was charged to and paid by the borrower before a cancellation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChargedAndPaid {
    /// Fees the borrower paid or that were kept back from the payout.
    pub fees_charged: Money,
    /// What was paid on principal and interest.
    pub paid: Money,
}

/// What cancels a loan on a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CoolingOffQuote {
    /// The day the quote holds for.
    pub as_of: Date,
    /// The last day on which the loan can be cancelled.
    pub ends: Date,
    /// The principal of the loan.
    pub principal: Money,
    /// Interest to the day, zero where the policy charges none.
    pub interest: Money,
    /// Fees given back.
    pub fee_refund: Money,
    /// What the borrower still pays: principal and interest less fees given back and what was paid, at least zero.
    pub total: Money,
    /// What the lender pays back where more was paid than is owed.
    pub refund: Money,
}

/// The amount that settles the loan on `as_of`.
///
/// On or before the start no interest is earned, under either policy. The schedule must be the active one.
/// Errors: `Invalid` for a negative figure in `position`; `Money` for mixed currencies.
pub fn early_settlement(
    schedule: &Schedule,
    position: &Position,
    as_of: Date,
    until: InterestUntil,
    rounding: Rounding,
) -> Result<SettlementQuote, LoanMathError> {
    let Position { principal_outstanding, interest_paid, fees_due, penalties_due } = *position;
    if [principal_outstanding, interest_paid, fees_due, penalties_due].iter().any(|amount| amount.is_negative()) {
        return Err(LoanMathError::invalid("position", "must not hold negative amounts", "\"0.00\""));
    }
    let earned = earned_to(schedule, interest_day(schedule, as_of, until))?.round(rounding)?;
    let (interest, interest_credit) = split_sign(earned.checked_sub(interest_paid)?)?;
    let owed = Money::sum(earned.currency(), [principal_outstanding, interest, fees_due, penalties_due])?;
    let (total, refund) = split_sign(owed.checked_sub(interest_credit)?)?;
    Ok(SettlementQuote {
        as_of,
        principal: principal_outstanding,
        interest,
        fees: fees_due,
        penalties: penalties_due,
        interest_credit,
        total,
        refund,
        interest_saved: schedule.total_interest.checked_sub(earned)?,
    })
}

/// The amount that cancels the loan on `as_of` within its cooling-off days.
///
/// Errors: `CoolingOffOver` after the last day; `Invalid` before the start or for negative figures.
pub fn cooling_off(
    schedule: &Schedule,
    facts: &ChargedAndPaid,
    as_of: Date,
    policy: CoolingOffPolicy,
    rounding: Rounding,
) -> Result<CoolingOffQuote, LoanMathError> {
    let ends = add_days(schedule.start, u64::from(policy.days))?;
    if as_of > ends {
        return Err(LoanMathError::CoolingOffOver { ended: ends, as_of });
    }
    if as_of < schedule.start {
        return Err(LoanMathError::invalid("as_of", "must not be before the start of the loan", "\"2026-01-05\""));
    }
    if facts.fees_charged.is_negative() || facts.paid.is_negative() {
        return Err(LoanMathError::invalid("facts", "must not hold negative amounts", "\"0.00\""));
    }
    let nothing = Money::zero(schedule.principal.currency());
    let interest = if policy.charge_interest { earned_to(schedule, as_of)?.round(rounding)? } else { nothing };
    let fee_refund = if policy.refund_fees { facts.fees_charged } else { nothing };
    let owed = schedule.principal.checked_add(interest)?;
    let (total, refund) = split_sign(owed.checked_sub(fee_refund)?.checked_sub(facts.paid)?)?;
    Ok(CoolingOffQuote { as_of, ends, principal: schedule.principal, interest, fee_refund, total, refund })
}

fn interest_day(schedule: &Schedule, as_of: Date, until: InterestUntil) -> Date {
    if until == InterestUntil::SettlementDay || as_of <= schedule.start {
        return as_of;
    }
    let current = schedule.periods.iter().find(|period| as_of <= period.due_date);
    current.map_or(as_of, |period| period.due_date)
}

/// A signed amount as (what is positive of it, what is negative of it).
fn split_sign(amount: Money) -> Result<(Money, Money), LoanMathError> {
    let nothing = Money::zero(amount.currency());
    Ok(if amount.is_negative() { (nothing, amount.checked_neg()?) } else { (amount, nothing) })
}

#[cfg(test)]
mod tests {
    use sycee_money::{Currency, Rate, date};

    use super::*;
    use crate::schedule::{LoanTerms, build};

    fn ghs(text: &str) -> Money {
        Money::parse(text, Currency::GHS).unwrap()
    }

    fn seven_percent() -> Schedule {
        let rate = Rate::from_percent_str("7").unwrap();
        build(&LoanTerms { installments: 6, ..LoanTerms::monthly(ghs("100"), rate, date(2024, 1, 1)) }).unwrap()
    }

    fn after_first_installment() -> Position {
        Position {
            principal_outstanding: ghs("83.57"),
            interest_paid: ghs("0.58"),
            fees_due: ghs("0"),
            penalties_due: ghs("0"),
        }
    }

    #[test]
    fn a_payoff_inside_a_period_is_to_the_day_or_to_its_end() {
        // Apache Fineract, Loan.feature:5539, :5598 and LoanContractTermination.feature.
        let table = [
            (date(2024, 2, 15), InterestUntil::SettlementDay, "83.81"),
            (date(2024, 2, 15), InterestUntil::PeriodEnd, "84.06"),
            (date(2024, 2, 29), InterestUntil::SettlementDay, "84.04"),
            (date(2024, 3, 1), InterestUntil::PeriodEnd, "84.06"),
            (date(2024, 2, 1), InterestUntil::SettlementDay, "83.57"),
        ];
        for (as_of, until, expected) in table {
            let quote =
                early_settlement(&seven_percent(), &after_first_installment(), as_of, until, Rounding::HalfEven);
            assert_eq!(quote.unwrap().total.to_decimal_string(), expected, "{as_of} {until:?}");
        }
    }

    #[test]
    fn fees_are_owed_and_unearned_interest_is_given_back() {
        let mut position = after_first_installment();
        position.fees_due = ghs("3");
        position.penalties_due = ghs("2");
        position.interest_paid = ghs("1.00");
        let day = date(2024, 2, 1);
        let quote = |position: &Position| {
            early_settlement(&seven_percent(), position, day, InterestUntil::SettlementDay, Rounding::HalfEven)
        };
        let dear = quote(&position).unwrap();
        assert_eq!((dear.interest_credit, dear.total, dear.refund), (ghs("0.42"), ghs("88.15"), ghs("0")));
        assert_eq!(dear.interest_saved, ghs("1.47"));

        position =
            Position { principal_outstanding: ghs("0.10"), fees_due: ghs("0"), penalties_due: ghs("0"), ..position };
        let paid_ahead = quote(&position).unwrap();
        assert_eq!((paid_ahead.total, paid_ahead.refund), (ghs("0"), ghs("0.32")));

        position.fees_due = ghs("-1");
        assert!(quote(&position).is_err());
    }

    #[test]
    fn cancelling_returns_the_money_with_or_without_interest_and_fees() {
        let facts = ChargedAndPaid { fees_charged: ghs("5"), paid: ghs("0") };
        let quote = |charge_interest, refund_fees, as_of, facts: &ChargedAndPaid| {
            let policy = CoolingOffPolicy { days: 14, charge_interest, refund_fees };
            cooling_off(&seven_percent(), facts, as_of, policy, Rounding::HalfEven)
        };
        let day = date(2024, 1, 15);
        assert_eq!(quote(false, false, day, &facts).unwrap().total, ghs("100"));
        assert_eq!(quote(true, false, day, &facts).unwrap().total, ghs("100.26"));
        assert_eq!(quote(true, true, day, &facts).unwrap().total, ghs("95.26"));
        let paid = ChargedAndPaid { paid: ghs("101"), ..facts };
        assert_eq!(quote(true, true, day, &paid).unwrap().refund, ghs("5.74"));

        let late = quote(true, true, date(2024, 1, 16), &facts).unwrap_err();
        assert_eq!(late, LoanMathError::CoolingOffOver { ended: day, as_of: date(2024, 1, 16) });
        assert!(quote(true, true, date(2023, 12, 31), &facts).is_err());
    }
}
