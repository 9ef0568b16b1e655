//! Repayments: collected by our payment system or by the funder, and money that somebody outside tells of.

use std::collections::BTreeMap;

use sycee_contract::messages::{
    CreateRepaymentMethod, ExternalRepaymentNotified, PartnerRepaymentReceived, PaymentSucceeded, PostLedgerEvent,
    RepaymentMethodCreated, RepaymentRouteSelected, RequestPartnerRepayment,
};
use sycee_contract::{LedgerReference, LoanId, PartnerId, Rejection, RepaymentMethodKind, RepaymentOrderId};
use sycee_money::Money;
use sycee_runtime::{Halt, Handled, Work};

use super::{
    Partner, PartnerConfig, PartnerLoan, PartnerReceipt, PartnerRepayment, ReceiptStatus, count, open_work_order,
};

/// The order is routed to a funder: checks that both sides know who collects, and counts it.
pub(super) fn on_repayment_route_selected(work: &mut Work, event: &RepaymentRouteSelected) -> Handled<()> {
    let Some(partner) = work.get::<Partner>(event.funder)? else { return Ok(()) };
    if partner.collects_itself() != event.collects_itself {
        let text = format!(
            "{} is routed as if {} collected otherwise than agreed: check the agreement.",
            event.order, partner.code
        );
        open_work_order(work, "repayment-route-contradicted", Some(event.loan), text, &event.order.to_string());
    }
    count(work, event.funder, |day| day.repayments_routed += 1)
}

/// Has a repayment collected: by the funder's own system, or by our payment system. Asked again, it is collected anew.
pub(super) fn request_partner_repayment(work: &mut Work, cmd: &RequestPartnerRepayment) -> Handled<()> {
    let partner = work.require::<Partner>(cmd.funder)?;
    let collects_itself = partner.collects_itself();
    work.save(PartnerRepayment {
        order: cmd.order,
        loan: cmd.loan,
        customer: cmd.customer,
        funder: cmd.funder,
        amount: cmd.amount,
        method: cmd.method,
        collects_itself,
        requested_at: work.now(),
    });
    if collects_itself {
        let expires_at = work.now().plus_seconds(work.config::<PartnerConfig>().method_seconds);
        work.emit(RepaymentMethodCreated {
            order: cmd.order,
            loan: cmd.loan,
            customer: cmd.customer,
            method: cmd.method,
            amount: cmd.amount,
            content: format!("partner:{}:{}", partner.code, cmd.order),
            payment: None,
            expires_at,
        });
    } else {
        work.send(CreateRepaymentMethod {
            order: cmd.order,
            loan: cmd.loan,
            customer: cmd.customer,
            amount: cmd.amount,
            method: cmd.method,
            mandate: cmd.mandate,
        });
    }
    Ok(())
}

/// A pull that can't be made goes to people, for nobody waits for the answer; anything else is refused to who asked.
pub(super) fn on_create_method_refused(
    work: &mut Work,
    cmd: &CreateRepaymentMethod,
    refusal: &Rejection,
) -> Handled<()> {
    if cmd.method != RepaymentMethodKind::DirectDebit {
        return Err(Halt::Refused(refusal.clone()));
    }
    let text = format!("{} can't be pulled ({}): collect it another way.", cmd.order, refusal.code);
    open_work_order(work, "direct-debit-refused", Some(cmd.loan), text, &cmd.order.to_string());
    Ok(())
}

/// Our channel collected a repayment.
pub(super) fn on_collection_succeeded(work: &mut Work, event: &PaymentSucceeded) -> Handled<()> {
    let funder = funder_of(work, event.purpose.loan)?;
    let reference =
        if event.channel_reference.is_empty() { event.payment.to_string() } else { event.channel_reference.clone() };
    let receipt = PartnerRepaymentReceived {
        reference,
        order: event.purpose.repayment,
        loan: Some(event.purpose.loan),
        funder,
        amount: event.amount,
        payment: Some(event.payment),
    };
    take(work, receipt)
}

/// Somebody outside says that money came. Taken once a reference; what belongs to no loan we know goes to suspense.
pub(super) fn on_external_repayment(work: &mut Work, event: &ExternalRepaymentNotified) -> Handled<()> {
    let loan = known_loan(work, event)?;
    let Some(loan) = loan else { return suspend(work, event) };
    let funder = match event.funder {
        Some(funder) => Some(funder),
        None => funder_of(work, loan)?,
    };
    let receipt = PartnerRepaymentReceived {
        reference: event.reference.clone(),
        order: event.order,
        loan: Some(loan),
        funder,
        amount: event.amount,
        payment: None,
    };
    take(work, receipt)
}

/// The loan the notice is for, if it was paid out by somebody we asked; the order says it when the notice does not.
fn known_loan(work: &mut Work, event: &ExternalRepaymentNotified) -> Handled<Option<LoanId>> {
    let by_order = match event.order {
        Some(order) => order_loan(work, order)?,
        None => None,
    };
    let Some(loan) = event.loan.or(by_order) else { return Ok(None) };
    Ok(work.get::<PartnerLoan>(loan)?.map(|known| known.loan))
}

fn order_loan(work: &mut Work, order: RepaymentOrderId) -> Handled<Option<LoanId>> {
    Ok(work.get::<PartnerRepayment>(order)?.map(|repayment| repayment.loan))
}

fn funder_of(work: &mut Work, loan: LoanId) -> Handled<Option<PartnerId>> {
    Ok(work.get::<PartnerLoan>(loan)?.map(|known| known.funder))
}

fn take(work: &mut Work, receipt: PartnerRepaymentReceived) -> Handled<()> {
    let status = if receipt.amount.is_positive() { ReceiptStatus::Matched } else { ReceiptStatus::Invalid };
    if !first_of_its_reference(work, &receipt.reference, receipt.loan, receipt.order, receipt.amount, status)? {
        return Ok(());
    }
    if let Some(funder) = receipt.funder {
        count(work, funder, |day| day.repayments_received += 1)?;
    }
    if status == ReceiptStatus::Matched {
        work.emit(receipt);
    }
    Ok(())
}

/// Keeps a reference. False when it came before; then another amount opens a work order.
fn first_of_its_reference(
    work: &mut Work,
    reference: &str,
    loan: Option<LoanId>,
    order: Option<RepaymentOrderId>,
    amount: Money,
    status: ReceiptStatus,
) -> Handled<bool> {
    if let Some(before) = work.get::<PartnerReceipt>(reference.to_owned())? {
        if before.amount != amount {
            let text = format!(
                "Reference {reference} came with {} before and {amount} after: find out what was paid.",
                before.amount
            );
            open_work_order(work, "repayment-reference-contradicted", before.loan, text, reference);
        }
        return Ok(false);
    }
    if status == ReceiptStatus::Invalid {
        let text = format!("Reference {reference} tells of {amount}, which is no money: find out with the sender.");
        open_work_order(work, "repayment-notice-invalid", loan, text, reference);
    }
    work.save(PartnerReceipt { reference: reference.to_owned(), loan, order, amount, status, at: work.now() });
    Ok(true)
}

/// Books money that belongs to no known loan to suspense, and has people look.
fn suspend(work: &mut Work, event: &ExternalRepaymentNotified) -> Handled<()> {
    let status = if event.amount.is_positive() { ReceiptStatus::Unmatched } else { ReceiptStatus::Invalid };
    if !first_of_its_reference(work, &event.reference, event.loan, event.order, event.amount, status)?
        || status == ReceiptStatus::Invalid
    {
        return Ok(());
    }
    let text = format!(
        "{} came under {} for no loan we know: find its owner, or give it back.",
        event.amount, event.reference
    );
    open_work_order(work, "unmatched-payment", None, text, &event.reference);
    let holder = match event.funder {
        Some(funder) => work.get::<Partner>(funder)?,
        None => None,
    };
    let holder = match holder {
        Some(holder) => Some(holder),
        None => work.find_one(Partner::by_own(true))?,
    };
    let Some(holder) = holder.filter(|holder| holder.currency == event.amount.currency()) else { return Ok(()) };
    work.send(PostLedgerEvent {
        template: "unmatched-receipt".to_owned(),
        reference: LedgerReference {
            loan: None,
            order: event.order,
            repayment: None,
            parts: None,
            text: event.reference.clone(),
        },
        amounts: BTreeMap::from([("amount".to_owned(), event.amount)]),
        dimensions: BTreeMap::from([("funder".to_owned(), holder.id.to_string())]),
        date: work.today(),
    });
    Ok(())
}

/// The books refused the suspense entry: people have to book it.
pub(super) fn on_suspense_refused(work: &mut Work, cmd: &PostLedgerEvent, refusal: &Rejection) -> Handled<()> {
    let text = format!("The suspense entry of {} was refused ({}): book it by hand.", cmd.reference.text, refusal.code);
    open_work_order(work, "suspense-entry-refused", None, text, &cmd.reference.text);
    Ok(())
}
