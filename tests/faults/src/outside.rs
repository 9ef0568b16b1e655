//! Everything outside the market, in this process and at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use sycee_contract::{
    ChannelOutcome, ChannelPayment, ChannelQuery, DisbursementOrderId, Effect, OtpChallengeId, PartnerId,
    PartnerPayout, PartnerQuery, RecordKycResult, RecordPartnerDisbursement, RecordPaymentResult, SendOtp,
    VerifyIdentity,
};
use sycee_money::Money;
use sycee_runtime::{Adapters, EffectEnvelope, Limits, Outcome, Stimulus};

/// Passwords that came by SMS.
#[derive(Default)]
pub struct Mailbox(Mutex<BTreeMap<String, String>>);

impl Mailbox {
    /// The password of a challenge, if it came.
    pub fn code(&self, challenge: OtpChallengeId) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&challenge.to_string()).cloned()
    }

    /// Executors of every kind of effect.
    pub fn adapters(self: &Arc<Self>) -> Adapters {
        let adapters = self.executing::<SendOtp>(Adapters::new());
        let adapters = self.executing::<VerifyIdentity>(adapters);
        let adapters = self.executing::<PartnerPayout>(adapters);
        let adapters = self.executing::<PartnerQuery>(adapters);
        let adapters = self.executing::<ChannelPayment>(adapters);
        self.executing::<ChannelQuery>(adapters)
    }

    fn executing<F: Effect>(self: &Arc<Self>, adapters: Adapters) -> Adapters {
        let mailbox = Arc::clone(self);
        let execute =
            move |_: &F, effect: &EffectEnvelope| mailbox.execute(effect).map_or(Outcome::Done, Outcome::answered);
        adapters.executes(Limits::default(), execute)
    }

    /// Executes an effect; its answer, if it has one. The same effect is answered alike however often it is handed over.
    pub fn execute(&self, effect: &EffectEnvelope) -> Option<Stimulus> {
        if let Some(otp) = effect.get::<SendOtp>() {
            let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            codes.insert(otp.challenge.clone(), otp.code.reveal().to_owned());
            return None;
        }
        if let Some(check) = effect.get::<VerifyIdentity>() {
            let passed = RecordKycResult {
                case: check.case,
                ocr_confidence_bps: 9_900,
                liveness_score_bps: 9_900,
                register_match: true,
                provider_reference: format!("idp-{}", check.case),
            };
            return Some(Stimulus::command("identity-provider", passed));
        }
        if let Some(payout) = effect.get::<PartnerPayout>() {
            let paid = paid_by_partner(payout.order, payout.funder, Some(payout.amount));
            return Some(Stimulus::command("partner", paid));
        }
        if let Some(query) = effect.get::<PartnerQuery>() {
            return Some(Stimulus::command("partner", paid_by_partner(query.order, query.funder, None)));
        }
        if let Some(payment) = effect.get::<ChannelPayment>() {
            return Some(Stimulus::command("channel", paid(&payment.request_id, Some(payment.amount))));
        }
        let query = effect.get::<ChannelQuery>()?;
        Some(Stimulus::command("channel", paid(&query.request_id, None)))
    }
}

fn paid_by_partner(order: DisbursementOrderId, partner: PartnerId, amount: Option<Money>) -> RecordPartnerDisbursement {
    RecordPartnerDisbursement {
        order,
        partner,
        partner_reference: format!("partner-{order}"),
        outcome: ChannelOutcome::Successful,
        reason: None,
        amount,
    }
}

fn paid(request: &str, amount: Option<Money>) -> RecordPaymentResult {
    RecordPaymentResult {
        request_id: request.to_owned(),
        channel_reference: format!("momo-{request}"),
        outcome: ChannelOutcome::Successful,
        reason: None,
        amount,
        paid_at: None,
    }
}
