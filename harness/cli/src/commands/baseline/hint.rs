//! What to do where nothing that was accepted fits a run that is compared. Names a way only where it leads somewhere: a run
//! that `harness baseline accept` would refuse is not advised to be accepted.

use harness_core::record::Record;
use harness_core::verdict::regression::{Against, unfit};
use std::path::Path;

/// A run that is compared.
#[derive(Clone, Copy)]
pub(in crate::commands) struct Asked<'a> {
    /// As it was named on the command line.
    pub(in crate::commands) named: &'a str,
    pub(in crate::commands) record: &'a Record,
    /// Somebody is at it.
    pub(in crate::commands) live: bool,
}

/// The hint, where nothing that was accepted fits.
pub(in crate::commands) fn none_fits(accepted: &[Against], asked: &Asked<'_>) -> Option<String> {
    let run = asked.record.run.as_deref()?;
    if accepted.iter().any(|one| !one.runs.is_empty()) {
        return None;
    }
    let id = &run.run;
    // What was named by its path may lie where no id is looked for.
    let named = match Path::new(asked.named).exists() {
        true => asked.named,
        false => id.as_str(),
    };
    let (mut fit, mut why) = (Vec::new(), Vec::new());
    for scenario in &asked.record.scenarios {
        match unfit(asked.record, &scenario.name) {
            reasons if reasons.is_empty() => fit.push(scenario.name.as_str()),
            reasons => why.push(format!("{}: {}", scenario.name, reasons.join("; "))),
        }
    }
    Some(match (asked.record.end, fit.as_slice()) {
        (None, _) if asked.live => format!(
            "hint: run {id} is still going on; once it has ended, name the runs to hold it against, or accept it: `harness baseline accept {named} --new`"
        ),
        (None, _) => format!(
            "hint: name the runs to hold it against; run {id} can't be accepted itself: its record ends in the middle, and one that came to its end can be"
        ),
        (_, []) => {
            if why.is_empty() {
                why.push("it played no scenario".to_owned());
            }
            format!(
                "hint: name the runs to hold it against; run {id} can't be accepted itself: {}",
                why.join("; ")
            )
        }
        (_, fit) => {
            let only = fit.iter().map(|name| format!(" --scenario {name}"));
            let only: String = match why.is_empty() {
                true => String::new(),
                false => only.collect(),
            };
            format!(
                "hint: name the runs to hold it against, or accept some of this workload and machine: `harness baseline accept {named}{only} --new`"
            )
        }
    })
}
