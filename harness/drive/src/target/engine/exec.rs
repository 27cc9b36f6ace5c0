//! A command run within a container.

use super::container::ContainerId;
use super::{ANSWER, Engine, EngineError, WORK};
use crate::procfs;
use futures::StreamExt as _;
use rustix::process::{Pid, Signal, kill_process};
use std::time::Duration;
use testcontainers::bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};

/// Bytes of output that are kept.
const KEPT: usize = 256 << 10;

/// Between two looks at a command that is to end.
const LOOK: Duration = Duration::from_millis(50);

/// What a command came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executed {
    /// Its exit code; 126 and 127: it could not be run, was not found.
    pub code: i64,
    /// What it printed, standard output and error as they came; cut after 256 KiB.
    pub output: String,
}

impl Engine {
    /// Runs a command in a container that runs, to its end.
    pub async fn exec(
        &self,
        id: &ContainerId,
        command: &[String],
        limit: Duration,
    ) -> Result<Executed, EngineError> {
        let doing = format!("run `{}` in {id}", command.join(" "));
        let options = CreateExecOptions {
            cmd: Some(command.to_vec()),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..CreateExecOptions::default()
        };
        let made = self.docker.create_exec(id.as_str(), options);
        let made = self.ask(&doing, ANSWER, made).await?.id;
        let output = self.ask(&doing, limit, async {
            let started = self
                .docker
                .start_exec(&made, None::<StartExecOptions>)
                .await?;
            let mut kept = Vec::new();
            if let StartExecResults::Attached { mut output, .. } = started {
                while let Some(piece) = output.next().await {
                    let piece = piece?.into_bytes();
                    kept.extend_from_slice(&piece[..piece.len().min(KEPT - kept.len())]);
                }
            }
            Ok(kept)
        });
        let output = output.await;
        if output.as_ref().is_err_and(EngineError::is_late) {
            self.give_up(&made, id).await;
        }
        let output = String::from_utf8_lossy(&output?).into_owned();
        let ended = self.ask(&doing, ANSWER, self.docker.inspect_exec(&made));
        match ended.await?.exit_code {
            Some(code) => Ok(Executed { code, output }),
            // Its output ended and it did not: the container was ended around it, or the engine went.
            None => Err(EngineError::Other {
                doing,
                reason: format!("it did not come to an end; it printed: {}", output.trim()),
            }),
        }
    }

    /// Kills a command that takes too long, or waits a while for its end where it can't be: engines can't end one, only
    /// whoever may signal its process can. Else one more would run with each question that nobody answers.
    async fn give_up(&self, made: &str, id: &ContainerId) {
        let over = async {
            while let Ok(told) = self
                .ask("end a command", ANSWER, self.docker.inspect_exec(made))
                .await
            {
                if told.running != Some(true) {
                    return;
                }
                let pid = told.pid.and_then(|pid| i32::try_from(pid).ok());
                if let Some(pid) = pid.filter(|pid| procfs::is_within(*pid, id.as_str()))
                    && let Some(pid) = Pid::from_raw(pid)
                {
                    // Who may not waits.
                    let _ = kill_process(pid, Signal::KILL);
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        let _ = tokio::time::timeout(WORK, over).await;
    }
}
