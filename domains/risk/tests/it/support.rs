//! Customers and messages that the tests share.

use std::collections::BTreeMap;

use serde::Deserialize;
use sycee_contract::{
    AddToBlacklist, ConsentGranted, ConsentKind, CustomerDetailsUpdated, CustomerId, CustomerLoggedIn,
    CustomerRegistered, ExecuteRiskReview, Identifier as _, KnownDetails, KycCaseId, KycCompleted, KycVerdict,
    LoanApplicationCreated, LoanId, RiskPurpose, RiskSubject, Sensitive, SessionId, Timestamp,
};
use sycee_money::{Currency, Money};
use sycee_risk::RiskStrategy;
use sycee_runtime::Configs;
use sycee_runtime::testing::Scene;

pub const DEFAULT_STRATEGY: &str = include_str!("../../../../markets/gh/strategy.yaml");

pub const AMA: i64 = 1;

pub fn default_strategy() -> RiskStrategy {
    RiskStrategy::from_yaml(DEFAULT_STRATEGY).unwrap()
}

/// Runs `body` with the risk domain under the default strategy.
pub fn each(body: impl Fn(&mut Scene)) {
    each_with(default_strategy(), body);
}

pub fn each_with(strategy: RiskStrategy, body: impl Fn(&mut Scene)) {
    Scene::each(sycee_risk::register, Configs::new().with(strategy), body);
}

pub fn ghs(text: &str) -> Money {
    Money::parse(text, Currency::GHS).unwrap()
}

pub fn customer(number: i64) -> CustomerId {
    CustomerId::from_number(number)
}

pub fn loan(number: i64) -> LoanId {
    LoanId::from_number(number)
}

/// Attributes of a row of the German credit data, by the row's number in the file; the tiers are in the facts' file.
pub fn row(number: u32) -> BTreeMap<String, String> {
    #[derive(Deserialize)]
    struct Row {
        row: u32,
        attributes: BTreeMap<String, String>,
    }
    let rows: Vec<Row> = serde_json::from_str(include_str!("../data/scorecard_rows.json")).unwrap();
    rows.into_iter().find(|it| it.row == number).unwrap().attributes
}

/// Row of tier low.
pub const LOW: u32 = 1;
/// Row of tier medium.
pub const MEDIUM: u32 = 19;
/// Row of tier high.
pub const HIGH: u32 = 2;
/// Row of tier very high.
pub const VERY_HIGH: u32 = 12;

fn unchanged() -> KnownDetails {
    KnownDetails { job: None, employed_since: None, city: None, country: None, emergency_contacts: None }
}

/// The row as a customer declares it, without the amount: the request tells that.
pub fn details(number: i64, data_row: u32) -> CustomerDetailsUpdated {
    CustomerDetailsUpdated { customer: customer(number), attributes: row(data_row), known: unchanged() }
}

pub fn amount_of(data_row: u32) -> Money {
    ghs(&row(data_row)["credit_amount"])
}

pub fn registered(number: i64) -> CustomerRegistered {
    CustomerRegistered {
        customer: customer(number),
        market: "gh".to_owned(),
        channel: "organic".to_owned(),
        device_id: format!("device-{number}"),
        platform: "Android 14".to_owned(),
        phone_index: String::new(),
        language: "en-GH".to_owned(),
    }
}

pub fn kyc(number: i64, verdict: KycVerdict) -> KycCompleted {
    KycCompleted { customer: customer(number), case: KycCaseId::from_number(900), verdict, reasons: Vec::new() }
}

pub fn consent(number: i64, complete: bool, kyc_verdict: Option<KycVerdict>) -> ConsentGranted {
    ConsentGranted {
        customer: customer(number),
        kinds: vec![ConsentKind::Bureau],
        complete,
        kyc_verdict,
        notice_version: "2026-01".to_owned(),
    }
}

/// A registered, identified customer with consents and the attributes of a row.
pub fn onboard(scene: &mut Scene, number: i64, data_row: u32) {
    scene.happened(registered(number));
    scene.happened(details(number, data_row));
    scene.happened(kyc(number, KycVerdict::Passed));
    scene.happened(consent(number, true, Some(KycVerdict::Passed)));
}

pub fn review(number: i64, purpose: RiskPurpose, requested: Option<Money>) -> ExecuteRiskReview {
    ExecuteRiskReview {
        purpose,
        subject: RiskSubject { customer: customer(number), application: None, loan: None },
        requested,
        facts: BTreeMap::new(),
    }
}

pub fn loan_application(number: i64, loan_number: i64, amount: Money) -> LoanApplicationCreated {
    LoanApplicationCreated {
        loan: loan(loan_number),
        customer: customer(number),
        product: "gh-installment".to_owned(),
        version: 1,
        amount,
        term: 6,
        purpose: "radio/television".to_owned(),
        first_installment: amount,
    }
}

/// The customer logs in on this device.
pub fn seen(number: i64, device: &str) -> CustomerLoggedIn {
    CustomerLoggedIn {
        customer: customer(number),
        session: SessionId::from_number(500),
        device_id: device.to_owned(),
        platform: "Android 15".to_owned(),
        channel: "organic".to_owned(),
        expires_at: Timestamp::default(),
    }
}

pub fn blacklist_device(device: &str) -> AddToBlacklist {
    AddToBlacklist {
        kind: "device".to_owned(),
        value: Sensitive::new(device),
        reason: "FRAUD_CONFIRMED".to_owned(),
        sole_holder: None,
    }
}
