//! A scenario's figures, of every run: all journeys together and each of its own outside faults, all together while each
//! fault is active, and how long the recovery took.

use super::spread::{quantile, rate, series, share};
use super::{Better, Cell, Judged, Row, ScenarioRows};
use crate::expr::gate::Unit;
use crate::expr::probe::{Function, Value};
use crate::name::Name;
use crate::plan::gate::During;
use crate::plan::probe::ProbePlan;
use crate::record::{MAX_WINDOWS, Record, ScenarioRecord, Tally};
use crate::verdict::{
    Recovered, ended_badly, ended_by_target, probe_series, probe_value, recovery,
};

/// The scenarios of all runs, in the order in which they are first met.
pub(super) fn scenarios(runs: &[Judged<'_>]) -> Vec<ScenarioRows> {
    let mut names: Vec<&Name> = Vec::new();
    for scenario in runs.iter().flat_map(|run| &run.record.scenarios) {
        if !names.contains(&&scenario.name) {
            names.push(&scenario.name);
        }
    }
    names.into_iter().map(|name| of(name, runs)).collect()
}

fn of(name: &Name, runs: &[Judged<'_>]) -> ScenarioRows {
    let played: Vec<Option<&ScenarioRecord>> = runs
        .iter()
        .map(|run| run.record.scenario(name.as_str()))
        .collect();
    let mut rows = load(&played, None, &During::Undisturbed);
    for journey in distinct(played.iter().flatten().flat_map(|s| journeys(s))) {
        rows.extend(load(&played, Some(journey), &During::Undisturbed));
    }
    rows.extend(probes(runs, &played, &During::Undisturbed));
    let faults = runs.iter().flat_map(|run| run.record.faults_of(name));
    for fault in distinct(faults.map(|fault| fault.name.as_str())) {
        rows.extend(load(&played, None, &During::Fault(fault.to_owned())));
        rows.extend(probes(runs, &played, &During::Fault(fault.to_owned())));
        rows.push(Row {
            of: Some(fault.to_owned()),
            during: During::Recovery(fault.to_owned()),
            figure: "recovery".to_owned(),
            unit: Unit::Micros,
            better: Better::Lower,
            cells: runs
                .iter()
                .zip(&played)
                .map(|(run, scenario)| recovered(run.record, *scenario, fault))
                .collect(),
        });
    }
    rows.retain(|row| {
        row.cells
            .iter()
            .any(|c| c.value.is_some() || !c.note.is_empty())
    });
    let trust = |run: &Judged<'_>| {
        let found = run.verdict.generator.iter().find(|g| g.scenario == *name);
        found.map(|result| result.trust)
    };
    let rows = rows.into_iter().map(Row::held).collect();
    ScenarioRows {
        scenario: name.clone(),
        trust: runs.iter().map(trust).collect(),
        rows,
    }
}

fn distinct<'t>(texts: impl Iterator<Item = &'t str>) -> Vec<&'t str> {
    let mut seen = Vec::new();
    for text in texts {
        if !seen.contains(&text) {
            seen.push(text);
        }
    }
    seen
}

/// Whole journeys by name; a single one is all there is, and told once.
fn journeys(scenario: &ScenarioRecord) -> Vec<&str> {
    let names = scenario.names.keys().map(String::as_str);
    let whole: Vec<_> = names.filter(|name| !name.contains('/')).collect();
    if whole.len() > 1 { whole } else { Vec::new() }
}

/// Figures of some load.
fn load(played: &[Option<&ScenarioRecord>], name: Option<&str>, during: &During) -> Vec<Row> {
    let seen: Vec<Option<(Tally, f64)>> = played
        .iter()
        .map(|scenario| {
            let tally = scenario.as_ref()?.select(name, during);
            (!tally.is_empty()).then(|| (tally, scenario.map_or(0.0, |s| s.phase_seconds(during))))
        })
        .collect();
    let row = |figure: &str, unit, better, take: &dyn Fn(&Tally, f64) -> Cell| Row {
        of: name.map(str::to_owned),
        during: during.clone(),
        figure: figure.to_owned(),
        unit,
        better,
        cells: seen
            .iter()
            .map(|seen| {
                seen.as_ref()
                    .map_or_else(Cell::default, |(t, s)| take(t, *s))
            })
            .collect(),
    };
    let at = |q: f64| move |t: &Tally, _: f64| quantile(&t.response, q);
    let mut rows = vec![
        row("p50", Unit::Micros, Better::Lower, &at(0.5)),
        row("p95", Unit::Micros, Better::Lower, &at(0.95)),
        row("p99", Unit::Micros, Better::Lower, &at(0.99)),
        row("error_rate", Unit::Share, Better::Lower, &|t, _| {
            share(ended_badly(t), ended_by_target(t))
        }),
        row("rate", Unit::PerSecond, Better::Higher, &|t, s| {
            rate(t.ok, s)
        }),
    ];
    let dropped = row("dropped", Unit::Share, Better::Lower, &|t, _| {
        share(t.dropped, t.planned)
    });
    if dropped
        .cells
        .iter()
        .any(|cell| cell.value.is_some_and(|v| v > 0.0))
    {
        rows.push(dropped);
    }
    rows
}

/// Figures of the target's own metrics, of every probe that any run has.
fn probes(runs: &[Judged<'_>], played: &[Option<&ScenarioRecord>], during: &During) -> Vec<Row> {
    let mut planned: Vec<&ProbePlan> = Vec::new();
    let plans = runs.iter().filter_map(Judged::plan);
    for probe in plans.flat_map(|plan| &plan.probes) {
        if planned.iter().all(|known| known.name != probe.name) {
            planned.push(probe);
        }
    }
    let row = |probe: &&ProbePlan| Row {
        of: Some("probes".to_owned()),
        during: during.clone(),
        figure: format!("probe.{}", probe.name),
        unit: probe.unit.clone(),
        better: Better::Neither,
        cells: runs
            .iter()
            .zip(played)
            .map(|(run, scenario)| {
                let own = run.plan().and_then(|plan| plan.probe(probe.name.as_str()));
                match (own, scenario) {
                    (Some(own), Some(scenario)) => probed(run.record, own, scenario, during),
                    _ => Cell::default(),
                }
            })
            .collect(),
    };
    planned.iter().map(row).collect()
}

/// A probe's figure; the range of a mean is told by how its windows differ.
fn probed(record: &Record, probe: &ProbePlan, scenario: &ScenarioRecord, during: &During) -> Cell {
    let Ok(value) = probe_value(record, probe, scenario, during) else {
        return Cell::default();
    };
    let stretches = scenario.intervals(during);
    let length = u64::from(scenario.window_s) * 1_000_000;
    let windows = (scenario.load_end_us().saturating_sub(scenario.t0_us)).div_ceil(length);
    let windows = u32::try_from(windows).unwrap_or(u32::MAX).min(MAX_WINDOWS);
    let all = probe_series(record, probe, scenario, windows, scenario.window_s);
    let inside = |window: &usize| {
        let from = scenario.t0_us + *window as u64 * length;
        stretches
            .iter()
            .any(|(begin, end)| *begin <= from && from + length <= *end)
    };
    let seen = all
        .into_iter()
        .enumerate()
        .filter(|(window, _)| inside(window));
    let seen: Vec<f64> = seen.filter_map(|(_, value)| value).collect();
    let cell = series(value, &seen);
    Cell {
        range: cell.range.filter(|_| is_mean(&probe.value)),
        ..cell
    }
}

/// Whether windows spread around a value. What a counter grew by adds up over them, and extremes, the first and the last
/// lie on their border: how windows differ does not tell how those would.
fn is_mean(value: &Value) -> bool {
    let terms = value.terms();
    terms
        .iter()
        .all(|(function, _)| matches!(function, Function::Rate | Function::Avg))
}

/// How long a recovery took; as exact as a window is long.
fn recovered(record: &Record, scenario: Option<&ScenarioRecord>, fault: &str) -> Cell {
    let Some(scenario) = scenario else {
        return Cell::default();
    };
    let mut faults = record.faults_of(&scenario.name);
    let Some(fault) = faults.find(|one| one.name == fault) else {
        return Cell::default();
    };
    let window = f64::from(scenario.window_s) * 1e6;
    match recovery(record, scenario, fault) {
        Recovered::After(us) => Cell {
            value: Some(us as f64),
            range: Some(((us as f64 - window).max(0.0), us as f64 + window)),
            samples: 1,
            ..Cell::default()
        },
        Recovered::NotWithin(us) => Cell {
            note: format!("not within {}", crate::units::human_us(us)),
            ..Cell::default()
        },
        Recovered::Unknown(_) => Cell {
            note: "not known".to_owned(),
            ..Cell::default()
        },
    }
}
