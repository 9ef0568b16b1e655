//! When the systems outside are away: nobody answers, or the answer is lost on its way back.
//!
//! Invariant: whether a system is away depends on the seed, the system and the moment alone, so that whoever asks again
//! at the same moment, after a crash, meets the same.

use sycee_contract::Timestamp;
use sycee_psp::SplitMix64;

/// Of 1000 days of a system, those with an outage.
const DAYS_PER_MILLE: u32 = 60;
/// An outage begins in the hours in which people are busy, from half past eight to half past ten.
const BEGINS_SECONDS: (i64, i64) = (30_600, 37_800);
/// The longest outage, in days; what began so long ago may still last.
const DAYS_MAX: i64 = 1;
const DAY_SECONDS: i64 = 86_400;

/// What becomes of a request to a system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// It arrives, and so does the answer.
    Up,
    /// It does not arrive.
    Down,
    /// It arrives and is served; the answer is lost.
    Mute,
}

/// The outages of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outages {
    seed: u64,
    happen: bool,
}

impl Outages {
    pub(crate) const fn new(seed: u64, happen: bool) -> Self {
        Self { seed, happen }
    }

    /// How `system` can be reached at `now`.
    pub(crate) fn line(self, system: &str, now: Timestamp) -> Line {
        let second = now.as_micros().div_euclid(1_000_000);
        let today = second.div_euclid(DAY_SECONDS);
        let away = (0..=DAYS_MAX).filter(|_| self.happen).find_map(|ago| {
            let (from, to, line) = self.outage_of(system, today - ago)?;
            (from..to).contains(&second).then_some(line)
        });
        away.unwrap_or(Line::Up)
    }

    /// The outage that begins on a day: from, to, and how it shows.
    fn outage_of(self, system: &str, day: i64) -> Option<(i64, i64, Line)> {
        let hash = blake3::hash(&[&self.seed.to_le_bytes(), system.as_bytes(), &day.to_le_bytes()].concat());
        let seed = hash.as_bytes().iter().take(8).fold(0, |seed: u64, byte| (seed << 8) | u64::from(*byte));
        let mut random = SplitMix64::new(seed);
        if !random.hits(DAYS_PER_MILLE) {
            return None;
        }
        let from = day * DAY_SECONDS + random.between(BEGINS_SECONDS.0, BEGINS_SECONDS.1);
        let lasts = match random.below(10) {
            0..=5 => random.between(5 * 60, 20 * 60),
            6..=8 => random.between(3_600, 4 * 3_600),
            _ => random.between(17 * 3_600, DAY_SECONDS),
        };
        let line = if random.hits(300) { Line::Mute } else { Line::Down };
        Some((from, from + lasts, line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outages_are_rare_long_and_short_and_the_same_whenever_they_are_looked_at() {
        let outages = Outages::new(42, true);
        let (mut down, mut mute, mut minutes) = (0, 0, Vec::new());
        for day in 0..2_000 {
            let Some((from, to, line)) = outages.outage_of("mtn-momo", day) else { continue };
            minutes.push((to - from) / 60);
            match line {
                Line::Mute => mute += 1,
                Line::Down | Line::Up => down += 1,
            }
            let at = |second: i64| outages.line("mtn-momo", Timestamp::from_micros(second * 1_000_000));
            assert_eq!((at(from), at(to - 1), at(from)), (line, line, line));
        }
        assert!((80..170).contains(&minutes.len()) && down > mute && mute > 0, "{minutes:?}");
        assert!(minutes.iter().any(|it| *it < 20) && minutes.iter().any(|it| *it > 16 * 60), "{minutes:?}");
        assert_eq!(Outages::new(42, false).line("mtn-momo", Timestamp::from_micros(0)), Line::Up);
    }
}
