//! Signatures: a password confirms one text of one loan for one customer, once, for five minutes.

use sycee_contract::{
    Actor, CheckSignature, ConfirmSignature, CustomerId, Identifier as _, LoanId, OtpPurpose, RequestOtp, SendOtp,
    Sensitive, SignedText,
};
use sycee_runtime::testing::Scene;

use crate::support::*;

fn text(loan: i64, hash: &str) -> SignedText {
    SignedText { loan: LoanId::from_number(loan), document_hash: hash.to_owned() }
}

fn request(phone: &str, signs: SignedText) -> RequestOtp {
    RequestOtp { purpose: OtpPurpose::Sign, signs: Some(signs), ..otp(phone) }
}

/// Asks for a password to sign a text, and answers the confirmation that uses it.
fn confirmation(scene: &mut Scene, customer: CustomerId, signs: SignedText) -> ConfirmSignature {
    let asked = scene.request_by(&Actor::of_customer(customer), request(PHONE, signs.clone()));
    let challenge = asked.unwrap().challenge;
    let code = scene.effects::<SendOtp>().remove(0).code;
    ConfirmSignature { customer, challenge, code, signs, device_id: "device-1".to_owned() }
}

#[test]
fn a_confirmed_signature_is_proved_for_its_text_alone() {
    each(|scene| {
        let customer = register(scene, PHONE);
        let other = register(scene, "+233200000001");
        let cmd = confirmation(scene, customer, text(7, "c0ffee"));
        let check = CheckSignature { customer, challenge: cmd.challenge, signs: cmd.signs.clone() };
        assert_eq!(scene.request(check.clone()).unwrap(), None, "not confirmed yet");
        scene.request(cmd.clone()).unwrap();
        let proof = scene.request(check.clone()).unwrap().unwrap();
        assert_eq!(proof.device_id, "device-1");
        for foreign in [
            CheckSignature { signs: text(8, "c0ffee"), ..check.clone() },
            CheckSignature { signs: text(7, "c0ffef"), ..check.clone() },
            CheckSignature { customer: other, ..check.clone() },
            CheckSignature { customer: crate::support::customer(99_999), ..check.clone() },
        ] {
            assert_eq!(scene.request(foreign).unwrap(), None);
        }
        assert_eq!(scene.request(cmd).unwrap_err().code, "OTP_EXPIRED", "a code works once");
        scene.advance_seconds(5 * 60 - 1);
        assert!(scene.request(check.clone()).unwrap().is_some());
        scene.advance_seconds(1);
        assert_eq!(scene.request(check).unwrap(), None, "a proof is worth as long as its password");
    });
}

#[test]
fn a_password_to_sign_goes_to_the_customer_who_asks() {
    each(|scene| {
        let ama = register(scene, PHONE);
        let kofi = register(scene, "+233200000001");
        let asked = request(PHONE, text(7, "c0ffee"));
        for actor in ["guest:device-1", "staff:ama", &Actor::of_customer(kofi)] {
            assert_eq!(scene.request_by(actor, asked.clone()).unwrap_err().code, "NOT_PERMITTED", "{actor}");
            assert!(scene.effects::<SendOtp>().is_empty());
        }
        for _ in 0..3 {
            scene.request_by("guest:device-1", RequestOtp { purpose: OtpPurpose::Login, ..otp(PHONE) }).unwrap();
        }
        scene.request_by(&Actor::of_customer(ama), asked).unwrap();
        assert_eq!(scene.effects::<SendOtp>().len(), 1, "other people's requests do not take the signer's passwords");
    });
}

#[test]
fn confirmations_that_are_refused() {
    each(|scene| {
        let customer = register(scene, PHONE);
        let other = register(scene, "+233200000001");
        let right = confirmation(scene, customer, text(7, "c0ffee"));
        let check = CheckSignature { customer, challenge: right.challenge, signs: right.signs.clone() };
        for wrong in [
            ConfirmSignature { code: Sensitive::new("000000x"), ..right.clone() },
            ConfirmSignature { signs: text(8, "c0ffee"), ..right.clone() },
            ConfirmSignature { signs: text(7, "other text"), ..right.clone() },
            ConfirmSignature { customer: other, ..right.clone() },
        ] {
            assert_eq!(scene.request(wrong).unwrap_err().code, "OTP_MISMATCH");
            assert_eq!(scene.request(check.clone()).unwrap(), None);
        }
        let nameless = ConfirmSignature { device_id: " ".to_owned(), ..right.clone() };
        assert_eq!(scene.request(nameless).unwrap_err().code, "INVALID_FIELD");
        scene.advance_seconds(5 * 60);
        assert_eq!(scene.request(right).unwrap_err().code, "OTP_EXPIRED");

        let long = RequestOtp { signs: Some(text(7, &"x".repeat(201))), ..request(PHONE, text(7, "c0ffee")) };
        let no_text = RequestOtp { signs: None, ..request(PHONE, text(7, "c0ffee")) };
        let no_purpose = RequestOtp { purpose: OtpPurpose::Login, ..request(PHONE, text(7, "c0ffee")) };
        for wrong in [long, no_text, no_purpose] {
            assert_eq!(scene.request(wrong).unwrap_err().code, "INVALID_FIELD");
        }
    });
}
