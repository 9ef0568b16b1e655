//! Credit lines: the entity and every decision about it, pure.
//!
//! Invariant: limit = available + reserved + used + frozen, every part zero or more ([`CreditLine::balanced`]).
//! Invariant: a frozen line has nothing available, any other line nothing frozen.

use sycee_contract::{CreditLineApproved, CreditLineFigures, CustomerId, Date, DecisionId, LoanId, Timestamp};
use sycee_money::{Money, MoneyError};
use sycee_runtime::{Json, entity};

use super::{CreditReservation, HoldStatus};
use crate::{CreditPolicy, CreditRejection};

/// Why the line of a blacklisted customer is frozen.
pub const BLACKLISTED: &str = "blacklisted";

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
    ///
    /// Errors: `Overflow`, or currencies that differ.
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
            drawn_on: None,
            small_since: None,
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
    pub fn draw(&mut self, hold: &mut CreditReservation, principal: Money, on: Date) -> Result<bool, CreditRejection> {
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
                hold.amount = principal;
                hold.outstanding = principal;
                hold.drawn_on = Some(on);
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
    ///
    /// Errors: `Overflow`, or currencies that differ.
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

    /// Freezes by order; `false` when the line was frozen for this reason, or for a stronger one.
    ///
    /// The newest order counts, but [`BLACKLISTED`] stays whatever else is ordered.
    ///
    /// Errors: `Overflow`, or currencies that differ.
    pub fn freeze(&mut self, reason: &str) -> Result<bool, MoneyError> {
        let before = self.freeze_reason();
        if self.freeze_order.as_deref() != Some(BLACKLISTED) {
            self.freeze_order = Some(reason.to_owned());
        }
        self.settle_freeze()?;
        Ok(self.freeze_reason() != before)
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
    ///
    /// Errors: `Overflow`, or currencies that differ.
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
    /// A loan that was cancelled, small, short or repaid but for a rest too soon proves nothing, and a frozen line stays as it
    /// is: none grows the limit.
    ///
    /// Errors: `Overflow`, or currencies that differ.
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
        if !policy.proves(hold.amount, hold.days_proven(outcome.on), self.credit_limit)? {
            return Ok(None);
        }
        self.grow(policy)
    }

    /// Raises the limit by the policy's growth, at most to the cap; the limit before, or `None` when it stays.
    ///
    /// Errors: `Overflow`, or currencies that differ.
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
    /// Business day on which it was booked.
    pub on: Date,
}

#[cfg(test)]
mod tests {
    use super::*;
    use sycee_contract::Identifier as _;
    use sycee_money::Currency;

    const DAY: Date = Date::constant(2026, 1, 5);

    fn ghs(text: &str) -> Money {
        Money::parse(text, Currency::GHS).unwrap()
    }

    fn line() -> CreditLine {
        CreditLine::open(&CreditLineApproved {
            application: sycee_contract::CreditApplicationId::from_number(1),
            customer: CustomerId::from_number(2),
            limit: ghs("1000"),
            limit_cap: ghs("3000"),
            tier: "low".to_owned(),
            decision: DecisionId::from_number(3),
            valid_until: Timestamp::from_micros(i64::MAX),
        })
    }

    /// A line with a hold of 500 in a state.
    fn with_hold(status: HoldStatus) -> (CreditLine, CreditReservation) {
        let mut line = line();
        let mut hold = line.reserve(LoanId::from_number(4), ghs("500"), Timestamp::default()).unwrap();
        match status {
            HoldStatus::Held => {}
            HoldStatus::Released => assert!(line.release(&mut hold).unwrap().is_some()),
            HoldStatus::Used | HoldStatus::Settled => assert!(line.draw(&mut hold, ghs("500"), DAY).unwrap()),
        }
        if status == HoldStatus::Settled {
            line.restore(&mut hold, ghs("0")).unwrap();
        }
        assert_eq!(hold.status, status);
        (line, hold)
    }

    #[test]
    fn every_hold_meets_everything_that_happens() {
        use HoldStatus::{Held, Released, Settled, Used};
        type Act = fn(&mut CreditLine, &mut CreditReservation) -> Result<bool, CreditRejection>;
        let acts: [(&str, Act); 5] = [
            ("reserve", |_, hold| hold.repeated(hold.customer, hold.amount).map(|()| false)),
            ("release", |line, hold| line.release(hold).map(|back| back.is_some())),
            ("draw", |line, hold| line.draw(hold, ghs("500"), DAY)),
            ("repay", |line, hold| Ok(line.restore(hold, ghs("200"))?.is_some())),
            ("settle", |line, hold| Ok(line.restore(hold, ghs("0"))?.is_some())),
        ];
        let stays = |status| Some((status, false));
        let goes = |status| Some((status, true));
        let table = [
            (Held, [stays(Held), goes(Released), goes(Used), stays(Held), stays(Held)]),
            (Released, [None, stays(Released), None, stays(Released), stays(Released)]),
            (Used, [None, None, stays(Used), goes(Used), goes(Settled)]),
            (Settled, [None, None, stays(Settled), stays(Settled), stays(Settled)]),
        ];
        assert_eq!(table.map(|row| row.0), HoldStatus::ALL);
        for (status, row) in table {
            for ((name, act), wanted) in acts.iter().zip(row) {
                let (mut line, mut hold) = with_hold(status);
                let before = (line.clone(), hold.clone());
                let got = act(&mut line, &mut hold).ok().map(|changed| (hold.status, changed));
                assert_eq!(got, wanted, "{status:?} meets {name}");
                let same = (line.clone(), hold) == before;
                assert_eq!(same, !wanted.is_some_and(|(_, changed)| changed), "{status:?} meets {name}");
                assert_eq!(line.balanced(), Ok(()), "{status:?} meets {name}");
            }
        }
    }

    #[test]
    fn the_reason_of_a_freeze_is_the_newest_order_and_the_blacklist_above_all() {
        let mut line = line();
        line.overdue_loans.push(LoanId::from_number(4));
        for (order, changed, reason) in [
            ("fraud-suspected", true, "fraud-suspected"),
            ("fraud-suspected", false, "fraud-suspected"),
            ("court-order", true, "court-order"),
            (BLACKLISTED, true, BLACKLISTED),
            ("court-order", false, BLACKLISTED),
            (BLACKLISTED, false, BLACKLISTED),
        ] {
            assert_eq!(line.freeze(order).unwrap(), changed, "{order}");
            assert_eq!(line.freeze_reason().as_deref(), Some(reason), "{order}");
        }
    }
}
