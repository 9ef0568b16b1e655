//! Properties of amounts: nothing is lost, nothing wraps, nothing changes its currency.

use num_bigint::BigInt;
use proptest::prelude::*;
use sycee_money::{Currency, Money, MoneyError, Rate, Rounding};

fn currency() -> impl Strategy<Value = Currency> {
    prop::sample::select(Currency::all().collect::<Vec<_>>())
}

fn units() -> impl Strategy<Value = i64> {
    prop_oneof![any::<i64>(), -100_000_000i64..100_000_000, Just(i64::MIN), Just(i64::MAX), Just(0), Just(1), Just(-1)]
}

fn mode() -> impl Strategy<Value = Rounding> {
    prop::sample::select(Rounding::ALL.to_vec())
}

fn ghs(text: &str) -> Money {
    Money::parse(text, Currency::GHS).unwrap()
}

proptest! {
    #![proptest_config(crate::seeded(1000))]

    #[test]
    fn printing_and_parsing_round_trip(units in units(), currency in currency()) {
        let amount = Money::from_units(units, currency);
        let printed = amount.to_decimal_string();
        prop_assert_eq!(Money::parse(&printed, currency), Ok(amount));
        let decimals = printed.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        let useless_zero = decimals > currency.minor_digits() as usize && printed.ends_with('0');
        prop_assert!(decimals >= currency.minor_digits() as usize && !useless_zero, "{}", printed);
    }

    #[test]
    fn sums_are_exact_or_refused(left in units(), right in units(), n in any::<i64>(), currency in currency()) {
        let (a, b) = (Money::from_units(left, currency), Money::from_units(right, currency));
        prop_assert_eq!(a.checked_add(b).ok().map(Money::units), left.checked_add(right));
        prop_assert_eq!(a.checked_sub(b).ok().map(Money::units), left.checked_sub(right));
        prop_assert_eq!(a.checked_mul_int(n).ok().map(Money::units), left.checked_mul(n));
        prop_assert_eq!(a.checked_neg().ok().map(Money::units), left.checked_neg());
        prop_assert_eq!(a.checked_abs().ok().map(Money::units), left.checked_abs());
        prop_assert_eq!(Money::sum(currency, [a, b]).ok(), a.checked_add(b).ok());
        if let Ok(sum) = a.checked_add(b) {
            prop_assert_eq!(sum.checked_sub(b), Ok(a));
        }
    }

    #[test]
    fn parts_sum_to_the_whole(units in units(), weights in prop::collection::vec(any::<u64>(), 1..12), currency in currency()) {
        prop_assume!(weights.iter().any(|weight| *weight > 0));
        let whole = Money::from_units(units, currency);
        let parts = whole.allocate(&weights).unwrap();
        prop_assert_eq!(parts.len(), weights.len());
        prop_assert_eq!(Money::sum(currency, parts.iter().copied()), Ok(whole));

        let step = if whole.is_whole_minor() { 10i64.pow(currency.scale() - currency.minor_digits()) } else { 1 };
        let total: BigInt = weights.iter().map(|weight| BigInt::from(*weight)).sum();
        for (part, weight) in parts.iter().zip(&weights) {
            prop_assert_eq!(part.is_whole_minor() || step == 1, true);
            // each part is less than one step away from its exact share
            let distance = BigInt::from(part.units()) * &total - BigInt::from(units) * BigInt::from(*weight);
            prop_assert!(distance.magnitude() < (BigInt::from(step) * &total).magnitude());
            prop_assert!(*weight > 0 || part.is_zero());
        }
    }

    #[test]
    fn negative_amounts_are_split_as_mirrors(units in 0..i64::MAX, weights in prop::collection::vec(1u64..1000, 1..8)) {
        let whole = Money::from_units(units, Currency::GHS);
        let mirrored = whole.checked_neg().unwrap().allocate(&weights).unwrap();
        let parts = whole.allocate(&weights).unwrap();
        prop_assert_eq!(parts.iter().map(|part| part.checked_neg().unwrap()).collect::<Vec<_>>(), mirrored);
    }

    #[test]
    fn rates_and_ratios_round_once(units in units(), bps in -1_000_000i64..1_000_000, mode in mode(), currency in currency()) {
        let amount = Money::from_units(units, currency);
        let step = 10i128.pow(currency.scale() - currency.minor_digits());
        let expected = mode.div_i128(i128::from(units) * i128::from(bps), 10_000 * step) * step;
        let expected = i64::try_from(expected).ok();
        prop_assert_eq!(amount.mul_rate(Rate::from_bps(bps), mode).ok().map(Money::units), expected);
        prop_assert_eq!(amount.mul_ratio(bps.into(), 10_000, mode).ok().map(Money::units), expected);
        prop_assert_eq!(amount.mul_ratio((-bps).into(), -10_000, mode).ok().map(Money::units), expected);
    }

    #[test]
    fn rounding_lands_on_a_neighbouring_minor_unit(units in units(), mode in mode(), currency in currency()) {
        let amount = Money::from_units(units, currency);
        let rounded = amount.round_minor(mode);
        let step = 10i128.pow(currency.scale() - currency.minor_digits());
        prop_assert!(rounded.is_whole_minor());
        prop_assert!((i128::from(rounded.units()) - i128::from(units)).abs() < step);
        prop_assert_eq!(rounded.round_minor(mode), rounded);
        prop_assert_eq!(amount.is_whole_minor(), rounded == amount);
        prop_assert_eq!(Money::from_minor(rounded.to_minor().unwrap(), currency), Ok(rounded));
    }

    #[test]
    fn multiples_are_multiples(units in units(), multiple in 1i64..1_000_000, mode in mode()) {
        let step = Money::from_units(multiple, Currency::GHS);
        match Money::from_units(units, Currency::GHS).round_to_multiple(step, mode) {
            Ok(rounded) => {
                prop_assert_eq!(rounded.units() % multiple, 0);
                prop_assert!((i128::from(rounded.units()) - i128::from(units)).abs() < i128::from(multiple));
            }
            Err(error) => {
                let at_the_limit = matches!(error, MoneyError::Overflow { .. }) && units.unsigned_abs() > 1 << 62;
                prop_assert!(at_the_limit, "{}", error);
            }
        }
    }
}

#[test]
fn amounts_are_read_strictly() {
    let table = [
        ("12.3456", Currency::GHS, Ok(123_456)),
        ("-0.05", Currency::GHS, Ok(-500)),
        ("7", Currency::JPY, Ok(70_000)),
        ("0.000001", Currency::USDT, Ok(1)),
        ("-0", Currency::GHS, Ok(0)),
        ("007.10", Currency::GHS, Ok(71_000)),
        ("922337203685477.5807", Currency::GHS, Ok(i64::MAX)),
        ("-922337203685477.5808", Currency::GHS, Ok(i64::MIN)),
        ("922337203685477.5808", Currency::GHS, Err("leaves the range")),
        ("1.00000", Currency::GHS, Err("at most 4 decimals")),
        ("1.0000001", Currency::USDC, Err("at most 6 decimals")),
        ("", Currency::GHS, Err("write digits")),
        ("-", Currency::GHS, Err("write digits")),
        (".5", Currency::GHS, Err("write digits")),
        ("5.", Currency::GHS, Err("write digits")),
        ("+5", Currency::GHS, Err("write digits")),
        ("1,000.00", Currency::GHS, Err("write digits")),
        ("1e3", Currency::GHS, Err("write digits")),
        (" 1", Currency::GHS, Err("write digits")),
        ("1.2.3", Currency::GHS, Err("write digits")),
        ("１２", Currency::GHS, Err("write digits")),
    ];
    for (text, currency, expected) in table {
        match (Money::parse(text, currency), expected) {
            (Ok(amount), Ok(units)) => assert_eq!(amount.units(), units, "{text}"),
            (Err(error), Err(words)) => {
                assert!(error.to_string().contains(words), "{text}: {error}");
            }
            (other, _) => panic!("{text}: {other:?}"),
        }
    }
    let flood = "9".repeat(10_000);
    assert!(Money::parse(&format!("{flood}x"), Currency::GHS).unwrap_err().to_string().len() < 300);
}

#[test]
fn amounts_are_shown_to_the_minor_unit_and_no_further_than_needed() {
    let table = [
        (123_000, Currency::GHS, "GHS 12.30"),
        (123_456, Currency::GHS, "GHS 12.3456"),
        (-500, Currency::GHS, "GHS -0.05"),
        (0, Currency::GHS, "GHS 0.00"),
        (12_500_000, Currency::JPY, "JPY 1250"),
        (1, Currency::JPY, "JPY 0.0001"),
        (1, Currency::USDT, "USDT 0.000001"),
        (i64::MIN, Currency::GHS, "GHS -922337203685477.5808"),
    ];
    for (units, currency, shown) in table {
        let amount = Money::from_units(units, currency);
        assert_eq!((format!("{amount}"), format!("{amount:?}")), (shown.to_owned(), shown.to_owned()));
    }
    assert_eq!(format!("[{:>12}]", ghs("1.50")), "[    GHS 1.50]");
}

#[test]
fn left_over_minor_units_go_to_the_largest_remainders_and_ties_to_the_first() {
    let table: [(&str, &[u64], &[&str]); 6] = [
        ("100.00", &[1, 1, 1], &["33.34", "33.33", "33.33"]),
        ("0.05", &[70, 30], &["0.04", "0.01"]),
        ("0.01", &[1, 1], &["0.01", "0.00"]),
        ("0.01", &[0, 1, 1], &["0.00", "0.01", "0.00"]),
        ("-100.00", &[1, 1, 1], &["-33.34", "-33.33", "-33.33"]),
        ("0.0001", &[1, 2], &["0.0000", "0.0001"]),
    ];
    for (whole, weights, expected) in table {
        let expected: Vec<Money> = expected.iter().map(|part| ghs(part)).collect();
        assert_eq!(ghs(whole).allocate(weights), Ok(expected), "{whole} {weights:?}");
    }
    assert_eq!(ghs("1.00").allocate(&[]), Err(MoneyError::InvalidAllocation));
    assert_eq!(ghs("1.00").allocate(&[0, 0]), Err(MoneyError::InvalidAllocation));
    let extreme = Money::from_units(i64::MIN, Currency::GHS);
    assert_eq!(extreme.allocate(&[u64::MAX]), Ok(vec![extreme]));
}

#[test]
fn two_currencies_never_meet() {
    let (cedi, dollar) = (ghs("1.00"), Money::parse("1.00", Currency::USD).unwrap());
    let mismatch = MoneyError::CurrencyMismatch { left: Currency::GHS, right: Currency::USD };
    assert_eq!(cedi.checked_add(dollar), Err(mismatch.clone()));
    assert_eq!(cedi.checked_sub(dollar), Err(mismatch.clone()));
    assert_eq!(cedi.compare(dollar), Err(mismatch.clone()));
    assert_eq!(cedi.min(dollar), Err(mismatch.clone()));
    assert_eq!(cedi.max(dollar), Err(mismatch.clone()));
    assert_eq!(cedi.round_to_multiple(dollar, Rounding::Up), Err(mismatch.clone()));
    assert_eq!(Money::sum(Currency::GHS, [cedi, dollar]), Err(mismatch));
    assert_eq!(cedi.partial_cmp(&dollar), None);
    assert!(cedi != dollar && ghs("2.00") > cedi);
    assert_eq!((cedi.min(ghs("2.00")), cedi.max(ghs("2.00"))), (Ok(cedi), Ok(ghs("2.00"))));
}

#[test]
fn the_limits_are_errors() {
    let (most, least) = (Money::from_units(i64::MAX, Currency::GHS), Money::from_units(i64::MIN, Currency::GHS));
    let one_minor = ghs("0.01");
    let refused = [
        most.checked_add(one_minor),
        least.checked_sub(one_minor),
        most.checked_mul_int(2),
        least.checked_neg(),
        least.checked_abs(),
        Money::from_minor(i64::MAX, Currency::GHS),
        most.mul_rate(Rate::from_percent_str("100.01").unwrap(), Rounding::HalfEven),
        most.mul_ratio(i128::MAX, 1, Rounding::HalfEven),
        most.mul_ratio(1, i128::MAX, Rounding::HalfEven),
        Money::sum(Currency::GHS, [most, one_minor]),
        most.round_to_multiple(ghs("0.05"), Rounding::Up),
    ];
    for result in refused {
        assert!(matches!(result, Err(MoneyError::Overflow { .. })), "{result:?}");
    }
    let by_zero = most.mul_ratio(1, 0, Rounding::Up);
    assert!(matches!(by_zero, Err(MoneyError::DivisionByZero { .. })));
    assert_eq!(Money::sum(Currency::GHS, [most, most, least, least]), Ok(Money::from_units(-2, Currency::GHS)));
    assert_eq!(most.round_minor(Rounding::Up), ghs("922337203685477.58"));
    assert_eq!(least.round_minor(Rounding::Floor), ghs("-922337203685477.58"));
    assert!(ghs("1.00").round_to_multiple(ghs("0.00"), Rounding::Up).is_err());
}

#[test]
fn minor_units_are_whole_or_refused() {
    assert_eq!(Money::from_minor(1, Currency::GHS), Ok(ghs("0.01")));
    assert_eq!(ghs("12.34").to_minor(), Ok(1234));
    assert_eq!(Money::from_minor(5, Currency::JPY).unwrap().to_string(), "JPY 5");
    let message = ghs("12.345").to_minor().unwrap_err().to_string();
    assert_eq!(message, "12.345 GHS is not a whole number of minor units (2 decimals): round it first");
}

#[test]
fn long_rates_stay_exact_past_128_bits() {
    let third = Rate::from_fraction_str("0.3333333333333333333333333333").unwrap();
    let most = Money::from_units(i64::MAX - 7, Currency::GHS);
    let exact = BigInt::from(most.units()) * BigInt::from(third.as_decimal().mantissa());
    let expected = exact / BigInt::from(10u8).pow(28) / 100;
    let rounded = most.mul_rate(third, Rounding::Down).unwrap();
    assert_eq!(BigInt::from(rounded.to_minor().unwrap()), expected);
}
