//! Asset domain: notes, schedules, due lists, postings, the daily close.

use sycee_money::{Money, Rate};

use crate::message::{commands, events};
use crate::messages::part;
use crate::{
    CustomerId, Date, DocumentId, DuePart, EntryId, FundAccountId, LoanId, PartnerId, PlannedInstallment, PostingId,
    PostingParts, ProductTerms, RepaymentKind, RepaymentOrderId,
};

part! { /// What one installment asks for and has received.
struct InstallmentDue { /// Number, 1 upwards.
    nr: u32, /// Due date.
    due_date: Date, /// Principal not paid.
    principal: Money, /// Interest not paid.
    interest: Money, /// Fee not paid.
    fee: Money, /// Penalty not paid.
    penalty: Money, /// Sum of the above.
    outstanding: Money, } }

part! { /// A loan on a due list.
struct LoanDue { /// The loan.
    loan: LoanId, /// Product code.
    product: String, /// Due today or overdue.
    due_now: Money, /// Everything outstanding by plan.
    outstanding: Money, /// Days past due.
    days_past_due: u32, /// Last day of the cooling-off time.
    cooling_off_until: Date, /// Installments with something outstanding, oldest first.
    installments: Vec<InstallmentDue>, } }

part! { /// What query-asset-due-list answers.
struct DueList { /// The customer's loans with something outstanding.
    loans: Vec<LoanDue>, } }

part! { /// What a repayment would do.
struct PostingQuote { /// The loan.
    loan: LoanId, /// The customer.
    customer: CustomerId, /// Who funded it.
    funder: PartnerId, /// From which account.
    fund_account: FundAccountId, /// Product code.
    product: String, /// What for.
    kind: RepaymentKind, /// What to pay.
    amount: Money, /// How it is split.
    parts: PostingParts, /// Due today or overdue, before it.
    due_now: Money, /// Whether it settles the loan.
    settles: bool, /// The figures hold on this date.
    as_of: Date, } }

part! { /// Where a loan stands, as the split of a payment needs it.
struct LoanPosition { /// The loan.
    loan: LoanId, /// The customer.
    customer: CustomerId, /// Who funded it.
    funder: PartnerId, /// From which account.
    fund_account: FundAccountId, /// Product code.
    product: String, /// Order in which a payment covers an installment's parts.
    allocation: Vec<DuePart>, /// Interest earned and not paid.
    interest_receivable: Money, /// Installments with something outstanding, oldest first; none when the loan is settled.
    installments: Vec<InstallmentDue>, } }

part! { /// What repayment-calculation-service contributes: the split.
struct PostingContribution { /// How a payment is split over the installments.
    parts: PostingParts, } }

commands! {
    /// Files the signed contract and creates the loan note.
    "create-loan-contract" CreateLoanContract -> () {
        owner: "asset-center", nature: Request,
        undo: none "it files what was signed and paid out; a wrong entry is reversed and people put the note right",
    } fields {
        /// The loan.
        loan: LoanId,
        /// The customer.
        customer: CustomerId,
        /// The signed document.
        document: DocumentId,
        /// Its hash.
        document_hash: String,
        /// The rules it was sold under, with the customer's rate.
        terms: ProductTerms,
        /// Principal.
        principal: Money,
        /// Number of installments.
        term: u32,
        /// Fee kept from the payout.
        upfront_fee: Money,
        /// Who funded it.
        funder: PartnerId,
        /// From which account.
        fund_account: FundAccountId,
        /// Ledger entry of the payout.
        entry: EntryId,
        /// Business date of the payout.
        disbursed_on: Date,
    }

    /// Lists what a customer owes, oldest first.
    "query-asset-due-list" QueryAssetDueList -> DueList {
        owner: "asset-center", nature: Query, open_to: customer,
        undo: none "it changes nothing",
    } fields {
        /// The customer.
        customer: CustomerId,
    }

    /// Tells where a loan stands by installment, for the services that calculate with it.
    "query-loan-position" QueryLoanPosition -> LoanPosition {
        owner: "asset-center", nature: Query,
        undo: none "it changes nothing",
    } fields {
        /// The loan.
        loan: LoanId,
        /// The business date whose penalties count, for money that was paid before it was heard of; today when absent.
        as_of: Option<Date>,
    }

    /// Says how a repayment would be split, or what settles or cancels the loan.
    "calculate-repayment-posting" CalculateRepaymentPosting -> PostingQuote {
        owner: "asset-center", nature: Query, open_to: customer,
        participants: ["repayment-calculation-service"] => PostingContribution,
        errors: ["LOAN_NOT_YOURS", "NOTHING_DUE", "COOLING_OFF_OVER", "AMOUNT_BELOW_SETTLEMENT"],
        undo: none "it changes nothing",
    } fields {
        /// The customer, whose loan it must be.
        customer: CustomerId,
        /// The loan.
        loan: LoanId,
        /// What for.
        kind: RepaymentKind,
        /// What is paid; when absent what is due, settles or cancels.
        amount: Option<Money>,
        /// The business date whose figures hold, for money that was paid before it was heard of; today when absent.
        as_of: Option<Date>,
    }

    /// Closes a business day for a page of loans: interest, days past due, penalties, buckets.
    "close-asset-day" CloseAssetDay -> () {
        owner: "asset-center", nature: Fact,
        undo: none "a closed day stays closed; what comes later is booked to the open day",
    } fields {
        /// The day to close.
        date: Date,
        /// Loans after this one; from the first when absent.
        after: Option<LoanId>,
    }
}

events! {
    /// The market's business date moved on. Emitted by the runtime's clock on behalf of the asset center.
    "business-date-advanced" BusinessDateAdvanced { producers: ["asset-center"] } fields {
        /// The day that ended.
        closed: Date,
        /// The day that began.
        opened: Date,
    }

    /// A business day is closed for every loan.
    "asset-day-closed" AssetDayClosed { producers: ["asset-center"] } fields {
        /// The day.
        date: Date,
    }

    /// The signed contract is on file.
    "loan-contract-created" LoanContractCreated { producers: ["asset-center"] } fields {
        /// The loan.
        loan: LoanId,
        /// The document.
        document: DocumentId,
        /// Its hash.
        document_hash: String,
    }

    /// A loan note exists.
    "loan-note-created" LoanNoteCreated { producers: ["asset-center"] } fields {
        /// The loan.
        loan: LoanId,
        /// The customer.
        customer: CustomerId,
        /// Product code.
        product: String,
        /// Product version.
        version: u32,
        /// Principal.
        principal: Money,
        /// Annual rate, as a fraction.
        annual_rate: Rate,
        /// Number of installments.
        term: u32,
        /// Business date of the payout.
        disbursed_on: Date,
        /// Who funded it.
        funder: PartnerId,
    }

    /// A loan's schedule is fixed.
    "repayment-schedule-generated" RepaymentScheduleGenerated { producers: ["asset-center", "repayment-plan-service"] } fields {
        /// The loan.
        loan: LoanId,
        /// Version of the schedule, 1 upwards; one is active.
        version: u32,
        /// The installments.
        installments: Vec<PlannedInstallment>,
        /// Whether they stand on the loan's note: the plan service says what it generated, the asset center that it is kept.
        on_note: bool,
    }

    /// Due lists were read.
    "asset-due-list-queried" AssetDueListQueried { producers: ["asset-center"] } fields {
        /// The customer.
        customer: CustomerId,
        /// The list.
        list: DueList,
    }

    /// It is known how a repayment would be split.
    "repayment-posting-calculated" RepaymentPostingCalculated {
        producers: ["asset-center", "repayment-calculation-service", "repayment-engine"]
    } fields {
        /// The quote.
        quote: PostingQuote,
    }

    /// Money was posted to a loan note.
    "asset-posting-applied" AssetPostingApplied { producers: ["asset-center"] } fields {
        /// The posting.
        posting: PostingId,
        /// The loan.
        loan: LoanId,
        /// The customer.
        customer: CustomerId,
        /// The order, when there was one.
        order: Option<RepaymentOrderId>,
        /// Ledger entry.
        entry: EntryId,
        /// What for.
        kind: RepaymentKind,
        /// What was paid.
        amount: Money,
        /// How it was split.
        parts: PostingParts,
        /// Principal outstanding after it.
        principal_outstanding: Money,
        /// Installments it settled, by number.
        installments_settled: Vec<u32>,
        /// Whether it settled the loan.
        settled: bool,
    }

    /// A repayment is in the books and on the note.
    "repayment-succeeded" RepaymentSucceeded { producers: ["asset-center"] } fields {
        /// The posting.
        posting: PostingId,
        /// The loan.
        loan: LoanId,
        /// The customer.
        customer: CustomerId,
        /// Who funded the loan.
        funder: PartnerId,
        /// From which account.
        fund_account: FundAccountId,
        /// The order, when there was one.
        order: Option<RepaymentOrderId>,
        /// What for.
        kind: RepaymentKind,
        /// What was paid.
        amount: Money,
        /// How it was split.
        parts: PostingParts,
        /// Principal outstanding after it.
        principal_outstanding: Money,
        /// Whether it settled the loan.
        settled: bool,
        /// Most days past due in the loan's life.
        worst_days_past_due: u32,
    }

    /// An installment falls due today, or will in some days.
    "installment-due" InstallmentDueNotice { producers: ["asset-center"] } fields {
        /// The loan.
        loan: LoanId,
        /// The customer.
        customer: CustomerId,
        /// Who funded the loan.
        funder: PartnerId,
        /// Number of the installment.
        nr: u32,
        /// Due date.
        due_date: Date,
        /// Days until it; 0 is today.
        in_days: u32,
        /// Due today or overdue, or what will be due.
        amount: Money,
    }

    /// A loan moved between delinquency buckets: `current`, `1-30`, `31-60`, `61-90`, `90+`.
    "overdue-bucket-changed" OverdueBucketChanged { producers: ["asset-center"] } fields {
        /// The loan.
        loan: LoanId,
        /// The customer.
        customer: CustomerId,
        /// Days past due.
        days_past_due: u32,
        /// Bucket before.
        from: String,
        /// Bucket after.
        to: String,
        /// Due and not paid.
        overdue: Money,
    }
}
