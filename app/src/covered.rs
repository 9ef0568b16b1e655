//! Which business days a market's books, or its log, cover: told to whoever asks about another one.

use sycee_contract::Date;
use sycee_runtime::date_of;
use sycee_runtime::storage::{ColumnKind, Reader, Value, collect};

use crate::output::Failure;

/// First and last business date that anything was posted on.
const BOOKS: &str = "SELECT MIN(a.\"date\"), MAX(a.\"date\") FROM accounting_entry_audit a";
/// Business date of the first cascade, and the one that is open.
const LOG: &str =
    "SELECT l.business_date, s.today FROM message_log l, market_state s WHERE s.id = 1 ORDER BY l.id LIMIT 1";

/// Business days of a market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Covered {
    /// The first one.
    pub first: Date,
    /// The one that is open; the days before it are closed.
    pub today: Date,
    /// The last one: today, or later where people posted ahead.
    pub last: Date,
}

impl Covered {
    /// What the books cover; none before anything was posted.
    pub fn by_books(reader: &mut dyn Reader) -> Result<Option<Self>, Failure> {
        Self::read(reader, BOOKS)
    }

    /// What the message log covers; none before anything happened.
    pub fn by_log(reader: &mut dyn Reader) -> Result<Option<Self>, Failure> {
        Self::read(reader, LOG)
    }

    fn read(reader: &mut dyn Reader, sql: &str) -> Result<Option<Self>, Failure> {
        let day = |value: &Value| value.as_int().map(date_of);
        let ends = collect(reader, sql, &[], &[ColumnKind::Date, ColumnKind::Date])?;
        let today = collect(reader, "SELECT today FROM market_state WHERE id = 1", &[], &[ColumnKind::Date])?;
        let ends = ends.first().and_then(|row| Some((day(&row[0])?, day(&row[1])?)));
        let today = today.first().and_then(|row| day(&row[0]));
        Ok(ends.zip(today).map(|((first, last), today)| Self { first, today, last: last.max(today) }))
    }

    /// Errors: `Input` with what is covered, when `date` is not, which `flag` gave.
    pub fn has(covered: Option<Self>, flag: &str, date: Date, database: &str) -> Result<Self, Failure> {
        match covered {
            Some(covered) if covered.first <= date && date <= covered.last => Ok(covered),
            Some(Self { first, last, .. }) => {
                Err(Failure::input(format!("{flag} {date}: the books of {database} cover {first} to {last}")))
            }
            None => Err(Failure::input(format!("{flag} {date}: nothing was posted to the books of {database} yet"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_outside_is_answered_with_the_days_inside() {
        let day = |month, day| Date::constant(2026, month, day);
        let covered = Covered { first: day(1, 5), today: day(3, 1), last: day(3, 2) };
        for (date, inside) in [(day(1, 4), false), (day(1, 5), true), (day(3, 2), true), (day(3, 3), false)] {
            let answer = Covered::has(Some(covered), "--as-of", date, "gh.db");
            assert_eq!(answer.is_ok(), inside, "{date}");
            if let Err(Failure::Input(said)) = answer {
                assert_eq!(said, format!("--as-of {date}: the books of gh.db cover 2026-01-05 to 2026-03-02"));
            }
        }
        let Err(Failure::Input(said)) = Covered::has(None, "--day", day(1, 5), "gh.db") else {
            panic!("it has nothing")
        };
        assert!(said.contains("nothing was posted"), "{said}");
    }
}
