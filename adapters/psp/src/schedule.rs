//! What falls due when, in an order that depends on nothing but insertion.

use std::collections::BTreeMap;

use sycee_contract::Timestamp;

/// Items by due time, first in first out at the same instant.
#[derive(Clone, Debug)]
pub(crate) struct Schedule<T> {
    items: BTreeMap<(Timestamp, u64), T>,
    inserted: u64,
}

impl<T> Default for Schedule<T> {
    fn default() -> Self {
        Self { items: BTreeMap::new(), inserted: 0 }
    }
}

impl<T> Schedule<T> {
    pub(crate) fn at(&mut self, due: Timestamp, item: T) {
        self.inserted += 1;
        self.items.insert((due, self.inserted), item);
    }

    pub(crate) fn pop_due(&mut self, now: Timestamp) -> Option<(Timestamp, T)> {
        let first = self.items.first_entry().filter(|entry| entry.key().0 <= now)?;
        let ((due, _), item) = first.remove_entry();
        Some((due, item))
    }

    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.items.first_key_value().map(|((due, _), _)| *due)
    }
}
