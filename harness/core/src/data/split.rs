//! Where the rows of a data file begin and end, found in one pass over its bytes, in pieces of any size. Knows quotes,
//! brackets and lines; not what stands in a row.

use super::Format;

/// A stretch of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Byte offset in the file.
    pub(crate) start: u64,
    /// One past the last byte.
    pub(crate) end: u64,
    /// Its first line, from 1.
    pub(crate) line: u64,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A row, or a CSV file's header.
    Record,
    /// A quoted field, or a list, that never ends.
    Endless,
    /// Nothing where an element of a list should be.
    Missing,
    /// Something behind the list.
    Stray,
    /// The file is no list.
    NoList,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Between two records of lines.
    Between,
    Field,
    Plain,
    Quoted,
    /// A quote in a quoted field: its end, or the first of two.
    Quote,
    /// Before the list's bracket.
    Before,
    /// Before an element; `first`: none may follow.
    Next {
        first: bool,
    },
    Element(u32),
    Text(u32),
    Escape(u32),
    /// Behind the list.
    After,
    /// The rest can't be told apart any more.
    Lost,
}

/// Finds the records of a file that is fed to it in order.
#[derive(Debug, Clone)]
pub(crate) struct Splitter {
    format: Format,
    state: State,
    at: u64,
    line: u64,
    /// The record under way: offset and line.
    begun: Option<(u64, u64)>,
    /// The quoted field under way.
    quote: (u64, u64),
    /// It began in the middle of a file, and may end there.
    part: bool,
}

const fn blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

impl Splitter {
    /// For a whole file; `skipped` bytes of it were a byte order mark.
    pub(crate) fn new(format: Format, skipped: u64) -> Self {
        let state = match format {
            Format::Csv | Format::JsonLines => State::Between,
            Format::JsonList => State::Before,
        };
        Self {
            format,
            state,
            at: skipped,
            line: 1,
            begun: None,
            quote: (0, 1),
            part: false,
        }
    }

    /// For a part of a file that begins and ends between two records.
    pub(crate) fn part(format: Format) -> Self {
        let state = match format {
            Format::Csv | Format::JsonLines => State::Between,
            Format::JsonList => State::Next { first: true },
        };
        Self {
            state,
            part: true,
            ..Self::new(format, 0)
        }
    }

    /// The first byte that is still needed: the begin of the record under way.
    pub(crate) fn needed(&self) -> u64 {
        self.begun.map_or(self.at, |(start, _)| start)
    }

    /// The line of that byte.
    pub(crate) fn needed_line(&self) -> u64 {
        self.begun.map_or(self.line, |(_, line)| line)
    }

    /// Takes the next bytes and appends what ended in them.
    pub(crate) fn feed(&mut self, bytes: &[u8], out: &mut Vec<Piece>) {
        for byte in bytes {
            match self.format {
                Format::Csv => self.csv(*byte, out),
                Format::JsonLines => self.lines(*byte, out),
                Format::JsonList => self.list(*byte, out),
            }
            self.at += 1;
            self.line += u64::from(*byte == b'\n');
        }
    }

    /// There are no more bytes.
    pub(crate) fn finish(&mut self, out: &mut Vec<Piece>) {
        match self.state {
            State::Between | State::After | State::Lost => {}
            State::Quoted => {
                let (start, line) = self.quote;
                self.tell(start, start + 1, line, Kind::Endless, out);
            }
            State::Field | State::Plain | State::Quote => self.end(out),
            State::Before => {}
            State::Next { .. } if self.part => {}
            State::Element(0) if self.part => self.end(out),
            State::Next { .. } | State::Element(_) | State::Text(_) | State::Escape(_) => {
                let (start, line) = self.begun.unwrap_or((self.at.saturating_sub(1), self.line));
                self.tell(start, start + 1, line, Kind::Endless, out);
            }
        }
        self.state = State::Lost;
    }

    fn begin(&mut self) {
        self.begun = Some((self.at, self.line));
    }

    fn end(&mut self, out: &mut Vec<Piece>) {
        if let Some((start, line)) = self.begun.take() {
            self.tell(start, self.at, line, Kind::Record, out);
        }
    }

    fn tell(&mut self, start: u64, end: u64, line: u64, kind: Kind, out: &mut Vec<Piece>) {
        out.push(Piece {
            start,
            end,
            line,
            kind,
        });
    }

    fn here(&mut self, kind: Kind, out: &mut Vec<Piece>) {
        self.tell(self.at, self.at + 1, self.line, kind, out);
    }

    fn csv(&mut self, byte: u8, out: &mut Vec<Piece>) {
        let ends = matches!(byte, b'\n' | b'\r');
        self.state = match (self.state, byte) {
            (State::Between, _) if ends => return,
            (State::Quoted, b'"') => State::Quote,
            (State::Quoted, _) => return,
            (State::Field | State::Plain | State::Quote, _) if ends => {
                self.end(out);
                State::Between
            }
            (State::Quote, b'"') => State::Quoted,
            (State::Between | State::Field, b'"') => {
                if self.state == State::Between {
                    self.begin();
                }
                self.quote = (self.at, self.line);
                State::Quoted
            }
            (State::Between, _) => {
                self.begin();
                if byte == b',' {
                    State::Field
                } else {
                    State::Plain
                }
            }
            (_, b',') => State::Field,
            (State::Lost, _) => return,
            _ => State::Plain,
        };
    }

    fn lines(&mut self, byte: u8, out: &mut Vec<Piece>) {
        match self.state {
            State::Between if !blank(byte) => {
                self.begin();
                self.state = State::Plain;
            }
            State::Plain if byte == b'\n' => {
                self.end(out);
                self.state = State::Between;
            }
            _ => {}
        }
    }

    fn list(&mut self, byte: u8, out: &mut Vec<Piece>) {
        self.state = match (self.state, byte) {
            (State::Before | State::Next { .. } | State::After, _) if blank(byte) => return,
            (State::Before, b'[') => State::Next { first: true },
            (State::Before, _) => {
                self.here(Kind::NoList, out);
                State::Lost
            }
            (State::Next { first }, b']') => {
                if !first {
                    self.here(Kind::Missing, out);
                }
                State::After
            }
            (State::Next { .. }, b',') => {
                self.here(Kind::Missing, out);
                State::Next { first: false }
            }
            (State::Next { .. }, _) => {
                self.begin();
                match byte {
                    b'"' => State::Text(0),
                    b'{' => State::Element(1),
                    _ => State::Element(0),
                }
            }
            (State::Element(0), b',') => {
                self.end(out);
                // A part may end behind the comma.
                State::Next { first: self.part }
            }
            (State::Element(0), b']') => {
                self.end(out);
                State::After
            }
            (State::Element(depth), b'"') => State::Text(depth),
            (State::Element(depth), b'{' | b'[') => State::Element(depth + 1),
            (State::Element(depth), b'}' | b']') => State::Element(depth.saturating_sub(1)),
            (State::Text(depth), b'\\') => State::Escape(depth),
            (State::Text(depth), b'"') => State::Element(depth),
            (State::Escape(depth), _) => State::Text(depth),
            (State::After, _) => {
                self.here(Kind::Stray, out);
                State::Lost
            }
            _ => return,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pieces(format: Format, text: &str, step: usize) -> Vec<Piece> {
        let mut splitter = Splitter::new(format, 0);
        let mut out = Vec::new();
        for chunk in text.as_bytes().chunks(step.max(1)) {
            splitter.feed(chunk, &mut out);
        }
        splitter.finish(&mut out);
        out
    }

    fn texts(format: Format, text: &str) -> Vec<(String, u64)> {
        pieces(format, text, 1024)
            .into_iter()
            .map(|piece| {
                let range = piece.start as usize..piece.end as usize;
                (text[range].to_owned(), piece.line)
            })
            .collect()
    }

    fn told(all: &[(&str, u64)]) -> Vec<(String, u64)> {
        all.iter().map(|(t, n)| ((*t).to_owned(), *n)).collect()
    }

    #[test]
    fn quotes_hold_lines_together() {
        let text = "a,b\r\n\r\n1,\"x\ny\"\n\"say \"\"hi\"\"\n\",2";
        assert_eq!(
            texts(Format::Csv, text),
            told(&[("a,b", 1), ("1,\"x\ny\"", 3), ("\"say \"\"hi\"\"\n\",2", 5)])
        );
    }

    #[test]
    fn brackets_in_strings_are_no_brackets() {
        let text = " [ {\"a\":\"]},\\\"\"},\n{\"b\":[1,{}]} ] ";
        assert_eq!(
            texts(Format::JsonList, text),
            told(&[("{\"a\":\"]},\\\"\"}", 1), ("{\"b\":[1,{}]} ", 2)])
        );
    }

    #[test]
    fn what_is_no_row_is_told_apart() {
        let kinds = |format, text| -> Vec<Kind> {
            pieces(format, text, 1)
                .into_iter()
                .map(|p| p.kind)
                .collect()
        };
        assert_eq!(kinds(Format::JsonList, "{}"), [Kind::NoList]);
        assert_eq!(
            kinds(Format::JsonList, "[1,]"),
            [Kind::Record, Kind::Missing]
        );
        assert_eq!(
            kinds(Format::JsonList, "[1] 2"),
            [Kind::Record, Kind::Stray]
        );
        assert_eq!(kinds(Format::JsonList, "[{\"a"), [Kind::Endless]);
        assert_eq!(kinds(Format::JsonList, "[]"), []);
        assert_eq!(kinds(Format::Csv, "a\n\"b"), [Kind::Record, Kind::Endless]);
    }

    proptest! {
        #[test]
        fn pieces_do_not_depend_on_the_chunks(text in "[a,\"\n\r{}\\[\\]:1ä\\\\ ]{0,60}", step in 1usize..9) {
            for format in [Format::Csv, Format::JsonLines, Format::JsonList] {
                prop_assert_eq!(pieces(format, &text, step), pieces(format, &text, 1024));
            }
        }
    }
}
