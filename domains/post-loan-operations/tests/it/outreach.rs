//! Messages to customers.

use std::collections::BTreeMap;

use sycee_contract::{
    CreditApplicationId, CreditApplicationRejected, CreditLineApproved, CustomerId, CustomerRegistered, DecisionId,
    DisbursementSucceeded, DocumentId, EntryId, FundAccountId, Identifier, InstallmentDueNotice,
    LoanApplicationApproved, LoanApplicationCancelled, LoanApplicationRejected, LoanId, MessageDispatched, NoticeId,
    PartnerId, PostingId, PostingParts, RenderedDocument, RepaymentKind, RepaymentSucceeded, ReservationId,
    SendNotification, Timestamp, Zone,
};
use sycee_money::{Currency, Money, Rate, date};
use sycee_post_loan_operations::{Notice, OutreachTemplates};
use sycee_runtime::testing::{Scene, test_market};
use sycee_runtime::{Configs, Market};

const GHANA: &str = include_str!("../../../../markets/gh/outreach.yaml");

fn ghs(text: &str) -> Money {
    Money::parse(text, Currency::GHS).unwrap()
}

fn customer() -> CustomerId {
    CustomerId::from_number(5)
}

fn loan() -> LoanId {
    LoanId::from_number(77)
}

fn market(body: impl Fn(&mut Scene)) {
    market_in(Zone::utc(), body);
}

fn market_in(zone: Zone, body: impl Fn(&mut Scene)) {
    let configs = Configs::new().with(OutreachTemplates::from_yaml(GHANA).unwrap());
    let market = Market { zone, ..test_market() };
    Scene::each_in(&market, sycee_post_loan_operations::register, configs, body);
}

fn registered(language: &str) -> CustomerRegistered {
    CustomerRegistered {
        customer: customer(),
        market: "gh".to_owned(),
        channel: "organic".to_owned(),
        device_id: "device".to_owned(),
        platform: "Android 14".to_owned(),
        phone_index: String::new(),
        language: language.to_owned(),
    }
}

fn approved(scene: &Scene) -> LoanApplicationApproved {
    LoanApplicationApproved {
        loan: loan(),
        customer: customer(),
        amount: ghs("1200"),
        contract: RenderedDocument { document: DocumentId::from_number(1), hash: "f00d".to_owned() },
        expires_at: scene.now(),
    }
}

fn line() -> CreditLineApproved {
    CreditLineApproved {
        application: CreditApplicationId::from_number(9),
        customer: customer(),
        limit: ghs("2000"),
        limit_cap: ghs("4000"),
        tier: "low".to_owned(),
        decision: DecisionId::from_number(10),
        valid_until: Timestamp::start_of(date(2027, 1, 31)),
    }
}

fn no_line() -> CreditApplicationRejected {
    CreditApplicationRejected {
        application: CreditApplicationId::from_number(9),
        customer: customer(),
        reasons: vec!["SCORE_TOO_LOW".to_owned()],
    }
}

fn ended(reason: &str, by_customer: bool) -> LoanApplicationCancelled {
    LoanApplicationCancelled { loan: loan(), customer: customer(), reason: reason.to_owned(), by_customer }
}

fn disbursed() -> DisbursementSucceeded {
    DisbursementSucceeded {
        loan: loan(),
        customer: customer(),
        principal: ghs("1200"),
        net_proceeds: ghs("1152"),
        funder: PartnerId::from_number(2),
        fund_account: FundAccountId::from_number(3),
        reservation: ReservationId::from_number(4),
        payment: None,
        entry: EntryId::from_number(6),
        annual_rate: Rate::from_percent_str("24").unwrap(),
        disbursed_on: date(2026, 1, 31),
        first_due: date(2026, 2, 28),
    }
}

fn due(in_days: u32) -> InstallmentDueNotice {
    InstallmentDueNotice {
        loan: loan(),
        customer: customer(),
        funder: PartnerId::from_number(2),
        nr: 1,
        due_date: date(2026, 2, 28),
        in_days,
        amount: ghs("416.10"),
    }
}

fn repaid(kind: RepaymentKind, settled: bool) -> RepaymentSucceeded {
    RepaymentSucceeded {
        posting: PostingId::from_number(8),
        loan: loan(),
        customer: customer(),
        funder: PartnerId::from_number(2),
        fund_account: FundAccountId::from_number(3),
        order: None,
        kind,
        amount: ghs("416.10"),
        parts: PostingParts::nothing(Currency::GHS),
        principal_outstanding: ghs("807.90"),
        settled,
        worst_days_past_due: 0,
    }
}

fn last_notice(scene: &mut Scene) -> Notice {
    let sent = scene.emitted::<MessageDispatched>();
    assert_eq!((sent.len(), sent[0].channel.as_str(), sent[0].customer), (1, "in-app", customer()));
    let notice = scene.load::<Notice>(sent[0].notice).unwrap();
    assert_eq!(notice.template, sent[0].template);
    notice
}

#[test]
fn a_new_customer_is_welcomed_in_their_language() {
    for (language, title) in [("en", "Welcome to Sycee"), ("zh-CN", "欢迎使用 Sycee"), ("tw", "Welcome to Sycee")] {
        market(|scene| {
            scene.happened(registered(language));
            let notice = last_notice(scene);
            assert_eq!((notice.title.as_str(), notice.loan), (title, None));
        });
    }
}

#[test]
fn each_event_of_a_loan_has_its_message() {
    market(|scene| {
        scene.happened(registered("en"));
        scene.happened(approved(scene));
        let notice = last_notice(scene);
        assert_eq!((notice.template.as_str(), notice.loan), ("loan-approved", Some(loan())));
        assert!(notice.body.contains("GHS 1200.00"), "{}", notice.body);

        scene.happened(LoanApplicationRejected {
            loan: loan(),
            customer: customer(),
            reasons: vec!["SCORE_TOO_LOW".to_owned()],
        });
        assert_eq!(last_notice(scene).template, "loan-rejected");

        scene.happened(disbursed());
        assert!(last_notice(scene).body.contains("2026-02-28"));

        for (in_days, template) in [(3, "installment-reminder"), (0, "installment-due-today")] {
            scene.happened(due(in_days));
            let notice = last_notice(scene);
            assert_eq!(notice.template, template);
            assert!(notice.body.contains("GHS 416.10"), "{}", notice.body);
        }

        let table = [
            (RepaymentKind::Normal, false, "repayment-received"),
            (RepaymentKind::Normal, true, "loan-settled"),
            (RepaymentKind::EarlySettlement, true, "loan-settled"),
            (RepaymentKind::Cancel, true, "loan-cancelled"),
        ];
        for (kind, settled, template) in table {
            scene.happened(repaid(kind, settled));
            assert_eq!(last_notice(scene).template, template);
        }
    });
}

#[test]
fn whoever_asked_for_a_line_hears_what_became_of_it() {
    market(|scene| {
        scene.happened(registered("en"));
        scene.happened(line());
        let notice = last_notice(scene);
        assert_eq!((notice.template.as_str(), notice.loan), ("credit-line-approved", None));
        assert!(notice.body.contains("GHS 2000.00") && notice.body.contains("2027-01-31"), "{}", notice.body);
        scene.happened(no_line());
        assert_eq!(last_notice(scene).template, "credit-rejected");
    });
}

#[test]
fn days_and_times_are_those_of_the_place() {
    for (zone, at, day, minute) in [
        ("Africa/Accra", "2026-03-08T17:30:59.9Z", "until 2026-03-08.", "before 2026-03-08 17:30 "),
        ("Asia/Shanghai", "2026-03-08T16:05:00Z", "until 2026-03-09.", "before 2026-03-09 00:05 "),
        ("Africa/Lagos", "2026-03-08T22:59:00Z", "until 2026-03-08.", "before 2026-03-08 23:59 "),
        // Clocks change on this day: its hours are not told.
        ("America/New_York", "2026-03-08T17:30:00Z", "until 2026-03-08.", "before 2026-03-08 to "),
    ] {
        let at: Timestamp = at.parse().unwrap();
        market_in(Zone::named(zone).unwrap(), |scene| {
            scene.happened(registered("en"));
            scene.happened(CreditLineApproved { valid_until: at, ..line() });
            let body = last_notice(scene).body;
            assert!(body.contains(day), "{zone}: {body}");
            scene.happened(LoanApplicationApproved { expires_at: at, ..approved(scene) });
            let body = last_notice(scene).body;
            assert!(body.contains(minute), "{zone}: {body}");
        });
    }
}

#[test]
fn whose_application_the_lender_ends_hears_why() {
    market(|scene| {
        scene.happened(registered("en"));
        for (reason, template) in [
            ("CONTRACT_EXPIRED", "contract-lapsed"),
            ("NO_FUNDING_ROUTE", "payout-impossible"),
            ("DISBURSEMENT_FAILED", "payout-impossible"),
            ("DECISION_EXPIRED", "payout-impossible"),
        ] {
            scene.happened(ended(reason, false));
            let notice = last_notice(scene);
            assert_eq!((notice.template.as_str(), notice.loan), (template, Some(loan())));
            scene.happened(ended(reason, true));
            assert!(scene.emitted::<MessageDispatched>().is_empty(), "whoever cancels himself knows it");
        }
    });
}

#[test]
fn every_text_can_be_written_in_every_language() {
    for language in ["en", "zh-CN"] {
        market(|scene| {
            scene.happened(registered(language));
            let mut bodies = vec![last_notice(scene)];
            scene.happened(approved(scene));
            bodies.push(last_notice(scene));
            scene.happened(line());
            bodies.push(last_notice(scene));
            scene.happened(no_line());
            bodies.push(last_notice(scene));
            for reason in ["CONTRACT_EXPIRED", "NO_FUNDING_ROUTE"] {
                scene.happened(ended(reason, false));
                bodies.push(last_notice(scene));
            }
            scene.happened(LoanApplicationRejected { loan: loan(), customer: customer(), reasons: Vec::new() });
            bodies.push(last_notice(scene));
            scene.happened(disbursed());
            bodies.push(last_notice(scene));
            scene.happened(due(3));
            bodies.push(last_notice(scene));
            scene.happened(due(0));
            bodies.push(last_notice(scene));
            for (kind, settled) in
                [(RepaymentKind::Normal, false), (RepaymentKind::Normal, true), (RepaymentKind::Cancel, true)]
            {
                scene.happened(repaid(kind, settled));
                bodies.push(last_notice(scene));
            }
            assert!(bodies.iter().all(|notice| notice.language == language && !notice.body.contains("{{")));
            let templates = OutreachTemplates::from_yaml(GHANA).unwrap();
            let sent: std::collections::BTreeSet<_> = bodies.iter().map(|notice| notice.template.clone()).collect();
            assert_eq!(
                sent,
                templates.codes().map(str::to_owned).collect(),
                "every template has an event that sends it"
            );
        });
    }
}

#[test]
fn a_notification_needs_a_template_and_its_values() {
    market(|scene| {
        let command = |template: &str, values: &[(&str, &str)]| SendNotification {
            customer: customer(),
            template: template.to_owned(),
            values: values
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect::<BTreeMap<_, _>>(),
        };
        let notice: NoticeId = scene.request(command("loan-rejected", &[("loan", "loan-9")])).unwrap();
        assert!(scene.load::<Notice>(notice).unwrap().body.contains("loan-9"));

        let unknown = scene.request(command("birthday", &[])).unwrap_err();
        assert_eq!(unknown.code, "TEMPLATE_NOT_FOUND");
        assert!(unknown.message.contains("welcome"), "{}", unknown.message);
        let long = "x".repeat(201);
        let long = long.as_str();
        let names: Vec<String> = (0..32).map(|nr| format!("v{nr}")).collect();
        let mut many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x")).collect();
        many.push(("loan", "loan-9"));
        for (template, values) in [
            ("loan-rejected", vec![]),
            ("loan-rejected", vec![("loan", "")]),
            ("loan-rejected", vec![("loan", long)]),
            ("loan-rejected", vec![("loan", "loan-9"), (long, "x")]),
            ("loan-rejected", many.clone()),
            (long, vec![("loan", "loan-9")]),
        ] {
            assert_eq!(scene.request(command(template, &values)).unwrap_err().code, "INVALID_FIELD", "{values:?}");
        }
        assert!(scene.request(command("loan-rejected", &many[1..])).is_ok(), "as many as there may be");
        let unknown = scene.request(command("birthday", &[])).unwrap_err();
        assert_eq!(unknown.code, "TEMPLATE_NOT_FOUND");
        assert!(scene.emitted::<MessageDispatched>().is_empty());
    });
}
