//! Consents: granted, complete, withdrawn.

use sycee_contract::{
    ConsentGranted, ConsentKind, ConsentRevoked, CustomerId, GrantConsent, KycCompleted, KycVerdict, RevokeConsent,
};
use sycee_customer::authorization_center::Consent;

use crate::support::*;

fn grant(customer: CustomerId, kinds: &[ConsentKind], version: &str) -> GrantConsent {
    GrantConsent { customer, kinds: kinds.to_vec(), notice_version: version.to_owned() }
}

#[test]
fn consent_is_complete_with_bureau_and_privacy() {
    each(|scene| {
        let id = identified(scene, PHONE, DOCUMENT, 9_900, 9_900);
        for (kinds, complete) in [
            (&[ConsentKind::Marketing][..], false),
            (&[ConsentKind::Bureau], false),
            (&[ConsentKind::Privacy, ConsentKind::Gps], true),
        ] {
            scene.request(grant(id, kinds, "2026-01")).unwrap();
            let told = scene.emitted::<ConsentGranted>().remove(0);
            assert_eq!((told.kinds.as_slice(), told.complete), (kinds, complete));
            assert_eq!((told.kyc_verdict, told.notice_version.as_str()), (Some(KycVerdict::Passed), "2026-01"));
        }
        scene.request(grant(id, &[ConsentKind::Privacy], "2026-01")).unwrap();
        assert!(scene.emitted::<ConsentGranted>().is_empty(), "granted already");
        scene.request(grant(id, &[ConsentKind::Privacy], "2026-02")).unwrap();
        assert!(scene.emitted::<ConsentGranted>()[0].complete);
    });
}

#[test]
fn what_cannot_be_granted_or_withdrawn() {
    each(|scene| {
        let id = register(scene, PHONE);
        let refusal = scene.request(grant(id, &[ConsentKind::Bureau], "2026-01")).unwrap_err();
        assert_eq!(refusal.code, "KYC_NOT_COMPLETED");
        for (cmd, code) in [
            (grant(id, &[], "2026-01"), "INVALID_FIELD"),
            (grant(id, &[ConsentKind::Bureau], " "), "INVALID_FIELD"),
            (grant(id, &[ConsentKind::Bureau, ConsentKind::Bureau], "2026-01"), "INVALID_FIELD"),
        ] {
            assert_eq!(scene.request(cmd).unwrap_err().code, code);
            assert!(scene.emitted::<ConsentGranted>().is_empty());
        }
        for (kinds, code) in [
            (vec![], "INVALID_FIELD"),
            (vec![ConsentKind::Bureau; 2], "INVALID_FIELD"),
            (vec![ConsentKind::Bureau], "NOT_FOUND"),
        ] {
            assert_eq!(scene.request(RevokeConsent { customer: id, kinds }).unwrap_err().code, code);
            assert!(scene.emitted::<ConsentRevoked>().is_empty());
        }
        assert_eq!(scene.load::<Consent>((id, ConsentKind::Bureau)), None);
    });
}

#[test]
fn a_withdrawal_is_told_once_and_keeps_the_record() {
    each(|scene| {
        let id = identified(scene, PHONE, DOCUMENT, 9_900, 9_900);
        scene.request(grant(id, &[ConsentKind::Bureau, ConsentKind::Privacy], "2026-01")).unwrap();
        let withdraw = RevokeConsent { customer: id, kinds: vec![ConsentKind::Bureau, ConsentKind::Marketing] };
        scene.request(withdraw.clone()).unwrap();
        let told = scene.emitted::<ConsentRevoked>().remove(0);
        assert_eq!((told.kinds, told.complete), (vec![ConsentKind::Bureau], false));
        let kept = scene.load::<Consent>((id, ConsentKind::Bureau)).unwrap();
        assert!(!kept.in_force() && kept.notice_version == "2026-01");
        scene.request(withdraw).unwrap();
        assert!(scene.emitted::<ConsentRevoked>().is_empty());

        scene.request(grant(id, &[ConsentKind::Marketing], "2026-01")).unwrap();
        assert!(!scene.emitted::<ConsentGranted>()[0].complete);
        scene.request(grant(id, &[ConsentKind::Bureau], "2026-01")).unwrap();
        assert!(scene.emitted::<ConsentGranted>()[0].complete);
        scene.request(RevokeConsent { customer: id, kinds: vec![ConsentKind::Marketing] }).unwrap();
        assert!(scene.emitted::<ConsentRevoked>()[0].complete, "marketing is not needed to borrow");
    });
}

#[test]
fn a_late_verdict_is_told_to_whoever_waits_for_consent() {
    each(|scene| {
        let id = identified(scene, PHONE, DOCUMENT, 7_000, 9_900);
        let case = scene.emitted::<KycCompleted>()[0].case;
        scene.request(grant(id, &[ConsentKind::Bureau, ConsentKind::Privacy], "2026-01")).unwrap();
        assert_eq!(scene.emitted::<ConsentGranted>()[0].kyc_verdict, Some(KycVerdict::Review));
        scene.fact(kyc_answer(case, 9_900, 9_900));
        let told = scene.emitted::<ConsentGranted>().remove(0);
        assert_eq!((told.complete, told.kyc_verdict, told.kinds), (true, Some(KycVerdict::Passed), vec![]));
    });
}
