//! Full-precision amounts between two bookings.

use proptest::prelude::*;
use sycee_money::{Currency, DayCount, Decimal, Money, MoneyError, Precise, Rate, Rounding, date};

proptest! {
    #![proptest_config(crate::seeded(1000))]

    #[test]
    fn money_survives_the_way_through_precision(minor in -1_000_000_000_000i64..1_000_000_000_000, index in 0usize..160) {
        let currency = Currency::all().nth(index).unwrap();
        let amount = Money::from_minor(minor, currency).unwrap();
        for mode in Rounding::ALL {
            prop_assert_eq!(amount.precise().round(mode), Ok(amount));
        }
    }

    #[test]
    fn one_rate_gives_what_money_gives(units in -1_000_000_000_000i64..1_000_000_000_000, bps in -100_000i64..100_000) {
        let (amount, rate) = (Money::from_units(units, Currency::GHS), Rate::from_bps(bps));
        for mode in Rounding::ALL {
            prop_assert_eq!(amount.precise().mul_rate(rate).unwrap().round(mode), amount.mul_rate(rate, mode));
        }
    }

    /// What is posted each day is the difference of rounded cumulative totals, so rounding never drifts.
    #[test]
    fn differences_of_rounded_totals_do_not_drift(units in 1i64..10_000_000_000, bps in 1i64..50_000, days in 1i64..400) {
        let principal = Money::from_units(units, Currency::GHS).precise();
        let rate = Rate::from_bps(bps);
        let accrued = |day: i64| {
            let due = date(2026, 1, 1).checked_add(jiff::ToSpan::days(day)).unwrap();
            let year = DayCount::Act365Fixed.year_fraction(date(2026, 1, 1), due);
            principal.mul_rate(rate).unwrap().mul_fraction(year).unwrap().round(Rounding::HalfEven).unwrap()
        };
        let posted = (1..=days).map(|day| accrued(day).checked_sub(accrued(day - 1)).unwrap());
        prop_assert_eq!(Money::sum(Currency::GHS, posted), Ok(accrued(days)));
    }
}

#[test]
fn currencies_and_limits_are_checked() {
    let (cedi, dollar) = (Precise::zero(Currency::GHS), Precise::zero(Currency::USD));
    let mismatch = MoneyError::CurrencyMismatch { left: Currency::GHS, right: Currency::USD };
    assert_eq!(cedi.checked_add(dollar), Err(mismatch.clone()));
    assert_eq!(cedi.checked_sub(dollar), Err(mismatch));
    let most = Precise::from_decimal(Decimal::MAX, Currency::GHS);
    for refused in [most.checked_add(most), most.mul_decimal(Decimal::TWO), most.div_decimal(Decimal::new(1, 28))] {
        assert!(matches!(refused, Err(MoneyError::Overflow { .. })), "{refused:?}");
    }
    assert!(matches!(most.round(Rounding::Down), Err(MoneyError::Overflow { .. })));
    assert!(matches!(most.div_decimal(Decimal::ZERO), Err(MoneyError::DivisionByZero { .. })));
}

#[test]
fn rounding_uses_the_minor_unit_of_the_currency() {
    let value: Decimal = "2.3456785".parse().unwrap();
    let table = [(Currency::JPY, "2"), (Currency::GHS, "2.35"), (Currency::USDT, "2.345678")];
    for (currency, expected) in table {
        let rounded = Precise::from_decimal(value, currency).round(Rounding::HalfEven).unwrap();
        assert_eq!(rounded, Money::parse(expected, currency).unwrap());
    }
}
