//! Random lives of a note: closes, jumps of the clock, partial, early and over-payments, settlements.
//!
//! After every step the note agrees with books that are kept by the entry templates alone.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use sycee_asset::{Bucket, LoanInstallments, LoanNote, NoteStatus, split_payment};
use sycee_contract::{
    CreateLoanContract, Date, DuePart, IntervalUnit, ProductTerms, RepaymentKind, RepaymentMethod, SettlementInterest,
};
use sycee_loan_math::accrual::earned_to;
use sycee_loan_math::schedule::{DayBasis, Schedule};
use sycee_money::{Currency, DayCount, Money, Rate, Rounding};

use crate::books::Books;
use crate::fixture::{START, contract, figures, ghs, plan, schedule, terms};

#[derive(Clone, Debug)]
enum Step {
    /// Closes so many days, one by one.
    Days(u32),
    /// Closes a day so far ahead, as after an outage.
    Jump(u32),
    /// Pays this share of what is due, in percent; of everything outstanding when nothing is due.
    Pay(u32),
    /// Settles, with so many minor units too much.
    Settle(u32),
    /// Backs out, when nothing was paid.
    Cancel,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1u32..20).prop_map(Step::Days),
        2 => (2u32..70).prop_map(Step::Jump),
        4 => (1u32..250).prop_map(Step::Pay),
        1 => (0u32..3).prop_map(Step::Settle),
        1 => Just(Step::Cancel),
    ];
    prop::collection::vec(step, 1..24)
}

fn products() -> impl Strategy<Value = (ProductTerms, u32)> {
    let methods = prop::sample::select(RepaymentMethod::ALL.to_vec());
    let intervals =
        prop::sample::select(vec![(1, IntervalUnit::Week), (2, IntervalUnit::Week), (1, IntervalUnit::Month)]);
    let orders = prop::sample::select(vec![
        vec![DuePart::Penalty, DuePart::Fee, DuePart::Interest, DuePart::Principal],
        vec![DuePart::Interest, DuePart::Principal, DuePart::Fee, DuePart::Penalty],
        vec![DuePart::Principal, DuePart::Interest, DuePart::Penalty, DuePart::Fee],
    ]);
    let rounding = prop::sample::select(vec![Rounding::HalfEven, Rounding::HalfUp, Rounding::Down, Rounding::Up]);
    let settlement = prop::sample::select(SettlementInterest::ALL.to_vec());
    (methods, intervals, orders, rounding, settlement, 1i64..30_000, 0u32..5, 1u32..13).prop_map(
        |(method, (every, unit), allocation, rounding, settlement_interest, rate_bps, grace_days, term)| {
            let terms = ProductTerms {
                method,
                every,
                unit,
                allocation,
                rounding,
                settlement_interest,
                annual_rate: Rate::from_bps(rate_bps),
                grace_days,
                cooling_off_days: 14,
                ..terms()
            };
            (terms, term)
        },
    )
}

/// A note with its books, on a business date.
struct Life {
    contract: CreateLoanContract,
    note: LoanNote,
    lines: LoanInstallments,
    books: Books,
    closed: Date,
    /// Whether every close looks at the installments, needed or not.
    always_looks: bool,
    /// What closes told about installments: the day that closed, number, days until due.
    told: Vec<(Date, u32, u32)>,
    /// Changes of bucket, by the day that closed.
    buckets: Vec<(Date, Bucket)>,
}

impl Life {
    fn new(terms: ProductTerms, term: u32) -> Self {
        let contract = contract(7, terms, "1234.56", term);
        let mut note = LoanNote::issued(&contract);
        let lines = LoanInstallments::of_plan(note.loan, &plan(&contract).installments);
        note.schedule(&lines).unwrap();
        note.status = NoteStatus::Active;
        note.is_open = true;
        let mut books = Books::new(Currency::GHS);
        books.lend(contract.principal, contract.upfront_fee);
        Self {
            contract,
            note,
            lines,
            books,
            closed: START.yesterday().unwrap(),
            always_looks: false,
            told: Vec::new(),
            buckets: Vec::new(),
        }
    }

    fn close(&mut self, date: Date) {
        self.closed = date;
        if !self.note.is_open {
            return;
        }
        let accrual = if self.always_looks || self.note.needs_installments(date) {
            let day = self.note.close_day(&mut self.lines, date).unwrap();
            self.books.penalize(day.penalty);
            self.told.extend(day.notices.iter().map(|(nr, _, in_days, _)| (date, *nr, *in_days)));
            self.buckets.extend(day.bucket.map(|(_, to)| (date, to)));
            day.accrual
        } else {
            self.note.close_quiet_day(date).unwrap()
        };
        self.books.accrue(accrual.receivable, accrual.unearned);
    }

    fn outstanding(&self) -> Money {
        self.lines.due_through(Date::MAX, Currency::GHS).unwrap()
    }

    fn pay(&mut self, amount: Money) {
        let today = self.closed.tomorrow().unwrap();
        let split = split_payment(amount, &self.note.position(&self.lines, today).unwrap()).unwrap();
        assert_eq!(split.parts.paid().unwrap(), amount);
        let outstanding = self.outstanding();
        let was_open = self.note.is_open;
        self.apply(RepaymentKind::Normal, &split.parts);
        let covers = amount.compare(outstanding).unwrap().is_ge();
        assert_eq!(self.note.is_settled(), covers || !was_open, "{amount} of {outstanding}");
    }

    fn settle(&mut self, extra: u32) {
        let today = self.closed.tomorrow().unwrap();
        let inputs = self.note.settlement_inputs(&self.lines, today).unwrap();
        let interest = match self.contract.terms.settlement_interest {
            SettlementInterest::ToTheDay => inputs.interest_accrued,
            SettlementInterest::ToPeriodEnd => inputs.interest_period_end,
        };
        let nothing = Money::zero(Currency::GHS);
        let figures = figures(&inputs, interest, nothing);
        let mut parts = self.note.settlement_parts(&self.lines, &figures, today).unwrap();
        let charged =
            interest.checked_add(self.note.interest_paid).unwrap().checked_sub(parts.interest_refund).unwrap();
        let mut rolled = self.note.clone();
        rolled.roll_period(&self.lines, today).unwrap();
        let (to_the_day, to_period_end) = rolled.earned_for_settlement(today).unwrap();
        let rule = match self.contract.terms.settlement_interest {
            SettlementInterest::ToTheDay => to_the_day,
            SettlementInterest::ToPeriodEnd => to_period_end,
        };
        // Interest paid beyond the rule comes back as far as principal is left to take it from.
        let is_given_back = charged == rule || parts.interest_refund == self.note.principal_outstanding;
        assert!(is_given_back, "{charged} is charged, the rule says {rule}");
        assert!(
            parts.paid().unwrap().compare(self.outstanding()).unwrap().is_le(),
            "a settlement never costs more than the plan"
        );
        parts.surplus = Money::from_minor(i64::from(extra), Currency::GHS).unwrap();
        self.apply(RepaymentKind::EarlySettlement, &parts);
        assert_eq!(self.note.status, NoteStatus::Settled);
    }

    fn cancel(&mut self) {
        let today = self.closed.tomorrow().unwrap();
        if self.note.is_touched() || !self.note.penalty_accrued.is_zero() || today > self.note.cooling_off_until() {
            return;
        }
        let inputs = self.note.settlement_inputs(&self.lines, today).unwrap();
        let figures = figures(&inputs, Money::zero(Currency::GHS), inputs.upfront_fee);
        let parts = self.note.cancellation_parts(&figures).unwrap();
        assert_eq!(parts.paid().unwrap(), plan(&self.contract).net_proceeds);
        self.apply(RepaymentKind::Cancel, &parts);
        assert_eq!(
            (self.note.status, self.books.balance("cash"), self.books.balance("income")),
            (NoteStatus::Cancelled, Money::zero(Currency::GHS), Money::zero(Currency::GHS),)
        );
    }

    fn apply(&mut self, kind: RepaymentKind, parts: &sycee_contract::PostingParts) {
        let today = self.closed.tomorrow().unwrap();
        let applied = self.note.apply(&mut self.lines, kind, parts, today).unwrap();
        self.books.repay(parts);
        self.books.accrue(applied.earned.receivable, applied.earned.unearned);
        assert_eq!(applied.settled, self.note.settled_on == Some(today) && applied.settled);
    }

    fn step(&mut self, step: &Step) {
        let plus = |days: u32| self.closed.checked_add(whole_days(days)).unwrap();
        match step {
            Step::Days(days) => {
                for _ in 0..*days {
                    self.close(self.closed.tomorrow().unwrap());
                }
            }
            Step::Jump(days) => self.close(plus(*days)),
            Step::Pay(percent) => {
                let today = self.closed.tomorrow().unwrap();
                let due = self.lines.due_through(today, Currency::GHS).unwrap();
                let base = if due.is_zero() { self.outstanding() } else { due };
                let amount = base.mul_ratio(i128::from(*percent), 100, Rounding::Up).unwrap();
                // A payment on a settled note is the customer's own money.
                self.pay(if amount.is_positive() { amount } else { ghs("10") });
            }
            Step::Settle(extra) if self.note.is_open => self.settle(*extra),
            Step::Cancel if self.note.is_open => self.cancel(),
            Step::Settle(_) | Step::Cancel => {}
        }
        self.check();
    }

    fn check(&self) {
        self.note.check(&self.lines).unwrap();
        self.books.agree_with(std::slice::from_ref(&self.note));
        let earned = self.books.balance("income").checked_neg().unwrap();
        assert_eq!(earned, self.note.interest_accrued, "income is what is earned");
        assert!(self.note.worst_days_past_due >= self.note.days_past_due);
    }
}

fn whole_days(days: u32) -> jiff::Span {
    jiff::Span::new().days(i64::from(days))
}

/// The schedule with interest spread over calendar days, as notes earn it.
fn by_calendar_days(contract: &CreateLoanContract) -> Schedule {
    Schedule { day_basis: DayBasis::Convention(DayCount::Act365Fixed), ..schedule(contract) }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 384, failure_persistence: None, rng_seed: RngSeed::Fixed(20_260_131), ..ProptestConfig::default() })]

    #[test]
    fn a_note_agrees_with_its_books_through_any_life((terms, term) in products(), steps in steps()) {
        let mut life = Life::new(terms, term);
        life.check();
        for step in &steps {
            life.step(step);
        }
        if life.note.is_open {
            life.pay(life.outstanding());
        }
        life.check();
        let nothing = Money::zero(Currency::GHS);
        for account in ["principal", "receivable", "unearned", "penalty", "fee-receivable"] {
            prop_assert_eq!(life.books.balance(account), nothing, "{}", account);
        }
        prop_assert_eq!(life.note.interest_accrued, life.note.interest_paid);
    }

    #[test]
    fn closing_day_by_day_or_at_once_earns_and_charges_the_same((terms, term) in products(), days in 1u32..500) {
        let mut daily = Life::new(terms.clone(), term);
        daily.step(&Step::Days(days));
        let mut jumped = Life::new(terms, term);
        jumped.step(&Step::Jump(days));
        prop_assert_eq!(daily.note.interest_accrued, jumped.note.interest_accrued);
        prop_assert_eq!(daily.note.penalty_accrued, jumped.note.penalty_accrued);
        prop_assert_eq!(daily.note.days_past_due, jumped.note.days_past_due);
        prop_assert_eq!(daily.note.bucket, jumped.note.bucket);
        prop_assert_eq!(daily.note.period, jumped.note.period);
    }

    #[test]
    fn a_quiet_day_closes_as_if_it_had_been_looked_at((terms, term) in products(), steps in steps()) {
        let mut quick = Life::new(terms.clone(), term);
        let mut thorough = Life::new(terms, term);
        thorough.always_looks = true;
        for step in &steps {
            // After a jump the two tell of different days; a life of single days compares everything.
            let step = if let Step::Jump(days) = step { &Step::Days(*days) } else { step };
            quick.step(step);
            thorough.step(step);
        }
        prop_assert_eq!(&quick.told, &thorough.told);
        prop_assert_eq!(&quick.buckets, &thorough.buckets);
        prop_assert_eq!(&quick.lines, &thorough.lines);
        let note = LoanNote { quiet_until: thorough.note.quiet_until, period: thorough.note.period.clone(), ..quick.note.clone() };
        prop_assert_eq!(note, thorough.note);
    }

    #[test]
    fn every_installment_is_announced_once((terms, term) in products(), daily in any::<bool>()) {
        let terms = if daily { ProductTerms { unit: IntervalUnit::Day, every: 1, ..terms } } else { terms };
        let mut life = Life::new(terms, term);
        life.step(&Step::Days(400));
        let days_before = |due: Date, days: i64| due.checked_sub(jiff::Span::new().days(days)).unwrap();
        for line in life.lines.lines.iter() {
            for (in_days, closing) in [(3, days_before(line.due_date, 4)), (0, days_before(line.due_date, 1))] {
                let told = life.told.iter().filter(|told| **told == (closing, line.nr, in_days)).count();
                prop_assert_eq!(told, usize::from(closing >= START), "{} in {}", line.nr, in_days);
            }
        }
        let in_range = life.lines.lines.iter().filter(|line| days_before(line.due_date, 4) >= START).count();
        prop_assert_eq!(life.told.len(), in_range + life.lines.lines.iter().filter(|line| days_before(line.due_date, 1) >= START).count());
    }

    #[test]
    fn an_untouched_note_earns_what_loan_math_says((terms, term) in products(), days in 0u32..500) {
        let mut life = Life::new(terms, term);
        life.step(&Step::Days(days + 1));
        let rounding = life.contract.terms.rounding;
        let expected = earned_to(&by_calendar_days(&life.contract), life.closed).unwrap().round(rounding).unwrap();
        prop_assert_eq!(life.note.interest_accrued, expected);
    }
}
