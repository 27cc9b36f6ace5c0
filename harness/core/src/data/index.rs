//! A data file's rows without the file in memory: one pass finds what is broken and remembers where every few kilobytes of
//! rows begin; any row is then read from one small block. Sans I/O: whoever has the file hands in its bytes.

use super::Format;
use super::record::{self, Header};
use super::split::{Kind, Piece, Splitter};
use crate::journey::Row;
use sha2::{Digest as _, Sha256};
use std::ops::Range;

/// Bytes one row may have: a longer one is a quote that was not closed.
pub const ROW_LIMIT: u64 = 1 << 20;
/// Bytes from which on a block of rows ends with its row.
const BLOCK: u64 = 4096;
/// Broken rows told one by one.
const TOLD: usize = 20;
/// What some editors write before the text.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// What is wrong with a data file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1.
    pub line: u64,
    /// The bytes at fault, in the file.
    pub span: Range<u64>,
    /// One sentence, lower case.
    pub message: String,
}

/// Reads rows from bytes handed in piece by piece.
#[derive(Debug)]
pub(super) struct Reader {
    format: Format,
    splitter: Splitter,
    /// Bytes from the begin of the row under way.
    held: Vec<u8>,
    held_at: u64,
    header: Option<Header>,
    problems: Vec<Problem>,
    untold: u64,
    lost: bool,
    pieces: Vec<Piece>,
}

impl Reader {
    pub(super) fn new(format: Format) -> Self {
        Self {
            format,
            splitter: Splitter::new(format, 0),
            held: Vec::new(),
            held_at: 0,
            header: None,
            problems: Vec::new(),
            untold: 0,
            lost: false,
            pieces: Vec::new(),
        }
    }

    /// Takes the next bytes; `each` is told where a row begins and ends, and the row.
    pub(super) fn feed(&mut self, mut bytes: &[u8], each: &mut dyn FnMut(Range<u64>, Row)) {
        if self.lost {
            return;
        }
        if self.held_at == 0
            && self.held.is_empty()
            && let Some(text) = bytes.strip_prefix(BYTE_ORDER_MARK)
        {
            self.held_at = BYTE_ORDER_MARK.len() as u64;
            self.splitter = Splitter::new(self.format, self.held_at);
            bytes = text;
        }
        self.held.extend_from_slice(bytes);
        self.splitter.feed(bytes, &mut self.pieces);
        self.take(each);
        let needed = self.splitter.needed();
        let gone = usize::try_from(needed - self.held_at).unwrap_or(usize::MAX);
        self.held.drain(..gone.min(self.held.len()));
        self.held_at = needed;
        if self.held.len() as u64 > ROW_LIMIT {
            self.too_long(needed..needed + 1, self.splitter.needed_line());
            self.lost = true;
        }
    }

    /// There are no more bytes: what is wrong with them, in order of line.
    pub(super) fn finish(
        mut self,
        each: &mut dyn FnMut(Range<u64>, Row),
    ) -> (Header, Vec<Problem>) {
        if !self.lost {
            self.splitter.finish(&mut self.pieces);
            self.take(each);
        }
        if self.untold > 0 {
            let last = self
                .problems
                .last()
                .map_or((1, 0..0), |p| (p.line, p.span.clone()));
            self.problems.push(Problem {
                line: last.0,
                span: last.1,
                message: format!("{} more places after this one are broken", self.untold),
            });
        }
        (self.header.unwrap_or_default(), self.problems)
    }

    fn take(&mut self, each: &mut dyn FnMut(Range<u64>, Row)) {
        let mut pieces = std::mem::take(&mut self.pieces);
        for piece in pieces.drain(..) {
            let span = piece.start..piece.end;
            let message = match piece.kind {
                Kind::Record => {
                    self.record(piece, each);
                    continue;
                }
                Kind::Endless if self.format == Format::Csv => "a quoted field never ends",
                Kind::Endless => "the list never ends",
                Kind::Missing => "there is a comma, and no row",
                Kind::Stray => "something stands behind the end of the list",
                Kind::NoList => "a JSON data file must be a list of objects",
            };
            self.problem(piece.line, span, message.to_owned());
        }
        self.pieces = pieces;
    }

    fn record(&mut self, piece: Piece, each: &mut dyn FnMut(Range<u64>, Row)) {
        let span = piece.start..piece.end;
        if piece.end - piece.start > ROW_LIMIT {
            return self.too_long(span, piece.line);
        }
        let bytes = slice(&self.held, self.held_at, &span);
        let broken = match &self.header {
            _ if self.lost => return,
            None if self.format == Format::Csv => match record::header(bytes) {
                Ok(header) => {
                    self.header = Some(header);
                    return;
                }
                // Without it no row can be told from another.
                Err(broken) => {
                    self.lost = true;
                    broken
                }
            },
            header => {
                match record::row(self.format, header.as_deref().unwrap_or_default(), bytes) {
                    Ok(row) => return each(span, row),
                    Err(broken) => broken,
                }
            }
        };
        let (line, message) = broken;
        self.problem(piece.line + line, span, message);
    }

    fn too_long(&mut self, span: Range<u64>, line: u64) {
        let message = match self.format {
            Format::Csv => {
                "a row has at most 1 MiB, and this one is longer: is a quote not closed?"
            }
            _ => "a row has at most 1 MiB, and this one is longer",
        };
        self.problem(line, span, message.to_owned());
    }

    fn problem(&mut self, line: u64, span: Range<u64>, message: String) {
        if self.problems.len() < TOLD {
            self.problems.push(Problem {
                line,
                span,
                message,
            });
        } else {
            self.untold += 1;
        }
    }
}

fn slice<'b>(bytes: &'b [u8], at: u64, span: &Range<u64>) -> &'b [u8] {
    let index = |offset: u64| usize::try_from(offset - at).unwrap_or(usize::MAX);
    bytes
        .get(index(span.start)..index(span.end))
        .unwrap_or_default()
}

/// All rows of a text, or what is wrong with it.
pub(crate) fn rows(format: Format, text: &str) -> (Vec<Row>, Vec<Problem>) {
    let mut rows = Vec::new();
    let mut reader = Reader::new(format);
    let mut each = |_: Range<u64>, row| rows.push(row);
    reader.feed(text.as_bytes(), &mut each);
    let (_, problems) = reader.finish(&mut each);
    (rows, problems)
}

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
        let csv = reader.format == Format::Csv;
        reader.feed(bytes, &mut |span, row| found.row(csv, span, &row));
    }

    /// The index, or what is wrong with the file, at most some twenty problems of it.
    pub fn finish(self) -> Result<Index, Vec<Problem>> {
        let Self {
            reader,
            hash,
            mut found,
        } = self;
        let format = reader.format;
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
    fn a_row_without_end_is_told_without_holding_the_file() {
        let mut indexer = Indexer::new(Format::Csv);
        indexer.feed(b"a\n\"");
        for _ in 0..64 {
            indexer.feed(&[b'x'; 65_536]);
            assert!(indexer.reader.held.len() as u64 <= ROW_LIMIT + 65_536);
        }
        let problems = indexer.finish().unwrap_err();
        assert_eq!((problems.len(), problems[0].line), (1, 2));
        assert!(problems[0].message.contains("is a quote not closed?"));
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
