//! What must have held of a scenario once it was over: figures, and the walks that failed with their evidence.

use super::evidence::{Badge, BrokenView, ExchangeView};
use crate::text::{self, one_line};
use harness_core::event::{FailedWalk, InvariantChecked};
use harness_core::name::Name;
use harness_core::record::Record;
use harness_core::verdict::{InvariantResult, Verdict};
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(super) struct InvariantView {
    grade: Badge,
    id: String,
    title: String,
    seen: String,
    /// Term and figure.
    figures: Vec<(String, String)>,
    note: String,
    walks: Vec<FailedWalkView>,
}

#[derive(Debug, Serialize)]
struct FailedWalkView {
    value: String,
    step: String,
    tries: String,
    broken: Vec<BrokenView>,
    exchange: Option<ExchangeView>,
}

/// Those of a scenario, in the plan's order.
pub(super) fn of(record: &Record, verdict: &Verdict, scenario: &Name) -> Vec<InvariantView> {
    let here = verdict
        .invariants
        .iter()
        .filter(|i| i.gate.scenario == *scenario);
    here.map(|result| view(result, record.invariant(&result.gate.id)))
        .collect()
}

fn view(result: &InvariantResult, checked: Option<&InvariantChecked>) -> InvariantView {
    let note = checked.map_or_else(String::new, |checked| {
        format!(
            "{} in {}",
            text::plural(u64::from(checked.attempts), "look"),
            text::micros(Some(checked.took_us))
        )
    });
    let figures = checked.into_iter().flat_map(|checked| &checked.figures);
    let walks = checked.and_then(|checked| checked.walks.as_ref());
    InvariantView {
        grade: Badge::of(result.grade),
        id: one_line(&result.gate.id, 120),
        title: one_line(&result.gate.check.to_string(), 300),
        seen: one_line(
            if result.seen.is_empty() {
                &result.reason
            } else {
                &result.seen
            },
            600,
        ),
        figures: figures
            .map(|(term, figure)| (one_line(term, 160), figure.to_string()))
            .collect(),
        note,
        walks: walks
            .into_iter()
            .flat_map(|walks| &walks.evidence)
            .map(failed)
            .collect(),
    }
}

fn failed(walk: &FailedWalk) -> FailedWalkView {
    let tries = match walk.attempts {
        0 | 1 => String::new(),
        n => format!(", after {n} tries"),
    };
    FailedWalkView {
        value: one_line(&walk.value, 200),
        step: one_line(&walk.step, 200),
        tries,
        broken: walk.failures.iter().map(BrokenView::of).collect(),
        exchange: walk.exchange.as_ref().map(ExchangeView::of),
    }
}
