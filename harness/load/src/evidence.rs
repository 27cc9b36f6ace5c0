//! Examples and samples: which exchanges under load are handed on whole. A few of each class of error and a few of the
//! slowest as evidence, and a seeded share for the contract checks; what finds no room is counted, never waited for. Of a
//! class of error the first is shown at once, and a few more out of all the run at its end.

use crate::engine::Report;
use crate::reservoir::Reservoir;
use harness_core::event::{Exemplar, LoadTick};
use harness_core::journey::evidence;
use harness_core::journey::walk::StepEnd;
use harness_core::name::{Name, RequestName};
use harness_core::random::{Draws, coordinate};
use harness_core::units::micros;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::Sender;

/// Exemplars of one class in a scenario that are spread over all of it, for each worker.
const OF_A_CLASS: usize = 4;

/// Classes of which exemplars are spread; there are about twenty, and one for each status.
const CLASSES: usize = 64;

/// First exemplars of a class and name in a scenario, for each worker: names may be many.
const FIRSTS: usize = 100;

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

/// The same for which errors are shown.
const SHOWN: u64 = 0x7368_6f77;

/// Chooses evidence for one worker.
#[derive(Debug)]
pub(crate) struct Evidence {
    scenario: Name,
    reports: Sender<Report>,
    seed: u64,
    share: f64,
    firsts: HashSet<(RequestName, String)>,
    spread: BTreeMap<String, Reservoir<Exemplar>>,
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
            firsts: HashSet::new(),
            spread: BTreeMap::new(),
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
        match end.class.as_deref() {
            Some(class) if self.is_first(place, class) => {
                self.show(place, &end, class, response_us);
            }
            Some(class) => self.put_by(place, &end, class, response_us),
            None if self.is_slow(place, response_us) => self.show(place, &end, "slow", response_us),
            None => {}
        }
        if self.sampled(place.arrival, end.step)
            && let (Some(request), Some(Ok(response))) = (end.request, end.result)
        {
            self.hand_on(Report::Sample {
                name: place.name.clone(),
                request: Arc::unwrap_or_clone(request),
                response,
                intended: place.intended,
            });
        }
    }

    /// Exchanges that found no room, since the last call.
    pub(crate) fn take_drops(&mut self) -> u64 {
        std::mem::take(&mut self.drops)
    }

    /// What was put by in all the run. Nothing may come after it.
    pub(crate) fn finish(&mut self) -> Vec<Report> {
        let spread = std::mem::take(&mut self.spread).into_values();
        spread
            .flat_map(Reservoir::into_kept)
            .map(Report::Exemplar)
            .collect()
    }

    /// Whether an error is the first of its class and name.
    fn is_first(&mut self, place: Place<'_>, class: &str) -> bool {
        self.firsts.len() < FIRSTS && self.firsts.insert((place.name.clone(), class.to_owned()))
    }

    /// Keeps an error for the end, if its draw is low enough. The seed and the arrival decide.
    fn put_by(&mut self, place: Place<'_>, end: &StepEnd, class: &str, response_us: u64) {
        let name = coordinate(place.name.as_str());
        let draw = Draws::at(self.seed, &[SHOWN, name, place.arrival, end.step as u64]).bits();
        let known = self.spread.get(class);
        if !known.map_or(self.spread.len() < CLASSES, |known| known.takes(draw)) {
            return;
        }
        if let Some(exemplar) = self.exemplar(place, end, class, response_us) {
            let spread = self.spread.entry(class.to_owned());
            let spread = spread.or_insert_with(|| Reservoir::new(OF_A_CLASS));
            spread.keep(draw, exemplar);
        }
    }

    /// Whether a step that passed is one of the slow ones to be shown.
    fn is_slow(&mut self, place: Place<'_>, response_us: u64) -> bool {
        let slow = self.slow.get_mut(place.name.as_str());
        let Some(slow) = slow.filter(|slow| response_us > slow.above_us) else {
            return false;
        };
        if slow.band != place.second / BAND {
            (slow.band, slow.in_band) = (place.second / BAND, 0);
        }
        if slow.in_band >= SLOW_IN_BAND || slow.at_all >= SLOW_AT_ALL {
            return false;
        }
        (slow.in_band, slow.at_all) = (slow.in_band + 1, slow.at_all + 1);
        true
    }

    fn show(&mut self, place: Place<'_>, end: &StepEnd, class: &str, response_us: u64) {
        if let Some(exemplar) = self.exemplar(place, end, class, response_us) {
            self.hand_on(Report::Exemplar(exemplar));
        } else if let Some(broken) = end.failures.first() {
            self.hand_on(Report::Unsent {
                name: place.name.clone(),
                reason: broken.actual.clone(),
            });
        }
    }

    /// A step as an example; `None` if it failed before anything was sent: there is no exchange to show.
    fn exemplar(
        &self,
        place: Place<'_>,
        end: &StepEnd,
        class: &str,
        response_us: u64,
    ) -> Option<Exemplar> {
        let request = end.request.as_ref()?;
        Some(Exemplar {
            scenario: self.scenario.clone(),
            name: place.name.clone(),
            class: class.to_owned(),
            second: place.second,
            response_us,
            failures: end.failures.clone(),
            exchange: evidence::exchange(request, end.result.as_ref(), end.timing),
        })
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
    use bytes::Bytes;
    use harness_core::hist::Hist;
    use harness_core::http::{Method, Request, Timing};

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

    /// A step that failed in this second of a long run, one arrival a second.
    fn fails(evidence: &mut Evidence, name: &RequestName, class: &str, second: u32) {
        let place = Place {
            name,
            arrival: second.into(),
            second,
            intended: Duration::ZERO,
        };
        let end = StepEnd {
            step: 0,
            passed: false,
            failures: Vec::new(),
            attempts: 1,
            intended: Duration::ZERO,
            sent: Duration::ZERO,
            ended: Duration::ZERO,
            class: Some(class.to_owned()),
            request: Some(Arc::new(Request {
                method: Method::Get,
                url: "http://t/".to_owned(),
                headers: Vec::new(),
                body: Bytes::new(),
            })),
            result: None,
            timing: Timing::default(),
        };
        evidence.step_ended(place, end);
    }

    /// The class and second of each exemplar told, at once and at the end.
    fn seconds(reports: impl IntoIterator<Item = Report>) -> Vec<(String, u32)> {
        let exemplars = reports.into_iter().filter_map(|report| match report {
            Report::Exemplar(exemplar) => Some((exemplar.class, exemplar.second)),
            _ => None,
        });
        exemplars.collect()
    }

    #[test]
    fn the_first_error_of_a_class_is_told_at_once_and_the_rest_is_spread() {
        let spread = |seed| {
            let (reports, mut told) = tokio::sync::mpsc::channel(1000);
            let mut evidence = Evidence::new("s".parse().unwrap(), reports, seed, 0.0);
            let name = RequestName::parse("j/a").unwrap();
            for second in 0..1000 {
                fails(&mut evidence, &name, "reset", second);
            }
            fails(&mut evidence, &name, "timeout", 1000);
            let late = seconds(evidence.finish());
            drop(evidence);
            let at_once = seconds(std::iter::from_fn(|| told.try_recv().ok()));
            let firsts = [("reset".to_owned(), 0), ("timeout".to_owned(), 1000)];
            assert_eq!(at_once, firsts);
            late
        };
        let chosen = spread(3);
        assert_eq!(chosen.len(), OF_A_CLASS);
        assert!(chosen.iter().all(|(class, _)| class == "reset"));
        assert_eq!(chosen, spread(3), "the seed decides");
        // The first three are told by any seed when they are all that is shown.
        let late = (0..20)
            .flat_map(spread)
            .filter(|(_, second)| *second >= 500);
        assert!((20..=60).contains(&late.count()));
    }

    #[test]
    fn exemplars_are_bounded_however_many_names_and_classes_there_are() {
        let (reports, mut told) = tokio::sync::mpsc::channel(10_000);
        let mut evidence = Evidence::new("s".parse().unwrap(), reports, 3, 0.0);
        for number in 0..1000 {
            let name = RequestName::parse(&format!("j/{}", number % 300)).unwrap();
            fails(&mut evidence, &name, &format!("class-{number}"), number);
        }
        let late = seconds(evidence.finish()).len();
        let at_once = std::iter::from_fn(|| told.try_recv().ok()).count();
        assert_eq!((at_once, late), (FIRSTS, CLASSES));
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
            (0..10).filter(|_| evidence.is_slow(place, us)).count()
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
