//! product-calculation-service: plans, early settlements and cancellations.
//!
//! Expected plans and rates were computed apart, with 50-digit decimals and bisection on the equation of Directive
//! 2008/48/EC, Annex I.

use proptest::prelude::*;
use sycee_contract::{
    CalculateEarlySettlement, CalculateLoanCancelRepayment, CalculateRepaymentPlan, Identifier, LoanNoteCreated,
    PartnerId, ProductTerms, RepaymentPlan, RepaymentPlanCalculated, SettlementInputs, SettlementInterest,
};
use sycee_money::{BusinessDayConvention, Calendar, Currency, Money, Rate, date};
use sycee_product::{PlanRequest, repayment_plan};
use sycee_runtime::Registry;

use crate::{CASH, EQUAL_PRINCIPAL, INSTALLMENT, customer, ghs, loan, market, market_with, product, seeded};

fn command(yaml: &str, principal: Money, term: u32) -> CalculateRepaymentPlan {
    let terms = product(yaml).terms;
    CalculateRepaymentPlan {
        loan: None,
        product: terms.product,
        version: terms.version,
        annual_rate: terms.annual_rate,
        principal,
        term,
        start: date(2026, 1, 5),
    }
}

fn check(terms: &ProductTerms, plan: &RepaymentPlan) {
    let sum = |part: fn(&sycee_contract::PlannedInstallment) -> Money| {
        Money::sum(plan.principal.currency(), plan.installments.iter().map(part)).unwrap()
    };
    assert_eq!(plan.net_proceeds.checked_add(plan.upfront_fee), Ok(plan.principal));
    assert_eq!(sum(|row| row.principal), plan.principal);
    assert_eq!(sum(|row| row.interest), plan.total_interest);
    assert_eq!(plan.total_interest.checked_add(plan.principal), Ok(plan.total_due));
    assert!(plan.installments.last().unwrap().balance.is_zero());
    assert_eq!((plan.product.as_str(), plan.version), (terms.product.as_str(), terms.version));
    assert!(!plan.upfront_fee.is_negative() && plan.upfront_fee.is_whole_minor() && !plan.apr.is_negative());
}

#[test]
fn plans_and_rates_are_those_computed_apart() {
    market(|scene| {
        for (yaml, term, interest, fee, first, due_date, apr) in [
            (INSTALLMENT, 12, "169.84", "30", "97.49", date(2026, 2, 5), "0.4268736689"),
            (EQUAL_PRINCIPAL, 3, "46.03", "30", "357.11", date(2026, 2, 5), "0.5827670311"),
            (CASH, 14, "13.81", "50", "1013.81", date(2026, 1, 19), "4.4459511439"),
            (CASH, 30, "29.59", "50", "1029.59", date(2026, 2, 4), "1.6614111849"),
        ] {
            let plan = scene.request(command(yaml, ghs("1000"), term)).unwrap();
            check(&product(yaml).terms, &plan);
            let row = &plan.installments[0];
            assert_eq!((plan.total_interest, plan.upfront_fee), (ghs(interest), ghs(fee)), "{}", plan.product);
            assert_eq!((row.principal.checked_add(row.interest).unwrap(), row.due_date), (ghs(first), due_date));
            assert_eq!(plan.apr.to_string(), apr, "{} {term}", plan.product);
            let told = &scene.emitted::<RepaymentPlanCalculated>()[0];
            assert_eq!((told.plan.as_ref(), told.loan, told.for_schedule), (Some(&plan), None, false));
        }
    });
}

/// The domain, and an asset center that asks for the plan of a note.
fn with_asset_center(registry: &mut Registry) {
    sycee_product::register(registry);
    registry
        .service("asset-center")
        .on::<LoanNoteCreated>(|work, note| {
            work.ask(CalculateRepaymentPlan {
                loan: Some(note.loan),
                product: note.product.clone(),
                version: note.version,
                annual_rate: note.annual_rate,
                principal: note.principal,
                term: note.term,
                start: note.disbursed_on,
            })?;
            Ok(())
        })
        .sends::<CalculateRepaymentPlan>();
}

#[test]
fn a_plan_for_a_loan_becomes_its_schedule_when_a_service_asks_for_it() {
    market_with(with_asset_center, |scene| {
        let asked = CalculateRepaymentPlan { loan: Some(loan(5)), ..command(CASH, ghs("50"), 14) };
        let plan = scene.request(asked.clone()).unwrap();
        let told = &scene.emitted::<RepaymentPlanCalculated>()[0];
        let trial = (Some(loan(5)), false, Some(&plan));
        assert_eq!((told.loan, told.for_schedule, told.plan.as_ref()), trial, "a person tries it out");

        scene.happened(LoanNoteCreated {
            loan: loan(5),
            customer: customer(7),
            product: asked.product,
            version: asked.version,
            principal: asked.principal,
            annual_rate: asked.annual_rate,
            term: asked.term,
            disbursed_on: asked.start,
            funder: PartnerId::from_number(1),
        });
        let told = &scene.emitted::<RepaymentPlanCalculated>()[0];
        assert_eq!((told.loan, told.for_schedule, told.plan.as_ref()), (Some(loan(5)), true, Some(&plan)));
    });
}

#[test]
fn a_plan_is_refused_by_its_field() {
    market(|scene| {
        let most = Money::from_minor(i64::MAX / 100, Currency::GHS).unwrap();
        for (command, code) in [
            (command(INSTALLMENT, ghs("0"), 12), "INVALID_AMOUNT"),
            (command(INSTALLMENT, ghs("-1"), 12), "INVALID_AMOUNT"),
            (command(INSTALLMENT, ghs("0.001"), 12), "INVALID_AMOUNT"),
            (command(INSTALLMENT, Money::parse("1", Currency::USD).unwrap(), 12), "INVALID_AMOUNT"),
            (command(INSTALLMENT, most, 60), "INVALID_AMOUNT"),
            (command(INSTALLMENT, ghs("1000"), 0), "INVALID_FIELD"),
            (command(CASH, ghs("1000"), 0), "INVALID_FIELD"),
            (command(CASH, ghs("1000"), u32::MAX), "INVALID_FIELD"),
            (
                CalculateRepaymentPlan { annual_rate: Rate::from_bps(-1), ..command(CASH, ghs("100"), 14) },
                "INVALID_FIELD",
            ),
            (CalculateRepaymentPlan { version: 2, ..command(CASH, ghs("100"), 14) }, "NOT_FOUND"),
            (CalculateRepaymentPlan { product: "gh-gold".to_owned(), ..command(CASH, ghs("100"), 14) }, "NOT_FOUND"),
        ] {
            assert_eq!(scene.request(command.clone()).unwrap_err().code, code, "{command:?}");
        }
    });
}

#[test]
fn a_cent_can_be_planned() {
    for yaml in [INSTALLMENT, EQUAL_PRINCIPAL, CASH] {
        let terms = product(yaml).terms;
        for term in &terms.terms {
            let request = PlanRequest {
                annual_rate: terms.annual_rate,
                principal: ghs("0.01"),
                term: *term,
                start: date(2026, 1, 31),
            };
            let plan = repayment_plan(&terms, &request, Calendar::ghana()).unwrap();
            check(&terms, &plan);
            assert_eq!(plan.net_proceeds, ghs("0.01"));
        }
    }
}

proptest! {
    #![proptest_config(seeded(256))]

    #[test]
    fn any_plan_adds_up(
        minor in 1..5_000_000_000i64,
        rate_bps in 0..20_000i64,
        fee_bps in 0..5_000i64,
        which in 0..3usize,
        term in 0..11usize,
        day in 0..2_000i32,
    ) {
        let mut terms = product([INSTALLMENT, EQUAL_PRINCIPAL, CASH][which]).terms;
        terms.upfront_fee = Rate::from_bps(fee_bps);
        let start = date(2026, 1, 1).saturating_add(std::time::Duration::from_secs(day as u64 * 86_400));
        let request = PlanRequest {
            annual_rate: Rate::from_bps(rate_bps),
            principal: Money::from_minor(minor, Currency::GHS).unwrap(),
            term: terms.terms[term % terms.terms.len()],
            start,
        };
        check(&terms, &repayment_plan(&terms, &request, Calendar::ghana()).unwrap());
    }
}

fn inputs() -> SettlementInputs {
    SettlementInputs {
        loan: loan(5),
        product: "gh-installment".to_owned(),
        version: 1,
        start: date(2026, 1, 5),
        principal: ghs("1000"),
        interest_accrued: ghs("4.11"),
        interest_period_end: ghs("25.00"),
        fee: ghs("1"),
        penalty: ghs("2"),
        upfront_fee: ghs("30"),
        paid_before: false,
        as_of: date(2026, 1, 10),
    }
}

#[test]
fn early_settlement_takes_interest_as_the_product_says() {
    market(|scene| {
        let mut to_period_end = product(INSTALLMENT);
        to_period_end.terms.version = 2;
        to_period_end.terms.settlement_interest = SettlementInterest::ToPeriodEnd;
        scene.request(to_period_end).unwrap();
        for (version, interest, amount) in [(1, "4.11", "1007.11"), (2, "25", "1028")] {
            let figures =
                scene.request(CalculateEarlySettlement { inputs: SettlementInputs { version, ..inputs() } }).unwrap();
            assert_eq!(
                (figures.principal, figures.interest, figures.amount),
                (ghs("1000"), ghs(interest), ghs(amount))
            );
            assert_eq!((figures.fee, figures.penalty, figures.fee_refund), (ghs("1"), ghs("2"), ghs("0")));
            let told = &scene.emitted::<RepaymentPlanCalculated>()[0];
            assert_eq!(
                (told.loan, told.settlement.as_ref(), told.for_schedule),
                (Some(loan(5)), Some(&figures), false)
            );
        }
    });
}

#[test]
fn cancelling_gives_back_the_net_proceeds() {
    market(|scene| {
        for as_of in [date(2026, 1, 5), date(2026, 1, 12)] {
            let figures =
                scene.request(CalculateLoanCancelRepayment { inputs: SettlementInputs { as_of, ..inputs() } }).unwrap();
            assert_eq!((figures.amount, figures.principal, figures.fee_refund), (ghs("970"), ghs("970"), ghs("30")));
            assert!([figures.interest, figures.fee, figures.penalty].iter().all(|figure| figure.is_zero()));
            assert_eq!(scene.emitted::<RepaymentPlanCalculated>()[0].settlement, Some(figures));
        }
        for (inputs, code) in [
            (SettlementInputs { as_of: date(2026, 1, 13), ..inputs() }, "COOLING_OFF_OVER"),
            (SettlementInputs { paid_before: true, ..inputs() }, "UNEXPECTED_STATE"),
            (SettlementInputs { start: date(9999, 12, 31), ..inputs() }, "INVALID_AMOUNT"),
        ] {
            assert_eq!(scene.request(CalculateLoanCancelRepayment { inputs }).unwrap_err().code, code);
            assert!(scene.emitted::<RepaymentPlanCalculated>().is_empty());
        }
    });
}

#[test]
fn settlements_refuse_figures_that_cannot_be() {
    market(|scene| {
        let usd = Money::parse("1", Currency::USD).unwrap();
        let most = Money::from_units(i64::MAX, Currency::GHS);
        for (inputs, code) in [
            (SettlementInputs { principal: ghs("-1"), ..inputs() }, "INVALID_AMOUNT"),
            (SettlementInputs { penalty: ghs("-0.01"), ..inputs() }, "INVALID_AMOUNT"),
            (SettlementInputs { fee: usd, ..inputs() }, "INVALID_AMOUNT"),
            (SettlementInputs { version: 9, ..inputs() }, "NOT_FOUND"),
        ] {
            let settlement = CalculateEarlySettlement { inputs: inputs.clone() };
            assert_eq!(scene.request(settlement).unwrap_err().code, code, "{inputs:?}");
            assert_eq!(scene.request(CalculateLoanCancelRepayment { inputs }).unwrap_err().code, code);
        }
        let overflowing = CalculateEarlySettlement { inputs: SettlementInputs { principal: most, ..inputs() } };
        assert_eq!(scene.request(overflowing).unwrap_err().code, "INVALID_AMOUNT");
    });
}

#[test]
fn due_dates_avoid_days_on_which_no_money_moves_and_interest_does_not_notice() {
    use BusinessDayConvention::{Following, ModifiedFollowing, Preceding, Unadjusted};
    // 3 and 6 April 2026 are Good Friday and Easter Monday; 31 January 2026 is a Saturday.
    let table = [
        (date(2026, 3, 3), Unadjusted, date(2026, 4, 3)),
        (date(2026, 3, 3), Following, date(2026, 4, 7)),
        (date(2026, 3, 3), ModifiedFollowing, date(2026, 4, 7)),
        (date(2026, 3, 3), Preceding, date(2026, 4, 2)),
        (date(2025, 12, 31), Following, date(2026, 2, 2)),
        (date(2025, 12, 31), ModifiedFollowing, date(2026, 1, 30)),
        (date(2026, 1, 8), Following, date(2026, 2, 9)),
        (date(2026, 1, 7), Following, date(2026, 2, 9)),
        (date(2026, 1, 12), Preceding, date(2026, 2, 12)),
    ];
    let mut terms = product(INSTALLMENT).terms;
    for (start, convention, due) in table {
        let request = PlanRequest { annual_rate: terms.annual_rate, principal: ghs("1000"), term: 3, start };
        terms.due_dates = convention;
        let plan = repayment_plan(&terms, &request, Calendar::ghana()).unwrap();
        assert_eq!(plan.installments[0].due_date, due, "{start} {convention}");
        terms.due_dates = Unadjusted;
        let unmoved = repayment_plan(&terms, &request, Calendar::ghana()).unwrap();
        for (moved, stayed) in plan.installments.iter().zip(&unmoved.installments) {
            assert_eq!((moved.from, moved.to, moved.interest), (stayed.from, stayed.due_date, stayed.interest));
        }
        assert!(plan.installments.windows(2).all(|pair| pair[0].to == pair[1].from));
        assert_eq!((plan.apr, plan.total_due), (unmoved.apr, unmoved.total_due));
    }
    let mut daily = product(CASH).terms;
    daily.due_dates = Preceding;
    daily.every = 1;
    let request =
        PlanRequest { annual_rate: daily.annual_rate, principal: ghs("100"), term: 2, start: date(2026, 4, 3) };
    let plan = repayment_plan(&daily, &request, Calendar::ghana()).unwrap();
    assert_eq!(plan.installments[0].due_date, date(2026, 4, 5), "nothing is due before it is paid out");
}
