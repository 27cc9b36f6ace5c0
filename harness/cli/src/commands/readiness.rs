//! `harness readiness`: whether a release can ship, by the newest evidence of its runs and by what the suite says of
//! releases now. Finds the runs, plans what is needed, and writes the answer; what it is, is decided in `core`.

mod runs;
mod trend;

use super::reports::{exit_line, stdout_style};
use super::suite::{self, Planned};
use super::{report, run, theme};
use crate::args::{ReadinessArgs, Shape};
use crate::environment;
use crate::error::CliError;
use crate::printer::Printer;
use crate::sources::{self, Found};
use harness_core::name::Name;
use harness_core::plan::readiness::{Need, Needed, ReadinessPlan};
use harness_core::plan::resolve::Choice;
use harness_core::plan::target::Mode;
use harness_core::readiness::{Asked, Release, Wanted, gather};
use harness_core::suite::{self as texts, Suite};
use harness_report::html::Theme;
use harness_report::store::{RunStore, write_scanned};
use harness_report::{markdown, terminal};
use std::path::{Path, PathBuf};

/// Gathers, judges, writes and tells.
pub(crate) fn readiness(
    root: Option<&Path>,
    args: &ReadinessArgs,
    printer: Printer,
) -> Result<u8, CliError> {
    let kept = trend::file(root);
    if let Some([release, note]) = args.incident.as_deref() {
        trend::incident(&kept, release, note, printer)?;
        return Ok(0);
    }
    let theme = theme::find(&args.theme, root, printer)?;
    // Without a suite the runs' own words count: an artefact of CI can be judged anywhere.
    let found = match sources::read(root) {
        Ok(found) => Some(found),
        Err(CliError::NoSuite { .. }) => None,
        Err(error) => return Err(error),
    };
    let store = RunStore::open(report::runs(root, args.reports.as_deref())?);
    let base = found.as_ref().map(|found| found.root.as_path());
    // A suite with an error says so below, when it is planned.
    let own = found
        .as_ref()
        .and_then(|found| texts::load(&found.sources).0);
    let project = own.as_ref().map(Suite::project);
    let place = runs::Place {
        store: &store,
        root: base,
        project,
    };
    let runs::Found { runs, mut notices } = runs::find(&place, args)?;
    let variant = runs.first().and_then(|run| run.record.run.as_ref());
    let variant = variant.and_then(|run| run.plan.variant.clone());
    let (settings, wanted) = match &found {
        Some(found) => suite_says(found, variant.as_ref(), printer)?,
        None => {
            notices.push("there is no suite here: limits, waivers and checklist are those of the newest run, and what the release needs is not known".to_owned());
            let newest = runs.first().and_then(|run| run.record.run.as_ref());
            let settings = newest.map(|run| run.plan.readiness.clone());
            (settings.unwrap_or_default(), Vec::new())
        }
    };
    let asked = Asked {
        settings,
        on: args.on.unwrap_or_else(environment::today),
        wanted,
        notices,
    };
    // Read first, so that a file that can't be is told before anything is written.
    let past = trend::read(&kept)?;
    let mut release = gather(&runs, &asked);
    release.trend = harness_core::readiness::recent(&past, release.release.as_ref());
    let folder = folder(args, base, &release);
    let texts = Texts::of(&release, &theme, printer)?;
    let page = texts.write(&folder)?;
    if args.record {
        trend::record(&kept, &release, printer)?;
    }
    match args.format {
        Shape::Json => printer.data(&texts.json),
        Shape::Markdown => printer.data(&texts.markdown),
        Shape::Text => printer.data(&words(&release, &page, args.strict, printer)),
    }
    Ok(release.readiness.exit_code(args.strict))
}

/// What the suite says of releases, and the plan of each thing it needs.
fn suite_says(
    found: &Found,
    variant: Option<&Name>,
    printer: Printer,
) -> Result<(ReadinessPlan, Vec<Wanted>), CliError> {
    let choice = Choice {
        variant: variant.map(ToString::to_string),
        ..Choice::default()
    };
    let Planned { plan, findings, .. } = suite::plan(found, &choice);
    if plan.is_none() {
        run::print(&findings, printer);
    }
    let settings = plan.ok_or_else(suite::refused)?.readiness;
    let wanted = settings.needs.iter().map(|need| want(found, &choice, need));
    let wanted = wanted.collect::<Result<Vec<_>, _>>()?;
    Ok((settings, wanted))
}

/// The plan of the command that a need asks for; of a scenario that is not for the suite's own mode, in one that it is for.
fn want(found: &Found, choice: &Choice, need: &Need) -> Result<Wanted, CliError> {
    let mut choice = choice.clone();
    match &need.what {
        Needed::Scenario(name) => choice.scenarios = vec![name.to_string()],
        Needed::Profile(name) => choice.profile = Some(name.to_string()),
    }
    let modes = [
        Mode::Process,
        Mode::Container,
        Mode::Compose,
        Mode::External,
    ];
    let modes = std::iter::once(None).chain(modes.into_iter().map(Some));
    let plans = modes.filter_map(|target| {
        let choice = Choice {
            target,
            ..choice.clone()
        };
        suite::plan(found, &choice).plan
    });
    let mut plans = plans.peekable();
    let first = plans.peek().cloned();
    let there = |plan: &harness_core::plan::Plan| match &need.what {
        Needed::Scenario(name) => plan.scenario(name.as_str()).is_some(),
        Needed::Profile(_) => true,
    };
    let plan = plans.find(there).or(first).ok_or_else(suite::refused)?;
    Ok(Wanted {
        need: need.clone(),
        plan,
    })
}

/// Where the answer is written: a folder of the release, or of the newest run where there is no release.
fn folder(args: &ReadinessArgs, root: Option<&Path>, release: &Release) -> PathBuf {
    if let Some(folder) = &args.output {
        return folder.clone();
    }
    let named = release.release.as_ref().map(Name::as_str);
    let newest = release
        .evidence
        .first()
        .map(|evidence| evidence.run.as_str());
    let name = named.or(newest).unwrap_or("none");
    let reports = root.map_or_else(|| PathBuf::from("reports"), |root| root.join("reports"));
    reports.join("readiness").join(name)
}

struct Texts {
    page: String,
    markdown: String,
    json: String,
    abort: String,
}

impl Texts {
    fn of(release: &Release, theme: &Theme, printer: Printer) -> Result<Self, CliError> {
        let fail = |kind: &str, error: &dyn std::fmt::Display| {
            CliError::Report(format!("failed to make the readiness {kind}: {error}"))
        };
        let json = |value: Result<String, serde_json::Error>| {
            let text = value.map_err(|error| fail("JSON", &error))?;
            Ok::<_, CliError>(text + "\n")
        };
        Ok(Self {
            page: theme::page(theme, printer, |theme| theme.release(release))?,
            markdown: markdown::render_release(release),
            json: json(serde_json::to_string_pretty(release))?,
            abort: json(serde_json::to_string_pretty(&release.readiness.abort))?,
        })
    }

    /// Writes all; answers with the page's path.
    fn write(&self, folder: &Path) -> Result<PathBuf, CliError> {
        std::fs::create_dir_all(folder).map_err(|source| CliError::File {
            doing: "create",
            path: folder.to_owned(),
            source,
        })?;
        let files = [
            ("readiness.md", &self.markdown),
            ("readiness.json", &self.json),
            ("abort.json", &self.abort),
            ("readiness.html", &self.page),
        ];
        for (name, text) in files {
            // Events hold no secret, so there is none to scan for.
            write_scanned(&folder.join(name), text, &[])
                .map_err(|error| CliError::Report(error.to_string()))?;
        }
        Ok(folder.join("readiness.html"))
    }
}

fn words(release: &Release, page: &Path, strict: bool, printer: Printer) -> String {
    let mut out = Vec::new();
    // Writing to memory can't fail.
    let _ = terminal::render_release(&mut out, stdout_style(printer), release, Some(page));
    String::from_utf8_lossy(&out).into_owned()
        + &exit_line(&release.readiness.exit(strict), printer)
}
