//! Oracle 6: every effect ends: done, or parked with a work order; every payment on its way is being watched.

use std::collections::BTreeSet;

use sycee_funds::payment_system::PaymentOrder;
use sycee_partner::partner_hub::{DisbursementStatus, PartnerDisbursement, PayoutWay};
use sycee_post_loan_operations::WorkOrder;
use sycee_runtime::{EffectState, Fault, MarketWriter, ParkedStimulus, RuntimeEffect, RuntimeTimer};

use super::Verdict;

/// An effect that is older than this and still pending is lost.
const PENDING_DAYS_MAX: i64 = 3;
/// A timer that should have fired so long ago is lost.
const TIMER_DAYS_MAX: i64 = 1;

pub(super) fn effects(writer: &mut MarketWriter) -> Result<Verdict, Fault> {
    let mut verdict = Verdict::new(6, "every effect ends: done, compensated, or parked with a work order");
    let now = writer.now();
    let (mut topics, mut open_topics) = (BTreeSet::new(), BTreeSet::new());
    writer.scan::<WorkOrder>(&mut |order| {
        topics.insert(order.topic.clone());
        if order.open_marker.is_some() {
            open_topics.insert(order.topic.clone());
        }
        Ok(())
    })?;
    writer.scan::<RuntimeEffect>(&mut |effect| {
        let holds = match effect.state {
            EffectState::Done | EffectState::Withdrawn => true,
            EffectState::Pending => effect.next_at.plus_days(PENDING_DAYS_MAX) >= now,
            EffectState::Parked => topics.contains(&format!("effect-{}", effect.id)),
        };
        verdict.check(holds, || format!("effect {} ({}) is {:?}", effect.id, effect.kind, effect.state));
        Ok(())
    })?;
    writer.scan::<ParkedStimulus>(&mut |parked| {
        let topic = format!("{}-{}", parked.message, parked.id);
        verdict.check(topics.contains(&topic), || {
            format!("{} of cascade {} has no work order", parked.message, parked.id)
        });
        Ok(())
    })?;
    let mut timers = BTreeSet::new();
    writer.scan::<RuntimeTimer>(&mut |timer| {
        let due = timer.due;
        verdict.check(due.plus_days(TIMER_DAYS_MAX) >= now, || format!("timer {} was due at {due}", timer.id));
        timers.insert(timer.id.clone());
        Ok(())
    })?;
    writer.scan::<PaymentOrder>(&mut |payment| {
        let holds = !payment.is_open()
            || timers.contains(&format!("payment-system/poll-{}", payment.id))
            || open_topics.contains(&format!("payment-unanswered-{}", payment.id))
            || open_topics.contains(&format!("payment-disputed-{}", payment.id));
        verdict.check(holds, || format!("{} is on its way and nobody watches it", payment.id));
        Ok(())
    })?;
    writer.scan::<PartnerDisbursement>(&mut |attempt| {
        let holds = (attempt.status, attempt.way) != (DisbursementStatus::Requested, PayoutWay::PartnerSystem)
            || timers.contains(&format!("partner-hub/poll-{}", attempt.order))
            || open_topics.contains(&format!("partner-payout-unanswered-{}", attempt.order));
        verdict.check(holds, || format!("{} is at its funder and nobody watches it", attempt.order));
        Ok(())
    })?;
    Ok(verdict)
}
