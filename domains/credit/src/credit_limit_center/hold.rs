//! What a loan holds of its customer's line: the entity and where it can stand.
//!
//! Invariant: a hold goes Held, then Released or Used, then Settled; a step taken again changes nothing.
//! Invariant: outstanding is zero once the hold is Released or Settled.
//! Invariant: what is repaid proves nothing any more: only the days count on which enough was outstanding.

use sycee_contract::{CustomerId, Date, LoanId};
use sycee_money::{Money, MoneyError};
use sycee_runtime::{entity, text_enum};

use crate::CreditRejection;

text_enum! {
    /// Where a loan's hold on the line stands.
    pub enum HoldStatus {
        /// Held for a loan that is not paid out.
        Held,
        /// Given back, the loan was not paid out.
        Released,
        /// The loan was paid out; its principal comes back with the repayments.
        Used,
        /// Every unit of principal came back.
        Settled,
    }
}

entity! {
    /// What one loan holds of its customer's line.
    pub struct CreditReservation in "credit_reservation" of "credit-limit-center" key loan: LoanId {
        /// The loan.
        loan: LoanId,
        /// The customer.
        customer: CustomerId,
        /// What was reserved; what was paid out, once it was.
        amount: Money,
        /// What the loan still takes of the line: reserved, or principal outstanding.
        outstanding: Money,
        /// Where it stands.
        status: HoldStatus,
        /// Day of the payout.
        drawn_on: Option<Date>,
        /// Day from which on less was outstanding than a loan must have to prove something; the day of settlement at the
        /// latest.
        small_since: Option<Date>,
        /// Whether the loan's settlement was counted for the line's growth.
        settlement_counted: bool,
    }
    index by_customer(customer: CustomerId);
}

impl CreditReservation {
    /// Whether a reservation of the same amount asks for what is held already.
    ///
    /// Errors: `UnexpectedHold` when this hold is not that reservation.
    pub fn repeated(&self, customer: CustomerId, amount: Money) -> Result<(), CreditRejection> {
        if self.status == HoldStatus::Held && self.customer == customer && self.amount == amount {
            return Ok(());
        }
        Err(self.unexpected("a reservation"))
    }

    /// Notes on `day` that less than `least` is outstanding, once that is so; outstanding only falls.
    ///
    /// Errors: currencies that differ.
    pub fn note_exposure(&mut self, least: Money, day: Date) -> Result<(), MoneyError> {
        if self.small_since.is_none() && self.outstanding.compare(least)?.is_lt() {
            self.small_since = Some(day);
        }
        Ok(())
    }

    /// Days from the payout to `day`, or to the day from which on too little was outstanding; zero before the payout.
    pub fn days_proven(&self, day: Date) -> u32 {
        let last = self.small_since.map_or(day, |since| since.min(day));
        self.drawn_on.map_or(0, |drawn| u32::try_from((last - drawn).get_days()).unwrap_or(0))
    }

    /// The refusal of a step that does not follow from where the hold stands.
    pub fn unexpected(&self, asked: &'static str) -> CreditRejection {
        CreditRejection::UnexpectedHold { loan: self.loan, state: self.status.name(), asked }
    }
}
