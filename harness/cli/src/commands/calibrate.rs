//! `harness calibrate`: the same build against itself, several times over, and what that says of this environment; from runs
//! that are there already, too. The figures are made in `core`; here is who plays, reads, writes and tells.

use super::campaign::{self, Leg, Played};
use super::report;
use super::reports::stdout_style;
use super::run;
use super::session::{self, Ended, Interrupts, Manner};
use super::theme;
use crate::args::{CalibrateArgs, Format};
use crate::error::CliError;
use crate::printer::Printer;
use crate::sources;
use harness_core::name::Name;
use harness_core::plan::Plan;
use harness_core::plan::gate::During;
use harness_core::readiness::Exit;
use harness_core::record::Record;
use harness_core::units::format_duration;
use harness_core::verdict::regression::{
    CALIBRATION_RUNS, Calibration, Sample, Settings, Uncalibrated,
};
use harness_report::calibration::render;
use harness_report::store::{CalibrationStore, RunStore};
use harness_report::text::{one_line, visible};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Exit codes of runs after which no other is made: interrupted, and a target that did not start.
const STOPPED: [u8; 2] = [130, 3];

/// Plays or reads, and publishes.
pub(crate) fn calibrate(
    root: Option<&Path>,
    args: &CalibrateArgs,
    printer: Printer,
) -> Result<u8, CliError> {
    let publisher = Publisher {
        store: CalibrationStore::open(&report::baselines(root, args.baselines.as_deref())?),
        args,
        printer,
    };
    if args.from.is_empty() {
        return play(root, args, &publisher, printer);
    }
    if args.from.len() < CALIBRATION_RUNS {
        return Err(CliError::usage(
            format!(
                "{} runs say nothing of how far runs differ, at least {CALIBRATION_RUNS} do",
                args.from.len()
            ),
            "name more runs of the same build; comparisons go by five or more",
        ));
    }
    let store = RunStore::open(report::runs(root, args.reports.as_deref())?);
    let read = |run: &String| Ok(report::read(&store, run, printer)?.1);
    let records = args.from.iter().map(read);
    let records = records.collect::<Result<Vec<Record>, CliError>>()?;
    super::compare::each_once(records.iter())?;
    publisher.publish(&records)
}

/// Makes the runs, one after the other; an interrupt ends the row.
fn play(
    root: Option<&Path>,
    args: &CalibrateArgs,
    publisher: &Publisher<'_>,
    printer: Printer,
) -> Result<u8, CliError> {
    let found = sources::read(root)?;
    let selection = &args.selection;
    if selection.variants.len() > 1 {
        return Err(CliError::usage(
            "several variants are not one build",
            "calibrate one at a time: what differs between them is no noise",
        ));
    }
    let once = [selection.variants.first().map(String::as_str)];
    let variants = once.repeat(args.runs as usize);
    let planned = run::several(&found, selection, &variants, printer)?;
    if let Some(plan) = planned.first().map(|prepared| &prepared.plan) {
        announce(plan, args.runs, printer)?;
    }
    let legs = planned.into_iter().map(|prepared| Leg {
        label: "the same build".to_owned(),
        prepared,
    });
    let output = args.output();
    let theme = theme::planned(&output.theme, root, printer)?;
    let manner = Manner {
        output: &output,
        theme: &theme,
        tells: false,
        one_url: None,
    };
    let Played {
        made, broken, left, ..
    } = session::block_on(async {
        let interrupts = Interrupts::listen()?;
        Ok(campaign::play(legs.collect(), manner, &interrupts, printer).await)
    })?;
    let mut exits = made.iter().map(|(_, ended)| &ended.exit);
    let stopped = left.or_else(|| exits.find(|exit| STOPPED.contains(&exit.code)).cloned());
    if broken.is_some() || stopped.is_some() {
        kept(&made, args.runs, printer);
    }
    let records = made.into_iter().filter_map(|(_, ended)| ended.record);
    let records: Vec<Record> = records.collect();
    match (broken, stopped) {
        (Some(error), _) => Err(error),
        (None, Some(exit)) => Ok(session::leave(&exit, &output, printer)),
        (None, None) => publisher.publish(&records),
    }
}

/// What comes, and how long it takes; a suite without a load has nothing to calibrate.
fn announce(plan: &Plan, runs: u32, printer: Printer) -> Result<(), CliError> {
    if plan.scenarios.is_empty() {
        return Err(CliError::usage(
            "there is no scenario to calibrate",
            "name one whose load is to be measured: scenarios/NAME.toml",
        ));
    }
    let cut = Duration::try_from_secs_f64(plan.regression.short_trim_s).unwrap_or(Duration::MAX);
    let longest = plan.scenarios.iter().map(|one| one.load.duration()).max();
    if let Some(longest) = longest.filter(|longest| *longest <= cut) {
        return Err(CliError::usage(
            format!(
                "no load is left to calibrate by: the first {} of each are cut off, and the longest has {}",
                format_duration(cut),
                format_duration(longest)
            ),
            "make it longer (comparisons want 30 s at least), or cut off less: `short_trim_s` of [regression]",
        ));
    }
    let each: Duration = plan.scenarios.iter().map(|one| one.load.duration()).sum();
    printer.say(&format!(
        "{runs} runs with {} of load each: about {}, and what starts and journeys take",
        format_duration(each),
        format_duration(each * runs)
    ));
    Ok(())
}

/// What a row that ended early leaves behind. All runs are kept; those that were played to their end are of use.
fn kept(made: &[(String, Ended)], wanted: u32, printer: Printer) {
    let whole = made
        .iter()
        .filter(|(_, ended)| !STOPPED.contains(&ended.exit.code));
    let run = |(_, ended): &(String, Ended)| {
        let record = ended.record.as_ref()?;
        Some(record.run.as_ref()?.run.to_string())
    };
    let ids: Vec<String> = whole.filter_map(run).collect();
    let told = match ids.as_slice() {
        [] => format!("nothing is calibrated: none of the {wanted} runs was played to its end"),
        ids => format!(
            "nothing is calibrated: {} of the {wanted} runs were played to their end, and are kept; with others of this build: \
             harness calibrate --from {}",
            ids.len(),
            ids.join(" ")
        ),
    };
    printer.error(&told);
}

/// The calibrations that are known here; those that can't be read are told by path, and left out.
pub(super) fn known(baselines: &Path, printer: Printer) -> Result<Vec<Calibration>, CliError> {
    let all = CalibrationStore::open(baselines).all();
    let all = all.map_err(|error| CliError::Report(error.to_string()))?;
    for broken in &all.broken {
        printer.error(&format!(
            "warning: a calibration is left out: {}\n  hint: take it from version control again, or remove it and \
             `harness calibrate` once more",
            one_line(broken, 400)
        ));
    }
    Ok(all.read)
}

/// Makes calibrations of records, writes and tells them.
struct Publisher<'a> {
    store: CalibrationStore,
    args: &'a CalibrateArgs,
    printer: Printer,
}

/// What became of a scenario.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Published {
    scenario: Name,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    calibration: Option<Calibration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

impl Publisher<'_> {
    fn publish(&self, records: &[Record]) -> Result<u8, CliError> {
        let plan = records.iter().find_map(|record| record.run.as_deref());
        let settings = plan.map_or_else(Settings::default, |run| run.plan.regression.clone());
        let scenarios = self.scenarios(records)?;
        let published = scenarios
            .iter()
            .map(|name| self.one(records, name, &settings));
        let published = published.collect::<Result<Vec<Published>, CliError>>()?;
        match self.args.format {
            Format::Text => self.tell(&published),
            Format::Json => {
                let json =
                    serde_json::to_string_pretty(&serde_json::json!({ "scenarios": published }));
                let json = json.map_err(|error| {
                    CliError::Report(format!("failed to write the calibration as JSON: {error}"))
                })?;
                self.printer.data(&format!("{json}\n"));
            }
        }
        let without = published.iter().filter(|one| one.problem.is_some());
        let without: Vec<&str> = without.map(|one| one.scenario.as_str()).collect();
        let exit = Exit {
            code: if without.is_empty() { 0 } else { 4 },
            why: format!("no calibration of {}", without.join(", ")),
        };
        Ok(session::leave(&exit, &self.args.output(), self.printer))
    }

    /// The scenarios that were played, of those that were asked for.
    fn scenarios(&self, records: &[Record]) -> Result<Vec<Name>, CliError> {
        let mut played: Vec<Name> = Vec::new();
        for scenario in records.iter().flat_map(|record| &record.scenarios) {
            if !played.contains(&scenario.name) {
                played.push(scenario.name.clone());
            }
        }
        let asked = &self.args.selection.scenarios;
        let all = || {
            played
                .iter()
                .map(Name::as_str)
                .collect::<Vec<_>>()
                .join(", ")
        };
        let missing = asked
            .iter()
            .find(|text| !played.iter().any(|name| name.as_str() == **text));
        match missing {
            Some(text) => Err(CliError::usage(
                format!("no run played the scenario `{text}`"),
                format!("there are: {}", all()),
            )),
            None if played.is_empty() => Err(CliError::usage(
                "none of the runs played a scenario",
                "only a load can be calibrated: `harness calibrate SCENARIO`",
            )),
            None => {
                played.retain(|name| {
                    asked.is_empty() || asked.iter().any(|text| text == name.as_str())
                });
                Ok(played)
            }
        }
    }

    fn one(
        &self,
        records: &[Record],
        scenario: &Name,
        settings: &Settings,
    ) -> Result<Published, CliError> {
        let of = |record| Sample::of(record, scenario.as_str(), &During::Undisturbed);
        let samples: Vec<Sample> = records.iter().filter_map(of).collect();
        let made = Calibration::of(&samples, settings);
        let (file, calibration, problem) = match made {
            Ok(calibration) if self.kept(&calibration, settings) => (None, Some(calibration), None),
            Ok(calibration) => {
                let file = self.store.write(&calibration);
                let file = file.map_err(|error| CliError::Report(error.to_string()))?;
                (Some(file), Some(calibration), None)
            }
            Err(error) => (None, None, Some(advised(&error))),
        };
        Ok(Published {
            scenario: scenario.clone(),
            file,
            calibration,
            problem,
        })
    }

    /// Whether the one that is there stays, which is told: comparisons go by it, and would not go by this one.
    fn kept(&self, calibration: &Calibration, settings: &Settings) -> bool {
        let enough = |one: &Calibration| one.runs.len() as u64 >= u64::from(settings.tau_runs);
        let before = self.store.before(calibration);
        let Some(before) = before.filter(|before| enough(before) && !enough(calibration)) else {
            return false;
        };
        self.printer.say(&format!(
            "{}: {}, stays: comparisons would not go by one of {}",
            calibration.conditions.scenario,
            before.spoken(),
            calibration.runs.len()
        ));
        true
    }

    fn tell(&self, published: &[Published]) {
        let mut out = Vec::new();
        for one in published {
            if let Some(calibration) = &one.calibration {
                // Writing to memory can't fail.
                let _ = render(
                    &mut out,
                    stdout_style(self.printer),
                    calibration,
                    self.args.all,
                );
                out.push(b'\n');
            }
        }
        self.printer.data(&String::from_utf8_lossy(&out));
        for one in published {
            if let Some(file) = &one.file {
                self.printer
                    .say(&format!("calibration: {}", file.display()));
            }
            if let Some(problem) = &one.problem {
                self.printer
                    .error(&format!("{}: {}", one.scenario, visible(problem)));
            }
        }
    }
}

/// A problem with what to do about it.
fn advised(error: &Uncalibrated) -> String {
    match error {
        Uncalibrated::TooFew { .. } => format!(
            "{error}\n  hint: make more runs of one build on this machine while it is idle: `harness calibrate --runs 8`"
        ),
        Uncalibrated::TooShort => {
            format!("{error}\n  hint: make the scenario's load longer; several minutes are usual")
        }
        Uncalibrated::Date { .. } => error.to_string(),
    }
}
