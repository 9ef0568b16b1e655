//! Funds domain: fund accounts, routes, payments.

use sycee_money::{Currency, Money, Rate};

use crate::message::{commands, events};
use crate::messages::part;
use crate::{
    ArrivalId, CustomerId, Date, DisbursementOrderId, FundAccountId, FundingContractId, LoanId, MandateId, PartnerId,
    PaymentId, PayoutAccount, RepaymentMethodKind, RepaymentOrderId, ReservationId, RouteId, Timestamp,
};

part! { /// Which way money goes.
enum PaymentDirection { /// To a customer.
    Payout, /// From a customer.
    Collection, } }

part! { /// What a payment is for.
struct PaymentPurpose { /// The loan.
    loan: LoanId, /// The customer.
    customer: CustomerId, /// The disbursement attempt, for a payout.
    disbursement: Option<DisbursementOrderId>, /// The repayment order, for a collection.
    repayment: Option<RepaymentOrderId>, /// The fund account whose money moves.
    fund_account: Option<FundAccountId>, /// The reservation it uses.
    reservation: Option<ReservationId>, } }

part! { /// What a payment channel says about a request.
enum ChannelOutcome { /// Not decided.
    Pending, /// Money moved.
    Successful, /// Money did not move.
    Failed, } }

part! { /// What initiate-payment answers.
struct PaymentAnswer { /// The payment order.
    payment: PaymentId, } }

part! { /// What route-funds answers.
struct FundRouteAnswer { /// The route.
    route: RouteId, } }

part! { /// What reserve-funds answers.
struct FundReservationAnswer { /// The reservation.
    reservation: ReservationId, } }

part! { /// What an agreement with a funder says from a day on.
struct FundingTerms { /// First day.
    valid_from: Date, /// Last day; no end when absent.
    valid_until: Option<Date>, /// Cost of funds as a fraction a year.
    cost: Rate, /// The most principal that may be outstanding.
    quota: Money, /// Products it funds, by code; empty means any.
    products: Vec<String>, /// Payment channels it works with; empty means any.
    channels: Vec<String>, } }

part! { /// The balances of a fund account, all zero or more.
/// `arrived + received = available + frozen + in_transit + paid_out + refunded + suspense + recoverable`.
struct FundBalances { /// Everything the funder brought, cumulative.
    arrived: Money, /// Free to lend, once stray payouts that are not booked yet are paid of it.
    available: Money, /// Reserved for loans.
    frozen: Money, /// Sent, not confirmed.
    in_transit: Money, /// Paid to borrowers, cumulative, with what of stray payouts is written off.
    paid_out: Money, /// Repaid by borrowers, cumulative; it is available again.
    received: Money, /// Given back to funders or payers, cumulative.
    refunded: Money, /// Not the funder's: not explained yet, or borrowers' credit.
    suspense: Money, /// Paid out although no loan took it: to be taken back.
    recoverable: Money, } }

commands! {
    /// Registers an agreement with a funder and opens its fund account.
    "register-funding-contract" RegisterFundingContract -> FundingContractId {
        owner: "partner-hub", nature: Request, errors: ["FUNDING_CONTRACT_EXISTS"],
        undo: by "amend-funding-contract",
    } fields {
        /// Partner code, such as `own-funds`.
        code: String,
        /// Name.
        name: String,
        /// Country, ISO 3166 alpha-2.
        country: String,
        /// Currency.
        currency: Currency,
        /// Cost of funds as a fraction a year.
        cost: Rate,
        /// The most that may be outstanding.
        quota: Money,
        /// Products it funds, by code; empty means any.
        products: Vec<String>,
        /// Whether it pays and collects with its own system.
        pays_itself: bool,
        /// Whether it is the lender itself: own funds, the default.
        is_own: bool,
        /// Payment channels it works with; empty means any.
        channels: Vec<String>,
        /// First day on which it lends; the day of its registration when absent.
        valid_from: Option<Date>,
        /// Last day on which it lends; no end when absent.
        valid_until: Option<Date>,
    }

    /// Agrees with a funder on other terms from a day on: a renewal, an early end, another quota or cost.
    "amend-funding-contract" AmendFundingContract -> FundingContractId {
        owner: "partner-hub", nature: Request,
        undo: by "amend-funding-contract",
    } fields {
        /// Partner code. Country, currency and who pays and collects never change: loans hang on them.
        code: String,
        /// First day of these terms, today or later; what was agreed for that day or later before is replaced.
        valid_from: Date,
        /// Last day on which it lends; no end when absent. Money that is reserved by then is still paid out.
        valid_until: Option<Date>,
        /// Cost of funds as a fraction a year, of loans that are routed from then on.
        cost: Rate,
        /// The most principal that may be outstanding, in the agreement's currency.
        quota: Money,
        /// Products it funds, by code; empty means any.
        products: Vec<String>,
        /// Payment channels it works with; empty means any.
        channels: Vec<String>,
    }

    /// Confirms that a funder's money arrived in the bank.
    "confirm-fund-arrival" ConfirmFundArrival -> ArrivalId {
        owner: "fund-management-system", nature: Request, errors: ["ARRIVAL_ALREADY_CONFIRMED", "BANK_REFERENCE_USED"],
        undo: by "return-funds",
    } fields {
        /// Partner code.
        funder: String,
        /// What arrived.
        amount: Money,
        /// The bank's reference; one arrival a reference of that bank.
        bank_reference: String,
    }

    /// Confirms that free money went back to its funder.
    "return-funds" ReturnFunds -> FundBalances {
        owner: "fund-management-system", nature: Request,
        errors: ["INSUFFICIENT_FUNDS", "RETURN_ALREADY_CONFIRMED", "ACCOUNT_LIMIT_EXCEEDED", "BANK_REFERENCE_USED"],
        undo: by "confirm-fund-arrival",
    } fields {
        /// Partner code.
        funder: String,
        /// What went back; no more than is left of what the funder brought.
        amount: Money,
        /// The bank's reference; one return a reference of that bank.
        bank_reference: String,
    }

    /// Ends money in suspense: it went back to who paid it, or it pays the loan it was meant for.
    "resolve-suspense" ResolveSuspense -> FundBalances {
        owner: "fund-management-system", nature: Request,
        errors: ["SUSPENSE_ALREADY_RESOLVED", "ACCOUNT_LIMIT_EXCEEDED", "BANK_REFERENCE_USED"],
        undo: none "what went back comes in again as a payment of its own; what paid a loan stays on it",
    } fields {
        /// Partner code of the funder who holds the money.
        funder: String,
        /// How much; no more than is left of the receipt, or of the credit.
        amount: Money,
        /// The receipt in suspense that it is taken from, as its work order names it; absent for a borrower's credit.
        receipt: Option<String>,
        /// The loan whose borrower's credit it is; absent for money that nobody had explained.
        credit_of: Option<LoanId>,
        /// The loan it pays, of the same fund account; absent when it went back to the payer. Credit pays a loan of its own
        /// borrower.
        loan: Option<LoanId>,
        /// The repayment order of that loan that it was meant for, when one is known.
        order: Option<RepaymentOrderId>,
        /// When the payer paid it, not after now; when it is resolved, if absent.
        paid_at: Option<Timestamp>,
        /// The bank's reference of the payment back, or the decision's; it counts once.
        reference: String,
    }

    /// Confirms that money of a payout that no loan takes came back: the fund account may lend it again.
    "recover-stray-payout" RecoverStrayPayout -> FundBalances {
        owner: "fund-management-system", nature: Request,
        errors: ["RECOVERY_ALREADY_CONFIRMED", "BANK_REFERENCE_USED"],
        undo: none "a return of the bank is a payout of its own",
    } fields {
        /// Reference of the payout, as its work order and its entry name it.
        payout: String,
        /// What came back, in one sum as the bank tells it; no more than is still out of the payout, booked, written off or
        /// neither.
        amount: Money,
        /// The bank's or the channel's reference of what came back; it counts once.
        bank_reference: String,
    }

    /// Writes off money of a payout that no loan takes and that never comes back: it is a loss.
    "write-off-stray-payout" WriteOffStrayPayout -> FundBalances {
        owner: "fund-management-system", nature: Request, errors: ["WRITE_OFF_ALREADY_CONFIRMED"],
        undo: by "recover-stray-payout",
    } fields {
        /// Reference of the payout, as its work order and its entry name it.
        payout: String,
        /// How much is lost; no more than stands in the books of the payout and has not come back.
        amount: Money,
        /// What identifies the decision; it counts once.
        reference: String,
        /// Why it never comes back, and who decided so; no personal data.
        note: String,
    }

    /// Opens or closes a funder's route, or a payment channel.
    "set-fund-route-status" SetFundRouteStatus -> () {
        owner: "fund-routing-system", nature: Request, errors: ["CHANNEL_UNKNOWN"],
        undo: by "set-fund-route-status",
    } fields {
        /// Partner code; any when absent.
        funder: Option<String>,
        /// Channel; any when absent.
        channel: Option<String>,
        /// Open, or closed.
        open: bool,
    }

    /// Chooses whose money pays a loan out.
    "route-funds" RouteFunds -> FundRouteAnswer {
        owner: "fund-routing-system", nature: Request, errors: ["NO_FUNDING_ROUTE"],
        undo: none "a route binds nobody until funds are reserved",
    } fields {
        /// The loan.
        loan: LoanId,
        /// Product code.
        product: String,
        /// The product version that the loan was sold under: its funders count, not those of a later version.
        version: u32,
        /// Country.
        country: String,
        /// What is needed.
        amount: Money,
        /// What the borrower will owe, at least the amount: so much of the funder's quota it takes.
        principal: Money,
        /// Payout channel.
        channel: String,
        /// Funders that failed before.
        excluded: Vec<PartnerId>,
    }

    /// Reserves a funder's money for a loan; never twice.
    "reserve-funds" ReserveFunds -> FundReservationAnswer {
        owner: "fund-management-system", nature: Request, errors: ["INSUFFICIENT_FUNDS"],
        undo: by "release-fund-reservation",
    } fields {
        /// The loan.
        loan: LoanId,
        /// The account.
        fund_account: FundAccountId,
        /// The route that chose it.
        route: RouteId,
        /// What to reserve.
        amount: Money,
    }

    /// Gives reserved money back to the account.
    "release-fund-reservation" ReleaseFundReservation -> () {
        owner: "fund-management-system", nature: Request,
        undo: none "what was released is reserved by the next payout",
    } fields {
        /// The reservation.
        reservation: ReservationId,
        /// Why, as a stable code.
        reason: String,
    }

    /// Tells a fund account's balances.
    "query-fund-account" QueryFundAccount -> FundBalances {
        owner: "fund-management-system", nature: Query,
        undo: none "it changes nothing",
    } fields {
        /// The account.
        fund_account: FundAccountId,
    }

    /// Moves money through a payment channel.
    "initiate-payment" InitiatePayment -> PaymentAnswer {
        owner: "payment-system", nature: Request, errors: ["CHANNEL_UNKNOWN", "CHANNEL_CLOSED"],
        undo: none "money on its way is not called back; payment-failed releases what it held",
    } fields {
        /// Which way. People order no payout: the partner hub does, for an attempt.
        direction: PaymentDirection,
        /// What for.
        purpose: PaymentPurpose,
        /// How much.
        amount: Money,
        /// Channel and account of the customer.
        account: PayoutAccount,
    }

    /// Pays a loan out of own funds, without a partner between.
    "request-disbursement" RequestDisbursement -> PaymentAnswer {
        owner: "payment-system", nature: Request, errors: ["CHANNEL_UNKNOWN", "CHANNEL_CLOSED"],
        undo: none "money on its way is not called back; payment-failed releases what it held",
    } fields {
        /// What for: an attempt, and the money that is reserved for it. People order no payout, the partner hub does.
        purpose: PaymentPurpose,
        /// How much.
        amount: Money,
        /// Channel and account of the customer.
        account: PayoutAccount,
    }

    /// Creates a way for a customer to pay: QR code, virtual account, deep link, or a pull under a mandate.
    "create-repayment-method" CreateRepaymentMethod -> PaymentAnswer {
        owner: "payment-system", nature: Request, errors: ["CHANNEL_UNKNOWN", "NO_MANDATE"],
        undo: none "a way to pay that nobody uses expires",
    } fields {
        /// The order.
        order: RepaymentOrderId,
        /// The loan.
        loan: LoanId,
        /// The customer.
        customer: CustomerId,
        /// How much.
        amount: Money,
        /// How.
        method: RepaymentMethodKind,
        /// The mandate, for a pull.
        mandate: Option<MandateId>,
    }

    /// Allows installments to be pulled from a customer's account.
    "create-direct-debit-mandate" CreateDirectDebitMandate -> MandateId {
        owner: "payment-system", nature: Request, open_to: customer, errors: ["LOAN_NOT_YOURS"],
        undo: by "cancel-direct-debit-mandate",
    } fields {
        /// The customer.
        customer: CustomerId,
        /// The loan it is for.
        loan: LoanId,
        /// Channel and account: the wallet that took the customer's last payout.
        account: PayoutAccount,
    }

    /// Ends a direct-debit mandate: nothing more is pulled under it. What is on its way comes in.
    "cancel-direct-debit-mandate" CancelDirectDebitMandate -> () {
        owner: "payment-system", nature: Request, open_to: customer, errors: ["NO_MANDATE"],
        undo: by "create-direct-debit-mandate",
    } fields {
        /// The customer.
        customer: CustomerId,
        /// The loan.
        loan: LoanId,
    }

    /// What a payment channel reports about a request, by callback or by poll.
    "record-payment-result" RecordPaymentResult -> () {
        owner: "payment-system", nature: Fact,
        undo: none "a channel's report is a fact",
    } fields {
        /// Our request id, as sent to the channel.
        request_id: String,
        /// The channel's reference.
        channel_reference: String,
        /// What it says.
        outcome: ChannelOutcome,
        /// Why it failed, such as `PAYER_LIMIT_REACHED`.
        reason: Option<String>,
        /// What the channel says was moved, when it moved money.
        amount: Option<Money>,
        /// When the money moved, as the channel says; when the market learns of it, if it says nothing.
        paid_at: Option<Timestamp>,
    }

    /// People decide a payment that its channel contradicts or leaves unanswered, after asking the channel.
    "decide-payment" DecidePayment -> () {
        owner: "payment-system", nature: Request,
        undo: none "what people decided is final; what was wrong about it is put right by a payment of its own",
    } fields {
        /// The payment.
        payment: PaymentId,
        /// Whether money moved.
        paid: bool,
        /// What moved, for a collection; what was ordered when absent. For a payout that is decided already, what went out
        /// besides: no loan takes it, and it is booked as a stray payout.
        amount: Option<Money>,
        /// The channel's reference of what moved, as its statement has it: it tells a second payment, and the bank's own
        /// notice, from this one. Wanted when money moved, unless the channel gave it before; always for what went out
        /// besides.
        channel_reference: Option<String>,
        /// When the money moved, not after now; when people decide, if absent.
        paid_at: Option<Timestamp>,
        /// Who was asked, and what was answered; no personal data.
        note: String,
    }

    /// Books a payout that no loan takes, as far as the fund account has the money. The fund management's own alarm.
    "book-stray-payout" BookStrayPayout -> () {
        owner: "fund-management-system", nature: Fact,
        undo: by "recover-stray-payout",
    } fields {
        /// Reference of the payout.
        reference: String,
    }

    /// A payment has been pending for long: ask the channel. The payment system's own alarm.
    "poll-payment" PollPayment -> () {
        owner: "payment-system", nature: Fact,
        undo: none "asking again changes nothing",
    } fields {
        /// The payment.
        payment: PaymentId,
    }
}

events! {
    /// An agreement with a funder was signed.
    "funding-contract-signed" FundingContractSigned { producers: ["partner-hub"] } fields {
        /// The agreement.
        contract: FundingContractId,
        /// The partner.
        partner: PartnerId,
        /// Partner code.
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
        products: Vec<String>,
        /// Whether it pays and collects with its own system.
        pays_itself: bool,
        /// Whether it is the lender itself.
        is_own: bool,
        /// Channels; empty means any.
        channels: Vec<String>,
        /// First day on which it lends.
        valid_from: Date,
        /// Last day on which it lends; no end when absent.
        valid_until: Option<Date>,
    }

    /// An agreement with a funder has other terms from a day on.
    "funding-contract-amended" FundingContractAmended { producers: ["partner-hub"] } fields {
        /// The agreement.
        contract: FundingContractId,
        /// The partner.
        partner: PartnerId,
        /// Partner code.
        code: String,
        /// By first day: the terms of today, then those agreed for later. What was known before is replaced.
        terms: Vec<FundingTerms>,
    }

    /// A fund account was opened.
    "fund-account-opened" FundAccountOpened { producers: ["fund-management-system"] } fields {
        /// The account.
        fund_account: FundAccountId,
        /// The partner.
        partner: PartnerId,
        /// Partner code.
        code: String,
        /// Currency.
        currency: Currency,
    }

    /// A funder's money arrived.
    "fund-arrival-confirmed" FundArrivalConfirmed { producers: ["fund-management-system"] } fields {
        /// The arrival.
        arrival: ArrivalId,
        /// The account.
        fund_account: FundAccountId,
        /// The partner.
        partner: PartnerId,
        /// What arrived.
        amount: Money,
        /// The account's balances after it.
        balances: FundBalances,
    }

    /// Free money went back to its funder.
    "funds-returned" FundsReturned { producers: ["fund-management-system"] } fields {
        /// The account.
        fund_account: FundAccountId,
        /// The partner.
        partner: PartnerId,
        /// What went back.
        amount: Money,
        /// The bank's reference.
        bank_reference: String,
        /// The account's balances after it.
        balances: FundBalances,
    }

    /// Money in suspense was explained: paid back, or taken for a loan.
    "suspense-resolved" SuspenseResolved { producers: ["fund-management-system"] } fields {
        /// The account.
        fund_account: FundAccountId,
        /// The funder who held it.
        partner: PartnerId,
        /// How much.
        amount: Money,
        /// What identifies the decision: the bank where the money is, and the reference of the request.
        reference: String,
        /// The loan whose borrower's credit it was.
        credit_of: Option<LoanId>,
        /// The loan it pays; absent when it went back to the payer.
        loan: Option<LoanId>,
        /// The repayment order of that loan that it was meant for.
        order: Option<RepaymentOrderId>,
        /// When the payer paid it; when it is resolved, if absent.
        paid_at: Option<Timestamp>,
    }

    /// A funder was chosen for a loan.
    "fund-route-selected" FundRouteSelected { producers: ["fund-routing-system"] } fields {
        /// The route.
        route: RouteId,
        /// The loan.
        loan: LoanId,
        /// The funder.
        funder: PartnerId,
        /// The account.
        fund_account: FundAccountId,
        /// Cost of funds as a fraction a year.
        cost: Rate,
        /// Whether the funder pays with its own system.
        pays_itself: bool,
        /// What is needed.
        amount: Money,
    }

    /// Money is reserved for a loan.
    "fund-reserved" FundReserved { producers: ["fund-management-system"] } fields {
        /// The reservation.
        reservation: ReservationId,
        /// The loan.
        loan: LoanId,
        /// The account.
        fund_account: FundAccountId,
        /// The route that chose it.
        route: RouteId,
        /// What is reserved.
        amount: Money,
        /// The account's balances after it.
        balances: FundBalances,
    }

    /// Reserved money is free again.
    "fund-reservation-released" FundReservationReleased { producers: ["fund-management-system"] } fields {
        /// The reservation.
        reservation: ReservationId,
        /// The loan.
        loan: LoanId,
        /// The account.
        fund_account: FundAccountId,
        /// What was freed.
        amount: Money,
        /// Why.
        reason: String,
    }

    /// A fund account's free money changed: routing keeps count.
    "fund-balance-changed" FundBalanceChanged { producers: ["fund-management-system"] } fields {
        /// The account.
        fund_account: FundAccountId,
        /// The partner.
        partner: PartnerId,
        /// The balances.
        balances: FundBalances,
    }

    /// A payment channel moved money.
    "payment-succeeded" PaymentSucceeded { producers: ["payment-system"] } fields {
        /// The payment.
        payment: PaymentId,
        /// Which way.
        direction: PaymentDirection,
        /// What for.
        purpose: PaymentPurpose,
        /// How much.
        amount: Money,
        /// The channel's reference.
        channel_reference: String,
        /// When the market learnt it.
        at: Timestamp,
        /// When the money moved, never after the market learnt it.
        paid_at: Timestamp,
    }

    /// A channel says under which reference it collected what it had told of without one.
    "collection-reference-learned" CollectionReferenceLearned { producers: ["payment-system"] } fields {
        /// The payment.
        payment: PaymentId,
        /// What for.
        purpose: PaymentPurpose,
        /// How much was told to have moved.
        amount: Money,
        /// The channel's reference.
        channel_reference: String,
    }

    /// Money went out that no loan takes: an attempt was paid after it had failed, or twice, or too much.
    "stray-payout-reported" StrayPayoutReported { producers: ["payment-system", "partner-hub"] } fields {
        /// Identifies the movement: our payment or the attempt, and the payer's reference.
        reference: String,
        /// The loan it was for.
        loan: LoanId,
        /// The disbursement attempt.
        disbursement: Option<DisbursementOrderId>,
        /// The fund account whose money went out.
        fund_account: Option<FundAccountId>,
        /// How much.
        amount: Money,
    }

    /// A payment channel did not move money.
    "payment-failed" PaymentFailed { producers: ["payment-system"] } fields {
        /// The payment.
        payment: PaymentId,
        /// Which way.
        direction: PaymentDirection,
        /// What for.
        purpose: PaymentPurpose,
        /// How much.
        amount: Money,
        /// Why, as the channel's code.
        reason: String,
    }

    /// A direct-debit mandate exists.
    "direct-debit-mandate-created" DirectDebitMandateCreated { producers: ["payment-system"] } fields {
        /// The mandate.
        mandate: MandateId,
        /// The customer.
        customer: CustomerId,
        /// The loan.
        loan: LoanId,
    }

    /// A direct-debit mandate is over.
    "direct-debit-mandate-cancelled" DirectDebitMandateCancelled { producers: ["payment-system"] } fields {
        /// The mandate.
        mandate: MandateId,
        /// The customer.
        customer: CustomerId,
        /// The loan.
        loan: LoanId,
    }
}

impl FundingTerms {
    /// The terms whose turn it is on `day`: the last that have begun, though their own end may be over.
    ///
    /// `all` stands by first day, each day once.
    pub fn begun(all: &[Self], day: Date) -> Option<&Self> {
        all.iter().rfind(|terms| terms.valid_from <= day)
    }

    /// The terms under which money is lent on `day`, its first and its last day among them; `None` before and after.
    ///
    /// `all` stands by first day, each day once.
    pub fn in_force(all: &[Self], day: Date) -> Option<&Self> {
        Self::begun(all, day).filter(|terms| terms.valid_until.is_none_or(|last| day <= last))
    }
}

/// Lets messages tell the terms that they carry.
macro_rules! tell_terms {
    ($($message:ident),*) => {
        $(
            impl $message {
                /// What is agreed.
                pub fn terms(&self) -> FundingTerms {
                    FundingTerms {
                        valid_from: self.valid_from,
                        valid_until: self.valid_until,
                        cost: self.cost,
                        quota: self.quota,
                        products: self.products.clone(),
                        channels: self.channels.clone(),
                    }
                }
            }
        )*
    };
}
tell_terms!(FundingContractSigned, AmendFundingContract);
