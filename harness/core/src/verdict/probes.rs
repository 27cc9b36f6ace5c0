//! Probes: their values in a phase, a window or a second of the load, and gates on them. A ratio is one of sums over
//! the whole time looked at, never a mean of ratios. Figures that scrapes don't cover are missing, and missing data
//! never passes.

use super::Grade;
use super::gates::Found;
use super::limits::{LIVE_WINDOWS, PROBE_COVERAGE, PROBE_EDGE_US};
use super::measure::{Judged, When};
use crate::diagnostic::nearest;
use crate::expr::gate::GateSubject;
use crate::expr::probe::{Function, Selector, Value};
use crate::plan::gate::{During, Gate};
use crate::plan::probe::ProbePlan;
use crate::record::{Reading, Record, SCRAPE_EVERY_US, ScenarioRecord};

/// A scrape belongs to the window it lies in most: none falls between two.
const WINDOW_EDGE_US: u64 = SCRAPE_EVERY_US / 2 - 1;

/// A probe's figure over a phase of a scenario, in its unit's base; why there is none.
pub fn probe_value(
    record: &Record,
    probe: &ProbePlan,
    scenario: &ScenarioRecord,
    during: &During,
) -> Result<f64, String> {
    Time::phase(record, &[scenario], during).value(&probe.value)
}

/// A probe over time: its figure in each of the windows a scenario is cut into, none where scrapes don't tell.
pub fn probe_series(
    record: &Record,
    probe: &ProbePlan,
    scenario: &ScenarioRecord,
    windows: u32,
    window_s: u32,
) -> Vec<Option<f64>> {
    let length = u64::from(window_s) * 1_000_000;
    let figure = |window: u32| {
        let from = scenario.t0_us + u64::from(window) * length;
        let time = Time {
            record,
            stretches: vec![(scenario, from, from + length)],
            slack_us: WINDOW_EDGE_US,
            late_us: WINDOW_EDGE_US,
        };
        time.value(&probe.value).ok()
    };
    (0..windows).map(figure).collect()
}

/// A gate on a probe, judged.
pub(super) fn find(
    record: &Record,
    gate: &Gate,
    scenarios: &[&ScenarioRecord],
    when: When,
) -> Found {
    let Some(probe) = asked(record, gate) else {
        return Found::inconclusive(0, "its probe is not in the plan");
    };
    let whole = whole(record, gate, probe, scenarios);
    match gate.over {
        Some(over) => {
            let over_s = over.as_secs_f64();
            let windows = scenarios
                .iter()
                .flat_map(|s| windows(record, gate, probe, s, over_s, when));
            Found::worst(gate, over_s, windows, whole, "scrapes")
        }
        // Over the whole load it may still come back.
        None if when == When::Live => Found::inconclusive(0, "it is too early to say"),
        None => Found {
            judged: whole,
            worst_second: None,
        },
    }
}

/// The probe that a gate asks for.
fn asked<'r>(record: &'r Record, gate: &Gate) -> Option<&'r ProbePlan> {
    let run = record.run.as_ref()?;
    match &gate.expect.subject {
        GateSubject::Probe { name, .. } => run.plan.probe(name.as_str()),
        _ => None,
    }
}

/// The figures of the last windows of a scenario that runs: (first second, figure).
pub(super) fn live_windows(
    record: &Record,
    gate: &Gate,
    scenario: &ScenarioRecord,
    over_s: f64,
) -> Vec<(u32, f64)> {
    asked(record, gate).map_or_else(Vec::new, |probe| {
        windows(record, gate, probe, scenario, over_s, When::Live)
    })
}

fn whole(record: &Record, gate: &Gate, probe: &ProbePlan, scenarios: &[&ScenarioRecord]) -> Judged {
    let time = Time::phase(record, scenarios, &gate.during);
    let samples = time.scrapes(&probe.value);
    match time.value(&probe.value) {
        Err(missing) => Judged {
            grade: Grade::Inconclusive,
            observed: None,
            samples,
            missing,
        },
        Ok(figure) => Judged {
            grade: if gate.expect.holds(figure) {
                Grade::Pass
            } else {
                Grade::Fail
            },
            observed: Some(figure),
            samples,
            missing: String::new(),
        },
    }
}

/// The figures of a scenario's windows: (first second, figure). While it runs, only of those that lie behind every
/// service's last scrape.
fn windows(
    record: &Record,
    gate: &Gate,
    probe: &ProbePlan,
    scenario: &ScenarioRecord,
    over_s: f64,
    when: When,
) -> Vec<(u32, f64)> {
    let step = u64::from(scenario.window_s) * 1_000_000;
    let length = (over_s / f64::from(scenario.window_s)).ceil().max(1.0) as u64 * step;
    let heard = || {
        let last = |(_, s): (Function, &Selector)| record.followed.get(s).map_or(0, |f| f.at_us);
        probe.value.terms().into_iter().map(last).min().unwrap_or(0)
    };
    let (earliest, latest) = match when {
        When::Final => (0, u64::MAX),
        When::Live => {
            let heard = heard();
            (
                heard.saturating_sub(u64::from(LIVE_WINDOWS) * step + length),
                heard,
            )
        }
    };
    let mut found = Vec::new();
    for (from, to) in phase(record, scenario, &gate.during) {
        let since = |at: u64| at.saturating_sub(scenario.t0_us + PROBE_EDGE_US);
        let first = scenario.t0_us + since(from.max(earliest)).div_ceil(step) * step;
        let end = to.min(latest).saturating_add(PROBE_EDGE_US);
        let begins = (0..)
            .map(|n| first + n * step)
            .take_while(|at| at + length <= end);
        for at in begins {
            let time = Time {
                record,
                stretches: vec![(scenario, at, at + length)],
                slack_us: PROBE_EDGE_US,
                late_us: WINDOW_EDGE_US,
            };
            if let Ok(figure) = time.value(&probe.value) {
                found.push((((at - scenario.t0_us) / 1_000_000) as u32, figure));
            }
        }
    }
    found
}

/// The stretches of a phase. What drains after the load is its doing: the last stretch goes on to the scrape after it.
fn phase(record: &Record, scenario: &ScenarioRecord, during: &During) -> Vec<(u64, u64)> {
    let mut stretches = scenario.intervals(during);
    let load_end = scenario.load_end_us();
    let drained = scenario.end.map_or(record.last_us, |(at, _)| at);
    if let Some(last) = stretches.last_mut().filter(|last| last.1 == load_end) {
        last.1 = drained.clamp(load_end, load_end + SCRAPE_EVERY_US);
    }
    stretches
}

/// Time that is looked at.
struct Time<'r> {
    record: &'r Record,
    stretches: Vec<(&'r ScenarioRecord, u64, u64)>,
    /// How far beyond its ends a scrape may lie that counters are read from.
    slack_us: u64,
    /// By how much later than the time itself scrapes tell what gauges were: a scrape comes a little after the second
    /// it ends, and the readings of a window were put together by that.
    late_us: u64,
}

impl<'r> Time<'r> {
    fn phase(record: &'r Record, scenarios: &[&'r ScenarioRecord], during: &During) -> Self {
        let of = |s: &&'r ScenarioRecord| {
            let scenario = *s;
            let stretches = phase(record, scenario, during).into_iter();
            stretches.map(move |(from, to)| (scenario, from, to))
        };
        Self {
            record,
            stretches: scenarios.iter().flat_map(of).collect(),
            slack_us: PROBE_EDGE_US,
            late_us: 0,
        }
    }

    fn value(&self, value: &Value) -> Result<f64, String> {
        value.evaluate(&mut |function, selector| self.figure(function, selector))
    }

    /// Scrapes the figure rests on: of the metric that has the fewest.
    fn scrapes(&self, value: &Value) -> u64 {
        let of = |(function, selector): (Function, &Selector)| {
            let held = self
                .record
                .followed
                .get(selector)
                .is_some_and(|f| f.held > 0);
            let read = self.read(function, selector).filter(|_| held);
            read.map_or(0, |reading| reading.scrapes)
        };
        value.terms().into_iter().map(of).min().unwrap_or(0)
    }

    /// All that was read of a selector in this time. What a counter grew by across an edge belongs to neither side.
    fn read(&self, function: Function, selector: &Selector) -> Option<Reading> {
        let mut sum: Option<Reading> = None;
        for (scenario, from, to) in &self.stretches {
            let readings = scenario
                .readings
                .get(selector)
                .map_or(&[][..], Vec::as_slice);
            let (from, to) = match function.counts() {
                true => (from.saturating_sub(self.slack_us), to + self.slack_us),
                false => (from + self.late_us, to + self.late_us),
            };
            let inside = |r: &&Reading| match function.counts() {
                true => r.covered_us > 0 && r.from_us >= from && r.last_us <= to,
                false => r.first_us >= from && r.last_us <= to,
            };
            let start = readings.partition_point(|r| r.last_us < from);
            let near = readings.iter().skip(start).take_while(|r| r.from_us <= to);
            for reading in near.filter(inside) {
                match &mut sum {
                    Some(sum) => sum.add(reading),
                    None => sum = Some(*reading),
                }
            }
        }
        sum
    }

    fn figure(&self, function: Function, selector: &Selector) -> Result<f64, String> {
        if let Some(never) = self.never(selector) {
            return Err(never);
        }
        let read = self.read(function, selector);
        let length: u64 = self.stretches.iter().map(|(_, from, to)| to - from).sum();
        let covered = read.map_or(0, |r| match function.counts() {
            true => r.covered_us,
            false => r.held * SCRAPE_EVERY_US,
        });
        let Some(read) = read.filter(|_| covered as f64 >= PROBE_COVERAGE * length as f64) else {
            let seconds = |us: u64| us as f64 / 1e6;
            let covered = seconds(covered.min(length));
            return Err(format!(
                "scrapes that tell `{function}({selector})` cover {covered:.1} s of the {:.1} s looked at{}",
                seconds(length),
                self.failures(selector)
            ));
        };
        let figure = match function {
            Function::Rate => Some(read.increase / (read.covered_us as f64 / 1e6)),
            Function::Increase => Some(read.increase),
            Function::Avg => Some(read.sum / read.held as f64),
            Function::Min => Some(read.min),
            Function::Max => Some(read.max),
            Function::First => read.first,
            Function::Last => read.last,
        };
        let figure = figure.filter(|figure| figure.is_finite());
        figure.ok_or_else(|| format!("no scrape in this time held `{selector}`"))
    }

    /// Why nothing was ever read of a selector.
    fn never(&self, selector: &Selector) -> Option<String> {
        let followed = self.record.followed.get(selector);
        let service = selector.service.as_ref().map_or("", |name| name.as_str());
        if followed.is_none_or(|f| f.scrapes == 0) {
            let failures = self.failures(selector);
            return Some(if followed.is_some_and(|f| f.unread.is_some()) {
                format!("no scrape of `{service}` told all of `{selector}`{failures}")
            } else if failures.is_empty() {
                format!("`{service}` was never scraped, so `{selector}` is not known")
            } else {
                format!("`{service}` never answered a scrape{failures}")
            });
        }
        if followed.is_some_and(|f| f.held > 0) {
            return None;
        }
        let names = self.record.probes.get(service).into_iter().flatten();
        let names = names.map(|(series, _)| series.split('{').next().unwrap_or(series));
        // A forgotten `_total` is farther away than a slip of the fingers.
        let longer = format!("{}_", selector.metric);
        let known = nearest(&selector.metric, names.clone())
            .or_else(|| names.clone().find(|name| name.starts_with(&longer)));
        let hint = match known {
            Some(metric) if metric == selector.metric => {
                "; it has that metric, not with these labels".to_owned()
            }
            Some(metric) => format!("; did you mean `{metric}`?"),
            None => String::new(),
        };
        Some(format!(
            "no scrape of `{service}` ever held `{selector}`{hint}"
        ))
    }

    /// ` (3 scrapes of gateway failed, last: connection refused)`, ` (3 scrapes of gateway were not whole, last: …)`.
    fn failures(&self, selector: &Selector) -> String {
        let service = selector.service.as_ref().map_or("", |name| name.as_str());
        let followed = self.record.followed.get(selector);
        if let Some((n, why)) = followed.and_then(|followed| followed.unread.as_ref()) {
            let (scrapes, were) = if *n == 1 {
                ("scrape", "was")
            } else {
                ("scrapes", "were")
            };
            return format!(" ({n} {scrapes} of `{service}` {were} not whole, last: {why})");
        }
        let failed = self.record.probe_failures.get(service);
        failed.map_or_else(String::new, |(n, last)| {
            let scrapes = if *n == 1 { "scrape" } else { "scrapes" };
            format!(" ({n} {scrapes} of `{service}` failed, last: {last})")
        })
    }
}

#[cfg(test)]
mod tests;
