//! Faults in the summary for a CI job's page: the chaos matrix, and the load, clocks and findings of each fault.

use super::{MOST, more, prose, said};
use crate::{clocks, faults, matrix};
use harness_core::record::{Record, ScenarioRecord};
use harness_core::verdict::headroom::headrooms;
use harness_core::verdict::matrix::{CellResult, Outcome};

/// The chaos matrix, and under it what is behind each cell that did not survive.
pub(super) fn matrix(record: &Record) -> Vec<String> {
    let Some(found) = matrix::of(record) else {
        return Vec::new();
    };
    let table = matrix::table(&found);
    let faults: Vec<String> = table
        .faults
        .iter()
        .map(|f| format!(" {} |", prose(f)))
        .collect();
    let mut parts = vec![format!(
        "\n### Chaos matrix\n\n| journey | link |{}\n|---|---|{}\n",
        faults.concat(),
        "---|".repeat(faults.len())
    )];
    for (journey, link, cells) in &table.rows {
        let cell = |cell: &Option<&CellResult>| {
            let told = cell.map(|cell| (matrix::sign(cell.outcome), cell.outcome.as_str()));
            told.map_or_else(
                || "  |".to_owned(),
                |(sign, word)| format!(" {sign} {word} |"),
            )
        };
        let cells: Vec<String> = cells.iter().map(cell).collect();
        parts.push(format!(
            "| {} | {} |{}\n",
            prose(journey),
            prose(link),
            cells.concat()
        ));
    }
    parts.push("\n".to_owned());
    parts.extend(
        found
            .cells
            .iter()
            .filter(|c| c.outcome != Outcome::Survived)
            .map(|cell| {
                let (journey, link, fault) = (
                    prose(cell.journey.as_str()),
                    prose(cell.link.as_str()),
                    prose(&cell.fault),
                );
                format!(
                    "- {journey}, {link}, {fault}: {}; {}\n",
                    cell.outcome.as_str(),
                    prose(&matrix::words(cell))
                )
            }),
    );
    parts.extend(
        matrix::left_out(&found)
            .iter()
            .map(|words| format!("- {}\n", prose(words))),
    );
    parts
}

/// The load in each phase of each fault.
pub(super) fn all(record: &Record) -> Vec<String> {
    let mut parts = Vec::new();
    for scenario in &record.scenarios {
        let names = faults::names(record, scenario);
        if names.is_empty() {
            continue;
        }
        let columns: Vec<String> = faults::COLUMNS.iter().map(|c| format!(" {c} |")).collect();
        parts.push(format!(
            "\n### {}: faults\n\n| fault | load |{}\n|---|---|{}\n",
            prose(scenario.name.as_str()),
            columns.concat(),
            "---:|".repeat(columns.len())
        ));
        for fault in names.iter().take(MOST) {
            parts.extend(faults::phases(record, scenario, fault).iter().map(|phase| {
                let ranges = faults::ranges(&phase.intervals(record, scenario));
                let cells = phase.cells().into_iter().zip(ranges);
                let cells = cells.map(|(cell, range)| match range.as_str() {
                    "" => format!(" {cell} |"),
                    range => format!(" {cell} ({range}) |"),
                });
                let cells: String = cells.collect();
                format!("| {} | {} |{cells}\n", prose(fault), phase.word)
            }));
        }
        parts.extend(clocks_of(record, scenario));
        let headrooms = headrooms(record, scenario);
        for fault in names.iter().take(MOST) {
            let told = faults::headroom_of(&headrooms, fault);
            let told = told
                .iter()
                .map(|words| format!("\n{}: {}\n", prose(fault), prose(words)));
            parts.extend(told);
            parts.extend(faults::effect_of(record, scenario, fault).map(|effect| {
                let (fault, effect) = (prose(fault), effect.in_short());
                format!("\nEffect of {fault} against the control: {effect}\n")
            }));
        }
        parts.extend(more(names.len()));
    }
    parts
}

/// The clocks of each turn of each fault, and what the target did about it.
fn clocks_of(record: &Record, scenario: &ScenarioRecord) -> Vec<String> {
    let mut parts = vec![
        "\n| fault | effective | impact | detection | recovery |\n|---|---:|---:|---:|---:|\n"
            .to_owned(),
    ];
    let (mut told, mut ways) = (Vec::new(), Vec::new());
    for fault in record.faults_of(&scenario.name).take(MOST) {
        let name = prose(&fault.label());
        let by = fault.by.as_deref();
        ways.extend(by.map(|by| format!("\n{name}: done by {}\n", prose(by))));
        let clocks = clocks::of(record, scenario, fault);
        let cells: String = clocks.iter().map(|c| format!(" {} |", c.words())).collect();
        parts.push(format!("| {name} |{cells}\n"));
        for did in clocks::did(record, scenario, fault) {
            let Some(says) = &did.says else { continue };
            let (says, evidence) = (said(says), said(&did.evidence));
            told.push(format!(
                "- {name}: **{says}** ({}): {evidence}\n",
                did.sure()
            ));
        }
    }
    parts.extend(ways);
    if !told.is_empty() {
        parts.push("\nWhat the target did:\n\n".to_owned());
    }
    parts.extend(told);
    parts
}
