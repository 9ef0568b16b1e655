//! The domain's configuration, given when a market opens.

use serde::Deserialize;
use sycee_money::Money;

/// Limits and deadlines of loans.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoanPolicy {
    /// Most loans of one customer that are applied for or not repaid.
    pub max_open_loans: u32,
    /// Hours in which a rendered contract can be signed.
    pub contract_valid_hours: u32,
    /// Hours until a payout without a route, or a posting that was refused, is tried again.
    pub retry_hours: u32,
    /// Searches for a route that may fail before the loan is cancelled.
    pub max_routings: u32,
    /// Payouts that may fail before the loan is cancelled.
    pub max_attempts: u32,
    /// Principal from which a person looks at what risk approved, in markets with manual review; none, when absent.
    pub review_amount: Option<Money>,
    /// Whether a contract is signed with a one-time password, which binds the signer to its text.
    pub signing_otp: bool,
    /// Codes of the market's channels that pay out, from its channels; empty: any channel is taken.
    #[serde(skip)]
    pub payout_channels: Vec<String>,
}

impl Default for LoanPolicy {
    fn default() -> Self {
        Self {
            max_open_loans: 3,
            contract_valid_hours: 48,
            retry_hours: 6,
            max_routings: 4,
            max_attempts: 3,
            review_amount: None,
            signing_otp: false,
            payout_channels: Vec::new(),
        }
    }
}

/// Deadlines of repayment orders.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RepaymentPolicy {
    /// Hours in which a customer can pay an order.
    pub order_valid_hours: u32,
    /// Hours after which a direct debit without an answer is given up; its money is taken all the same.
    pub debit_valid_hours: u32,
    /// Days until a bounced direct debit is tried again.
    pub debit_retry_days: u32,
    /// Direct debits of one installment, the first one included.
    pub max_debits: u32,
}

impl Default for RepaymentPolicy {
    fn default() -> Self {
        Self { order_valid_hours: 24, debit_valid_hours: 120, debit_retry_days: 2, max_debits: 3 }
    }
}
