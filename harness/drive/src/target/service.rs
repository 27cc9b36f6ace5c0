//! One service's life: its name, its last lines, whether its end is a surprise and how it is told. What it runs as is its
//! body: a process of this machine, or a container. Knows nothing of other services.

mod container;
mod process;

use super::engine::Seen;
use super::journal::{Journal, JournalError};
use super::output::{Sink, Tail};
use container::Container;
pub(super) use container::Vessel;
use harness_core::event::Event;
use process::Process;
pub(super) use process::{command, describe};
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// How long the end of a process that was killed is waited for.
const DYING: Duration = Duration::from_secs(5);
/// And that of a container, which is an engine's work: under load it takes its time.
const REMOVED: Duration = Duration::from_secs(60);

/// How to start a service as a process; every text is final.
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

/// What a service runs as.
#[derive(Debug)]
enum Body {
    Process(Process),
    Container(Container),
}

/// A running service.
#[derive(Debug)]
pub(super) struct Service {
    name: String,
    body: Body,
    tail: Tail,
    /// Whether the words that it was to print were heard.
    heard: watch::Receiver<bool>,
    /// Whether it is meant to end.
    to_end: AtomicBool,
    /// Set once its unexpected end was told.
    told: AtomicBool,
    /// `None` while it lives.
    status: watch::Receiver<Option<String>>,
}

impl Service {
    /// Starts it as a process. The journal names it before anybody waits for it.
    pub(super) fn start(
        start: &Start,
        journal: &Journal,
        sink: Arc<Sink>,
    ) -> Result<Self, SpawnError> {
        let (tail, heard) = (sink.tail(), sink.heard());
        let (process, status) = Process::start(start, journal, sink)?;
        let body = Body::Process(process);
        Ok(Self::of(start.name.clone(), body, (tail, heard), status))
    }

    /// The life of a container that was just started; its output is read from where `seen` is.
    pub(super) fn within(name: String, vessel: Vessel, seen: &Seen, sink: Arc<Sink>) -> Self {
        let said = (sink.tail(), sink.heard());
        let (container, status) = Container::watch(vessel, seen, sink);
        Self::of(name, Body::Container(container), said, status)
    }

    fn of(
        name: String,
        body: Body,
        (tail, heard): (Tail, watch::Receiver<bool>),
        status: watch::Receiver<Option<String>>,
    ) -> Self {
        Self {
            name,
            body,
            tail,
            heard,
            to_end: AtomicBool::new(false),
            told: AtomicBool::new(false),
            status,
        }
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Its last lines of output.
    pub(super) fn tail(&self) -> Vec<String> {
        self.tail.lines()
    }

    /// Tells when the words were heard that its output was to be searched for.
    pub(super) fn heard(&self) -> watch::Receiver<bool> {
        self.heard.clone()
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
        self.to_end.fetch_or(!self.ended(), Ordering::AcqRel);
    }

    /// Whether it is meant to end, or has.
    pub(super) fn is_to_end(&self) -> bool {
        self.to_end.load(Ordering::Acquire)
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

    /// Asks it to end, and ends what is left of it after `grace`.
    pub(super) async fn stop(&self, grace: Duration) -> Result<(), String> {
        match &self.body {
            Body::Process(process) => {
                process.signal(Signal::TERM);
                // One that stands hears it only when it goes on.
                process.signal(Signal::CONT);
                let ended = tokio::time::timeout(grace, self.wait()).await.is_ok();
                process.signal(Signal::KILL);
                match ended {
                    true => Ok(()),
                    false => self.gone().await,
                }
            }
            Body::Container(container) => {
                container.stop(grace).await?;
                self.gone().await
            }
        }
    }

    /// Ends it at once, and waits until it is gone.
    pub(super) async fn kill(&self) -> Result<(), String> {
        self.let_end();
        match &self.body {
            Body::Process(process) => process.signal(Signal::KILL),
            Body::Container(container) => container.kill().await?,
        }
        self.gone().await
    }

    /// Waits for the end of what was killed.
    async fn gone(&self) -> Result<(), String> {
        let within = match &self.body {
            Body::Process(_) => DYING,
            Body::Container(_) => REMOVED,
        };
        let gone = tokio::time::timeout(within, self.wait()).await;
        gone.map(drop)
            .map_err(|_| format!("service `{}` was killed and does not end", self.name))
    }

    /// Has it stand where it is.
    pub(super) async fn pause(&self) -> Result<(), String> {
        match &self.body {
            Body::Process(process) => {
                process.signal(Signal::STOP);
                Ok(())
            }
            Body::Container(container) => container.pause().await,
        }
    }

    /// Has it go on.
    pub(super) async fn go_on(&self) -> Result<(), String> {
        match &self.body {
            Body::Process(process) => {
                process.signal(Signal::CONT);
                Ok(())
            }
            Body::Container(container) => container.go_on().await,
        }
    }

    /// Its process group; 0 for a container.
    pub(super) fn group(&self) -> i32 {
        match &self.body {
            Body::Process(process) => process.group(),
            Body::Container(_) => 0,
        }
    }

    /// Whether its end is that of the engine it runs on.
    pub(super) fn lost(&self) -> bool {
        match &self.body {
            Body::Process(_) => false,
            Body::Container(container) => container.lost(),
        }
    }

    /// The container that it runs in, if it does.
    pub(super) fn vessel(&self) -> Option<&Vessel> {
        match &self.body {
            Body::Process(_) => None,
            Body::Container(container) => Some(container.vessel()),
        }
    }

    /// Whether it is gone.
    pub(super) fn ended(&self) -> bool {
        match &self.body {
            Body::Process(process) => process.ended(),
            Body::Container(container) => container.ended(),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::redact::Redactor;
    use std::path::Path;

    pub(in super::super) async fn started(script: &str, folder: &Path) -> Service {
        let journal = Journal::create(&folder.join("undo"), "test-service").unwrap();
        let log = folder.join("s.log");
        let sink = Arc::new(Sink::open(&log, Redactor::default(), None).await.unwrap());
        let start = Start {
            name: "s".into(),
            command: vec!["sh".into(), "-c".into(), script.into()],
            env: BTreeMap::new(),
            dir: folder.to_owned(),
            run: "test-service".into(),
        };
        Service::start(&start, &journal, sink).unwrap()
    }

    #[tokio::test]
    async fn a_service_that_ended_by_itself_is_told_even_when_it_was_about_to_be_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let service = started("echo last words; exit 7", folder.path()).await;
        service.wait().await;
        service.let_end();
        service.stop(Duration::from_secs(1)).await.unwrap();
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
    async fn a_service_that_was_killed_is_no_surprise_when_all_are_stopped_later() {
        let folder = tempfile::tempdir().unwrap();
        let service = started("exec sleep 300", folder.path()).await;
        service.kill().await.unwrap();
        service.let_end();
        assert!(service.death().await.is_none());
    }

    #[tokio::test]
    async fn a_service_that_was_stopped_is_no_surprise() {
        let folder = tempfile::tempdir().unwrap();
        let service = started("exec sleep 300", folder.path()).await;
        service.let_end();
        service.stop(Duration::from_secs(10)).await.unwrap();
        assert!(service.death().await.is_none());
    }
}
