//! Who could fund a loan, and the choice among them.
//!
//! Invariant: the choice depends on the candidates, the request and the business day alone: least cost first, own funds
//! after every partner, then the older partner.
//! Invariant: a funder is chosen only on a day on which its agreement is in force, own funds too, and under the terms of
//! that day; what was reserved is paid whatever day it is.
//! Invariant: a loan takes its principal of the quota once, from the reservation until it is repaid or the reservation
//! is released.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sycee_contract::messages::{FundingContractSigned, RouteFunds};
use sycee_contract::{
    Date, FundAccountId, FundBalances, FundingTerms, LoanId, PartnerId, ReservationId, RouteId, Timestamp,
};
use sycee_money::{Currency, Money, MoneyError, Rate};
use sycee_runtime::{Json, entity, text_enum};

/// Key of the market's only [`RouteBook`].
pub const BOOK: &str = "market";

text_enum! {
    /// What rules a funder out.
    pub enum RouteRefusal {
        /// Failed for this loan before.
        Excluded,
        /// Its agreement is not in force: it has not begun, or is over.
        Agreement,
        /// Its route is closed.
        Closed,
        /// The payout channel is closed, for it or for all, or it does not work with it.
        ChannelClosed,
        /// It lends in another country.
        Country,
        /// It lends another currency.
        Currency,
        /// Its agreement, or the product, does not name the other.
        Product,
        /// Its account is not open.
        NoAccount,
        /// Its quota is used up.
        Quota,
        /// It has too little free money.
        Money,
    }
}

/// A funder as routing knows it: its agreement, and where its money stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FundingSourceCandidate {
    /// The partner.
    pub partner: PartnerId,
    /// Partner code.
    pub code: String,
    /// Country it lends in.
    pub country: String,
    /// Currency it lends.
    pub currency: Currency,
    /// What is agreed, by first day.
    pub terms: Vec<FundingTerms>,
    /// Whether it pays with its own system.
    pub pays_itself: bool,
    /// Whether it is the lender itself.
    pub is_own: bool,
    /// Whether its route is open.
    pub open: bool,
    /// Channels closed for it alone.
    pub closed_channels: BTreeSet<String>,
    /// Its account, once open.
    pub fund_account: Option<FundAccountId>,
    /// Free to lend, once stray payouts that are not booked yet are paid of it.
    pub available: Money,
    /// Principal of loans for which money is reserved or sent.
    pub in_flight: Money,
    /// Principal that borrowers owe.
    pub principal: Money,
}

/// Who may fund a product.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProductFunding {
    /// Country it is sold in.
    pub country: String,
    /// Partners by code; empty means any.
    pub funders: Vec<String>,
}

entity! {
    /// All candidates and route rules of the market, in one row: a loan is routed with one look-up.
    pub struct RouteBook in "route_book" of "fund-routing-system" key id: String {
        /// Always [`BOOK`].
        id: String,
        /// The candidates, by partner.
        candidates: Json<Vec<FundingSourceCandidate>>,
        /// Channels closed for everybody.
        closed_channels: Json<BTreeSet<String>>,
        /// Who may fund which product, under the version that said so first: later ones that say the same are not kept.
        products: Json<BTreeMap<String, ProductFunding>>,
    }
}

entity! {
    /// A chosen route.
    pub struct FundRoute in "fund_route" of "fund-routing-system" key id: RouteId {
        /// The route.
        id: RouteId,
        /// The loan.
        loan: LoanId,
        /// The funder.
        funder: PartnerId,
        /// Its account.
        fund_account: FundAccountId,
        /// Its cost as a fraction a year.
        cost: Rate,
        /// What is needed.
        amount: Money,
        /// What the borrower will owe.
        principal: Money,
        /// Cheaper funders with what ruled them out, such as `bridge-capital Quota`.
        passed_over: Option<String>,
        /// When it was chosen.
        at: Timestamp,
    }
}

entity! {
    /// What a loan takes of its funder's quota while money is reserved or sent: more than is sent, when a fee is kept back.
    pub struct QuotaHold in "quota_hold" of "fund-routing-system" key reservation: ReservationId {
        /// The reservation.
        reservation: ReservationId,
        /// The loan.
        loan: LoanId,
        /// What the borrower will owe.
        principal: Money,
    }
}

entity! {
    /// What was asked of routing on a day.
    pub struct RouteDemand in "route_demand" of "fund-routing-system" key (day, currency): (Date, Currency) {
        /// Business day.
        day: Date,
        /// Currency.
        currency: Currency,
        /// Loans that found a funder.
        routed_count: u32,
        /// What they needed.
        routed: Money,
        /// Approved payouts by risk tier, with the lowest surcharge a funder's cost is borne by.
        tiers: Json<BTreeMap<String, TierDemand>>,
    }
}

entity! {
    /// Tries to route on a day that found no funder. Kept though they were refused, so it is a row of its own.
    pub struct RouteShortage in "route_shortage" of "fund-routing-system" key (day, currency): (Date, Currency) {
        /// Business day.
        day: Date,
        /// Currency.
        currency: Currency,
        /// Tries.
        count: u32,
        /// What they needed.
        amount: Money,
    }
}

/// Demand of one risk tier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TierDemand {
    /// Approved payouts.
    pub approved: u32,
    /// Lowest surcharge among them, as a fraction a year: the tier's price floor.
    pub surcharge_min: Rate,
}

impl RouteDemand {
    /// A day without demand.
    pub fn none(day: Date, currency: Currency) -> Self {
        Self { day, currency, routed_count: 0, routed: Money::zero(currency), tiers: Json(BTreeMap::new()) }
    }

    /// Counts an approved payout of a risk tier.
    pub fn approve(&mut self, tier: &str, surcharge: Rate) {
        let floor = self.tiers.entry(tier.to_owned()).or_insert(TierDemand { approved: 0, surcharge_min: surcharge });
        floor.approved += 1;
        floor.surcharge_min = floor.surcharge_min.min(surcharge);
    }
}

impl FundingSourceCandidate {
    /// A candidate as its agreement says, without money.
    pub fn from_contract(event: &FundingContractSigned) -> Self {
        let nothing = Money::zero(event.currency);
        Self {
            partner: event.partner,
            code: event.code.clone(),
            country: event.country.clone(),
            currency: event.currency,
            terms: vec![event.terms()],
            pays_itself: event.pays_itself,
            is_own: event.is_own,
            open: true,
            closed_channels: BTreeSet::new(),
            fund_account: None,
            available: nothing,
            in_flight: nothing,
            principal: nothing,
        }
    }

    /// Takes an account's balances over.
    pub fn learn_balances(&mut self, balances: &FundBalances) {
        self.available = balances.available;
    }

    /// Adds principal on its way, or takes off what arrived or is not needed; never below zero.
    pub fn move_in_flight(&mut self, by: Money) -> Result<(), MoneyError> {
        self.in_flight = self.in_flight.checked_add(by)?.max(Money::zero(self.currency))?;
        Ok(())
    }

    /// Adds lent principal, or takes repaid principal off; never below zero.
    pub fn move_principal(&mut self, by: Money) -> Result<(), MoneyError> {
        self.principal = self.principal.checked_add(by)?.max(Money::zero(self.currency))?;
        Ok(())
    }

    /// What it costs on `day`: by the terms whose turn it is, or by those that come first.
    fn cost_on(&self, day: Date) -> Option<Rate> {
        FundingTerms::begun(&self.terms, day).or(self.terms.first()).map(|terms| terms.cost)
    }

    /// Its account, if it may fund a request on `day`; or what rules it out, the plainest reason first.
    fn refusal(&self, request: &RouteFunds, book: &RouteBook, day: Date) -> Result<FundAccountId, RouteRefusal> {
        let unless = |holds: bool, refusal: RouteRefusal| if holds { Ok(()) } else { Err(refusal) };
        unless(!request.excluded.contains(&self.partner), RouteRefusal::Excluded)?;
        let terms = FundingTerms::in_force(&self.terms, day).ok_or(RouteRefusal::Agreement)?;
        unless(self.open, RouteRefusal::Closed)?;
        unless(self.country == request.country, RouteRefusal::Country)?;
        unless(self.currency == request.amount.currency(), RouteRefusal::Currency)?;
        unless(self.currency == request.principal.currency(), RouteRefusal::Currency)?;
        unless(self.funds(terms, &request.product, request.version, book), RouteRefusal::Product)?;
        unless(self.pays_through(terms, &request.channel, book), RouteRefusal::ChannelClosed)?;
        let account = self.fund_account.ok_or(RouteRefusal::NoAccount)?;
        unless(self.quota_left(terms) >= i128::from(request.principal.units()), RouteRefusal::Quota)?;
        unless(self.available.units() >= request.amount.units(), RouteRefusal::Money)?;
        Ok(account)
    }

    fn funds(&self, terms: &FundingTerms, product: &str, version: u32, book: &RouteBook) -> bool {
        let agreed = terms.products.is_empty() || terms.products.iter().any(|code| code == product);
        let matched = |funding: &ProductFunding| {
            funding.country == self.country && (funding.funders.is_empty() || funding.funders.contains(&self.code))
        };
        agreed && book.funding_of(product, version).is_none_or(matched)
    }

    fn pays_through(&self, terms: &FundingTerms, channel: &str, book: &RouteBook) -> bool {
        (terms.channels.is_empty() || terms.channels.iter().any(|code| code == channel))
            && !self.closed_channels.contains(channel)
            && !book.closed_channels.contains(channel)
    }

    /// Principal that may still be lent: what borrowers owe and what is on its way to them is off. Below zero after a cut.
    fn quota_left(&self, terms: &FundingTerms) -> i128 {
        i128::from(terms.quota.units()) - i128::from(self.principal.units()) - i128::from(self.in_flight.units())
    }
}

/// How the book names a product version: `gh-cash@2`.
pub fn version_key(product: &str, version: u32) -> String {
    format!("{product}@{version}")
}

/// The funder a request goes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// The funder.
    pub funder: PartnerId,
    /// Its account.
    pub fund_account: FundAccountId,
    /// Its cost on the day, as a fraction a year.
    pub cost: Rate,
    /// Whether it pays with its own system.
    pub pays_itself: bool,
    /// Funders before it in order, with what ruled them out.
    pub passed_over: Vec<(String, RouteRefusal)>,
}

impl RouteBook {
    /// A book without candidates.
    pub fn empty() -> Self {
        Self {
            id: BOOK.to_owned(),
            candidates: Json(Vec::new()),
            closed_channels: Json(BTreeSet::new()),
            products: Json(BTreeMap::new()),
        }
    }

    /// The candidate with this account.
    pub fn by_account(&mut self, account: FundAccountId) -> Option<&mut FundingSourceCandidate> {
        self.candidates.iter_mut().find(|candidate| candidate.fund_account == Some(account))
    }

    /// The candidate with this partner.
    pub fn by_partner(&mut self, partner: PartnerId) -> Option<&mut FundingSourceCandidate> {
        self.candidates.iter_mut().find(|candidate| candidate.partner == partner)
    }

    /// Notes who may fund a product from this version on.
    pub fn learn_funding(&mut self, product: &str, version: u32, funding: ProductFunding) {
        if self.funding_of(product, version) != Some(&funding) {
            self.products.insert(version_key(product, version), funding);
        }
    }

    /// Who may fund a version: what the greatest version up to it said, if one did.
    fn funding_of(&self, product: &str, version: u32) -> Option<&ProductFunding> {
        let prefix = format!("{product}@");
        let of_product = self.products.range(prefix.clone()..);
        of_product
            .map_while(|(key, funding)| Some((key.strip_prefix(prefix.as_str())?, funding)))
            .filter_map(|(from, funding)| Some((from.parse::<u32>().ok()?, funding)))
            .filter(|(from, _)| *from <= version)
            .max_by_key(|(from, _)| *from)
            .map(|(_, funding)| funding)
    }

    /// Chooses who funds a request on `day`, the cheapest first. Own funds are the default: they lend what no partner does.
    ///
    /// Errors: every funder in order, with what ruled it out.
    pub fn choose(&self, request: &RouteFunds, day: Date) -> Result<Choice, Vec<(String, RouteRefusal)>> {
        let costs = self.candidates.iter().filter_map(|candidate| Some((candidate.cost_on(day)?, candidate)));
        let mut order: Vec<(Rate, &FundingSourceCandidate)> = costs.collect();
        order.sort_by_key(|(cost, candidate)| (candidate.is_own, *cost, candidate.partner));
        let mut passed_over = Vec::new();
        for (cost, candidate) in order {
            match candidate.refusal(request, self, day) {
                Ok(fund_account) => {
                    let (funder, pays_itself) = (candidate.partner, candidate.pays_itself);
                    return Ok(Choice { funder, fund_account, cost, pays_itself, passed_over });
                }
                Err(refusal) => passed_over.push((candidate.code.clone(), refusal)),
            }
        }
        Err(passed_over)
    }
}

/// Funders and what ruled them out, for people: `bridge-capital Quota, own-funds Money`.
pub fn describe(passed_over: &[(String, RouteRefusal)]) -> String {
    let parts: Vec<String> = passed_over.iter().map(|(code, refusal)| format!("{code} {refusal:?}")).collect();
    if parts.is_empty() { "no funder is registered".to_owned() } else { parts.join(", ") }
}
