//! What a walk keeps of an answer that holds: lists grow, captures are taken, and the walk may have to go back. All of
//! it is bounded: the target decides how much there is.

use super::Walk;
use super::judge::Verdict;
use crate::event::Broken;
use crate::expr::View;
use crate::journey::{Capture, Repeat, RequestStep};
use serde_json::Value;
use std::collections::BTreeMap;

/// Values a list holds at most.
const VALUES: usize = 100_000;
/// Bytes all lists of a walk hold at most, about.
const BYTES: usize = 16 << 20;
/// Times a walk goes back at most, all its loops together.
const BACK: u32 = 100_000;

/// How much a walk has gathered and gone back.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// Bytes in lists, about.
    bytes: usize,
    /// Times gone back, in all and by each step that is going back now.
    back: u32,
    back_by: BTreeMap<usize, u32>,
}

impl Walk {
    /// Keeps what the step wants of an answer that holds.
    pub(super) fn keep(&mut self, step: &RequestStep, view: &View<'_>) -> Verdict {
        let mut verdict = Verdict {
            settled: !step.collect.is_empty() || step.repeat.is_some(),
            ..Verdict::default()
        };
        let collected = step
            .collect
            .iter()
            .filter_map(|c| self.collect(c, view).err());
        verdict.failures = collected.collect();
        if verdict.failures.is_empty() {
            verdict.failures = self.capture(&step.captures, view);
        }
        if let Some(repeat) = &step.repeat
            && verdict.failures.is_empty()
        {
            match self.goes_back(repeat, view) {
                Ok(back) => verdict.back = back.then_some(repeat.from),
                Err(failures) => verdict.failures = failures,
            }
        }
        verdict
    }

    fn collect(&mut self, collect: &Capture, view: &View<'_>) -> Result<(), Broken> {
        let broken = |actual: String| Broken {
            expected: format!("{} collects {}", collect.name, collect.from),
            actual,
        };
        let found = view
            .collect(&collect.from, &self.scope.variables)
            .map_err(broken)?;
        self.gathered.bytes += found.iter().map(weight).sum::<usize>();
        let list = self
            .scope
            .variables
            .entry(collect.name.clone())
            .or_insert_with(|| Value::Array(Vec::new()));
        let Value::Array(list) = list else {
            return Err(broken(format!("`{}` is no list", collect.name)));
        };
        if list.len() + found.len() > VALUES {
            return Err(broken(format!("more than {VALUES} values")));
        }
        if self.gathered.bytes > BYTES {
            return Err(broken(format!("more than {} MiB of values", BYTES >> 20)));
        }
        list.extend(found);
        Ok(())
    }

    fn capture(&mut self, captures: &[Capture], view: &View<'_>) -> Vec<Broken> {
        let mut failures = Vec::new();
        for capture in captures {
            match view.capture(&capture.from, &self.scope.variables) {
                Ok(value) => drop(self.scope.variables.insert(capture.name.clone(), value)),
                Err(actual) => failures.push(Broken {
                    expected: format!("{} = {}", capture.name, capture.from),
                    actual,
                }),
            }
        }
        failures
    }

    /// Whether the step at hand goes back once more.
    fn goes_back(&mut self, repeat: &Repeat, view: &View<'_>) -> Result<bool, Vec<Broken>> {
        if repeat.condition.check(view, &mut self.scope).is_err() {
            self.gathered.back_by.remove(&self.at);
            return Ok(false);
        }
        let back = self.gathered.back_by.entry(self.at).or_default();
        let too_often = |most: u32, whose: &str| {
            vec![Broken {
                expected: format!(
                    "to go back at most {most} times{whose} while {}",
                    repeat.condition
                ),
                actual: "it still holds".into(),
            }]
        };
        if *back >= repeat.at_most {
            return Err(too_often(repeat.at_most, ""));
        }
        if self.gathered.back >= BACK {
            return Err(too_often(BACK, " in one walk"));
        }
        *back += 1;
        self.gathered.back += 1;
        let failures = self.capture(&repeat.captures, view);
        if failures.is_empty() {
            Ok(true)
        } else {
            Err(failures)
        }
    }
}

/// About how many bytes a value takes.
fn weight(value: &Value) -> usize {
    let inside = match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Object(map) => map
            .iter()
            .map(|(key, item)| key.len() + size_of::<String>() + weight(item))
            .sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    };
    size_of::<Value>() + inside
}
