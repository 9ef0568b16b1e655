//! The seven modes against their definition in unbounded integers.

use num_bigint::BigInt;
use num_integer::Integer;
use proptest::prelude::*;
use sycee_money::{Decimal, MoneyError, Rounding};

/// The definition: of the two whole neighbours of `num ÷ den`, the one that the mode names.
fn by_definition(mode: Rounding, num: i128, den: i128) -> BigInt {
    let (num, den) = if den < 0 { (-BigInt::from(num), -BigInt::from(den)) } else { (num.into(), den.into()) };
    let (floor, remainder) = num.div_mod_floor(&den);
    if remainder == BigInt::ZERO {
        return floor;
    }
    let ceiling: BigInt = &floor + 1;
    let negative = num < BigInt::ZERO;
    let (toward_zero, away) =
        if negative { (ceiling.clone(), floor.clone()) } else { (floor.clone(), ceiling.clone()) };
    let to_floor = &num - &floor * &den;
    let to_ceiling = &ceiling * &den - &num;
    let nearest = |on_half: BigInt| match to_floor.cmp(&to_ceiling) {
        std::cmp::Ordering::Less => floor.clone(),
        std::cmp::Ordering::Greater => ceiling.clone(),
        std::cmp::Ordering::Equal => on_half,
    };
    match mode {
        Rounding::Floor => floor,
        Rounding::Ceiling => ceiling,
        Rounding::Down => toward_zero,
        Rounding::Up => away,
        Rounding::HalfDown => nearest(toward_zero),
        Rounding::HalfUp => nearest(away),
        Rounding::HalfEven => {
            let even = if floor.is_even() { floor.clone() } else { ceiling.clone() };
            nearest(even)
        }
    }
}

/// Whole numbers of every size, with the small ones and the limits often.
fn any_size() -> impl Strategy<Value = i128> {
    prop_oneof![
        -200i128..200,
        any::<i128>(),
        any::<i64>().prop_map(i128::from),
        Just(i128::MAX),
        Just(i128::MIN),
        Just(i128::MAX - 1),
    ]
}

proptest! {
    #![proptest_config(crate::seeded(2000))]

    #[test]
    fn division_is_the_definition(num in any_size(), den in any_size().prop_filter("divisor", |den| *den != 0)) {
        for mode in Rounding::ALL {
            let expected = i128::try_from(by_definition(mode, num, den)).ok();
            prop_assert_eq!(mode.checked_div_i128(num, den), expected, "{} {} {}", mode, num, den);
        }
    }

    #[test]
    fn halves_and_their_neighbours_are_the_definition(half in -2_000i128..2_000, off in -1i128..=1) {
        for mode in Rounding::ALL {
            let num = half * 50 + off;
            prop_assert_eq!(BigInt::from(mode.div_i128(num, 100)), by_definition(mode, num, 100));
            prop_assert_eq!(mode.div_i128(num, 100), mode.div_i128(-num, -100));
        }
    }

    #[test]
    fn decimals_round_like_their_digits(mantissa in -(1i128 << 95)..(1i128 << 95), scale in 0u32..=28, dp in 0u32..=28) {
        let value = Decimal::from_i128_with_scale(mantissa, scale);
        for mode in Rounding::ALL {
            let rounded = mode.round_decimal(value, dp);
            if scale <= dp {
                prop_assert_eq!(rounded, value);
            } else {
                let expected = by_definition(mode, mantissa, 10i128.pow(scale - dp));
                prop_assert_eq!(BigInt::from(rounded.mantissa()), expected);
                prop_assert_eq!(rounded.scale(), dp);
            }
        }
    }

    #[test]
    fn direction_modes_mirror_and_line_modes_swap(num in any::<i64>(), den in 1i64..10_000) {
        let (num, den) = (i128::from(num), i128::from(den));
        for mode in [Rounding::HalfEven, Rounding::HalfUp, Rounding::HalfDown, Rounding::Up, Rounding::Down] {
            prop_assert_eq!(mode.div_i128(-num, den), -mode.div_i128(num, den));
        }
        prop_assert_eq!(Rounding::Ceiling.div_i128(-num, den), -Rounding::Floor.div_i128(num, den));
    }
}

#[test]
fn the_textbook_table_of_modes() {
    // Columns in the order of `Rounding::ALL`: half-even, half-up, half-down, up, down, ceiling, floor; tenths to whole.
    let table = [
        (55, [6, 6, 5, 6, 5, 6, 5]),
        (25, [2, 3, 2, 3, 2, 3, 2]),
        (16, [2, 2, 2, 2, 1, 2, 1]),
        (11, [1, 1, 1, 2, 1, 2, 1]),
        (10, [1, 1, 1, 1, 1, 1, 1]),
        (-10, [-1, -1, -1, -1, -1, -1, -1]),
        (-11, [-1, -1, -1, -2, -1, -1, -2]),
        (-16, [-2, -2, -2, -2, -1, -1, -2]),
        (-25, [-2, -3, -2, -3, -2, -2, -3]),
        (-55, [-6, -6, -5, -6, -5, -5, -6]),
    ];
    for (tenths, expected) in table {
        assert_eq!(Rounding::ALL.map(|mode| mode.div_i128(tenths, 10)), expected, "{tenths}");
    }
}

#[test]
fn division_without_an_answer_is_none() {
    assert_eq!(Rounding::HalfEven.checked_div_i128(1, 0), None);
    assert_eq!(Rounding::HalfEven.checked_div_i128(i128::MIN, -1), None);
    assert_eq!(Rounding::HalfEven.checked_div_i128(i128::MIN, 1), Some(i128::MIN));
}

#[test]
fn names_are_read_in_both_spellings() {
    for mode in Rounding::ALL {
        let shouted = mode.name().to_uppercase().replace('-', "_");
        assert_eq!((mode.name().parse(), shouted.parse()), (Ok(mode), Ok(mode)));
        assert_eq!(serde_json::to_string(&mode).unwrap(), format!("\"{mode}\""));
        assert_eq!(serde_json::from_str::<Rounding>(&format!("\"{shouted}\"")).unwrap(), mode);
    }
    let refused: Result<Rounding, MoneyError> = "bankers".parse();
    assert!(refused.unwrap_err().to_string().contains("half-even, half-up"));
}
