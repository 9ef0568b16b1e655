//! A loan of GHS 1000 over three months, and the events that neighbours would send about it.

use std::collections::BTreeMap;

use sycee_contract::*;
use sycee_money::{Currency, Money, Rate, Rounding, date};
use sycee_runtime::testing::{Scene, test_market};
use sycee_runtime::{Configs, Market, Registry};
use sycee_transaction::loan_engine::LoanOrder;
use sycee_transaction::{LoanPolicy, RepaymentPolicy};

pub const HASH: &str = "c0ffee";

pub fn id<I: Identifier>(number: i64) -> I {
    I::from_number(number)
}

pub fn ghs(text: &str) -> Money {
    Money::parse(text, Currency::GHS).unwrap()
}

pub fn rate(text: &str) -> Rate {
    Rate::from_fraction_str(text).unwrap()
}

pub fn customer() -> CustomerId {
    id(7001)
}

pub fn configs() -> Configs {
    Configs::new().with(LoanPolicy::default()).with(RepaymentPolicy::default())
}

/// Runs `body` with the domain alone.
pub fn alone(body: impl Fn(&mut Scene)) {
    with_neighbours(|_| {}, configs(), body);
}

/// Runs `body` in a market whose people review what risk refers.
pub fn with_review(configs: Configs, body: impl Fn(&mut Scene)) {
    stage(&Market { manual_review: true, ..test_market() }, |_| {}, configs, body);
}

/// Runs `body` with the domain and what `neighbours` registers; offers, lines and plans are answered as usual.
pub fn with_neighbours(neighbours: impl Fn(&mut Registry), configs: Configs, body: impl Fn(&mut Scene)) {
    stage(&test_market(), neighbours, configs, body);
}

fn stage(market: &Market, neighbours: impl Fn(&mut Registry), configs: Configs, body: impl Fn(&mut Scene)) {
    Scene::each_in(
        market,
        |registry| {
            sycee_transaction::register(registry);
            neighbours(registry);
        },
        configs,
        |scene| {
            scene.answers::<AcceptProductOffer>(|asked| {
                Ok(AcceptedOffer { offer: asked.choice.offer, terms: terms(), plan: plan() })
            });
            scene.answers::<QueryCreditLine>(|asked| Ok(Some(line(asked.customer, false))));
            scene.answers::<CalculateRepaymentPlan>(|_| Ok(plan()));
            scene.answers::<QueryPartner>(|_| Ok(false));
            body(scene);
        },
    );
}

pub fn line(customer: CustomerId, is_frozen: bool) -> CreditLineFigures {
    let zero = ghs("0");
    let (available, frozen) = if is_frozen { (zero, ghs("2000")) } else { (ghs("2000"), zero) };
    CreditLineFigures {
        customer,
        limit: ghs("2000"),
        available,
        reserved: zero,
        used: zero,
        frozen,
        is_frozen,
        valid_until: Timestamp::start_of(date(2100, 1, 1)),
    }
}

pub fn terms() -> ProductTerms {
    ProductTerms {
        product: "gh-installment".into(),
        version: 1,
        names: BTreeMap::from([("en".into(), "Installment loan".into())]),
        country: "GH".into(),
        currency: Currency::GHS,
        amount_min: ghs("100"),
        amount_max: ghs("5000"),
        terms: vec![3, 6],
        every: 1,
        unit: IntervalUnit::Month,
        method: RepaymentMethod::EqualInstallments,
        annual_rate: rate("0.24"),
        day_count: "act/365".into(),
        due_dates: sycee_money::BusinessDayConvention::Unadjusted,
        rounding: Rounding::HalfEven,
        upfront_fee: rate("0.02"),
        penalty_rate: rate("0.36"),
        grace_days: 3,
        cooling_off_days: 3,
        settlement_interest: SettlementInterest::ToTheDay,
        allocation: vec![DuePart::Penalty, DuePart::Fee, DuePart::Interest, DuePart::Principal],
        contract_template: "gh-loan".into(),
        effective_from: date(2026, 1, 1),
    }
}

pub fn installments() -> Vec<PlannedInstallment> {
    let planned = |nr: u32, from, due_date, principal: &str, interest: &str, balance: &str| PlannedInstallment {
        nr,
        from,
        to: due_date,
        due_date,
        principal: ghs(principal),
        interest: ghs(interest),
        fee: ghs("0"),
        balance: ghs(balance),
    };
    let days = [date(2026, 2, 1), date(2026, 3, 1), date(2026, 4, 1), date(2026, 5, 1)];
    vec![
        planned(1, days[0], days[1], "326.75", "20.00", "673.25"),
        planned(2, days[1], days[2], "333.29", "13.46", "339.96"),
        planned(3, days[2], days[3], "339.96", "6.80", "0"),
    ]
}

pub fn plan() -> RepaymentPlan {
    RepaymentPlan {
        product: "gh-installment".into(),
        version: 1,
        principal: ghs("1000"),
        annual_rate: rate("0.24"),
        upfront_fee: ghs("20"),
        net_proceeds: ghs("980"),
        start: date(2026, 2, 1),
        installments: installments(),
        total_interest: ghs("40.26"),
        total_due: ghs("1040.26"),
        apr: rate("0.41"),
    }
}

pub fn application() -> SubmitLoanApplication {
    SubmitLoanApplication {
        customer: customer(),
        offer: id(11),
        amount: ghs("1000"),
        term: 3,
        purpose: "education".into(),
        payout_account: account(),
        direct_debit: false,
        language: "en-GH".into(),
    }
}

pub fn account() -> PayoutAccount {
    PayoutAccount {
        channel: "mtn-momo".into(),
        number: Sensitive::new("+233201234567"),
        holder: Sensitive::new("Ama Mensah"),
    }
}

pub fn order(scene: &mut Scene, loan: LoanId) -> LoanOrder {
    scene.load::<LoanOrder>(loan).unwrap()
}

pub fn code<T>(result: Result<T, Rejection>) -> String {
    match result {
        Ok(_) => "accepted".into(),
        Err(refusal) => refusal.code,
    }
}

pub fn submit(scene: &mut Scene) -> LoanId {
    submit_as(scene, application())
}

pub fn submit_as(scene: &mut Scene, cmd: SubmitLoanApplication) -> LoanId {
    let loan = scene.request(cmd).unwrap().loan;
    scene.happened(CreditReserved { loan, amount: ghs("1000"), line: line(customer(), false) });
    loan
}

/// When the market took the application in.
pub fn submitted_at(scene: &mut Scene, loan: LoanId) -> Timestamp {
    Timestamp::from_micros(order(scene, loan).trace[0].1)
}

pub fn decision(loan: LoanId, outcome: RiskOutcome, valid_until: Timestamp) -> RiskDecisionMade {
    RiskDecisionMade {
        decision: id(501),
        purpose: RiskPurpose::Drawdown,
        subject: RiskSubject { customer: customer(), application: None, loan: Some(loan) },
        outcome,
        score: Some(640),
        tier: "low".into(),
        reasons: if outcome == RiskOutcome::Approve { vec![] } else { vec!["SCORE_TOO_LOW".into()] },
        limit: None,
        rate_surcharge: rate("0"),
        excluded_products: vec![],
        valid_until,
        strategy: "gh-default@1".into(),
        inputs_hash: "00".into(),
    }
}

pub fn decide(scene: &mut Scene, loan: LoanId, outcome: RiskOutcome) {
    let until = submitted_at(scene, loan).plus_days(30);
    scene.happened(decision(loan, outcome, until));
}

pub fn render(scene: &mut Scene, loan: LoanId) {
    let document = RenderedDocument { document: id(601), hash: HASH.into() };
    scene.happened(LoanContractRendered { loan, customer: customer(), document });
}

pub fn signature(loan: LoanId) -> SignLoanContract {
    SignLoanContract { loan, customer: customer(), document_hash: HASH.into(), challenge: None }
}

/// A loan whose contract waits for a signature.
pub fn pending(scene: &mut Scene) -> LoanId {
    let loan = submit(scene);
    decide(scene, loan, RiskOutcome::Approve);
    render(scene, loan);
    loan
}

pub fn route(loan: LoanId, number: i64) -> FundRouteSelected {
    FundRouteSelected {
        route: id(700 + number),
        loan,
        funder: id(number),
        fund_account: id(800 + number),
        cost: rate("0.1"),
        pays_itself: false,
        amount: ghs("980"),
    }
}

pub fn reserved(loan: LoanId, number: i64) -> FundReserved {
    let zero = ghs("0");
    FundReserved {
        reservation: id(900 + number),
        loan,
        fund_account: id(800 + number),
        route: id(700 + number),
        amount: ghs("980"),
        balances: FundBalances {
            arrived: ghs("5000"),
            available: ghs("4020"),
            frozen: ghs("980"),
            in_transit: zero,
            paid_out: zero,
            received: zero,
            refunded: zero,
            suspense: zero,
            recoverable: zero,
        },
    }
}

/// A signed loan whose payout from funder `number` is under way.
pub fn pay_out(scene: &mut Scene, loan: LoanId, number: i64) -> DisbursementRequested {
    scene.happened(route(loan, number));
    scene.happened(reserved(loan, number));
    scene.emitted::<DisbursementRequested>().pop().unwrap()
}

pub fn requested(scene: &mut Scene) -> DisbursementRequested {
    let loan = pending(scene);
    scene.request(signature(loan)).unwrap();
    pay_out(scene, loan, 1)
}

pub fn paid(request: &DisbursementRequested) -> PartnerDisbursementSucceeded {
    PartnerDisbursementSucceeded {
        order: request.order,
        loan: request.loan,
        funder: request.funder,
        fund_account: request.fund_account,
        reservation: request.reservation,
        amount: request.amount,
        payment: Some(id(1001)),
        reference: "momo-1".into(),
    }
}

pub fn entry(loan: LoanId, template: &str, number: i64) -> AccountingEntryPosted {
    AccountingEntryPosted {
        entry: id(number),
        template: template.into(),
        reference: LedgerReference { loan: Some(loan), order: None, repayment: None, parts: None, text: String::new() },
        lines: vec![],
        date: date(2026, 2, 1),
    }
}

pub fn note(loan: LoanId) -> LoanNoteCreated {
    LoanNoteCreated {
        loan,
        customer: customer(),
        product: "gh-installment".into(),
        version: 1,
        principal: ghs("1000"),
        annual_rate: rate("0.24"),
        term: 3,
        disbursed_on: date(2026, 2, 1),
        funder: id(1),
    }
}

pub fn schedule(loan: LoanId) -> RepaymentScheduleGenerated {
    RepaymentScheduleGenerated { loan, version: 1, installments: installments(), on_note: true }
}

/// Everything from the payout to the running loan.
pub fn book(scene: &mut Scene, request: &DisbursementRequested) {
    let loan = request.loan;
    scene.happened(paid(request));
    scene.happened(entry(loan, "loan-disbursed", 1101));
    scene.happened(LoanContractCreated { loan, document: id(601), document_hash: HASH.into() });
    scene.happened(note(loan));
    scene.happened(schedule(loan));
}

/// A running loan.
pub fn running(scene: &mut Scene) -> LoanId {
    let request = requested(scene);
    book(scene, &request);
    request.loan
}

pub fn quote(loan: LoanId, kind: RepaymentKind, amount: Money) -> PostingQuote {
    PostingQuote {
        loan,
        customer: customer(),
        funder: id(1),
        fund_account: id(801),
        product: "gh-installment".into(),
        kind,
        amount,
        parts: PostingParts { principal: amount, ..PostingParts::nothing(amount.currency()) },
        due_now: ghs("346.75"),
        settles: kind != RepaymentKind::Normal,
        as_of: date(2026, 2, 2),
    }
}

pub fn posted(loan: LoanId, order: Option<RepaymentOrderId>, amount: &str, settled: bool) -> AssetPostingApplied {
    AssetPostingApplied {
        posting: id(1201),
        loan,
        customer: customer(),
        order,
        entry: id(1102),
        kind: RepaymentKind::Normal,
        amount: ghs(amount),
        parts: quote(loan, RepaymentKind::Normal, ghs(amount)).parts,
        principal_outstanding: ghs("0"),
        installments_settled: vec![1],
        settled,
    }
}

pub fn installment_due(loan: LoanId, nr: u32, in_days: u32) -> InstallmentDueNotice {
    let due_date = date(2026, 3, 1);
    InstallmentDueNotice { loan, customer: customer(), funder: id(1), nr, due_date, in_days, amount: ghs("346.75") }
}
