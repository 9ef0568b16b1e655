//! Payments on their way out: payouts, repayment methods, mandates, alarms.

use sycee_contract::messages::{
    CancelDirectDebitMandate, CreateDirectDebitMandate, CreateRepaymentMethod, DirectDebitMandateCancelled,
    DirectDebitMandateCreated, DisbursementRequested, InitiatePayment, OpenWorkOrder, PaymentFailed,
    RecordPaymentResult, RepaymentMethodCreated, RepaymentOrderCreated, RequestDisbursement,
};
use sycee_contract::{
    ChannelOutcome, ChannelPayment, ChannelQuery, CustomerId, Date, DisbursementOrderId, FundAccountId, Identifier,
    InstallmentDue, LoanPosition, MandateId, PartnerId, PaymentDirection, PaymentId, PaymentPurpose, PayoutAccount,
    QueryLoanPosition, QueryPartner, Rejection, RepaymentKind, RepaymentMethodKind, RepaymentOrderId, Sensitive,
};
use sycee_funds::payment_system::content::payment_of_account;
use sycee_funds::payment_system::{
    DirectDebitMandate, DisbursementPayment, ExpectedCollection, PaymentOrder, PaymentStatus,
};
use sycee_money::Money;
use sycee_runtime::testing::Scene;

use crate::{
    LOAN, customer, disbursement, facts, ghs, loan, order_payout, paying, scene, unknown_reservation, wallet, with_hub,
};

pub fn payout(amount: Money) -> InitiatePayment {
    InitiatePayment {
        direction: PaymentDirection::Payout,
        purpose: facts::purpose(sycee_contract::FundAccountId::from_number(8), unknown_reservation()),
        amount,
        account: wallet("+233240000001"),
    }
}

pub fn order() -> RepaymentOrderId {
    RepaymentOrderId::from_number(1_000_900)
}

pub fn method(kind: RepaymentMethodKind, amount: Money) -> CreateRepaymentMethod {
    CreateRepaymentMethod { order: order(), loan: loan(0), customer: customer(), amount, method: kind, mandate: None }
}

pub fn told(payment: PaymentId, outcome: ChannelOutcome, amount: Option<Money>) -> RecordPaymentResult {
    RecordPaymentResult {
        request_id: payment.to_string(),
        channel_reference: "mtn-1".into(),
        outcome,
        reason: (outcome == ChannelOutcome::Failed).then(|| "PAYEE_NOT_FOUND".into()),
        amount,
        paid_at: None,
    }
}

/// Where loan 0 of our customer stands: with something left to pay, or settled.
fn position(runs: bool) -> LoanPosition {
    let zero = ghs(0);
    let due = InstallmentDue {
        nr: 1,
        due_date: Date::constant(2026, 2, 5),
        principal: ghs(110),
        interest: zero,
        fee: zero,
        penalty: zero,
        outstanding: ghs(110),
    };
    LoanPosition {
        loan: loan(0),
        customer: customer(),
        funder: PartnerId::from_number(3),
        fund_account: FundAccountId::from_number(8),
        product: "gh-cash".into(),
        allocation: Vec::new(),
        interest_receivable: zero,
        installments: if runs { vec![due] } else { Vec::new() },
    }
}

/// Loan 0 of our customer runs, and we collect it.
fn loan_runs(scene: &mut Scene) {
    scene.answers::<QueryLoanPosition>(|asked| {
        if asked.loan == loan(0) { Ok(position(true)) } else { Err(Rejection::not_found("loan note", asked.loan)) }
    });
    scene.answers::<QueryPartner>(|_| Ok(false));
}

/// A payout to a wallet is on its way.
fn sent_to(scene: &mut Scene, number: &str) -> PaymentId {
    order_payout(scene, &InitiatePayment { account: wallet(number), ..payout(ghs(300)) }).unwrap().payment
}

/// Staff ask a wallet for money of our customer's loan.
fn asked_from(scene: &mut Scene, number: &str) -> PaymentId {
    let InitiatePayment { purpose, amount, .. } = payout(ghs(300));
    let purpose = PaymentPurpose { disbursement: None, reservation: None, ..purpose };
    let direction = PaymentDirection::Collection;
    scene.request(InitiatePayment { direction, purpose, amount, account: wallet(number) }).unwrap().payment
}

fn mandate_on(number: &str) -> CreateDirectDebitMandate {
    CreateDirectDebitMandate { customer: customer(), loan: loan(0), account: wallet(number) }
}

/// The customer's wallet took a payout, and the loan runs: the mandate that the customer may give on it.
fn wanted_mandate(scene: &mut Scene) -> CreateDirectDebitMandate {
    loan_runs(scene);
    let payment = sent_to(scene, "+233240000002");
    scene.fact(told(payment, ChannelOutcome::Successful, Some(ghs(300))));
    mandate_on("+233240000002")
}

pub fn mandate(scene: &mut Scene) -> MandateId {
    let cmd = wanted_mandate(scene);
    scene.request(cmd).unwrap()
}

#[test]
fn a_payout_goes_to_its_channel_once_a_disbursement() {
    paying(|scene| {
        let answer = order_payout(scene, &payout(ghs(300))).unwrap();
        let effect = &scene.effects::<ChannelPayment>()[0];
        assert_eq!((effect.request_id.clone(), effect.payment), (answer.payment.to_string(), answer.payment));
        assert_eq!(
            (effect.direction, effect.amount, effect.under_mandate),
            (PaymentDirection::Payout, ghs(300), false)
        );
        assert_eq!(effect.account.number.reveal(), "+233240000001");

        assert_eq!(order_payout(scene, &payout(ghs(300))).unwrap(), answer);
        let cmd = payout(ghs(300));
        assert!(scene.effects::<ChannelPayment>().is_empty(), "the same attempt is never paid twice");
        let direct = RequestDisbursement { purpose: cmd.purpose, amount: cmd.amount, account: cmd.account };

        for (disbursement, reservation) in [(None, direct.purpose.reservation), (Some(disbursement()), None)] {
            let other = PaymentPurpose { disbursement, reservation, ..direct.purpose.clone() };
            let refused = scene.request(RequestDisbursement { purpose: other, ..direct.clone() }).unwrap_err();
            assert!(refused.code == "INVALID_FIELD" && refused.message.contains("reserved for it"), "{refused}");
            assert!(scene.effects::<ChannelPayment>().is_empty(), "no book would know of it");
        }
        let saved = scene.load::<PaymentOrder>(answer.payment).unwrap();
        assert_eq!(
            (saved.status, saved.disbursement, saved.number.reveal()),
            (PaymentStatus::Sent, Some(disbursement()), "+233240000001")
        );
    });
}

#[test]
fn people_order_no_payout() {
    paying(|scene| {
        let InitiatePayment { direction, purpose, amount, account } = payout(ghs(970));
        let collected = |purpose: PaymentPurpose| InitiatePayment {
            direction: PaymentDirection::Collection,
            purpose,
            amount,
            account: account.clone(),
        };
        for refused in [
            scene.request(InitiatePayment { direction, purpose: purpose.clone(), amount, account: account.clone() }),
            scene.request(RequestDisbursement { purpose: purpose.clone(), amount, account: account.clone() }),
            scene.request(collected(purpose.clone())),
            scene.request(collected(PaymentPurpose { disbursement: None, ..purpose })),
        ] {
            let refused = refused.unwrap_err();
            assert_eq!((refused.code.as_str(), refused.details["field"].as_str()), ("INVALID_FIELD", "purpose"));
        }
        assert!(scene.all::<PaymentOrder>().is_empty(), "no money moves that no book knows");
        let plain = PaymentPurpose { disbursement: None, reservation: None, ..purpose };
        let long = "1".repeat(201);
        for (field, account) in [
            ("account.channel", PayoutAccount { channel: long.clone(), ..account.clone() }),
            ("account.number", PayoutAccount { number: Sensitive::new(long.as_str()), ..account.clone() }),
            ("account.number", PayoutAccount { number: Sensitive::new(""), ..account.clone() }),
            ("account.holder", PayoutAccount { holder: Sensitive::new(long.as_str()), ..account.clone() }),
        ] {
            let refused = scene.request(InitiatePayment { account, ..collected(plain.clone()) }).unwrap_err();
            assert_eq!((refused.code.as_str(), refused.details["field"].as_str()), ("INVALID_FIELD", field));
        }
        scene.request(collected(plain)).unwrap();
        assert_eq!(scene.effects::<ChannelPayment>()[0].direction, PaymentDirection::Collection);
        assert!(order_payout(scene, &payout(ghs(300))).is_ok(), "the hub's payout still goes out");
    });
}

#[test]
fn payouts_that_are_refused() {
    paying(|scene| {
        let on = |channel: &str| {
            let mut cmd = payout(ghs(300));
            cmd.account.channel = channel.into();
            cmd
        };
        for (cmd, code) in [
            (on("carrier-pigeon"), "CHANNEL_UNKNOWN"),
            (payout(ghs(0)), "INVALID_AMOUNT"),
            (payout(Money::from_units(123_456, sycee_money::Currency::GHS)), "INVALID_AMOUNT"),
        ] {
            assert_eq!(order_payout(scene, &cmd).unwrap_err().code, code);
            assert!(scene.effects::<ChannelPayment>().is_empty());
        }
    });
    let mut config = crate::channels();
    config.channels[0].payout = false;
    let configs = sycee_runtime::Configs::new().with(config);
    Scene::each(with_hub, configs, |scene| {
        assert_eq!(order_payout(scene, &payout(ghs(300))).unwrap_err().code, "CHANNEL_CLOSED");
    });
}

#[test]
fn methods_show_the_payer_what_to_do() {
    for (kind, prefix) in [
        (RepaymentMethodKind::Qr, "qr:000201"),
        (RepaymentMethodKind::VirtualAccount, "va:8890"),
        (RepaymentMethodKind::DeepLink, "link:https://"),
    ] {
        paying(|scene| {
            order_payout(scene, &payout(ghs(300))).unwrap();
            let answer = scene.request(method(kind, ghs(110))).unwrap();
            let shown = &scene.emitted::<RepaymentMethodCreated>()[0];
            assert!(shown.content.starts_with(prefix), "{}", shown.content);
            assert_eq!((shown.order, shown.payment, shown.amount), (order(), Some(answer.payment), ghs(110)));
            assert_eq!(shown.expires_at, scene.now().plus_seconds(86_400));
            if let Some(account) = shown.content.strip_prefix("va:") {
                assert_eq!(payment_of_account("8890", account), Some(answer.payment));
            }
            let effect = &scene.effects::<ChannelPayment>()[0];
            assert_eq!((effect.direction, effect.under_mandate), (PaymentDirection::Collection, false));
            assert_eq!(effect.account.number.reveal(), "+233240000001", "asked where the loan was paid to");
            assert_eq!(scene.request(method(kind, ghs(110))).unwrap(), answer, "the open payment is kept");
            assert!(scene.effects::<ChannelPayment>().is_empty());
        });
    }
}

#[test]
fn a_payer_we_never_paid_is_asked_through_the_collecting_channel() {
    scene(|scene| {
        scene.request(method(RepaymentMethodKind::Qr, ghs(110))).unwrap();
        let effect = &scene.effects::<ChannelPayment>()[0];
        assert_eq!((effect.account.channel.as_str(), effect.account.number.reveal()), ("mtn-momo", ""));
    });
}

#[test]
fn an_expected_collection_is_noted_and_ends() {
    scene(|scene| {
        scene.happened(RepaymentOrderCreated {
            order: order(),
            loan: loan(0),
            customer: customer(),
            funder: PartnerId::from_number(3),
            kind: RepaymentKind::Normal,
            amount: ghs(110),
            method: RepaymentMethodKind::Qr,
            mandate: None,
        });
        let noted = scene.load::<ExpectedCollection>(order()).unwrap();
        assert_eq!((noted.amount, noted.payment, noted.collected), (ghs(110), None, None));
        let answer = scene.request(method(RepaymentMethodKind::Qr, ghs(110))).unwrap();
        scene.fact(told(answer.payment, ChannelOutcome::Successful, None));
        let ended = scene.load::<ExpectedCollection>(order()).unwrap();
        assert_eq!((ended.payment, ended.collected), (Some(answer.payment), Some(ghs(110))));
    });
}

#[test]
fn a_cancelled_mandate_pulls_nothing_more() {
    paying(|scene| {
        let given = mandate(scene);
        let cancel = |customer| CancelDirectDebitMandate { customer, loan: loan(0) };
        let strangers = scene.request(cancel(CustomerId::from_number(8))).unwrap_err();
        assert_eq!(strangers.code, "NO_MANDATE");
        assert!(scene.emitted::<DirectDebitMandateCancelled>().is_empty());
        scene.request(cancel(customer())).unwrap();
        assert_eq!(scene.emitted::<DirectDebitMandateCancelled>()[0].mandate, given);
        assert_eq!(scene.request(cancel(customer())).unwrap_err().code, "NO_MANDATE");
        let pull = CreateRepaymentMethod { mandate: Some(given), ..method(RepaymentMethodKind::DirectDebit, ghs(110)) };
        assert_eq!(scene.request(pull).unwrap_err().code, "NO_MANDATE");
        assert_ne!(mandate(scene), given, "what is given again is another mandate");
    });
}

#[test]
fn pulls_need_the_loans_mandate() {
    paying(|scene| {
        let pull = |mandate| CreateRepaymentMethod { mandate, ..method(RepaymentMethodKind::DirectDebit, ghs(110)) };
        assert_eq!(scene.request(pull(None)).unwrap_err().code, "NO_MANDATE");
        let given = mandate(scene);
        assert_eq!(scene.emitted::<DirectDebitMandateCreated>()[0].mandate, given);
        assert_eq!(mandate(scene), given, "one mandate a loan");
        assert!(scene.emitted::<DirectDebitMandateCreated>().is_empty());
        assert_eq!(scene.request(pull(Some(MandateId::from_number(99)))).unwrap_err().code, "NO_MANDATE");
        let stranger = CreateRepaymentMethod { customer: CustomerId::from_number(8), ..pull(Some(given)) };
        assert_eq!(scene.request(stranger).unwrap_err().code, "NO_MANDATE");

        let answer = scene.request(pull(Some(given))).unwrap();
        let effect = &scene.effects::<ChannelPayment>()[0];
        assert!(effect.under_mandate);
        assert_eq!(effect.account.number.reveal(), "+233240000002");
        assert_eq!(scene.emitted::<RepaymentMethodCreated>()[0].content, format!("debit:{}", answer.payment));

        scene.fact(told(answer.payment, ChannelOutcome::Failed, None));
        let again = scene.request(pull(Some(given))).unwrap();
        assert_ne!(again, answer, "a bounced pull is tried as another payment");
        assert_eq!(scene.effects::<ChannelPayment>().len(), 1);
    });
}

#[test]
fn a_mandate_is_given_on_a_wallet_that_took_a_payout() {
    let (own, others) = ("+233240000002", "+233240000009");
    let refused = |scene: &mut Scene, number: &str| {
        let refused = scene.request(mandate_on(number)).unwrap_err();
        assert_eq!((refused.code.as_str(), refused.details["field"].as_str()), ("INVALID_FIELD", "account"));
        assert!(scene.emitted::<DirectDebitMandateCreated>().is_empty());
    };
    paying(|scene| {
        loan_runs(scene);
        let payment = sent_to(scene, others);
        refused(scene, others);
        for outcome in [ChannelOutcome::Failed, ChannelOutcome::Successful] {
            scene.fact(told(payment, outcome, None));
            refused(scene, others);
        }
    });
    paying(|scene| {
        wanted_mandate(scene);
        let payment = asked_from(scene, others);
        refused(scene, others);
        scene.fact(told(payment, ChannelOutcome::Successful, Some(ghs(300))));
        refused(scene, others);
        scene.request(mandate_on(own)).unwrap();
    });
}

#[test]
fn a_mandate_on_another_wallet_is_given_when_the_first_one_is_cancelled() {
    paying(|scene| {
        let first = mandate(scene);
        let (second_attempt, other) = (DisbursementOrderId::from_number(LOAN + 501), "+233240000004");
        let requested = facts::disbursement_requested(FundAccountId::from_number(8), unknown_reservation(), ghs(300));
        let to_other = DisbursementRequested { order: second_attempt, payout_account: wallet(other), ..requested };
        scene.happened(to_other);
        let payment = scene.load::<DisbursementPayment>(second_attempt).unwrap().payment;
        scene.fact(told(payment, ChannelOutcome::Successful, Some(ghs(300))));

        let refused = scene.request(mandate_on(other)).unwrap_err();
        assert_eq!(refused.code, "UNEXPECTED_STATE");
        assert!(refused.message.contains("cancel it first") && !refused.message.contains(other), "{refused}");
        assert!(scene.emitted::<DirectDebitMandateCreated>().is_empty());
        assert_eq!(scene.load::<DirectDebitMandate>(loan(0)).unwrap().id, first, "it stands");
        scene.request(CancelDirectDebitMandate { customer: customer(), loan: loan(0) }).unwrap();
        assert_ne!(scene.request(mandate_on(other)).unwrap(), first);
        assert_eq!(scene.load::<DirectDebitMandate>(loan(0)).unwrap().number.reveal(), other);
    });
}

#[test]
fn mandates_that_are_refused() {
    paying(|scene| {
        let cmd = wanted_mandate(scene);
        let on = |account: PayoutAccount| CreateDirectDebitMandate { account, ..cmd.clone() };
        let through = |channel: &str| on(PayoutAccount { channel: channel.into(), ..cmd.account.clone() });
        for (what, refused, code) in [
            ("another wallet", on(wallet("+233240000003")), "INVALID_FIELD"),
            ("no wallet", on(wallet(" ")), "INVALID_FIELD"),
            ("another channel", through("telecel-cash"), "INVALID_FIELD"),
            ("no such channel", through("carrier-pigeon"), "INVALID_FIELD"),
            (
                "a stranger",
                CreateDirectDebitMandate { customer: CustomerId::from_number(8), ..cmd.clone() },
                "LOAN_NOT_YOURS",
            ),
            ("no such loan", CreateDirectDebitMandate { loan: loan(1), ..cmd.clone() }, "NOT_FOUND"),
        ] {
            assert_eq!(scene.request(refused).unwrap_err().code, code, "{what}");
            assert!(scene.emitted::<DirectDebitMandateCreated>().is_empty(), "{what}");
        }
        scene.answers::<QueryPartner>(|_| Ok(true));
        assert_eq!(scene.request(cmd.clone()).unwrap_err().code, "UNEXPECTED_STATE", "the funder collects");
        scene.answers::<QueryPartner>(|_| Ok(false));
        scene.answers::<QueryLoanPosition>(|_| Ok(position(false)));
        assert_eq!(scene.request(cmd.clone()).unwrap_err().code, "UNEXPECTED_STATE", "nothing is owed");
        scene.answers::<QueryLoanPosition>(|_| Ok(position(true)));
        scene.request(cmd).unwrap();
    });
    let mut config = crate::channels();
    config.channels[0].mandates = false;
    Scene::each(with_hub, sycee_runtime::Configs::new().with(config), |scene| {
        let cmd = wanted_mandate(scene);
        let refused = scene.request(cmd).unwrap_err();
        assert_eq!((refused.code.as_str(), refused.details["field"].as_str()), ("INVALID_FIELD", "account.channel"));
    });
}

/// Lets the next alarm go off after `minutes`; gives the polls and work orders it caused.
pub fn wake(scene: &mut Scene, minutes: i64) -> (Vec<u32>, Vec<String>) {
    scene.advance_seconds(minutes * 60);
    scene.fire_timers();
    let polls = scene.effects::<ChannelQuery>().iter().map(|query| query.attempt).collect();
    (polls, scene.sent::<OpenWorkOrder>().into_iter().map(|order| order.kind).collect())
}

#[test]
fn a_silent_channel_is_asked_eight_times_then_people_are() {
    paying(|scene| {
        let payment = order_payout(scene, &payout(ghs(300))).unwrap().payment;
        assert_eq!(wake(scene, 14), (vec![], vec![]));
        assert_eq!(wake(scene, 1), (vec![1], vec![]));
        for attempt in 2..=8 {
            let minutes = 15 << (attempt - 1);
            assert_eq!(wake(scene, minutes - 1), (vec![], vec![]));
            assert_eq!(wake(scene, 1), (vec![attempt], vec![]));
        }
        assert_eq!(wake(scene, 15 << 8), (vec![], vec!["payment-unanswered".to_owned()]));
        assert_eq!(wake(scene, 1_000_000), (vec![], vec![]));
        scene.fact(told(payment, ChannelOutcome::Successful, Some(ghs(300))));
        assert_eq!(
            scene.load::<PaymentOrder>(payment).unwrap().status,
            PaymentStatus::Succeeded,
            "an answer still counts"
        );
    });
}

#[test]
fn an_answer_ends_the_alarms() {
    for outcome in [ChannelOutcome::Successful, ChannelOutcome::Failed] {
        paying(|scene| {
            let payment = order_payout(scene, &payout(ghs(300))).unwrap().payment;
            scene.fact(told(payment, outcome, Some(ghs(300))));
            assert_eq!(wake(scene, 1_000_000), (vec![], vec![]));
        });
    }
}

#[test]
fn a_collection_nobody_pays_expires_and_is_asked_about_to_the_end() {
    scene(|scene| {
        let payment = scene.request(method(RepaymentMethodKind::Qr, ghs(110))).unwrap().payment;
        for attempt in 1..=6 {
            assert_eq!(wake(scene, 15 << (attempt - 1)).0, [attempt]);
        }
        assert!(scene.emitted::<PaymentFailed>().is_empty(), "945 minutes are less than a day");
        assert_eq!(wake(scene, 15 << 6).0, [7]);
        assert_eq!(scene.emitted::<PaymentFailed>()[0].reason, "EXPIRED");
        assert_eq!(scene.load::<PaymentOrder>(payment).unwrap().status, PaymentStatus::Expired);
        assert_eq!(wake(scene, 15 << 7), (vec![8], vec![]));
        assert!(scene.emitted::<PaymentFailed>().is_empty());
        let called = vec!["payment-unanswered".to_owned()];
        assert_eq!(
            wake(scene, 15 << 8),
            (vec![], called),
            "the channel said nothing: people ask whether somebody paid"
        );
    });
}
