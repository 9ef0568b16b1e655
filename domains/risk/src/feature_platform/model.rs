//! What is kept about a customer, and the features made of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sycee_contract::{CustomerId, Date, KycVerdict, LoanId};
use sycee_money::{Currency, Money, MoneyError};
use sycee_runtime::{Json, entity};

use crate::inputs::MEASURED;

/// A loan that is not settled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenLoan {
    /// The loan.
    pub loan: LoanId,
    /// Principal outstanding.
    pub principal: Money,
    /// Days past due when it last moved between buckets.
    pub days_past_due: u32,
}

/// What a repayment left of a loan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repaid {
    /// So much principal.
    Part(Money),
    /// Nothing.
    Settled,
    /// Nothing, in its cooling-off time: it proves nothing.
    Cancelled,
}

entity! {
    /// Everything features are made of, for one customer.
    pub struct CustomerFeatures in "customer_features" of "feature-platform" key customer: CustomerId {
        /// The customer.
        customer: CustomerId,
        /// Business date on which this customer was first heard of.
        since: Date,
        /// What the customer declared, by attribute.
        declared: Json<Arc<BTreeMap<String, String>>>,
        /// Device of the registration.
        device_id: Option<String>,
        /// Verdict of the last KYC case.
        kyc_verdict: Option<KycVerdict>,
        /// Whether every consent that borrowing requires is in force.
        consents_complete: bool,
        /// Loans that are not settled.
        open_loans: Json<Vec<OpenLoan>>,
        /// Loans ever paid out.
        loans_disbursed: u32,
        /// Loans settled.
        loans_settled: u32,
        /// Repayments received.
        repayments: u32,
        /// How often a loan left bucket `current`.
        times_overdue: u32,
        /// Most days past due on any loan, ever.
        worst_days_past_due: u32,
    }
}

impl CustomerFeatures {
    /// A customer of whom nothing is known.
    pub fn unknown(customer: CustomerId, since: Date) -> Self {
        Self {
            customer,
            since,
            declared: Json(Arc::default()),
            device_id: None,
            kyc_verdict: None,
            consents_complete: false,
            open_loans: Json(Vec::new()),
            loans_disbursed: 0,
            loans_settled: 0,
            repayments: 0,
            times_overdue: 0,
            worst_days_past_due: 0,
        }
    }

    /// A loan was paid out.
    pub fn loan_disbursed(&mut self, loan: LoanId, principal: Money) {
        if self.open_loans.iter().any(|open| open.loan == loan) {
            return;
        }
        self.open_loans.push(OpenLoan { loan, principal, days_past_due: 0 });
        self.loans_disbursed += 1;
    }

    /// Money came in for a loan. Money for a settled loan counts as a repayment and changes nothing else.
    pub fn repaid(&mut self, loan: LoanId, left: Repaid, worst_days_past_due: u32) {
        self.repayments += 1;
        self.worst_days_past_due = self.worst_days_past_due.max(worst_days_past_due);
        let Some(at) = self.open_loans.iter().position(|open| open.loan == loan) else { return };
        match left {
            Repaid::Part(outstanding) => self.open_loans[at].principal = outstanding,
            Repaid::Settled => {
                self.open_loans.remove(at);
                self.loans_settled += 1;
            }
            Repaid::Cancelled => {
                self.open_loans.remove(at);
            }
        }
    }

    /// A loan moved between delinquency buckets; `fell_behind` when it left bucket `current`.
    pub fn overdue(&mut self, loan: LoanId, days_past_due: u32, fell_behind: bool) {
        self.times_overdue += u32::from(fell_behind);
        self.worst_days_past_due = self.worst_days_past_due.max(days_past_due);
        if let Some(open) = self.open_loans.iter_mut().find(|open| open.loan == loan) {
            open.days_past_due = days_past_due;
        }
    }

    /// Features by name; amounts in major units of `currency`.
    ///
    /// Errors: an open loan is in another currency.
    pub fn features(&self, today: Date, currency: Currency) -> Result<BTreeMap<String, String>, MoneyError> {
        let mut features: BTreeMap<String, String> = self
            .declared
            .iter()
            .filter(|(name, _)| MEASURED.binary_search(&name.as_str()).is_err())
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let open_principal = Money::sum(currency, self.open_loans.iter().map(|open| open.principal))?;
        let days_past_due = self.open_loans.iter().map(|open| open.days_past_due).max().unwrap_or(0);
        let yes_no = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
        let measured = [
            ("kyc_verdict", self.kyc_verdict.map_or("none", |verdict| verdict.name()).to_lowercase()),
            ("consents_complete", yes_no(self.consents_complete)),
            ("days_as_customer", (today - self.since).get_days().to_string()),
            ("open_principal", open_principal.to_decimal_string()),
            ("loans_open", self.open_loans.len().to_string()),
            ("loans_disbursed", self.loans_disbursed.to_string()),
            ("loans_settled", self.loans_settled.to_string()),
            ("repayments", self.repayments.to_string()),
            ("times_overdue", self.times_overdue.to_string()),
            ("days_past_due_now", days_past_due.to_string()),
            ("worst_days_past_due", self.worst_days_past_due.to_string()),
        ];
        features.extend(measured.map(|(name, value)| (name.to_owned(), value)));
        if let Some(device) = &self.device_id {
            features.insert("device_id".to_owned(), device.clone());
        }
        Ok(features)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sycee_contract::Identifier as _;

    fn ghs(text: &str) -> Money {
        Money::parse(text, Currency::GHS).unwrap()
    }

    fn customer() -> CustomerFeatures {
        CustomerFeatures::unknown(CustomerId::from_number(1), Date::constant(2026, 1, 1))
    }

    fn feature(known: &CustomerFeatures, name: &str) -> String {
        known.features(Date::constant(2026, 1, 31), Currency::GHS).unwrap()[name].clone()
    }

    #[test]
    fn measured_names_are_sorted() {
        assert!(MEASURED.is_sorted());
    }

    #[test]
    fn a_declaration_cannot_replace_a_measurement() {
        let mut known = customer();
        for name in MEASURED {
            Arc::make_mut(&mut known.declared).insert((*name).to_owned(), "forged".to_owned());
        }
        Arc::make_mut(&mut known.declared).insert("housing".to_owned(), "own".to_owned());
        let features = known.features(known.since, Currency::GHS).unwrap();
        assert!(!features.values().any(|value| value == "forged"));
        assert_eq!(features["housing"], "own");
    }

    #[test]
    fn behaviour_is_counted_over_the_life_of_loans() {
        let (first, second) = (LoanId::from_number(10), LoanId::from_number(11));
        let mut known = customer();
        known.loan_disbursed(first, ghs("500"));
        known.loan_disbursed(first, ghs("500"));
        known.loan_disbursed(second, ghs("300.50"));
        known.overdue(first, 1, true);
        known.overdue(first, 31, false);
        let now = |known: &CustomerFeatures| {
            [
                "loans_disbursed",
                "loans_open",
                "open_principal",
                "days_past_due_now",
                "times_overdue",
                "days_as_customer",
            ]
            .map(|name| feature(known, name))
        };
        assert_eq!(now(&known), ["2", "2", "800.50", "31", "1", "30"]);
        known.repaid(first, Repaid::Part(ghs("100")), 35);
        known.overdue(first, 0, false);
        known.repaid(second, Repaid::Settled, 0);
        known.repaid(second, Repaid::Settled, 0);
        assert_eq!(now(&known), ["2", "1", "100.00", "0", "1", "30"]);
        assert_eq!(
            ["repayments", "loans_settled", "worst_days_past_due"].map(|name| feature(&known, name)),
            ["3", "1", "35"]
        );
        known.loan_disbursed(LoanId::from_number(12), ghs("300"));
        known.repaid(LoanId::from_number(12), Repaid::Cancelled, 0);
        assert_eq!(["loans_open", "loans_settled"].map(|name| feature(&known, name)), ["1", "1"]);
    }
}
