//! Money that comes in.

use sycee_contract::*;
use sycee_money::{Currency, Date, Money, date};
use sycee_runtime::Registry;
use sycee_runtime::testing::Scene;
use sycee_transaction::repayment_engine::{LoanLink, ReceiptStatus, ReceivedPayment, RepaymentOrder};

use crate::fixtures::*;

fn figures(scene: &mut Scene) {
    scene.answers::<CalculateRepaymentPosting>(|asked| {
        let figure = match asked.kind {
            RepaymentKind::Normal => asked.amount.unwrap_or_else(|| ghs("346.75")),
            RepaymentKind::EarlySettlement => ghs("1005"),
            RepaymentKind::Cancel => ghs("980"),
        };
        Ok(quote(asked.loan, asked.kind, figure))
    });
}

fn open(scene: &mut Scene, kind: RepaymentKind) -> RepaymentOrder {
    figures(scene);
    let loan = running(scene);
    let method = RepaymentMethodKind::Qr;
    let order = scene.request(CreateRepaymentOrder { customer: customer(), loan, kind, amount: None, method }).unwrap();
    scene.load::<RepaymentOrder>(order.order).unwrap()
}

/// Money that was paid in time.
fn money(order: &RepaymentOrder, amount: &str, reference: &str) -> PartnerRepaymentReceived {
    PartnerRepaymentReceived {
        reference: reference.into(),
        order: Some(order.id),
        loan: Some(order.loan),
        funder: Some(id(1)),
        amount: ghs(amount),
        payment: None,
        paid_at: order.expires_at,
    }
}

fn status(scene: &mut Scene, order: &RepaymentOrder) -> RepaymentOrderStatus {
    scene.load::<RepaymentOrder>(order.id).unwrap().status
}

fn posting(scene: &mut Scene) -> Option<PostLedgerEvent> {
    scene.sent::<PostLedgerEvent>().pop()
}

#[test]
fn money_for_an_order_is_posted_and_the_order_succeeds() {
    alone(|scene| {
        let order = open(scene, RepaymentKind::Normal);
        scene.happened(money(&order, "346.75", "r1"));
        let ledger = posting(scene).unwrap();
        assert_eq!((ledger.template.as_str(), ledger.amounts["amount"]), ("repayment-received", ghs("346.75")));
        assert_eq!(ledger.reference.order, Some(order.id));
        assert_eq!(ledger.dimensions["funder"], "par-1");
        assert_eq!(status(scene, &order), RepaymentOrderStatus::Received);

        let mut booked = entry(order.loan, "repayment-received", 1102);
        booked.reference.text = "r1".into();
        scene.happened(booked);
        let receipt = scene.load::<ReceivedPayment>("r1".to_owned()).unwrap();
        assert_eq!((receipt.status, receipt.entry), (ReceiptStatus::Booked, Some(id(1102))));
        scene.happened(posted(order.loan, Some(order.id), "346.75", false));
        assert_eq!(status(scene, &order), RepaymentOrderStatus::Succeeded);
        scene.advance_seconds(25 * 3600);
        scene.fire_timers();
        assert_eq!(status(scene, &order), RepaymentOrderStatus::Succeeded);
    });
}

#[test]
fn money_is_taken_once_a_reference_and_for_its_order_once() {
    alone(|scene| {
        let order = open(scene, RepaymentKind::Normal);
        let mut first = money(&order, "346.75", "r1");
        first.payment = Some(id(2001));
        scene.happened(first.clone());
        assert!(posting(scene).is_some());
        scene.happened(first.clone());
        assert!(posting(scene).is_none(), "the same reference");
        first.reference = "r2".into();
        scene.happened(first);
        let second = posting(scene).unwrap();
        assert_eq!((second.reference.order, second.reference.repayment), (None, Some(RepaymentKind::Normal)));
    });
}

#[test]
fn a_failure_after_the_money_changes_nothing() {
    alone(|scene| {
        let order = open(scene, RepaymentKind::Normal);
        scene.happened(money(&order, "346.75", "r1"));
        let before = scene.load::<RepaymentOrder>(order.id);
        let purpose = PaymentPurpose {
            loan: order.loan,
            customer: customer(),
            disbursement: None,
            repayment: Some(order.id),
            fund_account: None,
            reservation: None,
        };
        scene.happened(PaymentFailed {
            payment: id(2001),
            direction: PaymentDirection::Collection,
            purpose: purpose.clone(),
            amount: ghs("346.75"),
            reason: "TIMEOUT".into(),
        });
        for _ in 0..2 {
            scene.happened(PaymentSucceeded {
                payment: id(2001),
                direction: PaymentDirection::Collection,
                purpose: purpose.clone(),
                amount: ghs("346.75"),
                channel_reference: "r1".into(),
                at: order.expires_at,
                paid_at: order.expires_at,
            });
        }
        assert!(scene.emitted::<RepaymentOrderClosed>().is_empty());
        assert_eq!(scene.load::<RepaymentOrder>(order.id), before);
    });
}

#[test]
fn settlement_and_cancellation_hold_only_while_their_figure_is_reached() {
    let cases = [
        (RepaymentKind::EarlySettlement, "1005", RepaymentKind::EarlySettlement, "repayment-received", "0"),
        (RepaymentKind::EarlySettlement, "1010", RepaymentKind::EarlySettlement, "repayment-received", "5"),
        (RepaymentKind::EarlySettlement, "1000", RepaymentKind::Normal, "repayment-received", "0"),
        (RepaymentKind::Cancel, "980", RepaymentKind::Cancel, "loan-cancelled", "0"),
        (RepaymentKind::Cancel, "979.99", RepaymentKind::Normal, "repayment-received", "0"),
    ];
    for (kind, paid, taken_as, template, surplus) in cases {
        alone(|scene| {
            let order = open(scene, kind);
            scene.happened(money(&order, paid, "r1"));
            let ledger = posting(scene).unwrap();
            assert_eq!((ledger.template.as_str(), ledger.reference.repayment), (template, Some(taken_as)));
            assert_eq!(ledger.amounts["surplus"], ghs(surplus));
        });
    }
}

#[test]
fn a_cancellation_that_comes_late_is_a_normal_repayment() {
    alone(|scene| {
        let order = open(scene, RepaymentKind::Cancel);
        scene.answers::<CalculateRepaymentPosting>(|asked| match asked.kind {
            RepaymentKind::Normal => Ok(quote(asked.loan, asked.kind, asked.amount.unwrap())),
            _ => Err(Rejection::new("COOLING_OFF_OVER", "too late")),
        });
        scene.happened(money(&order, "980", "r1"));
        let ledger = posting(scene).unwrap();
        assert_eq!((ledger.template.as_str(), ledger.reference.order), ("repayment-received", Some(order.id)));
    });
}

/// Figures that grow from day to day, and a right to cancel that ends with the first.
fn growing_figures(scene: &mut Scene) {
    let first = scene.today();
    scene.answers::<CalculateRepaymentPosting>(move |asked| {
        let in_time = asked.as_of == Some(first);
        let figure = match asked.kind {
            RepaymentKind::Normal => asked.amount.unwrap_or_else(|| ghs("346.75")),
            RepaymentKind::EarlySettlement if in_time => ghs("1005"),
            RepaymentKind::EarlySettlement => ghs("1006"),
            RepaymentKind::Cancel if in_time => ghs("980"),
            RepaymentKind::Cancel => return Err(Rejection::new("COOLING_OFF_OVER", "too late")),
        };
        Ok(quote(asked.loan, asked.kind, figure))
    });
}

#[test]
fn what_was_quoted_holds_for_money_that_was_paid_in_time() {
    use RepaymentKind::{Cancel, EarlySettlement, Normal};
    // Kind, paid, when after the order's end, what it is taken as.
    let cases = [
        (EarlySettlement, "1005", 0, EarlySettlement),
        (EarlySettlement, "1005", 1, Normal),
        (EarlySettlement, "1006", 1, EarlySettlement),
        (Cancel, "980", 0, Cancel),
        (Cancel, "980", 1, Normal),
    ];
    for (kind, paid, late, taken_as) in cases {
        alone(|scene| {
            let order = open(scene, kind);
            assert_eq!(order.quoted_on, scene.today());
            growing_figures(scene);
            scene.advance_seconds(25 * 3600);
            scene.set_today(scene.today().tomorrow().unwrap());
            scene.fire_timers();
            assert_eq!(status(scene, &order), RepaymentOrderStatus::Expired);
            let mut received = money(&order, paid, "r1");
            received.paid_at = order.expires_at.plus_seconds(late);
            scene.happened(received);
            let ledger = posting(scene).unwrap();
            assert_eq!(ledger.reference.repayment, Some(taken_as), "{kind:?} {paid} {late}");
            assert_eq!(ledger.reference.order, Some(order.id));
            scene.happened(posted(order.loan, Some(order.id), paid, true));
            let closed = scene.emitted::<RepaymentOrderClosed>().pop().unwrap();
            assert_eq!((closed.reason.as_str(), closed.posting), ("PAID_LATE", Some(id(1201))));
            scene.happened(money(&order, paid, "r2"));
            let again = posting(scene).unwrap();
            assert_eq!((again.reference.order, again.reference.repayment), (None, Some(Normal)), "paid before");
        });
    }
}

#[test]
fn an_open_order_holds_over_midnight() {
    alone(|scene| {
        let order = open(scene, RepaymentKind::EarlySettlement);
        growing_figures(scene);
        scene.set_today(scene.today().tomorrow().unwrap());
        scene.happened(money(&order, "1005", "r1"));
        assert_eq!(posting(scene).unwrap().reference.repayment, Some(RepaymentKind::EarlySettlement));
        assert_eq!(status(scene, &order), RepaymentOrderStatus::Received);
    });
}

#[test]
fn money_that_settles_pays_no_interest_of_the_future() {
    // Paid, interest paid in advance, what it is taken as, surplus.
    let cases = [
        ("1030", "20", RepaymentKind::EarlySettlement, "25"),
        ("1005", "20", RepaymentKind::EarlySettlement, "0"),
        ("1004", "20", RepaymentKind::Normal, "0"),
        ("1030", "0", RepaymentKind::Normal, "0"),
    ];
    for (paid, advance, taken_as, surplus) in cases {
        alone(|scene| {
            let order = open(scene, RepaymentKind::Normal);
            scene.answers::<CalculateRepaymentPosting>(move |asked| {
                let figure = asked.amount.unwrap_or_else(|| ghs("1005"));
                let mut quote = quote(asked.loan, asked.kind, figure);
                if asked.kind == RepaymentKind::Normal {
                    quote.parts.interest_advance = ghs(advance);
                    quote.parts.principal = figure.checked_sub(ghs(advance)).unwrap();
                }
                Ok(quote)
            });
            scene.happened(money(&order, paid, "r1"));
            let ledger = posting(scene).unwrap();
            assert_eq!(ledger.reference.repayment, Some(taken_as), "{paid}");
            assert_eq!(ledger.amounts["surplus"], ghs(surplus), "{paid}");
        });
    }
}

#[test]
fn money_without_an_order_is_taken_for_its_loan() {
    alone(|scene| {
        let order = open(scene, RepaymentKind::Normal);
        let notice = ExternalRepaymentNotified {
            reference: "bank-1".into(),
            funder: None,
            order: None,
            loan: Some(order.loan),
            amount: ghs("50"),
            paid_at: None,
        };
        scene.happened(notice.clone());
        let mut cash = money(&order, "50", &notice.receipts().next().unwrap());
        cash.order = None;
        scene.happened(cash.clone());
        assert_eq!(posting(scene).unwrap().reference.order, None);
        scene.happened(notice.clone());
        assert_eq!(scene.load::<LoanLink>(order.loan).unwrap().announced, 1);
        let other = ExternalRepaymentNotified { loan: Some(open(scene, RepaymentKind::Normal).loan), ..notice };
        scene.happened(other.clone());
        let announced = scene.load::<LoanLink>(other.loan.unwrap()).unwrap().announced;
        assert_eq!(announced, 1, "what is known under the reference is another loan's money, at another bank");

        cash.reference = "bank-2".into();
        cash.order = Some(id(424_242));
        scene.happened(cash);
        let ledger = posting(scene).unwrap();
        assert_eq!((ledger.reference.loan, ledger.reference.order), (Some(order.loan), None));
    });
}

#[test]
fn a_loan_that_owes_nothing_turns_money_into_credit() {
    alone(|scene| {
        let order = open(scene, RepaymentKind::Normal);
        scene.answers::<CalculateRepaymentPosting>(|_| Err(Rejection::new("NOTHING_DUE", "all paid")));
        scene.happened(money(&order, "346.75", "r1"));
        assert_eq!(posting(scene).unwrap().amounts["surplus"], ghs("346.75"));
        assert_eq!(scene.emitted::<RepaymentPostingCalculated>().len(), 1);
    });
}

#[test]
fn money_that_fits_nothing_goes_to_suspense() {
    alone(|scene| {
        let order = open(scene, RepaymentKind::Normal);
        let mut lost = money(&order, "10", "lost-1");
        lost.order = None;
        lost.loan = Some(id(999_999));
        scene.happened(lost.clone());
        let ledger = posting(scene).unwrap();
        assert_eq!((ledger.template.as_str(), ledger.amounts["amount"]), ("unmatched-receipt", ghs("10")));
        assert_eq!(scene.sent::<OpenWorkOrder>()[0].kind, "unmatched-repayment");
        scene.happened(lost);
        assert!(posting(scene).is_none(), "the same reference");
        let mut foreign = money(&order, "10", "lost-2");
        foreign.amount = Money::parse("10", Currency::USD).unwrap();
        scene.happened(foreign);
        assert_eq!(scene.load::<ReceivedPayment>("lost-2".to_owned()).unwrap().status, ReceiptStatus::Suspense);
        assert!(posting(scene).is_none(), "the books are kept in the market's currency: people have to look");
        scene.happened(money(&order, "10.0001", "lost-3"));
        assert!(posting(scene).is_none(), "nobody pays, or gives back, a part of a pesewa");
        let text = scene.sent::<OpenWorkOrder>().remove(0).text;
        assert!(text.contains("in no book"), "{text}");
        assert_eq!(status(scene, &order), RepaymentOrderStatus::Created);
    });
}

fn loan_books_refuse(registry: &mut Registry) {
    registry.service("accounting-center").handles::<PostLedgerEvent>(|_, cmd| {
        if cmd.template == "repayment-received" {
            return Err(Rejection::new("ACCOUNT_LIMIT_EXCEEDED", "more principal than there is").into());
        }
        Ok(LedgerEntryAnswer { entry: id(1300) })
    });
}

#[test]
fn money_that_the_books_refuse_goes_to_suspense() {
    with_neighbours(loan_books_refuse, configs(), |scene| {
        let order = open(scene, RepaymentKind::Normal);
        scene.happened(money(&order, "346.75", "r1"));
        let templates: Vec<String> = scene.sent::<PostLedgerEvent>().into_iter().map(|sent| sent.template).collect();
        assert_eq!(templates, ["repayment-received", "unmatched-receipt"]);
        assert_eq!(scene.load::<ReceivedPayment>("r1".to_owned()).unwrap().status, ReceiptStatus::Suspense);
        assert_eq!(scene.sent::<OpenWorkOrder>().len(), 1);
        let closed = scene.emitted::<RepaymentOrderClosed>().pop().unwrap();
        assert_eq!((closed.reason.as_str(), closed.will_retry), ("NOT_POSTED", false));
        assert_eq!(status(scene, &order), RepaymentOrderStatus::Failed);
    });
}

#[test]
fn a_settlement_whose_money_the_books_refuse_ends_also_when_the_money_named_no_order_of_the_loan() {
    with_neighbours(loan_books_refuse, configs(), |scene| {
        let order = open(scene, RepaymentKind::EarlySettlement);
        scene.happened(PartnerRepaymentReceived { order: Some(id(424_242)), ..money(&order, "1005", "r1") });
        assert_eq!(scene.sent::<PostLedgerEvent>()[0].reference.order, Some(order.id));
        assert_eq!(scene.load::<ReceivedPayment>("r1".to_owned()).unwrap().order, Some(order.id));
        assert_eq!(status(scene, &order), RepaymentOrderStatus::Failed);
    });
}

#[test]
fn explained_suspense_is_the_loans() {
    alone(|scene| {
        let order = open(scene, RepaymentKind::Normal);
        let mut told = explained(&order, "50");
        scene.happened(told.clone());
        let ledger = posting(scene).unwrap();
        assert_eq!((ledger.template.as_str(), ledger.reference.loan), ("repayment-received", Some(order.loan)));
        assert_eq!((ledger.amounts["amount"], ledger.reference.text.as_str()), (ghs("50"), "suspense r-1"));
        scene.happened(told.clone());
        assert!(posting(scene).is_none(), "the same decision");
        told.loan = None;
        told.reference = "r-2".into();
        scene.happened(told);
        assert!(posting(scene).is_none(), "it went back to the payer");
    });
}

/// What people say of suspense.
fn explained(order: &RepaymentOrder, amount: &str) -> SuspenseResolved {
    SuspenseResolved {
        fund_account: id(801),
        partner: id(1),
        amount: ghs(amount),
        reference: "r-1".into(),
        credit_of: None,
        loan: Some(order.loan),
        order: None,
        paid_at: None,
    }
}

#[test]
fn money_for_no_order_is_meant_for_the_settlement_that_asks_for_it() {
    use RepaymentKind::{Cancel, EarlySettlement, Normal};
    let cases = [
        (Cancel, "980", Cancel),
        (Cancel, "980.01", Normal),
        (EarlySettlement, "1005", EarlySettlement),
        (EarlySettlement, "1006", Normal),
        (Normal, "346.75", Normal),
    ];
    for (kind, paid, taken_as) in cases {
        for by_people in [false, true] {
            alone(|scene| {
                let order = open(scene, kind);
                let meant = (taken_as != Normal).then_some(order.id);
                if by_people {
                    scene.happened(explained(&order, paid));
                } else {
                    // Our bank tells before the channel does.
                    let notice = PartnerRepaymentReceived { order: None, ..money(&order, paid, "own/momo-pay-9") };
                    scene.happened(notice);
                }
                let ledger = posting(scene).unwrap();
                assert_eq!((ledger.reference.repayment, ledger.reference.order), (Some(taken_as), meant), "{paid}");
                let receipt = scene.load::<ReceivedPayment>(ledger.reference.text).unwrap();
                assert_eq!(receipt.order, meant);
                let expected = meant.map_or(RepaymentOrderStatus::Created, |_| RepaymentOrderStatus::Received);
                assert_eq!(status(scene, &order), expected);
                scene.happened(PartnerRepaymentReceived { order: None, ..money(&order, paid, "own/momo-pay-10") });
                let again = posting(scene).unwrap().reference;
                assert_eq!((again.repayment, again.order), (Some(Normal), None), "{paid} once more");
            });
        }
    }
}

#[test]
fn suspense_that_was_paid_in_time_does_what_its_order_is_for() {
    // Seconds from the order's end to the payment, or nothing said; what it is taken as.
    let cases = [(Some(0), RepaymentKind::Cancel), (Some(1), RepaymentKind::Normal), (None, RepaymentKind::Normal)];
    for (late, taken_as) in cases {
        alone(|scene| {
            let order = open(scene, RepaymentKind::Cancel);
            growing_figures(scene);
            scene.advance_seconds(25 * 3600);
            scene.set_today(scene.today().tomorrow().unwrap());
            scene.fire_timers();
            assert_eq!(status(scene, &order), RepaymentOrderStatus::Expired);
            let paid_at = late.map(|late| order.expires_at.plus_seconds(late));
            scene.happened(SuspenseResolved { order: Some(order.id), paid_at, ..explained(&order, "980") });
            let ledger = posting(scene).unwrap();
            assert_eq!((ledger.reference.repayment, ledger.reference.order), (Some(taken_as), Some(order.id)));
        });
    }
}

/// A loan that runs since 1 February, with an order of 10 February, on 20 February.
fn ordered(scene: &mut Scene) -> RepaymentOrder {
    scene.set_today(date(2026, 2, 10));
    let order = open(scene, RepaymentKind::Normal);
    scene.set_today(date(2026, 2, 20));
    order
}

fn split_by_figures_of(scene: &Scene) -> Option<Date> {
    let asked = scene.sent::<CalculateRepaymentPosting>();
    let split = asked.into_iter().find(|asked| asked.kind == RepaymentKind::Normal && asked.amount.is_some());
    split.unwrap().as_of
}

fn noon(day: Date) -> Timestamp {
    Timestamp::start_of(day).plus_seconds(12 * 3_600)
}

#[test]
fn a_normal_repayment_is_split_by_the_day_on_which_it_was_paid() {
    let day = |nr| date(2026, 2, nr);
    // Whether it names its order, the day on which it was paid, the day that counts.
    let cases = [
        (true, day(13), Some(day(13))),
        (true, day(10), Some(day(10))),
        (true, day(3), Some(day(10))),
        (true, day(20), None),
        (true, day(25), None),
        (false, day(15), Some(day(15))),
        (false, day(3), Some(day(13))),
        (false, day(20), None),
    ];
    for (is_named, paid, counts) in cases {
        alone(|scene| {
            let order = ordered(scene);
            let mut received = PartnerRepaymentReceived { paid_at: noon(paid), ..money(&order, "100", "r1") };
            received.order = is_named.then_some(order.id);
            scene.happened(received);
            assert_eq!(split_by_figures_of(scene), counts, "named: {is_named}, paid on {paid}");
        });
    }
}

#[test]
fn an_order_that_has_its_money_does_not_say_when_other_money_was_paid() {
    alone(|scene| {
        let order = ordered(scene);
        scene.happened(money(&order, "100", "r1"));
        let paid_at = noon(date(2026, 2, 3));
        scene.happened(PartnerRepaymentReceived { paid_at, payment: None, ..money(&order, "100", "r2") });
        assert_eq!(split_by_figures_of(scene), Some(date(2026, 2, 13)));
    });
}

#[test]
fn people_say_when_money_in_suspense_was_paid() {
    // Whether they name the order of 10 February, the day on which it was paid, the day that counts.
    let cases = [
        (false, Some(date(2026, 2, 3)), Some(date(2026, 2, 3))),
        (false, Some(date(2026, 1, 15)), Some(date(2026, 2, 1))),
        (false, Some(date(2026, 3, 1)), None),
        (false, None, None),
        (true, Some(date(2026, 2, 3)), Some(date(2026, 2, 10))),
        (true, Some(date(2026, 2, 13)), Some(date(2026, 2, 13))),
    ];
    for (is_named, paid, counts) in cases {
        alone(|scene| {
            let order = ordered(scene);
            let told = explained(&order, "100");
            let named = is_named.then_some(order.id);
            scene.happened(SuspenseResolved { order: named, paid_at: paid.map(noon), ..told });
            assert_eq!(split_by_figures_of(scene), counts, "named: {is_named}, paid on {paid:?}");
        });
    }
}

#[test]
fn every_surplus_of_a_settled_loan_is_told() {
    alone(|scene| {
        let order = open(scene, RepaymentKind::Normal);
        let mut keys = Vec::new();
        for number in [1201, 1202] {
            let mut applied = posted(order.loan, None, "10", false);
            applied.posting = id(number);
            applied.parts = PostingParts { surplus: ghs("10"), ..PostingParts::nothing(Currency::GHS) };
            scene.happened(applied);
            let called = scene.sent::<OpenWorkOrder>();
            assert_eq!((called.len(), called[0].kind.as_str()), (1, "customer-credit"));
            keys.push(called[0].key.clone());
        }
        assert_ne!(keys[0], keys[1], "an open work order hides another one of its key");
    });
}

#[test]
fn a_settled_loan_is_not_debited() {
    alone(|scene| {
        let order = open(scene, RepaymentKind::EarlySettlement);
        scene.happened(DirectDebitMandateCreated { mandate: id(3001), customer: customer(), loan: order.loan });
        scene.happened(RepaymentSucceeded {
            posting: id(1201),
            loan: order.loan,
            customer: customer(),
            funder: id(1),
            fund_account: id(801),
            order: Some(order.id),
            kind: RepaymentKind::EarlySettlement,
            amount: ghs("1005"),
            parts: quote(order.loan, RepaymentKind::EarlySettlement, ghs("1005")).parts,
            principal_outstanding: ghs("0"),
            settled: true,
            worst_days_past_due: 0,
        });
        let link = scene.load::<LoanLink>(order.loan).unwrap();
        assert!(link.settled && link.mandate.is_none() && link.open_settlement.is_none());
        scene.happened(installment_due(order.loan, 1, 0));
        assert!(scene.emitted::<RepaymentOrderCreated>().is_empty());
    });
}

/// What moves a receipt.
#[derive(Clone, Copy, Debug)]
enum Told {
    SameMoney,
    PostedToTheLoan,
    PostedToSuspense,
    PostedElsewhere,
}

fn tell(scene: &mut Scene, money: &PartnerRepaymentReceived, told: Told) {
    let template = match told {
        Told::SameMoney => return scene.happened(money.clone()),
        Told::PostedToTheLoan => "repayment-received",
        Told::PostedToSuspense => "unmatched-receipt",
        Told::PostedElsewhere => "funds-arrived",
    };
    let mut booked = entry(money.loan.unwrap(), template, 1102);
    booked.reference.text = money.reference.clone();
    scene.happened(booked);
}

#[test]
fn every_state_of_a_receipt_meets_everything_that_may_move_it() {
    use ReceiptStatus::{Booked, Suspense, Taken};
    const TOLD: [Told; 4] = [Told::SameMoney, Told::PostedToTheLoan, Told::PostedToSuspense, Told::PostedElsewhere];
    let table = [
        (Taken, [Taken, Booked, Taken, Taken]),
        (Booked, [Booked, Booked, Booked, Booked]),
        (Suspense, [Suspense, Suspense, Suspense, Suspense]),
    ];
    assert_eq!(table.len(), ReceiptStatus::ALL.len());
    for (before, row) in table {
        for (told, after) in TOLD.into_iter().zip(row) {
            alone(|scene| {
                let order = open(scene, RepaymentKind::Normal);
                let loan = if before == Suspense { id(999) } else { order.loan };
                let money = PartnerRepaymentReceived { loan: Some(loan), ..money(&order, "346.75", "r1") };
                scene.happened(money.clone());
                if before == Booked {
                    tell(scene, &money, Told::PostedToTheLoan);
                }
                let status = |scene: &mut Scene| scene.load::<ReceivedPayment>("r1".to_owned()).unwrap().status;
                assert_eq!(status(scene), before);
                tell(scene, &money, told);
                assert_eq!(status(scene), after, "{before:?}, told {told:?}");
                assert!(posting(scene).is_none(), "{before:?}, told {told:?}: money is posted once");
            });
        }
    }
}
