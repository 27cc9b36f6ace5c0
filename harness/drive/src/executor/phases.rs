//! What is done with a target that is up, phase by phase: journeys, contracts, scenarios. Decides the order; what each means
//! is told where it is done.

use super::Run;
use super::scenario::{self, Stage};
use crate::audit::Audit;
use crate::contract::{Contracts, Setting};
use crate::http_client::Client;
use crate::journey::{Walker, cucumber};
use crate::ports::{Faults, Watch};
use crate::probe::Scraper;
use crate::spans;
use crate::target::Target;
use harness_core::event::{Event, Phase};
use harness_core::journey::{Journey, WALKED};
use harness_core::plan::invariant::QueryPlan;
use harness_core::random::coordinate;
use harness_core::template::{Symbols, UnboundError};
use std::sync::Arc;
use tracing::{Instrument as _, Span, info_span};

impl Run {
    pub(super) async fn phases(
        &self,
        target: &Arc<Target>,
        scraper: &Scraper,
    ) -> Result<(), String> {
        let plan = self.plan();
        let symbols = target.symbols();
        let bound = |journey: &Arc<Journey>| journey.bind(symbols).map(Arc::new);
        let journeys = plan
            .journeys
            .iter()
            .map(bound)
            .collect::<Result<Vec<_>, UnboundError>>();
        let journeys = journeys.map_err(|e| e.to_string())?;
        let setting = Setting {
            client: Client::unpooled(self.job.clock, &self.job.route).map_err(|e| e.to_string())?,
            mouth: self.mouth.clone(),
            seed: plan.seed,
            run: coordinate(self.job.started.run.as_str()),
            addresses: target.addresses(),
        };
        let contracts =
            Contracts::load(&plan.contracts, symbols, setting).map_err(|e| e.to_string())?;
        let contracts = Arc::new(contracts);
        let watch: Arc<dyn Watch> = Arc::clone(&contracts) as _;
        let faults: Arc<dyn Faults> = Arc::clone(target) as _;

        if !plan.walks.is_empty() {
            self.phase(Phase::Journeys, self.walk(&journeys, &faults, &watch))
                .await;
        }
        if !plan.contracts.is_empty() {
            self.phase(Phase::Contract, contracts.exercise(&self.control.cancel))
                .await;
        }
        let mut outcome = Ok(());
        if !plan.scenarios.is_empty() {
            let audit = self.audit(&journeys, symbols).map_err(|e| e.to_string())?;
            let stage = Stage {
                run: self,
                target,
                scraper,
                faults: &faults,
                watch: &watch,
                audit: &audit,
            };
            let play = scenario::play_all(stage);
            outcome = Box::pin(self.phase(Phase::Scenarios, play)).await;
        }
        contracts.say_coverage().await;
        outcome
    }

    /// What checks the scenarios' invariants.
    fn audit(&self, journeys: &[Arc<Journey>], symbols: &Symbols) -> Result<Audit, UnboundError> {
        let query = |query: &QueryPlan| {
            let journey = query.journey().bind(symbols)?;
            Ok((query.name.clone(), Arc::new(journey)))
        };
        Ok(Audit {
            client: self.client.clone(),
            clock: self.job.clock,
            mouth: self.mouth.clone(),
            run: self.job.started.run.clone(),
            seed: self.plan().seed,
            traceparent: self.plan().traceparent,
            queries: self
                .plan()
                .queries
                .iter()
                .map(query)
                .collect::<Result<_, _>>()?,
            journeys: journeys.to_vec(),
        })
    }

    async fn phase<T>(&self, phase: Phase, work: impl Future<Output = T>) -> T {
        self.mouth.say(Event::PhaseStarted { phase }).await;
        let done = work
            .instrument(info_span!("phase", phase = spans::word(phase)))
            .await;
        self.mouth.say(Event::PhaseFinished { phase }).await;
        done
    }

    /// Walks the journeys: those in TOML in the plan's order, then those in feature files, which cucumber sequences.
    async fn walk(
        &self,
        journeys: &[Arc<Journey>],
        faults: &Arc<dyn Faults>,
        watch: &Arc<dyn Watch>,
    ) {
        let walker = Walker {
            client: self.client.clone(),
            clock: self.job.clock,
            mouth: self.mouth.clone(),
            faults: Arc::clone(faults),
            watch: Arc::clone(watch),
            span: Span::current(),
            run: self.job.started.run.clone(),
            seed: self.plan().seed,
            traceparent: self.plan().traceparent,
        };
        let chosen = self
            .plan()
            .walks
            .iter()
            .filter_map(|name| journeys.iter().find(|j| j.name == *name));
        let chosen: Vec<_> = chosen.collect();
        for journey in chosen.iter().filter(|j| j.rows.len() > WALKED) {
            let text = format!(
                "journey {} has {} rows; the first {WALKED} are walked",
                journey.name,
                journey.rows.len()
            );
            self.mouth.say(Event::Notice { text }).await;
        }
        let (features, toml): (Vec<_>, Vec<_>) = chosen.into_iter().cloned().partition(|j| {
            self.job
                .features
                .iter()
                .any(|(file, _)| *file == j.origin.file)
        });
        for journey in &toml {
            walker.walk_all(journey, &self.control.cancel).await;
        }
        if !features.is_empty() && !self.control.cancel.is_cancelled() {
            let stop = &self.control.cancel;
            let walked = cucumber::sequence(&walker, features, &self.job.features, stop).await;
            if let Err(reason) = walked {
                let text = format!("failed to walk the feature files: {reason}");
                self.mouth.say(Event::Notice { text }).await;
            }
        }
    }
}
