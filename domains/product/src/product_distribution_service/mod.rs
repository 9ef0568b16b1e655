//! product-distribution-service: what a customer is offered, and whether an offer can be taken.
//!
//! Invariant: offers follow a risk decision that was asked for, once a request.
//! Invariant: an offer is taken at the rate it was made with, under the product version it was made from.

mod model;

pub use model::{DistributedOffer, OFFER_HOURS, OfferRequest, ProductShelf, amount_max, line_obstacle};

use std::collections::BTreeMap;

use sycee_contract::{
    AcceptProductOffer, AcceptedOffer, CalculateRepaymentPlan, CustomerId, ExecuteRiskReview, Offer, OfferAnswer,
    ProductOfferDistributed, ProductTerms, ProductVersionPublished, QueryCreditLine, QueryProductOffer,
    QueryProductVersion, RiskDecisionMade, RiskOutcome, RiskPurpose, RiskSubject,
};
use sycee_runtime::{Handled, Json, Registry, Work};

use crate::ProductRejection;

/// Registers the service.
pub fn register(registry: &mut Registry) {
    registry
        .service("product-distribution-service")
        .entity::<ProductShelf>()
        .entity::<OfferRequest>()
        .entity::<DistributedOffer>()
        .handles::<QueryProductOffer>(query_product_offer)
        .handles::<AcceptProductOffer>(accept_product_offer)
        .on::<ProductVersionPublished>(shelve_product)
        .on::<RiskDecisionMade>(on_risk_decision)
        .emits::<ProductOfferDistributed>()
        .sends::<CalculateRepaymentPlan>()
        .sends::<ExecuteRiskReview>()
        .sends::<QueryCreditLine>()
        .sends::<QueryProductVersion>();
}

fn query_product_offer(work: &mut Work, cmd: &QueryProductOffer) -> Handled<OfferAnswer> {
    if cmd.detail.is_some() {
        let plan = work.consult(cmd)?.into_iter().find_map(|(_, contribution)| contribution.plan);
        return Ok(OfferAnswer { offers: vec![], plan });
    }
    if cmd.preview {
        // What is on sale the product center tells by itself: without a credit line there is nothing to decide.
        work.consult(cmd)?;
        return Ok(OfferAnswer { offers: vec![], plan: None });
    }
    request_offers(work, cmd.customer)?;
    Ok(OfferAnswer { offers: vec![], plan: None })
}

/// Asks risk for the decision that offers follow from; without anything to draw there is nothing to ask.
fn request_offers(work: &mut Work, customer: CustomerId) -> Handled<()> {
    let line = work.ask(QueryCreditLine { customer })?.ok_or(ProductRejection::NoCreditLine { customer })?;
    if let Some(obstacle) = line_obstacle(&line, work.now()) {
        distribute(work, customer, vec![], vec![obstacle.to_owned()]);
        return Ok(());
    }
    let requested_at = work.now();
    work.save(OfferRequest { customer, available: line.available, requested_at });
    work.send(ExecuteRiskReview {
        purpose: RiskPurpose::Distribution,
        subject: RiskSubject { customer, application: None, loan: None },
        requested: Some(line.available),
        facts: BTreeMap::new(),
    });
    Ok(())
}

fn accept_product_offer(work: &mut Work, cmd: &AcceptProductOffer) -> Handled<AcceptedOffer> {
    let offer = work.require::<DistributedOffer>(cmd.choice.offer)?;
    offer.check_choice(cmd.customer, &cmd.choice, work.now())?;
    let terms = work.ask(QueryProductVersion { product: offer.product.clone(), version: Some(offer.version) })?;
    let plan = work.ask(CalculateRepaymentPlan {
        loan: None,
        product: offer.product.clone(),
        version: offer.version,
        annual_rate: offer.annual_rate,
        principal: cmd.choice.amount,
        term: cmd.choice.term,
        start: work.today(),
    })?;
    Ok(AcceptedOffer { offer: offer.id, terms: ProductTerms { annual_rate: offer.annual_rate, ..terms }, plan })
}

fn shelve_product(work: &mut Work, event: &ProductVersionPublished) -> Handled<()> {
    let country = event.terms.country.clone();
    let mut shelf = match work.get::<ProductShelf>(country.clone())? {
        Some(shelf) => shelf,
        None => ProductShelf { country, products: Json(vec![]) },
    };
    shelf.put(event.terms.clone(), work.today());
    work.save(shelf);
    Ok(())
}

fn on_risk_decision(work: &mut Work, event: &RiskDecisionMade) -> Handled<()> {
    if event.purpose != RiskPurpose::Distribution {
        return Ok(());
    }
    let Some(request) = work.get::<OfferRequest>(event.subject.customer)? else { return Ok(()) };
    work.delete::<OfferRequest>(request.customer);
    if event.outcome == RiskOutcome::Approve {
        return make_offers(work, &request, event);
    }
    let reasons =
        if event.reasons.is_empty() { vec!["NOT_APPROVED_BY_RISK".to_owned()] } else { event.reasons.clone() };
    distribute(work, request.customer, vec![], reasons);
    Ok(())
}

fn make_offers(work: &mut Work, request: &OfferRequest, decision: &RiskDecisionMade) -> Handled<()> {
    let (country, today) = (work.market().country.clone(), work.today());
    let shelf = work.read::<ProductShelf>(country)?;
    let (mut offers, mut reasons) = (vec![], vec![]);
    for terms in shelf.iter().flat_map(|shelf| shelf.in_force(today)) {
        match DistributedOffer::make(work.new_id(), terms, request, decision, work.now()) {
            Ok(offer) => {
                offers.push(offer.shown(terms));
                work.save(offer);
            }
            Err(reason) => reasons.push(format!("{}:{reason}", terms.product)),
        }
    }
    if offers.is_empty() && reasons.is_empty() {
        reasons.push("NO_PRODUCT_ON_SALE".to_owned());
    }
    distribute(work, request.customer, offers, reasons);
    Ok(())
}

/// Reasons are told only when there is no offer.
fn distribute(work: &mut Work, customer: CustomerId, offers: Vec<Offer>, reasons: Vec<String>) {
    let reasons = if offers.is_empty() { reasons } else { vec![] };
    work.emit(ProductOfferDistributed { customer, offers, reasons });
}
