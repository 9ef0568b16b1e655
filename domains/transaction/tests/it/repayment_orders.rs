//! Orders to repay and direct debits.

use sycee_contract::*;
use sycee_money::{Currency, Money};
use sycee_runtime::Registry;
use sycee_runtime::testing::Scene;
use sycee_transaction::repayment_engine::{LoanLink, RepaymentOrder};

use crate::fixtures::*;

fn cmd(loan: LoanId, kind: RepaymentKind, method: RepaymentMethodKind) -> CreateRepaymentOrder {
    CreateRepaymentOrder { customer: customer(), loan, kind, amount: None, method }
}

fn due_or_asked(scene: &mut Scene) {
    scene.answers::<CalculateRepaymentPosting>(|asked| {
        let figure = match asked.kind {
            RepaymentKind::Normal => asked.amount.unwrap_or_else(|| ghs("346.75")),
            RepaymentKind::EarlySettlement => ghs("1005"),
            RepaymentKind::Cancel => ghs("980"),
        };
        Ok(quote(asked.loan, asked.kind, figure))
    });
}

fn load(scene: &mut Scene, id: RepaymentOrderId) -> RepaymentOrder {
    scene.load::<RepaymentOrder>(id).unwrap()
}

fn method_created(order: &RepaymentOrder) -> RepaymentMethodCreated {
    RepaymentMethodCreated {
        order: order.id,
        loan: order.loan,
        customer: order.customer,
        method: order.method,
        amount: order.amount,
        content: "qr:123".into(),
        payment: Some(id(2001)),
        expires_at: order.expires_at,
    }
}

fn payment_failed(order: &RepaymentOrder) -> PaymentFailed {
    PaymentFailed {
        payment: id(2001),
        direction: PaymentDirection::Collection,
        purpose: PaymentPurpose {
            loan: order.loan,
            customer: order.customer,
            disbursement: None,
            repayment: Some(order.id),
            fund_account: None,
            reservation: None,
        },
        amount: order.amount,
        reason: "LOW_BALANCE".into(),
    }
}

#[test]
fn the_engine_knows_every_running_loan() {
    alone(|scene| {
        let loan = running(scene);
        let link = scene.load::<LoanLink>(loan).unwrap();
        assert_eq!((link.funder, link.fund_account), (id(1), Some(id(801))));
        assert_eq!((link.installments, link.product.as_str()), (3, "gh-installment"));
    });
}

#[test]
fn an_order_is_routed_and_offered() {
    alone(|scene| {
        due_or_asked(scene);
        let loan = running(scene);
        let answer = scene.request(cmd(loan, RepaymentKind::Normal, RepaymentMethodKind::Qr)).unwrap();
        assert_eq!(answer.amount, ghs("346.75"));
        assert_eq!(scene.emitted::<RepaymentOrderCreated>().len(), 1);
        assert!(!scene.emitted::<RepaymentRouteSelected>()[0].collects_itself);
        assert_eq!(scene.sent::<RequestPartnerRepayment>()[0].amount, ghs("346.75"));
        let order = load(scene, answer.order);
        assert_eq!(order.status, RepaymentOrderStatus::Created);
        scene.happened(method_created(&order));
        assert_eq!(load(scene, answer.order).status, RepaymentOrderStatus::AwaitingPayment);
        let before = load(scene, answer.order);
        scene.happened(method_created(&order));
        assert_eq!(load(scene, answer.order), before);
    });
}

#[test]
fn an_order_that_cannot_be_is_refused() {
    type Change = fn(&mut CreateRepaymentOrder);
    let cases: [(Change, &str); 7] = [
        (|cmd| cmd.customer = id(4711), "LOAN_NOT_YOURS"),
        (|cmd| cmd.loan = id(999_999), "NOT_FOUND"),
        (|cmd| cmd.method = RepaymentMethodKind::DirectDebit, "NO_MANDATE"),
        (|cmd| cmd.amount = Some(ghs("0")), "INVALID_FIELD"),
        (|cmd| cmd.amount = Some(ghs("1.2345")), "INVALID_FIELD"),
        (|cmd| cmd.amount = Some(Money::parse("100", Currency::USD).unwrap()), "INVALID_FIELD"),
        (
            |cmd| {
                cmd.kind = RepaymentKind::EarlySettlement;
                cmd.amount = Some(ghs("1000"));
            },
            "AMOUNT_BELOW_SETTLEMENT",
        ),
    ];
    alone(|scene| {
        due_or_asked(scene);
        let loan = running(scene);
        let before = scene.load::<LoanLink>(loan);
        for (change, expected) in cases {
            let mut order = cmd(loan, RepaymentKind::Normal, RepaymentMethodKind::Qr);
            change(&mut order);
            assert_eq!(code(scene.request(order)), expected);
            assert!(scene.emitted::<RepaymentOrderCreated>().is_empty());
        }
        scene.answers::<CalculateRepaymentPosting>(|_| Err(Rejection::new("NOTHING_DUE", "all paid")));
        let order = cmd(loan, RepaymentKind::Normal, RepaymentMethodKind::Qr);
        assert_eq!(code(scene.request(order)), "NOTHING_DUE");
        assert_eq!(scene.load::<LoanLink>(loan), before);
    });
}

#[test]
fn an_unpaid_order_expires_after_a_day() {
    alone(|scene| {
        due_or_asked(scene);
        let loan = running(scene);
        let id = scene.request(cmd(loan, RepaymentKind::Normal, RepaymentMethodKind::Qr)).unwrap().order;
        let order = load(scene, id);
        scene.happened(method_created(&order));
        scene.advance_seconds(24 * 3600 + 10);
        scene.fire_timers();
        let closed = scene.emitted::<RepaymentOrderClosed>().pop().unwrap();
        assert_eq!((closed.status, closed.will_retry), (RepaymentOrderStatus::Expired, false));
        scene.happened(payment_failed(&order));
        assert!(scene.emitted::<RepaymentOrderClosed>().is_empty());
        assert_eq!(load(scene, id).status, RepaymentOrderStatus::Expired);
    });
}

#[test]
fn a_channel_that_says_expired_expires_the_order() {
    alone(|scene| {
        due_or_asked(scene);
        let loan = running(scene);
        let id = scene.request(cmd(loan, RepaymentKind::Normal, RepaymentMethodKind::Qr)).unwrap().order;
        let order = load(scene, id);
        scene.happened(PaymentFailed { reason: "EXPIRED".into(), ..payment_failed(&order) });
        assert_eq!(load(scene, id).status, RepaymentOrderStatus::Expired);
    });
}

#[test]
fn an_open_settlement_shows_newer_figures() {
    alone(|scene| {
        due_or_asked(scene);
        let loan = running(scene);
        let order = scene.request(cmd(loan, RepaymentKind::EarlySettlement, RepaymentMethodKind::Qr)).unwrap().order;
        let newer = quote(loan, RepaymentKind::EarlySettlement, ghs("1006"));
        scene.happened(RepaymentPostingCalculated { quote: newer });
        assert_eq!(load(scene, order).amount_now, Some(ghs("1006")));
        let figures = SettlementFigures {
            principal: ghs("1000"),
            interest: ghs("6"),
            fee: ghs("0"),
            penalty: ghs("0"),
            fee_refund: ghs("0"),
            amount: ghs("1006"),
            as_of: sycee_money::date(2026, 2, 3),
        };
        let settlement = Some(figures);
        scene.happened(RepaymentPlanCalculated { loan: Some(loan), plan: None, settlement, for_schedule: false });
        assert_eq!(scene.load::<LoanLink>(loan).unwrap().settlement_figure, Some(ghs("1006")));
    });
}

fn nobody_collects(registry: &mut Registry) {
    registry
        .service("partner-hub")
        .handles::<RequestPartnerRepayment>(|_, _| Err(Rejection::new("CHANNEL_UNKNOWN", "no channel").into()));
}

#[test]
fn an_order_that_nobody_collects_fails() {
    with_neighbours(nobody_collects, configs(), |scene| {
        due_or_asked(scene);
        let loan = running(scene);
        let order = scene.request(cmd(loan, RepaymentKind::Normal, RepaymentMethodKind::Qr)).unwrap().order;
        assert_eq!(scene.emitted::<RepaymentOrderClosed>()[0].reason, "CHANNEL_UNKNOWN");
        assert_eq!(load(scene, order).status, RepaymentOrderStatus::Failed);
    });
}

fn with_mandate(scene: &mut Scene) -> LoanId {
    due_or_asked(scene);
    let loan = running(scene);
    scene.happened(DirectDebitMandateCreated { mandate: id(3001), customer: customer(), loan });
    loan
}

fn debit(scene: &mut Scene) -> Option<RepaymentOrder> {
    let created = scene.emitted::<RepaymentOrderCreated>().pop()?;
    assert_eq!((created.method, created.mandate), (RepaymentMethodKind::DirectDebit, Some(id(3001))));
    scene.load::<RepaymentOrder>(created.order)
}

/// The last message ended an order: who keeps its payment takes back what has not left.
fn ends_unpaid(scene: &mut Scene, order: &RepaymentOrder, reason: &str) {
    let closed = scene.emitted::<RepaymentOrderClosed>().pop().unwrap();
    assert_eq!((closed.order, closed.status), (order.id, RepaymentOrderStatus::Expired));
    assert_eq!((closed.reason.as_str(), closed.will_retry), (reason, false));
    assert!(scene.load::<LoanLink>(order.loan).unwrap().open_debit.is_none());
}

fn repaid(loan: LoanId, order: Option<RepaymentOrderId>, settled: bool) -> RepaymentSucceeded {
    RepaymentSucceeded {
        posting: id(1201),
        loan,
        customer: customer(),
        funder: id(1),
        fund_account: id(801),
        order,
        kind: RepaymentKind::Normal,
        amount: ghs("346.75"),
        parts: quote(loan, RepaymentKind::Normal, ghs("346.75")).parts,
        principal_outstanding: ghs("0"),
        settled,
        worst_days_past_due: 0,
    }
}

#[test]
fn a_pull_ends_when_nothing_is_left_for_it_and_is_taken_when_it_had_left() {
    alone(|scene| {
        let loan = with_mandate(scene);
        scene.happened(installment_due(loan, 1, 0));
        let pulled = debit(scene).unwrap();
        scene.happened(repaid(loan, None, false));
        assert!(scene.emitted::<RepaymentOrderClosed>().is_empty(), "a part was paid, the rest is due");
        scene.answers::<CalculateRepaymentPosting>(|_| Err(Rejection::new("NOTHING_DUE", "all paid")));
        scene.happened(repaid(loan, None, false));
        ends_unpaid(scene, &pulled, "PAID_ANOTHER_WAY");
        scene.advance_seconds(2 * 86_400 + 10);
        scene.fire_timers();
        assert!(debit(scene).is_none());

        due_or_asked(scene);
        scene.happened(PartnerRepaymentReceived {
            reference: "pay-1/mtn-1".into(),
            order: Some(pulled.id),
            loan: Some(loan),
            funder: Some(id(1)),
            amount: pulled.amount,
            payment: Some(id(2001)),
            paid_at: scene.now(),
        });
        assert_eq!(scene.sent::<PostLedgerEvent>()[0].reference.order, Some(pulled.id));
    });
}

#[test]
fn a_pull_that_the_customer_ordered_ends_when_what_was_due_is_paid_unless_it_pays_in_advance() {
    // What the customer named, of 346.75 that are due; whether it ends.
    for (amount, ends) in [(None, true), (Some("100"), true), (Some("346.75"), true), (Some("346.76"), false)] {
        alone(|scene| {
            let loan = with_mandate(scene);
            let asked = cmd(loan, RepaymentKind::Normal, RepaymentMethodKind::DirectDebit);
            let order = scene.request(CreateRepaymentOrder { amount: amount.map(ghs), ..asked }).unwrap().order;
            scene.happened(repaid(loan, None, false));
            assert!(scene.emitted::<RepaymentOrderClosed>().is_empty(), "a part was paid, the rest is due");
            scene.answers::<CalculateRepaymentPosting>(|_| Err(Rejection::new("NOTHING_DUE", "all paid")));
            scene.happened(repaid(loan, None, false));
            if ends {
                let ordered = load(scene, order);
                ends_unpaid(scene, &ordered, "PAID_ANOTHER_WAY");
            } else {
                assert!(scene.emitted::<RepaymentOrderClosed>().is_empty(), "{amount:?} pays in advance");
                assert_eq!(scene.load::<LoanLink>(loan).unwrap().open_debit, Some(order));
            }
        });
    }
}

#[test]
fn a_pull_of_a_settled_loan_ends() {
    alone(|scene| {
        let loan = with_mandate(scene);
        scene.happened(installment_due(loan, 1, 0));
        let pulled = debit(scene).unwrap();
        scene.happened(repaid(loan, None, true));
        ends_unpaid(scene, &pulled, "PAID_ANOTHER_WAY");
    });
}

#[test]
fn an_installment_is_pulled_on_its_due_date_once() {
    alone(|scene| {
        let loan = with_mandate(scene);
        scene.happened(installment_due(loan, 1, 3));
        assert!(debit(scene).is_none());
        scene.happened(installment_due(loan, 1, 0));
        assert_eq!(debit(scene).unwrap().amount, ghs("346.75"));
        scene.happened(installment_due(loan, 1, 0));
        assert!(debit(scene).is_none());
    });
}

#[test]
fn one_debit_at_a_time() {
    alone(|scene| {
        let loan = with_mandate(scene);
        scene.happened(installment_due(loan, 1, 0));
        let pulled = debit(scene).unwrap();
        let by_debit = cmd(loan, RepaymentKind::Normal, RepaymentMethodKind::DirectDebit);
        assert_eq!(code(scene.request(by_debit.clone())), "DEBIT_UNDER_WAY");
        assert!(scene.request(cmd(loan, RepaymentKind::Normal, RepaymentMethodKind::Qr)).is_ok());
        scene.happened(payment_failed(&pulled));
        assert!(scene.request(by_debit).is_ok(), "once it has ended");
    });
}

#[test]
fn after_the_mandate_is_cancelled_nothing_is_pulled_and_nothing_tried_again() {
    alone(|scene| {
        let loan = with_mandate(scene);
        let cancelled = |number| DirectDebitMandateCancelled { mandate: id(number), customer: customer(), loan };
        scene.happened(cancelled(3002));
        scene.happened(installment_due(loan, 1, 0));
        let order = debit(scene).expect("another mandate was cancelled");
        scene.happened(cancelled(3001));
        ends_unpaid(scene, &order, "MANDATE_CANCELLED");
        scene.happened(payment_failed(&order));
        assert!(scene.emitted::<RepaymentOrderClosed>().is_empty());
        scene.advance_seconds(2 * 86_400 + 10);
        scene.fire_timers();
        assert!(debit(scene).is_none());
        scene.happened(installment_due(loan, 2, 0));
        assert!(debit(scene).is_none());
    });
}

#[test]
fn without_a_mandate_nothing_is_pulled() {
    alone(|scene| {
        due_or_asked(scene);
        let loan = running(scene);
        let mandate = DirectDebitMandateCreated { mandate: id(3001), customer: id(4711), loan };
        scene.happened(mandate);
        scene.happened(installment_due(loan, 1, 0));
        assert!(debit(scene).is_none(), "a stranger's mandate counts for nothing");
    });
}

#[test]
fn a_bounced_debit_is_tried_three_times() {
    alone(|scene| {
        let loan = with_mandate(scene);
        scene.happened(installment_due(loan, 1, 0));
        for number in 1..=3 {
            let order = debit(scene).unwrap();
            assert_eq!(order.debit_try, number);
            scene.happened(payment_failed(&order));
            let closed = scene.emitted::<RepaymentOrderClosed>().pop().unwrap();
            assert_eq!((closed.status, closed.will_retry), (RepaymentOrderStatus::Failed, number < 3));
            scene.happened(payment_failed(&order));
            assert!(scene.emitted::<RepaymentOrderClosed>().is_empty());
            scene.advance_seconds(2 * 86_400 + 10);
            scene.fire_timers();
        }
        assert!(debit(scene).is_none());
    });
}

#[test]
fn a_debit_that_a_channel_calls_expired_has_bounced() {
    alone(|scene| {
        let loan = with_mandate(scene);
        scene.happened(installment_due(loan, 1, 0));
        let order = debit(scene).unwrap();
        scene.happened(PaymentFailed { reason: "EXPIRED".into(), ..payment_failed(&order) });
        let closed = scene.emitted::<RepaymentOrderClosed>().pop().unwrap();
        assert_eq!((closed.status, closed.will_retry), (RepaymentOrderStatus::Failed, true));
        scene.advance_seconds(2 * 86_400 + 10);
        scene.fire_timers();
        assert_eq!(debit(scene).unwrap().debit_try, 2);
    });
}

#[test]
fn an_order_whose_money_is_taken_elsewhere_ends_with_its_time() {
    alone(|scene| {
        let loan = with_mandate(scene);
        scene.happened(installment_due(loan, 1, 0));
        let order = debit(scene).unwrap();
        let failed = payment_failed(&order);
        // Our bank had told of the money before, for the loan and no order: nobody tells of it again.
        scene.happened(PaymentSucceeded {
            payment: failed.payment,
            direction: failed.direction,
            purpose: failed.purpose,
            amount: failed.amount,
            channel_reference: "mtn-7".into(),
            at: scene.now(),
            paid_at: scene.now(),
        });
        scene.advance_seconds(120 * 3600 + 10);
        scene.fire_timers();
        assert_eq!(scene.emitted::<RepaymentOrderClosed>()[0].status, RepaymentOrderStatus::Expired);
        scene.happened(installment_due(loan, 2, 0));
        assert!(debit(scene).is_some(), "the next installment is pulled");
    });
}

#[test]
fn a_retry_finds_nothing_due() {
    alone(|scene| {
        let loan = with_mandate(scene);
        scene.happened(installment_due(loan, 1, 0));
        let order = debit(scene).unwrap();
        scene.happened(payment_failed(&order));
        scene.answers::<CalculateRepaymentPosting>(|_| Err(Rejection::new("NOTHING_DUE", "paid by hand")));
        scene.advance_seconds(2 * 86_400 + 10);
        scene.fire_timers();
        assert!(debit(scene).is_none());
    });
}

#[test]
fn one_direct_debit_at_a_time() {
    alone(|scene| {
        let loan = with_mandate(scene);
        scene.happened(installment_due(loan, 1, 0));
        let pulled = debit(scene).unwrap();
        let by_hand = cmd(loan, RepaymentKind::Normal, RepaymentMethodKind::DirectDebit);
        assert_eq!(code(scene.request(by_hand.clone())), "DEBIT_UNDER_WAY");
        scene.request(cmd(loan, RepaymentKind::Normal, RepaymentMethodKind::Qr)).unwrap();
        scene.happened(payment_failed(&pulled));
        scene.request(by_hand.clone()).unwrap();
        assert_eq!(code(scene.request(by_hand)), "DEBIT_UNDER_WAY");
    });
}

#[test]
fn an_installment_that_meets_an_open_debit_is_pulled_when_that_ends() {
    alone(|scene| {
        let loan = with_mandate(scene);
        scene.request(cmd(loan, RepaymentKind::Normal, RepaymentMethodKind::DirectDebit)).unwrap();
        let by_hand = debit(scene).unwrap();
        scene.happened(installment_due(loan, 1, 0));
        assert!(debit(scene).is_none(), "one at a time");
        scene.happened(payment_failed(&by_hand));
        let pulled = debit(scene).unwrap();
        assert_eq!(pulled.debit_try, 1);
        scene.happened(installment_due(loan, 2, 0));
        assert!(debit(scene).is_none());
        scene.happened(payment_failed(&pulled));
        assert!(debit(scene).is_none(), "the retry will pull both");
        scene.advance_seconds(2 * 86_400 + 10);
        scene.fire_timers();
        let again = debit(scene).unwrap();
        assert_eq!(again.debit_try, 2);
        scene.happened(repaid(loan, Some(again.id), false));
        assert!(debit(scene).is_none(), "both were pulled");
    });
}

#[test]
fn a_retry_waits_for_an_open_debit() {
    alone(|scene| {
        let loan = with_mandate(scene);
        scene.happened(installment_due(loan, 1, 0));
        let bounced = debit(scene).unwrap();
        scene.happened(payment_failed(&bounced));
        scene.request(cmd(loan, RepaymentKind::Normal, RepaymentMethodKind::DirectDebit)).unwrap();
        let by_hand = debit(scene).unwrap();
        scene.advance_seconds(2 * 86_400 + 10);
        scene.fire_timers();
        assert!(debit(scene).is_none());
        scene.happened(payment_failed(&by_hand));
        scene.advance_seconds(86_400 + 10);
        scene.fire_timers();
        assert_eq!(debit(scene).unwrap().debit_try, 2);
    });
}

#[test]
fn a_refused_pull_fails_and_is_tried_again_before_people_are_called() {
    with_neighbours(nobody_collects, configs(), |scene| {
        let loan = with_mandate(scene);
        scene.happened(installment_due(loan, 1, 0));
        for number in 1..=3 {
            let pulled = debit(scene).unwrap();
            assert_eq!((pulled.status, pulled.debit_try), (RepaymentOrderStatus::Failed, number));
            let called: Vec<_> = scene.sent::<OpenWorkOrder>().into_iter().map(|order| order.kind).collect();
            assert_eq!(called.len(), usize::from(number == 3), "{called:?}");
            scene.advance_seconds(2 * 86_400 + 10);
            scene.fire_timers();
        }
        assert!(scene.load::<LoanLink>(loan).unwrap().open_debit.is_none());
    });
}

#[test]
fn more_than_is_owed_is_taken_up_to_the_size_of_the_loan() {
    alone(|scene| {
        let loan = running(scene);
        let planned = scene.load::<LoanLink>(loan).unwrap().planned.unwrap();
        assert_eq!(planned, ghs("1040.26"));
        for owed in ["0", "40"] {
            scene.answers::<CalculateRepaymentPosting>(move |asked| {
                let amount = asked.amount.unwrap();
                let mut quote = quote(asked.loan, asked.kind, amount);
                quote.parts.principal = ghs(owed);
                quote.parts.surplus = amount.checked_sub(ghs(owed)).unwrap();
                Ok(quote)
            });
            let most = planned.checked_add(ghs(owed)).unwrap();
            let more = most.checked_add(ghs("0.01")).unwrap();
            for (amount, expected) in [(ghs("100"), "accepted"), (most, "accepted"), (more, "INVALID_FIELD")] {
                let order = CreateRepaymentOrder {
                    amount: Some(amount),
                    ..cmd(loan, RepaymentKind::Normal, RepaymentMethodKind::Qr)
                };
                assert_eq!(code(scene.request(order)), expected, "{amount} for {owed}");
            }
        }
    });
}
