//! What the target says of itself: the plan's probes, and the series that were scraped, under their own names.

use super::{About, Builder, Kind, Unit, label, load};
use harness_core::expr::gate;
use harness_core::expr::probe;
use harness_core::record::Record;
use harness_core::verdict::probe_series;
use std::borrow::Cow;
use std::collections::BTreeMap;

static PROBE: About = About {
    name: Cow::Borrowed("harness.probe.value"),
    unit: Unit::None,
    kind: Kind::Gauge,
    help: Cow::Borrowed("A probe of the suite over a window, in the unit its label says."),
};

/// Labels that every scraped series gets.
const OWN: [&str; 2] = ["run", "service"];

/// Adds probes and scrapes.
pub(super) fn add(all: &mut Builder, record: &Record) {
    probes(all, record);
    scrapes(all, record);
}

fn probes(all: &mut Builder, record: &Record) {
    let plan = record.run.as_ref().map(|run| &run.plan);
    for probe in plan.into_iter().flat_map(|plan| &plan.probes) {
        for scenario in &record.scenarios {
            let windows = load::windows(scenario);
            let series = probe_series(record, probe, scenario, windows, scenario.window_s);
            let values = (1..)
                .zip(series)
                .filter_map(|(n, value)| Some((load::end(scenario, n), value?)));
            let labels = vec![
                label("scenario", &scenario.name),
                label("probe", &probe.name),
                label("unit", unit(&probe.unit)),
            ];
            all.numbers(&PROBE, labels, None, values.collect::<Vec<_>>());
        }
    }
}

/// The base unit's word.
fn unit(unit: &gate::Unit) -> &str {
    match unit {
        // A probe's figures are in its unit's base, which of a duration is the microsecond only for load.
        gate::Unit::Micros | gate::Unit::Seconds => "seconds",
        gate::Unit::Share => "ratio",
        gate::Unit::PerSecond => "per second",
        gate::Unit::Bytes => "bytes",
        gate::Unit::Plain => "",
        gate::Unit::Named(word) => word,
    }
}

/// Labels of a series.
type Labels = Vec<(Cow<'static, str>, String)>;

/// Series of a metric as they were scraped: labels, and values by time.
type Scraped<'r> = Vec<(Labels, &'r [(u64, f64)])>;

/// Nobody recorded which type a metric has: `_total` says counter by convention, the rest is left open. Families stay
/// together whichever services have them.
fn scrapes(all: &mut Builder, record: &Record) {
    let mut families: BTreeMap<String, Scraped<'_>> = BTreeMap::new();
    for (service, held) in &record.probes {
        for (text, points) in held {
            let Some((name, labels)) = probe::series(text) else {
                continue;
            };
            if let Some(labels) = ours(service, labels).filter(|_| is_metric(name)) {
                families
                    .entry(exported(name))
                    .or_default()
                    .push((labels, points));
            }
        }
    }
    for (name, held) in families {
        let counts = name.ends_with("_total");
        let about = About {
            name: Cow::Owned(name),
            unit: Unit::None,
            kind: if counts { Kind::Counter } else { Kind::Unknown },
            help: Cow::Borrowed("As scraped from the target."),
        };
        for (labels, points) in held {
            all.numbers(&about, labels, None, points.iter().copied());
        }
    }
}

/// A scraped series' labels with ours; one of its own with the name of one of ours is renamed as Prometheus does. `None` if
/// one has a name that no format takes, or has it twice.
fn ours(service: &str, labels: Vec<(String, String)>) -> Option<Labels> {
    let mut all = vec![label("service", service)];
    for (name, value) in labels {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty()
            || name.starts_with(|c: char| c.is_ascii_digit())
            || !name.chars().all(word)
        {
            return None;
        }
        let name = match name {
            name if name == "service" && value == service => continue,
            name if OWN.contains(&name.as_str()) => format!("exported_{name}"),
            name => name,
        };
        if all.iter().any(|(held, _)| *held == name) {
            return None;
        }
        all.push((Cow::Owned(name), value));
    }
    Some(all)
}

fn is_metric(name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(word)
}

/// A name that can't be one of ours.
fn exported(name: &str) -> String {
    match name {
        name if name.starts_with("harness_") => format!("exported_{name}"),
        name if name.starts_with("http_client_request_duration_seconds") => {
            format!("exported_{name}")
        }
        name => name.to_owned(),
    }
}
