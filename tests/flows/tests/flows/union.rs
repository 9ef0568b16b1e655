//! Whoever the catalogue names as sender or receiver of a message of flows 1 to 6, and runs, is seen to send or receive it:
//! on a message's page, on a service's page or in a flow.

use std::collections::BTreeSet;

use sycee_contract::{
    CalculateRepaymentPosting, CreateRepaymentOrder, DecideKycReview, ExternalRepaymentNotified, FreezeCreditLine,
    KycCompleted, KycVerdict, OfferDetailRequest, QueryAssetDueList, QueryProductOffer, RecordKycResult, RepaymentKind,
    SubmitLoanApplication,
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

#[test]
fn whoever_the_catalogue_names_takes_part() {
    let catalog = Catalog::read();
    let messages: BTreeSet<String> = FLOWS.iter().flat_map(|flow| catalog.flow(flow)).map(|hop| hop.message).collect();
    assert_eq!(messages.len(), 45, "messages of flows 1 to 6");
    Stage::each(|stage| {
        live(stage);
        let log = everything(stage);
        let sent: BTreeSet<(&str, &str)> = log.iter().map(|hop| (hop.message.as_str(), hop.from.as_str())).collect();
        let received: BTreeSet<(&str, &str)> =
            log.iter().flat_map(|hop| hop.to.iter().map(|to| (hop.message.as_str(), to.as_str()))).collect();
        let mut unseen = Vec::new();
        for message in &messages {
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
