//! The dates of cookies, read as leniently as RFC 6265, 5.1.1 asks: servers write them in several ways.

/// Milliseconds since the Unix epoch of a cookie's date (UTC); `None` for what is no date.
pub(super) fn parse(text: &str) -> Option<i64> {
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    let delimiter = |c: char| !(c.is_ascii_alphanumeric() || c == ':');
    for token in text.split(delimiter).filter(|token| !token.is_empty()) {
        if time.is_none() && token.contains(':') {
            time = Some(seconds_of(token)?);
        } else if let Ok(number) = token.parse::<i64>() {
            match (day, year, token.len()) {
                (None, _, 1 | 2) => day = Some(number),
                (_, None, 2..=4) => year = Some(number),
                _ => {}
            }
        } else if month.is_none() {
            month = month_of(token);
        }
    }
    let (day, month) = (day?, month?);
    let year = match year? {
        short @ 70..=99 => short + 1900,
        short @ 0..=69 => short + 2000,
        year => year,
    };
    let fits = (1..=31).contains(&day) && (1601..=9999).contains(&year);
    fits.then(|| (days(year, month, day) * 86_400 + time.unwrap_or_default()) * 1000)
}

/// Seconds of a time of day, `hh:mm:ss`.
fn seconds_of(token: &str) -> Option<i64> {
    let mut parts = token.split(':').map(str::parse::<i64>);
    let (hours, minutes, seconds) = (
        parts.next()?.ok()?,
        parts.next()?.ok()?,
        parts.next()?.ok()?,
    );
    let fits = (0..24).contains(&hours) && (0..60).contains(&minutes) && (0..60).contains(&seconds);
    fits.then_some(hours * 3600 + minutes * 60 + seconds)
}

/// The number of a month, from 1; a weekday is none.
fn month_of(token: &str) -> Option<i64> {
    const MONTHS: &str = "janfebmaraprmayjunjulaugsepoctnovdec";
    let start = token.get(..3)?.to_ascii_lowercase();
    let at = MONTHS.find(&start).filter(|at| at % 3 == 0)?;
    i64::try_from(at / 3 + 1).ok()
}

/// Days since 1970-01-01 of a date of the Gregorian calendar (Hinnant, "chrono-compatible low-level date algorithms").
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    era * 146_097 + days - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dates_are_read_in_every_way_servers_write_them() {
        // RFC 9110, 5.6.7.
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(parse(text), Some(784_111_777_000), "{text}");
        }
        assert_eq!(parse("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(
            parse("Tue, 29 Feb 2000 00:00:00 GMT"),
            Some(951_782_400_000)
        );
        for no_date in [
            "",
            "0",
            "tomorrow",
            "Sun, 99 Nov 1994 08:49:37 GMT",
            "06 Nov 1994 25:00:00",
        ] {
            assert_eq!(parse(no_date), None, "{no_date}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".*") {
            let _ = parse(&text);
        }
    }
}
