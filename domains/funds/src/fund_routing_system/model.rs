//! Who could fund a loan, and the choice among them.
//!
//! Invariant: the choice depends on the candidates and the request alone: least cost first, own funds after a partner of
//! the same cost, then the older partner.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sycee_contract::messages::{FundingContractSigned, RouteFunds};
use sycee_contract::{Date, FundAccountId, FundBalances, LoanId, PartnerId, RouteId, Timestamp};
use sycee_money::{Currency, Money, MoneyError, Rate};
use sycee_runtime::{Json, entity, text_enum};

/// Key of the market's only [`RouteBook`].
pub const BOOK: &str = "market";

text_enum! {
    /// What rules a funder out.
    pub enum RouteRefusal {
        /// Failed for this loan before.
        Excluded,
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
    /// Cost of funds as a fraction a year.
    pub cost: Rate,
    /// The most that may be outstanding.
    pub quota: Money,
    /// Products it funds; empty means any.
    pub products: Vec<String>,
    /// Channels it works with; empty means any.
    pub channels: Vec<String>,
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
    /// Free to lend.
    pub available: Money,
    /// Reserved or sent, not yet paid out.
    pub committed: Money,
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
        /// Who may fund which product.
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
        /// Cheaper funders with what ruled them out, such as `bridge-capital Quota`.
        passed_over: Option<String>,
        /// When it was chosen.
        at: Timestamp,
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
            cost: event.cost,
            quota: event.quota,
            products: event.products.clone(),
            channels: event.channels.clone(),
            pays_itself: event.pays_itself,
            is_own: event.is_own,
            open: true,
            closed_channels: BTreeSet::new(),
            fund_account: None,
            available: nothing,
            committed: nothing,
            principal: nothing,
        }
    }

    /// Takes an account's balances over.
    pub fn learn_balances(&mut self, balances: &FundBalances) -> Result<(), MoneyError> {
        self.available = balances.available;
        self.committed = balances.frozen.checked_add(balances.in_transit)?;
        Ok(())
    }

    /// Adds lent principal, or takes repaid principal off; never below zero.
    pub fn move_principal(&mut self, by: Money) -> Result<(), MoneyError> {
        self.principal = self.principal.checked_add(by)?.max(Money::zero(self.currency))?;
        Ok(())
    }

    /// What rules this candidate out for a request, the plainest reason first.
    fn refusal(&self, request: &RouteFunds, book: &RouteBook) -> Result<FundAccountId, RouteRefusal> {
        let unless = |holds: bool, refusal: RouteRefusal| if holds { Ok(()) } else { Err(refusal) };
        unless(!request.excluded.contains(&self.partner), RouteRefusal::Excluded)?;
        unless(self.open, RouteRefusal::Closed)?;
        unless(self.country == request.country, RouteRefusal::Country)?;
        unless(self.currency == request.amount.currency(), RouteRefusal::Currency)?;
        unless(self.currency == request.principal.currency(), RouteRefusal::Currency)?;
        unless(self.funds(&request.product, request.version, book), RouteRefusal::Product)?;
        unless(self.pays_through(&request.channel, book), RouteRefusal::ChannelClosed)?;
        let account = self.fund_account.ok_or(RouteRefusal::NoAccount)?;
        unless(self.quota_left() >= i128::from(request.principal.units()), RouteRefusal::Quota)?;
        unless(self.available.units() >= request.amount.units(), RouteRefusal::Money)?;
        Ok(account)
    }

    fn funds(&self, product: &str, version: u32, book: &RouteBook) -> bool {
        let agreed = self.products.is_empty() || self.products.iter().any(|code| code == product);
        let matched = |funding: &ProductFunding| {
            funding.country == self.country && (funding.funders.is_empty() || funding.funders.contains(&self.code))
        };
        agreed && book.products.get(&version_key(product, version)).is_none_or(matched)
    }

    fn pays_through(&self, channel: &str, book: &RouteBook) -> bool {
        (self.channels.is_empty() || self.channels.iter().any(|code| code == channel))
            && !self.closed_channels.contains(channel)
            && !book.closed_channels.contains(channel)
    }

    fn quota_left(&self) -> i128 {
        i128::from(self.quota.units()) - i128::from(self.principal.units()) - i128::from(self.committed.units())
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
    pub funder: FundingSourceCandidate,
    /// Its account.
    pub fund_account: FundAccountId,
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

    /// Chooses a funder, the cheapest first. Own funds are the default: they lend what no partner does.
    ///
    /// Errors: every funder in order, with what ruled it out.
    pub fn choose(&self, request: &RouteFunds) -> Result<Choice, Vec<(String, RouteRefusal)>> {
        let mut order: Vec<&FundingSourceCandidate> = self.candidates.iter().collect();
        order.sort_by_key(|candidate| (candidate.is_own, candidate.cost, candidate.partner));
        let mut passed_over = Vec::new();
        for candidate in order {
            match candidate.refusal(request, self) {
                Ok(fund_account) => return Ok(Choice { funder: candidate.clone(), fund_account, passed_over }),
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
