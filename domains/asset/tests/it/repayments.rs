//! Normal repayments: quoted, posted once, applied by age; cures, advances, over-payments.

use sycee_asset::{AssetPool, CustomerAssets, NoteStatus, RepaymentPosting};
use sycee_contract::{
    AccountingEntryReversed, AssetPostingApplied, CalculateRepaymentPosting, CustomerId, EntryId, Identifier,
    LedgerReference, OpenWorkOrder, OverdueBucketChanged, PartnerId, PostLedgerEvent, RepaymentKind,
    RepaymentPostingCalculated, RepaymentSucceeded,
};
use sycee_money::{Currency, Money, date};

use crate::fixture::{
    CUSTOMER, FUNDER, LOAN, advance, advance_from, customer, ghs, installments, loan, note, one_loan, pay, post, quote,
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

fn note_outstanding(scene: &mut sycee_runtime::testing::Scene) -> sycee_money::Money {
    installments(scene).due_through(sycee_contract::Date::MAX, sycee_money::Currency::GHS).unwrap()
}
