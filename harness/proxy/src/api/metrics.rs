//! Bytes that passed, in the names and labels of the real server's `/metrics`, as Prometheus reads them.

use std::collections::BTreeMap;
use std::fmt;

use crate::stats::{LinkStats, Traffic};

/// What a proxy's series are told apart by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Labels {
    pub(super) proxy: String,
    pub(super) listener: String,
    pub(super) upstream: String,
}

/// Sums by labels: of proxies that are gone or have moved, and for an answer of all.
#[derive(Clone, Debug, Default)]
pub(super) struct Series(BTreeMap<Labels, Sums>);

/// Bytes of both directions.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    up: Traffic,
    down: Traffic,
}

impl Sums {
    /// What a proxy has counted since it had counted these.
    pub(super) fn then(self, stats: &LinkStats) -> Self {
        let since = |now: Traffic, then: Traffic| Traffic {
            received: now.received - then.received,
            sent: now.sent - then.sent,
        };
        Self {
            up: since(stats.up, self.up),
            down: since(stats.down, self.down),
        }
    }
}

impl From<&LinkStats> for Sums {
    fn from(stats: &LinkStats) -> Self {
        Self::default().then(stats)
    }
}

/// Series that are kept of proxies that are gone: a script that makes new names for ever must not fill the memory.
const MOST: usize = 10_000;

impl Series {
    /// Adds what a proxy has counted under these labels.
    pub(super) fn add(&mut self, labels: Labels, more: Sums) {
        if self.0.len() >= MOST && !self.0.contains_key(&labels) {
            return;
        }
        let sums = self.0.entry(labels).or_default();
        sums.up = plus(sums.up, more.up);
        sums.down = plus(sums.down, more.down);
    }
}

fn plus(one: Traffic, other: Traffic) -> Traffic {
    Traffic {
        received: one.received + other.received,
        sent: one.sent + other.sent,
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        type Of = fn(&Traffic) -> u64;
        let received: Of = |traffic| traffic.received;
        let sent: Of = |traffic| traffic.sent;
        let series = [
            ("received", "The total number of bytes received", received),
            ("sent", "The total number of bytes sent", sent),
        ];
        for (what, help, of) in series {
            let name = format!("toxiproxy_proxy_{what}_bytes_total");
            writeln!(f, "# HELP {name} {help}\n# TYPE {name} counter")?;
            for (labels, sums) in &self.0 {
                for (direction, traffic) in [("downstream", &sums.down), ("upstream", &sums.up)] {
                    let Labels {
                        proxy,
                        listener,
                        upstream,
                    } = labels;
                    writeln!(
                        f,
                        "{name}{{direction=\"{direction}\",listener={},proxy={},upstream={}}} {}",
                        quoted(listener),
                        quoted(proxy),
                        quoted(upstream),
                        of(traffic)
                    )?;
                }
            }
        }
        Ok(())
    }
}

/// A label's value: backslash, quote and line feed are escaped, nothing else may be.
fn quoted(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", text.replace('\n', "\\n"))
}
