//! One-time passwords, registration, details.

use sycee_contract::{
    Address, CustomerDetailsUpdated, CustomerRegistered, EmergencyContact, Employment, Identifier as _, OtpChallengeId,
    OtpPurpose, RegisterCustomer, RequestOtp, SendOtp, Sensitive, UpdateCustomerDetails,
};
use sycee_customer::customer_center::{
    Customer, CustomerAddress, CustomerEmployment, EmergencyContactRecord, OtpChallenge, OtpStatus,
};

use crate::support::*;

#[test]
fn a_password_goes_to_the_phone_and_is_not_kept() {
    each(|scene| {
        let issued = scene.request(otp(PHONE)).unwrap();
        let sms = scene.effects::<SendOtp>();
        assert_eq!(sms.len(), 1);
        assert_eq!((sms[0].phone.reveal(), sms[0].challenge.clone()), (PHONE, issued.challenge.to_string()));
        let code = sms[0].code.reveal();
        assert!(code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()), "{code}");
        let kept = scene.load::<OtpChallenge>(issued.challenge).unwrap();
        assert_eq!((kept.status, kept.attempts, kept.expires_at), (OtpStatus::Open, 0, issued.expires_at));
        assert!(!format!("{kept:?}").contains(code));
    });
}

#[test]
fn three_passwords_in_fifteen_minutes() {
    each(|scene| {
        for _ in 0..3 {
            scene.request(otp(PHONE)).unwrap();
        }
        let refusal = scene.request(otp(PHONE)).unwrap_err();
        assert_eq!(refusal.code, "OTP_RATE_LIMITED");
        assert!(refusal.details.contains_key("retryAt"));
        assert!(scene.effects::<SendOtp>().is_empty());
        scene.request(otp("+233200000001")).unwrap();
        scene.advance_seconds(15 * 60);
        scene.request(otp(PHONE)).unwrap();
    });
}

#[test]
fn phones_that_may_not_have_a_password() {
    each(|scene| {
        for phone in ["0201234567", "+233 20 1234567"] {
            let refusal = scene.request(otp(phone)).unwrap_err();
            assert_eq!(refusal.code, "INVALID_FIELD", "{refusal}");
            assert!(!refusal.to_string().contains(phone), "no personal data in a refusal");
            assert!(scene.effects::<SendOtp>().is_empty());
        }
    });
}

#[test]
fn a_listed_phone_is_answered_like_any_other_and_sent_nothing() {
    each(|scene| {
        let listed = "+233200000666";
        for nr in 0..3 {
            let issued = scene.request(otp(listed)).unwrap();
            assert!(scene.effects::<SendOtp>().is_empty(), "password {nr}");
            let cmd = RegisterCustomer {
                phone: Sensitive::new(listed),
                challenge: issued.challenge,
                code: Sensitive::new("guess"),
                ..registration(scene, &format!("+23320000100{nr}"))
            };
            assert_eq!(scene.request(cmd).unwrap_err().code, "OTP_MISMATCH");
        }
        assert_eq!(scene.request(otp(listed)).unwrap_err().code, "OTP_RATE_LIMITED");
    });
}

#[test]
fn who_names_another_phone_costs_its_owner_nothing() {
    each(|scene| {
        let right = registration(scene, PHONE);
        for phone in (0..20).map(|nr| format!("+2332000000{nr:02}")) {
            let stranger = RegisterCustomer { phone: Sensitive::new(phone), ..right.clone() };
            let refusal = scene.request(stranger).unwrap_err();
            assert_eq!((refusal.code.as_str(), refusal.details.get("attemptsLeft")), ("OTP_MISMATCH", None));
        }
        assert_eq!(scene.load::<OtpChallenge>(right.challenge).unwrap().attempts, 0);
        scene.request(right).unwrap();
    });
}

#[test]
fn ten_wrong_answers_a_day() {
    each(|scene| {
        for _ in 0..2 {
            let right = registration(scene, PHONE);
            for _ in 0..5 {
                let wrong = RegisterCustomer { code: Sensitive::new("not it"), ..right.clone() };
                assert_eq!(scene.request(wrong).unwrap_err().code, "OTP_MISMATCH");
            }
        }
        let right = registration(scene, PHONE);
        let refusal = scene.request(right).unwrap_err();
        assert_eq!(refusal.code, "OTP_ANSWERS_EXCEEDED");
        assert_eq!(refusal.details["retryAt"], scene.now().plus_days(1).to_string());
        scene.advance_seconds(24 * 3_600);
        register(scene, PHONE);
    });
}

#[test]
fn a_right_answer_registers() {
    each(|scene| {
        let cmd = registration(scene, PHONE);
        let id = scene.request(cmd.clone()).unwrap().customer;
        assert_eq!(
            scene.emitted::<CustomerRegistered>(),
            [CustomerRegistered { market: scene_market(scene), phone_index: phone_index(scene), ..registered(id) }]
        );
        let kept = scene.load::<Customer>(id).unwrap();
        assert_eq!((kept.phone.reveal(), kept.channel.as_str()), (PHONE, "organic"));
        assert_eq!(scene.load::<OtpChallenge>(cmd.challenge).unwrap().status, OtpStatus::Used);
        assert_eq!(scene.request(cmd).unwrap_err().code, "OTP_EXPIRED", "a code works once");
    });
}

fn phone_index(scene: &mut sycee_runtime::testing::Scene) -> String {
    let index = scene.emitted::<CustomerRegistered>()[0].phone_index.clone();
    assert!(index.len() == 32 && !index.contains(&PHONE[1..]), "{index}");
    index
}

fn scene_market(scene: &mut sycee_runtime::testing::Scene) -> String {
    scene.emitted::<CustomerRegistered>()[0].market.clone()
}

#[test]
fn a_wrong_answer_costs_an_attempt_that_survives_the_refusal() {
    each(|scene| {
        let right = registration(scene, PHONE);
        let wrong = RegisterCustomer { code: Sensitive::new("not it"), ..right.clone() };
        for attempts in 1..=5 {
            let refusal = scene.request(wrong.clone()).unwrap_err();
            assert_eq!(
                (refusal.code.as_str(), refusal.details["attemptsLeft"].clone()),
                ("OTP_MISMATCH", (5 - attempts).to_string())
            );
            assert_eq!(scene.load::<OtpChallenge>(right.challenge).unwrap().attempts, attempts);
        }
        assert_eq!(scene.request(right).unwrap_err().code, "OTP_ATTEMPTS_EXCEEDED");
        assert!(scene.emitted::<CustomerRegistered>().is_empty());
    });
}

#[test]
fn answers_that_do_not_register() {
    each(|scene| {
        let right = registration(scene, PHONE);
        let other = registration(scene, "+233200000001");
        let login = scene.request(RequestOtp { purpose: OtpPurpose::Login, ..otp(PHONE) }).unwrap().challenge;
        let login_code = scene.effects::<SendOtp>().remove(0).code;
        let mut no_device = right.clone();
        no_device.device.device_id = " ".to_owned();
        for (cmd, code) in [
            (RegisterCustomer { phone: Sensitive::new("12"), ..right.clone() }, "INVALID_FIELD"),
            (no_device, "INVALID_FIELD"),
            (RegisterCustomer { language: String::new(), ..right.clone() }, "INVALID_FIELD"),
            (RegisterCustomer { language: "en-".repeat(12) + "GH", ..right.clone() }, "INVALID_FIELD"),
            (RegisterCustomer { challenge: OtpChallengeId::from_number(99_999), ..right.clone() }, "NOT_FOUND"),
            (RegisterCustomer { challenge: other.challenge, code: other.code, ..right.clone() }, "OTP_MISMATCH"),
            (RegisterCustomer { challenge: login, code: login_code, ..right.clone() }, "OTP_MISMATCH"),
        ] {
            let refusal = scene.request(cmd).unwrap_err();
            assert_eq!(refusal.code, code, "{refusal}");
            assert!(scene.emitted::<CustomerRegistered>().is_empty());
        }
        scene.advance_seconds(5 * 60);
        assert_eq!(scene.request(right).unwrap_err().code, "OTP_EXPIRED");
    });
}

#[test]
fn one_customer_a_phone_and_no_blacklisted_device() {
    each(|scene| {
        register(scene, PHONE);
        let again = registration(scene, PHONE);
        assert_eq!(scene.request(again).unwrap_err().code, "PHONE_ALREADY_REGISTERED");
        let mut cmd = registration(scene, "+233200000001");
        cmd.device.device_id = BLACKLISTED.to_owned();
        let refusal = scene.request(cmd).unwrap_err();
        assert_eq!((refusal.code.as_str(), refusal.details["kind"].as_str()), ("BLACKLISTED", "device"));
        assert!(scene.emitted::<CustomerRegistered>().is_empty());
    });
}

fn full_update(customer: sycee_contract::CustomerId) -> UpdateCustomerDetails {
    let contact = |name: &str, phone: &str| EmergencyContact {
        name: Sensitive::new(name),
        phone: Sensitive::new(phone),
        relation: "sister".to_owned(),
    };
    UpdateCustomerDetails {
        employment: Some(Employment {
            employer: Sensitive::new("Makola Traders"),
            job: "skilled".to_owned(),
            since: None,
        }),
        address: Some(Address {
            line: Sensitive::new("GA-123-4567"),
            city: "Accra".to_owned(),
            country: "GH".to_owned(),
        }),
        emergency_contacts: Some(vec![contact("Esi", "+233200000002"), contact("Abena", "+233200000003")]),
        attributes: [("housing".to_owned(), "own".to_owned())].into(),
        ..update(customer)
    }
}

fn contacts(cmd: &mut UpdateCustomerDetails) -> &mut Vec<EmergencyContact> {
    cmd.emergency_contacts.as_mut().unwrap()
}

#[test]
fn details_are_kept_and_attributes_are_told() {
    each(|scene| {
        let id = register(scene, PHONE);
        scene.request(full_update(id)).unwrap();
        assert_eq!(scene.load::<CustomerEmployment>(id).unwrap().employer.reveal(), "Makola Traders");
        assert_eq!(scene.load::<CustomerAddress>(id).unwrap().line.reveal(), "GA-123-4567");
        assert_eq!(scene.load::<EmergencyContactRecord>((id, 2)).unwrap().name.reveal(), "Abena");

        let mut second = full_update(id);
        contacts(&mut second).truncate(1);
        second.attributes = [("age_in_years".to_owned(), "32".to_owned())].into();
        scene.request(second).unwrap();
        assert_eq!(scene.load::<EmergencyContactRecord>((id, 2)), None);
        let told = scene.emitted::<CustomerDetailsUpdated>().remove(0).attributes;
        let all = [("age_in_years", "32"), ("housing", "own")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(told, all.into());

        scene.request(update(id)).unwrap();
        assert_eq!(scene.all::<EmergencyContactRecord>().len(), 1, "what is not named stays");
        let emptied = UpdateCustomerDetails { emergency_contacts: Some(Vec::new()), ..update(id) };
        scene.request(emptied).unwrap();
        assert!(scene.all::<EmergencyContactRecord>().is_empty());
        assert_eq!(scene.emitted::<CustomerDetailsUpdated>()[0].known.emergency_contacts, Some(0));
    });
}

#[test]
fn details_that_break_a_rule_change_nothing() {
    each(|scene| {
        let id = register(scene, PHONE);
        let good = full_update(id);
        let mut country = good.clone();
        country.address.as_mut().unwrap().country = "Ghana".to_owned();
        let mut phone = good.clone();
        contacts(&mut phone)[1].phone = Sensitive::new("020");
        let mut own = good.clone();
        contacts(&mut own)[1].phone = Sensitive::new(PHONE);
        let mut many = good.clone();
        let sister = contacts(&mut many)[0].clone();
        many.emergency_contacts = Some(vec![sister; 6]);
        let mut name = good.clone();
        name.attributes.insert("Housing!".to_owned(), "own".to_owned());
        let mut value = good.clone();
        value.attributes.insert("housing".to_owned(), "x".repeat(201));
        let mut flood = good;
        flood.attributes = (0..65).map(|nr| (format!("a{nr}"), "1".to_owned())).collect();
        let mut long = full_update(id);
        long.address.as_mut().unwrap().city = "x".repeat(81);
        let mut relation = full_update(id);
        contacts(&mut relation)[0].relation = String::new();
        let nobody = full_update(customer(99_999));
        for (cmd, code) in [
            (country, "INVALID_FIELD"),
            (phone, "INVALID_FIELD"),
            (own, "INVALID_FIELD"),
            (many, "INVALID_FIELD"),
            (name, "INVALID_FIELD"),
            (value, "INVALID_FIELD"),
            (flood, "INVALID_FIELD"),
            (long, "INVALID_FIELD"),
            (relation, "INVALID_FIELD"),
            (nobody, "NOT_FOUND"),
        ] {
            assert_eq!(scene.request(cmd).unwrap_err().code, code);
            assert!(scene.emitted::<CustomerDetailsUpdated>().is_empty());
            assert_eq!(scene.load::<CustomerAddress>(id), None);
        }
    });
}
