//! Data files → rows. CSV with a header line, a JSON list of objects, or one JSON object per line. Knows nothing of
//! the journeys that walk the rows.

use crate::diagnostic::{Diagnostic, Place, Source};
use crate::journey::Row;
use serde_json::Value;
use std::ops::Range;
use std::sync::Arc;

/// Reads a data file by the ending of its name. An unquoted CSV field that is a number or a boolean as JSON prints
/// it becomes one; quote it to keep it text.
pub(crate) fn rows(source: &Arc<Source>, named: &Place, out: &mut Vec<Diagnostic>) -> Vec<Row> {
    let mut reader = Reader { source, out };
    let found = match source.name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("csv") => reader.csv(),
        Some("json") => reader.json(),
        Some("jsonl" | "ndjson") => reader.jsonl(),
        _ => {
            let message = format!("`{}` is no data file", source.name);
            out.push(
                Diagnostic::error(Some(named.clone()), message)
                    .hint("data files end in .csv, .json or .jsonl"),
            );
            return Vec::new();
        }
    };
    if found.is_empty()
        && !out.iter().any(|d| {
            d.place
                .as_ref()
                .is_some_and(|p| p.source.name == source.name)
        })
    {
        let place = Place {
            source: Arc::clone(source),
            span: 0..0,
        };
        out.push(
            Diagnostic::error(Some(place), "the data file has no rows")
                .hint("a journey without data needs no file"),
        );
    }
    found
}

struct Reader<'r> {
    source: &'r Arc<Source>,
    out: &'r mut Vec<Diagnostic>,
}

impl Reader<'_> {
    fn error(&mut self, span: Range<usize>, message: impl Into<String>) {
        let place = Place {
            source: Arc::clone(self.source),
            span,
        };
        self.out.push(Diagnostic::error(Some(place), message));
    }

    fn json(&mut self) -> Vec<Row> {
        let text = self.source.text.clone();
        match serde_json::from_str::<Value>(&text) {
            Ok(Value::Array(items)) => items
                .into_iter()
                .enumerate()
                .filter_map(|(n, item)| match item {
                    Value::Object(row) => Some(row),
                    _ => {
                        self.error(0..0, format!("row {} is not an object", n + 1));
                        None
                    }
                })
                .collect(),
            Ok(_) => {
                self.error(0..0, "a JSON data file must be a list of objects");
                Vec::new()
            }
            Err(error) => {
                let at = offset(&text, error.line(), error.column());
                self.error(at..at, format!("not valid JSON: {error}"));
                Vec::new()
            }
        }
    }

    fn jsonl(&mut self) -> Vec<Row> {
        let text = self.source.text.clone();
        let mut rows = Vec::new();
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let span = start..start + line.trim_end().len();
            start += line.len();
            if line.trim().is_empty() {
                continue;
            }
            match serde_json::from_str::<Row>(line) {
                Ok(row) => rows.push(row),
                Err(error) => self.error(span, format!("not a JSON object: {error}")),
            }
        }
        rows
    }

    fn csv(&mut self) -> Vec<Row> {
        let text = self.source.text.clone();
        let mut records = Records { text: &text, at: 0 };
        let header = match records.next() {
            None => return Vec::new(),
            Some(Err(span)) => {
                self.error(span, "a quoted field never ends");
                return Vec::new();
            }
            Some(Ok((_, fields))) => fields,
        };
        let mut rows = Vec::new();
        for record in records {
            match record {
                Err(span) => self.error(span, "a quoted field never ends"),
                Ok((span, fields)) if fields.len() != header.len() => {
                    let (has, wants) = (fields.len(), header.len());
                    self.error(
                        span,
                        format!("this line has {has} fields, the header has {wants}"),
                    );
                }
                Ok((_, fields)) => {
                    let columns = header.iter().map(|column| column.text.trim().to_owned());
                    rows.push(columns.zip(fields.iter().map(Field::value)).collect());
                }
            }
        }
        rows
    }
}

/// A field of a CSV record.
struct Field {
    text: String,
    quoted: bool,
}

impl Field {
    fn value(&self) -> Value {
        let text = self.text.as_str();
        let typed = serde_json::from_str::<Value>(text).ok();
        // `007` and `1e3` are no numbers here: only what prints the same again loses nothing.
        let same = typed.filter(|value| {
            let printed = value.to_string();
            !self.quoted && (value.is_number() || value.is_boolean()) && printed == text
        });
        same.unwrap_or_else(|| Value::String(text.to_owned()))
    }
}

/// The records of a CSV text (RFC 4180; blank lines skipped).
struct Records<'t> {
    text: &'t str,
    at: usize,
}

impl Iterator for Records<'_> {
    /// The record's bytes and fields; or where a quoted field began that never ends.
    type Item = Result<(Range<usize>, Vec<Field>), Range<usize>>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.text.get(self.at..)?;
        self.at += rest.len() - rest.trim_start_matches(['\r', '\n']).len();
        let start = self.at;
        if start >= self.text.len() {
            return None;
        }
        let mut fields = Vec::new();
        loop {
            match self.field() {
                Ok(field) => fields.push(field),
                Err(span) => {
                    self.at = self.text.len();
                    return Some(Err(span));
                }
            }
            match self.text.as_bytes().get(self.at) {
                Some(b',') => self.at += 1,
                _ => return Some(Ok((start..self.at, fields))),
            }
        }
    }
}

impl Records<'_> {
    fn field(&mut self) -> Result<Field, Range<usize>> {
        let rest = self.text.get(self.at..).unwrap_or("");
        let Some(mut quoted) = rest.strip_prefix('"') else {
            let end = rest.find([',', '\r', '\n']).unwrap_or(rest.len());
            let (text, _) = rest.split_at(end);
            self.at += end;
            return Ok(Field {
                text: text.trim().to_owned(),
                quoted: false,
            });
        };
        let opened = self.at;
        let mut text = String::new();
        self.at += 1;
        while let Some((piece, after)) = quoted.split_once('"') {
            text.push_str(piece);
            self.at += piece.len() + 1;
            match after.strip_prefix('"') {
                Some(more) => {
                    text.push('"');
                    self.at += 1;
                    quoted = more;
                }
                None => {
                    let stray = after.find([',', '\r', '\n']).unwrap_or(after.len());
                    text.push_str(after.get(..stray).unwrap_or("").trim_end());
                    self.at += stray;
                    return Ok(Field { text, quoted: true });
                }
            }
        }
        Err(opened..self.text.len().min(opened + 1))
    }
}

/// The byte at a line and column, both from 1.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    let mut at = (before + column.saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn read(name: &str, text: &str) -> (Value, Vec<String>) {
        let source = Arc::new(Source {
            name: name.into(),
            text: text.into(),
        });
        let mut out = Vec::new();
        let named = Place {
            source: Arc::clone(&source),
            span: 0..0,
        };
        let rows = rows(&source, &named, &mut out);
        (json!(rows), out.into_iter().map(|d| d.message).collect())
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
        assert_eq!(read("d.csv", "a,b\n1\n1,2\n1,2,3\n\"x").1.len(), 3);
        assert_eq!(read("d.jsonl", "{\"a\":1}\n[]\nx\n").1.len(), 2);
        assert_eq!(read("d.json", "{}").1.len(), 1);
        assert_eq!(read("d.csv", "a,b\n").1, ["the data file has no rows"]);
        assert_eq!(read("d.txt", "a").1.len(), 1);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[a,\"\n\r{}\\[\\]:1ä]{0,40}", ending in "csv|json|jsonl") {
            let _ = read(&format!("d.{ending}"), &text);
        }
    }
}
