//! product-distribution-service: who is offered what, and which offers can be taken.

use sycee_contract::{
    AcceptProductOffer, CreditLineFigures, ExecuteRiskReview, Identifier, Offer, OfferDetailRequest, OfferId,
    ProductOfferDistributed, QueryCreditLine, QueryProductOffer, RepaymentPlanCalculated, RiskDecisionMade,
    RiskOutcome, RiskPurpose, RiskSubject, Timestamp,
};
use sycee_money::{Currency, Money, Rate};
use sycee_product::product_distribution_service::{DistributedOffer, OfferRequest};
use sycee_runtime::testing::Scene;

use crate::{CASH, customer, empty_market, ghs, market, product};

fn has_line(scene: &mut Scene, available: &str, frozen: bool, valid_until: Timestamp) {
    let (available, nothing) = (ghs(available), ghs("0"));
    scene.answers::<QueryCreditLine>(move |query| {
        Ok((query.customer == customer(1)).then_some(CreditLineFigures {
            customer: customer(1),
            limit: available,
            available: if frozen { nothing } else { available },
            reserved: nothing,
            used: nothing,
            frozen: if frozen { available } else { nothing },
            is_frozen: frozen,
            valid_until,
        }))
    });
}

fn forever() -> Timestamp {
    Timestamp::from_micros(i64::MAX)
}

fn query(number: i64) -> QueryProductOffer {
    QueryProductOffer { customer: customer(number), preview: false, detail: None }
}

fn detail(number: i64, choice: OfferDetailRequest) -> QueryProductOffer {
    QueryProductOffer { customer: customer(number), preview: false, detail: Some(choice) }
}

fn choice(offer: OfferId, amount: Money, term: u32) -> OfferDetailRequest {
    OfferDetailRequest { offer, amount, term }
}

fn decision(outcome: RiskOutcome, surcharge_bps: i64, excluded: &[&str]) -> RiskDecisionMade {
    RiskDecisionMade {
        decision: Identifier::from_number(77),
        purpose: RiskPurpose::Distribution,
        subject: RiskSubject { customer: customer(1), application: None, loan: None },
        outcome,
        score: Some(600),
        tier: "medium".to_owned(),
        reasons: vec![],
        limit: None,
        rate_surcharge: Rate::from_bps(surcharge_bps),
        excluded_products: excluded.iter().map(|code| (*code).to_owned()).collect(),
        valid_until: forever(),
        strategy: "gh-default@1".to_owned(),
        inputs_hash: String::new(),
    }
}

fn distributed(scene: &mut Scene, available: &str, decision: RiskDecisionMade) -> ProductOfferDistributed {
    has_line(scene, available, false, forever());
    assert!(scene.request(query(1)).unwrap().offers.is_empty());
    scene.happened(decision);
    scene.emitted::<ProductOfferDistributed>().remove(0)
}

fn offered(scene: &mut Scene, available: &str) -> Vec<Offer> {
    distributed(scene, available, decision(RiskOutcome::Approve, 0, &[])).offers
}

fn offer_of(offers: &[Offer], product: &str) -> OfferId {
    offers.iter().find(|offer| offer.product == product).unwrap().offer
}

#[test]
fn offers_wait_for_risk_and_lie_within_the_line() {
    market(|scene| {
        has_line(scene, "1500.50", false, forever());
        scene.request(query(1)).unwrap();
        let review = &scene.sent::<ExecuteRiskReview>()[0];
        assert_eq!((review.purpose, review.requested), (RiskPurpose::Distribution, Some(ghs("1500.50"))));
        assert!(scene.emitted::<ProductOfferDistributed>().is_empty());

        scene.happened(decision(RiskOutcome::Approve, 250, &[]));
        let offers = scene.emitted::<ProductOfferDistributed>().remove(0).offers;
        let seen: Vec<_> = offers
            .iter()
            .map(|offer| (offer.product.as_str(), offer.amount_max, offer.annual_rate.to_string()))
            .collect();
        assert_eq!(
            seen,
            [
                ("gh-cash", ghs("1500.50"), "0.385".to_owned()),
                ("gh-equal-principal", ghs("1500.50"), "0.305".to_owned()),
                ("gh-installment", ghs("1500.50"), "0.325".to_owned()),
            ]
        );
        assert!(offers.iter().all(|offer| offer.expires_at == scene.now().plus_days(1)));
        assert!(scene.load::<OfferRequest>(customer(1)).is_none());

        scene.happened(decision(RiskOutcome::Approve, 0, &[]));
        assert!(scene.emitted::<ProductOfferDistributed>().is_empty());
        assert_eq!(scene.all::<DistributedOffer>().len(), 3);
    });
}

#[test]
fn offers_are_bounded_by_product_line_and_risk() {
    for (available, excluded, offered) in [
        ("100000", &[][..], vec![("gh-cash", "2000"), ("gh-equal-principal", "20000"), ("gh-installment", "20000")]),
        ("499.99", &[], vec![("gh-cash", "499.99"), ("gh-installment", "499.99")]),
        ("50", &[], vec![("gh-cash", "50")]),
        ("50.009", &[], vec![("gh-cash", "50")]),
        ("5000", &["gh-cash"], vec![("gh-equal-principal", "5000"), ("gh-installment", "5000")]),
    ] {
        market(|scene| {
            let told = distributed(scene, available, decision(RiskOutcome::Approve, 0, excluded));
            let seen: Vec<_> = told.offers.iter().map(|offer| (offer.product.as_str(), offer.amount_max)).collect();
            let wanted: Vec<_> = offered.iter().map(|(product, most)| (*product, ghs(most))).collect();
            assert_eq!(seen, wanted, "{available} without {excluded:?}");
            assert!(told.reasons.is_empty());
        });
    }
}

#[test]
fn an_offer_never_outlives_its_decision() {
    market(|scene| {
        let valid_until = scene.now().plus_minutes(30);
        let told =
            distributed(scene, "1000", RiskDecisionMade { valid_until, ..decision(RiskOutcome::Approve, 0, &[]) });
        assert!(told.offers.iter().all(|offer| offer.expires_at == valid_until));
    });
}

#[test]
fn there_are_reasons_when_there_are_no_offers() {
    market(|scene| {
        let told = distributed(scene, "49.99", decision(RiskOutcome::Approve, 0, &["gh-installment"]));
        assert!(told.offers.is_empty());
        assert_eq!(
            told.reasons,
            [
                "gh-cash:AVAILABLE_BELOW_MINIMUM",
                "gh-equal-principal:AVAILABLE_BELOW_MINIMUM",
                "gh-installment:EXCLUDED_BY_RISK",
            ]
        );
        for outcome in [RiskOutcome::Reject, RiskOutcome::Review] {
            assert_eq!(distributed(scene, "1000", decision(outcome, 0, &[])).reasons, ["NOT_APPROVED_BY_RISK"]);
            let reasons = vec!["VELOCITY".to_owned()];
            let reasoned = RiskDecisionMade { reasons, ..decision(outcome, 0, &[]) };
            assert_eq!(distributed(scene, "1000", reasoned).reasons, ["VELOCITY"]);
        }
        assert!(scene.all::<DistributedOffer>().is_empty());
    });
}

#[test]
fn a_line_that_cannot_be_drawn_needs_no_review() {
    market(|scene| {
        let past = Timestamp::from_micros(0);
        for (available, frozen, valid_until, reason) in [
            ("1000", true, forever(), "CREDIT_LINE_FROZEN"),
            ("1000", false, past, "CREDIT_LINE_EXPIRED"),
            ("0", false, forever(), "NO_CREDIT_AVAILABLE"),
        ] {
            has_line(scene, available, frozen, valid_until);
            scene.request(query(1)).unwrap();
            assert_eq!(scene.emitted::<ProductOfferDistributed>()[0].reasons, [reason]);
            assert!(scene.sent::<ExecuteRiskReview>().is_empty());
        }
        assert_eq!(scene.request(query(2)).unwrap_err().code, "NO_CREDIT_LINE");
        assert!(scene.all::<OfferRequest>().is_empty());
    });
}

#[test]
fn a_preview_tells_why_there_are_no_offers_yet() {
    let preview = QueryProductOffer { preview: true, ..query(1) };
    market(|scene| {
        scene.request(preview.clone()).unwrap();
        let told = &scene.emitted::<ProductOfferDistributed>()[0];
        assert_eq!((told.offers.len(), told.reasons[0].as_str()), (0, "NO_CREDIT_LINE_YET"));
    });
    empty_market(|scene| {
        scene.request(preview.clone()).unwrap();
        assert_eq!(scene.emitted::<ProductOfferDistributed>()[0].reasons, ["NO_PRODUCT_ON_SALE"]);
        assert_eq!(distributed(scene, "1000", decision(RiskOutcome::Approve, 0, &[])).reasons, ["NO_PRODUCT_ON_SALE"]);
    });
}

#[test]
fn a_detail_shows_the_plan_at_the_customers_rate() {
    market(|scene| {
        let offers = distributed(scene, "2000", decision(RiskOutcome::Approve, 100, &[])).offers;
        let offer = offer_of(&offers, "gh-installment");
        let answer = scene.request(detail(1, choice(offer, ghs("1000"), 12))).unwrap();
        let plan = answer.plan.unwrap();
        assert_eq!(plan.annual_rate.to_string(), "0.31");
        assert_eq!((plan.upfront_fee, plan.net_proceeds, plan.installments.len()), (ghs("30"), ghs("970"), 12));
        let calculated = &scene.emitted::<RepaymentPlanCalculated>()[0];
        assert_eq!((calculated.plan.as_ref(), calculated.for_schedule), (Some(&plan), false));
        assert_eq!(scene.emitted::<RepaymentPlanCalculated>().len(), 1);

        let taken = scene
            .request(AcceptProductOffer { customer: customer(1), choice: choice(offer, ghs("1000"), 12) })
            .unwrap();
        assert_eq!((&taken.plan, taken.terms.annual_rate), (&plan, plan.annual_rate));
        assert_eq!(taken.offer, offer);
    });
}

#[test]
fn an_offer_is_taken_by_its_customer_within_its_bounds() {
    market(|scene| {
        let offers = offered(scene, "1500");
        let offer = offer_of(&offers, "gh-cash");
        let most = Money::from_minor(i64::MAX / 100, Currency::GHS).unwrap();
        let before = scene.all::<DistributedOffer>();
        for (number, choice, code) in [
            (2, choice(offer, ghs("100"), 14), "OFFER_NOT_YOURS"),
            (1, choice(offer, ghs("100"), 15), "TERM_NOT_OFFERED"),
            (1, choice(offer, ghs("100"), 0), "TERM_NOT_OFFERED"),
            (1, choice(offer, ghs("49.99"), 14), "AMOUNT_OUT_OF_RANGE"),
            (1, choice(offer, ghs("0.01"), 14), "AMOUNT_OUT_OF_RANGE"),
            (1, choice(offer, ghs("1500.01"), 14), "AMOUNT_OUT_OF_RANGE"),
            (1, choice(offer, most, 14), "AMOUNT_OUT_OF_RANGE"),
            (1, choice(offer, ghs("0"), 14), "INVALID_AMOUNT"),
            (1, choice(offer, ghs("-100"), 14), "INVALID_AMOUNT"),
            (1, choice(offer, ghs("100.001"), 14), "INVALID_AMOUNT"),
            (1, choice(offer, Money::parse("100", Currency::USD).unwrap(), 14), "INVALID_AMOUNT"),
            (1, choice(OfferId::from_number(1), ghs("100"), 14), "NOT_FOUND"),
        ] {
            let taken = AcceptProductOffer { customer: customer(number), choice: choice.clone() };
            assert_eq!(scene.request(taken).unwrap_err().code, code, "{choice:?}");
            assert_eq!(scene.request(detail(number, choice.clone())).unwrap_err().code, code, "{choice:?}");
            assert!(scene.emitted::<RepaymentPlanCalculated>().is_empty());
        }
        assert_eq!(scene.all::<DistributedOffer>(), before);
        for amount in ["50", "1500"] {
            scene
                .request(AcceptProductOffer { customer: customer(1), choice: choice(offer, ghs(amount), 30) })
                .unwrap();
        }
    });
}

#[test]
fn an_expired_offer_is_not_taken() {
    market(|scene| {
        let offers = offered(scene, "1500");
        let taken =
            AcceptProductOffer { customer: customer(1), choice: choice(offer_of(&offers, "gh-cash"), ghs("100"), 14) };
        scene.advance_seconds(86_400);
        scene.request(taken.clone()).unwrap();
        scene.advance_seconds(1);
        assert_eq!(scene.request(taken).unwrap_err().code, "OFFER_EXPIRED");
    });
}

#[test]
fn an_offer_keeps_its_version_when_another_is_published() {
    market(|scene| {
        let offers = offered(scene, "1500");
        let offer = offer_of(&offers, "gh-cash");
        let mut dearer = product(CASH);
        dearer.terms.version = 2;
        dearer.terms.upfront_fee = Rate::from_bps(2_000);
        scene.request(dearer).unwrap();
        let taken =
            scene.request(AcceptProductOffer { customer: customer(1), choice: choice(offer, ghs("100"), 14) }).unwrap();
        assert_eq!((taken.terms.version, taken.plan.upfront_fee), (1, ghs("5")));
        let fresh = offered(scene, "1500").into_iter().find(|offer| offer.product == "gh-cash").unwrap();
        assert_eq!(fresh.version, 2);
    });
}
