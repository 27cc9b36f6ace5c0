//! Several runs in turn, each whole and with its own reports, and then what they come to together. The next begins when
//! the one before is over and undone; an interrupt ends the row, and what was made so far is compared.

use super::comparison::{self, Compared};
use super::session::{self, Ended, Interrupts, Manner, Prepared};
use crate::args::{Format, Output};
use crate::error::CliError;
use crate::printer::Printer;
use harness_core::readiness::Exit;
use harness_report::html::Theme;

/// A run to be made, and what it is called in the comparison.
pub(crate) struct Leg {
    /// Its label.
    pub(crate) label: String,
    /// The run.
    pub(crate) prepared: Prepared,
}

/// What became of runs in turn.
pub(crate) struct Played {
    /// Those that were made, each with its label.
    pub(crate) made: Vec<(String, Ended)>,
    /// Labels of those that were not.
    pub(crate) not_run: Vec<String>,
    /// Why the row ended early, where it was no wish.
    pub(crate) broken: Option<CliError>,
    /// The exit of a run that was left in a hurry: somebody wants out at once.
    pub(crate) left: Option<Exit>,
}

/// Makes one run after the other. An interrupt ends the row, and so does a run that can't be made.
pub(crate) async fn play(
    legs: Vec<Leg>,
    manner: Manner<'_>,
    interrupts: &Interrupts,
    printer: Printer,
) -> Played {
    let all = legs.len();
    let mut played = Played {
        made: Vec::new(),
        not_run: Vec::new(),
        broken: None,
        left: None,
    };
    for (n, Leg { label, prepared }) in legs.into_iter().enumerate() {
        if played.broken.is_some() || played.left.is_some() || interrupts.heard() {
            played.not_run.push(label);
            continue;
        }
        printer.say(&format!("{label}, run {} of {all}", n + 1));
        match session::one(prepared, manner, interrupts, printer).await {
            Ok(Ended {
                record: None, exit, ..
            }) => played.left = Some(exit),
            Ok(ended) => played.made.push((label, ended)),
            Err(error) => {
                played.broken = Some(error);
                played.not_run.push(label);
            }
        }
    }
    played
}

/// Makes every run and compares them. The exit code is the worst of theirs.
pub(crate) fn execute(
    legs: Vec<Leg>,
    output: &Output,
    theme: &Theme,
    printer: Printer,
) -> Result<u8, CliError> {
    session::block_on(async {
        let interrupts = Interrupts::listen()?;
        // Data is one document: only the comparison.
        let manner = Manner {
            output,
            theme,
            tells: output.format == Format::Text,
            one_url: None,
        };
        perform(legs, manner, printer, &interrupts).await
    })
}

async fn perform(
    legs: Vec<Leg>,
    manner: Manner<'_>,
    printer: Printer,
    interrupts: &Interrupts,
) -> Result<u8, CliError> {
    let Played {
        made,
        not_run,
        broken,
        left,
    } = play(legs, manner, interrupts, printer).await;
    if let Some(exit) = left {
        return Ok(session::leave(&exit, manner.output, printer));
    }
    let told = compare(&made, not_run, manner, printer);
    match (broken, told) {
        (Some(error), _) | (None, Err(error)) => Err(error),
        (None, Ok(())) => Ok(session::leave(&of_all(&made), manner.output, printer)),
    }
}

fn compare(
    made: &[(String, Ended)],
    not_run: Vec<String>,
    manner: Manner<'_>,
    printer: Printer,
) -> Result<(), CliError> {
    let Some((_, first)) = made.first() else {
        return Ok(());
    };
    let runs = made.iter().filter_map(|(label, ended)| {
        let record = ended.record.as_ref()?;
        Some((label.clone(), record))
    });
    let compared = Compared {
        runs: runs.collect(),
        not_run,
        named: 0,
    };
    let secrets: Vec<_> = made.iter().map(|(_, ended)| &ended.secrets).collect();
    comparison::tell(&compared, &first.runs, &secrets, manner, printer)
}

/// The worst of the runs' exits, with the label of the first that has it.
pub(super) fn of_all(made: &[(String, Ended)]) -> Exit {
    let code = worst(made.iter().map(|(_, ended)| ended.exit.code));
    let of = made.iter().find(|(_, ended)| ended.exit.code == code);
    let why = of.map_or_else(String::new, |(label, ended)| {
        format!("{label}: {}", ended.exit.why)
    });
    Exit { code, why }
}

/// The worst of some exit codes: what was interrupted has no answer, then what did not start, then what failed, then what
/// is not known.
fn worst(codes: impl Iterator<Item = u8>) -> u8 {
    const FROM_BEST: [u8; 7] = [0, 6, 5, 4, 1, 3, 130];
    let rank = |code: &u8| FROM_BEST.iter().position(|known| known == code);
    codes.max_by_key(rank).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::worst;

    #[test]
    fn the_worst_run_decides() {
        assert_eq!(worst([0, 5, 6].into_iter()), 5);
        assert_eq!(worst([1, 4, 0].into_iter()), 1);
        assert_eq!(worst([1, 3].into_iter()), 3);
        assert_eq!(worst([130, 1].into_iter()), 130);
        assert_eq!(worst(std::iter::empty()), 0);
    }
}
