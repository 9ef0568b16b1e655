//! The days of an agreement: when a funder is chosen, under which terms, and what happens to money after its end.

use sycee_contract::messages::{
    FundingContractAmended, FundingContractSigned, OpenWorkOrder, ReserveFunds, RouteFunds,
};
use sycee_contract::{Date, FundingContractId, FundingTerms, Identifier, PartnerId, PaymentDirection};
use sycee_funds::fund_management_system::{FundAccount, FundReservation, ReservationStatus};
use sycee_funds::fund_routing_system::FundRoute;
use sycee_money::{Rate, date};
use sycee_runtime::testing::Scene;

use crate::routing::{request, routed};
use crate::{agreement, facts, fund, ghs, loan, route, scene};

/// A day of January.
fn day(nr: i8) -> Date {
    date(2026, 1, nr)
}

/// Terms of partner 3 as [`agreement`] has them, for other days.
fn terms(first: i8, last: Option<i8>) -> FundingTerms {
    let signed = agreement(3, "bridge-capital", "0.10").terms();
    FundingTerms { valid_from: day(first), valid_until: last.map(day), ..signed }
}

/// The agreement of partner 3 says this from now on.
fn amend(scene: &mut Scene, code: &str, terms: Vec<FundingTerms>) {
    let (contract, partner) = (FundingContractId::from_number(103), PartnerId::from_number(3));
    scene.happened(FundingContractAmended { contract, partner, code: code.into(), terms });
}

/// Checks on each day to whom a request for 100 goes, or why it goes nowhere.
fn assert_routed(scene: &mut Scene, days: &[(i8, Result<i64, &str>)]) {
    for (nr, expected) in days {
        scene.set_today(day(*nr));
        let expected = expected.map_err(str::to_owned);
        assert_eq!(routed(scene, request(ghs(100))), expected, "on 2026-01-{nr:02}");
    }
}

#[test]
fn a_funder_lends_on_the_days_of_its_agreement() {
    for (code, over) in [("bridge-capital", "bridge-capital Agreement"), ("own-funds", "own-funds Agreement")] {
        scene(|scene| {
            let signed =
                FundingContractSigned { valid_from: day(10), valid_until: Some(day(20)), ..agreement(3, code, "0.10") };
            fund(scene, signed, ghs(1_000));
            assert_routed(scene, &[(9, Err(over)), (10, Ok(3)), (20, Ok(3)), (21, Err(over))]);
            amend(scene, code, vec![terms(10, Some(20)), terms(25, None)]);
            assert_routed(scene, &[(21, Err(over)), (24, Err(over)), (25, Ok(3))]);
            amend(scene, code, vec![terms(25, None), terms(26, Some(28))]);
            assert_routed(scene, &[(28, Ok(3)), (29, Err(over))]);
        });
    }
}

#[test]
fn a_funder_that_does_not_lend_is_passed_over() {
    scene(|scene| {
        fund(scene, agreement(4, "own-funds", "0.05"), ghs(1_000));
        fund(
            scene,
            FundingContractSigned { valid_until: Some(day(9)), ..agreement(3, "bridge-capital", "0.10") },
            ghs(1_000),
        );
        fund(scene, FundingContractSigned { valid_from: day(20), ..agreement(5, "later-capital", "0.20") }, ghs(1_000));
        assert_routed(scene, &[(9, Ok(3)), (10, Ok(4)), (20, Ok(5))]);
        let passed_over: Vec<_> = scene.all::<FundRoute>().into_iter().map(|route| route.passed_over).collect();
        let before = "bridge-capital Agreement";
        let both = format!("{before}, later-capital Agreement");
        assert_eq!(passed_over, [None, Some(both), Some(before.to_owned())]);
    });
}

#[test]
fn amended_terms_hold_from_their_first_day() {
    let later = terms(10, None);
    for (changed, after) in [
        (FundingTerms { quota: ghs(99), ..later.clone() }, Err("bridge-capital Quota")),
        (FundingTerms { products: vec!["gh-cash".into()], ..later.clone() }, Err("bridge-capital Product")),
        (FundingTerms { channels: vec!["telecel-cash".into()], ..later.clone() }, Err("bridge-capital ChannelClosed")),
        (FundingTerms { products: vec!["gh-installment".into()], ..later }, Ok(3)),
    ] {
        scene(|scene| {
            fund(scene, agreement(3, "bridge-capital", "0.10"), ghs(1_000));
            amend(scene, "bridge-capital", vec![terms(5, None), changed.clone()]);
            assert_routed(scene, &[(5, Ok(3)), (9, Ok(3)), (10, after)]);
        });
    }
    scene(|scene| {
        fund(scene, agreement(3, "bridge-capital", "0.10"), ghs(1_000));
        fund(scene, agreement(4, "volta-capital", "0.12"), ghs(1_000));
        let dearer = FundingTerms { cost: Rate::from_bps(1_500), ..terms(10, None) };
        amend(scene, "bridge-capital", vec![terms(5, None), dearer]);
        assert_routed(scene, &[(9, Ok(3)), (10, Ok(4))]);
        let excluded = RouteFunds { excluded: vec![PartnerId::from_number(4)], ..request(ghs(100)) };
        assert_eq!(routed(scene, excluded), Ok(3));
        let costs: Vec<_> = scene.all::<FundRoute>().into_iter().map(|route| route.cost).collect();
        assert_eq!(costs, [1_000, 1_200, 1_500].map(Rate::from_bps), "a route keeps the cost of its day");
    });
}

#[test]
fn what_was_reserved_before_the_end_is_paid_after_it() {
    scene(|scene| {
        let signed = FundingContractSigned { valid_until: Some(day(5)), ..agreement(3, "bridge-capital", "0.10") };
        let account = fund(scene, signed, ghs(1_000));
        let cmd = ReserveFunds { loan: loan(0), fund_account: account, route: route(), amount: ghs(300) };
        let reservation = scene.request(cmd).unwrap().reservation;
        assert_routed(scene, &[(6, Err("bridge-capital Agreement"))]);
        scene.happened(facts::disbursement_requested(account, reservation, ghs(300)));
        let purpose = facts::purpose(account, reservation);
        scene.happened(facts::payment_succeeded(PaymentDirection::Payout, purpose, ghs(300)));
        scene.happened(facts::disbursed(account, reservation, ghs(310), ghs(300)));
        assert_eq!(scene.load::<FundReservation>(reservation).unwrap().status, ReservationStatus::Closed);
        scene.happened(facts::repaid(account, ghs(110), ghs(100)));
        assert_eq!(scene.load::<FundAccount>(account).unwrap().available, ghs(810));
    });
}

#[test]
fn an_account_knows_what_it_funds_and_until_when() {
    scene(|scene| {
        let account = fund(scene, agreement(3, "bridge-capital", "0.10"), ghs(1_000));
        scene.happened(facts::published("gh-installment", ghs(600)));
        let known = |scene: &mut Scene| {
            let account = scene.load::<FundAccount>(account).unwrap();
            (account.products.0, account.valid_until, account.low_water)
        };
        assert_eq!(known(scene), (vec![], None, ghs(600)));
        let funds = |products: &[&str], terms: FundingTerms| FundingTerms {
            products: products.iter().map(|code| (*code).to_owned()).collect(),
            ..terms
        };
        let (cash, both) = (["gh-cash"], ["gh-cash", "gh-installment"]);
        amend(scene, "bridge-capital", vec![funds(&cash, terms(5, Some(9)))]);
        assert_eq!(known(scene), (vec!["gh-cash".to_owned()], Some(day(9)), ghs(0)));
        let later = vec![funds(&cash, terms(5, Some(9))), funds(&both, terms(20, Some(25)))];
        amend(scene, "bridge-capital", later);
        assert_eq!(
            known(scene),
            (both.map(str::to_owned).to_vec(), Some(day(25)), ghs(600)),
            "also what is agreed for later"
        );

        let alerts = |scene: &mut Scene, nr, loan_nr| {
            scene.set_today(day(nr));
            let cmd = ReserveFunds { loan: loan(loan_nr), fund_account: account, route: route(), amount: ghs(250) };
            scene.request(cmd).unwrap();
            scene.sent::<OpenWorkOrder>().iter().filter(|order| order.kind == "fund-account-low").count()
        };
        assert_eq!([alerts(scene, 25, 0), alerts(scene, 25, 1), alerts(scene, 26, 2)], [0, 1, 0]);
    });
}
