//! A release's readiness, for a job's page or a merge request.

use super::{LIMIT, answer, prose, put_together, said, sheet};
use crate::figures;
use crate::sheet::Sheet;
use harness_core::readiness::Release;
use std::fmt::Write as _;

/// The first page in Markdown.
pub fn render(release: &Release) -> String {
    let readiness = &release.readiness;
    let mut out = format!(
        "## {} {}\n\n",
        figures::decision_sign(readiness.decision),
        readiness.decision.as_str()
    );
    answer(&mut out, readiness);
    let of = release.release.as_ref();
    let of = of.map_or_else(|| "no release".to_owned(), |name| format!("release {name}"));
    let variant = release.variant.as_ref();
    let variant = variant.map_or_else(String::new, |name| format!(" · variant {name}"));
    let _ = writeln!(
        out,
        "\n{} · {}{variant} · {} · score {:.0}/100",
        prose(&release.project),
        prose(&of),
        release.on,
        readiness.score.floor()
    );
    for notice in &release.notices {
        let _ = writeln!(out, "\n> {}", said(notice));
    }
    let rows = readiness.items.iter().map(|item| {
        let runs: Vec<_> = item.evidence.iter().map(ToString::to_string).collect();
        let why = if item.grade == harness_core::verdict::Grade::Pass {
            String::new()
        } else {
            said(item.bare_reason())
        };
        format!(
            "| {} | {} | {} | {} | {why} |\n",
            figures::item_word(item),
            figures::class_word(item),
            said(&item.title),
            prose(&runs.join(", ")),
        )
    });
    let head = "\n### Gates\n\n| | class | gate | run | why |\n|---|---|---|---|---|\n".to_owned();
    let gates = std::iter::once(head).chain(rows);
    let parts = sheet::of(&Sheet::of_release(release))
        .into_iter()
        .chain(gates);
    put_together(out, parts.collect(), LIMIT)
}
