//! From the application to the signature.

use sycee_contract::*;
use sycee_runtime::Registry;
use sycee_runtime::testing::Scene;
use sycee_transaction::LoanPolicy;
use sycee_transaction::loan_engine::{ContractSignature, CustomerLoans, LoanApplication, LoanOrder};

use crate::fixtures::*;

fn open_loans(scene: &mut Scene) -> u32 {
    scene.load::<CustomerLoans>(customer()).map_or(0, |loans| loans.open)
}

#[test]
fn an_application_holds_the_line_and_goes_to_risk() {
    alone(|scene| {
        let answer = scene.request(application()).unwrap();
        assert_eq!(answer.status, LoanStatus::AutoChecking);
        assert_eq!(scene.sent::<ReserveCreditLine>().len(), 1);
        let created = scene.emitted::<LoanApplicationCreated>().pop().unwrap();
        assert_eq!((created.loan, created.first_installment), (answer.loan, ghs("346.75")));
        let kept = scene.load::<LoanApplication>(answer.loan).unwrap();
        assert_eq!((kept.net_proceeds, kept.payout_number.reveal()), (ghs("980"), "+233201234567"));
        assert_eq!(open_loans(scene), 1);
    });
}

#[test]
fn an_application_that_cannot_be_is_refused_and_leaves_nothing() {
    type Change = fn(&mut SubmitLoanApplication);
    let cases: [(Change, &str); 5] = [
        (|cmd| cmd.amount = ghs("0"), "INVALID_FIELD"),
        (|cmd| cmd.amount = ghs("-5"), "INVALID_FIELD"),
        (|cmd| cmd.purpose = " ".into(), "INVALID_FIELD"),
        (|cmd| cmd.payout_account.channel = String::new(), "INVALID_FIELD"),
        (|cmd| cmd.amount = ghs("2000.01"), "CREDIT_LIMIT_EXCEEDED"),
    ];
    alone(|scene| {
        for (change, expected) in cases {
            let mut cmd = application();
            change(&mut cmd);
            assert_eq!(code(scene.request(cmd)), expected);
            assert!(scene.sent::<ReserveCreditLine>().is_empty());
            assert_eq!(open_loans(scene), 0);
        }
    });
}

#[test]
fn money_goes_only_where_a_channel_pays_out() {
    let payout_channels = vec!["mtn-momo".to_owned(), "at-money".to_owned()];
    let policy = LoanPolicy { payout_channels, ..LoanPolicy::default() };
    with_neighbours(
        |_| {},
        configs().with(policy),
        |scene| {
            for (channel, refused) in [("mtn-momo", false), ("at-money", false), ("m-pesa", true), ("MTN-MOMO", true)] {
                let mut cmd = application();
                cmd.payout_account.channel = channel.to_owned();
                match scene.request(cmd) {
                    Ok(_) => assert!(!refused, "{channel}"),
                    Err(rejection) => {
                        assert!(refused, "{channel}: {rejection}");
                        assert_eq!(rejection.code, "CHANNEL_UNKNOWN");
                        assert_eq!(rejection.details["field"], "payoutAccount.channel");
                        assert_eq!(rejection.details["known"], "mtn-momo, at-money");
                        assert!(scene.sent::<ReserveCreditLine>().is_empty());
                    }
                }
            }
        },
    );
}

#[test]
fn the_line_and_the_offer_must_allow_it() {
    alone(|scene| {
        scene.answers::<QueryCreditLine>(|_| Ok(None));
        assert_eq!(code(scene.request(application())), "NO_CREDIT_LINE");
        scene.answers::<QueryCreditLine>(|asked| Ok(Some(line(asked.customer, true))));
        assert_eq!(code(scene.request(application())), "CREDIT_LINE_FROZEN");
        scene.answers::<QueryCreditLine>(|asked| {
            let valid_until = Timestamp::start_of(sycee_money::date(2025, 1, 1));
            Ok(Some(CreditLineFigures { valid_until, ..line(asked.customer, false) }))
        });
        assert_eq!(code(scene.request(application())), "CREDIT_LINE_EXPIRED");
        scene.answers::<AcceptProductOffer>(|_| Err(Rejection::new("OFFER_EXPIRED", "the offer is too old")));
        assert_eq!(code(scene.request(application())), "OFFER_EXPIRED");
        assert_eq!(open_loans(scene), 0);
    });
}

#[test]
fn open_loans_are_limited_until_one_ends() {
    alone(|scene| {
        let loans = [submit(scene), submit(scene), submit(scene)];
        assert_eq!(code(scene.request(application())), "TOO_MANY_OPEN_LOANS");
        decide(scene, loans[0], RiskOutcome::Reject);
        assert_eq!(open_loans(scene), 2);
        assert_eq!(code(scene.request(application())), "accepted");
    });
}

fn line_refuses(registry: &mut Registry) {
    registry
        .service("credit-limit-center")
        .handles::<ReserveCreditLine>(|_, _| Err(Rejection::new("CREDIT_LINE_EXPIRED", "too old").into()));
}

#[test]
fn a_line_that_gives_no_hold_rejects_the_application() {
    with_neighbours(line_refuses, configs(), |scene| {
        let loan = scene.request(application()).unwrap().loan;
        let rejected = scene.emitted::<LoanApplicationRejected>().pop().unwrap();
        assert_eq!(rejected.reasons, ["CREDIT_LINE_EXPIRED"]);
        assert!(scene.sent::<ReleaseCreditLine>().is_empty());
        assert_eq!((order(scene, loan).status, open_loans(scene)), (LoanStatus::AutoRejected, 0));
    });
}

#[test]
fn risk_decides_once() {
    let cases = [
        (RiskOutcome::Approve, LoanStatus::Approved),
        (RiskOutcome::Reject, LoanStatus::AutoRejected),
        (RiskOutcome::Review, LoanStatus::AutoRejected),
    ];
    alone(|scene| {
        for (outcome, expected) in cases {
            let loan = submit(scene);
            decide(scene, loan, outcome);
            let rejected = expected == LoanStatus::AutoRejected;
            assert_eq!(order(scene, loan).status, expected, "{outcome:?}");
            assert_eq!(scene.emitted::<LoanApplicationRejected>().len(), usize::from(rejected));
            assert_eq!(scene.sent::<ReleaseCreditLine>().len(), usize::from(rejected));
            assert_eq!(scene.sent::<RenderContract>().len(), usize::from(!rejected));
            decide(scene, loan, RiskOutcome::Approve);
            decide(scene, loan, RiskOutcome::Reject);
            assert_eq!(order(scene, loan).status, expected, "a second decision changes nothing");
            assert!(scene.emitted::<LoanApplicationRejected>().is_empty());
        }
    });
}

#[test]
fn a_decision_for_something_else_is_no_concern() {
    alone(|scene| {
        let loan = submit(scene);
        let before = order(scene, loan);
        let until = submitted_at(scene, loan).plus_days(1);
        let mut other = decision(loan, RiskOutcome::Reject, until);
        other.purpose = RiskPurpose::Distribution;
        scene.happened(other);
        scene.happened(decision(id(999_999), RiskOutcome::Reject, until));
        assert_eq!(order(scene, loan), before);
    });
}

#[test]
fn an_approval_out_of_date_approves_nothing() {
    alone(|scene| {
        let loan = submit(scene);
        let past = submitted_at(scene, loan).plus_seconds(-1);
        scene.happened(decision(loan, RiskOutcome::Approve, past));
        assert_eq!(order(scene, loan).reason.as_deref(), Some("DECISION_EXPIRED"));
        assert_eq!(order(scene, loan).status, LoanStatus::AutoRejected);
    });
}

fn review(loan: LoanId, approve: bool, note: &str) -> ReviewLoanApplication {
    ReviewLoanApplication { loan, approve, note: note.into() }
}

#[test]
fn without_review_a_person_has_nothing_to_decide() {
    alone(|scene| {
        let loan = submit(scene);
        assert_eq!(code(scene.request(review(loan, true, ""))), "INVALID_FIELD");
        assert_eq!(code(scene.request(review(loan, true, "looks good"))), "UNEXPECTED_STATE");
        assert_eq!(code(scene.request(review(id(999_999), true, "who?"))), "NOT_FOUND");
    });
}

fn review_key(loan: LoanId) -> String {
    format!("loan-review:{loan}")
}

#[test]
fn a_cancelled_application_is_nobodys_to_review() {
    with_review(configs(), |scene| {
        let (referred, checked) = (submit(scene), submit(scene));
        decide(scene, referred, RiskOutcome::Review);
        scene.request(cancellation(referred)).unwrap();
        assert_eq!(scene.sent::<ResolveWorkOrder>()[0].key, review_key(referred));
        scene.request(cancellation(checked)).unwrap();
        assert!(scene.sent::<ResolveWorkOrder>().is_empty(), "nobody was asked to look");
    });
}

#[test]
fn in_a_market_with_review_a_person_decides() {
    let policy = LoanPolicy { review_amount: Some(ghs("1000")), ..LoanPolicy::default() };
    let configs = configs().with(policy);
    with_review(configs, |scene| {
        let loans = [submit(scene), submit(scene)];
        decide(scene, loans[0], RiskOutcome::Review);
        assert_eq!(scene.emitted::<LoanApplicationReferred>()[0].reasons, ["SCORE_TOO_LOW"]);
        let called = scene.sent::<OpenWorkOrder>().remove(0);
        assert_eq!((called.kind.as_str(), called.loan), ("loan-review", Some(loans[0])));
        assert_eq!(called.key, review_key(loans[0]));
        assert!(called.text.contains("review-loan-application"), "{}", called.text);
        decide(scene, loans[1], RiskOutcome::Approve);
        assert_eq!(scene.emitted::<LoanApplicationReferred>()[0].reasons, ["LARGE_AMOUNT"]);
        assert_eq!(scene.sent::<OpenWorkOrder>()[0].key, review_key(loans[1]));
        for loan in loans {
            assert_eq!(order(scene, loan).status, LoanStatus::ManualReview);
        }

        scene.request(review(loans[0], true, "payslip seen")).unwrap();
        assert_eq!(scene.sent::<RenderContract>().len(), 1);
        assert_eq!(scene.sent::<ResolveWorkOrder>()[0].key, review_key(loans[0]));
        scene.request(review(loans[0], true, "again")).unwrap();
        assert!(scene.sent::<RenderContract>().is_empty() && scene.sent::<ResolveWorkOrder>().is_empty());

        scene.request(review(loans[1], false, "no income")).unwrap();
        assert_eq!(scene.emitted::<LoanApplicationRejected>()[0].reasons, ["REJECTED_BY_REVIEWER"]);
        assert_eq!(scene.sent::<ResolveWorkOrder>()[0].key, review_key(loans[1]));
        assert_eq!(order(scene, loans[1]).status, LoanStatus::ManualRejected);
        assert_eq!(code(scene.request(review(loans[1], true, "after all"))), "UNEXPECTED_STATE");
    });
}

#[test]
fn a_person_cannot_approve_on_an_old_decision() {
    with_review(configs(), |scene| {
        let loan = submit(scene);
        decide(scene, loan, RiskOutcome::Review);
        scene.advance_seconds(31 * 86_400);
        let before = order(scene, loan);
        assert_eq!(code(scene.request(review(loan, true, "late"))), "DECISION_EXPIRED");
        assert_eq!(order(scene, loan), before);
        scene.request(review(loan, false, "late")).unwrap();
    });
}

#[test]
fn a_rendered_contract_waits_for_a_signature_until_it_expires() {
    alone(|scene| {
        let loan = pending(scene);
        let approved = scene.emitted::<LoanApplicationApproved>().pop().unwrap();
        assert_eq!(approved.contract.hash, HASH);
        assert_eq!(approved.expires_at.seconds_since(submitted_at(scene, loan)) / 3600, 48);
        render(scene, loan);
        assert!(scene.emitted::<LoanApplicationApproved>().is_empty(), "a second rendering changes nothing");

        scene.advance_seconds(48 * 3600 + 10);
        assert_eq!(code(scene.request(signature(loan))), "OFFER_EXPIRED");
        scene.fire_timers();
        let ended = scene.emitted::<LoanApplicationCancelled>().remove(0);
        assert_eq!((ended.reason.as_str(), ended.by_customer), ("CONTRACT_EXPIRED", false));
        assert_eq!(scene.sent::<ReleaseCreditLine>()[0].reason, "cancelled");
        assert_eq!(order(scene, loan).status, LoanStatus::Cancelled);
        assert_eq!(code(scene.request(signature(loan))), "UNEXPECTED_STATE");
    });
}

fn template_missing(registry: &mut Registry) {
    registry
        .service("contract-template-service")
        .handles::<RenderContract>(|_, _| Err(Rejection::new("TEMPLATE_NOT_FOUND", "no such template").into()));
}

#[test]
fn a_contract_that_cannot_be_rendered_ends_the_loan() {
    with_neighbours(template_missing, configs(), |scene| {
        let loan = submit(scene);
        decide(scene, loan, RiskOutcome::Approve);
        assert_eq!(order(scene, loan).status, LoanStatus::Cancelled);
        assert_eq!(scene.sent::<OpenWorkOrder>()[0].kind, "contract-not-rendered");
        assert_eq!(scene.sent::<ReleaseCreditLine>().len(), 1);
        assert_eq!(open_loans(scene), 0);
    });
}

#[test]
fn only_the_right_signature_at_the_right_time_counts() {
    alone(|scene| {
        let loan = pending(scene);
        let before = order(scene, loan);
        let mut stranger = signature(loan);
        stranger.customer = id(4711);
        let mut forged = signature(loan);
        forged.document_hash = "decaf".into();
        assert_eq!(code(scene.request(stranger)), "LOAN_NOT_YOURS");
        assert_eq!(code(scene.request(forged)), "CONTRACT_HASH_MISMATCH");
        assert_eq!(code(scene.request(signature(id(999_999)))), "NOT_FOUND");

        scene.happened(CreditLineFrozen { line: line(customer(), true), frozen: true, reason: "FRAUD".into() });
        assert_eq!(code(scene.request(signature(loan))), "CREDIT_LINE_FROZEN");
        assert_eq!(order(scene, loan), before);
        assert!(scene.sent::<RouteFunds>().is_empty());
        scene.happened(CreditLineFrozen { line: line(customer(), false), frozen: false, reason: "CLEARED".into() });

        assert_eq!(scene.request(signature(loan)).unwrap().status, LoanStatus::DisbursePending);
        assert_eq!(scene.emitted::<LoanContractSigned>().len(), 1);
        assert_eq!(scene.sent::<RouteFunds>()[0].amount, ghs("980"));
        assert_eq!(scene.request(signature(loan)).unwrap().status, LoanStatus::DisbursePending);
        assert!(scene.sent::<RouteFunds>().is_empty(), "a second signature changes nothing");
    });
}

#[test]
fn nothing_is_signed_on_an_old_decision() {
    alone(|scene| {
        let loan = submit(scene);
        let until = submitted_at(scene, loan).plus_seconds(3600);
        scene.happened(decision(loan, RiskOutcome::Approve, until));
        render(scene, loan);
        let approved = scene.emitted::<LoanApplicationApproved>().pop().unwrap();
        assert_eq!(approved.expires_at, until, "not the 48 hours of a contract");
        scene.advance_seconds(2 * 3600);
        let before = order(scene, loan);
        assert_eq!(code(scene.request(signature(loan))), "DECISION_EXPIRED");
        assert_eq!(order(scene, loan), before);
        scene.fire_timers();
        assert_eq!(order(scene, loan).status, LoanStatus::Cancelled);
    });
}

fn cancellation(loan: LoanId) -> CancelLoanApplication {
    CancelLoanApplication { loan, customer: customer(), reason: "CHANGED_MIND".into() }
}

#[test]
fn a_customer_cancels_while_no_money_moves() {
    alone(|scene| {
        let checking = submit(scene);
        let waiting = pending(scene);
        for loan in [checking, waiting] {
            let mut stranger = cancellation(loan);
            stranger.customer = id(4711);
            assert_eq!(code(scene.request(stranger)), "LOAN_NOT_YOURS");
            assert_eq!(scene.request(cancellation(loan)).unwrap().status, LoanStatus::Cancelled);
            let ended = scene.emitted::<LoanApplicationCancelled>().remove(0);
            assert_eq!((ended.reason.as_str(), ended.by_customer), ("CHANGED_MIND", true));
            assert_eq!(scene.sent::<ReleaseCreditLine>().len(), 1);
            assert_eq!(scene.request(cancellation(loan)).unwrap().status, LoanStatus::Cancelled);
            assert!(scene.emitted::<LoanApplicationCancelled>().is_empty(), "a second cancellation changes nothing");
        }
        assert_eq!(open_loans(scene), 0);
        scene.advance_seconds(72 * 3600);
        scene.fire_timers();
        assert_eq!(order(scene, waiting).reason.as_deref(), Some("CHANGED_MIND"));
    });
}

#[test]
fn money_on_its_way_cannot_be_cancelled() {
    alone(|scene| {
        let loan = requested(scene).loan;
        let before: LoanOrder = order(scene, loan);
        assert_eq!(code(scene.request(cancellation(loan))), "UNEXPECTED_STATE");
        assert_eq!(order(scene, loan), before);
    });
}

#[test]
fn a_hold_is_remembered_and_forgotten() {
    alone(|scene| {
        let loan = submit(scene);
        assert!(order(scene, loan).line_reserved);
        let released = |reason: &str| CreditReleased {
            loan,
            amount: ghs("1000"),
            reason: reason.into(),
            line: line(customer(), false),
        };
        scene.happened(released("repaid"));
        assert!(order(scene, loan).line_reserved);
        scene.happened(released("cancelled"));
        assert!(!order(scene, loan).line_reserved);
    });
}

#[test]
fn a_market_may_ask_for_a_password_under_every_contract() {
    let policy = LoanPolicy { signing_otp: true, ..LoanPolicy::default() };
    with_neighbours(
        |_| {},
        configs().with(policy),
        |scene| {
            let loan = pending(scene);
            let challenge: OtpChallengeId = id(4_711);
            let confirmed_at = Timestamp::start_of(Date::constant(2026, 2, 1));
            scene.answers::<CheckSignature>(move |asked| {
                let is_hers = asked.customer == customer() && asked.challenge == challenge;
                let is_this = asked.signs == SignedText { loan, document_hash: HASH.into() };
                Ok((is_hers && is_this).then(|| SignatureProof { confirmed_at, device_id: "device-1".into() }))
            });
            for unconfirmed in [None, Some(id(4_712))] {
                let refused = scene.request(SignLoanContract { challenge: unconfirmed, ..signature(loan) });
                assert_eq!(code(refused), "SIGNATURE_NOT_CONFIRMED");
                assert_eq!(scene.load::<ContractSignature>(loan), None);
            }
            scene.request(SignLoanContract { challenge: Some(challenge), ..signature(loan) }).unwrap();
            let signed = scene.load::<ContractSignature>(loan).unwrap();
            assert_eq!(
                (signed.customer, signed.document_hash.as_str(), signed.signed_by.as_str()),
                (customer(), HASH, "staff:test")
            );
            assert_eq!((signed.challenge, signed.confirmed_at), (Some(challenge), Some(confirmed_at)));
            assert_eq!(signed.device_id.as_deref(), Some("device-1"));
        },
    );
}
