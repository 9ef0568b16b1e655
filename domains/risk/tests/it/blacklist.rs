//! The blacklist and the audit of decisions.

use sycee_contract::{
    AddToBlacklist, BlacklistEntryAdded, BlacklistEntryRemoved, CheckBlacklist, CheckCustomerBlacklist, OpenWorkOrder,
    RemoveFromBlacklist, RiskDecisionMade, RiskOutcome, RiskPurpose, Sensitive,
};
use sycee_risk::risk_strategy_center::{CustomerMarks, DecisionAudit, HOLDERS_MAX, MARKS_MAX, MarkHolders};

use crate::support::*;

fn check(kind: &str, value: &str) -> CheckBlacklist {
    CheckBlacklist { kind: kind.to_owned(), value: Sensitive::new(value) }
}

fn listed(number: i64) -> CheckCustomerBlacklist {
    CheckCustomerBlacklist { customer: customer(number) }
}

fn remove_device(device: &str) -> RemoveFromBlacklist {
    RemoveFromBlacklist { kind: "device".to_owned(), value: Sensitive::new(device), reason: "MISTAKE".to_owned() }
}

#[test]
fn what_is_added_is_found_by_kind_and_value() {
    each(|scene| {
        scene.request(blacklist_device("device-1")).unwrap();
        assert_eq!(scene.emitted::<BlacklistEntryAdded>()[0].reason, "FRAUD_CONFIRMED");
        scene.request(blacklist_device("device-1")).unwrap();
        assert!(scene.emitted::<BlacklistEntryAdded>().is_empty(), "known already");
        for (kind, value, listed) in [
            ("device", "device-1", true),
            ("device", " device-1 ", true),
            ("device", "device-2", false),
            ("phone", "device-1", false),
            ("document", "device-1", false),
        ] {
            assert_eq!(scene.request(check(kind, value)).unwrap(), listed, "{kind} {value:?}");
        }
    });
}

#[test]
fn what_is_removed_is_found_no_more_and_may_come_back() {
    each(|scene| {
        let remove = |value: &str, reason: &str| RemoveFromBlacklist {
            kind: "device".to_owned(),
            value: Sensitive::new(value),
            reason: reason.to_owned(),
        };
        scene.request(blacklist_device("device-1")).unwrap();
        scene.request(blacklist_device("device-2")).unwrap();
        for (cmd, code) in [
            (remove("device-3", "MISTAKE"), "NOT_FOUND"),
            (remove("device-1", ""), "INVALID_FIELD"),
            (remove(" ", "MISTAKE"), "INVALID_FIELD"),
            (remove(&"x".repeat(201), "MISTAKE"), "INVALID_FIELD"),
        ] {
            let refused = scene.request(cmd).unwrap_err();
            assert_eq!(refused.code, code);
            assert!(!refused.to_string().contains("device-3"), "a value is nobody's to read: {refused}");
        }
        scene.request(remove(" device-1 ", "MISTAKE")).unwrap();
        assert_eq!(scene.emitted::<BlacklistEntryRemoved>()[0].reason, "MISTAKE");
        assert!(!scene.request(check("device", "device-1")).unwrap());
        assert!(scene.request(check("device", "device-2")).unwrap());
        assert_eq!(scene.request(remove("device-1", "MISTAKE")).unwrap_err().code, "NOT_FOUND");
        scene.request(blacklist_device("device-1")).unwrap();
        assert!(scene.request(check("device", "device-1")).unwrap());
    });
}

#[test]
fn nonsense_is_refused() {
    each(|scene| {
        for cmd in [
            AddToBlacklist { kind: "email".to_owned(), ..blacklist_device("device-1") },
            AddToBlacklist { reason: String::new(), ..blacklist_device("device-1") },
            AddToBlacklist { reason: "X".repeat(81), ..blacklist_device("device-1") },
            blacklist_device("  "),
            blacklist_device(&"x".repeat(201)),
            AddToBlacklist { kind: "document".to_owned(), ..blacklist_device("-/-") },
        ] {
            assert_eq!(scene.request(cmd).unwrap_err().code, "INVALID_FIELD");
            assert!(scene.emitted::<BlacklistEntryAdded>().is_empty());
        }
        assert_eq!(scene.request(check("email", "x")).unwrap_err().code, "INVALID_FIELD");
        assert!(!scene.request(check("device", "device-1")).unwrap());
    });
}

#[test]
fn decisions_are_audited_by_strategy_purpose_and_day() {
    each(|scene| {
        onboard(scene, AMA, LOW);
        let mut day = None;
        for amount in ["500", "99", "700"] {
            scene.request(review(AMA, RiskPurpose::Credit, Some(ghs(amount)))).unwrap();
            day = Some(scene.emitted::<RiskDecisionMade>()[0].valid_until.plus_days(-90).date());
        }
        let audit = scene.load::<DecisionAudit>((format!("{}/credit", default_strategy().id()), day.unwrap())).unwrap();
        assert_eq!((audit.approved, audit.rejected, audit.referred), (2, 1, 0));
    });
}

#[test]
fn every_device_a_customer_was_seen_on_counts() {
    each(|scene| {
        onboard(scene, AMA, LOW);
        let other = AMA + 1;
        for event in [seen(AMA, "shared"), seen(AMA, "shared"), seen(AMA, "newest"), seen(other, "shared")] {
            scene.happened(event);
        }
        assert!(scene.request(listed(AMA)).unwrap().is_empty());
        scene.request(blacklist_device("shared")).unwrap();
        assert_eq!(scene.emitted::<BlacklistEntryAdded>()[0].customers, [customer(AMA), customer(other)]);
        for number in [AMA, other] {
            assert_eq!(scene.request(listed(number)).unwrap(), ["device"]);
        }
        assert!(scene.request(listed(99_999)).unwrap().is_empty());

        scene.request(blacklist_device("newest")).unwrap();
        scene.request(remove_device("shared")).unwrap();
        assert_eq!(scene.emitted::<BlacklistEntryRemoved>()[0].customers, [customer(other)], "one is listed yet");
        scene.request(remove_device("newest")).unwrap();
        assert_eq!(scene.emitted::<BlacklistEntryRemoved>()[0].customers, [customer(AMA)]);
    });
}

#[test]
fn a_device_of_too_many_is_refused_to_those_whom_nobody_tells() {
    each(|scene| {
        let last = i64::try_from(HOLDERS_MAX).unwrap() + 2;
        for number in 1..=last {
            scene.happened(seen(number, "shared"));
        }
        assert_eq!(scene.all::<MarkHolders>()[0].customers.len(), HOLDERS_MAX);

        let by_a_machine = AddToBlacklist { sole_holder: Some(customer(last)), ..blacklist_device("shared") };
        scene.request(by_a_machine).unwrap();
        assert!(scene.emitted::<BlacklistEntryAdded>().is_empty());
        let text = scene.sent::<OpenWorkOrder>().remove(0).text;
        assert!(text.starts_with(&format!("at least {HOLDERS_MAX} customers besides")), "{text}");

        scene.request(blacklist_device("shared")).unwrap();
        let told = scene.emitted::<BlacklistEntryAdded>().remove(0).customers;
        assert_eq!((told.len(), told[0], told.contains(&customer(last))), (HOLDERS_MAX, customer(1), false));
        assert_eq!(scene.sent::<OpenWorkOrder>()[0].kind, "device-of-many-blacklisted");
        for number in [1, last - 1, last] {
            assert_eq!(scene.request(listed(number)).unwrap(), ["device"], "{number}");
            onboard(scene, number, LOW);
            let made = scene.emitted::<RiskDecisionMade>().remove(0);
            assert_eq!((made.outcome, made.reasons), (RiskOutcome::Reject, vec!["DEVICE_BLACKLISTED".to_owned()]));
        }

        scene.request(remove_device("shared")).unwrap();
        assert_eq!(scene.emitted::<BlacklistEntryRemoved>()[0].customers.len(), HOLDERS_MAX);
        assert_eq!(scene.sent::<OpenWorkOrder>()[0].kind, "device-of-many-unlisted");
        assert!(scene.request(listed(last)).unwrap().is_empty());
    });
}

#[test]
fn of_too_many_devices_the_first_and_the_latest_count() {
    each(|scene| {
        let device = |nr: usize| format!("device-{nr}");
        let mut orders = Vec::new();
        for nr in 1..=MARKS_MAX + 2 {
            scene.happened(seen(AMA, &device(nr)));
            orders.append(&mut scene.sent::<OpenWorkOrder>());
        }
        assert_eq!(orders.iter().map(|order| order.kind.as_str()).collect::<Vec<_>>(), ["customer-with-many-devices"]);
        assert_eq!(scene.load::<CustomerMarks>(customer(AMA)).unwrap().devices.len(), MARKS_MAX);

        for (nr, counts) in [(1, true), (MARKS_MAX - 1, true), (MARKS_MAX, false), (MARKS_MAX + 2, true)] {
            scene.request(blacklist_device(&device(nr))).unwrap();
            let told = scene.emitted::<BlacklistEntryAdded>().remove(0).customers;
            assert_eq!(told.contains(&customer(AMA)), counts, "who has it and what he has agree: device {nr}");
            assert_eq!(!scene.request(listed(AMA)).unwrap().is_empty(), counts, "device {nr}");
            scene.request(remove_device(&device(nr))).unwrap();
        }

        scene.happened(seen(AMA, &device(MARKS_MAX)));
        assert!(scene.all::<MarkHolders>().iter().all(|holders| holders.customers.len() == 1), "he is kept once");
        scene.request(blacklist_device(&device(MARKS_MAX))).unwrap();
        assert_eq!(scene.request(listed(AMA)).unwrap(), ["device"], "it is the latest again");
        scene.happened(seen(AMA, "device-of-a-friend"));
        assert_eq!(scene.request(listed(AMA)).unwrap(), ["device"], "a listed one is not pushed out by another");
    });
}
