//! Plans and exits of a loan: what the borrower receives, pays, and pays to leave. Pure.
//!
//! Invariant: net proceeds plus upfront fee is the principal; the installments' principal sums to it.
//! Invariant: a moved due date moves nothing else: interest runs from period to period, whenever it has to be paid.
//! Invariant: no figure is negative, and a settlement's amount is the sum of what it names.

use std::time::Duration;

use sycee_contract::{
    Date, PlannedInstallment, ProductTerms, RepaymentPlan, SettlementFigures, SettlementInputs, SettlementInterest,
};
use sycee_loan_math::{LoanMathError, schedule};
use sycee_money::{Calendar, Money, Rate};

use crate::apr::plan_apr;
use crate::basis::loan_terms;
use crate::{ProductRejection, rejection::check_amount};

/// One loan to be planned under a product version.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlanRequest {
    /// The customer's annual rate, as a fraction.
    pub annual_rate: Rate,
    /// Principal.
    pub principal: Money,
    /// Number of installments; for a bullet loan, of intervals.
    pub term: u32,
    /// Day the money goes out.
    pub start: Date,
}

/// The plan of a loan, each due date where the product's convention puts it by the market's calendar.
///
/// Errors: as [`unadjusted_plan`].
pub fn repayment_plan(
    terms: &ProductTerms,
    request: &PlanRequest,
    calendar: &Calendar,
) -> Result<RepaymentPlan, ProductRejection> {
    let mut plan = unadjusted_plan(terms, request)?;
    for installment in &mut plan.installments {
        let moved = calendar.adjust(installment.to, terms.due_dates);
        // Nothing is due before the money can have arrived.
        if moved > request.start {
            installment.due_date = moved;
        }
    }
    Ok(plan)
}

/// The plan of a loan with its annual percentage rate, due at the end of each period, business day or not.
///
/// The upfront fee is kept from the payout, so the rate is that of the net proceeds: Directive 2008/48/EC, Annex I.
/// Errors: `InvalidAmount` for a principal the product's currency doesn't have; what loan mathematics refuses.
pub fn unadjusted_plan(terms: &ProductTerms, request: &PlanRequest) -> Result<RepaymentPlan, ProductRejection> {
    check_amount("principal", request.principal, terms.amount_min)?;
    let schedule = schedule::build(&loan_terms(terms, request)?)?;
    let upfront_fee = request.principal.mul_rate(terms.upfront_fee, terms.rounding)?;
    let net_proceeds = request.principal.checked_sub(upfront_fee)?;
    let apr = plan_apr(terms, &schedule, net_proceeds)?;
    let nothing = Money::zero(terms.currency);
    let installments = schedule.periods.iter().map(|period| PlannedInstallment {
        nr: period.nr,
        from: period.from,
        to: period.due_date,
        due_date: period.due_date,
        principal: period.principal,
        interest: period.interest,
        fee: nothing,
        balance: period.balance,
    });
    Ok(RepaymentPlan {
        product: terms.product.clone(),
        version: terms.version,
        principal: request.principal,
        annual_rate: request.annual_rate,
        upfront_fee,
        net_proceeds,
        start: request.start,
        installments: installments.collect(),
        total_interest: schedule.total_interest,
        total_due: schedule.total_due,
        apr,
    })
}

/// What settles a loan on `inputs.as_of`: all principal, and interest as the product version says.
///
/// Errors: `InvalidAmount` for negative or mixed inputs.
pub fn early_settlement(
    terms: &ProductTerms,
    inputs: &SettlementInputs,
) -> Result<SettlementFigures, ProductRejection> {
    check_inputs(terms, inputs)?;
    let interest = match terms.settlement_interest {
        SettlementInterest::ToTheDay => inputs.interest_accrued,
        SettlementInterest::ToPeriodEnd => inputs.interest_period_end,
    };
    Ok(SettlementFigures {
        principal: inputs.principal,
        interest,
        fee: inputs.fee,
        penalty: inputs.penalty,
        fee_refund: Money::zero(terms.currency),
        amount: Money::sum(terms.currency, [inputs.principal, interest, inputs.fee, inputs.penalty])?,
        as_of: inputs.as_of,
    })
}

/// What cancels a loan within its cooling-off days, the last of them included: the borrower gives the net proceeds back,
/// the upfront fee is refunded against the principal, interest and penalties are waived.
///
/// Errors: `CoolingOffOver`; `PaidBefore` when a repayment was made; `InvalidAmount` for negative or mixed inputs.
pub fn cancellation(terms: &ProductTerms, inputs: &SettlementInputs) -> Result<SettlementFigures, ProductRejection> {
    check_inputs(terms, inputs)?;
    let ended = cooling_off_end(inputs.start, terms.cooling_off_days)?;
    if inputs.as_of > ended {
        return Err(ProductRejection::CoolingOffOver { loan: inputs.loan, ended });
    }
    if inputs.paid_before {
        return Err(ProductRejection::PaidBefore { loan: inputs.loan });
    }
    let nothing = Money::zero(terms.currency);
    let fee_refund = inputs.upfront_fee.min(inputs.principal)?;
    let principal = inputs.principal.checked_sub(fee_refund)?;
    Ok(SettlementFigures {
        principal,
        interest: nothing,
        fee: nothing,
        penalty: nothing,
        fee_refund,
        amount: principal,
        as_of: inputs.as_of,
    })
}

fn cooling_off_end(start: Date, days: u32) -> Result<Date, ProductRejection> {
    let span = Duration::from_secs(u64::from(days) * 86_400);
    start.checked_add(span).map_err(|_| LoanMathError::OutOfRange { what: "the end of the cooling-off time" }.into())
}

fn check_inputs(terms: &ProductTerms, inputs: &SettlementInputs) -> Result<(), ProductRejection> {
    let amounts = [
        ("principal", inputs.principal),
        ("interestAccrued", inputs.interest_accrued),
        ("interestPeriodEnd", inputs.interest_period_end),
        ("fee", inputs.fee),
        ("penalty", inputs.penalty),
        ("upfrontFee", inputs.upfront_fee),
    ];
    let bad = |(_, amount): &(&str, Money)| amount.is_negative() || amount.currency() != terms.currency;
    match amounts.into_iter().find(bad) {
        Some((field, amount)) => {
            let rule = "must not be negative, and in the product's currency";
            Err(ProductRejection::InvalidAmount { field, rule, example: terms.amount_min, amount })
        }
        None => Ok(()),
    }
}
