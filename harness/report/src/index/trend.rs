//! How each scenario did from run to run: runs that play the same one the same way, the newest of them, oldest first.

use super::card::{Card, ScenarioCard};
use super::folder::{Entry, List, State};
use harness_core::name::Name;
use harness_core::readiness::Decision;
use std::collections::BTreeMap;

/// Scenarios whose trend is drawn.
pub const STRIPS: usize = 24;
/// Runs of one.
pub const STRIP_RUNS: usize = 60;

/// One scenario over its runs.
#[derive(Debug, Clone)]
pub struct Group<'l> {
    /// The runs, the oldest first, with what the scenario was like in each.
    pub runs: Vec<(&'l Entry, &'l Card, &'l ScenarioCard)>,
    /// Runs before these.
    pub earlier: usize,
}

fn named(name: &Option<Name>) -> &str {
    name.as_ref().map_or("", Name::as_str)
}

/// What must be equal for two runs to stand side by side.
type Key<'l> = (&'l str, &'l str, &'l str, &'l str, &'l str);

/// The scenarios that were played last, by the newest run of each, at most [`STRIPS`]; and how many there are.
pub fn groups(list: &List) -> (Vec<Group<'_>>, usize) {
    let mut groups: BTreeMap<Key<'_>, (usize, Group<'_>)> = BTreeMap::new();
    for entry in &list.entries {
        let State::Judged(card) = &entry.state else {
            continue;
        };
        // Where a run stopped in the middle, its figures are of another stretch of the load than those beside it.
        if card.decision == Decision::Unmade {
            continue;
        }
        // Cells of a matrix are compared with one another, not from run to run.
        let scenarios = card.scenarios.iter().filter(|_| card.kind.is_empty());
        for scenario in scenarios.filter(|s| s.p95_us.is_some()) {
            let key = (
                card.project.as_str(),
                scenario.name.as_str(),
                named(&card.profile),
                named(&card.variant),
                card.mode.as_str(),
            );
            let rank = groups.len();
            let (_, group) = groups.entry(key).or_insert_with(|| {
                let group = Group {
                    runs: Vec::new(),
                    earlier: 0,
                };
                (rank, group)
            });
            match group.runs.len() < STRIP_RUNS {
                true => group.runs.push((entry, card, scenario)),
                false => group.earlier += 1,
            }
        }
    }
    let all = groups.len();
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by_key(|(rank, _)| *rank);
    groups.truncate(STRIPS);
    for (_, group) in &mut groups {
        group.runs.reverse();
    }
    (groups.into_iter().map(|(_, group)| group).collect(), all)
}
