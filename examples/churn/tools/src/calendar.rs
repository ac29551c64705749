//! Seconds since the Unix epoch, to and from `2024-01-01T00:00:00Z`.

/// One day, in seconds.
pub const DAY: i64 = 86_400;

/// Midnight UTC of a day of the proleptic Gregorian calendar.
pub const fn midnight(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March put the leap day last; 719,468 days lie between 0000-03-01 and 1970-01-01.
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year;
    (days - 719_468) * DAY
}

/// `2024-01-01T00:00:00Z`.
pub fn format(time: i64) -> String {
    let second = time.rem_euclid(DAY);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{}T{hour:02}:{minute:02}:{second:02}Z", format_day(time))
}

/// `2024-01-01`.
pub fn format_day(time: i64) -> String {
    let mut year = 1970;
    while midnight(year + 1, 1, 1) <= time {
        year += 1;
    }
    let month = (1..=12).rev().find(|&month| midnight(year, month, 1) <= time).unwrap_or(1);
    let day = (time - midnight(year, month, 1)) / DAY + 1;
    format!("{year:04}-{month:02}-{day:02}")
}

/// Reads `2024-01-01` and `2024-01-01T00:00:00Z`, the latter also with a fraction of zeros.
pub fn parse(text: &str) -> Option<i64> {
    let (day, clock) = text.split_once('T').unwrap_or((text, "00:00:00Z"));
    let day = numbers(day, '-')?;
    let (clock, fraction) = clock.strip_suffix('Z')?.split_once('.').unwrap_or((clock.strip_suffix('Z')?, ""));
    let clock = numbers(clock, ':')?;
    fraction.bytes().all(|digit| digit == b'0').then_some(())?;
    Some(midnight(day[0], day[1], day[2]) + clock[0] * 3600 + clock[1] * 60 + clock[2])
}

fn numbers(text: &str, separator: char) -> Option<[i64; 3]> {
    let parts: Option<Vec<i64>> = text.split(separator).map(|part| part.parse().ok()).collect();
    parts?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_they_are_read() {
        for text in ["1970-01-01T00:00:00Z", "2023-12-31T23:59:59Z", "2024-02-29T12:30:01Z", "2025-03-01T00:00:00Z"] {
            assert_eq!(parse(text).map(format).as_deref(), Some(text));
        }
        assert_eq!(midnight(2024, 1, 1), 1_704_067_200);
        assert_eq!(parse("2024-01-01"), Some(1_704_067_200));
        assert_eq!(parse("yesterday"), None);
    }
}
