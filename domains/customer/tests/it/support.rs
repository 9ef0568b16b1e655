//! Messages that the tests share.

use std::collections::BTreeMap;

use sycee_contract::{
    CheckBlacklist, CheckCustomerBlacklist, CustomerId, CustomerRegistered, Device, Identifier as _, KycCaseId,
    OtpPurpose, RecordKycResult, RegisterCustomer, RequestOtp, SendOtp, Sensitive, SubmitKyc, UpdateCustomerDetails,
};
use sycee_customer::{ConsentPolicy, KycPolicy, SessionPolicy};
use sycee_runtime::testing::Scene;
use sycee_runtime::{Configs, Registry};

pub const PHONE: &str = "+233201234567";
pub const DOCUMENT: &str = "GHA-000000001-1";
pub const BLACKLISTED: &str = "blacklisted";

/// Runs `body` with the customer domain; the blacklist holds [`BLACKLISTED`], and phones and numbers that end in 666.
pub fn each(body: impl Fn(&mut Scene)) {
    each_of(sycee_customer::register, body);
}

/// As [`each`], with other services beside the customer domain's.
pub fn each_of(register: impl Fn(&mut Registry), body: impl Fn(&mut Scene)) {
    let configs =
        Configs::new().with(KycPolicy::default()).with(ConsentPolicy::default()).with(SessionPolicy::default());
    Scene::each(register, configs, |scene| {
        scene.answers::<CheckBlacklist>(|query| {
            let value = query.value.reveal();
            Ok(value == BLACKLISTED || value.ends_with("666"))
        });
        scene.answers::<CheckCustomerBlacklist>(|_| Ok(Vec::new()));
        body(scene);
    });
}

pub fn otp(phone: &str) -> RequestOtp {
    RequestOtp { phone: Sensitive::new(phone), purpose: OtpPurpose::Register, signs: None }
}

/// Asks for a password and answers the registration that uses it.
pub fn registration(scene: &mut Scene, phone: &str) -> RegisterCustomer {
    let issued = scene.request(otp(phone)).unwrap();
    let sms = scene.effects::<SendOtp>().remove(0);
    RegisterCustomer {
        phone: Sensitive::new(phone),
        challenge: issued.challenge,
        code: sms.code,
        device: Device {
            device_id: "device-1".to_owned(),
            platform: "Android 14".to_owned(),
            channel: "organic".to_owned(),
        },
        language: "en-GH".to_owned(),
    }
}

pub fn register(scene: &mut Scene, phone: &str) -> CustomerId {
    let cmd = registration(scene, phone);
    scene.request(cmd).unwrap().customer
}

pub fn customer(number: i64) -> CustomerId {
    CustomerId::from_number(number)
}

pub fn registered(customer: CustomerId) -> CustomerRegistered {
    CustomerRegistered {
        customer,
        market: "gh".to_owned(),
        channel: "organic".to_owned(),
        device_id: "device-1".to_owned(),
        platform: "Android 14".to_owned(),
        phone_index: String::new(),
        language: "en-GH".to_owned(),
    }
}

pub fn documents(customer: CustomerId, number: &str) -> SubmitKyc {
    SubmitKyc {
        customer,
        document_type: "ghana-card".to_owned(),
        document_number: Sensitive::new(number),
        full_name: Sensitive::new("Ama Mensah"),
        birth_date: Sensitive::new("1994-03-31"),
        document_image: "kyc/1/front.jpg".to_owned(),
        liveness_video: "kyc/1/selfie.mp4".to_owned(),
    }
}

pub fn kyc_answer(case: KycCaseId, ocr: u32, liveness: u32) -> RecordKycResult {
    RecordKycResult {
        case,
        ocr_confidence_bps: ocr,
        liveness_score_bps: liveness,
        register_match: true,
        provider_reference: format!("ref-{ocr}-{liveness}"),
    }
}

/// Registers a customer and lets the provider answer with these scores.
pub fn identified(scene: &mut Scene, phone: &str, document: &str, ocr: u32, liveness: u32) -> CustomerId {
    let customer = register(scene, phone);
    let case = scene.request(documents(customer, document)).unwrap().case;
    scene.fact(kyc_answer(case, ocr, liveness));
    customer
}

pub fn update(customer: CustomerId) -> UpdateCustomerDetails {
    UpdateCustomerDetails {
        customer,
        employment: None,
        address: None,
        emergency_contacts: None,
        attributes: BTreeMap::new(),
    }
}
