//! The loan accounts of the books, kept by the entry templates, to compare notes with.

use std::collections::BTreeMap;

use sycee_asset::LoanNote;
use sycee_contract::{PostLedgerEvent, PostingParts};
use sycee_money::{Currency, Money};

/// Balances by account; debits count up.
#[derive(Clone, Debug)]
pub struct Books {
    currency: Currency,
    balances: BTreeMap<&'static str, Money>,
}

impl Books {
    pub fn new(currency: Currency) -> Self {
        Self { currency, balances: BTreeMap::new() }
    }

    pub fn balance(&self, account: &'static str) -> Money {
        self.balances.get(account).copied().unwrap_or(Money::zero(self.currency))
    }

    fn post(&mut self, debit: &'static str, credit: &'static str, amount: Money) {
        assert!(!amount.is_negative(), "{debit} / {credit}: {amount}");
        self.post_signed(debit, credit, amount);
    }

    /// An amount below zero swaps the sides.
    fn post_signed(&mut self, debit: &'static str, credit: &'static str, amount: Money) {
        let up = self.balance(debit).checked_add(amount).unwrap();
        self.balances.insert(debit, up);
        let down = self.balance(credit).checked_sub(amount).unwrap();
        self.balances.insert(credit, down);
    }

    pub fn lend(&mut self, principal: Money, upfront_fee: Money) {
        self.post("principal", "cash", principal.checked_sub(upfront_fee).unwrap());
        self.post("principal", "fee-income", upfront_fee);
    }

    pub fn accrue(&mut self, receivable: Money, unearned: Money) {
        self.post_signed("receivable", "income", receivable);
        self.post_signed("unearned", "income", unearned);
    }

    pub fn penalize(&mut self, penalty: Money) {
        self.post_signed("penalty", "penalty-income", penalty);
    }

    pub fn repay(&mut self, parts: &PostingParts) {
        self.post("cash", "principal", parts.principal);
        self.post("cash", "receivable", parts.interest);
        self.post("cash", "unearned", parts.interest_advance);
        self.post("cash", "fee-receivable", parts.fee);
        self.post("cash", "penalty", parts.penalty);
        self.post("cash", "surplus", parts.surplus);
        self.post("fee-income", "principal", parts.fee_refund);
        self.post("income", "receivable", parts.interest_waived);
        self.post("unearned", "principal", parts.interest_refund);
    }

    /// What the asset center sends to the books by itself.
    pub fn take(&mut self, event: &PostLedgerEvent) {
        match event.template.as_str() {
            "interest-accrued" => {
                self.accrue(event.amounts["interest-receivable"], event.amounts["interest-unearned"]);
            }
            "penalty-accrued" => self.penalize(event.amounts["penalty"]),
            other => panic!("the asset center posts no {other}"),
        }
    }

    /// The sub-ledger is the general ledger.
    pub fn agree_with(&self, notes: &[LoanNote]) {
        let sum = |figure: fn(&LoanNote) -> Money| Money::sum(self.currency, notes.iter().map(figure)).unwrap();
        assert_eq!(self.balance("principal"), sum(|note| note.principal_outstanding), "principal");
        assert_eq!(self.balance("receivable"), sum(|note| note.interest_receivable().unwrap()), "receivable");
        let unearned = self.balance("unearned").checked_neg().unwrap();
        assert_eq!(unearned, sum(|note| note.interest_unearned().unwrap()), "unearned");
        assert_eq!(self.balance("penalty"), sum(|note| note.penalty_receivable().unwrap()), "penalty");
        assert_eq!(self.balance("surplus").checked_neg().unwrap(), sum(|note| note.surplus), "surplus");
    }
}
