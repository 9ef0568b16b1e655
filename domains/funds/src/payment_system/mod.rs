//! Payments through channels: payouts, requests to pay, pulls under a mandate, and what channels say about them.
//!
//! Invariant: a request reaches a channel under one request id, `pay-<number>`, for ever.
//! Invariant: a payment without a final answer has an alarm, or a work order.
//! Invariant: a mandate that a customer gives is on the wallet that took the customer's last payout: what was only sent, or
//! came from a wallet, proves nothing.
//! Invariant: a pull that was taken back before it left is over: nobody asks the channel about it.

mod config;
pub mod content;
mod order;
mod results;

pub use config::{MerchantConfig, PaymentChannelConfig, PaymentConfig};
pub use order::{
    DirectDebitMandate, DisbursementPayment, ExpectedCollection, PaidWallet, PayerAccount, PaymentOrder, PaymentStatus,
    PaymentStep,
};

use sycee_contract::messages::{
    CollectionReferenceLearned, CreateDirectDebitMandate, CreateRepaymentMethod, DecidePayment,
    DirectDebitMandateCreated, InitiatePayment, PollPayment, RecordPaymentResult, RepaymentMethodCreated,
    RepaymentOrderClosed, RepaymentOrderCreated, RequestDisbursement, ResolveWorkOrder,
};
use sycee_contract::{
    CancelDirectDebitMandate, ChannelPayment, DirectDebitMandateCancelled, LINE_MAX, MandateId, NAME_MAX,
    OpenWorkOrder, PaymentAnswer, PaymentDirection, PaymentFailed, PaymentId, PaymentPurpose, PaymentSucceeded,
    PayoutAccount, QueryLoanPosition, QueryPartner, Rejection, RepaymentMethodKind, Sensitive, StrayPayoutReported,
    check_text,
};
use sycee_money::Money;
use sycee_runtime::{Handled, Registry, Work};

use crate::FundsRejection;

/// Registers this service. Configuration needed: [`PaymentConfig`].
pub fn register(registry: &mut Registry) {
    registry
        .service("payment-system")
        .entity::<PaymentOrder>()
        .entity::<DirectDebitMandate>()
        .entity::<PayerAccount>()
        .entity::<PaidWallet>()
        .entity::<DisbursementPayment>()
        .entity::<ExpectedCollection>()
        .handles::<InitiatePayment>(initiate_payment)
        .handles::<RequestDisbursement>(request_disbursement)
        .handles::<CreateRepaymentMethod>(create_repayment_method)
        .handles::<CreateDirectDebitMandate>(create_direct_debit_mandate)
        .handles::<CancelDirectDebitMandate>(cancel_direct_debit_mandate)
        .handles::<RecordPaymentResult>(results::record_payment_result)
        .handles::<PollPayment>(results::poll_payment)
        .handles::<DecidePayment>(results::decide_payment)
        .on::<RepaymentOrderCreated>(on_repayment_order_created)
        .on::<RepaymentOrderClosed>(on_repayment_order_closed)
        .emits::<CollectionReferenceLearned>()
        .emits::<DirectDebitMandateCancelled>()
        .emits::<DirectDebitMandateCreated>()
        .emits::<PaymentFailed>()
        .emits::<PaymentSucceeded>()
        .emits::<RepaymentMethodCreated>()
        .sends::<OpenWorkOrder>()
        .sends::<PollPayment>()
        .sends::<QueryLoanPosition>()
        .sends::<QueryPartner>()
        .sends::<ResolveWorkOrder>()
        .emits::<StrayPayoutReported>();
}

/// How a payment is to be made, before it has a number.
struct Draft<'a> {
    direction: PaymentDirection,
    purpose: &'a PaymentPurpose,
    amount: Money,
    account: &'a PayoutAccount,
    method: Option<RepaymentMethodKind>,
    mandate: Option<MandateId>,
}

/// Saves an order, hands it to the channel after commit, and sets its alarm.
fn send_to_channel(work: &mut Work, draft: Draft) -> Handled<PaymentOrder> {
    let config = work.config::<PaymentConfig>();
    let currency = work.market().currency;
    if !draft.amount.is_positive() || !draft.amount.is_whole_minor() || draft.amount.currency() != currency {
        let example = Money::from_minor(1_000, currency)?;
        return Err(FundsRejection::AmountInvalid { amount: draft.amount, example }.into());
    }
    config.require(&draft.account.channel, draft.direction)?;
    let sent_at = work.now();
    let is_pull = draft.mandate.is_some();
    let expires = draft.direction == PaymentDirection::Collection && !is_pull;
    let payment: PaymentId = work.new_id();
    work.about(draft.purpose.customer);
    let effect = work.numbered_effect(ChannelPayment {
        request_id: payment.to_string(),
        payment,
        loan: draft.purpose.loan,
        customer: draft.purpose.customer,
        direction: draft.direction,
        amount: draft.amount,
        account: draft.account.clone(),
        under_mandate: is_pull,
    });
    let order = PaymentOrder {
        id: payment,
        direction: draft.direction,
        loan: draft.purpose.loan,
        customer: draft.purpose.customer,
        disbursement: draft.purpose.disbursement,
        repayment: draft.purpose.repayment,
        fund_account: draft.purpose.fund_account,
        reservation: draft.purpose.reservation,
        amount: draft.amount,
        channel: draft.account.channel.clone(),
        number: draft.account.number.clone(),
        method: draft.method,
        mandate: draft.mandate,
        status: PaymentStatus::Sent,
        channel_reference: None,
        reason: None,
        moved: None,
        effect,
        polls: 0,
        sent_at,
        expires_at: expires.then(|| sent_at.plus_seconds(config.method_seconds)),
        settled_at: None,
    };
    results::set_alarm(work, &order, &config);
    work.save(order.clone());
    Ok(order)
}

/// Moves money through a channel, for a partner. Errors: as [`pay`].
fn initiate_payment(work: &mut Work, cmd: &InitiatePayment) -> Handled<PaymentAnswer> {
    pay(work, cmd.direction, &cmd.purpose, cmd.amount, &cmd.account)
}

/// Pays a loan out of own funds. Errors: as [`pay`].
fn request_disbursement(work: &mut Work, cmd: &RequestDisbursement) -> Handled<PaymentAnswer> {
    pay(work, PaymentDirection::Payout, &cmd.purpose, cmd.amount, &cmd.account)
}

/// Sends a payment, once an attempt.
///
/// Errors: `INVALID_FIELD` for an account with a text that is none or has no end, for a payout without attempt and
/// reservation, or one that people order, and for a collection with either; `INVALID_AMOUNT`, `CHANNEL_UNKNOWN`,
/// `CHANNEL_CLOSED`.
fn pay(
    work: &mut Work,
    direction: PaymentDirection,
    purpose: &PaymentPurpose,
    amount: Money,
    account: &PayoutAccount,
) -> Handled<PaymentAnswer> {
    check_purpose(work, direction, purpose)?;
    check_account(account)?;
    if let Some(disbursement) = purpose.disbursement
        && let Some(existing) = work.get::<DisbursementPayment>(disbursement)?
    {
        return Ok(PaymentAnswer { payment: existing.payment });
    }
    let order = send_to_channel(work, Draft { direction, purpose, amount, account, method: None, mandate: None })?;
    if let Some(disbursement) = purpose.disbursement {
        work.save(DisbursementPayment { disbursement, payment: order.id });
    }
    remember_payer(work, &order, account)?;
    Ok(PaymentAnswer { payment: order.id })
}

/// A payout is the partner hub's to order, for an attempt and out of money that is reserved for it: what people sent past it
/// would be in no book and on no loan.
fn check_purpose(work: &Work, direction: PaymentDirection, purpose: &PaymentPurpose) -> Result<(), Rejection> {
    let (attempt, reserved) = (purpose.disbursement.is_some(), purpose.reservation.is_some());
    match direction {
        PaymentDirection::Payout if !(attempt && reserved) => Err(Rejection::invalid(
            "purpose",
            "a payout pays an attempt out of money that is reserved for it: neither the books nor a loan would know it",
            "{\"disbursement\": \"dis-1042\", \"reservation\": \"rsv-1041\"}",
        )),
        PaymentDirection::Payout if work.is_stimulus() => Err(Rejection::new(
            "INVALID_FIELD",
            "purpose: people order no payout, the partner hub does, for each attempt of a loan; have the customer apply again \
             for a loan that was not paid out, and confirm what finance pays back at the bank with resolve-suspense or \
             return-funds",
        )
        .with("field", "purpose")),
        PaymentDirection::Collection if attempt || reserved => Err(Rejection::invalid(
            "purpose",
            "a collection is for a repayment order: it pays no attempt, and takes no reserved money",
            "{\"repayment\": \"rpo-1042\"}",
        )),
        PaymentDirection::Payout | PaymentDirection::Collection => Ok(()),
    }
}

/// Whether an account's texts say something and have an end.
///
/// Errors: `INVALID_FIELD`.
fn check_account(account: &PayoutAccount) -> Result<(), Rejection> {
    check_text("account.channel", &account.channel, NAME_MAX, "mtn-momo")?;
    check_text("account.number", account.number.reveal(), NAME_MAX, "an account number of that channel")?;
    check_text("account.holder", account.holder.reveal(), LINE_MAX, "the name on the account")
}

fn remember_payer(work: &mut Work, order: &PaymentOrder, account: &PayoutAccount) -> Handled<()> {
    let newest = PayerAccount {
        customer: order.customer,
        channel: account.channel.clone(),
        number: account.number.clone(),
        holder: account.holder.clone(),
    };
    if work.get::<PayerAccount>(order.customer)?.as_ref() != Some(&newest) {
        work.save(newest);
    }
    Ok(())
}

/// An order that ended is pulled for no more: a request that has not reached the channel yet is taken back, for the next
/// due date asks anew.
fn on_repayment_order_closed(work: &mut Work, event: &RepaymentOrderClosed) -> Handled<()> {
    let expected = work.get::<ExpectedCollection>(event.order)?;
    let Some(payment) = expected.and_then(|expected| expected.payment) else { return Ok(()) };
    let pull = work.get::<PaymentOrder>(payment)?.filter(|order| order.mandate.is_some() && order.is_open());
    match pull {
        Some(pull) => work.withdraw_effect(pull.effect, &format!("{} ended", event.order)),
        None => Ok(()),
    }
}

/// Notes what will be collected, whoever collects it.
fn on_repayment_order_created(work: &mut Work, event: &RepaymentOrderCreated) -> Handled<()> {
    if work.get::<ExpectedCollection>(event.order)?.is_none() {
        work.save(ExpectedCollection {
            order: event.order,
            loan: event.loan,
            amount: event.amount,
            method: event.method,
            payment: None,
            collected: None,
        });
    }
    Ok(())
}

/// Creates a way to pay a repayment order. An order with an open or paid payment keeps it; after a failure it gets another.
fn create_repayment_method(work: &mut Work, cmd: &CreateRepaymentMethod) -> Handled<PaymentAnswer> {
    let expected = work.get::<ExpectedCollection>(cmd.order)?;
    if let Some(payment) = expected.as_ref().and_then(|expected| expected.payment) {
        let order = work.require::<PaymentOrder>(payment)?;
        if matches!(order.status, PaymentStatus::Sent | PaymentStatus::Succeeded) && order.amount == cmd.amount {
            return Ok(PaymentAnswer { payment });
        }
    }
    let mandate = matching_mandate(work, cmd)?;
    let account = match &mandate {
        Some(mandate) => PayoutAccount {
            channel: mandate.channel.clone(),
            number: mandate.number.clone(),
            holder: mandate.holder.clone(),
        },
        None => payer_account(work, cmd)?,
    };
    let purpose = PaymentPurpose {
        loan: cmd.loan,
        customer: cmd.customer,
        disbursement: None,
        repayment: Some(cmd.order),
        fund_account: None,
        reservation: None,
    };
    let draft = Draft {
        direction: PaymentDirection::Collection,
        purpose: &purpose,
        amount: cmd.amount,
        account: &account,
        method: Some(cmd.method),
        mandate: mandate.map(|mandate| mandate.id),
    };
    let order = send_to_channel(work, draft)?;
    work.save(ExpectedCollection {
        order: cmd.order,
        loan: cmd.loan,
        amount: cmd.amount,
        method: cmd.method,
        payment: Some(order.id),
        collected: expected.and_then(|expected| expected.collected),
    });
    let config = work.config::<PaymentConfig>();
    work.emit(RepaymentMethodCreated {
        order: cmd.order,
        loan: cmd.loan,
        customer: cmd.customer,
        method: cmd.method,
        amount: cmd.amount,
        content: shown_to_payer(&config, &work.market().country.to_string(), &order, cmd.method),
        payment: Some(order.id),
        expires_at: order.sent_at.plus_seconds(config.method_seconds),
    });
    Ok(PaymentAnswer { payment: order.id })
}

/// The mandate a pull goes under; none for other methods. Errors: `NO_MANDATE`.
fn matching_mandate(work: &mut Work, cmd: &CreateRepaymentMethod) -> Handled<Option<DirectDebitMandate>> {
    if cmd.method != RepaymentMethodKind::DirectDebit {
        return Ok(None);
    }
    let mandate = work.get::<DirectDebitMandate>(cmd.loan)?;
    let mandate = mandate.filter(|mandate| Some(mandate.id) == cmd.mandate && mandate.customer == cmd.customer);
    Ok(Some(mandate.ok_or(FundsRejection::NoMandate { loan: cmd.loan })?))
}

/// Where the request to pay goes: the customer's own wallet, or the collecting channel when that can't collect.
fn payer_account(work: &mut Work, cmd: &CreateRepaymentMethod) -> Handled<PayoutAccount> {
    let config = work.config::<PaymentConfig>();
    let known = work.get::<PayerAccount>(cmd.customer)?;
    let collects = |payer: &PayerAccount| config.channel(&payer.channel).is_some_and(|channel| channel.collection);
    Ok(match known.filter(collects) {
        Some(payer) => PayoutAccount { channel: payer.channel, number: payer.number, holder: payer.holder },
        None => PayoutAccount {
            channel: config.collection_channel.clone(),
            number: Sensitive::new(""),
            holder: Sensitive::new(""),
        },
    })
}

fn shown_to_payer(config: &PaymentConfig, country: &str, order: &PaymentOrder, method: RepaymentMethodKind) -> String {
    let merchant = &config.merchant;
    match method {
        RepaymentMethodKind::Qr => format!("qr:{}", content::qr_content(merchant, country, order.id, order.amount)),
        RepaymentMethodKind::VirtualAccount => {
            format!("va:{}", content::virtual_account(&merchant.virtual_account_prefix, order.id))
        }
        RepaymentMethodKind::DeepLink => {
            format!("link:{}", content::deep_link(&merchant.link_base, order.id, order.amount))
        }
        RepaymentMethodKind::DirectDebit => format!("debit:{}", order.id),
    }
}

/// Allows a loan's installments to be pulled; a loan has one mandate, asked for again on the same wallet it is the same.
fn create_direct_debit_mandate(work: &mut Work, cmd: &CreateDirectDebitMandate) -> Handled<MandateId> {
    work.about(cmd.customer);
    if work.is_stimulus() {
        // The loan engine knows whose loan it is and where it was paid to; anybody else is asked.
        check_may_give(work, cmd)?;
    }
    if let Some(existing) = work.get::<DirectDebitMandate>(cmd.loan)? {
        if existing.customer != cmd.customer {
            return Err(
                Rejection::invalid("customer", "the loan's mandate is another customer's", "the borrower").into()
            );
        }
        if existing.channel != cmd.account.channel || existing.number != cmd.account.number {
            let wanted = "the wallet that it was given on: cancel it first";
            return Err(Rejection::unexpected_state("mandate", existing.id, "on another wallet", wanted).into());
        }
        return Ok(existing.id);
    }
    let config = work.config::<PaymentConfig>();
    if !config.channel(&cmd.account.channel).is_some_and(|channel| channel.mandates) {
        return Err(Rejection::invalid(
            "account.channel",
            "it has to be a channel that takes mandates",
            &config.collection_channel,
        )
        .into());
    }
    let mandate = DirectDebitMandate {
        loan: cmd.loan,
        id: work.new_id(),
        customer: cmd.customer,
        channel: cmd.account.channel.clone(),
        number: cmd.account.number.clone(),
        holder: cmd.account.holder.clone(),
        created_at: work.now(),
    };
    let id = mandate.id;
    work.save(mandate);
    work.emit(DirectDebitMandateCreated { mandate: id, customer: cmd.customer, loan: cmd.loan });
    Ok(id)
}

/// Whether a mandate may be given from outside: by the borrower, for a running loan that we collect, on the borrower's own
/// wallet. A number that somebody names proves nothing, nor does one that paid or was asked to: the one that took our last
/// payout does.
///
/// Errors: `NOT_FOUND`, `LOAN_NOT_YOURS`, `UNEXPECTED_STATE`, `INVALID_FIELD`.
fn check_may_give(work: &mut Work, cmd: &CreateDirectDebitMandate) -> Handled<()> {
    check_account(&cmd.account)?;
    let position = work.ask(QueryLoanPosition { loan: cmd.loan, as_of: None })?;
    if position.customer != cmd.customer {
        return Err(FundsRejection::LoanNotYours { loan: cmd.loan }.into());
    }
    if position.installments.is_empty() {
        let wanted = "a loan with something left to pay";
        return Err(Rejection::unexpected_state("loan", cmd.loan, "settled", wanted).into());
    }
    if work.ask(QueryPartner { partner: position.funder })? {
        let wanted = "a loan that we collect ourselves: choose another way to pay";
        return Err(Rejection::unexpected_state("loan", cmd.loan, "collected by its funder", wanted).into());
    }
    let paid = work.read::<PaidWallet>(cmd.customer)?;
    let own = paid.is_some_and(|paid| paid.channel == cmd.account.channel && paid.number == cmd.account.number);
    if own {
        return Ok(());
    }
    let rule = "it has to be the wallet that you were last paid on";
    Err(Rejection::invalid("account", rule, "channel and number that your last loan was paid to").into())
}

/// Ends the loan's mandate: a pull is refused from there on. Errors: `NO_MANDATE`.
fn cancel_direct_debit_mandate(work: &mut Work, cmd: &CancelDirectDebitMandate) -> Handled<()> {
    let mandate = work.get::<DirectDebitMandate>(cmd.loan)?.filter(|mandate| mandate.customer == cmd.customer);
    let mandate = mandate.ok_or(FundsRejection::NoMandate { loan: cmd.loan })?;
    work.delete::<DirectDebitMandate>(cmd.loan);
    work.emit(DirectDebitMandateCancelled { mandate: mandate.id, customer: cmd.customer, loan: cmd.loan });
    Ok(())
}
