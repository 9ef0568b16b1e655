//! The policies of a market: what people decide about each domain, in one file.

use serde::Deserialize;
use serde_yaml_ng::Value;
use sycee_credit::CreditPolicy;
use sycee_customer::{ConsentPolicy, KycPolicy, SessionPolicy};
use sycee_money::{Money, Rate};
use sycee_partner::PartnerConfig;
use sycee_runtime::Configs;
use sycee_transaction::{LoanPolicy, RepaymentPolicy};

/// A year of 366 days, in hours.
const SESSION_HOURS_MAX: u32 = 8_784;

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

/// Whether the rates can be read. The reader of the whole file names a rate that can't by its section alone.
///
/// Errors: the field, and what is wrong with it. Text that is no map is for the reader of the whole.
fn check_rates(text: &str) -> Result<(), String> {
    let Ok(file) = serde_yaml_ng::from_str::<Value>(text) else { return Ok(()) };
    let credit = &file["credit"];
    let caps = credit["capByTier"].as_mapping().into_iter().flatten();
    let caps = caps.filter_map(|(tier, rate)| Some((format!("credit.capByTier.{}", tier.as_str()?), rate)));
    for (field, rate) in std::iter::once(("credit.growth".to_owned(), &credit["growth"])).chain(caps) {
        if let Some(text) = rate.as_str() {
            let read = Rate::from_fraction_str(text);
            read.map_err(|error| format!("{field}: rate {text:?}: {error}; for example \"0.20\""))?;
        }
    }
    Ok(())
}

impl Policies {
    /// Reads policies.
    ///
    /// Errors: what is wrong with the text, by field and line, or the field whose value cannot work.
    pub(crate) fn from_yaml(text: &str) -> Result<Self, String> {
        check_rates(text)?;
        let policies: Self = serde_yaml_ng::from_str(text).map_err(|error| error.to_string())?;
        match policies.rules().into_iter().find(|(holds, ..)| !holds) {
            Some((_, field, rule, example)) => Err(format!("{field}: {rule}; for example {example}")),
            None => Ok(policies),
        }
    }

    /// Principal from which a person looks at a loan.
    pub(crate) fn review_amount(&self) -> Option<Money> {
        self.loans.review_amount
    }

    /// Tiers of risk whose limits may grow, as the file spells them.
    pub(crate) fn capped_tiers(&self) -> impl Iterator<Item = &str> {
        self.credit.cap_by_tier.keys().map(String::as_str)
    }

    fn rules(&self) -> [(bool, &'static str, &'static str, &'static str); 21] {
        let Self { kyc, sessions, credit, loans, repayments, partners, .. } = self;
        let (whole, hundredfold) = (Rate::from_bps(10_000), Rate::from_bps(1_000_000));
        let ordered = |review: u32, pass: u32| review <= pass && pass <= 10_000;
        [
            (ordered(kyc.ocr_review_bps, kyc.ocr_pass_bps), "kyc.ocrReviewBps", "at most ocrPassBps", "6000 and 8500"),
            (
                ordered(kyc.liveness_review_bps, kyc.liveness_pass_bps),
                "kyc.livenessReviewBps",
                "at most livenessPassBps",
                "5000 and 8000",
            ),
            (
                (1..=SESSION_HOURS_MAX).contains(&sessions.valid_hours),
                "sessions.validHours",
                "1 to 8784, which is a year",
                "168",
            ),
            (sessions.per_customer_max > 0, "sessions.perCustomerMax", "1 or more", "3"),
            (credit.line_valid_days > 0, "credit.lineValidDays", "1 or more", "365"),
            (
                [1, 31, 61, 91].contains(&credit.freeze_days_past_due_min),
                "credit.freezeDaysPastDueMin",
                "1, 31, 61 or 91: credit hears of a loan when it moves between buckets",
                "31",
            ),
            (
                (Rate::zero()..=whole).contains(&credit.growth),
                "credit.growth",
                "a fraction of the limit from 0 to 1",
                "\"0.20\"",
            ),
            (
                credit.cap_by_tier.values().all(|cap| (whole..=hundredfold).contains(cap)),
                "credit.capByTier",
                "multiples of the limit granted, from 1 to 100",
                "\"3\"",
            ),
            (
                (Rate::zero()..=whole).contains(&credit.growth_principal_share_min),
                "credit.growthPrincipalShareMin",
                "a fraction from 0 to 1",
                "\"0.25\"",
            ),
            (loans.max_open_loans > 0, "loans.maxOpenLoans", "1 or more", "3"),
            (loans.contract_valid_hours > 0, "loans.contractValidHours", "1 or more", "48"),
            (loans.retry_hours > 0, "loans.retryHours", "1 or more", "6"),
            (loans.max_routings > 0, "loans.maxRoutings", "1 or more", "4"),
            (loans.max_attempts > 0, "loans.maxAttempts", "1 or more", "3"),
            (repayments.order_valid_hours > 0, "repayments.orderValidHours", "1 or more", "24"),
            (repayments.debit_valid_hours > 0, "repayments.debitValidHours", "1 or more", "120"),
            (repayments.debit_retry_days > 0, "repayments.debitRetryDays", "1 or more", "2"),
            (repayments.max_debits > 0, "repayments.maxDebits", "1 or more", "3"),
            (partners.method_seconds >= 60, "partners.methodSeconds", "60 or more", "86400"),
            (partners.poll_first_minutes > 0, "partners.pollFirstMinutes", "1 or more", "15"),
            (partners.polls_max > 0, "partners.pollsMax", "1 or more", "8"),
        ]
    }

    /// Puts every policy into `configs`; a loan is applied for with one of the `payout_channels`, by code.
    pub(crate) fn configure(self, payout_channels: Vec<String>, configs: Configs) -> Configs {
        let Self { kyc, consents, sessions, credit, loans, repayments, partners } = self;
        let loans = LoanPolicy { payout_channels, ..loans };
        configs.with(kyc).with(consents).with(sessions).with(credit).with(loans).with(repayments).with(partners)
    }
}
