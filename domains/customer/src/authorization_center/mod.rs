//! Authorization center: what a customer consented to, under which notice, and whether that is enough to borrow.
//!
//! Invariant: consent is given per kind and version of the notice; withdrawing keeps the record.
//! Invariant: consent-granted and consent-revoked say `complete` only while every required consent is in force.

mod model;

use std::collections::BTreeSet;

use sycee_contract::{
    ConsentGranted, ConsentKind, ConsentRevoked, CustomerId, GrantConsent, KycCompleted, KycVerdict, NAME_MAX,
    Rejection, RevokeConsent, check_text,
};
use sycee_runtime::{Handled, Json, Registry, Work};

pub use model::{Consent, ConsentFile, ConsentPolicy};

use crate::CustomerRejection;

/// Registers the authorization center.
pub fn register(registry: &mut Registry) {
    registry
        .service("authorization-center")
        .entity::<ConsentFile>()
        .entity::<Consent>()
        .on::<KycCompleted>(open_consent_file)
        .handles::<GrantConsent>(grant_consent)
        .handles::<RevokeConsent>(revoke_consent)
        .emits::<ConsentGranted>()
        .emits::<ConsentRevoked>();
}

/// Opens the list of required consents; if they are all there already, says so again with the verdict.
fn open_consent_file(work: &mut Work, event: &KycCompleted) -> Handled<()> {
    let required = work.config::<ConsentPolicy>().required.clone();
    let mut file = work.get::<ConsentFile>(event.customer)?.unwrap_or_else(|| ConsentFile {
        customer: event.customer,
        required: Json(required),
        kyc_verdict: event.verdict,
        notice_version: String::new(),
    });
    file.kyc_verdict = event.verdict;
    work.save(file.clone());
    if event.verdict == KycVerdict::Passed && file.is_complete(&consents(work, event.customer)?) {
        work.emit(granted(&file, Vec::new(), true));
    }
    Ok(())
}

/// Whether something is consented to, and each kind named once.
///
/// Errors: `INVALID_FIELD`.
fn check_kinds(kinds: &[ConsentKind], example: &str) -> Result<(), Rejection> {
    let distinct: BTreeSet<&ConsentKind> = kinds.iter().collect();
    if kinds.is_empty() || distinct.len() != kinds.len() {
        return Err(Rejection::invalid("kinds", "at least one, each once", example));
    }
    Ok(())
}

fn grant_consent(work: &mut Work, cmd: &GrantConsent) -> Handled<()> {
    check_kinds(&cmd.kinds, "[\"bureau\"]")?;
    check_text("noticeVersion", &cmd.notice_version, NAME_MAX, "2026-01")?;
    let mut file =
        work.get::<ConsentFile>(cmd.customer)?.ok_or(CustomerRejection::KycNotCompleted { customer: cmd.customer })?;
    let mut consents = consents(work, cmd.customer)?;
    let granted_kinds = model::grant(&mut consents, cmd, work.now());
    if granted_kinds.is_empty() {
        return Ok(());
    }
    for consent in consents.iter().filter(|consent| granted_kinds.contains(&consent.kind)) {
        work.save(consent.clone());
    }
    file.notice_version.clone_from(&cmd.notice_version);
    let complete = file.is_complete(&consents);
    work.emit(granted(&file, granted_kinds, complete));
    work.save(file);
    Ok(())
}

fn revoke_consent(work: &mut Work, cmd: &RevokeConsent) -> Handled<()> {
    check_kinds(&cmd.kinds, "[\"marketing\"]")?;
    let file = work.require::<ConsentFile>(cmd.customer)?;
    let now = work.now();
    let mut consents = consents(work, cmd.customer)?;
    let mut revoked: Vec<ConsentKind> = Vec::new();
    for consent in consents.iter_mut().filter(|consent| cmd.kinds.contains(&consent.kind) && consent.in_force()) {
        consent.revoked_at = Some(now);
        revoked.push(consent.kind);
        work.save(consent.clone());
    }
    if !revoked.is_empty() {
        let complete = file.is_complete(&consents);
        work.emit(ConsentRevoked { customer: cmd.customer, kinds: revoked, complete });
    }
    Ok(())
}

fn consents(work: &mut Work, customer: CustomerId) -> Handled<Vec<Consent>> {
    let mut consents = work.find(Consent::by_customer(customer))?;
    consents.sort_by_key(|consent| consent.kind);
    Ok(consents)
}

fn granted(file: &ConsentFile, kinds: Vec<ConsentKind>, complete: bool) -> ConsentGranted {
    ConsentGranted {
        customer: file.customer,
        kinds,
        complete,
        kyc_verdict: Some(file.kyc_verdict),
        notice_version: file.notice_version.clone(),
    }
}
