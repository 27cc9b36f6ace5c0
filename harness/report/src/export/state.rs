//! What was so from one time to another: which faults were active, which services were up, which scenario ran. And the
//! instrument and the links, second by second.

use super::{About, Builder, Counts, Kind, Unit, Value, label};
use harness_core::event::{LinkTick, SelfHealth};
use harness_core::record::{FaultRecord, Record};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

const fn about(name: &'static str, unit: Unit, kind: Kind, help: &'static str) -> About {
    About {
        name: Cow::Borrowed(name),
        unit,
        kind,
        help: Cow::Borrowed(help),
    }
}

static FAULT: About = about(
    "harness.fault.active",
    Unit::None,
    Kind::Gauge,
    "Whether a fault is applied: 1 from when it is armed until it is lifted.",
);
static SERVICE: About = about(
    "harness.service.up",
    Unit::None,
    Kind::Gauge,
    "Whether a service says that it is well, asked for while scenarios with faults run; 0 once it died.",
);
static SCENARIO: About = about(
    "harness.scenario.active",
    Unit::None,
    Kind::Gauge,
    "Whether a scenario's load runs.",
);
static WARMS_UP: About = about(
    "harness.scenario.warming_up",
    Unit::None,
    Kind::Gauge,
    "Whether a scenario's load warms up, and is judged by nothing.",
);
static CPU: About = about(
    "harness.generator.cpu",
    Unit::Ratio,
    Kind::Gauge,
    "Processor time of the load workers: 1 is a whole core.",
);
static MEMORY: About = about(
    "harness.generator.memory",
    Unit::Bytes,
    Kind::Gauge,
    "Resident memory of the harness.",
);
static LAG: About = about(
    "harness.generator.lag",
    Unit::Seconds,
    Kind::Histogram,
    "How late the generator woke up against its schedule, by its own doing.",
);
static OPENED: About = about(
    "harness.link.connections",
    Unit::Of("{connection}"),
    Kind::Counter,
    "Connections opened through a link.",
);
static REFUSED: About = about(
    "harness.link.failures",
    Unit::Of("{connection}"),
    Kind::Counter,
    "Dials to a link's service that failed.",
);
static CARRIED: About = about(
    "harness.link.io",
    Unit::Bytes,
    Kind::Counter,
    "Bytes through a link, towards its service (transmit) or from it (receive).",
);
static ANSWERS: About = about(
    "harness.link.responses",
    Unit::Of("{response}"),
    Kind::Counter,
    "Answers that went through a link that is read as HTTP, by class of status.",
);

/// A stretch of time, microseconds.
type Stretch = (u64, u64);

/// Adds all of it.
pub(super) fn add(all: &mut Builder, record: &Record) {
    faults(all, record);
    services(all, record);
    for scenario in &record.scenarios {
        let end = scenario.end.map_or(record.last_us, |(end, _)| end);
        let name = || vec![label("scenario", &scenario.name)];
        state(all, record, &SCENARIO, name(), &[(scenario.t0_us, end)]);
        if let Some(warm_up) = scenario.warm_up_us() {
            state(all, record, &WARMS_UP, name(), &[warm_up]);
        }
    }
    instrument(all, record);
    links(all, record);
}

/// A fault's turns are one series.
fn faults(all: &mut Builder, record: &Record) {
    let mut turns: BTreeMap<(&str, &str), Vec<&FaultRecord>> = BTreeMap::new();
    for fault in &record.faults {
        let scenario = fault.scenario.as_ref().map_or("", |name| name.as_str());
        turns
            .entry((scenario, &fault.name))
            .or_default()
            .push(fault);
    }
    for ((scenario, name), turns) in turns {
        let applied = turns.iter().filter(|fault| {
            // One that could not be lifted was applied.
            fault.failed.is_none() || fault.effective_us.is_some()
        });
        let active: Vec<Stretch> = applied
            .map(|fault| {
                (
                    fault.armed_us,
                    fault.lifted_us.unwrap_or(record.last_us + 1),
                )
            })
            .collect();
        let labels = vec![label("scenario", scenario), label("fault", name)];
        state(all, record, &FAULT, labels, &active);
    }
}

/// A service is up from when the target was until it says otherwise or dies.
fn services(all: &mut Builder, record: &Record) {
    let ready = record.target.ready.iter().map(|(service, _)| service);
    let died = record.target.died.iter().map(|(_, service, ..)| service);
    let said = record.health_changes.iter().map(|change| &change.service);
    let names: BTreeSet<&String> = ready.chain(died).chain(said).collect();
    let Some(from) = record.target.ready_us else {
        return;
    };
    for name in names {
        let died = record
            .target
            .died
            .iter()
            .filter(|(_, service, ..)| service == name);
        let died = died.map(|(at, ..)| (*at, false));
        let said = record
            .health_changes
            .iter()
            .filter(|change| change.service == *name);
        let said = said.map(|change| (change.at_us, change.healthy));
        let mut changes: Vec<(u64, bool)> =
            [(from, true)].into_iter().chain(died).chain(said).collect();
        changes.sort_by_key(|(at, _)| *at);
        let ends = changes
            .iter()
            .skip(1)
            .map(|(at, _)| *at)
            .chain([record.last_us + 1]);
        let stretches = changes.iter().zip(ends).filter(|((_, up), _)| *up);
        let up: Vec<Stretch> = stretches.map(|((at, _), end)| (*at, end)).collect();
        let labels = vec![label("service", name)];
        numbered(all, record, &SERVICE, labels, from, &up);
    }
}

fn state(
    all: &mut Builder,
    record: &Record,
    about: &About,
    labels: Vec<(Cow<'static, str>, String)>,
    on: &[Stretch],
) {
    numbered(all, record, about, labels, 0, on);
}

/// 1 within stretches (their ends are not), else 0: at regular moments of the whole run from `from`, and at each edge.
fn numbered(
    all: &mut Builder,
    record: &Record,
    about: &About,
    labels: Vec<(Cow<'static, str>, String)>,
    from: u64,
    on: &[Stretch],
) {
    let step = record.last_us.div_ceil(super::MOMENTS).max(1_000_000);
    let edges = on.iter().flat_map(|(from, to)| [*from, *to]);
    let regular = (0..)
        .map(|n| from + n * step)
        .take_while(|at| *at < record.last_us);
    let moments: BTreeSet<u64> = regular
        .chain(edges.filter(|at| (from..record.last_us).contains(at)))
        .chain([record.last_us])
        .collect();
    let is = |at: u64| on.iter().any(|(from, to)| (*from..*to).contains(&at));
    let values = moments
        .into_iter()
        .map(|at| (at, f64::from(u8::from(is(at)))));
    all.numbers(about, labels, None, values);
}

fn instrument(all: &mut Builder, record: &Record) {
    let gauge = |all: &mut Builder, about: &About, figure: fn(&SelfHealth) -> f64| {
        let values = record
            .health
            .iter()
            .map(|(at, health)| (*at, figure(health)));
        all.numbers(about, Vec::new(), None, values);
    };
    gauge(all, &CPU, |health| health.cpu_generator);
    gauge(all, &MEMORY, |health| health.memory as f64);
    let mut sum = Counts::default();
    let values = record.health.iter().map(|(at, health)| {
        sum.add(&health.lag);
        (*at, Value::Counts(Box::new(sum)))
    });
    all.add(&LAG, Vec::new(), None, values);
}

fn links(all: &mut Builder, record: &Record) {
    type Labels = Vec<(Cow<'static, str>, String)>;
    for (link, ticks) in &record.links {
        let sums =
            |all: &mut Builder, about: &About, more: Labels, figure: &dyn Fn(&LinkTick) -> u64| {
                let mut sum = 0;
                let values = ticks.iter().map(|(at, tick)| {
                    sum += figure(tick);
                    (*at, sum as f64)
                });
                let labels = [label("link", link)].into_iter().chain(more);
                all.numbers(about, labels.collect(), None, values);
            };
        sums(all, &OPENED, Vec::new(), &|tick| tick.opened);
        sums(all, &REFUSED, Vec::new(), &|tick| tick.failed);
        let direction = |word: &'static str| vec![label("direction", word)];
        sums(all, &CARRIED, direction("transmit"), &|tick| tick.bytes_up);
        sums(all, &CARRIED, direction("receive"), &|tick| tick.bytes_down);
        let classes: BTreeSet<&String> = ticks
            .iter()
            .flat_map(|(_, tick)| tick.answers.keys())
            .collect();
        for class in classes {
            let figure = |tick: &LinkTick| tick.answers.get(class).copied().unwrap_or(0);
            sums(all, &ANSWERS, vec![label("class", class)], &figure);
        }
    }
}
