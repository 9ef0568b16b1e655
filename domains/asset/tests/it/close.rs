//! The daily close: what it books, tells and skips; pages, repetitions, missed days.

use sycee_asset::{AccrualSegment, AccrualTotal, AssetClose, LoanAccrual, LoanNote, NoteStatus, PAGE, explain_accrual};
use sycee_contract::{
    AccountingEntryPosted, AssetDayClosed, BusinessDateAdvanced, CloseAssetDay, EntryId, Identifier,
    InstallmentDueNotice, OpenWorkOrder, OverdueBucketChanged, PartnerId, PostLedgerEvent,
};
use sycee_loan_math::late::late_interest;
use sycee_money::{Money, Rate, date};
use sycee_runtime::Registry;
use sycee_runtime::testing::Scene;

use crate::books::Books;
use crate::fixture::{
    FUNDER, LOAN, START, advance, advance_from, contract, disburse, ghs, installments, loan, market, market_with, note,
    one_loan, pay, terms,
};

#[test]
fn a_day_earns_its_part_of_the_period() {
    one_loan(|scene| {
        assert!(advance(scene, date(2026, 2, 1)).is_empty(), "the day of the payout earns nothing");
        let posted = advance(scene, date(2026, 2, 2));
        assert_eq!(posted.len(), 1);
        assert_eq!((posted[0].template.as_str(), posted[0].date), ("interest-accrued", date(2026, 2, 1)));
        assert_eq!(posted[0].dimensions["funder"], "par-12");
        assert_eq!(posted[0].dimensions["product"], "gh-installment");
        let first = installments(scene).lines[0].interest;
        let one_day = first.mul_ratio(1, 28, sycee_money::Rounding::HalfEven).unwrap();
        assert_eq!(posted[0].amounts["interest-receivable"], one_day);
        assert_eq!(note(scene).interest_accrued, one_day);
    });
}

#[test]
fn a_page_that_runs_twice_books_once() {
    one_loan(|scene| {
        advance_from(scene, date(2026, 1, 31), date(2026, 2, 10));
        let before = note(scene);
        for day in [date(2026, 2, 9), date(2026, 2, 5), date(2026, 2, 10), date(2026, 3, 1)] {
            scene.fact(CloseAssetDay { date: day, after: None });
            assert!(scene.sent::<PostLedgerEvent>().is_empty(), "{day} is closed, or has not ended");
        }
        assert_eq!(note(scene), before);

        advance_from(scene, date(2026, 2, 9), date(2026, 2, 28));
        assert_eq!(scene.emitted::<InstallmentDueNotice>().len(), 1, "due today; the reminder is stale");
        scene.fact(CloseAssetDay { date: date(2026, 2, 27), after: None });
        assert!(scene.emitted::<InstallmentDueNotice>().is_empty(), "told once");
    });
}

#[test]
fn the_date_may_arrive_twice() {
    one_loan(|scene| {
        advance(scene, date(2026, 2, 2));
        let before = note(scene);
        assert!(advance(scene, date(2026, 2, 2)).is_empty());
        assert_eq!(note(scene), before);
    });
}

#[test]
fn a_quiet_day_leaves_the_installments_alone_and_busy_days_are_known() {
    one_loan(|scene| {
        // Due on 28 February: the reminder goes out when 24 February closes.
        assert_eq!(note(scene).quiet_until, date(2026, 2, 24));
        assert!(!note(scene).needs_installments(date(2026, 2, 23)));
        advance_from(scene, START, date(2026, 2, 25));
        assert_eq!(note(scene).quiet_until, date(2026, 2, 27));
    });
}

#[test]
fn borrowers_are_told_three_days_before_and_on_the_day() {
    one_loan(|scene| {
        let mut told = Vec::new();
        let mut day = date(2026, 2, 1);
        while day <= date(2026, 3, 3) {
            advance(scene, day);
            told.extend(scene.emitted::<InstallmentDueNotice>().into_iter().map(|notice| (day, notice)));
            day = day.tomorrow().unwrap();
        }
        let seen: Vec<_> = told.iter().map(|(day, notice)| (*day, notice.nr, notice.in_days)).collect();
        assert_eq!(seen, vec![(date(2026, 2, 25), 1, 3), (date(2026, 2, 28), 1, 0)]);
        let first = &installments(scene).lines[0];
        assert_eq!(told[1].1.amount, first.principal.checked_add(first.interest).unwrap());
        assert_eq!(told[1].1.due_date, date(2026, 2, 28));
    });
}

#[test]
fn an_installment_paid_in_advance_is_not_asked_for() {
    one_loan(|scene| {
        let first = installments(scene).lines[0].clone();
        let amount = first.principal.checked_add(first.interest).unwrap();
        crate::fixture::pay(scene, 900, &amount.to_decimal_string());
        let mut day = date(2026, 2, 1);
        while day <= date(2026, 3, 5) {
            for event in advance(scene, day) {
                if day <= date(2026, 3, 1) {
                    assert!(event.amounts["interest-receivable"].is_zero(), "it was paid before it was earned");
                }
            }
            assert!(scene.emitted::<InstallmentDueNotice>().is_empty());
            day = day.tomorrow().unwrap();
        }
        let note = note(scene);
        assert_eq!((note.days_past_due, note.status), (0, NoteStatus::Active));
        assert!(note.interest_receivable().unwrap().is_positive(), "the second period is earned and not paid");
    });
}

#[test]
fn days_past_due_make_penalties_after_the_grace_and_buckets() {
    one_loan(|scene| {
        advance_from(scene, START, date(2026, 3, 1));
        assert_eq!(note(scene).days_past_due, 0, "the due date itself is not late");
        let late = advance(scene, date(2026, 3, 2));
        let change = scene.emitted::<OverdueBucketChanged>().remove(0);
        assert_eq!((change.from.as_str(), change.to.as_str(), change.days_past_due), ("current", "1-30", 1));
        assert_eq!(note(scene).status, NoteStatus::Overdue);
        assert!(late.iter().all(|event| event.template == "interest-accrued"));

        // Three days of grace: the first penalty is for 4 March; 36.5 % a year is 0.1 % a day.
        advance(scene, date(2026, 3, 3));
        advance(scene, date(2026, 3, 4));
        assert_eq!(note(scene).penalty_accrued, ghs("0"));
        let posted = advance(scene, date(2026, 3, 5));
        let first = &installments(scene).lines[0];
        let overdue = first.principal.checked_add(first.interest).unwrap();
        let expected = overdue.mul_ratio(1, 1000, sycee_money::Rounding::HalfEven).unwrap();
        let penalty = posted.iter().find(|event| event.template == "penalty-accrued").unwrap();
        assert_eq!(penalty.amounts["penalty"], expected);
        assert_eq!(note(scene).penalty_accrued, expected);

        advance_from(scene, date(2026, 3, 4), date(2026, 6, 15));
        assert_eq!(note(scene).days_past_due, 106);
        assert_eq!(note(scene).worst_days_past_due, 106);
    });
}

/// 9.00 at 36 % a year earn less than a cent a day.
#[test]
fn a_day_that_earns_less_than_a_cent_counts() {
    market(|scene| {
        let mut terms = terms();
        terms.penalty_rate = Rate::from_percent_str("36").unwrap();
        disburse(scene, &contract(LOAN, terms.clone(), "1200", 1));
        let first = installments(scene).lines[0].clone();
        let asked = first.principal.checked_add(first.interest).unwrap();
        pay(scene, 900, &asked.checked_sub(ghs("9")).unwrap().to_decimal_string());

        // Due on 28 February, three days of grace: 1 June is the 90th day of the penalty.
        let (mut at_once, mut lines) = (note(scene), installments(scene));
        at_once.close_day(&mut lines, date(2026, 6, 1)).unwrap();
        let formula = late_interest(ghs("9"), terms.penalty_rate, 90).unwrap().round(terms.rounding).unwrap();
        assert_eq!((at_once.penalty_accrued, formula), (ghs("0.80"), ghs("0.80")));

        let mut posted = ghs("0");
        let mut day = date(2026, 2, 1);
        while day <= date(2026, 6, 2) {
            for event in advance(scene, day).iter().filter(|event| event.template == "penalty-accrued") {
                posted = posted.checked_add(event.amounts["penalty"]).unwrap();
            }
            day = day.tomorrow().unwrap();
        }
        assert_eq!(note(scene).accrued_through, date(2026, 6, 1));
        assert_eq!((note(scene).penalty_accrued, posted), (formula, formula));
        assert_eq!(installments(scene).lines[0].penalty, formula);
    });
}

#[test]
fn missed_days_are_closed_in_order() {
    one_loan(|scene| {
        scene.set_today(date(2026, 3, 10));
        scene.happened(BusinessDateAdvanced { closed: START, opened: date(2026, 3, 10) });
        scene.fire_timers();
        let close = scene.load::<AssetClose>("close-asset-day".to_owned()).unwrap();
        assert_eq!((close.closed_through, close.closing), (Some(date(2026, 3, 9)), None));
        let note = note(scene);
        assert_eq!((note.accrued_through, note.days_past_due), (date(2026, 3, 9), 9));
    });
}

#[test]
fn a_stale_reminder_is_not_sent_but_a_missed_due_date_is_told() {
    one_loan(|scene| {
        scene.set_today(date(2026, 3, 2));
        scene.happened(BusinessDateAdvanced { closed: START, opened: date(2026, 3, 2) });
        let mut told = Vec::new();
        while let Some(day) = close(scene).closing {
            scene.fact(CloseAssetDay { date: day, after: None });
            told.extend(scene.emitted::<InstallmentDueNotice>().iter().map(|notice| (day, notice.in_days)));
        }
        assert_eq!(told, [(date(2026, 2, 27), 0)]);
    });
}

fn close(scene: &mut Scene) -> AssetClose {
    scene.load::<AssetClose>("close-asset-day".to_owned()).unwrap()
}

/// One loan more than two pages hold, by two funders; both begin to earn on 1 February.
fn two_pages(scene: &mut Scene) -> i64 {
    let loans = i64::try_from(PAGE).unwrap() + 3;
    for number in 0..loans {
        let mut contract = contract(LOAN + number * 3, terms(), "1200", 3);
        contract.principal = ghs(&format!("{}", 1_000 + number));
        contract.funder = PartnerId::from_number(FUNDER + number % 2);
        disburse(scene, &contract);
    }
    advance(scene, date(2026, 2, 1));
    scene.set_today(date(2026, 2, 2));
    scene.happened(BusinessDateAdvanced { closed: date(2026, 2, 1), opened: date(2026, 2, 2) });
    loans
}

#[test]
fn a_day_is_posted_once_a_funder_and_product_and_explained_loan_by_loan() {
    market(|scene| {
        let loans = two_pages(scene);
        let day = date(2026, 2, 1);
        scene.fact(CloseAssetDay { date: day, after: None });
        assert!(scene.sent::<PostLedgerEvent>().is_empty(), "the day is not closed for every loan yet");
        let pending = scene.all::<AccrualTotal>();
        assert!(pending.len() == 2 && pending.iter().all(|total| !total.posted && total.receivable.is_positive()));

        let after = close(scene).after_loan;
        scene.fact(CloseAssetDay { date: day, after: None });
        assert_eq!(close(scene).after_loan, after, "a page is closed once");
        scene.fact(CloseAssetDay { date: day, after });
        let posted = scene.sent::<PostLedgerEvent>();
        assert_eq!(posted.len(), 2, "one posting for each funder, not for each page");

        scene.writer().sync().unwrap();
        let explained = explain_accrual(scene.writer().reader(), day).unwrap();
        assert_eq!(explained.iter().map(|day| i64::try_from(day.loans.len()).unwrap()).sum::<i64>(), loans);
        for (event, explained) in posted.iter().zip(&explained) {
            assert_eq!(event.dimensions["funder"], explained.total.funder.to_string());
            assert!(explained.adds_up() && explained.total.posted, "{:?}", explained.total);
            let sum = |figure: fn(&LoanAccrual) -> Money| {
                Money::sum(sycee_money::Currency::GHS, explained.loans.iter().map(figure)).unwrap()
            };
            assert_eq!(event.amounts["interest-receivable"], sum(|loan| loan.receivable));
            assert_eq!(event.amounts["interest-unearned"], sum(|loan| loan.unearned));
            for accrual in &explained.loans {
                let note = scene.load::<LoanNote>(accrual.loan).unwrap();
                assert_eq!(note.interest_accrued, accrual.receivable, "all it ever earned is of this day");
            }
        }
        assert!(scene.all::<AccrualSegment>().len() >= 2, "a row for each page");

        let mut entry = facts_of(&posted[0]);
        scene.happened(entry.clone());
        entry.entry = EntryId::from_number(901);
        entry.template = "penalty-accrued".to_owned();
        scene.happened(entry);
        let key = (day, PartnerId::from_number(FUNDER), "gh-installment".to_owned());
        let total = scene.load::<AccrualTotal>(key).unwrap();
        let entries = (total.interest_entry, total.penalty_entry);
        assert_eq!(entries, (Some(EntryId::from_number(900)), Some(EntryId::from_number(901))));
    });
}

fn facts_of(event: &PostLedgerEvent) -> AccountingEntryPosted {
    AccountingEntryPosted {
        entry: EntryId::from_number(900),
        template: event.template.clone(),
        reference: event.reference.clone(),
        lines: Vec::new(),
        date: event.date,
    }
}

/// A note that breaks the rules of its figures does not keep the others from their close.
#[test]
fn a_broken_note_is_left_to_people_and_the_rest_is_closed() {
    let register = |registry: &mut Registry| {
        sycee_asset::register(registry);
        registry.service("asset-center").on::<AssetDayClosed>(|work, _| {
            let mut broken = work.require::<LoanNote>(loan(LOAN))?;
            broken.principal_outstanding = ghs("1");
            work.save(broken);
            Ok(())
        });
    };
    market_with(register, |scene| {
        disburse(scene, &contract(LOAN, terms(), "1200", 3));
        disburse(scene, &contract(LOAN + 1, terms(), "1200", 3));
        advance_from(scene, START, date(2026, 3, 4));
        advance(scene, date(2026, 3, 5));
        let called = scene.sent::<OpenWorkOrder>();
        assert!(called.iter().any(|order| order.kind == "note-not-closed" && order.loan == Some(loan(LOAN))));
        assert_eq!(scene.load::<LoanNote>(loan(LOAN + 1)).unwrap().accrued_through, date(2026, 3, 4));
        assert_eq!(close(scene).closed_through, Some(date(2026, 3, 4)));
        assert!(scene.load::<LoanNote>(loan(LOAN)).unwrap().accrued_through < date(2026, 3, 4));
    });
}

#[test]
fn pages_cover_every_loan_and_add_up() {
    market(|scene| {
        let loans = i64::try_from(PAGE).unwrap() + 3;
        let mut books = Books::new(sycee_money::Currency::GHS);
        for number in 0..loans {
            let contract = contract(LOAN + number, terms(), "1200", 3);
            disburse(scene, &contract);
            books.lend(contract.principal, contract.upfront_fee);
        }
        advance(scene, date(2026, 2, 1));
        scene.set_today(date(2026, 2, 2));
        scene.happened(BusinessDateAdvanced { closed: date(2026, 2, 1), opened: date(2026, 2, 2) });
        let mut pages = 0;
        let mut closed = 0;
        while closed == 0 {
            pages += 1;
            assert!(pages < 5);
            let close = scene.load::<AssetClose>("close-asset-day".to_owned()).unwrap();
            scene.fact(CloseAssetDay { date: date(2026, 2, 1), after: close.after_loan });
            for event in scene.sent::<PostLedgerEvent>() {
                books.take(&event);
            }
            closed = scene.emitted::<AssetDayClosed>().len();
        }
        assert_eq!(pages, 2);
        let notes: Vec<LoanNote> = (0..loans).map(|number| scene.load(loan(LOAN + number)).unwrap()).collect();
        books.agree_with(&notes);
        assert_ne!(books.balance("receivable"), Money::zero(sycee_money::Currency::GHS));
    });
}
