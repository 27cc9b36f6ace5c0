//! Events from disk, plain or compressed, whole or cut in half. Refuses what is newer than it knows and what is no
//! recording, naming the line.

use super::line;
use harness_core::event::{Envelope, Event, FORMAT};
use harness_core::record::{FoldError, Record};
use serde::Deserialize;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;

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

/// Events handed from the reading thread to the folding one at a time.
const BATCH: usize = 256;
/// Batches read ahead.
const AHEAD: usize = 8;

/// A recording's events, in order. Ends after the first error.
pub struct EventReader {
    path: PathBuf,
    input: Box<dyn BufRead + Send>,
    buffer: Vec<u8>,
    line: u64,
    done: bool,
    cut_short: bool,
}

/// Opens a recording, `.ndjson` or `.ndjson.zst`; which of the two is seen from its first bytes.
pub fn read(path: &Path) -> Result<EventReader, ReadError> {
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
    Ok(EventReader {
        path: path.to_owned(),
        input,
        buffer: Vec::new(),
        line: 0,
        done: false,
        cut_short: true,
    })
}

/// A recording, folded.
#[derive(Debug)]
pub struct Recorded {
    /// What its events add up to.
    pub record: Record,
    /// Whether it ends before the run did.
    pub cut_short: bool,
}

/// Reads a recording and folds it at the same time, on two threads, without holding more than a few thousand of its
/// events.
pub fn record(path: &Path) -> Result<Recorded, ReadError> {
    let mut reader = read(path)?;
    let (send, receive) = mpsc::sync_channel::<Vec<Envelope>>(AHEAD);
    thread::scope(|scope| {
        let reading = scope.spawn(move || {
            loop {
                let some = reader.by_ref().take(BATCH).collect::<Result<Vec<_>, _>>()?;
                // Nobody listens any more once an event could not be folded, and that is the error then.
                if some.is_empty() || send.send(some).is_err() {
                    return Ok(reader.cut_short());
                }
            }
        });
        let mut record = Record::default();
        let folded = receive
            .into_iter()
            .flatten()
            .try_for_each(|event| record.apply(&event));
        let read = reading.join().unwrap_or_else(|panic| resume_unwind(panic));
        folded.map_err(|source| ReadError::Fold {
            path: path.to_owned(),
            source,
        })?;
        Ok(Recorded {
            record,
            cut_short: read?,
        })
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

    /// The next whole line into the buffer; `false` at the end, and where the rest of a line or frame is missing.
    fn next_line(&mut self) -> Result<bool, ReadError> {
        self.buffer.clear();
        self.line += 1;
        match (&mut self.input)
            .take(LONGEST)
            .read_until(b'\n', &mut self.buffer)
        {
            Ok(_) if self.buffer.last() == Some(&b'\n') => Ok(true),
            Ok(n) if n as u64 == LONGEST => {
                Err(self.bad(format!("longer than {} MiB", LONGEST >> 20)))
            }
            // Without its line break the last line may be half a line: it counts only if it reads as a whole one.
            Ok(n) => {
                Ok(n > 0 && serde_json::from_slice::<serde::de::IgnoredAny>(&self.buffer).is_ok())
            }
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(e) => Err(self.bad(e.to_string())),
        }
    }

    fn bad(&self, reason: String) -> ReadError {
        ReadError::Line {
            path: self.path.clone(),
            line: self.line,
            reason,
        }
    }

    fn parse(&self) -> Result<Envelope, ReadError> {
        if self.line == 1 {
            self.first()?;
        }
        line::parse(&self.buffer).map_err(|reason| self.bad(reason))
    }

    /// Whether a recording begins here, and one that this harness can read.
    fn first(&self) -> Result<(), ReadError> {
        let path = || self.path.clone();
        match serde_json::from_slice::<First>(&self.buffer) {
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
}

impl Iterator for EventReader {
    type Item = Result<Envelope, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let read = self
            .next_line()
            .and_then(|more| more.then(|| self.parse()).transpose());
        match &read {
            Ok(Some(envelope)) => {
                self.cut_short = !matches!(envelope.event, Event::RunFinished { .. });
            }
            Ok(None) | Err(_) => self.done = true,
        }
        if matches!(read, Ok(None)) && self.line == 1 {
            return Some(Err(ReadError::NotARun {
                path: self.path.clone(),
            }));
        }
        read.transpose()
    }
}
