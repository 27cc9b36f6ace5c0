//! A release's readiness in words.

use super::summary::{heading, paint_of, why};
use super::wrap::wrapped;
use super::{Paint, Style, sheet};
use crate::figures;
use crate::sheet::Sheet;
use harness_core::readiness::{Decision, Release};
use harness_core::verdict::Grade;
use std::io::{self, Write};
use std::path::Path;

/// Writes it; `report` is where the page lies.
pub fn render(
    out: &mut dyn Write,
    style: Style,
    release: &Release,
    report: Option<&Path>,
) -> io::Result<()> {
    let readiness = &release.readiness;
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
    let of = release.release.as_ref();
    let of = of.map_or_else(|| "no release".to_owned(), |name| format!("release {name}"));
    let variant = release.variant.as_ref();
    let variant = variant.map_or_else(String::new, |name| format!(" · variant {name}"));
    let words = format!(
        "{} · {of}{variant} · {} · score {:.0}/100",
        crate::text::one_line(&release.project, 80),
        release.on,
        readiness.score.floor()
    );
    let words = style.paint(Paint::Dim, &words);
    writeln!(out, "{}  {words}", style.paint(paint, &word))?;
    why(out, style, readiness)?;
    for notice in &release.notices {
        wrapped(out, style, "  ! ", notice)?;
    }
    sheet::of(out, style, &Sheet::of_release(release))?;
    heading(out, style, "Gates")?;
    for item in &readiness.items {
        let sign = figures::grade_sign(item.grade);
        let sign = format!("  {} ", style.paint(paint_of(item.grade), sign));
        let words = match item.grade {
            Grade::Pass => item.title.clone(),
            _ => format!(
                "{} ({}): {}",
                item.title,
                figures::item_word(item),
                item.bare_reason()
            ),
        };
        wrapped(out, style, &sign, &words)?;
    }
    if let Some(report) = report {
        let word = style.paint(Paint::Dim, "report");
        writeln!(out, "\n{word} {}", report.display())?;
    }
    Ok(())
}
