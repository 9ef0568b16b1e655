//! From money at the borrower to a running loan: ledger entry, contract on file, note, schedule.
//!
//! Invariant: a stage of the books is reached once and never left; a refused stage is tried again until it is reached.

use std::collections::BTreeMap;

use sycee_contract::{
    AccountingEntryPosted, CreateDirectDebitMandate, CreateLoanContract, DisbursementSucceeded, LedgerReference,
    LoanContractCreated, LoanId, LoanNoteCreated, LoanStatus, PlannedInstallment, PostLedgerEvent, Rejection,
    RepaymentScheduleGenerated,
};
use sycee_money::Money;
use sycee_runtime::{Fault, Handled, Work};

use super::machine::LoanSignal;
use super::model::{BookingStage, DisbursementOrder, LoanApplication, LoanOrder};
use super::{ALARM_BOOKS, agreed, call_people, set_alarm};
use crate::LoanPolicy;

/// Ledger template of a payout.
const TEMPLATE: &str = "loan-disbursed";

/// Asks the books for the entry of a payout.
pub(super) fn request_entry(work: &mut Work, order: &LoanOrder) -> Handled<()> {
    let application = agreed(work, order.loan)?;
    let funder = order.funder.ok_or_else(|| missing(order, "funder"))?;
    let amounts = [
        ("principal", application.principal),
        ("net", application.net_proceeds),
        ("upfront-fee", application.upfront_fee),
    ];
    work.send(PostLedgerEvent {
        template: TEMPLATE.to_owned(),
        reference: LedgerReference {
            loan: Some(order.loan),
            order: None,
            repayment: None,
            parts: None,
            text: order.disbursement.map_or_else(String::new, |attempt| attempt.to_string()),
        },
        amounts: amounts.map(|(name, amount)| (name.to_owned(), amount)).into(),
        dimensions: BTreeMap::from([
            ("funder".to_owned(), funder.to_string()),
            ("product".to_owned(), application.terms.product.clone()),
        ]),
        date: order.disbursed_on.unwrap_or_else(|| work.today()),
    });
    Ok(())
}

/// Asks the asset center for contract and note.
fn request_contract(work: &mut Work, order: &LoanOrder) -> Handled<()> {
    let application = agreed(work, order.loan)?;
    work.send(CreateLoanContract {
        loan: order.loan,
        customer: order.customer,
        document: order.document.ok_or_else(|| missing(order, "document"))?,
        document_hash: order.document_hash.clone().ok_or_else(|| missing(order, "document_hash"))?,
        terms: application.terms.0.clone(),
        principal: application.principal,
        term: application.term,
        upfront_fee: application.upfront_fee,
        funder: order.funder.ok_or_else(|| missing(order, "funder"))?,
        fund_account: order.fund_account.ok_or_else(|| missing(order, "fund_account"))?,
        entry: order.entry.ok_or_else(|| missing(order, "entry"))?,
        disbursed_on: order.disbursed_on.ok_or_else(|| missing(order, "disbursed_on"))?,
    });
    Ok(())
}

fn missing(order: &LoanOrder, field: &str) -> Fault {
    Fault::bug(format!("{} is paid out but has no {field}", order.loan))
}

/// The entry exists: contract and note follow.
pub(super) fn on_accounting_entry_posted(work: &mut Work, event: &AccountingEntryPosted) -> Handled<()> {
    let (TEMPLATE, Some(loan)) = (event.template.as_str(), event.reference.loan) else { return Ok(()) };
    let Some(mut order) = work.get::<LoanOrder>(loan)? else { return Ok(()) };
    if order.booking != BookingStage::Requested {
        return Ok(());
    }
    order.booking = BookingStage::EntryPosted;
    order.entry = Some(event.entry);
    request_contract(work, &order)?;
    work.save(order);
    Ok(())
}

/// The contract is on file: it must be the signed one.
pub(super) fn on_loan_contract_created(work: &mut Work, event: &LoanContractCreated) -> Handled<()> {
    let Some(mut order) = work.get::<LoanOrder>(event.loan)? else { return Ok(()) };
    if order.document_hash.as_deref() != Some(event.document_hash.as_str()) {
        let text =
            format!("document {} on file is not the contract that was signed for {}", event.document, event.loan);
        call_people(work, event.loan, "filed-contract-differs", text);
    }
    if order.booking == BookingStage::EntryPosted {
        order.booking = BookingStage::ContractFiled;
        work.save(order);
    }
    Ok(())
}

/// The note exists: it must be for the principal that was agreed.
pub(super) fn on_loan_note_created(work: &mut Work, event: &LoanNoteCreated) -> Handled<()> {
    let Some(mut order) = work.get::<LoanOrder>(event.loan)? else { return Ok(()) };
    let agreed = agreed(work, event.loan)?.principal;
    if agreed != event.principal {
        let text = format!("note of {} is for {}, {agreed} was agreed", event.loan, event.principal);
        call_people(work, event.loan, "note-differs", text);
    }
    if matches!(order.booking, BookingStage::EntryPosted | BookingStage::ContractFiled) {
        order.booking = BookingStage::NoteCreated;
        work.save(order);
    }
    Ok(())
}

/// The schedule stands on the note: the loan is disbursed and runs.
pub(super) fn on_repayment_schedule_generated(work: &mut Work, event: &RepaymentScheduleGenerated) -> Handled<()> {
    if !event.on_note {
        return Ok(());
    }
    let Some(mut order) = work.get::<LoanOrder>(event.loan)? else { return Ok(()) };
    let (LoanStatus::DisbursePending, Some(entry), Some(first)) =
        (order.status, order.entry, event.installments.first())
    else {
        return Ok(());
    };
    let attempt = order.disbursement.ok_or_else(|| missing(&order, "disbursement"))?;
    let attempt = work.require::<DisbursementOrder>(attempt)?;
    let application = agreed(work, event.loan)?;
    order.booking = BookingStage::Scheduled;
    order.line_reserved = false;
    order.apply(LoanSignal::CompleteBooks, work.now());
    order.apply(LoanSignal::Activate, work.now());
    work.emit(DisbursementSucceeded {
        loan: order.loan,
        customer: order.customer,
        principal: application.principal,
        net_proceeds: application.net_proceeds,
        funder: attempt.funder,
        fund_account: attempt.fund_account,
        reservation: attempt.reservation,
        payment: attempt.payment,
        entry,
        annual_rate: application.terms.annual_rate,
        disbursed_on: order.disbursed_on.ok_or_else(|| missing(&order, "disbursed_on"))?,
        first_due: first.due_date,
    });
    check_against_contract(work, &order, &event.installments)?;
    if application.direct_debit && order.pays_itself {
        // A funder that pays itself collects itself: it can't pull under a mandate that our payment system keeps.
        let mut application = LoanApplication::clone(&application);
        application.direct_debit = false;
        work.save(application);
    } else if application.direct_debit {
        work.about(order.customer);
        work.send(CreateDirectDebitMandate {
            customer: order.customer,
            loan: order.loan,
            account: application.payout_account(),
        });
    }
    work.save(order);
    Ok(())
}

/// The schedule starts when money moved, the signed plan when the contract was made: nobody pays more for the days between.
fn check_against_contract(work: &mut Work, order: &LoanOrder, installments: &[PlannedInstallment]) -> Handled<()> {
    let Some(signed) = order.contract_total else { return Ok(()) };
    let parts = installments.iter().flat_map(|line| [line.principal, line.interest, line.fee]);
    let scheduled = Money::sum(signed.currency(), parts)?;
    if scheduled.compare(signed)?.is_gt() {
        let text = format!("the schedule of {} asks for {scheduled}, the signed contract for {signed}", order.loan);
        call_people(work, order.loan, "schedule-above-contract", text);
    }
    Ok(())
}

/// Books that were refused are asked again.
pub(super) fn continue_booking(work: &mut Work, loan: LoanId) -> Handled<()> {
    let Some(order) = work.get::<LoanOrder>(loan)? else { return Ok(()) };
    match order.booking {
        BookingStage::Requested => request_entry(work, &order),
        BookingStage::EntryPosted => request_contract(work, &order),
        BookingStage::NotStarted
        | BookingStage::ContractFiled
        | BookingStage::NoteCreated
        | BookingStage::Scheduled => Ok(()),
    }
}

/// The ledger refused the entry of a payout.
pub(super) fn on_posting_refused(work: &mut Work, cmd: &PostLedgerEvent, refusal: &Rejection) -> Handled<()> {
    cmd.reference.loan.map_or(Ok(()), |loan| book_later(work, loan, "payout-not-posted", refusal))
}

/// The asset center refused contract and note.
pub(super) fn on_contract_refused(work: &mut Work, cmd: &CreateLoanContract, refusal: &Rejection) -> Handled<()> {
    book_later(work, cmd.loan, "note-not-created", refusal)
}

fn book_later(work: &mut Work, loan: LoanId, kind: &str, refusal: &Rejection) -> Handled<()> {
    let hours = work.config::<LoanPolicy>().retry_hours;
    set_alarm(work, loan, ALARM_BOOKS, hours);
    let text = format!("{loan} is paid out but not booked: {}; it is tried again every {hours} hours", refusal.message);
    call_people(work, loan, kind, text);
    Ok(())
}

/// No mandate: the customer pays installments by hand.
pub(super) fn on_mandate_refused(work: &mut Work, cmd: &CreateDirectDebitMandate, _: &Rejection) -> Handled<()> {
    let mut application = work.require::<LoanApplication>(cmd.loan)?;
    application.direct_debit = false;
    work.save(application);
    Ok(())
}
