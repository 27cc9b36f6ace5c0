//! Whether runs may be compared at all, before any figure of theirs is looked at. What a slow target causes is told apart
//! from what the generator failed to do: arrivals that a candidate's target left no room for hide its slowest answers, so a
//! regression stands all the same and nothing else does.

use super::{Conditions, Sample, Settings};
use crate::verdict::Trust;

/// The runs that may be compared, and what is to be said of the others.
pub(super) struct Sorted<'s> {
    pub candidate: Vec<&'s Sample>,
    pub baseline: Vec<&'s Sample>,
    /// Why nothing can be compared; empty where something can.
    pub invalid: Vec<String>,
    /// Why anything but a regression of the candidate can't be told.
    pub censored: Vec<String>,
    /// Runs left out, and what else a reader should know.
    pub notes: Vec<String>,
}

/// Sorts out what can't be compared. The first candidate says what the others must be like.
pub(super) fn sort<'s>(
    candidate: &'s [Sample],
    baseline: &'s [Sample],
    settings: &Settings,
) -> Sorted<'s> {
    let mut sorted = Sorted {
        candidate: Vec::new(),
        baseline: Vec::new(),
        invalid: Vec::new(),
        censored: Vec::new(),
        notes: Vec::new(),
    };
    let Some(first) = candidate.first() else {
        sorted.invalid.push("there is no candidate".to_owned());
        return sorted;
    };
    let first = &first.conditions();
    let mut left_out = Vec::new();
    for sample in candidate {
        let mut why = own(sample);
        why.extend(unlike(first, sample, settings, &mut sorted.notes));
        if let Some(short) = shortfall(sample, settings) {
            sorted.censored.push(format!("run {}: {short}", sample.run));
        }
        keep(sample, why, &mut sorted.candidate, &mut left_out);
    }
    if sorted.candidate.is_empty() {
        sorted.invalid.append(&mut left_out);
    }
    sorted.notes.append(&mut left_out);
    if baseline.is_empty() {
        sorted.invalid.push("there is no baseline".to_owned());
    }
    for sample in baseline {
        let mut why = own(sample);
        why.extend(unlike(first, sample, settings, &mut sorted.notes));
        why.extend(shortfall(sample, settings));
        keep(sample, why, &mut sorted.baseline, &mut left_out);
    }
    if sorted.baseline.is_empty() {
        sorted.invalid.append(&mut left_out);
    }
    sorted.notes.append(&mut left_out);
    sorted.notes.dedup();
    sorted
}

fn keep<'s>(
    sample: &'s Sample,
    why: Vec<String>,
    kept: &mut Vec<&'s Sample>,
    left_out: &mut Vec<String>,
) {
    if why.is_empty() {
        kept.push(sample);
    } else {
        left_out.push(format!("run {}: {}", sample.run, why.join("; ")));
    }
}

/// What is wrong with a run by itself.
pub(super) fn own(sample: &Sample) -> Vec<String> {
    let mut why = Vec::new();
    if sample.trust == Trust::Invalid {
        let reasons = sample.reasons.join(", ");
        why.push(format!("its load can't be trusted ({reasons})"));
    }
    if !sample.completed {
        why.push("its schedule was not played to the end".to_owned());
    }
    why
}

/// Arrivals that were intended and never begun.
pub(super) fn shortfall(sample: &Sample, settings: &Settings) -> Option<String> {
    let bound = sample.planned as f64 * (1.0 - settings.shortfall);
    ((sample.started as f64) < bound).then(|| {
        let missing = 100.0 * (1.0 - sample.started as f64 / sample.planned as f64);
        format!("{missing:.1} % of the intended arrivals never began")
    })
}

/// The runs of one build that may be held against each other, and why the rest may not. The first says what the others must
/// be like; another machine is never like it, whatever the settings allow for comparisons.
pub(super) fn alike<'s>(
    samples: &'s [Sample],
    settings: &Settings,
) -> (Vec<&'s Sample>, Vec<String>) {
    let (mut kept, mut left_out) = (Vec::new(), Vec::new());
    let Some(first) = samples.first() else {
        return (kept, left_out);
    };
    let conditions = first.conditions();
    for sample in samples {
        let mut why = own(sample);
        let differences = conditions.differences(&sample.conditions());
        why.extend(differences.iter().map(|d| d.told("the first run's")));
        if sample.commit != first.commit {
            why.push("it is of another commit than the first run".to_owned());
        }
        why.extend(shortfall(sample, settings));
        keep(sample, why, &mut kept, &mut left_out);
    }
    (kept, left_out)
}

/// How a run differs from the candidate in what makes figures differ.
fn unlike(
    first: &Conditions,
    sample: &Sample,
    settings: &Settings,
    notes: &mut Vec<String>,
) -> Vec<String> {
    let mut why = Vec::new();
    for difference in first.differences(&sample.conditions()) {
        let words = difference.told("the candidate's");
        if difference.of_machine() && settings.other_machines {
            notes.push(format!("run {}: {words}", sample.run));
        } else {
            why.push(words);
        }
    }
    why
}
