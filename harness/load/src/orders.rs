//! What passes between a run and a worker process that plays a load for it: orders in, reports out, a JSON value a line.
//! Knows neither the process nor the engine in it.

use crate::clock::Clock;
use crate::engine::Attack;
use crate::net::Route;
use harness_core::journey::Journey;
use harness_core::name::{Name, RunId};
use harness_core::plan::invariant::Watched;
use harness_core::plan::load::LoadPlan;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

/// A worker process's part of a plan: the first line it is sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Orders {
    /// As in [`Attack`].
    pub scenario: Name,
    /// As in [`Attack`].
    pub draws: Name,
    /// As in [`Attack`].
    pub plan: LoadPlan,
    /// With every symbol bound. Rows that stay in a file are not sent.
    pub journeys: Vec<Arc<Journey>>,
    /// As in [`Attack`].
    pub seed: u64,
    /// As in [`Attack`].
    pub run: RunId,
    /// As in [`Attack`].
    pub traceparent: bool,
    /// As in [`Attack`].
    pub watched: Vec<Watched>,
    /// From reading this to the begin of the load, in µs.
    pub begins_in_us: u64,
    /// The epoch in force.
    pub epoch: u32,
}

/// What a worker process is told while it plays. The end of the stream is a word to stop too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// From here on samples carry this epoch.
    Epoch(u32),
    /// Stop at once.
    Stop,
}

impl Orders {
    /// The orders for an attack, as of now.
    pub fn of(attack: &Attack, epoch: u32) -> Self {
        let begins_in = attack.t0.saturating_sub(attack.clock.now());
        Self {
            scenario: attack.scenario.clone(),
            draws: attack.draws.clone(),
            plan: attack.plan.clone(),
            journeys: attack.journeys.clone(),
            seed: attack.seed,
            run: attack.run.clone(),
            traceparent: attack.traceparent,
            watched: attack.watched.clone(),
            begins_in_us: harness_core::units::micros(begins_in),
            epoch,
        }
    }

    /// The attack they order, on a clock that begins now.
    pub fn attack(self) -> Attack {
        let clock = Clock::start();
        Attack {
            scenario: self.scenario,
            draws: self.draws,
            plan: self.plan,
            journeys: self.journeys,
            seed: self.seed,
            run: self.run,
            t0: clock.now() + Duration::from_micros(self.begins_in_us),
            clock,
            epoch: Arc::new(AtomicU32::new(self.epoch)),
            workers: 1,
            traceparent: self.traceparent,
            watched: self.watched,
            route: Route::default(),
            touched: Arc::default(),
        }
    }
}
