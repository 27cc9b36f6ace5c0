//! The order of a run: target up, journeys, contract, scenarios, target down. The only module that sees all the others;
//! it decides when, never what things mean.

mod hold;
mod scenario;
mod search;

pub use hold::Addresses;

use crate::audit::Audit;
use crate::contract::{Contracts, Setting};
use crate::dispatcher::{Dispatcher, Input, Mouth, Response};
use crate::health::{self, Gauges};
use crate::http_client::{Client, ClientError};
use crate::journey::{Walker, cucumber};
use crate::load::Program;
use crate::ports::{Faults, Watch};
use crate::probe::Scraper;
use crate::redact::{Redactor, Secrets};
use crate::spans;
use crate::target::guardian::{Guardian, GuardianError};
use crate::target::heal::heal;
use crate::target::journal::{Entry, Journal, JournalError, LABEL};
use crate::target::{Failed, Surroundings, Target};
use harness_core::event::{Envelope, Event, Phase, RunEnd, RunStarted, ScenarioEnd};
use harness_core::journey::{Journey, WALKED};
use harness_core::name::Name;
use harness_core::plan::Plan;
use harness_core::plan::fault::FaultKind;
use harness_core::plan::invariant::QueryPlan;
use harness_core::random::coordinate;
use harness_core::record::Record;
use harness_core::template::{Symbols, UnboundError};
use harness_load::{Clock, Route};
use hold::Work;
use scenario::Stage;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span, info_span};

/// How long processes that outlived their services may take to end by themselves.
const SWEEP_GRACE: Duration = Duration::from_millis(500);

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

    async fn perform(self) {
        self.mouth
            .say(Event::RunStarted(Box::new(self.job.started.clone())))
            .await;
        self.mouth.say(Event::TargetStarting).await;
        let end = match Target::lay_out(self.plan(), self.surroundings()).await {
            Ok(target) => {
                let end = self.with_target(&target).await;
                let stop = async {
                    target.down().await;
                    self.sweep().await;
                };
                stop.instrument(info_span!("target stop")).await;
                self.mouth.say(Event::TargetStopped).await;
                end
            }
            Err(failed) => {
                let end = self.say_failed(failed).await;
                self.sweep().await;
                end
            }
        };
        self.mouth.say(Event::RunFinished { end }).await;
    }

    /// Ends what services left behind: processes that left their group still carry the run's label.
    async fn sweep(&self) {
        let path = self.journal.path().to_owned();
        let swept = tokio::task::spawn_blocking(move || heal(&path, SWEEP_GRACE)).await;
        let text = match swept {
            Ok(Ok(healed)) if !healed.failed.is_empty() => {
                self.control.left_behind.store(true, Ordering::Release);
                format!(
                    "not everything could be undone: {}; `harness heal` tries again",
                    healed.failed.join("; ")
                )
            }
            Ok(Ok(healed)) if !healed.proxies.is_empty() => {
                format!(
                    "what was left on a Toxiproxy server was undone: {}",
                    healed.proxies.join("; ")
                )
            }
            Ok(Ok(healed)) if !healed.containers.is_empty() => {
                format!(
                    "left on the container engine: {}",
                    healed.containers.join("; ")
                )
            }
            Ok(Ok(healed)) if !healed.processes.is_empty() => format!(
                "{} processes that outlived their services were ended",
                healed.processes.len()
            ),
            Ok(Ok(_)) => return,
            Ok(Err(error)) => format!("failed to look for what the services left behind: {error}"),
            Err(error) => format!("failed to look for what the services left behind: {error}"),
        };
        self.mouth.say(Event::Notice { text }).await;
    }

    fn surroundings(&self) -> Surroundings {
        Surroundings {
            root: self.job.root.clone(),
            folder: self.job.folder.clone(),
            run: self.job.started.run.clone(),
            seed: self.plan().seed,
            clock: self.job.clock,
            mouth: self.mouth.clone(),
            secrets: self.job.secrets.clone(),
            redactor: self.redactor.clone(),
            journal: self.journal.clone(),
            client: self.client.clone(),
            gauges: self.gauges.clone(),
            cancel: self.control.cancel.clone(),
        }
    }

    async fn say_failed(&self, failed: Failed) -> RunEnd {
        let Failed {
            service,
            reason,
            output,
        } = failed;
        self.mouth
            .say(Event::TargetFailed {
                service,
                reason,
                output,
            })
            .await;
        RunEnd::TargetFailed
    }

    /// Everything between the target's begin and its end.
    async fn with_target(&self, target: &Arc<Target>) -> RunEnd {
        let start = target.up().instrument(info_span!("target start"));
        let up = tokio::select! {
            biased;
            () = self.control.cancel.cancelled() => return RunEnd::Cancelled,
            up = start => up,
        };
        if let Err(failed) = up {
            return self.say_failed(failed).await;
        }
        if let Work::Hold(ready) = &self.work {
            return self.held(target, ready).await;
        }
        let background = CancellationToken::new();
        let mut watchers = tokio::task::JoinSet::new();
        watchers.spawn(health::watch(
            self.gauges.clone(),
            self.mouth.clone(),
            background.clone(),
        ));
        watchers.spawn(Arc::clone(target.links()).watch(self.mouth.clone(), background.clone()));
        let scraper = Scraper::new(
            target.probes(),
            self.plan(),
            self.client.clone(),
            self.job.clock,
            self.mouth.clone(),
        );
        watchers.spawn(scraper.clone().watch(background.clone()));
        let end = match Box::pin(self.phases(target, &scraper)).await {
            Ok(()) if self.control.cancel.is_cancelled() => RunEnd::Cancelled,
            Ok(()) => RunEnd::Completed,
            Err(reason) => {
                self.mouth
                    .say(Event::Notice {
                        text: format!("the run broke off: {reason}"),
                    })
                    .await;
                RunEnd::Broken
            }
        };
        background.cancel();
        while watchers.join_next().await.is_some() {}
        end
    }

    /// Holds the target until its end is wished. Nothing is measured meanwhile: it may stand for days.
    async fn held(&self, target: &Arc<Target>, ready: &mpsc::Sender<Addresses>) -> RunEnd {
        let addresses = match Addresses::of(self.plan(), target) {
            Ok(addresses) => addresses,
            Err(unbound) => return self.say_failed(Failed::from(unbound)).await,
        };
        let background = CancellationToken::new();
        let watch = Arc::clone(target.links()).watch(self.mouth.clone(), background.clone());
        let watch = tokio::spawn(watch);
        // Who was to be told may be gone: then the wish for its end is on its way.
        let _ = ready.send(addresses).await;
        self.control.cancel.cancelled().await;
        background.cancel();
        let _ = watch.await;
        RunEnd::Cancelled
    }

    async fn phases(&self, target: &Arc<Target>, scraper: &Scraper) -> Result<(), String> {
        let plan = self.plan();
        let symbols = target.symbols();
        let bound = |journey: &Arc<Journey>| journey.bind(symbols).map(Arc::new);
        let journeys = plan
            .journeys
            .iter()
            .map(bound)
            .collect::<Result<Vec<_>, UnboundError>>();
        let journeys = journeys.map_err(|e| e.to_string())?;
        let setting = Setting {
            client: Client::unpooled(self.job.clock, &self.job.route).map_err(|e| e.to_string())?,
            mouth: self.mouth.clone(),
            seed: plan.seed,
            run: coordinate(self.job.started.run.as_str()),
            addresses: target.addresses(),
        };
        let contracts =
            Contracts::load(&plan.contracts, symbols, setting).map_err(|e| e.to_string())?;
        let contracts = Arc::new(contracts);
        let watch: Arc<dyn Watch> = Arc::clone(&contracts) as _;
        let faults: Arc<dyn Faults> = Arc::clone(target) as _;

        if !plan.walks.is_empty() {
            self.phase(Phase::Journeys, self.walk(&journeys, &faults, &watch))
                .await;
        }
        if !plan.contracts.is_empty() {
            self.phase(Phase::Contract, contracts.exercise(&self.control.cancel))
                .await;
        }
        let mut outcome = Ok(());
        if !plan.scenarios.is_empty() {
            let audit = self.audit(&journeys, symbols).map_err(|e| e.to_string())?;
            let stage = Stage {
                run: self,
                target,
                scraper,
                faults: &faults,
                watch: &watch,
                audit: &audit,
            };
            let play = scenario::play_all(stage);
            outcome = Box::pin(self.phase(Phase::Scenarios, play)).await;
        }
        contracts.say_coverage().await;
        outcome
    }

    /// What checks the scenarios' invariants.
    fn audit(&self, journeys: &[Arc<Journey>], symbols: &Symbols) -> Result<Audit, UnboundError> {
        let query = |query: &QueryPlan| {
            let journey = query.journey().bind(symbols)?;
            Ok((query.name.clone(), Arc::new(journey)))
        };
        Ok(Audit {
            client: self.client.clone(),
            clock: self.job.clock,
            mouth: self.mouth.clone(),
            run: self.job.started.run.clone(),
            seed: self.plan().seed,
            traceparent: self.plan().traceparent,
            queries: self
                .plan()
                .queries
                .iter()
                .map(query)
                .collect::<Result<_, _>>()?,
            journeys: journeys.to_vec(),
        })
    }

    async fn phase<T>(&self, phase: Phase, work: impl Future<Output = T>) -> T {
        self.mouth.say(Event::PhaseStarted { phase }).await;
        let done = work
            .instrument(info_span!("phase", phase = spans::word(phase)))
            .await;
        self.mouth.say(Event::PhaseFinished { phase }).await;
        done
    }

    /// Walks the journeys: those in TOML in the plan's order, then those in feature files, which cucumber sequences.
    async fn walk(
        &self,
        journeys: &[Arc<Journey>],
        faults: &Arc<dyn Faults>,
        watch: &Arc<dyn Watch>,
    ) {
        let walker = Walker {
            client: self.client.clone(),
            clock: self.job.clock,
            mouth: self.mouth.clone(),
            faults: Arc::clone(faults),
            watch: Arc::clone(watch),
            span: Span::current(),
            run: self.job.started.run.clone(),
            seed: self.plan().seed,
            traceparent: self.plan().traceparent,
        };
        let chosen = self
            .plan()
            .walks
            .iter()
            .filter_map(|name| journeys.iter().find(|j| j.name == *name));
        let chosen: Vec<_> = chosen.collect();
        for journey in chosen.iter().filter(|j| j.rows.len() > WALKED) {
            let text = format!(
                "journey {} has {} rows; the first {WALKED} are walked",
                journey.name,
                journey.rows.len()
            );
            self.mouth.say(Event::Notice { text }).await;
        }
        let (features, toml): (Vec<_>, Vec<_>) = chosen.into_iter().cloned().partition(|j| {
            self.job
                .features
                .iter()
                .any(|(file, _)| *file == j.origin.file)
        });
        for journey in &toml {
            walker.walk_all(journey, &self.control.cancel).await;
        }
        if !features.is_empty() && !self.control.cancel.is_cancelled() {
            let stop = &self.control.cancel;
            let walked = cucumber::sequence(&walker, features, &self.job.features, stop).await;
            if let Err(reason) = walked {
                let text = format!("failed to walk the feature files: {reason}");
                self.mouth.say(Event::Notice { text }).await;
            }
        }
    }
}
