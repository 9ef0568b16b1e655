//! Repayments: collected by our payment system or by the funder, and money that somebody outside tells of.

use std::collections::BTreeMap;

use sycee_contract::messages::{
    ClaimBankReference, CollectionReferenceLearned, CreateRepaymentMethod, ExternalRepaymentNotified,
    PartnerRepaymentReceived, PaymentSucceeded, PostLedgerEvent, RepaymentMethodCreated, RepaymentRouteSelected,
    RequestPartnerRepayment,
};
use sycee_contract::{LedgerReference, LoanId, PartnerId, PaymentId, Rejection, RepaymentMethodKind, RepaymentOrderId};
use sycee_money::Money;
use sycee_runtime::{Halt, Handled, Work};

use crate::PartnerRejection;

use super::{
    Partner, PartnerConfig, PartnerLoan, PartnerReceipt, PartnerRepayment, ReceiptStatus, count, open_work_order,
};

/// Stands for our bank in the name of a receipt.
const OWN: &str = "own";

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
///
/// Errors: `NOT_FOUND`, `DIRECT_DEBIT_NOT_OFFERED` when the funder's own system cannot pull.
pub(super) fn request_partner_repayment(work: &mut Work, cmd: &RequestPartnerRepayment) -> Handled<()> {
    let partner = work.require::<Partner>(cmd.funder)?;
    let collects_itself = partner.collects_itself();
    if collects_itself && cmd.method == RepaymentMethodKind::DirectDebit {
        return Err(PartnerRejection::DirectDebitNotOffered { code: partner.code }.into());
    }
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

/// Our payment system can't collect it: the refusal goes on to who asked, who decides what to do.
pub(super) fn on_create_method_refused(_: &mut Work, _: &CreateRepaymentMethod, refusal: &Rejection) -> Handled<()> {
    Err(Halt::Refused(refusal.clone()))
}

/// Our channel collected a repayment. The channel's reference stands for it in notices of our own bank, before and after.
pub(super) fn on_collection_succeeded(work: &mut Work, event: &PaymentSucceeded) -> Handled<()> {
    let funder = funder_of(work, event.purpose.loan)?;
    let receipt = PartnerRepaymentReceived {
        reference: receipt_of_payment(event),
        order: event.purpose.repayment,
        loan: Some(event.purpose.loan),
        funder,
        amount: event.amount,
        payment: Some(event.payment),
        paid_at: event.paid_at,
    };
    let told = (receipt.loan, receipt.order, receipt.amount);
    match told_by_bank(work, event.payment, &event.channel_reference, told)? {
        BankWord::Nothing => take(work, receipt),
        BankWord::Same(before) => know_again(work, &receipt, before),
        BankWord::OtherAmount { name, .. } => {
            let holder = holder_of(work, funder)?;
            contradict(work, holder, &own_name(&event.channel_reference), &name, told)?;
            let kept = PartnerReceipt { payment: receipt.payment, ..work.require::<PartnerReceipt>(name)? };
            work.save(PartnerReceipt { reference: receipt.reference, ..kept });
            work.save(kept);
            Ok(())
        }
    }
}

/// Our channel says under which reference it collected what it told of without one: our bank's notice under it is no more
/// money. What the bank told before is booked beside it, and people look.
pub(super) fn on_reference_learned(work: &mut Work, event: &CollectionReferenceLearned) -> Handled<()> {
    let told = (Some(event.purpose.loan), event.purpose.repayment, event.amount);
    let before = match told_by_bank(work, event.payment, &event.channel_reference, told)? {
        BankWord::Nothing => return Ok(()),
        BankWord::Same(before) => before,
        BankWord::OtherAmount { before, name } => {
            keep(work, name, told, ReceiptStatus::Matched, None, Some(event.payment));
            before
        }
    };
    let place = place_of(work, &before)?;
    let text = format!(
        "{} told of {} without a reference, now under {}, and our bank told of {} under it: that is {place} as well, as \
         {}. Find out what was paid: one of them may be no money.",
        event.payment, event.amount, event.channel_reference, before.amount, before.reference
    );
    call_booked_twice(work, event.payment, &event.channel_reference, told, text);
    work.save(PartnerReceipt { payment: Some(event.payment), ..before });
    Ok(())
}

/// What money at our bank is known by.
fn own_name(reference: &str) -> String {
    format!("{OWN}/{reference}")
}

/// What money at `receiver` is known by. References are the partner's own when it collects itself; money of everybody else is
/// at our bank, whoever it is told for: one movement has one name.
fn name_at(receiver: Option<&Partner>, reference: &str) -> String {
    match receiver {
        Some(partner) if partner.collects_itself() => format!("{}/{reference}", partner.id),
        _ => own_name(reference),
    }
}

/// What our bank told of a channel's money before the channel did.
enum BankWord {
    /// Nothing, or the payment is known by it: its name is kept.
    Nothing,
    /// This very money.
    Same(PartnerReceipt),
    /// Another amount of the same payment.
    OtherAmount {
        /// What it told.
        before: PartnerReceipt,
        /// A free name for what the channel tells.
        name: String,
    },
}

/// Looks for our bank's word of a payment's money. When there is none, the name under which it will come is taken. Money that
/// fund management booked under the reference may be the same: people look.
fn told_by_bank(work: &mut Work, payment: PaymentId, channel_reference: &str, told: Told) -> Handled<BankWord> {
    if channel_reference.is_empty() {
        return Ok(BankWord::Nothing);
    }
    let (loan, order, amount) = told;
    let reference = own_name(channel_reference);
    let (mut name, mut other_amount, mut claimed) = (reference.clone(), None, None);
    for nr in 2.. {
        let Some(before) = work.get::<PartnerReceipt>(name.clone())? else { break };
        if before.payment == Some(payment) {
            return Ok(BankWord::Nothing);
        }
        if before.is_notice() && before.is_told_by(loan, order, amount) {
            return Ok(BankWord::Same(before));
        }
        if before.is_notice() && before.is_about(loan, order) {
            other_amount.get_or_insert(before);
        } else if before.status == ReceiptStatus::Claimed {
            claimed.get_or_insert(before);
        }
        name = format!("{reference}#{nr}");
    }
    if let Some(before) = other_amount {
        return Ok(BankWord::OtherAmount { before, name });
    }
    if let Some(claimed) = claimed {
        let place = place_of(work, &claimed)?;
        let text = format!(
            "{payment} brought {amount} under {channel_reference} for its loan, and {} is {place} as {}. Find out what was \
             paid: one of them may be no money. A funder's that never came is taken back with return-funds.",
            claimed.amount, claimed.reference
        );
        call_booked_twice(work, payment, channel_reference, told, text);
    }
    keep(work, name, told, ReceiptStatus::Matched, None, Some(payment));
    Ok(BankWord::Nothing)
}

/// Has people look at a payment whose money may be in the books twice.
fn call_booked_twice(work: &mut Work, payment: PaymentId, channel_reference: &str, (loan, ..): Told, text: String) {
    open_work_order(work, "payment-booked-twice", loan, text, &format!("{payment}/{channel_reference}"));
}

/// The money of a payment is booked already, as our bank told it: it is not taken again. What is in suspense waits there for
/// people, who learn whose it is and how it gets to the loan: suspense of a funder pays loans of that funder only.
fn know_again(work: &mut Work, receipt: &PartnerRepaymentReceived, before: PartnerReceipt) -> Handled<()> {
    let told = (receipt.loan, receipt.order, receipt.amount);
    if before.status == ReceiptStatus::Unmatched {
        let way = if before.holder.is_some() && before.holder == receipt.funder {
            "Unless that is done, end it for the loan with resolve-suspense."
        } else {
            "The loan's money is kept elsewhere. Unless that is done, pay back what is in suspense there with \
             resolve-suspense, and have it told again with the loan, its order and when it was paid, under a reference \
             of its own."
        };
        let text = format!(
            "{} came under {}, as the bank told before the channel did: it is {} as {}. {way}",
            receipt.amount,
            receipt.reference,
            place_of(work, &before)?,
            before.reference
        );
        open_work_order(work, "payment-in-suspense", receipt.loan, text, &receipt.reference);
    }
    keep(work, receipt.reference.clone(), told, before.status, before.holder, receipt.payment);
    work.save(PartnerReceipt { payment: receipt.payment, ..before });
    Ok(())
}

/// A payment of ours is known by its own number: channels number as they like.
pub(super) fn receipt_of_payment(event: &PaymentSucceeded) -> String {
    if event.channel_reference.is_empty() {
        return event.payment.to_string();
    }
    format!("{}/{}", event.payment, event.channel_reference)
}

/// Somebody outside says that money came. Taken once a bank and reference; what belongs to no loan that the receiver
/// collects for goes to suspense.
pub(super) fn on_external_repayment(work: &mut Work, event: &ExternalRepaymentNotified) -> Handled<()> {
    let receiver = holder_of(work, event.funder)?;
    let receipt = name_at(receiver.as_ref(), &event.reference);
    if !event.amount.is_positive() {
        let text = format!("Reference {} tells of {}: that is no money.", event.reference, event.amount);
        open_work_order(work, "repayment-notice-invalid", event.loan, text, &receipt);
        return Ok(());
    }
    let Some(loan) = known_loan(work, event)? else {
        let text =
            format!("{} came under {receipt} for no loan we know: find its owner, or give it back.", event.amount);
        return suspend(work, event, receiver, receipt, ("unmatched-payment", text));
    };
    let funder = funder_of(work, loan)?;
    if let Some(receiver) = &receiver
        && !collects_for(work, receiver, funder)?
    {
        let text = format!(
            "{} for {loan} came to {} under {receipt}, which does not collect for its funder: pass it on, or give it back.",
            event.amount, receiver.code
        );
        return suspend(work, event, Some(receiver.clone()), receipt, ("repayment-elsewhere", text));
    }
    let now = work.now();
    let received = PartnerRepaymentReceived {
        reference: receipt,
        order: event.order,
        loan: Some(loan),
        funder,
        amount: event.amount,
        payment: None,
        paid_at: event.paid_at.map_or(now, |at| at.min(now)),
    };
    take(work, received)
}

/// Whether money at `receiver` is money of a loan of `funder`: it is the funder itself, or it came to our bank, whoever it is
/// told for there, and we collect for the funder.
fn collects_for(work: &mut Work, receiver: &Partner, funder: Option<PartnerId>) -> Handled<bool> {
    if Some(receiver.id) == funder {
        return Ok(true);
    }
    let funder = match funder {
        Some(funder) => work.get::<Partner>(funder)?,
        None => None,
    };
    Ok(!receiver.collects_itself() && funder.is_none_or(|funder| !funder.collects_itself()))
}

/// Keeps the reference of money that fund management books: when it is told of too, for whichever partner at the same bank, it
/// is the same money. Refused when that amount is in the books under the reference; another amount is booked, and people look.
/// People claim nothing: of what no account books, the bank's word would be lost.
///
/// Errors: `BANK_REFERENCE_USED`, `NOT_FOUND`; `INVALID_FIELD` when a person asks.
pub(super) fn claim_bank_reference(work: &mut Work, cmd: &ClaimBankReference) -> Handled<()> {
    if work.is_stimulus() {
        let text = "bankReference: people claim no reference, fund management does, for the money that it books: confirm \
                    that money with confirm-fund-arrival or recover-stray-payout";
        return Err(Rejection::new("INVALID_FIELD", text).with("field", "bankReference").into());
    }
    let partner = work.require::<Partner>(cmd.partner)?;
    let (reference, told) = (name_at(Some(&partner), &cmd.bank_reference), (None, None, cmd.amount));
    let name = match standing(work, &reference, told)? {
        Standing::First => reference,
        Standing::Other(name) => {
            let place = format!("Fund management booked it for {}: it is kept as {name}.", partner.code);
            call_contradicted(work, &reference, &name, told, &place);
            name
        }
        Standing::Known(before) => {
            let (bank_reference, place) = (cmd.bank_reference.clone(), place_of(work, &before)?);
            let (amount, receipt) = (before.amount, before.reference);
            return Err(PartnerRejection::BankReferenceUsed { bank_reference, amount, place, receipt }.into());
        }
    };
    keep(work, name, told, ReceiptStatus::Claimed, Some(partner.id), None);
    Ok(())
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

/// In whose books money of `funder` is; own funds' when that is nobody we know.
fn holder_of(work: &mut Work, funder: Option<PartnerId>) -> Handled<Option<Partner>> {
    let known = match funder {
        Some(funder) => work.get::<Partner>(funder)?,
        None => None,
    };
    match known {
        Some(known) => Ok(Some(known)),
        None => work.find_one(Partner::by_own(true)),
    }
}

/// Where money was booked, for people: with the code of whose suspense it is, as `resolve-suspense` needs it.
fn place_of(work: &mut Work, receipt: &PartnerReceipt) -> Handled<String> {
    let holder = match receipt.holder {
        Some(holder) => work.get::<Partner>(holder)?.map(|holder| holder.code),
        None => None,
    };
    Ok(match (receipt.status, receipt.loan, holder) {
        (ReceiptStatus::Matched, Some(loan), _) => format!("on {loan}"),
        (ReceiptStatus::Unmatched, _, Some(holder)) => format!("in suspense of {holder}"),
        (ReceiptStatus::Claimed, _, Some(holder)) => format!("confirmed for {holder}"),
        (ReceiptStatus::Matched, None, _) | (ReceiptStatus::Unmatched | ReceiptStatus::Claimed, _, None) => {
            "in no book".to_owned()
        }
    })
}

/// What is told of money: loan, order, amount.
type Told = (Option<LoanId>, Option<RepaymentOrderId>, Money);

/// Whether money under a reference was told of before.
enum Standing {
    /// It was, so.
    Known(PartnerReceipt),
    /// The reference is free.
    First,
    /// The reference stands for other money: this is kept under a name of its own.
    Other(String),
}

fn standing(work: &mut Work, reference: &str, (loan, order, amount): Told) -> Handled<Standing> {
    let mut name = reference.to_owned();
    for nr in 2.. {
        match work.get::<PartnerReceipt>(name.clone())? {
            None if nr == 2 => return Ok(Standing::First),
            None => return Ok(Standing::Other(name)),
            Some(before) if before.is_told_by(loan, order, amount) => return Ok(Standing::Known(before)),
            Some(_) => name = format!("{reference}#{nr}"),
        }
    }
    Ok(Standing::Other(name))
}

fn keep(
    work: &mut Work,
    reference: String,
    (loan, order, amount): Told,
    status: ReceiptStatus,
    holder: Option<PartnerId>,
    payment: Option<PaymentId>,
) {
    work.save(PartnerReceipt { reference, loan, order, amount, payment, status, holder, at: work.now() });
}

/// Passes money on for its loan, once a reference. Other money under a known reference goes to suspense; people look at
/// money that fund management booked.
fn take(work: &mut Work, received: PartnerRepaymentReceived) -> Handled<()> {
    let told = (received.loan, received.order, received.amount);
    match standing(work, &received.reference, told)? {
        Standing::Known(before) if before.status == ReceiptStatus::Claimed => {
            let text = format!(
                "{} is told for a loan under {}, which fund management booked as a funder's money or as a payout that came \
                 back: it is not booked again. If it is other money, have it told under a reference of its own.",
                received.amount, before.reference
            );
            open_work_order(work, "repayment-reference-claimed", received.loan, text, &before.reference);
            Ok(())
        }
        Standing::Known(_) => Ok(()),
        Standing::First => {
            keep(work, received.reference.clone(), told, ReceiptStatus::Matched, None, received.payment);
            if let Some(funder) = received.funder {
                count(work, funder, |day| day.repayments_received += 1)?;
            }
            work.emit(received);
            Ok(())
        }
        Standing::Other(name) => {
            let holder = holder_of(work, received.funder)?;
            contradict(work, holder, &received.reference, &name, told)
        }
    }
}

/// Books money to suspense, once a reference, and has people look.
fn suspend(
    work: &mut Work,
    event: &ExternalRepaymentNotified,
    holder: Option<Partner>,
    receipt: String,
    (kind, text): (&str, String),
) -> Handled<()> {
    let told = (event.loan, event.order, event.amount);
    match standing(work, &receipt, told)? {
        Standing::Known(_) => Ok(()),
        Standing::First => {
            let place = book_suspense(work, holder, &receipt, told)?;
            open_work_order(work, kind, event.loan, format!("{text} {place}"), &receipt);
            Ok(())
        }
        Standing::Other(name) => contradict(work, holder, &receipt, &name, told),
    }
}

/// Books money that came under the reference of other money to suspense, as `name`, and has people look.
fn contradict(work: &mut Work, holder: Option<Partner>, reference: &str, name: &str, told: Told) -> Handled<()> {
    let place = book_suspense(work, holder, name, told)?;
    call_contradicted(work, reference, name, told, &place);
    Ok(())
}

/// Has people look at money that came under the reference of other money, and is kept as `name`.
fn call_contradicted(work: &mut Work, reference: &str, name: &str, (loan, _, amount): Told, place: &str) {
    let text =
        format!("{amount} came under {reference}, which stands for other money: find out what was paid. {place}");
    open_work_order(work, "repayment-reference-contradicted", loan, text, name);
}

/// Keeps money that is not explained, books it to suspense if its holder's books can take it, and says where it is.
fn book_suspense(work: &mut Work, holder: Option<Partner>, reference: &str, told: Told) -> Handled<String> {
    let (_, order, amount) = told;
    let fits = holder.as_ref().filter(|it| it.currency == amount.currency() && amount.is_whole_minor());
    let kept_by = fits.map(|it| it.id);
    keep(work, reference.to_owned(), told, ReceiptStatus::Unmatched, kept_by, None);
    let Some(holder) = holder else {
        return Ok("It is in no book: register own funds, and have it told under a reference of its own.".to_owned());
    };
    if kept_by.is_none() {
        return Ok(format!(
            "It is in no book, {} keeps whole minor units of {}: ask the bank what it holds, give it back or have it \
             exchanged, and have what comes of it told under a reference of its own.",
            holder.code, holder.currency
        ));
    }
    work.send(PostLedgerEvent {
        template: "unmatched-receipt".to_owned(),
        reference: LedgerReference { loan: None, order, repayment: None, parts: None, text: reference.to_owned() },
        amounts: BTreeMap::from([("amount".to_owned(), amount)]),
        dimensions: BTreeMap::from([("funder".to_owned(), holder.id.to_string())]),
        date: work.today(),
    });
    Ok(format!("It is in suspense of {} as {reference}.", holder.code))
}

/// The books refused the suspense entry: the money is in nobody's, until people had the cause mended and it is told anew.
pub(super) fn on_suspense_refused(work: &mut Work, cmd: &PostLedgerEvent, refusal: &Rejection) -> Handled<()> {
    let receipt = &cmd.reference.text;
    let text = format!(
        "The suspense entry of {receipt} was refused ({}), it is in no book: have the cause mended and the money told \
         again under a reference of its own, or give it back.",
        refusal.code
    );
    open_work_order(work, "suspense-entry-refused", None, text, receipt);
    if let Some(kept) = work.get::<PartnerReceipt>(receipt.clone())? {
        work.save(PartnerReceipt { holder: None, ..kept });
    }
    Ok(())
}
