//! Every amount that a person can name, named wrongly: other currencies, nothing, less, a cent, parts of it, far too much.

use sycee_contract::{
    AmendFundingContract, CalculateRepaymentPosting, ConfirmFundArrival, Date, DecidePayment, DisbursementSucceeded,
    InitiatePayment, OfferDetailRequest, PaymentDirection, PaymentId, PaymentPurpose, PostAccountingEntry,
    ProductTerms, PublishProductVersion, QueryProductOffer, QueryProductVersion, RecoverStrayPayout,
    RegisterFundingContract, RepaymentKind, ResolveSuspense, ReturnFunds, TransferLine, WriteOffStrayPayout,
};
use sycee_money::{Currency, Money, Rate};
use sycee_stage::{Life, Stage, cedis};

use crate::refusal::{Case, assert_refused, case};
use crate::suspense::account_of;

/// The largest amount in whole minor units.
fn largest() -> Money {
    Money::from_units(i64::MAX / 100 * 100, Currency::GHS)
}

fn cent() -> Money {
    Money::from_minor(1, Currency::GHS).unwrap()
}

/// Amounts that are no amount of any request: of another currency, zero, negative, not in whole minor units.
fn never() -> [(&'static str, Money); 6] {
    [
        ("dollars", Money::from_minor(10_000, Currency::USD).unwrap()),
        ("nothing", cedis(0)),
        ("less than nothing", cedis(-100)),
        ("the least", Money::from_units(i64::MIN, Currency::GHS)),
        ("a part of a cent", Money::from_units(1, Currency::GHS)),
        ("the largest, with a part of a cent", Money::from_units(i64::MAX, Currency::GHS)),
    ]
}

const KINDS: [RepaymentKind; 3] = [RepaymentKind::Normal, RepaymentKind::EarlySettlement, RepaymentKind::Cancel];

fn agreement(quota: Money) -> RegisterFundingContract {
    RegisterFundingContract {
        code: "new-funder".to_owned(),
        name: "New funder".to_owned(),
        country: "GH".to_owned(),
        currency: Currency::GHS,
        cost: Rate::from_bps(1_000),
        quota,
        products: Vec::new(),
        pays_itself: false,
        is_own: false,
        channels: Vec::new(),
        valid_from: None,
        valid_until: None,
    }
}

fn arrival(amount: Money) -> ConfirmFundArrival {
    ConfirmFundArrival { funder: "own-funds".to_owned(), amount, bank_reference: "GCB-2026-000123".to_owned() }
}

fn newcomer(stage: &mut Stage, nr: u64) -> Life {
    let life = stage.register(nr);
    stage.admit(&life);
    life
}

#[test]
fn no_request_takes_an_amount_that_is_none() {
    Stage::each(|stage| {
        let life = stage.borrower(21);
        let newcomer = newcomer(stage, 22);
        let loan = stage.loan(&life, "gh-installment", cedis(1_000));
        let offer = stage.offer(&life, "gh-installment");
        let (person, customer) = (&life.borrower, life.customer);
        let mut cases: Vec<Case> = Vec::new();
        for (name, amount) in never() {
            let what = |command: &str| format!("{command}: {name}");
            let detail = Some(OfferDetailRequest { offer: offer.offer, amount, term: 6 });
            let detail = QueryProductOffer { customer, preview: false, detail };
            let application = person.application(customer, &offer, amount);
            let application_code = if amount.is_positive() { "INVALID_AMOUNT" } else { "INVALID_FIELD" };
            let credit = newcomer.borrower.credit(newcomer.customer, amount);
            let applicant = &newcomer.borrower.actor;
            cases.push(case(&what("apply"), applicant, credit, "INVALID_AMOUNT", &[&"requested", &amount, &"GHS"]));
            cases.push(case(&what("look"), &person.actor, detail, "INVALID_AMOUNT", &[&"amount", &amount, &"GHS"]));
            cases.push(case(&what("borrow"), &person.actor, application, application_code, &[&"amount", &"example"]));
            for kind in KINDS {
                let quote = CalculateRepaymentPosting { customer, loan, kind, amount: Some(amount), as_of: None };
                let order = person.repayment(customer, loan, kind, Some(amount));
                let says: [&dyn ToString; 2] = [&"amount", &"in whole minor units of GHS"];
                cases.push(case(&what(&format!("try {kind:?}")), &person.actor, quote, "INVALID_FIELD", &says));
                cases.push(case(&what(&format!("repay {kind:?}")), &person.actor, order, "INVALID_FIELD", &says));
            }
            cases.push(case(&what("fund"), "staff:finance", arrival(amount), "INVALID_AMOUNT", &[&amount, &"example"]));
            if !amount.is_positive() || amount.currency() != Currency::GHS {
                cases.push(case(&what("agree"), "staff:setup", agreement(amount), "INVALID_FIELD", &[&"quota"]));
            }
        }
        assert_refused(stage, cases);
    });
}

fn decision(payment: PaymentId, amount: Money, channel_reference: &str) -> DecidePayment {
    let (channel_reference, note) = (Some(channel_reference.to_owned()), "the channel's statement".to_owned());
    DecidePayment { payment, paid: true, amount: Some(amount), channel_reference, paid_at: None, note }
}

fn entry(amount: Money, date: Date) -> PostAccountingEntry {
    let lines = vec![TransferLine { debit: "5300".to_owned(), credit: "1150".to_owned(), amount }];
    PostAccountingEntry { lines, text: "bank charges".to_owned(), date }
}

fn amendment(quota: Money, valid_from: Date) -> AmendFundingContract {
    AmendFundingContract {
        code: "own-funds".to_owned(),
        valid_from,
        valid_until: None,
        cost: Rate::from_bps(1_000),
        quota,
        products: Vec::new(),
        channels: Vec::new(),
    }
}

/// What finance people name amounts in, of money that was lent, kept apart or went out without a loan: `payout`.
fn of_finance(name: &str, amount: Money, paid: &DisbursementSucceeded, funder: &str, payout: &str) -> Vec<Case> {
    const FINANCE: &str = "staff:finance";
    let what = |command: &str| format!("{command}: {name}");
    let bank_reference = || "GCB-2026-000124".to_owned();
    let back = ReturnFunds { funder: funder.to_owned(), amount, bank_reference: bank_reference() };
    let credit = ResolveSuspense {
        funder: funder.to_owned(),
        amount,
        receipt: None,
        credit_of: Some(paid.loan),
        loan: None,
        order: None,
        paid_at: None,
        reference: bank_reference(),
    };
    let recovery = RecoverStrayPayout { payout: payout.to_owned(), amount, bank_reference: bank_reference() };
    let (reference, note) = ("DEC-1".to_owned(), "the bank kept its charge".to_owned());
    let loss = WriteOffStrayPayout { payout: payout.to_owned(), amount, reference, note };
    let besides = decision(paid.payment.unwrap(), amount, "momo-third");
    let whole: [&dyn ToString; 2] = [&"amount", &"in whole minor units of GHS"];
    vec![
        case(&what("return"), FINANCE, back, "INVALID_AMOUNT", &[&amount, &"example"]),
        case(&what("give back"), FINANCE, credit, "INVALID_AMOUNT", &[&amount, &"example"]),
        case(&what("recover"), FINANCE, recovery, "INVALID_AMOUNT", &[&amount, &"example"]),
        case(&what("write off"), FINANCE, loss, "INVALID_AMOUNT", &[&amount, &"example"]),
        case(&what("decide"), FINANCE, besides, "INVALID_FIELD", &whole),
    ]
}

#[test]
fn staff_name_no_amount_that_is_none() {
    Stage::each(|stage| {
        let life = stage.borrower(28);
        stage.loan(&life, "gh-installment", cedis(1_000));
        let paid = stage.heard::<DisbursementSucceeded>().remove(0);
        let payment = paid.payment.unwrap();
        stage.ask_directly("staff:finance", decision(payment, cedis(10), "momo-again")).unwrap();
        let payout = format!("{payment}/momo-again");
        let funder = account_of(stage, |account| account.id == paid.fund_account).code;
        let newest = QueryProductVersion { product: "gh-installment".to_owned(), version: None };
        let terms = stage.ask_directly("staff:setup", newest).unwrap();
        let today = stage.writer.today();
        let mut cases: Vec<Case> = Vec::new();
        for (name, amount) in never() {
            let what = |command: &str| format!("{command}: {name}");
            cases.extend(of_finance(name, amount, &paid, &funder, &payout));
            let purpose = PaymentPurpose {
                loan: paid.loan,
                customer: life.customer,
                disbursement: None,
                repayment: None,
                fund_account: None,
                reservation: None,
            };
            let (direction, account) = (PaymentDirection::Collection, life.borrower.wallet());
            let asked = InitiatePayment { direction, purpose, amount, account };
            cases.push(case(&what("collect"), "staff:finance", asked, "INVALID_AMOUNT", &[&amount, &"example"]));
            let next = ProductTerms { version: terms.version + 1, amount_min: amount, ..terms.clone() };
            let next = PublishProductVersion { terms: next, funders: Vec::new() };
            let says: [&dyn ToString; 2] = [&"amountMin", &"in whole minor units"];
            cases.push(case(&what("publish"), "staff:setup", next, "INVALID_FIELD", &says));
            // The ledger keeps other currencies too.
            if amount.currency() == Currency::GHS {
                let posted = entry(amount, today);
                cases.push(case(&what("post"), "staff:finance", posted, "INVALID_AMOUNT", &[&amount, &"example"]));
            }
            if !amount.is_positive() || amount.currency() != Currency::GHS {
                let amended = amendment(amount, today);
                cases.push(case(&what("amend"), "staff:setup", amended, "INVALID_FIELD", &[&"quota"]));
            }
        }
        for date in [today.tomorrow().unwrap(), Date::constant(2020, 1, 1), Date::MAX] {
            let posted = entry(cedis(1), date);
            cases.push(case(&format!("post on {date}"), "staff:finance", posted, "INVALID_FIELD", &[&"date", &today]));
        }
        assert_refused(stage, cases);
    });
}

#[test]
fn a_cent_and_the_largest_amount_are_refused_where_they_are_out_of_range() {
    Stage::each(|stage| {
        let life = stage.borrower(23);
        let loan = stage.loan(&life, "gh-installment", cedis(1_000));
        let offer = stage.offer(&life, "gh-installment");
        let (person, customer) = (&life.borrower, life.customer);
        let mut cases: Vec<Case> = Vec::new();
        for amount in [cent(), largest()] {
            let what = |command: &str| format!("{command}: {amount}");
            let detail = Some(OfferDetailRequest { offer: offer.offer, amount, term: 6 });
            let detail = QueryProductOffer { customer, preview: false, detail };
            let application = person.application(customer, &offer, amount);
            let range: [&dyn ToString; 3] = [&offer.offer, &offer.amount_min, &offer.amount_max];
            cases.push(case(&what("look"), &person.actor, detail, "AMOUNT_OUT_OF_RANGE", &range));
            cases.push(case(&what("borrow"), &person.actor, application, "AMOUNT_OUT_OF_RANGE", &range));
        }
        for kind in [RepaymentKind::EarlySettlement, RepaymentKind::Cancel] {
            let order = person.repayment(customer, loan, kind, Some(cent()));
            let says: [&dyn ToString; 2] = [&loan, &cent()];
            cases.push(case(&format!("{kind:?} with a cent"), &person.actor, order, "AMOUNT_BELOW_SETTLEMENT", &says));
        }
        let order = person.repayment(customer, loan, RepaymentKind::Normal, Some(largest()));
        cases.push(case("repay the largest", &person.actor, order, "INVALID_FIELD", &[&"amount", &loan, &"at most"]));
        cases.push(case("fund the largest", "staff:finance", arrival(largest()), "INVALID_AMOUNT", &[&"hold"]));
        assert_refused(stage, cases);
    });
}

#[test]
fn trials_of_the_largest_amount_stop_nobody_else() {
    Stage::each(|stage| {
        let (reckless, sober) = (stage.borrower(24), stage.borrower(25));
        let far_too_much = stage.loan(&reckless, "gh-installment", cedis(1_000));
        let loan = stage.loan(&sober, "gh-installment", cedis(1_000));
        let trial = |life: &Life, loan, amount| CalculateRepaymentPosting {
            customer: life.customer,
            loan,
            kind: RepaymentKind::Normal,
            amount: Some(amount),
            as_of: None,
        };
        for _ in 0..3 {
            let quote = stage.ask(&reckless.borrower.actor, trial(&reckless, far_too_much, largest())).unwrap();
            assert_eq!(quote.amount, largest(), "what is not owed is the customer's credit balance");
        }
        let quote = stage.ask(&sober.borrower.actor, trial(&sober, loan, cedis(50))).unwrap();
        assert!(quote.parts.surplus.is_zero());
        stage.order(&sober, sober.borrower.repayment(sober.customer, loan, RepaymentKind::Normal, Some(cent())));
        stage.settle();
        let repaid = stage.heard::<sycee_contract::RepaymentSucceeded>().remove(0);
        assert_eq!((repaid.amount, repaid.parts.surplus.is_zero()), (cent(), true));
    });
}

#[test]
fn a_credit_line_of_a_cent_is_not_granted_and_one_beyond_measure_is_capped() {
    for (nr, requested, granted) in [(26, cent(), None), (27, largest(), Some(cedis(20_000)))] {
        Stage::each(|stage| {
            let life = newcomer(stage, nr);
            stage.ask(&life.borrower.actor, life.borrower.credit(life.customer, requested)).unwrap();
            let approved = stage.heard::<sycee_contract::CreditLineApproved>();
            assert_eq!(approved.first().map(|line| line.limit), granted);
        });
    }
}
