//! Customer center: proves that a phone is somebody's, registers customers, keeps their details.
//!
//! Invariant: a challenge is answered at most [`otp::ATTEMPTS_MAX`] times, and rightly at most once.
//! Invariant: nobody learns whether a phone is registered without answering its challenge.

mod details;
mod model;
pub mod otp;

use sycee_contract::{
    CheckBlacklist, CustomerRegistered, CustomerRegisteredAnswer, OtpIssued, OtpPurpose, RegisterCustomer, RequestOtp,
    SendOtp, Sensitive, UpdateCustomerDetails,
};
use sycee_runtime::{Handled, Json, Registry, Work};

pub use model::{Customer, CustomerAddress, CustomerEmployment, EmergencyContactRecord};
pub use otp::{OtpChallenge, OtpStatus, PhoneOtpWindow};

use crate::CustomerRejection;

/// Registers the customer center.
pub fn register(registry: &mut Registry) {
    registry
        .service("customer-center")
        .entity::<OtpChallenge>()
        .entity::<PhoneOtpWindow>()
        .entity::<Customer>()
        .entity::<CustomerEmployment>()
        .entity::<CustomerAddress>()
        .entity::<EmergencyContactRecord>()
        .handles::<RequestOtp>(request_otp)
        .handles::<RegisterCustomer>(register_customer)
        .handles::<UpdateCustomerDetails>(details::update_customer_details);
}

fn refuse_blacklisted(work: &mut Work, kind: &'static str, value: &str) -> Handled<()> {
    let listed = work.ask(CheckBlacklist { kind: kind.to_owned(), value: Sensitive::new(value) })?;
    if listed { Err(CustomerRejection::Blacklisted { kind }.into()) } else { Ok(()) }
}

fn request_otp(work: &mut Work, cmd: &RequestOtp) -> Handled<OtpIssued> {
    let phone = otp::parse_phone(&cmd.phone)?;
    refuse_blacklisted(work, "phone", phone)?;
    let (now, phone_index) = (work.now(), work.blind("phone", phone));
    let mut window =
        work.get::<PhoneOtpWindow>(phone_index)?.unwrap_or(PhoneOtpWindow { phone_index, sent: Json(Vec::new()) });
    window.take(now)?;
    work.save(window);

    let id = work.new_id();
    let code = otp::code(work, id);
    let challenge = OtpChallenge::issue(id, phone_index, cmd.purpose, otp::answer_index(work, id, &code), now);
    let expires_at = challenge.expires_at;
    work.save(challenge);
    work.effect(SendOtp { challenge: id.to_string(), phone: cmd.phone.clone(), code: Sensitive::new(code) });
    Ok(OtpIssued { challenge: id, expires_at })
}

fn register_customer(work: &mut Work, cmd: &RegisterCustomer) -> Handled<CustomerRegisteredAnswer> {
    let phone = otp::parse_phone(&cmd.phone)?;
    model::check_device(&cmd.device)?;
    model::check_language(&cmd.language)?;
    let phone_index = work.blind("phone", phone);
    let answer = otp::answer_index(work, cmd.challenge, cmd.code.reveal());
    let mut challenge = work.require::<OtpChallenge>(cmd.challenge)?;
    let answered = challenge.answer(phone_index, OtpPurpose::Register, answer, work.now());
    work.save_even_if_refused(challenge);
    answered?;
    if work.find_one(Customer::by_phone(phone_index))?.is_some() {
        return Err(CustomerRejection::PhoneAlreadyRegistered.into());
    }
    refuse_blacklisted(work, "phone", phone)?;
    refuse_blacklisted(work, "device", &cmd.device.device_id)?;

    let id = work.new_id();
    work.about(id);
    let registered_at = work.now();
    work.save(Customer {
        id,
        phone: cmd.phone.clone(),
        phone_index,
        device_id: cmd.device.device_id.clone(),
        platform: cmd.device.platform.clone(),
        channel: cmd.device.channel.clone(),
        language: cmd.language.clone(),
        attributes: Json::default(),
        registered_at,
    });
    let market = work.market().id.to_string();
    work.emit(CustomerRegistered {
        customer: id,
        market,
        channel: cmd.device.channel.clone(),
        device_id: cmd.device.device_id.clone(),
        language: cmd.language.clone(),
    });
    Ok(CustomerRegisteredAnswer { customer: id })
}
