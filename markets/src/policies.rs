//! The policies of a market: what people decide about each domain, in one file.

use serde::Deserialize;
use sycee_credit::CreditPolicy;
use sycee_customer::{ConsentPolicy, KycPolicy, SessionPolicy};
use sycee_money::Rate;
use sycee_partner::PartnerConfig;
use sycee_runtime::Configs;
use sycee_transaction::{LoanPolicy, RepaymentPolicy};

/// `policies.yaml`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Policies {
    kyc: KycPolicy,
    consents: ConsentPolicy,
    sessions: SessionPolicy,
    credit: CreditPolicy,
    loans: LoanPolicy,
    repayments: RepaymentPolicy,
    partners: PartnerConfig,
}

impl Policies {
    /// Reads policies.
    ///
    /// Errors: what is wrong with the text, by field and line, or the field whose value cannot work.
    pub(crate) fn from_yaml(text: &str) -> Result<Self, String> {
        let policies: Self = serde_yaml_ng::from_str(text).map_err(|error| error.to_string())?;
        match policies.rules().into_iter().find(|(holds, ..)| !holds) {
            Some((_, field, rule, example)) => Err(format!("{field}: {rule}; for example {example}")),
            None => Ok(policies),
        }
    }

    fn rules(&self) -> [(bool, &'static str, &'static str, &'static str); 16] {
        let Self { kyc, sessions, credit, loans, repayments, partners, .. } = self;
        let ordered = |review: u32, pass: u32| review <= pass && pass <= 10_000;
        [
            (ordered(kyc.ocr_review_bps, kyc.ocr_pass_bps), "kyc.ocrReviewBps", "at most ocrPassBps", "6000 and 8500"),
            (
                ordered(kyc.liveness_review_bps, kyc.liveness_pass_bps),
                "kyc.livenessReviewBps",
                "at most livenessPassBps",
                "5000 and 8000",
            ),
            (sessions.valid_hours > 0, "sessions.validHours", "1 or more", "168"),
            (sessions.per_customer_max > 0, "sessions.perCustomerMax", "1 or more", "3"),
            (credit.line_valid_days > 0, "credit.lineValidDays", "1 or more", "365"),
            (
                [1, 31, 61, 91].contains(&credit.freeze_days_past_due_min),
                "credit.freezeDaysPastDueMin",
                "1, 31, 61 or 91: credit hears of a loan when it moves between buckets",
                "31",
            ),
            (
                (Rate::zero()..=Rate::from_bps(10_000)).contains(&credit.growth_principal_share_min),
                "credit.growthPrincipalShareMin",
                "a fraction from 0 to 1",
                "\"0.25\"",
            ),
            (loans.max_open_loans > 0, "loans.maxOpenLoans", "1 or more", "3"),
            (loans.contract_valid_hours > 0, "loans.contractValidHours", "1 or more", "48"),
            (loans.max_routings > 0, "loans.maxRoutings", "1 or more", "4"),
            (loans.max_attempts > 0, "loans.maxAttempts", "1 or more", "3"),
            (repayments.order_valid_hours > 0, "repayments.orderValidHours", "1 or more", "24"),
            (repayments.max_debits > 0, "repayments.maxDebits", "1 or more", "3"),
            (partners.method_seconds >= 60, "partners.methodSeconds", "60 or more", "86400"),
            (partners.poll_first_minutes > 0, "partners.pollFirstMinutes", "1 or more", "15"),
            (partners.polls_max > 0, "partners.pollsMax", "1 or more", "8"),
        ]
    }

    /// Puts every policy into `configs`.
    pub(crate) fn configure(self, configs: Configs) -> Configs {
        let Self { kyc, consents, sessions, credit, loans, repayments, partners } = self;
        configs.with(kyc).with(consents).with(sessions).with(credit).with(loans).with(repayments).with(partners)
    }
}
