//! A running loan: due, overdue, paid.

use sycee_contract::*;
use sycee_runtime::testing::Scene;
use sycee_transaction::loan_engine::CustomerLoans;

use crate::fixtures::*;

fn bucket(loan: LoanId, from: &str, to: &str) -> OverdueBucketChanged {
    OverdueBucketChanged {
        loan,
        customer: customer(),
        days_past_due: 1,
        from: from.into(),
        to: to.into(),
        overdue: ghs("346.75"),
    }
}

fn changes(scene: &mut Scene) -> Vec<(LoanStatus, LoanStatus)> {
    scene.emitted::<LoanStatusChanged>().iter().map(|change| (change.from, change.to)).collect()
}

#[test]
fn a_loan_falls_due_overdue_and_recovers() {
    use LoanStatus::*;
    alone(|scene| {
        let loan = running(scene);
        scene.happened(installment_due(loan, 1, 3));
        assert!(changes(scene).is_empty(), "a reminder changes nothing");
        scene.happened(installment_due(loan, 1, 0));
        assert_eq!(changes(scene), [(Active, DueToday)]);
        scene.happened(installment_due(loan, 1, 0));
        assert!(changes(scene).is_empty());
        scene.happened(bucket(loan, "current", "1-30"));
        assert_eq!(changes(scene), [(DueToday, Overdue)]);
        scene.happened(bucket(loan, "1-30", "31-60"));
        assert!(changes(scene).is_empty());
        scene.happened(bucket(loan, "31-60", "current"));
        assert_eq!(changes(scene), [(Overdue, Active)]);
    });
}

#[test]
fn paying_what_is_due_today_makes_it_active_again() {
    use LoanStatus::*;
    alone(|scene| {
        let loan = running(scene);
        scene.happened(installment_due(loan, 1, 0));
        let mut part = posted(loan, None, "100", false);
        part.installments_settled = vec![];
        scene.happened(part);
        assert!(changes(scene).is_empty());
        scene.happened(posted(loan, None, "246.75", false));
        assert_eq!(changes(scene), [(DueToday, Active)]);
    });
}

#[test]
fn a_settled_loan_is_repaid_once_and_frees_its_place() {
    use LoanStatus::*;
    alone(|scene| {
        let loan = running(scene);
        assert_eq!(scene.load::<CustomerLoans>(customer()).unwrap().open, 1);
        scene.happened(posted(loan, None, "1000", true));
        assert_eq!(changes(scene), [(Active, Repaid)]);
        scene.happened(posted(loan, None, "5", true));
        assert!(changes(scene).is_empty());
        assert_eq!(scene.load::<CustomerLoans>(customer()).unwrap().open, 0);
    });
}

#[test]
fn events_about_unknown_loans_are_no_concern() {
    alone(|scene| {
        scene.happened(bucket(id(999_999), "current", "1-30"));
        scene.happened(installment_due(id(999_999), 1, 0));
        scene.happened(posted(id(999_999), None, "1000", true));
        assert!(changes(scene).is_empty());
    });
}
