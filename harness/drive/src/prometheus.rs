//! Reads the Prometheus text format (0.0.4): series to value. Lenient with what it does not know, bounded in what it
//! keeps. Pure.

use harness_core::expr::probe::Selector;
use harness_core::record::MAX_SERIES_READ;
use std::collections::BTreeMap;

/// Series kept of one scrape that no probe reads; more are passed over.
const SERIES: usize = 2000;

/// What a scrape held.
#[derive(Debug, Default, PartialEq)]
pub struct Scrape {
    /// `name{label="value"}` → value. Histogram buckets are left out unless they are wanted: their sum and count are
    /// kept.
    pub values: BTreeMap<String, f64>,
    /// Lines that are not in the format.
    pub malformed: usize,
    /// What is wanted and not told in full, by selector, and why.
    pub unread: BTreeMap<String, String>,
}

/// Reads a scrape; what is wanted is never displaced by what is not.
pub fn parse(text: &str, wanted: &[Selector]) -> Scrape {
    let mut others = 0;
    let mut read = vec![0; wanted.len()];
    let mut scrape = Scrape::default();
    for line in text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let Some((series, value)) = sample(line) else {
            scrape.malformed += 1;
            for selector in wanted
                .iter()
                .filter(|selector| begins(line, &selector.metric))
            {
                scrape.not_read(
                    selector,
                    "a line of it is not in the Prometheus text format",
                );
            }
            continue;
        };
        let mut needed = false;
        for (selector, read) in wanted.iter().zip(&mut read) {
            if selector.matches(series) {
                needed = true;
                *read += 1;
                if !value.is_finite() {
                    scrape.not_read(
                        selector,
                        if value.is_nan() {
                            "it is NaN"
                        } else {
                            "it is infinite"
                        },
                    );
                } else if *read > MAX_SERIES_READ {
                    scrape.not_read(
                        selector,
                        &format!("it has more than {MAX_SERIES_READ} series"),
                    );
                }
            }
        }
        let whole = |selector: &Selector| !scrape.unread.contains_key(&selector.to_string());
        let kept = match needed {
            true => wanted.iter().any(|s| s.matches(series) && whole(s)),
            false => others < SERIES && !bucket(series),
        };
        if kept && value.is_finite() {
            others += usize::from(!needed);
            scrape.values.insert(series.to_owned(), value);
        }
    }
    scrape
}

impl Scrape {
    fn not_read(&mut self, selector: &Selector, why: &str) {
        let unread = self.unread.entry(selector.to_string());
        unread.or_insert_with(|| why.to_owned());
    }
}

/// Whether a line is one of a metric.
fn begins(line: &str, metric: &str) -> bool {
    let rest = line.strip_prefix(metric);
    rest.is_some_and(|rest| {
        rest.starts_with(|c: char| c == '{' || c.is_whitespace()) || rest.is_empty()
    })
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
        assert_eq!(scrape.values.len(), SERIES + 1);
        assert_eq!(scrape.unread, BTreeMap::new());
    }

    /// A sum over some of the series is not the sum.
    #[test]
    fn what_is_not_told_in_full_is_not_read() {
        let of = |metric: &str| Selector {
            service: None,
            metric: metric.into(),
            labels: Vec::new(),
        };
        let wanted = [of("many"), of("none"), of("bad"), of("most")];
        let most = 0..MAX_SERIES_READ;
        let most: String = most.map(|n| format!("most{{n=\"{n}\"}} 1\n")).collect();
        let many: String = most.replace("most", "many") + "many 1\n";
        let text = format!(
            "{many}{most}none{{a=\"1\"}} 1\nnone{{a=\"2\"}} NaN\nbad 1 \nbad{{a=\"1\"}} x\n"
        );
        let scrape = parse(&text, &wanted);
        let unread: Vec<_> = scrape
            .unread
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .collect();
        assert_eq!(
            unread,
            [
                ("bad", "a line of it is not in the Prometheus text format"),
                ("many", "it has more than 500 series"),
                ("none", "it is NaN"),
            ]
        );
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(?s).{0,300}") {
            parse(&text, &[]);
        }
    }
}
