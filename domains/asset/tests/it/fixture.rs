//! A loan on the books of a market of one domain: its product, its plan, its life in three lines a test.

use std::collections::BTreeMap;

use sycee_asset::{LoanInstallments, LoanNote};
use sycee_contract::{
    AccountingEntryPosted, BusinessDateAdvanced, CalculateRepaymentPosting, CreateLoanContract, CustomerId, Date,
    DisbursementSucceeded, DocumentId, DuePart, EntryId, FundAccountId, Identifier, IntervalUnit, LedgerReference,
    LoanId, PartnerId, PlannedInstallment, PostLedgerEvent, PostingParts, PostingQuote, ProductTerms, RepaymentKind,
    RepaymentMethod, RepaymentPlan, RepaymentPlanCalculated, ReservationId, SettlementFigures, SettlementInputs,
    SettlementInterest,
};
use sycee_contract::{CalculateEarlySettlement, CalculateLoanCancelRepayment, CalculateRepaymentPlan};
use sycee_loan_math::schedule::{Every, LoanTerms, Method, Schedule, Unit, build};
use sycee_money::{Currency, Money, Rate, Rounding, date};
use sycee_runtime::testing::Scene;
use sycee_runtime::{Configs, Registry};

pub const LOAN: i64 = 700;
pub const CUSTOMER: i64 = 11;
pub const FUNDER: i64 = 12;
/// The day the money goes out.
pub const START: Date = date(2026, 1, 31);

pub fn ghs(text: &str) -> Money {
    Money::parse(text, Currency::GHS).unwrap()
}

pub fn loan(number: i64) -> LoanId {
    LoanId::from_number(number)
}

pub fn customer() -> CustomerId {
    CustomerId::from_number(CUSTOMER)
}

/// 24 % a year, 4 % upfront fee, three days of grace, 36.5 % penalty, seven cooling-off days.
pub fn terms() -> ProductTerms {
    ProductTerms {
        product: "gh-installment".to_owned(),
        version: 1,
        names: BTreeMap::from([("en".to_owned(), "Installment loan".to_owned())]),
        country: "GH".to_owned(),
        currency: Currency::GHS,
        amount_min: ghs("100"),
        amount_max: ghs("5000"),
        terms: vec![3, 6, 12],
        every: 1,
        unit: IntervalUnit::Month,
        method: RepaymentMethod::EqualInstallments,
        annual_rate: Rate::from_percent_str("24").unwrap(),
        day_count: "act/365".to_owned(),
        due_dates: sycee_money::BusinessDayConvention::Unadjusted,
        rounding: Rounding::HalfEven,
        upfront_fee: Rate::from_percent_str("4").unwrap(),
        penalty_rate: Rate::from_percent_str("36.5").unwrap(),
        grace_days: 3,
        cooling_off_days: 7,
        settlement_interest: SettlementInterest::ToTheDay,
        allocation: vec![DuePart::Penalty, DuePart::Fee, DuePart::Interest, DuePart::Principal],
        contract_template: "gh-loan".to_owned(),
        effective_from: date(2026, 1, 1),
    }
}

pub fn contract(number: i64, terms: ProductTerms, principal: &str, term: u32) -> CreateLoanContract {
    let principal = ghs(principal);
    CreateLoanContract {
        loan: loan(number),
        customer: customer(),
        document: DocumentId::from_number(31),
        document_hash: "f00d".to_owned(),
        upfront_fee: principal.mul_rate(terms.upfront_fee, terms.rounding).unwrap(),
        terms,
        principal,
        term,
        funder: PartnerId::from_number(FUNDER),
        fund_account: FundAccountId::from_number(13),
        entry: EntryId::from_number(number + 10_000),
        disbursed_on: START,
    }
}

pub fn schedule(contract: &CreateLoanContract) -> Schedule {
    let terms = &contract.terms;
    let monthly = LoanTerms::monthly(contract.principal, terms.annual_rate, contract.disbursed_on);
    let unit = match terms.unit {
        IntervalUnit::Day => Unit::Day,
        IntervalUnit::Week => Unit::Week,
        IntervalUnit::Month => Unit::Month,
    };
    let method = match terms.method {
        RepaymentMethod::EqualInstallments => Method::EqualInstallments,
        RepaymentMethod::EqualPrincipal => Method::EqualPrincipal,
        RepaymentMethod::Flat => Method::Flat,
        RepaymentMethod::Bullet => Method::Bullet,
    };
    let every = Every { n: terms.every, unit };
    build(&LoanTerms { installments: contract.term, method, every, ..monthly }).unwrap()
}

pub fn plan(contract: &CreateLoanContract) -> RepaymentPlan {
    let schedule = schedule(contract);
    let nothing = Money::zero(contract.principal.currency());
    RepaymentPlan {
        product: contract.terms.product.clone(),
        version: contract.terms.version,
        principal: contract.principal,
        annual_rate: contract.terms.annual_rate,
        upfront_fee: contract.upfront_fee,
        net_proceeds: contract.principal.checked_sub(contract.upfront_fee).unwrap(),
        start: contract.disbursed_on,
        installments: schedule
            .periods
            .iter()
            .map(|period| PlannedInstallment {
                nr: period.nr,
                from: period.from,
                to: period.due_date,
                due_date: period.due_date,
                principal: period.principal,
                interest: period.interest,
                fee: nothing,
                balance: period.balance,
            })
            .collect(),
        total_interest: schedule.total_interest,
        total_due: schedule.total_due,
        apr: Rate::from_percent_str("41.2").unwrap(),
    }
}

/// What the product's calculation answers for an early settlement to the day, or a cancellation.
pub fn figures(inputs: &SettlementInputs, interest: Money, fee_refund: Money) -> SettlementFigures {
    let parts = [inputs.principal, interest, inputs.fee, inputs.penalty];
    let amount = Money::sum(inputs.principal.currency(), parts).unwrap();
    SettlementFigures {
        principal: inputs.principal,
        interest,
        fee: inputs.fee,
        penalty: inputs.penalty,
        fee_refund,
        amount: amount.checked_sub(fee_refund).unwrap(),
        as_of: inputs.as_of,
    }
}

/// Runs `body` on every store, with a market on which the product domain answers and nobody else is there.
pub fn market(body: impl Fn(&mut Scene)) {
    market_with(sycee_asset::register, body);
}

/// As [`market`], with services that differ.
pub fn market_with(register: impl Fn(&mut Registry), body: impl Fn(&mut Scene)) {
    Scene::each(register, Configs::new(), |scene| {
        scene.set_today(START);
        scene.answers::<CalculateRepaymentPlan>(|query| {
            Ok(plan(&contract(query.loan.unwrap().number(), terms(), "1200", query.term)))
        });
        scene.answers::<CalculateEarlySettlement>(|query| {
            Ok(figures(&query.inputs, query.inputs.interest_accrued, ghs("0")))
        });
        scene.answers::<CalculateLoanCancelRepayment>(|query| {
            Ok(figures(&query.inputs, ghs("0"), query.inputs.upfront_fee))
        });
        body(scene);
    });
}

/// Pays out a loan: contract, note, schedule, disbursed.
pub fn disburse(scene: &mut Scene, contract: &CreateLoanContract) {
    scene.request(contract.clone()).unwrap();
    scene.happened(RepaymentPlanCalculated {
        loan: Some(contract.loan),
        plan: Some(plan(contract)),
        settlement: None,
        for_schedule: true,
    });
    scene.happened(disbursed(contract));
}

pub fn disbursed(contract: &CreateLoanContract) -> DisbursementSucceeded {
    DisbursementSucceeded {
        loan: contract.loan,
        customer: contract.customer,
        principal: contract.principal,
        net_proceeds: contract.principal.checked_sub(contract.upfront_fee).unwrap(),
        funder: contract.funder,
        fund_account: contract.fund_account,
        reservation: ReservationId::from_number(14),
        payment: None,
        entry: contract.entry,
        annual_rate: contract.terms.annual_rate,
        disbursed_on: contract.disbursed_on,
        first_due: date(2026, 2, 28),
    }
}

/// One loan of 1200 over 3 months.
pub fn one_loan(body: impl Fn(&mut Scene)) {
    market(|scene| {
        disburse(scene, &contract(LOAN, terms(), "1200", 3));
        body(scene);
    });
}

/// Moves the business date and lets the close run; answers what went to the books.
pub fn advance(scene: &mut Scene, opened: Date) -> Vec<PostLedgerEvent> {
    let closed = opened.yesterday().unwrap();
    advance_from(scene, closed, opened)
}

/// As [`advance`], from a day that may lie further back.
pub fn advance_from(scene: &mut Scene, closed: Date, opened: Date) -> Vec<PostLedgerEvent> {
    scene.set_today(opened);
    scene.happened(BusinessDateAdvanced { closed, opened });
    let mut posted = Vec::new();
    scene.fire_timers();
    posted.extend(scene.sent::<PostLedgerEvent>());
    posted
}

pub fn quote(scene: &mut Scene, kind: RepaymentKind, amount: Option<&str>) -> Result<PostingQuote, String> {
    quote_of(scene, kind, amount, None)
}

/// The quote by the figures of a day.
pub fn quote_of(
    scene: &mut Scene,
    kind: RepaymentKind,
    amount: Option<&str>,
    as_of: Option<sycee_contract::Date>,
) -> Result<PostingQuote, String> {
    scene
        .request(CalculateRepaymentPosting {
            customer: customer(),
            loan: loan(LOAN),
            kind,
            amount: amount.map(ghs),
            as_of,
        })
        .map_err(|rejection| rejection.code)
}

/// Posts `parts` to the loan, as the books tell it.
pub fn post(scene: &mut Scene, entry: i64, kind: RepaymentKind, parts: &PostingParts) {
    let template = if kind == RepaymentKind::Cancel { "loan-cancelled" } else { "repayment-received" };
    scene.happened(AccountingEntryPosted {
        entry: EntryId::from_number(entry),
        template: template.to_owned(),
        reference: LedgerReference {
            loan: Some(loan(LOAN)),
            order: None,
            repayment: Some(kind),
            parts: Some(parts.clone()),
            text: "test".to_owned(),
        },
        lines: Vec::new(),
        date: START,
    });
}

/// Quotes and posts a normal repayment.
pub fn pay(scene: &mut Scene, entry: i64, amount: &str) -> PostingQuote {
    let quote = quote(scene, RepaymentKind::Normal, Some(amount)).unwrap();
    post(scene, entry, RepaymentKind::Normal, &quote.parts);
    quote
}

pub fn note(scene: &mut Scene) -> LoanNote {
    scene.load::<LoanNote>(loan(LOAN)).unwrap()
}

pub fn installments(scene: &mut Scene) -> LoanInstallments {
    scene.load::<LoanInstallments>(loan(LOAN)).unwrap()
}
