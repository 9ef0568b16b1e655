//! Normal repayments: quoted, posted once, applied by age; cures, advances, over-payments.

use std::cell::RefCell;

use sycee_asset::{AssetPool, CustomerAssets, LoanInstallments, LoanNote, NoteStatus, RepaymentPosting};
use sycee_contract::{
    AccountingEntryReversed, AssetPostingApplied, CalculateRepaymentPosting, CustomerId, Date, EntryId, Identifier,
    LedgerReference, OpenWorkOrder, OverdueBucketChanged, PartnerId, PostLedgerEvent, RepaymentKind,
    RepaymentPostingCalculated, RepaymentSucceeded,
};
use sycee_money::{Currency, Money, date};

use crate::books::Books;
use crate::fixture::{
    CUSTOMER, FUNDER, LOAN, START, advance, advance_from, customer, ghs, installments, loan, note, one_loan, pay, post,
    quote, quote_of,
};

#[test]
fn quotes_are_refused_with_a_reason() {
    one_loan(|scene| {
        assert_eq!(quote(scene, RepaymentKind::Normal, None).unwrap_err(), "NOTHING_DUE");
        for amount in ["0", "-5", "0.001"] {
            assert_eq!(quote(scene, RepaymentKind::Normal, Some(amount)).unwrap_err(), "INVALID_FIELD", "{amount}");
        }
        let amount = Money::from_minor(5_000, Currency::USD).unwrap();
        let foreign = CalculateRepaymentPosting {
            customer: customer(),
            loan: loan(LOAN),
            kind: RepaymentKind::Normal,
            amount: Some(amount),
            as_of: None,
        };
        let unknown = CalculateRepaymentPosting { loan: loan(1), ..foreign };
        let other = CalculateRepaymentPosting { customer: CustomerId::from_number(CUSTOMER + 1), ..foreign };
        assert_eq!(scene.request(foreign).unwrap_err().code, "INVALID_FIELD");
        assert_eq!(scene.request(unknown).unwrap_err().code, "NOT_FOUND");
        assert_eq!(scene.request(other).unwrap_err().code, "LOAN_NOT_YOURS");
        assert!(scene.emitted::<RepaymentPostingCalculated>().is_empty(), "nothing is told to anybody");
    });
}

#[test]
fn a_trial_of_a_named_amount_is_told_once_as_it_is_answered() {
    one_loan(|scene| {
        for day in [date(2026, 2, 10), date(2026, 2, 28)] {
            advance(scene, day);
            for amount in ["0.01", "50", "403.98", "1200", "99999"] {
                let answered = quote(scene, RepaymentKind::Normal, Some(amount)).unwrap();
                let told = scene.emitted::<RepaymentPostingCalculated>();
                assert_eq!(told.iter().map(|event| &event.quote).collect::<Vec<_>>(), [&answered], "{amount} on {day}");
            }
        }
    });
}

#[test]
fn a_quote_on_the_due_date_asks_for_the_installment() {
    one_loan(|scene| {
        advance_from(scene, date(2026, 1, 31), date(2026, 2, 28));
        let quote = quote(scene, RepaymentKind::Normal, None).unwrap();
        assert_eq!(scene.emitted::<RepaymentPostingCalculated>()[0].quote, quote);
        let first = installments(scene).lines[0].clone();
        let sum = first.principal.checked_add(first.interest).unwrap();
        assert_eq!((quote.amount, quote.due_now, quote.settles), (sum, sum, false));
        assert_eq!(quote.customer.number(), CUSTOMER);
        // The due date's own interest is earned when the day closes.
        let accrued = note(scene).interest_accrued;
        assert_eq!(quote.parts.interest, accrued);
        assert_eq!(quote.parts.interest_advance, first.interest.checked_sub(accrued).unwrap());
    });
}

#[test]
fn a_posting_is_applied_once() {
    one_loan(|scene| {
        advance_from(scene, date(2026, 1, 31), date(2026, 2, 28));
        let quote = quote(scene, RepaymentKind::Normal, None).unwrap();
        post(scene, 900, RepaymentKind::Normal, &quote.parts);

        let applied = scene.emitted::<AssetPostingApplied>().remove(0);
        assert_eq!(
            (applied.amount, applied.installments_settled.clone(), applied.settled),
            (quote.amount, vec![1], false)
        );
        let told = scene.emitted::<RepaymentSucceeded>().remove(0);
        assert_eq!(
            (told.posting, told.funder.number(), told.principal_outstanding),
            (applied.posting, FUNDER, note(scene).principal_outstanding,)
        );
        let before = note(scene);
        assert_eq!(before.interest_receivable().unwrap(), ghs("0"));

        post(scene, 900, RepaymentKind::Normal, &quote.parts);
        assert!(scene.emitted::<AssetPostingApplied>().is_empty());
        assert_eq!(note(scene), before);
        let posting = scene.load::<RepaymentPosting>(EntryId::from_number(900)).unwrap();
        assert_eq!((posting.amount, posting.lines.len()), (quote.amount, 1));
        let pool = scene.load::<AssetPool>(PartnerId::from_number(FUNDER)).unwrap();
        assert_eq!((pool.outstanding, pool.collected), (before.principal_outstanding, quote.amount));
    });
}

#[test]
fn a_late_payment_cures_the_loan() {
    one_loan(|scene| {
        advance_from(scene, date(2026, 1, 31), date(2026, 3, 11));
        let late = note(scene);
        assert_eq!((late.status, late.days_past_due), (NoteStatus::Overdue, 10));
        let quote = quote(scene, RepaymentKind::Normal, None).unwrap();
        assert_eq!(quote.parts.penalty, late.penalty_receivable().unwrap());
        assert!(quote.parts.penalty.is_positive());

        pay(scene, 900, "5");
        assert!(scene.emitted::<OverdueBucketChanged>().is_empty(), "a part payment cures nothing");
        let rest = crate::fixture::quote(scene, RepaymentKind::Normal, None).unwrap();
        post(scene, 901, RepaymentKind::Normal, &rest.parts);
        let change = scene.emitted::<OverdueBucketChanged>().remove(0);
        assert_eq!((change.from.as_str(), change.to.as_str(), change.days_past_due), ("1-30", "current", 0));
        assert_eq!(change.overdue, ghs("0"));
        let cured = note(scene);
        assert_eq!((cured.status, cured.worst_days_past_due), (NoteStatus::Active, 10));
    });
}

#[test]
fn a_payment_above_what_is_due_pays_in_advance_and_the_rest_is_the_customers() {
    one_loan(|scene| {
        let everything = note_outstanding(scene);
        let more = everything.checked_add(ghs("25")).unwrap();
        let quote = pay(scene, 900, &more.to_decimal_string());
        assert!(quote.settles);
        assert_eq!((quote.parts.surplus, quote.parts.principal), (ghs("25"), ghs("1200")));
        assert_eq!(quote.parts.interest, ghs("0"));

        let settled = note(scene);
        assert_eq!((settled.status, settled.is_open, settled.surplus), (NoteStatus::Settled, false, ghs("25")));
        assert!(scene.load::<CustomerAssets>(customer()).unwrap().loans.is_empty());
        // What was paid before it was earned is earned by the settlement.
        let posted = scene.sent::<PostLedgerEvent>().remove(0);
        assert_eq!(posted.amounts["interest-unearned"], quote.parts.interest_advance);
        assert_eq!(settled.interest_unearned().unwrap(), ghs("0"));
        assert!(advance(scene, date(2026, 2, 1)).is_empty(), "nothing accrues after the settlement");
    });
}

#[test]
fn money_for_a_settled_loan_is_the_customers() {
    one_loan(|scene| {
        let everything = note_outstanding(scene).to_decimal_string();
        pay(scene, 900, &everything);
        assert_eq!(quote(scene, RepaymentKind::Normal, None).unwrap_err(), "NOTHING_DUE");
        assert_eq!(quote(scene, RepaymentKind::EarlySettlement, None).unwrap_err(), "NOTHING_DUE");
        let again = pay(scene, 901, "40");
        assert_eq!((again.parts.surplus, again.settles), (ghs("40"), false));
        let applied = scene.emitted::<AssetPostingApplied>().remove(0);
        assert!(!applied.settled, "it was settled before");
        assert_eq!(note(scene).surplus, ghs("40"));
    });
}

#[test]
fn other_entries_are_not_the_asset_centers() {
    one_loan(|scene| {
        let quote = quote(scene, RepaymentKind::Normal, Some("10")).unwrap();
        let mut event = sycee_contract::AccountingEntryPosted {
            entry: EntryId::from_number(900),
            template: "funds-arrived".to_owned(),
            reference: LedgerReference {
                loan: Some(loan(LOAN)),
                order: None,
                repayment: None,
                parts: Some(quote.parts),
                text: String::new(),
            },
            lines: Vec::new(),
            date: date(2026, 1, 31),
        };
        scene.happened(event.clone());
        assert!(scene.emitted::<AssetPostingApplied>().is_empty());

        event.template = "repayment-received".to_owned();
        event.reference.loan = Some(loan(5));
        scene.happened(event);
        assert!(scene.emitted::<AssetPostingApplied>().is_empty());
        assert_eq!(scene.sent::<OpenWorkOrder>()[0].kind, "posting-without-note");
    });
}

#[test]
fn a_reversed_entry_waits_for_people() {
    one_loan(|scene| {
        pay(scene, 900, "10");
        let reversal = AccountingEntryReversed {
            entry: EntryId::from_number(901),
            reverses: EntryId::from_number(900),
            reference: LedgerReference {
                loan: Some(loan(LOAN)),
                order: None,
                repayment: None,
                parts: None,
                text: String::new(),
            },
            date: date(2026, 1, 31),
        };
        scene.happened(reversal.clone());
        assert_eq!(scene.sent::<OpenWorkOrder>()[0].kind, "posting-reversed");
        let posting = scene.load::<RepaymentPosting>(EntryId::from_number(900)).unwrap();
        assert_eq!(posting.reversed_by, Some(EntryId::from_number(901)));
        scene.happened(reversal);
        assert!(scene.sent::<OpenWorkOrder>().is_empty(), "once");
    });
}

/// A loan whose days until `closed` are closed; it is paid on `paid`, heard of on `heard`, and closed until 23 March.
/// Its books agree with it all the while. `amount` is what is due when absent.
fn life(closed: Date, paid: Date, heard: Date, amount: Option<&str>) -> (LoanNote, LoanInstallments) {
    let end = RefCell::new(None);
    one_loan(|scene| {
        let mut books = Books::new(Currency::GHS);
        books.lend(ghs("1200"), ghs("48"));
        for event in advance_from(scene, START, closed.tomorrow().unwrap()) {
            books.take(&event);
        }
        scene.set_today(heard);
        let quote = quote_of(scene, RepaymentKind::Normal, amount, Some(paid)).unwrap();
        post(scene, 900, RepaymentKind::Normal, &quote.parts);
        books.repay(&quote.parts);
        for event in scene.sent::<PostLedgerEvent>() {
            books.take(&event);
        }
        assert_eq!(note(scene).penalty_accrued, installments(scene).sum(Currency::GHS, |line| line.penalty).unwrap());
        for event in advance_from(scene, closed, date(2026, 3, 24)) {
            books.take(&event);
        }
        // When a close has to look at installments again follows from closes, not from payments.
        let ended = LoanNote { quiet_until: START, period: None, ..note(scene) };
        books.agree_with(std::slice::from_ref(&ended));
        *end.borrow_mut() = Some((ended, installments(scene)));
    });
    end.into_inner().unwrap()
}

#[test]
fn money_that_is_heard_of_late_counts_from_the_day_on_which_it_was_paid() {
    for paid in [date(2026, 2, 27), date(2026, 3, 2), date(2026, 3, 10)] {
        for amount in ["1", "100", "420", "600"] {
            let yesterday = paid.yesterday().unwrap();
            let in_time = life(yesterday, paid, paid, Some(amount));
            for days in [1, 4, 8] {
                let heard = paid.saturating_add(jiff::Span::new().days(days));
                let late = life(heard.yesterday().unwrap(), paid, heard, Some(amount));
                assert_eq!(late, in_time, "{amount} paid on {paid}, heard of on {heard}");
            }
        }
    }
}

#[test]
fn money_that_comes_before_the_close_of_yesterday_pays_its_penalty() {
    let paid = date(2026, 3, 10);
    for amount in [None, Some("1"), Some("100"), Some("600")] {
        let after = life(paid.yesterday().unwrap(), paid, paid, amount);
        for closed in [date(2026, 3, 8), date(2026, 3, 5)] {
            assert_eq!(life(closed, paid, paid, amount), after, "{amount:?}, closed through {closed}");
        }
    }
}

#[test]
fn money_paid_on_the_due_date_is_in_time_whenever_it_is_heard_of() {
    one_loan(|scene| {
        let first = installments(scene).lines[0].clone();
        let due = first.principal.checked_add(first.interest).unwrap();
        advance_from(scene, START, date(2026, 3, 10));
        let late = note(scene);
        assert_eq!((late.status, late.worst_days_past_due), (NoteStatus::Overdue, 9));
        assert!(late.penalty_accrued.is_positive());
        let paid = date(2026, 2, 28);
        let held = quote_of(scene, RepaymentKind::Normal, Some(&due.to_decimal_string()), Some(paid)).unwrap();
        assert_eq!((held.parts.penalty, held.parts.surplus, held.parts.as_of), (ghs("0"), ghs("0"), Some(paid)));
        assert!(scene.emitted::<RepaymentPostingCalculated>().is_empty(), "figures of the past are told to nobody");

        post(scene, 900, RepaymentKind::Normal, &held.parts);
        assert_eq!(scene.emitted::<AssetPostingApplied>()[0].installments_settled, vec![1]);
        assert_eq!(scene.emitted::<RepaymentSucceeded>()[0].worst_days_past_due, 0);
        let back = scene.sent::<PostLedgerEvent>().remove(0);
        assert_eq!(back.template, "penalty-accrued");
        assert_eq!(back.amounts["penalty"], late.penalty_accrued.checked_neg().unwrap());
        let cured = note(scene);
        assert_eq!((cured.status, cured.days_past_due, cured.penalty_accrued), (NoteStatus::Active, 0, ghs("0")));
    });
}

fn note_outstanding(scene: &mut sycee_runtime::testing::Scene) -> sycee_money::Money {
    installments(scene).due_through(sycee_contract::Date::MAX, sycee_money::Currency::GHS).unwrap()
}
