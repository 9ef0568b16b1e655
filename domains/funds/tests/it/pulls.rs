//! Pulls under a mandate whose repayment order ends before their channel has answered.

use sycee_contract::messages::{CreateRepaymentMethod, PaymentFailed, PaymentSucceeded, RepaymentOrderClosed};
use sycee_contract::{ChannelOutcome, PaymentId, RepaymentMethodKind, RepaymentOrderStatus};
use sycee_funds::payment_system::{PaymentOrder, PaymentStatus};
use sycee_runtime::testing::Scene;
use sycee_runtime::{EffectEnvelope, EffectState, RuntimeEffect};

use crate::payments::{mandate, method, order, told, wake};
use crate::results::status;
use crate::{customer, ghs, loan, paying};

/// A pull of 110, and the effect that hands it to the channel.
fn pulled(scene: &mut Scene) -> (PaymentId, EffectEnvelope) {
    let given = mandate(scene);
    let pull = CreateRepaymentMethod { mandate: Some(given), ..method(RepaymentMethodKind::DirectDebit, ghs(110)) };
    let payment = scene.request(pull).unwrap().payment;
    (payment, scene.outgoing().remove(0))
}

/// The order that is pulled for ends.
fn end_order(scene: &mut Scene) {
    scene.happened(RepaymentOrderClosed {
        order: order(),
        loan: loan(0),
        customer: customer(),
        status: RepaymentOrderStatus::Expired,
        reason: "EXPIRED".into(),
        will_retry: true,
        posting: None,
    });
}

#[test]
fn a_pull_that_did_not_leave_is_taken_back_when_its_order_ends_and_nobody_is_asked_about_it() {
    paying(|scene| {
        let (payment, effect) = pulled(scene);
        let state = |scene: &mut Scene| scene.load::<RuntimeEffect>(effect.id).unwrap().state;
        assert_eq!(state(scene), EffectState::Pending);
        end_order(scene);
        assert_eq!(state(scene), EffectState::Withdrawn);
        for minutes in [15, 1_000_000] {
            assert_eq!(wake(scene, minutes), (vec![], vec![]));
            assert!(scene.emitted::<PaymentFailed>().is_empty(), "whoever ended the order knows");
        }
        let over = scene.load::<PaymentOrder>(payment).unwrap();
        assert_eq!((over.status, over.reason.as_deref()), (PaymentStatus::Failed, Some("NOT_SENT")));
        scene.fact(told(payment, ChannelOutcome::Successful, Some(ghs(110))));
        assert_eq!(scene.emitted::<PaymentSucceeded>()[0].amount, ghs(110), "what is pulled all the same is taken");
        assert_eq!(status(scene, payment), PaymentStatus::Succeeded);
    });
}

#[test]
fn a_pull_that_may_have_left_before_its_order_ended_is_asked_about() {
    for told_first in [true, false] {
        paying(|scene| {
            let (payment, effect) = pulled(scene);
            let no_answer = |scene: &mut Scene| scene.writer().effect_failed(&effect, 24, "no answer").unwrap();
            if told_first {
                no_answer(scene);
            }
            end_order(scene);
            if !told_first {
                no_answer(scene);
            }
            assert_eq!(wake(scene, 15).0, [1], "told before the end: {told_first}");
            assert_eq!(status(scene, payment), PaymentStatus::Sent);
            let stays = scene.load::<RuntimeEffect>(effect.id).unwrap();
            assert_eq!((stays.state, stays.attempts), (EffectState::Withdrawn, 1));
        });
    }
}
