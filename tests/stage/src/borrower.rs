//! What one person asks for: ordinary requests of somebody whom risk likes.

use std::collections::BTreeMap;

use sycee_contract::{
    Actor, ApplyForCredit, ConfirmSignature, ConsentKind, CreateRepaymentOrder, CustomerId, Device, GrantConsent,
    LoanId, LogIn, Offer, OtpChallengeId, OtpPurpose, PayoutAccount, RegisterCustomer, RepaymentKind,
    RepaymentMethodKind, RequestOtp, Sensitive, SignedText, SubmitKyc, SubmitLoanApplication, UpdateCustomerDetails,
};
use sycee_money::Money;

/// Attributes that score in the lowest tier of risk (`markets/gh/strategy.yaml`).
const ATTRIBUTES: [(&str, &str); 12] = [
    ("status_of_existing_checking_account", "no checking account"),
    ("credit_history", "critical account/ other credits existing (not at this bank)"),
    ("savings_account_and_bonds", "... >= 1000 DM"),
    ("present_employment_since", "... >= 7 years"),
    ("installment_rate_in_percentage_of_disposable_income", "1"),
    ("other_debtors_or_guarantors", "guarantor"),
    ("property", "real estate"),
    ("age_in_years", "44"),
    ("other_installment_plans", "none"),
    ("housing", "own"),
    ("credit_amount", "2000"),
    ("duration_in_month", "12"),
];

/// One person; persons of different numbers share nothing.
#[derive(Clone, Debug)]
pub struct Borrower {
    /// Number of the person.
    pub nr: u64,
    /// The actor of the person's requests: a guest until registered.
    pub actor: String,
}

impl Borrower {
    /// The person of this number.
    pub fn new(nr: u64) -> Self {
        Self { nr, actor: format!("guest:person-{nr}") }
    }

    /// The same person, logged in as `customer`.
    #[must_use]
    pub fn logged_in(mut self, customer: CustomerId) -> Self {
        self.actor = Actor::of_customer(customer);
        self
    }

    /// The person's phone, E.164. It ends in no test number of the channels.
    pub fn phone(&self) -> Sensitive {
        Sensitive::new(format!("+23324{:07}", self.nr * 10))
    }

    /// A password for registration, please.
    pub fn request_otp(&self) -> RequestOtp {
        RequestOtp { phone: self.phone(), purpose: OtpPurpose::Register, signs: None }
    }

    /// A password to log in, please.
    pub fn request_login(&self) -> RequestOtp {
        RequestOtp { phone: self.phone(), purpose: OtpPurpose::Login, signs: None }
    }

    /// Logs in with the password that came.
    pub fn log_in(&self, challenge: OtpChallengeId, code: &str) -> LogIn {
        LogIn { phone: self.phone(), challenge, code: Sensitive::new(code), device: self.device() }
    }

    /// A password to sign this contract, please.
    pub fn request_signature(&self, loan: LoanId, hash: &str) -> RequestOtp {
        let signs = Some(SignedText { loan, document_hash: hash.to_owned() });
        RequestOtp { phone: self.phone(), purpose: OtpPurpose::Sign, signs }
    }

    /// Confirms the signature with the password that came.
    pub fn confirmation(
        &self,
        customer: CustomerId,
        challenge: OtpChallengeId,
        code: &str,
        loan: LoanId,
        hash: &str,
    ) -> ConfirmSignature {
        ConfirmSignature {
            customer,
            challenge,
            code: Sensitive::new(code),
            signs: SignedText { loan, document_hash: hash.to_owned() },
            device_id: self.device().device_id,
        }
    }

    /// The person's phone, as the market sees it.
    pub fn device(&self) -> Device {
        Device {
            device_id: format!("device-{}", self.nr),
            platform: "android-14".to_owned(),
            channel: "organic".to_owned(),
        }
    }

    /// Registers with the password that came.
    pub fn register(&self, challenge: OtpChallengeId, code: &str) -> RegisterCustomer {
        RegisterCustomer {
            phone: self.phone(),
            challenge,
            code: Sensitive::new(code),
            device: self.device(),
            language: "en".to_owned(),
        }
    }

    /// Tells what risk wants to know.
    pub fn details(&self, customer: CustomerId) -> UpdateCustomerDetails {
        let attributes = ATTRIBUTES.map(|(name, value)| (name.to_owned(), value.to_owned()));
        UpdateCustomerDetails {
            customer,
            employment: None,
            address: None,
            emergency_contacts: None,
            attributes: attributes.into(),
        }
    }

    /// Shows a Ghana Card that the identity provider likes.
    pub fn kyc(&self, customer: CustomerId) -> SubmitKyc {
        SubmitKyc {
            customer,
            document_type: "ghana-card".to_owned(),
            document_number: Sensitive::new(format!("GHA-{:09}-{}", self.nr, self.nr % 10)),
            full_name: Sensitive::new(format!("Ama Mensah {}", self.nr)),
            birth_date: Sensitive::new("1981-03-14"),
            document_image: format!("kyc/{}/card.jpg", self.nr),
            liveness_video: format!("kyc/{}/face.mp4", self.nr),
        }
    }

    /// Grants what is required, and marketing.
    pub fn consent(&self, customer: CustomerId) -> GrantConsent {
        let kinds = vec![ConsentKind::Bureau, ConsentKind::Privacy, ConsentKind::Marketing];
        GrantConsent { customer, kinds, notice_version: "2026-01".to_owned() }
    }

    /// Asks for a credit line.
    pub fn credit(&self, customer: CustomerId, requested: Money) -> ApplyForCredit {
        let facts = BTreeMap::from([("duration-months".to_owned(), "12".to_owned())]);
        ApplyForCredit { customer, requested, purpose: "radio/television".to_owned(), facts }
    }

    /// Where the person's money goes.
    pub fn wallet(&self) -> PayoutAccount {
        PayoutAccount {
            channel: "mtn-momo".to_owned(),
            number: self.phone(),
            holder: Sensitive::new(format!("Ama Mensah {}", self.nr)),
        }
    }

    /// Takes an offer for its shortest term.
    pub fn application(&self, customer: CustomerId, offer: &Offer, amount: Money) -> SubmitLoanApplication {
        SubmitLoanApplication {
            customer,
            offer: offer.offer,
            amount,
            term: offer.terms.iter().copied().min().unwrap_or(1),
            purpose: "radio/television".to_owned(),
            payout_account: self.wallet(),
            direct_debit: false,
            language: "en".to_owned(),
        }
    }

    /// Wants to repay by QR code.
    pub fn repayment(
        &self,
        customer: CustomerId,
        loan: LoanId,
        kind: RepaymentKind,
        amount: Option<Money>,
    ) -> CreateRepaymentOrder {
        CreateRepaymentOrder { customer, loan, kind, amount, method: RepaymentMethodKind::Qr }
    }
}
