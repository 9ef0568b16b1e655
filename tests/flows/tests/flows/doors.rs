//! One-time passwords and the blacklist over the whole market: who gets in, who signs, who is kept out.

use sycee_contract::{
    AddToBlacklist, CheckSession, RiskDecisionMade, RiskOutcome, RiskPurpose, Sensitive, SignLoanContract,
};
use sycee_stage::{Borrower, Life, Stage, cedis};

use crate::refusal::{assert_refused, case};

fn log_in(stage: &mut Stage, life: &Life) -> sycee_contract::SessionOpened {
    let guest = Borrower::new(life.borrower.nr);
    let (challenge, code) = stage.password(&guest, guest.request_login());
    stage.ask(&guest.actor, guest.log_in(challenge, &code)).unwrap()
}

#[test]
fn a_customer_comes_back_and_logs_in() {
    Stage::each(|stage| {
        let life = stage.borrower(71);
        let opened = log_in(stage, &life);
        assert_eq!(opened.customer, life.customer);
        let check = CheckSession { customer: life.customer, session: opened.session };
        assert!(stage.ask_directly("bff-system", check.clone()).unwrap());
        for _ in 0..8 {
            stage.next_day();
        }
        assert!(!stage.ask_directly("bff-system", check).unwrap(), "a week is over");
    });
}

#[test]
fn only_the_confirmed_text_is_signed() {
    Stage::each(|stage| {
        let (ama, kofi) = (stage.borrower(72), stage.borrower(73));
        let offer = stage.offer(&ama, "gh-installment");
        let (first, contract) = stage.approved(&ama, &offer, cedis(500));
        let (second, other) = stage.approved(&ama, &offer, cedis(300));
        let challenge = stage.confirm(&ama, first, &contract.hash);
        let sign = |life: &Life, loan, hash: &str, challenge| SignLoanContract {
            loan,
            customer: life.customer,
            document_hash: hash.to_owned(),
            challenge,
        };
        let (person, thief) = (&ama.borrower.actor, &kofi.borrower.actor);
        let refused = "SIGNATURE_NOT_CONFIRMED";
        assert_refused(
            stage,
            vec![
                case("no password", person, sign(&ama, first, &contract.hash, None), refused, &[&first]),
                case("another loan", person, sign(&ama, second, &other.hash, Some(challenge)), refused, &[&second]),
                case(
                    "another customer",
                    thief,
                    sign(&kofi, first, &contract.hash, Some(challenge)),
                    "LOAN_NOT_YOURS",
                    &[],
                ),
            ],
        );
        let late = stage.confirm(&ama, second, &other.hash);
        stage.wait(5 * 60);
        assert_refused(
            stage,
            vec![
                case("too late", person, sign(&ama, second, &other.hash, Some(late)), refused, &[&second]),
                case("much too late", person, sign(&ama, first, &contract.hash, Some(challenge)), refused, &[&first]),
            ],
        );
        stage.sign(&ama, first, &contract);
    });
}

#[test]
fn whoever_is_listed_later_is_kept_out_by_phone_document_and_device() {
    Stage::each(|stage| {
        for (nr, kind) in [(74, "phone"), (75, "document"), (76, "device")] {
            let life = stage.borrower(nr);
            let (person, customer) = (life.borrower.clone(), life.customer);
            let offer = stage.offer(&life, "gh-installment");
            let (waiting, contract) = stage.approved(&life, &offer, cedis(300));
            stage.wait(15 * 60);
            let guest = Borrower::new(nr);
            let (challenge, code) = stage.password(&guest, guest.request_login());
            let value = match kind {
                "phone" => person.phone(),
                "document" => person.kyc(customer).document_number,
                _ => Sensitive::new(person.device().device_id),
            };
            let reason = "FRAUD_CONFIRMED".to_owned();
            let list = AddToBlacklist { kind: kind.to_owned(), value, reason, sole_holder: None };
            stage.ask_directly("staff:risk", list).unwrap();

            let draw = person.application(customer, &offer, cedis(400));
            let sign =
                SignLoanContract { loan: waiting, customer, document_hash: contract.hash.clone(), challenge: None };
            assert_refused(
                stage,
                vec![
                    case("draw", &person.actor, draw, "CREDIT_LINE_FROZEN", &[&customer]),
                    case("sign", &person.actor, sign, "CREDIT_LINE_FROZEN", &[&customer]),
                ],
            );
            assert_eq!(stage.ask(&guest.actor, guest.log_in(challenge, &code)).unwrap_err().code, "BLACKLISTED");
            let wanted = format!("{}_BLACKLISTED", kind.to_uppercase());
            for purpose in RiskPurpose::ALL {
                let review = sycee_contract::ExecuteRiskReview {
                    purpose: *purpose,
                    subject: sycee_contract::RiskSubject { customer, application: None, loan: None },
                    requested: Some(cedis(100)),
                    facts: std::collections::BTreeMap::new(),
                };
                stage.ask_directly("staff:risk", review).unwrap();
                let made = stage.heard::<RiskDecisionMade>().remove(0);
                assert_eq!(made.outcome, RiskOutcome::Reject, "{purpose:?}");
                assert!(made.reasons.contains(&wanted), "{purpose:?}: {:?}", made.reasons);
            }
            let issued = stage.ask(&guest.actor, guest.request_login()).unwrap();
            stage.settle();
            let code = stage.outside.sms.take_code(&issued.challenge.to_string());
            assert_eq!(code.is_none(), kind == "phone", "a listed phone is answered like any other and sent nothing");
        }
    });
}
