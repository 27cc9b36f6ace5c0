//! A data file's rows without the file in memory: one pass finds what is broken and remembers where every few kilobytes of
//! rows begin; any row is then read from one small block. Sans I/O: whoever has the file hands in its bytes.

use super::Format;
use super::reader::{Problem, Reader, slice};
use super::record::{self, Header};
use super::split::{Kind, Splitter};
use crate::journey::Row;
use sha2::{Digest as _, Sha256};
use std::ops::Range;

/// Bytes from which on a block of rows ends with its row.
const BLOCK: u64 = 4096;

/// Where a block of rows begins.
#[derive(Debug, Clone, Copy)]
struct Mark {
    row: u64,
    offset: u64,
}

/// Makes an [`Index`] of a file that is handed in piece by piece. Its memory is that of the longest row and of sixteen
/// bytes for each four kilobytes of the file.
#[derive(Debug)]
pub struct Indexer {
    reader: Reader,
    hash: Sha256,
    found: Found,
}

#[derive(Debug, Default)]
struct Found {
    marks: Vec<Mark>,
    rows: u64,
    end: u64,
    bytes: u64,
    /// Columns that every row has; `None` before the first.
    columns: Option<Vec<String>>,
}

impl Found {
    fn row(&mut self, csv: bool, span: Range<u64>, row: &Row) {
        if self
            .marks
            .last()
            .is_none_or(|mark| span.start - mark.offset >= BLOCK)
        {
            self.marks.push(Mark {
                row: self.rows,
                offset: span.start,
            });
        }
        self.rows += 1;
        self.end = span.end;
        match &mut self.columns {
            None => self.columns = Some(row.keys().cloned().collect()),
            // A CSV row has the header's columns, or is broken.
            Some(_) if csv => {}
            Some(columns) => columns.retain(|column| row.contains_key(column)),
        }
    }
}

impl Indexer {
    /// For a file of this format.
    pub fn new(format: Format) -> Self {
        Self {
            reader: Reader::new(format),
            hash: Sha256::new(),
            found: Found::default(),
        }
    }

    /// Takes the next bytes; the first ones at least three, if the file has them.
    pub fn feed(&mut self, bytes: &[u8]) {
        let Self {
            reader,
            hash,
            found,
        } = self;
        hash.update(bytes);
        found.bytes += bytes.len() as u64;
        let csv = reader.format() == Format::Csv;
        reader.feed(bytes, &mut |span, row| found.row(csv, span, &row));
    }

    /// The index, or what is wrong with the file, at most some twenty problems of it.
    pub fn finish(self) -> Result<Index, Vec<Problem>> {
        let Self {
            reader,
            hash,
            mut found,
        } = self;
        let format = reader.format();
        let csv = format == Format::Csv;
        let (header, mut problems) = reader.finish(&mut |span, row| found.row(csv, span, &row));
        if problems.is_empty() && found.rows == 0 {
            problems.push(Problem {
                line: 1,
                span: 0..0,
                message: super::NO_ROWS.to_owned(),
            });
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Index {
            format,
            header,
            marks: found.marks,
            rows: found.rows,
            end: found.end,
            bytes: found.bytes,
            columns: found.columns.unwrap_or_default(),
            sha256: hash.finalize().iter().map(|b| format!("{b:02x}")).collect(),
        })
    }
}

/// Where the rows of a file stand.
#[derive(Debug)]
pub struct Index {
    format: Format,
    header: Header,
    marks: Vec<Mark>,
    rows: u64,
    end: u64,
    bytes: u64,
    columns: Vec<String>,
    sha256: String,
}

/// A stretch of a file that holds whole rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Which block, from 0.
    pub number: usize,
    /// Its first row.
    pub first: u64,
    /// Its bytes in the file; some kilobytes, or one long row.
    pub bytes: Range<u64>,
}

impl Index {
    /// How many rows there are; at least one.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes of the file.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The columns that every row has.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// SHA-256 of the file, hex.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The block that holds a row; `None` beyond the last row.
    pub fn block(&self, row: u64) -> Option<Block> {
        if row >= self.rows {
            return None;
        }
        let number = self
            .marks
            .partition_point(|mark| mark.row <= row)
            .checked_sub(1)?;
        let mark = self.marks.get(number)?;
        let end = self
            .marks
            .get(number + 1)
            .map_or(self.end, |next| next.offset);
        Some(Block {
            number,
            first: mark.row,
            bytes: mark.offset..end,
        })
    }

    /// The rows of a block whose bytes were read. An error means that they are not those that were indexed.
    pub fn read(&self, block: &Block, bytes: &[u8]) -> Result<Vec<Row>, String> {
        let wanted = self
            .marks
            .get(block.number + 1)
            .map_or(self.rows, |next| next.row)
            - block.first;
        let mut splitter = Splitter::part(self.format);
        let mut pieces = Vec::new();
        splitter.feed(bytes, &mut pieces);
        splitter.finish(&mut pieces);
        let rows = pieces.into_iter().map(|piece| match piece.kind {
            Kind::Record => {
                let bytes = slice(bytes, 0, &(piece.start..piece.end));
                record::row(self.format, &self.header, bytes).map_err(|(_, words)| words)
            }
            _ => Err("its rows stand elsewhere now".to_owned()),
        });
        let rows: Vec<Row> = rows.collect::<Result<_, _>>()?;
        if rows.len() as u64 == wanted {
            Ok(rows)
        } else {
            Err(format!("{} rows stand where {wanted} stood", rows.len()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::reader::rows;
    use super::*;
    use proptest::prelude::*;

    fn index(format: Format, bytes: &[u8], step: usize) -> Result<Index, Vec<Problem>> {
        let mut indexer = Indexer::new(format);
        bytes.chunks(step).for_each(|chunk| indexer.feed(chunk));
        indexer.finish()
    }

    /// Every row by way of its block.
    fn streamed(index: &Index, bytes: &[u8]) -> Vec<Row> {
        let row = |row: u64| {
            let block = index.block(row).unwrap();
            let range = block.bytes.start as usize..block.bytes.end as usize;
            let rows = index.read(&block, &bytes[range]).unwrap();
            rows[(row - block.first) as usize].clone()
        };
        (0..index.rows()).map(row).collect()
    }

    #[test]
    fn many_blocks_give_the_rows_that_one_text_gives() {
        let mut text = String::from("\u{feff}id,say\r\n");
        for n in 0..2000 {
            text.push_str(&format!("{n},\"line one\nline \"\"{n}\"\", two\"\r\n\r\n"));
        }
        let found = index(Format::Csv, text.as_bytes(), 1000).unwrap();
        assert!(found.marks.len() > 10, "{}", found.marks.len());
        let (held, problems) = rows(Format::Csv, &text);
        assert_eq!((problems, held.len()), (vec![], 2000));
        assert_eq!(streamed(&found, text.as_bytes()), held);
        assert_eq!(found.columns(), ["id", "say"]);
        assert!(found.block(2000).is_none());
    }

    #[test]
    fn other_bytes_in_a_block_are_told() {
        let text = "a\n1\n2\n";
        let found = index(Format::Csv, text.as_bytes(), 64).unwrap();
        let block = found.block(0).unwrap();
        assert_eq!(found.read(&block, b"1\n2").unwrap().len(), 2);
        assert!(found.read(&block, b"1").is_err());
        assert!(found.read(&block, b"1,2\n3").is_err());
        assert!(found.read(&block, b"\xff\n3").is_err());
    }

    #[test]
    fn broken_rows_are_told_by_line_and_not_without_end() {
        let text = format!("a\n{}", "1,2\n".repeat(100));
        let problems = index(Format::Csv, text.as_bytes(), 7).unwrap_err();
        assert_eq!(
            (problems.len(), problems[0].line, problems[19].line),
            (21, 2, 21)
        );
        assert_eq!(
            problems[20].message,
            "80 more places after this one are broken"
        );
        let empty = index(Format::JsonList, b" [ ] ", 3).unwrap_err();
        assert_eq!(empty[0].message, "the data file has no rows");
    }

    #[test]
    fn only_columns_of_every_row_count() {
        let found = index(
            Format::JsonLines,
            b"{\"a\":1,\"b\":2}\n{\"b\":3,\"c\":4}\n",
            5,
        )
        .unwrap();
        assert_eq!(found.columns(), ["b"]);
    }

    fn csv() -> impl Strategy<Value = String> {
        let field = "[a-z0-9 ,\"\n\r|é]{0,6}";
        let row = prop::collection::vec(field, 3);
        prop::collection::vec(row, 1..60).prop_map(|rows| {
            let quoted = |field: &String| format!("\"{}\"", field.replace('"', "\"\""));
            let line = |row: &Vec<String>| row.iter().map(quoted).collect::<Vec<_>>().join(",");
            let lines: Vec<String> = rows.iter().map(line).collect();
            format!("a,b,c\n{}\n", lines.join("\r\n"))
        })
    }

    fn json() -> impl Strategy<Value = Vec<Row>> {
        let row = prop::collection::btree_map("[a-c\"\\\\]{1,3}", "[ -~\n]{0,9}", 0..4);
        let row = row.prop_map(|row| row.into_iter().map(|(k, v)| (k, v.into())).collect());
        prop::collection::vec(row, 1..60)
    }

    proptest! {
        #[test]
        fn streamed_csv_equals_held(text in csv(), step in 1usize..200) {
            let found = index(Format::Csv, text.as_bytes(), step).unwrap();
            let (held, problems) = rows(Format::Csv, &text);
            prop_assert_eq!(problems, vec![]);
            prop_assert_eq!(streamed(&found, text.as_bytes()), held);
        }

        #[test]
        fn streamed_json_equals_what_was_written(all in json(), step in 1usize..200, wide: bool) {
            let lines: Vec<String> = all.iter().map(|row| serde_json::json!(row).to_string()).collect();
            let list = if wide { serde_json::to_string_pretty(&all).unwrap() } else { serde_json::to_string(&all).unwrap() };
            for (format, text) in [(Format::JsonLines, lines.join("\n")), (Format::JsonList, list)] {
                let found = index(format, text.as_bytes(), step).unwrap();
                prop_assert_eq!(&rows(format, &text).0, &all);
                prop_assert_eq!(&streamed(&found, text.as_bytes()), &all);
            }
        }

        #[test]
        fn any_text_is_rows_or_problems_and_the_same_both_ways(text in "[a,\"\n\r{}\\[\\]:1ä\\\\ ]{0,60}", step in 3usize..9) {
            for format in [Format::Csv, Format::JsonLines, Format::JsonList] {
                let (held, problems) = rows(format, &text);
                match index(format, text.as_bytes(), step) {
                    Ok(found) => {
                        prop_assert_eq!(&problems, &vec![]);
                        prop_assert_eq!(streamed(&found, text.as_bytes()), held);
                    }
                    Err(told) if held.is_empty() && problems.is_empty() => prop_assert_eq!(told.len(), 1),
                    Err(told) => prop_assert_eq!(told, problems),
                }
            }
        }
    }
}
