//! Early settlement and cancellation: quoted by the product, split by the note, applied so that nothing stays open.

use sycee_asset::NoteStatus;
use sycee_contract::{
    Actor, AssetPostingApplied, CalculateRepaymentPosting, OverdueBucketChanged, PostLedgerEvent, RepaymentKind,
    RepaymentPostingCalculated,
};
use sycee_money::date;

use crate::books::Books;
use crate::fixture::{
    LOAN, advance, advance_from, contract, customer, disburse, ghs, installments, loan, market, note, one_loan, pay,
    post, quote, quote_of, terms,
};

#[test]
fn a_settlement_charges_interest_to_the_day() {
    one_loan(|scene| {
        advance_from(scene, date(2026, 1, 31), date(2026, 2, 14));
        let running = note(scene);
        let quote = quote(scene, RepaymentKind::EarlySettlement, None).unwrap();
        let to_the_day = running.earned_to(date(2026, 2, 14)).unwrap();
        assert_eq!((quote.parts.principal, quote.settles), (ghs("1200"), true));
        assert_eq!(quote.parts.interest, running.interest_accrued);
        assert_eq!(quote.parts.interest_advance, to_the_day.checked_sub(running.interest_accrued).unwrap());
        assert_eq!(quote.amount, ghs("1200").checked_add(to_the_day).unwrap());

        post(scene, 900, RepaymentKind::EarlySettlement, &quote.parts);
        let settled = note(scene);
        assert_eq!((settled.status, settled.interest_accrued), (NoteStatus::Settled, to_the_day));
        assert_eq!(scene.emitted::<AssetPostingApplied>()[0].installments_settled, vec![1, 2, 3]);
        assert_eq!(scene.sent::<PostLedgerEvent>()[0].amounts["interest-unearned"], quote.parts.interest_advance);
        assert!(installments(scene).lines[2].interest_waived.is_positive());
        assert!(advance(scene, date(2026, 2, 15)).is_empty());
    });
}

#[test]
fn too_little_settles_nothing_and_too_much_comes_back() {
    one_loan(|scene| {
        assert_eq!(
            quote(scene, RepaymentKind::EarlySettlement, Some("1199.99")).unwrap_err(),
            "AMOUNT_BELOW_SETTLEMENT"
        );
        let quote = quote(scene, RepaymentKind::EarlySettlement, Some("1210")).unwrap();
        assert_eq!((quote.amount, quote.parts.surplus), (ghs("1210"), ghs("10")));
        post(scene, 900, RepaymentKind::EarlySettlement, &quote.parts);
        assert_eq!(note(scene).surplus, ghs("10"));
    });
}

#[test]
fn interest_paid_in_advance_is_given_back_against_principal() {
    one_loan(|scene| {
        let mut books = Books::new(sycee_money::Currency::GHS);
        books.lend(ghs("1200"), ghs("48"));
        // Both next installments in advance, on the first day.
        let ahead: Vec<_> =
            installments(scene).lines[..2].iter().flat_map(|line| [line.principal, line.interest]).collect();
        let ahead = sycee_money::Money::sum(sycee_money::Currency::GHS, ahead).unwrap();
        books.repay(&pay(scene, 900, &ahead.to_decimal_string()).parts);
        for event in advance_from(scene, date(2026, 1, 31), date(2026, 2, 10)) {
            books.take(&event);
        }
        books.agree_with(&[note(scene)]);

        let before = note(scene);
        let quote = quote(scene, RepaymentKind::EarlySettlement, None).unwrap();
        let earned = before.earned_to(date(2026, 2, 10)).unwrap();
        assert_eq!(quote.parts.interest_refund, before.interest_paid.checked_sub(earned).unwrap());
        assert_eq!(quote.parts.principal_covered().unwrap(), before.principal_outstanding);
        assert_eq!((quote.parts.interest, quote.parts.interest_advance), (ghs("0"), ghs("0")));
        assert!(quote.amount.compare(before.principal_outstanding).unwrap().is_lt());

        post(scene, 901, RepaymentKind::EarlySettlement, &quote.parts);
        books.repay(&quote.parts);
        for event in scene.sent::<PostLedgerEvent>() {
            books.take(&event);
        }
        let settled = note(scene);
        books.agree_with(std::slice::from_ref(&settled));
        assert_eq!((settled.interest_accrued, settled.interest_paid), (earned, earned));
        assert_eq!(books.balance("unearned"), ghs("0"));
    });
}

#[test]
fn settling_an_overdue_loan_pays_its_penalty_and_cures_it() {
    one_loan(|scene| {
        advance_from(scene, date(2026, 1, 31), date(2026, 3, 20));
        let late = note(scene);
        let quote = quote(scene, RepaymentKind::EarlySettlement, None).unwrap();
        assert_eq!(quote.parts.penalty, late.penalty_receivable().unwrap());
        post(scene, 900, RepaymentKind::EarlySettlement, &quote.parts);
        assert_eq!(scene.emitted::<OverdueBucketChanged>()[0].to, "current");
        assert_eq!(note(scene).penalty_receivable().unwrap(), ghs("0"));
    });
}

#[test]
fn cancelling_gives_the_net_proceeds_back_and_undoes_fee_and_interest() {
    one_loan(|scene| {
        let mut books = Books::new(sycee_money::Currency::GHS);
        books.lend(ghs("1200"), ghs("48"));
        for event in advance_from(scene, date(2026, 1, 31), date(2026, 2, 5)) {
            books.take(&event);
        }
        let accrued = note(scene).interest_accrued;
        let quote = quote(scene, RepaymentKind::Cancel, None).unwrap();
        assert_eq!(
            (quote.amount, quote.parts.fee_refund, quote.parts.interest_waived),
            (ghs("1152"), ghs("48"), accrued)
        );

        post(scene, 900, RepaymentKind::Cancel, &quote.parts);
        books.repay(&quote.parts);
        let cancelled = note(scene);
        books.agree_with(std::slice::from_ref(&cancelled));
        assert_eq!((cancelled.status, cancelled.interest_accrued), (NoteStatus::Cancelled, ghs("0")));
        for account in ["cash", "income", "fee-income"] {
            assert_eq!(books.balance(account), ghs("0"), "{account}");
        }
        assert!(scene.sent::<PostLedgerEvent>().is_empty());
    });
}

#[test]
fn cancelling_has_its_time_and_comes_before_any_payment() {
    one_loan(|scene| {
        pay(scene, 900, "1");
        assert_eq!(quote(scene, RepaymentKind::Cancel, None).unwrap_err(), "UNEXPECTED_STATE");
    });
    one_loan(|scene| {
        advance_from(scene, date(2026, 1, 31), date(2026, 2, 7));
        assert!(quote(scene, RepaymentKind::Cancel, None).is_ok(), "the last day counts");
        assert_eq!(quote(scene, RepaymentKind::Cancel, Some("1151.99")).unwrap_err(), "AMOUNT_BELOW_SETTLEMENT");
        advance(scene, date(2026, 2, 8));
        assert_eq!(quote(scene, RepaymentKind::Cancel, None).unwrap_err(), "COOLING_OFF_OVER");
    });
}

/// Settles by the figures of `day`, heard of on `heard`; `ahead` installments were paid in advance on the first day.
fn settle_by_figures_of(day: sycee_contract::Date, heard: sycee_contract::Date, ahead: usize) {
    one_loan(|scene| {
        let mut books = Books::new(sycee_money::Currency::GHS);
        books.lend(ghs("1200"), ghs("48"));
        if ahead > 0 {
            let lines = installments(scene).lines.0;
            let paid = lines[..ahead].iter().flat_map(|line| [line.principal, line.interest]);
            let paid = sycee_money::Money::sum(sycee_money::Currency::GHS, paid).unwrap();
            books.repay(&pay(scene, 900, &paid.to_decimal_string()).parts);
        }
        for event in advance_from(scene, date(2026, 1, 31), day) {
            books.take(&event);
        }
        let then = quote(scene, RepaymentKind::EarlySettlement, None).unwrap();
        let penalty = note(scene).penalty_accrued;
        for event in advance_from(scene, day, heard) {
            books.take(&event);
        }
        let held = quote_of(scene, RepaymentKind::EarlySettlement, None, Some(day)).unwrap();
        assert_eq!((held.amount, held.as_of), (then.amount, day), "{day} heard on {heard}");
        post(scene, 901, RepaymentKind::EarlySettlement, &held.parts);
        books.repay(&held.parts);
        for event in scene.sent::<PostLedgerEvent>() {
            books.take(&event);
        }
        let settled = note(scene);
        assert_eq!((settled.status, settled.is_open), (NoteStatus::Settled, false));
        assert_eq!((settled.interest_accrued, settled.penalty_accrued), (settled.interest_paid, penalty));
        books.agree_with(std::slice::from_ref(&settled));
        for account in ["receivable", "unearned", "penalty"] {
            assert_eq!(books.balance(account), ghs("0"), "{account}, {day} heard on {heard}");
        }
    });
}

#[test]
fn the_figures_of_a_day_hold_for_money_that_was_paid_then() {
    let days = [
        (date(2026, 2, 14), date(2026, 2, 15)),
        (date(2026, 2, 14), date(2026, 2, 17)),
        (date(2026, 2, 27), date(2026, 3, 3)),
        // Late, with penalties that grow from day to day.
        (date(2026, 3, 20), date(2026, 3, 24)),
    ];
    for (day, heard) in days {
        for ahead in 0..=2 {
            settle_by_figures_of(day, heard, ahead);
        }
    }
}

#[test]
fn a_right_to_cancel_that_was_used_in_time_is_not_lost() {
    one_loan(|scene| {
        let last = note(scene).cooling_off_until();
        advance_from(scene, date(2026, 1, 31), last.tomorrow().unwrap().tomorrow().unwrap());
        assert_eq!(quote(scene, RepaymentKind::Cancel, None).unwrap_err(), "COOLING_OFF_OVER");
        let held = quote_of(scene, RepaymentKind::Cancel, None, Some(last)).unwrap();
        post(scene, 900, RepaymentKind::Cancel, &held.parts);
        assert_eq!(note(scene).status, NoteStatus::Cancelled);
    });
}

#[test]
fn a_right_to_cancel_that_was_used_in_time_outlasts_a_penalty() {
    let mut patient = terms();
    patient.cooling_off_days = 40;
    market(|scene| {
        disburse(scene, &contract(LOAN, patient.clone(), "1200", 3));
        let mut books = Books::new(sycee_money::Currency::GHS);
        books.lend(ghs("1200"), ghs("48"));
        let used = date(2026, 2, 20);
        for event in advance_from(scene, date(2026, 1, 31), date(2026, 3, 20)) {
            books.take(&event);
        }
        assert!(note(scene).penalty_accrued.is_positive());
        let held = quote_of(scene, RepaymentKind::Cancel, None, Some(used)).unwrap();
        assert_eq!((held.amount, held.parts.penalty), (ghs("1152"), ghs("0")));
        post(scene, 900, RepaymentKind::Cancel, &held.parts);
        books.repay(&held.parts);
        for event in scene.sent::<PostLedgerEvent>() {
            books.take(&event);
        }
        let cancelled = note(scene);
        assert_eq!((cancelled.status, cancelled.penalty_accrued), (NoteStatus::Cancelled, ghs("0")));
        books.agree_with(std::slice::from_ref(&cancelled));
        assert_eq!(books.balance("penalty"), ghs("0"));
    });
}

#[test]
fn a_settlement_before_the_close_of_yesterday_pays_its_penalty() {
    let after_the_close = {
        let mut amount = None;
        let seen = std::cell::RefCell::new(&mut amount);
        one_loan(|scene| {
            advance_from(scene, date(2026, 1, 31), date(2026, 3, 20));
            **seen.borrow_mut() = Some(quote(scene, RepaymentKind::EarlySettlement, None).unwrap().amount);
        });
        amount.unwrap()
    };
    one_loan(|scene| {
        let mut books = Books::new(sycee_money::Currency::GHS);
        books.lend(ghs("1200"), ghs("48"));
        for event in advance_from(scene, date(2026, 1, 31), date(2026, 3, 18)) {
            books.take(&event);
        }
        // Two days open and their close has not come to this loan.
        scene.set_today(date(2026, 3, 20));
        let quote = quote(scene, RepaymentKind::EarlySettlement, None).unwrap();
        assert_eq!(quote.amount, after_the_close);
        post(scene, 900, RepaymentKind::EarlySettlement, &quote.parts);
        books.repay(&quote.parts);
        for event in scene.sent::<PostLedgerEvent>() {
            books.take(&event);
        }
        let settled = note(scene);
        assert_eq!((settled.status, settled.penalty_accrued), (NoteStatus::Settled, settled.penalty_paid));
        books.agree_with(std::slice::from_ref(&settled));
        for account in ["receivable", "unearned", "penalty"] {
            assert_eq!(books.balance(account), ghs("0"), "{account}");
        }
    });
}

#[test]
fn figures_of_the_past_are_not_for_customers_and_are_told_to_nobody() {
    one_loan(|scene| {
        advance_from(scene, date(2026, 1, 31), date(2026, 2, 5));
        let past = CalculateRepaymentPosting {
            customer: customer(),
            loan: loan(LOAN),
            kind: RepaymentKind::EarlySettlement,
            amount: None,
            as_of: Some(date(2026, 2, 3)),
        };
        let refused = scene.request_by(&Actor::of_customer(customer()), past.clone()).unwrap_err();
        assert_eq!(refused.code, "INVALID_FIELD");
        assert!(refused.message.contains("asOf"), "{}", refused.message);
        scene.request(past.clone()).unwrap();
        assert!(scene.emitted::<RepaymentPostingCalculated>().is_empty());
        let today = CalculateRepaymentPosting { as_of: None, ..past };
        scene.request_by(&Actor::of_customer(customer()), today).unwrap();
        assert_eq!(scene.emitted::<RepaymentPostingCalculated>().len(), 1);
    });
}

#[test]
fn figures_are_of_a_day_of_the_loan() {
    one_loan(|scene| {
        for day in [date(2026, 1, 30), date(2026, 2, 1)] {
            let refused = quote_of(scene, RepaymentKind::EarlySettlement, None, Some(day));
            assert_eq!(refused.unwrap_err(), "INVALID_FIELD", "{day}");
        }
    });
}
