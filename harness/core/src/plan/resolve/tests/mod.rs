//! Every error a suite can have, as it is told; and that no text makes the reader panic.

mod containers;
mod errors;
mod goose;
mod invariants;
mod loads;
mod of_faults;
mod plans;
mod probes;
mod readiness;
mod searches;

use super::{Choice, plan};
use crate::diagnostic::{Diagnostic, Severity};
use crate::plan::Plan;
use crate::suite::{self, Sources};
use proptest::prelude::*;
use std::fmt::Write as _;

const CONFIG: &str = r#"
[project]
name = "demo"
[target.service.front]
process = { command = ["front", "--port", "${port}"] }
env = { BACK = "${link.back.url}" }
[target.service.back]
process = { command = ["back", "--port", "${port}"] }
[target.link.back]
from = "front"
to = "back"
[target.link.edge]
to = "front"
[secret]
key = { env = "KEY" }
"#;

const JOURNEY: &str = r#"
title = "visits"
[[step]]
name = "open"
get = "/"
expect = ["status == 200"]
capture = { id = "$.id" }
[[step]]
name = "again"
get = "/things/{{ id }}"
"#;

const SCENARIO: &str = r#"
title = "steady"
[load]
rate = "10/s"
for = "10s"
mix = { visit = 1 }
[[fault]]
name = "slow"
link = "back"
at = "2s"
for = "2s"
latency = { delay = "1s" }
[[gate]]
expect = "p99(visit/open) < 1s"
during = "slow"
"#;

type Files<'f> = [(&'f str, &'f str)];

/// The small suite above with some files replaced or added.
fn sources(files: &Files<'_>) -> Sources {
    let mut sources = Sources::new();
    let whole = [
        ("harness.toml", CONFIG),
        ("scenarios/journeys/visit.toml", JOURNEY),
        ("scenarios/steady.toml", SCENARIO),
    ];
    for (name, text) in whole.iter().chain(files) {
        sources.add(*name, *text);
    }
    sources
}

fn findings(sources: &Sources, choice: &Choice) -> (Option<Plan>, Vec<Diagnostic>) {
    let (suite, mut findings) = suite::load(sources);
    let planned = suite.map(|suite| plan(&suite, choice));
    match planned {
        None => (None, findings),
        Some(Ok((plan, warnings))) => {
            findings.extend(warnings);
            (Some(plan), findings)
        }
        Some(Err(errors)) => {
            findings.extend(errors);
            (None, findings)
        }
    }
}

/// `file:line:column message`, the line with carets under the place, the hint.
fn told(findings: &[Diagnostic]) -> String {
    let mut out = String::new();
    for finding in findings {
        let severity = if finding.severity == Severity::Error {
            ""
        } else {
            "warning: "
        };
        match &finding.place {
            None => _ = writeln!(out, "{severity}{}", finding.message),
            Some(place) => {
                let (line, column) = place.line_column();
                let text = place.source.text.lines().nth(line - 1).unwrap_or("");
                let carets = place
                    .source
                    .text
                    .get(place.span.clone())
                    .map_or(1, |t| t.chars().count().max(1));
                _ = writeln!(
                    out,
                    "{}:{line}:{column} {severity}{}",
                    place.source.name, finding.message
                );
                _ = writeln!(
                    out,
                    "  | {text}\n  | {}{}",
                    " ".repeat(column - 1),
                    "^".repeat(carets)
                );
            }
        }
        if let Some(hint) = &finding.hint {
            _ = writeln!(out, "  hint: {hint}");
        }
    }
    if out.is_empty() {
        "nothing is wrong\n".to_owned()
    } else {
        out
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_text_panics(text in "\\PC{0,60}", file in 0usize..4) {
        let names = ["harness.toml", "scenarios/steady.toml", "scenarios/journeys/visit.toml", "features/a.feature"];
        let _ = findings(&sources(&[(names[file], &text)]), &Choice::default());
    }

    #[test]
    fn no_mutation_panics(
        file in 0usize..3,
        at in any::<prop::sample::Index>(),
        take in 0usize..12,
        put in "[a-z\"'\\[\\]{}=.,#$\\\\\n0-9 -]{0,8}",
    ) {
        let (name, text) = [
            ("harness.toml", CONFIG),
            ("scenarios/steady.toml", SCENARIO),
            ("scenarios/journeys/visit.toml", JOURNEY),
        ][file];
        let start = at.index(text.len());
        let end = (start + take).min(text.len());
        let mutated = format!("{}{put}{}", &text[..start], &text[end..]);
        let (plan, found) = findings(&sources(&[(name, &mutated)]), &Choice::default());
        prop_assert!(plan.is_some() || found.iter().any(|d| d.severity == Severity::Error));
        for place in found.iter().filter_map(|d| d.place.as_ref()) {
            prop_assert!(place.span.end <= place.source.text.len().max(1), "{:?}", place.span);
        }
    }
}
