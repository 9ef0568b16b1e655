//! Credit applications and what the credit center knows of a customer: the entities and every decision about them, pure.
//!
//! Invariant: an application ends once, as Approved or Rejected; the same finding again changes nothing.
//! Invariant: only a referred application is decided by a person.

use sycee_contract::{CreditApplicationId, CustomerId, DecisionId, Timestamp};
use sycee_money::{Currency, Money};
use sycee_runtime::{Json, entity, text_enum};

use crate::{CreditPolicy, CreditRejection};

text_enum! {
    /// Where a credit application stands.
    pub enum ApplicationStatus {
        /// Risk is looking.
        Submitted,
        /// A person looks.
        Referred,
        /// A limit was granted.
        Approved,
        /// Refused.
        Rejected,
    }
}

text_enum! {
    /// What somebody found about an application.
    pub enum Finding {
        /// Risk approves.
        RiskApproved,
        /// Risk wants a person to look.
        RiskReferred,
        /// Risk rejects.
        RiskRejected,
        /// A person approves.
        PersonApproved,
        /// A person rejects.
        PersonRejected,
    }
}

/// What follows from a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Grant a limit.
    Grant,
    /// Ask a person.
    Refer,
    /// Refuse.
    Refuse,
    /// The application is where the finding leads already.
    AlreadyApplied,
}

impl ApplicationStatus {
    /// The step that `finding` leads to; `None` when it does not apply in this state.
    pub fn step(self, finding: Finding) -> Option<Step> {
        match (self, finding) {
            (Self::Submitted, Finding::RiskApproved) | (Self::Referred, Finding::PersonApproved) => Some(Step::Grant),
            (Self::Submitted, Finding::RiskReferred) => Some(Step::Refer),
            (Self::Submitted, Finding::RiskRejected) | (Self::Referred, Finding::PersonRejected) => Some(Step::Refuse),
            (Self::Referred, Finding::RiskReferred)
            | (Self::Approved, Finding::RiskApproved | Finding::PersonApproved)
            | (Self::Rejected, Finding::RiskRejected | Finding::PersonRejected) => Some(Step::AlreadyApplied),
            (Self::Submitted, Finding::PersonApproved | Finding::PersonRejected)
            | (Self::Referred, Finding::RiskApproved | Finding::RiskRejected)
            | (Self::Approved, Finding::RiskReferred | Finding::RiskRejected | Finding::PersonRejected)
            | (Self::Rejected, Finding::RiskReferred | Finding::RiskApproved | Finding::PersonApproved) => None,
        }
    }
}

entity! {
    /// An application for a credit line.
    pub struct CreditApplication in "credit_application" of "credit-center" key id: CreditApplicationId {
        /// The application.
        id: CreditApplicationId,
        /// The customer.
        customer: CustomerId,
        /// The limit asked for.
        requested: Money,
        /// What the money is for.
        purpose: String,
        /// Where it stands.
        status: ApplicationStatus,
        /// The risk decision about it.
        decision: Option<DecisionId>,
        /// That decision must not be used after this.
        decision_valid_until: Option<Timestamp>,
        /// Risk tier by that decision.
        tier: String,
        /// Why, as stable codes.
        reasons: Json<Vec<String>>,
        /// The limit granted.
        granted: Option<Money>,
        /// Who decided, when a person did.
        reviewer: Option<String>,
        /// Why that person decided so.
        note: Option<String>,
        /// When it was handed in.
        created_at: Timestamp,
        /// When it ended.
        decided_at: Option<Timestamp>,
    }
    index by_customer(customer: CustomerId);
    index by_status(status: ApplicationStatus);
}

entity! {
    /// What the credit center knows of a customer.
    pub struct CreditCustomer in "credit_customer" of "credit-center" key customer: CustomerId {
        /// The customer.
        customer: CustomerId,
        /// Whether risk admitted the customer.
        admitted: bool,
        /// The decision that says so.
        admission: DecisionId,
        /// That decision holds until then, whatever it says; whoever applies later is looked at again.
        admission_valid_until: Timestamp,
        /// The application that is not decided.
        open_application: Option<CreditApplicationId>,
        /// When the last application was rejected.
        rejected_at: Option<Timestamp>,
        /// The customer's line can be drawn until then.
        line_valid_until: Option<Timestamp>,
    }
}

impl CreditCustomer {
    /// Whether risk admitted the customer by a decision that may still be used.
    pub fn is_admitted(&self, now: Timestamp) -> bool {
        self.admitted && now <= self.admission_valid_until
    }

    /// Whether the customer may apply.
    ///
    /// Errors: `CustomerNotAdmitted`, `ApplicationAlreadyOpen`, `CreditLineExists`, `CoolingOffAfterRejection`.
    pub fn check_may_apply(&self, policy: &CreditPolicy, now: Timestamp) -> Result<(), CreditRejection> {
        let customer = self.customer;
        if !self.admitted && now <= self.admission_valid_until {
            return Err(CreditRejection::CustomerNotAdmitted { customer });
        }
        if let Some(application) = self.open_application {
            return Err(CreditRejection::ApplicationAlreadyOpen { customer, application });
        }
        if let Some(until) = self.line_valid_until.filter(|until| now <= *until) {
            return Err(CreditRejection::CreditLineExists { customer, until });
        }
        let cooled_off = |rejected: Timestamp| rejected.plus_days(i64::from(policy.cooling_off_days));
        match self.rejected_at.map(cooled_off).filter(|until| now < *until) {
            Some(until) => Err(CreditRejection::CoolingOffAfterRejection { customer, until }),
            None => Ok(()),
        }
    }
}

impl CreditApplication {
    /// The step `finding` leads to. Errors: `UnexpectedApplication` when it does not apply.
    pub fn step(&self, finding: Finding) -> Result<Step, CreditRejection> {
        self.status.step(finding).ok_or_else(|| self.decided_otherwise(finding))
    }

    /// The refusal of a finding that contradicts what was decided.
    pub fn decided_otherwise(&self, finding: Finding) -> CreditRejection {
        CreditRejection::UnexpectedApplication {
            application: self.id,
            state: self.status.name(),
            asked: finding.name(),
        }
    }

    /// Whether the risk decision may still be used. Errors: `DecisionExpired`.
    pub fn check_decision(&self, now: Timestamp) -> Result<(), CreditRejection> {
        match self.decision_valid_until.filter(|until| now > *until) {
            Some(valid_until) => Err(CreditRejection::DecisionExpired { application: self.id, valid_until }),
            None => Ok(()),
        }
    }

    /// Whether a person may grant `limit`: above zero, whole minor units, at most what was asked for.
    ///
    /// Errors: `InvalidAmount`.
    pub fn check_limit(&self, limit: Money) -> Result<(), CreditRejection> {
        check_amount("limit", limit, self.requested.currency())?;
        if limit.compare(self.requested)?.is_gt() {
            return Err(CreditRejection::InvalidAmount {
                field: "limit",
                rule: "must not be above what was asked for",
                example: self.requested,
                amount: limit,
            });
        }
        Ok(())
    }
}

/// Refuses amounts that are zero, negative, in parts of a minor unit or in another currency. Errors: `InvalidAmount`.
pub fn check_amount(field: &'static str, amount: Money, currency: Currency) -> Result<(), CreditRejection> {
    let example = Money::from_minor(100_000, currency)?;
    if amount.currency() != currency {
        return Err(CreditRejection::InvalidAmount {
            field,
            rule: "must be in the market's currency",
            example,
            amount,
        });
    }
    if !amount.is_positive() || !amount.is_whole_minor() {
        return Err(CreditRejection::InvalidAmount {
            field,
            rule: "must be above zero and in whole minor units",
            example,
            amount,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_meets_every_finding() {
        use Finding::{PersonApproved, PersonRejected, RiskApproved, RiskReferred, RiskRejected};
        use Step::{AlreadyApplied, Grant, Refer, Refuse};
        let columns = [RiskApproved, RiskReferred, RiskRejected, PersonApproved, PersonRejected];
        let table = [
            (ApplicationStatus::Submitted, [Some(Grant), Some(Refer), Some(Refuse), None, None]),
            (ApplicationStatus::Referred, [None, Some(AlreadyApplied), None, Some(Grant), Some(Refuse)]),
            (ApplicationStatus::Approved, [Some(AlreadyApplied), None, None, Some(AlreadyApplied), None]),
            (ApplicationStatus::Rejected, [None, None, Some(AlreadyApplied), None, Some(AlreadyApplied)]),
        ];
        assert_eq!(columns.len(), Finding::ALL.len());
        assert_eq!(table.len(), ApplicationStatus::ALL.len());
        for (status, row) in table {
            for (finding, step) in columns.into_iter().zip(row) {
                assert_eq!(status.step(finding), step, "{status:?} meets {finding:?}");
            }
        }
    }
}
