//! Business calendars: which days money moves on, and where a due date goes when it falls on another day.
//!
//! A calendar is data ([`Calendar::from_yaml`]): weekend, rules, dates that no rule gives (China, Eid in Ghana), moved days
//! and weekends that are worked. Four are built in, from `kernel/money/data/*.yaml`, where their sources stand.
//!
//! Invariant: a built-in calendar's dates up to [`Calendar::announced_through`] are what the authority published; later
//! years follow the rules and estimates in the data file until it is updated.
//! Invariant: at least one weekday is not part of the weekend, so adjusting ends.

mod add_months;
mod convention;
mod easter;
mod rules;

use std::{collections::BTreeMap, sync::LazyLock};

use jiff::civil::{Date, Weekday};

pub use add_months::add_months;
pub use convention::BusinessDayConvention;
use rules::CalendarData;

/// Years whose holidays are resolved once when a calendar is loaded; other years are resolved on each question.
const RESOLVED_YEARS: std::ops::RangeInclusive<i16> = 2000..=2100;

/// A calendar that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum CalendarError {
    /// The text is not YAML of a calendar.
    #[error("the calendar can't be read: check it against kernel/money/data/target2.yaml")]
    Syntax(#[source] serde_yaml_ng::Error),
    /// A part of the calendar contradicts its rules.
    #[error("calendar {id:?}: {entry}: {rule}")]
    Invalid {
        /// The calendar's id.
        id: String,
        /// The entry that is wrong.
        entry: String,
        /// The rule it breaks.
        rule: &'static str,
    },
}

/// A holiday as it is observed: the day off, and what for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holiday {
    /// The day off. It may fall on a weekend when the calendar names no substitute.
    pub date: Date,
    /// The English name.
    pub name: String,
}

/// Weekends, holidays and worked weekends of one place.
#[derive(Clone, Debug)]
pub struct Calendar {
    data: CalendarData,
    resolved: BTreeMap<Date, String>,
}

static GHANA: LazyLock<Calendar> = LazyLock::new(|| built_in(include_str!("../../data/ghana.yaml")));
static CHINA: LazyLock<Calendar> = LazyLock::new(|| built_in(include_str!("../../data/china.yaml")));
static TARGET2: LazyLock<Calendar> = LazyLock::new(|| built_in(include_str!("../../data/target2.yaml")));
static UNITED_STATES: LazyLock<Calendar> = LazyLock::new(|| built_in(include_str!("../../data/united_states.yaml")));

#[allow(clippy::expect_used, reason = "the data files are compiled in and each is loaded by a test")]
fn built_in(yaml: &str) -> Calendar {
    Calendar::from_yaml(yaml).expect("built-in calendars are valid") // compiled-in data, loaded by a test
}

impl Calendar {
    /// Public holidays of Ghana, with substitute days and declared moves.
    pub fn ghana() -> &'static Calendar {
        &GHANA
    }

    /// Public holidays of mainland China with the weekends that are worked in exchange, as banks keep them.
    pub fn china() -> &'static Calendar {
        &CHINA
    }

    /// Closing days of the Eurosystem's TARGET payment system.
    pub fn target2() -> &'static Calendar {
        &TARGET2
    }

    /// Holidays of the US Federal Reserve Banks, hence of Fedwire and ACH.
    pub fn united_states() -> &'static Calendar {
        &UNITED_STATES
    }

    /// The built-in calendar of an id: `ghana`, `china`, `target2` or `united-states`.
    pub fn built_in(id: &str) -> Option<&'static Calendar> {
        [&GHANA, &CHINA, &TARGET2, &UNITED_STATES]
            .into_iter()
            .map(|calendar| &**calendar)
            .find(|known| known.id() == id)
    }

    /// A calendar from YAML (or JSON) text; the form is that of `kernel/money/data/target2.yaml`.
    ///
    /// Errors: `Syntax`; `Invalid` for dates that don't exist, an unknown combination, or a week without working days.
    pub fn from_yaml(text: &str) -> Result<Calendar, CalendarError> {
        let data: CalendarData = serde_yaml_ng::from_str(text).map_err(CalendarError::Syntax)?;
        data.validate()?;
        let resolved = data.resolve(RESOLVED_YEARS);
        Ok(Calendar { data, resolved })
    }

    /// The id that configuration uses: `ghana`.
    pub fn id(&self) -> &str {
        &self.data.id
    }

    /// The English name.
    pub fn name(&self) -> &str {
        &self.data.name
    }

    /// The last year whose dates are official; `None` when rules alone decide every year.
    pub fn announced_through(&self) -> Option<i16> {
        self.data.announced_through
    }

    /// Whether money moves on this day.
    pub fn is_business_day(&self, day: Date) -> bool {
        if self.data.working_days.contains(&day) {
            return true;
        }
        !self.is_weekend(day.weekday()) && !self.is_holiday(day)
    }

    /// Whether the day is a holiday as observed, on a weekend or not.
    pub fn is_holiday(&self, day: Date) -> bool {
        if RESOLVED_YEARS.contains(&day.year()) {
            return self.resolved.contains_key(&day);
        }
        self.data.resolve(day.year()..=day.year()).contains_key(&day)
    }

    /// Whether the weekday belongs to the weekend.
    pub fn is_weekend(&self, weekday: Weekday) -> bool {
        self.data.is_weekend(weekday)
    }

    /// The holidays observed in `year`, by date, including those on weekends.
    pub fn holidays(&self, year: i16) -> Vec<Holiday> {
        self.data.resolve(year..=year).into_iter().map(|(date, name)| Holiday { date, name }).collect()
    }

    /// `day` moved to a business day by `convention`; a business day stays where it is.
    ///
    /// At the last day the calendar type can hold, a day that can't move stays.
    pub fn adjust(&self, day: Date, convention: BusinessDayConvention) -> Date {
        match convention {
            BusinessDayConvention::Unadjusted => day,
            BusinessDayConvention::Following => self.first_business_day(day, 1),
            BusinessDayConvention::Preceding => self.first_business_day(day, -1),
            BusinessDayConvention::ModifiedFollowing => {
                let following = self.first_business_day(day, 1);
                if following.month() == day.month() { following } else { self.first_business_day(day, -1) }
            }
        }
    }

    /// The `n`th business day after `day`, before it when `n` is negative; for 0, `day` or the business day following it.
    pub fn add_business_days(&self, day: Date, n: i32) -> Date {
        let step = if n < 0 { -1 } else { 1 };
        if n == 0 {
            return self.first_business_day(day, step);
        }
        let mut current = day;
        for _ in 0..n.unsigned_abs() {
            let Some(next) = shifted(current, step) else {
                return current;
            };
            current = self.first_business_day(next, step);
        }
        current
    }

    /// Business days after `from` up to and including `to`; negative when `to` is earlier.
    pub fn business_days_between(&self, from: Date, to: Date) -> i32 {
        let (first, last, sign) = if from <= to { (from, to, 1) } else { (to, from, -1) };
        let mut count = 0;
        let mut current = first;
        while let Some(next) = shifted(current, 1).filter(|next| *next <= last) {
            count += i32::from(self.is_business_day(next));
            current = next;
        }
        sign * count
    }

    fn first_business_day(&self, day: Date, step: i8) -> Date {
        let mut current = day;
        while !self.is_business_day(current) {
            let Some(next) = shifted(current, step) else {
                return day;
            };
            current = next;
        }
        current
    }
}

fn shifted(day: Date, step: i8) -> Option<Date> {
    if step < 0 { day.yesterday().ok() } else { day.tomorrow().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::date;

    #[test]
    fn built_in_calendars_load_and_are_found_by_id() {
        for id in ["ghana", "china", "target2", "united-states"] {
            assert_eq!(Calendar::built_in(id).map(Calendar::id), Some(id));
        }
        assert!(Calendar::built_in("atlantis").is_none());
    }

    #[test]
    fn good_friday_moves_back_inside_the_month_and_forward_over_it() {
        let target = Calendar::target2();
        let good_friday_2026 = date(2026, 4, 3);
        let table = [
            (good_friday_2026, BusinessDayConvention::Unadjusted, good_friday_2026),
            (good_friday_2026, BusinessDayConvention::Following, date(2026, 4, 7)),
            (good_friday_2026, BusinessDayConvention::Preceding, date(2026, 4, 2)),
            (date(2024, 3, 29), BusinessDayConvention::ModifiedFollowing, date(2024, 3, 28)),
            (date(2026, 4, 4), BusinessDayConvention::ModifiedFollowing, date(2026, 4, 7)),
        ];
        for (day, convention, expected) in table {
            assert_eq!(target.adjust(day, convention), expected);
        }
    }

    #[test]
    fn business_days_are_counted_both_ways() {
        let target = Calendar::target2();
        assert_eq!(target.add_business_days(date(2026, 4, 2), 1), date(2026, 4, 7));
        assert_eq!(target.add_business_days(date(2026, 4, 7), -1), date(2026, 4, 2));
        assert_eq!(target.add_business_days(date(2026, 4, 4), 0), date(2026, 4, 7));
        assert_eq!(target.business_days_between(date(2026, 4, 2), date(2026, 4, 8)), 2);
        assert_eq!(target.business_days_between(date(2026, 4, 8), date(2026, 4, 2)), -2);
    }

    #[test]
    fn years_outside_the_resolved_range_follow_the_same_rules() {
        assert!(Calendar::target2().is_holiday(date(2150, 12, 25)));
        assert!(Calendar::united_states().is_holiday(date(1998, 11, 26)));
        assert_eq!(Calendar::target2().holidays(1999).len(), 6);
    }

    #[test]
    fn the_ends_of_time_do_not_loop() {
        for calendar in [Calendar::ghana(), Calendar::china(), Calendar::target2(), Calendar::united_states()] {
            for day in [Date::MIN, Date::MAX] {
                calendar.adjust(day, BusinessDayConvention::Following);
                calendar.adjust(day, BusinessDayConvention::ModifiedFollowing);
                calendar.add_business_days(day, 10);
                calendar.add_business_days(day, -10);
            }
        }
    }
}
