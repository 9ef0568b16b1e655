//! Scenes of the business frontend: given events, what screens and inboxes show.
#![allow(clippy::unwrap_used, reason = "a test ends where its stage breaks")]

use std::collections::BTreeMap;

use sycee_business_frontend::app::{AppInbox, AppNotice, NOTICES_MAX, NoticeKind};
use sycee_business_frontend::bff_system::{
    CustomerStep, CustomerView, LIST_MAX, LoanPlanView, ProductView, RepaymentView,
};
use sycee_contract::*;
use sycee_money::{Currency, Money, Rate, Rounding, date};
use sycee_runtime::Configs;
use sycee_runtime::testing::Scene;

fn id<I: Identifier>(number: i64) -> I {
    I::from_number(number)
}

fn ghs(text: &str) -> Money {
    Money::parse(text, Currency::GHS).unwrap()
}

fn rate(text: &str) -> Rate {
    Rate::from_fraction_str(text).unwrap()
}

fn customer() -> CustomerId {
    id(7001)
}

fn stage(body: impl Fn(&mut Scene)) {
    Scene::each(sycee_business_frontend::register, Configs::new(), body);
}

fn view(scene: &mut Scene) -> CustomerView {
    scene.load::<CustomerView>(customer()).unwrap()
}

fn decided(purpose: RiskPurpose, outcome: RiskOutcome, tier: &str) -> RiskDecisionMade {
    RiskDecisionMade {
        decision: id(1),
        purpose,
        subject: RiskSubject { customer: customer(), application: None, loan: None },
        outcome,
        score: None,
        tier: tier.into(),
        reasons: vec![],
        limit: None,
        rate_surcharge: rate("0"),
        excluded_products: vec![],
        valid_until: Timestamp::start_of(date(2026, 12, 1)),
        strategy: "gh-default@1".into(),
        inputs_hash: "00".into(),
    }
}

fn registered() -> CustomerRegistered {
    CustomerRegistered {
        customer: customer(),
        market: "gh".into(),
        channel: "organic".into(),
        device_id: "d1".into(),
        platform: "Android 14".to_owned(),
        phone_index: String::new(),
        language: "en-GH".into(),
    }
}

fn consented(complete: bool) -> ConsentGranted {
    ConsentGranted {
        customer: customer(),
        kinds: vec![ConsentKind::Privacy],
        complete,
        kyc_verdict: Some(KycVerdict::Passed),
        notice_version: "1".into(),
    }
}

#[test]
fn a_customer_moves_from_registration_to_a_line() {
    stage(|scene| {
        scene.happened(registered());
        assert_eq!((view(scene).step, view(scene).language.as_str()), (CustomerStep::Registered, "en-GH"));
        scene.happened(consented(false));
        assert_eq!(view(scene).step, CustomerStep::Registered);
        scene.happened(consented(true));
        assert_eq!(view(scene).step, CustomerStep::Consented);
        scene.happened(decided(RiskPurpose::Admission, RiskOutcome::Reject, "high"));
        assert_eq!(view(scene).step, CustomerStep::Refused);
        scene.happened(decided(RiskPurpose::Admission, RiskOutcome::Approve, "low"));
        assert_eq!(view(scene).step, CustomerStep::Admitted);
        scene.happened(consented(true));
        assert_eq!(view(scene).step, CustomerStep::Admitted, "a later consent does not move the customer back");
        scene.happened(decided(RiskPurpose::Credit, RiskOutcome::Approve, "medium"));
        scene.happened(granted());
        let shown = view(scene);
        assert_eq!(
            (shown.step, shown.credit_limit, shown.tier.as_deref()),
            (CustomerStep::HasLine, Some(ghs("2000")), Some("medium"))
        );
        scene.happened(decided(RiskPurpose::Drawdown, RiskOutcome::Reject, "high"));
        assert_eq!(view(scene), shown);
    });
}

fn granted() -> CreditLineApproved {
    CreditLineApproved {
        application: id(2),
        customer: customer(),
        limit: ghs("2000"),
        limit_cap: ghs("4000"),
        tier: "medium".into(),
        decision: id(1),
        valid_until: Timestamp::start_of(date(2026, 12, 1)),
    }
}

fn line(limit: &str, is_frozen: bool) -> CreditLineFigures {
    let (free, nothing) = (ghs(limit), ghs("0"));
    CreditLineFigures {
        customer: customer(),
        limit: free,
        available: if is_frozen { nothing } else { free },
        reserved: nothing,
        used: nothing,
        frozen: if is_frozen { free } else { nothing },
        is_frozen,
        valid_until: Timestamp::start_of(date(2026, 12, 1)),
    }
}

#[test]
fn a_line_is_shown_as_it_stands() {
    stage(|scene| {
        scene.happened(granted());
        assert_eq!((view(scene).credit_limit, view(scene).credit_frozen), (Some(ghs("2000")), false));
        let (from, reason) = (ghs("2000"), "settled-well".to_owned());
        scene.happened(CreditLimitChanged { from, reason, line: line("2400", false) });
        assert_eq!(view(scene).credit_limit, Some(ghs("2400")), "it grew");
        for frozen in [true, false] {
            scene.happened(CreditLineFrozen { line: line("2400", frozen), frozen, reason: "overdue".to_owned() });
            assert_eq!((view(scene).credit_limit, view(scene).credit_frozen), (Some(ghs("2400")), frozen));
        }
    });
}

fn offer(number: i64) -> Offer {
    Offer {
        offer: id(number),
        product: "gh-installment".into(),
        version: 1,
        names: BTreeMap::new(),
        amount_min: ghs("100"),
        amount_max: ghs("2000"),
        terms: vec![3],
        annual_rate: rate("0.24"),
        upfront_fee: rate("0.02"),
        expires_at: Timestamp::start_of(date(2026, 2, 2)),
    }
}

#[test]
fn offers_are_replaced_and_bounded() {
    stage(|scene| {
        let offers = (1..=20).map(offer).collect();
        scene.happened(ProductOfferDistributed { customer: customer(), offers, reasons: vec![] });
        assert_eq!(view(scene).offers.len(), LIST_MAX);
        let reasons = vec!["NO_CREDIT_LINE_YET".to_owned()];
        scene.happened(ProductOfferDistributed { customer: customer(), offers: vec![], reasons });
        assert!(view(scene).offers.is_empty());
        assert_eq!(*view(scene).offer_reasons, ["NO_CREDIT_LINE_YET"]);
    });
}

fn terms(version: u32) -> ProductTerms {
    ProductTerms {
        product: "gh-installment".into(),
        version,
        names: BTreeMap::from([("en".into(), "Installment loan".into())]),
        country: "GH".into(),
        currency: Currency::GHS,
        amount_min: ghs("100"),
        amount_max: ghs("5000"),
        terms: vec![3],
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
        allocation: vec![DuePart::Interest, DuePart::Principal],
        contract_template: "gh-loan".into(),
        effective_from: date(2026, 1, 1),
    }
}

fn plan(apr: &str) -> RepaymentPlan {
    RepaymentPlan {
        product: "gh-installment".into(),
        version: 2,
        principal: ghs("1000"),
        annual_rate: rate("0.24"),
        upfront_fee: ghs("20"),
        net_proceeds: ghs("980"),
        start: date(2026, 2, 1),
        installments: vec![PlannedInstallment {
            nr: 1,
            from: date(2026, 2, 1),
            to: date(2026, 3, 1),
            due_date: date(2026, 3, 1),
            principal: ghs("1000"),
            interest: ghs("20"),
            fee: ghs("0"),
            balance: ghs("0"),
        }],
        total_interest: ghs("20"),
        total_due: ghs("1020"),
        apr: rate(apr),
    }
}

fn calculated(loan: Option<LoanId>, plan: Option<RepaymentPlan>, for_schedule: bool) -> RepaymentPlanCalculated {
    RepaymentPlanCalculated { loan, plan, settlement: None, for_schedule }
}

#[test]
fn a_product_shows_the_version_on_sale_with_one_example() {
    stage(|scene| {
        for version in [2, 1] {
            scene.happened(ProductVersionPublished { terms: terms(version) });
        }
        scene.happened(calculated(None, Some(plan("0.41")), false));
        scene.happened(calculated(None, Some(plan("0.99")), false));
        let mut shown = |on| ProductView::on_sale(scene.all::<ProductView>(), on);
        let today = shown(date(2026, 1, 1)).unwrap();
        assert_eq!((today.version, today.example_apr), (2, Some(rate("0.41"))));
        assert_eq!(shown(date(2025, 12, 31)), None);

        let coming = ProductTerms { effective_from: date(2026, 2, 1), ..terms(3) };
        for _ in 0..2 {
            scene.happened(ProductVersionPublished { terms: coming.clone() });
        }
        let mut shown = |on| ProductView::on_sale(scene.all::<ProductView>(), on).unwrap();
        assert_eq!(shown(date(2026, 1, 31)).version, 2, "not on sale yet");
        assert_eq!((shown(date(2026, 2, 1)).version, shown(date(2026, 2, 1)).example_apr), (3, None));
    });
}

#[test]
fn a_loan_shows_its_plan_and_what_settles_it() {
    stage(|scene| {
        let loan = id(31);
        scene.happened(calculated(Some(loan), Some(plan("0.41")), false));
        assert!(scene.load::<LoanPlanView>(loan).is_none());
        scene.happened(calculated(Some(loan), Some(plan("0.41")), true));
        scene.happened(RepaymentPostingCalculated { quote: quote(RepaymentKind::EarlySettlement) });
        let shown = scene.load::<LoanPlanView>(loan).unwrap();
        assert_eq!((shown.total_due, shown.installments), (ghs("1020"), 1));
        assert_eq!((shown.settlement, shown.last_due), (Some(ghs("1005")), Some(date(2026, 3, 1))));
        scene.happened(calculated(Some(loan), Some(plan("0.99")), true));
        assert_eq!(scene.load::<LoanPlanView>(loan), Some(shown), "a loan has one schedule");
    });
}

fn quote(kind: RepaymentKind) -> PostingQuote {
    PostingQuote {
        loan: id(31),
        customer: customer(),
        funder: id(1),
        fund_account: id(2),
        product: "gh-installment".into(),
        kind,
        amount: ghs("1005"),
        parts: PostingParts::nothing(Currency::GHS),
        due_now: ghs("340"),
        settles: true,
        as_of: date(2026, 2, 8),
    }
}

fn way(order: i64, loan: i64, method: RepaymentMethodKind, expires_at: Timestamp) -> RepaymentMethodCreated {
    RepaymentMethodCreated {
        order: id(order),
        loan: id(loan),
        customer: customer(),
        method,
        amount: ghs("50"),
        content: format!("qr:{order}"),
        payment: None,
        expires_at,
    }
}

#[test]
fn repayment_screens_show_dues_quotes_and_ways_to_pay() {
    stage(|scene| {
        let due = LoanDue {
            loan: id(31),
            product: "gh-installment".into(),
            due_now: ghs("340"),
            outstanding: ghs("1020"),
            days_past_due: 2,
            cooling_off_until: date(2026, 2, 4),
            installments: vec![],
        };
        scene.happened(AssetDueListQueried { customer: customer(), list: DueList { loans: vec![due; 20] } });
        scene.happened(RepaymentPostingCalculated { quote: quote(RepaymentKind::EarlySettlement) });
        scene.happened(RepaymentPostingCalculated { quote: quote(RepaymentKind::Normal) });
        let tomorrow = scene.now().plus_days(1);
        scene.happened(way(1, 31, RepaymentMethodKind::Qr, tomorrow));
        scene.happened(way(2, 31, RepaymentMethodKind::Qr, tomorrow));
        scene.happened(way(3, 31, RepaymentMethodKind::DirectDebit, tomorrow));
        let shown = scene.load::<RepaymentView>(customer()).unwrap();
        assert_eq!((shown.due.len(), shown.due[0].due_now), (LIST_MAX, ghs("340")));
        assert_eq!(shown.quote.as_ref().unwrap().kind, RepaymentKind::EarlySettlement);
        assert_eq!(shown.ways.iter().map(|way| way.content.as_str()).collect::<Vec<_>>(), ["qr:2"]);

        for loan in 100..120 {
            scene.happened(way(loan, loan, RepaymentMethodKind::Qr, tomorrow));
        }
        assert_eq!(scene.load::<RepaymentView>(customer()).unwrap().ways.len(), LIST_MAX);
        scene.advance_seconds(2 * 86_400);
        let later = scene.now().plus_days(1);
        scene.happened(way(200, 200, RepaymentMethodKind::Qr, later));
        assert_eq!(scene.load::<RepaymentView>(customer()).unwrap().ways.len(), 1, "what expired is gone");
    });
}

#[test]
fn messages_are_counted() {
    stage(|scene| {
        for number in 1..=2 {
            let (template, channel) = ("welcome".to_owned(), "in-app".to_owned());
            scene.happened(MessageDispatched { notice: id(number), customer: customer(), template, channel });
        }
        assert_eq!(view(scene).messages, 2);
    });
}

#[test]
fn the_inbox_keeps_the_newest_notices() {
    stage(|scene| {
        let loan: LoanId = id(31);
        for (verdict, kind) in [
            (KycVerdict::Review, NoticeKind::KycInReview),
            (KycVerdict::Failed, NoticeKind::KycFailed),
            (KycVerdict::Passed, NoticeKind::KycPassed),
        ] {
            scene.happened(KycCompleted { customer: customer(), case: id(5), verdict, reasons: vec![] });
            assert_eq!(last(scene).0, kind);
        }
        let contract = RenderedDocument { document: id(6), hash: "c0ffee".into() };
        let expires_at = scene.now().plus_days(2);
        scene.happened(LoanApplicationApproved {
            loan,
            customer: customer(),
            amount: ghs("1000"),
            contract,
            expires_at,
        });
        let now = scene.now().as_micros();
        assert_eq!(last(scene), AppNotice(NoticeKind::LoanApproved, Some(loan), Some(ghs("1000")), now));
        scene.happened(LoanApplicationRejected { loan, customer: customer(), reasons: vec![] });
        assert_eq!(last(scene).0, NoticeKind::LoanRejected);
        for (will_retry, kind) in [(true, NoticeKind::PayoutDelayed), (false, NoticeKind::PayoutFailed)] {
            let reason = "NO_FUNDING_ROUTE".to_owned();
            scene.happened(DisbursementFailed { loan, customer: customer(), reservation: None, reason, will_retry });
            assert_eq!(last(scene).0, kind);
        }
        scene.happened(DisbursementSucceeded {
            loan,
            customer: customer(),
            principal: ghs("1000"),
            net_proceeds: ghs("980"),
            funder: id(1),
            fund_account: id(2),
            reservation: id(3),
            payment: None,
            entry: id(4),
            annual_rate: rate("0.24"),
            disbursed_on: date(2026, 2, 1),
            first_due: date(2026, 3, 1),
        });
        assert_eq!((last(scene).0, last(scene).2), (NoticeKind::PaidOut, Some(ghs("980"))));
        for settled in [false, false, false, false, true] {
            scene.happened(RepaymentSucceeded {
                posting: id(7),
                loan,
                customer: customer(),
                funder: id(1),
                fund_account: id(2),
                order: None,
                kind: RepaymentKind::Normal,
                amount: ghs("204"),
                parts: PostingParts::nothing(Currency::GHS),
                principal_outstanding: ghs("0"),
                settled,
                worst_days_past_due: 0,
            });
            assert_eq!(last(scene).0, if settled { NoticeKind::Settled } else { NoticeKind::Repaid });
        }
        let inbox = scene.load::<AppInbox>(customer()).unwrap();
        assert_eq!((inbox.notices.len(), inbox.received), (NOTICES_MAX, 13));
    });
}

fn last(scene: &mut Scene) -> AppNotice {
    scene.load::<AppInbox>(customer()).unwrap().notices.last().unwrap().clone()
}
