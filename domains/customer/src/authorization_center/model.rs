//! Consents and the list of those that borrowing requires.

use serde::Deserialize;
use sycee_contract::{ConsentKind, CustomerId, GrantConsent, KycVerdict, Timestamp};
use sycee_runtime::{Json, entity};

/// Which consents borrowing requires.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentPolicy {
    /// Required kinds.
    pub required: Vec<ConsentKind>,
}

impl Default for ConsentPolicy {
    /// Credit bureau and privacy notice.
    fn default() -> Self {
        Self { required: vec![ConsentKind::Bureau, ConsentKind::Privacy] }
    }
}

entity! {
    /// Which consents a customer has to give, and his KYC verdict.
    pub struct ConsentFile in "consent_file" of "authorization-center" key customer: CustomerId {
        /// The customer.
        customer: CustomerId,
        /// Consents that borrowing required when the file was opened.
        required: Json<Vec<ConsentKind>>,
        /// Verdict of the last KYC case.
        kyc_verdict: KycVerdict,
        /// Version of the notice last consented to; empty before.
        notice_version: String,
    }
}

entity! {
    /// One consent of a customer.
    pub struct Consent in "consent" of "authorization-center" key (customer, kind): (CustomerId, ConsentKind) {
        /// The customer.
        customer: CustomerId,
        /// What is consented to.
        kind: ConsentKind,
        /// Version of the notice.
        notice_version: String,
        /// When it was granted.
        granted_at: Timestamp,
        /// When it was withdrawn.
        revoked_at: Option<Timestamp>,
    }
    index by_customer(customer: CustomerId);
}

impl Consent {
    /// Whether it holds.
    pub const fn in_force(&self) -> bool {
        self.revoked_at.is_none()
    }
}

impl ConsentFile {
    /// Whether every required consent is among `consents` and in force.
    pub fn is_complete(&self, consents: &[Consent]) -> bool {
        self.required.iter().all(|kind| consents.iter().any(|consent| consent.kind == *kind && consent.in_force()))
    }
}

/// Adds what a customer grants and answers the kinds that changed; what is in force under this version stays as it is.
pub(super) fn grant(consents: &mut Vec<Consent>, cmd: &GrantConsent, now: Timestamp) -> Vec<ConsentKind> {
    let mut changed = Vec::new();
    for kind in &cmd.kinds {
        let consent = Consent {
            customer: cmd.customer,
            kind: *kind,
            notice_version: cmd.notice_version.clone(),
            granted_at: now,
            revoked_at: None,
        };
        match consents.iter_mut().find(|consent| consent.kind == *kind) {
            Some(known) if known.in_force() && known.notice_version == cmd.notice_version => continue,
            Some(known) => *known = consent,
            None => consents.push(consent),
        }
        changed.push(*kind);
    }
    changed
}
