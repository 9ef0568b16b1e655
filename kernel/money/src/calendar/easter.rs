//! The date of Easter in the Gregorian calendar.

/// Month and day of Easter Sunday; the anonymous Gregorian algorithm (Nature, 20 April 1876; Meeus, chapter 8).
pub(super) fn easter_sunday(year: i16) -> (i8, i8) {
    let year = i32::from(year);
    let golden = year.rem_euclid(19);
    let (century, of_century) = (year.div_euclid(100), year.rem_euclid(100));
    let skipped_leap_days = century - century.div_euclid(4);
    let moon_correction = (century - (century + 8).div_euclid(25) + 1).div_euclid(3);
    let epact = (19 * golden + skipped_leap_days - moon_correction + 15).rem_euclid(30);
    let weekday = (32 + 2 * century.rem_euclid(4) + 2 * (of_century / 4) - epact - of_century % 4).rem_euclid(7);
    let late_moon = (golden + 11 * epact + 22 * weekday) / 451;
    let days = epact + weekday - 7 * late_moon + 114;
    ((days / 31) as i8, (days % 31 + 1) as i8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_easters() {
        let table =
            [(1961, 4, 2), (2000, 4, 23), (2008, 3, 23), (2019, 4, 21), (2024, 3, 31), (2026, 4, 5), (2038, 4, 25)];
        for (year, month, day) in table {
            assert_eq!(easter_sunday(year), (month, day), "{year}");
        }
    }
}
