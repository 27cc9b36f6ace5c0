//! Gherkin → drafts: every scenario of a feature becomes a journey as typed, step text by step text, with the step
//! library of [`steps`]. Pure: whoever runs the scenarios walks the journeys made here. Knows neither the suite nor
//! the target, so names of links, journeys and variables are checked later.

mod body;
mod build;
mod line;
mod lint;
mod steps;
#[cfg(test)]
mod tests;
mod texts;
mod translate;
mod typed;

pub use steps::{StepPattern, steps};

use crate::diagnostic::{Diagnostic, Place, Source};
use crate::plan::draft::Draft;
use gherkin::{Feature, GherkinEnv};
use std::sync::Arc;

/// A draft for each scenario of a feature, and all that is wrong with its text. Outlines are expanded row by row;
/// drafts stand in the order of the scenarios: the feature's own first, then those of its rules. With findings the
/// drafts may lack steps or scenarios.
pub fn translate(source: &Arc<Source>) -> (Vec<Draft>, Vec<Diagnostic>) {
    let layout = lint::lint(source);
    let mut findings = layout.findings;
    let mut drafts = Vec::new();
    match parse(source) {
        Ok(feature) => {
            let counted = (layout.scenarios, layout.steps);
            if findings.is_empty() && counted != count(&feature) {
                findings.push(unread(source, &feature, counted));
            }
            drafts = translate::feature(source, &feature, &mut findings);
        }
        // What the linter said is the reason, in better words.
        Err(finding) if findings.is_empty() => findings.push(finding),
        Err(_) => {}
    }
    let start = |finding: &Diagnostic| finding.place.as_ref().map(|place| place.span.start);
    findings.sort_by(|a, b| (start(a), &a.message).cmp(&(start(b), &b.message)));
    findings.dedup();
    (drafts, findings)
}

/// Reads a feature as it stands, outlines unexpanded.
///
/// # Errors
/// A finding at the line where the text stops being Gherkin.
pub fn parse(source: &Arc<Source>) -> Result<Feature, Diagnostic> {
    Feature::parse(&source.text, GherkinEnv::default()).map_err(|error| {
        // The parser tells its place in its message only: `Error at LINE:COLUMN: …`.
        let told = error.to_string();
        let line = told
            .strip_prefix("Error at ")
            .and_then(|rest| rest.split(':').next())
            .and_then(|line| line.parse().ok())
            .unwrap_or(1);
        let place = Place {
            source: Arc::clone(source),
            span: texts::line(&source.text, line),
        };
        Diagnostic::error(Some(place), "here the text stops being Gherkin")
            .label("not understood")
            .hint("a feature has `Background:`, `Scenario:`, `Scenario Outline:` with `Examples:`, `Rule:`, and steps that begin with Given, When, Then, And or But")
    })
}

/// Scenarios and steps that the parser read.
fn count(feature: &Feature) -> (usize, usize) {
    let rules = || feature.rules.iter();
    let scenarios = || {
        feature
            .scenarios
            .iter()
            .chain(rules().flat_map(|rule| &rule.scenarios))
    };
    let backgrounds = feature
        .background
        .iter()
        .chain(rules().filter_map(|rule| rule.background.as_ref()));
    let steps = backgrounds
        .map(|b| b.steps.len())
        .chain(scenarios().map(|s| s.steps.len()));
    (scenarios().count(), steps.sum())
}

/// The net below the linter: whatever else the parser might drop is told at least by its number.
fn unread(
    source: &Arc<Source>,
    feature: &Feature,
    (scenarios, steps): (usize, usize),
) -> Diagnostic {
    let (read_scenarios, read_steps) = count(feature);
    let span = texts::declared(&source.text, feature.span.start);
    let place = Place {
        source: Arc::clone(source),
        span,
    };
    let message = format!(
        "of {scenarios} scenarios with {steps} steps only {read_scenarios} with {read_steps} can be read"
    );
    Diagnostic::error(Some(place), message)
        .hint("look for keywords in the wrong place, and for text blocks and tables that end early")
}
