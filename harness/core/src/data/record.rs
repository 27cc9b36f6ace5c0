//! One row's text → the row. Knows nothing of files.

use super::Format;
use crate::journey::Row;
use serde_json::Value;

/// A CSV file's columns, in order.
pub(crate) type Header = Vec<String>;

/// Reads a row; or why it is none, and the line of it (from 0) where that shows.
pub(crate) fn row(format: Format, header: &[String], bytes: &[u8]) -> Result<Row, (u64, String)> {
    let text = utf8(bytes)?;
    if format != Format::Csv {
        return serde_json::from_str(text).map_err(|error| {
            let line = (error.line() as u64).saturating_sub(1);
            (
                line,
                format!("not a JSON object: {}", without_place(&error)),
            )
        });
    }
    let fields = fields(text);
    if fields.len() != header.len() {
        let (has, wants) = (fields.len(), header.len());
        return Err((
            0,
            format!("this line has {has} fields, the header has {wants}"),
        ));
    }
    let columns = header.iter().cloned();
    Ok(columns.zip(fields.iter().map(Field::value)).collect())
}

/// Reads a header; or why it is none.
pub(crate) fn header(bytes: &[u8]) -> Result<Header, (u64, String)> {
    let fields = fields(utf8(bytes)?);
    let header: Header = fields.iter().map(|f| f.text.trim().to_owned()).collect();
    for (index, column) in header.iter().enumerate() {
        if column.is_empty() {
            return Err((0, format!("column {} of the header has no name", index + 1)));
        }
        if header.iter().take(index).any(|before| before == column) {
            return Err((0, format!("the header names column `{column}` twice")));
        }
    }
    Ok(header)
}

fn utf8(bytes: &[u8]) -> Result<&str, (u64, String)> {
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        let before = bytes.get(..at).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() as u64;
        return Err((line, "a NUL byte stands in it: this is no text".to_owned()));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = good.iter().filter(|byte| **byte == b'\n').count() as u64;
        let byte = bytes.get(error.valid_up_to()).copied().unwrap_or(0);
        (line, format!("byte 0x{byte:02x} is not UTF-8"))
    })
}

/// An error's words; where it is is told by whoever knows the whole file.
fn without_place(error: &serde_json::Error) -> String {
    let words = error.to_string();
    match words.split_once(" at line ") {
        Some((words, _)) => words.to_owned(),
        None => words,
    }
}

/// A field of a CSV record.
struct Field {
    text: String,
    quoted: bool,
}

impl Field {
    /// An unquoted number or boolean as JSON prints it becomes one; `007` and `1e3` don't: only what prints the same
    /// again loses nothing.
    fn value(&self) -> Value {
        let text = self.text.as_str();
        let maybe = !self.quoted
            && text
                .bytes()
                .next()
                .is_some_and(|b| b.is_ascii_digit() || matches!(b, b'-' | b't' | b'f'));
        let typed = maybe
            .then(|| serde_json::from_str::<Value>(text).ok())
            .flatten()
            .filter(|value| value.is_number() || value.is_boolean());
        let printed = typed.as_ref().map(Value::to_string);
        match typed {
            Some(typed) if printed.as_deref() == Some(text) => typed,
            _ => Value::String(text.to_owned()),
        }
    }
}

/// The fields of one record (RFC 4180); a quote that is not closed ends with the record.
fn fields(text: &str) -> Vec<Field> {
    let mut fields = Vec::new();
    let mut rest = text;
    loop {
        let (field, after) = field(rest);
        fields.push(field);
        match after.strip_prefix(',') {
            Some(more) => rest = more,
            None => return fields,
        }
    }
}

/// The first field, and the text from the comma on that ends it.
fn field(text: &str) -> (Field, &str) {
    let Some(mut quoted) = text.strip_prefix('"') else {
        let (plain, rest) = text.split_at(text.find(',').unwrap_or(text.len()));
        let text = plain.trim().to_owned();
        return (
            Field {
                text,
                quoted: false,
            },
            rest,
        );
    };
    let mut text = String::new();
    while let Some((piece, after)) = quoted.split_once('"') {
        text.push_str(piece);
        match after.strip_prefix('"') {
            Some(more) => {
                text.push('"');
                quoted = more;
            }
            None => {
                let (stray, rest) = after.split_at(after.find(',').unwrap_or(after.len()));
                text.push_str(stray.trim_end());
                return (Field { text, quoted: true }, rest);
            }
        }
    }
    text.push_str(quoted);
    (Field { text, quoted: true }, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn types_that_lose_nothing_are_kept() {
        let header = header(b"sku, n ,ok").unwrap();
        let row = |text: &str| json!(row(Format::Csv, &header, text.as_bytes()).unwrap());
        assert_eq!(row("007,2,true"), json!({"sku": "007", "n": 2, "ok": true}));
        assert_eq!(
            row("\"a \"\"b\"\", c\n\",\"2\",-"),
            json!({"sku": "a \"b\", c\n", "n": "2", "ok": "-"})
        );
        assert_eq!(
            row("1e3,-1.5,null"),
            json!({"sku": "1e3", "n": -1.5, "ok": "null"})
        );
    }

    #[test]
    fn a_header_names_each_column_once() {
        let refused = |text: &str| header(text.as_bytes()).unwrap_err().1;
        assert_eq!(refused("a,b, a"), "the header names column `a` twice");
        assert_eq!(refused("a,,b"), "column 2 of the header has no name");
    }

    #[test]
    fn a_broken_row_says_why_and_where() {
        let refused = |format, bytes: &[u8]| row(format, &["a".into()], bytes).unwrap_err();
        assert_eq!(
            refused(Format::Csv, b"1,2"),
            (0, "this line has 2 fields, the header has 1".into())
        );
        assert_eq!(
            refused(Format::Csv, b"\"x\n\xff\""),
            (1, "byte 0xff is not UTF-8".into())
        );
        assert_eq!(
            refused(Format::Csv, b"\"x\ny\0\""),
            (1, "a NUL byte stands in it: this is no text".into())
        );
        assert!(header(b"a\0,b").is_err());
        let (line, words) = refused(Format::JsonList, b"{\"a\":\n1 2}");
        assert_eq!(line, 1);
        assert!(
            words.starts_with("not a JSON object: ") && !words.contains("line"),
            "{words}"
        );
    }
}
