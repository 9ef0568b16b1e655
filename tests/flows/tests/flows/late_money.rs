//! Money whose news comes late, twice, or after the contrary: the books and the loan end as if it had come in time.

use crate::oracles::assert_oracles;
use crate::suspense::account_of;
use sycee_contract::{
    AccountingEntryPosted, ChannelOutcome, ChannelPayment, ConfirmFundArrival, CreateRepaymentOrder, DecidePayment,
    DisbursementSucceeded, ExternalRepaymentNotified, InstallmentDueNotice, LoanApplicationApproved, LoanId, PaymentId,
    RecordPaymentResult, RecoverStrayPayout, RepaymentKind, RepaymentMethodCreated, RepaymentSucceeded, RetryEffect,
    ReturnFunds, Sensitive, SignLoanContract, Timestamp, WorkOrderCreated, WriteOffStrayPayout,
};
use sycee_funds::fund_management_system::FundAccount;
use sycee_money::Money;
use sycee_runtime::Stimulus;
use sycee_stage::{Life, Stage, cedis};

/// The channels never get what was caused since the last settling: the connection is dead.
fn lose_effects(stage: &mut Stage) -> Vec<String> {
    stage.writer.sync().unwrap();
    let lost = stage.writer.take_effects();
    for effect in &lost {
        stage.writer.effect_done(effect.id).unwrap();
    }
    lost.iter().filter_map(|effect| effect.get::<ChannelPayment>()).map(|it| it.request_id.clone()).collect()
}

fn tell(
    stage: &mut Stage,
    request_id: &str,
    outcome: ChannelOutcome,
    amount: Option<Money>,
    paid_at: Option<Timestamp>,
) {
    stage.run(Stimulus::command("channel", result(request_id, outcome, amount, paid_at)));
}

fn result(
    request_id: &str,
    outcome: ChannelOutcome,
    amount: Option<Money>,
    paid_at: Option<Timestamp>,
) -> RecordPaymentResult {
    RecordPaymentResult {
        request_id: request_id.to_owned(),
        channel_reference: format!("momo-{request_id}"),
        outcome,
        reason: (outcome == ChannelOutcome::Failed).then(|| "INTERNAL_PROCESSING_ERROR".to_owned()),
        amount,
        paid_at,
    }
}

fn order(stage: &mut Stage, life: &Life, order: CreateRepaymentOrder) -> (Money, PaymentId) {
    let amount = stage.order(life, order).amount;
    (amount, stage.heard::<RepaymentMethodCreated>().remove(0).payment.unwrap())
}

#[test]
fn what_was_paid_in_time_settles_or_cancels_when_it_is_heard_days_later() {
    for (kind, days) in [(RepaymentKind::Cancel, 2), (RepaymentKind::EarlySettlement, 10)] {
        Stage::each(|stage| {
            let life = stage.borrower(61);
            let loan = stage.loan(&life, "gh-installment", cedis(1_000));
            for _ in 0..days {
                stage.next_day();
            }
            let (amount, payment) = order(stage, &life, life.borrower.repayment(life.customer, loan, kind, None));
            let paid_at = stage.writer.now().plus_seconds(3_600);
            lose_effects(stage);
            for _ in 0..8 {
                stage.next_day();
            }
            tell(stage, &payment.to_string(), ChannelOutcome::Successful, Some(amount), Some(paid_at));
            let repaid = stage.heard::<RepaymentSucceeded>().remove(0);
            assert_eq!((repaid.kind, repaid.settled, repaid.amount), (kind, true, amount));
            assert!(repaid.parts.surplus.is_zero());
            assert_oracles(stage);
        });
    }
}

#[test]
fn what_was_paid_in_time_settles_when_people_decide_days_later_and_is_booked_once() {
    Stage::each(|stage| {
        let life = stage.borrower(67);
        let loan = stage.loan(&life, "gh-installment", cedis(1_000));
        stage.next_day();
        let wanted = life.borrower.repayment(life.customer, loan, RepaymentKind::EarlySettlement, None);
        let (amount, payment) = order(stage, &life, wanted);
        let paid_at = Some(stage.writer.now().plus_seconds(3_600));
        lose_effects(stage);
        for _ in 0..8 {
            stage.next_day();
        }
        let (channel_reference, note) = (Some("momo-77".to_owned()), "the channel's statement".to_owned());
        let decision = DecidePayment { payment, paid: true, amount: None, channel_reference, paid_at, note };
        stage.ask_directly("staff:finance", decision).unwrap();
        let repaid = stage.heard::<RepaymentSucceeded>().remove(0);
        assert_eq!((repaid.kind, repaid.settled, repaid.amount), (RepaymentKind::EarlySettlement, true, amount));
        assert!(repaid.parts.surplus.is_zero());
        assert_oracles(stage);
        let (reference, paid_at) = ("momo-77".to_owned(), None);
        let notice =
            ExternalRepaymentNotified { reference, funder: None, order: None, loan: Some(loan), amount, paid_at };
        stage.happens("bank", notice);
        assert!(stage.heard::<RepaymentSucceeded>().is_empty() && stage.heard::<WorkOrderCreated>().is_empty());
        assert_oracles(stage);
    });
}

#[test]
fn a_payout_that_people_decided_is_not_sent_again() {
    Stage::each(|stage| {
        let life = stage.borrower(69);
        let offer = stage.offer(&life, "gh-installment");
        let (loan, contract) = stage.approved(&life, &offer, cedis(1_000));
        sign(stage, &life, loan, contract.hash);
        stage.writer.sync().unwrap();
        let effect = stage.writer.take_effects().remove(0);
        let payment = effect.get::<ChannelPayment>().unwrap().payment;
        stage.writer.effect_failed(&effect, 1, "no route to the channel").unwrap();
        let (paid, note) = (false, "the channel never got it".to_owned());
        let decision = DecidePayment { payment, paid, amount: None, channel_reference: None, paid_at: None, note };
        stage.ask_directly("staff:finance", decision).unwrap();
        lose_effects(stage);
        let again = RetryEffect { effect: effect.id, note: "the route is back".to_owned() };
        let refused = stage.ask_directly("staff:operations", again).unwrap_err();
        assert_eq!(refused.code, "UNEXPECTED_STATE");
        assert!(refused.message.contains("decided by people"), "{}", refused.message);
        assert!(lose_effects(stage).is_empty());
    });
}

#[test]
fn what_our_bank_tells_before_the_channel_is_booked_once() {
    Stage::each(|stage| {
        let life = stage.borrower(68);
        let loan = stage.loan(&life, "gh-installment", cedis(1_000));
        let wanted = life.borrower.repayment(life.customer, loan, RepaymentKind::Normal, Some(cedis(100)));
        let (amount, payment) = order(stage, &life, wanted);
        lose_effects(stage);
        let (reference, paid_at) = (format!("momo-{payment}"), None);
        let notice =
            ExternalRepaymentNotified { reference, funder: None, order: None, loan: Some(loan), amount, paid_at };
        stage.happens("bank", notice);
        assert_eq!(stage.heard::<RepaymentSucceeded>().len(), 1);
        tell(stage, &payment.to_string(), ChannelOutcome::Successful, Some(amount), None);
        assert!(stage.heard::<RepaymentSucceeded>().is_empty() && stage.heard::<WorkOrderCreated>().is_empty());
        assert_oracles(stage);
    });
}

#[test]
fn a_cancellation_that_our_bank_tells_before_the_channel_is_one() {
    Stage::each(|stage| {
        let life = stage.borrower(74);
        let loan = stage.loan(&life, "gh-installment", cedis(1_000));
        let wanted = life.borrower.repayment(life.customer, loan, RepaymentKind::Cancel, None);
        let (amount, payment) = order(stage, &life, wanted);
        lose_effects(stage);
        let (reference, paid_at) = (format!("momo-{payment}"), None);
        let notice =
            ExternalRepaymentNotified { reference, funder: None, order: None, loan: Some(loan), amount, paid_at };
        stage.happens("bank", notice);
        let repaid = stage.heard::<RepaymentSucceeded>().remove(0);
        assert_eq!((repaid.kind, repaid.settled, repaid.amount), (RepaymentKind::Cancel, true, amount));
        tell(stage, &payment.to_string(), ChannelOutcome::Successful, Some(amount), None);
        assert!(stage.heard::<RepaymentSucceeded>().is_empty() && stage.heard::<WorkOrderCreated>().is_empty());
        assert_oracles(stage);
    });
}

#[test]
fn what_was_paid_on_its_due_date_is_in_time_when_it_is_heard_days_later() {
    Stage::each(|stage| {
        let life = stage.borrower(75);
        let loan = stage.loan(&life, "gh-cash", cedis(200));
        for _ in 0..20 {
            if stage.heard::<InstallmentDueNotice>().iter().any(|notice| notice.in_days == 0) {
                break;
            }
            stage.next_day();
        }
        let wanted = life.borrower.repayment(life.customer, loan, RepaymentKind::Normal, None);
        let (amount, payment) = order(stage, &life, wanted);
        let paid_at = stage.writer.now().plus_seconds(3_600);
        lose_effects(stage);
        for _ in 0..4 {
            stage.next_day();
        }
        let charged = |entry: &AccountingEntryPosted| entry.template == "penalty-accrued";
        assert_eq!(stage.heard::<AccountingEntryPosted>().into_iter().filter(charged).count(), 2);
        tell(stage, &payment.to_string(), ChannelOutcome::Successful, Some(amount), Some(paid_at));
        let repaid = stage.heard::<RepaymentSucceeded>().remove(0);
        assert_eq!((repaid.settled, repaid.amount, repaid.worst_days_past_due), (true, amount, 0));
        assert!(repaid.parts.penalty.is_zero() && repaid.parts.surplus.is_zero(), "{:?}", repaid.parts);
        assert_oracles(stage);
    });
}

#[test]
fn a_normal_payment_that_settles_leaves_the_interest_of_the_future() {
    Stage::each(|stage| {
        let life = stage.borrower(62);
        let loan = stage.loan(&life, "gh-installment", cedis(1_000));
        for _ in 0..10 {
            stage.next_day();
        }
        let paid = life.borrower.repayment(life.customer, loan, RepaymentKind::Normal, Some(cedis(1_200)));
        stage.order(&life, paid);
        stage.settle();
        let repaid = stage.heard::<RepaymentSucceeded>().remove(0);
        assert!(repaid.settled && repaid.parts.surplus.compare(cedis(180)).unwrap().is_gt(), "{:?}", repaid.parts);
        assert_oracles(stage);
        stage.order(&life, life.borrower.repayment(life.customer, loan, RepaymentKind::Normal, Some(cedis(100))));
        stage.settle();
        assert_eq!(stage.heard::<RepaymentSucceeded>().remove(0).parts.surplus, cedis(100), "a credit balance");
        assert_oracles(stage);
    });
}

#[test]
fn a_code_that_is_paid_twice_pays_the_loan_twice() {
    Stage::each(|stage| {
        let life = stage.borrower(63);
        let loan = stage.loan(&life, "gh-installment", cedis(1_000));
        let wanted = life.borrower.repayment(life.customer, loan, RepaymentKind::Normal, Some(cedis(100)));
        let (amount, payment) = order(stage, &life, wanted);
        lose_effects(stage);
        let again = |reference: &str| {
            let told = RecordPaymentResult {
                request_id: payment.to_string(),
                channel_reference: reference.to_owned(),
                outcome: ChannelOutcome::Successful,
                reason: None,
                amount: Some(amount),
                paid_at: None,
            };
            Stimulus::command("channel", told)
        };
        for (reference, new) in [("000123", 1), ("000123", 0), ("000124", 1), ("000124", 0)] {
            stage.run(again(reference));
            assert_eq!(stage.heard::<RepaymentSucceeded>().len(), new, "{reference}");
        }
        assert_oracles(stage);
    });
}

fn sign(stage: &mut Stage, life: &Life, loan: LoanId, document_hash: String) {
    let challenge = Some(stage.confirm(life, loan, &document_hash));
    let sign = SignLoanContract { loan, customer: life.customer, document_hash, challenge };
    stage.ask(&life.borrower.actor, sign).unwrap();
}

/// A signed loan whose payout the channel has not got.
fn signed(stage: &mut Stage, life: &Life) -> (LoanId, String) {
    let offer = stage.offer(life, "gh-installment");
    let (loan, contract) = stage.approved(life, &offer, cedis(1_000));
    sign(stage, life, loan, contract.hash);
    (loan, lose_effects(stage).remove(0))
}

#[test]
fn a_payout_after_a_failure_is_in_the_books() {
    Stage::each(|stage| {
        let life = stage.borrower(64);
        let (loan, payment) = signed(stage, &life);
        tell(stage, &payment, ChannelOutcome::Failed, None, None);
        stage.settle();
        stage.wait(7 * 3_600);
        assert_eq!(stage.heard::<DisbursementSucceeded>().last().unwrap().loan, loan, "another route paid");
        for new in [1, 0] {
            tell(stage, &payment, ChannelOutcome::Successful, None, None);
            let called = stage.heard::<WorkOrderCreated>();
            assert_eq!(called.len(), new);
            assert!(called.iter().all(|it| it.kind == "late-payout" && it.loan == Some(loan)));
        }
        let mut recoverable = cedis(0);
        let add = &mut |account: &FundAccount| {
            recoverable = recoverable.checked_add(account.recoverable).unwrap();
            Ok(())
        };
        stage.writer.sync().unwrap();
        stage.writer.scan::<FundAccount>(add).unwrap();
        assert_eq!(recoverable, cedis(970));
        assert_oracles(stage);
    });
}

#[test]
fn a_second_payout_that_no_money_covers_is_booked_when_money_comes_and_comes_back_or_is_lost() {
    Stage::each(|stage| {
        let life = stage.borrower(76);
        let (_, payment) = signed(stage, &life);
        tell(stage, &payment, ChannelOutcome::Successful, None, None);
        let paid_by = stage.heard::<DisbursementSucceeded>()[0].fund_account;
        let account = |stage: &mut Stage| account_of(stage, |it| it.id == paid_by);
        let FundAccount { code: funder, available: amount, .. } = account(stage);
        let all = ReturnFunds { funder: funder.clone(), amount, bank_reference: "all-1".to_owned() };
        stage.ask_directly("staff:finance", all).unwrap();
        let again = RecordPaymentResult {
            channel_reference: "momo-again".to_owned(),
            ..result(&payment, ChannelOutcome::Successful, None, None)
        };
        stage.run(Stimulus::command("channel", again));
        let payout = format!("{payment}/momo-again");
        let back = |amount, reference: &str| RecoverStrayPayout {
            payout: payout.clone(),
            amount: cedis(amount),
            bank_reference: reference.to_owned(),
        };
        let holds = |stage: &mut Stage, available, recoverable, uncovered| {
            let kept = account(stage);
            let figures = [available, recoverable, uncovered].map(cedis);
            assert_eq!([kept.available, kept.recoverable, kept.uncovered], figures);
            assert_oracles(stage);
        };
        holds(stage, 0, 0, 970);
        stage.ask_directly("staff:finance", back(300, "back-1")).unwrap();
        holds(stage, 0, 0, 670);
        let more = ConfirmFundArrival { funder, amount: cedis(1_000), bank_reference: "more-1".to_owned() };
        stage.ask_directly("staff:finance", more).unwrap();
        holds(stage, 330, 670, 0);
        stage.ask_directly("staff:finance", back(650, "back-2")).unwrap();
        holds(stage, 980, 20, 0);
        let lost = WriteOffStrayPayout {
            payout: payout.clone(),
            amount: cedis(20),
            reference: "lost-1".to_owned(),
            note: "the bank kept its charge".to_owned(),
        };
        stage.ask_directly("staff:finance", lost).unwrap();
        holds(stage, 980, 0, 0);
        stage.ask_directly("staff:finance", back(20, "back-3")).unwrap();
        holds(stage, 1_000, 0, 0);
    });
}

#[test]
fn a_payout_of_a_wrong_amount_is_decided_by_the_right_one() {
    Stage::each(|stage| {
        let life = stage.borrower(65);
        let (loan, payment) = signed(stage, &life);
        tell(stage, &payment, ChannelOutcome::Successful, Some(cedis(969)), None);
        assert!(stage.heard::<DisbursementSucceeded>().is_empty());
        assert_oracles(stage);
        tell(stage, &payment, ChannelOutcome::Successful, Some(cedis(970)), None);
        assert_eq!(stage.heard::<DisbursementSucceeded>()[0].loan, loan);
        assert_oracles(stage);
    });
}

#[test]
fn a_funder_whose_answer_is_lost_is_asked() {
    Stage::each(|stage| {
        let life = stage.borrower(66);
        for funder in ["own-funds", "volta-capital"] {
            stage.set_route(funder, false);
        }
        let offer = stage.offer(&life, "gh-installment");
        let mut application = life.borrower.application(life.customer, &offer, cedis(1_000));
        application.payout_account.number = Sensitive::new("+233240009908");
        application.direct_debit = true;
        let loan = stage.ask(&life.borrower.actor, application).unwrap().loan;
        let document_hash = stage.heard::<LoanApplicationApproved>().remove(0).contract.hash;
        sign(stage, &life, loan, document_hash);
        stage.settle();
        assert!(stage.heard::<DisbursementSucceeded>().is_empty(), "the answer is lost");
        assert_oracles(stage);
        stage.wait(20 * 60);
        let paid = stage.heard::<DisbursementSucceeded>();
        assert_eq!((paid.len(), paid[0].loan, paid[0].payment), (1, loan, None));
        assert_oracles(stage);
    });
}

#[test]
fn a_payout_whose_outcome_is_known_is_not_sent_once_more() {
    for outcome in [ChannelOutcome::Successful, ChannelOutcome::Failed] {
        Stage::each(|stage| {
            let life = stage.borrower(70);
            let offer = stage.offer(&life, "gh-installment");
            let (loan, contract) = stage.approved(&life, &offer, cedis(1_000));
            sign(stage, &life, loan, contract.hash);
            stage.writer.sync().unwrap();
            let effect = stage.writer.take_effects().remove(0);
            let request = effect.get::<ChannelPayment>().unwrap().request_id.clone();
            // The channel took it, its answer was lost, and a poll found what became of it.
            stage.writer.effect_failed(&effect, 24, "no answer").unwrap();
            let trace = effect.trace;
            let done =
                stage.writer.execute(Stimulus::command("channel", result(&request, outcome, None, None))).unwrap();
            assert_eq!(done.trace, trace, "what the channel says belongs to the request that asked it");
            assert!(!stage.writer.effect_stands(effect.id).unwrap(), "{outcome:?}");
            let again = RetryEffect { effect: effect.id, note: "the route is back".to_owned() };
            let refused = stage.ask_directly("staff:operations", again).unwrap_err();
            assert_eq!(refused.code, "UNEXPECTED_STATE");
            assert!(refused.message.contains("is known"), "{}", refused.message);
        });
    }
}
