//! Walks a journey with each of the values that a load captured: all at once in rounds, the failed ones again until
//! their time is up. The order of values, not of answers, decides what is told.

use super::{Audit, EVERY};
use futures::stream::{self, StreamExt as _};
use harness_core::event::{FailedWalk, Outcome, Walked};
use harness_core::journey::walk::StepEnd;
use harness_core::journey::{Journey, evidence};
use harness_core::plan::invariant::InvariantPlan;
use harness_core::random::{Draws, coordinate};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Walks under way at a time.
const AT_ONCE: usize = 16;
/// A target that answers nothing must not hold up the run: past the time given, walks begin for so long …
const PATIENCE: Duration = Duration::from_secs(60);
/// … and so much longer for each value.
const PATIENCE_EACH: Duration = Duration::from_millis(10);
/// Characters of a value that are told.
const TOLD: usize = 200;

/// At most so many of the values, a seeded choice, in their order.
pub(super) fn chosen(values: &[Box<str>], at_most: usize, seed: u64) -> Vec<&str> {
    if values.len() <= at_most {
        return values.iter().map(AsRef::as_ref).collect();
    }
    // Floyd's: each subset of that size is equally likely, in as many draws as are chosen.
    let mut draws = Draws::at(seed, &[coordinate("each"), values.len() as u64]);
    let mut indices = BTreeSet::new();
    for last in values.len() - at_most..values.len() {
        let drawn = draws.below(last as u64 + 1) as usize;
        if !indices.insert(drawn) {
            indices.insert(last);
        }
    }
    let picked = indices.into_iter().filter_map(|at| values.get(at));
    picked.map(AsRef::as_ref).collect()
}

/// Walks of one invariant.
pub(super) struct Walks<'a> {
    pub(super) audit: &'a Audit,
    pub(super) journey: &'a Arc<Journey>,
    pub(super) invariant: &'a InvariantPlan,
    /// What the values are called in the journey.
    pub(super) variable: &'a str,
}

/// What came of them.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) walked: u64,
    pub(super) failed: u64,
    pub(super) rounds: u32,
    pub(super) evidence: Vec<FailedWalk>,
    /// The run was stopped before they were through.
    pub(super) stopped: bool,
}

/// How a walk ended.
enum Ended {
    NotBegun,
    Passed,
    Failed(Box<FailedWalk>),
}

impl Walks<'_> {
    /// Walks with every value, in rounds, until all passed or their time is up.
    pub(super) async fn all(&self, values: Vec<&str>, stop: &CancellationToken) -> Done {
        let clock = self.audit.clock;
        let deadline = clock.now() + self.invariant.within;
        let count = u32::try_from(values.len()).unwrap_or(u32::MAX);
        let end = deadline + PATIENCE + PATIENCE_EACH.saturating_mul(count);
        let mut done = Done::default();
        let mut open: BTreeMap<usize, Option<FailedWalk>> =
            (0..values.len()).map(|index| (index, None)).collect();
        loop {
            done.rounds += 1;
            let mut walked = 0;
            // What has failed once need not be walked again when time is up; the rest must be walked once.
            let late = if done.rounds == 1 { end } else { deadline };
            let round: Vec<usize> = open.keys().copied().collect();
            let walks = round
                .into_iter()
                .map(|index| self.one(index, &values, done.rounds, late));
            let mut walks = stream::iter(walks).buffer_unordered(AT_ONCE);
            loop {
                let (index, ended) = tokio::select! {
                    biased;
                    () = stop.cancelled() => {
                        done.stopped = true;
                        break;
                    }
                    next = walks.next() => match next {
                        Some(ended) => ended,
                        None => break,
                    },
                };
                walked += u64::from(!matches!(ended, Ended::NotBegun));
                match ended {
                    Ended::NotBegun => {}
                    Ended::Passed => _ = open.remove(&index),
                    Ended::Failed(failed) => _ = open.insert(index, Some(*failed)),
                }
            }
            drop(walks);
            done.walked = done.walked.max(walked);
            let again = clock.now() + EVERY;
            if open.is_empty() || done.stopped || again > deadline {
                break;
            }
            self.audit.pause(again, stop).await;
        }
        let mut failed = open.into_values().flatten();
        done.evidence = failed.by_ref().take(Walked::EVIDENCE).collect();
        done.failed = done.evidence.len() as u64 + failed.count() as u64;
        done
    }

    /// One walk, unless it is too late to begin it.
    async fn one(
        &self,
        index: usize,
        values: &[&str],
        round: u32,
        late: Duration,
    ) -> (usize, Ended) {
        let Some(value) = values.get(index).filter(|_| self.audit.clock.now() <= late) else {
            return (index, Ended::NotBegun);
        };
        // Generated identifiers must be new in each round, and to what the load has sent.
        let at = [
            coordinate(&self.invariant.id),
            coordinate("each"),
            u64::from(round),
        ];
        let seed = Draws::at(self.audit.seed, &at).bits();
        let rows = self.journey.rows.len();
        let row = (rows > 0).then(|| index % rows.max(1));
        let context = self.audit.context(seed, index as u64, row);
        let preset = serde_json::from_str(value).unwrap_or(Value::Null);
        let preset = BTreeMap::from([(self.variable.to_owned(), preset)]);
        let (outcome, last) = self.audit.through(self.journey, preset, &context).await;
        let ended = match outcome {
            Outcome::Passed => Ended::Passed,
            _ => Ended::Failed(Box::new(self.failed(value, round, last))),
        };
        (index, ended)
    }

    fn failed(&self, value: &str, round: u32, last: Option<StepEnd>) -> FailedWalk {
        let step = last
            .as_ref()
            .and_then(|end| self.journey.steps.get(end.step));
        let exchange = last.as_ref().and_then(|end| {
            let request = end.request.as_ref()?;
            Some(evidence::exchange(request, end.result.as_ref(), end.timing))
        });
        FailedWalk {
            value: told(value),
            step: step.map_or_else(String::new, |step| step.name.clone()),
            attempts: round,
            failures: last.map(|end| end.failures).unwrap_or_default(),
            exchange,
        }
    }
}

/// A value as it is told; the `…` of a long one lets go of what begins a secret too.
fn told(value: &str) -> String {
    match value.char_indices().nth(TOLD) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_is_told_with_where_it_was_cut() {
        let long = "é".repeat(TOLD);
        assert_eq!(told(&long), long);
        assert_eq!(told(&format!("{long}é")), format!("{long}…"));
    }

    #[test]
    fn a_sample_is_seeded_and_of_the_size_asked() {
        let values: Vec<Box<str>> = (0..1000).map(|n| format!("{n:04}").into()).collect();
        let pick = |at_most, seed| chosen(&values, at_most, seed);
        assert_eq!(pick(1000, 1).len(), 1000);
        assert_eq!((pick(10, 1).len(), pick(999, 1).len()), (10, 999));
        assert_eq!(pick(10, 1), pick(10, 1));
        assert_ne!(pick(10, 1), pick(10, 2));
        assert!(pick(10, 1).is_sorted());
    }
}
