//! Loans from submit-loan-application to disbursement-succeeded: each person hears, decides, and speaks again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sycee_contract::{
    CustomerId, DisbursementSucceeded, LoanApplicationApproved, LoanApplicationCreated, LoanApplicationRejected,
    LoanId, OfferId, PayoutAccount, ProductOfferDistributed, QueryProductOffer, Sensitive, SignLoanContract,
    SubmitLoanApplication,
};
use sycee_money::{Currency, Money};
use sycee_runtime::{Executed, Stimulus};

use super::latency::Latencies;
use super::market::{BenchMarket, broken, must};
use super::onboarding::Borrower;
use super::progress::Progress;
use crate::output::Failure;

/// Principal of every loan, in minor units.
const PRINCIPAL_MINOR: i64 = 10_000;
/// Installments of every loan.
const TERM: u32 = 6;
/// The product of every loan.
const PRODUCT: &str = "gh-installment";
/// Loans that are under way at the same time.
const IN_FLIGHT: usize = 2_000;

/// A loan that was paid out.
#[derive(Clone, Copy, Debug)]
pub struct Running {
    /// Who funds it, and has the borrower's money.
    pub funder: sycee_contract::PartnerId,
    /// The loan.
    pub loan: LoanId,
    /// What is due first.
    pub installment: Money,
}

/// What a round of loans came to.
#[derive(Default)]
pub struct Round {
    /// Loans that run.
    pub loans: Vec<Running>,
    /// Time it took.
    pub took: Duration,
    /// From the submitted application to the durable payout.
    pub latencies: Latencies,
    /// Cascades of these loans.
    pub cascades: u64,
    /// Messages of these loans.
    pub messages: u64,
}

/// Gets everybody an offer; not part of what is measured.
pub fn offers(market: &mut BenchMarket, borrowers: &mut [Borrower]) -> Result<Vec<OfferId>, Failure> {
    for borrower in borrowers.iter_mut() {
        let query = QueryProductOffer { customer: borrower.customer, preview: false, detail: None };
        let key = borrower.next_key();
        market.tell(Stimulus::command(&borrower.actor, query).through("bff-system").key(&key));
    }
    let mut offers = BTreeMap::new();
    market.run(&mut |_, done, _| {
        for event in done.events::<ProductOfferDistributed>() {
            let offer = event.offers.iter().find(|offer| offer.product == PRODUCT);
            let offer = offer.ok_or_else(|| broken(format!("no offer: {:?}", event.reasons)))?;
            offers.insert(event.customer, offer.offer);
        }
        must(done)
    })?;
    let of = |borrower: &Borrower| offers.get(&borrower.customer).copied().ok_or_else(|| broken("no offer came"));
    borrowers.iter().map(of).collect()
}

/// One loan for each borrower.
pub fn originate(
    market: &mut BenchMarket,
    borrowers: &mut [Borrower],
    offers: &[OfferId],
    round: &mut Round,
    progress: &Progress,
) -> Result<(), Failure> {
    let places = borrowers.iter().enumerate().map(|(at, borrower)| (borrower.customer, at)).collect();
    let before = market.writer().stats();
    let began = Instant::now();
    let mut crowd = Crowd { borrowers, offers, places, began: BTreeMap::new(), first: BTreeMap::new(), next: 0, round };
    for _ in 0..IN_FLIGHT {
        crowd.submit_next(market)?;
    }
    market.run(&mut |market, done, now| {
        let paid = crowd.hear(market, done, now)?;
        for _ in 0..paid {
            crowd.submit_next(market)?;
        }
        progress.at(crowd.round.loans.len() as u64);
        Ok(())
    })?;
    let after = market.writer().stats();
    round.took += began.elapsed();
    round.cascades += after.cascades - before.cascades;
    round.messages += after.messages - before.messages;
    Ok(())
}

struct Crowd<'a> {
    borrowers: &'a mut [Borrower],
    offers: &'a [OfferId],
    places: BTreeMap<CustomerId, usize>,
    began: BTreeMap<CustomerId, Instant>,
    first: BTreeMap<LoanId, Money>,
    next: usize,
    round: &'a mut Round,
}

impl Crowd<'_> {
    fn submit_next(&mut self, market: &mut BenchMarket) -> Result<(), Failure> {
        let at = self.next;
        self.next += 1;
        let Some(borrower) = self.borrowers.get_mut(at) else { return Ok(()) };
        let submit = SubmitLoanApplication {
            customer: borrower.customer,
            offer: self.offers[at],
            amount: Money::from_minor(PRINCIPAL_MINOR, Currency::GHS).map_err(broken)?,
            term: TERM,
            purpose: "radio/television".to_owned(),
            payout_account: PayoutAccount {
                channel: "mtn-momo".to_owned(),
                number: borrower.phone(),
                holder: Sensitive::new(format!("Borrower {}", borrower.nr)),
            },
            direct_debit: false,
            language: "en".to_owned(),
        };
        let key = borrower.next_key();
        self.began.insert(borrower.customer, Instant::now());
        market.tell(Stimulus::command(&borrower.actor, submit).through("bff-system").key(&key));
        Ok(())
    }

    /// Answers how many loans were paid out.
    fn hear(&mut self, market: &mut BenchMarket, done: &Executed, now: Instant) -> Result<usize, Failure> {
        must(done)?;
        if let Some(event) = done.events::<LoanApplicationRejected>().next() {
            return Err(broken(format!("a loan was rejected: {:?}", event.reasons)));
        }
        for event in done.events::<LoanApplicationCreated>() {
            self.first.insert(event.loan, event.first_installment);
        }
        for event in done.events::<LoanApplicationApproved>() {
            let Some(at) = self.places.get(&event.customer) else { continue };
            let borrower = &mut self.borrowers[*at];
            let document_hash = event.contract.hash.clone();
            let sign = SignLoanContract { loan: event.loan, customer: event.customer, document_hash, challenge: None };
            let key = borrower.next_key();
            market.tell(Stimulus::command(&borrower.actor, sign).through("bff-system").key(&key));
        }
        let mut paid = 0;
        for event in done.events::<DisbursementSucceeded>() {
            if let (Some(began), Some(installment)) =
                (self.began.remove(&event.customer), self.first.remove(&event.loan))
            {
                self.round.latencies.add(began, now);
                self.round.loans.push(Running { loan: event.loan, funder: event.funder, installment });
                paid += 1;
            }
        }
        Ok(paid)
    }
}
