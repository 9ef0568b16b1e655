//! What people are going to do, in order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use sycee_contract::{
    CreditApplicationId, LoanId, OfferId, OtpChallengeId, RepaymentKind, RepaymentOrderId, Timestamp,
};
use sycee_money::Money;

/// One thing a person is going to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    RequestOtp,
    Register {
        challenge: OtpChallengeId,
    },
    TellDetails,
    SubmitKyc,
    GrantConsent,
    ApplyForCredit,
    QueryOffers,
    QueryDetail {
        offer: OfferId,
        amount: Money,
        term: u32,
        direct_debit: bool,
    },
    SubmitLoan {
        offer: OfferId,
        amount: Money,
        term: u32,
        direct_debit: bool,
    },
    AskToSign {
        loan: LoanId,
        hash: String,
    },
    SignContract {
        loan: LoanId,
        hash: String,
        challenge: OtpChallengeId,
    },
    LogIn {
        challenge: OtpChallengeId,
        then: Box<Act>,
    },
    CancelApplication {
        loan: LoanId,
    },
    LookAtDues {
        loan: LoanId,
        kind: RepaymentKind,
    },
    Repay {
        loan: LoanId,
        kind: RepaymentKind,
        amount: Option<Money>,
    },
    PayAtPartner {
        order: RepaymentOrderId,
        loan: LoanId,
        amount: Money,
    },
    /// Somebody of the lender's decides about the person's application for credit.
    ReviewCredit {
        application: CreditApplicationId,
    },
    /// Somebody of the lender's decides about the person's application for a loan.
    ReviewLoan {
        loan: LoanId,
    },
}

#[derive(Debug, PartialEq, Eq)]
struct Entry {
    at: Timestamp,
    nr: u64,
    person: usize,
    act: Act,
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.nr).cmp(&(other.at, other.nr))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Everybody's plans; what was planned first comes first at the same time.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    heap: BinaryHeap<Reverse<Entry>>,
    planned: u64,
}

impl Agenda {
    pub(crate) fn plan(&mut self, at: Timestamp, person: usize, act: Act) {
        self.planned += 1;
        self.heap.push(Reverse(Entry { at, nr: self.planned, person, act }));
    }

    pub(crate) fn next_at(&self) -> Option<Timestamp> {
        self.heap.peek().map(|Reverse(entry)| entry.at)
    }

    pub(crate) fn pop_due(&mut self, now: Timestamp) -> Option<(usize, Act)> {
        if self.next_at()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| (entry.person, entry.act))
    }
}
