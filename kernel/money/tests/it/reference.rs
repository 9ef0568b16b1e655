//! Every row of the tables in `tests/data` (see its README for where they come from).

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use sycee_money::{BusinessDayConvention, Calendar, Date, DayCount, Decimal, add_months};

fn rows(name: &str) -> Vec<csv::StringRecord> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    let rows: Vec<_> = csv::Reader::from_path(path).unwrap().records().map(Result::unwrap).collect();
    assert!(rows.len() > 100, "{name} is complete");
    rows
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

#[test]
fn day_counts_agree_with_quantlib() {
    let tolerance = Decimal::new(1, 12);
    let mut compared = BTreeSet::new();
    for row in rows("day_counts.csv") {
        let (from, to) = (day(&row[0]), day(&row[1]));
        let convention: DayCount = row[2].parse().unwrap();
        compared.insert(convention);
        assert_eq!(convention.days(from, to), row[3].parse::<i32>().unwrap(), "{row:?}");
        let difference = convention.year_fraction(from, to).to_decimal() - row[4].parse::<Decimal>().unwrap();
        assert!(difference.abs() < tolerance, "{row:?}: {difference}");
    }
    assert_eq!(compared, BTreeSet::from(DayCount::ALL));
}

#[test]
fn months_agree_with_quantlib() {
    for row in rows("months.csv") {
        let start = day(&row[0]);
        assert_eq!(add_months(start, row[1].parse().unwrap(), start.day()), day(&row[2]), "{row:?}");
    }
}

#[test]
fn adjusted_days_agree_with_quantlib() {
    for row in rows("adjusted.csv") {
        let calendar = Calendar::built_in(&row[0]).unwrap();
        let convention: BusinessDayConvention = row[2].parse().unwrap();
        assert_eq!(calendar.adjust(day(&row[1]), convention), day(&row[3]), "{row:?}");
    }
}

/// Weekdays off and weekend days worked from 2020 to `last_year`, as our calendar has them.
fn exceptions(calendar: &Calendar, last_year: i16) -> BTreeMap<Date, &'static str> {
    let mut found = BTreeMap::new();
    let mut current = sycee_money::date(2020, 1, 1);
    while current.year() <= last_year {
        match (calendar.is_weekend(current.weekday()), calendar.is_business_day(current)) {
            (false, false) => found.insert(current, "off"),
            (true, true) => found.insert(current, "worked"),
            _ => None,
        };
        current = current.tomorrow().unwrap();
    }
    found
}

fn expected(id: &str) -> BTreeMap<Date, String> {
    let all = rows("calendars.csv");
    let found: BTreeMap<_, _> =
        all.iter().filter(|row| &row[0] == id).map(|row| (day(&row[1]), row[2].to_owned())).collect();
    assert!(found.len() > 50, "{id} is complete");
    found
}

fn assert_same(calendar: &Calendar, last_year: i16, reference: &str) {
    let ours: BTreeMap<Date, String> =
        exceptions(calendar, last_year).into_iter().map(|(date, kind)| (date, kind.to_owned())).collect();
    assert_eq!(ours, expected(reference), "{reference}");
}

#[test]
fn target_agrees_with_quantlib() {
    assert_same(Calendar::target2(), 2030, "target2");
}

#[test]
fn the_federal_reserve_agrees_with_quantlib() {
    assert_same(Calendar::united_states(), 2030, "united-states");
}

#[test]
fn china_agrees_with_quantlibs_interbank_market() {
    assert_same(Calendar::china(), 2026, "china");
}

#[test]
fn china_has_the_stock_exchanges_days_off() {
    let mut exchange = expected("china-sse");
    assert_eq!(exchange.remove(&sycee_money::date(2024, 2, 9)).as_deref(), Some("off"));
    let ours = exceptions(Calendar::china(), 2026);
    let ours: Vec<Date> = ours.into_iter().filter(|(_, kind)| *kind == "off").map(|(date, _)| date).collect();
    assert_eq!(ours, exchange.into_keys().collect::<Vec<_>>());
}

#[test]
fn ghana_agrees_with_the_public_holidays_act_and_declarations() {
    assert_same(Calendar::ghana(), 2026, "ghana");
}

#[test]
fn later_years_follow_rules_and_estimates() {
    let ghana: Vec<String> =
        Calendar::ghana().holidays(2027).iter().map(|holiday| format!("{} {}", holiday.date, holiday.name)).collect();
    assert_eq!(
        ghana,
        [
            "2027-01-01 New Year's Day",
            "2027-01-07 Constitution Day",
            "2027-03-06 Independence Day",
            "2027-03-08 Independence Day (observed)",
            "2027-03-09 Eid-ul-Fitr",
            "2027-03-10 Shaqq Day",
            "2027-03-26 Good Friday",
            "2027-03-29 Easter Monday",
            "2027-05-01 Workers' Day",
            "2027-05-03 Workers' Day (observed)",
            "2027-05-16 Eid-ul-Adha",
            "2027-05-17 Eid-ul-Adha (observed)",
            "2027-07-01 Republic Day",
            "2027-09-21 Founder's Day",
            "2027-12-03 Farmers' Day",
            "2027-12-25 Christmas Day",
            "2027-12-26 Boxing Day",
            "2027-12-27 Christmas Day (observed)",
            "2027-12-28 Boxing Day (observed)",
        ]
    );
    let china_new_year = sycee_money::date(2027, 2, 8);
    let after = Calendar::china().adjust(china_new_year, BusinessDayConvention::Following);
    assert_eq!(after, sycee_money::date(2027, 2, 11));
    assert_eq!(Calendar::china().announced_through(), Some(2026));
    assert_eq!(Calendar::target2().announced_through(), None);
}
