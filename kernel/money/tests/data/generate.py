#!/usr/bin/env python3
"""Writes the reference tables beside this file: what QuantLib says about day counts, months and calendars.

    python3 -m venv venv && venv/bin/pip install QuantLib==1.44 holidays==0.108
    venv/bin/python generate.py

README.md beside this file says what each table holds and which QuantLib class it comes from.
"""

import csv
import datetime
import itertools
import pathlib

import holidays
import QuantLib as ql

HERE = pathlib.Path(__file__).parent
DAY = datetime.timedelta(days=1)

CONVENTIONS = {
    "30/360-us": ql.Thirty360(ql.Thirty360.USA),
    "30/360-european": ql.Thirty360(ql.Thirty360.European),
    "act/360": ql.Actual360(),
    "act/364": ql.Actual364(),
    "act/365-fixed": ql.Actual365Fixed(),
    "act/act-isda": ql.ActualActual(ql.ActualActual.ISDA),
}
# Month ends, 29 and 28 February, the 30th and 31st, year ends: every pair of them is a row per convention.
SPECIAL_DAYS = [
    "2023-02-28", "2023-12-31", "2024-01-01", "2024-01-31", "2024-02-28", "2024-02-29", "2024-03-30",
    "2024-03-31", "2024-12-31", "2025-01-31", "2025-02-28", "2026-07-30", "2026-08-31", "2028-02-29",
]
OTHER_PAIRS = [
    ("2024-02-29", "2024-02-29"), ("2024-03-31", "2024-02-29"), ("2025-01-31", "2023-12-31"),
    ("1999-12-31", "2000-03-01"), ("2096-02-29", "2104-02-29"), ("2100-02-28", "2100-03-31"),
]
CALENDARS = {
    "target2": (ql.TARGET(), 2030),
    "united-states": (ql.UnitedStates(ql.UnitedStates.FederalReserve), 2030),
    "china": (ql.China(ql.China.IB), 2026),
    "china-sse": (ql.China(ql.China.SSE), 2026),
}
ADJUSTMENTS = {
    "unadjusted": ql.Unadjusted,
    "following": ql.Following,
    "modified-following": ql.ModifiedFollowing,
    "preceding": ql.Preceding,
}
# Ghana: declarations of the Ministry of the Interior that the holidays package reads otherwise or doesn't have yet.
GHANA_WORKED = {
    "2025-07-01": "Republic Day observed on 4 July 2025",
    "2026-01-07": "Constitution Day observed on 9 January 2026",
    "2026-07-01": "Republic Day observed on 3 July 2026",
}
GHANA_OFF = {
    "2026-03-23": "Shaqq Day fell on Saturday 21 March 2026",
    "2026-12-28": "Boxing Day falls on Saturday 26 December 2026",
}


def ql_date(day):
    return ql.Date(day.day, day.month, day.year)


def iso(day):
    return f"{day.year():04}-{day.month():02}-{day.dayOfMonth():02}"


def days_of(first_year, last_year):
    day = datetime.date(first_year, 1, 1)
    while day.year <= last_year:
        yield day
        day += DAY


def write(name, header, rows):
    with open(HERE / name, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def day_counts():
    for start, end in list(itertools.combinations(SPECIAL_DAYS, 2)) + OTHER_PAIRS:
        first, second = (ql_date(datetime.date.fromisoformat(day)) for day in (start, end))
        for name, convention in CONVENTIONS.items():
            fraction = f"{convention.yearFraction(first, second):.15f}"
            yield start, end, name, convention.dayCount(first, second), fraction


def months():
    for start in ["2024-01-31", "2024-02-29", "2023-08-30", "2026-03-15", "2025-12-31"]:
        first = ql_date(datetime.date.fromisoformat(start))
        for count in list(range(-14, 15)) + [120, -120]:
            yield start, count, iso(first + ql.Period(count, ql.Months))


def exceptions():
    """Weekdays off and weekend days worked, one a row."""
    for name, (calendar, last_year) in CALENDARS.items():
        for day in days_of(2020, last_year):
            weekend, business = day.weekday() >= 5, calendar.isBusinessDay(ql_date(day))
            if weekend == business:
                yield name, day.isoformat(), "worked" if business else "off"
    ghana = holidays.country_holidays("GH", years=range(2020, 2027))
    for day in days_of(2020, 2026):
        off = day in ghana and day.isoformat() not in GHANA_WORKED or day.isoformat() in GHANA_OFF
        if off and day.weekday() < 5:
            yield "ghana", day.isoformat(), "off"


def adjusted():
    for name in ["target2", "united-states", "china"]:
        calendar = CALENDARS[name][0]
        for month in range(1, 13):
            last = datetime.date(2024 + month // 12, month % 12 + 1, 1) - DAY
            for day in [last, datetime.date(2024, month, 1), datetime.date(2025, month, 5)]:
                for convention, code in ADJUSTMENTS.items():
                    yield name, day.isoformat(), convention, iso(calendar.adjust(ql_date(day), code))


def main():
    write("day_counts.csv", ["from", "to", "convention", "days", "year_fraction"], day_counts())
    write("months.csv", ["start", "months", "result"], months())
    write("calendars.csv", ["calendar", "date", "kind"], exceptions())
    write("adjusted.csv", ["calendar", "date", "convention", "adjusted"], adjusted())


if __name__ == "__main__":
    main()
