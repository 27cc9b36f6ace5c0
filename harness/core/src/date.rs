//! A day of the calendar: parsed, printed, counted. Knows no clock: what day it is, is said from outside.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A day of the Gregorian calendar, from year 1 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

/// Why a text is no day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no date: write year, month and day, such as 2026-03-31")]
pub struct DateError(String);

impl Date {
    /// The day that an RFC 3339 time lies on, by its own offset.
    pub fn of_time(time: &str) -> Result<Self, DateError> {
        time.get(..10).unwrap_or(time).parse()
    }

    /// Days from another day to this one; negative when the other is later.
    pub fn since(self, other: Self) -> i64 {
        self.number() - other.number()
    }

    /// Days since 1 March of year 0, by which every leap day is the last of its year.
    fn number(self) -> i64 {
        let (month, year) = (i64::from(self.month), i64::from(self.year));
        let (month, year) = if month > 2 {
            (month - 3, year)
        } else {
            (month + 9, year - 1)
        };
        // Months from March on are 31, 30, 31, 30, 31 days long, over and over: 153 days in five of them.
        let of_year = (153 * month + 2) / 5 + i64::from(self.day) - 1;
        365 * year + year / 4 - year / 100 + year / 400 + of_year
    }

    /// The day of such a number; `None` outside the years there are. Years begin in March here too; 146 097 days are 400 of
    /// them.
    fn of_number(number: i64) -> Option<Self> {
        let (era, day) = (number.div_euclid(146_097), number.rem_euclid(146_097));
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let of_year = day - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let (month, next) = if month < 10 {
            (month + 3, 0)
        } else {
            (month - 9, 1)
        };
        let year = u16::try_from(era * 400 + year + next).ok()?;
        let there = (1..=9999).contains(&year);
        there.then_some(Self {
            year,
            month: u8::try_from(month).ok()?,
            day: u8::try_from(day).ok()?,
        })
    }
}

/// `2026-03-31 14:05:09 UTC` of an RFC 3339 time, whatever its offset: times of several machines stand side by side.
pub fn second(time: &str) -> Option<String> {
    let (date, [hour, minute, second]) = in_utc(time)?;
    Some(format!("{date} {hour:02}:{minute:02}:{second:02} UTC"))
}

/// The same to the minute, `2026-03-31 14:05 UTC`.
pub fn minute(time: &str) -> Option<String> {
    let (date, [hour, minute, _]) = in_utc(time)?;
    Some(format!("{date} {hour:02}:{minute:02} UTC"))
}

/// Its day, and its hour, minute and second of it.
fn in_utc(time: &str) -> Option<(Date, [i64; 3])> {
    let seconds = seconds(time)?;
    let of_day = seconds.rem_euclid(86_400);
    let day = Date::of_number(seconds.div_euclid(86_400))?;
    Some((day, [of_day / 3600, of_day / 60 % 60, of_day % 60]))
}

/// Seconds since 1 March of year 0, UTC, of an RFC 3339 time; to compare times of different offsets.
pub fn seconds(time: &str) -> Option<i64> {
    let date = Date::of_time(time).ok()?;
    let two = |from: usize| time.get(from..from + 2)?.parse::<i64>().ok();
    let of_day = two(11)? * 3600 + two(14)? * 60 + two(17)?;
    let zone = time
        .get(19..)?
        .trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let offset = match zone.chars().next()? {
        'Z' | 'z' => 0,
        sign @ ('+' | '-') => {
            let part = |from: usize| zone.get(from..from + 2)?.parse::<i64>().ok();
            let seconds = part(1)? * 3600 + part(4)? * 60;
            if sign == '+' { seconds } else { -seconds }
        }
        _ => return None,
    };
    Some(date.number() * 86_400 + of_day - offset)
}

const fn length(year: u16, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        _ => 31,
    }
}

impl FromStr for Date {
    type Err = DateError;

    fn from_str(text: &str) -> Result<Self, DateError> {
        let fail = || DateError(text.chars().take(40).collect());
        let digits = |range: std::ops::Range<usize>| {
            let part = text.get(range).ok_or_else(fail)?;
            let plain = part.bytes().all(|byte| byte.is_ascii_digit());
            plain
                .then(|| part.parse::<u16>().ok())
                .flatten()
                .ok_or_else(fail)
        };
        let dashes = text.len() == 10 && text.get(4..5) == Some("-") && text.get(7..8) == Some("-");
        let (year, month, day) = (digits(0..4)?, digits(5..7)? as u8, digits(8..10)? as u8);
        let there =
            year >= 1 && (1..=12).contains(&month) && (1..=length(year, month)).contains(&day);
        (dashes && there)
            .then_some(Self { year, month, day })
            .ok_or_else(fail)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl From<Date> for String {
    fn from(date: Date) -> Self {
        date.to_string()
    }
}

impl TryFrom<String> for Date {
    type Error = DateError;

    fn try_from(text: String) -> Result<Self, DateError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn days_are_counted_over_months_years_and_leap_days() {
        let days = |from: &str, to: &str| date(to).since(date(from));
        assert_eq!(days("2026-11-22", "2026-11-22"), 0);
        assert_eq!(days("2026-11-22", "2026-12-01"), 9);
        assert_eq!(days("2026-12-31", "2027-01-01"), 1);
        assert_eq!(days("2024-02-28", "2024-03-01"), 2);
        assert_eq!(days("2026-02-28", "2026-03-01"), 1);
        assert_eq!(days("1900-01-01", "2000-01-01"), 36_524);
        assert_eq!(days("2027-01-01", "2026-01-01"), -365);
    }

    #[test]
    fn every_day_of_four_centuries_follows_the_one_before() {
        let mut before: Option<Date> = None;
        for year in 1999..2400 {
            for month in 1..=12 {
                for day in 1..=length(year, month) {
                    let this = Date { year, month, day };
                    assert!(
                        before.is_none_or(|before| this.since(before) == 1),
                        "{this}"
                    );
                    assert_eq!(date(&this.to_string()), this);
                    assert_eq!(Date::of_number(this.number()), Some(this));
                    before = Some(this);
                }
            }
        }
    }

    #[test]
    fn times_of_different_offsets_are_compared() {
        let of = |text: &str| seconds(text).unwrap();
        assert_eq!(of("2026-01-01T01:00:00+01:00"), of("2026-01-01T00:00:00Z"));
        assert_eq!(
            of("2025-12-31T19:30:05.25-04:30") - of("2026-01-01T00:00:00Z"),
            5
        );
        assert!(
            [
                "",
                "2026-01-01",
                "2026-01-01T01:00:00",
                "2026-01-01T01:00:00x"
            ]
            .map(seconds)
            .iter()
            .all(Option::is_none)
        );
    }

    #[test]
    fn a_minute_is_told_in_utc_whatever_the_offset() {
        let of = |text: &str| minute(text).unwrap();
        assert_eq!(of("2026-01-01T00:30:59+01:00"), "2025-12-31 23:30 UTC");
        assert_eq!(of("2024-02-28T22:05:00-04:30"), "2024-02-29 02:35 UTC");
        assert_eq!(
            second("2026-01-01T00:30:59.25+01:00").unwrap(),
            "2025-12-31 23:30:59 UTC"
        );
        assert_eq!((minute("2026-01-01"), second("2026-01-01")), (None, None));
        assert_eq!(Date::of_number(-1_000_000), None);
    }

    #[test]
    fn what_is_no_day_is_refused_with_how_to_write_one() {
        for text in [
            "2026-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-1-1",
            "20260101",
            "01-01-2026",
            "",
            "2026-01-01T10:00:00Z",
            "0000-01-01",
            "2026-+1-01",
            "２０２６-01",
        ] {
            let error = text.parse::<Date>().unwrap_err().to_string();
            assert!(error.contains("2026-03-31"), "{error}");
        }
        assert_eq!(
            Date::of_time("2026-01-01T01:00:00+01:00").unwrap(),
            date("2026-01-01")
        );
        assert!(Date::of_time("now").is_err());
    }
}
