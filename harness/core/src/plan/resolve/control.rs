//! Controls: a scenario with `control = true` is played twice, first without its faults. The control is a scenario of the
//! plan like any other, so that load, record and reports know nothing special of it.

use super::findings::Findings;
use crate::plan::ScenarioPlan;
use crate::suite::raw::ScenarioFile;
use crate::suite::{document::Document, stem};

/// What follows a scenario's name in that of its control.
const SUFFIX: &str = ".control";

/// The scenarios with a control before each that has one.
pub(super) fn with(
    scenarios: Vec<ScenarioPlan>,
    typed: &[Document<ScenarioFile>],
    found: &mut Findings,
) -> Vec<ScenarioPlan> {
    let mut all = Vec::with_capacity(scenarios.len());
    for scenario in scenarios {
        let doc = typed
            .iter()
            .find(|doc| stem(&doc.source.name) == scenario.name.as_str());
        if let Some(doc) = doc {
            all.extend(of(doc, &scenario, typed, found));
        }
        all.push(scenario);
    }
    all
}

fn of(
    doc: &Document<ScenarioFile>,
    scenario: &ScenarioPlan,
    typed: &[Document<ScenarioFile>],
    found: &mut Findings,
) -> Option<ScenarioPlan> {
    let wanted = doc.raw.control.as_ref().filter(|wanted| wanted.value)?;
    if doc.raw.fault.is_empty() {
        let message = "a control is the same load without the faults, and there are none";
        found.error_with(doc.at(wanted), message, "leave `control` out");
        return None;
    }
    let name = format!("{}{SUFFIX}", scenario.name);
    if typed.iter().any(|doc| stem(&doc.source.name) == name) {
        let message = format!("the control of this scenario is called `{name}`, and so is another");
        found.error_with(doc.at(wanted), message, "rename the other file");
        return None;
    }
    let name = match name.parse() {
        Ok(name) => name,
        Err(error) => {
            let message = format!("the control of this scenario can't be called `{name}`: {error}");
            found.error_with(doc.at(wanted), message, "shorten the file's name");
            return None;
        }
    };
    Some(ScenarioPlan {
        name,
        title: format!("{} (without faults)", scenario.title),
        control_of: Some(scenario.name.clone()),
        faults: Vec::new(),
        gates: Vec::new(),
        invariants: Vec::new(),
        ..scenario.clone()
    })
}
