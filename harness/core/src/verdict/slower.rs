//! Gates on regressions: a run's own load held against the accepted runs that it names at its begin, so that of the same
//! events the same comes out. The limit is δ: a figure is regressed when it is slower by more than that and by more than
//! chance explains, and passes where that it is not is proven. What no accepted run fits is inconclusive, never a pass.

use super::regression::{
    ALL, Against, Class, Comparison, Decide, Effect, Figure, Held, Inputs, Key, Sample, Settings,
    Why, accepted, asking, spoken, unfit,
};
use super::{Grade, effect};
use crate::event::RunStarted;
use crate::expr::gate::GateSubject;
use crate::name::Name;
use crate::plan::gate::{Class as Weight, During, Gate};
use crate::plan::load::Model;
use crate::record::{Record, ScenarioRecord};
use std::collections::{BTreeMap, BTreeSet};

/// A gate's answer.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub grade: Grade,
    /// The difference, as a share.
    pub observed: Option<f64>,
    pub samples: u64,
    pub reason: String,
}

/// Each scenario with such a gate, held against its accepted runs: by scenario, and by the gate's limit.
#[derive(Debug, Default)]
pub(super) struct Comparisons(BTreeMap<(Name, u64), Comparison>);

/// What a gate asks for; `None` where it asks for something else.
fn asked(gate: &Gate) -> Option<Key> {
    let GateSubject::Regression { quantile, name } = &gate.expect.subject else {
        return None;
    };
    Some(Key {
        name: name
            .as_ref()
            .map_or_else(|| ALL.to_owned(), ToString::to_string),
        quantile: quantile.get(),
    })
}

/// Whether a gate judges a scenario.
fn here(gate: &Gate, scenario: &Name) -> bool {
    gate.scenario.as_ref().is_none_or(|name| name == scenario)
}

/// Of a run that is about to be made: the scenarios with gates on regressions, and the names whose windows those ask for.
pub fn names_asked(run: &RunStarted) -> BTreeMap<Name, BTreeSet<String>> {
    let plan = &run.plan;
    let mut names: BTreeMap<Name, BTreeSet<String>> = BTreeMap::new();
    let judged = plan.scenarios.iter();
    let judged =
        judged.filter(|s| s.control_of.is_none() && !matches!(s.load.model, Model::Search(_)));
    for scenario in judged {
        let gates = plan.gates.iter().chain(&scenario.gates);
        for key in gates
            .filter(|gate| here(gate, &scenario.name))
            .filter_map(asked)
        {
            names
                .entry(scenario.name.clone())
                .or_default()
                .insert(key.name);
        }
    }
    names
}

/// Holds every scenario with such a gate against what was accepted.
pub(super) fn all(record: &Record) -> Comparisons {
    let Some(run) = record.run.as_deref() else {
        return Comparisons::default();
    };
    let mut all = BTreeMap::new();
    for (scenario, names) in names_asked(run) {
        let sample = Sample::of(record, scenario.as_str(), &During::Undisturbed);
        let (Some(mut sample), Some(against)) = (sample, run.against(&scenario)) else {
            continue;
        };
        if against.runs.is_empty() {
            continue;
        }
        sample.names.retain(|name, _| names.contains(name));
        let gates: Vec<&Gate> = gates(run, &scenario).collect();
        let keys = gates.iter().filter(|gate| gate.class == Weight::Key);
        let keys = distinct(keys.filter_map(|gate| asked(gate)));
        let every = distinct(gates.iter().filter_map(|gate| asked(gate)));
        for gate in gates {
            let limit = gate.expect.limit;
            let held = all.entry((scenario.clone(), limit.to_bits()));
            held.or_insert_with(|| {
                let settings = Settings {
                    delta: limit,
                    delta_repeated: limit,
                    ..run.plan.regression.clone()
                };
                let settings = asking(&settings, &every);
                let inputs = Inputs {
                    candidate: std::slice::from_ref(&sample),
                    calibration: against.calibration.as_ref(),
                    keys: &keys,
                    levels: &every,
                    ..Inputs::default()
                };
                accepted(&inputs, against, &settings)
            });
        }
    }
    Comparisons(all)
}

fn gates<'r>(run: &'r RunStarted, scenario: &'r Name) -> impl Iterator<Item = &'r Gate> {
    let own = run.plan.scenario(scenario.as_str());
    let own = own.into_iter().flat_map(|one| &one.gates);
    let all = run.plan.gates.iter().chain(own);
    all.filter(|gate| here(gate, scenario) && asked(gate).is_some())
}

fn distinct(keys: impl Iterator<Item = Key>) -> Vec<Key> {
    keys.fold(Vec::new(), |mut keys, key| {
        if !keys.contains(&key) {
            keys.push(key);
        }
        keys
    })
}

/// Judges a gate: the worst of the scenarios that it looks at.
pub(super) fn judge(
    record: &Record,
    gate: &Gate,
    scenarios: &[&ScenarioRecord],
    held: &Comparisons,
) -> Answer {
    let nothing = || Answer {
        grade: Grade::Inconclusive,
        observed: None,
        samples: 0,
        reason: "nothing was played that could be held against accepted runs".to_owned(),
    };
    let (Some(run), Some(key)) = (record.run.as_deref(), asked(gate)) else {
        return nothing();
    };
    let plays = |scenario: &&&ScenarioRecord| {
        let planned = run.plan.scenario(scenario.name.as_str());
        let search = planned.is_some_and(|one| matches!(one.load.model, Model::Search(_)));
        // A gate of the whole suite judges the scenarios that play what it names.
        let named = key.name == ALL || scenario.names.contains_key(&key.name);
        !search && !effect::is_control(&run.plan, scenario) && (named || gate.scenario.is_some())
    };
    let judged = scenarios.iter().filter(plays);
    let judged = judged.map(|scenario| of_scenario(record, run, gate, &key, scenario, held));
    let worst = judged.reduce(|worst, one| if one.grade > worst.grade { one } else { worst });
    worst.unwrap_or_else(nothing)
}

fn of_scenario(
    record: &Record,
    run: &RunStarted,
    gate: &Gate,
    key: &Key,
    scenario: &ScenarioRecord,
    held: &Comparisons,
) -> Answer {
    let name = Some(key.name.as_str()).filter(|name| *name != ALL);
    let samples = scenario.select(name, &During::Undisturbed).finished();
    let answer = |grade, observed, reason: String| Answer {
        grade,
        observed,
        samples,
        reason: format!("`{}`: {reason}", gate.expect),
    };
    let place = (scenario.name.clone(), gate.expect.limit.to_bits());
    let Some(comparison) = held.0.get(&place) else {
        let reason = none_fits(record, run, &scenario.name);
        return answer(Grade::Inconclusive, None, reason);
    };
    let same =
        |figure: &&Figure| figure.name == key.name && (figure.quantile - key.quantile).abs() < 1e-9;
    let Some(figure) = comparison.figures.iter().find(same) else {
        let of = spoken(&key.name);
        return answer(Grade::Inconclusive, None, format!("{of} was never seen"));
    };
    let runs = match comparison.baseline.len() {
        1 => "1 accepted run".to_owned(),
        many => format!("{many} accepted runs"),
    };
    if let (Some(pinned), Some(release)) = (&figure.pinned, &comparison.pinned)
        && pinned.class == Class::Regressed
        && figure.held.class != Class::Regressed
    {
        let (observed, words) = told(pinned);
        let release = &release.release;
        let reason =
            format!("{words} since the pinned release {release}, a drift that {runs} hide");
        return answer(Grade::Fail, observed, reason);
    }
    let (observed, words) = told(&figure.held);
    let (grade, why) = match &figure.held.class {
        Class::Regressed => (Grade::Fail, String::new()),
        Class::Improved | Class::NoRegression => (Grade::Pass, String::new()),
        Class::Inconclusive { why, decide, .. } => {
            let decide = decide.as_ref().and_then(Decide::told);
            let decide = decide.map_or_else(String::new, |decide| format!("; {decide}"));
            let more = more_runs(why, &scenario.name);
            (Grade::Inconclusive, format!("; {why}{decide}{more}"))
        }
        Class::Invalid { why } => (Grade::Invalid, format!("; {}", why.join("; "))),
    };
    answer(grade, observed, format!("{words} against {runs}{why}"))
}

/// The commands that add a run to those that a figure is held against, unless no more of them would show it.
fn more_runs(why: &Why, scenario: &Name) -> String {
    if matches!(why, Why::Absent { .. }) {
        return String::new();
    }
    format!(
        "; more accepted runs tell more: on the accepted build `harness run {scenario}` with this run's flags, then \
         `harness baseline accept latest --scenario {scenario}`"
    )
}

/// Where no accepted run fits: why not, and what to do.
fn none_fits(record: &Record, run: &RunStarted, scenario: &Name) -> String {
    let others = run
        .against(scenario)
        .map(|against: &Against| &against.unfit);
    let others = others.filter(|others| !others.is_empty());
    let why = unfit(record, scenario);
    if !why.is_empty() {
        let none = match others {
            None => format!("no run of {scenario} was accepted yet"),
            Some(others) => format!("no accepted run of {scenario} fits ({})", others.join("; ")),
        };
        let why = why.join("; ");
        return format!("{none}, and this one can't be accepted: {why}");
    }
    let accept = format!("harness baseline accept {} --scenario {scenario}", run.run);
    match others {
        None => format!("no run of {scenario} was accepted yet; `{accept}` takes this one"),
        Some(others) => format!(
            "no accepted run of {scenario} fits ({}); `{accept} --new` begins a new baseline",
            others.join("; ")
        ),
    }
}

/// The difference as a share, and in words: `212 ms → 231 ms, +9.0 % (+2.1 % to +16.3 %)`.
fn told(held: &Held) -> (Option<f64>, String) {
    let Some(effect) = &held.effect else {
        return (None, "nothing can be said".to_owned());
    };
    (Some(effect.relative()), effect_text(effect))
}

fn effect_text(effect: &Effect) -> String {
    let us = |us: f64| crate::units::human_us(us.round().max(0.0) as u64);
    let percent = |share: f64| format!("{:+.1} %", share * 100.0);
    let (low, high) = effect.relative_interval();
    format!(
        "{} → {}, {} ({} to {})",
        us(effect.baseline_us),
        us(effect.candidate_us),
        percent(effect.relative()),
        percent(low),
        percent(high)
    )
}

#[cfg(test)]
mod tests;
