//! Logging in and out: who may, on which device, how long.

use sycee_contract::{
    BlacklistEntryAdded, CheckCustomerBlacklist, CheckSession, CustomerLoggedIn, Device, Identifier as _, LogIn,
    LogOut, OtpPurpose, RequestOtp, SendOtp, Sensitive, SessionId,
};
use sycee_customer::SessionPolicy;
use sycee_customer::customer_center::Session;
use sycee_runtime::storage::{ColumnKind, Value, collect};
use sycee_runtime::testing::Scene;

use crate::support::*;

/// Asks for a password of a purpose and answers the login that uses it.
fn login(scene: &mut Scene, phone: &str, purpose: OtpPurpose, device: &str) -> LogIn {
    let issued = scene.request(RequestOtp { purpose, ..otp(phone) }).unwrap();
    let code = scene.effects::<SendOtp>().remove(0).code;
    let device =
        Device { device_id: device.to_owned(), platform: "Android 15".to_owned(), channel: "referral".to_owned() };
    LogIn { phone: Sensitive::new(phone), challenge: issued.challenge, code, device }
}

#[test]
fn a_right_answer_logs_in_until_the_session_ends() {
    each(|scene| {
        let customer = register(scene, PHONE);
        let at_registration = scene.emitted::<CustomerLoggedIn>().remove(0);
        assert_eq!((at_registration.customer, at_registration.device_id.as_str()), (customer, "device-1"));
        let cmd = login(scene, PHONE, OtpPurpose::Login, "device-2");
        let opened = scene.request(cmd.clone()).unwrap();
        assert_eq!(opened.customer, customer);
        let told = scene.emitted::<CustomerLoggedIn>().remove(0);
        assert_eq!(
            (told.session, told.device_id.as_str(), told.channel.as_str()),
            (opened.session, "device-2", "referral")
        );
        let kept = scene.load::<Session>(opened.session).unwrap();
        assert_eq!(
            (kept.customer, kept.expires_at, kept.platform.as_str()),
            (customer, opened.expires_at, "Android 15")
        );
        assert_eq!(scene.request(cmd).unwrap_err().code, "OTP_EXPIRED", "a code works once");

        let check = CheckSession { customer, session: opened.session };
        assert!(scene.request(check.clone()).unwrap());
        let stranger = crate::support::customer(99_999);
        assert!(!scene.request(CheckSession { customer: stranger, ..check }).unwrap());
        scene.request(LogOut { customer: stranger, session: opened.session }).unwrap();
        assert!(scene.request(check.clone()).unwrap(), "nobody else ends it");
        scene.advance_seconds(i64::from(SessionPolicy::default().valid_hours) * 3_600 - 1);
        assert!(scene.request(check.clone()).unwrap());
        scene.advance_seconds(1);
        assert!(!scene.request(check).unwrap());
    });
}

#[test]
fn who_logs_out_is_out() {
    each(|scene| {
        let customer = register(scene, PHONE);
        let session = scene.emitted::<CustomerLoggedIn>()[0].session;
        for _ in 0..2 {
            scene.request(LogOut { customer, session }).unwrap();
            assert!(!scene.request(CheckSession { customer, session }).unwrap());
        }
        assert_eq!(scene.load::<Session>(session), None);
    });
}

#[test]
fn logins_that_are_refused() {
    each(|scene| {
        let customer = register(scene, PHONE);
        for (cmd, code) in [
            (login(scene, "+233200000001", OtpPurpose::Login, "device-1"), "PHONE_NOT_REGISTERED"),
            (login(scene, PHONE, OtpPurpose::Register, "device-1"), "OTP_MISMATCH"),
            (login(scene, PHONE, OtpPurpose::Login, BLACKLISTED), "BLACKLISTED"),
        ] {
            let refusal = scene.request(cmd).unwrap_err();
            assert_eq!(refusal.code, code, "{refusal}");
            assert!(scene.emitted::<CustomerLoggedIn>().is_empty());
        }
        scene.advance_seconds(15 * 60);
        let right = login(scene, PHONE, OtpPurpose::Login, "device-1");
        for attempts_left in (0..5).rev() {
            let refusal = scene.request(LogIn { code: Sensitive::new("not it"), ..right.clone() }).unwrap_err();
            assert_eq!(
                (refusal.code.as_str(), refusal.details["attemptsLeft"].clone()),
                ("OTP_MISMATCH", attempts_left.to_string())
            );
        }
        assert_eq!(scene.request(right).unwrap_err().code, "OTP_ATTEMPTS_EXCEEDED");
        let late = login(scene, PHONE, OtpPurpose::Login, "device-1");
        let blocked = login(scene, PHONE, OtpPurpose::Login, "device-1");
        scene.answers::<CheckCustomerBlacklist>(move |asked| {
            assert_eq!(asked.customer, customer);
            Ok(vec!["document".to_owned()])
        });
        assert_eq!(scene.request(blocked).unwrap_err().code, "BLACKLISTED");
        scene.advance_seconds(5 * 60);
        assert_eq!(scene.request(late).unwrap_err().code, "OTP_EXPIRED");
        let fourth = scene.request(RequestOtp { purpose: OtpPurpose::Login, ..otp(PHONE) });
        assert_eq!(fourth.unwrap_err().code, "OTP_RATE_LIMITED");
        scene.request(otp(PHONE)).unwrap();
    });
}

#[test]
fn who_is_listed_is_logged_out_everywhere() {
    each(|scene| {
        let (ama, kofi) = (register(scene, PHONE), register(scene, "+233200000001"));
        let cmd = login(scene, PHONE, OtpPurpose::Login, "device-2");
        let second = scene.request(cmd).unwrap().session;
        let listed =
            |customers| BlacklistEntryAdded { kind: "phone".to_owned(), reason: "FRAUD".to_owned(), customers };
        scene.happened(listed(vec![customer(99_999)]));
        assert!(scene.request(CheckSession { customer: ama, session: second }).unwrap());
        scene.happened(listed(vec![ama]));
        let left: Vec<_> = scene.all::<Session>().iter().map(|session| session.customer).collect();
        assert_eq!(left, [kofi]);
        assert!(!scene.request(CheckSession { customer: ama, session: second }).unwrap());
    });
}

/// Under whose key the newest lines of the log are sealed, oldest first.
fn sealed_for(scene: &mut Scene, lines: usize) -> Vec<Option<i64>> {
    let sql = "SELECT subject FROM message_log ORDER BY id";
    let rows = collect(scene.writer().reader(), sql, &[], &[ColumnKind::Int]).unwrap();
    let subjects = rows.iter().map(|row| if let Value::Int(subject) = row[0] { Some(subject) } else { None });
    subjects.collect::<Vec<_>>().split_off(rows.len() - lines)
}

#[test]
fn what_a_known_phone_asks_for_is_sealed_under_its_owners_key() {
    each(|scene| {
        let ama = register(scene, PHONE);
        let cmd = login(scene, PHONE, OtpPurpose::Login, "device-2");
        scene.request(LogIn { code: Sensitive::new("not it"), ..cmd }).unwrap_err();
        scene.request(otp("+233200000001")).unwrap();
        assert_eq!(sealed_for(scene, 3), [Some(ama.number()), Some(ama.number()), None]);
    });
}

#[test]
fn the_oldest_session_makes_room() {
    each(|scene| {
        let customer = register(scene, PHONE);
        let mut sessions: Vec<SessionId> = vec![scene.emitted::<CustomerLoggedIn>()[0].session];
        for nr in 0..SessionPolicy::default().per_customer_max {
            scene.advance_seconds(15 * 60);
            let cmd = login(scene, PHONE, OtpPurpose::Login, &format!("device-{nr}"));
            sessions.push(scene.request(cmd).unwrap().session);
        }
        let open: Vec<bool> = sessions
            .iter()
            .map(|session| scene.request(CheckSession { customer, session: *session }).unwrap())
            .collect();
        assert_eq!(open, [false, true, true, true]);
    });
}
