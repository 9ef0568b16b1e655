//! The form of a calendar's data file, and how its rules become dates.
//!
//! Invariant: resolving is a function of the data alone: the same file gives the same dates in any order of questions.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
};

use jiff::{
    ToSpan,
    civil::{Date, Weekday},
};
use serde::{Deserialize, Deserializer, de::Error};

use super::{CalendarError, easter::easter_sunday};

/// A whole data file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CalendarData {
    pub id: String,
    pub name: String,
    pub announced_through: Option<i16>,
    #[serde(deserialize_with = "weekdays")]
    pub weekend: Vec<Weekday>,
    #[serde(default)]
    rules: Vec<HolidayRule>,
    #[serde(default)]
    dated: Vec<DatedHoliday>,
    #[serde(default)]
    moved: Vec<MovedHoliday>,
    #[serde(default)]
    pub working_days: BTreeSet<Date>,
}

/// A holiday that comes back every year.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HolidayRule {
    name: String,
    on: Recurrence,
    #[serde(default)]
    substitute: Substitute,
    since: Option<i16>,
    until: Option<i16>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Recurrence {
    /// The `nth` weekday of a month, counted from the end when negative.
    NthWeekday {
        month: i8,
        #[serde(deserialize_with = "weekday")]
        weekday: Weekday,
        nth: i8,
    },
    /// The same day every year.
    Fixed { month: i8, day: i8 },
    /// Days after Easter Sunday.
    Easter { easter: i32 },
}

/// The day off when a holiday falls on a day that is off anyway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Substitute {
    /// There is none.
    #[default]
    None,
    /// The Monday after a Sunday; a Saturday has none.
    SundayToMonday,
    /// The next day that is neither weekend nor holiday.
    NextWorkingDay,
}

/// Holidays that no rule gives, by their dates.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DatedHoliday {
    name: String,
    dates: Vec<Date>,
    #[serde(default)]
    substitute: Substitute,
}

/// A holiday that an authority moved in one year: worked on `from`, observed on `to`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MovedHoliday {
    from: Date,
    to: Date,
}

impl CalendarData {
    pub fn is_weekend(&self, weekday: Weekday) -> bool {
        self.weekend.contains(&weekday)
    }

    /// The days off observed in `years` with their names.
    pub fn resolve(&self, years: RangeInclusive<i16>) -> BTreeMap<Date, String> {
        let around = years.start().saturating_sub(1)..=years.end().saturating_add(1);
        let mut occurrences: Vec<(Date, &str, Substitute)> = Vec::new();
        for rule in &self.rules {
            let dates = around.clone().filter_map(|year| rule.in_year(year));
            occurrences.extend(dates.map(|date| (date, rule.name.as_str(), rule.substitute)));
        }
        for holiday in &self.dated {
            occurrences.extend(holiday.dates.iter().map(|date| (*date, holiday.name.as_str(), holiday.substitute)));
        }
        for (date, _, substitute) in &mut occurrences {
            if let Some(moved) = self.moved.iter().find(|moved| moved.from == *date) {
                (*date, *substitute) = (moved.to, Substitute::None);
            }
        }
        occurrences.sort_by_key(|(date, _, _)| *date);

        let mut days: BTreeMap<Date, String> = BTreeMap::new();
        for (date, name, _) in &occurrences {
            days.entry(*date).or_insert_with(|| (*name).to_owned());
        }
        for (date, name, substitute) in occurrences {
            if let Some(observed) = self.substitute(date, substitute, &days) {
                days.entry(observed).or_insert_with(|| format!("{name} (observed)"));
            }
        }
        days.retain(|date, _| years.contains(&date.year()));
        days
    }

    fn substitute(&self, date: Date, substitute: Substitute, taken: &BTreeMap<Date, String>) -> Option<Date> {
        if !self.is_weekend(date.weekday()) {
            return None;
        }
        match substitute {
            Substitute::None => None,
            Substitute::SundayToMonday => (date.weekday() == Weekday::Sunday).then(|| date.tomorrow().ok()).flatten(),
            Substitute::NextWorkingDay => {
                date.series(1.day()).skip(1).find(|day| !self.is_weekend(day.weekday()) && !taken.contains_key(day))
            }
        }
    }

    /// Refuses data that would never answer or never apply.
    ///
    /// Errors: `Invalid` with the first entry that breaks a rule: an empty id, a week without a working day, a date that does not
    /// exist, `since` after `until`, a move of no holiday, a working day that is none of the weekend.
    pub fn validate(&self) -> Result<(), CalendarError> {
        let refuse =
            |entry: &str, rule| Err(CalendarError::Invalid { id: self.id.clone(), entry: entry.to_owned(), rule });
        if self.id.is_empty() {
            return refuse("id", "it must not be empty");
        }
        if Weekday::Monday.cycle_forward().take(7).all(|weekday| self.is_weekend(weekday)) {
            return refuse("weekend", "at least one weekday must be worked");
        }
        for rule in &self.rules {
            if let Some(broken) = rule.on.broken_rule() {
                return refuse(&rule.name, broken);
            }
            if rule.since.zip(rule.until).is_some_and(|(since, until)| since > until) {
                return refuse(&rule.name, "`since` must not be after `until`");
            }
        }
        for moved in &self.moved {
            if !self.has_holiday(moved.from) {
                return refuse(&moved.from.to_string(), "only a holiday can be moved");
            }
        }
        if let Some(day) = self.working_days.iter().find(|day| !self.is_weekend(day.weekday())) {
            return refuse(&day.to_string(), "a working day listed apart must fall on a weekend");
        }
        Ok(())
    }

    fn has_holiday(&self, date: Date) -> bool {
        self.rules.iter().any(|rule| rule.in_year(date.year()) == Some(date))
            || self.dated.iter().any(|holiday| holiday.dates.contains(&date))
    }
}

impl HolidayRule {
    /// The day in `year`, before substitution; `None` outside `since` to `until` or where the day doesn't exist.
    fn in_year(&self, year: i16) -> Option<Date> {
        let too_early = self.since.is_some_and(|since| year < since);
        let too_late = self.until.is_some_and(|until| year > until);
        if too_early || too_late {
            return None;
        }
        match self.on {
            Recurrence::Fixed { month, day } => Date::new(year, month, day).ok(),
            Recurrence::NthWeekday { month, weekday, nth } => {
                Date::new(year, month, 1).ok()?.nth_weekday_of_month(nth, weekday).ok()
            }
            Recurrence::Easter { easter } => {
                let (month, day) = easter_sunday(year);
                Date::new(year, month, day).ok()?.checked_add(easter.days()).ok()
            }
        }
    }
}

impl Recurrence {
    fn broken_rule(self) -> Option<&'static str> {
        match self {
            // 2000 is a leap year: 29 February is allowed and falls away in common years.
            Recurrence::Fixed { month, day } => {
                Date::new(2000, month, day).is_err().then_some("month and day must exist, for example month: 3, day: 6")
            }
            Recurrence::NthWeekday { month, nth, .. } => (!(1..=12).contains(&month) || nth == 0 || nth.abs() > 5)
                .then_some("month is 1 to 12 and nth 1 to 5, or -1 to -5 from the end"),
            Recurrence::Easter { easter } => {
                (easter.abs() > 80).then_some("an Easter offset stays within 80 days, for example easter: -2")
            }
        }
    }
}

fn weekday<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Weekday, D::Error> {
    named_weekday(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

fn weekdays<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Weekday>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    names.iter().map(|name| named_weekday(name).map_err(D::Error::custom)).collect()
}

fn named_weekday(name: &str) -> Result<Weekday, String> {
    match name {
        "monday" => Ok(Weekday::Monday),
        "tuesday" => Ok(Weekday::Tuesday),
        "wednesday" => Ok(Weekday::Wednesday),
        "thursday" => Ok(Weekday::Thursday),
        "friday" => Ok(Weekday::Friday),
        "saturday" => Ok(Weekday::Saturday),
        "sunday" => Ok(Weekday::Sunday),
        other => Err(format!("weekday {other:?} is unknown: write it in English in lower case, for example saturday")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Calendar;
    use crate::date;

    fn calendar(body: &str) -> Result<Calendar, super::CalendarError> {
        Calendar::from_yaml(&format!("id: test\nname: Test\nweekend: [saturday, sunday]\n{body}"))
    }

    #[test]
    fn substitutes_queue_behind_each_other() {
        let body = "rules:
  - {name: Christmas, on: {month: 12, day: 25}, substitute: next-working-day}
  - {name: Boxing, on: {month: 12, day: 26}, substitute: next-working-day}";
        let days = |year| -> Vec<i8> { calendar(body).unwrap().holidays(year).iter().map(|h| h.date.day()).collect() };
        assert_eq!(days(2021), [25, 26, 27, 28]);
        assert_eq!(days(2022), [25, 26, 27]);
        assert_eq!(days(2020), [25, 26, 28]);
        assert_eq!(days(2019), [25, 26]);
    }

    #[test]
    fn a_substitute_may_fall_into_the_next_year() {
        let body = "rules: [{name: Last, on: {month: 12, day: 31}, substitute: next-working-day}]";
        let eve = calendar(body).unwrap();
        assert_eq!(eve.holidays(2023)[0].date, date(2023, 1, 2));
        assert!(eve.is_holiday(date(2023, 1, 2)));
    }

    #[test]
    fn moved_holidays_are_worked_on_their_own_day_and_not_substituted() {
        let body = "rules: [{name: Day, on: {month: 1, day: 7}, substitute: next-working-day}]
moved: [{from: 2026-01-07, to: 2026-01-09}, {from: 2024-01-07, to: 2024-01-12}]";
        let moved = calendar(body).unwrap();
        assert!(moved.is_business_day(date(2026, 1, 7)) && !moved.is_business_day(date(2026, 1, 9)));
        assert!(moved.is_business_day(date(2024, 1, 8)) && !moved.is_business_day(date(2024, 1, 12)));
    }

    #[test]
    fn worked_weekends_are_business_days() {
        let body = "working_days: [2026-02-14]";
        assert!(calendar(body).unwrap().is_business_day(date(2026, 2, 14)));
    }

    #[test]
    fn data_that_makes_no_sense_is_refused() {
        let table = [
            ("rules: [{name: X, on: {month: 2, day: 30}}]", "month and day must exist"),
            ("rules: [{name: X, on: {month: 2, weekday: monday, nth: 6}}]", "nth 1 to 5"),
            ("rules: [{name: X, on: {easter: 400}}]", "Easter offset"),
            ("rules: [{name: X, on: {month: 2, day: 3}, since: 2020, until: 2019}]", "`since`"),
            ("moved: [{from: 2026-01-07, to: 2026-01-09}]", "only a holiday"),
            ("working_days: [2026-02-13]", "must fall on a weekend"),
            ("holidayz: []", "can't be read"),
            ("rules: [{name: X, on: {month: 2, weekday: Monday, nth: 1}}]", "can't be read"),
        ];
        for (body, expected) in table {
            let message = calendar(body).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
        let all_week = "id: x\nname: X\nweekend: [monday, tuesday, wednesday, thursday, friday, saturday, sunday]";
        assert!(Calendar::from_yaml(all_week).is_err());
    }
}
