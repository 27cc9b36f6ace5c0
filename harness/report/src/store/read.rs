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

/// A recording's events, in order. Ends after the first error.
pub struct EventReader {
    lines: Lines,
    buffer: Vec<u8>,
    done: bool,
    cut_short: bool,
}

/// Opens a recording, `.ndjson` or `.ndjson.zst`; which of the two is seen from its first bytes.
pub fn read(path: &Path) -> Result<EventReader, ReadError> {
    Ok(EventReader {
        lines: Lines::open(path)?,
        buffer: Vec::new(),
        done: false,
        cut_short: true,
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
        self.cut_short
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
        if self.done {
            return None;
        }
        let read = self.event();
        match &read {
            Ok(Some(envelope)) => self.cut_short = !ends(envelope),
            Ok(None) | Err(_) => self.done = true,
        }
        read.transpose()
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
        let compressed = file.fill_buf().map_err(fail)?.starts_with(&MAGIC);
        let input: Box<dyn BufRead + Send> = if compressed {
            let decoder = zstd::Decoder::with_buffer(file).map_err(fail)?;
            Box::new(BufReader::with_capacity(1 << 17, decoder))
        } else {
            Box::new(file)
        };
        Ok(Self {
            path: path.to_owned(),
            line: 0,
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
                Ok(n > 0 && serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok())
            }
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(e) => Err(self.bad(e.to_string())),
        };
        if !matches!(whole, Ok(true)) {
            buffer.truncate(before);
        }
        if self.line == 1 && matches!(whole, Ok(false)) {
            let path = self.path.clone();
            return Err(ReadError::NotARun { path });
        }
        whole
    }

    fn bad(&self, reason: String) -> ReadError {
        bad(&self.path, self.line, reason)
    }
}

fn bad(path: &Path, line: u64, reason: String) -> ReadError {
    ReadError::Line {
        path: path.to_owned(),
        line,
        reason,
    }
}

/// The event of a line, by its number.
pub(super) fn parse(path: &Path, line: u64, text: &[u8]) -> Result<Envelope, ReadError> {
    if line == 1 {
        first(path, text)?;
    }
    line::parse(text).map_err(|reason| bad(path, line, reason))
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
