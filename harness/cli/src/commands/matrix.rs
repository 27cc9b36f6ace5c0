//! `harness chaos matrix`: two runs of plans made here. The first loads each journey alone and lightly, and reads which links
//! carried anything; the second plays a cell for each journey, link it uses and fault. What the cells come to is decided in
//! `core`, from the second run's record.

mod plan;

use super::session::{self, Interrupts, Manner, Prepared};
use super::{run, suite, theme};
use crate::args::MatrixArgs;
use crate::error::CliError;
use crate::printer::Printer;
use crate::sources::{self, Found};
use harness_core::name::Name;
use harness_core::plan::Plan;
use harness_core::plan::matrix::LeftOut;
use harness_core::plan::resolve::Choice;
use harness_core::record::Record;
use harness_core::units::{Rate, format_duration};
use harness_report::html::Theme;
use plan::{AFTER, ALONE, BEFORE, FAULT, Wanted};
use std::path::Path;

/// Looks, plays and tells.
pub(crate) fn matrix(
    root: Option<&Path>,
    args: &MatrixArgs,
    printer: Printer,
) -> Result<u8, CliError> {
    let found = sources::read(root)?;
    let choice = Choice {
        scenarios: Vec::new(),
        profile: args.profile.clone(),
        target: args.target.map(Into::into),
        variant: args.variant.clone(),
        tags: args.tags.clone(),
        seed: args.seed,
    };
    let whole = run::prepare(&found, &choice, printer)?;
    let wanted = wanted(&whole.plan, args)?;
    // The seed is drawn once for both runs.
    let choice = Choice {
        seed: Some(whole.plan.seed),
        ..choice
    };
    let setting = Setting {
        found: &found,
        choice: &choice,
        args,
        theme: &theme::planned(&args.output.theme, root, printer)?,
        printer,
    };
    session::block_on(async {
        let interrupts = Interrupts::listen()?;
        Box::pin(setting.perform(wanted, &interrupts)).await
    })
}

/// What both runs are made of.
struct Setting<'a> {
    found: &'a Found,
    choice: &'a Choice,
    args: &'a MatrixArgs,
    theme: &'a Theme,
    printer: Printer,
}

impl Setting<'_> {
    async fn perform(&self, mut wanted: Wanted, interrupts: &Interrupts) -> Result<u8, CliError> {
        self.printer.say(&format!(
            "looking which of {} links {} journeys use, {} each",
            wanted.links.len(),
            wanted.journeys.len(),
            format_duration(ALONE)
        ));
        let leave =
            |ended: &session::Ended| session::leave(&ended.exit, &self.args.output, self.printer);
        let looked = self
            .make(plan::looks(&wanted), interrupts, false, |plan| {
                plan::look(plan, &wanted);
            })
            .await?;
        let Some(record) = &looked.record else {
            return Ok(leave(&looked));
        };
        if interrupts.heard() || record.target.failed.is_some() {
            return Ok(leave(&looked));
        }
        let uses = self.uses(record, &mut wanted);
        let cells = plan::cells(&wanted, &uses);
        if cells.is_empty() {
            return Err(CliError::usage(
                "no journey uses any of the links",
                "a link carries what a service is told by `${link.NAME.url}`",
            ));
        }
        self.estimate(&wanted, cells.len());
        let ended = self
            .make(
                plan::scenarios(&cells, self.args.fresh),
                interrupts,
                true,
                |plan| plan::lay_out(plan, &wanted, &cells, &uses),
            )
            .await?;
        Ok(leave(&ended))
    }

    /// One of the two runs: the suite with scenarios of these names and texts beside its own, and only those played.
    async fn make(
        &self,
        scenarios: Vec<(String, String)>,
        interrupts: &Interrupts,
        tells: bool,
        change: impl FnOnce(&mut Plan),
    ) -> Result<session::Ended, CliError> {
        let mut sources = self.found.sources.clone();
        let mut choice = self.choice.clone();
        for (name, text) in scenarios {
            sources.add(format!("scenarios/{name}.toml"), text);
            choice.scenarios.push(name);
        }
        let found = Found {
            root: self.found.root.clone(),
            sources,
        };
        let mut planned = suite::plan(&found, &choice);
        // What is worth saying of the suite was said; what is wrong with these scenarios was not.
        planned
            .findings
            .retain(|finding| finding.severity == harness_core::diagnostic::Severity::Error);
        run::print(&planned.findings, self.printer);
        let mut prepared: Prepared = run::ready(planned, &found)?;
        change(&mut prepared.plan);
        prepared.plan = prepared.plan.digested();
        let manner = Manner {
            output: &self.args.output,
            theme: self.theme,
            tells,
            one_url: None,
        };
        session::one(prepared, manner, interrupts, self.printer).await
    }

    /// The links that each journey uses; journeys that fail without any fault are left out.
    fn uses(&self, record: &Record, wanted: &mut Wanted) -> Vec<(Name, Vec<Name>)> {
        let mut uses = Vec::new();
        let journeys = std::mem::take(&mut wanted.journeys);
        for (number, journey) in journeys.into_iter().enumerate() {
            match plan::used(record, number, &wanted.links) {
                Ok(links) => {
                    let unused = wanted.links.iter().filter(|link| !links.contains(link));
                    let unused: Vec<&str> = unused.map(Name::as_str).collect();
                    if !unused.is_empty() {
                        let words = format!("{journey} does not use {}", unused.join(", "));
                        self.printer.say(&words);
                    }
                    uses.push((journey.clone(), links));
                    wanted.journeys.push(journey);
                }
                Err(reason) => {
                    self.printer
                        .say(&format!("{journey} is left out: {reason}"));
                    wanted.left_out.push(LeftOut { journey, reason });
                }
            }
        }
        uses
    }

    fn estimate(&self, wanted: &Wanted, cells: usize) {
        let each = BEFORE + FAULT + AFTER;
        let all = each * u32::try_from(cells).unwrap_or(u32::MAX);
        let pairs = wanted.journeys.len() * wanted.links.len();
        let used = cells / wanted.faults.len().max(1);
        self.printer.say(&format!(
            "{cells} cells of {}, {} of {pairs} pairs of journey and link left out: about {}, and the time slow answers take",
            format_duration(each),
            pairs.saturating_sub(used),
            format_duration(all)
        ));
    }
}

/// What the flags ask for, of what the suite has.
fn wanted(plan: &Plan, args: &MatrixArgs) -> Result<Wanted, CliError> {
    let rate: Rate = args
        .rate
        .parse()
        .map_err(|error| CliError::usage(format!("--rate: {error}"), "write it as 20/s"))?;
    let faults = args.faults.iter().map(|text| fault(text));
    let known: Vec<Name> = plan.target.links.iter().map(|l| l.name.clone()).collect();
    let links = chosen("link", &args.links, &known)?;
    if links.is_empty() {
        return Err(CliError::usage(
            "there is no link to break",
            "name one in harness.toml: [target.link.NAME]",
        ));
    }
    let mut left_out = Vec::new();
    let mut journeys = chosen("journey", &args.journeys, &plan.walks)?;
    journeys.retain(|name| {
        let commands = plan
            .journey(name.as_str())
            .is_some_and(|j| plan::commands(j));
        if commands {
            let reason = "it commands the run, which no load can".to_owned();
            left_out.push(LeftOut {
                journey: name.clone(),
                reason,
            });
        }
        !commands
    });
    if journeys.is_empty() {
        return Err(CliError::usage("there is no journey to walk", ""));
    }
    Ok(Wanted {
        journeys,
        links,
        faults: faults.collect::<Result<_, _>>()?,
        rate,
        left_out,
    })
}

fn chosen(what: &str, typed: &[String], known: &[Name]) -> Result<Vec<Name>, CliError> {
    if typed.is_empty() {
        return Ok(known.to_vec());
    }
    let one = |text: &String| {
        let found = known.iter().find(|name| name.as_str() == text.trim());
        found.cloned().ok_or_else(|| {
            let known: Vec<&str> = known.iter().map(Name::as_str).collect();
            let message = format!("there is no {what} `{text}` to choose");
            CliError::usage(message, format!("there are: {}", known.join(", ")))
        })
    };
    let mut all: Vec<Name> = typed.iter().map(one).collect::<Result<_, _>>()?;
    let mut seen = Vec::new();
    all.retain(|name| {
        let new = !seen.contains(name);
        seen.push(name.clone());
        new
    });
    Ok(all)
}

/// A fault as typed, with the key that a suite writes it by; the suite's own rules check its figures.
fn fault(text: &str) -> Result<plan::Fault, CliError> {
    let (word, figure) = match text.trim().split_once('=') {
        Some((word, figure)) => (word.trim(), Some(figure.trim())),
        None => (text.trim(), None),
    };
    let toml = match (word, figure) {
        ("latency", figure) => format!(
            "latency = {{ delay = {} }}",
            plan::quoted(figure.unwrap_or("300ms"))
        ),
        ("bandwidth", Some(rate)) => format!("bandwidth = {{ rate = {} }}", plan::quoted(rate)),
        ("reset", None) => "reset = { after = \"0s\" }".into(),
        ("timeout", None) => "timeout = { after = \"0s\" }".into(),
        ("down", None) => "down = true".into(),
        _ => {
            return Err(CliError::usage(
                format!("`{text}` is no fault of a matrix"),
                "there are latency, latency=500ms, reset, timeout, down, bandwidth=64kB/s",
            ));
        }
    };
    Ok(plan::Fault {
        word: word.to_owned(),
        toml,
    })
}
