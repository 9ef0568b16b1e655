//! Whose money pays a loan out: candidates, rules, the choice.
//!
//! Invariant: free money of a candidate is `available` of its account's newest balances, so a route that is chosen within a
//! cascade can be reserved within it: but for money that stray payouts take first, which leaves `available` when it is booked.

mod model;

pub use model::{
    BOOK, Choice, FundRoute, FundingSourceCandidate, ProductFunding, QuotaHold, RouteBook, RouteDemand, RouteRefusal,
    RouteShortage, TierDemand, describe, version_key,
};

use sycee_contract::messages::{
    DisbursementSucceeded, FundAccountOpened, FundArrivalConfirmed, FundBalanceChanged, FundReservationReleased,
    FundReserved, FundRouteSelected, FundingContractAmended, FundingContractSigned, FundsReturned,
    ProductFundingMatched, RepaymentSucceeded, RiskDecisionMade, RouteFunds, SetFundRouteStatus,
};
use sycee_contract::{
    FundAccountId, FundBalances, FundRouteAnswer, Rejection, ReservationId, RiskOutcome, RiskPurpose,
};
use sycee_money::{Currency, Money};
use sycee_runtime::{Handled, Registry, Work};

use crate::rejection::must;
use crate::{FundsRejection, PaymentConfig};

/// Registers this service.
pub fn register(registry: &mut Registry) {
    registry
        .service("fund-routing-system")
        .entity::<RouteBook>()
        .entity::<FundRoute>()
        .entity::<QuotaHold>()
        .entity::<RouteDemand>()
        .entity::<RouteShortage>()
        .handles::<RouteFunds>(route_funds)
        .handles::<SetFundRouteStatus>(set_fund_route_status)
        .on::<FundingContractSigned>(on_funding_contract_signed)
        .on::<FundingContractAmended>(on_funding_contract_amended)
        .on::<FundAccountOpened>(on_fund_account_opened)
        .on::<FundArrivalConfirmed>(on_fund_arrival_confirmed)
        .on::<FundsReturned>(on_funds_returned)
        .on::<FundReserved>(on_fund_reserved)
        .on::<FundReservationReleased>(on_fund_reservation_released)
        .on::<FundBalanceChanged>(on_fund_balance_changed)
        .on::<ProductFundingMatched>(on_product_funding_matched)
        .on::<RiskDecisionMade>(on_risk_decision)
        .on::<DisbursementSucceeded>(on_disbursement_succeeded)
        .on::<RepaymentSucceeded>(on_repayment_succeeded)
        .emits::<FundRouteSelected>();
}

fn book_of(work: &mut Work) -> Handled<RouteBook> {
    Ok(work.get::<RouteBook>(BOOK.to_owned())?.unwrap_or_else(RouteBook::empty))
}

fn demand_of(work: &mut Work, currency: Currency) -> Handled<RouteDemand> {
    let day = work.today();
    Ok(work.get::<RouteDemand>((day, currency))?.unwrap_or_else(|| RouteDemand::none(day, currency)))
}

/// Chooses the funder of a loan. A request that finds none is refused, and counted.
fn route_funds(work: &mut Work, cmd: &RouteFunds) -> Handled<FundRouteAnswer> {
    if !cmd.amount.is_positive() {
        let example = Money::from_units(1_000_000, cmd.amount.currency());
        return Err(FundsRejection::AmountInvalid { amount: cmd.amount, example }.into());
    }
    let choice = match work.read::<RouteBook>(BOOK.to_owned())? {
        Some(book) => book.choose(cmd, work.today()),
        None => Err(Vec::new()),
    };
    let choice = match choice {
        Ok(choice) => choice,
        Err(passed_over) => {
            count_shortage(work, cmd.amount)?;
            let refused = describe(&passed_over);
            return Err(FundsRejection::NoFundingRoute { loan: cmd.loan, amount: cmd.amount, refused }.into());
        }
    };
    let mut demand = demand_of(work, cmd.amount.currency())?;
    demand.routed_count += 1;
    demand.routed = demand.routed.checked_add(cmd.amount)?;
    work.save(demand);
    let route = FundRoute {
        id: work.new_id(),
        loan: cmd.loan,
        funder: choice.funder,
        fund_account: choice.fund_account,
        cost: choice.cost,
        amount: cmd.amount,
        principal: cmd.principal,
        passed_over: (!choice.passed_over.is_empty()).then(|| describe(&choice.passed_over)),
        at: work.now(),
    };
    work.emit(FundRouteSelected {
        route: route.id,
        loan: cmd.loan,
        funder: route.funder,
        fund_account: route.fund_account,
        cost: route.cost,
        pays_itself: choice.pays_itself,
        amount: cmd.amount,
    });
    let answer = FundRouteAnswer { route: route.id };
    work.save(route);
    Ok(answer)
}

fn count_shortage(work: &mut Work, amount: Money) -> Handled<()> {
    let (day, currency) = (work.today(), amount.currency());
    let before = work.get::<RouteShortage>((day, currency))?;
    let mut shortage = before.unwrap_or(RouteShortage { day, currency, count: 0, amount: Money::zero(currency) });
    shortage.count += 1;
    // The request is refused anyway: a sum that is full stays full.
    shortage.amount = shortage.amount.checked_add(amount).unwrap_or(Money::from_units(i64::MAX, currency));
    work.save_even_if_refused(shortage);
    Ok(())
}

/// Opens or closes a funder's route, a channel, or one for the other. Neither named: every funder's route.
fn set_fund_route_status(work: &mut Work, cmd: &SetFundRouteStatus) -> Handled<()> {
    if let Some(channel) = &cmd.channel {
        work.config::<PaymentConfig>().require_known(channel)?;
    }
    let mut book = book_of(work)?;
    match (&cmd.funder, &cmd.channel) {
        (None, Some(channel)) => set_member(&mut book.closed_channels, channel, !cmd.open),
        (None, None) => book.candidates.iter_mut().for_each(|candidate| candidate.open = cmd.open),
        (Some(code), channel) => {
            let candidate = book.candidates.iter_mut().find(|candidate| candidate.code == *code);
            let candidate = candidate.ok_or_else(|| Rejection::not_found("funder", code))?;
            match channel {
                Some(channel) => set_member(&mut candidate.closed_channels, channel, !cmd.open),
                None => candidate.open = cmd.open,
            }
        }
    }
    work.save(book);
    Ok(())
}

fn set_member(set: &mut std::collections::BTreeSet<String>, name: &str, present: bool) {
    if present {
        set.insert(name.to_owned());
    } else {
        set.remove(name);
    }
}

/// A new candidate; an agreement that is told twice adds nobody.
fn on_funding_contract_signed(work: &mut Work, event: &FundingContractSigned) -> Handled<()> {
    let mut book = book_of(work)?;
    if book.by_partner(event.partner).is_some() {
        return Ok(());
    }
    book.candidates.push(FundingSourceCandidate::from_contract(event));
    work.save(book);
    Ok(())
}

/// The candidate lends on other terms from a day on. What is reserved or lent stays as it is.
fn on_funding_contract_amended(work: &mut Work, event: &FundingContractAmended) -> Handled<()> {
    let mut book = book_of(work)?;
    let Some(candidate) = book.by_partner(event.partner) else { return Ok(()) };
    candidate.terms.clone_from(&event.terms);
    work.save(book);
    Ok(())
}

/// The candidate's account is open: it can be chosen once it has money.
fn on_fund_account_opened(work: &mut Work, event: &FundAccountOpened) -> Handled<()> {
    let mut book = book_of(work)?;
    let Some(candidate) = book.by_partner(event.partner) else { return Ok(()) };
    candidate.fund_account = Some(event.fund_account);
    work.save(book);
    Ok(())
}

fn learn(work: &mut Work, account: FundAccountId, balances: &FundBalances) -> Handled<()> {
    let mut book = book_of(work)?;
    let Some(candidate) = book.by_account(account) else { return Ok(()) };
    candidate.learn_balances(balances);
    work.save(book);
    Ok(())
}

/// More free money.
fn on_fund_arrival_confirmed(work: &mut Work, event: &FundArrivalConfirmed) -> Handled<()> {
    learn(work, event.fund_account, &event.balances)
}

/// Less free money: it went back to the funder.
fn on_funds_returned(work: &mut Work, event: &FundsReturned) -> Handled<()> {
    learn(work, event.fund_account, &event.balances)
}

/// Less free money, and less quota: by the principal of the route, or by what is reserved when no route was asked for.
fn on_fund_reserved(work: &mut Work, event: &FundReserved) -> Handled<()> {
    let mut book = book_of(work)?;
    let Some(candidate) = book.by_account(event.fund_account) else { return Ok(()) };
    candidate.learn_balances(&event.balances);
    if work.get::<QuotaHold>(event.reservation)?.is_none() {
        let principal = work.get::<FundRoute>(event.route)?.map_or(event.amount, |route| route.principal);
        must(candidate.move_in_flight(principal))?;
        work.save(QuotaHold { reservation: event.reservation, loan: event.loan, principal });
    }
    work.save(book);
    Ok(())
}

/// The reserved money is not needed: neither is its part of the quota.
fn on_fund_reservation_released(work: &mut Work, event: &FundReservationReleased) -> Handled<()> {
    let mut book = book_of(work)?;
    let Some(candidate) = book.by_account(event.fund_account) else { return Ok(()) };
    end_hold(work, candidate, event.reservation)?;
    work.save(book);
    Ok(())
}

/// What was counted for a reservation is not on its way any more.
fn end_hold(work: &mut Work, candidate: &mut FundingSourceCandidate, reservation: ReservationId) -> Handled<()> {
    let Some(hold) = work.get::<QuotaHold>(reservation)? else { return Ok(()) };
    must(hold.principal.checked_neg().and_then(|ended| candidate.move_in_flight(ended)))?;
    work.delete::<QuotaHold>(reservation);
    Ok(())
}

/// Free money changed otherwise.
fn on_fund_balance_changed(work: &mut Work, event: &FundBalanceChanged) -> Handled<()> {
    learn(work, event.fund_account, &event.balances)
}

/// Which funders a product may be financed by.
fn on_product_funding_matched(work: &mut Work, event: &ProductFundingMatched) -> Handled<()> {
    let mut book = book_of(work)?;
    let funding = ProductFunding { country: event.country.clone(), funders: event.funders.clone() };
    book.learn_funding(&event.product, event.version, funding);
    work.save(book);
    Ok(())
}

/// Counts what will be routed, by risk tier; decisions about anything but a payout don't concern routing.
fn on_risk_decision(work: &mut Work, event: &RiskDecisionMade) -> Handled<()> {
    if event.purpose != RiskPurpose::Drawdown || event.outcome != RiskOutcome::Approve {
        return Ok(());
    }
    let currency = work.market().currency;
    let mut demand = demand_of(work, currency)?;
    demand.approve(&event.tier, event.rate_surcharge);
    work.save(demand);
    Ok(())
}

/// Principal on its way is lent: it takes of the funder's quota as before.
fn on_disbursement_succeeded(work: &mut Work, event: &DisbursementSucceeded) -> Handled<()> {
    let mut book = book_of(work)?;
    let Some(candidate) = book.by_partner(event.funder) else { return Ok(()) };
    end_hold(work, candidate, event.reservation)?;
    must(candidate.move_principal(event.principal))?;
    work.save(book);
    Ok(())
}

/// Repaid principal, also what a refund covers, frees the funder's quota.
fn on_repayment_succeeded(work: &mut Work, event: &RepaymentSucceeded) -> Handled<()> {
    let repaid = must(event.parts.principal_covered())?;
    let mut book = book_of(work)?;
    let Some(candidate) = book.by_partner(event.funder) else { return Ok(()) };
    must(repaid.checked_neg().and_then(|freed| candidate.move_principal(freed)))?;
    work.save(book);
    Ok(())
}
