//! Runs taken as baselines: all that are named, or none.

use super::{failed, open, read};
use crate::args::AcceptArgs;
use crate::commands::report;
use crate::error::CliError;
use crate::printer::Printer;
use harness_core::event::RunStarted;
use harness_core::name::Name;
use harness_core::record::Record;
use harness_core::verdict::regression::{Accepted, Conditions, Sample, contaminated, measured};
use harness_core::verdict::{Grade, Trust, evaluate};
use harness_report::store::RunStore;
use harness_report::text::{bytes, plural, visible};
use std::path::Path;

/// The exit code of a run that was refused.
const REFUSED: u8 = 4;

/// What a run is beside those that are accepted.
#[derive(Clone, Copy)]
enum Standing {
    /// The first of its baseline.
    Begins,
    /// One more.
    Joins,
    /// Accepted before, without its release.
    Released,
}

/// What is to be written, and what is to be said.
#[derive(Default)]
struct Taken {
    accepted: Vec<(Accepted, Standing)>,
    there: Vec<String>,
    refused: Vec<String>,
    /// The runs, as they were named, of which anything was refused.
    unfit: Vec<String>,
    notes: Vec<String>,
}

impl Taken {
    /// How what is fit can be taken without what is not; empty where nothing is.
    fn rest(&self, named: &[String]) -> String {
        let others = named.iter().any(|run| !self.unfit.contains(run));
        let fit = self.accepted.iter().map(|(one, _)| &one.sample.scenario);
        let fit: Vec<String> = fit.map(|name| format!("--scenario {name}")).collect();
        match (others, named) {
            (true, _) => format!("; the rest can be, without {}", self.unfit.join(", ")),
            (false, [_]) if !fit.is_empty() => {
                format!("; {} takes what is fit of it", fit.join(" "))
            }
            _ => String::new(),
        }
    }
}

/// Accepts.
pub(super) fn accept(
    suite: Option<&Path>,
    args: &AcceptArgs,
    printer: Printer,
) -> Result<u8, CliError> {
    let baselines = open(suite, &args.folder)?;
    let store = RunStore::open(report::runs(suite, args.reports.as_deref())?);
    let mut kept: Vec<Accepted> = read(&baselines, printer)?
        .kept
        .into_iter()
        .map(|kept| kept.accepted)
        .collect();
    let mut taken = Taken::default();
    for run in &args.runs {
        let (events, record) = report::read(&store, run, printer)?;
        let before = taken.refused.len();
        match record.run.as_deref() {
            Some(started) if record.end.is_none() && report::is_live(&events) => {
                let why = "it is still going on, and can be accepted once it has ended";
                taken.refused.push(format!("run {}: {why}", started.run));
            }
            _ => one(&record, args, &mut kept, &mut taken)?,
        }
        if taken.refused.len() > before {
            taken.unfit.push(run.clone());
        }
    }
    for note in &taken.notes {
        printer.say(&format!("note: {}", visible(note)));
    }
    if !taken.refused.is_empty() {
        for refused in &taken.refused {
            printer.error(&format!("refused: {}", visible(refused)));
        }
        let rest = taken.rest(&args.runs);
        printer.error(&format!("nothing was accepted{}", visible(&rest)));
        return Ok(REFUSED);
    }
    for there in &taken.there {
        printer.data(&format!("{there} is accepted already\n"));
    }
    let all: Vec<&Accepted> = taken.accepted.iter().map(|(one, _)| one).collect();
    let written = baselines.write(&all).map_err(|e| failed(&e))?;
    for ((accepted, standing), written) in taken.accepted.iter().zip(written) {
        let place = accepted.sample.conditions();
        let many = kept
            .iter()
            .filter(|one| one.sample.conditions() == place)
            .count() as u64;
        let standing = match standing {
            Standing::Begins => "begins a new baseline".to_owned(),
            Standing::Joins => format!("{} in it", plural(many, "run")),
            Standing::Released => {
                let release = accepted.release.as_ref().map_or("", Name::as_str);
                format!("it was accepted before, and is of release {release} now")
            }
        };
        printer.data(&format!(
            "accepted {}/{} run {}, {}: {standing}\n",
            place.scenario,
            place.mark(),
            accepted.sample.run,
            bytes(written.bytes as f64)
        ));
    }
    if !taken.accepted.is_empty() {
        let folder = baselines.root().display();
        printer.say(&format!("commit {folder} with the suite"));
    }
    Ok(0)
}

fn one(
    record: &Record,
    args: &AcceptArgs,
    kept: &mut Vec<Accepted>,
    taken: &mut Taken,
) -> Result<(), CliError> {
    let Some(started) = record.run.as_deref() else {
        return Err(CliError::usage("the run never began", ""));
    };
    let run = &started.run;
    let played = |name: &Name| record.scenario(name.as_str()).is_some();
    if let Some(name) = args.scenarios.iter().find(|name| !played(name)) {
        let all = record.scenarios.iter().map(|s| s.name.as_str());
        let all: Vec<&str> = all.collect();
        let hint = format!("it played: {}", all.join(", "));
        return Err(CliError::usage(
            format!("run {run} did not play the scenario `{name}`"),
            hint,
        ));
    }
    if let (Some(said), Some(other)) = (&started.release, &args.release)
        && said != other
    {
        taken.notes.push(format!(
            "run {run} says that it is of release {said}; --release {other} is for runs that do not say"
        ));
    }
    let mut fit = 0;
    for scenario in &record.scenarios {
        let wanted = args.scenarios.contains(&scenario.name);
        if !args.scenarios.is_empty() && !wanted {
            continue;
        }
        let of = format!("{} of run {run}", scenario.name);
        match measured(record, started, &scenario.name) {
            Ok(sample) => {
                fit += 1;
                let why = contaminated(record, &sample, &started.plan.regression);
                if why.is_empty() {
                    fits(sample, started, args, kept, taken);
                } else {
                    taken.refused.push(format!("{of}: {}", why.join("; ")));
                }
            }
            Err(why) if wanted => taken.refused.push(format!("{of}: {why}")),
            Err(why) => taken.notes.push(format!("{of} is left out: {why}")),
        }
    }
    if fit == 0 && args.scenarios.is_empty() {
        let why = "it has no load that a candidate could be held against";
        taken.refused.push(format!("run {run}: {why}"));
    }
    if evaluate(record).grade == Grade::Fail {
        taken.notes.push(format!(
            "run {run} failed what it was judged by; its level is what others will be held against"
        ));
    }
    Ok(())
}

/// Whether it fits what is there, and what is to be said of it.
fn fits(
    sample: Sample,
    started: &RunStarted,
    args: &AcceptArgs,
    kept: &mut Vec<Accepted>,
    taken: &mut Taken,
) {
    let accepted = Accepted {
        release: started.release.clone().or_else(|| args.release.clone()),
        pinned: None,
        sample,
    };
    let (place, run) = (accepted.sample.conditions(), &accepted.sample.run);
    let of = format!("{} of run {run}", place.scenario);
    let same = |one: &&Accepted| one.sample.conditions() == place;
    let there = kept
        .iter_mut()
        .find(|one| one.sample.conditions() == place && one.sample.run == *run);
    if let Some(there) = there {
        if accepted.release.is_none() || there.release == accepted.release {
            taken.there.push(of);
        } else {
            there.release = accepted.release;
            taken.accepted.push((there.clone(), Standing::Released));
        }
        return;
    }
    let begins = !kept.iter().any(|one| same(&one));
    let others: Vec<Conditions> = kept.iter().map(|one| one.sample.conditions()).collect();
    let newest = others.iter().rfind(|one| one.scenario == place.scenario);
    if let Some(other) = newest.filter(|_| begins && !args.new) {
        let why = place.differences(other).into_iter();
        let why: Vec<String> = why.map(|difference| difference.to_string()).collect();
        taken.refused.push(format!(
            "{of} does not fit what is accepted of it ({}/{}): {}; --new begins a new baseline beside it",
            other.scenario,
            other.mark(),
            why.join("; ")
        ));
        return;
    }
    if accepted.sample.trust == Trust::Degraded {
        let why = accepted.sample.reasons.join(", ");
        taken.notes.push(format!("{of}: {why}"));
    }
    kept.push(accepted.clone());
    let standing = match begins {
        true => Standing::Begins,
        false => Standing::Joins,
    };
    taken.accepted.push((accepted, standing));
}
