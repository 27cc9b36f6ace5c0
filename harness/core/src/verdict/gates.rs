//! Gates judged. Each asks its subject of its load; first what makes an answer impossible is looked for (a scenario
//! that never ran, a fault that never took effect), then the figure is judged, then the instrument's verdict is laid
//! over it. Missing data never passes.

use super::generator::generator;
use super::limits::{LIVE_SAMPLES, LIVE_SECONDS};
use super::measure::{self, Judged, Seen, When, show};
use super::obstacles::blocked;
use super::sliding::{sliding, sliding_windows};
use super::slower::Comparisons;
use super::{
    GateResult, GeneratorResult, Grade, Trust, Verdict, capacity, checks, contracts, effect,
    fault_gates, headroom, invariants, lately, matrix, probes, slower,
};
use crate::expr::gate::{Comparison, GateExpr, GateSubject, Unit};
use crate::name::{Name, RequestName};
use crate::plan::Plan;
use crate::plan::gate::{During, Gate, Role};
use crate::record::{Record, ScenarioRecord};
use std::time::Duration;

/// Judges a run. May be asked while it lasts: what has not happened yet is inconclusive.
pub fn evaluate(record: &Record) -> Verdict {
    let (run, target) = (checks::run(record), checks::target(record));
    let (journeys, contract) = (checks::journeys(record), contracts::contract(record));
    let trust: Vec<GeneratorResult> = record
        .scenarios
        .iter()
        .map(|s| generator(record, s))
        .collect();
    let plan = record.run.as_ref().map(|run| &run.plan);
    let held = slower::all(record);
    let gates: Vec<GateResult> = plan
        .into_iter()
        .flat_map(all)
        .map(|gate| judge(record, gate, &trust, &held))
        .collect();
    let untrusted = trust.iter().any(|g| g.trust == Trust::Invalid);
    let matrix = matrix::check(record);
    let checked = [run.grade, target.grade, journeys.grade, contract.grade].into_iter();
    let checked = checked.chain(matrix.as_ref().map(|matrix| matrix.grade));
    let keys = gates.iter().filter(|g| g.is_key()).map(|g| g.grade);
    let invariants = invariants::all(record);
    let keys = keys.chain(invariants.iter().filter(|i| i.is_key()).map(|i| i.grade));
    let instrument = if untrusted {
        Grade::Invalid
    } else {
        Grade::Pass
    };
    let grade = checked.chain(keys).fold(instrument, Grade::max);
    Verdict {
        grade,
        run,
        journeys,
        contract,
        target,
        matrix,
        generator: trust,
        gates,
        invariants,
    }
}

/// Every gate, in the plan's order: the suite's, then each scenario's.
fn all(plan: &Plan) -> impl Iterator<Item = &Gate> {
    plan.gates
        .iter()
        .chain(plan.scenarios.iter().flat_map(|s| &s.gates))
}

/// The gates with `abort` that fail a scenario already, each with what was seen. Called once a second while it runs:
/// it only says what hardly any further second could take back.
pub fn tripped(record: &Record, scenario: &Name) -> Vec<(String, String)> {
    let Some(plan) = record.run.as_ref().map(|run| &run.plan) else {
        return Vec::new();
    };
    let Some(running) = record.scenario(scenario.as_str()) else {
        return Vec::new();
    };
    if effect::is_control(plan, running) {
        return Vec::new();
    }
    let here = |gate: &&Gate| gate.abort && gate.scenario.as_ref().is_none_or(|s| s == scenario);
    let trips = |gate: &Gate| {
        if blocked(record, gate, &[running]).is_some() {
            return None;
        }
        let found = find(record, gate, &[running], When::Live);
        (found.judged.grade == Grade::Fail).then(|| (gate.id.clone(), seen_text(gate, &found)))
    };
    all(plan).filter(here).filter_map(trips).collect()
}

/// A judgement and where the worst of it was.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub judged: Judged,
    pub worst_second: Option<u32>,
}

impl Found {
    pub(super) fn inconclusive(samples: u64, missing: impl Into<String>) -> Self {
        let judged = Judged {
            grade: Grade::Inconclusive,
            observed: None,
            samples,
            missing: missing.into(),
        };
        Self {
            judged,
            worst_second: None,
        }
    }

    /// The worst of some windows, (first second, figure), of which each must hold. Where some were skipped, the whole must
    /// hold as well: that the rest held is no proof that all did. `too_few` says of what a skipped one had too little.
    pub(super) fn worst(
        gate: &Gate,
        over_s: f64,
        windows: impl Iterator<Item = (u32, f64)>,
        whole: Judged,
        too_few: &str,
    ) -> Self {
        let upper = matches!(gate.expect.op, Comparison::Less | Comparison::AtMost);
        let worse = |a: f64, b: f64| if upper { a > b } else { a < b };
        // Of equal ones the first is told, so later ones must be strictly worse to replace it.
        let worst = windows.reduce(|a, b| if worse(b.1, a.1) { b } else { a });
        let Some((second, figure)) = worst else {
            let missing = match whole.missing.as_str() {
                "" => format!("no window of {over_s} s had enough {too_few}"),
                missing => missing.to_owned(),
            };
            return Self::inconclusive(whole.samples, missing);
        };
        let grade = match gate.expect.holds(figure) {
            false => Grade::Fail,
            true if whole.grade == Grade::Pass => Grade::Pass,
            true => Grade::Inconclusive,
        };
        let missing = match whole.missing.as_str() {
            "" => format!("windows with too few {too_few} do not hold"),
            missing => missing.to_owned(),
        };
        let judged = Judged {
            grade,
            observed: Some(figure),
            samples: whole.samples,
            missing,
        };
        Self {
            judged,
            worst_second: Some(second),
        }
    }
}

fn judge(
    record: &Record,
    gate: &Gate,
    trust: &[GeneratorResult],
    held: &Comparisons,
) -> GateResult {
    let plan = record.run.as_ref().map(|run| &run.plan);
    let looks_at = |s: &ScenarioRecord| match &gate.scenario {
        Some(name) => s.name == *name,
        None => !plan.is_some_and(|plan| effect::is_control(plan, s)),
    };
    let scenarios: Vec<&ScenarioRecord> = record.scenarios.iter().filter(|s| looks_at(s)).collect();
    let control = match gate.expect.subject {
        GateSubject::Effect(_) => scenarios.first().and_then(|s| effect::control(record, s)),
        _ => None,
    };
    let done = |grade, found: &Found, reason| GateResult {
        gate: gate.clone(),
        grade,
        observed: found.judged.observed,
        unit: gate.expect.unit(),
        reason,
        samples: found.judged.samples,
        worst_second: found.worst_second,
    };
    if let Some((grade, reason)) = blocked(record, gate, &scenarios) {
        return done(grade, &Found::inconclusive(0, ""), reason);
    }
    if matches!(gate.expect.subject, GateSubject::Regression { .. }) {
        let answer = slower::judge(record, gate, &scenarios, held);
        let judged = Judged {
            grade: answer.grade,
            observed: answer.observed,
            samples: answer.samples,
            missing: String::new(),
        };
        let worst_second = None;
        let found = Found {
            judged,
            worst_second,
        };
        return done(answer.grade, &found, answer.reason);
    }
    if gate.role == Role::Stop {
        let (found, reason) = lately::stop(record, gate, &scenarios);
        return done(found.judged.grade, &found, reason);
    }
    let found = find(record, gate, &scenarios, When::Final);
    let distrusted = trust
        .iter()
        .filter(|t| t.trust == Trust::Invalid)
        .find(|t| {
            scenarios
                .iter()
                .copied()
                .chain(control)
                .any(|s| s.name == t.scenario)
        });
    if let Some(generator) = distrusted
        && !fails_regardless(record, gate, &scenarios, &found)
    {
        let why = generator.reasons.first().map_or("", String::as_str);
        let reason = format!(
            "the load of `{}` can't be trusted: {why}",
            generator.scenario
        );
        return done(Grade::Invalid, &found, reason);
    }
    let reason = match found.judged.grade {
        Grade::Pass | Grade::Fail => seen_text(gate, &found),
        _ if found.judged.observed.is_some() => {
            format!("{}; {}", seen_text(gate, &found), found.judged.missing)
        }
        _ => found.judged.missing.clone(),
    };
    done(found.judged.grade, &found, reason)
}

/// `p99(checkout) < 250ms: saw 41.0 ms over 12034 samples, in the worst window from second 12`.
pub(super) fn seen_text(gate: &Gate, found: &Found) -> String {
    let unit = gate.expect.unit();
    let saw = found
        .judged
        .observed
        .map_or_else(|| "nothing".to_owned(), |value| show(value, &unit));
    // What did not happen would have taken at least as long as it was watched for.
    let never = !found.judged.missing.is_empty();
    let at_least = if never
        && matches!(gate.expect.subject, GateSubject::OfFault { .. })
        && unit == Unit::Micros
    {
        "at least "
    } else {
        ""
    };
    let over = match gate.expect.subject {
        GateSubject::OfFault { .. } | GateSubject::OfLink { .. } => String::new(),
        GateSubject::Capacity => format!(" after {} trials", found.judged.samples),
        GateSubject::Probe { .. } => format!(" over {} scrapes", found.judged.samples),
        GateSubject::Availability(_) => format!(" over {} windows", found.judged.samples),
        _ => format!(" over {} samples", found.judged.samples),
    };
    let worst = found
        .worst_second
        .map_or_else(String::new, |s| format!(", worst from second {s}"));
    let during = gate.during.aside();
    format!(
        "`{}`: saw {at_least}{saw}{over}{during}{worst}",
        gate.expect
    )
}

/// The name of the journey or step a subject is about.
pub(super) fn subject_name(subject: &GateSubject) -> Option<&str> {
    subject.name().map(RequestName::as_str)
}

pub(super) fn find(
    record: &Record,
    gate: &Gate,
    scenarios: &[&ScenarioRecord],
    when: When,
) -> Found {
    if let Some(found) = fault_gates::find(record, &gate.expect, scenarios) {
        return found;
    }
    if let GateSubject::Headroom { fault, .. } = &gate.expect.subject {
        return headroom::judge(record, &gate.expect, fault, scenarios);
    }
    if let GateSubject::Effect(of) = &gate.expect.subject {
        return effect::judge(record, gate, of, scenarios);
    }
    if matches!(gate.expect.subject, GateSubject::Regression { .. }) {
        return Found::inconclusive(0, "a regression is known when the run has ended");
    }
    if gate.expect.subject == GateSubject::Capacity {
        return capacity::judge(record, &gate.expect, scenarios);
    }
    if matches!(gate.expect.subject, GateSubject::Probe { .. }) {
        return probes::find(record, gate, scenarios, when);
    }
    let seen = whole(gate, scenarios);
    if when == When::Live
        && (measure::arrivals(&seen.tally) < LIVE_SAMPLES || seen.seconds < LIVE_SECONDS)
    {
        return Found::inconclusive(0, "it is too early to say");
    }
    let judged = measure::judge(&gate.expect, &seen, when);
    match gate.over {
        Some(over) if judged.samples > 0 => {
            sliding(gate, over.as_secs_f64(), scenarios, judged, when)
        }
        _ => Found {
            judged,
            worst_second: None,
        },
    }
}

/// The figure of an expression over the last so much of a scenario's load while it runs; `None` where that says too little.
pub(super) fn latest(
    record: &Record,
    expect: &GateExpr,
    over: Duration,
    scenario: &ScenarioRecord,
) -> Option<f64> {
    let gate = Gate::asking(&scenario.name, expect, During::All, Some(over));
    let over_s = over.as_secs_f64();
    let windows = match expect.subject {
        GateSubject::Probe { .. } => probes::live_windows(record, &gate, scenario, over_s),
        _ => sliding_windows(&gate, over_s, scenario, When::Live),
    };
    let (second, figure) = windows.last().copied()?;
    // Windows that say too little are left out: an old one is not the latest. A scrape comes after its second.
    let newest = scenario.series_in(None, &During::All).last()?.second;
    let end = f64::from(second) + over_s + f64::from(scenario.window_s);
    (end >= f64::from(newest)).then_some(figure)
}

/// What all scenarios saw of the gate's phase, together.
fn whole(gate: &Gate, scenarios: &[&ScenarioRecord]) -> Seen {
    let name = subject_name(&gate.expect.subject);
    scenarios.iter().fold(Seen::default(), |mut sum, scenario| {
        let tally = scenario.select(name, &gate.during);
        let mut seen = Seen {
            tally,
            seconds: scenario.phase_seconds(&gate.during),
            windows: (0, 0),
        };
        seen.count_windows(&scenario.series_in(name, &gate.during));
        sum.add(&seen);
        sum
    })
}

/// Whether a gate fails whatever the generator did: by the service time, which starts when a request is sent, or by
/// answers the target gave. Rates, drops, whole windows and recoveries are the generator's as much as the target's.
fn fails_regardless(
    record: &Record,
    gate: &Gate,
    scenarios: &[&ScenarioRecord],
    found: &Found,
) -> bool {
    if found.judged.grade != Grade::Fail {
        return false;
    }
    match &gate.expect.subject {
        GateSubject::Latency { stat, name } => {
            let subject = GateSubject::Service {
                stat: *stat,
                name: name.clone(),
            };
            let by_service = Gate {
                expect: GateExpr {
                    subject,
                    ..gate.expect.clone()
                },
                ..gate.clone()
            };
            find(record, &by_service, scenarios, When::Final)
                .judged
                .grade
                == Grade::Fail
        }
        GateSubject::Service { .. } | GateSubject::ErrorRate(_) | GateSubject::Lost(_) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
