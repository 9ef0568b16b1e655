//! Loan engine: takes an application through credit, risk, contract, funder, payout and books, then follows the loan.
//!
//! Invariant: a loan's state changes only as [`step`] says; every change before the payout stands in its trace.
//! Invariant: an answer about a payout attempt counts once; money that went out otherwise becomes a work order.
//! Invariant: a work order is open for every loan in ManualReview, unless people closed it.
//! Invariant: `disbursement-succeeded` says that ledger entry, contract, note and schedule exist.

mod application;
mod booking;
mod disbursement;
mod machine;
mod model;
mod servicing;
mod signing;

pub use machine::{LoanSignal, is_open, is_paid_out, state_diagram, step};
pub use model::{
    BookingStage, ContractSignature, CustomerLoans, DisbursementOrder, DisbursementStatus, LoanApplication, LoanOrder,
    ProductFunding, Transition,
};

use std::sync::Arc;

use sycee_contract::{
    AcceptProductOffer, AccountingEntryPosted, AssetPostingApplied, CalculateRepaymentPlan, CancelLoanApplication,
    CheckSignature, CreateDirectDebitMandate, CreateLoanContract, CreditLineFrozen, CreditReleased, CreditReserved,
    CustomerId, DisbursementFailed, DisbursementRequested, DisbursementSucceeded, FundReservationReleased,
    FundReservationRequested, FundReserved, FundRouteSelected, InstallmentDueNotice, LoanApplicationApproved,
    LoanApplicationCancelled, LoanApplicationCreated, LoanApplicationReferred, LoanApplicationRejected,
    LoanContractCreated, LoanContractRendered, LoanContractSigned, LoanId, LoanNoteCreated, LoanStatus,
    LoanStatusChanged, OpenWorkOrder, OverdueBucketChanged, PartnerDisbursementFailed, PartnerDisbursementSucceeded,
    PaymentFailed, PostLedgerEvent, ProductFundingMatched, QueryCreditLine, Rejection, ReleaseCreditLine,
    ReleaseFundReservation, RenderContract, RepaymentScheduleGenerated, ReserveCreditLine, ReserveFunds,
    ResolveWorkOrder, ResumeLoan, ReviewLoanApplication, RiskDecisionMade, RouteFunds, SignLoanContract,
    StrayPayoutReported, SubmitLoanApplication, Timestamp,
};
use sycee_runtime::{Handled, Registry, Work};

/// Registers the loan engine.
pub fn register(registry: &mut Registry) {
    registry
        .service("loan-engine")
        .entity::<LoanApplication>()
        .entity::<LoanOrder>()
        .entity::<DisbursementOrder>()
        .entity::<ContractSignature>()
        .entity::<CustomerLoans>()
        .entity::<ProductFunding>()
        .handles::<SubmitLoanApplication>(application::submit_loan_application)
        .handles::<ReviewLoanApplication>(application::review_loan_application)
        .handles::<CancelLoanApplication>(application::cancel_loan_application)
        .handles::<SignLoanContract>(signing::sign_loan_contract)
        .handles::<ResumeLoan>(resume_loan)
        .on::<CreditReserved>(application::on_credit_reserved)
        .on::<CreditReleased>(application::on_credit_released)
        .on::<CreditLineFrozen>(application::on_credit_line_frozen)
        .on::<ProductFundingMatched>(application::on_product_funding_matched)
        .on::<RiskDecisionMade>(application::on_risk_decision_made)
        .on::<LoanContractRendered>(signing::on_loan_contract_rendered)
        .on::<FundRouteSelected>(disbursement::on_fund_route_selected)
        .on::<FundReserved>(disbursement::on_fund_reserved)
        .on::<FundReservationReleased>(disbursement::on_fund_reservation_released)
        .on::<PaymentFailed>(disbursement::on_payment_failed)
        .on::<PartnerDisbursementFailed>(disbursement::on_partner_disbursement_failed)
        .on::<PartnerDisbursementSucceeded>(disbursement::on_partner_disbursement_succeeded)
        .on::<StrayPayoutReported>(disbursement::on_stray_payout_reported)
        .on::<AccountingEntryPosted>(booking::on_accounting_entry_posted)
        .on::<LoanContractCreated>(booking::on_loan_contract_created)
        .on::<LoanNoteCreated>(booking::on_loan_note_created)
        .on::<RepaymentScheduleGenerated>(booking::on_repayment_schedule_generated)
        .on::<InstallmentDueNotice>(servicing::on_installment_due)
        .on::<OverdueBucketChanged>(servicing::on_overdue_bucket_changed)
        .on::<AssetPostingApplied>(servicing::on_asset_posting_applied)
        .on_refusal::<ReserveCreditLine>(application::on_line_refused)
        .on_refusal::<ReleaseCreditLine>(application::on_line_release_refused)
        .on_refusal::<RenderContract>(signing::on_render_refused)
        .on_refusal::<RouteFunds>(disbursement::on_route_refused)
        .on_refusal::<ReserveFunds>(disbursement::on_reserve_refused)
        .on_refusal::<ReleaseFundReservation>(disbursement::on_release_refused)
        .on_refusal::<PostLedgerEvent>(booking::on_posting_refused)
        .on_refusal::<CreateLoanContract>(booking::on_contract_refused)
        .on_refusal::<CreateDirectDebitMandate>(booking::on_mandate_refused)
        .emits::<DisbursementFailed>()
        .emits::<DisbursementRequested>()
        .emits::<DisbursementSucceeded>()
        .emits::<FundReservationRequested>()
        .emits::<LoanApplicationApproved>()
        .emits::<LoanApplicationCancelled>()
        .emits::<LoanApplicationCreated>()
        .emits::<LoanApplicationReferred>()
        .emits::<LoanApplicationRejected>()
        .emits::<LoanContractSigned>()
        .emits::<LoanStatusChanged>()
        .sends::<AcceptProductOffer>()
        .sends::<CalculateRepaymentPlan>()
        .sends::<CreateDirectDebitMandate>()
        .sends::<CreateLoanContract>()
        .sends::<OpenWorkOrder>()
        .sends::<PostLedgerEvent>()
        .sends::<QueryCreditLine>()
        .sends::<ReleaseCreditLine>()
        .sends::<ReleaseFundReservation>()
        .sends::<RenderContract>()
        .sends::<ReserveCreditLine>()
        .sends::<ReserveFunds>()
        .sends::<ResolveWorkOrder>()
        .sends::<ResumeLoan>()
        .sends::<RouteFunds>()
        .sends::<CheckSignature>();
}

const ALARM_CONTRACT: &str = "contract-expired";
const ALARM_RETRY: &str = "retry-disbursement";
const ALARM_BOOKS: &str = "book-disbursement";

/// The kind of work order that asks people to decide an application.
const REVIEW: &str = "loan-review";

/// Goes on where an alarm says that time has passed.
fn resume_loan(work: &mut Work, cmd: &ResumeLoan) -> Handled<()> {
    match cmd.alarm.as_str() {
        ALARM_CONTRACT => signing::expire_contract(work, cmd.loan),
        ALARM_RETRY => disbursement::retry(work, cmd.loan),
        ALARM_BOOKS => booking::continue_booking(work, cmd.loan),
        other => Err(Rejection::invalid("alarm", format!("{other:?} is not an alarm of loans"), ALARM_RETRY).into()),
    }
}

/// Sets an alarm of a loan; the same alarm replaces the one before.
fn set_alarm(work: &mut Work, loan: LoanId, alarm: &str, hours: u32) {
    let due = work.now().plus_minutes(i64::from(hours) * 60);
    set_alarm_at(work, loan, alarm, due);
}

/// As [`set_alarm`], at a point in time.
fn set_alarm_at(work: &mut Work, loan: LoanId, alarm: &str, due: Timestamp) {
    work.at(due, &format!("{alarm}:{loan}"), ResumeLoan { loan, alarm: alarm.to_owned() });
}

/// Stops an alarm of a loan.
fn stop_alarm(work: &mut Work, loan: LoanId, alarm: &str) {
    work.cancel_timer(&format!("{alarm}:{loan}"));
}

/// Asks people to look at a loan; one open work order for each kind and loan.
fn call_people(work: &mut Work, loan: LoanId, kind: &str, text: String) {
    work.send(OpenWorkOrder { kind: kind.to_owned(), loan: Some(loan), text, key: call_key(kind, loan) });
}

/// The key of the work order of a kind about a loan.
fn call_key(kind: &str, loan: LoanId) -> String {
    format!("{kind}:{loan}")
}

/// Nobody has to decide the application any more: its review is over, as `note` says.
fn end_review(work: &mut Work, loan: LoanId, note: &str) {
    work.send(ResolveWorkOrder { key: call_key(REVIEW, loan), note: note.to_owned() });
}

/// What was agreed for a loan, shared. Errors: `NOT_FOUND`.
fn agreed(work: &mut Work, loan: LoanId) -> Handled<Arc<LoanApplication>> {
    work.read::<LoanApplication>(loan)?.ok_or_else(|| Rejection::not_found("loan application", loan).into())
}

/// Counts one more open loan of a customer.
fn count_opened(work: &mut Work, mut counted: CustomerLoans) {
    counted.open += 1;
    work.save(counted);
}

/// Counts one open loan of a customer less.
fn count_closed(work: &mut Work, customer: CustomerId) -> Handled<()> {
    if let Some(mut counted) = work.get::<CustomerLoans>(customer)? {
        counted.open = counted.open.saturating_sub(1);
        work.save(counted);
    }
    Ok(())
}

/// Gives the hold on the credit line back, if there is one.
fn release_line(work: &mut Work, order: &LoanOrder, reason: &str) {
    if order.line_reserved {
        work.send(ReleaseCreditLine { customer: order.customer, loan: order.loan, reason: reason.to_owned() });
    }
}

/// Who ends a loan before money moved.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Canceller {
    /// The customer, by request.
    Customer,
    /// The lender, who cannot or may not pay.
    Lender,
}

/// Ends a loan before money moved, if its state allows; says whether it did.
fn cancel(work: &mut Work, order: &mut LoanOrder, by: Canceller, reason: &str) -> Handled<bool> {
    let line_reason = if order.status == LoanStatus::DisburseFailed { "disbursement-failed" } else { "cancelled" };
    let in_review = order.status == LoanStatus::ManualReview;
    if !order.moves(LoanSignal::Cancel, work.now()) {
        return Ok(false);
    }
    order.reason = Some(reason.to_owned());
    if in_review {
        end_review(work, order.loan, "the application was cancelled");
    }
    stop_alarm(work, order.loan, ALARM_CONTRACT);
    stop_alarm(work, order.loan, ALARM_RETRY);
    release_line(work, order, line_reason);
    if let Some(reservation) = order.reservation {
        work.send(ReleaseFundReservation { reservation, reason: reason.to_owned() });
    }
    work.emit(LoanApplicationCancelled {
        loan: order.loan,
        customer: order.customer,
        reason: reason.to_owned(),
        by_customer: by == Canceller::Customer,
    });
    count_closed(work, order.customer)?;
    Ok(true)
}
