//! Oracle 6: every effect ends: done, or parked with a work order; every payment on its way is being watched.

use std::collections::BTreeSet;

use sycee_funds::payment_system::{PaymentOrder, PaymentStatus};
use sycee_post_loan_operations::WorkOrder;
use sycee_runtime::{EffectState, Fault, MarketWriter, ParkedStimulus, RuntimeEffect, RuntimeTimer};

use super::Verdict;

/// An effect that is older than this and still pending is lost.
const PENDING_DAYS_MAX: i64 = 3;

pub(super) fn effects(writer: &mut MarketWriter) -> Result<Verdict, Fault> {
    let mut verdict = Verdict::new(6, "every effect ends: done, compensated, or parked with a work order");
    let now = writer.now();
    let mut topics = BTreeSet::new();
    writer.scan::<WorkOrder>(&mut |order| {
        topics.insert(order.topic.clone());
        Ok(())
    })?;
    writer.scan::<RuntimeEffect>(&mut |effect| {
        let holds = match effect.state {
            EffectState::Done => true,
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
    let mut watched = BTreeSet::new();
    writer.scan::<RuntimeTimer>(&mut |timer| {
        if timer.due.plus_days(1) >= now {
            watched.insert(timer.id.clone());
        }
        Ok(())
    })?;
    writer.scan::<PaymentOrder>(&mut |payment| {
        let holds = payment.status != PaymentStatus::Sent
            || watched.iter().any(|timer| timer.ends_with(&payment.id.to_string()))
            || topics.iter().any(|topic| topic.contains(&payment.id.to_string()));
        verdict.check(holds, || format!("{} is on its way and nobody watches it", payment.id));
        Ok(())
    })?;
    Ok(verdict)
}
