//! Where a live market's time comes from, and what becomes of a clock that is set back or forward.
//!
//! Invariant: the market's time never goes back, and never stands still for long.
//! Invariant: one wrong reading cannot put the market far into the future: nothing could bring it back.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sycee_contract::Timestamp;

use crate::Fault;

/// Longest sleep on the system's clock: whoever sets it is noticed so soon.
const NAP_MAX: Duration = Duration::from_secs(1);
/// How far a reading may be off before it is reported: clocks are disciplined all the time.
const DRIFT_TOLERATED: Duration = Duration::from_secs(1);

/// Called when a clock was moved; says whether it wants to be called again.
pub type OnMove = Box<dyn Fn() -> bool + Send + Sync>;

/// What tells the time.
pub trait Clock: Send + Sync {
    /// The time on the wall; somebody may set it.
    fn wall(&self) -> Timestamp;
    /// Time since some moment of the past, which nobody can set.
    fn steady(&self) -> Duration;
    /// How long to sleep when the next thing is due in `remaining`.
    fn nap(&self, remaining: Duration) -> Duration;
    /// Has `moved` called whenever somebody moves this clock, if that can be known.
    fn on_move(&self, moved: OnMove);
}

/// The machine's clock.
pub struct SystemClock {
    since: Instant,
}

impl SystemClock {
    /// The machine's clock.
    #[allow(clippy::new_without_default, reason = "two of them do not show the same steady time")]
    pub fn new() -> Self {
        Self { since: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn wall(&self) -> Timestamp {
        // A clock before 1970 is no clock; 1970 is far enough behind to be reported.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        plus(Timestamp::from_micros(0), since)
    }

    fn steady(&self) -> Duration {
        self.since.elapsed()
    }

    fn nap(&self, remaining: Duration) -> Duration {
        remaining.min(NAP_MAX)
    }

    fn on_move(&self, _moved: OnMove) {}
}

/// A clock that moves when it is told to: for tests and for loads that make their own time.
pub struct VirtualClock {
    hands: Mutex<(Timestamp, Duration)>,
    listeners: Mutex<Vec<OnMove>>,
}

impl VirtualClock {
    /// A clock that shows `start`.
    pub fn at(start: Timestamp) -> Self {
        Self { hands: Mutex::new((start, Duration::ZERO)), listeners: Mutex::new(Vec::new()) }
    }

    fn hands(&self) -> MutexGuard<'_, (Timestamp, Duration)> {
        self.hands.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets time pass.
    pub fn pass(&self, time: Duration) {
        {
            let mut hands = self.hands();
            *hands = (plus(hands.0, time), hands.1 + time);
        }
        self.moved();
    }

    /// Lets time pass until the clock shows `at`; nothing when it is later.
    pub fn pass_until(&self, at: Timestamp) {
        self.pass(between(self.wall(), at));
    }

    /// Sets the wall's clock without any time passing, as a person or a time server does.
    pub fn set(&self, at: Timestamp) {
        self.hands().0 = at;
        self.moved();
    }

    fn moved(&self) {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).retain(|listener| listener());
    }
}

impl Clock for VirtualClock {
    fn wall(&self) -> Timestamp {
        self.hands().0
    }

    fn steady(&self) -> Duration {
        self.hands().1
    }

    fn nap(&self, _remaining: Duration) -> Duration {
        // It passes only when somebody moves it, and whoever does wakes the sleeper.
        Duration::from_secs(3_600)
    }

    fn on_move(&self, moved: OnMove) {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).push(moved);
    }
}

/// `time` after `at`.
pub(crate) fn plus(at: Timestamp, time: Duration) -> Timestamp {
    let micros = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(at.as_micros().saturating_add(micros))
}

/// Time from `earlier` to `later`; none when it is the other way round.
pub(crate) fn between(earlier: Timestamp, later: Timestamp) -> Duration {
    let micros = later.as_micros().saturating_sub(earlier.as_micros());
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

/// How a market's time stands to the clock on the wall.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClockState {
    /// As it should.
    #[default]
    Right,
    /// The wall's clock was set back by so much: the market's time goes on at half its speed until they meet.
    WallBehind(Duration),
    /// The wall's clock was set forward by so much, which is not believed: the market's time goes on as if it had not
    /// been. A restart takes the clock as it is.
    WallAhead(Duration),
}

/// The time of one market.
pub(crate) struct MarketClock {
    given: Timestamp,
    steady: Duration,
    jump_max: Duration,
    state: ClockState,
}

impl MarketClock {
    /// The time of a market that stood at `stood`.
    ///
    /// Errors: `Outage` when the clock says that the market was away for longer than `absence_max`.
    pub(crate) fn start(
        clock: &dyn Clock,
        stood: Timestamp,
        absence_max: Duration,
        jump_max: Duration,
    ) -> Result<Self, Fault> {
        let wall = clock.wall();
        if between(stood, wall) > absence_max {
            return Err(Fault::outage(format!(
                "the clock shows {wall}, {} days after the market's last moment {stood}: set the clock right, or allow \
                 a longer absence",
                between(stood, wall).as_secs() / 86_400
            )));
        }
        Ok(Self { given: wall.max(stood), steady: clock.steady(), jump_max, state: ClockState::Right })
    }

    /// The market's time.
    pub(crate) fn read(&mut self, clock: &dyn Clock) -> Timestamp {
        let (wall, steady) = (clock.wall(), clock.steady());
        let passed = steady.saturating_sub(self.steady);
        let expected = plus(self.given, passed);
        let ahead = between(expected, wall);
        let behind = between(wall, expected);
        self.steady = steady;
        (self.given, self.state) = if ahead > self.jump_max {
            (expected, ClockState::WallAhead(ahead))
        } else if behind > DRIFT_TOLERATED && plus(self.given, passed / 2) > wall {
            let slow = plus(self.given, passed / 2);
            (slow, ClockState::WallBehind(between(wall, slow)))
        } else {
            (wall.max(self.given), ClockState::Right)
        };
        self.given
    }

    pub(crate) const fn state(&self) -> ClockState {
        self.state
    }

    /// The last reading.
    pub(crate) const fn given(&self) -> Timestamp {
        self.given
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);
    const HOUR: Duration = Duration::from_secs(3_600);

    fn at(seconds: i64) -> Timestamp {
        START.plus_seconds(seconds)
    }

    fn market_clock(clock: &VirtualClock) -> MarketClock {
        MarketClock::start(clock, START, HOUR * 24 * 366, HOUR * 24).unwrap()
    }

    #[test]
    fn a_clock_set_back_slows_the_market_down_until_they_meet() {
        let clock = VirtualClock::at(START);
        let mut market = market_clock(&clock);
        clock.pass(HOUR);
        assert_eq!((market.read(&clock), market.state()), (at(3_600), ClockState::Right));
        clock.set(START);
        assert_eq!((market.read(&clock), market.state()), (at(3_600), ClockState::WallBehind(HOUR)));
        clock.pass(HOUR);
        assert_eq!((market.read(&clock), market.state()), (at(5_400), ClockState::WallBehind(HOUR / 2)));
        clock.pass(HOUR);
        assert_eq!((market.read(&clock), market.given()), (at(7_200), at(7_200)));
        clock.pass(HOUR);
        assert_eq!((market.read(&clock), market.state()), (at(10_800), ClockState::Right));
    }

    #[test]
    fn a_clock_set_forward_is_believed_up_to_a_bound() {
        let clock = VirtualClock::at(START);
        let mut market = market_clock(&clock);
        clock.set(at(86_400));
        assert_eq!((market.read(&clock), market.state()), (at(86_400), ClockState::Right));
        clock.set(at(86_400 * 400));
        clock.pass(HOUR);
        let far = Duration::from_secs(86_400 * 399);
        assert_eq!((market.read(&clock), market.state()), (at(90_000), ClockState::WallAhead(far)));
        clock.set(at(90_000));
        assert_eq!((market.read(&clock), market.state()), (at(90_000), ClockState::Right));
    }

    #[test]
    fn time_never_goes_back_whatever_the_clock_does() {
        let clock = VirtualClock::at(START);
        let mut market = market_clock(&clock);
        let mut last = market.read(&clock);
        for step in 0..2_000i64 {
            let jump = (step * 7_919) % 200_000 - 100_000;
            if step % 3 == 0 {
                clock.set(clock.wall().plus_seconds(jump));
            }
            clock.pass(Duration::from_secs(2));
            let now = market.read(&clock);
            assert!(now >= last.plus_seconds(1), "step {step}: {last} and then {now}");
            last = now;
        }
    }

    #[test]
    fn a_market_does_not_open_under_a_clock_of_another_age() {
        let clock = VirtualClock::at(at(86_400 * 400));
        let fault = MarketClock::start(&clock, START, HOUR * 24 * 366, HOUR).err().unwrap();
        assert!(fault.message.contains("400 days"), "{fault}");
        let past = VirtualClock::at(at(-86_400 * 9_000));
        assert_eq!(MarketClock::start(&past, START, HOUR, HOUR).unwrap().given(), START);
    }
}
