//! The funds domain on a real engine: accounts, routes, payments, and properties of their decisions.
#![allow(clippy::unwrap_used, reason = "a helper that meets a surprise ends its test")]

mod accounts;
mod facts;
mod payments;
mod properties;
mod results;
mod returns;
mod routing;
mod tables;

use std::collections::BTreeMap;

use sycee_contract::messages::{ConfirmFundArrival, FundAccountOpened, FundingContractSigned};
use sycee_contract::{
    CustomerId, DisbursementOrderId, FundAccountId, FundingContractId, Identifier, LoanId, PartnerId, PayoutAccount,
    ReservationId, RouteId, Sensitive,
};
use sycee_funds::PaymentConfig;
use sycee_money::{Currency, Money, Rate};
use sycee_runtime::Configs;
use sycee_runtime::testing::Scene;

const LOAN: i64 = 1_000_001;

/// The channels of Ghana.
pub fn channels() -> PaymentConfig {
    PaymentConfig::from_yaml(include_str!("../../../../markets/gh/channels.yaml")).unwrap()
}

fn scene(body: impl Fn(&mut Scene)) {
    Scene::each(sycee_funds::register, Configs::new().with(channels()), body);
}

fn ghs(major: i64) -> Money {
    Money::from_minor(major * 100, Currency::GHS).unwrap()
}

fn loan(number: i64) -> LoanId {
    LoanId::from_number(LOAN + number)
}

fn customer() -> CustomerId {
    CustomerId::from_number(7)
}

fn disbursement() -> DisbursementOrderId {
    DisbursementOrderId::from_number(LOAN + 500)
}

fn route() -> RouteId {
    RouteId::from_number(LOAN + 600)
}

fn unknown_reservation() -> ReservationId {
    ReservationId::from_number(LOAN + 700)
}

fn wallet(number: &str) -> PayoutAccount {
    PayoutAccount { channel: "mtn-momo".into(), number: Sensitive::new(number), holder: Sensitive::new("Ama Mensah") }
}

/// An agreement of a funder called `code`; its partner has number `partner`.
fn agreement(partner: i64, code: &str, cost: &str) -> FundingContractSigned {
    FundingContractSigned {
        contract: FundingContractId::from_number(partner + 100),
        partner: PartnerId::from_number(partner),
        code: code.into(),
        name: code.to_uppercase(),
        country: "GH".into(),
        currency: Currency::GHS,
        cost: Rate::from_fraction_str(cost).unwrap(),
        quota: ghs(1_000_000),
        products: Vec::new(),
        pays_itself: false,
        is_own: code == "own-funds",
        channels: Vec::new(),
    }
}

fn sign(scene: &mut Scene, agreement: FundingContractSigned) -> FundAccountId {
    scene.happened(agreement);
    scene.emitted::<FundAccountOpened>()[0].fund_account
}

/// A funder with that much money.
fn fund(scene: &mut Scene, agreement: FundingContractSigned, amount: Money) -> FundAccountId {
    let code = agreement.code.clone();
    let account = sign(scene, agreement);
    let bank_reference = format!("bank-{code}");
    scene.request(ConfirmFundArrival { funder: code, amount, bank_reference }).unwrap();
    account
}

fn own(scene: &mut Scene) -> FundAccountId {
    fund(scene, agreement(3, "own-funds", "0.10"), ghs(1_000))
}

fn map<V>(pairs: impl IntoIterator<Item = (&'static str, V)>) -> BTreeMap<String, V> {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
