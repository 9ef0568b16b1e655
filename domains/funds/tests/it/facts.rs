//! Events from elsewhere, filled in so that a test names only what it is about.

use sycee_contract::messages::{
    AccountingEntryPosted, DisbursementFailed, DisbursementRequested, DisbursementSucceeded, PartnerDisbursementFailed,
    PartnerDisbursementSucceeded, PaymentFailed, PaymentSucceeded, ProductFundingMatched, ProductVersionPublished,
    RepaymentSucceeded, RiskDecisionMade,
};
use sycee_contract::{
    DecisionId, EntryId, FundAccountId, Identifier, LedgerReference, PartnerId, PaymentDirection, PaymentId,
    PaymentPurpose, PostingId, PostingParts, ProductTerms, RepaymentKind, ReservationId, RiskOutcome, RiskPurpose,
    RiskSubject, Timestamp, TransferLine,
};
use sycee_contract::{IntervalUnit, RepaymentMethod, SettlementInterest};
use sycee_money::{Currency, Money, Rate, Rounding, date};

use crate::{customer, disbursement, ghs, loan, map, route, wallet};

pub fn purpose(account: FundAccountId, reservation: ReservationId) -> PaymentPurpose {
    PaymentPurpose {
        loan: loan(0),
        customer: customer(),
        disbursement: Some(disbursement()),
        repayment: None,
        fund_account: Some(account),
        reservation: Some(reservation),
    }
}

pub fn disbursement_requested(
    account: FundAccountId,
    reservation: ReservationId,
    amount: Money,
) -> DisbursementRequested {
    DisbursementRequested {
        order: disbursement(),
        loan: loan(0),
        customer: customer(),
        attempt: 1,
        funder: PartnerId::from_number(3),
        fund_account: account,
        reservation,
        route: route(),
        amount,
        principal: amount,
        payout_account: wallet("+233240000001"),
        pays_itself: false,
    }
}

pub fn payment_succeeded(direction: PaymentDirection, purpose: PaymentPurpose, amount: Money) -> PaymentSucceeded {
    PaymentSucceeded {
        payment: PaymentId::from_number(9),
        direction,
        purpose,
        amount,
        channel_reference: "mtn-1".into(),
        at: Timestamp::from_micros(0),
        paid_at: Timestamp::from_micros(0),
    }
}

pub fn payment_failed(purpose: PaymentPurpose, amount: Money) -> PaymentFailed {
    PaymentFailed {
        payment: PaymentId::from_number(9),
        direction: PaymentDirection::Payout,
        purpose,
        amount,
        reason: "PAYEE_NOT_FOUND".into(),
    }
}

pub fn partner_paid(
    account: FundAccountId,
    reservation: ReservationId,
    payment: Option<PaymentId>,
) -> PartnerDisbursementSucceeded {
    PartnerDisbursementSucceeded {
        order: disbursement(),
        loan: loan(0),
        funder: PartnerId::from_number(3),
        fund_account: account,
        reservation,
        amount: ghs(300),
        payment,
        reference: "par-3-1".into(),
    }
}

pub fn partner_failed(reservation: ReservationId) -> PartnerDisbursementFailed {
    PartnerDisbursementFailed {
        order: disbursement(),
        loan: loan(0),
        funder: PartnerId::from_number(3),
        reservation,
        reason: "CHANNEL_CLOSED".into(),
    }
}

pub fn disbursed(
    account: FundAccountId,
    reservation: ReservationId,
    principal: Money,
    net_proceeds: Money,
) -> DisbursementSucceeded {
    DisbursementSucceeded {
        loan: loan(0),
        customer: customer(),
        principal,
        net_proceeds,
        funder: PartnerId::from_number(3),
        fund_account: account,
        reservation,
        payment: None,
        entry: EntryId::from_number(1),
        annual_rate: Rate::from_bps(3000),
        disbursed_on: date(2026, 1, 5),
        first_due: date(2026, 2, 5),
    }
}

pub fn attempt_failed(reservation: Option<ReservationId>) -> DisbursementFailed {
    DisbursementFailed {
        loan: loan(0),
        customer: customer(),
        reservation,
        reason: "PAYEE_NOT_FOUND".into(),
        will_retry: true,
    }
}

pub fn repaid(account: FundAccountId, amount: Money, principal: Money) -> RepaymentSucceeded {
    RepaymentSucceeded {
        posting: PostingId::from_number(4),
        loan: loan(0),
        customer: customer(),
        funder: PartnerId::from_number(3),
        fund_account: account,
        order: None,
        kind: RepaymentKind::Normal,
        amount,
        parts: PostingParts { principal, ..PostingParts::nothing(Currency::GHS) },
        principal_outstanding: ghs(0),
        settled: false,
        worst_days_past_due: 0,
    }
}

pub fn overpaid(account: FundAccountId, amount: Money, surplus: Money) -> RepaymentSucceeded {
    let mut event = repaid(account, amount, amount.checked_sub(surplus).unwrap());
    event.parts.surplus = surplus;
    event
}

pub fn entry_posted(template: &str, debit: &str, amount: Money) -> AccountingEntryPosted {
    AccountingEntryPosted {
        entry: EntryId::from_number(5),
        template: template.into(),
        reference: LedgerReference { loan: None, order: None, repayment: None, parts: None, text: "x".into() },
        lines: vec![TransferLine { debit: debit.into(), credit: "2900 suspense".into(), amount }],
        date: date(2026, 1, 5),
    }
}

/// Money that nobody explains, in the books of partner 3, under a receipt.
pub fn unexplained(receipt: &str, amount: Money) -> AccountingEntryPosted {
    let mut event = entry_posted("unmatched-receipt", "1100|par-3", amount);
    event.reference.text = receipt.into();
    event
}

pub fn decided(
    purpose: RiskPurpose,
    outcome: RiskOutcome,
    limit: Option<Money>,
    surcharge_bps: i64,
) -> RiskDecisionMade {
    RiskDecisionMade {
        decision: DecisionId::from_number(6),
        purpose,
        subject: RiskSubject { customer: customer(), application: None, loan: Some(loan(0)) },
        outcome,
        score: Some(600),
        tier: "low".into(),
        reasons: Vec::new(),
        limit,
        rate_surcharge: Rate::from_bps(surcharge_bps),
        excluded_products: Vec::new(),
        valid_until: Timestamp::from_micros(i64::MAX),
        strategy: "gh-default@1".into(),
        inputs_hash: "00".into(),
    }
}

pub fn funding_matched(product: &str, funders: &[&str]) -> ProductFundingMatched {
    ProductFundingMatched {
        product: product.into(),
        version: 1,
        country: "GH".into(),
        currency: Currency::GHS,
        funders: funders.iter().map(|code| (*code).to_owned()).collect(),
    }
}

pub fn published(product: &str, amount_max: Money) -> ProductVersionPublished {
    ProductVersionPublished {
        terms: ProductTerms {
            product: product.into(),
            version: 1,
            names: map([("en", "Loan".to_owned())]),
            country: "GH".into(),
            currency: Currency::GHS,
            amount_min: ghs(100),
            amount_max,
            terms: vec![3],
            every: 1,
            unit: IntervalUnit::Month,
            method: RepaymentMethod::EqualInstallments,
            annual_rate: Rate::from_bps(3000),
            day_count: "act/365".into(),
            due_dates: sycee_money::BusinessDayConvention::Unadjusted,
            rounding: Rounding::HalfUp,
            upfront_fee: Rate::zero(),
            penalty_rate: Rate::zero(),
            grace_days: 0,
            cooling_off_days: 3,
            settlement_interest: SettlementInterest::ToTheDay,
            allocation: Vec::new(),
            contract_template: "loan".into(),
            effective_from: date(2026, 1, 1),
        },
    }
}
