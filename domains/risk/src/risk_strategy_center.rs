//! Risk strategy center: the blacklist, and the audit of what each strategy version decided.
//!
//! Invariant: a blacklisted value is kept as a blind index only; nobody can read it back.

use sycee_contract::{
    AddToBlacklist, BlacklistEntryAdded, CheckBlacklist, Date, Rejection, RiskDecisionMade, RiskOutcome, Sensitive,
    Timestamp,
};
use sycee_runtime::{Blind, Handled, Registry, Work, entity, text_enum};

text_enum! {
    /// What may be blacklisted.
    pub enum BlacklistKind {
        /// A phone, E.164.
        Phone,
        /// The number of an identity document.
        Document,
        /// A device fingerprint.
        Device,
    }
}

impl BlacklistKind {
    /// The kind as messages spell it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Document => "document",
            Self::Device => "device",
        }
    }

    fn parse(text: &str) -> Result<Self, Rejection> {
        Self::ALL
            .iter()
            .copied()
            .find(|kind| kind.label() == text)
            .ok_or_else(|| Rejection::invalid("kind", "one of phone, document, device", "device"))
    }
}

entity! {
    /// A phone, document or device that may not come back.
    pub struct BlacklistEntry in "blacklist_entry" of "risk-strategy-center" key (kind, value): (BlacklistKind, Blind) {
        /// What kind of value.
        kind: BlacklistKind,
        /// Blind index of the value.
        value: Blind,
        /// Why, as a stable code.
        reason: String,
        /// When it was added.
        added_at: Timestamp,
        /// Who added it.
        added_by: String,
    }
}

entity! {
    /// What one strategy version decided for one purpose on one business day.
    pub struct DecisionAudit in "decision_audit" of "risk-strategy-center" key (policy, day): (String, Date) {
        /// Strategy, version and purpose, such as `gh-default@1/credit`.
        policy: String,
        /// Business date.
        day: Date,
        /// Decisions to approve.
        approved: i64,
        /// Decisions to reject.
        rejected: i64,
        /// Decisions to refer.
        referred: i64,
    }
}

/// Registers the risk strategy center.
pub fn register(registry: &mut Registry) {
    registry
        .service("risk-strategy-center")
        .entity::<BlacklistEntry>()
        .entity::<DecisionAudit>()
        .handles::<AddToBlacklist>(add_to_blacklist)
        .handles::<CheckBlacklist>(check_blacklist)
        .on::<RiskDecisionMade>(audit_decision);
}

fn entry_key(work: &Work, kind: &str, value: &Sensitive) -> Result<(BlacklistKind, Blind), Rejection> {
    let kind = BlacklistKind::parse(kind)?;
    let plain = value.reveal().trim();
    if plain.is_empty() {
        return Err(Rejection::invalid("value", "not empty", "+233201234567"));
    }
    Ok((kind, work.blind(kind.label(), plain)))
}

fn add_to_blacklist(work: &mut Work, cmd: &AddToBlacklist) -> Handled<()> {
    let (kind, value) = entry_key(work, &cmd.kind, &cmd.value)?;
    if cmd.reason.is_empty() {
        return Err(Rejection::invalid("reason", "a stable code", "FRAUD_CONFIRMED").into());
    }
    if work.get::<BlacklistEntry>((kind, value))?.is_some() {
        return Ok(());
    }
    let added_by = work.actor().to_owned();
    let added_at = work.now();
    work.save(BlacklistEntry { kind, value, reason: cmd.reason.clone(), added_at, added_by });
    work.emit(BlacklistEntryAdded { kind: cmd.kind.clone(), reason: cmd.reason.clone() });
    Ok(())
}

fn check_blacklist(work: &mut Work, query: &CheckBlacklist) -> Handled<bool> {
    let key = entry_key(work, &query.kind, &query.value)?;
    Ok(work.get::<BlacklistEntry>(key)?.is_some())
}

fn audit_decision(work: &mut Work, event: &RiskDecisionMade) -> Handled<()> {
    let policy = format!("{}/{}", event.strategy, event.purpose.name().to_lowercase());
    let day = work.today();
    let mut audit = work.get::<DecisionAudit>((policy.clone(), day))?.unwrap_or(DecisionAudit {
        policy,
        day,
        approved: 0,
        rejected: 0,
        referred: 0,
    });
    match event.outcome {
        RiskOutcome::Approve => audit.approved += 1,
        RiskOutcome::Reject => audit.rejected += 1,
        RiskOutcome::Review => audit.referred += 1,
    }
    work.save(audit);
    Ok(())
}
