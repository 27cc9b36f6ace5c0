//! What is of a release rather than of load: evidence, waivers, checklists, abort thresholds, trend.

use super::{code, prose, said};
use crate::sheet::Sheet;

/// In parts, so that a cut falls between two rows.
pub(super) fn of(sheet: &Sheet) -> Vec<String> {
    let mut parts = Vec::new();
    if !sheet.unwaived.is_empty() {
        parts.push(format!("\n**{}**\n", said(&sheet.unwaived)));
    }
    table(
        &mut parts,
        "### Evidence\n\n| run | age | of | how | digest | |\n|---|---|---|---|---|---|",
        sheet.evidence.iter().map(|row| {
            vec![
                code(&row.run),
                prose(&row.age),
                prose(&row.of),
                prose(&row.how),
                code(&row.digest),
                prose(&row.doubt),
            ]
        }),
    );
    table(
        &mut parts,
        "### Waivers\n\n| | gate | now | expires | where | why | who |\n|---|---|---|---|---|---|---|",
        sheet.waivers.iter().map(|row| {
            vec![
                row.sign.to_owned(),
                code(&row.gate),
                prose(&row.state),
                row.expires.clone(),
                prose(&row.scope),
                said(&row.reason),
                prose(&row.people),
            ]
        }),
    );
    for phase in &sheet.checklist {
        parts.push(format!("\n### {}\n\n", phase.title));
        parts.extend(phase.entries.iter().map(|row| {
            let mark = if row.closed { "x" } else { " " };
            let owner = match row.owner.as_str() {
                "" => String::new(),
                owner => format!(" ({})", prose(owner)),
            };
            format!(
                "- [{mark}] {}{owner}: {}\n",
                said(&row.title),
                said(&row.why)
            )
        }));
    }
    table(
        &mut parts,
        "### Stop the deployment above\n\n| figure | where | stop above | seen | limit | from |\n|---|---|---:|---:|---:|---|",
        sheet.abort.iter().map(|row| {
            vec![
                code(&row.metric),
                prose(&row.place),
                row.above.clone(),
                row.seen.clone(),
                row.limit.clone(),
                row.basis.clone(),
            ]
        }),
    );
    table(
        &mut parts,
        "### Releases before\n\n| release | on | answer | score | p95 | errors | waivers | incident |\n|---|---|---|---:|---:|---:|---:|---|",
        sheet.trend.iter().map(|row| {
            vec![
                code(&row.release),
                row.on.clone(),
                format!("{} {}", row.sign, row.decision),
                row.score.clone(),
                row.p95.clone(),
                row.errors.clone(),
                row.waivers.clone(),
                said(&row.incident),
            ]
        }),
    );
    parts
}

fn table(parts: &mut Vec<String>, head: &str, rows: impl Iterator<Item = Vec<String>>) {
    let mut rows = rows.peekable();
    if rows.peek().is_some() {
        parts.push(format!("\n{head}\n"));
        parts.extend(rows.map(|cells| format!("| {} |\n", cells.join(" | "))));
    }
}
