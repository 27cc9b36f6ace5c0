//! Values that a scenario's invariants count: kept beside the figures while the load runs, and handed out when it has
//! ended. What a journey captured counts when it was captured, also if a later step fails: that is when the target
//! acknowledged it. What a journey set itself counts with each acknowledged request that carries it. Bounded; what
//! finds no room is said.

use harness_core::journey::walk::Walk;
use harness_core::journey::{Action, Journey, RequestStep};
use harness_core::plan::invariant::Watched;
use harness_core::template::Hole;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashSet;
use std::sync::Arc;

/// Distinct values kept at most in a scenario, over all workers and all that is watched.
pub const VALUES: usize = 1_000_000;
/// Bytes these may take.
pub const BYTES: usize = 64 << 20;
/// What a kept value takes beside its own bytes.
const OVERHEAD: usize = 48;

/// What was kept of one watched value.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// Times it was captured.
    pub count: u64,
    /// The numbers among them added up.
    pub sum: f64,
    /// Those that were no numbers.
    pub not_numbers: u64,
    /// The distinct values as JSON, in order; empty unless they are needed.
    pub values: Vec<Box<str>>,
    /// There was no room for every value.
    pub full: bool,
}

impl Kept {
    /// Adds what another worker kept of the same.
    pub fn add(&mut self, other: Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.not_numbers += other.not_numbers;
        self.values.extend(other.values);
        self.values.sort_unstable();
        self.values.dedup();
        self.full |= other.full;
    }
}

/// Keeps values for one worker.
#[derive(Debug, Default)]
pub(crate) struct Keeper {
    /// By journey and step: which watched values it gives, and under which name.
    given: Vec<Vec<Vec<(usize, String)>>>,
    slots: Vec<Slot>,
    values: usize,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Slot {
    kept: Kept,
    /// `None` when only their number is asked for.
    values: Option<HashSet<Box<str>>>,
}

impl Keeper {
    /// For what is watched, with room for so many values and bytes.
    pub(crate) fn new(
        watched: &[Watched],
        journeys: &[Arc<Journey>],
        (values, bytes): (usize, usize),
    ) -> Self {
        let given = journeys.iter().map(|journey| {
            let steps = journey.steps.iter();
            steps
                .map(|step| given(watched, journey, &step.action))
                .collect()
        });
        let slots = watched.iter().map(|watched| Slot {
            kept: Kept::default(),
            values: watched.values.then(HashSet::new),
        });
        Self {
            given: given.collect(),
            slots: slots.collect(),
            values,
            bytes,
        }
    }

    /// Takes what a step that passed gives.
    pub(crate) fn step_passed(&mut self, journey: usize, step: usize, walk: &Walk) {
        let given = self.given.get(journey).and_then(|steps| steps.get(step));
        for (slot, variable) in given.into_iter().flatten() {
            if let (Some(slot), Some(value)) = (self.slots.get_mut(*slot), walk.variable(variable))
            {
                slot.take(value, &mut self.values, &mut self.bytes);
            }
        }
    }

    /// All that was kept, in the order of what is watched.
    pub(crate) fn finish(&mut self) -> Vec<Kept> {
        let slots = std::mem::take(&mut self.slots).into_iter();
        slots
            .map(|slot| {
                let mut kept = slot.kept;
                kept.values = slot.values.into_iter().flatten().collect();
                kept.values.sort_unstable();
                kept
            })
            .collect()
    }
}

impl Slot {
    fn take(&mut self, value: &Value, values: &mut usize, bytes: &mut usize) {
        self.kept.count += 1;
        match value.as_f64() {
            Some(number) => self.kept.sum += number,
            None => self.kept.not_numbers += 1,
        }
        let Some(known) = &mut self.values else {
            return;
        };
        let text = value.to_string().into_boxed_str();
        if known.contains(&text) {
            return;
        }
        match (
            values.checked_sub(1),
            bytes.checked_sub(text.len() + OVERHEAD),
        ) {
            (Some(left), Some(room)) => {
                (*values, *bytes) = (left, room);
                known.insert(text);
            }
            _ => self.kept.full = true,
        }
    }
}

/// Which of the watched values a step gives once it passed.
fn given(watched: &[Watched], journey: &Journey, action: &Action) -> Vec<(usize, String)> {
    let Action::Request(request) = action else {
        return Vec::new();
    };
    let gives = |watched: &Watched| {
        let captured = &watched.captured;
        captured.journey == journey.name
            && if captures(journey, &captured.variable) {
                request.captures.iter().any(|c| c.name == captured.variable)
            } else {
                carries(request, &captured.variable)
            }
    };
    let slots = watched.iter().enumerate().filter(|(_, w)| gives(w));
    slots
        .map(|(slot, watched)| (slot, watched.captured.variable.clone()))
        .collect()
}

fn captures(journey: &Journey, variable: &str) -> bool {
    journey.steps.iter().any(|step| match &step.action {
        Action::Request(request) => request.captures.iter().any(|c| c.name == variable),
        _ => false,
    })
}

/// Whether a variable is part of what a request sends.
fn carries(request: &RequestStep, variable: &str) -> bool {
    let named = request.query.iter().chain(&request.headers);
    let texts = named
        .map(|(_, text)| text)
        .chain([&request.url, &request.body]);
    texts
        .flat_map(|text| text.holes())
        .any(|hole| matches!(hole, Hole::Variable(name) if name == variable))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn slot(values: bool) -> Slot {
        Slot {
            kept: Kept::default(),
            values: values.then(HashSet::new),
        }
    }

    #[test]
    fn what_finds_no_room_is_counted_and_said() {
        for (mut values, mut bytes) in [(2, BYTES), (VALUES, 2 * (OVERHEAD + 1))] {
            let mut slot = slot(true);
            for value in [1, 2, 1, 2] {
                slot.take(&json!(value), &mut values, &mut bytes);
            }
            assert!(!slot.kept.full);
            slot.take(&json!(3), &mut values, &mut bytes);
            assert!(slot.kept.full);
            assert_eq!((slot.kept.count, slot.kept.sum), (5, 9.0));
        }
        let (mut values, mut bytes) = (0, 0);
        let mut counted = slot(false);
        counted.take(&json!("x"), &mut values, &mut bytes);
        assert_eq!((counted.kept.full, counted.kept.not_numbers), (false, 1));
    }

    #[test]
    fn a_text_and_a_number_are_two_values() {
        let (mut values, mut bytes) = (VALUES, BYTES);
        let mut slot = slot(true);
        for value in [json!(7), json!("7"), json!(7)] {
            slot.take(&value, &mut values, &mut bytes);
        }
        assert_eq!(slot.values.unwrap().len(), 2);
    }

    proptest! {
        #[test]
        fn workers_add_up_in_any_split(all in prop::collection::vec((0u8..3, 0u32..40), 0..200)) {
            let keep = |of: &mut dyn Iterator<Item = u32>| {
                let (mut values, mut bytes) = (VALUES, BYTES);
                let mut slot = slot(true);
                of.for_each(|value| slot.take(&json!(value), &mut values, &mut bytes));
                let mut keeper = Keeper { slots: vec![slot], ..Keeper::default() };
                keeper.finish().remove(0)
            };
            let mut sum = Kept::default();
            for worker in 0..3 {
                sum.add(keep(&mut all.iter().filter(|(w, _)| *w == worker).map(|(_, v)| *v)));
            }
            prop_assert_eq!(sum, keep(&mut all.iter().map(|(_, v)| *v)));
        }
    }
}
