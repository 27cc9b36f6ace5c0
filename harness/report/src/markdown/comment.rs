//! The summary as a comment on a pull request: short, with a mark by which a workflow finds its own comment again to replace
//! it. What passed is folded away.

use super::{called, failures, figures, findings, head, latencies, put_together, said};
use crate::headline::Headline;
use crate::text;
use harness_core::readiness::{Item, Readiness};
use harness_core::record::Record;
use harness_core::verdict::{Grade, Verdict, show};
use std::fmt::Write as _;

/// A comment has at most 65 536 characters; bytes are no fewer than these.
pub const COMMENT: usize = 64_000;

/// The comment. Its first line is the same for all runs of one project, profile and variant.
pub fn comment(record: &Record, verdict: &Verdict, readiness: &Readiness) -> String {
    let mut out = mark(record);
    out.push_str(&head(record, readiness));
    let open: Vec<&Item> = readiness.items.iter().filter(|i| i.is_open()).collect();
    let passed = readiness.items.len() - open.len();
    let mut parts = Vec::new();
    if !open.is_empty() {
        parts.push(
            "\n### What did not pass\n\n| | class | gate | seen | why |\n|---|---|---|---:|---|\n"
                .to_owned(),
        );
        let headline = Headline::of(readiness);
        parts.extend(open.iter().map(|item| row(item, verdict, &headline)));
    }
    parts.extend(folded(readiness, passed));
    parts.extend(latencies(record));
    parts.extend(failures(record));
    parts.extend(findings(record));
    put_together(out, parts, COMMENT)
}

/// An HTML comment that nobody sees, of letters, digits and dashes alone.
fn mark(record: &Record) -> String {
    let run = record.run.as_deref();
    let plan = run.map(|run| &run.plan);
    let plain = |text: &str| -> String {
        let kept = text.chars().map(|c| match c.is_ascii_alphanumeric() {
            true => c,
            false => '-',
        });
        // Two dashes would end the mark.
        let kept: String = kept.collect();
        let words: Vec<&str> = kept.split('-').filter(|word| !word.is_empty()).collect();
        text::clip(&words.join("-"), 80).replace('…', "")
    };
    let name = |name: Option<&harness_core::name::Name>| plain(name.map_or("none", |n| n.as_str()));
    format!(
        "<!-- harness project={} profile={} variant={} -->\n",
        plain(plan.map_or("none", |plan| &plan.project)),
        name(plan.and_then(|plan| plan.profile.as_ref())),
        name(plan.and_then(|plan| plan.variant.as_ref()))
    )
}

fn row(item: &Item, verdict: &Verdict, headline: &Headline<'_>) -> String {
    let gate = verdict.gates.iter().find(|g| g.gate.id == item.id);
    let what = match gate {
        Some(gate) => format!(
            "{}, {}",
            called(gate.gate.name(), &figures::expectation(gate)),
            said(&figures::place(gate))
        ),
        None => said(&item.title),
    };
    let seen = gate.and_then(|g| g.observed.map(|v| show(v, &g.unit)));
    let why = match (figures::waiver_words(item), headline.tells(item)) {
        (Some(waived), _) => said(&waived),
        (None, true) => "as said above".to_owned(),
        (None, false) => said(figures::bare_reason(&item.reason)),
    };
    format!(
        "| {} {} | {} | {what} | {} | {why} |\n",
        figures::grade_sign(item.grade),
        figures::item_word(item),
        figures::class_word(item),
        seen.unwrap_or_default(),
    )
}

/// What passed or is only told, one part, so that a cut leaves no fold open.
fn folded(readiness: &Readiness, count: usize) -> Option<String> {
    let rest = readiness.items.iter().filter(|item| !item.is_open());
    let mut out = format!(
        "\n<details><summary>{} passed or only told</summary>\n\n",
        text::plural(count as u64, "gate")
    );
    for item in rest.take(super::MOST) {
        let word = match item.grade {
            Grade::Pass => String::new(),
            _ => format!(" ({})", figures::item_word(item)),
        };
        let _ = writeln!(
            out,
            "- {} {}{word}",
            figures::grade_sign(item.grade),
            said(&item.title)
        );
    }
    if count > super::MOST {
        let _ = writeln!(out, "- {} more in the full report", count - super::MOST);
    }
    out.push_str("\n</details>\n");
    (count > 0).then_some(out)
}
