//! A scenario's figures and the questions asked of them: which epochs belong to a phase, how long it lasted, what was
//! seen in it, and how it went over time. Adds up; judges nothing.

use super::{Instrument, NameRecord, ScenarioRecord, Tally, Together, Window};
use crate::event::{Epoch, LoadTick, SelfHealth};
use crate::hist::CoarseSum;
use crate::name::Name;
use crate::plan::ScenarioPlan;
use crate::plan::gate::During;
use std::collections::BTreeMap;

/// Windows a schedule is cut into at most.
pub const MAX_WINDOWS: u32 = 600;

/// Windows allowed beyond the schedule, for the later steps of journeys that began in it.
const DRAIN_WINDOWS: u32 = 60;

/// How many epochs before one that begins are put in order.
const SETTLED: u32 = 3;

/// Where ticks are kept whose name the plan does not know; reads as a step, so it is in no journey's figures.
pub const OTHER: &str = "(other)/unplanned";

/// A window of a series: all epochs that lie in it, together.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowPoint {
    /// Its first second, from the scenario's begin.
    pub second: u32,
    /// What was seen in it; latencies at two significant digits.
    pub tally: Tally,
}

/// A stretch of time in which a fault was active or settling: what a chart shades.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The fault.
    pub fault: String,
    /// Active or settling.
    pub kind: SpanKind,
    /// Begin, microseconds since the run began.
    pub from_us: u64,
    /// End, microseconds since the run began.
    pub to_us: u64,
}

/// What a fault does during a [`Span`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SpanKind {
    /// It is active.
    Active,
    /// It was lifted; the target may still recover.
    Settling,
}

/// Whether a phase takes in the epoch at a place of their order, warm-up or not. Several turns of a fault share its
/// name: before is before the first, after is once the last has settled.
fn covers(during: &During, epochs: &[Epoch], at: usize) -> bool {
    let Some(epoch) = epochs.get(at) else {
        return false;
    };
    let (past, rest) = epochs.split_at(at);
    let calm = epoch.faults.is_empty() && epoch.settling.is_empty() && epoch.trial.is_none();
    let active = |fault: &String, among: &[Epoch]| among.iter().any(|e| e.faults.contains(fault));
    match during {
        During::Undisturbed => calm,
        During::All => true,
        During::Before(fault) => calm && !active(fault, past),
        During::Fault(fault) => epoch.faults.contains(fault),
        During::Recovery(fault) => epoch.settling.contains(fault) && !epoch.faults.contains(fault),
        During::After(fault) => calm && active(fault, past) && !active(fault, rest),
        During::Trial(trial) => epoch.trial == Some(*trial),
    }
}

/// The same for judging: what warms up is in no phase.
fn judged(during: &During, epochs: &[Epoch], at: usize) -> bool {
    epochs.get(at).is_some_and(|epoch| !epoch.warm_up) && covers(during, epochs, at)
}

impl ScenarioRecord {
    /// A scenario that begins at `t0_us`.
    pub(super) fn new(plan: &ScenarioPlan, t0_us: u64) -> Self {
        let planned = plan.load.duration();
        let window_s = planned.as_secs_f64().ceil() as u32;
        Self {
            name: plan.name.clone(),
            t0_us,
            end: None,
            epochs: Vec::new(),
            names: BTreeMap::new(),
            readings: BTreeMap::new(),
            exemplars: Vec::new(),
            trials: Vec::new(),
            window_s: window_s.div_ceil(MAX_WINDOWS).max(1),
            planned_us: planned.as_micros() as u64,
            instrument: Instrument::default(),
            together: Together::default(),
        }
    }

    /// Adds a tick or an amendment under a name.
    pub(super) fn take(&mut self, tick: LoadTick, name: &str) {
        self.widen_for(tick.second);
        let window = tick.second / self.window_s;
        if !self.names.contains_key(name) {
            self.names.insert(name.to_owned(), NameRecord::default());
        }
        let Some(record) = self.names.get_mut(name) else {
            return;
        };
        let epoch = tick.epoch;
        let tally = Tally::from(tick);
        let held = record.windows.entry((window, epoch)).or_default();
        held.add(&tally);
        record.epochs.entry(epoch).or_default().add(tally);
        self.together.forget();
    }

    /// Adds a second of the instrument. A second without a wake-up and without work says nothing about it.
    pub(super) fn take_health(&mut self, health: &SelfHealth) {
        let instrument = &mut self.instrument;
        instrument.drops = instrument.drops.saturating_add(health.drops);
        instrument.local.add(&health.local);
        instrument.memory = instrument.memory.max(health.memory);
        instrument.descriptors = instrument
            .descriptors
            .max((health.descriptors, health.descriptors_limit));
        if health.ports.used >= instrument.ports.used {
            instrument.ports = health.ports;
        }
        if health.lag.is_empty() && health.cpu_generator <= 0.0 {
            return;
        }
        instrument.seconds += 1;
        instrument.lag.add(&health.lag);
        instrument
            .lag_p99
            .record(health.lag.quantile(0.99).unwrap_or(0));
        instrument
            .cpu_millis
            .record((health.cpu_generator * 1000.0).round() as u64);
        if health.workers > 0 {
            let share = health.cpu_generator / health.workers as f64;
            instrument.cpu_share.record((share * 1000.0).round() as u64);
        }
    }

    /// Makes windows as long as they must be for a second.
    pub(super) fn widen_for(&mut self, second: u32) {
        while second / self.window_s >= MAX_WINDOWS + DRAIN_WINDOWS {
            self.double_windows();
        }
    }

    pub(super) fn double_windows(&mut self) {
        self.together.forget();
        self.window_s = self.window_s.saturating_mul(2);
        for record in self.names.values_mut() {
            for ((window, epoch), held) in std::mem::take(&mut record.windows) {
                record
                    .windows
                    .entry((window / 2, epoch))
                    .or_default()
                    .merge(&held);
            }
        }
    }

    /// What was seen in a phase, the warm-up left out, with full latencies. `None` for all whole journeys together; a
    /// name that was never seen is an empty tally.
    pub fn select(&self, name: Option<&str>, during: &During) -> Tally {
        self.select_where(name, |epoch| self.in_phase(epoch, during))
    }

    /// What was seen in all, warm-up and all: what was done, not what is judged.
    pub fn whole(&self, name: Option<&str>) -> Tally {
        self.select_where(name, |_| true)
    }

    /// What was seen while the load warmed up.
    pub fn warm_up(&self, name: Option<&str>) -> Tally {
        self.select_where(name, |epoch| self.warms_up(epoch))
    }

    fn select_where(&self, name: Option<&str>, keep: impl Fn(u32) -> bool) -> Tally {
        let mut sum = Tally::default();
        for record in self.figures(name) {
            let kept = record.epochs.iter().filter(|(epoch, _)| keep(**epoch));
            let parts = kept.flat_map(|(_, epoch)| epoch.parts());
            parts.for_each(|tally| sum.add(tally));
        }
        sum
    }

    fn warms_up(&self, epoch: u32) -> bool {
        self.epochs.iter().any(|e| e.epoch == epoch && e.warm_up)
    }

    /// When the warm-up lasted: (begin, end) in microseconds since the run began; `None` if there was none.
    pub fn warm_up_us(&self) -> Option<(u64, u64)> {
        self.intervals_where(|_, epoch| epoch.warm_up)
            .first()
            .copied()
    }

    /// How it went over time, warm-up and all: windows with load, in order. `None` for all whole journeys together.
    pub fn series(&self, name: Option<&str>) -> Vec<WindowPoint> {
        self.series_where(name, |_| true)
    }

    /// [`Self::series`] of a phase only: of a window that an edge cuts, the phase's part.
    pub fn series_in(&self, name: Option<&str>, during: &During) -> Vec<WindowPoint> {
        self.series_where(name, |epoch| self.in_phase(epoch, during))
    }

    /// [`Self::series`] of all whole journeys together without latencies, which are what takes time to read.
    pub fn counts(&self) -> Vec<WindowPoint> {
        let mut windows: BTreeMap<u32, Tally> = BTreeMap::new();
        for ((window, _), held) in self.named(None).flat_map(|(_, record)| &record.windows) {
            windows.entry(*window).or_default().add(&held.counts);
        }
        self.points(windows)
    }

    /// [`Self::series`] of the epochs a filter keeps.
    pub fn series_where(&self, name: Option<&str>, keep: impl Fn(u32) -> bool) -> Vec<WindowPoint> {
        let windows = self.figures(name).flat_map(|record| &record.windows);
        let mut held: Vec<(u32, &Window)> = windows
            .filter(|((_, epoch), _)| keep(*epoch))
            .map(|((window, _), held)| (*window, held))
            .collect();
        held.sort_by_key(|(window, _)| *window);
        let (mut response, mut service) = (CoarseSum::default(), CoarseSum::default());
        let together = held.chunk_by(|a, b| a.0 == b.0).filter_map(|held| {
            let mut tally = Tally::default();
            for (_, window) in held {
                tally.add_counts(&window.counts);
                response.add_packed(&window.response);
                service.add_packed(&window.service);
            }
            tally.response = response.take();
            tally.service = service.take();
            Some((held.first()?.0, tally))
        });
        self.points(together)
    }

    fn points(&self, windows: impl IntoIterator<Item = (u32, Tally)>) -> Vec<WindowPoint> {
        let point = |(window, tally)| WindowPoint {
            second: window * self.window_s,
            tally,
        };
        windows.into_iter().map(point).collect()
    }

    /// Whether an epoch may hold samples of windows that lie between two times, microseconds since the run began.
    pub(crate) fn touches(&self, epoch: u32, from_us: u64, to_us: u64) -> bool {
        let Some(at) = self.epochs.iter().position(|e| e.epoch == epoch) else {
            return true;
        };
        let slack = u64::from(self.window_s) * 1_000_000;
        let begin = self.epochs.get(at).map_or(0, |e| e.from_us);
        let end = self.epochs.get(at + 1).map_or(u64::MAX, |e| e.from_us);
        begin <= to_us.saturating_add(slack) && end >= from_us.saturating_sub(slack)
    }

    /// What adds up to a name's figures, or to those of all whole journeys.
    fn figures<'s>(&'s self, name: Option<&'s str>) -> impl Iterator<Item = &'s NameRecord> {
        let together = self.together.get().filter(|_| name.is_none());
        let each = self.named(name).filter(move |_| together.is_none());
        together.into_iter().chain(each.map(|(_, record)| record))
    }

    pub(super) fn named<'s>(
        &'s self,
        name: Option<&'s str>,
    ) -> impl Iterator<Item = (&'s String, &'s NameRecord)> {
        self.names
            .iter()
            .filter(move |(n, _)| name.map_or(!n.contains('/'), |name| n.as_str() == name))
    }

    /// Whether an epoch belongs to a phase for judging. One that was never announced belongs to [`During::All`] only.
    pub fn in_phase(&self, epoch: u32, during: &During) -> bool {
        match self.epochs.iter().position(|e| e.epoch == epoch) {
            Some(at) => judged(during, &self.epochs, at),
            None => *during == During::All,
        }
    }

    /// When the load ended, or how far it is known to have come; microseconds since the run began. What drains after
    /// the schedule is not part of it.
    pub fn load_end_us(&self) -> u64 {
        let scheduled = self.t0_us + self.planned_us;
        let seen = || {
            let windows = self
                .named(None)
                .filter_map(|(_, record)| record.windows.keys().next_back());
            windows
                .map(|(window, _)| u64::from(window + 1) * u64::from(self.window_s) * 1_000_000)
                .max()
                .unwrap_or(0)
        };
        self.end
            .map_or_else(|| self.t0_us + seen(), |(at, _)| at)
            .clamp(self.t0_us, scheduled.max(self.t0_us))
    }

    /// The stretches of time a phase consists of, the warm-up left out: (begin, end) in microseconds since the run
    /// began, in order, not touching.
    pub fn intervals(&self, during: &During) -> Vec<(u64, u64)> {
        self.intervals_where(|at, _| judged(during, &self.epochs, at))
    }

    fn intervals_where(&self, keep: impl Fn(usize, &Epoch) -> bool) -> Vec<(u64, u64)> {
        let end = self.load_end_us();
        let mut intervals: Vec<(u64, u64)> = Vec::new();
        for (at, epoch) in self
            .epochs
            .iter()
            .enumerate()
            .filter(|(at, epoch)| keep(*at, epoch))
        {
            let from = epoch.from_us.max(self.t0_us).min(end);
            let to = self
                .epochs
                .get(at + 1)
                .map_or(end, |next| next.from_us.clamp(from, end));
            match intervals.last_mut() {
                Some(last) if last.1 == from => last.1 = to,
                _ if to > from => intervals.push((from, to)),
                _ => {}
            }
        }
        intervals
    }

    /// How long a phase lasted, seconds.
    pub fn phase_seconds(&self, during: &During) -> f64 {
        self.intervals(during)
            .iter()
            .map(|(from, to)| (to - from) as f64 / 1e6)
            .sum()
    }

    /// When faults were active and settling, by begin.
    pub fn spans(&self) -> Vec<Span> {
        let mut faults: Vec<&String> = self
            .epochs
            .iter()
            .flat_map(|e| e.faults.iter().chain(&e.settling))
            .collect();
        faults.sort_unstable();
        faults.dedup();
        let mut spans = Vec::new();
        for fault in faults {
            let active = (SpanKind::Active, During::Fault(fault.clone()));
            for (kind, during) in [
                active,
                (SpanKind::Settling, During::Recovery(fault.clone())),
            ] {
                // Drawn as it was, judged or not.
                let intervals = self
                    .intervals_where(|at, _| covers(&during, &self.epochs, at))
                    .into_iter();
                spans.extend(intervals.map(|(from_us, to_us)| Span {
                    fault: fault.clone(),
                    kind,
                    from_us,
                    to_us,
                }));
            }
        }
        spans.sort_by_key(|span| (span.from_us, span.kind));
        spans
    }

    /// The scenario's record of one name, journeys and steps alike: its figures over all epochs.
    pub fn total(&self, name: &str) -> Tally {
        self.whole(Some(name))
    }

    /// Keeps epochs in order of number, whatever order they came in.
    pub(super) fn add_epoch(&mut self, epoch: &Epoch) {
        let at = self.epochs.partition_point(|e| e.epoch < epoch.epoch);
        if self.epochs.get(at).is_none_or(|e| e.epoch != epoch.epoch) {
            self.epochs.insert(at, epoch.clone());
        }
        // Little comes of epochs that are over, and there may be thousands of them: they keep no more than they need.
        let over = epoch.epoch.saturating_sub(SETTLED)..epoch.epoch;
        let names = self.names.values_mut();
        let over = names.flat_map(|record| record.epochs.range_mut(over.clone()));
        over.for_each(|(_, figures)| figures.settle());
    }

    /// Whether a name may have figures of its own here: a journey of the mix, or a step of one.
    pub(super) fn is_planned(plan: &crate::plan::Plan, scenario: &Name, name: &str) -> bool {
        let (journey, step) = name
            .split_once('/')
            .map_or((name, None), |(journey, step)| (journey, Some(step)));
        let mixed = plan
            .scenario(scenario.as_str())
            .is_some_and(|s| s.load.mix.iter().any(|m| m.journey.as_str() == journey));
        mixed
            && step.is_none_or(|step| {
                plan.journey(journey)
                    .is_some_and(|j| j.steps.iter().any(|s| s.name == step))
            })
    }
}
