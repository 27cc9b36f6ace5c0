//! How a message's body is framed (RFC 9112, sections 6 and 7), read piece by piece so that what is data is told from what
//! is coding. Holds no bytes and changes none.

use super::head::Garbage;

/// Bytes of chunk extensions and trailers of one body at most: they carry nothing that is used.
const BESIDE: usize = 16 << 10;

/// What is still to come of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// So many bytes.
    Sized(u64),
    Chunked(Chunked),
    /// All until the connection ends.
    ToClose,
}

/// What bytes at the front of a stream are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// So many bytes of data, more than none.
    Data(usize),
    /// So many bytes of the coding: sizes, line ends, trailers; none where there are no bytes.
    Coding(usize),
    /// The body ends with so many bytes of the coding.
    End(usize),
}

impl Part {
    /// The bytes it takes.
    pub(crate) fn len(self) -> usize {
        match self {
            Self::Data(len) | Self::Coding(len) | Self::End(len) => len,
        }
    }
}

impl Body {
    /// A body without a byte.
    pub(crate) const NONE: Self = Self::Sized(0);

    pub(crate) fn chunked() -> Self {
        Self::Chunked(Chunked {
            at: At::START,
            beside: 0,
        })
    }

    /// What the front of `bytes` is.
    ///
    /// # Errors
    /// When it is no chunked coding.
    pub(crate) fn next(&mut self, bytes: &[u8]) -> Result<Part, Garbage> {
        match self {
            Self::Sized(0) => Ok(Part::End(0)),
            _ if bytes.is_empty() => Ok(Part::Coding(0)),
            Self::Sized(left) => Ok(Part::Data(take(left, bytes))),
            Self::ToClose => Ok(Part::Data(bytes.len())),
            Self::Chunked(chunked) => chunked.next(bytes),
        }
    }

    /// Bytes of data that are sure to come in one piece: all of a sized body, the rest of a chunk.
    pub(crate) fn known(&self) -> u64 {
        match self {
            Self::Sized(left) => *left,
            Self::Chunked(Chunked {
                at: At::Data { left },
                ..
            }) => *left,
            Self::Chunked(_) | Self::ToClose => 0,
        }
    }

    /// It has ended: no byte is to come.
    pub(crate) fn is_over(&self) -> bool {
        *self == Self::NONE
    }
}

/// Takes what of `bytes` belongs to the `left` bytes to come; says how many they are.
fn take(left: &mut u64, bytes: &[u8]) -> usize {
    let most = usize::try_from(*left).unwrap_or(usize::MAX);
    let taken = bytes.len().min(most);
    *left -= taken as u64;
    taken
}

/// Where in the chunked coding a reader stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chunked {
    at: At,
    /// Bytes of extensions and trailers so far.
    beside: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Size { size: u64, digits: bool },
    Extension { size: u64 },
    SizeEnd { size: u64 },
    Data { left: u64 },
    DataReturn,
    DataEnd,
    Line,
    Trailer,
    TrailerEnd,
    LastEnd,
}

impl At {
    const START: Self = Self::Size {
        size: 0,
        digits: false,
    };
}

impl Chunked {
    fn next(&mut self, bytes: &[u8]) -> Result<Part, Garbage> {
        if let At::Data { left } = &mut self.at {
            let taken = take(left, bytes);
            if *left == 0 {
                self.at = At::DataReturn;
            }
            return Ok(Part::Data(taken));
        }
        for (index, byte) in bytes.iter().enumerate() {
            match self.after(*byte)? {
                None => return Ok(Part::End(index + 1)),
                Some(at) => self.at = at,
            }
            if matches!(self.at, At::Data { .. }) {
                return Ok(Part::Coding(index + 1));
            }
        }
        Ok(Part::Coding(bytes.len()))
    }

    /// Where one byte of the coding leads; none at its end.
    fn after(&mut self, byte: u8) -> Result<Option<At>, Garbage> {
        let expect = |is: u8, then: At| (byte == is).then_some(Some(then)).ok_or(Garbage);
        match self.at {
            At::Size { size, digits } => match (char::from(byte).to_digit(16), byte) {
                (Some(digit), _) if size >> 60 == 0 => Ok(Some(At::Size {
                    size: size << 4 | u64::from(digit),
                    digits: true,
                })),
                (None, b'\r') if digits => Ok(Some(At::SizeEnd { size })),
                (None, b';' | b' ' | b'\t') if digits => self.beside(At::Extension { size }),
                _ => Err(Garbage),
            },
            At::Extension { size } => match byte {
                b'\r' => Ok(Some(At::SizeEnd { size })),
                b'\n' => Err(Garbage),
                _ => self.beside(At::Extension { size }),
            },
            At::SizeEnd { size: 0 } => expect(b'\n', At::Line),
            At::SizeEnd { size } => expect(b'\n', At::Data { left: size }),
            At::DataReturn => expect(b'\r', At::DataEnd),
            At::DataEnd => expect(b'\n', At::START),
            At::Line if byte == b'\r' => Ok(Some(At::LastEnd)),
            At::Trailer if byte == b'\r' => Ok(Some(At::TrailerEnd)),
            At::Line | At::Trailer => self.beside(At::Trailer),
            At::TrailerEnd => expect(b'\n', At::Line),
            At::LastEnd if byte == b'\n' => Ok(None),
            // Data is taken whole before this is asked.
            At::LastEnd | At::Data { .. } => Err(Garbage),
        }
    }

    fn beside(&mut self, at: At) -> Result<Option<At>, Garbage> {
        self.beside += 1;
        if self.beside > BESIDE {
            return Err(Garbage);
        }
        Ok(Some(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The data of a body, and what lay behind it; none if it did not end.
    fn read(
        mut body: Body,
        mut bytes: &[u8],
        step: usize,
    ) -> Result<(Vec<u8>, Option<usize>), Garbage> {
        let mut data = Vec::new();
        loop {
            let seen = &bytes[..bytes.len().min(step)];
            let part = body.next(seen)?;
            match part {
                Part::Data(len) => data.extend_from_slice(&seen[..len]),
                Part::End(len) => return Ok((data, Some(bytes.len() - len))),
                Part::Coding(0) => return Ok((data, None)),
                Part::Coding(_) => {}
            }
            bytes = &bytes[part.len()..];
        }
    }

    #[test]
    fn data_is_told_from_coding_however_it_is_cut() {
        let coded = b"4;x=y\r\nWiki\r\n0C \r\n \r\n in chunk\r\n0\r\nA: b\r\n\r\nrest";
        for step in 1..=coded.len() {
            let (data, left) = read(Body::chunked(), coded, step).unwrap();
            assert_eq!(
                (data.as_slice(), left),
                (b"Wiki \r\n in chunk".as_slice(), Some(4)),
                "{step}"
            );
            let (data, left) = read(Body::Sized(6), b"sized rest", step).unwrap();
            assert_eq!((data.as_slice(), left), (b"sized ".as_slice(), Some(4)));
        }
        assert_eq!(read(Body::ToClose, b"all", 2), Ok((b"all".to_vec(), None)));
    }

    #[test]
    fn what_is_no_coding_is_refused() {
        for wrong in [
            "x",
            "\r\n",
            "4\nWiki",
            "4\r\nWikix",
            "4\r\nWiki\rx",
            "10000000000000000\r\n",
            "0\r\n\rx",
            "4;\n",
        ] {
            assert_eq!(
                read(Body::chunked(), wrong.as_bytes(), 99),
                Err(Garbage),
                "{wrong:?}"
            );
        }
        let endless = format!("1;{}", "x".repeat(BESIDE));
        assert_eq!(
            read(Body::chunked(), endless.as_bytes(), usize::MAX),
            Err(Garbage)
        );
    }
}
