//! Agreements with funders: signed once, and changed by terms that hold from a day on.
//!
//! Invariant: code, country, currency and who pays and collects never change: routes, books and repayments hang on them.
//! Invariant: on a day holds what was agreed last for that day or an earlier one; what began before today is not
//! changed any more.
//! Invariant: every version of the terms is kept.
//! Invariant: the term bounds the days on which a funder is chosen. What was reserved on one of them is paid out, and
//! repaid, on whatever day that happens: a promise that was made is kept.
//! Invariant: nobody is passed over unawares: people are reminded before what was agreed last ends.

use sycee_contract::messages::{
    AmendFundingContract, BusinessDateAdvanced, FundingContractAmended, FundingContractSigned, RegisterFundingContract,
};
use sycee_contract::{
    Date, FundingContractId, FundingTerms, LINE_MAX, NAME_MAX, PartnerId, Rejection, Timestamp, check_text,
};
use sycee_money::{Currency, Money, Rate};
use sycee_runtime::{Handled, Json, Work, entity};

use super::{Partner, open_work_order};
use crate::PartnerRejection;

/// Most products or channels that terms name.
const CODES_MAX: usize = 100;
/// Most changes that are agreed for later days at once.
pub const PLANNED_MAX: usize = 12;
/// Days before the last day of an agreement on which people are reminded of it; 0 is that day itself.
const REMINDER_DAYS: [i32; 3] = [30, 7, 0];

entity! {
    /// What was agreed with a partner at one time.
    pub struct PartnerTerms in "partner_terms" of "partner-hub" key (partner, version): (PartnerId, i64) {
        /// The partner.
        partner: PartnerId,
        /// 1 for the agreement as it was signed, upwards without gaps.
        version: i64,
        /// First day.
        valid_from: Date,
        /// Last day; no end when absent.
        valid_until: Option<Date>,
        /// Cost of funds as a fraction a year.
        cost: Rate,
        /// The most principal that may be outstanding.
        quota: Money,
        /// Products; empty means any.
        products: Json<Vec<String>>,
        /// Channels; empty means any.
        channels: Json<Vec<String>>,
        /// When it was agreed.
        agreed_at: Timestamp,
    }
}

/// Registers an agreement. The same terms again give the same agreement; other terms under the code are refused.
///
/// Errors: `FUNDING_CONTRACT_EXISTS`; `INVALID_FIELD` names the field and the rule.
pub(super) fn register_funding_contract(work: &mut Work, cmd: &RegisterFundingContract) -> Handled<FundingContractId> {
    if let Some(existing) = work.find_one(Partner::by_code(cmd.code.clone()))? {
        let signed = work.get::<PartnerTerms>((existing.id, 1))?;
        if signed.is_some_and(|signed| existing.was_signed_as(cmd, &signed)) {
            return Ok(existing.contract);
        }
        return Err(
            PartnerRejection::FundingContractExists { code: cmd.code.clone(), contract: existing.contract }.into()
        );
    }
    if cmd.is_own
        && let Some(own) = work.find_one(Partner::by_own(true))?
    {
        return Err(Rejection::invalid("isOwn", format!("own funds are {} already", own.code), "false").into());
    }
    let (id, contract) = (work.new_id(), work.new_id());
    let (partner, terms) = Partner::sign(id, contract, cmd, work.today(), work.now())?;
    work.emit(partner.signed(&terms));
    work.save(terms);
    work.save(partner);
    Ok(contract)
}

/// Changes what was agreed from a day on. The change that was made last, once more, changes nothing.
///
/// Errors: `NOT_FOUND`; `INVALID_FIELD` names the field and the rule.
pub(super) fn amend_funding_contract(work: &mut Work, cmd: &AmendFundingContract) -> Handled<FundingContractId> {
    let found = work.find_one(Partner::by_code(cmd.code.clone()))?;
    let mut partner = found.ok_or_else(|| Rejection::not_found("funder", &cmd.code))?;
    let contract = partner.contract;
    if let Some(agreed) = partner.amend(cmd.terms(), work.today(), work.now())? {
        work.save(agreed);
        work.emit(partner.amended());
        work.save(partner);
    }
    Ok(contract)
}

/// Reminds people of the agreements that end soon: as they stand, so a renewal that is agreed silences it. A day belongs to
/// everybody: nothing here refuses it.
pub(super) fn on_business_date_advanced(work: &mut Work, event: &BusinessDateAdvanced) -> Handled<()> {
    for is_own in [true, false] {
        let mut after = None;
        loop {
            let page = work.find(Partner::by_own(is_own).after(after))?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            for partner in &page {
                remind(work, partner, event.opened);
            }
        }
    }
    Ok(())
}

fn remind(work: &mut Work, partner: &Partner, today: Date) {
    let Some(last) = partner.terms.last().and_then(|terms| terms.valid_until) else { return };
    let days = (last - today).get_days();
    if !REMINDER_DAYS.contains(&days) {
        return;
    }
    let when = if days == 0 { "today".to_owned() } else { format!("in {days} days") };
    let text = format!(
        "{} lends for the last time on {last}, {when}: agree on a renewal with amend-funding-contract, or let it end.",
        partner.code
    );
    open_work_order(work, "funding-agreement-ends", None, text, &format!("{}-{last}-{days}", partner.code));
}

impl Partner {
    /// A partner under a new agreement, and the first version of its terms. They begin `today` when `cmd` does not say.
    ///
    /// Errors: `INVALID_FIELD` names the field and the rule.
    pub fn sign(
        id: PartnerId,
        contract: FundingContractId,
        cmd: &RegisterFundingContract,
        today: Date,
        at: Timestamp,
    ) -> Result<(Self, PartnerTerms), Rejection> {
        check_identity(cmd)?;
        let terms = FundingTerms {
            valid_from: cmd.valid_from.unwrap_or(today),
            valid_until: cmd.valid_until,
            cost: cmd.cost,
            quota: cmd.quota,
            products: cmd.products.clone(),
            channels: cmd.channels.clone(),
        };
        check_terms(&terms, cmd.currency)?;
        let partner = Self {
            id,
            contract,
            code: cmd.code.clone(),
            name: cmd.name.clone(),
            country: cmd.country.clone(),
            currency: cmd.currency,
            terms: Json(vec![terms.clone()]),
            version: 1,
            pays_itself: cmd.pays_itself,
            is_own: cmd.is_own,
            signed_at: at,
        };
        let signed = partner.version_of(terms, at);
        Ok((partner, signed))
    }

    /// Whether the agreement was signed as `cmd` says; `signed` is the first version of its terms.
    pub fn was_signed_as(&self, cmd: &RegisterFundingContract, signed: &PartnerTerms) -> bool {
        self.name == cmd.name
            && self.country == cmd.country
            && self.currency == cmd.currency
            && self.pays_itself == cmd.pays_itself
            && self.is_own == cmd.is_own
            && cmd.valid_from.is_none_or(|first| first == signed.valid_from)
            && signed.valid_until == cmd.valid_until
            && signed.cost == cmd.cost
            && signed.quota == cmd.quota
            && *signed.products == cmd.products
            && *signed.channels == cmd.channels
    }

    /// Agrees on `terms` from their first day on: what was agreed for that day or later is replaced. Gives the version that
    /// this makes; `None` when these terms were agreed last.
    ///
    /// Errors: `INVALID_FIELD` names the field and the rule.
    pub fn amend(
        &mut self,
        terms: FundingTerms,
        today: Date,
        at: Timestamp,
    ) -> Result<Option<PartnerTerms>, Rejection> {
        if self.terms.last() == Some(&terms) {
            return Ok(None);
        }
        check_terms(&terms, self.currency)?;
        if terms.valid_from < today {
            let rule = format!("{today} or later: what began before today is not changed any more");
            return Err(Rejection::invalid("validFrom", rule, today));
        }
        let begun = self.terms.iter().rposition(|known| known.valid_from <= today).unwrap_or(0);
        let before = self.terms.iter().skip(begun).filter(|known| known.valid_from < terms.valid_from);
        let mut agreed: Vec<FundingTerms> = before.cloned().collect();
        if agreed.len() > PLANNED_MAX
            && let Some(last) = agreed.last()
        {
            let rule = format!(
                "{PLANNED_MAX} changes are agreed for days before it: begin on the day of one of them, which replaces \
                 it and those after it"
            );
            return Err(Rejection::invalid("validFrom", rule, last.valid_from));
        }
        agreed.push(terms.clone());
        self.terms = Json(agreed);
        self.version += 1;
        Ok(Some(self.version_of(terms, at)))
    }

    fn version_of(&self, terms: FundingTerms, at: Timestamp) -> PartnerTerms {
        PartnerTerms {
            partner: self.id,
            version: self.version,
            valid_from: terms.valid_from,
            valid_until: terms.valid_until,
            cost: terms.cost,
            quota: terms.quota,
            products: Json(terms.products),
            channels: Json(terms.channels),
            agreed_at: at,
        }
    }

    /// The agreement as it was signed, as the other services learn it.
    pub fn signed(&self, terms: &PartnerTerms) -> FundingContractSigned {
        FundingContractSigned {
            contract: self.contract,
            partner: self.id,
            code: self.code.clone(),
            name: self.name.clone(),
            country: self.country.clone(),
            currency: self.currency,
            cost: terms.cost,
            quota: terms.quota,
            products: terms.products.0.clone(),
            pays_itself: self.pays_itself,
            is_own: self.is_own,
            channels: terms.channels.0.clone(),
            valid_from: terms.valid_from,
            valid_until: terms.valid_until,
        }
    }

    /// What holds from now on, as the other services learn it.
    pub fn amended(&self) -> FundingContractAmended {
        FundingContractAmended {
            contract: self.contract,
            partner: self.id,
            code: self.code.clone(),
            terms: self.terms.0.clone(),
        }
    }
}

/// What never changes.
fn check_identity(cmd: &RegisterFundingContract) -> Result<(), Rejection> {
    let is_code = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if cmd.code.is_empty() || !cmd.code.bytes().all(is_code) {
        return Err(Rejection::invalid("code", "lower-case letters, digits and hyphens", "bridge-capital"));
    }
    check_text("code", &cmd.code, NAME_MAX, "bridge-capital")?;
    check_text("name", &cmd.name, LINE_MAX, "Bridge Capital")?;
    if cmd.country.len() != 2 || !cmd.country.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err(Rejection::invalid("country", "ISO 3166 alpha-2", "GH"));
    }
    if cmd.is_own && cmd.pays_itself {
        return Err(Rejection::invalid("paysItself", "own funds are paid by our payment system", "false"));
    }
    Ok(())
}

fn check_terms(terms: &FundingTerms, currency: Currency) -> Result<(), Rejection> {
    if terms.cost.is_negative() {
        return Err(Rejection::invalid("cost", "a fraction a year, zero or more", "0.12"));
    }
    if !terms.quota.is_positive() || terms.quota.currency() != currency {
        let rule = format!("more than zero, in {currency}: the currency of an agreement never changes");
        return Err(Rejection::invalid("quota", rule, "5000000.00"));
    }
    if terms.valid_until.is_some_and(|last| last < terms.valid_from) {
        let rule = format!("{}, the first day, or later; absent for an agreement without an end", terms.valid_from);
        return Err(Rejection::invalid("validUntil", rule, terms.valid_from));
    }
    for (field, codes, example) in
        [("products", &terms.products, "gh-installment"), ("channels", &terms.channels, "mtn-momo")]
    {
        if codes.len() > CODES_MAX {
            return Err(Rejection::invalid(field, format!("at most {CODES_MAX} codes; none for any"), example));
        }
        for code in codes {
            check_text(field, code, NAME_MAX, example)?;
        }
    }
    Ok(())
}
