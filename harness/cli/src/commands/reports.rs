//! Every report of a run, made from its record and written beside its events. The last scan for secrets is here.

use super::theme;
use crate::error::CliError;
use crate::printer::Printer;
use harness_core::readiness::{self, Exit, Readiness};
use harness_core::record::Record;
use harness_core::verdict::{self, Verdict};
use harness_drive::redact::Secrets;
use harness_report::adhoc::LoadSummary;
use harness_report::html::Theme;
use harness_report::index::Card;
use harness_report::leak::Secret;
use harness_report::store::{self, ReportFile, RunFolder};
use harness_report::terminal::{self, Style};
use harness_report::text::one_line;
use harness_report::{github, json, junit, markdown, series};
use std::path::{Path, PathBuf};

/// What a run came to, and its reports as texts.
pub(crate) struct Made<'r> {
    record: &'r Record,
    verdict: Verdict,
    readiness: Readiness,
    texts: [(ReportFile, String); 5],
}

/// Judges a record and makes every report.
pub(crate) fn make<'r>(
    record: &'r Record,
    theme: &Theme,
    printer: Printer,
) -> Result<Made<'r>, CliError> {
    let fail = |kind: &str, error: &dyn std::fmt::Display| {
        CliError::Report(format!("failed to make the {kind}: {error}"))
    };
    let verdict = verdict::evaluate(record);
    let readiness = readiness::readiness(record, &verdict);
    let page = theme::page(theme, printer, |theme| {
        theme.render(record, &verdict, &readiness)
    })?;
    let junit = junit::render(record, &verdict, &readiness);
    let junit = junit.map_err(|e| fail("JUnit report", &e))?;
    let markdown = markdown::render(record, &verdict, &readiness);
    let json = json::Summary::of(record, &verdict, &readiness)
        .to_json()
        .map_err(|e| fail("JSON summary", &e))?;
    let card = Card::of(record, &verdict, &readiness);
    let card = card.map_or(Ok(String::new()), |card| card.to_json());
    let card = card.map_err(|e| fail("card", &e))?;
    let texts = [
        (ReportFile::Html, page),
        (ReportFile::Junit, junit),
        (ReportFile::Markdown, markdown),
        (ReportFile::Json, json),
        (ReportFile::Card, card),
    ];
    Ok(Made {
        record,
        verdict,
        readiness,
        texts,
    })
}

impl Made<'_> {
    /// One report's text.
    pub(crate) fn text(&self, kind: ReportFile) -> &str {
        self.texts
            .iter()
            .find(|(file, _)| *file == kind)
            .map_or("", |(_, text)| text)
    }

    /// Writes every report into the run's folder; answers with the page's path. All are tried, the first error is told.
    pub(crate) fn write_all(
        &self,
        folder: &RunFolder,
        secrets: &Secrets,
    ) -> Result<PathBuf, CliError> {
        self.write(|_| true, folder, secrets)
    }

    /// The same but what the list of runs reads.
    pub(crate) fn write_without_card(
        &self,
        folder: &RunFolder,
        secrets: &Secrets,
    ) -> Result<PathBuf, CliError> {
        self.write(|file| file != ReportFile::Card, folder, secrets)
    }

    fn write(
        &self,
        wanted: impl Fn(ReportFile) -> bool,
        folder: &RunFolder,
        secrets: &Secrets,
    ) -> Result<PathBuf, CliError> {
        let secrets = scanned(secrets);
        let written: Vec<_> = self
            .texts
            .iter()
            .filter(|(file, _)| wanted(*file))
            .map(|(file, text)| folder.write(*file, text, &secrets))
            .collect();
        let series = self.record.scenarios.iter().map(|scenario| {
            folder.write_series(scenario.name.as_str(), &series::csv(scenario), &secrets)
        });
        let series: Vec<_> = series.collect();
        let written = written.into_iter().chain(series);
        let paths = written.collect::<Result<Vec<_>, _>>();
        let paths = paths.map_err(|error| CliError::Report(error.to_string()))?;
        Ok(paths.into_iter().next().unwrap_or_default())
    }

    /// The summary for a terminal.
    pub(crate) fn summary(&self, page: Option<&Path>, printer: Printer) -> String {
        let mut out = Vec::new();
        // Writing to memory can't fail.
        let _ = terminal::render(
            &mut out,
            stdout_style(printer),
            self.record,
            &self.verdict,
            &self.readiness,
            page,
        );
        String::from_utf8_lossy(&out).into_owned()
    }

    /// What a load of one URL came to; `None` of a record that does not say what was run.
    pub(crate) fn of_one_url(&self, page: Option<&Path>) -> Option<LoadSummary> {
        LoadSummary::of(self.record, &self.verdict, page)
    }

    /// Writes the page where somebody wants it.
    pub(crate) fn write_page(&self, to: &Path, secrets: &Secrets) -> Result<(), CliError> {
        store::write_scanned(to, self.text(ReportFile::Html), &scanned(secrets))
            .map_err(|error| CliError::Report(error.to_string()))
    }

    /// The summary in at most so many bytes.
    pub(crate) fn markdown_within(&self, limit: usize) -> String {
        markdown::within(limit, self.record, &self.verdict, &self.readiness)
    }

    /// The comment on a pull request.
    pub(crate) fn comment(&self) -> String {
        markdown::comment(self.record, &self.verdict, &self.readiness)
    }

    /// What is worth an annotation.
    pub(crate) fn notes(&self) -> Vec<github::Note> {
        github::notes(self.record, &self.verdict, &self.readiness)
    }

    /// The answer and its score.
    pub(crate) fn answer(&self) -> (&'static str, f64) {
        (self.readiness.decision.as_str(), self.readiness.score)
    }

    /// The answer in a line, for a run whose summary is not shown.
    pub(crate) fn in_a_line(&self) -> String {
        let (answer, _) = self.answer();
        let why = self.readiness.reasons.first();
        let why = why.map_or_else(String::new, |why| format!(": {}", one_line(why, 300)));
        format!("{answer}{why}")
    }

    /// The exit code, and why.
    pub(crate) fn exit(&self, strict: bool) -> Exit {
        readiness::exit(self.record, &self.readiness, strict)
    }
}

/// The line that ends a summary for people: the exit code and its reason, where it is not 0.
pub(crate) fn exit_line(exit: &Exit, printer: Printer) -> String {
    let mut out = Vec::new();
    // Writing to memory can't fail.
    let _ = terminal::render_exit(&mut out, stdout_style(printer), exit);
    String::from_utf8_lossy(&out).into_owned()
}

/// Secrets as the last scan wants them.
pub(crate) fn scanned(secrets: &Secrets) -> Vec<Secret> {
    let all = secrets.iter().map(|(name, value)| Secret {
        name: name.to_string(),
        value: value.to_owned(),
    });
    all.collect()
}

/// Colour and width of what goes to stdout.
pub(crate) fn stdout_style(printer: Printer) -> Style {
    use std::io::IsTerminal as _;
    printer.style(std::io::stdout().is_terminal())
}
