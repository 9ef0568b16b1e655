//! Time zones: when a market's days begin.

use jiff::tz::TimeZone;
use sycee_money::Date;

use crate::Timestamp;

/// A time zone of the IANA database, of the copy that the program brings along: the same on every machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// The zone with this name, such as `Africa/Accra`, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        TimeZone::get(name).ok().map(Self)
    }

    /// Coordinated universal time.
    pub const fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// The name.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// The first instant of `date` here: midnight, or when the clock passes over midnight the instant after the gap.
    /// Where the calendar ends, midnight UTC.
    pub fn start_of(&self, date: Date) -> Timestamp {
        match date.to_zoned(self.0.clone()) {
            Ok(midnight) => Timestamp::from_micros(midnight.timestamp().as_microsecond()),
            Err(_) => Timestamp::start_of(date),
        }
    }

    /// The date of `at` here; that of UTC where the calendar ends.
    pub fn date_of(&self, at: Timestamp) -> Date {
        match jiff::Timestamp::from_microsecond(at.as_micros()) {
            Ok(instant) => self.0.to_datetime(instant).date(),
            Err(_) => at.date(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> Zone {
        Zone::named(name).unwrap()
    }

    #[test]
    fn days_begin_at_midnight_of_the_place() {
        for (name, date, starts) in [
            ("Africa/Accra", "2026-01-05", "2026-01-05T00:00:00Z"),
            ("Africa/Lagos", "2026-01-05", "2026-01-04T23:00:00Z"),
            ("Asia/Shanghai", "2026-01-05", "2026-01-04T16:00:00Z"),
            ("Asia/Kolkata", "2026-01-05", "2026-01-04T18:30:00Z"),
            ("America/New_York", "2026-03-08", "2026-03-08T05:00:00Z"),
            ("America/New_York", "2026-03-09", "2026-03-09T04:00:00Z"),
            // Cairo's clocks go from 23:59:59 to 01:00: the day begins at one.
            ("Africa/Cairo", "2026-04-24", "2026-04-23T22:00:00Z"),
        ] {
            let date: Date = date.parse().unwrap();
            let start = zone(name).start_of(date);
            assert_eq!(start.to_string(), starts, "{name} {date}");
            assert_eq!(zone(name).date_of(start), date);
            assert_eq!(zone(name).date_of(Timestamp::from_micros(start.as_micros() - 1)), date.yesterday().unwrap());
        }
    }

    #[test]
    fn zones_are_known_by_name() {
        assert_eq!(zone("Africa/Accra").name(), "Africa/Accra");
        assert_eq!(Zone::utc().name(), "UTC");
        assert!(
            Zone::named("Africa/Accra ").is_none() && Zone::named("Wakanda").is_none() && Zone::named("").is_none()
        );
    }

    #[test]
    fn the_ends_of_the_calendar_have_days_too() {
        for end in [Date::MIN, Date::MAX] {
            assert_eq!(zone("Asia/Shanghai").start_of(end).date().year(), end.year());
            assert_eq!(zone("Asia/Shanghai").date_of(Timestamp::start_of(end)).year(), end.year());
        }
        zone("Asia/Shanghai").date_of(Timestamp::from_micros(i64::MAX));
    }
}
