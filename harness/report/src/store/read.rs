//! Events from disk, plain or compressed, whole or cut in half. Refuses what is newer than it knows and what is no
//! recording, naming the line.

use super::line;
use harness_core::event::{Envelope, Event, FORMAT};
use harness_core::record::FoldError;
use serde::Deserialize;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// The longest line read: a plan carries whole API documents.
const LONGEST: u64 = 64 << 20;
/// How a zstd frame begins.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Why a recording can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file system refused.
    #[error("failed to read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is nothing in the file.
    #[error("{} is empty: no event of a run is in it", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The file does not begin as a recording does.
    #[error("{} is not a recorded run: its line 1 is not a `run_started` event", path.display())]
    NotARun {
        /// The file.
        path: PathBuf,
    },
    /// It was written by a newer harness.
    #[error("{} has event format {found}, this harness reads up to {FORMAT}: use the version that wrote it, or a newer one", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// A line is not an event.
    #[error("failed to read {}, line {line}: {reason}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
        /// Whether it is an event by its looks, which can't be read.
        event: bool,
    },
    /// Its events contradict each other.
    #[error("failed to make a record of {}: {source}", path.display())]
    Fold {
        /// The file.
        path: PathBuf,
        /// Why.
        source: FoldError,
    },
}

impl ReadError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Empty { .. } => Some(
                "a run that was ended before its first event leaves it so; there is nothing to be told of it",
            ),
            Self::NotARun { .. } => {
                Some("a run is named by its id, its folder, or its file of events")
            }
            Self::Line { .. } => Some(
                "the file was changed or damaged after it was written: take it from a copy, if there is one",
            ),
            Self::Io { .. } | Self::Newer { .. } | Self::Fold { .. } => None,
        }
    }
}

/// A recording's events, in order. Ends after the first error.
pub struct EventReader {
    lines: Lines,
    buffer: Vec<u8>,
    done: bool,
    end: End,
}

/// How far a recording has come, and what stands behind its end.
#[derive(Debug, Default)]
pub(super) struct End {
    /// The run's last event was read.
    whole: bool,
    /// The first line behind it that is none, and what was said of it.
    behind: Option<(u64, Option<ReadError>)>,
}

impl End {
    /// Takes an event, or what is wrong with a line, into account; `None` for what may be left out: no event behind the
    /// end of a run. Where one follows after all, more would be lost than what is no event.
    pub(super) fn take(
        &mut self,
        read: Result<Envelope, ReadError>,
    ) -> Option<Result<Envelope, ReadError>> {
        match read {
            Ok(envelope) => {
                if let Err(error) = self.goes_on() {
                    return Some(Err(error));
                }
                self.whole = ends(&envelope);
                Some(Ok(envelope))
            }
            Err(error) => match &error {
                ReadError::Line {
                    line, event: false, ..
                } if self.whole => {
                    let line = *line;
                    self.behind.get_or_insert((line, Some(error)));
                    None
                }
                _ => Some(Err(error)),
            },
        }
    }

    /// Takes an event into account that is not a run's last.
    pub(super) fn goes_on(&mut self) -> Result<(), ReadError> {
        self.whole = false;
        match self.behind.take() {
            Some((_, Some(error))) => Err(error),
            _ => Ok(()),
        }
    }

    /// Takes into account that the last line is not whole.
    pub(super) fn rest(&mut self, line: Option<u64>) {
        if let Some(line) = line.filter(|_| self.whole) {
            self.behind.get_or_insert((line, None));
        }
    }

    /// Whether the recording ends before the run did.
    pub(super) fn cut_short(&self) -> bool {
        !self.whole
    }

    /// The first line behind the run's end that is no event.
    pub(super) fn behind(&self) -> Option<u64> {
        self.behind.as_ref().map(|(line, _)| *line)
    }
}

/// Opens a recording, `.ndjson` or `.ndjson.zst`; which of the two is seen from its first bytes.
pub fn read(path: &Path) -> Result<EventReader, ReadError> {
    Ok(EventReader {
        lines: Lines::open(path)?,
        buffer: Vec::new(),
        done: false,
        end: End::default(),
    })
}

/// What is asked of the first line before it is taken for an event of this format.
#[derive(Deserialize)]
struct First {
    event: String,
    #[serde(default)]
    format: Option<u32>,
}

impl EventReader {
    /// Whether the recording ends before the run did. Known once the iterator has ended.
    pub fn cut_short(&self) -> bool {
        self.end.cut_short()
    }

    /// The first line behind the run's last event, if something stands there that is no event: it is left out. Known once
    /// the iterator has ended.
    pub fn behind(&self) -> Option<u64> {
        self.end.behind()
    }

    fn event(&mut self) -> Result<Option<Envelope>, ReadError> {
        self.buffer.clear();
        if !self.lines.next(&mut self.buffer)? {
            return Ok(None);
        }
        parse(&self.lines.path, self.lines.line, &self.buffer).map(Some)
    }
}

impl Iterator for EventReader {
    type Item = Result<Envelope, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.done {
            let Some(read) = self.event().transpose() else {
                self.end.rest(self.lines.rest);
                break;
            };
            // Behind what the file itself can't give nothing can be read.
            self.done = self.lines.unreadable;
            if let Some(read) = self.end.take(read) {
                self.done |= read.is_err();
                return Some(read);
            }
        }
        self.done = true;
        None
    }
}

/// Whether a run's last event is this.
pub(super) fn ends(envelope: &Envelope) -> bool {
    matches!(envelope.event, Event::RunFinished { .. })
}

/// The lines of a recording.
pub(super) struct Lines {
    /// The file.
    pub(super) path: PathBuf,
    /// The last one's number, from 1.
    pub(super) line: u64,
    /// The last one's, if it is not whole.
    pub(super) rest: Option<u64>,
    /// No line could be had any more.
    unreadable: bool,
    /// The file has no byte.
    empty: bool,
    input: Box<dyn BufRead + Send>,
}

impl Lines {
    /// Opens a recording.
    pub(super) fn open(path: &Path) -> Result<Self, ReadError> {
        let fail = |source| ReadError::Io {
            path: path.to_owned(),
            source,
        };
        let mut file = BufReader::with_capacity(1 << 16, File::open(path).map_err(fail)?);
        let begin = file.fill_buf().map_err(fail)?;
        let (compressed, empty) = (begin.starts_with(&MAGIC), begin.is_empty());
        let input: Box<dyn BufRead + Send> = if compressed {
            let decoder = zstd::Decoder::with_buffer(file).map_err(fail)?;
            Box::new(BufReader::with_capacity(1 << 17, decoder))
        } else {
            Box::new(file)
        };
        Ok(Self {
            path: path.to_owned(),
            line: 0,
            rest: None,
            unreadable: false,
            empty,
            input,
        })
    }

    /// Puts the next whole line at the buffer's end; `false`, and nothing, at the end and where the rest of a line or frame
    /// is missing. A recording without a line is none.
    pub(super) fn next(&mut self, buffer: &mut Vec<u8>) -> Result<bool, ReadError> {
        let before = buffer.len();
        self.line += 1;
        let read = (&mut self.input).take(LONGEST).read_until(b'\n', buffer);
        let whole = match read {
            Ok(_) if buffer.len() > before && buffer.last() == Some(&b'\n') => Ok(true),
            Ok(n) if n as u64 == LONGEST => {
                Err(self.bad(format!("longer than {} MiB", LONGEST >> 20)))
            }
            // Without its line break the last line may be half a line: it counts only if it reads as a whole one.
            Ok(n) => {
                let text = buffer.get(before..).unwrap_or_default();
                let whole = n > 0 && serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok();
                self.rest = (n > 0 && !whole).then_some(self.line);
                Ok(whole)
            }
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
                self.rest = Some(self.line);
                Ok(false)
            }
            Err(e) => Err(self.bad(e.to_string())),
        };
        self.unreadable = whole.is_err();
        if !matches!(whole, Ok(true)) {
            buffer.truncate(before);
        }
        if self.line == 1 && matches!(whole, Ok(false)) {
            let path = self.path.clone();
            return Err(match self.empty {
                true => ReadError::Empty { path },
                false => ReadError::NotARun { path },
            });
        }
        whole
    }

    fn bad(&self, reason: String) -> ReadError {
        bad(&self.path, self.line, reason, false)
    }
}

fn bad(path: &Path, line: u64, reason: String, event: bool) -> ReadError {
    ReadError::Line {
        path: path.to_owned(),
        line,
        reason,
        event,
    }
}

/// The event of a line, by its number.
pub(super) fn parse(path: &Path, line: u64, text: &[u8]) -> Result<Envelope, ReadError> {
    if line == 1 {
        first(path, text)?;
    }
    line::parse(text).map_err(|reason| bad(path, line, reason, line::looks_like_one(text)))
}

/// Whether a recording begins here, and one that this harness can read.
fn first(path: &Path, text: &[u8]) -> Result<(), ReadError> {
    let path = || path.to_owned();
    match serde_json::from_slice::<First>(text) {
        Ok(First {
            format: Some(found),
            ..
        }) if found > FORMAT => Err(ReadError::Newer {
            path: path(),
            found,
        }),
        Ok(First {
            event,
            format: Some(_),
        }) if event == "run_started" => Ok(()),
        _ => Err(ReadError::NotARun { path: path() }),
    }
}
