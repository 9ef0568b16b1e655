//! What each installment of a note asks for and has received: planned, paid, waived, and its own penalty.
//!
//! All installments of a note are one row, so that a payment rewrites them at once.
//!
//! Invariant: nothing is paid above what is asked for.
//! Invariant: a penalty is the rounded total of what its overdue amount earned, never less than what is paid of it.

use serde::{Deserialize, Serialize};
use sycee_contract::{Date, InstallmentDue, LoanId, PlannedInstallment};
use sycee_loan_math::allocation::InstallmentPart;
use sycee_loan_math::late::late_interest;
use sycee_money::{Currency, Decimal, Money, MoneyError, Precise};
use sycee_runtime::{Json, entity};

use super::error::NoteError;
use super::note::NoteRules;
use super::{days_between, plus_days};

/// One installment: what is planned, what is paid, what is given up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "Wire", try_from = "Wire")]
pub struct InstallmentState {
    /// Number, 1 upwards.
    pub nr: u32,
    /// Start of its period; interest runs from the day after.
    pub from: Date,
    /// End of its period; interest runs to the end of this day.
    pub to: Date,
    /// Due date: `to`, or the business day that it was moved to.
    pub due_date: Date,
    /// Planned principal.
    pub principal: Money,
    /// Planned interest.
    pub interest: Money,
    /// Planned fee.
    pub fee: Money,
    /// Penalty charged.
    pub penalty: Money,
    /// Principal paid or covered.
    pub principal_paid: Money,
    /// Interest paid.
    pub interest_paid: Money,
    /// Fee paid.
    pub fee_paid: Money,
    /// Penalty paid.
    pub penalty_paid: Money,
    /// Planned interest that a settlement gave up.
    pub interest_waived: Money,
    /// Penalty at full precision; `penalty` is it, rounded, or what was paid of it before money for an earlier day came.
    pub penalty_exact: Precise,
}

impl InstallmentState {
    fn planned(plan: &PlannedInstallment) -> Self {
        let currency = plan.principal.currency();
        let zero = Money::zero(currency);
        Self {
            nr: plan.nr,
            from: plan.from,
            to: plan.to,
            due_date: plan.due_date,
            principal: plan.principal,
            interest: plan.interest,
            fee: plan.fee,
            penalty: zero,
            principal_paid: zero,
            interest_paid: zero,
            fee_paid: zero,
            penalty_paid: zero,
            interest_waived: zero,
            penalty_exact: Precise::zero(currency),
        }
    }

    /// What is still asked for, by part and in sum.
    ///
    /// Errors: `Overflow`, or currencies that differ.
    pub fn due(&self) -> Result<InstallmentDue, MoneyError> {
        let principal = self.principal.checked_sub(self.principal_paid)?;
        let interest = self.interest.checked_sub(self.interest_paid)?.checked_sub(self.interest_waived)?;
        let fee = self.fee.checked_sub(self.fee_paid)?;
        let penalty = self.penalty.checked_sub(self.penalty_paid)?;
        Ok(InstallmentDue {
            nr: self.nr,
            due_date: self.due_date,
            principal,
            interest,
            fee,
            penalty,
            outstanding: Money::sum(principal.currency(), [principal, interest, fee, penalty])?,
        })
    }

    /// Charges the penalty for the days after `closed` up to `day`, and answers by how much it grew.
    fn charge_penalty(&mut self, closed: Date, day: Date, rules: &NoteRules) -> Result<Money, NoteError> {
        let zero = Money::zero(self.penalty.currency());
        let runs_after = plus_days(self.due_date, i64::from(rules.grace_days)).max(closed);
        if day <= runs_after || rules.penalty_rate.is_zero() {
            return Ok(zero);
        }
        let due = self.due()?;
        let overdue = due.principal.checked_add(due.interest)?;
        if overdue.is_zero() {
            return Ok(zero);
        }
        let days = u32::try_from(days_between(runs_after, day)).unwrap_or(0);
        self.penalty_exact = self.penalty_exact.checked_add(late_interest(overdue, rules.penalty_rate, days)?)?;
        let charged = self.penalty_exact.round(rules.rounding)?.max(self.penalty)?;
        let grown = charged.checked_sub(self.penalty)?;
        self.penalty = charged;
        Ok(grown)
    }

    /// The penalty, rounded and at full precision, without what the amount that is still overdue was charged after `day`;
    /// `closed` is the last day charged by now. Rounded it is never below what is paid.
    fn penalty_on(&self, day: Date, closed: Date, rules: &NoteRules) -> Result<(Money, Precise), NoteError> {
        let from = plus_days(self.due_date, i64::from(rules.grace_days)).max(day);
        let due = self.due()?;
        let overdue = due.principal.checked_add(due.interest)?;
        if closed <= from || overdue.is_zero() || rules.penalty_rate.is_zero() {
            return Ok((self.penalty, self.penalty_exact));
        }
        let days = u32::try_from(days_between(from, closed)).unwrap_or(0);
        let exact = self.penalty_exact.checked_sub(late_interest(overdue, rules.penalty_rate, days)?)?;
        Ok((exact.round(rules.rounding)?.max(self.penalty_paid)?.min(self.penalty)?, exact))
    }

    fn pay(&mut self, part: &InstallmentPart) -> Result<(), MoneyError> {
        self.principal_paid = self.principal_paid.checked_add(part.principal)?;
        self.interest_paid = self.interest_paid.checked_add(part.interest)?;
        self.fee_paid = self.fee_paid.checked_add(part.fee)?;
        self.penalty_paid = self.penalty_paid.checked_add(part.penalty)?;
        Ok(())
    }
}

entity! {
    /// The installments of a loan note.
    pub struct LoanInstallments in "loan_installments" of "asset-center" key loan: LoanId {
        /// The loan.
        loan: LoanId,
        /// The installments, by due date.
        lines: Json<Vec<InstallmentState>>,
    }
}

/// What a note asks for over all its installments.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Totals {
    /// Principal not repaid.
    pub principal: Money,
    /// Planned interest not paid and not given up.
    pub interest: Money,
    /// Fees not paid.
    pub fee: Money,
    /// Penalties not paid.
    pub penalty: Money,
}

impl LoanInstallments {
    /// The installments of a fresh plan: nothing paid.
    pub fn of_plan(loan: LoanId, plan: &[PlannedInstallment]) -> Self {
        Self { loan, lines: Json(plan.iter().map(InstallmentState::planned).collect()) }
    }

    /// Installments with something outstanding, oldest first.
    ///
    /// Errors: `Overflow`, or currencies that differ.
    pub fn dues(&self) -> Result<Vec<InstallmentDue>, MoneyError> {
        let mut dues = Vec::with_capacity(self.lines.len());
        for line in self.lines.iter() {
            let due = line.due()?;
            if !due.outstanding.is_zero() {
                dues.push(due);
            }
        }
        Ok(dues)
    }

    /// What is outstanding of the installments due on or before `date`.
    ///
    /// Errors: `Overflow`, or currencies that differ.
    pub fn due_through(&self, date: Date, currency: Currency) -> Result<Money, MoneyError> {
        let dues = self.dues()?;
        Money::sum(currency, dues.iter().filter(|due| due.due_date <= date).map(|due| due.outstanding))
    }

    /// The oldest due date with planned parts unpaid; penalties alone make nothing late.
    ///
    /// Errors: `Overflow`, or currencies that differ.
    pub fn oldest_unpaid(&self) -> Result<Option<Date>, MoneyError> {
        let dues = self.dues()?;
        Ok(dues.iter().find(|due| due.outstanding != due.penalty).map(|due| due.due_date))
    }

    /// What is outstanding by part.
    ///
    /// Errors: `Overflow`, or currencies that differ.
    pub fn totals(&self, currency: Currency) -> Result<Totals, MoneyError> {
        let dues = self.dues()?;
        let total = |part: fn(&InstallmentDue) -> Money| Money::sum(currency, dues.iter().map(part));
        Ok(Totals {
            principal: total(|due| due.principal)?,
            interest: total(|due| due.interest)?,
            fee: total(|due| due.fee)?,
            penalty: total(|due| due.penalty)?,
        })
    }

    /// The sum of one column over all installments.
    ///
    /// Errors: `Overflow`, or currencies that differ.
    pub fn sum(&self, currency: Currency, column: fn(&InstallmentState) -> Money) -> Result<Money, MoneyError> {
        Money::sum(currency, self.lines.iter().map(column))
    }

    /// Charges penalties for the days after `closed` up to `day`, and answers by how much they grew.
    ///
    /// Errors: what a calculation or an amount refuses.
    pub fn charge_penalties(
        &mut self,
        closed: Date,
        day: Date,
        rules: &NoteRules,
        currency: Currency,
    ) -> Result<Money, NoteError> {
        let mut grown = Money::zero(currency);
        for line in &mut self.lines.0 {
            grown = grown.checked_add(line.charge_penalty(closed, day, rules)?)?;
        }
        Ok(grown)
    }

    /// The installments with the penalties of the day when `day` was the last one charged, for figures of the past: what is
    /// still overdue can be charged anew for the days since.
    ///
    /// Errors: what a calculation or an amount refuses.
    pub fn with_penalties_of(mut self, day: Date, closed: Date, rules: &NoteRules) -> Result<Self, NoteError> {
        for line in &mut self.lines.0 {
            (line.penalty, line.penalty_exact) = line.penalty_on(day, closed, rules)?;
        }
        Ok(self)
    }

    /// Gives up to `waived` of the penalties that are not paid, newest installment first.
    ///
    /// Errors: `Overflow`, or currencies that differ.
    pub fn waive_penalties(&mut self, waived: Money) -> Result<(), MoneyError> {
        let mut left = waived;
        for line in self.lines.0.iter_mut().rev() {
            let part = line.penalty.checked_sub(line.penalty_paid)?.min(left)?;
            if part.is_positive() {
                line.penalty = line.penalty.checked_sub(part)?;
                line.penalty_exact = line.penalty.precise();
                left = left.checked_sub(part)?;
            }
        }
        Ok(())
    }

    /// Books the parts of a payment, and answers the numbers of the installments that it settled.
    ///
    /// Errors: `Overflow`, or currencies that differ.
    pub fn pay(&mut self, parts: &[InstallmentPart]) -> Result<Vec<u32>, MoneyError> {
        let mut settled = Vec::new();
        for part in parts {
            if let Some(line) = self.lines.0.iter_mut().find(|line| line.nr == part.nr) {
                line.pay(part)?;
                if line.due()?.outstanding.is_zero() {
                    settled.push(line.nr);
                }
            }
        }
        Ok(settled)
    }

    /// Ends every installment: principal, fees and penalties are paid, `interest_paid` is spread by age, the rest of the
    /// interest is given up. Answers the numbers of the installments that were open.
    ///
    /// Errors: `Overflow`, or currencies that differ.
    pub fn settle(&mut self, interest_paid: Money) -> Result<Vec<u32>, MoneyError> {
        let mut settled = Vec::new();
        let mut left = interest_paid;
        for line in &mut self.lines.0 {
            if !line.due()?.outstanding.is_zero() {
                settled.push(line.nr);
            }
            line.principal_paid = line.principal;
            line.fee_paid = line.fee;
            line.penalty_paid = line.penalty;
            line.interest_paid = line.interest.min(left)?;
            line.interest_waived = line.interest.checked_sub(line.interest_paid)?;
            left = left.checked_sub(line.interest_paid)?;
        }
        Ok(settled)
    }
}

/// How an installment is stored: amounts as units of one currency, so that a row of twelve stays small.
#[derive(Serialize, Deserialize)]
struct Wire {
    nr: u32,
    from: Date,
    to: Date,
    due: Date,
    currency: Currency,
    /// Principal, interest, fee, penalty.
    asked: [i64; 4],
    /// Principal, interest, fee, penalty.
    paid: [i64; 4],
    waived: i64,
    /// Major units.
    penalty_exact: String,
}

impl From<InstallmentState> for Wire {
    fn from(line: InstallmentState) -> Self {
        let asked = [line.principal, line.interest, line.fee, line.penalty];
        let paid = [line.principal_paid, line.interest_paid, line.fee_paid, line.penalty_paid];
        Self {
            nr: line.nr,
            from: line.from,
            to: line.to,
            due: line.due_date,
            currency: line.principal.currency(),
            asked: asked.map(Money::units),
            paid: paid.map(Money::units),
            waived: line.interest_waived.units(),
            penalty_exact: line.penalty_exact.value().normalize().to_string(),
        }
    }
}

impl TryFrom<Wire> for InstallmentState {
    type Error = String;

    fn try_from(wire: Wire) -> Result<Self, String> {
        let money = |units| Money::from_units(units, wire.currency);
        let exact: Decimal =
            wire.penalty_exact.parse().map_err(|error| format!("penalty_exact {:?}: {error}", wire.penalty_exact))?;
        Ok(Self {
            nr: wire.nr,
            from: wire.from,
            to: wire.to,
            due_date: wire.due,
            principal: money(wire.asked[0]),
            interest: money(wire.asked[1]),
            fee: money(wire.asked[2]),
            penalty: money(wire.asked[3]),
            principal_paid: money(wire.paid[0]),
            interest_paid: money(wire.paid[1]),
            fee_paid: money(wire.paid[2]),
            penalty_paid: money(wire.paid[3]),
            interest_waived: money(wire.waived),
            penalty_exact: Precise::from_decimal(exact, wire.currency),
        })
    }
}
