//! Texts that people write: none where one is wanted, and ones that have no end.

use std::collections::BTreeMap;

use sycee_contract::{
    CancelLoanApplication, ConfirmFundArrival, CustomerId, Date, DecidePayment, EntryId, Identifier as _,
    InitiatePayment, LoanId, PaymentDirection, PaymentId, PaymentPurpose, PayoutAccount, PostAccountingEntry,
    RecoverStrayPayout, RegisterFundingContract, ReleaseFundReservation, RepaymentKind, RepaymentMethodCreated,
    ReservationId, ReturnFunds, ReverseAccountingEntry, ReviewLoanApplication, SendNotification, Sensitive,
    SubmitLoanApplication, TransferLine, WriteOffStrayPayout,
};
use sycee_money::{Currency, Rate};
use sycee_stage::{Stage, cedis};

use crate::refusal::{Case, assert_refused, case};

const FINANCE: &str = "staff:finance";

/// What finance people write, with `text` for every text, and the field it stands in.
fn of_finance(text: &str, payment: PaymentId, date: Date) -> Vec<Case> {
    let invalid = "INVALID_FIELD";
    let long = || text.to_owned();
    let (own, amount) = ("own-funds".to_owned(), cedis(10));
    let arrival = ConfirmFundArrival { funder: own.clone(), amount, bank_reference: long() };
    let back = ReturnFunds { funder: own, amount, bank_reference: long() };
    let stray = RecoverStrayPayout { payout: "pay-1".to_owned(), amount, bank_reference: long() };
    let (payout, reference) = ("pay-1".to_owned(), "DEC-1".to_owned());
    let lost = WriteOffStrayPayout { payout, amount, reference, note: long() };
    let lines = vec![TransferLine { debit: "5300".to_owned(), credit: "1150".to_owned(), amount }];
    let entry = PostAccountingEntry { lines, text: long(), date };
    let lines = vec![TransferLine { debit: long(), credit: "1150".to_owned(), amount }];
    let to_nowhere = PostAccountingEntry { lines, text: "bank charges".to_owned(), date };
    let release = ReleaseFundReservation { reservation: ReservationId::from_number(1), reason: long() };
    let reversal = ReverseAccountingEntry { entry: EntryId::from_number(1), text: long(), date };
    let (channel_reference, note) = (Some("momo-1".to_owned()), "the statement".to_owned());
    let decision = DecidePayment { payment, paid: true, amount: None, channel_reference, paid_at: None, note };
    let unexplained = DecidePayment { note: long(), ..decision.clone() };
    let unnamed = DecidePayment { channel_reference: Some(long()), ..decision };
    let agreement = RegisterFundingContract {
        code: "new-funder".to_owned(),
        name: long(),
        country: "GH".to_owned(),
        currency: Currency::GHS,
        cost: Rate::from_bps(1_000),
        quota: amount,
        products: Vec::new(),
        pays_itself: false,
        is_own: false,
        channels: Vec::new(),
        valid_from: None,
        valid_until: None,
    };
    vec![
        case("arrival", FINANCE, arrival, invalid, &[&"bankReference"]),
        case("return", FINANCE, back, invalid, &[&"bankReference"]),
        case("recovery", FINANCE, stray, invalid, &[&"bankReference"]),
        case("loss without a reason", FINANCE, lost, invalid, &[&"note"]),
        case("entry", FINANCE, entry, invalid, &[&"text"]),
        case("entry on no account", FINANCE, to_nowhere, invalid, &[&"lines.debit"]),
        case("release", FINANCE, release, invalid, &[&"reason"]),
        case("reversal", FINANCE, reversal, invalid, &[&"text"]),
        case("decision without a reason", FINANCE, unexplained, invalid, &[&"note"]),
        case("decision without a reference", FINANCE, unnamed, invalid, &[&"channelReference"]),
        case("agreement", "staff:setup", agreement, invalid, &[&"name"]),
    ]
}

/// What people have sent to customers and channels, with `text` in turn for every text.
fn of_service(text: &str) -> Vec<Case> {
    let (loan, customer) = (LoanId::from_number(1), CustomerId::from_number(1));
    let told = |template: &str, name: &str, value: &str| SendNotification {
        customer,
        template: template.to_owned(),
        values: BTreeMap::from([(name.to_owned(), value.to_owned())]),
    };
    let account = |channel: &str, number: &str, holder: &str| PayoutAccount {
        channel: channel.to_owned(),
        number: Sensitive::new(number),
        holder: Sensitive::new(holder),
    };
    let from = |account| InitiatePayment {
        direction: PaymentDirection::Collection,
        purpose: PaymentPurpose {
            loan,
            customer,
            disbursement: None,
            repayment: None,
            fund_account: None,
            reservation: None,
        },
        amount: cedis(1),
        account,
    };
    let (momo, wallet, ama) = ("mtn-momo", "+233240000001", "Ama Mensah");
    let mut cases: Vec<Case> = Vec::new();
    for (field, cmd) in [
        ("template", told(text, "loan", "loan-1")),
        ("values", told("loan-rejected", text, "loan-1")),
        ("values", told("loan-rejected", "loan", text)),
    ] {
        cases.push(case("notification", "staff:service", cmd, "INVALID_FIELD", &[&field]));
    }
    for (field, cmd) in [
        ("account.channel", from(account(text, wallet, ama))),
        ("account.number", from(account(momo, text, ama))),
        ("account.holder", from(account(momo, wallet, text))),
    ] {
        cases.push(case("collection", FINANCE, cmd, "INVALID_FIELD", &[&field]));
    }
    cases
}

#[test]
fn no_request_takes_a_text_that_is_none_or_has_no_end() {
    Stage::each(|stage| {
        let life = stage.borrower(31);
        let offer = stage.offer(&life, "gh-installment");
        let repaid = stage.loan(&life, "gh-installment", cedis(500));
        let (person, customer) = (&life.borrower, life.customer);
        stage.order(&life, person.repayment(customer, repaid, RepaymentKind::Normal, Some(cedis(100))));
        let payment = stage.heard::<RepaymentMethodCreated>().remove(0).payment.unwrap();
        let (loan, _) = stage.approved(&life, &offer, cedis(500));
        let mut cases: Vec<Case> = Vec::new();
        for text in [String::new(), " \t".to_owned(), "\u{963f}".repeat(1_001)] {
            let application = || person.application(customer, &offer, cedis(500));
            let payout = |change: fn(&mut PayoutAccount, String)| {
                let mut cmd = application();
                change(&mut cmd.payout_account, text.clone());
                cmd
            };
            for (field, cmd) in [
                ("purpose", SubmitLoanApplication { purpose: text.clone(), ..application() }),
                ("language", SubmitLoanApplication { language: text.clone(), ..application() }),
                ("payoutAccount.channel", payout(|account, text| account.channel = text)),
                ("payoutAccount.number", payout(|account, text| account.number = Sensitive::new(text))),
                ("payoutAccount.holder", payout(|account, text| account.holder = Sensitive::new(text))),
            ] {
                cases.push(case(field, &person.actor, cmd, "INVALID_FIELD", &[&field]));
            }
            let cancel = CancelLoanApplication { loan, customer, reason: text.clone() };
            cases.push(case("cancellation", &person.actor, cancel, "INVALID_FIELD", &[&"reason"]));
            let review = ReviewLoanApplication { loan, approve: true, note: text.clone() };
            cases.push(case("review", "staff:risk", review, "INVALID_FIELD", &[&"note"]));
            cases.extend(of_finance(&text, payment, stage.writer.today()));
            cases.extend(of_service(&text));
        }
        assert_refused(stage, cases);
    });
}
