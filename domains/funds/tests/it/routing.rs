//! Routing: who is chosen, who is ruled out and why.

use sycee_contract::messages::{
    FundRouteSelected, FundingContractSigned, ReleaseFundReservation, ReserveFunds, RouteFunds, SetFundRouteStatus,
};
use sycee_contract::{Identifier, PartnerId, RiskOutcome, RiskPurpose};
use sycee_funds::fund_routing_system::{BOOK, FundRoute, QuotaHold, RouteBook, RouteDemand, RouteShortage};
use sycee_money::{Currency, Money, Rate, date};
use sycee_runtime::testing::Scene;

use crate::{agreement, facts, fund, ghs, loan, scene, sign};

pub fn request(amount: Money) -> RouteFunds {
    RouteFunds {
        loan: loan(0),
        product: "gh-installment".into(),
        version: 1,
        country: "GH".into(),
        amount,
        principal: amount,
        channel: "mtn-momo".into(),
        excluded: Vec::new(),
    }
}

/// The partner a request goes to, or why it goes nowhere.
pub fn routed(scene: &mut Scene, cmd: RouteFunds) -> Result<i64, String> {
    match scene.request(cmd) {
        Ok(answer) => {
            let told = scene.emitted::<FundRouteSelected>();
            assert_eq!(told[0].route, answer.route);
            Ok(told[0].funder.number())
        }
        Err(refusal) if refusal.code == "NO_FUNDING_ROUTE" => {
            Err(refusal.message.split(['(', ')']).nth(1).unwrap_or_default().to_owned())
        }
        Err(refusal) => Err(refusal.code),
    }
}

fn set(scene: &mut Scene, funder: Option<&str>, channel: Option<&str>, open: bool) {
    let cmd = SetFundRouteStatus { funder: funder.map(Into::into), channel: channel.map(Into::into), open };
    scene.request(cmd).unwrap();
}

#[test]
fn own_funds_lend_what_no_partner_does() {
    scene(|scene| {
        assert_eq!(routed(scene, request(ghs(100))).unwrap_err(), "no funder is registered");
        fund(scene, agreement(3, "own-funds", "0.10"), ghs(1_000));
        fund(scene, agreement(4, "cheap-capital", "0.08"), ghs(200));
        fund(scene, agreement(5, "same-capital", "0.10"), ghs(400));
        fund(scene, agreement(6, "dear-capital", "0.20"), ghs(5_000));
        for (amount, funder) in [(100, 4), (300, 5), (900, 6), (4_000, 6)] {
            assert_eq!(routed(scene, request(ghs(amount))), Ok(funder), "{amount}");
        }
        let route = scene.all::<FundRoute>().pop().unwrap();
        assert_eq!(route.passed_over.as_deref(), Some("cheap-capital Money, same-capital Money"));
        set(scene, Some("dear-capital"), None, false);
        assert_eq!(routed(scene, request(ghs(900))), Ok(3));
        let excluded = RouteFunds { excluded: vec![PartnerId::from_number(4)], ..request(ghs(100)) };
        assert_eq!(routed(scene, excluded), Ok(5));
        assert_eq!(routed(scene, request(ghs(0))).unwrap_err(), "INVALID_AMOUNT");
        assert_eq!(scene.load::<RouteDemand>((date(2026, 1, 5), Currency::GHS)).unwrap().routed_count, 6);
    });
}

#[test]
fn what_rules_a_funder_out() {
    let ask = |cmd: fn(&mut RouteFunds)| {
        let mut request = request(ghs(100));
        cmd(&mut request);
        request
    };
    let same = agreement(3, "own-funds", "0.10");
    let with = |change: fn(&mut FundingContractSigned)| {
        let mut changed = same.clone();
        change(&mut changed);
        changed
    };
    let cases = [
        (same.clone(), ask(|cmd| cmd.excluded = vec![PartnerId::from_number(3)]), "own-funds Excluded"),
        (same.clone(), ask(|cmd| cmd.country = "NG".into()), "own-funds Country"),
        (same.clone(), ask(|cmd| cmd.amount = Money::from_minor(100, Currency::USD).unwrap()), "own-funds Currency"),
        (with(|it| it.products = vec!["other".into()]), ask(|_| ()), "own-funds Product"),
        (with(|it| it.channels = vec!["telecel-cash".into()]), ask(|_| ()), "own-funds ChannelClosed"),
        (with(|it| it.quota = ghs(99)), ask(|_| ()), "own-funds Quota"),
        (with(|it| it.quota = ghs(104)), ask(|cmd| cmd.principal = ghs(105)), "own-funds Quota"),
        (same.clone(), ask(|cmd| cmd.amount = ghs(1_001)), "own-funds Money"),
        (same.clone(), ask(|cmd| cmd.principal = Money::from_minor(100, Currency::USD).unwrap()), "own-funds Currency"),
    ];
    for (agreement, cmd, why) in cases {
        scene(|scene| {
            fund(scene, agreement.clone(), ghs(1_000));
            assert_eq!(routed(scene, cmd.clone()).unwrap_err(), why);
        });
    }
    scene(|scene| {
        sign(scene, agreement(3, "own-funds", "0.10"));
        assert_eq!(routed(scene, request(ghs(1))).unwrap_err(), "own-funds Money");
        scene.happened(facts::funding_matched("gh-installment", &["bridge-capital"]));
        assert_eq!(routed(scene, request(ghs(1))).unwrap_err(), "own-funds Product");
        let shortage = scene.load::<RouteShortage>((date(2026, 1, 5), Currency::GHS)).unwrap();
        assert_eq!((shortage.count, shortage.amount), (2, ghs(2)), "refused tries are counted");
    });
    scene(|scene| {
        fund(scene, agreement(3, "own-funds", "0.10"), ghs(1_000));
        scene.happened(facts::funding_matched("gh-installment", &["own-funds"]));
        let mut later = facts::funding_matched("gh-installment", &["bridge-capital"]);
        later.version = 2;
        scene.happened(later);
        assert_eq!(
            routed(scene, request(ghs(1))),
            Ok(3),
            "a later version does not change whose money pays an older one"
        );
        assert_eq!(routed(scene, ask(|cmd| cmd.version = 2)).unwrap_err(), "own-funds Product");
    });
}

#[test]
fn versions_that_change_no_funder_are_not_kept() {
    scene(|scene| {
        fund(scene, agreement(3, "own-funds", "0.10"), ghs(1_000));
        for version in 1..=30 {
            let funder = if version < 11 { "own-funds" } else { "bridge-capital" };
            let mut matched = facts::funding_matched("gh-installment", &[funder]);
            matched.version = version;
            scene.happened(matched);
        }
        let book = scene.load::<RouteBook>(BOOK.to_owned()).unwrap();
        assert_eq!(book.products.keys().collect::<Vec<_>>(), ["gh-installment@1", "gh-installment@11"]);
        for (version, chosen) in [(1, true), (2, true), (10, true), (11, false), (12, false), (30, false)] {
            let routed = routed(scene, RouteFunds { version, ..request(ghs(1)) });
            assert_eq!(routed.is_ok(), chosen, "{version}: {routed:?}");
        }
    });
}

#[test]
fn routes_and_channels_close_and_open() {
    scene(|scene| {
        fund(scene, agreement(3, "own-funds", "0.10"), ghs(1_000));
        fund(scene, agreement(4, "cheap-capital", "0.08"), ghs(1_000));
        for (funder, channel, first, second) in [
            (Some("cheap-capital"), None, Ok(3), Ok(4)),
            (Some("cheap-capital"), Some("mtn-momo"), Ok(3), Ok(4)),
            (Some("cheap-capital"), Some("telecel-cash"), Ok(4), Ok(4)),
            (None, Some("mtn-momo"), Err("cheap-capital ChannelClosed, own-funds ChannelClosed".to_owned()), Ok(4)),
            (None, None, Err("cheap-capital Closed, own-funds Closed".to_owned()), Ok(4)),
        ] {
            set(scene, funder, channel, false);
            assert_eq!(routed(scene, request(ghs(100))), first);
            set(scene, funder, channel, true);
            assert_eq!(routed(scene, request(ghs(100))), second);
        }
        let mistyped = SetFundRouteStatus { funder: None, channel: Some("mtn-mmo".into()), open: false };
        let refused = scene.request(mistyped).unwrap_err();
        assert!(refused.code == "CHANNEL_UNKNOWN" && refused.message.contains("mtn-momo"), "{refused}");
        let unknown = scene.request(SetFundRouteStatus { funder: Some("nobody".into()), channel: None, open: true });
        assert_eq!(unknown.unwrap_err().code, "NOT_FOUND");
    });
}

#[test]
fn the_quota_counts_what_is_committed_and_what_is_owed() {
    scene(|scene| {
        let account =
            fund(scene, FundingContractSigned { quota: ghs(500), ..agreement(3, "own-funds", "0.10") }, ghs(1_000));
        scene.request(RouteFunds { loan: loan(0), ..request(ghs(300)) }).unwrap();
        let route = scene.all::<FundRoute>()[0].id;
        let reserved =
            scene.request(ReserveFunds { loan: loan(0), fund_account: account, route, amount: ghs(300) }).unwrap();
        assert_eq!(routed(scene, request(ghs(201))).unwrap_err(), "own-funds Quota");
        assert_eq!(routed(scene, request(ghs(200))), Ok(3));

        scene.happened(facts::disbursement_requested(account, reserved.reservation, ghs(300)));
        scene.happened(facts::partner_paid(account, reserved.reservation, None));
        scene.happened(facts::disbursed(account, reserved.reservation, ghs(320), ghs(300)));
        assert_eq!(routed(scene, request(ghs(181))).unwrap_err(), "own-funds Quota", "320 are owed");
        assert_eq!(routed(scene, request(ghs(180))), Ok(3));

        scene.happened(facts::repaid(account, ghs(130), ghs(120)));
        assert_eq!(routed(scene, request(ghs(301))).unwrap_err(), "own-funds Quota");
        assert_eq!(routed(scene, request(ghs(300))), Ok(3));
    });
}

#[test]
fn what_is_on_its_way_takes_its_principal_of_the_quota() {
    scene(|scene| {
        let account =
            fund(scene, FundingContractSigned { quota: ghs(500), ..agreement(3, "own-funds", "0.10") }, ghs(1_000));
        // A fee is kept back: less goes out than is owed.
        let ask = |loan_nr, principal, net| RouteFunds {
            loan: loan(loan_nr),
            principal: ghs(principal),
            ..request(ghs(net))
        };
        let reserve = |scene: &mut Scene, cmd: RouteFunds| {
            let (loan, amount) = (cmd.loan, cmd.amount);
            let route = scene.request(cmd).unwrap().route;
            scene.request(ReserveFunds { loan, fund_account: account, route, amount }).unwrap().reservation
        };
        let first = reserve(scene, ask(0, 300, 291));
        assert_eq!(routed(scene, ask(1, 201, 195)).unwrap_err(), "own-funds Quota", "486 would go out, 501 be owed");
        let second = reserve(scene, ask(1, 200, 194));
        assert_eq!(routed(scene, ask(2, 1, 1)).unwrap_err(), "own-funds Quota");

        for _ in 0..2 {
            let reason = "CANCELLED".to_owned();
            scene.request(ReleaseFundReservation { reservation: second, reason }).unwrap();
            assert_eq!(routed(scene, ask(1, 201, 195)).unwrap_err(), "own-funds Quota");
            assert_eq!(routed(scene, ask(1, 200, 194)), Ok(3), "given back once");
        }
        scene.happened(facts::disbursement_requested(account, first, ghs(291)));
        scene.happened(facts::partner_paid(account, first, None));
        assert_eq!(routed(scene, ask(1, 201, 195)).unwrap_err(), "own-funds Quota", "paid out, not booked");
        scene.happened(facts::disbursed(account, first, ghs(300), ghs(291)));
        assert_eq!(routed(scene, ask(1, 201, 195)).unwrap_err(), "own-funds Quota", "lent");
        assert_eq!(routed(scene, ask(1, 200, 194)), Ok(3), "counted once");
        assert!(scene.all::<QuotaHold>().is_empty());

        let unrouted = ReserveFunds { loan: loan(3), fund_account: account, route: crate::route(), amount: ghs(50) };
        scene.request(unrouted).unwrap();
        assert_eq!(routed(scene, ask(1, 151, 146)).unwrap_err(), "own-funds Quota");
        assert_eq!(routed(scene, ask(1, 150, 145)), Ok(3));
    });
}

#[test]
fn approved_payouts_are_counted_by_tier() {
    scene(|scene| {
        for (purpose, outcome, surcharge) in [
            (RiskPurpose::Drawdown, RiskOutcome::Approve, 300),
            (RiskPurpose::Drawdown, RiskOutcome::Approve, 100),
            (RiskPurpose::Drawdown, RiskOutcome::Reject, 0),
            (RiskPurpose::Credit, RiskOutcome::Approve, 0),
        ] {
            scene.happened(facts::decided(purpose, outcome, None, surcharge));
        }
        let demand = scene.load::<RouteDemand>((date(2026, 1, 5), Currency::GHS)).unwrap();
        assert_eq!((demand.tiers["low"].approved, demand.tiers["low"].surcharge_min), (2, Rate::from_bps(100)));
    });
}
