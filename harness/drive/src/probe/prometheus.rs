//! Reads the Prometheus text format (0.0.4): series to value. Lenient with what it does not know, bounded in what it
//! keeps. Pure.

use harness_core::expr::probe::Selector;
use std::collections::BTreeMap;

/// Series kept of one scrape, and as many again of those that probes read; more are passed over.
const SERIES: usize = 2000;

/// What a scrape held.
#[derive(Debug, Default, PartialEq)]
pub struct Scrape {
    /// `name{label="value"}` → value. Histogram buckets are left out unless they are wanted: their sum and count are
    /// kept.
    pub values: BTreeMap<String, f64>,
    /// Lines that are not in the format.
    pub malformed: usize,
    /// Series over the limit.
    pub dropped: usize,
}

/// Reads a scrape; what is wanted is never displaced by what is not.
pub fn parse(text: &str, wanted: &[Selector]) -> Scrape {
    let (mut others, mut read) = (0, 0);
    let mut scrape = Scrape::default();
    for line in text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        match sample(line) {
            None => scrape.malformed += 1,
            Some((series, value)) => {
                let needed = wanted.iter().any(|selector| selector.matches(series));
                let kept = if needed { &mut read } else { &mut others };
                match () {
                    () if !needed && bucket(series) || !value.is_finite() => {}
                    () if *kept >= SERIES => scrape.dropped += 1,
                    () => {
                        *kept += 1;
                        scrape.values.insert(series.to_owned(), value);
                    }
                }
            }
        }
    }
    scrape
}

fn bucket(series: &str) -> bool {
    series
        .split('{')
        .next()
        .is_some_and(|name| name.ends_with("_bucket"))
}

/// Splits `name{labels} value [timestamp]`; label values may hold spaces, braces and escaped quotes.
fn sample(line: &str) -> Option<(&str, f64)> {
    let mut quoted = false;
    let mut escaped = false;
    let mut depth = 0u32;
    let end = line.char_indices().find_map(|(at, c)| {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '{' if !quoted => depth += 1,
            '}' if !quoted => depth = depth.saturating_sub(1),
            c if c.is_whitespace() && !quoted && depth == 0 => return Some(at),
            _ => {}
        }
        None
    })?;
    let (series, rest) = line.split_at(end);
    let first = series.chars().next()?;
    if !(first.is_ascii_alphabetic() || first == '_' || first == ':') {
        return None;
    }
    let value = rest.split_whitespace().next()?;
    let value = match value {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        "NaN" => f64::NAN,
        number => number.parse().ok()?,
    };
    Some((series, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn series_keep_their_labels_and_buckets_are_left_out() {
        let text = "# HELP x y\n# TYPE x counter\nx{path=\"/a b\",q=\"\\\"}\"} 12 1700000000\nup 1\nh_bucket{le=\"+Inf\"} 9\nh_sum 1.5e3\nbad line\n";
        let scrape = parse(text, &[]);
        let held: Vec<_> = scrape
            .values
            .iter()
            .map(|(k, v)| (k.as_str(), *v))
            .collect();
        assert_eq!(
            held,
            [
                ("h_sum", 1500.0),
                ("up", 1.0),
                ("x{path=\"/a b\",q=\"\\\"}\"}", 12.0)
            ]
        );
        assert_eq!(scrape.malformed, 1);
    }

    #[test]
    fn what_a_probe_reads_is_never_displaced() {
        let mut text: String = (0..SERIES + 5).map(|n| format!("a{n} 1\n")).collect();
        text.push_str("z_bucket{le=\"1\"} 7\n");
        let wanted = Selector {
            service: None,
            metric: "z_bucket".into(),
            labels: vec![("le".into(), "1".into())],
        };
        let scrape = parse(&text, &[wanted]);
        assert_eq!(scrape.values.get("z_bucket{le=\"1\"}"), Some(&7.0));
        assert_eq!((scrape.values.len(), scrape.dropped), (SERIES + 1, 5));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(?s).{0,300}") {
            parse(&text, &[]);
        }
    }
}
