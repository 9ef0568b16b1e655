//! Customer center: proves that a phone is somebody's, registers customers, keeps their details.
//!
//! Invariant: a challenge is answered at most [`otp::ATTEMPTS_MAX`] times, and rightly at most once.
//! Invariant: nobody learns whether a phone is registered, or listed, without answering its challenge.
//! Invariant: a session belongs to one customer and one device, and ends at its time at the latest, or when the customer is
//! put on the blacklist.

mod details;
mod model;
pub mod otp;
mod session;
mod signature;

use sycee_contract::{
    Actor, BlacklistEntryAdded, CheckBlacklist, CheckCustomerBlacklist, CheckSession, CheckSignature, ConfirmSignature,
    CustomerDetailsUpdated, CustomerLoggedIn, CustomerRegistered, DecideKycReview, KycCompleted, KycVerdict, LINE_MAX,
    LogIn, LogOut, NAME_MAX, OtpIssued, OtpPurpose, QueryKycCase, RegisterCustomer, Rejection, RequestOtp, SendOtp,
    Sensitive, SessionOpened, UpdateCustomerDetails, check_text,
};
use sycee_runtime::{Handled, Json, Registry, Work};

pub use model::{Customer, CustomerAddress, CustomerEmployment, EmergencyContactRecord};
pub use otp::{OtpChallenge, OtpStatus, PhoneOtpWindow};
pub use session::{Session, SessionPolicy};

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
        .entity::<Session>()
        .handles::<RequestOtp>(request_otp)
        .handles::<RegisterCustomer>(register_customer)
        .handles::<LogIn>(session::log_in)
        .handles::<LogOut>(session::log_out)
        .handles::<CheckSession>(session::check_session)
        .handles::<ConfirmSignature>(signature::confirm_signature)
        .handles::<CheckSignature>(signature::check_signature)
        .handles::<UpdateCustomerDetails>(details::update_customer_details)
        .handles::<DecideKycReview>(decide_kyc_review)
        .on::<BlacklistEntryAdded>(session::end_of_listed)
        .emits::<CustomerDetailsUpdated>()
        .emits::<CustomerRegistered>()
        .emits::<KycCompleted>()
        .sends::<CheckBlacklist>()
        .sends::<QueryKycCase>()
        .emits::<CustomerLoggedIn>()
        .sends::<CheckCustomerBlacklist>();
}

fn is_listed(work: &mut Work, kind: &str, value: &str) -> Handled<bool> {
    work.ask(CheckBlacklist { kind: kind.to_owned(), value: Sensitive::new(value) })
}

fn refuse_blacklisted(work: &mut Work, kind: &'static str, value: &str) -> Handled<()> {
    if is_listed(work, kind, value)? { Err(CustomerRejection::Blacklisted { kind }.into()) } else { Ok(()) }
}

fn request_otp(work: &mut Work, cmd: &RequestOtp) -> Handled<OtpIssued> {
    let phone = otp::parse_phone(&cmd.phone)?;
    if cmd.signs.is_some() != (cmd.purpose == OtpPurpose::Sign) {
        return Err(Rejection::invalid("signs", "the contract for purpose sign, nothing for another", "null").into());
    }
    if let Some(signs) = &cmd.signs {
        check_text("signs.documentHash", &signs.document_hash, LINE_MAX, "9f86d081884c7d65")?;
    }
    let (now, phone_index) = (work.now(), work.blind("phone", phone));
    let owner = work.find_one(Customer::by_phone(phone_index))?.map(|customer| customer.id);
    if let Some(owner) = owner {
        work.about(owner);
    }
    if cmd.purpose == OtpPurpose::Sign && owner.map(Actor::Customer) != Some(Actor::parse(work.actor())) {
        let text =
            "a password to sign goes to the phone of the customer who has logged in: log in, and name that phone";
        return Err(Rejection::new("NOT_PERMITTED", text).into());
    }
    let mut window = otp::window(work, phone_index, cmd.purpose)?;
    window.take(now)?;
    work.save(window);

    let id = work.new_id();
    let code = otp::code(work, id);
    let answer = otp::answer_index(work, id, &code, cmd.signs.as_ref());
    let mut challenge = OtpChallenge::issue(id, phone_index, cmd.purpose, answer, now);
    challenge.signs = cmd.signs.as_ref().map(|signs| otp::signs_index(work, signs));
    let expires_at = challenge.expires_at;
    work.save(challenge);
    // Whoever asks for a listed phone hears the same, and proves nothing.
    if !is_listed(work, "phone", phone)? {
        work.effect(SendOtp { challenge: id.to_string(), phone: cmd.phone.clone(), code: Sensitive::new(code) });
    }
    Ok(OtpIssued { challenge: id, expires_at })
}

fn register_customer(work: &mut Work, cmd: &RegisterCustomer) -> Handled<SessionOpened> {
    let phone = otp::parse_phone(&cmd.phone)?;
    model::check_device(&cmd.device)?;
    model::check_language(&cmd.language)?;
    let phone_index = work.blind("phone", phone);
    let purpose = OtpPurpose::Register;
    otp::answer(
        work,
        cmd.challenge,
        &otp::Given { phone_index, purpose, code: &cmd.code, signs: None, device_id: None },
    )?;
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
        platform: cmd.device.platform.clone(),
        phone_index: phone_index.to_hex(),
        language: cmd.language.clone(),
    });
    Ok(session::open(work, id, &cmd.device))
}

/// A person decides what the provider left open.
fn decide_kyc_review(work: &mut Work, cmd: &DecideKycReview) -> Handled<()> {
    if cmd.verdict == KycVerdict::Review {
        return Err(Rejection::invalid("verdict", "passed or failed", "passed").into());
    }
    check_text("reason", &cmd.reason, NAME_MAX, "DOCUMENT_SEEN")?;
    let case = work.ask(QueryKycCase { case: cmd.case })?;
    if case.verdict != Some(KycVerdict::Review) {
        let state = case.verdict.map_or("checking", KycVerdict::name);
        return Err(Rejection::unexpected_state("KYC case", cmd.case, state, "a case in review").into());
    }
    work.about(case.customer);
    work.emit(KycCompleted {
        customer: case.customer,
        case: cmd.case,
        verdict: cmd.verdict,
        reasons: vec![cmd.reason.clone()],
    });
    Ok(())
}
