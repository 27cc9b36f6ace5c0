//! What GitHub Actions shows beside a diff: a workflow command for each thing that failed, pointing at the line of the suite
//! that asked for it. Pure; whether a file is where GitHub looks for it is for the caller to say.

use crate::figures;
use crate::text::{clip, plural, visible};
use harness_core::event::{ContractFinding, Outcome, RunEnd, ScenarioEnd};
use harness_core::expr::gate::GateSubject;
use harness_core::journey::Origin;
use harness_core::name::Name;
use harness_core::plan::Plan;
use harness_core::readiness::{Item, Readiness};
use harness_core::record::{JourneyRecord, Record};
use harness_core::verdict::{Grade, Verdict};

/// What GitHub shows of each level for a step; more are dropped without a word.
pub const MOST: usize = 10;
/// The item that says whether the target came up and stayed up.
const TARGET: &str = "target";
/// The longest message, characters.
const LONG: usize = 2_000;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// It stands against shipping.
    Error,
    /// It should be looked at.
    Warning,
}

/// One annotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// How bad it is.
    pub level: Level,
    /// A few words.
    pub title: String,
    /// What was seen.
    pub message: String,
    /// Where it was asked for.
    pub place: Option<Origin>,
}

/// All there is to annotate, what decided first. Where the run ended with its target, what nobody could see for that reason is
/// a count beside the target: ten times the same consequence would hide its cause.
pub fn notes(record: &Record, verdict: &Verdict, readiness: &Readiness) -> Vec<Note> {
    let plan = record.run.as_deref().map(|run| &run.plan);
    let decided = |item: &&Item| readiness.decided_by.as_ref() != Some(&item.id);
    let mut items: Vec<&Item> = readiness.items.iter().filter(|i| i.is_open()).collect();
    items.sort_by_key(decided);
    let ended = record.end == Some(RunEnd::TargetFailed);
    let unseen = |item: &Item| {
        ended && item.id != TARGET && item.grade != Grade::Fail && took(record, verdict, item)
    };
    let beside = items.iter().filter(|item| unseen(item)).count() as u64;
    items.retain(|item| !unseen(item));
    let waived = |id: &str| {
        let item = readiness.items.iter().find(|item| item.id == id);
        item.and_then(figures::waiver_words)
    };
    let mut notes: Vec<Note> = Vec::new();
    for item in items {
        match item.id.as_str() {
            // Told one by one.
            "journeys" if figures::failed_walks(record).next().is_some() => notes.extend(
                figures::failed_walks(record)
                    .map(|walk| journey(record, plan, walk, waived("journeys"))),
            ),
            "contract" if figures::findings(record).next().is_some() => notes.extend(
                figures::findings(record)
                    .map(|(f, times)| finding(plan, f, times, waived("contract"))),
            ),
            TARGET if beside > 0 => {
                let mut note = gate(item, verdict);
                let rest = plural(beside, "other check");
                note.message =
                    format!("{}\n{rest} without an answer for this reason", note.message);
                notes.push(note);
            }
            _ => notes.push(gate(item, verdict)),
        }
    }
    // A sort by level alone keeps the order within each.
    notes.sort_by_key(|note| note.level);
    notes
}

/// Whether what an item lacks went with the target: it saw nothing of a run that was to be seen, or its load was not played to
/// the end. What was, and what lacks an accepted run, is open for a reason of its own.
fn took(record: &Record, verdict: &Verdict, item: &Item) -> bool {
    let Some(run) = record.run.as_deref() else {
        return true;
    };
    let gate = verdict.gates.iter().find(|gate| gate.gate.id == item.id);
    let cut = |name: &Name| {
        let ended = record.scenario(name.as_str()).and_then(|s| s.end);
        let whole = [
            ScenarioEnd::Completed,
            ScenarioEnd::Aborted,
            ScenarioEnd::Unsteady,
        ];
        !ended.is_some_and(|(_, end)| whole.contains(&end))
    };
    let about = |name: &&Name| item.scenario.as_ref().is_none_or(|only| only == *name);
    let mut scenarios = run.plan.scenarios.iter().map(|s| &s.name).filter(about);
    match gate.map(|gate| &gate.gate.expect.subject) {
        // No load of this run would have decided it.
        Some(GateSubject::Regression { .. }) => {
            scenarios.any(|name| cut(name) && run.against(name).is_some_and(|a| !a.runs.is_empty()))
        }
        None if item.scenario.is_none() => true,
        _ => scenarios.any(cut),
    }
}

fn gate(item: &Item, verdict: &Verdict) -> Note {
    let gate = verdict.gates.iter().find(|g| g.gate.id == item.id);
    let invariant = figures::invariant(verdict, item);
    let place = gate.map(|g| &g.gate.origin);
    let place = place.or_else(|| invariant.map(|i| &i.gate.origin)).cloned();
    let waived = figures::waiver_words(item);
    let against = item.closes() || (item.key && item.grade == Grade::Fail);
    Note {
        level: match against && waived.is_none() {
            true => Level::Error,
            false => Level::Warning,
        },
        title: format!("{} {}", figures::item_word(item), item.title),
        message: with(&item.reason, waived),
        place,
    }
}

fn with(reason: &str, waived: Option<String>) -> String {
    waived.map_or_else(|| reason.to_owned(), |words| format!("{reason}\n{words}"))
}

fn level(waived: Option<&String>) -> Level {
    waived.map_or(Level::Error, |_| Level::Warning)
}

fn journey(
    record: &Record,
    plan: Option<&Plan>,
    walk: &JourneyRecord,
    waived: Option<String>,
) -> Note {
    let journey = plan.and_then(|plan| plan.journey(walk.journey.as_str()));
    let broken = figures::broken_step(walk);
    let step = journey
        .zip(broken)
        .and_then(|(journey, broken)| journey.steps.iter().find(|step| step.name == broken.step));
    let failures = broken.into_iter().flat_map(|step| &step.failures);
    let failures = failures.map(|f| format!("expected {}, was {}", f.expected, f.actual));
    let failures: Vec<String> = failures.collect();
    let seen = match (broken, walk.outcome) {
        (Some(step), _) => format!("{}: {}", step.step, failures.join("; ")),
        (None, Some(Outcome::Failed)) => "it failed without a broken step".to_owned(),
        (None, _) => "it was stopped before it was through".to_owned(),
    };
    Note {
        level: level(waived.as_ref()),
        title: format!("journey {} failed", figures::walk_name(record, walk)),
        message: with(&seen, waived),
        place: step
            .map(|step| &step.origin)
            .or_else(|| journey.map(|journey| &journey.origin))
            .cloned(),
    }
}

fn finding(
    plan: Option<&Plan>,
    finding: &ContractFinding,
    times: u64,
    waived: Option<String>,
) -> Note {
    let contracts = plan.into_iter().flat_map(|plan| &plan.contracts);
    let contract = contracts.into_iter().find(|c| c.name == finding.contract);
    let path = finding
        .operation
        .split_once(' ')
        .map_or("", |(_, path)| path);
    Note {
        level: level(waived.as_ref()),
        title: format!(
            "{}: {}",
            figures::check_word(finding.check),
            finding.operation
        ),
        message: with(
            &format!("{} (seen {})", finding.message, plural(times, "time")),
            waived,
        ),
        place: contract.map(|contract| Origin {
            file: contract.document.clone(),
            line: line_of(&contract.text, path),
        }),
    }
}

/// The line of an API document, JSON or YAML, in which a path has its entry; 1 where it is not found.
fn line_of(document: &str, path: &str) -> u32 {
    let keys = [
        format!("\"{path}\":"),
        format!("{path}:"),
        format!("'{path}':"),
    ];
    let at = document.lines().position(|line| {
        let line = line.trim_start();
        keys.iter().any(|key| line.starts_with(key))
    });
    at.and_then(|at| u32::try_from(at + 1).ok()).unwrap_or(1)
}

/// The notes as workflow commands, at most [`MOST`] of a level, and how many there were beyond. `locate` says a file's path as
/// GitHub knows it, if it is there; a note about another points nowhere.
pub fn commands(notes: &[Note], locate: &dyn Fn(&str) -> Option<String>, report: &str) -> String {
    let of = |level: Level| notes.iter().filter(move |note| note.level == level);
    let mut out = String::new();
    for note in of(Level::Error)
        .take(MOST)
        .chain(of(Level::Warning).take(MOST))
    {
        out.push_str(&command(note, locate));
    }
    let beyond = |level| of(level).count().saturating_sub(MOST) as u64;
    let more = [
        (beyond(Level::Error), "error"),
        (beyond(Level::Warning), "warning"),
    ];
    let more: Vec<String> = more
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, word)| plural(n, &format!("more {word}")))
        .collect();
    if !more.is_empty() {
        let words = format!(
            "{} not shown here: GitHub shows {MOST} of each a step. All are in {report}",
            more.join(" and ")
        );
        out.push_str(&format!("::notice title=harness::{}\n", data(&words)));
    }
    out
}

fn command(note: &Note, locate: &dyn Fn(&str) -> Option<String>) -> String {
    let word = match note.level {
        Level::Error => "error",
        Level::Warning => "warning",
    };
    let place = note.place.as_ref();
    let place = place.and_then(|place| Some((locate(&place.file)?, place.line)));
    let place = place.map_or_else(String::new, |(file, line)| {
        format!("file={},line={line},", property(&file))
    });
    format!(
        "::{word} {place}title={}::{}\n",
        property(&clip(&note.title, 200)),
        data(&clip(&note.message, LONG))
    )
}

/// A command's message: on one line, whatever it says.
fn data(text: &str) -> String {
    let text = visible(text).replace('%', "%25");
    text.replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a command's property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn note(level: Level, words: &str) -> Note {
        Note {
            level,
            title: words.to_owned(),
            message: words.to_owned(),
            place: Some(Origin {
                file: words.to_owned(),
                line: 7,
            }),
        }
    }

    #[test]
    fn a_command_is_escaped_as_github_says() {
        let note = note(Level::Error, "a:b,c%\n::error::x");
        assert_eq!(
            command(&note, &|file| Some(file.to_owned())),
            "::error file=a%3Ab%2Cc%25%0A%3A%3Aerror%3A%3Ax,line=7,title=a%3Ab%2Cc%25%0A%3A%3Aerror%3A%3Ax::a:b,c%25%0A::error::x\n"
        );
        assert!(command(&note, &|_| None).starts_with("::error title="));
    }

    #[test]
    fn ten_of_each_are_shown_and_the_rest_counted() {
        let mut notes = vec![note(Level::Error, "e"); 13];
        notes.extend(vec![note(Level::Warning, "w"); 11]);
        let text = commands(&notes, &|_| None, "report.html");
        let count = |of: &str| text.lines().filter(|line| line.starts_with(of)).count();
        assert_eq!(
            [count("::error "), count("::warning "), count("::notice ")],
            [10, 10, 1]
        );
        assert!(
            text.contains("3 more errors and 1 more warning not shown"),
            "{text}"
        );
        let few = commands(&notes[..10], &|_| None, "report.html");
        assert!(!few.contains("::notice"));
    }

    #[test]
    fn a_path_is_found_in_json_and_yaml() {
        let json = "{\n \"paths\": {\n  \"/a/{id}\": {},\n  \"/a\": {}\n}}";
        assert_eq!(
            [
                line_of(json, "/a"),
                line_of(json, "/a/{id}"),
                line_of(json, "/b")
            ],
            [4, 3, 1]
        );
        assert_eq!(line_of("paths:\n  /a/b:\n  '/a':\n", "/a"), 3);
    }

    proptest! {
        #[test]
        fn whatever_is_said_makes_one_command_and_is_read_back(words in any::<String>()) {
            let words = clip(&words, 150);
            let text = command(&note(Level::Warning, &words), &|file| Some(file.to_owned()));
            prop_assert_eq!(text.matches('\n').count(), 1);
            let broken = text.trim_end_matches('\n').contains(['\r', '\u{1b}', '\0']);
            prop_assert!(!broken);
            // As the runner reads it: properties end at the first `::` after the word.
            let (properties, message) = text["::warning ".len()..].split_once("::").unwrap_or_default();
            let back = |text: &str| text.replace("%3A", ":").replace("%2C", ",").replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%");
            prop_assert_eq!(back(message.trim_end_matches('\n')), visible(&words));
            let parts: Vec<&str> = properties.split(',').collect();
            prop_assert_eq!(parts.len(), 3);
            prop_assert_eq!(back(parts[2].trim_start_matches("title=")), visible(&words));
        }
    }
}
