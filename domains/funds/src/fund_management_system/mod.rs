//! Fund accounts: what every funder brought, what is kept, sent, paid out and repaid.
//!
//! Invariant: an account is saved only after [`FundAccount::check`] proved its identity.
//! Invariant: every change of free money, `available`, is told (`fund-reserved`, `fund-arrival-confirmed`,
//! `funds-returned`, `fund-balance-changed`), so that routing knows it within the same cascade.
//! Invariant: the term of an agreement bounds routing alone: what is reserved is paid out, and money comes in and goes
//! back, on any day.
//! Invariant: money that the bank brought is booked once, whether it is told as a funder's or as a borrower's:
//! `partner-hub` keeps the references of what came in.
//! Invariant: a reference is its bank's: money at a funder that pays itself and money at ours may bear the same one.

mod account;
mod demand;
mod moves;
mod reservation;
mod returns;
mod stray;
mod suspense;

pub use account::{Cause, FundAccount, FundArrival, FundBucket, FundTransaction, MovementKind};
pub use demand::{FundDemand, FundedProduct, LendingForecast};
pub use reservation::{FundReservation, LoanReservation, ReservationMessage, ReservationStatus, ReservationStep};
pub use returns::FundReturn;
pub use stray::{StrayPayout, StrayRecovery, StrayWriteOff};
pub use suspense::{SuspenseReceipt, SuspenseResolution};

use sycee_contract::messages::{
    AccountingEntryPosted, BookStrayPayout, ClaimBankReference, ConfirmFundArrival, DisbursementFailed,
    DisbursementRequested, DisbursementSucceeded, FundAccountOpened, FundArrivalConfirmed, FundReservationRequested,
    FundingContractAmended, FundingContractSigned, PartnerDisbursementFailed, PartnerDisbursementSucceeded,
    PaymentFailed, PaymentSucceeded, ProductFundingMatched, ProductVersionPublished, QueryFundAccount,
    RecoverStrayPayout, ReleaseFundReservation, RepaymentSucceeded, ReserveFunds, ResolveSuspense, ReturnFunds,
    RiskDecisionMade, StrayPayoutReported, WriteOffStrayPayout,
};
use sycee_contract::{
    ArrivalId, FundBalanceChanged, FundBalances, FundReservationReleased, FundReserved, FundsReturned, LINE_MAX,
    OpenWorkOrder, PostLedgerEvent, Rejection, SuspenseResolved, check_text,
};
use sycee_money::Money;
use sycee_runtime::{Handled, Registry, Work};

use crate::FundsRejection;

/// Registers this service.
pub fn register(registry: &mut Registry) {
    registry
        .service("fund-management-system")
        .entity::<FundAccount>()
        .entity::<FundTransaction>()
        .entity::<FundArrival>()
        .entity::<FundReturn>()
        .entity::<SuspenseReceipt>()
        .entity::<SuspenseResolution>()
        .entity::<FundReservation>()
        .entity::<LoanReservation>()
        .entity::<StrayPayout>()
        .entity::<StrayRecovery>()
        .entity::<StrayWriteOff>()
        .entity::<FundDemand>()
        .entity::<LendingForecast>()
        .entity::<FundedProduct>()
        .handles::<ConfirmFundArrival>(confirm_fund_arrival)
        .handles::<ReturnFunds>(returns::return_funds)
        .handles::<ResolveSuspense>(suspense::resolve_suspense)
        .handles::<ReserveFunds>(moves::reserve_funds)
        .handles::<ReleaseFundReservation>(moves::release_fund_reservation)
        .handles::<QueryFundAccount>(query_fund_account)
        .handles::<BookStrayPayout>(stray::book_stray_payout)
        .handles::<RecoverStrayPayout>(stray::recover_stray_payout)
        .handles::<WriteOffStrayPayout>(stray::write_off_stray_payout)
        .on::<FundingContractSigned>(open_fund_account)
        .on::<FundingContractAmended>(on_funding_contract_amended)
        .on::<DisbursementRequested>(moves::on_disbursement_requested)
        .on::<PaymentSucceeded>(moves::on_payment_succeeded)
        .on::<PaymentFailed>(moves::on_payment_failed)
        .on::<PartnerDisbursementSucceeded>(moves::on_partner_disbursement_succeeded)
        .on::<PartnerDisbursementFailed>(moves::on_partner_disbursement_failed)
        .on::<RepaymentSucceeded>(moves::on_repayment_succeeded)
        .on::<AccountingEntryPosted>(moves::on_entry_posted)
        .on::<StrayPayoutReported>(stray::on_stray_payout_reported)
        .on::<FundReservationRequested>(demand::on_reservation_requested)
        .on::<DisbursementSucceeded>(demand::on_disbursement_succeeded)
        .on::<DisbursementFailed>(demand::on_disbursement_failed)
        .on::<RiskDecisionMade>(demand::on_risk_decision)
        .on::<ProductVersionPublished>(demand::on_product_published)
        .on::<ProductFundingMatched>(demand::on_product_funding_matched)
        .emits::<FundAccountOpened>()
        .emits::<FundArrivalConfirmed>()
        .emits::<FundBalanceChanged>()
        .emits::<FundReservationReleased>()
        .emits::<FundReserved>()
        .passes_on::<ConfirmFundArrival>()
        .sends::<ClaimBankReference>()
        .sends::<OpenWorkOrder>()
        .sends::<PostLedgerEvent>()
        .sends::<BookStrayPayout>()
        .emits::<FundsReturned>()
        .emits::<SuspenseResolved>();
}

/// Opens a funder's account; an agreement that is told twice opens nothing.
fn open_fund_account(work: &mut Work, event: &FundingContractSigned) -> Handled<()> {
    if work.find_one(FundAccount::by_code(event.code.clone()))?.is_some() {
        return Ok(());
    }
    let mut account = FundAccount::open(
        work.new_id(),
        event.partner,
        &event.code,
        &event.name,
        event.products.clone(),
        event.currency,
    );
    account.is_own = event.is_own;
    if event.pays_itself && !event.is_own {
        account.bank = event.partner.to_string();
    }
    account.valid_until = event.valid_until;
    account.low_water = demand::low_water_of(work, &account)?;
    work.emit(FundAccountOpened {
        fund_account: account.id,
        partner: account.partner,
        code: account.code.clone(),
        currency: event.currency,
    });
    moves::save_account(work, account)
}

/// Learns which products the account funds from now on, and when its agreement ends.
fn on_funding_contract_amended(work: &mut Work, event: &FundingContractAmended) -> Handled<()> {
    let Some(mut account) = work.find_one(FundAccount::by_code(event.code.clone()))? else { return Ok(()) };
    account.learn_terms(&event.terms);
    account.low_water = demand::low_water_of(work, &account)?;
    moves::save_account(work, account)
}

/// Has `partner-hub` keep the reference of money that the bank brought; it refuses what is in the books already.
fn claim_reference(work: &mut Work, account: &FundAccount, bank_reference: &str, amount: Money) {
    work.send(ClaimBankReference { partner: account.partner, bank_reference: bank_reference.to_owned(), amount });
}

/// Takes a funder's money in, once a bank reference, and has it booked.
fn confirm_fund_arrival(work: &mut Work, cmd: &ConfirmFundArrival) -> Handled<ArrivalId> {
    check_text("bankReference", &cmd.bank_reference, LINE_MAX, "GCB-2026-000123")?;
    let by_code = FundAccount::by_code(cmd.funder.clone());
    let mut account = work.find_one(by_code)?.ok_or_else(|| Rejection::not_found("funder", &cmd.funder))?;
    let name = account.at_bank(&cmd.bank_reference);
    if work.get::<FundArrival>(name.clone())?.is_some() {
        return Err(FundsRejection::ArrivalAlreadyConfirmed { bank_reference: name }.into());
    }
    if work.get::<StrayRecovery>(name.clone())?.is_some() {
        let what = "a payout that came back";
        return Err(FundsRejection::BankReferenceUsed { bank_reference: name, what }.into());
    }
    if !cmd.amount.is_whole_minor() {
        let example = Money::from_units(1_000_000, account.currency);
        return Err(FundsRejection::AmountInvalid { amount: cmd.amount, example }.into());
    }
    let at = work.now();
    let cause = Cause { loan: None, reference: cmd.bank_reference.clone() };
    let movement = account.post(MovementKind::Arrival, cmd.amount, cause, at)?;
    let arrival =
        FundArrival { bank_reference: name, id: work.new_id(), fund_account: account.id, amount: cmd.amount, at };
    let id = arrival.id;
    work.save(movement);
    work.save(arrival);
    work.emit(FundArrivalConfirmed {
        arrival: id,
        fund_account: account.id,
        partner: account.partner,
        amount: cmd.amount,
        balances: account.balances(),
    });
    claim_reference(work, &account, &cmd.bank_reference, cmd.amount);
    returns::post_capital(work, "funds-arrived", &account, cmd.amount, &cmd.bank_reference);
    moves::save_account(work, account)?;
    Ok(id)
}

/// Tells an account's balances.
fn query_fund_account(work: &mut Work, cmd: &QueryFundAccount) -> Handled<FundBalances> {
    Ok(work.require::<FundAccount>(cmd.fund_account)?.balances())
}
