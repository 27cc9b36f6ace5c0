//! Lines of a feature by their first characters, and keywords as they were meant. Knows no order between lines.

use super::texts;
use crate::diagnostic::nearest;
use regex::Regex;
use std::sync::LazyLock;

/// What a section's keyword opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Feature,
    Rule,
    Background,
    Scenario,
    Outline,
    Examples,
}

const SECTIONS: [(&str, Section); 11] = [
    ("Feature", Section::Feature),
    ("Business Need", Section::Feature),
    ("Ability", Section::Feature),
    ("Rule", Section::Rule),
    ("Background", Section::Background),
    ("Scenario", Section::Scenario),
    ("Example", Section::Scenario),
    ("Scenario Outline", Section::Outline),
    ("Scenario Template", Section::Outline),
    ("Examples", Section::Examples),
    ("Scenarios", Section::Examples),
];

const STEPS: [&str; 6] = ["Given ", "When ", "Then ", "And ", "But ", "* "];

/// `<column>`, by the rule that expands outlines.
pub(super) static PLACEHOLDER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"<([^>\s](?:[^>\s]?|[^>\t\n\r\v\f]*[^>\s]))>").ok());

/// A line by its first characters.
pub(super) enum Line<'t> {
    Skip,
    Tags,
    Row,
    Fence(&'static str),
    Step(&'t str),
    Section(Section),
    Text,
}

/// What a trimmed line is.
pub(super) fn classify(line: &str) -> Line<'_> {
    if line.is_empty() || line.starts_with('#') {
        return Line::Skip;
    }
    let first = line.chars().next();
    if first == Some('@') {
        return Line::Tags;
    }
    if first == Some('|') {
        return Line::Row;
    }
    if let Some(fence) = ["\"\"\"", "```"].into_iter().find(|f| line.starts_with(f)) {
        return Line::Fence(fence);
    }
    if let Some(value) = STEPS.iter().find_map(|keyword| line.strip_prefix(keyword)) {
        return Line::Step(value.trim());
    }
    let head = line.split_once(':').map(|(head, _)| head);
    let section = SECTIONS.iter().find(|(keyword, _)| Some(*keyword) == head);
    section.map_or(Line::Text, |(_, section)| Line::Section(*section))
}

/// The columns of all examples.
pub(super) fn columns(text: &str) -> Vec<String> {
    let mut header = false;
    let mut columns = Vec::new();
    for (_, line) in texts::lines(text) {
        match classify(line) {
            Line::Section(section) => header = section == Section::Examples,
            Line::Row if header => {
                columns.extend(line.split('|').map(|cell| cell.trim().to_owned()));
                header = false;
            }
            _ => {}
        }
    }
    columns
}

/// The keyword that a line's head was meant to be.
pub(super) fn near_section(line: &str) -> Option<&'static str> {
    let (head, _) = line.split_once(':')?;
    let head = head.trim_start_matches('*').trim();
    let near = nearest(head, SECTIONS.map(|(keyword, _)| keyword))?;
    let distance = strsim::damerau_levenshtein(&head.to_lowercase(), &near.to_lowercase());
    // `Roles:` is not `Rule:`.
    (distance <= near.len() / 4).then_some(near)
}

/// The keyword that a line's first word was meant to be.
pub(super) fn near_step(line: &str) -> Option<&'static str> {
    let word = line.split([' ', '\t']).next()?;
    // Any short word is near to `*`.
    nearest(
        word,
        STEPS
            .map(str::trim_end)
            .into_iter()
            .filter(|step| *step != "*"),
    )
}
