//! `harness run --variant A --variant B --repeats K`: two versions played in turn, A B B A and so on, so that what drifts
//! while they are played touches both alike; then the second's runs are held against the first's.

use super::campaign::{self, Leg, Played};
use super::compared::{self, Place};
use super::session::{self, Interrupts, Manner};
use super::{calibrate, compare, report, run, theme};
use crate::args::{Format, Output, RunArgs};
use crate::error::CliError;
use crate::printer::Printer;
use crate::sources::Found;
use harness_core::name::RunId;
use harness_core::readiness::Exit;
use harness_core::record::Record;
use harness_core::verdict::regression::{self, Beside, Settings};
use harness_drive::redact::Secrets;
use std::path::{Path, PathBuf};

/// Plays, and answers.
pub(super) fn run(
    root: Option<&Path>,
    found: &Found,
    args: &RunArgs,
    output: &Output,
    repeats: u32,
    printer: Printer,
) -> Result<u8, CliError> {
    let [before, after] = two(&args.selection.variants)?;
    let order: Vec<&str> = in_turn(repeats)
        .map(|second| if second { after } else { before })
        .collect();
    let variants: Vec<_> = order.iter().map(|name| Some(*name)).collect();
    let mut planned = run::several(found, &args.selection, &variants, printer)?;
    for prepared in &mut planned {
        prepared.release.clone_from(&args.release);
    }
    let legs = order.iter().zip(planned).map(|(name, prepared)| Leg {
        label: (*name).to_owned(),
        prepared,
    });
    let theme = theme::planned(&output.theme, root, printer)?;
    let manner = Manner {
        output,
        theme: &theme,
        // Data is one document, and the answer is that of all runs.
        tells: false,
        one_url: None,
    };
    let Played {
        made,
        not_run,
        broken,
        left,
    } = session::block_on(async {
        let interrupts = Interrupts::listen()?;
        Ok(campaign::play(legs.collect(), manner, &interrupts, printer).await)
    })?;
    if let Some(exit) = left {
        return Ok(session::leave(&exit, output, printer));
    }
    if !not_run.is_empty() {
        let told = not_run.join(", ");
        printer.error(&format!(
            "not all runs were made; these are missing: {told}"
        ));
    }
    let worst = campaign::of_all(&made);
    let (mut sides, mut left) = ([Vec::new(), Vec::new()], Left::default());
    for (label, ended) in made {
        let side = usize::from(label == after);
        let id = ended.record.as_ref().and_then(|record| record.run.as_ref());
        left.order.extend(id.map(|run| (label, run.run.clone())));
        left.secrets.push(ended.secrets);
        left.runs = ended.runs;
        sides[side].extend(ended.record);
    }
    let [baseline, candidate] = sides;
    let held = !baseline.is_empty() && !candidate.is_empty();
    let answer = held.then(|| answer(root, manner, (&candidate, &baseline), &left, printer));
    match (broken, answer.transpose()) {
        (Some(error), told) => {
            if let Err(untold) = told {
                printer.error(&untold.to_string());
            }
            Err(error)
        }
        (None, told) => Ok(session::leave(&exit(worst, told?), output, printer)),
    }
}

/// What the runs left behind, in the order in which they were played.
#[derive(Default)]
struct Left {
    /// What each is called, and its id.
    order: Vec<(String, RunId)>,
    /// What no report may show.
    secrets: Vec<Secrets>,
    /// The folder of runs.
    runs: PathBuf,
}

/// The answer's is the command's: what each run was judged by is told with that run. Without an answer, and where a run was
/// interrupted or could not be made, the worst of theirs.
fn exit(worst: Exit, answer: Option<Exit>) -> Exit {
    match answer {
        Some(answer) if ![130, 3, 2].contains(&worst.code) => answer,
        _ => worst,
    }
}

/// The verdict of all that was made; tells it, and leaves its page beside the runs.
fn answer(
    root: Option<&Path>,
    manner: Manner<'_>,
    (candidate, baseline): (&[Record], &[Record]),
    left: &Left,
    printer: Printer,
) -> Result<Exit, CliError> {
    let plan = candidate.first().and_then(|record| record.run.as_ref());
    let settings = plan.map_or_else(Settings::default, |run| run.plan.regression.clone());
    let beside = Beside {
        calibrations: &calibrate::known(&report::baselines(root, None)?, printer)?,
        variants: true,
        ..Beside::default()
    };
    let runs = regression::across(candidate, baseline, &beside, &settings);
    match manner.output.format {
        Format::Text => printer.data(&compare::text(&runs, false, printer)),
        Format::Json => printer.data(&compare::json(&runs)?),
    }
    let again = again(&ids(candidate), &ids(baseline));
    printer.say(&format!("the same once more, in any form: {again}"));
    let drawn = regression::drawn(candidate, baseline, &beside, &runs);
    let secrets: Vec<&Secrets> = left.secrets.iter().collect();
    let place = Place {
        runs: &left.runs,
        named: left.order.first().map(|(_, run)| run),
        sides: left
            .order
            .iter()
            .map(|(label, run)| (label.as_str(), run))
            .collect(),
        secrets: &secrets,
    };
    let project = compare::project(candidate);
    let page = compared::leave(&runs, &drawn, project, manner.theme, &place, printer)?;
    printer.say(&format!("comparison: {}", page.display()));
    Ok(compare::exit(&runs))
}

fn ids(records: &[Record]) -> Vec<&str> {
    let runs = records.iter().filter_map(|record| record.run.as_ref());
    runs.map(|run| run.run.as_str()).collect()
}

/// The command that holds these runs against each other again.
fn again(candidate: &[&str], baseline: &[&str]) -> String {
    let (first, more) = candidate.split_first().unwrap_or((&"", &[]));
    let more: String = more.iter().map(|run| format!(" --and {run}")).collect();
    format!(
        "harness compare {first} {}{more} --variants",
        baseline.join(" ")
    )
}

/// The two versions, the one before first.
fn two(variants: &[String]) -> Result<[&str; 2], CliError> {
    match variants {
        [before, after] if before != after => Ok([before, after]),
        [_, _] => Err(CliError::usage(
            "a variant beside itself shows no difference",
            "`harness calibrate` plays one build against itself",
        )),
        _ => Err(CliError::usage(
            "--repeats holds two variants against each other",
            "name the one before and the one after: --variant default --variant NEW --repeats 3; one build alone is played \
             several times by `harness calibrate`",
        )),
    }
}

/// The order of play, `true` for the second version: first and second, then second and first, and so on. What grows or
/// shrinks steadily while they are played is then the same for both after every other pair.
fn in_turn(repeats: u32) -> impl Iterator<Item = bool> {
    (0..repeats).flat_map(|pair| {
        let turned = pair % 2 == 1;
        [turned, !turned]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_drift_touches_both_alike() {
        let order = |k| -> String { in_turn(k).map(|b| if b { 'B' } else { 'A' }).collect() };
        assert_eq!(order(2), "ABBA");
        assert_eq!(order(3), "ABBAAB");
        for k in [2, 4, 6] {
            let places = in_turn(k).zip(0i32..);
            let balance: i32 = places.map(|(b, at)| if b { at } else { -at }).sum();
            assert_eq!(balance, 0, "{k}");
        }
    }

    #[test]
    fn the_answer_is_the_exit_code_unless_a_run_was_not_made() {
        let of = |code| Exit {
            code,
            why: String::new(),
        };
        let code = |worst, answer: Option<u8>| exit(of(worst), answer.map(of)).code;
        assert_eq!(code(1, Some(0)), 0);
        assert_eq!(code(0, Some(1)), 1);
        assert_eq!(code(3, Some(0)), 3);
        assert_eq!(code(130, Some(0)), 130);
        assert_eq!(code(5, None), 5);
    }

    #[test]
    fn the_command_that_asks_again_is_whole() {
        assert_eq!(
            again(&["b1", "b2"], &["a1", "a2"]),
            "harness compare b1 a1 a2 --and b2 --variants"
        );
    }

    #[test]
    fn two_versions_are_needed() {
        let of = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
            two(&names).map(|two| two.map(str::to_owned))
        };
        assert_eq!(of(&["a", "b"]).unwrap(), ["a", "b"]);
        for wrong in [&["a", "a"][..], &["a"], &[], &["a", "b", "c"]] {
            assert!(of(wrong).is_err(), "{wrong:?}");
        }
    }
}
