//! Who may ask for what: customers for themselves alone, guests for next to nothing.

use std::collections::BTreeSet;

use sycee_contract::{
    AddToBlacklist, CalculateRepaymentPosting, CancelDirectDebitMandate, CancelLoanApplication, ChannelOutcome,
    ConfirmFundArrival, ConsentKind, CreateDirectDebitMandate, CustomerId, FreezeCreditLine, Identifier as _,
    KycCaseId, LoanId, LogOut, OfferDetailRequest, OtpChallengeId, QueryAssetDueList, QueryCreditLine,
    QueryLoanPosition, QueryProductOffer, RecordKycResult, RecordPaymentResult, RepaymentKind, ReviewCreditApplication,
    ReviewLoanApplication, RevokeConsent, Sensitive, SessionId, SignLoanContract, all_messages,
};
use sycee_stage::{Borrower, Stage, cedis};

use crate::refusal::{Case, assert_refused, case};

const FORBIDDEN: &str = "NOT_PERMITTED";
const KINDS: [RepaymentKind; 3] = [RepaymentKind::Normal, RepaymentKind::EarlySettlement, RepaymentKind::Cancel];

/// A password that nobody was sent.
fn no_challenge() -> OtpChallengeId {
    OtpChallengeId::from_number(1)
}

/// What one customer has that others may want.
struct Estate {
    customer: CustomerId,
    running: LoanId,
    waiting: LoanId,
    hash: String,
    offer: sycee_contract::Offer,
}

/// Everything that customers may ask for, in the name of `estate`'s customer, by `actor`.
fn requests(person: &Borrower, estate: &Estate, actor: &str, code: &'static str) -> Vec<Case> {
    let Estate { customer, running, waiting, hash, offer } = estate;
    let (customer, loan, waiting) = (*customer, *running, *waiting);
    let looked = OfferDetailRequest { offer: offer.offer, amount: cedis(500), term: 6 };
    let offers = |detail| QueryProductOffer { customer, preview: false, detail };
    let quote = CalculateRepaymentPosting { customer, loan, kind: RepaymentKind::Normal, amount: None, as_of: None };
    let cancel = CancelLoanApplication { loan: waiting, customer, reason: "changed-my-mind".to_owned() };
    let kinds = vec![ConsentKind::Bureau];
    vec![
        case("details", actor, person.details(customer), code, &[]),
        case("kyc", actor, person.kyc(customer), code, &[]),
        case("consent", actor, person.consent(customer), code, &[]),
        case("no consent", actor, RevokeConsent { customer, kinds }, code, &[]),
        case("credit", actor, person.credit(customer, cedis(100)), code, &[]),
        case("line", actor, QueryCreditLine { customer }, code, &[]),
        case("offers", actor, offers(None), code, &[]),
        case("detail", actor, offers(Some(looked)), code, &[]),
        case("loan", actor, person.application(customer, offer, cedis(500)), code, &[]),
        case("signature", actor, sign(customer, waiting, hash), code, &[]),
        case("cancellation", actor, cancel, code, &[]),
        case("confirmation", actor, person.confirmation(customer, no_challenge(), "000000", waiting, hash), code, &[]),
        case("end of session", actor, LogOut { customer, session: SessionId::from_number(1) }, code, &[]),
        case("dues", actor, QueryAssetDueList { customer }, code, &[]),
        case("quote", actor, quote, code, &[]),
        case("mandate", actor, give(person, customer, loan), code, &[]),
        case("no mandate", actor, CancelDirectDebitMandate { customer, loan }, code, &[]),
        case("repayment", actor, person.repayment(customer, loan, RepaymentKind::Normal, Some(cedis(5))), code, &[]),
    ]
}

fn give(person: &Borrower, customer: CustomerId, loan: LoanId) -> CreateDirectDebitMandate {
    CreateDirectDebitMandate { customer, loan, account: person.wallet() }
}

fn sign(customer: CustomerId, loan: LoanId, hash: &str) -> SignLoanContract {
    SignLoanContract { loan, customer, document_hash: hash.to_owned(), challenge: None }
}

/// What only staff, services and the world outside may say.
fn privileges(actor: &str, customer: CustomerId, loan: LoanId) -> Vec<Case> {
    let note = || "as agreed".to_owned();
    let money =
        ConfirmFundArrival { funder: "own-funds".to_owned(), amount: cedis(1), bank_reference: "GCB-9".to_owned() };
    let value = Sensitive::new("+233240000000");
    let listed = AddToBlacklist { kind: "phone".to_owned(), value, reason: note(), sole_holder: None };
    let paid = RecordPaymentResult {
        request_id: "pay-1".to_owned(),
        channel_reference: "forged".to_owned(),
        outcome: ChannelOutcome::Successful,
        reason: None,
        amount: None,
        paid_at: None,
    };
    let identified = RecordKycResult {
        case: KycCaseId::from_number(1),
        ocr_confidence_bps: 10_000,
        liveness_score_bps: 10_000,
        register_match: true,
        provider_reference: "forged".to_owned(),
    };
    let limit = ReviewCreditApplication {
        application: sycee_contract::CreditApplicationId::from_number(1),
        limit: Some(cedis(9_000)),
        note: note(),
    };
    vec![
        case("approves a loan", actor, ReviewLoanApplication { loan, approve: true, note: note() }, FORBIDDEN, &[]),
        case("approves a line", actor, limit, FORBIDDEN, &[]),
        case("thaws a line", actor, FreezeCreditLine { customer, frozen: false, reason: note() }, FORBIDDEN, &[]),
        case("sees a position", actor, QueryLoanPosition { loan, as_of: None }, FORBIDDEN, &[]),
        case("brings money", actor, money, FORBIDDEN, &[]),
        case("blacklists", actor, listed, FORBIDDEN, &[]),
        case("says it was paid", actor, paid, FORBIDDEN, &[]),
        case("says who it is", actor, identified, FORBIDDEN, &[]),
    ]
}

fn estate(stage: &mut Stage, nr: u64) -> (Borrower, Estate) {
    let life = stage.borrower(nr);
    let running = stage.loan(&life, "gh-installment", cedis(1_000));
    let offer = stage.offer(&life, "gh-installment");
    let (waiting, contract) = stage.approved(&life, &offer, cedis(500));
    (life.borrower, Estate { customer: life.customer, running, waiting, hash: contract.hash, offer })
}

#[test]
fn nobody_acts_for_another_customer() {
    Stage::each(|stage| {
        let (person, ama) = estate(stage, 61);
        let kofi = stage.borrower(62);
        let nobody = Estate {
            customer: CustomerId::from_number(987_654),
            hash: ama.hash.clone(),
            offer: ama.offer.clone(),
            ..ama
        };
        let open: BTreeSet<&str> =
            all_messages().iter().filter(|info| info.door == Some("customer")).map(|info| info.id).collect();
        for actor in [kofi.borrower.actor.as_str(), "guest:person-61", "customer", "customer:61", "customer:"] {
            let mut cases = requests(&person, &ama, actor, FORBIDDEN);
            assert_eq!(cases.iter().map(Case::message).collect::<BTreeSet<_>>(), open, "every request is tried");
            cases.extend(requests(&person, &nobody, actor, FORBIDDEN));
            cases.extend(privileges(actor, kofi.customer, ama.running));
            assert_refused(stage, cases);
        }
        // The same refusal whether what is named exists or not.
        let refusals: BTreeSet<String> = [ama.running, LoanId::from_number(987_654)]
            .into_iter()
            .flat_map(|loan| [ama.customer, nobody.customer].map(|customer| (loan, customer)))
            .map(|(loan, customer)| {
                let quote = CalculateRepaymentPosting {
                    customer,
                    loan,
                    kind: RepaymentKind::Normal,
                    amount: None,
                    as_of: None,
                };
                stage.ask(&kofi.borrower.actor, quote).unwrap_err().to_string()
            })
            .collect();
        assert_eq!(refusals.len(), 1, "{refusals:?}");
    });
}

#[test]
fn nobody_touches_what_another_customer_has() {
    Stage::each(|stage| {
        let (_, ama) = estate(stage, 63);
        let kofi = stage.borrower(64);
        let (thief, customer) = (&kofi.borrower, kofi.customer);
        // Staff who mix up customers are stopped like the customer.
        for actor in [thief.actor.as_str(), "staff:ama"] {
            let looked = Some(OfferDetailRequest { offer: ama.offer.offer, amount: cedis(500), term: 6 });
            let detail = QueryProductOffer { customer, preview: false, detail: looked };
            let loan = thief.application(customer, &ama.offer, cedis(500));
            let cancel = CancelLoanApplication { loan: ama.waiting, customer, reason: "theft".to_owned() };
            let (offer, owner) = ("OFFER_NOT_YOURS", "LOAN_NOT_YOURS");
            let mut cases = vec![
                case("detail", actor, detail, offer, &[&ama.offer.offer]),
                case("loan", actor, loan, offer, &[&ama.offer.offer]),
                case("signature", actor, sign(customer, ama.waiting, &ama.hash), owner, &[&ama.waiting]),
                case("signature of another text", actor, sign(customer, ama.waiting, "00"), owner, &[&ama.waiting]),
                case("signed already", actor, sign(customer, ama.running, &ama.hash), owner, &[&ama.running]),
                case("cancellation", actor, cancel, owner, &[&ama.waiting]),
                case("mandate", actor, give(thief, customer, ama.running), owner, &[&ama.running]),
            ];
            for kind in KINDS {
                for amount in [None, Some(cedis(5)), Some(cedis(0))] {
                    let quote = CalculateRepaymentPosting { customer, loan: ama.running, kind, amount, as_of: None };
                    cases.push(case(&format!("quote {kind:?}"), actor, quote, owner, &[&ama.running]));
                    let order = thief.repayment(customer, ama.running, kind, amount);
                    cases.push(case(&format!("repayment {kind:?}"), actor, order, owner, &[&ama.running]));
                }
            }
            assert_refused(stage, cases);
        }
        let quote = CalculateRepaymentPosting {
            as_of: None,
            customer,
            loan: ama.running,
            kind: RepaymentKind::EarlySettlement,
            amount: None,
        };
        let told = stage.ask(&thief.actor, quote).unwrap_err();
        let said = format!("{told} {:?}", told.details);
        for secret in [ama.customer.to_string(), "GHS".to_owned()] {
            assert!(!said.contains(&secret), "{said} tells {secret}");
        }
    });
}
