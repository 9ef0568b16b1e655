//! What a product's words mean to loan mathematics: the only place that knows both.
//!
//! Invariant: every word that [`crate::check_terms`] lets pass has a meaning here.

use sycee_contract::{IntervalUnit, ProductTerms, RepaymentMethod};
use sycee_loan_math::apr::Intervals;
use sycee_loan_math::schedule::{
    DayBasis, DaysInMonth, DaysInYear, Every, InterestPeriod, LoanTerms, Method, MonthEnd, PRECISION_DEFAULT, Unit,
};
use sycee_money::DayCount;

use crate::{PlanRequest, ProductRejection};

/// The day counts a product may name. `30/360` counts whole months as 30 days, so that equal installments stay equal; the two
/// after it count from date to date, so that a period from or to the end of a month may have more or fewer days than 30.
pub(crate) const DAY_COUNTS: [(&str, DayBasis); 7] = [
    ("30/360", DayBasis::Calendar { days_in_month: DaysInMonth::Thirty, days_in_year: DaysInYear::D360 }),
    ("30/360-us", DayBasis::Convention(DayCount::Thirty360Us)),
    ("30/360-european", DayBasis::Convention(DayCount::Thirty360European)),
    ("act/360", DayBasis::Convention(DayCount::Act360)),
    ("act/364", DayBasis::Convention(DayCount::Act364)),
    ("act/365", DayBasis::Convention(DayCount::Act365Fixed)),
    ("act/act", DayBasis::Convention(DayCount::ActActIsda)),
];

/// The day basis that a product's day count names.
pub(crate) fn day_basis(name: &str) -> Option<DayBasis> {
    DAY_COUNTS.into_iter().find_map(|(known, basis)| (known == name).then_some(basis))
}

/// How the time between flows is counted for the annual percentage rate: in the unit of the intervals.
pub(crate) const fn apr_intervals(unit: IntervalUnit) -> Intervals {
    match unit {
        IntervalUnit::Day => Intervals::ActualDays,
        IntervalUnit::Week => Intervals::EqualWeeks,
        IntervalUnit::Month => Intervals::EqualMonths,
    }
}

/// The terms of one loan under a product version.
///
/// A bullet loan of `term` intervals has one installment, at the end of the last. Errors: `InvalidField` for a day count
/// or term without a meaning.
pub(crate) fn loan_terms(terms: &ProductTerms, request: &PlanRequest) -> Result<LoanTerms, ProductRejection> {
    let day_basis = day_basis(&terms.day_count).ok_or_else(|| {
        let rule = "must be one of 30/360, 30/360-us, 30/360-european, act/360, act/364, act/365, act/act";
        ProductRejection::invalid("dayCount", rule, "act/365")
    })?;
    let too_long = || ProductRejection::invalid("term", "must be from 1 to 1000 intervals for a bullet loan", "30");
    let (every, installments) = match terms.method {
        RepaymentMethod::Bullet => (terms.every.checked_mul(request.term).ok_or_else(too_long)?, 1),
        RepaymentMethod::EqualInstallments | RepaymentMethod::EqualPrincipal | RepaymentMethod::Flat => {
            (terms.every, request.term)
        }
    };
    Ok(LoanTerms {
        principal: request.principal,
        annual_rate: request.annual_rate,
        method: method(terms.method),
        interest_period: InterestPeriod::Daily,
        day_basis,
        start: request.start,
        every: Every { n: every, unit: unit(terms.unit) },
        installments,
        installment_multiple: None,
        rounding: terms.rounding,
        month_end: MonthEnd::Clamp,
        first_due: None,
        precision: PRECISION_DEFAULT,
    })
}

const fn method(method: RepaymentMethod) -> Method {
    match method {
        RepaymentMethod::EqualInstallments => Method::EqualInstallments,
        RepaymentMethod::EqualPrincipal => Method::EqualPrincipal,
        RepaymentMethod::Flat => Method::Flat,
        RepaymentMethod::Bullet => Method::Bullet,
    }
}

const fn unit(unit: IntervalUnit) -> Unit {
    match unit {
        IntervalUnit::Day => Unit::Day,
        IntervalUnit::Week => Unit::Week,
        IntervalUnit::Month => Unit::Month,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_convention_can_be_chosen() {
        for convention in DayCount::ALL {
            let basis = DayBasis::Convention(convention);
            assert!(DAY_COUNTS.iter().any(|(_, known)| *known == basis), "no product can name {convention}");
        }
        for (name, basis) in DAY_COUNTS {
            assert_eq!(day_basis(name), Some(basis));
        }
        assert_eq!(day_basis("30E/360"), None);
    }
}
