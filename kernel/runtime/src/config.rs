//! What a market is told when it opens: who it is, and each domain's typed configuration.

use std::any::{Any, TypeId};
use std::sync::Arc;

use rustc_hash::FxHashMap;
use sycee_contract::Zone;
use sycee_money::Currency;

/// Who a market is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Market {
    /// Market id, such as `gh`.
    pub id: String,
    /// Country, ISO 3166 alpha-2.
    pub country: String,
    /// Currency of its books.
    pub currency: Currency,
    /// Where its people live: its business days begin at midnight there.
    pub zone: Zone,
    /// Whether people review what risk refers; when not, a referral is a refusal.
    pub manual_review: bool,
}

/// Typed configuration by type.
#[derive(Clone, Default)]
pub struct Configs {
    by_type: FxHashMap<TypeId, Arc<dyn Any + Send + Sync>>,
}

impl Configs {
    /// No configuration.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with one more.
    #[must_use]
    pub fn with<T: Send + Sync + 'static>(mut self, config: T) -> Self {
        self.by_type.insert(TypeId::of::<T>(), Arc::new(config));
        self
    }

    /// The configuration of type `T`.
    ///
    /// Panics when the market was opened without it: a start-up mistake that no request can cause.
    pub(crate) fn get<T: Send + Sync + 'static>(&self) -> Arc<T> {
        let found = self.by_type.get(&TypeId::of::<T>()).cloned();
        match found.and_then(|any| any.downcast::<T>().ok()) {
            Some(config) => config,
            #[allow(clippy::panic, reason = "a market opened without a domain's configuration cannot run at all")]
            None => panic!("the market was opened without configuration {}", std::any::type_name::<T>()),
        }
    }
}
