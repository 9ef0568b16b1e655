//! From the application to the approval: limit, risk, people.

use sycee_contract::{
    AcceptProductOffer, CancelLoanApplication, CreditLineFrozen, CreditReleased, CreditReserved, LINE_MAX,
    LoanApplicationAnswer, LoanApplicationCreated, LoanApplicationReferred, LoanApplicationRejected, LoanId, NAME_MAX,
    NOTE_MAX, OfferDetailRequest, PlannedInstallment, ProductFundingMatched, QueryCreditLine, Rejection,
    ReleaseCreditLine, ReserveCreditLine, ReviewLoanApplication, RiskDecisionMade, RiskOutcome, RiskPurpose,
    SubmitLoanApplication, check_text,
};
use sycee_money::{Currency, Money, MoneyError};
use sycee_runtime::{Handled, Json, Work};

use super::machine::LoanSignal;
use super::model::{CustomerLoans, LoanApplication, LoanOrder, ProductFunding};
use super::signing::offer_contract;
use super::{Canceller, REVIEW, agreed, call_people, cancel, count_closed, count_opened, end_review, release_line};
use crate::{LoanPolicy, Step, TransactionRejection};

/// Takes an application in: the offer, the line and the number of open loans must allow it.
///
/// Errors: `INVALID_FIELD`, `CHANNEL_UNKNOWN`, `NO_CREDIT_LINE`, `CREDIT_LINE_FROZEN`, `CREDIT_LINE_EXPIRED`,
/// `CREDIT_LIMIT_EXCEEDED`, `TOO_MANY_OPEN_LOANS`, and what the acceptance of the offer is refused for.
pub(super) fn submit_loan_application(work: &mut Work, cmd: &SubmitLoanApplication) -> Handled<LoanApplicationAnswer> {
    work.about(cmd.customer);
    check_fields(cmd)?;
    check_channel(work, cmd)?;
    let choice = OfferDetailRequest { offer: cmd.offer, amount: cmd.amount, term: cmd.term };
    let accepted = work.ask(AcceptProductOffer { customer: cmd.customer, choice })?;
    check_line(work, cmd)?;
    let counted = work.get::<CustomerLoans>(cmd.customer)?.unwrap_or_else(|| CustomerLoans::none(cmd.customer));
    let limit = work.config::<LoanPolicy>().max_open_loans;
    if counted.open >= limit {
        let open = counted.open;
        return Err(TransactionRejection::TooManyOpenLoans { customer: cmd.customer, open, limit }.into());
    }

    let (terms, plan) = (accepted.terms, accepted.plan);
    let funding = work.get::<ProductFunding>((terms.product.clone(), terms.version))?;
    let loan: LoanId = work.new_id();
    let mut order = LoanOrder::draft(loan, cmd.customer);
    order.apply(LoanSignal::Submit, work.now());
    order.apply(LoanSignal::StartCheck, work.now());
    let first_installment = match plan.installments.first() {
        Some(first) => sum_due(plan.principal.currency(), first)?,
        None => Money::zero(plan.principal.currency()),
    };
    let application = LoanApplication {
        loan,
        customer: cmd.customer,
        offer: cmd.offer,
        funders: funding.map_or_else(|| Json(Vec::new()), |funding| funding.funders),
        principal: cmd.amount,
        term: cmd.term,
        upfront_fee: plan.upfront_fee,
        net_proceeds: plan.net_proceeds,
        first_installment,
        total_due: plan.total_due,
        apr: plan.apr,
        purpose: cmd.purpose.clone(),
        language: cmd.language.clone(),
        payout_channel: cmd.payout_account.channel.clone(),
        payout_number: cmd.payout_account.number.clone(),
        payout_holder: cmd.payout_account.holder.clone(),
        direct_debit: cmd.direct_debit,
        terms: Json(terms),
    };
    work.send(ReserveCreditLine { customer: cmd.customer, loan, amount: cmd.amount });
    work.emit(LoanApplicationCreated {
        loan,
        customer: cmd.customer,
        product: application.terms.product.clone(),
        version: application.terms.version,
        amount: cmd.amount,
        term: cmd.term,
        purpose: cmd.purpose.clone(),
        first_installment,
    });
    let status = order.status;
    count_opened(work, counted);
    work.save(application);
    work.save(order);
    Ok(LoanApplicationAnswer { loan, status })
}

fn check_fields(cmd: &SubmitLoanApplication) -> Result<(), Rejection> {
    if !cmd.amount.is_positive() {
        return Err(Rejection::invalid("amount", "must be more than zero", "1500.00"));
    }
    let account = &cmd.payout_account;
    check_text("purpose", &cmd.purpose, LINE_MAX, "education")?;
    check_text("language", &cmd.language, NAME_MAX, "en-GH")?;
    check_text("payoutAccount.channel", &account.channel, NAME_MAX, "mtn-momo")?;
    check_text("payoutAccount.number", account.number.reveal(), NAME_MAX, "an account number of that channel")?;
    check_text("payoutAccount.holder", account.holder.reveal(), LINE_MAX, "the name on the account")
}

/// Money can only go where the market has a channel that pays out: better said now than after the signature.
fn check_channel(work: &Work, cmd: &SubmitLoanApplication) -> Result<(), TransactionRejection> {
    let (policy, channel) = (work.config::<LoanPolicy>(), &cmd.payout_account.channel);
    let known = &policy.payout_channels;
    if known.is_empty() || known.contains(channel) {
        return Ok(());
    }
    Err(TransactionRejection::ChannelUnknown { channel: channel.clone(), known: known.join(", ") })
}

fn check_line(work: &mut Work, cmd: &SubmitLoanApplication) -> Handled<()> {
    let customer = cmd.customer;
    let line = work.ask(QueryCreditLine { customer })?.ok_or(TransactionRejection::NoCreditLine { customer })?;
    if line.is_frozen {
        return Err(TransactionRejection::CreditLineFrozen { customer }.into());
    }
    if work.now() > line.valid_until {
        return Err(TransactionRejection::CreditLineExpired { customer, until: line.valid_until }.into());
    }
    if line.available.compare(cmd.amount)?.is_lt() {
        let available = line.available;
        return Err(TransactionRejection::CreditLimitExceeded { customer, available, requested: cmd.amount }.into());
    }
    Ok(())
}

/// Sum due by one planned installment.
fn sum_due(currency: Currency, planned: &PlannedInstallment) -> Result<Money, MoneyError> {
    Money::sum(currency, [planned.principal, planned.interest, planned.fee])
}

/// Remembers that a part of the line is held for the loan.
pub(super) fn on_credit_reserved(work: &mut Work, event: &CreditReserved) -> Handled<()> {
    if let Some(mut order) = work.get::<LoanOrder>(event.loan)?
        && !order.line_reserved
    {
        order.line_reserved = true;
        work.save(order);
    }
    Ok(())
}

/// Remembers that nothing is held for the loan; repaid principal is no hold.
pub(super) fn on_credit_released(work: &mut Work, event: &CreditReleased) -> Handled<()> {
    if event.reason == "repaid" {
        return Ok(());
    }
    if let Some(mut order) = work.get::<LoanOrder>(event.loan)?
        && order.line_reserved
    {
        order.line_reserved = false;
        work.save(order);
    }
    Ok(())
}

/// Remembers whether the customer's line is frozen: nothing is signed or paid out while it is.
pub(super) fn on_credit_line_frozen(work: &mut Work, event: &CreditLineFrozen) -> Handled<()> {
    let customer = event.line.customer;
    let mut loans = work.get::<CustomerLoans>(customer)?.unwrap_or_else(|| CustomerLoans::none(customer));
    if loans.line_frozen != event.frozen {
        loans.line_frozen = event.frozen;
        work.save(loans);
    }
    Ok(())
}

/// Remembers who may finance a product version.
pub(super) fn on_product_funding_matched(work: &mut Work, event: &ProductFundingMatched) -> Handled<()> {
    work.save(ProductFunding {
        product: event.product.clone(),
        version: event.version,
        funders: Json(event.funders.clone()),
    });
    Ok(())
}

/// The line gave no hold after all: the application is refused.
pub(super) fn on_line_refused(work: &mut Work, cmd: &ReserveCreditLine, refusal: &Rejection) -> Handled<()> {
    let Some(mut order) = work.get::<LoanOrder>(cmd.loan)? else { return Ok(()) };
    reject(work, &mut order, LoanSignal::RefuseLine, vec![refusal.code.clone()])?;
    work.save(order);
    Ok(())
}

/// A hold could not be given back: people have to correct the line.
pub(super) fn on_line_release_refused(work: &mut Work, cmd: &ReleaseCreditLine, refusal: &Rejection) -> Handled<()> {
    let text = format!("credit line of {} was not released for {}: {}", cmd.customer, cmd.loan, refusal.code);
    call_people(work, cmd.loan, "line-not-released", text);
    Ok(())
}

/// What risk decided about paying a loan out.
pub(super) fn on_risk_decision_made(work: &mut Work, event: &RiskDecisionMade) -> Handled<()> {
    let (RiskPurpose::Drawdown, Some(loan)) = (event.purpose, event.subject.loan) else { return Ok(()) };
    let Some(mut order) = work.get::<LoanOrder>(loan)? else { return Ok(()) };
    let now = work.now();
    let signal = signal_of(event, work.market().manual_review, now <= event.valid_until);
    if !matches!(super::step(order.status, signal), Step::To(_)) {
        return Ok(());
    }
    order.decision = Some(event.decision);
    order.decision_valid_until = Some(event.valid_until);
    match signal {
        LoanSignal::RiskApprove => {
            order.apply(signal, now);
            let application = agreed(work, loan)?;
            if needs_person(work, &application)? {
                refer(work, &mut order, LoanSignal::Escalate, vec!["LARGE_AMOUNT".to_owned()]);
            } else {
                order.apply(LoanSignal::SkipReview, now);
                offer_contract(work, &mut order, &application)?;
            }
        }
        LoanSignal::RiskRefer => refer(work, &mut order, signal, event.reasons.clone()),
        _ => {
            let mut reasons = event.reasons.clone();
            if event.outcome == RiskOutcome::Approve {
                reasons.insert(0, "DECISION_EXPIRED".to_owned());
            }
            reject(work, &mut order, signal, reasons)?;
        }
    }
    work.save(order);
    Ok(())
}

/// A market without manual review rejects what it would refer; a decision out of date approves nothing.
fn signal_of(event: &RiskDecisionMade, manual_review: bool, in_force: bool) -> LoanSignal {
    match event.outcome {
        RiskOutcome::Approve if in_force => LoanSignal::RiskApprove,
        RiskOutcome::Review if manual_review => LoanSignal::RiskRefer,
        RiskOutcome::Approve | RiskOutcome::Reject | RiskOutcome::Review => LoanSignal::RiskReject,
    }
}

fn needs_person(work: &Work, application: &LoanApplication) -> Handled<bool> {
    match work.config::<LoanPolicy>().review_amount {
        Some(threshold) if work.market().manual_review => Ok(application.principal.compare(threshold)?.is_ge()),
        _ => Ok(false),
    }
}

fn refer(work: &mut Work, order: &mut LoanOrder, signal: LoanSignal, reasons: Vec<String>) {
    order.apply(signal, work.now());
    let text = format!(
        "the application for {} needs a person ({}): look and decide it with review-loan-application",
        order.loan,
        reasons.join(", ")
    );
    call_people(work, order.loan, REVIEW, text);
    work.emit(LoanApplicationReferred { loan: order.loan, customer: order.customer, reasons });
}

/// Refuses the loan by `signal`, if its state allows, and gives back what was held for it.
fn reject(work: &mut Work, order: &mut LoanOrder, signal: LoanSignal, reasons: Vec<String>) -> Handled<()> {
    if !order.moves(signal, work.now()) {
        return Ok(());
    }
    order.reason = reasons.first().cloned();
    release_line(work, order, "rejected");
    work.emit(LoanApplicationRejected { loan: order.loan, customer: order.customer, reasons });
    count_closed(work, order.customer)
}

/// A person decides, and says why.
///
/// Errors: `DECISION_EXPIRED` when the risk decision may not be used for an approval; `NOT_FOUND`, `UNEXPECTED_STATE`, and
/// `INVALID_FIELD` for the note.
pub(super) fn review_loan_application(work: &mut Work, cmd: &ReviewLoanApplication) -> Handled<()> {
    check_text("note", &cmd.note, NOTE_MAX, "income verified by payslip")?;
    let mut order = work.require::<LoanOrder>(cmd.loan)?;
    let signal = if cmd.approve { LoanSignal::ReviewApprove } else { LoanSignal::ReviewReject };
    match super::step(order.status, signal) {
        Step::AlreadyApplied => return Ok(()),
        Step::Refused => return Err(unexpected(&order, "decided by a person").into()),
        Step::To(_) => {}
    }
    if cmd.approve {
        check_decision(work, &order)?;
        order.apply(signal, work.now());
        let application = agreed(work, cmd.loan)?;
        offer_contract(work, &mut order, &application)?;
    } else {
        reject(work, &mut order, signal, vec!["REJECTED_BY_REVIEWER".to_owned()])?;
    }
    end_review(work, cmd.loan, "decided with review-loan-application");
    work.save(order);
    Ok(())
}

/// The customer wants no loan after all, and no money moved yet.
///
/// Errors: `NOT_FOUND`, `LOAN_NOT_YOURS`, `INVALID_FIELD` for the reason, `UNEXPECTED_STATE` when money may have moved.
pub(super) fn cancel_loan_application(work: &mut Work, cmd: &CancelLoanApplication) -> Handled<LoanApplicationAnswer> {
    let mut order = work.require::<LoanOrder>(cmd.loan)?;
    if order.customer != cmd.customer {
        return Err(TransactionRejection::LoanNotYours { loan: cmd.loan }.into());
    }
    check_text("reason", &cmd.reason, NAME_MAX, "CHANGED_MIND")?;
    match super::step(order.status, LoanSignal::Cancel) {
        Step::Refused => return Err(unexpected(&order, "cancelled").into()),
        Step::AlreadyApplied => {}
        Step::To(_) => {
            cancel(work, &mut order, Canceller::Customer, &cmd.reason)?;
            work.save(order.clone());
        }
    }
    Ok(LoanApplicationAnswer { loan: cmd.loan, status: order.status })
}

/// Errors: `DECISION_EXPIRED`.
pub(super) fn check_decision(work: &Work, order: &LoanOrder) -> Result<(), TransactionRejection> {
    if order.decision_holds(work.now()) {
        return Ok(());
    }
    let until = order.decision_valid_until.unwrap_or_default();
    Err(TransactionRejection::DecisionExpired { loan: order.loan, until })
}

pub(super) fn unexpected(order: &LoanOrder, action: &'static str) -> TransactionRejection {
    TransactionRejection::UnexpectedLoanState { loan: order.loan, status: order.status, action }
}
