//! A chaos matrix as a table: a row for each journey and link it uses, a column for each fault; and the words under it. For
//! every reporter.

use crate::text;
use harness_core::record::Record;
use harness_core::verdict::matrix::{CellResult, Matrix, Outcome};
use std::collections::BTreeMap;

/// A matrix laid out.
pub struct Table<'r> {
    /// The faults, in the order they were played.
    pub faults: Vec<String>,
    /// Journey, link, and a cell for each fault.
    pub rows: Vec<(&'r str, &'r str, Vec<Option<&'r CellResult>>)>,
}

/// The matrix of a run; `None` where it was none.
pub fn of(record: &Record) -> Option<Matrix> {
    harness_core::verdict::matrix::matrix(record)
}

/// Lays it out.
pub fn table<'r>(matrix: &'r Matrix) -> Table<'r> {
    let mut faults: Vec<String> = Vec::new();
    let mut rows: Vec<(&str, &str, Vec<Option<&CellResult>>)> = Vec::new();
    for cell in &matrix.cells {
        if !faults.contains(&cell.fault) {
            faults.push(cell.fault.clone());
        }
    }
    for cell in &matrix.cells {
        let (journey, link) = (cell.journey.as_str(), cell.link.as_str());
        let at = rows
            .iter()
            .position(|row| (row.0, row.1) == (journey, link));
        let at = at.unwrap_or_else(|| {
            rows.push((journey, link, vec![None; faults.len()]));
            rows.len() - 1
        });
        let column = faults.iter().position(|fault| *fault == cell.fault);
        let place = rows.get_mut(at).zip(column);
        if let Some(place) = place.and_then(|(row, column)| row.2.get_mut(column)) {
            *place = Some(cell);
        }
    }
    Table { faults, rows }
}

/// A sign that needs no colour.
pub const fn sign(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Survived => "✓",
        Outcome::Degraded => "~",
        Outcome::Broke => "✗",
        Outcome::NeverRecovered => "✗✗",
        Outcome::Untouched => "·",
        Outcome::Unclear => "?",
        Outcome::NotDone => "–",
    }
}

/// What a cell says beside its word: `p95 2.0 ms → 310 ms, 4.0% errors, back after 1.00 s`; why it says nothing.
pub fn words(cell: &CellResult) -> String {
    if !cell.reason.is_empty() {
        return cell.reason.clone();
    }
    match cell.outcome {
        Outcome::NotDone => return "not played to its end".to_owned(),
        Outcome::Untouched => return "nothing crossed the link meanwhile".to_owned(),
        _ => {}
    }
    let p95 = [cell.p95_before_us, cell.p95_during_us].map(text::micros);
    let errors = cell
        .errors_during
        .map_or_else(|| text::NONE.to_owned(), text::percent);
    let back = match (cell.outcome, cell.recovery_us) {
        (Outcome::NeverRecovered, _) => ", not itself again when its load ended".to_owned(),
        (_, Some(0)) | (_, None) => String::new(),
        (_, Some(us)) => format!(", back after {}", text::micros(Some(us))),
    };
    format!("p95 {} → {}, {errors} errors{back}", p95[0], p95[1])
}

/// What was left out, a sentence a journey.
pub fn left_out(matrix: &Matrix) -> Vec<String> {
    let mut unused: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for pair in &matrix.unused {
        let links = unused.entry(pair.journey.as_str()).or_default();
        links.push(pair.link.as_str());
    }
    let unused = unused
        .into_iter()
        .map(|(journey, links)| format!("{journey} does not use {}", links.join(", ")));
    let left_out = matrix.left_out.iter();
    unused
        .chain(left_out.map(|out| format!("{} is left out: {}", out.journey, out.reason)))
        .collect()
}
