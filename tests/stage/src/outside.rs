//! Everything outside the market, well-behaved: channels, identity provider, partner, SMS gateway.

use std::collections::BTreeMap;

use sycee_contract::{
    ChannelPayment, ChannelQuery, PartnerPayout, PartnerQuery, RecordPaymentResult, SendOtp, Timestamp, VerifyIdentity,
};
use sycee_money::{Currency, Money};
use sycee_psp::{
    ChannelSettings, PaymentChannel, SimulatedChannel, SimulatedIdentityProvider, SimulatedPartner, SimulatedSmsGateway,
};
use sycee_runtime::{EffectEnvelope, Stimulus};

/// The simulated adapters of a stage. Test numbers of `sycee-psp` make them misbehave.
pub struct Outside {
    /// What people find on their phones.
    pub sms: SimulatedSmsGateway,
    /// The funder that pays and collects itself.
    pub partner: SimulatedPartner,
    channels: BTreeMap<&'static str, SimulatedChannel>,
    identity: SimulatedIdentityProvider,
}

impl Outside {
    /// Adapters that answer within a minute, drawn from `seed`.
    pub fn new(seed: u64) -> Self {
        let float = Money::from_minor(1_000_000_000_000, Currency::GHS).unwrap();
        let codes = ["mtn-momo", "telecel-cash", "at-money"];
        Self {
            sms: SimulatedSmsGateway::new(),
            partner: SimulatedPartner::new(seed, 0),
            channels: codes.map(|code| (code, SimulatedChannel::new(ChannelSettings::new(code, float, seed)))).into(),
            identity: SimulatedIdentityProvider::new(seed),
        }
    }

    /// Hands an effect to whoever executes it; the answer that came at once, if one did.
    pub fn take(&mut self, now: Timestamp, effect: &EffectEnvelope) -> Option<Stimulus> {
        if let Some(otp) = effect.get::<SendOtp>() {
            self.sms.submit(otp);
        } else if let Some(check) = effect.get::<VerifyIdentity>() {
            self.identity.submit(now, check);
        } else if let Some(payout) = effect.get::<PartnerPayout>() {
            self.partner.submit(now, payout);
        } else if let Some(query) = effect.get::<PartnerQuery>() {
            return self.partner.query(now, query).map(|answer| Stimulus::command("partner", answer));
        } else if let Some(payment) = effect.get::<ChannelPayment>() {
            let channel = self.channels.get_mut(payment.account.channel.as_str()).expect("a channel of Ghana");
            return channel.submit(now, payment).to_result(payment, effect.attempts).map(from_channel);
        } else if let Some(query) = effect.get::<ChannelQuery>() {
            let told = self.channels.values_mut().find_map(|channel| channel.query(now, query));
            return told.map(|callback| from_channel(callback.into()));
        } else {
            panic!("nobody executes {}", effect.kind);
        }
        None
    }

    /// When something outside happens next.
    pub fn next_due(&self) -> Option<Timestamp> {
        let channels = self.channels.values().filter_map(PaymentChannel::next_due);
        channels.chain(self.identity.next_due()).chain(self.partner.next_due()).min()
    }

    /// What happened outside up to and including `now`.
    pub fn answers(&mut self, now: Timestamp) -> Vec<Stimulus> {
        let mut all = Vec::new();
        for channel in self.channels.values_mut() {
            all.extend(channel.take_due(now).into_iter().map(|callback| from_channel(callback.into())));
        }
        all.extend(self.identity.take_due(now).into_iter().map(|it| Stimulus::command("identity-provider", it)));
        all.extend(self.partner.take_due(now).into_iter().map(|it| Stimulus::command("partner", it)));
        all
    }
}

fn from_channel(result: RecordPaymentResult) -> Stimulus {
    Stimulus::command("channel", result)
}
