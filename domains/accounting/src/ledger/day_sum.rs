//! What an account moved by on each business day.
//!
//! Business dates do not arrive in order: a day closes in pages while the next one is already trading. So a day row is
//! a sum of movements, not a balance, and an account keeps the two days it saw last; when a third comes, the older of
//! the two is written and forgotten. A day that comes back later gets one more row.
//!
//! Invariant: the balance by business date is the sum of the rows up to it, plus the transfers after the snapshot.

/// What an account moved by on one business day, since one transfer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DaySum {
    /// Business date, days since 1970-01-01.
    pub day: i32,
    /// Whether something is in it that is not written.
    pub unwritten: bool,
    /// First transfer in it; 0 when there is nothing in it. Part of the row's key.
    pub since: i64,
    /// Last transfer in it.
    pub last: i64,
    /// Debits minus credits, in units.
    pub net: i64,
}

/// The two business days an account saw last, the latest seen first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RecentDays {
    pub sums: [DaySum; 2],
}

impl RecentDays {
    /// Adds a movement. Answers the sum that had to make room and must be written; `Err` on overflow.
    pub fn add(&mut self, day: i32, transfer: i64, moved: i64) -> Result<Option<DaySum>, ()> {
        let mut evicted = None;
        if self.sums[0].since == 0 || self.sums[0].day != day {
            self.sums.swap(0, 1);
            if self.sums[0].since == 0 || self.sums[0].day != day {
                evicted = Some(self.sums[0]).filter(|sum| sum.unwritten);
                self.sums[0] = DaySum { day, since: transfer, ..DaySum::default() };
            }
        }
        let sum = &mut self.sums[0];
        sum.net = sum.net.checked_add(moved).ok_or(())?;
        sum.last = transfer;
        sum.unwritten = true;
        Ok(evicted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_days_interleave_without_making_rows() {
        let mut days = RecentDays::default();
        for (transfer, day) in [(1, 10), (2, 11), (3, 10), (4, 11), (5, 10)] {
            assert_eq!(days.add(day, transfer, 100), Ok(None));
        }
        assert_eq!(days.sums[0], DaySum { day: 10, unwritten: true, since: 1, last: 5, net: 300 });
        assert_eq!(days.sums[1], DaySum { day: 11, unwritten: true, since: 2, last: 4, net: 200 });
    }

    #[test]
    fn a_third_day_puts_out_the_one_not_seen_for_longest() {
        let mut days = RecentDays::default();
        for (transfer, day) in [(1, 10), (2, 11), (3, 10)] {
            assert_eq!(days.add(day, transfer, 100), Ok(None));
        }
        let evicted = days.add(12, 4, 7);
        assert_eq!(evicted, Ok(Some(DaySum { day: 11, unwritten: true, since: 2, last: 2, net: 100 })));
        let back = days.add(11, 5, 1);
        assert_eq!(back, Ok(Some(DaySum { day: 10, unwritten: true, since: 1, last: 3, net: 200 })));
        assert_eq!(days.sums[0].since, 5, "a day that comes back gets a row of its own");
    }
}
