//! Credit lines: the entity and every decision about it, pure.
//!
//! Invariant: limit = available + reserved + used + frozen, every part zero or more ([`CreditLine::balanced`]).
//! Invariant: a frozen line has nothing available, any other line nothing frozen.

use sycee_contract::{CreditLineApproved, CreditLineFigures, CustomerId, DecisionId, LoanId, Timestamp};
use sycee_money::{Money, MoneyError};
use sycee_runtime::{Json, entity};

use super::{CreditReservation, HoldStatus};
use crate::{CreditPolicy, CreditRejection};

entity! {
    /// A customer's credit line.
    pub struct CreditLine in "credit_line" of "credit-limit-center" key customer: CustomerId {
        /// The customer.
        customer: CustomerId,
        /// The limit.
        credit_limit: Money,
        /// The most the limit may grow to.
        limit_cap: Money,
        /// What can be borrowed.
        available: Money,
        /// Held for loans that are not paid out.
        reserved: Money,
        /// Principal outstanding.
        used: Money,
        /// What could be borrowed if the line were not frozen.
        frozen: Money,
        /// Why the line is frozen by order, as a stable code.
        freeze_order: Option<String>,
        /// Loans whose delinquency freezes the line.
        overdue_loans: Json<Vec<LoanId>>,
        /// Risk tier at the grant.
        tier: String,
        /// The decision behind the grant.
        decision: DecisionId,
        /// Nothing can be drawn after this.
        valid_until: Timestamp,
        /// Repayments received.
        repayments: u32,
        /// Loans settled.
        loans_settled: u32,
        /// Most days past due of any loan.
        worst_days_past_due: u32,
    }
}

/// A line whose parts don't add up: a bug, never a customer's mistake.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error(
    "credit line of {customer}: limit {limit} is not available {available} + reserved {reserved} + used {used} + frozen \
     {frozen}, or a part is negative or on the wrong side of the freeze"
)]
pub struct Unbalanced {
    customer: CustomerId,
    limit: Money,
    available: Money,
    reserved: Money,
    used: Money,
    frozen: Money,
}

impl CreditLine {
    /// The line that an approval grants.
    pub fn open(approved: &CreditLineApproved) -> Self {
        let nothing = Money::zero(approved.limit.currency());
        Self {
            customer: approved.customer,
            credit_limit: approved.limit,
            limit_cap: approved.limit_cap,
            available: approved.limit,
            reserved: nothing,
            used: nothing,
            frozen: nothing,
            freeze_order: None,
            overdue_loans: Json(vec![]),
            tier: approved.tier.clone(),
            decision: approved.decision,
            valid_until: approved.valid_until,
            repayments: 0,
            loans_settled: 0,
            worst_days_past_due: 0,
        }
    }

    /// Puts a further approval in force. The limit never falls below what loans hold of it.
    pub fn renew(&mut self, approved: &CreditLineApproved) -> Result<(), MoneyError> {
        let taken = self.reserved.checked_add(self.used)?;
        self.credit_limit = approved.limit.max(taken)?;
        self.limit_cap = approved.limit_cap.max(self.credit_limit)?;
        self.tier.clone_from(&approved.tier);
        self.decision = approved.decision;
        self.valid_until = approved.valid_until;
        let free = self.credit_limit.checked_sub(taken)?;
        self.set_free(free);
        Ok(())
    }

    /// The figures other services see.
    pub fn figures(&self) -> CreditLineFigures {
        CreditLineFigures {
            customer: self.customer,
            limit: self.credit_limit,
            available: self.available,
            reserved: self.reserved,
            used: self.used,
            frozen: self.frozen,
            is_frozen: self.is_frozen(),
            valid_until: self.valid_until,
        }
    }

    /// Whether the line is frozen, by order or for delinquency.
    pub fn is_frozen(&self) -> bool {
        self.freeze_order.is_some() || !self.overdue_loans.is_empty()
    }

    /// Errors: [`Unbalanced`] when an invariant of the line is broken.
    pub fn balanced(&self) -> Result<(), Unbalanced> {
        let parts = [self.available, self.reserved, self.used, self.frozen];
        let sum = Money::sum(self.credit_limit.currency(), parts);
        let hidden = if self.is_frozen() { self.available } else { self.frozen };
        if sum == Ok(self.credit_limit) && parts.iter().all(|part| !part.is_negative()) && hidden.is_zero() {
            return Ok(());
        }
        Err(Unbalanced {
            customer: self.customer,
            limit: self.credit_limit,
            available: self.available,
            reserved: self.reserved,
            used: self.used,
            frozen: self.frozen,
        })
    }

    /// Holds `amount` for `loan`.
    ///
    /// Errors: `InvalidAmount`, `CreditLineFrozen`, `CreditLineExpired`, `CreditLimitExceeded`; nothing changed then.
    pub fn reserve(
        &mut self,
        loan: LoanId,
        amount: Money,
        now: Timestamp,
    ) -> Result<CreditReservation, CreditRejection> {
        self.check_amount(amount)?;
        if let Some(reason) = self.freeze_reason() {
            return Err(CreditRejection::CreditLineFrozen { customer: self.customer, reason });
        }
        if now > self.valid_until {
            return Err(CreditRejection::CreditLineExpired { customer: self.customer, expired_at: self.valid_until });
        }
        let left = self.available.checked_sub(amount)?;
        if left.is_negative() {
            return Err(CreditRejection::CreditLimitExceeded {
                customer: self.customer,
                available: self.available,
                requested: amount,
            });
        }
        self.reserved = self.reserved.checked_add(amount)?;
        self.available = left;
        Ok(CreditReservation {
            loan,
            customer: self.customer,
            amount,
            outstanding: amount,
            status: HoldStatus::Held,
            settlement_counted: false,
        })
    }

    /// Gives back a hold whose loan was not paid out; `None` when it was given back before.
    ///
    /// Errors: `UnexpectedHold` when the loan was paid out.
    pub fn release(&mut self, hold: &mut CreditReservation) -> Result<Option<Money>, CreditRejection> {
        match hold.status {
            HoldStatus::Held => {
                let amount = hold.outstanding;
                self.reserved = self.reserved.checked_sub(amount)?;
                self.give(amount)?;
                hold.outstanding = Money::zero(amount.currency());
                hold.status = HoldStatus::Released;
                Ok(Some(amount))
            }
            HoldStatus::Released => Ok(None),
            HoldStatus::Used | HoldStatus::Settled => Err(hold.unexpected("a release")),
        }
    }

    /// Turns a hold into principal outstanding; `false` when that was done before.
    ///
    /// A payout of less than was held gives the rest back. Errors: `UnexpectedHold` when the hold was released;
    /// `CreditLimitExceeded` when more was paid out than was held.
    pub fn draw(&mut self, hold: &mut CreditReservation, principal: Money) -> Result<bool, CreditRejection> {
        match hold.status {
            HoldStatus::Held => {
                let rest = hold.outstanding.checked_sub(principal)?;
                if rest.is_negative() {
                    let (available, requested) = (hold.outstanding, principal);
                    return Err(CreditRejection::CreditLimitExceeded { customer: self.customer, available, requested });
                }
                self.reserved = self.reserved.checked_sub(hold.outstanding)?;
                self.used = self.used.checked_add(principal)?;
                self.give(rest)?;
                hold.outstanding = principal;
                hold.status = HoldStatus::Used;
                Ok(true)
            }
            HoldStatus::Used | HoldStatus::Settled => Ok(false),
            HoldStatus::Released => Err(hold.unexpected("a payout")),
        }
    }

    /// Makes repaid principal available again, given what is outstanding after the repayment; returns what came back.
    ///
    /// Told twice, or late, it changes nothing: the outstanding principal only falls.
    pub fn restore(&mut self, hold: &mut CreditReservation, outstanding: Money) -> Result<Option<Money>, MoneyError> {
        if hold.status != HoldStatus::Used {
            return Ok(None);
        }
        let back = hold.outstanding.checked_sub(outstanding)?;
        if !back.is_positive() || outstanding.is_negative() {
            return Ok(None);
        }
        self.used = self.used.checked_sub(back)?;
        self.give(back)?;
        hold.outstanding = outstanding;
        if outstanding.is_zero() {
            hold.status = HoldStatus::Settled;
        }
        Ok(Some(back))
    }

    /// Freezes by order; `false` when the line was frozen already.
    pub fn freeze(&mut self, reason: &str) -> Result<bool, MoneyError> {
        let was_frozen = self.is_frozen();
        self.freeze_order.get_or_insert_with(|| reason.to_owned());
        self.settle_freeze()?;
        Ok(!was_frozen)
    }

    /// Lifts a freeze by order; `false` when the line was not frozen.
    ///
    /// Errors: `FrozenForDelinquency` while overdue loans keep the line frozen.
    pub fn unfreeze(&mut self) -> Result<bool, CreditRejection> {
        if !self.overdue_loans.is_empty() {
            return Err(CreditRejection::FrozenForDelinquency {
                customer: self.customer,
                loans: self.overdue_loans.len(),
            });
        }
        let was_frozen = self.freeze_order.take().is_some();
        self.settle_freeze()?;
        Ok(was_frozen)
    }

    /// Takes note of a loan's delinquency; returns whether the freeze changed, and to what.
    ///
    /// From `freeze_days_past_due_min` days on the loan freezes the line, until it is current: a loan that falls back to
    /// fewer days without being current keeps the freeze.
    pub fn note_delinquency(
        &mut self,
        loan: LoanId,
        days_past_due: u32,
        policy: &CreditPolicy,
    ) -> Result<Option<bool>, MoneyError> {
        let was_frozen = self.is_frozen();
        self.worst_days_past_due = self.worst_days_past_due.max(days_past_due);
        if days_past_due == 0 {
            self.overdue_loans.0.retain(|overdue| *overdue != loan);
        } else if days_past_due >= policy.freeze_days_past_due_min && !self.overdue_loans.contains(&loan) {
            self.overdue_loans.0.push(loan);
        }
        self.settle_freeze()?;
        Ok((was_frozen != self.is_frozen()).then(|| self.is_frozen()))
    }

    /// Counts a repayment of a loan; the growth of the limit when the loan is settled well, told once a loan.
    ///
    /// A cancelled loan proves nothing, and a frozen line stays as it is: neither grows the limit.
    pub fn count_repayment(
        &mut self,
        hold: &mut CreditReservation,
        outcome: RepaymentOutcome,
        policy: &CreditPolicy,
    ) -> Result<Option<Money>, MoneyError> {
        self.repayments = self.repayments.saturating_add(1);
        self.worst_days_past_due = self.worst_days_past_due.max(outcome.worst_days_past_due);
        if !outcome.settled || hold.settlement_counted {
            return Ok(None);
        }
        hold.settlement_counted = true;
        self.loans_settled = self.loans_settled.saturating_add(1);
        if outcome.cancelled || self.is_frozen() || outcome.worst_days_past_due > policy.growth_days_past_due_max {
            return Ok(None);
        }
        self.grow(policy)
    }

    /// Raises the limit by the policy's growth, at most to the cap; the limit before, or `None` when it stays.
    pub fn grow(&mut self, policy: &CreditPolicy) -> Result<Option<Money>, MoneyError> {
        let before = self.credit_limit;
        let after = policy.grown(before, self.limit_cap)?;
        if after == before {
            return Ok(None);
        }
        self.give(after.checked_sub(before)?)?;
        self.credit_limit = after;
        Ok(Some(before))
    }

    /// Why the line is frozen, as a stable code: the order's, or `overdue`.
    pub fn freeze_reason(&self) -> Option<String> {
        match &self.freeze_order {
            Some(order) => Some(order.clone()),
            None if self.is_frozen() => Some("overdue".to_owned()),
            None => None,
        }
    }

    fn check_amount(&self, amount: Money) -> Result<(), CreditRejection> {
        let invalid =
            |rule| CreditRejection::InvalidAmount { field: "amount", rule, example: self.credit_limit, amount };
        if amount.currency() != self.credit_limit.currency() {
            return Err(invalid("must be in the line's currency"));
        }
        if !amount.is_positive() || !amount.is_whole_minor() {
            return Err(invalid("must be above zero and in whole minor units"));
        }
        Ok(())
    }

    fn give(&mut self, amount: Money) -> Result<(), MoneyError> {
        let free = self.available.checked_add(self.frozen)?.checked_add(amount)?;
        self.set_free(free);
        Ok(())
    }

    fn settle_freeze(&mut self) -> Result<(), MoneyError> {
        self.give(Money::zero(self.credit_limit.currency()))
    }

    /// Puts what no loan holds on its side of the freeze.
    fn set_free(&mut self, free: Money) {
        let nothing = Money::zero(free.currency());
        (self.available, self.frozen) = if self.is_frozen() { (nothing, free) } else { (free, nothing) };
    }
}

/// What a repayment says about the borrower's behaviour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepaymentOutcome {
    /// Whether it settled the loan.
    pub settled: bool,
    /// Whether the loan was cancelled in its cooling-off time.
    pub cancelled: bool,
    /// Most days past due in the loan's life.
    pub worst_days_past_due: u32,
}
