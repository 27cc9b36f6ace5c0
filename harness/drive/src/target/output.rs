//! What a service prints: kept in a file up to a limit, its last lines in memory, and always drained, so that a
//! service that floods its output is neither blocked nor a danger to the disk.

use crate::redact::Redactor;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::watch;

/// Bytes of output kept in a service's file; what comes after is counted and dropped.
const FILE_LIMIT: u64 = 32 << 20;
/// Lines kept for messages.
const TAIL_LINES: usize = 40;
/// Bytes of a line kept for messages and searched for secrets at once.
const LINE_LIMIT: usize = 8 << 10;

/// The last lines of a service's output.
#[derive(Debug, Clone, Default)]
pub struct Tail(Arc<Mutex<VecDeque<String>>>);

impl Tail {
    /// The lines, oldest first.
    pub fn lines(&self) -> Vec<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .cloned()
            .collect()
    }

    fn push(&self, line: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == TAIL_LINES {
            lines.pop_front();
        }
        lines.push_back(line.chars().take(400).collect());
    }
}

/// Where a service's streams end up.
#[derive(Debug)]
pub struct Sink {
    file: tokio::sync::Mutex<(Option<tokio::fs::File>, u64)>,
    tail: Tail,
    redactor: Redactor,
    /// Words that a line is waited for with.
    awaited: Option<String>,
    heard: watch::Sender<bool>,
}

impl Sink {
    /// A sink that appends to a file, and listens for a line with some words in it. Output is still drained when the file
    /// can't be written.
    pub async fn open(
        path: &Path,
        redactor: Redactor,
        awaited: Option<String>,
    ) -> std::io::Result<Self> {
        let file = tokio::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .await?;
        Ok(Self {
            file: tokio::sync::Mutex::new((Some(file), 0)),
            tail: Tail::default(),
            redactor,
            awaited,
            heard: watch::Sender::new(false),
        })
    }

    /// Tells when the awaited words were heard.
    pub fn heard(&self) -> watch::Receiver<bool> {
        self.heard.subscribe()
    }

    /// The last lines, live.
    pub fn tail(&self) -> Tail {
        self.tail.clone()
    }

    /// Reads a stream to its end, line by line; an error if it broke before.
    pub async fn drain(&self, mut stream: impl AsyncRead + Unpin) -> std::io::Result<()> {
        let mut pending = Vec::new();
        let mut chunk = vec![0; 16 << 10];
        let ended = loop {
            let read = match stream.read(&mut chunk).await {
                Ok(0) => break Ok(()),
                Ok(read) => read,
                Err(error) => break Err(error),
            };
            pending.extend_from_slice(&chunk[..read]);
            let mut from = 0;
            while let Some(line) = next_line(&pending[from..]) {
                self.line(&pending[from..from + line]).await;
                from += line;
            }
            pending.drain(..from);
        };
        if !pending.is_empty() {
            self.line(&pending).await;
        }
        if let (Some(file), _) = &mut *self.file.lock().await {
            let _ = file.flush().await;
        }
        ended
    }

    async fn line(&self, raw: &[u8]) {
        let text = String::from_utf8_lossy(raw);
        if self
            .awaited
            .as_ref()
            .is_some_and(|words| text.contains(words))
        {
            self.heard.send_replace(true);
        }
        let text = self.redactor.text(&text).map_or(text.clone(), Into::into);
        self.tail.push(text.trim_end());
        let mut slot = self.file.lock().await;
        let (Some(file), written) = &mut *slot else {
            return;
        };
        *written += text.len() as u64;
        let full = *written > FILE_LIMIT;
        let bytes = if full {
            b"\n[output cut here: the limit of this file is reached]\n"
        } else {
            text.as_bytes()
        };
        if file.write_all(bytes).await.is_err() || full {
            let _ = file.flush().await;
            slot.0 = None;
        }
    }
}

/// Length of the first line, its end included; a line over the limit is cut there.
fn next_line(bytes: &[u8]) -> Option<usize> {
    let window = &bytes[..bytes.len().min(LINE_LIMIT)];
    window
        .iter()
        .position(|b| *b == b'\n')
        .map(|at| at + 1)
        .or((bytes.len() >= LINE_LIMIT).then_some(LINE_LIMIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_flood_is_drained_and_the_file_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("service.log");
        let sink = Sink::open(&path, Redactor::default(), None).await.unwrap();
        let line = [vec![b'x'; 1023], vec![b'\n']].concat();
        let flood = tokio::io::AsyncReadExt::take(tokio::io::repeat(b'x'), FILE_LIMIT + (1 << 20));
        sink.drain(flood).await.unwrap();
        sink.drain(&line[..]).await.unwrap();
        let size = std::fs::metadata(&path).unwrap().len();
        assert!(size <= FILE_LIMIT + 100, "{size} bytes kept");
        assert!(sink.tail().lines().len() <= TAIL_LINES);
    }

    #[tokio::test]
    async fn the_tail_holds_the_last_lines_without_secrets() {
        let folder = tempfile::tempdir().unwrap();
        let mut secrets = crate::redact::Secrets::default();
        secrets
            .insert("key".parse().unwrap(), "hunter2!".into())
            .unwrap();
        let path = folder.path().join("s.log");
        let sink = Sink::open(&path, Redactor::new(&secrets), None)
            .await
            .unwrap();
        let text: String = (0..100).map(|n| format!("line {n} hunter2!\n")).collect();
        sink.drain(text.as_bytes()).await.unwrap();
        let lines = sink.tail().lines();
        assert_eq!(
            (lines.len(), lines[39].as_str()),
            (40, "line 99 [secret key]")
        );
        assert!(!std::fs::read_to_string(path).unwrap().contains("hunter2"));
    }

    #[tokio::test]
    async fn a_secret_of_several_lines_is_kept_out_line_by_line() {
        let folder = tempfile::tempdir().unwrap();
        let mut secrets = crate::redact::Secrets::default();
        let pem = "-----BEGIN KEY-----\nMIIBVgIBADAN\nQ0FOQVJZ/w==\n-----END KEY-----\n";
        secrets.insert("pem".parse().unwrap(), pem.into()).unwrap();
        let path = folder.path().join("s.log");
        let sink = Sink::open(&path, Redactor::new(&secrets), None)
            .await
            .unwrap();
        sink.drain(format!("loaded\n{pem}").as_bytes())
            .await
            .unwrap();
        let lines = sink.tail().lines();
        let hidden = "[secret pem]";
        assert_eq!(lines, ["loaded", hidden, hidden, hidden, hidden]);
        assert!(!std::fs::read_to_string(path).unwrap().contains("MIIB"));
    }
}
