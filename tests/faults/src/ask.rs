//! A request that can be written down, and made again to the letter.

use serde::{Deserialize, Serialize};
use sycee_contract::{
    ApplyForCredit, Command, ConfirmSignature, CreateRepaymentOrder, CustomerId, GrantConsent, LoanId, Offer,
    OtpChallengeId, QueryProductOffer, RegisterCustomer, RepaymentKind, RequestOtp, SignLoanContract, SubmitKyc,
    SubmitLoanApplication, UpdateCustomerDetails,
};
use sycee_runtime::{Executed, Stimulus};
use sycee_stage::{Borrower, cedis};

/// What a person asks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Ask {
    /// A password.
    Otp,
    /// To be registered.
    Register {
        /// The password's challenge.
        challenge: OtpChallengeId,
        /// The password.
        code: String,
    },
    /// To have details known.
    Details(CustomerId),
    /// To be identified.
    Kyc(CustomerId),
    /// To have consents known.
    Consent(CustomerId),
    /// A credit line.
    Credit(CustomerId),
    /// Offers.
    Offers(CustomerId),
    /// A loan.
    Loan(CustomerId, Box<Offer>),
    /// A password to sign a contract.
    SigningOtp {
        /// The customer.
        customer: CustomerId,
        /// The loan.
        loan: LoanId,
        /// The contract's hash.
        hash: String,
    },
    /// To have a signature confirmed.
    Confirm {
        /// The customer.
        customer: CustomerId,
        /// The loan.
        loan: LoanId,
        /// The contract's hash.
        hash: String,
        /// The password's challenge.
        challenge: OtpChallengeId,
        /// The password.
        code: String,
    },
    /// To sign a contract.
    Sign {
        /// The customer.
        customer: CustomerId,
        /// The loan.
        loan: LoanId,
        /// The contract's hash.
        hash: String,
        /// The password's challenge.
        challenge: OtpChallengeId,
    },
    /// To pay a part back.
    Repay(CustomerId, LoanId),
}

/// A request that was answered when it was durable.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Acknowledged {
    /// Who asked.
    pub nr: u64,
    /// With which idempotency key.
    pub key: String,
    /// For what.
    pub ask: Ask,
    /// Whether it was done; refused otherwise.
    pub done: bool,
    /// Hash of the answer or refusal.
    pub answer: String,
}

impl Ask {
    /// The request of this person, under this key.
    pub fn stimulus(&self, nr: u64, key: &str) -> Stimulus {
        let guest = Borrower::new(nr);
        let person = match self.customer() {
            Some(customer) => guest.logged_in(customer),
            None => guest,
        };
        let stimulus = match self {
            Self::Otp => Stimulus::command(&person.actor, person.request_otp()),
            Self::Register { challenge, code } => Stimulus::command(&person.actor, person.register(*challenge, code)),
            Self::Details(customer) => Stimulus::command(&person.actor, person.details(*customer)),
            Self::Kyc(customer) => Stimulus::command(&person.actor, person.kyc(*customer)),
            Self::Consent(customer) => Stimulus::command(&person.actor, person.consent(*customer)),
            Self::Credit(customer) => Stimulus::command(&person.actor, person.credit(*customer, cedis(1_000))),
            Self::Offers(customer) => {
                let query = QueryProductOffer { customer: *customer, preview: false, detail: None };
                Stimulus::command(&person.actor, query)
            }
            Self::Loan(customer, offer) => {
                Stimulus::command(&person.actor, person.application(*customer, offer, cedis(300)))
            }
            Self::SigningOtp { loan, hash, .. } => {
                Stimulus::command(&person.actor, person.request_signature(*loan, hash))
            }
            Self::Confirm { customer, loan, hash, challenge, code } => {
                Stimulus::command(&person.actor, person.confirmation(*customer, *challenge, code, *loan, hash))
            }
            Self::Sign { customer, loan, hash, challenge } => {
                let document_hash = hash.clone();
                let challenge = Some(*challenge);
                let sign = SignLoanContract { loan: *loan, customer: *customer, document_hash, challenge };
                Stimulus::command(&person.actor, sign)
            }
            Self::Repay(customer, loan) => {
                let order = person.repayment(*customer, *loan, RepaymentKind::Normal, Some(cedis(50)));
                Stimulus::command(&person.actor, order)
            }
        };
        stimulus.through("bff-system").key(key)
    }

    /// Who asks; nobody yet before the registration.
    fn customer(&self) -> Option<CustomerId> {
        match self {
            Self::Otp | Self::Register { .. } => None,
            Self::Details(customer)
            | Self::Kyc(customer)
            | Self::Consent(customer)
            | Self::Credit(customer)
            | Self::Offers(customer)
            | Self::Loan(customer, _)
            | Self::SigningOtp { customer, .. }
            | Self::Confirm { customer, .. }
            | Self::Sign { customer, .. }
            | Self::Repay(customer, _) => Some(*customer),
        }
    }

    /// Hash of what was answered.
    pub fn answer(&self, done: &Executed) -> String {
        match self {
            Self::Otp => hash::<RequestOtp>(done),
            Self::Register { .. } => hash::<RegisterCustomer>(done),
            Self::Details(_) => hash::<UpdateCustomerDetails>(done),
            Self::Kyc(_) => hash::<SubmitKyc>(done),
            Self::Consent(_) => hash::<GrantConsent>(done),
            Self::Credit(_) => hash::<ApplyForCredit>(done),
            Self::Offers(_) => hash::<QueryProductOffer>(done),
            Self::Loan(..) => hash::<SubmitLoanApplication>(done),
            Self::SigningOtp { .. } => hash::<RequestOtp>(done),
            Self::Confirm { .. } => hash::<ConfirmSignature>(done),
            Self::Sign { .. } => hash::<SignLoanContract>(done),
            Self::Repay(..) => hash::<CreateRepaymentOrder>(done),
        }
    }
}

fn hash<C: Command>(done: &Executed) -> String {
    blake3::hash(format!("{:?}", done.answer::<C>()).as_bytes()).to_hex().to_string()
}
