//! The record: events folded into what verdicts and reports ask for. The only aggregation there is. Bounded by
//! names, epochs and windows, never by the length of the run. Order within a second does not matter.

mod admit;
mod fold;
mod readings;
mod tally;
#[cfg(test)]
pub(crate) mod testing;
mod thin;
mod ticks;
mod together;
mod windows;

pub use admit::FoldError;
pub use fold::fold;
pub use readings::{Followed, MAX_SERIES_READ, Reading, SCRAPE_EVERY_US};
pub use tally::Tally;
pub use ticks::{HeardTick, Sums, Ticks};
pub use together::Together;
pub use windows::{MAX_WINDOWS, OTHER, Span, SpanKind, WindowPoint};

use crate::event::{
    CapacityTrial, ContractCoverage, ContractFinding, Epoch, Exemplar, InvariantChecked, LinkTick,
    LocalFailures, Outcome, Phase, Ports, RunEnd, RunStarted, ScenarioEnd, SelfHealth,
    StepFinished,
};
use crate::expr::probe::Selector;
use crate::hist::{CoarseSum, Hist, Packed};
use crate::name::Name;
use crate::plan::accept::Accepted;
use std::collections::BTreeMap;

/// Everything a run's events say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Record {
    /// What the run set out to do; absent only while a stream is being read.
    pub run: Option<Box<RunStarted>>,
    /// Microseconds of the last event.
    pub last_us: u64,
    /// How it ended; `None` for a stream cut short.
    pub end: Option<RunEnd>,
    /// Whether somebody asked it to stop.
    pub cancelled: bool,
    /// How the target fared.
    pub target: TargetRecord,
    /// The phases, with begin and end in microseconds.
    pub phases: Vec<(Phase, u64, Option<u64>)>,
    /// Functional walks, in order.
    pub journeys: Vec<JourneyRecord>,
    /// Contracts, by name.
    pub contracts: BTreeMap<Name, ContractRecord>,
    /// Scenarios, in order.
    pub scenarios: Vec<ScenarioRecord>,
    /// Invariants that were checked, each of the plan's at most once.
    pub invariants: Vec<InvariantChecked>,
    /// Faults, in order of arming; journeys' own included.
    pub faults: Vec<FaultRecord>,
    /// What services said of themselves while scenarios with faults ran, in order: each first, and then each change.
    pub health_changes: Vec<HealthChange>,
    /// Links: (microseconds, tick), one a second, thinned to at most 600.
    pub links: BTreeMap<Name, Vec<(u64, LinkTick)>>,
    /// Scrapes: service → series → (microseconds, value), thinned to at most 600 points.
    pub probes: BTreeMap<String, BTreeMap<String, Vec<(u64, f64)>>>,
    /// Scrapes that failed: service → (count, last reason).
    pub probe_failures: BTreeMap<String, (u64, String)>,
    /// What the plan's probes read, as of the last scrape.
    pub followed: BTreeMap<Selector, Followed>,
    /// The instrument: (microseconds, figures), thinned to at most 600 with lag distributions added.
    pub health: Vec<(u64, SelfHealth)>,
    /// Gates that stopped a scenario: (microseconds, gate, observed).
    pub tripped: Vec<(u64, String, String)>,
    /// What fired faults, in order.
    pub triggered: Vec<Triggered>,
    /// Conditions beside the faults that did not hold, in order.
    pub broken: Vec<Broken>,
    /// Notices: (microseconds, words).
    pub notices: Vec<(u64, String)>,
    /// What a bound kept out, by kind (`notices`, `exemplars`, …): how many were counted but not kept.
    pub omitted: BTreeMap<String, u64>,
    /// Microseconds a point of `links`, `probes` and `health` stands for since they were thinned; 0 while each
    /// point is one event.
    pub step_us: u64,
    /// Events applied.
    pub events: u64,
    /// The highest sequence number seen.
    pub last_seq: u64,
}

impl Record {
    /// Events missing from the stream: sequence numbers have no gaps, so fewer events than numbers is a loss.
    pub fn lost(&self) -> u64 {
        if self.events == 0 {
            0
        } else {
            (self.last_seq + 1).saturating_sub(self.events)
        }
    }

    /// The suite's word on a finding that is known and accepted; the first that covers it.
    pub fn accepted(&self, finding: &ContractFinding) -> Option<&Accepted> {
        self.acceptances(&finding.contract)
            .iter()
            .find(|accepted| accepted.covers(&finding.key))
    }

    /// What the suite accepts of a contract.
    pub fn acceptances(&self, contract: &Name) -> &[Accepted] {
        let contracts = self.run.as_ref().map(|run| &run.plan.contracts);
        contracts
            .and_then(|all| all.iter().find(|one| one.name == *contract))
            .map_or(&[], |one| one.accept.as_slice())
    }

    /// A scenario's record by name.
    pub fn scenario(&self, name: &str) -> Option<&ScenarioRecord> {
        self.scenarios.iter().find(|s| s.name.as_str() == name)
    }

    /// What checking an invariant came to, by its id.
    pub fn invariant(&self, id: &str) -> Option<&InvariantChecked> {
        self.invariants.iter().find(|checked| checked.gate == id)
    }

    /// A scenario's faults, in order of arming.
    pub fn faults_of<'r>(&'r self, scenario: &'r Name) -> impl Iterator<Item = &'r FaultRecord> {
        self.faults
            .iter()
            .filter(move |f| f.scenario.as_ref() == Some(scenario))
    }
}

/// What a service said of itself from a time on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthChange {
    /// When it was heard, microseconds.
    pub at_us: u64,
    /// The service.
    pub service: String,
    /// Whether its `ready` check answered that it is well.
    pub healthy: bool,
}

/// How the target fared.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TargetRecord {
    /// Services that got ready: (service, microseconds it took).
    pub ready: Vec<(String, u64)>,
    /// Where journeys and load went in.
    pub entry: Option<String>,
    /// When everything was up, microseconds.
    pub ready_us: Option<u64>,
    /// Why it did not come up, or was lost: (service, reason, last lines).
    pub failed: Option<(Option<String>, String, Vec<String>)>,
    /// Services that died: (microseconds, service, status, last lines).
    pub died: Vec<(u64, String, String, Vec<String>)>,
}

impl TargetRecord {
    /// How it failed, in words, if it did: one that had come up was lost.
    pub fn failing(&self) -> &'static str {
        failing(self.ready_us.is_some())
    }
}

/// How a target failed that had come up, or never did, in words.
pub fn failing(was_up: bool) -> &'static str {
    match was_up {
        true => "was lost",
        false => "did not come up",
    }
}

/// One functional walk.
#[derive(Debug, Clone, PartialEq)]
pub struct JourneyRecord {
    /// The journey.
    pub journey: Name,
    /// The data row.
    pub row: u32,
    /// How it went; `None` while under way or cut short.
    pub outcome: Option<Outcome>,
    /// Microseconds.
    pub took_us: u64,
    /// Its steps, in order.
    pub steps: Vec<StepFinished>,
}

/// One contract.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ContractRecord {
    /// Findings by key: the first of its kind, and how many there were.
    pub findings: BTreeMap<String, (ContractFinding, u64)>,
    /// What was exercised; the last word counts.
    pub coverage: Option<ContractCoverage>,
}

/// One scenario's load.
#[derive(Debug, Clone, PartialEq)]
pub struct ScenarioRecord {
    /// The scenario.
    pub name: Name,
    /// Microseconds of second 0.
    pub t0_us: u64,
    /// When and how it ended.
    pub end: Option<(u64, ScenarioEnd)>,
    /// Its epochs, in order.
    pub epochs: Vec<Epoch>,
    /// Journeys and steps, by name.
    pub names: BTreeMap<String, NameRecord>,
    /// What the plan's probes read, in order of time.
    pub readings: BTreeMap<Selector, Vec<Reading>>,
    /// The trials of a capacity search, in order.
    pub trials: Vec<CapacityTrial>,
    /// Examples of failed and slow exchanges.
    pub exemplars: Vec<Exemplar>,
    /// Length of a window, seconds: 1 up to ten minutes, so that the schedule has at most [`MAX_WINDOWS`]; doubled
    /// should what follows the schedule (later steps of slow journeys) need many more.
    pub window_s: u32,
    /// Length of the planned schedule, microseconds.
    pub planned_us: u64,
    /// The instrument while this scenario ran.
    pub instrument: Instrument,
    /// All whole journeys' figures, where they were put together; see [`Record::put_together`].
    pub together: Together,
}

/// How the generator did while a scenario ran, from every second of it: the thinned `health` can't say it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Instrument {
    /// Seconds that say something about the generator.
    pub seconds: u64,
    /// Lateness of its wake-ups over the whole scenario, µs.
    pub lag: Hist,
    /// p99 of the lag of each second, µs: how many seconds had it.
    pub lag_p99: Hist,
    /// Processor seconds per second of the load workers, in thousandths: how many seconds had it.
    pub cpu_millis: Hist,
    /// The same as a share of the workers' cores, in thousandths; empty where their number is not told.
    pub cpu_share: Hist,
    /// Resident memory of the harness at most, bytes.
    pub memory: u64,
    /// Open file descriptors at most, and how many may be open (0: unknown).
    pub descriptors: (u64, u64),
    /// Ephemeral ports when most were in use.
    pub ports: Ports,
    /// Requests that failed on this machine.
    pub local: LocalFailures,
    /// Samples and exemplars not kept.
    pub drops: u64,
}

/// A name's figures.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NameRecord {
    /// Full figures per epoch.
    pub epochs: BTreeMap<u32, EpochRecord>,
    /// (window, epoch) → figures, with latencies at two digits.
    pub windows: BTreeMap<(u32, u32), Window>,
}

/// The figures of a window, put away: there are up to 660 of each name, and an hour of fifty names must not fill the
/// memory.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Window {
    /// Everything but latencies.
    counts: Tally,
    response: Packed,
    service: Packed,
}

/// Figures that grow by a second at a time: the last ones lie beside the sum until there are enough of them, because adding
/// a few latencies to thousands costs nearly as much as adding many.
#[derive(Debug, Clone, Default)]
pub struct EpochRecord {
    sum: Tally,
    fresh: Vec<Tally>,
}

impl EpochRecord {
    /// How many lie beside the sum at most.
    const FRESH: usize = 32;

    /// Adds figures.
    fn add(&mut self, tally: Tally) {
        self.fresh.push(tally);
        if self.fresh.len() >= Self::FRESH {
            self.settle();
        }
    }

    /// Lays nothing beside the sum any more, until more comes.
    fn settle(&mut self) {
        if self.fresh.is_empty() {
            return;
        }
        self.sum.add_all(&self.fresh);
        self.fresh = Vec::new();
    }

    /// What adds up to its figures.
    pub fn parts(&self) -> impl Iterator<Item = &Tally> {
        std::iter::once(&self.sum).chain(&self.fresh)
    }

    /// The figures.
    pub fn tally(&self) -> Tally {
        let mut sum = self.sum.clone();
        sum.add_all(&self.fresh);
        sum
    }
}

impl From<Tally> for EpochRecord {
    fn from(sum: Tally) -> Self {
        let fresh = Vec::new();
        Self { sum, fresh }
    }
}

impl PartialEq for EpochRecord {
    /// What lies where is no difference.
    fn eq(&self, other: &Self) -> bool {
        self.tally() == other.tally()
    }
}

impl From<&Tally> for Window {
    fn from(tally: &Tally) -> Self {
        let mut window = Self::default();
        window.add(tally);
        window
    }
}

impl Window {
    /// Adds figures, the latencies at two digits.
    fn add(&mut self, tally: &Tally) {
        self.response.add(&tally.response.coarsen());
        self.service.add(&tally.service.coarsen());
        self.counts.add_counts(tally);
    }

    /// Adds another's figures.
    fn merge(&mut self, other: &Self) {
        self.response.add(&other.response.unpack());
        self.service.add(&other.service.unpack());
        self.counts.add_counts(&other.counts);
    }

    /// The sum of many, by way of a sum that is empty.
    fn of_all(windows: &[&Self], sum: &mut CoarseSum) -> Self {
        let mut all = Self::default();
        windows.iter().for_each(|w| sum.add_packed(&w.response));
        all.response = Packed::from(&sum.take());
        windows.iter().for_each(|w| sum.add_packed(&w.service));
        all.service = Packed::from(&sum.take());
        windows
            .iter()
            .for_each(|w| all.counts.add_counts(&w.counts));
        all
    }

    /// Adds the figures of many, by way of a sum that is empty.
    fn add_all<'t>(
        &mut self,
        tallies: impl Iterator<Item = &'t Tally> + Clone,
        sum: &mut CoarseSum,
    ) {
        tallies.clone().for_each(|tally| sum.add(&tally.response));
        self.response.add(&sum.take());
        tallies.clone().for_each(|tally| sum.add(&tally.service));
        self.service.add(&sum.take());
        tallies.for_each(|tally| self.counts.add_counts(tally));
    }

    /// The figures.
    pub fn tally(&self) -> Tally {
        Tally {
            response: self.response.unpack(),
            service: self.service.unpack(),
            ..self.counts.clone()
        }
    }
}

/// One fault, as it went.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultRecord {
    /// Its name.
    pub name: String,
    /// Which time it struck, from 1: each has a record of its own.
    pub turn: u32,
    /// Its scenario, or `None` for a journey's own.
    pub scenario: Option<Name>,
    /// What it does, for people.
    pub what: String,
    /// Armed, microseconds.
    pub armed_us: u64,
    /// First effect, microseconds.
    pub effective_us: Option<u64>,
    /// Whether that is only when the change was confirmed: the proxy does not tell what a toxic touched.
    pub assumed: bool,
    /// Who did it, where there are several ways to: `STOP and CONT`.
    pub by: Option<String>,
    /// Lifted, microseconds.
    pub lifted_us: Option<u64>,
    /// Why it could not be applied or lifted.
    pub failed: Option<String>,
}

impl FaultRecord {
    /// Its name, with its turn where it has several: `slow`, `slow (turn 2)`.
    pub fn label(&self) -> String {
        match self.turn {
            1 => self.name.clone(),
            turn => format!("{} (turn {turn})", self.name),
        }
    }
}

/// What fired a fault.
#[derive(Debug, Clone, PartialEq)]
pub struct Triggered {
    /// Microseconds.
    pub at_us: u64,
    /// The scenario.
    pub scenario: Name,
    /// The fault.
    pub fault: String,
    /// What was seen.
    pub seen: String,
}

/// A condition beside the faults that did not hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Broken {
    /// Microseconds.
    pub at_us: u64,
    /// The scenario.
    pub scenario: Name,
    /// Its gate, by id.
    pub gate: String,
    /// What was seen.
    pub seen: String,
}
