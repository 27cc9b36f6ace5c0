//! Faults on a scenario's timeline: plays the edges against the run's clock, arms and lifts through a port, and says
//! what it did. Knows neither the proxy nor the load engine.

pub mod timeline;

use crate::dispatcher::Mouth;
use crate::ports::Faults;
use crate::spans;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use harness_core::event::{Epoch, Event};
use harness_core::expr::gate::GateExpr;
use harness_core::name::Name;
use harness_core::plan::ScenarioPlan;
use harness_core::plan::fault::FaultKind;
use harness_core::plan::gate::Role;
use harness_core::units::micros;
use harness_core::verdict;
use harness_load::Clock;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use timeline::{Change, State, Timeline};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::{Span, field, info_span};

/// A lease outlives its fault by this much: a harness that hangs can't leave a fault behind.
const LEASE_MARGIN: Duration = Duration::from_secs(30);
/// How often the proxy is asked whether a fault has touched anything yet.
const EFFECT_POLL: Duration = Duration::from_millis(20);
/// Conditions are looked at this long after each second has ended: by then its figures are there.
const LOOK_AFTER: Duration = Duration::from_millis(250);

/// Plays the faults of one scenario.
pub struct Chaos<'r> {
    /// The scenario.
    pub scenario: &'r ScenarioPlan,
    /// Who breaks and heals links.
    pub faults: Arc<dyn Faults>,
    /// Read by the load for every sample.
    pub epoch: Arc<AtomicU32>,
    /// The run's clock.
    pub clock: Clock,
    /// Run-clock time of the scenario's second 0.
    pub t0: Duration,
    /// Where events go.
    pub mouth: Mouth,
    /// Per armed fault: whether its first effect was told. Begins empty.
    pub effects: Mutex<BTreeMap<usize, Arc<AtomicBool>>>,
}

/// How the faults of a scenario were played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// As far as the load went.
    Played,
    /// Not at all: the scenario was not steady. Its load should end.
    Unsteady,
}

impl Chaos<'_> {
    /// Says the first epoch; must come before the first arrival.
    pub async fn open(&self) {
        self.say_epoch(0, &State::begin(self.scenario)).await;
    }

    /// Plays every edge until it is told to stop; then lifts whatever is still armed.
    pub async fn play(&self, stop: &CancellationToken) -> Outcome {
        let mut timeline = Timeline::of(self.scenario);
        let mut state = State::begin(self.scenario);
        let mut armed = Vec::new();
        let (mut epoch, mut steady) = (0, !self.has(Role::Steady));
        let mut outcome = Outcome::Played;
        let mut looks = tokio::time::interval_at(
            self.clock.instant(self.t0 + LOOK_AFTER).into(),
            Duration::from_secs(1),
        );
        looks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut looking = self.has(Role::Stop);
        // Faults that take their time, each for as long as it lasts; no other edge waits for them.
        let mut lasting = FuturesUnordered::new();
        let mut lifts: BTreeMap<usize, CancellationToken> = BTreeMap::new();
        loop {
            let still = !timeline.waiting().is_empty() || !lasting.is_empty();
            if timeline.next().is_none() && !still && !looking {
                break;
            }
            let due = async {
                match timeline.next() {
                    Some(edge) => {
                        let due = self.clock.instant(self.t0 + edge.at);
                        tokio::time::sleep_until(due.into()).await;
                    }
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = due => {}
                Some(fault) = lasting.next(), if !lasting.is_empty() => {
                    timeline.lifted(fault, self.clock.now().saturating_sub(self.t0));
                    state.apply(Change::Lift(fault));
                    epoch += 1;
                    self.epoch.store(epoch, Ordering::Release);
                    self.say_epoch(epoch, &state).await;
                    continue;
                }
                _ = looks.tick(), if looking || !timeline.waiting().is_empty() => {
                    looking &= !self.look(&mut timeline).await;
                    continue;
                }
            }
            if let Some(Change::Open(_)) = timeline.next().map(|edge| edge.change)
                && !steady
            {
                steady = self.is_steady().await;
                if !steady {
                    outcome = Outcome::Unsteady;
                    break;
                }
            }
            let Some(edge) = timeline.take() else {
                continue;
            };
            match edge.change {
                Change::Arm(fault) if self.takes_time(fault) => {
                    let lift = CancellationToken::new();
                    lifts.insert(fault, lift.clone());
                    lasting.push(self.last(fault, lift));
                }
                Change::Lift(fault) if self.takes_time(fault) => {
                    timeline.lifting(fault);
                    if let Some(lift) = lifts.remove(&fault) {
                        lift.cancel();
                    }
                    continue;
                }
                Change::Arm(fault) => {
                    armed.push((fault, self.arm(fault).await));
                }
                Change::Lift(fault) => {
                    self.lift(fault).await;
                    // The fault's span ends with the fault.
                    armed.retain(|(f, _)| *f != fault);
                }
                _ => {}
            }
            if state.apply(edge.change) {
                epoch += 1;
                self.epoch.store(epoch, Ordering::Release);
                self.say_epoch(epoch, &state).await;
            }
        }
        lifts.values().for_each(CancellationToken::cancel);
        for (fault, _span) in armed {
            self.lift(fault).await;
        }
        while lasting.next().await.is_some() {}
        self.say_waiting(&timeline).await;
        outcome
    }

    /// Whether a fault's striking and lifting take as long as the target does.
    fn takes_time(&self, fault: usize) -> bool {
        matches!(self.scenario.faults[fault].kind, FaultKind::Deploy(_))
    }

    /// A fault that takes its time, from its striking until it is lifted; answers which. Told to lift it while it still
    /// strikes, the target breaks that off.
    async fn last(&self, fault: usize, lift: CancellationToken) -> usize {
        let id = self.id(fault);
        let mut striking = std::pin::pin!(self.arm(fault));
        let _span = tokio::select! {
            biased;
            span = &mut striking => {
                lift.cancelled().await;
                span
            }
            () = lift.cancelled() => {
                // What it comes to is told below.
                let (span, _) = tokio::join!(striking, self.faults.lift(&id));
                span
            }
        };
        self.lift(fault).await;
        fault
    }

    fn has(&self, role: Role) -> bool {
        self.scenario.gates.iter().any(|gate| gate.role == role)
    }

    /// Asks what was seen of late: fires the faults that waited for it, and stops all of them; whether it did that.
    async fn look(&self, timeline: &mut Timeline<'_>) -> bool {
        let scenario = self.scenario.name.clone();
        let waiting = timeline.waiting().into_iter();
        let waiting: Vec<(String, GateExpr)> = waiting
            .map(|(name, when)| (name.to_owned(), when.clone()))
            .collect();
        let asked = self.mouth.ask(move |record| {
            let fired = waiting.into_iter().filter_map(|(fault, when)| {
                let seen = verdict::lately(record, &scenario, &when)?;
                Some((fault, seen))
            });
            (
                verdict::stopped(record, &scenario),
                fired.collect::<Vec<_>>(),
            )
        });
        let Some((stopped, fired)) = asked.await else {
            return false;
        };
        let (scenario, now) = (
            self.scenario.name.clone(),
            self.clock.now().saturating_sub(self.t0),
        );
        if let Some((gate, seen)) = stopped {
            timeline.stop(now);
            let broken = Event::ConditionBroken {
                scenario,
                gate,
                seen,
            };
            self.mouth.say(broken).await;
            return true;
        }
        for (fault, seen) in fired {
            timeline.fire(&fault, now);
            let triggered = Event::FaultTriggered {
                fault,
                scenario: scenario.clone(),
                seen,
            };
            self.mouth.say(triggered).await;
        }
        false
    }

    /// Whether the scenario is what it should be before its first fault; says what is not.
    async fn is_steady(&self) -> bool {
        let scenario = self.scenario.name.clone();
        let asked = self
            .mouth
            .ask(move |record| verdict::unsteady(record, &scenario));
        let Some((gate, seen)) = asked.await.flatten() else {
            return true;
        };
        let broken = Event::ConditionBroken {
            scenario: self.scenario.name.clone(),
            gate,
            seen,
        };
        self.mouth.say(broken).await;
        false
    }

    /// Says which faults nothing has fired.
    async fn say_waiting(&self, timeline: &Timeline<'_>) {
        for (fault, when) in timeline.waiting() {
            let text = format!(
                "fault {fault:?} of scenario {} never struck: `{when}` did not come about while the load ran",
                self.scenario.name
            );
            self.mouth.say(Event::Notice { text }).await;
        }
    }

    async fn say_epoch(&self, epoch: u32, state: &State) {
        let names = |faults: &[usize]| {
            faults
                .iter()
                .map(|f| self.scenario.faults[*f].name.clone())
                .collect()
        };
        let from = if epoch == 0 {
            self.t0
        } else {
            self.clock.now()
        };
        self.mouth
            .say(Event::EpochStarted(Epoch {
                scenario: self.scenario.name.clone(),
                epoch,
                from_us: micros(from),
                stage: state.stage,
                warm_up: state.warm_up,
                faults: names(&state.open),
                settling: names(&state.settling),
                trial: None,
            }))
            .await;
    }

    fn id(&self, fault: usize) -> String {
        format!("{}-{fault}", self.scenario.name)
    }

    /// Arms a fault; the span lasts until it is lifted.
    async fn arm(&self, fault: usize) -> Span {
        let plan = &self.scenario.faults[fault];
        let span = info_span!(
            "fault",
            fault = plan.name,
            what = %plan.kind,
            on = %plan.on,
            otel.status_code = field::Empty,
        );
        let (name, scenario) = (plan.name.clone(), Some(self.scenario.name.clone()));
        let what = plan.what();
        self.mouth
            .say(Event::FaultArmed {
                fault: name.clone(),
                scenario: scenario.clone(),
                what,
                turn: plan.turn,
            })
            .await;
        let id = self.id(fault);
        if let Err(reason) = self
            .faults
            .arm(&id, plan.strike(), plan.lasts + LEASE_MARGIN)
            .await
        {
            self.mouth
                .say(Event::FaultFailed {
                    fault: name,
                    scenario,
                    reason,
                    turn: plan.turn,
                })
                .await;
            spans::failed(&span);
            return span;
        }
        let told = Arc::new(AtomicBool::new(false));
        self.effects
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(fault, Arc::clone(&told));
        let (faults, mouth, lasts) = (Arc::clone(&self.faults), self.mouth.clone(), plan.lasts);
        let turn = plan.turn;
        tokio::spawn(async move {
            let fault = (name.as_str(), turn);
            let watch = async {
                while !say_effect(faults.as_ref(), &id, fault, &scenario, &told, &mouth).await {
                    tokio::time::sleep(EFFECT_POLL).await;
                }
            };
            // Whatever comes after the last look is told when the fault is lifted.
            let _ = tokio::time::timeout(lasts, watch).await;
        });
        span
    }

    async fn lift(&self, fault: usize) {
        let plan = &self.scenario.faults[fault];
        let (name, scenario) = (plan.name.clone(), Some(self.scenario.name.clone()));
        let told = self
            .effects
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&fault);
        // One that failed to strike has no effect to look for.
        let struck = told.is_some();
        if let Some(told) = told {
            let id = self.id(fault);
            say_effect(
                self.faults.as_ref(),
                &id,
                (&name, plan.turn),
                &scenario,
                &told,
                &self.mouth,
            )
            .await;
        }
        match self.faults.lift(&self.id(fault)).await {
            Ok(()) => {
                self.mouth
                    .say(Event::FaultLifted {
                        fault: name,
                        scenario,
                        turn: plan.turn,
                    })
                    .await;
            }
            Err(reason) if struck => {
                self.mouth
                    .say(Event::FaultFailed {
                        fault: name,
                        scenario,
                        reason,
                        turn: plan.turn,
                    })
                    .await;
            }
            // It has failed already, once.
            Err(reason) => {
                let text =
                    format!("fault {name:?} did not strike, and could not be undone: {reason}");
                self.mouth.say(Event::Notice { text }).await;
            }
        }
    }
}

/// Says a fault's first effect, once; whether it has been said.
async fn say_effect(
    faults: &dyn Faults,
    id: &str,
    (fault, turn): (&str, u32),
    scenario: &Option<Name>,
    told: &AtomicBool,
    mouth: &Mouth,
) -> bool {
    let Some(first) = faults.effective(id) else {
        return told.load(Ordering::Acquire);
    };
    if !told.swap(true, Ordering::AcqRel) {
        let effective_us = micros(first.at);
        let (fault, scenario) = (fault.to_owned(), scenario.clone());
        mouth
            .say(Event::FaultEffective {
                fault,
                scenario,
                effective_us,
                assumed: first.assumed,
                by: first.by,
                turn,
            })
            .await;
    }
    true
}
