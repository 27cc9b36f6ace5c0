//! A parsed feature → drafts: outlines row by row, backgrounds before every scenario, names and tags. What steps mean
//! is told elsewhere.

use super::build::Build;
use super::{line, texts};
use crate::data::{Feed, Rows};
use crate::diagnostic::{Diagnostic, Place, Source};
use crate::name::Name;
use crate::plan::draft::Draft;
use gherkin::{Background, Feature, Scenario};
use std::sync::Arc;

/// The values of an example, by column; none outside outlines.
pub(super) type Values<'v> = Vec<(&'v str, &'v str)>;

/// Translates every scenario.
pub(super) fn feature(
    source: &Arc<Source>,
    feature: &Feature,
    findings: &mut Vec<Diagnostic>,
) -> Vec<Draft> {
    let mut drafts = Vec::new();
    let own = feature.background.iter().collect::<Vec<_>>();
    for scenario in &feature.scenarios {
        let around = Around {
            backgrounds: &own,
            tags: &[&feature.tags],
        };
        drafts.extend(expand(source, scenario, &around, findings));
    }
    for rule in &feature.rules {
        let backgrounds: Vec<_> = own.iter().copied().chain(&rule.background).collect();
        let around = Around {
            backgrounds: &backgrounds,
            tags: &[&feature.tags, &rule.tags],
        };
        for scenario in &rule.scenarios {
            drafts.extend(expand(source, scenario, &around, findings));
        }
    }
    drafts
}

/// What a scenario has from the feature and the rule around it.
struct Around<'a> {
    backgrounds: &'a [&'a Background],
    tags: &'a [&'a Vec<String>],
}

/// The drafts of a scenario: one, or one for each row of its examples.
fn expand(
    source: &Arc<Source>,
    scenario: &Scenario,
    around: &Around<'_>,
    findings: &mut Vec<Diagnostic>,
) -> Vec<Draft> {
    if scenario.examples.is_empty() {
        return one(
            source,
            scenario,
            around,
            &[],
            None,
            &mut Vec::new(),
            findings,
        )
        .into_iter()
        .collect();
    }
    let mut slugs = Vec::new();
    let mut drafts = Vec::new();
    for examples in &scenario.examples {
        let rows = examples
            .table
            .as_ref()
            .and_then(|table| table.rows.split_first());
        for (header, row) in rows
            .into_iter()
            .flat_map(|(header, rows)| rows.iter().map(move |row| (header, row)))
        {
            let values: Values<'_> = header
                .iter()
                .map(String::as_str)
                .zip(row.iter().map(String::as_str))
                .collect();
            drafts.extend(one(
                source,
                scenario,
                around,
                &examples.tags,
                Some(&values),
                &mut slugs,
                findings,
            ));
        }
    }
    drafts
}

/// One scenario, or one row of an outline; `slugs` are those its other rows have.
fn one(
    source: &Arc<Source>,
    scenario: &Scenario,
    around: &Around<'_>,
    tags: &[String],
    values: Option<&Values<'_>>,
    slugs: &mut Vec<String>,
    findings: &mut Vec<Diagnostic>,
) -> Option<Draft> {
    let place = Place {
        source: Arc::clone(source),
        span: texts::declared(&source.text, scenario.span.start),
    };
    let title = filled(&scenario.name, values, &place, findings);
    let name = name(&title, slugs, &place, findings);
    let mut all: Vec<String> = Vec::new();
    for tag in around
        .tags
        .iter()
        .copied()
        .flatten()
        .chain(&scenario.tags)
        .chain(tags)
    {
        if !all.contains(tag) {
            all.push(tag.clone());
        }
    }
    let mut build = Build::new(source, findings);
    for step in around
        .backgrounds
        .iter()
        .flat_map(|background| &background.steps)
    {
        build.step(step, None);
    }
    for step in &scenario.steps {
        build.step(step, values);
    }
    let (variables, steps) = build.end();
    Some(Draft {
        name: name?,
        title,
        tags: all,
        place,
        rows: Rows::default(),
        unread: false,
        feed: Feed::default(),
        variables,
        steps,
    })
}

/// A journey's name from a scenario's: its letters and digits in lower case with `-` between, and a number for the
/// further rows of an outline.
fn name(
    title: &str,
    slugs: &mut Vec<String>,
    place: &Place,
    findings: &mut Vec<Diagnostic>,
) -> Option<Name> {
    let lower = title.to_lowercase();
    let words = lower
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let slug = words.collect::<Vec<_>>().join("-");
    let before = slugs.iter().filter(|other| **other == slug).count();
    slugs.push(slug.clone());
    let suffix = if before == 0 {
        String::new()
    } else {
        format!("-{}", before + 1)
    };
    let kept: String = slug.chars().take(Name::MAX - suffix.len()).collect();
    let name = format!("{}{suffix}", kept.trim_end_matches('-')).parse();
    name.map_err(|_| {
        findings.push(
            Diagnostic::error(
                Some(place.clone()),
                "this scenario's name can't name a journey",
            )
            .hint("give it a name with letters from a to z or digits: gates and reports go by it"),
        );
    })
    .ok()
}

/// A text with an example's values in it.
pub(super) fn filled(
    text: &str,
    values: Option<&Values<'_>>,
    place: &Place,
    findings: &mut Vec<Diagnostic>,
) -> String {
    let (Some(values), Some(placeholder)) = (values, line::PLACEHOLDER.as_ref()) else {
        return text.to_owned();
    };
    let fill = |found: &regex::Captures<'_>| {
        let column = found.get(1).map_or("", |column| column.as_str());
        if let Some((_, value)) = values.iter().find(|(name, _)| *name == column) {
            return (*value).to_owned();
        }
        let columns: Vec<String> = values
            .iter()
            .map(|(name, _)| format!("`<{name}>`"))
            .collect();
        findings.push(
            Diagnostic::error(
                Some(place.clone()),
                format!("the examples have no column `{column}`"),
            )
            .hint(format!("they have {}", columns.join(", "))),
        );
        String::new()
    };
    placeholder.replace_all(text, fill).into_owned()
}
