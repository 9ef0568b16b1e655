//! Sliding windows: how often something may happen in the time before now.

use sycee_contract::Timestamp;

/// So many times in so many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Times, 1 or more.
    pub times: usize,
    /// Seconds that a time counts for.
    pub seconds: i64,
}

impl Window {
    /// When there is room again; `None` while there is.
    pub fn full_until(self, taken: &[Timestamp], now: Timestamp) -> Option<Timestamp> {
        let recent: Vec<Timestamp> = self.recent(taken, now).collect();
        let first = recent.len().checked_sub(self.times)?;
        recent.get(first).map(|at| at.plus_seconds(self.seconds))
    }

    /// Takes a time, whether there is room or not, and forgets those that count no more.
    pub fn take(self, taken: &mut Vec<Timestamp>, now: Timestamp) {
        *taken = self.recent(taken, now).chain([now]).collect();
    }

    fn recent(self, taken: &[Timestamp], now: Timestamp) -> impl Iterator<Item = Timestamp> {
        taken.iter().copied().filter(move |at| now.seconds_since(*at) < self.seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_slides() {
        let (window, start) = (Window { times: 3, seconds: 900 }, Timestamp::from_micros(1_800_000_000_000_000));
        let mut taken = Vec::new();
        for (after, full_until) in [
            (0, None),
            (60, None),
            (120, None),
            (121, Some(900)),
            (899, Some(900)),
            (900, None),
            (901, Some(960)),
            (960, None),
        ] {
            let now = start.plus_seconds(after);
            let until = window.full_until(&taken, now);
            assert_eq!(until, full_until.map(|seconds| start.plus_seconds(seconds)), "after {after} s");
            if until.is_none() {
                window.take(&mut taken, now);
            }
        }
        assert_eq!(taken.len(), 3);
    }
}
