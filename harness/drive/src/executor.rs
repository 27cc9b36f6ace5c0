//! A run made: its journal and its guardian, the one mouth that its work speaks to, and how it is left, in order, in a hurry
//! or broken. With its modules the only one that sees all the others; it decides when, never what things mean.

mod hold;
mod perform;
mod phases;
mod scenario;
mod search;

pub use hold::Addresses;

use crate::dispatcher::{Dispatcher, Input, Mouth, Response};
use crate::health::Gauges;
use crate::http_client::{Client, ClientError};
use crate::load::Program;
use crate::redact::{Redactor, Secrets};
use crate::target::guardian::{Guardian, GuardianError};
use crate::target::heal::heal;
use crate::target::journal::{Entry, Journal, JournalError, LABEL};
use harness_core::event::{Envelope, Event, RunEnd, RunStarted, ScenarioEnd};
use harness_core::name::Name;
use harness_core::plan::Plan;
use harness_core::plan::fault::FaultKind;
use harness_core::record::Record;
use harness_load::{Clock, Route};
use hold::Work;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

/// A run to be made.
pub struct Job {
    /// What the stream begins with; holds the plan.
    pub started: RunStarted,
    /// Secrets, resolved.
    pub secrets: Secrets,
    /// The suite's root.
    pub root: PathBuf,
    /// The run's folder; must exist and be writable.
    pub folder: PathBuf,
    /// The run's clock, from its begin.
    pub clock: Clock,
    /// The program that is the guardian, and the arguments before the journal's path.
    pub guardian: (PathBuf, Vec<String>),
    /// Texts of the feature files, by name: cucumber sequences what they hold. Journeys of a file that is not among them
    /// are walked as the plan has them.
    pub features: Vec<(String, String)>,
    /// How the target is reached beyond its URLs.
    pub route: Route,
    /// Threads of the load generator; `None` for as many as each load needs.
    pub threads: Option<usize>,
}

/// Why a run could not even begin. Nothing was started.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// No journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// No guardian.
    #[error(transparent)]
    Guardian(#[from] GuardianError),
    /// No HTTP client.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// How a run went.
pub struct Finished {
    /// What its events say.
    pub record: Record,
    /// Whether it was left in a hurry: the guardian is cleaning up.
    pub abandoned: bool,
}

/// Ways in which the dispatcher's decisions reach those who work.
#[derive(Clone, Default)]
struct Control {
    cancel: CancellationToken,
    loading: Arc<Mutex<Option<Loading>>>,
    /// Whether something could not be undone: the journal stays open for `harness heal`.
    left_behind: Arc<AtomicBool>,
}

/// The scenario under load, what stops it, and why it was stopped.
type Loading = (Name, CancellationToken, Option<ScenarioEnd>);

impl Control {
    fn stop_scenario(&self, name: &Name, end: ScenarioEnd) {
        let mut loading = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, token, why)) = loading.as_mut().filter(|(loading, ..)| loading == name) {
            why.get_or_insert(end);
            token.cancel();
        }
    }
}

/// Makes a run. The listener hears every event, on the caller's task, with the record so far. Each message on
/// `interrupts` is a wish to stop; the second means at once.
pub async fn run<L: FnMut(&Envelope, &Record)>(
    job: Job,
    interrupts: mpsc::Receiver<()>,
    listener: L,
) -> Result<Finished, BeginError> {
    make(job, Work::Play, interrupts, listener).await
}

/// Brings the target up and holds it until somebody wishes its end, with everything that keeps a run's target from being
/// left behind. `ready` is told where it answers, once it does.
pub async fn hold<L: FnMut(&Envelope, &Record)>(
    job: Job,
    ready: mpsc::Sender<Addresses>,
    interrupts: mpsc::Receiver<()>,
    listener: L,
) -> Result<Finished, BeginError> {
    make(job, Work::Hold(ready), interrupts, listener).await
}

async fn make<L: FnMut(&Envelope, &Record)>(
    mut job: Job,
    work: Work,
    mut interrupts: mpsc::Receiver<()>,
    listener: L,
) -> Result<Finished, BeginError> {
    if let Some(workers) = scenario::most_workers(&job.started.plan, job.threads) {
        let environment = &mut job.started.environment;
        environment.insert("workers".into(), workers.to_string());
    }
    let redactor = Redactor::new(&job.secrets);
    let plan = &job.started.plan;
    let deploys = plan
        .faults()
        .any(|(_, strike)| matches!(strike.kind, FaultKind::Deploy(_)));
    let client = match deploys {
        // Who looks after a service must reach whichever version serves, and keep none from being drained.
        true => Client::unpooled(job.clock, &job.route)?,
        false => Client::new(job.clock, &job.route)?,
    };
    let journal = Journal::create(&job.folder.join("undo.ndjson"), job.started.run.as_str())?;
    let arguments: Vec<&str> = job.guardian.1.iter().map(String::as_str).collect();
    let guardian = Guardian::start(&job.guardian.0, &arguments, &journal)?;

    let (mouth, mut inputs) = Mouth::pair();
    let control = Control::default();
    let mut dispatcher = Dispatcher::new(job.clock, redactor.clone(), listener);
    let run = Run {
        mouth,
        control: control.clone(),
        client,
        redactor,
        journal: journal.clone(),
        gauges: Gauges::default(),
        job,
        work,
    };
    let mut work = tokio::spawn(run.perform().in_current_span());
    let mut second = tokio::time::interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let left = loop {
        // A wish to stop is never behind a flood of events; what was said is heard before the end of the work is noticed.
        let input = tokio::select! {
            biased;
            Some(()) = interrupts.recv() => Input::Interrupt,
            _ = second.tick() => Input::Second,
            Some(input) = inputs.recv() => input,
            ended = &mut work => {
                // It may have ended just after the look at what was said: its last words lie there still.
                while let Ok(input) = inputs.try_recv() {
                    dispatcher.handle(input);
                }
                break if ended.is_err() { Left::Broken } else { Left::InOrder };
            }
        };
        match dispatcher.handle(input) {
            Response::Continue => {}
            Response::StopScenario(name, end) => control.stop_scenario(&name, end),
            Response::Cancel => control.cancel.cancel(),
            Response::ExitNow => break Left::InHurry,
            Response::Finished => break Left::InOrder,
        }
    };
    match left {
        Left::InHurry => {
            work.abort();
            // Its pipe closes with this process, not before: the guardian must not race the last words.
            std::mem::forget(guardian);
        }
        Left::InOrder => {
            // Asked a second time for its end, it would panic.
            if !work.is_finished() {
                let _ = work.await;
            }
            if !control.left_behind.load(Ordering::Acquire) {
                // On a full disk the run's answer still stands: a sweep that reads the journal finds nothing left to end.
                let _ = journal.write(&Entry::Clean);
            }
            let _ = tokio::task::spawn_blocking(move || guardian.dismiss()).await;
        }
        Left::Broken => {
            let text = "the harness itself failed (a defect: please report it); everything it started is being ended".to_owned();
            dispatcher.handle(Input::Say(Event::Notice { text }));
            let path = journal.path().to_owned();
            let _ = tokio::task::spawn_blocking(move || heal(&path, Duration::from_secs(3))).await;
            dispatcher.handle(Input::Say(Event::RunFinished {
                end: RunEnd::Broken,
            }));
            // What outlived the panic may start something yet: the guardian sweeps once more when this process is gone.
            std::mem::forget(guardian);
        }
    }
    Ok(Finished {
        record: dispatcher.into_record(),
        abandoned: left == Left::InHurry,
    })
}

/// How the work was left.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Left {
    /// Everything is undone.
    InOrder,
    /// Somebody asked twice to stop.
    InHurry,
    /// It panicked.
    Broken,
}

/// A run under way.
struct Run {
    job: Job,
    work: Work,
    mouth: Mouth,
    control: Control,
    client: Client,
    redactor: Redactor,
    journal: Journal,
    gauges: Gauges,
}

impl Run {
    /// The program that plays loads in a process of its own; it lies beside this one.
    fn worker_program(&self) -> Program {
        Program {
            path: self.job.guardian.0.with_file_name("harness-goose"),
            label: (LABEL, self.job.started.run.to_string()),
        }
    }

    fn plan(&self) -> &Plan {
        &self.job.started.plan
    }
}
