//! Faults of a scenario: a box for each with its clocks and what the target did about it, and the load in each phase.

use crate::chart::tidy;
use crate::clocks::{self, Clock, Did};
use crate::faults;
use crate::text::{self, one_line};
use harness_core::expr::gate::FaultFigure;
use harness_core::record::{FaultRecord, Record, ScenarioRecord};
use harness_core::verdict::headroom::headrooms;
use harness_core::verdict::inference::Confidence;
use serde::Serialize;

/// The most turns of faults that have a box.
const BOXES: usize = 40;

#[derive(Debug, Serialize)]
pub(super) struct FaultsView {
    boxes: Vec<FaultView>,
    more: usize,
    columns: [&'static str; 7],
    phases: Vec<PhaseOfFault>,
    /// Whether a figure of the phases has a range.
    ranges: bool,
}

#[derive(Debug, Serialize)]
struct FaultView {
    name: String,
    what: String,
    by: Option<String>,
    armed: String,
    lifted: String,
    /// Seconds since the run began, for charts to show alone.
    from_s: f64,
    to_s: f64,
    clocks: Vec<ClockView>,
    did: Vec<DidView>,
    failed: String,
}

#[derive(Debug, Serialize)]
struct ClockView {
    title: &'static str,
    words: String,
    note: String,
}

#[derive(Debug, Serialize)]
struct DidView {
    topic: &'static str,
    says: String,
    evidence: String,
    sure: String,
    class: &'static str,
    reasons: String,
}

/// A fault's load: a row for each of its phases.
#[derive(Debug, Serialize)]
struct PhaseOfFault {
    fault: String,
    rows: Vec<(&'static str, Vec<CellView>)>,
    effect: Option<String>,
    headroom: Vec<String>,
}

/// A figure with where it lies, empty where that can't be told.
#[derive(Debug, Serialize)]
struct CellView {
    text: String,
    range: String,
}

/// What is shown of a scenario's faults; `None` without any.
pub(super) fn of(record: &Record, scenario: &ScenarioRecord) -> Option<FaultsView> {
    let all: Vec<&FaultRecord> = record.faults_of(&scenario.name).collect();
    let boxes = all.iter().take(BOXES);
    let boxes = boxes.map(|fault| view(record, scenario, fault));
    let phases = phases(record, scenario);
    let mut cells = phases.iter().flat_map(|of| &of.rows).flat_map(|row| &row.1);
    let ranges = cells.any(|cell| !cell.range.is_empty());
    (!all.is_empty()).then(|| FaultsView {
        boxes: boxes.collect(),
        more: all.len().saturating_sub(BOXES),
        columns: faults::COLUMNS,
        ranges,
        phases,
    })
}

fn view(record: &Record, scenario: &ScenarioRecord, fault: &FaultRecord) -> FaultView {
    let at = |us: u64| text::clock(us.saturating_sub(scenario.t0_us) as f64 / 1e6);
    let failed = fault.failed.as_deref();
    FaultView {
        name: one_line(&fault.label(), 120),
        what: one_line(&fault.what, 300),
        by: fault.by.as_deref().map(|by| one_line(by, 120)),
        armed: at(fault.armed_us),
        lifted: fault.lifted_us.map_or_else(|| text::NONE.to_owned(), at),
        from_s: tidy(fault.armed_us as f64 / 1e6),
        to_s: tidy(fault.lifted_us.unwrap_or_else(|| scenario.load_end_us()) as f64 / 1e6),
        clocks: clocks::of(record, scenario, fault)
            .iter()
            .map(clock)
            .collect(),
        did: rows(&clocks::did(record, scenario, fault)),
        failed: failed.map(|why| one_line(why, 300)).unwrap_or_default(),
    }
}

fn clock(clock: &Clock) -> ClockView {
    ClockView {
        title: match clock.figure {
            FaultFigure::Effective => "First effect",
            FaultFigure::Impact => "Clients saw it",
            FaultFigure::Detection => "Target noticed",
            _ => "Recovered",
        },
        words: clock.words(),
        note: one_line(clock.note(), 200),
    }
}

/// Where nothing can be said of a link for one reason alone, it is said once.
fn rows(all: &[Did]) -> Vec<DidView> {
    let links = all.chunk_by(|a, b| a.link == b.link);
    let rows = links.flat_map(|link| match link {
        [first, rest @ ..]
            if first.says.is_none()
                && !rest.is_empty()
                && rest
                    .iter()
                    .all(|did| did.says.is_none() && did.evidence == first.evidence) =>
        {
            vec![DidView {
                topic: "All",
                ..row(first)
            }]
        }
        all => all.iter().map(row).collect(),
    });
    rows.collect()
}

fn row(did: &Did) -> DidView {
    DidView {
        topic: did.topic.title(),
        says: did.says.as_deref().map_or_else(
            || "Nothing can be said".to_owned(),
            |says| one_line(says, 200),
        ),
        evidence: one_line(&did.evidence, 400),
        sure: did.sure(),
        class: match did.confidence {
            Some(Confidence::High) => "pass",
            Some(Confidence::Medium) => "skipped",
            Some(Confidence::Low) | None => "inconclusive",
        },
        reasons: one_line(&did.reasons.join(", "), 200),
    }
}

fn phases(record: &Record, scenario: &ScenarioRecord) -> Vec<PhaseOfFault> {
    let names = faults::names(record, scenario).into_iter();
    let headrooms = headrooms(record, scenario);
    let view = |fault: &str| PhaseOfFault {
        fault: one_line(fault, 120),
        rows: faults::phases(record, scenario, fault)
            .iter()
            .map(|phase| {
                let ranges = faults::ranges(&phase.intervals(record, scenario));
                let cells = phase.cells().into_iter().zip(ranges);
                let cells = cells.map(|(text, range)| CellView { text, range });
                (phase.word, cells.collect())
            })
            .collect(),
        effect: faults::effect_of(record, scenario, fault).map(|effect| effect.in_short()),
        headroom: faults::headroom_of(&headrooms, fault),
    };
    names.map(view).collect()
}
