//! One walk of a journey outside any phase: of a query, whose answer is read as JSON, or with a captured value. Says no
//! events of its own.

use super::Audit;
use futures::future::join_all;
use harness_core::event::Outcome;
use harness_core::journey::Journey;
use harness_core::journey::walk::{Answer, Context, Next, Outgoing, StepEnd, Walk};
use harness_core::name::Name;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Answers by query, or why there is none, in words.
pub(super) type Answers = BTreeMap<Name, Result<Value, String>>;

impl Audit {
    /// Asks some queries, each once, all at the same time.
    pub(super) async fn ask(&self, queries: impl Iterator<Item = &Name>) -> Answers {
        let asked: BTreeSet<Name> = queries.cloned().collect();
        let answers = asked.into_iter().map(|name| self.named(name));
        join_all(answers).await.into_iter().collect()
    }

    async fn named(&self, name: Name) -> (Name, Result<Value, String>) {
        let answer = match self.queries.get(&name) {
            Some(query) => self.answer(query).await,
            None => Err("it is not in the plan".to_owned()),
        };
        let told = |why| format!("query `{name}` gave no answer: {why}");
        let answer = answer.map_err(told);
        (name, answer)
    }

    async fn answer(&self, query: &Arc<Journey>) -> Result<Value, String> {
        let context = self.context(self.seed, 0, None);
        let (_, last) = self.through(query, BTreeMap::new(), &context).await;
        let end = last.ok_or("it asks nothing")?;
        if let Some(broken) = end.failures.first() {
            return Err(format!(
                "expected {}, was {}",
                broken.expected, broken.actual
            ));
        }
        let response = match end.result {
            Some(Ok(response)) => response,
            Some(Err(failure)) => return Err(failure.to_string()),
            None => return Err("nothing was sent".to_owned()),
        };
        if (response.body.len() as u64) < response.body_len {
            return Err(format!("its {} bytes are too many", response.body_len));
        }
        serde_json::from_slice(&response.body).map_err(|error| format!("it is not JSON: {error}"))
    }

    pub(super) fn context(&self, seed: u64, iteration: u64, row: Option<usize>) -> Context {
        Context {
            seed,
            run: self.run.clone(),
            iteration,
            row,
            wall_ms_at_zero: self.clock.wall_ms(Duration::ZERO),
            traceparent: self.traceparent,
        }
    }

    /// Walks a journey to its end; how it went, and the last step that ended.
    pub(super) async fn through(
        &self,
        journey: &Arc<Journey>,
        preset: BTreeMap<String, Value>,
        context: &Context,
    ) -> (Outcome, Option<StepEnd>) {
        let now = self.clock.now();
        let mut walk = Walk::with(preset, Arc::clone(journey), context, now);
        let mut last = None;
        loop {
            let end = match walk.next(self.clock.now()) {
                Next::Send(outgoing) => {
                    let copies = (0..outgoing.copies.max(1)).map(|_| self.send(&outgoing));
                    let mut answers = join_all(copies).await.into_iter();
                    let first = answers.next();
                    first.and_then(|first| walk.answers(first, answers.collect()))
                }
                Next::Wait { until } => {
                    tokio::time::sleep_until(self.clock.instant(until).into()).await;
                    None
                }
                Next::Command { .. } => {
                    let refused = "a walk after the load commands nothing".to_owned();
                    Some(walk.commanded(self.clock.now(), Err(refused)))
                }
                Next::Failed(end) | Next::Paused(end) => Some(end),
                Next::Done(outcome) => return (outcome, last),
            };
            last = end.or(last);
        }
    }

    async fn send(&self, outgoing: &Outgoing) -> Answer {
        let exchanged = self.client.send(&outgoing.request, outgoing.timeout).await;
        Answer {
            sent: exchanged.sent,
            ended: exchanged.ended,
            timing: exchanged.timing,
            result: exchanged.result,
        }
    }
}
