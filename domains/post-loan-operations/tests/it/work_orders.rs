//! Work orders: one open a key, closed once, with a word about what was done.

use sycee_contract::{CloseWorkOrder, Identifier, LoanId, OpenWorkOrder, WorkOrderCreated, WorkOrderId};
use sycee_post_loan_operations::{WorkOrder, WorkOrderStatus};
use sycee_runtime::Configs;
use sycee_runtime::testing::Scene;

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
fn closing_needs_a_work_order() {
    market(|scene| {
        assert_eq!(scene.request(close(WorkOrderId::from_number(1), "done")).unwrap_err().code, "NOT_FOUND");
    });
}
