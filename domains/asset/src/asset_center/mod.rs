//! Asset center: loan notes from payout to settlement, their due lists, postings and daily close.
//!
//! Invariant: principal outstanding of a note is the principal its installments ask for.
//! Invariant: interest receivable of a note = max(0, accrued − paid); the books carry the same sum.
//! Invariant: a note's rules are those of its contract, for life.

mod accrual;
mod close;
mod error;
mod installments;
mod note;
mod posting;
mod quote;

use std::collections::BTreeMap;

use sycee_contract::{
    AssetDayClosed, AssetDueListQueried, AssetPostingApplied, BusinessDateAdvanced, CalculateEarlySettlement,
    CalculateLoanCancelRepayment, CalculateRepaymentPlan, CloseAssetDay, CreateLoanContract, CustomerId, Date,
    DisbursementSucceeded, DocumentId, EntryId, InstallmentDueNotice, LoanContractCreated, LoanId, LoanNoteCreated,
    OpenWorkOrder, OverdueBucketChanged, PartnerId, PostLedgerEvent, ProductTerms, ProductVersionPublished, Rejection,
    RepaymentPlanCalculated, RepaymentPostingCalculated, RepaymentScheduleGenerated, RepaymentSucceeded,
};
use sycee_money::{Money, Rate};
use sycee_runtime::{Fault, Halt, Handled, Json, Registry, Work, entity};

pub use accrual::{AccrualSegment, AccrualTotal, DayAccrual, LoanAccrual, SegmentGroup, explain_accrual};
pub use close::{AssetClose, ClosedDay, PAGE, REMINDER_DAYS};
pub use error::NoteError;
pub use installments::{InstallmentState, LoanInstallments, Totals};
pub use note::{Accrual, Bucket, LoanNote, NoteRules, NoteStatus, RunningPeriod};
pub use posting::{Applied, RepaymentPosting};
pub use quote::QuoteRejection;

impl From<NoteError> for Halt {
    fn from(error: NoteError) -> Self {
        Self::Fault(Fault::bug("a loan note's figures do not fit").because(error))
    }
}

entity! {
    /// A signed loan contract on file.
    pub struct LoanContract in "loan_contract" of "asset-center" key loan: LoanId {
        /// The loan.
        loan: LoanId,
        /// The customer.
        customer: CustomerId,
        /// The signed document.
        document: DocumentId,
        /// Its hash.
        document_hash: String,
        /// The rules it was sold under, with the customer's rate.
        terms: Json<ProductTerms>,
        /// Ledger entry of the payout.
        entry: EntryId,
        /// Business date of the payout.
        disbursed_on: Date,
        /// Annual percentage rate of the plan, effective, as a fraction.
        apr: Option<Rate>,
        /// Everything due by the plan.
        total_due: Option<Money>,
    }
}

entity! {
    /// The loans of a customer that are not settled.
    pub struct CustomerAssets in "customer_assets" of "asset-center" key customer: CustomerId {
        /// The customer.
        customer: CustomerId,
        /// Open loans, oldest first.
        loans: Json<Vec<LoanId>>,
    }
}

entity! {
    /// The rules of a published product version, to compare contracts with.
    pub struct AssetProduct in "asset_product" of "asset-center" key (product, version): (String, u32) {
        /// Product code.
        product: String,
        /// Version.
        version: u32,
        /// The rules that notes are run by.
        rules: Json<NoteRules>,
        /// First day of sale.
        effective_from: Date,
    }
}

pub(crate) fn register(registry: &mut Registry) {
    registry
        .service("asset-center")
        .entity::<LoanContract>()
        .entity::<LoanNote>()
        .entity::<LoanInstallments>()
        .entity::<RepaymentPosting>()
        .entity::<CustomerAssets>()
        .entity::<AssetProduct>()
        .entity::<AssetClose>()
        .entity::<AccrualTotal>()
        .entity::<AccrualSegment>()
        .handles(create_loan_contract)
        .handles(quote::query_due_list)
        .handles(quote::query_position)
        .handles(quote::calculate_posting)
        .handles(close::close_asset_day)
        .on(keep_product_version)
        .on(plan_note)
        .on(keep_cost_of_credit)
        .on(take_schedule)
        .on(activate)
        .on(posting::apply_posting)
        .on(posting::give_credit_back)
        .on(accrual::note_entry)
        .on(posting::mark_reversed)
        .on(close::start_close)
        .emits::<AssetDayClosed>()
        .emits::<AssetDueListQueried>()
        .emits::<AssetPostingApplied>()
        .passes_on::<BusinessDateAdvanced>()
        .emits::<InstallmentDueNotice>()
        .emits::<LoanContractCreated>()
        .emits::<LoanNoteCreated>()
        .emits::<OverdueBucketChanged>()
        .emits::<RepaymentPostingCalculated>()
        .emits::<RepaymentScheduleGenerated>()
        .emits::<RepaymentSucceeded>()
        .sends::<CalculateEarlySettlement>()
        .sends::<CalculateLoanCancelRepayment>()
        .sends::<CalculateRepaymentPlan>()
        .sends::<CloseAssetDay>()
        .sends::<OpenWorkOrder>()
        .sends::<PostLedgerEvent>();
}

fn keep_product_version(work: &mut Work, event: &ProductVersionPublished) -> Handled<()> {
    work.save(AssetProduct {
        product: event.terms.product.clone(),
        version: event.terms.version,
        rules: Json(NoteRules::from(&event.terms)),
        effective_from: event.terms.effective_from,
    });
    Ok(())
}

fn create_loan_contract(work: &mut Work, cmd: &CreateLoanContract) -> Handled<()> {
    if let Some(contract) = work.get::<LoanContract>(cmd.loan)? {
        if contract.entry == cmd.entry {
            return Ok(());
        }
        return Err(
            Rejection::unexpected_state("loan contract", cmd.loan, "on file", "a loan without a contract").into()
        );
    }
    if !cmd.principal.is_positive() || cmd.principal.currency() != cmd.terms.currency {
        let rule = format!("must be more than zero, in {}", cmd.terms.currency);
        return Err(Rejection::invalid("principal", rule, format!("\"{}\"", cmd.terms.amount_min)).into());
    }
    compare_with_published(work, cmd)?;
    let mut assets = work
        .get::<CustomerAssets>(cmd.customer)?
        .unwrap_or_else(|| CustomerAssets { customer: cmd.customer, loans: Json(Vec::new()) });
    assets.loans.0.push(cmd.loan);
    work.save(assets);
    work.save(LoanContract {
        loan: cmd.loan,
        customer: cmd.customer,
        document: cmd.document,
        document_hash: cmd.document_hash.clone(),
        terms: Json(cmd.terms.clone()),
        entry: cmd.entry,
        disbursed_on: cmd.disbursed_on,
        apr: None,
        total_due: None,
    });
    work.emit(LoanContractCreated { loan: cmd.loan, document: cmd.document, document_hash: cmd.document_hash.clone() });
    let note = LoanNote::issued(cmd);
    work.emit(LoanNoteCreated {
        loan: note.loan,
        customer: note.customer,
        product: note.product.clone(),
        version: note.version,
        principal: note.principal,
        annual_rate: note.annual_rate,
        term: note.term,
        disbursed_on: note.disbursed_on,
        funder: note.funder,
    });
    work.save(note);
    Ok(())
}

/// The money is out, so a contract that differs from its published version is filed all the same, and people are told.
fn compare_with_published(work: &mut Work, cmd: &CreateLoanContract) -> Handled<()> {
    let key = (cmd.terms.product.clone(), cmd.terms.version);
    let Some(published) = work.get::<AssetProduct>(key)? else {
        return Ok(());
    };
    if *published.rules != NoteRules::from(&cmd.terms) {
        work.send(OpenWorkOrder {
            kind: "contract-differs-from-product".to_owned(),
            loan: Some(cmd.loan),
            text: format!(
                "{} was sold under other rules than {}@{} was published with: compare the contract with the product",
                cmd.loan, cmd.terms.product, cmd.terms.version
            ),
            key: format!("contract-differs-{}", cmd.loan),
        });
    }
    Ok(())
}

fn plan_note(work: &mut Work, event: &LoanNoteCreated) -> Handled<()> {
    work.ask(CalculateRepaymentPlan {
        loan: Some(event.loan),
        product: event.product.clone(),
        version: event.version,
        annual_rate: event.annual_rate,
        principal: event.principal,
        term: event.term,
        start: event.disbursed_on,
    })?;
    Ok(())
}

/// The cost of credit is that of the plan that became the schedule: the first one. A later plan changes nothing on file.
fn keep_cost_of_credit(work: &mut Work, event: &RepaymentPlanCalculated) -> Handled<()> {
    let (true, Some(loan), Some(plan)) = (event.for_schedule, event.loan, &event.plan) else {
        return Ok(());
    };
    if let Some(mut contract) = work.get::<LoanContract>(loan)?.filter(|contract| contract.apr.is_none()) {
        contract.apr = Some(plan.apr);
        contract.total_due = Some(plan.total_due);
        work.save(contract);
    }
    Ok(())
}

/// Puts a generated schedule on the note, and says that it is there.
fn take_schedule(work: &mut Work, event: &RepaymentScheduleGenerated) -> Handled<()> {
    if event.on_note {
        return Ok(());
    }
    let mut note = work.require::<LoanNote>(event.loan)?;
    if note.status != NoteStatus::AwaitingPlan {
        return Ok(());
    }
    let lines = LoanInstallments::of_plan(event.loan, &event.installments);
    note.schedule(&lines)?;
    work.save(lines);
    work.save(note);
    work.emit(RepaymentScheduleGenerated { on_note: true, ..event.clone() });
    Ok(())
}

fn activate(work: &mut Work, event: &DisbursementSucceeded) -> Handled<()> {
    let mut note = work.require::<LoanNote>(event.loan)?;
    match note.status {
        NoteStatus::AwaitingPlan => return Err(note.broken("it is disbursed without a schedule").into()),
        NoteStatus::Planned => note.status = NoteStatus::Active,
        NoteStatus::Active | NoteStatus::Overdue | NoteStatus::Settled | NoteStatus::Cancelled => return Ok(()),
    }
    note.is_open = true;
    work.save(note);
    Ok(())
}

impl LoanNote {
    /// The note of a loan that was paid out.
    pub fn issued(cmd: &CreateLoanContract) -> Self {
        let nothing = Money::zero(cmd.principal.currency());
        Self {
            loan: cmd.loan,
            customer: cmd.customer,
            product: cmd.terms.product.clone(),
            version: cmd.terms.version,
            funder: cmd.funder,
            fund_account: cmd.fund_account,
            status: NoteStatus::AwaitingPlan,
            is_open: false,
            principal: cmd.principal,
            principal_outstanding: cmd.principal,
            upfront_fee: cmd.upfront_fee,
            annual_rate: cmd.terms.annual_rate,
            term: cmd.term,
            interest_accrued: nothing,
            interest_paid: nothing,
            fee_paid: nothing,
            penalty_accrued: nothing,
            penalty_paid: nothing,
            surplus: nothing,
            days_past_due: 0,
            worst_days_past_due: 0,
            worst_of_paid: 0,
            bucket: Bucket::Current,
            rules: Json(NoteRules::from(&cmd.terms)),
            period: None,
            disbursed_on: cmd.disbursed_on,
            accrued_through: plus_days(cmd.disbursed_on, -1),
            charged_through: plus_days(cmd.disbursed_on, -1),
            quiet_until: cmd.disbursed_on,
            settled_on: None,
        }
    }

    /// Takes its installments; they must ask for the principal.
    ///
    /// Errors: `Broken` when there are no installments, or they ask for another principal.
    pub fn schedule(&mut self, lines: &LoanInstallments) -> Result<(), NoteError> {
        self.roll_period(lines, self.disbursed_on)?;
        self.status = NoteStatus::Planned;
        self.quiet_until = self.next_busy_day(lines, self.accrued_through)?;
        self.check(lines)
    }
}

/// The dimensions of a loan's accounts.
fn dimensions_of(funder: PartnerId, product: &str) -> BTreeMap<String, String> {
    BTreeMap::from([("funder".to_owned(), funder.to_string()), ("product".to_owned(), product.to_owned())])
}

/// Calendar days from `from` to `to`; negative when `to` is earlier.
fn days_between(from: Date, to: Date) -> i64 {
    i64::from((to - from).get_days())
}

/// `date` moved by whole days; saturates at the ends of the calendar.
fn plus_days(date: Date, days: i64) -> Date {
    date.saturating_add(jiff::Span::new().days(days))
}
