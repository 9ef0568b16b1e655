//! The annual percentage rate of a plan, quickly where its flows are evenly spaced.
//!
//! With one flow each interval the equation of Directive 2008/48/EC, Annex I is a polynomial in the discount `w` of one
//! interval: `Σ Cₖ wᵏ = net`, and the rate is `w^-m - 1` for `m` intervals a year. It rises and bends upwards, so Newton's
//! steps from `w = 1` fall to the root without passing it. Everything else is left to `sycee_loan_math::apr`, which is the
//! reference for this file.
//!
//! Invariant: results are within 1e-10 of the reference; they depend on integers alone.

use sycee_contract::{IntervalUnit, ProductTerms, RepaymentMethod};
use sycee_loan_math::{LoanMathError, apr, schedule::Schedule};
use sycee_money::{Decimal, Money, Rate};

use crate::basis::apr_intervals;

/// Bits behind the binary point.
const BITS: u32 = 56;
const ONE: i128 = 1 << BITS;
/// Bounds under which no product below leaves 127 bits; `REPAID_MAX` is a multiple of the net proceeds.
const INSTALLMENTS_MAX: usize = 500;
const REPAID_MAX: i128 = 16;
const GROWTH_MAX: i128 = 64 * ONE;

/// The effective annual percentage rate of a schedule whose borrower receives `net_proceeds`, to 10 decimals half-up.
///
/// Errors: as [`apr::schedule_apr`].
pub(crate) fn plan_apr(terms: &ProductTerms, schedule: &Schedule, net_proceeds: Money) -> Result<Rate, LoanMathError> {
    let evenly_spaced = intervals_per_year(terms).and_then(|per_year| {
        evenly_spaced_apr(schedule.periods.iter().map(|period| period.emi), net_proceeds, per_year)
    });
    match evenly_spaced {
        Some(rate) => Ok(rate),
        None => apr::schedule_apr(schedule, net_proceeds, apr_intervals(terms.unit)),
    }
}

/// How many intervals make a year, when it is a whole number: months are twelfths and weeks fifty-seconds of a year.
fn intervals_per_year(terms: &ProductTerms) -> Option<u32> {
    let units = match terms.unit {
        IntervalUnit::Month => 12,
        IntervalUnit::Week => 52,
        IntervalUnit::Day => return None,
    };
    let spaced = terms.method != RepaymentMethod::Bullet && terms.every != 0 && units % terms.every == 0;
    spaced.then(|| units / terms.every)
}

/// `None` when the figures are outside the bounds of fixed-point arithmetic, or there is no rate.
fn evenly_spaced_apr(due: impl Iterator<Item = Money>, net_proceeds: Money, per_year: u32) -> Option<Rate> {
    let net = i128::from(net_proceeds.units());
    if net <= 0 {
        return None;
    }
    let due: Vec<i128> = due.map(|amount| i128::from(amount.units())).collect();
    let repaid: i128 = due.iter().sum();
    if due.len() > INSTALLMENTS_MAX || !(net..=net * REPAID_MAX).contains(&repaid) {
        return None;
    }
    let shares: Vec<i128> = due.into_iter().map(|units| (units << BITS) / net).collect();
    let growth = power((ONE << BITS) / discount(&shares)?, per_year)?;
    let scaled = ((growth - ONE) * 10_000_000_000 + ONE / 2) >> BITS;
    Some(Rate::from_decimal(Decimal::try_from_i128_with_scale(scaled, 10).ok()?))
}

/// The root of `Σ shareₖ wᵏ - 1` between 0 and 1, from above.
fn discount(shares: &[i128]) -> Option<i128> {
    let mut w = ONE;
    for _ in 0..64 {
        let (mut value, mut slope) = (0, 0);
        for share in shares.iter().rev() {
            slope = ((slope * w) >> BITS) + value;
            value = ((value * w) >> BITS) + share;
        }
        slope = ((slope * w) >> BITS) + value;
        value = ((value * w) >> BITS) - ONE;
        if slope <= 0 {
            return None;
        }
        let step = (value << BITS) / slope;
        if step <= 0 {
            return Some(w);
        }
        w -= step;
        if w <= 0 {
            return None;
        }
    }
    None
}

fn power(base: i128, exponent: u32) -> Option<i128> {
    let mut result = ONE;
    for bit in (0..u32::BITS - exponent.leading_zeros()).rev() {
        result = (result * result) >> BITS;
        if exponent >> bit & 1 == 1 {
            result = (result * base) >> BITS;
        }
        if !(0..=GROWTH_MAX).contains(&result) || base > GROWTH_MAX {
            return None;
        }
    }
    Some(result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::test_runner::{Config, RngSeed};
    use sycee_loan_math::apr::{CashFlow, Intervals, effective_apr};
    use sycee_money::{Currency, add_months, date};

    fn reference(due: &[Money], net: Money) -> Rate {
        let start = date(2026, 1, 31);
        let out = [CashFlow { date: start, amount: net }];
        let back: Vec<CashFlow> = due
            .iter()
            .zip(1..)
            .map(|(amount, nr)| CashFlow { date: add_months(start, nr, 31), amount: *amount })
            .collect();
        effective_apr(&out, &back, Intervals::EqualMonths).unwrap()
    }

    fn ghs(minor: i64) -> Money {
        Money::from_minor(minor, Currency::GHS).unwrap()
    }

    #[test]
    fn agrees_with_the_reference() {
        let last_decimal = Decimal::new(1, 10);
        for (installment, count, net) in [
            (10_000, 1, 10_000),
            (10_000, 1, 9_000),
            (10_000, 12, 100_000),
            (10_000, 12, 120_000),
            (10_000, 12, 119_999),
            (1, 60, 40),
            (33_333, 60, 900_000),
            (99_999_999_999, 36, 2_500_000_000_000),
        ] {
            let due = vec![ghs(installment); count];
            let quick = evenly_spaced_apr(due.iter().copied(), ghs(net), 12).unwrap();
            let exact = reference(&due, ghs(net));
            assert!((quick.as_decimal() - exact.as_decimal()).abs() <= last_decimal, "{quick} is not {exact}");
        }
    }

    proptest::proptest! {
        #![proptest_config(Config { rng_seed: RngSeed::Fixed(20_260_105), failure_persistence: None, ..Config::default() })]

        #[test]
        fn agrees_with_the_reference_on_any_flows(
            due in proptest::collection::vec(1..5_000_000i64, 1..61),
            fee_percent in 0..40i64,
            interest_percent in 0..80i64,
        ) {
            let repaid: i64 = due.iter().sum();
            let net = ghs(repaid * (100 - fee_percent) / (100 + interest_percent));
            proptest::prop_assume!(net.is_positive());
            let due: Vec<Money> = due.into_iter().map(ghs).collect();
            if let Some(quick) = evenly_spaced_apr(due.iter().copied(), net, 12) {
                let exact = reference(&due, net);
                proptest::prop_assert!((quick.as_decimal() - exact.as_decimal()).abs() <= Decimal::new(1, 10), "{} is not {}", quick, exact);
            }
        }
    }

    #[test]
    fn leaves_the_extremes_to_the_reference() {
        let one = |minor| std::iter::once(ghs(minor));
        assert_eq!(evenly_spaced_apr(one(100), ghs(0), 12), None);
        assert_eq!(evenly_spaced_apr(one(99), ghs(100), 12), None);
        assert_eq!(evenly_spaced_apr(one(10_000), ghs(1), 12), None);
        assert_eq!(evenly_spaced_apr(one(200), ghs(100), 12), None);
        assert_eq!(evenly_spaced_apr(one(100), ghs(100), 12), Some(Rate::zero()));
    }
}
