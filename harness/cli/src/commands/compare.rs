//! `harness compare`: a run held against others of another build, by the statistics of `core`; tells and decides nothing of
//! its own.

use super::reports::{exit_line, stdout_style};
use super::{baseline, calibrate, compared, report, theme};
use crate::args::{CompareArgs, Told};
use crate::error::CliError;
use crate::printer::Printer;
use harness_core::readiness::Exit;
use harness_core::record::Record;
use harness_core::verdict::Grade;
use harness_core::verdict::regression::{self, Beside, Runs, Settings};
use harness_report::regression::render;
use harness_report::store::RunStore;
use std::path::Path;

/// Reads the runs, compares and tells.
pub(crate) fn compare(
    suite: Option<&Path>,
    args: &CompareArgs,
    printer: Printer,
) -> Result<u8, CliError> {
    let theme = theme::find(&args.theme, suite, printer)?;
    let store = RunStore::open(report::runs(suite, args.reports.as_deref())?);
    let read = |run: &String| Ok(report::read(&store, run, printer)?.1);
    let live = store.resolve(&args.candidate);
    let live = live.is_ok_and(|events| report::is_live(&events));
    let candidate = std::iter::once(&args.candidate).chain(&args.more);
    let candidate = candidate.map(read).collect::<Result<Vec<Record>, _>>()?;
    let baseline = args.baseline.iter().map(read);
    let baseline = baseline.collect::<Result<Vec<Record>, _>>()?;
    each_once(candidate.iter().chain(&baseline))?;
    let plan = candidate.first().and_then(|record| record.run.as_ref());
    let settings = plan.map_or_else(Settings::default, |run| run.plan.regression.clone());
    let folder = report::baselines(suite, args.baselines.as_deref())?;
    let accepted = match args.baseline.is_empty() {
        true => baseline::against(&folder, &candidate, &settings, printer)?,
        false => Vec::new(),
    };
    let beside = Beside {
        accepted: &accepted,
        calibrations: &calibrate::known(&folder, printer)?,
        variants: args.variants,
    };
    let runs = regression::across(&candidate, &baseline, &beside, &settings);
    let drawn = || regression::drawn(&candidate, &baseline, &beside, &runs);
    compared::tell(&runs, drawn, project(&candidate), &theme, args, printer)?;
    let asked = candidate.first().map(|record| baseline::Asked {
        named: &args.candidate,
        record,
        live,
    });
    if args.baseline.is_empty()
        && let Some(hint) = asked.and_then(|asked| baseline::none_fits(&accepted, &asked))
    {
        printer.say(&hint);
    }
    let exit = exit(&runs);
    if args.format == Told::Text {
        printer.data(&exit_line(&exit, printer));
    }
    Ok(exit.code)
}

/// The exit of an answer. What decided it was told with the answer; which code that comes to was not.
pub(super) fn exit(runs: &Runs) -> Exit {
    let (code, why) = match runs.grade {
        Grade::Pass => (0, ""),
        Grade::Fail => (1, "it got slower"),
        Grade::Invalid => (
            4,
            "nothing is known to be slower, but the runs can't be compared",
        ),
        Grade::Inconclusive => (
            5,
            "nothing is known to be slower, but something was left open",
        ),
    };
    Exit {
        code,
        why: why.to_owned(),
    }
}

/// The comparison for programs.
pub(super) fn json(runs: &Runs) -> Result<String, CliError> {
    let json = serde_json::to_string_pretty(runs).map_err(|error| {
        CliError::Report(format!("failed to write the comparison as JSON: {error}"))
    })?;
    Ok(format!("{json}\n"))
}

/// A run that is there twice would agree with itself.
pub(super) fn each_once<'r>(records: impl Iterator<Item = &'r Record>) -> Result<(), CliError> {
    let mut ids: Vec<&str> = records
        .filter_map(|record| Some(record.run.as_ref()?.run.as_str()))
        .collect();
    ids.sort_unstable();
    let twice = ids.windows(2).find(|pair| pair[0] == pair[1]);
    twice.map_or(Ok(()), |pair| {
        Err(CliError::Usage {
            message: format!("run {} is named twice", pair[0]),
            hint: "a run agrees with itself and says nothing: name each once".to_owned(),
        })
    })
}

/// The project that a candidate is of.
pub(super) fn project(candidate: &[Record]) -> &str {
    let run = candidate.iter().find_map(|record| record.run.as_ref());
    run.map_or("", |run| run.plan.project.as_str())
}

/// The comparison for people.
pub(super) fn text(runs: &Runs, all: bool, printer: Printer) -> String {
    let mut out = Vec::new();
    // Writing to memory can't fail.
    let _ = render(&mut out, stdout_style(printer), runs, all);
    String::from_utf8_lossy(&out).into_owned()
}
