//! Requests about what does not exist, belongs to somebody else, is over, or is done.

use sycee_contract::{
    ApplyForCredit, CalculateRepaymentPosting, CancelLoanApplication, ConfirmFundArrival, CustomerId, FreezeCreditLine,
    Identifier, LoanId, LoanStatus, OfferDetailRequest, OfferId, QueryProductOffer, RepaymentKind, RepaymentMethodKind,
    ReviewLoanApplication, SetFundRouteStatus, SignLoanContract, SubmitLoanApplication,
};
use sycee_markets::MarketFiles;
use sycee_stage::{Life, Stage, cedis};
use sycee_transaction::LoanPolicy;

use crate::refusal::{assert_refused, case};

const NOBODY: i64 = 987_654;

fn sign(life: &Life, loan: LoanId, hash: &str) -> SignLoanContract {
    SignLoanContract { loan, customer: life.customer, document_hash: hash.to_owned(), challenge: None }
}

fn cancel(life: &Life, loan: LoanId) -> CancelLoanApplication {
    CancelLoanApplication { loan, customer: life.customer, reason: "changed-my-mind".to_owned() }
}

fn detail(customer: CustomerId, offer: OfferId, term: u32) -> QueryProductOffer {
    let detail = Some(OfferDetailRequest { offer, amount: cedis(500), term });
    QueryProductOffer { customer, preview: false, detail }
}

#[test]
fn nobody_and_nothing_is_not_found() {
    Stage::each(|stage| {
        let life = stage.borrower(31);
        let offer = stage.offer(&life, "gh-installment");
        let (person, customer) = (&life.borrower, life.customer);
        let (stranger, loan): (CustomerId, LoanId) = (CustomerId::from_number(NOBODY), LoanId::from_number(NOBODY));
        let no_offer = OfferId::from_number(NOBODY);
        let order = |loan| person.repayment(customer, loan, RepaymentKind::Normal, None);
        let arrival = ConfirmFundArrival {
            funder: "no-such-funder".to_owned(),
            amount: cedis(10),
            bank_reference: "GCB-1".to_owned(),
        };
        let route = SetFundRouteStatus { funder: Some("no-such-funder".to_owned()), channel: None, open: true };
        let freeze = FreezeCreditLine { customer: stranger, frozen: true, reason: "fraud".to_owned() };
        let trial =
            CalculateRepaymentPosting { customer, loan, kind: RepaymentKind::Normal, amount: None, as_of: None };
        let review = ReviewLoanApplication { loan, approve: true, note: "looks fine".to_owned() };
        let taken = SubmitLoanApplication { offer: no_offer, ..person.application(customer, &offer, cedis(500)) };
        let cases = vec![
            case("details of nobody", "staff:ama", person.details(stranger), "NOT_FOUND", &[&stranger]),
            case("kyc of nobody", "staff:ama", person.kyc(stranger), "NOT_FOUND", &[&stranger]),
            case("consent of nobody", "staff:ama", person.consent(stranger), "KYC_NOT_COMPLETED", &[&stranger]),
            case(
                "credit of nobody",
                "staff:ama",
                person.credit(stranger, cedis(100)),
                "CUSTOMER_NOT_ADMITTED",
                &[&stranger],
            ),
            case("offers of nobody", "staff:ama", query(stranger), "NO_CREDIT_LINE", &[&stranger]),
            case("no such offer looked at", &person.actor, detail(customer, no_offer, 6), "NOT_FOUND", &[&no_offer]),
            case("no such offer taken", &person.actor, taken, "NOT_FOUND", &[&no_offer]),
            case("no such loan signed", &person.actor, sign(&life, loan, "00"), "NOT_FOUND", &[&loan]),
            case("no such loan cancelled", &person.actor, cancel(&life, loan), "NOT_FOUND", &[&loan]),
            case("no such loan reviewed", "staff:ama", review, "NOT_FOUND", &[&loan]),
            case("no such loan tried", &person.actor, trial, "NOT_FOUND", &[&loan]),
            case("no such loan repaid", &person.actor, order(loan), "NOT_FOUND", &[&loan]),
            case("no such line frozen", "staff:ama", freeze, "NOT_FOUND", &[&stranger]),
            case("no such funder's money", "staff:ama", arrival, "NOT_FOUND", &[&"no-such-funder"]),
            case("no such funder's route", "staff:ama", route, "NOT_FOUND", &[&"no-such-funder"]),
        ];
        assert_refused(stage, cases);
    });
}

fn query(customer: CustomerId) -> QueryProductOffer {
    QueryProductOffer { customer, preview: false, detail: None }
}

#[test]
fn what_is_over_or_done_is_not_done_again() {
    Stage::each(|stage| {
        let life = stage.borrower(34);
        let running = stage.loan(&life, "gh-installment", cedis(1_000));
        let offer = stage.offer(&life, "gh-installment");
        let (cancelled, contract) = stage.approved(&life, &offer, cedis(300));
        stage.ask(&life.borrower.actor, cancel(&life, cancelled)).unwrap();
        for _ in 0..9 {
            stage.next_day();
        }
        let fresh = stage.offer(&life, "gh-installment");
        let (waiting, _) = stage.approved(&life, &fresh, cedis(400));
        let (person, customer) = (&life.borrower, life.customer);
        let arrived = ConfirmFundArrival {
            funder: "own-funds".to_owned(),
            amount: cedis(10),
            bank_reference: "own-funds-opening".to_owned(),
        };
        let pulled = sycee_contract::CreateRepaymentOrder {
            method: RepaymentMethodKind::DirectDebit,
            ..person.repayment(customer, running, RepaymentKind::Normal, None)
        };
        let files = MarketFiles::ghana();
        let mut product = files.products().unwrap().remove(0);
        product.terms.terms.push(99);
        let mut funder = files.funders().unwrap().remove(0).contract("GH");
        funder.quota = cedis(1);
        let review = ReviewLoanApplication { loan: running, approve: false, note: "looks fine".to_owned() };
        let too_much = person.application(customer, &fresh, cedis(4_900));
        let cancel_late = person.repayment(customer, running, RepaymentKind::Cancel, None);
        let nothing_due = person.repayment(customer, running, RepaymentKind::Normal, None);
        let old_loan = person.application(customer, &offer, cedis(500));
        let cases = vec![
            case(
                "old offer looked at",
                &person.actor,
                detail(customer, offer.offer, 6),
                "OFFER_EXPIRED",
                &[&offer.offer],
            ),
            case("old offer taken", &person.actor, old_loan, "OFFER_EXPIRED", &[&offer.offer]),
            case(
                "other term",
                &person.actor,
                detail(customer, fresh.offer, 7),
                "TERM_NOT_OFFERED",
                &[&fresh.offer, &7],
            ),
            case("more than is left", &person.actor, too_much, "CREDIT_LIMIT_EXCEEDED", &[&customer, &"GHS 4900.00"]),
            case("second line", &person.actor, person.credit(customer, cedis(1)), "CREDIT_LINE_EXISTS", &[&customer]),
            case("kyc again", &person.actor, person.kyc(customer), "KYC_ALREADY_PASSED", &[&customer]),
            case(
                "wrong hash",
                &person.actor,
                sign(&life, waiting, &contract.hash),
                "CONTRACT_HASH_MISMATCH",
                &[&waiting],
            ),
            case("empty hash", &person.actor, sign(&life, waiting, ""), "CONTRACT_HASH_MISMATCH", &[&waiting]),
            case(
                "cancelled loan signed",
                &person.actor,
                sign(&life, cancelled, &contract.hash),
                "UNEXPECTED_STATE",
                &[&cancelled, &"Cancelled"],
            ),
            case(
                "running loan cancelled",
                &person.actor,
                cancel(&life, running),
                "UNEXPECTED_STATE",
                &[&running, &"Active"],
            ),
            case("running loan reviewed", "staff:ama", review, "UNEXPECTED_STATE", &[&running, &"Active"]),
            case("cooling-off over", &person.actor, cancel_late, "COOLING_OFF_OVER", &[&running, &"2026-01-12"]),
            case("nothing due", &person.actor, nothing_due, "NOTHING_DUE", &[&running]),
            case("no mandate", &person.actor, pulled, "NO_MANDATE", &[&running]),
            case("same arrival", "staff:ama", arrived, "ARRIVAL_ALREADY_CONFIRMED", &[&"own-funds-opening"]),
            case("same version", "staff:ama", product, "PRODUCT_VERSION_EXISTS", &[&"gh-cash@1", &"publish version 2"]),
            case("same funder, other quota", "staff:ama", funder, "FUNDING_CONTRACT_EXISTS", &[&"own-funds"]),
        ];
        assert_refused(stage, cases);

        let before = stage.writer.digest().unwrap();
        let signed = stage.ask(&person.actor, sign(&life, running, "any")).unwrap();
        let cancelled = stage.ask(&person.actor, cancel(&life, cancelled)).unwrap();
        assert_eq!((signed.status, cancelled.status), (LoanStatus::Active, LoanStatus::Cancelled));
        assert_eq!(stage.writer.digest().unwrap(), before, "what was already done is answered, not done again");
    });
}

#[test]
fn fields_that_say_nothing_are_named() {
    Stage::each(|stage| {
        let life = stage.borrower(35);
        let newcomer = stage.register(36);
        stage.admit(&newcomer);
        let offer = stage.offer(&life, "gh-installment");
        let (person, customer) = (&life.borrower, life.customer);
        let application = || person.application(customer, &offer, cedis(500));
        let mut unnamed = application();
        unnamed.payout_account.number = sycee_contract::Sensitive::new(" ");
        let mut other_channel = application();
        other_channel.payout_account.channel = String::new();
        let mut unknown_channel = application();
        unknown_channel.payout_account.channel = "m-pesa".to_owned();
        let known = "mtn-momo, telecel-cash, at-money";
        let purposeless = SubmitLoanApplication { purpose: String::new(), ..application() };
        let silent =
            ApplyForCredit { purpose: " ".to_owned(), ..newcomer.borrower.credit(newcomer.customer, cedis(100)) };
        let review = ReviewLoanApplication { loan: LoanId::from_number(1), approve: true, note: String::new() };
        let arrival =
            ConfirmFundArrival { funder: "own-funds".to_owned(), amount: cedis(1), bank_reference: " ".to_owned() };
        let cases = vec![
            case("no number", &person.actor, unnamed, "INVALID_FIELD", &[&"payoutAccount.number"]),
            case("no channel", &person.actor, other_channel, "INVALID_FIELD", &[&"payoutAccount.channel", &"mtn-momo"]),
            case(
                "no such channel",
                &person.actor,
                unknown_channel,
                "CHANNEL_UNKNOWN",
                &[&"payoutAccount.channel", &known],
            ),
            case("no purpose", &person.actor, purposeless, "INVALID_FIELD", &[&"purpose"]),
            case("no purpose of credit", &newcomer.borrower.actor, silent, "INVALID_FIELD", &[&"purpose"]),
            case("no reason", "staff:ama", review, "INVALID_FIELD", &[&"note"]),
            case("no reference", "staff:ama", arrival, "INVALID_FIELD", &[&"bankReference"]),
        ];
        assert_refused(stage, cases);
    });
}

#[test]
fn a_contract_and_a_decision_lapse() {
    let people_look = |options: &mut sycee_runtime::MarketOptions| {
        options.market.manual_review = true;
        let policy = LoanPolicy { review_amount: Some(cedis(1_000)), ..LoanPolicy::default() };
        options.configs = options.configs.clone().with(policy);
    };
    Stage::each_with(people_look, |stage| {
        let life = stage.borrower(37);
        let person = &life.borrower;
        let offer = stage.offer(&life, "gh-installment");
        let (waiting, contract) = stage.approved(&life, &offer, cedis(500));
        let large = person.application(life.customer, &offer, cedis(1_500));
        let referred = stage.ask(&person.actor, large).unwrap().loan;
        let later = stage.writer.now().plus_seconds(73 * 3_600);
        stage.writer.set_now(later);
        let approve = ReviewLoanApplication { loan: referred, approve: true, note: "looks fine".to_owned() };
        let cases = vec![
            case("late signature", &person.actor, sign(&life, waiting, &contract.hash), "OFFER_EXPIRED", &[&waiting]),
            case("late review", "staff:ama", approve, "DECISION_EXPIRED", &[&referred]),
        ];
        assert_refused(stage, cases);
    });
}
