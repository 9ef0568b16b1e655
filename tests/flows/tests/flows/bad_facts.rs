//! Facts that do not fit: they always commit, change no loan, no line and no funder's money, and people are told.

use crate::oracles::assert_oracles;
use sycee_asset::{LoanInstallments, LoanNote};
use sycee_contract::{
    ChannelOutcome, ExternalRepaymentNotified, Identifier, KycCaseId, KycCompleted, LoanId, PartnerId, RecordKycResult,
    RecordPartnerDisbursement, RecordPaymentResult, RepaymentKind, RepaymentSucceeded, WorkOrderCreated,
};
use sycee_credit::credit_limit_center::CreditLine;
use sycee_funds::fund_management_system::FundAccount;
use sycee_money::{Currency, Money};
use sycee_runtime::{Entity, Stimulus};
use sycee_stage::{Stage, cedis};
use sycee_transaction::loan_engine::LoanOrder;

fn all<E: Entity>(stage: &mut Stage) -> String {
    let mut shown = String::new();
    let each = &mut |entity: &E| {
        shown.push_str(&format!("{entity:?}\n"));
        Ok(())
    };
    stage.writer.scan::<E>(each).unwrap();
    shown
}

/// Money of funders that is held in suspense, and their accounts without what came in.
fn funders(stage: &mut Stage) -> (Money, String) {
    let (mut suspense, mut rest) = (cedis(0), String::new());
    let each = &mut |account: &FundAccount| {
        suspense = suspense.checked_add(account.suspense).unwrap();
        let FundAccount { id, arrived, available, frozen, in_transit, paid_out, refunded, .. } = account;
        let balances = [arrived, available, frozen, in_transit, paid_out, refunded];
        rest.push_str(&format!("{id} {balances:?}\n"));
        Ok(())
    };
    stage.writer.scan::<FundAccount>(each).unwrap();
    (suspense, rest)
}

/// Loans, credit lines and funders' money but for suspense: what no bad fact may change.
fn what_matters(stage: &mut Stage) -> [String; 5] {
    stage.writer.sync().unwrap();
    [
        all::<LoanNote>(stage),
        all::<LoanInstallments>(stage),
        all::<LoanOrder>(stage),
        all::<CreditLine>(stage),
        funders(stage).1,
    ]
}

fn result(request_id: &str, amount: Money) -> RecordPaymentResult {
    RecordPaymentResult {
        request_id: request_id.to_owned(),
        channel_reference: format!("mtn-{request_id}"),
        outcome: ChannelOutcome::Successful,
        reason: None,
        amount: Some(amount),
        paid_at: None,
    }
}

fn notice(reference: &str, loan: Option<LoanId>, amount: Money) -> ExternalRepaymentNotified {
    ExternalRepaymentNotified {
        reference: reference.to_owned(),
        funder: None,
        order: None,
        loan,
        amount,
        paid_at: None,
    }
}

#[test]
fn facts_about_nothing_change_nothing_and_call_people() {
    Stage::each(|stage| {
        let life = stage.borrower(41);
        let loan = stage.loan(&life, "gh-installment", cedis(1_000));
        let nobodys = LoanId::from_number(987_654);
        let dollars = Money::from_minor(10_000, Currency::USD).unwrap();
        let largest = Money::from_units(i64::MAX / 100 * 100, Currency::GHS);
        let fact = |what: &'static str, stimulus: Stimulus| (what, stimulus);
        let event = |event| Stimulus::event("partner", event).through("partner-hub");
        let disbursement = RecordPartnerDisbursement {
            order: sycee_contract::DisbursementOrderId::from_number(987_654),
            partner: PartnerId::from_number(3),
            partner_reference: "par-3-00000001".to_owned(),
            outcome: ChannelOutcome::Successful,
            reason: None,
            amount: None,
        };
        let facts = [
            fact("unknown request", Stimulus::command("channel", result("pay-987654", cedis(1)))),
            fact("no request at all", Stimulus::command("channel", result("'; drop table loan_note", cedis(1)))),
            fact("unknown payout", Stimulus::command("partner", disbursement)),
            fact("money for no loan", event(notice("ref-1", None, cedis(10)))),
            fact("money for an unknown loan", event(notice("ref-2", Some(nobodys), cedis(10)))),
            fact("no money", event(notice("ref-3", Some(loan), cedis(0)))),
            fact("less than no money", event(notice("ref-4", Some(loan), cedis(-10)))),
            fact("dollars", event(notice("ref-5", Some(loan), dollars))),
            fact("a part of a cent", event(notice("ref-6", Some(loan), Money::from_units(1, Currency::GHS)))),
            fact("more than the books can hold", event(notice("ref-7", Some(loan), largest))),
        ];
        let before = what_matters(stage);
        for (what, stimulus) in facts {
            stage.run(stimulus.clone());
            assert_eq!(stage.heard::<WorkOrderCreated>().len(), 1, "{what}: people are called");
            assert!(what_matters(stage) == before, "{what}: something changed");
            stage.run(stimulus);
            assert!(stage.heard::<WorkOrderCreated>().is_empty(), "{what}: people are called once");
            assert!(what_matters(stage) == before, "{what}: the second time changed something");
        }
        assert_eq!(funders(stage).0, cedis(20), "money that the books can give back waits there for its owner");
        assert_oracles(stage);
    });
}

#[test]
fn an_identity_result_for_no_case_changes_nothing() {
    Stage::each(|stage| {
        let before = what_matters(stage);
        let stray = RecordKycResult {
            case: KycCaseId::from_number(987_654),
            ocr_confidence_bps: 9_900,
            liveness_score_bps: 9_900,
            register_match: true,
            provider_reference: "idp-1".to_owned(),
        };
        stage.run(Stimulus::command("identity-provider", stray));
        let kinds: Vec<_> = stage.heard::<WorkOrderCreated>().into_iter().map(|order| order.kind).collect();
        assert_eq!(kinds, ["unknown-kyc-case"]);
        assert!(stage.heard::<KycCompleted>().is_empty());
        assert!(what_matters(stage) == before);
    });
}

#[test]
fn a_payer_who_sends_another_currency_or_twice_confuses_no_loan() {
    Stage::each(|stage| {
        let life = stage.borrower(42);
        let loan = stage.loan(&life, "gh-installment", cedis(1_000));
        let order = life.borrower.repayment(life.customer, loan, RepaymentKind::Normal, Some(cedis(100)));
        stage.order(&life, order);
        let payment = stage.heard::<sycee_contract::RepaymentMethodCreated>().remove(0).payment.unwrap();
        let before = what_matters(stage);
        let dollars = Money::from_minor(10_000, Currency::USD).unwrap();
        stage.run(Stimulus::command("channel", result(&payment.to_string(), dollars)));
        assert!(!stage.heard::<WorkOrderCreated>().is_empty(), "dollars: people are called");
        assert!(what_matters(stage) == before, "dollars: something changed");
        assert_oracles(stage);

        let order = life.borrower.repayment(life.customer, loan, RepaymentKind::Normal, Some(cedis(100)));
        stage.order(&life, order);
        stage.settle();
        let heard = stage.heard::<RepaymentSucceeded>().len();
        assert_eq!(heard, 2, "this payment, and the true report of the one that was told in dollars");
        let before = what_matters(stage);
        let funder = PartnerId::from_number(0);
        for _ in 0..2 {
            let again = ExternalRepaymentNotified { funder: Some(funder), ..notice("ref-9", Some(loan), cedis(20)) };
            stage.run(Stimulus::event("partner", again).through("partner-hub"));
        }
        assert_eq!(stage.heard::<RepaymentSucceeded>().len(), 0, "the same reference counts once");
        assert!(what_matters(stage) != before);
        assert_oracles(stage);
    });
}
