//! Which accepted runs stay: pruned by age or by a change of level, pinned for good.

use super::tell::named;
use super::{by_place, failed, open, read, settings};
use crate::args::{PinArgs, PruneArgs, UnpinArgs};
use crate::error::CliError;
use crate::printer::Printer;
use harness_core::name::Name;
use harness_core::verdict::regression::{Accepted, Conditions, Sample, Settings, levels};
use harness_report::baselines::{Baselines, Kept};
use harness_report::text::plural;
use std::path::Path;

/// Removes what is too old.
pub(super) fn prune(
    suite: Option<&Path>,
    args: &PruneArgs,
    printer: Printer,
) -> Result<u8, CliError> {
    let baselines = open(suite, &args.folder)?;
    let kept = read(&baselines, printer)?.kept;
    let places = match &args.baseline {
        Some(text) => named(text, &kept)?,
        None => by_place(&kept),
    };
    let settings = settings(suite);
    let mut gone = 0u64;
    for (place, runs) in places {
        let old = old(&runs, args, &settings);
        let (old, pinned): (Vec<&Kept>, Vec<&Kept>) =
            old.iter().partition(|one| one.accepted.pinned.is_none());
        for one in &old {
            if !args.dry_run {
                baselines.remove(one).map_err(|e| failed(&e))?;
            }
            let verb = if args.dry_run { "would go" } else { "removed" };
            let (scenario, key) = (&place.scenario, place.mark());
            printer.data(&format!(
                "{verb} {scenario}/{key} run {}\n",
                one.accepted.sample.run
            ));
        }
        for one in pinned.iter().filter_map(|one| stays(&place, one)) {
            printer.say(&one);
        }
        gone += old.len() as u64;
    }
    if gone == 0 {
        printer.say("nothing is to be removed");
    }
    Ok(0)
}

fn stays(place: &Conditions, one: &Kept) -> Option<String> {
    let release = one.accepted.pinned.as_ref()?;
    let run = &one.accepted.sample.run;
    let scenario = &place.scenario;
    Some(format!("{scenario}: run {run} stays, {release} is pinned"))
}

/// Those of a baseline that are to go, pinned ones among them.
fn old<'k>(runs: &[&'k Kept], args: &PruneArgs, settings: &Settings) -> Vec<&'k Kept> {
    let beyond = args
        .keep
        .map_or(0, |keep| runs.len().saturating_sub(keep as usize));
    let changed = match args.changed {
        true => {
            let samples = runs.iter().map(|one| one.accepted.sample.clone());
            levels(&samples.collect::<Vec<Sample>>(), settings).since
        }
        false => 0,
    };
    runs.get(..beyond.max(changed)).unwrap_or_default().to_vec()
}

/// Pins.
pub(super) fn pin(suite: Option<&Path>, args: &PinArgs, printer: Printer) -> Result<u8, CliError> {
    let baselines = open(suite, &args.folder)?;
    let kept = read(&baselines, printer)?.kept;
    let mut meant: Vec<&Kept> = Vec::new();
    for run in &args.runs {
        meant.extend(of_run(run, &kept, &baselines)?);
    }
    for (place, runs) in by_place(&kept) {
        let here = |one: &&&Kept| one.accepted.sample.conditions() == place;
        let pinned = runs.iter().find_map(|one| one.accepted.pinned.as_ref());
        if let Some(other) = pinned.filter(|other| **other != args.release)
            && meant.iter().any(|one| here(&one))
        {
            let message = format!(
                "release {other} is pinned in {}/{}, and one release at a time can be",
                place.scenario,
                place.mark()
            );
            return Err(CliError::usage(
                message,
                format!("`harness baseline unpin {other}` lets it go"),
            ));
        }
    }
    for one in meant {
        rewrite(&baselines, one, Some(&args.release))?;
        told(one, &args.release, "pinned in", printer);
        let said = one.accepted.release.as_ref();
        if let Some(said) = said.filter(|said| **said != args.release) {
            printer.error(&format!(
                "note: run {} says that it is of release {said}; `harness baseline unpin {}` lets it go if that is not meant",
                one.accepted.sample.run, args.release
            ));
        }
    }
    Ok(0)
}

/// Lets a pinned release go.
pub(super) fn unpin(
    suite: Option<&Path>,
    args: &UnpinArgs,
    printer: Printer,
) -> Result<u8, CliError> {
    let baselines = open(suite, &args.folder)?;
    let kept = read(&baselines, printer)?.kept;
    let of = |one: &&Kept| one.accepted.pinned.as_ref() == Some(&args.release);
    let pinned: Vec<&Kept> = kept.iter().filter(of).collect();
    if pinned.is_empty() {
        let message = format!("no accepted run is pinned as {}", args.release);
        return Err(CliError::usage(
            message,
            "`harness baseline list` tells what is",
        ));
    }
    for one in pinned {
        rewrite(&baselines, one, None)?;
        told(one, &args.release, "no longer pinned in", printer);
    }
    Ok(0)
}

fn told(one: &Kept, release: &Name, how: &str, printer: Printer) {
    let place = one.accepted.sample.conditions();
    printer.data(&format!(
        "{release} is {how} {}/{}: run {}\n",
        place.scenario,
        place.mark(),
        one.accepted.sample.run
    ));
}

fn rewrite(baselines: &Baselines, one: &Kept, pinned: Option<&Name>) -> Result<(), CliError> {
    let accepted = Accepted {
        pinned: pinned.cloned(),
        ..one.accepted.clone()
    };
    baselines.write(&[&accepted]).map_err(|e| failed(&e))?;
    Ok(())
}

/// The files of a run, by its id or the beginning of one.
fn of_run<'k>(
    text: &str,
    kept: &'k [Kept],
    baselines: &Baselines,
) -> Result<Vec<&'k Kept>, CliError> {
    let exact = kept
        .iter()
        .any(|one| one.accepted.sample.run.as_str() == text);
    let meant = |one: &&Kept| {
        let run = one.accepted.sample.run.as_str();
        run == text || (!exact && run.starts_with(text))
    };
    let files: Vec<&Kept> = kept.iter().filter(meant).collect();
    let mut runs: Vec<&str> = files
        .iter()
        .map(|one| one.accepted.sample.run.as_str())
        .collect();
    runs.sort_unstable();
    runs.dedup();
    match runs.as_slice() {
        [_] => Ok(files),
        [] => Err(CliError::usage(
            format!(
                "no run `{text}` is accepted in {}",
                baselines.root().display()
            ),
            format!("`harness baseline accept {text}` takes it"),
        )),
        several => Err(CliError::usage(
            format!(
                "`{text}` is the beginning of {}: {}",
                plural(several.len() as u64, "accepted run"),
                several.join(", ")
            ),
            "write more of the id",
        )),
    }
}
