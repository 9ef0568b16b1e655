//! A mobile-money aggregator on virtual time: requests, payers' answers, the float, callbacks and their faults.
//!
//! A request is pending until its payer (collection) or the channel (payout) decides, at the latest when it expires; then
//! it is final for ever. The callback is sent after that, as its fault plan says.
//!
//! Invariant: pending is left once; a final outcome never changes.
//! Invariant: the float moves when a request becomes successful, by what its statement says, and never below zero.

use std::collections::BTreeMap;

use sycee_contract::{ChannelOutcome, ChannelPayment, ChannelQuery, PaymentDirection, Timestamp};
use sycee_money::{Currency, Money};

use crate::faults::FaultPlan;
use crate::schedule::Schedule;
use crate::{
    Callback, ChannelFaults, FailureReason, PayerDecision, PaymentChannel, SplitMix64, StatementRow, Submitted,
};

/// Asks the simulated payer of a collection what he does; called once a request, when it is submitted.
pub type Payers = Box<dyn FnMut(&ChannelPayment) -> PayerDecision + Send>;

/// How a simulated channel is set up.
#[derive(Clone, Debug)]
pub struct ChannelSettings {
    /// Code, such as `mtn-momo`; part of its references.
    pub code: String,
    /// The one currency it moves.
    pub currency: Currency,
    /// What the float holds at first.
    pub opening_float: Money,
    /// The most one collection may take; any when absent.
    pub payer_limit: Option<Money>,
    /// Seconds until the outcome of a payout or of an approved collection: from, to.
    pub decide_seconds: (i64, i64),
    /// Seconds from the outcome to an ordinary callback.
    pub callback_seconds: i64,
    /// Seconds until an unanswered request expires.
    pub expiry_seconds: i64,
    /// Seed of everything that is drawn.
    pub seed: u64,
    /// Rates of misbehaviour.
    pub faults: ChannelFaults,
}

impl ChannelSettings {
    /// A well-behaved channel: decides in 5 to 60 seconds, calls back at once, expires after a day.
    pub fn new(code: &str, opening_float: Money, seed: u64) -> Self {
        Self {
            code: code.to_owned(),
            currency: opening_float.currency(),
            opening_float,
            payer_limit: None,
            decide_seconds: (5, 60),
            callback_seconds: 1,
            expiry_seconds: 86_400,
            seed,
            faults: ChannelFaults::default(),
        }
    }
}

#[derive(Clone, Debug)]
struct Request {
    direction: PaymentDirection,
    /// What moves when it succeeds.
    moves: Money,
    /// What the channel says that moved.
    told: Money,
    reference: String,
    outcome: ChannelOutcome,
    reason: Option<FailureReason>,
    decided_at: Option<Timestamp>,
    plan: FaultPlan,
}

/// How a request is decided if nothing else happens before.
struct Decision {
    at: Timestamp,
    failure: Option<FailureReason>,
    moves: Money,
}

#[derive(Clone, Debug)]
enum Due {
    Decide { request_id: String, failure: Option<FailureReason> },
    Call(Callback),
}

/// The simulated channel.
pub struct SimulatedChannel {
    settings: ChannelSettings,
    payers: Payers,
    random: SplitMix64,
    balance: Money,
    requests: BTreeMap<String, Request>,
    due: Schedule<Due>,
    statement: Vec<StatementRow>,
    references: u64,
}

impl SimulatedChannel {
    /// A channel whose payers always pay.
    pub fn new(settings: ChannelSettings) -> Self {
        Self::with_payers(settings, Box::new(|_| PayerDecision::Pay))
    }

    /// A channel whose payers decide as `payers` says.
    pub fn with_payers(settings: ChannelSettings, payers: Payers) -> Self {
        Self {
            random: SplitMix64::new(settings.seed),
            balance: settings.opening_float,
            payers,
            requests: BTreeMap::new(),
            due: Schedule::default(),
            statement: Vec::new(),
            references: 0,
            settings,
        }
    }

    /// What the float holds.
    pub fn float(&self) -> Money {
        self.balance
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &ChannelSettings {
        &self.settings
    }

    /// Replaces the rates of misbehaviour for requests submitted from here on.
    pub fn set_faults(&mut self, faults: ChannelFaults) {
        self.settings.faults = faults;
    }

    /// Brings money into the float from the bank.
    pub fn top_up(&mut self, now: Timestamp, amount: Money) {
        let reference = self.next_reference();
        self.book(now, String::new(), reference, PaymentDirection::Collection, amount);
    }

    /// A payer pays a pending collection of his own accord (scans the code, uses the link). False when it is not pending.
    pub fn pay(&mut self, now: Timestamp, request_id: &str) -> bool {
        let pending = self.is_pending_collection(request_id);
        if pending {
            self.decide(now, request_id, None);
        }
        pending
    }

    /// A payer turns a pending collection down. False when it is not pending.
    pub fn reject(&mut self, now: Timestamp, request_id: &str) -> bool {
        let pending = self.is_pending_collection(request_id);
        if pending {
            self.decide(now, request_id, Some(FailureReason::ApprovalRejected));
        }
        pending
    }

    fn is_pending_collection(&self, request_id: &str) -> bool {
        self.requests.get(request_id).is_some_and(|request| {
            request.direction == PaymentDirection::Collection && request.outcome == ChannelOutcome::Pending
        })
    }

    fn next_reference(&mut self) -> String {
        self.references += 1;
        format!("{}-{:08}", self.settings.code, self.references)
    }

    /// When, and how, a request is decided if nothing else happens before.
    fn plan_decision(&mut self, now: Timestamp, request: &ChannelPayment, plan: FaultPlan) -> Decision {
        let soon =
            now.plus_seconds(self.random.between(self.settings.decide_seconds.0, self.settings.decide_seconds.1));
        let expiry = now.plus_seconds(self.settings.expiry_seconds);
        let fails = |at, reason| Decision { at, failure: Some(reason), moves: request.amount };
        let moves = |at, amount| Decision { at, failure: None, moves: amount };
        if plan.expires {
            return fails(expiry, FailureReason::Expired);
        }
        if let Some(reason) = plan.fails {
            return fails(soon, reason);
        }
        if request.direction == PaymentDirection::Payout {
            return moves(soon, request.amount);
        }
        if self.settings.payer_limit.is_some_and(|limit| request.amount.units() > limit.units()) {
            return fails(soon, FailureReason::PayerLimitReached);
        }
        let decision = (self.payers)(request);
        if decision == PayerDecision::NotEnoughFunds {
            return fails(soon, FailureReason::NotEnoughFunds);
        }
        let amount = if plan.wrong_amount { less(request.amount) } else { request.amount };
        if request.under_mandate {
            return moves(soon, amount);
        }
        match decision {
            PayerDecision::Pay | PayerDecision::NotEnoughFunds => moves(soon, amount),
            PayerDecision::PayOther(other) if other.is_positive() && other.currency() == self.settings.currency => {
                moves(soon, other)
            }
            PayerDecision::PayOther(_) => moves(soon, amount),
            PayerDecision::PayLater(seconds) if now.plus_seconds(seconds) < expiry => {
                moves(now.plus_seconds(seconds.max(0)), amount)
            }
            PayerDecision::Reject => fails(soon, FailureReason::ApprovalRejected),
            PayerDecision::PayLater(_) | PayerDecision::Ignore => fails(expiry, FailureReason::Expired),
        }
    }

    fn decide(&mut self, at: Timestamp, request_id: &str, failure: Option<FailureReason>) {
        let Some(request) =
            self.requests.get_mut(request_id).filter(|request| request.outcome == ChannelOutcome::Pending)
        else {
            return;
        };
        let short = request.direction == PaymentDirection::Payout && self.balance.units() < request.moves.units();
        let failure = failure.or(short.then_some(FailureReason::NotEnoughFunds));
        request.reason = failure;
        request.outcome = if failure.is_some() { ChannelOutcome::Failed } else { ChannelOutcome::Successful };
        request.decided_at = Some(at);
        let request = request.clone();
        if failure.is_none() {
            self.book(at, request_id.to_owned(), request.reference.clone(), request.direction, request.moves);
        }
        self.schedule_callbacks(at, request_id, &request);
    }

    fn book(
        &mut self,
        at: Timestamp,
        request_id: String,
        channel_reference: String,
        direction: PaymentDirection,
        amount: Money,
    ) {
        let units = match direction {
            PaymentDirection::Payout => self.balance.units() - amount.units(),
            PaymentDirection::Collection => self.balance.units() + amount.units(),
        };
        self.balance = Money::from_units(units, self.settings.currency);
        self.statement.push(StatementRow {
            at,
            request_id,
            channel_reference,
            direction,
            amount,
            balance: self.balance,
        });
    }

    fn schedule_callbacks(&mut self, decided: Timestamp, request_id: &str, request: &Request) {
        if request.plan.lost {
            return;
        }
        let callback = callback_of(request_id, request);
        let usual = decided.plus_seconds(self.settings.callback_seconds);
        let late = usual.plus_seconds(self.settings.faults.late_seconds.max(1));
        let first = if request.plan.late { late } else { usual };
        if request.plan.duplicate {
            self.due.at(first.plus_seconds(self.settings.faults.late_seconds.max(1)), Due::Call(callback.clone()));
        }
        self.due.at(first, Due::Call(callback));
    }

    /// Settles what is due without handing callbacks out: a query sees the channel as of `now`.
    fn settle(&mut self, now: Timestamp, callbacks: &mut Vec<(Timestamp, Callback)>) {
        while let Some((at, due)) = self.due.pop_due(now) {
            match due {
                Due::Decide { request_id, failure } => self.decide(at, &request_id, failure),
                Due::Call(callback) => callbacks.push((at, callback)),
            }
        }
    }
}

/// One minor unit less, as long as that is money.
fn less(amount: Money) -> Money {
    let minor = Money::from_minor(1, amount.currency()).unwrap_or(amount);
    amount.checked_sub(minor).ok().filter(|less| less.is_positive()).unwrap_or(amount)
}

/// What the channel tells about a request, by callback and by query alike.
fn callback_of(request_id: &str, request: &Request) -> Callback {
    Callback {
        request_id: request_id.to_owned(),
        channel_reference: request.reference.clone(),
        outcome: request.outcome,
        reason: request.reason,
        amount: (request.outcome == ChannelOutcome::Successful).then_some(request.told),
        paid_at: request.decided_at.filter(|_| request.outcome == ChannelOutcome::Successful),
    }
}

impl PaymentChannel for SimulatedChannel {
    fn submit(&mut self, now: Timestamp, request: &ChannelPayment) -> Submitted {
        if self.requests.contains_key(&request.request_id) {
            return Submitted::Duplicate;
        }
        if request.amount.currency() != self.settings.currency {
            return Submitted::Refused { reason: FailureReason::InvalidCurrency };
        }
        if !request.amount.is_positive() {
            return Submitted::Refused { reason: FailureReason::NotAllowed };
        }
        let plan = FaultPlan::draw(request.account.number.reveal(), &self.settings.faults, &mut self.random);
        if plan.refused {
            return Submitted::Refused { reason: FailureReason::ServiceUnavailable };
        }
        let Decision { at, failure, moves } = self.plan_decision(now, request, plan);
        let is_misstated = plan.wrong_amount && request.direction == PaymentDirection::Payout;
        let told = if is_misstated { less(moves) } else { moves };
        let reference = self.next_reference();
        self.requests.insert(
            request.request_id.clone(),
            Request {
                direction: request.direction,
                moves,
                told,
                reference,
                outcome: ChannelOutcome::Pending,
                reason: None,
                decided_at: None,
                plan,
            },
        );
        self.due.at(at, Due::Decide { request_id: request.request_id.clone(), failure });
        Submitted::Accepted
    }

    fn query(&mut self, now: Timestamp, query: &ChannelQuery) -> Option<Callback> {
        let mut waiting = Vec::new();
        self.settle(now, &mut waiting);
        for (at, callback) in waiting {
            self.due.at(at, Due::Call(callback));
        }
        self.requests.get(&query.request_id).map(|request| callback_of(&query.request_id, request))
    }

    fn take_due(&mut self, now: Timestamp) -> Vec<Callback> {
        let mut callbacks = Vec::new();
        self.settle(now, &mut callbacks);
        callbacks.into_iter().map(|(_, callback)| callback).collect()
    }

    fn next_due(&self) -> Option<Timestamp> {
        self.due.next_due()
    }

    fn statement(&self, from: Timestamp, to: Timestamp) -> Vec<StatementRow> {
        self.statement.iter().filter(|row| row.at >= from && row.at < to).cloned().collect()
    }
}
