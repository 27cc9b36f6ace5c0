//! One scenario after another: fresh target if asked, steadiness before, load and faults together, everything healed
//! after.

use super::{Run, search};
use crate::audit::Audit;
use crate::chaos::{Chaos, Outcome};
use crate::load::{self, Ended};
use crate::ports::{Faults, Restart as _, Watch};
use crate::probe::{Scraper, pulse};
use crate::spans;
use crate::target::Target;
use harness_core::event::{Event, ScenarioEnd};
use harness_core::journey::Journey;
use harness_core::name::{Name, RunId};
use harness_core::plan::load::Model;
use harness_core::plan::{Plan, ScenarioPlan};
use harness_core::units::micros;
use harness_load::{Attack, Kept};
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tracing::{Instrument as _, Span, field, info_span};

/// From the announcement to the first arrival: workers start and connect to nothing yet.
pub(super) const RUN_UP: Duration = Duration::from_millis(300);
/// Requests per second one load worker is planned for; more workers start above it, up to one a core.
const PER_WORKER: f64 = 5_000.0;
/// Users of a closed model one load worker is planned for: unpaced they are as fast as the target, and more targets than
/// not are slower than one worker.
const USERS_PER_WORKER: f64 = 250.0;

/// What scenarios are played with.
#[derive(Clone, Copy)]
pub(super) struct Stage<'a> {
    pub(super) run: &'a Run,
    pub(super) target: &'a Arc<Target>,
    pub(super) scraper: &'a Scraper,
    pub(super) faults: &'a Arc<dyn Faults>,
    pub(super) watch: &'a Arc<dyn Watch>,
    pub(super) audit: &'a Audit,
}

/// Plays every scenario of the plan; the error ends the run.
pub(super) async fn play_all(stage: Stage<'_>) -> Result<(), String> {
    let run = stage.run;
    for scenario in &run.plan().scenarios {
        if run.control.cancel.is_cancelled() {
            return Ok(());
        }
        let span = info_span!(
            "scenario",
            scenario = %scenario.name,
            end = field::Empty,
            otel.status_code = field::Empty,
        );
        let turn = take_turn(stage, scenario);
        turn.instrument(span).await?;
    }
    Ok(())
}

/// A whole and steady target, or why it is none; `None` when the run was stopped meanwhile.
async fn made_ready(stage: Stage<'_>, scenario: &ScenarioPlan) -> Option<Result<(), String>> {
    let Stage { run, target, .. } = stage;
    // Once more, for what the scenario before it, or a journey, left broken. No interrupt leaves it half-way.
    let left = target.heal().await;
    let steady = async {
        if scenario.fresh {
            let restart = target.restart();
            restart.instrument(info_span!("target restart")).await?;
        } else if !left.is_empty() {
            return Err(left.join("; "));
        }
        target.steady().instrument(info_span!("steady")).await
    };
    tokio::select! {
        biased;
        () = run.control.cancel.cancelled() => None,
        ready = steady => Some(ready),
    }
}

/// One scenario's turn: a steady target, then the scenario; one that can't begin is told and left out.
async fn take_turn(stage: Stage<'_>, scenario: &ScenarioPlan) -> Result<(), String> {
    let Stage {
        run,
        target,
        scraper,
        audit,
        ..
    } = stage;
    let Some(ready) = made_ready(stage, scenario).await else {
        return Ok(());
    };
    let span = Span::current();
    if let Err(reason) = ready {
        spans::failed(&span);
        let text = format!(
            "scenario {} was not started: the target is not steady before it: {reason}",
            scenario.name
        );
        run.mouth.say(Event::Notice { text }).await;
        return Ok(());
    }
    let before = tokio::select! {
        biased;
        () = run.control.cancel.cancelled() => return Ok(()),
        before = audit.begin(scenario) => before,
    };
    let (end, kept) = play(stage, scenario).await?;
    scraper.once().await;
    target.heal_aloud().await;
    if end == ScenarioEnd::Completed {
        tokio::select! {
            biased;
            () = run.control.cancel.cancelled() => {}
            () = all_back(run, scenario, stage.faults) => {}
        }
    }
    span.record("end", spans::word(end));
    run.mouth
        .say(Event::ScenarioFinished {
            scenario: scenario.name.clone(),
            end,
        })
        .await;
    // Of a load that was cut short nobody can say what it would have come to.
    if end == ScenarioEnd::Completed {
        let stop = &run.control.cancel;
        let check = audit.check(scenario, &before, &kept, stop);
        check.instrument(info_span!("invariants")).await;
    }
    Ok(())
}

/// Waits for services that faults struck: what does not come back must not pass for whole because the load is over.
async fn all_back(run: &Run, scenario: &ScenarioPlan, faults: &Arc<dyn Faults>) {
    for fault in &scenario.faults {
        if let Err(reason) = faults.ready(&fault.on).await {
            let failed = Event::FaultFailed {
                fault: fault.name.clone(),
                scenario: Some(scenario.name.clone()),
                reason: format!("what it struck did not come back: {reason}"),
                turn: fault.turn,
            };
            run.mouth.say(failed).await;
        }
    }
}

/// Load and faults together; how it ended, and what the load kept for the invariants.
async fn play(
    stage: Stage<'_>,
    scenario: &ScenarioPlan,
) -> Result<(ScenarioEnd, Vec<Kept>), String> {
    if let Model::Search(search) = &scenario.load.model {
        return search::play(stage, scenario, search).await;
    }
    let Stage { run, watch, .. } = stage;
    let clock = run.job.clock;
    let mixed = mixed(scenario, &stage.audit.journeys)?;
    let stop = run.control.cancel.child_token();
    let t0 = clock.now() + RUN_UP;
    stage.scraper.align(t0);
    *run.control
        .loading
        .lock()
        .unwrap_or_else(PoisonError::into_inner) =
        Some((scenario.name.clone(), stop.clone(), None));
    let t0_us = micros(t0);
    run.mouth
        .say(Event::ScenarioStarted {
            scenario: scenario.name.clone(),
            t0_us,
        })
        .await;
    let epoch = Arc::new(AtomicU32::new(0));
    let chaos = Chaos {
        scenario,
        faults: Arc::clone(stage.faults),
        epoch: Arc::clone(&epoch),
        clock,
        t0,
        mouth: run.mouth.clone(),
        effects: std::sync::Mutex::default(),
    };
    chaos.open().await;
    let (draws, run_id) = drawn_as(scenario, &run.job.started.run)?;
    let attack = Attack {
        scenario: scenario.name.clone(),
        draws,
        workers: workers(scenario, steps_of(mixed.iter()), run.job.threads),
        plan: scenario.load.clone(),
        journeys: mixed,
        seed: run.plan().seed,
        run: run_id,
        clock,
        t0,
        epoch,
        traceparent: run.plan().traceparent,
        watched: scenario.watched(),
        route: run.job.route.clone(),
        touched: run.gauges.touched(),
    };
    let faulty = stop.child_token();
    let loading = async {
        let program = run.worker_program();
        let ended = load::play(attack, 0, &run.mouth, watch, &run.gauges, &program, &stop).await;
        faulty.cancel();
        ended
    };
    let pulses = match scenario.faults.is_empty() {
        true => Vec::new(),
        false => stage.target.pulses(),
    };
    let pulse = Box::pin(pulse::watch(
        pulses,
        run.client.clone(),
        run.mouth.clone(),
        &faulty,
    ));
    let breaking = async {
        if chaos.play(&faulty).await == Outcome::Unsteady {
            run.control
                .stop_scenario(&scenario.name, ScenarioEnd::Unsteady);
        }
    };
    let (ended, (), ()) = tokio::join!(loading, breaking, pulse);
    let why = run
        .control
        .loading
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take()
        .and_then(|(_, _, why)| why);
    match ended {
        Err(error) => {
            run.mouth
                .say(Event::Notice {
                    text: error.to_string(),
                })
                .await;
            Ok((ScenarioEnd::Broken, Vec::new()))
        }
        Ok((ended, kept)) => {
            let end = match ended {
                Ended::Broken(_) => ScenarioEnd::Broken,
                Ended::Played => ScenarioEnd::Completed,
                Ended::Stopped => why.unwrap_or(ScenarioEnd::Cancelled),
            };
            Ok((end, kept))
        }
    }
}

/// Under which scenario's seed a load is drawn, and which run its generated identifiers carry: those of a control must not
/// be sent again by the load it is the control of, whose other draws are the same.
fn drawn_as(scenario: &ScenarioPlan, run: &RunId) -> Result<(Name, RunId), String> {
    let Some(of) = &scenario.control_of else {
        return Ok((scenario.name.clone(), run.clone()));
    };
    let own = format!("{run}.control").parse();
    let own = own.map_err(|error| format!("failed to name the control's identifiers: {error}"))?;
    Ok((of.clone(), own))
}

/// The journeys of a scenario's mix, in its order, with the load's think time after steps that have none.
pub(super) fn mixed(
    scenario: &ScenarioPlan,
    journeys: &[Arc<Journey>],
) -> Result<Vec<Arc<Journey>>, String> {
    // A user of a closed model thinks before its next journey too; an arrival of the open model has none.
    let closed = matches!(scenario.load.model, Model::Closed(_));
    let of = |wanted: &Name| {
        let found = journeys.iter().find(|journey| journey.name == *wanted);
        let journey = found.ok_or_else(|| format!("journey {wanted} is not in the plan"))?;
        Ok(match scenario.load.think {
            Some(think) => Arc::new(journey.thinking(think, closed)),
            None => Arc::clone(journey),
        })
    };
    let mix = scenario.load.mix.iter();
    mix.map(|entry| of(&entry.journey)).collect()
}

/// As few workers as the peak needs, at most one a core: an idle worker costs memory and wakes the target's core. Who wants
/// another number gets it, as far as there are connections for them.
pub(super) fn workers(scenario: &ScenarioPlan, steps: usize, wanted: Option<usize>) -> usize {
    let connections = scenario.load.http.connections as usize;
    if let Some(wanted) = wanted {
        return wanted.clamp(1, connections.max(1));
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let most = cores.min(connections).max(1);
    let wanted = match &scenario.load.model {
        Model::Open(_) => {
            let peak = scenario.load.peak().map_or(0.0, |rate| rate.get());
            peak * steps as f64 / PER_WORKER
        }
        // The same for every trial, so that what they cost can be told against the same cores.
        Model::Search(search) => search.up_to.get() * steps as f64 / PER_WORKER,
        Model::Closed(closed) => {
            let users = f64::from(scenario.load.users().unwrap_or(1));
            let crowd = users / USERS_PER_WORKER;
            if closed.pacing.is_zero() {
                crowd
            } else {
                let peak = users / closed.pacing.as_secs_f64();
                crowd.min(peak * steps as f64 / PER_WORKER)
            }
        }
    };
    (wanted.ceil() as usize).clamp(1, most)
}

/// Steps of the longest journey.
pub(super) fn steps_of<'j>(journeys: impl Iterator<Item = &'j Arc<Journey>>) -> usize {
    journeys
        .map(|journey| journey.steps.len())
        .max()
        .unwrap_or(1)
}

/// The largest number of load workers that any scenario uses; `None` without scenarios.
pub(super) fn most_workers(plan: &Plan, wanted: Option<usize>) -> Option<usize> {
    let of = |scenario: &ScenarioPlan| {
        let mix = &scenario.load.mix;
        let mixed = plan
            .journeys
            .iter()
            .filter(|journey| mix.iter().any(|entry| entry.journey == journey.name));
        workers(scenario, steps_of(mixed), wanted)
    };
    plan.scenarios.iter().map(of).max()
}
