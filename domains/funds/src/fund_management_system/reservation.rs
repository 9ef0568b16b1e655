//! A reservation of a funder's money for one loan: held, sent, paid out, closed; or given back.
//!
//! Invariant: each move of a reservation happens once; what was applied before is answered, not repeated.
//! Invariant: a loan has at most one reservation that is not released.

use sycee_contract::{CustomerId, FundAccountId, LoanId, ReservationId, RouteId, Timestamp};
use sycee_money::Money;
use sycee_runtime::{entity, text_enum};

use super::MovementKind;
use crate::FundsRejection;

text_enum! {
    /// States of a reservation.
    pub enum ReservationStatus {
        /// The money is kept for the loan.
        Held,
        /// The money was sent.
        InTransit,
        /// The money came back and waits for its release.
        Bounced,
        /// The borrower has it.
        PaidOut,
        /// Books, asset and plan exist.
        Closed,
        /// The money is free again.
        Released,
    }
}

text_enum! {
    /// What can happen to a reservation.
    pub enum ReservationMessage {
        /// The payout is being sent.
        Dispatch,
        /// The payout reached the borrower.
        ConfirmPayout,
        /// The payout failed.
        FailPayout,
        /// The money is not needed.
        Release,
        /// The loan is disbursed.
        Close,
    }
}

/// What a message does to a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReservationStep {
    /// Goes to a state, with a move of money.
    Move(ReservationStatus, MovementKind),
    /// Goes to a state, money stays.
    Mark(ReservationStatus),
    /// It was so already.
    AlreadyApplied,
    /// The message contradicts the state.
    Conflict,
}

entity! {
    /// Money kept for one loan.
    pub struct FundReservation in "fund_reservation" of "fund-management-system" key id: ReservationId {
        /// The reservation.
        id: ReservationId,
        /// The loan.
        loan: LoanId,
        /// Whose money.
        fund_account: FundAccountId,
        /// The route that chose it.
        route: RouteId,
        /// How much.
        amount: Money,
        /// State.
        status: ReservationStatus,
        /// Why it was released, as a stable code.
        release_reason: Option<String>,
        /// When it was made.
        reserved_at: Timestamp,
        /// When it last changed.
        changed_at: Timestamp,
    }
}

entity! {
    /// The newest reservation of a loan: a loan's money is looked up, and guarded, by its key.
    pub struct LoanReservation in "loan_reservation" of "fund-management-system" key loan: LoanId {
        /// The loan.
        loan: LoanId,
        /// Its newest reservation.
        reservation: ReservationId,
        /// Whose loan it is, once its money was sent.
        customer: Option<CustomerId>,
    }
}

impl ReservationStatus {
    /// What `message` does in this state.
    pub const fn step(self, message: ReservationMessage) -> ReservationStep {
        use ReservationMessage::{Close, ConfirmPayout, Dispatch, FailPayout, Release};
        use ReservationStatus::{Bounced, Closed, Held, InTransit, PaidOut, Released};
        use ReservationStep::{AlreadyApplied, Conflict, Mark, Move};
        match (self, message) {
            (Held, Dispatch) => Move(InTransit, MovementKind::Dispatch),
            (Held | Bounced, Release) => Move(Released, MovementKind::Release),
            (InTransit, ConfirmPayout) => Move(PaidOut, MovementKind::Payout),
            (InTransit, FailPayout) => Move(Bounced, MovementKind::Bounce),
            (PaidOut, Close) => Mark(Closed),

            (InTransit, Dispatch) => AlreadyApplied,
            (PaidOut, Dispatch | ConfirmPayout) => AlreadyApplied,
            (Closed, Dispatch | ConfirmPayout | Close) => AlreadyApplied,
            (Held | Bounced, FailPayout) => AlreadyApplied,
            (Released, Release | FailPayout) => AlreadyApplied,

            (Held, ConfirmPayout | Close) => Conflict,
            (InTransit, Release | Close) => Conflict,
            (Bounced | Released, Dispatch | ConfirmPayout | Close) => Conflict,
            (PaidOut | Closed, FailPayout | Release) => Conflict,
        }
    }
}

impl FundReservation {
    /// Applies a message; gives the move of money it takes, if any.
    ///
    /// Errors: `ReservationState` when the message contradicts the state.
    pub fn apply(
        &mut self,
        message: ReservationMessage,
        at: Timestamp,
    ) -> Result<Option<MovementKind>, FundsRejection> {
        let (status, movement) = match self.status.step(message) {
            ReservationStep::Move(status, movement) => (status, Some(movement)),
            ReservationStep::Mark(status) => (status, None),
            ReservationStep::AlreadyApplied => return Ok(None),
            ReservationStep::Conflict => {
                return Err(FundsRejection::ReservationState { reservation: self.id, status: self.status, message });
            }
        };
        self.status = status;
        self.changed_at = at;
        Ok(movement)
    }

    /// Whether money is bound to it.
    pub fn is_live(&self) -> bool {
        self.status != ReservationStatus::Released
    }
}
