//! Partners, their agreements, and what they are asked to do.

use serde::Deserialize;
use sycee_contract::messages::{FundingContractSigned, RegisterFundingContract};
use sycee_contract::{
    CustomerId, Date, DisbursementOrderId, FundAccountId, FundingContractId, LINE_MAX, LoanId, NAME_MAX, PartnerId,
    PaymentId, Rejection, RepaymentMethodKind, RepaymentOrderId, ReservationId, Timestamp, check_text,
};
use sycee_money::{Currency, Money, Rate};
use sycee_runtime::{Json, entity, text_enum};

/// What the market configures about partners.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PartnerConfig {
    /// Seconds for which a repayment method of a self-collecting partner works.
    pub method_seconds: i64,
    /// Minutes until a partner that pays itself is first asked about a payout; doubles with each poll.
    pub poll_first_minutes: i64,
    /// Polls before people have to ask.
    pub polls_max: u32,
}

impl Default for PartnerConfig {
    fn default() -> Self {
        Self { method_seconds: 86_400, poll_first_minutes: 15, polls_max: 8 }
    }
}

text_enum! {
    /// Who sends a loan's money.
    pub enum PayoutWay {
        /// We, out of own funds.
        OwnFunds,
        /// We, for a partner.
        OurChannels,
        /// The partner's own system.
        PartnerSystem,
    }
}

text_enum! {
    /// States of a disbursement attempt.
    pub enum DisbursementStatus {
        /// Handed to its payer.
        Requested,
        /// The borrower has the money.
        Succeeded,
        /// The borrower does not.
        Failed,
    }
}

text_enum! {
    /// How a disbursement attempt ended.
    pub enum DisbursementOutcome {
        /// Paid.
        Paid,
        /// Not paid.
        NotPaid,
    }
}

/// What an outcome does to a disbursement attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisbursementStep {
    /// It ends so.
    End(DisbursementStatus),
    /// It ended so before.
    AlreadyApplied,
    /// It ended otherwise before.
    Conflict,
}

text_enum! {
    /// What became of money that somebody outside told of.
    pub enum ReceiptStatus {
        /// Passed on for its loan.
        Matched,
        /// In suspense.
        Unmatched,
    }
}

entity! {
    /// A funding partner with its agreement.
    pub struct Partner in "partner" of "partner-hub" key id: PartnerId {
        /// The partner.
        id: PartnerId,
        /// The agreement in force.
        contract: FundingContractId,
        /// Code.
        code: String,
        /// Name.
        name: String,
        /// Country.
        country: String,
        /// Currency.
        currency: Currency,
        /// Cost of funds as a fraction a year.
        cost: Rate,
        /// The most that may be outstanding.
        quota: Money,
        /// Products; empty means any.
        products: Json<Vec<String>>,
        /// Channels; empty means any.
        channels: Json<Vec<String>>,
        /// Whether it pays and collects with its own system.
        pays_itself: bool,
        /// Whether it is the lender itself.
        is_own: bool,
        /// When the agreement was signed.
        signed_at: Timestamp,
    }
    unique index by_code(code: String);
    index by_own(is_own: bool);
}

entity! {
    /// One attempt to pay a loan out.
    pub struct PartnerDisbursement in "partner_disbursement" of "partner-hub" key order: DisbursementOrderId {
        /// The attempt.
        order: DisbursementOrderId,
        /// The loan.
        loan: LoanId,
        /// The customer.
        customer: CustomerId,
        /// The funder.
        funder: PartnerId,
        /// Its account.
        fund_account: FundAccountId,
        /// The reservation it uses.
        reservation: ReservationId,
        /// How much.
        amount: Money,
        /// Who sends it.
        way: PayoutWay,
        /// State.
        status: DisbursementStatus,
        /// Our payment, when ours.
        payment: Option<PaymentId>,
        /// The payer's reference.
        reference: Option<String>,
        /// Why it failed.
        reason: Option<String>,
        /// Number of the effect that asks a partner that pays itself.
        effect: Option<i64>,
        /// How often a partner that pays itself was asked what became of it.
        polls: u32,
        /// When it was asked for.
        requested_at: Timestamp,
        /// When it ended.
        ended_at: Option<Timestamp>,
    }
}

entity! {
    /// A loan that was paid out, with its funder: how money from outside finds it.
    pub struct PartnerLoan in "partner_loan" of "partner-hub" key loan: LoanId {
        /// The loan.
        loan: LoanId,
        /// Its funder.
        funder: PartnerId,
    }
}

entity! {
    /// A repayment that is being collected.
    pub struct PartnerRepayment in "partner_repayment" of "partner-hub" key order: RepaymentOrderId {
        /// The repayment order.
        order: RepaymentOrderId,
        /// The loan.
        loan: LoanId,
        /// The customer.
        customer: CustomerId,
        /// The funder.
        funder: PartnerId,
        /// How much is asked for.
        amount: Money,
        /// How it is paid.
        method: RepaymentMethodKind,
        /// Whether the funder collects it.
        collects_itself: bool,
        /// When it was asked for last.
        requested_at: Timestamp,
    }
}

entity! {
    /// Money that came under a reference; once.
    pub struct PartnerReceipt in "partner_receipt" of "partner-hub" key reference: String {
        /// Our payment or the receiver, and the reference there.
        reference: String,
        /// The loan, when known.
        loan: Option<LoanId>,
        /// The order, when known.
        order: Option<RepaymentOrderId>,
        /// How much.
        amount: Money,
        /// Our payment, when a channel of ours told of it.
        payment: Option<PaymentId>,
        /// What became of it.
        status: ReceiptStatus,
        /// When it was told.
        at: Timestamp,
    }
}

entity! {
    /// What went through a partner on a day: its monitoring.
    pub struct PartnerDay in "partner_day" of "partner-hub" key (partner, day): (PartnerId, Date) {
        /// The partner.
        partner: PartnerId,
        /// Business day.
        day: Date,
        /// Attempts handed over.
        requested: u32,
        /// Attempts that paid.
        paid: u32,
        /// Attempts that failed.
        failed: u32,
        /// Repayments routed to it.
        repayments_routed: u32,
        /// Repayments received.
        repayments_received: u32,
    }
}

impl PartnerReceipt {
    /// Whether a report of `amount` tells of this very money: what both know of it is the same.
    pub fn is_told_by(&self, loan: Option<LoanId>, order: Option<RepaymentOrderId>, amount: Money) -> bool {
        self.amount == amount && agree(self.loan, loan) && agree(self.order, order)
    }
}

fn agree<T: PartialEq>(known: Option<T>, told: Option<T>) -> bool {
    known.is_none() || told.is_none() || known == told
}

impl DisbursementStatus {
    /// What `outcome` does in this state.
    pub const fn step(self, outcome: DisbursementOutcome) -> DisbursementStep {
        match (self, outcome) {
            (Self::Requested, DisbursementOutcome::Paid) => DisbursementStep::End(Self::Succeeded),
            (Self::Requested, DisbursementOutcome::NotPaid) => DisbursementStep::End(Self::Failed),
            (Self::Succeeded, DisbursementOutcome::Paid) => DisbursementStep::AlreadyApplied,
            (Self::Failed, DisbursementOutcome::NotPaid) => DisbursementStep::AlreadyApplied,
            (Self::Succeeded, DisbursementOutcome::NotPaid) => DisbursementStep::Conflict,
            (Self::Failed, DisbursementOutcome::Paid) => DisbursementStep::Conflict,
        }
    }
}

impl PartnerDay {
    /// A quiet day.
    pub fn quiet(partner: PartnerId, day: Date) -> Self {
        Self { partner, day, requested: 0, paid: 0, failed: 0, repayments_routed: 0, repayments_received: 0 }
    }
}

impl Partner {
    /// A partner under a new agreement. Errors: `INVALID_FIELD` names the field and the rule.
    pub fn sign(
        id: PartnerId,
        contract: FundingContractId,
        terms: &RegisterFundingContract,
        at: Timestamp,
    ) -> Result<Self, Rejection> {
        check_terms(terms)?;
        Ok(Self {
            id,
            contract,
            code: terms.code.clone(),
            name: terms.name.clone(),
            country: terms.country.clone(),
            currency: terms.currency,
            cost: terms.cost,
            quota: terms.quota,
            products: Json(terms.products.clone()),
            channels: Json(terms.channels.clone()),
            pays_itself: terms.pays_itself,
            is_own: terms.is_own,
            signed_at: at,
        })
    }

    /// Whether the agreement has these very terms.
    pub fn agrees_with(&self, terms: &RegisterFundingContract) -> bool {
        self.name == terms.name
            && self.country == terms.country
            && self.currency == terms.currency
            && self.cost == terms.cost
            && self.quota == terms.quota
            && *self.products == terms.products
            && *self.channels == terms.channels
            && self.pays_itself == terms.pays_itself
            && self.is_own == terms.is_own
    }

    /// Who sends the money of its loans.
    pub fn payout_way(&self) -> PayoutWay {
        match (self.is_own, self.pays_itself) {
            (true, _) => PayoutWay::OwnFunds,
            (false, false) => PayoutWay::OurChannels,
            (false, true) => PayoutWay::PartnerSystem,
        }
    }

    /// Whether it collects repayments itself.
    pub fn collects_itself(&self) -> bool {
        self.payout_way() == PayoutWay::PartnerSystem
    }

    /// The agreement, as the other services learn it.
    pub fn signed(&self) -> FundingContractSigned {
        FundingContractSigned {
            contract: self.contract,
            partner: self.id,
            code: self.code.clone(),
            name: self.name.clone(),
            country: self.country.clone(),
            currency: self.currency,
            cost: self.cost,
            quota: self.quota,
            products: self.products.0.clone(),
            pays_itself: self.pays_itself,
            is_own: self.is_own,
            channels: self.channels.0.clone(),
        }
    }
}

fn check_terms(terms: &RegisterFundingContract) -> Result<(), Rejection> {
    let is_code = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if terms.code.is_empty() || !terms.code.bytes().all(is_code) {
        return Err(Rejection::invalid("code", "lower-case letters, digits and hyphens", "bridge-capital"));
    }
    check_text("code", &terms.code, NAME_MAX, "bridge-capital")?;
    check_text("name", &terms.name, LINE_MAX, "Bridge Capital")?;
    if terms.country.len() != 2 || !terms.country.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err(Rejection::invalid("country", "ISO 3166 alpha-2", "GH"));
    }
    if terms.cost.is_negative() {
        return Err(Rejection::invalid("cost", "a fraction a year, zero or more", "0.12"));
    }
    if !terms.quota.is_positive() || terms.quota.currency() != terms.currency {
        return Err(Rejection::invalid("quota", "more than zero, in the agreement's currency", "5000000.00"));
    }
    if terms.is_own && terms.pays_itself {
        return Err(Rejection::invalid("paysItself", "own funds are paid by our payment system", "false"));
    }
    Ok(())
}
