//! Credit domain: applications, lines, reservations of the line.

use std::collections::BTreeMap;

use sycee_money::Money;

use crate::message::{commands, events};
use crate::messages::part;
use crate::{CreditApplicationId, CustomerId, DecisionId, LoanId, Timestamp};

part! { /// A credit line's figures: limit = available + reserved + used + frozen.
struct CreditLineFigures { /// The customer.
    customer: CustomerId, /// The limit.
    limit: Money, /// What can be borrowed.
    available: Money, /// Held for loans that are not paid out.
    reserved: Money, /// Principal outstanding.
    used: Money, /// Not available while the line is frozen.
    frozen: Money, /// Whether the line is frozen.
    is_frozen: bool, /// Nothing can be drawn after this.
    valid_until: Timestamp, } }

part! { /// What apply-for-credit answers.
struct CreditApplicationAnswer { /// The application.
    application: CreditApplicationId, } }

commands! {
    /// Asks for a credit line.
    "apply-for-credit" ApplyForCredit -> CreditApplicationAnswer {
        owner: "credit-center", nature: Request, open_to: customer,
        errors: ["CUSTOMER_NOT_ADMITTED", "APPLICATION_ALREADY_OPEN", "CREDIT_LINE_EXISTS", "COOLING_OFF_AFTER_REJECTION",
            "STRATEGY_NOT_FOUND"],
        undo: none "an application moves nothing until it is decided, and then it is over",
    } fields {
        /// The customer.
        customer: CustomerId,
        /// The limit asked for.
        requested: Money,
        /// What the money is for, such as `education`.
        purpose: String,
        /// Facts about the request, such as `duration-months` = `24`.
        facts: BTreeMap<String, String>,
    }

    /// A person decides a credit application that was referred.
    "review-credit-application" ReviewCreditApplication -> () {
        owner: "credit-center", nature: Request, errors: ["CUSTOMER_NOT_ADMITTED", "DECISION_EXPIRED"],
        undo: none "a granted line is frozen, a refused customer applies again",
    } fields {
        /// The application.
        application: CreditApplicationId,
        /// The limit to grant; none refuses.
        limit: Option<Money>,
        /// Why.
        note: String,
    }

    /// Tells a credit line's figures.
    "query-credit-line" QueryCreditLine -> Option<CreditLineFigures> {
        owner: "credit-limit-center", nature: Query, open_to: customer,
        undo: none "it changes nothing",
    } fields {
        /// The customer.
        customer: CustomerId,
    }

    /// Holds a part of the line for a loan.
    "reserve-credit-line" ReserveCreditLine -> CreditLineFigures {
        owner: "credit-limit-center", nature: Request, errors: ["CREDIT_LIMIT_EXCEEDED", "CREDIT_LINE_FROZEN", "CREDIT_LINE_EXPIRED"],
        undo: by "release-credit-line",
    } fields {
        /// The customer.
        customer: CustomerId,
        /// The loan.
        loan: LoanId,
        /// The principal.
        amount: Money,
    }

    /// Gives back what was held for a loan that was not paid out.
    "release-credit-line" ReleaseCreditLine -> () {
        owner: "credit-limit-center", nature: Request,
        undo: none "what was released is reserved by the next application",
    } fields {
        /// The customer.
        customer: CustomerId,
        /// The loan.
        loan: LoanId,
        /// Why, as a stable code.
        reason: String,
    }

    /// Freezes or unfreezes a credit line.
    "freeze-credit-line" FreezeCreditLine -> () {
        owner: "credit-limit-center", nature: Request,
        undo: by "freeze-credit-line",
    } fields {
        /// The customer.
        customer: CustomerId,
        /// Freeze, or lift the freeze.
        frozen: bool,
        /// Why, as a stable code.
        reason: String,
    }
}

events! {
    /// A credit application waits for a person.
    "credit-application-referred" CreditApplicationReferred { producers: ["credit-center"] } fields {
        /// The application.
        application: CreditApplicationId,
        /// The customer.
        customer: CustomerId,
        /// Why.
        reasons: Vec<String>,
    }

    /// A credit application was refused.
    "credit-application-rejected" CreditApplicationRejected { producers: ["credit-center"] } fields {
        /// The application.
        application: CreditApplicationId,
        /// The customer.
        customer: CustomerId,
        /// Why.
        reasons: Vec<String>,
    }

    /// A limit was granted.
    "credit-line-approved" CreditLineApproved { producers: ["credit-center"] } fields {
        /// The application.
        application: CreditApplicationId,
        /// The customer.
        customer: CustomerId,
        /// The limit.
        limit: Money,
        /// The most this limit may grow to.
        limit_cap: Money,
        /// Risk tier.
        tier: String,
        /// The decision behind it.
        decision: DecisionId,
        /// The line cannot be drawn after this.
        valid_until: Timestamp,
    }

    /// A line was frozen or unfrozen; says which.
    "credit-line-frozen" CreditLineFrozen { producers: ["credit-limit-center"] } fields {
        /// The figures after it.
        line: CreditLineFigures,
        /// Frozen, or the freeze was lifted.
        frozen: bool,
        /// Why.
        reason: String,
    }

    /// A part of the line is held for a loan.
    "credit-reserved" CreditReserved { producers: ["credit-limit-center"] } fields {
        /// The loan.
        loan: LoanId,
        /// What is held.
        amount: Money,
        /// The figures after it.
        line: CreditLineFigures,
    }

    /// A hold was given back, or repaid principal became available again.
    "credit-released" CreditReleased { producers: ["credit-limit-center"] } fields {
        /// The loan.
        loan: LoanId,
        /// What was given back.
        amount: Money,
        /// Why: `repaid`, `cancelled`, `rejected`, `disbursement-failed`.
        reason: String,
        /// The figures after it.
        line: CreditLineFigures,
    }

    /// A line's limit changed.
    "credit-limit-changed" CreditLimitChanged { producers: ["credit-limit-center"] } fields {
        /// The limit before.
        from: Money,
        /// Why.
        reason: String,
        /// The figures after it.
        line: CreditLineFigures,
    }
}
