//! The funds domain on a real engine: accounts, routes, payments, and properties of their decisions.
#![allow(clippy::unwrap_used, reason = "a helper that meets a surprise ends its test")]

mod accounts;
mod banks;
mod decisions;
mod facts;
mod payments;
mod properties;
mod pulls;
mod results;
mod returns;
mod routing;
mod tables;
mod terms;
mod write_offs;

use std::collections::BTreeMap;

use sycee_contract::messages::{
    ConfirmFundArrival, DisbursementRequested, FundAccountOpened, FundingContractSigned, InitiatePayment, OpenWorkOrder,
};
use sycee_contract::{
    CustomerId, DisbursementOrderId, FundAccountId, FundingContractId, Identifier, LoanId, PartnerId, PaymentAnswer,
    PaymentDirection, PaymentPurpose, PayoutAccount, Rejection, ReservationId, RouteId, Sensitive,
};
use sycee_funds::PaymentConfig;
use sycee_funds::payment_system::DisbursementPayment;
use sycee_money::{Currency, Money, Rate, date};
use sycee_runtime::testing::Scene;
use sycee_runtime::{Configs, Registry};

const LOAN: i64 = 1_000_001;

/// The channels of Ghana.
pub fn channels() -> PaymentConfig {
    PaymentConfig::from_yaml(include_str!("../../../../markets/gh/channels.yaml")).unwrap()
}

fn scene(body: impl Fn(&mut Scene)) {
    Scene::each(sycee_funds::register, Configs::new().with(channels()), body);
}

/// As [`scene`], with a partner hub that orders a payout for each attempt.
fn paying(body: impl Fn(&mut Scene)) {
    Scene::each(with_hub, Configs::new().with(channels()), body);
}

/// Key under which the hub of [`with_hub`] tells that its payout was refused.
const REFUSED: &str = "payout-refused";

fn with_hub(registry: &mut Registry) {
    sycee_funds::register(registry);
    registry
        .service("partner-hub")
        .on::<DisbursementRequested>(|work, event| {
            work.send(InitiatePayment {
                direction: PaymentDirection::Payout,
                purpose: PaymentPurpose {
                    loan: event.loan,
                    customer: event.customer,
                    disbursement: Some(event.order),
                    repayment: None,
                    fund_account: Some(event.fund_account),
                    reservation: Some(event.reservation),
                },
                amount: event.amount,
                account: event.payout_account.clone(),
            });
            Ok(())
        })
        .on_refusal::<InitiatePayment>(|work, _, refusal| {
            let (kind, text) = (refusal.code.clone(), refusal.message.clone());
            work.send(OpenWorkOrder { kind, loan: None, text, key: REFUSED.to_owned() });
            Ok(())
        })
        .sends::<InitiatePayment>()
        .sends::<OpenWorkOrder>();
}

/// The hub orders this payout; the payment, or why it was refused.
fn order_payout(scene: &mut Scene, payout: &InitiatePayment) -> Result<PaymentAnswer, Rejection> {
    let (account, reservation) = (payout.purpose.fund_account.unwrap(), payout.purpose.reservation.unwrap());
    scene.happened(DisbursementRequested {
        payout_account: payout.account.clone(),
        ..facts::disbursement_requested(account, reservation, payout.amount)
    });
    if let Some(refused) = scene.sent::<OpenWorkOrder>().into_iter().find(|order| order.key == REFUSED) {
        return Err(Rejection::new(&refused.kind, refused.text));
    }
    let payment = scene.load::<DisbursementPayment>(disbursement()).unwrap().payment;
    Ok(PaymentAnswer { payment })
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
        valid_from: date(2026, 1, 5),
        valid_until: None,
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
