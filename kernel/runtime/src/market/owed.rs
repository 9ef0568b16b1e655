//! Work orders of the runtime's own: what it cannot settle, people must hear of.
//!
//! Invariant: a work order that an outage keeps from being opened is opened later. One that no program like this can
//! open is parked, as every fact is.

use sycee_contract::{Message as _, OpenWorkOrder};

use super::{DERIVED, MarketWriter, NO_TICKET};
use crate::system::RUNTIME;
use crate::{Fault, FaultKind, Stimulus};

impl MarketWriter {
    /// Has people look after something, as soon as the database answers.
    pub(super) fn owe(&mut self, order: OpenWorkOrder) {
        if self.open_order(DERIVED, &order).is_err() {
            self.owed.push(order);
        }
    }

    /// Has people look after something at once.
    ///
    /// Errors: `Outage` when the database does not answer; nobody will hear of it.
    pub(super) fn order_now(&mut self, order: &OpenWorkOrder) -> Result<(), Fault> {
        self.open_order(DERIVED, order)
    }

    /// Opens what could not be opened when it came up, or came up when the market was opened.
    pub(super) fn pay_owed(&mut self) {
        for order in std::mem::take(&mut self.owed) {
            // What brought it about may be durable: it is run again by itself when its batch is lost.
            if self.open_order(NO_TICKET, &order).is_err() {
                self.owed.push(order);
            }
        }
    }

    fn open_order(&mut self, ticket: u64, order: &OpenWorkOrder) -> Result<(), Fault> {
        if self.core.registry.owner_of(OpenWorkOrder::ID).is_none() {
            return Ok(());
        }
        let stimulus = Stimulus::command("runtime", order.clone()).through(RUNTIME);
        match self.execute_ticket(ticket, stimulus) {
            Err(fault) if fault.kind == FaultKind::Outage => Err(fault),
            // One that its handler cannot take is parked itself; a writer that has stopped keeps nothing.
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

/// For whoever looks after an effect that can neither be executed nor given up.
pub(super) fn stuck_effect(id: i64, why: &str) -> OpenWorkOrder {
    work_order("stuck-effect", format!("stuck-effect-{id}"), format!("effect {id} stays pending: {why}"))
}

/// A work order of this kind; one that is open under `key` already counts the times.
pub(super) fn work_order(kind: &str, key: String, text: String) -> OpenWorkOrder {
    OpenWorkOrder { kind: kind.to_owned(), loan: None, text, key }
}
