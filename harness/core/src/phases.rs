//! Where the time of requests went, as distributions: one of each part, holding only the requests in which the part
//! happened. Adds up like any other figures; knows no client and no clock.

use crate::hist::Hist;
use crate::http::Timing;
use serde::{Deserialize, Serialize};

/// A part of a request's time. In the order in which they happen; a request's parts don't overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RequestPhase {
    /// From the intended start until there is a connection to use or to open: the generator's lateness, and waiting
    /// for a target that holds every connection.
    Queue,
    /// Looking up the host's name.
    Dns,
    /// Connecting: TCP's handshake.
    Connect,
    /// TLS's handshake.
    Tls,
    /// From there until the response's head is read.
    FirstByte,
    /// From the head until the body's last byte.
    Body,
}

impl RequestPhase {
    /// Every phase, in order.
    pub const ALL: [Self; 6] = [
        Self::Queue,
        Self::Dns,
        Self::Connect,
        Self::Tls,
        Self::FirstByte,
        Self::Body,
    ];

    /// The words in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Dns => "DNS",
            Self::Connect => "connect",
            Self::Tls => "TLS",
            Self::FirstByte => "first byte",
            Self::Body => "body",
        }
    }

    /// What one request spent in it, µs; `None` where it did not happen, or did not end.
    pub fn of(self, timing: &Timing) -> Option<u64> {
        let happened = |us: u64| (us > 0).then_some(us);
        match self {
            Self::Queue => Some(timing.queue_us),
            Self::Dns => happened(timing.dns_us),
            Self::Connect => happened(timing.connect_us),
            Self::Tls => happened(timing.tls_us),
            Self::FirstByte => {
                let before = timing.dns_us + timing.connect_us + timing.tls_us;
                happened(timing.first_byte_us).map(|us| us.saturating_sub(before))
            }
            Self::Body => happened(timing.first_byte_us).map(|_| timing.body_us),
        }
    }
}

/// Distributions of the parts, µs, at two significant digits.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Phases {
    /// [`RequestPhase::Queue`].
    #[serde(skip_serializing_if = "Hist::is_empty")]
    pub queue: Hist,
    /// [`RequestPhase::Dns`].
    #[serde(skip_serializing_if = "Hist::is_empty")]
    pub dns: Hist,
    /// [`RequestPhase::Connect`].
    #[serde(skip_serializing_if = "Hist::is_empty")]
    pub connect: Hist,
    /// [`RequestPhase::Tls`].
    #[serde(skip_serializing_if = "Hist::is_empty")]
    pub tls: Hist,
    /// [`RequestPhase::FirstByte`].
    #[serde(skip_serializing_if = "Hist::is_empty")]
    pub first_byte: Hist,
    /// [`RequestPhase::Body`].
    #[serde(skip_serializing_if = "Hist::is_empty")]
    pub body: Hist,
}

impl Phases {
    /// A phase's distribution.
    pub const fn get(&self, phase: RequestPhase) -> &Hist {
        match phase {
            RequestPhase::Queue => &self.queue,
            RequestPhase::Dns => &self.dns,
            RequestPhase::Connect => &self.connect,
            RequestPhase::Tls => &self.tls,
            RequestPhase::FirstByte => &self.first_byte,
            RequestPhase::Body => &self.body,
        }
    }

    /// A phase's distribution, to be changed.
    pub const fn get_mut(&mut self, phase: RequestPhase) -> &mut Hist {
        match phase {
            RequestPhase::Queue => &mut self.queue,
            RequestPhase::Dns => &mut self.dns,
            RequestPhase::Connect => &mut self.connect,
            RequestPhase::Tls => &mut self.tls,
            RequestPhase::FirstByte => &mut self.first_byte,
            RequestPhase::Body => &mut self.body,
        }
    }

    /// Adds others, exactly.
    pub fn add(&mut self, other: &Self) {
        for phase in RequestPhase::ALL {
            let more = other.get(phase);
            if !more.is_empty() {
                self.get_mut(phase).add(more);
            }
        }
    }

    /// Adds many, exactly; see [`Hist::add_all`].
    pub fn add_all<'p>(&mut self, others: impl Iterator<Item = &'p Self> + Clone) {
        for phase in RequestPhase::ALL {
            let more = others.clone().map(|other| other.get(phase));
            self.get_mut(phase).add_all(more);
        }
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        RequestPhase::ALL
            .iter()
            .all(|phase| self.get(*phase).is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(timing: &Timing) -> Vec<(&'static str, u64)> {
        let parts = RequestPhase::ALL.iter();
        parts
            .filter_map(|phase| Some((phase.as_str(), phase.of(timing)?)))
            .collect()
    }

    #[test]
    fn a_kept_connection_has_three_parts_and_a_new_one_six() {
        let kept = Timing {
            queue_us: 0,
            first_byte_us: 500,
            body_us: 20,
            total_us: 520,
            ..Timing::default()
        };
        assert_eq!(of(&kept), [("queue", 0), ("first byte", 500), ("body", 20)]);
        let new = Timing {
            dns_us: 10,
            connect_us: 20,
            tls_us: 30,
            ..kept
        };
        let parts = of(&new);
        assert_eq!(parts.len(), 6);
        assert_eq!(parts.iter().map(|(_, us)| us).sum::<u64>(), new.total_us);
        let refused = Timing {
            dns_us: 5,
            total_us: 9,
            ..Timing::default()
        };
        assert_eq!(of(&refused), [("queue", 0), ("DNS", 5)]);
    }

    #[test]
    fn what_did_not_happen_is_not_written() {
        let mut phases = Phases::default();
        assert!(phases.is_empty());
        phases.body.record(7);
        let text = serde_json::to_string(&phases).unwrap();
        assert!(text.starts_with("{\"body\":") && !text.contains("queue"));
        assert_eq!(serde_json::from_str::<Phases>(&text).unwrap(), phases);
        assert_eq!(
            serde_json::from_str::<Phases>("{}").unwrap(),
            Phases::default()
        );
    }

    proptest! {
        #[test]
        fn parts_add_up_to_response_time(queue in 0u64..1000, dns in 0u64..1000, connect in 0u64..1000, tls in 0u64..1000, wait in 1u64..1000, body in 0u64..1000) {
            let first_byte_us = dns + connect + tls + wait;
            let timing = Timing { queue_us: queue, dns_us: dns, connect_us: connect, tls_us: tls, first_byte_us, body_us: body, total_us: first_byte_us + body };
            let sum: u64 = RequestPhase::ALL.iter().filter_map(|phase| phase.of(&timing)).sum();
            prop_assert_eq!(sum, queue + timing.total_us);
        }
    }
}
