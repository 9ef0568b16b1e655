//! Bounds of values that can be read and cannot be meant: a rate in percent where a fraction stands, more than was asked.

use std::fmt::Display;

use sycee_funds::PaymentConfig;
use sycee_money::Rate;
use sycee_risk::RiskStrategy;
use sycee_risk::strategy::Tier;

use crate::files::{FunderFile, MarketError, wrong};

const FUNDERS: &str = "funders.yaml";
/// EMVCo QRCPS 1.1, table 4.2: a globally unique identifier has at most 32 characters.
const QR_SCHEME_MAX: usize = 32;
/// ISO/IEC 7812-1: an account number has at most 19 digits, and ours ends in the payment's ten and a check digit.
const ACCOUNT_PREFIX_MAX: usize = 8;

fn require(holds: bool, file: &str, field: impl Display, rule: &str, example: &str) -> Result<(), MarketError> {
    if holds { Ok(()) } else { Err(wrong(file, format!("{field}: {rule}; for example {example}"))) }
}

fn is_fraction(rate: Rate) -> bool {
    (Rate::zero()..=Rate::from_bps(10_000)).contains(&rate)
}

fn is_code(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.bytes().all(is_plain)
}

/// Whether a market may have this id and this country.
///
/// Errors: the field, and what would be right.
pub(crate) fn of_market(file: &str, id: &str, country: &str) -> Result<(), MarketError> {
    let is_id = is_code(id) && id.starts_with(|first: char| first.is_ascii_lowercase()) && id.len() <= 31;
    let rule = "a lower-case letter, then at most 30 lower-case letters, digits and hyphens";
    require(is_id, file, "id", rule, "gh")?;
    let is_country = country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase());
    require(is_country, file, "country", "two capital letters, after ISO 3166", "GH")
}

/// Whether funders have codes of their own, and costs and amounts that can be meant.
///
/// Errors: the funder and its field, and what would be right.
pub(crate) fn of_funders(funders: &[FunderFile]) -> Result<(), MarketError> {
    for (index, funder) in funders.iter().enumerate() {
        let code = &funder.code;
        let rule = "lower-case letters, digits and hyphens";
        require(is_code(code), FUNDERS, format!("code {code:?}"), rule, "own-funds")?;
        let earlier = &funders[..index];
        if earlier.iter().any(|other| other.code == *code) {
            return Err(wrong(FUNDERS, format!("{code}: stands there twice; give every funder a code of its own")));
        }
        if let Some(own) = earlier.iter().find(|other| other.is_own && funder.is_own) {
            return Err(wrong(FUNDERS, format!("{code}: isOwn: own funds are {} already; write false", own.code)));
        }
        of_funder(funder)?;
    }
    Ok(())
}

fn of_funder(funder: &FunderFile) -> Result<(), MarketError> {
    let FunderFile { code, cost, quota, arrival, .. } = funder;
    if !is_fraction(*cost) {
        let given = format!("{cost} is {} % a year", cost.percent_string());
        let way = "write a fraction from 0 to 1, for example \"0.14\" for 14 %";
        return Err(wrong(FUNDERS, format!("{code}: cost: {given}; {way}")));
    }
    let by_us = !(funder.is_own && funder.pays_itself);
    require(by_us, FUNDERS, format!("{code}: paysItself"), "own funds are paid out by our payment system", "false")?;
    require(quota.is_positive(), FUNDERS, format!("{code}: quota"), "more than zero", "\"900000.00\"")?;
    let can_arrive = !arrival.is_negative() && arrival.is_whole_minor() && arrival.units() <= quota.units();
    let rule = "from zero to the quota, in whole minor units";
    require(can_arrive, FUNDERS, format!("{code}: arrival"), rule, "\"420000.00\"")
}

/// Whether surcharges and parts of what was asked are fractions.
///
/// Errors: the field, and what would be right.
pub(crate) fn of_strategy(strategy: &RiskStrategy) -> Result<(), MarketError> {
    const FILE: &str = "strategy.yaml";
    for (purpose, policy) in &strategy.purposes {
        for tier in Tier::ALL {
            let policy = policy.of(*tier);
            let at = format!("purposes.{}.tiers.{}", purpose.name().to_lowercase(), tier.label());
            let rule = "a fraction a year from 0 to 1";
            require(is_fraction(policy.surcharge), FILE, format!("{at}.surcharge"), rule, "\"0.04\" for 4 %")?;
            let is_part = policy.limit.as_ref().is_none_or(|limit| is_fraction(limit.fraction));
            let rule = "a fraction of what is asked for, at most 1";
            require(is_part, FILE, format!("{at}.limit.fraction"), rule, "\"0.50\"")?;
        }
    }
    Ok(())
}

/// Whether a payer can be shown a code and an account.
///
/// Errors: the field, and what would be right.
pub(crate) fn of_channels(channels: &PaymentConfig) -> Result<(), MarketError> {
    const FILE: &str = "channels.yaml";
    let merchant = &channels.merchant;
    let scheme = merchant.qr_scheme.as_str();
    let is_scheme = (1..=QR_SCHEME_MAX).contains(&scheme.len()) && scheme.bytes().all(|byte| byte.is_ascii_graphic());
    let rule = "1 to 32 characters of ASCII without spaces, a domain of yours in reverse";
    require(is_scheme, FILE, "merchant.qrScheme", rule, "com.sycee.pay")?;
    let prefix = merchant.virtual_account_prefix.as_str();
    let is_prefix =
        (1..=ACCOUNT_PREFIX_MAX).contains(&prefix.len()) && prefix.bytes().all(|byte| byte.is_ascii_digit());
    require(is_prefix, FILE, "merchant.virtualAccountPrefix", "1 to 8 digits", "\"8890\"")
}
