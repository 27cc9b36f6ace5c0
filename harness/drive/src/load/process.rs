//! A load that a worker process plays: it is given its part of the plan, told of epochs and of the end, and its reports are
//! handed on as if they were the native engine's. Knows nothing of the engine in it.

use harness_core::data::Rows;
use harness_core::journey::Action;
use harness_core::plan::load::{HttpPlan, Model};
use harness_load::{Attack, Orders, Report, Word};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc::Sender;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How often it is looked whether a new epoch has begun.
const LOOK: Duration = Duration::from_millis(2);
/// From the word to stop to the end of the process.
const PATIENCE: Duration = Duration::from_secs(8);

/// What a worker process is started as.
#[derive(Debug, Clone)]
pub struct Program {
    /// The program.
    pub path: PathBuf,
    /// A variable of its environment by which the run's children are found, and its value.
    pub label: (&'static str, String),
}

/// Why a worker process can't play a load.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The program is not there.
    #[error(
        "failed to start the load of {scenario} on Goose: there is no {path}; build it with `cargo build --manifest-path harness/goose/Cargo.toml --target-dir target`, with `--release` beside a release build",
        path = path.display()
    )]
    Missing {
        /// The scenario.
        scenario: String,
        /// Where it should be.
        path: PathBuf,
    },
    /// The plan asks for something that Goose can't do.
    #[error("failed to start the load of {scenario} on Goose: {reason}; `engine = \"native\"` can")]
    Unfit {
        /// The scenario.
        scenario: String,
        /// What it can't do.
        reason: String,
    },
    /// It could not be started.
    #[error("failed to start {path}: {source}", path = path.display())]
    Start {
        /// The program.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}

/// A worker process that plays.
#[derive(Debug)]
pub(super) struct Worker {
    stop: watch::Sender<bool>,
    listener: JoinHandle<()>,
}

impl Worker {
    /// Starts it. Reports go to `reports` until [`Report::Ended`], which comes even if it dies.
    pub(super) fn start(
        attack: &Attack,
        program: &Program,
        reports: Sender<Report>,
    ) -> Result<Self, ProcessError> {
        let path = program.path.clone();
        let scenario = attack.scenario.to_string();
        if let Some(reason) = unfit(attack) {
            return Err(ProcessError::Unfit { scenario, reason });
        }
        if !path.is_file() {
            return Err(ProcessError::Missing { scenario, path });
        }
        let (name, value) = &program.label;
        let child = Command::new(&path)
            .env(name, value)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let child = child.map_err(|source| ProcessError::Start { path, source })?;
        let (stop, stopped) = watch::channel(false);
        let listener = tokio::spawn(listen(child, attack.clone(), reports, stopped));
        Ok(Self { stop, listener })
    }

    /// As for the native engine.
    pub(super) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits for its end.
    pub(super) async fn join(self) {
        let _ = self.listener.await;
    }
}

/// What of an attack Goose can't play. The plan's resolution refuses the same (`load/goose.rs`); this is for what only a run
/// knows, such as an address that a secret holds.
fn unfit(attack: &Attack) -> Option<String> {
    let Model::Closed(closed) = &attack.plan.model else {
        return Some("it has no open model".to_owned());
    };
    let users = attack.plan.users().unwrap_or_default();
    if closed
        .users
        .iter()
        .any(|s| (s.from, s.to) != (users, users))
    {
        return Some("its users are as many from begin to end".to_owned());
    }
    let usual = HttpPlan {
        connections: attack.plan.http.connections,
        ..HttpPlan::default()
    };
    if attack.plan.http != usual || attack.route.socket.is_some() {
        return Some(
            "each of its users has a client of its own, with no rules for connections".to_owned(),
        );
    }
    for journey in &attack.journeys {
        if let Rows::Streamed(data) = &journey.rows {
            return Some(format!(
                "its process does not read {}, which is too large to be sent",
                data.file
            ));
        }
        let secure = journey.steps.iter().any(|step| match &step.action {
            Action::Request(request) => request.url.to_plain().starts_with("https:"),
            _ => false,
        });
        if secure {
            return Some(format!(
                "journey {} goes over https, whose certificates it does not know",
                journey.name
            ));
        }
    }
    None
}

async fn listen(
    mut child: Child,
    attack: Attack,
    reports: Sender<Report>,
    mut stopped: watch::Receiver<bool>,
) {
    let (Some(words), Some(said)) = (child.stdin.take(), child.stdout.take()) else {
        return;
    };
    let mut stopping = stopped.clone();
    let told = tokio::spawn(tell(words, attack, stopped.clone()));
    let mut lines = BufReader::new(said).lines();
    let overdue = async {
        // An error means that nobody wants the load any more.
        let _ = stopping.wait_for(|stop| *stop).await;
        tokio::time::sleep(PATIENCE).await;
    };
    let hear = async {
        loop {
            let report = match lines.next_line().await {
                Ok(Some(line)) => serde_json::from_str::<Report>(&line).map_err(|error| {
                    format!("the worker process said what nobody understands: {error}")
                }),
                Ok(None) => Err("the worker process ended before its load did".to_owned()),
                Err(error) => Err(format!(
                    "failed to read what the worker process says: {error}"
                )),
            };
            match report {
                Ok(Report::Ended) => return None,
                Ok(report) => {
                    // Nobody reads any more.
                    if reports.send(report).await.is_err() {
                        return None;
                    }
                }
                Err(reason) => return Some(reason),
            }
        }
    };
    let failure = tokio::select! {
        failure = hear => failure,
        () = overdue => Some("the worker process did not stop in time".to_owned()),
    };
    told.abort();
    if let Some(reason) = failure {
        let _ = child.start_kill();
        let status = child.wait().await;
        let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        let _ = reports
            .send(Report::WorkerFailed(format!("{reason} ({status})")))
            .await;
    } else if tokio::time::timeout(PATIENCE, child.wait()).await.is_err() {
        let _ = child.kill().await;
    }
    let _ = stopped.borrow_and_update();
    let _ = reports.send(Report::Ended).await;
}

/// Gives orders, then every new epoch, then the word to stop. What can't be told is seen by whoever listens.
async fn tell(mut words: ChildStdin, attack: Attack, mut stopped: watch::Receiver<bool>) {
    let mut epoch = attack.epoch.load(Ordering::Acquire);
    if say(&mut words, &Orders::of(&attack, epoch)).await.is_none() {
        return;
    }
    loop {
        tokio::select! {
            biased;
            _ = stopped.wait_for(|stop| *stop) => break,
            () = tokio::time::sleep(LOOK) => {}
        }
        let now = attack.epoch.load(Ordering::Acquire);
        if now != epoch {
            epoch = now;
            if say(&mut words, &Word::Epoch(now)).await.is_none() {
                return;
            }
        }
    }
    let _ = say(&mut words, &Word::Stop).await;
}

async fn say(words: &mut ChildStdin, value: &impl serde::Serialize) -> Option<()> {
    let mut line = serde_json::to_vec(value).ok()?;
    line.push(b'\n');
    words.write_all(&line).await.ok()
}
