//! `a × b ÷ d` on 128-bit magnitudes with a 256-bit product in between, so that exactness needs no big-integer crate.

/// Quotient and remainder of `a × b ÷ d`; `None` when `d` is zero or the quotient needs more than 128 bits.
pub(crate) fn mul_div_rem(a: u128, b: u128, d: u128) -> Option<(u128, u128)> {
    if d == 0 {
        return None;
    }
    if let Some(product) = a.checked_mul(b) {
        return Some((product / d, product % d));
    }
    let (low, high) = a.carrying_mul(b, 0);
    if high >= d {
        return None;
    }
    let (mut quotient, mut remainder) = (0u128, high);
    for bit in (0..128).rev() {
        let carried_out = remainder >> 127 == 1;
        remainder = (remainder << 1) | ((low >> bit) & 1);
        quotient <<= 1;
        if carried_out || remainder >= d {
            remainder = remainder.wrapping_sub(d);
            quotient |= 1;
        }
    }
    Some((quotient, remainder))
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;
    use proptest::prelude::*;
    use proptest::test_runner::{Config, RngSeed};

    use super::*;

    fn any_size() -> impl Strategy<Value = u128> {
        prop_oneof![any::<u128>(), 0u128..1000, Just(u128::MAX), Just(1 << 127), Just((1 << 127) + 1)]
    }

    fn seeded() -> Config {
        Config { cases: 4000, rng_seed: RngSeed::Fixed(20_260_302), failure_persistence: None, ..Config::default() }
    }

    proptest! {
        #![proptest_config(seeded())]

        #[test]
        fn the_product_is_divided_exactly(a in any_size(), b in any_size(), d in any_size()) {
            let expected = (d != 0).then(|| {
                let product = BigUint::from(a) * BigUint::from(b);
                (&product / BigUint::from(d), &product % BigUint::from(d))
            });
            let expected = expected.and_then(|(quotient, remainder)| {
                Some((u128::try_from(quotient).ok()?, u128::try_from(remainder).ok()?))
            });
            prop_assert_eq!(mul_div_rem(a, b, d), expected);
        }
    }
}
