//! What the repayment engine keeps: orders, what it knows of each loan, and the money that arrived.

use sycee_contract::{
    CustomerId, Date, EntryId, FundAccountId, LoanId, MandateId, PartnerId, PaymentId, PostingId, PostingQuote,
    RepaymentKind, RepaymentMethodKind, RepaymentOrderId, RepaymentOrderStatus, Timestamp,
};
use sycee_money::{Money, MoneyError};
use sycee_runtime::{Fault, entity, text_enum};

use super::machine::{self, OrderSignal};
use crate::Step;

entity! {
    /// An order to repay, with a way to pay it.
    pub struct RepaymentOrder in "repayment_order" of "repayment-engine" key id: RepaymentOrderId {
        /// The order.
        id: RepaymentOrderId,
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
        /// What a settlement or cancellation would take by the newest figures, when they differ.
        amount_now: Option<Money>,
        /// How the customer pays.
        method: RepaymentMethodKind,
        /// The mandate, for a direct debit.
        mandate: Option<MandateId>,
        /// Which try of an installment's direct debit this is; 0 for an order of the customer.
        debit_try: u32,
        /// Whether it asked for more than was due: the rest pays in advance.
        in_advance: bool,
        /// State.
        status: RepaymentOrderStatus,
        /// Whether the funder collects with its own system.
        collects_itself: bool,
        /// Our payment, when ours.
        payment: Option<PaymentId>,
        /// Reference of the money that it took.
        reference: Option<String>,
        /// The posting its money became.
        posting: Option<PostingId>,
        /// Why it ended without money, as a stable code.
        reason: Option<String>,
        /// It can be paid until then.
        expires_at: Timestamp,
        /// The business date of its figures: they hold for money that is paid in time, whenever it is heard of.
        quoted_on: Date,
    }
}

impl RepaymentOrder {
    /// Applies `signal` and says whether it moved the state.
    pub fn moves(&mut self, signal: OrderSignal) -> bool {
        match machine::step(self.status, signal) {
            Step::To(next) => {
                self.status = next;
                true
            }
            Step::AlreadyApplied | Step::Refused => false,
        }
    }

    /// Whether money for it would be taken as what it is for.
    pub fn takes_money(&self) -> bool {
        matches!(machine::step(self.status, OrderSignal::TakeMoney), Step::To(_))
    }

    /// Whether money is what it was meant for: it waits for money, or ended without any.
    pub fn is_meant(&self) -> bool {
        self.takes_money() || (self.ended_unpaid() && self.reference.is_none())
    }

    /// Whether `amount` is what it asks for, by its own figures or by the newest.
    pub fn asks_for(&self, amount: Money) -> bool {
        amount == self.amount || Some(amount) == self.amount_now
    }

    /// Whether money paid at `paid_at` was paid in time.
    pub fn paid_in_time(&self, paid_at: Timestamp) -> bool {
        paid_at <= self.expires_at
    }

    /// Whether it ended without money.
    pub const fn ended_unpaid(&self) -> bool {
        matches!(self.status, RepaymentOrderStatus::Failed | RepaymentOrderStatus::Expired)
    }
}

entity! {
    /// What the repayment engine knows of a loan.
    pub struct LoanLink in "repayment_loan_link" of "repayment-engine" key loan: LoanId {
        /// The loan.
        loan: LoanId,
        /// The customer.
        customer: CustomerId,
        /// Who funded it.
        funder: PartnerId,
        /// Product code.
        product: String,
        /// Business date of the payout.
        disbursed_on: Date,
        /// From which account it was funded.
        fund_account: Option<FundAccountId>,
        /// Number of installments.
        installments: u32,
        /// Due date of the last installment.
        last_due: Option<Date>,
        /// Everything that the plan asks for.
        planned: Option<Money>,
        /// The mandate to pull installments, while it is in force.
        mandate: Option<MandateId>,
        /// The last installment that a direct debit was begun for.
        debited_nr: u32,
        /// The installment that fell due while another direct debit was under way; 0 for none.
        waiting_nr: u32,
        /// The direct debit under way.
        open_debit: Option<RepaymentOrderId>,
        /// The newest order to settle or cancel, while it is open.
        open_settlement: Option<RepaymentOrderId>,
        /// The last settlement figure by the product's rule, before interest paid in advance is given back; for disputes.
        settlement_figure: Option<Money>,
        /// Day of that figure.
        settlement_figure_on: Option<Date>,
        /// Payments that somebody outside announced.
        announced: u32,
        /// Whether nothing is owed.
        settled: bool,
    }
}

impl LoanLink {
    /// A loan that was just paid out.
    pub const fn new(
        loan: LoanId,
        customer: CustomerId,
        funder: PartnerId,
        product: String,
        disbursed_on: Date,
    ) -> Self {
        Self {
            loan,
            customer,
            funder,
            product,
            disbursed_on,
            fund_account: None,
            installments: 0,
            last_due: None,
            planned: None,
            mandate: None,
            debited_nr: 0,
            waiting_nr: 0,
            open_debit: None,
            open_settlement: None,
            settlement_figure: None,
            settlement_figure_on: None,
            announced: 0,
            settled: false,
        }
    }

    /// Forgets an order that ended; says whether it was known.
    pub fn forget(&mut self, order: RepaymentOrderId) -> bool {
        let known = [self.open_debit, self.open_settlement].contains(&Some(order));
        self.open_debit = self.open_debit.filter(|&open| open != order);
        self.open_settlement = self.open_settlement.filter(|&open| open != order);
        known
    }
}

text_enum! {
    /// What became of money that arrived.
    pub enum ReceiptStatus {
        /// The ledger was asked to post it.
        Taken,
        /// It is in the books, on its loan.
        Booked,
        /// It is not explained: people look.
        Suspense,
    }
}

entity! {
    /// Money that arrived; one for each reference, which is one of its kind in the market.
    pub struct ReceivedPayment in "received_payment" of "repayment-engine" key reference: String {
        /// Our payment or the receiver, and the reference there.
        reference: String,
        /// The loan, when known.
        loan: Option<LoanId>,
        /// The order it was meant for, when known.
        order: Option<RepaymentOrderId>,
        /// How much.
        amount: Money,
        /// What it was taken as.
        kind: RepaymentKind,
        /// Our payment, when ours.
        payment: Option<PaymentId>,
        /// What became of it.
        status: ReceiptStatus,
        /// Ledger entry.
        entry: Option<EntryId>,
    }
}

/// The quote for exactly `amount`: what is above the quoted figure is the customer's credit balance.
///
/// Errors: a fault when the parts do not sum to the amount, because money would be lost or invented.
pub fn fit(mut quote: PostingQuote, amount: Money) -> Result<PostingQuote, Fault> {
    let broken =
        |error: MoneyError| Fault::bug("a posting quote cannot be fitted to the money that came").because(error);
    let extra = amount.checked_sub(quote.amount).map_err(broken)?;
    quote.parts.surplus = quote.parts.surplus.checked_add(extra).map_err(broken)?;
    quote.amount = amount;
    let parts = &quote.parts;
    let sum = parts.paid().map_err(broken)?;
    let amounts = parts.ledger_amounts().map_err(broken)?;
    if sum != amount || amounts.values().any(|part| part.is_negative()) {
        return Err(Fault::bug(format!("{amount} for {} would be posted as {sum}", quote.loan)));
    }
    Ok(quote)
}
