//! The golden record and its life cycle.

use sycee_contract::{
    ConsentKind, CustomerId, CustomerRegistered, Date, KnownDetails, KycVerdict, LoanId, RiskOutcome, Timestamp,
};
use sycee_money::Money;
use sycee_runtime::{Json, entity, text_enum};

use crate::customer_profile::Segment;

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
    /// A loan was paid back in its cooling-off time: it is over, and proves nothing.
    Cancelled(LoanId),
}

text_enum! {
    /// What is known about a customer's identity.
    pub enum IdentityStatus {
        /// No document was handed in.
        Unknown,
        /// The provider is looking.
        Checking,
        /// The customer is who the document says.
        Passed,
        /// The customer is not, or the document is not valid.
        Failed,
        /// People have to look.
        Review,
    }
}

/// What is heard about a customer's identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityNews {
    /// A document was handed in.
    Submitted,
    /// A case has this verdict.
    Decided(KycVerdict),
}

impl IdentityStatus {
    /// What is known after `news`. Who has passed stays so: the KYC service takes no further document.
    pub const fn after(self, news: IdentityNews) -> Self {
        match (self, news) {
            (Self::Passed, _) | (_, IdentityNews::Decided(KycVerdict::Passed)) => Self::Passed,
            (_, IdentityNews::Submitted) => Self::Checking,
            (_, IdentityNews::Decided(KycVerdict::Failed)) => Self::Failed,
            (_, IdentityNews::Decided(KycVerdict::Review)) => Self::Review,
        }
    }
}

entity! {
    /// The golden record of a customer.
    pub struct CustomerMaster in "customer_master" of "customer-master" key customer: CustomerId {
        /// The customer.
        customer: CustomerId,
        /// Market id.
        market: String,
        /// Attribution channel of the installation the customer registered from.
        channel: String,
        /// Device fingerprint of that installation.
        device_id: String,
        /// Operating system and version of that device.
        platform: String,
        /// Preferred language, BCP 47.
        language: String,
        /// When the customer registered.
        registered_at: Timestamp,
        /// When the customer last logged in.
        last_seen_at: Timestamp,
        /// On which device.
        last_device_id: String,
        /// What is known about the identity.
        identity: IdentityStatus,
        /// Kind of the document that was handed in last.
        document_type: Option<String>,
        /// Job class.
        job: Option<String>,
        /// First day in the employment.
        employed_since: Option<Date>,
        /// Town or city.
        city: Option<String>,
        /// Country of the address, ISO 3166 alpha-2.
        country: Option<String>,
        /// How many emergency contacts are on file.
        emergency_contacts: u32,
        /// Consents in force.
        consents: Json<Vec<ConsentKind>>,
        /// Whether every consent that borrowing requires is in force.
        consents_complete: bool,
        /// Version of the notice last consented to.
        notice_version: Option<String>,
        /// Where the customer stands.
        stage: CustomerStage,
        /// Since when.
        stage_since: Timestamp,
        /// Segment.
        segment: String,
        /// Limit of the credit line.
        credit_limit: Option<Money>,
        /// Risk tier at its grant.
        risk_tier: Option<String>,
        /// Why the line is frozen, as a code.
        line_frozen_for: Option<String>,
        /// Why the customer came onto the blacklist, as a code.
        blacklisted_for: Option<String>,
        /// Loans paid out and not paid back.
        open_loans: Json<Vec<LoanId>>,
        /// Loans ever paid out.
        loans_taken: u32,
        /// Loans paid back.
        loans_settled: u32,
        /// Why no products could be shown on admission, as a code.
        preview_refusal: Option<String>,
    }
}

impl CustomerMaster {
    /// The record of a customer who has just registered.
    pub fn open(event: &CustomerRegistered, now: Timestamp) -> Self {
        Self {
            customer: event.customer,
            market: event.market.clone(),
            channel: event.channel.clone(),
            device_id: event.device_id.clone(),
            platform: event.platform.clone(),
            language: event.language.clone(),
            registered_at: now,
            last_seen_at: now,
            last_device_id: event.device_id.clone(),
            identity: IdentityStatus::Unknown,
            document_type: None,
            job: None,
            employed_since: None,
            city: None,
            country: None,
            emergency_contacts: 0,
            consents: Json(Vec::new()),
            consents_complete: false,
            notice_version: None,
            stage: CustomerStage::Registered,
            stage_since: now,
            segment: Segment::Fresh.label().to_owned(),
            credit_limit: None,
            risk_tier: None,
            line_frozen_for: None,
            blacklisted_for: None,
            open_loans: Json(Vec::new()),
            loans_taken: 0,
            loans_settled: 0,
            preview_refusal: None,
        }
    }

    /// Takes over what changed.
    pub fn know(&mut self, known: &KnownDetails) {
        let KnownDetails { job, employed_since, city, country, emergency_contacts } = known.clone();
        // An employment is told as a whole: without a first day, none is known any more.
        self.employed_since = if job.is_some() { employed_since } else { self.employed_since };
        self.job = job.or_else(|| self.job.take());
        self.city = city.or_else(|| self.city.take());
        self.country = country.or_else(|| self.country.take());
        self.emergency_contacts = emergency_contacts.unwrap_or(self.emergency_contacts);
    }

    /// Lets something happen: keeps the open loans and moves the stage.
    pub fn live(&mut self, life: LifeEvent, now: Timestamp) {
        match life {
            LifeEvent::Decided(_) => {}
            LifeEvent::Disbursed(loan) if self.open_loans.contains(&loan) => {}
            LifeEvent::Disbursed(loan) => {
                self.open_loans.push(loan);
                self.loans_taken += 1;
            }
            LifeEvent::Settled(loan) => self.loans_settled += u32::from(self.close(loan)),
            LifeEvent::Cancelled(loan) => {
                self.close(loan);
            }
        }
        let to = next_stage(self.stage, life, !self.open_loans.is_empty());
        if to != self.stage {
            self.stage = to;
            self.stage_since = now;
        }
    }

    /// Forgets an open loan; whether it was one.
    fn close(&mut self, loan: LoanId) -> bool {
        let open = self.open_loans.len();
        self.open_loans.retain(|open| *open != loan);
        self.open_loans.len() < open
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
        (Borrower, LifeEvent::Settled(_) | LifeEvent::Cancelled(_)) if !owes => Settled,
        (Registered | Admitted | Refused | Borrower | Settled, LifeEvent::Settled(_) | LifeEvent::Cancelled(_)) => from,
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
            (LifeEvent::Cancelled(loan), true),
            (LifeEvent::Cancelled(loan), false),
        ];
        let table = [
            (Registered, [Admitted, Refused, Registered, Borrower, Registered, Registered, Registered, Registered]),
            (Admitted, [Admitted, Refused, Admitted, Borrower, Admitted, Admitted, Admitted, Admitted]),
            (Refused, [Admitted, Refused, Refused, Borrower, Refused, Refused, Refused, Refused]),
            (Borrower, [Borrower, Borrower, Borrower, Borrower, Borrower, Settled, Borrower, Settled]),
            (Settled, [Settled, Settled, Settled, Borrower, Settled, Settled, Settled, Settled]),
        ];
        assert_eq!(table.map(|row| row.0), CustomerStage::ALL);
        for (from, after) in table {
            for ((life, owes), to) in happenings.into_iter().zip(after) {
                assert_eq!(next_stage(from, life, owes), to, "{from:?} {life:?} owes {owes}");
            }
        }
    }

    #[test]
    fn every_identity_meets_everything_that_is_heard() {
        use IdentityStatus::{Checking, Failed, Passed, Review, Unknown};
        let news = [
            IdentityNews::Submitted,
            IdentityNews::Decided(KycVerdict::Passed),
            IdentityNews::Decided(KycVerdict::Failed),
            IdentityNews::Decided(KycVerdict::Review),
        ];
        let table = [
            (Unknown, [Checking, Passed, Failed, Review]),
            (Checking, [Checking, Passed, Failed, Review]),
            (Passed, [Passed, Passed, Passed, Passed]),
            (Failed, [Checking, Passed, Failed, Review]),
            (Review, [Checking, Passed, Failed, Review]),
        ];
        assert_eq!(table.map(|row| row.0), IdentityStatus::ALL);
        assert_eq!(news.len(), 1 + KycVerdict::ALL.len());
        for (from, after) in table {
            for (heard, to) in news.into_iter().zip(after) {
                assert_eq!(from.after(heard), to, "{from:?} {heard:?}");
            }
        }
    }

    #[test]
    fn the_last_loan_settles_the_customer() {
        let (first, second) = (LoanId::from_number(5), LoanId::from_number(6));
        let registered = CustomerRegistered {
            customer: CustomerId::from_number(1),
            market: "gh".to_owned(),
            channel: "organic".to_owned(),
            device_id: "device-1".to_owned(),
            platform: "Android 14".to_owned(),
            phone_index: String::new(),
            language: "en".to_owned(),
        };
        let mut master = CustomerMaster::open(&registered, Timestamp::default());
        master.stage = CustomerStage::Admitted;
        for (life, stage) in [
            (LifeEvent::Disbursed(first), CustomerStage::Borrower),
            (LifeEvent::Disbursed(second), CustomerStage::Borrower),
            (LifeEvent::Disbursed(second), CustomerStage::Borrower),
            (LifeEvent::Settled(second), CustomerStage::Borrower),
            (LifeEvent::Settled(second), CustomerStage::Borrower),
            (LifeEvent::Settled(first), CustomerStage::Settled),
            (LifeEvent::Disbursed(second), CustomerStage::Borrower),
            (LifeEvent::Cancelled(second), CustomerStage::Settled),
        ] {
            master.live(life, Timestamp::default());
            assert_eq!(master.stage, stage, "after {life:?}");
        }
        assert_eq!(
            (master.loans_taken, master.loans_settled),
            (3, 2),
            "what is told twice counts once, what is cancelled never"
        );
    }
}
