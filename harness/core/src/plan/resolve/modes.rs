//! Scenarios that are only for some of the target's modes: in the others they are left out, and the plan says so.

use super::Choice;
use super::findings::Findings;
use crate::plan::target::Mode;
use crate::plan::{LeftOut, ScenarioPlan};
use crate::suite::at::At;
use crate::suite::raw::TargetMode;
use crate::suite::{Suite, stem};

/// Those of the scenarios chosen that are for the mode, and the others with why they are not played. Whoever names one
/// that is not is told at once.
pub(super) fn fitting(
    suite: &Suite,
    scenarios: Vec<ScenarioPlan>,
    (choice, mode): (&Choice, Mode),
    found: &mut Findings,
) -> (Vec<ScenarioPlan>, Vec<LeftOut>) {
    let mut left_out = Vec::new();
    for doc in &suite.scenarios {
        let Some(only) = &doc.raw.only_in else {
            continue;
        };
        if only.value.is_empty() {
            let message = "a scenario that is for no mode is never played";
            found.error_with(doc.at(only), message, "name one, or leave `only_in` out");
            continue;
        }
        let name = stem(&doc.source.name);
        let chosen = scenarios.iter().find(|s| s.name.as_str() == name);
        let Some(scenario) = chosen.filter(|_| !holds(&only.value, mode)) else {
            continue;
        };
        let modes = told(&only.value);
        if choice.scenarios.iter().any(|wanted| wanted == name) {
            let message = format!(
                "scenario `{name}` is only for {modes}, and the target's mode is {}",
                mode.as_str()
            );
            let first = only.value.first().map_or(mode, |mode| mode.value.into());
            let hint = format!("run it with `--target {}`", first.as_str());
            found.error_with(doc.at(only), message, hint);
        }
        left_out.push(LeftOut {
            scenario: scenario.name.clone(),
            reason: format!("it is only for {modes}"),
        });
    }
    let out = |scenario: &ScenarioPlan| left_out.iter().any(|l| l.scenario == scenario.name);
    let fit = scenarios.into_iter().filter(|s| !out(s)).collect();
    (fit, left_out)
}

fn holds(modes: &[At<TargetMode>], mode: Mode) -> bool {
    modes.iter().any(|only| Mode::from(only.value) == mode)
}

/// `mode container`, `modes container and compose`.
fn told(modes: &[At<TargetMode>]) -> String {
    let words: Vec<&str> = modes
        .iter()
        .map(|mode| Mode::from(mode.value).as_str())
        .collect();
    match words.as_slice() {
        [one] => format!("mode {one}"),
        several => format!("modes {}", several.join(" and ")),
    }
}
