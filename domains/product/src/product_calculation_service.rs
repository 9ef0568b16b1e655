//! product-calculation-service: plans, early settlements and cancellations, from the product version a loan is sold under.
//!
//! The service keeps nothing: every figure follows from its inputs, a published version and the market's calendar.
//!
//! Invariant: what is calculated for a loan's schedule is what was calculated for the offer, given the same start.
//! Invariant: only a plan that a service asks for becomes a schedule; one that a person asks for is a trial, whatever loan
//! it names.

use sycee_contract::{
    AcceptProductOffer, CalculateEarlySettlement, CalculateLoanCancelRepayment, CalculateRepaymentPlan, LoanId,
    ProductContribution, ProductTerms, QueryProductOffer, QueryProductVersion, Rejection, RepaymentPlan,
    RepaymentPlanCalculated, SettlementFigures, SettlementInputs,
};
use sycee_money::Calendar;
use sycee_runtime::{Handled, Registry, Work};

use crate::{PlanRequest, cancellation, early_settlement, repayment_plan};

/// Registers the service.
pub fn register(registry: &mut Registry) {
    registry
        .service("product-calculation-service")
        .handles::<CalculateRepaymentPlan>(calculate_repayment_plan)
        .handles::<CalculateEarlySettlement>(calculate_early_settlement)
        .handles::<CalculateLoanCancelRepayment>(calculate_loan_cancel_repayment)
        .participates::<QueryProductOffer>(contribute_plan)
        .emits::<RepaymentPlanCalculated>()
        .sends::<AcceptProductOffer>()
        .sends::<QueryProductVersion>();
}

fn calculate_repayment_plan(work: &mut Work, cmd: &CalculateRepaymentPlan) -> Handled<RepaymentPlan> {
    let contributions = work.consult(cmd)?;
    let terms = contributions
        .iter()
        .flat_map(|(_, contribution)| &contribution.products)
        .find(|terms| terms.product == cmd.product && terms.version == cmd.version)
        .ok_or_else(|| Rejection::not_found("product version", format!("{}@{}", cmd.product, cmd.version)))?;
    let request =
        PlanRequest { annual_rate: cmd.annual_rate, principal: cmd.principal, term: cmd.term, start: cmd.start };
    let plan = repayment_plan(terms, &request, &work.config::<Calendar>())?;
    work.emit(RepaymentPlanCalculated {
        loan: cmd.loan,
        plan: Some(plan.clone()),
        settlement: None,
        for_schedule: cmd.loan.is_some() && !work.is_stimulus(),
    });
    Ok(plan)
}

fn calculate_early_settlement(work: &mut Work, cmd: &CalculateEarlySettlement) -> Handled<SettlementFigures> {
    let figures = early_settlement(&sold_under(work, &cmd.inputs)?, &cmd.inputs)?;
    tell_settlement(work, cmd.inputs.loan, &figures);
    Ok(figures)
}

fn calculate_loan_cancel_repayment(work: &mut Work, cmd: &CalculateLoanCancelRepayment) -> Handled<SettlementFigures> {
    let figures = cancellation(&sold_under(work, &cmd.inputs)?, &cmd.inputs)?;
    tell_settlement(work, cmd.inputs.loan, &figures);
    Ok(figures)
}

/// For a detail: the plan of the offer as the distribution service would sell it now.
fn contribute_plan(
    work: &mut Work,
    cmd: &QueryProductOffer,
    _: &[ProductContribution],
) -> Handled<ProductContribution> {
    let plan = match &cmd.detail {
        Some(choice) => Some(work.ask(AcceptProductOffer { customer: cmd.customer, choice: choice.clone() })?.plan),
        None => None,
    };
    Ok(ProductContribution { products: vec![], plan })
}

fn sold_under(work: &mut Work, inputs: &SettlementInputs) -> Handled<ProductTerms> {
    work.ask(QueryProductVersion { product: inputs.product.clone(), version: Some(inputs.version) })
}

fn tell_settlement(work: &mut Work, loan: LoanId, figures: &SettlementFigures) {
    work.emit(RepaymentPlanCalculated {
        loan: Some(loan),
        plan: None,
        settlement: Some(figures.clone()),
        for_schedule: false,
    });
}
