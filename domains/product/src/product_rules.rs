//! The rules that a product's own rules have to keep before they may be published.
//!
//! Invariant: terms that pass can be calculated from the least amount and shortest term to the greatest and longest.

use std::collections::BTreeSet;

use sycee_contract::{DuePart, NAME_MAX, ProductTerms, RepaymentMethod, check_text};
use sycee_money::{Decimal, Money, Rate};

use crate::basis::{DAY_COUNTS, day_basis};
use crate::{PlanRequest, unadjusted_plan};

/// The longest time of a bullet loan, in units of its interval.
const BULLET_UNITS_MAX: u32 = 1_000;
/// The longest cooling-off time that makes sense, in days.
const COOLING_OFF_DAYS_MAX: u32 = 90;

/// Most languages that a product has a name in.
const NAMES_MAX: usize = 20;
/// Most characters of a language tag, BCP 47.
const LANGUAGE_MAX: usize = 35;
/// Most partners that a product names as its funders.
const FUNDERS_MAX: usize = 100;

/// Why a product can't be published: a field, the rule it breaks, and a value that keeps it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {rule}, for example {example}")]
pub struct ProductFileError {
    /// The field, as it is written in a product file.
    pub field: String,
    /// The rule it breaks.
    pub rule: String,
    /// A value that would be accepted.
    pub example: String,
}

impl ProductFileError {
    /// An error of one field.
    pub fn new(field: impl Into<String>, rule: impl Into<String>, example: impl Into<String>) -> Self {
        Self { field: field.into(), rule: rule.into(), example: example.into() }
    }
}

/// Checks the rules of a product version. Errors: the first field that breaks a rule.
pub fn check_terms(terms: &ProductTerms) -> Result<(), ProductFileError> {
    check_names(terms)?;
    check_amounts(terms)?;
    check_intervals(terms)?;
    check_rates(terms)?;
    check_calculation(terms)
}

/// Checks who may fund a product version. Errors: `funders`, when there are too many or a code is none or has no end.
pub fn check_funders(funders: &[String]) -> Result<(), ProductFileError> {
    let rule = format!("must be at most {FUNDERS_MAX} codes of partners, of 1 to {NAME_MAX} characters");
    let are_codes = funders.iter().all(|code| check_text("funders", code, NAME_MAX, "own-funds").is_ok());
    keep(funders.len() <= FUNDERS_MAX && are_codes, "funders", &rule, "[own-funds]")
}

fn check_names(terms: &ProductTerms) -> Result<(), ProductFileError> {
    let is_code = |text: &str| {
        !text.is_empty()
            && text.len() <= 40
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let code_rule = "must be 1 to 40 lower-case letters, digits and dashes";
    keep(is_code(&terms.product), "product", code_rule, "gh-installment")?;
    keep(terms.version >= 1, "version", "must be 1 or more", "1")?;
    keep(
        terms.names.get("en").is_some_and(|name| !name.trim().is_empty()),
        "names",
        "must hold a name in en",
        "{en: Cash loan}",
    )?;
    let is_name = |(language, name): (&String, &String)| {
        (1..=LANGUAGE_MAX).contains(&language.chars().count())
            && check_text("names", name, NAME_MAX, "Cash loan").is_ok()
    };
    let rule = format!("must be in at most {NAMES_MAX} languages, each of 1 to {NAME_MAX} characters");
    keep(terms.names.len() <= NAMES_MAX && terms.names.iter().all(is_name), "names", &rule, "{en: Cash loan}")?;
    let is_country = terms.country.len() == 2 && terms.country.bytes().all(|b| b.is_ascii_uppercase());
    keep(is_country, "country", "must be an ISO 3166 alpha-2 code", "GH")?;
    keep(is_code(&terms.contract_template), "contractTemplate", code_rule, "loan-agreement")
}

fn check_amounts(terms: &ProductTerms) -> Result<(), ProductFileError> {
    let usable = |amount: Money| amount.currency() == terms.currency && amount.is_positive() && amount.is_whole_minor();
    let example = |amount| format!("{{amount: \"{amount}\", currency: {}}}", terms.currency);
    let rule = "must be above zero, in whole minor units of the product's currency";
    keep(usable(terms.amount_min), "amountMin", rule, &example("100.00"))?;
    keep(usable(terms.amount_max), "amountMax", rule, &example("5000.00"))?;
    let rising = terms.amount_min.units() <= terms.amount_max.units();
    keep(rising, "amountMax", "must not be below amountMin", &example("5000.00"))
}

fn check_intervals(terms: &ProductTerms) -> Result<(), ProductFileError> {
    let rising = terms.terms.windows(2).all(|pair| pair[0] < pair[1]);
    let in_range = terms.terms.iter().all(|term| (1..=sycee_loan_math::schedule::INSTALLMENTS_MAX).contains(term));
    keep(!terms.terms.is_empty() && rising && in_range, "terms", "must rise, from 1 to at most 3660", "[3, 6, 12]")?;
    keep((1..=1_000).contains(&terms.every), "every", "must be from 1 to 1000", "1")?;
    let longest = terms.terms.iter().max().map_or(0, |term| term.saturating_mul(terms.every));
    let bullet_fits = terms.method != RepaymentMethod::Bullet || longest <= BULLET_UNITS_MAX;
    keep(bullet_fits, "terms", "of a bullet loan must end within 1000 units", "[14, 30]")?;
    let known: Vec<&str> = DAY_COUNTS.iter().map(|(name, _)| *name).collect();
    keep(day_basis(&terms.day_count).is_some(), "dayCount", &format!("must be one of {}", known.join(", ")), "act/365")
}

fn check_rates(terms: &ProductTerms) -> Result<(), ProductFileError> {
    let within = |rate: Rate, most: Decimal| !rate.is_negative() && rate.as_decimal() <= most;
    keep(
        within(terms.annual_rate, Decimal::TEN),
        "annualRate",
        "must be a fraction from 0 to 10 (0.30 is 30 %)",
        "\"0.30\"",
    )?;
    let half = Decimal::new(5, 1);
    keep(within(terms.upfront_fee, half), "upfrontFee", "must be a fraction from 0 to 0.5", "\"0.05\"")?;
    keep(within(terms.penalty_rate, Decimal::TEN), "penaltyRate", "must be a fraction from 0 to 10", "\"0.36\"")?;
    let cooling = terms.cooling_off_days <= COOLING_OFF_DAYS_MAX;
    keep(cooling, "coolingOffDays", "must be at most 90", "7")?;
    let parts: BTreeSet<DuePart> = terms.allocation.iter().copied().collect();
    let complete = parts.len() == DuePart::ALL.len() && terms.allocation.len() == parts.len();
    keep(complete, "allocation", "must name every part once", "[penalty, fee, interest, principal]")
}

fn check_calculation(terms: &ProductTerms) -> Result<(), ProductFileError> {
    let ends = [(terms.amount_min, terms.terms.first()), (terms.amount_max, terms.terms.last())];
    for (principal, term) in ends {
        let Some(&term) = term else { continue };
        let request = PlanRequest { annual_rate: terms.annual_rate, principal, term, start: terms.effective_from };
        if let Err(error) = unadjusted_plan(terms, &request) {
            let rule = format!("must be calculable: {principal} for a term of {term} is not ({error})");
            return Err(ProductFileError::new("terms", rule, "a lower rate, fee, amount or term"));
        }
    }
    Ok(())
}

fn keep(kept: bool, field: &str, rule: &str, example: &str) -> Result<(), ProductFileError> {
    if kept { Ok(()) } else { Err(ProductFileError::new(field, rule, example)) }
}
