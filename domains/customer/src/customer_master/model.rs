//! The golden record and its life cycle.

use sycee_contract::{CustomerId, KycVerdict, LoanId, RiskOutcome, Timestamp};
use sycee_runtime::{Json, entity, text_enum};

text_enum! {
    /// Where a customer stands.
    pub enum CustomerStage {
        /// Has proved a phone.
        Registered,
        /// May borrow.
        Admitted,
        /// May not borrow.
        Refused,
        /// Has an open loan.
        Borrower,
        /// Has paid everything back.
        Settled,
    }
}

impl CustomerStage {
    /// The stage as events spell it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Admitted => "admitted",
            Self::Refused => "refused",
            Self::Borrower => "borrower",
            Self::Settled => "settled",
        }
    }
}

/// What happens in a customer's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LifeEvent {
    /// Admission was decided.
    Decided(RiskOutcome),
    /// A loan was paid out.
    Disbursed(LoanId),
    /// A loan was paid back.
    Settled(LoanId),
}

entity! {
    /// The golden record of a customer.
    pub struct CustomerMaster in "customer_master" of "customer-master" key customer: CustomerId {
        /// The customer.
        customer: CustomerId,
        /// Market id.
        market: String,
        /// Attribution channel of the registration.
        channel: String,
        /// Preferred language, BCP 47.
        language: String,
        /// Where the customer stands.
        stage: CustomerStage,
        /// Since when.
        stage_since: Timestamp,
        /// Verdict of the last KYC case.
        kyc_verdict: Option<KycVerdict>,
        /// Loans paid out and not paid back.
        open_loans: Json<Vec<LoanId>>,
        /// Why no products could be shown on admission, as a code.
        preview_refusal: Option<String>,
    }
}

impl CustomerMaster {
    /// Lets something happen: keeps the open loans and moves the stage.
    pub fn live(&mut self, life: LifeEvent, now: Timestamp) {
        match life {
            LifeEvent::Decided(_) => {}
            LifeEvent::Disbursed(loan) if self.open_loans.contains(&loan) => {}
            LifeEvent::Disbursed(loan) => self.open_loans.push(loan),
            LifeEvent::Settled(loan) => self.open_loans.retain(|open| *open != loan),
        }
        let to = next_stage(self.stage, life, !self.open_loans.is_empty());
        if to != self.stage {
            self.stage = to;
            self.stage_since = now;
        }
    }
}

/// The stage after `life`, with `owes` saying whether a loan is open after it.
fn next_stage(from: CustomerStage, life: LifeEvent, owes: bool) -> CustomerStage {
    use CustomerStage::{Admitted, Borrower, Refused, Registered, Settled};
    use RiskOutcome::{Approve, Reject, Review};
    match (from, life) {
        (Registered | Refused, LifeEvent::Decided(Approve)) => Admitted,
        (Registered | Admitted, LifeEvent::Decided(Reject)) => Refused,
        (Admitted, LifeEvent::Decided(Approve)) | (Refused, LifeEvent::Decided(Reject)) => from,
        (Registered | Admitted | Refused, LifeEvent::Decided(Review)) => from,
        (Borrower | Settled, LifeEvent::Decided(Approve | Reject | Review)) => from,
        (Registered | Admitted | Refused | Borrower | Settled, LifeEvent::Disbursed(_)) => Borrower,
        (Borrower, LifeEvent::Settled(_)) if !owes => Settled,
        (Registered | Admitted | Refused | Borrower | Settled, LifeEvent::Settled(_)) => from,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sycee_contract::Identifier as _;

    #[test]
    fn every_stage_meets_everything_that_happens() {
        use CustomerStage::{Admitted, Borrower, Refused, Registered, Settled};
        let loan = LoanId::from_number(5);
        let happenings = [
            (LifeEvent::Decided(RiskOutcome::Approve), false),
            (LifeEvent::Decided(RiskOutcome::Reject), false),
            (LifeEvent::Decided(RiskOutcome::Review), false),
            (LifeEvent::Disbursed(loan), true),
            (LifeEvent::Settled(loan), true),
            (LifeEvent::Settled(loan), false),
        ];
        let table = [
            (Registered, [Admitted, Refused, Registered, Borrower, Registered, Registered]),
            (Admitted, [Admitted, Refused, Admitted, Borrower, Admitted, Admitted]),
            (Refused, [Admitted, Refused, Refused, Borrower, Refused, Refused]),
            (Borrower, [Borrower, Borrower, Borrower, Borrower, Borrower, Settled]),
            (Settled, [Settled, Settled, Settled, Borrower, Settled, Settled]),
        ];
        assert_eq!(table.map(|row| row.0), CustomerStage::ALL);
        for (from, after) in table {
            for ((life, owes), to) in happenings.into_iter().zip(after) {
                assert_eq!(next_stage(from, life, owes), to, "{from:?} {life:?} owes {owes}");
            }
        }
    }

    #[test]
    fn the_last_loan_settles_the_customer() {
        let (first, second) = (LoanId::from_number(5), LoanId::from_number(6));
        let mut master = CustomerMaster {
            customer: CustomerId::from_number(1),
            market: "gh".to_owned(),
            channel: "organic".to_owned(),
            language: "en".to_owned(),
            stage: CustomerStage::Admitted,
            stage_since: Timestamp::default(),
            kyc_verdict: None,
            open_loans: Json(Vec::new()),
            preview_refusal: None,
        };
        for (life, stage) in [
            (LifeEvent::Disbursed(first), CustomerStage::Borrower),
            (LifeEvent::Disbursed(second), CustomerStage::Borrower),
            (LifeEvent::Disbursed(second), CustomerStage::Borrower),
            (LifeEvent::Settled(second), CustomerStage::Borrower),
            (LifeEvent::Settled(second), CustomerStage::Borrower),
            (LifeEvent::Settled(first), CustomerStage::Settled),
            (LifeEvent::Disbursed(second), CustomerStage::Borrower),
        ] {
            master.live(life, Timestamp::default());
            assert_eq!(master.stage, stage, "after {life:?}");
        }
    }
}
