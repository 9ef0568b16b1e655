//! Each funder's interface: its quota in use, and the log of what went through it.
//!
//! Invariant: quota in use is never below zero; an attempt uses it once and gives it back once.
//! Invariant: quota is used and given back in principal, whatever part of it the borrower received.

use serde::{Deserialize, Serialize};
use sycee_contract::messages::{
    DisbursementRequested, FundingContractAmended, FundingContractSigned, OpenWorkOrder, PartnerDisbursementFailed,
    PartnerDisbursementSucceeded, PaymentFailed, RepaymentSucceeded,
};
use sycee_contract::{Date, DisbursementOrderId, FundingTerms, LoanId, PartnerId, Timestamp};
use sycee_money::{Money, MoneyError};
use sycee_runtime::{Handled, Json, Registry, Work, entity, text_enum};

use crate::rejection::must;

text_enum! {
    /// What is known of an attempt.
    pub enum IntegrationStatus {
        /// Handed over.
        Sent,
        /// Paid.
        Confirmed,
        /// Not paid.
        Failed,
    }
}

/// A quota that is agreed for later.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LaterQuota {
    /// The first day it holds.
    pub valid_from: Date,
    /// The most principal that may be outstanding.
    pub quota: Money,
}

entity! {
    /// A funder's interface.
    pub struct FundingPartnerIntegration in "funding_partner_integration" of "funding-partner-integration" key partner: PartnerId {
        /// The funder.
        partner: PartnerId,
        /// Its code.
        code: String,
        /// Whether it pays and collects with its own system.
        pays_itself: bool,
        /// The most principal that may be outstanding, on the day it was last used or amended.
        quota: Money,
        /// Quotas that are agreed for later days, by day.
        quotas_later: Json<Vec<LaterQuota>>,
        /// Principal that is outstanding or on its way.
        quota_used: Money,
        /// The day people were last told that the quota is nearly used up.
        alerted_on: Option<Date>,
        /// When something last went through.
        last_used_at: Option<Timestamp>,
    }
}

entity! {
    /// One attempt that went through a funder's interface.
    pub struct IntegrationLog in "integration_log" of "funding-partner-integration" key order: DisbursementOrderId {
        /// The attempt.
        order: DisbursementOrderId,
        /// The funder.
        partner: PartnerId,
        /// The loan.
        loan: LoanId,
        /// How much goes out.
        amount: Money,
        /// What the borrower will owe: so much of the quota it takes.
        principal: Money,
        /// What is known.
        status: IntegrationStatus,
        /// The payer's reference, or why it failed.
        note: Option<String>,
        /// When it was handed over.
        sent_at: Timestamp,
        /// When it ended.
        ended_at: Option<Timestamp>,
    }
}

impl FundingPartnerIntegration {
    /// Uses quota, or gives it back when `by` is negative; never below zero.
    ///
    /// Errors: `Overflow`, or currencies that differ.
    pub fn use_quota(&mut self, by: Money) -> Result<(), MoneyError> {
        self.quota_used = self.quota_used.checked_add(by)?.max(Money::zero(by.currency()))?;
        Ok(())
    }

    /// Takes over what the agreement says from now on: the quota whose turn it is, and those for later days.
    pub fn learn_terms(&mut self, terms: &[FundingTerms]) {
        let mut quotas = terms.iter().map(|terms| LaterQuota { valid_from: terms.valid_from, quota: terms.quota });
        if let Some(first) = quotas.next() {
            self.quota = first.quota;
        }
        self.quotas_later = Json(quotas.collect());
    }

    /// Takes up the quotas whose first day has come.
    pub fn begin_quotas(&mut self, today: Date) {
        let begun = self.quotas_later.iter().take_while(|later| later.valid_from <= today).count();
        let newest = self.quotas_later.drain(..begun).next_back();
        if let Some(newest) = newest {
            self.quota = newest.quota;
        }
    }

    /// Whether people have to be told today that nine tenths of the quota are used; at most once a day.
    pub fn nears_quota(&mut self, today: Date) -> bool {
        let near = i128::from(self.quota_used.units()) * 10 >= i128::from(self.quota.units()) * 9;
        let tell = near && self.alerted_on != Some(today);
        if tell {
            self.alerted_on = Some(today);
        }
        tell
    }
}

/// Registers this service.
pub fn register(registry: &mut Registry) {
    registry
        .service("funding-partner-integration")
        .entity::<FundingPartnerIntegration>()
        .entity::<IntegrationLog>()
        .on::<FundingContractSigned>(on_funding_contract_signed)
        .on::<FundingContractAmended>(on_funding_contract_amended)
        .on::<DisbursementRequested>(on_disbursement_requested)
        .on::<PartnerDisbursementSucceeded>(on_disbursement_succeeded)
        .on::<PartnerDisbursementFailed>(on_disbursement_failed)
        .on::<PaymentFailed>(on_payment_failed)
        .on::<RepaymentSucceeded>(on_repayment_succeeded)
        .sends::<OpenWorkOrder>();
}

fn on_funding_contract_signed(work: &mut Work, event: &FundingContractSigned) -> Handled<()> {
    if work.get::<FundingPartnerIntegration>(event.partner)?.is_none() {
        work.save(FundingPartnerIntegration {
            partner: event.partner,
            code: event.code.clone(),
            pays_itself: event.pays_itself,
            quota: event.quota,
            quotas_later: Json(Vec::new()),
            quota_used: Money::zero(event.currency),
            alerted_on: None,
            last_used_at: None,
        });
    }
    Ok(())
}

fn on_funding_contract_amended(work: &mut Work, event: &FundingContractAmended) -> Handled<()> {
    if let Some(mut integration) = work.get::<FundingPartnerIntegration>(event.partner)? {
        integration.learn_terms(&event.terms);
        work.save(integration);
    }
    Ok(())
}

/// Logs the attempt and uses the quota; once an attempt.
fn on_disbursement_requested(work: &mut Work, event: &DisbursementRequested) -> Handled<()> {
    if work.get::<IntegrationLog>(event.order)?.is_some() {
        return Ok(());
    }
    let Some(mut integration) = work.get::<FundingPartnerIntegration>(event.funder)? else { return Ok(()) };
    let at = work.now();
    work.save(IntegrationLog {
        order: event.order,
        partner: event.funder,
        loan: event.loan,
        amount: event.amount,
        principal: event.principal,
        status: IntegrationStatus::Sent,
        note: None,
        sent_at: at,
        ended_at: None,
    });
    integration.begin_quotas(work.today());
    must(integration.use_quota(event.principal))?;
    integration.last_used_at = Some(at);
    if integration.nears_quota(work.today()) {
        work.send(OpenWorkOrder {
            kind: "partner-quota-nearly-used".to_owned(),
            loan: None,
            text: format!(
                "{} has {} of {} in use: agree on more, or close its route.",
                integration.code, integration.quota_used, integration.quota
            ),
            key: format!("partner-quota-nearly-used-{}-{}", integration.partner, work.today()),
        });
    }
    work.save(integration);
    Ok(())
}

fn on_disbursement_succeeded(work: &mut Work, event: &PartnerDisbursementSucceeded) -> Handled<()> {
    end(work, event.order, IntegrationStatus::Confirmed, &event.reference)
}

fn on_disbursement_failed(work: &mut Work, event: &PartnerDisbursementFailed) -> Handled<()> {
    end(work, event.order, IntegrationStatus::Failed, &event.reason)
}

/// An attempt through our own channels failed.
fn on_payment_failed(work: &mut Work, event: &PaymentFailed) -> Handled<()> {
    match event.purpose.disbursement {
        Some(order) => end(work, order, IntegrationStatus::Failed, &event.reason),
        None => Ok(()),
    }
}

fn end(work: &mut Work, order: DisbursementOrderId, status: IntegrationStatus, note: &str) -> Handled<()> {
    let Some(mut log) = work.get::<IntegrationLog>(order)? else { return Ok(()) };
    if log.status != IntegrationStatus::Sent {
        return Ok(());
    }
    log.status = status;
    log.note = Some(note.to_owned());
    log.ended_at = Some(work.now());
    if status == IntegrationStatus::Failed {
        free_quota(work, log.partner, log.principal)?;
    }
    work.save(log);
    Ok(())
}

/// Repaid principal frees the quota.
fn on_repayment_succeeded(work: &mut Work, event: &RepaymentSucceeded) -> Handled<()> {
    let repaid = must(event.parts.principal_covered())?;
    free_quota(work, event.funder, repaid)
}

fn free_quota(work: &mut Work, partner: PartnerId, amount: Money) -> Handled<()> {
    let Some(mut integration) = work.get::<FundingPartnerIntegration>(partner)? else { return Ok(()) };
    must(amount.checked_neg().and_then(|freed| integration.use_quota(freed)))?;
    work.save(integration);
    Ok(())
}
