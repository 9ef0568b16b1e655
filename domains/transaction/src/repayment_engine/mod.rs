//! Repayment engine: orders to repay with a way to pay them, direct debits on due dates, and the money that comes in.
//!
//! Invariant: a reference is taken once, and a payment of ours once, whatever is reported how often.
//! Invariant: money for a known loan is posted to it, also when its order ended or never was.
//! Invariant: what is posted sums to what arrived.

mod debit;
mod loan;
mod machine;
mod model;
mod order;
mod receipt;

pub use machine::{OrderSignal, step};
pub use model::{LoanLink, ReceiptStatus, ReceivedPayment, RepaymentOrder, fit};

use sycee_contract::{
    AccountingEntryPosted, AssetPostingApplied, CalculateRepaymentPosting, CreateRepaymentOrder,
    DirectDebitMandateCancelled, DirectDebitMandateCreated, DisbursementSucceeded, ExternalRepaymentNotified,
    InstallmentDueNotice, LoanNoteCreated, OpenWorkOrder, PartnerRepaymentReceived, PaymentFailed, PaymentSucceeded,
    PostLedgerEvent, QueryPartner, Rejection, RepaymentMethodCreated, RepaymentOrderClosed, RepaymentOrderCreated,
    RepaymentOrderId, RepaymentPlanCalculated, RepaymentPostingCalculated, RepaymentRouteSelected,
    RepaymentScheduleGenerated, RepaymentSucceeded, RequestPartnerRepayment, ResumeRepayment, SuspenseResolved,
    Timestamp,
};
use sycee_runtime::{Handled, Registry, Work};

/// Registers the repayment engine.
pub fn register(registry: &mut Registry) {
    registry
        .service("repayment-engine")
        .entity::<RepaymentOrder>()
        .entity::<LoanLink>()
        .entity::<ReceivedPayment>()
        .handles::<CreateRepaymentOrder>(order::create_repayment_order)
        .handles::<ResumeRepayment>(resume_repayment)
        .on::<LoanNoteCreated>(loan::on_loan_note_created)
        .on::<RepaymentScheduleGenerated>(loan::on_repayment_schedule_generated)
        .on::<DisbursementSucceeded>(loan::on_disbursement_succeeded)
        .on::<DirectDebitMandateCreated>(loan::on_direct_debit_mandate_created)
        .on::<DirectDebitMandateCancelled>(loan::on_direct_debit_mandate_cancelled)
        .on::<RepaymentPlanCalculated>(loan::on_repayment_plan_calculated)
        .on::<RepaymentPostingCalculated>(loan::on_repayment_posting_calculated)
        .on::<RepaymentSucceeded>(loan::on_repayment_succeeded)
        .on::<RepaymentOrderCreated>(order::on_repayment_order_created)
        .on::<RepaymentRouteSelected>(order::on_repayment_route_selected)
        .on::<RepaymentMethodCreated>(order::on_repayment_method_created)
        .on::<PaymentSucceeded>(order::on_payment_succeeded)
        .on::<PaymentFailed>(order::on_payment_failed)
        .on::<InstallmentDueNotice>(debit::on_installment_due)
        .on::<ExternalRepaymentNotified>(receipt::on_external_repayment_notified)
        .on::<PartnerRepaymentReceived>(receipt::on_partner_repayment_received)
        .on::<SuspenseResolved>(receipt::on_suspense_resolved)
        .on::<AccountingEntryPosted>(receipt::on_accounting_entry_posted)
        .on::<AssetPostingApplied>(receipt::on_asset_posting_applied)
        .on_refusal::<RequestPartnerRepayment>(order::on_request_refused)
        .on_refusal::<PostLedgerEvent>(receipt::on_posting_refused)
        .emits::<RepaymentOrderClosed>()
        .emits::<RepaymentOrderCreated>()
        .emits::<RepaymentPostingCalculated>()
        .emits::<RepaymentRouteSelected>()
        .sends::<CalculateRepaymentPosting>()
        .sends::<OpenWorkOrder>()
        .sends::<PostLedgerEvent>()
        .sends::<QueryPartner>()
        .sends::<RequestPartnerRepayment>()
        .sends::<ResumeRepayment>();
}

const ALARM_EXPIRED: &str = "expired";
const ALARM_RETRY: &str = "retry-debit";

/// Goes on where an alarm says that time has passed.
fn resume_repayment(work: &mut Work, cmd: &ResumeRepayment) -> Handled<()> {
    match cmd.alarm.as_str() {
        ALARM_EXPIRED => order::expire(work, cmd.order),
        ALARM_RETRY => debit::retry(work, cmd.order),
        other => {
            Err(Rejection::invalid("alarm", format!("{other:?} is not an alarm of repayments"), ALARM_RETRY).into())
        }
    }
}

/// Sets an alarm of an order.
fn set_alarm(work: &mut Work, order: RepaymentOrderId, alarm: &str, due: Timestamp) {
    work.at(due, &format!("{alarm}:{order}"), ResumeRepayment { order, alarm: alarm.to_owned() });
}

/// Stops an alarm of an order.
fn stop_alarm(work: &mut Work, order: RepaymentOrderId, alarm: &str) {
    work.cancel_timer(&format!("{alarm}:{order}"));
}
