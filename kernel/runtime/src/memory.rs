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

/// When to look next for what may leave.
#[derive(Default)]
pub(crate) struct Memory {
    looks_at: usize,
}

impl Memory {
    /// Forgets what has to leave, now that batch `durable` is durable.
    pub(crate) fn trim(&mut self, tables: &mut [Box<dyn AnyTable>], durable: i64) {
        let held: usize = tables.iter().map(|table| table.len()).sum();
        if held >= self.looks_at.max(ONCE_MAX) {
            let (mut once, mut again) = (Vec::new(), Vec::new());
            for table in tables.iter() {
                table.ages(durable, &mut once, &mut again);
            }
            let limits = (limit(&mut once, ONCE_MAX), limit(&mut again, AGAIN_MAX));
            if limits != (u32::MAX, u32::MAX) {
                for table in tables.iter_mut() {
                    table.evict(durable, limits.0, limits.1);
                }
            }
            let left: usize = tables.iter().map(|table| table.len()).sum();
            self.looks_at = left + ONCE_MAX / 2;
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
    use super::limit;

    #[test]
    fn the_oldest_quarter_leaves_a_full_room() {
        assert_eq!(limit(&mut [], 8), u32::MAX);
        assert_eq!(limit(&mut [5, 1, 9, 3, 7, 2, 8, 4], 8), u32::MAX);
        assert_eq!(limit(&mut [5, 1, 9, 3, 7, 2, 8, 4, 6], 8), 7);
        assert_eq!(limit(&mut [0; 9], 8), 0, "a batch that is larger than the room");
    }
}
