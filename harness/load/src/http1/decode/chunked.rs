//! The chunked transfer coding (RFC 9112, 7.1): sizes, data, extensions and trailers. Trailers are skipped, not read.

use super::{DecodeError, take};

/// Bytes of extensions, trailers and leading zeros of one body at most. They carry nothing that is used, so a server that sends more
/// is only keeping its client busy.
pub(super) const BESIDE: usize = 16 << 10;

/// Where in the coding the reader stands.
#[derive(Debug, Default)]
pub(super) struct Chunked {
    at: At,
    /// Bytes of extensions, trailers and leading zeros so far.
    beside: usize,
}

#[derive(Debug, Clone, Copy)]
enum At {
    /// In a size, before or after its first digit.
    Size {
        size: u64,
        digits: bool,
    },
    /// White space between a size and what follows.
    AfterSize {
        size: u64,
    },
    Extension {
        size: u64,
    },
    SizeEnd {
        size: u64,
    },
    Data {
        left: u64,
    },
    /// Before the two bytes that end a chunk's data.
    DataReturn,
    DataEnd,
    /// At the start of a trailer's line, or of the blank one.
    Line,
    Trailer,
    TrailerEnd,
    LastEnd,
}

impl Default for At {
    fn default() -> Self {
        Self::Size {
            size: 0,
            digits: false,
        }
    }
}

/// What the bytes say.
pub(super) enum Step<'b> {
    More,
    Data(&'b [u8]),
    End,
}

impl Chunked {
    /// Bytes of the present chunk still to come.
    pub(super) const fn to_come(&self) -> u64 {
        match self.at {
            At::Data { left } => left,
            _ => 0,
        }
    }

    /// The next piece of data, with the bytes taken for it, those of the coding included.
    pub(super) fn next<'b>(&mut self, bytes: &'b [u8]) -> Result<(usize, Step<'b>), DecodeError> {
        let mut used = 0;
        while let Some(byte) = bytes.get(used) {
            if let At::Data { left } = self.at {
                let piece = take(&bytes[used..], left);
                let left = left - piece.len() as u64;
                self.at = if left == 0 {
                    At::DataReturn
                } else {
                    At::Data { left }
                };
                return Ok((used + piece.len(), Step::Data(piece)));
            }
            used += 1;
            match self.after(*byte)? {
                Some(at) => self.at = at,
                None => return Ok((used, Step::End)),
            }
        }
        Ok((used, Step::More))
    }

    /// Where one byte of the coding leads; `None` at its end.
    fn after(&mut self, byte: u8) -> Result<Option<At>, DecodeError> {
        use DecodeError::{ChunkEnd, ChunkSize};
        let expect = |is: u8, then, or| if byte == is { Ok(Some(then)) } else { Err(or) };
        match self.at {
            At::Size { size, digits } => match (byte as char).to_digit(16) {
                // Leading zeros are allowed, but carry nothing.
                Some(0) if size == 0 && digits => self.skip(self.at),
                Some(digit) if size >> 60 == 0 => Ok(Some(At::Size {
                    size: size << 4 | u64::from(digit),
                    digits: true,
                })),
                None if digits => Self::after_size(size, byte),
                _ => Err(ChunkSize),
            },
            At::AfterSize { size } => Self::after_size(size, byte),
            At::Extension { size } => match byte {
                b'\r' => Ok(Some(At::SizeEnd { size })),
                // A line that ends differently for another reader hides what follows.
                b'\n' => Err(ChunkSize),
                _ => self.skip(At::Extension { size }),
            },
            At::SizeEnd { size: 0 } => expect(b'\n', At::Line, ChunkSize),
            At::SizeEnd { size } => expect(b'\n', At::Data { left: size }, ChunkSize),
            At::DataReturn => expect(b'\r', At::DataEnd, ChunkEnd),
            At::DataEnd => expect(b'\n', At::default(), ChunkEnd),
            At::Line if byte == b'\r' => Ok(Some(At::LastEnd)),
            At::Trailer if byte == b'\r' => Ok(Some(At::TrailerEnd)),
            At::Line | At::Trailer => self.skip(At::Trailer),
            At::TrailerEnd => expect(b'\n', At::Line, ChunkEnd),
            At::LastEnd if byte == b'\n' => Ok(None),
            At::LastEnd => Err(ChunkEnd),
            // Data is taken whole by the caller.
            At::Data { .. } => Ok(Some(self.at)),
        }
    }

    const fn after_size(size: u64, byte: u8) -> Result<Option<At>, DecodeError> {
        Ok(Some(match byte {
            b' ' | b'\t' => At::AfterSize { size },
            b';' => At::Extension { size },
            b'\r' => At::SizeEnd { size },
            _ => return Err(DecodeError::ChunkSize),
        }))
    }

    const fn skip(&mut self, at: At) -> Result<Option<At>, DecodeError> {
        self.beside += 1;
        if self.beside > BESIDE {
            return Err(DecodeError::BesideTooLong);
        }
        Ok(Some(at))
    }
}
