//! Customer profile: tags, segment and stage, for marketing, service and collections to address customers by.
//!
//! Invariant: a profile carries no personal data; it is made of events alone.

mod model;

use sycee_contract::{
    CustomerId, CustomerRegistered, CustomerSegmentChanged, CustomerStageChanged, RepaymentKind, RepaymentSucceeded,
};
use sycee_money::Money;
use sycee_runtime::{Handled, Json, Registry, Work};

pub use model::{CustomerProfile, CustomerTag, Segment};

/// Registers the customer profile.
pub fn register(registry: &mut Registry) {
    registry
        .service("customer-profile")
        .entity::<CustomerProfile>()
        .entity::<CustomerTag>()
        .on::<CustomerRegistered>(open_profile)
        .on::<CustomerStageChanged>(follow_stage)
        .on::<RepaymentSucceeded>(note_repayment)
        .emits::<CustomerSegmentChanged>();
}

fn open_profile(work: &mut Work, event: &CustomerRegistered) -> Handled<()> {
    if work.get::<CustomerProfile>(event.customer)?.is_some() {
        return Ok(());
    }
    let repaid = Money::zero(work.market().currency);
    work.save(CustomerProfile {
        customer: event.customer,
        stage: "registered".to_owned(),
        segment: Segment::Fresh,
        repayments: 0,
        repaid,
        settled_loans: Json(Vec::new()),
        worst_days_past_due: 0,
    });
    tag(work, event.customer, Segment::Fresh.tag().to_owned())?;
    tag(work, event.customer, format!("channel:{}", event.channel))?;
    tag(work, event.customer, format!("language:{}", event.language))
}

fn follow_stage(work: &mut Work, event: &CustomerStageChanged) -> Handled<()> {
    let Some(mut profile) = work.get::<CustomerProfile>(event.customer)? else { return Ok(()) };
    profile.stage.clone_from(&event.to);
    work.save(profile);
    Ok(())
}

fn note_repayment(work: &mut Work, event: &RepaymentSucceeded) -> Handled<()> {
    let Some(mut profile) = work.get::<CustomerProfile>(event.customer)? else { return Ok(()) };
    // A loan that was cancelled in its cooling-off time proves nothing.
    let settled = (event.settled && event.kind != RepaymentKind::Cancel).then_some(event.loan);
    let before = profile.segment;
    profile.note_repayment(event.amount, settled, event.worst_days_past_due)?;
    if profile.segment != before {
        work.delete::<CustomerTag>((event.customer, before.tag().to_owned()));
        tag(work, event.customer, profile.segment.tag().to_owned())?;
        let (from, to) = (before.label().to_owned(), profile.segment.label().to_owned());
        work.emit(CustomerSegmentChanged { customer: event.customer, from, to });
    }
    work.save(profile);
    Ok(())
}

fn tag(work: &mut Work, customer: CustomerId, tag: String) -> Handled<()> {
    if work.get::<CustomerTag>((customer, tag.clone()))?.is_none() {
        let since = work.now();
        work.save(CustomerTag { customer, tag, since });
    }
    Ok(())
}
