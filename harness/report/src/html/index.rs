//! The list of runs as values: how scenarios did from run to run, and a row for each run.

use crate::figures;
use crate::index::{Card, Entry, Group, List, PAGE, STRIPS, State, groups, page_name, pages};
use crate::text::{self, one_line};
use harness_core::date;
use harness_core::event::RunStarted;
use harness_core::name::{Name, RunId};
use harness_core::readiness::Decision;
use serde::Serialize;
use std::collections::BTreeMap;

/// Height of the bars of response times, and of those of errors below, pixels.
const HEIGHT: f64 = 44.0;
const ERRORS: f64 = 14.0;
/// Places for bars there are at least, so that few of them are not taken for one.
const SLOTS: usize = 30;
/// A share of errors that fills the lane of errors, unless one is larger.
const FULL: f64 = 0.01;

#[derive(Debug, Serialize)]
pub(super) struct Page {
    title: String,
    words: String,
    tiles: Vec<(&'static str, String)>,
    strips: Vec<StripView>,
    strips_cut: String,
    rows: Vec<Row>,
    pages: Vec<PageLink>,
    comparisons: Vec<ComparisonView>,
    height: f64,
    errors: f64,
}

#[derive(Debug, Clone, Serialize)]
struct PageLink {
    href: String,
    words: String,
    here: bool,
}

#[derive(Debug, Serialize)]
struct ComparisonView {
    href: String,
    words: String,
}

#[derive(Debug, Serialize)]
struct Row {
    run: String,
    href: String,
    sign: &'static str,
    word: &'static str,
    class: &'static str,
    score: String,
    /// What else than a run of its own it is: `a replay`; empty for one.
    kind: &'static str,
    project: String,
    of: String,
    day: String,
    took: String,
    /// What must be told beside the answer.
    note: String,
    decided: String,
    reason: String,
    p95: String,
    errors: String,
    walks: String,
    compare: String,
    compared: Vec<(String, String)>,
}

#[derive(Debug, Serialize)]
struct StripView {
    id: String,
    name: String,
    of: String,
    last: String,
    desc: String,
    bars: Vec<BarView>,
    table: crate::chart::Table,
}

#[derive(Debug, Serialize)]
struct BarView {
    href: String,
    class: &'static str,
    x: f64,
    width: f64,
    middle: f64,
    y: f64,
    height: f64,
    error_height: f64,
    tip: String,
}

impl Page {
    /// The pages of a list, the newest runs first; at least one.
    pub(super) fn all(list: &List) -> Vec<Self> {
        let count = pages(list.entries.len());
        let before = before(list);
        let compared = compared(list);
        let links = |here: usize| -> Vec<PageLink> {
            let link = |n: usize| PageLink {
                href: page_name(n),
                words: format!(
                    "{}–{}",
                    n * PAGE + 1,
                    ((n + 1) * PAGE).min(list.entries.len())
                ),
                here: n == here,
            };
            let several = if count > 1 { count } else { 0 };
            (0..several).map(link).collect()
        };
        let page = |n: usize| {
            let rows = list.entries.iter().skip(n * PAGE).take(PAGE);
            let first = n == 0;
            let (strips, strips_cut) = if first {
                strips(list)
            } else {
                Default::default()
            };
            Self {
                title: title(list),
                words: words(list, n, count),
                tiles: if first { tiles(list) } else { Vec::new() },
                strips,
                strips_cut,
                rows: rows
                    .map(|entry| row(entry, list.to_runs, &before, &compared))
                    .collect(),
                pages: links(n),
                comparisons: if first { comparisons(list) } else { Vec::new() },
                height: HEIGHT,
                errors: ERRORS,
            }
        };
        (0..count).map(page).collect()
    }
}

fn title(list: &List) -> String {
    let mut projects: Vec<&str> = list.entries.iter().filter_map(project).collect();
    projects.sort_unstable();
    projects.dedup();
    match projects.as_slice() {
        [] => String::new(),
        [one] => one_line(one, 80),
        several => text::plural(several.len() as u64, "project"),
    }
}

fn project(entry: &Entry) -> Option<&str> {
    match &entry.state {
        State::Judged(card) => Some(&card.project),
        State::GoingOn(Some(run)) | State::Unjudged(Some(run), _) => Some(&run.plan.project),
        _ => None,
    }
}

fn words(list: &List, page: usize, count: usize) -> String {
    let all = text::plural(list.entries.len() as u64, "run");
    match count {
        1 => format!("{all}, the newest first."),
        _ => format!("{all}, the newest first; page {} of {count}.", page + 1),
    }
}

fn tiles(list: &List) -> Vec<(&'static str, String)> {
    let judged = |wanted: Decision| {
        let all = list.entries.iter();
        all.filter(|e| matches!(&e.state, State::Judged(card) if card.decision == wanted && !card.is_replay()))
            .count()
    };
    let replays = list.entries.iter();
    let replays = replays
        .filter(|e| matches!(&e.state, State::Judged(card) if card.is_replay()))
        .count();
    let count = |n: usize| text::count(n as u64);
    let answers = [Decision::Go, Decision::ConditionalGo, Decision::NoGo];
    let mut tiles: Vec<_> = answers
        .into_iter()
        .map(|decision| (decision.as_str(), judged(decision)))
        .collect();
    if replays > 0 {
        tiles.push(("Replays", replays));
    }
    let rest = list.entries.len() - tiles.iter().map(|(_, n)| n).sum::<usize>();
    tiles.push(("Without an answer", rest));
    tiles
        .into_iter()
        .map(|(name, n)| (name, count(n)))
        .collect()
}

/// For each run the one before it of the same workload that came to its end.
fn before(list: &List) -> BTreeMap<&RunId, &RunId> {
    let mut last: BTreeMap<&str, &RunId> = BTreeMap::new();
    let mut before = BTreeMap::new();
    for entry in list.entries.iter().rev() {
        let State::Judged(card) = &entry.state else {
            continue;
        };
        if let Some(earlier) = last.get(card.workload.as_str()) {
            before.insert(&entry.run, *earlier);
        }
        if card.is_complete() {
            last.insert(&card.workload, &entry.run);
        }
    }
    before
}

/// For each run the comparisons it is in.
fn compared(list: &List) -> BTreeMap<&str, Vec<(String, String)>> {
    let mut all: BTreeMap<&str, Vec<(String, String)>> = BTreeMap::new();
    for comparison in &list.comparisons {
        let words = comparison_words(&comparison.folder, &comparison.labels);
        for run in &comparison.runs {
            let href = format!("{}{}/report.html", list.to_runs, comparison.folder);
            all.entry(run).or_default().push((href, words.clone()));
        }
    }
    all
}

fn comparison_words(folder: &str, labels: &[String]) -> String {
    // Versions that were played several times in turn are named once.
    let mut named: Vec<String> = Vec::new();
    for label in labels.iter().map(|label| one_line(label, 60)) {
        if !named.contains(&label) {
            named.push(label);
        }
    }
    let labels = named;
    match labels.is_empty() {
        true => one_line(folder, 120),
        false => labels.join(" · "),
    }
}

fn comparisons(list: &List) -> Vec<ComparisonView> {
    let view = |comparison: &crate::index::Comparison| ComparisonView {
        href: format!("{}{}/report.html", list.to_runs, comparison.folder),
        words: format!(
            "{} ({})",
            comparison_words(&comparison.folder, &comparison.labels),
            one_line(&comparison.folder, 80)
        ),
    };
    list.comparisons.iter().map(view).collect()
}

/// `2026-01-01 01:00 UTC` of an RFC 3339 date; or of a run's id, which begins with one by the clock of who made it.
fn day(date: &str, run: &RunId) -> String {
    if let Some(minute) = date::minute(date) {
        return minute;
    }
    let digits: String = run.as_str().chars().filter(char::is_ascii_digit).collect();
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    match run.as_str().as_bytes().get(8) {
        Some(b'-') if digits.len() >= 14 => format!(
            "{}-{}-{} {}:{} by its name",
            part(0, 4),
            part(4, 6),
            part(6, 8),
            part(8, 10),
            part(10, 12)
        ),
        _ => String::new(),
    }
}

fn of(
    release: Option<&Name>,
    profile: Option<&Name>,
    variant: Option<&Name>,
    rest: [&str; 2],
) -> String {
    let named = [
        ("release", release),
        ("profile", profile),
        ("variant", variant),
    ];
    let named = named
        .into_iter()
        .filter_map(|(what, name)| Some(format!("{what} {}", name?)));
    let rest = rest.into_iter().filter(|words| !words.is_empty());
    let all: Vec<_> = named.chain(rest.map(str::to_owned)).collect();
    all.join(" · ")
}

fn row(
    entry: &Entry,
    to_runs: &str,
    before: &BTreeMap<&RunId, &RunId>,
    compared: &BTreeMap<&str, Vec<(String, String)>>,
) -> Row {
    let href = match entry.page {
        true => format!("{to_runs}{}/report.html", entry.run),
        false => String::new(),
    };
    let blank = Row {
        run: entry.run.to_string(),
        href,
        sign: "?",
        word: "not judged",
        class: "none",
        score: String::new(),
        kind: "",
        project: String::new(),
        of: String::new(),
        day: day("", &entry.run),
        took: String::new(),
        note: String::new(),
        decided: String::new(),
        reason: String::new(),
        p95: text::NONE.to_owned(),
        errors: text::NONE.to_owned(),
        walks: text::NONE.to_owned(),
        compare: String::new(),
        compared: compared
            .get(entry.run.as_str())
            .cloned()
            .unwrap_or_default(),
    };
    match &entry.state {
        State::Judged(card) => judged(entry, card, before.get(&entry.run).copied(), blank),
        State::GoingOn(run) => Row {
            sign: "…",
            word: "going on",
            note: "it has not ended yet".to_owned(),
            ..begun(run.as_deref(), blank)
        },
        State::Unjudged(run, why) => Row {
            note: one_line(why, 400),
            ..begun(run.as_deref(), blank)
        },
        State::Broken(why) => Row {
            sign: "!",
            word: "broken",
            note: one_line(why, 400),
            ..blank
        },
    }
}

fn begun(run: Option<&RunStarted>, blank: Row) -> Row {
    let Some(run) = run else { return blank };
    let plan = &run.plan;
    Row {
        project: one_line(&plan.project, 80),
        of: of(
            run.release.as_ref(),
            plan.profile.as_ref(),
            plan.variant.as_ref(),
            [plan.target.mode.as_str(), ""],
        ),
        day: day(&run.date, &run.run),
        ..blank
    }
}

fn judged(entry: &Entry, card: &Card, before: Option<&RunId>, blank: Row) -> Row {
    let (sign, word) = card.answer();
    let own = match card.run == entry.run {
        true => String::new(),
        false => format!("recorded as {}", card.run),
    };
    let kind = [own, one_line(&card.kind, 120)];
    let kind: Vec<String> = kind.into_iter().filter(|words| !words.is_empty()).collect();
    Row {
        sign,
        word,
        class: figures::decision_class(card.decision),
        score: match card.decision {
            Decision::Unmade => String::new(),
            _ => format!("{:.0}", card.score.floor()),
        },
        kind: match card.is_replay() {
            true => "a replay",
            false => "",
        },
        project: one_line(&card.project, 80),
        of: of(
            card.release.as_ref(),
            card.profile.as_ref(),
            card.variant.as_ref(),
            [&card.mode, &kind.join(" · ")],
        ),
        day: day(&card.date, &card.run),
        took: text::span(card.took_us as f64 / 1e6),
        note: card.ending().to_owned(),
        decided: one_line(&card.decided, 160),
        // Why there is no decision is how it ended, which is told.
        reason: match card.decision {
            Decision::Unmade => String::new(),
            _ => one_line(&card.reason, 300),
        },
        p95: text::micros(card.p95_us),
        errors: card
            .error_rate
            .map_or_else(|| text::NONE.to_owned(), text::percent),
        walks: match card.walks {
            (_, 0) => text::NONE.to_owned(),
            (passed, all) => format!("{passed} of {all}"),
        },
        compare: before.map_or_else(String::new, |earlier| {
            format!("harness compare {} {earlier}", entry.run)
        }),
        ..blank
    }
}

fn strips(list: &List) -> (Vec<StripView>, String) {
    let (groups, all) = groups(list);
    let strips = groups.iter().enumerate();
    let strips = strips.filter_map(|(n, group)| strip(n, group, list.to_runs));
    let cut = match all > STRIPS {
        true => format!(
            "{} more, which were played less lately.",
            text::plural((all - STRIPS) as u64, "scenario")
        ),
        false => String::new(),
    };
    (strips.collect(), cut)
}

fn strip(n: usize, group: &Group<'_>, to_runs: &str) -> Option<StripView> {
    let (_, newest, last) = group.runs.last()?;
    let most = group.runs.iter().filter_map(|(.., s)| s.p95_us).max()? as f64;
    let errors = group.runs.iter().filter_map(|(.., s)| s.error_rate);
    let worst = errors.fold(FULL, f64::max);
    let count = group.runs.len().max(SLOTS) as f64;
    let tidy = crate::chart::tidy;
    let percent = |share: Option<f64>| share.map_or_else(|| text::NONE.to_owned(), text::percent);
    let bars = group.runs.iter().enumerate().map(|(i, (entry, card, s))| {
        let height = s.p95_us.map_or(0.0, |us| us as f64 / most.max(1.0)) * HEIGHT;
        let x = 100.0 * i as f64 / count;
        let share = s.error_rate.unwrap_or(0.0);
        BarView {
            href: match entry.page {
                true => format!("{to_runs}{}/report.html", entry.run),
                false => String::new(),
            },
            class: figures::decision_class(card.decision),
            x: tidy(x),
            width: tidy(80.0 / count).max(0.1),
            middle: tidy(x + 40.0 / count),
            y: tidy(HEIGHT - height.max(1.0)),
            height: tidy(height.max(1.0)),
            error_height: match share > 0.0 {
                true => tidy((share / worst * ERRORS).max(1.0)),
                false => 0.0,
            },
            tip: format!(
                "{}: p95 {}, errors {}, run {}",
                entry.run,
                text::micros(s.p95_us),
                percent(s.error_rate),
                card.decision.as_str()
            ),
        }
    });
    let rows = group.runs.iter().map(|(entry, card, s)| {
        vec![
            entry.run.to_string(),
            text::micros(s.p95_us),
            percent(s.error_rate),
            card.decision.as_str().to_owned(),
        ]
    });
    let head = ["run", "p95", "errors", "the run's answer"].map(str::to_owned);
    let earlier = match group.earlier {
        0 => String::new(),
        n => format!(", {} before them left out", text::count(n as u64)),
    };
    Some(StripView {
        id: format!("strip-{}", n + 1),
        name: last.name.to_string(),
        of: format!(
            "{} · {}",
            one_line(&newest.project, 60),
            of(
                None,
                newest.profile.as_ref(),
                newest.variant.as_ref(),
                [&newest.mode, ""]
            )
        ),
        last: format!(
            "p95 {}, errors {}",
            text::micros(last.p95_us),
            percent(last.error_rate)
        ),
        desc: format!(
            "Response time p95 of undisturbed load in {}, the oldest first{earlier}; the highest bar is {}. Below, the share of errors; a full bar is {}. Filled bars are of runs that were GO, dotted ones of CONDITIONAL GO, hatched ones with a cross of NO-GO.",
            text::plural(group.runs.len() as u64, "run"),
            text::micros(Some(most as u64)),
            text::percent(worst)
        ),
        bars: bars.collect(),
        table: crate::chart::Table::thinned(head.to_vec(), rows.collect()),
    })
}
