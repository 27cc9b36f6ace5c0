//! A command in a container that is spoken to, a line at a time: what has to be quick can't wait for a process of its own.

use super::container::ContainerId;
use super::{ANSWER, Engine, EngineError};
use futures::stream::{BoxStream, StreamExt as _};
use std::pin::Pin;
use std::time::Duration;
use testcontainers::bollard::errors::Error as ClientError;
use testcontainers::bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

/// The longest answer, in bytes.
const LONGEST: usize = 256 << 10;

/// A command that runs in a container for as long as this is kept.
pub struct Conversation {
    doing: String,
    input: Pin<Box<dyn AsyncWrite + Send>>,
    output: BoxStream<'static, Result<Vec<u8>, ClientError>>,
    heard: Vec<u8>,
}

impl std::fmt::Debug for Conversation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conversation")
            .field("doing", &self.doing)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// Begins to talk with a command in a container that runs.
    pub async fn converse(
        &self,
        id: &ContainerId,
        command: &[String],
    ) -> Result<Conversation, EngineError> {
        let doing = format!("talk with `{}` in {id}", command.join(" "));
        let options = CreateExecOptions {
            cmd: Some(command.to_vec()),
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            ..CreateExecOptions::default()
        };
        let made = self.docker.create_exec(id.as_str(), options);
        let made = self.ask(&doing, ANSWER, made).await?.id;
        let started = self.docker.start_exec(&made, None::<StartExecOptions>);
        match self.ask(&doing, ANSWER, started).await? {
            StartExecResults::Attached { output, input } => Ok(Conversation {
                doing,
                input,
                output: output
                    .map(|piece| piece.map(|piece| piece.into_bytes().to_vec()))
                    .boxed(),
                heard: Vec::new(),
            }),
            StartExecResults::Detached => Err(EngineError::Other {
                doing,
                reason: "the engine lets nobody talk with it".to_owned(),
            }),
        }
    }
}

impl Conversation {
    /// Says a line and waits for the line that answers it. After an error, and when it was given up, nobody knows any more
    /// what an answer would belong to: end it and begin another.
    pub async fn say(&mut self, line: &str, limit: Duration) -> Result<String, EngineError> {
        let said = tokio::time::timeout(limit, self.exchange(line)).await;
        let said = said.unwrap_or_else(|_| Err(format!("it did not answer within {limit:?}")));
        said.map_err(|reason| EngineError::Other {
            doing: self.doing.clone(),
            reason,
        })
    }

    async fn exchange(&mut self, line: &str) -> Result<String, String> {
        let lost = |error: std::io::Error| format!("it does not listen: {error}");
        let line = format!("{line}\n");
        self.input.write_all(line.as_bytes()).await.map_err(lost)?;
        self.input.flush().await.map_err(lost)?;
        loop {
            if let Some(end) = self.heard.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.heard.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            match self.output.next().await {
                Some(Ok(piece)) if self.heard.len() + piece.len() <= LONGEST => {
                    self.heard.extend(piece);
                }
                Some(Ok(_)) => return Err("its answer has no end".to_owned()),
                Some(Err(error)) => return Err(error.to_string()),
                None => {
                    let words = String::from_utf8_lossy(&self.heard).into_owned();
                    return Err(format!("it ended; last it said {words:?}"));
                }
            }
        }
    }
}
