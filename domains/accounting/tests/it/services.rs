//! The services on a stage: events become entries, entries become control figures, mistakes are taken back.

use std::collections::BTreeMap;

use sycee_accounting::AccountingRules;
use sycee_accounting::accounting_center::BookControl;
use sycee_accounting::accounting_entry_service::EntryAudit;
use sycee_accounting::accounting_reconciliation_service::ControlTotal;
use sycee_accounting::balance_management_service::{ControlTurnover, ReversalCount, WatchedBalance};
use sycee_contract::{
    AccountingEntryPosted, AccountingEntryReversed, Command, CustomerId, Date, DisbursementSucceeded, EntryId,
    FundAccountId, FundArrivalConfirmed, FundBalances, Identifier, LedgerReference, LoanId, LoanNoteCreated,
    OpenWorkOrder, PartnerId, PaymentDirection, PaymentFailed, PaymentId, PaymentPurpose, PostAccountingEntry,
    PostLedgerEvent, PostingId, PostingParts, PostingQuote, Rejection, ReleaseFundReservation, RepaymentKind,
    RepaymentPostingCalculated, RepaymentSucceeded, ReservationId, ReverseAccountingEntry, TransferLine,
};
use sycee_money::{Currency, Money, Rate};
use sycee_runtime::testing::Scene;
use sycee_runtime::{Configs, Registry};

use crate::templates::gh_rules;

fn ghs(text: &str) -> Money {
    Money::parse(text, Currency::GHS).unwrap()
}

fn day() -> Date {
    Date::constant(2026, 1, 5)
}

fn stage(body: impl Fn(&mut Scene)) {
    stage_with(gh_rules(), body);
}

fn stage_with(rules: AccountingRules, body: impl Fn(&mut Scene)) {
    Scene::each(keeper, Configs::new().with(rules), body);
}

fn event(template: &str, amounts: &[(&str, &str)]) -> PostLedgerEvent {
    let dimensions = [("funder", "par-1"), ("product", "gh-installment")];
    PostLedgerEvent {
        template: template.to_owned(),
        reference: LedgerReference {
            loan: Some(LoanId::from_number(7)),
            order: None,
            repayment: None,
            parts: None,
            text: "dis-9".to_owned(),
        },
        amounts: amounts.iter().map(|(name, amount)| ((*name).to_owned(), ghs(amount))).collect(),
        dimensions: dimensions.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        date: day(),
    }
}

/// Has a service post the event.
fn posted_by_service(scene: &mut Scene, event: &PostLedgerEvent) -> Result<EntryId, Rejection> {
    let reason = serde_json::to_string(event).unwrap();
    scene.request(ReleaseFundReservation { reservation: ReservationId::from_number(5), reason })?;
    Ok(scene.emitted::<AccountingEntryPosted>()[0].entry)
}

fn arrival(amount: &str) -> PostLedgerEvent {
    event("funds-arrived", &[("amount", amount), ("borrowed", amount)])
}

fn arrive(scene: &mut Scene, amount: &str) -> EntryId {
    posted_by_service(scene, &arrival(amount)).unwrap()
}

fn disburse(scene: &mut Scene) -> EntryId {
    let amounts = [("principal", "1500"), ("net", "1455"), ("upfront-fee", "45")];
    posted_by_service(scene, &event("loan-disbursed", &amounts)).unwrap()
}

fn reverse(entry: EntryId) -> ReverseAccountingEntry {
    ReverseAccountingEntry { entry, text: "paid twice".to_owned(), date: day() }
}

fn by_hand(debit: &str, credit: &str, amount: &str) -> PostAccountingEntry {
    PostAccountingEntry {
        lines: vec![TransferLine { debit: debit.to_owned(), credit: credit.to_owned(), amount: ghs(amount) }],
        text: "bank charges of January".to_owned(),
        date: day(),
    }
}

/// The domain, and services that keep what control accounts sum up: one posts the event that its command carries, one has
/// entries reversed in its cascade and puts right what it keeps.
fn keeper(registry: &mut Registry) {
    sycee_accounting::register(registry);
    registry
        .service("fund-management-system")
        .handles::<ReleaseFundReservation>(|work, cmd| {
            work.send(serde_json::from_str::<PostLedgerEvent>(&cmd.reason).unwrap());
            Ok(())
        })
        .sends::<PostLedgerEvent>();
    registry
        .service("payment-system")
        .on::<PaymentFailed>(|work, event| {
            let entry = EntryId::from_number(event.payment.number());
            work.send(ReverseAccountingEntry { entry, text: event.reason.clone(), date: work.today() });
            Ok(())
        })
        .sends::<ReverseAccountingEntry>();
}

/// Has the service reverse an entry.
fn reversed_by_service(scene: &mut Scene, entry: EntryId) {
    let purpose = PaymentPurpose {
        loan: LoanId::from_number(7),
        customer: CustomerId::from_number(3),
        disbursement: None,
        repayment: None,
        fund_account: None,
        reservation: None,
    };
    scene.happened(PaymentFailed {
        payment: PaymentId::from_number(entry.number()),
        direction: PaymentDirection::Payout,
        purpose,
        amount: ghs("1"),
        reason: "paid twice".to_owned(),
    });
}

#[test]
fn an_event_becomes_an_entry_and_its_control_figures() {
    stage(|scene| {
        arrive(scene, "250000");
        let entry = disburse(scene);
        assert_eq!(entry, EntryId::from_number(2));
        let posted = scene.emitted::<AccountingEntryPosted>();
        assert_eq!(posted.len(), 1);
        assert_eq!((posted[0].entry, posted[0].template.as_str(), posted[0].lines.len()), (entry, "loan-disbursed", 2));
        assert_eq!(posted[0].reference.loan, Some(LoanId::from_number(7)));
        disburse(scene);
        let audit = scene.load::<EntryAudit>((day(), "loan-disbursed".to_owned())).unwrap();
        assert_eq!((audit.entries, audit.lines, audit.first, audit.findings), (2, 4, entry, 0));
        let total = scene.load::<ControlTotal>((day(), "loan-disbursed".to_owned(), Currency::GHS)).unwrap();
        assert_eq!((total.entries, total.amount), (2, ghs("3000")));
        let turnovers: BTreeMap<_, _> =
            scene.all::<ControlTurnover>().into_iter().map(|row| (row.account, (row.debits, row.credits))).collect();
        let expected =
            [("1100", ("250000", "2910")), ("1200", ("3000", "0")), ("2100", ("0", "250000")), ("4200", ("0", "90"))];
        let expected = expected.map(|(account, (debits, credits))| (account.to_owned(), (ghs(debits), ghs(credits))));
        assert_eq!(turnovers, BTreeMap::from(expected));
    });
}

#[test]
fn a_refused_event_leaves_no_trace() {
    stage(|scene| {
        arrive(scene, "250000");
        let over = posted_by_service(scene, &event("repayment-received", &[("amount", "1"), ("principal", "1")]));
        assert_eq!(over.unwrap_err().code, "ACCOUNT_LIMIT_EXCEEDED", "there is no principal to repay");
        for (template, amounts, code) in [
            ("loan-dreamt", [("amount", "1")], "TEMPLATE_NOT_FOUND"),
            ("funds-arrived", [("amount", "0")], "EMPTY_ENTRY"),
            ("funds-arrived", [("gift", "1")], "INVALID_FIELD"),
        ] {
            assert_eq!(posted_by_service(scene, &event(template, &amounts)).unwrap_err().code, code);
        }
        assert!(scene.emitted::<AccountingEntryPosted>().is_empty());
        assert_eq!(arrive(scene, "1"), EntryId::from_number(2), "numbers stay dense");
        assert_eq!(scene.all::<ControlTotal>().len(), 1);
    });
}

#[test]
fn a_person_posts_no_event_that_touches_a_control_account() {
    stage(|scene| {
        let refused = scene.request(arrival("250000")).unwrap_err();
        assert_eq!(refused.code, "CONTROL_ACCOUNT");
        assert!(PostLedgerEvent::ERRORS.contains(&refused.code.as_str()));
        let message = refused.message;
        assert!(message.contains("1100|par-1") && message.contains("confirm-fund-arrival"), "{message}");
        assert!(scene.emitted::<AccountingEntryPosted>().is_empty() && scene.all::<EntryAudit>().is_empty());
        assert_eq!(arrive(scene, "250000"), EntryId::from_number(1), "the service that keeps the account may");
    });
}

#[test]
fn a_person_posts_an_event_between_accounts_that_no_service_keeps() {
    let chart = "
        accounts:
          - { code: '1150', name: operating-cash, kind: asset }
          - { code: '5300', name: bank-charges, kind: expense }";
    let template = "
        template: bank-charged
        version: 1
        effective_from: 2020-01-01
        summary: The bank took its charges.
        lines:
          - { debit: bank-charges, credit: operating-cash, amount: amount }";
    let rules = AccountingRules::parse(chart, [("bank-charged.yaml", template)]).unwrap();
    stage_with(rules, |scene| {
        let entry = scene.request(event("bank-charged", &[("amount", "12.5")])).unwrap().entry;
        assert_eq!(scene.emitted::<AccountingEntryPosted>()[0].entry, entry);
    });
}

#[test]
fn an_entry_is_reversed_once_be_it_fresh_or_old() {
    stage(|scene| {
        arrive(scene, "250000");
        let (old, fresh) = (disburse(scene), disburse(scene));
        for _ in 0..3 {
            arrive(scene, "1");
        }
        for entry in [old, fresh] {
            let refused = scene.request(reverse(entry)).unwrap_err();
            assert_eq!(refused.code, "CONTROL_ACCOUNT", "a person cannot put the loan right");
            assert!(refused.message.contains("loan-principal") && refused.message.contains("create-repayment-order"));
            reversed_by_service(scene, entry);
            let reversed = scene.emitted::<AccountingEntryReversed>();
            assert_eq!(reversed[0].reverses, entry);
            assert_eq!(reversed[0].reference.loan, Some(LoanId::from_number(7)), "what the reversed entry was about");
            let posted = scene.emitted::<AccountingEntryPosted>();
            assert_eq!((posted[0].template.as_str(), posted[0].reference.loan), ("reversal", None));
            let lines: Vec<_> =
                posted[0].lines.iter().map(|line| (line.debit.as_str(), line.credit.as_str())).collect();
            assert_eq!(lines, [("4200", "1200|par-1|gh-installment"), ("1100|par-1", "1200|par-1|gh-installment")]);
        }
        let charges = scene.request(by_hand("5300", "1150", "12.5")).unwrap().entry;
        let reversal = scene.request(reverse(charges)).unwrap().entry;
        assert_eq!(scene.emitted::<AccountingEntryReversed>()[0].entry, reversal);
        assert_eq!(scene.request(reverse(charges)).unwrap_err().code, "ENTRY_ALREADY_REVERSED");
        assert_eq!(scene.request(reverse(reversal)).unwrap_err().code, "UNEXPECTED_STATE");
        assert_eq!(scene.request(reverse(EntryId::from_number(99))).unwrap_err().code, "NOT_FOUND");
        assert_eq!(scene.load::<ReversalCount>(day()).unwrap().reversals, 3);
        let cash = scene.load::<WatchedBalance>(("1100|par-1".to_owned(), Currency::GHS)).unwrap();
        assert_eq!(cash.balance, ghs("250003"));
    });
}

#[test]
fn lines_are_posted_by_hand_when_the_chart_knows_them() {
    stage(|scene| {
        let line = by_hand;
        let many = |count: usize| vec![line("5300", "1150", "1").lines.remove(0); count];
        scene.request(line("5300", "1150", "12.5")).unwrap();
        assert_eq!(scene.emitted::<AccountingEntryPosted>()[0].template, "manual");
        scene.request(PostAccountingEntry { lines: many(100), ..line("", "", "1") }).unwrap();
        for (cmd, code) in [
            (line("5999", "1150", "1"), "ACCOUNT_UNKNOWN"),
            (line("5100", "1100", "1"), "ACCOUNT_UNKNOWN"),
            (line("5100", "5100", "1"), "INVALID_FIELD"),
            (line("5300", "1150", "-1"), "INVALID_AMOUNT"),
            (line("5300", "1150", "0.001"), "INVALID_AMOUNT"),
            (line(&"5".repeat(201), "1150", "1"), "INVALID_FIELD"),
            (PostAccountingEntry { lines: many(101), ..line("", "", "1") }, "INVALID_FIELD"),
            (line("5300", "1100|par-1", "1"), "CONTROL_ACCOUNT"),
            (line("1200|par-1|gh-installment", "1150", "1"), "CONTROL_ACCOUNT"),
            (PostAccountingEntry { lines: Vec::new(), ..line("", "", "1") }, "EMPTY_ENTRY"),
        ] {
            assert_eq!(scene.request(cmd).unwrap_err().code, code);
        }
        let refused = scene.request(line("5300", "1100|par-1", "1")).unwrap_err().message;
        assert!(refused.contains("return-funds") && refused.contains("1150 operating-cash"), "{refused}");
    });
}

#[test]
fn people_post_and_reverse_on_days_that_have_come_and_are_not_long_over() {
    stage(|scene| {
        let posted = scene.request(by_hand("5300", "1150", "1")).unwrap().entry;
        for (date, allowed) in [
            (Date::constant(2025, 1, 3), false),
            (Date::constant(2025, 1, 4), true),
            (Date::constant(2026, 1, 5), true),
            (Date::constant(2026, 1, 6), false),
            (Date::MAX, false),
        ] {
            let done = scene.request(PostAccountingEntry { date, ..by_hand("5300", "1150", "1") });
            assert_eq!(done.is_ok(), allowed, "{date}");
            let Err(refused) = done else { continue };
            assert_eq!((refused.code.as_str(), refused.details["field"].as_str()), ("INVALID_FIELD", "date"));
            let refused = scene.request(ReverseAccountingEntry { date, ..reverse(posted) }).unwrap_err();
            assert_eq!((refused.code.as_str(), refused.details["field"].as_str()), ("INVALID_FIELD", "date"));
        }
        assert!(scene.request(reverse(posted)).is_ok());
    });
}

#[test]
fn a_watched_account_on_the_wrong_side_calls_people_once() {
    stage(|scene| {
        disburse(scene);
        let orders = scene.sent::<OpenWorkOrder>();
        assert_eq!(orders.len(), 1);
        assert_eq!(orders[0].key, "account-on-wrong-side/1100|par-1/GHS");
        disburse(scene);
        assert!(scene.sent::<OpenWorkOrder>().is_empty(), "they know");
        arrive(scene, "2910");
        disburse(scene);
        assert_eq!(scene.sent::<OpenWorkOrder>().len(), 1, "it was well in between");
    });
}

#[test]
fn what_should_be_in_the_books_is_counted_from_the_events_of_others() {
    stage(|scene| {
        let (loan, customer, funder) = (LoanId::from_number(7), CustomerId::from_number(3), PartnerId::from_number(1));
        let fund_account = FundAccountId::from_number(2);
        let zero = ghs("0");
        arrive(scene, "250000");
        let entry = disburse(scene);
        scene.happened(LoanNoteCreated {
            loan,
            customer,
            product: "gh-installment".to_owned(),
            version: 1,
            principal: ghs("1500"),
            annual_rate: Rate::from_percent_str("30").unwrap(),
            term: 3,
            disbursed_on: day(),
            funder,
        });
        for entry in [entry, EntryId::from_number(77)] {
            scene.happened(DisbursementSucceeded {
                loan,
                customer,
                principal: ghs("1500"),
                net_proceeds: ghs("1455"),
                funder,
                fund_account,
                reservation: ReservationId::from_number(5),
                payment: None,
                entry,
                annual_rate: Rate::from_percent_str("30").unwrap(),
                disbursed_on: day(),
                first_due: Date::constant(2026, 2, 5),
            });
        }
        let parts = PostingParts { principal: ghs("10"), ..PostingParts::nothing(Currency::GHS) };
        scene.happened(RepaymentPostingCalculated {
            quote: PostingQuote {
                loan,
                customer,
                funder,
                fund_account,
                product: "gh-installment".to_owned(),
                kind: RepaymentKind::Normal,
                amount: ghs("10"),
                parts: parts.clone(),
                due_now: ghs("10"),
                settles: false,
                as_of: day(),
            },
        });
        for kind in [RepaymentKind::Normal, RepaymentKind::EarlySettlement, RepaymentKind::Cancel] {
            scene.happened(RepaymentSucceeded {
                posting: PostingId::from_number(4),
                loan,
                customer,
                funder,
                fund_account,
                order: None,
                kind,
                amount: ghs("10"),
                parts: parts.clone(),
                principal_outstanding: ghs("1490"),
                settled: false,
                worst_days_past_due: 0,
            });
        }
        let balances = FundBalances {
            arrived: ghs("5"),
            available: ghs("5"),
            frozen: zero,
            in_transit: zero,
            paid_out: zero,
            received: zero,
            refunded: zero,
            suspense: zero,
            recoverable: zero,
        };
        let arrival = "arr-1".parse().unwrap();
        scene.happened(FundArrivalConfirmed { arrival, fund_account, partner: funder, amount: ghs("5"), balances });
        let controls: Vec<_> =
            scene.all::<BookControl>().into_iter().map(|row| (row.what, row.count, row.amount, row.missing)).collect();
        let expected = [
            ("funds-arrived", 1, "5", 0),
            ("loan-cancelled", 1, "10", 0),
            ("loan-disbursed", 2, "3000", 1),
            ("loan-note-created", 1, "1500", 0),
            ("repayment-quoted", 1, "10", 0),
            ("repayment-received", 2, "20", 0),
        ];
        let expected: Vec<_> =
            expected.map(|(what, count, amount, missing)| (what.to_owned(), count, ghs(amount), missing)).into();
        assert_eq!(controls, expected);
    });
}
