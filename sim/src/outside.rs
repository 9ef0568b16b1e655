//! Everything outside the market: channels, identity provider, partner, SMS gateway.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use sycee_contract::{
    ChannelPayment, ChannelQuery, CustomerId, Effect, ExternalRepaymentNotified, Identifier as _, LoanId, PartnerId,
    PartnerPayout, PartnerQuery, PaymentDirection, RecordPaymentResult, RepaymentOrderId, SendOtp, Timestamp,
    VerifyIdentity,
};
use sycee_money::Money;
use sycee_psp::{
    ChannelSettings, PayerDecision, PaymentChannel, SimulatedChannel, SimulatedIdentityProvider, SimulatedPartner,
    SimulatedSmsGateway, StatementRow,
};
use sycee_runtime::{EffectEnvelope, Stimulus};

use crate::Faults;
use crate::oracles::Statements;
use crate::outages::{Line, Outages};
use crate::slips::paid_instead;

/// The channels, and which part of the largest loan a wallet of each lets go at a time.
const CHANNELS: [(&str, i64); 3] = [("mtn-momo", 40), ("telecel-cash", 10), ("at-money", 4)];

/// What a payer will do with the next request to pay, by customer.
pub(crate) type Moods = Arc<Mutex<BTreeMap<CustomerId, PayerDecision>>>;

pub(crate) struct Outside {
    pub channels: BTreeMap<String, SimulatedChannel>,
    pub identity: SimulatedIdentityProvider,
    pub partner: SimulatedPartner,
    pub sms: SimulatedSmsGateway,
    pub moods: Moods,
    /// Seed of what payers at the partner do wrong, when they do.
    partner_slips: Option<u64>,
    outages: Outages,
    /// Which channel took a request.
    requests: BTreeMap<String, String>,
}

/// What became of handing an effect over.
pub(crate) enum Handed {
    /// The answer comes later, or never.
    Taken,
    /// The answer came at once.
    Answered(Box<Stimulus>),
    /// Nobody answered; try again, so often in all.
    Failed { error: &'static str, attempts_max: u32 },
}

fn failed<F: Effect>(error: &'static str) -> Handed {
    Handed::Failed { error, attempts_max: F::MAX_ATTEMPTS }
}

impl Outside {
    /// Everything outside a market whose largest loan is `largest`.
    pub(crate) fn new(seed: u64, float: Money, largest: Money, faults: Faults) -> Self {
        let moods: Moods = Arc::default();
        let slips = faults.channel.then_some(seed);
        let mut channels = BTreeMap::new();
        for (nr, (code, part)) in CHANNELS.into_iter().enumerate() {
            let moods = Arc::clone(&moods);
            let mut settings = ChannelSettings::new(code, float, seed ^ (0x9e37_79b9 * (nr as u64 + 1)));
            settings.faults = faults.channel_rates();
            settings.payer_limit = part_of(largest, part).filter(|_| faults.channel);
            let decide = move |payment: &ChannelPayment| decide(&moods, slips, payment);
            channels.insert(code.to_owned(), SimulatedChannel::with_payers(settings, Box::new(decide)));
        }
        Self {
            channels,
            identity: SimulatedIdentityProvider::new(seed ^ 0x1d).with_faults(faults.identity_rates()),
            partner: SimulatedPartner::new(seed ^ 0x9a, if faults.partner { 20 } else { 0 }),
            sms: SimulatedSmsGateway::new(),
            moods,
            partner_slips: faults.partner.then_some(seed),
            outages: Outages::new(seed ^ 0x07a9, faults.outages),
            requests: BTreeMap::new(),
        }
    }

    pub(crate) fn set_mood(&self, customer: CustomerId, mood: PayerDecision) {
        self.moods.lock().unwrap_or_else(PoisonError::into_inner).insert(customer, mood);
    }

    /// The most that a wallet lets go at a time; any amount when absent.
    pub(crate) fn wallet_limit(&self, channel: &str) -> Option<Money> {
        self.channels.get(channel).and_then(|channel| channel.settings().payer_limit)
    }

    /// A borrower repays at the partner that collects itself, perhaps another amount than was asked for.
    pub(crate) fn collect(
        &mut self,
        funder: PartnerId,
        loan: LoanId,
        order: RepaymentOrderId,
        asked: Money,
    ) -> ExternalRepaymentNotified {
        let other = self.partner_slips.and_then(|seed| paid_instead(seed, order.number(), asked));
        self.partner.collect(funder, loan, Some(order), other.unwrap_or(asked))
    }

    /// What the channel that took a request has booked under it up to and including `now`.
    pub(crate) fn booked(&self, request_id: &str, now: Timestamp) -> Option<StatementRow> {
        let channel = self.channels.get(self.requests.get(request_id)?)?;
        let rows = channel.statement(Timestamp::default(), now.plus_seconds(1));
        rows.into_iter().find(|row| row.request_id == request_id)
    }

    /// Hands an effect to whoever executes it.
    pub(crate) fn hand_over(&mut self, now: Timestamp, effect: &EffectEnvelope) -> Handed {
        if let Some(otp) = effect.get::<SendOtp>() {
            return self.through::<SendOtp>("sms", now, |outside| {
                outside.sms.submit(otp);
                Handed::Taken
            });
        }
        if let Some(check) = effect.get::<VerifyIdentity>() {
            return self.through::<VerifyIdentity>("identity", now, |outside| {
                outside.identity.submit(now, check);
                Handed::Taken
            });
        }
        if let Some(payout) = effect.get::<PartnerPayout>() {
            return self.through::<PartnerPayout>("partner", now, |outside| {
                outside.partner.submit(now, payout);
                Handed::Taken
            });
        }
        if let Some(query) = effect.get::<PartnerQuery>() {
            return self.through::<PartnerQuery>("partner", now, |outside| {
                let answer = outside.partner.query(now, query);
                answer.map_or(Handed::Taken, |it| Handed::Answered(Box::new(Stimulus::command("partner", it))))
            });
        }
        if let Some(payment) = effect.get::<ChannelPayment>() {
            let attempts = effect.attempts;
            return self.through::<ChannelPayment>(&payment.account.channel, now, |outside| {
                outside.pay(now, payment, attempts)
            });
        }
        if let Some(query) = effect.get::<ChannelQuery>() {
            let code = self.requests.get(&query.request_id).unwrap_or(&query.channel).clone();
            return self.through::<ChannelQuery>(&code, now, |outside| {
                let answer = outside.channels.get_mut(&code).and_then(|channel| channel.query(now, query));
                answer.map_or(Handed::Taken, |callback| Handed::Answered(Box::new(from_channel(callback.into()))))
            });
        }
        failed::<ChannelPayment>("no adapter")
    }

    /// Hands over as `system` can be reached at `now`.
    fn through<F: Effect>(&mut self, system: &str, now: Timestamp, hand: impl FnOnce(&mut Self) -> Handed) -> Handed {
        match self.outages.line(system, now) {
            Line::Up => hand(self),
            Line::Down => failed::<F>("nobody answers"),
            Line::Mute => {
                // Whatever it answers, nobody hears it.
                drop(hand(self));
                failed::<F>("the answer was lost")
            }
        }
    }

    fn pay(&mut self, now: Timestamp, payment: &ChannelPayment, attempts: u32) -> Handed {
        let Some(channel) = self.channels.get_mut(&payment.account.channel) else {
            return failed::<ChannelPayment>("no such channel");
        };
        self.requests.insert(payment.request_id.clone(), payment.account.channel.clone());
        match channel.submit(now, payment).to_result(payment, attempts) {
            Some(refused) => Handed::Answered(Box::new(from_channel(refused))),
            None => Handed::Taken,
        }
    }

    /// What everybody outside says was moved so far.
    pub(crate) fn statements(&self, now: Timestamp) -> Statements {
        let end = now.plus_seconds(1);
        let of = |(code, channel): (&String, &SimulatedChannel)| {
            (code.clone(), channel.statement(Timestamp::default(), end))
        };
        let partners = self.partner.paid().iter().map(|(at, _, loan, amount)| (*at, *loan, *amount));
        Statements { channels: self.channels.iter().map(of).collect(), partners: partners.collect() }
    }

    /// When something outside happens next.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        let channels = self.channels.values().filter_map(PaymentChannel::next_due);
        channels.chain(self.identity.next_due()).chain(self.partner.next_due()).min()
    }

    /// What happens outside up to and including `now`.
    pub(crate) fn take_due(&mut self, now: Timestamp) -> Vec<Stimulus> {
        let mut all = Vec::new();
        for channel in self.channels.values_mut() {
            all.extend(channel.take_due(now).into_iter().map(|callback| from_channel(callback.into())));
        }
        for result in self.identity.take_due(now) {
            all.push(Stimulus::command("identity-provider", result));
        }
        for result in self.partner.take_due(now) {
            all.push(Stimulus::command("partner", result));
        }
        all
    }
}

fn from_channel(result: RecordPaymentResult) -> Stimulus {
    Stimulus::command("channel", result)
}

/// That part of an amount, in whole minor units.
fn part_of(amount: Money, part: i64) -> Option<Money> {
    Money::from_minor(amount.to_minor().ok()? / part, amount.currency()).ok()
}

/// What the payer of a collection does; `slips` is the seed of what people do wrong who mean to pay, when they do.
fn decide(moods: &Moods, slips: Option<u64>, payment: &ChannelPayment) -> PayerDecision {
    if payment.direction == PaymentDirection::Payout {
        return PayerDecision::Pay;
    }
    let moods = moods.lock().unwrap_or_else(PoisonError::into_inner);
    let mood = moods.get(&payment.customer).copied().unwrap_or(PayerDecision::Pay);
    let slips = slips.filter(|_| mood == PayerDecision::Pay && !payment.under_mandate);
    let other = slips.and_then(|seed| paid_instead(seed, payment.payment.number(), payment.amount));
    other.map_or(mood, PayerDecision::PayOther)
}
