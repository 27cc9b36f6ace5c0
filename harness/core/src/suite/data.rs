//! A data file that a journey names → its rows, with everything wrong with it told at its lines. Knows nothing of the
//! journeys that walk them.

use super::Sources;
use crate::data::{self, Format, NO_ROWS, Problem, Rows};
use crate::diagnostic::{Diagnostic, Place, Source};
use std::sync::Arc;

/// The rows of a file named at a place. An unquoted CSV field that is a number or a boolean as JSON prints it becomes
/// one; quote it to keep it text.
pub(crate) fn rows(
    sources: &Sources,
    name: &str,
    named: &Place,
    out: &mut Vec<Diagnostic>,
) -> Rows {
    let Some(format) = Format::of(name) else {
        let finding = Diagnostic::error(Some(named.clone()), format!("`{name}` is no data file"));
        out.push(finding.hint("data files end in .csv, .json or .jsonl"));
        return Rows::default();
    };
    match sources.streamed(name) {
        Some(Ok(file)) => return Rows::Streamed(Arc::clone(file)),
        Some(Err(problems)) => {
            out.extend(problems.iter().map(|problem| far(name, problem, named)));
            return Rows::default();
        }
        None => {}
    }
    match sources.referenced(name, named.clone()) {
        Err(finding) => {
            out.push(finding);
            Rows::default()
        }
        Ok(source) => held(source, format, out),
    }
}

fn held(source: &Arc<Source>, format: Format, out: &mut Vec<Diagnostic>) -> Rows {
    let (rows, problems) = data::rows(format, &source.text);
    if rows.is_empty() && problems.is_empty() {
        let finding = Diagnostic::error(Some(place(source, &(0..0))), NO_ROWS);
        out.push(finding.hint("a journey without data needs no file"));
    }
    let told = problems
        .into_iter()
        .map(|p| Diagnostic::error(Some(place(source, &p.span)), p.message));
    out.extend(told);
    rows.into_iter().collect()
}

/// What is wrong with a file whose text is not held: told where the file is named.
fn far(name: &str, problem: &Problem, named: &Place) -> Diagnostic {
    let message = match problem.message.as_str() {
        NO_ROWS => NO_ROWS.to_owned(),
        message => format!("`{name}`, line {}: {message}", problem.line),
    };
    Diagnostic::error(Some(named.clone()), message)
}

fn place(source: &Arc<Source>, span: &std::ops::Range<u64>) -> Place {
    let index = |offset: u64| {
        let mut at =
            usize::try_from(offset).map_or(source.text.len(), |at| at.min(source.text.len()));
        while !source.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let (start, end) = (index(span.start), index(span.end));
    let text = source.text.get(start..end).unwrap_or("");
    Place {
        source: Arc::clone(source),
        span: start..start + text.trim_end().len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn read(name: &str, text: &str) -> (Value, Vec<(usize, String)>) {
        let mut sources = Sources::new();
        sources.add(name, text);
        let source = Arc::new(Source {
            name: "journey".into(),
            text: String::new(),
        });
        let named = Place { source, span: 0..0 };
        let mut out = Vec::new();
        let rows = rows(&sources, name, &named, &mut out);
        let told = |d: Diagnostic| (d.place.map_or(0, |p| p.line_column().0), d.message);
        (json!(rows), out.into_iter().map(told).collect())
    }

    #[test]
    fn csv_keeps_types_that_lose_nothing() {
        let (rows, errors) = read(
            "d.csv",
            "sku,n,ok\r\n007,2,true\n\"a \"\"b\"\", c\",\"2\",x\n",
        );
        assert_eq!(
            rows,
            json!([{"sku": "007", "n": 2, "ok": true}, {"sku": "a \"b\", c", "n": "2", "ok": "x"}])
        );
        assert!(errors.is_empty());
    }

    #[test]
    fn every_bad_line_is_told() {
        let lines = |name, text| -> Vec<usize> {
            read(name, text)
                .1
                .into_iter()
                .map(|(line, _)| line)
                .collect()
        };
        assert_eq!(lines("d.csv", "a,b\n1\n1,2\n1,2,3\n\"x"), [2, 4, 5]);
        assert_eq!(lines("d.jsonl", "{\"a\":1}\n[]\nx\n"), [2, 3]);
        assert_eq!(lines("d.json", "{}"), [1]);
        assert_eq!(lines("d.json", "[{\"a\":1},\n2]"), [2]);
        assert_eq!(
            read("d.csv", "a,b\n").1,
            [(1, "the data file has no rows".to_owned())]
        );
        assert_eq!(read("d.txt", "a").1.len(), 1);
    }

    #[test]
    fn a_large_file_is_told_of_where_it_is_named() {
        let mut sources = Sources::new();
        let broken = Problem {
            line: 70_123,
            span: 9_000_000..9_000_004,
            message: "this line has 2 fields, the header has 3".into(),
        };
        sources.add_streamed("d.csv", Err(vec![broken]));
        let source = Arc::new(Source {
            name: "journey".into(),
            text: "data = \"d.csv\"".into(),
        });
        let named = Place {
            source,
            span: 7..14,
        };
        let mut out = Vec::new();
        assert!(rows(&sources, "d.csv", &named, &mut out).is_empty());
        assert_eq!(
            out[0].message,
            "`d.csv`, line 70123: this line has 2 fields, the header has 3"
        );
        assert_eq!(out[0].place, Some(named));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[a,\"\n\r{}\\[\\]:1ä]{0,40}", ending in "csv|json|jsonl") {
            let _ = read(&format!("d.{ending}"), &text);
        }
    }
}
