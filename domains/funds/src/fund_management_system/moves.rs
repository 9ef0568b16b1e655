//! Moves along a reservation's life, and what repayments bring back.

use sycee_contract::messages::{
    AccountingEntryPosted, DisbursementRequested, FundBalanceChanged, FundReservationReleased, FundReserved,
    OpenWorkOrder, PartnerDisbursementFailed, PartnerDisbursementSucceeded, PaymentFailed, PaymentSucceeded,
    ReleaseFundReservation, RepaymentSucceeded, ReserveFunds,
};
use sycee_contract::{
    FundAccountId, FundReservationAnswer, NAME_MAX, PartnerId, PaymentDirection, ReservationId, check_text,
};
use sycee_money::Money;
use sycee_runtime::{Fault, Handled, Work};

use super::account::Cause;
use super::{
    FundAccount, FundReservation, LoanReservation, MovementKind, ReservationMessage, ReservationStatus,
    SuspenseReceipt, demand, stray,
};
use crate::FundsRejection;
use crate::rejection::must;

/// Saves an account; its free money pays stray payouts first.
pub(super) fn save_account(work: &mut Work, account: FundAccount) -> Handled<()> {
    stray::pay_first(work, &account)?;
    keep_account(work, account)
}

/// Saves an account after proving its identity. A broken one is a fault: nothing of the cascade is written.
pub(super) fn keep_account(work: &mut Work, account: FundAccount) -> Handled<()> {
    account.check().map_err(Fault::bug)?;
    work.save(account);
    Ok(())
}

pub(super) fn tell_balance(work: &mut Work, account: &FundAccount) {
    work.emit(FundBalanceChanged { fund_account: account.id, partner: account.partner, balances: account.balances() });
}

fn cause_of(reservation: &FundReservation) -> Cause {
    Cause { loan: Some(reservation.loan), reference: reservation.id.to_string() }
}

/// Keeps a funder's money for a loan. Asked again for the same money, it answers the same reservation.
pub(super) fn reserve_funds(work: &mut Work, cmd: &ReserveFunds) -> Handled<FundReservationAnswer> {
    if let Some(existing) = live_reservation(work, cmd)? {
        return Ok(FundReservationAnswer { reservation: existing });
    }
    let mut account = work.require::<FundAccount>(cmd.fund_account)?;
    let at = work.now();
    let reservation = FundReservation {
        id: work.new_id(),
        loan: cmd.loan,
        fund_account: cmd.fund_account,
        route: cmd.route,
        amount: cmd.amount,
        status: ReservationStatus::Held,
        release_reason: None,
        reserved_at: at,
        changed_at: at,
    };
    let movement = account.post(MovementKind::Reservation, cmd.amount, cause_of(&reservation), at)?;
    demand::alert_when_low(work, &mut account);
    work.save(movement);
    work.save(LoanReservation { loan: cmd.loan, reservation: reservation.id, customer: None });
    work.emit(FundReserved {
        reservation: reservation.id,
        loan: cmd.loan,
        fund_account: account.id,
        route: cmd.route,
        amount: cmd.amount,
        balances: account.balances(),
    });
    let answer = FundReservationAnswer { reservation: reservation.id };
    work.save(reservation);
    save_account(work, account)?;
    Ok(answer)
}

/// The loan's live reservation when it is for the same money; refused when it is for other money.
fn live_reservation(work: &mut Work, cmd: &ReserveFunds) -> Handled<Option<ReservationId>> {
    let Some(newest) = work.get::<LoanReservation>(cmd.loan)? else { return Ok(None) };
    let reservation = work.require::<FundReservation>(newest.reservation)?;
    if !reservation.is_live() {
        return Ok(None);
    }
    let same = reservation.fund_account == cmd.fund_account
        && reservation.amount == cmd.amount
        && reservation.status == ReservationStatus::Held;
    if !same {
        return Err(FundsRejection::LoanAlreadyReserved { loan: cmd.loan, reservation: reservation.id }.into());
    }
    Ok(Some(reservation.id))
}

/// Gives kept money back to the account; once.
///
/// Errors: `NOT_FOUND`, `UNEXPECTED_STATE`; `INVALID_FIELD` when people give no reason, or one without an end.
pub(super) fn release_fund_reservation(work: &mut Work, cmd: &ReleaseFundReservation) -> Handled<()> {
    if work.is_stimulus() {
        check_text("reason", &cmd.reason, NAME_MAX, "NOT_NEEDED")?;
    }
    let mut reservation = work.require::<FundReservation>(cmd.reservation)?;
    let Some(movement) = reservation.apply(ReservationMessage::Release, work.now())? else { return Ok(()) };
    reservation.release_reason = Some(cmd.reason.clone());
    let account = move_money(work, &reservation, movement)?;
    tell_balance(work, &account);
    work.emit(FundReservationReleased {
        reservation: reservation.id,
        loan: reservation.loan,
        fund_account: reservation.fund_account,
        amount: reservation.amount,
        reason: cmd.reason.clone(),
    });
    work.save(reservation);
    save_account(work, account)
}

fn move_money(work: &mut Work, reservation: &FundReservation, movement: MovementKind) -> Handled<FundAccount> {
    let mut account = work.require::<FundAccount>(reservation.fund_account)?;
    let entry = must(account.post(movement, reservation.amount, cause_of(reservation), work.now()))?;
    work.save(entry);
    Ok(account)
}

/// Applies something that happened to a reservation; what contradicts its state goes to people.
pub(super) fn apply_fact(work: &mut Work, id: ReservationId, message: ReservationMessage) -> Handled<()> {
    let Some(mut reservation) = work.get::<FundReservation>(id)? else { return Ok(()) };
    let before = reservation.status;
    let movement = match reservation.apply(message, work.now()) {
        Ok(movement) => movement,
        Err(conflict) => {
            open_conflict(work, &reservation, &conflict);
            return Ok(());
        }
    };
    if let Some(movement) = movement {
        let account = move_money(work, &reservation, movement)?;
        if movement != MovementKind::Dispatch {
            tell_balance(work, &account);
        }
        save_account(work, account)?;
    }
    if reservation.status != before {
        work.save(reservation);
    }
    Ok(())
}

fn open_conflict(work: &mut Work, reservation: &FundReservation, conflict: &FundsRejection) {
    work.send(OpenWorkOrder {
        kind: "fund-reservation-conflict".to_owned(),
        loan: Some(reservation.loan),
        text: format!(
            "{conflict}. Compare the channel's statement with the loan and account {}: money that went out and that no loan \
             took is a stray payout, which recover-stray-payout or write-off-stray-payout ends. No entry by hand mends it.",
            reservation.fund_account
        ),
        key: format!("fund-reservation-conflict-{}", reservation.id),
    });
}

/// Kept money is being sent, to a customer who is known from here on.
pub(super) fn on_disbursement_requested(work: &mut Work, event: &DisbursementRequested) -> Handled<()> {
    let newest = work.get::<LoanReservation>(event.loan)?;
    if let Some(newest) = newest.filter(|newest| newest.reservation == event.reservation) {
        work.save(LoanReservation { customer: Some(event.customer), ..newest });
    }
    apply_fact(work, event.reservation, ReservationMessage::Dispatch)
}

/// Our channel paid the borrower.
pub(super) fn on_payment_succeeded(work: &mut Work, event: &PaymentSucceeded) -> Handled<()> {
    match (event.direction, event.purpose.reservation) {
        (PaymentDirection::Payout, Some(reservation)) => {
            apply_fact(work, reservation, ReservationMessage::ConfirmPayout)
        }
        _ => Ok(()),
    }
}

/// Our channel did not pay the borrower.
pub(super) fn on_payment_failed(work: &mut Work, event: &PaymentFailed) -> Handled<()> {
    match (event.direction, event.purpose.reservation) {
        (PaymentDirection::Payout, Some(reservation)) => apply_fact(work, reservation, ReservationMessage::FailPayout),
        _ => Ok(()),
    }
}

/// A funder paid the borrower with its own system; our own payments are told by `payment-succeeded`.
pub(super) fn on_partner_disbursement_succeeded(work: &mut Work, event: &PartnerDisbursementSucceeded) -> Handled<()> {
    if event.payment.is_some() {
        return Ok(());
    }
    apply_fact(work, event.reservation, ReservationMessage::ConfirmPayout)
}

/// A funder did not pay, or no channel took the payment.
pub(super) fn on_partner_disbursement_failed(work: &mut Work, event: &PartnerDisbursementFailed) -> Handled<()> {
    apply_fact(work, event.reservation, ReservationMessage::FailPayout)
}

/// A borrower repaid: what was owed can be lent again, what was not is the borrower's.
pub(super) fn on_repayment_succeeded(work: &mut Work, event: &RepaymentSucceeded) -> Handled<()> {
    let surplus = event.parts.surplus;
    let owed = must(event.amount.checked_sub(surplus))?;
    let cause = || Cause { loan: Some(event.loan), reference: event.posting.to_string() };
    receive(work, event.fund_account, [(MovementKind::Repayment, owed), (MovementKind::Surplus, surplus)], cause)
}

fn receive<const N: usize>(
    work: &mut Work,
    account: FundAccountId,
    moves: [(MovementKind, Money); N],
    cause: impl Fn() -> Cause,
) -> Handled<()> {
    if !moves.iter().any(|(_, amount)| amount.is_positive()) {
        return Ok(());
    }
    let mut account = work.require::<FundAccount>(account)?;
    for (kind, amount) in moves.into_iter().filter(|(_, amount)| amount.is_positive()) {
        let movement = must(account.post(kind, amount, cause(), work.now()))?;
        work.save(movement);
    }
    tell_balance(work, &account);
    save_account(work, account)
}

/// Money came that nobody can explain: it is the funder's suspense, as it is in the books, and kept by its receipt.
///
/// The account of the cash line names the funder: `1100|par-12`, or `1100|par-12@USDT` when the code has several currencies.
pub(super) fn on_entry_posted(work: &mut Work, event: &AccountingEntryPosted) -> Handled<()> {
    if event.template != "unmatched-receipt" {
        return Ok(());
    }
    for line in &event.lines {
        let dimension = line.debit.split('|').nth(1).and_then(|text| text.split('@').next());
        let Some(funder) = dimension.and_then(|text| text.parse::<PartnerId>().ok()) else { continue };
        let Some(account) = work.find_one(FundAccount::by_partner(funder))? else { continue };
        let cause = || Cause { loan: None, reference: event.entry.to_string() };
        receive(work, account.id, [(MovementKind::UnmatchedReceipt, line.amount)], cause)?;
        let key = (account.id, event.reference.text.clone());
        let receipt = match work.get::<SuspenseReceipt>(key)? {
            Some(receipt) => must(receipt.grown(line.amount))?,
            None => SuspenseReceipt::new(account.id, &event.reference.text, line.amount, work.now()),
        };
        work.save(receipt);
    }
    Ok(())
}
