//! How a market lives, and how it is doing.

use std::sync::Arc;
use std::time::Duration;

use sycee_contract::{Date, Timestamp};

use crate::clock::{Clock, ClockState};
use crate::{Adapters, Stimulus};

const DAY: Duration = Duration::from_secs(86_400);

/// When a market's business days begin, and what is said then.
pub trait BusinessDays: Send + Sync {
    /// The first moment of `day`.
    fn starts(&self, day: Date) -> Timestamp;
    /// What happens when `closed` ends and `opened` begins.
    fn event(&self, closed: Date, opened: Date) -> Stimulus;
}

/// How a market lives.
pub struct Live {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) adapters: Option<Adapters>,
    pub(super) days: Option<Box<dyn BusinessDays>>,
    pub(super) queue_max: usize,
    pub(super) jump_max: Duration,
    pub(super) absence_max: Duration,
    pub(super) grace: Duration,
}

impl Live {
    /// On this clock; effects wait, and days open by hand.
    pub fn on(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            adapters: None,
            days: None,
            queue_max: 16_384,
            jump_max: DAY,
            absence_max: 366 * DAY,
            grace: Duration::from_secs(5),
        }
    }

    /// Effects are executed by `adapters`.
    #[must_use]
    pub fn executing(mut self, adapters: Adapters) -> Self {
        self.adapters = Some(adapters);
        self
    }

    /// Business days open by themselves.
    #[must_use]
    pub fn opening(mut self, days: impl BusinessDays + 'static) -> Self {
        self.days = Some(Box::new(days));
        self
    }

    /// At most so many requests wait; 16,384 unless somebody sets another number.
    #[must_use]
    pub const fn queue_max(mut self, requests: usize) -> Self {
        self.queue_max = requests;
        self
    }

    /// A clock that jumps further forward is not believed; a day unless somebody sets another bound.
    #[must_use]
    pub const fn jump_max(mut self, jump: Duration) -> Self {
        self.jump_max = jump;
        self
    }

    /// A market that was away for longer does not open; 366 days unless somebody sets another bound.
    #[must_use]
    pub const fn absence_max(mut self, absence: Duration) -> Self {
        self.absence_max = absence;
        self
    }

    /// How long a stop waits for effects that are being executed, by the machine's clock; 5 s unless somebody sets another.
    #[must_use]
    pub const fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }
}

/// How a live market is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveStatus {
    /// The market's time.
    pub now: Timestamp,
    /// How it stands to the clock on the wall.
    pub clock: ClockState,
    /// Why the next business day could not be opened, if it could not; it is tried again every minute.
    pub day: Option<String>,
    /// Timers fired since the start.
    pub timers: u64,
    /// Effects that wait to be executed.
    pub effects_waiting: usize,
    /// Effects being executed.
    pub effects_running: usize,
    /// Executions that were given up and still hold a thread.
    pub effects_hanging: usize,
}
