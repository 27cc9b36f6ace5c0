//! Shows what is wrong with a text a person wrote: file, line, caret, hint. Rendering only; the findings are `core`'s.

use harness_core::diagnostic::{Diagnostic, Severity};
use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, ThemeCharacters, ThemeStyles,
};
use std::fmt::Write as _;

/// Every finding, in order, and a line that counts them.
pub(crate) fn render(findings: &[Diagnostic], colour: bool) -> String {
    let theme = GraphicalTheme {
        characters: ThemeCharacters::unicode(),
        styles: if colour {
            ThemeStyles::ansi()
        } else {
            ThemeStyles::none()
        },
    };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(100)
        .with_links(false);
    let mut out = String::new();
    for finding in findings {
        let report = report(finding);
        // Writing to a String can't fail; a finding that can't be drawn is still said.
        if handler.render_report(&mut out, report.as_ref()).is_err() {
            let _ = writeln!(out, "{}", finding.message);
        }
    }
    let count = |severity| findings.iter().filter(|f| f.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let _ = writeln!(out, "{}", counted(errors, warnings));
    out
}

fn counted(errors: usize, warnings: usize) -> String {
    let words = |n: usize, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
    match (errors, warnings) {
        (e, 0) => words(e, "error"),
        (0, w) => words(w, "warning"),
        (e, w) => format!("{}, {}", words(e, "error"), words(w, "warning")),
    }
}

fn report(finding: &Diagnostic) -> miette::Report {
    let severity = match finding.severity {
        Severity::Error => miette::Severity::Error,
        Severity::Warning => miette::Severity::Warning,
    };
    let mut diagnostic = miette::MietteDiagnostic::new(&finding.message).with_severity(severity);
    if let Some(hint) = &finding.hint {
        diagnostic = diagnostic.with_help(hint);
    }
    let Some(place) = &finding.place else {
        return miette::Report::new(diagnostic);
    };
    let label = (!finding.label.is_empty()).then(|| finding.label.clone());
    // An empty span draws no caret; a missing thing is shown at the character where it should be.
    let length = place.span.len().max(1).min(
        place
            .source
            .text
            .len()
            .saturating_sub(place.span.start)
            .max(1),
    );
    diagnostic = diagnostic.with_label(LabeledSpan::new(label, place.span.start, length));
    miette::Report::new(diagnostic).with_source_code(NamedSource::new(
        &place.source.name,
        visible(&place.source.text),
    ))
}

/// The text without what a terminal would obey, each byte of it a question mark: places stay where they are.
fn visible(text: &str) -> String {
    let obeyed = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    if !text.contains(obeyed) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match obeyed(c) {
            true => out.extend(std::iter::repeat_n('?', c.len_utf8())),
            false => out.push(c),
        }
    }
    out
}

/// The same for programs: one object a finding.
pub(crate) fn json(findings: &[Diagnostic]) -> serde_json::Value {
    let one = |finding: &Diagnostic| {
        let position = finding.place.as_ref().map(|place| place.line_column());
        serde_json::json!({
            "severity": match finding.severity { Severity::Error => "error", Severity::Warning => "warning" },
            "message": finding.message,
            "file": finding.place.as_ref().map(|place| place.source.name.clone()),
            "line": position.map(|(line, _)| line),
            "column": position.map(|(_, column)| column),
            "hint": finding.hint,
        })
    };
    findings.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown_and_moves_nothing() {
        let text = "a = \"\u{1b}[31m\u{9b}x\"\n\tb";
        let shown = visible(text);
        assert_eq!(shown, "a = \"?[31m??x\"\n\tb");
        assert_eq!(shown.len(), text.len());
    }
}
