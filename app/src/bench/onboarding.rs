//! People with a credit line, made in the market's own way: registered, identified, admitted, assessed.

use std::collections::BTreeMap;

use sycee_contract::{
    Actor, ApplyForCredit, ConsentKind, CreditLineApproved, CustomerId, Device, GrantConsent, OtpChallengeId,
    OtpPurpose, RegisterCustomer, RequestOtp, RiskDecisionMade, RiskOutcome, Sensitive, SubmitKyc,
    UpdateCustomerDetails,
};
use sycee_money::{Currency, Money};
use sycee_runtime::{Executed, Stimulus};
use sycee_sim::{Applicant, GERMAN_CREDIT, read_applicants};

use super::market::{BenchMarket, broken, must};
use crate::output::Failure;

/// The credit line everybody asks for, in minor units.
const LINE_MINOR: i64 = 350_000;
/// What marks applicants of the data set whose score is far from every threshold.
const SAFE: [(&str, &str); 3] = [
    ("status_of_existing_checking_account", "no checking account"),
    ("credit_history", "critical account/ other credits existing (not at this bank)"),
    ("other_installment_plans", "none"),
];

/// Somebody with a credit line.
#[derive(Clone, Debug)]
pub struct Borrower {
    /// Number among all people of the bench.
    pub nr: usize,
    /// The customer.
    pub customer: CustomerId,
    /// The actor of this person's requests.
    pub actor: String,
    /// Requests made so far.
    requests: u32,
}

impl Borrower {
    /// The phone of person `nr`.
    pub fn phone(&self) -> Sensitive {
        phone(self.nr)
    }

    /// The next idempotency key.
    pub fn next_key(&mut self) -> String {
        self.requests += 1;
        self.requests.to_string()
    }
}

/// The applicants that are surely approved.
pub fn safe_applicants() -> Result<Vec<Applicant>, Failure> {
    let mut all = read_applicants(GERMAN_CREDIT).map_err(broken)?;
    all.retain(|it| {
        it.good && it.age < 60 && SAFE.iter().all(|(name, value)| it.attributes.get(*name).is_some_and(|v| v == value))
    });
    Ok(all)
}

/// Brings in people number `from` to `from + count`; answers them with their lines.
pub fn onboard(
    market: &mut BenchMarket,
    applicants: &[Applicant],
    from: usize,
    count: usize,
) -> Result<Vec<Borrower>, Failure> {
    let people = from..from + count;
    for nr in people.clone() {
        market.tell(ask(nr, RequestOtp { phone: phone(nr), purpose: OtpPurpose::Register, signs: None }));
    }
    market.run(&mut |_, done, _| must(done))?;
    let registered = register(market, people)?;
    let mut borrowers: BTreeMap<CustomerId, Borrower> = BTreeMap::new();
    for (nr, customer) in registered {
        let applicant = &applicants[nr % applicants.len()];
        describe(market, nr, customer, applicant);
        borrowers.insert(customer, Borrower { nr, customer, actor: Actor::of_customer(customer), requests: 0 });
    }
    market.run(&mut |_, done, _| must(done))?;
    for customer in borrowers.keys() {
        let kinds = vec![ConsentKind::Bureau, ConsentKind::Privacy, ConsentKind::Marketing];
        market.tell(say(*customer, GrantConsent { customer: *customer, kinds, notice_version: "2026-01".to_owned() }));
    }
    market.run(&mut |_, done, _| approved(done))?;
    let requested = Money::from_minor(LINE_MINOR, Currency::GHS).map_err(broken)?;
    for (customer, Borrower { nr, .. }) in &borrowers {
        let purpose = applicants[nr % applicants.len()].purpose.clone();
        market.tell(say(*customer, ApplyForCredit { customer: *customer, requested, purpose, facts: BTreeMap::new() }));
    }
    let mut with_line = Vec::with_capacity(count);
    market.run(&mut |_, done, _| {
        let granted = done.events::<CreditLineApproved>();
        with_line.extend(granted.filter_map(|event| borrowers.get(&event.customer).cloned()));
        approved(done)
    })?;
    if with_line.len() != count {
        return Err(broken(format!("{} of {count} people got a credit line", with_line.len())));
    }
    Ok(with_line)
}

/// Errors: a Fault with the reasons of whom risk did not approve.
fn approved(done: &Executed) -> Result<(), Failure> {
    for event in done.events::<RiskDecisionMade>() {
        if event.outcome != RiskOutcome::Approve {
            return Err(broken(format!("{} is not approved: {:?}", event.subject.customer, event.reasons)));
        }
    }
    must(done)
}

fn register(market: &mut BenchMarket, people: std::ops::Range<usize>) -> Result<Vec<(usize, CustomerId)>, Failure> {
    let passwords = std::mem::take(&mut market.passwords);
    let by_phone: BTreeMap<String, usize> = people.map(|nr| (phone(nr).reveal().to_owned(), nr)).collect();
    for sent in passwords {
        let nr = by_phone.get(sent.phone.reveal()).copied().ok_or_else(|| broken("a password for nobody"))?;
        let challenge: OtpChallengeId = sent.challenge.parse().map_err(|_| broken("a challenge without number"))?;
        let device = Device {
            device_id: format!("device-{nr}"),
            platform: "android-14".to_owned(),
            channel: "organic".to_owned(),
        };
        let language = "en".to_owned();
        market.tell(ask(nr, RegisterCustomer { phone: phone(nr), challenge, code: sent.code, device, language }));
    }
    let mut registered = Vec::with_capacity(by_phone.len());
    market.run(&mut |_, done, _| {
        let answer = done.answer::<RegisterCustomer>().map_err(broken)?;
        registered.push(answer.customer);
        Ok(())
    })?;
    // Answers come in the order of the requests, and passwords were sent in the order of the people.
    Ok(by_phone.into_values().zip(registered).collect())
}

fn describe(market: &mut BenchMarket, nr: usize, customer: CustomerId, applicant: &Applicant) {
    market.tell(say(
        customer,
        UpdateCustomerDetails {
            customer,
            employment: None,
            address: None,
            emergency_contacts: None,
            attributes: applicant.attributes.clone(),
        },
    ));
    market.tell(say(
        customer,
        SubmitKyc {
            customer,
            document_type: "ghana-card".to_owned(),
            document_number: Sensitive::new(format!("GHA-{:09}-{}", 100_000_000 + nr, nr % 10)),
            full_name: Sensitive::new(format!("Borrower {nr}")),
            birth_date: Sensitive::new("1985-05-05"),
            document_image: format!("kyc/{nr}/card.jpg"),
            liveness_video: format!("kyc/{nr}/face.mp4"),
        },
    ));
}

fn say<C: sycee_contract::Command>(customer: CustomerId, command: C) -> Stimulus {
    Stimulus::command(&Actor::of_customer(customer), command).through("bff-system")
}

/// What person `nr` asks before the market knows a customer.
fn ask<C: sycee_contract::Command>(nr: usize, command: C) -> Stimulus {
    Stimulus::command(&format!("guest:person-{nr}"), command).through("bff-system")
}

/// Digits in their natural order, so that phones sort like people; none ends like a channel's test number.
fn phone(nr: usize) -> Sensitive {
    Sensitive::new(format!("+23324{nr:07}"))
}
