//! One scenario: what the load was, what broke, what was seen.

use super::evidence::{Badge, BrokenView, ExchangeView};
use super::faults::{self, FaultsView};
use super::invariants::{self, InvariantView};
use super::phases::{self, PhasesView};
use crate::capacity::{self, Search};
use crate::chart::incident::{self, Incident};
use crate::chart::phases::Bars;
use crate::chart::timeline::{self, Timeline};
use crate::chart::trials::{self, Trials};
use crate::chart::{
    Chart, POINTS, errors as error_strips, heat, latency, probes, rates, spectrum, waterfall,
};
use crate::errors;
use crate::figures;
use crate::instrument::{self, Figure};
use crate::series;
use crate::text::{self, one_line};
use harness_core::event::{Exemplar, ScenarioEnd};
use harness_core::plan::Plan;
use harness_core::plan::gate::During;
use harness_core::plan::probe::ProbePlan;
use harness_core::record::{Record, ScenarioRecord, Tally};
use harness_core::units::human_us;
use harness_core::verdict::{Grade, Trust, Verdict, probe_value, show};
use serde::Serialize;

/// The most examples shown of a scenario.
const EXEMPLARS: usize = 24;
/// The most faults that have columns in the table of probes.
const FAULTS: usize = 4;
/// The most kinds of error told.
const KINDS: usize = 30;
/// The most names in the table.
const NAMES: usize = 200;

#[derive(Debug, Serialize)]
pub(super) struct ScenarioView {
    pub(super) id: String,
    name: String,
    title: String,
    stages: String,
    warm_up: String,
    ended: String,
    trust: Badge,
    trust_words: String,
    trust_reasons: Vec<String>,
    trust_told: Vec<String>,
    instrument: Vec<Figure>,
    search: Option<Search>,
    trials: Option<Trials>,
    faults: Option<FaultsView>,
    invariants: Vec<InvariantView>,
    incident: Option<Incident>,
    charts: Vec<Chart>,
    series: String,
    probe_times: Vec<String>,
    probes: Vec<ProbeView>,
    errors: Vec<ErrorView>,
    names: Vec<NameView>,
    phases: Option<PhasesView>,
    waterfall: Option<Bars>,
    exemplars: Vec<ExemplarView>,
}

#[derive(Debug, Serialize)]
struct ProbeView {
    title: String,
    value: String,
    cells: Vec<ProbeCell>,
}

#[derive(Debug, Serialize)]
struct ProbeCell {
    text: String,
    note: String,
}

#[derive(Debug, Serialize)]
struct ErrorView {
    kind: String,
    amount: String,
    when: String,
    examples: Vec<String>,
    chart: Option<Chart>,
}

#[derive(Debug, Serialize)]
struct NameView {
    journey: String,
    step: String,
    note: String,
    cells: Vec<Cell>,
}

#[derive(Debug, Serialize)]
struct Cell {
    text: String,
    sort: u64,
}

#[derive(Debug, Serialize)]
struct ExemplarView {
    class: String,
    name: String,
    journey: String,
    at: String,
    took: String,
    broken: Vec<BrokenView>,
    exchange: ExchangeView,
}

/// Points of a line: fewer the more scenarios share the page, so that it stays small enough to send.
fn points(scenarios: usize) -> u32 {
    (1200 / scenarios.max(1)).clamp(120, POINTS) as u32
}

/// The scenario's part of the page.
pub(super) fn of(
    record: &Record,
    plan: &Plan,
    verdict: &Verdict,
    scenario: &ScenarioRecord,
) -> ScenarioView {
    let timeline = Timeline::of(record, scenario);
    let id = &scenario.name;
    let (windows, window_s) = figures::windows(scenario, points(record.scenarios.len()));
    let planned = plan.scenario(scenario.name.as_str());
    let title = planned.map_or("", |s| s.title.as_str());
    let closed = figures::is_closed(record, scenario);
    let users = planned.and_then(|planned| {
        rates::users(
            format!("{id}-users"),
            &timeline,
            &windows,
            window_s,
            planned,
        )
    });
    let shown = examples(scenario);
    let (trust, trust_words, trust_reasons) = trust(verdict, scenario);
    let judged = verdict
        .generator
        .iter()
        .find(|g| g.scenario == scenario.name);
    let charts = [
        latency::chart(format!("{id}-latency"), &timeline, &windows, window_s),
        heat::chart(format!("{id}-heat"), &timeline, &windows, window_s),
        users,
        rates::chart(format!("{id}-rates"), &timeline, &windows, window_s, closed),
        rates::lag(format!("{id}-lag"), &timeline, record, scenario),
        spectrum::chart(
            format!("{id}-spectrum"),
            &scenario.select(None, &During::All),
        ),
    ];
    let drawn = probes::charts(
        &format!("{id}-probe"),
        &timeline,
        record,
        scenario,
        window_s,
    );
    let (probe_times, probes) = probe_rows(record, plan, scenario);
    let strips = error_strips::strips(&format!("{id}-errors"), &timeline, &windows, window_s);
    ScenarioView {
        id: format!("scenario-{}", scenario.name),
        name: scenario.name.to_string(),
        title: one_line(
            if title.is_empty() {
                scenario.name.as_str()
            } else {
                title
            },
            200,
        ),
        stages: timeline::stages(plan, scenario.name.as_str()),
        warm_up: figures::warm_up(scenario).unwrap_or_default(),
        ended: ended(scenario),
        trust,
        trust_words,
        trust_reasons,
        trust_told: judged.map(instrument::late_and_dropped).unwrap_or_default(),
        instrument: judged.map(instrument::figures).unwrap_or_default(),
        search: capacity::of(record, scenario),
        trials: trials::chart(format!("{id}-trials"), record, scenario),
        faults: faults::of(record, scenario),
        invariants: invariants::of(record, verdict, &scenario.name),
        incident: incident::chart(format!("{id}-incident"), &timeline, record, scenario),
        series: series::path(scenario.name.as_str()),
        charts: charts.into_iter().flatten().chain(drawn).collect(),
        probe_times,
        probes,
        errors: errors::rows(scenario)
            .into_iter()
            .take(KINDS)
            .map(|row| ErrorView {
                amount: row.amount(),
                when: row.when(),
                chart: strips
                    .iter()
                    .find(|(kind, ..)| *kind == row.class)
                    .map(|(_, _, chart)| chart.clone()),
                kind: row.kind,
                examples: row.examples,
            })
            .collect(),
        names: scenario
            .names
            .keys()
            .take(NAMES)
            .map(|name| name_row(name, &figures::judged(scenario, name), closed))
            .collect(),
        phases: phases::of(format!("{id}-phases"), scenario, NAMES),
        waterfall: waterfall::exchanges(format!("{id}-waterfall"), &shown),
        exemplars: shown.into_iter().map(exemplar).collect(),
    }
}

fn trust(verdict: &Verdict, scenario: &ScenarioRecord) -> (Badge, String, Vec<String>) {
    let Some(result) = verdict
        .generator
        .iter()
        .find(|g| g.scenario == scenario.name)
    else {
        return (
            Badge {
                word: "not judged",
                ..Badge::of(Grade::Inconclusive)
            },
            "The load generator was not judged.".to_owned(),
            Vec::new(),
        );
    };
    let (grade, words) = match result.trust {
        Trust::Valid => (
            Grade::Pass,
            "The load was what it was meant to be: its figures can be trusted.",
        ),
        Trust::Degraded => (
            Grade::Inconclusive,
            "The load was nearly what it was meant to be; its figures stand, with these reasons beside them.",
        ),
        Trust::Invalid => (
            Grade::Invalid,
            "The load was not what it was meant to be; figures about speed say nothing.",
        ),
    };
    let badge = Badge {
        word: match result.trust {
            Trust::Valid => "load valid",
            Trust::Degraded => "load degraded",
            Trust::Invalid => "load invalid",
        },
        ..Badge::of(grade)
    };
    (
        badge,
        words.to_owned(),
        result.reasons.iter().map(|r| one_line(r, 400)).collect(),
    )
}

fn ended(scenario: &ScenarioRecord) -> String {
    match scenario.end {
        None => "the record ends before the load did".to_owned(),
        Some((_, end)) => match end {
            ScenarioEnd::Completed => "played to the end",
            ScenarioEnd::Aborted => "stopped by a gate",
            ScenarioEnd::Unsteady => "stopped before its first fault: it was not steady",
            ScenarioEnd::Cancelled => "stopped by hand",
            ScenarioEnd::TargetDied => "ended when a part of the target died",
            ScenarioEnd::Broken => "the load could not be made",
        }
        .to_owned(),
    }
}

/// The probes' values in each part of the load: its columns and rows.
fn probe_rows(
    record: &Record,
    plan: &Plan,
    scenario: &ScenarioRecord,
) -> (Vec<String>, Vec<ProbeView>) {
    let mut times = vec![("Undisturbed".to_owned(), During::Undisturbed)];
    let first = record.faults_of(&scenario.name).filter(|f| f.turn == 1);
    for fault in first.take(FAULTS) {
        let name = one_line(&fault.name, 60);
        times.push((format!("During {name}"), During::Fault(fault.name.clone())));
        times.push((
            format!("Recovering from {name}"),
            During::Recovery(fault.name.clone()),
        ));
    }
    let row = |probe: &ProbePlan| ProbeView {
        title: one_line(&probe.title, 120),
        value: one_line(&probe.value.to_string(), 300),
        cells: times
            .iter()
            .map(
                |(_, during)| match probe_value(record, probe, scenario, during) {
                    Ok(figure) => ProbeCell {
                        text: show(figure, &probe.unit),
                        note: String::new(),
                    },
                    Err(why) => ProbeCell {
                        text: text::NONE.to_owned(),
                        note: one_line(&why, 300),
                    },
                },
            )
            .collect(),
    };
    let rows = plan.probes.iter().take(NAMES).map(row).collect();
    (times.into_iter().map(|(time, _)| time).collect(), rows)
}

fn name_row(name: &str, t: &Tally, closed: bool) -> NameView {
    let count = |n: u64| Cell {
        text: text::count(n),
        sort: n,
    };
    let micros = |us: Option<u64>| Cell {
        text: text::micros(us),
        sort: us.unwrap_or(0),
    };
    let failed = t.failed();
    let errors = if failed == 0 {
        "0".to_owned()
    } else {
        format!(
            "{} ({})",
            text::count(failed),
            text::percent(failed as f64 / t.finished().max(1) as f64)
        )
    };
    let notes = [
        (t.late_generator, "begun late by the generator"),
        (
            t.late_target,
            match closed {
                true => "begun late, the user still busy or no connection free",
                false => "waited for a connection",
            },
        ),
        (t.dropped, "dropped"),
        (t.no_data, "not begun, for the data had run out"),
        (t.cancelled, "under way at the stop"),
    ];
    let note = notes
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, words)| format!("{} {words}", text::count(n)))
        .collect::<Vec<_>>()
        .join(", ");
    let q = |q: f64| micros(t.response.quantile(q));
    let (journey, step) = name.split_once('/').unwrap_or((name, ""));
    let planned = if step.is_empty() {
        count(t.planned)
    } else {
        Cell {
            text: String::new(),
            sort: t.started,
        }
    };
    NameView {
        journey: one_line(journey, 80),
        step: one_line(step, 120),
        note,
        cells: vec![
            planned,
            count(t.started),
            count(t.ok),
            Cell {
                text: errors,
                sort: failed,
            },
            q(0.5),
            q(0.9),
            q(0.95),
            q(0.99),
            q(0.999),
            micros(t.response.max()),
            micros(t.service.quantile(0.99)),
        ],
    }
}

/// Failed exchanges in order of time, of many some from begin to end; then slow ones, the slowest first.
fn examples(scenario: &ScenarioRecord) -> Vec<&Exemplar> {
    let (mut slow, mut shown): (Vec<_>, Vec<_>) =
        scenario.exemplars.iter().partition(|e| e.class == "slow");
    slow.sort_by_key(|e| std::cmp::Reverse(e.response_us));
    shown.sort_by_key(|e| e.second);
    shown = errors::spread(shown, EXEMPLARS);
    shown.append(&mut slow);
    shown.truncate(EXEMPLARS);
    shown
}

fn exemplar(e: &Exemplar) -> ExemplarView {
    ExemplarView {
        class: errors::in_words(&e.class),
        name: one_line(e.name.as_str(), 160),
        journey: one_line(e.name.as_str().split('/').next().unwrap_or_default(), 80),
        at: text::clock(f64::from(e.second)),
        took: human_us(e.response_us),
        broken: e.failures.iter().map(BrokenView::of).collect(),
        exchange: ExchangeView::of(&e.exchange),
    }
}
