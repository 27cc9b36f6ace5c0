//! What a release needs: which run meets it, what no run does, and what the suite asks since. Judges nothing: it says what is
//! absent.

use super::Wanted;
use super::parts::{Counted, Part, planned};
use crate::name::RunId;
use crate::plan::readiness::Needed;
use crate::plan::{Plan, ScenarioPlan};
use crate::readiness::{Item, items};

/// Gives each part of a need to the newest run that meets it; an item for what no run does.
pub(super) fn meet(counted: &mut [Counted<'_>], wanted: &Wanted) -> Option<Item> {
    let mut lacking: Vec<String> = Vec::new();
    for part in needed(wanted) {
        let meets = |run: &&mut Counted<'_>| {
            run.all.contains(&part) && why_not(run, wanted, &part).is_none()
        };
        match counted.iter_mut().find(meets) {
            Some(run) => run.takes(&part, wanted.need.fresh_days),
            None => {
                let mut others = counted.iter().filter(|run| run.all.contains(&part));
                let other = others.find_map(|run| Some((run.id()?, why_not(run, wanted, &part)?)));
                lacking.push(match other {
                    Some((run, why)) => format!("{part}: run {run} {why}"),
                    None => format!("{part}: no run has it"),
                });
            }
        }
    }
    if needed(wanted).next().is_none() {
        lacking.push("its command would run nothing here".to_owned());
    }
    let first = lacking.first()?;
    let more = match lacking.len() {
        1 => String::new(),
        n => format!(", and {} more", n - 1),
    };
    let what = &wanted.need.what;
    Some(Item {
        id: what.to_string(),
        title: format!("The release needs {}", what.to_string().replace('`', "")),
        reason: format!("{first}{more}"),
        owner: wanted.need.owner.clone(),
        closes_with: what.command(),
        // As heavy as all that is not known for want of it.
        weight: (lacking.len() as f64).max(1.0),
        ..items::absent()
    })
}

/// The parts that a need asks for: of a scenario that alone, whatever else its command would run.
fn needed(wanted: &Wanted) -> impl Iterator<Item = Part> {
    let of = |part: &Part| match &wanted.need.what {
        Needed::Scenario(name) => *part == Part::Scenario(name.clone()),
        Needed::Profile(_) => true,
    };
    planned(&wanted.plan).filter(of)
}

/// Why a run that has a part does not meet a need, as the end of a sentence.
fn why_not(run: &Counted<'_>, wanted: &Wanted, part: &Part) -> Option<String> {
    let plan = run.plan()?;
    if let Needed::Profile(name) = &wanted.need.what
        && plan.profile.as_ref() != Some(name)
    {
        return Some("ran another profile".to_owned());
    }
    let Part::Scenario(name) = part else {
        return None;
    };
    let load = |plan: &Plan| plan.scenario(name.as_str()).map(|s| s.load.clone());
    let same = load(plan) == load(&wanted.plan);
    (!same).then(|| "played it with another load than the suite has".to_owned())
}

/// Gates of a need that the runs which meet it did not judge, or judged by other words: nobody has seen whether they hold.
pub(super) fn changed(counted: &[Counted<'_>], wanted: &Wanted) -> Vec<Item> {
    let scenario = |part: Part| match part {
        Part::Scenario(name) => Some(name),
        _ => None,
    };
    let mut found = Vec::new();
    for name in needed(wanted).filter_map(scenario) {
        let part = Part::Scenario(name.clone());
        let meets = |run: &&Counted<'_>| {
            run.parts.contains_key(&part) && why_not(run, wanted, &part).is_none()
        };
        let Some(run) = counted.iter().find(meets) else {
            continue;
        };
        let now = wanted.plan.scenario(name.as_str()).map(judged_by);
        let then = run.plan().and_then(|plan| plan.scenario(name.as_str()));
        let then = then.map(judged_by).unwrap_or_default();
        let id = run.id();
        let id = id.as_ref().map_or("?", RunId::as_str);
        for (item, asked) in now.unwrap_or_default() {
            let reason = match then.iter().find(|(known, _)| known.id == item.id) {
                Some((_, known)) if *known == asked => continue,
                Some((_, known)) => format!("changed since run {id}, which judged `{known}`"),
                None => format!("new since run {id}, which did not judge it"),
            };
            found.push(Item {
                reason,
                closes_with: wanted.need.what.command(),
                ..item
            });
        }
    }
    found
}

/// Every gate and invariant of a scenario, each with what it asks: one that keeps its name may ask something else.
fn judged_by(scenario: &ScenarioPlan) -> Vec<(Item, String)> {
    let gates = scenario.gates.iter();
    let gates = gates.map(|gate| (items::gate(gate), items::asked(gate)));
    let invariants = scenario.invariants.iter();
    let invariants = invariants.map(|i| (items::invariant(i), i.check.to_string()));
    gates.chain(invariants).collect()
}
