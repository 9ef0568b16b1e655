//! credit-limit-center: lines and what loans hold of them, message by message.

use sycee_contract::{
    AssetPostingApplied, BlacklistEntryAdded, BlacklistEntryRemoved, CreditLimitChanged, CreditLineFigures,
    CreditLineFrozen, CreditReleased, CreditReserved, DisbursementSucceeded, FreezeCreditLine, Identifier,
    LoanApplicationRejected, LoanId, OpenWorkOrder, OverdueBucketChanged, PostingParts, QueryCreditLine,
    ReleaseCreditLine, RepaymentKind, RepaymentSucceeded, ReserveCreditLine,
};
use sycee_credit::CreditPolicy;
use sycee_credit::credit_limit_center::{CreditLine, CreditReservation, HoldStatus};
use sycee_money::{Currency, Money, Rate, date};
use sycee_runtime::testing::Scene;
use sycee_runtime::{Configs, Registry};

use crate::{approved, customer, ghs, loan, nobody_is_listed};

fn with_line(body: impl Fn(&mut Scene)) {
    Scene::each(with_engine, Configs::new().with(CreditPolicy::default()), |scene| {
        nobody_is_listed(scene);
        let valid_until = scene.now().plus_days(365);
        scene.happened(approved(customer(1), "1000", "1500", valid_until));
        body(scene);
    });
}

/// The domain, and a loan engine that gives back what a rejected loan held.
fn with_engine(registry: &mut Registry) {
    sycee_credit::register(registry);
    registry
        .service("loan-engine")
        .on::<LoanApplicationRejected>(|work, event| {
            let LoanApplicationRejected { loan, customer, .. } = *event;
            work.send(ReleaseCreditLine { customer, loan, reason: "cancelled".to_owned() });
            Ok(())
        })
        .sends::<ReleaseCreditLine>();
}

fn rejected(number: i64) -> LoanApplicationRejected {
    LoanApplicationRejected { loan: loan(number), customer: customer(1), reasons: Vec::new() }
}

fn reserve(number: i64, amount: &str) -> ReserveCreditLine {
    ReserveCreditLine { customer: customer(1), loan: loan(number), amount: ghs(amount) }
}

fn release(number: i64) -> ReleaseCreditLine {
    ReleaseCreditLine { customer: customer(1), loan: loan(number), reason: "cancelled".to_owned() }
}

fn freeze(frozen: bool) -> FreezeCreditLine {
    FreezeCreditLine { customer: customer(1), frozen, reason: "fraud-suspected".to_owned() }
}

fn paid_out(number: i64, principal: &str) -> DisbursementSucceeded {
    DisbursementSucceeded {
        loan: loan(number),
        customer: customer(1),
        principal: ghs(principal),
        net_proceeds: ghs(principal),
        funder: Identifier::from_number(1),
        fund_account: Identifier::from_number(1),
        reservation: Identifier::from_number(1),
        payment: None,
        entry: Identifier::from_number(1),
        annual_rate: Rate::from_bps(3_000),
        disbursed_on: date(2026, 1, 5),
        first_due: date(2026, 2, 5),
    }
}

fn posted(number: i64, outstanding: &str) -> AssetPostingApplied {
    AssetPostingApplied {
        posting: Identifier::from_number(1),
        loan: loan(number),
        customer: customer(1),
        order: None,
        entry: Identifier::from_number(1),
        kind: RepaymentKind::Normal,
        amount: ghs("1"),
        parts: PostingParts::nothing(Currency::GHS),
        principal_outstanding: ghs(outstanding),
        installments_settled: vec![],
        settled: ghs(outstanding).is_zero(),
    }
}

fn repaid(number: i64, kind: RepaymentKind, settled: bool, worst_days_past_due: u32) -> RepaymentSucceeded {
    RepaymentSucceeded {
        posting: Identifier::from_number(1),
        loan: loan(number),
        customer: customer(1),
        funder: Identifier::from_number(1),
        fund_account: Identifier::from_number(1),
        order: None,
        kind,
        amount: ghs("1"),
        parts: PostingParts::nothing(Currency::GHS),
        principal_outstanding: ghs("0"),
        settled,
        worst_days_past_due,
    }
}

fn bucket(number: i64, days_past_due: u32, to: &str) -> OverdueBucketChanged {
    OverdueBucketChanged {
        loan: loan(number),
        customer: customer(1),
        days_past_due,
        from: "current".to_owned(),
        to: to.to_owned(),
        overdue: ghs("10"),
    }
}

fn line(scene: &mut Scene) -> CreditLine {
    scene.load::<CreditLine>(customer(1)).unwrap()
}

fn hold(scene: &mut Scene, loan: LoanId) -> CreditReservation {
    scene.load::<CreditReservation>(loan).unwrap()
}

/// Limit, available, reserved, used, frozen.
fn parts_of(figures: &CreditLineFigures) -> [String; 5] {
    [figures.limit, figures.available, figures.reserved, figures.used, figures.frozen].map(Money::to_decimal_string)
}

#[test]
fn a_loan_takes_from_the_line_and_gives_back_what_is_repaid() {
    with_line(|scene| {
        let figures = scene.request(reserve(7, "600")).unwrap();
        assert_eq!(parts_of(&figures), ["1000.00", "400.00", "600.00", "0.00", "0.00"]);
        assert_eq!(scene.emitted::<CreditReserved>()[0].line, figures);

        scene.happened(paid_out(7, "600"));
        assert_eq!(parts_of(&line(scene).figures()), ["1000.00", "400.00", "0.00", "600.00", "0.00"]);

        scene.happened(posted(7, "450"));
        let released = scene.emitted::<CreditReleased>();
        assert_eq!((released[0].amount, released[0].reason.as_str()), (ghs("150"), "repaid"));
        assert_eq!(parts_of(&line(scene).figures()), ["1000.00", "550.00", "0.00", "450.00", "0.00"]);

        scene.happened(posted(7, "0"));
        assert_eq!(parts_of(&line(scene).figures()), ["1000.00", "1000.00", "0.00", "0.00", "0.00"]);
        assert_eq!(hold(scene, loan(7)).status, HoldStatus::Settled);
    });
}

#[test]
fn nothing_moves_twice() {
    with_line(|scene| {
        let first = scene.request(reserve(7, "600")).unwrap();
        assert_eq!(scene.request(reserve(7, "600")).unwrap(), first);
        assert!(scene.emitted::<CreditReserved>().is_empty());

        scene.happened(paid_out(7, "600"));
        scene.happened(paid_out(7, "600"));
        scene.happened(posted(7, "450"));
        scene.happened(posted(7, "450"));
        assert!(scene.emitted::<CreditReleased>().is_empty());
        scene.happened(posted(7, "500"));
        assert_eq!(parts_of(&line(scene).figures()), ["1000.00", "550.00", "0.00", "450.00", "0.00"]);

        scene.request(reserve(8, "100")).unwrap();
        let held = line(scene);
        assert_eq!(scene.request(release(8)).unwrap_err().code, "UNEXPECTED_STATE", "the loan may still be paid out");
        assert_eq!(line(scene), held);
        scene.happened(rejected(8));
        assert_eq!(scene.emitted::<CreditReleased>()[0].reason, "cancelled");
        scene.request(release(8)).unwrap();
        assert!(scene.emitted::<CreditReleased>().is_empty());
        scene.request(release(9)).unwrap();
        assert_eq!(parts_of(&line(scene).figures()), ["1000.00", "550.00", "0.00", "450.00", "0.00"]);
    });
}

#[test]
fn a_reservation_is_refused_without_a_trace() {
    with_line(|scene| {
        scene.request(reserve(1, "600")).unwrap();
        scene.request(reserve(2, "100")).unwrap();
        scene.happened(rejected(2));
        let before = line(scene);
        let usd = Money::parse("10", Currency::USD).unwrap();
        let tenth_of_a_pesewa = Money::parse("0.001", Currency::GHS).unwrap();
        let elsewhere = |amount| ReserveCreditLine { amount, ..reserve(3, "1") };
        for (command, code) in [
            (reserve(3, "400.01"), "CREDIT_LIMIT_EXCEEDED"),
            (elsewhere(Money::from_minor(i64::MAX / 100, Currency::GHS).unwrap()), "CREDIT_LIMIT_EXCEEDED"),
            (reserve(3, "0"), "INVALID_AMOUNT"),
            (reserve(3, "-5"), "INVALID_AMOUNT"),
            (elsewhere(tenth_of_a_pesewa), "INVALID_AMOUNT"),
            (elsewhere(usd), "INVALID_AMOUNT"),
            (reserve(1, "500"), "UNEXPECTED_STATE"),
            (reserve(2, "100"), "UNEXPECTED_STATE"),
            (ReserveCreditLine { customer: customer(2), ..reserve(3, "1") }, "NOT_FOUND"),
        ] {
            assert_eq!(scene.request(command.clone()).unwrap_err().code, code, "{command:?}");
            assert_eq!(line(scene), before, "{command:?}");
            assert!(scene.load::<CreditReservation>(loan(3)).is_none(), "{command:?}");
        }
        assert_eq!(parts_of(&scene.request(reserve(3, "400")).unwrap())[1], "0.00");
        assert_eq!(scene.request(reserve(4, "0.01")).unwrap_err().code, "CREDIT_LIMIT_EXCEEDED");
    });
}

#[test]
fn a_loan_that_was_paid_out_is_not_released() {
    with_line(|scene| {
        scene.request(reserve(7, "600")).unwrap();
        scene.happened(paid_out(7, "600"));
        let before = line(scene);
        assert_eq!(scene.request(release(7)).unwrap_err().code, "UNEXPECTED_STATE");
        assert_eq!(line(scene), before);
    });
}

#[test]
fn an_expired_line_is_not_drawn() {
    with_line(|scene| {
        scene.advance_seconds(365 * 86_400);
        scene.request(reserve(1, "1")).unwrap();
        scene.advance_seconds(1);
        assert_eq!(scene.request(reserve(2, "1")).unwrap_err().code, "CREDIT_LINE_EXPIRED");
    });
}

#[test]
fn an_order_freezes_and_unfreezes() {
    with_line(|scene| {
        scene.request(reserve(1, "300")).unwrap();
        scene.request(freeze(true)).unwrap();
        let frozen = scene.emitted::<CreditLineFrozen>();
        assert!(frozen[0].frozen && frozen[0].line.is_frozen);
        assert_eq!(parts_of(&frozen[0].line), ["1000.00", "0.00", "300.00", "0.00", "700.00"]);
        scene.request(freeze(true)).unwrap();
        assert!(scene.emitted::<CreditLineFrozen>().is_empty());

        assert_eq!(scene.request(reserve(2, "1")).unwrap_err().code, "CREDIT_LINE_FROZEN");
        scene.happened(paid_out(1, "300"));
        scene.happened(posted(1, "100"));
        assert_eq!(parts_of(&line(scene).figures()), ["1000.00", "0.00", "0.00", "100.00", "900.00"]);

        scene.request(freeze(false)).unwrap();
        assert!(!scene.emitted::<CreditLineFrozen>()[0].frozen);
        assert_eq!(parts_of(&line(scene).figures()), ["1000.00", "900.00", "0.00", "100.00", "0.00"]);
        scene.request(freeze(false)).unwrap();

        let unexplained = FreezeCreditLine { reason: " ".to_owned(), ..freeze(true) };
        assert_eq!(scene.request(unexplained).unwrap_err().code, "INVALID_FIELD");
        let unknown = FreezeCreditLine { customer: customer(2), ..freeze(true) };
        assert_eq!(scene.request(unknown).unwrap_err().code, "NOT_FOUND");
    });
}

#[test]
fn delinquency_freezes_until_every_loan_is_current() {
    with_line(|scene| {
        for (event, flips, is_frozen) in [
            (bucket(1, 1, "1-30"), None, false),
            (bucket(1, 31, "31-60"), Some(true), true),
            (bucket(2, 95, "90+"), None, true),
            (bucket(1, 20, "1-30"), None, true),
            (bucket(1, 0, "current"), None, true),
            (bucket(2, 0, "current"), Some(false), false),
            (bucket(2, 0, "current"), None, false),
        ] {
            scene.happened(event.clone());
            let frozen = scene.emitted::<CreditLineFrozen>();
            assert_eq!(frozen.first().map(|frozen| frozen.frozen), flips, "{event:?}");
            assert_eq!(line(scene).is_frozen(), is_frozen, "{event:?}");
        }
        assert_eq!(line(scene).worst_days_past_due, 95);
    });
}

#[test]
fn an_order_and_a_delinquency_are_lifted_apart() {
    with_line(|scene| {
        scene.happened(bucket(1, 40, "31-60"));
        assert_eq!(scene.request(freeze(false)).unwrap_err().code, "UNEXPECTED_STATE");
        scene.request(freeze(true)).unwrap();
        assert_eq!(scene.emitted::<CreditLineFrozen>()[0].reason, "fraud-suspected", "another reason is told");
        scene.happened(bucket(1, 0, "current"));
        assert!(line(scene).is_frozen());
        scene.request(freeze(false)).unwrap();
        assert!(!line(scene).is_frozen());
    });
}

#[test]
fn a_settled_loan_no_longer_freezes() {
    with_line(|scene| {
        scene.request(reserve(1, "300")).unwrap();
        scene.happened(paid_out(1, "300"));
        scene.happened(bucket(1, 45, "31-60"));
        scene.happened(posted(1, "0"));
        assert!(!scene.emitted::<CreditLineFrozen>()[0].frozen);
        assert_eq!(parts_of(&line(scene).figures()), ["1000.00", "1000.00", "0.00", "0.00", "0.00"]);
    });
}

#[test]
fn a_loan_that_was_settled_well_grows_the_limit_once() {
    for (kind, settled, worst, limits) in [
        (RepaymentKind::Normal, true, 3, vec!["1200.00", "1440.00", "1500.00", "1500.00"]),
        (RepaymentKind::EarlySettlement, true, 0, vec!["1200.00"]),
        (RepaymentKind::Normal, true, 4, vec!["1000.00"]),
        (RepaymentKind::Normal, false, 0, vec!["1000.00"]),
        (RepaymentKind::Cancel, true, 0, vec!["1000.00"]),
    ] {
        with_line(|scene| {
            for (limit, number) in limits.iter().zip(1..) {
                scene.request(reserve(number, "400")).unwrap();
                scene.happened(paid_out(number, "400"));
                scene.set_today(date(2026, 1, 19));
                scene.happened(posted(number, "0"));
                let before = line(scene).credit_limit;
                scene.happened(repaid(number, kind, settled, worst));
                let changed = scene.emitted::<CreditLimitChanged>();
                assert_eq!(
                    changed.first().map(|changed| changed.from),
                    (before != line(scene).credit_limit).then_some(before)
                );
                scene.happened(repaid(number, kind, settled, worst));
                assert_eq!(
                    line(scene).credit_limit.to_decimal_string(),
                    *limit,
                    "{kind:?} settled {settled}, worst {worst}"
                );
                assert_eq!(line(scene).figures().limit, line(scene).available);
            }
            assert_eq!(line(scene).repayments as usize, 2 * limits.len());
        });
    }
}

#[test]
fn small_and_short_loans_grow_nothing() {
    for (reserved, principal, settled_on, limit) in [
        ("250", "250", date(2026, 1, 19), "1200.00"),
        ("249.99", "249.99", date(2026, 1, 19), "1000.00"),
        ("1000", "10", date(2026, 1, 19), "1000.00"),
        ("1000", "1000", date(2026, 1, 18), "1000.00"),
    ] {
        with_line(|scene| {
            scene.request(reserve(1, reserved)).unwrap();
            scene.happened(paid_out(1, principal));
            scene.set_today(settled_on);
            scene.happened(posted(1, "0"));
            scene.happened(repaid(1, RepaymentKind::Normal, true, 0));
            let line = line(scene);
            assert_eq!(line.credit_limit.to_decimal_string(), limit, "{reserved} {principal} {settled_on}");
            assert_eq!(line.loans_settled, 1);
        });
    }
}

#[test]
fn only_days_on_which_enough_is_outstanding_prove_something() {
    // Principal, then what is left of it and since when; it is settled on 19 January, a fortnight after the payout.
    for (principal, left, since, limit) in [
        ("250", "0.01", date(2026, 1, 5), "1000.00"),
        ("1000", "249.99", date(2026, 1, 18), "1000.00"),
        ("1000", "250", date(2026, 1, 5), "1200.00"),
        ("1000", "249.99", date(2026, 1, 19), "1200.00"),
    ] {
        with_line(|scene| {
            scene.request(reserve(1, principal)).unwrap();
            scene.happened(paid_out(1, principal));
            scene.set_today(since);
            scene.happened(posted(1, left));
            scene.happened(repaid(1, RepaymentKind::Normal, false, 0));
            scene.set_today(date(2026, 1, 19));
            scene.happened(posted(1, "0"));
            scene.happened(repaid(1, RepaymentKind::Normal, true, 0));
            let got = line(scene).credit_limit.to_decimal_string();
            assert_eq!(got, limit, "{left} of {principal} since {since}");
        });
    }
}

#[test]
fn a_further_approval_renews_the_line_above_what_loans_hold() {
    with_line(|scene| {
        scene.request(reserve(1, "600")).unwrap();
        let until = scene.now().plus_days(730);
        for (limit, cap, parts) in [
            ("2000", "3000", ["2000.00", "1400.00", "600.00", "0.00", "0.00"]),
            ("100", "200", ["600.00", "0.00", "600.00", "0.00", "0.00"]),
        ] {
            scene.happened(approved(customer(1), limit, cap, until));
            assert_eq!(scene.emitted::<CreditLimitChanged>()[0].reason, "renewed");
            assert_eq!(parts_of(&line(scene).figures()), parts);
            assert_eq!(line(scene).valid_until, until);
        }
    });
}

#[test]
fn figures_are_told_and_other_loans_are_ignored() {
    with_line(|scene| {
        assert_eq!(scene.request(QueryCreditLine { customer: customer(2) }).unwrap(), None);
        let figures = scene.request(QueryCreditLine { customer: customer(1) }).unwrap().unwrap();
        assert_eq!(parts_of(&figures), ["1000.00", "1000.00", "0.00", "0.00", "0.00"]);
        scene.happened(paid_out(99, "5"));
        scene.happened(posted(99, "0"));
        scene.happened(repaid(99, RepaymentKind::Normal, true, 0));
        scene.happened(OverdueBucketChanged { customer: customer(2), ..bucket(1, 40, "31-60") });
        assert_eq!(line(scene).figures(), figures);
    });
}

#[test]
fn a_blacklisted_customer_draws_nothing_until_staff_thaw_the_line() {
    with_line(|scene| {
        let listed =
            |customers| BlacklistEntryAdded { kind: "device".to_owned(), reason: "FRAUD".to_owned(), customers };
        scene.happened(listed(vec![customer(2)]));
        assert!(scene.emitted::<CreditLineFrozen>().is_empty(), "somebody without a line");
        scene.happened(listed(vec![customer(2), customer(1)]));
        let told = scene.emitted::<CreditLineFrozen>().remove(0);
        assert_eq!((told.line.customer, told.frozen, told.reason.as_str()), (customer(1), true, "blacklisted"));
        assert_eq!(scene.request(reserve(1, "100")).unwrap_err().code, "CREDIT_LINE_FROZEN");
        scene.happened(listed(vec![customer(1)]));
        assert!(scene.emitted::<CreditLineFrozen>().is_empty(), "frozen already");
        scene.request(freeze(true)).unwrap();
        assert!(scene.emitted::<CreditLineFrozen>().is_empty(), "the blacklist is the stronger reason");

        let removed = |customers| BlacklistEntryRemoved {
            kind: "device".to_owned(),
            reason: "FRAUD_REFUTED".to_owned(),
            customers,
        };
        scene.happened(removed(vec![customer(2), customer(1)]));
        let orders = scene.sent::<OpenWorkOrder>();
        assert_eq!((orders.len(), orders[0].key.as_str()), (1, "thaw-cus-1"));
        assert!(line(scene).is_frozen(), "people decide");
        scene.request(freeze(false)).unwrap();
        scene.happened(removed(vec![customer(1)]));
        assert!(scene.sent::<OpenWorkOrder>().is_empty());
        scene.request(reserve(1, "100")).unwrap();
        scene.request(freeze(true)).unwrap();
        scene.happened(listed(vec![customer(1)]));
        assert_eq!(scene.emitted::<CreditLineFrozen>()[0].reason, "blacklisted", "it replaces another order");
    });
}
