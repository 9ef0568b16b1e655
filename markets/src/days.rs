//! When a market's business days begin.

use sycee_contract::{BusinessDateAdvanced, Date, Timestamp, Zone};
use sycee_runtime::{BusinessDays, Market, Stimulus};

/// Business days that are calendar days, from midnight where the market's people live.
#[derive(Clone, Debug)]
pub struct CalendarDays {
    zone: Zone,
}

impl CalendarDays {
    /// The days of `market`.
    pub fn of(market: &Market) -> Self {
        Self { zone: market.zone.clone() }
    }
}

impl BusinessDays for CalendarDays {
    fn starts(&self, day: Date) -> Timestamp {
        self.zone.start_of(day)
    }

    fn event(&self, closed: Date, opened: Date) -> Stimulus {
        Stimulus::event("clock", BusinessDateAdvanced { closed, opened }).through("asset-center")
    }
}
