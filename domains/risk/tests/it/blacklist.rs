//! The blacklist and the audit of decisions.

use sycee_contract::{
    AddToBlacklist, BlacklistEntryAdded, BlacklistEntryRemoved, CheckBlacklist, CheckCustomerBlacklist,
    RemoveFromBlacklist, RiskDecisionMade, RiskPurpose, Sensitive,
};
use sycee_risk::risk_strategy_center::DecisionAudit;

use crate::support::*;

fn check(kind: &str, value: &str) -> CheckBlacklist {
    CheckBlacklist { kind: kind.to_owned(), value: Sensitive::new(value) }
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
        let listed = |number| CheckCustomerBlacklist { customer: customer(number) };
        assert!(scene.request(listed(AMA)).unwrap().is_empty());
        scene.request(blacklist_device("shared")).unwrap();
        assert_eq!(scene.emitted::<BlacklistEntryAdded>()[0].customers, [customer(AMA), customer(other)]);
        for number in [AMA, other] {
            assert_eq!(scene.request(listed(number)).unwrap(), ["device"]);
        }
        assert!(scene.request(listed(99_999)).unwrap().is_empty());

        scene.request(blacklist_device("newest")).unwrap();
        let remove = |value: &str| RemoveFromBlacklist {
            kind: "device".to_owned(),
            value: Sensitive::new(value),
            reason: "MISTAKE".to_owned(),
        };
        scene.request(remove("shared")).unwrap();
        assert_eq!(scene.emitted::<BlacklistEntryRemoved>()[0].customers, [customer(other)], "one is listed yet");
        scene.request(remove("newest")).unwrap();
        assert_eq!(scene.emitted::<BlacklistEntryRemoved>()[0].customers, [customer(AMA)]);
    });
}
