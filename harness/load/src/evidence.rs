//! Examples and samples: which exchanges under load are handed on whole. A few of each class of error and a few of the
//! slowest as evidence, and a seeded share for the contract checks; what finds no room is counted, never waited for.

use crate::engine::Report;
use harness_core::event::{Exemplar, LoadTick};
use harness_core::journey::evidence;
use harness_core::journey::walk::StepEnd;
use harness_core::name::{Name, RequestName};
use harness_core::random::Draws;
use harness_core::units::micros;
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::mpsc::Sender;

/// Exemplars of one class and name in a scenario, for each worker.
const OF_A_CLASS: u32 = 3;

/// Slow exemplars of one name in [`BAND`] seconds, for each worker.
const SLOW_IN_BAND: u32 = 3;

/// Seconds in which slow exemplars are counted together.
const BAND: u32 = 10;

/// Slow exemplars of one name in a scenario, for each worker: a day of load must not fill the record.
const SLOW_AT_ALL: u32 = 30;

/// Completions a second must have for its 99th percentile to say what slow is.
const ENOUGH: u64 = 20;

/// Keeps these draws apart from others under the same seed.
const PURPOSE: u64 = 0x7361_6d70;

/// Chooses evidence for one worker.
#[derive(Debug)]
pub(crate) struct Evidence {
    scenario: Name,
    reports: Sender<Report>,
    seed: u64,
    share: f64,
    failed: HashMap<(RequestName, String), u32>,
    slow: HashMap<String, Slow>,
    drops: u64,
}

/// What counts as slow for a name.
#[derive(Debug, Default)]
struct Slow {
    /// The 99th percentile of response time in the last second that had enough, in µs.
    above_us: u64,
    band: u32,
    in_band: u32,
    at_all: u32,
}

/// Which step of which arrival an exchange was.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'n> {
    pub(crate) name: &'n RequestName,
    pub(crate) arrival: u64,
    pub(crate) second: u32,
    /// The step's intended start, on the run's clock.
    pub(crate) intended: Duration,
}

impl Evidence {
    /// Evidence for a scenario, with a share (0 to 1) of exchanges sampled.
    pub(crate) fn new(scenario: Name, reports: Sender<Report>, seed: u64, share: f64) -> Self {
        Self {
            scenario,
            reports,
            seed,
            share,
            failed: HashMap::new(),
            slow: HashMap::new(),
            drops: 0,
        }
    }

    /// Learns from a second's figures what is slow.
    pub(crate) fn learn(&mut self, tick: &LoadTick) {
        if tick.response.count() >= ENOUGH
            && let Some(p99) = tick.response.quantile(0.99)
        {
            self.slow.entry(tick.name.clone()).or_default().above_us = p99;
        }
    }

    /// Whether a step that passed would be shown or handed on.
    pub(crate) fn wants(&self, place: Place<'_>, step: usize, response_us: u64) -> bool {
        let slow = self.slow.get(place.name.as_str()).is_some_and(|slow| {
            response_us > slow.above_us
                && slow.at_all < SLOW_AT_ALL
                && (slow.in_band < SLOW_IN_BAND || slow.band != place.second / BAND)
        });
        slow || self.sampled(place.arrival, step)
    }

    /// Looks at a step that ended.
    pub(crate) fn step_ended(&mut self, place: Place<'_>, end: StepEnd) {
        let response_us = micros(end.ended.saturating_sub(end.intended));
        if let Some(class) = self.exemplary(place, end.class.as_deref(), response_us) {
            self.show(place, &end, class, response_us);
        }
        if self.sampled(place.arrival, end.step)
            && let (Some(request), Some(Ok(response))) = (end.request, end.result)
        {
            self.hand_on(Report::Sample {
                name: place.name.clone(),
                request,
                response,
                intended: place.intended,
            });
        }
    }

    /// Exchanges that found no room, since the last call.
    pub(crate) fn take_drops(&mut self) -> u64 {
        std::mem::take(&mut self.drops)
    }

    /// The class under which a step is worth showing, if it is.
    fn exemplary(
        &mut self,
        place: Place<'_>,
        error: Option<&str>,
        response_us: u64,
    ) -> Option<String> {
        if let Some(class) = error {
            let seen = self
                .failed
                .entry((place.name.clone(), class.to_owned()))
                .or_default();
            *seen = seen.saturating_add(1);
            return (*seen <= OF_A_CLASS).then(|| class.to_owned());
        }
        let slow = self
            .slow
            .get_mut(place.name.as_str())
            .filter(|slow| response_us > slow.above_us)?;
        if slow.band != place.second / BAND {
            (slow.band, slow.in_band) = (place.second / BAND, 0);
        }
        if slow.in_band >= SLOW_IN_BAND || slow.at_all >= SLOW_AT_ALL {
            return None;
        }
        (slow.in_band, slow.at_all) = (slow.in_band + 1, slow.at_all + 1);
        Some("slow".to_owned())
    }

    fn show(&mut self, place: Place<'_>, end: &StepEnd, class: String, response_us: u64) {
        let Some(request) = &end.request else {
            // It failed before anything was sent: there is no exchange to show.
            if let Some(broken) = end.failures.first() {
                self.hand_on(Report::Unsent {
                    name: place.name.clone(),
                    reason: broken.actual.clone(),
                });
            }
            return;
        };
        self.hand_on(Report::Exemplar(Exemplar {
            scenario: self.scenario.clone(),
            name: place.name.clone(),
            class,
            second: place.second,
            response_us,
            failures: end.failures.clone(),
            exchange: evidence::exchange(request, end.result.as_ref(), end.timing),
        }));
    }

    /// Whether a step's exchange goes to the contract checks, if it has a response.
    pub(crate) fn sampled(&self, arrival: u64, step: usize) -> bool {
        self.share > 0.0
            && Draws::at(self.seed, &[PURPOSE, arrival, step as u64]).unit() < self.share
    }

    fn hand_on(&mut self, report: Report) {
        if self.reports.try_send(report).is_err() {
            self.drops += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_core::hist::Hist;

    fn evidence(share: f64) -> Evidence {
        Evidence::new(
            "s".parse().unwrap(),
            tokio::sync::mpsc::channel(1).0,
            3,
            share,
        )
    }

    fn tick(us: u64, count: u64) -> LoadTick {
        LoadTick {
            name: "j/a".into(),
            response: Hist::from_counts([(us, count)]),
            ..LoadTick::default()
        }
    }

    #[test]
    fn three_of_a_class_and_name_are_shown() {
        let mut evidence = evidence(0.0);
        let (a, b) = (
            RequestName::parse("j/a").unwrap(),
            RequestName::parse("j/b").unwrap(),
        );
        let mut shown = |name, class| {
            let place = Place {
                name,
                arrival: 0,
                second: 0,
                intended: Duration::ZERO,
            };
            (0..10)
                .filter(|_| evidence.exemplary(place, Some(class), 5).is_some())
                .count()
        };
        assert_eq!(
            (shown(&a, "timeout"), shown(&a, "reset"), shown(&b, "reset")),
            (3, 3, 3)
        );
    }

    #[test]
    fn slow_is_what_the_last_full_second_says() {
        let mut evidence = evidence(0.0);
        let name = RequestName::parse("j/a").unwrap();
        let slow = |evidence: &mut Evidence, second, us| {
            let place = Place {
                name: &name,
                arrival: 0,
                second,
                intended: Duration::ZERO,
            };
            (0..10)
                .filter(|_| evidence.exemplary(place, None, us).is_some())
                .count()
        };
        assert_eq!(slow(&mut evidence, 0, 900_000), 0, "nothing is known yet");
        evidence.learn(&tick(100, ENOUGH - 1));
        assert_eq!(slow(&mut evidence, 0, 900_000), 0, "too few to tell");
        evidence.learn(&tick(100, ENOUGH));
        assert_eq!(
            (slow(&mut evidence, 1, 100), slow(&mut evidence, 1, 101)),
            (0, 3)
        );
        assert_eq!(
            (slow(&mut evidence, 9, 101), slow(&mut evidence, 10, 101)),
            (0, 3)
        );
        let all: usize = (2..1000)
            .map(|band| slow(&mut evidence, band * BAND, 101))
            .sum();
        assert_eq!(all as u32, SLOW_AT_ALL - 6);
    }

    #[test]
    fn the_share_of_samples_is_kept_and_repeats() {
        let sampled = |share| {
            (0..10_000)
                .filter(|k| evidence(share).sampled(*k, 0))
                .collect::<Vec<_>>()
        };
        assert!(
            (900..1100).contains(&sampled(0.1).len()),
            "{}",
            sampled(0.1).len()
        );
        assert_eq!(sampled(0.1), sampled(0.1));
        assert_eq!((sampled(0.0).len(), sampled(1.0).len()), (0, 10_000));
    }
}
