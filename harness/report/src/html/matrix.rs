//! The chaos matrix of the page.

use super::evidence::Badge;
use crate::matrix;
use crate::text::one_line;
use harness_core::record::Record;
use harness_core::verdict::matrix::{CellResult, Outcome};
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(super) struct MatrixView {
    faults: Vec<String>,
    rows: Vec<Row>,
    left_out: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Row {
    journey: String,
    link: String,
    cells: Vec<Option<CellView>>,
}

#[derive(Debug, Serialize)]
struct CellView {
    badge: Badge,
    words: String,
}

pub(super) fn of(record: &Record) -> Option<MatrixView> {
    let found = matrix::of(record)?;
    let table = matrix::table(&found);
    let row = |(journey, link, cells): &(&str, &str, Vec<Option<&CellResult>>)| Row {
        journey: one_line(journey, 80),
        link: one_line(link, 80),
        cells: cells.iter().map(|cell| cell.map(view)).collect(),
    };
    Some(MatrixView {
        rows: table.rows.iter().map(row).collect(),
        left_out: matrix::left_out(&found)
            .iter()
            .map(|words| one_line(words, 400))
            .collect(),
        faults: table.faults,
    })
}

fn view(cell: &CellResult) -> CellView {
    CellView {
        badge: Badge {
            class: match cell.outcome {
                Outcome::Survived => "pass",
                Outcome::NeverRecovered | Outcome::Broke => "fail",
                Outcome::Degraded | Outcome::Unclear => "inconclusive",
                Outcome::Untouched | Outcome::NotDone => "skipped",
            },
            sign: matrix::sign(cell.outcome),
            word: cell.outcome.as_str(),
        },
        words: one_line(&matrix::words(cell), 200),
    }
}
