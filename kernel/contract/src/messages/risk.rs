//! Risk domain: reviews, features, scores, decisions.

use std::collections::BTreeMap;

use sycee_money::{Money, Rate};

use crate::message::{commands, events};
use crate::messages::part;
use crate::{CreditApplicationId, CustomerId, DecisionId, LoanId, Sensitive, Timestamp};

part! { /// What a decision is for.
enum RiskPurpose { /// May this person become a customer.
    Admission, /// How much credit.
    Credit, /// Which offers at which price.
    Distribution, /// May this loan be paid out.
    Drawdown, } }

part! { /// What was decided.
enum RiskOutcome { /// Go on.
    Approve, /// Stop.
    Reject, /// People decide.
    Review, } }

part! { /// Whom and what a decision is about.
struct RiskSubject { /// The customer.
    customer: CustomerId, /// The credit application, for purpose credit.
    application: Option<CreditApplicationId>, /// The loan, for purpose drawdown.
    loan: Option<LoanId>, } }

/// The feature that holds a person's age in full years: the identity check's once it passed, until then the customer's word.
pub const AGE_IN_YEARS: &str = "age_in_years";

part! { /// What a participant of a risk review contributes.
struct RiskContribution { /// Features by name; numbers as decimal strings.
    features: BTreeMap<String, String>, /// A score in points, if this participant scores.
    score: Option<i64>, /// Why the score is what it is: characteristic and points.
    score_parts: Vec<(String, i64)>, } }

part! { /// The answer of a review.
struct RiskDecisionAnswer { /// The recorded decision.
    decision: DecisionId, /// What was decided.
    outcome: RiskOutcome, } }

commands! {
    /// Reviews a subject for a purpose: rules, features, score and strategy give a decision.
    "execute-risk-review" ExecuteRiskReview -> RiskDecisionAnswer {
        owner: "decision-engine", nature: Request,
        participants: ["feature-platform", "kyc-service", "model-platform"] => RiskContribution,
        errors: ["STRATEGY_NOT_FOUND"],
        undo: none "a decision expires; the next review decides anew",
    } fields {
        /// What the decision is for.
        purpose: RiskPurpose,
        /// Whom it is about.
        subject: RiskSubject,
        /// The amount asked for, if any.
        requested: Option<Money>,
        /// Facts the requester knows, such as `purpose` = `education`.
        facts: BTreeMap<String, String>,
    }

    /// Puts a phone, document or device on the blacklist.
    "add-to-blacklist" AddToBlacklist -> () {
        owner: "risk-strategy-center", nature: Request,
        undo: by "remove-from-blacklist",
    } fields {
        /// What kind of value: `phone`, `document`, `device`.
        kind: String,
        /// The value.
        value: Sensitive,
        /// Why, as a stable code.
        reason: String,
        /// Only while nobody but this customer was seen with it; otherwise people are told instead. Either way people look.
        sole_holder: Option<CustomerId>,
    }

    /// Takes a phone, document or device off the blacklist.
    "remove-from-blacklist" RemoveFromBlacklist -> () {
        owner: "risk-strategy-center", nature: Request,
        undo: by "add-to-blacklist",
    } fields {
        /// `phone`, `document`, `device`.
        kind: String,
        /// The value, as it was put there.
        value: Sensitive,
        /// Why, as a stable code.
        reason: String,
    }

    /// Asks whether a phone, document or device is on the blacklist.
    "check-blacklist" CheckBlacklist -> bool {
        owner: "risk-strategy-center", nature: Query,
        undo: none "it changes nothing",
    } fields {
        /// What kind of value: `phone`, `document`, `device`.
        kind: String,
        /// The value.
        value: Sensitive,
    }

    /// Asks which kinds of a customer's phone, documents and devices are on the blacklist.
    "check-customer-blacklist" CheckCustomerBlacklist -> Vec<String> {
        owner: "risk-strategy-center", nature: Query,
        undo: none "it changes nothing",
    } fields {
        /// The customer.
        customer: CustomerId,
    }
}

events! {
    /// A decision was made. A subscriber that its purpose does not concern ignores it.
    "risk-decision-made" RiskDecisionMade { producers: ["decision-engine"] } fields {
        /// The decision.
        decision: DecisionId,
        /// What it is for.
        purpose: RiskPurpose,
        /// Whom it is about.
        subject: RiskSubject,
        /// What was decided.
        outcome: RiskOutcome,
        /// Score in points, if a scorecard ran.
        score: Option<i64>,
        /// Risk tier by score: `low`, `medium`, `high`, `very-high`.
        tier: String,
        /// Reasons as stable codes, strongest first.
        reasons: Vec<String>,
        /// The limit to grant, for purpose credit.
        limit: Option<Money>,
        /// Surcharge on the product's rate, as a fraction a year; zero or more.
        rate_surcharge: Rate,
        /// Products that must not be offered, by code.
        excluded_products: Vec<String>,
        /// The decision must not be used after this.
        valid_until: Timestamp,
        /// Strategy, version and short hash of the file that decided, such as `gh-default@1-9f86d081`.
        strategy: String,
        /// BLAKE3 of the inputs, hex.
        inputs_hash: String,
    }

    /// Something was put on the blacklist.
    "blacklist-entry-added" BlacklistEntryAdded { producers: ["risk-strategy-center"] } fields {
        /// What kind of value.
        kind: String,
        /// Why.
        reason: String,
        /// Customers who have this phone, document or device: the first 500 of them.
        customers: Vec<CustomerId>,
    }

    /// Something was taken off the blacklist.
    "blacklist-entry-removed" BlacklistEntryRemoved { producers: ["risk-strategy-center"] } fields {
        /// What kind of value.
        kind: String,
        /// Why.
        reason: String,
        /// Of the first 500 customers who have this phone, document or device, those who have nothing else that is listed.
        customers: Vec<CustomerId>,
    }
}
