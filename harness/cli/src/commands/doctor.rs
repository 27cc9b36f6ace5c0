//! `harness doctor`: what this machine can do, what each missing thing costs, and what to do about it.

pub(super) mod lacks;
mod words;

use super::session::{self, runs_of};
use crate::args::{DoctorArgs, Format, Need};
use crate::error::CliError;
use crate::printer::Printer;
use crate::sources;
use harness_drive::doctor::{self, Facts};
use serde_json::json;
use std::fmt::Write as _;
use std::path::Path;
pub(super) use words::{Line, State, lines};

/// Looks and tells.
pub(crate) fn doctor(
    suite: Option<&Path>,
    args: &DoctorArgs,
    printer: Printer,
) -> Result<u8, CliError> {
    let root = match suite {
        Some(_) => sources::root(suite)?,
        // It is asked where there is no suite yet, too.
        None => sources::root(None).unwrap_or_else(|_| ".".into()),
    };
    let facts = facts(&runs_of(args.reports.as_deref(), &root))?;
    let lines = lines(&facts);
    match args.format {
        Format::Text => printer.data(&text(&lines)),
        Format::Json => {
            let whole = json!({ "lines": lines, "facts": facts });
            printer.data(&format!("{whole:#}\n"));
        }
    }
    let lacking: Vec<_> = args
        .require
        .iter()
        .filter(|need| !is_there(**need, &lines))
        .collect();
    for need in &lacking {
        printer.error(&format!("error: {} is required", words::of(**need)));
    }
    Ok(if lacking.is_empty() { 0 } else { 3 })
}

/// What is found here. `runs`: where run folders are kept.
pub(super) fn facts(runs: &Path) -> Result<Facts, CliError> {
    let program = std::env::current_exe().map_err(|error| {
        CliError::Machine(format!("failed to find this program's own file: {error}"))
    })?;
    session::block_on(async { Ok(doctor::look(runs, &program).await) })
}

/// Whether what is demanded can be relied on.
fn is_there(need: Need, lines: &[Line]) -> bool {
    let usable = |topic: &str| {
        let mut found = lines.iter().filter(|line| line.topic == topic);
        found.any(|line| matches!(line.state, State::Ok | State::Degraded))
    };
    match need {
        Need::Container => usable("container engine"),
        Need::Compose => usable("container engine") && usable("compose"),
        Need::Packets => usable("packets"),
        Need::Goose => usable("goose worker"),
    }
}

/// For people: a line each, and below it what it costs and what to do.
fn text(lines: &[Line]) -> String {
    let width = lines.iter().map(|line| line.topic.len()).max().unwrap_or(0);
    let mut text = String::new();
    for line in lines {
        let sign = line.state.sign();
        let _ = writeln!(text, "{sign} {:<width$}  {}", line.topic, line.finding);
        let below = [("costs", &line.cost), ("do", &line.remedy)];
        for (word, words) in below.iter().filter(|(_, words)| !words.is_empty()) {
            let _ = writeln!(text, "{:9}{:<width$}  {word}: {words}", "", "");
        }
    }
    let of = |state| lines.iter().filter(|line| line.state == state).count();
    let _ = writeln!(
        text,
        "\n{} ok, {} degraded, {} missing, {} unknown",
        of(State::Ok),
        of(State::Degraded),
        of(State::Missing),
        of(State::Unknown)
    );
    text
}

#[cfg(test)]
mod tests {
    use super::words::testing::{able, bare};
    use super::*;

    #[test]
    fn a_machine_that_can_everything_is_told_in_few_words() {
        insta::assert_snapshot!(text(&lines(&able())));
    }

    #[test]
    fn a_machine_that_can_little_is_told_what_that_costs_and_what_to_do() {
        insta::assert_snapshot!(text(&lines(&bare())));
    }

    #[test]
    fn what_is_missing_says_what_it_costs_and_what_to_do() {
        for line in lines(&bare()) {
            let lacks = matches!(line.state, State::Missing | State::Degraded);
            assert_eq!(lacks, !line.cost.is_empty(), "{line:?}");
        }
    }

    #[test]
    fn what_is_demanded_must_be_there() {
        let (able, bare) = (lines(&able()), lines(&bare()));
        for need in [Need::Container, Need::Compose, Need::Packets, Need::Goose] {
            assert!(is_there(need, &able), "{need:?}");
            assert!(!is_there(need, &bare), "{need:?}");
        }
    }
}
