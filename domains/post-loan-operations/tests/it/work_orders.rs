//! Work orders: one open a key, closed once, with a word about what was done.

use sycee_contract::{
    CloseWorkOrder, Command as _, Effect as _, Identifier, LoanId, OpenWorkOrder, OtpChallengeId, OtpIssued,
    OtpPurpose, RequestOtp, ResolveWorkOrder, RetryEffect, SendOtp, Sensitive, WorkOrderCreated, WorkOrderId,
};
use sycee_post_loan_operations::{WorkOrder, WorkOrderStatus};
use sycee_runtime::testing::Scene;
use sycee_runtime::{Configs, EffectState, RuntimeEffect};

fn market(body: impl Fn(&mut Scene)) {
    Scene::each(sycee_post_loan_operations::register, Configs::new(), body);
}

fn open(key: &str) -> OpenWorkOrder {
    OpenWorkOrder {
        kind: "unmatched-payment".to_owned(),
        loan: Some(LoanId::from_number(7)),
        text: "a payment names no loan of ours: find its payer".to_owned(),
        key: key.to_owned(),
    }
}

fn close(work_order: WorkOrderId, note: &str) -> CloseWorkOrder {
    CloseWorkOrder { work_order, note: note.to_owned() }
}

#[test]
fn a_key_has_one_open_work_order() {
    market(|scene| {
        scene.fact(open("pay-1"));
        let created = scene.emitted::<WorkOrderCreated>().remove(0);
        assert_eq!((created.kind.as_str(), created.loan), ("unmatched-payment", Some(LoanId::from_number(7))));

        scene.fact(open("pay-1"));
        assert!(scene.emitted::<WorkOrderCreated>().is_empty());
        assert_eq!(scene.load::<WorkOrder>(created.work_order).unwrap().times, 2);
        scene.fact(open("pay-2"));
        assert_eq!(scene.emitted::<WorkOrderCreated>().len(), 1);
    });
}

#[test]
fn a_work_order_is_closed_once_and_its_key_is_free_again() {
    market(|scene| {
        scene.fact(open("pay-1"));
        let first = scene.emitted::<WorkOrderCreated>().remove(0).work_order;
        assert_eq!(scene.request(close(first, "  ")).unwrap_err().code, "INVALID_FIELD");
        scene.request(close(first, "matched to loan-7")).unwrap();
        let closed = scene.load::<WorkOrder>(first).unwrap();
        assert_eq!((closed.status, closed.note.as_deref()), (WorkOrderStatus::Closed, Some("matched to loan-7")));
        assert_eq!((closed.open_marker, closed.closed_by.is_some(), closed.closed_at.is_some()), (None, true, true));
        assert_eq!(scene.request(close(first, "again")).unwrap_err().code, "UNEXPECTED_STATE");

        scene.fact(open("pay-1"));
        let second = scene.emitted::<WorkOrderCreated>().remove(0).work_order;
        assert_ne!(second, first);
        scene.request(close(second, "matched again")).unwrap();
    });
}

#[test]
fn every_state_meets_every_message() {
    let table = [(WorkOrderStatus::Open, 2, false, None), (WorkOrderStatus::Closed, 1, true, Some("UNEXPECTED_STATE"))];
    assert_eq!(table.map(|row| row.0), WorkOrderStatus::ALL);
    for (status, times, opens_another, refusal) in table {
        market(|scene| {
            let in_state = |scene: &mut Scene, key: &str| {
                scene.fact(open(key));
                let order = scene.emitted::<WorkOrderCreated>().remove(0).work_order;
                if status == WorkOrderStatus::Closed {
                    scene.request(close(order, "done")).unwrap();
                }
                order
            };
            let order = in_state(scene, "asked for again");
            scene.fact(open("asked for again"));
            assert_eq!(scene.emitted::<WorkOrderCreated>().len(), usize::from(opens_another), "{status:?}");
            let after = scene.load::<WorkOrder>(order).unwrap();
            assert_eq!((after.status, after.times), (status, times));

            let order = in_state(scene, "closed again");
            let refused = scene.request(close(order, "once more")).err().map(|refused| refused.code);
            assert_eq!(refused.as_deref(), refusal, "{status:?}");
            assert_eq!(scene.load::<WorkOrder>(order).unwrap().status, WorkOrderStatus::Closed);
        });
    }
}

#[test]
fn what_is_decided_closes_its_work_order_and_no_other() {
    market(|scene| {
        let resolve = |key: &str| ResolveWorkOrder { key: key.to_owned(), note: "it was decided".to_owned() };
        let opened = ["loan-review:1", "loan-review:2", "loan-review:3"].map(|key| {
            scene.fact(open(key));
            scene.emitted::<WorkOrderCreated>().remove(0).work_order
        });
        scene.request(close(opened[1], "somebody looks")).unwrap();
        scene.fact(resolve("loan-review:1"));
        scene.fact(resolve("loan-review:2"));
        scene.fact(resolve("no such key"));
        let notes = opened.map(|order| scene.load::<WorkOrder>(order).unwrap().note);
        assert_eq!(notes.map(|note| note.unwrap_or_default()), ["it was decided", "somebody looks", ""]);
        let first = scene.load::<WorkOrder>(opened[0]).unwrap();
        assert_eq!((first.status, first.closed_by.is_some()), (WorkOrderStatus::Closed, true));
        scene.fact(open("loan-review:1"));
        assert_eq!(scene.emitted::<WorkOrderCreated>().len(), 1, "the key is free again");
    });
}

#[test]
fn closing_needs_a_work_order() {
    market(|scene| {
        assert_eq!(scene.request(close(WorkOrderId::from_number(1), "done")).unwrap_err().code, "NOT_FOUND");
    });
}

/// A market that also sends passwords.
fn market_with_effects(body: impl Fn(&mut Scene)) {
    let register = |registry: &mut sycee_runtime::Registry| {
        sycee_post_loan_operations::register(registry);
        registry.service(RequestOtp::OWNER).handles::<RequestOtp>(|work, cmd| {
            let code = Sensitive::new("123456");
            work.effect(SendOtp { challenge: "otp-1".to_owned(), phone: cmd.phone.clone(), code });
            Ok(OtpIssued { challenge: OtpChallengeId::from_number(1), expires_at: work.now() })
        });
    };
    Scene::each(register, Configs::new(), body);
}

/// Tries the one effect there is until it is given up; its number.
fn give_up(scene: &mut Scene) -> i64 {
    let effect = scene.all::<RuntimeEffect>().remove(0).id;
    let mut envelopes = scene.outgoing();
    while let Some(envelope) = envelopes.pop() {
        scene.writer().effect_failed(&envelope, SendOtp::MAX_ATTEMPTS, "no route").unwrap();
        scene.writer().sync().unwrap();
        envelopes = scene.writer().take_effects();
    }
    assert_eq!(scene.load::<RuntimeEffect>(effect).unwrap().state, EffectState::Parked);
    effect
}

#[test]
fn people_have_an_effect_executed_that_was_given_up_once() {
    market_with_effects(|scene| {
        let retry = |effect: i64, note: &str| RetryEffect { effect, note: note.to_owned() };
        scene
            .request(RequestOtp { phone: Sensitive::new("+233241234567"), purpose: OtpPurpose::Register, signs: None })
            .unwrap();
        let effect = give_up(scene);
        let opened = scene.all::<WorkOrder>().remove(0);
        assert_eq!(
            (opened.kind.as_str(), opened.topic.as_str()),
            ("parked-effect", format!("effect-{effect}").as_str())
        );
        assert_eq!(scene.request(retry(effect, " ")).unwrap_err().code, "INVALID_FIELD");
        assert_eq!(scene.request(retry(effect + 1_000, "route is back")).unwrap_err().code, "NOT_FOUND");

        scene.request(retry(effect, "route is back")).unwrap();
        assert_eq!(scene.effects::<SendOtp>()[0].phone.reveal(), "+233241234567");
        let row = scene.load::<RuntimeEffect>(effect).unwrap();
        assert_eq!((row.state, row.attempts, row.next_at), (EffectState::Pending, 1, scene.now()));
        let closed = scene.load::<WorkOrder>(opened.id).unwrap();
        assert_eq!((closed.status, closed.note.as_deref()), (WorkOrderStatus::Closed, Some("route is back")));

        scene.request(retry(effect, "once more")).unwrap();
        assert!(scene.effects::<SendOtp>().is_empty(), "it is on its way already");
        scene.writer().effect_done(effect).unwrap();
        scene.request(retry(effect, "once more")).unwrap();
        assert!(scene.effects::<SendOtp>().is_empty(), "it was executed");
        assert_eq!(scene.load::<RuntimeEffect>(effect).unwrap().state, EffectState::Done);
    });
}

#[test]
fn an_effect_that_is_given_up_again_calls_people_again() {
    market_with_effects(|scene| {
        scene
            .request(RequestOtp { phone: Sensitive::new("+233241234567"), purpose: OtpPurpose::Register, signs: None })
            .unwrap();
        let effect = give_up(scene);
        scene.request(RetryEffect { effect, note: "route is back".to_owned() }).unwrap();
        give_up(scene);
        let open: Vec<WorkOrderStatus> = scene.all::<WorkOrder>().iter().map(|order| order.status).collect();
        assert_eq!(open, [WorkOrderStatus::Closed, WorkOrderStatus::Open]);
    });
}
