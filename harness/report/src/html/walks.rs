//! Functional walks: the failed ones first and open.

use super::evidence::{Badge, BrokenView, ExchangeView};
use crate::chart::phases::Bars;
use crate::chart::waterfall;
use crate::figures;
use crate::text::{self, one_line};
use harness_core::event::{Outcome, StepFinished};
use harness_core::name::Name;
use harness_core::record::{JourneyRecord, Record};
use harness_core::units::human_us;
use harness_core::verdict::Grade;
use serde::Serialize;

/// The most walks shown; failed ones come first.
const MOST: usize = 100;
/// Of those that passed, how many of the slowest have a waterfall.
const SLOWEST: usize = 5;

/// A walk.
#[derive(Debug, Serialize)]
pub(super) struct WalkView {
    grade: Badge,
    open: bool,
    title: String,
    name: String,
    journey: String,
    took: String,
    waterfall: Option<Bars>,
    steps: Vec<StepView>,
}

#[derive(Debug, Serialize)]
struct StepView {
    grade: Badge,
    name: String,
    attempts: String,
    took: String,
    broken: Vec<BrokenView>,
    exchange: Option<ExchangeView>,
}

/// The walks, and a word on those that found no room.
pub(super) fn of(record: &Record) -> (Vec<WalkView>, String) {
    let passed = |walk: &&JourneyRecord| walk.outcome == Some(Outcome::Passed);
    let ordered = figures::failed_walks(record).chain(record.journeys.iter().filter(passed));
    let mut by_length: Vec<&JourneyRecord> = record.journeys.iter().collect();
    by_length.sort_by_key(|walk| std::cmp::Reverse(walk.took_us));
    let slowest = by_length.iter().take(SLOWEST).map(|w| (&w.journey, w.row));
    let slowest: Vec<_> = slowest.collect();
    let views = ordered
        .take(MOST)
        .map(|walk| view(record, walk, &slowest))
        .collect();
    let cut = record.journeys.len().saturating_sub(MOST);
    (
        views,
        if cut > 0 {
            format!(
                "{} more, all of them in the events.",
                text::plural(cut as u64, "walk")
            )
        } else {
            String::new()
        },
    )
}

fn view(record: &Record, walk: &JourneyRecord, slowest: &[(&Name, u32)]) -> WalkView {
    let grade = match walk.outcome {
        Some(Outcome::Passed) => Badge::of(Grade::Pass),
        Some(Outcome::Failed) => Badge::of(Grade::Fail),
        Some(Outcome::Cancelled) | None => Badge {
            word: "stopped",
            ..Badge::of(Grade::Inconclusive)
        },
    };
    let failed = walk.outcome != Some(Outcome::Passed);
    let drawn = failed || slowest.contains(&(&walk.journey, walk.row));
    let id = format!("walk-{}-{}", walk.journey, walk.row + 1);
    let title = figures::journey_title(record, &walk.journey);
    WalkView {
        open: walk.outcome == Some(Outcome::Failed),
        grade,
        title: one_line(
            if title.is_empty() {
                walk.journey.as_str()
            } else {
                title
            },
            200,
        ),
        name: figures::walk_name(record, walk),
        journey: walk.journey.to_string(),
        took: human_us(walk.took_us),
        waterfall: drawn.then(|| waterfall::walk(id, walk)).flatten(),
        steps: walk.steps.iter().map(step).collect(),
    }
}

fn step(step: &StepFinished) -> StepView {
    let grade = match step.passed {
        Some(true) => Badge::of(Grade::Pass),
        Some(false) => Badge::of(Grade::Fail),
        None => Badge::SKIPPED,
    };
    let evidence = step
        .exchange
        .as_ref()
        .filter(|_| step.passed == Some(false));
    StepView {
        grade,
        name: one_line(&step.step, 200),
        attempts: attempts(step),
        took: if step.passed.is_some() {
            human_us(step.took_us)
        } else {
            "skipped".to_owned()
        },
        broken: step.failures.iter().map(BrokenView::of).collect(),
        exchange: evidence.map(ExchangeView::of),
    }
}

/// How often a step was passed, and how often it asked the last time.
fn attempts(step: &StepFinished) -> String {
    let passes = (step.pass > 1).then(|| format!("{} passes", step.pass));
    let polls = (step.attempts > 1).then(|| format!("{} polls", step.attempts));
    passes
        .into_iter()
        .chain(polls)
        .collect::<Vec<_>>()
        .join(", ")
}
