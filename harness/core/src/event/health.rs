//! One second of the target's own metrics, and of the instrument itself.

use super::zero;
use crate::hist::Hist;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One scrape of a service's metrics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProbeSample {
    /// The service.
    pub service: String,
    /// Series (`name{label="value"}`) to value; empty with `error` set when the scrape failed.
    pub values: BTreeMap<String, f64>,
    /// Why the scrape failed.
    #[serde(default)]
    pub error: Option<String>,
    /// Metrics of probes, by their selectors, that the scrape did not tell in full, and why: what is summed up over a
    /// part of its series would be wrong.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unread: BTreeMap<String, String>,
    /// When it was asked for, microseconds since the run began; the event itself comes when it was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_us: Option<u64>,
}

/// One second of the instrument itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SelfHealth {
    /// Lateness of the generator's wake-ups against the schedule, in µs: its own doing, nobody else's.
    pub lag: Hist,
    /// Processor seconds per second of the load workers.
    pub cpu_generator: f64,
    /// Processor seconds per second of the fault proxy.
    pub cpu_proxy: f64,
    /// Processor seconds per second of the whole harness process.
    pub cpu_total: f64,
    /// Resident memory, bytes.
    pub memory: u64,
    /// Open file descriptors.
    pub descriptors: u64,
    /// How many may be open; 0 when unknown.
    #[serde(default, skip_serializing_if = "zero")]
    pub descriptors_limit: u64,
    /// Ephemeral ports of the network the harness is in.
    #[serde(default, skip_serializing_if = "Ports::unknown")]
    pub ports: Ports,
    /// Load workers at work: the most cores the generator can use. 0 when unknown, or without load.
    #[serde(default, skip_serializing_if = "zero")]
    pub workers: u64,
    /// Requests that failed on this machine before they reached the network, and for want of what.
    #[serde(default, skip_serializing_if = "LocalFailures::none")]
    pub local: LocalFailures,
    /// Exemplars and samples not kept because a limit was reached.
    pub drops: u64,
}

/// Ephemeral ports: those the system gives to connections that ask for none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ports {
    /// In use at most: all TCP sockets there are, or, once that is half of what there is, those towards the one address
    /// that most go to, which is what runs out.
    pub used: u64,
    /// How many there are; 0 when unknown.
    pub available: u64,
    /// Closed connections whose port is not free yet, whoever had them.
    pub time_wait: u64,
}

impl Ports {
    /// Whether nothing is known of them.
    pub fn unknown(&self) -> bool {
        self.available == 0
    }
}

/// Failures of this machine, by what there was too little of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalFailures {
    /// File descriptors.
    pub descriptors: u64,
    /// Ephemeral ports.
    pub ports: u64,
    /// Memory or socket buffers.
    pub memory: u64,
    /// Something else of its own.
    pub other: u64,
}

impl LocalFailures {
    /// All of them.
    pub fn total(&self) -> u64 {
        let others = [self.ports, self.memory, self.other];
        others
            .into_iter()
            .fold(self.descriptors, u64::saturating_add)
    }

    /// Whether there was none.
    pub fn none(&self) -> bool {
        *self == Self::default()
    }

    /// Adds those of another second or worker.
    pub fn add(&mut self, other: &Self) {
        self.descriptors = self.descriptors.saturating_add(other.descriptors);
        self.ports = self.ports.saturating_add(other.ports);
        self.memory = self.memory.saturating_add(other.memory);
        self.other = self.other.saturating_add(other.other);
    }
}
