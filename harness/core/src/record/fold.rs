//! Events into the record, one at a time. The only place that reads an event's meaning. Refuses a stream it can't
//! account for; what a bound keeps out is counted in [`Record::omitted`], never silently.

use super::admit::FoldError;
use super::thin::{self, MAX_POINTS};
use super::{
    Broken, FaultRecord, HealthChange, JourneyRecord, OTHER, Record, ScenarioRecord, Triggered,
};
use crate::event::{
    ContractFinding, Envelope, Event, Exemplar, InvariantChecked, JourneyFinished, LinkTick,
    LoadTick, Phase, ProbeSample, RunStarted, SelfHealth, StepFinished, Walked,
};
use crate::name::Name;

const MAX_NOTICES: usize = 200;
/// Of errors, and of slow exchanges, each.
const MAX_EXEMPLARS: usize = 200;
const MAX_TRIALS: usize = 500;
const MAX_DIED: usize = 50;
const MAX_FINDINGS: usize = 1000;
const MAX_WALKS: usize = 10_000;
const MAX_FAULTS: usize = 1000;
const MAX_HEALTH: usize = 10_000;
const MAX_TRIPPED: usize = 100;
const MAX_PHASES: usize = 100;
/// Series kept of a service's metrics.
const MAX_SERIES: usize = 200;

/// A whole stream into its record. A stream cut short gives what happened until then, with `end` absent.
pub fn fold(events: impl IntoIterator<Item = Envelope>) -> Result<Record, FoldError> {
    let mut record = Record::default();
    events
        .into_iter()
        .try_for_each(|envelope| record.apply(&envelope))?;
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
        self.events += 1;
        self.last_seq = self.last_seq.max(*seq);
        self.last_us = self.last_us.max(*at_us);
        Ok(())
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
            Event::LoadTick(tick) => self.load(at, tick),
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

    fn load(&mut self, at: u64, tick: &LoadTick) {
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
            scenario.take(tick, &tick.name);
            return;
        }
        let first = !scenario.names.contains_key(OTHER);
        scenario.take(tick, OTHER);
        if first {
            let text = format!(
                "scenario `{}` has figures of `{}`, which its plan does not name; kept under `{OTHER}`, where no gate looks",
                tick.scenario, tick.name
            );
            self.notice(at, text);
        }
    }

    fn link(&mut self, at: u64, tick: &LinkTick) {
        let points = self.links.entry(tick.link.clone()).or_default();
        thin::insert(points, at, tick, self.step_us);
        let full = points.len() > MAX_POINTS;
        self.thin_if(full);
    }

    fn probe(&mut self, at: u64, sample: &ProbeSample) {
        self.read(at, sample);
        if let Some(reason) = &sample.error {
            let failures = self
                .probe_failures
                .entry(sample.service.clone())
                .or_default();
            *failures = (failures.0 + 1, reason.clone());
        }
        let all = self.probes.entry(sample.service.clone()).or_default();
        let (mut full, mut omitted) = (false, 0);
        for (series, value) in &sample.values {
            if !all.contains_key(series) && all.len() >= MAX_SERIES {
                omitted += 1;
                continue;
            }
            let points = all.entry(series.clone()).or_default();
            thin::insert(points, at, value, self.step_us);
            full |= points.len() > MAX_POINTS;
        }
        (0..omitted).for_each(|_| _ = self.room(false, "values of metrics series"));
        self.thin_if(full);
    }

    fn health(&mut self, at: u64, health: &SelfHealth) {
        if let Some(scenario) = self
            .scenarios
            .last_mut()
            .filter(|s| s.end.is_none() && at >= s.t0_us)
        {
            scenario.take_health(health);
        }
        thin::insert(&mut self.health, at, health, self.step_us);
        let full = self.health.len() > MAX_POINTS;
        self.thin_if(full);
    }

    /// Doubles the step of every series until all fit: they share one, so that charts line up.
    fn thin_if(&mut self, full: bool) {
        let mut full = full;
        while full {
            self.step_us = (self.step_us * 2).max(2_000_000);
            let step = self.step_us;
            self.links
                .values_mut()
                .for_each(|points| thin::thin(points, step));
            self.probes
                .values_mut()
                .flat_map(|s| s.values_mut())
                .for_each(|points| thin::thin(points, step));
            thin::thin(&mut self.health, step);
            full = self.links.values().any(|p| p.len() > MAX_POINTS)
                || self
                    .probes
                    .values()
                    .flat_map(|s| s.values())
                    .any(|p| p.len() > MAX_POINTS)
                || self.health.len() > MAX_POINTS;
        }
    }

    fn armed(&mut self, at: u64, (fault, turn): (&str, u32), scenario: Option<&Name>, what: &str) {
        if self.room(self.faults.len() < MAX_FAULTS, "faults") {
            self.faults.push(FaultRecord {
                name: fault.to_owned(),
                turn,
                scenario: scenario.cloned(),
                what: what.to_owned(),
                armed_us: at,
                effective_us: None,
                assumed: false,
                by: None,
                lifted_us: None,
                failed: None,
            });
        }
    }

    /// Changes the last fault of that name and turn; one that failed before it was announced gets a record of its own.
    fn fault(
        &mut self,
        at: u64,
        (fault, turn): (&str, u32),
        scenario: Option<&Name>,
        change: impl FnOnce(&mut FaultRecord),
    ) {
        let same =
            |f: &FaultRecord| f.name == fault && f.turn == turn && f.scenario.as_ref() == scenario;
        if !self.faults.iter().any(same) {
            self.armed(at, (fault, turn), scenario, "");
        }
        if let Some(record) = self.faults.iter_mut().rev().find(|f| same(f)) {
            change(record);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::admit::MAX_EPOCHS;
    use super::super::testing::{FAULT, Stream, T0, name, plan, tick, tick_of};
    use super::super::{MAX_WINDOWS, SpanKind};
    use super::*;
    use crate::event::{FORMAT, Outcome, RunEnd, ScenarioEnd};
    use crate::hist::Hist;
    use crate::plan::gate::During;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn faulted() -> Stream {
        Stream::new(plan(40, Vec::new())).peak().fault()
    }

    #[test]
    fn a_stream_that_cannot_be_accounted_for_is_refused() {
        let good = Stream::new(plan(10, Vec::new()))
            .peak()
            .tick(tick(0, 0, 1))
            .events();
        assert!(fold(good.clone()).is_ok());

        let headless = good[1..].to_vec();
        assert_eq!(fold(headless), Err(FoldError::BeforeBegin { seq: 1 }));

        let mut newer = good.clone();
        let Event::RunStarted(run) = &mut newer[0].event else {
            panic!("no begin")
        };
        run.format = FORMAT + 1;
        assert_eq!(
            fold(newer),
            Err(FoldError::NewerFormat { found: FORMAT + 1 })
        );

        let twice = good.iter().chain(&good[..1]).cloned();
        assert_eq!(fold(twice), Err(FoldError::SecondBegin { seq: 0 }));

        let unbegun = Stream::new(plan(10, Vec::new()))
            .tick(tick(0, 0, 1))
            .events();
        assert!(matches!(
            fold(unbegun),
            Err(FoldError::UnknownScenario { .. })
        ));
        let endless = Stream::new(plan(10, Vec::new()))
            .peak()
            .tick(tick(0, MAX_EPOCHS, 1))
            .events();
        assert!(matches!(
            fold(endless),
            Err(FoldError::TooManyEpochs { .. })
        ));
    }

    #[test]
    fn passes_of_a_step_are_one_line_that_adds_up() {
        let step = |step: &str, pass: u32, passed: bool| {
            Event::StepFinished(Box::new(StepFinished {
                journey: name("pages"),
                row: 0,
                step: step.to_owned(),
                pass,
                passed: Some(passed),
                failures: Vec::new(),
                attempts: 1,
                took_us: 10,
                exchange: None,
            }))
        };
        let record = Stream::new(plan(10, Vec::new()))
            .event(step("insert", 1, true))
            .event(step("page", 1, true))
            .event(step("insert", 2, true))
            .event(step("page", 2, false))
            .record();
        let told: Vec<_> = record
            .journeys
            .last()
            .unwrap()
            .steps
            .iter()
            .map(|s| (s.step.as_str(), s.pass, s.passed, s.took_us))
            .collect();
        assert_eq!(
            told,
            [("insert", 2, Some(true), 20), ("page", 2, Some(false), 20)]
        );
    }

    #[test]
    fn a_stream_cut_short_gives_its_first_half() {
        let mut events = Stream::new(plan(10, Vec::new()))
            .peak()
            .load(0..10, 0, 1000)
            .events();
        events.truncate(events.len() - 10);
        let record = fold(events).unwrap();
        assert_eq!((record.end, record.lost()), (None, 0));
        assert_eq!(record.scenarios[0].total("checkout").ok, 500);
    }

    #[test]
    fn events_missing_from_the_middle_are_counted() {
        let mut events = Stream::new(plan(10, Vec::new()))
            .peak()
            .load(0..10, 0, 1000)
            .events();
        events.drain(5..8);
        assert_eq!(fold(events).unwrap().lost(), 3);
    }

    #[test]
    fn phases_follow_the_epochs() {
        let record = faulted()
            .tick(tick(3, 0, 1))
            .tick(tick(12, 1, 2))
            .tick(tick(16, 2, 3))
            .tick(tick(30, 3, 4))
            .done(40);
        let peak = &record.scenarios[0];
        let seen = |during: &During| (peak.select(None, during).ok, peak.phase_seconds(during));
        assert_eq!(seen(&During::All), (400, 40.0));
        assert_eq!(seen(&During::Undisturbed), (200, 25.0));
        assert_eq!(seen(&During::Fault(FAULT.into())), (100, 5.0));
        assert_eq!(seen(&During::Recovery(FAULT.into())), (100, 10.0));
        assert_eq!(seen(&During::Before(FAULT.into())), (100, 10.0));
        assert_eq!(seen(&During::After(FAULT.into())), (100, 15.0));
        assert_eq!(seen(&During::Fault("another".into())), (0, 0.0));
        assert_eq!(seen(&During::After("another".into())), (0, 0.0));
        let spans: Vec<_> = peak
            .spans()
            .into_iter()
            .map(|s| {
                (
                    s.kind,
                    (s.from_us - T0) / 1_000_000,
                    (s.to_us - T0) / 1_000_000,
                )
            })
            .collect();
        assert_eq!(
            spans,
            [(SpanKind::Active, 10, 15), (SpanKind::Settling, 15, 25)]
        );
    }

    #[test]
    fn turns_of_a_fault_have_one_before_and_one_after() {
        let record = Stream::new(plan(40, Vec::new()))
            .peak()
            .epoch(1, 5, &["other"], &[])
            .epoch(2, 7, &[], &["other"])
            .epoch(3, 9, &[], &[])
            .epoch(4, 10, &[FAULT], &[])
            .epoch(5, 12, &[], &[FAULT])
            .epoch(6, 14, &[FAULT], &[FAULT])
            .epoch(7, 15, &[FAULT], &[])
            .epoch(8, 16, &[], &[FAULT])
            .epoch(9, 20, &[], &[])
            .epoch(10, 22, &[FAULT], &[])
            .epoch(11, 24, &[], &[FAULT])
            .epoch(12, 30, &[], &[])
            .done(40);
        let peak = &record.scenarios[0];
        let seconds = |during: During| -> Vec<_> {
            let at = |us: u64| (us - T0) / 1_000_000;
            let all = peak.intervals(&during).into_iter();
            all.map(|(from, to)| (at(from), at(to))).collect()
        };
        let [before, active, recovering, after] = During::of_fault(FAULT).map(seconds);
        assert_eq!(
            before,
            [(0, 5), (9, 10)],
            "another fault's time is not usual"
        );
        assert_eq!(active, [(10, 12), (14, 16), (22, 24)]);
        assert_eq!(recovering, [(12, 14), (16, 20), (24, 30)]);
        assert_eq!(after, [(30, 40)], "between two turns is not after");
    }

    #[test]
    fn an_unplanned_name_is_kept_apart_and_said_once() {
        let stray = |name: &str| LoadTick {
            name: name.into(),
            ..tick(1, 0, 1)
        };
        let step = LoadTick {
            name: "checkout/pay".into(),
            ..tick(1, 0, 1)
        };
        let record = Stream::new(plan(10, Vec::new()))
            .peak()
            .tick(stray("ghost"))
            .tick(stray("checkout/ghost"))
            .tick(step)
            .done(10);
        let peak = &record.scenarios[0];
        assert_eq!(peak.total(OTHER).ok, 200);
        assert_eq!(peak.total("checkout/pay").ok, 100);
        assert!(peak.select(None, &During::All).is_empty());
        assert_eq!(record.notices.len(), 1, "{:?}", record.notices);
    }

    #[test]
    fn windows_stay_bounded_and_lose_nothing() {
        for (seconds, window_s) in [(600u32, 1u32), (601, 2), (3600, 6), (86_400, 144)] {
            let stream = Stream::new(plan(u64::from(seconds), Vec::new())).peak();
            let stream = (0..seconds)
                .step_by(7)
                .fold(stream, |s, second| s.tick(tick(second, 0, 5000)));
            let record = stream.done(seconds);
            let peak = &record.scenarios[0];
            let series = peak.series(None);
            assert_eq!(peak.window_s, window_s);
            assert!(series.len() <= MAX_WINDOWS as usize);
            assert_eq!(
                series.iter().map(|p| p.tally.ok).sum::<u64>(),
                peak.total("checkout").ok
            );
            assert_eq!(series[1].second % window_s, 0);
        }
        let late = Stream::new(plan(600, Vec::new()))
            .peak()
            .tick(tick(599, 0, 1))
            .tick(tick(4000, 0, 1))
            .done(600);
        let peak = &late.scenarios[0];
        assert_eq!(
            (
                peak.window_s,
                peak.series(None).len(),
                peak.total("checkout").ok
            ),
            (8, 2, 200)
        );
    }

    #[test]
    fn lists_are_bounded_and_what_is_left_out_is_counted() {
        let notice = |s: Stream, n: usize| {
            s.event(Event::Notice {
                text: n.to_string(),
            })
        };
        let record = (0..MAX_NOTICES + 5)
            .fold(Stream::new(plan(10, Vec::new())), notice)
            .record();
        assert_eq!(record.notices.len(), MAX_NOTICES);
        assert_eq!(record.omitted, BTreeMap::from([("notices".to_owned(), 5)]));
    }

    #[test]
    fn a_long_run_keeps_at_most_600_points_and_all_counts() {
        let link = |n: u64| LinkTick {
            opened: 1,
            open: n,
            bytes_up: n,
            ..LinkTick::quiet(name("edge"))
        };
        let mut stream = Stream::new(plan(10, Vec::new())).peak();
        for second in 0..2000u32 {
            let values = [("up".to_owned(), f64::from(second))].into();
            let sample = ProbeSample {
                service: "orders".into(),
                values,
                unread: std::collections::BTreeMap::new(),
                error: None,
                taken_us: None,
            };
            stream = stream
                .at(f64::from(second))
                .event(Event::LinkTick(link(u64::from(second))))
                .event(Event::ProbeSample(sample))
                .health(5, 0.1);
        }
        let record = stream.record();
        let (links, probes) = (&record.links["edge"], &record.probes["orders"]["up"]);
        assert!(
            links.len() <= MAX_POINTS
                && probes.len() <= MAX_POINTS
                && record.health.len() <= MAX_POINTS
        );
        assert_eq!(links.iter().map(|(_, t)| t.opened).sum::<u64>(), 2000);
        assert_eq!(
            links.iter().map(|(_, t)| t.bytes_up).sum::<u64>(),
            1999 * 1000
        );
        assert_eq!(
            record
                .health
                .iter()
                .map(|(_, h)| h.lag.count())
                .sum::<u64>(),
            200_000
        );
        assert_eq!(probes.last().map(|(_, v)| *v), Some(1999.0));
        assert_eq!(record.step_us, 4_000_000);
        assert_eq!(record.scenarios[0].instrument.seconds, 2000);
    }

    #[test]
    fn walks_faults_and_ends_are_put_together() {
        let record = faulted()
            .walk("browse", Outcome::Failed)
            .ended(20, ScenarioEnd::Aborted)
            .event(Event::CancelRequested)
            .event(Event::RunFinished {
                end: RunEnd::Cancelled,
            })
            .record();
        assert_eq!(
            record
                .journeys
                .iter()
                .map(|w| w.outcome)
                .collect::<Vec<_>>(),
            [Some(Outcome::Passed), Some(Outcome::Failed)]
        );
        let fault = &record.faults[0];
        assert_eq!(
            (fault.armed_us, fault.lifted_us),
            (T0 + 10_000_000, Some(T0 + 15_000_000))
        );
        assert_eq!(
            (record.cancelled, record.end),
            (true, Some(RunEnd::Cancelled))
        );
        assert_eq!(record.scenarios[0].load_end_us(), T0 + 20_000_000);
    }

    fn arbitrary_tick() -> impl Strategy<Value = LoadTick> {
        (
            0u32..30,
            0u32..4,
            0u64..50,
            0u64..5,
            1u64..5_000_000,
            prop::sample::select(vec!["checkout", "browse", "checkout/pay", "ghost"]),
        )
            .prop_map(|(second, epoch, ok, bad, us, name)| LoadTick {
                name: name.into(),
                phases: crate::phases::Phases {
                    queue: Hist::from_counts([(us / 2, ok)]),
                    tls: Hist::from_counts([(us, bad)]),
                    ..Default::default()
                },
                ..tick_of(second, epoch, ok, bad, us)
            })
    }

    /// A tick in two parts, as a late completion would split it.
    fn split(tick: &LoadTick) -> [LoadTick; 2] {
        let key = |t: &LoadTick| LoadTick {
            scenario: t.scenario.clone(),
            second: t.second,
            epoch: t.epoch,
            name: t.name.clone(),
            ..LoadTick::default()
        };
        let begun = LoadTick {
            planned: tick.planned,
            started: tick.started,
            ..key(tick)
        };
        [
            begun,
            LoadTick {
                planned: 0,
                started: 0,
                ..tick.clone()
            },
        ]
    }

    fn record_of(ticks: &[LoadTick]) -> Record {
        let stream = ticks.iter().cloned().fold(faulted().at(30.0), Stream::tick);
        // How many events said it, and which stray name came first, is not what is compared.
        Record {
            events: 0,
            last_seq: 0,
            notices: Vec::new(),
            ..stream.record()
        }
    }

    proptest! {
        #[test]
        fn order_within_a_second_does_not_matter(ticks in prop::collection::vec(arbitrary_tick(), 0..40), seed in any::<u64>()) {
            let mut shuffled = ticks.clone();
            let mut draws = crate::random::Draws::at(seed, &[]);
            (1..shuffled.len()).rev().for_each(|i| shuffled.swap(i, draws.below(i as u64 + 1) as usize));
            prop_assert_eq!(record_of(&ticks), record_of(&shuffled));
        }

        #[test]
        fn events_of_a_second_may_come_in_any_order(order in Just((0..6usize).collect::<Vec<_>>()).prop_shuffle(), seconds in 1u32..700) {
            let fold_in = |order: &[usize]| {
                let mut stream = Stream::new(plan(10, Vec::new())).peak();
                for second in 0..seconds {
                    for what in order {
                        let jitter = *what as f64 * 0.001;
                        stream = stream.at(f64::from(second) + jitter);
                        let link = |link| Event::LinkTick(LinkTick { opened: 1, open: u64::from(second), bytes_up: 3, bytes_down: 4, ..LinkTick::quiet(name(link)) });
                        stream = match what {
                            0 => stream.tick(tick(second, 0, 700)),
                            1 => stream.event(link("edge")),
                            2 => stream.event(link("payments")),
                            3 => stream.health(3, 0.2),
                            4 => stream.event(Event::ProbeSample(ProbeSample { service: "orders".into(), values: [("up".to_owned(), f64::from(second))].into(), unread: std::collections::BTreeMap::new(), error: None, taken_us: None })),
                            _ => stream.tick(LoadTick { name: "browse".into(), ..tick(second, 0, 900) }),
                        };
                    }
                }
                stream.record()
            };
            prop_assert_eq!(fold_in(&order), fold_in(&[0, 1, 2, 3, 4, 5]));
        }

        #[test]
        fn amendments_add_up(ticks in prop::collection::vec(arbitrary_tick(), 0..40)) {
            let parts: Vec<_> = ticks.iter().flat_map(split).collect();
            prop_assert_eq!(record_of(&ticks), record_of(&parts));
        }

        #[test]
        fn windows_and_epochs_hold_the_same(ticks in prop::collection::vec(arbitrary_tick(), 1..40)) {
            let record = record_of(&ticks);
            let peak = &record.scenarios[0];
            for during in [During::All, During::Undisturbed, During::Before(FAULT.into()), During::Fault(FAULT.into()), During::Recovery(FAULT.into()), During::After(FAULT.into())] {
                let total = peak.select(None, &during);
                let mut windows = crate::record::Tally::default();
                peak.series_in(None, &during).iter().for_each(|p| windows.add(&p.tally));
                let coarse = |h: &Hist| h.coarsen();
                prop_assert_eq!((total.ok, total.failed(), coarse(&total.response)), (windows.ok, windows.failed(), windows.response));
            }
        }
    }
}
