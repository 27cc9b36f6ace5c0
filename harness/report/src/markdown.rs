//! The summary for a CI job's page. What the target said stands in code spans and fences that it cannot close, so
//! that it can neither break a table nor make a link, a mention or markup.

mod comment;
mod escape;
mod faults;
mod release;
mod sheet;

pub use comment::{COMMENT, comment};
pub(crate) use escape::{code, prose};
pub use release::render as render_release;

use crate::capacity::{self, Search};
use crate::errors;
use crate::figures;
use crate::headline::Headline;
use crate::instrument;
use crate::phases::{self, Part};
use crate::sheet::Sheet;
use crate::text;
use escape::{fence, said};
use harness_core::phases::RequestPhase;
use harness_core::plan::gate::named;
use harness_core::readiness::Readiness;
use harness_core::record::{JourneyRecord, Record};
use harness_core::verdict::{GateResult, Grade, Verdict, show};
use std::fmt::Write as _;

/// GitHub silently drops a summary near 1 MiB.
pub const LIMIT: usize = 900_000;
/// Room that is kept for the words on what was left out.
const CUT: usize = 1_000;
/// Parts named in them.
const NAMED: usize = 8;
/// The most failures and findings shown each.
const MOST: usize = 40;

/// The summary.
pub fn render(record: &Record, verdict: &Verdict, readiness: &Readiness) -> String {
    within(LIMIT, record, verdict, readiness)
}

/// The summary in at most so many bytes, where there is less room; what is left out is said.
pub fn within(limit: usize, record: &Record, verdict: &Verdict, readiness: &Readiness) -> String {
    let parts = sheet::of(&Sheet::of_run(readiness))
        .into_iter()
        .chain(gates(verdict, readiness))
        .chain(faults::matrix(record))
        .chain(latencies(record))
        .chain(faults::all(record))
        .chain(phases_of(record))
        .chain(kinds(record))
        .chain(instrument(verdict))
        .chain(failures(record))
        .chain(findings(record));
    put_together(head(record, readiness), parts.collect(), limit)
}

/// Parts behind each other as long as there is room, and then the names of those that found none.
fn put_together(mut out: String, parts: Vec<String>, limit: usize) -> String {
    let fits = |out: &str, more: usize| out.len() + more + CUT <= limit;
    let mut parts = parts.into_iter().peekable();
    while let Some(part) = parts.next_if(|part| fits(&out, part.len())) {
        out.push_str(&part);
    }
    let left: Vec<String> = parts.collect();
    if left.is_empty() {
        return out;
    }
    let titles: Vec<&str> = left.iter().filter_map(|part| title(part)).collect();
    let begun = match left.first().is_some_and(|part| title(part).is_none()) {
        true => vec!["the rest of the part above"],
        false => Vec::new(),
    };
    let named: Vec<String> = begun
        .into_iter()
        .chain(titles.iter().take(NAMED).copied())
        .map(|name| text::clip(name, 60))
        .collect();
    let more = match titles.len().saturating_sub(NAMED) {
        0 => String::new(),
        n => format!(", and {n} more"),
    };
    let _ = write!(
        out,
        "\n\n*Cut here, for there is no more room. Left out: {}{more}. All of it is in the full report.*\n",
        named.join(", ")
    );
    out
}

/// Says which rows of a comparison's tables found no room: the first few, and of how many tables more.
pub(crate) fn for_want_of_room(out: &mut String, mut left_out: Vec<String>, named: usize) {
    if left_out.is_empty() {
        return;
    }
    let more = left_out.len().saturating_sub(named);
    left_out.truncate(named);
    if more > 0 {
        left_out.push(text::plural(more as u64, "more table"));
    }
    let _ = write!(
        out,
        "\n*Left out for want of room: {}. The page and the JSON have all of it.*\n",
        left_out.join(", ")
    );
}

/// The title that a part begins with.
fn title(part: &str) -> Option<&str> {
    part.trim_start().strip_prefix("### ")?.lines().next()
}

fn head(record: &Record, readiness: &Readiness) -> String {
    let mut out = format!(
        "## {} {}\n\n",
        figures::decision_sign(readiness.decision),
        readiness.decision.as_str()
    );
    if let Some(words) = figures::insecure(record) {
        let _ = writeln!(out, "> **{}**\n", prose(words));
    }
    answer(&mut out, readiness);
    if let Some(words) = figures::needs(record) {
        let _ = writeln!(out, "\n{}", said(&words));
    }
    let run = record.run.as_ref().map_or_else(String::new, |run| {
        format!(
            "{} · run {} · {} · ",
            prose(&run.plan.project),
            code(run.run.as_str()),
            prose(&text::moment(&run.date))
        )
    });
    let replays = record.run.as_ref().and_then(|run| run.replays.as_ref());
    let replays = replays.map_or_else(String::new, |of| format!(" · {}", prose(&of.to_string())));
    let score = figures::score_words(readiness);
    let score = score.map_or_else(String::new, |words| format!(" · {words}"));
    let _ = writeln!(
        out,
        "\n{run}{}{score}{replays}",
        text::span(record.last_us as f64 / 1e6),
    );
    for words in figures::left_out(record) {
        let _ = writeln!(out, "\n{}.", said(&words));
    }
    out
}

/// What decided, why, and what is left to do.
pub(crate) fn answer(out: &mut String, readiness: &Readiness) {
    let headline = Headline::of(readiness);
    if let Some(by) = headline.decided {
        let (title, reason) = (said(by.title), said(by.reason));
        let _ = writeln!(out, "**{}: {title}** · {reason}\n", by.word);
    }
    for reason in &headline.reasons {
        let _ = writeln!(out, "- {}", said(reason));
    }
    for left in &headline.conditions {
        let _ = writeln!(
            out,
            "- [ ] {}, closed by: {} ({})",
            said(left.statement),
            said(left.closes_with),
            said(&left.due)
        );
    }
}

/// The table in parts, so that a cut falls between two rows.
fn gates(verdict: &Verdict, readiness: &Readiness) -> Vec<String> {
    let headline = Headline::of(readiness);
    let mut parts = vec![
        "\n### Gates\n\n| | class | gate | where | seen | why |\n|---|---|---|---|---:|---|\n"
            .to_owned(),
    ];
    for item in &readiness.items {
        let gate: Option<&GateResult> = verdict.gates.iter().find(|g| g.gate.id == item.id);
        let invariant = figures::invariant(verdict, item);
        let asked = match (gate, invariant) {
            (Some(gate), _) => Some((gate.gate.name(), figures::expectation(gate))),
            (None, of) => of.map(|i| (named(&item.id), i.gate.check.to_string())),
        };
        let what = asked.map_or_else(|| said(&item.title), |(name, asked)| called(name, &asked));
        let place = gate
            .map(figures::place)
            .or_else(|| invariant.map(figures::after));
        let seen = gate
            .and_then(|g| g.observed.map(|v| show(v, &g.unit)))
            .unwrap_or_default();
        // A passed gate has said all with its figure, and a reason told above is not told again.
        let why = match item.grade {
            Grade::Pass if gate.is_some() => String::new(),
            _ if headline.tells(item) => "as said above".to_owned(),
            _ => said(figures::bare_reason(&item.reason)),
        };
        parts.push(format!(
            "| {} {} | {} | {what} | {} | {seen} | {why} |\n",
            figures::grade_sign(item.grade),
            figures::grade_word(item.grade),
            figures::class_word(item),
            place.map(|place| prose(&place)).unwrap_or_default(),
        ));
    }
    parts
}

/// A gate by its name, where it has one, and what it asks.
fn called(name: Option<&str>, asked: &str) -> String {
    let name = name.map_or_else(String::new, |name| format!("{}: ", prose(name)));
    format!("{name}{}", code(asked))
}

fn latencies(record: &Record) -> Vec<String> {
    let mut parts = Vec::new();
    for scenario in &record.scenarios {
        if let Some(search) = capacity::of(record, scenario) {
            parts.extend(trials(scenario.name.as_str(), &search));
        }
        parts.push(format!("\n### {}\n\n| journey | started | errors | p50 | p95 | p99 | max |\n|---|---:|---:|---:|---:|---:|---:|\n", prose(scenario.name.as_str())));
        for (name, _) in scenario
            .names
            .iter()
            .filter(|(name, _)| figures::is_journey(name))
        {
            let t = figures::judged(scenario, name);
            let q = |q: f64| text::micros(t.response.quantile(q));
            parts.push(format!(
                "| {} | {} | {} | {} | {} | {} | {} |\n",
                code(name),
                text::count(t.started),
                text::count(t.failed()),
                q(0.5),
                q(0.95),
                q(0.99),
                text::micros(t.response.max())
            ));
        }
        parts.extend(figures::warm_up(scenario).map(|words| format!("\n{}\n", prose(&words))));
    }
    parts
}

/// What a capacity search found, and how.
fn trials(scenario: &str, search: &Search) -> Vec<String> {
    let mut parts = vec![format!(
        "\n### {}: capacity\n\n{}\n",
        prose(scenario),
        said(&search.answer)
    )];
    if !search.trials.is_empty() {
        parts.push("\n| trial | rate | came to | p50 | p99 | errors | what was seen |\n|---:|---:|---|---:|---:|---:|---|\n".to_owned());
    }
    parts.extend(search.trials.iter().take(MOST).map(|t| {
        format!(
            "| {} | {} | {} | {} | {} | {} | {} |\n",
            t.number,
            t.rate,
            t.fate,
            t.p50,
            t.p99,
            t.errors,
            said(&t.why)
        )
    }));
    parts.extend(more(search.trials.len()));
    parts
}

/// Where requests spent their time: a row a step, a column for each phase that happened in any of them.
fn phases_of(record: &Record) -> Vec<String> {
    let mut parts = Vec::new();
    for scenario in &record.scenarios {
        let steps = phases::steps(scenario);
        let happened: Vec<RequestPhase> = phases::parts(&phases::sum(&steps))
            .iter()
            .map(|part| part.phase)
            .collect();
        if happened.is_empty() {
            continue;
        }
        let columns: String = happened
            .iter()
            .map(|phase| format!(" {} |", phase.as_str()))
            .collect();
        parts.push(format!(
            "\n### {}: where requests spent their time\n\nShare of the step's time, and p99 of the requests in which it happened.\n\n| step |{columns}\n|---|{}\n",
            prose(scenario.name.as_str()),
            "---:|".repeat(happened.len())
        ));
        parts.extend(steps.iter().take(MOST).map(|(name, phases)| {
            let step = phases::parts(phases);
            let cell = |phase: &RequestPhase| {
                step.iter()
                    .find(|part| part.phase == *phase)
                    .map_or_else(String::new, share_and_tail)
            };
            let cells: String = happened
                .iter()
                .map(|phase| format!(" {} |", cell(phase)))
                .collect();
            format!("| {} |{cells}\n", code(name))
        }));
        parts.extend(more(steps.len()));
    }
    parts
}

fn share_and_tail(part: &Part<'_>) -> String {
    format!(
        "{}, {}",
        text::percent(part.share),
        text::micros(part.hist.quantile(0.99))
    )
}

fn kinds(record: &Record) -> Vec<String> {
    let mut parts = Vec::new();
    for scenario in &record.scenarios {
        let rows = errors::rows(scenario);
        if rows.is_empty() {
            continue;
        }
        parts.push(format!("\n### {}: errors by kind\n\n| kind | count | share | seen | for example |\n|---|---:|---:|---|---|\n", prose(scenario.name.as_str())));
        parts.extend(rows.iter().take(MOST).map(|row| {
            format!(
                "| {} | {} | {} | {} | {} |\n",
                prose(&row.kind),
                text::count(row.count),
                text::percent(row.share),
                row.when(),
                row.examples.first().map_or_else(String::new, |e| code(e)),
            )
        }));
        parts.extend(more(rows.len()));
    }
    parts
}

/// What the load generator says of itself.
fn instrument(verdict: &Verdict) -> Vec<String> {
    let mut parts = Vec::new();
    for result in &verdict.generator {
        let mut part = format!(
            "\n### Load generator, {}: {} {}\n\n",
            prose(result.scenario.as_str()),
            figures::grade_sign(figures::trust_grade(result.trust)),
            figures::trust_word(result.trust)
        );
        let told = instrument::late_and_dropped(result);
        for words in result.reasons.iter().chain(&told) {
            let _ = writeln!(part, "- {}", said(words));
        }
        let figures = instrument::figures(result);
        if !figures.is_empty() {
            part.push_str("\n| figure | |\n|---|---:|\n");
        }
        for figure in figures {
            let _ = writeln!(part, "| {} | {} |", figure.name, prose(&figure.value));
        }
        parts.push(part);
    }
    parts
}

fn failures(record: &Record) -> Vec<String> {
    let failed: Vec<&JourneyRecord> = figures::failed_walks(record).collect();
    let mut parts = Vec::new();
    if !failed.is_empty() {
        parts.push("\n### Failed journeys\n".to_owned());
    }
    parts.extend(failed.iter().take(MOST).map(|walk| failure(record, walk)));
    parts.extend(more(failed.len()));
    parts
}

fn failure(record: &Record, walk: &JourneyRecord) -> String {
    let mut out = format!("\n**{}**", prose(&figures::walk_name(record, walk)));
    let Some(step) = figures::broken_step(walk) else {
        return out + ": stopped before it was through\n";
    };
    let _ = writeln!(out, ", step {}\n", code(&step.step));
    for broken in &step.failures {
        let _ = writeln!(
            out,
            "- expected {}, was {}",
            code(&broken.expected),
            code(&broken.actual)
        );
    }
    if let Some(exchange) = &step.exchange {
        out.push_str(&fence(&exchange.curl));
    }
    out
}

fn findings(record: &Record) -> Vec<String> {
    let all: Vec<_> = figures::findings(record).collect();
    let mut parts = Vec::new();
    if !all.is_empty() {
        parts.push("\n### Contract findings\n\n| check | operation | what is wrong | seen |\n|---|---|---|---:|\n".to_owned());
    }
    parts.extend(all.iter().take(MOST).map(|(f, times)| {
        format!(
            "| {} | {} | {} | {} |\n",
            figures::check_word(f.check),
            code(&f.operation),
            code(&f.message),
            text::count(*times)
        )
    }));
    parts.extend(more(all.len()));
    parts.extend(accepted(record));
    parts
}

fn accepted(record: &Record) -> Vec<String> {
    let all: Vec<_> = record
        .contracts
        .iter()
        .flat_map(|(name, contract)| figures::acceptances(record, name, contract))
        .collect();
    let mut parts = Vec::new();
    if !all.is_empty() {
        parts.push(
            "\n### Accepted contract findings\n\n| finding | why | seen |\n|---|---|---|\n"
                .to_owned(),
        );
    }
    parts.extend(all.iter().take(MOST).map(|(accepted, covered)| {
        format!(
            "| {} | {} | {} |\n",
            code(&accepted.finding),
            prose(&accepted.reason),
            figures::acceptance_words(*covered)
        )
    }));
    parts.extend(more(all.len()));
    parts
}

fn more(all: usize) -> Option<String> {
    (all > MOST).then(|| format!("\n{} more in the full report.\n", all - MOST))
}
