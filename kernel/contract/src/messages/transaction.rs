//! Transaction domain: the loan engine and the repayment engine.

use std::collections::BTreeMap;

use sycee_money::{Currency, Money, MoneyError, Rate};

use crate::message::{commands, events};
use crate::messages::part;
use crate::{
    CustomerId, Date, DisbursementOrderId, DocumentId, EntryId, FundAccountId, LoanId, MandateId, OfferId,
    OtpChallengeId, PartnerId, PaymentId, PostingId, RenderedDocument, RepaymentOrderId, ReservationId, RouteId,
    Sensitive, Timestamp,
};

part! { /// States of a loan; `docs/loan-states.md` draws how they follow each other.
enum LoanStatus { /// Being filled in.
    Draft, /// Handed in.
    Submitted, /// Risk is looking.
    AutoChecking, /// Refused by risk.
    AutoRejected, /// Approved by risk.
    AutoApproved, /// A person looks.
    ManualReview, /// Refused by a person.
    ManualRejected, /// Approved.
    Approved, /// The contract waits for a signature.
    ContractPending, /// Signed.
    ContractSigned, /// Money is being found and sent.
    DisbursePending, /// An attempt to pay out failed.
    DisburseFailed, /// Ledger, asset and plan exist.
    Disbursed, /// Running, nothing due.
    Active, /// An installment is due today.
    DueToday, /// Something is overdue.
    Overdue, /// Nothing is owed.
    Repaid, /// Written off.
    WriteOff, /// Ended before money moved.
    Cancelled, /// The payout was taken back.
    Reversed, } }

part! { /// Where a borrower's money goes.
struct PayoutAccount { /// Channel, such as `mtn-momo`.
    channel: String, /// Wallet or account number.
    number: Sensitive, /// Holder's name.
    holder: Sensitive, } }

part! { /// What submit-loan-application answers.
struct LoanApplicationAnswer { /// The loan.
    loan: LoanId, /// State when the application was taken in.
    status: LoanStatus, } }

part! { /// What a repayment order is for.
enum RepaymentKind { /// What is due, oldest first.
    Normal, /// Everything, before its time.
    EarlySettlement, /// Back out in the cooling-off time.
    Cancel, } }

part! { /// How the borrower pays.
enum RepaymentMethodKind { /// A QR code.
    Qr, /// A virtual account number.
    VirtualAccount, /// A link that opens the wallet app.
    DeepLink, /// Pulled under a mandate.
    DirectDebit, } }

part! { /// States of a repayment order.
enum RepaymentOrderStatus { /// Created.
    Created, /// A way to pay exists.
    AwaitingPayment, /// Money arrived, books are being written.
    Received, /// Posted to the loan.
    Succeeded, /// The payment failed.
    Failed, /// Nobody paid in time.
    Expired, } }

part! { /// Money for a loan, split into what it pays.
struct PostingParts { /// Principal.
    principal: Money, /// Interest earned and not paid before.
    interest: Money, /// Interest not yet earned, paid in advance.
    interest_advance: Money, /// Fees.
    fee: Money, /// Penalties.
    penalty: Money, /// Principal that a refunded upfront fee covers (cancellation).
    fee_refund: Money, /// Earned interest given up (cancellation).
    interest_waived: Money, /// Principal that interest paid in advance and not earned covers (early settlement).
    interest_refund: Money, /// More than was owed: the customer's credit balance.
    surplus: Money, /// The earlier day by whose figures it is split, for money that was paid before it was heard of.
    as_of: Option<Date>, } }

impl PostingParts {
    /// Nothing of anything.
    pub const fn nothing(currency: Currency) -> Self {
        let zero = Money::zero(currency);
        Self {
            principal: zero,
            interest: zero,
            interest_advance: zero,
            fee: zero,
            penalty: zero,
            fee_refund: zero,
            interest_waived: zero,
            interest_refund: zero,
            surplus: zero,
            as_of: None,
        }
    }

    /// What is paid with money: everything but refunds and waivers. Errors: `CurrencyMismatch`, `Overflow`.
    pub fn paid(&self) -> Result<Money, MoneyError> {
        let parts = [self.principal, self.interest, self.interest_advance, self.fee, self.penalty, self.surplus];
        Money::sum(self.surplus.currency(), parts)
    }

    /// By how much principal falls: paid, or covered by a refunded fee or by refunded interest. Errors: as [`Self::paid`].
    pub fn principal_covered(&self) -> Result<Money, MoneyError> {
        Money::sum(self.surplus.currency(), [self.principal, self.fee_refund, self.interest_refund])
    }

    /// The amounts of a ledger event: every part by its name in kebab-case, and `amount`. Errors: as [`Self::paid`].
    pub fn ledger_amounts(&self) -> Result<BTreeMap<String, Money>, MoneyError> {
        Ok([
            ("amount", self.paid()?),
            ("principal", self.principal),
            ("interest", self.interest),
            ("interest-advance", self.interest_advance),
            ("fee", self.fee),
            ("penalty", self.penalty),
            ("fee-refund", self.fee_refund),
            ("interest-waived", self.interest_waived),
            ("interest-refund", self.interest_refund),
            ("surplus", self.surplus),
        ]
        .into_iter()
        .map(|(name, amount)| (name.to_owned(), amount))
        .collect())
    }
}

part! { /// What create-repayment-order answers.
struct RepaymentOrderAnswer { /// The order.
    order: RepaymentOrderId, /// What to pay.
    amount: Money, } }

commands! {
    /// A customer takes an offer: becomes a loan application.
    "submit-loan-application" SubmitLoanApplication -> LoanApplicationAnswer {
        owner: "loan-engine", nature: Request, open_to: customer,
        errors: ["OFFER_EXPIRED", "OFFER_NOT_YOURS", "AMOUNT_OUT_OF_RANGE", "TERM_NOT_OFFERED", "CREDIT_LIMIT_EXCEEDED",
                 "CREDIT_LINE_FROZEN", "CREDIT_LINE_EXPIRED", "NO_CREDIT_LINE", "TOO_MANY_OPEN_LOANS", "CHANNEL_UNKNOWN"],
        undo: by "cancel-loan-application",
    } fields {
        /// The customer.
        customer: CustomerId,
        /// The offer.
        offer: OfferId,
        /// Principal.
        amount: Money,
        /// Number of installments.
        term: u32,
        /// What the money is for.
        purpose: String,
        /// Where it goes.
        payout_account: PayoutAccount,
        /// Whether installments may be pulled from that account on their due dates.
        direct_debit: bool,
        /// Language of the contract, BCP 47.
        language: String,
    }

    /// A person decides a loan application in manual review.
    "review-loan-application" ReviewLoanApplication -> () {
        owner: "loan-engine", nature: Request, errors: ["DECISION_EXPIRED"],
        undo: by "cancel-loan-application",
    } fields {
        /// The loan.
        loan: LoanId,
        /// Approve, or reject.
        approve: bool,
        /// Why.
        note: String,
    }

    /// The customer signs the contract, by the hash that was shown.
    "sign-loan-contract" SignLoanContract -> LoanApplicationAnswer {
        owner: "loan-engine", nature: Request, open_to: customer, errors: ["CONTRACT_HASH_MISMATCH", "OFFER_EXPIRED", "LOAN_NOT_YOURS", "DECISION_EXPIRED", "CREDIT_LINE_FROZEN",
                 "SIGNATURE_NOT_CONFIRMED"],
        undo: by "cancel-loan-application",
    } fields {
        /// The loan.
        loan: LoanId,
        /// The customer.
        customer: CustomerId,
        /// Hash of the text the customer saw.
        document_hash: String,
        /// The one-time password that confirm-signature answered, where the market asks for one.
        challenge: Option<OtpChallengeId>,
    }

    /// Ends a loan before money moved.
    "cancel-loan-application" CancelLoanApplication -> LoanApplicationAnswer {
        owner: "loan-engine", nature: Request, open_to: customer, errors: ["LOAN_NOT_YOURS"],
        undo: none "the customer applies again",
    } fields {
        /// The loan.
        loan: LoanId,
        /// The customer.
        customer: CustomerId,
        /// Why, as a stable code.
        reason: String,
    }

    /// A signature did not come in time, or a failed payout is to be tried again: the loan engine's own alarm.
    "resume-loan" ResumeLoan -> () {
        owner: "loan-engine", nature: Fact,
        undo: none "an alarm continues what was under way",
    } fields {
        /// The loan.
        loan: LoanId,
        /// What woke it: `contract-expired`, `retry-disbursement` or `book-disbursement`.
        alarm: String,
    }

    /// Creates an order to repay, with a way to pay it.
    "create-repayment-order" CreateRepaymentOrder -> RepaymentOrderAnswer {
        owner: "repayment-engine", nature: Request, open_to: customer,
        errors: ["LOAN_NOT_YOURS", "NOTHING_DUE", "COOLING_OFF_OVER", "AMOUNT_BELOW_SETTLEMENT", "NO_MANDATE", "DEBIT_UNDER_WAY"],
        undo: none "an order that nobody pays expires",
    } fields {
        /// The customer.
        customer: CustomerId,
        /// The loan.
        loan: LoanId,
        /// What for.
        kind: RepaymentKind,
        /// Amount for a normal repayment; what is due when absent.
        amount: Option<Money>,
        /// How the customer pays.
        method: RepaymentMethodKind,
    }

    /// A repayment order was not paid in time, or a bounced direct debit is tried again: the repayment engine's own alarm.
    "resume-repayment" ResumeRepayment -> () {
        owner: "repayment-engine", nature: Fact,
        undo: none "an alarm continues what was under way",
    } fields {
        /// The order.
        order: RepaymentOrderId,
        /// What woke it: `expired` or `retry-debit`.
        alarm: String,
    }
}

events! {
    /// A loan application was handed in.
    "loan-application-created" LoanApplicationCreated { producers: ["loan-engine"] } fields {
        /// The loan.
        loan: LoanId,
        /// The customer.
        customer: CustomerId,
        /// Product code.
        product: String,
        /// Product version.
        version: u32,
        /// Principal.
        amount: Money,
        /// Number of installments.
        term: u32,
        /// What the money is for.
        purpose: String,
        /// Sum due by the plan's first installment.
        first_installment: Money,
    }

    /// A loan was approved; its contract waits for a signature.
    "loan-application-approved" LoanApplicationApproved { producers: ["loan-engine"] } fields {
        /// The loan.
        loan: LoanId,
        /// The customer.
        customer: CustomerId,
        /// Principal.
        amount: Money,
        /// The contract to sign.
        contract: RenderedDocument,
        /// Sign before this.
        expires_at: Timestamp,
    }

    /// A loan was refused.
    "loan-application-rejected" LoanApplicationRejected { producers: ["loan-engine"] } fields {
        /// The loan.
        loan: LoanId,
        /// The customer.
        customer: CustomerId,
        /// Why, as stable codes.
        reasons: Vec<String>,
    }

    /// A loan application waits for a person.
    "loan-application-referred" LoanApplicationReferred { producers: ["loan-engine"] } fields {
        /// The loan.
        loan: LoanId,
        /// The customer.
        customer: CustomerId,
        /// Why.
        reasons: Vec<String>,
    }

    /// A loan contract was signed.
    "loan-contract-signed" LoanContractSigned { producers: ["loan-engine"] } fields {
        /// The loan.
        loan: LoanId,
        /// The customer.
        customer: CustomerId,
        /// The document.
        document: DocumentId,
    }

    /// A loan application ended before money moved.
    "loan-application-cancelled" LoanApplicationCancelled { producers: ["loan-engine"] } fields {
        /// The loan.
        loan: LoanId,
        /// The customer.
        customer: CustomerId,
        /// Why, as a stable code.
        reason: String,
        /// Whether the customer asked for it.
        by_customer: bool,
    }

    /// Money for a loan is wanted from an account: demand, before the reservation.
    "fund-reservation-requested" FundReservationRequested { producers: ["loan-engine"] } fields {
        /// The loan.
        loan: LoanId,
        /// The fund account.
        fund_account: FundAccountId,
        /// What is wanted.
        amount: Money,
    }

    /// A loan's money may go out.
    "disbursement-requested" DisbursementRequested { producers: ["loan-engine"] } fields {
        /// This attempt.
        order: DisbursementOrderId,
        /// The loan.
        loan: LoanId,
        /// The customer.
        customer: CustomerId,
        /// Attempt, 1 upwards.
        attempt: u32,
        /// Who funds it.
        funder: PartnerId,
        /// From which account.
        fund_account: FundAccountId,
        /// Under which reservation.
        reservation: ReservationId,
        /// By which route.
        route: RouteId,
        /// What goes out.
        amount: Money,
        /// What the borrower will owe, at least the amount.
        principal: Money,
        /// Where it goes.
        payout_account: PayoutAccount,
        /// Whether the funder pays with its own system.
        pays_itself: bool,
    }

    /// Ledger, asset and plan exist: the loan is disbursed.
    "disbursement-succeeded" DisbursementSucceeded { producers: ["loan-engine"] } fields {
        /// The loan.
        loan: LoanId,
        /// The customer.
        customer: CustomerId,
        /// Principal.
        principal: Money,
        /// What the borrower received.
        net_proceeds: Money,
        /// Who funded it.
        funder: PartnerId,
        /// From which account.
        fund_account: FundAccountId,
        /// The reservation it used.
        reservation: ReservationId,
        /// The payment that carried it, when ours.
        payment: Option<PaymentId>,
        /// Ledger entry.
        entry: EntryId,
        /// Annual rate, as a fraction.
        annual_rate: Rate,
        /// Business date.
        disbursed_on: Date,
        /// Due date of the first installment.
        first_due: Date,
    }

    /// An attempt to pay out failed.
    "disbursement-failed" DisbursementFailed { producers: ["loan-engine"] } fields {
        /// The loan.
        loan: LoanId,
        /// The customer.
        customer: CustomerId,
        /// The reservation, when there was one.
        reservation: Option<ReservationId>,
        /// Why, as a stable code.
        reason: String,
        /// Whether another attempt follows.
        will_retry: bool,
    }

    /// A loan's state changed after its payout: due, overdue, active again, repaid.
    "loan-status-changed" LoanStatusChanged { producers: ["loan-engine"] } fields {
        /// The loan.
        loan: LoanId,
        /// The customer.
        customer: CustomerId,
        /// Before.
        from: LoanStatus,
        /// After.
        to: LoanStatus,
    }

    /// A repayment order exists.
    "repayment-order-created" RepaymentOrderCreated { producers: ["repayment-engine"] } fields {
        /// The order.
        order: RepaymentOrderId,
        /// The loan.
        loan: LoanId,
        /// The customer.
        customer: CustomerId,
        /// Who funded the loan.
        funder: PartnerId,
        /// What for.
        kind: RepaymentKind,
        /// What to pay.
        amount: Money,
        /// How.
        method: RepaymentMethodKind,
        /// The mandate, for a direct debit.
        mandate: Option<MandateId>,
    }

    /// It is decided who collects a repayment.
    "repayment-route-selected" RepaymentRouteSelected { producers: ["repayment-engine"] } fields {
        /// The order.
        order: RepaymentOrderId,
        /// The loan.
        loan: LoanId,
        /// Who funded the loan.
        funder: PartnerId,
        /// Whether the funder collects with its own system.
        collects_itself: bool,
    }

    /// A repayment order ended without money.
    "repayment-order-closed" RepaymentOrderClosed { producers: ["repayment-engine"] } fields {
        /// The order.
        order: RepaymentOrderId,
        /// The loan.
        loan: LoanId,
        /// The customer.
        customer: CustomerId,
        /// `failed` or `expired`.
        status: RepaymentOrderStatus,
        /// Why, as a stable code.
        reason: String,
        /// For a direct debit: whether it will be tried again.
        will_retry: bool,
        /// The posting, when one was made all the same.
        posting: Option<PostingId>,
    }
}
