//! What a run gives to weigh: its built-in checks, its gates and its invariants, each with what would close it.

use super::{Figure, Item, Standing};
use crate::event::{RunStarted, ScenarioEnd};
use crate::expr::gate::{Comparison, GateSubject, Stat};
use crate::name::Name;
use crate::plan::Plan;
use crate::plan::gate::{Class, Gate, named};
use crate::plan::invariant::InvariantPlan;
use crate::record::Record;
use crate::verdict::limits::RARE;
use crate::verdict::regression::{never_quiet, unfit};
use crate::verdict::{self, CheckResult, GateResult, Grade, InvariantResult, Trust, Verdict, show};

pub(super) const RUN: &str = "run";
pub(super) const TARGET: &str = "target";
pub(super) const JOURNEYS: &str = "journeys";
pub(super) const CONTRACT: &str = "contract";
pub(super) const GENERATOR: &str = "generator";
const MATRIX: &str = "matrix";

/// Everything a run gives to weigh.
pub(super) fn of(record: &Record, verdict: &Verdict) -> Vec<Item> {
    let plan = record.run.as_ref().map(|run| &run.plan);
    let title = "The target came up and stayed up";
    let mut items = vec![check(TARGET, title, &verdict.target)];
    if plan.is_some_and(|p| !p.walks.is_empty()) || verdict.journeys.grade != Grade::Pass {
        items.push(check(JOURNEYS, "Every journey passed", &verdict.journeys));
    }
    if plan.is_some_and(|p| !p.contracts.is_empty()) || verdict.contract.grade != Grade::Pass {
        items.push(check(CONTRACT, "The contracts hold", &verdict.contract));
    }
    if let Some(matrix) = &verdict.matrix {
        let title = "Every journey recovered from every fault";
        items.push(check(MATRIX, title, matrix));
    }
    items.extend(verdict.gates.iter().map(|result| judged(record, result)));
    items.extend(verdict.invariants.iter().map(held));
    // These two are listed only where they stand against the build: they are about the run, not about the build.
    if verdict.run.grade != Grade::Pass {
        items.push(check(RUN, "Everything planned was done", &verdict.run));
    }
    items.extend(untrusted(verdict));
    items
}

fn untrusted(verdict: &Verdict) -> Option<Item> {
    let mut generators = verdict.generator.iter();
    let generator = generators.find(|generator| generator.trust == Trust::Invalid)?;
    let reasons = generator.reasons.join("; ");
    let result = CheckResult {
        grade: Grade::Invalid,
        total: 1,
        failed: 1,
        reason: format!("scenario `{}`: {reasons}", generator.scenario),
    };
    Some(check(GENERATOR, "The load was the one intended", &result))
}

fn check(id: &str, title: &str, result: &CheckResult) -> Item {
    let nothing = result.grade == Grade::Inconclusive && result.total == 0;
    // What was not done of a run is told by its parts too, which know whether they saw nothing.
    let unseen = nothing && [TARGET, JOURNEYS, CONTRACT].contains(&id);
    Item {
        id: id.to_owned(),
        title: title.to_owned(),
        key: true,
        weight: 1.0,
        grade: result.grade,
        reason: result.reason.clone(),
        standing: standing(unseen),
        owner: None,
        waived: None,
        closes_with: closing(result.grade, || "harness run, to its end".to_owned()),
        figure: None,
        scenario: None,
        evidence: Vec::new(),
    }
}

const fn standing(unseen: bool) -> Standing {
    if unseen {
        Standing::Unseen
    } else {
        Standing::Current
    }
}

fn closing(grade: Grade, words: impl FnOnce() -> String) -> String {
    if grade == Grade::Pass {
        String::new()
    } else {
        words()
    }
}

/// What a gate asks, and of which load.
pub(super) fn asked(gate: &Gate) -> String {
    format!("{}{}", gate.expect, gate.during.aside())
}

/// A gate that nobody has judged yet.
pub(super) fn gate(gate: &Gate) -> Item {
    let scenario = gate.scenario.as_ref();
    let place = scenario.map_or_else(String::new, |name| format!("{name}: "));
    let what = gate.name().map_or_else(|| asked(gate), ToOwned::to_owned);
    Item {
        id: gate.id.clone(),
        title: format!("{place}{what}"),
        key: gate.class == Class::Key,
        weight: weight(gate.class, gate.weight),
        owner: gate.owner.clone(),
        scenario: gate.scenario.clone(),
        ..absent()
    }
}

/// An invariant that nobody has checked yet.
pub(super) fn invariant(gate: &InvariantPlan) -> Item {
    Item {
        id: gate.id.clone(),
        title: match named(&gate.id) {
            Some(name) => format!("{}: {name}", gate.scenario),
            None => format!("{}: {}", gate.scenario, gate.check),
        },
        key: gate.class == Class::Key,
        weight: weight(gate.class, gate.weight),
        owner: gate.owner.clone(),
        scenario: Some(gate.scenario.clone()),
        ..absent()
    }
}

/// Something that decides, of which there is nothing.
pub(super) fn absent() -> Item {
    Item {
        id: String::new(),
        title: String::new(),
        key: true,
        weight: 1.0,
        grade: Grade::Inconclusive,
        reason: String::new(),
        standing: Standing::Absent,
        owner: None,
        waived: None,
        closes_with: String::new(),
        figure: None,
        scenario: None,
        evidence: Vec::new(),
    }
}

fn judged(record: &Record, result: &GateResult) -> Item {
    Item {
        grade: result.grade,
        reason: result.reason.clone(),
        standing: standing(result.is_missing()),
        closes_with: closing(result.grade, || closes_gate(record, result)),
        figure: Some(Figure {
            observed: result.observed,
            limit: result.gate.expect.limit,
            unit: result.unit.clone(),
        }),
        ..gate(&result.gate)
    }
}

fn held(result: &InvariantResult) -> Item {
    let of = &result.gate;
    Item {
        grade: result.grade,
        reason: result.reason.clone(),
        standing: standing(result.is_missing()),
        closes_with: closing(result.grade, || {
            format!("harness run {}, with {} held", of.scenario, of.id)
        }),
        ..invariant(of)
    }
}

/// What is only told weighs nothing.
fn weight(class: Class, weight: f64) -> f64 {
    match class {
        Class::Info => 0.0,
        Class::Key | Class::Scored => weight,
    }
}

/// What closes a gate that is open.
fn closes_gate(record: &Record, result: &GateResult) -> String {
    let run = record.run.as_deref();
    let (gate, plan) = (&result.gate, run.map(|run| &run.plan));
    let scenario = gate.scenario.as_ref();
    let command = scenario.map_or_else(
        || "harness run".to_owned(),
        |name| format!("harness run {name}"),
    );
    match (result.grade, &gate.expect.subject) {
        (Grade::Inconclusive, GateSubject::OfFault { .. } | GateSubject::OfLink { .. }) => format!(
            "{command}, with load that goes on until gate {} decides",
            gate.id
        ),
        (Grade::Inconclusive, GateSubject::Probe { name, .. }) => format!(
            "{command}, with metrics from which probe {name} can be told, until gate {} decides",
            gate.id
        ),
        (Grade::Inconclusive, GateSubject::Regression { .. }) => {
            let longer = format!(
                "{command}, longer or against more accepted runs (`harness baseline accept` adds one)"
            );
            let way = run.and_then(|run| accepts(record, run, scenario));
            let way = way.map_or(longer, |accept| format!("{accept}, then {command}"));
            format!("{way}, until gate {} decides", gate.id)
        }
        (Grade::Inconclusive, _) => {
            let minutes = minutes(plan, scenario, result);
            let minutes = minutes.map_or_else(String::new, |minutes| {
                format!(" (about {minutes} min of this load)")
            });
            format!(
                "{command}, longer{minutes} or at a higher rate, until gate {} decides",
                gate.id
            )
        }
        _ => format!("{command}, with gate {} passing", gate.id),
    }
}

/// The command that accepts a run of a scenario on which a gate on a regression has nothing to go by, if that is what it
/// lacks: no longer run would decide it. Of a run that can't be accepted, how one is made that can.
fn accepts(record: &Record, run: &RunStarted, scenario: Option<&Name>) -> Option<String> {
    let judged = verdict::names_asked(run).into_keys();
    let mut judged = judged.filter(|name| scenario.is_none_or(|only| only == name));
    let lacks = |name: &Name| {
        let there = run.against(name);
        there.is_none_or(|against| against.runs.is_empty())
    };
    let name = judged.find(lacks)?;
    let others = run.against(&name).is_some_and(|one| !one.unfit.is_empty());
    let new = if others { " --new" } else { "" };
    // Where it was played to its end without a moment outside of faults, no run of it as it is could ever be accepted.
    let played = record.scenario(name.as_str()).and_then(|played| played.end);
    let whole = played.is_some_and(|(_, end)| end == ScenarioEnd::Completed);
    let (first, run) = match whole && never_quiet(record, &name) {
        true => (
            format!(
                "give {name} load outside of its faults and their settling, harness run {name}, then "
            ),
            "latest",
        ),
        false if unfit(record, &name).is_empty() => (String::new(), run.run.as_str()),
        false => (
            format!("harness run {name}, until a run of it can be accepted, then "),
            "latest",
        ),
    };
    Some(format!(
        "{first}harness baseline accept {run} --scenario {name}{new}"
    ))
}

/// Whole minutes of the same load after which a gate decides whatever it shows: when the rarer side of a quantile or of a
/// share has the samples that the observed figure alone needs. `None` where that is not known, or was not lacking.
fn minutes(plan: Option<&Plan>, scenario: Option<&Name>, result: &GateResult) -> Option<u64> {
    let expect = &result.gate.expect;
    let rarer = match &expect.subject {
        GateSubject::Latency { stat, .. } | GateSubject::Service { stat, .. } => match stat {
            Stat::Quantile(q) => q.get().min(1.0 - q.get()),
            Stat::Mean | Stat::Max => return None,
        },
        GateSubject::ErrorRate(_) => expect.limit.min(1.0 - expect.limit),
        _ => return None,
    };
    let load = &plan?.scenario(scenario?.as_str())?.load;
    let lasts = load.duration().saturating_sub(load.warm_up).as_secs_f64();
    let (needed, seen) = (RARE / rarer, result.samples as f64);
    let lacking = rarer > 0.0 && seen > 0.0 && seen < needed && lasts > 0.0;
    lacking.then(|| (lasts * needed / seen / 60.0).ceil() as u64)
}

/// The gate nearest to its limit, in words.
pub(super) fn nearest<'v>(verdicts: impl IntoIterator<Item = &'v Verdict>) -> Option<String> {
    verdict::nearest(verdicts).map(|(gate, _)| headroom(gate))
}

/// `p99(checkout) 41.0 ms of 250 ms`.
fn headroom(result: &GateResult) -> String {
    let expr = &result.gate.expect;
    let subject = &expr.subject;
    let observed = result
        .observed
        .map_or_else(String::new, |value| show(value, &result.unit));
    let joint = match expr.op {
        Comparison::Less | Comparison::AtMost => "of",
        Comparison::Greater | Comparison::AtLeast => "where at least is asked",
    };
    format!(
        "{subject} {observed} {joint} {}",
        show(expr.limit, &result.unit)
    )
}
