//! A funder that pays loans out, and collects repayments, with its own system; on virtual time.

use std::collections::BTreeMap;

use sycee_contract::messages::{ExternalRepaymentNotified, RecordPartnerDisbursement};
use sycee_contract::{
    ChannelOutcome, DisbursementOrderId, LoanId, PartnerId, PartnerPayout, PartnerQuery, RepaymentOrderId, Timestamp,
};
use sycee_money::Money;

use crate::schedule::Schedule;
use crate::{FailureReason, SplitMix64, TestNumber};

/// Pays each order once. Test numbers ([`TestNumber`]) that fail a payment fail it here too; 9908 answers only when asked,
/// 9909 answers twice.
pub struct SimulatedPartner {
    random: SplitMix64,
    answer_seconds: (i64, i64),
    failed_per_mille: u32,
    seen: BTreeMap<DisbursementOrderId, (Timestamp, RecordPartnerDisbursement)>,
    due: Schedule<RecordPartnerDisbursement>,
    paid: Vec<(Timestamp, PartnerId, LoanId, Money)>,
    references: u64,
}

impl SimulatedPartner {
    /// A partner that answers in 10 to 120 seconds and fails so many orders of 1000.
    pub fn new(seed: u64, failed_per_mille: u32) -> Self {
        Self {
            random: SplitMix64::new(seed),
            answer_seconds: (10, 120),
            failed_per_mille,
            seen: BTreeMap::new(),
            due: Schedule::default(),
            paid: Vec::new(),
            references: 0,
        }
    }

    /// Hands an order in. False when it was handed in before: it is paid once.
    pub fn submit(&mut self, now: Timestamp, effect: &PartnerPayout) -> bool {
        if self.seen.contains_key(&effect.order) {
            return false;
        }
        let drawn = self.random.hits(self.failed_per_mille).then_some(FailureReason::InternalProcessingError);
        let at = now.plus_seconds(self.random.between(self.answer_seconds.0, self.answer_seconds.1));
        let test = TestNumber::of(effect.account.number.reveal());
        let failure = match test {
            Some(TestNumber::Fails(reason)) => Some(reason),
            Some(TestNumber::Expires) => Some(FailureReason::Expired),
            Some(TestNumber::Refused) => Some(FailureReason::ServiceUnavailable),
            Some(_) => None,
            None => drawn,
        };
        if failure.is_none() {
            self.paid.push((at, effect.funder, effect.loan, effect.amount));
        }
        let answer = RecordPartnerDisbursement {
            order: effect.order,
            partner: effect.funder,
            partner_reference: self.next_reference(effect.funder),
            outcome: if failure.is_some() { ChannelOutcome::Failed } else { ChannelOutcome::Successful },
            reason: failure.map(|reason| reason.code().to_owned()),
            amount: failure.is_none().then_some(effect.amount),
        };
        self.seen.insert(effect.order, (at, answer.clone()));
        if test == Some(TestNumber::LosesCallback) {
            return true;
        }
        if test == Some(TestNumber::DoublesCallback) {
            self.due.at(at.plus_seconds(60), answer.clone());
        }
        self.due.at(at, answer);
        true
    }

    /// What became of an order, as of `now`: pending until it is decided; `None` when it was never handed in.
    pub fn query(&self, now: Timestamp, query: &PartnerQuery) -> Option<RecordPartnerDisbursement> {
        let (decided, answer) = self.seen.get(&query.order)?;
        if *decided <= now {
            return Some(answer.clone());
        }
        let outcome = ChannelOutcome::Pending;
        Some(RecordPartnerDisbursement { outcome, reason: None, amount: None, ..answer.clone() })
    }

    /// A borrower repays at the partner: the notice to hand to the market as an event from outside.
    pub fn collect(
        &mut self,
        funder: PartnerId,
        loan: LoanId,
        order: Option<RepaymentOrderId>,
        amount: Money,
    ) -> ExternalRepaymentNotified {
        ExternalRepaymentNotified {
            reference: self.next_reference(funder),
            funder: Some(funder),
            order,
            loan: Some(loan),
            amount,
            paid_at: None,
        }
    }

    /// Answers due up to and including `now`.
    pub fn take_due(&mut self, now: Timestamp) -> Vec<RecordPartnerDisbursement> {
        std::iter::from_fn(|| self.due.pop_due(now).map(|(_, answer)| answer)).collect()
    }

    /// When the next answer is due.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.due.next_due()
    }

    /// What it paid out: when, for which funder, for which loan, how much.
    pub fn paid(&self) -> &[(Timestamp, PartnerId, LoanId, Money)] {
        &self.paid
    }

    fn next_reference(&mut self, funder: PartnerId) -> String {
        self.references += 1;
        format!("{funder}-{:08}", self.references)
    }
}
