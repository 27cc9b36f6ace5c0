//! The processes of a self-test: the server, and `harness load` as anybody starts it. Starts, stops and wakes them, and
//! reads what they left; judges nothing.

use super::server::LOADED;
use crate::error::CliError;
use harness_core::record::Record;
use harness_report::store::{self, RunStore};
use rustix::process::{Pid, Signal, kill_process};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// How long a server may take to come up, and a load to begin.
const BEGIN: Duration = Duration::from_secs(60);

fn failed(doing: &str, error: &dyn std::fmt::Display) -> CliError {
    CliError::Machine(format!("failed to {doing}: {error}"))
}

fn harness(arguments: &[&str]) -> Result<Command, CliError> {
    let program =
        std::env::current_exe().map_err(|error| failed("find this program's own file", &error))?;
    let mut command = Command::new(program);
    command.args(arguments).kill_on_drop(true);
    // A log or a trace of the self-test is not one of its parts.
    for variable in ["HARNESS_LOG", "HARNESS_LOG_FORMAT", "HARNESS_RUN"] {
        command.env_remove(variable);
    }
    Ok(command)
}

/// The built-in server, in a process of its own; ends when dropped.
pub(super) struct Server {
    child: Child,
    /// Its word that this process still lives.
    _alive: Option<ChildStdin>,
    /// Where it answers.
    pub(super) address: String,
    loads: mpsc::Receiver<()>,
}

impl Server {
    /// Starts it and waits until it listens.
    pub(super) async fn start() -> Result<Self, CliError> {
        let mut command = harness(&["selftest-server"])?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command
            .spawn()
            .map_err(|error| failed("start the self-test's server", &error))?;
        let alive = child.stdin.take();
        let out = child
            .stdout
            .take()
            .ok_or_else(|| CliError::Machine("failed to hear the self-test's server".to_owned()))?;
        let mut lines = BufReader::new(out).lines();
        let first = tokio::time::timeout(BEGIN, lines.next_line()).await;
        let Ok(Ok(Some(address))) = first else {
            return Err(CliError::Machine(
                "failed to start the self-test's server: it did not say where it listens"
                    .to_owned(),
            ));
        };
        let (told, loads) = mpsc::channel(64);
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                if line == LOADED {
                    // Who is not waiting for it needs no word.
                    let _ = told.try_send(());
                }
            }
        });
        Ok(Self {
            child,
            _alive: alive,
            address,
            loads,
        })
    }

    /// Forgets the loads that have begun.
    fn forget(&mut self) {
        while self.loads.try_recv().is_ok() {}
    }

    /// Its process.
    fn pid(&self) -> Result<Pid, CliError> {
        pid_of(&self.child, "the self-test's server")
    }
}

fn pid_of(child: &Child, what: &str) -> Result<Pid, CliError> {
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
    pid.and_then(Pid::from_raw)
        .ok_or_else(|| CliError::Machine(format!("{what} ended before its time")))
}

/// Connections of a load: as many as any has, so that connections are asked for while the server stands still, too.
const CONNECTIONS: &str = "256";

/// A load as anybody makes it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    /// Requests per second.
    pub(super) rate: u32,
    /// For how many seconds.
    pub(super) seconds: u32,
}

/// What is stopped while a load runs: when, from its first request, and for how long.
#[derive(Debug, Clone, Copy)]
pub(super) enum Freeze {
    /// Nothing.
    None,
    /// The server.
    Target(Duration, Duration),
    /// The load itself.
    Generator(Duration, Duration),
}

/// What a load left.
pub(super) struct Left {
    /// Its record.
    pub(super) record: Record,
    /// Seconds for which something was stopped, as measured.
    pub(super) stopped: f64,
    /// How it ended.
    pub(super) status: ExitStatus,
}

/// Plays a load against the server with `harness load`, stopping what is to be stopped.
pub(super) async fn play(
    server: &mut Server,
    load: Load,
    freeze: Freeze,
    folder: &Path,
) -> Result<Left, CliError> {
    let url = format!("http://{}/", server.address);
    let (rate, lasts) = (format!("{}/s", load.rate), format!("{}s", load.seconds));
    let runs = folder.to_string_lossy().into_owned();
    server.forget();
    let mut command = harness(&[
        "load",
        &url,
        "--rate",
        &rate,
        "--for",
        &lasts,
        "--connections",
        CONNECTIONS,
        "--timeout",
        "60s",
        "--reports",
        &runs,
        "--format",
        "json",
        "--quiet",
    ])?;
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .map_err(|error| failed("start `harness load`", &error))?;
    let stopped = match freeze {
        Freeze::None => 0.0,
        Freeze::Target(after, lasts) => {
            begun(server, &mut child).await?;
            stop(server.pid()?, after, lasts).await?
        }
        Freeze::Generator(after, lasts) => {
            begun(server, &mut child).await?;
            stop(pid_of(&child, "`harness load`")?, after, lasts).await?
        }
    };
    let output = child
        .wait_with_output()
        .await
        .map_err(|error| failed("wait for `harness load`", &error))?;
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    let events = RunStore::open(folder).resolve("latest").map_err(|error| {
        failed(
            "read what `harness load` left",
            &format!("{error}\n{words}"),
        )
    })?;
    let recorded = store::record(&events).map_err(|error| {
        failed(
            "read what `harness load` left",
            &format!("{error}\n{words}"),
        )
    })?;
    Ok(Left {
        record: recorded.record,
        stopped,
        status: output.status,
    })
}

/// Waits for the load's first request.
async fn begun(server: &mut Server, child: &mut Child) -> Result<(), CliError> {
    tokio::select! {
        told = tokio::time::timeout(BEGIN, server.loads.recv()) => match told {
            Ok(Some(())) => Ok(()),
            _ => Err(CliError::Machine("`harness load` sent nothing to the self-test's server".to_owned())),
        },
        ended = child.wait() => {
            let status = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
            Err(CliError::Machine(format!("`harness load` ended before it sent anything: {status}")))
        }
    }
}

/// Stops a process after a while, and lets it go on; for how many seconds it stood still.
async fn stop(pid: Pid, after: Duration, lasts: Duration) -> Result<f64, CliError> {
    tokio::time::sleep(after).await;
    let signal = |signal| {
        kill_process(pid, signal).map_err(|error| failed("stop a process of the self-test", &error))
    };
    signal(Signal::STOP)?;
    let from = Instant::now();
    tokio::time::sleep(lasts).await;
    signal(Signal::CONT)?;
    Ok(Instant::now().duration_since(from).as_secs_f64())
}
