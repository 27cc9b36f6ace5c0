//! The guide's table of steps is the library's.

use crate::journey::gherkin::steps;
use std::fmt::Write as _;

const GUIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/journeys.md");

#[test]
fn the_guide_lists_every_step() {
    let mut table = String::from("-->\n| step | what it does |\n|---|---|\n");
    for step in steps() {
        let block = if step.block { " and a text block" } else { "" };
        writeln!(table, "| `{}`{block} | {} |", step.example, step.does).unwrap();
    }
    let guide = std::fs::read_to_string(GUIDE).unwrap();
    let (before, rest) = guide.split_once("<!-- steps").unwrap();
    let (note, rest) = rest.split_once("-->").unwrap();
    let (_, after) = rest.split_once("<!-- /steps -->").unwrap();
    let current = format!("{before}<!-- steps{note}{table}<!-- /steps -->{after}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(GUIDE, &current).unwrap();
    }
    assert!(
        guide == current || std::env::var_os("UPDATE_DOCS").is_some(),
        "docs/journeys.md is not current"
    );
}
