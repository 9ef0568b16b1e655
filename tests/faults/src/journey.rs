//! One person's way from a password to a repayment, one request at a time.

use sycee_contract::{
    CustomerId, LoanApplicationApproved, LoanId, OtpChallengeId, ProductOfferDistributed, RegisterCustomer, RequestOtp,
};
use sycee_runtime::Executed;

use crate::{Acknowledged, Ask, Mailbox};

/// Refusals of one request after which a person gives up: the outside is slow, but not that slow.
const PATIENCE: u32 = 200;

/// Where a person is.
pub struct Journey {
    nr: u64,
    asked: u32,
    refused: u32,
    next: Next,
}

enum Next {
    Ask(Ask),
    Answer(OtpChallengeId),
    Confirm { customer: CustomerId, loan: LoanId, hash: String, challenge: OtpChallengeId },
    Nothing,
}

impl Journey {
    /// A person who has done nothing yet.
    pub fn new(nr: u64) -> Self {
        Self { nr, asked: 0, refused: 0, next: Next::Ask(Ask::Otp) }
    }

    /// Number of the person.
    pub fn nr(&self) -> u64 {
        self.nr
    }

    /// Whether there is nothing more to ask for.
    pub fn is_over(&self) -> bool {
        matches!(self.next, Next::Nothing)
    }

    /// The next request with its key; none while the person waits for a password.
    pub fn ask(&mut self, mailbox: &Mailbox) -> Option<(Ask, String)> {
        if let Next::Answer(challenge) = self.next {
            let code = mailbox.code(challenge)?;
            self.next = Next::Ask(Ask::Register { challenge, code });
        }
        if let Next::Confirm { customer, loan, hash, challenge } = &self.next {
            let (customer, loan, hash, challenge) = (*customer, *loan, hash.clone(), *challenge);
            let code = mailbox.code(challenge)?;
            self.next = Next::Ask(Ask::Confirm { customer, loan, hash, challenge, code });
        }
        let Next::Ask(ask) = &self.next else { return None };
        self.asked += 1;
        Some((ask.clone(), format!("{}-{}", self.nr, self.asked)))
    }

    /// Takes note of the durable answer; what to remember of it.
    pub fn told(&mut self, ask: Ask, key: String, done: &Executed) -> Acknowledged {
        let answer = ask.answer(done);
        if done.outcome.is_ok() {
            self.refused = 0;
            self.next = after(&ask, done);
        } else {
            self.refused += 1;
            if self.refused > PATIENCE {
                self.next = Next::Nothing;
            }
        }
        Acknowledged { nr: self.nr, key, ask, done: done.outcome.is_ok(), answer }
    }
}

fn after(ask: &Ask, done: &Executed) -> Next {
    match ask {
        Ask::Otp => done.answer::<RequestOtp>().map_or(Next::Nothing, |issued| Next::Answer(issued.challenge)),
        Ask::Register { .. } => {
            done.answer::<RegisterCustomer>().map_or(Next::Nothing, |it| Next::Ask(Ask::Details(it.customer)))
        }
        Ask::Details(customer) => Next::Ask(Ask::Kyc(*customer)),
        Ask::Kyc(customer) => Next::Ask(Ask::Consent(*customer)),
        Ask::Consent(customer) => Next::Ask(Ask::Credit(*customer)),
        Ask::Credit(customer) => Next::Ask(Ask::Offers(*customer)),
        Ask::Offers(customer) => {
            let offers = done.events::<ProductOfferDistributed>().next().map(|event| event.offers.clone());
            let offer = offers.unwrap_or_default().into_iter().find(|offer| offer.product == "gh-installment");
            offer.map_or(Next::Nothing, |offer| Next::Ask(Ask::Loan(*customer, Box::new(offer))))
        }
        Ask::Loan(customer, _) => sign(*customer, done),
        Ask::SigningOtp { customer, loan, hash } => done.answer::<RequestOtp>().map_or(Next::Nothing, |issued| {
            Next::Confirm { customer: *customer, loan: *loan, hash: hash.clone(), challenge: issued.challenge }
        }),
        Ask::Confirm { customer, loan, hash, challenge, .. } => {
            let (customer, loan, hash, challenge) = (*customer, *loan, hash.clone(), *challenge);
            Next::Ask(Ask::Sign { customer, loan, hash, challenge })
        }
        Ask::Sign { customer, loan, .. } => Next::Ask(Ask::Repay(*customer, *loan)),
        Ask::Repay(..) => Next::Nothing,
    }
}

fn sign(customer: CustomerId, done: &Executed) -> Next {
    let approved = done.events::<LoanApplicationApproved>().next();
    approved.map_or(Next::Nothing, |event| {
        Next::Ask(Ask::SigningOtp { customer, loan: event.loan, hash: event.contract.hash.clone() })
    })
}
