//! The partner domain on a real engine: agreements, payouts, repayments, quotas.
#![allow(clippy::unwrap_used, reason = "a helper that meets a surprise ends its test")]

mod agreement;
mod claims;
mod disbursements;
mod integration;
mod registration;
mod repayments;
mod suspense;

use sycee_contract::messages::{DisbursementRequested, FundingContractSigned, OpenWorkOrder, RegisterFundingContract};
use sycee_contract::{
    CustomerId, DisbursementOrderId, FundAccountId, Identifier, LoanId, PartnerId, PayoutAccount, ReservationId,
    RouteId, Sensitive,
};
use sycee_money::{Currency, Money, Rate};
use sycee_partner::PartnerConfig;
use sycee_runtime::Configs;
use sycee_runtime::testing::Scene;

fn scene(body: impl Fn(&mut Scene)) {
    Scene::each(sycee_partner::register, Configs::new().with(PartnerConfig::default()), body);
}

fn ghs(major: i64) -> Money {
    Money::from_minor(major * 100, Currency::GHS).unwrap()
}

fn customer() -> CustomerId {
    CustomerId::from_number(7)
}

fn loan(number: i64) -> LoanId {
    LoanId::from_number(1_000_000 + number)
}

fn attempt(number: i64) -> DisbursementOrderId {
    DisbursementOrderId::from_number(2_000_000 + number)
}

fn reservation() -> ReservationId {
    ReservationId::from_number(3_000_000)
}

fn terms(code: &str) -> RegisterFundingContract {
    RegisterFundingContract {
        code: code.into(),
        name: code.to_uppercase(),
        country: "GH".into(),
        currency: Currency::GHS,
        cost: Rate::from_bps(1000),
        quota: ghs(1_000),
        products: Vec::new(),
        pays_itself: code == "self-capital",
        is_own: code == "own-funds",
        channels: Vec::new(),
        valid_from: None,
        valid_until: None,
    }
}

/// Registers `own-funds`, `self-capital` (pays and collects itself) or any other code (we pay for it).
fn partner(scene: &mut Scene, code: &str) -> PartnerId {
    scene.request(terms(code)).unwrap();
    scene.emitted::<FundingContractSigned>()[0].partner
}

fn requested(funder: PartnerId, number: i64, amount: Money) -> DisbursementRequested {
    DisbursementRequested {
        order: attempt(number),
        loan: loan(number),
        customer: customer(),
        attempt: 1,
        funder,
        fund_account: FundAccountId::from_number(8),
        reservation: reservation(),
        route: RouteId::from_number(9),
        amount,
        principal: amount,
        payout_account: PayoutAccount {
            channel: "mtn-momo".into(),
            number: Sensitive::new("+233240000001"),
            holder: Sensitive::new("Ama Mensah"),
        },
        pays_itself: false,
    }
}

fn kinds(scene: &Scene) -> Vec<String> {
    scene.sent::<OpenWorkOrder>().into_iter().map(|order| order.kind).collect()
}
