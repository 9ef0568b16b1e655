//! Whoever the catalogue names as sender or receiver of a message that we have, and runs, is seen to send or receive it: on
//! a message's page, on a service's page or in a flow. Those are the messages of flows 1 to 6, and others that the services
//! of these flows exchange.

use std::collections::{BTreeMap, BTreeSet};

use sycee_contract::{
    CalculateRepaymentPosting, CancelLoanApplication, CreateRepaymentOrder, DecideKycReview, DisbursementFailed,
    ExternalRepaymentNotified, FreezeCreditLine, KycCompleted, KycVerdict, LoanApplicationApproved,
    LoanApplicationRejected, OfferDetailRequest, PaymentFailed, PostAccountingEntry, QueryAssetDueList,
    QueryProductOffer, RecordKycResult, RepaymentKind, ReverseAccountingEntry, SendNotification, Sensitive,
    SignLoanContract, SubmitLoanApplication, TransferLine, WorkOrderCreated, all_messages,
};
use sycee_runtime::storage::{ColumnKind, collect};
use sycee_runtime::{Stimulus, TraceHop, read_cascade};
use sycee_stage::{Life, Stage, cedis};

use crate::catalog::Catalog;
use crate::conformance::runs;
use crate::repayment::{pay_at_partner, pay_by_channel, trial};

const FLOWS: [&str; 6] = [
    "customer-onboarding",
    "credit-approval",
    "product-distribution",
    "loan-application-disbursement",
    "repayment-plan-generation",
    "repayment",
];

/// Every hop of the whole log.
fn everything(stage: &mut Stage) -> Vec<TraceHop> {
    stage.writer.sync().unwrap();
    let reader = stage.writer.reader();
    let rows = collect(reader, "SELECT id FROM message_log ORDER BY id", &[], &[ColumnKind::Int]).unwrap();
    let cascades = rows.iter().map(|row| row[0].as_int().unwrap());
    cascades.flat_map(|cascade| read_cascade(reader, cascade).unwrap().unwrap().hops).collect()
}

/// A customer whose identity the provider leaves open, and a person decides.
fn decided_by_a_person(stage: &mut Stage, nr: u64) {
    let life = stage.register(nr);
    let case = stage.ask(&life.borrower.actor, life.borrower.kyc(life.customer)).unwrap().case;
    let doubtful = RecordKycResult {
        case,
        ocr_confidence_bps: 7_000,
        liveness_score_bps: 9_900,
        register_match: true,
        provider_reference: "doubtful".to_owned(),
    };
    stage.ask_directly("identity-provider", doubtful).unwrap();
    assert_eq!(stage.heard::<KycCompleted>()[0].verdict, KycVerdict::Review);
    let seen = DecideKycReview { case, verdict: KycVerdict::Passed, reason: "DOCUMENT_SEEN".to_owned() };
    stage.ask_directly("staff:ama", seen).unwrap();
    assert_eq!(stage.heard::<KycCompleted>()[0].verdict, KycVerdict::Passed);
    stage.ask(&life.borrower.actor, life.borrower.consent(life.customer)).unwrap();
    stage.settle();
}

fn through_the_app(stage: &mut Stage, life: &Life) {
    let offer = stage.offer(life, "gh-installment");
    let application: SubmitLoanApplication = life.borrower.application(life.customer, &offer, cedis(400));
    stage.run(Stimulus::command(&life.borrower.actor, application).through("app")).outcome.unwrap();
}

fn live(stage: &mut Stage) {
    decided_by_a_person(stage, 60);
    let life = stage.borrower(61);
    for frozen in [true, false] {
        let freeze = FreezeCreditLine { customer: life.customer, frozen, reason: "asked-by-customer".to_owned() };
        stage.ask_directly("staff:risk", freeze).unwrap();
    }
    let offer = stage.offer(&life, "gh-installment");
    let detail = OfferDetailRequest { offer: offer.offer, amount: cedis(1_200), term: 6 };
    let query = QueryProductOffer { customer: life.customer, preview: false, detail: Some(detail) };
    stage.ask(&life.borrower.actor, query).unwrap();
    let by_channel = stage.loan(&life, "gh-installment", cedis(1_000));
    stage.set_route("volta-capital", false);
    let at_partner = stage.loan(&life, "gh-installment", cedis(800));
    let cancelled = stage.loan(&life, "gh-equal-principal", cedis(500));
    trial(stage, &life, cancelled, RepaymentKind::Cancel);
    pay_by_channel(stage, &life, cancelled, RepaymentKind::Cancel);
    through_the_app(stage, &life);
    while stage.writer.today() < sycee_contract::Date::constant(2026, 2, 5) {
        stage.next_day();
    }
    stage.ask(&life.borrower.actor, QueryAssetDueList { customer: life.customer }).unwrap();
    let (loan, kind) = (by_channel, RepaymentKind::Normal);
    stage
        .ask(
            &life.borrower.actor,
            CalculateRepaymentPosting { customer: life.customer, loan, kind, amount: Some(cedis(10)), as_of: None },
        )
        .unwrap();
    pay_by_channel(stage, &life, by_channel, RepaymentKind::Normal);
    pay_at_partner(stage, &life, at_partner);
    let too_much = ExternalRepaymentNotified {
        reference: "bank-1".to_owned(),
        funder: None,
        order: None,
        loan: Some(cancelled),
        amount: cedis(5),
        paid_at: None,
    };
    stage.run(Stimulus::event("bank", too_much).through("partner-hub"));
    trial(stage, &life, by_channel, RepaymentKind::EarlySettlement);
    let order: CreateRepaymentOrder =
        life.borrower.repayment(life.customer, by_channel, RepaymentKind::EarlySettlement, None);
    stage.run(Stimulus::command(&life.borrower.actor, order).through("app")).outcome.unwrap();
    stage.settle();
}

/// A loan whose money does not arrive: the channel knows nobody of that number.
fn not_paid_out(stage: &mut Stage) {
    let life = stage.borrower(62);
    let person = &life.borrower;
    stage.set_route("volta-capital", true);
    let offer = stage.offer(&life, "gh-installment");
    let mut application = person.application(life.customer, &offer, cedis(400));
    application.payout_account.number = Sensitive::new("+233240009902");
    let loan = stage.ask(&person.actor, application).unwrap().loan;
    let document_hash = stage.heard::<LoanApplicationApproved>().remove(0).contract.hash;
    let challenge = Some(stage.confirm(&life, loan, &document_hash));
    let sign = SignLoanContract { loan, customer: life.customer, document_hash, challenge };
    stage.ask(&person.actor, sign).unwrap();
    stage.settle();
    assert!(!stage.heard::<PaymentFailed>().is_empty() && !stage.heard::<DisbursementFailed>().is_empty());
}

/// Somebody who wants another loan, and another, on one day.
fn rejected(stage: &mut Stage) {
    let life = stage.borrower(63);
    let (person, customer) = (&life.borrower, life.customer);
    let offer = stage.offer(&life, "gh-installment");
    let is_rejected = (0..5).any(|_| {
        let loan = stage.ask(&person.actor, person.application(customer, &offer, cedis(300))).unwrap().loan;
        if !stage.heard::<LoanApplicationRejected>().is_empty() {
            return true;
        }
        let cancel = CancelLoanApplication { loan, customer, reason: "CHANGED_MIND".to_owned() };
        stage.ask(&person.actor, cancel).unwrap();
        false
    });
    assert!(is_rejected, "five applications on one day");
    let notice = SendNotification { customer, template: "welcome".to_owned(), values: BTreeMap::new() };
    stage.ask_directly("staff:ama", notice).unwrap();
}

/// The finance desk books a charge, takes it back, and learns of money that nobody knows.
fn finance(stage: &mut Stage) {
    let date = stage.writer.today();
    let lines = vec![TransferLine { debit: "5300".to_owned(), credit: "2400".to_owned(), amount: cedis(1) }];
    let charge = PostAccountingEntry { lines, text: "bank charges".to_owned(), date };
    let entry = stage.ask_directly("staff:finance", charge).unwrap().entry;
    let back = ReverseAccountingEntry { entry, text: "booked twice".to_owned(), date };
    stage.ask_directly("staff:finance", back).unwrap();
    let unknown = ExternalRepaymentNotified {
        reference: "bank-2".to_owned(),
        funder: None,
        order: None,
        loan: None,
        amount: cedis(5),
        paid_at: None,
    };
    stage.run(Stimulus::event("bank", unknown).through("partner-hub"));
    assert!(!stage.heard::<WorkOrderCreated>().is_empty(), "people look for whose money it is");
}

/// The messages of the catalogue that we have, by whether they are of flows 1 to 6.
fn messages(catalog: &Catalog) -> (BTreeSet<String>, BTreeSet<String>) {
    let of_flows: BTreeSet<String> = FLOWS.iter().flat_map(|flow| catalog.flow(flow)).map(|hop| hop.message).collect();
    let is_listed = |id: &str| !(catalog.senders(id).is_empty() && catalog.receivers(id).is_empty());
    let ours = all_messages().into_iter().map(|info| info.id.to_owned()).filter(|id| is_listed(id));
    let others = ours.filter(|id| !of_flows.contains(id)).collect();
    (of_flows, others)
}

#[test]
fn whoever_the_catalogue_names_takes_part() {
    let catalog = Catalog::read();
    let (of_flows, others) = messages(&catalog);
    assert_eq!((of_flows.len(), others.len()), (45, 21), "messages of flows 1 to 6, and others of the catalogue");
    Stage::each(|stage| {
        live(stage);
        not_paid_out(stage);
        rejected(stage);
        finance(stage);
        let log = everything(stage);
        let sent: BTreeSet<(&str, &str)> = log.iter().map(|hop| (hop.message.as_str(), hop.from.as_str())).collect();
        let received: BTreeSet<(&str, &str)> =
            log.iter().flat_map(|hop| hop.to.iter().map(|to| (hop.message.as_str(), to.as_str()))).collect();
        let mut unseen = Vec::new();
        for message in of_flows.iter().chain(&others) {
            if !sent.iter().any(|(seen, _)| seen == message) {
                unseen.push(format!("nobody sends {message}"));
            }
            let named = catalog.senders(message).into_iter().filter(|service| runs(service));
            let silent = named.filter(|service| !sent.contains(&(message, service)));
            unseen.extend(silent.map(|service| format!("{service} does not send {message}")));
            let named = catalog.receivers(message).into_iter().filter(|service| runs(service));
            let deaf = named.filter(|service| !received.contains(&(message, service)));
            unseen.extend(deaf.map(|service| format!("{service} does not receive {message}")));
        }
        assert!(unseen.is_empty(), "\n{}", unseen.join("\n"));
    });
}
