//! Post-loan operations: messages to customers and work orders for people.

use std::collections::BTreeMap;

use crate::message::{commands, events};
use crate::{CustomerId, LoanId, NoticeId, WorkOrderId};

commands! {
    /// Sends a customer a message from a template.
    "send-notification" SendNotification -> NoticeId {
        owner: "outreach-system", nature: Request, errors: ["TEMPLATE_NOT_FOUND"],
        undo: none "what was read stays read",
    } fields {
        /// The customer.
        customer: CustomerId,
        /// Template code.
        template: String,
        /// Values of the template; no personal data.
        values: BTreeMap<String, String>,
    }

    /// Opens a work order: people have to look at something the system will not decide.
    "open-work-order" OpenWorkOrder -> WorkOrderId {
        owner: "work-order-center", nature: Fact,
        undo: by "close-work-order",
    } fields {
        /// What kind, such as `parked-effect`, `unmatched-payment`.
        kind: String,
        /// The loan, when there is one.
        loan: Option<LoanId>,
        /// What happened and what to do; no personal data.
        text: String,
        /// One open work order a key.
        key: String,
    }

    /// Closes a work order.
    "close-work-order" CloseWorkOrder -> () {
        owner: "work-order-center", nature: Request,
        undo: by "open-work-order",
    } fields {
        /// The work order.
        work_order: WorkOrderId,
        /// What was done.
        note: String,
    }

    /// Closes the work order that is open under a key, if there is one: what it asked people for is done or over.
    "resolve-work-order" ResolveWorkOrder -> () {
        owner: "work-order-center", nature: Fact,
        undo: by "open-work-order",
    } fields {
        /// The key it was opened under.
        key: String,
        /// What became of the matter, in a few words; no personal data.
        note: String,
    }

    /// Has an effect executed that was given up, and closes its work order.
    "retry-effect" RetryEffect -> () {
        owner: "work-order-center", nature: Request,
        undo: none "an effect is known outside by its key, so trying it once more does nothing twice",
    } fields {
        /// The effect's number, as in the work order's text.
        effect: i64,
        /// What was done about its cause.
        note: String,
    }
}

events! {
    /// A message went to a customer.
    "message-dispatched" MessageDispatched { producers: ["outreach-system"] } fields {
        /// The message.
        notice: NoticeId,
        /// The customer.
        customer: CustomerId,
        /// Template code.
        template: String,
        /// Channel: `in-app`.
        channel: String,
    }

    /// A work order waits for people.
    "work-order-created" WorkOrderCreated { producers: ["work-order-center"] } fields {
        /// The work order.
        work_order: WorkOrderId,
        /// What kind.
        kind: String,
        /// The loan, when there is one.
        loan: Option<LoanId>,
    }
}
