//! A comparison in Markdown, fit for a comment on a merge request: the answer and what decided it first, then tables. No
//! name in it can be markup, and what has no room is told by how much.

use super::rows::{self, Change, ROWS};
use crate::markdown::{code, for_want_of_room, prose};
use harness_core::verdict::Grade;
use harness_core::verdict::regression::{Comparison, Runs, Side};
use std::fmt::Write as _;

/// GitHub takes a comment of 65 536 characters; the rest is room for what somebody writes around it.
pub const LIMIT: usize = 60_000;
/// Kept free for saying what was left out.
const ROOM: usize = 1_500;

/// A table or list: its head, its rows, and what a row is called.
struct Part {
    head: String,
    rows: Vec<String>,
    of: String,
}

/// The comparison.
pub fn render(runs: &Runs, project: &str) -> String {
    within(LIMIT, runs, project)
}

/// The comparison in at most so many bytes, where there is less room than [`LIMIT`]; its first lines are there always.
pub fn within(limit: usize, runs: &Runs, project: &str) -> String {
    let limit = limit.min(LIMIT);
    let mut out = head(runs, project);
    let mut left_out: Vec<String> = Vec::new();
    for part in parts(runs) {
        let (mut shown, all) = (0, part.rows.len());
        let mut told = part.rows.iter().take(ROWS);
        let fits = |out: &str, more: usize| out.len() + more + ROOM <= limit;
        let first = part.rows.first().map_or(0, String::len);
        if all > 0 && fits(&out, part.head.len() + first) {
            out.push_str(&part.head);
            while let Some(row) = told.next().filter(|row| fits(&out, row.len())) {
                out.push_str(row);
                shown += 1;
            }
        }
        if shown < all {
            left_out.push(format!("{} {}", all - shown, part.of));
        }
    }
    for_want_of_room(&mut out, left_out, 12);
    out
}

/// Reasons of the answer told at most.
const DECIDED: usize = 8;

fn head(runs: &Runs, project: &str) -> String {
    let sign = match runs.grade {
        Grade::Pass => "✓",
        Grade::Inconclusive => "?",
        Grade::Invalid => "!",
        Grade::Fail => "✗",
    };
    let mut out = format!("## {sign} {}\n", rows::answer(runs.grade));
    if !project.is_empty() {
        let _ = write!(out, "\n{}\n", prose(project));
    }
    out.push('\n');
    for why in runs.decided_by.iter().take(DECIDED) {
        let _ = writeln!(out, "- **{}**", prose(why));
    }
    if runs.decided_by.len() > DECIDED {
        let more = runs.decided_by.len() - DECIDED;
        let _ = writeln!(out, "- and {more} more");
    }
    if runs.decided_by.is_empty() {
        out.push_str("Every figure that decides is proven not to be slower by what matters.\n");
    }
    for text in rows::without(runs).iter().take(2 * DECIDED) {
        let _ = write!(out, "\n> {}\n", prose(text));
    }
    out
}

fn parts(runs: &Runs) -> Vec<Part> {
    let all = rows::changes(runs);
    let several = runs.scenarios.len() > 1;
    let row = |change: Change| {
        let place = match several {
            true => format!("{}: ", prose(&change.scenario)),
            false => String::new(),
        };
        let name = match change.key {
            true => format!("**{}** (key)", prose(&change.name)),
            false => prose(&change.name),
        };
        let why: Vec<String> = change.why.iter().map(|words| prose(words)).collect();
        format!(
            "| {} {} | {place}{name} | {} | {} | {} | {} | {} | {} |\n",
            change.sign,
            change.word,
            change.times,
            change.change,
            change.interval,
            change.margin,
            change.detectable,
            why.join("; "),
        )
    };
    let costs = rows::costs(runs).into_iter();
    let mut parts = vec![
        Part {
            head: "\n### What would decide it\n\n".to_owned(),
            rows: costs
                .map(|(name, ways)| format!("- {}: {}\n", prose(&name), prose(&ways)))
                .collect(),
            of: "ways to decide".to_owned(),
        },
        Part {
            head: "\n### Changes\n\n| | figure | baseline → candidate | change | 95 % interval | δ | would find | |\n|---|---|---|---:|---|---:|---:|---|\n".to_owned(),
            rows: all.iter().map(|place| row(rows::row(place))).collect(),
            of: "changes".to_owned(),
        },
    ];
    parts.extend(runs.scenarios.iter().flat_map(|held| scenario(runs, held)));
    parts
}

fn scenario(runs: &Runs, held: &Comparison) -> Vec<Part> {
    let name = rows::scenario(held);
    let title = prose(&name);
    let mut notes: Vec<String> = Vec::new();
    notes.extend(side("candidate", &held.candidate));
    notes.extend(side("baseline", &held.baseline));
    notes.extend(rows::level(held).map(|words| format!("- {}\n", prose(&words))));
    if let Some(pinned) = &held.pinned {
        let what = format!("pinned release {},", prose(pinned.release.as_str()));
        notes.extend(side(&what, &pinned.runs));
    }
    let (invalid, above) = rows::invalid(runs, held, DECIDED);
    if above {
        notes.push("- **invalid**: as said above\n".to_owned());
    }
    let invalid = invalid.into_iter();
    notes.extend(invalid.map(|why| format!("- **invalid**: {}\n", prose(why))));
    notes.extend(held.notes.iter().map(|note| format!("- {}\n", prose(note))));
    let (errors, spotless) = rows::errors(held);
    let errors = errors.into_iter().map(|one| {
        let why: Vec<String> = one.why.iter().map(|words| prose(words)).collect();
        format!(
            "| {} {} | {} | {} → {} | {} | {} | {} | {} |\n",
            one.sign,
            one.word,
            prose(&one.name),
            one.baseline,
            one.candidate,
            one.change,
            one.interval,
            one.bursts,
            why.join("; ")
        )
    });
    let rhythms = rows::rhythms(held).into_iter().map(|one| {
        let (name, words) = (prose(&one.name), prose(&one.words));
        format!("| {name} | {} | {} | {words} |\n", one.typical, one.stalls)
    });
    let tests = rows::tests(held).into_iter().map(|one| {
        let caught = if one.caught {
            "✓ caught"
        } else {
            "✗ not caught"
        };
        let (name, slower) = (prose(&one.name), &one.slower);
        format!(
            "| {name} | {slower} | {caught} | {} | {} |\n",
            one.word, one.interval
        )
    });
    vec![
        Part {
            head: format!("\n### Runs of {title}\n\n"),
            rows: notes,
            of: format!("lines on the runs of {title}"),
        },
        Part {
            head: format!(
                "\n### Typical second or stalls, {title}\n\n| figure | typical second | stalls a minute | |\n|---|---:|---|---|\n"
            ),
            rows: rhythms.collect(),
            of: format!("figures' seconds and stalls of {title}"),
        },
        Part {
            head: format!(
                "\n### Errors of {title}\n\n| | name | baseline → candidate | change, points | 95 % interval | bursts | |\n|---|---|---|---:|---|---|---|\n"
            ),
            rows: errors.collect(),
            of: format!("shares of errors of {title}"),
        },
        Part {
            head: String::new(),
            rows: Some(rows::spotless(spotless))
                .filter(|words| !words.is_empty())
                .map(|words| format!("\nErrors: {words}\n"))
                .into_iter()
                .collect(),
            of: "lines on errors".to_owned(),
        },
        Part {
            head: format!(
                "\n### Self-test of {title}: had every answer taken longer\n\n| figure | by | | then it is | 95 % interval |\n|---|---:|---|---|---|\n"
            ),
            rows: tests.collect(),
            of: format!("self-tests of {title}"),
        },
    ]
}

fn side(what: &str, sides: &[Side]) -> Vec<String> {
    let row = |side: &Side| {
        let (run, told) = rows::run(side);
        format!("- {what} {}, {}\n", code(&run), prose(&told))
    };
    match sides {
        [] => vec![format!("- {what}: none that can be used\n")],
        sides => sides.iter().map(row).collect(),
    }
}
