//! One service as a process: started in a group of its own, watched, stopped by TERM and then KILL. Knows nothing of
//! the others.

use super::journal::{Entry, Journal, JournalError, LABEL};
use super::output::{Sink, Tail};
use crate::procfs;
use harness_core::event::Event;
use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// How long the output of a process that ended is still read.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// How to start a service; every text is final.
#[derive(Debug, Clone)]
pub(super) struct Start {
    /// Its name.
    pub(super) name: String,
    /// Program and arguments; not empty.
    pub(super) command: Vec<String>,
    /// Environment added to the harness's own.
    pub(super) env: BTreeMap<String, String>,
    /// Working directory.
    pub(super) dir: PathBuf,
    /// File that collects its output.
    pub(super) log: PathBuf,
    /// The run's id, its label.
    pub(super) run: String,
}

/// Why a service could not be started.
#[derive(Debug, thiserror::Error)]
pub(super) enum SpawnError {
    /// The program can't be run.
    #[error("failed to run `{command}` in {}: {source}", dir.display())]
    Run {
        /// The command as typed.
        command: String,
        /// Where.
        dir: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Its output can't be kept.
    #[error("failed to open {} for its output: {source}", path.display())]
    Log {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It can't be journalled.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// A running service.
#[derive(Debug)]
pub(super) struct Service {
    name: String,
    pid: i32,
    tail: Tail,
    /// Whether it is meant to end.
    to_end: AtomicBool,
    /// Set once its unexpected end was told.
    told: AtomicBool,
    /// Set as soon as its process was reaped.
    reaped: Arc<AtomicBool>,
    /// `None` while it lives.
    status: watch::Receiver<Option<String>>,
}

impl Service {
    /// Starts the process. The journal names it before anybody waits for it.
    pub(super) async fn start(
        start: &Start,
        journal: &Journal,
        sink: Arc<Sink>,
    ) -> Result<Self, SpawnError> {
        let (program, arguments) = start
            .command
            .split_first()
            .map_or(("", &[][..]), |(p, a)| (p.as_str(), a));
        let mut command = tokio::process::Command::new(resolve(program, &start.dir));
        command
            .args(arguments)
            .envs(&start.env)
            .env(LABEL, &start.run)
            .current_dir(&start.dir);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        let mut child = command.spawn().map_err(|source| SpawnError::Run {
            command: start.command.join(" "),
            dir: start.dir.clone(),
            source,
        })?;
        let pid = child
            .id()
            .and_then(|pid| i32::try_from(pid).ok())
            .unwrap_or(0);
        let entry = Entry::Process {
            service: start.name.clone(),
            pid,
            started: procfs::start_time(pid).unwrap_or(0),
        };
        if let Err(error) = journal.write(&entry) {
            signal(pid, Signal::KILL);
            return Err(error.into());
        }
        let (said, status) = watch::channel(None);
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let tail = sink.tail();
        let journal = journal.clone();
        let drained = tokio::spawn(async move {
            tokio::join!(
                async {
                    if let Some(out) = out {
                        sink.drain(out).await;
                    }
                },
                async {
                    if let Some(err) = err {
                        sink.drain(err).await;
                    }
                },
            )
        });
        let reaped = Arc::new(AtomicBool::new(false));
        let gone = Arc::clone(&reaped);
        tokio::spawn(async move {
            let words = describe(child.wait().await);
            // From here on its pid may be somebody else's.
            gone.store(true, Ordering::Release);
            // Its last words are worth a moment; a grandchild that holds the streams open is not waited for.
            let _ = tokio::time::timeout(LAST_WORDS, drained).await;
            // A journal that can't be written any more is told when the next thing is started.
            let _ = journal.write(&Entry::Gone { pid });
            let _ = said.send(Some(words));
        });
        Ok(Self {
            name: start.name.clone(),
            pid,
            tail,
            to_end: AtomicBool::new(false),
            told: AtomicBool::new(false),
            reaped,
            status,
        })
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Its last lines of output.
    pub(super) fn tail(&self) -> Vec<String> {
        self.tail.lines()
    }

    /// Waits for its end.
    pub(super) fn wait(&self) -> impl Future<Output = String> + Send + use<> {
        let mut status = self.status.clone();
        async move {
            let ended = status
                .wait_for(Option::is_some)
                .await
                .ok()
                .and_then(|words| words.clone());
            ended.unwrap_or_else(|| "an unknown end".to_owned())
        }
    }

    /// From here on its end is no surprise; that of one which has ended already stays one.
    pub(super) fn let_end(&self) {
        self.to_end.store(!self.ended(), Ordering::Release);
    }

    /// Its end was told in other words.
    pub(super) fn end_is_told(&self) {
        self.told.store(true, Ordering::Release);
    }

    /// The event that tells of its end, if that is a surprise nobody has told yet. Waits until it has ended.
    pub(super) async fn death(&self) -> Option<Event> {
        let status = self.wait().await;
        let surprise =
            !self.to_end.load(Ordering::Acquire) && !self.told.swap(true, Ordering::AcqRel);
        surprise.then(|| Event::ServiceDied {
            service: self.name.clone(),
            status,
            output: self.tail(),
        })
    }

    /// TERM to its group, and KILL to what is left after `grace`. A group whose leader was reaped may be a stranger's
    /// by now: what is left of it carries the run's label and is ended by that.
    pub(super) async fn stop(&self, grace: Duration) {
        self.signal(Signal::TERM);
        let ended = tokio::time::timeout(grace, self.wait()).await.is_ok();
        self.signal(Signal::KILL);
        if !ended {
            let _ = tokio::time::timeout(Duration::from_secs(5), self.wait()).await;
        }
    }

    /// KILL to its group, and waits until it is gone.
    pub(super) async fn kill(&self) {
        self.let_end();
        self.signal(Signal::KILL);
        let _ = tokio::time::timeout(Duration::from_secs(5), self.wait()).await;
    }

    /// STOP to its group.
    pub(super) fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// CONT to its group.
    pub(super) fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    /// Its process group, which is its leader's pid.
    pub(super) fn group(&self) -> i32 {
        self.pid
    }

    /// Whether its process is gone.
    pub(super) fn ended(&self) -> bool {
        self.reaped.load(Ordering::Acquire) || procfs::ended(self.pid)
    }

    fn signal(&self, wanted: Signal) {
        if !self.reaped.load(Ordering::Acquire) {
            signal(self.pid, wanted);
        }
    }
}

/// A program with a `/` in it is found from the working directory, as in a shell; others from PATH.
fn resolve(program: &str, dir: &Path) -> PathBuf {
    if program.contains('/') {
        dir.join(program)
    } else {
        PathBuf::from(program)
    }
}

fn signal(group: i32, signal: Signal) {
    // Gone already is what was wanted.
    if let Some(pid) = Pid::from_raw(group) {
        let _ = kill_process_group(pid, signal);
    }
}

/// An exit status in words.
pub(super) fn describe(exit: std::io::Result<ExitStatus>) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match exit {
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => format!("exit code {code}"),
            (None, Some(signal)) => format!("signal {signal}"),
            (None, None) => status.to_string(),
        },
        Err(error) => format!("an unknown end: {error}"),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::redact::Redactor;

    pub(in super::super) async fn started(script: &str, folder: &Path) -> Service {
        let journal = Journal::create(&folder.join("undo"), "test-service").unwrap();
        let log = folder.join("s.log");
        let sink = Arc::new(Sink::open(&log, Redactor::default()).await.unwrap());
        let start = Start {
            name: "s".into(),
            command: vec!["sh".into(), "-c".into(), script.into()],
            env: BTreeMap::new(),
            dir: folder.to_owned(),
            log,
            run: "test-service".into(),
        };
        Service::start(&start, &journal, sink).await.unwrap()
    }

    #[tokio::test]
    async fn a_service_that_ended_by_itself_is_told_even_when_it_was_about_to_be_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let service = started("echo last words; exit 7", folder.path()).await;
        service.wait().await;
        service.let_end();
        service.stop(Duration::from_secs(1)).await;
        let Some(Event::ServiceDied { status, output, .. }) = service.death().await else {
            panic!("its death was not told")
        };
        assert_eq!(
            (status.as_str(), output),
            ("exit code 7", vec!["last words".to_owned()])
        );
        assert!(service.death().await.is_none(), "it was told twice");
    }

    #[tokio::test]
    async fn a_service_that_was_stopped_is_no_surprise() {
        let folder = tempfile::tempdir().unwrap();
        let service = started("exec sleep 300", folder.path()).await;
        service.let_end();
        service.stop(Duration::from_secs(10)).await;
        assert!(service.death().await.is_none());
    }
}
