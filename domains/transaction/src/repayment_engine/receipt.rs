//! Money that arrived: taken once, split, posted.
//!
//! Invariant: nothing that arrived is dropped: it is posted to its loan, or to suspense with a work order.
//! Invariant: what an order is for holds for its money, by the figures of the order's day when it was paid in time.
//! Invariant: a normal repayment is split by the figures of the day on which it was paid, not before its order was made.
//! Invariant: an order whose money is not posted ends; it does not block the debits after it.

use std::collections::BTreeMap;

use sycee_contract::{
    AccountingEntryPosted, AssetPostingApplied, CalculateRepaymentPosting, Date, ExternalRepaymentNotified,
    LedgerReference, LoanId, OpenWorkOrder, PartnerRepaymentReceived, PostLedgerEvent, PostingParts, PostingQuote,
    Rejection, RepaymentKind, RepaymentOrderClosed, RepaymentOrderId, RepaymentPostingCalculated, SuspenseResolved,
    Timestamp,
};
use sycee_money::Money;
use sycee_runtime::{Fault, Halt, Handled, Work};

use super::machine::OrderSignal;
use super::model::{LoanLink, ReceiptStatus, ReceivedPayment, RepaymentOrder, fit};
use super::{ALARM_EXPIRED, stop_alarm};

const TEMPLATE_REPAID: &str = "repayment-received";
const TEMPLATE_CANCELLED: &str = "loan-cancelled";
const TEMPLATE_UNMATCHED: &str = "unmatched-receipt";
/// Days back for which a notice of money for no order is believed: a weekend with holidays around it.
const NOTICE_DAYS: i64 = 7;

/// Somebody outside announces money for a loan: counted, so that people see what was promised and never came.
pub(super) fn on_external_repayment_notified(work: &mut Work, event: &ExternalRepaymentNotified) -> Handled<()> {
    let Some(loan) = event.loan else { return Ok(()) };
    for receipt in event.receipts() {
        let known = work.get::<ReceivedPayment>(receipt)?;
        if known.is_some_and(|known| known.loan.is_none_or(|of| of == loan)) {
            return Ok(());
        }
    }
    if let Some(mut link) = work.get::<LoanLink>(loan)? {
        link.announced += 1;
        work.save(link);
    }
    Ok(())
}

/// Money came for a loan. A notice for no order may name a wrong day, so it is believed a few days back.
pub(super) fn on_partner_repayment_received(work: &mut Work, event: &PartnerRepaymentReceived) -> Handled<()> {
    let since = work.market().zone.date_of(work.now().plus_days(-NOTICE_DAYS));
    take(work, event, since)
}

/// Takes money for a loan, once a reference: as what its order is for if it is enough, else as a normal repayment. Money for
/// no order is the open settlement's or cancellation's if it is what that asks for; else it was paid on `since` or later.
fn take(work: &mut Work, event: &PartnerRepaymentReceived, since: Date) -> Handled<()> {
    if work.get::<ReceivedPayment>(event.reference.clone())?.is_some() {
        return Ok(());
    }
    let order = match event.order {
        Some(id) => work.get::<RepaymentOrder>(id)?,
        None => None,
    };
    let loan = event.loan.or(order.as_ref().map(|order| order.loan));
    let link = match loan {
        Some(loan) => work.get::<LoanLink>(loan)?,
        None => None,
    };
    let amount = event.amount;
    let fits = amount.is_positive() && amount.is_whole_minor() && amount.currency() == work.market().currency;
    let Some(link) = link.filter(|_| fits) else { return suspend(work, event) };

    let order = match order.filter(|order| order.loan == link.loan) {
        None => meant_settlement(work, &link, amount)?,
        named => named,
    };
    let meant = order.as_ref().filter(|order| order.is_meant());
    let kind = meant.map_or(RepaymentKind::Normal, |order| order.kind);
    // An order that has its money already says nothing of the day of other money; our channel's times are our own.
    let believed = order.as_ref().filter(|order| order.is_meant() || event.payment.is_some());
    let first = believed.map_or(since, |order| order.quoted_on);
    let paid_on = paid_on(work, &link, first, event.paid_at);
    let in_time = meant.filter(|order| order.paid_in_time(event.paid_at)).map(|order| order.quoted_on);
    let credited = meant.map(|order| order.id);
    let quote = quote_for(work, &link, kind, amount, Days { ends_by: in_time.or(paid_on), paid_on })?;
    work.save(ReceivedPayment {
        reference: event.reference.clone(),
        loan: Some(link.loan),
        order: credited.or(event.order),
        amount: event.amount,
        kind: quote.kind,
        payment: event.payment,
        status: ReceiptStatus::Taken,
        entry: None,
    });
    if let Some(mut order) = order
        && order.reference.is_none()
    {
        order.moves(OrderSignal::TakeMoney);
        order.payment = event.payment.or(order.payment);
        order.reference = Some(event.reference.clone());
        stop_alarm(work, order.id, ALARM_EXPIRED);
        work.save(order);
    }
    post(work, &quote, credited, &event.reference)
}

/// The open order to settle or cancel, if the money is what it asks for.
fn meant_settlement(work: &mut Work, link: &LoanLink, amount: Money) -> Handled<Option<RepaymentOrder>> {
    let Some(open) = link.open_settlement else { return Ok(None) };
    Ok(work.get::<RepaymentOrder>(open)?.filter(|order| order.takes_money() && order.asks_for(amount)))
}

/// The earlier day on which money was paid, not before `first` or the loan; none for today.
fn paid_on(work: &Work, link: &LoanLink, first: Date, paid_at: Timestamp) -> Option<Date> {
    let day = work.market().zone.date_of(paid_at).max(first).max(link.disbursed_on);
    (day < work.today()).then_some(day)
}

/// Money in suspense is explained: it is the loan's, under a reference of its own. People say when it was paid.
///
/// Errors: `INVALID_FIELD` for an order that is not the loan's, which refuses the request: people can say it better.
pub(super) fn on_suspense_resolved(work: &mut Work, event: &SuspenseResolved) -> Handled<()> {
    let Some(loan) = event.loan else { return Ok(()) };
    if let Some(id) = event.order
        && work.get::<RepaymentOrder>(id)?.is_none_or(|order| order.loan != loan)
    {
        let rule = format!("it must be a repayment order of {loan}: leave it out when none is known");
        return Err(Rejection::invalid("order", rule, "rpo-1042").into());
    }
    let now = work.now();
    let received = PartnerRepaymentReceived {
        reference: format!("suspense {}", event.reference),
        order: event.order,
        loan: Some(loan),
        funder: Some(event.partner),
        amount: event.amount,
        payment: None,
        paid_at: event.paid_at.map_or(now, |at| at.min(now)),
    };
    take(work, &received, Date::MIN)
}

/// By the figures of which days money is split; today's when absent.
#[derive(Clone, Copy)]
struct Days {
    /// Those of a settlement or cancellation.
    ends_by: Option<Date>,
    /// Those of a normal repayment.
    paid_on: Option<Date>,
}

/// How the money is split: settlement and cancellation if their figure is reached, surplus when nothing is owed.
///
/// Money beyond what is due that would pay interest in advance, and is enough to settle the loan, settles it: nobody pays
/// for time in which nothing is owed.
fn quote_for(
    work: &mut Work,
    link: &LoanLink,
    kind: RepaymentKind,
    amount: Money,
    days: Days,
) -> Handled<PostingQuote> {
    if kind != RepaymentKind::Normal
        && let Some(quote) = ending(work, link, kind, amount, days.ends_by)?
    {
        return Ok(quote);
    }
    if link.settled {
        return all_surplus(work, link, amount);
    }
    let normal = CalculateRepaymentPosting {
        customer: link.customer,
        loan: link.loan,
        kind: RepaymentKind::Normal,
        amount: Some(amount),
        as_of: days.paid_on,
    };
    match work.ask(normal) {
        Ok(quote) => {
            let prepays = quote.parts.interest_advance.is_positive() && quote.due_now.compare(amount)?.is_lt();
            // Money that was meant to settle the loan, and is not enough, was asked about above.
            if prepays
                && kind != RepaymentKind::EarlySettlement
                && let Some(ending) = ending(work, link, RepaymentKind::EarlySettlement, amount, days.ends_by)?
            {
                return Ok(ending);
            }
            Ok(fit(quote, amount)?)
        }
        Err(Halt::Refused(_)) => all_surplus(work, link, amount),
        Err(fault) => Err(fault),
    }
}

/// The split that ends the loan, if the money is enough for it.
fn ending(
    work: &mut Work,
    link: &LoanLink,
    kind: RepaymentKind,
    amount: Money,
    as_of: Option<Date>,
) -> Handled<Option<PostingQuote>> {
    let asked = CalculateRepaymentPosting { customer: link.customer, loan: link.loan, kind, amount: None, as_of };
    match work.ask(asked) {
        Ok(quote) if quote.amount.compare(amount)?.is_le() => Ok(Some(fit(quote, amount)?)),
        Ok(_) | Err(Halt::Refused(_)) => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// Money for a loan that owes nothing, or of which nobody says what it owes: the customer's credit balance. Nobody else
/// calculates it, so it is told here.
fn all_surplus(work: &mut Work, link: &LoanLink, amount: Money) -> Handled<PostingQuote> {
    let fund_account =
        link.fund_account.ok_or_else(|| Fault::bug(format!("{} was paid out from no account", link.loan)))?;
    let quote = PostingQuote {
        loan: link.loan,
        customer: link.customer,
        funder: link.funder,
        fund_account,
        product: link.product.clone(),
        kind: RepaymentKind::Normal,
        amount,
        parts: PostingParts { surplus: amount, ..PostingParts::nothing(amount.currency()) },
        due_now: Money::zero(amount.currency()),
        settles: false,
        as_of: work.today(),
    };
    work.emit(RepaymentPostingCalculated { quote: quote.clone() });
    Ok(quote)
}

fn post(work: &mut Work, quote: &PostingQuote, order: Option<RepaymentOrderId>, reference: &str) -> Handled<()> {
    let template = if quote.kind == RepaymentKind::Cancel { TEMPLATE_CANCELLED } else { TEMPLATE_REPAID };
    work.send(PostLedgerEvent {
        template: template.to_owned(),
        reference: LedgerReference {
            loan: Some(quote.loan),
            order,
            repayment: Some(quote.kind),
            parts: Some(quote.parts.clone()),
            text: reference.to_owned(),
        },
        amounts: quote.parts.ledger_amounts()?,
        dimensions: BTreeMap::from([
            ("funder".to_owned(), quote.funder.to_string()),
            ("product".to_owned(), quote.product.clone()),
        ]),
        date: work.today(),
    });
    Ok(())
}

/// Money that belongs to no loan we know, or is no money of this market: suspense, and people look.
fn suspend(work: &mut Work, event: &PartnerRepaymentReceived) -> Handled<()> {
    work.save(ReceivedPayment {
        reference: event.reference.clone(),
        loan: event.loan,
        order: event.order,
        amount: event.amount,
        kind: RepaymentKind::Normal,
        payment: event.payment,
        status: ReceiptStatus::Suspense,
        entry: None,
    });
    // The funders' books are kept in whole minor units of the market's currency: other money waits outside them.
    let (amount, currency) = (event.amount, work.market().currency);
    let funder =
        event.funder.filter(|_| amount.is_positive() && amount.currency() == currency && amount.is_whole_minor());
    let place = match funder {
        Some(funder) => {
            post_unmatched(work, funder.to_string(), amount, &event.reference);
            format!("it is in suspense of {funder}, find the payer")
        }
        None => format!(
            "it is in no book, which take whole minor units of {currency} at a funder we know: find the payer and who holds \
             it, give it back, or have what comes of it told under a reference of its own"
        ),
    };
    let text = format!("{amount} arrived under {} and fits no running loan: {place}", event.reference);
    call_people(work, "unmatched-repayment", event.loan, &event.reference, text);
    Ok(())
}

fn post_unmatched(work: &mut Work, funder: String, amount: Money, reference: &str) {
    let text = reference.to_owned();
    work.send(PostLedgerEvent {
        template: TEMPLATE_UNMATCHED.to_owned(),
        reference: LedgerReference { loan: None, order: None, repayment: None, parts: None, text },
        amounts: BTreeMap::from([("amount".to_owned(), amount)]),
        dimensions: BTreeMap::from([("funder".to_owned(), funder)]),
        date: work.today(),
    });
}

fn call_people(work: &mut Work, kind: &str, loan: Option<LoanId>, reference: &str, text: String) {
    work.send(OpenWorkOrder { kind: kind.to_owned(), loan, text, key: format!("{kind}:{reference}") });
}

/// The books refused money of a loan: it goes to suspense; the books refused even that: people post it.
pub(super) fn on_posting_refused(work: &mut Work, cmd: &PostLedgerEvent, refusal: &Rejection) -> Handled<()> {
    let reference = cmd.reference.text.as_str();
    let text = format!("money of {reference} was not posted as {}: {}", cmd.template, refusal.message);
    call_people(work, "repayment-not-posted", cmd.reference.loan, reference, text);
    if cmd.template == TEMPLATE_UNMATCHED {
        return Ok(());
    }
    let mut receipt = work.require::<ReceivedPayment>(cmd.reference.text.clone())?;
    let funder = cmd.dimensions.get("funder").cloned().unwrap_or_default();
    post_unmatched(work, funder, receipt.amount, reference);
    receipt.status = ReceiptStatus::Suspense;
    let order = receipt.order;
    work.save(receipt);
    if let Some(order) = order {
        super::order::close(work, order, OrderSignal::Suspend, "NOT_POSTED")?;
    }
    Ok(())
}

/// The money is in the books.
pub(super) fn on_accounting_entry_posted(work: &mut Work, event: &AccountingEntryPosted) -> Handled<()> {
    let is_loan = match event.template.as_str() {
        TEMPLATE_REPAID | TEMPLATE_CANCELLED => true,
        TEMPLATE_UNMATCHED => false,
        _ => return Ok(()),
    };
    let Some(mut receipt) = work.get::<ReceivedPayment>(event.reference.text.clone())? else { return Ok(()) };
    receipt.entry = Some(event.entry);
    if is_loan && receipt.status == ReceiptStatus::Taken {
        receipt.status = ReceiptStatus::Booked;
    }
    work.save(receipt);
    Ok(())
}

/// The money is on the note: people hear of what was paid too much; its order succeeded; an order that had ended says that
/// it was paid late.
pub(super) fn on_asset_posting_applied(work: &mut Work, event: &AssetPostingApplied) -> Handled<()> {
    if event.parts.surplus.is_positive() && event.principal_outstanding.is_zero() {
        let text = format!(
            "{} more than {} owed was paid: it is the borrower's. Pay it back, or another of the borrower's loans, with \
             resolve-suspense.",
            event.parts.surplus, event.loan
        );
        call_people(work, "customer-credit", Some(event.loan), &format!("{}:{}", event.loan, event.posting), text);
    }
    let Some(id) = event.order else { return Ok(()) };
    let Some(mut order) = work.get::<RepaymentOrder>(id)? else { return Ok(()) };
    if order.posting.is_some() {
        return Ok(());
    }
    let late = order.ended_unpaid();
    if !late && !order.moves(OrderSignal::Post) {
        return Ok(());
    }
    order.posting = Some(event.posting);
    if late {
        work.emit(RepaymentOrderClosed {
            order: id,
            loan: order.loan,
            customer: order.customer,
            status: order.status,
            reason: "PAID_LATE".to_owned(),
            will_retry: false,
            posting: order.posting,
        });
    }
    work.save(order);
    Ok(())
}
