//! Load second by second: its stretches, trials, counts and distributions, and examples of what went wrong.

use super::{Broken, Exchange, zero};
use crate::capacity::Tried;
use crate::hist::Hist;
use crate::http::FailureKind;
use crate::name::{Name, RequestName};
use crate::phases::Phases;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A stretch of a scenario in which the same stage ran and the same faults were active or settling; warm-up or not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// The scenario.
    pub scenario: Name,
    /// From 0, rising by one.
    pub epoch: u32,
    /// Microseconds since the run began.
    pub from_us: u64,
    /// Index into the load's stages.
    pub stage: u32,
    /// Whether the load still warms up: shown, judged by nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub warm_up: bool,
    /// Faults active.
    #[serde(default)]
    pub faults: Vec<String>,
    /// Faults lifted and settling.
    #[serde(default)]
    pub settling: Vec<String>,
    /// Under a capacity search: the trial in which the rate is judged, from 1; 0 before and between them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<u32>,
}

/// A trial of a capacity search, judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CapacityTrial {
    /// The scenario.
    pub scenario: Name,
    /// Its number, from 1: the one its epoch names.
    pub trial: u32,
    /// The rate, and what became of it.
    #[serde(flatten)]
    pub tried: Tried,
    /// Each condition of the goal with what was seen, for people.
    pub seen: Vec<String>,
}

/// One second of one name in one epoch. A sample belongs to the second and the epoch of its intended start.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LoadTick {
    /// The scenario.
    pub scenario: String,
    /// Seconds since the scenario's `t0_us`.
    pub second: u32,
    /// The epoch.
    pub epoch: u32,
    /// The journey or step.
    pub name: String,
    /// Users who were there in the middle of the second, each under the journey it walked then or last (journeys only).
    /// An arrival of the open model is a user for as long as its walk. Added up over seconds these are user-seconds.
    #[serde(default, skip_serializing_if = "zero")]
    pub users: u64,
    /// Walks intended: by the schedule, or by a user who was free (journeys only).
    #[serde(default, skip_serializing_if = "zero")]
    pub planned: u64,
    /// Requests or journeys begun.
    #[serde(default, skip_serializing_if = "zero")]
    pub started: u64,
    /// Begun late because the generator was.
    #[serde(default, skip_serializing_if = "zero")]
    pub late_generator: u64,
    /// Begun late because no connection was free, or the user was still with the target: the target's doing.
    #[serde(default, skip_serializing_if = "zero")]
    pub late_target: u64,
    /// Intended, never begun.
    #[serde(default, skip_serializing_if = "zero")]
    pub dropped: u64,
    /// Of those, the ones that the generator came to late: its own doing.
    #[serde(default, skip_serializing_if = "zero")]
    pub dropped_generator: u64,
    /// Journeys whose first request went out in this second, whenever they were intended: the rate that was reached. The
    /// only figure here that is not filed under the intended start.
    #[serde(default, skip_serializing_if = "zero")]
    pub begun: u64,
    /// Came due and not begun because the journey's data had run out; no part of `planned`.
    #[serde(default, skip_serializing_if = "zero")]
    pub no_data: u64,
    /// Ended well.
    #[serde(default, skip_serializing_if = "zero")]
    pub ok: u64,
    /// Ended badly, by class: a [`FailureKind`] word, `status-503`, `expectation`, [`DATA`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<String, u64>,
    /// Under way when the load was stopped: counted, not judged.
    #[serde(default, skip_serializing_if = "zero")]
    pub cancelled: u64,
    /// Bytes received.
    #[serde(default, skip_serializing_if = "zero")]
    pub bytes_in: u64,
    /// From intended to finished, all outcomes except cancelled.
    #[serde(default, skip_serializing_if = "Hist::is_empty")]
    pub response: Hist,
    /// Of `response` what used a connection that a fault on the way in had touched; so the rest is what it left alone.
    #[serde(default, skip_serializing_if = "Hist::is_empty")]
    pub affected: Hist,
    /// How many of those ended badly.
    #[serde(default, skip_serializing_if = "zero")]
    pub affected_errors: u64,
    /// From sent to finished, all outcomes except cancelled.
    #[serde(default, skip_serializing_if = "Hist::is_empty")]
    pub service: Hist,
    /// Where the time of its requests went (steps only). A step that asks several times has several.
    #[serde(default, skip_serializing_if = "Phases::is_empty")]
    pub phases: Phases,
}

/// One second of a link through the fault proxy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LinkTick {
    /// The link.
    pub link: Name,
    /// Connections opened in this second.
    pub opened: u64,
    /// Connections open at its end.
    pub open: u64,
    /// Dials to the service that failed in this second.
    pub failed: u64,
    /// Bytes towards the service.
    pub bytes_up: u64,
    /// Bytes from the service.
    pub bytes_down: u64,
    /// Chunks or connections touched, by toxic.
    #[serde(default)]
    pub hits: BTreeMap<String, u64>,
    /// Whether the proxy reads the link's bytes as HTTP/1.1. All figures below are zero where it does not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub watched: bool,
    /// Heads of requests seen from the client.
    #[serde(default, skip_serializing_if = "zero")]
    pub requests: u64,
    /// Final answers whose heads went to the client, by class of status: `2xx` to `5xx`, and `1xx` for a switch of protocols.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub answers: BTreeMap<String, u64>,
    /// From the end of a request's head to the end of its answer's head as the link's client sees it, microseconds.
    #[serde(default, skip_serializing_if = "Hist::is_empty")]
    pub response: Hist,
    /// From the end of a request's head to the client closing or resetting its side before the answer's end,
    /// microseconds.
    #[serde(default, skip_serializing_if = "Hist::is_empty")]
    pub abandoned: Hist,
    /// Connections whose bytes turned out to be no HTTP/1.1, and are read no further: the figures above miss them.
    #[serde(default, skip_serializing_if = "zero")]
    pub unread: u64,
}

impl LinkTick {
    /// A second in which nothing happened.
    pub fn quiet(link: Name) -> Self {
        Self {
            link,
            opened: 0,
            open: 0,
            failed: 0,
            bytes_up: 0,
            bytes_down: 0,
            hits: BTreeMap::new(),
            watched: false,
            requests: 0,
            answers: BTreeMap::new(),
            response: Hist::new(),
            abandoned: Hist::new(),
            unread: 0,
        }
    }
}

/// A failed or slow exchange under load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exemplar {
    /// The scenario.
    pub scenario: Name,
    /// The journey or step.
    pub name: RequestName,
    /// The error's class as in [`LoadTick::errors`], or `slow`.
    pub class: String,
    /// Second of its intended start.
    pub second: u32,
    /// Microseconds from intended to finished.
    pub response_us: u64,
    /// What did not hold.
    #[serde(default)]
    pub failures: Vec<Broken>,
    /// The exchange.
    pub exchange: Exchange,
}

/// The class of a step whose data row could not be read.
pub const DATA: &str = "data";

/// The class of a failed exchange as counted in [`LoadTick::errors`].
pub fn error_class(failure: Option<FailureKind>, status: Option<u16>) -> String {
    match (failure, status) {
        (Some(kind), _) => kind.as_str().to_owned(),
        (None, Some(status)) if status >= 400 => format!("status-{status}"),
        _ => "expectation".to_owned(),
    }
}
