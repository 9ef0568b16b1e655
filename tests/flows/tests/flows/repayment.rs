//! Flow 6: due list, trials, orders, money in by our channel and at a partner, a loan cancelled.

use sycee_contract::{
    CalculateRepaymentPosting, LoanId, QueryAssetDueList, RepaymentKind, RepaymentMethodCreated, RepaymentSucceeded,
};
use sycee_runtime::Stimulus;
use sycee_stage::{Life, Stage, cedis};

use crate::conformance::{Reading, assert_flow, missing, of_loan, recorded};

const TRACE: i64 = 906;

/// The flow lists four sub-flows one after the other; alternatives within them do not follow each other.
const READING: Reading = Reading {
    flow: "repayment",
    follows: &[
        (
            "calculate-early-settlement-posting",
            "asset-due-list-queried",
            "a trial is one of three kinds, not all three",
        ),
        (
            "calculate-normal-repayment-posting",
            "asset-due-list-queried",
            "a trial is one of three kinds, not all three",
        ),
        (
            "calculate-loan-cancel-repayment",
            "calculate-cancel-repayment-posting",
            "the product's calculation belongs to the trial of its kind",
        ),
        (
            "calculate-early-settlement",
            "calculate-early-settlement-posting",
            "the product's calculation belongs to the trial of its kind",
        ),
        (
            "repayment-posting-calculated",
            "calculate-normal-repayment-posting",
            "a normal trial is answered without the product's calculation",
        ),
        (
            "repayment-posting-calculated-by-product",
            "repayment-plan-calculated",
            "a trial that the product calculates is answered after its calculation",
        ),
        ("create-repayment-order", "repayment-posting-calculated", "an order needs one trial, not one of each kind"),
        (
            "repayment-method-created-external",
            "request-partner-repayment",
            "the funder's own way to pay is the alternative to ours",
        ),
        (
            "repayment-method-created-payment",
            "create-repayment-method",
            "our way to pay is the alternative to the funder's own",
        ),
        (
            "external-repayment-notified",
            "repayment-method-created-external",
            "money at the funder follows the funder's way to pay",
        ),
    ],
    told: &[
        ("calculate-cancel-repayment-posting", "/kind", "cancel"),
        ("calculate-early-settlement-posting", "/kind", "early-settlement"),
        ("calculate-normal-repayment-posting", "/kind", "normal"),
        ("repayment-plan-calculated", "/settlement", "*"),
        ("repayment-posting-calculated", "/quote/kind", "normal"),
        ("repayment-posting-calculated-by-product", "/quote/kind", "early-settlement"),
        ("post-ledger-event", "/template", "repayment-received"),
    ],
};

/// What the flow has and a loan that our payment system collects has not, the cancelled loan's steps among it.
const NOT_BY_CHANNEL: [&str; 4] = [
    "calculate-cancel-repayment-posting",
    "calculate-loan-cancel-repayment",
    "repayment-method-created-external",
    "external-repayment-notified",
];

/// What the flow has and a loan that its funder collects has not.
const NOT_AT_PARTNER: [&str; 8] = [
    "calculate-cancel-repayment-posting",
    "calculate-early-settlement-posting",
    "calculate-loan-cancel-repayment",
    "calculate-early-settlement",
    "repayment-plan-calculated",
    "repayment-posting-calculated-by-product",
    "create-repayment-method",
    "repayment-method-created-payment",
];

pub fn trial(stage: &mut Stage, life: &Life, loan: LoanId, kind: RepaymentKind) {
    let list = stage.ask(&life.borrower.actor, QueryAssetDueList { customer: life.customer }).unwrap();
    assert!(list.loans.iter().any(|due| due.loan == loan));
    let asked = CalculateRepaymentPosting { customer: life.customer, loan, kind, amount: None, as_of: None };
    let quote = stage.ask(&life.borrower.actor, asked).unwrap();
    assert!(quote.amount.is_positive());
}

pub fn pay_by_channel(stage: &mut Stage, life: &Life, loan: LoanId, kind: RepaymentKind) -> RepaymentSucceeded {
    stage.order(life, life.borrower.repayment(life.customer, loan, kind, None));
    stage.settle();
    stage.heard::<RepaymentSucceeded>().remove(0)
}

pub fn pay_at_partner(stage: &mut Stage, life: &Life, loan: LoanId) -> RepaymentSucceeded {
    let order = life.borrower.repayment(life.customer, loan, RepaymentKind::Normal, None);
    let order = stage.order(life, order);
    let method = stage.heard::<RepaymentMethodCreated>().remove(0);
    assert_eq!((method.order, method.payment), (order.order, None), "the funder collects with its own system");
    let funder = stage.heard::<sycee_contract::RepaymentRouteSelected>().remove(0).funder;
    let notice = stage.outside.partner.collect(funder, loan, Some(order.order), order.amount);
    stage.run(Stimulus::event("partner", notice).through("partner-hub"));
    stage.heard::<RepaymentSucceeded>().remove(0)
}

#[test]
fn repayment_is_recorded_as_the_catalogue_has_it() {
    Stage::each(|stage| {
        let life = stage.borrower(6);
        let by_channel = stage.loan(&life, "gh-installment", cedis(1_000));
        stage.set_route("volta-capital", false);
        let at_partner = stage.loan(&life, "gh-installment", cedis(800));
        stage.next_day();
        stage.next_day();
        let cancelled = stage.loan(&life, "gh-equal-principal", cedis(500));

        stage.set_trace(Some(TRACE));
        trial(stage, &life, cancelled, RepaymentKind::Cancel);
        let repaid = pay_by_channel(stage, &life, cancelled, RepaymentKind::Cancel);
        assert!(repaid.settled && repaid.parts.interest.is_zero() && repaid.parts.fee_refund.is_positive());

        stage.set_trace(None);
        while stage.writer.today() < sycee_contract::Date::constant(2026, 2, 5) {
            stage.next_day();
        }
        stage.set_trace(Some(TRACE));
        trial(stage, &life, by_channel, RepaymentKind::EarlySettlement);
        for loan in [by_channel, at_partner] {
            trial(stage, &life, loan, RepaymentKind::Normal);
        }
        let repaid = pay_by_channel(stage, &life, by_channel, RepaymentKind::Normal);
        assert!(!repaid.settled && repaid.parts.interest.is_positive());
        let repaid = pay_at_partner(stage, &life, at_partner);
        assert!(!repaid.settled && repaid.parts.interest.is_positive());
        let settled = pay_by_channel(stage, &life, by_channel, RepaymentKind::EarlySettlement);
        assert!(settled.settled);

        let trace = recorded(stage, TRACE);
        assert_flow(&READING, &trace);
        let missing_of = |loan: LoanId| {
            let part = of_loan(&trace, &loan.to_string());
            let lines = missing(&READING, &part).into_iter();
            lines.map(|line| line.split(':').next().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(missing_of(by_channel), NOT_BY_CHANNEL);
        assert_eq!(missing_of(at_partner), NOT_AT_PARTNER);
    });
}
