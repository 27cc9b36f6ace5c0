//! The whole series of a scenario as CSV, for what a page of at most 600 points and 60 rows leaves out. A row for each
//! window and name, as the record holds them: a second each up to ten minutes of load, longer ones beyond.

use harness_core::record::{EpochRecord, ScenarioRecord};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The folder beside the page that holds them.
pub const FOLDER: &str = "series";

/// The file of a scenario, from the page's own folder.
pub fn path(scenario: &str) -> String {
    format!("{FOLDER}/{scenario}.csv")
}

/// RFC 4180, with a head. `second` counts from the scenario's begin, `window_s` is a row's length; latencies are
/// response times in microseconds at two digits, empty where nothing came back. Journeys have what was planned, steps
/// have none.
pub fn csv(scenario: &ScenarioRecord) -> String {
    let names = || {
        scenario
            .names
            .keys()
            .map(|name| (name, scenario.series(Some(name))))
    };
    let kinds: BTreeSet<String> = scenario
        .names
        .values()
        .flat_map(|name| name.epochs.values())
        .flat_map(EpochRecord::parts)
        .flat_map(|tally| tally.errors.keys().cloned())
        .collect();
    let mut out =
        "second,window_s,name,planned,started,completed,failed,p50_us,p95_us,p99_us,max_us"
            .to_owned();
    for kind in &kinds {
        let _ = write!(out, ",{}", field(&format!("errors {kind}")));
    }
    out.push_str("\r\n");
    for (name, points) in names() {
        let name = field(name);
        for point in points {
            let t = &point.tally;
            let counts = (t.planned, t.started, t.ok, t.failed());
            let (planned, started, ok, failed) = counts;
            let second = point.second;
            let window = scenario.window_s;
            // Writing to a string can't fail.
            let _ = write!(
                out,
                "{second},{window},{name},{planned},{started},{ok},{failed}"
            );
            let response = &t.response;
            let quantiles = [0.5, 0.95, 0.99].map(|q| response.quantile(q));
            for us in quantiles.into_iter().chain([response.max()]) {
                let _ = write!(out, ",{}", us.map_or_else(String::new, |us| us.to_string()));
            }
            for kind in &kinds {
                let _ = write!(out, ",{}", t.errors.get(kind).copied().unwrap_or(0));
            }
            out.push_str("\r\n");
        }
    }
    out
}

/// A text as a field: quoted where it must be, and never read as a formula by a spreadsheet.
fn field(text: &str) -> String {
    let text = match text.starts_with(['=', '+', '-', '@', '\t']) {
        true => format!("'{text}"),
        false => text.to_owned(),
    };
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_they_must_be_and_never_formulas() {
        assert_eq!(field("browse"), "browse");
        assert_eq!(field("a,\"b\"\nc"), "\"a,\"\"b\"\"\nc\"");
        assert_eq!(field("=cmd()"), "'=cmd()");
    }
}
