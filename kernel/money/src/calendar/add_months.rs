//! Monthly due days that remember the day they started from.

use jiff::civil::Date;

/// The day `n` months after `start`'s month that falls on `anchor_day`, or on the month's last day when it is shorter.
///
/// Passing the same anchor each month returns to it: 31 January, 28 February, 31 March. An anchor outside 1 to 31 is
/// taken as the nearest of them, and a result outside the years -9999 to 9999 is the nearest month that exists.
pub fn add_months(start: Date, n: i32, anchor_day: i8) -> Date {
    let months = i64::from(start.year()) * 12 + i64::from(start.month()) - 1 + i64::from(n);
    let first = i64::from(Date::MIN.year()) * 12;
    let last = i64::from(Date::MAX.year()) * 12 + 11;
    let months = months.clamp(first, last);
    let first_of_month = Date::constant(months.div_euclid(12) as i16, (months.rem_euclid(12) + 1) as i8, 1);
    let day = anchor_day.clamp(1, first_of_month.days_in_month());
    Date::constant(first_of_month.year(), first_of_month.month(), day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::date;

    #[test]
    fn the_anchor_day_comes_back_after_a_short_month() {
        let start = date(2026, 1, 31);
        let days: Vec<Date> = (1..=4).map(|n| add_months(start, n, 31)).collect();
        assert_eq!(days, [date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30), date(2026, 5, 31)]);
        assert_eq!(add_months(date(2026, 2, 28), 1, 31), date(2026, 3, 31));
        assert_eq!(add_months(start, 25, 30), date(2028, 2, 29));
    }

    #[test]
    fn months_go_back_over_the_year_end() {
        let table = [
            (date(2026, 3, 31), -1, 31, date(2026, 2, 28)),
            (date(2026, 1, 15), -1, 15, date(2025, 12, 15)),
            (date(2026, 1, 15), -13, 15, date(2024, 12, 15)),
            (date(2026, 1, 15), 0, 20, date(2026, 1, 20)),
            (date(2026, 12, 1), 12, 1, date(2027, 12, 1)),
        ];
        for (start, n, anchor, expected) in table {
            assert_eq!(add_months(start, n, anchor), expected);
        }
    }

    #[test]
    fn anchors_and_years_out_of_range_are_clamped() {
        assert_eq!(add_months(date(2026, 1, 15), 1, 99), date(2026, 2, 28));
        assert_eq!(add_months(date(2026, 1, 15), 1, -3), date(2026, 2, 1));
        assert_eq!(add_months(Date::MAX, i32::MAX, 31), Date::MAX);
        assert_eq!(add_months(Date::MIN, i32::MIN, 1), Date::MIN);
    }
}
