//! The engine's face: what an attack is, what it reports, how it is started and stopped. Spawns the workers and knows
//! nothing of how they work.

use crate::clock::Clock;
use crate::executor::ration::Shared;
use crate::keep::Kept;
use crate::net::Route;
use crate::net::dial::Dialer;
use crate::touched::Touched;
use crate::wire::Address;
use crate::worker::{self, Seat};
use harness_core::event::{Exemplar, LoadTick, LocalFailures};
use harness_core::hist::Hist;
use harness_core::http::{Request, Response};
use harness_core::journey::{Action, Journey};
use harness_core::name::{Name, RequestName, RunId};
use harness_core::plan::invariant::Watched;
use harness_core::plan::load::LoadPlan;
use harness_core::template::{Part, Text};
use serde::{Deserialize, Serialize};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::mpsc::Sender;
use tokio::sync::watch;

/// A scenario's load, ready to be played.
#[derive(Debug, Clone)]
pub struct Attack {
    /// The scenario: names its figures and takes part in its seed.
    pub scenario: Name,
    /// The scenario under whose seed it is drawn: its own name, or that of the scenario whose control it is.
    pub draws: Name,
    /// Stages, mix, connections, share of samples.
    pub plan: LoadPlan,
    /// The journeys of the mix, in its order, with every symbol bound.
    pub journeys: Vec<Arc<Journey>>,
    /// The run's seed.
    pub seed: u64,
    /// The run.
    pub run: RunId,
    /// The run's clock.
    pub clock: Clock,
    /// Where the schedule begins, on the run's clock; best slightly in the future. Second 0 of the figures.
    pub t0: Duration,
    /// The current epoch, advanced by whoever makes the edges.
    pub epoch: Arc<AtomicU32>,
    /// Threads, at least one; never more than connections.
    pub workers: usize,
    /// Whether requests carry a `traceparent`.
    pub traceparent: bool,
    /// What is kept of captured values.
    pub watched: Vec<Watched>,
    /// How the target is reached beyond the URLs.
    pub route: Route,
    /// Which connections a fault has touched.
    pub touched: Arc<Touched>,
}

/// What an attack reports.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// Figures of one name in one second and epoch from one worker; those of equal key add up.
    Tick(LoadTick),
    /// A worker's own second.
    Health {
        /// The second, from the attack's `t0`.
        second: u32,
        /// The worker, from 0.
        worker: usize,
        /// Lateness of its wake-ups against their intended times, in µs: those of arrivals and pauses, and a hundred a
        /// second that are there for nothing else, so that a load without a schedule has it too.
        lag: Hist,
        /// Processor time of its thread since its last such report.
        cpu_seconds: f64,
        /// Exemplars and samples that found the channel full since then.
        drops: u64,
        /// Requests that failed on this machine since then.
        local: LocalFailures,
    },
    /// An exchange worth showing.
    Exemplar(Exemplar),
    /// An exchange for the contract checks.
    Sample {
        /// The step.
        name: RequestName,
        /// As sent.
        request: Request,
        /// As received; its body may be cut.
        response: Response,
        /// The step's intended start, on the run's clock.
        intended: Duration,
    },
    /// A step failed before anything was sent; a few of a kind are told.
    Unsent {
        /// The step.
        name: RequestName,
        /// Why, in a few words.
        reason: String,
    },
    /// What one worker kept, in the order of [`Attack::watched`]; said at its end, if anything is watched.
    Kept(Vec<Kept>),
    /// A worker could not go on: its part of the load is missing from here on.
    WorkerFailed(String),
    /// The last report.
    Ended,
}

/// Why an attack can't start.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// Journeys and mix don't fit together.
    #[error(
        "failed to start the load of {scenario}: its mix names {mix} journeys, {journeys} were given"
    )]
    Mix {
        /// The scenario.
        scenario: Name,
        /// Entries of the mix.
        mix: usize,
        /// Journeys given.
        journeys: usize,
    },
    /// A step can't be played under load.
    #[error("failed to start the load: step `{step}` of journey {journey} {problem}")]
    Step {
        /// The journey.
        journey: Name,
        /// The step.
        step: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Only a closed model can be played by a guest.
    #[error("failed to start the load of {0}: only the closed model is played by another engine")]
    Guest(Name),
    /// The system has no thread left.
    #[error("failed to start a load worker: {0}")]
    Thread(#[from] io::Error),
}

/// A running attack. Dropping it stops the load.
#[derive(Debug)]
pub struct Handle {
    stop: watch::Sender<bool>,
    workers: Vec<JoinHandle<()>>,
}

impl Handle {
    /// Stops at once: nothing more begins, and what is under way is abandoned and counted as cancelled. The last
    /// figures and [`Report::Ended`] still come.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits until every worker's thread has ended. Somebody must read the reports meanwhile, or have dropped the
    /// receiver: the last figures wait for room in the channel.
    pub async fn join(self) {
        let Self { stop, workers } = self;
        let joined = tokio::task::spawn_blocking(move || {
            for worker in workers {
                // A panic in it was caught and reported.
                let _ = worker.join();
            }
        });
        let _ = joined.await;
        drop(stop);
    }
}

/// Starts an attack on threads of its own. Reports go to `reports` until [`Report::Ended`]; a reader that is slow
/// delays figures, never the load. Fails if the journeys can't be played under load.
pub fn launch(attack: Attack, reports: Sender<Report>) -> Result<Handle, LaunchError> {
    check(&attack)?;
    let of = attack
        .workers
        .clamp(1, (attack.plan.http.connections as usize).max(1));
    let (stop, stopped) = watch::channel(false);
    let dialer = Dialer::new(&attack.plan.http, &attack.route, attack.clock);
    let dialer = Arc::new(dialer);
    let (attack, shared) = (Arc::new(attack), Arc::new(Shared::default()));
    let running = Arc::new(AtomicUsize::new(of));
    let workers = (0..of).map(|index| {
        let (attack, shared) = (Arc::clone(&attack), Arc::clone(&shared));
        let (dialer, running) = (Arc::clone(&dialer), Arc::clone(&running));
        let (reports, stopped) = (reports.clone(), stopped.clone());
        let seat = Seat { index, of };
        let thread = std::thread::Builder::new().name(format!("load-{index}"));
        thread.spawn(move || work(seat, attack, shared, dialer, &reports, stopped, &running))
    });
    // If one can't be had, the word to stop is dropped with this function's, and the others end.
    let workers = workers.collect::<io::Result<_>>()?;
    Ok(Handle { stop, workers })
}

/// The whole life of a worker's thread. Its end is reported whatever happens in it.
fn work(
    seat: Seat,
    attack: Arc<Attack>,
    shared: Arc<Shared>,
    dialer: Arc<Dialer>,
    reports: &Sender<Report>,
    stopped: watch::Receiver<bool>,
    running: &AtomicUsize,
) {
    let ended = catch_unwind(AssertUnwindSafe(|| {
        worker::run(seat, attack, shared, dialer, reports.clone(), stopped)
    }));
    let failure = match ended {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(format!(
            "failed to set up load worker {}: {error}",
            seat.index
        )),
        Err(_) => Some(format!("load worker {} panicked", seat.index)),
    };
    // An error means that nobody reads any more.
    if let Some(failure) = failure {
        let _ = reports.blocking_send(Report::WorkerFailed(failure));
    }
    if running.fetch_sub(1, Ordering::AcqRel) == 1 {
        let _ = reports.blocking_send(Report::Ended);
    }
}

pub(crate) fn check(attack: &Attack) -> Result<(), LaunchError> {
    let (mix, journeys) = (attack.plan.mix.len(), attack.journeys.len());
    if mix != journeys || mix == 0 {
        return Err(LaunchError::Mix {
            scenario: attack.scenario.clone(),
            mix,
            journeys,
        });
    }
    for journey in &attack.journeys {
        for step in &journey.steps {
            if let Some(problem) = problem(&step.action) {
                return Err(LaunchError::Step {
                    journey: journey.name.clone(),
                    step: step.name.clone(),
                    problem,
                });
            }
        }
    }
    Ok(())
}

/// Why an action can't be played under load, if it can't.
fn problem(action: &Action) -> Option<String> {
    match action {
        Action::Pause(_) | Action::Check(_) => None,
        Action::Command(_) => {
            Some("commands the run itself, which only a functional run can obey".to_owned())
        }
        Action::Request(request) if request.copies.is_some() => {
            Some("sends copies at once, which only a functional run does".to_owned())
        }
        Action::Request(request) => url_problem(&request.url),
    }
}

fn url_problem(url: &Text) -> Option<String> {
    if let Some(symbol) = url.symbols().next() {
        return Some(format!(
            "asks for an address that is not bound yet: {symbol:?}"
        ));
    }
    match url.parts.first() {
        // Known only when it is filled; checked then, as a failure of the request.
        Some(Part::Hole { .. }) => None,
        Some(Part::Literal(text)) => {
            let whole = url.parts.len() == 1 || text.matches('/').count() > 2;
            match Address::of(text) {
                Err(failure) if whole || !text.starts_with("http") => {
                    Some(format!("can't be played under load: {}", failure.detail))
                }
                _ => None,
            }
        }
        _ => Some("has no URL".to_owned()),
    }
}
