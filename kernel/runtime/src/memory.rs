//! How much of the database the writer keeps in memory, and what leaves first.
//!
//! What a loan leaves behind (decisions, notices, postings) is written once and hardly read again; customers, lines and open
//! loans are touched again and again. So what was touched in one batch only has a small room of its own, in which it waits
//! to be touched again, and leaves it in the order it came; the rest leaves in the order of its last use.
//!
//! Invariant: what is not durable stays. What leaves is read again when somebody asks for it.

use crate::cache::AnyTable;

/// Entities held, over all types, that were touched in one batch only.
const ONCE_MAX: usize = 40_000;
/// Entities held, over all types, that were touched again.
const AGAIN_MAX: usize = 200_000;

/// The rooms of what is held, and when to look next for what may leave.
pub(crate) struct Memory {
    once_max: usize,
    again_max: usize,
    looks_at: usize,
}

impl Default for Memory {
    fn default() -> Self {
        Self { once_max: ONCE_MAX, again_max: AGAIN_MAX, looks_at: 0 }
    }
}

impl Memory {
    /// Forgets what has to leave, now that batch `durable` is durable.
    pub(crate) fn trim(&mut self, tables: &mut [Box<dyn AnyTable>], durable: i64) {
        let held: usize = tables.iter().map(|table| table.len()).sum();
        if held >= self.looks_at.max(self.once_max) {
            let (mut once, mut again) = (Vec::new(), Vec::new());
            for table in tables.iter() {
                table.ages(durable, &mut once, &mut again);
            }
            let limits = (limit(&mut once, self.once_max), limit(&mut again, self.again_max));
            if limits != (u32::MAX, u32::MAX) {
                for table in tables.iter_mut() {
                    table.evict(durable, limits.0, limits.1);
                }
            }
            let left: usize = tables.iter().map(|table| table.len()).sum();
            self.looks_at = left + self.once_max / 2;
        }
        for table in tables {
            table.tick();
        }
    }
}

/// The age from which on entities leave, so that three quarters of `max` stay at most; when fewer are there, none leaves.
fn limit(ages: &mut [u32], max: usize) -> u32 {
    if ages.len() <= max {
        return u32::MAX;
    }
    let (_, age, _) = ages.select_nth_unstable(max / 4 * 3);
    *age
}

#[cfg(test)]
mod tests {
    use super::{Memory, limit};
    use crate::testing::toy::{on_each_engine, once, sms, times};

    #[test]
    fn the_oldest_quarter_leaves_a_full_room() {
        assert_eq!(limit(&mut [], 8), u32::MAX);
        assert_eq!(limit(&mut [5, 1, 9, 3, 7, 2, 8, 4], 8), u32::MAX);
        assert_eq!(limit(&mut [5, 1, 9, 3, 7, 2, 8, 4, 6], 8), 7);
        assert_eq!(limit(&mut [0; 9], 8), 0, "a batch that is larger than the room");
    }

    #[test]
    fn what_is_used_again_outlives_what_was_written_once() {
        on_each_engine(|mut market| {
            market.set_memory(Memory { once_max: 8, again_max: 8, looks_at: 0 });
            // Each batch writes 5 effects that nobody looks at, and counts.
            for batch in 1..=40 {
                market.execute(sms(5)).unwrap();
                market.sync().unwrap();
                let held = market.stats().entities;
                assert!(held <= 8 + 8 + 8, "{held} entities after batch {batch}");
            }
            let asked = market.stats().queries;
            market.execute(once()).unwrap();
            assert_eq!((times(&mut market), market.stats().queries), (41, asked), "the counter stayed");
            market.sync().unwrap();
            market.forget();
            market.execute(once()).unwrap();
            assert_eq!((times(&mut market), market.stats().queries), (42, asked + 1), "what left is read again");
        });
    }
}
