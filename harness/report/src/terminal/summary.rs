//! The words at the end of a run: the answer, what decided it, what failed and how to repeat it.

use super::wrap::{visible_width, wrapped};
use super::{Paint, Style, faults, sheet};
use crate::capacity;
use crate::errors;
use crate::figures;
use crate::headline::Headline;
use crate::instrument;
use crate::phases;
use crate::sheet::Sheet;
use crate::text::{self, clip, one_line};
use harness_core::plan::gate::named;
use harness_core::readiness::{Decision, Item, Readiness};
use harness_core::record::{JourneyRecord, Record};
use harness_core::verdict::{Grade, Verdict, show};
use std::io::{self, Write};
use std::path::Path;

/// The most failures and findings told each; the page has them all.
pub(super) const MOST: usize = 10;

/// Writes the summary; `report` is where the page lies.
pub fn render(
    out: &mut dyn Write,
    style: Style,
    record: &Record,
    verdict: &Verdict,
    readiness: &Readiness,
    report: Option<&Path>,
) -> io::Result<()> {
    answer(out, style, record, readiness)?;
    sheet::of(out, style, &Sheet::of_run(readiness))?;
    gates(out, style, verdict, readiness)?;
    // What a matrix came to is one table; each cell's own figures are in the page.
    if !faults::matrix(out, style, record)? {
        latencies(out, style, record)?;
        kinds(out, style, record)?;
        instrument(out, style, verdict)?;
    }
    failures(out, style, record)?;
    findings(out, style, record)?;
    accepted(out, style, record)?;
    if let Some(report) = report {
        writeln!(
            out,
            "\n{} {}",
            style.paint(Paint::Dim, "report"),
            report.display()
        )?;
    }
    Ok(())
}

pub(super) const fn paint_of(grade: Grade) -> Paint {
    match grade {
        Grade::Pass => Paint::Good,
        Grade::Fail => Paint::Bad,
        Grade::Inconclusive | Grade::Invalid => Paint::Doubt,
    }
}

pub(super) fn heading(out: &mut dyn Write, style: Style, words: &str) -> io::Result<()> {
    writeln!(out, "\n{}", style.paint(Paint::Bold, words))
}

fn answer(
    out: &mut dyn Write,
    style: Style,
    record: &Record,
    readiness: &Readiness,
) -> io::Result<()> {
    let paint = match readiness.decision {
        Decision::Go => Paint::Good,
        Decision::ConditionalGo | Decision::Unmade => Paint::Doubt,
        Decision::NoGo => Paint::Bad,
    };
    let word = format!(
        "{} {}",
        figures::decision_sign(readiness.decision),
        readiness.decision.as_str()
    );
    let took = text::span(record.last_us as f64 / 1e6);
    let score = figures::score_words(readiness);
    let score = score.map_or_else(String::new, |words| format!("{words} · "));
    writeln!(
        out,
        "{}  {}",
        style.paint(paint, &word),
        style.paint(Paint::Dim, &format!("{score}{took}"))
    )?;
    let replays = record.run.as_ref().and_then(|run| run.replays.as_ref());
    if let Some(replays) = replays {
        wrapped(out, style, "  ", &replays.to_string())?;
    }
    if let Some(words) = figures::insecure(record) {
        writeln!(out, "{}", style.paint(Paint::Bad, &format!("! {words}")))?;
    }
    for words in figures::left_out(record) {
        wrapped(out, style, "  ", &words)?;
    }
    why(out, style, readiness)?;
    match figures::needs(record) {
        Some(words) => wrapped(out, style, "  ", &words),
        None => Ok(()),
    }
}

/// What decided, why, and what is left to do.
pub(super) fn why(out: &mut dyn Write, style: Style, readiness: &Readiness) -> io::Result<()> {
    let headline = Headline::of(readiness);
    if let Some(by) = headline.decided {
        wrapped(out, style, "  ", &format!("{}: {}", by.word, by.title))?;
        wrapped(out, style, "    ", by.reason)?;
    }
    for reason in &headline.reasons {
        wrapped(out, style, "  • ", reason)?;
    }
    for left in &headline.conditions {
        wrapped(out, style, "  □ ", left.statement)?;
        wrapped(out, style, "    → ", left.closes_with)?;
        wrapped(out, style, "      ", &left.due)?;
    }
    Ok(())
}

/// A line of the table of gates.
struct Row<'a> {
    item: &'a Item,
    /// Under which heading it stands; none for the built-in checks.
    place: String,
    what: String,
    seen: String,
    limit: String,
}

impl<'a> Row<'a> {
    fn of(item: &'a Item, verdict: &Verdict) -> Self {
        if let Some(invariant) = figures::invariant(verdict, item) {
            // What held is told with its figures; what did not has them in its reason.
            let what = match item.grade {
                Grade::Pass => invariant.seen.clone(),
                _ => invariant.gate.check.to_string(),
            };
            let name = named(&item.id);
            let what = name.map_or(what, ToOwned::to_owned);
            return Self {
                item,
                place: figures::after(invariant),
                what,
                seen: String::new(),
                limit: String::new(),
            };
        }
        let Some(gate) = verdict.gates.iter().find(|g| g.gate.id == item.id) else {
            // What a passed check counted says more than its title.
            let what = if item.grade == Grade::Pass {
                &item.reason
            } else {
                &item.title
            };
            return Self {
                item,
                place: String::new(),
                what: what.clone(),
                seen: String::new(),
                limit: String::new(),
            };
        };
        let whole = figures::expectation(gate);
        let subject = gate.gate.expect.subject.to_string();
        let limit = gate.gate.expect.to_string();
        Self {
            item,
            place: figures::place(gate),
            // `p99(browse)` on the left and `< 100ms` on the right; a window's length stays with the subject.
            what: match gate.gate.name() {
                Some(name) => format!("{name}: {subject}"),
                None => whole.replacen(&limit, &subject, 1),
            },
            seen: gate
                .observed
                .map_or_else(|| text::NONE.to_owned(), |value| show(value, &gate.unit)),
            limit: limit
                .strip_prefix(&subject)
                .unwrap_or(&limit)
                .trim()
                .to_owned(),
        }
    }
}

pub(super) fn width(texts: impl Iterator<Item = usize>) -> usize {
    texts.max().unwrap_or(0)
}

fn gates(
    out: &mut dyn Write,
    style: Style,
    verdict: &Verdict,
    readiness: &Readiness,
) -> io::Result<()> {
    let headline = Headline::of(readiness);
    let mut rows: Vec<Row<'_>> = readiness
        .items
        .iter()
        .map(|item| Row::of(item, verdict))
        .collect();
    // Built-in checks first, wherever they were weighed; the sort keeps the order otherwise.
    rows.sort_by_key(|row| !row.place.is_empty());
    let grade = width(rows.iter().map(|r| figures::grade_word(r.item.grade).len()));
    let seen = width(rows.iter().map(|r| r.seen.chars().count()));
    let limit = width(rows.iter().map(|r| r.limit.chars().count()));
    heading(out, style, "Gates")?;
    let mut place = "";
    for row in &rows {
        if row.place != place {
            place = &row.place;
            let words = one_line(place, style.width.saturating_sub(2));
            writeln!(out, "  {}", style.paint(Paint::Dim, &words))?;
        }
        let item = row.item;
        let word = format!(
            "{} {:<grade$}",
            figures::grade_sign(item.grade),
            figures::grade_word(item.grade)
        );
        let start = format!(
            "  {}  {}  ",
            style.paint(paint_of(item.grade), &word),
            style.paint(Paint::Dim, &format!("{:<6}", figures::class_word(item)))
        );
        let room = style.width.saturating_sub(visible_width(&start)).max(20);
        if row.limit.is_empty() {
            writeln!(out, "{start}{}", one_line(&row.what, room))?;
        } else {
            let room = room.saturating_sub(seen + limit + 4).max(12);
            writeln!(
                out,
                "{start}{:<room$}  {:>seen$}  {}",
                one_line(&row.what, room),
                row.seen,
                row.limit
            )?;
        }
        if item.grade != Grade::Pass && !headline.tells(item) {
            let indent = " ".repeat(visible_width(&start));
            wrapped(out, style, &indent, item.bare_reason())?;
        }
    }
    Ok(())
}

fn latencies(out: &mut dyn Write, style: Style, record: &Record) -> io::Result<()> {
    for scenario in &record.scenarios {
        if let Some(search) = capacity::of(record, scenario) {
            let name = one_line(scenario.name.as_str(), 60);
            heading(out, style, &format!("{name} · capacity"))?;
            wrapped(out, style, "  ", &search.answer)?;
        }
        let journeys: Vec<_> = scenario
            .names
            .iter()
            .filter(|(name, _)| figures::is_journey(name))
            .collect();
        if journeys.is_empty() {
            continue;
        }
        heading(
            out,
            style,
            &format!("{} · response time", one_line(scenario.name.as_str(), 60)),
        )?;
        writeln!(
            out,
            "{}",
            style.paint(
                Paint::Dim,
                &format!(
                    "  {:<20}{:>9}{:>8}{:>10}{:>10}{:>10}{:>10}",
                    "journey", "started", "errors", "p50", "p95", "p99", "max"
                )
            )
        )?;
        for (name, _) in journeys {
            let t = figures::judged(scenario, name);
            let q = |q: f64| text::micros(t.response.quantile(q));
            let (name, max) = (one_line(name, 19), text::micros(t.response.max()));
            writeln!(
                out,
                "  {name:<20}{:>9}{:>8}{:>10}{:>10}{:>10}{max:>10}",
                text::count(t.started),
                text::count(t.failed()),
                q(0.5),
                q(0.95),
                q(0.99)
            )?;
        }
        // A search overloads its target on purpose: where that time went says nothing.
        if capacity::of(record, scenario).is_none() {
            for (i, words) in phases::in_short(scenario).iter().enumerate() {
                wrapped(out, style, if i == 0 { "  " } else { "  • " }, words)?;
            }
        }
        faults::of(out, style, record, scenario)?;
        if let Some(words) = figures::warm_up(scenario) {
            wrapped(out, style, "  ", &words)?;
        }
    }
    Ok(())
}

/// Kinds of error under load: how many, their share, when they were seen and what one was like.
fn kinds(out: &mut dyn Write, style: Style, record: &Record) -> io::Result<()> {
    for scenario in &record.scenarios {
        let rows = errors::rows(scenario);
        if rows.is_empty() {
            continue;
        }
        let name = one_line(scenario.name.as_str(), 60);
        heading(out, style, &format!("{name} · errors by kind"))?;
        for row in rows.iter().take(MOST) {
            let words = format!("{}: {}, {}", row.kind, row.amount(), row.when());
            let sign = format!("  {} ", style.paint(Paint::Bad, "✗"));
            wrapped(out, style, &sign, &words)?;
            for example in row.examples.iter().take(1) {
                wrapped(out, style, "    for example ", example)?;
            }
        }
        more(out, rows.len())?;
    }
    Ok(())
}

/// What the load generator says of itself, always: a verdict that is told only when it is bad is soon not looked for.
fn instrument(out: &mut dyn Write, style: Style, verdict: &Verdict) -> io::Result<()> {
    if verdict.generator.is_empty() {
        return Ok(());
    }
    heading(out, style, "Load generator")?;
    for result in &verdict.generator {
        let grade = figures::trust_grade(result.trust);
        let word = format!(
            "{} {}",
            figures::grade_sign(grade),
            figures::trust_word(result.trust)
        );
        let begin = format!("  {}  ", style.paint(paint_of(grade), &word));
        let name = one_line(result.scenario.as_str(), 60);
        let words = match instrument::in_short(result) {
            short if short.is_empty() => name,
            short => format!("{name}: {short}"),
        };
        wrapped(out, style, &begin, &words)?;
        let told = instrument::late_and_dropped(result);
        for words in result.reasons.iter().chain(&told) {
            wrapped(out, style, "  • ", words)?;
        }
    }
    Ok(())
}

fn failures(out: &mut dyn Write, style: Style, record: &Record) -> io::Result<()> {
    let failed: Vec<&JourneyRecord> = figures::failed_walks(record).collect();
    if failed.is_empty() {
        return Ok(());
    }
    heading(out, style, "Failed journeys")?;
    for walk in failed.iter().take(MOST) {
        failure(out, style, record, walk)?;
    }
    more(out, failed.len())
}

fn failure(
    out: &mut dyn Write,
    style: Style,
    record: &Record,
    walk: &JourneyRecord,
) -> io::Result<()> {
    let name = one_line(&figures::walk_name(record, walk), 60);
    let Some(step) = figures::broken_step(walk) else {
        return writeln!(
            out,
            "  {} {name}: stopped before it was through",
            style.paint(Paint::Doubt, "?")
        );
    };
    wrapped(
        out,
        style,
        &format!("  {} ", style.paint(Paint::Bad, "✗")),
        &format!("{name} › {}", step.step),
    )?;
    for broken in &step.failures {
        wrapped(
            out,
            style,
            "    expected ",
            &one_line(&broken.expected, 200),
        )?;
        wrapped(out, style, "    was      ", &one_line(&broken.actual, 200))?;
    }
    match &step.exchange {
        // Whole and on one line, however long: it is there to be copied.
        Some(exchange) => writeln!(
            out,
            "    {}",
            style.paint(Paint::Dim, &one_line(&exchange.curl, 4000))
        ),
        None => Ok(()),
    }
}

fn findings(out: &mut dyn Write, style: Style, record: &Record) -> io::Result<()> {
    let all: Vec<_> = figures::findings(record).collect();
    if all.is_empty() {
        return Ok(());
    }
    heading(out, style, "Contract findings")?;
    for (finding, times) in all.iter().take(MOST) {
        wrapped(
            out,
            style,
            &format!("  {} ", style.paint(Paint::Bad, "✗")),
            &format!(
                "{}: {} ({}, {})",
                finding.operation,
                clip(&finding.message, 300),
                figures::check_word(finding.check),
                text::plural(*times, "time")
            ),
        )?;
    }
    more(out, all.len())
}

/// What the suite accepts, so that nobody takes it for gone; what is accepted and not seen can be taken out.
fn accepted(out: &mut dyn Write, style: Style, record: &Record) -> io::Result<()> {
    let all: Vec<_> = record
        .contracts
        .iter()
        .flat_map(|(name, contract)| figures::acceptances(record, name, contract))
        .collect();
    if all.is_empty() {
        return Ok(());
    }
    heading(out, style, "Accepted contract findings")?;
    for (accepted, covered) in all.iter().take(MOST) {
        let mark = if *covered > 0 { "·" } else { "?" };
        let words = format!(
            "{}: {} ({})",
            one_line(&accepted.finding, 200),
            one_line(&accepted.reason, 300),
            figures::acceptance_words(*covered)
        );
        wrapped(
            out,
            style,
            &format!("  {} ", style.paint(Paint::Dim, mark)),
            &words,
        )?;
    }
    more(out, all.len())
}

fn more(out: &mut dyn Write, all: usize) -> io::Result<()> {
    if all > MOST {
        writeln!(out, "  and {} more in the report", all - MOST)
    } else {
        Ok(())
    }
}
