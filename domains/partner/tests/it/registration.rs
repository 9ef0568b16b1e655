//! Agreements with funders.

use sycee_contract::messages::{FundingContractSigned, QueryPartner, RegisterFundingContract};
use sycee_contract::{Identifier, PartnerId};
use sycee_money::{Currency, Money, Rate};
use sycee_partner::partner_hub::Partner;

use crate::{ghs, partner, scene, terms};

#[test]
fn an_agreement_is_signed_once_a_code() {
    scene(|scene| {
        let contract = scene.request(terms("own-funds")).unwrap();
        let signed = scene.emitted::<FundingContractSigned>();
        assert_eq!((signed.len(), signed[0].contract, signed[0].is_own), (1, contract, true));
        assert_eq!(scene.request(terms("own-funds")).unwrap(), contract, "the same terms again");
        assert!(scene.emitted::<FundingContractSigned>().is_empty());
        let other = RegisterFundingContract { cost: Rate::from_bps(900), ..terms("own-funds") };
        let refusal = scene.request(other).unwrap_err();
        assert_eq!(refusal.code, "FUNDING_CONTRACT_EXISTS");
        assert!(refusal.message.contains("amend-funding-contract"), "{refusal}");
        assert_eq!(scene.load::<Partner>(signed[0].partner).unwrap().terms[0].cost, Rate::from_bps(1000));
        assert_ne!(partner(scene, "bridge-capital"), signed[0].partner);
    });
}

#[test]
fn agreements_that_are_refused_name_the_field() {
    scene(|scene| {
        partner(scene, "own-funds");
        let with = |change: fn(&mut RegisterFundingContract)| {
            let mut changed = terms("bridge-capital");
            change(&mut changed);
            changed
        };
        for (cmd, field) in [
            (with(|it| it.code = "Bridge Capital".into()), "code"),
            (with(|it| it.code = String::new()), "code"),
            (with(|it| it.country = "gha".into()), "country"),
            (with(|it| it.cost = Rate::from_bps(-1)), "cost"),
            (with(|it| it.quota = ghs(0)), "quota"),
            (with(|it| it.quota = Money::from_minor(1, Currency::USD).unwrap()), "quota"),
            (with(|it| it.is_own = true), "isOwn"),
        ] {
            let refusal = scene.request(cmd).unwrap_err();
            assert_eq!((refusal.code.as_str(), refusal.details["field"].as_str()), ("INVALID_FIELD", field));
        }
    });
    scene(|scene| {
        let both = RegisterFundingContract { pays_itself: true, ..terms("own-funds") };
        assert_eq!(scene.request(both).unwrap_err().details["field"], "paysItself");
    });
}

#[test]
fn who_pays_and_collects_itself() {
    scene(|scene| {
        for (code, itself) in [("own-funds", false), ("bridge-capital", false), ("self-capital", true)] {
            let partner = partner(scene, code);
            assert_eq!(scene.request(QueryPartner { partner }).unwrap(), itself);
        }
        let unknown = QueryPartner { partner: PartnerId::from_number(99) };
        assert_eq!(scene.request(unknown).unwrap_err().code, "NOT_FOUND");
    });
}
