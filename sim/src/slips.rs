//! People who pay another amount than they are asked for: a transfer to an account number takes any amount.
//!
//! Invariant: whether somebody slips, and how, depends on the seed and on the payment's number alone, so that a request that
//! is handed over again after a crash is paid alike.

use sycee_money::Money;
use sycee_psp::SplitMix64;

/// Payments of another amount than was asked for, of 1000.
const SLIPS_PER_MILLE: u32 = 15;

/// What is paid instead of `asked` under the number `nr`; none when it is paid as asked.
pub(crate) fn paid_instead(seed: u64, nr: i64, asked: Money) -> Option<Money> {
    let mut random = SplitMix64::new(seed ^ nr.unsigned_abs().wrapping_mul(0xd6e8_feb8_6659_fd93));
    if !random.hits(SLIPS_PER_MILLE) {
        return None;
    }
    let currency = asked.currency();
    let (minor, major) = (asked.to_minor().ok()?, 10i64.pow(currency.minor_digits()));
    let paid = match random.below(6) {
        0 => minor - 1,
        1 => minor + 1,
        // The small change is forgotten, or too troublesome.
        2 => minor / major * major,
        3 => (minor / major + 1) * major,
        4 => i64::try_from(i128::from(minor) * i128::from(random.between(50, 95)) / 100).ok()?,
        _ => i64::try_from(i128::from(minor) * i128::from(random.between(105, 150)) / 100).ok()?,
    };
    let is_slip = paid > 0 && paid != minor;
    Money::from_minor(paid, currency).ok().filter(|_| is_slip)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sycee_money::Currency;

    #[test]
    fn slips_are_rare_of_every_kind_and_the_same_whenever_they_are_looked_at() {
        let asked = Money::from_minor(24_389, Currency::GHS).unwrap();
        let slips: Vec<Money> = (1..=10_000).filter_map(|nr| paid_instead(42, nr, asked)).collect();
        assert!((100..200).contains(&slips.len()), "{}", slips.len());
        let cents: Vec<i64> = slips.iter().map(|slip| slip.to_minor().unwrap() - 24_389).collect();
        for wanted in [-1, 1, -89, 11] {
            assert!(cents.contains(&wanted), "{wanted} is not among {cents:?}");
        }
        assert!(cents.iter().any(|it| *it < -1_000) && cents.iter().any(|it| *it > 1_000), "{cents:?}");
        assert!(!cents.contains(&0) && slips.iter().all(|slip| slip.is_positive()));
        let again: Vec<Money> = (1..=10_000).filter_map(|nr| paid_instead(42, nr, asked)).collect();
        assert_eq!(slips, again);
    }

    #[test]
    fn the_smallest_amount_is_never_paid_with_nothing() {
        for currency in [Currency::GHS, Currency::JPY] {
            let one = Money::from_minor(1, currency).unwrap();
            let mut slips = (1..=10_000).filter_map(|nr| paid_instead(7, nr, one));
            assert!(slips.all(|slip| slip.is_positive() && slip.units() > one.units()));
        }
    }
}
