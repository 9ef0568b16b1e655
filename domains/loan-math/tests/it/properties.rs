//! What must hold for every schedule, accrual and allocation.

use proptest::{prelude::*, test_runner::RngSeed};
use sycee_loan_math::{
    accrual::{accrual_between, daily_accrual, earned_to},
    allocation::{AllocationOrder, Component, InstallmentDue, Sweep, allocate},
    apr::{Intervals, schedule_apr},
    schedule::{
        DayBasis, DaysInMonth, DaysInYear, Every, InterestPeriod, LoanTerms, Method, MonthEnd, Schedule, Unit, build,
        build_on_dates, due_dates,
    },
};
use sycee_money::{Currency, Date, DayCount, Money, Rate, Rounding, date};

const METHODS: [Method; 4] = [Method::EqualInstallments, Method::EqualPrincipal, Method::Flat, Method::Bullet];

fn any_basis() -> impl Strategy<Value = DayBasis> {
    let calendar = |days_in_month, days_in_year| DayBasis::Calendar { days_in_month, days_in_year };
    let months = prop_oneof![Just(DaysInMonth::Thirty), Just(DaysInMonth::Actual)];
    let years = prop::sample::select(vec![DaysInYear::D360, DaysInYear::D364, DaysInYear::D365, DaysInYear::Actual]);
    prop_oneof![
        (months, years).prop_map(move |(month, year)| calendar(month, year)),
        prop::sample::select(DayCount::ALL.to_vec()).prop_map(DayBasis::Convention),
    ]
}

fn any_every() -> impl Strategy<Value = Every> {
    let units = vec![(Unit::Day, 45u32), (Unit::Week, 8), (Unit::Month, 6)];
    prop::sample::select(units).prop_flat_map(|(unit, most)| (1..=most).prop_map(move |n| Every { n, unit }))
}

fn any_principal() -> impl Strategy<Value = Money> {
    let minor = prop_oneof![Just(1i64), 1i64..1_000, 1_000i64..100_000_000, 100_000_000i64..1_000_000_000_000];
    (minor, prop::sample::select(vec![Currency::GHS, Currency::JPY, Currency::USDT]))
        .prop_map(|(minor, currency)| Money::from_minor(minor, currency).unwrap())
}

fn any_start() -> impl Strategy<Value = Date> {
    (2019i16..2031, 1i8..13, 1i8..32).prop_map(|(year, month, day)| {
        let first = date(year, month, 1);
        date(year, month, day.min(first.days_in_month()))
    })
}

prop_compose! {
    fn any_terms()(
        principal in any_principal(),
        bps in 0i64..60_000,
        method in prop::sample::select(METHODS.to_vec()),
        interest_period in prop_oneof![Just(InterestPeriod::Daily), Just(InterestPeriod::SameAsRepayment)],
        day_basis in any_basis(),
        start in any_start(),
        every in any_every(),
        installments in 1u32..40,
        multiple in prop::option::weighted(0.3, 1i64..10_000),
        rounding in prop::sample::select(Rounding::ALL.to_vec()),
        month_end in prop_oneof![Just(MonthEnd::Clamp), Just(MonthEnd::Roll)],
        stub_days in prop::option::weighted(0.3, 1i64..80),
        precision in prop_oneof![Just(12u32), 8u32..=28],
    ) -> LoanTerms {
        let first_due = stub_days.map(|days| {
            start.checked_add(std::time::Duration::from_secs(86_400 * days as u64)).unwrap()
        });
        LoanTerms {
            principal, annual_rate: Rate::from_bps(bps), method, interest_period, day_basis, start, every, installments,
            installment_multiple: multiple.map(|minor| Money::from_minor(minor, principal.currency()).unwrap()),
            rounding, month_end, first_due, precision,
        }
    }
}

fn assert_sound(terms: &LoanTerms, schedule: &Schedule) {
    let currency = terms.principal.currency();
    let mut balance = terms.principal;
    let mut from = terms.start;
    for (period, nr) in schedule.periods.iter().zip(1..) {
        assert_eq!((period.nr, period.from), (nr, from));
        assert!(period.due_date > from);
        for part in [period.interest, period.principal, period.balance, period.emi] {
            assert!(!part.is_negative() && part.is_whole_minor(), "{part} in installment {nr}");
        }
        balance = balance.checked_sub(period.principal).unwrap();
        assert_eq!(period.balance, balance);
        assert_eq!(period.emi, period.interest.checked_add(period.principal).unwrap());
        from = period.due_date;
    }
    assert!(balance.is_zero());
    assert_eq!(schedule.periods.len(), terms.installments as usize);
    let interest = Money::sum(currency, schedule.periods.iter().map(|period| period.interest)).unwrap();
    assert_eq!(schedule.total_interest, interest);
    assert_eq!(schedule.total_due, terms.principal.checked_add(interest).unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, rng_seed: RngSeed::Fixed(20_260_105), ..ProptestConfig::default() })]

    #[test]
    fn every_schedule_repays_its_principal(terms in any_terms()) {
        let schedule = build(&terms).unwrap();
        assert_sound(&terms, &schedule);
    }

    #[test]
    fn equal_installments_differ_by_little(
        minor in 100_000i64..1_000_000_000,
        bps in 0i64..4_000,
        installments in 2u32..60,
        start in any_start(),
        day_basis in any_basis(),
    ) {
        let principal = Money::from_minor(minor, Currency::GHS).unwrap();
        let terms = LoanTerms { installments, day_basis, ..LoanTerms::monthly(principal, Rate::from_bps(bps), start) };
        let schedule = build(&terms).unwrap();
        let emis: Vec<i64> = schedule.periods.iter().map(|period| period.emi.to_minor().unwrap()).collect();
        let (last, others) = emis.split_last().unwrap();
        prop_assert!(others.iter().all(|emi| *emi == others[0]));
        let growth = 1 + bps * i64::from(installments) / 12 / 10_000;
        let most = i64::from(installments) * growth * growth;
        prop_assert!((last - others[0]).abs() <= most, "last {last}, others {}", others[0]);
    }

    #[test]
    fn daily_accruals_sum_to_the_interest(terms in any_terms()) {
        let terms = LoanTerms { installments: terms.installments.min(8), ..terms };
        let schedule = build(&terms).unwrap();
        let last = schedule.periods[schedule.periods.len() - 1].due_date;
        let mut total = Money::zero(terms.principal.currency());
        for day in terms.start.series(one_day()).take_while(|day| *day <= last) {
            let accrued = daily_accrual(&schedule, day, terms.rounding).unwrap();
            prop_assert!(!accrued.is_negative());
            total = total.checked_add(accrued).unwrap();
        }
        prop_assert_eq!(total, schedule.total_interest);
        prop_assert!(earned_to(&schedule, terms.start).unwrap().is_zero());
        let whole = accrual_between(&schedule, terms.start, last, Rounding::Floor).unwrap();
        prop_assert_eq!(whole, schedule.total_interest);
    }

    #[test]
    fn moved_due_dates_keep_every_invariant(terms in any_terms(), shifts in prop::collection::vec(0u64..3, 40)) {
        prop_assume!(terms.every != Every::days(1) && terms.every != Every::days(2));
        let natural = due_dates(&terms).unwrap();
        let moved: Vec<Date> = natural
            .iter()
            .zip(&shifts)
            .map(|(due, days)| due.checked_add(std::time::Duration::from_secs(86_400 * days)).unwrap())
            .collect();
        prop_assume!(moved.windows(2).all(|pair| pair[0] < pair[1]));
        let schedule = build_on_dates(&terms, &moved).unwrap();
        assert_sound(&terms, &schedule);
        prop_assert_eq!(build_on_dates(&terms, &natural).unwrap(), build(&terms).unwrap());
    }

    #[test]
    fn a_payment_is_its_parts_and_its_surplus(
        payment in 0i64..50_000,
        amounts in prop::collection::vec((0i64..500, 0i64..500, 0i64..2_000, 0i64..9_000), 0..12),
        order in Just(vec![Component::Penalty, Component::Fee, Component::Interest, Component::Principal]).prop_shuffle(),
        sweep in prop_oneof![Just(Sweep::InstallmentFirst), Just(Sweep::ComponentFirst)],
    ) {
        let ghs = |minor| Money::from_minor(minor, Currency::GHS).unwrap();
        let dues: Vec<InstallmentDue> = amounts
            .iter()
            .zip(1u32..)
            .map(|(&(penalty, fee, interest, principal), nr)| InstallmentDue {
                nr,
                due_date: date(2026, nr as i8, 5),
                penalty: ghs(penalty),
                fee: ghs(fee),
                interest: ghs(interest),
                principal: ghs(principal),
            })
            .collect();
        let order = AllocationOrder::new(&order, sweep).unwrap();
        let allocation = allocate(ghs(payment), &dues, &order).unwrap();
        let parts = allocation.parts.iter().map(|part| part.total().unwrap());
        let total = Money::sum(Currency::GHS, parts.chain([allocation.surplus])).unwrap();
        prop_assert_eq!(total, ghs(payment));
        let due = Money::sum(Currency::GHS, dues.iter().map(|due| due.total().unwrap())).unwrap();
        prop_assert_eq!(allocation.surplus.is_positive(), ghs(payment) > due);
        for part in &allocation.parts {
            let due = &dues[part.nr as usize - 1];
            prop_assert!(part.penalty <= due.penalty && part.fee <= due.fee);
            prop_assert!(part.interest <= due.interest && part.principal <= due.principal);
        }
    }
}

fn one_day() -> jiff::Span {
    jiff::Span::new().days(1)
}

#[test]
fn the_smallest_and_the_largest_loans_are_exact() {
    for method in METHODS {
        for minor in [1, 7, 99, 99_999_999_999_999, 1_000_000_000_000_000] {
            let principal = Money::from_minor(minor, Currency::GHS).unwrap();
            let monthly = LoanTerms::monthly(principal, Rate::from_bps(3_650), date(2026, 1, 31));
            let terms = LoanTerms { method, installments: 36, ..monthly };
            assert_sound(&terms, &build(&terms).unwrap());
        }
    }
    let principal = Money::from_minor(1_000_000_000_000_000, Currency::GHS).unwrap();
    let precise = LoanTerms {
        precision: 24,
        ..LoanTerms::monthly(principal, Rate::from_percent_str("9.4822").unwrap(), date(2026, 1, 31))
    };
    let schedule = build(&precise).unwrap();
    let gap = schedule.periods[11].emi.checked_sub(schedule.periods[0].emi).unwrap();
    assert!(gap.checked_abs().unwrap() <= Money::parse("0.12", Currency::GHS).unwrap(), "{gap}");
}

#[test]
fn rounded_factors_do_not_cost_a_cent() {
    let principal = Money::parse("1200.00", Currency::GHS).unwrap();
    for rounding in Rounding::ALL {
        let monthly = LoanTerms::monthly(principal, Rate::from_percent_str("10").unwrap(), date(2026, 1, 1));
        let schedule = build(&LoanTerms { rounding, method: Method::Bullet, ..monthly }).unwrap();
        assert_eq!(schedule.total_interest.to_decimal_string(), "120.00", "{rounding}");
    }
}

#[test]
fn a_bullet_pays_interest_and_then_everything() {
    let principal = Money::parse("1000.00", Currency::GHS).unwrap();
    let monthly = LoanTerms::monthly(principal, Rate::from_percent_str("12").unwrap(), date(2026, 1, 5));
    let schedule = build(&LoanTerms { method: Method::Bullet, installments: 3, ..monthly }).unwrap();
    let emis: Vec<String> = schedule.periods.iter().map(|period| period.emi.to_decimal_string()).collect();
    assert_eq!(emis, ["10.00", "10.00", "1010.00"]);
}

#[test]
fn the_apr_of_a_loan_without_fees_is_its_effective_rate() {
    let principal = Money::parse("100000.00", Currency::GHS).unwrap();
    let terms = LoanTerms::monthly(principal, Rate::from_percent_str("12").unwrap(), date(2026, 1, 5));
    let schedule = build(&terms).unwrap();
    let apr = schedule_apr(&schedule, principal, Intervals::EqualMonths).unwrap();
    assert_eq!(apr.as_decimal().round_dp(4).to_string(), "0.1268");
    let with_fee = Money::parse("99000.00", Currency::GHS).unwrap();
    let dearer = schedule_apr(&schedule, with_fee, Intervals::EqualMonths).unwrap();
    assert_eq!(dearer.as_decimal().round_dp(4).to_string(), "0.1484");
}

#[test]
fn bad_terms_name_the_field() {
    let good = LoanTerms::monthly(Money::from_units(10_000_000, Currency::GHS), Rate::from_bps(1200), date(2026, 1, 5));
    type Change = fn(&mut LoanTerms);
    let table: [(&str, Change); 9] = [
        ("principal", |terms| {
            terms.principal = Money::zero(Currency::GHS);
        }),
        ("principal", |terms| {
            terms.principal = Money::from_units(1, Currency::GHS);
        }),
        ("annual_rate", |terms| {
            terms.annual_rate = Rate::from_bps(-1);
        }),
        ("installments", |terms| terms.installments = 0),
        ("installments", |terms| terms.installments = 3_661),
        ("every", |terms| terms.every = Every::days(0)),
        ("precision", |terms| terms.precision = 7),
        ("first_due", |terms| terms.first_due = Some(terms.start)),
        ("installment_multiple", |terms| {
            terms.installment_multiple = Some(Money::zero(Currency::GHS));
        }),
    ];
    for (field, change) in table {
        let mut terms = good.clone();
        change(&mut terms);
        let message = build(&terms).unwrap_err().to_string();
        assert!(message.starts_with(field) && message.contains("for example"), "{message}");
    }
    let mut mixed = good.clone();
    mixed.installment_multiple = Some(Money::from_units(10_000, Currency::USD));
    assert!(build(&mixed).is_err());
    let mut absurd = good;
    absurd.annual_rate = Rate::from_percent_str("100000").unwrap();
    absurd.installments = 3_660;
    assert!(build(&absurd).unwrap_err().to_string().contains("lower the rate"));
}

#[test]
fn terms_and_schedules_survive_json() {
    let terms =
        LoanTerms::monthly(Money::from_units(10_000_000, Currency::GHS), Rate::from_bps(1200), date(2026, 1, 5));
    let text = serde_json::to_string(&terms).unwrap();
    assert_eq!(serde_json::from_str::<LoanTerms>(&text).unwrap(), terms);
    let schedule = build(&terms).unwrap();
    let text = serde_json::to_string(&schedule).unwrap();
    assert_eq!(serde_json::from_str::<Schedule>(&text).unwrap(), schedule);
}
