//! What the loan engine keeps of a loan: what was agreed, where it stands, each attempt to pay it out.
//!
//! Invariant: `LoanApplication` is written when the loan is applied for; what changes often stands in `LoanOrder`, so that
//! the row that is rewritten stays small.
//! Invariant: `LoanOrder::disbursement` names the attempt that is under way or succeeded, never one that failed.

use sycee_contract::{
    CustomerId, Date, DecisionId, DisbursementOrderId, DocumentId, EntryId, FundAccountId, LoanId, LoanStatus, OfferId,
    OtpChallengeId, PartnerId, PaymentId, PayoutAccount, ProductTerms, ReservationId, RouteId, Sensitive, Timestamp,
};
use sycee_money::{Money, Rate};
use sycee_runtime::{Json, entity, text_enum};

use super::machine::{self, LoanSignal};
use crate::Step;

/// A state that a loan reached, and when, in microseconds since the Unix epoch.
pub type Transition = (LoanStatus, i64);

text_enum! {
    /// How far the books of a payout are: each stage includes those before it.
    pub enum BookingStage {
        /// Money has not moved.
        NotStarted,
        /// The ledger was asked to post.
        Requested,
        /// The ledger entry exists.
        EntryPosted,
        /// The signed contract is on file.
        ContractFiled,
        /// The loan note exists.
        NoteCreated,
        /// The schedule exists.
        Scheduled,
    }
}

text_enum! {
    /// What became of an attempt to pay out.
    pub enum DisbursementStatus {
        /// Asked for, not answered.
        Requested,
        /// Money reached the borrower.
        Succeeded,
        /// Money did not move.
        Failed,
    }
}

entity! {
    /// What a customer and the lender agreed on.
    pub struct LoanApplication in "loan_application" of "loan-engine" key loan: LoanId {
        /// The loan.
        loan: LoanId,
        /// The customer.
        customer: CustomerId,
        /// The offer that was taken.
        offer: OfferId,
        /// The rules it is sold under, with the customer's own rate.
        terms: Json<ProductTerms>,
        /// Funders that may finance the product version, by code; empty means any.
        funders: Json<Vec<String>>,
        /// Principal.
        principal: Money,
        /// Number of installments.
        term: u32,
        /// Fee kept from the payout.
        upfront_fee: Money,
        /// What the borrower receives.
        net_proceeds: Money,
        /// Sum due by the first installment.
        first_installment: Money,
        /// Sum of everything due by plan.
        total_due: Money,
        /// Annual percentage rate, as a fraction.
        apr: Rate,
        /// What the money is for.
        purpose: String,
        /// Language of the contract, BCP 47.
        language: String,
        /// Channel of the payout.
        payout_channel: String,
        /// Account number of the payout.
        payout_number: Sensitive,
        /// Holder of the account.
        payout_holder: Sensitive,
        /// Whether installments may be pulled from that account.
        direct_debit: bool,
    }
    subject customer;
}

impl LoanApplication {
    /// Where the money goes.
    pub fn payout_account(&self) -> PayoutAccount {
        PayoutAccount {
            channel: self.payout_channel.clone(),
            number: self.payout_number.clone(),
            holder: self.payout_holder.clone(),
        }
    }
}

entity! {
    /// Where a loan stands.
    pub struct LoanOrder in "loan_order" of "loan-engine" key loan: LoanId {
        /// The loan.
        loan: LoanId,
        /// The customer.
        customer: CustomerId,
        /// State.
        status: LoanStatus,
        /// Why it was refused, failed or ended, as a stable code.
        reason: Option<String>,
        /// Whether a part of the credit line is held for it; when it is paid out the hold becomes use.
        line_reserved: bool,
        /// The risk decision behind it.
        decision: Option<DecisionId>,
        /// The decision must not be used after this.
        decision_valid_until: Option<Timestamp>,
        /// The contract.
        document: Option<DocumentId>,
        /// BLAKE3 of the contract, hex.
        document_hash: Option<String>,
        /// Everything that the contract's plan asks for.
        contract_total: Option<Money>,
        /// The contract cannot be signed after this.
        contract_expires_at: Option<Timestamp>,
        /// Searches that found no funder.
        routings_failed: u32,
        /// Attempts to pay out, the running one included.
        attempts: u32,
        /// Funders that failed since the last pause.
        excluded: Json<Vec<PartnerId>>,
        /// The chosen route.
        route: Option<RouteId>,
        /// The chosen funder.
        funder: Option<PartnerId>,
        /// The funder's account.
        fund_account: Option<FundAccountId>,
        /// Whether the funder pays with its own system.
        pays_itself: bool,
        /// The reservation of the funder's money.
        reservation: Option<ReservationId>,
        /// The attempt that is under way or succeeded.
        disbursement: Option<DisbursementOrderId>,
        /// How far the books of the payout are.
        booking: BookingStage,
        /// Ledger entry of the payout.
        entry: Option<EntryId>,
        /// Business date of the payout.
        disbursed_on: Option<Date>,
        /// Number of the installment that is due today.
        due_nr: Option<u32>,
        /// States it reached, in order; days due and overdue are in the message log only.
        trace: Json<Vec<Transition>>,
    }
}

impl LoanOrder {
    /// A loan that nobody has looked at.
    pub fn draft(loan: LoanId, customer: CustomerId) -> Self {
        Self {
            loan,
            customer,
            status: LoanStatus::Draft,
            reason: None,
            line_reserved: false,
            decision: None,
            decision_valid_until: None,
            document: None,
            document_hash: None,
            contract_total: None,
            contract_expires_at: None,
            routings_failed: 0,
            attempts: 0,
            excluded: Json(Vec::new()),
            route: None,
            funder: None,
            fund_account: None,
            pays_itself: false,
            reservation: None,
            disbursement: None,
            booking: BookingStage::NotStarted,
            entry: None,
            disbursed_on: None,
            due_nr: None,
            trace: Json(Vec::new()),
        }
    }

    /// Applies `signal` at `now`: moves the state when the machine says so, and says what the machine said.
    pub fn apply(&mut self, signal: LoanSignal, now: Timestamp) -> Step<LoanStatus> {
        let verdict = machine::step(self.status, signal);
        if let Step::To(next) = verdict {
            self.status = next;
            if !matches!(signal, LoanSignal::FallDue | LoanSignal::FallOverdue | LoanSignal::CatchUp) {
                self.trace.0.push((next, now.as_micros()));
            }
        }
        verdict
    }

    /// Applies `signal` and says whether it moved the state.
    pub fn moves(&mut self, signal: LoanSignal, now: Timestamp) -> bool {
        matches!(self.apply(signal, now), Step::To(_))
    }

    /// Whether the risk decision behind the loan may be used at `now`.
    pub fn decision_holds(&self, now: Timestamp) -> bool {
        self.decision_valid_until.is_some_and(|until| now <= until)
    }

    /// Forgets the chosen route and what hangs on it, so that another one can be chosen.
    pub fn drop_route(&mut self) {
        self.route = None;
        self.funder = None;
        self.fund_account = None;
        self.disbursement = None;
    }
}

entity! {
    /// The signature under a contract.
    pub struct ContractSignature in "contract_signature" of "loan-engine" key loan: LoanId {
        /// The loan.
        loan: LoanId,
        /// The customer who signed.
        customer: CustomerId,
        /// The contract.
        document: DocumentId,
        /// BLAKE3 of the text that was signed, hex.
        document_hash: String,
        /// When.
        signed_at: Timestamp,
        /// Who sent the request.
        signed_by: String,
        /// The one-time password that confirmed it.
        challenge: Option<OtpChallengeId>,
        /// When it was confirmed.
        confirmed_at: Option<Timestamp>,
        /// Device it was confirmed on.
        device_id: Option<String>,
    }
}

entity! {
    /// One attempt to pay a loan out.
    pub struct DisbursementOrder in "disbursement_order" of "loan-engine" key id: DisbursementOrderId {
        /// The attempt.
        id: DisbursementOrderId,
        /// The loan.
        loan: LoanId,
        /// Attempt, 1 upwards.
        attempt: u32,
        /// Who funds it.
        funder: PartnerId,
        /// From which account.
        fund_account: FundAccountId,
        /// Under which reservation.
        reservation: ReservationId,
        /// What goes out.
        amount: Money,
        /// What became of it.
        status: DisbursementStatus,
        /// Our payment, when ours.
        payment: Option<PaymentId>,
        /// The partner's or channel's reference.
        reference: Option<String>,
        /// Why it failed, as a stable code.
        reason: Option<String>,
    }
}

entity! {
    /// What counts for all loans of a customer.
    pub struct CustomerLoans in "customer_loans" of "loan-engine" key customer: CustomerId {
        /// The customer.
        customer: CustomerId,
        /// Loans applied for or not repaid.
        open: u32,
        /// Whether the credit line is frozen.
        line_frozen: bool,
    }
}

impl CustomerLoans {
    /// A customer without loans.
    pub fn none(customer: CustomerId) -> Self {
        Self { customer, open: 0, line_frozen: false }
    }
}

entity! {
    /// Who may finance a product version.
    pub struct ProductFunding in "product_funding" of "loan-engine" key (product, version): (String, u32) {
        /// Product code.
        product: String,
        /// Product version.
        version: u32,
        /// Funders by code; empty means any.
        funders: Json<Vec<String>>,
    }
}
