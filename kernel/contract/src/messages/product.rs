//! Product domain: versions, offers, calculations, contract texts.

use std::collections::BTreeMap;

use sycee_money::{BusinessDayConvention, Currency, Money, Rate, Rounding};

use crate::message::{commands, events};
use crate::messages::part;
use crate::{CustomerId, Date, DocumentId, LoanId, OfferId, Timestamp};

part! { /// How principal comes back.
enum RepaymentMethod { /// Equal installments (annuity).
    EqualInstallments, /// Equal principal, interest on the balance.
    EqualPrincipal, /// Interest on the original principal.
    Flat, /// Everything at the end.
    Bullet, } }

part! { /// Unit of a repayment interval.
enum IntervalUnit { /// Days.
    Day, /// Weeks.
    Week, /// Months, returning to the day of the start.
    Month, } }

part! { /// A part of what is due, in the order payments are allocated.
enum DuePart { /// Penalties.
    Penalty, /// Fees.
    Fee, /// Interest.
    Interest, /// Principal.
    Principal, } }

part! { /// What happens to interest when a loan is settled early.
enum SettlementInterest { /// Interest to the day of settlement.
    ToTheDay, /// Interest to the end of the running period.
    ToPeriodEnd, } }

part! { /// The rules a loan is sold under. Frozen in the product version; a loan keeps them for life.
struct ProductTerms { /// Product code, such as `gh-installment`.
    product: String, /// Version, 1 upwards.
    version: u32, /// Name by language, BCP 47.
    names: BTreeMap<String, String>, /// Country, ISO 3166 alpha-2.
    country: String, /// Currency.
    currency: Currency, /// Least principal.
    amount_min: Money, /// Greatest principal.
    amount_max: Money, /// Allowed numbers of installments.
    terms: Vec<u32>, /// Length of an interval in units.
    every: u32, /// Unit of an interval.
    unit: IntervalUnit, /// How principal comes back.
    method: RepaymentMethod, /// Interest as a fraction a year.
    annual_rate: Rate, /// Day count for schedule and accrual: `30/360`, `30/360-us`, `30/360-european`, `act/360`, `act/364`,
    /// `act/365`, `act/act`.
    day_count: String, /// Where a due date goes that is no business day of the market's calendar; interest periods stay.
    due_dates: BusinessDayConvention, /// Rounding to the minor unit, everywhere in this product.
    rounding: Rounding, /// Fee kept from the payout, as a fraction of the principal.
    upfront_fee: Rate, /// Interest on overdue principal and interest, as a fraction a year.
    penalty_rate: Rate, /// Days after the due date before a penalty runs.
    grace_days: u32, /// Days in which the borrower may cancel by paying back the net proceeds.
    cooling_off_days: u32, /// Interest on early settlement.
    settlement_interest: SettlementInterest, /// Order in which a payment covers an installment's parts.
    allocation: Vec<DuePart>, /// Contract template, by code.
    contract_template: String, /// First day of sale.
    effective_from: Date, } }

part! { /// One planned installment.
struct PlannedInstallment { /// Number, 1 upwards.
    nr: u32, /// First day of the period (interest runs from the day after).
    from: Date, /// Last day of the period (interest runs to its end).
    to: Date, /// Due date: `to`, or the business day that the product's convention moves it to.
    due_date: Date, /// Principal.
    principal: Money, /// Interest.
    interest: Money, /// Fee.
    fee: Money, /// Principal outstanding after it.
    balance: Money, } }

part! { /// A repayment plan with its totals.
struct RepaymentPlan { /// Product code.
    product: String, /// Product version.
    version: u32, /// Principal.
    principal: Money, /// Annual rate the plan was made with, as a fraction.
    annual_rate: Rate, /// Fee kept from the payout.
    upfront_fee: Money, /// What the borrower receives.
    net_proceeds: Money, /// Day the money goes out.
    start: Date, /// Installments.
    installments: Vec<PlannedInstallment>, /// Sum of interest.
    total_interest: Money, /// Sum of everything due.
    total_due: Money, /// Annual percentage rate, effective, as a fraction (Directive 2008/48/EC Annex I).
    apr: Rate, } }

part! { /// An offer a customer can take.
struct Offer { /// The offer.
    offer: OfferId, /// Product code.
    product: String, /// Product version.
    version: u32, /// Name by language.
    names: BTreeMap<String, String>, /// Least amount.
    amount_min: Money, /// Greatest amount.
    amount_max: Money, /// Allowed numbers of installments.
    terms: Vec<u32>, /// Annual rate for this customer, as a fraction.
    annual_rate: Rate, /// Fee kept from the payout, as a fraction of the principal.
    upfront_fee: Rate, /// The offer cannot be taken after this.
    expires_at: Timestamp, } }

part! { /// What a customer wants to see.
struct OfferDetailRequest { /// The offer.
    offer: OfferId, /// The amount.
    amount: Money, /// Number of installments.
    term: u32, } }

part! { /// What query-product-offer answers.
struct OfferAnswer { /// Offers, when they could be told at once.
    offers: Vec<Offer>, /// The plan, when a detail was asked for.
    plan: Option<RepaymentPlan>, } }

part! { /// What a participant contributes to an offer query or plan.
struct ProductContribution { /// Product versions on sale.
    products: Vec<ProductTerms>, /// A calculated plan.
    plan: Option<RepaymentPlan>, } }

part! { /// A taken offer, checked: what the loan is sold under.
struct AcceptedOffer { /// The offer.
    offer: OfferId, /// The rules, with the customer's own rate in `annual_rate`.
    terms: ProductTerms, /// The plan as of today.
    plan: RepaymentPlan, } }

part! { /// What early settlement or cancellation would take.
struct SettlementFigures { /// Principal to pay.
    principal: Money, /// Interest to pay.
    interest: Money, /// Fees to pay.
    fee: Money, /// Penalties to pay.
    penalty: Money, /// Part of the principal that the refunded upfront fee covers (cancellation).
    fee_refund: Money, /// What the borrower has to pay.
    amount: Money, /// The figures hold on this date.
    as_of: Date, } }

part! { /// Where a loan stands, as the calculation of a settlement needs it.
struct SettlementInputs { /// The loan.
    loan: LoanId, /// Product code.
    product: String, /// Product version.
    version: u32, /// Day the money went out.
    start: Date, /// Principal outstanding.
    principal: Money, /// Interest earned up to and including the date, not paid.
    interest_accrued: Money, /// Interest to the end of the running period, not paid.
    interest_period_end: Money, /// Fees due, not paid.
    fee: Money, /// Penalties due, not paid.
    penalty: Money, /// Upfront fee kept from the payout.
    upfront_fee: Money, /// Whether anything was paid yet.
    paid_before: bool, /// The date.
    as_of: Date, } }

part! { /// A rendered document.
struct RenderedDocument { /// The document.
    document: DocumentId, /// BLAKE3 of the text, hex.
    hash: String, } }

commands! {
    /// Publishes a product version; a published version never changes.
    "publish-product-version" PublishProductVersion -> () {
        owner: "financial-product-center", nature: Request, errors: ["PRODUCT_VERSION_EXISTS", "PRODUCT_VERSION_OUT_OF_ORDER"],
        undo: none "loans are sold under it; the next version replaces it for new ones",
    } fields {
        /// The rules.
        terms: ProductTerms,
        /// Partners that may fund it, by code; empty means any.
        funders: Vec<String>,
    }

    /// Tells the rules of a product version.
    "query-product-version" QueryProductVersion -> ProductTerms {
        owner: "financial-product-center", nature: Query,
        undo: none "it changes nothing",
    } fields {
        /// Product code.
        product: String,
        /// Version; the newest in force when absent.
        version: Option<u32>,
    }

    /// Asks for offers, or for one offer's detail with net proceeds, fees, plan and APR.
    "query-product-offer" QueryProductOffer -> OfferAnswer {
        owner: "product-distribution-service", nature: Request, open_to: customer,
        participants: ["financial-product-center", "product-calculation-service"] => ProductContribution,
        errors: ["NO_CREDIT_LINE", "OFFER_EXPIRED", "OFFER_NOT_YOURS", "AMOUNT_OUT_OF_RANGE", "TERM_NOT_OFFERED"],
        undo: none "an offer that nobody takes expires",
    } fields {
        /// The customer.
        customer: CustomerId,
        /// A preview of products without offers, before there is a limit.
        preview: bool,
        /// One offer's detail; offers when absent.
        detail: Option<OfferDetailRequest>,
    }

    /// Checks that an offer can be taken, by whom, for how much and how long.
    "accept-product-offer" AcceptProductOffer -> AcceptedOffer {
        owner: "product-distribution-service", nature: Query,
        errors: ["OFFER_EXPIRED", "OFFER_NOT_YOURS", "AMOUNT_OUT_OF_RANGE", "TERM_NOT_OFFERED"],
        undo: none "it changes nothing",
    } fields {
        /// The customer.
        customer: CustomerId,
        /// The offer, amount and term.
        choice: OfferDetailRequest,
    }

    /// Calculates the plan of a loan from its product version.
    "calculate-repayment-plan" CalculateRepaymentPlan -> RepaymentPlan {
        owner: "product-calculation-service", nature: Query,
        participants: ["financial-product-center"] => ProductContribution,
        undo: none "it changes nothing",
    } fields {
        /// The loan, when the plan is to become its schedule.
        loan: Option<LoanId>,
        /// Product code.
        product: String,
        /// Product version.
        version: u32,
        /// Annual rate, as a fraction.
        annual_rate: Rate,
        /// Principal.
        principal: Money,
        /// Number of installments.
        term: u32,
        /// Day the money goes out.
        start: Date,
    }

    /// Calculates what settles a loan early.
    "calculate-early-settlement" CalculateEarlySettlement -> SettlementFigures {
        owner: "product-calculation-service", nature: Query,
        undo: none "it changes nothing",
    } fields {
        /// Where the loan stands.
        inputs: SettlementInputs,
    }

    /// Calculates what cancels a loan in its cooling-off time.
    "calculate-loan-cancel-repayment" CalculateLoanCancelRepayment -> SettlementFigures {
        owner: "product-calculation-service", nature: Query, errors: ["COOLING_OFF_OVER"],
        undo: none "it changes nothing",
    } fields {
        /// Where the loan stands.
        inputs: SettlementInputs,
    }

    /// Renders a contract from its template and stores it with its hash.
    "render-contract" RenderContract -> RenderedDocument {
        owner: "contract-template-service", nature: Request, errors: ["TEMPLATE_NOT_FOUND"],
        undo: none "a text that nobody signs binds nobody",
    } fields {
        /// The loan.
        loan: LoanId,
        /// The customer.
        customer: CustomerId,
        /// Template code.
        template: String,
        /// Language, BCP 47.
        language: String,
        /// The plan it promises.
        plan: RepaymentPlan,
    }
}

events! {
    /// A product version is on sale.
    "product-version-published" ProductVersionPublished { producers: ["financial-product-center"] } fields {
        /// The rules.
        terms: ProductTerms,
    }

    /// Says which funders may finance a product version.
    "product-funding-matched" ProductFundingMatched { producers: ["financial-product-center"] } fields {
        /// Product code.
        product: String,
        /// Product version.
        version: u32,
        /// Country.
        country: String,
        /// Currency.
        currency: Currency,
        /// Partners by code; empty means any.
        funders: Vec<String>,
    }

    /// Offers for a customer.
    "product-offer-distributed" ProductOfferDistributed { producers: ["financial-product-center", "product-distribution-service"] } fields {
        /// The customer.
        customer: CustomerId,
        /// The offers; empty when there are none, with reasons.
        offers: Vec<Offer>,
        /// Why there are none.
        reasons: Vec<String>,
    }

    /// A plan or a settlement was calculated.
    "repayment-plan-calculated" RepaymentPlanCalculated { producers: ["financial-product-center", "product-calculation-service"] } fields {
        /// The loan, when there is one.
        loan: Option<LoanId>,
        /// The plan, when one was asked for.
        plan: Option<RepaymentPlan>,
        /// The settlement, when one was asked for.
        settlement: Option<SettlementFigures>,
        /// Whether the plan is to become the loan's schedule.
        for_schedule: bool,
    }

    /// A contract text exists and waits for a signature.
    "loan-contract-rendered" LoanContractRendered { producers: ["contract-template-service"] } fields {
        /// The loan.
        loan: LoanId,
        /// The customer.
        customer: CustomerId,
        /// The document.
        document: RenderedDocument,
    }
}
