//! Rows out of bytes that are handed in piece by piece, and what is wrong with them by line. Holds no more than the row
//! under way; knows no blocks.

use super::Format;
use super::record::{self, Header};
use super::split::{Kind, Piece, Splitter};
use crate::journey::Row;
use std::ops::Range;

/// Bytes one row may have: a longer one is a quote that was not closed.
pub const ROW_LIMIT: u64 = 1 << 20;
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
    /// For bytes of this format.
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

    /// How the bytes are written.
    pub(super) fn format(&self) -> Format {
        self.format
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

/// The bytes of a span, of those that begin at `at`.
pub(super) fn slice<'b>(bytes: &'b [u8], at: u64, span: &Range<u64>) -> &'b [u8] {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_without_end_is_told_without_holding_the_file() {
        let mut reader = Reader::new(Format::Csv);
        let each = &mut |_: Range<u64>, _| {};
        reader.feed(b"a\n\"", each);
        for _ in 0..64 {
            reader.feed(&[b'x'; 65_536], each);
            assert!(reader.held.len() as u64 <= ROW_LIMIT + 65_536);
        }
        let (_, problems) = reader.finish(each);
        assert_eq!((problems.len(), problems[0].line), (1, 2));
        assert!(problems[0].message.contains("is a quote not closed?"));
    }
}
