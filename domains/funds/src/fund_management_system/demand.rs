//! How much money is being asked for: by account and day, by product, and by what risk lets through.

use sycee_contract::messages::{
    DisbursementFailed, DisbursementSucceeded, FundReservationRequested, OpenWorkOrder, ProductFundingMatched,
    ProductVersionPublished, RiskDecisionMade,
};
use sycee_contract::{Date, FundAccountId, RiskOutcome, RiskPurpose};
use sycee_money::{Currency, Money};
use sycee_runtime::{Handled, Json, Work, entity};

use super::{FundAccount, FundReservation, ReservationMessage, moves};
use crate::rejection::must;

entity! {
    /// What was asked of an account on a day.
    pub struct FundDemand in "fund_demand" of "fund-management-system" key (fund_account, day): (FundAccountId, Date) {
        /// The account.
        fund_account: FundAccountId,
        /// Business day.
        day: Date,
        /// Loans that wanted money.
        requested_count: u32,
        /// What they wanted.
        requested: Money,
        /// Loans that were disbursed.
        disbursed_count: u32,
        /// What was disbursed.
        disbursed: Money,
        /// Attempts that failed.
        failed_count: u32,
    }
}

entity! {
    /// What risk let through on a day: money that will be asked for.
    pub struct LendingForecast in "lending_forecast" of "fund-management-system" key (day, currency): (Date, Currency) {
        /// Business day.
        day: Date,
        /// Currency.
        currency: Currency,
        /// Payouts that were approved.
        drawdowns_approved: u32,
        /// Credit lines that were granted.
        lines_granted: u32,
        /// The sum of their limits.
        limits: Money,
    }
}

entity! {
    /// A product on sale, as far as funding it goes.
    pub struct FundedProduct in "funded_product" of "fund-management-system" key product: String {
        /// Product code.
        product: String,
        /// Currency.
        currency: Currency,
        /// Greatest principal, once the version is published.
        amount_max: Option<Money>,
        /// Partners that may fund it, by code; empty means any.
        funders: Json<Vec<String>>,
    }
    index by_currency(currency: Currency);
}

/// Products that are looked up at once.
const PRODUCTS_PAGE: usize = 100;
/// Accounts that are looked up at once.
const ACCOUNTS_PAGE: usize = 100;

fn demand_of(work: &mut Work, account: &FundAccount) -> Handled<FundDemand> {
    let (day, nothing) = (work.today(), Money::zero(account.currency));
    Ok(work.get::<FundDemand>((account.id, day))?.unwrap_or(FundDemand {
        fund_account: account.id,
        day,
        requested_count: 0,
        requested: nothing,
        disbursed_count: 0,
        disbursed: nothing,
        failed_count: 0,
    }))
}

/// Counts what a loan wants from an account.
pub(super) fn on_reservation_requested(work: &mut Work, event: &FundReservationRequested) -> Handled<()> {
    let Some(account) = work.get::<FundAccount>(event.fund_account)? else { return Ok(()) };
    let mut demand = demand_of(work, &account)?;
    demand.requested_count += 1;
    demand.requested = must(demand.requested.checked_add(event.amount))?;
    work.save(demand);
    Ok(())
}

/// Closes the reservation of a disbursed loan and counts it.
pub(super) fn on_disbursement_succeeded(work: &mut Work, event: &DisbursementSucceeded) -> Handled<()> {
    moves::apply_fact(work, event.reservation, ReservationMessage::Close)?;
    let Some(account) = work.get::<FundAccount>(event.fund_account)? else { return Ok(()) };
    let mut demand = demand_of(work, &account)?;
    demand.disbursed_count += 1;
    demand.disbursed = must(demand.disbursed.checked_add(event.net_proceeds))?;
    work.save(demand);
    Ok(())
}

/// Counts an attempt that failed; an attempt that never had money counts nowhere.
pub(super) fn on_disbursement_failed(work: &mut Work, event: &DisbursementFailed) -> Handled<()> {
    let Some(reservation) = event.reservation else { return Ok(()) };
    let Some(reservation) = work.get::<FundReservation>(reservation)? else { return Ok(()) };
    let account = work.require::<FundAccount>(reservation.fund_account)?;
    let mut demand = demand_of(work, &account)?;
    demand.failed_count += 1;
    work.save(demand);
    Ok(())
}

/// Counts what risk lets through: approved payouts and granted limits will ask for money.
pub(super) fn on_risk_decision(work: &mut Work, event: &RiskDecisionMade) -> Handled<()> {
    let concerns = matches!(event.purpose, RiskPurpose::Drawdown | RiskPurpose::Credit);
    if !concerns || event.outcome != RiskOutcome::Approve {
        return Ok(());
    }
    let currency = event.limit.map_or(work.market().currency, Money::currency);
    let day = work.today();
    let mut forecast = work.get::<LendingForecast>((day, currency))?.unwrap_or(LendingForecast {
        day,
        currency,
        drawdowns_approved: 0,
        lines_granted: 0,
        limits: Money::zero(currency),
    });
    match (event.purpose, event.limit) {
        (RiskPurpose::Credit, Some(limit)) => {
            forecast.lines_granted += 1;
            forecast.limits = must(forecast.limits.checked_add(limit))?;
        }
        (RiskPurpose::Drawdown, _) => forecast.drawdowns_approved += 1,
        _ => return Ok(()),
    }
    work.save(forecast);
    Ok(())
}

/// Learns the largest loan of a product.
pub(super) fn on_product_published(work: &mut Work, event: &ProductVersionPublished) -> Handled<()> {
    let terms = &event.terms;
    let mut product = work.get::<FundedProduct>(terms.product.clone())?.unwrap_or(FundedProduct {
        product: terms.product.clone(),
        currency: terms.currency,
        amount_max: None,
        funders: Json(Vec::new()),
    });
    product.currency = terms.currency;
    product.amount_max = Some(terms.amount_max);
    work.save(product);
    raise_low_water_marks(work, terms.currency)
}

/// Learns who may fund a product.
pub(super) fn on_product_funding_matched(work: &mut Work, event: &ProductFundingMatched) -> Handled<()> {
    let mut product = work.get::<FundedProduct>(event.product.clone())?.unwrap_or(FundedProduct {
        product: event.product.clone(),
        currency: event.currency,
        amount_max: None,
        funders: Json(Vec::new()),
    });
    product.funders = Json(event.funders.clone());
    work.save(product);
    raise_low_water_marks(work, event.currency)
}

/// Every product on sale in a currency.
fn products_in(work: &mut Work, currency: Currency) -> Handled<Vec<FundedProduct>> {
    let mut all: Vec<FundedProduct> = Vec::new();
    loop {
        let after = all.last().map(|product| product.product.clone());
        let page = work.find(FundedProduct::by_currency(currency).after(after).limit(PRODUCTS_PAGE))?;
        let is_last = page.len() < PRODUCTS_PAGE;
        all.extend(page);
        if is_last {
            return Ok(all);
        }
    }
}

fn raise_low_water_marks(work: &mut Work, currency: Currency) -> Handled<()> {
    let products = products_in(work, currency)?;
    let mut after = None;
    loop {
        let page = work.find(FundAccount::by_currency(currency).after(after).limit(ACCOUNTS_PAGE))?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.id);
        for mut account in page {
            let mark = low_water_mark(&account, &products);
            if account.low_water != mark {
                account.low_water = mark;
                moves::save_account(work, account)?;
            }
        }
    }
}

/// The mark of an account whose agreement is new, or has changed.
pub(super) fn low_water_of(work: &mut Work, account: &FundAccount) -> Handled<Money> {
    let products = products_in(work, account.currency)?;
    Ok(low_water_mark(account, &products))
}

/// The largest loan among the products the account may fund; zero when there is none.
pub(super) fn low_water_mark(account: &FundAccount, products: &[FundedProduct]) -> Money {
    let largest = products
        .iter()
        .filter(|product| account.funds(&product.product, &product.funders))
        .filter_map(|product| product.amount_max)
        .filter(|amount| amount.currency() == account.currency)
        .map(Money::units)
        .max();
    Money::from_units(largest.unwrap_or(0), account.currency)
}

/// Tells people, at most once a day, that an account can't fund every loan any more.
pub(super) fn alert_when_low(work: &mut Work, account: &mut FundAccount) {
    if !account.falls_low(work.today()) {
        return;
    }
    work.send(OpenWorkOrder {
        kind: "fund-account-low".to_owned(),
        loan: None,
        text: format!(
            "Fund account {} ({}) has {} available, the largest loan it may fund takes {}: bring in money or close the route.",
            account.id, account.code, account.lendable(), account.low_water
        ),
        key: format!("fund-account-low-{}-{}", account.id, work.today()),
    });
}
