//! financial-product-center: versions are published once and for good.

use sycee_contract::{
    Identifier, ProductFundingMatched, ProductVersionPublished, PublishProductVersion, QueryProductVersion,
    RepaymentPlanCalculated, RiskDecisionMade, RiskOutcome, RiskPurpose, RiskSubject,
};
use sycee_money::{Currency, Rate, date};
use sycee_product::financial_product_center::{ProductExclusion, ProductVersion};
use sycee_product::product_distribution_service::ProductShelf;

use crate::{CASH, INSTALLMENT, customer, empty_market, ghs, market, product};

fn version(version: u32) -> PublishProductVersion {
    let mut command = product(INSTALLMENT);
    command.terms.version = version;
    command.terms.annual_rate = Rate::from_bps(1_000 + i64::from(version));
    command
}

#[test]
fn a_version_is_published_with_its_funders() {
    empty_market(|scene| {
        let command = PublishProductVersion { funders: vec!["own-funds".to_owned()], ..product(CASH) };
        scene.request(command.clone()).unwrap();
        assert_eq!(scene.emitted::<ProductVersionPublished>()[0].terms, command.terms);
        let example = scene.emitted::<RepaymentPlanCalculated>()[0].plan.clone().unwrap();
        assert_eq!((example.product.as_str(), example.principal), ("gh-cash", command.terms.amount_max));
        assert_eq!(example.start, command.terms.effective_from);
        assert!(example.total_due.units() > example.principal.units() && example.apr > command.terms.annual_rate);
        let matched = &scene.emitted::<ProductFundingMatched>()[0];
        assert_eq!((matched.product.as_str(), matched.version, &matched.funders), ("gh-cash", 1, &command.funders));

        scene.request(command.clone()).unwrap();
        assert!(scene.emitted::<ProductVersionPublished>().is_empty());
        let stored = scene.load::<ProductVersion>(("gh-cash".to_owned(), 1)).unwrap();
        assert_eq!((stored.terms.0, stored.funders.0), (command.terms, command.funders));
    });
}

#[test]
fn a_published_version_never_changes() {
    empty_market(|scene| {
        scene.request(version(2)).unwrap();
        let key = ("gh-installment".to_owned(), 2);
        let before = scene.load::<ProductVersion>(key.clone()).unwrap();
        let mut dearer = version(2);
        dearer.terms.annual_rate = Rate::from_bps(9_000);
        let elsewhere = PublishProductVersion { funders: vec!["big-bank".to_owned()], ..version(2) };
        for (command, code) in [
            (dearer, "PRODUCT_VERSION_EXISTS"),
            (elsewhere, "PRODUCT_VERSION_EXISTS"),
            (version(1), "PRODUCT_VERSION_OUT_OF_ORDER"),
        ] {
            let refused = scene.request(command).unwrap_err();
            assert_eq!((refused.code.as_str(), refused.details["next"].as_str()), (code, "3"));
            assert!(scene.emitted::<ProductVersionPublished>().is_empty());
        }
        assert_eq!(scene.load::<ProductVersion>(key).unwrap(), before);
        assert_eq!(scene.all::<ProductVersion>().len(), 1);
        scene.request(version(7)).unwrap();
    });
}

#[test]
fn terms_that_break_a_rule_are_refused() {
    empty_market(|scene| {
        let changed = |change: fn(&mut PublishProductVersion)| {
            let mut command = product(CASH);
            change(&mut command);
            command
        };
        for (command, field) in [
            (changed(|command| command.terms.amount_min = ghs("-1")), "amountMin"),
            (changed(|command| command.terms.day_count = "act/366".to_owned()), "dayCount"),
            (changed(|command| command.terms.country = "KE".to_owned()), "country"),
            (changed(|command| command.terms.terms = vec![]), "terms"),
            (changed(|command| command.terms.every = u32::MAX), "every"),
            (changed(|command| command.funders = vec!["own-funds".to_owned(); 101]), "funders"),
            (changed(|command| command.funders = vec!["x".repeat(81)]), "funders"),
            (changed(|command| drop(command.terms.names.insert("zh".to_owned(), "x".repeat(81)))), "names"),
        ] {
            let refused = scene.request(command).unwrap_err();
            assert_eq!((refused.code.as_str(), refused.details["field"].as_str()), ("INVALID_FIELD", field));
        }
        let mut foreign = product(CASH);
        foreign.terms.currency = Currency::USD;
        foreign.terms.amount_min = sycee_money::Money::parse("1", Currency::USD).unwrap();
        foreign.terms.amount_max = foreign.terms.amount_min;
        assert_eq!(scene.request(foreign).unwrap_err().details["field"], "currency");
        assert!(scene.all::<ProductVersion>().is_empty());
    });
}

#[test]
fn the_version_in_force_is_the_greatest_whose_day_has_come() {
    empty_market(|scene| {
        let mut coming = version(3);
        coming.terms.effective_from = date(2026, 2, 1);
        for command in [version(1), version(2), coming] {
            scene.request(command).unwrap();
        }
        let ask = |version| QueryProductVersion { product: "gh-installment".to_owned(), version };
        for (asked, found) in [(None, 2), (Some(1), 1), (Some(3), 3)] {
            assert_eq!(scene.request(ask(asked)).unwrap().version, found);
        }
        assert_eq!(scene.request(ask(Some(4))).unwrap_err().code, "NOT_FOUND");
        let unknown = QueryProductVersion { product: "gh-nothing".to_owned(), version: None };
        assert_eq!(scene.request(unknown).unwrap_err().code, "NOT_FOUND");

        let shelf = scene.load::<ProductShelf>("GH".to_owned()).unwrap();
        assert_eq!(shelf.products.iter().map(|terms| terms.version).collect::<Vec<_>>(), [2, 3]);
        scene.set_today(date(2026, 2, 1));
        assert_eq!(scene.request(ask(None)).unwrap().version, 3);
        assert_eq!(shelf.in_force(date(2026, 2, 1))[0].version, 3);
    });
}

#[test]
fn exclusions_by_risk_are_counted() {
    market(|scene| {
        let decision = |purpose, excluded: &[&str]| RiskDecisionMade {
            decision: Identifier::from_number(1),
            purpose,
            subject: RiskSubject { customer: customer(1), application: None, loan: None },
            outcome: RiskOutcome::Approve,
            score: None,
            tier: "low".to_owned(),
            reasons: vec![],
            limit: None,
            rate_surcharge: Rate::zero(),
            excluded_products: excluded.iter().map(|code| (*code).to_owned()).collect(),
            valid_until: sycee_contract::Timestamp::from_micros(i64::MAX),
            strategy: String::new(),
            inputs_hash: String::new(),
        };
        scene.happened(decision(RiskPurpose::Distribution, &["gh-cash"]));
        scene.happened(decision(RiskPurpose::Distribution, &["gh-cash", "gh-installment"]));
        scene.happened(decision(RiskPurpose::Drawdown, &["gh-cash"]));
        let counted = scene.all::<ProductExclusion>();
        let counted: Vec<_> = counted.iter().map(|row| (row.product.as_str(), row.exclusions)).collect();
        assert_eq!(counted, [("gh-cash", 2), ("gh-installment", 1)]);
    });
}
