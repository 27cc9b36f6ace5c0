//! Invariants: asks the target for its figures when a scenario begins and after it has ended, walks journeys with what
//! the load captured, and says what came of each as one event. Whether an invariant holds is decided in core; this only
//! decides when there is nothing more to wait for.

mod ask;
mod each;
mod figures;

use crate::dispatcher::Mouth;
use crate::http_client::Client;
use futures::future::join_all;
use harness_core::event::{Event, InvariantChecked, Walked};
use harness_core::expr::invariant::Invariant;
use harness_core::journey::Journey;
use harness_core::name::{Name, RunId};
use harness_core::plan::ScenarioPlan;
use harness_core::plan::invariant::{Check, Each, InvariantPlan};
use harness_core::units::micros;
use harness_load::{Clock, Kept};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

pub use figures::Baseline;

/// Pause between two looks at what does not hold yet.
const EVERY: Duration = Duration::from_millis(250);

/// Everything a check needs of the run around it.
pub struct Audit {
    /// Sends requests.
    pub client: Client,
    /// The run's clock.
    pub clock: Clock,
    /// Where events go.
    pub mouth: Mouth,
    /// The run.
    pub run: RunId,
    /// The plan's seed.
    pub seed: u64,
    /// Whether requests carry `traceparent`.
    pub traceparent: bool,
    /// The plan's queries as journeys of one step, bound.
    pub queries: BTreeMap<Name, Arc<Journey>>,
    /// The plan's journeys, bound.
    pub journeys: Vec<Arc<Journey>>,
}

impl Audit {
    /// The figures from which a scenario's `delta(…)` count.
    pub async fn begin(&self, scenario: &ScenarioPlan) -> Baseline {
        let deltas = scenario.invariants.iter().flat_map(|i| i.check.asked());
        let deltas: Vec<_> = deltas.filter(|(_, d)| *d).map(|(a, _)| a).collect();
        let answers = self.ask(deltas.iter().map(|asked| &asked.query)).await;
        Baseline::of(&deltas, &answers)
    }

    /// Checks a scenario's invariants, whose load has been played to its end and whose faults are healed: first those
    /// that only look, all at once, then those that walk, one after another, because walks may change what is looked at.
    pub async fn check(
        &self,
        scenario: &ScenarioPlan,
        baseline: &Baseline,
        kept: &[Kept],
        stop: &CancellationToken,
    ) {
        let watched = scenario.watched();
        let kept = watched.iter().map(|w| &w.captured).zip(kept).collect();
        let mut looks = Vec::new();
        for invariant in &scenario.invariants {
            if let Check::Holds(expr) = &invariant.check {
                looks.push(self.look(invariant, expr, baseline, &kept, stop));
            }
        }
        let mut looked = join_all(looks).await.into_iter();
        for invariant in &scenario.invariants {
            let checked = match &invariant.check {
                Check::Holds(_) => looked.next(),
                Check::Each(each) => Some(self.walk(invariant, each, &kept, stop).await),
            };
            if let Some(checked) = checked {
                let event = Event::InvariantChecked(Box::new(checked));
                self.mouth.say(event).await;
            }
        }
    }

    /// Looks until it holds or its time is up.
    async fn look(
        &self,
        invariant: &InvariantPlan,
        expr: &Invariant,
        baseline: &Baseline,
        kept: &figures::Captures<'_>,
        stop: &CancellationToken,
    ) -> InvariantChecked {
        let begun = self.clock.now();
        let mut checked = nothing_yet(invariant, kept);
        let asks = expr.terms().iter().any(|term| term.asked().is_some());
        loop {
            checked.attempts += 1;
            let queries = expr.terms().into_iter().filter_map(|t| t.asked());
            let answers = tokio::select! {
                biased;
                () = stop.cancelled() => {
                    (checked.figures, checked.missing) = (Vec::new(), vec![stopped()]);
                    break;
                }
                answers = self.ask(queries.map(|asked| &asked.query)) => answers,
            };
            (checked.figures, checked.missing) = figures::of(expr, baseline, &answers, kept);
            let holds = expr.check(&checked.figures).is_some_and(|seen| seen.holds);
            let again = self.clock.now() + EVERY;
            if holds || !asks || again > begun + invariant.within {
                break;
            }
            self.pause(again, stop).await;
        }
        checked.took_us = micros(self.clock.now().saturating_sub(begun));
        checked
    }

    async fn walk(
        &self,
        invariant: &InvariantPlan,
        each: &Each,
        kept: &figures::Captures<'_>,
        stop: &CancellationToken,
    ) -> InvariantChecked {
        let begun = self.clock.now();
        let mut checked = nothing_yet(invariant, kept);
        let journey = self.journeys.iter().find(|j| j.name == each.walk);
        match (journey, kept.get(&each.of)) {
            (Some(journey), Some(kept)) if !kept.full => {
                let values = each::chosen(&kept.values, each.at_most as usize, self.seed);
                let walks = each::Walks {
                    audit: self,
                    journey,
                    invariant,
                    variable: &each.of.variable,
                };
                let done = walks.all(values, stop).await;
                if done.stopped {
                    checked.missing.push(stopped());
                }
                checked.attempts = done.rounds;
                checked.walks = Some(Walked {
                    distinct: kept.values.len() as u64,
                    walked: done.walked,
                    failed: done.failed,
                    evidence: done.evidence,
                });
            }
            (_, Some(_)) => checked.missing.push(figures::too_many(&each.of)),
            _ => checked.missing.push(figures::not_kept(&each.of)),
        }
        checked.took_us = micros(self.clock.now().saturating_sub(begun));
        checked
    }

    async fn pause(&self, until: Duration, stop: &CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep_until(self.clock.instant(until).into()) => {}
        }
    }
}

fn nothing_yet(invariant: &InvariantPlan, kept: &figures::Captures<'_>) -> InvariantChecked {
    let captured = invariant.check.captured().into_iter();
    InvariantChecked {
        scenario: invariant.scenario.clone(),
        gate: invariant.id.clone(),
        figures: Vec::new(),
        missing: Vec::new(),
        captured: captured.filter_map(|c| kept.get(c)).map(|k| k.count).sum(),
        attempts: 0,
        took_us: 0,
        walks: None,
    }
}

fn stopped() -> String {
    "the run was stopped while it was checked".to_owned()
}
