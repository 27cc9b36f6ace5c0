//! What a self-test came to: figures of its runs against what they must be. Pure: it starts nothing and measures nothing.

use harness_core::hist::Hist;
use harness_core::verdict::{GeneratorResult, Trust};
use serde_json::{Value, json};

/// The percentiles compared: below them a freeze of a tenth of the run leaves nothing to be seen.
const PERCENTILES: [f64; 6] = [0.95, 0.97, 0.98, 0.99, 0.995, 0.999];

/// The share of a stop that must be seen as lag: a worker looks a hundred times a second, and a busy machine takes a while
/// to stop and to go on.
const SEEN: f64 = 0.9;

/// A load during which the target was stopped.
#[derive(Debug, Clone)]
pub(super) struct TargetFrozen {
    /// Requests per second.
    pub(super) rate: f64,
    /// Seconds of load.
    pub(super) length: f64,
    /// Seconds the target was stopped, as measured.
    pub(super) stopped: f64,
    /// Requests per second that target and generator manage together.
    pub(super) capacity: f64,
    /// Response times.
    pub(super) response: Hist,
    /// Requests that failed.
    pub(super) failed: u64,
    /// The generator's verdict on itself.
    pub(super) generator: GeneratorResult,
}

/// A load during which the generator was stopped.
#[derive(Debug, Clone)]
pub(super) struct GeneratorFrozen {
    /// Requests per second.
    pub(super) rate: f64,
    /// Seconds of load.
    pub(super) length: f64,
    /// Seconds the generator was stopped, as measured.
    pub(super) stopped: f64,
    /// The longest response time, µs.
    pub(super) longest_us: u64,
    /// The generator's verdict on itself.
    pub(super) generator: GeneratorResult,
}

/// A percentile against the formula, seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Compared {
    /// Which, 0 to 1.
    pub(super) quantile: f64,
    /// What the formula says.
    pub(super) expected: f64,
    /// What was read.
    pub(super) read: f64,
}

impl Compared {
    /// How far off the reading is, as a share of what it should be.
    pub(super) fn error(&self) -> f64 {
        self.read / self.expected - 1.0
    }
}

/// The response time at a quantile when a target, loaded at an even rate over `length` seconds far below its capacity, is
/// stopped for `stopped` seconds and then works off what has queued up. `busy` is rate ÷ capacity.
pub(super) fn formula(quantile: f64, stopped: f64, length: f64, busy: f64) -> f64 {
    (stopped - (1.0 - quantile) * length * (1.0 - busy)).max(0.0)
}

impl TargetFrozen {
    /// Rate ÷ capacity.
    pub(super) fn busy(&self) -> f64 {
        self.rate / self.capacity.max(self.rate)
    }

    /// Each percentile that the formula says something about.
    pub(super) fn compared(&self) -> Vec<Compared> {
        let one = |quantile: &f64| {
            let expected = formula(*quantile, self.stopped, self.length, self.busy());
            let read = self.response.quantile(*quantile)? as f64 / 1e6;
            (expected > 0.0).then_some(Compared {
                quantile: *quantile,
                expected,
                read,
            })
        };
        PERCENTILES.iter().filter_map(one).collect()
    }

    /// What is wrong, one sentence each; nothing when all is well. `limit` is the error allowed, as a share.
    pub(super) fn faults(&self, limit: f64) -> Vec<String> {
        let mut faults = Vec::new();
        if self.generator.trust == Trust::Invalid {
            faults.push(format!(
                "this machine was too busy to say: the generator found its own load invalid ({})",
                self.generator.reasons.join("; ")
            ));
        }
        let planned = (self.rate * self.length).round() as u64;
        let answered = self.response.count();
        if self.failed > 0 || answered < planned {
            faults.push(format!(
                "of {planned} requests {answered} were measured and {} failed: every one must be answered and measured",
                self.failed
            ));
        }
        let compared = self.compared();
        if compared.len() < PERCENTILES.len() {
            faults.push("some percentiles could not be compared".to_owned());
        }
        for c in compared.iter().filter(|c| c.error().abs() > limit) {
            faults.push(format!(
                "p{} reads {:.3} s where {:.3} s is true: {:+.2} %, allowed are {:.1} %",
                percent(c.quantile),
                c.read,
                c.expected,
                c.error() * 100.0,
                limit * 100.0
            ));
        }
        faults
    }

    /// For programs.
    pub(super) fn json(&self, limit: f64) -> Value {
        let percentiles: Vec<Value> = self
            .compared()
            .iter()
            .map(|c| json!({ "quantile": c.quantile, "expected_s": c.expected, "read_s": c.read, "error": c.error() }))
            .collect();
        json!({
            "rate": self.rate, "length_s": self.length, "stopped_s": self.stopped, "capacity": self.capacity,
            "busy": self.busy(), "limit": limit, "failed": self.failed, "percentiles": percentiles,
            "generator": self.generator, "faults": self.faults(limit),
        })
    }
}

impl GeneratorFrozen {
    /// What is wrong, one sentence each; nothing when all is well.
    pub(super) fn faults(&self) -> Vec<String> {
        let figures = &self.generator.figures;
        let mut faults = Vec::new();
        let least_us = (self.stopped * SEEN * 1e6) as u64;
        let lag_us = figures.lag_max_us.unwrap_or(0);
        if lag_us < least_us {
            faults.push(format!(
                "it was stopped for {:.2} s and reports a lag of {:.3} s at most",
                self.stopped,
                lag_us as f64 / 1e6
            ));
        }
        if self.generator.trust == Trust::Valid {
            faults.push("it found its load valid, although it stood still".to_owned());
        }
        let meant = self.rate * self.stopped;
        if (figures.late_generator as f64) < meant * SEEN {
            faults.push(format!(
                "{meant:.0} requests came due while it stood still, and it counts {} as late by its own doing",
                figures.late_generator
            ));
        }
        if self.longest_us < least_us {
            faults.push(format!(
                "a request that waited for it {:.2} s is shown as {:.3} s at most: its wait is hidden",
                self.stopped,
                self.longest_us as f64 / 1e6
            ));
        }
        faults
    }

    /// For programs.
    pub(super) fn json(&self) -> Value {
        json!({
            "rate": self.rate, "length_s": self.length, "stopped_s": self.stopped,
            "longest_s": self.longest_us as f64 / 1e6, "generator": self.generator, "faults": self.faults(),
        })
    }
}

/// `99.9` of 0.999.
pub(super) fn percent(quantile: f64) -> String {
    format!("{}", (quantile * 1000.0).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_core::verdict::GeneratorFigures;

    const LIMIT: f64 = 0.015;

    fn generator(trust: Trust, figures: GeneratorFigures) -> GeneratorResult {
        GeneratorResult {
            scenario: "load".parse().unwrap(),
            trust,
            reasons: Vec::new(),
            figures,
        }
    }

    /// What a perfect instrument measures: 200/s for 60 s, the target stopped for 6 s from second 20, then a backlog that
    /// is worked off at 20 000/s.
    fn perfect() -> TargetFrozen {
        let (rate, capacity) = (200.0, 20_000.0);
        let response = (0..12_000).map(|n| {
            let at = f64::from(n) / rate;
            let wait = if at < 20.0 {
                0.0
            } else {
                (6.0 - (at - 20.0) * (1.0 - rate / capacity)).max(0.0)
            };
            ((wait * 1e6) as u64 + 200, 1)
        });
        TargetFrozen {
            rate,
            length: 60.0,
            stopped: 6.0,
            capacity,
            response: Hist::from_counts(response),
            failed: 0,
            generator: generator(Trust::Valid, GeneratorFigures::default()),
        }
    }

    #[test]
    fn the_formula_is_the_published_one() {
        let at = |q| formula(q, 6.0, 60.0, 0.0);
        let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(close(at(0.95), 3.0) && close(at(0.99), 5.4) && close(at(0.999), 5.94));
        assert!(at(0.9) < 1e-9 && at(0.5) == 0.0);
        assert!(close(formula(0.95, 6.0, 60.0, 0.5), 4.5));
    }

    #[test]
    fn a_perfect_instrument_has_no_fault() {
        assert_eq!(perfect().faults(LIMIT), Vec::<String>::new());
        assert_eq!(perfect().compared().len(), PERCENTILES.len());
    }

    #[test]
    fn an_instrument_that_omits_what_it_did_not_send_is_found_out() {
        // Coordinated omission: only the connections that were busy when the target stopped waited for it.
        let omitting = TargetFrozen {
            response: Hist::from_counts([(300, 11_744), (6_000_000, 256)]),
            ..perfect()
        };
        let faults = omitting.faults(LIMIT).join("\n");
        assert!(
            faults.contains("p95 reads 0.000 s where 3.030 s is true"),
            "{faults}"
        );
    }

    #[test]
    fn a_reading_that_is_a_little_off_is_found_out() {
        let off = |share: f64| {
            let one = |(us, n): &(u64, u64)| ((*us as f64 * (1.0 + share)) as u64, *n);
            let perfect = perfect();
            let response = Hist::from_counts(perfect.response.buckets().iter().map(one));
            TargetFrozen {
                response,
                ..perfect
            }
            .faults(LIMIT)
            .len()
        };
        assert_eq!((off(0.0), off(0.01), off(-0.01)), (0, 0, 0));
        assert_eq!(
            (off(0.02), off(-0.02)),
            (PERCENTILES.len(), PERCENTILES.len())
        );
    }

    #[test]
    fn a_request_that_is_missing_and_a_machine_that_was_busy_are_told() {
        let mut lossy = perfect();
        lossy.rate += 1.0;
        assert_eq!(lossy.faults(LIMIT).len(), 1, "{:?}", lossy.faults(LIMIT));
        let failing = TargetFrozen {
            failed: 1,
            ..perfect()
        };
        assert_eq!(failing.faults(LIMIT).len(), 1);
        let busy = TargetFrozen {
            generator: generator(Trust::Invalid, GeneratorFigures::default()),
            ..perfect()
        };
        assert!(busy.faults(LIMIT)[0].contains("too busy"));
    }

    fn honest() -> GeneratorFrozen {
        GeneratorFrozen {
            rate: 200.0,
            length: 4.0,
            stopped: 1.0,
            longest_us: 998_000,
            generator: generator(
                Trust::Invalid,
                GeneratorFigures {
                    lag_max_us: Some(995_000),
                    late_generator: 198,
                    ..GeneratorFigures::default()
                },
            ),
        }
    }

    #[test]
    fn a_generator_that_hides_its_own_stop_is_found_out() {
        assert_eq!(honest().faults(), Vec::<String>::new());
        let with = |change: fn(&mut GeneratorFrozen)| {
            let mut doctored = honest();
            change(&mut doctored);
            doctored.faults()
        };
        let hides: [fn(&mut GeneratorFrozen); 5] = [
            |g| g.generator.figures.lag_max_us = Some(20_000),
            |g| g.generator.figures.lag_max_us = None,
            |g| g.generator.trust = Trust::Valid,
            |g| g.generator.figures.late_generator = 2,
            |g| g.longest_us = 2_000,
        ];
        for hide in hides {
            assert_eq!(with(hide).len(), 1);
        }
    }
}
