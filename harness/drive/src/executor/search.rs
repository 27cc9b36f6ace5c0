//! A capacity search: trials at one rate after another, each a short load of its own on the scenario's timeline. What
//! to try next is `core::capacity`'s, what became of a trial `core::verdict`'s; here they are only played.

use super::scenario::{RUN_UP, Stage, mixed, steps_of, workers};
use crate::load::{self, Ended};
use harness_core::capacity::{self, SearchPlan, Tried};
use harness_core::event::{CapacityTrial, Epoch, Event, ScenarioEnd};
use harness_core::journey::Journey;
use harness_core::plan::ScenarioPlan;
use harness_core::plan::load::{LoadPlan, Model, OpenPlan, Stage as Flat};
use harness_core::random::{Draws, coordinate};
use harness_core::units::{Rate, micros};
use harness_core::verdict;
use harness_core::verdict::limits::{DRAIN, DRAIN_FLOOR};
use harness_load::{Attack, Kept};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, info_span};

/// How long a trial's last answers are waited for, in patiences: what is slower has been judged by then.
const PATIENCE: u32 = 3;

/// A search under way.
struct Search<'a> {
    stage: Stage<'a>,
    scenario: &'a ScenarioPlan,
    plan: &'a SearchPlan,
    journeys: Vec<Arc<Journey>>,
    /// Second 0 of the scenario's figures, on the run's clock.
    t0: Duration,
    epoch: Arc<AtomicU32>,
    stop: CancellationToken,
    kept: Vec<Kept>,
}

/// Plays a search to its end, or as far as its time goes; how it ended, and what the load kept for the invariants.
pub(super) async fn play(
    stage: Stage<'_>,
    scenario: &ScenarioPlan,
    plan: &SearchPlan,
) -> Result<(ScenarioEnd, Vec<Kept>), String> {
    let run = stage.run;
    let journeys = mixed(scenario, &stage.audit.journeys)?;
    let stop = run.control.cancel.child_token();
    let t0 = run.job.clock.now() + RUN_UP;
    stage.scraper.align(t0);
    let loading = || {
        run.control
            .loading
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    };
    *loading() = Some((scenario.name.clone(), stop.clone(), None));
    let started = Event::ScenarioStarted {
        scenario: scenario.name.clone(),
        t0_us: micros(t0),
    };
    run.mouth.say(started).await;
    let mut search = Search {
        stage,
        scenario,
        plan,
        journeys,
        t0,
        epoch: Arc::new(AtomicU32::new(0)),
        stop: stop.clone(),
        kept: vec![Kept::default(); scenario.watched().len()],
    };
    search.say_epoch(0, 0, t0).await;
    let ended = search.trials().await;
    let why = loading().take().and_then(|(_, _, why)| why);
    let end = match ended {
        Err(broken) => {
            run.mouth.say(Event::Notice { text: broken }).await;
            ScenarioEnd::Broken
        }
        Ok(()) if stop.is_cancelled() => why.unwrap_or(ScenarioEnd::Cancelled),
        Ok(()) => ScenarioEnd::Completed,
    };
    Ok((end, search.kept))
}

impl Search<'_> {
    /// One trial after another, until there is nothing left to learn, no time left, or somebody says stop. The error
    /// says why the load could not be made.
    async fn trials(&mut self) -> Result<(), String> {
        let mut tried: Vec<Tried> = Vec::new();
        while let Some(rate) = capacity::next(self.plan, &tried) {
            let begin = self.next_second();
            if self.stop.is_cancelled() || begin - self.t0 + self.plan.one() > self.plan.within {
                break;
            }
            let number = u32::try_from(tried.len() + 1).unwrap_or(u32::MAX);
            let span = info_span!("trial", number, rate = rate.get());
            let Some(trial) = self.trial(number, rate, begin).instrument(span).await? else {
                break;
            };
            let broke = !trial.fate.held();
            tried.push(trial);
            if broke && !self.steady_again().await {
                break;
            }
        }
        Ok(())
    }

    /// The next whole second of the scenario that leaves the workers time to start: trials are counted by seconds, and
    /// share none.
    fn next_second(&self) -> Duration {
        let since = (self.stage.run.job.clock.now() + RUN_UP).saturating_sub(self.t0);
        self.t0 + Duration::from_secs(since.as_secs() + u64::from(since.subsec_nanos() > 0))
    }

    /// Plays one rate and has it judged; `None` if it was stopped.
    async fn trial(
        &mut self,
        number: u32,
        rate: Rate,
        begin: Duration,
    ) -> Result<Option<Tried>, String> {
        let run = self.stage.run;
        let drained = self.attack(number, rate, begin).await?;
        if self.stop.is_cancelled() {
            return Ok(None);
        }
        let name = self.scenario.name.clone();
        let judged = run
            .mouth
            .ask(move |record| verdict::capacity::trial(record, name.as_str(), number, drained));
        let Some(judged) = judged.await.flatten() else {
            return Err(format!(
                "trial {number} of {} left no figures",
                self.scenario.name
            ));
        };
        let tried = Tried {
            rate,
            fate: judged.fate,
        };
        let trial = CapacityTrial {
            scenario: self.scenario.name.clone(),
            trial: number,
            tried: tried.clone(),
            seen: judged.seen,
        };
        run.mouth.say(Event::CapacityTrial(Box::new(trial))).await;
        Ok(Some(tried))
    }

    /// Loads the target at a rate; how long after the schedule's end its last answer came, or `None` if it was not
    /// waited for any longer.
    async fn attack(
        &mut self,
        number: u32,
        rate: Rate,
        begin: Duration,
    ) -> Result<Option<Duration>, String> {
        let Stage { run, watch, .. } = self.stage;
        let clock = run.job.clock;
        let (judged, end) = (begin + self.plan.settle, begin + self.plan.one());
        let attack = Attack {
            draws: self.scenario.name.clone(),
            scenario: self.scenario.name.clone(),
            workers: workers(
                self.scenario,
                steps_of(self.journeys.iter()),
                run.job.threads,
            ),
            plan: self.load(rate),
            journeys: self.journeys.clone(),
            route: run.job.route.clone(),
            touched: run.gauges.touched(),
            // Each trial is new people with new data, or a target that remembers would not do its work again.
            seed: Draws::at(run.plan().seed, &[coordinate("trial"), u64::from(number)]).bits(),
            run: run.job.started.run.clone(),
            clock,
            t0: begin,
            epoch: Arc::clone(&self.epoch),
            traceparent: run.plan().traceparent,
            watched: self.scenario.watched(),
        };
        let impatient = self.stop.child_token();
        let second = (begin - self.t0).as_secs();
        let from_second = u32::try_from(second).unwrap_or(u32::MAX);
        let program = run.worker_program();
        let playing = load::play(
            attack,
            from_second,
            &run.mouth,
            watch,
            &run.gauges,
            &program,
            &impatient,
        );
        let allowed = DRAIN_FLOOR.max(self.plan.trial.mul_f64(DRAIN));
        let over = CancellationToken::new();
        let playing = async {
            let ended = playing.await;
            over.cancel();
            ended
        };
        let edges = async {
            for (trial, at) in [(number, judged), (0, end)] {
                if self.reached(at, &over).await {
                    self.edge(trial).await;
                }
            }
            if self.reached(end + allowed * PATIENCE, &over).await {
                impatient.cancel();
            }
        };
        let (ended, ()) = tokio::join!(playing, edges);
        let (ended, kept) = ended.map_err(|error| error.to_string())?;
        let drained = clock.now().saturating_sub(end);
        self.kept
            .iter_mut()
            .zip(kept)
            .for_each(|(sum, more)| sum.add(more));
        match ended {
            Ended::Played => Ok(Some(drained)),
            Ended::Stopped => Ok(None),
            Ended::Broken(reason) => Err(reason),
        }
    }

    /// The load of one trial.
    fn load(&self, rate: Rate) -> LoadPlan {
        let flat = Flat {
            from: rate,
            to: rate,
            lasts: self.plan.one(),
        };
        LoadPlan {
            model: Model::Open(OpenPlan {
                spacing: self.plan.spacing,
                ..OpenPlan::of(vec![flat])
            }),
            ..self.scenario.load.clone()
        }
    }

    /// Waits for a time; whether it came before the load was over.
    async fn reached(&self, at: Duration, over: &CancellationToken) -> bool {
        let due = self.stage.run.job.clock.instant(at);
        tokio::select! {
            biased;
            () = over.cancelled() => false,
            () = tokio::time::sleep_until(due.into()) => true,
        }
    }

    /// Begins an epoch: of a trial, or of what lies between them.
    async fn edge(&self, trial: u32) {
        let epoch = self.epoch.fetch_add(1, Ordering::AcqRel) + 1;
        self.say_epoch(epoch, trial, self.stage.run.job.clock.now())
            .await;
    }

    async fn say_epoch(&self, epoch: u32, trial: u32, from: Duration) {
        let started = Event::EpochStarted(Epoch {
            scenario: self.scenario.name.clone(),
            epoch,
            from_us: micros(from),
            stage: 0,
            faults: Vec::new(),
            settling: Vec::new(),
            warm_up: false,
            trial: Some(trial),
        });
        self.stage.run.mouth.say(started).await;
    }

    /// Waits for a target that was asked for too much; whether it came back.
    async fn steady_again(&self) -> bool {
        let run = self.stage.run;
        let settled = async {
            tokio::time::sleep(self.plan.settle).await;
            self.stage.target.steady().await
        };
        let steady = tokio::select! {
            biased;
            () = self.stop.cancelled() => return false,
            steady = settled => steady,
        };
        if let Err(reason) = &steady {
            let text = format!(
                "the search of {} ends: the target did not come back from its last trial: {reason}",
                self.scenario.name
            );
            run.mouth.say(Event::Notice { text }).await;
        }
        steady.is_ok()
    }
}
