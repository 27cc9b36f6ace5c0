//! Refuses what a Gherkin parser would lose without a word: a mistyped keyword turns the lines below it into a
//! description, an outline without rows runs nothing. Goes line by line; knows no step's meaning.

use super::line::{Line, PLACEHOLDER, Section, classify, columns, near_section, near_step};
use super::{steps, texts};
use crate::diagnostic::{Diagnostic, Place, Source};
use std::ops::Range;
use std::sync::Arc;

/// What stands in a feature's text.
pub(super) struct Layout {
    /// Scenarios, outlines unexpanded.
    pub(super) scenarios: usize,
    /// Steps, those of backgrounds included.
    pub(super) steps: usize,
    /// What would be lost.
    pub(super) findings: Vec<Diagnostic>,
}

/// A background, scenario or outline whose steps are being read.
struct Block {
    section: Section,
    span: Range<usize>,
    steps: usize,
    examples: usize,
    /// Findings before it; more of them explain why it is empty.
    before: usize,
}

/// Examples whose rows are being read.
struct Examples {
    span: Range<usize>,
    columns: Option<usize>,
    rows: usize,
}

struct Linter<'s> {
    source: &'s Arc<Source>,
    layout: Layout,
    feature: Option<Range<usize>>,
    /// The rule being read, or the feature before its first rule: its place, its scenarios.
    group: Option<(Range<usize>, usize)>,
    rules: usize,
    background: bool,
    block: Option<Block>,
    examples: Option<Examples>,
    /// The line before is a step, which a text block may follow.
    takes_block: bool,
    fence: Option<(&'static str, Range<usize>)>,
    /// Names of columns in the whole file.
    columns: Vec<String>,
}

/// Looks through a feature's text.
pub(super) fn lint(source: &Arc<Source>) -> Layout {
    let mut linter = Linter {
        source,
        layout: Layout {
            scenarios: 0,
            steps: 0,
            findings: Vec::new(),
        },
        feature: None,
        group: None,
        rules: 0,
        background: false,
        block: None,
        examples: None,
        takes_block: false,
        fence: None,
        columns: columns(&source.text),
    };
    if linter.begins_well() {
        for (span, line) in texts::lines(&source.text) {
            linter.line(span, line);
        }
        linter.end();
    }
    linter.layout
}

impl Linter<'_> {
    fn place(&self, span: &Range<usize>) -> Place {
        Place {
            source: Arc::clone(self.source),
            span: span.clone(),
        }
    }

    fn error(&mut self, span: &Range<usize>, message: impl Into<String>, hint: impl Into<String>) {
        let finding = Diagnostic::error(Some(self.place(span)), message).hint(hint);
        self.layout.findings.push(finding);
    }

    /// The file has a feature, in English, before anything else.
    fn begins_well(&mut self) -> bool {
        let source = self.source;
        let language = texts::lines(&source.text)
            .find(|(_, line)| !line.is_empty())
            .filter(|(_, line)| {
                let tongue = line
                    .strip_prefix('#')
                    .and_then(|rest| rest.trim_start().strip_prefix("language"))
                    .and_then(|rest| rest.trim_start().strip_prefix(':'));
                tongue.is_some_and(|tongue| tongue.trim() != "en")
            });
        if let Some((span, _)) = language {
            self.error(
                &span,
                "steps and keywords are English here",
                "remove this line and write `Feature:`, `Scenario:`, `Given` …",
            );
            return false;
        }
        let first = texts::lines(&source.text)
            .find(|(_, line)| !matches!(classify(line), Line::Skip | Line::Tags));
        match first {
            None => {
                self.error(
                    &(0..0),
                    "this file has no feature",
                    "begin with `Feature: NAME`, or delete the file",
                );
                false
            }
            Some((_, line)) if matches!(classify(line), Line::Section(Section::Feature)) => true,
            Some((span, line)) => {
                let hint = match near_section(line) {
                    Some("Feature") => "did you mean `Feature:`?",
                    _ => "begin with `Feature: NAME`",
                };
                self.error(&span, "a feature file begins with `Feature:`", hint);
                false
            }
        }
    }

    fn line(&mut self, span: Range<usize>, line: &str) {
        if let Some((fence, _)) = &self.fence {
            let closed = line.contains(fence);
            self.placeholders(&span, line, false);
            if closed {
                self.fence = None;
            }
            return;
        }
        match classify(line) {
            Line::Skip => {}
            Line::Tags => self.takes_block = false,
            Line::Section(section) => self.section(section, span),
            Line::Step(value) if self.block.is_some() => self.step(&span, value),
            Line::Fence(fence) if self.block.is_some() => {
                if !self.takes_block {
                    self.error(
                        &span,
                        "this text block follows no step",
                        "a step has at most one text block, directly below it",
                    );
                }
                self.takes_block = false;
                let inner = line.strip_prefix(fence).unwrap_or_default();
                self.fence = (!inner.contains(fence)).then_some((fence, span));
            }
            Line::Row if self.examples.is_some() => self.row(&span, line),
            Line::Row if self.block.as_ref().is_some_and(|block| block.steps > 0) => {
                self.placeholders(&span, line, false);
                self.takes_block = false;
            }
            Line::Step(_) | Line::Fence(_) | Line::Row | Line::Text => self.text(&span, line),
        }
    }

    fn section(&mut self, section: Section, span: Range<usize>) {
        self.takes_block = false;
        self.end_examples();
        if section != Section::Examples {
            self.end_block();
        }
        match section {
            Section::Feature if self.feature.is_some() => {
                self.error(
                    &span,
                    "a second feature in one file would not be run",
                    "move it to a file of its own",
                );
            }
            Section::Feature => {
                self.feature = Some(span.clone());
                self.group = Some((span, 0));
            }
            Section::Rule => {
                self.end_group();
                self.rules += 1;
                self.background = false;
                self.group = Some((span, 0));
            }
            Section::Background => {
                let late = self
                    .group
                    .as_ref()
                    .is_some_and(|(_, scenarios)| *scenarios > 0);
                if late || self.background {
                    self.error(
                        &span,
                        "a background stands once, before the scenarios",
                        "move these steps to the first `Background:`",
                    );
                }
                self.background = true;
                self.open(section, span);
            }
            Section::Scenario | Section::Outline => {
                self.layout.scenarios += 1;
                if let Some((_, scenarios)) = &mut self.group {
                    *scenarios += 1;
                }
                self.open(section, span);
            }
            Section::Examples => {
                match &mut self.block {
                    Some(block) if block.section != Section::Background => block.examples += 1,
                    _ => self.error(
                        &span,
                        "these examples belong to no scenario",
                        "put them below the steps of a `Scenario Outline:`",
                    ),
                }
                self.examples = Some(Examples {
                    span,
                    columns: None,
                    rows: 0,
                });
            }
        }
    }

    fn open(&mut self, section: Section, span: Range<usize>) {
        let before = self.layout.findings.len();
        self.block = Some(Block {
            section,
            span,
            steps: 0,
            examples: 0,
            before,
        });
    }

    fn step(&mut self, span: &Range<usize>, value: &str) {
        if self.examples.is_some() {
            self.error(
                span,
                "a step can't follow the examples",
                "move it above `Examples:`",
            );
        }
        self.placeholders(span, value, true);
        if let Some(block) = &mut self.block {
            block.steps += 1;
        }
        self.layout.steps += 1;
        self.takes_block = true;
    }

    fn row(&mut self, span: &Range<usize>, line: &str) {
        let cells = texts::cells(line);
        let Some(examples) = &mut self.examples else {
            return;
        };
        let columns = *examples.columns.get_or_insert(cells.unwrap_or(0));
        examples.rows += 1;
        if cells.is_none() {
            self.error(
                span,
                "this row is not closed",
                "end it with `|`; a bar inside a cell is written `\\|`",
            );
        } else if cells != Some(columns) {
            let message = format!(
                "this row has {} cells, the first one has {columns}",
                cells.unwrap_or(0)
            );
            self.error(
                span,
                message,
                "give every row as many cells; a bar inside a cell is written `\\|`",
            );
        }
    }

    /// `<x>` is never filled in a background. In a text block it may be markup, so there only names of columns count.
    fn placeholders(&mut self, span: &Range<usize>, text: &str, any: bool) {
        let Some(Block {
            section: Section::Background,
            ..
        }) = self.block
        else {
            return;
        };
        let Some(regex) = PLACEHOLDER.as_ref() else {
            return;
        };
        for found in regex.captures_iter(text) {
            let name = found.get(1).map_or("", |name| name.as_str());
            if any || self.columns.iter().any(|column| column == name) {
                let message = format!("`<{name}>` is not filled in a background");
                self.error(
                    span,
                    message,
                    "examples reach only the steps of their own outline: move this step there",
                );
            }
        }
    }

    /// A line without a keyword: prose below a feature or a rule, else a loss.
    fn text(&mut self, span: &Range<usize>, line: &str) {
        self.takes_block = false;
        if self.block.is_some() {
            let hint = match near_section(line) {
                Some(keyword) => format!("did you mean `{keyword}:`?"),
                None => match near_step(line) {
                    Some(keyword) => format!("did you mean `{keyword}`?"),
                    None => {
                        "put `#` before a note; prose stands below `Feature:` or `Rule:`".to_owned()
                    }
                },
            };
            self.error(span, "this line is no step and would not be run", hint);
        } else if let Some(keyword) = near_section(line) {
            let hint = format!("did you mean `{keyword}:`?");
            self.error(
                span,
                "this line is read as a description, and what follows it too",
                hint,
            );
        } else if matches!(classify(line), Line::Step(value) if steps::known(value)) {
            self.error(
                span,
                "this step belongs to no scenario and would not be run",
                "put `Scenario: NAME` above it",
            );
        }
    }

    fn end_examples(&mut self) {
        if let Some(examples) = self.examples.take().filter(|examples| examples.rows < 2) {
            self.error(
                &examples.span,
                "these examples have no rows: nothing would be run",
                "below the row of names add a row for each run",
            );
        }
    }

    fn end_block(&mut self) {
        let Some(block) = self.block.take() else {
            return;
        };
        if block.steps == 0 && self.layout.findings.len() == block.before {
            let what = if block.section == Section::Background {
                "background"
            } else {
                "scenario"
            };
            let message = format!("this {what} has no steps");
            self.error(
                &block.span,
                message,
                "steps begin with Given, When, Then, And or But",
            );
        }
        if block.section == Section::Outline && block.examples == 0 {
            self.error(
                &block.span,
                "this outline has no examples",
                "add `Examples:` with a table, or write `Scenario:`",
            );
        }
    }

    fn end_group(&mut self) {
        let Some((span, 0)) = self.group.take() else {
            return;
        };
        let is_feature = self.feature.as_ref() == Some(&span);
        if !is_feature && self.layout.findings.is_empty() {
            self.error(
                &span,
                "this rule has no scenarios",
                "add `Scenario: NAME` with steps below it",
            );
        }
    }

    fn end(&mut self) {
        if let Some((fence, span)) = self.fence.take() {
            self.error(
                &span,
                "this text block is never closed",
                format!("close it with `{fence}`"),
            );
        }
        self.end_examples();
        self.end_block();
        self.end_group();
        let empty =
            self.layout.scenarios == 0 && self.rules == 0 && self.layout.findings.is_empty();
        let feature = self.feature.take().filter(|_| empty);
        if let Some(span) = feature {
            self.error(
                &span,
                "this feature has no scenarios",
                "add `Scenario: NAME` with steps below it",
            );
        }
    }
}
