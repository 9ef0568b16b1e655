//! Compares a recorded trace with a flow of the catalogue.
//!
//! Who sends and receives a message is the union of what its page, the services' pages and the flows name. A hop of the
//! flow is found when the log has its message, from a sender of the union and, where the hop names one, from that one; to
//! the receivers that the hop names and, for an event, to every receiver of the union whose service runs; later than the
//! hop it follows, and caused by it or by what caused it, over timers, effects and what the outside answers to them. What
//! somebody outside does by himself nothing in the market causes: such an act, and what it causes, comes after the cascade
//! of the hop it follows. Commands reach the others of their union one by one: `union.rs` looks for each of them.
//!
//! Invariant: nobody but [`ABSENT`] is left out of a union.

use std::collections::BTreeSet;

use sycee_contract::{ExternalRepaymentNotified, Kind, Message as _, all_messages};
use sycee_runtime::{CascadeTrace, Cause, TraceHop, read_trace};
use sycee_stage::Stage;

use crate::catalog::{Catalog, Hop};

/// Whom the catalogue names as sender or receiver of a message that we have, and who is not there: `actor` is people, the
/// others are services of parts that have a place and are not built.
pub const ABSENT: [&str; 14] = [
    "actor",
    "benefit-trade-center",
    "clearing-center",
    "collection-system",
    "compliance-system",
    "customer-service-system",
    "extension-engine",
    "financial-accounting-system",
    "financial-report-service",
    "financial-system",
    "marketing-center",
    "refund-reversal-service",
    "regulatory-reporting-service",
    "settlement-center",
];

/// How a flow is read where its list of hops is not one sequence.
pub struct Reading {
    /// The flow.
    pub flow: &'static str,
    /// Step, the step it follows instead of the one listed before it, and why.
    pub follows: &'static [(&'static str, &'static str, &'static str)],
    /// Step, place in the payload, value there: what tells apart steps that share a message.
    pub told: &'static [(&'static str, &'static str, &'static str)],
}

/// The recorded trace of a stage.
pub fn recorded(stage: &mut Stage, trace: i64) -> Vec<CascadeTrace> {
    stage.writer.sync().unwrap();
    read_trace(stage.writer.reader(), trace).unwrap()
}

/// Fails with every hop that is not in the trace.
pub fn assert_flow(reading: &Reading, trace: &[CascadeTrace]) {
    let missing = missing(reading, trace);
    assert!(missing.is_empty(), "{} is not as recorded:\n{}\n{}", reading.flow, missing.join("\n"), shown(trace));
}

/// What is missing, one line a hop.
pub fn missing(reading: &Reading, trace: &[CascadeTrace]) -> Vec<String> {
    let catalog = Catalog::read();
    let flow = catalog.flow(reading.flow);
    for (step, other, _) in reading.follows {
        assert!(
            [step, other].iter().all(|name| flow.iter().any(|hop| hop.step == **name)),
            "no step {step} or {other}"
        );
    }
    let logged: Vec<Logged<'_>> =
        trace.iter().flat_map(|cascade| cascade.hops.iter().map(move |hop| Logged { cascade, hop })).collect();
    let mut matched: Vec<Option<usize>> = Vec::with_capacity(flow.len());
    let mut missing = Vec::new();
    for (at, hop) in flow.iter().enumerate() {
        let before = match reading.follows.iter().find(|(step, ..)| *step == hop.step) {
            Some((_, other, _)) => flow[..at].iter().position(|hop| hop.step == *other),
            None => at.checked_sub(1),
        };
        let before = before.and_then(|before| matched[before]);
        let start = before.map_or(0, |position| position + 1);
        let found = (start..logged.len()).find(|&position| {
            fits(&catalog, reading, hop, logged[position].hop)
                && before.is_none_or(|before| logged[position].is_caused_with(&logged[before], trace))
        });
        if found.is_none() {
            missing.push(format!("{}: {} from {:?} to {:?}", hop.step, hop.message, hop.sender, hop.receiver));
        }
        matched.push(found);
    }
    missing
}

/// A hop in its cascade.
#[derive(Clone, Copy)]
struct Logged<'a> {
    cascade: &'a CascadeTrace,
    hop: &'a TraceHop,
}

impl Logged<'_> {
    fn place(&self) -> Cause {
        Cause { cascade: self.cascade.cascade, hop: self.hop.nr }
    }

    /// The message that caused this one: of its cascade, or the one that brought the cascade about.
    fn cause(&self) -> Option<Cause> {
        match self.hop.cause {
            Some(hop) => Some(Cause { cascade: self.cascade.cascade, hop }),
            None => self.cascade.cause,
        }
    }

    /// Whether the recorded causes lead from this hop back to `before`, or to what caused `before`: the catalogue lists
    /// one after the other what one message sets going. Causes that end with somebody's own act follow `before` when that
    /// act does.
    fn is_caused_with(&self, before: &Self, trace: &[CascadeTrace]) -> bool {
        let (place, cause) = (before.place(), before.cause());
        let mut first = *self;
        while let Some(at) = first.cause() {
            if at == place || Some(at) == cause {
                return true;
            }
            let Some(found) = logged(trace, at) else { return false };
            first = found;
        }
        is_own_act(first.cascade) && first.cascade.cascade > before.cascade.cascade
    }
}

/// Whether somebody outside does by himself what began `cascade`: people ask, and a funder or a bank notices money.
/// What channels, providers and timers bring, the market asked for.
fn is_own_act(cascade: &CascadeTrace) -> bool {
    let person = ["customer", "guest", "staff"].contains(&cascade.actor.split(':').next().unwrap_or_default());
    person || cascade.stimulus == ExternalRepaymentNotified::ID
}

fn logged(trace: &[CascadeTrace], at: Cause) -> Option<Logged<'_>> {
    let cascade = trace.iter().find(|cascade| cascade.cascade == at.cascade)?;
    let hop = cascade.hops.iter().find(|hop| hop.nr == at.hop)?;
    Some(Logged { cascade, hop })
}

/// Whether whom the catalogue names is a service that runs here.
pub fn runs(service: &str) -> bool {
    !ABSENT.contains(&service)
}

fn fits(catalog: &Catalog, reading: &Reading, hop: &Hop, logged: &TraceHop) -> bool {
    let is_event = all_messages().iter().any(|info| info.id == hop.message && info.kind == Kind::Event);
    let also = if is_event { catalog.receivers(&hop.message) } else { BTreeSet::new() };
    let mut expected = also.iter().filter(|service| runs(service));
    let tells = |(_, place, value): &(&str, &str, &str)| {
        let data = logged.data.as_ref().and_then(|data| data.pointer(place));
        data.is_some_and(|data| data.as_str() == Some(*value) || (*value == "*" && !data.is_null()))
    };
    logged.message == hop.message
        && reading.told.iter().filter(|(step, ..)| *step == hop.step).all(tells)
        && logged.refused.is_none()
        && (hop.sender.is_empty() || hop.sender.contains(&logged.from) || comes_from_outside(hop))
        && catalog.senders(&hop.message).contains(&logged.from)
        && hop.receiver.iter().all(|receiver| logged.to.contains(receiver))
        && expected.all(|receiver| logged.to.contains(receiver))
}

/// Whether the flow names nobody of ours as the sender: then the message's page says through whom it comes in.
fn comes_from_outside(hop: &Hop) -> bool {
    hop.sender.iter().all(|sender| *sender == "actor")
}

fn shown(trace: &[CascadeTrace]) -> String {
    let mut lines = Vec::new();
    for cascade in trace {
        lines.push(format!(
            "cascade {} {} by {}: {}",
            cascade.cascade, cascade.stimulus, cascade.actor, cascade.outcome
        ));
        for hop in &cascade.hops {
            lines.push(format!("  {} {} -> {}", hop.message, hop.from, hop.to.join(", ")));
        }
    }
    lines.join("\n")
}

/// The cascades of a trace that are about this loan, or about none.
pub fn of_loan(trace: &[CascadeTrace], loan: &str) -> Vec<CascadeTrace> {
    let named = |hop: &TraceHop| -> Option<String> {
        let data = hop.data.as_ref()?;
        ["/loan", "/reference/loan", "/quote/loan"]
            .iter()
            .find_map(|place| data.pointer(place)?.as_str().map(str::to_owned))
    };
    let about = |cascade: &&CascadeTrace| {
        let mut loans = cascade.hops.iter().filter_map(named).peekable();
        loans.peek().is_none() || loans.any(|named| named == loan)
    };
    trace.iter().filter(about).cloned().collect()
}

#[test]
fn exactly_those_who_do_not_run_are_left_out() {
    let (catalog, registry) = (Catalog::read(), sycee_markets::registry());
    let named: BTreeSet<String> = all_messages()
        .iter()
        .flat_map(|info| catalog.senders(info.id).into_iter().chain(catalog.receivers(info.id)))
        .collect();
    let absent: Vec<&str> =
        named.iter().map(String::as_str).filter(|service| !registry.services().contains(service)).collect();
    assert_eq!(absent, ABSENT, "a service that runs now is no longer left out; one that is left out does not run");
}

#[test]
fn a_missing_hop_a_wrong_sender_and_a_wrong_order_are_found() {
    let hop = |nr: u32, message: &str, from: &str, to: &[&str]| TraceHop {
        nr,
        message: message.to_owned(),
        version: 1,
        from: from.to_owned(),
        to: to.iter().map(|service| (*service).to_owned()).collect(),
        cause: nr.checked_sub(1),
        asked: false,
        refused: None,
        data: None,
    };
    let whole = vec![
        hop(0, "calculate-repayment-plan", "asset-center", &["product-calculation-service"]),
        hop(
            1,
            "repayment-plan-calculated",
            "product-calculation-service",
            &["asset-center", "bff-system", "repayment-engine", "repayment-plan-service"],
        ),
        hop(
            2,
            "repayment-schedule-generated",
            "repayment-plan-service",
            &["asset-center", "loan-engine", "repayment-engine"],
        ),
    ];
    let reading = Reading { flow: "repayment-plan-generation", follows: &[], told: &[] };
    let cascade = |cascade: i64, actor: &str, cause: Option<Cause>, hops: Vec<TraceHop>| CascadeTrace {
        cascade,
        at: sycee_contract::Timestamp::from_micros(0),
        trace: 1,
        cause,
        actor: actor.to_owned(),
        stimulus: String::new(),
        outcome: "ok".to_owned(),
        hops,
    };
    let found = |hops: Vec<TraceHop>| missing(&reading, &[cascade(1, "customer", None, hops)]).len();
    assert_eq!(found(whole.clone()), 0);
    assert_eq!(found(whole[..2].to_vec()), 1);
    assert_eq!(found(vec![whole[1].clone(), whole[0].clone(), whole[2].clone()]), 1);
    let sibling = TraceHop { cause: Some(0), ..whole[2].clone() };
    assert_eq!(found(vec![whole[0].clone(), whole[1].clone(), sibling]), 0);
    let stranger = TraceHop { cause: None, ..whole[2].clone() };
    assert_eq!(found(vec![whole[0].clone(), whole[1].clone(), stranger]), 1, "nothing of the flow caused it");
    let other_sender = TraceHop { from: "loan-engine".to_owned(), ..whole[2].clone() };
    assert_eq!(found(vec![whole[0].clone(), whole[1].clone(), other_sender]), 1);
    let mut one_less = whole[2].clone();
    one_less.to.pop();
    assert_eq!(found(vec![whole[0].clone(), whole[1].clone(), one_less]), 1, "a receiver of the union");
    let other_receiver = TraceHop { to: vec!["loan-engine".to_owned()], ..whole[2].clone() };
    assert_eq!(found(vec![whole[0].clone(), whole[1].clone(), other_receiver]), 1);

    let later = |actor: &str, cause: Option<Cause>| {
        let other = cascade(1, "customer", None, vec![hop(0, "login", "actor", &["authorization-center"])]);
        let first = cascade(2, "customer", None, whole[..2].to_vec());
        let last = TraceHop { nr: 0, cause: None, ..whole[2].clone() };
        missing(&reading, &[other, first, cascade(3, actor, cause, vec![last])]).len()
    };
    let at = |cascade: i64, hop: u32| Some(Cause { cascade, hop });
    assert_eq!(later("timer", at(2, 1)), 0, "a timer that the hop before it set");
    assert_eq!(later("channel", at(2, 0)), 0, "the answer to an effect of what caused the hop before it");
    assert_eq!(later("timer", at(1, 0)), 1, "a timer that another cascade of the trace set");
    assert_eq!(later("timer", at(9, 0)), 1, "a timer of another trace");
    assert_eq!(later("timer", None), 1, "a timer that nobody set");
    assert_eq!(later("customer", None), 0, "somebody's own act, after the hop before it");
}
