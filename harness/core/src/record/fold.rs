//! Events into the record, one at a time. The only place that reads an event's meaning. Refuses a stream it can't
//! account for; what a bound keeps out is counted in [`Record::omitted`], never silently.

mod faults;
mod instruments;

use super::admit::FoldError;
use super::{Broken, HealthChange, JourneyRecord, OTHER, Record, ScenarioRecord, Triggered};
use crate::event::{
    ContractFinding, Envelope, Event, Exemplar, InvariantChecked, JourneyFinished, LoadTick, Phase,
    RunStarted, StepFinished, Walked,
};
use crate::name::Name;
use faults::MAX_FAULTS;

const MAX_NOTICES: usize = 200;
/// Of errors, and of slow exchanges, each.
const MAX_EXEMPLARS: usize = 200;
const MAX_TRIALS: usize = 500;
const MAX_DIED: usize = 50;
const MAX_FINDINGS: usize = 1000;
const MAX_WALKS: usize = 10_000;
const MAX_HEALTH: usize = 10_000;
const MAX_TRIPPED: usize = 100;
const MAX_PHASES: usize = 100;

/// A whole stream into its record. A stream cut short gives what happened until then, with `end` absent.
pub fn fold(events: impl IntoIterator<Item = Envelope>) -> Result<Record, FoldError> {
    let mut record = Record::default();
    events
        .into_iter()
        .try_for_each(|envelope| record.take_in(envelope))?;
    Ok(record)
}

impl Record {
    /// Takes in the next event. After an error the record is as it was before.
    pub fn apply(&mut self, envelope: &Envelope) -> Result<(), FoldError> {
        let Envelope {
            seq, at_us, event, ..
        } = envelope;
        self.admit(*seq, event)?;
        self.take(*at_us, event);
        self.count(*seq, *at_us);
        Ok(())
    }

    /// [`Self::apply`] for who has no further use for the event.
    pub fn take_in(&mut self, envelope: Envelope) -> Result<(), FoldError> {
        self.admit(envelope.seq, &envelope.event)?;
        match envelope.event {
            Event::LoadTick(tick) => self.load(envelope.at_us, *tick),
            event => self.take(envelope.at_us, &event),
        }
        self.count(envelope.seq, envelope.at_us);
        Ok(())
    }

    pub(super) fn count(&mut self, seq: u64, at_us: u64) {
        self.events += 1;
        self.last_seq = self.last_seq.max(seq);
        self.last_us = self.last_us.max(at_us);
    }

    fn take(&mut self, at: u64, event: &Event) {
        match event {
            Event::RunStarted(run) => self.begin(run),
            Event::TargetStarting | Event::TargetStopped => {}
            Event::ServiceReady { service, took_us } => {
                self.target.ready.push((service.clone(), *took_us));
            }
            Event::TargetReady { entry } => {
                self.target.entry = Some(entry.clone());
                self.target.ready_us = Some(at);
            }
            Event::TargetFailed {
                service,
                reason,
                output,
            } => {
                self.target.failed = Some((service.clone(), reason.clone(), output.clone()));
            }
            Event::ServiceDied {
                service,
                status,
                output,
            } => {
                let died = (at, service.clone(), status.clone(), output.clone());
                if self.room(self.target.died.len() < MAX_DIED, "deaths of services") {
                    self.target.died.push(died);
                }
            }
            Event::PhaseStarted { phase } => self.phase_begins(at, *phase),
            Event::PhaseFinished { phase } => self.phase_ends(at, *phase),
            Event::StepFinished(step) => self.step(step),
            Event::JourneyFinished(walk) => self.walk_ended(walk),
            Event::ContractFinding(finding) => self.finding(finding),
            Event::ContractCoverage(coverage) => {
                self.contracts
                    .entry(coverage.contract.clone())
                    .or_default()
                    .coverage = Some(coverage.clone());
            }
            Event::ScenarioStarted { scenario, t0_us } => self.scenario_begins(scenario, *t0_us),
            Event::EpochStarted(epoch) => {
                if let Some(scenario) = self.begun(epoch.scenario.as_str()) {
                    scenario.add_epoch(epoch);
                }
            }
            Event::CapacityTrial(trial) => {
                let held = self
                    .scenario(trial.scenario.as_str())
                    .map_or(0, |s| s.trials.len());
                if self.room(held < MAX_TRIALS, "trials")
                    && let Some(scenario) = self.begun(trial.scenario.as_str())
                {
                    scenario.trials.push(trial.as_ref().clone());
                }
            }
            Event::LoadTick(tick) => self.load(at, tick.as_ref().clone()),
            Event::LinkTick(tick) => self.link(at, tick),
            Event::Exemplar(exemplar) => {
                // Slow ones come all the time, and those of errors at the end: neither takes the other's room.
                let slow = exemplar.class == "slow";
                let alike = |e: &&Exemplar| (e.class == "slow") == slow;
                let held = self
                    .scenario(exemplar.scenario.as_str())
                    .map_or(0, |s| s.exemplars.iter().filter(alike).count());
                if self.room(held < MAX_EXEMPLARS, "exemplars")
                    && let Some(scenario) = self.begun(exemplar.scenario.as_str())
                {
                    scenario.exemplars.push(exemplar.as_ref().clone());
                }
            }
            Event::FaultArmed {
                fault,
                scenario,
                what,
                turn,
            } => self.armed(at, (fault, *turn), scenario.as_ref(), what),
            Event::FaultEffective {
                fault,
                scenario,
                effective_us,
                turn,
                assumed,
                by,
            } => {
                self.fault(at, (fault, *turn), scenario.as_ref(), |f| {
                    f.effective_us = Some(*effective_us);
                    f.assumed = *assumed;
                    f.by.clone_from(by);
                });
            }
            Event::FaultLifted {
                fault,
                scenario,
                turn,
            } => {
                self.fault(at, (fault, *turn), scenario.as_ref(), |f| {
                    f.lifted_us = Some(at);
                });
            }
            Event::FaultFailed {
                fault,
                scenario,
                reason,
                turn,
            } => {
                self.fault(at, (fault, *turn), scenario.as_ref(), |f| {
                    f.failed = Some(reason.clone());
                });
            }
            Event::HealthChanged { service, healthy } => {
                if self.room(self.health_changes.len() < MAX_HEALTH, "changes of health") {
                    self.health_changes.push(HealthChange {
                        at_us: at,
                        service: service.clone(),
                        healthy: *healthy,
                    });
                }
            }
            Event::ScenarioFinished { scenario, end } => {
                if let Some(scenario) = self.begun(scenario.as_str()) {
                    scenario.end = Some((at, *end));
                }
            }
            Event::InvariantChecked(checked) => self.invariant_checked(checked),
            Event::ProbeSample(sample) => self.probe(at, sample),
            Event::SelfHealth(health) => self.health(at, health),
            Event::GateTripped { gate, observed } => {
                if self.room(self.tripped.len() < MAX_TRIPPED, "tripped gates") {
                    self.tripped.push((at, gate.clone(), observed.clone()));
                }
            }
            Event::FaultTriggered {
                fault,
                scenario,
                seen,
            } => {
                if self.room(self.triggered.len() < MAX_FAULTS, "fired faults") {
                    self.triggered.push(Triggered {
                        at_us: at,
                        scenario: scenario.clone(),
                        fault: fault.clone(),
                        seen: seen.clone(),
                    });
                }
            }
            Event::ConditionBroken {
                scenario,
                gate,
                seen,
            } => {
                if self.room(self.broken.len() < MAX_TRIPPED, "broken conditions") {
                    self.broken.push(Broken {
                        at_us: at,
                        scenario: scenario.clone(),
                        gate: gate.clone(),
                        seen: seen.clone(),
                    });
                }
            }
            Event::CancelRequested => self.cancelled = true,
            Event::Notice { text } => self.notice(at, text.clone()),
            Event::RunFinished { end } => self.end = Some(*end),
        }
    }

    fn begin(&mut self, run: &RunStarted) {
        // A contract that is planned has a record from the start, so that one never exercised shows as such.
        self.contracts = run
            .plan
            .contracts
            .iter()
            .map(|c| (c.name.clone(), super::ContractRecord::default()))
            .collect();
        let terms = run.plan.probes.iter().flat_map(|probe| probe.value.terms());
        self.followed = terms
            .map(|(_, selector)| (selector.clone(), super::Followed::default()))
            .collect();
        self.run = Some(Box::new(run.clone()));
    }

    /// Whether there is room for one more; counts what there is no room for.
    fn room(&mut self, room: bool, of: &str) -> bool {
        if !room {
            *self.omitted.entry(of.to_owned()).or_default() += 1;
        }
        room
    }

    fn notice(&mut self, at: u64, text: String) {
        if self.room(self.notices.len() < MAX_NOTICES, "notices") {
            self.notices.push((at, text));
        }
    }

    fn phase_begins(&mut self, at: u64, phase: Phase) {
        if self.room(self.phases.len() < MAX_PHASES, "phases") {
            self.phases.push((phase, at, None));
        }
    }

    fn phase_ends(&mut self, at: u64, phase: Phase) {
        let open = self
            .phases
            .iter_mut()
            .rev()
            .find(|(p, _, end)| *p == phase && end.is_none());
        if let Some((_, _, end)) = open {
            *end = Some(at);
        }
    }

    /// The walk under way of a journey and row; a new one if there is none. `None` when there is no room.
    fn walk(&mut self, journey: &Name, row: u32) -> Option<&mut JourneyRecord> {
        let open = |w: &JourneyRecord| w.outcome.is_none() && w.row == row && w.journey == *journey;
        if let Some(at) = self.journeys.iter().rposition(open) {
            return self.journeys.get_mut(at);
        }
        if !self.room(self.journeys.len() < MAX_WALKS, "walks") {
            return None;
        }
        self.journeys.push(JourneyRecord {
            journey: journey.clone(),
            row,
            outcome: None,
            took_us: 0,
            steps: Vec::new(),
        });
        self.journeys.last_mut()
    }

    fn step(&mut self, step: &StepFinished) {
        if let Some(walk) = self.walk(&step.journey, step.row) {
            // A step that is passed again stays one line: what it took adds up, the last pass is shown. A pass that failed
            // is the last.
            let before = walk
                .steps
                .iter_mut()
                .rfind(|s| step.pass > 1 && s.step == step.step);
            match before {
                Some(before) => {
                    *before = StepFinished {
                        took_us: before.took_us.saturating_add(step.took_us),
                        ..step.clone()
                    }
                }
                None => walk.steps.push(step.clone()),
            }
        }
    }

    fn walk_ended(&mut self, ended: &JourneyFinished) {
        if let Some(walk) = self.walk(&ended.journey, ended.row) {
            walk.outcome = Some(ended.outcome);
            walk.took_us = ended.took_us;
        }
    }

    fn finding(&mut self, finding: &ContractFinding) {
        let findings = &mut self
            .contracts
            .entry(finding.contract.clone())
            .or_default()
            .findings;
        if let Some((_, times)) = findings.get_mut(&finding.key) {
            *times += 1;
            return;
        }
        if findings.len() < MAX_FINDINGS {
            findings.insert(finding.key.clone(), (finding.clone(), 1));
        } else {
            self.room(false, "contract findings");
        }
    }

    /// The plan bounds them: one it does not have is not kept, and the last word on one counts.
    fn invariant_checked(&mut self, checked: &InvariantChecked) {
        let plan = self
            .run
            .as_ref()
            .and_then(|run| run.plan.scenario(checked.scenario.as_str()));
        let planned = plan.is_some_and(|s| s.invariants.iter().any(|i| i.id == checked.gate));
        if !self.room(planned, "invariants that the plan does not have") {
            return;
        }
        self.invariants.retain(|known| known.gate != checked.gate);
        let mut checked = checked.clone();
        if let Some(walks) = &mut checked.walks {
            walks.evidence.truncate(Walked::EVIDENCE);
        }
        self.invariants.push(checked);
    }

    fn begun(&mut self, scenario: &str) -> Option<&mut ScenarioRecord> {
        self.scenarios
            .iter_mut()
            .find(|s| s.name.as_str() == scenario)
    }

    fn scenario_begins(&mut self, scenario: &Name, t0_us: u64) {
        let plan = self
            .run
            .as_ref()
            .and_then(|run| run.plan.scenario(scenario.as_str()));
        if let Some(plan) = plan
            && self.scenario(scenario.as_str()).is_none()
        {
            self.scenarios.push(ScenarioRecord::new(plan, t0_us));
        }
    }

    fn load(&mut self, at: u64, tick: LoadTick) {
        let Some(run) = &self.run else { return };
        let Some(scenario) = self
            .scenarios
            .iter_mut()
            .find(|s| s.name.as_str() == tick.scenario)
        else {
            return;
        };
        let known = scenario.names.contains_key(&tick.name)
            || ScenarioRecord::is_planned(&run.plan, &scenario.name, &tick.name);
        if known {
            let name = tick.name.clone();
            scenario.take(tick, &name);
            return;
        }
        let first = !scenario.names.contains_key(OTHER);
        let text = || {
            format!(
                "scenario `{}` has figures of `{}`, which its plan does not name; kept under `{OTHER}`, where no gate looks",
                tick.scenario, tick.name
            )
        };
        let text = first.then(text);
        scenario.take(tick, OTHER);
        if let Some(text) = text {
            self.notice(at, text);
        }
    }
}

#[cfg(test)]
mod tests;
