//! Any sequence of reserving, releasing, drawing, repaying, freezing, growing and renewing keeps a line in balance.

use std::collections::BTreeMap;

use proptest::prelude::*;
use sycee_contract::{Date, LoanId, Timestamp};
use sycee_credit::CreditPolicy;
use sycee_credit::credit_limit_center::{CreditLine, CreditReservation, HoldStatus, RepaymentOutcome};
use sycee_money::{Currency, Money};

use crate::{approved, customer, loan, seeded};

const NOW: Timestamp = Timestamp::from_micros(0);
const DAY: Date = Date::constant(2026, 1, 5);
/// A fortnight after the payout.
const LATER: Date = Date::constant(2026, 1, 19);

#[derive(Clone, Debug)]
enum Act {
    Reserve { loan: i64, minor: i64 },
    Release { loan: i64 },
    Draw { loan: i64, share_percent: i64 },
    Repay { loan: i64, left_percent: i64, days_past_due: u32 },
    Freeze,
    Unfreeze,
    Delinquency { loan: i64, days_past_due: u32 },
    Grow,
    Renew { minor: i64 },
}

fn acts() -> impl Strategy<Value = Act> {
    let loan = 1..6i64;
    prop_oneof![
        4 => (loan.clone(), 1..80_000i64).prop_map(|(loan, minor)| Act::Reserve { loan, minor }),
        1 => loan.clone().prop_map(|loan| Act::Release { loan }),
        3 => (loan.clone(), 1..131i64).prop_map(|(loan, share_percent)| Act::Draw { loan, share_percent }),
        3 => (loan.clone(), 0..110i64, 0..40u32)
            .prop_map(|(loan, left_percent, days_past_due)| Act::Repay { loan, left_percent, days_past_due }),
        1 => Just(Act::Freeze),
        1 => Just(Act::Unfreeze),
        2 => (loan, prop_oneof![Just(0), 1..60u32]).prop_map(|(loan, days_past_due)| Act::Delinquency { loan, days_past_due }),
        1 => Just(Act::Grow),
        1 => (1..300_000i64).prop_map(|minor| Act::Renew { minor }),
    ]
}

fn minor(minor: i64) -> Money {
    Money::from_minor(minor, Currency::GHS).unwrap()
}

fn apply(line: &mut CreditLine, holds: &mut BTreeMap<LoanId, CreditReservation>, act: &Act) {
    let policy = CreditPolicy::default();
    match *act {
        Act::Reserve { loan: number, minor: amount } => {
            if let Some(hold) = holds.get(&loan(number)) {
                let same = hold.repeated(customer(1), minor(amount)).is_ok();
                assert_eq!(same, hold.status == HoldStatus::Held && hold.amount == minor(amount));
                return;
            }
            let available = line.available;
            match line.reserve(loan(number), minor(amount), NOW) {
                Ok(hold) => {
                    assert!(!line.is_frozen() && minor(amount).units() <= available.units());
                    holds.insert(hold.loan, hold);
                }
                Err(_) => assert!(line.is_frozen() || minor(amount).units() > available.units()),
            }
        }
        Act::Release { loan: number } => with_hold(holds, number, |hold| {
            let before = line.clone();
            if line.release(hold).is_err() {
                assert_eq!(*line, before);
            }
        }),
        Act::Draw { loan: number, share_percent } => with_hold(holds, number, |hold| {
            let principal = hold.amount.mul_ratio(i128::from(share_percent), 100, sycee_money::Rounding::Down).unwrap();
            let before = (line.clone(), hold.clone());
            if line.draw(hold, principal, DAY).is_err() {
                assert_eq!((line.clone(), hold.clone()), before);
            }
        }),
        Act::Repay { loan: number, left_percent, days_past_due } => with_hold(holds, number, |hold| {
            let left = hold.outstanding.mul_ratio(i128::from(left_percent), 100, sycee_money::Rounding::Down).unwrap();
            let settled = hold.status == HoldStatus::Used && left.is_zero();
            line.restore(hold, left).unwrap();
            let again = (line.clone(), hold.clone());
            assert_eq!(line.restore(hold, left).unwrap(), None);
            assert_eq!((line.clone(), hold.clone()), again);
            let on = if number % 2 == 0 { DAY } else { LATER };
            let outcome = RepaymentOutcome { settled, cancelled: false, worst_days_past_due: days_past_due, on };
            line.count_repayment(hold, outcome, &policy).unwrap();
        }),
        Act::Freeze => drop(line.freeze("fraud-suspected").unwrap()),
        Act::Unfreeze => drop(line.unfreeze()),
        Act::Delinquency { loan: number, days_past_due } => {
            line.note_delinquency(loan(number), days_past_due, &policy).unwrap();
        }
        Act::Grow => drop(line.grow(&policy).unwrap()),
        Act::Renew { minor: limit } => {
            let renewal = approved(customer(1), &minor(limit).to_decimal_string(), "5000", NOW.plus_days(365));
            line.renew(&renewal).unwrap();
        }
    }
}

fn with_hold(holds: &mut BTreeMap<LoanId, CreditReservation>, number: i64, act: impl FnOnce(&mut CreditReservation)) {
    if let Some(hold) = holds.get_mut(&loan(number)) {
        act(hold);
    }
}

fn sum(holds: &BTreeMap<LoanId, CreditReservation>, status: HoldStatus) -> Money {
    let amounts = holds.values().filter(|hold| hold.status == status).map(|hold| hold.outstanding);
    Money::sum(Currency::GHS, amounts).unwrap()
}

proptest! {
    #![proptest_config(seeded(512))]

    #[test]
    fn a_line_stays_in_balance(acts in proptest::collection::vec(acts(), 1..60)) {
        let mut line = CreditLine::open(&approved(customer(1), "1000", "3000", NOW.plus_days(365)));
        let mut holds = BTreeMap::new();
        for act in &acts {
            apply(&mut line, &mut holds, act);
            prop_assert_eq!(line.balanced(), Ok(()), "after {:?}", act);
            prop_assert_eq!(line.reserved, sum(&holds, HoldStatus::Held), "after {:?}", act);
            prop_assert_eq!(line.used, sum(&holds, HoldStatus::Used), "after {:?}", act);
            prop_assert!(line.credit_limit.units() <= line.limit_cap.units(), "after {:?}", act);
        }
    }
}
