//! What an agreement says from when: how it is signed, changed, renewed and ended.

use sycee_contract::messages::{
    AmendFundingContract, BusinessDateAdvanced, FundingContractAmended, FundingContractSigned, InitiatePayment,
    OpenWorkOrder, RegisterFundingContract, RequestDisbursement,
};
use sycee_contract::{Actor, Date, PartnerPayout};
use sycee_money::{Currency, Money, Rate, date};
use sycee_partner::partner_hub::{PLANNED_MAX, Partner, PartnerTerms};
use sycee_runtime::testing::Scene;

use crate::{customer, ghs, partner, requested, scene, terms};

const BRIDGE: &str = "bridge-capital";

/// A day of the year that the scene begins in, on 5 January.
fn day(month: i8, day: i8) -> Date {
    date(2026, month, day)
}

/// The terms that `code` was registered with, for other days.
fn amendment(code: &str, valid_from: Date, valid_until: Option<Date>) -> AmendFundingContract {
    let RegisterFundingContract { code, cost, quota, products, channels, .. } = terms(code);
    AmendFundingContract { code, valid_from, valid_until, cost, quota, products, channels }
}

/// First days of what other services know.
fn first_days(scene: &Scene) -> Vec<Date> {
    scene.emitted::<FundingContractAmended>()[0].terms.iter().map(|terms| terms.valid_from).collect()
}

#[test]
fn a_term_begins_with_the_registration_unless_a_day_is_named() {
    for (named, first) in [(None, day(1, 5)), (Some(day(1, 1)), day(1, 1)), (Some(day(3, 1)), day(3, 1))] {
        scene(|scene| {
            let cmd = RegisterFundingContract { valid_from: named, valid_until: Some(day(12, 31)), ..terms(BRIDGE) };
            let contract = scene.request(cmd.clone()).unwrap();
            let signed = &scene.emitted::<FundingContractSigned>()[0];
            assert_eq!((signed.valid_from, signed.valid_until), (first, Some(day(12, 31))));
            scene.set_today(day(2, 1));
            assert_eq!(scene.request(cmd.clone()), Ok(contract), "the same terms on a later day");
            assert!(scene.emitted::<FundingContractSigned>().is_empty());
            for other in [
                RegisterFundingContract { valid_from: Some(day(2, 1)), ..cmd.clone() },
                RegisterFundingContract { valid_until: None, ..cmd },
            ] {
                assert_eq!(scene.request(other).unwrap_err().code, "FUNDING_CONTRACT_EXISTS");
            }
        });
    }
}

#[test]
fn terms_that_are_refused_name_the_field() {
    scene(|scene| {
        let signed = |valid_from, valid_until| RegisterFundingContract { valid_from, valid_until, ..terms(BRIDGE) };
        for cmd in [signed(None, Some(day(1, 4))), signed(Some(day(3, 2)), Some(day(3, 1)))] {
            let refusal = scene.request(cmd).unwrap_err();
            assert_eq!((refusal.code.as_str(), refusal.details["field"].as_str()), ("INVALID_FIELD", "validUntil"));
            assert!(refusal.message.contains("the first day"), "{refusal}");
        }
        scene.request(signed(None, Some(day(1, 5)))).unwrap();
        let with = |change: fn(&mut AmendFundingContract)| {
            let mut cmd = amendment(BRIDGE, day(2, 1), None);
            change(&mut cmd);
            cmd
        };
        for (cmd, field) in [
            (amendment(BRIDGE, day(1, 4), None), "validFrom"),
            (amendment(BRIDGE, day(2, 1), Some(day(1, 31))), "validUntil"),
            (with(|it| it.cost = Rate::from_bps(-1)), "cost"),
            (with(|it| it.quota = ghs(0)), "quota"),
            (with(|it| it.quota = Money::from_minor(1, Currency::USD).unwrap()), "quota"),
            (with(|it| it.products = vec!["gh-cash".into(); 101]), "products"),
            (with(|it| it.channels = vec![" ".into()]), "channels"),
        ] {
            let refusal = scene.request(cmd).unwrap_err();
            assert_eq!((refusal.code.as_str(), refusal.details["field"].as_str()), ("INVALID_FIELD", field));
        }
        let unknown = scene.request(amendment("nobody", day(2, 1), None));
        assert_eq!(unknown.unwrap_err().code, "NOT_FOUND");
        assert_eq!(scene.all::<PartnerTerms>().len(), 1);
    });
}

#[test]
fn an_amendment_is_made_once_and_every_version_is_kept() {
    scene(|scene| {
        let funder = partner(scene, BRIDGE);
        let renewal =
            AmendFundingContract { cost: Rate::from_bps(900), ..amendment(BRIDGE, day(3, 1), Some(day(12, 31))) };
        let contract = scene.request(renewal.clone()).unwrap();
        let told = &scene.emitted::<FundingContractAmended>()[0];
        assert_eq!((told.partner, told.contract, told.code.as_str()), (funder, contract, BRIDGE));
        assert_eq!(told.terms[1], renewal.terms());
        assert_eq!(first_days(scene), [day(1, 5), day(3, 1)]);
        for today in [day(1, 5), day(3, 2)] {
            scene.set_today(today);
            assert_eq!(scene.request(renewal.clone()), Ok(contract), "the same once more, though it has begun");
            assert!(scene.emitted::<FundingContractAmended>().is_empty());
        }
        let kept: Vec<_> =
            scene.all::<PartnerTerms>().into_iter().map(|it| (it.version, it.valid_from, it.cost)).collect();
        assert_eq!(kept, [(1, day(1, 5), Rate::from_bps(1000)), (2, day(3, 1), Rate::from_bps(900))]);
        assert_eq!(scene.load::<Partner>(funder).unwrap().version, 2);
        assert_eq!(scene.request(terms(BRIDGE)), Ok(contract), "the registration, repeated");
    });
}

#[test]
fn what_is_agreed_last_for_a_day_or_before_it_holds() {
    scene(|scene| {
        partner(scene, BRIDGE);
        // Today, the first day of the amendment, the first days of what is then known.
        for (today, first, known) in [
            (day(1, 5), day(3, 1), vec![day(1, 5), day(3, 1)]),
            (day(1, 5), day(4, 1), vec![day(1, 5), day(3, 1), day(4, 1)]),
            (day(1, 5), day(2, 1), vec![day(1, 5), day(2, 1)]),
            (day(2, 9), day(2, 20), vec![day(2, 1), day(2, 20)]),
            (day(2, 9), day(2, 9), vec![day(2, 1), day(2, 9)]),
            (day(2, 9), day(2, 9), vec![day(2, 9)]),
        ] {
            scene.set_today(today);
            let versions = scene.all::<PartnerTerms>().len();
            let last = Date::constant(2027, 12, 31 - i8::try_from(versions).unwrap());
            scene.request(amendment(BRIDGE, first, Some(last))).unwrap();
            assert_eq!(first_days(scene), known, "{first}");
        }
        assert_eq!(scene.all::<PartnerTerms>().len(), 7);
    });
}

#[test]
fn so_many_changes_are_planned_and_no_more() {
    scene(|scene| {
        partner(scene, BRIDGE);
        for nr in (1..=28).take(PLANNED_MAX) {
            scene.request(amendment(BRIDGE, day(2, nr), None)).unwrap();
        }
        let refusal = scene.request(amendment(BRIDGE, day(3, 1), None)).unwrap_err();
        assert_eq!((refusal.code.as_str(), refusal.details["field"].as_str()), ("INVALID_FIELD", "validFrom"));
        assert!(refusal.message.contains("replaces"), "{refusal}");
        scene.request(amendment(BRIDGE, day(2, 2), Some(day(12, 31)))).unwrap();
        assert_eq!(first_days(scene), [day(1, 5), day(2, 1), day(2, 2)]);
    });
}

#[test]
fn people_from_outside_change_no_agreement() {
    scene(|scene| {
        partner(scene, BRIDGE);
        let end = amendment(BRIDGE, day(1, 5), Some(day(1, 5)));
        for actor in [Actor::of_customer(customer()).as_str(), "customer", "guest:device-1", "nobody"] {
            assert_eq!(scene.request_by(actor, end.clone()).unwrap_err().code, "NOT_PERMITTED", "{actor}");
        }
        scene.request_by("staff:finance", end).unwrap();
    });
}

#[test]
fn what_was_reserved_is_paid_out_after_the_end() {
    for code in ["own-funds", BRIDGE, "self-capital"] {
        scene(|scene| {
            let funder = partner(scene, code);
            scene.request(amendment(code, day(1, 5), Some(day(1, 5)))).unwrap();
            scene.set_today(day(1, 6));
            scene.happened(requested(funder, 1, ghs(300)));
            let handed_over = scene.sent::<RequestDisbursement>().len()
                + scene.sent::<InitiatePayment>().len()
                + scene.effects::<PartnerPayout>().len();
            assert_eq!(handed_over, 1, "{code}");
        });
    }
}

/// Opens a day: the work orders that it brings.
fn opened(scene: &mut Scene, opened: Date) -> Vec<OpenWorkOrder> {
    scene.set_today(opened);
    scene.happened(BusinessDateAdvanced { closed: opened.yesterday().unwrap(), opened });
    scene.sent::<OpenWorkOrder>()
}

#[test]
fn people_are_reminded_before_an_agreement_ends() {
    scene(|scene| {
        for code in ["own-funds", BRIDGE] {
            scene.request(RegisterFundingContract { valid_until: Some(day(3, 31)), ..terms(code) }).unwrap();
        }
        partner(scene, "self-capital");
        let (mut today, mut told) = (day(2, 20), Vec::new());
        while today < day(4, 10) {
            told.extend(opened(scene, today).into_iter().map(|it| (today, it.key)));
            today = today.tomorrow().unwrap();
        }
        let mut expected = Vec::new();
        for (today, days) in [(day(3, 1), 30), (day(3, 24), 7), (day(3, 31), 0)] {
            for code in ["own-funds", BRIDGE] {
                expected.push((today, format!("funding-agreement-ends-{code}-2026-03-31-{days}")));
            }
        }
        assert_eq!(told, expected);
    });
}

#[test]
fn a_renewal_that_is_agreed_silences_the_reminder() {
    scene(|scene| {
        scene.request(RegisterFundingContract { valid_until: Some(day(3, 31)), ..terms(BRIDGE) }).unwrap();
        let called = opened(scene, day(3, 1)).remove(0);
        assert_eq!(called.kind, "funding-agreement-ends");
        for told in [BRIDGE, "2026-03-31", "in 30 days", "amend-funding-contract"] {
            assert!(called.text.contains(told), "{told}: {}", called.text);
        }
        scene.request(amendment(BRIDGE, day(4, 1), Some(day(9, 30)))).unwrap();
        for today in [day(3, 24), day(3, 31)] {
            assert!(opened(scene, today).is_empty(), "{today}");
        }
        let called = opened(scene, day(9, 30)).remove(0);
        assert!(called.text.contains("2026-09-30, today"), "{}", called.text);
    });
}
