//! From the signature to the running loan.

use sycee_contract::*;
use sycee_runtime::Registry;
use sycee_transaction::loan_engine::{BookingStage, DisbursementOrder, DisbursementStatus, LoanApplication};

use crate::fixtures::*;

#[test]
fn a_signed_loan_is_routed_reserved_paid_and_booked() {
    alone(|scene| {
        let loan = pending(scene);
        scene.request(signature(loan)).unwrap();
        scene.happened(route(loan, 1));
        assert_eq!(scene.emitted::<FundReservationRequested>().len(), 1);
        assert_eq!(scene.sent::<ReserveFunds>()[0].amount, ghs("980"));
        scene.happened(reserved(loan, 1));
        let request = scene.emitted::<DisbursementRequested>().pop().unwrap();
        assert_eq!((request.attempt, request.amount), (1, ghs("980")));
        assert_eq!(request.payout_account.number.reveal(), "+233201234567");

        scene.happened(paid(&request));
        let posting = scene.sent::<PostLedgerEvent>().pop().unwrap();
        let amounts: Vec<_> = posting.amounts.iter().map(|(name, amount)| (name.as_str(), *amount)).collect();
        assert_eq!(amounts, [("net", ghs("980")), ("principal", ghs("1000")), ("upfront-fee", ghs("20"))]);
        assert_eq!(posting.dimensions["funder"], "par-1");
        assert_eq!(posting.dimensions["product"], "gh-installment");

        scene.happened(entry(loan, "loan-disbursed", 1101));
        let contract = scene.sent::<CreateLoanContract>().pop().unwrap();
        assert_eq!((contract.document_hash.as_str(), contract.entry), (HASH, id(1101)));
        assert_eq!(contract.terms, terms());
        scene.happened(LoanContractCreated { loan, document: id(601), document_hash: HASH.into() });
        scene.happened(note(loan));
        assert!(scene.sent::<OpenWorkOrder>().is_empty());
        scene.happened(schedule(loan));
        let succeeded = scene.emitted::<DisbursementSucceeded>().pop().unwrap();
        assert_eq!((succeeded.payment, succeeded.reservation), (Some(id(1001)), id(901)));
        assert_eq!(succeeded.first_due, installments()[0].due_date);
        assert!(scene.sent::<CreateDirectDebitMandate>().is_empty());
        assert!(!order(scene, loan).line_reserved);
        let states: Vec<LoanStatus> = order(scene, loan).trace.iter().map(|(status, _)| *status).collect();
        use LoanStatus::*;
        assert_eq!(
            states,
            [
                Submitted,
                AutoChecking,
                AutoApproved,
                Approved,
                ContractPending,
                ContractSigned,
                DisbursePending,
                Disbursed,
                Active
            ]
        );
    });
}

#[test]
fn repeated_and_late_messages_change_nothing() {
    alone(|scene| {
        let request = requested(scene);
        let loan = request.loan;
        book(scene, &request);
        let before = (order(scene, loan), scene.load::<DisbursementOrder>(request.order));
        scene.happened(paid(&request));
        scene.happened(failed(&request));
        scene.happened(payment_failed(&request));
        scene.happened(route(loan, 2));
        scene.happened(entry(loan, "loan-disbursed", 1199));
        scene.happened(entry(loan, "repayment-received", 1198));
        scene.happened(note(loan));
        scene.happened(schedule(loan));
        assert!(scene.emitted::<DisbursementSucceeded>().is_empty());
        scene.happened(reserved(loan, 1));
        assert_eq!((order(scene, loan), scene.load::<DisbursementOrder>(request.order)), before);
        scene.happened(reserved(loan, 2));
        assert_eq!(scene.sent::<ReleaseFundReservation>()[0].reservation, id(902), "money that nobody needs");
    });
}

fn failed(request: &DisbursementRequested) -> PartnerDisbursementFailed {
    PartnerDisbursementFailed {
        order: request.order,
        loan: request.loan,
        funder: request.funder,
        reservation: request.reservation,
        reason: "PAYEE_NOT_FOUND".into(),
    }
}

fn payment_failed(request: &DisbursementRequested) -> PaymentFailed {
    PaymentFailed {
        payment: id(1001),
        direction: PaymentDirection::Payout,
        purpose: PaymentPurpose {
            loan: request.loan,
            customer: request.customer,
            disbursement: Some(request.order),
            repayment: None,
            fund_account: Some(request.fund_account),
            reservation: Some(request.reservation),
        },
        amount: request.amount,
        reason: "PAYEE_NOT_FOUND".into(),
    }
}

#[test]
fn a_failed_payout_is_tried_by_other_routes_three_times() {
    alone(|scene| {
        let mut request = requested(scene);
        let loan = request.loan;
        for attempt in 1..=3 {
            assert_eq!(request.attempt, u32::try_from(attempt).unwrap());
            scene.happened(payment_failed(&request));
            let told = scene.emitted::<DisbursementFailed>().pop().unwrap();
            assert_eq!((told.will_retry, told.reservation), (attempt < 3, Some(request.reservation)));
            assert_eq!(scene.sent::<ReleaseFundReservation>().len(), 1);
            let routed = scene.sent::<RouteFunds>();
            assert_eq!(routed.len(), usize::from(attempt < 3));
            scene.happened(failed(&request));
            assert!(scene.emitted::<DisbursementFailed>().is_empty(), "the partner says the same again");
            if attempt < 3 {
                assert_eq!(routed[0].excluded.len(), usize::try_from(attempt).unwrap());
                request = pay_out(scene, loan, attempt + 1);
            }
        }
        let end = order(scene, loan);
        assert_eq!((end.status, end.reason.as_deref()), (LoanStatus::Cancelled, Some("DISBURSEMENT_FAILED")));
        assert_eq!(scene.load::<DisbursementOrder>(request.order).unwrap().status, DisbursementStatus::Failed);
    });
}

#[test]
fn no_payout_is_tried_on_a_decision_that_lapsed() {
    alone(|scene| {
        let request = requested(scene);
        scene.advance_seconds(31 * 86_400);
        scene.happened(failed(&request));
        assert!(scene.sent::<RouteFunds>().is_empty());
        assert!(!scene.emitted::<DisbursementFailed>()[0].will_retry);
        let end = order(scene, request.loan);
        assert_eq!((end.status, end.reason.as_deref()), (LoanStatus::Cancelled, Some("DECISION_EXPIRED")));
    });
    with_neighbours(
        |registry| {
            registry
                .service("fund-routing-system")
                .handles::<RouteFunds>(|_, _| Err(sycee_contract::Rejection::new("NO_FUNDING_ROUTE", "nobody").into()));
        },
        configs().with(sycee_transaction::LoanPolicy { retry_hours: 31 * 24, ..Default::default() }),
        |scene| {
            let loan = pending(scene);
            scene.request(signature(loan)).unwrap();
            assert_eq!(order(scene, loan).status, LoanStatus::DisburseFailed);
            scene.advance_seconds(31 * 86_400 + 10);
            scene.fire_timers();
            let end = order(scene, loan);
            assert_eq!((end.status, end.reason.as_deref()), (LoanStatus::Cancelled, Some("DECISION_EXPIRED")));
        },
    );
}

#[test]
fn the_last_failure_gives_the_line_back() {
    let configs = configs().with(sycee_transaction::LoanPolicy { max_attempts: 1, ..Default::default() });
    with_neighbours(
        |_| {},
        configs,
        |scene| {
            let request = requested(scene);
            scene.happened(failed(&request));
            assert_eq!(scene.sent::<ReleaseCreditLine>()[0].reason, "disbursement-failed");
            assert_eq!(scene.sent::<ReleaseFundReservation>().len(), 1, "the reservation is given back once");
            assert_eq!(scene.emitted::<LoanApplicationCancelled>().len(), 1);
        },
    );
}

#[test]
fn a_product_with_one_funder_waits_after_a_failure() {
    alone(|scene| {
        scene.happened(ProductFundingMatched {
            product: "gh-installment".into(),
            version: 1,
            country: "GH".into(),
            currency: sycee_money::Currency::GHS,
            funders: vec!["own-funds".into()],
        });
        let request = requested(scene);
        scene.happened(failed(&request));
        assert!(scene.sent::<RouteFunds>().is_empty());
        scene.advance_seconds(6 * 3600 + 1);
        scene.fire_timers();
        assert!(scene.sent::<RouteFunds>()[0].excluded.is_empty());
    });
}

fn no_route(registry: &mut Registry) {
    registry
        .service("fund-routing-system")
        .handles::<RouteFunds>(|_, _| Err(Rejection::new("NO_FUNDING_ROUTE", "nobody pays").into()));
}

#[test]
fn without_a_route_the_loan_waits_four_times() {
    with_neighbours(no_route, configs(), |scene| {
        let loan = pending(scene);
        scene.request(signature(loan)).unwrap();
        for failure in 1..=4 {
            let told = scene.emitted::<DisbursementFailed>().pop().unwrap();
            assert_eq!((told.reason.as_str(), told.will_retry), ("NO_FUNDING_ROUTE", failure < 4));
            if failure < 4 {
                assert_eq!(order(scene, loan).status, LoanStatus::DisburseFailed);
                scene.advance_seconds(6 * 3600 + 1);
                scene.fire_timers();
            }
        }
        assert_eq!(scene.sent::<ReleaseCreditLine>().len(), 1);
        assert_eq!(order(scene, loan).status, LoanStatus::Cancelled);
    });
}

#[test]
fn a_waiting_loan_can_be_cancelled_and_stays_cancelled() {
    with_neighbours(no_route, configs(), |scene| {
        let loan = pending(scene);
        scene.request(signature(loan)).unwrap();
        scene.request(CancelLoanApplication { loan, customer: customer(), reason: "TOO_SLOW".into() }).unwrap();
        assert_eq!(scene.sent::<ReleaseCreditLine>().len(), 1);
        scene.advance_seconds(7 * 3600);
        scene.fire_timers();
        assert_eq!(order(scene, loan).status, LoanStatus::Cancelled);
    });
}

#[test]
fn a_line_frozen_after_the_signature_stops_the_next_try() {
    alone(|scene| {
        let request = requested(scene);
        scene.happened(CreditLineFrozen { line: line(customer(), true), frozen: true, reason: "FRAUD".into() });
        scene.happened(failed(&request));
        assert!(scene.sent::<RouteFunds>().is_empty());
        assert_eq!(order(scene, request.loan).reason.as_deref(), Some("CREDIT_LINE_FROZEN"));
        scene.happened(CreditLineFrozen { line: line(customer(), false), frozen: false, reason: "CLEARED".into() });
        scene.advance_seconds(6 * 3600 + 1);
        scene.fire_timers();
        assert_eq!(scene.sent::<RouteFunds>().len(), 1);
    });
}

fn first_funder_is_empty(registry: &mut Registry) {
    registry.service("fund-management-system").handles::<ReserveFunds>(|_, cmd| {
        if cmd.fund_account == id(801) {
            return Err(Rejection::new("INSUFFICIENT_FUNDS", "nothing left").into());
        }
        Ok(FundReservationAnswer { reservation: id(902) })
    });
}

#[test]
fn a_funder_without_money_is_passed_over() {
    with_neighbours(first_funder_is_empty, configs(), |scene| {
        let loan = pending(scene);
        scene.request(signature(loan)).unwrap();
        scene.happened(route(loan, 1));
        assert_eq!(scene.sent::<RouteFunds>()[0].excluded, [id(1)]);
        let request = pay_out(scene, loan, 2);
        assert_eq!((request.attempt, request.funder), (1, id(2)));
    });
}

#[test]
fn what_does_not_fit_a_payout_goes_to_people() {
    alone(|scene| {
        let request = requested(scene);
        let mut other = paid(&request);
        other.amount = ghs("1000");
        scene.happened(other);
        assert_eq!(scene.sent::<OpenWorkOrder>()[0].kind, "payout-amount-differs");
        assert!(scene.sent::<PostLedgerEvent>().is_empty());

        let mut unknown = paid(&request);
        unknown.order = id(424_242);
        scene.happened(unknown);
        assert_eq!(scene.sent::<OpenWorkOrder>()[0].kind, "unknown-payout");

        scene.happened(failed(&request));
        scene.happened(paid(&request));
        assert_eq!(scene.sent::<OpenWorkOrder>()[0].kind, "late-payout");
        assert!(scene.sent::<PostLedgerEvent>().is_empty());
    });
}

fn books_refuse(registry: &mut Registry) {
    registry
        .service("accounting-center")
        .handles::<PostLedgerEvent>(|_, _| Err(Rejection::new("ACCOUNT_LIMIT_EXCEEDED", "too much").into()));
}

#[test]
fn refused_books_are_asked_again() {
    with_neighbours(books_refuse, configs(), |scene| {
        let request = requested(scene);
        scene.happened(paid(&request));
        for _ in 0..2 {
            assert_eq!(scene.sent::<OpenWorkOrder>()[0].kind, "payout-not-posted");
            assert_eq!(order(scene, request.loan).booking, BookingStage::Requested);
            scene.advance_seconds(6 * 3600 + 1);
            scene.fire_timers();
            assert_eq!(scene.sent::<PostLedgerEvent>().len(), 1);
        }
    });
}

#[test]
fn what_is_filed_must_be_what_was_signed() {
    alone(|scene| {
        let request = requested(scene);
        let loan = request.loan;
        scene.happened(paid(&request));
        scene.happened(entry(loan, "loan-disbursed", 1101));
        scene.happened(LoanContractCreated { loan, document: id(602), document_hash: "decaf".into() });
        assert_eq!(scene.sent::<OpenWorkOrder>()[0].kind, "filed-contract-differs");
        let mut other = note(loan);
        other.principal = ghs("999");
        scene.happened(other);
        assert_eq!(scene.sent::<OpenWorkOrder>()[0].kind, "note-differs");
    });
}

#[test]
fn a_direct_debit_that_was_asked_for_gets_its_mandate() {
    alone(|scene| {
        let loan = submit_as(scene, SubmitLoanApplication { direct_debit: true, ..application() });
        decide(scene, loan, RiskOutcome::Approve);
        render(scene, loan);
        scene.request(signature(loan)).unwrap();
        let request = pay_out(scene, loan, 1);
        book(scene, &request);
        assert_eq!(scene.sent::<CreateDirectDebitMandate>()[0].account, account());
    });
}

fn no_mandates(registry: &mut Registry) {
    registry
        .service("payment-system")
        .handles::<CreateDirectDebitMandate>(|_, _| Err(Rejection::new("INVALID_FIELD", "not for this wallet").into()));
}

#[test]
fn a_refused_mandate_leaves_the_loan_running() {
    with_neighbours(no_mandates, configs(), |scene| {
        let loan = submit_as(scene, SubmitLoanApplication { direct_debit: true, ..application() });
        decide(scene, loan, RiskOutcome::Approve);
        render(scene, loan);
        scene.request(signature(loan)).unwrap();
        let request = pay_out(scene, loan, 1);
        book(scene, &request);
        assert_eq!(order(scene, loan).status, LoanStatus::Active);
        assert!(!scene.load::<LoanApplication>(loan).unwrap().direct_debit);
    });
}

#[test]
fn a_reservation_released_by_others_is_forgotten() {
    alone(|scene| {
        let request = requested(scene);
        let released = |number: i64| FundReservationReleased {
            reservation: id(number),
            loan: request.loan,
            fund_account: request.fund_account,
            amount: ghs("980"),
            reason: "EXPIRED".into(),
        };
        scene.happened(released(999));
        assert_eq!(order(scene, request.loan).reservation, Some(id(901)));
        scene.happened(released(901));
        assert_eq!(order(scene, request.loan).reservation, None);
    });
}

#[test]
fn money_that_no_loan_takes_calls_people_once_a_reference() {
    alone(|scene| {
        let request = requested(scene);
        book(scene, &request);
        let before = order(scene, request.loan);
        for (reference, loan) in [("pay-1/mtn-9", request.loan), ("pay-2/mtn-9", id(999_999))] {
            scene.happened(StrayPayoutReported {
                reference: reference.into(),
                loan,
                disbursement: None,
                fund_account: Some(id(801)),
                amount: ghs("980"),
            });
            let called = scene.sent::<OpenWorkOrder>().pop().unwrap();
            assert_eq!((called.kind.as_str(), called.key), ("late-payout", format!("late-payout:{reference}")));
        }
        assert_eq!(order(scene, request.loan), before);
    });
}

#[test]
fn a_funder_that_collects_itself_gets_no_mandate_of_ours() {
    alone(|scene| {
        let loan = submit_as(scene, SubmitLoanApplication { direct_debit: true, ..application() });
        decide(scene, loan, RiskOutcome::Approve);
        render(scene, loan);
        scene.request(signature(loan)).unwrap();
        scene.happened(FundRouteSelected { pays_itself: true, ..route(loan, 1) });
        scene.happened(reserved(loan, 1));
        let request = scene.emitted::<DisbursementRequested>().pop().unwrap();
        book(scene, &request);
        assert!(scene.sent::<CreateDirectDebitMandate>().is_empty());
        assert!(!scene.load::<LoanApplication>(loan).unwrap().direct_debit);
    });
}

#[test]
fn a_schedule_above_the_signed_contract_calls_people() {
    for (more, called) in [("0", 0), ("0.01", 1)] {
        alone(|scene| {
            let request = requested(scene);
            scene.happened(paid(&request));
            scene.happened(entry(request.loan, "loan-disbursed", 1101));
            scene.happened(LoanContractCreated { loan: request.loan, document: id(601), document_hash: HASH.into() });
            scene.happened(note(request.loan));
            let mut schedule = schedule(request.loan);
            schedule.installments[2].interest = schedule.installments[2].interest.checked_add(ghs(more)).unwrap();
            scene.happened(schedule);
            let kinds: Vec<_> = scene.sent::<OpenWorkOrder>().into_iter().map(|order| order.kind).collect();
            assert_eq!(kinds, vec!["schedule-above-contract"; called]);
        });
    }
}
