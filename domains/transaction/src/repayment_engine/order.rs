//! Orders to repay: created, routed, offered, closed.

use sycee_contract::{
    CalculateRepaymentPosting, CreateRepaymentOrder, MandateId, OpenWorkOrder, PaymentDirection, PaymentFailed,
    PaymentSucceeded, QueryPartner, Rejection, RepaymentKind, RepaymentMethodCreated, RepaymentMethodKind,
    RepaymentOrderAnswer, RepaymentOrderClosed, RepaymentOrderCreated, RepaymentOrderId, RepaymentOrderStatus,
    RepaymentRouteSelected, RequestPartnerRepayment,
};
use sycee_money::Money;
use sycee_runtime::{Halt, Handled, Work};

use super::machine::OrderSignal;
use super::model::{LoanLink, RepaymentOrder};
use super::{ALARM_EXPIRED, debit, set_alarm, stop_alarm};
use crate::{RepaymentPolicy, TransactionRejection};

/// A customer wants to repay: the order takes what the loan's figures say today.
///
/// More than is owed becomes the customer's credit balance, but more above it than the whole loan is taken for a slip.
/// Errors: `LOAN_NOT_YOURS`, `NO_MANDATE`, `DEBIT_UNDER_WAY`, `AMOUNT_BELOW_SETTLEMENT`, and what the calculation refuses.
pub(super) fn create_repayment_order(work: &mut Work, cmd: &CreateRepaymentOrder) -> Handled<RepaymentOrderAnswer> {
    let loan = cmd.loan;
    let mut link = work.get::<LoanLink>(loan)?.ok_or_else(|| Rejection::not_found("running loan", loan))?;
    if link.customer != cmd.customer {
        return Err(TransactionRejection::LoanNotYours { loan }.into());
    }
    let mandate = match cmd.method {
        RepaymentMethodKind::DirectDebit if link.open_debit.is_some() => {
            return Err(TransactionRejection::DebitUnderWay { loan }.into());
        }
        RepaymentMethodKind::DirectDebit => Some(link.mandate.ok_or(TransactionRejection::NoMandate { loan })?),
        RepaymentMethodKind::Qr | RepaymentMethodKind::VirtualAccount | RepaymentMethodKind::DeepLink => None,
    };
    let currency = work.market().currency;
    let payable = |amount: Money| amount.is_positive() && amount.is_whole_minor() && amount.currency() == currency;
    if !cmd.amount.is_none_or(payable) {
        let rule = format!("must be more than zero, in whole minor units of {currency}");
        return Err(Rejection::invalid("amount", rule, "120.50").into());
    }
    let asked = cmd.amount.filter(|_| cmd.kind == RepaymentKind::Normal);
    let trial = CalculateRepaymentPosting { customer: cmd.customer, loan, kind: cmd.kind, amount: asked, as_of: None };
    let quote = work.ask(trial)?;
    if let Some(offered) = cmd.amount
        && offered.compare(quote.amount)?.is_lt()
    {
        return Err(TransactionRejection::AmountBelowSettlement { loan, needed: quote.amount, offered }.into());
    }
    let owed = quote.amount.checked_sub(quote.parts.surplus)?;
    let surplus_max = link.planned.unwrap_or(owed);
    if quote.parts.surplus.compare(surplus_max)?.is_gt() {
        let rule = format!("must be at most {surplus_max} above the {owed} that {loan} asks for in all");
        return Err(Rejection::invalid("amount", rule, surplus_max).into());
    }
    let in_advance = quote.amount.compare(quote.due_now)?.is_gt();
    let (kind, amount, method) = (cmd.kind, quote.amount, cmd.method);
    let wanted = Wanted { kind, amount, in_advance, method, mandate, debit_try: 0 };
    let order = open(work, &mut link, wanted);
    work.save(link);
    Ok(RepaymentOrderAnswer { order, amount: quote.amount })
}

/// What an order is to be.
pub(super) struct Wanted {
    pub(super) kind: RepaymentKind,
    pub(super) amount: Money,
    pub(super) in_advance: bool,
    pub(super) method: RepaymentMethodKind,
    pub(super) mandate: Option<MandateId>,
    pub(super) debit_try: u32,
}

/// Opens an order of a loan, with its deadline.
pub(super) fn open(work: &mut Work, link: &mut LoanLink, wanted: Wanted) -> RepaymentOrderId {
    let id: RepaymentOrderId = work.new_id();
    let policy = work.config::<RepaymentPolicy>();
    let is_debit = wanted.method == RepaymentMethodKind::DirectDebit;
    let hours = if is_debit { policy.debit_valid_hours } else { policy.order_valid_hours };
    let expires_at = work.now().plus_minutes(i64::from(hours) * 60);
    if is_debit {
        link.open_debit = Some(id);
    }
    if wanted.kind != RepaymentKind::Normal {
        link.open_settlement = Some(id);
    }
    work.save(RepaymentOrder {
        id,
        loan: link.loan,
        customer: link.customer,
        funder: link.funder,
        kind: wanted.kind,
        amount: wanted.amount,
        amount_now: None,
        method: wanted.method,
        mandate: wanted.mandate,
        debit_try: wanted.debit_try,
        in_advance: wanted.in_advance,
        status: RepaymentOrderStatus::Created,
        collects_itself: false,
        payment: None,
        reference: None,
        posting: None,
        reason: None,
        expires_at,
        quoted_on: work.today(),
    });
    set_alarm(work, id, ALARM_EXPIRED, expires_at);
    work.emit(RepaymentOrderCreated {
        order: id,
        loan: link.loan,
        customer: link.customer,
        funder: link.funder,
        kind: wanted.kind,
        amount: wanted.amount,
        method: wanted.method,
        mandate: wanted.mandate,
    });
    id
}

/// Decides who collects: the funder with its own system, or our payment system.
pub(super) fn on_repayment_order_created(work: &mut Work, event: &RepaymentOrderCreated) -> Handled<()> {
    let Some(mut order) = work.get::<RepaymentOrder>(event.order)? else { return Ok(()) };
    order.collects_itself = match work.ask(QueryPartner { partner: event.funder }) {
        Ok(collects_itself) => collects_itself,
        Err(Halt::Refused(_)) => false,
        Err(fault) => return Err(fault),
    };
    let collects_itself = order.collects_itself;
    work.save(order);
    work.emit(RepaymentRouteSelected { order: event.order, loan: event.loan, funder: event.funder, collects_itself });
    Ok(())
}

/// The partner hub has the repayment collected.
pub(super) fn on_repayment_route_selected(work: &mut Work, event: &RepaymentRouteSelected) -> Handled<()> {
    let Some(order) = work.get::<RepaymentOrder>(event.order)? else { return Ok(()) };
    if order.status == RepaymentOrderStatus::Created {
        work.send(RequestPartnerRepayment {
            order: order.id,
            loan: order.loan,
            customer: order.customer,
            funder: order.funder,
            amount: order.amount,
            method: order.method,
            mandate: order.mandate,
        });
    }
    Ok(())
}

/// Nobody can collect it: it failed. For a pull nobody waits, so people hear when it is not tried again.
pub(super) fn on_request_refused(work: &mut Work, cmd: &RequestPartnerRepayment, refusal: &Rejection) -> Handled<()> {
    let will_retry = close(work, cmd.order, OrderSignal::FailPayment, &refusal.code)?;
    if cmd.method == RepaymentMethodKind::DirectDebit && !will_retry {
        work.send(OpenWorkOrder {
            kind: "direct-debit-refused".to_owned(),
            loan: Some(cmd.loan),
            text: format!("{} can't be pulled ({}): collect it another way.", cmd.order, refusal.code),
            key: format!("direct-debit-refused:{}", cmd.order),
        });
    }
    Ok(())
}

/// The customer can pay.
pub(super) fn on_repayment_method_created(work: &mut Work, event: &RepaymentMethodCreated) -> Handled<()> {
    let Some(mut order) = work.get::<RepaymentOrder>(event.order)? else { return Ok(()) };
    if order.moves(OrderSignal::OfferMethod) {
        order.payment = event.payment;
        work.save(order);
    }
    Ok(())
}

/// A channel collected money of an order. Whoever has it says what became of it: an order whose money was told before, by
/// our bank and for no order, ends when its time is over.
pub(super) fn on_payment_succeeded(work: &mut Work, event: &PaymentSucceeded) -> Handled<()> {
    let (PaymentDirection::Collection, Some(id)) = (event.direction, event.purpose.repayment) else { return Ok(()) };
    let Some(mut order) = work.get::<RepaymentOrder>(id)? else { return Ok(()) };
    if order.takes_money() && order.payment.is_none() {
        order.payment = Some(event.payment);
        work.save(order);
    }
    Ok(())
}

/// A channel did not collect the money of an order, or says that nobody paid in time.
pub(super) fn on_payment_failed(work: &mut Work, event: &PaymentFailed) -> Handled<()> {
    match (event.direction, event.purpose.repayment) {
        (PaymentDirection::Collection, Some(id)) => {
            let order = work.get::<RepaymentOrder>(id)?;
            let is_pull = order.is_some_and(|order| order.method == RepaymentMethodKind::DirectDebit);
            // A pull that a payer did not approve in time has bounced, whatever the channel calls it.
            if event.reason == "EXPIRED" && !is_pull {
                return expire(work, id);
            }
            close(work, id, OrderSignal::FailPayment, &event.reason).map(|_| ())
        }
        _ => Ok(()),
    }
}

/// The order's time is over.
pub(super) fn expire(work: &mut Work, order: RepaymentOrderId) -> Handled<()> {
    close(work, order, OrderSignal::Expire, "NOT_PAID_IN_TIME").map(|_| ())
}

/// Ends an order without money on its loan, if its state allows, and says whether its debit will be tried again: a bounced
/// one is, some days later.
pub(super) fn close(work: &mut Work, id: RepaymentOrderId, signal: OrderSignal, reason: &str) -> Handled<bool> {
    let Some(mut order) = work.get::<RepaymentOrder>(id)? else { return Ok(false) };
    if !order.moves(signal) {
        return Ok(false);
    }
    stop_alarm(work, id, ALARM_EXPIRED);
    order.reason = Some(reason.to_owned());
    let mut will_retry = false;
    if let Some(mut link) = work.get::<LoanLink>(order.loan)? {
        will_retry = signal != OrderSignal::Suspend && debit::schedule_retry(work, &link, &order);
        if link.forget(id) {
            work.save(link.clone());
        }
        if !will_retry {
            debit::go_on(work, &mut link)?;
        }
    }
    work.emit(RepaymentOrderClosed {
        order: id,
        loan: order.loan,
        customer: order.customer,
        status: order.status,
        reason: reason.to_owned(),
        will_retry,
        posting: None,
    });
    work.save(order);
    Ok(will_retry)
}
