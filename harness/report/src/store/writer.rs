//! Events to disk, on a thread of its own: one JSON line each, compressed, flushed every second. A slow or full disk
//! never holds up the run; what went wrong is said once.

use harness_core::event::Envelope;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Events that may wait for the disk: minutes of a busy run.
const QUEUE: usize = 65_536;
/// What a crash may cost at most.
const FLUSH: Duration = Duration::from_secs(1);
const LEVEL: i32 = 3;

/// Why the record ends before the run does.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The file could not be made.
    #[error("failed to create {}: {source}", path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The disk refused: full, gone, read-only.
    #[error("failed to write {} after event {after}: {source}; the record ends there", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The last event handed to the disk.
        after: u64,
        /// Why.
        source: io::Error,
    },
    /// The disk could not keep up.
    #[error(
        "failed to record from event {from} on: the disk did not keep up; the record ends there"
    )]
    Behind {
        /// The first event not kept.
        from: u64,
    },
    /// The writing thread could not be started or came to grief.
    #[error("failed to run the recording thread: {0}")]
    Thread(String),
}

type Slot = Arc<Mutex<Option<WriteError>>>;

fn lock(slot: &Slot) -> MutexGuard<'_, Option<WriteError>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes a run's events.
#[derive(Debug)]
pub struct EventWriter {
    sender: Option<SyncSender<Arc<Envelope>>>,
    thread: Option<JoinHandle<()>>,
    error: Slot,
}

impl EventWriter {
    /// Makes the file and starts the thread. The file must not exist.
    pub fn create(path: &Path) -> Result<Self, WriteError> {
        let created = File::create_new(path).map_err(|source| WriteError::Create {
            path: path.to_owned(),
            source,
        });
        Self::over(created?, path)
    }

    fn over(out: impl Write + Send + 'static, path: &Path) -> Result<Self, WriteError> {
        Self::with_queue(out, path, QUEUE)
    }

    fn with_queue(
        out: impl Write + Send + 'static,
        path: &Path,
        queue: usize,
    ) -> Result<Self, WriteError> {
        let (sender, receiver) = sync_channel(queue);
        let error = Slot::default();
        let (slot, path) = (Arc::clone(&error), path.to_owned());
        let work = move || {
            let mut after = 0;
            if let Err(source) = drain(&receiver, out, &mut after) {
                lock(&slot).get_or_insert(WriteError::Write {
                    path,
                    after,
                    source,
                });
            }
        };
        let thread = std::thread::Builder::new()
            .name("events".to_owned())
            .spawn(work);
        let thread = thread.map_err(|e| WriteError::Thread(e.to_string()))?;
        Ok(Self {
            sender: Some(sender),
            thread: Some(thread),
            error,
        })
    }

    /// Hands an event over; never waits. After an error nothing more is kept, so that the record has no holes.
    pub fn write(&mut self, event: Arc<Envelope>) {
        let Some(sender) = &self.sender else { return };
        match sender.try_send(event) {
            Ok(()) => {}
            Err(TrySendError::Full(event)) => {
                lock(&self.error).get_or_insert(WriteError::Behind { from: event.seq });
                self.sender = None;
            }
            // The thread ended with an error of its own, which is in the slot or about to be.
            Err(TrySendError::Disconnected(_)) => self.sender = None,
        }
    }

    /// The error, once; for saying it while the run goes on.
    pub fn take_error(&mut self) -> Option<WriteError> {
        lock(&self.error).take()
    }

    /// Waits until all is on disk; the error, if [`take_error`](Self::take_error) has not told it yet.
    pub fn finish(mut self) -> Result<(), WriteError> {
        self.stop()?;
        self.take_error().map_or(Ok(()), Err)
    }

    fn stop(&mut self) -> Result<(), WriteError> {
        self.sender = None;
        let joined = self.thread.take().map_or(Ok(()), JoinHandle::join);
        joined.map_err(|_| WriteError::Thread("it panicked".to_owned()))
    }
}

impl Drop for EventWriter {
    fn drop(&mut self) {
        // Whoever wants to know calls `finish`; here it only matters that nothing handed over is lost.
        let _ = self.stop();
    }
}

fn drain(receiver: &Receiver<Arc<Envelope>>, out: impl Write, after: &mut u64) -> io::Result<()> {
    let mut out = zstd::Encoder::new(out, LEVEL)?;
    let mut flush_at = Instant::now() + FLUSH;
    let mut line = Vec::new();
    // The first goes to the disk at once: with it, and only with it, whatever a killed run leaves makes a report.
    let mut first = true;
    loop {
        match receiver.recv_timeout(flush_at.saturating_duration_since(Instant::now())) {
            Ok(event) => {
                line.clear();
                serde_json::to_writer(&mut line, &*event)?;
                line.push(b'\n');
                out.write_all(&line)?;
                *after = event.seq;
                if std::mem::take(&mut first) {
                    flush_at = Instant::now();
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return out.finish()?.flush(),
        }
        if Instant::now() >= flush_at {
            out.flush()?;
            flush_at = Instant::now() + FLUSH;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::read;
    use harness_core::event::Event;
    use std::sync::mpsc::{Sender, channel};

    fn notice(seq: u64) -> Arc<Envelope> {
        Arc::new(Envelope {
            seq,
            at_us: seq,
            wall_ms: 0,
            event: Event::Notice {
                text: format!("{seq}"),
            },
        })
    }

    /// A disk that is full.
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::from(io::ErrorKind::StorageFull))
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A disk that answers only when told to.
    struct Stuck(Receiver<()>);
    impl Write for Stuck {
        fn write(&mut self, data: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            Ok(data.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A disk that tells of every write.
    struct Told(Sender<usize>);
    impl Write for Told {
        fn write(&mut self, data: &[u8]) -> io::Result<usize> {
            let _ = self.0.send(data.len());
            Ok(data.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_is_told_once_and_the_run_goes_on() {
        let mut writer = EventWriter::over(Full, Path::new("x")).unwrap();
        (0..1000).for_each(|seq| writer.write(notice(seq)));
        writer.stop().unwrap();
        let told = writer.take_error().unwrap().to_string();
        assert!(told.starts_with("failed to write x after event"), "{told}");
        assert!(writer.take_error().is_none());
        writer.write(notice(1000));
        writer.finish().unwrap();
    }

    #[test]
    fn a_disk_that_cannot_keep_up_ends_the_record_and_not_the_run() {
        let (go, wait) = channel();
        let mut writer = EventWriter::with_queue(Stuck(wait), Path::new("x"), 4).unwrap();
        // zstd holds back small writes: the thread gets stuck at its first flush at the latest.
        let mut seq = 0;
        while lock(&writer.error).is_none() {
            writer.write(notice(seq));
            seq += 1;
        }
        assert!(matches!(
            writer.take_error(),
            Some(WriteError::Behind { .. })
        ));
        drop(go);
        writer.finish().unwrap();
    }

    #[test]
    fn what_was_written_is_flushed_while_the_run_goes_on() {
        let (told, hear) = channel();
        let mut writer = EventWriter::over(Told(told), Path::new("x")).unwrap();
        writer.write(notice(0));
        assert!(
            hear.recv_timeout(Duration::from_secs(60)).is_ok(),
            "nothing reached the disk before the end"
        );
        writer.finish().unwrap();
    }

    #[test]
    fn a_folder_that_is_not_there_and_a_file_that_is_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(
            EventWriter::create(&dir.path().join("no/e")),
            Err(WriteError::Create { .. })
        ));
        let path = dir.path().join("e");
        EventWriter::create(&path).unwrap().finish().unwrap();
        assert!(matches!(
            EventWriter::create(&path),
            Err(WriteError::Create { .. })
        ));
        assert!(read(&path).is_ok());
    }
}
