//! `harness replay RUN`: a recorded run's plan once more, from its own record: intended arrivals, choices, data and faults
//! as they were. Secrets, certificates and large data files were never in the record and are read again. The new run is
//! one of its own, and is told beside the recorded one.

use super::comparison::{self, Compared};
use super::session::{self, Interrupts, Manner, Prepared};
use super::{report, run, suite, theme};
use crate::args::{Format, ReplayArgs};
use crate::error::CliError;
use crate::printer::Printer;
use crate::rows::{self, Unusable};
use crate::sources::{self, Found};
use harness_core::data::{self, Rows};
use harness_core::event::{Replayed, RunStarted};
use harness_core::plan::Plan;
use harness_core::plan::fault::Site;
use harness_core::plan::resolve::Choice;
use harness_core::plan::target::{Mode, TargetPlan};
use harness_core::record::Record;
use harness_core::replay::as_it_went;
use harness_core::suite::{self as texts, Sources, Suite};
use harness_core::tls::Pems;
use harness_drive::Tls;
use harness_report::store::{self, RunStore, read_small_text};
use harness_report::text::moment;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Plays it again and compares.
pub(crate) fn replay(
    root: Option<&Path>,
    args: &ReplayArgs,
    printer: Printer,
) -> Result<u8, CliError> {
    let runs = report::runs(root, args.output.reports.as_deref())?;
    let (recorded, mut started) = recorded(&runs, &args.run)?;
    started.plan = as_it_went(&started.plan, &recorded);
    let around = Around::find(root, &started.plan)?;
    let prepared = prepare(&started, &around, args, printer)?;
    // Where the recorded run lies, unless somebody wants it elsewhere.
    let mut output = args.output.clone();
    output.reports.get_or_insert(runs);
    // In another mode the suite was planned anew, and has told what is worth saying of its templates.
    let theme = match args.target.map(Mode::from) {
        Some(mode) if mode != started.plan.target.mode => {
            theme::planned(&output.theme, root, printer)?
        }
        _ => theme::find(&output.theme, root, printer)?,
    };
    printer.say(&format!(
        "replaying run {} of {}",
        started.run,
        moment(&started.date)
    ));
    session::block_on(async {
        let interrupts = Interrupts::listen()?;
        let manner = Manner {
            output: &output,
            theme: &theme,
            tells: output.format == Format::Text,
            one_url: None,
        };
        let ended = session::one(prepared, manner, &interrupts, printer).await?;
        let Some(record) = &ended.record else {
            return Ok(session::leave(&ended.exit, &output, printer));
        };
        let compared = Compared {
            runs: vec![("recorded".into(), &recorded), ("replay".into(), record)],
            not_run: Vec::new(),
            named: 1,
        };
        let secrets = [&ended.secrets];
        comparison::tell(&compared, &ended.runs, &secrets, manner, printer)?;
        Ok(session::leave(&ended.exit, &output, printer))
    })
}

/// The run that is meant, folded, and what it began with.
fn recorded(runs: &Path, text: &str) -> Result<(Record, RunStarted), CliError> {
    let usage = |error: &dyn std::fmt::Display| CliError::usage(error.to_string(), "");
    let events = RunStore::open(runs).resolve(text).map_err(|e| usage(&e))?;
    // Asked first: one that ends while it is read was at work.
    let live = report::is_live(&events);
    let record = store::record(&events).map_err(|e| usage(&e))?.record;
    match record.run.as_deref().cloned() {
        // What it is held against would stay as it happens to be now.
        Some(RunStarted { run, .. }) if live && record.end.is_none() => Err(CliError::usage(
            format!("failed to replay run {run}: it is still going on"),
            format!(
                "wait for its end, or interrupt it; `harness report {text}` tells what it came to so far"
            ),
        )),
        Some(started) => Ok((record, started)),
        None => Err(usage(&format!("{} holds no run", events.display()))),
    }
}

/// The folder that the plan's paths count from, and the suite in it, if it is the run's own.
struct Around {
    found: Option<(Found, Option<Suite>)>,
    root: PathBuf,
}

impl Around {
    fn find(chosen: Option<&Path>, plan: &Plan) -> Result<Self, CliError> {
        let found = match sources::read(chosen) {
            Ok(found) => found,
            // What runs already needs no folder to be started in.
            Err(_) if chosen.is_none() && plan.target.mode == Mode::External => {
                return Ok(Self {
                    found: None,
                    root: super::adhoc::here()?,
                });
            }
            Err(error) => return Err(error),
        };
        let (suite, _) = texts::load(&found.sources);
        let own = suite.as_ref().is_some_and(|s| s.project() == plan.project);
        match own {
            true => Ok(Self {
                root: found.root.clone(),
                found: Some((found, suite)),
            }),
            false if plan.target.mode == Mode::External => Ok(Self {
                found: None,
                root: super::adhoc::here()?,
            }),
            false => Err(CliError::usage(
                format!(
                    "failed to find the suite of the run: it is of project {:?}, and {} is not",
                    plan.project,
                    found.root.display()
                ),
                "go into the folder of its harness.toml, or name it with -C",
            )),
        }
    }
}

fn prepare(
    started: &RunStarted,
    around: &Around,
    args: &ReplayArgs,
    printer: Printer,
) -> Result<Prepared, CliError> {
    let plan = &started.plan;
    unredacted(plan)?;
    let plan = match args.target.map(Mode::from) {
        Some(mode) if mode != plan.target.mode => Plan {
            target: target(plan, mode, around, printer)?,
            ..plan.clone()
        }
        .digested(),
        _ => plan.clone(),
    };
    let plan = with_rows(plan, &around.root)?;
    let (tls, pems) = certificates(&plan, &around.root)?;
    let suite = around.found.as_ref().and_then(|(_, suite)| suite.as_ref());
    Ok(Prepared {
        root: around.root.clone(),
        defaults: suite.map(Suite::secret_defaults).unwrap_or_default(),
        // The plan holds their journeys, and nothing else of them is needed.
        features: Vec::new(),
        tls: Arc::new(tls),
        pems,
        threads: None,
        release: None,
        replays: Some(Replayed {
            run: started.run.clone(),
            date: started.date.clone(),
        }),
        plan,
    })
}

/// Refuses a plan in which a secret's value was written out: the record holds a mark in its place.
fn unredacted(plan: &Plan) -> Result<(), CliError> {
    let text = serde_json::to_string(plan).unwrap_or_default();
    let lost = plan
        .secrets
        .iter()
        .find(|secret| text.contains(&format!("[secret {}]", secret.name)));
    lost.map_or(Ok(()), |secret| {
        let message = format!(
            "failed to replay the run: its suite had the value of secret `{}` written out, and the record does not",
            secret.name
        );
        let hint = format!("write ${{secret.{}}} in the suite, and run it again", secret.name);
        Err(CliError::usage(message, &hint))
    })
}

/// The target in another mode, as the suite has it now.
fn target(
    plan: &Plan,
    mode: Mode,
    around: &Around,
    printer: Printer,
) -> Result<TargetPlan, CliError> {
    let Some((found, _)) = &around.found else {
        let message = format!(
            "failed to bring the target up in mode {}: the run's suite is not here",
            mode.as_str()
        );
        return Err(CliError::usage(
            message,
            "-C names the folder of its harness.toml",
        ));
    };
    let choice = Choice {
        scenarios: Vec::new(),
        profile: plan.profile.as_ref().map(ToString::to_string),
        target: Some(mode),
        variant: plan.variant.as_ref().map(ToString::to_string),
        tags: None,
        seed: Some(plan.seed),
    };
    let planned = suite::plan(found, &choice);
    run::print(&planned.findings, printer);
    let target = planned.plan.ok_or_else(suite::refused)?.target;
    let mut sites = plan.faults().map(|(_, strike)| strike.on);
    let there = |site: &Site| match site {
        Site::Link(name) => target.links.iter().any(|link| link.name == *name),
        Site::Service(name) => target.services.iter().any(|service| service.name == *name),
    };
    match sites.find(|site| !there(site)) {
        None => Ok(target),
        Some(site) => Err(CliError::usage(
            format!(
                "failed to replay the faults: there is no {site} in mode {}",
                mode.as_str()
            ),
            "leave --target out to bring the target up as it was",
        )),
    }
}

/// The plan with the rows of large data files, whose place in it their digest holds.
fn with_rows(mut plan: Plan, root: &Path) -> Result<Plan, CliError> {
    for journey in &mut plan.journeys {
        let Rows::Streamed(planned) = &journey.rows else {
            continue;
        };
        let name = planned.file.as_str();
        let fail = |why: String| {
            let message = format!("failed to read the data file {name}: {why}");
            CliError::usage(message, "put it back as it was when the run was made")
        };
        let format = data::Format::of(name)
            .ok_or_else(|| fail("its ending is of no format known".to_owned()))?;
        let now = rows::open(&root.join(name), name, format).map_err(|error| {
            fail(match error {
                Unusable::Io(error) => error.to_string(),
                Unusable::Broken(_) => "its rows are broken, and were not".to_owned(),
            })
        })?;
        if now != **planned {
            let (was, is) = (&planned.sha256, &now.sha256);
            return Err(fail(format!(
                "it has changed since the run: its SHA-256 was {was} and is {is}"
            )));
        }
        let rows = Rows::Streamed(Arc::new(now));
        *journey = Arc::new(harness_core::journey::Journey {
            rows,
            ..(**journey).clone()
        });
    }
    Ok(plan)
}

fn certificates(plan: &Plan, root: &Path) -> Result<(Tls, Pems), CliError> {
    let Some(tls) = &plan.target.tls else {
        return Ok((Tls::default(), Pems::default()));
    };
    let text = |name: &Option<String>| {
        let Some(name) = name else { return Ok(None) };
        let path = root.join(name);
        let read = read_small_text(&path, Sources::limit(name));
        read.map(|text| Some(Arc::from(text)))
            .map_err(|source| CliError::Input { path, source })
    };
    let pems = Pems {
        ca: text(&tls.ca)?,
        cert: text(&tls.cert)?,
        key: text(&tls.key)?,
    };
    let read = Tls::new(tls, &pems).map_err(|error| CliError::usage(error.problem, &error.hint))?;
    Ok((read, pems))
}
