//! Figures and foreign text as people read them. What the target sent passes through [`visible`] before any
//! reporter shows it, so that no escape sequence moves a cursor and no mark turns the reading direction.

use harness_core::date;
use harness_core::units::{human_span, human_us};

/// What stands where there is no figure.
pub const NONE: &str = "–";

/// The text with control characters and direction marks written out: `\x1b`, `\u{202e}`. Line breaks and tabs stay.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => out.push(c),
            '\r' => {}
            c if (c as u32) < 0x80 && c.is_control() => {
                out.push_str(&format!("\\x{:02x}", c as u32));
            }
            c if c.is_control() || hidden(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// Characters that are not seen and change how others are: direction marks, joiners of nothing, line separators.
fn hidden(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// [`visible`], on one line, at most `limit` characters.
pub fn one_line(text: &str, limit: usize) -> String {
    let joined = visible(text)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    clip(&joined, limit)
}

/// At most `limit` characters, the last an ellipsis where some were cut.
pub fn clip(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some(_) => text
            .chars()
            .take(limit.saturating_sub(1))
            .chain(['…'])
            .collect(),
    }
}

/// A count with thousands set apart: `12,345`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Microseconds, or a dash.
pub fn micros(us: Option<u64>) -> String {
    us.map_or_else(|| NONE.to_owned(), human_us)
}

/// From one figure to another, the unit said once where it is the same: `1.20 to 1.45 ms`, `0% to 0.15%`.
pub fn between(low: &str, high: &str) -> String {
    match (low.rsplit_once(' '), high.rsplit_once(' ')) {
        (Some((low, a)), Some((_, b))) if a == b => format!("{low} to {high}"),
        _ => format!("{low} to {high}"),
    }
}

/// A share of one as a percentage: `0.12%`, `3.4%`, `100%`; what is above zero never reads as zero, what is below
/// one never as 100 %.
pub fn percent(share: f64) -> String {
    let p = share * 100.0;
    match p {
        _ if !p.is_finite() => NONE.to_owned(),
        p if p <= 0.0 => "0%".to_owned(),
        p if p < 0.01 => "<0.01%".to_owned(),
        p if p < 1.0 => format!("{p:.2}%"),
        p if p < 10.0 => format!("{p:.1}%"),
        p if p >= 100.0 => "100%".to_owned(),
        p if p > 99.0 => format!("{:.2}%", (p * 100.0).floor() / 100.0),
        p => format!("{p:.0}%"),
    }
}

/// A rate per second: `948/s`, `12.5/s`.
pub fn rate(per_second: f64) -> String {
    match per_second {
        r if r >= 100.0 => format!("{}/s", count(r.round() as u64)),
        r if (r - r.round()).abs() < 0.005 => format!("{r:.0}/s"),
        r if r >= 10.0 => format!("{r:.1}/s"),
        r => format!("{r:.2}/s"),
    }
}

/// A bare number, three significant digits or the whole integer part: `0.42`, `17.3`, `12,345`.
pub fn number(value: f64) -> String {
    let sign = if value < 0.0 { "-" } else { "" };
    match value.abs() {
        v if !v.is_finite() => NONE.to_owned(),
        v if v >= 100.0 || (v - v.round()).abs() < 1e-9 => {
            format!("{sign}{}", count(v.round() as u64))
        }
        v if v >= 10.0 => format!("{sign}{v:.1}"),
        v if v >= 0.01 => format!("{sign}{v:.2}"),
        v => format!("{sign}{v:.1e}"),
    }
}

/// A number for a narrow place: `0.42`, `950`, `15 k`, `1.5 M`.
pub fn short(value: f64) -> String {
    match value.abs() {
        v if v < 10_000.0 => number(value),
        v if v < 1e6 => format!("{:.0} k", value / 1e3),
        v if v < 1e7 => format!("{:.1} M", value / 1e6),
        v if v < 1e9 => format!("{:.0} M", value / 1e6),
        v if v.is_finite() => format!("{value:.1e}"),
        _ => NONE.to_owned(),
    }
}

/// Bytes: `812 B`, `1.4 MB`.
pub fn bytes(n: f64) -> String {
    let (value, unit) = match n {
        n if n < 1e3 => return format!("{n:.0} B"),
        n if n < 1e6 => (n / 1e3, "kB"),
        n if n < 1e9 => (n / 1e6, "MB"),
        n => (n / 1e9, "GB"),
    };
    if value < 10.0 && value.fract() > 0.0 {
        format!("{value:.1} {unit}")
    } else {
        format!("{value:.0} {unit}")
    }
}

/// Seconds on a run's clock: `0:05`, `12:40`, `1:02:03`.
pub fn clock(seconds: f64) -> String {
    let s = seconds.max(0.0).round() as u64;
    if s >= 3600 {
        format!("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
    } else {
        format!("{}:{:02}", s / 60, s % 60)
    }
}

/// How far something is on its clock: `0:05/0:10`. It is never beyond its end, nor there before it is.
pub fn progress(seconds: f64, of: f64) -> String {
    format!("{}/{}", clock(seconds.min(of).floor()), clock(of))
}

/// A length of time in whole words: `42 s`, `10 min`, `1 min 30 s`, `2 h 5 min`. The length of a run is told by this alone.
pub fn span(seconds: f64) -> String {
    human_span(seconds)
}

/// When something began, of an RFC 3339 time: `2026-03-31 14:05:09 UTC`; what is no time as it is.
pub fn moment(time: &str) -> String {
    date::second(time).unwrap_or_else(|| one_line(time, 40))
}

/// `1 walk`, `3 walks`.
pub fn plural(n: u64, word: &str) -> String {
    if n == 1 {
        format!("1 {word}")
    } else {
        format!("{} {word}s", count(n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hidden_characters_are_written_out() {
        assert_eq!(
            visible("a\x1b[31mb\u{202e}c\u{200b}\u{9b}\r\n"),
            "a\\x1b[31mb\\u{202e}c\\u{200b}\\u{9b}\n"
        );
        assert_eq!(one_line("a\n\n b   c", 4), "a b…");
    }

    #[test]
    fn shares_never_round_to_a_lie() {
        assert_eq!(
            [0.0, 0.000_01, 0.0012, 0.034, 0.5, 0.999_99, 1.0].map(percent),
            ["0%", "<0.01%", "0.12%", "3.4%", "50%", "99.99%", "100%"]
        );
    }

    #[test]
    fn counts_and_times_read_well() {
        assert_eq!(
            [0, 999, 1000, 1_234_567].map(count),
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(
            [0.42, 9_950.0, 15_000.0, 1.5e6, 2e12].map(short),
            ["0.42", "9,950", "15 k", "1.5 M", "2.0e12"]
        );
        assert_eq!(
            [5.0, 760.0, 3723.0].map(clock),
            ["0:05", "12:40", "1:02:03"]
        );
        assert_eq!(
            [42.0, 90.0, 600.0, 7500.0].map(span),
            ["42 s", "1 min 30 s", "10 min", "2 h 5 min"]
        );
        assert_eq!(
            [(5.9, 6.0), (6.8, 6.0), (61.0, 90.0)].map(|(at, of)| progress(at, of)),
            ["0:05/0:06", "0:06/0:06", "1:01/1:30"]
        );
        assert_eq!(
            ["2026-01-01T00:30:59+01:00", "not a\ntime"].map(moment),
            ["2025-12-31 23:30:59 UTC", "not a time"]
        );
        assert_eq!(
            [0.5, 12.5, 100.0, 1948.2].map(rate),
            ["0.50/s", "12.5/s", "100/s", "1,948/s"]
        );
    }

    proptest! {
        #[test]
        fn nothing_unseen_passes(text in any::<String>()) {
            prop_assert!(!visible(&text).chars().any(|c| hidden(c) || (c.is_control() && c != '\n' && c != '\t')));
        }
    }
}
