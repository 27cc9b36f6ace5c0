//! The load of a scenario: what journeys and requests came to and how long they took, added up window by window. A sample
//! belongs to the second it was due, so a figure of a window is known at the window's end.

use super::{About, Builder, Counts, Kind, MAX_KINDS, Unit, Value, label};
use harness_core::hist::Hist;
use harness_core::journey::{Action, Step};
use harness_core::record::{EpochRecord, Record, ScenarioRecord, Tally, WindowPoint};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

const fn counter(name: &'static str, unit: Unit, help: &'static str) -> About {
    About {
        name: Cow::Borrowed(name),
        unit,
        kind: Kind::Counter,
        help: Cow::Borrowed(help),
    }
}

const fn duration(name: &'static str, help: &'static str) -> About {
    About {
        name: Cow::Borrowed(name),
        unit: Unit::Seconds,
        kind: Kind::Histogram,
        help: Cow::Borrowed(help),
    }
}

const JOURNEY: Unit = Unit::Of("{journey}");
const REQUEST: Unit = Unit::Of("{request}");

static JOURNEYS: About = counter(
    "harness.journeys",
    JOURNEY,
    "Journeys under load that ended, by when they were due.",
);
static JOURNEY_FAILURES: About = counter(
    "harness.journey.failures",
    JOURNEY,
    "Journeys under load that ended badly, by kind of failure.",
);
static PLANNED: About = counter(
    "harness.journeys.planned",
    JOURNEY,
    "Journeys that were due.",
);
static STARTED: About = counter(
    "harness.journeys.started",
    JOURNEY,
    "Journeys that were begun.",
);
static DROPPED: About = counter(
    "harness.journeys.dropped",
    JOURNEY,
    "Journeys due and never begun, by whose doing: the generator's or the target's.",
);
static LATE: About = counter(
    "harness.journeys.late",
    JOURNEY,
    "Journeys begun late, by whose doing: the generator's or the target's.",
);
static CANCELLED: About = counter(
    "harness.journeys.cancelled",
    JOURNEY,
    "Journeys under way when the load was stopped.",
);
static JOURNEY_DURATION: About = duration(
    "harness.journey.duration",
    "Response time of journeys, from when they were due.",
);
static REQUESTS: About = counter(
    "harness.requests",
    REQUEST,
    "Requests (steps of journeys) under load that ended, by when they were due.",
);
static REQUEST_FAILURES: About = counter(
    "harness.request.failures",
    REQUEST,
    "Requests under load that ended badly, by kind of failure.",
);
static REQUEST_DURATION: About = duration(
    "harness.request.duration",
    "Response time of requests, from when they were due.",
);
static RECEIVED: About = counter(
    "harness.request.received",
    Unit::Bytes,
    "Bytes received in answer to requests.",
);
static CLIENT_DURATION: About = duration(
    "http.client.request.duration",
    "Service time of requests, from when they were sent.",
);
static USERS: About = About {
    name: Cow::Borrowed("harness.users"),
    unit: Unit::Of("{user}"),
    kind: Kind::Gauge,
    help: Cow::Borrowed("Users there, each under the journey it walks."),
};

/// A figure of a tally with what sets its series apart.
type Counted = (
    &'static About,
    Option<(&'static str, &'static str)>,
    fn(&Tally) -> u64,
);

const OF_JOURNEYS: [Counted; 8] = [
    (&JOURNEYS, None, Tally::finished),
    (&PLANNED, None, |t| t.planned),
    (&STARTED, None, |t| t.started),
    (&DROPPED, Some(("by", "generator")), |t| t.dropped_generator),
    (&DROPPED, Some(("by", "target")), |t| {
        t.dropped.saturating_sub(t.dropped_generator)
    }),
    (&LATE, Some(("by", "generator")), |t| t.late_generator),
    (&LATE, Some(("by", "target")), |t| t.late_target),
    (&CANCELLED, None, |t| t.cancelled),
];

const OF_REQUESTS: [Counted; 2] = [
    (&REQUESTS, None, Tally::finished),
    (&RECEIVED, None, |t| t.bytes_in),
];

/// Adds a scenario's load.
pub(super) fn add(all: &mut Builder, record: &Record, scenario: &ScenarioRecord) {
    let kinds = kinds(scenario);
    let windows = windows(scenario);
    for name in scenario.names.keys() {
        let (journey, step) = match name.split_once('/') {
            Some((journey, step)) => (journey, Some(step)),
            None => (name.as_str(), None),
        };
        let mut labels = vec![label("scenario", &scenario.name), label("journey", journey)];
        labels.extend(step.map(|step| label("step", step)));
        let of = Named {
            labels,
            since: scenario.t0_us,
            ends: (1..=windows).map(|w| end(scenario, w)).collect(),
            tallies: tallies(scenario, windows, &scenario.series(Some(name))),
        };
        match step {
            None => {
                OF_JOURNEYS
                    .iter()
                    .for_each(|counted| of.counted(all, counted));
                of.failures(all, &JOURNEY_FAILURES, &kinds);
                of.durations(all, &JOURNEY_DURATION, &[], |t| &t.response);
                of.users(all, f64::from(scenario.window_s));
            }
            Some(step) => {
                OF_REQUESTS
                    .iter()
                    .for_each(|counted| of.counted(all, counted));
                of.failures(all, &REQUEST_FAILURES, &kinds);
                of.durations(all, &REQUEST_DURATION, &[], |t| &t.response);
                let method = method(record, journey, step);
                let method = method.map(|method| label("http.request.method", method));
                of.durations(all, &CLIENT_DURATION, method.as_slice(), |t| &t.service);
            }
        }
    }
}

/// How many windows a scenario has, up to the last in which anything was seen.
pub(super) fn windows(scenario: &ScenarioRecord) -> u32 {
    let last = |name: &harness_core::record::NameRecord| {
        let last = name.windows.keys().next_back();
        last.map_or(0, |(window, _)| window + 1)
    };
    scenario.names.values().map(last).max().unwrap_or(0)
}

/// The end of the n-th window, from 1, microseconds since the run began.
pub(super) fn end(scenario: &ScenarioRecord, n: u32) -> u64 {
    scenario.t0_us + u64::from(n) * u64::from(scenario.window_s) * 1_000_000
}

/// A name's windows, those in which nothing was seen among them.
fn tallies(scenario: &ScenarioRecord, windows: u32, points: &[WindowPoint]) -> Vec<Tally> {
    let mut tallies = vec![Tally::default(); windows as usize];
    for point in points {
        let window = point.second.checked_div(scenario.window_s).unwrap_or(0);
        if let Some(held) = tallies.get_mut(window as usize) {
            held.add(&point.tally);
        }
    }
    tallies
}

/// The kinds of failure that are told apart, most frequent first where there are too many.
fn kinds(scenario: &ScenarioRecord) -> BTreeSet<String> {
    let mut counts: BTreeMap<&String, u64> = BTreeMap::new();
    let tallies = scenario
        .names
        .values()
        .flat_map(|name| name.epochs.values())
        .flat_map(EpochRecord::parts);
    for (kind, n) in tallies.flat_map(|tally| &tally.errors) {
        *counts.entry(kind).or_default() += n;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(kind, n)| (std::cmp::Reverse(*n), *kind));
    counts
        .into_iter()
        .take(MAX_KINDS)
        .map(|(kind, _)| kind.clone())
        .collect()
}

/// The method a step's request has in the plan.
fn method(record: &Record, journey: &str, step: &str) -> Option<String> {
    let journeys = &record.run.as_ref()?.plan.journeys;
    let journey = journeys.iter().find(|one| one.name.as_str() == journey)?;
    let is = |one: &&Step| one.name == step;
    match &journey.steps.iter().find(is)?.action {
        Action::Request(request) => Some(request.method.to_string()),
        _ => None,
    }
}

/// A name's windows on their way into series.
struct Named {
    labels: Vec<(Cow<'static, str>, String)>,
    since: u64,
    ends: Vec<u64>,
    tallies: Vec<Tally>,
}

impl Named {
    fn counted(&self, all: &mut Builder, (about, by, figure): &Counted) {
        let by = by.map(|(name, value)| label(name, value));
        self.sums(all, about, by, figure);
    }

    /// Each kind begins at zero with the load, and so does a rate of it.
    fn failures(&self, all: &mut Builder, about: &About, kinds: &BTreeSet<String>) {
        for kind in kinds {
            let figure = |t: &Tally| t.errors.get(kind).copied().unwrap_or(0);
            if self.tallies.iter().any(|t| figure(t) > 0) {
                self.sums(all, about, Some(label("kind", kind)), figure);
            }
        }
        let other = |t: &Tally| {
            let rest = t.errors.iter().filter(|(kind, _)| !kinds.contains(*kind));
            rest.map(|(_, n)| n).sum()
        };
        if self.tallies.iter().any(|t| other(t) > 0) {
            self.sums(all, about, Some(label("kind", "other")), other);
        }
    }

    fn sums(
        &self,
        all: &mut Builder,
        about: &About,
        by: Option<(Cow<'static, str>, String)>,
        figure: impl Fn(&Tally) -> u64,
    ) {
        let mut sum = 0;
        let windows = self.ends.iter().zip(&self.tallies).map(|(end, tally)| {
            sum += figure(tally);
            (*end, sum as f64)
        });
        let labels = self.labels.iter().cloned().chain(by).collect();
        let values = [(self.since, 0.0)].into_iter().chain(windows);
        all.numbers(about, labels, Some(self.since), values);
    }

    fn durations(
        &self,
        all: &mut Builder,
        about: &About,
        more: &[(Cow<'static, str>, String)],
        of: impl Fn(&Tally) -> &Hist,
    ) {
        let mut sum = Counts::default();
        let windows = self.ends.iter().zip(&self.tallies).map(|(end, tally)| {
            sum.add(of(tally));
            (*end, Value::Counts(Box::new(sum)))
        });
        let labels = self.labels.iter().chain(more).cloned().collect();
        let none = Value::Counts(Box::default());
        let values = [(self.since, none)].into_iter().chain(windows);
        all.add(about, labels, Some(self.since), values);
    }

    /// The mean number of users of each window; nobody is there once it is over.
    fn users(&self, all: &mut Builder, window_s: f64) {
        if self.tallies.iter().all(|t| t.users == 0) {
            return;
        }
        let windows = self.ends.iter().zip(&self.tallies);
        let values = windows.map(|(end, tally)| (*end, tally.users as f64 / window_s));
        all.numbers(&USERS, self.labels.clone(), None, values);
    }
}
