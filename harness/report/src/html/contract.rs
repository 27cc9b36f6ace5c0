//! Contracts: findings with evidence, and a map of what was exercised.

use super::evidence::ExchangeView;
use crate::figures;
use crate::text::{self, one_line};
use harness_core::event::{ContractCoverage, ContractFinding, SeenIn};
use harness_core::name::Name;
use harness_core::record::{ContractRecord, Record};
use serde::Serialize;
use std::collections::BTreeSet;

/// The most findings shown of a contract.
const MOST: usize = 50;

/// A contract.
#[derive(Debug, Serialize)]
pub(super) struct ContractView {
    name: String,
    document: String,
    words: String,
    findings: Vec<FindingView>,
    accepted: Vec<AcceptedView>,
    statuses: Vec<u16>,
    operations: Vec<OperationView>,
}

#[derive(Debug, Serialize)]
struct FindingView {
    check: String,
    operation: String,
    message: String,
    times: String,
    seen_in: &'static str,
    open: bool,
    exchange: Option<ExchangeView>,
}

#[derive(Debug, Serialize)]
struct AcceptedView {
    finding: String,
    reason: String,
    seen: String,
}

#[derive(Debug, Serialize)]
struct OperationView {
    name: String,
    cells: Vec<u64>,
    by: String,
}

/// All contracts of a run.
pub(super) fn of(record: &Record) -> Vec<ContractView> {
    record
        .contracts
        .iter()
        .map(|(name, contract)| view(record, name, contract))
        .collect()
}

fn view(record: &Record, name: &Name, contract: &ContractRecord) -> ContractView {
    let document = record
        .run
        .as_ref()
        .and_then(|run| run.plan.contracts.iter().find(|c| c.name == *name))
        .map_or("", |c| c.document.as_str());
    let (hit, all) = figures::coverage(contract);
    let exercised = format!("{hit} of {} exercised", text::plural(all, "operation"));
    let open: Vec<_> = figures::open_findings(record, contract).collect();
    let found = match open.len() {
        0 => "no breach seen".to_owned(),
        n if n > MOST => format!(
            "{}, the first {MOST} shown",
            text::plural(n as u64, "finding")
        ),
        n => text::plural(n as u64, "finding"),
    };
    let statuses = contract.coverage.as_ref().map(statuses).unwrap_or_default();
    ContractView {
        name: name.to_string(),
        document: document.to_owned(),
        words: format!("{exercised}; {found}."),
        findings: open
            .iter()
            .take(MOST)
            .enumerate()
            .map(|(i, (finding, times))| view_finding(finding, *times, i < 3))
            .collect(),
        accepted: figures::acceptances(record, name, contract)
            .take(MOST)
            .map(|(accepted, covered)| AcceptedView {
                finding: one_line(&accepted.finding, 200),
                reason: one_line(&accepted.reason, 600),
                seen: figures::acceptance_words(covered),
            })
            .collect(),
        operations: contract
            .coverage
            .as_ref()
            .map(|c| operations(c, &statuses))
            .unwrap_or_default(),
        statuses,
    }
}

fn view_finding(finding: &ContractFinding, times: u64, open: bool) -> FindingView {
    FindingView {
        check: figures::check_word(finding.check),
        operation: one_line(&finding.operation, 200),
        message: one_line(&finding.message, 600),
        times: text::plural(times, "time"),
        seen_in: seen_in(finding.seen_in),
        open,
        exchange: finding.exchange.as_ref().map(ExchangeView::of),
    }
}

const fn seen_in(by: SeenIn) -> &'static str {
    match by {
        SeenIn::Case => "in generated cases",
        SeenIn::Journey => "in journeys",
        SeenIn::Load => "under load",
    }
}

fn statuses(coverage: &ContractCoverage) -> Vec<u16> {
    coverage
        .operations
        .values()
        .flat_map(|s| s.keys().copied())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect()
}

fn operations(coverage: &ContractCoverage, statuses: &[u16]) -> Vec<OperationView> {
    let row = |(name, seen): (
        &String,
        &std::collections::BTreeMap<u16, std::collections::BTreeMap<SeenIn, u64>>,
    )| {
        let by: BTreeSet<SeenIn> = seen.values().flat_map(|s| s.keys().copied()).collect();
        let words = by
            .into_iter()
            .map(|by| match by {
                SeenIn::Case => "cases",
                SeenIn::Journey => "journeys",
                SeenIn::Load => "load",
            })
            .collect::<Vec<_>>();
        OperationView {
            name: one_line(name, 200),
            cells: statuses
                .iter()
                .map(|status| seen.get(status).map_or(0, |by| by.values().sum()))
                .collect(),
            by: if words.is_empty() {
                "not exercised".to_owned()
            } else {
                words.join(", ")
            },
        }
    };
    coverage.operations.iter().map(row).collect()
}
