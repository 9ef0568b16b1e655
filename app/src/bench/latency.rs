//! Times and rates, in whole numbers.

use std::time::{Duration, Instant};

/// How long things took, in microseconds.
#[derive(Default)]
pub struct Latencies {
    micros: Vec<u32>,
}

impl Latencies {
    /// One more thing, begun at `began`, is done at `done`.
    pub fn add(&mut self, began: Instant, done: Instant) {
        self.micros.push(u32::try_from(done.duration_since(began).as_micros()).unwrap_or(u32::MAX));
    }

    /// The time in which `per_mille` of all things were done, in microseconds; 0 when there were none.
    pub fn percentile(&mut self, per_mille: usize) -> u64 {
        self.micros.sort_unstable();
        let Some(last) = self.micros.len().checked_sub(1) else { return 0 };
        let at = (self.micros.len() * per_mille).div_ceil(1_000).saturating_sub(1);
        u64::from(self.micros[at.min(last)])
    }
}

/// `count` a second, over `took`.
pub fn per_second(count: u64, took: Duration) -> u64 {
    let nanos = took.as_nanos().max(1);
    u64::try_from(u128::from(count) * 1_000_000_000 / nanos).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let began = Instant::now();
        let mut all = Latencies::default();
        assert_eq!(all.percentile(500), 0);
        for micros in (1..=200).rev() {
            all.add(began, began + Duration::from_micros(micros));
        }
        assert_eq!((all.percentile(500), all.percentile(990), all.percentile(1_000)), (100, 198, 200));
    }

    #[test]
    fn a_rate_is_rounded_down() {
        assert_eq!(per_second(10, Duration::from_secs(3)), 3);
        assert_eq!(per_second(10, Duration::from_millis(1)), 10_000);
    }
}
