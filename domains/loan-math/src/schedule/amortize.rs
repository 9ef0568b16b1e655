//! The four ways to spread principal and interest over the installments.
//!
//! Invariant: principal parts are between zero and the balance, and the last one is the balance.

use rust_decimal::Decimal;
use sycee_money::{Money, MoneyError, Precise, Rounding};

use super::{LoanTerms, Method};
use crate::{LoanMathError, context::Context};

/// Interest and principal of one installment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) interest: Money,
    pub(super) principal: Money,
}

/// The parts of every installment; one factor each.
pub(super) fn amortize(terms: &LoanTerms, factors: &[Decimal]) -> Result<Vec<Part>, LoanMathError> {
    match terms.method {
        Method::EqualInstallments => equal_installments(terms, factors),
        Method::EqualPrincipal => equal_principal(terms, factors),
        Method::Flat => flat(terms, factors),
        Method::Bullet => bullet(terms, factors),
    }
}

fn equal_installments(terms: &LoanTerms, factors: &[Decimal]) -> Result<Vec<Part>, LoanMathError> {
    let installment = annuity(terms, factors)?;
    let parts = repay_with(terms, factors, installment)?;
    let gap = last_gap(&parts, installment)?;
    let count = factors.len() as i64;
    if count < 2 || gap.checked_abs()?.to_minor()? <= count / 2 {
        return Ok(parts);
    }

    let step = gap.mul_ratio(1, i128::from(count), terms.rounding)?;
    let adjusted = to_multiple(terms, installment.checked_add(step)?)?;
    if adjusted == installment {
        return Ok(parts);
    }
    let adjusted_parts = repay_with(terms, factors, adjusted)?;
    let adjusted_gap = last_gap(&adjusted_parts, adjusted)?;
    let shrinks = adjusted_gap.checked_abs()?.compare(gap.checked_abs()?)?.is_lt();
    Ok(if shrinks { adjusted_parts } else { parts })
}

/// `P · Π(1 + rf) ÷ fn`, rounded to the minor unit or the multiple.
///
/// The factors keep the precision of the terms, and four digits more than the principal has where that is more:
/// otherwise a principal of trillions would lose cents.
fn annuity(terms: &LoanTerms, factors: &[Decimal]) -> Result<Money, LoanMathError> {
    let principal_digits = terms.principal.to_minor()?.checked_ilog10().unwrap_or(0) + 1;
    let context = Context::new(terms.precision.max(principal_digits + 4));
    let mut product = Decimal::ONE;
    let mut fnk = Decimal::ZERO;
    for factor in factors {
        let growth = context.add(Decimal::ONE, *factor)?;
        product = context.mul(product, growth)?;
        fnk = context.add(Decimal::ONE, context.mul(fnk, growth)?)?;
    }
    let installment = times(terms, terms.principal, context.div(product, fnk)?)?;
    Ok(to_multiple(terms, installment)?)
}

fn to_multiple(terms: &LoanTerms, installment: Money) -> Result<Money, MoneyError> {
    match terms.installment_multiple {
        Some(multiple) => installment.round_to_multiple(multiple, terms.rounding),
        None => Ok(installment),
    }
}

fn repay_with(terms: &LoanTerms, factors: &[Decimal], installment: Money) -> Result<Vec<Part>, LoanMathError> {
    declining(terms, factors, |interest| Ok(installment.checked_sub(interest)?))
}

fn equal_principal(terms: &LoanTerms, factors: &[Decimal]) -> Result<Vec<Part>, LoanMathError> {
    let principal = terms.principal.mul_ratio(1, factors.len() as i128, terms.rounding)?;
    declining(terms, factors, |_| Ok(principal))
}

fn bullet(terms: &LoanTerms, factors: &[Decimal]) -> Result<Vec<Part>, LoanMathError> {
    let nothing = Money::zero(terms.principal.currency());
    declining(terms, factors, |_| Ok(nothing))
}

/// Interest on the balance; `planned` names the principal for a given interest, kept between zero and the balance.
fn declining(
    terms: &LoanTerms,
    factors: &[Decimal],
    planned: impl Fn(Money) -> Result<Money, LoanMathError>,
) -> Result<Vec<Part>, LoanMathError> {
    let nothing = Money::zero(terms.principal.currency());
    let mut balance = terms.principal;
    let mut parts = Vec::with_capacity(factors.len());
    for (index, factor) in factors.iter().enumerate() {
        let interest = times(terms, balance, *factor)?;
        let is_last = index + 1 == factors.len();
        let principal = if is_last { balance } else { planned(interest)?.max(nothing)?.min(balance)? };
        balance = balance.checked_sub(principal)?;
        parts.push(Part { interest, principal });
    }
    Ok(parts)
}

/// The interest of the whole term on the first principal, and the principal, each spread evenly; the last installment
/// takes what rounding left over.
fn flat(terms: &LoanTerms, factors: &[Decimal]) -> Result<Vec<Part>, LoanMathError> {
    let count = factors.len();
    let term_factor = factors
        .iter()
        .try_fold(Decimal::ZERO, |sum, factor| sum.checked_add(*factor))
        .ok_or(LoanMathError::out_of_range("the interest of the whole term"))?;
    let exact_interest = terms.principal.precise().mul_decimal(term_factor)?;
    let exact_interest = without_noise(terms, exact_interest, terms.principal, count);
    let nothing = Money::zero(terms.principal.currency());
    let mut interest_left = exact_interest.round(terms.rounding)?;
    let interest_each = exact_interest.div_decimal(Decimal::from(count))?.round(terms.rounding)?;
    let mut balance = terms.principal;
    let mut principal_each = terms.principal.mul_ratio(1, count as i128, terms.rounding)?;
    if terms.installment_multiple.is_some() {
        let installment = to_multiple(terms, principal_each.checked_add(interest_each)?)?;
        principal_each = installment.checked_sub(interest_each)?.max(nothing)?;
    }

    let mut parts = Vec::with_capacity(count);
    for index in 0..count {
        let is_last = index + 1 == count;
        let interest = if is_last { interest_left } else { interest_each.min(interest_left)? };
        let principal = if is_last { balance } else { principal_each.min(balance)? };
        interest_left = interest_left.checked_sub(interest)?;
        balance = balance.checked_sub(principal)?;
        parts.push(Part { interest, principal });
    }
    Ok(parts)
}

fn last_gap(parts: &[Part], installment: Money) -> Result<Money, LoanMathError> {
    match parts.last() {
        Some(last) => Ok(last.interest.checked_add(last.principal)?.checked_sub(installment)?),
        None => Ok(Money::zero(installment.currency())),
    }
}

/// `amount × factor`, rounded to the minor unit.
fn times(terms: &LoanTerms, amount: Money, factor: Decimal) -> Result<Money, LoanMathError> {
    let exact = amount.precise().mul_decimal(factor)?;
    Ok(without_noise(terms, exact, amount, 1).round(terms.rounding)?)
}

/// What `count` rounded factors made of `amount`, without the noise of their rounding: 1200 × 0.008333333333 is 10, not
/// 9.9999999996, which rounding down would turn into 9.99.
///
/// Factors have `precision` decimals, so the product is good to as many decimals less the digits of amount and count. An
/// amount so large that this would touch minor units is left as it is.
fn without_noise(terms: &LoanTerms, exact: Precise, amount: Money, count: usize) -> Precise {
    let amount_digits = amount.units().unsigned_abs().checked_ilog10().map_or(0, |log| log + 1);
    let count_digits = count.ilog10();
    let noisy = amount_digits.saturating_sub(amount.currency().scale()) + count_digits;
    match terms.precision.checked_sub(noisy) {
        Some(decimals) if decimals > amount.currency().minor_digits() => {
            let value = Rounding::HalfEven.round_decimal(exact.value(), decimals);
            Precise::from_decimal(value, exact.currency())
        }
        _ => exact,
    }
}
