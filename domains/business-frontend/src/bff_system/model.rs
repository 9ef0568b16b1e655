//! What screens show: a row for each customer, product and loan, small because they are rewritten often.

use serde::{Deserialize, Serialize};
use sycee_contract::{
    CustomerId, Date, DueList, LoanId, Offer, OfferId, PostingQuote, RepaymentKind, RepaymentMethodCreated,
    RepaymentMethodKind, RepaymentOrderId, RepaymentPlan, Timestamp,
};
use sycee_money::{Money, Rate};
use sycee_runtime::{Json, entity, text_enum};

/// Most offers, loans or ways to pay that a view keeps.
pub const LIST_MAX: usize = 8;

text_enum! {
    /// How far a customer has come.
    pub enum CustomerStep {
        /// Registered.
        Registered,
        /// Gave every consent that borrowing requires.
        Consented,
        /// Admitted as a customer.
        Admitted,
        /// Not admitted.
        Refused,
        /// Has a credit line.
        HasLine,
    }
}

/// An offer on the screen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OfferCard {
    /// The offer.
    pub offer: OfferId,
    /// Product code.
    pub product: String,
    /// Product version.
    pub version: u32,
    /// Least amount.
    pub amount_min: Money,
    /// Greatest amount.
    pub amount_max: Money,
    /// Annual rate for this customer, as a fraction.
    pub annual_rate: Rate,
    /// It can be taken until then.
    pub expires_at: Timestamp,
}

impl From<&Offer> for OfferCard {
    fn from(offer: &Offer) -> Self {
        Self {
            offer: offer.offer,
            product: offer.product.clone(),
            version: offer.version,
            amount_min: offer.amount_min,
            amount_max: offer.amount_max,
            annual_rate: offer.annual_rate,
            expires_at: offer.expires_at,
        }
    }
}

/// What is owed for a loan, on the screen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DueCard {
    /// The loan.
    pub loan: LoanId,
    /// Due today or overdue.
    pub due_now: Money,
    /// Everything outstanding by plan.
    pub outstanding: Money,
    /// Days past due.
    pub days_past_due: u32,
    /// The next due date.
    pub next_due: Option<Date>,
}

/// The cards of a due list, most overdue first as the asset center ordered them.
pub fn due_cards(list: &DueList) -> Vec<DueCard> {
    list.loans
        .iter()
        .take(LIST_MAX)
        .map(|due| DueCard {
            loan: due.loan,
            due_now: due.due_now,
            outstanding: due.outstanding,
            days_past_due: due.days_past_due,
            next_due: due.installments.first().map(|installment| installment.due_date),
        })
        .collect()
}

/// The newest quote for a repayment, on the screen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuoteCard {
    /// The loan.
    pub loan: LoanId,
    /// What for.
    pub kind: RepaymentKind,
    /// What to pay.
    pub amount: Money,
    /// Whether it settles the loan.
    pub settles: bool,
    /// The figures hold on this date.
    pub as_of: Date,
}

impl From<&PostingQuote> for QuoteCard {
    fn from(quote: &PostingQuote) -> Self {
        Self { loan: quote.loan, kind: quote.kind, amount: quote.amount, settles: quote.settles, as_of: quote.as_of }
    }
}

/// A way to pay, on the screen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PayCard {
    /// The order.
    pub order: RepaymentOrderId,
    /// The loan.
    pub loan: LoanId,
    /// How.
    pub method: RepaymentMethodKind,
    /// How much.
    pub amount: Money,
    /// What to show: QR content, account number, link.
    pub content: String,
    /// It works until then.
    pub expires_at: Timestamp,
}

impl From<&RepaymentMethodCreated> for PayCard {
    fn from(event: &RepaymentMethodCreated) -> Self {
        Self {
            order: event.order,
            loan: event.loan,
            method: event.method,
            amount: event.amount,
            content: event.content.clone(),
            expires_at: event.expires_at,
        }
    }
}

entity! {
    /// What a customer's screens show.
    pub struct CustomerView in "customer_view" of "bff-system" key customer: CustomerId {
        /// The customer.
        customer: CustomerId,
        /// How far the customer has come.
        step: CustomerStep,
        /// Preferred language, BCP 47.
        language: String,
        /// Risk tier of the newest credit decision.
        tier: Option<String>,
        /// The limit as it was granted or changed last. A renewal below what is drawn leaves the line higher.
        credit_limit: Option<Money>,
        /// Whether the line is frozen: nothing can be drawn.
        credit_frozen: bool,
        /// The line cannot be drawn after this.
        credit_valid_until: Option<Timestamp>,
        /// The newest offers.
        offers: Json<Vec<OfferCard>>,
        /// Why there are no offers, as stable codes.
        offer_reasons: Json<Vec<String>>,
        /// Messages that went to the customer.
        messages: u32,
    }
}

impl CustomerView {
    /// The view of a customer of whom nothing else is known.
    pub fn new(customer: CustomerId) -> Self {
        Self {
            customer,
            step: CustomerStep::Registered,
            language: String::new(),
            tier: None,
            credit_limit: None,
            credit_frozen: false,
            credit_valid_until: None,
            offers: Json(Vec::new()),
            offer_reasons: Json(Vec::new()),
            messages: 0,
        }
    }

    /// Moves on to `step`; what lies behind stays behind, but an admission is decided anew each time.
    pub fn reach(&mut self, step: CustomerStep) {
        let decided_anew = step == CustomerStep::Admitted && self.step == CustomerStep::Refused;
        if step > self.step || decided_anew {
            self.step = step;
        }
    }
}

entity! {
    /// What a customer's repayment screens show; apart from `CustomerView` because it changes with every repayment.
    pub struct RepaymentView in "repayment_view" of "bff-system" key customer: CustomerId {
        /// The customer.
        customer: CustomerId,
        /// The newest due list.
        due: Json<Vec<DueCard>>,
        /// The newest quote.
        quote: Json<Option<QuoteCard>>,
        /// Ways to pay, newest last; one for each loan.
        ways: Json<Vec<PayCard>>,
    }
}

impl RepaymentView {
    /// A view without figures.
    pub fn new(customer: CustomerId) -> Self {
        Self { customer, due: Json(Vec::new()), quote: Json(None), ways: Json(Vec::new()) }
    }

    /// Shows a way to pay, instead of the one before for the same loan.
    pub fn offer_way(&mut self, way: PayCard, now: Timestamp) {
        self.ways.retain(|shown| shown.loan != way.loan && shown.expires_at > now);
        if self.ways.len() >= LIST_MAX {
            self.ways.remove(0);
        }
        self.ways.push(way);
    }
}

entity! {
    /// What the product screens show of a version, from its first day until a newer one has its own.
    pub struct ProductView in "product_view" of "bff-system" key (product, version): (String, u32) {
        /// Product code.
        product: String,
        /// Version.
        version: u32,
        /// First day on sale.
        effective_from: Date,
        /// Name by language.
        names: Json<std::collections::BTreeMap<String, String>>,
        /// Least principal.
        amount_min: Money,
        /// Greatest principal.
        amount_max: Money,
        /// Allowed numbers of installments.
        terms: Json<Vec<u32>>,
        /// Interest before any surcharge, as a fraction a year.
        annual_rate: Rate,
        /// Annual percentage rate of the representative example, as a fraction.
        example_apr: Option<Rate>,
        /// Principal of the representative example.
        example_principal: Option<Money>,
        /// Sum of everything due in the representative example.
        example_total_due: Option<Money>,
    }
    index by_product(product: String);
}

impl ProductView {
    /// The version of a product that is on sale on `today`; `None` before the first one is.
    pub fn on_sale(versions: Vec<Self>, today: Date) -> Option<Self> {
        versions.into_iter().filter(|view| view.effective_from <= today).max_by_key(|view| view.version)
    }
}

entity! {
    /// The plan of a loan, in short.
    pub struct LoanPlanView in "loan_plan_view" of "bff-system" key loan: LoanId {
        /// The loan.
        loan: LoanId,
        /// Principal.
        principal: Money,
        /// Sum of everything due.
        total_due: Money,
        /// Annual percentage rate, as a fraction.
        apr: Rate,
        /// Number of installments.
        installments: u32,
        /// Due date of the first installment.
        first_due: Option<Date>,
        /// Due date of the last installment.
        last_due: Option<Date>,
        /// What would settle the loan, by the newest quote.
        settlement: Option<Money>,
        /// Day of that figure.
        settlement_as_of: Option<Date>,
    }
}

impl LoanPlanView {
    /// The plan of a loan, in short.
    pub fn of(loan: LoanId, plan: &RepaymentPlan) -> Self {
        Self {
            loan,
            principal: plan.principal,
            total_due: plan.total_due,
            apr: plan.apr,
            installments: u32::try_from(plan.installments.len()).unwrap_or(u32::MAX),
            first_due: plan.installments.first().map(|first| first.due_date),
            last_due: plan.installments.last().map(|last| last.due_date),
            settlement: None,
            settlement_as_of: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sycee_contract::Identifier as _;

    #[test]
    fn every_step_meets_every_other() {
        use CustomerStep::{Admitted, Consented, HasLine, Refused, Registered};
        // Where a customer in the row's step is after reaching the column's, in the order of `CustomerStep::ALL`.
        let table = [
            (Registered, [Registered, Consented, Admitted, Refused, HasLine]),
            (Consented, [Consented, Consented, Admitted, Refused, HasLine]),
            (Admitted, [Admitted, Admitted, Admitted, Refused, HasLine]),
            (Refused, [Refused, Refused, Admitted, Refused, HasLine]),
            (HasLine, [HasLine, HasLine, HasLine, HasLine, HasLine]),
        ];
        assert_eq!(table.map(|row| row.0), CustomerStep::ALL);
        for (step, row) in table {
            for (&reached, after) in CustomerStep::ALL.iter().zip(row) {
                let mut view = CustomerView { step, ..CustomerView::new(CustomerId::from_number(1)) };
                view.reach(reached);
                assert_eq!(view.step, after, "{step:?} reaches {reached:?}");
            }
        }
    }
}
