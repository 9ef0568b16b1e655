//! What can be offered, to whom and until when: the entities and every decision about them, pure.
//!
//! Invariant: an offer lies within its product's range and the line's available amount, and lasts at most 24 hours.

use std::collections::BTreeMap;

use sycee_contract::{
    CreditLineFigures, CustomerId, Date, DecisionId, Offer, OfferDetailRequest, OfferId, ProductTerms,
    RiskDecisionMade, Timestamp,
};
use sycee_money::{Money, Rate, Rounding};
use sycee_runtime::{Json, entity};

use crate::{ProductRejection, rejection::check_amount};

/// How long an offer can be taken, in hours.
pub const OFFER_HOURS: i64 = 24;

entity! {
    /// The products of a country that are on sale or will be.
    pub struct ProductShelf in "product_shelf" of "product-distribution-service" key country: String {
        /// Country, ISO 3166 alpha-2.
        country: String,
        /// The versions: of each product the one in force and those to come.
        products: Json<Vec<ProductTerms>>,
    }
}

entity! {
    /// A customer who waits for the risk decision that offers follow from.
    pub struct OfferRequest in "offer_request" of "product-distribution-service" key customer: CustomerId {
        /// The customer.
        customer: CustomerId,
        /// What the customer's line had available.
        available: Money,
        /// When offers were asked for.
        requested_at: Timestamp,
    }
}

entity! {
    /// An offer made to a customer.
    pub struct DistributedOffer in "distributed_offer" of "product-distribution-service" key id: OfferId {
        /// The offer.
        id: OfferId,
        /// To whom.
        customer: CustomerId,
        /// Product code.
        product: String,
        /// Product version.
        version: u32,
        /// Least amount.
        amount_min: Money,
        /// Greatest amount.
        amount_max: Money,
        /// Allowed terms.
        terms: Json<Vec<u32>>,
        /// Annual rate for this customer, as a fraction.
        annual_rate: Rate,
        /// The risk decision behind it.
        decision: DecisionId,
        /// It can't be taken after this.
        expires_at: Timestamp,
    }
    index by_customer(customer: CustomerId);
}

impl ProductShelf {
    /// Puts a published version on the shelf and takes those off that nothing is sold under any more.
    pub fn put(&mut self, terms: ProductTerms, today: Date) {
        self.products.retain(|known| known.product != terms.product || known.version != terms.version);
        self.products.0.push(terms);
        let in_force: BTreeMap<String, u32> =
            self.in_force(today).into_iter().map(|terms| (terms.product.clone(), terms.version)).collect();
        self.products.retain(|known| in_force.get(&known.product).is_none_or(|version| known.version >= *version));
        self.products.sort_by(|a, b| (&a.product, a.version).cmp(&(&b.product, b.version)));
    }

    /// The greatest version of each product whose first day of sale has come, by product code.
    pub fn in_force(&self, today: Date) -> Vec<&ProductTerms> {
        let mut newest: BTreeMap<&str, &ProductTerms> = BTreeMap::new();
        for terms in self.products.iter().filter(|terms| terms.effective_from <= today) {
            let entry = newest.entry(&terms.product).or_insert(terms);
            if terms.version > entry.version {
                *entry = terms;
            }
        }
        newest.into_values().collect()
    }
}

/// Why a line can't be drawn now, as a stable code.
pub fn line_obstacle(line: &CreditLineFigures, now: Timestamp) -> Option<&'static str> {
    if line.is_frozen {
        Some("CREDIT_LINE_FROZEN")
    } else if now > line.valid_until {
        Some("CREDIT_LINE_EXPIRED")
    } else if !line.available.is_positive() {
        Some("NO_CREDIT_AVAILABLE")
    } else {
        None
    }
}

/// The greatest amount that can be offered of a product; a stable code when it is below the least.
///
/// `available` is rounded down to whole minor units.
pub fn amount_max(terms: &ProductTerms, available: Money) -> Result<Money, &'static str> {
    let within_line = available.round_minor(Rounding::Down);
    let most = terms.amount_max.min(within_line).map_err(|_| "OTHER_CURRENCY")?;
    if most.units() < terms.amount_min.units() { Err("AVAILABLE_BELOW_MINIMUM") } else { Ok(most) }
}

impl DistributedOffer {
    /// The offer of a product under a decision; a stable code when there is none.
    pub fn make(
        id: OfferId,
        terms: &ProductTerms,
        request: &OfferRequest,
        decision: &RiskDecisionMade,
        now: Timestamp,
    ) -> Result<Self, &'static str> {
        if decision.excluded_products.contains(&terms.product) {
            return Err("EXCLUDED_BY_RISK");
        }
        let amount_max = amount_max(terms, request.available)?;
        let rate = terms.annual_rate.as_decimal().checked_add(decision.rate_surcharge.as_decimal());
        Ok(Self {
            id,
            customer: request.customer,
            product: terms.product.clone(),
            version: terms.version,
            amount_min: terms.amount_min,
            amount_max,
            terms: Json(terms.terms.clone()),
            annual_rate: Rate::from_decimal(rate.ok_or("RATE_OUT_OF_RANGE")?),
            decision: decision.decision,
            expires_at: now.plus_seconds(OFFER_HOURS * 3_600).min(decision.valid_until),
        })
    }

    /// The offer as the customer sees it.
    pub fn shown(&self, terms: &ProductTerms) -> Offer {
        Offer {
            offer: self.id,
            product: self.product.clone(),
            version: self.version,
            names: terms.names.clone(),
            amount_min: self.amount_min,
            amount_max: self.amount_max,
            terms: self.terms.0.clone(),
            annual_rate: self.annual_rate,
            upfront_fee: terms.upfront_fee,
            expires_at: self.expires_at,
        }
    }

    /// Whether `customer` may take the offer for this amount and term.
    ///
    /// Errors: `OfferNotYours`, `OfferExpired`, `InvalidAmount`, `AmountOutOfRange`, `TermNotOffered`.
    pub fn check_choice(
        &self,
        customer: CustomerId,
        choice: &OfferDetailRequest,
        now: Timestamp,
    ) -> Result<(), ProductRejection> {
        let offer = self.id;
        if customer != self.customer {
            return Err(ProductRejection::OfferNotYours { offer, customer });
        }
        if now > self.expires_at {
            return Err(ProductRejection::OfferExpired { offer, expired_at: self.expires_at });
        }
        check_amount("amount", choice.amount, self.amount_min)?;
        let (min, max) = (self.amount_min, self.amount_max);
        if choice.amount.units() < min.units() || choice.amount.units() > max.units() {
            return Err(ProductRejection::AmountOutOfRange { offer, amount: choice.amount, min, max });
        }
        if !self.terms.contains(&choice.term) {
            return Err(ProductRejection::TermNotOffered { offer, term: choice.term, terms: self.terms.0.clone() });
        }
        Ok(())
    }
}
