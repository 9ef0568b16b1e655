//! When a market's business days begin.

use sycee_contract::{BusinessDateAdvanced, Date, Timestamp};
use sycee_runtime::{BusinessDays, Stimulus};

/// Business days that are calendar days, from midnight UTC, as everything here that turns a date into a moment has it.
pub struct CalendarDays;

impl BusinessDays for CalendarDays {
    fn starts(&self, day: Date) -> Timestamp {
        Timestamp::start_of(day)
    }

    fn event(&self, closed: Date, opened: Date) -> Stimulus {
        Stimulus::event("clock", BusinessDateAdvanced { closed, opened }).through("asset-center")
    }
}
