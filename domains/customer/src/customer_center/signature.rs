//! Signatures: a customer proves with a one-time password that he signs exactly one contract.
//!
//! Invariant: a proof is for one customer, one loan and one text, and is worth nothing once the password expired.

use sycee_contract::{CheckSignature, ConfirmSignature, OtpPurpose, SignatureProof};
use sycee_runtime::{Handled, Work};

use super::model::{self, Customer};
use super::otp::{self, OtpChallenge, OtpStatus};

pub(super) fn confirm_signature(work: &mut Work, cmd: &ConfirmSignature) -> Handled<()> {
    let phone_index = work.require::<Customer>(cmd.customer)?.phone_index;
    work.about(cmd.customer);
    model::check_device_id("deviceId", &cmd.device_id)?;
    let given = otp::Given {
        phone_index,
        purpose: OtpPurpose::Sign,
        code: &cmd.code,
        signs: Some(&cmd.signs),
        device_id: Some(&cmd.device_id),
    };
    otp::answer(work, cmd.challenge, &given)?;
    Ok(())
}

pub(super) fn check_signature(work: &mut Work, query: &CheckSignature) -> Handled<Option<SignatureProof>> {
    let signs = otp::signs_index(work, &query.signs);
    let now = work.now();
    let Some(customer) = work.read::<Customer>(query.customer)? else { return Ok(None) };
    let Some(challenge) = work.get::<OtpChallenge>(query.challenge)? else { return Ok(None) };
    let answered = challenge.status == OtpStatus::Used && challenge.purpose == OtpPurpose::Sign;
    let fits = challenge.phone_index == customer.phone_index && challenge.signs == Some(signs);
    if !answered || !fits || now >= challenge.expires_at {
        return Ok(None);
    }
    Ok(challenge
        .answered_at
        .zip(challenge.device_id)
        .map(|(confirmed_at, device_id)| SignatureProof { confirmed_at, device_id }))
}
