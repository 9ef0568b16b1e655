//! BFF: what the screens of a customer show, for every market and client in the same form.
//!
//! Invariant: a view changes only when a screen would; repeated events write nothing.

mod model;

pub use model::{
    CustomerStep, CustomerView, DueCard, LIST_MAX, LoanPlanView, OfferCard, PayCard, ProductView, QuoteCard,
    RepaymentView, due_cards,
};

use sycee_contract::{
    ApplyForCredit, AssetDueListQueried, CalculateRepaymentPosting, CancelDirectDebitMandate, CancelLoanApplication,
    CheckSession, ConfirmSignature, ConsentGranted, CreateDirectDebitMandate, CreateRepaymentOrder, CreditLimitChanged,
    CreditLineApproved, CreditLineFrozen, CustomerId, CustomerRegistered, GrantConsent, LogIn, LogOut,
    MessageDispatched, ProductOfferDistributed, ProductVersionPublished, QueryAssetDueList, QueryCreditLine,
    QueryProductOffer, QueryProductVersion, RegisterCustomer, RepaymentKind, RepaymentMethodCreated,
    RepaymentMethodKind, RepaymentPlanCalculated, RepaymentPostingCalculated, RequestOtp, RevokeConsent,
    RiskDecisionMade, RiskOutcome, RiskPurpose, SignLoanContract, SubmitKyc, SubmitLoanApplication,
    UpdateCustomerDetails,
};
use sycee_runtime::{Handled, Json, Registry, Work};

/// Registers the BFF.
pub fn register(registry: &mut Registry) {
    registry
        .service("bff-system")
        .entity::<CustomerView>()
        .entity::<RepaymentView>()
        .entity::<ProductView>()
        .entity::<LoanPlanView>()
        .on::<CustomerRegistered>(on_customer_registered)
        .on::<ConsentGranted>(on_consent_granted)
        .on::<CreditLimitChanged>(on_credit_limit_changed)
        .on::<CreditLineApproved>(on_credit_line_approved)
        .on::<CreditLineFrozen>(on_credit_line_frozen)
        .on::<RiskDecisionMade>(on_risk_decision_made)
        .on::<ProductOfferDistributed>(on_product_offer_distributed)
        .on::<ProductVersionPublished>(on_product_version_published)
        .on::<RepaymentPlanCalculated>(on_repayment_plan_calculated)
        .on::<AssetDueListQueried>(on_asset_due_list_queried)
        .on::<RepaymentPostingCalculated>(on_repayment_posting_calculated)
        .on::<RepaymentMethodCreated>(on_repayment_method_created)
        .on::<MessageDispatched>(on_message_dispatched)
        .passes_on::<ApplyForCredit>()
        .passes_on::<CalculateRepaymentPosting>()
        .passes_on::<CancelDirectDebitMandate>()
        .passes_on::<CancelLoanApplication>()
        .passes_on::<CreateDirectDebitMandate>()
        .passes_on::<CreateRepaymentOrder>()
        .passes_on::<GrantConsent>()
        .passes_on::<QueryAssetDueList>()
        .passes_on::<QueryCreditLine>()
        .passes_on::<QueryProductOffer>()
        .passes_on::<QueryProductVersion>()
        .passes_on::<RegisterCustomer>()
        .passes_on::<RequestOtp>()
        .passes_on::<RevokeConsent>()
        .passes_on::<SignLoanContract>()
        .passes_on::<SubmitKyc>()
        .passes_on::<SubmitLoanApplication>()
        .passes_on::<UpdateCustomerDetails>()
        .passes_on::<CheckSession>()
        .passes_on::<ConfirmSignature>()
        .passes_on::<LogIn>()
        .passes_on::<LogOut>();
}

/// Changes a customer's view, if `change` changes anything.
fn update(work: &mut Work, customer: CustomerId, change: impl FnOnce(&mut CustomerView)) -> Handled<()> {
    let before = work.get::<CustomerView>(customer)?;
    let mut after = before.clone().unwrap_or_else(|| CustomerView::new(customer));
    change(&mut after);
    if before.as_ref() != Some(&after) {
        work.save(after);
    }
    Ok(())
}

/// Changes a customer's repayment view, if `change` changes anything.
fn update_repayment(work: &mut Work, customer: CustomerId, change: impl FnOnce(&mut RepaymentView)) -> Handled<()> {
    let before = work.get::<RepaymentView>(customer)?;
    let mut after = before.clone().unwrap_or_else(|| RepaymentView::new(customer));
    change(&mut after);
    if before.as_ref() != Some(&after) {
        work.save(after);
    }
    Ok(())
}

fn on_customer_registered(work: &mut Work, event: &CustomerRegistered) -> Handled<()> {
    update(work, event.customer, |view| view.language = event.language.clone())
}

fn on_consent_granted(work: &mut Work, event: &ConsentGranted) -> Handled<()> {
    if !event.complete {
        return Ok(());
    }
    update(work, event.customer, |view| view.reach(CustomerStep::Consented))
}

fn on_credit_line_approved(work: &mut Work, event: &CreditLineApproved) -> Handled<()> {
    update(work, event.customer, |view| {
        view.reach(CustomerStep::HasLine);
        view.tier = Some(event.tier.clone());
        view.credit_limit = Some(event.limit);
        view.credit_valid_until = Some(event.valid_until);
    })
}

fn on_credit_limit_changed(work: &mut Work, event: &CreditLimitChanged) -> Handled<()> {
    update(work, event.line.customer, |view| view.credit_limit = Some(event.line.limit))
}

fn on_credit_line_frozen(work: &mut Work, event: &CreditLineFrozen) -> Handled<()> {
    update(work, event.line.customer, |view| view.credit_frozen = event.frozen)
}

/// Admission moves the customer on, or not; a decision about offers or a loan shows in their own events.
fn on_risk_decision_made(work: &mut Work, event: &RiskDecisionMade) -> Handled<()> {
    let customer = event.subject.customer;
    match (event.purpose, event.outcome) {
        (RiskPurpose::Admission, RiskOutcome::Approve) => {
            update(work, customer, |view| view.reach(CustomerStep::Admitted))
        }
        (RiskPurpose::Admission, RiskOutcome::Reject) => {
            update(work, customer, |view| view.reach(CustomerStep::Refused))
        }
        (RiskPurpose::Credit, _) => update(work, customer, |view| view.tier = Some(event.tier.clone())),
        (RiskPurpose::Admission, RiskOutcome::Review) | (RiskPurpose::Distribution | RiskPurpose::Drawdown, _) => {
            Ok(())
        }
    }
}

fn on_product_offer_distributed(work: &mut Work, event: &ProductOfferDistributed) -> Handled<()> {
    update(work, event.customer, |view| {
        view.offers = Json(event.offers.iter().take(LIST_MAX).map(OfferCard::from).collect());
        view.offer_reasons = Json(event.reasons.clone());
    })
}

fn on_product_version_published(work: &mut Work, event: &ProductVersionPublished) -> Handled<()> {
    let terms = &event.terms;
    if work.read::<ProductView>((terms.product.clone(), terms.version))?.is_some() {
        return Ok(());
    }
    work.save(ProductView {
        product: terms.product.clone(),
        version: terms.version,
        effective_from: terms.effective_from,
        names: Json(terms.names.clone()),
        amount_min: terms.amount_min,
        amount_max: terms.amount_max,
        terms: Json(terms.terms.clone()),
        annual_rate: terms.annual_rate,
        example_apr: None,
        example_principal: None,
        example_total_due: None,
    });
    Ok(())
}

/// A loan's plan is shown with the loan: the first one, which is its schedule. The first plan of a product version becomes
/// its representative example.
fn on_repayment_plan_calculated(work: &mut Work, event: &RepaymentPlanCalculated) -> Handled<()> {
    match (event.loan, &event.plan) {
        (Some(loan), Some(plan)) if event.for_schedule => {
            let shown = work.read::<LoanPlanView>(loan)?;
            if shown.is_none() {
                work.save(LoanPlanView::of(loan, plan));
            }
        }
        (None, Some(plan)) => {
            let shown = work.read::<ProductView>((plan.product.clone(), plan.version))?;
            let Some(shown) = shown.filter(|shown| shown.example_apr.is_none()) else { return Ok(()) };
            work.save(ProductView {
                example_apr: Some(plan.apr),
                example_principal: Some(plan.principal),
                example_total_due: Some(plan.total_due),
                ..ProductView::clone(&shown)
            });
        }
        _ => {}
    }
    Ok(())
}

fn on_asset_due_list_queried(work: &mut Work, event: &AssetDueListQueried) -> Handled<()> {
    update_repayment(work, event.customer, |view| view.due = Json(due_cards(&event.list)))
}

/// A settlement or cancellation is shown as it was quoted; a normal repayment is in the due list already.
fn on_repayment_posting_calculated(work: &mut Work, event: &RepaymentPostingCalculated) -> Handled<()> {
    let quote = &event.quote;
    if quote.kind == RepaymentKind::Normal {
        return Ok(());
    }
    if quote.kind == RepaymentKind::EarlySettlement
        && let Some(mut shown) = work.get::<LoanPlanView>(quote.loan)?
    {
        shown.settlement = Some(quote.amount);
        shown.settlement_as_of = Some(quote.as_of);
        work.save(shown);
    }
    update_repayment(work, quote.customer, |view| view.quote = Json(Some(quote.into())))
}

/// A way to pay is shown until it expires; a direct debit needs nothing of the customer.
fn on_repayment_method_created(work: &mut Work, event: &RepaymentMethodCreated) -> Handled<()> {
    if event.method == RepaymentMethodKind::DirectDebit {
        return Ok(());
    }
    let now = work.now();
    update_repayment(work, event.customer, |view| view.offer_way(event.into(), now))
}

fn on_message_dispatched(work: &mut Work, event: &MessageDispatched) -> Handled<()> {
    update(work, event.customer, |view| view.messages = view.messages.saturating_add(1))
}
