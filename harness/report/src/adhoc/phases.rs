//! Where the time of the requests of one URL went: the part of the summary for programs. Figures only; the words are
//! `text`'s.

use crate::phases::{self, Part};
use harness_core::phases::{Phases, RequestPhase};
use harness_core::record::ScenarioRecord;
use schemars::JsonSchema;
use serde::Serialize;

/// The phases of requests, one after the other; those that happened in no request are absent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct PhasesSummary {
    /// From when a request was meant to be sent until it had a connection or began to open one: the generator's
    /// lateness, and waiting for a target that holds every connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<PhaseTimes>,
    /// Looking up the host's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns: Option<PhaseTimes>,
    /// Connecting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect: Option<PhaseTimes>,
    /// The TLS handshake.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<PhaseTimes>,
    /// From there until the response's head was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_byte: Option<PhaseTimes>,
    /// From the head to the body's last byte.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<PhaseTimes>,
}

/// A phase of the requests in which it happened: a connection that is kept is opened once. Times at two significant
/// digits.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct PhaseTimes {
    /// Requests in which it happened.
    pub requests: u64,
    /// Of the time of all requests.
    pub share: f64,
    /// Seconds.
    pub mean: f64,
    /// Seconds.
    pub p50: f64,
    /// Seconds.
    pub p95: f64,
    /// Seconds.
    pub p99: f64,
    /// Seconds.
    pub max: f64,
}

impl PhasesSummary {
    /// Of all requests of a scenario, its warm-up left out; `None` when none was timed.
    pub(super) fn of(scenario: &ScenarioRecord) -> Option<Self> {
        let all: Phases = phases::sum(&phases::steps(scenario));
        let mut summary = Self::default();
        for part in phases::parts(&all) {
            *summary.get_mut(part.phase) = PhaseTimes::of(&part);
        }
        (!all.is_empty()).then_some(summary)
    }

    /// The phases that happened, in order.
    pub(super) fn happened(&self) -> impl Iterator<Item = (RequestPhase, &PhaseTimes)> {
        let all = RequestPhase::ALL.into_iter();
        all.filter_map(|phase| Some((phase, self.get(phase)?)))
    }

    const fn get(&self, phase: RequestPhase) -> Option<&PhaseTimes> {
        match phase {
            RequestPhase::Queue => self.queue.as_ref(),
            RequestPhase::Dns => self.dns.as_ref(),
            RequestPhase::Connect => self.connect.as_ref(),
            RequestPhase::Tls => self.tls.as_ref(),
            RequestPhase::FirstByte => self.first_byte.as_ref(),
            RequestPhase::Body => self.body.as_ref(),
        }
    }

    const fn get_mut(&mut self, phase: RequestPhase) -> &mut Option<PhaseTimes> {
        match phase {
            RequestPhase::Queue => &mut self.queue,
            RequestPhase::Dns => &mut self.dns,
            RequestPhase::Connect => &mut self.connect,
            RequestPhase::Tls => &mut self.tls,
            RequestPhase::FirstByte => &mut self.first_byte,
            RequestPhase::Body => &mut self.body,
        }
    }
}

impl PhaseTimes {
    fn of(part: &Part<'_>) -> Option<Self> {
        let at = |quantile| part.hist.quantile(quantile).map(|us| us as f64 / 1e6);
        Some(Self {
            requests: part.hist.count(),
            share: part.share,
            mean: part.hist.mean()? / 1e6,
            p50: at(0.5)?,
            p95: at(0.95)?,
            p99: at(0.99)?,
            max: at(1.0)?,
        })
    }
}
