//! Identity provider, paying partner, SMS gateway.

use sycee_contract::{
    ChannelOutcome, CustomerId, DisbursementOrderId, Identifier, KycCaseId, LoanId, PartnerId, PartnerPayout,
    PartnerQuery, SendOtp, Sensitive, VerifyIdentity,
};
use sycee_psp::{IdentityFaults, SimulatedIdentityProvider, SimulatedPartner, SimulatedSmsGateway};

use crate::{account, at, ghs};

fn verify(case: i64, number: &str) -> VerifyIdentity {
    VerifyIdentity {
        case: KycCaseId::from_number(case),
        customer: CustomerId::from_number(1),
        document_type: "ghana-card".into(),
        document_number: Sensitive::new(number),
        full_name: Sensitive::new("Ama Mensah"),
        birth_date: Sensitive::new("1990-01-31"),
        document_image: "objects/1".into(),
        liveness_video: "objects/2".into(),
    }
}

#[test]
fn documents_decide_the_verdict() {
    for (number, ocr, liveness, matches) in [
        ("GHA-700000001-1", 9_500..=9_990, 9_300..=9_980, true),
        ("GHA-70000-9901", 2_100..=2_100, 9_300..=9_980, true),
        ("GHA-70000-9902", 9_500..=9_990, 900..=900, true),
        ("GHA-70000-9903", 9_500..=9_990, 9_300..=9_980, false),
        ("GHA-70000-9904", 7_900..=7_900, 7_600..=7_600, true),
    ] {
        let mut provider = SimulatedIdentityProvider::new(3);
        assert!(provider.submit(at(0), &verify(5, number)));
        assert!(!provider.submit(at(1), &verify(5, number)), "answered once");
        assert!(provider.take_due(at(1)).is_empty());
        let due = provider.next_due().unwrap();
        let answers = provider.take_due(due);
        assert_eq!(answers.len(), 1);
        let answer = &answers[0];
        assert!(
            ocr.contains(&answer.ocr_confidence_bps) && liveness.contains(&answer.liveness_score_bps),
            "{number}: {answer:?}"
        );
        assert_eq!((answer.register_match, answer.case), (matches, KycCaseId::from_number(5)));
        assert_eq!(provider.next_due(), None);
    }
}

/// How many of 1000 cases are read clearly, doubted and refused, in any order in which they are handed in.
#[test]
fn pictures_are_bad_as_often_as_the_rates_say() {
    let told = |faults: IdentityFaults, cases: Vec<i64>| {
        let mut provider = SimulatedIdentityProvider::new(11).with_faults(faults);
        for case in cases {
            assert!(provider.submit(at(0), &verify(case, "GHA-700000001-1")));
        }
        let (mut clear, mut doubted, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        for answer in provider.take_due(at(60)) {
            assert!(answer.register_match);
            let worst = answer.ocr_confidence_bps.min(answer.liveness_score_bps);
            match worst {
                9_000.. => clear.push(answer.case),
                5_200..=8_300 if answer.ocr_confidence_bps >= 6_000 => doubted.push(answer.case),
                _ => refused.push(answer.case),
            }
        }
        for cases in [&mut clear, &mut doubted, &mut refused] {
            cases.sort_unstable();
        }
        (clear, doubted, refused)
    };
    let rough = told(IdentityFaults::rough(), (1..=1_000).collect());
    let (clear, doubted, refused) = (rough.0.len(), rough.1.len(), rough.2.len());
    assert_eq!(clear + doubted + refused, 1_000);
    assert!((40..110).contains(&doubted) && (25..85).contains(&refused), "{doubted} doubted, {refused} refused");
    assert_eq!(told(IdentityFaults::rough(), (1..=1_000).rev().collect()), rough);
    assert_eq!(told(IdentityFaults::default(), (1..=1_000).collect()).0.len(), 1_000);
}

fn payout(order: i64, phone: &str) -> PartnerPayout {
    PartnerPayout {
        order: DisbursementOrderId::from_number(order),
        funder: PartnerId::from_number(9),
        loan: LoanId::from_number(order),
        customer: CustomerId::from_number(1),
        amount: ghs(100),
        account: account(phone),
    }
}

#[test]
fn partners_pay_once() {
    for (phone, outcome, reason, answers) in [
        ("+233240000001", ChannelOutcome::Successful, None, 1),
        ("+233240009902", ChannelOutcome::Failed, Some("PAYEE_NOT_FOUND"), 1),
        ("+233240009912", ChannelOutcome::Failed, Some("SERVICE_UNAVAILABLE"), 1),
        ("+233240009909", ChannelOutcome::Successful, None, 2),
        ("+233240009908", ChannelOutcome::Successful, None, 0),
    ] {
        let mut partner = SimulatedPartner::new(1, 0);
        assert!(partner.submit(at(0), &payout(4, phone)) && !partner.submit(at(0), &payout(4, phone)));
        let told = partner.take_due(at(86_400));
        assert_eq!(told.len(), answers);
        assert!(told.iter().all(|answer| answer.outcome == outcome && answer.reason.as_deref() == reason));
        assert_eq!(partner.paid().len(), usize::from(outcome == ChannelOutcome::Successful));
        assert_eq!(partner.next_due(), None);
        let ask = |order| PartnerQuery {
            order: DisbursementOrderId::from_number(order),
            funder: PartnerId::from_number(9),
            attempt: 1,
        };
        assert_eq!(partner.query(at(0), &ask(4)).unwrap().outcome, ChannelOutcome::Pending);
        let asked = partner.query(at(86_400), &ask(4)).unwrap();
        assert_eq!((asked.outcome, asked.reason.as_deref()), (outcome, reason));
        assert_eq!(asked.amount, (outcome == ChannelOutcome::Successful).then(|| ghs(100)));
        assert_eq!(partner.query(at(86_400), &ask(5)), None);
    }
    let mut failing = SimulatedPartner::new(1, 1000);
    failing.submit(at(0), &payout(4, "+233240000001"));
    assert_eq!(failing.take_due(at(86_400))[0].outcome, ChannelOutcome::Failed);
}

#[test]
fn partners_collect_with_references_of_their_own() {
    let mut partner = SimulatedPartner::new(1, 0);
    let mut notice = || partner.collect(PartnerId::from_number(9), LoanId::from_number(2), None, ghs(10));
    let (first, second) = (notice(), notice());
    assert_ne!(first.reference, second.reference);
    assert_eq!((first.amount, first.loan), (ghs(10), Some(LoanId::from_number(2))));
}

#[test]
fn codes_can_be_read_from_the_phone() {
    let mut gateway = SimulatedSmsGateway::new();
    let mut send = |code: &str| {
        gateway.submit(&SendOtp {
            challenge: "otp-7".into(),
            phone: Sensitive::new("+233240000001"),
            code: Sensitive::new(code),
        });
    };
    send("111111");
    send("222222");
    assert_eq!((gateway.code("otp-7"), gateway.phone("otp-7")), (Some("222222"), Some("+233240000001")));
    assert_eq!(gateway.take_code("otp-7").as_deref(), Some("222222"));
    assert_eq!((gateway.code("otp-7"), gateway.sent()), (None, 2));
}
